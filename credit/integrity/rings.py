"""Self-dealing rings: a few accounts that come back together, again and again within hours, and praise.

Loyal buyers come back on days of their own. Two accounts that are both often there share days by chance in proportion to
the product of their days; a pair far beyond that is linked, and linked pairs make a ring.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from credit.integrity.base import (
    DAY,
    HOUR,
    WINDOW_DAYS,
    View,
    at_least,
    components,
    overpraised,
    parameter,
    query,
    records,
    report,
)
from credit.ledgers.finding import Fact, Finding

TOGETHER_HOURS = parameter("ring_hours", 6, "hours", "A sitting of one person with several accounts.")
OCCASIONS = parameter("ring_occasions", 3, "days", "Twice the same evening happens to anybody.")
MEMBERS = parameter("ring_members", 3, "accounts", "Two who shop together are a couple.")
CROWDING = parameter(
    "ring_crowding",
    2,
    "times",
    "Orders crowd into evenings and festivals: chance meetings are some two times as many as if they were spread evenly.",
)
PAIR_TAIL = parameter(
    "ring_pair_tail",
    0.1,
    "pairs",
    "Expected chance pairs among all returning buyers of a merchant; a ring needs two pairs that hang together, and praise.",
)


def detect(view: View) -> list[Finding]:
    wide = int(TOGETHER_HOURS * HOUR)
    pairs = view.frame(
        query(__file__, "rings_pairs", wide=wide, day=DAY, occasions=int(OCCASIONS), members=int(MEMBERS))
    )
    if pairs.empty:
        return []
    expected = CROWDING * pairs.n_left * pairs.n_right * 2 * wide / (WINDOW_DAYS * DAY)
    pairs["chance"] = at_least(pairs.occasions, expected) * pairs.comers * (pairs.comers - 1) / 2
    pairs = pairs[pairs.chance < PAIR_TAIL]
    if pairs.empty:
        return []
    nodes = pd.MultiIndex.from_frame(
        pd.concat(
            [pairs[["s", "left"]].rename(columns={"left": "b"}), pairs[["s", "right"]].rename(columns={"right": "b"})]
        )
    )
    codes, names = pd.factorize(nodes, sort=True)
    labels = components(codes[: len(pairs)], codes[len(pairs) :])
    pairs["g"] = labels[codes[: len(pairs)]]
    members = pd.DataFrame(list(names), columns=["s", "b"]).assign(g=labels)
    rarest = pairs.groupby("g").agg(s=("s", "first"), chance=("chance", "min"), occasions=("occasions", "max"))
    groups = view.frame(
        """SELECT g, any_value(m.s) AS s, count(DISTINCT m.b) AS buyers, count(*) AS orders, sum(o.praised::INT) AS praised,
            any_value(p.orders) AS shop_orders, any_value(p.praised) AS shop_praised
        FROM members m JOIN seen_orders o USING (s, b) JOIN seen_shops p USING (s) GROUP BY g ORDER BY g""",
        members=members,
    ).set_index("g")
    groups = groups.join(rarest[["chance", "occasions"]])
    groups = groups[overpraised(view, groups) & np.asarray(groups.buyers >= MEMBERS)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    facts: list[dict[str, Fact]] = [
        {"buyers": int(g.buyers), "orders": int(g.orders), "praised": int(g.praised),
         "occasions": int(g.occasions), "usual_praise": round(g.usual_praise, 4)}
        for g in records(groups)
    ]  # fmt: skip
    rows = "SELECT g, o, r, b FROM members JOIN seen_orders USING (s, b)"
    return report(view, "self_dealing_ring", groups, rows, facts, members=members)

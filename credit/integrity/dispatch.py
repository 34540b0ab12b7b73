"""Implausible dispatch: parcels that arrive hours after they were sent, where the merchant's others take days.

An empty parcel needs no journey. A shop that delivers everything within the hour (local, digital) has a quick median
and is not concerned; one with a courier in its own town has quick orders too, but they are praised as the others are.
"""

from __future__ import annotations

import numpy as np

from credit.integrity.base import HOUR, SHAPE_TAIL, View, at_least_of, overpraised, parameter, query, records, report
from credit.ledgers.finding import Fact, Finding

LONGEST_HOURS = parameter("dispatch_longest_hours", 12, "hours", "A parcel of another town needs a night at least.")
OF_USUAL = parameter("dispatch_of_usual", 0.25, "share", "Of the merchant's median: beyond what a good road explains.")
ORDERS = parameter("dispatch_orders", 5, "orders", "Some clerk mistypes a time now and then.")
LEAST_SHARE = parameter(
    "dispatch_least_share", 0.005, "share", "The norm is at least this: one wrong time in two hundred orders."
)


def detect(view: View) -> list[Finding]:
    groups = view.frame(
        query(__file__, "dispatch_shops", longest=LONGEST_HOURS * HOUR, part=OF_USUAL, orders=int(ORDERS))
    )
    if groups.empty:
        return []
    groups["chance"] = at_least_of(groups.orders, groups.arrived, groups.norm.clip(lower=LEAST_SHARE))
    groups = groups[overpraised(view, groups) & np.asarray(groups.chance < SHAPE_TAIL)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    shops = groups[["s", "limit"]].assign(g=groups.index)
    facts: list[dict[str, Fact]] = [
        {"orders": int(g.orders), "praised": int(g.praised), "limit_hours": round(g.limit / HOUR, 2),
         "usual_hours": round(g.usual / HOUR, 2), "usual_praise": round(g.usual_praise, 4)}
        for g in records(groups)
    ]  # fmt: skip
    rows = 'SELECT g, o, r, b FROM seen_orders JOIN shops_ USING (s) WHERE came >= sent AND came - sent < "limit"'
    return report(view, "implausible_dispatch", groups, rows, facts, shops_=shops)

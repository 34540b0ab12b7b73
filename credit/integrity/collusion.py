"""Collusion between sellers: the same accounts buy from several merchants on the same day, and praise at each.

Accounts that work through a list of orders go from shop to shop within hours. Shops of one street or one brand share
customers as well; but these praise as everybody does. How often two merchants' buyers meet by chance is taken from the
whole platform, by the sizes of the two.
"""

from __future__ import annotations

from credit.integrity.base import DAY, View, at_least, overpraised, parameter, query, records, report
from credit.ledgers.finding import Fact, Finding

BUYERS = parameter("collusion_buyers", 4, "accounts", "A family and a friend are three.")
BUSY = parameter(
    "collusion_busy",
    200,
    "orders",
    "An account with more orders in the window buys for others (procurement) and meets everybody.",
)
PAIR_TAIL = parameter(
    "collusion_pair_tail",
    1e-8,
    "probability",
    "There are more pairs of merchants than merchants, so chance must be rarer than for one.",
)


def detect(view: View) -> list[Finding]:
    pairs = view.frame(query(__file__, "collusion_pairs", day=DAY, busy=int(BUSY), buyers=int(BUYERS)))
    if pairs.empty:
        return []
    pairs["chance"] = at_least(pairs.buyers, pairs.expected)
    pairs = pairs[pairs.chance < PAIR_TAIL]
    if pairs.empty:
        return []
    pairs = pairs[["s", "partner", "chance", "expected"]]
    met = query(__file__, "collusion_met", day=DAY)
    groups = view.frame(f"{met}, {query(__file__, 'collusion_shops')}", pairs_=pairs)
    groups = groups[overpraised(view, groups)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    facts: list[dict[str, Fact]] = [
        {"buyers": int(g.buyers), "partners": g.partners, "orders": int(g.orders), "praised": int(g.praised),
         "expected": round(g.expected, 4), "usual_praise": round(g.usual_praise, 4)}
        for g in records(groups)
    ]  # fmt: skip
    rows = f"{met} SELECT g, o, r, b FROM met JOIN chosen USING (s)"
    chosen = groups[["s"]].assign(g=groups.index)
    return report(view, "collusion", groups, rows, facts, pairs_=pairs, chosen=chosen)

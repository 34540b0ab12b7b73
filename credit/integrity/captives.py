"""Buyers with one seller: returning accounts that buy nowhere else, of which too many praise every time.

Every shop has loyal customers; what is rare is that they review nearly every order and always with five stars. How many
such accounts there are among returning buyers is taken from the other merchants of the platform.
"""

from __future__ import annotations

import numpy as np

from credit.integrity.base import View, at_least_of, overpraised, parameter, query, records, report
from credit.ledgers.finding import Fact, Finding

ORDERS = parameter("captive_orders", 3, "orders", "Fewer orders show no habit.")
SHARE = parameter("captive_share", 0.7, "share", "Of an account's orders at this merchant; room for some camouflage.")
PRAISES = parameter("captive_praise", 0.75, "share", "Of an account's orders here with five stars: three of four.")
DEVOTED_TAIL = parameter(
    "captive_tail",
    1e-4,
    "probability",
    "How seldom chance makes so many such accounts; wider than for other shapes, since these accounts are few by nature.",
)
ACCOUNTS = parameter("captive_accounts", 4, "accounts", "A family has two or three.")
LEAST_SHARE = parameter(
    "captive_least_share",
    0.03,
    "share",
    "The norm is taken to be at least this: on a small platform the others may have none by chance.",
)


def detect(view: View) -> list[Finding]:
    groups = view.frame(
        query(__file__, "captives_shops", orders=int(ORDERS), share=SHARE, praises=PRAISES, accounts=int(ACCOUNTS))
    )
    if groups.empty:
        return []
    groups["norm"] = groups.norm.clip(lower=LEAST_SHARE)
    groups["chance"] = at_least_of(groups.devoted, groups.comers, groups.norm)
    groups = groups[overpraised(view, groups) & np.asarray(groups.chance < DEVOTED_TAIL)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    shops = groups[["s"]].assign(g=groups.index)
    facts: list[dict[str, Fact]] = [
        {"buyers": int(g.captives), "orders": int(g.orders), "praised": int(g.praised),
         "expected": round(g.comers * g.norm, 2), "usual_praise": round(g.usual_praise, 4)}
        for g in records(groups)
    ]  # fmt: skip
    rows = f"""WITH buyers AS (SELECT b, count(*) AS n FROM seen_orders GROUP BY b),
            own AS (
                SELECT s, b FROM seen_orders JOIN shops_ USING (s) JOIN buyers y USING (b)
                GROUP BY s, b HAVING count(*) >= greatest({ORDERS}, {SHARE} * any_value(y.n))
            )
            SELECT g, o, r, b FROM own JOIN seen_orders USING (s, b) JOIN shops_ USING (s)"""
    return report(view, "one_seller_buyers", groups, rows, facts, shops_=shops)

"""Collusion between sellers: the same accounts buy from several merchants on the same day, and praise at each.

Accounts that work through a list of orders go from shop to shop within hours. Shops of one street or one brand share
customers as well; but these praise as everybody does. How often two merchants' buyers meet by chance is taken from the
whole platform, by the sizes of the two.
"""

from __future__ import annotations

from credit.integrity.base import DAY, View, at_least, each, overpraised, parameter, report
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

_PAIRS = """
WITH buyers AS (SELECT b FROM seen_orders WHERE b IS NOT NULL GROUP BY b HAVING count(*) BETWEEN 2 AND {busy}),
times AS (SELECT s, b, t, t // {day} AS d FROM seen_orders SEMI JOIN buyers USING (b)),
near AS (SELECT s, b, t, d FROM times UNION ALL SELECT s, b, t, d + 1 FROM times UNION ALL SELECT s, b, t, d - 1 FROM times),
met AS (
    SELECT DISTINCT x.s AS one, y.s AS other, x.b FROM near x JOIN times y
    ON x.b = y.b AND x.d = y.d AND x.s < y.s AND abs(x.t - y.t) < {day}
), pairs AS (SELECT one, other, count(*) AS buyers FROM met GROUP BY one, other),
sizes AS (SELECT sum(orders) AS n, sum(orders::DOUBLE * orders) AS squares FROM seen_shops),
whole AS (SELECT sum(buyers) AS met FROM pairs)
SELECT one, other, buyers,
    -- All meetings, but for the pair's own, shared out by the products of sizes.
    (whole.met - buyers) * (a.orders::DOUBLE * c.orders) / ((n::DOUBLE * n - squares) / 2) AS expected
FROM pairs JOIN seen_shops a ON a.s = one JOIN seen_shops c ON c.s = other, sizes, whole
WHERE buyers >= {buyers}
"""


def detect(view: View) -> list[Finding]:
    pairs = view.frame(_PAIRS.format(day=DAY, busy=int(BUSY), buyers=int(BUYERS)))
    if pairs.empty:
        return []
    pairs["chance"] = at_least(pairs.buyers, pairs.expected)
    pairs = pairs[pairs.chance < PAIR_TAIL]
    if pairs.empty:
        return []
    # Of each merchant: the orders of accounts that ordered from a partner within a day.
    rows = f"""WITH links AS (SELECT one AS s, other AS p, chance, expected FROM pairs_
            UNION ALL SELECT other, one, chance, expected FROM pairs_),
        met AS (
            SELECT DISTINCT l.s, l.p, l.chance, l.expected, x.o, x.r, x.b, x.praised FROM links l
            JOIN seen_orders x ON x.s = l.s JOIN seen_orders y ON y.s = l.p AND y.b = x.b AND abs(x.t - y.t) < {DAY}
        )"""
    pairs = pairs[["one", "other", "chance", "expected"]]
    groups = view.frame(
        f"""{rows}, own AS (SELECT s, o, any_value(b) AS b, any_value(praised) AS praised FROM met GROUP BY s, o)
        SELECT own.s, count(*) AS orders, sum(own.praised::INT) AS praised, count(DISTINCT b) AS buyers,
            any_value(z.orders) AS shop_orders, any_value(z.praised) AS shop_praised,
            any_value(l.chance) AS chance, any_value(l.expected) AS expected, any_value(l.partners) AS partners
        FROM own JOIN seen_shops z USING (s)
        JOIN (SELECT s, min(chance) AS chance, sum(expected) AS expected,
            string_agg(p, ', ' ORDER BY p) AS partners FROM links GROUP BY s) l USING (s)
        GROUP BY own.s ORDER BY own.s""",
        pairs_=pairs,
    )
    groups = groups[overpraised(view, groups)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    facts: list[dict[str, Fact]] = [
        {"buyers": int(g.buyers), "partners": g.partners, "orders": int(g.orders), "praised": int(g.praised),
         "expected": round(g.expected, 4), "usual_praise": round(g.usual_praise, 4)}
        for g in each(groups)
    ]  # fmt: skip
    rows += " SELECT g, o, r, b FROM met JOIN chosen USING (s)"
    chosen = groups[["s"]].assign(g=groups.index)
    return report(view, "collusion", groups, rows, facts, pairs_=pairs, chosen=chosen)

"""Bursts of orders that are praised beyond what is usual with the merchant.

The platform's own rhythm (hours of the day, festivals) says how many orders an hour a merchant of its size gets. A
promotion day goes beyond it too, but its buyers praise as the merchant's buyers do.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from credit.integrity.base import HOUR, SHAPE_TAIL, View, at_least, overpraised, parameter, query, records, report
from credit.ledgers.finding import Fact, Finding

WIDTHS = (
    int(parameter("burst_hours_short", 6, "hours", "One night's work of a brushing crew.")),
    int(parameter("burst_hours_long", 72, "hours", "A campaign over a weekend.")),
)
ORDERS = parameter("burst_orders", 8, "orders", "Fewer show nothing of praise.")
RIDGE = parameter(
    "burst_ridge",
    0.5,
    "orders",
    "Added to what is expected: a merchant's rate is an estimate, and small shops have small runs of orders.",
)


def detect(view: View) -> list[Finding]:
    windows = pd.concat(
        view.frame(query(__file__, "bursts_windows", hour=HOUR, last=width - 1, orders=int(ORDERS))).assign(width=width)
        for width in WIDTHS
    )
    windows["chance"] = at_least(windows.n, windows.expected + RIDGE)
    windows = windows[windows.chance < SHAPE_TAIL]
    if windows.empty:
        return []
    windows = disjoint(windows)
    rows = f"FROM windows w JOIN seen_orders o ON o.s = w.s AND o.t // {HOUR} BETWEEN w.h AND w.h + w.width - 1"
    groups = view.frame(
        f"""SELECT g, any_value(w.s) AS s, any_value(w.h) AS h, any_value(width) AS width, count(*) AS orders,
            sum(o.praised::INT) AS praised, any_value(p.orders) AS shop_orders, any_value(p.praised) AS shop_praised,
            any_value(w.chance) AS chance, any_value(w.expected) AS expected
        {rows} JOIN seen_shops p ON p.s = w.s GROUP BY g ORDER BY g""",
        windows=windows,
    ).set_index("g")
    # Compared with the orders outside all of its windows: a merchant that does it again and again is no norm for itself.
    every = groups.groupby("s")[["orders", "praised"]].transform("sum")
    groups["shop_orders"] += groups.orders - every.orders
    groups["shop_praised"] += groups.praised - every.praised
    groups = groups[overpraised(view, groups)]
    groups["chances"] = list(zip(groups.chance, groups.praise_chance, strict=True))
    facts: Iterator[dict[str, Fact]] = (
        {"since": view.date(g.h * HOUR), "hours": int(g.width), "orders": int(g.orders), "praised": int(g.praised),
         "expected": round(g.expected, 2), "usual_praise": round(g.usual_praise, 4)}
        for g in records(groups)
    )  # fmt: skip
    return report(view, "order_burst", groups, f"SELECT g, o, r, b {rows}", facts, windows=windows)


def disjoint(windows: pd.DataFrame) -> pd.DataFrame:
    """Of windows (s, h, width, chance) of a merchant that overlap the least likely ones, numbered in the column g."""
    windows = windows.sort_values(["s", "chance", "h", "width"])
    rounds = []
    while not windows.empty:
        rarest = windows.groupby("s").head(1)
        rounds.append(rarest)
        start, width = (windows.s.map(rarest.set_index("s")[name]) for name in ("h", "width"))
        windows = windows[(windows.h >= start + width) | (windows.h + windows.width <= start)]
    chosen = pd.concat(rounds).sort_values(["s", "h"], ignore_index=True)
    return chosen.assign(g=chosen.index)

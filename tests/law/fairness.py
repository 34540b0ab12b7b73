"""What honest merchants reach that are new, small, seasonal, or sell little and dear, beside those that fail.

python -m law.fairness     (with tests/ on PYTHONPATH; `make fairness`)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from law.facts import Merchant, at, on
from law.matrix import Cell, averages, evaluated


@dataclass(frozen=True)
class Trader:
    """Someone whose trade `does` writes."""

    zh: str
    en: str
    does: Callable[[Merchant], None]


def _sells(
    count: int,
    *,
    since: float,
    until: float = 5,
    amount: str = "100.00",
    late: float = 0.0,
    low: float = 0.0,
    joined: int = 700,
) -> Callable[[Merchant], None]:
    """So many orders between two days, these shares of them late and rated low; half are reviewed."""

    def do(m: Merchant) -> None:
        m.register["joined_on"] = on(joined)
        for i in range(count):
            ago = since - (since - until) * i / count
            # Spread evenly: the share up to i has one more than that up to the one before.
            is_late, is_low = (int((i + 1) * share) > int(i * share) for share in (late, low))
            times = {"dispatched_at": at(ago - 3), "delivered_at": at(ago - 4.5)} if is_late and ago > 5 else {}
            order = m.order(ago, amount=amount, **times)
            if i % 2 or is_low:
                m.review(order, 2 if is_low else 5, reviewed_at=at(max(ago - 5, 0.5)))

    return do


TRADERS = (
    Trader("大店，无瑕疵", "large, without fault", _sells(400, since=350)),
    Trader("大店，5 % 迟延", "large, 5 % late", _sells(400, since=350, late=0.05, low=0.05)),
    Trader("小店，无瑕疵", "small (24 orders), without fault", _sells(24, since=350)),
    Trader("小店，一单迟延", "small (24 orders), one late", _sells(24, since=350, late=1 / 24)),
    Trader("新店，12 单，无瑕疵", "new (a month, 12 orders), without fault", _sells(12, since=28, joined=30)),
    Trader("新店，9 单，无瑕疵", "new (a month, 9 orders), without fault", _sells(9, since=28, joined=30)),
    Trader("季节店，11 个月前售罄", "seasonal (60 orders, the last ten months ago)", _sells(60, since=350, until=310)),
    Trader("贵重稀少，9 单各 50,000", "dear and rare (9 orders of 50,000)", _sells(9, since=350, amount="50000.00")),
    Trader("贵重稀少，12 单各 50,000", "dear and rare (12 orders of 50,000)", _sells(12, since=350, amount="50000.00")),
    Trader("大店，40 % 迟延", "large, 40 % late", _sells(400, since=350, late=0.4, low=0.3)),
    Trader("小店，40 % 迟延", "small (24 orders), 40 % late", _sells(24, since=350, late=0.4, low=0.3)),
)


def main() -> None:
    made = []
    names: dict[str, tuple[Trader, str]] = {}
    for number, (trader, kind) in enumerate(product(TRADERS, ("enterprise", "individual")), 1):
        m = Merchant(f"t{number}", kind, number)
        trader.does(m)
        names[m.name] = (trader, kind)
        made.append((Cell("good", "small", kind), m))
    print("| merchant | enterprise | evidence | individual | evidence |")
    print("|---|---:|---:|---:|---:|")
    shown: dict[tuple[str, str], str] = {}
    for done in evaluated(made, "full", averages()):
        grades = done.grades.set_index("subject_id")
        for subject in grades.index:
            row, (trader, kind) = grades.loc[subject], names[subject]
            score = "" if row["grade"] == "NR" else f" {row['score']:.1f}"
            mark = " (provisional)" if row["provisional"] else " (dormant)" if row["dormant"] else ""
            shown[trader.en, kind] = f"{row['grade']}{score}{mark} | {row['evidence']:.2f}"
    for trader in TRADERS:
        print(f"| {trader.zh} {trader.en} | {shown[trader.en, 'enterprise']} | {shown[trader.en, 'individual']} |")


if __name__ == "__main__":
    main()

"""The price of an attack: how much faked trade raises a grade by one level, and what that costs.

    with marketplace(...) as con:
        prices(con, day, book, attack=Attack(accounts=8))      # one row a level
        prices(con, day, limited(book), attack=...)            # with a cap on what one buyer adds
        prices(con, day, book, attack=..., upheld=True)        # after an earlier attack was found and upheld

Every merchant of the marketplace fakes more and more orders, each perfect and reviewed with five stars, until its grade
by score is one level better; the platform's averages stay those of the honest night. It measures rules, not detectors:
nothing here is found out unless `upheld`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from credit.evaluation import night as evaluation
from credit.ledgers import findings
from credit.ledgers.finding import Finding
from credit.rulebooks.book import Rulebook
from credit.settings import cut_off
from credit.sourced import SourcedNumber
from credit.synthetic.in_memory import merge
from credit.synthetic.market import ZONE
from credit.warehouse.sql import statement

STEPS = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)
"""Faked orders that are tried, each half as many again and a little less."""
FIRST_DAY, LAST_DAY = 28, 8
"""Days before the night between which orders are faked: within one calendar month where the night begins one."""
EARLIER = 10
"""Orders of the earlier attack that was upheld."""
TAOBAO = "what Taobao publishes of its rules (to check)"


@dataclass(frozen=True)
class Attack:
    """How it is done and what it costs, in the currency of the orders. The costs are assumptions: state your own.

    `accounts`: how many buyers order in turn; None: a new one for every `each` orders. `amount`: of a faked order, which
    comes back to the merchant but for the platform's `fee` (a share). `order`: paid to whoever orders and reviews,
    parcel included. `account`: what an account costs.
    """

    accounts: int | None = 8
    each: int = 2
    amount: float = 1.0
    fee: float = 0.05
    order: float = 8.0
    account: float = 15.0

    def hands(self, orders: int) -> int:
        """Accounts that so many orders need."""
        return min(self.accounts, orders) if self.accounts else -(-orders // self.each)

    def cost(self, orders: int) -> float:
        """Of so many orders with their reviews."""
        return round(orders * (self.order + self.fee * self.amount) + self.hands(orders) * self.account, 2)


@dataclass(frozen=True)
class Price:
    """What it takes from `grade` to `goal`: medians over `merchants`; None where more than half are not moved by the most
    that is tried. `moved`: share of them that are. `orders`: faked, each with a review."""

    grade: str
    goal: str
    merchants: int
    moved: float
    orders: int | None
    accounts: int | None
    money: float | None
    fees: float | None


def limited(book: Rulebook, buyer_month_most: float = 6, trivial_amount: float = 1) -> Rulebook:
    """The rulebook with the two limits (see `credit.indicators.orders`)."""
    limits = {"buyer_month_most": buyer_month_most, "trivial_amount": trivial_amount}
    stated = {
        name: SourcedNumber(value=value, source="neighbour", reference=TAOBAO)
        for name, value in limits.items()
        if value
    }
    return book.model_copy(update={"parameters": book.parameters | stated})


def prices(
    con: duckdb.DuckDBPyConnection,
    day: date,
    book: Rulebook,
    *,
    attack: Attack | None = None,
    upheld: bool = False,
    steps: Sequence[int] | None = None,
) -> list[Price]:
    """The price at each level on the marketplace of `con` (see `credit.synthetic.in_memory`), best grade first.

    With `upheld` every merchant first faked EARLIER orders, which were found and upheld 30 days before: the price is of
    the same goal. What is faked is taken out again.
    """
    attack = attack or Attack()
    amount = max(attack.amount, book.values.get("trivial_amount", 0.0) + 0.01)
    con.begin()
    try:
        night = evaluation.compute(con, day, ZONE, [book])[0]
        honest = night.grades.set_index("subject_id")
        honest = honest[honest["not_rated_reason"].isna()]
        priors = {book.hash: night.scores.priors}
        places = {grade: place for place, grade in enumerate(book.symbols)}
        start = honest["grade_by_score"].map(places)
        if upheld:
            _earlier(con, day, honest.index, amount)
        needed = pd.Series(np.inf, index=honest.index)
        for before, step in pairwise((0, *(steps or STEPS))):
            _fake(con, day, honest.index, range(before, step), attack, amount)
            faked = evaluation.compute(con, day, ZONE, [book], priors=priors)[0].grades.set_index("subject_id")
            better = faked["grade_by_score"].reindex(honest.index).map(places) < start
            needed[better & np.isinf(needed)] = step
    finally:
        con.rollback()
    attack = Attack(**{**attack.__dict__, "amount": amount})
    return [
        _price(book.symbols[place], book.symbols[place - 1], needed[start == place], attack)
        for place in sorted(start.unique())
        if place > 0
    ]


def _price(grade: str, goal: str, needed: pd.Series[float], attack: Attack) -> Price:
    # The middle one of those in order, not a mean of two: a step that was tried.
    middle = float(np.sort(needed.to_numpy())[(len(needed) - 1) // 2])
    orders = int(middle) if np.isfinite(middle) else None
    return Price(
        grade,
        goal,
        len(needed),
        round(float(np.isfinite(needed).mean()), 4),
        orders,
        attack.hands(orders) if orders else None,
        attack.cost(orders) if orders else None,
        round(orders * attack.fee * attack.amount, 2) if orders else None,
    )


def _fake(
    con: duckdb.DuckDBPyConnection,
    day: date,
    merchants: pd.Index,
    numbers: range,
    attack: Attack,
    amount: float,
    *,
    name: str = "fake",
    days: tuple[int, int] = (FIRST_DAY, LAST_DAY),
) -> None:
    """Add faked orders with these numbers, and their reviews, for each merchant."""
    shops = pd.DataFrame({"s": merchants.to_numpy(dtype=object)})
    con.register("attacked", shops)
    account = f"i % {attack.accounts}" if attack.accounts else f"i // {attack.each}"
    since, until = (cut_off(day - timedelta(days=ago), ZONE).isoformat() for ago in days)
    orders = statement(
        __file__,
        "price_orders",
        prefix=name,
        account=account,
        since=since,
        until=until,
        amount=str(amount),
        first=str(numbers.start),
        end=str(numbers.stop),
    )
    reviews = statement(__file__, "price_reviews", orders=orders)
    merge(con, "transactions", orders)
    merge(con, "reviews", reviews)
    con.unregister("attacked")


def _earlier(con: duckdb.DuckDBPyConnection, day: date, merchants: pd.Index, amount: float) -> None:
    """An attack of each merchant in the month before, found and upheld."""
    _fake(con, day, merchants, range(EARLIER), Attack(None, 1), amount, name="earlier", days=(60, 40))
    decided: datetime = cut_off(day - timedelta(days=30), ZONE)
    for subject_id in map(str, merchants):
        orders = tuple(f"earlier-{subject_id}-{i}" for i in range(EARLIER))
        evidence: dict[str, Any] = {"orders": orders, "reviews": tuple(f"R{key}" for key in orders)}
        finding = Finding("order_burst", subject_id, day - timedelta(days=30), 1.0, **evidence)
        findings.uphold(con, finding, reason="simulated", by="simulated", at=decided)

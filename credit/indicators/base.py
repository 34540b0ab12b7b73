"""What an indicator is made of: quantities counted from canonical rows, and the metadata people read.

A `Measure` is an expression over the rows of one table, summed by merchant and window; `Grouped` and `Median` are the
few things that cannot be added up from parts, `Latest` reads the newest row. Quantities combine with + - * / and
`minimum`; `within(days)` fixes a window other than the one the rulebook asks for. An `Indicator` is a numerator, a
denominator and its metadata. What hangs on the day of the evaluation, or on a number a rulebook may set (`Parameter`),
is a function of `At`.

Expressions are Narwhals: the same ones run on DuckDB, Spark, Polars and pandas. Sum a condition by way of `count`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from credit.tables import TABLES

WINDOWS = (30, 180, 365)
"""Days before the cut-off, nested. Age buckets 0-30, 31-180, 181-365 are added up into them."""

Array = NDArray[np.float64]


class Facts(Protocol):
    """What was counted for the merchants of one night: one number a merchant for each leaf and window."""

    def __call__(self, leaf: Leaf, days: int) -> Array: ...


class Quantity:
    """A number per merchant. `of(facts, days)` is its value, NaN where it cannot be had."""

    def of(self, facts: Facts, days: int) -> Array:
        raise NotImplementedError

    def leaves(self) -> Iterator[Leaf]:
        raise NotImplementedError

    def __add__(self, other: Quantity | float) -> Quantity:
        return _Combined(lambda a, b: a + b, self, other)

    def __sub__(self, other: Quantity | float) -> Quantity:
        return _Combined(lambda a, b: a - b, self, other)

    def __mul__(self, other: Quantity | float) -> Quantity:
        return _Combined(lambda a, b: a * b, self, other)

    def __truediv__(self, other: Quantity | float) -> Quantity:
        return _Combined(lambda a, b: np.divide(a, b, out=np.full_like(a, np.nan), where=b > 0), self, other)

    def within(self, days: int) -> Quantity:
        """The same quantity over the last `days` days, whatever the rulebook's window is."""
        return _Within(self, days)


def minimum(a: Quantity, b: Quantity) -> Quantity:
    return _Combined(np.minimum, a, b)


def present(a: Quantity) -> Quantity:
    """1 where `a` is above 0, else 0."""
    return _Combined(lambda x, y: (x > y).astype(np.float64), a, 0.0)


def easing(within: Callable[[int], Quantity]) -> Quantity:
    """3 where `within(1)` counts anything, 2 where `within(2)` does, 1 where `within(3)` does, else 0: of the last one in so
    many steps, each step holding those before it."""
    return present(within(1)) + present(within(2)) + present(within(3))


class _Constant(Quantity):
    def __init__(self, value: float) -> None:
        self.value = value

    def of(self, facts: Facts, days: int) -> Array:
        return np.float64(self.value)  # type: ignore[return-value]

    def leaves(self) -> Iterator[Leaf]:
        return iter(())


class _Combined(Quantity):
    def __init__(self, combine: Callable[[Array, Array], Array], a: Quantity, b: Quantity | float) -> None:
        self.combine, self.a = combine, a
        self.b = b if isinstance(b, Quantity) else _Constant(b)

    def of(self, facts: Facts, days: int) -> Array:
        a, b = np.broadcast_arrays(self.a.of(facts, days), self.b.of(facts, days))
        return self.combine(a, b)

    def leaves(self) -> Iterator[Leaf]:
        yield from self.a.leaves()
        yield from self.b.leaves()


class _Within(Quantity):
    def __init__(self, inner: Quantity, days: int) -> None:
        assert days in WINDOWS, f"windows are {WINDOWS}"
        self.inner, self.days = inner, days

    def of(self, facts: Facts, days: int) -> Array:
        return self.inner.of(facts, self.days)

    def leaves(self) -> Iterator[Leaf]:
        return self.inner.leaves()


@dataclass(frozen=True)
class Text:
    """The same in Chinese and in English."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not self.zh.strip() or not self.en.strip():
            raise ValueError("a text needs both its Chinese and its English")


@dataclass(frozen=True)
class Parameter:
    """A number inside a measure that a rulebook may set; `value` holds where it does not."""

    id: str
    value: float
    unit: str
    name: Text


PARAMETERS: dict[str, Parameter] = {}
"""Every parameter by id."""


def parameter(id: str, value: float, unit: str, zh: str, en: str) -> Parameter:
    """Declare a parameter. Raises ValueError when the id is taken."""
    if id in PARAMETERS:
        raise ValueError(f"parameter {id} is declared twice")
    PARAMETERS[id] = Parameter(id, value, unit, Text(zh, en))
    return PARAMETERS[id]


RATE = "rate of "
"""Before the code of a currency, the name of its rate among a rulebook's values."""
MOST_CENTS = float(2**52)
"""The largest amount that is told from a larger one, in hundredths."""
PERMIT = "permit for "
"""Before a category of goods, the name among a rulebook's values that says its sellers need a permit."""


@dataclass(frozen=True)
class At:
    """The evaluation an expression is for: its day, the rulebook's values of parameters, its cut-off (unless given 00:00 UTC
    of the day), and the "table" and "table.column" that are supplied (unless given: all)."""

    day: date
    values: Mapping[str, float] = field(default_factory=dict)
    cut_off: datetime | None = None
    have: frozenset[str] | None = None

    def __getitem__(self, asked: Parameter) -> float:
        return self.values.get(asked.id, asked.value)

    def cents(self, amount: str) -> nw.Expr:
        """The amount in column `amount`, of the row's `currency`, in hundredths of the rulebook's currency, half up; blank where
        the rulebook gives no rate. No currency is the rulebook's own."""
        hundredths = nw.col(amount).cast(nw.Float64) * 100
        rates = {name.removeprefix(RATE): rate for name, rate in self.values.items() if name.startswith(RATE)}
        if rates:
            currency, worth = nw.col("currency"), nw.lit(None, nw.Float64)
            for code, rate in rates.items():
                its_own = (currency == code).fill_null(rate == 1)
                worth = nw.when(its_own).then(nw.lit(float(rate))).otherwise(worth)
            hundredths = hundredths * worth
        # Not every engine makes a whole number of nothing; beyond what a float tells apart no amount says more.
        some = hundredths.fill_null(0.0)
        whole = (nw.when(some < MOST_CENTS).then(some).otherwise(nw.lit(MOST_CENTS)) + 0.5).floor().cast(nw.Int64)
        return nw.when(~hundredths.is_null()).then(whole)

    @property
    def licensed_categories(self) -> list[str]:
        """The categories whose sellers need a permit, as the rulebook names them."""
        return [name.removeprefix(PERMIT) for name in self.values if name.startswith(PERMIT)]

    def ago(self, days: float) -> nw.Expr:
        """The day so many days before, as a literal."""
        return nw.lit(self.day - timedelta(days=round(days)))

    def supplies(self, name: str) -> bool:
        """Whether a table, or a "table.column", is supplied."""
        return self.have is None or name in self.have

    def before(self, name: str, days: float) -> nw.Expr:
        """Whether the instant in column `name` lies more than so many days before the cut-off; a blank does not."""
        return (nw.col(name) < self._end - timedelta(days=days)).fill_null(False)

    @property
    def _end(self) -> datetime:
        """The cut-off, in UTC."""
        return (self.cut_off or datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)).astimezone(UTC)

    def days_begun(self, name: str, after: float, most: int) -> nw.Expr:
        """Days begun since `after` days after the instant in column `name`, 0 to `most`; of a blank 0.

        Calendar days in UTC, as columns are, and one more where the time of day is past: not every engine subtracts instants.
        """
        whole = int(after)
        end = self._end - timedelta(days=after - whole)
        instant = nw.col(name)
        hour, minute, second = instant.dt.hour(), instant.dt.minute(), instant.dt.second()
        past = (hour < end.hour) | (
            (hour == end.hour) & ((minute < end.minute) | ((minute == end.minute) & (second < end.second)))
        )
        begun = end.toordinal() - whole - _ordinal(instant) + past.cast(nw.Int64)
        return begun.fill_null(0).clip(0, most).cast(nw.Int64)

    def months_since(self, name: str) -> nw.Expr:
        """Full calendar months from the date in column `name` to the day; on every engine alike."""
        column = nw.col(name)
        months = (self.day.year - column.dt.year()) * 12 + (self.day.month - column.dt.month())
        return months - (column.dt.day() > self.day.day).cast(nw.Int64)


def _ordinal(instant: nw.Expr) -> nw.Expr:
    """The proleptic Gregorian ordinal of an instant's day, as `date.toordinal` has it; whole, though a float."""
    before = instant.dt.year() - 1
    # Whole division is dear: in SQL it names what it divides ten times.
    leap = (before / 4).floor() - (before / 100).floor() + (before / 400).floor()
    return before * 365 + leap + instant.dt.ordinal_day()


Expr = nw.Expr | Callable[[At], nw.Expr]

Party = Literal["subject_id", "buyer_id"]
"""Whose rows: the seller's they are about, or the buyer's they come from."""
PARTIES: tuple[Party, ...] = ("subject_id", "buyer_id")


@dataclass(frozen=True, eq=False)
class Leaf(Quantity):
    """A quantity counted straight from the rows of `table`. Two leaves are the same only if they are one object."""

    table: str
    party: Party = field(default="subject_id", kw_only=True)
    parameters: tuple[Parameter, ...] = field(default=(), kw_only=True)
    """The parameters its expression asks `At` for."""

    def of(self, facts: Facts, days: int) -> Array:
        return facts(self, days)

    def leaves(self) -> Iterator[Leaf]:
        yield self


@dataclass(frozen=True, eq=False)
class Measure(Leaf):
    """The sum of `expr` (a number a row; NULL counts as 0) over a merchant's rows.

    `standing`: over all rows known on the day, whatever their age: what is in force is so until it ends.
    """

    expr: Expr
    standing: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, eq=False)
class Latest(Leaf):
    """`expr` in the merchant's newest row by the date in column `by`, of those where it is not NULL, whatever their
    age; the lowest of several of one day."""

    expr: Expr
    by: str


@dataclass(frozen=True, eq=False)
class Groups:
    """A merchant's rows grouped by column `by` (rows without it left out), optionally only where `where`."""

    table: str
    by: str
    where: nw.Expr | None = None


Statistic = Literal["groups", "repeated", "rows", "beyond"]


@dataclass(frozen=True, eq=False)
class Grouped(Leaf):
    """One statistic of `groups`: how many groups, how many with two rows or more, rows in all, rows beyond the first of
    each."""

    groups: Groups
    statistic: Statistic


@dataclass(frozen=True, eq=False)
class Median(Leaf):
    """The median of `expr` over a merchant's rows; rows where it is NULL are left out."""

    expr: Expr


def count(
    table: str,
    condition: Expr,
    *,
    standing: bool = False,
    party: Party = "subject_id",
    parameters: tuple[Parameter, ...] = (),
) -> Measure:
    """How many rows meet the condition (NULL does not)."""

    def ones(at: At) -> nw.Expr:
        return (condition if isinstance(condition, nw.Expr) else condition(at)).cast(nw.Int64)

    expr = ones if not isinstance(condition, nw.Expr) else condition.cast(nw.Int64)
    return Measure(table, expr, standing=standing, party=party, parameters=parameters)


def total(table: str, expr: Expr, *, standing: bool = False, parameters: tuple[Parameter, ...] = ()) -> Measure:
    """The sum of a number a row."""
    return Measure(table, expr, standing=standing, parameters=parameters)


def median(table: str, expr: nw.Expr, *, party: Party = "subject_id") -> Median:
    return Median(table, expr, party=party)


def grouped(groups: Groups, statistic: Statistic, party: Party = "subject_id") -> Grouped:
    """A statistic of the merchant's rows grouped by a column; those of the same `groups` are counted together in one query."""
    return Grouped(groups.table, groups, statistic, party=party)


Unit = Literal[
    "share", "per_order", "days", "hours", "stars", "count", "amount", "index", "flag", "months", "weighted", "rank"
]
"""flag: 1 yes, 0 no; weighted: a sum of severities; rank: place in an order of grades, higher is better."""

Element = Literal[
    "identity", "fulfilment", "after_sales", "counterparty", "operation", "public_record", "conduct",
    "payment", "returns", "review_conduct", "activity",
]  # fmt: skip
"""The last four are a buyer's."""


@dataclass(frozen=True)
class Example:
    """A worked example: what is counted, in numbers.

    `evidence` where it is not the denominator (1 where there is none of either).
    """

    numerator: float
    denominator: float | None = None
    evidence: float | None = None

    @property
    def value(self) -> float:
        return self.numerator if self.denominator is None else self.numerator / self.denominator

    @property
    def observations(self) -> float:
        """The n of shrinkage."""
        return self.evidence or self.denominator or 1.0


@dataclass(frozen=True)
class Indicator:
    """One indicator of the catalogue.

    value = numerator / denominator (a level has no denominator: value = numerator, shrunk only where `evidence` counts).
    `evidence` is how many observations stand behind the value (the denominator unless stated): the n of shrinkage.
    With a denominator of 0 the indicator is missing, unless `recorded` is above 0: then the fact is recorded, there was
    just nothing to measure, and it is not applicable.
    `needs`: "table.column" that a source must supply for a blank to mean anything.
    """

    id: str
    element: Element
    numerator: Quantity
    denominator: Quantity | None
    better: Literal["high", "low"]
    unit: Unit
    name: Text
    definition: Text
    why: Text
    failing: Text
    improve: Text
    example: Example
    """Numbers of the worked example on the indicator's page."""
    evidence: Quantity | None = None
    recorded: Quantity | None = None
    needs: tuple[str, ...] = ()
    source: str = "reconstruction"
    fact: str | None = None
    """What it counts, where several indicators count one thing over different times; unless given its id. Of several vetoes on
    one fact the strongest is told."""
    actionable: bool = True
    """False where only time, or others, can change it: it is then never proposed as a change to make."""

    def leaves(self) -> Iterator[Leaf]:
        for quantity in (self.numerator, self.denominator, self.evidence, self.recorded):
            if quantity is not None:
                yield from quantity.leaves()

    @property
    def tables(self) -> tuple[str, ...]:
        """The canonical tables it is counted from."""
        return tuple(dict.fromkeys(leaf.table for leaf in self.leaves()))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters its measures ask for."""
        return tuple(dict.fromkeys(p for leaf in self.leaves() for p in leaf.parameters))

    @property
    def windowed(self) -> bool:
        """Whether its numerator hangs on the rulebook's window; if not, it tells how things stand on the day."""
        return any(
            TABLES[leaf.table].event is not None
            and not isinstance(leaf, Latest)
            and not (isinstance(leaf, Measure) and leaf.standing)
            for leaf in self.numerator.leaves()
        )


@dataclass
class Catalogue:
    """Indicators by id; an id stands once."""

    indicators: dict[str, Indicator] = field(default_factory=dict)

    def add(self, indicator: Indicator) -> Indicator:
        if indicator.id in self.indicators:
            raise ValueError(f"indicator {indicator.id} is declared twice")
        self.indicators[indicator.id] = indicator
        return indicator

    def __getitem__(self, indicator_id: str) -> Indicator:
        return self.indicators[indicator_id]

    def __contains__(self, indicator_id: str) -> bool:
        return indicator_id in self.indicators

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators.values())

"""What a measurement is: a list of cases, each in order, not in order, or not recorded.

A measurement written in SQL gives rows (key, ok); `ok` is NULL where the data does not tell. It reads the views
`seen_<table>` and the ledgers (or is made for what is seen), with $day, $cut_off and $start (00:00 of the day a year before) and the catalogue's numbers
and values by name. One written in Python yields the same pairs.

What is not recorded counts as neither: the share that is in order lies between two bounds, and a line is met only where
the lower one reaches what is asked. So leaving something out never does better than telling it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from credit.assessment.seen import Seen
from credit.settings import cut_off

EXAMPLES = 5
YEAR_DAYS = 365

Case = tuple[str, bool | None]
Numbers = Mapping[str, float]
Values = Mapping[str, Sequence[str]]
Cases = Callable[[Seen, Numbers, Values], Iterable[Case] | None]


def rounded_down(share: float) -> float:
    """A share in whole thousandths: what falls short never looks as if it did not."""
    return int(share * 1000 + 1e-9) / 1000


def percent(share: float) -> str:
    """The same for people, 99.9%."""
    return f"{int(share * 1000 + 1e-9) / 10:g}%"


@dataclass(frozen=True)
class Count:
    """Cases by what became of them; `examples` are keys of some that are not in order, the first by name."""

    in_order: int
    not_in_order: int
    not_recorded: int
    examples: tuple[str, ...] = ()

    @property
    def cases(self) -> int:
        return self.in_order + self.not_in_order + self.not_recorded

    @property
    def at_least(self) -> float:
        """The share in order if nothing of what is not recorded is."""
        return self.in_order / self.cases

    @property
    def at_most(self) -> float:
        """The share in order if all of what is not recorded is."""
        return (self.in_order + self.not_recorded) / self.cases


@dataclass(frozen=True)
class Measure:
    """A measurement.

    `zh`, `en`: which cases are in order, as the head of a sentence. `needs`: "table" or "table.column" that must be
    supplied. `none`: what a line is where there is no case at all, with `none_zh` and `none_en`. `mend_zh`, `mend_en`: what
    to do about cases that are not in order. `by`: a column that the SQL gives beside key and ok, by which cases can be told apart.
    """

    id: str
    zh: str
    en: str
    mend_zh: str
    mend_en: str
    needs: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    none: Literal["not_shown", "not_applicable"] = "not_shown"
    none_zh: str = "没有可供测量的事项"
    none_en: str = "there is no case to measure"
    sql: str | Callable[[Seen], str] = ""
    by: str = ""
    cases: Cases | None = None

    def count(self, seen: Seen, numbers: Numbers, values: Values) -> Count | None:
        """Count the cases; None where what it looks at is not there. Missing columns are the caller's to check."""
        if self.cases is None:
            return self._by_sql(seen, numbers, values)
        cases = self.cases(seen, numbers, values)
        if cases is None:
            return None
        listed = list(cases)
        wrong = sorted(key for key, ok in listed if ok is False)
        right = sum(ok is True for _, ok in listed)
        return Count(right, len(wrong), len(listed) - right - len(wrong), tuple(wrong[:EXAMPLES]))

    def count_by(self, seen: Seen) -> dict[str, Count]:
        """The cases of each value of the column `by`, in order of the values; those without one left out, all without where what
        it needs is not supplied."""
        if not all(need in seen.supplied for need in self.needs):
            return {}
        grouped = self._query(seen, {}, {}, self.by)
        return {str(name): _counted(*row) for name, *row in grouped if name is not None}

    def _by_sql(self, seen: Seen, numbers: Numbers, values: Values) -> Count:
        [(_, *row)] = self._query(seen, numbers, values, "NULL")
        return _counted(*row)

    def _query(self, seen: Seen, numbers: Numbers, values: Values, by: str) -> list[tuple[Any, ...]]:
        given: dict[str, Any] = {
            "day": seen.day, "cut_off": seen.moment.cut_off, "start": seen.moment.start(YEAR_DAYS), **numbers, **values,
        }  # fmt: skip
        sql = self.sql if isinstance(self.sql, str) else self.sql(seen)
        used = set(re.findall(r"\$(\w+)", sql))
        return seen.con.execute(
            f"""SELECT any_value({by}), count(*), count(*) FILTER (ok), count(*) FILTER (NOT ok), min(key, {EXAMPLES}) FILTER (NOT ok)
                FROM (SELECT * REPLACE (key::VARCHAR AS key) FROM ({sql})){f" GROUP BY {by} ORDER BY {by}" if by != "NULL" else ""}""",
            {name: value for name, value in given.items() if name in used},
        ).fetchall()


def _counted(cases: int, right: int, wrong: int, examples: Sequence[str] | None) -> Count:
    return Count(right, wrong, cases - right - wrong, tuple(examples or ()))


MEASURES: dict[str, Measure] = {}


def measure(id: str, **about: Any) -> Measure:
    """Register a measurement in SQL."""
    MEASURES[id] = Measure(id, **about)
    return MEASURES[id]


def measured(id: str, **about: Any) -> Callable[[Cases], Cases]:
    """Register the measurement that a function makes; the function gives None where it has nothing to look at."""

    def registered(cases: Cases) -> Cases:
        MEASURES[id] = Measure(id, cases=cases, **about)
        return cases

    return registered


def days_before(seen: Seen, days: float) -> Any:
    """00:00 in the platform's zone, so many days before the day."""
    return cut_off(seen.moment.start(int(days)).date(), seen.moment.zone)

"""Suites of expectations: what is expected of a table's batch, in Great Expectations' own form, with words for people.

How to read, change and add an expectation is in `expectations/README.md`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from credit.errors import UserError
from credit.tables import KNOWN_AT, TABLES
from expectations import SUITES
from expectations.facts import facts, parameters

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Expectation:
    """One expectation as its suite file states it. What stands as its column may be the name of a fact."""

    file: Path
    table: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    en: str
    zh: str
    why: str
    action: str
    min_rows: int

    @property
    def columns(self) -> list[str]:
        single = [self.kwargs[name] for name in ("column", "column_A", "column_B") if name in self.kwargs]
        return [*single, *self.kwargs.get("column_list", [])]

    @property
    def on_facts(self) -> bool:
        return any(column in facts(TABLES[self.table]) for column in self.columns)

    @property
    def on_shares(self) -> bool:
        """Whether its bounds are shares of rows."""
        return "mostly" in self.kwargs or "proportion" in self.type or any(c.endswith("_share") for c in self.columns)

    @property
    def parameters(self) -> dict[str, str]:
        """Argument -> the parameter it takes its value from."""
        return {name: value["$PARAMETER"] for name, value in self.kwargs.items() if _is_parameter(value)}

    def expected(self, bounds: dict[str, Any]) -> dict[str, Any]:
        """The arguments that state a bound, parameters replaced by their values."""
        given = self.kwargs | {name: bounds.get(parameter) for name, parameter in self.parameters.items()}
        return {name: value for name, value in given.items() if not name.startswith("column")}

    def text(self, language: Literal["en", "zh"], bounds: dict[str, Any]) -> str:
        """What is expected, in words, with its numbers."""
        values = self.expected(bounds)
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = _Word(", ".join(map(str, value)))
            elif value is None and name in self.parameters:
                values[name] = _Word(f"«{self.parameters[name]}»")
        return (self.en if language == "en" else self.zh).format(**values)

    def name(self, bounds: dict[str, Any]) -> str:
        return f"{self.table}.{'+'.join(self.columns) or '*'}: {self.text('en', bounds)}"

    def allowing_for_chance(self, rows: int | None) -> Expectation:
        """With bounds on shares as wide as chance makes them among so many rows; `rows` None: as stated.

        Three standard deviations of a binomial share, so that of a thousand nights that are just as good as the bound one or
        two fail; at most half the way to a bound that says nothing. Of 119 rows, 95 % becomes 89 %; of a million, 94.9 %.
        0 and 100 % stay what they are.
        """
        if not rows:
            return self
        wider = dict(self.kwargs)
        for name in ("mostly",) if "mostly" in wider else ("min_value", "max_value"):
            bound = wider.get(name)
            if isinstance(bound, float | int) and 0 < bound < 1:
                room = 3 * math.sqrt(bound * (1 - bound) / rows)
                widest = (1 + bound) / 2 if name == "max_value" else bound / 2
                wider[name] = round(min(bound + room, widest) if name == "max_value" else max(bound - room, widest), 6)
        return replace(self, kwargs=wider)

    def where(self) -> str:
        """File, type and column, for whoever has to mend the suite."""
        return f"{self.file}: {self.type} on {', '.join(self.columns) or 'the table'} ({self.severity})"


class _Word(str):
    """Text that stands where a suite's wording formats a number."""

    def __format__(self, spec: str) -> str:
        return str(self)


def load_suite(table: str, folder: Path = SUITES) -> list[Expectation]:
    """The expectations of a table's suite file. Raises UserError with everything that is wrong with the file."""
    path = folder / f"{table}.json"
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))["expectations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a suite: {type(error).__name__}: {error}") from None
    loaded, problems = [], []
    for number, entry in enumerate(stated, 1):
        try:
            loaded.append(_expectation(path, table, entry))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            what = f"{entry.get('type')} on {entry.get('kwargs')}" if isinstance(entry, dict) else repr(entry)
            missing = "missing: " if isinstance(error, KeyError) else ""
            problems.append(f"{path}: expectation {number}, {what}: {missing}{error}")
    if problems:
        raise UserError("suites are broken; this says nothing about the data:\n  " + "\n  ".join(problems))
    return loaded


def _expectation(path: Path, table: str, entry: dict[str, Any]) -> Expectation:
    meta = entry["meta"]
    words = {name: meta[name] for name in ("en", "zh", "why", "action")}
    if empty := [name for name, text in words.items() if not str(text).strip()]:
        raise ValueError(f"meta.{empty[0]} is empty")
    if entry["severity"] not in ("critical", "warning"):
        raise ValueError(f"severity is {entry['severity']!r}; allowed: critical, warning")
    least = meta.get("min_rows", 1)
    if not isinstance(least, int) or least < 1:
        raise ValueError(f"meta.min_rows is {least!r}; allowed: a whole number from 1")
    expectation = Expectation(path, table, entry["type"], entry["kwargs"], entry["severity"], **words, min_rows=least)
    of_rows, of_facts = {*TABLES[table].names, KNOWN_AT.name}, set(facts(TABLES[table]))
    for column in expectation.columns:
        if column not in of_rows | of_facts:
            raise ValueError(f"unknown column {column!r}; table {table} has neither such a column nor such a fact")
    if expectation.on_facts and not of_facts.issuperset(expectation.columns):
        raise ValueError("columns and facts cannot stand in one expectation")
    if unknown := sorted(set(expectation.parameters.values()) - set(parameters(TABLES[table]))):
        raise ValueError(f"unknown parameter {unknown[0]!r}")
    for language in ("en", "zh"):
        expectation.text(language, {})
    return expectation


def _is_parameter(value: Any) -> bool:
    return isinstance(value, dict) and "$PARAMETER" in value

"""What tests share: literal rows in real canonical tables, a small rulebook, a home on disk.

Instants without an offset are Asia/Shanghai, as at intake. Where a row leaves a column out, `DEFAULTS` fills in what
every row needs, then the table's own defaults and derived columns apply, as at intake.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from credit.evaluation import engine, night, scoring
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.indicators.base import Leaf
from credit.intake import landing, merging
from credit.ledgers import moments, steps
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import load
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse import connection, schema
from support import homes, rules
from support.effort import THOROUGH
from support.literal import DAY, ZONE, Enact, Fill, MakeBook, MakeFacts, Measure, Measured, Row, insert_rows
from support.places import ROOT

FRAMES = engine.known if THOROUGH else engine.at_hand
"""Where indicators of literal rows are counted: in memory, which is quick, or thoroughly in the warehouse."""


@pytest.fixture(scope="module")
def shipped_rules() -> Iterator[None]:
    """The rulebooks of the program in place of the frozen ones."""
    with rules.shipped():
        yield


@pytest.fixture(scope="session")
def _memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection.connect(":memory:", Settings(threads=1)) as con:
        schema.build(con)
        con.execute("SET VARIABLE zone = ?", [ZONE])
        yield con


@pytest.fixture
def fill(_memory: duckdb.DuckDBPyConnection) -> Fill:
    """`fill(transactions=[{...}], ...)`: a warehouse in memory that holds these rows and nothing else."""

    def filled(**tables: Sequence[Row]) -> duckdb.DuckDBPyConnection:
        _memory.execute("".join(f"DELETE FROM canonical.{name};" for name in TABLES))
        _memory.execute(f"SET TimeZone = '{ZONE}'")
        try:
            for name, rows in tables.items():
                insert_rows(_memory, TABLES[name], rows)
        finally:
            _memory.execute("SET TimeZone = 'UTC'")
        return _memory

    return filled


@pytest.fixture
def book() -> MakeBook:
    """`book({"fulfilment": (60, [{"id": "completion_rate", ...}])})`: a rulebook.

    A rule is worth 100 and has no shrinkage unless it says otherwise; its curve runs over 0 to 1 the way its indicator
    does. `grades` are (symbol, at_least); `orders` and `evidence` the minimum; `margin` (points, evaluations);
    `provisional` (orders, evidence).
    """

    def numbers(**values: float) -> dict[str, Any]:
        return {name: {"value": value, "source": "reconstruction"} for name, value in values.items()}

    def made(
        elements: Mapping[str, tuple[float, Sequence[Mapping[str, Any]]]],
        *,
        grades: Sequence[tuple[str, float]] = (("A", 80), ("B", 60), ("C", 0)),
        orders: float = 0,
        evidence: float = 0,
        margin: tuple[float, float] | None = None,
        vetoes: Sequence[Mapping[str, Any]] = (),
        provisional: tuple[float, float] | None = None,
        parameters: Mapping[str, float] | None = None,
    ) -> Rulebook:
        source_mark = {"source": "reconstruction"}
        text = {"zh": "测", "en": "test"}
        rising = {"high": [[0, 0], [1, 100]], "low": [[0, 100], [1, 0]]}
        data = {
            "id": "a-test",
            "version": "1.0.0",
            "standard": "none",
            "title": text,
            "subject": {"kind": "enterprise", "role": "seller"},
            "announced_on": "2025-01-01",
            "effective_from": "2025-01-08",
            "window_days": {"value": 365} | source_mark,
            "minimum": numbers(orders=orders, evidence=evidence),
            "margin": margin and numbers(points=margin[0], evaluations=margin[1], memory_days=31),
            "provisional": provisional and numbers(orders=provisional[0], evidence=provisional[1]),
            "parameters": numbers(**(parameters or {})),
            "vetoes": [{"name": text} | source_mark | dict(veto) for veto in vetoes],
            "elements": [
                {
                    "id": element,
                    "name": text,
                    "weight": weight,
                    "indicators": [
                        {"weight": 100, "curve": rising[CATALOGUE[rule["id"]].better]} | source_mark | dict(rule)
                        for rule in rules
                    ],
                }
                | source_mark
                for element, (weight, rules) in elements.items()
            ],
            "grades": {
                "symbols": source_mark,
                "levels": [{"grade": symbol, "at_least": edge, "meaning": text} for symbol, edge in grades],
            }
            | source_mark,
        }
        return Rulebook.model_validate(data)

    return made


@pytest.fixture
def measure(fill: Fill, book: MakeBook) -> Measure:
    """`measure("complaint_rate", transactions=[...], complaints=[...])`: the indicator as measured for "shop".

    A table that is given is supplied with all its columns except those in `without` ("table.column"); a table that is
    not given is not supplied. `parameters` are a rulebook's.
    """

    def measured(
        indicator: str,
        *,
        day: date = DAY,
        days: int = 365,
        subject: str = "shop",
        without: Sequence[str] = (),
        parameters: Mapping[str, float] | None = None,
        **tables: Sequence[Row],
    ) -> Measured:
        con = fill(**tables)
        moment = engine.Moment(cut_off(day, ZONE), ZONE)
        leaves = list(CATALOGUE[indicator].leaves())
        columns = {f"{name}.{column}" for name in tables for column in TABLES[name].names} - set(without)
        have = frozenset(columns | set(tables))
        facts = engine.compile_facts(FRAMES(con, moment), leaves, [subject], moment, have, [days], parameters)
        rule = {"id": indicator, "window_days": days}
        rulebook = book({CATALOGUE[indicator].element: (100, [rule])})
        measurement = scoring.score(rulebook, facts, have).columns[0]
        numbers = (measurement.numerator[0], measurement.denominator[0], measurement.value[0])
        return Measured(str(measurement.state[0]), *(None if np.isnan(number) else float(number) for number in numbers))

    return measured


@pytest.fixture
def enacted(monkeypatch: pytest.MonkeyPatch) -> Enact:
    """`enacted(con, path)`: enter a rulebook file with the whole life that its dates tell, whatever day it is."""

    def made(con: duckdb.DuckDBPyConnection, path: Path) -> None:
        book = load(path)
        opened, announced, begins = (
            cut_off(day, ZONE)
            for day in (book.announced_on - timedelta(days=10), book.announced_on, book.effective_from)
        )
        with monkeypatch.context() as patched:
            patched.setattr(moments, "now", lambda: max(datetime.now(UTC), begins))
            until = book.announced_on - timedelta(days=1)
            steps.propose(con, path, by="Li Wei", comments_until=until, at=opened)
            steps.announce(con, book.id, book.version, by="Li Wei", at=announced)
            steps.enact(con, book.id, book.version, by="Li Wei", at=begins)

    return made


@pytest.fixture
def home(tmp_path: Any) -> Settings:
    """Settings of a fresh home."""
    return Settings(home=tmp_path / "home", zone=ZONE, threads=1)


Count = tuple[float, float] | tuple[float, float, float]


@pytest.fixture
def counted() -> MakeFacts:
    """`counted(traceable_share=[(2, 3), (0, 0)])`: facts of subjects "s0", "s1" without any row behind them.

    Per subject (numerator, denominator), or (numerator, denominator, recorded); a level's denominator is None. An
    indicator must not share a count with another one unless both say the same of it. Nothing is known of other tables.
    """

    def made(**indicators: Sequence[tuple[float | None, ...]]) -> engine.NightFacts:
        (size,) = {len(rows) for rows in indicators.values()}
        tables = {table for name in indicators for table in CATALOGUE[name].tables}
        facts = engine.NightFacts([f"s{i}" for i in range(size)], tables)
        for name, rows in indicators.items():
            indicator = CATALOGUE[name]
            columns = [np.array(values, dtype=np.float64) for values in zip(*rows, strict=True)]
            assert isinstance(indicator.numerator, Leaf), f"{name} is not a ratio of plain counts"
            facts.put(indicator.numerator, 365, columns[0])
            if isinstance(indicator.denominator, Leaf):
                facts.put(indicator.denominator, 365, columns[1])
            elif indicator.denominator is not None:
                counts, breach = list(indicator.denominator.leaves())  # kept + one breach
                assert counts is indicator.numerator, f"{name} is not a ratio of plain counts"
                facts.put(breach, 365, columns[1] - columns[0])
            if isinstance(indicator.evidence, Leaf) and indicator.evidence is not indicator.denominator:
                facts.put(indicator.evidence, 365, columns[0] if indicator.denominator is None else columns[1])
            if len(columns) > 2:
                assert isinstance(indicator.recorded, Leaf)
                facts.put(indicator.recorded, 365, columns[2])
            elif isinstance(indicator.recorded, Leaf) and indicator.denominator is not None:
                facts.put(indicator.recorded, 365, np.zeros(size))
        return facts

    return made


EVERYTHING = frozenset(TABLES) | {
    f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns
}


@pytest.fixture
def scored() -> Callable[..., scoring.Scores]:
    """`scored(book, facts)`: scores where every column is supplied."""
    return lambda book, facts, priors=None: scoring.score(book, facts, EVERYTHING, priors)


OLIST_DAY = date(2018, 8, 31)


@pytest.fixture(scope="session")
def olist() -> Path:
    """The folder of the public Olist files; the test is skipped where there is none."""
    path = Path(os.environ.get("MERCHANT_CREDIT_OLIST") or ROOT.parent / "shared" / "olist")
    if not (path / "olist_orders_dataset.parquet").exists():
        pytest.skip(f"no Olist files at {path}; put them there, or name their folder in MERCHANT_CREDIT_OLIST")
    return path


@pytest.fixture(scope="session")
def olist_home(olist: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Home of the graded night of 2018-08-31; each process that runs tests has a copy of its own."""

    def make(home: Path) -> None:
        options = Settings(home=home)
        with rules.shipped(), open_warehouse(options) as con:
            batch = landing.land(con, options, "olist", olist, OLIST_DAY)
            merging.accept(con, batch.batch_id)
            night.evaluate(con, options, OLIST_DAY)

    return Settings(home=homes.own_copy(tmp_path_factory, "olist", make))

"""Thirty nights: evaluated as they come, or afterwards from a history delivered at once, they are the same.

The market is synthetic; a record that is repaired, a finding that is withdrawn and a licence that is renewed come on top,
each as a later version of its row.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging, pseudonyms
from credit.settings import Settings, cut_off
from credit.synthetic import market
from credit.tables import TABLES, Column, Table

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shipped_rules"), pytest.mark.thorough]

ZONE = market.ZONE
NIGHTS = [date(2026, 11, 25) + timedelta(days=i) for i in range(30)]
MIDDLE = NIGHTS[17]
SEED = 1
RESULTS = ("runs", "grades", "indicators", "rulebooks")

Stored = dict[str, list[tuple[Any, ...]]]


def night(number: int) -> str:
    """The cut-off of the night, the first being 0."""
    return cut_off(NIGHTS[0] + timedelta(days=number), ZONE).isoformat()


# Table, subject, what the row says, known from the cut-off of which night on (a delivery of that night brings it).
LATER: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("public_records", "M000006", {"record_id": "listed", "kind": "serious_violation", "issuer": "市场监督管理局",
                                   "valid_from": NIGHTS[4]}, 6),
    ("public_records", "M000006", {"record_id": "listed", "kind": "serious_violation", "issuer": "市场监督管理局",
                                   "valid_from": NIGHTS[4], "repaired_on": NIGHTS[14]}, 16),
    ("violations", "M000007", {"violation_id": "found", "kind": "fraud", "severity": "serious",
                               "decided_at": night(9)}, 10),
    ("violations", "M000007", {"violation_id": "found", "kind": "fraud", "severity": "serious",
                               "decided_at": night(9), "withdrawn_at": night(20)}, 21),
)  # fmt: skip
RENEWED = ("M000009", NIGHTS[20], 22)
"""Its licence has ended; a new one from that day on, known from that night on."""


def _at(column: Column, table: Table, cut: str, day: date) -> str:
    """What a platform's books say in this column at a cut-off: what has not happened yet is not there."""

    def happened(name: str) -> str:
        return f"{name} < TIMESTAMPTZ '{cut}'" if table.column(name).type == "instant" else f"{name} < DATE '{day}'"

    if column.known_from:
        until = f"'{column.until_known}'" if column.until_known else "NULL"
        hidden = f"CASE WHEN {column.name} IS NOT NULL THEN {until} END"
        return f"CASE WHEN {happened(column.known_from)} THEN {column.name} ELSE {hidden} END AS {column.name}"
    if column.type in ("instant", "date") and not column.plan and column.name != table.event:
        return f"CASE WHEN {happened(column.name)} THEN {column.name} END AS {column.name}"
    return column.name


def _write(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    if con.execute(f"SELECT 1 FROM ({query}) LIMIT 1").fetchall():
        con.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")


def deliveries(folder: Path) -> tuple[Path, list[Path]]:
    """The whole history in one folder; and a folder a night: the first one's history, then what is new or changed, without
    a word on since when it is known."""
    whole, parts = folder / "whole", [folder / f"night-{i:02}" for i in range(len(NIGHTS))]
    for path in (whole, *parts):
        path.mkdir()
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET TimeZone = 'UTC'")
        market.populate(con, merchants=20, transactions=2000, days=240, end=NIGHTS[-1], seed=SEED)
        for table, subject, values, number in LATER:
            row = {"subject_id": subject, "known_at": night(number)} | values
            marks = ", ".join("?" for _ in row)
            con.execute(f"INSERT INTO sim.{table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        subject, since, number = RENEWED
        con.execute(
            """INSERT INTO sim.subjects SELECT * REPLACE (?::DATE AS licence_valid_from, DATE '9999-12-31' AS licence_valid_until,
                   ?::TIMESTAMPTZ AS known_at) FROM sim.subjects WHERE subject_id = ?""",
            [since, night(number), subject],
        )
        for table in (TABLES[name] for name in TABLES):
            _write(con, f"FROM sim.{table.name}", whole / f"{table.name}.parquet")
            names = ", ".join(column.name for column in table.supplied)
            before = None
            for day, part in zip(NIGHTS, parts, strict=True):
                cut = cut_off(day, ZONE).isoformat()
                columns = ", ".join(_at(column, table, cut, day) for column in table.supplied)
                known = f"""SELECT {columns}, known_at FROM sim.{table.name} WHERE known_at <= TIMESTAMPTZ '{cut}'
                    QUALIFY row_number() OVER (PARTITION BY {table.key} ORDER BY known_at DESC) = 1"""
                new = (
                    known if before is None else f"SELECT {names} FROM ({known}) EXCEPT SELECT {names} FROM ({before})"
                )
                _write(con, new, part / f"{table.name}.parquet")
                before = known
    return whole, parts


def ingest(con: duckdb.DuckDBPyConnection, options: Settings, path: Path, day: date, *, history: bool = False) -> None:
    batch = landing.land(con, options, "canonical", path, day, history=history)
    assert batch.reasons == []
    merging.accept(con, batch.batch_id)


def stored(con: duckdb.DuckDBPyConnection) -> Stored:
    return {table: con.execute(f"FROM results.{table} ORDER BY ALL").fetchall() for table in RESULTS}


def at_once(home: Path, whole: Path) -> Stored:
    """Everything in one delivery, then night after night."""
    options = Settings(home=home, zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        ingest(con, options, whole, NIGHTS[-1], history=True)
        for day in NIGHTS:
            evaluation.evaluate(con, options, day)
        return stored(con)


@dataclass(frozen=True)
class Homes:
    as_it_came: Settings
    nightly: Stored
    replayed: Stored


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    folder = tmp_path_factory.mktemp("thirty-nights")
    whole, parts = deliveries(folder)
    options = Settings(home=folder / "as-it-came", zone=ZONE, threads=1)
    other = folder / "at-once"
    for home in (options.home, other):
        home.mkdir()
    # Buyers go by pseudonyms: the same ones under the same key.
    pseudonyms.pseudonym_key(options)
    shutil.copy(options.key_file, other)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as beside:
        replayed = beside.submit(at_once, other, whole)
        with open_warehouse(options) as con:
            for day, part in zip(NIGHTS, parts, strict=True):
                ingest(con, options, part, day)
                evaluation.evaluate(con, options, day)
            nightly = stored(con)
        return Homes(options, nightly, replayed.result())


@pytest.fixture
def con(homes: Homes) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the nights as they came; what a test does to it is undone."""
    with open_warehouse(homes.as_it_came) as opened:
        opened.execute(f"ATTACH '{homes.as_it_came.home}/kept.duckdb' AS kept")
        for table in RESULTS:
            opened.execute(f"CREATE TABLE kept.{table} AS FROM results.{table}")
        yield opened
        for table in RESULTS:
            opened.execute(f"DELETE FROM results.{table}; INSERT INTO results.{table} FROM kept.{table}")
        opened.execute("DETACH kept")
    (homes.as_it_came.home / "kept.duckdb").unlink()


def _assert_same(left: Stored, right: Stored) -> None:
    for table in RESULTS:
        differing = [pair for pair in zip(left[table], right[table], strict=True) if pair[0] != pair[1]]
        assert differing[:3] == [], table
        assert len(left[table]) == len(right[table]) > 0


def test_the_thirty_nights_have_what_they_are_to_prove(homes: Homes, con: duckdb.DuckDBPyConnection) -> None:
    """Grades held by the margin, vetoes that begin and end, rows that change later, and all three rulebooks."""
    held = con.execute(
        "SELECT count(*), count(DISTINCT subject_id) FROM results.grades WHERE grade_held <> grade_by_score"
    ).fetchall()[0]
    assert held[0] >= 5
    assert held[1] >= 2
    runs = con.execute("SELECT rulebook, count(*), count(previous_on), min(standing) FROM results.runs GROUP BY 1")
    assert sorted(runs.fetchall()) == [
        (book, 30, 29, "in_force") for book in ("gbt-26842-enterprise", "gbt-28041-buyer", "gbt-28041-individual")
    ]
    vetoes = con.execute(
        """SELECT subject_id, vetoes, min(evaluated_on), max(evaluated_on), count(*) FROM results.grades
           WHERE len(vetoes) > 0 GROUP BY ALL ORDER BY ALL"""
    ).fetchall()

    def nights(subject: str, first: int, last: int, *vetoes: str) -> tuple[Any, ...]:
        return subject, list(vetoes), NIGHTS[first], NIGHTS[last], last - first + 1

    scam = ("some_non_delivery", "fulfilment_below_22")
    assert vetoes == [
        nights("M000002", 0, 29, *scam),
        nights("M000003", 0, 29, "manipulation"),
        nights("M000004", 27, 27, "fraud_upheld", *scam),
        nights("M000004", 28, 29, "fraud_upheld", "suspended", *scam),
        nights("M000004", 25, 26, "fulfilment_below_22"),
        nights("M000004", 22, 24, "fulfilment_below_30"),
        nights("M000006", 6, 15, "serious_violation"),
        nights("M000007", 10, 20, "fraud_upheld"),
        nights("M000008", 0, 29, "serious_violation"),
        nights("M000009", 10, 21, "licence_expired"),
    ]
    superseded = sum(con.execute(f"SELECT count(*) FROM history.{name}").fetchall()[0][0] for name in TABLES)
    assert superseded > 100


def test_a_history_at_once_gives_the_nights_as_they_came(homes: Homes) -> None:
    _assert_same(homes.nightly, homes.replayed)


def test_a_middle_night_again_changes_nothing(homes: Homes, con: duckdb.DuckDBPyConnection) -> None:
    """All that came since is known by now, and must not show."""
    evaluation.evaluate(con, homes.as_it_came, MIDDLE)
    _assert_same(homes.nightly, stored(con))


def test_a_night_needs_only_the_nights_before(homes: Homes, con: duckdb.DuckDBPyConnection) -> None:
    for table in ("runs", "grades", "indicators"):
        con.execute(f"DELETE FROM results.{table} WHERE evaluated_on >= ?", [MIDDLE])
    evaluation.evaluate(con, homes.as_it_came, MIDDLE)
    until = {t: [r for r in homes.nightly[t] if t == "rulebooks" or r[0] <= MIDDLE] for t in RESULTS}
    _assert_same(until, stored(con))


def test_a_night_does_need_the_nights_before(homes: Homes, con: duckdb.DuckDBPyConnection) -> None:
    """Else the two tests above would prove nothing of the margin."""
    ((day,),) = con.execute(
        "SELECT max(evaluated_on) FROM results.grades WHERE grade_held <> grade_by_score"
    ).fetchall()
    for table in ("runs", "grades", "indicators"):
        con.execute(f"DELETE FROM results.{table} WHERE evaluated_on <> ?", [day])
    evaluation.evaluate(con, homes.as_it_came, day)
    alone = stored(con)["grades"]
    assert [row for row in homes.nightly["grades"] if row[0] == day] != alone
    assert con.execute("SELECT count(*) FROM results.grades WHERE grade_held <> grade_by_score").fetchall() == [(0,)]

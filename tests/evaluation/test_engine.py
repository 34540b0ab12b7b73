"""The engine: one expression on every kind of frame, and the two clocks of the point-in-time view."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import EVERYTHING

from credit.evaluation import engine
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.indicators.after_sales import COMPLAINTS
from credit.indicators.base import WINDOWS
from credit.indicators.orders import ORDERS
from credit.intake import landing, merging
from credit.settings import Settings, cut_off
from credit.tables import TABLES, Column, Table

pytestmark = pytest.mark.slow

ZONE = "Asia/Shanghai"
DAY = date(2025, 7, 1)
MOMENT = engine.Moment(cut_off(DAY, ZONE), ZONE)
LEAVES = [leaf for indicator in CATALOGUE for leaf in indicator.leaves()]
EVENTFUL = [table for table in TABLES.values() if table.event is not None]

# --- one expression, every frame ---------------------------------------------------------------------------------


SHOPS = [f"shop {i}" for i in range(8)]
BUYERS = [f"buyer_id {i}" for i in range(4)]
"""Those of the buyers that are subjects themselves; the first is one that the register has as a seller."""
ORDERS_NAMED = tuple(f"transactions-{i}" for i in range(1, 41))
WORDS = {
    ("reviews", "transaction_id"): ORDERS_NAMED,
    ("complaints", "transaction_id"): ORDERS_NAMED,
    ("public_records", "grade"): ("minor", "moderate", "serious", "A", "B", "M", "C", "D", "unheard of"),
    ("listings", "category"): ("食品生鲜", "食品 生鲜/零食", "BOOKS", "skincare", "上门服务"),
    ("subjects", "uscc"): ("91330198MA3000926M", "91330198MA3000926N"),
    ("subjects", "id_number"): ("110105199001011232", "110105199001011233"),
}


def _population() -> dict[str, list[dict[str, Any]]]:
    """Some shops and buyers with rows of every kind in every table, blanks included; always the same."""
    rng = random.Random(20250707)

    def at(earliest: int, latest: int) -> datetime:
        return MOMENT.cut_off + timedelta(seconds=rng.randrange(earliest * 86_400, latest * 86_400))

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.7 else None

    def value(table: Table, column: Column) -> Any:
        earliest, latest = (-420, 10) if column.name == table.event else (-200, 400 if column.plan else 30)
        moment = at(earliest * 2 if column.type == "date" else earliest, latest)
        if column.type in ("instant", "date"):
            return moment.isoformat() if column.type == "instant" else moment.date().isoformat()
        if column.name == "currency":
            return "CNY"
        if column.codes:
            return rng.choice(column.codes)
        if column.type == "boolean":
            return rng.random() < 0.5
        if column.type == "integer":
            return rng.randint(1, 5)
        if column.type == "money":
            return f"{rng.randrange(100_000) / 100:.2f}"
        if (table.name, column.name) in WORDS:
            return rng.choice(WORDS[table.name, column.name])
        return f"{column.name} {rng.randrange(7)}"

    def row(table: Table, **given: str) -> dict[str, Any]:
        filled = {column.name: value(table, column) for column in table.supplied if column.name != table.key}
        optional = {column.name for column in table.supplied if not column.required}
        filled = {name: maybe(content) if name in optional else content for name, content in filled.items()}
        return filled | ({"subject_id": rng.choice(SHOPS)} | given)

    counts = {"transactions": 600, "reviews": 160, "complaints": 120}
    counts |= {"public_records": 400, "violations": 120, "sanctions": 120, "spot_checks": 120, "listings": 120}
    population = {
        name: [row(TABLES[name], **{TABLES[name].key: f"{name}-{i}"}) for i in range(count)]
        for name, count in counts.items()
    }
    roles = dict.fromkeys(SHOPS, "seller") | dict.fromkeys(BUYERS, "buyer") | {BUYERS[0]: "seller"}
    population["subjects"] = [row(TABLES["subjects"], subject_id=name, role=role) for name, role in roles.items()]

    # What chance seldom brings together: a licence in force, an order kept, of which two complaints are upheld late and a
    # bad review stands unanswered, and one that is praised.
    def days_ago(days: float) -> str:
        return (MOMENT.cut_off - timedelta(days=days)).isoformat()

    licence = {"licence_no": "1", "licence_valid_from": "2020-01-01", "licence_valid_until": "2030-01-01"}
    population["subjects"][0] |= licence | {"permit_no": None}
    own = {"subject_id": SHOPS[0], "buyer_id": BUYERS[0], "transaction_id": "kept"}
    times = {"ordered_at": 50, "paid_at": 49.9, "dispatched_at": 49, "delivered_at": 47, "completed_at": 40}
    population["transactions"].append(own | {name: days_ago(days) for name, days in times.items()})
    times = {"filed_at": 30, "first_response_at": 28, "resolved_at": 20}
    upheld = own | {"outcome": "upheld"} | {name: days_ago(days) for name, days in times.items()}
    population["complaints"] += [upheld, dict(upheld)]
    population["reviews"].append(own | {"reviewed_at": days_ago(30), "rating_overall": 1})
    praised = own | {"transaction_id": "praised"}
    population["transactions"].append(population["transactions"][-1] | praised)
    population["reviews"].append(praised | {"reviewed_at": days_ago(30), "rating_overall": 5})
    return population


def _counted(frames: engine.Frames) -> dict[tuple[int, int], np.ndarray[Any, Any]]:
    """Every leaf in every window, for the shops of the population, one that nothing is known of, and the buyers."""
    subjects = [*SHOPS, "nobody", *BUYERS]
    facts = engine.compile_facts(frames, LEAVES, subjects, MOMENT, EVERYTHING, WINDOWS)
    return {(i, days): facts(leaf, days) for i, leaf in enumerate(LEAVES) for days in WINDOWS}


def _arrow_pandas(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    return relation.to_arrow_table().to_pandas(types_mapper=pd.ArrowDtype)


def _plain_pandas(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Columns of NumPy and of Python objects, as most people have them; NumPy knows no calendar days."""
    days = [name for name, kind in zip(relation.columns, relation.types, strict=True) if str(kind) == "DATE"]
    return relation.df().astype(dict.fromkeys(days, pd.ArrowDtype(pa.date32())))


@pytest.mark.parametrize(
    "native",
    [
        pytest.param(lambda relation: relation.pl(), id="polars"),
        pytest.param(_plain_pandas, id="pandas"),
        pytest.param(_arrow_pandas, id="pandas on arrow"),
    ],
)
@pytest.mark.thorough
def test_expressions_say_the_same_on_every_frame(fill, native: Callable[[duckdb.DuckDBPyRelation], Any]) -> None:
    con = fill(**_population())
    on_duckdb = _counted(engine.known(con, MOMENT))

    def frames(table: Table) -> nw.LazyFrame[Any]:
        frame = nw.from_native(native(engine.relation(con, table, MOMENT.cut_off))).lazy()
        return engine.as_of(frame, table, MOMENT)

    for key, values in _counted(frames).items():
        np.testing.assert_allclose(values, on_duckdb[key], rtol=1e-12, atol=0, err_msg=str(key))


@pytest.mark.thorough
def test_the_population_of_that_test_reaches_every_leaf(fill) -> None:
    con = fill(**_population())
    for (i, days), values in _counted(engine.known(con, MOMENT)).items():
        if days == 365:
            assert np.nan_to_num(values).any(), LEAVES[i]


def test_windows_are_nested_sums_of_buckets(fill) -> None:
    """The bucket plan counts what a filter by window would."""
    con = fill(**_population())
    subjects = [*SHOPS, "nobody"]
    facts = engine.compile_facts(engine.known(con, MOMENT), [COMPLAINTS], subjects, MOMENT, EVERYTHING, WINDOWS)
    for days in WINDOWS:
        by_hand = con.execute(
            """SELECT count(t.complaint_id) FROM (SELECT 'shop ' || i AS subject_id FROM range(8) r(i)) s
               LEFT JOIN canonical.complaints t ON t.subject_id = s.subject_id AND filed_at < ? AND filed_at >= ?
               GROUP BY s.subject_id ORDER BY s.subject_id""",
            [MOMENT.cut_off, MOMENT.start(days)],
        ).fetchall()
        assert facts(COMPLAINTS, days).tolist() == [*(number for (number,) in by_hand), 0]


def test_an_unsupplied_table_has_no_numbers(fill) -> None:
    con = fill(transactions=[{}])
    facts = engine.compile_facts(engine.known(con, MOMENT), [ORDERS], ["shop", "nobody"], MOMENT, ["reviews"])
    assert np.isnan(facts(ORDERS, 365)).all()
    facts = engine.compile_facts(engine.known(con, MOMENT), [ORDERS], ["shop", "nobody"], MOMENT, EVERYTHING)
    assert facts(ORDERS, 365).tolist() == [1, 0]


# --- what lies after the cut-off is blank ------------------------------------------------------------------------


def _sample(column: Column) -> str:
    if column.codes:
        return column.codes[-1]
    samples = {"text": "x", "boolean": "true", "money": "12.50", "integer": "3", "date": "2025-06-15"}
    return samples[column.type] if column.type != "instant" else "2025-06-15T10:00:00+08"


def _rows(con: duckdb.DuckDBPyConnection, table: Table) -> list[dict[str, Any]]:
    """What is seen of the table at the cut-off, by key and without it."""
    frame = engine.known(con, MOMENT)(table).lazy().collect(backend="pyarrow").to_arrow()
    promised = {
        c.name for c in table.columns if c.derived and any(p.promise and p.name in c.derived for p in table.columns)
    }
    left_out = promised | {table.key}  # what was promised is known when it is, though it is not due
    return [{name: row[name] for name in table.names if name not in left_out} for row in frame.to_pylist()]


DATED = [
    (table, column)
    for table in TABLES.values()
    for column in table.supplied
    if column.name != table.event and (column.type == "instant" or (column.type == "date" and not column.plan))
]
EVERY_DATED = pytest.mark.parametrize(
    ("table", "column"), DATED, ids=[f"{table.name}.{column.name}" for table, column in DATED]
)


def _around(column: Column) -> tuple[str, str]:
    """(the last moment seen, the first not seen)."""
    if column.type == "date":
        return "2025-06-30", "2025-07-01"
    if column.ends:
        return "2025-07-01T00:00:00+08", "2025-07-01T00:00:00.000001+08"
    return "2025-06-30T23:59:59.999999+08", "2025-07-01T00:00:00+08"


@EVERY_DATED
def test_a_row_with_a_later_instant_reads_as_if_it_were_blank(fill, table: Table, column: Column) -> None:
    """Whatever hangs on the instant is blank with it, or says what it says while nothing has happened."""
    whole = {c.name: _sample(c) for c in table.supplied if c.name not in (table.key, "subject_id")}
    _, later = _around(column)
    hanging = [c for c in table.supplied if c.known_from == column.name]
    blank: dict[str, Any] = {column.name: None} | {c.name: c.until_known for c in hanging}
    seen = _rows(fill(**{table.name: [whole | {column.name: later}, whole | blank]}), table)
    assert len(seen) == 2
    if column.default:  # a blank promise has its default: only the later one is blank
        seen = [row | {column.name: None} for row in seen]
    assert seen[0] == seen[1]
    assert seen[0][column.name] is None


@EVERY_DATED
def test_the_last_moment_before_the_cut_off_is_seen(fill, table: Table, column: Column) -> None:
    last, _ = _around(column)
    whole = {c.name: _sample(c) for c in table.supplied if c.name not in (table.key, "subject_id")}
    (seen,) = _rows(fill(**{table.name: [whole | {column.name: last}]}), table)
    assert seen[column.name] is not None
    for hanging in table.supplied:
        if hanging.known_from == column.name:
            assert seen[hanging.name] is not None


@pytest.mark.parametrize("table", EVENTFUL, ids=lambda table: table.name)
def test_a_row_whose_event_is_not_before_the_cut_off_is_not_there(fill, table: Table) -> None:
    assert table.event is not None
    last, later = _around(table.column(table.event))
    assert len(_rows(fill(**{table.name: [{table.event: last}, {table.event: later}]}), table)) == 1


def test_validities_lie_in_the_future_and_stay(fill) -> None:
    con = fill(subjects=[{"licence_no": "1", "licence_valid_until": "2030-01-01", "joined_on": "2025-06-30"}])
    (seen,) = _rows(con, TABLES["subjects"])
    assert seen["licence_valid_until"] == date(2030, 1, 1)
    assert seen["joined_on"] == date(2025, 6, 30)


DERIVED = [(table, column) for table in TABLES.values() if table.event for column in table.columns if column.derived]


@pytest.mark.parametrize(("table", "column"), DERIVED, ids=[f"{table.name}.{column.name}" for table, column in DERIVED])
def test_a_derived_column_is_hidden_with_the_latest_instant_it_is_made_of(table: Table, column: Column) -> None:
    """Its instants are the event, the one it hangs on, and promises or beginnings that come before that one."""
    assert column.derived is not None
    instants = {c.name for c in table.columns if c.type == "instant" and c.name in column.derived}
    assert instants
    promises = {c.name for c in table.columns if c.promise}  # what was promised is known when it is
    assert (column.known_from in instants) or instants <= {table.event} | promises
    assert instants - {table.event, column.known_from} <= promises | {
        "refund_requested_at"
    }  # a refund follows its asking


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_what_hangs_on_an_instant_names_one_of_its_row(table: Table) -> None:
    for column in table.columns:
        if column.known_from is not None:
            assert table.column(column.known_from).type == "instant"
        assert column.until_known is None or column.known_from is not None


def _late(column: Column, value: str) -> bool:
    if column.type == "date":
        return date.fromisoformat(value) >= DAY
    return datetime.fromisoformat(value) >= MOMENT.cut_off


@pytest.mark.thorough
def test_every_indicator_is_blind_to_what_lies_after_the_cut_off(fill) -> None:
    """All leaves of the catalogue, on the population as it is and with everything after the cut-off erased."""
    population = _population()
    whole = _counted(engine.known(fill(**population), MOMENT))
    erased = {}
    for name, rows in population.items():
        table = TABLES[name]
        dated = [c for c in table.supplied if c.type == "instant" or (c.type == "date" and not c.plan)]
        kept = []
        for row in rows:
            late = {c.name for c in dated if row.get(c.name) and _late(c, row[c.name])}
            if table.event in late:
                continue
            # A blank would be filled in there; a promise is known when it is made.
            late -= {c.name for c in table.supplied if c.default or c.promise}
            hanging = {c.name: c.until_known for c in table.supplied if c.known_from in late and row.get(c.name)}
            kept.append(row | dict.fromkeys(late) | hanging)
        assert kept != rows, f"{name}: nothing lies after the cut-off"
        erased[name] = kept
    for key, values in _counted(engine.known(fill(**erased), MOMENT)).items():
        np.testing.assert_array_equal(values, whole[key], err_msg=str(LEAVES[key[0]]))


# --- two clocks --------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(home: Settings, tmp_path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Callable[..., None]]]:
    """(an open warehouse with one shop, `deliver(known_at=..., ...)`: one version of its transaction, in a batch)."""
    with open_warehouse(home) as con:
        deliveries = iter(range(100))

        def land(table: str, row: dict[str, Any]) -> None:
            folder = tmp_path / f"delivery {next(deliveries)}"
            folder.mkdir()
            (folder / f"{table}.ndjson").write_text(json.dumps(row) + "\n", encoding="utf-8")
            merging.accept(con, landing.land(con, home, "canonical", folder, DAY).batch_id)

        def deliver(known_at: str, **given: Any) -> None:
            row = {"transaction_id": "t", "subject_id": "shop", "ordered_at": "2025-06-01 10:00", "currency": "CNY"}
            land("transactions", row | {"amount": "100", "known_at": known_at} | given)

        land("subjects", {"subject_id": "shop", "kind": "enterprise", "role": "seller", "known_at": "2025-01-01"})
        yield con, deliver


def _amounts(con: duckdb.DuckDBPyConnection, day: date) -> list[str]:
    moment = engine.Moment(cut_off(day, ZONE), ZONE)
    frame = engine.known(con, moment)(TABLES["transactions"]).lazy().collect(backend="pyarrow").to_arrow()
    return [str(amount) for amount in frame["amount"].to_pylist()]


def test_a_row_counts_from_the_day_it_is_known(shop) -> None:
    con, deliver = shop
    deliver("2025-06-05 00:00:00", amount="100")
    assert _amounts(con, date(2025, 6, 4)) == []  # it had happened, but nobody knew
    assert _amounts(con, date(2025, 6, 5)) == ["100.00"]  # known at the cut-off


def test_a_correction_counts_from_the_day_it_is_known_and_the_past_stays(shop) -> None:
    con, deliver = shop
    deliver("2025-06-02", amount="100")
    deliver("2025-06-10", amount="80")
    deliver("2025-06-20", amount="60")
    days = (date(2025, 6, 2), date(2025, 6, 9), date(2025, 6, 10), date(2025, 6, 19), date(2025, 6, 20), DAY)
    assert [_amounts(con, day) for day in days] == [["100.00"], ["100.00"], ["80.00"], ["80.00"], ["60.00"], ["60.00"]]


def test_versions_may_arrive_in_any_order(shop) -> None:
    con, deliver = shop
    deliver("2025-06-20", amount="60")
    deliver("2025-06-02", amount="100")
    deliver("2025-06-10", amount="80")
    days = (date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 10), date(2025, 6, 20), DAY)
    assert [_amounts(con, day) for day in days] == [[], ["100.00"], ["80.00"], ["60.00"], ["60.00"]]


def test_a_version_that_says_nothing_new_is_no_version(shop) -> None:
    con, deliver = shop
    deliver("2025-06-02")
    deliver("2025-06-10")
    assert con.execute("SELECT count(*) FROM history.transactions").fetchall() == [(0,)]
    assert _amounts(con, date(2025, 6, 5)) == ["100.00"]


def test_both_clocks_at_once(shop) -> None:
    """A delivery reported early is not seen before it happens; one reported late is not seen before it is reported."""
    con, deliver = shop
    deliver("2025-06-02")
    deliver("2025-06-03", delivered_at="2025-06-10 10:00")
    deliver("2025-06-20", delivered_at="2025-06-08 10:00")

    def delivered(day: date) -> list[Any]:
        moment = engine.Moment(cut_off(day, ZONE), ZONE)
        frame = engine.known(con, moment)(TABLES["transactions"]).lazy().collect(backend="pyarrow").to_arrow()
        times = [value and value.astimezone(moment.cut_off.tzinfo) for value in frame["delivered_at"].to_pylist()]
        return [value and f"{value:%d %H:%M}" for value in times]

    assert delivered(date(2025, 6, 10)) == [None]
    assert delivered(date(2025, 6, 11)) == ["10 10:00"]
    assert delivered(date(2025, 6, 19)) == ["10 10:00"]
    assert delivered(date(2025, 6, 20)) == ["08 10:00"]


def _due(con: duckdb.DuckDBPyConnection, day: date) -> list[tuple[Any, ...]]:
    moment = engine.Moment(cut_off(day, ZONE), ZONE)
    seen = engine.known(con, moment)(TABLES["transactions"]).lazy().collect(backend="pyarrow").to_arrow()
    return [
        (due and due.astimezone(ZoneInfo(ZONE)).isoformat()[:16], minutes)
        for due, minutes in zip(
            seen["dispatch_due_at"].to_pylist(), seen["dispatch_allowed_minutes"].to_pylist(), strict=True
        )
    ]


@pytest.mark.parametrize("moved", ["2025-06-20 10:00", None])
def test_the_promise_first_made_is_the_one_that_binds(shop, moved: str | None) -> None:
    con, deliver = shop
    deliver("2025-06-01 12:00", dispatch_due_at="2025-06-03 10:00")
    deliver("2025-06-05 12:00", dispatch_due_at=moved, dispatched_at="2025-06-05 11:00")
    assert _due(con, date(2025, 6, 10)) == [("2025-06-03T10:00", 2 * 1440)]
    again = con.execute("SELECT count(*) FROM history.transactions").fetchall()
    deliver("2025-06-06 12:00", dispatch_due_at=moved, dispatched_at="2025-06-05 11:00")
    assert con.execute("SELECT count(*) FROM history.transactions").fetchall() == again


def test_a_promise_made_later_binds_from_then(shop) -> None:
    con, deliver = shop
    deliver("2025-06-01 12:00")
    deliver("2025-06-02 09:00", dispatch_due_at="2025-06-03 10:00")
    deliver("2025-06-05 12:00", dispatch_due_at="2025-06-20 10:00")
    assert [_due(con, date(2025, 6, day)) for day in (2, 10)] == [[(None, None)], [("2025-06-03T10:00", 2 * 1440)]]

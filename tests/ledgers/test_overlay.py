"""Rows left out and values corrected as an evaluation reads them, and only from their night on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.evaluation import engine, explain
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.ledgers import adjustments, moments, objections, overlay
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from support.chance_market import BOOKS, SHOPS, ingest, one_each, stable, warehouse_of, write
from support.chance_market import DAY as CHANCE_DAY
from support.chance_market import market as chance_market
from support.entries import BEFORE, LI, NOW, graded, night, published, rows, upheld
from support.homes import write_key
from support.small_market import DAY, ZONE, at, changed, deliver

pytestmark = pytest.mark.slow


def differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]} - {"grade", "score"}


CORRECTED = [
    "reviews:shop-1:rating_overall=4", "complaints:c2:category=service", "public_records:p1:grade=minor",
]  # fmt: skip
"""The violation v1 was none, beside that."""


@pytest.fixture(scope="module")
def corrected(evaluated: bytes, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which an objection was upheld, and DAY evaluated again; tests only read it."""
    options = _home(tmp_path_factory.mktemp("corrected"), evaluated)
    with pytest.MonkeyPatch.context() as patched, open_warehouse(options) as con:
        patched.setattr(moments, "now", lambda: NOW.astimezone(UTC))
        before = night(con, DAY)
        decided = upheld(con, about="violation", exclude=["violations:v1"], correct=CORRECTED)
        assert decided.events[0].from_day == DAY
        assert night(con, DAY) == before, "nothing changes before it is evaluated"
        evaluation.evaluate(con, options, DAY)
    return options


@pytest.fixture
def own(corrected: Settings, tmp_path: Path, clock: object) -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    """A copy of it to change."""
    options = _home(tmp_path / "own", corrected.database.read_bytes())
    with open_warehouse(options) as con:
        yield con, options


def _home(folder: Path, warehouse: bytes) -> Settings:
    options = Settings(home=folder, zone=ZONE, threads=1)
    options.home.mkdir(exist_ok=True)
    options.database.write_bytes(warehouse)
    write_key(options)
    return options


def test_what_is_corrected_changes_its_indicators_alone(corrected: Settings, con: duckdb.DuckDBPyConnection) -> None:
    before, rival = graded(con, DAY), graded(con, DAY, "rival")
    with open_warehouse(corrected) as other:
        after = graded(other, DAY)
        assert graded(other, DAY, "rival") == rival
    # One month of the 36 that a serious penalty is shown has passed, or of the 3 of a minor one.
    changed_ones = {
        "violations": (12, 0),
        "rating_overall": (5 * 20, 5 * 20 - 1),
        "penalties": (10 * 35 / 36, 1 * 2 / 3),
    }
    assert differences(before, after) == set(changed_ones)
    for name, (was, now) in changed_ones.items():
        assert (before[name][1], after[name][1]) == (pytest.approx(was), pytest.approx(now)), name
    assert after["score"] > before["score"]


def test_earlier_nights_replay_and_one_alone_equals_the_whole_night(
    own: tuple[duckdb.DuckDBPyConnection, Settings],
) -> None:
    con, options = own
    earlier, whole = night(con, BEFORE), night(con, DAY)
    evaluation.evaluate_merchant(con, options, DAY, "shop")
    assert night(con, DAY) == whole
    evaluation.evaluate(con, options, BEFORE)
    assert night(con, BEFORE) == earlier


def test_a_delivery_does_not_undo_it(own: tuple[duckdb.DuckDBPyConnection, Settings], tmp_path: Path) -> None:
    con, options = own
    first = graded(con, DAY)
    again = rows()
    deliver(
        con, options, tmp_path / "again",
        {
            "violations": [changed(again["violations"], "violation_id", "v1", severity="moderate", known_at=at(-0.5))],
            "public_records": [changed(again["public_records"], "record_id", "p1", note="again", known_at=at(-0.5))],
        },
    )  # fmt: skip
    assert con.execute("SELECT severity FROM canonical.violations WHERE violation_id = 'v1'").fetchall() == [
        ("moderate",)
    ]
    evaluation.evaluate(con, options, DAY)
    assert graded(con, DAY) == first
    read = engine.relation(con, TABLES["public_records"], cut_off(DAY, ZONE)).filter("record_id = 'p1'")
    assert read.project("grade, note").fetchall() == [("minor", "again")]


def test_a_value_put_right_changes_what_follows_from_it(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    """The order sent late was sent in time, and so was kept; the answer to a complaint came sooner than was delivered."""
    before = graded(con, DAY)
    assert before["on_time_dispatch_rate"] == ("measured", 39, 40)
    assert (before["order_volume"][1], before["amount"][1], before["completion_rate"][1:]) == (39, 3900, (39, 39))
    upheld(con, correct=[f"transactions:shop-0:dispatched_at={at(-99)}"])
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    assert after["on_time_dispatch_rate"] == ("measured", 40, 40)
    assert (after["order_volume"][1], after["amount"][1], after["completion_rate"][1:]) == (40, 4000, (40, 40))
    assert after["score"] > before["score"]
    assert all("transactions" in CATALOGUE[name].tables for name in differences(before, after))

    table = TABLES["complaints"]

    def minutes() -> list[Any]:
        read = engine.relation(con, table, cut_off(DAY, ZONE)).filter("complaint_id = 'c:1'")
        return read.project("response_minutes, resolution_minutes, outcome").fetchall()

    assert minutes() == [(1440, 7200, "upheld")]
    upheld(con, correct=[f"complaints:c:1:first_response_at={at(-19.5)}", "complaints:c:1:outcome=settled"])
    assert minutes() == [(720, 7200, "settled")]
    delivered = engine.relation(con, table, cut_off(BEFORE, ZONE)).filter("complaint_id = 'c:1'")
    assert delivered.project("response_minutes, outcome").fetchall() == [(1440, "upheld")]


def test_keys_and_values_may_hold_colons_and_blanks_are_values(con: duckdb.DuckDBPyConnection) -> None:
    upheld(con, correct=["public_records:p1:note=see a:b=c", "complaints:c:1:liability="], exclude=["complaints:c2"])
    entered = [
        (adjustment.key, adjustment.column, adjustment.value) for adjustment in adjustments.adjustments(con, "shop")
    ]
    assert entered == [("c2", None, None), ("p1", "note", "see a:b=c"), ("c:1", "liability", None)]


def test_values_are_read_as_a_delivery_would_be(con: duckdb.DuckDBPyConnection) -> None:
    """Days without offset in the platform's zone, codes in any case, numbers and yes or no in any spelling."""
    upheld(
        con,
        correct=[
            "transactions:shop-0:dispatched_at=2026-08-18 09:30", "transactions:shop-0:traceable=是",
            "reviews:shop-1:rating_overall=4.0", "public_records:p1:kind=AWARD", "subjects:shop:name= 新名 ",
        ],
    )  # fmt: skip
    assert [adjustment.value for adjustment in adjustments.adjustments(con, "shop")] == [
        "2026-08-18 01:30:00+00", "true", "4", "award", "新名",
    ]  # fmt: skip


def test_a_night_without_adjustments_reads_the_rows_themselves(con: duckdb.DuckDBPyConnection) -> None:
    upheld(con, exclude=["violations:v1"])
    assert overlay.overlaid(con, TABLES["violations"], "SELECT 1", BEFORE) == "SELECT 1"
    assert overlay.overlaid(con, TABLES["complaints"], "SELECT 1", DAY) == "SELECT 1"


def test_a_decision_counts_from_the_day_it_names(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    assert graded(con, BEFORE)["violations"] == ("measured", 12, None)
    upheld(con, exclude=["violations:v1"], from_day=BEFORE)
    evaluation.evaluate(con, home, BEFORE)
    assert graded(con, BEFORE)["violations"] == ("measured", 0, None)


def test_the_last_decision_holds(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    number = upheld(con, exclude=["violations:v1"], correct=["reviews:shop-1:rating_overall=1"]).number
    before = graded(con, DAY)
    reviewed = objections.decide(
        con, number, outcome="partly_upheld", reason="on review", correct=["violations:v1:severity=minor"], **LI
    )
    assert (reviewed.outcome, len(reviewed.events)) == ("partly_upheld", 2)
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    assert differences(before, after) == {"violations"}
    assert after["violations"] == ("measured", 1, None)
    objections.decide(con, number, outcome="rejected", reason="on second review", **LI)
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY) == before
    (notice,) = published(con).notices["shop"]
    assert "已撤销" in notice.zh
    assert "withdrawn" in notice.en


@pytest.mark.thorough
def test_rows_left_out_are_not_behind_a_number(
    home: Settings, con: duckdb.DuckDBPyConnection, corrected: Settings
) -> None:
    def explained(con: duckdb.DuckDBPyConnection, options: Settings) -> dict[str, Any]:
        explanation = explain.explain(con, options, "shop", DAY, rows=True)
        json.dumps(explanation)
        return explanation

    def behind(explanation: dict[str, Any]) -> set[str]:
        return {
            key
            for element in explanation["elements"]
            for indicator in element["indicators"]
            for part in indicator.get("rows", [])
            for key in part["ids"]
        }

    before = explained(con, home)
    assert {"v1", "p1"} <= behind(before)
    assert before["objections"] == {"open": [], "decided": [], "adjustments": [], "pending": False}
    with open_warehouse(corrected) as other:
        explanation = explained(other, corrected)
    assert behind(before) - behind(explanation) == {"v1"}
    assert not explanation["objections"]["pending"]
    adjusted = {(row["row"], row["column"], row["reason"]) for row in explanation["objections"]["adjustments"]}
    assert adjusted == {
        ("violations:v1", None, "so it is"), ("reviews:shop-1", "rating_overall", "so it is"),
        ("complaints:c2", "category", "so it is"), ("public_records:p1", "grade", "so it is"),
    }  # fmt: skip
    (decided,) = explanation["objections"]["decided"]
    assert (decided["about"]["code"], decided["outcome"]["code"], decided["days"]) == ("violation", "upheld", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    base = tmp_path_factory.mktemp("chance")
    numbers = iter(range(1_000_000))

    def new() -> Path:
        path = base / str(next(numbers))
        path.mkdir()
        return path

    return new


def excluded(con: duckdb.DuckDBPyConnection, subject_id: str, key: str) -> None:
    filed = objections.file(con, subject_id, about="complaint", text="t", by="Wang")
    objections.decide(
        con, filed.number, outcome="upheld", reason="r", exclude=[f"complaints:{key}"], from_day=CHANCE_DAY, **LI
    )


@stable(2)
@given(seed=st.integers(0, 3), complaints=st.tuples(*one_each[0]))
@pytest.mark.thorough
def test_leaving_an_upheld_complaint_out_never_lowers_a_score(folder: Any, seed: int, complaints: Any) -> None:
    """And it is as if it had never been filed."""
    rows = chance_market(seed)
    with warehouse_of(folder()) as (con, options):
        ingest(con, options, write(folder(), rows))
        without = evaluation.compute(con, CHANCE_DAY, ZONE, BOOKS)
        ingest(con, options, write(folder(), {"complaints": list(complaints)}))
        before = evaluation.compute(con, CHANCE_DAY, ZONE, BOOKS)
        for shop, complaint in zip(SHOPS, complaints, strict=True):
            excluded(con, shop, complaint["complaint_id"])
        after = evaluation.compute(con, CHANCE_DAY, ZONE, BOOKS)
        for never, was, now in zip(without, before, after, strict=True):
            assert (now.scores.score >= was.scores.score).all()
            assert (now.scores.score == never.scores.score).all()
            assert now.grades.equals(never.grades)


@stable(2)
@given(seed=st.integers(0, 3), data=st.data())
@pytest.mark.thorough
def test_the_order_of_decisions_makes_no_difference(folder: Any, seed: int, data: st.DataObject) -> None:
    rows = chance_market(seed)
    keys = {"complaints": "complaint_id", "transactions": "transaction_id", "reviews": "review_id"}
    corrected = {
        "complaints": "outcome=rejected",
        "transactions": "refund_reason=quality",
        "reviews": "rating_overall=3",
    }
    decisions = []
    for table, key in keys.items():
        if rows[table]:
            some = data.draw(
                st.lists(st.sampled_from(rows[table]), max_size=3, unique_by=lambda row, key=key: row[key])
            )
            for row in some:
                how = "exclude" if data.draw(st.booleans()) else "correct"
                ref = f"{table}:{row[key]}" + (f":{corrected[table]}" if how == "correct" else "")
                decisions.append((row["subject_id"], how, ref))
    orders = [decisions, data.draw(st.permutations(decisions))]
    results = []
    for order_ in orders:
        with warehouse_of(folder()) as (con, options):
            ingest(con, options, write(folder(), rows))
            for subject_id, how, ref in order_:
                filed = objections.file(con, subject_id, about="other", text="t", by="Wang")
                objections.decide(
                    con, filed.number, outcome="upheld", reason="r", from_day=CHANCE_DAY, **LI, **{how: [ref]}
                )
            results.append([evaluated.grades for evaluated in evaluation.compute(con, CHANCE_DAY, ZONE, BOOKS)])
    assert all(a.equals(b) for a, b in zip(*results, strict=True))

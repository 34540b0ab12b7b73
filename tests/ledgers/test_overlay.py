"""Rows left out and values corrected as an evaluation reads them, and only from their night on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.evaluation import engine, explain
from credit.evaluation import night as evaluation
from credit.ledgers import adjustments, objections, overlay
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from support.chance_market import BOOKS, SHOPS, ingest, one_each, stable, warehouse_of, write
from support.chance_market import DAY as CHANCE_DAY
from support.chance_market import market as chance_market
from support.entries import BEFORE, LI, graded, night, published, rows, upheld
from support.small_market import DAY, ZONE, at, changed, deliver

pytestmark = pytest.mark.slow


def differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]} - {"grade", "score"}


def test_a_row_left_out_changes_its_indicator_alone(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    before, earlier, rival = graded(con, DAY), night(con, BEFORE), graded(con, DAY, "rival")
    assert before["violations"] == ("measured", 12, None)
    decided = upheld(con, exclude=["violations:v1"])
    assert decided.events[0].from_day == DAY
    assert night(con, DAY)["grades"]  # nothing changes before it is evaluated
    assert graded(con, DAY) == before
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    assert differences(before, after) == {"violations"}
    assert after["violations"] == ("measured", 0, None)
    assert after["score"] > before["score"]
    assert graded(con, DAY, "rival") == rival
    evaluation.evaluate(con, home, BEFORE)
    assert night(con, BEFORE) == earlier


def test_one_alone_equals_the_whole_night(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    upheld(con, exclude=["violations:v1"], correct=["reviews:shop-1:rating_overall=4"])
    evaluation.evaluate_merchant(con, home, DAY, "shop")
    assert graded(con, DAY)["violations"] == ("measured", 0, None)
    evaluation.evaluate(con, home, DAY)
    whole = night(con, DAY)
    evaluation.evaluate_merchant(con, home, DAY, "shop")
    assert night(con, DAY) == whole


def test_a_delivery_does_not_undo_it(home: Settings, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    upheld(con, exclude=["violations:v1"], correct=["complaints:c2:category=service", "public_records:p1:grade=minor"])
    evaluation.evaluate(con, home, DAY)
    first = graded(con, DAY)
    again = rows()
    deliver(
        con, home, tmp_path / "again",
        {
            "violations": [changed(again["violations"], "violation_id", "v1", severity="moderate", known_at=at(-0.5))],
            "public_records": [changed(again["public_records"], "record_id", "p1", note="again", known_at=at(-0.5))],
        },
    )  # fmt: skip
    assert con.execute("SELECT severity FROM canonical.violations WHERE violation_id = 'v1'").fetchall() == [
        ("moderate",)
    ]
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY) == first
    read = engine.relation(con, TABLES["public_records"], cut_off(DAY, ZONE)).filter("record_id = 'p1'")
    assert read.project("grade, note").fetchall() == [("minor", "again")]


def test_a_value_put_right_changes_what_follows_from_it(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    """The order sent late was sent in time; the answer to a complaint came sooner than was delivered."""
    before = graded(con, DAY)
    numerator = before["on_time_dispatch_rate"][1]
    upheld(con, correct=[f"transactions:shop-0:dispatched_at={at(-99)}"])
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    assert after["on_time_dispatch_rate"][1] == numerator + 1
    assert all("dispatch" in name for name in differences(before, after))

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
    upheld(con, exclude=["violations:v1"], from_day=BEFORE)
    for day in (BEFORE, DAY):
        evaluation.evaluate(con, home, day)
        assert graded(con, day)["violations"] == ("measured", 0, None)


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


def test_rows_left_out_are_not_behind_a_number(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    def explained() -> dict[str, Any]:
        explanation = explain.explain(con, home, "shop", DAY, rows=True)
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

    before = explained()
    assert "v1" in behind(before)
    assert before["objections"] == {"open": [], "decided": [], "adjustments": [], "pending": False}
    upheld(con, about="violation", exclude=["violations:v1"])
    evaluation.evaluate(con, home, DAY)
    explanation = explained()
    assert "v1" not in behind(explanation)
    assert not explanation["objections"]["pending"]
    (row,) = explanation["objections"]["adjustments"]
    assert (row["row"], row["column"], row["reason"]) == ("violations:v1", None, "so it is")
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


@stable(3)
@given(seed=st.integers(0, 3), complaints=st.tuples(*one_each[0]))
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


@stable(3)
@given(seed=st.integers(0, 3), data=st.data())
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

"""The ledgers: only added to; what they change in an evaluation, and only from their night on; what is published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from credit import ledgers
from credit.cli.main import app
from credit.errors import UserError
from credit.evaluation import engine, explain
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.ledgers import adjustments, closings, findings, moments, objections, overlay, sanctions
from credit.ledgers.finding import Finding
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse.ledger_tables import LEDGERS
from support.chance_market import BOOKS, SHOPS, ingest, one_each, stable, warehouse_of, write
from support.chance_market import DAY as CHANCE_DAY
from support.chance_market import market as chance_market
from support.entries import BEFORE, LI, NEXT, NOW, graded, night
from support.small_market import CUT_OFF, DAY, ZONE, at, changed, deliver, market, on

FOUND = Finding("order_burst", "shop", DAY, 0.9, orders=("shop-0", "shop-1"))

Rows = dict[str, list[dict[str, Any]]]


def rows() -> Rows:
    """`shop` has an order sent late, two complaints, a violation, a penalty and an odd key; `other` has one of each."""
    made = market({"shop": 1, "rival": 0})
    shop = {"subject_id": "shop"}
    complaint = {"channel": "platform", "category": "quality", "liability": "seller", "resolution_due_at": None}
    made["complaints"] += [
        shop | complaint | {"complaint_id": "c:1", "filed_at": at(-20), "first_response_at": at(-19), "resolved_at": at(-15),
                            "outcome": "upheld", "known_at": at(-14)},
        shop | complaint | {"complaint_id": "c2", "filed_at": at(-18), "first_response_at": at(-17), "resolved_at": at(-16),
                            "outcome": "rejected", "known_at": at(-14)},
    ]  # fmt: skip
    made["violations"].append(
        shop
        | {"violation_id": "v1", "kind": "other", "severity": "serious", "decided_at": at(-30), "known_at": at(-30)}
    )
    made["public_records"].append(
        shop | {"record_id": "p1", "kind": "administrative_penalty", "issuer": "局", "grade": "serious",
                "valid_from": on(-40), "known_at": at(-40)}
    )  # fmt: skip
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`clock(instant)` sets when entries are made; at first it is NOW."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(moments, "now", lambda: instant.astimezone(UTC))

    set_to(NOW)
    return set_to


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The warehouse of a home with the nights of BEFORE and DAY evaluated."""
    folder = tmp_path_factory.mktemp("ledgers")
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, folder / "first", rows())
        for day in (BEFORE, DAY):
            evaluation.evaluate(con, options, day)
    return options.database.read_bytes()


@pytest.fixture
def home(made: bytes, tmp_path: Path, clock: object) -> Settings:
    options = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    options.home.mkdir()
    options.database.write_bytes(made)
    options.key_file.write_text("00" * 32)
    return options


@pytest.fixture
def con(home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(home) as opened:
        yield opened


def differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]} - {"grade", "score"}


def upheld(con: duckdb.DuckDBPyConnection, *, about: str = "other", **values: Any) -> objections.Objection:
    filed = objections.file(con, "shop", about=about, text="wrong", by="Wang Fang")
    return objections.decide(con, filed.number, **{"outcome": "upheld", "reason": "so it is"} | LI | values)


def shown(con: duckdb.DuckDBPyConnection, day: date = DAY) -> ledgers.Published:
    return ledgers.published(con, day, ZONE)


# --- only added to -----------------------------------------------------------------------------------------------


def test_every_ledger_is_only_added_to(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """After each step what was there before is there still, word for word and in front."""
    steps: list[Callable[[], object]] = [
        lambda: objections.file(con, "shop", about="violation", text="no", by="Wang", rows=["violations:v1"]),
        lambda: objections.decide(con, 1, outcome="upheld", reason="r", exclude=["violations:v1"], **LI),
        lambda: objections.decide(con, 1, outcome="rejected", reason="on review", **LI),
        lambda: objections.file(con, "shop", about="grade", text="no", by="Wang", evaluated_on=DAY),
        lambda: objections.withdraw(con, 2, by="Wang"),
        lambda: adjustments.repair(con, "p1", on=DAY, reason="r", **LI),
        lambda: sanctions.impose(con, "shop", kind="warning", reason="r", **LI),
        lambda: sanctions.lift(con, 1, reason="r", **LI),
        lambda: findings.uphold(con, FOUND, reason="r", **LI),
        lambda: findings.dismiss(con, FOUND, reason="r", **LI),
        lambda: closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI),
        lambda: closings.withdraw(con, 1, **LI),
        lambda: evaluation.evaluate(con, home, DAY),
        lambda: evaluation.evaluate(con, home, NEXT),
        lambda: shown(con),
    ]

    def ledger() -> dict[str, list[tuple[Any, ...]]]:
        return {name: con.execute(f"FROM ledger.{name} ORDER BY number").fetchall() for name in LEDGERS}

    delivered = {name: con.execute(f"FROM canonical.{name} ORDER BY ALL").fetchall() for name in TABLES}
    before = ledger()
    for step in steps:
        step()
        after = ledger()
        assert {name: listed[: len(before[name])] for name, listed in after.items()} == before
        before = after
    assert all(before.values()), "every ledger was written to"
    assert {name: con.execute(f"FROM canonical.{name} ORDER BY ALL").fetchall() for name in TABLES} == delivered


# --- exclusion and correction ------------------------------------------------------------------------------------


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
    found = [(one.key, one.column, one.value) for one in adjustments.adjustments(con, "shop")]
    assert found == [("c2", None, None), ("p1", "note", "see a:b=c"), ("c:1", "liability", None)]


def test_values_are_read_as_a_delivery_would_be(con: duckdb.DuckDBPyConnection) -> None:
    """Days without offset in the platform's zone, codes in any case, numbers and yes or no in any spelling."""
    upheld(
        con,
        correct=[
            "transactions:shop-0:dispatched_at=2026-08-18 09:30", "transactions:shop-0:traceable=是",
            "reviews:shop-1:rating_overall=4.0", "public_records:p1:kind=AWARD", "subjects:shop:name= 新名 ",
        ],
    )  # fmt: skip
    assert [one.value for one in adjustments.adjustments(con, "shop")] == [
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
    (notice,) = shown(con).notices["shop"]
    assert "已撤销" in notice.zh
    assert "withdrawn" in notice.en


def test_rows_left_out_are_not_behind_a_number(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    def told() -> dict[str, Any]:
        found = explain.explain(con, home, "shop", DAY, rows=True)
        json.dumps(found)
        return found

    def behind(found: dict[str, Any]) -> set[str]:
        return {
            key
            for element in found["elements"]
            for one in element["indicators"]
            for part in one.get("rows", [])
            for key in part["ids"]
        }

    before = told()
    assert "v1" in behind(before)
    assert before["objections"] == {"open": [], "decided": [], "adjustments": [], "pending": False}
    upheld(con, about="violation", exclude=["violations:v1"])
    evaluation.evaluate(con, home, DAY)
    found = told()
    assert "v1" not in behind(found)
    assert not found["objections"]["pending"]
    (row,) = found["objections"]["adjustments"]
    assert (row["row"], row["column"], row["reason"]) == ("violations:v1", None, "so it is")
    (decided,) = found["objections"]["decided"]
    assert (decided["about"]["code"], decided["outcome"]["code"], decided["days"]) == ("violation", "upheld", 0)


# --- credit repair -----------------------------------------------------------------------------------------------


def test_repair_ends_the_effect_from_its_date(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """Repaired on DAY: the day before, which the night of DAY speaks of, still counts; DAY itself does not."""
    weighed = graded(con, DAY)["penalties"][1]
    assert weighed > 0
    adjustments.repair(con, "p1", on=DAY, reason="decision 17", **LI)
    for day in (DAY, NEXT):
        evaluation.evaluate(con, home, day)
    assert graded(con, DAY)["penalties"][1] == weighed
    assert graded(con, NEXT)["penalties"][1] == 0
    assert shown(con).notices == {}


def test_repair_from_an_earlier_date(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    earlier = night(con, BEFORE)
    made = adjustments.repair(con, "p1", on=DAY - timedelta(days=10), reason="decision 17", **LI)
    assert (made.column, made.value, made.from_day) == ("repaired_on", on(-10), DAY)
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY)["penalties"][1] == 0
    evaluation.evaluate(con, home, BEFORE)
    assert night(con, BEFORE) == earlier


@pytest.mark.parametrize(
    ("record", "day", "said"),
    [
        ("p9", DAY, "no public record 'p9'"),
        ("p0", DAY, "is a award, which is not repaired; expected administrative_penalty"),
        (
            "p1",
            DAY - timedelta(days=41),
            "--on 2026-10-15: .*repaired_on lies before valid_from.*valid_from 2026-10-16",
        ),
        ("p1", DAY + timedelta(days=1), "still to come"),
    ],
)
def test_what_is_no_repair(con: duckdb.DuckDBPyConnection, record: str, day: date, said: str) -> None:
    with pytest.raises(UserError, match=said):
        adjustments.repair(con, record, on=day, reason="r", **LI)
    assert adjustments.adjustments(con, "shop") == []


def test_a_record_is_repaired_once(con: duckdb.DuckDBPyConnection) -> None:
    adjustments.repair(con, "p1", on=DAY, reason="r", **LI)
    with pytest.raises(UserError, match=f"is repaired since {DAY}"):
        adjustments.repair(con, "p1", on=DAY, reason="r", **LI)
    upheld(con, correct=["public_records:p1:repaired_on="])  # it never was
    adjustments.repair(con, "p1", on=DAY, reason="r", **LI)


# --- sanctions ---------------------------------------------------------------------------------------------------


def in_force(con: duckdb.DuckDBPyConnection, day: date) -> list[str]:
    return [one["kind"] for one in shown(con, day).sanctions.get("shop", [])]


def test_a_sanction_is_shown_at_once_and_counts_from_the_next_night(
    home: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    until = DAY + timedelta(days=3)
    sanctions.impose(con, "shop", kind="suspension", reason="假货", until=until, reference="2026-8", **LI)
    assert shown(con).sanctions == {
        "shop": [{"kind": "suspension", "reason": "假货", "imposed_on": DAY, "until": until, "reference": "2026-8"}]
    }
    for days, counts in ((0, 0), (1, 8), (3, 8), (4, 0)):
        day = DAY + timedelta(days=days)
        evaluation.evaluate(con, home, day)
        assert graded(con, day)["sanctions_in_force"][1] == counts
        # The last day is part of it.
        assert in_force(con, day) == ["suspension"] * (day <= until)


def test_a_lifted_sanction_is_over(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    number = sanctions.impose(con, "shop", kind="warning", reason="r", **LI).number
    clock(NOW + timedelta(days=1))
    assert in_force(con, DAY) == ["warning"]
    lifted = sanctions.lift(con, number, reason="mended", **LI)
    assert lifted.lifted is not None
    assert in_force(con, DAY) == []
    for days, counts in ((1, 1), (2, 0)):
        evaluation.evaluate(con, home, DAY + timedelta(days=days))
        assert graded(con, DAY + timedelta(days=days))["sanctions_in_force"][1] == counts
    with pytest.raises(UserError, match=f"sanction {number} was lifted on {NEXT}"):
        sanctions.lift(con, number, reason="again", **LI)


def test_a_sanction_survives_a_delivery_of_sanctions(
    home: Settings, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    sanctions.impose(con, "rival", kind="restriction", reason="r", **LI)
    delivered = {"sanction_id": "s9", "subject_id": "shop", "kind": "restriction", "reason": "r", "imposed_at": at(0.5),
                 "known_at": at(0.5)}  # fmt: skip
    deliver(con, home, tmp_path / "again", {"sanctions": [*rows()["sanctions"], delivered]}, NEXT)
    evaluation.evaluate(con, home, NEXT)
    assert graded(con, NEXT)["sanctions_in_force"][1] == 1 + 3
    assert graded(con, NEXT, "rival")["sanctions_in_force"][1] == 3
    # What the platform delivers is shown by the disclosure itself.
    assert in_force(con, NEXT) == ["warning"]
    only = engine.relation(con, TABLES["sanctions"], cut_off(NEXT, ZONE), delivered=True)
    assert [row[0] for row in only.order("sanction_id").project("sanction_id").fetchall()] == ["s0", "s9"]


def test_an_objection_takes_a_sanction_out(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    sanctions.impose(con, "shop", kind="restriction", reason="r", **LI)
    upheld(con, about="sanction", exclude=["sanctions:ledger:1"], correct=["sanctions:ledger:2:kind=warning"])
    assert in_force(con, DAY) == ["warning"]
    evaluation.evaluate(con, home, NEXT)
    assert graded(con, NEXT)["sanctions_in_force"][1] == 1


def test_a_platform_may_keep_its_sanctions_here_alone(tmp_path: Path, clock: Any) -> None:
    options = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, tmp_path / "first", rows() | {"sanctions": []})
        evaluation.evaluate(con, options, DAY)
        assert graded(con, DAY)["sanctions_in_force"][0] == "missing"
        sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
        evaluation.evaluate(con, options, DAY)
        assert graded(con, DAY)["sanctions_in_force"][0] == "missing"
        evaluation.evaluate(con, options, NEXT)
        assert graded(con, NEXT)["sanctions_in_force"] == ("measured", 1, None)
        assert graded(con, NEXT, "rival")["sanctions_in_force"] == ("measured", 0, None)


# --- closing -----------------------------------------------------------------------------------------------------


def test_a_notice_of_closing_stands_until_the_day(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(
        UserError, match=r"less than 30 days after 2026-11-25, the day .* entered .*earliest possible is 2026-12-25"
    ):
        closings.announce(con, "shop", on=DAY + timedelta(days=29), **LI)
    last = DAY + timedelta(days=30)
    closings.announce(con, "shop", on=last, text="尾货清仓。", **LI)
    (notice,) = shown(con).notices["shop"]
    assert (notice.kind, notice.on, notice.until, notice.objection, notice.before) == ("closing", DAY, last, None, None)
    assert notice.zh == "本商家将于 2026-12-25 停止经营。尾货清仓。"
    assert notice.en == "This merchant closes on 2026-12-25. 尾货清仓。"
    assert shown(con, last).notices == {"shop": [notice]}
    assert shown(con, last + timedelta(days=1)).notices == {}
    with pytest.raises(UserError, match="withdraw it first with `merchant-credit closing withdraw 1`"):
        closings.announce(con, "shop", on=last, **LI)


def test_the_30_days_run_from_the_entry_of_a_notice(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """Not from when it is said to have happened, and by the platform's day: 00:30 there is the evening before in UTC."""
    clock(CUT_OFF + timedelta(days=1, minutes=30))
    with pytest.raises(UserError, match="earliest possible is 2026-12-26"):
        closings.announce(con, "shop", on=DAY + timedelta(days=30), at=NOW - timedelta(days=31), **LI)
    notice = closings.announce(con, "shop", on=DAY + timedelta(days=31), at=NOW - timedelta(days=31), **LI)
    assert notice.day == DAY - timedelta(days=31)


def test_a_notice_of_closing_can_be_withdrawn(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    closings.withdraw(con, 1, reason="sold on", **LI)
    assert shown(con).notices == {}
    with pytest.raises(UserError, match=f"notice 1 was withdrawn on {DAY}"):
        closings.withdraw(con, 1, **LI)
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    clock(NOW + timedelta(days=31))
    with pytest.raises(UserError, match="notice 2 was of closing on 2026-12-25, which is over"):
        closings.withdraw(con, 2, **LI)
    with pytest.raises(UserError, match="no notice of closing 9; there are 1 to 2"):
        closings.withdraw(con, 9, **LI)


# --- what is published -------------------------------------------------------------------------------------------


def test_a_correction_is_announced_with_what_was_before(
    home: Settings, con: duckdb.DuckDBPyConnection, clock: Any
) -> None:
    before = graded(con, DAY)
    upheld(con, exclude=["violations:v1"], correct=["complaints:c2:category=service"])
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    (notice,) = shown(con).notices["shop"]
    assert (notice.kind, notice.on, notice.until, notice.objection) == ("correction", DAY, DAY + timedelta(days=90), 1)
    assert notice.before == {"grade": before["grade"], "score": before["score"]}
    assert notice.after == {"grade": after["grade"], "score": after["score"]}
    assert after["score"] > before["score"]
    assert notice.zh == "第 1 号异议：异议成立，剔除 1 条、更正 1 条记录，自 2026-11-25 的评价起按更正后的事实计算。"
    assert notice.en == (
        "Objection 1: upheld; 1 record left out, 1 record corrected, counted from the evaluation of 2026-11-25 on."
    )
    assert shown(con, BEFORE).notices["shop"][0].after is None, "that night knows nothing of it"
    assert shown(con, notice.until).notices["shop"]
    assert shown(con, notice.until + timedelta(days=1)).notices == {}
    con.execute(
        """INSERT INTO results.grades SELECT * REPLACE (evaluated_on + 1 AS evaluated_on, 'C' AS grade, 1 AS score)
           FROM results.grades WHERE evaluated_on = ?""",
        [DAY],
    )
    (later,) = shown(con, DAY + timedelta(days=1)).notices["shop"]
    assert later.after == notice.after, "what later nights say has other causes too"
    assert json.loads(json.dumps(notice.told(), default=str))["kind"]["zh"] == "更正公告"


def test_objections_are_shown_open_always_and_decided_for_a_year(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    for day in range(4):
        clock(NOW + timedelta(days=day))
        objections.file(con, "shop", about="grade", text="no", by="Wang")
    clock(NOW + timedelta(days=10))
    objections.decide(con, 1, outcome="rejected", reason="it is right", **LI)
    objections.withdraw(con, 2, by="Wang", reason="my mistake")
    clock(NOW + timedelta(days=13))
    objections.decide(con, 3, outcome="upheld", reason="quite", **LI)
    found = shown(con)
    told = [ledgers.told(one) for one in found.objections["shop"]]
    assert told[3] == {
        "number": 4, "filed_on": DAY + timedelta(days=3), "state": "open",
        "about": {"code": "grade", "zh": "信用等级", "en": "Credit grade"},
    }  # fmt: skip
    assert [(one["days"], one["outcome"]["code"], one["reason"]) for one in told[:3]] == [
        (10, "rejected", "it is right"), (9, "withdrawn", None), (11, "upheld", "quite"),
    ]  # fmt: skip
    assert found.figures == {
        "filed": 4, "open": 1, "decided": 3, "median_days": 10.5, "longest_days": 11,
        "by_outcome": {"upheld": 1, "partly_upheld": 0, "rejected": 1, "withdrawn": 1},
    }  # fmt: skip
    assert found.notices == {}, "nothing was corrected"
    later = shown(con, DAY + timedelta(days=10 + 365))
    assert [one.number for one in later.objections["shop"]] == [3, 4]
    assert later.figures | {"by_outcome": None} == {
        "filed": 0, "open": 1, "decided": 1, "median_days": 11.0, "longest_days": 11, "by_outcome": None,
    }  # fmt: skip
    assert shown(con, BEFORE) == found, "the night does not hide what was entered since"
    clock(NOW + timedelta(days=4000))
    assert shown(con) == found, "there is no clock"


def test_nothing_entered_is_nothing_shown(con: duckdb.DuckDBPyConnection) -> None:
    assert shown(con) == ledgers.Published(
        {}, {}, {},
        {"filed": 0, "open": 0, "decided": 0, "median_days": None, "longest_days": None,
         "by_outcome": dict.fromkeys(objections.OUTCOMES, 0)},
    )  # fmt: skip


# --- entered afterwards ------------------------------------------------------------------------------------------


def test_what_happened_before_is_entered_with_both_instants(con: duckdb.DuckDBPyConnection) -> None:
    filed = objections.file(
        con, "shop", about="grade", text="no", by="Wang", at=datetime.fromisoformat("2026-11-20T10:00")
    )
    assert (filed.day, filed.at.astimezone(UTC).hour) == (date(2026, 11, 20), 2)
    assert filed.recorded_at == NOW.astimezone(UTC)
    decided = objections.decide(
        con, 1, outcome="rejected", reason="r", at=datetime.fromisoformat("2026-11-22T10:00"), **LI
    )
    assert decided.days == 2
    # Nights that were evaluated meanwhile stay as they are.
    assert decided.events[0].from_day == DAY


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (lambda con, at: objections.file(con, "shop", about="grade", text="t", by="W", at=at(1)), "is in the future"),
        (
            lambda con, at: objections.decide(con, 1, outcome="upheld", reason="r", at=at(-9), **LI),
            "objection 1 was filed",
        ),
        (lambda con, at: objections.withdraw(con, 1, at=at(-9), **LI), "is before objection 1 was filed"),
        (lambda con, at: sanctions.lift(con, 1, reason="r", at=at(-9), **LI), "is before sanction 1 was imposed"),
        (lambda con, at: closings.withdraw(con, 1, at=at(-9), **LI), "is before notice 1 was announced"),
    ],
)
def test_nothing_is_entered_from_the_future_or_before_what_it_follows(
    con: duckdb.DuckDBPyConnection, entry: Callable[..., object], said: str
) -> None:
    objections.file(con, "shop", about="grade", text="no", by="Wang")
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    with pytest.raises(UserError, match=said):
        entry(con, lambda days: NOW + timedelta(days=days))


def test_a_sanction_entered_afterwards_counts_from_when_it_was_imposed(
    home: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", at=NOW - timedelta(days=2), **LI)
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY)["sanctions_in_force"][1] == 1


# --- refusals ----------------------------------------------------------------------------------------------------

FILE = {"about": "grade", "text": "t", "by": "Wang"}
LONG = "很" * 2001


@pytest.mark.parametrize(
    ("merchant", "values", "said"),
    [
        ("shopp", {}, "no merchant 'shopp' in the register; nearest ids: shop, "),
        ("shop", {"about": "grades"}, "--about 'grades': expected one of grade, transaction, review"),
        ("shop", {"text": "  "}, "--text is empty"),
        ("shop", {"text": LONG}, "--text has 2,001 characters; expected at most 2,000"),
        ("shop", {"by": ""}, "--by is empty"),
        ("shop", {"by": "a\nb"}, "--by holds a line break"),
        ("shop", {"rows": ["complaints"]}, "--rows 'complaints': expected table:key"),
        ("shop", {"rows": ["complaint:c2"]}, "no table 'complaint'; expected one of subjects, transactions"),
        ("shop", {"rows": ["complaints:c3"]}, "table complaints has no row with complaint_id 'c3'"),
        ("shop", {"rows": ["complaints:c0"]}, "--rows complaints:c0 is a row of another merchant than shop"),
        ("shop", {"evaluated_on": NEXT}, f"--day {NEXT}: shop has no grade of that day"),
    ],
)
def test_what_is_no_objection(con: duckdb.DuckDBPyConnection, merchant: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        objections.file(con, merchant, **FILE | values)
    assert objections.objections(con) == []


def test_a_buyer_is_no_merchant(con: duckdb.DuckDBPyConnection) -> None:
    ((buyer,), *_) = con.execute("SELECT subject_id FROM canonical.subjects WHERE role = 'buyer'").fetchall()
    with pytest.raises(UserError, match="no merchant"):
        objections.file(con, buyer, **FILE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"outcome": "settled"}, "--outcome 'settled': expected one of upheld, partly_upheld, rejected"),
        ({"reason": " "}, "--reason is empty"),
        ({"by": " "}, "--by is empty"),
        ({"outcome": "rejected", "exclude": ["violations:v1"]}, "expected no --exclude and no --correct"),
        (
            {"outcome": "rejected", "correct": ["violations:v1:severity=minor"]},
            "expected no --exclude and no --correct",
        ),
        ({"exclude": ["violations:v0"]}, "--exclude violations:v0 is a row of another merchant"),
        ({"exclude": ["violations:v7"]}, "table violations has no row with violation_id 'v7'"),
        ({"exclude": ["subjects:shop"]}, "a merchant's own entry in the register stays"),
        ({"exclude": ["violations:v1", "violations:v1"]}, "--exclude violations:v1 is given twice"),
        (
            {"exclude": ["violations:v1"], "correct": ["violations:v1:severity=minor"]},
            "violations:v1 is given with --exclude and with --correct",
        ),
        ({"correct": ["violations:v1"]}, "expected table:key:column=value"),
        ({"correct": ["violations:v1:severity"]}, "expected table:key:column=value"),
        ({"correct": ["violations:v9:severity=minor"]}, "table violations has no row with violation_id 'v9'"),
        ({"correct": ["violations:v0:severity=minor"]}, "is a row of another merchant"),
        (
            {"correct": ["violations:v1:grade=A"]},
            "table violations has no column grade; expected one of kind, severity",
        ),
        ({"correct": ["violations:v1:known_at=2026-01-01"]}, "no column known_at"),
        ({"correct": ["violations:v1:violation_id=v2"]}, "violation_id is not corrected, it says whose row it is"),
        ({"correct": ["violations:v1:subject_id=other"]}, "subject_id is not corrected"),
        ({"correct": ["transactions:shop-0:buyer_id=x"]}, "buyer_id is not corrected"),
        ({"correct": ["transactions:shop-0:payment_minutes=1"]}, "payment_minutes is not corrected, it is computed"),
        ({"correct": ["violations:v1:severity=grave"]}, "severity .*is none of minor, moderate, serious: got «grave»"),
        ({"correct": ["violations:v1:severity="]}, "severity .*is missing"),
        ({"correct": ["violations:v1:decided_at=soon"]}, "does not read as an instant .*got «soon»"),
        ({"correct": ["violations:v1:decided_at=2030-01-01"]}, "lies before 2000-01-01 or in the future"),
        ({"correct": ["reviews:shop-1:rating_overall=6"]}, "is above 5: got «6»"),
        ({"correct": ["reviews:shop-1:rating_overall=4.5"]}, "does not read as a whole number"),
        ({"correct": ["transactions:shop-0:amount=-1"]}, "is below 0"),
        ({"correct": [f"transactions:shop-0:currency={LONG}"]}, "is longer than 3 characters"),
        ({"correct": ["transactions:shop-0:paid_at=2020-01-01"]}, "paid_at lies before ordered_at"),
        ({"correct": ["transactions:shop-0:ordered_at=2026-11-20"]}, "lies before ordered_at"),
        ({"correct": ["violations:v1:severity=minor", "violations:v1:severity=minor"]}, "one column is given twice"),
        ({"from_day": DAY + timedelta(days=1)}, f"--from {NEXT} is still to come; expected a day until {DAY}"),
    ],
)
def test_what_is_no_decision(con: duckdb.DuckDBPyConnection, values: dict[str, Any], said: str) -> None:
    objections.file(con, "shop", **FILE)
    with pytest.raises(UserError, match=said):
        objections.decide(con, 1, **{"outcome": "upheld", "reason": "r"} | LI | values)
    assert objections.find(con, 1).state == "open"
    assert adjustments.adjustments(con, "shop") == []


def test_two_corrections_of_a_row_are_judged_together(con: duckdb.DuckDBPyConnection) -> None:
    upheld(con, correct=["public_records:p1:valid_from=2026-11-01", "public_records:p1:valid_until=2026-11-10"])
    with pytest.raises(UserError, match="valid_until lies before valid_from"):
        upheld(con, correct=["public_records:p1:valid_from=2026-11-11", "public_records:p1:valid_until=2026-11-10"])


def test_only_an_open_objection_is_withdrawn_and_a_withdrawn_one_stays_so(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UserError, match="no objection 1: there are none"):
        objections.withdraw(con, 1, by="Wang")
    objections.file(con, "shop", **FILE)
    with pytest.raises(UserError, match="no objection 2; there are 1 to 1"):
        objections.decide(con, 2, outcome="upheld", reason="r", **LI)
    objections.withdraw(con, 1, by="Wang")
    with pytest.raises(UserError, match=f"objection 1 was withdrawn on {DAY}"):
        objections.decide(con, 1, outcome="upheld", reason="r", **LI)
    with pytest.raises(UserError, match=f"objection 1 is withdrawn since {DAY}, not open"):
        objections.withdraw(con, 1, by="Wang")
    number = upheld(con).number
    with pytest.raises(UserError, match=f"objection {number} is decided since {DAY}, not open"):
        objections.withdraw(con, number, by="Wang")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"subject_id": "nobody"}, "no merchant 'nobody'"),
        ({"kind": "fine"}, "--kind 'fine': expected one of warning, restriction, suspension, termination"),
        ({"reason": ""}, "--reason is empty"),
        ({"by": ""}, "--by is empty"),
        ({"reference": "x" * 101}, "--reference has 101 characters; expected at most 100"),
        ({"until": BEFORE}, f"--until {BEFORE} is before {DAY}, the day it is imposed"),
    ],
)
def test_what_is_no_sanction(con: duckdb.DuckDBPyConnection, values: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        sanctions.impose(con, **{"subject_id": "shop", "kind": "warning", "reason": "r"} | LI | values)
    assert sanctions.sanctions(con) == []
    with pytest.raises(UserError, match="no sanction 1: there are none"):
        sanctions.lift(con, 1, reason="r", **LI)


def test_a_sanction_that_ended_is_not_lifted(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", until=DAY, **LI)
    clock(NOW + timedelta(days=1))
    with pytest.raises(UserError, match=f"sanction 1 ended on {DAY}; there is nothing to lift"):
        sanctions.lift(con, 1, reason="r", **LI)


# --- for every market --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    base = tmp_path_factory.mktemp("chance")
    numbers = iter(range(1_000_000))

    def new() -> Path:
        made = base / str(next(numbers))
        made.mkdir()
        return made

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
    of = {"complaints": "complaint_id", "transactions": "transaction_id", "reviews": "review_id"}
    corrected = {
        "complaints": "outcome=rejected",
        "transactions": "refund_reason=quality",
        "reviews": "rating_overall=3",
    }
    decisions = []
    for table, key in of.items():
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
            results.append([one.grades for one in evaluation.compute(con, CHANCE_DAY, ZONE, BOOKS)])
    assert all(a.equals(b) for a, b in zip(*results, strict=True))


# --- by the command ----------------------------------------------------------------------------------------------


def run(home: Settings, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--home", str(home.home)])


def done(home: Settings, *words: str) -> Any:
    result = run(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_from_objection_to_published_correction(home: Settings) -> None:
    filed = done(
        home, "objection", "file", "shop", "--about", "violation", "--text", "不是我们", "--by", "Wang Fang",
        "--rows", "violations:v1", "--day", str(DAY),
    )  # fmt: skip
    assert (filed["number"], filed["rows"], filed["evaluated_on"]) == (1, ["violations:v1"], str(DAY))
    assert [one["number"] for one in done(home, "objection", "list", "--open")] == [1]
    said = run(
        home, "objection", "decide", "1", "--outcome", "upheld", "--reason", "属实", "--by", "Li Wei",
        "--exclude", "violations:v1", "--correct", "reviews:shop-1:rating_overall=4",
    )  # fmt: skip
    assert said.exit_code == 0
    assert "异议成立 Upheld" in said.stdout
    assert f"`merchant-credit evaluate --date {DAY}`" in said.stdout
    assert done(home, "objection", "list", "--open") == []
    shown_ = done(home, "objection", "show", "1")
    assert [(one["row"], one["column"], one["value"]) for one in shown_["adjustments"]] == [
        ("violations:v1", None, None), ("reviews:shop-1", "rating_overall", "4"),
    ]  # fmt: skip
    text = run(home, "objection", "show", "1").stdout
    assert "violations:v1: left out 剔除" in text
    assert "不是我们" in text
    assert "shop" in run(home, "objection", "list", "--merchant", "shop").stdout
    explained = run(home, "explain", "shop").stdout
    assert "1 · 平台违规 Violation of platform rules · 异议成立 Upheld: 属实" in explained
    assert "violations:v1: left out 剔除" in explained
    assert "尚未重新评价" in explained


@pytest.mark.parametrize(
    ("verb", "masked"),
    [("objection decide", 1), ("objection withdraw", 0), ("repair", 0), ("sanction impose", 2), ("sanction lift", 0),
     ("closing announce", 1), ("closing withdraw", 0)],
)  # fmt: skip
def test_help_says_what_is_published_and_how(verb: str, masked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    told = CliRunner().invoke(app, [*verb.split(), "--help"]).stdout
    assert "The person responsible; not published." in told
    assert told.count("published, natural persons' names and numbers masked") == masked
    assert "as entered" not in told


def test_a_path_is_not_taken_for_markup(tmp_path: Path) -> None:
    home = tmp_path / "a[red]b[/nothing]"
    said = CliRunner().invoke(app, ["init", "--home", str(home)])
    assert said.exit_code == 0, said.output
    assert str(home) in said.stdout


def test_the_commands_of_repair_sanction_and_closing(home: Settings) -> None:
    made = done(home, "repair", "p1", "--on", str(BEFORE), "--reason", "decision 17", "--by", "Li Wei")
    assert (made["row"], made["value"], made["from_day"]) == ("public_records:p1", str(BEFORE), str(DAY))
    imposed = done(
        home, "sanction", "impose", "shop", "--kind", "suspension", "--reason", "假货", "--by", "Li Wei", "--until",
        str(NEXT), "--reference", "2026-8", "--at", str(BEFORE),
    )  # fmt: skip
    assert (imposed["number"], imposed["until"], imposed["entered"]["code"]) == (1, str(NEXT), "afterwards")
    assert done(home, "sanction", "lift", "1", "--reason", "mended", "--by", "Li Wei")["lifted"]["on"] == str(DAY)
    assert "假货" in run(home, "sanction", "list").stdout
    assert len(done(home, "sanction", "list", "--merchant", "rival")) == 0
    day = str(DAY + timedelta(days=40))
    assert done(home, "closing", "announce", "shop", "--on", day, "--by", "Li Wei", "--text", "t")["closes_on"] == day
    assert day in run(home, "closing", "list").stdout
    assert done(home, "closing", "withdraw", "1", "--by", "Li Wei")["withdrawn"]["on"] == str(DAY)
    assert len(done(home, "closing", "list")) == 1
    assert done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")["number"] == 1
    assert done(home, "objection", "withdraw", "1", "--by", "W")["state"]["code"] == "withdrawn"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("repair", "p1", "--on", "soon", "--reason", "r", "--by", "L"), "--on 'soon' is not a day"),
        (("objection", "show", "3"), "no objection 3"),
        (("sanction", "lift", "3", "--reason", "r", "--by", "L", "--at", "x"), "--at 'x' is not an instant"),
        (("objection", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("sanction", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("closing", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("repair", "p9", "--on", "2026-01-01", "--reason", "r", "--by", "L"), "explain MERCHANT --rows"),
        (
            ("objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W", "--rows", "complaints:c9"),
            "explain shop --rows",
        ),
    ],
)
def test_the_command_says_what_it_expects(home: Settings, words: tuple[str, ...], said: str) -> None:
    result = run(home, *words)
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)


def test_a_decision_that_changes_nothing_says_so(home: Settings) -> None:
    for number, outcome, told in (1, "upheld", True), (2, "partly_upheld", True), (3, "rejected", False):
        done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")
        words = ("objection", "decide", str(number), "--outcome", outcome, "--reason", "r", "--by", "L")
        assert ("--exclude and --correct" in run(home, *words).stdout) is told


def test_instants_are_shown_to_the_second(home: Settings, clock: Callable[[datetime], None]) -> None:
    clock(NOW.replace(microsecond=123456))
    done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")
    shown_ = run(home, "objection", "show", "1").stdout
    assert f"{NOW.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}+" in shown_
    assert "123456" not in shown_

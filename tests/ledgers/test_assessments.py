"""Evidence, corrective actions, assessments and decisions to publish them: what is entered, every refusal."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.ledgers import assessments
from support.entries import LI, NOW, TOO_LONG
from support.small_market import DAY

pytestmark = pytest.mark.slow

LINE = "hebei-ecommerce-enterprise:4.1.1"
PAPER: dict[str, Any] = {"kind": "document", "title": "营业执照", "dated": DAY, "sha256": "0" * 64, "file": "a.pdf"}
WORD: dict[str, Any] = {"kind": "declaration", "title": "属实", "dated": DAY}
ACTION: dict[str, Any] = {
    "nonconformity": "执照过期", "cause": "无人跟踪", "action": "设提醒", "person": "王芳", "due_on": DAY + timedelta(days=30),
}  # fmt: skip


def test_evidence_holds_from_its_day_through_its_last(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    piece = assessments.add(con, [LINE, LINE], **PAPER, valid_until=DAY + timedelta(days=9), **LI)
    assert (piece.number, piece.targets, piece.by) == (1, [LINE], "Li Wei")
    assert [piece.holds(DAY + timedelta(days=n)) for n in (-1, 0, 9, 10)] == [False, True, True, False]
    clock(NOW + timedelta(days=3))
    void = assessments.expire(con, 1, reason="superseded", **LI)
    assert [void.holds(DAY + timedelta(days=n)) for n in (2, 3)] == [True, False]
    assert void.ended is not None
    assert void.ended.reason == "superseded"
    with pytest.raises(UserError, match="evidence 1 has been void since 2026-11-28"):
        assessments.expire(con, 1, reason="again", **LI)


@pytest.mark.parametrize(
    ("targets", "values", "message"),
    [
        ([], PAPER, "--for: expected at least one line"),
        (["4.1.1"], PAPER, "--for '4.1.1': expected CATALOGUE:LINE"),
        ([LINE], PAPER | {"kind": "rumour"}, "expected one of document, declaration, not_applicable"),
        ([LINE], PAPER | {"sha256": None}, "a document needs its file"),
        ([LINE], WORD | {"sha256": "0" * 64}, "a statement has none"),
        ([LINE], WORD | {"title": " "}, "--title is empty"),
        ([LINE], WORD | {"title": TOO_LONG}, "--title has 2,001 characters"),
        ([LINE], WORD | {"valid_until": DAY - timedelta(days=1)}, "--until 2026-11-24 is before --dated 2026-11-25"),
    ],
)
def test_evidence_is_refused(
    con: duckdb.DuckDBPyConnection, targets: list[str], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        assessments.add(con, targets, **values, **LI)
    assert assessments.evidence(con) == []


def test_an_action_is_open_until_closed_and_overdue_past_its_term(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    action = assessments.open_action(con, LINE, **ACTION, **LI)
    days = [DAY + timedelta(days=n) for n in (-1, 0, 30, 31)]
    assert [action.open(day) for day in days] == [False, True, True, True]
    assert [action.overdue(day) for day in days] == [False, False, False, True]
    with pytest.raises(UserError, match="is before action 1 was opened"):
        assessments.close_action(con, 1, effect="e", at=NOW - timedelta(days=1), **LI)
    clock(NOW + timedelta(days=40))
    closed = assessments.close_action(con, 1, effect="复查合格", **LI)
    assert closed.closed is not None
    assert closed.closed.effect == "复查合格"
    assert [closed.overdue(DAY + timedelta(days=n)) for n in (39, 40)] == [True, False]
    with pytest.raises(UserError, match="action 1 was closed on 2027-01-04"):
        assessments.close_action(con, 1, effect="e", **LI)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"due_on": DAY - timedelta(days=1)}, "--due 2026-11-24 is before 2026-11-25"),
        ({"nonconformity": ""}, "--nonconformity is empty"),
        ({"cause": " "}, "--cause is empty"),
        ({"action": ""}, "--action is empty"),
        ({"person": "a\nb"}, "--person holds a line break"),
    ],
)
def test_an_action_is_refused(con: duckdb.DuckDBPyConnection, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        assessments.open_action(con, LINE, **(ACTION | values), **LI)


def test_unknown_numbers_name_those_there_are(con: duckdb.DuckDBPyConnection) -> None:
    for find, name in (
        (assessments.find_evidence, "evidence"), (assessments.find_action, "corrective action"), (assessments.find_run, "assessment"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=f"no {name} 3: there are none"):
            find(con, 3)


def run(con: duckdb.DuckDBPyConnection, catalogue: str = "a", day: date = DAY) -> assessments.Run:
    about = {"id": catalogue, "version": "1.0.0", "hash": "h"}
    return assessments.keep(con, {"catalogue": about, "assessed_on": str(day), "stars": None}, "id: a", **LI)


def test_an_assessment_is_published_only_while_decided(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    first, other, second = run(con), run(con, "b"), run(con)
    assert [kept.number for kept in assessments.runs(con, "a")] == [1, 3]
    assert assessments.decided(con) == []
    assessments.decide(con, "a", first.number, reason="r", **LI)
    assessments.decide(con, "b", other.number, reason="r", **LI)
    assert assessments.decided(con) == [first, other]
    assert assessments.decided(con, DAY - timedelta(days=1)) == []
    assessments.decide(con, "a", second.number, reason="r", **LI)
    assert assessments.decided(con) == [second, other]
    assessments.decide(con, "a", None, reason="withdrawn", **LI)
    assert assessments.decided(con) == [other]
    with pytest.raises(UserError, match="assessment 2 is not by catalogue a"):
        assessments.decide(con, "a", 2, reason="r", **LI)
    with pytest.raises(UserError, match="no assessment 9; there are 1 to 3"):
        assessments.decide(con, "a", 9, reason="r", **LI)


def test_what_ends_soon_or_is_over_is_told_of(con: duckdb.DuckDBPyConnection) -> None:
    def until(days: int) -> date:
        return DAY + timedelta(days=days)

    other = "hebei-ecommerce-enterprise:4.1.2"
    assessments.add(con, [LINE], **PAPER, valid_until=until(31), **LI)
    assessments.add(con, [other], **PAPER, valid_until=until(30), **LI)
    assessments.open_action(con, LINE, **(ACTION | {"due_on": until(3)}), **LI)
    assert [(r.about, r.number, r.days) for r in assessments.reminders(con, DAY)] == [
        ("action", 1, 3),
        ("evidence", 2, 30),
    ]
    later = until(40)
    assert [(r.about, r.number, r.days) for r in assessments.reminders(con, later)] == [
        ("action", 1, -37), ("evidence", 2, -10), ("evidence", 1, -9),
    ]  # fmt: skip
    # What has taken its place is told of no more.
    assessments.add(con, [other], **PAPER, **LI)
    assert [(r.about, r.number) for r in assessments.reminders(con, later)] == [("action", 1), ("evidence", 1)]

"""Conduct on the platform, by hand: one merchant in the register, the evaluation of 2025-07-01."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

CUT_OFF = "2025-07-01 00:00"
BEFORE = "2025-06-30 23:59:59"
OLD = "2024-06-30 23:59:59"  # the window begins a second later
FIRST = "2024-07-01 00:00"
CLEAN = ("measured", 0, None, 0)
MISSING = ("missing", None, None, None)


def violation(severity: str = "minor", kind: str = "other", **columns: str) -> dict[str, str]:
    return {"severity": severity, "kind": kind} | columns


@pytest.fixture
def judged(measure):
    """`judged("violations", row, ...)`: the indicator of a merchant in the register with these violations."""
    return lambda indicator, *rows, days=365: measure(indicator, days=days, subjects=[{}], violations=rows)


@pytest.mark.parametrize(("severity", "weight"), [("minor", 1), ("moderate", 4), ("serious", 12)])
def test_violations(measure, severity: str, weight: int) -> None:
    rows = [violation(severity), violation("serious") | {"subject_id": "another"}]
    assert measure("violations", subjects=[{}], violations=rows) == ("measured", weight, None, weight)


def test_violations_in_the_window_that_stand(judged) -> None:
    assert judged("violations", violation(), violation("moderate"), violation("serious")).value == 17
    assert judged("violations", violation("serious", decided_at=FIRST)).value == 12
    assert judged("violations", violation("serious", decided_at=OLD)) == CLEAN
    assert judged("violations", violation("serious", decided_at=CUT_OFF)) == CLEAN
    assert judged("violations", violation("serious", withdrawn_at=BEFORE)) == CLEAN
    assert judged("violations", violation("serious", withdrawn_at=CUT_OFF)).value == 12  # not known yet
    # The window begins on 2025-01-02; when it occurred does not matter.
    rows = [
        violation(decided_at="2025-01-02 00:00", occurred_at="2023-01-01 00:00"),
        violation(decided_at="2025-01-01 23:59"),
    ]
    assert judged("violations", *rows, days=180).value == 1


def test_violations_and_sanctions_in_force_weigh_what_the_rulebook_says(measure) -> None:
    rows = [violation(), violation(), violation("serious")]
    half = {"violation_weight_minor": 0.5, "sanction_weight_warning": 0.5}
    assert measure("violations", subjects=[{}], violations=rows, parameters=half).value == 0.5 + 0.5 + 12
    sanctions = [{"kind": "warning"}, {"kind": "termination"}]
    assert measure("sanctions_in_force", subjects=[{}], sanctions=sanctions, parameters=half).value == 20.5


def test_violations_none_is_zero_and_not_supplied_is_missing(measure, judged) -> None:
    assert judged("violations") == CLEAN
    assert measure("violations", subjects=[{}]) == MISSING
    assert measure("violations", violations=[violation()]) == MISSING  # no register
    without = ["violations.severity"]
    assert measure("violations", subjects=[{}], violations=[violation()], without=without) == MISSING


def test_manipulation(measure, judged) -> None:
    rows = [violation(kind="brushing"), violation("serious", "review_manipulation"), violation("serious", "fraud")]
    assert judged("manipulation", *rows) == ("measured", 2, None, 2)  # findings, whatever their severity
    assert judged("manipulation", violation(kind="brushing", withdrawn_at=BEFORE)) == CLEAN
    assert judged("manipulation", violation(kind="brushing", withdrawn_at=CUT_OFF)).value == 1
    assert judged("manipulation", violation(kind="brushing", decided_at=OLD)) == CLEAN
    assert judged("manipulation") == CLEAN
    assert measure("manipulation", subjects=[{}]) == MISSING


@pytest.mark.parametrize(
    ("decided", "step"),
    [
        ("2025-06-10 10:00", 3),
        ("2024-07-01 00:00", 3),  # 365 days ago
        ("2024-06-30 23:59:59", 2),
        ("2023-07-02 00:00", 2),  # 730
        ("2023-07-01 23:59:59", 1),
        ("2022-07-02 00:00", 1),  # 1095
        ("2022-07-01 23:59:59", 0),
    ],
)
def test_fraud_upheld(measure, decided: str, step: int) -> None:
    rows = [violation(kind="fraud", decided_at=decided)]
    assert measure("fraud_upheld", subjects=[{}], violations=rows) == ("measured", step, None, step)


def test_fraud_upheld_none_withdrawn_and_not_supplied(measure, judged) -> None:
    both = [violation(kind="fraud", decided_at=at) for at in ("2025-06-10 10:00", "2023-10-01 10:00")]
    assert judged("fraud_upheld", *both).value == 3  # the last one
    assert judged("fraud_upheld", violation(kind="fraud", withdrawn_at=BEFORE)) == CLEAN
    assert judged("fraud_upheld", violation("serious", "counterfeit")) == CLEAN
    assert measure("fraud_upheld", subjects=[{}]) == MISSING


def test_counterfeit(measure, judged) -> None:
    rows = [violation(kind="counterfeit"), violation("serious", "counterfeit"), violation("serious", "fraud")]
    assert measure("counterfeit", subjects=[{}], violations=rows) == ("measured", 2, None, 2)
    assert judged("counterfeit", violation(kind="counterfeit", withdrawn_at=BEFORE)) == CLEAN


def test_spot_checks_failed(measure) -> None:
    rows = [{}, IN_TIME | {"result": "failed"}, IN_TIME | {"result": "passed"}, {"subject_id": "another"}]
    assert measure("spot_checks_failed", subjects=[{}], spot_checks=rows) == ("measured", 2, None, 2)
    assert measure("spot_checks_failed", subjects=[{}], spot_checks=[]) == CLEAN


def _found(judged, name: str, kind: str, last: str, beyond: str) -> None:
    """A finding on the first day of the last step counts, one before it does not, nor one that was withdrawn."""
    for decided in ("2025-06-30 10:00", "2024-06-01 10:00", last):
        assert judged(name, violation("minor", kind, decided_at=decided)).value == 1
    assert judged(name, violation("serious", kind, decided_at=beyond)) == CLEAN
    assert judged(name, violation("serious", kind, decided_at=last, withdrawn_at=BEFORE)) == CLEAN
    assert judged(name, violation("serious", "other")) == CLEAN


def test_counterfeit_2_steps(measure, judged) -> None:
    two = [violation(kind="counterfeit"), violation("serious", "counterfeit", decided_at="2024-06-01 10:00")]
    assert measure("counterfeit_2_steps", subjects=[{}], violations=two) == ("measured", 2, None, 2)
    _found(judged, "counterfeit_2_steps", "counterfeit", "2023-07-02 00:00", "2023-07-01 23:59")


def test_counterfeit_3_steps(measure, judged) -> None:
    two = [violation(kind="counterfeit"), violation("serious", "counterfeit", decided_at="2024-06-01 10:00")]
    assert measure("counterfeit_3_steps", subjects=[{}], violations=two) == ("measured", 2, None, 2)
    _found(judged, "counterfeit_3_steps", "counterfeit", "2022-07-02 00:00", "2022-07-01 23:59")


def test_manipulation_2_steps(measure, judged) -> None:
    two = [violation(kind="brushing"), violation("serious", "brushing", decided_at="2024-06-01 10:00")]
    assert measure("manipulation_2_steps", subjects=[{}], violations=two) == ("measured", 2, None, 2)
    _found(judged, "manipulation_2_steps", "brushing", "2023-07-02 00:00", "2023-07-01 23:59")


def test_manipulation_3_steps(measure, judged) -> None:
    two = [violation(kind="brushing"), violation("serious", "brushing", decided_at="2024-06-01 10:00")]
    assert measure("manipulation_3_steps", subjects=[{}], violations=two) == ("measured", 2, None, 2)
    _found(judged, "manipulation_3_steps", "brushing", "2022-07-02 00:00", "2022-07-01 23:59")


def test_terminated_before(measure) -> None:
    def rank(kind: str = "termination", **columns: str) -> float | None:
        row = {"kind": kind, "imposed_at": "2019-01-01 10:00"} | columns
        return measure("terminated_before", subjects=[{}], sanctions=[row]).value

    assert rank() == rank(until_at="2025-12-31 00:00") == 0  # in force
    assert rank(until_at=CUT_OFF) == 3
    assert rank(lifted_at=BEFORE) == 0  # taken back: nothing is left of it
    assert [rank(until_at=f"{year}-06-01 00:00") for year in (2024, 2023, 2022)] == [2, 1, 0]
    assert rank("suspension", until_at=CUT_OFF) == 0
    assert rank(until_at=CUT_OFF, lifted_at="2023-06-01 00:00") == 0


def test_service_ended(measure) -> None:
    def ended(*rows: dict[str, str]) -> float | None:
        return measure("service_ended", subjects=[{}], sanctions=rows).value

    assert [ended({"kind": kind}) for kind in ("warning", "restriction", "suspension", "termination")] == [0, 0, 1, 2]
    assert ended({"kind": "suspension"}, {"kind": "termination", "lifted_at": BEFORE}) == 1
    assert ended({"kind": "termination", "until_at": CUT_OFF}) == 0
    assert ended({"kind": "termination", "imposed_at": "2019-01-01 10:00"}) == 2


@pytest.mark.parametrize(
    ("kind", "weight"), [("warning", 1), ("restriction", 3), ("suspension", 8), ("termination", 20)]
)
def test_sanctions_in_force(measure, kind: str, weight: int) -> None:
    rows = [{"kind": kind}, {"kind": "termination", "subject_id": "another"}]
    assert measure("sanctions_in_force", subjects=[{}], sanctions=rows) == ("measured", weight, None, weight)


@pytest.mark.parametrize(
    ("columns", "weight"),
    [
        ({}, 8),  # open
        ({"imposed_at": "2019-01-01 00:00"}, 8),  # however long ago
        ({"imposed_at": BEFORE}, 8),
        ({"imposed_at": CUT_OFF}, 0),
        ({"until_at": "2025-12-31 00:00"}, 8),
        ({"until_at": CUT_OFF}, 0),  # over at that instant
        ({"until_at": BEFORE}, 0),
        ({"lifted_at": CUT_OFF}, 8),
        ({"lifted_at": BEFORE}, 0),
        ({"until_at": "2025-12-31 00:00", "lifted_at": BEFORE}, 0),
    ],
)
def test_sanctions_in_force_on_the_day(measure, columns: dict[str, str], weight: int) -> None:
    rows = [{"kind": "suspension"} | columns]
    assert measure("sanctions_in_force", subjects=[{}], sanctions=rows) == ("measured", weight, None, weight)


def test_sanctions_in_force_add_up(measure) -> None:
    rows = [{"kind": "warning"}, {"kind": "warning"}, {"kind": "restriction"}]
    assert measure("sanctions_in_force", subjects=[{}], sanctions=rows).value == 5
    assert measure("sanctions_in_force", subjects=[{}], sanctions=[]) == CLEAN
    assert measure("sanctions_in_force", subjects=[{}]) == MISSING
    assert measure("sanctions_in_force", subjects=[{}], sanctions=rows, without=["sanctions.kind"]) == MISSING


IN_TIME, LATE = {"answered_at": "2025-06-12 10:00"}, {"answered_at": "2025-06-18 10:00"}


@pytest.mark.parametrize(
    ("check", "passed", "judged"),
    [
        (IN_TIME | {"result": "passed", "concluded_at": BEFORE}, 1, 1),
        (IN_TIME | {"result": "failed", "concluded_at": BEFORE}, 0, 1),
        (IN_TIME | {"result": "refused", "concluded_at": BEFORE}, 0, 1),
        (IN_TIME | {"result": "failed", "concluded_at": CUT_OFF}, 0, 0),  # not concluded yet
        (IN_TIME, 0, 0),
        (LATE | {"result": "passed", "concluded_at": BEFORE}, 0, 1),
        ({}, 0, 1),  # never answered
        ({"due_at": CUT_OFF}, 0, 0),  # not due yet
        (IN_TIME | {"result": "failed"}, 0, 1),  # concluded nobody says when
        (IN_TIME | {"result": "passed"}, 1, 1),
        (IN_TIME | {"concluded_at": BEFORE}, 0, 1),  # concluded nobody says how
        (IN_TIME | {"requested_at": "2025-05-02 00:00"}, 0, 0),
        (IN_TIME | {"requested_at": "2025-05-01 23:59"}, 0, 1),  # more than sixty days, and no result
        ({"due_at": "2028-01-01 00:00", "requested_at": "2025-05-01 23:59"}, 0, 1),  # a term without end
        ({"due_at": CUT_OFF, "result": "passed", "concluded_at": BEFORE, "answered_at": "2025-06-12 10:00"}, 1, 1),
    ],
)
def test_spot_checks_passed(measure, check: dict[str, str], passed: int, judged: int) -> None:
    good = IN_TIME | {"result": "passed", "concluded_at": BEFORE}
    measured = measure("spot_checks_passed", subjects=[{}], spot_checks=[check, good])
    assert measured == ("measured", passed + 1, judged + 1, (passed + 1) / (judged + 1))


def test_spot_checks_passed_without_checks_is_not_applicable(measure) -> None:
    assert measure("spot_checks_passed", subjects=[{}], spot_checks=[]) == ("not_applicable", 0, 0, None)
    assert measure("spot_checks_passed", subjects=[{}]) == MISSING

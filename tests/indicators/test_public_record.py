"""Public credit record, by hand: one merchant in the register, the evaluation of 2025-07-01."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

CLEAN = ("measured", 0, None, 0)
LISTS = ("abnormal_operation", "serious_violation", "dishonest_debtor")


def record(kind: str, valid_from: str = "2025-06-10", **columns: str) -> dict[str, str]:
    return {"kind": kind, "valid_from": valid_from} | columns


def penalty(grade: str | None = None, valid_from: str = "2025-06-10", **columns: str) -> dict[str, Any]:
    return record("administrative_penalty", valid_from, **columns) | {"grade": grade}


@pytest.fixture
def recorded(measure):
    """`recorded("penalties", row, ...)`: the indicator of a merchant in the register with these records."""
    return lambda indicator, *rows: measure(indicator, subjects=[{}], public_records=rows)


@pytest.mark.parametrize(
    ("grade", "valid_from", "weight"),
    [
        ("minor", "2025-06-30", 1),
        ("minor", "2025-06-02", 1),  # no full month yet
        ("minor", "2025-06-01", 2 / 3),  # one month of three
        ("minor", "2025-05-01", 1 / 3),
        ("minor", "2025-04-02", 1 / 3),
        ("minor", "2025-04-01", 0),
        ("minor", "2020-01-01", 0),  # and never below 0
        ("moderate", "2025-06-10", 3),
        ("moderate", "2025-01-01", 3 * 6 / 12),
        ("moderate", "2024-07-02", 3 * 1 / 12),
        ("moderate", "2024-07-01", 0),
        ("serious", "2025-06-10", 10),
        ("serious", "2024-07-01", 10 * 24 / 36),  # older than the window, and still in force
        ("serious", "2022-07-02", 10 * 1 / 36),
        ("serious", "2022-07-01", 0),
        (None, "2025-01-01", 10 * 30 / 36),  # severity not told: a serious one
        ("grave", "2025-01-01", 10 * 30 / 36),  # a severity nobody knows as well
        ("serious", "2025-07-01", 0),  # begins on the day: not known yet
    ],
)
def test_penalties(measure, grade: str | None, valid_from: str, weight: float) -> None:
    rows = [penalty(grade, valid_from)]
    state, numerator, denominator, value = measure("penalties", subjects=[{}], public_records=rows)
    assert (state, denominator) == ("measured", None)
    assert numerator == value == pytest.approx(weight, abs=1e-12)


def test_penalties_add_up_and_other_records_are_none(recorded) -> None:
    rows = [penalty("minor"), penalty("minor"), penalty("serious"), penalty("moderate")]  # 1 + 1 + 10 + 3
    others = [record(kind, grade="serious") for kind in (*LISTS, "award", "tax_grade")]
    assert recorded("penalties", *rows, *others, penalty("serious") | {"subject_id": "another"}) == (
        "measured", 15, None, 15,
    )  # fmt: skip


def test_penalties_end_with_their_term_or_their_repair(recorded) -> None:
    assert recorded("penalties", penalty("serious", valid_until="2025-07-01")).value == 10  # the last day is inside
    assert recorded("penalties", penalty("serious", valid_until="2025-06-30")) == CLEAN
    assert recorded("penalties", penalty("serious", repaired_on="2025-07-01")).value == 10  # not known yet
    assert recorded("penalties", penalty("serious", repaired_on="2025-06-30")) == CLEAN


def test_penalties_weigh_what_the_rulebook_says(measure) -> None:
    def of(grade: str, valid_from: str, **parameters: float) -> float:
        rows = [penalty(grade, valid_from)]
        return measure("penalties", subjects=[{}], public_records=rows, parameters=parameters).value

    assert of("minor", "2025-06-01", penalty_weight_minor=6) == pytest.approx(4)  # two thirds of it
    assert of("serious", "2025-06-01", penalty_months_serious=2) == 5
    assert of("serious", "2025-06-10", penalty_months_serious=0) == 0  # not even in its first month


def test_penalties_none_is_zero_and_not_supplied_is_missing(measure) -> None:
    assert measure("penalties", subjects=[{}], public_records=[]) == CLEAN
    assert measure("penalties", subjects=[{}]) == ("missing", None, None, None)
    assert measure("penalties", public_records=[penalty()]) == ("missing", None, None, None)  # no register
    assert measure("penalties", subjects=[], public_records=[penalty("moderate")]) == (
        "missing",
        3,
        None,
        None,
    )  # not in it


def _listed(recorded, kind: str) -> None:
    """What holds of each of the three lists."""
    assert recorded(kind) == CLEAN
    assert recorded(kind, *(record(other) for other in LISTS if other != kind)) == CLEAN
    assert recorded(kind, record(kind)) == ("measured", 1, None, 1)
    assert recorded(kind, record(kind), record(kind)) == ("measured", 1, None, 1)  # twice on it is on it
    assert recorded(kind, record(kind, "2019-01-01")) == ("measured", 1, None, 1)  # however long ago
    assert recorded(kind, record(kind, "2025-07-01")) == CLEAN  # listed on the day: not known yet
    assert recorded(kind, record(kind, valid_until="2025-07-01")).value == 1
    assert recorded(kind, record(kind, valid_until="2025-06-30")) == CLEAN
    assert recorded(kind, record(kind, repaired_on="2025-07-01")).value == 1
    assert recorded(kind, record(kind, repaired_on="2025-06-30")) == CLEAN
    ended = record(kind, "2024-01-01", valid_until="2024-12-31")
    assert recorded(kind, ended, record(kind, "2024-06-01")).value == 1  # of two that overlap one goes on


def test_abnormal_operation(measure, recorded) -> None:
    _listed(recorded, "abnormal_operation")
    assert measure("abnormal_operation", subjects=[{}]) == ("missing", None, None, None)


def test_serious_violation(measure, recorded) -> None:
    _listed(recorded, "serious_violation")
    assert measure("serious_violation", subjects=[{}]) == ("missing", None, None, None)


def test_dishonest_debtor(measure, recorded) -> None:
    _listed(recorded, "dishonest_debtor")
    assert measure("dishonest_debtor", subjects=[{}]) == ("missing", None, None, None)


def test_listed_before(measure, recorded) -> None:
    """Eases in steps after the term; a repair ends it at once, and another list is none of it."""

    def rank(kind: str = "serious_violation", **columns: str) -> float | None:
        return recorded("listed_before", record(kind, "2019-01-01", **columns)).value

    ended = record("serious_violation", "2019-01-01", valid_until="2025-06-30")
    assert measure("listed_before", subjects=[{}], public_records=[ended, ended]) == ("measured", 3, None, 3)
    assert rank() == rank(valid_until="2025-07-01") == 0  # still on it
    assert rank(valid_until="2025-06-30") == rank("dishonest_debtor", valid_until="2024-07-01") == 3
    assert [rank(valid_until=day) for day in ("2024-06-30", "2023-06-30", "2022-06-30")] == [2, 1, 0]
    assert rank(valid_until="2025-06-30", repaired_on="2025-06-29") == 0
    assert rank("abnormal_operation", valid_until="2025-06-30") == 0


def tax(grade: str, valid_from: str = "2025-04-30", **columns: str) -> dict[str, str]:
    return record("tax_grade", valid_from, grade=grade, **columns)


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        ([tax("A")], 4),
        ([tax("B")], 3),
        ([tax("M")], 2),
        ([tax("C")], 1),
        ([tax("D")], 0),
        ([tax("A", "2021-04-30")], 4),  # however long ago
        ([tax("A", "2024-04-30"), tax("C", "2025-04-30")], 1),  # the newest
        ([tax("C", "2024-04-30"), tax("A", "2025-04-30")], 4),
        ([tax("B"), tax("A"), tax("M")], 2),  # of one day: the lowest
        ([tax("B", "2024-04-30"), tax("A", "2025-07-01")], 3),  # not known yet
        ([tax("B", "2024-04-30"), tax("D", valid_until="2025-06-30")], 3),  # the newest is over
        ([tax("B", "2024-04-30"), tax("D", valid_until="2025-07-01")], 0),
        ([tax("B", "2024-04-30"), tax("D", repaired_on="2025-06-30")], 3),
        ([tax("B", "2024-04-30"), tax("X")], 0),  # no grade that is known is read as the lowest
        ([tax("B", "2024-04-30"), penalty("A", "2025-05-30")], 3),  # another kind's grade
        ([tax("B"), tax("D") | {"subject_id": "another"}], 3),
    ],
)
def test_tax_grade(measure, rows: list[dict[str, Any]], rank: int) -> None:
    assert measure("tax_grade", subjects=[{}], public_records=rows) == ("measured", rank, None, rank)


def test_tax_grade_without_one_is_missing(measure) -> None:
    assert measure("tax_grade", subjects=[{}], public_records=[penalty()]) == ("missing", None, None, None)
    rows = [tax("A")]
    without = ["public_records.grade"]
    assert measure("tax_grade", subjects=[{}], public_records=rows, without=without).state == "missing"


def test_honours(measure, recorded) -> None:
    rows = [record("award"), record("certification", "2019-01-01"), *(record(kind) for kind in LISTS), tax("A")]
    assert recorded("honours", *rows) == ("measured", 2, None, 2)
    assert recorded("honours", record("award", valid_until="2025-07-01")).value == 1
    assert recorded("honours", record("award", valid_until="2025-06-30")) == CLEAN
    assert recorded("honours", record("award", "2025-07-01")) == CLEAN
    assert recorded("honours") == CLEAN
    assert measure("honours", subjects=[{}]) == ("missing", None, None, None)

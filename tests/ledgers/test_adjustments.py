"""Credit repair of public records; references to rows and values, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.evaluation import night as evaluation
from credit.ledgers import adjustments, objections
from credit.settings import Settings
from support.entries import BEFORE, LI, NEXT, OBJECTION, TOO_LONG, graded, night, published, upheld
from support.small_market import DAY, on

pytestmark = pytest.mark.slow


@pytest.mark.thorough
def test_repair_ends_the_effect_from_its_date(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """Repaired on DAY: the day before, which the night of DAY speaks of, still counts; DAY itself does not."""
    weighed = graded(con, DAY)["penalties"][1]
    assert weighed > 0
    adjustments.repair(con, "p1", on=DAY, reason="decision 17", **LI)
    for day in (DAY, NEXT):
        evaluation.evaluate(con, home, day)
    assert graded(con, DAY)["penalties"][1] == weighed
    assert graded(con, NEXT)["penalties"][1] == 0
    assert published(con).notices == {}


def test_repair_from_an_earlier_date(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    earlier = night(con, BEFORE)
    repair = adjustments.repair(con, "p1", on=DAY - timedelta(days=10), reason="decision 17", **LI)
    assert (repair.column, repair.value, repair.from_day) == ("repaired_on", on(-10), DAY)
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY)["penalties"][1] == 0
    evaluation.evaluate(con, home, BEFORE)
    assert night(con, BEFORE) == earlier


@pytest.mark.parametrize(
    ("record", "day", "message"),
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
def test_what_is_no_repair(con: duckdb.DuckDBPyConnection, record: str, day: date, message: str) -> None:
    with pytest.raises(UserError, match=message):
        adjustments.repair(con, record, on=day, reason="r", **LI)
    assert adjustments.adjustments(con, "shop") == []


def test_a_record_is_repaired_once(con: duckdb.DuckDBPyConnection) -> None:
    adjustments.repair(con, "p1", on=DAY, reason="r", **LI)
    with pytest.raises(UserError, match=f"is repaired since {DAY}"):
        adjustments.repair(con, "p1", on=DAY, reason="r", **LI)
    upheld(con, correct=["public_records:p1:repaired_on="])  # it never was
    adjustments.repair(con, "p1", on=DAY, reason="r", **LI)


@pytest.mark.parametrize(
    ("values", "message"),
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
        (
            {"correct": ["violations:v1:severity=terrible"]},
            "severity .*is none of minor, moderate, serious: got «terrible»",
        ),
        ({"correct": ["violations:v1:severity="]}, "severity .*is missing"),
        ({"correct": ["violations:v1:decided_at=soon"]}, "does not read as an instant .*got «soon»"),
        ({"correct": ["violations:v1:decided_at=2030-01-01"]}, "lies before 2000-01-01 or in the future"),
        ({"correct": ["reviews:shop-1:rating_overall=6"]}, "is above 5: got «6»"),
        ({"correct": ["reviews:shop-1:rating_overall=4.5"]}, "does not read as a whole number"),
        ({"correct": ["transactions:shop-0:amount=-1"]}, "is below 0"),
        ({"correct": [f"transactions:shop-0:currency={TOO_LONG}"]}, "is longer than 3 characters"),
        ({"correct": ["transactions:shop-0:paid_at=2020-01-01"]}, "paid_at lies before ordered_at"),
        ({"correct": ["transactions:shop-0:ordered_at=2026-11-20"]}, "lies before ordered_at"),
        ({"correct": ["violations:v1:severity=minor", "violations:v1:severity=minor"]}, "one column is given twice"),
        ({"from_day": DAY + timedelta(days=1)}, f"--from {NEXT} is still to come; expected a day until {DAY}"),
    ],
)
def test_what_is_no_decision(con: duckdb.DuckDBPyConnection, values: dict[str, Any], message: str) -> None:
    objections.file(con, "shop", **OBJECTION)
    with pytest.raises(UserError, match=message):
        objections.decide(con, 1, **{"outcome": "upheld", "reason": "r"} | LI | values)
    assert objections.find(con, 1).state == "open"
    assert adjustments.adjustments(con, "shop") == []


def test_two_corrections_of_a_row_are_judged_together(con: duckdb.DuckDBPyConnection) -> None:
    upheld(con, correct=["public_records:p1:valid_from=2026-11-01", "public_records:p1:valid_until=2026-11-10"])
    with pytest.raises(UserError, match="valid_until lies before valid_from"):
        upheld(con, correct=["public_records:p1:valid_from=2026-11-11", "public_records:p1:valid_until=2026-11-10"])

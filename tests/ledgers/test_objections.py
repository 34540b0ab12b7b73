"""Objections: what is refused when they are filed, decided and withdrawn."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.ledgers import objections
from support.entries import LI, NEXT, OBJECTION, TOO_LONG, upheld
from support.small_market import DAY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("merchant", "values", "message"),
    [
        ("shopp", {}, "no merchant 'shopp' in the register; nearest ids: shop, "),
        ("shop", {"about": "grades"}, "--about 'grades': expected one of grade, transaction, review"),
        ("shop", {"text": "  "}, "--text is empty"),
        ("shop", {"text": TOO_LONG}, "--text has 2,001 characters; expected at most 2,000"),
        ("shop", {"by": ""}, "--by is empty"),
        ("shop", {"by": "a\nb"}, "--by holds a line break"),
        ("shop", {"rows": ["complaints"]}, "--rows 'complaints': expected table:key"),
        ("shop", {"rows": ["complaint:c2"]}, "no table 'complaint'; expected one of subjects, transactions"),
        ("shop", {"rows": ["complaints:c3"]}, "table complaints has no row with complaint_id 'c3'"),
        ("shop", {"rows": ["complaints:c0"]}, "--rows complaints:c0 is a row of another merchant than shop"),
        ("shop", {"evaluated_on": NEXT}, f"--day {NEXT}: shop has no grade of that day"),
    ],
)
def test_what_is_no_objection(
    con: duckdb.DuckDBPyConnection, merchant: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        objections.file(con, merchant, **OBJECTION | values)
    assert objections.objections(con) == []


def test_a_buyer_is_no_merchant(con: duckdb.DuckDBPyConnection) -> None:
    ((buyer,), *_) = con.execute("SELECT subject_id FROM canonical.subjects WHERE role = 'buyer'").fetchall()
    with pytest.raises(UserError, match="no merchant"):
        objections.file(con, buyer, **OBJECTION)


def test_only_an_open_objection_is_withdrawn_and_a_withdrawn_one_stays_so(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UserError, match="no objection 1: there are none"):
        objections.withdraw(con, 1, by="Wang")
    objections.file(con, "shop", **OBJECTION)
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

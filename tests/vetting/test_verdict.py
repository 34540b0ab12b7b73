"""The verdict: from checks to pass, refer or refuse; without numbers of persons; kept in a ledger that only grows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from credit.settings import Settings
from credit.vetting import application, verdict
from credit.vetting import letter as letters
from credit.vetting import policy as policies
from credit.vetting.case import Case, case_of_application
from support.applicants import (
    DAY,
    ENTERPRISE,
    ID,
    PERSON,
    SAMPLES,
    SHOP,
    judged,
    read,
    record,
)


def test_verdicts() -> None:
    assert judged(ENTERPRISE)["verdict"] == "pass"
    assert judged(PERSON)["verdict"] == "pass"
    assert judged(ENTERPRISE | {"address": None})["verdict"] == "refer"  # something needed is missing
    assert judged(ENTERPRISE | {"category": "军火"})["verdict"] == "refer"
    # What is not given never refuses, though a failure of the same check would.
    assert judged(ENTERPRISE | {"uscc": None})["verdict"] == "refer"
    refused = judged(ENTERPRISE | {"uscc": "91110198MA1EXAMP1X", "address": None})
    assert refused["verdict"] == "refuse"
    referred = application.read(SAMPLES / "referred.yaml")
    case = Case(DAY, "A000002", referred.row, referred.brands, referred.records)
    result = verdict.judge(case, policies.load_policy())
    assert result["verdict"] == "refer"
    assert {r["check"] for r in result["reasons"] if r["leads_to"]} == {
        "licence_lasts", "deposit_enough", "brand_right", "moderate_penalty",
    }  # fmt: skip


@pytest.mark.parametrize("written", [ID, "110198 19900307 1013", "１１０１９８１９９００３０７１０１３"])
def test_a_persons_number_is_nowhere(
    written: str, fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings
) -> None:
    home.home.mkdir(parents=True)
    wild = PERSON | {
        "subject_id": written,
        "contact": "13800000000",
        "brands": [{"name": f"王小样 {written} 13800000000"}],
        "public_records": [record("abnormal_operation", issuer=f"机关 {written}")],
    }
    con = fill()
    result = verdict.judge(case_of_application(con, home, read(wild), DAY), policies.load_policy())
    verdict.store(con, result, policies.load_policy(), None)
    kept = con.execute("SELECT * FROM ledger.vettings").fetchall()
    con.execute("DELETE FROM ledger.vettings")
    for text in (json.dumps(result, ensure_ascii=False), str(kept), letters.letter(result, 1, home)):
        for secret in (written, ID, "13800000000", "小样"):
            assert secret not in text
    assert result["name"] == "王**"


def test_the_same_application_gives_the_same_result(vetted: Callable[..., dict[str, Any]]) -> None:
    rows: dict[str, Any] = {"subjects": [SHOP], "sanctions": [{"kind": "termination"}, {"kind": "suspension"}]}
    assert json.dumps(vetted(ENTERPRISE, **rows)) == json.dumps(vetted(ENTERPRISE, **rows))


def test_the_ledger_only_grows(fill: Callable[..., duckdb.DuckDBPyConnection]) -> None:
    con: duckdb.DuckDBPyConnection = fill()
    policy, at = policies.load_policy(), datetime(2026, 11, 24, tzinfo=UTC)
    try:
        assert [verdict.store(con, judged(ENTERPRISE), policy, "a", at) for _ in range(2)] == [1, 2]
        assert [(row["number"], row["at"]) for row in verdict.stored(con)] == [(2, at), (1, at)]
    finally:
        con.execute("DELETE FROM ledger.vettings")

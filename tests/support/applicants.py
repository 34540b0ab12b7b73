"""Applicants of the sample with changes, and the verdict on them without a warehouse."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from credit.cli.main import app
from credit.vetting import application, verdict
from credit.vetting import policy as policies
from credit.vetting.case import Case
from support.places import ROOT

DAY = date(2026, 11, 24)
SAMPLES = ROOT / "data" / "applications"
ENTERPRISE = json.loads((SAMPLES / "enterprise.json").read_text(encoding="utf-8"))
PERSON = yaml.safe_load((SAMPLES / "individual.yaml").read_text(encoding="utf-8"))
ID = "110198199003071013"
USCC = "91110198MA1EXAMP1T"
HOUSEHOLD = "92110198MA3EXAMP3A"
LICENCE = {"licence_no": HOUSEHOLD, "licence_valid_from": "2020-01-01"}
FOOD = {"category": "食品生鲜", "permit_no": "JY11101980000001", "permit_valid_until": "2028-01-01"}
HOLDER = "样品阁（示例）有限公司"
LINK = {"from": HOLDER, "valid_from": "2026-01-01", "valid_until": "2027-12-31"}

SHOP = {"subject_id": "old", "uscc": USCC}
"""A shop of the register with the code of the sample enterprise."""


def read(data: Any) -> application.Application:
    return application.parse(json.dumps(data, ensure_ascii=False, default=str).encode(), Path("a.json"))


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {reason["check"]: reason["outcome"] for reason in result["reasons"]}


def judged(data: dict[str, Any], **known: Any) -> dict[str, Any]:
    """The result for an application, without a warehouse; `known` is what one would have said."""
    applicant = read(data)
    case = Case(
        DAY, applicant.row["subject_id"] or "code-0", applicant.row, applicant.brands, applicant.records, **known
    )
    return verdict.judge(case, policies.load_policy())


def brand(**fields: Any) -> dict[str, Any]:
    return {"brands": [{"name": "样品阁", "holder": HOLDER} | fields]}


def record(kind: str, grade: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "grade": grade, "issuer": "示例机关", "valid_from": "2026-05-01"} | fields


def penalties(*grades: str | None, **fields: Any) -> dict[str, Any]:
    return {"public_records": [record("administrative_penalty", grade, **fields) for grade in grades]}


def run(*arguments: object) -> Any:
    """The command with these words."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])

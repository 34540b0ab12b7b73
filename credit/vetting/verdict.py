"""The verdict on a case by its checks, and the ledger of verdicts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb

from credit.disclosure import personal
from credit.sourced import Bilingual
from credit.vetting.case import Case, comparable_code
from credit.vetting.checks import TESTS, does_not_apply
from credit.vetting.policy import Policy
from credit.warehouse.connection import as_dicts, scalar, transaction

SHORTEST_NUMBER = 6
"""Shorter ones (a contact "1") are nobody's number, and striking them would garble dates."""
VERDICTS = {
    "pass": Bilingual(zh="通过", en="passed"),
    "refer": Bilingual(zh="待补充或人工复核", en="referred: something is to be added or looked at by a person"),
    "refuse": Bilingual(zh="不予通过", en="refused"),
}


# --- the verdict -------------------------------------------------------------------------------------------------


def judge(case: Case, policy: Policy) -> dict[str, Any]:
    """Every check of the policy and the verdict: the same for the same case and policy.

    Natural persons' names are masked; their numbers are in no text. `owned` (other merchants with the same code) is for
    the platform, not for the applicant.
    """
    reasons = []
    for rule in policy.checks:
        if case.row["kind"] not in rule.kinds:
            result = does_not_apply("不适用于此类主体", "does not concern this kind of applicant")
        else:
            values = {name: number.value for name, number in rule.numbers.items()}
            result = TESTS[rule.function].function(case, policy, values, rule.values)
        to_remedy = result.outcome in ("failed", "not_given")
        remedy = result.remedy or rule.remedy
        reasons.append(
            {
                "check": rule.id,
                "name_zh": rule.name.zh,
                "name_en": rule.name.en,
                "area": rule.area,
                "outcome": result.outcome,
                # Something not given can be given still: it never refuses.
                "leads_to": ("refer" if result.outcome == "not_given" else rule.leads_to) if to_remedy else None,
                "zh": _clean(result.zh, case.row),
                "en": _clean(result.en, case.row),
                "remedy_zh": remedy.zh if to_remedy else "",
                "remedy_en": remedy.en if to_remedy else "",
            }
        )
    leads_to = {reason["leads_to"] for reason in reasons}
    name = case.row["name"]
    return {
        "applicant": _clean(case.applicant, case.row),
        "kind": case.row["kind"],
        "name": name and (_clean(name, case.row) if case.row["kind"] == "enterprise" else personal.mask_name(name)),
        "verdict": "refuse" if "refuse" in leads_to else "refer" if "refer" in leads_to else "pass",
        "reasons": reasons,
        "owned": [_clean(subject_id, case.row) for subject_id in case.owned],
        "policy": policy.id,
        "policy_version": policy.version,
        "policy_hash": policy.hash,
        "on": case.day.isoformat(),
    }


def _clean(text: str, row: Mapping[str, Any]) -> str:
    """A text without the numbers of persons, however the applicant spaced them, in ASCII or full-width."""
    for name in ("id_number",) if row["kind"] == "enterprise" else ("id_number", "uscc", "contact"):
        number = comparable_code(row[name])
        if len(number) >= SHORTEST_NUMBER:
            either = (f"[{re.escape(c)}{chr(ord(c) + 0xFEE0)}]" if "!" <= c <= "~" else re.escape(c) for c in number)
            text = re.sub(r"[\s-]*".join(either), "***", text, flags=re.IGNORECASE)
    return personal.text(text, row) or ""


# --- the ledger --------------------------------------------------------------------------------------------------


def store(
    con: duckdb.DuckDBPyConnection,
    result: Mapping[str, Any],
    policy: Policy,
    by: str | None,
    at: datetime | None = None,
) -> int:
    """Add a vetting to `ledger.vettings` and return its number; nothing there is ever changed."""
    with transaction(con):
        number = int(scalar(con, "SELECT coalesce(max(number), 0) + 1 FROM ledger.vettings"))
        con.execute(
            "INSERT INTO ledger.vetting_policies VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [policy.hash, policy.id, policy.version, policy.text],
        )
        con.execute(
            "INSERT INTO ledger.vettings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number, at or datetime.now(UTC), result["on"], result["applicant"], result["verdict"], policy.id,
                policy.version, policy.hash, by, json.dumps(result, ensure_ascii=False),
            ],
        )  # fmt: skip
    return number


def stored(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All vettings kept, newest first, each with its whole `result`; empty where a home has none yet."""
    if not scalar(con, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger' AND table_name = 'vettings'"):
        return []
    rows = as_dicts(con, "SELECT * FROM ledger.vettings ORDER BY number DESC")
    return [row | {"result": json.loads(row["result"])} for row in rows]

"""What the warehouse adds to a case: codes that were changed, the newest grades, a fingerprint of the home's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from credit.settings import Settings
from credit.vetting import policy as policies
from credit.vetting import verdict
from credit.vetting.case import case_of_application
from support.applicants import (
    DAY,
    ENTERPRISE,
    PERSON,
    SHOP,
    USCC,
    outcomes,
    read,
)


def test_a_code_that_was_changed_still_counts(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> None:
    home.home.mkdir(parents=True)
    con = fill(
        subjects=[SHOP | {"uscc": "91110198MA4EXAMP4N"}], sanctions=[{"subject_id": "old", "kind": "termination"}]
    )
    con.execute("INSERT INTO history.subjects BY NAME SELECT * REPLACE (? AS uscc) FROM canonical.subjects", [USCC])
    try:
        case = case_of_application(con, home, read(ENTERPRISE), DAY)
    finally:
        con.execute("DELETE FROM history.subjects")
    assert outcomes(verdict.judge(case, policies.load_policy()))["earlier_termination"] == "failed"


def test_grades_are_the_newest_of_each_shop(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> None:
    home.home.mkdir(parents=True)
    con = fill(subjects=[SHOP])
    try:
        for on, grade in (("2026-11-20", "D"), ("2026-11-22", "C"), ("2026-11-25", "AAA")):
            con.execute(
                """INSERT INTO results.runs BY NAME SELECT ?::DATE AS evaluated_on, 'r' AS rulebook, '1' AS rulebook_version,
                   'h' AS rulebook_hash, now() AS cut_off, 'in_force' AS standing, '{}' AS priors, 1 AS subjects""",
                [on],
            )
            con.execute(
                """INSERT INTO results.grades BY NAME SELECT ?::DATE AS evaluated_on, 'r' AS rulebook, 'h' AS rulebook_hash,
                   'old' AS subject_id, 'enterprise' AS subject_kind, ? AS grade, 1 AS evidence, 10 AS orders""",
                [on, grade],
            )
        case = case_of_application(con, home, read(ENTERPRISE), DAY)
    finally:
        con.execute("DELETE FROM results.runs; DELETE FROM results.grades")
    assert case.grades == ["C"]


def test_a_fingerprint_is_the_homes_own(fill: Callable[..., duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    marks = []
    for name in ("a", "a", "b"):
        conf = Settings(home=tmp_path / name, zone="Asia/Shanghai")
        conf.home.mkdir(exist_ok=True)
        marks.append(case_of_application(fill(), conf, read(PERSON), DAY).applicant)
    assert marks[0] == marks[1] != marks[2]
    assert re.fullmatch("code-[0-9a-f]{16}", marks[0])

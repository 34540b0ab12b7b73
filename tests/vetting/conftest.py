"""Shared by the tests of vetting: an application vetted against a warehouse that holds literal rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from credit.settings import Settings
from credit.vetting import policy as policies
from credit.vetting import verdict
from credit.vetting.case import case_of_application
from support.applicants import DAY, read


def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"subject_id": "old"} | row for row in rows]


@pytest.fixture
def vetted(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> Callable[..., dict[str, Any]]:
    """`vetted(data, subjects=[...])`: the result for an application where the warehouse holds these rows."""
    home.home.mkdir(parents=True, exist_ok=True)

    def made(data: dict[str, Any], **rows: list[dict[str, Any]]) -> dict[str, Any]:
        con = fill(**{table: renamed(table_rows) for table, table_rows in rows.items()})
        return verdict.judge(case_of_application(con, home, read(data), DAY), policies.load_policy())

    return made

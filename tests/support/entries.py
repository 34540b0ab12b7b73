"""When entries of the ledgers are made, and what a stored night says of one merchant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb

from support.small_market import CUT_OFF, DAY

BEFORE, NEXT = DAY - timedelta(days=1), DAY + timedelta(days=1)
NOW = CUT_OFF + timedelta(hours=15)
"""The afternoon after the night of DAY."""
LI = {"by": "Li Wei"}


def graded(con: duckdb.DuckDBPyConnection, day: date, subject_id: str = "shop") -> dict[str, Any]:
    """Indicator -> (state, numerator, denominator), and the score, of one merchant's stored night."""
    indicators: dict[str, Any] = {
        name: tuple(rest)
        for name, *rest in con.execute(
            "SELECT indicator, state, numerator, denominator FROM results.indicators WHERE evaluated_on = ? AND subject_id = ?",
            [day, subject_id],
        ).fetchall()
    }
    (row,) = con.execute(
        "SELECT grade, score::DOUBLE FROM results.grades WHERE evaluated_on = ? AND subject_id = ?", [day, subject_id]
    ).fetchall()
    return indicators | {"grade": row[0], "score": row[1]}


def night(con: duckdb.DuckDBPyConnection, day: date) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: con.execute(f"FROM results.{table} WHERE evaluated_on = '{day}' ORDER BY ALL").fetchall()
        for table in ("grades", "indicators", "runs")
    }

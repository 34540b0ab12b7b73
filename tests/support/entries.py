"""A market about which entries are made, when they are made, and what a stored night says of one merchant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb

from credit import ledgers
from credit.ledgers import objections
from support.small_market import CUT_OFF, DAY, ZONE, Rows, at, market, on

BEFORE, NEXT = DAY - timedelta(days=1), DAY + timedelta(days=1)
NOW = CUT_OFF + timedelta(hours=15)
"""The afternoon after the night of DAY."""
LI = {"by": "Li Wei"}
OBJECTION = {"about": "grade", "text": "t", "by": "Wang"}
TOO_LONG = "很" * 2001


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


def rows() -> Rows:
    """`shop` has an order sent late, two complaints, a violation, a penalty and an odd key; `other` has one of each."""
    tables = market({"shop": 1, "rival": 0})
    shop = {"subject_id": "shop"}
    complaint = {"channel": "platform", "category": "quality", "liability": "seller", "resolution_due_at": None}
    tables["complaints"] += [
        shop | complaint | {"complaint_id": "c:1", "filed_at": at(-20), "first_response_at": at(-19), "resolved_at": at(-15),
                            "outcome": "upheld", "known_at": at(-14)},
        shop | complaint | {"complaint_id": "c2", "filed_at": at(-18), "first_response_at": at(-17), "resolved_at": at(-16),
                            "outcome": "rejected", "known_at": at(-14)},
    ]  # fmt: skip
    tables["violations"].append(
        shop
        | {"violation_id": "v1", "kind": "other", "severity": "serious", "decided_at": at(-30), "known_at": at(-30)}
    )
    tables["public_records"].append(
        shop | {"record_id": "p1", "kind": "administrative_penalty", "issuer": "局", "grade": "serious",
                "valid_from": on(-40), "known_at": at(-40)}
    )  # fmt: skip
    return tables


def upheld(con: duckdb.DuckDBPyConnection, *, about: str = "other", **values: Any) -> objections.Objection:
    filed = objections.file(con, "shop", about=about, text="wrong", by="Wang Fang")
    return objections.decide(con, filed.number, **{"outcome": "upheld", "reason": "so it is"} | LI | values)


def published(con: duckdb.DuckDBPyConnection, day: date = DAY) -> ledgers.Published:
    return ledgers.published(con, day, ZONE)

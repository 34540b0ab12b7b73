"""Literal rows in real canonical tables: what a test writes down, completed as at intake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from credit.evaluation import engine
from credit.rulebooks.book import Rulebook
from credit.tables import KNOWN_AT, Column, Table

ZONE = "Asia/Shanghai"
DAY = date(2025, 7, 1)
"""The evaluation day of literal tests: the window of 365 days begins on 2024-07-01, that of 180 on 2025-01-02."""

Row = Mapping[str, Any]

DEFAULTS: dict[str, dict[str, Any]] = {
    "subjects": {"subject_id": "shop", "kind": "enterprise", "role": "seller"},
    "transactions": {"ordered_at": "2025-06-01 10:00", "amount": "100.00", "currency": "CNY"},
    "reviews": {"reviewed_at": "2025-06-10 10:00", "rating_overall": 5},
    "complaints": {"filed_at": "2025-06-10 10:00", "channel": "platform", "category": "quality"},
    "public_records": {"kind": "award", "issuer": "市场监督管理局", "valid_from": "2025-06-10"},
    "violations": {"kind": "other", "severity": "minor", "decided_at": "2025-06-10 10:00"},
    "sanctions": {"kind": "warning", "reason": "test", "imposed_at": "2025-06-10 10:00"},
    "spot_checks": {"kind": "goods", "requested_at": "2025-06-10 10:00", "due_at": "2025-06-17 10:00"},
    "listings": {"listed_at": "2025-06-10 10:00"},
}


STEPS = (
    "paid_at",
    "dispatched_at",
    "delivered_at",
    "completed_at",
    "cancelled_at",
    "dispatch_due_at",
    "delivery_due_at",
)


def with_steps(order: Row) -> Row:
    """An order of which no step is written down was kept: paid at once, sent after a day, there after three, completed after
    four. One that says anything of its steps, but not of payment, was paid at once."""
    ordered = datetime.fromisoformat(str(order["ordered_at"]))
    after = dict(zip(STEPS, (0, 1, 3, 4), strict=False))
    filled = {name: str(ordered + timedelta(days=days)) for name, days in after.items()}
    any_step = any(name in order for name in STEPS)
    return ({"paid_at": filled["paid_at"]} if any_step else filled) | dict(order)


class Measured(NamedTuple):
    """What an indicator says of one merchant; None where there is no number."""

    state: str
    numerator: float | None
    denominator: float | None
    value: float | None


Measure = Callable[..., Measured]
MakeBook = Callable[..., Rulebook]
Enact = Callable[[duckdb.DuckDBPyConnection, Path], None]
MakeFacts = Callable[..., engine.NightFacts]
Fill = Callable[..., duckdb.DuckDBPyConnection]


def literal(column: Column, value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value).replace("'", "''")
    return f"CAST('{text}' AS {column.sql_type})"


def insert_rows(con: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> None:
    complete = []
    for i, given in enumerate(rows, 1):
        unknown = set(given) - set(table.names) - {"known_at"}
        assert not unknown, f"table {table.name} has no column {unknown}"
        filled = {"known_at": "1970-01-01 00:00:00+00", table.key: f"{table.name}-{i}", "subject_id": "shop"}
        row = filled | DEFAULTS[table.name] | dict(given)
        complete.append(with_steps(row) if table.name == "transactions" else row)
    columns = [table.column(name) for name in table.names if any(name in row for row in complete)] + [KNOWN_AT]
    values = ", ".join(
        f"({', '.join(literal(column, row.get(column.name)) for column in columns)})" for row in complete
    )
    if complete:
        con.execute(f"INSERT INTO canonical.{table.name} ({', '.join(c.name for c in columns)}) VALUES {values}")
    for how in ("default", "derived"):
        sets = ", ".join(
            f"{c.name} = {f'coalesce({c.name}, {c.default})' if c.default else c.derived}"
            for c in table.columns
            if getattr(c, how)
        )
        if sets:
            con.execute(f"UPDATE canonical.{table.name} SET {sets}")

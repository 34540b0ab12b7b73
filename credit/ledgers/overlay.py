"""What the ledgers change in the rows that an evaluation reads. Delivered rows stay as they are: rows left out and
values corrected are read over them, sanctions imposed by command beside them, so that a delivery undoes nothing."""

from __future__ import annotations

from datetime import date, datetime

import duckdb

from credit.tables import TABLES, Table
from credit.warehouse import quote, scalar

Adjusted = dict[str, dict[str | None, str | None]]
"""Key -> column -> its right value as text (None: no value); the column None: the row is left out."""

OWN_KEY = "ledger:"
"""The key of a sanction imposed by command is this and its number."""

STANDING = """FROM ledger.adjustments a LEFT JOIN ledger.objection_events d ON d.number = a.decision
    WHERE a.from_day <= {day} AND (a.decision IS NULL OR a.decision = (
        SELECT max(last.number) FROM ledger.objection_events last
        WHERE last.objection = d.objection AND last.event = 'decided' AND last.from_day <= {day}))"""
"""The adjustments `a` that count for the night of `day`: those of the last decision on each objection, and repairs."""


def adjusted(con: duckdb.DuckDBPyConnection, table: str, day: date) -> Adjusted:
    """What counts for the night of `day`, of a table; of several values for one column the one entered last."""
    standing = STANDING.format(day=f"DATE '{day}'")
    rows = con.execute(
        f"SELECT a.key, a.column_name, a.value {standing} AND a.table_name = ? ORDER BY a.number", [table]
    ).fetchall()
    found: Adjusted = {}
    for key, column, value in rows:
        found.setdefault(key, {})[column] = value
    return found


def added(con: duckdb.DuckDBPyConnection, table: str, at: datetime | None = None) -> str | None:
    """SQL of the rows that the ledgers add to a table (of those known by `at`), None where there are none."""
    if table != "sanctions" or not scalar(con, "SELECT count(*) FROM ledger.sanctions"):
        return None
    values = {
        "sanction_id": f"'{OWN_KEY}' || s.number",
        "subject_id": "s.subject_id",
        "kind": "s.kind",
        "reason": "s.reason",
        "imposed_at": 's."at"',
        # It ends with its last day.
        "until_at": "timezone(getvariable('zone'), CAST(s.until_on + 1 AS TIMESTAMP))",
        "lifted_at": 'l."at"',
        "known_at": 's."at"',
    }
    columns = ", ".join(
        f"{values.get(name, 'NULL')}::{TABLES[table].column(name).sql_type} AS {name}" for name in TABLES[table].names
    )
    known = f"""WHERE s."at" <= TIMESTAMPTZ '{at.isoformat()}'""" if at else ""
    return (
        f"SELECT {columns}, {values['known_at']} AS known_at "
        f"FROM ledger.sanctions s LEFT JOIN ledger.sanction_lifts l ON l.sanction = s.number {known}"
    )


def overlaid(con: duckdb.DuckDBPyConnection, table: Table, rows: str, day: date) -> str:
    """SQL of the rows of a table as the night of `day` reads them; `rows` itself where nothing is adjusted."""
    found = adjusted(con, table.name, day)
    if not found:
        return rows
    names = ", ".join((*table.names, "known_at"))
    parts = [f"SELECT {names} FROM ({rows}) WHERE {table.key} NOT IN ({', '.join(map(quote, found))})"]
    corrected = {key: values for key, values in found.items() if None not in values}
    if corrected:
        columns = sorted({column for values in corrected.values() for column in values if column is not None})
        lines = ", ".join(f"({', '.join(_cells(key, values, columns))})" for key, values in corrected.items())
        heads = ", ".join(["key_", *(f"{column}_is, {column}_" for column in columns)])
        right = ", ".join(
            f"CASE WHEN {column}_is THEN CAST({column}_ AS {table.column(column).sql_type}) ELSE {column} END AS {column}"
            for column in columns
        )
        defaults = [c for c in table.columns if c.default]
        filled = ", ".join(f"coalesce({c.name}, {c.default}) AS {c.name}" for c in defaults)
        derived = ", ".join(f"{c.derived} AS {c.name}" for c in table.columns if c.derived)
        # As at intake: defaults stand for blanks, derived columns follow from the others.
        query = f"SELECT * REPLACE ({right}) FROM ({rows}) JOIN (VALUES {lines}) a({heads}) ON {table.key} = key_"
        for replaced in filter(None, (filled, derived)):
            query = f"SELECT * REPLACE ({replaced}) FROM ({query})"
        parts.append(f"SELECT {names} FROM ({query})")
    return " UNION ALL ".join(parts)


def _cells(key: str, values: dict[str | None, str | None], columns: list[str]) -> list[str]:
    """SQL of a key, and of each column whether it is corrected and to what."""
    cells = [quote(key)]
    for column in columns:
        value = values.get(column)
        cells += [str(column in values).lower(), "NULL" if value is None else quote(value)]
    return cells


def current(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of all rows of a canonical table as delivered last, those that the ledgers add among them."""
    rows = f"SELECT {', '.join((*TABLES[table].names, 'known_at'))} FROM canonical.{table}"
    more = added(con, table)
    return f"{rows} UNION ALL {more}" if more else rows


def owner(con: duckdb.DuckDBPyConnection, table: str, key: str) -> str | None:
    """Whose row it is; None where there is none."""
    query = f"SELECT subject_id FROM ({current(con, table)}) WHERE {TABLES[table].key} = {quote(key)}"
    rows = con.execute(query).fetchall()
    return str(rows[0][0]) if rows else None

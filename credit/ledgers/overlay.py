"""What the ledgers change in the rows that an evaluation reads. Delivered rows stay as they are: rows left out and
values corrected are read over them, and what upheld findings name is left out; sanctions imposed by command and upheld
findings (as violations) are read beside them. So a delivery undoes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import duckdb

from credit.tables import TABLES, Table
from credit.warehouse.connection import quote, quoted, scalar

Adjusted = dict[str, dict[str | None, str | None]]
"""Key -> column -> its right value as text (None: no value); the column None: the row is left out."""

OWN_KEY = "ledger:"
"""The key of a sanction imposed by command, or of the violation that an upheld finding is: this and its number."""
DOUBLED_DAYS = 31
"""A delivered violation of the same kind, decided so many days before or after a finding was upheld, is the same."""


def standing_adjustments(day: date) -> str:
    """SQL of the adjustments `a` that count for the night of `day`: those of the last decision on each objection, and
    repairs."""
    return f"""FROM ledger.adjustments a LEFT JOIN ledger.objection_events d ON d.number = a.decision
        WHERE a.from_day <= DATE '{day}' AND (a.decision IS NULL OR a.decision = (
            SELECT max(last.number) FROM ledger.objection_events last
            WHERE last.objection = d.objection AND last.event = 'decided' AND last.from_day <= DATE '{day}'))"""


def taken_away(day: date, finding: str = "f") -> str:
    """SQL: whether a decision on an objection takes the upheld finding (an alias) away for the night of `day`."""
    return f"""EXISTS (SELECT 1 {standing_adjustments(day)} AND a.table_name = 'violations'
        AND a.column_name IS NULL AND a.key = '{OWN_KEY}' || {finding}.number)"""


def standing_findings(day: date, finding: str = "f") -> str:
    """SQL of the upheld findings (their alias `finding`) that count for the night of `day`: of several decisions on one
    the last holds."""
    return f"""FROM ledger.findings {finding} WHERE {finding}.outcome = 'upheld' AND {finding}.number = (
            SELECT max(last.number) FROM ledger.findings last
            WHERE last.finding = {finding}.finding AND last.from_day <= DATE '{day}')
        AND NOT {taken_away(day, finding)}"""


_NAMED_BY_FINDINGS = {"transactions": "orders", "reviews": "reviews"}
"""Table -> the column of ledger.findings that names its rows."""


def adjusted(con: duckdb.DuckDBPyConnection, table: str, day: date) -> Adjusted:
    """What counts for the night of `day`, of a table; of several values for one column the one entered last. What an
    upheld finding names is left out."""
    values: Adjusted = {}
    for key, column, value in con.execute(
        f"SELECT a.key, a.column_name, a.value {standing_adjustments(day)} AND a.table_name = ? ORDER BY a.number",
        [table],
    ).fetchall():
        values.setdefault(key, {})[column] = value
    if keys := _NAMED_BY_FINDINGS.get(table):
        for (key,) in con.execute(f"SELECT DISTINCT unnest(f.{keys}) {standing_findings(day)} ORDER BY 1").fetchall():
            values.setdefault(key, {})[None] = None
    return values


def added(con: duckdb.DuckDBPyConnection, table: str, at: datetime | None = None) -> str | None:
    """SQL of the rows that the ledgers add to a table (of those known by `at`), None where there are none: sanctions
    imposed by command, and upheld findings as violations."""
    if table not in _ADDED or not scalar(con, f"SELECT count(*) FROM {_ADDED[table][0]}"):
        return None
    values, rows = _ADDED[table][1](at)
    columns = ", ".join(
        f"{values.get(name, 'NULL')}::{TABLES[table].column(name).sql_type} AS {name}" for name in TABLES[table].names
    )
    return f"SELECT {columns}, {values['known_at']} AS known_at {rows}"


def _imposed_sanctions(at: datetime | None) -> tuple[dict[str, str], str]:
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
    known = f"""WHERE s."at" <= TIMESTAMPTZ '{at.isoformat()}'""" if at else ""
    return values, f"FROM ledger.sanctions s LEFT JOIN ledger.sanction_lifts l ON l.sanction = s.number {known}"


def _upheld_violations(at: datetime | None) -> tuple[dict[str, str], str]:
    """Upheld findings as violations, withdrawn when they were dismissed. One matter is one violation: findings of one
    kind that share rows are, and one that the platform delivers as a violation itself stands for it."""
    then = f"d.from_day <= DATE '{at.date()}'" if at else "true"
    values = {
        "violation_id": f"'{OWN_KEY}' || f.number",
        "subject_id": "f.subject_id",
        "kind": "f.violation",
        "severity": "f.severity",
        "decided_at": 'f."at"',
        "withdrawn_at": '(SELECT min(d."at") FROM ledger.findings d '
        f"WHERE d.finding = f.finding AND d.number > f.number AND {then})",
        "known_at": 'f."at"',
    }
    rows = "FROM ledger.findings f WHERE f.violation IS NOT NULL"
    if at is None:
        return values, rows
    moment, day = f"TIMESTAMPTZ '{at.isoformat()}'", f"DATE '{at.date()}'"
    same = f"""v.subject_id = f.subject_id AND v.kind = f.violation AND v.known_at <= {moment}
        AND abs(epoch(v.decided_at) - epoch(f."at")) <= {DOUBLED_DAYS * 86_400}"""
    return (
        values,
        f"""{rows} AND f.from_day <= {day}
        AND NOT EXISTS (SELECT 1 FROM canonical.violations v WHERE {same})
        AND NOT EXISTS (SELECT 1 FROM history.violations v WHERE {same} AND v.known_until > {moment})
        AND NOT EXISTS (SELECT 1 {standing_findings(at.date(), "e")} AND e.number < f.number AND e.subject_id = f.subject_id
            AND e.violation = f.violation AND list_has_any(e.orders || e.reviews, f.orders || f.reviews))""",
    )


_ADDED: dict[str, tuple[str, Callable[[datetime | None], tuple[dict[str, str], str]]]] = {
    "sanctions": ("ledger.sanctions", _imposed_sanctions),
    "violations": ("ledger.findings WHERE violation IS NOT NULL", _upheld_violations),
}


def overlaid(con: duckdb.DuckDBPyConnection, table: Table, rows: str, day: date) -> str:
    """SQL of the rows of a table as the night of `day` reads them; `rows` itself where nothing is adjusted."""
    changed = adjusted(con, table.name, day)
    if not changed:
        return rows
    names = ", ".join((*table.names, "known_at"))
    # A join: a long list of literals is compared one by one.
    keys = quoted(changed)
    parts = [f"SELECT {names} FROM ({rows}) ANTI JOIN (SELECT unnest([{keys}]) AS key_) ON {table.key} = key_"]
    corrected = {key: values for key, values in changed.items() if None not in values}
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
    own_rows = added(con, table)
    return f"{rows} UNION ALL {own_rows}" if own_rows else rows


def owner(con: duckdb.DuckDBPyConnection, table: str, key: str) -> str | None:
    """Whose row it is; None where there is none."""
    query = f"SELECT subject_id FROM ({current(con, table)}) WHERE {TABLES[table].key} = {quote(key)}"
    rows = con.execute(query).fetchall()
    return str(rows[0][0]) if rows else None

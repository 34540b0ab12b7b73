"""The schemas of the warehouse as SQL.

landing      rows of batches that have been read and row-checked but not yet judged by their expectations
canonical    the current version of every row, with `known_at`
history      superseded versions, each with the interval [known_at, known_until) in which it was believed
waiting      good rows of sellers nobody has told us of yet; they come in when the seller does
quarantine   every rejected row, with file, line or key, reason code and reason
ledger       only ever added to: the life of rulebooks (texts, events, comments, answers), vettings of applicants;
             objections, adjustments, sanctions, findings and closings (see `credit.ledgers`)
results      evaluations: runs, grades (kept for ever), indicators (kept for `keep_nights` nights)
meta         schema version, platform zone, batches

Canonical tables and ledgers are described in `credit.tables` and `credit.warehouse.ledger_tables`: what a description has and a
warehouse lacks is added when it is opened. All else is made by the numbered files of `migrations/`, each run once, in order; a
change is one more file, and its number is the schema's version.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from credit.files.numbered import numbered
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse import ledger_tables
from credit.warehouse.connection import info

MIGRATIONS = Path(__file__).parent / "migrations"
COPIES = {
    "canonical": "batch_id BIGINT",
    "history": "batch_id BIGINT, known_until TIMESTAMPTZ",
    "landing": "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT",
    "waiting": "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT",
}
"""Schemas that hold every canonical table, each with columns of its own behind the table's."""


def steps() -> dict[int, Path]:
    """Number -> file of `migrations/`, in order. Raises ValueError where a number is missing or stands twice."""
    return numbered(MIGRATIONS, ".sql")


def version() -> int:
    """The version of the schema that this program writes: the number of the last migration."""
    return max(steps())


def version_of(con: duckdb.DuckDBPyConnection) -> int:
    """The version of the opened warehouse; 0: it is empty."""
    return int(info(con, "schema_version") or 0)


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make the schema, or bring that of an earlier version up to this one; where nothing is missing nothing changes."""
    con.execute("CREATE SCHEMA IF NOT EXISTS meta")
    con.execute("CREATE TABLE IF NOT EXISTS meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
    there = version_of(con)
    for number, file in steps().items():
        if number > there:
            con.execute(file.read_text(encoding="utf-8"))
    con.execute(
        "INSERT INTO meta.info VALUES ('schema_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [str(version())],
    )
    _add_columns(con)
    con.execute(ledger_tables.ddl())
    for schema, extra in COPIES.items():
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in TABLES.values():
            con.execute(f"CREATE TABLE IF NOT EXISTS {schema}.{table.name} ({_columns(table)}, {extra})")


def _columns(table: Table) -> str:
    return ", ".join(f"{column.name} {column.sql_type}" for column in (*table.columns, KNOWN_AT))


def _add_columns(con: duckdb.DuckDBPyConnection) -> None:
    """Add to canonical tables, and to their copies, the columns that their descriptions have and they lack; derived ones are filled."""
    there: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in con.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE schema_name IN (SELECT unnest(?))",
        [list(COPIES)],
    ).fetchall():
        there.setdefault((schema, table), set()).add(column)
    for (schema, name), columns in sorted(there.items()):
        new = [column for column in TABLES[name].columns if column.name not in columns]
        if not new:
            continue
        # Made anew and filled by name: the order of columns is that of the description, wherever the new ones stand.
        con.execute(f"ALTER TABLE {schema}.{name} RENAME TO {name}_before")
        con.execute(f"CREATE TABLE {schema}.{name} ({_columns(TABLES[name])}, {COPIES[schema]})")
        con.execute(f"INSERT INTO {schema}.{name} BY NAME SELECT * FROM {schema}.{name}_before")
        con.execute(f"DROP TABLE {schema}.{name}_before")
        if derived := [f"{column.name} = {column.derived}" for column in new if column.derived]:
            con.execute(f"UPDATE {schema}.{name} SET {', '.join(derived)}")

"""A mapping of files checked against the files: which expression fails, and how the first rows will be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from credit.errors import UserError
from credit.settings import Settings
from credit.sources import mapped_files
from credit.sources.mapping import Mapping
from credit.tables import KNOWN_AT, TABLES
from credit.warehouse import row_rules
from credit.warehouse.connection import connect_aside, quote

WORDS = 12
"""Words of a column that are no codes which are named."""
LOOKED_AT = 1_000
"""Rows of a table whose faults are counted."""
SHOWN = 5
_ROWS = "rows_as_mapped"
"""The rows of the table that is looked at."""


@dataclass(frozen=True)
class FirstRow:
    """A row as it will be read. `faults`: all that is wrong with it, each with the line of the mapping to change."""

    table: str
    file: str
    line: int
    values: dict[str, Any]
    faults: tuple[str, ...]


def check_files(mapping: Mapping, settings: Settings, zone: str) -> tuple[list[str], list[str], list[FirstRow]]:
    """(errors, words that are no codes, the first rows of each table and the first with faults). Nothing is kept."""
    errors: list[str] = []
    unknown: list[str] = []
    rows: list[FirstRow] = []
    with connect_aside(settings) as con:
        con.execute("CREATE TEMP MACRO pseudonym(t) AS left(md5(t), 8)")
        con.execute("SET VARIABLE now = ?::TIMESTAMPTZ", [datetime.now(UTC)])
        con.execute(f"SET VARIABLE zone = {quote(zone)}")
        con.execute(f"SET TimeZone = {quote(zone)}")
        mapped_files.macros(con, zone)
        try:
            for name in mapping.files:
                mapped_files.view(con, name, mapped_files.pieces(con, settings, mapping, name))
        except UserError as error:
            return [str(error)], [], []
        for table in mapping.tables:
            faults = list(_expressions(con, mapping, table))
            errors += faults
            if faults:
                continue
            try:
                con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {mapped_files.relation(mapping, table)}")
                unknown += [*_unknown_words(con, mapping, table, zone), *_empty_columns(con, mapping, table)]
                rows += _first_rows(con, mapping, table, zone)
            except duckdb.Error as error:
                errors.append(
                    f"{mapping.at('tables', table)}: fails on a row: {_said(error)}; TRY_CAST reads what it can"
                )
    return errors, unknown, rows


def _expressions(con: duckdb.DuckDBPyConnection, mapping: Mapping, table: str) -> Iterator[str]:
    """What is wrong with the SQL of a table, expression by expression."""
    mapped = mapping.tables[table]
    try:
        mapped_files.main_input(mapping, table)
        con.execute(f"SELECT 1 FROM {mapped.source} LIMIT 0")
    except UserError as error:
        yield str(error)
        return
    except duckdb.Error as error:
        yield f"{mapping.at('tables', table, 'from')}: {_said(error)}"
        return
    for column, sql in mapped.columns.items():
        try:
            con.execute(f"SELECT (\n{sql}\n) FROM {mapped.source} LIMIT 0")
        except duckdb.Error as error:
            yield f"{mapping.at('tables', table, 'columns', column)}: {_said(error)}"
    if mapped.where:
        try:
            con.execute(f"SELECT 1 FROM {mapped.source} WHERE (\n{mapped.where}\n) LIMIT 0")
        except duckdb.Error as error:
            yield f"{mapping.at('tables', table, 'where')}: {_said(error)}"


def _said(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def _unknown_words(con: duckdb.DuckDBPyConnection, mapping: Mapping, name: str, zone: str) -> Iterator[str]:
    """Of each column of codes: the words in any row that are none, most frequent first."""
    table, given = TABLES[name], mapping.tables[name].columns
    for column in (column for column in table.supplied if column.codes and column.name in given):
        own = (column.name,)
        # Each spelling is read once: there are few of them.
        words = con.execute(
            f"""WITH spellings AS (SELECT {column.name}, count(*) AS n FROM {_ROWS} GROUP BY 1),
                texts AS (SELECT r.n{row_rules.texts(own)} FROM spellings r),
                read AS (SELECT {row_rules.typed(table, column, own, zone)} AS word, n FROM texts x)
                SELECT word, sum(n)::BIGINT AS n FROM read
                WHERE word IS NOT NULL AND word NOT IN ({", ".join(map(quote, column.codes))})
                GROUP BY 1 ORDER BY n DESC, word"""
        ).fetchall()
        if words:
            more = f" and {len(words) - WORDS} more" if len(words) > WORDS else ""
            shown = ", ".join(f"{word[:30]} ({number:,})" for word, number in words[:WORDS])
            yield (
                f"{mapping.at('tables', name, 'columns', column.name)}: words that are no code, whose rows are set aside: "
                f"{shown}{more}; say under codes which of {', '.join(column.codes)} each means, or under nothing that it means none"
            )


def _empty_columns(con: duckdb.DuckDBPyConnection, mapping: Mapping, name: str) -> Iterator[str]:
    """That mapped columns hold nothing in any row: those of a join, most often, whose keys are not alike."""
    columns = list(mapping.tables[name].columns)
    counted = ", ".join(f"count(nullif({mapped_files.identifier(column)}::VARCHAR, ''))" for column in columns)
    rows, *filled = con.execute(f"SELECT count(*), {counted} FROM {_ROWS}").fetchall()[0]
    empty = [column for column, number in zip(columns, filled, strict=True) if not number]
    if rows and empty:
        yield (
            f"{mapping.at('tables', name)}: empty in all {rows:,} rows: {', '.join(empty)}; where they come from a join, see whether "
            'its keys are written alike (as_id takes off a tab, an apostrophe, ="…")'
        )


def _first_rows(con: duckdb.DuckDBPyConnection, mapping: Mapping, name: str, zone: str) -> list[FirstRow]:
    table, mapped = TABLES[name], mapping.tables[name]
    given = tuple(mapped.columns)
    rules = list(row_rules.rules(table, given))
    typed = ", ".join(f"{row_rules.typed(table, column, given, zone)} AS {column.name}" for column in table.supplied)
    known = row_rules.typed(table, KNOWN_AT, given, zone)
    faults = ", ".join(f"CASE WHEN {bad} THEN {reason} END" for bad, _, reason in rules)
    read = con.execute(
        f"""WITH raw AS (FROM {_ROWS} LIMIT {LOOKED_AT}),
            texts AS (SELECT r{row_rules.texts(given)} FROM raw r),
            typed AS (SELECT {typed}, {known} AS known_at_, x.r, x FROM texts x),
            judged AS (SELECT t.*, list_filter([{faults}], lambda f: f IS NOT NULL) AS faults_
                       FROM (SELECT * FROM typed, ({row_rules.BOUNDS})) t)
            SELECT r._file, r._line, faults_, {", ".join(f"{c}::VARCHAR" for c in given if c != "known_at")}
            FROM judged QUALIFY row_number() OVER () <= {SHOWN}
                OR len(faults_) > 0 AND row_number() OVER (PARTITION BY len(faults_) > 0) <= {SHOWN}
            ORDER BY 1, 2"""
    ).fetchall()
    names = [column for column in given if column != "known_at"]
    shown = []
    for file, line, wrong, *texts in read:
        placed = tuple(f"{_place(mapping, name, fault)}: {fault}" for fault in wrong)
        shown.append(FirstRow(name, file, line, dict(zip(names, texts, strict=True)), placed))
    return shown


def _place(mapping: Mapping, table: str, fault: str) -> str:
    """The line of the mapping that gives the column a fault speaks of."""
    column = fault.split(" ", 1)[0]
    return mapping.at("tables", table, "columns", *([column] if column in mapping.tables[table].columns else []))

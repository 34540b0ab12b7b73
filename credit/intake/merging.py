"""A landed batch merged into the canonical tables, superseded versions kept, or set aside whole."""

from __future__ import annotations

import json

import duckdb

from credit.intake.landing import Counts
from credit.intake.waiting import release, wait_once
from credit.intake.whole import end_absent_rows
from credit.tables import TABLES, Table
from credit.warehouse.connection import scalar, transaction
from credit.warehouse.sql import statement


def landed_batches(con: duckdb.DuckDBPyConnection) -> list[int]:
    """Batches that wait for `check`."""
    return [
        row[0] for row in con.execute("SELECT batch_id FROM meta.batches WHERE state = 'landed' ORDER BY 1").fetchall()
    ]


def accept(con: duckdb.DuckDBPyConnection, batch_id: int) -> dict[str, dict[str, int]]:
    """Merge a landed batch; returns table -> new, replaced, unchanged (rows)."""
    merged = {}
    with transaction(con):
        con.execute("UPDATE meta.batches SET state = 'accepted' WHERE batch_id = ?", [batch_id])
        for table in TABLES.values():  # subjects first, orders before what speaks of them
            end_absent_rows(con, table, batch_id)
            if table.name != "subjects":
                wait_once(con, table, batch_id)
                release(con, table, batch_id)
            numbers = _merge(con, table, batch_id)
            if any(numbers.values()):
                merged[table.name] = numbers
    return merged


def _merge(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> dict[str, int]:
    key, names = table.key, ", ".join((*table.names, "known_at"))
    mine = f"(batch_id = {batch_id} OR source_table = 'released')"
    rows = scalar(con, f"SELECT count(*) FROM landing.{table.name} WHERE {mine}")
    if not rows:
        return {"new": 0, "replaced": 0, "unchanged": 0}
    content = ", ".join(table.names)
    current = ", ".join(f"c.{name}" for name in table.names)
    arrived = ", ".join(f"l.{name}" for name in table.names)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE incoming AS
            SELECT {", ".join(f"l.{name}" for name in (*table.names, "known_at", "batch_id"))},
                   c.{key} IS NOT NULL OR l.several AS touches
            FROM (SELECT *, count(*) OVER (PARTITION BY {key}) > 1 AS several FROM landing.{table.name} WHERE {mine}) l
            LEFT JOIN canonical.{table.name} c ON c.{key} = l.{key}
            -- what repeats the current version is no news, unless other versions of its key come with it
            WHERE c.{key} IS NULL OR l.known_at < c.known_at OR ROW({current}) IS DISTINCT FROM ROW({arrived}) OR l.several"""
    )
    con.execute(f"INSERT INTO canonical.{table.name} SELECT {names}, batch_id FROM incoming WHERE NOT touches")
    new = scalar(con, "SELECT count(*) FROM incoming WHERE NOT touches")
    touched = scalar(con, f"SELECT count(DISTINCT {key}) FROM incoming WHERE touches")
    if touched:
        of_touched = f"SEMI JOIN (SELECT {key} FROM incoming WHERE touches) USING ({key})"
        believed = _believed(table)
        con.execute(
            statement(
                __file__,
                "versions",
                table=table.name,
                key=key,
                names=names,
                content=content,
                of_touched=of_touched,
                believed=believed,
            )
        )
    con.execute(f"DELETE FROM landing.{table.name} WHERE {mine}")
    changed = scalar(con, "SELECT count(*) FROM incoming WHERE touches")
    return {"new": new, "replaced": changed, "unchanged": rows - new - changed}


def _believed(table: Table) -> str:
    """SQL of `all_versions` as they are believed: of a promise the one first made, and what is derived from it.

    A promise moved later, or taken back, is not kept by that; nor is one that a later version adds, unless it is known within
    a day of the order or of its payment. What was delivered wrong is put right by delivering it
    with --history, or by an objection.
    """
    promises = [column.name for column in table.columns if column.promise]
    if not promises:
        return "FROM all_versions"
    in_time = f"known_at <= coalesce(paid_at, {table.event}) + INTERVAL 1 DAY"
    first = ", ".join(
        f"""coalesce(first_value({name}) OVER so_far,
            first_value(CASE WHEN {in_time} THEN {name} END IGNORE NULLS) OVER so_far) AS {name}"""
        for name in promises
    )
    derived = (c for c in table.columns if c.derived and any(name in c.derived for name in promises))
    return f"""SELECT * REPLACE ({", ".join(f"{c.derived} AS {c.name}" for c in derived)}) FROM (
        SELECT * REPLACE ({first}) FROM all_versions WINDOW so_far AS (
            PARTITION BY {table.key} ORDER BY known_at, batch_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))"""


def refuse(con: duckdb.DuckDBPyConnection, batch_id: int, reason: str) -> Counts:
    """Set a landed batch aside: every row of it into the quarantine. Returns the batch's new counts."""
    with transaction(con):
        for table in TABLES.values():
            con.execute(
                f"""INSERT INTO quarantine.rows
                    SELECT batch_id, source_table, file, line, {table.key}, 'failed_expectations', ?, to_json(l)::VARCHAR,
                           NULL FROM landing.{table.name} l WHERE batch_id = {batch_id}""",
                [reason],
            )
            # Those that waited stay in the quarantine as such; a refused batch has nothing left to come in.
            for schema in ("landing", "waiting"):
                con.execute(f"DELETE FROM {schema}.{table.name} WHERE batch_id = {batch_id}")
        counts: Counts = json.loads(scalar(con, "SELECT counts FROM meta.batches WHERE batch_id = ?", [batch_id]))
        for numbers in counts.values():
            numbers["quarantined"] += numbers["accepted"]
            numbers["accepted"] = 0
        con.execute(
            "UPDATE meta.batches SET state = 'refused', counts = ? WHERE batch_id = ?",
            [json.dumps(counts), batch_id],
        )
        con.execute("DELETE FROM meta.supplied WHERE batch_id = ?", [batch_id])
    return counts

"""Tables delivered whole: what it means that a row does not come any more.

The setting `whole_tables` names them. Rows in force that a whole delivery lacks are a finding of the batch; they go on being counted
(`report`), or end with the day before the night (`end`), which only tables with an end of their own can say. A delivery is held for
whole where all it holds of the table is new: what lies there since an earlier night, or is read since a mark, is a part. A row that
comes again after its end is a new version of it, as any row with other values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from credit.settings import Settings
from credit.sources.delivery import Delivery, InputFile
from credit.tables import TABLES, Table
from credit.warehouse.connection import info, quote, scalar
from credit.warehouse.sql import statement

CUT_SHORT = 0.5
"""Share of the rows in force above which their absence is taken for a delivery that was cut short."""
CUT_SHORT_ROWS = 10
"""Rows in force from which on that is judged."""
_NAMED = 10


@dataclass(frozen=True)
class AbsentRows:
    """Of a table delivered whole: rows in force before, how many of them did not come, keys of some. `unread`: rows of the delivery
    whose key could not be read, any of which may be one that is missing: then nothing ends."""

    table: str
    known: int
    absent: int
    keys: tuple[str, ...]
    unread: int
    end: bool

    @property
    def severity(self) -> Literal["critical", "warning"]:
        cut_short = self.known >= CUT_SHORT_ROWS and self.absent > CUT_SHORT * self.known
        return "critical" if cut_short else "warning"

    @property
    def message(self) -> str:
        """What is absent and what becomes of it, in both languages, and what to do."""
        if self.severity == "critical":
            becomes = ("疑为交付不完整", "the delivery looks cut short")
        elif not self.end:
            becomes = ("仍继续计入", "they stay counted")
        elif self.unread:
            becomes = (
                f"另有 {self.unread:,} 行无法读取主键，故一行也不终止",
                f"{self.unread:,} rows came whose key cannot be read, so none ends",
            )
        else:
            becomes = ("自前一日终止", "they end with the day before")
        more = " …" if self.absent > len(self.keys) else ""
        return (
            f"{self.table}: 全量交付中缺少此前有效的 {self.known:,} 行中的 {self.absent:,} 行，{becomes[0]} / {self.absent:,} of "
            f"{self.known:,} rows in force are not in the whole delivery; {becomes[1]}: {', '.join(self.keys)}{more} → 核对来源系统"
            "的导出任务 / check the export in the source system"
        )


def note_whole_tables(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    delivery: Delivery,
    new: list[InputFile],
    batch_id: int,
    as_of: datetime,
) -> list[str]:
    """Note which tables the batch brings whole; returns notices of those that should be and are not."""
    notices = []
    source = delivery.source
    for name, absent in settings.whole_tables.items():
        if not any(part.table == name for part in delivery.parts):
            continue
        later = scalar(
            con,
            """SELECT count(*) FROM meta.whole w JOIN meta.batches b USING (batch_id)
               WHERE w.table_name = ? AND b.source = ? AND b.as_of > ? AND b.state <> 'refused'""",
            [name, source, as_of],
        )
        if later:
            why = "a later night has brought it already"
        elif name in delivery.since:
            why = "it is read since the last read; leave changed_at out of its mapping"
        elif any(file.table == name and file not in new for file in delivery.files):
            why = "other files of it lie there that were landed before; deliver the table in one file, or in a folder a night"
        else:
            con.execute("INSERT INTO meta.whole VALUES (?, ?, ?)", [batch_id, name, absent])
            continue
        notices.append(f"{name} should come whole and came in part, so what is absent is not judged: {why}")
    return notices


def absent_rows(con: duckdb.DuckDBPyConnection, batch_id: int) -> list[AbsentRows]:
    """What does not come any more in the tables that a landed batch brings whole."""
    return [
        missing
        for name, absent in con.execute(
            "SELECT table_name, absent FROM meta.whole WHERE batch_id = ? ORDER BY 1", [batch_id]
        ).fetchall()
        if (missing := _absent(con, TABLES[name], batch_id, absent == "end")).absent
    ]


def end_absent_rows(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Add to a landed batch, of a table brought whole, an ended version of each row that does not come any more, if they end."""
    if not con.execute(
        "SELECT 1 FROM meta.whole WHERE batch_id = ? AND table_name = ? AND absent = 'end'", [batch_id, table.name]
    ).fetchone():
        return
    if _absent(con, table, batch_id, end=True).unread:
        return
    end = table.column(str(table.ended_by))
    as_of = f"(SELECT as_of FROM meta.batches WHERE batch_id = {batch_id})"
    # A day of validity is the last one on which it holds.
    when = as_of if end.type == "instant" else f"greatest({table.event}, {_day(con, as_of)} - 1)"
    gone = f"{table.key} IN (SELECT key FROM ({_query(con, table, batch_id, '{}')}) WHERE absent)"
    con.execute(
        f"""INSERT INTO landing.{table.name} BY NAME
            SELECT * EXCLUDE (known_at, batch_id) REPLACE ({when} AS {end.name}),
                   {as_of} AS known_at, {batch_id} AS batch_id, 'absent' AS source_table
            FROM canonical.{table.name} WHERE {gone.format("canonical")}"""
    )
    con.execute(f"UPDATE waiting.{table.name} SET {end.name} = {when} WHERE {gone.format('waiting')}")


def _absent(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int, end: bool) -> AbsentRows:
    query = _query(con, table, batch_id, "canonical")
    row = con.execute(
        f"""SELECT count(*), count(*) FILTER (absent), coalesce(min(key, {_NAMED}) FILTER (absent), [])
            FROM ({query})"""
    ).fetchone()
    assert row is not None
    unread = scalar(
        con,
        "SELECT count(*) FROM quarantine.rows WHERE batch_id = ? AND source_table = ? AND key IS NULL",
        [batch_id, table.name],
    )
    return AbsentRows(table.name, row[0], row[1], tuple(row[2]), unread, end)


def _query(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int, schema: str) -> str:
    in_force = "true"
    if table.ended_by:
        instant = table.column(table.ended_by).type == "instant"
        until = "this.as_of" if instant else _day(con, "this.as_of")
        in_force = f"(c.{table.ended_by} IS NULL OR c.{table.ended_by} >= {until})"
    return statement(
        __file__, "whole", table=table.name, key=table.key, schema=schema, batch=str(batch_id), in_force=in_force
    )


def _day(con: duckdb.DuckDBPyConnection, instant: str) -> str:
    """SQL of the day of an instant in the platform's zone."""
    return f"timezone({quote(str(info(con, 'zone')))}, {instant})::DATE"

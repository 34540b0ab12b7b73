"""What a reader makes of a file."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from credit.warehouse.connection import scalar

CHUNK = 1 << 22
MAX_LINE = 64 << 20
"""Bytes of one line; DuckDB holds a few lines of this size in memory at worst."""

REJECTS = pa.schema([("line", pa.int64()), ("code", pa.string()), ("reason", pa.string()), ("raw", pa.string())])


@dataclass(frozen=True)
class Reject:
    """A line of a file that is no row."""

    line: int
    code: str
    reason: str
    raw: str


@dataclass(frozen=True)
class RawTable:
    """`name`: temporary table with `_line` and the columns of the file as `columns`; `rejects`: SQL or None."""

    name: str
    columns: dict[str, str]  # header -> column in the temporary table
    rows: int  # rows read, the malformed ones included
    rejects: str | None
    notices: tuple[str, ...] = ()
    spellings: bool = False
    """Whether two columns may be one that some rows spell otherwise, as in JSON."""


def keep_rejects(con: duckdb.DuckDBPyConnection, name: str, rejects: list[Reject]) -> str:
    """SQL of rejects that a reader set aside by itself, kept in a temporary table beside its rows."""
    table = pa.table([[getattr(r, field) for r in rejects] for field in REJECTS.names], schema=REJECTS)
    con.register("rejected_lines", table)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name}_lines_rejected AS FROM rejected_lines")
    con.unregister("rejected_lines")
    return f"SELECT line, code, reason, raw FROM {name}_lines_rejected"


def row_count(con: duckdb.DuckDBPyConnection, name: str) -> int:
    """Rows of a temporary table."""
    return int(scalar(con, f"SELECT count(*) FROM {name}"))

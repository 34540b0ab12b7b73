"""The warehouse: one DuckDB file, its schemas, and the one connection that writes it.

landing      rows of batches that have been read and row-checked but not yet judged by their expectations
canonical    the current version of every row, with `known_at`
history      superseded versions, each with the interval [known_at, known_until) in which it was believed
waiting      good rows of sellers nobody has told us of yet; they come in when the seller does
quarantine   every rejected row, with file, line or key, reason code and reason
ledger       only ever added to: the life of rulebooks (texts, events, comments, answers), vettings of applicants;
             objections, adjustments, sanctions, findings and closings (see `credit.ledgers`)
results      evaluations: runs, grades (kept for ever), indicators (kept for `keep_nights` nights)
meta         schema version, platform zone, batches
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from credit import codes
from credit.errors import UserError, WarehouseLocked
from credit.settings import DEFAULT_ZONE, Settings
from credit.warehouse.failures import as_user_error


def connect(path: Path | str, settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the project's settings: UTC, no downloads, bounded memory.

    Raises WarehouseLocked when another process has the file open, WarehouseDamaged when it is not as it was written,
    UserError when it is not a warehouse.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if settings.threads:
        config["threads"] = str(settings.threads)
    try:
        con = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.IOException as error:
        holder = re.search(r"PID (\d+)", str(error))
        if re.search("could not set lock|conflicting lock", str(error), re.IGNORECASE):
            who = f"process {holder.group(1)}" if holder else "another process"
            raise WarehouseLocked(
                f"{path} is open in {who}, and DuckDB lets one process at a time in. Wait for it to end; "
                f"for reading meanwhile use the Parquet files under published/current/bulk and nights/."
            ) from None
        known = None if "valid DuckDB" in str(error) else as_user_error(error)
        raise known or UserError(f"{path} cannot be opened: {error}") from None
    except duckdb.Error as error:
        raise as_user_error(error) or UserError(f"{path} cannot be opened as a warehouse: {error}") from None
    con.execute("SET TimeZone = 'UTC'")
    # Steps are told on standard error; DuckDB would draw bars on standard output, between the lines of --json.
    # In Jupyter without ipywidgets there are no bars, and no such setting.
    with contextlib.suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")
    for check in (codes.uscc_valid, codes.resident_id_valid):
        con.create_function(check.__name__, check)
    return con


def connect_aside(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection to nothing, to look at files with; what does not fit into memory goes to the home, made if need be."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return connect(":memory:", settings)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def scalar(con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | dict[str, Any] | None = None) -> Any:
    """The one value of a query of one row. Fetches all: a connection with an unfinished result refuses other work."""
    return con.execute(query, parameters).fetchall()[0][0]


def as_dicts(
    con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, each as column name -> value, in the query's order."""
    return dicts(con.execute(query, parameters))


def dicts(result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """The rows of a result, each as column name -> value, in the result's order."""
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(texts: Iterable[str]) -> str:
    """SQL string literals with commas between."""
    return ", ".join(map(quote, texts))


def info(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    rows = con.execute("SELECT value FROM meta.info WHERE name = ?", [name]).fetchall()
    return rows[0][0] if rows else None


def zone_of(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """The zone in which this home counts its days: fixed by the first batch, else the setting, else the default."""
    fixed = info(con, "zone")
    if fixed and settings.zone and fixed != settings.zone:
        raise UserError(
            f"this home counts its days in {fixed} since its first batch; the setting zone = {settings.zone} "
            "would move every cut-off. Drop the setting or use a new home."
        )
    return fixed or settings.zone or DEFAULT_ZONE

"""A platform's own database, PostgreSQL or MySQL, read by a mapping file (`credit.sources.mapping`).

Each canonical table is one SELECT; all are read in one read-only moment, so that an order and its complaint are of the
same. Rows are streamed as Arrow batches to Parquet files in the home and from there go the way of all files: row checks,
quarantine, pseudonyms. What differs between databases is in `credit.databases`.

Only what is new is read: rows whose `changed_at` is not more than the overlap before the newest one of the last read, nor
before the begin of the oldest transaction that was open then, whose rows may carry that time and be seen only later.
That mark is kept in the warehouse with the batch it belongs to, in the transaction that lands the batch: a batch that
was not landed, or was set aside, is read again. A table without `changed_at`, or whose mapping has changed since, is
read whole. Reading a row again changes nothing.

A row that is deleted in the database is not deleted here: what was known of it stays. Cancelled orders and withdrawn
complaints are rows with a time, not missing rows.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from credit.databases.dialect import Dialect, Refused, Session, Url, environment_text, expected
from credit.databases.mysql import MySQL
from credit.databases.postgres import PostgreSQL
from credit.errors import InputError, UserError
from credit.settings import Settings
from credit.sources import files
from credit.sources.delivery import Delivery, InputFile, Part
from credit.sources.mapping import Mapping, TableMap, load
from credit.sources.wording import worded
from credit.warehouse.connection import info, quote, zone_of

CHANGED_TYPES = ("timestamptz", "timestamp", "date")
BATCH_BYTES = 8 << 20
"""Of rows in memory at a time, about."""
READS_KEPT = 50
_SCRATCH = "read-database-"


def dialect_of(text: str, origin: str) -> tuple[Dialect, Url]:
    """The database that a URL names. Raises UserError, which never quotes the URL."""
    scheme = text.strip().partition("://")[0].lower()
    if scheme in ("postgres", "postgresql"):
        chosen: Dialect = PostgreSQL()
    elif scheme in ("mysql", "mariadb", "mysql+pymysql"):
        chosen = MySQL()
    else:
        raise UserError(f"{origin} is no URL of a database that can be read; {expected('database')}")
    return chosen, chosen.url(text, origin)


def named_by(mapping: Mapping) -> tuple[Dialect, Url]:
    """The database of a mapping. Raises UserError when the variable is unset or holds no URL."""
    assert mapping.connection is not None
    name = mapping.connection.env
    return dialect_of(environment_text(name), f"environment variable {name}")


@dataclass(frozen=True)
class Mark:
    """Where the reads of a table stand. `reads`: (batch, newest changed_at as text) of each, oldest first."""

    mapping: str
    reads: tuple[tuple[int, str], ...]

    def to_json(self) -> str:
        return json.dumps({"mapping": self.mapping, "reads": self.reads})


def select(mapped: TableMap, picked: str, since: str | None = None) -> str:
    """The SELECT of a table; `since` is a condition on changed_at."""
    # A line of its own for each part, so that a comment in one does not swallow the next.
    conditions = [part for part in (mapped.where, since) if part]
    where = "\nWHERE " + " AND ".join(f"(\n{part}\n)" for part in conditions) if conditions else ""
    return f"SELECT {picked}\nFROM {mapped.source}\n{where}"


def as_text(dialect: Dialect, session: Session, mapped: TableMap) -> str:
    """All columns, as text: intake reads them as it reads CSV, and one odd value spoils one row, not the read."""
    return ", ".join(
        f"{dialect.text(sql, kind_of(session, mapped, sql))} AS {dialect.identifier(name)}"
        for name, sql in mapped.columns.items()
    )


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, is_landed: Callable[[InputFile], bool]
) -> Delivery:
    """Read what is new. Raises InputError or UserError before anything changes."""
    mapping = load(path)
    if mapping.connection is None:
        raise InputError(f"{path} maps files, not a database; read it with --source files")
    dialect, url = named_by(mapping)
    _clean(settings)
    inputs, parts, notices, counts = [], [], [], {}
    in_part: set[str] = set()
    marks: dict[str, tuple[Mark | None, TableMap, str | None]] = {}
    zone = zone_of(con, settings)
    try:
        until = dialect.settled(url, zone)
    except Refused as error:
        raise InputError(
            f"{dialect.name} at {url.server} does not say which transactions are open: {dialect.said(error, url)}"
        ) from None
    with (
        tempfile.TemporaryDirectory(dir=settings.home, prefix=_SCRATCH) as scratch,
        dialect.snapshot(url, zone) as session,
    ):
        moment = dialect.moment(session)
        for name, mapped in mapping.tables.items():
            try:
                since, newest, mark, why = _since(con, dialect, session, mapping, name, mapped, until)
                file = Path(scratch) / f"{name}.parquet"
                query = select(mapped, as_text(dialect, session, mapped), since)
                number = _stream(session, query, tuple(mapped.columns), file)
            except Refused as error:
                raise InputError(
                    f"{mapping.at('tables', name)}: {dialect.name} at {url.server} refuses: {dialect.said(error, url)}. "
                    f"`merchant-credit map --check {path}` tells which part it is"
                ) from None
            raw = files.read_table(con, settings, file, f"raw_{name}")
            file.unlink()
            counts[name] = number
            if since is not None:
                in_part.add(name)
            marks[name] = (mark, mapped, newest)
            if why:
                notices.append(f"{name}: {why}")
            # Each read is a thing of its own: the same rows once more are news when others came between.
            asked = f"{name} {mapped.hash} {since} {moment}"
            inputs.append(InputFile(path, name, hashlib.sha256(asked.encode()).hexdigest()))
            columns = ", ".join(
                f"{worded(mapped, column, raw.columns[column])} AS {column}" for column in mapped.columns
            )
            parts.append(
                Part(
                    name,
                    name,
                    f"SELECT {quote(f'{dialect.key}:{name}')} AS _file, _line, {columns} FROM {raw.name}",
                    tuple(mapped.columns),
                )
            )

    def landed(to: duckdb.DuckDBPyConnection, batch_id: int) -> None:
        for name, (mark, mapped, newest) in marks.items():
            _keep(to, dialect, mapping, name, mark, mapped, newest, batch_id)

    return Delivery(
        dialect.key,
        tuple(inputs),
        tuple(parts),
        (),
        counts,
        notices=tuple(notices),
        since=frozenset(in_part),
        landed=landed,
    )


def _clean(settings: Settings) -> None:
    """Remove what a killed read left: it holds consumers' ids as they came."""
    for left in settings.home.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _name(dialect: Dialect, mapping: Mapping, table: str) -> str:
    assert mapping.connection is not None  # `read` refuses a mapping of files
    return f"{dialect.key}:{mapping.connection.env}:{table}"


def _mark(con: duckdb.DuckDBPyConnection, dialect: Dialect, mapping: Mapping, name: str) -> Mark | None:
    """The reads of a table up to the first whose batch was set aside; None when there was none."""
    stored = info(con, _name(dialect, mapping, name))
    if stored is None:
        return None
    stored_mark = json.loads(stored)
    refused = {
        number for (number,) in con.execute("SELECT batch_id FROM meta.batches WHERE state = 'refused'").fetchall()
    }
    good = []
    for number, newest in stored_mark["reads"]:
        if number in refused:
            break
        good.append((number, newest))
    return Mark(stored_mark["mapping"], tuple(good))


def _since(
    con: duckdb.DuckDBPyConnection,
    dialect: Dialect,
    session: Session,
    mapping: Mapping,
    name: str,
    mapped: TableMap,
    until: str,
) -> tuple[str | None, str | None, Mark | None, str | None]:
    """(condition on changed_at, newest changed_at there is up to `until`, mark so far, why the table is read whole)."""
    if mapped.changed_at is None:
        return None, None, None, "has no changed_at: read whole"
    mark = _mark(con, dialect, mapping, name)
    why = None
    if mark is not None and mark.mapping != mapped.hash:
        mark, why = None, "the mapping has changed: read whole"
    elif mark is not None and not mark.reads:
        mark, why = None, "its batches were set aside: read whole"
    changed = f"(\n{mapped.changed_at}\n)"
    kind = kind_of(session, mapped, mapped.changed_at)
    if kind not in CHANGED_TYPES:
        raise InputError(
            f"{mapping.at('tables', name, 'changed_at')}: is {kind}; expected one of {', '.join(CHANGED_TYPES)}"
        )
    since = None
    if mark is not None:
        # A row without the time could have changed at any.
        recent = dialect.since(changed, kind, mark.reads[-1][1], mapping.overlap_minutes)
        since = f"{recent} OR {changed} IS NULL"
    # Not past what is settled: rows of a transaction that is open still, and all others behind one row from the future,
    # would be hidden.
    newest = session.rows(select(mapped, dialect.newest(changed, kind, until), since))[0][0]
    if newest is None and mark is not None:
        newest = mark.reads[-1][1]
    return since, newest, mark, why


def kind_of(session: Session, mapped: TableMap, sql: str) -> str:
    """The type of an expression over the table's rows, by PostgreSQL's names. Raises Refused."""
    return session.type_of(f"SELECT (\n{sql}\n) AS it\nFROM {mapped.source}\nLIMIT 0")


def _stream(session: Session, query: str, columns: tuple[str, ...], file: Path) -> int:
    """The rows of a query to a Parquet file, a batch at a time; returns how many."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    number = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in session.texts(query, schema, BATCH_BYTES):
            writer.write_batch(batch)
            number += batch.num_rows
    return number


def _keep(
    con: duckdb.DuckDBPyConnection,
    dialect: Dialect,
    mapping: Mapping,
    name: str,
    mark: Mark | None,
    mapped: TableMap,
    newest: str | None,
    batch_id: int,
) -> None:
    """Within the transaction that lands the batch: what was read is not read again."""
    if newest is None:
        return
    reads: list[Any] = [*(mark.reads if mark else ()), (batch_id, newest)][-READS_KEPT:]
    con.execute(
        "INSERT INTO meta.info VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [_name(dialect, mapping, name), Mark(mapped.hash, tuple(reads)).to_json()],
    )

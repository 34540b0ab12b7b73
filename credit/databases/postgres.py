"""The one way to a PostgreSQL server: by ADBC, from a URL that is never shown.

Rows travel as Arrow in both directions; whatever is said of a failure, the password is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from credit.databases import dialect
from credit.databases.dialect import Refused
from credit.errors import SourceUnreachable

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

CONNECT_SECONDS = 10


class Url(dialect.Url):
    """A PostgreSQL URL; shows itself without its password."""

    def __init__(self, text: str, origin: str) -> None:
        """`origin` is what errors call the place it was read from. Raises UserError, which never quotes the URL."""
        super().__init__(text, origin, "postgres(?:ql)?", "PostgreSQL")

    def conninfo(self) -> str:
        """For the driver alone: holds the password."""
        if "connect_timeout=" in self.text:
            return self.text
        return f"{self.text}{'&' if '?' in self.text else '?'}connect_timeout={CONNECT_SECONDS}"


def said(error: Exception, url: dialect.Url) -> str:
    """What the server said, in one line, without the driver's own words and without the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [re.sub(r"^.*?(?=ERROR:|FATAL:)", "", line) for line in lines if not line.startswith(("Query", "LINE", "^"))]
    text = " ".join(kept) or type(error).__name__
    return url.clean(re.sub(r"^[A-Z_]+: (?:\[libpq\] )?", "", text))[:1000]


@contextmanager
def connected(url: Url) -> Iterator[Connection]:
    """A connection in a transaction of its own: nothing is kept unless `commit` is called.

    Raises SourceUnreachable when no server answers or lets us in.
    """
    from adbc_driver_postgresql import dbapi

    try:
        con = dbapi.connect(url.conninfo())
    except dbapi.Error as error:
        raise SourceUnreachable(
            f"PostgreSQL at {url.server} ({url.origin}) cannot be reached: {said(error, url)}. "
            "Check that the server runs and that user, password and database are right"
        ) from None
    try:
        yield con
    finally:
        with suppress(dbapi.Error):  # a connection that is gone has rolled back by itself
            con.rollback()
        con.close()


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors of the driver, and those of Arrow streams that come from it, as Refused."""
    from adbc_driver_postgresql import dbapi

    try:
        yield
    except (dbapi.Error, pa.ArrowException, OSError) as error:
        raise Refused(str(error)) from error


def run(cursor: Cursor, statement: str) -> None:
    """A statement without a result. Raises Refused."""
    with _refusals():
        cursor.execute(statement)


def rows(cursor: Cursor, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query; parameters are $1, $2 … Raises Refused."""
    with _refusals():
        cursor.execute(query, parameters)
        return cursor.fetchall()


def type_of(cursor: Cursor, query: str) -> str:
    """The server's name of the type of a query's first column. Raises Refused."""
    with _refusals():
        cursor.execute(query)
        field = cursor.fetch_arrow_table().schema.field(0)
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b"unknown").decode())


def batches(cursor: Cursor, query: str, size: int) -> Iterator[pa.RecordBatch]:
    """The rows of a query, about `size` bytes at a time. Raises Refused."""
    with _refusals():
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(size)})
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
    while True:
        with _refusals():
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        yield batch


def ingest(cursor: Cursor, table: str, schema: pa.Schema, made: Iterable[pa.RecordBatch]) -> None:
    """Rows into a temporary table that is there. Raises Refused, or what making the rows raised."""
    failed: list[Exception] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from made
        except Exception as error:  # the driver would make a text of it
            failed.append(error)
            raise

    try:
        with _refusals():
            cursor.adbc_ingest(
                table, pa.RecordBatchReader.from_batches(schema, watched()), mode="append", temporary=True
            )
    except Refused:
        if failed:
            raise failed[0] from None
        raise


def identifier(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- read from -----------------------------------------------------------------------------------------------------

# Also transactions that have written nothing yet: they may, and their now() stays that of their begin. Where the role may
# not see it, xact_start is NULL.
_SETTLED = """
SELECT least(now(), min(began))::text FROM (
    SELECT xact_start AS began FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type IS DISTINCT FROM 'autovacuum worker'
    UNION ALL SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
) AS open
"""


_COLUMNS = """
SELECT n.nspname::text, c.relname::text, coalesce(obj_description(c.oid), ''), a.attname::text,
       coalesce(col_description(c.oid, a.attnum), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
      AND n.nspname <> 'information_schema' AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2, a.attnum
"""


class _Session(dialect.Session):
    def __init__(self, cursor: Cursor, zone: str) -> None:
        self._cursor, self._zone = cursor, zone
        self._begin()

    def _begin(self) -> None:
        run(self._cursor, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for setting, value in (("TimeZone", self._zone), ("DateStyle", "ISO, YMD"), ("extra_float_digits", "1")):
            run(self._cursor, f"SET LOCAL {setting} = {_literal(value)}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self._cursor, query)

    def type_of(self, query: str) -> str:
        return type_of(self._cursor, query)

    def texts(self, query: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        for batch in batches(self._cursor, query, size):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    def again(self) -> None:
        self._cursor.connection.rollback()
        self._begin()


# --- written to ----------------------------------------------------------------------------------------------------


class _Writer(dialect.Writer):
    """Rows go to temporary tables of the transaction, as Arrow, and from there to where they belong."""

    ddl_commits = False

    def __init__(self, cursor: Cursor) -> None:
        self._cursor, self._staged = cursor, 0

    def alone(self, name: str, wait_seconds: float) -> bool:
        run(self._cursor, f"SET LOCAL lock_timeout = {max(1, round(wait_seconds * 1000))}")
        try:
            rows(self._cursor, "SELECT pg_advisory_xact_lock(hashtextextended($1, 26842))", [name])
        except Refused as error:
            if "lock timeout" not in str(error):
                raise
            return False
        return True

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self._cursor, query)

    def run(self, statement: str) -> None:
        run(self._cursor, statement)

    def make_schema(self, name: str) -> None:
        # IF NOT EXISTS asks for the right to make one even where it is there.
        if not rows(self._cursor, "SELECT 1 FROM pg_namespace WHERE nspname = $1", [name]):
            run(self._cursor, f"CREATE SCHEMA {identifier(name)}")

    def literal(self, text: str) -> str:
        return _literal(text)

    def upsert(
        self,
        table: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        also: Mapping[str, str],
        as_json: Sequence[str] = (),
    ) -> None:
        staged = self._stage(table, schema, batches, as_json)
        key, *others = schema.names
        news = ", ".join([*(f"{c} = excluded.{c}" for c in others), *(f"{c} = {value}" for c, value in also.items())])
        picked = ", ".join(f"{c}::jsonb" if c in as_json else c for c in schema.names)
        run(
            self._cursor,
            f"""INSERT INTO {table} ({", ".join(schema.names)}) SELECT {picked} FROM {staged}
                ON CONFLICT ({key}) DO UPDATE SET {news}""",
        )

    def update(self, table: str, assignments: str, key: str, ids: Sequence[str]) -> None:
        batch = pa.record_batch([pa.array(ids, pa.string())], names=[key])
        staged = self._stage(table, batch.schema, [batch])
        run(self._cursor, f"UPDATE {table} SET {assignments} WHERE {key} IN (SELECT {key} FROM {staged})")

    def commit(self) -> None:
        with _refusals():
            self._cursor.connection.commit()

    def _stage(
        self, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], as_json: Sequence[str] = ()
    ) -> str:
        """Rows into a temporary table whose columns have the types of `table`; JSON is text yet. Returns its name."""
        self._staged += 1
        name = f"staged_{self._staged}"
        picked = ", ".join(f"{column}::text" if column in as_json else column for column in schema.names)
        run(self._cursor, f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {picked} FROM {table} LIMIT 0")
        ingest(self._cursor, name, schema, batches)
        return f"pg_temp.{name}"


class PostgreSQL(dialect.Dialect):
    """PostgreSQL: one REPEATABLE READ READ ONLY transaction, rows as Arrow both ways."""

    name, key = "PostgreSQL", "postgres"

    def url(self, text: str, origin: str) -> Url:
        return Url(text, origin)

    @contextmanager
    def snapshot(self, url: dialect.Url, zone: str) -> Iterator[dialect.Session]:
        assert isinstance(url, Url)
        with connected(url) as con, con.cursor() as cursor:
            yield _Session(cursor, zone)

    @contextmanager
    def writing(self, url: dialect.Url) -> Iterator[dialect.Writer]:
        assert isinstance(url, Url)
        with connected(url) as con, con.cursor() as cursor:
            yield _Writer(cursor)

    def settled(self, url: dialect.Url, zone: str) -> str:
        with self.snapshot(url, zone) as session:
            return str(session.rows(_SETTLED)[0][0])

    def moment(self, session: dialect.Session) -> str:
        return str(session.rows("SELECT now()::text || ' ' || pg_current_snapshot()::text")[0][0])

    def said(self, error: Exception, url: dialect.Url) -> str:
        return said(error, url)

    def hidden(self, session: dialect.Session) -> Iterator[str]:
        try:
            replica, seen = session.rows(
                "SELECT pg_is_in_recovery(), pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
            )[0]
        except Refused:
            replica, seen = False, False
        if not seen:
            yield (
                "the role may not see when transactions of others began: GRANT pg_read_all_stats TO it, or give more minutes "
                "than the longest transaction takes"
            )
        if replica:
            yield (
                "open transactions cannot be seen on a replica: read from the primary, or give more minutes than the longest "
                "transaction takes and the replica lags"
            )

    def columns(self, session: dialect.Session) -> list[dialect.TableColumn]:
        return [dialect.TableColumn(*row) for row in session.rows(_COLUMNS)]

    def identifier(self, name: str) -> str:
        return identifier(name)

    def text(self, sql: str, kind: str) -> str:
        return f"(\n{sql}\n)::text"

    def since(self, changed: str, kind: str, newest: str, minutes: float) -> str:
        return f"{changed} >= {_literal(newest)}::{kind} - interval '{minutes:g} minutes'"

    def newest(self, changed: str, kind: str, until: str) -> str:
        return f"least(max({changed}), {_literal(until)}::timestamptz::{kind})::text"

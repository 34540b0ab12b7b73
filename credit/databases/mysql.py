"""The one way to MySQL and what speaks its protocol (MariaDB, OceanBase, TiDB): by PyMySQL, from a URL that is never shown."""

from __future__ import annotations

import hashlib
import math
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from credit.databases import dialect
from credit.databases.dialect import Refused
from credit.errors import InputError, SourceUnreachable, UserError

if TYPE_CHECKING:
    from pymysql.connections import Connection

CONNECT_SECONDS = 10
READ_SECONDS = 3600
"""How long a query may keep us waiting for its next rows."""
_AT_ONCE = 5_000
_BINARY = 63
"""The character set of bytes that are no text."""
_NO_TLS = 2026
_ENCRYPTED = ("preferred", "required", "verify_ca", "verify_identity", "disabled")


class Url(dialect.Url):
    """A MySQL URL; shows itself without its password. Options: ssl_mode, ssl_ca, unix_socket."""

    def __init__(self, text: str, origin: str) -> None:
        """`origin` is what errors call the place it was read from. Raises UserError, which never quotes the URL."""
        super().__init__(text, origin, r"mysql(?:\+pymysql)?|mariadb", "MySQL")
        self.options = {name.replace("-", "_"): value for name, value in self.options.items()}
        known = ("ssl_mode", "ssl_ca", "unix_socket", "charset")
        if unknown := sorted(set(self.options) - set(known)):
            raise UserError(f"{origin}: {unknown[0]!r} is no option of a MySQL URL; allowed: {', '.join(known)}")
        self.ssl_mode = self.options.get("ssl_mode", "verify_ca" if "ssl_ca" in self.options else "preferred").lower()
        if self.ssl_mode not in _ENCRYPTED:
            raise UserError(f"{origin}: ssl_mode is {self.ssl_mode!r}; allowed: {', '.join(_ENCRYPTED)}")
        host, _, port = self.host.rpartition(":") if re.search(r":\d+$", self.host) else (self.host, "", "3306")
        self.machine, self.port = host or "localhost", int(port)
        if not self.database:
            raise UserError(f"{origin} names no database; {dialect.expected('MySQL')}")


def said(error: Exception, url: dialect.Url) -> str:
    """What the server said, in one line, without the password."""
    cause = error.__cause__ or error
    text = str(cause.args[1]) if len(cause.args) > 1 else str(cause)
    return url.clean(" ".join(text.split()) or type(cause).__name__)[:1000]


def _connect(url: Url, **given: Any) -> Connection[Any]:
    import pymysql
    from pymysql.converters import encoders
    from pymysql.cursors import SSCursor

    arguments: dict[str, Any] = {
        "host": url.machine,
        "port": url.port,
        "user": url.user or None,
        "password": url.password,
        "database": url.database,
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "cursorclass": SSCursor,
        "local_infile": False,
        "conv": encoders,  # written as values, read as text
    } | given
    if "unix_socket" in url.options:
        arguments["unix_socket"] = url.options["unix_socket"]
    if url.ssl_mode == "disabled" or "unix_socket" in url.options:
        return pymysql.connect(**arguments)
    context = ssl.create_default_context(cafile=url.options.get("ssl_ca"))
    context.check_hostname = url.ssl_mode == "verify_identity"
    if url.ssl_mode in ("preferred", "required"):
        context.verify_mode = ssl.CERT_NONE
    try:
        return pymysql.connect(ssl=context, **arguments)
    except pymysql.OperationalError as error:
        if url.ssl_mode != "preferred" or error.args[0] != _NO_TLS:
            raise
        return pymysql.connect(**arguments)


@contextmanager
def connected(url: Url, **given: Any) -> Iterator[Connection[Any]]:
    """A connection in a transaction of its own: nothing is kept unless `commit` is called.

    Raises SourceUnreachable when no server answers or lets us in.
    """
    import pymysql

    try:
        con = _connect(url, **given)
    except (pymysql.Error, OSError, ValueError) as error:
        raise SourceUnreachable(
            f"MySQL at {url.server} ({url.origin}) cannot be reached: {said(error, url)}. "
            "Check that the server runs and that user, password and database are right"
        ) from None
    try:
        yield con
    finally:
        with suppress(pymysql.Error, OSError):
            con.close()  # what was not committed is rolled back by the server


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of the driver as Refused."""
    import pymysql

    try:
        yield
    except (pymysql.Error, OSError, UnicodeDecodeError) as error:
        raise Refused(str(error)) from error


def run(con: Connection[Any], statement: str, arguments: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a statement, if it has any. Raises Refused."""
    with refusals(), con.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def identifier(name: str) -> str:
    """A name as SQL."""
    return "`" + name.replace("`", "``") + "`"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _kinds() -> dict[int, str]:
    from pymysql.constants import FIELD_TYPE as F

    return {
        F.TIMESTAMP: "timestamptz", F.DATETIME: "timestamp", F.DATE: "date", F.NEWDATE: "date", F.TIME: "time", F.DECIMAL: "numeric",
        F.NEWDECIMAL: "numeric", F.TINY: "int2", F.SHORT: "int2", F.INT24: "int4", F.LONG: "int4", F.LONGLONG: "int8", F.YEAR: "int2",
        F.FLOAT: "float4", F.DOUBLE: "float8", F.BIT: "bit", F.JSON: "json", F.NULL: "unknown", F.GEOMETRY: "bytea",
    }  # fmt: skip


_COLUMNS = """
SELECT t.table_schema, t.table_name, IF(t.table_type = 'VIEW', '', coalesce(t.table_comment, '')), c.column_name, coalesce(c.column_comment, '')
FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name)
WHERE t.table_schema = DATABASE() ORDER BY 2, c.ordinal_position
"""


class _Session(dialect.Session):
    def __init__(self, con: Connection[Any], zone: str) -> None:
        self._con = con
        run(con, f"SET SESSION time_zone = {_literal(_offset(zone) or zone)}")
        # What a mapping's " means depends on the server's mode: names and values are told apart as MySQL does by itself.
        run(con, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION'")
        self.again()

    def again(self) -> None:
        with suppress(Refused):
            run(self._con, "ROLLBACK")
        run(self._con, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            run(self._con, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        except Refused:  # TiDB knows no READ ONLY here
            run(self._con, "START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return run(self._con, query)

    def type_of(self, query: str) -> str:
        with refusals(), self._con.cursor() as cursor:
            cursor.execute(query)
            field = cursor._result.fields[0]  # the description lacks the character set
        kind = _kinds().get(field.type_code)
        if kind is None:
            kind = "bytea" if field.charsetnr == _BINARY else "text"
        return "bool" if kind == "bit" and field.length == 1 else kind

    def texts(self, query: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        with refusals():
            cursor = self._con.cursor()
            cursor.execute(query)
        try:
            while True:
                with refusals():
                    rows = cursor.fetchmany(_AT_ONCE)
                if not rows:
                    return
                columns = zip(*rows, strict=True)
                yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=schema)
        finally:
            with refusals():
                cursor.close()


def _offset(zone: str) -> str | None:
    """The offset of a zone that has had one alone in this century, as +08:00; None of one with summers."""
    offsets = {
        datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).strftime("%z")
        for year in range(2000, 2038)
        for month in (1, 4, 7, 10)
    }
    [only, *others] = sorted(offsets)
    return None if others else f"{only[:3]}:{only[3:5]}"


class _Writer(dialect.Writer):
    """Rows go as INSERT of many at a time. Changes of tables commit by themselves."""

    ddl_commits = True

    def __init__(self, con: Connection[Any]) -> None:
        self._con = con
        run(con, "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")

    def alone(self, name: str, wait_seconds: float) -> bool:
        # A lock's name has 64 characters; it ends with the connection.
        lock = f"merchant-credit {hashlib.sha256(name.encode()).hexdigest()[:40]}"
        return bool(run(self._con, "SELECT GET_LOCK(%s, %s)", [lock, math.ceil(wait_seconds)])[0][0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return run(self._con, query)

    def run(self, statement: str) -> None:
        run(self._con, statement)

    def make_schema(self, name: str) -> None:
        if not run(self._con, "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", [name]):
            run(self._con, f"CREATE DATABASE {identifier(name)} CHARACTER SET utf8mb4")

    def literal(self, text: str) -> str:
        return str(self._con.literal(text))

    def upsert(
        self,
        table: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        also: Mapping[str, str],
        as_json: Sequence[str] = (),
    ) -> None:
        news = [*(f"{c} = VALUES({c})" for c in schema.names[1:]), *(f"{c} = {value}" for c, value in also.items())]
        statement = (
            f"INSERT INTO {table} ({', '.join(schema.names)}) VALUES ({', '.join(['%s'] * len(schema.names))}) "
            f"ON DUPLICATE KEY UPDATE {', '.join(news)}"
        )
        for batch in batches:
            self._many(statement, list(zip(*(column.to_pylist() for column in batch.columns), strict=True)))

    def update(self, table: str, assignments: str, key: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _AT_ONCE):
            some = list(ids[start : start + _AT_ONCE])
            run(self._con, f"UPDATE {table} SET {assignments} WHERE {key} IN ({', '.join(['%s'] * len(some))})", some)

    def commit(self) -> None:
        with refusals():
            self._con.commit()

    def _many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with refusals(), self._con.cursor() as cursor:
            cursor.executemany(statement, rows)


class MySQL(dialect.Dialect):
    """MySQL and its kin: one consistent snapshot, read-only, rows streamed as text; written by INSERT … ON DUPLICATE KEY."""

    name, key = "MySQL", "mysql"

    def url(self, text: str, origin: str) -> Url:
        return Url(text, origin)

    @contextmanager
    def snapshot(self, url: dialect.Url, zone: str) -> Iterator[dialect.Session]:
        assert isinstance(url, Url)
        with connected(url) as con:
            try:
                session = _Session(con, zone)
            except Refused as error:
                hint = "; load its table of zones with mysql_tzinfo_to_sql" if "time zone" in str(error) else ""
                raise InputError(f"MySQL at {url.server} begins no read: {said(error, url)}{hint}") from None
            yield session

    @contextmanager
    def writing(self, url: dialect.Url) -> Iterator[dialect.Writer]:
        from pymysql.converters import conversions
        from pymysql.cursors import Cursor

        assert isinstance(url, Url)
        with connected(url, conv=conversions, cursorclass=Cursor) as con:
            yield _Writer(con)

    def settled(self, url: dialect.Url, zone: str) -> str:
        assert isinstance(url, Url)
        with connected(url) as con:
            # The begin of a transaction is told in the server's own zone, without saying which.
            run(con, "SET SESSION time_zone = 'SYSTEM'")
            try:
                age = run(
                    con,
                    "SELECT max(timestampdiff(SECOND, trx_started, sysdate())) + 1 FROM information_schema.innodb_trx",
                )[0][0]
            except Refused:  # the role may not see it; `hidden` says so
                age = None
            run(con, f"SET SESSION time_zone = {_literal(_offset(zone) or zone)}")
            return str(run(con, f"SELECT CAST(sysdate(6) - INTERVAL {int(age or 0)} SECOND AS CHAR)")[0][0])

    def moment(self, session: dialect.Session) -> str:
        return str(session.rows("SELECT CONCAT(CAST(sysdate(6) AS CHAR), ' ', connection_id())")[0][0])

    def said(self, error: Exception, url: dialect.Url) -> str:
        return said(error, url)

    def hidden(self, session: dialect.Session) -> Iterator[str]:
        try:
            session.rows("SELECT 1 FROM information_schema.innodb_trx LIMIT 1")
        except Refused:
            yield (
                "the role may not see when transactions of others began: GRANT PROCESS ON *.* TO it, or give more minutes than "
                "the longest transaction takes"
            )

    def columns(self, session: dialect.Session) -> list[dialect.TableColumn]:
        return [dialect.TableColumn(*row) for row in session.rows(_COLUMNS)]

    def identifier(self, name: str) -> str:
        return identifier(name)

    def text(self, sql: str, kind: str) -> str:
        if kind == "bytea":
            raise Refused(
                "a column of bytes is no text; write HEX(…), or CONVERT(… USING gbk) with the encoding they are in"
            )
        whole = f"(\n{sql}\n)" + (" + 0" if kind in ("bit", "bool") else "")
        return f"CAST({whole} AS CHAR CHARACTER SET utf8mb4)"

    def since(self, changed: str, kind: str, newest: str, minutes: float) -> str:
        return f"{changed} >= CAST({_literal(newest)} AS DATETIME(6)) - INTERVAL {round(minutes * 60)} SECOND"

    def newest(self, changed: str, kind: str, until: str) -> str:
        return f"CAST(LEAST(MAX({changed}), CAST({_literal(until)} AS DATETIME(6))) AS CHAR)"

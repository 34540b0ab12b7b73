"""The one way to a PostgreSQL server: by ADBC, from a URL that is never shown.

Rows travel as Arrow in both directions; whatever is said of a failure, the password is not in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from credit.errors import SourceUnreachable, UserError

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

CONNECT_SECONDS = 10

_URL = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^:@/?#\[\]\s]*)(?::(?P<password>[^:@/?#\[\]\s]*))?@)?"
    r"(?P<host>[^@?#\s/]*)(?:/(?P<database>[^/@?#\s]*))?(?:\?(?P<options>[^#\s@]*))?"
)
_EXPECTED = (
    "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with every / @ : # ? [ ] and space of user and password "
    "percent-encoded"
)


class Url:
    """A PostgreSQL URL; shows itself without its password."""

    def __init__(self, text: str, origin: str) -> None:
        """`origin` is what errors call the place it was read from. Raises UserError, which never quotes the URL."""
        parts = _URL.fullmatch(text.strip())
        if parts is None:
            raise UserError(f"{origin} is not a PostgreSQL URL; {_EXPECTED}")
        self._text, self.origin = text.strip(), origin
        secrets = [parts["password"] or ""]
        for option in (parts["options"] or "").split("&"):
            name, _, value = option.partition("=")
            if unquote(name).lower() in ("password", "sslpassword"):
                secrets.append(value)
        self._secrets = sorted({form for s in secrets for form in (s, unquote(s)) if form}, key=len, reverse=True)
        host = re.search(r"(?:^|&)host=([^&]*)", parts["options"] or "")
        self.server = f"{unquote(parts['host'] or (host[1] if host else '')) or 'localhost'}/{parts['database'] or ''}"

    def __repr__(self) -> str:
        return f"Url({self.server})"

    def conninfo(self) -> str:
        """For the driver alone: holds the password."""
        if "connect_timeout=" in self._text:
            return self._text
        return f"{self._text}{'&' if '?' in self._text else '?'}connect_timeout={CONNECT_SECONDS}"

    def clean(self, message: str) -> str:
        """The message without the password."""
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return message


def environment_url(name: str) -> Url:
    """The URL in an environment variable. Raises UserError when it is unset."""
    text = os.environ.get(name, "")
    if not text.strip():
        raise UserError(f"environment variable {name} is not set; {_EXPECTED}")
    return Url(text, f"environment variable {name}")


def said(error: Exception, url: Url) -> str:
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


class Refused(Exception):
    """The server did not do what it was asked, or went away while it did; `said` makes a message of it."""


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

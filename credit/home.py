"""The home: a folder with a warehouse, opened. A new warehouse adopts the shipped rulebooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from credit.errors import UserError
from credit.ledgers import steps
from credit.settings import Settings
from credit.warehouse.connection import connect, info, transaction, zone_of
from credit.warehouse.schema import OLDER, SCHEMA_VERSION, ddl, migrate


@contextmanager
def open_warehouse(
    settings: Settings, *, read_only: bool = False, make: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The home's warehouse, made if it is not there (with `read_only` or without `make`: UserError), closed on leaving."""
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
    con = connect(settings.database, settings, read_only=read_only)
    try:
        if new:
            # Names, addresses and numbers of persons lie in it, whoever may enter the folder.
            settings.database.chmod(0o600)
        if not read_only:
            with transaction(con):
                con.execute("CREATE SCHEMA IF NOT EXISTS meta")
                con.execute("CREATE TABLE IF NOT EXISTS meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
                # Before anything else: a warehouse of another version is left as it is.
                _refuse_other_versions(con, settings, (None, *OLDER, str(SCHEMA_VERSION)))
                if (version := info(con, "schema_version")) in OLDER:
                    migrate(con, version)
                con.execute(ddl())
                con.execute(
                    "INSERT INTO meta.info VALUES ('schema_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                    [str(SCHEMA_VERSION)],
                )

                steps.adopt_shipped(con, zone_of(con, settings))
        _refuse_other_versions(con, settings, (str(SCHEMA_VERSION),))
        con.execute("SET VARIABLE zone = ?", [zone_of(con, settings)])
        yield con
    finally:
        con.close()


def _refuse_other_versions(con: duckdb.DuckDBPyConnection, settings: Settings, usable: tuple[str | None, ...]) -> None:
    version = info(con, "schema_version")
    if version in usable:
        return
    remedy = "use the program version that made it, or a new home"
    if version in OLDER:
        remedy = f"run `merchant-credit init --home {settings.home}`, which brings it up to date and keeps all its rows"
    raise UserError(f"{settings.database} has schema version {version}, this program writes {SCHEMA_VERSION}; {remedy}")

"""Adapters from outside shapes to canonical tables.

An adapter reads what a path holds into temporary tables of the warehouse connection and says, part by part, how
their rows read as canonical rows. It neither checks nor converts values: `credit.intake` does, the same way for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from credit.errors import UserError
from credit.settings import DEFAULT_ZONE, Settings


@dataclass(frozen=True)
class InputFile:
    """One landed thing: landed once per (table, hash)."""

    path: Path
    table: str
    hash: str


@dataclass(frozen=True)
class Part:
    """Rows for one canonical table.

    `relation` is SQL for rows with `_file`, `_line` and any of the table's columns under their canonical names, in
    any type; `known_at` may be among them. `components` are SQL for (source_table, file, line, key, raw) of source
    rows that were folded into these rows and share their fate, found by the canonical key.
    """

    table: str
    source_table: str
    relation: str
    columns: tuple[str, ...]
    components: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """What one call brought. `rejects` are SQL for (source_table, file, line, key, code, reason, raw)."""

    source: str
    files: tuple[InputFile, ...]
    parts: tuple[Part, ...]
    rejects: tuple[str, ...]
    read: dict[str, int]
    lookups: tuple[str, ...] = ()
    zone: str | None = None
    notices: tuple[str, ...] = field(default=())
    landed: Callable[[duckdb.DuckDBPyConnection, int], None] | None = None
    """Called with the batch's number in the transaction that lands it: what the source remembers of this read."""


Adapter = Callable[[duckdb.DuckDBPyConnection, Settings, Path, "Callable[[InputFile], bool]"], Delivery]
"""(connection, settings, path, is_landed) -> Delivery; a file for which is_landed is true need not be read."""


def zone_of_source(name: str) -> str | None:
    """The time zone a source counts its days in, if it has one of its own."""
    from credit.sources import olist

    return olist.ZONE if name == "olist" else None


def zone_before_a_batch(settings: Settings, source: str | None) -> str:
    """The zone days are counted in where no home fixes it yet: the setting, the source's own, the default."""
    return settings.zone or (zone_of_source(source) if source else None) or DEFAULT_ZONE


def adapter(name: str) -> Adapter:
    """The adapter of that name; UserError names the known ones."""
    from credit.sources import canonical, olist, postgres

    known: dict[str, Adapter] = {"canonical": canonical.read, "olist": olist.read, "postgres": postgres.read}
    if name not in known:
        raise UserError(f"unknown source {name!r}; expected one of: {', '.join(known)}")
    return known[name]

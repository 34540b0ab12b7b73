"""What an adapter makes of a path: files, parts, rejects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from credit.settings import Settings


@dataclass(frozen=True)
class InputFile:
    """One landed thing: landed once per (table, hash, name) while no other content comes under its name.

    `name`: how it is called within its delivery, so that a state that returns is told from a file that still lies there.
    """

    path: Path
    table: str
    hash: str
    name: str = ""


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
    file: InputFile | None = None
    """The thing these rows come from, where it is one."""


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
    since: frozenset[str] = frozenset()
    """Canonical tables of which only what is new was read."""
    landed: Callable[[duckdb.DuckDBPyConnection, int], None] | None = None
    """Called with the batch's number in the transaction that lands it: what the source remembers of this read."""


Adapter = Callable[[duckdb.DuckDBPyConnection, Settings, Path, "Callable[[InputFile], bool]"], Delivery]
"""(connection, settings, path, is_landed) -> Delivery; a file for which is_landed is true need not be read."""

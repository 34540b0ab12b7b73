"""Canonical files: a file or a folder of files, each holding rows of one canonical table.

The table is told by the file's name (`transactions.csv`, `transactions-2026-11-24.csv.gz`, `交易.csv`) or by the
folder it lies in (`transactions/part-1.parquet`). Columns go by their English or their Chinese names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.settings import Settings
from credit.sources import files
from credit.sources.delivery import Delivery, InputFile, Part
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse.connection import quote


def table_of(path: Path) -> str | None:
    """The canonical table a file's (or its folder's) name tells, longest name first; None when it tells none."""
    for name in (path.name, path.parent.name):
        for table in sorted(TABLES.values(), key=lambda t: -len(t.name)):
            for label in (table.name, table.zh):
                rest = name[len(label) :]
                if name.lower().startswith(label.lower()) and (not rest or rest[0] in "._- "):
                    return table.name
    return None


def _find(path: Path) -> list[tuple[Path, str]]:
    if not path.exists():
        raise InputError(f"{path} does not exist; give a file or a folder of canonical files")
    candidates = files.list_folder(path) if path.is_dir() else [path]
    found: list[tuple[Path, str]] = []
    unknown: list[tuple[Path, str]] = []
    for file in candidates:
        if files.format_of(file) is None:
            if not path.is_dir():
                raise InputError(f"{file} is of no known format; expected .csv, .ndjson (or .gz of these) or .parquet")
            continue
        table = table_of(file)
        (found if table else unknown).append((file, table or ""))
    if unknown:
        raise InputError(
            f"cannot tell which table these files hold: {', '.join(str(file) for file, _ in unknown)}; "
            f"their names must begin with one of: {', '.join(TABLES)}"
        )
    if not found:
        raise InputError(f"{path} holds no canonical file; expected for example transactions.csv or reviews.parquet")
    return found


def _match(table: Table, file: Path, headers: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Canonical column -> raw column; and the headers that mean nothing to us."""
    names = {}
    for column in (*table.supplied, KNOWN_AT):
        names[column.name] = column.name
        names[column.zh] = column.name
    matched: dict[str, str] = {}
    ignored = []
    for header, raw in headers.items():
        canonical = names.get(header.strip()) or names.get(header.strip().lower())
        if canonical is None:
            ignored.append(header)
        elif canonical in matched:
            raise InputError(f"{file}: column {canonical} stands twice (English and Chinese name); keep one")
        else:
            matched[canonical] = raw
    missing = [column for column in table.supplied if column.required and column.name not in matched]
    if missing:
        hint = ""
        if len(headers) == 1 and any(mark in next(iter(headers)) for mark in ";\t|"):
            hint = " The header looks separated by something other than a comma: deliver comma-separated CSV."
        raise InputError(
            f"{file}: table {table.name} lacks required columns: "
            + ", ".join(f"{column.name} ({column.zh})" for column in missing)
            + f"; found: {', '.join(list(headers)[:30])[:500]}.{hint}"
        )
    return matched, ignored


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, is_landed: Callable[[InputFile], bool]
) -> Delivery:
    """Read a file or folder of canonical files. Raises InputError before anything changes."""
    inputs, parts, rejects, notices = [], [], [], []
    counts: dict[str, int] = {}
    for i, (file, table_name) in enumerate(_find(path)):
        source = InputFile(file, table_name, files.digest(file))
        inputs.append(source)
        if is_landed(source):
            continue
        table = TABLES[table_name]
        raw = files.read_table(con, settings, file, f"raw_{i}")
        if not raw.columns and files.format_of(file) == "ndjson":
            matched: dict[str, str] = {}  # NDJSON without an object has no header to match
            ignored: list[str] = []
        else:
            matched, ignored = _match(table, file, raw.columns)
        if ignored:
            notices.append(f"{file.name}: columns ignored: {', '.join(ignored)[:500]}")
        if raw.rows == 0:
            notices.append(f"{file.name}: no rows (table {table_name} counts as supplied, and empty)")
        where = quote(str(file.relative_to(path)) if path.is_dir() else file.name)
        picked = "".join(f", {c} AS {name}" for name, c in matched.items())
        parts.append(
            Part(
                table_name,
                table_name,
                f"SELECT {where} AS _file, _line{picked} FROM {raw.name}",
                tuple(matched),
            )
        )
        counts[table_name] = counts.get(table_name, 0) + raw.rows
        if raw.rejects:
            rejects.append(
                f"SELECT '{table_name}' AS source_table, {where} AS file, line, NULL::VARCHAR AS key, code, reason, raw "
                f"FROM ({raw.rejects})"
            )
    return Delivery("canonical", tuple(inputs), tuple(parts), tuple(rejects), counts, notices=tuple(notices))

"""A platform's own files, read by a mapping (`credit.sources.mapping`): any names, any headings, joins between files.

Each name under `files` is a table of all files its pattern matches, with their headings as columns, everything text. The
first one of `from` is the main one: its rows are counted, and only those of its files that are new are read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.settings import DEFAULT_ZONE, Settings
from credit.sources import files
from credit.sources.delivery import Delivery, InputFile, Part
from credit.sources.formats.raw import RawTable
from credit.sources.mapping import Mapping, load
from credit.sources.wording import worded
from credit.warehouse import values
from credit.warehouse.connection import info, quote, quoted, scalar

_MAIN = re.compile(r'^\s*(?P<name>[^\W\d]\w*)(?:\s+(?:AS\s+)?(?!JOIN\b|LEFT\b|RIGHT\b|INNER\b|FULL\b|CROSS\b|ASOF\b|SEMI\b|ANTI\b|WHERE\b)(?P<alias>[^\W\d]\w*))?', re.I)  # fmt: skip

_SHOWN = 10
"""Files named that no pattern takes."""


@dataclass(frozen=True)
class Piece:
    """A file, or a sheet or member of one, as read."""

    label: str
    file: Path
    digest: str
    raw: RawTable


def identifier(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def matching(mapping: Mapping, settings: Settings, name: str) -> list[tuple[Path, str | None]]:
    """The files of a name, each with its sheet or member. Raises InputError where there is none."""
    pattern, _, part = mapping.files[name].partition("#")
    folder = mapping.path.parent
    matched = sorted((file for file in folder.glob(pattern) if file.is_file()), key=files.in_order)
    taken: list[tuple[Path, str | None]] = []
    for file in matched:
        parts = files.parts_of(file, settings)
        taken += [(file, p) for p in parts if not part or p == part]
    if not taken:
        raise InputError(f"{mapping.at('files', name)}: no file matches {mapping.files[name]!r} in {folder}")
    return taken


def main_input(mapping: Mapping, table: str) -> tuple[str, str]:
    """(name, alias) of the first input of a table's `from`. Raises InputError where it is none of `files`."""
    first = _MAIN.match(mapping.tables[table].source)
    if first is None or first["name"] not in mapping.files:
        raise InputError(
            f"{mapping.at('tables', table, 'from')}: must begin with one of the names under files: {', '.join(mapping.files)}"
        )
    return first["name"], first["alias"] or first["name"]


def relation(mapping: Mapping, table: str, condition: str = "") -> str:
    """The SELECT of a table: of the rows that meet its `where` and the `condition`, worded as the mapping says."""
    _, alias = main_input(mapping, table)
    mapped = mapping.tables[table]
    picked = ", ".join(f"(\n{sql}\n) AS {identifier(column)}" for column, sql in mapped.columns.items())
    conditions = " AND ".join(f"(\n{part}\n)" for part in (mapped.where, condition) if part) or "true"
    as_meant = ", ".join(
        f"{worded(mapped, column, identifier(column))} AS {identifier(column)}" for column in mapped.columns
    )
    return (
        f"SELECT _file, _line, {as_meant} FROM (SELECT {alias}._file AS _file, {alias}._line AS _line, {picked}\n"
        f"FROM {mapped.source}\nWHERE {conditions})"
    )


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, is_landed: Callable[[InputFile], bool]
) -> Delivery:
    """Read what is new. Raises InputError or UserError before anything changes."""
    mapping = load(path)
    if not mapping.files:
        raise InputError(f"{path} maps a database, not files; read it with --source postgres")
    files.refuse_unfinished(path.parent, settings)
    inputs, parts, rejects = [], [], []
    zone = info(con, "zone") or settings.zone or DEFAULT_ZONE
    macros(con, zone)
    notices = _left_out(mapping, settings)
    counts: dict[str, int] = {}
    left_out: dict[str, None] = {}
    held_by = {name: pieces(con, settings, mapping, name) for name in mapping.files}
    for name, held in held_by.items():
        view(con, name, held)
        notices += [notice for piece in held for notice in piece.raw.notices]
    for table, mapped in mapping.tables.items():
        main, alias = main_input(mapping, table)
        new: list[InputFile] = []
        for piece in held_by[main]:
            content = hashlib.sha256(f"{piece.digest} {mapped.hash}".encode()).hexdigest()
            file = InputFile(piece.file, table, content, piece.label)
            inputs.append(file)
            if is_landed(file):
                left_out.setdefault(table)
            else:
                new.append(file)
                if piece.raw.rejects:
                    rejects.append(
                        f"SELECT '{table}' AS source_table, {quote(piece.label)} AS file, line, NULL::VARCHAR AS key, code, reason, "
                        f"raw FROM ({piece.raw.rejects})"
                    )
        if not new:
            continue
        labels = quoted(file.name for file in new)
        query = relation(mapping, table, f"{alias}._file IN ({labels})")
        try:
            con.execute(f"SET TimeZone = {quote(zone)}")
            con.execute(f"CREATE OR REPLACE TEMP TABLE mapped_{table} AS {query}")
        except duckdb.Error as error:
            raise InputError(
                f"{mapping.at('tables', table)}: {str(error).splitlines()[0]}; `merchant-credit map --check {path}` tells which "
                "part it is"
            ) from None
        finally:
            con.execute("SET TimeZone = 'UTC'")
        malformed = sum(
            piece.raw.rows - int(scalar(con, f"SELECT count(*) FROM {piece.raw.name}"))
            for piece in held_by[main]
            if piece.label in {file.name for file in new}
        )
        counts[table] = malformed + int(
            scalar(con, f"SELECT count(*) FROM (SELECT DISTINCT _file, _line FROM mapped_{table})")
        )
        parts += [
            Part(
                table,
                table,
                f"SELECT * FROM mapped_{table} WHERE _file = {quote(file.name)}",
                tuple(mapped.columns),
                file=file,
            )
            for file in new
        ]
    joined = _joined(mapping, held_by)
    notices += [
        f"{file.name} changed, and is joined to files of {', '.join(tables)} that were landed before: their rows keep what they had "
        "of it; deliver these rows again in a new file, with what belongs to them"
        for file, name in joined
        if not is_landed(file)
        and (tables := [t for t in left_out if re.search(rf"\b{name}\b", mapping.tables[t].source)])
    ]
    if parts:
        inputs += [file for file, _ in joined]
    return Delivery("files", tuple(inputs), tuple(parts), tuple(rejects), counts, notices=tuple(notices))


def macros(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """What expressions of a mapping may use: `as_id`, `as_time` and `as_amount` of a text, as they are read where nothing is done
    to them. NULL where it does not read as one."""
    text = values.trimmed("t")
    con.execute(f"CREATE OR REPLACE TEMP MACRO as_id(t) AS {values.plain_id(text)}")
    con.execute(f"CREATE OR REPLACE TEMP MACRO as_time(t) AS {values.instant(text, zone)}")
    con.execute(f"CREATE OR REPLACE TEMP MACRO as_amount(t) AS {values.amount(text, 'DECIMAL(18,2)')}")


def _joined(mapping: Mapping, held_by: dict[str, list[Piece]]) -> list[tuple[InputFile, str]]:
    """The files that are only joined to others, each with its name under `files`."""
    mains = {main_input(mapping, table)[0] for table in mapping.tables}
    return [
        (InputFile(piece.file, "joined", piece.digest, piece.label), name)
        for name, held in held_by.items()
        if name not in mains
        for piece in held
    ]


def _left_out(mapping: Mapping, settings: Settings) -> list[str]:
    """That files beside the mapping are taken by none of its patterns. Raises InputError as `files.listing` does."""
    folder = mapping.path.parent
    listing = files.listing(folder)
    taken = {file.resolve() for name in mapping.files for file, _ in matching(mapping, settings, name)}
    home = settings.home.resolve()
    left = [
        str(file.relative_to(folder))
        for file in (*listing.files, *(entry for entry, _ in listing.unread))
        if file.resolve() not in taken
        and home not in file.resolve().parents
        and file.name != settings.done_marker
        and file.suffix.lower() not in (".yaml", ".yml")
    ]
    if not left:
        return []
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return [f"not read, for no pattern of the mapping takes it: {', '.join(left[:_SHOWN])}{more}"]


def pieces(con: duckdb.DuckDBPyConnection, settings: Settings, mapping: Mapping, name: str) -> list[Piece]:
    """All files of a name, each read into a temporary table. Raises InputError."""
    held = []
    for i, (file, part) in enumerate(matching(mapping, settings, name)):
        before = files.stamp(file)
        digest = files.digest(file)
        raw = files.read_table(con, settings, file, f"raw_{name}_{i}", part)
        if files.stamp(file) != before:
            raise InputError(
                f"{file} changed while it was read: it is still being written; deliver again when it is complete"
            )
        label = str(file.relative_to(mapping.path.parent)) + (f"#{part}" if part else "")
        held.append(Piece(label, file, digest, raw))
    return held


def view(con: duckdb.DuckDBPyConnection, name: str, held: list[Piece]) -> None:
    """All files of a name as one table, columns by their headings."""
    selects = []
    for piece in held:
        columns = "".join(f", {c}::VARCHAR AS {identifier(header)}" for header, c in piece.raw.columns.items())
        selects.append(f"SELECT {quote(piece.label)} AS _file, _line{columns} FROM {piece.raw.name}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {' UNION ALL BY NAME '.join(selects)}")

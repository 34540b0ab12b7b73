"""Canonical files: a file or a folder of files, each holding rows of one canonical table.

The table is told by the file's name (`transactions.csv`, `transactions-2026-11-24.csv.gz`, `交易.csv`), by the sheet of a
workbook, by the member of a zip, or by the folder it lies in (`transactions/part-1.parquet`). Columns go by their English
or their Chinese names. Whatever lies in the folder and is not read is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.files.places import refuse_remote
from credit.settings import Settings
from credit.sources import files
from credit.sources.delivery import Delivery, InputFile, Part
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse import words
from credit.warehouse.connection import quote

_SHOWN = 20


@dataclass(frozen=True)
class Source:
    """A file, or a sheet or member of one, and the canonical table whose rows it holds."""

    file: Path
    table: str
    part: str | None = None


@dataclass(frozen=True)
class Holdings:
    """What a path holds. `notices`: what lies there and is not read."""

    sources: tuple[Source, ...]
    notices: tuple[str, ...]


@cache
def _labels() -> tuple[tuple[str, str], ...]:
    """(how a table is called in lower case, its canonical name), longest first."""
    labels = dict(words.TABLE_NAMES)
    for table in TABLES.values():
        labels |= {table.name: table.name, table.zh: table.name}
    return tuple(
        sorted(((label.lower(), table) for label, table in labels.items()), key=lambda pair: (-len(pair[0]), pair))
    )


def table_named(name: str) -> str | None:
    """The canonical table that the beginning of a name tells; None when it tells none."""
    for label, table in _labels():
        rest = name[len(label) :]
        if name.lower().startswith(label) and (not rest or rest[0] in "._- （(" or label[0] >= "\u4e00"):
            return table
    return None


def table_of(path: Path) -> str | None:
    """The canonical table a file's (or its folder's) name tells, longest name first; None when it tells none."""
    return table_named(path.name) or table_named(path.parent.name)


def find(path: Path, settings: Settings) -> Holdings:
    """The sources of a file or folder. Raises InputError where there is none, or one that cannot be read."""
    refuse_remote(path, "--path", InputError)
    if not path.exists():
        raise InputError(f"{path} does not exist; give a file or a folder of canonical files")
    unread: list[str] = []
    if path.is_dir():
        files.refuse_unfinished(path, settings)
        listing = files.listing(path)
        unread += [f"{entry.relative_to(path)} ({why})" for entry, why in listing.unread]
        candidates = list(listing.files)
    else:
        candidates = [path]
    sources: list[Source] = []
    unknown: list[str] = []
    for file in candidates:
        if path.is_dir() and file.name == settings.done_marker:
            continue
        if files.format_of(file) is None:
            if not path.is_dir() or table_of(file):
                raise InputError(f"{file} is of no known format; expected {files.READABLE}")
            unread.append(f"{file.relative_to(path)} (no known format)")
            continue
        held, left = _tables_in(file, settings)
        sources += held
        if held:
            unread += [f"{file.name}: {part} (tells no table)" for part in left]
        else:
            unknown += [str(file)]
    if unknown:
        raise InputError(
            f"cannot tell which table these files hold: {', '.join(unknown)}; "
            f"their names must begin with one of: {', '.join(TABLES)}"
        )
    if not sources:
        raise InputError(f"{path} holds no canonical file; expected for example transactions.csv or reviews.parquet")
    notices: tuple[str, ...] = ()
    if unread:
        more = f" and {len(unread) - _SHOWN} more" if len(unread) > _SHOWN else ""
        notices = (f"not read: {', '.join(unread[:_SHOWN])}{more}",)
    return Holdings(tuple(sources), notices)


def _tables_in(file: Path, settings: Settings) -> tuple[list[Source], list[str]]:
    """What of a file is read as which table, and what of it tells no table."""
    parts = files.parts_of(file, settings)
    of_file = table_of(file)
    if parts == [None]:
        return ([Source(file, of_file)] if of_file else []), []
    sources, left = [], []
    for part in parts:
        assert part is not None
        label = Path(part) if files.format_of(file) == "zip" else None
        if label is not None and files.format_of(label) in (None, "zip", "excel"):
            raise InputError(
                f"{file}: {part} is of no format that is read from a zip; expected .csv, .tsv, .json, .parquet"
            )
        table = table_of(label) if label is not None else table_named(part)
        if table:
            sources.append(Source(file, table, part))
        else:
            left.append(part)
    if not sources and of_file and left:
        # A zip of parts of one table; a workbook's first sheet, what is behind it being notes.
        taken = left if files.format_of(file) == "zip" else left[:1]
        sources = [Source(file, of_file, part) for part in taken]
        left = left[len(taken) :]
    return sources, left


@cache
def headings(table: Table) -> dict[str, str]:
    """Heading -> canonical column: English and Chinese names, and what platforms write beside them."""
    names: dict[str, str] = {}
    supplied = {column.name for column in table.supplied}
    for (of_table, canonical), aliases in words.HEADINGS.items():
        if of_table in ("*", table.name) and canonical in supplied:
            names |= dict.fromkeys(aliases, canonical)
    for column in (*table.supplied, KNOWN_AT):
        names[column.name] = column.name
        names[column.zh] = column.name
    return {heading.lower(): canonical for heading, canonical in names.items()} | names


_WRAPPED = re.compile(r'^="(.*)"$')
_NOTED = re.compile(
    r"\s*[(\[](?:元|人民币|人民币元|rmb|cny|¥|必填|选填|必填项|非必填|required|optional|北京时间|年月日|yyyy-mm-dd(?: hh:mm(?::ss)?)?)[)\]]\s*$",
    re.I,
)
"""What stands behind a heading in brackets and changes nothing of its values; (分) and (万元) would."""
_BESIDE_HANZI = re.compile(r"(?<=[\u4e00-\u9fff])\s+|\s+(?=[\u4e00-\u9fff])")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain_heading(header: str) -> str:
    """A heading without what exports put around it: white space, ="…", marks of required columns, (元)."""
    plain = unicodedata.normalize("NFKC", header).strip(" \t\r\n\ufeff\u200b")
    plain = _WRAPPED.sub(r"\1", plain).strip(" \t*'\"`")
    return _BESIDE_HANZI.sub("", _NOTED.sub("", plain)).strip(" *:")


def meaning(names: Mapping[str, str], header: str) -> str | None:
    """The canonical column of a heading, by `headings`: as it stands, or as programs write it: orderId, Order ID, order-id."""
    plain = plain_heading(header)
    snake = re.sub(r"[\s-]+", "_", _HUMP.sub("_", plain)).lower()
    return names.get(header.strip()) or names.get(plain) or names.get(plain.lower()) or names.get(snake)


def order_number(table: Table, headers: Iterable[str]) -> str | None:
    """The heading that gives the transaction where none names it: an order's number, where every order is of one seller."""
    for header in headers:
        if plain_heading(header) in words.ORDER_NUMBERS and "transaction_id" in table.names:
            return header
    return None


def _match(
    table: Table, file: str, headers: dict[str, str], *, spellings: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Canonical column -> SQL over the raw columns; and the headers that mean nothing to us."""
    names = headings(table)
    matched: dict[str, str] = {}
    stated: dict[str, list[str]] = {}
    ignored = []
    for header, raw in headers.items():
        last = header.rsplit(".", 1)[-1] if spellings else header
        canonical = meaning(names, header) or (meaning(names, last) if last != header else None)
        if canonical is None:
            ignored.append(header)
            continue
        stated.setdefault(canonical, []).append(header)
        if canonical not in matched:
            matched[canonical] = raw
        elif spellings:
            matched[canonical] = f"coalesce({matched[canonical]}, {raw})"
        elif canonical in (column.name for column in table.supplied if column.required) or _own(
            table, canonical, header
        ):
            raise InputError(f"{file}: column {canonical} stands twice ({', '.join(stated[canonical])}); keep one")
        else:
            ignored.append(header)
    if "transaction_id" in table.names and "transaction_id" not in matched and (own := order_number(table, headers)):
        matched["transaction_id"] = headers[own]
        ignored = [header for header in ignored if header != own]
    if "subject_name" in table.names and (name := matched.get("subject_name")):
        # Who has no code on a list of authorities is called by the name.
        code = matched.get("subject_id")
        matched["subject_id"] = f"coalesce(nullif(trim({code}::VARCHAR), ''), {name}::VARCHAR)" if code else name
    missing = [column for column in table.supplied if column.required and column.name not in matched]
    if missing:
        hint = ""
        if len(headers) == 1 and any(mark in next(iter(headers)) for mark in ";\t|"):
            hint = " The header looks separated by something other than a comma: deliver comma-separated CSV."
        raise InputError(
            f"{file}: table {table.name} lacks required columns: "
            + ", ".join(f"{column.name} ({column.zh})" for column in missing)
            + f"; {files.told(headers) if matched else 'none of its columns is known'}.{hint} "
            "`merchant-credit map --propose` writes a mapping for headings of another wording"
        )
    return matched, ignored


def _own(table: Table, canonical: str, header: str) -> bool:
    """Whether a heading is the column's own name, English or Chinese, rather than a platform's wording."""
    column = KNOWN_AT if canonical == KNOWN_AT.name else table.column(canonical)
    return plain_heading(header) in (column.name, column.zh)


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, is_landed: Callable[[InputFile], bool]
) -> Delivery:
    """Read a file or folder of canonical files. Raises InputError before anything changes."""
    held = find(path, settings)
    inputs, parts, rejects, notices = [], [], [], list(held.notices)
    counts: dict[str, int] = {}
    digests: dict[Path, str] = {}
    stamps: dict[Path, files.Stamp] = {}
    for i, source in enumerate(held.sources):
        file = source.file
        if file not in digests:
            stamps[file] = files.stamp(file)
            digests[file] = files.digest(file)
        label = str(file.relative_to(path)) if path.is_dir() else file.name
        label += f"#{source.part}" if source.part else ""
        landed = InputFile(file, source.table, digests[file], label)
        inputs.append(landed)
        if is_landed(landed):
            continue
        table = TABLES[source.table]
        raw = files.read_table(con, settings, file, f"raw_{i}", source.part)
        if files.stamp(file) != stamps[file]:
            raise InputError(
                f"{file} changed while it was read: it is still being written; deliver again when it is complete"
            )
        notices += raw.notices
        if not raw.columns and files.format_of(file) == "json":
            matched: dict[str, str] = {}  # JSON without an object has no header to match
            ignored: list[str] = []
        else:
            matched, ignored = _match(table, str(file), raw.columns, spellings=raw.spellings)
        if ignored:
            notices.append(f"{label}: columns ignored: {', '.join(ignored)[:500]}")
        if raw.rows == 0:
            notices.append(f"{label}: no rows (table {source.table} counts as supplied, and empty)")
        where = quote(label)
        picked = "".join(f", {c} AS {name}" for name, c in matched.items())
        parts.append(
            Part(
                source.table,
                source.table,
                f"SELECT {where} AS _file, _line{picked} FROM {raw.name}",
                tuple(matched),
                file=landed,
            )
        )
        counts[source.table] = counts.get(source.table, 0) + raw.rows
        if raw.rejects:
            rejects.append(
                f"SELECT '{source.table}' AS source_table, {where} AS file, line, NULL::VARCHAR AS key, code, reason, raw "
                f"FROM ({raw.rejects})"
            )
    return Delivery("canonical", tuple(inputs), tuple(parts), tuple(rejects), counts, notices=tuple(notices))

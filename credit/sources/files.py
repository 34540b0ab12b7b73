"""What lies in a folder, and reading one file of rows into temporary tables, every value as it stands.

What cannot be taken at all (empty, unreadable, unknown encoding, truncated, still being written) is one InputError before
anything changes. A line that is not a row (too few or too many fields, broken quote, not JSON) goes to the rejects. What
lies there and is not read is named.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.settings import Settings
from credit.sources.formats import archives, excel, objects, parquet, text
from credit.sources.formats.raw import CHUNK, RawTable

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".ndjson": "json",
    ".jsonl": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
}
READABLE = ".csv, .tsv, .ndjson, .json (or .gz or .zip of these), .parquet, .xlsx, .xls"
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".writing", ".inprogress", ".swp")
_JUNK = (".ds_store", "thumbs.db", "desktop.ini")
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Listing:
    """The files of a folder, in the order of their names, and what lies there that is no file of rows: (path, why)."""

    files: tuple[Path, ...]
    unread: tuple[tuple[Path, str], ...] = ()


def format_of(path: Path) -> str | None:
    """csv, tsv, json, parquet, excel or zip by the name's ending (before .gz), None for anything else."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not suffixes:
        return None
    if suffixes[-1] == ".zip":
        return "zip"
    if suffixes[-1] == ".gz":
        kind = FORMATS.get(suffixes[-2]) if len(suffixes) > 1 else None
        return kind if kind in ("csv", "tsv", "json") else None
    return FORMATS.get(suffixes[-1])


def in_order(path: Path) -> tuple[tuple[tuple[int, int | str], ...], ...]:
    """Sorts paths as people number them: part 10 after part 9."""
    return tuple(
        tuple((0, int(piece)) if piece.isdigit() else (1, piece) for piece in _NUMBERS.split(part.casefold()) if piece)
        for part in path.parts
    )


def told(headers: Iterable[str]) -> str:
    """The headings of a file as a message names them; what holds a number as persons have is data, and only counted."""
    names = [header for header in headers if re.search(r"\d{5}|@", header) is None]
    others = len(list(headers)) - len(names)
    shown = f"found: {', '.join(names[:30])[:500]}" if names else "no heading found"
    return shown + (f" (and {others} that look like values)" if others else "")


def list_folder(path: Path) -> list[Path]:
    """The files of a folder and its sub-folders, see `listing`."""
    return list(listing(path).files)


def listing(path: Path) -> Listing:
    """The files of a folder and its sub-folders, hidden ones not read.

    Raises InputError for a folder that cannot be read, a link that leads nowhere or out of the folder, and a file that is
    still being written.
    """
    files: list[Path] = []
    unread: list[tuple[Path, str]] = []
    _walk(path, files, unread, (path.resolve(),))
    return Listing(tuple(sorted(files, key=in_order)), tuple(unread))


def refuse_unfinished(folder: Path, settings: Settings) -> None:
    """Raises InputError where the file that tells that the delivery is complete is not in the folder yet."""
    if settings.done_marker and not (folder / settings.done_marker).exists():
        raise InputError(
            f"{folder} is not complete: it lacks {settings.done_marker}, which the setting done_marker says is written last"
        )


def _walk(path: Path, files: list[Path], unread: list[tuple[Path, str]], above: tuple[Path, ...]) -> None:
    try:
        entries = sorted(path.iterdir(), key=in_order)
        for entry in entries:
            name = entry.name.lower()
            if name in _JUNK:
                continue
            if name.startswith("~$"):
                unread.append((entry, "it is open in a spreadsheet program, which may not have saved it yet"))
            elif name.endswith(_UNFINISHED):
                raise InputError(f"{entry} is still being written, by its ending; deliver again when it has its name")
            elif name.startswith("."):
                unread.append((entry, "hidden"))
            elif entry.is_symlink() and not entry.exists():
                raise InputError(f"{entry} is a link that leads nowhere; deliver the file itself")
            elif entry.is_symlink() and not entry.resolve().is_relative_to(above[0]):
                raise InputError(
                    f"{entry} is a link that leads out of the delivery: who delivers has no say over what else is read here; "
                    "deliver the file itself"
                )
            elif entry.is_dir():
                target = entry.resolve()
                if target in above:
                    unread.append((entry, "a link back to a folder above"))
                else:
                    _walk(entry, files, unread, (*above, target))
            elif entry.is_file():
                files.append(entry)
            else:
                unread.append((entry, "neither a file nor a folder"))
    except OSError as error:
        raise InputError(f"folder {path} cannot be read: {error.strerror}; check its permissions") from None


@dataclass(frozen=True)
class Stamp:
    """What tells that a file was written to while it was read."""

    size: int
    changed: int


def stamp(path: Path) -> Stamp:
    """Size and time of change of a file. Raises InputError."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    return Stamp(status.st_size, status.st_mtime_ns)


def digest(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                total.update(chunk)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    return total.hexdigest()


def parts_of(path: Path, settings: Settings) -> list[str | None]:
    """What of a file is read by itself: the sheets of a workbook, the members of a zip, else the file (None). Raises InputError."""
    kind = format_of(path)
    if kind == "excel":
        archives.refuse_bomb(path, settings)
        return [*excel.sheets(path)]
    if kind == "zip":
        members = archives.members(path)
        return [*sorted(members, key=lambda member: in_order(Path(member)))]
    return [None]


def read_table(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, name: str, part: str | None = None
) -> RawTable:
    """Read `path`, or a part of it, into the temporary table `name`. Raises InputError, see the module's text."""
    kind = format_of(path)
    if kind == "zip":
        if part is None:
            [part] = archives.members(path)
        with tempfile.TemporaryDirectory(dir=settings.home, prefix="read-") as scratch:
            member = archives.unpack(path, part, Path(scratch), settings)
            try:
                return read_table(con, settings, member, name)
            except InputError as error:
                raise InputError(str(error).replace(str(member), f"{path}: {part}")) from None
    if kind == "parquet":
        return parquet.read(con, path, name)
    if kind == "excel":
        archives.refuse_bomb(path, settings)
        return excel.read(con, path, part or excel.sheets(path)[0], name)
    if kind == "json":
        return objects.read(con, settings, path, name)
    if kind in ("csv", "tsv"):
        return text.read(con, settings, path, name, "," if kind == "csv" else "\t")
    raise InputError(f"{path} is of no known format; expected {READABLE}")

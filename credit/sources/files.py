"""Reading one file of rows (CSV, NDJSON, Parquet; gz) into a temporary table, every value as it stands.

What cannot be taken at all (empty, unreadable, unknown encoding, truncated) is one InputError before anything
changes. A line that is not a row (too few or too many fields, broken quote, not JSON) goes to the rejects.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from credit.errors import InputError
from credit.settings import Settings
from credit.warehouse.connection import quote, scalar

FORMATS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}
_CHUNK = 1 << 20
_MAX_LINE = 64 << 20  # bytes; DuckDB holds a few lines of this size in memory at worst


@dataclass(frozen=True)
class RawTable:
    """`name`: temporary table with `_line` and the columns of the file as `columns`; `rejects`: SQL or None."""

    name: str
    columns: dict[str, str]  # header -> column in the temporary table
    rows: int  # rows read, the malformed ones included
    rejects: str | None


def format_of(path: Path) -> str | None:
    """csv, ndjson or parquet by the name's ending (before .gz), None for anything else."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        found = FORMATS.get(suffixes[-2]) if len(suffixes) > 1 else None
        return found if found != "parquet" else None
    return FORMATS.get(suffixes[-1]) if suffixes else None


def list_folder(path: Path) -> list[Path]:
    """The files directly in a folder and in its sub-folders, sorted; InputError where it cannot be read."""
    try:
        found: list[Path] = []
        for entry in sorted(path.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir() and not entry.is_symlink():
                found += list_folder(entry)
            elif entry.is_file():
                found.append(entry)
        return found
    except OSError as error:
        raise InputError(f"folder {path} cannot be read: {error.strerror}; check its permissions") from None


def digest(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    return total.hexdigest()


def _literal(path: Path) -> str:
    """The path as a SQL literal that DuckDB does not take for a pattern."""
    return quote(re.sub(r"([*?\[])", r"[\1]", str(path)))


def _chunks(path: Path, settings: Settings) -> Iterator[bytes]:
    limit = settings.max_file_mb << 20
    try:
        with cast(BinaryIO, gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")) as file:
            size = 0
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise InputError(
                        f"{path} unpacks to more than {settings.max_file_mb} MiB; split it, or raise the setting max_file_mb"
                    )
                yield chunk
    except (EOFError, zlib.error, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path} cannot be read: {why}; deliver the file again") from None


def _decodes(path: Path, settings: Settings, encoding: str) -> tuple[int, int] | None:
    """None when the whole file is valid in that encoding, else (line, byte) of the first offence."""
    decoder = codecs.getincrementaldecoder(encoding)()
    before = lines = 0
    for chunk in _chunks(path, settings):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            # error.start may count bytes held back from the chunk before: close enough to find the place.
            return lines + chunk[: error.start].count(b"\n") + 1, before + error.start
        before, lines = before + len(chunk), lines + chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return lines + 1, before
    return None


def _encoding(path: Path, settings: Settings) -> str:
    head = next(_chunks(path, settings), b"")
    if not head.strip():
        raise InputError(f"{path} is empty; expected at least a header line (an empty table is a header without rows)")
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise InputError(f"{path} is UTF-16; expected UTF-8 or GB18030: save it as one of these")
    candidates = ["utf-8", "gb18030"] if settings.encoding == "auto" else [settings.encoding]
    offences = {}
    for encoding in candidates:
        offence = _decodes(path, settings, encoding)
        if offence is None:
            return encoding
        offences[encoding] = offence
    where = "; ".join(f"not {name}: line {line}, byte {byte}" for name, (line, byte) in offences.items())
    raise InputError(f"{path} has an unknown encoding ({where}); expected UTF-8 or GB18030: save it as one of these")


def _as_utf8(path: Path, settings: Settings, encoding: str, scratch: Path) -> Path:
    """The file itself when DuckDB can read it as it is, else an unpacked UTF-8 copy."""
    if encoding == "utf-8" and path.suffix.lower() != ".gz":
        return path
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = Path(tempfile.mkstemp(dir=scratch, suffix=".txt")[1])
    with copy.open("w", encoding="utf-8", newline="") as file:
        for chunk in _chunks(path, settings):
            file.write(decoder.decode(chunk))
        file.write(decoder.decode(b"", final=True))
    return copy


def read_table(con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, name: str) -> RawTable:
    """Read `path` into the temporary table `name`. Raises InputError, see the module's text."""
    kind = format_of(path)
    if kind is None:
        raise InputError(f"{path} is of no known format; expected .csv, .csv.gz, .ndjson, .ndjson.gz or .parquet")
    if kind == "parquet":
        return _read_parquet(con, path, name)
    encoding = _encoding(path, settings)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="read-") as scratch:
        text = _as_utf8(path, settings, encoding, Path(scratch))
        return (_read_csv if kind == "csv" else _read_ndjson)(con, path, text, name)


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> RawTable:
    scan = f"read_parquet({_literal(path)}, file_row_number = true)"
    try:
        headers = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
        headers.remove("file_row_number")
        columns = {header: f"c{i}" for i, header in enumerate(headers)}
        picked = ", ".join(f'"{header.replace(chr(34), chr(34) * 2)}" AS {c}' for header, c in columns.items())
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT file_row_number + 1 AS _line, {picked} FROM {scan}")
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet ({first}); it may be truncated: deliver it again") from None
    return RawTable(name, columns, _count(con, name), None)


def _read_csv(con: duckdb.DuckDBPyConnection, path: Path, text: Path, name: str) -> RawTable:
    with text.open(encoding="utf-8-sig", newline="") as file:
        try:
            headers = next(csv.reader(file), [])
        except csv.Error as error:
            raise InputError(f"{path}: the first line is no header of columns: {error}") from None
    headers = [header.strip() for header in headers]
    twice = {header for header in headers if headers.count(header) > 1}
    if twice:
        raise InputError(f"{path}: header names a column twice: {', '.join(sorted(twice))}")
    columns = {header: f"c{i}" for i, header in enumerate(headers)}
    types = "{" + ", ".join(f"'{c}': 'VARCHAR'" for c in columns.values()) + "}"
    errors, scans = f"{name}_errors", f"{name}_scans"
    con.execute(f"DROP TABLE IF EXISTS {errors}; DROP TABLE IF EXISTS {scans}")
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT row_number() OVER () + 1 AS _line, * FROM read_csv(
                {_literal(text)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
                columns = {types}, strict_mode = true, max_line_size = {_MAX_LINE}, encoding = 'utf-8',
                store_rejects = true, rejects_table = '{errors}', rejects_scan = '{scans}')"""
        )
    except duckdb.Error as error:
        raise InputError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from None
    # Physical line of the n-th good record: the n-th line that is not malformed (exact unless quoted fields hold
    # line breaks, where it counts records).
    bad = int(scalar(con, f"SELECT count(DISTINCT line) FROM {errors}"))
    if bad:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS
                WITH gaps AS (SELECT line - nth AS good_line, max(nth) AS shift
                              FROM (SELECT line, row_number() OVER (ORDER BY line) - 1 AS nth
                                    FROM (SELECT DISTINCT line FROM {errors})) GROUP BY 1)
                SELECT r.* REPLACE (r._line + coalesce(g.shift + 1, 0) AS _line)
                FROM {name} r ASOF LEFT JOIN gaps g ON r._line >= g.good_line"""
        )
    rejects = f"""SELECT line::BIGINT AS line, 'malformed_line' AS code,
            min(lower(error_type::VARCHAR) || ': ' || error_message || ' (fields as in the header, '
                || 'quotes doubled inside quotes)') AS reason, any_value(csv_line) AS raw
        FROM {errors} GROUP BY line"""
    return RawTable(name, columns, _count(con, name) + bad, rejects if bad else None)


def _read_ndjson(con: duckdb.DuckDBPyConnection, path: Path, text: Path, name: str) -> RawTable:
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name}_lines AS SELECT row_number() OVER () AS _line, * FROM read_csv(
                {_literal(text)}, auto_detect = false, header = false, delim = '\x01', quote = '', escape = '',
                columns = {{'line': 'VARCHAR'}}, max_line_size = {_MAX_LINE}, encoding = 'utf-8')"""
        )
    except duckdb.Error as error:
        raise InputError(f"{path} cannot be read as NDJSON: {str(error).splitlines()[0]}") from None
    con.execute(f"DELETE FROM {name}_lines WHERE line IS NULL OR trim(line) = ''")
    good = "json_valid(line) AND json_type(try_cast(line AS JSON)) = 'OBJECT'"
    keys = con.execute(
        f"SELECT DISTINCT unnest(json_keys(line)) AS key FROM {name}_lines WHERE {good} ORDER BY key"
    ).fetchall()
    columns = {key: f"c{i}" for i, (key,) in enumerate(keys)}
    picked = "".join(f", line ->> {quote('$.' + _json_path(key))} AS {c}" for key, c in columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT _line{picked} FROM {name}_lines WHERE {good}")
    rows = _count(con, f"{name}_lines")
    rejects = f"""SELECT _line AS line, 'malformed_line' AS code,
            'not a JSON object; expected one object a line' AS reason, line AS raw
        FROM {name}_lines WHERE NOT coalesce({good}, false)"""
    return RawTable(name, columns, rows, rejects if rows > _count(con, name) else None)


def _json_path(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _count(con: duckdb.DuckDBPyConnection, name: str) -> int:
    return int(scalar(con, f"SELECT count(*) FROM {name}"))

"""JSON: one object a line, an array of objects, an object that holds one, nested objects.

Keys of nested objects are columns by their path (`times.paid_at`). One odd row costs itself alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from credit.errors import InputError
from credit.settings import Settings
from credit.sources.formats import encoding
from credit.sources.formats.raw import CHUNK, RawTable, Reject, keep_rejects, row_count
from credit.sources.formats.text import OriginalLines, literal
from credit.warehouse.connection import quote, quoted

_SCHEMA = pa.schema([("_line", pa.int64()), ("line", pa.string())])
MOST_KEYS = 1_000
"""Columns that are read at most: the most frequent keys, of equally frequent ones those that stand first."""
_DEPTH = 3


def read(con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, name: str) -> RawTable:
    """Read JSON into the temporary table `name`. Raises InputError."""
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="read-") as scratch:
        plain = encoding.plain(path, settings, Path(scratch))
        whole = _is_whole(plain.path)
        if whole:
            _elements(con, settings, path, plain.path, name)
        else:
            reader = pa.RecordBatchReader.from_batches(_SCHEMA, _lines(plain))
            con.register("json_lines", reader)
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {name}_json AS FROM json_lines WHERE trim(line, E' \\t\\r') <> ''"
            )
            con.unregister("json_lines")
    return _table(con, path, name, list(plain.rejects), plain.notices)


def _is_whole(text: Path) -> bool:
    """Whether the file is one JSON value over all its lines rather than one a line."""
    with text.open("rb") as file:
        head = file.read(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")
    first = head.split(b"\n", 1)[0].rstrip()
    if head[:1] == b"[":
        # An array: of objects, not a line that happens to be one among objects.
        return first in (b"[",) or head[1:].lstrip()[:1] in (b"{", b"]")
    return head[:1] == b"{" and not first.endswith(b"}")


def _lines(plain: encoding.PlainText) -> Iterator[pa.RecordBatch]:
    original = OriginalLines(list(plain.dropped))
    number = 1
    with plain.path.open("rb") as file:
        rest = b""
        while chunk := file.read(CHUNK):
            chunk = rest + chunk
            *lines, rest = chunk.split(b"\n")
            yield _batch(lines, number, original, bool(plain.dropped))
            number += len(lines)
        if rest:
            yield _batch([rest], number, original, bool(plain.dropped))


def _batch(lines: list[bytes], first: int, original: OriginalLines, shifted: bool) -> pa.RecordBatch:
    numbers = range(first, first + len(lines))
    if lines and first == 1:
        lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
    placed = [original(n) for n in numbers] if shifted else list(numbers)
    return pa.RecordBatch.from_arrays(
        [pa.array(placed, pa.int64()), pa.array(lines, pa.binary()).cast(pa.string())], schema=_SCHEMA
    )


def _elements(con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, text: Path, name: str) -> None:
    """The elements of one JSON value: those of an array, or of the one array of objects within an object."""
    size = max(1 << 24, min(text.stat().st_size + 1, settings.max_file_mb << 20))
    with text.open("rb") as file:
        array = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
    shape = "array" if array else "unstructured"
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name}_json AS SELECT row_number() OVER () AS _line, json::VARCHAR AS line
                FROM read_json_objects({literal(text)}, format = '{shape}', maximum_object_size = {size})"""
        )
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as JSON ({first}); it may be cut off: deliver it again") from None
    if array or row_count(con, f"{name}_json") != 1:
        return
    if where := _rows_within(con, f"{name}_json", "$", _DEPTH):
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name}_json AS
                SELECT row_number() OVER () AS _line, element::VARCHAR AS line
                FROM (SELECT unnest(json_extract(line, {quote(where + "[*]")})) AS element FROM {name}_json)"""
        )


def _rows_within(con: duckdb.DuckDBPyConnection, table: str, at: str, depth: int) -> str | None:
    """The path of the one array of objects within an object, as answers of an interface hold it; None where there is none."""
    arrays, objects = [], []
    for key, kind, first in con.execute(
        f"""SELECT key, json_type(line, {quote(at)} || '."' || key || '"'), json_type(line, {quote(at)} || '."' || key || '"[0]')
            FROM (SELECT line, unnest(json_keys(line, {quote(at)})) AS key FROM {table}) WHERE key NOT LIKE '%"%'"""
    ).fetchall():
        place = f'{at}."{key}"'
        if kind == "ARRAY" and first in ("OBJECT", None):
            arrays.append(place)
        elif kind == "OBJECT":
            objects.append(place)
    if len(arrays) == 1:
        return arrays[0]
    nested = [
        deeper
        for place in objects
        if depth and not arrays and (deeper := _rows_within(con, table, place, depth - 1)) is not None
    ]
    return nested[0] if len(nested) == 1 else None


def _table(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, rejects: list[Reject], notices: tuple[str, ...]
) -> RawTable:
    """The objects' keys as columns, nested ones by their path."""
    source, good = f"{name}_json", "ok"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {source} AS SELECT *,
                coalesce(json_valid(line) AND json_type(try_cast(line AS JSON)) = 'OBJECT', false) AS ok FROM {source}"""
    )
    places = {"": "$"}
    columns: dict[str, str] = {}
    for _ in range(_DEPTH):
        nested: dict[str, str] = {}
        for label, place in places.items():
            at = quote(place)
            keys = con.execute(
                f"""SELECT key, bool_or(kind = 'OBJECT'), bool_or(coalesce(kind, 'NULL') NOT IN ('OBJECT', 'NULL')), count(*) AS n
                    FROM (SELECT key, place, json_type(line, {at} || '."' || key || '"') AS kind
                          FROM (SELECT line, unnest(json_keys(line, {at})) AS key,
                                       generate_subscripts(json_keys(line, {at}), 1) AS place FROM {source}
                                WHERE {good} AND json_type(line, {at}) = 'OBJECT')
                          WHERE key <> '' AND NOT contains(key, '"') AND NOT contains(key, chr(92)))
                    GROUP BY key ORDER BY n DESC, min(place), key LIMIT {MOST_KEYS}"""
            ).fetchall()
            for key, is_object, is_value, _number in sorted(keys):
                path_of_key = f'{place}."{key}"'
                if is_object:
                    nested[f"{label}{key}."] = path_of_key
                if (is_value or not is_object) and len(columns) < MOST_KEYS:
                    columns[f"{label}{key}"] = path_of_key
        places = nested
        if not places:
            break
    paths = quoted(columns.values())
    names = {header: f"c{i}" for i, header in enumerate(columns)}
    picked = "".join(f", v[{i + 1}] AS {column}" for i, column in enumerate(names.values()))
    values = f"json_extract_string(line, [{paths}])" if columns else "NULL"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT _line{picked} FROM (SELECT _line, {values} AS v FROM {source} WHERE {good})"
    )
    rows = row_count(con, source)
    parts = []
    if rows > row_count(con, name):
        parts.append(
            f"""SELECT _line AS line, 'malformed_line' AS code, 'not a JSON object; expected one object a line' AS reason,
                    line AS raw FROM {source} WHERE NOT {good}"""
        )
    if rejects:
        parts.append(keep_rejects(con, name, rejects))
    if rows and not row_count(con, name):
        raise InputError(
            f"{path} holds no JSON object with which a row could begin; expected one object a line, or an array of objects"
        )
    return RawTable(name, names, rows + len(rejects), " UNION ALL ".join(parts) or None, notices, spellings=True)

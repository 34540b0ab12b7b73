"""JSON and CSV as they are published: harmless in a page and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import orjson
import pyarrow as pa

_UNSAFE = "<>&\x85\u2028\u2029"
"""Valid in JSON, but a careless reader may take them for the end of a <script> or of a line."""
_ESCAPED = [(character.encode(), f"\\u{ord(character):04x}".encode()) for character in _UNSAFE]


def to_json(value: Any, indent: int | None = None) -> bytes:
    """UTF-8 JSON, compact on one line unless indented, harmless within HTML; dates and instants in ISO 8601.

    Raises ValueError for a number that JSON does not have, of what is indented."""
    if indent is None:
        raw = orjson.dumps(value)
    else:
        raw = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_iso).encode()
    return harmless(raw)


def harmless(raw: bytes) -> bytes:
    """JSON that says the same and is harmless within HTML."""
    for character, escaped in _ESCAPED:
        # Its first byte is soon looked for, and seldom there.
        if character[:1] in raw and character in raw:
            raw = raw.replace(character, escaped)
    return raw


def _iso(value: Any) -> str:
    return str(value.isoformat())


AT_ONCE = 10_000

_TELLING = frozenset({str, bool, date, type(None)})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def columns_in_batches(table: pa.Table) -> Iterator[list[list[Any]]]:
    """The columns, some rows at a time: all of them as Python objects would not fit beside the night."""
    for batch in table.to_batches(max_chunksize=AT_ONCE):
        if batch.num_rows:
            yield [listed(column) for column in batch.columns]


def csv_table(table: pa.Table) -> bytes:
    """The table as CSV, see `csv_bytes`."""
    return _csv(table.column_names, columns_in_batches(table))


def csv_bytes(names: list[str], batches: Iterable[list[dict[str, Any]]]) -> bytes:
    """RFC 4180 with a BOM, so that spreadsheets read it as UTF-8. The rows come some at a time."""
    return _csv(names, ([[row[name] for row in rows] for name in names] for rows in batches))


def _csv(names: list[str], batches: Iterable[list[list[Any]]]) -> bytes:
    sink = io.BytesIO()
    with io.TextIOWrapper(sink, "utf-8-sig", newline="") as text:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(names)
        for columns in batches:
            writer.writerows(zip(*map(_cells, columns), strict=True))
        text.flush()
        return sink.getvalue()


def _cells(values: list[Any]) -> list[Any]:
    """A column; its few different values, if it has few, are looked at once each: not numbers, of which two that are equal
    may read differently."""
    kinds = set(map(type, values))
    if kinds.isdisjoint((bool, str)):
        return values
    if kinds <= _TELLING and len(different := set(values)) * 2 < len(values):
        shown = {value: _cell(value) for value in different}
        return [shown[value] for value in values]
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def listed(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The column as Python objects. Arrow makes dates one by one, which takes ten times as long as NumPy."""
    dates = pa.types.is_date(column.type)
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist() if dates else column.to_pylist()
    return values

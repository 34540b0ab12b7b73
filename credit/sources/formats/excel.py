"""Workbooks (xlsx, xls, xlsb, ods) by python-calamine: cells as text, the way a person reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from credit.errors import InputError
from credit.sources.formats.raw import RawTable, row_count

_AT_ONCE = 20_000
_HEADER_WITHIN = 20
"""Rows among which the header is looked for: exports put titles above it."""


def sheets(path: Path) -> list[str]:
    """Names of the sheets that can be seen. Raises InputError."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    book = _open(path)
    names = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    return [name for name in names if book.get_sheet_by_name(name).height]


def read(con: duckdb.DuckDBPyConnection, path: Path, sheet: str, name: str) -> RawTable:
    """Read a sheet into the temporary table `name`; `_line` is the row as the spreadsheet numbers it. Raises InputError."""
    pages = _open(path).get_sheet_by_name(sheet)
    rows = enumerate(pages.iter_rows(), (pages.start or (0, 0))[0] + 1)
    head: list[tuple[int, list[Any]]] = []
    for number, row in rows:
        head.append((number, row))
        if len(head) == _HEADER_WITHIN:
            break
    at = _header_at([row for _, row in head])
    if at is None:
        raise InputError(f"{path}, sheet {sheet}: no header; expected a row of column names")
    headers = [_text(value) or "" for value in head[at][1]]
    while headers and not headers[-1]:
        headers.pop()
    named = [header.strip() for header in headers if header.strip()]
    if twice := sorted({header for header in named if named.count(header) > 1}):
        raise InputError(f"{path}, sheet {sheet}: header names a column twice: {', '.join(twice)}")
    columns = {header.strip(): f"c{i}" for i, header in enumerate(headers) if header.strip()}
    width = len(headers)
    schema = pa.schema([("_line", pa.int64()), *((f"c{i}", pa.string()) for i in range(width))])

    def batches() -> Iterator[pa.RecordBatch]:
        lines: list[int] = []
        kept: list[list[str | None]] = []
        for number, row in chain(head[at + 1 :], rows):
            texts = [_text(value) for value in row[:width]]
            if not any(texts):
                continue
            lines.append(number)
            kept.append(texts + [None] * (width - len(texts)))
            if len(lines) == _AT_ONCE:
                yield _batch(schema, lines, kept)
                lines, kept = [], []
        if lines:
            yield _batch(schema, lines, kept)

    con.register("sheet_rows", pa.RecordBatchReader.from_batches(schema, batches()))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM sheet_rows")
    con.unregister("sheet_rows")
    return RawTable(name, columns, row_count(con, name), None)


def _batch(schema: pa.Schema, lines: list[int], rows: list[list[str | None]]) -> pa.RecordBatch:
    values = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(lines, pa.int64()), *(pa.array(column, pa.string()) for column in values)], schema=schema
    )


def _open(path: Path) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise InputError(f"{path} is protected by a password; deliver it without one") from None
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a workbook ({error}); it may be truncated or of another format: deliver it again"
        ) from None


def _header_at(rows: list[list[Any]]) -> int | None:
    """The first row with about as many texts as the fullest one: titles above have fewer."""
    filled = [sum(isinstance(value, str) and bool(value.strip()) for value in row) for row in rows]
    if not filled or not max(filled):
        return None
    return next(i for i, number in enumerate(filled) if number * 2 > max(filled))


def _text(value: Any) -> str | None:
    """A cell as text: whole numbers without a fraction, days and times in ISO 8601."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # A number of more than 15 digits has been rounded by the spreadsheet: left in its exponent, for intake to see.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value)

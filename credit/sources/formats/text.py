"""Delimited text: CSV, and TSV by a tab. Read by DuckDB; what it cannot see, `quotes` and `encoding` have seen before."""

from __future__ import annotations

import csv
import re
import tempfile
from bisect import bisect_left
from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from credit.errors import InputError
from credit.settings import Settings
from credit.sources.formats import encoding, quotes
from credit.sources.formats.raw import MAX_LINE, RawTable, Reject, keep_rejects, row_count
from credit.warehouse.connection import quote, scalar


def literal(path: Path) -> str:
    """The path as a SQL literal that DuckDB does not take for a pattern."""
    return quote(re.sub(r"([*?\[])", r"[\1]", str(path)))


def read(con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, name: str, delimiter: str) -> RawTable:
    """Read a delimited text into the temporary table `name`. Raises InputError."""
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="read-") as scratch:
        plain = encoding.plain(path, settings, Path(scratch), keep_cr=True)
        headers = _header(path, plain.path, delimiter)
        plain = _without_lone_returns(plain, Path(scratch), delimiter, len(headers))
        records = quotes.records(plain.path, delimiter, len(headers))
        text, dropped, rejects = plain.path, list(plain.dropped), list(plain.rejects)
        lines: range | None = None
        if not plain.ends and not settings.done_marker and (lines := _unfinished(text, records)):
            records.stray.append(_cut_off(text, lines))
        if records.stray:
            original = OriginalLines(dropped)
            text = _leave_out(text, {*(reject.line for reject in records.stray), *(lines or ())}, Path(scratch))
            stray = [Reject(original(r.line), r.code, r.reason, r.raw) for r in records.stray]
            rejects += stray
            dropped = sorted([*dropped, *(reject.line for reject in stray)])
            records = quotes.records(text, delimiter, len(headers))
        return _scan(con, path, text, name, delimiter, headers, records, dropped, rejects, plain.notices)


def _unfinished(text: Path, records: quotes.Records) -> range | None:
    """The lines of the last record, which has no line end: it may be cut off in the middle of its last value, and then no
    reader can tell. None where it is the header or was set aside already."""
    with text.open("rb") as file:
        last = sum(1 for _ in file)
    first, more = records.spans[-1] if records.spans else (0, 0)
    begins = first if first + more == last else last
    return None if begins == 1 or any(reject.line >= begins for reject in records.stray) else range(begins, last + 1)


def _cut_off(text: Path, lines: range) -> Reject:
    with text.open("rb") as file:
        record = b"".join(islice(file, lines.start - 1, None))
    return Reject(
        lines.start,
        "unfinished_line",
        "the last line has no line end, so it may be cut off: end it, deliver under another name and rename when done, or say "
        "by the setting done_marker when a delivery is complete",
        record.decode("utf-8"),
    )


def _header(path: Path, text: Path, delimiter: str) -> list[str]:
    with text.open(encoding="utf-8-sig", newline="") as file:
        try:
            headers = next(csv.reader(file, delimiter=delimiter), [])
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}: the first line is no header of columns: {error}") from None
    headers = [header.strip() for header in headers]
    twice = {header for header in headers if headers.count(header) > 1}
    if twice:
        raise InputError(f"{path}: header names a column twice: {', '.join(sorted(twice))}")
    return headers


def _without_lone_returns(plain: encoding.PlainText, scratch: Path, delimiter: str, fields: int) -> encoding.PlainText:
    """Carriage returns within a line: between rows they are line ends, in a row a blank.

    Where they are line ends they count as lines from there on.
    """
    if not plain.returns:
        return plain
    copy = Path(tempfile.mkstemp(dir=scratch, suffix=".txt")[1])
    with plain.path.open("rb") as source, copy.open("wb") as target:
        for line in source:
            body = line.rstrip(b"\r\n")
            if b"\r" in body:
                parts = [part for part in body.split(b"\r") if part.strip()]
                rows = all(_fields(part, delimiter) == fields for part in parts) and len(parts) > 1
                body = b"\n".join(parts) if rows else body.replace(b"\r", b" ")
            target.write(body + b"\n")
    return replace(plain, path=copy)


def _fields(line: bytes, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line.decode("utf-8")], delimiter=delimiter, strict=True), []))
    except (csv.Error, UnicodeDecodeError):
        return 0


def _leave_out(text: Path, lines: set[int], scratch: Path) -> Path:
    copy = Path(tempfile.mkstemp(dir=scratch, suffix=".txt")[1])
    with text.open("rb") as source, copy.open("wb") as target:
        target.writelines(line for number, line in enumerate(source, 1) if number not in lines)
    return copy


class OriginalLines:
    """Line of a copy -> line of the file, given the lines of the file (in order) that the copy lacks."""

    def __init__(self, dropped: list[int]) -> None:
        self._before = [line - i for i, line in enumerate(dropped)]

    def __call__(self, line: int) -> int:
        """The n-th line that was dropped stood before line (its number - n) of the copy."""
        return line + bisect_left(self._before, line + 1)


def _scan(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    text: Path,
    name: str,
    delimiter: str,
    headers: list[str],
    records: quotes.Records,
    dropped: list[int],
    rejects: list[Reject],
    notices: tuple[str, ...],
) -> RawTable:
    columns = {header: f"c{i}" for i, header in enumerate(headers)}
    types = "{" + ", ".join(f"'{c}': 'VARCHAR'" for c in columns.values()) + "}"
    errors, scans = f"{name}_errors", f"{name}_scans"
    con.execute(f"DROP TABLE IF EXISTS {errors}; DROP TABLE IF EXISTS {scans}")
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT row_number() OVER () + 1 AS _line, * FROM read_csv(
                {literal(text)}, auto_detect = false, header = true, delim = {quote(delimiter)}, quote = '"', escape = '"',
                columns = {types}, strict_mode = true, max_line_size = {MAX_LINE}, encoding = 'utf-8',
                store_rejects = true, rejects_table = '{errors}', rejects_scan = '{scans}')"""
        )
    except duckdb.Error as error:
        raise InputError(f"{path} cannot be read as delimited text: {str(error).splitlines()[0]}") from None
    bad = int(scalar(con, f"SELECT count(DISTINCT line) FROM {errors}"))
    _number(con, name, errors, records, dropped)
    parts = []
    if bad:
        parts.append(f"""SELECT n + coalesce((SELECT max(shift) FROM {name}_shifts WHERE from_record <= n), 0) AS line,
                'malformed_line' AS code, reason, raw
            FROM (SELECT line::BIGINT AS n, min(lower(error_type::VARCHAR) || ': ' || error_message
                      || ' (fields as in the header, quotes doubled inside quotes)') AS reason, any_value(csv_line) AS raw
                  FROM {errors} GROUP BY 1)""")
    if rejects:
        parts.append(keep_rejects(con, name, rejects))
    rows = row_count(con, name) + bad + len(rejects)
    return RawTable(name, columns, rows, " UNION ALL ".join(parts) or None, notices)


def _number(
    con: duckdb.DuckDBPyConnection, name: str, errors: str, records: quotes.Records, dropped: list[int]
) -> None:
    """Make `_line`, the number of the good record, the line of the file at which it begins.

    DuckDB numbers errors by records and blank lines, good rows not at all. So first the gaps that malformed and blank
    lines leave among the good ones are added, then the lines that records of several lines and dropped lines take up.
    """
    shifts = _shifts(records, dropped)
    con.register("shift_rows", pa.table({"from_record": [a for a, _ in shifts], "shift": [s for _, s in shifts]},
                                        schema=pa.schema([("from_record", pa.int64()), ("shift", pa.int64())])))  # fmt: skip
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name}_shifts AS FROM shift_rows")
    con.unregister("shift_rows")
    blank = _in_records(records.blank, records.spans)
    con.register("blank_rows", pa.table({"line": blank}, schema=pa.schema([("line", pa.int64())])))
    gaps = int(
        scalar(con, f"SELECT count(*) FROM (SELECT line::BIGINT FROM {errors} UNION SELECT line FROM blank_rows)")
    )
    if gaps:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS
                WITH gaps AS (SELECT line - nth AS good_line, max(nth) AS shift
                              FROM (SELECT line, row_number() OVER (ORDER BY line) - 1 AS nth
                                    FROM (SELECT line::BIGINT AS line FROM {errors} UNION SELECT line FROM blank_rows))
                              GROUP BY 1)
                SELECT r.* REPLACE (r._line + coalesce(g.shift + 1, 0) AS _line)
                FROM {name} r ASOF LEFT JOIN gaps g ON r._line >= g.good_line"""
        )
    con.unregister("blank_rows")
    if shifts:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS
                SELECT r.* REPLACE (r._line + coalesce(s.shift, 0) AS _line)
                FROM {name} r ASOF LEFT JOIN {name}_shifts s ON r._line >= s.from_record"""
        )


def _in_records(lines: list[int], spans: list[tuple[int, int]]) -> list[int]:
    """Lines of the text -> their number where a record of several lines counts once."""
    result, extra, i = [], 0, 0
    for line in lines:
        while i < len(spans) and spans[i][0] < line:
            extra += spans[i][1]
            i += 1
        result.append(line - extra)
    return result


def _shifts(records: quotes.Records, dropped: list[int]) -> list[tuple[int, int]]:
    """(record from which on, how much its line in the file is above its number), growing."""
    before = OriginalLines(dropped)
    events: dict[int, int] = {}
    extra = 0
    for first, more in records.spans:
        record = first - extra
        extra += more
        events[record + 1] = extra + before(first + more + 1) - (first + more + 1)
    spans, i, extra = records.spans, 0, 0
    for n, line in enumerate(dropped):
        at = line - n  # first line of the text that stood behind it
        while i < len(spans) and spans[i][0] + spans[i][1] < at:
            extra += spans[i][1]
            i += 1
        record = at - extra
        events[record] = max(events.get(record, 0), extra + before(at) - at)
    return sorted(events.items())

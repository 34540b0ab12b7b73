"""Where quoted fields span lines, and where a stray quote would swallow rows.

A quote that nobody closes, or that another customer closes some rows further on, makes one field of all lines between:
valid CSV, and rows are gone. So each field that spans lines is looked at: the record must have as many fields as the
header, and none of the lines within may look like a row of its own. Otherwise the line with the stray quote is set
aside, and the lines behind it are rows again.
"""

from __future__ import annotations

import csv
import io
import mmap
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from credit.sources.formats.raw import CHUNK, Reject

_MOST_LINES = 2_000
_MOST_BYTES = 8 << 20
_WORDS = re.compile(r"[0-9A-Za-z]+")
_HANZI = re.compile(r"[\u3400-\u9fff]+")


@dataclass
class Records:
    """How the lines of a text make up records, all lines from 1.

    `stray`: lines that cannot begin a record; `spans`: (first line, lines beyond the first) of records of several lines;
    `blank`: lines without anything.
    """

    stray: list[Reject] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)


def records(text: Path, delimiter: str, fields: int) -> Records:
    """Look through a UTF-8 text with line feeds."""
    result = Records()
    odd: list[tuple[int, int, int]] = []  # (line, first byte, byte behind the last)
    line, start, quotes, offset = 1, 0, 0, 0
    last = b""
    with text.open("rb") as file:
        while chunk := file.read(CHUNK):
            buffer = np.frombuffer(chunk, dtype=np.uint8)
            ends = np.flatnonzero(buffer == 10)
            marks = np.flatnonzero(buffer == 34)
            upto = np.searchsorted(marks, ends)
            if len(ends):
                in_line = np.diff(upto, prepend=0)
                in_line[0] += quotes
                starts = np.concatenate(([start], ends[:-1] + 1 + offset))
                for i in np.flatnonzero(in_line % 2):
                    odd.append((line + int(i), int(starts[i]), int(ends[i]) + offset))
                lengths = ends + offset - starts
                short = np.flatnonzero(lengths <= 1)
                for i in short:
                    at = int(ends[i]) - 1
                    if lengths[i] == 0 or (at >= 0 and buffer[at] == 13) or (at < 0 and last == b"\r"):
                        result.blank.append(line + int(i))
                line += len(ends)
                start = int(ends[-1]) + 1 + offset
                quotes = len(marks) - int(upto[-1])
            else:
                quotes += len(marks)
            offset += len(chunk)
            last = chunk[-1:]
    if quotes % 2:
        odd.append((line, start, offset))
    if odd:
        _pair(text, delimiter, fields, odd, result)
    return result


def _pair(text: Path, delimiter: str, fields: int, odd: list[tuple[int, int, int]], result: Records) -> None:
    """Go through the lines with an odd number of quotes: each opens a field that the next one closes, or is stray."""
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        i = 0
        while i < len(odd):
            line, start, end = odd[i]
            if i + 1 < len(odd):
                closing, _, behind = odd[i + 1]
                near = closing - line <= _MOST_LINES and behind - start <= _MOST_BYTES
                if near and _is_record(content[start:behind].decode("utf-8"), delimiter, fields):
                    result.spans.append((line, closing - line))
                    i += 2
                    continue
            result.stray.append(
                Reject(
                    line,
                    "malformed_line",
                    "a quotation mark is not closed within its row: the lines behind it would be taken for part of the field "
                    "(double it within a quoted field, or leave it out)",
                    content[start:end].decode("utf-8").rstrip("\r"),
                )
            )
            i += 1
    spanned = result.spans
    if spanned and result.blank:
        firsts = np.array([first for first, _ in spanned])
        lasts = firsts + np.array([more for _, more in spanned])
        at = np.searchsorted(firsts, result.blank, side="right") - 1
        result.blank = [
            line for line, k in zip(result.blank, at.tolist(), strict=True) if k < 0 or line > int(lasts[k])
        ]


def _is_record(text: str, delimiter: str, fields: int) -> bool:
    """Whether these lines are one row with a field of several lines, and none of them a row that it would swallow."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    if len(rows) != 1 or len(rows[0]) != fields:
        return False
    first, *others = text.split("\n")
    shapes = [_shape(value) for value in _split(first, delimiter)]
    return not any(_alike(shapes, _split(line, delimiter), fields) for line in others)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _shape(value: str) -> str:
    """The value with runs of letters and digits as one x, runs of hanzi as one c: what is left is how it is put together."""
    return _HANZI.sub("c", _WORDS.sub("x", value.strip()))


def _alike(shapes: list[str], values: list[str], fields: int) -> bool:
    """Whether a line within a quoted field reads as a row: as many fields, put together like those of the row it stands in."""
    if len(values) != fields or fields < 2:
        return False
    compared = [
        (a, _shape(b)) for a, b in zip(shapes, values, strict=False) if a and b.strip() and not a.startswith('"')
    ]
    same = sum(a == b for a, b in compared)
    return same >= min(2, fields - 1) and same * 3 >= len(compared) * 2

"""The search sort key by credit: one whole number a merchant, higher first, for enterprises and individuals alike.

The key is the score, held within the public band of the grade: a merchant whose grade is capped or fixed below what its
score says stands at the top of its grade and never above it, one whose grade is held by the margin stands at its
bottom. Among equals of that, the score itself decides. Grades of several rulebooks are compared by the scores at which
they begin, which all rulebooks count from 0 to 100.

A merchant that is not rated stands at `NEUTRAL`: behind all whose grade begins there or above, before all others.
It is neither punished for being new nor put before those who have shown what they are.

Equal keys are ordered by subject_id, so that the order is total: ORDER BY credit_sort_key DESC, subject_id.

`advertisement` marks paid placement (E-Commerce Law Art. 40). It comes from the platform's own list, never from the
evaluation, and never enters the key: a display shows advertisements marked, and apart from this order.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit.disclosure.bulk import Field
from credit.errors import InputError
from credit.evaluation.grading import NOT_RATED
from credit.files.formats import csv_table
from credit.rulebooks.book import Rulebook

UNIT = 10_000
"""Scores have four decimals."""
NEUTRAL = 60
"""The score at which "ordinary" (信用一般) begins in both shipped rulebooks; a reconstruction."""
_HIGHEST = 100 * UNIT
_STEP = _HIGHEST + 1
MAX_LIST_BYTES = 64 << 20

SORT_KEYS = (
    Field("subject_id", pa.string(), "主体编号", "Merchant id"),
    Field("subject_kind", pa.string(), "主体类型", "enterprise or individual"),
    Field("self_operated", pa.bool_(), "平台自营", "Operated by the platform itself, and to be marked so (Art. 37)"),
    Field("grade", pa.string(), "信用等级", "Grade; NR: not rated"),
    Field(
        "credit_sort_key", pa.int64(), "信用排序键", "Search sort key by credit, higher first; equal keys by subject_id"
    ),
    Field(
        "advertisement",
        pa.bool_(),
        "广告标识",
        "Paid placement, from the platform's own list; never part of the key; null: no list was given",
    ),
)

FILES: dict[str, tuple[tuple[Field, ...], str, str]] = {
    "bulk/sort_keys.parquet": (SORT_KEYS, "每个商家一行，按信用排序", "One row a merchant, in the order of the key"),
    "bulk/sort_keys.csv": (SORT_KEYS, "同上；UTF-8（含 BOM）", "The same; UTF-8 with BOM"),
}


@dataclass(frozen=True)
class Ladder:
    """Of each grade the lowest and the highest score it stands for, in units of 1/10000."""

    bands: Mapping[str, tuple[int, int]]


def ladder(book: Rulebook) -> Ladder:
    """The ladder of a rulebook's grades."""
    edges = [(level.grade, round(level.at_least * UNIT)) for level in book.grades.levels]
    tops = [_HIGHEST, *(edge - 1 for _, edge in edges)]
    return Ladder({grade: (edge, top) for (grade, edge), top in zip(edges, tops, strict=False)})


def key(grade: str, score: float | None, ladder: Ladder) -> int:
    """The sort key of one merchant. Raises KeyError for a grade the ladder does not have."""
    if grade == NOT_RATED:
        return NEUTRAL * UNIT * _STEP
    lowest, highest = ladder.bands[grade]
    if score is None:
        return lowest * _STEP
    exact = round(score * UNIT)
    return min(max(exact, lowest), highest) * _STEP + exact


def sort_keys(grades: pa.Table, ladders: Mapping[str, Ladder], advertised: Collection[str] | None = None) -> pa.Table:
    """The table of `SORT_KEYS`, in the order of the key.

    `grades` has the columns of bulk/grades; `ladders` the ladder of each rulebook by its hash; `advertised` the ids of
    those that pay for placement, None where no list was given.
    """
    names = ("subject_id", "subject_kind", "self_operated", "grade", "score", "rulebook_hash")
    rows = []
    for subject_id, kind, self_operated, grade, score, book in zip(
        *(grades[name].to_pylist() for name in names), strict=True
    ):
        mark = None if advertised is None else subject_id in advertised
        rows.append((subject_id, kind, bool(self_operated), grade, key(grade, score, ladders[book]), mark))
    rows.sort(key=lambda row: (-row[4], row[0]))
    columns = zip(*rows, strict=True) if rows else ((),) * len(SORT_KEYS)
    return pa.table(
        [pa.array(column, field.type) for field, column in zip(SORT_KEYS, columns, strict=True)],
        names=[field.name for field in SORT_KEYS],
    )


def files(
    grades: pa.Table, ladders: Mapping[str, Ladder], advertised: Collection[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the sort key's files within a version."""
    table = sort_keys(grades, ladders, advertised)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    yield "bulk/sort_keys.parquet", sink.getvalue()
    yield "bulk/sort_keys.csv", csv_table(table)


def advertised(path: Path, merchants: Collection[str]) -> frozenset[str]:
    """The ids of a platform's list of paid placement: a text file, one subject_id a line, a header allowed.

    Raises InputError listing every line that is no merchant of `known`.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise InputError(f"--advertised {path} is larger than {MAX_LIST_BYTES >> 20} MiB; expected one id a line")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"--advertised {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"--advertised {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    ids, wrong = set(), []
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1].replace('""', '"')
        if not name or (number == 1 and name in ("subject_id", "主体编号")):
            continue
        if name in merchants:
            ids.add(name)
        else:
            wrong.append(f"line {number}: {name[:60]!r}")
    if wrong:
        more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise InputError(
            f"--advertised {path}: not among the published merchants: {'; '.join(wrong[:10])}{more}. "
            "Expected one subject_id a line"
        )
    return frozenset(ids)

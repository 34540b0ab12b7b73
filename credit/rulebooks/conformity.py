"""The conformity sheet: every number of a rulebook with its source, for whoever checks it against the standard's text.

Generic over the parsed YAML, so that no number is forgotten whatever section it stands in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from credit.files import markdown
from credit.files.formats import csv_bytes
from credit.files.strict_yaml import Place, read
from credit.rulebooks import places
from credit.rulebooks.book import Rulebook

COLUMNS = {
    "place": ("位置", "Place"),
    "zh": ("中文名称", "Chinese name"),
    "en": ("英文名称", "English name"),
    "value": ("数值", "Value"),
    "source": ("来源", "Source"),
    "reference": ("依据", "Reference"),
    "line": ("行号", "Line"),
}
SOURCES = {
    "text": ("标准原文", "the standard's text"),
    "law": ("法律法规", "law"),
    "neighbour": ("相近标准", "a neighbouring standard"),
    "calibrated": ("据公开数据校准", "calibrated on public data"),
    "reconstruction": ("推定", "reconstruction"),
    "": ("未注明", "not marked"),
}
_MARK = "来源 source"


@dataclass(frozen=True)
class Row:
    """One number. `source` and `reference` are those of the innermost block around it that has a source; `block_line` is
    the line where that block begins."""

    place: str
    zh: str
    en: str
    value: int | float
    source: str
    reference: str
    line: int
    block: str
    block_line: int

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name in COLUMNS}


def rows(book: Rulebook) -> list[Row]:
    """One row a number, in the order of the file."""
    return list(_numbers(book.text))


@lru_cache(maxsize=32)
def _numbers(text: str) -> tuple[Row, ...]:
    data, lines = read(text)
    numbers = []
    for place, value in places.leaves(data):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        block = _block(data, place)
        around = places.at(data, block) if block is not None else {}
        zh, en = places.full_name(data, place)
        numbers.append(
            Row(
                places.path(data, place),
                zh,
                en,
                value,
                str(around.get("source", "")),
                str(around.get("reference") or ""),
                lines[place],
                places.path(data, block or ()),
                lines[block or ()],
            )
        )
    return tuple(numbers)


def _block(data: Any, place: Place) -> Place | None:
    """The innermost block around a place that says a source."""
    for n in range(len(place) - 1, -1, -1):
        around = places.at(data, place[:n])
        if isinstance(around, dict) and "source" in around:
            return place[:n]
    return None


def summary(numbers: list[Row]) -> dict[str, int]:
    """Numbers by source, in the order of SOURCES; a source that no number has is left out."""
    counts = Counter(row.source for row in numbers)
    return {source: counts[source] for source in SOURCES if counts[source]}


def sheet(book: Rulebook) -> dict[str, Any]:
    """The whole sheet as JSON-able data."""
    numbers = rows(book)
    return {
        "rulebook": book.id,
        "version": book.version,
        "hash": book.hash,
        "standard": book.standard,
        "numbers": len(numbers),
        "by_source": summary(numbers),
        "rows": [row.to_json() for row in numbers],
    }


def to_csv(books: list[Rulebook]) -> bytes:
    """The rows for a spreadsheet: UTF-8 with BOM, texts that begin like a formula made harmless."""
    headings = {"rulebook": "规则 Rulebook"} | {name: f"{zh} {en}" for name, (zh, en) in COLUMNS.items()}
    listed = [{"rulebook": book.label} | row.to_json() for book in books for row in rows(book)]
    return csv_bytes(list(headings.values()), [[{headings[name]: row[name] for name in headings} for row in listed]])


def to_markdown(book: Rulebook) -> str:
    """The sheet as a page."""
    listed = rows(book)
    counted = [
        [f"`{source}` {SOURCES[source][0]} {SOURCES[source][1]}", str(n)] for source, n in summary(listed).items()
    ]
    return (
        "\n\n".join(
            [
                f"# {book.title.zh} {book.title.en}",
                f"`{book.id}` {book.version} · {book.standard} · SHA-256 `{book.hash}` · {len(listed)} numbers 个数值",
                markdown.table([_MARK, "数值个数 numbers"], counted),
                markdown.table(
                    [f"{zh} {en}" for zh, en in COLUMNS.values()],
                    [[str(value) for value in row.to_json().values()] for row in listed],
                ),
            ]
        )
        + "\n"
    )

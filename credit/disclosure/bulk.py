"""Bulk files: the same as the documents, in columns. Parquet, CSV for spreadsheets, NDJSON.

`FILES` describes each file's columns; the files are written and the dictionary is printed from it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from credit.disclosure.night import GradedMerchants, Night
from credit.disclosure.privacy import FIGURE_STATES
from credit.files.formats import AT_ONCE, columns_in_batches, csv_table, harmless
from credit.indicators.base import Array


@dataclass(frozen=True)
class Field:
    name: str
    type: pa.DataType
    zh: str
    en: str


_ID = Field("subject_id", pa.string(), "主体编号", "Merchant id")

_STANDING = Field("standing", pa.string(), "规则效力", "in_force, replay or trial: standing of the rulebook that day")

GRADES = (
    _ID,
    Field("subject_kind", pa.string(), "主体类型", "enterprise or individual"),
    Field("grade", pa.string(), "信用等级", "Grade; NR: not rated"),
    Field("score", pa.float64(), "信用得分", "Score 0 to 100; null: not rated"),
    Field("evidence", pa.float64(), "证据充分度", "Evidence 0 to 1"),
    Field("not_rated_reason", pa.string(), "未评级原因", "Code of the reason for NR"),
    Field("evaluated_on", pa.date32(), "评价日期", "Evaluation day"),
    Field("rulebook", pa.string(), "评价规则", "Id of the rulebook"),
    Field("rulebook_hash", pa.string(), "规则哈希", "SHA-256 of the rulebook"),
    Field("name", pa.string(), "名称", "Name; masked for a natural person"),
    Field("self_operated", pa.bool_(), "平台自营", "Operated by the platform itself"),
    Field("document", pa.string(), "公示文件", "Path of the JSON document"),
    Field("provisional", pa.bool_(), "临时等级", "Rated on little evidence"),
    Field("dormant", pa.bool_(), "休眠", "No order for long"),
    Field("vetoes", pa.string(), "否决与限级", "Ids of what caps or fixes the grade, joined by ;"),
    _STANDING,
    Field(
        "mark",
        pa.string(),
        "生效中的严重不利事项",
        "Code of the gravest thing in force against the merchant (see alerts of its document); null: none",
    ),
)
ELEMENTS = (
    _ID,
    Field("element", pa.string(), "评价要素", "Evaluation element"),
    Field("weight", pa.float64(), "权重（百分比）", "Weight in the rulebook, percent"),
    Field("points", pa.float64(), "得分", "Points of the score, in halves; null: nothing measured, or not rated"),
    _STANDING,
)
INDICATORS = (
    _ID,
    Field("element", pa.string(), "评价要素", "Evaluation element"),
    Field("indicator", pa.string(), "评价指标", "Indicator"),
    Field("window_days", pa.int32(), "统计天数", "Window, days"),
    Field("unit", pa.string(), "单位", "Unit"),
    Field("state", pa.string(), "状态", " / ".join(FIGURE_STATES)),
    Field("value", pa.float64(), "数值", "Value, rounded; null: none, suppressed or banded"),
    Field("at_least", pa.float64(), "区间下限", "Band: from, included"),
    Field("below", pa.float64(), "区间上限", "Band: to, not included; null: open"),
    Field("effective_weight", pa.float64(), "实际权重", "Share of the score, 0 to 1"),
    Field(
        "points",
        pa.float64(),
        "得分",
        "Points of the score, 1 decimal; null: value not shown whole, not measured, or not rated",
    ),
    _STANDING,
)

FILES: dict[str, tuple[tuple[Field, ...], str, str]] = {
    "bulk/grades.parquet": (GRADES, "每个商家一行", "One row a merchant"),
    "bulk/grades.csv": (
        GRADES,
        "同上；UTF-8（含 BOM），文本单元格防公式注入（加前导撇号）",
        "The same; UTF-8 with BOM, RFC 4180; a text that a spreadsheet would take for a formula begins with '",
    ),
    "bulk/grades.ndjson": (GRADES, "同上；每行一个 JSON", "The same; one JSON object a line"),
    "bulk/elements.parquet": (ELEMENTS, "每个商家每个要素一行", "One row a merchant and element"),
    "bulk/indicators.parquet": (INDICATORS, "每个商家每个指标一行", "One row a merchant and indicator"),
}


def grades(night: Night, documents: dict[str, str], marks: Mapping[str, dict[str, Any]]) -> pa.Table:
    """The table of bulk/grades. `documents`: subject id -> path of its document; `marks`: of those that have one."""
    return pa.concat_tables([_grades(night, graded, documents, marks) for graded in night.graded])


def grade_files(grades: pa.Table) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files that say the table of grades."""
    yield "bulk/grades.parquet", _parquet([grades])
    yield "bulk/grades.csv", csv_table(grades)
    yield "bulk/grades.ndjson", _ndjson(grades)


def score_files(night: Night) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files that say elements and indicators."""
    yield "bulk/elements.parquet", _parquet(map(_elements, night.graded))
    yield (
        "bulk/indicators.parquet",
        _parquet(_indicators(batch) for graded in night.graded for batch in _split(graded)),
    )


def _table(fields: tuple[Field, ...], columns: dict[str, Any]) -> pa.Table:
    """NaN is null; a list or array becomes the declared type, a constant is repeated."""
    size = len(columns["subject_id"])
    built = []
    for field in fields:
        values = columns[field.name]
        if isinstance(values, pa.Array):
            built.append(values.cast(field.type))
        elif isinstance(values, list | np.ndarray):
            built.append(pa.array(values, field.type, from_pandas=isinstance(values, np.ndarray)))
        else:
            built.append(pa.repeat(pa.scalar(values, field.type), size))
    return pa.table(built, names=[field.name for field in fields])


def _grades(
    night: Night, graded: GradedMerchants, documents: dict[str, str], marks: Mapping[str, dict[str, Any]]
) -> pa.Table:
    subjects = [night.subjects[subject_id][0] for subject_id in graded.ids]
    return _table(
        GRADES,
        {
            "subject_id": graded.ids,
            "subject_kind": graded.book.subject.kind,
            "grade": graded.grade,
            "score": graded.score,
            "evidence": graded.evidence,
            "not_rated_reason": graded.reason,
            "evaluated_on": night.day,
            "rulebook": graded.book.id,
            "rulebook_hash": graded.book.hash,
            "name": [fields["name"] for fields in subjects],
            "self_operated": [fields["self_operated"] for fields in subjects],
            "document": [documents[subject_id] for subject_id in graded.ids],
            "provisional": graded.provisional,
            "dormant": graded.dormant,
            "vetoes": [";".join(ids) for ids in graded.vetoes],
            "standing": graded.standing,
            "mark": [marks[subject_id]["code"] if subject_id in marks else None for subject_id in graded.ids],
        },
    )


def _each(names: list[str], times: int) -> pa.Array:
    """The names one after the other, all of them `times` times; stored once each."""
    return pa.DictionaryArray.from_arrays(np.tile(np.arange(len(names), dtype=np.int32), times), names)


def _subjects(graded: GradedMerchants, times: int) -> pa.Array:
    """Each merchant `times` times in a row."""
    return pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(graded.ids), dtype=np.int32), times), graded.ids)


def _elements(graded: GradedMerchants) -> pa.Table:
    elements, size = graded.elements, len(graded.ids)
    return _table(
        ELEMENTS,
        {
            "subject_id": _subjects(graded, len(elements)),
            "element": _each([element.rule.id for element in elements], size),
            "weight": np.tile([element.rule.weight for element in elements], size),
            "points": _by_merchant([element.points for element in elements]),
            "standing": graded.standing,
        },
    )


def _indicators(graded: GradedMerchants) -> pa.Table:
    indicators, size = graded.indicators, len(graded.ids)
    blank: Array = np.full(size, np.nan)
    states = np.array([indicator.figure.state for indicator in indicators], dtype=np.int32)
    return _table(
        INDICATORS,
        {
            "subject_id": _subjects(graded, len(indicators)),
            "element": _each([indicator.definition.element for indicator in indicators], size),
            "indicator": _each([indicator.rule.id for indicator in indicators], size),
            "window_days": np.tile([graded.book.window(indicator.rule) for indicator in indicators], size),
            "unit": _each([indicator.definition.unit for indicator in indicators], size),
            "state": pa.DictionaryArray.from_arrays(states.T.ravel(), list(FIGURE_STATES)),
            **{
                name: _by_merchant(
                    [blank if (edge := getattr(indicator.figure, name)) is None else edge for indicator in indicators]
                )
                for name in ("value", "at_least", "below")
            },
            "effective_weight": _by_merchant([indicator.weight for indicator in indicators]),
            "points": _by_merchant([indicator.points for indicator in indicators]),
            "standing": graded.standing,
        },
    )


def _by_merchant(columns: list[Array]) -> Array:
    return np.array(columns, dtype=np.float64).T.ravel()


def _split(graded: GradedMerchants) -> Iterator[GradedMerchants]:
    """The same, some merchants at a time: a row an indicator of all of them would not fit beside them."""
    for start in range(0, len(graded.ids), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        indicators = [
            replace(
                indicator,
                figure=indicator.figure.take(part),
                weight=indicator.weight[part],
                points=indicator.points[part],
            )
            for indicator in graded.indicators
        ]
        yield replace(graded, ids=graded.ids[part], indicators=indicators)


def _parquet(tables: Iterable[pa.Table]) -> bytes:
    """Parquet with nothing in it but the rows and the writer's version; the same rows give the same bytes. One table is
    made at a time: all of them would not fit beside the night."""
    sink = io.BytesIO()
    remaining = iter(tables)
    first = next(remaining)
    with pq.ParquetWriter(sink, first.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(first)
        del first
        for table in remaining:
            writer.write_table(table)
    return sink.getvalue()


def _ndjson(table: pa.Table) -> bytes:
    names, sink = table.column_names, io.BytesIO()
    for columns in columns_in_batches(table):
        rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
        sink.write(harmless(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)))
    return sink.getvalue()

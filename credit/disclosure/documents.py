"""The JSON document of each merchant (see merchant.schema.json) and the file it goes to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from credit.disclosure import privacy
from credit.disclosure.figures import Tree
from credit.disclosure.night import Graded, Night
from credit.disclosure.privacy import Shown
from credit.explain import elements, reason_text, vetoes
from credit.grading import NOT_RATED
from credit.rulebooks import Rulebook
from credit.settings import Settings

SCHEMA = Path(__file__).with_name("merchant.schema.json")
SCHEMA_VERSION = "1"

STANDINGS = {
    "in_force": None,
    "replay": {
        "zh": "回溯计算：所用规则在评价日并未施行，结果仅供参考，不作为当日的正式信用等级。",
        "en": "Replay: computed by rules that were not in force that day; for reference only, not a grade in force.",
    },
    "trial": {
        "zh": "试算：所用规则并未施行，结果仅供比较，不作为信用等级。",
        "en": "Trial: computed by rules that are not in force; for comparison only, not a credit grade.",
    },
}
RECORD_KINDS = {
    "administrative_penalty": ("行政处罚", "Administrative penalty"),
    "abnormal_operation": ("经营异常名录", "List of abnormal operation"),
    "serious_violation": ("严重违法失信名单", "List of serious violations"),
    "dishonest_debtor": ("失信被执行人", "Dishonest judgment debtor"),
    "tax_grade": ("纳税信用等级", "Tax credit grade"),
    "award": ("表彰奖励", "Award"),
    "certification": ("认证", "Certification"),
}
SANCTION_KINDS = {
    "warning": ("警告", "Warning"),
    "restriction": ("限制", "Restriction"),
    "suspension": ("暂停服务", "Suspension"),
    "termination": ("终止服务", "Termination"),
}
_NR_MEANING = {"zh": "未评级", "en": "Not rated"}

_CHUNK = 2_000
"""Merchants turned into Python objects at a time."""

_UNSAFE = "<>&\x85\u2028\u2029"
"""Valid in JSON, but a careless reader may take them for the end of a <script> or of a line."""


def to_json(value: Any, indent: int | None = None) -> bytes:
    """UTF-8 JSON, compact on one line unless indented, harmless within HTML; dates and instants in ISO 8601."""
    separators = (",", ":" if indent is None else ": ")
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators, default=_iso)
    for character in _UNSAFE:
        if character in text:
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def _iso(value: Any) -> str:
    return str(value.isoformat())


def paths(ids: list[str]) -> dict[str, str]:
    """Subject id -> path of its document: merchants/<two hex digits of its SHA-256>/<name>.json.

    The name is the id with all but a-z, A-Z, 0-9, - and _ percent-encoded; it is ~ and the SHA-256 where that would be
    long, or where only case tells two names of a folder apart (not every file system does).
    """
    digests = {subject_id: hashlib.sha256(subject_id.encode()).hexdigest() for subject_id in ids}
    plain = {
        subject_id: f"merchants/{digest[:2]}/{quote(subject_id, safe='').replace('.', '%2E').replace('~', '%7E')}"
        for subject_id, digest in digests.items()
    }
    alike = Counter(path.lower() for path in plain.values())
    return {
        subject_id: (
            f"{path}.json"
            if len(path) <= 120 and alike[path.lower()] == 1
            else f"merchants/{digests[subject_id][:2]}/~{digests[subject_id]}.json"
        )
        for subject_id, path in plain.items()
    }


def disclosure(night: Night, settings: Settings) -> dict[str, Any]:
    """Who discloses, when, when next, how to object: the same in every document and in the index."""
    contact = settings.objection_contact
    return {
        "by": {"zh": settings.platform_name, "en": settings.platform_name_en},
        "evaluated_on": night.day,
        "cut_off": night.cut_off,
        "next_update": night.day + timedelta(days=1),
        "objection": {
            "contact": contact,
            "zh": f"对评价结果有异议的，请向 {contact} 提出，并注明主体编号、评价日期、异议事项和依据。",
            "en": f"To object, write to {contact} with the merchant id, the evaluation date, the point and its grounds.",
        },
    }


def rulebook(graded: Graded) -> dict[str, Any]:
    book = graded.book
    return {
        "id": book.id,
        "version": book.version,
        "hash": book.hash,
        "title": book.title.model_dump(),
        "standing": graded.standing,
        "note": STANDINGS[graded.standing],
        "path": rulebook_path(graded),
    }


def rulebook_path(graded: Graded) -> str:
    return f"rulebooks/{graded.book.id}-{graded.book.version}.yaml"


def documents(night: Night, settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """(subject id, document) of every merchant."""
    about = disclosure(night, settings)
    for graded in night.graded:
        meanings = {level.grade: level.meaning.model_dump() for level in graded.book.grades.levels}
        meanings[NOT_RATED] = _NR_MEANING
        by_rules, frame = rulebook(graded), _frame(graded)
        for start in range(0, len(graded.ids), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(graded.ids)))
            windows = [(days, _chunk(tree, part)) for days, tree in graded.windows.items()]
            shown = _transposed(column.shown.rows(part) for column in graded.columns)
            weights = _transposed(column.weight[part].tolist() for column in graded.columns)
            points = _transposed(privacy.blank(column.points[part]) for column in graded.columns)
            totals = _transposed(
                list(zip(total.weight[part].tolist(), privacy.blank(total.points[part]), strict=True))
                for total in graded.totals
            )
            for i, subject_id in enumerate(graded.ids[part]):
                place = start + i
                fields, states = privacy.subject(night.register[subject_id])
                yield (
                    subject_id,
                    {
                        "$schema": f"../../schema/{SCHEMA.name}",
                        "schema_version": SCHEMA_VERSION,
                        "subject": {**fields, "states": states},
                        "grade": graded.grade[place],
                        "meaning": meanings[graded.grade[place]],
                        "score": graded.score[place],
                        "evidence": graded.evidence[place],
                        "not_rated_reason": graded.reason[place],
                        "not_rated": reason_text(graded.reason[place]),
                        "provisional": graded.provisional[place],
                        "dormant": graded.dormant[place],
                        "vetoes": _vetoes(graded.book, graded.vetoes[place]),
                        "evaluated_on": night.day,
                        "cut_off": night.cut_off,
                        "rulebook": by_rules,
                        "elements": _elements(frame, totals[i], shown[i], weights[i], points[i]),
                        "currency": graded.currency[place],
                        "figures": [{"window_days": days, **_pick(tree, i)} for days, tree in windows],
                        "sanctions": _listed(night.sanctions, subject_id, SANCTION_KINDS, about["by"]),
                        "public_records": _listed(night.records, subject_id, RECORD_KINDS),
                        "disclosure": about,
                    },
                )


def _vetoes(book: Rulebook, ids: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": v["id"], "zh": v["name_zh"], "en": v["name_en"], "effect": v["effect"], "grade": v["grade"]}
        for v in (vetoes(book, ids) if ids else [])
    ]


def _transposed(columns: Iterable[list[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True))


def _chunk(tree: Tree, part: slice) -> dict[str, Any]:
    return {key: node.rows(part) if isinstance(node, Shown) else _chunk(node, part) for key, node in tree.items()}


def _pick(tree: dict[str, Any], i: int) -> dict[str, Any]:
    return {key: node[i] if isinstance(node, list) else _pick(node, i) for key, node in tree.items()}


def _frame(graded: Graded) -> list[dict[str, Any]]:
    """The elements and indicators of the rulebook, with names and nothing measured."""
    nothing = dict.fromkeys(("value", "numerator", "denominator", "shrunk", "mark"))
    rows = [
        {"indicator": rule.id, "state": "missing", "weight": 0.0, "points": 0.0, **nothing}
        for _, rule in graded.book.rules()
    ]
    return elements(graded.book, rows, rated=False, priors={})


def _elements(
    frame: list[dict[str, Any]],
    totals: Sequence[tuple[float, float | None]],
    shown: Sequence[dict[str, Any]],
    weights: Sequence[float],
    points: Sequence[float | None],
) -> list[dict[str, Any]]:
    """The elements of one merchant. `totals`: (effective weight, points) of each; the rest: of each indicator in order."""
    built = []
    place = 0
    for element, (weight, earned) in zip(frame, totals, strict=True):
        indicators = []
        for one in element["indicators"]:
            indicators.append(
                {
                    "name": one["name"],
                    "name_zh": one["name_zh"],
                    "name_en": one["name_en"],
                    "window_days": one["window_days"],
                    "unit": one["unit"],
                    **shown[place],
                    "effective_weight": weights[place],
                    "points": points[place],
                }
            )
            place += 1
        built.append(
            {
                "name": element["name"],
                "name_zh": element["name_zh"],
                "name_en": element["name_en"],
                "weight": element["weight"],
                "effective_weight": weight,
                "points": earned,
                "indicators": indicators,
            }
        )
    return built


def _listed(
    found: dict[str, list[dict[str, Any]]] | None,
    subject_id: str,
    kinds: dict[str, tuple[str, str]],
    issuer: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What is in force, none of it, or (null) not known because nobody supplies it."""
    if found is None:
        return {"state": "missing", "in_force": None}
    rows = []
    for row in found.get(subject_id, []):
        zh, en = kinds[row["kind"]]
        rows.append(row | {"kind": {"code": row["kind"], "zh": zh, "en": en}} | ({"issuer": issuer} if issuer else {}))
    return {"state": "measured", "in_force": rows}

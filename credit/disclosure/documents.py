"""The JSON document of each merchant (see merchant.schema.json) and the file it goes to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from credit.disclosure import privacy
from credit.disclosure.alerts import alerts, mark
from credit.disclosure.figures import Tree
from credit.disclosure.history import Point
from credit.disclosure.night import GradedMerchants, Night
from credit.disclosure.privacy import Figure
from credit.evaluation.explain import elements, reason_text, vetoes
from credit.evaluation.grading import NOT_RATED
from credit.indicators.base import Array
from credit.rulebooks.book import Rulebook
from credit.settings import Settings

SCHEMA = Path(__file__).with_name("merchant.schema.json")
SCHEMA_VERSION = "2"

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
ADVERSE = ("administrative_penalty", "abnormal_operation", "serious_violation", "dishonest_debtor")
SANCTION_KINDS = {
    "warning": ("警告", "Warning"),
    "restriction": ("限制", "Restriction"),
    "suspension": ("暂停服务", "Suspension"),
    "termination": ("终止服务", "Termination"),
}
_NR_MEANING = {"zh": "未评级", "en": "Not rated"}

_BEFORE = (
    "subject", "alerts", "grade", "meaning", "score", "evidence", "not_rated_reason", "not_rated", "provisional", "dormant", "vetoes",
)  # fmt: skip
_AFTER = ("sanctions", "public_records", "objections", "notices", "links")
"""Parts of a document's head, before and after what is in columns."""

_POINT = ("on", "grade", "score", "rulebook_version")

_SHARD = 800
"""Merchants whose files are made at a time, about."""


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


def about(settings: Settings, *, development: bool) -> dict[str, Any]:
    """Who discloses, how often, how to object: the same in every document, whatever the night."""
    contact = settings.objection_contact
    return {
        "by": {"zh": settings.platform_name, "en": settings.platform_name_en},
        "development": development,
        "objection": {
            "contact": contact,
            "zh": f"对评价结果有异议的，请向 {contact} 提出，并注明主体编号、评价日期、异议事项和依据。",
            "en": f"To object, write to {contact} with the merchant id, the evaluation date, the point and its grounds.",
        },
        "updated": {
            "zh": "每夜评价一次；本文件的内容自评价日期起没有变化，最近一次评价见 latest 所指文件。",
            "en": "Evaluated every night; what this document says stands unchanged since its evaluation day; `latest` names the last one.",
            "latest": "../../index.json",
        },
    }


def disclosure(night: Night, settings: Settings, *, development: bool) -> dict[str, Any]:
    """The same with the night: for what is written anew every night."""
    shared = about(settings, development=development)
    return {
        "by": shared["by"],
        "development": development,
        "evaluated_on": night.day,
        "cut_off": night.cut_off,
        "next_update": night.day + timedelta(days=1),
        "objection": shared["objection"],
    }


def rulebook(graded: GradedMerchants) -> dict[str, Any]:
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


def rulebook_path(graded: GradedMerchants) -> str:
    return f"rulebooks/{graded.book.id}-{graded.book.version}.yaml"


@dataclass(frozen=True)
class MerchantBatch:
    """Some merchants of one rulebook: all that their documents say, as plain data that another process can be given.

    Lists and arrays have one entry a merchant; what is by subject holds those of these merchants. `common` is what all
    documents say, `frame` the elements with nothing measured, `vetoes` what each veto of the rulebook does."""

    common: dict[str, Any]
    frame: list[dict[str, Any]]
    meanings: dict[str, dict[str, str]]
    vetoes: dict[str, dict[str, Any]]
    ids: list[str]
    paths: list[str]
    subjects: list[tuple[dict[str, Any], dict[str, str]]]
    grade: list[str]
    score: list[float | None]
    evidence: list[float]
    reason: list[str | None]
    vetoed: list[list[str]]
    provisional: list[bool]
    dormant: list[bool]
    currency: list[str | None]
    trend: dict[str, list[Point]]
    sanctions: dict[str, list[dict[str, Any]]] | None
    records: dict[str, list[dict[str, Any]]] | None
    objections: dict[str, list[dict[str, Any]]]
    notices: dict[str, list[dict[str, Any]]]
    figures: list[Figure]
    weights: list[Array]
    points: list[Array]
    totals: list[tuple[Array, Array]]
    windows: dict[int, Tree]

    def numbers(self) -> Array:
        """One row a merchant: all numbers of its document that are in columns. The same numbers have the same bytes."""
        figures = [*self.figures, *(leaf for tree in self.windows.values() for leaf in _leaves(tree))]
        columns: list[Any] = [*self.weights, *self.points, *(array for total in self.totals for array in total)]
        for figure in figures:
            columns += [a for a in (figure.state, figure.value, figure.at_least, figure.below) if a is not None]
        rows = np.array(columns, dtype=np.float64).reshape(len(columns), len(self.paths)).T + 0.0
        rows[np.isnan(rows)] = np.nan
        return np.ascontiguousarray(rows)

    def head_inputs(self) -> Iterator[tuple[Any, ...]]:
        """All else that is told of each merchant: what `heads` makes of it depends on this and on what all have in common."""
        by_subject = (self.trend, self.sanctions, self.records, self.objections, self.notices)
        columns = [map((rows or {}).get, self.ids) for rows in by_subject]
        # Not known and none are told apart.
        supplied = [repeat(rows is not None) for rows in (self.sanctions, self.records)]
        return zip(*(getattr(self, name) for name in _LISTS), *columns, *supplied, strict=False)

    def heads(self) -> list[dict[str, Any]]:
        """What each merchant's document says besides columns of numbers."""
        return [self._head(i) for i in range(len(self.ids))]

    def take(self, places: Sequence[int]) -> MerchantBatch:
        """Only the merchants at these places, and nothing by subject that is of others."""
        lists: dict[str, Any] = {name: list(map(getattr(self, name).__getitem__, places)) for name in _LISTS}
        by_subject: dict[str, Any] = {name: _only(getattr(self, name), lists["ids"]) for name in _BY_SUBJECT}
        return replace(self, **lists, **by_subject, **_columns(self, np.array(places, dtype=np.int64)))

    def slices(self, size: int) -> Iterator[MerchantBatch]:
        """The same, so many merchants at a time; nothing is copied but lists."""
        for start in range(0, len(self.ids), size):
            span = slice(start, start + size)
            lists: dict[str, Any] = {name: getattr(self, name)[span] for name in _LISTS}
            yield replace(self, **lists, **_columns(self, span))

    def _head(self, i: int) -> dict[str, Any]:
        subject_id, reason, publisher = self.ids[i], self.reason[i], self.common["disclosure"]["by"]
        fields, states = self.subjects[i]
        held = [veto for id_, veto in self.vetoes.items() if id_ in self.vetoed[i]] if self.vetoed[i] else []
        sanctions, records = ((rows or {}).get(subject_id, ()) for rows in (self.sanctions, self.records))
        name = self.paths[i].rpartition("/")[2].removesuffix(".json")
        return {
            "subject": {**fields, "states": states},
            "alerts": alerts(held, sanctions, records, self.notices.get(subject_id, ())),
            "grade": self.grade[i],
            "meaning": self.meanings[self.grade[i]],
            "score": self.score[i],
            "evidence": self.evidence[i],
            "not_rated_reason": reason,
            "not_rated": reason_text(reason),
            "provisional": self.provisional[i],
            "dormant": self.dormant[i],
            "vetoes": held,
            "trend": [dict(zip(_POINT, point, strict=True)) for point in self.trend.get(subject_id, ())],
            "currency": self.currency[i],
            "sanctions": _in_force(self.sanctions, subject_id, SANCTION_KINDS, publisher),
            "public_records": _in_force(self.records, subject_id, RECORD_KINDS, publisher),
            "objections": _objections(self.objections.get(subject_id, [])),
            "notices": self.notices.get(subject_id, []),
            "links": {"page": f"{name}.html", "badge": f"{name}.svg"},
        }


_LISTS = (
    "ids", "paths", "subjects", "grade", "score", "evidence", "reason", "vetoed", "provisional", "dormant", "currency",
)  # fmt: skip


def _leaves(tree: Tree) -> Iterator[Figure]:
    for node in tree.values():
        yield from (node,) if isinstance(node, Figure) else _leaves(node)


def _take(tree: Tree, places: Any) -> Tree:
    return {key: node.take(places) if isinstance(node, Figure) else _take(node, places) for key, node in tree.items()}


def _columns(batch: MerchantBatch, places: Any) -> dict[str, Any]:
    return {
        "figures": [figure.take(places) for figure in batch.figures],
        "weights": [array[places] for array in batch.weights],
        "points": [array[places] for array in batch.points],
        "totals": [(weight[places], points[places]) for weight, points in batch.totals],
        "windows": {days: _take(tree, places) for days, tree in batch.windows.items()},
    }


def folder_of(path: str) -> str:
    """merchants/1f/M000002.json -> 1f"""
    return path[10:12]


def shards(batches: Sequence[MerchantBatch]) -> Iterator[list[list[int]]]:
    """All merchants in shards: one or more of the 256 folders with all merchants in them. Of each shard, for each of the
    batches, the places of its merchants there."""
    merchants = sum(len(batch.ids) for batch in batches)
    many = max(1, min(256, -(-merchants // _SHARD)))
    shard_of = [np.array([int(folder_of(path), 16) * many // 256 for path in batch.paths]) for batch in batches]
    for shard in range(many):
        yield [np.flatnonzero(numbers == shard).tolist() for numbers in shard_of]


_BY_SUBJECT = ("trend", "sanctions", "records", "objections", "notices")


def _only(rows: dict[str, Any] | None, ids: list[str]) -> dict[str, Any] | None:
    return rows and {subject_id: rows[subject_id] for subject_id in ids if subject_id in rows}


def batches(night: Night, settings: Settings, paths: dict[str, str], *, development: bool) -> list[MerchantBatch]:
    """All merchants of the night, a batch a rulebook. `paths`: subject id -> path of its document."""
    shared = about(settings, development=development)
    return [_batch(night, graded, paths, shared) for graded in night.graded]


def _batch(night: Night, graded: GradedMerchants, paths: dict[str, str], shared: dict[str, Any]) -> MerchantBatch:
    """All merchants of a rulebook."""
    meanings = {level.grade: level.meaning.model_dump() for level in graded.book.grades.levels}
    meanings[NOT_RATED] = _NR_MEANING
    return MerchantBatch(
        {
            "evaluated_on": night.day,
            "cut_off": night.cut_off,
            "rulebook": rulebook(graded),
            "scale": [level.grade for level in graded.book.grades.levels],
            "disclosure": shared,
        },
        _frame(graded),
        meanings,
        {veto["id"]: veto for veto in vetoes_of(graded.book)},
        graded.ids,
        [paths[subject_id] for subject_id in graded.ids],
        [night.subjects[subject_id] for subject_id in graded.ids],
        graded.grade,
        graded.score,
        graded.evidence,
        graded.reason,
        graded.vetoes,
        graded.provisional,
        graded.dormant,
        graded.currency,
        night.trend,
        night.sanctions,
        night.records,
        night.objections,
        night.notices,
        [indicator.figure for indicator in graded.indicators],
        [indicator.weight for indicator in graded.indicators],
        [indicator.points for indicator in graded.indicators],
        [(element.weight, element.points) for element in graded.elements],
        graded.windows,
    )


def documents(batch: MerchantBatch) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, document) of every merchant of the batch."""
    common = batch.common
    windows = [_window(days, tree, len(batch.paths)) for days, tree in batch.windows.items()]
    columns = zip(batch.paths, batch.heads(), _by_merchant(_elements(batch)), _by_merchant(windows), strict=True)
    for path, head, scored, figures in columns:
        point = {
            "on": common["evaluated_on"],
            "grade": head["grade"],
            "score": head["score"],
            "rulebook_version": common["rulebook"]["version"],
        }
        yield (
            path,
            {
                "$schema": f"../../schema/{SCHEMA.name}",
                "schema_version": SCHEMA_VERSION,
                **{name: head[name] for name in _BEFORE},
                "evaluated_on": common["evaluated_on"],
                "cut_off": common["cut_off"],
                "rulebook": common["rulebook"],
                "scale": common["scale"],
                "trend": {"state": "measured", "points": [*head["trend"], point]},
                "elements": scored,
                "currency": head["currency"],
                "figures": figures,
                **{name: head[name] for name in _AFTER},
                "disclosure": common["disclosure"],
            },
        )


def vetoes_of(book: Rulebook) -> list[dict[str, Any]]:
    """Each veto of the rulebook as published."""
    by = {veto.id: "indicator" if veto.indicator else "element" for veto in book.vetoes}
    return [
        {
            "id": v["id"],
            "zh": v["name_zh"],
            "en": v["name_en"],
            "by": by[v["id"]],
            "effect": v["effect"],
            "grade": v["grade"],
        }
        for v in vetoes(book, list(by))
    ]


def marks(night: Night) -> dict[str, dict[str, Any]]:
    """The mark of every merchant that has one, by subject."""
    marked = {}
    for graded in night.graded:
        by_id = {veto["id"]: veto for veto in vetoes_of(graded.book)}
        for subject_id, held in zip(graded.ids, graded.vetoes, strict=True):
            sanctions, records = ((rows or {}).get(subject_id, ()) for rows in (night.sanctions, night.records))
            in_force = (
                alerts([by_id[id_] for id_ in held], sanctions, records, ()) if held or sanctions or records else ()
            )
            if (first := mark(in_force)) is not None:
                marked[subject_id] = first
    return marked


def _by_merchant(columns: Iterable[Iterable[Any]]) -> Iterator[list[Any]]:
    """What the columns have for each merchant."""
    return map(list, zip(*columns, strict=True))


def _window(days: int, tree: Tree, merchants: int) -> Iterator[dict[str, Any]]:
    """The figures of each merchant, as nested as the tree."""
    return ({"window_days": days, **figures} for figures in _nested(tree, slice(merchants)))


def _nested(tree: Tree, everyone: slice) -> Iterator[dict[str, Any]]:
    columns = [node.rows(everyone) if isinstance(node, Figure) else _nested(node, everyone) for node in tree.values()]
    return (dict(zip(tree, row, strict=True)) for row in zip(*columns, strict=True))


def _frame(graded: GradedMerchants) -> list[dict[str, Any]]:
    """The elements and indicators of the rulebook, with names and nothing measured."""
    nothing = dict.fromkeys(("value", "numerator", "denominator", "shrunk", "mark"))
    rows = [
        {"indicator": rule.id, "state": "missing", "weight": 0.0, "points": 0.0, **nothing}
        for _, rule in graded.book.rules()
    ]
    return elements(graded.book, rows, rated=False, priors={})


def _elements(batch: MerchantBatch) -> Iterator[Iterator[dict[str, Any]]]:
    """Each element as every merchant has it."""
    measured = zip(batch.figures, batch.weights, batch.points, strict=True)
    for element, total in zip(batch.frame, batch.totals, strict=True):
        indicators = [_indicator(indicator, *next(measured)) for indicator in element["indicators"]]
        yield _element(element, *total, indicators)


def _element(
    element: dict[str, Any], weights: Array, points: Array, indicators: list[Iterator[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    fields = {key: element[key] for key in ("name", "name_zh", "name_en", "weight")}
    columns = zip(weights.tolist(), privacy.blank(points), _by_merchant(indicators), strict=True)
    return (
        {**fields, "effective_weight": weight, "points": earned, "indicators": rows} for weight, earned, rows in columns
    )


def _indicator(indicator: dict[str, Any], figure: Figure, weights: Array, points: Array) -> Iterator[dict[str, Any]]:
    fields = {key: indicator[key] for key in ("name", "name_zh", "name_en", "window_days", "unit")}
    columns = zip(figure.rows(slice(len(weights)), fields), weights.tolist(), privacy.blank(points), strict=True)
    return ({**row, "effective_weight": weight, "points": earned} for row, weight, earned in columns)


def _objections(objections: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {
        "open": [objection for objection in objections if objection.get("state") == "open"],
        "decided": [objection for objection in objections if objection.get("state") != "open"],
    }


def _in_force(
    rows: dict[str, list[dict[str, Any]]] | None,
    subject_id: str,
    kinds: dict[str, tuple[str, str]],
    issuer: dict[str, str],
) -> dict[str, Any]:
    """What is in force, none of it, or (null) not known because nobody supplies it."""
    if rows is None:
        return {"state": "missing", "in_force": None}
    return {"state": "measured", "in_force": [coded(row, kinds, issuer) for row in rows.get(subject_id, [])]}


def coded(row: dict[str, Any], kinds: dict[str, tuple[str, str]], issuer: dict[str, str]) -> dict[str, Any]:
    """The row with its kind in both languages, and its issuer: the platform, where it names none."""
    zh, en = kinds[row["kind"]]
    return {**row, "kind": {"code": row["kind"], "zh": zh, "en": en}, "issuer": row.get("issuer", issuer)}

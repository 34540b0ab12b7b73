"""One merchant's grade again, from what is published of it: its document and the text of its rulebook.

Points of indicators add up to those of their element, points of elements to the score, as far as rounding tells and what is
withheld of indicators whose values are not shown whole; the score's place between the edges, with the margin, and the vetoes give the grade; where there is none, its reason.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit.errors import UserError
from credit.evaluation.grading import NOT_RATED, REASONS, place
from credit.evaluation.scoring import POINT
from credit.rulebooks.book import Rulebook, Veto
from credit.rulebooks.reading import parse

_ELEMENT, _INDICATOR, _EVIDENCE, _EXACT = 0.25, 0.05, 0.005, 0.00005
"""How far points of elements, points of indicators, the evidence figure, and everything else may be rounded."""
_NEAR = 0.05
"""How near to the edge of a veto a rounded value tells nothing."""
_HALF_STARS = 0.25
"""Half a unit of the mean of few reviews, which is shown in half stars."""


TABLE = "bulk/grades.parquet"


@dataclass(frozen=True)
class Step:
    """One step of the recomputation: what should be, what is published."""

    zh: str
    en: str
    expected: str
    found: str
    ok: bool


def paths(subject_id: str) -> tuple[str, str]:
    """Where a merchant's document may be, see `credit.disclosure.documents.paths`."""
    digest = hashlib.sha256(subject_id.encode()).hexdigest()
    plain = quote(subject_id, safe="").replace(".", "%2E").replace("~", "%7E")
    return f"merchants/{digest[:2]}/{plain}.json", f"merchants/{digest[:2]}/~{digest}.json"


def in_table(document: dict[str, Any], table: bytes) -> Step:
    """Whether the table of all grades says the same of the merchant as its document."""
    names = ("subject_id", "grade", "score", "evidence", "not_rated_reason", "rulebook_hash")
    try:
        columns = pq.read_table(io.BytesIO(table), columns=list(names))
        rows = columns.filter(pc.equal(columns["subject_id"], document["subject"]["subject_id"])).to_pylist()
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        return Step("汇总表", TABLE, "a table of grades", f"{type(error).__name__}: {error}", False)
    fields = document | {"subject_id": document["subject"]["subject_id"]}
    fields["rulebook_hash"] = document["rulebook"].get("hash")
    expected = {name: fields.get(name) for name in names}
    differences = [{name: row[name] for name in names if row[name] != expected[name]} for row in rows]
    matches = differences == [{}]
    return Step(
        "汇总表", TABLE, "one row, the same", "one row, the same" if matches else str(differences or "no row"), matches
    )


def recompute(document: dict[str, Any], rules: bytes, name: str) -> list[Step]:
    """The steps from a merchant's document and the bytes of its rulebook to the grade. `name` is the rulebook's path."""
    try:
        book = parse(rules, name)
    except UserError as error:
        return [Step("规则", "rulebook", "usable rules", str(error), False)]
    try:
        return list(_steps(document, book))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, StopIteration, RecursionError) as error:
        return [Step("公示文件", "document", "the fields of its schema", f"{type(error).__name__}: {error}", False)]


def _steps(document: dict[str, Any], book: Rulebook) -> list[Step]:
    rulebook = document["rulebook"]
    steps = [
        _equal(
            "规则",
            "rulebook",
            f"{book.label} {book.hash}",
            f"{rulebook['id']} {rulebook['version']} {rulebook['hash']}",
        ),
        _equal(
            "要素与权重",
            "elements and weights",
            [(element.id, float(element.weight)) for element in book.elements],
            [(element["name"], float(element["weight"])) for element in document["elements"]],
        ),
        _equal(
            "指标",
            "indicators",
            [rule.id for _, rule in book.rules()],
            [row["name"] for element in document["elements"] for row in element["indicators"]],
        ),
    ]
    rated = document["not_rated_reason"] is None
    if not rated:
        steps.append(_not_rated(document, book))
        points = [element["points"] for element in document["elements"]]
        steps.append(
            _equal(
                "未评级无得分", "no points without a rating", [None] * (len(points) + 1), [*points, document["score"]]
            )
        )
    else:
        steps += [_element(element) for element in document["elements"]]
        points = [element["points"] for element in document["elements"] if element["points"] is not None]
        total, blur, score = sum(points), _ELEMENT * len(points) + _EXACT, document["score"]
        sum_text = f"{total:.1f} ± {blur:.2f}"
        adds_up = abs(total - score) <= blur + 1e-9
        steps.append(Step("要素得分之和", "points of the elements add up", sum_text, str(score), adds_up))
        low = book.minimum.evidence.value
        steps.append(
            Step(
                "证据充分度",
                "evidence",
                f"at least {low:g}",
                str(document["evidence"]),
                document["evidence"] >= low - _EVIDENCE - 1e-9,
            )
        )
    steps += _vetoes(document, book)
    allowed = _grades(document, book, rated)
    steps.append(Step("等级", "grade", " / ".join(allowed), str(document["grade"]), document["grade"] in allowed))
    return steps


def _whole(points: float) -> int:
    """Points as whole numbers of 1/POINT."""
    return round(float(points) * POINT)


def _equal(zh: str, en: str, expected: Any, published: Any) -> Step:
    if expected == published:
        text = f"{len(published)}" if isinstance(published, list) else str(published)
        return Step(zh, en, text, text, True)
    if isinstance(expected, list) and isinstance(published, list):
        expected, published = (
            [x for x in expected if x not in published] or expected,
            [x for x in published if x not in expected] or published,
        )
    return Step(zh, en, str(expected), str(published), False)


def _element(element: dict[str, Any]) -> Step:
    """Points of an element lie where those of its indicators let them: what is shown, each with its rounding, and of what is
    withheld between nothing and its weight."""
    rows = element["indicators"]
    disclosed = [row for row in rows if row["points"] is not None]
    withheld = sum(_most(row) for row in rows if row["points"] is None)
    blur = _ELEMENT + _INDICATOR * len(disclosed) + 1e-9
    least = sum(row["points"] for row in disclosed)
    points = element["points"] or 0.0
    bounded = (
        all(0 <= row["points"] <= _most(row) + _INDICATOR for row in disclosed)
        and 0 <= points <= _most(element) + _ELEMENT
    )
    return Step(
        element["name_zh"],
        f"element {element['name']}",
        f"{least:.1f} to {least + withheld:.1f} ± {blur:.2f}, at most {_most(element):.2f}",
        f"{points:.1f}",
        bounded and least - blur <= points <= least + withheld + blur,
    )


def _most(row: dict[str, Any]) -> float:
    """The most points that an indicator or element can earn."""
    return 100 * (float(row["effective_weight"]) + _EXACT)


def _not_rated(document: dict[str, Any], book: Rulebook) -> Step:
    code = document["not_rated_reason"]
    days = int(book.window_days.value)
    orders = next(f for f in document["figures"] if f["window_days"] == days)["transactions"]["orders"]
    least, few = book.minimum.evidence.value, book.minimum.orders.value
    low = orders["at_least"] if orders["state"] == "measured" else 0
    holds = {
        "no_orders": low == 0,
        "too_few_orders": low < few,
        "too_little_evidence": document["evidence"] <= least + _EVIDENCE + 1e-9,
    }
    expected = {
        "no_orders": "no orders",
        "too_few_orders": f"fewer than {few:g} orders in {days} days",
        "too_little_evidence": f"evidence below {least:g}",
    }
    figures = f"orders from {low}, evidence {document['evidence']}"
    return Step(
        "未评级原因", f"not rated: {code}", expected.get(code, " / ".join(REASONS)), figures, holds.get(code, False)
    )


def _vetoes(document: dict[str, Any], book: Rulebook) -> list[Step]:
    """Each veto that is listed is the rulebook's; each that the published values decide is listed as they decide: where
    several of one fact apply, the strongest stands for them."""
    rules = {veto.id: veto for veto in book.vetoes}
    listed = {veto["id"]: veto for veto in document["vetoes"]}
    steps = []
    for veto_id, entry in listed.items():
        rule = rules.get(veto_id)
        expected = (("fixed" if rule.fixed else "cap"), rule.grade) if rule else "a veto of the rulebook"
        steps.append(_equal("否决与限级", f"veto {veto_id}", expected, (entry["effect"], entry["grade"])))
    rows = {row["name"]: row for element in document["elements"] for row in element["indicators"]}
    for veto in book.vetoes:
        row = rows.get(veto.indicator)
        if row is None or row["window_days"] != book.veto_window(veto):
            continue
        holds = _holds(veto, row)
        if holds and any(other.id in listed for other in book.outdone_by(veto)):
            holds = False
        if holds is not None and holds != (veto.id in listed):
            verdicts = ("applies" if holds else "does not apply", "listed" if veto.id in listed else "not listed")
            steps.append(
                Step("否决与限级", f"veto {veto.id} by {veto.indicator} = {row.get('value')}", *verdicts, False)
            )
    return steps


def _holds(veto: Veto, row: dict[str, Any]) -> bool | None:
    """Whether a veto applies by the published value; None where that is not shown, or rounded so near that it may lie on
    either side."""
    if row["state"] in ("missing", "not_applicable"):
        return False
    value, edge = row.get("value"), veto.above if veto.above is not None else veto.below
    if value is None or edge is None:
        return None
    if row["unit"] != "flag" and abs(value - edge) <= (_HALF_STARS if row["unit"] == "stars" else _NEAR):
        return None
    return bool(value > edge if veto.above is not None else value < edge)


def _grades(document: dict[str, Any], book: Rulebook, rated: bool) -> list[str]:
    """The grades that the score lets the merchant have, best first: one, or within the margin of an edge those on both
    sides, since the margin holds the grade of the night before."""
    listed = {veto["id"] for veto in document["vetoes"]}
    holding = [veto for veto in book.vetoes if veto.id in listed]
    symbols = book.symbols
    fixed = [symbols.index(veto.grade) for veto in holding if veto.fixed]
    if fixed:
        return [symbols[max(fixed)]]
    if not rated:
        return [NOT_RATED]
    score = _whole(document["score"])
    margin = _whole(book.margin.points.value) if book.margin else 0
    best, worst = (int(place(book, np.array([float(edge)]))[0]) for edge in (score + margin, score - margin))
    cap = max([symbols.index(veto.grade) for veto in holding], default=0)
    return [symbols[i] for i in sorted({max(i, cap) for i in range(best, worst + 1)})]

"""An assessment: each line of a catalogue with its result, what it rests on, and what would mend it.

met               all that shows it is in order
partly            some of it is; or all of it, but a corrective action is open
not_met           what is measured falls short, or a document has run out
not_shown         the data does not tell, or nothing was added: never taken for met
not_applicable    it does not concern this enterprise, as stated by a person (unless the data shows that it does) or as the data tells

The score, where a catalogue grades, is the weighted share of the lines that apply: met 1, partly 0.5, else 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

import duckdb

from credit.assessment import carriers, files
from credit.assessment.catalogue import SCOPES, Catalogue, Criterion, Declared, Evidenced, Grading, Measured, as_data
from credit.assessment.measuring import MEASURES, percent, rounded_down
from credit.assessment.seen import Seen, seeing
from credit.ledgers import assessments
from credit.ledgers.assessments import Action, Evidence
from credit.settings import Settings
from credit.sourced import Bilingual

SCHEMA_VERSION = "1"

Result = Literal["met", "partly", "not_met", "not_shown", "not_applicable"]
RESULTS: dict[Result, Bilingual] = {
    "met": Bilingual(zh="符合", en="met"),
    "partly": Bilingual(zh="部分符合", en="partly met"),
    "not_met": Bilingual(zh="不符合", en="not met"),
    "not_shown": Bilingual(zh="未证明", en="not shown"),
    "not_applicable": Bilingual(zh="不适用", en="not applicable"),
}
WORTH: Mapping[Result, float] = {"met": 1, "partly": 0.5, "not_met": 0, "not_shown": 0}

Part = dict[str, Any]
Line = dict[str, Any]


@dataclass(frozen=True)
class Grounds:
    """What people entered; `lost`: numbers of documents whose file is not in the home, or is another."""

    evidence: list[Evidence]
    actions: list[Action]
    lost: frozenset[int]

    def holds(self, piece: Evidence, day: date) -> bool:
        return piece.holds(day) and piece.number not in self.lost


def assess(con: duckdb.DuckDBPyConnection, settings: Settings, catalogue: Catalogue, day: date) -> dict[str, Any]:
    """Every line as of 00:00 of `day`, the counts of results, and score (0 to 100) and stars where the catalogue grades.

    JSON-able; the same warehouse, home and catalogue give the same."""
    grounds = _grounds(con, settings)
    with seeing(con, settings, day) as seen:
        lines = [_line(seen, catalogue, criterion, grounds) for criterion in catalogue.criteria]
        carriage = _carriage(seen, catalogue)
    counts = Counter(line["result"] for line in lines)
    score = _score(catalogue, lines)
    return {
        "format": "merchant-credit assessment",
        "schema_version": SCHEMA_VERSION,
        "platform": {"zh": settings.platform_name, "en": settings.platform_name_en},
        "catalogue": as_data(catalogue),
        "assessed_on": day.isoformat(),
        "cut_off": seen.moment.cut_off.isoformat(),
        "counts": {result: counts[result] for result in RESULTS},
        "score": score,
        "stars": stars(catalogue.grading, score),
        "lines": lines,
        **carriage,
    }


def _grounds(con: duckdb.DuckDBPyConnection, settings: Settings) -> Grounds:
    evidence = assessments.evidence(con)
    whole = {sha256: files.whole(settings, sha256) for piece in evidence if (sha256 := piece.sha256)}
    lost = frozenset(piece.number for piece in evidence if piece.sha256 and not whole[piece.sha256])
    return Grounds(evidence, assessments.actions(con), lost)


def _score(catalogue: Catalogue, lines: Iterable[Line]) -> float | None:
    if catalogue.grading is None:
        return None
    weights = {criterion.id: criterion.weight for criterion in catalogue.criteria}
    return _weighed((weights[line["id"]], line["result"]) for line in lines)


def _weighed(results: Iterable[tuple[float, Result]]) -> float | None:
    """0 to 100 of (weight, result); None where none applies."""
    applying = [(weight, WORTH[result]) for weight, result in results if result in WORTH]
    total = sum(weight for weight, _ in applying)
    return round(100 * sum(weight * worth for weight, worth in applying) / total, 2) if total else None


def stars(grading: Grading | None, score: float | None) -> int | None:
    """The stars of a score; 0: not passed; None: the catalogue gives none."""
    if grading is None or score is None:
        return None
    return max((level.stars for level in grading.levels if score >= level.at_least), default=0)


# --- a line ------------------------------------------------------------------------------------------------------


def _line(seen: Seen, catalogue: Catalogue, criterion: Criterion, grounds: Grounds) -> Line:
    target = f"{catalogue.id}:{criterion.id}"
    mine = replace(grounds, evidence=[piece for piece in grounds.evidence if target in piece.targets])
    unmended = [action for action in grounds.actions if action.target == target and action.open(seen.day)]
    chapter = catalogue.chapter_of(criterion)
    parts = [_part(seen, means, mine) for means in criterion.shown_by]
    stated = _not_applicable(mine, seen.day)
    # A statement that there is none of a thing gives way to the data that shows some.
    parts = parts + stated if any(map(_has_cases, parts)) else stated or parts
    result = together([part["result"] for part in parts])
    if result == "met" and unmended:
        result = "partly"
    mend = [part["mend"] for part in parts if part["mend"]]
    mend += [
        {
            "zh": f"完成纠正措施 {action.number}（{action.person}，{action.due_on} 前）：{action.action}",
            "en": f"Finish corrective action {action.number} ({action.person}, by {action.due_on}): {action.action}",
        }
        for action in unmended
    ]
    return {
        "id": criterion.id,
        "clause": criterion.clause,
        "item": criterion.item or None,
        "chapter": {"clause": chapter.clause, **chapter.title.model_dump()} if chapter else None,
        "asks": criterion.asks.model_dump(),
        "applies_to": {"code": criterion.applies_to, **SCOPES[criterion.applies_to].model_dump()},
        "weight": criterion.weight,
        "result": result,
        "parts": parts,
        "mend": mend,
        "actions": [
            {"number": a.number, "nonconformity": a.nonconformity, "due_on": a.due_on.isoformat(), "overdue": a.overdue(seen.day)}
            for a in unmended
        ],
    }  # fmt: skip


def together(results: list[Result]) -> Result:
    """The result of a line of those of its parts: parts that do not apply aside, all met is met, none met or in part is the
    worst of them, anything between is partly."""
    applying = [result for result in results if result != "not_applicable"]
    if not applying:
        return "not_applicable"
    if set(applying) == {"met"}:
        return "met"
    if {"met", "partly"} & set(applying):
        return "partly"
    return "not_met" if "not_met" in applying else "not_shown"


def _part(seen: Seen, means: Measured | Evidenced | Declared, grounds: Grounds) -> Part:
    if isinstance(means, Measured):
        return _measured(seen, means)
    return _evidenced(seen.day, means, grounds)


def _told(how: str, result: Result, zh: str, en: str, mend: tuple[str, str] | None = None, **more: Any) -> Part:
    mended = {"zh": mend[0], "en": mend[1]} if mend and result not in ("met", "not_applicable") else None
    return {"how": how, "result": result, "zh": zh, "en": en, "mend": mended, **more}


def _not_applicable(grounds: Grounds, day: date) -> list[Part]:
    """That a person has stated that it does not apply, and why; the last such statement in force."""
    stated = [piece for piece in grounds.evidence if piece.kind == "not_applicable" and piece.holds(day)]
    return [
        _told(
            "declared",
            "not_applicable",
            f"{piece.by}声明（证据 {piece.number}）：{piece.title}",
            f"stated by {piece.by} (evidence {piece.number}): {piece.title}",
            evidence=[_named(piece)],
        )
        for piece in stated[-1:]
    ]


# --- measured ----------------------------------------------------------------------------------------------------


def _measured(seen: Seen, means: Measured) -> Part:
    measure = MEASURES[means.measure]
    asked = {"measure": means.measure, "at_least": means.at_least.model_dump(exclude_none=True)}
    if missing := [name for name in measure.needs if name not in seen.supplied]:
        names = ", ".join(missing)
        return _told(
            "measured", "not_shown", f"未交付所需数据：{names}", f"the data it needs is not supplied: {names}",
            (f"交付 {names}", f"Deliver {names}"), **asked,
        )  # fmt: skip
    numbers = {name: number.value for name, number in means.numbers.items()}
    count = measure.count(seen, numbers, means.values)
    if count is None:
        return _told(
            "measured", "not_shown", "没有可供查看的公示版本或台账记录", "there is no published version or entry to look at",
            ("先评价、公示或登记，再评估", "Evaluate, publish or enter first, then assess"), **asked,
        )  # fmt: skip
    if not count.cases:
        mend = ("事项出现后再评估", "Assess again when there are cases")
        return _told("measured", measure.none, measure.none_zh, measure.none_en, mend, **asked)
    result = judged(count.at_least, count.at_most, means.at_least.value, means.partly_from.value)
    share = percent(count.at_least)
    unknown_zh = f"，另有 {count.not_recorded:,} 项未记录" if count.not_recorded else ""
    unknown_en = f", {count.not_recorded:,} not recorded" if count.not_recorded else ""
    at_least = percent(means.at_least.value)
    mend_zh, mend_en = measure.mend_zh, measure.mend_en
    if result == "not_shown":
        mend_zh, mend_en = f"补齐未记录的数据；{mend_zh}", f"record what is not recorded; {mend_en}"
    return _told(
        "measured",
        result,
        f"{measure.zh}：{count.in_order:,}/{count.cases:,}（{share}）{unknown_zh}；要求至少 {at_least}",
        f"{measure.en}: {count.in_order:,} of {count.cases:,} ({share}){unknown_en}; asked: at least {at_least}",
        (mend_zh, mend_en[0].upper() + mend_en[1:]),
        **asked,
        about={"zh": measure.zh, "en": measure.en},
        share=rounded_down(count.at_least),
        partly_from=means.partly_from.model_dump(exclude_none=True),
        in_order=count.in_order,
        not_in_order=count.not_in_order,
        not_recorded=count.not_recorded,
        examples=list(count.examples),
    )


def _has_cases(part: Part) -> bool:
    """Whether a measurement that tells by itself whether a line applies has met with cases."""
    return "share" in part and MEASURES[part["measure"]].none == "not_applicable"


def judged(at_least: float, at_most: float, asked: float, partly_from: float) -> Result:
    """The result of a share that lies between two bounds.

    What it is worth hangs on the lower one alone: what is not recorded does no better than what is not in order."""
    if at_least >= asked:
        return "met"
    if at_least >= partly_from:
        return "partly"
    return "not_shown" if at_most >= partly_from else "not_met"


# --- carriers ----------------------------------------------------------------------------------------------------


def _carriage(seen: Seen, catalogue: Catalogue) -> dict[str, Any]:
    """Carriers with their figures, and their service level by the catalogue's lines about carriers; and whose part late deliveries
    were. Only of a catalogue that has such lines."""
    lines = [
        (criterion, means)
        for criterion in catalogue.criteria
        for means in criterion.shown_by
        if isinstance(means, Measured) and MEASURES[means.measure].by == "carrier"
    ]
    if not lines:
        return {}
    counts = {means.measure: MEASURES[means.measure].count_by(seen) for _, means in lines}

    def result(means: Measured, carrier: str) -> Result:
        count = counts[means.measure].get(carrier)
        if count is None:
            return "not_shown"
        return judged(count.at_least, count.at_most, means.at_least.value, means.partly_from.value)

    def level(carrier: str, orders: int) -> dict[str, Any]:
        results = {criterion.id: result(means, carrier) for criterion, means in lines}
        enough = catalogue.grading is not None and orders >= carriers.LEAST_ORDERS
        score = _weighed((criterion.weight, results[criterion.id]) for criterion, _ in lines) if enough else None
        return {"lines": results, "score": score, "stars": stars(catalogue.grading, score)}

    return {
        "carriers": [each | level(each["carrier"], each["orders"]) for each in carriers.figures(seen)],
        "late_deliveries": carriers.late_deliveries(seen),
    }


# --- evidenced, declared -----------------------------------------------------------------------------------------


def _evidenced(day: date, means: Evidenced | Declared, grounds: Grounds) -> Part:
    wanted = means.document if isinstance(means, Evidenced) else means.statement
    kinds = ("document",) if isinstance(means, Evidenced) else ("document", "declaration")
    term = means.max_age_days if isinstance(means, Evidenced) else None
    fitting = [piece for piece in grounds.evidence if piece.kind in kinds and piece.dated <= day]
    oldest = day - timedelta(days=int(term.value)) if term else date.min
    holding = [piece for piece in fitting if grounds.holds(piece, day) and piece.dated >= oldest]
    asked: dict[str, Any] = {"asked": wanted.model_dump()}
    if term:
        asked["max_age_days"] = term.model_dump(exclude_none=True)
    mend = (f"登记证据：{wanted.zh}", f"Add evidence: {wanted.en}")
    if holding:
        names = [(_what(piece, "zh"), _what(piece, "en")) for piece in holding]
        zh, en = ("；".join(zh for zh, _ in names), "; ".join(en for _, en in names))
        return _told(means.how, "met", zh, en, evidence=[_named(piece) for piece in holding], **asked)
    if fitting:
        last = fitting[-1]
        why = ("文件缺失或被改动", "its file is missing or was changed") if last.number in grounds.lost else (
            "已失效或过期", "no longer in force, or too old"
        )  # fmt: skip
        return _told(
            means.how, "not_met", f"{why[0]}：{_what(last, 'zh')}", f"{why[1]}: {_what(last, 'en')}", mend,
            evidence=[_named(last)], **asked,
        )  # fmt: skip
    return _told(means.how, "not_shown", f"没有证据：{wanted.zh}", f"nothing was added: {wanted.en}", mend, **asked)


def _what(piece: Evidence, lang: Literal["zh", "en"]) -> str:
    until = piece.valid_until
    if lang == "zh":
        term = f"，有效至 {until}" if until else ""
        return f"{piece.title}（证据 {piece.number}，{piece.dated}{term}，登记人 {piece.by}）"
    term = f", valid until {until}" if until else ""
    return f"{piece.title} (evidence {piece.number}, {piece.dated}{term}, added by {piece.by})"


def _named(piece: Evidence) -> dict[str, Any]:
    return {
        "number": piece.number, "kind": piece.kind, "title": piece.title, "dated": piece.dated.isoformat(),
        "valid_until": piece.valid_until.isoformat() if piece.valid_until else None, "sha256": piece.sha256,
    }  # fmt: skip

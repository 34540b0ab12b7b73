"""Why a merchant has its grade: every point back to an indicator, its counts, its curve and its rule; and what it can
do about it (see `credit.outlook`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from credit.errors import UserError
from credit.evaluation import outlook, shown
from credit.evaluation.grading import REASONS
from credit.evaluation.results import latest
from credit.evaluation.scoring import POINT
from credit.indicators import CATALOGUE
from credit.indicators.base import Text
from credit.ledgers import told
from credit.ledgers.adjustments import adjustments
from credit.ledgers.findings import VIOLATIONS, standing
from credit.ledgers.moments import coded
from credit.ledgers.objections import objections
from credit.ledgers.overlay import OWN_KEY
from credit.rulebooks.book import Rulebook
from credit.settings import Settings
from credit.warehouse.connection import as_dicts, zone_of

STATES = {
    "measured": ("已计量", "measured"),
    "missing": ("缺少证据", "missing: no evidence"),
    "not_applicable": ("不适用", "not applicable: nothing to measure"),
}


_WORST_ELEMENT = Text("先改善得分最低的这一要素。", "Mend what this element, the worst of all, marks down.")


def elements(
    book: Rulebook, rows: Sequence[Mapping[str, Any]], *, rated: bool, priors: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The elements of one merchant with their indicators, in the rulebook's order.

    `rows` are the merchant's rows of results.indicators. Points of a merchant that is not rated are 0; all points, those
    of what is missing and stands at the reference average among them, add up to the score.
    """
    row_of = {row["indicator"]: row for row in rows}
    built = []
    for element in book.elements:
        indicators = []
        for rule in element.indicators:
            indicator, row = CATALOGUE[rule.id], row_of[rule.id]
            indicators.append(
                {
                    "name": rule.id,
                    "name_zh": indicator.name.zh,
                    "name_en": indicator.name.en,
                    "state": row["state"],
                    "unit": indicator.unit,
                    "value": _rounded(row["value"]),
                    "numerator": _rounded(row["numerator"]),
                    "denominator": _rounded(row["denominator"]),
                    "prior": _rounded(priors.get(rule.id)) if rule.strength else None,
                    "strength": rule.strength,
                    "shrunk": _rounded(row["shrunk"]),
                    "mark": _rounded(row["mark"], 4),
                    "weight": _rounded(row["weight"], 6),
                    "points": float(row["points"]) if rated else 0.0,
                    "window_days": book.window(rule),
                }
            )
        built.append(
            {
                "name": element.id,
                "name_zh": element.name.zh,
                "name_en": element.name.en,
                "weight": element.weight,
                "effective_weight": _rounded(sum(i["weight"] for i in indicators), 6),
                "points": round(sum(i["points"] for i in indicators), 4),
                "indicators": indicators,
            }
        )
    return built


def _rounded(value: Any, digits: int = 8) -> float | None:
    return None if value is None else round(float(value), digits)


def reason_text(reason: str | None) -> dict[str, str] | None:
    """A not-rated reason in Chinese and English."""
    if reason is None:
        return None
    code, _, detail = reason.partition(": ")
    zh, en = REASONS[code]
    return {"code": code, "zh": zh, "en": f"{en} ({detail})" if detail else en}


def vetoes(book: Rulebook, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rulebook's vetoes that hold, in its order: name, effect (cap or fixed), grade, and how to end it."""
    holding = []
    for veto in book.vetoes:
        if veto.id in ids:
            improve = CATALOGUE[veto.indicator].improve if veto.indicator else _WORST_ELEMENT
            holding.append(
                {
                    "id": veto.id,
                    "name_zh": veto.name.zh,
                    "name_en": veto.name.en,
                    "effect": "fixed" if veto.fixed else "cap",
                    "grade": veto.grade,
                    "improve_zh": improve.zh,
                    "improve_en": improve.en,
                }
            )
    return holding


def capped(book: Rulebook, ids: Sequence[str], held: str) -> bool:
    """Whether a veto that holds lets no grade better than the `held` one be: then no points raise it."""
    place = book.symbols.index(held) if held in book.symbols else 0
    return any(book.symbols.index(veto.grade) >= place for veto in book.vetoes if veto.id in ids)


def explain(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    subject_id: str,
    day: date | None = None,
    *,
    rows: bool = False,
) -> dict[str, Any]:
    """The whole explanation of one merchant's grade as JSON-able data.

    With `rows` also the ids of the rows behind each indicator: for the merchant itself, nobody else.

    Raises UserError for an unknown merchant, a day without evaluation, or one whose indicator rows are no longer kept.
    """
    day = latest(con, day)
    graded = as_dicts(con, "SELECT * FROM results.grades WHERE evaluated_on = ? AND subject_id = ?", [day, subject_id])
    if not graded:
        near = con.execute(
            "SELECT g.subject_id FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook) "
            "WHERE evaluated_on = ? AND coalesce(r.subject_role, 'seller') = 'seller' ORDER BY jaro_winkler_similarity(subject_id, ?) DESC, 1 LIMIT 3",
            [day, subject_id],
        ).fetchall()
        raise UserError(
            f"no merchant {subject_id!r} in the evaluation of {day}; nearest ids: {', '.join(row[0] for row in near)}"
        )
    grade = graded[0]
    run = as_dicts(con, "SELECT * FROM results.runs WHERE evaluated_on = ? AND rulebook = ?", [day, grade["rulebook"]])[
        0
    ]
    stored = as_dicts(
        con,
        "SELECT * FROM results.indicators WHERE evaluated_on = ? AND rulebook = ? AND subject_id = ?",
        [day, grade["rulebook"], subject_id],
    )
    if not stored:
        raise UserError(
            f"indicator rows of {day} are kept {settings.keep_nights} nights only (setting keep_nights); "
            f"run `merchant-credit evaluate --date {day}` to have them again"
        )
    case = outlook.case_of(con, zone_of(con, settings), day, subject_id, grade["rulebook"])
    book, scores = case.book, case.score(case.facts(day))
    rated = grade["score"] is not None
    score = None if grade["score"] is None else float(grade["score"])
    parts = elements(book, stored, rated=rated, priors=json.loads(run["priors"]))
    compared = outlook.percentiles(case, grade["category"])
    behind = outlook.rows_behind(case) if rows else None
    for element in parts:
        for indicator in element["indicators"]:
            indicator["peers"] = compared.get(indicator["name"])
            if behind is not None:
                indicator["rows"] = behind.get(indicator["name"], []) if indicator["state"] == "measured" else []
    bound = capped(book, grade["vetoes"] or [], grade["grade_held"])
    ahead = None if bound else next_grade(book, score, grade["grade_held"])
    counted = float(scores.score[0]) / POINT if rated else None
    return {
        "subject_id": subject_id,
        "subject_kind": grade["subject_kind"],
        "evaluated_on": day.isoformat(),
        "cut_off": run["cut_off"].isoformat(),
        "grade": grade["grade"],
        "meaning": next((lv.meaning.model_dump() for lv in book.grades.levels if lv.grade == grade["grade"]), None),
        "score": score,
        "evidence": float(grade["evidence"]),
        "orders": grade["orders"],
        "not_rated_reason": grade["not_rated_reason"],
        "not_rated": reason_text(grade["not_rated_reason"]),
        "grade_by_score": grade["grade_by_score"],
        "grade_held": grade["grade_held"],
        "past_edge": grade["past_edge"],
        "provisional": grade["provisional"],
        "dormant": grade["dormant"],
        "self_operated": grade["self_operated"],
        "category": grade["category"],
        "rulebook": book.id,
        "rulebook_version": book.version,
        "rulebook_hash": book.hash,
        "standing": run["standing"],
        "vetoes": vetoes(book, grade["vetoes"] or []),
        "next_grade": ahead,
        "elements": parts,
        "to_raise": outlook.changes(case, scores, ahead["to_pass"]) if ahead else None,
        "outlook": outlook.outlook(case, scores),
        "since_last": outlook.since_last(case, scores),
        "objections": _objections(con, subject_id, day, counted != score),
        "findings": _findings(con, subject_id, day, rows),
        "listings": shown.listings(con, case.moment(day), case.have, subject_id),
    }


def _objections(con: duckdb.DuckDBPyConnection, subject_id: str, day: date, differs: bool) -> dict[str, Any]:
    """The merchant's objections and the facts adjusted for this night. `pending`: the stored grade is from before them, or
    before a finding was upheld."""
    filed = objections(con, subject_id)
    adjusted = adjustments(con, subject_id, day)
    return {
        "open": [_plain(told(objection)) for objection in filed if objection.state == "open"],
        "decided": [_plain(told(objection)) for objection in filed if objection.state != "open"],
        "adjustments": [
            {
                "row": f"{adjustment.table}:{adjustment.key}",
                "column": adjustment.column,
                "value": adjustment.value,
                "from_day": adjustment.from_day.isoformat(),
                "reason": adjustment.reason,
            }
            for adjustment in adjusted
        ],
        "pending": differs and bool(adjusted or standing(con, day, subject_id)),
    }


def _findings(con: duckdb.DuckDBPyConnection, subject_id: str, day: date, rows: bool) -> list[dict[str, Any]]:
    """The upheld findings that count for this night: what was found, since when, how many records no longer count, and
    what to name in an objection. With `rows` the records."""
    return [
        {
            "violation": coded(finding.violation, VIOLATIONS) if finding.violation else None,
            "upheld_on": finding.day.isoformat(),
            "from_day": finding.from_day.isoformat(),
            "reason": finding.reason,
            "transactions": len(finding.orders),
            "reviews": len(finding.reviews),
            "object_to": f"violations:{OWN_KEY}{finding.number}" if finding.violation else None,
        }
        | (
            {
                "rows": [
                    *(f"transactions:{key}" for key in finding.orders),
                    *(f"reviews:{key}" for key in finding.reviews),
                ]
            }
            if rows
            else {}
        )
        for finding in standing(con, day, subject_id)
    ]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def next_grade(book: Rulebook, score: float | None, held: str | None = None) -> dict[str, Any] | None:
    """The grade next better than the held one (by default: than the score's), its edge and the points to it; None for
    the best grade or without a score.

    `to_pass` is the score at which the grade moves at once: the edge and, where the rulebook has one, its margin. Past the
    edge the grade moves, too, once it was so in `evaluations` of the last `of_evaluations`.
    """
    if score is None:
        return None
    levels = book.grades.levels
    place = book.symbols.index(held) if held in book.symbols else sum(level.at_least > score for level in levels)
    if place == 0:
        return None
    level = levels[place - 1]
    margin = book.margin.points.value if book.margin is not None and held is not None else 0.0
    return {
        "grade": level.grade,
        "at_least": level.at_least,
        "missing_points": round(max(0.0, level.at_least - score), 4),
        "to_pass": min(100.0, round(level.at_least + margin, 4)),
        "evaluations": int(book.margin.evaluations.value) if book.margin is not None else 1,
        "of_evaluations": book.margin.looks_at if book.margin is not None else 1,
    }

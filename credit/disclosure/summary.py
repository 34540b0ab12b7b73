"""The platform's own figures, platform.json: what the home page and the lists of the site are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from credit.disclosure import documents, history, service
from credit.disclosure.figures import Tree
from credit.disclosure.night import GradedMerchants, Night
from credit.disclosure.privacy import Figure
from credit.evaluation.explain import reason_text
from credit.settings import Settings

PATH = "platform.json"
SCHEMA_VERSION = "1"


def summary(
    night: Night, settings: Settings, paths: dict[str, str], marks: Mapping[str, dict[str, Any]], *, development: bool
) -> dict[str, Any]:
    """All of platform.json. `paths`: subject id -> path of its document; `marks`: of the merchants that have one."""
    about = documents.disclosure(night, settings, development=development)
    grades = {
        i: (grade, graded.book.subject.kind)
        for graded in night.graded
        for i, grade in zip(graded.ids, graded.grade, strict=True)
    }

    def listed(rows: dict[str, list[dict[str, Any]]] | None, kinds: Any = None) -> list[dict[str, Any]] | None:
        if rows is None:
            return None
        return [
            {
                "subject_id": subject_id,
                "name": night.subjects[subject_id][0]["name"],
                "self_operated": bool(night.subjects[subject_id][0]["self_operated"]),
                "page": paths[subject_id].removesuffix(".json") + ".html",
                "kind_of_merchant": grades[subject_id][1],
                "grade_now": grades[subject_id][0],
                "mark": _named(marks.get(subject_id)),
                **(documents.coded(row, kinds, about["by"]) if kinds else row),
            }
            for subject_id in sorted(rows.keys() & paths.keys())
            for row in rows[subject_id]
        ]

    return {
        "format": "merchant-credit platform figures",
        "schema_version": SCHEMA_VERSION,
        "disclosure": about,
        "zone": night.zone,
        "merchants": night.merchants,
        "marked": len(marks),
        "rulebooks": rulebooks(night),
        "not_rated": _not_rated(night.graded),
        "self_operated": _self_operated(fields["self_operated"] for fields, _ in night.subjects.values()),
        "provisional": sum(map(sum, (graded.provisional for graded in night.graded))),
        "dormant": sum(map(sum, (graded.dormant for graded in night.graded))),
        "moves": night.moves,
        "figures": [{"window_days": days, **_platform_figures(tree)} for days, tree in night.platform.items()],
        "currency": night.platform_currency,
        "history": [*night.months, *(history.month(night.day, g.book.id, g.counts) for g in night.graded)],
        "objections": night.objection_figures,
        "sanctions": listed(night.sanctions, documents.SANCTION_KINDS),
        "public_records": listed(_adverse(night.records), documents.RECORD_KINDS),
        "notices": listed(night.notices),
        "assessments": service.told(night.assessments),
    }


def _self_operated(values: Iterable[bool | None]) -> int | None:
    """How many the platform runs itself; None where it says so of none of them, yes or no."""
    stated = [value for value in values if value is not None]
    return sum(stated) if stated else None


def _named(mark: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: mark[name] for name in ("code", "zh", "en")} if mark else None


def _adverse(records: dict[str, list[dict[str, Any]]] | None) -> dict[str, list[dict[str, Any]]] | None:
    """Penalties and lists of offenders. Tax grades, awards, certifications stand on each merchant's page: they are of most."""
    if records is None:
        return None
    adverse = {i: [row for row in rows if row["kind"] in documents.ADVERSE] for i, rows in records.items()}
    return {i: rows for i, rows in adverse.items() if rows}


def rulebooks(night: Night) -> list[dict[str, Any]]:
    """Each rulebook of the night, its levels, and how many merchants it gave which grade."""
    return [
        documents.rulebook(graded)
        | {
            "kind": graded.book.subject.kind,
            "merchants": len(graded.ids),
            "grades": graded.counts,
            "levels": [
                {"grade": level.grade, "from": level.at_least, "meaning": level.meaning.model_dump()}
                for level in graded.book.grades.levels
            ],
        }
        for graded in night.graded
    ]


def _not_rated(graded: list[GradedMerchants]) -> dict[str, dict[str, Any]]:
    reasons = Counter(reason for merchants in graded for reason in merchants.reason if reason)
    counts = {}
    for reason, number in sorted(reasons.items()):
        text = reason_text(reason) or {}
        counts[reason] = {"zh": text["zh"], "en": text["en"], "merchants": number}
    return counts


def _platform_figures(tree: Tree) -> dict[str, Any]:
    """The figures of the one platform."""
    only = slice(0, 1)
    return {
        key: node.rows(only)[0] if isinstance(node, Figure) else _platform_figures(node) for key, node in tree.items()
    }

"""The platform's own figures, platform.json: what the home page and the lists of the site are made from."""

from __future__ import annotations

from collections import Counter
from typing import Any

from credit.disclosure import documents, history
from credit.disclosure.figures import Tree
from credit.disclosure.night import Graded, Night
from credit.disclosure.privacy import Shown
from credit.evaluation.explain import reason_text
from credit.settings import Settings

PATH = "platform.json"
SCHEMA_VERSION = "1"


def summary(night: Night, settings: Settings, paths: dict[str, str], *, development: bool) -> dict[str, Any]:
    """All of platform.json. `paths`: subject id -> path of its document."""
    about = documents.disclosure(night, settings, development=development)

    def listed(found: dict[str, list[dict[str, Any]]] | None, kinds: Any = None) -> list[dict[str, Any]] | None:
        if found is None:
            return None
        return [
            {
                "subject_id": subject_id,
                "name": night.shown[subject_id][0]["name"],
                "self_operated": bool(night.shown[subject_id][0]["self_operated"]),
                "page": paths[subject_id].removesuffix(".json") + ".html",
                **(documents.coded(row, kinds, about["by"]) if kinds else row),
            }
            for subject_id in sorted(found.keys() & paths.keys())
            for row in found[subject_id]
        ]

    return {
        "format": "merchant-credit platform figures",
        "schema_version": SCHEMA_VERSION,
        "disclosure": about,
        "zone": night.zone,
        "merchants": night.merchants,
        "rulebooks": rulebooks(night),
        "not_rated": _not_rated(night.graded),
        "self_operated": sum(bool(fields["self_operated"]) for fields, _ in night.shown.values()),
        "provisional": sum(map(sum, (graded.provisional for graded in night.graded))),
        "dormant": sum(map(sum, (graded.dormant for graded in night.graded))),
        "moves": night.moves,
        "figures": [{"window_days": days, **_whole(tree)} for days, tree in night.platform.items()],
        "currency": night.platform_currency,
        "history": [*night.months, *(history.month(night.day, g.book.id, g.counts) for g in night.graded)],
        "objections": night.objection_figures,
        "sanctions": listed(night.sanctions, documents.SANCTION_KINDS),
        "public_records": listed(_adverse(night.records), documents.RECORD_KINDS),
        "notices": listed(night.notices),
    }


def _adverse(found: dict[str, list[dict[str, Any]]] | None) -> dict[str, list[dict[str, Any]]] | None:
    """Penalties and lists of offenders. Tax grades, awards, certifications stand on each merchant's page: they are of most."""
    if found is None:
        return None
    kept = {i: [row for row in rows if row["kind"] in documents.ADVERSE] for i, rows in found.items()}
    return {i: rows for i, rows in kept.items() if rows}


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


def _not_rated(graded: list[Graded]) -> dict[str, dict[str, Any]]:
    reasons = Counter(reason for one in graded for reason in one.reason if reason)
    told = {}
    for reason, number in sorted(reasons.items()):
        said = reason_text(reason) or {}
        told[reason] = {"zh": said["zh"], "en": said["en"], "merchants": number}
    return told


def _whole(tree: Tree) -> dict[str, Any]:
    """The figures of the one platform."""
    one = slice(0, 1)
    return {key: node.rows(one)[0] if isinstance(node, Shown) else _whole(node) for key, node in tree.items()}

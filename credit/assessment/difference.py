"""What changed between two assessments by the same catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credit.assessment.judging import WORTH
from credit.errors import UserError


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The lines whose result or reason is another, lines added and removed, and what became of the score.

    Raises UserError where the two are not by one catalogue."""
    ids = before["catalogue"]["id"], after["catalogue"]["id"]
    if ids[0] != ids[1]:
        raise UserError(f"the assessments are by {ids[0]} and {ids[1]}; give two by one catalogue")
    old, new = ({line["id"]: line for line in result["lines"]} for result in (before, after))
    changed = [
        {
            "id": name,
            "asks": line["asks"],
            "before": old[name]["result"],
            "after": line["result"],
            "better": _worth(line["result"]) > _worth(old[name]["result"]),
            "reasons_before": _reasons(old[name]),
            "reasons_after": _reasons(line),
        }
        for name, line in new.items()
        if name in old and (line["result"], _reasons(line)) != (old[name]["result"], _reasons(old[name]))
    ]
    return {
        "catalogue": ids[0],
        "versions": [result["catalogue"]["version"] for result in (before, after)],
        "assessed_on": [result["assessed_on"] for result in (before, after)],
        "score": [before["score"], after["score"]],
        "changed": changed,
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
    }


def _worth(result: Any) -> float:
    return WORTH.get(result, 0)


def _reasons(line: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"zh": part["zh"], "en": part["en"]} for part in line["parts"]]

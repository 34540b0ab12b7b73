"""The platform's own assessments as published, once that is decided: lines, results, shares measured.

No person, no name of a document and no single case: who owns them has not agreed, and readers need none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from credit.ledgers.assessments import Run

RESULTS: dict[str, tuple[str, str]] = {
    "met": ("符合", "met"),
    "partly": ("部分符合", "partly met"),
    "not_met": ("不符合", "not met"),
    "not_shown": ("未证明", "not shown"),
    "not_applicable": ("不适用", "not applicable"),
}
_HOW = {
    "evidenced": {
        "met": ("有有效文件", "a document in force"),
        "not_met": ("文件已失效或过期", "its document is no longer in force"),
        "not_shown": ("没有文件", "no document"),
    },
    "declared": {
        "met": ("有有效声明", "a statement in force"),
        "not_met": ("声明已失效", "its statement is no longer in force"),
        "not_shown": ("没有声明", "no statement"),
        "not_applicable": ("经负责人声明不适用", "stated by the person responsible not to apply"),
    },
}


def told(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What is published of the assessments, as JSON-able data, by catalogue."""
    return [
        {
            **{name: run.result[name] for name in ("catalogue", "assessed_on", "counts", "score", "stars")},
            "lines": [_line(line) for line in run.result["lines"]],
        }
        for run in runs
    ]


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: line[name] for name in ("id", "chapter", "asks")},
        "result": named(line["result"]),
        "reasons": [_reason(part) for part in line["parts"]],
    }


def _reason(part: Mapping[str, Any]) -> dict[str, str]:
    if part["how"] == "measured":
        if "share" not in part:
            return {"zh": part["zh"], "en": part["en"]}
        share, asked = (f"{number * 100:g}%" for number in (part["share"], part["at_least"]["value"]))
        return {
            "zh": f"{part['about']['zh']}：{share}；要求至少 {asked}",
            "en": f"{part['about']['en']}: {share}; asked: at least {asked}",
        }
    zh, en = _HOW[part["how"]][part["result"]]
    return {"zh": zh, "en": en}


def named(result: str) -> dict[str, str]:
    """A result with what it is called."""
    zh, en = RESULTS[result]
    return {"code": result, "zh": zh, "en": en}

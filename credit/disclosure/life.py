"""The life of the rules as published: `rulebooks/life.json`, and the text of every version that is no draft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from credit.disclosure.personal import struck
from credit.files.formats import to_json
from credit.ledgers import lifecycle

PATH = "rulebooks/life.json"

FIELDS: tuple[tuple[str, str, str], ...] = (
    ("versions[]", "台账中的每个规则版本", "every version of a rulebook in the ledger"),
    ("versions[].id, version, hash, title, subject", "规则编号、版本、SHA-256、名称、评价对象", "which rules, of whom"),
    ("versions[].state", "状态：草案、征求意见、已公布、施行中、已被替代", "draft, open, announced, in_force, superseded"),
    ("versions[].announced_on, effective_from", "规则文本所载公布日期、施行日期", "as the text of the rules says"),
    ("versions[].comments_until", "征求意见截止日（含）", "last day of the comment period"),
    ("versions[].in_force_from, superseded_on", "实际施行日、被替代日", "in force from that day, until before that day"),
    ("versions[].path", "规则原文路径；草案不公示原文", "path of the text; null for a draft"),
    ("versions[].events[]", "提出、修改、征求意见、公布、施行", "proposed, revised, opened, announced, enacted"),
    ("versions[].events[].at, day, by, note", "时间、日期、责任人、说明", "when, the person responsible as entered, note"),
    ("…[].entered, recorded_at", "当时记录、补记（附记录时间）、随软件发布", "as_it_happened, afterwards (then recorded_at), as_shipped"),
    ("versions[].comments[]", "意见：编号、时间、提出人、内容", "comments: number, at, author as entered, text"),
    ("versions[].comments[].answers[]", "答复：结果与理由；以最后一次为准", "outcome (adopted, partly, not_adopted) and reason; the last one holds"),
)  # fmt: skip
"""(field, Chinese, English), for the dictionary."""


def files(versions: list[lifecycle.Version], written: dict[str, str], zone: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of life.json and of each text that is not `written` (hash -> path) by the night itself."""
    lives: list[dict[str, Any]] = []
    for version in versions:
        if version.book().subject.role != "seller":
            continue  # buyers are consumers: nothing about their evaluation is published
        path = None
        if version.state != "draft":
            path = written.get(version.hash) or f"rulebooks/{version.id}-{version.version}.yaml"
            # A trial by another text under the same number has that path already.
            if version.hash not in written and path in written.values():
                path = f"rulebooks/{version.id}-{version.version}-{version.hash[:12]}.yaml"
            if version.hash not in written:
                yield path, version.text.encode()
        lives.append({**struck(lifecycle.life_of(version, zone)), "path": path})
    yield PATH, to_json({"format": "merchant-credit rulebook life", "zone": zone, "versions": lives}, indent=1) + b"\n"

"""What has to be seen before a grade: what is in force against a merchant, the gravest first.

An alert is an object of the document: `code`, `zh`, `en` say what, `level` how grave (severe, caution), `reason` is the text
that was entered, `effect` what it does to the grade, `since` and `until` its days. The first severe one is the merchant's
mark, which stands beside the grade wherever that is shown: search, badge, lists, feed, bulk files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

Alert = dict[str, Any]

SEVERE: Final = "severe"
CAUTION: Final = "caution"

_KINDS: Final = (
    ("termination", "终止服务", "Service terminated", SEVERE),
    ("suspension", "暂停服务", "Service suspended", SEVERE),
    ("serious_violation", "严重违法失信名单", "On the list of serious violations", SEVERE),
    ("dishonest_debtor", "失信被执行人", "Dishonest judgment debtor", SEVERE),
    ("restriction", "平台限制", "Restricted by the platform", SEVERE),
    ("abnormal_operation", "经营异常名录", "On the list of abnormal operation", SEVERE),
    ("administrative_penalty", "行政处罚", "Administrative penalty", CAUTION),
    ("warning", "平台警告", "Warned by the platform", CAUTION),
    ("finding", "违规认定", "Found in breach of the rules", CAUTION),
    ("closing", "即将停业", "Closing down", CAUTION),
)
"""What may be against a merchant, gravest first: code, Chinese, English, how grave."""
_PLACES: Final = {code: 10 * place for place, (code, *_) in enumerate(_KINDS)}
_NAMES: Final = {code: (zh, en, level) for code, zh, en, level in _KINDS}
_FIXED, _CAPPED, _SERIOUS, _BELOW = 15, 45, 55, 95
"""Where others stand among these: what fixes the grade, what caps it for a fact, serious penalties, what caps it for a bad
element."""


def alerts(
    vetoes: Sequence[dict[str, Any]],
    sanctions: Iterable[dict[str, Any]],
    records: Iterable[dict[str, Any]],
    notices: Iterable[dict[str, Any]],
) -> list[Alert]:
    """The alerts of one merchant, of what is published of it: vetoes that hold, sanctions and public records in force,
    notices. A veto that says what a sanction or record says is told with it, as its effect."""
    placed = [*_told(sanctions, "reason", "imposed_on", "until"), *_told(records, "note", "valid_from", "valid_until")]
    placed += [_notice(notice) for notice in notices if notice["kind"]["code"] in _NAMES]
    by_name = {alert["zh"]: alert for _, alert in reversed(placed)}
    for veto in vetoes:
        effect = _effect(veto)
        if (same := by_name.get(veto["zh"])) is not None:
            same["effect"] = effect
            continue
        place = _BELOW if veto["by"] == "element" else _FIXED if veto["effect"] == "fixed" else _CAPPED
        level = CAUTION if veto["by"] == "element" else SEVERE
        placed.append((place, _alert(veto["id"], veto["zh"], veto["en"], level, effect=effect)))
    return [alert for _, alert in sorted(placed, key=lambda entry: entry[0])]


def mark(gravest_first: Sequence[Alert]) -> Alert | None:
    """The gravest, where it is severe."""
    return gravest_first[0] if gravest_first and gravest_first[0]["level"] == SEVERE else None


def _alert(code: str, zh: str, en: str, level: str, **more: Any) -> Alert:
    return {"code": code, "zh": zh, "en": en, "level": level} | dict.fromkeys(_MORE) | more


_MORE = ("reason", "effect", "since", "until")


def _told(rows: Iterable[dict[str, Any]], reason: str, since: str, until: str) -> Iterator[tuple[int, Alert]]:
    """Of sanctions or public records. An award or a tax grade is nothing against anybody."""
    for row in rows:
        code = row["kind"] if isinstance(row["kind"], str) else row["kind"]["code"]
        if code in _NAMES:
            zh, en, level = _NAMES[code]
            serious = code == "administrative_penalty" and row["grade"] == "serious"
            more = {"reason": row[reason] or None, "since": row[since], "until": row[until]}
            yield _SERIOUS if serious else _PLACES[code], _alert(code, zh, en, SEVERE if serious else level, **more)


def _notice(notice: dict[str, Any]) -> tuple[int, Alert]:
    code = notice["kind"]["code"]
    reason_and_term = {
        "reason": {"zh": notice["zh"], "en": notice["en"]},
        "since": notice["on"],
        "until": notice["until"],
    }
    return _PLACES[code], _alert(code, *_NAMES[code], **reason_and_term)


def _effect(veto: dict[str, Any]) -> dict[str, str]:
    grade = veto["grade"]
    if veto["effect"] == "fixed":
        return {"zh": f"直接评为 {grade}", "en": f"the grade is {grade}"}
    return {"zh": f"等级不高于 {grade}", "en": f"the grade is at most {grade}"}

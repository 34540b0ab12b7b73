"""The verdict as a letter to the applicant, Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from credit.settings import Settings
from credit.vetting.verdict import VERDICTS

# --- the letter --------------------------------------------------------------------------------------------------


def _harmless(text: str) -> str:
    """Text in which neither Markdown nor HTML of somebody's name does anything, links included."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]|~#!])", r"\\\1", text)
    return text.replace("://", "&#58;//").replace("www.", "www&#46;")


def letter(result: Mapping[str, Any], number: int, settings: Settings) -> str:
    """What is given to the applicant, as Markdown, Chinese first: verdict, every reason, what to do, how to object."""
    unmet = [reason for reason in result["reasons"] if reason["leads_to"]]
    verdict = VERDICTS[result["verdict"]]
    parts = []
    for zh in (True, False):
        lang = "zh" if zh else "en"
        who = _harmless(result["name"] or result["applicant"])
        platform = _harmless(settings.platform_name if zh else settings.platform_name_en)
        parts += [
            f"# {'商家入驻审核结果通知' if zh else 'Result of vetting'}",
            (
                f"{who}：{platform}于 {result['on']} 对贵方的申请（编号 {number}）进行了审核，结果为：**{verdict.zh}**。"
                if zh
                else f"{who}: {platform} vetted your application (number {number}) as of {result['on']}. Result: **{verdict.en}**."
            ),
        ]
        # The same thing is said once, with all the checks it stands for.
        titles_by_reason: dict[tuple[str, str], list[str]] = {}
        for reason in unmet:
            effect = {"refuse": "不予通过" if zh else "refuses", "refer": "待补充或复核" if zh else "refers"}[
                reason["leads_to"]
            ]
            title = f"{reason[f'name_{lang}']}（{effect}）" if zh else f"{reason['name_en']} ({effect})"
            titles_by_reason.setdefault((reason[lang], reason[f"remedy_{lang}"]), []).append(title)
        if titles_by_reason:
            parts.append("## 理由与办理方法" if zh else "## Reasons, and what to do")
            parts.append(
                "\n".join(
                    f"{i}. **{_harmless(('、' if zh else ', ').join(titles))}**{'：' if zh else ': '}"
                    f"{_harmless(why)}{'。' if zh else '. '}{_harmless(remedy)}"
                    for i, ((why, remedy), titles) in enumerate(titles_by_reason.items(), 1)
                )
            )
        passed = [r[f"name_{lang}"] for r in result["reasons"] if r["outcome"] == "passed"]
        if passed:
            parts.append(f"已符合：{_harmless('、'.join(passed))}。" if zh else f"Met: {_harmless(', '.join(passed))}.")
        contact = _harmless(settings.objection_contact)
        by = f"{result['policy']} {result['policy_version']} ({result['policy_hash'][:12]})"
        parts += [
            "## 异议" if zh else "## How to object",
            (
                f"如对结果有异议，请注明编号 {number}，连同证明材料送至 {contact}。"
                if zh
                else f"If you disagree, write to {contact} with number {number} and what proves your case."
            ),
            f"审核依据：{by}。" if zh else f"Vetted by policy {by}.",
        ]
    return "\n\n".join(parts) + "\n"

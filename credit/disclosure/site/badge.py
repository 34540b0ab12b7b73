"""The badge of a grade: one SVG for all merchants that have it, another for those that the platform runs itself."""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup

from credit.disclosure.site.frame import tone

_COLOURS: Final = {"a": "#0f4c8a", "b": "#1d625b", "c": "#7d5100", "d": "#8c2323", "n": "#55616d"}
_FONT: Final = "PingFang SC,Noto Sans CJK SC,Microsoft YaHei,sans-serif"

_BADGE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" width="168" height="40" viewBox="0 0 168 40" role="img" aria-labelledby="t d">'
    '<title id="t">{title}</title><desc id="d">{desc}</desc>'
    '<rect width="168" height="40" rx="6" fill="{colour}"/>'
    '<rect x="2.5" y="2.5" width="163" height="35" rx="4" fill="none" stroke="#fff" stroke-opacity=".85"/>'
    '<text x="12" y="18" fill="#fff" font-family="{font}" font-size="11">{platform}</text>'
    '<text x="12" y="31" fill="#fff" font-family="{font}" font-size="10" fill-opacity=".9">{under}</text>'
    '<text x="154" y="28" fill="#fff" font-family="{font}" font-size="22" font-weight="700" text-anchor="end">{grade}</text></svg>\n'
)
_LONGEST = 8
"""Characters of the platform's name that fit."""


def badge(grade: str, meaning: dict[str, str], context: dict[str, Any], self_operated: bool = False) -> bytes:
    """The SVG badge of `grade`, a function of these alone. What is self-operated is marked so (E-Commerce Law Art. 37)."""
    platform, development = context["platform"]["zh"], context["development"]
    trial = "（试用）" if development else ""
    return (
        _BADGE.format(
            title=f"{platform}{' 平台自营' * self_operated} 信用等级 {grade} {meaning['zh']}{trial}",
            desc=f"{context['platform']['en']}: credit grade {grade}, {meaning['en']}"
            + ", operated by the platform itself" * self_operated
            + (" (signed with a development key, for trial only)" if development else ""),
            colour=_COLOURS[tone(grade)],
            font=_FONT,
            platform=platform if len(platform) <= _LONGEST else f"{platform[: _LONGEST - 1]}…",
            under=f"平台自营{trial or ' 信用等级'}" if self_operated else f"信用等级{trial or ' Credit grade'}",
            grade=grade,
        )
    ).encode()

"""The badge of a grade: one SVG for all merchants that have it, another for those that are marked or run by the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from credit.disclosure.site.frame import tone

_COLOURS: Final = {"a": "#0f4c8a", "b": "#1d625b", "c": "#7d5100", "d": "#8c2323", "n": "#55616d"}
_FONT: Final = "PingFang SC,Noto Sans CJK SC,Microsoft YaHei,sans-serif"

WIDTH: Final = 168
HEIGHT: Final = 58
_LEFT, _ACROSS = 8, 152
"""Where the scale begins, and how wide it is."""

_BADGE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" width="168" height="58" viewBox="0 0 168 58" role="img" aria-labelledby="t d">'
    '<title id="t">{title}</title><desc id="d">{desc}</desc>'
    '<rect width="168" height="58" rx="6" fill="{colour}"/>'
    '<rect x="2.5" y="2.5" width="163" height="53" rx="4" fill="none" stroke="#fff" stroke-opacity=".85"/>'
    '<text x="12" y="18" fill="#fff" font-family="{font}" font-size="11">{platform}</text>'
    '<text x="12" y="32" fill="#fff" font-family="{font}" font-size="{size}" font-weight="{weight}">{under}</text>'
    '<text x="156" y="29" fill="#fff" font-family="{font}" font-size="22" font-weight="700" text-anchor="end">{grade}</text>'
    "{scale}</svg>\n"
)
_LONGEST = 8
"""Characters of the platform's name that fit."""


def badge(
    grade: str,
    meaning: dict[str, str],
    context: dict[str, Any],
    *,
    scale: Sequence[str] = (),
    self_operated: bool = False,
    mark: dict[str, Any] | None = None,
) -> bytes:
    """The SVG badge of `grade`, a function of these alone. `scale`: the grades there are, best first, of which the one is
    marked. What is self-operated is marked so (E-Commerce Law Art. 37), and what is in force against the merchant, `mark`."""
    platform, development = context["platform"]["zh"], context["development"]
    trial = "（试用）" if development else ""
    own = f"平台自营{trial or ' 信用等级'}" if self_operated else f"信用等级{trial or ' Credit grade'}"
    marked = f"{mark['zh']}{' · 自营' * self_operated}{trial}" if mark else ""
    return (
        _BADGE.format(
            title=f"{platform}{' 平台自营' * self_operated}{' ' + mark['zh'] if mark else ''} 信用等级 {grade} {meaning['zh']}{trial}",
            desc=f"{context['platform']['en']}: {mark['en'] + '; ' if mark else ''}credit grade {grade}, {meaning['en']}"
            + (f", of {' '.join(scale)}" if scale else "")
            + ", operated by the platform itself" * self_operated
            + (" (signed with a development key, for trial only)" if development else ""),
            colour=_COLOURS["d" if mark else tone(grade, scale)],
            font=_FONT,
            platform=platform if len(platform) <= _LONGEST else f"{platform[: _LONGEST - 1]}…",
            under=marked or own,
            size=(11 if len(marked) < 9 else 9) if marked else 10,
            weight=700 if marked else 400,
            grade=grade,
            scale=_scale(grade, scale, _COLOURS["d" if mark else tone(grade, scale)]),
        )
    ).encode()


def _scale(grade: str, scale: Sequence[str], colour: str) -> Markup:
    """The scale from best to worst, the grade in a white box."""
    drawn = Markup("")
    for place, name in enumerate(scale):
        width = _ACROSS / len(scale)
        left = _LEFT + place * width
        box = Markup('<rect x="{:g}" y="38" width="{:g}" height="13" rx="2" fill="#fff" fill-opacity="{}"/>').format(
            round(left + 0.5, 1), round(width - 1, 1), "1" if name == grade else ".16"
        )
        drawn += box + Markup(
            '<text x="{:g}" y="47.3" fill="{}" font-family="{}" font-size="7.5" font-weight="{}" text-anchor="middle">{}</text>'
        ).format(
            round(left + width / 2, 1), colour if name == grade else "#fff", _FONT, 700 if name == grade else 400, name
        )
    return drawn

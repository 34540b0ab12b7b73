"""Published values in words and numbers: Chinese and English beside each other, escaped, ready to stand in a page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup, escape

from credit.disclosure import privacy
from credit.indicators.base import Unit
from credit.indicators.public_record import TAX_RANKS

Bilingual = dict[str, str]

STATE_TEXTS: Final = {
    "missing": ("缺少证据", "No evidence"),
    "not_applicable": ("不适用", "Not applicable"),
    "suppressed": ("数量过少不予公示", "Too few to publish"),
}
MARKS: Final = {"missing": "—", "not_applicable": "/", "suppressed": "※"}
"""The states in narrow tables, which explain them in their caption."""

_SUFFIXES: Final = {
    "stars": (" 星", " stars"),
    "days": (" 天", " days"),
    "hours": (" 小时", " hours"),
    "months": (" 个月", " months"),
}
_UNITS: Final[tuple[Unit, ...]] = ("stars", "hours", "days", "months", "index", "weighted")
_DECIMALS: Final[dict[str, int]] = {unit: privacy.DECIMALS[unit] for unit in _UNITS}
"""As many of every value of a unit, so that a column of them is even."""
_RANKS: Final = {float(place): grade for grade, place in TAX_RANKS.items()}
"""A rank is a tax credit grade, which people know by its letter, where nothing else is said of it."""
_PLACES: Final[dict[str, dict[float, tuple[str, str]]]] = {
    "fraud_upheld": {
        0: ("无", "none"),
        1: ("有，满两年不足三年", "yes, two to three years ago"),
        2: ("有，满一年不足两年", "yes, one to two years ago"),
        3: ("有，一年以内", "yes, within a year"),
    },
    "service_ended": {0: ("否", "no"), 1: ("暂停服务", "suspended"), 2: ("终止服务", "terminated")},
}
"""What the places of other ranks mean."""
_COUNTED: Final = {
    "order_volume": ("单", "orders"),
    "active_days": ("天", "days"),
    "distinct_buyers": ("人", "buyers"),
    "returning_buyers": ("人", "buyers"),
    "distinct_reviewers": ("人", "buyers"),
    "category_breadth": ("类", "categories"),
    "manipulation": ("次", "times"),
    "counterfeit": ("次", "times"),
    "honours": ("项", ""),
}
"""What is counted by an indicator."""


@lru_cache(maxsize=65_536)
def both(zh: str, en: str) -> Markup:
    """A text in both languages, of which the page shows one; only one where they are the same."""
    return escape(zh) if zh == en else Markup(f"<i lang=zh>{escape(zh)}</i><i lang=en>{escape(en)}</i>")


def bilingual(text: Bilingual | str | None) -> Markup:
    """{zh, en} in both languages; a text that has only one as it is; a dash for none."""
    if text is None:
        return Markup("—")
    return escape(text) if isinstance(text, str) else both(text["zh"], text["en"])


def iso(moment: Any) -> str:
    """A date or instant in ISO 8601, whether it is text already or not."""
    return moment if isinstance(moment, str) else str(moment.isoformat())


def minute(moment: Any) -> str:
    """An instant to the minute as it is written: 2026-11-24 00:00 +08:00."""
    text = iso(moment)
    return f"{text[:10]} {text[11:16]} {text[19:]}".strip()


def href(path: str) -> str:
    """A path below the site's root as a relative address."""
    return quote(path, safe="/~")


def plain(number: float, decimals: int = 10) -> str:
    """At most so many decimals, no zeros after them, thousands apart."""
    text = f"{number:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None, decimals: int = 0) -> str:
    return "—" if share is None else f"{share * 100:.{decimals}f}%"


@lru_cache(maxsize=65_536)
def measured(unit: str, value: float) -> str:
    """A measured value of an indicator, with its unit."""
    if unit == "flag":
        return both("是", "Yes") if value else both("否", "No")
    return bare(unit, value) + suffix(unit)


@lru_cache(maxsize=65_536)
def told(indicator: str, unit: str, value: float) -> str:
    """The value of an indicator, in the words of what it measures."""
    if (text := _PLACES.get(indicator, {}).get(value)) is not None:
        return both(*text)
    if unit == "index":
        return f"{value * 100:.1f}%"
    if unit == "weighted":
        return both(f"{value:.2f}（按轻重加权）", f"{value:.2f} (weighted by gravity)") if value else both("无", "none")
    return measured(unit, value)


@lru_cache(maxsize=4_096)
def told_band(indicator: str, at_least: int, below: int | None, money: bool = False) -> str:
    """The band of an indicator, with what is counted."""
    counted = _COUNTED.get(indicator)
    if below == 1 and not money:
        return both("无", "none")
    text = band(at_least, below, money)
    return text + both(f" {counted[0]}", f" {counted[1]}".rstrip()) if counted else text


def suffix(unit: str) -> str:
    """What stands behind a number of the unit, if anything."""
    return both(*_SUFFIXES[unit]) if unit in _SUFFIXES else ""


@lru_cache(maxsize=4_096)
def band(at_least: int, below: int | None, money: bool = False) -> str:
    """A band: 20–49; from ten thousand on in round numbers, 1万–2万 or 10k–20k."""
    if below is None:
        return both(f"≥ {_round_zh(at_least)}", f"≥ {_round_en(at_least)}")
    if at_least >= 10_000:
        return both(f"{_round_zh(at_least)}–{_round_zh(below)}", f"{_round_en(at_least)}–{_round_en(below)}")
    last = below - 1
    return f"{at_least:,}" if last == at_least and not money else f"{at_least:,}–{last:,}"


def share_band(at_least: float, below: float | None) -> str:
    """A band of a share: 80%–90%, or the last one, 90% and more."""
    low = f"{100 * at_least:.0f}%"
    if below is None:
        return both(f"{low}及以上", f"{low} or more")
    return f"{low}–{100 * below:.0f}%" if at_least else both(f"不足 {100 * below:.0f}%", f"under {100 * below:.0f}%")


def _round_zh(number: int) -> str:
    for size, name in ((100_000_000, "亿"), (10_000, "万")):
        if number >= size:
            return f"{plain(number / size)}{name}"
    return f"{number:,}"


def _round_en(number: int) -> str:
    for size, name in ((1_000_000_000, "bn"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{plain(number / size)}{name}"
    return f"{number:,}"


@lru_cache(maxsize=64)
def state(name: str) -> str:
    """What stands in place of a value that is not shown, in words."""
    return f"<span class=na>{both(*STATE_TEXTS[name])}</span>"


def cell(figure: dict[str, Any], unit: str) -> str:
    """A published figure for a narrow table, without its unit."""
    if figure["state"] != "measured":
        return MARKS[figure["state"]]
    if (value := figure.get("value")) is None:
        return band(figure["at_least"], figure["below"], unit == "amount")
    return bare(unit, value)


@lru_cache(maxsize=65_536)
def bare(unit: str, value: float) -> str:
    """A value without its unit, with as many decimals as any other of that unit."""
    if unit == "share":
        return f"{value * 100:.1f}%"
    if unit == "per_hundred":
        return plain(value * 100, 1)
    if unit == "per_order":
        return "<0.01%" if 0 < value < 0.000_05 else f"{value * 100:.2f}%"
    if unit == "rank" and value in _RANKS:
        return _RANKS[value]
    return f"{value:,.{_DECIMALS[unit]}f}" if unit in _DECIMALS else plain(value, 2)


_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)


def mail(contact: str) -> Markup:
    """Where to write to; a link where it is an address of e-mail."""
    text = escape(contact)
    return Markup('<a href="mailto:{0}">{0}</a>').format(text) if _EMAIL.fullmatch(contact) else text


_SEVERITIES = {"minor": ("轻微", "minor"), "moderate": ("一般", "moderate"), "serious": ("严重", "serious")}


def severity(grade: str) -> Markup:
    """The grade of a public record: that of a penalty in both languages, another as it is."""
    return both(*_SEVERITIES[grade]) if grade in _SEVERITIES else escape(grade)

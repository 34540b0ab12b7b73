"""Charts as inline SVG: no styles of their own, colours by class, numbers beside them as text or table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from credit.disclosure.site.words import iso, plain

Numbers = Sequence[tuple[float, float]]


def bar(value: float, full: float = 100, most: float = 100, kind: str = "") -> Markup:
    """A bar of `value` on a track of `full`, where the widest track is `most`. For the eye only: its number stands beside it."""
    return _bar(round(100 * min(value, full) / most, 1), round(100 * full / most, 1), kind)


@lru_cache(maxsize=65_536)
def _bar(filled: float, track: float, kind: str) -> Markup:
    return Markup(
        f'<svg class="bar{kind and " "}{kind}" viewBox="0 0 100 8" preserveAspectRatio=none aria-hidden=true>'
        f"<rect class=t width={track:g} height=8 /><rect class=f width={filled:g} height=8 /></svg>"
    )


_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 170, 36, 14, 22, 24
safe = lru_cache(maxsize=1_024)(escape)


@lru_cache(maxsize=64)
def _across(number: int) -> list[str]:
    """Where so many points stand from left to right."""
    return [f"{_LEFT + (_W - _LEFT - _RIGHT) * i / (number - 1):.1f}" for i in range(number)]


@lru_cache(maxsize=1_024)
def _grid(low: int, high: int) -> str:
    """Lines and numbers of the scores between."""
    up = _H - _TOP - _BOTTOM
    drawn = []
    for score in range(low, high + 1, 10 if high - low <= 40 else 20):
        y = _TOP + up * (high - score) / (high - low)
        drawn.append(
            f"<line class=grid x1={_LEFT} x2={_W - _RIGHT} y1={y:.1f} y2={y:.1f} />"
            f"<text x={_LEFT - 6} y={y + 3.5:.1f} text-anchor=end>{score}</text>"
        )
    return "".join(drawn)


def trend(points: list[dict[str, Any]], meaning: str) -> Markup:
    """The score of each evaluation as a line, the grade where it changes; not rated is an open mark on the ground line.

    `points`: {on, grade, score, rulebook_version}, oldest first, at least two, one with a score. `meaning` says the same in words.
    """
    scores = [point["score"] for point in points if point["score"] is not None]
    low, high = max(0, int(min(scores) - 4) // 10 * 10), min(100, -(int(-max(scores) - 4) // 10 * 10))
    low = max(0, min(low, high - 20))
    high = max(high, low + 20)
    xs, ground, last = _across(len(points)), _H - _BOTTOM, len(points) - 1
    scale = (ground - _TOP) / (high - low)
    drawn, run = [], []
    grade = version = None
    for place, (x, point) in enumerate(zip(xs, points, strict=True)):
        score, graded, rules = point["score"], point["grade"], point["rulebook_version"]
        y = f"{ground}" if score is None else f"{_TOP + scale * (high - score):.1f}"
        if rules != version and version is not None:
            between = (float(x) + float(xs[place - 1])) / 2
            drawn.append(f"<line class=rule x1={between:g} x2={between:g} y1={_TOP} y2={ground} />")
        if graded != grade or place == last:
            anchor = "end" if place == last else "middle" if place else "start"
            drawn.append(f"<text class=g x={x} y={float(y) - 8:g} text-anchor={anchor}>{safe(graded)}</text>")
            drawn.append(f'<circle class="{"dot open" if score is None else "dot"}" cx={x} cy={y} r=3.5 />')
        elif score is None:
            drawn.append(f'<circle class="dot open" cx={x} cy={y} r=2.5 />')
        grade, version = graded, rules
        if score is not None:
            run.append(f"{x},{y}")
        elif run:
            drawn.append(f'<polyline class=line points="{" ".join(run)}"/>')
            run = []
    if run:
        drawn.append(f'<polyline class=line points="{" ".join(run)}"/>')
    return Markup(
        f'<svg class=chart viewBox="0 0 {_W} {_H}" role=img aria-labelledby="trend-t trend-d"><title id=trend-t>信用得分走势 '
        f"Score over time</title><desc id=trend-d>{escape(meaning)}</desc>{_grid(low, high)}{''.join(drawn)}"
        f"<text x={xs[0]} y={_H - 7} text-anchor=start>{safe(iso(points[0]['on'])[:7])}</text>"
        f"<text x={xs[-1]} y={_H - 7} text-anchor=end>{safe(iso(points[-1]['on'])[:7])}</text></svg>"
    )


def curve(id_: str, points: Numbers, label: str) -> Markup:
    """A scoring curve: value from left to right, mark 0 to 100 upwards, level outside its points."""
    xs = [x for x, _ in points]
    span = xs[-1] - xs[0]

    def position(x: float, mark: float) -> str:
        return f"{14 + 92 * (x - xs[0]) / span:.1f},{6 + 38 * (1 - mark / 100):.1f}"

    inner = " ".join(position(x, mark) for x, mark in points)
    ends = f"2,{position(*points[0]).split(',')[1]} {inner} 118,{position(*points[-1]).split(',')[1]}"
    dots = "".join(
        f"<circle class=dot cx={place.split(',')[0]} cy={place.split(',')[1]} r=2 />"
        for place in (position(x, mark) for x, mark in points)
    )
    description = "; ".join(f"{plain(x)} → {plain(mark)}" for x, mark in points)
    return Markup(
        f'<svg class=curve viewBox="0 0 120 50" role=img aria-labelledby="{escape(id_)}-t {escape(id_)}-d">'
        f"<title id={escape(id_)}-t>{escape(label)}</title><desc id={escape(id_)}-d>{escape(description)}</desc>"
        f'<line class=grid x1=2 x2=118 y1=44 y2=44 /><line class=grid x1=2 x2=118 y1=6 y2=6 /><polyline class=line points="{ends}"/>'
        f"{dots}</svg>"
    )


_APART = 12
"""Between the names beside a column."""


def shares(
    number: int, history: list[dict[str, Any]], order: list[str], tones: dict[str, tuple[str, int]], meaning: str
) -> Markup:
    """Months as columns of equal height, each divided by grade, best at the bottom; the last has the grades' names beside it.
    `number` of the chart on its page, from 0. `tones`: class of each grade, and which of that class it is: 1 is plain, 2 and 3 lighter and patterned."""
    height, names = _H + 50, 34
    ground = height - _BOTTOM
    gap, up = (_W - _LEFT - names) / max(len(history), 1), ground - _TOP
    width = min(gap * 0.8, 40)
    drawn, beside = [], []
    for i, month in enumerate(history):
        total, from_ = sum(month["grades"].values()), float(ground)
        x = _LEFT + gap * i + (gap - width) / 2
        for grade in order:
            if n := month["grades"].get(grade, 0):
                tall = up * n / total
                from_ -= tall
                drawn.append(
                    filled(*tones[grade], f"x={x:.1f} y={from_:.1f} width={width:.1f} height={max(tall - 1, 0.4):.1f}")
                )
                if i == len(history) - 1:
                    beside.append((grade, from_ + tall / 2))
        if i in (0, len(history) - 1):
            drawn.append(
                f"<text x={x + width / 2:.1f} y={height - 7} text-anchor=middle>{escape(iso(month['on'])[:7])}</text>"
            )
    right = _LEFT + gap * len(history) - (gap - width) / 2
    for (grade, middle), y in zip(beside, _spread([y for _, y in beside], _TOP + 4), strict=True):
        drawn.append(f'<polyline class=lead points="{right + 2:.1f},{middle:.1f} {right + 8:.1f},{y:.1f}"/>')
        drawn.append(f"<text x={right + 10:.1f} y={y + 3.5:.1f}>{escape(grade)}</text>")
    drawn += [
        f"<text x={_LEFT - 6} y={_TOP + up * (1 - share / 100) + 3.5:.1f} text-anchor=end>{share}%</text>"
        for share in (0, 50, 100)
    ]
    return Markup(
        f'<svg class=chart viewBox="0 0 {_W} {height}" role=img aria-labelledby="history-{number}-t history-{number}-d">'
        f"<title id=history-{number}-t>各等级占比走势 Shares of the grades over time</title>"
        f"<desc id=history-{number}-d>{escape(meaning)}</desc>{'' if number else _PATTERNS}{''.join(drawn)}</svg>"
    )


def filled(tone: str, step: int, place: str) -> str:
    """A rectangle in the colour of a tone, patterned unless it is the first of its tone."""
    over = f'<rect fill="url(#step-{step})" {place} />' if step > 1 else ""
    return f'<rect class="tone-{tone} step-{step}" {place} />{over}'


_PATTERNS = (
    '<defs><pattern id=step-2 width=4 height=4 patternUnits=userSpaceOnUse patternTransform="rotate(45)">'
    "<rect class=over width=1.2 height=4 /></pattern>"
    "<pattern id=step-3 width=4 height=4 patternUnits=userSpaceOnUse><circle class=dots cx=2 cy=2 r=.8 /></pattern></defs>"
)


def _spread(heights: list[float], top: float) -> list[float]:
    """The heights, from the ground up, moved so far that what is written at them does not overlap."""
    spread: list[float] = []
    for y in heights:
        spread.append(min(y, spread[-1] - _APART) if spread else y)
    for i in range(len(spread) - 1, -1, -1):
        least = spread[i + 1] + _APART if i + 1 < len(spread) else top
        spread[i] = max(spread[i], least)
    return spread

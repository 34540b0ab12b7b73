"""Rulebooks read from YAML, all errors of one at once, each with file, line, key and what is allowed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from credit.errors import UserError
from credit.files.strict_yaml import YamlFault, error_list, in_order, problems_of, read
from credit.files.text import contents, decoded
from credit.indicators import CATALOGUE
from credit.indicators.base import PARAMETERS, WINDOWS
from credit.rulebooks.book import NOTICE_DAYS, Rulebook

FOLDER = Path(__file__).parent
MAX_PARAMETER = 36_500
"""A hundred years in days: more is a slip."""


def _dicts(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(i, item) for i, item in enumerate(items) if isinstance(item, dict)]


def _numbers(items: list[tuple[int, dict[str, Any]]], key: str) -> list[float] | None:
    values = [item.get(key) for _, item in items]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return numbers if values and len(numbers) == len(values) else None


_WORDS = frozenset({"id", "version", "standard", "reference", "zh", "en", "grade", "indicator", "element"})
"""Keys whose values are text even where they look like a number."""


def _quoted(node: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Numbers and dates written as text: no check between the parts would see them."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in _WORDS:
                yield from _quoted(value, (*place, str(key)))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _quoted(value, (*place, i))
    elif isinstance(node, bool) or (isinstance(node, str) and re.fullmatch(r"\s*[-+.\d][-+.\deE_]*\s*", node)):
        yield place, f"{node!r} is no number or date; write it without quotes, for example 0.95 or 2026-11-24"


def _structure(data: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(place, error) of what must hold between the parts; on the raw data, so that it shows beside the parts' errors."""
    yield from _quoted(data)
    elements = _dicts(data.get("elements"))
    if (weights := _numbers(elements, "weight")) and round(sum(weights), 6) != 100:
        yield ("elements",), f"weights of the elements sum to {sum(weights):g}; they must sum to 100"
    seen: set[Any] = set()
    for i, element in elements:
        place = ("elements", i, "indicators")
        rules = _dicts(element.get("indicators"))
        if (weights := _numbers(rules, "weight")) and round(sum(weights), 6) != 100:
            yield (
                place,
                f"weights of the indicators of element {element.get('id')} sum to {sum(weights):g}; they must sum to 100",
            )
        for j, rule in rules:
            name = rule.get("id")
            if name in CATALOGUE.indicators and CATALOGUE[name].element != element.get("id"):
                yield (
                    (*place, j),
                    f"indicator {name} belongs to element {CATALOGUE[name].element}, not {element.get('id')}",
                )
            if name in seen:
                yield (*place, j), f"indicator {name} stands twice"
            seen.add(name)
    grades = data.get("grades")
    levels = _dicts(grades.get("levels")) if isinstance(grades, dict) else []
    in_levels = ("grades", "levels")
    if edges := _numbers(levels, "at_least"):
        if any(b >= a for a, b in pairwise(edges)):
            yield in_levels, f"grades overlap: at_least must fall from the best grade to the worst, got {edges}"
        if edges[-1] != 0:
            yield in_levels, f"grade {levels[-1][1].get('grade')} is the worst and must begin at 0, got {edges[-1]:g}"
    names = [level.get("grade") for _, level in levels]
    if len({str(name) for name in names}) != len(names) or "NR" in names:
        yield in_levels, f"grade symbols must differ, and NR is reserved for not rated; got {names}"
    parameters = data.get("parameters")
    for name in parameters if isinstance(parameters, dict) else ():
        if name not in PARAMETERS:
            yield ("parameters", name), f"unknown parameter {name!r}; there are: {', '.join(PARAMETERS)}"
        stated = parameters[name] if isinstance(parameters, dict) else None
        value = stated.get("value") if isinstance(stated, dict) else None
        if isinstance(value, int | float) and value > MAX_PARAMETER:
            yield ("parameters", name), f"is {value:g}; allowed: at most {MAX_PARAMETER:g}"
    vetoes = _dicts(data.get("vetoes"))
    for i, veto in vetoes:
        if (on := veto.get("element")) is not None and on not in {element.get("id") for _, element in elements}:
            yield ("vetoes", i, "element"), f"{on!r} is no element of this rulebook"
        for key in ("at_most", "fixed"):
            if veto.get(key) is not None and veto[key] not in names:
                yield ("vetoes", i, key), f"{veto[key]!r} is no grade; allowed: {', '.join(map(str, names))}"
        if veto.get("id") in {other.get("id") for _, other in vetoes[:i]}:
            yield ("vetoes", i, "id"), f"veto {veto.get('id')} stands twice"
    for name in ("window_days", "dormant_after_days"):
        yield from _allowed_window(data, name)
    if (margin := data.get("margin")) and isinstance(margin, dict):
        points = margin.get("points")
        gaps = [a - b for a, b in pairwise(edges or [])]
        if isinstance(points, dict) and isinstance(points.get("value"), int | float) and gaps:
            narrow = min(gaps)
            if 0 < narrow < 2 * points["value"]:
                yield (
                    ("margin", "points"),
                    f"{points['value']:g} points either side leave nothing of a grade {narrow:g} points wide; "
                    f"allowed: at most {narrow / 2:g}",
                )
    announced, effective = data.get("announced_on"), data.get("effective_from")
    if isinstance(announced, date) and isinstance(effective, date):
        earliest = announced + timedelta(days=NOTICE_DAYS + 1)
        if effective < earliest:
            yield (
                ("effective_from",),
                f"{effective} is less than {NOTICE_DAYS} days, counted full, after announced_on {announced}; "
                f"the earliest is {earliest} (E-Commerce Law Art. 34)",
            )


def _allowed_window(data: dict[str, Any], name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    window = data.get(name)
    if isinstance(window, dict) and isinstance(window.get("value"), int | float) and window["value"] not in WINDOWS:
        yield (name,), f"is {window['value']:g}; allowed: {', '.join(map(str, WINDOWS))}"


def load(path: Path) -> Rulebook:
    """Read and validate a rulebook file. Raises UserError listing every error with file, line, key and remedy."""
    return parse(contents(path, f"rulebook {path}"), path)


@cache
def parse(raw: bytes, path: Path | str) -> Rulebook:
    """Validate the bytes of a rulebook; `path` is what errors call it. Raises UserError as `load` does."""
    text = decoded(raw, f"rulebook {path}", "a rulebook is a few hundred lines")
    try:
        data, lines = read(text)
    except YamlFault as fault:
        raise UserError(f"rulebook {path}{fault.where}: not usable YAML: {fault}") from None
    if not isinstance(data, dict):
        raise UserError(f"rulebook {path}: expected keys such as id, version, elements; got {type(data).__name__}")
    problems = list(_structure(data))
    try:
        book = Rulebook.model_validate({**data, "hash": hashlib.sha256(raw).hexdigest(), "text": text})
    except ValidationError as error:
        problems += problems_of(error)
    if not problems:
        return book
    raise UserError(error_list(f"rulebook {path}", in_order(path, lines, problems)))


def version_key(version: str) -> tuple[int, ...]:
    """Versions in order: 0.10.0 comes after 0.9.0."""
    return tuple(int(part) for part in version.split("."))


def shipped() -> list[Rulebook]:
    """The rulebooks of this package, by id and version."""
    return sorted((load(path) for path in FOLDER.glob("*.yaml")), key=lambda book: (book.id, version_key(book.version)))

"""Rulebooks: dated YAML files that say what counts, how much, and which grade a score is.

`load(path)` reads and validates one, reporting all its errors at once, each with file, line, key and what is allowed.
`shipped()` are those of this package. A rulebook is identified by id, version and the SHA-256 of its bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from credit.errors import UserError
from credit.indicators import CATALOGUE
from credit.indicators.base import PARAMETERS, WINDOWS

FOLDER = Path(__file__).parent
MAX_BYTES = 1 << 20
MAX_PARAMETER = 36_500
"""A hundred years in days: more is a slip."""
NOTICE_DAYS = 7
"""E-Commerce Law Art. 34: a rule change is published at least 7 days before it takes effect. Full days: what is announced
during a day takes effect at 00:00 eight days later at the earliest."""

Source = Literal["text", "law", "neighbour", "calibrated", "reconstruction"]
"""calibrated: chosen by what past orders tell of later ones; the reference names the data and where the evidence is."""
Percent = Annotated[float, Field(gt=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bilingual(_Strict):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Sourced(_Strict):
    """Anything with numbers says where they come from; `reference` names the law, the standard or the evidence."""

    source: Source
    reference: str | None = None

    @model_validator(mode="after")
    def _reference_is_named(self) -> Sourced:
        if self.source != "reconstruction" and not self.reference:
            raise ValueError(
                f"source {self.source} needs a reference: the law or standard and, for text, its clause; for calibrated, "
                "the data and where the evidence is"
            )
        return self


class SourcedNumber(Sourced):
    value: float = Field(ge=0)


class Subject(_Strict):
    kind: Literal["enterprise", "individual"]
    role: Literal["seller", "buyer"]


class IndicatorRule(Sourced):
    """How one indicator is scored: weight in its element (percent), shrinkage strength, curve [value, mark]."""

    id: str
    weight: Percent
    strength: float = Field(0, ge=0, description="observations the prior is worth; 0: no shrinkage")
    prior: Literal["population"] | float = "population"
    window_days: int | None = None
    curve: list[tuple[float, Annotated[float, Field(ge=0, le=100)]]] = Field(min_length=2)

    # Field by field rather than on the whole, so that one error does not hide another.
    @field_validator("id")
    @classmethod
    def _in_the_catalogue(cls, value: str) -> str:
        return _known_indicator(value)

    @field_validator("strength")
    @classmethod
    def _shrinks_only_samples(cls, value: float, info: ValidationInfo) -> float:
        indicator = CATALOGUE.indicators.get(info.data.get("id", ""))
        if value and indicator and indicator.denominator is None and indicator.evidence is None:
            raise ValueError(f"strength of {indicator.id}: a level is not shrunk; allowed: 0")
        return value

    @field_validator("window_days")
    @classmethod
    def _known_window(cls, value: int | None) -> int | None:
        return _window(value)

    @field_validator("curve")
    @classmethod
    def _runs_one_way(cls, value: list[tuple[float, float]], info: ValidationInfo) -> list[tuple[float, float]]:
        xs, marks = [x for x, _ in value], [mark for _, mark in value]
        if any(b <= a for a, b in pairwise(xs)):
            raise ValueError(f"values must rise from point to point, got {xs}")
        indicator = CATALOGUE.indicators.get(info.data.get("id", ""))
        if indicator and marks != sorted(marks, reverse=indicator.better == "low"):
            way = "fall" if indicator.better == "high" else "rise"
            raise ValueError(
                f"marks of {indicator.id} must never {way} as its value rises ({indicator.better} values are better), "
                f"got {marks}"
            )
        return value


class ElementRule(Sourced):
    id: str
    name: Bilingual
    weight: Percent
    indicators: list[IndicatorRule] = Field(min_length=1)


class Level(_Strict):
    grade: str = Field(min_length=1, max_length=8)
    at_least: float = Field(ge=0, le=100, description="lowest score of the grade")
    meaning: Bilingual


class Grades(Sourced):
    symbols: Sourced
    levels: list[Level] = Field(min_length=2)


class Minimum(_Strict):
    orders: SourcedNumber
    evidence: SourcedNumber


class Provisional(_Strict):
    """Below either, a merchant that is rated is marked provisional: what is known of it is little."""

    orders: SourcedNumber
    evidence: SourcedNumber


class Margin(_Strict):
    """A grade moves when the score has passed the edge by `points`, or has been past it for `evaluations` in a row.

    An evaluation more than `memory_days` ago is not looked back to.
    """

    points: SourcedNumber
    evaluations: SourcedNumber
    memory_days: SourcedNumber


class Veto(Sourced):
    """A fact that caps the grade (`at_most`) or fixes it, rated or not (`fixed`), whatever the score is.

    It holds where the measured value of `indicator` is above `above` or below `below`; what is not measured never
    vetoes.
    """

    id: str = Field(pattern=r"^[a-z0-9_]{2,60}$")
    name: Bilingual
    indicator: str
    window_days: int | None = None
    above: float | None = None
    below: float | None = None
    at_most: str | None = None
    fixed: str | None = None

    @field_validator("indicator")
    @classmethod
    def _in_the_catalogue(cls, value: str) -> str:
        return _known_indicator(value)

    @field_validator("window_days")
    @classmethod
    def _known_window(cls, value: int | None) -> int | None:
        return _window(value)

    @model_validator(mode="after")
    def _one_condition_and_one_effect(self) -> Veto:
        if (self.above is None) == (self.below is None):
            raise ValueError(f"veto {self.id} needs one of above and below")
        if (self.at_most is None) == (self.fixed is None):
            raise ValueError(f"veto {self.id} needs one of at_most (a cap) and fixed")
        return self

    @property
    def grade(self) -> str:
        return self.at_most or self.fixed or ""


def _known_indicator(value: str) -> str:
    if value not in CATALOGUE:
        raise ValueError(f"unknown indicator {value!r}; the catalogue has: {', '.join(CATALOGUE.indicators)}")
    return value


def _window(value: int | None) -> int | None:
    if value is not None and value not in WINDOWS:
        raise ValueError(f"allowed: {', '.join(map(str, WINDOWS))}")
    return value


class Rulebook(_Strict):
    """A validated rulebook; `hash` and `text` are those of the file it was read from."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,60}$")
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    standard: str
    title: Bilingual
    subject: Subject
    announced_on: date
    effective_from: date
    window_days: SourcedNumber
    minimum: Minimum
    provisional: Provisional | None = None
    dormant_after_days: SourcedNumber | None = None
    margin: Margin | None = None
    parameters: dict[str, SourcedNumber] = Field(default_factory=dict)
    vetoes: list[Veto] = Field(default_factory=list)
    elements: list[ElementRule] = Field(min_length=1)
    grades: Grades
    hash: str = Field("", exclude=True)
    text: str = Field("", exclude=True)

    def rules(self) -> Iterator[tuple[ElementRule, IndicatorRule]]:
        for element in self.elements:
            for rule in element.indicators:
                yield element, rule

    def window(self, rule: IndicatorRule) -> int:
        """Days of the rule's window."""
        return rule.window_days or int(self.window_days.value)

    def indicators(self) -> Iterator[tuple[str, int]]:
        """(indicator, days of its window) of every rule and veto, each pair once."""
        pairs = [(rule.id, self.window(rule)) for _, rule in self.rules()]
        pairs += [(veto.indicator, self.veto_window(veto)) for veto in self.vetoes]
        yield from dict.fromkeys(pairs)

    def veto_window(self, veto: Veto) -> int:
        """Days of the veto's window."""
        return veto.window_days or int(self.window_days.value)

    @property
    def values(self) -> dict[str, float]:
        """What it says of parameters of the catalogue."""
        return {name: number.value for name, number in self.parameters.items()}

    @property
    def symbols(self) -> list[str]:
        """Grade symbols, best first."""
        return [level.grade for level in self.grades.levels]

    @property
    def label(self) -> str:
        return f"{self.id} {self.version}"


def _dicts(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(i, item) for i, item in enumerate(items) if isinstance(item, dict)]


def _numbers(items: list[tuple[int, dict[str, Any]]], key: str) -> list[float] | None:
    values = [item.get(key) for _, item in items]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return numbers if values and len(numbers) == len(values) else None


_WORDS = frozenset({"id", "version", "standard", "reference", "zh", "en", "grade", "indicator"})
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


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few lines of them could stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain name", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _lines(node: yaml.Node | None, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if node is None:
        return
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield from _lines(value, (*place, i))


def read(text: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """(what a rulebook's YAML says, line of each place in it), not validated. Raises yaml.YAMLError."""
    data, lines = _read(text)
    return deepcopy(data), dict(lines)


@lru_cache(maxsize=32)
def _read(text: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        # Lines first: constructing a mapping moves merged keys about.
        lines = dict(_lines(node))
        return (None if node is None else loader.construct_document(node)), lines
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]


def load(path: Path) -> Rulebook:
    """Read and validate a rulebook file. Raises UserError listing every error with file, line, key and remedy."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"rulebook {path} cannot be read: {error.strerror}") from None
    return parse(raw, path)


@cache
def parse(raw: bytes, path: Path | str) -> Rulebook:
    """Validate the bytes of a rulebook; `path` is what errors call it. Raises UserError as `load` does."""
    if len(raw) > MAX_BYTES:
        raise UserError(f"rulebook {path} is larger than {MAX_BYTES >> 20} MiB; a rulebook is a few hundred lines")
    try:
        text = raw.decode("utf-8")
        data, lines = read(text)
    except UnicodeDecodeError as error:
        raise UserError(f"rulebook {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"rulebook {path}, line {line}: not usable YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"rulebook {path}: not usable YAML: {error}") from None
    if not isinstance(data, dict):
        raise UserError(f"rulebook {path}: expected keys such as id, version, elements; got {type(data).__name__}")
    problems = list(_structure(data))
    try:
        book = Rulebook.model_validate({**data, "hash": hashlib.sha256(raw).hexdigest(), "text": text})
    except ValidationError as error:
        problems += [(tuple(p["loc"]), str(p["msg"]).removeprefix("Value error, ")) for p in error.errors()]
    if not problems:
        return book
    said = []
    for place, message in problems:
        known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
        key = ".".join(str(part) for part in place) or "(whole)"
        said.append((lines.get(known, 1), f"{path}, line {lines.get(known, 1)}, {key}: {message}"))
    raise UserError(
        f"rulebook {path} has {len(said)} error{'s' * (len(said) > 1)}:\n  "
        + "\n  ".join(text for _, text in sorted(said))
    )


def version_key(version: str) -> tuple[int, ...]:
    """Versions in order: 0.10.0 comes after 0.9.0."""
    return tuple(int(part) for part in version.split("."))


def shipped() -> list[Rulebook]:
    """The rulebooks of this package, by id and version."""
    return sorted((load(path) for path in FOLDER.glob("*.yaml")), key=lambda book: (book.id, version_key(book.version)))

"""A rulebook, validated: elements, indicators' rules, grades, vetoes, each number with its source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from credit.indicators import CATALOGUE
from credit.indicators.base import PERMIT, RATE, WINDOWS
from credit.sourced import Bilingual, Sourced, SourcedNumber, Strict

NOTICE_DAYS = 7
"""E-Commerce Law Art. 34: a rule change is published at least 7 days before it takes effect. Full days: what is announced
during a day takes effect at 00:00 eight days later at the earliest."""
Percent = Annotated[float, Field(gt=0, le=100)]


class Subject(Strict):
    kind: Literal["enterprise", "individual"]
    role: Literal["seller", "buyer"]


class IndicatorRule(Sourced):
    """How one indicator is scored: weight in its element (percent), shrinkage strength, curve [value, mark]."""

    id: str
    weight: Percent
    strength: float = Field(0, ge=0, description="observations the prior is worth; 0: no shrinkage")
    prior: Literal["population"] | float = Field(
        "population",
        description="what stands where nothing is known; with strength, worth the rulebook's reference merchants",
    )
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


class Level(Strict):
    grade: str = Field(min_length=1, max_length=8)
    at_least: float = Field(ge=0, le=100, description="lowest score of the grade")
    meaning: Bilingual


class Grades(Sourced):
    symbols: Sourced
    levels: list[Level] = Field(min_length=2)


class Minimum(Strict):
    orders: SourcedNumber
    evidence: SourcedNumber


class Provisional(Strict):
    """Below either, a merchant that is rated is marked provisional: what is known of it is little."""

    orders: SourcedNumber
    evidence: SourcedNumber


class Margin(Strict):
    """A grade moves when the score has passed the edge by `points`, or is past it and was so in `evaluations` of the last
    `of_evaluations` (unless given: all of them, in a row).

    An evaluation more than `memory_days` ago is not looked back to.
    """

    points: SourcedNumber
    evaluations: SourcedNumber
    memory_days: SourcedNumber
    of_evaluations: SourcedNumber | None = None

    @property
    def looks_at(self) -> int:
        """How many evaluations count, tonight's among them."""
        return int((self.of_evaluations or self.evaluations).value)


class References(Strict):
    """Where the reference averages come from: those of a period are made at its beginning. A rule's own prior is worth so many
    `merchants`; a merchant's value counts no further than to where its curve marks `least_mark`."""

    merchants: SourcedNumber
    least_mark: SourcedNumber


class Rate(SourcedNumber):
    """What one of a currency is worth in another."""

    value: float = Field(gt=0)


class Permits(Sourced):
    """The categories whose sellers need an administrative permit, by every name they go by in the register."""

    categories: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)


class Veto(Sourced):
    """A fact that caps the grade (`at_most`) or fixes it, rated or not (`fixed`), whatever the score is.

    It holds where the measured value of `indicator`, or the mark of `element`, is above `above` or below `below`; what is not
    measured never vetoes.
    """

    id: str = Field(pattern=r"^[a-z0-9_]{2,60}$")
    name: Bilingual
    indicator: str | None = None
    element: str | None = None
    window_days: int | None = None
    above: float | None = None
    below: float | None = None
    at_most: str | None = None
    fixed: str | None = None

    @field_validator("indicator")
    @classmethod
    def _in_the_catalogue(cls, value: str | None) -> str | None:
        return value if value is None else _known_indicator(value)

    @field_validator("window_days")
    @classmethod
    def _known_window(cls, value: int | None) -> int | None:
        return _window(value)

    @model_validator(mode="after")
    def _one_condition_and_one_effect(self) -> Veto:
        if (self.indicator is None) == (self.element is None):
            raise ValueError(f"veto {self.id} needs one of indicator and element")
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


class Rulebook(Strict):
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
    references: References | None = None
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$")
    """Of the amounts in curves and parameters."""
    rates: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Rate] = Field(default_factory=dict)
    """Currency -> what one of it is worth in the rulebook's. Amounts in others are not compared, nor added."""
    permits: Permits | None = None
    """Unless given, a permit is asked of whoever has one on file."""
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
        pairs += [(veto.indicator, self.veto_window(veto)) for veto in self.vetoes if veto.indicator]
        yield from dict.fromkeys(pairs)

    def veto_window(self, veto: Veto) -> int:
        """Days of the veto's window."""
        return veto.window_days or int(self.window_days.value)

    def outdone_by(self, veto: Veto) -> list[Veto]:
        """The stronger vetoes of the same fact or element: where one of them holds, this one changes nothing."""

        def strength(other: Veto) -> tuple[bool, int]:
            return other.fixed is not None, self.symbols.index(other.grade)

        def subject(other: Veto) -> tuple[str | None, str | None]:
            return other.indicator and (CATALOGUE[other.indicator].fact or other.indicator), other.element

        same = [v for v in self.vetoes if subject(v) == subject(veto)]
        return [other for other in same if strength(other) > strength(veto)]

    @property
    def values(self) -> dict[str, float]:
        """What it says of parameters of the catalogue, and the worth of currencies."""
        rates = {self.currency: 1.0} | {code: rate.value for code, rate in self.rates.items()}
        stated = {name: number.value for name, number in self.parameters.items()}
        permits = self.permits.categories if self.permits else []
        return (
            stated
            | {f"{RATE}{code}": rate for code, rate in rates.items()}
            | {f"{PERMIT}{category}": 1.0 for category in permits}
        )

    @property
    def symbols(self) -> list[str]:
        """Grade symbols, best first."""
        return [level.grade for level in self.grades.levels]

    @property
    def label(self) -> str:
        return f"{self.id} {self.version}"

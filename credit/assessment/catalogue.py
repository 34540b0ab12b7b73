"""A catalogue of criteria: what a standard asks of the enterprise itself, of whom, and how each is shown.

measured    a measurement over warehouse, ledgers or published files, with the share of cases that must be in order
evidenced   a document that a person has added, in force on the day
declared    a statement that a person has made, in force on the day; a document does as well
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from credit.assessment import carriers, goods, keeping, merchants, orders, publications  # noqa: F401 - register the measurements
from credit.assessment.measuring import MEASURES
from credit.errors import UserError
from credit.files.strict_yaml import as_model
from credit.files.text import contents, decoded
from credit.sourced import Bilingual, Dated, Sourced, SourcedNumber, Strict, repeated

FOLDER = Path(__file__).parent / "catalogues"

Scope = Literal[
    "enterprise", "platform", "seller", "self_operated", "goods", "deposits", "cross_border", "personalised", "tie_in"
]
SCOPES: dict[Scope, Bilingual] = {
    "enterprise": Bilingual(zh="所有电子商务企业", en="every e-commerce enterprise"),
    "platform": Bilingual(zh="运营平台的企业", en="whoever runs a platform"),
    "seller": Bilingual(zh="平台及入驻平台的企业", en="platforms, and sellers on them"),
    "self_operated": Bilingual(zh="开展自营业务的", en="with business of its own on the platform"),
    "goods": Bilingual(zh="销售实体货物的", en="with goods that are delivered"),
    "deposits": Bilingual(zh="向消费者收取押金的", en="taking deposits from consumers"),
    "cross_border": Bilingual(zh="从事跨境业务的", en="trading across borders"),
    "personalised": Bilingual(zh="提供个性化搜索结果的", en="showing personalised search results"),
    "tie_in": Bilingual(zh="搭售商品或者服务的", en="with tie-in offers"),
}


class Measured(Strict):
    """At least so large a share of the cases (0 to 1) is in order; from `partly_from` on it is met in part."""

    how: Literal["measured"]
    measure: str
    at_least: SourcedNumber
    partly_from: SourcedNumber
    numbers: dict[str, SourcedNumber] = Field({})
    values: dict[str, list[str]] = Field({})

    @model_validator(mode="after")
    def _measure_has_what_it_needs(self) -> Measured:
        if self.measure not in MEASURES:
            raise ValueError(f"unknown measure {self.measure!r}; there are: {', '.join(sorted(MEASURES))}")
        measure = MEASURES[self.measure]
        for section, given, needed in (
            ("numbers", self.numbers, measure.numbers),
            ("values", self.values, measure.values),
        ):
            if set(given) != set(needed):
                raise ValueError(f"{section} of measure {self.measure}: expected {', '.join(needed) or 'none'}")
        if not 0 <= self.partly_from.value <= self.at_least.value <= 1:
            raise ValueError("expected shares, 0 <= partly_from <= at_least <= 1")
        return self


class Evidenced(Strict):
    """A document in force on the day; with `max_age_days`, dated at most so many days before."""

    how: Literal["evidenced"]
    document: Bilingual
    max_age_days: SourcedNumber | None = None


class Declared(Strict):
    """A statement by a person, in force on the day."""

    how: Literal["declared"]
    statement: Bilingual


Means = Annotated[Measured | Evidenced | Declared, Field(discriminator="how")]


class Criterion(Strict):
    """One line: a clause, or a lettered item of one. All of `shown_by` is needed for it to be met."""

    clause: str = Field(pattern=r"^[A-Z]?\d{1,2}(\.\d{1,2}){0,4}$")
    """Its number in the standard; where that is not known a number of ours, which begins with a letter."""
    item: str = Field("", pattern=r"^[a-z]?$")
    asks: Bilingual
    applies_to: Scope = "enterprise"
    weight: float = Field(1, gt=0, le=100)
    shown_by: list[Means] = Field(min_length=1)

    @field_validator("shown_by")
    @classmethod
    def _one_paper(cls, value: list[Means]) -> list[Means]:
        # Evidence names the line alone: of two papers asked for one would do for both.
        if sum(not isinstance(means, Measured) for means in value) > 1:
            raise ValueError(
                "expected at most one document or statement a line; name all of it there, or make lettered items"
            )
        return value

    @property
    def id(self) -> str:
        """The clause with its letter: `4.2.1.1a`."""
        return self.clause + self.item


class Chapter(Strict):
    clause: str
    title: Bilingual


class Stars(Strict):
    at_least: float = Field(ge=0, le=100)
    stars: int = Field(ge=0, le=5)


class Grading(Sourced):
    """Stars by score, from the lowest; below the first it is not passed."""

    levels: list[Stars] = Field(min_length=1)

    @field_validator("levels")
    @classmethod
    def _rising(cls, value: list[Stars]) -> list[Stars]:
        edges = [(level.at_least, level.stars) for level in value]
        if edges != sorted(set(edges)) or len({stars for _, stars in edges}) < len(edges):
            raise ValueError("expected levels from the lowest up, each with more stars than the one before")
        return value


class Catalogue(Dated):
    """A validated catalogue; `hash` and `text` are those of the file it was read from."""

    chapters: list[Chapter] = Field(min_length=1)
    criteria: list[Criterion] = Field(min_length=1)
    grading: Grading | None = None
    hash: str = Field("", exclude=True)
    text: str = Field("", exclude=True)

    @model_validator(mode="after")
    def _fits_together(self) -> Catalogue:
        if twice := repeated(c.id for c in self.criteria):
            raise ValueError(f"criteria stand twice: {', '.join(twice)}")
        if homeless := [c.id for c in self.criteria if self.chapter_of(c) is None]:
            raise ValueError(f"no chapter holds {', '.join(homeless)}; name it in chapters")
        return self

    def chapter_of(self, criterion: Criterion) -> Chapter | None:
        """The innermost chapter that holds a criterion."""
        held = [c for c in self.chapters if f"{criterion.clause}.".startswith(f"{c.clause}.")]
        return max(held, key=lambda chapter: len(chapter.clause), default=None)

    def criterion(self, name: str) -> Criterion:
        """The criterion of a line. Raises UserError naming those of the same chapter."""
        for criterion in self.criteria:
            if criterion.id == name:
                return criterion
        near = [c.id for c in self.criteria if c.id.split(".")[:2] == name.split(".")[:2]] or [
            c.id for c in self.criteria
        ]
        raise UserError(f"catalogue {self.id} has no criterion {name!r}; there are for example {', '.join(near[:12])}")

    def numbers(self) -> Iterator[tuple[str, str, Sourced, float | None]]:
        """(line, what, where it comes from, value) of everything that has a source."""
        for criterion in self.criteria:
            for means in criterion.shown_by:
                if isinstance(means, Measured):
                    yield criterion.id, f"{means.measure}: at_least", means.at_least, means.at_least.value
                    yield criterion.id, f"{means.measure}: partly_from", means.partly_from, means.partly_from.value
                    for name, number in means.numbers.items():
                        yield criterion.id, f"{means.measure}: {name}", number, number.value
                elif isinstance(means, Evidenced) and means.max_age_days:
                    yield criterion.id, "max_age_days", means.max_age_days, means.max_age_days.value


def parse(raw: bytes, path: Path | str) -> Catalogue:
    """Validate the bytes of a catalogue; `path` is what errors call it.

    Raises UserError naming every error with file, line and key."""
    text = decoded(raw, f"catalogue {path}", "a catalogue is a few hundred lines")
    catalogue = as_model(
        Catalogue, text, "catalogue", path, "keys such as id, version, criteria", ("measured", "evidenced", "declared")
    )
    return catalogue.model_copy(update={"hash": hashlib.sha256(raw).hexdigest(), "text": text})


def load(path: Path) -> Catalogue:
    """The catalogue in a file. Raises UserError as `parse` does."""
    return parse(contents(path, f"catalogue {path}", "; give a YAML file"), path)


@cache
def shipped() -> dict[str, Catalogue]:
    """The catalogues of this package by id."""
    return {catalogue.id: catalogue for catalogue in map(load, sorted(FOLDER.glob("*.yaml")))}


def named(name: str) -> Catalogue:
    """A shipped catalogue by its id, or the one in a file. Raises UserError naming those there are."""
    if name in shipped():
        return shipped()[name]
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    raise UserError(f"no catalogue {name!r}; there are {', '.join(shipped())}, or give a .yaml file")


def as_data(catalogue: Catalogue) -> dict[str, Any]:
    """What names a catalogue in results."""
    return {
        "id": catalogue.id, "version": catalogue.version, "hash": catalogue.hash, "standard": catalogue.standard,
        "title": catalogue.title.model_dump(), "requirements": catalogue.requirements.model_dump(),
    }  # fmt: skip

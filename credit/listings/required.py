"""What each category of goods must show, as dated data: `gbt-35411-listing-*.yaml` beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import Field, model_validator

from credit.categories import any_of
from credit.files.strict_yaml import as_model
from credit.files.text import contents, decoded
from credit.sourced import Bilingual, Dated, Sourced, Strict, repeated
from credit.tables import LISTINGS

FOLDER = Path(__file__).parent

FIELDS = (
    "name", "price", "brand", "maker", "origin", "specification", "material", "shelf_life", "certificate", "after_sales",
    "delivery", "photographs",
)  # fmt: skip
"""Columns of the table listings that can be asked for."""
SHOWN: Mapping[str, str] = {
    field: "photographs > 0" if field == "photographs" else f"{field} IS NOT NULL" for field in FIELDS
}
"""Field -> SQL that is true of a listing that shows it; not true of one that does not."""


class Category(Strict):
    id: str
    names: list[str] = Field(min_length=1)


class Shown(Sourced):
    """A field that must be shown, of the categories `of`; of all where there are none."""

    field: str
    of: list[str] = Field([])


class Required(Dated):
    """A validated list of what must be shown."""

    categories: list[Category] = Field(min_length=1)
    fields: list[Shown] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Required:
        for what, names, known in (
            ("fields", [shown.field for shown in self.fields], set(FIELDS)),
            ("categories", [category.id for category in self.categories], None),
        ):
            if twice := repeated(names):
                raise ValueError(f"{what} stand twice: {', '.join(twice)}")
            if known is not None and (unknown := sorted(set(names) - known)):
                raise ValueError(f"unknown fields {', '.join(unknown)}; there are: {', '.join(FIELDS)}")
        ids = {category.id for category in self.categories}
        if unknown := sorted({name for shown in self.fields for name in shown.of} - ids):
            raise ValueError(f"unknown categories {', '.join(unknown)}; there are: {', '.join(sorted(ids))}")
        return self

    def pattern(self, field: Shown) -> str | None:
        """A pattern of the categories that must show a field; None where every one must."""
        if not field.of:
            return None
        return any_of(name for category in self.categories if category.id in field.of for name in category.names)


def load(path: Path) -> Required:
    """The list in a file. Raises UserError naming every error with file, line and key."""
    what = f"list of what is shown {path}"
    text = decoded(contents(path, what, "; give a YAML file"), what, "such a list is a hundred lines")
    return as_model(Required, text, "list of what is shown", path, "keys such as id, version, fields")


@cache
def shipped() -> tuple[Required, ...]:
    """The lists of this package, the earliest in force first."""
    return tuple(sorted(map(load, FOLDER.glob("*.yaml")), key=lambda each: (each.effective_from, each.version)))


def in_force(day: date) -> Required:
    """The list in force on a day; before the first of them, that one."""
    return next((each for each in reversed(shipped()) if each.effective_from <= day), shipped()[0])


def called(field: str) -> Bilingual:
    """A field's name for people."""
    column = LISTINGS.column(field)
    return Bilingual(zh=column.zh, en=column.en)

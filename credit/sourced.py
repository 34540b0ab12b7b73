"""Numbers and names with their source and in both languages: what rulebooks, parameters and policies are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

Source = Literal["text", "law", "neighbour", "calibrated", "reconstruction"]
"""calibrated: chosen by what past orders tell of later ones; the reference names the data and where the evidence is."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bilingual(Strict):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Sourced(Strict):
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

    @property
    def cited(self) -> str:
        """The source, with what it rests on."""
        return f"{self.source}: {self.reference}" if self.reference else self.source


class SourcedNumber(Sourced):
    value: float = Field(ge=0)


class Dated(Strict):
    """What is asked by a standard, as a file with its version and its dates."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,60}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    standard: str = Field(min_length=1)
    title: Bilingual
    requirements: Sourced
    """Where the wording of what is asked comes from."""
    announced_on: date
    effective_from: date

    @model_validator(mode="after")
    def _announced_first(self) -> Dated:
        if self.effective_from < self.announced_on:
            raise ValueError("effective_from is before announced_on")
        return self


def repeated(names: Iterable[str]) -> list[str]:
    """Those that stand more than once, in order."""
    return sorted(name for name, times in Counter(names).items() if times > 1)

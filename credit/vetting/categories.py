"""The categories of the platform: which permit and which deposit each needs."""

from __future__ import annotations

from pydantic import Field

from credit.sourced import Sourced, SourcedNumber, Strict
from credit.vetting.case import same_text


class Permit(Sourced):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Category(Strict):
    """What sellers of one category need; `names` are all it goes by."""

    id: str
    names: list[str] = Field(min_length=1)
    permit: Permit | None = None
    deposit: SourcedNumber


class Categories(Strict):
    """Every category with what it needs; `other_deposit` holds for one that is not among them."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    categories: list[Category]
    other_deposit: SourcedNumber

    def category(self, name: str | None) -> Category | None:
        """The category that goes by this name, or None."""
        return next((c for c in self.categories if name and same_text(name) in map(same_text, c.names)), None)

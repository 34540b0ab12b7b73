"""The vetting policy: which checks are made, with which numbers, and what permits a category needs."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from credit.files.strict_yaml import as_model
from credit.files.text import contents, decoded
from credit.sourced import Bilingual, Sourced, SourcedNumber, repeated
from credit.vetting.categories import Categories
from credit.vetting.checks import TESTS

FILE = Path(__file__).parent / "vetting.yaml"

Area = Literal["basic", "operating", "brand", "credit"]
AREAS: dict[Area, Bilingual] = {
    "basic": Bilingual(zh="基本资质", en="Basic qualification"),
    "operating": Bilingual(zh="经营资质", en="Operating qualification"),
    "brand": Bilingual(zh="品牌资质", en="Brand qualification"),
    "credit": Bilingual(zh="信用核查", en="Credit"),
}


# --- the policy --------------------------------------------------------------------------------------------------


class CheckRule(Sourced):
    """One check of the policy. `source` speaks for the check itself, each of `numbers` has its own."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")
    test: str = ""
    area: Area
    name: Bilingual
    leads_to: Literal["refuse", "refer"]
    kinds: list[Literal["enterprise", "individual"]] = Field(["enterprise", "individual"], min_length=1)
    numbers: dict[str, SourcedNumber] = Field({})
    values: dict[str, list[str]] = Field({})
    remedy: Bilingual

    @property
    def function(self) -> str:
        return self.test or self.id

    @model_validator(mode="after")
    def _test_has_what_it_needs(self) -> CheckRule:
        if self.function not in TESTS:
            raise ValueError(f"unknown test {self.function!r}; there are: {', '.join(TESTS)}")
        test = TESTS[self.function]
        for section, names, needed in (("numbers", self.numbers, test.numbers), ("values", self.values, test.values)):
            if set(names) != set(needed):
                raise ValueError(f"{section} of test {self.function}: expected {', '.join(needed) or 'none'}")
        return self


class Policy(Categories):
    """A validated policy; `hash` and `text` are those of the file it was read from."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,60}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: Bilingual
    checks: list[CheckRule] = Field(min_length=1)
    hash: str = Field("", exclude=True)
    text: str = Field("", exclude=True)

    @field_validator("checks")
    @classmethod
    def _each_once(cls, value: list[CheckRule]) -> list[CheckRule]:
        if twice := repeated(check.id for check in value):
            raise ValueError(f"stand twice: {', '.join(twice)}")
        return value


def load_policy(path: Path | None = None) -> Policy:
    """The policy in a file (default: the shipped one). Raises UserError naming every error with file, line and key."""
    path = path or FILE
    return parse_policy(contents(path, f"vetting policy {path}", "; give a YAML file"), path)


@cache
def parse_policy(raw: bytes, path: Path) -> Policy:
    """Validate the bytes of a policy; `path` is what errors call it. Raises UserError as `load_policy` does."""
    text = decoded(raw, f"vetting policy {path}", "a policy is a few hundred lines")
    expected = f"keys such as id, version, checks; start from {FILE.name}"
    policy = as_model(Policy, text, "vetting policy", path, expected)
    return policy.model_copy(update={"hash": hashlib.sha256(raw).hexdigest(), "text": text})

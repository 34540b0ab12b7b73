"""Lists of what must be shown: sources, errors with file, line and key, and every field known."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit.errors import UserError
from credit.listings.required import FIELDS, FOLDER, called, load, shipped
from credit.tables import LISTINGS
from credit.vetting.policy import load_policy

[FILE] = FOLDER.glob("*.yaml")


def test_every_field_is_a_column_and_is_asked_of_somebody() -> None:
    (required,) = shipped()
    assert sorted(shown.field for shown in required.fields) == sorted(FIELDS)
    assert set(FIELDS) <= set(LISTINGS.names)
    assert called("shelf_life").zh == "生产日期和保质期"


def test_nothing_claims_to_be_the_standards_text() -> None:
    (required,) = shipped()
    assert required.requirements.source == "reconstruction"
    assert {shown.source for shown in required.fields} == {"law", "reconstruction"}


def test_its_categories_are_those_of_the_platform() -> None:
    (required,) = shipped()
    assert {c.id: c.names for c in required.categories} == {c.id: c.names for c in load_policy().categories}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{field: name,", "{field: title,", "unknown fields title; there are: name, price"),
        ("{field: name,", "{field: price,", "fields stand twice: price"),
        ("{id: books,", "{id: food,", "categories stand twice: food"),
        ("of: [food, cosmetics, baby, garden]", "of: [wine]", "unknown categories wine; there are: appliances, baby"),
        ("effective_from: 2026-11-24", "effective_from: 2026-11-01", "effective_from is before announced_on"),
        ("{field: photographs, source: reconstruction}", "{field: photographs, source: law}", r"line \d+, fields.5: .*source law needs a reference"),
        ("id: gbt-35411-listing\n", "", "id: Field required"),
    ],
)  # fmt: skip
def test_an_error_names_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "list.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        load(path)
    assert "list.yaml" in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x.yaml cannot be read: No such file.*; give a YAML file"):
        load(tmp_path / "x.yaml")

"""Catalogues: every clause of the governing standard once, sources, errors with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit.assessment import catalogue as catalogues
from credit.assessment.catalogue import Catalogue, Measured, load, named, shipped
from credit.errors import UserError

GOVERNING = "hebei-ecommerce-enterprise"
CLAUSES = [
    "4.1.1",
    "4.1.2",
    "4.1.3",
    "4.1.4",
    "4.1.5",
    "4.1.6",
    "4.1.7",
    "4.1.8",
    "4.2.1.1",
    "4.2.1.2",
    "4.2.1.3",
    "4.2.1.4",
    "4.2.1.5",
    "4.2.2.1",
    "4.2.2.2",
    "4.2.2.3",
    "4.2.2.4",
    "4.2.2.5",
    "4.3.1",
    "4.3.2",
    "4.3.3",
    "4.3.4",
    "4.3.5",
    "4.3.6",
    "4.4.1",
    "4.4.2",
    "4.4.3",
    "4.5.1",
    "4.5.2",
    "5.1",
    "5.2.1",
    "5.2.2",
    "5.2.3",
    "5.2.4",
    "5.3.1",
    "5.3.2",
    "5.3.3",
    "5.3.4",
    "5.3.5",
    "5.4.1",
    "5.4.2",
    "5.4.3",
    "5.5.1",
    "5.5.2",
    "5.6.1",
    "5.6.2",
    "5.7.1",
    "5.7.2",
    "5.7.3",
    "5.7.4",
    "5.7.5",
]
"""Every numbered clause from 4.1.1 to 5.7.5 that has none below it."""
LETTERED = {"4.2.1.1": "abcd"}

SMALL = """id: a-small-one
version: 1.0.0
standard: none
title: {zh: 测, en: test}
requirements: {source: reconstruction}
announced_on: 2026-01-01
effective_from: 2026-01-08
chapters: [{clause: "4", title: {zh: 章, en: chapter}}]
criteria:
  - clause: "4.1"
    asks: {zh: 一, en: one}
    shown_by:
      - how: measured
        measure: icp_shown
        at_least: {value: 0.9, source: reconstruction}
        partly_from: {value: 0.5, source: reconstruction}
  - clause: "4.2"
    asks: {zh: 二, en: two}
    shown_by:
      - how: declared
        statement: {zh: 明, en: so it is}
"""


@pytest.fixture
def governing() -> Catalogue:
    return named(GOVERNING)


def test_every_clause_of_the_governing_standard_stands_once(governing: Catalogue) -> None:
    assert len(CLAUSES) == 51
    expected = [clause + item for clause in CLAUSES for item in LETTERED.get(clause, [""])]
    assert [criterion.id for criterion in governing.criteria] == expected


def test_at_least_a_third_is_measured(governing: Catalogue) -> None:
    measured = {
        criterion.clause
        for criterion in governing.criteria
        if any(isinstance(means, Measured) for means in criterion.shown_by)
    }
    assert len(measured) >= len(CLAUSES) / 3


@pytest.mark.parametrize("catalogue", shipped().values(), ids=shipped())
def test_both_languages_and_a_source_everywhere(catalogue: Catalogue) -> None:
    for criterion in catalogue.criteria:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in criterion.asks.zh)
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in criterion.asks.en)
    for _, _, number, value in catalogue.numbers():
        assert number.source in ("law", "neighbour", "reconstruction"), "nobody has read a number in the standards"
        assert value is not None


@pytest.mark.parametrize("catalogue", shipped().values(), ids=shipped())
def test_only_the_governing_standard_was_read(catalogue: Catalogue) -> None:
    assert (catalogue.requirements.source == "text") is (catalogue.id == GOVERNING)


def test_the_small_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert [criterion.id for criterion in load(path).criteria] == ["4.1", "4.2"]
    assert named(str(path)).hash == load(path).hash


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("measure: icp_shown", "measure: icp", r"line 13, criteria.0.shown_by.0: .*unknown measure 'icp'; there are: .*icp_shown"),
        ("value: 0.5", "value: 0.95", "expected shares, 0 <= partly_from <= at_least <= 1"),
        ("value: 0.9,", "value: 1.1,", "expected shares"),
        ("measure: icp_shown", "measure: reverified", "numbers of measure reverified: expected days"),
        ('clause: "4.2"', 'clause: "4.1"', "criteria stand twice: 4.1"),
        ('clause: "4.2"', 'clause: "5.2"', "no chapter holds 5.2"),
        ('clause: "4.2"', "clause: four", "line 17, criteria.1.clause"),
        ("how: declared", "how: guessed", "line 20"),
        ("zh: 二, ", "", r"line 18, criteria.1.asks.zh: Field required"),
        ("      - how: declared", "      - {how: evidenced, document: {zh: 文, en: d}}\n      - how: declared", "at most one document or statement a line"),
        ("effective_from: 2026-01-08", "effective_from: 2025-01-08", "effective_from is before announced_on"),
        ("source: reconstruction}\n        partly", "source: law}\n        partly", "source law needs a reference"),
        ("id: a-small-one", "id: a-small-one\nid: b", "line 2: not usable YAML: key 'id' stands twice"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "small.yaml"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        load(path)
    assert "small.yaml" in str(error.value)


def test_an_unknown_catalogue_or_line_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no catalogue 'x'; there are .*{GOVERNING}"):
        named("x")
    with pytest.raises(UserError, match=r"cannot be read: No such file.*; give a YAML file"):
        named(str(tmp_path / "x.yaml"))
    with pytest.raises(UserError, match=r"has no criterion '4.1.9'; there are for example 4.1.1, 4.1.2"):
        named(GOVERNING).criterion("4.1.9")
    assert catalogues.named(GOVERNING).criterion("4.2.1.1a").item == "a"


def test_stars_rise() -> None:
    levels = [{"at_least": 80, "stars": 3}, {"at_least": 70, "stars": 2}]
    with pytest.raises(ValueError, match="from the lowest up"):
        catalogues.Grading.model_validate({"source": "reconstruction", "levels": levels})

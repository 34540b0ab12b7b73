"""The generated pages are up to date, and metadata is whole."""

from __future__ import annotations

import numpy as np
import pytest

from credit.dictionary import FOLDER, PAGES, stale
from credit.indicators import CATALOGUE
from credit.indicators.base import Indicator, Text
from credit.rulebooks.reading import shipped
from credit.tables import TABLES

pytestmark = pytest.mark.usefixtures("shipped_rules")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_the_metadata_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "stale; run `make docs`"


def test_no_page_lies_there_of_an_indicator_that_is_gone() -> None:
    assert stale() == [], "run `make docs`"


def test_a_worked_example_is_computed_as_scores_are() -> None:
    """92 of 100 dispatched on time: (92 + 3 x 0.927) / 103; 64 to 88 over 0.90 to 0.96; a weight of 11.4%."""
    page = PAGES["rulebooks/gbt-26842-enterprise.md"]()
    shrunk = (92 + 3 * 0.927) / 103
    mark = 64 + (shrunk - 0.9) / 0.06 * 24
    assert f"= {shrunk:.4f}, the reference average being 0.927, say" in page
    assert f"mark = {mark:.4f} by the curve" in page
    assert f"= {0.114 * mark:.4f}, when everything is measured" in page


@pytest.mark.parametrize("indicator", CATALOGUE, ids=lambda indicator: indicator.id)
def test_an_example_is_of_its_indicator_and_within_its_unit(indicator: Indicator) -> None:
    example, unit = indicator.example, indicator.unit
    assert (example.denominator is None) == (indicator.denominator is None)
    assert example.value <= {"share": 1, "flag": 1, "stars": 5, "rank": 4}.get(unit, np.inf)
    if any(rule.strength for book in shipped() for _, rule in book.rules() if rule.id == indicator.id):
        assert example.observations > 1, "a value that is shrunk has observations behind it"


def test_columns_refer_to_columns_that_are_there() -> None:
    for table in TABLES.values():
        assert table.key in table.names
        assert table.event is None or table.column(table.event).required
        for column in table.columns:
            if column.known_from:
                assert table.column(column.known_from).type in ("instant", "date")
        zh = [column.zh for column in table.columns]
        assert len(set(zh)) == len(zh), f"{table.name}: a Chinese header stands twice"


def test_needs_of_indicators_are_supplied_columns() -> None:
    for indicator in CATALOGUE:
        for need in indicator.needs:
            table, column = need.split(".")
            assert TABLES[table].column(column).derived is None


def test_a_text_needs_both_languages() -> None:
    with pytest.raises(ValueError):
        Text("只有中文", " ")

"""The generated pages are up to date, and metadata is whole."""

from __future__ import annotations

import pytest

from credit.dictionary import FOLDER, PAGES
from credit.indicators import CATALOGUE
from credit.indicators.base import Text
from credit.tables import TABLES


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_the_metadata_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "stale; run `make docs`"


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

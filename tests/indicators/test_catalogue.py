"""Every indicator of the catalogue has a literal test, and metadata that people can read."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from credit.indicators import CATALOGUE
from credit.indicators.base import Indicator

FOLDER = Path(__file__).parent
EVERY = pytest.mark.parametrize("indicator", CATALOGUE, ids=lambda indicator: indicator.id)


@cache
def _tests(element: str) -> dict[str, set[str]]:
    """Test function of test_<element>.py -> the indicators it measures and compares with a written-out result."""
    path = FOLDER / f"test_{element}.py"
    found: dict[str, set[str]] = {}
    for function in ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            asserts = [node for node in ast.walk(function) if isinstance(node, ast.Assert)]
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            measured = {
                call.args[0].value
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id == "measure"
                if call.args and isinstance(call.args[0], ast.Constant)
            }
            found[function.name] = measured if asserts else set()
    return found


@EVERY
def test_has_a_literal_test(indicator: Indicator) -> None:
    """`test_<id>` in `test_<element>.py`, which measures that indicator."""
    tests = _tests(indicator.element)
    name, file = f"test_{indicator.id}", f"tests/indicators/test_{indicator.element}.py"
    assert name in tests, f"write {name} in {file}: a few rows and the expected numerator, denominator and value"
    assert indicator.id in tests[name], f"{name} in {file} must measure {indicator.id} and assert what comes out"


def test_no_indicator_falls_out_of_the_catalogue() -> None:
    assert len(list(CATALOGUE)) >= 37


@EVERY
def test_needs_are_columns_of_its_tables(indicator: Indicator) -> None:
    from credit.tables import TABLES

    for need in indicator.needs:
        table, column = need.split(".")
        assert table in indicator.tables
        assert column in {c.name for c in TABLES[table].supplied}


@EVERY
def test_fails_and_improves_in_words_of_its_own(indicator: Indicator) -> None:
    """The failing title does not repeat the name, and says something in both languages."""
    assert indicator.failing != indicator.name
    assert indicator.failing.en[0].isupper()
    assert indicator.improve.en.endswith(".")
    assert indicator.improve.zh.endswith("。")

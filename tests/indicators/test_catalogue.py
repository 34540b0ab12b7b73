"""Every indicator of the catalogue has a literal test, and metadata that people can read."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from credit.indicators import CATALOGUE, MODULES
from credit.indicators.base import Indicator

FOLDER = Path(__file__).parent
EVERY = pytest.mark.parametrize("indicator", CATALOGUE, ids=lambda indicator: indicator.id)


@cache
def _tests() -> dict[str, dict[str, set[str]]]:
    """Name of a test file -> its test functions -> the indicators each measures and compares with a written-out result."""
    return {path.stem.removeprefix("test_"): _functions(path) for path in FOLDER.glob("test_*.py")}


def _functions(path: Path) -> dict[str, set[str]]:
    by_function: dict[str, set[str]] = {}
    for function in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            asserts = [node for node in ast.walk(function) if isinstance(node, ast.Assert)]
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            measured = {
                call.args[0].value
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id == "measure"
                if call.args and isinstance(call.args[0], ast.Constant)
            }
            by_function[function.name] = measured if asserts else set()
    return by_function


def _module(indicator: Indicator) -> str:
    """Name of the module that declares the indicator."""
    (name,) = (m.__name__ for m in MODULES if indicator in m.INDICATORS)
    return name.rpartition(".")[2]


@EVERY
def test_has_a_literal_test(indicator: Indicator) -> None:
    """`test_<id>` in `test_<element>.py` or `test_<module>.py`, which measures that indicator."""
    name = f"test_{indicator.id}"
    places = dict.fromkeys((indicator.element, _module(indicator)))
    file = " or ".join(f"tests/indicators/test_{place}.py" for place in places)
    tests = [functions[name] for place, functions in _tests().items() if place in places and name in functions]
    assert tests, (
        f"write {name} in {file}: a few rows and the expected state, numerator, denominator and value, all written out "
        "(step 2 of credit/indicators/README.md)"
    )
    assert indicator.id in tests[0], (
        f'{name} in {file} must call measure("{indicator.id}", ...) and assert what comes out'
    )


def test_no_indicator_falls_out_of_the_catalogue() -> None:
    assert len(list(CATALOGUE)) >= 67


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

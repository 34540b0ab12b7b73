"""Old nights keep their grades: what the stories came to under each shipped rulebook stays what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from credit.evaluation import scoring
from support import golden_results
from support.golden_results import Results, complaint
from support.story_home import DAY, DAY_BEFORE, delivered

pytestmark = pytest.mark.slow

GOLDEN = golden_results.kept()
SHIPPED = golden_results.shipped_files()


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    return golden_results.computed(delivered(tmp_path_factory.mktemp("golden") / "home"))


@pytest.mark.parametrize("name", sorted(GOLDEN.keys() | SHIPPED.keys()))
def test_an_old_night_keeps_its_grades(computed: dict[str, Results], name: str) -> None:
    wrong = complaint(name, GOLDEN.get(name), computed.get(name))
    assert not wrong, wrong


def test_every_rulebook_is_golden_for_both_nights() -> None:
    assert GOLDEN.keys() == SHIPPED.keys()
    for name, golden in GOLDEN.items():
        for rows in golden.tables.values():
            assert {row["night"] for row in rows} == {DAY_BEFORE.isoformat(), DAY.isoformat()}, name


# --- the comparison itself ---------------------------------------------------------------------------------------

ONE = "gbt-26842-enterprise-1.0.0"
"""The version that the numbers below are of, whichever come after it."""


def _changed(table: str, key: tuple[str, ...], column: str, value: str) -> Results:
    """The golden results of ONE with one cell changed."""
    golden = GOLDEN[ONE]
    rows = [
        row | {column: value} if tuple(row[name] for name in golden_results.KEYS if name in row) == key else row
        for row in golden.tables[table]
    ]
    assert rows != golden.tables[table]
    return replace(golden, tables=golden.tables | {table: rows})


def test_a_changed_number_is_told_with_what_to_do() -> None:
    cell = ("2026-11-24", "careless-giant", "penalties")
    wrong = complaint(ONE, GOLDEN[ONE], _changed("indicators", cell, "points", "3.5000"))
    assert wrong.splitlines()[:2] == [
        f"{ONE}: 1 results differ",
        "  2026-11-24  careless-giant  penalties  points: 2.9167 → 3.5000",
    ]
    assert "make golden" in wrong
    assert "CHANGELOG.md" in wrong


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("grade", "BB"),
        ("grade_by_score", "BB"),
        ("score", "50.0262"),
        ("evidence", "0.5766"),
        ("reason", "x"),
        ("vetoes", "x"),
    ],
)
def test_every_column_of_grades_is_compared(column: str, value: str) -> None:
    wrong = complaint(ONE, GOLDEN[ONE], _changed("grades", ("2026-11-24", "careless-giant"), column, value))
    assert f"2026-11-24  careless-giant  {column}: " in wrong
    assert f" → {value}\n" in wrong


@pytest.mark.parametrize(
    ("column", "value", "differs"),
    [
        ("state", "missing", True),
        ("value", "0.666669", True),
        ("value", "0.666668", False),  # the last decimal may be rounded the other way
        ("mark", "83.3335", True),
        ("mark", "83.3334", False),
        ("mark", "", True),
        ("points", "2.9168", True),
    ],
)
def test_every_column_of_indicators_is_compared(column: str, value: str, differs: bool) -> None:
    cell = ("2026-11-24", "careless-giant", "penalties")
    assert bool(complaint(ONE, GOLDEN[ONE], _changed("indicators", cell, column, value))) == differs


def test_a_change_of_the_program_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = scoring.mark
    monkeypatch.setattr(scoring, "mark", lambda rule, value: marked(rule, value) * (0.99 if rule.id == "amount" else 1))
    _, path = SHIPPED[ONE]
    changed = golden_results.results(golden_results.two_nights(delivered(tmp_path / "home"), [path]))
    wrong = complaint(ONE, GOLDEN[ONE], changed)
    assert "  2026-11-23  blacklisted  amount  mark: 82.4444 → 81.6200" in wrong
    assert "  2026-11-24  careless-giant  score: 45.7996 → " in wrong


def test_an_edited_rulebook_is_refused_and_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = replace(GOLDEN[ONE], hash="0" * 64)
    wrong = complaint(ONE, GOLDEN[ONE], edited)
    assert wrong.startswith(f"{ONE} was edited: its hash was {GOLDEN[ONE].hash}, it is {'0' * 64}.")
    assert "new\nversion" in wrong
    with pytest.raises(SystemExit, match="was edited"):
        golden_results.write(GOLDEN | {ONE: edited})
    assert golden_results.kept() == GOLDEN


def test_missing_and_left_over_results_are_told() -> None:
    assert complaint("new-1.0.0", None, GOLDEN[ONE]) == "new-1.0.0 is shipped without golden results. Run: make golden"
    assert "no longer shipped" in complaint(ONE, GOLDEN[ONE], None)
    fewer = {name: rows[1:] for name, rows in GOLDEN[ONE].tables.items()}
    assert "is gone" in complaint(ONE, GOLDEN[ONE], replace(GOLDEN[ONE], tables=fewer))
    assert "is new" in complaint(ONE, replace(GOLDEN[ONE], tables=fewer), GOLDEN[ONE])


def test_written_results_read_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_results, "FOLDER", tmp_path / "golden")
    golden_results.write(GOLDEN)
    assert golden_results.kept() == GOLDEN

"""Rulebooks: the shipped ones load; a broken one is refused with all its errors at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from credit.errors import UserError
from credit.indicators import CATALOGUE
from credit.rulebooks.reading import load, shipped, version_key
from support import rules

pytestmark = pytest.mark.slow

ENTERPRISE = rules.ENTERPRISE
TEXT = ENTERPRISE.read_text(encoding="utf-8")


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., str]:
    """Load the enterprise rulebook with replacements made; returns what the error says."""

    def error(*replacements: tuple[str, str]) -> str:
        text = TEXT
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "book.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as error:
            load(path)
        return str(error.value)

    return error


def line_of(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


WITHOUT_WEIGHT = {"listing_completeness"}
"""Shown to the merchant and used in the platform's assessment; a rulebook that weighs it has to be proposed and announced."""


def test_shipped_rulebooks_use_the_whole_catalogue_between_them() -> None:
    with rules.shipped():
        used = {name for book in shipped() for name, _ in book.indicators()}
    assert not used & WITHOUT_WEIGHT
    unused = set(CATALOGUE.indicators) - used - WITHOUT_WEIGHT
    assert not unused, f"no shipped rulebook counts {sorted(unused)}: give each a line in a new version of one"


def test_no_shipped_number_claims_to_be_the_standards_text() -> None:
    for path in rules.SHIPPED.glob("*.yaml"):
        assert "source: text" not in path.read_text(encoding="utf-8")


def test_enterprises_have_ten_levels_and_individuals_five() -> None:
    levels = {book.subject.kind: [level.grade for level in book.grades.levels] for book in shipped()}
    assert levels["enterprise"] == ["AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C", "D"]
    assert levels["individual"] == ["A", "B", "C", "D", "E"]


ERRORS = {
    "quoted weight": (("id: traceable_share, weight: 5", 'id: traceable_share, weight: "5"'), "without quotes"),
    "quoted edge": (("grade: AA, at_least: 85", 'grade: AA, at_least: "95"'), "without quotes"),
    "quoted date": (("announced_on: 2026-11-16", 'announced_on: "2026-11-20"'), "without quotes"),
    "truth for a number": (("points: {value: 1,", "points: {value: true,"), "is no number"),
    "parameter too large": (("reverify_days: {value: 183", "reverify_days: {value: 99999999"), "allowed: at most 36500"),
    "unknown indicator": (("id: delivery_lateness", "id: lateness"), "unknown indicator 'lateness'"),
    "indicator weights": (("id: traceable_share, weight: 5", "id: traceable_share, weight: 6"), "fulfilment sum to 101"),
    "element weights": (("weight: 30\n", "weight: 29\n"), "weights of the elements sum to 99"),
    "overlapping grades": (("grade: AA, at_least: 85", "grade: AA, at_least: 91"), "grades overlap"),
    "no worst grade": (("grade: D, at_least: 0", "grade: D, at_least: 5"), "must begin at 0"),
    "grade twice": (("grade: AA, at", "grade: AAA, at"), "grade symbols must differ"),
    "curve that falls": (("[[0.3, 0], [0.6, 5]", "[[0.3, 6], [0.6, 5]"), "completion_rate must never fall"),
    "curve that turns back": (("[[0.3, 0], [0.6, 5]", "[[0.3, 0], [0.2, 5]"), "values must rise"),
    "mark above 100": (("[1.0, 100]], source", "[1.0, 101]], source"), "less than or equal to 100"),
    "source missing": (("[1.0, 100]], source: reconstruction}", "[1.0, 100]]}"), "Field required"),
    "source unknown": (("[1.0, 100]], source: reconstruction}", "[1.0, 100]], source: guess}"), "'reconstruction'"),
    "law without reference": (("[1.0, 100]], source: reconstruction}", "[1.0, 100]], source: law}"), "needs a reference"),
    "notice too short": (("effective_from: 2026-11-24", "effective_from: 2026-11-22"), "less than 7 days"),
    "window": (("window_days: {value: 365", "window_days: {value: 90"), "allowed: 30, 180, 365"),
    "level shrunk": (("id: order_volume, weight: 20,", "id: order_volume, weight: 25, strength: 5,"), "a level is not shrunk"),
    "unknown key": (("standard: GB/T 26842", "standards: GB/T 26842"), "standards: Extra inputs"),
    "unknown parameter": (("  reverify_days: {", "  reverify_weeks: {"), "unknown parameter 'reverify_weeks'; there are: "),
    "veto: unknown indicator": (("indicator: fraud_upheld, above", "indicator: fraud, above"), "unknown indicator 'fraud'"),
    "veto: unknown cap": (("above: 0, at_most: C,", "above: 0, at_most: E,"), "'E' is no grade; allowed: AAA, AA, A,"),
    "veto: unknown fixed grade": (("above: 2, fixed: D", "above: 2, fixed: NR"), "'NR' is no grade; allowed: AAA, AA, A,"),
    "veto: two effects": (("fixed: D,", "fixed: D, at_most: C,"), "veto fraud_upheld needs one of at_most (a cap) and fixed"),
    "veto: no effect": (("above: 2, fixed: D,", "above: 2,"), "veto fraud_upheld needs one of at_most (a cap) and fixed"),
    "veto: two conditions": (("above: 2, fixed", "above: 2, below: 1, fixed"), "veto fraud_upheld needs one of above and below"),
    "veto: no condition": (("above: 2, fixed", "fixed"), "veto fraud_upheld needs one of above and below"),
    "veto: twice": (("{id: dishonest_debtor, name", "{id: serious_violation, name"), "veto serious_violation stands twice"),
    "veto: source missing": (("fixed: D, source: reconstruction}", "fixed: D}"), "Field required"),
    "veto: window": (("fixed: D,", "fixed: D, window_days: 90,"), "allowed: 30, 180, 365"),
    "margin too wide": (("points: {value: 1,", "points: {value: 2.6,"), "2.6 points either side leave nothing of a grade 5 points wide; allowed: at most 2.5"),
    "dormant window": (("dormant_after_days: {value: 180", "dormant_after_days: {value: 90"), "is 90; allowed: 30, 180, 365"),
    "wrong element": (("id: completion_rate,", "id: order_volume,"), "belongs to element operation, not fulfilment"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_names_file_line_and_remedy(kind: str, broken: Callable[..., str]) -> None:
    replacement, message = ERRORS[kind]
    error = broken(replacement)
    assert message in error
    assert "book.yaml, line " in error


def test_a_margin_of_half_the_narrowest_grade_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(TEXT.replace("points: {value: 1,", "points: {value: 2.5,"), encoding="utf-8")
    assert load(path).margin is not None


def test_a_currency_is_worth_more_than_nothing(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(TEXT + "rates: {USD: {value: 0, source: reconstruction}}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"rates\.USD\.value.*greater than 0"):
        load(path)


def test_the_line_is_the_right_one(broken: Callable[..., str]) -> None:
    error = broken(("id: delivery_lateness", "id: lateness"))
    assert f"line {line_of('id: delivery_lateness')}, elements.1.indicators.4.id: unknown" in error


def test_all_errors_are_reported_at_once(broken: Callable[..., str]) -> None:
    # Left out: what another one's replacement, or the same place's error, would hide.
    hidden = {
        "curve that turns back", "mark above 100", "source unknown", "law without reference", "wrong element", "grade twice",
        "veto: unknown fixed grade", "veto: two effects", "veto: no effect", "veto: two conditions", "veto: no condition",
        "veto: source missing", "margin too wide",
        "quoted weight", "quoted edge", "quoted date", "truth for a number", "parameter too large",
    }  # fmt: skip
    chosen = [kind for kind in ERRORS if kind not in hidden]
    errors = broken(*(ERRORS[kind][0] for kind in chosen))
    for kind in chosen:
        assert ERRORS[kind][1].split(" sum to ")[0] in errors, kind


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: &x [1]\nb: *x\n", "aliases"),
        (b"id: a\nid: b\n", "stands twice"),
        (b"- 1\n", "expected keys"),
        (b"a: [1\n", "not usable YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a" * (2 << 20), "larger than"),
        (b"a: !!python/object/apply:os.system ['true']\n", "not usable YAML"),
        (b"[" * 5000, "not usable YAML"),
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "book.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(path)


def test_the_seven_days_of_notice_are_full_ones(broken: Callable[..., str]) -> None:
    """Announced during the 16th: the 17th to the 23rd are seven full days, so the 24th is the earliest."""
    error = broken(("effective_from: 2026-11-24", "effective_from: 2026-11-23"))
    assert "less than 7 days" in error
    assert "the earliest is 2026-11-24" in error
    assert load(ENTERPRISE).effective_from == date(2026, 11, 24)


def test_versions_are_ordered_as_numbers() -> None:
    assert sorted(["0.10.0", "0.9.0", "1.0.0", "0.9.10"], key=version_key) == ["0.9.0", "0.9.10", "0.10.0", "1.0.0"]

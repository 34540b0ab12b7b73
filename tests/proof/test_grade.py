"""A merchant's grade again, from what is published of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit.proof import grade
from support.signed_platform import (
    cases_of,
    rated_case,
    worse,
)

pytestmark = pytest.mark.slow


def test_every_published_grade_follows(content: Path) -> None:
    cases = cases_of(content)
    assert {document["not_rated_reason"] is None for document, *_ in cases} == {True, False}
    assert any(document["vetoes"] for document, *_ in cases)
    for case in cases:
        assert [step for step in grade.recompute(*case) if not step.ok] == []


def _better_score(document: dict[str, Any], rules: bytes) -> None:
    document["score"] = round(document["score"] + 2, 4)


def _more_points(document: dict[str, Any], rules: bytes) -> None:
    element = document["elements"][0]
    element["points"], document["score"] = element["points"] + 1, round(document["score"] + 1, 4)


def _more_indicator_points(document: dict[str, Any], rules: bytes) -> None:
    row = next(row for row in document["elements"][0]["indicators"] if row["points"])
    row["points"] += 1


def _other_weight(document: dict[str, Any], rules: bytes) -> None:
    document["elements"][0]["weight"] += 1


def _other_rules(document: dict[str, Any], rules: bytes) -> None:
    document["rulebook"]["hash"] = "0" * 64


def _unrated(document: dict[str, Any], rules: bytes) -> None:
    document |= {"not_rated_reason": "too_few_orders", "grade": "NR", "score": None}
    for element in document["elements"]:
        element["points"] = None


def _strange(document: dict[str, Any], rules: bytes) -> None:
    document["elements"] = "none"


def _false_veto(document: dict[str, Any], rules: bytes) -> None:
    document["vetoes"] = [{"id": "licence_expired", "effect": "cap", "grade": "BBB"}]
    document["grade"] = "BBB"


@pytest.mark.parametrize(
    "change",
    [worse, _better_score, _more_points, _more_indicator_points, _other_weight, _other_rules, _unrated, _strange, _false_veto],
)  # fmt: skip
def test_a_grade_that_does_not_follow(content: Path, change: Callable[[dict[str, Any], bytes], None]) -> None:
    document, rules, name = rated_case(content)
    change(document, rules)
    steps = grade.recompute(document, rules, name)
    assert not all(step.ok for step in steps)


def test_a_veto_left_out_does_not_follow(content: Path) -> None:
    document, rules, name = rated_case(content, vetoed=True)
    document["vetoes"] = []
    assert not all(step.ok for step in grade.recompute(document, rules, name))


@pytest.mark.parametrize(
    ("score", "allowed"), [(79.9, {"BBB", "A"}), (80.1, {"BBB", "A"}), (75.0, {"BBB"}), (95.0, {"AAA"})]
)
def test_the_margin_allows_both_sides_of_an_edge(content: Path, score: float, allowed: set[str]) -> None:
    document, rules, name = next(
        c for c in cases_of(content) if c[0]["subject"]["kind"] == "enterprise" and c[0]["score"] and not c[0]["vetoes"]
    )
    document["score"] = score
    (last,) = [step for step in grade.recompute(document, rules, name) if step.en == "grade"]
    assert set(last.expected.split(" / ")) == allowed

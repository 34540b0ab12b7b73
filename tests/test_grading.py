"""Grading: edges to 1/10000 of a point, and each reason not to rate."""

from __future__ import annotations

import numpy as np
import pytest

from credit.explain import reason_text
from credit.grading import NOT_RATED, REASONS, grade
from credit.rulebooks import shipped
from credit.scoring import POINT

ONE = {"fulfilment": (100, [{"id": "completion_rate"}])}
LEVELS = [("AAA", 90), ("AA", 85), ("BBB", 70.5), ("CC", 33.3333), ("D", 0)]


def graded(book, score: float, evidence: float = 1.0, orders: float = 100, **minimum: float) -> tuple[str, str | None]:
    """(grade, reason) of one merchant; `score` in points, `minimum` the rulebook's."""
    units = np.array([np.nan if np.isnan(score) else round(score * POINT)])
    rules = book(ONE, grades=LEVELS, **minimum)
    found = grade(rules, units, np.array([evidence]), np.array([float(orders)]))
    return found.grade[0], found.reason[0]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (100, "AAA"),
        (90, "AAA"),  # an edge belongs to the better grade
        (89.9999, "AA"),
        (85.0001, "AA"),
        (85, "AA"),
        (84.9999, "BBB"),
        (70.5, "BBB"),
        (70.4999, "CC"),
        (33.3333, "CC"),
        (33.3332, "D"),
        (0.0001, "D"),
        (0, "D"),
    ],
)
def test_edges(book, score: float, expected: str) -> None:
    assert graded(book, score) == (expected, None)


@pytest.mark.parametrize("rulebook", shipped(), ids=lambda rulebook: rulebook.label)
def test_edges_of_the_shipped_rulebooks(rulebook) -> None:
    levels = rulebook.grades.levels
    edges = np.array([level.at_least * POINT for level in levels])
    full = np.ones(len(levels)), np.full(len(levels), 1000.0)
    assert grade(rulebook, edges, *full).grade.tolist() == [level.grade for level in levels]
    below = grade(rulebook, edges[:-1] - 1, full[0][:-1], full[1][:-1]).grade
    assert below.tolist() == [level.grade for level in levels[1:]]
    worst, best = grade(rulebook, np.array([0.0, 100.0 * POINT]), np.ones(2), np.full(2, 1000.0)).grade
    assert (worst, best) == (levels[-1].grade, levels[0].grade)


@pytest.mark.parametrize(
    ("orders", "evidence", "score", "reason"),
    [
        (0, 0.0, np.nan, "no_orders: none in 365 days, at least 10 needed"),
        (0, 0.9, 95, "no_orders: none in 365 days, at least 10 needed"),
        (1, 0.9, 95, "too_few_orders: 1 in 365 days, at least 10 needed"),
        (9, 0.9, 95, "too_few_orders: 9 in 365 days, at least 10 needed"),
        (9, 0.1, 95, "too_few_orders: 9 in 365 days, at least 10 needed"),  # the first reason is the one given
        (10, 0.19, 95, "too_little_evidence: 0.19, at least 0.2 needed"),
        (10, 0.05, 95, "too_little_evidence: 0.05, at least 0.2 needed"),
        (500, 0.0, np.nan, "too_little_evidence: 0, at least 0.2 needed"),
    ],
)
def test_not_rated(book, orders, evidence, score, reason) -> None:
    rules = book(ONE, grades=LEVELS, orders=10, evidence=0.2)
    units = np.array([score * POINT])
    grades, reasons = grade(rules, units, np.array([evidence]), np.array([float(orders)]))
    assert (grades[0], reasons[0]) == (NOT_RATED, reason)


def test_exactly_the_minimum_is_rated(book) -> None:
    rules = book(ONE, grades=LEVELS, orders=10, evidence=0.2)
    grades, reasons = grade(rules, np.array([900_000.0]), np.array([0.2]), np.array([10.0]))
    assert (grades[0], reasons[0]) == ("AAA", None)


def test_without_any_minimum_a_merchant_without_a_score_is_still_not_rated(book) -> None:
    assert graded(book, np.nan, 0.0, 5)[0] == NOT_RATED


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_reads_in_both_languages(code: str) -> None:
    text = reason_text(f"{code}: 3 in 365 days")
    assert text is not None
    assert text["code"] == code
    assert text["zh"] == REASONS[code][0]
    assert text["en"] == f"{REASONS[code][1]} (3 in 365 days)"


def test_an_indicator_without_evidence_can_take_a_merchant_below_the_minimum_but_not_move_its_score(
    book, counted, scored
) -> None:
    elements = {
        "fulfilment": (100, [{"id": "on_time_dispatch_rate", "weight": 50}, {"id": "traceable_share", "weight": 50}])
    }
    rules = book(elements, orders=1, evidence=0.6)
    facts = counted(on_time_dispatch_rate=[(9, 10), (9, 10)], traceable_share=[(9, 10), (0, 0)])
    scores = scored(rules, facts)
    assert scores.score.tolist() == [90 * POINT, 90 * POINT]
    assert scores.evidence.tolist() == [1, 0.5]
    grades, reasons = grade(rules, scores.score, scores.evidence, np.array([10.0, 10.0]))
    assert grades.tolist() == ["A", NOT_RATED]
    assert reasons.tolist() == [None, "too_little_evidence: 0.5, at least 0.6 needed"]

"""Grading: edges to 1/10000 of a point, each reason not to rate, the margin, vetoes, provisional grades."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit.evaluation.explain import reason_text
from credit.evaluation.grading import NOT_RATED, REASONS, Previous, grade, hold
from credit.evaluation.scoring import POINT
from credit.rulebooks.reading import shipped

ONE = {"fulfilment": (100, [{"id": "completion_rate"}])}
LEVELS = [("AAA", 90), ("AA", 85), ("BBB", 70.5), ("CC", 33.3333), ("D", 0)]


def graded(book, score: float, evidence: float = 1.0, orders: float = 100, **minimum: float) -> tuple[str, str | None]:
    """(grade, reason) of one merchant; `score` in points, `minimum` the rulebook's."""
    units = np.array([np.nan if np.isnan(score) else round(score * POINT)])
    rules = book(ONE, grades=LEVELS, **minimum)
    grades = grade(rules, units, np.array([evidence]), np.array([float(orders)]))
    return grades.grade[0], grades.reason[0]


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
    grades = grade(rules, units, np.array([evidence]), np.array([float(orders)]))
    assert (grades.grade[0], grades.by_score[0], grades.held[0], grades.past_edge[0]) == (*[NOT_RATED] * 3, 0)
    assert grades.reason[0] == reason


def test_exactly_the_minimum_is_rated(book) -> None:
    rules = book(ONE, grades=LEVELS, orders=10, evidence=0.2)
    grades = grade(rules, np.array([900_000.0]), np.array([0.2]), np.array([10.0]))
    assert (grades.grade[0], grades.reason[0]) == ("AAA", None)


def test_without_any_minimum_a_merchant_without_a_score_is_still_not_rated(book) -> None:
    assert graded(book, np.nan, 0.0, 5)[0] == NOT_RATED


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_reads_in_both_languages(code: str) -> None:
    text = reason_text(f"{code}: 3 in 365 days")
    assert text is not None
    assert text["code"] == code
    assert text["zh"] == REASONS[code][0]
    assert text["en"] == f"{REASONS[code][1]} (3 in 365 days)"


def test_an_indicator_without_evidence_can_take_a_merchant_below_the_minimum(book, counted, scored) -> None:
    indicators = [
        {"id": name, "weight": 50, "prior": 0.9, "strength": 10}
        for name in ("on_time_dispatch_rate", "traceable_share")
    ]
    rules = book({"fulfilment": (100, indicators)}, orders=1, evidence=0.3)
    facts = counted(on_time_dispatch_rate=[(9, 10), (9, 10)], traceable_share=[(9, 10), (0, 0)])
    scores = scored(rules, facts)
    assert scores.score.tolist() == [90 * POINT, 90 * POINT]  # it stands at the prior
    assert scores.evidence.tolist() == [0.5, 0.25]
    grades = grade(rules, scores.score, scores.evidence, np.array([10.0, 10.0]))
    assert grades.grade.tolist() == ["A", NOT_RATED]
    assert grades.reason.tolist() == [None, "too_little_evidence: 0.25, at least 0.3 needed"]


# --- the margin --------------------------------------------------------------------------------------------------

MARGIN = (2, 3)  # points, evaluations in a row


def looking_back(before: list[str | None], past_edge: list[int]) -> Previous:
    """The grades before, and how often in a row they had been past their edge: + above, - below."""
    times = np.array(past_edge)
    return Previous(np.array(before, dtype=object), np.maximum(times, 0), np.maximum(-times, 0))


def held(rules, score: float, before: str | None, past_edge: int) -> tuple[str, int]:
    """(held grade, evaluations past its edge) of one merchant, `score` in points."""
    previous = looking_back([before], [past_edge])
    place, past = hold(rules, np.array([round(score * POINT, 0)]), previous)
    return rules.symbols[place[0]], int(past[0])


@pytest.mark.parametrize(
    ("before", "past_edge", "score", "expected"),
    [
        # AA is 85 to 90. Inside it nothing happens, and what was counted is forgotten.
        ("AA", 0, 87, ("AA", 0)),
        ("AA", 2, 89.9999, ("AA", 0)),
        ("AA", -2, 85, ("AA", 0)),
        # Up: past the edge by less than 2 points, by exactly 2, three evaluations in a row.
        ("BBB", 0, 85, ("BBB", 1)),
        ("BBB", 1, 86.9999, ("BBB", 2)),
        ("BBB", 0, 87, ("AA", 0)),
        ("BBB", 2, 85, ("AA", 0)),
        # Down: an edge belongs to the better grade, so that 83 is not yet past 85 by 2 points.
        ("AA", 0, 84.9999, ("AA", -1)),
        ("AA", -1, 83, ("AA", -2)),
        ("AA", 0, 82.9999, ("BBB", 0)),
        ("AA", -2, 84.9999, ("BBB", 0)),
        # Several grades at once: all that are passed by the margin; the last edge counts from now on.
        ("CC", 0, 95, ("AAA", 0)),
        ("AAA", 0, 10, ("D", 0)),
        ("BBB", 0, 91, ("AA", 1)),
        ("BBB", 1, 91, ("AA", 1)),
        ("AAA", 0, 84, ("AA", -1)),
        ("AAA", -1, 84, ("AA", -1)),
        # The other way: the count begins anew.
        ("AA", 2, 84, ("AA", -1)),
        ("AA", -2, 90.5, ("AA", 1)),
        # Nothing to look back to: the grade by score.
        (None, 0, 85, ("AA", 0)),
        (NOT_RATED, 2, 85, ("AA", 0)),
        ("A+", 2, 85, ("AA", 0)),  # a symbol of other rules
    ],
)
def test_the_margin(book, before, past_edge, score, expected) -> None:
    assert held(book(ONE, grades=LEVELS, margin=MARGIN), score, before, past_edge) == expected


def test_without_a_margin_or_an_evaluation_before_the_grade_is_that_by_score(book) -> None:
    assert held(book(ONE, grades=LEVELS), 85, "BBB", 0) == ("AA", 0)
    place, past = hold(book(ONE, grades=LEVELS, margin=MARGIN), np.array([850_000.0]), None)
    assert (place.tolist(), past.tolist()) == ([1], [0])


def test_a_margin_of_no_points_or_one_evaluation_moves_at_once(book) -> None:
    for margin in ((0, 7), (2, 1)):
        rules = book(ONE, grades=LEVELS, margin=margin)
        assert held(rules, 85, "BBB", 0) == ("AA", 0)
        assert held(rules, 84.9999, "AA", 0) == ("BBB", 0)


def test_night_after_night(book) -> None:
    """Flicker about an edge, then three evaluations on one side of it."""
    rules = book(ONE, grades=LEVELS, margin=MARGIN)
    grade_now, past = held(rules, 85.5, None, 0)
    seen = []
    for score in (84.9, 85.1, 84.9, 84.5, 84.9, 85.1, 84.9, 86.9, 86.9, 86.9):
        grade_now, past = held(rules, score, grade_now, past)
        seen.append((grade_now, past))
    assert seen == [
        ("AA", -1), ("AA", 0), ("AA", -1), ("AA", -2), ("BBB", 0), ("BBB", 1), ("BBB", 0), ("BBB", 1), ("BBB", 2), ("AA", 0),
    ]  # fmt: skip


@pytest.fixture
def rules(book):
    return book(ONE, grades=LEVELS, margin=MARGIN)


SCORES = st.integers(0, 100 * POINT).map(lambda units: units / POINT)
SYMBOLS = [symbol for symbol, _ in LEVELS]


@given(before=st.sampled_from(SYMBOLS), past_edge=st.integers(-2, 2), score=SCORES)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_score_long_enough_ends_at_its_grade(rules, before: str, past_edge: int, score: float) -> None:
    now = (before, past_edge)
    for _ in range(MARGIN[1]):
        now = held(rules, score, *now)
    assert now == held(rules, score, None, 0)


@given(path=st.lists(SCORES, min_size=2, max_size=12), rising=st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_score_that_only_rises_or_falls_never_moves_the_grade_the_other_way(rules, path, rising: bool) -> None:
    now: tuple[str | None, int] = (None, 0)
    places = []
    for score in sorted(path, reverse=not rising):
        now = held(rules, score, *now)
        places.append(SYMBOLS.index(now[0]))
    assert all(b <= a if rising else b >= a for a, b in pairwise(places))


# --- vetoes, provisional -----------------------------------------------------------------------------------------

VETOES = [
    {"id": "cap_at_bbb", "indicator": "completion_rate", "below": 0.5, "at_most": "BBB"},
    {"id": "fix_at_d", "indicator": "completion_rate", "below": 0.1, "fixed": "D"},
    {"id": "fix_at_bbb", "indicator": "completion_rate", "below": 0.05, "fixed": "BBB"},
    {"id": "cap_at_cc", "indicator": "completion_rate", "below": 0.2, "at_most": "CC"},
    {"id": "of_another_fact", "indicator": "rating_overall", "below": 2, "at_most": "BBB"},
    {"id": "of_an_element", "element": "fulfilment", "below": 9, "at_most": "BBB"},
    {"id": "worse_of_an_element", "element": "fulfilment", "below": 5, "at_most": "CC"},
]


@pytest.mark.parametrize(
    ("score", "orders", "holding", "expected", "by_score"),
    [
        (95, 10, [], "AAA", "AAA"),
        (95, 10, ["cap_at_bbb"], "BBB", "AAA"),
        (95, 10, ["cap_at_cc", "cap_at_bbb"], "CC", "AAA"),  # the worst cap
        (95, 10, ["cap_at_cc", "cap_at_bbb", "of_another_fact"], "CC", "AAA"),
        (50, 10, ["cap_at_bbb"], "CC", "CC"),  # a cap better than the grade
        (10, 10, ["cap_at_cc"], "D", "D"),
        (95, 10, ["fix_at_d"], "D", "AAA"),
        (95, 10, ["cap_at_bbb", "fix_at_d"], "D", "AAA"),
        (95, 9, ["cap_at_bbb"], NOT_RATED, NOT_RATED),  # a cap rates nobody
        (95, 9, ["fix_at_d"], "D", NOT_RATED),
        (95, 0, ["fix_at_d", "cap_at_bbb"], "D", NOT_RATED),
        (95, 10, ["fix_at_bbb"], "BBB", "AAA"),
        (50, 10, ["fix_at_bbb"], "CC", "CC"),  # nobody is raised by it
        (95, 10, ["fix_at_bbb", "cap_at_cc"], "CC", "AAA"),  # nor freed of a cap
        (95, 9, ["fix_at_bbb", "cap_at_cc"], "CC", NOT_RATED),
    ],
)
def test_vetoes(book, score, orders, holding, expected, by_score) -> None:
    rules = book(ONE, grades=LEVELS, orders=10, vetoes=VETOES)
    vetoed = {veto["id"]: np.array([veto["id"] in holding, False]) for veto in VETOES}
    two = (np.full(2, score * POINT), np.ones(2), np.full(2, float(orders)))  # the second one has none
    grades = grade(rules, *two, vetoed=vetoed)
    assert (grades.grade[0], grades.by_score[0], grades.held[0]) == (expected, by_score, by_score)
    assert grades.grade[1] == by_score
    assert (grades.reason[0] is None) == (orders >= 10)


@pytest.mark.parametrize(
    ("holding", "kept"),
    [
        ([], []),
        (["cap_at_bbb"], ["cap_at_bbb"]),
        (["cap_at_bbb", "cap_at_cc"], ["cap_at_cc"]),
        (["cap_at_bbb", "fix_at_d", "cap_at_cc"], ["fix_at_d"]),
        (["of_another_fact", "cap_at_cc"], ["cap_at_cc", "of_another_fact"]),
        (["worse_of_an_element", "of_an_element"], ["worse_of_an_element"]),
        ([veto["id"] for veto in VETOES], ["fix_at_d", "of_another_fact", "worse_of_an_element"]),
    ],
)
def test_of_several_vetoes_on_one_fact_the_strongest_is_kept(book, holding, kept) -> None:
    """They stand in the rulebook's order, and those that are kept alone give the same grade."""
    rules = book(ONE, grades=LEVELS, vetoes=VETOES)
    merchant = np.array([95 * POINT]), np.ones(1), np.array([10.0])

    def graded_with(ids):
        return grade(rules, *merchant, vetoed={id_: np.array([True]) for id_ in ids})

    grades = graded_with(holding)
    assert grades.vetoes == [kept]
    assert graded_with(kept).grade.tolist() == grades.grade.tolist()


def test_what_eases_in_steps_is_one_fact(book) -> None:
    """Findings of a year, of two and of three: one line, the gravest that holds."""
    steps = [
        {"id": "counterfeit", "indicator": "counterfeit", "above": 0, "at_most": "CC"},
        {"id": "year_2", "indicator": "counterfeit_2_steps", "above": 0, "at_most": "BBB"},
        {"id": "of_manipulation", "indicator": "manipulation_2_steps", "above": 0, "at_most": "BBB"},
    ]
    rules = book(ONE, grades=LEVELS, vetoes=steps)
    merchant = np.array([95 * POINT]), np.ones(1), np.array([10.0])

    def kept(*holding: str) -> list[str]:
        return grade(rules, *merchant, vetoed={id_: np.array([True]) for id_ in holding}).vetoes[0]

    assert kept("counterfeit", "year_2", "of_manipulation") == ["counterfeit", "of_manipulation"]
    assert kept("year_2") == ["year_2"]


def test_a_veto_does_not_touch_what_is_held(book) -> None:
    """When it ends, the grade is the held one again, at once."""
    rules = book(ONE, grades=LEVELS, margin=MARGIN, vetoes=VETOES)
    previous = looking_back(["AA"], [-1])
    merchant = np.array([84 * POINT]), np.ones(1), np.array([100.0])
    capped = grade(rules, *merchant, previous, {"cap_at_cc": np.array([True])})
    free = grade(rules, *merchant, previous)
    assert (capped.grade[0], capped.held[0], capped.by_score[0], capped.past_edge[0]) == ("CC", "AA", "BBB", -2)
    assert (free.grade[0], free.held[0], free.by_score[0], free.past_edge[0]) == ("AA", "AA", "BBB", -2)


@pytest.mark.parametrize(
    ("orders", "evidence", "provisional"),
    [
        (30, 0.25, False),  # exactly enough
        (29, 0.25, True),
        (30, 0.24, True),
        (10, 0.15, True),
        (9, 0.15, False),  # not rated at all
        (10, 0.14, False),
    ],
)
def test_provisional(book, orders: int, evidence: float, provisional: bool) -> None:
    rules = book(ONE, grades=LEVELS, orders=10, evidence=0.15, provisional=(30, 0.25))
    grades = grade(rules, np.array([950_000.0]), np.array([evidence]), np.array([float(orders)]))
    assert grades.provisional.tolist() == [provisional]
    none = book(ONE, grades=LEVELS, orders=10, evidence=0.15)
    assert not grade(none, np.array([950_000.0]), np.array([evidence]), np.array([float(orders)])).provisional[0]

"""Scoring, by tables small enough to check by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from credit.evaluation.scoring import POINT
from credit.rulebooks.reading import shipped

STRAIGHT = [[0, 0], [1, 100]]
"""The mark is a hundred times the value."""


def rule(name: str, weight: float = 100, strength: float = 0, **more) -> dict:
    return {"id": name, "weight": weight, "strength": strength} | more


def points(scores) -> list[float | None]:
    return [None if np.isnan(score) else score / POINT for score in scores.score]


# --- shrinkage ---------------------------------------------------------------------------------------------------
# s0 has 2 of 2, s1 has 6 of 10, nothing is known of s2. All together 8 of 12: the prior is 2/3.

TRACED = {"traceable_share": [(2, 2), (6, 10), (0, 0)]}


@pytest.mark.parametrize(
    ("strength", "prior", "expected"),
    [
        (0, "population", [1, 6 / 10]),  # as measured
        (4, "population", [(2 + 4 * 2 / 3) / (2 + 4), (6 + 4 * 2 / 3) / (10 + 4)]),  # 7/9 and 13/21
        (10, 0.5, [(2 + 10 * 0.5) / (2 + 10), (6 + 10 * 0.5) / (10 + 10)]),  # 7/12 and 11/20
        (2, 0.5, [(2 + 1) / 4, (6 + 1) / 12]),  # with as many observations as the prior is worth: halfway
    ],
)
def test_shrinkage(book, counted, scored, strength, prior, expected) -> None:
    rules = book({"fulfilment": (100, [rule("traceable_share", strength=strength, prior=prior, curve=STRAIGHT)])})
    scores = scored(rules, counted(**TRACED))
    (column,) = scores.columns
    assert column.shrunk[:2].tolist() == pytest.approx(expected, rel=1e-15)
    assert np.isnan(column.shrunk[2])
    assert column.value[:2].tolist() == [1, 0.6]
    assert points(scores) == [round(100 * expected[0], 4), round(100 * expected[1], 4), None]
    assert scores.priors == ({"traceable_share": 2 / 3 if prior == "population" else prior} if strength else {})


def test_the_more_is_known_the_less_the_prior_counts(book, counted, scored) -> None:
    rules = book({"fulfilment": (100, [rule("traceable_share", strength=20, prior=0.5, curve=STRAIGHT)])})
    of_ten_thousand = counted(traceable_share=[(n, n) for n in (1, 20, 180, 9980)])
    assert points(scored(rules, of_ten_thousand)) == [52.381, 75, 95, 99.9]


def test_a_merchant_alone_scores_as_it_did_among_the_others(book, counted, scored) -> None:
    """With the night's priors, one merchant's score can be had without the others."""
    rules = book({"fulfilment": (100, [rule("traceable_share", strength=4, curve=STRAIGHT)])})
    facts = counted(**TRACED)
    night = scored(rules, facts)
    alone = scored(rules, facts.select(np.array([1])), night.priors)
    assert alone.score.tolist() == night.score[1:2].tolist()
    assert alone.evidence.tolist() == night.evidence[1:2].tolist()
    assert scored(rules, facts.select(np.array([1]))).score.tolist() != alone.score.tolist()


# --- curve -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_100", "mark"),
    [(0, 0), (49, 0), (50, 0), (65, 22.5), (80, 45), (85, 57.5), (90, 70), (95, 85), (100, 100)],
)
def test_curve_between_its_points_and_beyond_them(book, counted, scored, of_100: int, mark: float) -> None:
    curve = [[0.5, 0], [0.8, 45], [0.9, 70], [1.0, 100]]
    rules = book({"fulfilment": (100, [rule("on_time_dispatch_rate", curve=curve)])})
    assert points(scored(rules, counted(on_time_dispatch_rate=[(of_100, 100)]))) == [mark]


@pytest.mark.parametrize(
    ("complaints", "mark"), [(0, 100), (5, 90), (10, 80), (20, 65), (30, 50), (65, 25), (100, 0), (400, 0)]
)
def test_curve_that_falls(book, counted, scored, complaints: int, mark: float) -> None:
    curve = [[0.0, 100], [0.01, 80], [0.03, 50], [0.1, 0]]
    rules = book({"after_sales": (100, [rule("complaint_rate", curve=curve)])})
    assert points(scored(rules, counted(complaint_rate=[(complaints, 1000)]))) == [mark]


# --- weights -----------------------------------------------------------------------------------------------------
# Fulfilment 60: dispatch 75, tracking 25. Counterparty 40: ratings 50, authenticity 50. The curves turn the values
# into marks 80, 40, 100 and 0.

ELEMENTS = {
    "fulfilment": (60, [rule("on_time_dispatch_rate", 75), rule("traceable_share", 25)]),
    "counterparty": (40, [rule("rating_overall", 50, curve=[[0, 0], [5, 100]]), rule("authentic_share", 50)]),
}
HERE = {
    "on_time_dispatch_rate": (8, 10),
    "traceable_share": (4, 10),
    "rating_overall": (50, 10),
    "authentic_share": (0, 10),
}


@pytest.mark.parametrize(
    ("missing", "score", "weights"),
    [
        # 0.6 x (0.75 x 80 + 0.25 x 40) + 0.4 x (0.5 x 100 + 0.5 x 0)
        ((), 62, (0.45, 0.15, 0.2, 0.2)),
        # inside its element, the others take over: 0.6 x 80 + 0.4 x 50
        (("traceable_share",), 68, (0.6, 0, 0.2, 0.2)),
        (("authentic_share",), 82, (0.45, 0.15, 0.4, 0)),
        # 0.6 x 40 + 0.4 x 0
        (("on_time_dispatch_rate", "rating_overall"), 24, (0, 0.6, 0, 0.4)),
        # an element without evidence has no weight: 0.75 x 80 + 0.25 x 40
        (("rating_overall", "authentic_share"), 70, (0.75, 0.25, 0, 0)),
        (("on_time_dispatch_rate", "traceable_share"), 50, (0, 0, 0.5, 0.5)),
        (("on_time_dispatch_rate", "traceable_share", "rating_overall"), 0, (0, 0, 0, 1)),
        (tuple(HERE), None, (0, 0, 0, 0)),
    ],
)
def test_weights_are_taken_anew_over_what_is_measured(book, counted, scored, missing, score, weights) -> None:
    said = {name: [(0, 0)] if name in missing else [count] for name, count in HERE.items()}
    scores = scored(book(ELEMENTS), counted(**said))
    assert points(scores) == [score]
    assert [column.weight[0] for column in scores.columns] == pytest.approx(weights, abs=1e-15)
    assert [column.points[0] / POINT for column in scores.columns if column.indicator in missing] == [0] * len(missing)


def test_an_unmeasured_indicator_leaves_the_score_where_it_was(book, counted, scored) -> None:
    """In a rulebook with it and in one without it, a merchant it knows nothing of has the same score."""
    rules = {
        "with": {"fulfilment": (100, [rule("on_time_dispatch_rate", 70), rule("traceable_share", 30, 10)])},
        "without": {"fulfilment": (100, [rule("on_time_dispatch_rate", 100)])},
    }
    facts = counted(on_time_dispatch_rate=[(7, 9), (3, 8)], traceable_share=[(0, 0), (8, 8)])
    found = {name: scored(book(elements), facts) for name, elements in rules.items()}
    assert found["with"].score[0] == found["without"].score[0] == np.rint(7 / 9 * 100 * POINT)
    assert found["with"].evidence[0] < found["without"].evidence[0] == 1
    assert found["with"].score[1] > found["without"].score[1]


def test_points_add_up_to_the_rounded_score(book, counted, scored) -> None:
    """Three equal parts of 100 are 100, not 99.9999 or 100.0002."""
    thirds = [rule(name, 1) for name in ("on_time_dispatch_rate", "on_time_delivery_rate", "traceable_share")]
    said = {one["id"]: [(count, 3) for count in (3, 2, 1, 0)] for one in thirds}
    scores = scored(book({"fulfilment": (100, thirds)}), counted(**said))
    assert points(scores) == [100, 66.6667, 33.3333, 0]
    assert sum(column.points for column in scores.columns).tolist() == scores.score.tolist()


@pytest.mark.parametrize("mark", [100, 85, 70, 50])
def test_whatever_is_missing_equal_marks_make_that_score(book, counted, scored, mark: int) -> None:
    """A merchant with 85 in everything that is measured has 85.0000: the edge of a grade is not lost in rounding."""
    ratios = ("on_time_dispatch_rate", "on_time_delivery_rate", "traceable_share", "invoice_rate")
    others = ("refund_for_cause_rate", "authentic_share", "reply_to_negatives")
    rising, falling = [[0, 0], [1, 100]], [[0, 100], [1, 0]]
    elements = {
        "fulfilment": (36, [rule(name, weight) for name, weight in zip(ratios, (45, 30, 15, 10), strict=True)]),
        "after_sales": (42, [rule("refund_for_cause_rate", 100, curve=falling)]),
        "counterparty": (22, [rule("authentic_share", 65, curve=rising), rule("reply_to_negatives", 35)]),
    }
    known = [chosen for chosen in product((True, False), repeat=7) if any(chosen)]
    said = {}
    for i, name in enumerate((*ratios, *others)):
        count = 100 - mark if name == "refund_for_cause_rate" else mark
        recorded = (0,) if name in ("invoice_rate", "reply_to_negatives") else ()
        said[name] = [(count, 100, *recorded) if chosen[i] else (0, 0, *recorded) for chosen in known]
    scores = scored(book(elements), counted(**said))
    assert set(points(scores)) == {mark}
    assert sum(column.points for column in scores.columns).tolist() == scores.score.tolist()


def test_the_shipped_weights_are_percents_of_percents() -> None:
    for rules in shipped():
        assert sum(element.weight for element in rules.elements) == 100
        assert all(sum(one.weight for one in element.indicators) == 100 for element in rules.elements)


# --- evidence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dispatch", "traced", "ratings", "evidence"),
    [
        # 0.6 x 0.75 x 30/(30+10) + 0.6 x 0.25 x 10/(10+10) + 0.4 x 20/(20+20)
        ((8, 30), (4, 10), (50, 20), 0.3375 + 0.075 + 0.2),
        ((8, 30), (0, 0), (50, 20), 0.3375 + 0.2),  # missing: nothing stands behind it
        ((0, 0), (0, 0), (50, 20), 0.2),
        ((0, 0), (0, 0), (0, 0), 0),
        ((8, 90), (4, 90), (50, 60), 0.6 * 0.9 + 0.4 * 0.75),
    ],
)
def test_evidence(book, counted, scored, dispatch, traced, ratings, evidence) -> None:
    elements = {
        "fulfilment": (60, [rule("on_time_dispatch_rate", 75, 10), rule("traceable_share", 25, 10)]),
        "counterparty": (40, [rule("rating_overall", 100, 20, curve=[[0, 0], [5, 100]])]),
    }
    facts = counted(on_time_dispatch_rate=[dispatch], traceable_share=[traced], rating_overall=[ratings])
    assert scored(book(elements), facts).evidence.tolist() == [round(evidence, 4)]


def test_evidence_of_what_is_not_applicable_is_not_asked_for(book, counted, scored) -> None:
    """No invoice was asked for, or no negative review written: nobody is short of evidence for that."""
    elements = {"fulfilment": (100, [rule("on_time_dispatch_rate", 80, 10), rule("invoice_rate", 20, 10)])}
    said = {"on_time_dispatch_rate": [(10, 10)] * 3, "invoice_rate": [(0, 0, 7), (0, 0, 0), (10, 10, 10)]}
    scores = scored(book(elements), counted(**said))
    assert [column.state.tolist() for column in scores.columns][1] == ["not_applicable", "missing", "measured"]
    assert scores.evidence.tolist() == [0.5, 0.4, 0.5]  # 0.8 x 1/2 of 0.8; 0.8 x 1/2 of 1; 1/2 of 1
    assert points(scores) == [100, 100, 100]


def test_a_level_is_believed_whole(book, counted, scored) -> None:
    rules = book({"operation": (100, [rule("order_volume", curve=[[0, 0], [10, 50], [100, 100]])])})
    scores = scored(rules, counted(order_volume=[(0, None), (10, None), (55, None), (1000, None)]))
    assert points(scores) == [0, 50, 75, 100]
    assert scores.evidence.tolist() == [1, 1, 1, 1]


# --- the table of results ----------------------------------------------------------------------------------------


def test_long_is_one_row_a_subject_and_indicator(book, counted, scored) -> None:
    said = {name: [count, count] for name, count in HERE.items()} | {"traceable_share": [(4, 10), (0, 0)]}
    scores = scored(book(ELEMENTS), counted(**said))
    long = scores.long()
    assert len(long) == 2 * 4
    assert (long.groupby("subject_id")["points"].sum() * POINT).round().tolist() == scores.score.tolist()
    second = long[long["subject_id"] == "s1"].set_index("indicator")
    assert second["state"].to_dict() == {name: "missing" if name == "traceable_share" else "measured" for name in HERE}
    assert second["points"].to_dict() == {
        "on_time_dispatch_rate": 48,
        "traceable_share": 0,
        "rating_overall": 20,
        "authentic_share": 0,
    }

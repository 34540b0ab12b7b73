"""Scoring, by tables small enough to check by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from conftest import EVERYTHING

from credit.evaluation.scoring import POINT, references
from credit.evaluation.scoring import score as score_of
from credit.rulebooks.book import References
from credit.rulebooks.reading import shipped

STRAIGHT = [[0, 0], [1, 100]]
"""The mark is a hundred times the value."""


def rule(name: str, weight: float = 100, strength: float = 0, **more) -> dict:
    return {"id": name, "weight": weight, "strength": strength} | more


def points(scores) -> list[float | None]:
    return [None if np.isnan(score) else score / POINT for score in scores.score]


# --- shrinkage ---------------------------------------------------------------------------------------------------
# s0 has 2 of 2, s1 has 6 of 10, nothing is known of s2. By strength 4 s0 is believed by 2/6 and s1 by 10/14: the reference is
# (2/6 x 1 + 10/14 x 0.6) / (2/6 + 10/14) = 8/11.

TRACED = {"traceable_share": [(2, 2), (6, 10), (0, 0)]}


@pytest.mark.parametrize(
    ("strength", "prior", "expected"),
    [
        (4, "population", [(2 + 4 * 8 / 11) / (2 + 4), (6 + 4 * 8 / 11) / (10 + 4), 8 / 11]),
        (10, 0.5, [(2 + 10 * 0.5) / (2 + 10), (6 + 10 * 0.5) / (10 + 10), 0.5]),
        (2, 0.5, [(2 + 1) / 4, (6 + 1) / 12, 0.5]),  # with as many observations as the prior is worth: halfway
        (0, 0.5, [1, 0.6, 0.5]),  # as measured; what is missing stands at the prior
    ],
)
def test_shrinkage(book, counted, scored, strength, prior, expected) -> None:
    rules = book({"fulfilment": (100, [rule("traceable_share", strength=strength, prior=prior, curve=STRAIGHT)])})
    scores = scored(rules, counted(**TRACED))
    (column,) = scores.columns
    assert column.shrunk.tolist() == pytest.approx(expected, rel=1e-12)
    assert column.value[:2].tolist() == [1, 0.6]
    assert column.state.tolist() == ["measured", "measured", "missing"]
    assert points(scores) == [round(100 * value, 4) for value in expected]
    assert scores.priors == pytest.approx({"traceable_share": expected[2]})


def test_what_is_missing_without_a_reference_stands_at_the_worst(book, counted, scored) -> None:
    rules = book({"fulfilment": (100, [rule("traceable_share", curve=[[0, 10], [1, 100]])])})
    scores = scored(rules, counted(**TRACED))
    assert points(scores) == [100, 64, 10]
    assert scores.priors == {}


def test_harm_without_a_kept_order_counts(book, counted, scored) -> None:
    """Nothing was kept, so there is no rate; the breaches are there all the same."""
    rules = book({"fulfilment": (100, [rule("on_time_dispatch_rate", strength=5, prior=0.9, curve=STRAIGHT)])})
    assert points(scored(rules, counted(on_time_dispatch_rate=[(0, 0), (0, 10)]))) == [90, 30]


def test_a_merchant_counts_in_the_reference_for_no_more_than_one(book, counted, scored) -> None:
    rules = book({"fulfilment": (100, [rule("traceable_share", strength=10, curve=STRAIGHT)])})
    small, giant = [(10, 10)] * 9, (0, 1_000_000)
    reference = scored(rules, counted(traceable_share=[*small, giant])).priors["traceable_share"]
    assert reference == pytest.approx(9 * 0.5 / (9 * 0.5 + 1), rel=1e-4)


def test_a_prior_is_worth_the_rulebooks_merchants(book, counted) -> None:
    merchants = {
        name: {"value": value, "source": "reconstruction"} for name, value in (("merchants", 3), ("least_mark", 20))
    }
    elements = {"fulfilment": (100, [rule("traceable_share", strength=10, prior=0.5, curve=STRAIGHT)])}
    rules = book(elements).model_copy(update={"references": References.model_validate(merchants)})
    facts = counted(traceable_share=[(10, 10), (10, 10), (0, 10)])
    averages = references(rules, facts, frozenset({"transactions", "transactions.traceable"}))
    # The third traced nothing; beyond 0.2, which the curve marks 20, it draws nobody down.
    assert averages["traceable_share"] == pytest.approx((0.5 + 0.5 + 0.5 * 0.2 + 3 * 0.5) / (0.5 * 3 + 3))
    # Two shops of one owner, and one that does not count.
    shares = np.array([0.5, 0.5, 0])
    honest = references(rules, facts, frozenset({"transactions", "transactions.traceable"}), shares)
    assert honest["traceable_share"] == pytest.approx((0.25 + 0.25 + 3 * 0.5) / (0.5 + 3))


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
    rules = book({"after_sales": (100, [rule("refund_for_cause_rate", curve=curve)])})
    assert points(scored(rules, counted(refund_for_cause_rate=[(complaints, 1000)]))) == [mark]


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
    ("without", "score", "weights"),
    [
        # 0.6 x (0.75 x 80 + 0.25 x 40) + 0.4 x (0.5 x 100 + 0.5 x 0)
        ((), 62, (0.45, 0.15, 0.2, 0.2)),
        # inside its element, the others take over: 0.6 x 80 + 0.4 x 50
        (("transactions.traceable",), 68, (0.6, 0, 0.2, 0.2)),
        (("reviews.authentic",), 82, (0.45, 0.15, 0.4, 0)),
        # an element of which nothing is supplied has no weight: 0.75 x 80 + 0.25 x 40
        (("reviews",), 70, (0.75, 0.25, 0, 0)),
        (("transactions",), 50, (0, 0, 0.5, 0.5)),
        (("transactions", "reviews"), None, (0, 0, 0, 0)),
    ],
)
def test_weights_are_taken_anew_over_what_is_supplied(book, counted, without, score, weights) -> None:
    facts = counted(**{name: [count] for name, count in HERE.items()})
    facts.supplied -= set(without)
    have = frozenset(name for name in EVERYTHING if name not in without)
    scores = score_of(book(ELEMENTS), facts, have)
    assert points(scores) == [score]
    assert [column.weight[0] for column in scores.columns] == pytest.approx(weights, abs=1e-15)


def test_what_is_missing_of_a_merchant_keeps_its_weight(book, counted, scored) -> None:
    """The first fact moves a merchant from the reference average, in its own direction."""
    elements = {
        "fulfilment": (
            100,
            [rule("on_time_dispatch_rate", 70), rule("traceable_share", 30, 10, prior=0.5, curve=STRAIGHT)],
        )
    }
    facts = counted(on_time_dispatch_rate=[(7, 10)] * 3, traceable_share=[(0, 0), (1, 1), (0, 1)])
    scores = scored(book(elements), facts)
    assert points(scores) == [49 + 15, round(49 + 30 * 6 / 11, 4), round(49 + 30 * 5 / 11, 4)]
    assert scores.evidence[0] < scores.evidence[1] == scores.evidence[2]


def test_points_add_up_to_the_rounded_score(book, counted, scored) -> None:
    """Three equal parts of 100 are 100, not 99.9999 or 100.0002."""
    thirds = [rule(name, 1) for name in ("on_time_dispatch_rate", "on_time_delivery_rate", "traceable_share")]
    counts = {third["id"]: [(count, 3) for count in (3, 2, 1, 0)] for third in thirds}
    scores = scored(book({"fulfilment": (100, thirds)}), counted(**counts))
    assert points(scores) == [100, 66.6667, 33.3333, 0]
    assert sum(column.points for column in scores.columns).tolist() == scores.score.tolist()


@pytest.mark.parametrize("mark", [100, 85, 70, 50])
def test_equal_marks_make_that_score(book, counted, mark: int) -> None:
    """A merchant with 85 in everything has 85.0000, whatever is supplied: the edge of a grade is not lost in rounding."""
    ratios = ("on_time_dispatch_rate", "traceable_share", "invoice_rate")
    elements = {
        "fulfilment": (36, [rule(name, weight) for name, weight in zip(ratios, (45, 30, 25), strict=True)]),
        "after_sales": (42, [rule("refund_for_cause_rate", 100, curve=[[0, 100], [1, 0]])]),
        "counterparty": (22, [rule("authentic_share", 65), rule("rating_overall", 35, curve=[[0, 0], [5, 100]])]),
    }
    counts = {name: [(mark, 100)] for name in (*ratios, "authentic_share")}
    counts |= {"refund_for_cause_rate": [(mark * (100 - mark) / 100, mark)], "rating_overall": [(5 * mark, 100)]}
    columns = (
        "transactions.dispatched_at",
        "transactions.traceable",
        "transactions.invoice_asked",
        "reviews.authentic",
        "reviews.rating_overall",
    )
    for supplied in product((True, False), repeat=len(columns)):
        without = {name for name, there in zip(columns, supplied, strict=True) if not there}
        scores = score_of(
            book(elements), counted(**counts), frozenset(name for name in EVERYTHING if name not in without)
        )
        assert points(scores) == [mark]
        assert sum(column.points for column in scores.columns).tolist() == scores.score.tolist()


def test_the_shipped_weights_are_percents_of_percents() -> None:
    for rules in shipped():
        assert sum(element.weight for element in rules.elements) == 100
        assert all(sum(indicator.weight for indicator in element.indicators) == 100 for element in rules.elements)


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


def test_what_is_not_applicable_stands_where_what_is_missing_does(book, counted, scored) -> None:
    """No invoice was asked for: a first one that is refused can only lower the score, and evidence only grows."""
    elements = {
        "fulfilment": (
            100,
            [rule("on_time_dispatch_rate", 80, 10, prior=1), rule("invoice_rate", 20, 10, prior=0.9, curve=STRAIGHT)],
        )
    }
    counts = {"on_time_dispatch_rate": [(10, 10)] * 4, "invoice_rate": [(0, 0, 7), (0, 0, 0), (10, 10, 10), (0, 1, 1)]}
    scores = scored(book(elements), counted(**counts))
    assert scores.columns[1].state.tolist() == ["not_applicable", "missing", "measured", "measured"]
    assert points(scores) == [98, 98, 99, round(80 + 20 * 9 / 11, 4)]
    assert scores.evidence.tolist() == [0.4, 0.4, 0.5, round(0.4 + 0.2 / 11, 4)]


def test_a_level_is_believed_whole(book, counted, scored) -> None:
    rules = book({"operation": (100, [rule("order_volume", curve=[[0, 0], [10, 50], [100, 100]])])})
    scores = scored(rules, counted(order_volume=[(0, None), (10, None), (55, None), (1000, None)]))
    assert points(scores) == [0, 50, 75, 100]
    assert scores.evidence.tolist() == [1, 1, 1, 1]


# --- the table of results ----------------------------------------------------------------------------------------


def test_long_is_one_row_a_subject_and_indicator(book, counted, scored) -> None:
    counts = {name: [count, count] for name, count in HERE.items()} | {"traceable_share": [(4, 10), (0, 0)]}
    scores = scored(book(ELEMENTS), counted(**counts))
    long = scores.long()
    assert len(long) == 2 * 4
    assert (long.groupby("subject_id")["points"].sum() * POINT).round().tolist() == scores.score.tolist()
    second = long[long["subject_id"] == "s1"].set_index("indicator")
    assert second["state"].to_dict() == {name: "missing" if name == "traceable_share" else "measured" for name in HERE}
    assert second["points"].to_dict() == {
        "on_time_dispatch_rate": 36, "traceable_share": 0, "rating_overall": 20, "authentic_share": 0,
    }  # fmt: skip

"""Measures of validation: numbers worked out by hand, and what must hold of any score."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from credit.evaluation.grading import NOT_RATED
from credit.validation import metrics
from credit.validation.baselines import wilson
from credit.validation.stability import matrix, migration, returns

# A bad order each at scores 1 and 3, good ones at 2, 3 and 4.
BAD = [True, False, True, False, False]
SCORE = [1.0, 2.0, 3.0, 3.0, 4.0]


def by_counting(bad: list[bool], score: list[float]) -> float:
    """Pairs of a bad and a good order in which the bad one has the lower score, ties half."""
    pairs = [
        (b, g) for b, is_b in zip(score, bad, strict=True) if is_b for g, no in zip(score, bad, strict=True) if not no
    ]
    return sum(1.0 if b < g else 0.5 if b == g else 0.0 for b, g in pairs) / len(pairs)


def test_auc_by_hand() -> None:
    # The bad one at 1 is below all three; the one at 3 is above 2, level with 3, below 4: (3 + 1.5) / 6.
    assert metrics.auc(BAD, SCORE) == by_counting(BAD, SCORE) == 0.75
    assert metrics.gini(BAD, SCORE) == 0.5


def test_ks_and_lift_by_hand() -> None:
    # Up to 1: half of the bad, none of the good.
    assert metrics.ks(BAD, SCORE) == pytest.approx(0.5)
    assert metrics.lift(BAD, SCORE, 0.2) == pytest.approx(1 / 0.4)
    # Three of five: those at 1 and 2, and one of the two at 3, half bad on average.
    assert metrics.lift(BAD, SCORE, 0.6) == pytest.approx((1.5 / 3) / 0.4)


def test_one_class_says_nothing() -> None:
    for measure in metrics.MEASURES.values():
        assert math.isnan(measure([False, False], [1.0, 2.0]))


def test_jeffreys() -> None:
    low, high = metrics.jeffreys([0, 3, 10], [10, 10, 10])
    # Brown, Cai and DasGupta: 0 of 10 and 10 of 10 mirror each other, with closed ends.
    assert (low[0], high[2]) == (0.0, 1.0)
    assert high[0] == pytest.approx(1 - low[2])
    # Beta(3.5, 7.5) holds 95 % between them, 2.5 % on each side.
    assert stats.beta.cdf([low[1], high[1]], 3.5, 7.5) == pytest.approx([0.025, 0.975])
    assert (round(low[1], 4), round(high[1], 4)) == (0.0927, 0.6058)


def test_psi_by_hand() -> None:
    # With half a case added: 60.5 and 40.5 of 101 before, 40.5 and 60.5 after.
    shift = (60.5 - 40.5) / 101
    assert metrics.psi([60, 40], [40, 60]) == pytest.approx(2 * shift * math.log(60.5 / 40.5))
    assert metrics.psi([60, 40], [60, 40]) == 0


def test_bins_hold_equal_parts_and_what_is_missing() -> None:
    before, after = metrics.binned([1, 2, 3, 4, np.nan], [1, 1, 9, np.nan, np.nan], bins=2)
    assert (before.tolist(), after.tolist()) == ([2, 2, 1], [2, 1, 2])
    same, _ = metrics.binned([1, 1, 1, 1], [1], bins=10)
    assert same.sum() == 4


def test_wilson_is_scipys() -> None:
    positive, n = np.array([0.0, 3.0, 10.0]), np.array([0.0, 4.0, 10.0])
    ends = [
        stats.binomtest(int(k), int(m)).proportion_ci(method="wilson").low
        for k, m in zip(positive[1:], n[1:], strict=True)
    ]
    assert wilson(positive, n) == pytest.approx([0.0, *ends])


def test_migration_by_hand() -> None:
    before = pd.DataFrame({"subject_id": list("abcde"), "grade": ["A", "A", "B", "NR", "A"]})
    after = pd.DataFrame({"subject_id": list("abcdf"), "grade": ["A", "B", "B", "A", "A"]})
    table = migration(before, after, ["A", "B", NOT_RATED])
    # e is not there any more, f was not there before.
    assert table.to_numpy().tolist() == [
        ["A", "A", 1, 0.5],
        ["A", "B", 1, 0.5],
        ["B", "B", 1, 1.0],
        ["NR", "A", 1, 1.0],
    ]
    square = matrix(table, ["A", "B", NOT_RATED])
    assert square.to_numpy().tolist() == [[1, 1], [0, 1], [1, 0]]


def test_there_and_back() -> None:
    assert returns(["A", "A", "B", "A", "A"]) == (2, 1)
    assert returns(["A", "B", "A", "B"]) == (3, 2)
    assert returns(["A", "B", "C"]) == (2, 0)
    assert returns(["A"]) == (0, 0)


def test_rises_and_falls() -> None:
    """Forty sellers in each of three grades, bad rates 0.1, 0.3 and 0.2."""
    rates = {"A": 1, "B": 3, "C": 2}
    rows = [(f"{g}{i:02}", g, 10, bad) for g, bad in rates.items() for i in range(40)]
    by_seller = pd.DataFrame(rows, columns=["subject_id", "grade", "orders", "bad"]).set_index("subject_id")
    table = pd.DataFrame({"grade": list(rates), "rate": [0.1, 0.3, 0.2]})
    steps = metrics.rising(table, by_seller, metrics.draws(len(by_seller), 200))
    assert steps["verdict"].tolist() == ["rises", "falls"]
    assert steps["rise"].tolist() == pytest.approx([0.2, -0.1])


def test_calibration_tells_a_market_that_became_better() -> None:
    random = np.random.default_rng(1)
    score = random.uniform(0, 100, 20_000)
    risk = 0.5 - 0.4 * score / 100
    before = pd.DataFrame({"score": score, "bad": random.uniform(size=len(score)) < risk})
    after = pd.DataFrame({"score": score, "bad": random.uniform(size=len(score)) < risk / 2})
    bins, fit = metrics.calibrate(before, after)
    assert len(bins) == 10
    assert fit["ratio"] == pytest.approx(0.5, abs=0.03)
    _, same = metrics.calibrate(before, before)
    assert same["ratio"] == pytest.approx(1, abs=1e-3)
    assert same["slope"] == pytest.approx(1, abs=1e-2)


orders = st.lists(st.tuples(st.booleans(), st.integers(-50, 50)), min_size=2, max_size=40).filter(
    lambda rows: len({bad for bad, _ in rows}) == 2
)


@given(orders)
@settings(max_examples=50, deadline=None)
def test_auc_is_the_count_of_pairs(rows: list[tuple[bool, int]]) -> None:
    bad, score = [b for b, _ in rows], [float(s) for _, s in rows]
    assert metrics.auc(bad, score) == pytest.approx(by_counting(bad, score))
    assert metrics.auc(bad, [-s for s in score]) == pytest.approx(1 - metrics.auc(bad, score))


@pytest.mark.slow
@given(orders, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_only_the_order_of_scores_counts_and_not_that_of_rows(rows: list[tuple[bool, int]], random) -> None:
    bad, score = np.array([b for b, _ in rows]), np.array([float(s) for _, s in rows])
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    for measure in metrics.MEASURES.values():
        value = measure(bad, score)
        assert measure(bad, np.arctan(score / 10) ** 3) == pytest.approx(value)
        assert measure(bad[shuffled], score[shuffled]) == pytest.approx(value)


@given(orders, st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_sums_by_seller_give_the_auc_of_the_orders(rows: list[tuple[bool, int]], seed: int) -> None:
    """A resample in which every seller is drawn once is the orders as they are; one drawn twice is its orders twice."""
    numbers = np.random.default_rng(seed).integers(0, 6, len(rows))
    table = pd.DataFrame({"subject_id": [f"s{i}" for i in numbers], "bad": [b for b, _ in rows]})
    sellers = pd.Index(sorted(table["subject_id"].unique()))
    score = pd.Series({s: float(i % 4) for i, s in enumerate(sellers)})
    of_orders = table["subject_id"].map(score)
    weights = np.ones((2, len(sellers)))
    weights[1, 0] = 2
    resampled = metrics.auc_of_draws(metrics.Sums.from_orders(table, sellers), score.to_numpy(), weights)
    assert resampled[0] == pytest.approx(metrics.auc(table["bad"], of_orders))
    twice = pd.concat([table, table[table["subject_id"] == sellers[0]]])
    assert resampled[1] == pytest.approx(metrics.auc(twice["bad"], twice["subject_id"].map(score)))


def test_resamples_are_the_same_for_the_same_seed() -> None:
    assert (metrics.draws(5, 3, 1) == metrics.draws(5, 3, 1)).all()
    assert metrics.draws(5, 3).sum(axis=1).tolist() == [5, 5, 5]

"""What the shipped rulebook's score tells of later orders, on the public Olist files: see docs/explanation/olist.md."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from credit.evaluation.grading import NOT_RATED
from credit.home import open_warehouse
from credit.settings import Settings
from credit.validation.backtest import Backtest, backtest
from credit.validation.challenger import challenge
from credit.validation.outcomes import definition

pytestmark = pytest.mark.olist

DATES = (date(2017, 12, 1), date(2018, 2, 1), date(2018, 4, 1), date(2018, 6, 1))
ZONE = "America/Sao_Paulo"
FAULT = definition("rated_low=2,sent_late,seller_cancelled,unavailable")
"""The merchant's fault; what the carrier does is not."""


@pytest.fixture(scope="module")
def tested(olist_home: Settings) -> Backtest:
    with open_warehouse(olist_home, read_only=True) as con:
        return backtest(con, DATES, ZONE, [90], FAULT, resamples=100)


@pytest.mark.parametrize("population", ["rated", "known"])
def test_the_score_is_ahead_of_the_shrunk_mean_rating(tested: Backtest, population: str) -> None:
    """By 0.02 of AUC on average, and on no date behind."""
    assert tested.rulebooks == ("gbt-26842-enterprise 1.0.0",), "a past date is graded by the rules in force last"
    measures = tested.measures
    ahead = measures[
        (measures["measure"] == "auc_below")
        & (measures["scorer"] == "shrunk_rating")
        & (measures["population"] == population)
    ].set_index("date")["value"]
    assert ahead["mean"] >= 0.04
    assert (ahead.drop("mean") >= 0).all()


def test_no_plain_ranking_and_no_element_alone_is_better(tested: Backtest) -> None:
    measures = tested.measures
    ahead = measures[
        (measures["measure"] == "auc_below") & (measures["date"] == "mean") & (measures["population"] == "rated")
    ]
    plain = ahead[~ahead["scorer"].str.startswith("indicator:") & (ahead["scorer"] != "grade")]
    assert (plain["value"] > 0).all()


def test_bad_orders_are_the_fewer_the_better_the_grade(tested: Backtest) -> None:
    grades = tested.grades
    rates = grades[(grades["date"] == "pooled") & (grades["grade"] != NOT_RATED)]
    assert len(rates) >= 7
    assert rates["rate"].is_monotonic_increasing, rates[["grade", "orders", "rate"]]


def test_the_score_is_not_behind_the_challengers(olist_home: Settings) -> None:
    """On a month and on sellers that the models did not learn from."""
    with open_warehouse(olist_home, read_only=True) as con:
        result = challenge(con, [DATES[2]], ZONE, 90, FAULT, train=DATES[:1], resamples=100)
    auc = result.measures[result.measures["date"] == DATES[2]].set_index("scorer")["auc"]
    assert auc["score"] >= max(auc["boosting"], auc["logistic"])
    assert set(result.importance["model"]) == {"boosting", "logistic"}
    best: pd.Series[str] = result.importance.groupby("model")["indicator"].first()
    assert set(best) <= {"dispatch_time_used", "on_time_dispatch_rate", "negative_share"}

"""What the shipped rulebook's score tells of later orders, on the public Olist files: see docs/explanation/olist.md."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from credit.evaluation.grading import NOT_RATED
from credit.home import open_warehouse
from credit.rulebooks import reading
from credit.settings import Settings
from credit.validation.backtest import Backtest, PastNight, chosen, judge, nights
from credit.validation.challenger import compare
from credit.validation.outcomes import definition, outcomes
from support import rules

pytestmark = [pytest.mark.olist, pytest.mark.slow, pytest.mark.thorough]

DATES = (date(2017, 12, 1), date(2018, 2, 1), date(2018, 4, 1), date(2018, 6, 1))
ZONE = "America/Sao_Paulo"
FAULT = definition("rated_low=2,sent_late,seller_cancelled,unavailable")
"""The merchant's fault; what the carrier does is not."""


@pytest.fixture(scope="module")
def past_nights(olist_home: Settings) -> list[PastNight]:
    """A night for each of DATES, graded once for every measure below."""
    with open_warehouse(olist_home, read_only=True) as con:
        return list(nights(con, DATES, ZONE, chosen(con, None)))


@pytest.fixture(scope="module")
def tested(olist_home: Settings, past_nights: list[PastNight]) -> Backtest:
    with open_warehouse(olist_home, read_only=True) as con:
        return judge(con, past_nights, ZONE, [90], FAULT, resamples=100)


@pytest.mark.parametrize("population", ["rated", "known"])
def test_the_score_is_ahead_of_the_shrunk_mean_rating(tested: Backtest, population: str) -> None:
    """By 0.02 of AUC on average, and on no date behind."""
    with rules.shipped():
        newest = [book.label for book in reading.shipped() if book.subject.kind == "enterprise"][-1]
    assert tested.rulebooks == (newest,), "a past date is graded by the rules in force last"
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


def test_the_score_is_not_behind_the_challengers(olist_home: Settings, past_nights: list[PastNight]) -> None:
    """On a month and on sellers that the models did not learn from."""
    with open_warehouse(olist_home, read_only=True) as con:
        result = compare(con, [past_nights[0], past_nights[2]], [DATES[2]], ZONE, 90, FAULT, resamples=100)
    auc = result.measures[result.measures["date"] == DATES[2]].set_index("scorer")["auc"]
    assert auc["score"] >= max(auc["boosting"], auc["logistic"])
    assert set(result.importance["model"]) == {"boosting", "logistic"}
    best: pd.Series[str] = result.importance.groupby("model")["indicator"].first()
    assert set(best) <= {"dispatch_time_used", "on_time_dispatch_rate", "negative_share"}


# --- by every fault, the carrier's too -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(olist_home: Settings, past_nights: list[PastNight]) -> Backtest:
    with open_warehouse(olist_home, read_only=True) as con:
        return judge(con, past_nights, ZONE, [90], resamples=100)


def test_outcomes_of_olist_equal_hand_written_sql(olist_home: Settings, olist: Path) -> None:
    with open_warehouse(olist_home, read_only=True) as con:
        followed = outcomes(con, DATES[2], 90, ZONE)
        (lines, low, late, off) = con.execute(
            f"""WITH lines AS (
                    SELECT order_id, seller_id, min(shipping_limit_date) AS send_by
                    FROM '{olist}/olist_order_items_dataset.parquet' GROUP BY ALL
                ), stars AS (
                    SELECT order_id, min(review_score) AS worst FROM '{olist}/olist_order_reviews_dataset.parquet'
                    WHERE review_answer_timestamp IS NOT NULL GROUP BY 1
                )
                SELECT count(*), count(*) FILTER (worst <= 2), count(*) FILTER (order_delivered_carrier_date > send_by
                       OR (order_delivered_carrier_date IS NULL AND order_delivered_customer_date IS NULL
                           AND order_status NOT IN ('canceled', 'unavailable'))),
                       count(*) FILTER (order_status IN ('canceled', 'unavailable'))
                FROM '{olist}/olist_orders_dataset.parquet' JOIN lines USING (order_id) LEFT JOIN stars USING (order_id)
                WHERE order_purchase_timestamp >= '2018-04-01' AND order_purchase_timestamp < '2018-06-30'
                  AND coalesce(order_approved_at >= order_purchase_timestamp, true)
                  AND coalesce(order_delivered_carrier_date >= order_purchase_timestamp, true)"""
        ).fetchall()[0]
    assert len(followed) == lines
    assert (followed["rated_low"].sum(), followed["sent_late"].sum(), followed["seller_cancelled"].sum()) == (
        low,
        late,
        off,
    )


def test_the_shrunk_mean_is_as_good_as_was_measured_elsewhere(real: Backtest) -> None:
    """Measured once without this library, on all sellers with an order before: 0.538, 0.573, 0.578, 0.578."""
    mine = real.measures.query(
        "scorer == 'shrunk_rating' and measure == 'auc' and level == 'order' and population == 'known' and date != 'mean'"
    )
    assert mine["value"].tolist() == pytest.approx([0.538, 0.573, 0.578, 0.578], abs=0.004)


def test_the_published_score_beats_the_ratings_on_real_orders(real: Backtest) -> None:
    rated = real.measures.query("measure == 'auc_below' and level == 'order' and population == 'rated'")
    for scorer in ("mean_rating", "shrunk_rating", "wilson", "orders"):
        gains = rated[rated["scorer"] == scorer].set_index("date")["value"]
        assert gains["mean"] >= 0.02, scorer
        assert (gains >= 0).all(), scorer
    worst_first = real.grades.query("date == 'pooled' and grade != 'NR' and orders >= 500")["rate"]
    assert worst_first.is_monotonic_increasing

"""Counterparty evaluation, by hand: reviews of one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

import pytest

CUT_OFF = "2025-07-01 00:00"
LAST_SECOND = "2025-06-30 23:59:59"
DONE = {"completed_at": "2025-06-08 10:00"}


def stars(*ratings: int) -> list[dict[str, int]]:
    return [{"rating_overall": rating} for rating in ratings]


def test_rating_overall(measure) -> None:
    assert measure("rating_overall", reviews=stars(5, 4, 1)) == ("measured", 10, 3, 10 / 3)


def test_rating_description(measure) -> None:
    reviews = [{"rating_description": 5}, {"rating_description": 2}, {"rating_overall": 1}]  # the third did not say
    assert measure("rating_description", reviews=reviews) == ("measured", 7, 2, 3.5)


def test_rating_service(measure) -> None:
    reviews = [{"rating_service": 4}, {"rating_service": 3}, {}]
    assert measure("rating_service", reviews=reviews) == ("measured", 7, 2, 3.5)


def test_rating_logistics(measure) -> None:
    reviews = [{"rating_logistics": 1}, {"rating_logistics": 2}, {"rating_logistics": 3}]
    assert measure("rating_logistics", reviews=reviews) == ("measured", 6, 3, 2)


@pytest.mark.parametrize("aspect", ["description", "service", "logistics"])
def test_a_rating_nobody_gave_is_missing(measure, aspect: str) -> None:
    assert measure(f"rating_{aspect}", reviews=stars(5, 5)) == ("missing", 0, 0, None)
    assert measure(f"rating_{aspect}", transactions=[DONE]) == ("missing", None, None, None)


@pytest.mark.parametrize("aspect", ["overall", "description", "service", "logistics"])
def test_a_rating_of_several_sellers_goods_is_nobodys(measure, aspect: str) -> None:
    rating = f"rating_{aspect}"
    reviews = [{rating: 1, "shared": True}, {rating: 4, "shared": False}, {rating: 5}]  # blank: not shared
    assert measure(rating, reviews=reviews) == ("measured", 9, 2, 4.5)


def test_rating_overall_window_and_cut_off(measure) -> None:
    reviews = [
        {"rating_overall": 5, "reviewed_at": "2024-07-01 00:00"},
        {"rating_overall": 1, "reviewed_at": "2024-06-30 23:59:59"},
        {"rating_overall": 4, "reviewed_at": LAST_SECOND},
        {"rating_overall": 1, "reviewed_at": CUT_OFF},
    ]
    assert measure("rating_overall", reviews=reviews) == ("measured", 9, 2, 4.5)
    assert measure("rating_overall", reviews=reviews, days=30) == ("measured", 4, 1, 4)


def test_positive_share(measure) -> None:
    assert measure("positive_share", reviews=stars(5, 4, 3, 2, 1)) == ("measured", 2, 5, 2 / 5)


def test_positive_share_without_positive_and_without_reviews(measure) -> None:
    assert measure("positive_share", reviews=stars(3)) == ("measured", 0, 1, 0)
    assert measure("positive_share", reviews=[]) == ("missing", 0, 0, None)
    assert measure("positive_share", reviews=[{"rating_overall": 5, "shared": True}]) == ("missing", 0, 0, None)


def test_negative_share(measure) -> None:
    assert measure("negative_share", reviews=stars(5, 4, 3, 2, 1)) == ("measured", 2, 5, 2 / 5)


def test_negative_share_zero_missing_and_shared(measure) -> None:
    assert measure("negative_share", reviews=stars(3, 5)) == ("measured", 0, 2, 0)
    assert measure("negative_share", reviews=[]) == ("missing", 0, 0, None)
    reviews = [{"rating_overall": 1, "shared": True}, {"rating_overall": 5}]
    assert measure("negative_share", reviews=reviews) == ("measured", 0, 1, 0)


def test_review_coverage(measure) -> None:
    orders = [DONE, DONE, DONE, {}, {"cancelled_at": "2025-06-02 10:00"}]
    reviews = [*stars(5, 1), {"rating_overall": 5, "shared": True}]
    assert measure("review_coverage", transactions=orders, reviews=reviews) == ("measured", 2, 3, 2 / 3)


def test_review_coverage_without_reviews_is_missing(measure) -> None:
    """Otherwise it would speak for its whole element, and a first bad review would raise the score."""
    assert measure("review_coverage", transactions=[DONE], reviews=[]) == ("missing", 0, 1, None)
    shared = [{"rating_overall": 5, "shared": True}]
    assert measure("review_coverage", transactions=[DONE], reviews=shared) == ("missing", 0, 1, None)


def test_review_coverage_needs_completed_orders_and_both_tables(measure) -> None:
    assert measure("review_coverage", transactions=[{}], reviews=stars(5)) == ("missing", 1, 0, None)
    assert measure("review_coverage", transactions=[DONE]).state == "missing"
    assert measure("review_coverage", reviews=stars(5)).state == "missing"


def test_reply_to_negatives(measure) -> None:
    reviews = [
        {"rating_overall": 1, "replied_at": "2025-06-11 10:00", "reply": "抱歉，已补发"},
        {"rating_overall": 2},
        {"rating_overall": 2, "replied_at": CUT_OFF},  # not replied to yet
        {"rating_overall": 5, "replied_at": "2025-06-11 10:00"},  # not negative
        {"rating_overall": 1, "shared": True},
    ]
    assert measure("reply_to_negatives", reviews=reviews) == ("measured", 1, 3, 1 / 3)


def test_reply_to_negatives_nothing_to_reply_to(measure) -> None:
    assert measure("reply_to_negatives", reviews=stars(5, 3)) == ("not_applicable", 0, 0, None)
    assert measure("reply_to_negatives", reviews=[]) == ("missing", 0, 0, None)
    unsaid = ["reviews.replied_at"]
    assert measure("reply_to_negatives", reviews=stars(1), without=unsaid).state == "missing"
    assert measure("reply_to_negatives", reviews=stars(1)) == ("measured", 0, 1, 0)


def test_distinct_reviewers(measure) -> None:
    reviews = [{"buyer_id": buyer} for buyer in ("a", "b", "a", None)]  # the last one's buyer is not recorded
    assert measure("distinct_reviewers", reviews=reviews) == ("measured", 2, None, 2)


def test_distinct_reviewers_leaves_out_shared_reviews(measure) -> None:
    reviews = [{"buyer_id": "a"}, {"buyer_id": "b", "shared": True}]
    assert measure("distinct_reviewers", reviews=reviews) == ("measured", 1, None, 1)


def test_distinct_reviewers_without_reviews_is_missing(measure) -> None:
    """Nobody has spoken: that is neither good nor bad, and a first bad review must not be better than none."""
    assert measure("distinct_reviewers", reviews=[]) == ("missing", 0, None, None)
    assert measure("distinct_reviewers", reviews=[{}]) == ("missing", 0, None, None)  # by nobody knows whom


def test_distinct_reviewers_not_recorded(measure) -> None:
    unsaid = ["reviews.buyer_id"]
    assert measure("distinct_reviewers", reviews=[{"buyer_id": "a"}], without=unsaid).state == "missing"
    assert measure("distinct_reviewers", transactions=[DONE]).state == "missing"


def test_authentic_share(measure) -> None:
    reviews = [{"authentic": True}, {"authentic": True}, {"authentic": False}, {}]  # the fourth was not judged
    assert measure("authentic_share", reviews=reviews) == ("measured", 2, 3, 2 / 3)


def test_authentic_share_not_judged_is_missing(measure) -> None:
    assert measure("authentic_share", reviews=[{}, {}]) == ("missing", 0, 0, None)
    assert measure("authentic_share", reviews=[{"authentic": False}]) == ("measured", 0, 1, 0)


def test_a_review_judged_not_authentic_is_no_review(measure) -> None:
    """A false five and a false one, beside a true four and an unjudged two."""
    reviews = [
        {"rating_overall": 5, "authentic": False, "buyer_id": "a"},
        {"rating_overall": 1, "authentic": False, "buyer_id": "b", "replied_at": "2025-06-11 10:00"},
        {"rating_overall": 4, "authentic": True, "buyer_id": "c"},
        {"rating_overall": 2, "buyer_id": "d"},
    ]
    assert measure("rating_overall", reviews=reviews) == ("measured", 6, 2, 3)
    assert measure("positive_share", reviews=reviews) == ("measured", 1, 2, 1 / 2)
    assert measure("negative_share", reviews=reviews) == ("measured", 1, 2, 1 / 2)
    assert measure("reply_to_negatives", reviews=reviews) == ("measured", 0, 1, 0)
    assert measure("distinct_reviewers", reviews=reviews) == ("measured", 2, None, 2)
    assert measure("review_coverage", reviews=reviews, transactions=[DONE] * 4) == ("measured", 2, 4, 2 / 4)

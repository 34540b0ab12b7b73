"""Counterparty evaluation, by hand: reviews of one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

CUT_OFF = "2025-07-01 00:00"
LAST_SECOND = "2025-06-30 23:59:59"
ORDERS = [{"transaction_id": f"t{i}"} for i in range(1, 4)] + [
    {"transaction_id": "late", "dispatched_at": "2025-06-09 10:00"},
    {"transaction_id": "unpaid", "paid_at": None},
]
"""Three kept orders, a late one and one that bound nobody."""


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
    assert measure(f"rating_{aspect}", transactions=ORDERS) == ("missing", None, None, None)


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


def of(name: str | None, rating: int, **values: object) -> dict[str, object]:
    return {"transaction_id": name, "rating_overall": rating} | values


def test_negative_share(measure) -> None:
    # A review of three stars is neither: it dilutes nothing.
    assert measure("negative_share", reviews=stars(5, 4, 3, 2, 1)) == ("measured", 2, 4, 2 / 4)
    assert measure("negative_share", reviews=stars(3, 5)) == ("measured", 0, 1, 0)
    assert measure("negative_share", reviews=[]) == ("missing", 0, 0, None)
    reviews = [{"rating_overall": 1, "shared": True}, {"rating_overall": 5}]
    assert measure("negative_share", reviews=reviews) == ("measured", 0, 1, 0)


def test_review_coverage(measure) -> None:
    reviews = [of("t1", 5), of("t2", 1), of("t3", 4, shared=True), of("late", 4), of("unpaid", 5), of(None, 5)]
    assert measure("review_coverage", transactions=ORDERS, reviews=reviews) == ("measured", 2, 3, 2 / 3)
    assert measure("review_coverage", transactions=ORDERS, reviews=[]) == ("measured", 0, 3, 0)
    assert measure("review_coverage", transactions=ORDERS).state == "missing"
    assert measure("review_coverage", reviews=stars(5)).state == "missing"


def test_unanswered_negatives(measure) -> None:
    reviews = [
        of("t1", 1, replied_at="2025-06-11 10:00"),
        of("t2", 2),
        of("late", 2, replied_at=CUT_OFF),  # not replied to yet
        of("t3", 5),
        of("unpaid", 1),
    ]
    assert measure("unanswered_negatives", transactions=ORDERS, reviews=reviews) == ("measured", 2, 3, 2 / 3)
    without = ["reviews.replied_at"]
    assert measure("unanswered_negatives", transactions=ORDERS, reviews=reviews, without=without).state == "missing"


def test_distinct_reviewers(measure) -> None:
    reviews = [
        *(of(name, 5, buyer_id=buyer) for name, buyer in (("t1", "a"), ("t2", "a"), ("t3", "b"))),
        of("late", 1, buyer_id="c"),
        of("unpaid", 5, buyer_id="d"),
    ]
    assert measure("distinct_reviewers", transactions=ORDERS, reviews=reviews) == ("measured", 2, None, 2)
    assert measure("distinct_reviewers", transactions=ORDERS, reviews=[]) == ("measured", 0, None, 0)


def test_authentic_share(measure) -> None:
    reviews = [
        *({"rating_overall": 5, "authentic": True} for _ in range(3)),
        {"rating_overall": 4, "authentic": False},
        {"rating_overall": 1, "authentic": False},  # an attack: nobody's fault here
        {"rating_overall": 1, "authentic": True},
        {"rating_overall": 5},  # not judged
    ]
    assert measure("authentic_share", reviews=reviews) == ("measured", 3, 4, 3 / 4)
    assert measure("authentic_share", reviews=stars(5)) == ("not_applicable", 0, 0, None)
    assert measure("authentic_share", reviews=[]) == ("missing", 0, 0, None)


def test_a_review_judged_false_is_no_review(measure) -> None:
    reviews = [{"rating_overall": 5}, {"rating_overall": 1, "authentic": False}]
    assert measure("rating_overall", reviews=reviews) == ("measured", 5, 1, 5)
    assert measure("negative_share", reviews=reviews) == ("measured", 0, 1, 0)


# --- which reviews count -----------------------------------------------------------------------------------------

OFF = {"cancelled_at": "2025-06-02 10:00", "cancel_reason": "changed_mind"}


@pytest.mark.parametrize(
    ("order", "rating", "counts"),
    [
        ({}, 5, 1),
        ({}, 1, 1),
        ({"dispatched_at": "2025-06-09 10:00"}, 5, 1),  # late
        (OFF | {"cancelled_by": "seller"}, 5, 0),  # praise for an order that failed
        (OFF | {"cancelled_by": "seller"}, 1, 1),
        (OFF | {"cancelled_by": "buyer"}, 5, 0),  # called off by its buyer's wish: no trade, no word
        (OFF | {"cancelled_by": "buyer"}, 1, 0),
        ({"ordered_at": "2025-06-30 10:00", "paid_at": "2025-06-30 11:00"}, 5, 0),  # not due yet
        ({"buyer_id": "a"}, 5, 1),
        ({"buyer_id": "b"}, 5, 0),  # of somebody else's order
        ({"buyer_id": "b"}, 1, 0),
    ],
)  # fmt: skip
def test_a_review_is_of_an_order_that_ended_and_of_its_buyer(measure, order, rating: int, counts: int) -> None:
    review = {"transaction_id": "t", "rating_overall": rating, "buyer_id": "a"}
    counted = measure(
        "rating_overall", transactions=[*ORDERS, {"buyer_id": "a"} | order | {"transaction_id": "t"}], reviews=[review]
    )
    assert counted.denominator == counts


def test_praise_of_orders_beyond_the_limit_does_not_count(measure) -> None:
    orders = [{"transaction_id": f"f{i}", "buyer_id": "friend"} for i in range(3)]
    reviews = [
        {"transaction_id": f"f{i}", "buyer_id": "friend", "rating_overall": stars}
        for i, stars in ((0, 5), (1, 5), (2, 1))
    ]
    two = {"buyer_month_most": 2.0}
    assert measure("rating_overall", transactions=orders, reviews=reviews, parameters=two).denominator == 3
    praise = [review | {"rating_overall": 5} for review in reviews]
    assert measure("rating_overall", transactions=orders, reviews=praise, parameters=two).denominator == 2

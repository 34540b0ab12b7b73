"""Individual buyers, by hand: the buyer "shop" of the register, the evaluation of 2025-07-01.

A row counts for the buyer it names, whoever sold, and only where the register has that buyer as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CUT_OFF = "2025-07-01 00:00"
BUYER = {"role": "buyer", "kind": "individual"}
MISSING = ("missing", None, None, None)
PAID = {"paid_at": "2025-06-01 10:30"}
UNPAID = {"paid_at": None}
COMPLETED = PAID | {"completed_at": "2025-06-09 10:00"}
INDICATORS = (
    "buyer_paid_rate", "buyer_completion_rate", "buyer_payment_hours", "buyer_no_reason_return_rate",
    "buyer_unfounded_complaint_rate", "buyer_suspected_fraud_rate", "buyer_authentic_share", "buyer_review_coverage",
    "buyer_orders", "buyer_active_days", "buyer_sellers",
)  # fmt: skip


def cancelled(by: str | None, reason: str | None = None, at: str = "2025-06-02 10:00") -> dict[str, str | None]:
    return {"cancelled_at": at, "cancelled_by": by, "cancel_reason": reason}


def bought(*rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the buyer "shop" with the seller "store"."""
    return [{"subject_id": "store", "buyer_id": "shop"} | dict(row) for row in rows]


@pytest.fixture
def measure(measure) -> Callable[..., Any]:
    """As the shared one, with the buyer in the register."""

    def of(indicator: str, subjects: Sequence[Mapping[str, Any]] = (BUYER,), **given: Any) -> Any:
        return measure(indicator, subjects=subjects, **given)

    return of


def test_buyer_paid_rate(measure) -> None:
    orders = bought(
        PAID,
        PAID | cancelled("buyer"),  # paid is paid
        UNPAID | cancelled("buyer"),
        UNPAID | cancelled("platform"),  # the time to pay ran out
        UNPAID | cancelled("seller"),  # not the buyer's doing
        UNPAID | cancelled(None),  # nobody knows whose
        UNPAID,  # may still be paid
        {"paid_at": CUT_OFF},
        UNPAID | cancelled("buyer", at=CUT_OFF),
    )
    assert measure("buyer_paid_rate", transactions=orders) == ("measured", 2, 4, 2 / 4)
    assert measure("buyer_paid_rate", transactions=bought(UNPAID | cancelled("buyer"))) == ("measured", 0, 1, 0)
    assert measure("buyer_paid_rate", transactions=bought(UNPAID)) == ("missing", 0, 0, None)


def test_buyer_completion_rate(measure) -> None:
    orders = bought(
        COMPLETED,
        PAID | cancelled("buyer", "changed_mind"),
        PAID | cancelled("buyer", "stock_out"),  # the seller's fault
        PAID | cancelled("seller"),
        PAID | cancelled("platform"),
        PAID | cancelled("buyer", at=CUT_OFF),
        UNPAID | cancelled("buyer", "changed_mind"),  # unpaid: counted there
        PAID,  # under way
        COMPLETED | {"completed_at": CUT_OFF},
        COMPLETED | cancelled("buyer", at="2025-06-20 10:00"),  # cancelled after all
    )
    assert measure("buyer_completion_rate", transactions=orders) == ("measured", 1, 3, 1 / 3)
    assert measure("buyer_completion_rate", transactions=bought(PAID)) == ("missing", 0, 0, None)


def test_buyer_payment_hours(measure) -> None:
    orders = bought(  # ordered at 10:00
        PAID,  # 30 minutes
        {"paid_at": "2025-06-01 12:00"},  # 120
        {"paid_at": "2025-06-03 10:00"},  # 2,880
        {"paid_at": CUT_OFF},
        UNPAID,
    )
    assert measure("buyer_payment_hours", transactions=orders) == ("measured", 2, None, 2)
    assert measure("buyer_payment_hours", transactions=orders[:2]).value == 1.25  # between 30 and 120 minutes
    at_once = bought({"paid_at": "2025-06-01 10:00"})
    assert measure("buyer_payment_hours", transactions=at_once) == ("measured", 0, None, 0)
    assert measure("buyer_payment_hours", transactions=bought(UNPAID)) == MISSING


def refund(reason: str, asked: str = "2025-06-05 10:00") -> dict[str, str]:
    return {"refund_reason": reason, "refund_requested_at": asked}


def test_buyer_no_reason_return_rate(measure) -> None:
    orders = bought(
        refund("no_reason"),
        refund("quality"),  # for cause
        {"refund_reason": "none"},
        refund("no_reason", CUT_OFF),  # none yet
        refund("no_reason") | cancelled("buyer"),  # never sent
        {},  # not recorded
    )
    assert measure("buyer_no_reason_return_rate", transactions=orders) == ("measured", 1, 4, 1 / 4)
    assert measure("buyer_no_reason_return_rate", transactions=bought({})) == ("missing", 0, 0, None)


def complaint(outcome: str | None, liability: str | None, resolved: str = "2025-06-20 10:00") -> dict[str, Any]:
    return {"outcome": outcome, "liability": liability, "resolved_at": resolved}


def test_buyer_unfounded_complaint_rate(measure) -> None:
    complaints = bought(
        complaint("rejected", "buyer"),
        complaint("rejected", "none"),  # rejected, and nobody's fault
        complaint("rejected", None),
        complaint("settled", "buyer"),
        complaint("upheld", "seller"),
        complaint("rejected", "buyer", CUT_OFF),  # open
        {},
    )
    orders = bought({}, {}, {}, {})
    measured = measure("buyer_unfounded_complaint_rate", transactions=orders, complaints=complaints)
    assert measured == ("measured", 1, 4, 1 / 4)
    assert measure("buyer_unfounded_complaint_rate", transactions=orders, complaints=[]) == ("measured", 0, 4, 0)
    assert measure("buyer_unfounded_complaint_rate", transactions=[], complaints=complaints).state == "missing"
    assert measure("buyer_unfounded_complaint_rate", transactions=orders) == MISSING


def test_buyer_suspected_fraud_rate(measure) -> None:
    orders = bought(
        cancelled("platform", "fraud_suspected"),
        cancelled("seller", "other"),
        cancelled("platform", "fraud_suspected", CUT_OFF),
        {},
    )
    assert measure("buyer_suspected_fraud_rate", transactions=orders) == ("measured", 1, 4, 1 / 4)
    assert measure("buyer_suspected_fraud_rate", transactions=bought({})) == ("measured", 0, 1, 0)
    assert measure("buyer_suspected_fraud_rate", transactions=[]) == ("missing", 0, 0, None)


def test_buyer_authentic_share(measure) -> None:
    reviews = bought({"authentic": True}, {"authentic": True}, {"authentic": False}, {})  # the fourth is not judged
    orders = bought({})
    assert measure("buyer_authentic_share", transactions=orders, reviews=reviews) == ("measured", 2, 3, 2 / 3)
    assert measure("buyer_authentic_share", transactions=orders, reviews=reviews[2:]) == ("measured", 0, 1, 0)
    not_judged = measure("buyer_authentic_share", transactions=orders, reviews=reviews[3:])
    assert not_judged == ("not_applicable", 0, 0, None)
    assert measure("buyer_authentic_share", transactions=[], reviews=[]) == ("missing", 0, 0, None)
    without = ["reviews.authentic"]
    assert measure("buyer_authentic_share", transactions=orders, reviews=reviews, without=without) == MISSING


def test_buyer_review_coverage(measure) -> None:
    orders = bought(COMPLETED, COMPLETED, COMPLETED, COMPLETED, PAID)
    reviews = bought({}, {"rating_overall": 1}, {"authentic": True}, {"reviewed_at": CUT_OFF})
    assert measure("buyer_review_coverage", transactions=orders, reviews=reviews) == ("measured", 3, 4, 3 / 4)
    false_one = bought({"authentic": False})
    assert measure("buyer_review_coverage", transactions=orders, reviews=false_one) == ("measured", 0, 4, 0)
    assert measure("buyer_review_coverage", transactions=orders, reviews=[]) == ("measured", 0, 4, 0)
    assert measure("buyer_review_coverage", transactions=bought(PAID), reviews=reviews) == ("missing", 3, 0, None)


def test_buyer_orders(measure) -> None:
    orders = bought(
        {},
        cancelled("seller"),
        {"ordered_at": "2024-07-01 00:00"},  # the window's first moment
        {"ordered_at": "2024-06-30 23:59:59"},
        {"ordered_at": CUT_OFF},
    )
    assert measure("buyer_orders", transactions=orders) == ("measured", 3, None, 3)
    assert measure("buyer_orders", transactions=orders, days=180) == ("measured", 2, None, 2)
    assert measure("buyer_orders", transactions=[]) == ("missing", 0, None, None)


def test_buyer_active_days(measure) -> None:
    orders = bought(
        {"ordered_at": "2025-06-01 00:00"},
        {"ordered_at": "2025-06-01 23:59:59"},
        {"ordered_at": "2025-06-02 00:00"},
        {"ordered_at": "2025-06-02T17:00:00Z"},  # 01:00 of 3 June in Asia/Shanghai
    )
    assert measure("buyer_active_days", transactions=orders) == ("measured", 3, None, 3)
    assert measure("buyer_active_days", transactions=[]).state == "missing"


def test_buyer_sellers(measure) -> None:
    orders = bought({}, {}, {"subject_id": "market"}, {"subject_id": "stall", "ordered_at": CUT_OFF})
    assert measure("buyer_sellers", transactions=orders) == ("measured", 2, None, 2)
    assert measure("buyer_sellers", transactions=[]).state == "missing"


EVENTFUL = {
    "transactions": COMPLETED | {"refund_reason": "no_reason", "refund_requested_at": "2025-06-20 10:00"},
    "reviews": {"authentic": True},
    "complaints": complaint("rejected", "buyer"),
}


@pytest.mark.parametrize("indicator", INDICATORS)
def test_rows_that_are_not_the_buyers_do_not_count(measure, indicator: str) -> None:
    """What another one bought, what it sold itself, rows without a buyer, and a buyer that the register has not."""
    others = (
        {"subject_id": "store", "buyer_id": "another"},
        {"subject_id": "shop", "buyer_id": "another"},
        {"subject_id": "shop", "buyer_id": None},
    )
    register = [BUYER, BUYER | {"subject_id": "another"}]
    own = {name: bought(row) for name, row in EVENTFUL.items()}
    more = {name: own[name] + [row | other for other in others] for name, row in EVENTFUL.items()}
    alone = measure(indicator, subjects=register, **own)
    assert alone.state == "measured"
    assert measure(indicator, subjects=register, **more) == alone
    for no_buyer in ([{"role": "seller"}], [BUYER | {"subject_id": "another"}]):
        assert measure(indicator, subjects=no_buyer, **own).state == "missing"


@pytest.mark.parametrize("indicator", INDICATORS)
def test_without_buyer_ids_nothing_is_known_of_buyers(measure, indicator: str) -> None:
    rows = {name: bought(row) for name, row in EVENTFUL.items()}
    without = [f"{name}.buyer_id" for name in EVENTFUL]
    assert measure(indicator, **rows, without=without) == MISSING

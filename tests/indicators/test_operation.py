"""Operation and continuity, by hand: one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

CUT_OFF = "2025-07-01 00:00"
OFF = {"cancelled_at": "2025-06-02 10:00", "cancelled_by": "seller"}
LATE = {"dispatched_at": "2025-06-05 10:00", "delivered_at": "2025-06-06 10:00"}
OPEN = {"ordered_at": "2025-06-30 10:00", "paid_at": "2025-06-30 10:00"}


def of(*buyers: str | None) -> list[dict[str, str | None]]:
    return [{"buyer_id": buyer} for buyer in buyers]


def test_order_volume(measure) -> None:
    orders = [{}, {}, OFF, LATE, OPEN, {"ordered_at": CUT_OFF}, {"ordered_at": "2024-06-30 23:59:59"}]
    assert measure("order_volume", transactions=orders) == ("measured", 2, None, 2)
    assert measure("order_volume", transactions=[]) == ("measured", 0, None, 0)
    assert measure("order_volume", reviews=[]) == ("missing", None, None, None)
    assert measure("order_volume", transactions=[{}, {"subject_id": "another"}]) == ("measured", 1, None, 1)


def test_amount(measure) -> None:
    orders = [{"amount": "0.10"}, {"amount": "0.20"}, {"amount": "99.70"}, OFF | {"amount": "50.00"}, LATE]
    assert measure("amount", transactions=orders) == ("measured", 100, None, 100)


def test_active_days(measure) -> None:
    orders = [
        {"ordered_at": "2025-06-01 00:00"},
        {"ordered_at": "2025-06-01 23:59"},
        {"ordered_at": "2025-06-02 00:00"},
        {"ordered_at": "2025-06-03 16:00+00:00"},  # the fourth in Shanghai
        LATE | {"ordered_at": "2025-05-01 10:00"},
    ]
    assert measure("active_days", transactions=orders) == ("measured", 3, None, 3)


def test_distinct_buyers(measure) -> None:
    orders = [*of("a", "a", "b", None), OFF | {"buyer_id": "c"}]
    assert measure("distinct_buyers", transactions=orders) == ("measured", 2, None, 2)
    assert measure("distinct_buyers", transactions=orders, without=["transactions.buyer_id"]).state == "missing"


def test_returning_buyers(measure) -> None:
    orders = [*of("a", "a", "b", None, None), LATE | {"buyer_id": "b"}]
    assert measure("returning_buyers", transactions=orders) == ("measured", 1, None, 1)


def test_category_breadth(measure) -> None:
    orders = [{"category": "服装"}, {"category": "家电"}, {"category": "家电"}, {}, OFF | {"category": "食品"}]
    assert measure("category_breadth", transactions=orders) == ("measured", 2, None, 2)


def test_deposit_held(measure) -> None:
    assert measure("deposit_held", subjects=[{"deposit_amount": "5000.00"}]) == ("measured", 5000, None, 5000)
    # None on file is none held.
    assert measure("deposit_held", subjects=[{"deposit_amount": None}]) == ("measured", 0, None, 0)
    assert measure("deposit_held", subjects=[{}], without=["subjects.deposit_amount"]).state == "missing"

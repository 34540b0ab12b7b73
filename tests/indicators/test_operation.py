"""Operation and continuity, by hand: one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

CUT_OFF = "2025-07-01 00:00"
OFF = {"cancelled_at": "2025-06-02 10:00"}
RECENT = {"ordered_at": "2025-06-01 10:00"}
EARLIER = {"ordered_at": "2024-10-01 10:00"}  # more than 180 days ago


def of(*buyers: str | None) -> list[dict[str, str | None]]:
    return [{"buyer_id": buyer} for buyer in buyers]


def test_order_volume(measure) -> None:
    orders = [{}, {}, OFF, {"ordered_at": CUT_OFF}, {"ordered_at": "2024-06-30 23:59:59"}]  # the last two are outside
    assert measure("order_volume", transactions=orders) == ("measured", 3, None, 3)


def test_order_volume_zero_is_not_missing(measure) -> None:
    assert measure("order_volume", transactions=[]) == ("measured", 0, None, 0)
    assert measure("order_volume", reviews=[]) == ("missing", None, None, None)


def test_order_volume_is_of_one_merchant(measure) -> None:
    orders = [{}, {"subject_id": "another"}, {"subject_id": "Shop"}]
    assert measure("order_volume", transactions=orders) == ("measured", 1, None, 1)


def test_amount(measure) -> None:
    orders = [{"amount": "0.10"}, {"amount": "0.20"}, {"amount": "99.70"}, OFF | {"amount": "50.00"}]
    assert measure("amount", transactions=orders) == ("measured", 100, None, 100)


def test_amount_of_an_order_cancelled_later_still_counts(measure) -> None:
    assert measure("amount", transactions=[{"cancelled_at": CUT_OFF}]) == ("measured", 100, None, 100)


def test_active_days(measure) -> None:
    orders = [
        {"ordered_at": "2025-06-01 00:00"},
        {"ordered_at": "2025-06-01 23:59:59"},
        {"ordered_at": "2025-06-02 00:00"},
        {"ordered_at": "2025-06-02T17:00:00Z"},  # 01:00 of 3 June in Asia/Shanghai
    ]
    assert measure("active_days", transactions=orders) == ("measured", 3, None, 3)
    assert measure("active_days", transactions=[]) == ("measured", 0, None, 0)


def test_growth_stability(measure) -> None:
    # 180 orders in the last 180 days: 1 a day; 370 in the 185 days before: 2 a day. 2 x 1 / (1 + 2).
    orders = [RECENT] * 180 + [EARLIER] * 370
    assert measure("growth_stability", transactions=orders) == ("measured", 2, 3, 2 / 3)


def test_growth_stability_level_shrunken_and_new(measure) -> None:
    assert measure("growth_stability", transactions=[RECENT] * 180 + [EARLIER] * 185) == ("measured", 2, 2, 1)
    assert measure("growth_stability", transactions=[EARLIER] * 185) == ("measured", 0, 1, 0)
    assert measure("growth_stability", transactions=[RECENT] * 180).state == "missing"  # nothing to compare with
    assert measure("growth_stability", transactions=[]).state == "missing"


def test_growth_stability_parts_at_midnight_180_days_before(measure) -> None:
    orders = [{"ordered_at": "2025-01-02 00:00"}] * 180 + [{"ordered_at": "2025-01-01 23:59:59"}] * 185
    assert measure("growth_stability", transactions=orders) == ("measured", 2, 2, 1)


def test_distinct_buyers(measure) -> None:
    assert measure("distinct_buyers", transactions=of("a", "b", "a", None)) == ("measured", 2, None, 2)


def test_distinct_buyers_not_recorded(measure) -> None:
    unsaid = ["transactions.buyer_id"]
    assert measure("distinct_buyers", transactions=of("a"), without=unsaid).state == "missing"
    assert measure("distinct_buyers", transactions=of(None, None)) == ("missing", 0, None, None)


def test_repeat_buyer_share(measure) -> None:
    assert measure("repeat_buyer_share", transactions=of("a", "a", "a", "b", "c", None, None)) == (
        "measured", 1, 3, 1 / 3,
    )  # fmt: skip


def test_repeat_buyer_share_within_the_window_only(measure) -> None:
    before = {"ordered_at": "2024-06-30 23:59:59", "buyer_id": "a"}
    assert measure("repeat_buyer_share", transactions=[*of("a"), before]) == ("measured", 0, 1, 0)
    assert measure("repeat_buyer_share", transactions=of(None)) == ("missing", 0, 0, None)


def test_buyer_concentration(measure) -> None:
    # a has 3 orders, b 1: of 4 x 3 = 12 ordered pairs, 3 x 2 = 6 are of one buyer.
    found = measure("buyer_concentration", transactions=of("a", "a", "a", "b", None))
    assert found == ("measured", 2, 4, 0.5)


def test_buyer_concentration_extremes(measure) -> None:
    assert measure("buyer_concentration", transactions=of("a", "b", "c")) == ("measured", 0, 3, 0)
    assert measure("buyer_concentration", transactions=of("a", "a", "a")) == ("measured", 3, 3, 1)
    assert measure("buyer_concentration", transactions=of("a")).state == "missing"  # no pair to draw
    assert measure("buyer_concentration", transactions=of(None, None)).state == "missing"


def test_category_breadth(measure) -> None:
    orders = [{"category": name} for name in ("服装", "服装", "家电", None)]
    assert measure("category_breadth", transactions=orders) == ("measured", 2, None, 2)


def test_category_breadth_not_recorded(measure) -> None:
    unsaid = ["transactions.category"]
    assert measure("category_breadth", transactions=[{"category": "服装"}], without=unsaid).state == "missing"
    assert measure("category_breadth", transactions=[{}, {}]) == ("missing", 0, None, None)


def test_deposit_held(measure) -> None:
    subjects = [{"deposit_amount": "5000.00"}, {"subject_id": "another", "deposit_amount": "7000.00"}]
    assert measure("deposit_held", subjects=subjects) == ("measured", 5000, None, 5000)


def test_deposit_held_none_and_not_recorded(measure) -> None:
    assert measure("deposit_held", subjects=[{"deposit_amount": "0.00"}]) == ("measured", 0, None, 0)
    assert measure("deposit_held", subjects=[{}]) == ("missing", 0, None, None)
    unsaid = ["subjects.deposit_amount"]
    assert measure("deposit_held", subjects=[{}], without=unsaid).state == "missing"
    assert measure("deposit_held", transactions=[{}]).state == "missing"

"""Operation and continuity, by hand: one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

from credit.indicators.base import MOST_CENTS, RATE

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


RATES = {f"{RATE}CNY": 1.0, f"{RATE}JPY": 0.05}


def test_amounts_of_several_currencies_are_converted_and_never_added(measure) -> None:
    yuan, yen, won = ({"amount": "200.00", "currency": code} for code in ("CNY", "JPY", "KRW"))
    assert measure("amount", transactions=[yuan, yen], parameters=RATES).value == 210
    assert measure("amount", transactions=[yen | {"amount": "4000.00"}], parameters=RATES).value == 200
    assert measure("amount", transactions=[yuan, won], parameters=RATES).value == 200  # the won has no rate
    deposits = [("JPY", 250), ("KRW", 0), ("CNY", 5000), (None, 5000)]
    for code, worth in deposits:
        subject = {"deposit_amount": "5000.00", "currency": code}
        assert measure("deposit_held", subjects=[subject], parameters=RATES).value == worth


def test_a_trivial_amount_is_one_of_the_rulebooks_currency(measure) -> None:
    """Twenty yen are one yuan. Without a rate smallest units are compared: an unknown currency is no way round."""
    for amount, code, counted in [
        ("20.00", "JPY", 0),
        ("20.20", "JPY", 1),
        ("1.00", "CNY", 0),
        ("100.00", "KRW", 0),
        ("101.00", "KRW", 1),
        ("0.00", "KRW", 0),
    ]:
        order = {"amount": amount, "currency": code}
        assert measure("order_volume", transactions=[order], parameters=RATES | {"trivial_amount": 1}).value == counted


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


def test_an_amount_beyond_measure_ends_no_run(measure) -> None:
    """The largest that a column holds, in a currency worth more than the rulebook's own."""
    order = {"amount": "9999999999999999.99", "currency": "GBP"}
    rates = {f"{RATE}CNY": 1.0, f"{RATE}GBP": 9.5}
    assert measure("amount", transactions=[order], parameters=rates).value == MOST_CENTS / 100

"""Fulfilment, by hand: one shop, the evaluation of 2025-07-01, orders of 2025-06-01 10:00. What becomes of an order is tested in
test_orders.py; here what each indicator makes of it: kept orders beside its own breach."""

from __future__ import annotations

import pytest

from support.literal import Measure

pytestmark = pytest.mark.slow

KEPT = {}
"""Sent after a day, there after three; nothing was promised: two days for dispatch, ten for delivery."""
PAID = {"paid_at": "2025-06-01 11:00"}
SENT_LATE = PAID | {"dispatched_at": "2025-06-04 10:00", "delivered_at": "2025-06-05 10:00"}
THERE_LATE = PAID | {"dispatched_at": "2025-06-02 10:00", "delivered_at": "2025-06-13 10:00"}
NEVER_SENT = PAID
UNDER_WAY = PAID | {"ordered_at": "2025-06-20 10:00", "dispatched_at": "2025-06-21 10:00"}
OFF = PAID | {"cancelled_at": "2025-06-02 10:00", "cancelled_by": "seller", "cancel_reason": "other"}
NO_STOCK = OFF | {"cancel_reason": "stock_out"}
BROKEN = OFF | {"cancelled_at": "2025-06-04 10:00", "cancelled_by": "buyer"}
FREE = OFF | {"cancelled_by": "buyer", "cancel_reason": "changed_mind"}
UNPAID = {"paid_at": None}
ALL = [KEPT, KEPT, SENT_LATE, THERE_LATE, NEVER_SENT, OFF, NO_STOCK, BROKEN, FREE, UNPAID]
RATES = ("completion_rate", "on_time_dispatch_rate", "on_time_delivery_rate")


def test_completion_rate(measure: Measure) -> None:
    # never sent, cancelled by the seller twice, broken: it does not matter which
    assert measure("completion_rate", transactions=ALL) == ("measured", 2, 6, 2 / 6)


def test_on_time_dispatch_rate(measure: Measure) -> None:
    # sent late, and the four that failed; the order that the carrier brought late is neither good nor bad here
    assert measure("on_time_dispatch_rate", transactions=ALL) == ("measured", 2, 7, 2 / 7)


def test_on_time_delivery_rate(measure: Measure) -> None:
    # there late, and the four that failed; the order sent late and there in time is neither
    assert measure("on_time_delivery_rate", transactions=ALL) == ("measured", 2, 7, 2 / 7)


def test_dispatch_time_used(measure: Measure) -> None:
    # half of the term twice, one and a half, half of the one that came late, twice the term for each of the four that failed
    assert measure("dispatch_time_used", transactions=ALL) == ("measured", 0.5 + 0.5 + 1.5 + 0.5 + 4 * 2, 2, 11 / 2)
    capped = [KEPT, SENT_LATE]
    measured = measure("dispatch_time_used", transactions=capped, parameters={"dispatch_time_cap": 1.25})
    assert measured == ("measured", 1.75, 1, 1.75)


@pytest.mark.parametrize(
    ("sent", "thousandths"),
    [("2025-06-02 10:01", 500), ("2025-06-02 10:02", 501), ("2025-06-02 10:00:29", 500), ("2025-06-02 10:01:30", 501)],
)  # 1441 / 2880 is 0.50035, 1442 / 2880 is 0.50069; seconds make whole minutes, half up
def test_dispatch_time_used_is_rounded_half_up(measure: Measure, sent: str, thousandths: int) -> None:
    order = PAID | {"dispatched_at": sent, "delivered_at": "2025-06-04 10:00"}
    assert measure("dispatch_time_used", transactions=[order]).numerator == thousandths / 1000


def test_delivery_lateness(measure: Measure) -> None:
    # there on the twelfth day of ten: 2 days; the four that failed: 30 each
    assert measure("delivery_lateness", transactions=ALL) == ("measured", 2 + 4 * 30, 2, 61)
    # Under way since the 20th: the term passed on the 30th at 10:00, the day begun counts whole.
    assert measure("delivery_lateness", transactions=[KEPT, UNDER_WAY]) == ("measured", 1, 1, 1)


def test_invoice_rate(measure: Measure) -> None:
    asked, issued = {"invoice_asked": "true"}, {"invoice_asked": "true", "invoice_issued_at": "2025-06-06 10:00"}
    orders = [issued, issued, asked, SENT_LATE | asked, SENT_LATE | issued, OFF | asked, {"invoice_asked": "false"}]
    assert measure("invoice_rate", transactions=orders) == ("measured", 2, 4, 2 / 4)
    assert measure("invoice_rate", transactions=[{"invoice_asked": "false"}]) == ("not_applicable", 0, 0, None)
    assert measure("invoice_rate", transactions=[{}]) == ("missing", 0, 0, None)


def test_traceable_share(measure: Measure) -> None:
    orders = [{"traceable": "true"}, {"traceable": "false"}, {}, SENT_LATE | {"traceable": "true"}]
    assert measure("traceable_share", transactions=orders) == ("measured", 1, 3, 1 / 3)
    assert measure("traceable_share", transactions=orders, without=["transactions.traceable"]).state == "missing"


def test_non_delivery(measure: Measure) -> None:
    assert measure("non_delivery", transactions=ALL) == ("measured", 4, 2 + 4 + 10, 4 / 16)


@pytest.mark.parametrize("indicator", RATES)
def test_without_orders_or_their_table_it_is_missing(measure: Measure, indicator: str) -> None:
    assert measure(indicator, transactions=[]) == ("missing", 0, 0, None)
    assert measure(indicator, reviews=[]) == ("missing", None, None, None)
    assert measure(indicator, transactions=[FREE, UNPAID]).state == "missing"


@pytest.mark.parametrize("indicator", RATES)
@pytest.mark.parametrize(
    "nothing", [FREE, UNPAID, PAID | {"ordered_at": "2025-06-30 10:00", "paid_at": "2025-06-30 11:00"}]
)
def test_what_binds_nobody_or_is_not_due_changes_nothing(measure: Measure, indicator: str, nothing: dict) -> None:
    assert measure(indicator, transactions=[*ALL, nothing]) == measure(indicator, transactions=ALL)


@pytest.mark.parametrize(
    ("day", "days", "first", "before"),
    [
        (None, 365, "2024-07-01 00:00:00", "2024-06-30 23:59:59"),
        (None, 180, "2025-01-02 00:00:00", "2025-01-01 23:59:59"),
        (None, 30, "2025-06-01 00:00:00", "2025-05-31 23:59:59"),
        (None, 365, "2024-06-30 16:00:00+00:00", "2024-06-30 15:59:59+00:00"),
    ],
)
def test_the_window_begins_at_midnight(measure: Measure, day, days: int, first: str, before: str) -> None:
    measured = measure("completion_rate", transactions=[{"ordered_at": first}, {"ordered_at": before}], days=days)
    assert measured == ("measured", 1, 1, 1)

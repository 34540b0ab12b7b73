"""Fulfilment, by hand: orders of one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

from datetime import date

import pytest

DONE = {"completed_at": "2025-06-08 10:00"}
CUT_OFF = "2025-07-01 00:00"
LAST_SECOND = "2025-06-30 23:59:59"


def off(by: str, reason: str = "other") -> dict[str, str]:
    return {"cancelled_at": "2025-06-02 10:00", "cancelled_by": by, "cancel_reason": reason}


# --- completion, cancellation, stock-out -------------------------------------------------------------------------


def test_completion_rate(measure) -> None:
    paid = {"paid_at": "2025-06-01 11:00"}
    orders = [DONE, DONE, DONE, off("seller"), off("platform") | paid]
    assert measure("completion_rate", transactions=orders) == ("measured", 3, 5, 3 / 5)


def test_completion_rate_leaves_out_what_the_platform_cancels_for_the_buyers_sake(measure) -> None:
    paid = {"paid_at": "2025-06-01 11:00"}
    orders = [
        DONE,
        off("platform"),  # never paid
        off("platform", "fraud_suspected") | paid,
        off("platform", "stock_out") | paid,  # counts
        off("seller"),  # counts, paid or not
    ]
    assert measure("completion_rate", transactions=orders) == ("measured", 1, 3, 1 / 3)


def test_completion_rate_leaves_out_buyers_cancellations_and_open_orders(measure) -> None:
    orders = [DONE, off("seller"), off("buyer"), off("buyer"), {}]
    assert measure("completion_rate", transactions=orders) == ("measured", 1, 2, 1 / 2)


def test_completion_rate_counts_a_cancellation_nobody_is_named_for(measure) -> None:
    """The table's default makes it `unknown`: not excused as the buyer's."""
    assert measure("completion_rate", transactions=[DONE, {"cancelled_at": "2025-06-02 10:00"}])[1:3] == (1, 2)


def test_completion_rate_an_order_cancelled_after_completion_is_cancelled(measure) -> None:
    assert measure("completion_rate", transactions=[DONE, DONE | off("seller")]) == ("measured", 1, 2, 1 / 2)


def test_completion_rate_sees_nothing_at_or_after_the_cut_off(measure) -> None:
    orders = [
        {"completed_at": LAST_SECOND},  # the last one seen
        {"completed_at": CUT_OFF},  # not yet completed
        {"completed_at": "2025-07-05 10:00"},
        off("seller") | {"cancelled_at": CUT_OFF},  # not yet cancelled: an open order
        {"ordered_at": CUT_OFF, "completed_at": CUT_OFF},  # not yet ordered
    ]
    assert measure("completion_rate", transactions=orders) == ("measured", 1, 1, 1)


def test_completion_rate_missing_zero_and_not_supplied(measure) -> None:
    assert measure("completion_rate", transactions=[off("seller")]) == ("measured", 0, 1, 0)
    assert measure("completion_rate", transactions=[{}]) == ("missing", 0, 0, None)
    assert measure("completion_rate", transactions=[]) == ("missing", 0, 0, None)
    assert measure("completion_rate", subjects=[{}]) == ("missing", None, None, None)


@pytest.mark.parametrize(
    ("day", "days", "first", "last_before"),
    [
        # 365 days before 2025-07-01 is 2024-07-01; 00:00 in Asia/Shanghai is 16:00 UTC of the day before.
        (date(2025, 7, 1), 365, "2024-07-01 00:00:00", "2024-06-30 23:59:59"),
        (date(2025, 7, 1), 180, "2025-01-02 00:00:00", "2025-01-01 23:59:59"),
        (date(2025, 7, 1), 30, "2025-06-01 00:00:00", "2025-05-31 23:59:59"),
        (date(2025, 7, 1), 365, "2024-06-30 16:00:00+00", "2024-06-30 15:59:59+00"),
        (date(2025, 7, 1), 30, "2025-06-01 01:00:00+09", "2025-06-01 00:59:59+09"),
        (date(2024, 3, 1), 365, "2023-03-02 00:00:00", "2023-03-01 23:59:59"),  # over a leap day
    ],
)
def test_completion_rate_window_begins_at_midnight(measure, day, days, first, last_before) -> None:
    done = {"completed_at": f"{day}T00:00:00+09"}  # an hour before the cut-off in Asia/Shanghai
    orders = [done | {"ordered_at": first}, done | {"ordered_at": last_before}]
    assert measure("completion_rate", day=day, days=days, transactions=orders) == ("measured", 1, 1, 1)


def test_seller_cancelled_rate(measure) -> None:
    orders = [DONE, DONE, DONE, off("seller"), off("platform") | {"paid_at": "2025-06-01 11:00"}, off("buyer"), {}]
    assert measure("seller_cancelled_rate", transactions=orders) == ("measured", 1, 5, 1 / 5)


def test_seller_cancelled_rate_unknown_is_not_the_seller(measure) -> None:
    assert measure("seller_cancelled_rate", transactions=[DONE, off("unknown")]) == ("measured", 0, 2, 0)


def test_seller_cancelled_rate_zero_missing_and_not_recorded(measure) -> None:
    assert measure("seller_cancelled_rate", transactions=[DONE]) == ("measured", 0, 1, 0)
    assert measure("seller_cancelled_rate", transactions=[off("buyer")]) == ("missing", 0, 0, None)
    unsaid = ["transactions.cancelled_by"]
    assert measure("seller_cancelled_rate", transactions=[DONE], without=unsaid).state == "missing"


def test_stock_out_rate(measure) -> None:
    orders = [DONE, DONE, off("seller", "stock_out"), off("seller", "price_error")]
    assert measure("stock_out_rate", transactions=orders) == ("measured", 1, 4, 1 / 4)


def test_stock_out_rate_counts_where_the_buyer_was_made_to_cancel(measure) -> None:
    """A seller without stock who has the buyer press the button is not excused, and the rate stays a share."""
    orders = [DONE, off("buyer", "stock_out"), off("buyer", "changed_mind")]
    assert measure("stock_out_rate", transactions=orders) == ("measured", 1, 2, 1 / 2)
    assert measure("completion_rate", transactions=orders) == ("measured", 1, 2, 1 / 2)


def test_stock_out_rate_before_the_cancellation_and_without_reasons(measure) -> None:
    later = off("seller", "stock_out") | {"cancelled_at": CUT_OFF}
    assert measure("stock_out_rate", transactions=[DONE, later]) == ("measured", 0, 1, 0)
    without = ["transactions.cancel_reason"]
    assert measure("stock_out_rate", transactions=[DONE], without=without).state == "missing"


# --- dispatch and delivery ---------------------------------------------------------------------------------------

DUE = {"dispatch_due_at": "2025-06-03 10:00", "delivery_due_at": "2025-06-07 10:00"}


def test_on_time_dispatch_rate(measure) -> None:
    orders = [
        DUE | {"dispatched_at": "2025-06-02 10:00"},
        DUE | {"dispatched_at": "2025-06-03 10:00"},  # at the promised minute: kept
        DUE | {"dispatched_at": "2025-06-03 10:00:01"},  # a second late
        DUE,  # due and still not sent: late
    ]
    assert measure("on_time_dispatch_rate", transactions=orders) == ("measured", 2, 4, 1 / 2)


def test_on_time_dispatch_rate_leaves_out_cancelled_orders_and_orders_without_a_promise(measure) -> None:
    sent = {"dispatched_at": "2025-06-02 10:00"}
    orders = [DUE | sent, DUE | off("buyer"), DUE | off("seller"), sent]
    assert measure("on_time_dispatch_rate", transactions=orders) == ("measured", 1, 1, 1)


def test_on_time_dispatch_rate_judges_promises_that_have_fallen_due(measure) -> None:
    orders = [
        {"dispatch_due_at": LAST_SECOND},  # due and not sent: late
        {"dispatch_due_at": CUT_OFF},  # not due yet
        {"dispatch_due_at": CUT_OFF, "dispatched_at": "2025-06-02 10:00"},  # sent early, counted once it is due
        {"dispatch_due_at": LAST_SECOND, "dispatched_at": CUT_OFF},  # sent, but only after the cut-off
        DUE | {"dispatched_at": "2025-06-02 10:00"},
    ]
    assert measure("on_time_dispatch_rate", transactions=orders) == ("measured", 1, 3, 1 / 3)


def test_on_time_dispatch_rate_an_order_cancelled_after_the_cut_off_is_still_open(measure) -> None:
    orders = [DUE | off("buyer") | {"cancelled_at": CUT_OFF}]
    assert measure("on_time_dispatch_rate", transactions=orders) == ("measured", 0, 1, 0)


def test_on_time_delivery_rate(measure) -> None:
    orders = [
        DUE | {"delivered_at": "2025-06-05 10:00"},
        DUE | {"delivered_at": "2025-06-07 10:00"},  # at the promised minute: kept
        DUE | {"delivered_at": "2025-06-07 10:01"},
        DUE,  # due and not delivered
        DUE | off("buyer"),  # left out
    ]
    assert measure("on_time_delivery_rate", transactions=orders) == ("measured", 2, 4, 1 / 2)


def test_on_time_delivery_rate_around_the_cut_off(measure) -> None:
    orders = [
        {"delivery_due_at": LAST_SECOND, "delivered_at": CUT_OFF},  # not delivered yet, and due
        {"delivery_due_at": CUT_OFF, "delivered_at": "2025-06-05 10:00"},  # delivered early, not due yet
    ]
    assert measure("on_time_delivery_rate", transactions=orders) == ("measured", 0, 1, 0)


PROMISED = {"ordered_at": "2025-06-01 10:00", "dispatch_due_at": "2025-06-03 10:00"}  # 48 hours


def test_dispatch_time_used(measure) -> None:
    orders = [
        PROMISED | {"dispatched_at": "2025-06-01 22:00"},  # 12 hours of 48
        PROMISED | {"dispatched_at": "2025-06-03 10:00"},  # all of it
        PROMISED | {"dispatched_at": "2025-06-04 10:00"},  # half as much again
        PROMISED | {"dispatched_at": "2025-06-20 10:00"},  # 19 days count as twice the promise
        PROMISED,  # due and not sent: the same
    ]
    assert measure("dispatch_time_used", transactions=orders) == ("measured", 6.75, 5, 1.35)
    assert measure("dispatch_time_used", transactions=orders, parameters={"dispatch_time_cap": 1}).numerator == 4.25
    assert measure("dispatch_time_used", transactions=orders, parameters={"dispatch_time_cap": 0}).numerator == 0


def test_dispatch_time_used_leaves_out_cancelled_undue_and_unpromised_orders(measure) -> None:
    sent = {"dispatched_at": "2025-06-02 10:00"}
    undue = {"dispatch_due_at": CUT_OFF}
    at_once = {"dispatch_due_at": "2025-06-01 10:00"}  # no time to send it
    orders = [
        PROMISED | sent,
        PROMISED | sent | off("seller"),
        PROMISED | sent | undue,
        sent,
        PROMISED | sent | at_once,
    ]
    assert measure("dispatch_time_used", transactions=orders) == ("measured", 0.5, 1, 0.5)
    assert measure("dispatch_time_used", transactions=[sent]) == ("missing", 0, 0, None)
    unsaid = ["transactions.dispatched_at"]
    assert measure("dispatch_time_used", transactions=orders, without=unsaid).state == "missing"


def test_dispatch_time_used_before_and_after_the_cut_off(measure) -> None:
    """Sent only after the cut-off is not sent yet."""
    promised = {"ordered_at": "2025-06-29 00:00", "dispatch_due_at": "2025-06-30 00:00"}
    assert measure("dispatch_time_used", transactions=[promised | {"dispatched_at": CUT_OFF}]).value == 2
    assert measure("dispatch_time_used", transactions=[promised | {"dispatched_at": LAST_SECOND}]).value == 1.999


def test_delivery_lateness(measure) -> None:
    orders = [
        DUE | {"delivered_at": "2025-06-05 10:00"},  # early counts 0, not less
        DUE | {"delivered_at": "2025-06-07 10:00"},
        DUE | {"delivered_at": "2025-06-08 22:00"},  # 1.5 days
        DUE,  # not delivered: judged by the on-time rate
    ]
    assert measure("delivery_lateness", transactions=orders) == ("measured", 1.5, 3, 0.5)


def test_delivery_lateness_counts_at_most_30_days_an_order(measure) -> None:
    promised = {"ordered_at": "2025-03-01 10:00", "delivery_due_at": "2025-03-05 10:00"}
    orders = [promised | {"delivered_at": day} for day in ("2025-06-04 10:00", "2025-04-04 10:00")]  # 91 and 30 days
    assert measure("delivery_lateness", transactions=orders) == ("measured", 60, 2, 30)
    week = {"lateness_cap_days": 7}
    assert measure("delivery_lateness", transactions=orders, parameters=week) == ("measured", 14, 2, 7)


def test_delivery_lateness_counts_whole_minutes(measure) -> None:
    orders = [DUE | {"delivered_at": "2025-06-07 10:00:59"}, DUE | {"delivered_at": "2025-06-07 10:01:00"}]
    assert measure("delivery_lateness", transactions=orders) == ("measured", 1 / 1440, 2, 1 / 2880)


def test_delivery_lateness_leaves_out_cancelled_undue_and_undelivered_orders(measure) -> None:
    late = {"delivered_at": "2025-06-08 10:00"}
    assert measure("delivery_lateness", transactions=[DUE | late | off("seller")]) == ("missing", 0, 0, None)
    assert measure("delivery_lateness", transactions=[late]) == ("missing", 0, 0, None)
    after = {"delivery_due_at": "2025-06-07 10:00", "delivered_at": CUT_OFF}
    assert measure("delivery_lateness", transactions=[after]) == ("missing", 0, 0, None)
    assert measure("delivery_lateness", transactions=[DUE | late, after]) == ("measured", 1, 1, 1)


# --- invoices, tracking ------------------------------------------------------------------------------------------

ASKED = DONE | {"invoice_asked": True}


def test_invoice_rate(measure) -> None:
    orders = [
        ASKED | {"invoice_issued_at": "2025-06-09 10:00"},
        ASKED | {"invoice_issued_at": CUT_OFF},  # issued, but not by the cut-off
        ASKED,
        DONE | {"invoice_asked": False},
        {"invoice_asked": True},  # not completed: nothing due yet
    ]
    assert measure("invoice_rate", transactions=orders) == ("measured", 1, 3, 1 / 3)


def test_invoice_rate_not_applicable_is_not_missing(measure) -> None:
    assert measure("invoice_rate", transactions=[DONE | {"invoice_asked": False}]) == ("not_applicable", 0, 0, None)
    assert measure("invoice_rate", transactions=[DONE]) == ("missing", 0, 0, None)
    unsaid = ["transactions.invoice_issued_at"]
    assert measure("invoice_rate", transactions=[ASKED], without=unsaid).state == "missing"
    assert measure("invoice_rate", transactions=[ASKED]) == ("measured", 0, 1, 0)


def test_traceable_share(measure) -> None:
    sent = {"dispatched_at": "2025-06-02 10:00"}
    orders = [
        sent | {"traceable": True},
        sent | {"traceable": True},
        sent | {"traceable": False},
        sent,  # not recorded
        {"traceable": False},  # not dispatched: nothing to trace
        {"traceable": False, "dispatched_at": CUT_OFF},
    ]
    assert measure("traceable_share", transactions=orders) == ("measured", 2, 3, 2 / 3)


def test_traceable_share_not_recorded_is_missing(measure) -> None:
    sent = {"dispatched_at": "2025-06-02 10:00"}
    assert measure("traceable_share", transactions=[sent]) == ("missing", 0, 0, None)
    assert measure("traceable_share", transactions=[sent | {"traceable": False}]) == ("measured", 0, 1, 0)

"""After-sales and complaints, by hand: one shop with ten kept orders, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

from typing import Any

import pytest

from support.literal import Measure

pytestmark = pytest.mark.slow

CUT_OFF = "2025-07-01 00:00"
TEN: list[dict[str, Any]] = [{} for _ in range(10)]
FILED = {"filed_at": "2025-06-10 10:00", "transaction_id": "transactions-1"}
DONE = FILED | {"first_response_at": "2025-06-10 16:00", "resolved_at": "2025-06-12 10:00"}
UPHELD = DONE | {"outcome": "upheld", "liability": "seller"}
PARTLY = UPHELD | {"outcome": "partly_upheld"}
NOBODY = UPHELD | {"liability": None}
CARRIER = UPHELD | {"liability": "carrier"}
SETTLED = DONE | {"outcome": "settled", "liability": "none"}
REJECTED = DONE | {"outcome": "rejected", "liability": "none"}
WITHDRAWN = DONE | {"outcome": "withdrawn"}
UNTOLD = DONE
OPEN_LONG = FILED  # its term of seven days has passed
OPEN = FILED | {"filed_at": "2025-06-28 10:00"}
FULL = [UPHELD, PARTLY, NOBODY, UNTOLD, OPEN_LONG]
HALF = [SETTLED, OPEN]
NOTHING = [CARRIER, REJECTED, WITHDRAWN]
ALL = [*FULL, *HALF, *NOTHING]
PER_ORDER = (
    "complaint_rate", "upheld_complaint_rate", "first_response_hours", "resolution_days", "overdue_complaint_rate",
    "repeat_complaint_rate", "lost_dispute_rate", "escalation_rate",
)  # fmt: skip


@pytest.mark.parametrize("indicator", PER_ORDER)
def test_no_complaint_is_a_measured_zero_and_no_complaint_table_is_missing(measure: Measure, indicator: str) -> None:
    assert measure(indicator, transactions=TEN, complaints=[]) == ("measured", 0, 10, 0)
    assert measure(indicator, transactions=TEN) == ("missing", None, None, None)
    assert measure(indicator, transactions=[], complaints=[]) == ("missing", 0, 0, None)


@pytest.mark.parametrize("indicator", PER_ORDER)
@pytest.mark.parametrize("nothing", NOTHING)
def test_what_was_nobodys_fault_does_not_count(measure: Measure, indicator: str, nothing: dict[str, Any]) -> None:
    worst = nothing | {"channel": "court", "resolution_due_at": "2025-06-11 10:00", "buyer_id": "a"}
    assert measure(indicator, transactions=TEN, complaints=[worst, worst]) == ("measured", 0, 10, 0)


@pytest.mark.parametrize("indicator", PER_ORDER)
def test_complaints_outside_the_window_do_not_count(measure: Measure, indicator: str) -> None:
    worst = UPHELD | {"channel": "court", "buyer_id": "a", "resolution_due_at": "2025-06-11 10:00"}
    outside = [worst | {"filed_at": at} for at in (CUT_OFF, CUT_OFF, "2024-06-30 23:59:59", "2024-06-30 23:59:59")]
    assert measure(indicator, transactions=TEN, complaints=outside) == ("measured", 0, 10, 0)


@pytest.mark.parametrize("indicator", PER_ORDER)
@pytest.mark.parametrize(
    "order",
    [
        {"dispatched_at": "2025-06-09 10:00"},  # late
        {"cancelled_at": "2025-06-02 10:00", "cancelled_by": "seller"},
        {"paid_at": None},
        {"amount": "0.00"},
    ],
)
def test_only_kept_orders_are_what_complaints_are_counted_per(
    measure: Measure, indicator: str, order: dict[str, Any]
) -> None:
    assert measure(indicator, transactions=[*TEN, order], complaints=ALL).denominator == 10


def test_complaint_rate(measure: Measure) -> None:
    assert measure("complaint_rate", transactions=TEN, complaints=ALL) == ("measured", 5 + 1, 10, 0.6)
    measured = measure("complaint_rate", transactions=TEN, complaints=ALL, parameters={"settled_share": 0.2})
    assert measured == ("measured", 5.4, 10, 0.54)


def test_complaint_rate_an_undecided_one_names_a_binding_order(measure: Measure) -> None:
    orders = [*TEN, {"transaction_id": "unpaid", "paid_at": None}]
    named = [OPEN_LONG | {"transaction_id": name} for name in ("transactions-1", "unpaid", "nobody's", None)]
    # Who never bought here could bomb a rival; what was decided counts, whatever it names.
    assert measure("complaint_rate", transactions=orders, complaints=named) == ("measured", 1, 10, 0.1)
    decided = [UPHELD | {"transaction_id": name} for name in ("unpaid", "nobody's", None)]
    assert measure("complaint_rate", transactions=orders, complaints=decided) == ("measured", 3, 10, 0.3)
    # Where the platform tells of no complaint which order it is about, each counts.
    untold = ["complaints.transaction_id"]
    assert measure("complaint_rate", transactions=orders, complaints=named, without=untold).numerator == 4


def test_upheld_complaint_rate(measure: Measure) -> None:
    assert measure("upheld_complaint_rate", transactions=TEN, complaints=ALL) == ("measured", 5, 10, 0.5)
    verdict = [
        UPHELD | {"resolved_at": at} for at in ("2025-06-30 23:59:59", CUT_OFF)
    ]  # the second is open past its term
    assert measure("upheld_complaint_rate", transactions=TEN, complaints=verdict) == ("measured", 2, 10, 0.2)
    without = ["complaints.outcome"]
    assert measure("upheld_complaint_rate", transactions=TEN, complaints=ALL, without=without).state == "missing"


def test_first_response_hours(measure: Measure) -> None:
    # 6 hours each of upheld, partly, nobody, untold and settled; open long: at most 7 days; open since the 28th: 3 days begun
    assert measure("first_response_hours", transactions=TEN, complaints=ALL) == ("measured", 5 * 6 + 168 + 72, 10, 27)
    unanswered = [UPHELD | {"first_response_at": None}]  # answered at the latest by its end
    assert measure("first_response_hours", transactions=TEN, complaints=unanswered) == ("measured", 48, 10, 4.8)


def test_resolution_days(measure: Measure) -> None:
    # 2 days each of five; open since the 10th: 21 days begun; since the 28th: 3
    assert measure("resolution_days", transactions=TEN, complaints=ALL) == ("measured", 5 * 2 + 21 + 3, 10, 3.4)
    long_ago = [FILED | {"filed_at": "2025-01-10 10:00"}]
    assert measure("resolution_days", transactions=TEN, complaints=long_ago) == ("measured", 30, 10, 3)


def test_overdue_complaint_rate(measure: Measure) -> None:
    due = {"resolution_due_at": "2025-06-11 10:00"}
    complaints = [
        UPHELD | due,
        UPHELD,
        OPEN_LONG,
        OPEN,
        OPEN | {"resolution_due_at": "2025-06-29 10:00"},
        REJECTED | due,
    ]
    assert measure("overdue_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 3, 10, 0.3)
    # No term is longer than sixty days, whatever a complaint was given.
    far = {"filed_at": "2025-05-01 10:00", "resolution_due_at": "2028-01-01 10:00", "first_response_at": None}
    patient = [
        OPEN_LONG | far,
        OPEN_LONG | far | {"filed_at": "2025-05-10 10:00"},
        UPHELD | far | {"resolved_at": "2025-06-30 10:01"},
    ]
    assert measure("overdue_complaint_rate", transactions=TEN, complaints=patient) == ("measured", 2, 10, 0.2)
    assert measure("complaint_rate", transactions=TEN, complaints=patient) == ("measured", 2.5, 10, 0.25)


def test_repeat_complaint_rate(measure: Measure) -> None:
    complaints = [UPHELD | {"buyer_id": buyer} for buyer in ("a", "a", "a", "b", None, None)] + [
        REJECTED | {"buyer_id": "b"}
    ]
    assert measure("repeat_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 2, 10, 0.2)


def test_lost_dispute_rate(measure: Measure) -> None:
    complaints = [
        UPHELD | {"channel": "12315"},
        UPHELD | {"escalated_at": "2025-06-11 10:00"},
        UPHELD,
        SETTLED | {"channel": "court"},
    ]
    assert measure("lost_dispute_rate", transactions=TEN, complaints=complaints) == ("measured", 2, 10, 0.2)


def test_escalation_rate(measure: Measure) -> None:
    complaints = [UPHELD | {"channel": "12315"}, OPEN | {"channel": "mediation"}, SETTLED | {"escalated_at": CUT_OFF}]
    assert measure("escalation_rate", transactions=TEN, complaints=complaints) == ("measured", 2, 10, 0.2)


# --- refunds -----------------------------------------------------------------------------------------------------


def refund(
    reason: str | None, asked: str | None = "2025-06-05 10:00", paid: str | None = None, **values: Any
) -> dict[str, Any]:
    kept = {"paid_at": "2025-06-01 10:00", "dispatched_at": "2025-06-02 10:00", "delivered_at": "2025-06-04 10:00"}
    refund_columns = {"refund_reason": reason, "refund_requested_at": asked, "refunded_at": paid}
    return kept | refund_columns | {"refund_amount": paid and "100.00"} | values


def test_refund_for_cause_rate(measure: Measure) -> None:
    orders = [
        *(refund(reason) for reason in ("quality", "not_as_described", "not_received", "late")),
        refund("no_reason"),
        refund("other"),
        refund("quality", "2025-07-01 00:00"),  # not asked yet
        refund("quality", amount="0.00"),  # bound nobody
        refund("none", None),
    ]
    assert measure("refund_for_cause_rate", transactions=orders) == ("measured", 4, 8, 0.5)
    # Why, or when, is not told: for cause, and asked.
    untold = [
        refund(None),
        refund("none"),
        refund("none", None, "2025-06-08 10:00"),
        refund("no_reason", None, "2025-06-08 10:00"),
    ]
    assert measure("refund_for_cause_rate", transactions=untold).numerator == 3


def test_refund_days(measure: Measure) -> None:
    orders = [
        refund("no_reason", paid="2025-06-06 10:00"),  # within the day that does not count
        refund("quality", paid="2025-06-08 10:00"),  # three days, less one
        refund("quality", "2025-06-20 10:00"),  # eleven days begun, less one
        refund(
            "quality", "2025-01-20 10:00", ordered_at="2025-01-01 10:00", paid_at="2025-01-01 10:00"
        ),  # at most 30, less one
        refund("quality", amount="0.00"),
        refund("quality", "2025-06-20 10:00", "2025-06-20 11:00", refund_amount="0.00"),  # nothing came: as if not yet
        refund(
            "quality", "2025-06-20 10:00", "2025-06-20 11:00", refund_amount=None
        ),  # nor is it told that anything did
        refund(None, None, "2025-06-20 11:00", refund_amount="0.00"),  # nobody asked
    ]
    measured = measure("refund_days", transactions=orders)
    assert (measured.state, measured.numerator) == ("measured", 2 + 10 + 29 + 10)

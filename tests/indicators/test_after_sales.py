"""After-sales and complaints, by hand: one shop, the evaluation of 2025-07-01, and what must come out."""

from __future__ import annotations

import pytest

CUT_OFF = "2025-07-01 00:00"
LAST_SECOND = "2025-06-30 23:59:59"
TEN = [{} for _ in range(10)]  # ten orders
FILED = {"filed_at": "2025-06-10 10:00"}
UPHELD = FILED | {"resolved_at": "2025-06-12 10:00", "outcome": "upheld", "liability": "seller"}
REJECTED = FILED | {"resolved_at": "2025-06-12 10:00", "outcome": "rejected", "liability": "none"}

PER_ORDER = [
    "complaint_rate",
    "upheld_complaint_rate",
    "overdue_complaint_rate",
    "repeat_complaint_rate",
    "lost_dispute_rate",
    "escalation_rate",
]


@pytest.mark.parametrize("indicator", PER_ORDER)
def test_no_complaint_is_a_measured_zero_and_no_complaint_table_is_missing(measure, indicator: str) -> None:
    assert measure(indicator, transactions=TEN, complaints=[]) == ("measured", 0, 10, 0)
    assert measure(indicator, transactions=TEN) == ("missing", None, None, None)
    assert measure(indicator, transactions=[], complaints=[]) == ("missing", 0, 0, None)


@pytest.mark.parametrize("indicator", PER_ORDER)
def test_complaints_outside_the_window_do_not_count(measure, indicator: str) -> None:
    worst = UPHELD | {"channel": "court", "buyer_id": "a", "resolution_due_at": "2025-06-11 10:00"}
    later = {"filed_at": CUT_OFF, "resolved_at": "2025-07-03 10:00", "resolution_due_at": "2025-07-02 10:00"}
    before = {"filed_at": "2024-06-30 23:59:59"}
    complaints = [worst | later, worst | later, worst | before, worst | before]
    assert measure(indicator, transactions=TEN, complaints=complaints) == ("measured", 0, 10, 0)
    at_the_edge = {"filed_at": "2024-07-01 00:00"}
    complaints = [worst | at_the_edge, worst | at_the_edge]
    assert measure(indicator, transactions=TEN, complaints=complaints).value in (0.1, 0.2)


# --- how many ----------------------------------------------------------------------------------------------------


def test_complaint_rate(measure) -> None:
    complaints = [FILED, UPHELD, REJECTED | {"channel": "12315"}]  # however they ended
    assert measure("complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 3, 10, 3 / 10)


def test_complaint_rate_counts_cancelled_orders_in_the_denominator(measure) -> None:
    orders = [{}, {"cancelled_at": "2025-06-02 10:00"}, {"ordered_at": CUT_OFF}]  # the third is not placed yet
    assert measure("complaint_rate", transactions=orders, complaints=[FILED]) == ("measured", 1, 2, 1 / 2)


def test_upheld_complaint_rate(measure) -> None:
    complaints = [
        UPHELD,
        UPHELD | {"outcome": "partly_upheld"},
        UPHELD | {"liability": None},  # upheld, nobody named: the seller's
        UPHELD | {"liability": "carrier"},
        UPHELD | {"outcome": "settled"},
        UPHELD | {"outcome": "withdrawn"},
        REJECTED,
        FILED,
    ]
    assert measure("upheld_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 3, 10, 3 / 10)


def test_upheld_complaint_rate_a_verdict_counts_from_its_day(measure) -> None:
    complaints = [UPHELD | {"resolved_at": LAST_SECOND}, UPHELD | {"resolved_at": CUT_OFF}]
    assert measure("upheld_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 1, 10, 1 / 10)


def test_upheld_complaint_rate_outcomes_not_recorded(measure) -> None:
    unsaid = ["complaints.outcome"]
    found = measure("upheld_complaint_rate", transactions=TEN, complaints=[FILED], without=unsaid)
    assert found.state == "missing"


def test_repeat_complaint_rate(measure) -> None:
    complaints = [FILED | {"buyer_id": buyer} for buyer in ("a", "a", "a", "b", None, None)]
    # a complained twice more; b once only; nobody is known of the last two
    assert measure("repeat_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 2, 10, 2 / 10)


def test_repeat_complaint_rate_consumers_not_recorded(measure) -> None:
    unsaid = ["complaints.buyer_id"]
    found = measure("repeat_complaint_rate", transactions=TEN, complaints=[FILED], without=unsaid)
    assert found.state == "missing"


def test_lost_dispute_rate(measure) -> None:
    complaints = [
        UPHELD | {"channel": "12315"},
        UPHELD | {"channel": "court", "outcome": "partly_upheld"},
        UPHELD | {"escalated_at": "2025-06-11 10:00"},  # begun on the platform, taken further
        UPHELD,  # settled on the platform
        UPHELD | {"channel": "court", "liability": "carrier"},
        REJECTED | {"channel": "court"},
        UPHELD | {"channel": "court", "resolved_at": CUT_OFF},  # no verdict yet
        UPHELD | {"escalated_at": CUT_OFF},  # not escalated yet
    ]
    assert measure("lost_dispute_rate", transactions=TEN, complaints=complaints) == ("measured", 3, 10, 3 / 10)


def test_escalation_rate(measure) -> None:
    beyond = ("12315", "association", "mediation", "arbitration", "court")
    complaints = [
        *(FILED | {"channel": channel} for channel in beyond),
        FILED,
        FILED | {"escalated_at": LAST_SECOND},
        FILED | {"escalated_at": CUT_OFF},
    ]
    assert measure("escalation_rate", transactions=TEN, complaints=complaints) == ("measured", 6, 10, 6 / 10)


def test_escalation_rate_counts_a_complaint_once(measure) -> None:
    complaints = [FILED | {"channel": "court", "escalated_at": "2025-06-11 10:00"}]
    assert measure("escalation_rate", transactions=TEN, complaints=complaints) == ("measured", 1, 10, 1 / 10)


# --- how fast ----------------------------------------------------------------------------------------------------


def test_overdue_complaint_rate(measure) -> None:
    term = FILED | {"resolution_due_at": "2025-06-15 10:00"}
    complaints = [
        term | {"resolved_at": "2025-06-15 10:00"},  # at the term: in time
        term | {"resolved_at": "2025-06-15 10:00:01"},
        term,  # never
        term | {"resolved_at": CUT_OFF},  # not by the cut-off
        FILED | {"resolution_due_at": CUT_OFF},  # not due yet
    ]
    assert measure("overdue_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 3, 10, 3 / 10)


def test_overdue_complaint_rate_has_a_term_of_seven_days_where_none_is_stated(measure) -> None:
    complaints = [
        FILED | {"resolved_at": "2025-06-17 10:00"},
        FILED | {"resolved_at": "2025-06-17 10:01"},
        {"filed_at": "2025-06-23 23:59:59"},  # term: 2025-06-30 23:59:59
        {"filed_at": "2025-06-24 00:00:00"},  # term: the cut-off
    ]
    assert measure("overdue_complaint_rate", transactions=TEN, complaints=complaints) == ("measured", 2, 10, 2 / 10)


def test_overdue_complaint_rate_resolutions_not_recorded(measure) -> None:
    unsaid = ["complaints.resolved_at"]
    found = measure("overdue_complaint_rate", transactions=TEN, complaints=[FILED], without=unsaid)
    assert found.state == "missing"


def test_first_response_hours(measure) -> None:
    times = ("2025-06-10 10:30", "2025-06-10 12:00", "2025-06-12 10:00")  # 0.5, 2 and 48 hours
    complaints = [FILED | {"first_response_at": time} for time in times]
    assert measure("first_response_hours", transactions=TEN, complaints=complaints) == ("measured", 2, None, 2)
    # of an even number: halfway between the two in the middle
    found = measure("first_response_hours", transactions=TEN, complaints=complaints[:2])
    assert found == ("measured", 1.25, None, 1.25)


def test_first_response_hours_is_not_bettered_by_upheld_complaints(measure) -> None:
    slow, quick = {"first_response_at": "2025-06-12 10:00"}, {"first_response_at": "2025-06-10 10:01"}
    complaints = [REJECTED | slow, UPHELD | quick, UPHELD | quick | {"liability": None}]
    assert measure("first_response_hours", transactions=TEN, complaints=complaints) == ("measured", 48, None, 48)


def test_first_response_hours_nor_by_those_upheld_with_another_liable(measure) -> None:
    slow, quick = {"first_response_at": "2025-06-12 10:00"}, {"first_response_at": "2025-06-10 10:01"}
    complaints = [
        REJECTED | slow,
        UPHELD | quick | {"liability": "carrier"},
        UPHELD | quick | {"liability": "platform"},
    ]
    assert measure("first_response_hours", transactions=TEN, complaints=complaints) == ("measured", 48, None, 48)


def test_first_response_hours_an_unanswered_complaint_is_no_quick_one(measure) -> None:
    complaints = [FILED | {"first_response_at": "2025-06-10 12:00"}, FILED | {"first_response_at": CUT_OFF}]
    found = measure("first_response_hours", transactions=TEN, complaints=complaints)
    assert found.state == "measured"
    assert found.value is not None
    assert found.value >= 2


def test_first_response_hours_nothing_to_answer(measure) -> None:
    indicator = "first_response_hours"
    assert measure(indicator, transactions=TEN, complaints=[]) == ("not_applicable", None, None, None)
    assert measure(indicator, transactions=[], complaints=[]) == ("missing", None, None, None)
    assert measure(indicator, transactions=TEN).state == "missing"
    unsaid = ["complaints.first_response_at"]
    assert measure(indicator, transactions=TEN, complaints=[FILED], without=unsaid).state == "missing"


def test_resolution_days(measure) -> None:
    times = ("2025-06-10 22:00", "2025-06-13 10:00", "2025-06-20 10:00")  # 0.5, 3 and 10 days
    complaints = [REJECTED | {"resolved_at": time} for time in times]
    assert measure("resolution_days", transactions=TEN, complaints=complaints) == ("measured", 3, None, 3)


def test_resolution_days_is_not_bettered_by_upheld_complaints(measure) -> None:
    slow, quick = {"resolved_at": "2025-06-20 10:00"}, {"resolved_at": "2025-06-10 11:00"}
    complaints = [REJECTED | slow, UPHELD | quick, UPHELD | quick | {"outcome": "partly_upheld"}]
    assert measure("resolution_days", transactions=TEN, complaints=complaints) == ("measured", 10, None, 10)


def test_resolution_days_around_the_cut_off(measure) -> None:
    complaints = [REJECTED | {"resolved_at": "2025-06-13 10:00"}, REJECTED | {"resolved_at": CUT_OFF}]
    found = measure("resolution_days", transactions=TEN, complaints=complaints)
    assert found.state == "measured"
    assert found.value is not None
    assert found.value >= 3
    unsaid = ["complaints.resolved_at"]
    assert measure("resolution_days", transactions=TEN, complaints=[FILED], without=unsaid).state == "missing"
    assert measure("resolution_days", transactions=TEN, complaints=[]).state == "not_applicable"


# --- refunds -----------------------------------------------------------------------------------------------------


def refund(reason: str, asked: str = "2025-06-10 10:00", paid: str | None = None) -> dict[str, str | None]:
    return {"refund_reason": reason, "refund_requested_at": asked, "refunded_at": paid}


NO_REFUND = {"refund_reason": "none"}


def test_refund_for_cause_rate(measure) -> None:
    causes = ("quality", "not_as_described", "not_received", "late")
    orders = [
        *(refund(cause) for cause in causes),
        refund("no_reason"),  # the seven days' right of return is no fault
        refund("other"),
        *[NO_REFUND] * 4,
        {},  # not recorded
    ]
    assert measure("refund_for_cause_rate", transactions=orders) == ("measured", 4, 10, 4 / 10)


def test_refund_for_cause_rate_a_later_refund_is_none_yet(measure) -> None:
    orders = [refund("quality", LAST_SECOND), refund("quality", CUT_OFF), NO_REFUND]
    assert measure("refund_for_cause_rate", transactions=orders) == ("measured", 1, 3, 1 / 3)


def test_refund_for_cause_rate_zero_and_not_recorded(measure) -> None:
    assert measure("refund_for_cause_rate", transactions=[NO_REFUND]) == ("measured", 0, 1, 0)
    assert measure("refund_for_cause_rate", transactions=[{}]) == ("missing", 0, 0, None)


def test_refund_days(measure) -> None:
    paid = ("2025-06-10 22:00", "2025-06-12 10:00", "2025-06-25 10:00")  # 0.5, 2 and 15 days
    orders = [*(refund("no_reason", paid=time) for time in paid), NO_REFUND]
    assert measure("refund_days", transactions=orders) == ("measured", 2, None, 2)


def test_refund_days_counts_refunds_paid_by_the_cut_off(measure) -> None:
    orders = [refund("quality", paid="2025-06-12 10:00"), refund("quality", paid=CUT_OFF), refund("quality")]
    assert measure("refund_days", transactions=orders) == ("measured", 2, None, 2)


def test_refund_days_nothing_refunded(measure) -> None:
    assert measure("refund_days", transactions=[NO_REFUND]) == ("not_applicable", None, None, None)
    assert measure("refund_days", transactions=[{}]) == ("missing", None, None, None)

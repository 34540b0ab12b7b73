"""Each measurement on rows written down: in order, not in order, and where the data does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.assessment.catalogue import Measured, shipped
from credit.assessment.judging import WORTH, judged
from credit.assessment.measuring import MEASURES, Count
from credit.assessment.seen import seeing
from credit.settings import Settings
from credit.tables import TABLES
from support.literal import DAY, ZONE, Fill, Row

pytestmark = pytest.mark.slow

OPTIONS = Settings(zone=ZONE, threads=1)
Rows = Sequence[Row]
EVERYTHING = frozenset(f"{table.name}.{column}" for table in TABLES.values() for column in table.names) | set(TABLES)


class Told(NamedTuple):
    """A measurement with rows that are in order and rows that are not; the rest is the same in both."""

    measure: str
    table: str
    right: Rows
    wrong: Rows
    numbers: Mapping[str, float] = {}
    values: Mapping[str, Sequence[str]] = {}
    beside: Mapping[str, Rows] = {}


def order(**values: Any) -> dict[str, Any]:
    return {"ordered_at": "2025-03-01 10:00"} | values


SENT = {"dispatched_at": "2025-03-02 10:00", "delivered_at": "2025-03-05 10:00", "completed_at": "2025-03-06 10:00"}
MONTHS = [{"ordered_at": f"2025-{month:02}-15"} for month in (4, 5, 6)]
VIOLATION = {"violation_id": "v1", "kind": "counterfeit", "decided_at": "2025-03-01 10:00"}
CARRIED = order(transaction_id="t1", carrier="甲快递", **SENT)
SERVICE = {
    "category": "上门服务", "name": "n", "price": "9.90", "specification": "s", "after_sales": "a", "delivery": "d", "photographs": 1,
}  # fmt: skip
TWENTY = [order(completed_at="2025-03-06 10:00")] * 20

CASES = [
    Told("identity_verified", "subjects", [{"registration_verified_on": "2024-01-01"}], [{}]),
    Told("reverified", "subjects", [{"verified_on": "2025-01-01"}], [{"verified_on": "2024-12-28"}], {"days": 184}),
    Told("reverified", "subjects", [{"verified_on": "2025-01-01"}], [{}], {"days": 184}),
    Told("licence_in_force", "subjects", [{"licence_no": "L", "licence_valid_until": "2025-07-01"}],
         [{"licence_no": "L", "licence_valid_until": "2025-06-30"}]),
    Told("licence_in_force", "subjects", [{"licence_no": "L"}], [{"licence_valid_until": "2030-01-01"}]),
    Told("permit_in_force", "subjects", [{"category": "食品生鲜", "permit_no": "P", "permit_valid_until": "2025-07-01"}],
         [{"category": "食品生鲜", "permit_no": "P", "permit_valid_until": "2025-06-30"}]),
    Told("permit_in_force", "subjects", [{"category": "food", "permit_no": "P"}], [{"category": "food"}]),
    Told("icp_shown", "subjects", [{"icp_record": "冀ICP备1号"}], [{}]),
    Told("contact_given", "subjects", [{"address": "a", "contact": "c"}], [{"address": "a"}]),
    Told("violations_sanctioned", "sanctions", [{"violation_id": "v1", "imposed_at": "2025-05-01"}],
         [{"violation_id": "v2", "imposed_at": "2025-05-01"}], {"days": 31}, {"kinds": ["counterfeit"]},
         {"violations": [VIOLATION]}),
    Told("violations_sanctioned", "sanctions", [{"imposed_at": "2025-03-20"}], [{"imposed_at": "2025-02-20"}],
         {"days": 31}, {"kinds": ["counterfeit"]}, {"violations": [VIOLATION]}),
    Told("delivered_on_promise", "transactions", [order(delivery_due_at="2025-03-05 10:00", **SENT)],
         [order(delivery_due_at="2025-03-05 09:59", **SENT)]),
    Told("delivered_on_promise", "transactions", [order(delivery_due_at="2025-03-05 10:00", **SENT)],
         [order(delivery_due_at="2025-03-05 10:00")]),
    Told("dispatched_on_promise", "transactions", [order(dispatch_due_at="2025-03-02 10:00", **SENT)],
         [order(dispatch_due_at="2025-03-02 09:00", **SENT)]),
    Told("traceable", "transactions", [order(traceable=True, **SENT)], [order(traceable=False, **SENT)]),
    Told("invoices_issued", "transactions", [order(invoice_asked=True, invoice_issued_at="2025-03-20", **SENT)],
         [order(invoice_asked=True, invoice_issued_at="2025-05-20", **SENT)], {"days": 30}),
    Told("invoices_issued", "transactions", [order(invoice_asked=False, **SENT), order(invoice_asked=True, invoice_issued_at="2025-03-20", **SENT)],
         [order(invoice_asked=True, **SENT)], {"days": 30}),
    Told("refunds_in_time", "transactions", [order(refund_requested_at="2025-03-10", refunded_at="2025-03-17")],
         [order(refund_requested_at="2025-03-10", refunded_at="2025-03-18")], {"days": 7}),
    Told("orders_concluded", "transactions", [order(cancelled_at="2025-03-02")],
         [order(dispatched_at="2025-03-02")], {"days": 60}),
    Told("merchants_reviewed", "reviews", [{}], [{"subject_id": "other"}], {"orders": 20}, {}, {"transactions": TWENTY}),
    Told("reviewers_satisfied", "reviews", [{"rating_overall": 4}, {"rating_overall": 1, "authentic": False}], [{"rating_overall": 3}],
         {"stars": 4}),
    Told("answered_in_time", "complaints", [{"filed_at": "2025-06-10 10:00", "first_response_at": "2025-06-11 10:00"}],
         [{"filed_at": "2025-06-10 10:00", "first_response_at": "2025-06-11 10:01"}], {"hours": 24}),
    Told("answered_in_time", "complaints", [{"first_response_at": "2025-06-11 10:00"}], [{}], {"hours": 24}),
    Told("disputes_concluded", "complaints", [{"resolved_at": "2025-06-17 10:00", "outcome": "settled"}],
         [{"resolved_at": "2025-06-18 10:00", "outcome": "settled"}]),
    Told("disputes_concluded", "complaints", [{"resolved_at": "2025-06-12", "outcome": "settled"}], [{"resolved_at": "2025-06-12"}]),
    Told("kept_long_enough", "transactions", MONTHS, MONTHS[:1] + MONTHS[2:], {"years": 3}, {}, {"subjects": [{"joined_on": "2025-04-20"}]}),
    Told("carried_on_time", "transactions", [CARRIED | {"dispatch_due_at": "2025-03-02 10:00", "delivery_due_at": "2025-03-05 10:00"}],
         [CARRIED | {"dispatch_due_at": "2025-03-02 10:00", "delivery_due_at": "2025-03-05 09:59"}]),
    Told("carried_whole", "complaints", [{"transaction_id": "t1", "liability": "seller", "resolved_at": "2025-06-12"}],
         [{"transaction_id": "t1", "liability": "carrier", "resolved_at": "2025-06-12"}], beside={"transactions": [CARRIED]}),
    Told("carried_traceable", "transactions", [CARRIED | {"traceable": True}], [CARRIED | {"traceable": False}]),
    Told("listings_complete", "listings", [SERVICE], [SERVICE | {"photographs": 0}]),
    Told("listings_complete", "listings", [SERVICE, {"delisted_at": "2025-06-20"}], [SERVICE | {"category": "图书文具"}]),
    Told("tie_ins_marked", "listings", [{"tie_in": True, "tie_in_marked": True}, {"tie_in": False}], [{"tie_in": True}]),
    Told("advertisements_marked", "listings", [{"advertised": True, "advertisement_marked": True}, {"advertised": False}],
         [{"advertised": True, "advertisement_marked": False}]),
]  # fmt: skip


def count(fill: Fill, case: Told, rows: Rows) -> Count:
    con = fill(**{case.table: rows}, **case.beside)
    with seeing(con, OPTIONS, DAY) as seen:
        whole = replace(seen, supplied=EVERYTHING)
        counted = MEASURES[case.measure].count(whole, case.numbers, case.values)
    assert counted is not None
    return counted


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.measure)
def test_a_measurement_tells_right_from_wrong(fill: Fill, case: Told) -> None:
    right, wrong = count(fill, case, case.right), count(fill, case, case.wrong)
    assert (right.at_least, right.not_in_order, right.examples) == (1, 0, ())
    assert right.cases > 0
    assert wrong.not_in_order == 1
    assert len(wrong.examples) == 1
    assert wrong.at_most < 1


@pytest.mark.parametrize(
    ("measure", "table", "row", "numbers"),
    [
        ("delivered_on_promise", "transactions", order(delivery_due_at="2025-03-05", completed_at="2025-03-06"), {}),
        ("dispatched_on_promise", "transactions", order(dispatch_due_at="2025-03-05", completed_at="2025-03-06"), {}),
        ("traceable", "transactions", order(**SENT), {}),
        ("invoices_issued", "transactions", order(invoice_issued_at="2025-03-07", **SENT), {"days": 30}),
        ("refunds_in_time", "transactions", order(refund_requested_at="2025-03-10"), {"days": 7}),
        ("tie_ins_marked", "listings", {"tie_in_marked": True}, {}),
        ("advertisements_marked", "listings", {}, {}),
    ],
)
def test_what_is_not_recorded_is_neither(
    fill: Fill, measure: str, table: str, row: Row, numbers: Mapping[str, float]
) -> None:
    counted = count(fill, Told(measure, table, [row], [], numbers), [row])
    assert (counted.in_order, counted.not_in_order, counted.not_recorded) == (0, 0, 1)


@pytest.mark.parametrize(
    ("measure", "row", "numbers"),
    [
        ("orders_concluded", {"ordered_at": "2025-05-20", "dispatched_at": "2025-05-21"}, {"days": 60}),
        ("invoices_issued", order(invoice_asked=True) | {"completed_at": "2025-06-20"}, {"days": 30}),
        ("refunds_in_time", order(refund_requested_at="2025-06-28"), {"days": 7}),
        ("delivered_on_promise", order(delivery_due_at="2025-07-02"), {}),
        ("delivered_on_promise", {"ordered_at": "2024-06-30", "delivery_due_at": "2024-07-05"}, {}),
    ],
    ids=["no time to conclude yet", "no time to issue yet", "no time to refund yet", "not due yet", "too old"],
)
def test_what_is_not_due_is_no_case(fill: Fill, measure: str, row: Row, numbers: Mapping[str, float]) -> None:
    assert count(fill, Told(measure, "transactions", [row], [], numbers), [row]).cases == 0


def test_what_the_platform_does_not_supply_of_listings_is_not_recorded(fill: Fill) -> None:
    con = fill(listings=[SERVICE, SERVICE | {"name": None}])
    with seeing(con, OPTIONS, DAY) as seen:
        without = replace(seen, supplied=EVERYTHING - {"listings.photographs"})
        counted = MEASURES["listings_complete"].count(without, {}, {})
    assert counted is not None
    assert (counted.in_order, counted.not_in_order, counted.not_recorded) == (0, 1, 1)


def test_examples_are_few_and_in_order(fill: Fill) -> None:
    rows = [{"subject_id": f"s{i}"} for i in range(9, 0, -1)]
    counted = count(fill, Told("icp_shown", "subjects", rows, []), rows)
    assert (counted.not_in_order, counted.examples) == (9, ("s1", "s2", "s3", "s4", "s5"))


ELSEWHERE = {
    "rules_announced", "closings_announced", "sanctions_published", "rules_published", "self_operated_marked",
    "sortable_by_credit", "nothing_personal_published", "evaluated", "rows_accepted", "records_current", "home_private",
    "assessed", "actions_in_time", "reports_in_time",
}  # fmt: skip
"""Tried on a home in `test_home_measures.py`."""


def test_every_measurement_is_tried_and_used() -> None:
    assert {case.measure for case in CASES} | ELSEWHERE == set(MEASURES)
    means = [m for catalogue in shipped().values() for criterion in catalogue.criteria for m in criterion.shown_by]
    assert {m.measure for m in means if isinstance(m, Measured)} == set(MEASURES)


counts = st.integers(0, 50)


@given(counts, counts, counts, st.floats(0, 1), st.floats(0, 1))
def test_better_is_never_worth_less_and_concealing_never_more(
    right: int, wrong: int, unknown: int, first: float, second: float
) -> None:
    partly, asked = sorted((first, second))

    def worth(*numbers: int) -> float:
        counted = Count(*numbers)
        return WORTH[judged(counted.at_least, counted.at_most, asked, partly)]

    here = worth(right, wrong + 1, unknown)
    assert worth(right + 1, wrong, unknown) >= here
    # The same case left unrecorded instead of told.
    assert worth(right, wrong, unknown + 1) <= max(here, worth(right + 1, wrong, unknown))
    assert worth(right, wrong, unknown + 1) <= here
    assert worth(right, wrong + 1, unknown + 1) <= worth(right + 1, wrong + 1, unknown)

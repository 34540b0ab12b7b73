"""What becomes of an order, by hand: the evaluation of 2025-07-01, an order of 2025-06-01 10:00 unless it says otherwise."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pytest

from credit.evaluation import engine
from credit.indicators import orders
from credit.indicators.base import At
from credit.settings import cut_off
from credit.tables import TABLES
from support.literal import DAY, ZONE, Fill, Measure

pytestmark = pytest.mark.slow

MOMENT = engine.Moment(cut_off(DAY, ZONE), ZONE)
PAID = {"paid_at": "2025-06-01 11:00"}
SENT = PAID | {"dispatched_at": "2025-06-02 10:00"}
THERE = SENT | {"delivered_at": "2025-06-04 10:00"}
PROMISED = {"dispatch_due_at": "2025-06-03 10:00", "delivery_due_at": "2025-06-06 10:00"}
OLD = {"ordered_at": "2025-03-01 10:00", "paid_at": "2025-03-01 11:00"}


def off(by: str | None, at: str = "2025-06-02 10:00", why: str | None = None) -> dict[str, Any]:
    return {"cancelled_at": at, "cancelled_by": by, "cancel_reason": why}


def outcomes(fill: Fill, *rows: dict[str, Any], have: frozenset[str] | None = None, **values: float) -> list[str]:
    """The outcome of each order, in the order given."""
    con = fill(transactions=[row | {"transaction_id": f"t{i:02}"} for i, row in enumerate(rows)])
    at = At(DAY, values, MOMENT.cut_off, have)
    frame = orders.judged(engine.known(con, MOMENT), MOMENT, at)(TABLES["transactions"])
    collected = frame.lazy().select("transaction_id", "outcome").collect(backend="pyarrow").sort("transaction_id")
    return collected["outcome"].to_list()


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (THERE, "kept"),
        (THERE | PROMISED, "kept"),
        (SENT | {"completed_at": "2025-06-05 10:00"} | PROMISED, "kept"),  # received at the latest when completed
        (THERE | {"amount": "0.00"}, "void"),
        ({"paid_at": None}, "void"),  # never paid
        ({"paid_at": None} | off("buyer"), "void"),
        (THERE | {"paid_at": None}, "open"),  # until it is paid
        (THERE | {"paid_at": None, "dispatched_at": "2025-06-03 10:01"}, "late"),
        ({"paid_at": None, "refund_requested_at": "2025-06-05 10:00"}, "undelivered"),  # nobody asks back what was not paid
        (PAID | off("platform", why="fraud_suspected"), "void"),
        (PAID | off("platform"), "seller_cancelled"),
        (PAID | off("seller"), "seller_cancelled"),
        (PAID | off(None), "seller_cancelled"),  # nobody said who
        (PAID | off("buyer", why="stock_out"), "seller_cancelled"),
        (PAID | off("buyer", why="changed_mind"), "cancelled"),
        (PAID | off("buyer", why="other"), "cancelled"),
        (PAID | off("buyer", why="price_error"), "seller_cancelled"),
        (PAID | off("buyer"), "seller_cancelled"),  # not told why
        (PAID | off("platform", at="2025-06-03 10:01", why="fraud_suspected"), "broken"),
        # A broken promise stays broken, whoever cancels: at 10:00 of the third it was due, promised or by the usual term.
        (PAID | PROMISED | off("buyer", at="2025-06-03 10:01"), "broken"),
        (PAID | off("buyer", at="2025-06-03 10:01"), "broken"),
        (PAID | PROMISED | off("buyer", at="2025-06-03 10:00", why="other"), "cancelled"),
        (SENT | PROMISED | off("buyer", at="2025-06-06 10:01"), "broken"),  # sent in time, not there in time
        (SENT | PROMISED | off("buyer", at="2025-06-03 10:01"), "broken"),  # said to be sent, and there by no one's word
        (SENT | PROMISED | {"traceable": True} | off("buyer", at="2025-06-03 10:01", why="changed_mind"), "broken"),
        (SENT | PROMISED | {"traceable": True} | off("buyer", at="2025-06-03 10:00", why="changed_mind"), "cancelled"),
        (SENT | PROMISED | {"traceable": True} | off("seller", at="2025-06-03 10:01"), "broken"),
        (SENT | PROMISED | off("seller", at="2025-06-03 10:00"), "seller_cancelled"),
        (THERE | PROMISED | off("buyer", at="2025-06-05 10:00", why="other"), "cancelled"),  # there in time, and sent back
        # Late: sent, there, or neither yet.
        (THERE | {"dispatched_at": "2025-06-03 10:01"}, "late"),
        (THERE | PROMISED | {"dispatched_at": "2025-06-03 10:00"}, "kept"),
        (THERE | PROMISED | {"delivered_at": "2025-06-06 10:01"}, "late"),
        (THERE | {"delivered_at": "2025-06-11 10:01"}, "late"),  # the usual term of delivery is ten days
        ({"ordered_at": "2025-06-28 10:00", "paid_at": "2025-06-28 11:00"}, "late"),  # not sent, two days passed
        ({"ordered_at": "2025-06-29 10:00", "paid_at": "2025-06-29 11:00"}, "open"),
        ({"ordered_at": "2025-06-28 10:00", "paid_at": "2025-06-28 11:00", "dispatch_due_at": "2025-07-03 10:00"}, "open"),
        # Never: past the longest terms, whatever was promised.
        (PAID, "undelivered"),  # a month without being sent
        (SENT, "late"),  # a month on the way
        (OLD | {"dispatched_at": "2025-03-02 10:00"}, "undelivered"),
        (OLD | {"dispatch_due_at": "2025-12-31 10:00", "delivery_due_at": "2026-01-31 10:00"}, "undelivered"),
        # What happens at the cut-off or later has not happened.
        (PAID | off("buyer", at="2025-07-01 00:00"), "undelivered"),
        (SENT | PROMISED | {"delivered_at": "2025-07-01 00:00"}, "late"),
    ],
)  # fmt: skip
def test_an_order_has_one_outcome(fill: Fill, row: dict[str, Any], outcome: str) -> None:
    assert outcomes(fill, row) == [outcome]
    assert set(orders.OUTCOMES) >= {outcome}


def test_a_rulebook_sets_the_terms(fill: Fill) -> None:
    assert outcomes(fill, THERE, dispatch_days=0.5) == ["late"]
    assert outcomes(fill, THERE, delivery_days=2) == ["late"]
    long = THERE | {
        "dispatch_due_at": "2025-06-20 10:00",
        "dispatched_at": "2025-06-09 10:00",
        "delivered_at": "2025-06-10 10:00",
    }
    assert outcomes(fill, long) == ["kept"]
    assert outcomes(fill, long, dispatch_days_most=7) == ["late"]
    assert outcomes(fill, THERE, trivial_amount=100) == ["void"]
    # In its own smallest units where it has no rate: 100 yen as 1.00 yuan.
    yen = [THERE | {"currency": "JPY", "amount": amount} for amount in ("100", "101")]
    assert [outcomes(fill, row, trivial_amount=1, **{"rate of CNY": 1.0}) for row in yen] == [["void"], ["kept"]]


def test_what_nobody_supplies_is_not_asked_for(fill: Fill) -> None:
    def have(*columns: str) -> frozenset[str]:
        return frozenset({"transactions", *(f"transactions.{name}" for name in columns)})

    unpaid = {"dispatched_at": "2025-06-02 10:00", "paid_at": None}
    assert outcomes(fill, unpaid, have=have("dispatched_at")) == ["kept"]  # nothing tells of delivery: sent is kept
    assert outcomes(fill, {"paid_at": None}, have=have("dispatched_at")) == ["undelivered"]
    assert outcomes(fill, PAID, have=have("paid_at")) == ["open"]  # nothing tells of an end
    # Nothing tells of dispatch: an order completed after four days was received in time, and one that is not yet is not due.
    completed = PAID | {"completed_at": "2025-06-05 10:00"}
    assert outcomes(fill, completed, have=have("completed_at")) == ["kept"]
    assert outcomes(fill, completed, have=have("completed_at", "dispatched_at")) == ["late"]
    assert outcomes(fill, PAID | {"ordered_at": "2025-06-28 10:00"}, have=have("completed_at")) == ["open"]
    assert outcomes(fill, PAID, have=have("completed_at")) == ["late"]  # not received, the usual ten days passed
    assert outcomes(fill, OLD, have=have("completed_at")) == ["undelivered"]
    on_the_way = SENT | PROMISED | off("buyer", at="2025-06-03 10:01", why="changed_mind")
    supplied = ("dispatched_at", "delivered_at", "cancel_reason")
    assert outcomes(fill, on_the_way, have=have(*supplied)) == ["broken"]
    # Sent is all that anybody tells.
    assert outcomes(fill, on_the_way, have=have(supplied[0], supplied[2])) == ["cancelled"]


# --- limits ------------------------------------------------------------------------------------------------------

MAY = [f"2025-05-{day:02} 12:00" for day in range(10, 18)]
SIX = {"buyer_month_most": 6.0}


def kept(buyer: str | None, *instants: str, **values: Any) -> list[dict[str, Any]]:
    return [{"transaction_id": f"{buyer}-{at}", "buyer_id": buyer, "ordered_at": at} | values for at in instants]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (kept("b", *MAY), 6),
        (kept("b", *MAY[:6]), 6),
        # The month is the platform's: 2025-05-31 16:30 UTC is June there.
        (kept("b", *MAY[:6], "2025-06-01 00:30"), 7),
        (kept("b", *MAY[:6], "2025-05-31 23:59"), 6),
        # Each buyer by itself; those that are not told are one.
        (kept("b", *MAY) + kept("c", *MAY[:3]) + kept(None, *MAY), 6 + 3 + 6),
        # With another merchant it is another matter.
        (kept("b", *MAY[:5]) + [row | {"subject_id": "other", "transaction_id": f"o{i}"} for i, row in enumerate(kept("b", *MAY))], 5),
        # Each month anew.
        (kept("b", *(f"2024-07-{day:02} 12:00" for day in (2, 3, 4, 5, 6, 7)), *(f"2024-08-{day:02} 12:00" for day in (1, 2))), 8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("long_list", [1_000, 1])
def test_six_kept_orders_of_a_buyer_count_a_month(
    measure: Measure, monkeypatch: pytest.MonkeyPatch, given: list[dict[str, Any]], counts: int, long_list: int
) -> None:
    monkeypatch.setattr(orders, "LONG_LIST", long_list)
    assert measure("order_volume", transactions=given, parameters=SIX).numerator == counts
    mine = [row for row in given if row.get("subject_id", "shop") == "shop"]
    assert measure("order_volume", transactions=given).numerator == len(mine)


def test_blame_is_not_limited(measure: Measure) -> None:
    good = kept("b", *MAY[:7])
    bad = kept("b", *MAY[7:], **{"paid_at": MAY[7], "cancelled_at": "2025-05-18 12:00", "cancelled_by": "seller"})
    assert measure("completion_rate", transactions=good + bad, parameters=SIX) == ("measured", 6, 7, 6 / 7)


# --- what reviews and complaints name ----------------------------------------------------------------------------


def test_of_several_reviews_of_one_order_the_worst_counts(measure: Measure) -> None:
    order = {"transaction_id": "t"}
    reviews = [
        {"transaction_id": "t", "rating_overall": stars, "reviewed_at": f"2025-06-1{i} 10:00"}
        for i, stars in enumerate((5, 2, 5))
    ]
    assert measure("rating_overall", transactions=[order], reviews=reviews) == ("measured", 2, 1, 2)


def test_a_review_by_another_takes_the_place_of_none(measure: Measure) -> None:
    order = {"transaction_id": "t", "buyer_id": "b"}
    reviews = [
        {"transaction_id": "t", "buyer_id": who, "rating_overall": stars} for who, stars in (("b", 5), ("foe", 1))
    ]
    assert measure("rating_overall", transactions=[order], reviews=reviews) == ("measured", 5, 1, 5)
    assert measure("rating_overall", transactions=[order], reviews=reviews[::-1]) == ("measured", 5, 1, 5)


def test_reviews_of_no_order_of_the_merchant_do_not_count(measure: Measure) -> None:
    rows = [
        {"transaction_id": "mine"},
        {"transaction_id": "other", "subject_id": "other"},
        {"transaction_id": "unpaid", "paid_at": None},
    ]
    reviews = [{"transaction_id": name} for name in ("mine", "other", "unpaid", "none", None)]
    assert measure("rating_overall", transactions=rows, reviews=reviews).denominator == 1
    # Where reviews name no orders on the platform, all count.
    without = ["reviews.transaction_id"]
    assert measure("rating_overall", transactions=rows, reviews=reviews, without=without).denominator == 5


def test_the_columns_are_the_same_on_polars(fill: Fill) -> None:
    con = fill(transactions=[THERE, SENT, PAID | off("buyer")], reviews=[{"transaction_id": "transactions-1"}])
    at = At(DAY, SIX, MOMENT.cut_off)

    def polars(table: Any) -> Any:
        return nw.from_native(engine.known(con, MOMENT)(table).lazy().collect(backend="polars").to_native()).lazy()

    added = ["transaction_id", "outcome", "dispatch_broken", "delivery_broken", "time_used", "late_minutes"]
    for name, columns in (("transactions", added), ("reviews", ["review_id", "order_outcome"])):
        collected = [
            orders.judged(frames, MOMENT, at)(TABLES[name])
            .lazy()
            .select(columns)
            .collect(backend="pyarrow")
            .sort(columns[0])
            for frames in (engine.known(con, MOMENT), polars)
        ]
        assert collected[0].to_arrow().to_pylist() == collected[1].to_arrow().to_pylist()

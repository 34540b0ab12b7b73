"""What a rulebook may leave out: trivial orders, and what one buyer adds for one merchant beyond a number a month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import pytest
from conftest import DAY, ZONE, Fill, Measure

from credit.evaluation import engine
from credit.indicators import limits
from credit.indicators.base import At
from credit.indicators.limits import limited
from credit.rulebooks.reading import shipped
from credit.settings import cut_off
from credit.tables import TABLES

SIX = {"buyer_month_most": 6.0}
MOMENT = engine.Moment(cut_off(DAY, ZONE), ZONE)


def orders(buyer: str | None, *instants: str, **values: Any) -> list[dict[str, Any]]:
    return [{"transaction_id": f"{buyer}-{at}", "buyer_id": buyer, "ordered_at": at} | values for at in instants]


MAY = [f"2025-05-{day:02} 12:00" for day in range(10, 18)]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (orders("b", *MAY), 6),
        (orders("b", *MAY[:6]), 6),
        # The month is the platform's: 2025-05-31 16:30 UTC is June there.
        (orders("b", *MAY[:6], "2025-06-01 00:30"), 7),
        (orders("b", *MAY[:6], "2025-05-31 23:59"), 6),
        # Each buyer by itself; what has no buyer cannot be told apart.
        (orders("b", *MAY) + orders("c", *MAY[:3]) + orders(None, *MAY), 6 + 3 + 8),
        # With another merchant it is another matter.
        (orders("b", *MAY[:5]) + [row | {"subject_id": "other", "transaction_id": f"o{i}"} for i, row in enumerate(orders("b", *MAY))], 5),
        # Each month anew.
        (orders("b", *(f"2024-06-{day:02} 12:00" for day in (2, 3, 4, 5, 6, 7)), *(f"2024-07-{day:02} 12:00" for day in (1, 2))), 2),
    ],
)  # fmt: skip
def test_six_orders_of_a_buyer_count_a_month(measure: Measure, given: list[dict[str, Any]], counts: int) -> None:
    all_ = measure("order_volume", transactions=given)
    assert measure("order_volume", transactions=given, parameters=SIX).numerator == counts
    mine = [row for row in given if row.get("subject_id", "shop") == "shop" and row["ordered_at"] >= "2024-07-01"]
    assert all_.numerator == len(mine)


def test_the_first_of_the_month_count(measure: Measure) -> None:
    reviews = [
        {"review_id": f"r{i}", "buyer_id": "b", "reviewed_at": at, "rating_overall": 1 if i < 2 else 5}
        for i, at in enumerate(MAY)
    ]
    found = measure("rating_overall", reviews=reviews, parameters={"buyer_month_most": 3.0})
    assert (found.numerator, found.denominator) == (1 + 1 + 5, 3)


def test_trivial_orders_and_their_reviews_do_not_count(measure: Measure) -> None:
    small, enough = orders("b", MAY[0], amount="1.00"), orders("c", MAY[0], amount="1.01")
    reviews = [
        {"review_id": "of small", "transaction_id": small[0]["transaction_id"], "rating_overall": 5},
        {"review_id": "of enough", "transaction_id": enough[0]["transaction_id"], "rating_overall": 4},
        {"review_id": "of none", "transaction_id": None, "rating_overall": 3},
    ]
    tables = {"transactions": small + enough, "reviews": [row | {"reviewed_at": MAY[3]} for row in reviews]}
    parameters = {"trivial_amount": 1.0}
    assert measure("order_volume", parameters=parameters, **tables).numerator == 1
    assert measure("rating_overall", parameters=parameters, **tables)[1:3] == (7, 2)
    assert measure("rating_overall", **tables)[1:3] == (12, 3)


def test_trivial_orders_do_not_use_up_the_number(measure: Measure) -> None:
    given = orders("b", *MAY[:4], amount="0.50") + orders("b", *MAY[4:], amount="9.00")
    given = [row | {"transaction_id": str(i)} for i, row in enumerate(given)]
    found = measure("order_volume", transactions=given, parameters={"buyer_month_most": 3.0, "trivial_amount": 1.0})
    assert found.numerator == 3


@pytest.mark.parametrize(
    "of", [nw.from_native, pytest.param("polars", id="polars"), pytest.param("pandas", id="pandas")]
)
def test_every_engine_leaves_out_the_same(fill: Fill, of: str | Callable[[Any], Any]) -> None:
    con = fill(transactions=orders("b", *MAY) + orders("c", *MAY[:7]) + orders("d", *MAY, amount="0.10"))
    known = engine.known(con, MOMENT)

    def frames(table: Any) -> Any:
        if not isinstance(of, str):
            return known(table)
        arrow = known(table).lazy().collect(backend="pyarrow").to_arrow()
        if of == "pandas":
            return nw.from_native(arrow.to_pandas())
        import polars as pl

        return nw.from_native(pl.from_arrow(arrow))

    at = At(DAY, SIX | {"trivial_amount": 1.0})
    left = limited(frames, MOMENT, at)(TABLES["transactions"]).lazy().select("transaction_id").collect()
    assert sorted(left["transaction_id"].to_list()) == sorted([f"b-{t}" for t in MAY[:6]] + [f"c-{t}" for t in MAY[:6]])


def test_a_long_list_is_left_out_alike(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LONG_LIST", 1)
    assert measure("order_volume", transactions=orders("b", *MAY) + orders("c", MAY[0]), parameters=SIX).numerator == 7


def test_off_it_reads_the_frames_themselves(fill: Fill) -> None:
    frames = engine.known(fill(), MOMENT)
    for book in shipped():
        assert limited(frames, MOMENT, At(DAY, book.values)) is frames

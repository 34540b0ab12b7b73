"""What does not count: trivial orders, and what one buyer adds for one merchant beyond a number a month (反刷单限量).

Two optional parameters of a rulebook, both off unless it sets them:

    buyer_month_most: {value: 6, source: neighbour, reference: …}
    trivial_amount: {value: 1, source: neighbour, reference: …}

Of the orders that one buyer places with one merchant in a calendar month, and of its reviews, the first so many count.
An order up to the trivial amount does not count, nor does its review. Complaints all count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date
from functools import cache
from typing import Any, Protocol

import narwhals as nw

from credit.indicators.base import WINDOWS, At, parameter
from credit.settings import cut_off
from credit.tables import TABLES, Table

BUYER_MONTH_MOST = parameter(
    "buyer_month_most",
    0,
    "count",
    "同一买家每月对同一商家计入的订单（及评价）上限，0 为不限",
    "Most orders, and reviews, of one buyer with one merchant that count in a calendar month; 0: all",
)
TRIVIAL_AMOUNT = parameter(
    "trivial_amount",
    0,
    "amount",
    "不计入的小额订单金额上限，0 为不限",
    "Orders up to this amount do not count, nor do their reviews; 0: all count",
)

Frames = Callable[[Table], "nw.LazyFrame[Any] | nw.DataFrame[Any]"]
LONG_LIST = 1_000
_LIMITED = ("transactions", "reviews")


class _Night(Protocol):
    @property
    def zone(self) -> str: ...


def limited(frames: Frames, night: _Night, at: At) -> Frames:
    """The same frames without what the rulebook does not count; `frames` themselves where it counts everything."""
    most, trivial = int(at[BUYER_MONTH_MOST]), at[TRIVIAL_AMOUNT]
    if not most and not trivial:
        return frames

    def worth(table: Table) -> nw.LazyFrame[Any]:
        frame = frames(table).lazy()
        if not trivial:
            return frame
        if table.name == "transactions":
            return frame.filter(nw.col("amount") > trivial)
        orders = frames(TABLES["transactions"]).lazy()
        small = orders.filter(nw.col("amount") <= trivial).select("transaction_id")
        return frame.join(small, on="transaction_id", how="anti")

    def beyond(table: Table) -> nw.LazyFrame[Any]:
        """Keys of the rows beyond the number. Few buyers have so many of a merchant in all: only their rows are put in months."""
        assert table.event is not None
        starts, pair = _months(at.day, night.zone), ("subject_id", "buyer_id")
        rows = worth(table).filter(~nw.col("buyer_id").is_null() & (nw.col(table.event) >= starts[0]))
        many = rows.group_by(*pair).agg(nw.len().alias("size")).filter(nw.col("size") > most).select(*pair)
        month = nw.lit(0)
        for start in starts:
            month = month + (nw.col(table.event) >= start).cast(nw.Int64)
        place = nw.col(table.key).cum_count().over(*pair, "month", order_by=(table.event, table.key))
        ordered = (
            rows.join(many, on=list(pair), how="semi")
            .select(table.key, *pair, table.event, month.alias("month"))
            .with_columns(place.alias("place"))
        )
        return ordered.filter(nw.col("place") > most).select(table.key)

    @cache
    def listed(name: str) -> list[str]:
        found = beyond(TABLES[name]).collect(backend="pyarrow")
        return sorted(found[TABLES[name].key].to_list())

    def of(table: Table) -> nw.LazyFrame[Any] | nw.DataFrame[Any]:
        if table.name not in _LIMITED:
            return frames(table)
        frame = worth(table)
        if not most:
            return frame
        # They are usually few, and found once for all that is counted; a long list would be compared one by one.
        keys = listed(table.name)
        if len(keys) > LONG_LIST:
            return frame.join(beyond(table), on=table.key, how="anti")
        return frame.filter(~nw.col(table.key).is_in(keys)) if keys else frame

    return of


def _months(day: date, zone: str) -> list[Any]:
    """The first instants of the calendar months, in the platform's zone, from the one in which the longest window begins."""
    month = day.year * 12 + day.month - 1
    first = month - WINDOWS[-1] // 30 - 1
    return [cut_off(date(m // 12, m % 12 + 1, 1), zone).astimezone(UTC) for m in range(first, month + 1)]

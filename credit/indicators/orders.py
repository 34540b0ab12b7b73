"""Outcomes of an order (订单结局): a closed list, decided once per order as of the night and read by every indicator.

    void              nobody was bound: never paid, trivial, or cancelled by the platform as suspected of fraud before a term passed
    open              bound, and nothing is due yet
    kept              paid, sent and received within its terms
    surplus           kept, but beyond what one buyer may add for one merchant in a calendar month (blank buyers are one)
    late              sent or received after its term, or not yet though the term has passed
    undelivered       never sent, or never received, though the longest term has passed
    seller_cancelled  cancelled other than by the buyer's wish, before any term had passed; a wish is told as one
    broken            cancelled by anybody after a term had passed unkept: a broken promise stays broken, and a dispatch that
                      reached nobody by then is no more than said
    cancelled         cancelled by the buyer's wish before that

Kept orders are the good side of every rate, each breach the bad side of its own: kept / (kept + breach), or harm / kept. So
a kept order never lowers a mark, and no bad order, nor one that cost nothing, dilutes another. An order that failed, cancelled by
the seller or never there, broke both its promises as far as they can be broken: cancelling is no cheaper than being late.

Terms are the promises, at most the rulebook's longest, and the rulebook's own where none was made. Where neither payment
nor dispatch nor delivery is supplied, nothing is concluded and orders stay open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from functools import cache
from typing import Any, Literal, Protocol

import narwhals as nw

from credit.codes import WITHOUT_DECIMALS
from credit.indicators.base import WINDOWS, At, Expr, Measure, Parameter, Party, Text, count, parameter, total
from credit.settings import cut_off
from credit.tables import TABLES, Table

col, lit = nw.col, nw.lit

Outcome = Literal["void", "open", "kept", "surplus", "late", "undelivered", "seller_cancelled", "broken", "cancelled"]

OUTCOMES: dict[Outcome, Text] = {
    "void": Text("不具约束力", "Not binding"),
    "open": Text("未到期", "Open, not yet due"),
    "kept": Text("履约", "Kept"),
    "surplus": Text("履约（超出限量）", "Kept, beyond the limit"),
    "late": Text("迟延", "Late"),
    "undelivered": Text("未交付", "Undelivered"),
    "seller_cancelled": Text("商家取消", "Cancelled by the seller"),
    "broken": Text("失约后取消", "Cancelled after a broken promise"),
    "cancelled": Text("买家自愿取消", "Cancelled freely by the buyer"),
}

LATENESS_CAP_DAYS = parameter("lateness_cap_days", 30, "days", "单笔迟延上限", "Most days late that one order counts")
DISPATCH_TIME_CAP = parameter(
    "dispatch_time_cap", 2, "times", "单笔发货用时倍数上限", "Times the promised time that one order counts at most"
)
DISPATCH_DAYS = parameter("dispatch_days", 2, "days", "未承诺时的发货期限", "Term of dispatch where none was promised")
DISPATCH_DAYS_MOST = parameter("dispatch_days_most", 15, "days", "最长发货期限", "Longest term of dispatch")
DELIVERY_DAYS = parameter(
    "delivery_days", 10, "days", "未承诺时的送达期限", "Term of delivery, from the order on, where none was promised"
)
DELIVERY_DAYS_MOST = parameter("delivery_days_most", 45, "days", "最长送达期限", "Longest term of delivery")
BUYER_MONTH_MOST = parameter(
    "buyer_month_most",
    0,
    "count",
    "同一买家每月对同一商家计入的履约订单上限，0 为不限",
    "Most kept orders of one buyer with one merchant that count in a calendar month; 0: all",
)
TRIVIAL_AMOUNT = parameter(
    "trivial_amount",
    0,
    "amount",
    "不具约束力的小额订单金额上限，0 为不限",
    "Orders up to this amount bind nobody; 0: only those of nothing",
)
PARAMETERS = (
    LATENESS_CAP_DAYS, DISPATCH_TIME_CAP, DISPATCH_DAYS, DISPATCH_DAYS_MOST, DELIVERY_DAYS, DELIVERY_DAYS_MOST,
    BUYER_MONTH_MOST, TRIVIAL_AMOUNT,
)  # fmt: skip
"""What the outcome of an order hangs on."""

JUDGED = ("transactions", "reviews", "complaints")
"""The tables that `judged` adds outcomes to."""

Frames = Callable[[Table], "nw.LazyFrame[Any] | nw.DataFrame[Any]"]
LONG_LIST = 1_000
DAY_MINUTES = 1_440


class Night(Protocol):
    @property
    def zone(self) -> str: ...


def outcome(*codes: Outcome) -> nw.Expr:
    """Whether an order came to one of these outcomes."""
    return col("outcome").is_in(codes)


def true(condition: nw.Expr) -> nw.Expr:
    """A blank is no."""
    return condition.fill_null(False)


_FAILED: tuple[Outcome, ...] = ("undelivered", "seller_cancelled", "broken")
_CONCLUDED: tuple[Outcome, ...] = ("kept", "late", *_FAILED)
kept = outcome("kept")
failed = outcome(*_FAILED)
names_binding_order = true(col("order_outcome").is_in([code for code in OUTCOMES if code != "void"]))
"""Of a review or a complaint: it names a binding order of the merchant."""
names_kept_order = true(col("order_outcome").is_in(("kept", "late")))
names_ended_order = true(col("order_outcome").is_in((*_CONCLUDED, "surplus")))
"""Of a review: its order has come to an end, or should have, other than by the buyer's wish."""
concluded = outcome(*_CONCLUDED)


def orders(condition: Expr, *, party: Party = "subject_id") -> Measure:
    """How many orders meet a condition on their outcome."""
    return count("transactions", condition, party=party, parameters=PARAMETERS)


def sum_of_orders(expr: Expr, *parameters: Parameter) -> Measure:
    """The sum of a number an order."""
    return total("transactions", expr, parameters=(*PARAMETERS, *parameters))


ORDERS = orders(concluded)
"""Binding orders that have come to an end, or should have: of the minimum and of evidence."""
KEPT = orders(kept)
FAILED = orders(failed)


def choose(*cases: tuple[nw.Expr, nw.Expr], otherwise: nw.Expr | None = None) -> nw.Expr:
    """The value of the first case that holds; blank where none does and there is no `otherwise`."""
    chosen = otherwise
    for condition, value in reversed(cases):
        then = nw.when(condition).then(value)
        chosen = then if chosen is None else then.otherwise(chosen)
    assert chosen is not None
    return chosen


def trivial(at: At, amount: str) -> nw.Expr:
    """Whether the amount in a column of orders is at most `trivial_amount`; a blank is not."""
    # Without a rate its own smallest units are compared: an unknown currency is no way round the limit.
    units = nw.when(true(col("currency").is_in(WITHOUT_DECIMALS))).then(lit(1)).otherwise(lit(100))
    worth = nw.coalesce(at.cents(amount).cast(nw.Float64), col(amount).cast(nw.Float64) * units)
    return true(worth <= round(at[TRIVIAL_AMOUNT] * 100)) | true(col(amount) <= 0)


@dataclass(frozen=True)
class Term:
    """The term of one step of an order: the column of the promise in minutes, that of the promised instant, days where none was
    promised and the longest."""

    allowed: str
    due: str
    usual: float
    longest: float

    def columns(self, at: At, name: str) -> list[nw.Expr]:
        """`<name>_term` in minutes from the order on, and whether it has `<name>_passed`."""
        promise = col(self.allowed)
        unpromised, capped = promise.is_null(), true(promise > self.longest * DAY_MINUTES)
        days = choose(
            (unpromised, lit(round(self.usual * DAY_MINUTES))),
            (capped, lit(round(self.longest * DAY_MINUTES))),
            otherwise=promise,
        )
        passed = choose(
            (unpromised, at.before("ordered_at", self.usual)),
            (capped, at.before("ordered_at", self.longest)),
            otherwise=~col(self.due).is_null(),
        )
        return [days.alias(f"{name}_term"), passed.alias(f"{name}_passed")]

    def days_past(self, at: At, most: int) -> nw.Expr:
        """Days begun since the term passed, 0 to `most`."""
        promise = col(self.allowed)
        return choose(
            (promise.is_null(), at.days_begun("ordered_at", self.usual, most)),
            (true(promise > self.longest * DAY_MINUTES), at.days_begun("ordered_at", self.longest, most)),
            otherwise=at.days_begun(self.due, 0, most),
        )


def judged(frames: Frames, night: Night, at: At) -> Frames:
    """The same frames, the orders with their outcome, reviews and complaints with that of the order they name.

    Added to transactions: `outcome`, `dispatch_broken` and `delivery_broken`, `time_used` (thousandths of the term of dispatch)
    and `late_minutes`. To reviews and complaints: `order_outcome`, blank where they name no order of the merchant, or a
    review one of another buyer; of several reviews of one order the worst is left alone.
    """
    most = int(at[BUYER_MONTH_MOST])

    @cache
    def decided() -> nw.LazyFrame[Any]:
        return _decided(frames(TABLES["transactions"]).lazy(), at)

    @cache
    def surplus() -> list[str]:
        beyond = _surplus(decided(), most, at.day, night.zone).collect(backend="pyarrow")
        return sorted(beyond["transaction_id"].to_list())

    @cache
    def transactions() -> nw.LazyFrame[Any]:
        frame = decided()
        if not most or not at.supplies("transactions.buyer_id"):
            return frame
        # They are usually few, and found once for all that is counted; a long list would be compared one by one.
        keys = surplus()
        if not keys:
            return frame
        if len(keys) <= LONG_LIST:
            beyond = col("transaction_id").is_in(keys)
        else:
            more = _surplus(decided(), most, at.day, night.zone).unique().with_columns(lit(True).alias("surplus"))
            frame = frame.join(more, on="transaction_id", how="left")
            beyond = ~col("surplus").is_null()
        frame = frame.with_columns(nw.when(beyond).then(lit("surplus")).otherwise(col("outcome")).alias("outcome"))
        return frame.drop("surplus", strict=False)

    @cache
    def naming(table: Table) -> nw.LazyFrame[Any]:
        frame = frames(table).lazy()
        if not (at.supplies("transactions") and at.supplies(f"{table.name}.transaction_id")):
            return frame.with_columns(lit("kept").alias("order_outcome"))
        keys, order_outcome = ["transaction_id", "subject_id"], col("outcome").alias("order_outcome")
        if table.name != "reviews":
            return frame.join(transactions().select(*keys, order_outcome), on=keys, how="left")
        buyer = col("buyer_id").alias("order_buyer")
        buyers = frames(TABLES["transactions"]).lazy().select(*keys, buyer)
        frame = _one_an_order(frame, buyers).join(
            transactions().select(*keys, order_outcome, buyer), on=keys, how="left"
        )
        return frame.with_columns(nw.when(~_OF_ANOTHER).then(col("order_outcome")).alias("order_outcome")).drop(
            "order_buyer"
        )

    def frame_of(table: Table) -> nw.LazyFrame[Any] | nw.DataFrame[Any]:
        if table.name == "transactions":
            return transactions()
        return naming(table) if table.name in JUDGED else frames(table)

    return frame_of


def _decided(frame: nw.LazyFrame[Any], at: At) -> nw.LazyFrame[Any]:
    """Transactions with their outcome and what was broken, step by step."""
    dispatch = Term("dispatch_allowed_minutes", "dispatch_due_at", at[DISPATCH_DAYS], at[DISPATCH_DAYS_MOST])
    delivery = Term("delivery_allowed_minutes", "delivery_due_at", at[DELIVERY_DAYS], at[DELIVERY_DAYS_MOST])
    cap = int(at[LATENESS_CAP_DAYS])
    proof = any(at.supplies(f"transactions.{name}") for name in ("dispatched_at", "delivered_at", "completed_at"))
    arrival = at.supplies("transactions.delivered_at") or at.supplies("transactions.completed_at")
    # A time that is not told is at the latest that of the next step; a step nobody supplies is left out.
    there = nw.coalesce(col("delivery_minutes"), col("completion_minutes"))
    sent = nw.coalesce(col("dispatch_minutes"), there)
    tells_dispatch = at.supplies("transactions.dispatched_at")
    before = frame.columns
    frame = frame.with_columns(
        sent.alias("sent"),
        (there if arrival else sent).alias("received"),
        *dispatch.columns(at, "dispatch"),
        *delivery.columns(at, "delivery"),
    )
    received, is_off = col("received"), ~col("cancelled_at").is_null()
    cancelled = col("cancel_minutes")
    sent_in_time = true(col("sent") <= col("dispatch_term")) & true(received <= cancelled)
    dispatch_late = true(col("sent") > col("dispatch_term")) | (col("sent").is_null() & col("dispatch_passed"))
    unsent = col("sent").is_null()
    if not tells_dispatch:
        sent_in_time, unsent, dispatch_late = lit(True), lit(False), lit(False)
    frame = frame.with_columns(
        dispatch_late.alias("dispatch_late"),
        (true(received > col("delivery_term")) | (received.is_null() & col("delivery_passed"))).alias("delivery_late"),
        (
            (true(cancelled > col("dispatch_term")) & ~sent_in_time)
            | (true(cancelled > col("delivery_term")) & ~true(received <= col("delivery_term")))
        ).alias("off_too_late"),
        (
            (unsent & at.before("ordered_at", dispatch.longest))
            | (received.is_null() & at.before("ordered_at", delivery.longest))
        ).alias("lost"),
    )
    void = trivial(at, "amount")
    paid = lit(True)
    if at.supplies("transactions.paid_at"):
        # Nobody gives back what was not paid.
        paid = ~(col("paid_at").is_null() & col("refund_requested_at").is_null() & col("refunded_at").is_null())
        void = void | (~paid & col("sent").is_null())
    by, reason = col("cancelled_by"), col("cancel_reason")
    void = void | (is_off & ~col("off_too_late") & true(by == "platform") & true(reason == "fraud_suspected"))
    freely = true(by == "buyer")
    if at.supplies("transactions.cancel_reason"):
        freely = freely & true(reason.is_in(("changed_mind", "other")))
    ends: list[tuple[nw.Expr, nw.Expr]] = [
        (void, lit("void")),
        (is_off & col("off_too_late"), lit("broken")),
        (is_off & freely, lit("cancelled")),
        (is_off, lit("seller_cancelled")),
    ]
    if proof:
        ends += [
            (col("lost"), lit("undelivered")),
            (col("dispatch_late") | col("delivery_late"), lit("late")),
            (paid & ~received.is_null(), lit("kept")),
        ]
    frame = frame.with_columns(choose(*ends, otherwise=lit("open")).alias("outcome"))

    late = outcome("late")
    frame = frame.with_columns(
        (failed | (late & col("dispatch_late"))).alias("dispatch_broken"),
        (failed | (late & col("delivery_late"))).alias("delivery_broken"),
    )
    # In whole thousandths, rounded half up: sums of fractions would depend on the order of rows.
    most_used = round(at[DISPATCH_TIME_CAP] * 1000)
    term = nw.when(col("dispatch_term") > 0).then(col("dispatch_term")).otherwise(lit(1))
    used = nw.min_horizontal(((col("sent") * 2000 + term) / (term * 2)).floor(), lit(most_used)).cast(nw.Int64)
    over = (
        nw.when(received.is_null())
        .then(delivery.days_past(at, cap) * DAY_MINUTES)
        .otherwise(received - col("delivery_term"))
    )
    over = nw.min_horizontal(over, lit(cap * DAY_MINUTES))
    added = ("outcome", "dispatch_broken", "delivery_broken", "time_used", "late_minutes")
    return frame.with_columns(
        choose((failed, lit(most_used)), (kept | late, used)).alias("time_used"),
        choose((failed, lit(cap * DAY_MINUTES)), (late & col("delivery_late"), over), otherwise=lit(0)).alias(
            "late_minutes"
        ),
    ).select(*before, *added)


def _surplus(decided: nw.LazyFrame[Any], most: int, day: date, zone: str) -> nw.LazyFrame[Any]:
    """Keys of the kept orders beyond the number. Few buyers have so many of a merchant in all: only their rows are put in
    months."""
    starts, pair = _months(day, zone), ("subject_id", "buyer_id")
    rows = decided.filter((col("ordered_at") >= starts[0]) & kept).with_columns(col("buyer_id").fill_null(""))
    many = rows.group_by(*pair).agg(nw.len().alias("size")).filter(col("size") > most).select(*pair)
    month = lit(0)
    for start in starts:
        month = month + (col("ordered_at") >= start).cast(nw.Int64)
    place = col("transaction_id").cum_count().over(*pair, "month", order_by=("ordered_at", "transaction_id"))
    ordered = (
        rows.join(many, on=list(pair), how="semi")
        .select("transaction_id", *pair, "ordered_at", month.alias("month"))
        .with_columns(place.alias("place"))
    )
    return ordered.filter(col("place") > most).select("transaction_id")


_OF_ANOTHER = ~col("buyer_id").is_null() & ~col("order_buyer").is_null() & true(col("buyer_id") != col("order_buyer"))
"""A review by somebody else than the buyer of the order that it names."""


def _one_an_order(reviews: nw.LazyFrame[Any], buyers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Of several reviews of one order by its buyer those beyond the worst name no order any more. `buyers`: `order_buyer` of
    each order."""
    of_one = ["transaction_id", "subject_id"]
    named = reviews.filter(~col("transaction_id").is_null() & ~true(~col("authentic")))
    again = named.group_by(*of_one).agg(nw.len().alias("size")).filter(col("size") > 1).select(*of_one)
    place = col("review_id").cum_count().over(*of_one, order_by=("rating_overall", "reviewed_at", "review_id"))
    beyond = (
        named.join(again, on=of_one, how="semi")
        .select("review_id", *of_one, "buyer_id", "rating_overall", "reviewed_at")
        .join(buyers, on=of_one, how="left")
        .filter(~_OF_ANOTHER)
        .with_columns(place.alias("place"))
        .filter(col("place") > 1)
        .select("review_id", "subject_id")
    )
    marked = reviews.join(beyond.with_columns(lit(True).alias("beyond")), on=["review_id", "subject_id"], how="left")
    alone = nw.when(col("beyond").is_null()).then(col("transaction_id"))
    return marked.with_columns(alone.alias("transaction_id")).drop("beyond")


def _months(day: date, zone: str) -> list[Any]:
    """The first instants of the calendar months, in the platform's zone, from the one in which the longest window begins."""
    month = day.year * 12 + day.month - 1
    first = month - WINDOWS[-1] // 30 - 1
    return [cut_off(date(m // 12, m % 12 + 1, 1), zone).astimezone(UTC) for m in range(first, month + 1)]

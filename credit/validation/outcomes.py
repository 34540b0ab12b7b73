"""What happened to the orders placed after a day: one row an order line (one order of one seller).

An order is judged by all that is known of it now, however long after the period it happened: a period says which
orders are looked at, not when their stories end. What has not come to pass by the last event known (a promise not yet due,
a dispute still open) is no outcome.

A review of an order of several sellers counts for each of them; an order without a review is not badly rated; of several
reviews of one order line the worst counts. Reviews judged not authentic are left out, as they are in the ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd

from credit.errors import UserError
from credit.evaluation import engine
from credit.indicators.after_sales import upheld
from credit.settings import cut_off
from credit.tables import TABLES
from credit.warehouse.connection import scalar

cancelled = ~nw.col("cancelled_at").is_null()
# A buyer's own cancellation excuses the seller, unless it was for want of stock; so does the platform's of an order that
# was never paid or that it suspects of fraud.
excused = ((nw.col("cancelled_by") == "buyer") & (nw.col("cancel_reason") != "stock_out")) | (
    (nw.col("cancelled_by") == "platform")
    & (nw.col("paid_at").is_null() | (nw.col("cancel_reason") == "fraud_suspected"))
)

FAULTS = {
    "rated_low": ("评分低", "rated low"),
    "sent_late": ("逾期发货", "handed to the carrier after the promised time, or not yet though it has passed"),
    "seller_cancelled": ("商家取消", "cancelled other than by the buyer's wish; also where nobody says who cancelled"),
    "unavailable": ("缺货", "cancelled for want of stock"),
    "complaint_upheld": ("投诉成立", "a complaint upheld, in full or part, with the seller liable"),
}
"""What can be the merchant's fault: code -> Chinese, English."""

APART = {"carrier_late": ("承运迟延", "sent in time and delivered late")}
"""What the merchant cannot help: counted, but bad only where the definition asks for it."""


@dataclass(frozen=True)
class Definition:
    """Which orders are bad: those with any of `faults`; rated low is `low_rating` stars (1 to 5) or fewer."""

    faults: tuple[str, ...] = tuple(FAULTS)
    low_rating: int = 2

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return ",".join(f"rated_low={self.low_rating}" if fault == "rated_low" else fault for fault in self.faults)


DEFAULT = Definition()


def definition(text: str) -> Definition:
    """A definition as text: outcomes by comma, for example `rated_low=2,sent_late`. Raises UserError when it is none."""
    faults, low = [], DEFAULT.low_rating
    allowed = (*FAULTS, *APART)
    for part in (part.strip() for part in text.split(",")):
        name, equals, stars = part.partition("=")
        if name not in allowed or (equals and (name != "rated_low" or stars not in {"1", "2", "3", "4"})):
            raise UserError(
                f"--bad {part!r} is no outcome; expected, by comma, some of {', '.join(allowed)}, "
                "with rated_low=1 to rated_low=4 for the most stars that are bad"
            )
        faults.append(name)
        low = int(stars) if equals else low
    return Definition(tuple(dict.fromkeys(faults)), low)


def observed_until(con: duckdb.DuckDBPyConnection) -> date:
    """The day after the last fact that has come in, in UTC. Raises UserError when there is none."""
    latest = scalar(
        con,
        """SELECT max(latest) FROM (
               SELECT max(known_at) AS latest FROM canonical.transactions
               UNION ALL SELECT max(known_at) FROM canonical.reviews
               UNION ALL SELECT max(known_at) FROM canonical.complaints
               UNION ALL SELECT max(as_of) FROM meta.batches WHERE state = 'accepted')""",
    )
    if latest is None:
        raise UserError(
            "nothing has been ingested here, so nothing can be looked back on; run `merchant-credit ingest` first"
        )
    day: date = latest.astimezone(UTC).date() + timedelta(days=1)
    return day


def last_order(con: duckdb.DuckDBPyConnection, zone: str) -> date | None:
    """The day, in the platform's zone, of the newest order known."""
    newest: date | None = scalar(con, "SELECT timezone(?, max(ordered_at))::DATE FROM canonical.transactions", [zone])
    return newest


def outcomes(
    con: duckdb.DuckDBPyConnection, day: date, days: int, zone: str, bad: Definition = DEFAULT
) -> pd.DataFrame:
    """The order lines placed in the `days` days from 00:00 of `day` on, by subject and order.

    Columns: subject_id, order_id, ordered_at (UTC), then booleans: the FAULTS, carrier_late, and `bad` (any of those
    that the definition names).
    """
    moment = engine.Moment(cut_off(observed_until(con), zone), zone)
    frames = engine.at_hand(con, moment)
    begin, end = (cut_off(d, zone).astimezone(UTC) for d in (day, day + timedelta(days=days)))
    col = nw.col
    moment_known = nw.lit(moment.cut_off.astimezone(UTC))
    due = ~col("dispatch_due_at").is_null() & (col("dispatch_due_at") <= moment_known) & ~cancelled
    sent_late = (col("dispatched_at") > col("dispatch_due_at")).fill_null(False) | (
        # What has arrived was sent: a missing time says nothing.
        due & col("dispatched_at").is_null() & col("delivered_at").is_null()
    )
    arrived_late = (col("delivered_at") > col("delivery_due_at")).fill_null(False) | (
        ~col("delivery_due_at").is_null()
        & col("delivered_at").is_null()
        & col("completed_at").is_null()
        & ~cancelled
        & ~col("dispatched_at").is_null()
    )
    stock_out = (col("cancel_reason") == "stock_out").fill_null(False)
    rows = _pandas(
        frames(TABLES["transactions"])
        .lazy()
        .filter((col("ordered_at") >= begin) & (col("ordered_at") < end))
        .select(
            "transaction_id",
            "subject_id",
            col("order_id"),
            "ordered_at",
            sent_late.alias("sent_late"),
            (cancelled & ~excused.fill_null(False) & ~stock_out).alias("seller_cancelled"),
            (cancelled & stock_out).alias("unavailable"),
            (arrived_late & ~sent_late).alias("carrier_late"),
        )
    )
    stars = _pandas(
        frames(TABLES["reviews"])
        .lazy()
        .filter(col("authentic").fill_null(True) & ~col("transaction_id").is_null())
        .group_by("transaction_id")
        .agg(col("rating_overall").min())
    ).set_index("transaction_id")["rating_overall"]
    complaints = _pandas(
        frames(TABLES["complaints"]).lazy().filter(upheld & ~col("transaction_id").is_null()).select("transaction_id")
    )["transaction_id"]
    rows["rated_low"] = rows["transaction_id"].map(stars) <= bad.low_rating
    rows["complaint_upheld"] = rows["transaction_id"].isin(complaints)
    rows["order_id"] = rows["order_id"].fillna(rows["transaction_id"])
    for name in (*FAULTS, *APART):
        rows[name] = rows[name].fillna(False).astype(bool)
    rows["bad"] = rows[list(bad.faults)].any(axis=1)
    columns = rows[["subject_id", "order_id", "ordered_at", *FAULTS, *APART, "bad"]]
    return columns.sort_values(["subject_id", "order_id"], ignore_index=True)


def _pandas(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    native: pd.DataFrame = frame.collect(backend="pandas").to_native()
    return native

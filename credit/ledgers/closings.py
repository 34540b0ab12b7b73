"""Notices of closing: who stops trading says so 30 days before (E-Commerce Law Art. 16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import Ending, by_number, endings, enter, limited, merchant, not_before, rows
from credit.ledgers.moments import moment, zone

NOTICE_DAYS = 30


@dataclass(frozen=True)
class Closing:
    """A notice; it stands from its announcement through the day of closing, unless withdrawn."""

    number: int
    subject_id: str
    closes_on: date
    text: str | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    withdrawn: Ending | None

    def stands(self, day: date) -> bool:
        return self.withdrawn is None and day <= self.closes_on


def closings(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Closing]:
    """Every notice of closing (of one merchant), by number."""
    withdrawals = endings(con, "closing_withdrawals")
    return [Closing(*(*row, withdrawals.get(row[0]))) for row in rows(con, "closings", subject_id)]


def announce(
    con: duckdb.DuckDBPyConnection,
    subject_id: str,
    *,
    on: date,
    by: str,
    text: str | None = None,
    at: datetime | None = None,
) -> Closing:
    """Enter that a merchant closes on a day. Raises UserError less than 30 days before, or while a notice stands.

    The 30 days run from the day it is entered, whenever it happened: before that nobody could read it here."""
    merchant(con, subject_id)
    when = moment(con, at)
    entered = when.recorded_at.astimezone(ZoneInfo(zone(con))).date()
    earliest = entered + timedelta(days=NOTICE_DAYS)
    if on < earliest:
        raise UserError(
            f"--on {on} is less than {NOTICE_DAYS} days after {entered}, the day the notice is entered (E-Commerce Law Art. 16); "
            f"the earliest possible is {earliest}"
        )
    for other in closings(con, subject_id):
        if other.stands(when.day):
            raise UserError(
                f"notice {other.number} says that {subject_id} closes on {other.closes_on}; withdraw it first with "
                f"`merchant-credit closing withdraw {other.number}`"
            )
    number = enter(
        con, "closings", when, by, subject_id=subject_id, closes_on=on,
        text=limited(text, "--text", "what else is said") if text is not None else None,
    )  # fmt: skip
    return find(con, number)


def withdraw(
    con: duckdb.DuckDBPyConnection, number: int, *, by: str, reason: str | None = None, at: datetime | None = None
) -> Closing:
    """Enter that a notice is withdrawn. Raises UserError where it is withdrawn, or the day of closing is over."""
    closing, when = find(con, number), moment(con, at)
    if closing.withdrawn:
        raise UserError(f"notice {number} was withdrawn on {closing.withdrawn.day}")
    not_before(con, when, closing.at, f"notice {number} was announced")
    if not closing.stands(when.day):
        raise UserError(f"notice {number} was of closing on {closing.closes_on}, which is over")
    if reason is not None:
        reason = limited(reason, "--reason", "why")
    enter(con, "closing_withdrawals", when, by, closing=number, reason=reason)
    return find(con, number)


def find(con: duckdb.DuckDBPyConnection, number: int) -> Closing:
    """One notice. Raises UserError saying which there are."""
    return by_number(con, "closings", closings(con), number, "notice of closing")

"""Sanctions imposed by command: published by the next publish, counted from the next night (E-Commerce Law Art. 36).

A delivered sanction stays with the platform's deliveries; one imposed here is not to be delivered as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import Ending, by_number, endings, enter, limited, merchant, not_before, one_line, rows
from credit.ledgers.moments import moment
from credit.tables import TABLES

KINDS = TABLES["sanctions"].column("kind").codes


@dataclass(frozen=True)
class Sanction:
    """`until_on` is its last day; None: it has no end but the lifting."""

    number: int
    subject_id: str
    kind: str
    reason: str
    until_on: date | None
    reference: str | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    lifted: Ending | None

    def in_force(self, day: date) -> bool:
        """Whether it stands that day, as far as the ledger tells now."""
        return self.lifted is None and (self.until_on is None or day <= self.until_on)


def sanctions(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Sanction]:
    """Every sanction imposed by command (on one merchant), by number."""
    lifts = endings(con, "sanction_lifts")
    return [Sanction(*(*row, lifts.get(row[0]))) for row in rows(con, "sanctions", subject_id)]


def find(con: duckdb.DuckDBPyConnection, number: int) -> Sanction:
    """One sanction. Raises UserError saying which there are."""
    return by_number(con, "sanctions", sanctions(con), number, "sanction")


def impose(
    con: duckdb.DuckDBPyConnection,
    subject_id: str,
    *,
    kind: str,
    reason: str,
    by: str,
    until: date | None = None,
    reference: str | None = None,
    at: datetime | None = None,
) -> Sanction:
    """Enter a sanction; `until` is its last day. Raises UserError for an unknown merchant or kind, or an end before it."""
    merchant(con, subject_id)
    if kind not in KINDS:
        raise UserError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    when = moment(con, at)
    if until is not None and until < when.day:
        raise UserError(f"--until {until} is before {when.day}, the day it is imposed; give a later day, or none")
    number = enter(
        con, "sanctions", when, by, subject_id=subject_id, kind=kind, reason=limited(reason, "--reason", "why; it is published"),
        until_on=until, reference=one_line(reference, "--reference", "a document number") if reference is not None else None,
    )  # fmt: skip
    return find(con, number)


def lift(con: duckdb.DuckDBPyConnection, number: int, *, reason: str, by: str, at: datetime | None = None) -> Sanction:
    """Enter that a sanction is lifted before its end. Raises UserError where it is over already."""
    sanction, when = find(con, number), moment(con, at)
    if sanction.lifted:
        raise UserError(f"sanction {number} was lifted on {sanction.lifted.day}")
    not_before(con, when, sanction.at, f"sanction {number} was imposed")
    if not sanction.in_force(when.day):
        raise UserError(f"sanction {number} ended on {sanction.until_on}; there is nothing to lift")
    enter(con, "sanction_lifts", when, by, sanction=number, reason=limited(reason, "--reason", "why"))
    return find(con, number)

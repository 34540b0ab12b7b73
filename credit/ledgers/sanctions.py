"""Sanctions imposed by command: published by the next publish, counted from the next night (E-Commerce Law Art. 36).

A delivered sanction stays with the platform's deliveries; one imposed here is not to be delivered as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import enter, highest, limited, merchant, not_before, one_line
from credit.ledgers.moments import moment
from credit.tables import TABLES

KINDS = TABLES["sanctions"].column("kind").codes


@dataclass(frozen=True)
class Lift:
    reason: str
    at: datetime
    day: date
    recorded_at: datetime
    by: str


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
    lifted: Lift | None

    def in_force(self, day: date) -> bool:
        """Whether it stands that day, as far as the ledger tells now."""
        return self.lifted is None and (self.until_on is None or day <= self.until_on)


def sanctions(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Sanction]:
    """Every sanction imposed by command (on one merchant), by number."""
    lifts = {
        number: Lift(*rest)
        for number, *rest in con.execute(
            'SELECT sanction, reason, "at", day, recorded_at, "by" FROM ledger.sanction_lifts'
        ).fetchall()
    }
    rows = con.execute(
        """SELECT number, subject_id, kind, reason, until_on, reference, "at", day, recorded_at, "by" FROM ledger.sanctions
           WHERE ? IS NULL OR subject_id = ? ORDER BY number""",
        [subject_id, subject_id],
    ).fetchall()
    return [Sanction(*(*row, lifts.get(row[0]))) for row in rows]


def find(con: duckdb.DuckDBPyConnection, number: int) -> Sanction:
    """One sanction. Raises UserError saying which there are."""
    found = next((one for one in sanctions(con) if one.number == number), None)
    if found is None:
        raise highest(con, "sanctions", number, "sanction")
    return found


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
    found, when = find(con, number), moment(con, at)
    if found.lifted:
        raise UserError(f"sanction {number} was lifted on {found.lifted.day}")
    not_before(con, when, found.at, f"sanction {number} was imposed")
    if not found.in_force(when.day):
        raise UserError(f"sanction {number} ended on {found.until_on}; there is nothing to lift")
    enter(con, "sanction_lifts", when, by, sanction=number, reason=limited(reason, "--reason", "why"))
    return find(con, number)

"""Objections of merchants: filed, decided with a reason or withdrawn, and what a decision changes.

    file(con, merchant, about=...)   open from then on
    decide(con, number, outcome=...) its reason is published; rows left out and values corrected count from `from_day`
    withdraw(con, number)            while it is open

A decision may be followed by another on review: the last holds, and its adjustments take the place of the earlier one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from credit.errors import UserError
from credit.ledgers import adjustments, entries
from credit.ledgers.entries import by_number, counts_from, enter, limited, merchant, not_before, one_line
from credit.ledgers.moments import Moment, moment
from credit.warehouse.connection import scalar, transaction

ABOUT: dict[str, tuple[str, str]] = {
    "grade": ("信用等级", "Credit grade"),
    "transaction": ("交易记录", "Transaction"),
    "review": ("评价", "Review"),
    "complaint": ("投诉", "Complaint"),
    "public_record": ("公共信用记录", "Public record"),
    "violation": ("平台违规", "Violation of platform rules"),
    "sanction": ("处置措施", "Sanction"),
    "identity": ("主体信息", "Identity"),
    "other": ("其他", "Other"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "upheld": ("异议成立", "Upheld"),
    "partly_upheld": ("部分成立", "Partly upheld"),
    "rejected": ("异议不成立", "Rejected"),
    "withdrawn": ("已撤回", "Withdrawn"),
}
DECISIONS = ("upheld", "partly_upheld", "rejected")
OBJECTION_STATES: dict[str, tuple[str, str]] = {
    "open": ("处理中", "open"),
    "decided": ("已处理", "decided"),
    "withdrawn": ("已撤回", "withdrawn"),
}


@dataclass(frozen=True)
class ObjectionEvent:
    """A decision or a withdrawal; `before_*` is what the merchant's latest evaluation said when it was decided."""

    number: int
    event: str
    outcome: str | None
    reason: str | None
    from_day: date | None
    before_on: date | None
    before_grade: str | None
    before_score: float | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str


@dataclass(frozen=True)
class Objection:
    number: int
    subject_id: str
    about: str
    text: str
    rows: tuple[str, ...]
    evaluated_on: date | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    events: tuple[ObjectionEvent, ...] = ()

    @property
    def state(self) -> str:
        return self.events[-1].event if self.events else "open"

    @property
    def outcome(self) -> str | None:
        """The outcome that holds; `withdrawn` of one that was withdrawn."""
        if not self.events:
            return None
        return self.events[-1].outcome or "withdrawn"

    @property
    def days(self) -> int | None:
        """From the day it was filed to the day of the outcome that holds."""
        return (self.events[-1].day - self.day).days if self.events else None


def objections(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Objection]:
    """Every objection (of one merchant) by number, with what became of it."""
    events: dict[int, list[ObjectionEvent]] = {}
    for objection, *event in con.execute(
        """SELECT objection, number, event, outcome, reason, from_day, before_on, before_grade, before_score::DOUBLE, "at",
                  day, recorded_at, "by" FROM ledger.objection_events ORDER BY number"""
    ).fetchall():
        events.setdefault(objection, []).append(ObjectionEvent(*event))
    return [
        Objection(*(*row[:4], tuple(row[4]), *row[5:], tuple(events.get(row[0], ()))))
        for row in entries.rows(con, "objections", subject_id)
    ]


def find(con: duckdb.DuckDBPyConnection, number: int) -> Objection:
    """One objection. Raises UserError saying which there are."""
    return by_number(con, "objections", objections(con), number, "objection")


def file(
    con: duckdb.DuckDBPyConnection,
    subject_id: str,
    *,
    about: str,
    text: str,
    by: str,
    rows: Sequence[str] = (),
    evaluated_on: date | None = None,
    at: datetime | None = None,
) -> Objection:
    """Enter an objection: `rows` are those it concerns, each `table:key`; `evaluated_on` the evaluation objected to.

    Raises UserError for an unknown merchant, code or row, a row of another merchant, or a night it was not graded.
    """
    merchant(con, subject_id)
    if about not in ABOUT:
        raise UserError(f"--about {about!r}: expected one of {', '.join(ABOUT)}")
    references = dict.fromkeys(str(adjustments.row(con, subject_id, row, "--rows")) for row in rows)
    if evaluated_on and not scalar(
        con, "SELECT count(*) FROM results.grades WHERE evaluated_on = ? AND subject_id = ?", [evaluated_on, subject_id]
    ):
        raise UserError(f"--day {evaluated_on}: {subject_id} has no grade of that day; leave it out, or name another")
    number = enter(
        con, "objections", moment(con, at), one_line(by, "--by", "who objects"), subject_id=subject_id, about=about,
        text=limited(text, "--text", "the objection"), rows=list(references), evaluated_on=evaluated_on,
    )  # fmt: skip
    return find(con, number)


def withdraw(
    con: duckdb.DuckDBPyConnection, number: int, *, by: str, reason: str | None = None, at: datetime | None = None
) -> Objection:
    """Enter that the merchant withdraws its objection. Raises UserError unless it is open."""
    objection = find(con, number)
    if objection.state != "open":
        state, since = OBJECTION_STATES[objection.state][1], objection.events[-1].day
        raise UserError(f"objection {number} is {state} since {since}, not open")
    when = moment(con, at)
    not_before(con, when, objection.at, f"objection {number} was filed")
    if reason is not None:
        reason = limited(reason, "--reason", "why")
    _enter(con, when, by, objection, "withdrawn", reason=reason)
    return find(con, number)


def decide(
    con: duckdb.DuckDBPyConnection,
    number: int,
    *,
    outcome: str,
    reason: str,
    by: str,
    exclude: Sequence[str] = (),
    correct: Sequence[str] = (),
    from_day: date | None = None,
    at: datetime | None = None,
) -> Objection:
    """Enter a decision: `exclude` names rows (`table:key`) that are left out, `correct` values (`table:key:column=value`,
    nothing after = for a blank) that are put right, for every night from `from_day` (default: the latest evaluated).

    Raises UserError for a withdrawn objection, a rejected one that adjusts, an empty reason, rows that are not the
    merchant's, and values that intake would reject.
    """
    objection = find(con, number)
    if objection.state == "withdrawn":
        raise UserError(
            f"objection {number} was withdrawn on {objection.events[-1].day}; the merchant may file it again"
        )
    if outcome not in DECISIONS:
        raise UserError(f"--outcome {outcome!r}: expected one of {', '.join(DECISIONS)}")
    if outcome == "rejected" and (exclude or correct):
        raise UserError("--outcome rejected leaves the facts as they are; expected no --exclude and no --correct")
    reason, when = limited(reason, "--reason", "why; it is published"), moment(con, at)
    last = objection.events[-1] if objection.events else None
    not_before(con, when, last.at if last else objection.at, f"objection {number} was {'decided' if last else 'filed'}")
    counts = counts_from(con, when, from_day)
    checked = adjustments.check(
        con,
        [adjustments.row(con, objection.subject_id, row, "--exclude") for row in exclude],
        [adjustments.correction(con, objection.subject_id, correction) for correction in correct],
        when.recorded_at,
    )
    before = con.execute(
        """SELECT evaluated_on, grade, score FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook)
           WHERE subject_id = ? AND r.standing <> 'trial' ORDER BY 1 DESC LIMIT 1""",
        [objection.subject_id],
    ).fetchall()
    on, grade, score = before[0] if before else (None, None, None)
    with transaction(con):
        decision = _enter(
            con, when, by, objection, "decided", outcome=outcome, reason=reason, from_day=counts, before_on=on,
            before_grade=grade, before_score=score,
        )  # fmt: skip
        adjustments.store(
            con, when, by, checked, subject_id=objection.subject_id, decision=decision, from_day=counts, reason=reason
        )
    return find(con, number)


def _enter(
    con: duckdb.DuckDBPyConnection, when: Moment, by: str, objection: Objection, event: str, **values: Any
) -> int:
    blank = dict.fromkeys(("outcome", "reason", "from_day", "before_on", "before_grade", "before_score"))
    return enter(con, "objection_events", when, by, objection=objection.number, event=event, **(blank | values))

"""Assessments of the platform itself: runs, the evidence they rest on, corrective actions, decisions to publish.

A line of a catalogue is named `catalogue:line`, for example `hebei-ecommerce-enterprise:4.1.1`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import Ending as Ending
from credit.ledgers.entries import by_number, endings, enter, limited, not_before, one_line, rows
from credit.ledgers.moments import moment

Kind = Literal["document", "declaration", "not_applicable"]
KINDS: dict[str, tuple[str, str]] = {
    "document": ("文件", "document"),
    "declaration": ("声明", "statement"),
    "not_applicable": ("不适用声明", "statement that it does not apply"),
}
TARGET = re.compile(r"[a-z0-9][a-z0-9-]{2,60}:[A-Z]?\d{1,2}(\.\d{1,2}){0,4}[a-z]?")
SOON_DAYS = 30
"""Evidence that ends within so many days, and actions due within them, are told of beforehand."""


@dataclass(frozen=True)
class Evidence:
    """A document (with the hash of its file) or a statement; in force from `dated` through `valid_until`."""

    number: int
    targets: list[str]
    kind: str
    title: str
    dated: date
    valid_until: date | None
    sha256: str | None
    file: str | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    ended: Ending | None

    def holds(self, day: date) -> bool:
        """Whether it is in force that day."""
        begun = self.dated <= day and (self.valid_until is None or day <= self.valid_until)
        return begun and (self.ended is None or day < self.ended.day)


@dataclass(frozen=True)
class Closing:
    """The end of an action: how its effect was verified."""

    effect: str
    at: datetime
    day: date
    recorded_at: datetime
    by: str


@dataclass(frozen=True)
class Action:
    """A nonconformity with its cause, the corrective action, who does it and until when."""

    number: int
    target: str
    nonconformity: str
    cause: str
    action: str
    person: str
    due_on: date
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    closed: Closing | None

    def open(self, day: date) -> bool:
        """Whether it was opened by that day and is not closed by then."""
        return self.day <= day and (self.closed is None or day < self.closed.day)

    def overdue(self, day: date) -> bool:
        return self.open(day) and self.due_on < day


@dataclass(frozen=True)
class Run:
    """An assessment made; `result` is all that it found."""

    number: int
    catalogue: str
    version: str
    hash: str
    text: str
    assessed_on: date
    result: Mapping[str, Any]
    at: datetime
    day: date
    recorded_at: datetime
    by: str


def target(text: str) -> str:
    """A line of a catalogue as it is named. Raises UserError where it is none."""
    if not TARGET.fullmatch(text):
        raise UserError(f"--for {text!r}: expected CATALOGUE:LINE, for example hebei-ecommerce-enterprise:4.1.1")
    return text


# --- evidence ----------------------------------------------------------------------------------------------------


def evidence(con: duckdb.DuckDBPyConnection) -> list[Evidence]:
    """All evidence, by number."""
    ends = endings(con, "assessment_evidence_ends")
    return [Evidence(*(*row, ends.get(row[0]))) for row in rows(con, "assessment_evidence")]


def find_evidence(con: duckdb.DuckDBPyConnection, number: int) -> Evidence:
    """One piece of evidence. Raises UserError saying which there are."""
    return by_number(con, "assessment_evidence", evidence(con), number, "evidence")


def add(
    con: duckdb.DuckDBPyConnection,
    targets: Sequence[str],
    *,
    kind: str,
    title: str,
    by: str,
    dated: date,
    valid_until: date | None = None,
    sha256: str | None = None,
    file: str | None = None,
    at: datetime | None = None,
) -> Evidence:
    """Enter evidence for some lines. Raises UserError for no line, a document without a file, or an end before its day."""
    if kind not in KINDS:
        raise UserError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    if not targets:
        raise UserError("--for: expected at least one line that it shows, as CATALOGUE:LINE")
    if (kind == "document") != (sha256 is not None):
        raise UserError(
            "a document needs its file, and a statement has none: give --file with --kind document, else --title alone"
        )
    if valid_until is not None and valid_until < dated:
        raise UserError(f"--until {valid_until} is before --dated {dated}; give a later day, or none")
    number = enter(
        con, "assessment_evidence", moment(con, at), by, targets=[target(text) for text in dict.fromkeys(targets)],
        kind=kind, title=limited(title, "--title", "what it is, or what is stated"), dated=dated,
        valid_until=valid_until, sha256=sha256, file=file,
    )  # fmt: skip
    return find_evidence(con, number)


def expire(
    con: duckdb.DuckDBPyConnection, number: int, *, reason: str, by: str, at: datetime | None = None
) -> Evidence:
    """Enter that evidence no longer holds. Raises UserError where that was entered already."""
    piece, when = find_evidence(con, number), moment(con, at)
    if piece.ended:
        raise UserError(f"evidence {number} has been void since {piece.ended.day}")
    enter(con, "assessment_evidence_ends", when, by, evidence=number, reason=limited(reason, "--reason", "why"))
    return find_evidence(con, number)


# --- corrective actions ------------------------------------------------------------------------------------------


def actions(con: duckdb.DuckDBPyConnection) -> list[Action]:
    """All corrective actions, by number."""
    ends = {ended: Closing(*end) for _, ended, *end in rows(con, "assessment_action_ends")}
    return [Action(*(*row, ends.get(row[0]))) for row in rows(con, "assessment_actions")]


def find_action(con: duckdb.DuckDBPyConnection, number: int) -> Action:
    """One action. Raises UserError saying which there are."""
    return by_number(con, "assessment_actions", actions(con), number, "corrective action")


def open_action(
    con: duckdb.DuckDBPyConnection,
    line: str,
    *,
    nonconformity: str,
    cause: str,
    action: str,
    person: str,
    due_on: date,
    by: str,
    at: datetime | None = None,
) -> Action:
    """Enter a nonconformity with what is done about it. Raises UserError where the term is over before it is opened."""
    when = moment(con, at)
    if due_on < when.day:
        raise UserError(f"--due {due_on} is before {when.day}, the day it is opened; give a later day")
    number = enter(
        con, "assessment_actions", when, by, target=target(line),
        nonconformity=limited(nonconformity, "--nonconformity", "what does not conform"),
        cause=limited(cause, "--cause", "why it came to that"), action=limited(action, "--action", "what is done"),
        person=one_line(person, "--person", "who does it"), due_on=due_on,
    )  # fmt: skip
    return find_action(con, number)


def close_action(
    con: duckdb.DuckDBPyConnection, number: int, *, effect: str, by: str, at: datetime | None = None
) -> Action:
    """Enter that an action is done and works. Raises UserError where it is closed already."""
    action, when = find_action(con, number), moment(con, at)
    if action.closed:
        raise UserError(f"action {number} was closed on {action.closed.day}")
    not_before(con, when, action.at, f"action {number} was opened")
    enter(
        con,
        "assessment_action_ends",
        when,
        by,
        action=number,
        effect=limited(effect, "--effect", "how it was verified"),
    )
    return find_action(con, number)


# --- assessments -------------------------------------------------------------------------------------------------


def runs(con: duckdb.DuckDBPyConnection, catalogue: str | None = None) -> list[Run]:
    """All assessments (by one catalogue), by number."""
    made = (Run(*row) for row in rows(con, "assessment_runs"))
    return [replace(run, result=json.loads(str(run.result))) for run in made if catalogue in (None, run.catalogue)]


def find_run(con: duckdb.DuckDBPyConnection, number: int) -> Run:
    """One assessment. Raises UserError saying which there are."""
    return by_number(con, "assessment_runs", runs(con), number, "assessment")


def keep(
    con: duckdb.DuckDBPyConnection, result: Mapping[str, Any], text: str, *, by: str, at: datetime | None = None
) -> Run:
    """Enter an assessment with the text of the catalogue it went by."""
    about = result["catalogue"]
    number = enter(
        con, "assessment_runs", moment(con, at), by, catalogue=about["id"], version=about["version"], hash=about["hash"],
        text=text, assessed_on=date.fromisoformat(result["assessed_on"]), result=json.dumps(result, ensure_ascii=False),
    )  # fmt: skip
    return find_run(con, number)


def decide(
    con: duckdb.DuckDBPyConnection, catalogue: str, run: int | None, *, reason: str, by: str, at: datetime | None = None
) -> None:
    """Enter that an assessment is published, or (None) that none by the catalogue is any more."""
    if run is not None and find_run(con, run).catalogue != catalogue:
        raise UserError(f"assessment {run} is not by catalogue {catalogue}")
    enter(
        con, "assessment_decisions", moment(con, at), by, catalogue=catalogue, run=run,
        reason=limited(reason, "--reason", "why"),
    )  # fmt: skip


def decided(con: duckdb.DuckDBPyConnection, day: date | None = None) -> list[Run]:
    """The assessments that are published (those decided on by the end of a day), by catalogue."""
    standing: dict[str, int | None] = {}
    for _, catalogue, run, _, _, on, _, _ in rows(con, "assessment_decisions"):
        if day is None or on <= day:
            standing[catalogue] = run
    numbers = set(standing.values())
    return sorted((run for run in runs(con) if run.number in numbers), key=lambda run: run.catalogue)


# --- what to look after ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reminder:
    """Evidence that ends or has ended, or an action due or overdue; `days` from the day until then, negative when over."""

    about: Literal["evidence", "action"]
    number: int
    targets: tuple[str, ...]
    title: str
    person: str
    on: date
    days: int


def reminders(con: duckdb.DuckDBPyConnection, day: date) -> list[Reminder]:
    """What ends or is due within SOON_DAYS of a day, or is over, the longest over first.

    Evidence that is over is left out where every line it showed has other evidence in force."""
    listed = evidence(con)
    held = {name for piece in listed if piece.holds(day) for name in piece.targets}
    reminded = []
    for piece in listed:
        if piece.ended or piece.valid_until is None or piece.dated > day:
            continue
        days = (piece.valid_until - day).days
        if 0 <= days <= SOON_DAYS or (days < 0 and not held.issuperset(piece.targets)):
            reminded.append(
                Reminder("evidence", piece.number, tuple(piece.targets), piece.title, piece.by, piece.valid_until, days)
            )
    for action in actions(con):
        days = (action.due_on - day).days
        if action.open(day) and days <= SOON_DAYS:
            reminded.append(
                Reminder("action", action.number, (action.target,), action.action, action.person, action.due_on, days)
            )
    return sorted(reminded, key=lambda reminder: (reminder.days, reminder.about, reminder.number))

"""The steps of a rulebook's life, each an entry in the ledger: propose, comment, answer, announce, enact; the shipped rulebooks
adopted by a new home.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import duckdb

from credit.errors import UserError
from credit.ledgers import moments
from credit.ledgers.lifecycle import (
    RULEBOOK_EVENTS,
    RULEBOOK_STATES,
    Outcome,
    RulebookEvent,
    State,
    Version,
    find,
    versions,
)
from credit.ledgers.moments import SHIPPED_BY, Moment, local_time, moment, stated, zone
from credit.rulebooks import conformity, reading
from credit.rulebooks.book import NOTICE_DAYS, Rulebook
from credit.rulebooks.reading import load, version_key
from credit.settings import cut_off
from credit.warehouse.connection import scalar, transaction

SHIPPED_NOTE = (
    "Dates of the example platform; a platform's own rules have their own. 示例平台的日期，正式运营的平台应另行公布。"
)


# --- entering ----------------------------------------------------------------------------------------------------


def propose(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    by: str,
    comments_until: date | None = None,
    at: datetime | None = None,
    note: str | None = None,
) -> Version:
    """Enter a file as a draft, or change one; with `comments_until` (last day, included) open it for comment.

    Raises UserError when the file is not a valid rulebook, the version is announced already, a source changed without a
    reference, nothing is new, or the period is over before it begins or shorter than was promised.
    """
    book = load(path)
    ledger = versions(con)
    version = next((entered for entered in ledger if (entered.id, entered.version) == (book.id, book.version)), None)
    _refuse_proposal(path, book, ledger, version, comments_until)
    when = _moment(con, at, version)
    if version:
        _refuse_revision(path, book, version, comments_until, when)
    if comments_until and comments_until < when.day:
        raise UserError(f"--comments-until {comments_until} is before {when.day}, the day it opens; give a later day")
    promised = version.comments_until if version else None
    if comments_until and promised and comments_until < promised:
        raise UserError(
            f"--comments-until {comments_until}: comments are promised until {promised}; not before that day"
        )
    with transaction(con):
        _keep(con, book, path.name)
        if version is None:
            _enter(con, book, "proposed", when, by, note)
        elif version.hash != book.hash:
            _enter(con, book, "revised", when, by, note)
        if comments_until and comments_until != promised:
            _enter(con, book, "opened", when, by, note, comments_until)
    return find(con, book.id, book.version)


def _refuse_proposal(
    path: Path, book: Rulebook, ledger: list[Version], version: Version | None, comments_until: date | None
) -> None:
    """Raises UserError for a file that cannot be a draft or open for comment, whenever that is."""
    if version and version.state not in ("draft", "open"):
        raise UserError(
            f"{path}: {book.label} is {RULEBOOK_STATES[version.state][1]} since {version.events[-1].day}"
            + (
                ", with this text; there is nothing to propose"
                if version.hash == book.hash
                else ", and announced rules are not changed: give it a new version"
            )
        )
    if version is None and (
        later := [
            entered
            for entered in ledger
            if entered.id == book.id and version_key(entered.version) > version_key(book.version)
        ]
    ):
        raise UserError(
            f"{path}: {book.label} comes before {later[-1].version}, which is in the ledger; give it a higher version number"
        )
    if comments_until and comments_until >= book.announced_on:
        raise UserError(
            f"{path}: comments until {comments_until}, but announced_on is {book.announced_on}; it can be announced from the "
            "day after the comment period only: correct announced_on (and effective_from), or give an earlier --comments-until"
        )
    _sources_have_references(ledger, book, path)


def _refuse_revision(path: Path, book: Rulebook, version: Version, comments_until: date | None, when: Moment) -> None:
    """Raises UserError where a file changes nothing of the version, or more than its dates after comments have closed."""
    promised = version.comments_until
    if version.hash == book.hash and comments_until in (None, promised):
        raise UserError(f"{path}: {book.label} is proposed with this text already; change it, or open it for comment")
    closed = promised and when.day > promised and not (comments_until and comments_until >= when.day)
    if closed and _undated(version.text) != _undated(book.text):
        raise UserError(
            f"{path}: comments on {book.label} closed on {promised}; after that its dates alone may change. Open it again "
            "with a later --comments-until, or propose a new version"
        )


def comment(
    con: duckdb.DuckDBPyConnection, id_: str, version: str, *, by: str, text: str, at: datetime | None = None
) -> int:
    """Enter what `by` says of a version that is open for comment; returns the comment's number.

    Raises UserError when it is not open, or the comment is from outside the period.
    """
    rules = _in_state(con, id_, version, "open", "comments are taken while it is open for comment")
    opened = next(event for event in rules.events if event.event == "opened")
    when = _moment(con, at, rules, opened)
    assert rules.comments_until is not None
    if when.day > rules.comments_until:
        raise UserError(f"comments on {rules.label} were taken until {rules.comments_until}; this one is of {when.day}")
    author, text = stated(by, "--by", "who comments"), stated(text, "--text", "the comment")
    number = int(scalar(con, "SELECT coalesce(max(number), 0) + 1 FROM ledger.rulebook_comments"))
    con.execute(
        "INSERT INTO ledger.rulebook_comments VALUES (?, ?, ?, ?, ?, ?, ?)",
        [number, id_, version, when.at, when.recorded_at, author, text],
    )
    return number


def answer(
    con: duckdb.DuckDBPyConnection,
    number: int,
    *,
    by: str,
    outcome: str,
    reason: str,
    at: datetime | None = None,
) -> Version:
    """Enter what became of a comment, and why; of several answers the last holds. Returns the version it is about.

    Raises UserError for an unknown comment or outcome, or once the version is announced.
    """
    rows = con.execute("SELECT id, version FROM ledger.rulebook_comments WHERE number = ?", [number]).fetchall()
    if not rows:
        highest = scalar(con, "SELECT coalesce(max(number), 0) FROM ledger.rulebook_comments")
        raise UserError(
            f"no comment {number}; there are 1 to {highest}" if highest else f"no comment {number}: there are none"
        )
    if outcome not in get_args(Outcome):
        raise UserError(f"--outcome {outcome!r}: expected one of {', '.join(get_args(Outcome))}")
    id_, version = rows[0]
    rules = _in_state(con, id_, version, "open", "comments are answered before it is announced")
    filed = next(comment for comment in rules.comments if comment.number == number)
    when = _moment(con, at, None)
    if when.at < filed.at:
        raise UserError(
            f"--at {local_time(con, when.at)} is before comment {number} itself, of {local_time(con, filed.at)}"
        )
    con.execute(
        "INSERT INTO ledger.rulebook_answers VALUES (?, ?, ?, ?, ?, ?)",
        [
            number,
            when.at,
            when.recorded_at,
            stated(by, "--by", "the person responsible"),
            outcome,
            stated(reason, "--reason", "why"),
        ],
    )
    return find(con, rules.id, rules.version)


def announce(
    con: duckdb.DuckDBPyConnection,
    id_: str,
    version: str,
    *,
    by: str,
    at: datetime | None = None,
    note: str | None = None,
) -> Version:
    """Announce a version: its text is fixed from then on.

    Raises UserError unless it is open, its comment period is over, every comment is answered, `announced_on` is that day
    and `effective_from` leaves 7 full days (E-Commerce Law Art. 34); it names the earliest possible day.
    """
    rules = _in_state(con, id_, version, "open", "a version is announced after it was open for comment")
    when = _moment(con, at, rules)
    assert rules.comments_until is not None
    if when.day <= rules.comments_until:
        raise UserError(
            f"{rules.label} is open for comment until {rules.comments_until}; it can be announced from "
            f"{rules.comments_until + timedelta(days=1)}"
        )
    if unanswered := [str(comment.number) for comment in rules.comments if not comment.answers]:
        raise UserError(
            f"comments {', '.join(unanswered)} on {rules.label} are not answered; answer each with "
            "`merchant-credit rulebook answer NUMBER`, then announce"
        )
    instants = [at for filed in rules.comments for at in (filed.at, *(answered.at for answered in filed.answers))]
    last = max(instants, default=when.at)
    if when.at < last:
        raise UserError(
            f"--at {local_time(con, when.at)} is before the last comment or answer, of {local_time(con, last)}"
        )
    book, earliest = rules.book(), _earliest(con, when)
    if book.announced_on != when.day:
        raise UserError(
            f"{rules.label} says announced_on {book.announced_on}, but it is announced on {when.day}: propose the file "
            f"again with announced_on: {when.day} and effective_from: {max(earliest, book.effective_from)}"
            + ("" if book.effective_from >= earliest else " (the earliest possible)")
        )
    if book.effective_from < earliest:
        raise UserError(
            f"{rules.label} says effective_from {book.effective_from}, less than {NOTICE_DAYS} full days after "
            f"{local_time(con, when.at)}; the earliest possible is {earliest} (E-Commerce Law Art. 34)"
        )
    with transaction(con):
        _enter(con, book, "announced", when, by, note)
    return find(con, id_, version)


def enact(
    con: duckdb.DuckDBPyConnection,
    id_: str,
    version: str,
    *,
    by: str,
    at: datetime | None = None,
    note: str | None = None,
) -> Version:
    """Put an announced version in force from the local day of `at`; the version in force until then is superseded.

    Raises UserError before its `effective_from` and before 7 full days since its announcement, saying when it may.
    """
    rules = _in_state(con, id_, version, "announced", "a version is enacted after it was announced")
    when = _moment(con, at, rules)
    book, announced = rules.book(), rules.last("announced")
    assert announced is not None
    earliest = max(
        cut_off(book.effective_from, zone(con)).astimezone(UTC),
        announced.at.astimezone(UTC) + timedelta(days=NOTICE_DAYS),
    )
    if when.at < earliest:
        raise UserError(
            f"{rules.label} takes effect on {book.effective_from}; it may be enacted from {local_time(con, earliest)}"
        )
    for other in versions(con):
        current = other.last("enacted")
        if other.id == id_ and other.superseded_on is None and current and when.day < current.day:
            raise UserError(
                f"--at {local_time(con, when.at)} is before {other.label} came into force on {current.day}, which {version} "
                "takes the place of"
            )
    with transaction(con):
        _enter(con, book, "enacted", when, by, note)
    return find(con, id_, version)


def adopt_shipped(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Enter the shipped rulebooks with the dates they say, where the ledger is empty: once in a warehouse's life."""
    if scalar(con, "SELECT count(*) FROM ledger.rulebook_events"):
        return
    recorded = moments.now()
    for book in reading.shipped():
        _keep(con, book, "shipped")
        for event, day in (
            ("proposed", book.announced_on),
            ("announced", book.announced_on),
            ("enacted", book.effective_from),
        ):
            _enter(con, book, event, Moment(cut_off(day, zone), day, recorded), SHIPPED_BY, SHIPPED_NOTE)


def shipped_in_zone(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """The days of the shipped rulebooks begin at 00:00 of the zone that the first batch fixes for the home."""
    for seq, day in con.execute('SELECT seq, day FROM ledger.rulebook_events WHERE "by" = ?', [SHIPPED_BY]).fetchall():
        con.execute('UPDATE ledger.rulebook_events SET "at" = ? WHERE seq = ?', [cut_off(day, zone), seq])


def _moment(
    con: duckdb.DuckDBPyConnection, at: datetime | None, version: Version | None, after: RulebookEvent | None = None
) -> Moment:
    """When something happened. Refused: in the future, or before the version's previous event (or `after`)."""
    when = moment(con, at)
    previous = after or (max(version.events, key=lambda event: event.at) if version else None)
    if version and previous and when.at < previous.at:
        raise UserError(
            f"--at {local_time(con, when.at)} is before {version.label} was {RULEBOOK_EVENTS[previous.event][1]}, "
            f"{local_time(con, previous.at)}; give a later instant"
        )
    return when


def _earliest(con: duckdb.DuckDBPyConnection, when: Moment) -> date:
    """The first day that begins 7 full days or more after an announcement, and is no day the file's own check refuses."""
    day, least = when.day + timedelta(days=NOTICE_DAYS + 1), when.at.astimezone(UTC) + timedelta(days=NOTICE_DAYS)
    # A week in which clocks go forward is an hour short.
    return day if cut_off(day, zone(con)).astimezone(UTC) >= least else day + timedelta(days=1)


def _in_state(con: duckdb.DuckDBPyConnection, id_: str, version: str, state: State, why: str) -> Version:
    rules = find(con, id_, version)
    if rules.state != state:
        raise UserError(f"{rules.label} is {RULEBOOK_STATES[rules.state][1]}, not {RULEBOOK_STATES[state][1]}: {why}")
    return rules


def _keep(con: duckdb.DuckDBPyConnection, book: Rulebook, label: str) -> None:
    con.execute(
        "INSERT INTO ledger.rulebooks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [book.hash, book.id, book.version, book.text, label],
    )


def _undated(text: str) -> str:
    """A rulebook's text without the two lines that date it."""
    return re.sub(r"(?m)^(announced_on|effective_from):.*$", "", text)


def _enter(
    con: duckdb.DuckDBPyConnection,
    book: Rulebook,
    event: str,
    when: Moment,
    by: str,
    note: str | None,
    comments_until: date | None = None,
) -> None:
    if by.strip() == SHIPPED_BY and note != SHIPPED_NOTE:
        raise UserError(f"--by {by!r} stands for the program itself; name the person responsible")
    con.execute(
        """INSERT INTO ledger.rulebook_events
           SELECT coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM ledger.rulebook_events""",
        [
            book.id, book.version, book.hash, event, when.at, when.day, when.recorded_at,
            stated(by, "--by", "the person responsible"), note, comments_until,
        ],
    )  # fmt: skip


def _sources_have_references(ledger: list[Version], book: Rulebook, path: Path) -> None:
    """A number whose source is edited says on what ground: its block needs a reference."""
    earlier = [
        version
        for version in ledger
        if version.id == book.id and version_key(version.version) < version_key(book.version)
    ]
    if not earlier:
        return
    before = {row.place: row.source for row in conformity.rows(earlier[-1].book())}
    errors = {
        row.block: f"{path}, line {row.block_line}, {row.block}.source: {before[row.place]} in {earlier[-1].version}, now "
        f"{row.source}: a source is changed only with a reference; add `reference:` naming the ground"
        for row in conformity.rows(book)
        if row.place in before and row.source != before[row.place] and not row.reference
    }
    if errors:
        raise UserError("\n  ".join(errors.values()))

"""The life of rulebooks, kept in the warehouse's ledger: draft, open for comment, announced, in force, superseded.

    propose(con, path, by=...)      a file becomes a draft, or opens for comment; its text may still be revised
    comment, answer                 what people say of it, and what became of that
    announce(con, id, version)      from then on the text is fixed; it takes effect 7 full days later at the earliest
    enact(con, id, version)         in force from that day, in place of the version before it
    choose(con, paths, day)         the rulebooks of a night, each with its standing

The ledger is only ever added to; a version's state is derived from its events. Every event names the person responsible.
`at` tells of what happened before it is entered: it is never in the future and never before the version's previous event,
and `recorded_at` stays beside it. A new warehouse adopts the shipped rulebooks once; a later program brings no new rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import duckdb

from credit.errors import UserError
from credit.rulebooks import NOTICE_DAYS, Rulebook, conformity, load, parse, shipped, version_key
from credit.settings import cut_off
from credit.warehouse import scalar, transaction

State = Literal["draft", "open", "announced", "in_force", "superseded"]
Standing = Literal["in_force", "replay", "trial"]
Outcome = Literal["adopted", "partly", "not_adopted"]

STATES: dict[str, tuple[str, str]] = {
    "draft": ("草案", "draft"),
    "open": ("征求意见", "open for comment"),
    "announced": ("已公布", "announced"),
    "in_force": ("施行中", "in force"),
    "superseded": ("已被替代", "superseded"),
}
EVENTS: dict[str, tuple[str, str]] = {
    "proposed": ("提出", "proposed"),
    "revised": ("修改", "revised"),
    "opened": ("开始征求意见", "opened for comment"),
    "announced": ("公布", "announced"),
    "enacted": ("施行", "enacted"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "adopted": ("采纳", "adopted"),
    "partly": ("部分采纳", "adopted in part"),
    "not_adopted": ("未采纳", "not adopted"),
}
ENTERED: dict[str, tuple[str, str]] = {
    "as_it_happened": ("当时记录", "as it happened"),
    "afterwards": ("补记", "entered afterwards"),
    "as_shipped": ("随软件发布", "as shipped"),
}
SHIPPED_BY = "as shipped / 随软件发布"
SHIPPED_NOTE = (
    "Dates of the example platform; a platform's own rules have their own. 示例平台的日期，正式运营的平台应另行公布。"
)


@dataclass(frozen=True)
class Event:
    """One line of the ledger. `at` and `recorded_at` are instants, `day` is the day of `at` in the platform's zone."""

    event: str
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    note: str | None
    comments_until: date | None
    hash: str


@dataclass(frozen=True)
class Answer:
    at: datetime
    recorded_at: datetime
    by: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Comment:
    """A comment with its answers; the last one holds."""

    number: int
    at: datetime
    recorded_at: datetime
    author: str
    text: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Version:
    """A version of a rulebook with its life so far; `hash` and `text` are the latest. `superseded_on`: the day from which
    another version is in force in its place."""

    id: str
    version: str
    hash: str
    text: str
    events: tuple[Event, ...]
    comments: tuple[Comment, ...]
    superseded_on: date | None

    @property
    def label(self) -> str:
        return f"{self.id} {self.version}"

    @property
    def state(self) -> State:
        if self.last("enacted"):
            return "in_force" if self.superseded_on is None else "superseded"
        return "announced" if self.last("announced") else "open" if self.last("opened") else "draft"

    @property
    def comments_until(self) -> date | None:
        opened = self.last("opened")
        return opened.comments_until if opened else None

    @property
    def in_force_from(self) -> date | None:
        enacted = self.last("enacted")
        return enacted.day if enacted else None

    def in_force_on(self, day: date) -> bool:
        """Whether these were the rules that day."""
        begun = self.in_force_from is not None and self.in_force_from <= day
        return begun and (self.superseded_on is None or day < self.superseded_on)

    def last(self, event: str) -> Event | None:
        """The last event of that name."""
        return next((e for e in reversed(self.events) if e.event == event), None)

    def book(self) -> Rulebook:
        """The rules. Raises UserError when this program no longer understands them."""
        return parse(self.text.encode(), self.label)


def now() -> datetime:
    """The present instant; apart, so that tests can set it."""
    return datetime.now(UTC)


# --- reading -----------------------------------------------------------------------------------------------------


def versions(con: duckdb.DuckDBPyConnection) -> list[Version]:
    """Every version in the ledger, by id and version. None where a warehouse open for reading has no ledger yet."""
    if not scalar(con, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger'"):
        return []
    texts = dict(con.execute("SELECT hash, text FROM ledger.rulebooks").fetchall())
    events: dict[tuple[str, str], list[Event]] = {}
    # Within an id, what is enacted takes the place of what was enacted before it.
    superseded: dict[tuple[str, str], date] = {}
    current: dict[str, tuple[str, str]] = {}
    for id_, version, *rest in con.execute(
        'SELECT id, version, event, "at", day, recorded_at, "by", note, comments_until, hash '
        "FROM ledger.rulebook_events ORDER BY seq"
    ).fetchall():
        events.setdefault((id_, version), []).append(event := Event(*rest))
        if event.event == "enacted":
            if id_ in current:
                superseded[current[id_]] = event.day
            current[id_] = (id_, version)
    answers: dict[int, list[Answer]] = {}
    for number, *rest in con.execute(
        'SELECT comment, "at", recorded_at, "by", outcome, reason FROM ledger.rulebook_answers ORDER BY rowid'
    ).fetchall():
        answers.setdefault(number, []).append(Answer(*rest))
    comments: dict[tuple[str, str], list[Comment]] = {}
    for id_, version, number, happened, recorded, author, text in con.execute(
        'SELECT id, version, number, "at", recorded_at, author, text FROM ledger.rulebook_comments ORDER BY number'
    ).fetchall():
        said = Comment(number, happened, recorded, author, text, tuple(answers.get(number, [])))
        comments.setdefault((id_, version), []).append(said)
    return [
        Version(
            *key,
            listed[-1].hash,
            texts[listed[-1].hash],
            tuple(listed),
            tuple(comments.get(key, [])),
            superseded.get(key),
        )
        for key, listed in sorted(events.items(), key=lambda item: (item[0][0], version_key(item[0][1])))
    ]


def find(con: duckdb.DuckDBPyConnection, id_: str, version: str) -> Version:
    """One version. Raises UserError naming those there are."""
    known = versions(con)
    for one in known:
        if (one.id, one.version) == (id_, version):
            return one
    listed = ", ".join(f"{one.id}@{one.version}" for one in known) or "none"
    raise UserError(
        f"no rulebook {id_}@{version} in the ledger; there: {listed}. Enter it with `merchant-credit rulebook propose FILE`"
    )


def not_adopted(known: list[Version]) -> list[Rulebook]:
    """Rulebooks this program ships that the ledger does not have: they are not rules here until someone proposes them."""
    there = {(one.id, one.version) for one in known}
    return [book for book in shipped() if (book.id, book.version) not in there]


def choose(
    con: duckdb.DuckDBPyConnection, paths: list[Path] | None, day: date, *, trial: bool = False
) -> list[tuple[Rulebook, Standing]]:
    """The rulebooks for an evaluation of `day`, by id, each with its standing; one for each kind and role of subject.

    Without `paths`: of each id the version in force that day; where none was yet, the one in force last ("replay").
    With `paths`: those files, which must have been enacted, "in_force" if they were that day, else "replay". With `trial`
    any file may be given, and its standing is "trial".

    Raises UserError for a file that is not enacted, two rulebooks for the same subjects, or none at all.
    """
    if trial and not paths:
        raise UserError("--trial evaluates by given files: name them with --rulebook FILE")
    known = versions(con)
    chosen = [_given(known, load(path), path, day, trial) for path in paths] if paths else list(_by_day(known, day))
    if not chosen:
        raise UserError(
            "no rulebook has been enacted here; see `merchant-credit rulebook list`, or give files with --rulebook and --trial"
        )
    books = [book for book, _ in chosen]
    for subject in (book.subject for book in books):
        same = [book.label for book in books if book.subject == subject]
        if len(same) > 1:
            raise UserError(
                f"more than one rulebook evaluates {subject.kind} {subject.role}s: {', '.join(same)}; give one with --rulebook"
            )
    return sorted(chosen, key=lambda one: one[0].id)


def _by_day(known: list[Version], day: date) -> Iterator[tuple[Rulebook, Standing]]:
    for id_ in sorted({one.id for one in known}):
        enacted = [one for one in known if one.id == id_ and one.last("enacted")]
        if found := next((one for one in enacted if one.in_force_on(day)), None):
            yield found.book(), "in_force"
        elif enacted:
            yield next(one for one in enacted if one.superseded_on is None).book(), "replay"


def _given(known: list[Version], book: Rulebook, path: Path, day: date, trial: bool) -> tuple[Rulebook, Standing]:
    if trial:
        return book, "trial"
    found = next((one for one in known if one.hash == book.hash), None)
    if found is None or not found.last("enacted"):
        said = f"is {STATES[found.state][1]}" if found else "is not in the ledger of this home"
        raise UserError(
            f"rulebook {path} ({book.label}) {said}, so it cannot grade officially. --trial evaluates by it without its "
            "being in force; `merchant-credit rulebook` proposes, announces and enacts rules"
        )
    return book, "in_force" if found.in_force_on(day) else "replay"


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
    known = versions(con)
    found = next((one for one in known if (one.id, one.version) == (book.id, book.version)), None)
    if found and found.state not in ("draft", "open"):
        raise UserError(
            f"{path}: {book.label} is {STATES[found.state][1]} since {found.events[-1].day}"
            + (
                ", with this text; there is nothing to propose"
                if found.hash == book.hash
                else ", and announced rules are not changed: give it a new version"
            )
        )
    if found is None and (
        later := [one for one in known if one.id == book.id and version_key(one.version) > version_key(book.version)]
    ):
        raise UserError(
            f"{path}: {book.label} comes before {later[-1].version}, which is in the ledger; give it a higher version number"
        )
    if comments_until and comments_until >= book.announced_on:
        raise UserError(
            f"{path}: comments until {comments_until}, but announced_on is {book.announced_on}; it can be announced from the "
            "day after the comment period only: correct announced_on (and effective_from), or give an earlier --comments-until"
        )
    _sources_have_references(known, book, path)
    when = _moment(con, at, found)
    promised = found.comments_until if found else None
    if found and found.hash == book.hash and comments_until in (None, promised):
        raise UserError(f"{path}: {book.label} is proposed with this text already; change it, or open it for comment")
    closed = found and promised and when.day > promised and not (comments_until and comments_until >= when.day)
    if found and closed and _undated(found.text) != _undated(book.text):
        raise UserError(
            f"{path}: comments on {book.label} closed on {promised}; after that its dates alone may change. Open it again "
            "with a later --comments-until, or propose a new version"
        )
    if comments_until and comments_until < when.day:
        raise UserError(f"--comments-until {comments_until} is before {when.day}, the day it opens; give a later day")
    if comments_until and promised and comments_until < promised:
        raise UserError(
            f"--comments-until {comments_until}: comments are promised until {promised}; not before that day"
        )
    with transaction(con):
        _keep(con, book, path.name)
        if found is None:
            _enter(con, book, "proposed", when, by, note)
        elif found.hash != book.hash:
            _enter(con, book, "revised", when, by, note)
        if comments_until and comments_until != promised:
            _enter(con, book, "opened", when, by, note, comments_until)
    return find(con, book.id, book.version)


def comment(
    con: duckdb.DuckDBPyConnection, id_: str, version: str, *, by: str, text: str, at: datetime | None = None
) -> int:
    """Enter what `by` says of a version that is open for comment; returns the comment's number.

    Raises UserError when it is not open, or the comment is from outside the period.
    """
    found = _in_state(con, id_, version, "open", "comments are taken while it is open for comment")
    opened = next(event for event in found.events if event.event == "opened")
    when = _moment(con, at, found, opened)
    assert found.comments_until is not None
    if when.day > found.comments_until:
        raise UserError(f"comments on {found.label} were taken until {found.comments_until}; this one is of {when.day}")
    author, said = stated(by, "--by", "who comments"), stated(text, "--text", "the comment")
    number = int(scalar(con, "SELECT coalesce(max(number), 0) + 1 FROM ledger.rulebook_comments"))
    con.execute(
        "INSERT INTO ledger.rulebook_comments VALUES (?, ?, ?, ?, ?, ?, ?)",
        [number, id_, version, when.at, when.recorded_at, author, said],
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
    found = _in_state(con, id_, version, "open", "comments are answered before it is announced")
    said = next(one for one in found.comments if one.number == number)
    when = _moment(con, at, None)
    if when.at < said.at:
        raise UserError(
            f"--at {local_time(con, when.at)} is before comment {number} itself, of {local_time(con, said.at)}"
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
    return find(con, found.id, found.version)


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
    found = _in_state(con, id_, version, "open", "a version is announced after it was open for comment")
    when = _moment(con, at, found)
    assert found.comments_until is not None
    if when.day <= found.comments_until:
        raise UserError(
            f"{found.label} is open for comment until {found.comments_until}; it can be announced from "
            f"{found.comments_until + timedelta(days=1)}"
        )
    if open_ := [str(one.number) for one in found.comments if not one.answers]:
        raise UserError(
            f"comments {', '.join(open_)} on {found.label} are not answered; answer each with "
            "`merchant-credit rulebook answer NUMBER`, then announce"
        )
    last = max((at for one in found.comments for at in (one.at, *(said.at for said in one.answers))), default=when.at)
    if when.at < last:
        raise UserError(
            f"--at {local_time(con, when.at)} is before the last comment or answer, of {local_time(con, last)}"
        )
    book, earliest = found.book(), _earliest(con, when)
    if book.announced_on != when.day:
        raise UserError(
            f"{found.label} says announced_on {book.announced_on}, but it is announced on {when.day}: propose the file "
            f"again with announced_on: {when.day} and effective_from: {max(earliest, book.effective_from)}"
            + ("" if book.effective_from >= earliest else " (the earliest possible)")
        )
    if book.effective_from < earliest:
        raise UserError(
            f"{found.label} says effective_from {book.effective_from}, less than {NOTICE_DAYS} full days after "
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
    found = _in_state(con, id_, version, "announced", "a version is enacted after it was announced")
    when = _moment(con, at, found)
    book, announced = found.book(), found.last("announced")
    assert announced is not None
    may = max(
        cut_off(book.effective_from, zone(con)).astimezone(UTC),
        announced.at.astimezone(UTC) + timedelta(days=NOTICE_DAYS),
    )
    if when.at < may:
        raise UserError(
            f"{found.label} takes effect on {book.effective_from}; it may be enacted from {local_time(con, may)}"
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


def overtaken(con: duckdb.DuckDBPyConnection, version: Version) -> list[date]:
    """Nights since a version is in force that were evaluated officially by another version of it, in order."""
    found = con.execute(
        """SELECT DISTINCT evaluated_on FROM results.runs
           WHERE rulebook = ? AND rulebook_hash <> ? AND evaluated_on >= ? AND standing <> 'trial' ORDER BY 1""",
        [version.id, version.hash, version.in_force_from],
    ).fetchall()
    return [day for (day,) in found if version.in_force_on(day)]


def adopt_shipped(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Enter the shipped rulebooks with the dates they say, where the ledger is empty: once in a warehouse's life."""
    if scalar(con, "SELECT count(*) FROM ledger.rulebook_events"):
        return
    recorded = now()
    for book in shipped():
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


@dataclass(frozen=True)
class Moment:
    """When something happened: the instant, the platform's day, and when it was entered here."""

    at: datetime
    day: date
    recorded_at: datetime


def moment(con: duckdb.DuckDBPyConnection, at: datetime | None) -> Moment:
    """When something happened: now, or `at` (without an offset: in the platform's zone). Refused in the future."""
    recorded, local = now(), ZoneInfo(zone(con))
    happened = recorded if at is None else (at if at.tzinfo else at.replace(tzinfo=local)).astimezone(UTC)
    if happened > recorded:
        raise UserError(
            f"--at {local_time(con, happened)} is in the future; it is {local_time(con, recorded)}. Enter it when it has happened"
        )
    return Moment(happened, happened.astimezone(local).date(), recorded)


def _moment(
    con: duckdb.DuckDBPyConnection, at: datetime | None, of: Version | None, after: Event | None = None
) -> Moment:
    """When something happened. Refused: in the future, or before the version's previous event (or `after`)."""
    when = moment(con, at)
    previous = after or (max(of.events, key=lambda event: event.at) if of else None)
    if of and previous and when.at < previous.at:
        raise UserError(
            f"--at {local_time(con, when.at)} is before {of.label} was {EVENTS[previous.event][1]}, "
            f"{local_time(con, previous.at)}; give a later instant"
        )
    return when


def _earliest(con: duckdb.DuckDBPyConnection, when: Moment) -> date:
    """The first day that begins 7 full days or more after an announcement, and is no day the file's own check refuses."""
    day, least = when.day + timedelta(days=NOTICE_DAYS + 1), when.at.astimezone(UTC) + timedelta(days=NOTICE_DAYS)
    # A week in which clocks go forward is an hour short.
    return day if cut_off(day, zone(con)).astimezone(UTC) >= least else day + timedelta(days=1)


def _in_state(con: duckdb.DuckDBPyConnection, id_: str, version: str, state: State, why: str) -> Version:
    found = find(con, id_, version)
    if found.state != state:
        raise UserError(f"{found.label} is {STATES[found.state][1]}, not {STATES[state][1]}: {why}")
    return found


def stated(text: str, option: str, what: str) -> str:
    """What an option says. Raises UserError where it says nothing."""
    if not text.strip():
        raise UserError(f"{option} is empty; it must name {what}")
    return text.strip()


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


def _sources_have_references(known: list[Version], book: Rulebook, path: Path) -> None:
    """A number whose source is edited says on what ground: its block needs a reference."""
    earlier = [one for one in known if one.id == book.id and version_key(one.version) < version_key(book.version)]
    if not earlier:
        return
    before = {row.place: row.source for row in conformity.rows(earlier[-1].book())}
    said = {
        row.block: f"{path}, line {row.block_line}, {row.block}.source: {before[row.place]} in {earlier[-1].version}, now "
        f"{row.source}: a source is changed only with a reference; add `reference:` naming the ground"
        for row in conformity.rows(book)
        if row.place in before and row.source != before[row.place] and not row.reference
    }
    if said:
        raise UserError("\n  ".join(said.values()))


def zone(con: duckdb.DuckDBPyConnection) -> str:
    """The zone in which the warehouse counts its days."""
    return str(scalar(con, "SELECT getvariable('zone')"))


def local_time(con: duckdb.DuckDBPyConnection, at: datetime) -> str:
    """An instant in the platform's zone, for messages."""
    return at.astimezone(ZoneInfo(zone(con))).strftime("%Y-%m-%d %H:%M:%S %z")


# --- telling -----------------------------------------------------------------------------------------------------


def coded(code: str, names: dict[str, tuple[str, str]]) -> dict[str, str]:
    """A code with what it is called."""
    return {"code": code, "zh": names[code][0], "en": names[code][1]}


def entry(at: datetime, recorded_at: datetime, zone: str, by: str = "") -> dict[str, Any]:
    """When something happened and how it was entered, as JSON-able data; instants in `zone`."""
    local = ZoneInfo(zone)
    # What was entered as it happened was recorded then; when the shipped rules were adopted is no part of their life.
    how = "as_shipped" if by == SHIPPED_BY else "as_it_happened" if at == recorded_at else "afterwards"
    return {
        "at": at.astimezone(local).isoformat(),
        "entered": coded(how, ENTERED),
        "recorded_at": recorded_at.astimezone(local).isoformat() if how == "afterwards" else None,
    }


def life_of(one: Version, zone: str) -> dict[str, Any]:
    """The life of one version as JSON-able data; instants in `zone`."""
    book = one.book()
    return {
        "id": one.id,
        "version": one.version,
        "hash": one.hash,
        "title": book.title.model_dump(),
        "subject": book.subject.model_dump(),
        "state": coded(one.state, STATES),
        "announced_on": book.announced_on.isoformat(),
        "effective_from": book.effective_from.isoformat(),
        "comments_until": one.comments_until.isoformat() if one.comments_until else None,
        "in_force_from": one.in_force_from.isoformat() if one.in_force_from else None,
        "superseded_on": one.superseded_on.isoformat() if one.superseded_on else None,
        "events": [
            {
                "event": coded(event.event, EVENTS),
                **entry(event.at, event.recorded_at, zone, event.by),
                "day": event.day.isoformat(),
                "by": event.by,
                "note": event.note,
                "comments_until": event.comments_until.isoformat() if event.comments_until else None,
                "hash": event.hash,
            }
            for event in one.events
        ],
        "comments": [
            {
                "number": said.number,
                **entry(said.at, said.recorded_at, zone),
                "author": said.author,
                "text": said.text,
                "answers": [
                    {
                        **entry(reply.at, reply.recorded_at, zone),
                        "by": reply.by,
                        "outcome": coded(reply.outcome, OUTCOMES),
                        "reason": reply.reason,
                    }
                    for reply in said.answers
                ],
            }
            for said in one.comments
        ],
    }

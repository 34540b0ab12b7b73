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

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from credit.errors import UserError
from credit.ledgers.moments import coded, entry
from credit.rulebooks import reading
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import load, parse, version_key
from credit.warehouse.connection import scalar

State = Literal["draft", "open", "announced", "in_force", "superseded"]
Standing = Literal["in_force", "replay", "trial"]
Outcome = Literal["adopted", "partly", "not_adopted"]

RULEBOOK_STATES: dict[str, tuple[str, str]] = {
    "draft": ("草案", "draft"),
    "open": ("征求意见", "open for comment"),
    "announced": ("已公布", "announced"),
    "in_force": ("施行中", "in force"),
    "superseded": ("已被替代", "superseded"),
}
RULEBOOK_EVENTS: dict[str, tuple[str, str]] = {
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


@dataclass(frozen=True)
class RulebookEvent:
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
    events: tuple[RulebookEvent, ...]
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

    def last(self, name: str) -> RulebookEvent | None:
        """The last event of that name."""
        return next((event for event in reversed(self.events) if event.event == name), None)

    def book(self) -> Rulebook:
        """The rules. Raises UserError when this program no longer understands them."""
        return parse(self.text.encode(), self.label)


# --- reading -----------------------------------------------------------------------------------------------------


def versions(con: duckdb.DuckDBPyConnection) -> list[Version]:
    """Every version in the ledger, by id and version. None where a warehouse open for reading has no ledger yet."""
    if not scalar(con, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger'"):
        return []
    texts = dict(con.execute("SELECT hash, text FROM ledger.rulebooks").fetchall())
    events: dict[tuple[str, str], list[RulebookEvent]] = {}
    # Within an id, what is enacted takes the place of what was enacted before it.
    superseded: dict[tuple[str, str], date] = {}
    current: dict[str, tuple[str, str]] = {}
    for id_, version, *values in con.execute(
        'SELECT id, version, event, "at", day, recorded_at, "by", note, comments_until, hash '
        "FROM ledger.rulebook_events ORDER BY seq"
    ).fetchall():
        events.setdefault((id_, version), []).append(event := RulebookEvent(*values))
        if event.event == "enacted":
            if id_ in current:
                superseded[current[id_]] = event.day
            current[id_] = (id_, version)
    answers: dict[int, list[Answer]] = {}
    for number, *values in con.execute(
        'SELECT comment, "at", recorded_at, "by", outcome, reason FROM ledger.rulebook_answers ORDER BY rowid'
    ).fetchall():
        answers.setdefault(number, []).append(Answer(*values))
    comments: dict[tuple[str, str], list[Comment]] = {}
    for id_, version, number, happened, recorded, author, text in con.execute(
        'SELECT id, version, number, "at", recorded_at, author, text FROM ledger.rulebook_comments ORDER BY number'
    ).fetchall():
        comment = Comment(number, happened, recorded, author, text, tuple(answers.get(number, [])))
        comments.setdefault((id_, version), []).append(comment)
    return [
        Version(
            *key,
            life[-1].hash,
            texts[life[-1].hash],
            tuple(life),
            tuple(comments.get(key, [])),
            superseded.get(key),
        )
        for key, life in sorted(events.items(), key=lambda item: (item[0][0], version_key(item[0][1])))
    ]


def find(con: duckdb.DuckDBPyConnection, id_: str, version: str) -> Version:
    """One version. Raises UserError naming those there are."""
    ledger = versions(con)
    for entered in ledger:
        if (entered.id, entered.version) == (id_, version):
            return entered
    names = ", ".join(f"{entered.id}@{entered.version}" for entered in ledger) or "none"
    raise UserError(
        f"no rulebook {id_}@{version} in the ledger; there: {names}. Enter it with `merchant-credit rulebook propose FILE`"
    )


def not_adopted(ledger: list[Version]) -> list[Rulebook]:
    """Rulebooks this program ships that the ledger does not have: they are not rules here until someone proposes them."""
    entered = {(version.id, version.version) for version in ledger}
    return [book for book in reading.shipped() if (book.id, book.version) not in entered]


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
    ledger = versions(con)
    chosen = [_by_file(ledger, load(path), path, day, trial) for path in paths] if paths else list(_by_day(ledger, day))
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
    return sorted(chosen, key=lambda choice: choice[0].id)


def _by_day(ledger: list[Version], day: date) -> Iterator[tuple[Rulebook, Standing]]:
    for id_ in sorted({version.id for version in ledger}):
        enacted = [version for version in ledger if version.id == id_ and version.last("enacted")]
        if in_force := next((version for version in enacted if version.in_force_on(day)), None):
            yield in_force.book(), "in_force"
        elif enacted:
            yield next(version for version in enacted if version.superseded_on is None).book(), "replay"


def _by_file(ledger: list[Version], book: Rulebook, path: Path, day: date, trial: bool) -> tuple[Rulebook, Standing]:
    if trial:
        return book, "trial"
    version = next((version for version in ledger if version.hash == book.hash), None)
    if version is None or not version.last("enacted"):
        state = f"is {RULEBOOK_STATES[version.state][1]}" if version else "is not in the ledger of this home"
        raise UserError(
            f"rulebook {path} ({book.label}) {state}, so it cannot grade officially. --trial evaluates by it without its "
            "being in force; `merchant-credit rulebook` proposes, announces and enacts rules"
        )
    return book, "in_force" if version.in_force_on(day) else "replay"


def overtaken(con: duckdb.DuckDBPyConnection, version: Version) -> list[date]:
    """Nights since a version is in force that were evaluated officially by another version of it, in order."""
    nights = con.execute(
        """SELECT DISTINCT evaluated_on FROM results.runs
           WHERE rulebook = ? AND rulebook_hash <> ? AND evaluated_on >= ? AND standing <> 'trial' ORDER BY 1""",
        [version.id, version.hash, version.in_force_from],
    ).fetchall()
    return [day for (day,) in nights if version.in_force_on(day)]


def life_of(version: Version, zone: str) -> dict[str, Any]:
    """The life of one version as JSON-able data; instants in `zone`."""
    book = version.book()
    return {
        "id": version.id,
        "version": version.version,
        "hash": version.hash,
        "title": book.title.model_dump(),
        "subject": book.subject.model_dump(),
        "state": coded(version.state, RULEBOOK_STATES),
        "announced_on": book.announced_on.isoformat(),
        "effective_from": book.effective_from.isoformat(),
        "comments_until": version.comments_until.isoformat() if version.comments_until else None,
        "in_force_from": version.in_force_from.isoformat() if version.in_force_from else None,
        "superseded_on": version.superseded_on.isoformat() if version.superseded_on else None,
        "events": [
            {
                "event": coded(event.event, RULEBOOK_EVENTS),
                **entry(event.at, event.recorded_at, zone, event.by),
                "day": event.day.isoformat(),
                "by": event.by,
                "note": event.note,
                "comments_until": event.comments_until.isoformat() if event.comments_until else None,
                "hash": event.hash,
            }
            for event in version.events
        ],
        "comments": [
            {
                "number": comment.number,
                **entry(comment.at, comment.recorded_at, zone),
                "author": comment.author,
                "text": comment.text,
                "answers": [
                    {
                        **entry(reply.at, reply.recorded_at, zone),
                        "by": reply.by,
                        "outcome": coded(reply.outcome, OUTCOMES),
                        "reason": reply.reason,
                    }
                    for reply in comment.answers
                ],
            }
            for comment in version.comments
        ],
    }

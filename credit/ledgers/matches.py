"""What a person decided about subjects of lists of authorities that are merchants by name: accepted or rejected, with a reason.

    propose(con, pair, by=...)                     keep a proposal; the same one again is not kept twice
    accept(con, number, reason=..., by=...)        rows of that subject are the merchant's from the next delivery on, as by its code
    reject(con, number, reason=..., by=...)        they are not, or no longer: they wait. What came in before stays until an objection
                                                   corrects it

A proposal alone has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import by_number, enter, limited, merchant, not_before, rows
from credit.ledgers.moments import moment

ACCEPTED = """SELECT m.given, m.name, m.address, m.subject_id FROM ledger.register_matches m
    JOIN (SELECT match, max_by(outcome, number) AS outcome FROM ledger.register_match_decisions GROUP BY 1) d
      ON d.match = m.number AND d.outcome = 'accepted'"""
"""SQL of the subjects of lists that are merchants by a person's word."""


@dataclass(frozen=True)
class Pair:
    """A subject of a list (`given`: what stands for it, a code or a name) and a merchant; `probability` from 0 to 1."""

    given: str
    name: str
    address: str | None
    subject_id: str
    probability: float
    evidence: str
    model: str


@dataclass(frozen=True)
class Decision:
    """What was decided on a proposal last."""

    outcome: str
    reason: str
    at: datetime
    day: date
    recorded_at: datetime
    by: str


@dataclass(frozen=True)
class Match:
    """A proposal and what was decided on it last."""

    number: int
    pair: Pair
    at: datetime
    day: date
    recorded_at: datetime
    by: str
    decision: Decision | None

    @property
    def state(self) -> str:
        """proposed, accepted or rejected."""
        return self.decision.outcome if self.decision else "proposed"


def matches(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Match]:
    """Every proposal (about one merchant), by number."""
    decisions = {row[1]: Decision(*row[2:]) for row in rows(con, "register_match_decisions")}
    return [
        Match(number, Pair(*own), at, day, recorded_at, by, decisions.get(number))
        for number, *own, at, day, recorded_at, by in rows(con, "register_matches", subject_id)
    ]


def propose(con: duckdb.DuckDBPyConnection, pairs: Sequence[Pair], *, by: str) -> list[Match]:
    """Keep proposals that are not there yet; returns those that are new."""
    there = {_identity(match.pair) for match in matches(con)}
    when = moment(con, None)
    numbers = set()
    for pair in pairs:
        if _identity(pair) in there:
            continue
        there.add(_identity(pair))
        numbers.add(
            enter(
                con, "register_matches", when, by, given=pair.given, name=pair.name, address=pair.address,
                subject_id=pair.subject_id, probability=pair.probability, evidence=pair.evidence, model=pair.model,
            )
        )  # fmt: skip
    return [match for match in matches(con) if match.number in numbers]


def accept(con: duckdb.DuckDBPyConnection, number: int, *, reason: str, by: str, at: datetime | None = None) -> Match:
    """Enter that the subject is the merchant. Raises UserError where it is accepted already, or is another one's by an earlier word."""
    match = find(con, number)
    merchant(con, match.pair.subject_id)
    for other in matches(con):
        if other.state == "accepted" and other.number != number and _subject(other.pair) == _subject(match.pair):
            raise UserError(
                f"proposal {other.number} says that the same subject is {other.pair.subject_id}, and was accepted; reject it first "
                f"with `merchant-credit matches reject {other.number}`"
            )
    return _decide(con, match, "accepted", reason, by, at)


def reject(con: duckdb.DuckDBPyConnection, number: int, *, reason: str, by: str, at: datetime | None = None) -> Match:
    """Enter that the subject is not the merchant. Raises UserError where it is rejected already."""
    return _decide(con, find(con, number), "rejected", reason, by, at)


def find(con: duckdb.DuckDBPyConnection, number: int) -> Match:
    """One proposal. Raises UserError saying which there are."""
    return by_number(con, "register_matches", matches(con), number, "proposal")


def _decide(
    con: duckdb.DuckDBPyConnection, match: Match, outcome: str, reason: str, by: str, at: datetime | None
) -> Match:
    if match.decision and match.decision.outcome == outcome:
        raise UserError(f"proposal {match.number} is {outcome} since {match.decision.day}, by {match.decision.by}")
    when = moment(con, at)
    before = match.decision or match
    not_before(con, when, before.at, f"proposal {match.number} was {match.state}")
    enter(
        con, "register_match_decisions", when, by, match=match.number, outcome=outcome,
        reason=limited(reason, "--reason", "why"),
    )  # fmt: skip
    return find(con, match.number)


def _subject(pair: Pair) -> tuple[str, str, str | None]:
    return pair.given, pair.name, pair.address


def _identity(pair: Pair) -> tuple[str, str, str | None, str]:
    return (*_subject(pair), pair.subject_id)

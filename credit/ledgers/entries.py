"""What the ledgers share: entering a row, and what is checked before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

import duckdb

from credit.errors import UserError
from credit.ledgers.moments import Moment, local_time, stated, today
from credit.warehouse.connection import scalar
from credit.warehouse.ledger_tables import LEDGERS

MAX_TEXT = 2_000
MAX_NAME = 100


class Entry(Protocol):
    """What every entry of a ledger has."""

    @property
    def number(self) -> int: ...


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Ending:
    """An entry that ends another: the lifting of a sanction, the withdrawal of a notice."""

    reason: str | None
    at: datetime
    day: date
    recorded_at: datetime
    by: str


def rows(con: duckdb.DuckDBPyConnection, ledger: str, subject_id: str | None = None) -> list[tuple[Any, ...]]:
    """The entries of a ledger (about one merchant), by number; values in the order of its columns."""
    columns = ", ".join(f'"{column.name}"' for column in LEDGERS[ledger].columns)
    if subject_id is None:
        return con.execute(f"SELECT {columns} FROM ledger.{ledger} ORDER BY number").fetchall()
    return con.execute(
        f"SELECT {columns} FROM ledger.{ledger} WHERE subject_id = ? ORDER BY number", [subject_id]
    ).fetchall()


def endings(con: duckdb.DuckDBPyConnection, ledger: str) -> dict[int, Ending]:
    """Number of what was ended -> its end; the ledger's own columns are that number and the reason."""
    return {ended: Ending(*ending) for _, ended, *ending in rows(con, ledger)}


def enter(con: duckdb.DuckDBPyConnection, ledger: str, when: Moment, by: str, **values: Any) -> int:
    """Add one row; returns its number. The only statement that writes to a ledger."""
    number = int(scalar(con, f"SELECT coalesce(max(number), 0) + 1 FROM ledger.{ledger}"))
    row = {
        "number": number, **values, "at": when.at, "day": when.day, "recorded_at": when.recorded_at,
        "by": one_line(by, "--by", "the person responsible"),
    }  # fmt: skip
    con.execute(
        f"INSERT INTO ledger.{ledger} VALUES ({', '.join('?' for _ in row)})",
        [row[column.name] for column in LEDGERS[ledger].columns],
    )
    return number


def limited(value: str, option: str, meaning: str, limit: int = MAX_TEXT) -> str:
    """The text of an option, stripped. Raises UserError where it is blank, naming its `meaning`, or too long."""
    text = stated(value, option, meaning)
    if len(text) > limit:
        raise UserError(f"{option} has {len(text):,} characters; expected at most {limit:,}")
    return text


def one_line(value: str, option: str, meaning: str) -> str:
    """The same, for a name or a reference: short, without line breaks."""
    text = limited(value, option, meaning, MAX_NAME)
    if not text.isprintable():
        raise UserError(f"{option} holds a line break or another control character; expected one line")
    return text


def merchant(con: duckdb.DuckDBPyConnection, subject_id: str) -> None:
    """Raises UserError unless the register has this seller; names those nearest."""
    if scalar(con, "SELECT count(*) FROM canonical.subjects WHERE subject_id = ? AND role = 'seller'", [subject_id]):
        return
    nearest = con.execute(
        "SELECT subject_id FROM canonical.subjects WHERE role = 'seller' "
        "ORDER BY jaro_winkler_similarity(subject_id, ?) DESC, 1 LIMIT 3",
        [subject_id],
    ).fetchall()
    register = f"nearest ids: {', '.join(id_ for (id_,) in nearest)}" if nearest else "the register is empty"
    raise UserError(f"no merchant {subject_id!r} in the register; {register}")


def not_before(con: duckdb.DuckDBPyConnection, when: Moment, earlier: datetime, event: str) -> None:
    """Raises UserError for an entry that happened before the event that it follows from."""
    if when.at < earlier:
        raise UserError(
            f"--at {local_time(con, when.at)} is before {event}, {local_time(con, earlier)}; give a later instant"
        )


def by_number(con: duckdb.DuckDBPyConnection, ledger: str, entries: Iterable[E], number: int, name: str) -> E:
    """The entry with a number. Raises UserError saying which numbers there are; `name` is what an entry is called."""
    for entry in entries:
        if entry.number == number:
            return entry
    last = scalar(con, f"SELECT coalesce(max(number), 0) FROM ledger.{ledger}")
    raise UserError(f"no {name} {number}; there are 1 to {last}" if last else f"no {name} {number}: there are none")


def latest_night(con: duckdb.DuckDBPyConnection) -> date | None:
    """The latest night that was evaluated, trials aside, and nights of a clock that was ahead."""
    night: date | None = scalar(
        con, "SELECT max(evaluated_on) FROM results.runs WHERE standing <> 'trial' AND evaluated_on <= ?", [today(con)]
    )
    return night


def counts_from(con: duckdb.DuckDBPyConnection, when: Moment, from_day: date | None) -> date:
    """The first night for which an entry counts: the latest one evaluated (trials aside), so that it can be evaluated
    again at once and nights before it stay as they are; or `from_day`. Raises UserError for one to come."""
    latest = latest_night(con) or when.day
    if from_day is None:
        return latest
    if from_day > (last := max(latest, when.day)):
        raise UserError(f"--from {from_day} is still to come; expected a day until {last}")
    return from_day

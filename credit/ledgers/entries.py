"""What the ledgers share: entering a row, and what is checked before."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb

from credit.errors import UserError
from credit.ledgers.moments import Moment, local_time, stated
from credit.warehouse.connection import scalar
from credit.warehouse.ledger_tables import LEDGERS

MAX_TEXT = 2_000
MAX_NAME = 100


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


def limited(value: str, option: str, what: str, limit: int = MAX_TEXT) -> str:
    """What an option says. Raises UserError where it says nothing, or too much."""
    said = stated(value, option, what)
    if len(said) > limit:
        raise UserError(f"{option} has {len(said):,} characters; expected at most {limit:,}")
    return said


def one_line(value: str, option: str, what: str) -> str:
    """The same, for a name or a reference: short, without line breaks."""
    said = limited(value, option, what, MAX_NAME)
    if not said.isprintable():
        raise UserError(f"{option} holds a line break or another control character; expected one line")
    return said


def merchant(con: duckdb.DuckDBPyConnection, subject_id: str) -> None:
    """Raises UserError unless the register has this seller; names those nearest."""
    if scalar(con, "SELECT count(*) FROM canonical.subjects WHERE subject_id = ? AND role = 'seller'", [subject_id]):
        return
    near = con.execute(
        "SELECT subject_id FROM canonical.subjects WHERE role = 'seller' "
        "ORDER BY jaro_winkler_similarity(subject_id, ?) DESC, 1 LIMIT 3",
        [subject_id],
    ).fetchall()
    listed = f"nearest ids: {', '.join(row[0] for row in near)}" if near else "the register is empty"
    raise UserError(f"no merchant {subject_id!r} in the register; {listed}")


def not_before(con: duckdb.DuckDBPyConnection, when: Moment, at: datetime, what: str) -> None:
    """Raises UserError for an entry that happened before what it follows from."""
    if when.at < at:
        raise UserError(
            f"--at {local_time(con, when.at)} is before {what}, {local_time(con, at)}; give a later instant"
        )


def highest(con: duckdb.DuckDBPyConnection, ledger: str, number: int, what: str) -> UserError:
    """What to say of a number that is not there."""
    last = scalar(con, f"SELECT coalesce(max(number), 0) FROM ledger.{ledger}")
    return UserError(f"no {what} {number}; there are 1 to {last}" if last else f"no {what} {number}: there are none")


def counts_from(con: duckdb.DuckDBPyConnection, when: Moment, given: date | None) -> date:
    """The first night for which an entry counts: the latest one evaluated (trials aside), so that it can be evaluated
    again at once and nights before it stay as they are; or the day `given`. Raises UserError for one to come."""
    latest: date | None = scalar(con, "SELECT max(evaluated_on) FROM results.runs WHERE standing <> 'trial'")
    if given is None:
        return latest or when.day
    if given > (last := max(latest or when.day, when.day)):
        raise UserError(f"--from {given} is still to come; expected a day until {last}")
    return given

"""Stored evaluations, read: the latest night, its grades, the rulebook that gave them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from credit.errors import UserError
from credit.ledgers.entries import enter, limited
from credit.ledgers.moments import moment, today
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import parse
from credit.settings import Settings
from credit.warehouse.connection import as_dicts, quote, scalar, transaction


def book_of(con: duckdb.DuckDBPyConnection, rulebook: str, rulebook_hash: str) -> Rulebook:
    """The rulebook a stored evaluation was made by. Raises UserError when its text is not kept."""
    rows = con.execute("SELECT text FROM results.rulebooks WHERE hash = ?", [rulebook_hash]).fetchall()
    if not rows:
        raise UserError(f"the text of rulebook {rulebook} ({rulebook_hash[:12]}) is not in this warehouse")
    return parse(rows[0][0].encode(), f"{rulebook} {rulebook_hash[:12]}")


def export_night(con: duckdb.DuckDBPyConnection, settings: Settings, day: date) -> Path:
    """Leave the night as Parquet in `nights/<day>/` of the home, for readers while the warehouse is in use."""
    folder = settings.home / "nights" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for table, order in (
        ("grades", "rulebook, subject_id"),
        ("indicators", "rulebook, subject_id, element, indicator"),
    ):
        partial = folder / f".{table}.partial"
        con.execute(
            f"COPY (SELECT *, (SELECT any_value(standing) FROM results.runs r WHERE r.evaluated_on = t.evaluated_on "
            f"AND r.rulebook = t.rulebook) AS standing "
            f"FROM results.{table} t WHERE evaluated_on = DATE '{day}' ORDER BY {order}) "
            f"TO {quote(str(partial))} (FORMAT parquet)"
        )
        partial.replace(folder / f"{table}.parquet")
    return folder


def latest(con: duckdb.DuckDBPyConnection, day: date | None) -> date:
    """`day` if there is an evaluation of it, or the latest evaluated day: the latest official one where there is one.

    Nights after today, which a clock that was ahead has left, are none until they come. Raises UserError otherwise."""
    now = today(con)
    rows = con.execute(
        """SELECT evaluated_on FROM results.runs GROUP BY 1
           ORDER BY bool_or(standing = 'in_force' AND coalesce(subject_role, 'seller') = 'seller') DESC, 1 DESC"""
    ).fetchall()
    days: list[date] = [row[0] for row in rows if row[0] <= now]
    if day is not None and day > now and (day,) in rows:
        raise UserError(
            f"the night of {day} has not come: today is {now}. A clock that was ahead has left it; "
            f"`merchant-credit withdraw --date {day}` takes it back"
        )
    if not days:
        raise UserError("nothing has been evaluated yet; run `merchant-credit nightly` or `merchant-credit evaluate`")
    if day is None:
        return days[0]
    if day not in days:
        shown = ", ".join(str(d) for d in days[:10])
        raise UserError(f"no evaluation of {day} here; evaluated: {shown}. Run `merchant-credit evaluate --date {day}`")
    return day


def to_come(con: duckdb.DuckDBPyConnection) -> list[date]:
    """Evaluated nights that are after today: a clock was ahead."""
    rows = con.execute(
        "SELECT DISTINCT evaluated_on FROM results.runs WHERE evaluated_on > ? ORDER BY 1", [today(con)]
    ).fetchall()
    return [row[0] for row in rows]


def withdraw(con: duckdb.DuckDBPyConnection, day: date, reason: str, by: str) -> int:
    """Take back the evaluation of a night, with its grades and indicators; who did and why is entered. Returns how many
    grades it had. Later nights stay as they were made, also where their margin looked back to it.

    Raises UserError when there is no evaluation of it."""
    if not scalar(con, "SELECT count(*) FROM results.runs WHERE evaluated_on = ?", [day]):
        raise UserError(f"no evaluation of {day} here; nothing to withdraw")
    reason = limited(reason, "--reason", "why the night is withdrawn")
    grades = int(scalar(con, "SELECT count(*) FROM results.grades WHERE evaluated_on = ?", [day]))
    with transaction(con):
        enter(con, "night_withdrawals", moment(con, None), by, evaluated_on=day, reason=reason)
        for table in ("runs", "grades", "indicators"):
            con.execute(f"DELETE FROM results.{table} WHERE evaluated_on = ?", [day])
    return grades


def grade_list(con: duckdb.DuckDBPyConnection, day: date, role: str = "seller") -> list[dict[str, Any]]:
    """The grades of an evaluated day, enterprises first, best first, NR last."""
    return as_dicts(
        con,
        """SELECT subject_id, g.subject_kind, grade, score::DOUBLE AS score, evidence::DOUBLE AS evidence,
                  not_rated_reason, evaluated_on::VARCHAR AS evaluated_on, rulebook, rulebook_hash,
                  provisional, dormant, self_operated, vetoes, standing
           FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook, rulebook_hash)
           WHERE evaluated_on = ? AND coalesce(r.subject_role, 'seller') = ?
           ORDER BY rulebook, score DESC NULLS LAST, evidence DESC, subject_id""",
        [day, role],
    )


def grade_row(con: duckdb.DuckDBPyConnection, day: date, subject_id: str) -> dict[str, Any]:
    """One merchant's row of `grade_list`, buyers included."""
    rows = [row for role in ("seller", "buyer") for row in grade_list(con, day, role)]
    return next(row for row in rows if row["subject_id"] == subject_id)

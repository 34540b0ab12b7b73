"""What a person decided about a finding of manipulation: upheld or dismissed, with a reason.

    uphold(con, finding, reason=..., by=...)    from the next night on the rows it names do not count for anybody, and it
                                                counts as a violation of its kind (`violations`, key `ledger:` and number)
    dismiss(con, finding, reason=..., by=...)   it has no effect, or no longer has

A finding alone has no effect. Nights before the decision replay as they were. The merchant objects to an upheld finding
as to any violation: a decision that leaves out `violations:ledger:<number>` takes all its effect away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from credit.errors import UserError
from credit.ledgers import overlay
from credit.ledgers.entries import by_number, enter, latest_night, limited, merchant, not_before
from credit.ledgers.moments import moment
from credit.tables import TABLES
from credit.warehouse.connection import quoted

if TYPE_CHECKING:
    from credit.ledgers.finding import Finding

OUTCOMES: dict[str, tuple[str, str]] = {"upheld": ("认定成立", "Upheld"), "dismissed": ("不予认定", "Dismissed")}
VIOLATIONS: dict[str, tuple[str, str]] = {
    "brushing": ("刷单", "brushing"),
    "review_manipulation": ("操纵评价", "review manipulation"),
}
"""Kinds of violations that a finding can be."""
NO_VIOLATION = "none"
SEVERITIES = TABLES["violations"].column("severity").codes

_VIOLATION_BY_KIND: dict[str, str | None] = {
    # The trade was faked: orders and their reviews are set aside.
    "self_dealing_ring": "brushing",
    "order_burst": "brushing",
    "one_seller_buyers": "brushing",
    "implausible_dispatch": "brushing",
    "collusion": "brushing",
    # The trade was real: reviews alone are set aside.
    "copied_reviews": "review_manipulation",
    "bribed_reviews": "review_manipulation",
    # Others did it to the merchant.
    "review_bombing": None,
}


@dataclass(frozen=True)
class Decision:
    """`orders` and `reviews` are the keys that do not count; `violation` is None where the merchant is the one harmed.

    `kind` and `facts` are the detector's and stay inside the platform.
    """

    number: int
    finding: str
    subject_id: str
    kind: str
    outcome: str
    violation: str | None
    severity: str | None
    orders: tuple[str, ...]
    reviews: tuple[str, ...]
    found_on: date
    facts: str
    reason: str
    from_day: date
    at: datetime
    day: date
    recorded_at: datetime
    by: str


_COLUMNS = (
    "f.number, f.finding, f.subject_id, f.kind, f.outcome, f.violation, f.severity, f.orders, f.reviews, f.found_on, "
    'f.facts, f.reason, f.from_day, f."at", f.day, f.recorded_at, f."by"'
)


def decisions(con: duckdb.DuckDBPyConnection, subject_id: str | None = None) -> list[Decision]:
    """Every decision (about one merchant), in the order of entry; of several on one finding the last holds."""
    return _read(con, "FROM ledger.findings f WHERE ? IS NULL OR f.subject_id = ?", [subject_id, subject_id])


def standing(con: duckdb.DuckDBPyConnection, day: date, subject_id: str | None = None) -> list[Decision]:
    """The upheld findings (about one merchant) that count for the night of `day`."""
    return _read(con, f"{overlay.standing_findings(day)} AND (? IS NULL OR f.subject_id = ?)", [subject_id, subject_id])


def published(con: duckdb.DuckDBPyConnection, now: date) -> list[Decision]:
    """Those that are published on `now`: upheld last, and not taken away by a decision on an objection."""
    return _read(
        con,
        f"""FROM ledger.findings f WHERE f.outcome = 'upheld' AND f.day <= DATE '{now}'
            AND f.number = (SELECT max(number) FROM ledger.findings l WHERE l.finding = f.finding)
            AND NOT {overlay.taken_away(now)}""",
    )


def _read(con: duckdb.DuckDBPyConnection, from_clause: str, parameters: Sequence[Any] = ()) -> list[Decision]:
    rows = con.execute(f"SELECT {_COLUMNS} {from_clause} ORDER BY f.number", list(parameters)).fetchall()
    return [Decision(*(*row[:7], tuple(row[7]), tuple(row[8]), *row[9:])) for row in rows]


def latest(con: duckdb.DuckDBPyConnection, finding: str) -> Decision | None:
    """The decision on a finding that holds; None where there is none yet."""
    return next((decision for decision in reversed(decisions(con)) if decision.finding == finding), None)


def uphold(
    con: duckdb.DuckDBPyConnection,
    finding: Finding,
    *,
    reason: str,
    by: str,
    violation: str | None = None,
    severity: str = "moderate",
    spare: Sequence[str] = (),
    at: datetime | None = None,
) -> Decision:
    """Enter that a finding is upheld. `violation`: its kind, or "none" (default: by the finding's kind). Of brushing the
    orders that it names are set aside, and all reviews that it names or that are of these orders; else reviews alone,
    for the trade was real. `spare` names rows (`transactions:key`, `reviews:key`) that count all the same. Rows of other
    merchants that it names stay: they need a finding of their own.

    Raises UserError where it is upheld already, names no row of the merchant, and for an unknown code or row.
    """
    merchant(con, finding.subject_id)
    if violation not in (None, NO_VIOLATION, *VIOLATIONS):
        raise UserError(f"--violation {violation!r}: expected one of {', '.join((*VIOLATIONS, NO_VIOLATION))}")
    if severity not in SEVERITIES:
        raise UserError(f"--severity {severity!r}: expected one of {', '.join(SEVERITIES)}")
    kind = _VIOLATION_BY_KIND[finding.kind] if violation is None else violation.replace(NO_VIOLATION, "") or None
    orders = _own_rows(con, "transactions", finding.orders, finding.subject_id) if kind == "brushing" else []
    reviews = _own_rows(con, "reviews", finding.reviews, finding.subject_id)
    reviews = sorted({*reviews, *_reviews_of(con, orders)})
    set_aside = {f"transactions:{key}" for key in orders} | {f"reviews:{key}" for key in reviews}
    if unknown := [row for row in spare if row not in set_aside]:
        raise UserError(
            f"--spare {unknown[0]!r} is no row that finding {finding.id} sets aside; expected transactions:KEY or reviews:KEY"
        )
    orders = [key for key in orders if f"transactions:{key}" not in spare]
    reviews = [key for key in reviews if f"reviews:{key}" not in spare]
    if not orders and not reviews:
        raise UserError(
            f"finding {finding.id} leaves no row of {finding.subject_id} to set aside; dismiss it with "
            f"`merchant-credit integrity dismiss {finding.id}`"
        )
    return _enter(
        con, finding, "upheld", reason, by, at, violation=kind, severity=severity if kind else None,
        orders=orders, reviews=reviews,
    )  # fmt: skip


def dismiss(
    con: duckdb.DuckDBPyConnection, finding: Finding, *, reason: str, by: str, at: datetime | None = None
) -> Decision:
    """Enter that a finding is dismissed; one that was upheld has no effect from the next night on, and its violation is
    withdrawn. Raises UserError where it is dismissed already."""
    return _enter(con, finding, "dismissed", reason, by, at, violation=None, severity=None, orders=[], reviews=[])


def _enter(
    con: duckdb.DuckDBPyConnection,
    finding: Finding,
    outcome: str,
    reason: str,
    by: str,
    at: datetime | None,
    **values: Any,
) -> Decision:
    when, before = moment(con, at), latest(con, finding.id)
    if before:
        if before.outcome == outcome:
            raise UserError(f"finding {finding.id} is {outcome} since {before.day}, by {before.by}")
        not_before(con, when, before.at, f"finding {finding.id} was {before.outcome}")
    # Entered afterwards it does not reach back: what was evaluated before the latest night stays.
    from_day = max(when.day + timedelta(days=1), latest_night(con) or when.day)
    facts = {"strength": finding.strength, **finding.facts}
    number = enter(
        con, "findings", when, by, finding=finding.id, subject_id=finding.subject_id, kind=finding.kind, outcome=outcome,
        found_on=finding.day, facts=json.dumps(facts, ensure_ascii=False, sort_keys=True, default=str),
        reason=limited(reason, "--reason", "why; the merchant is told"), from_day=from_day, **values,
    )  # fmt: skip
    return by_number(con, "findings", decisions(con), number, "decision")


def _own_rows(con: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], subject_id: str) -> list[str]:
    """Those of the rows that are the merchant's. Raises UserError for a row that is not there."""
    key = TABLES[table].key
    owners = dict(con.execute(f"SELECT {key}, subject_id FROM canonical.{table} {_among(key, keys)}").fetchall())
    if missing := sorted(set(keys) - set(owners)):
        raise UserError(
            f"table {table} has no row with {key} {missing[0]!r}; scan again, and decide on what is found then"
        )
    return sorted(name for name, owner in owners.items() if owner == subject_id)


def _reviews_of(con: duckdb.DuckDBPyConnection, orders: Sequence[str]) -> list[str]:
    rows = con.execute(f"SELECT review_id FROM canonical.reviews {_among('transaction_id', orders)}").fetchall()
    return [key for (key,) in rows]


def _among(column: str, keys: Sequence[str]) -> str:
    literals = quoted(keys)
    return f"SEMI JOIN (SELECT unnest([{literals}]::VARCHAR[]) AS key_) ON {column} = key_"

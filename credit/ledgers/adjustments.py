"""Rows left out and values corrected, by a decision on an objection or as the credit repair of a public record.

An adjustment counts for the nights from its `from_day` on (see `credit.ledgers.overlay`). Delivered rows are not touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from credit.errors import UserError
from credit.ledgers import overlay
from credit.ledgers.entries import by_number, counts_from, enter, limited
from credit.ledgers.moments import Moment, moment, zone
from credit.tables import TABLES, Column, Table
from credit.warehouse import row_rules
from credit.warehouse.connection import as_dicts, quote, transaction

REPAIRABLE = ("administrative_penalty", "abnormal_operation", "serious_violation", "dishonest_debtor")
"""Kinds of public records that credit repair ends: those that speak against somebody."""


@dataclass(frozen=True)
class Adjustment:
    """One row left out (`column` is None), or one value of it corrected (`value` None: to a blank)."""

    number: int
    decision: int | None
    subject_id: str
    table: str
    key: str
    column: str | None
    value: str | None
    from_day: date
    reason: str
    at: datetime
    recorded_at: datetime
    by: str


_COLUMNS = (
    'a.number, a.decision, a.subject_id, a.table_name, a.key, a.column_name, a.value, a.from_day, a.reason, a."at", '
    'a.recorded_at, a."by"'
)


def adjustments(con: duckdb.DuckDBPyConnection, subject_id: str, day: date | None = None) -> list[Adjustment]:
    """Those of one merchant, in the order of entry; with `day` only what counts for that night."""
    rows_from = "FROM ledger.adjustments a WHERE true" if day is None else overlay.standing_adjustments(day)
    rows = con.execute(f"SELECT {_COLUMNS} {rows_from} AND a.subject_id = ? ORDER BY a.number", [subject_id]).fetchall()
    return [Adjustment(*row) for row in rows]


@dataclass(frozen=True)
class Ref:
    """A row, and for a correction its column and the text it is to hold."""

    table: Table
    key: str
    column: Column | None = None
    text: str = ""

    def __str__(self) -> str:
        return f"{self.table.name}:{self.key}"


def row(con: duckdb.DuckDBPyConnection, subject_id: str, text: str, option: str) -> Ref:
    """The row that `table:key` names. Raises UserError where there is none, or it is another merchant's."""
    table, _, key = text.partition(":")
    if not key:
        raise UserError(f"{option} {text!r}: expected table:key, for example complaints:C000123")
    return _own_row(con, subject_id, Ref(_table(table, text, option), key), option)


def correction(con: duckdb.DuckDBPyConnection, subject_id: str, text: str) -> Ref:
    """The value that `table:key:column=value` names. Keys may hold colons, values anything.

    Raises UserError for a row as `row` does, an unknown column, or one that is not corrected.
    """
    option = "--correct"
    table_name, _, rest = text.partition(":")
    # Of the places where `:column=` may stand, the first that leaves the key of a row.
    places = [(rest[: m.start()], m[1], rest[m.end() :]) for m in re.finditer(r":([A-Za-z_]\w*)=", rest)]
    if not places:
        raise UserError(
            f"{option} {text!r}: expected table:key:column=value, for example complaints:C000123:outcome=rejected"
        )
    table = _table(table_name, text, option)
    key, name, value = next((p for p in places if overlay.owner(con, table.name, p[0]) is not None), places[0])
    _own_row(con, subject_id, Ref(table, key), option)
    column = next((column for column in table.columns if column.name == name), None)
    if column is None:
        raise UserError(f"{option} {text!r}: table {table.name} has no column {name}; {_open_columns(table)}")
    if not _correctable(table, column):
        why = "it is computed from others" if column.derived else "it says whose row it is"
        raise UserError(f"{option} {text!r}: {table.name}.{name} is not corrected, {why}; {_open_columns(table)}")
    return Ref(table, key, column, value)


def _table(name: str, text: str, option: str) -> Table:
    if name not in TABLES:
        raise UserError(f"{option} {text!r}: no table {name!r}; expected one of {', '.join(TABLES)}")
    return TABLES[name]


def _correctable(table: Table, column: Column) -> bool:
    return column.derived is None and column.name not in (table.key, "subject_id") and column.privacy != "pseudonym"


def _open_columns(table: Table) -> str:
    return "expected one of " + ", ".join(column.name for column in table.columns if _correctable(table, column))


def _own_row(con: duckdb.DuckDBPyConnection, subject_id: str, ref: Ref, option: str) -> Ref:
    """The row again. Raises UserError where it is not there, or is another merchant's."""
    owner = overlay.owner(con, ref.table.name, ref.key)
    if owner is None:
        raise UserError(
            f"{option} {ref}: table {ref.table.name} has no row with {ref.table.key} {ref.key!r}; "
            f"`merchant-credit explain {subject_id} --rows --json` lists the ids of the merchant's rows"
        )
    if owner != subject_id:
        raise UserError(f"{option} {ref} is a row of another merchant than {subject_id}")
    return ref


def check(
    con: duckdb.DuckDBPyConnection, excluded: Iterable[Ref], corrected: Iterable[Ref], now: datetime
) -> list[tuple[Ref, str | None]]:
    """(row or value, its typed value as text), every value checked as at intake and against the rest of its row.

    Raises UserError naming the option and what was expected.
    """
    checked: list[tuple[Ref, str | None]] = []
    for ref in excluded:
        if ref.table.name == "subjects":
            raise UserError(f"--exclude {ref}: a merchant's own entry in the register stays; correct its columns")
        if any(str(ref) == str(other) for other, _ in checked):
            raise UserError(f"--exclude {ref} is given twice")
        checked.append((ref, None))
    by_row: dict[str, list[Ref]] = {}
    for ref in corrected:
        if any(str(ref) == str(other) for other, _ in checked):
            raise UserError(f"{ref} is given with --exclude and with --correct; expected one of them")
        by_row.setdefault(str(ref), []).append(ref)
    for name, refs in by_row.items():
        texts = {ref.column.name: ref.text for ref in refs if ref.column}
        if len(texts) < len(refs):
            raise UserError(f"--correct {name}: one column is given twice")
        table = refs[0].table
        stored = f"SELECT * FROM ({overlay.current(con, table.name)}) WHERE {table.key} = {quote(refs[0].key)}"
        values, fault = row_rules.corrections(con, table, stored, texts, now, zone(con))
        if fault is not None:
            raise UserError(f"--correct {name}: {fault}")
        checked += [(ref, values[ref.column.name]) for ref in refs if ref.column]
    return checked


def store(
    con: duckdb.DuckDBPyConnection,
    when: Moment,
    by: str,
    checked: Iterable[tuple[Ref, str | None]],
    *,
    subject_id: str,
    decision: int | None,
    from_day: date,
    reason: str,
) -> list[int]:
    """Enter adjustments; returns their numbers."""
    return [
        enter(
            con, "adjustments", when, by, decision=decision, subject_id=subject_id, table_name=ref.table.name, key=ref.key,
            column_name=ref.column.name if ref.column else None, value=value, from_day=from_day, reason=reason,
        )
        for ref, value in checked
    ]  # fmt: skip


def repair(
    con: duckdb.DuckDBPyConnection,
    record_id: str,
    *,
    on: date,
    reason: str,
    by: str,
    from_day: date | None = None,
    at: datetime | None = None,
) -> Adjustment:
    """Enter the credit repair of a public record: from `on` it has no effect, until the day before it has.

    Raises UserError for an unknown record, one that repair does not end or that is repaired already, and for a day
    before the record is in force or to come.
    """
    table = TABLES["public_records"]
    records = as_dicts(con, f"SELECT * FROM ({overlay.current(con, table.name)}) WHERE record_id = {quote(record_id)}")
    if not records:
        raise UserError(
            f"no public record {record_id!r}; record_id is the key in table public_records, and "
            "`merchant-credit explain MERCHANT --rows --json` lists those of a merchant"
        )
    (record,) = records
    if record["kind"] not in REPAIRABLE:
        raise UserError(
            f"public record {record_id} is a {record['kind']}, which is not repaired; expected {', '.join(REPAIRABLE)}"
        )
    when, reason = moment(con, at), limited(reason, "--reason", "why")
    from_day = counts_from(con, when, from_day)
    adjusted = overlay.adjusted(con, table.name, max(from_day, when.day)).get(record_id, {})
    if repaired := adjusted.get("repaired_on", record["repaired_on"]):
        raise UserError(f"public record {record_id} is repaired since {repaired}")
    if on > when.day:
        raise UserError(f"--on {on} is still to come; a repair is entered once it has been decided")
    ref = Ref(table, record_id, table.column("repaired_on"), on.isoformat())
    try:
        checked = check(con, [], [ref], when.recorded_at)
    except UserError as error:
        raise UserError(f"--on {on}: {str(error).partition(': ')[2]} (valid_from {record['valid_from']})") from None
    with transaction(con):
        (number,) = store(
            con, when, by, checked, subject_id=record["subject_id"], decision=None, from_day=from_day, reason=reason
        )
    return by_number(con, "adjustments", adjustments(con, record["subject_id"]), number, "adjustment")

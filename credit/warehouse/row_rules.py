"""What a value of a canonical column may be, and what must hold within a row: SQL made of the descriptions in `credit.tables`.

Deliveries are checked by it when they land, corrections of single facts when they are decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import duckdb

from credit import codes
from credit.tables import KNOWN_AT, Column, Table
from credit.warehouse import values
from credit.warehouse.connection import quote, quoted

EARLIEST = "2000-01-01"
"""Nothing happened on a platform before it."""
EARLIEST_DAY = "1900-01-01"
"""The beginning of a validity may be older: a licence."""
BOUNDS = f"""
    SELECT TIMESTAMPTZ '{EARLIEST} 00:00:00+00' AS earliest_instant, DATE '{EARLIEST}' AS earliest_day,
           DATE '{EARLIEST_DAY}' AS earliest_plan_day,
           getvariable('now') + INTERVAL 1 DAY AS latest_instant,
           CAST(getvariable('now') + INTERVAL 2 DAY AS DATE) AS latest_day,
           TIMESTAMPTZ '9999-12-31 00:00:00+00' AS latest_plan_instant, DATE '9999-12-31' AS latest_plan_day
"""


KNOWN_SINCE = "1970-01-01"
"""What was always known is given this day by sources."""


def texts(given: Iterable[str], healed: Collection[str] = ()) -> str:
    """SQL over raw columns `r`: the text of each as `typed` and `rules` read it. `healed`: ids that went through a float."""
    return "".join(
        f", regexp_replace({values.unwrapped(f'r.{name}')}, '[.]0$', '') AS {name}"
        if name in healed
        else f", {values.unwrapped(f'r.{name}')} AS {name}"
        for name in given
    )


def typed(table: Table, column: Column, given: Collection[str], zone: str, plain: Collection[str] = ()) -> str:
    """SQL over the texts `x` (those of `given` are there) for the column's value in its canonical type, NULL where it does
    not read as one. `plain`: columns in which every text is `values.plain` or NULL."""
    if column.name not in given:
        return f"NULL::{column.sql_type}"
    as_written = values.plain(table, column, f"x.{column.name}") if column.name in plain else None
    value = as_written[1] if as_written else values.reads(table, column, f"x.{column.name}", zone)
    if column.privacy == "pseudonym":
        return f"pseudonym({value})"
    if column.name == "subject_id" and table.name == "subjects":
        role = "x.role" if "role" in plain else values.code(table, table.column("role"), "x.role")
        return f"CASE WHEN {role} = 'buyer' THEN pseudonym({value}) ELSE {value} END"
    return value


EXPECTED = {
    "instant": "an instant such as 2026-11-24T09:30:00+08:00",
    "date": "a day such as 2026-11-24",
    "money": "an amount such as 129.00",
    "integer": "a whole number",
    "boolean": "true or false (是, 否)",
}


def rules(
    table: Table, given: Collection[str], rounded: Collection[str] = (), plain: Collection[str] = ()
) -> Iterable[tuple[str, str, str]]:
    """(SQL that is true of a bad row, reason code, SQL of the reason) over raw columns `r`, their texts `x` and typed columns.

    `rounded`: ids of a column in which a spreadsheet has made zeros of the last digits. `plain`: columns in which every text
    is `values.plain` or NULL: they have fewer ways to be wrong.
    """

    def shown(name: str) -> str:
        return f"left(regexp_replace(coalesce(r.{name}::VARCHAR, ''), '[\\x00-\\x1f\\x7f]', ' ', 'g'), 60)"

    for column in table.supplied:
        name = column.name
        plainly = name in plain
        filled = "false"
        if name in given:
            filled = f"x.{name} IS NOT NULL" if plainly else f"NOT {values.blank(table, column, f'x.{name}')}"
        label = f"{name} ({column.zh})"
        personal = column.privacy in ("personal", "pseudonym")
        got = "''" if personal or name not in given else f"': got «' || {shown(name)} || '»'"
        if name in given and values.is_id(table, column):
            damage = f"coalesce({values.mangled(f'x.{name}')}, false)"
            if name in rounded:
                damage += f" OR coalesce(regexp_full_match(x.{name}, '[0-9]{{15}}0+'), false)"
            yield (
                damage,
                "mangled_id",
                f"'{label} went through a spreadsheet that took it for a number, and its digits are lost: export it anew, as text'"
                + ("" if personal else f" || {got}"),
            )
        if column.required:
            yield f"{name} IS NULL AND NOT ({filled})", "missing", f"'{label} is missing'"
        if name not in given:
            continue
        if column.type in EXPECTED and not plainly:
            expected = EXPECTED[column.type]
            yield (
                f"{name} IS NULL AND {filled}",
                "unreadable",
                f"'{label} does not read as {expected}' || {got}",
            )
        if column.type == "money" and "currency" in table.names and not plainly:
            yield (
                values.other_unit(f"x.{name}", "currency"),
                "other_currency",
                f"'{label} is written with the mark of another currency than the row states (' || currency || ')' || {got}",
            )
        if column.type == "money":
            exact_type = "DECIMAL(28,8)"
            exact = f"TRY_CAST(x.{name} AS {exact_type})" if plainly else values.amount(f"x.{name}", exact_type)
            whole = f"currency IN ({quoted(codes.WITHOUT_DECIMALS)}) AND {name} <> floor({name})"
            yield (
                f"coalesce({exact} <> {name} OR {whole}, false)",
                "too_precise",
                f"'{label} has more decimals than its currency has, or than the two that are kept' || {got}",
            )
        if column.type in ("instant", "date"):
            latest = "latest_plan" if column.plan else "latest"
            kind = "instant" if column.type == "instant" else "day"
            earliest = "earliest_plan_day" if column.plan and kind == "day" else f"earliest_{kind}"
            yield (
                f"{name} NOT BETWEEN {earliest} AND {latest}_{kind}",
                "implausible_time",
                f"'{label} lies before {EARLIEST_DAY if earliest == 'earliest_plan_day' else EARLIEST} or in the future' || {got}",
            )
        if column.codes and not plainly:
            allowed = ", ".join(column.codes)
            yield f"{name} NOT IN ({quoted(column.codes)})", "unknown_code", f"'{label} is none of {allowed}' || {got}"
        elif column.type == "text" and not column.codes:
            limit = column.max_length
            yield (
                f"length({name}) > {limit}",
                "too_long",
                f"'{label} is longer than {limit} characters (' || length({name}) || ')'",
            )
            if limit < 2_000:
                yield (
                    f"regexp_matches({name}, '[\\x00-\\x1f\\x7f]')",
                    "control_character",
                    f"'{label} holds a line break or another control character' || {got}",
                )
        if name == "currency" and not plainly:
            yield (
                f"currency NOT IN ({quoted(codes.CURRENCIES)})",
                "unknown_code",
                f"'{label} is no currency of ISO 4217, such as CNY' || {got}",
            )
        if column.minimum is not None:
            yield (
                f"{name} < {column.minimum}",
                "out_of_range",
                f"'{label} is below {column.minimum:g}' || {got}",
            )
        if column.maximum is not None:
            yield (
                f"{name} > {column.maximum}",
                "out_of_range",
                f"'{label} is above {column.maximum:g}' || {got}",
            )
    if "known_at" in given:
        yield (
            f"known_at_ NOT BETWEEN TIMESTAMPTZ '{KNOWN_SINCE} 00:00:00+00' AND latest_instant",
            "implausible_time",
            f"'known_at ({KNOWN_AT.zh}) lies before {KNOWN_SINCE} or in the future: got «' || {shown('known_at')} || '»'",
        )
        if "known_at" not in plain:
            yield (
                f"known_at_ IS NULL AND NOT {values.blank(table, KNOWN_AT, 'x.known_at')}",
                "unreadable",
                f"'known_at ({KNOWN_AT.zh}) does not read as {EXPECTED['instant']}: got «' || {shown('known_at')} || '»'",
            )
    for check in table.checks:
        yield check.bad, check.code, quote(f"{check.en} ({check.zh})")


def corrections(
    con: duckdb.DuckDBPyConnection, table: Table, row: str, given: Mapping[str, str], now: datetime, zone: str
) -> tuple[dict[str, str | None], str | None]:
    """(column -> typed value as text, None for a blank; what is wrong, None if nothing is) of values `given` for columns
    of a row that was accepted: by the same checks as a delivered one. `row` is SQL of that row."""
    row_typed = ", ".join(
        f"{typed(table, column, given, zone)} AS {column.name}" if column.name in given else f"stored.{column.name}"
        for column in table.columns
    )
    # What nobody gave was checked when it came.
    faults = " ".join(f"WHEN {bad} THEN {reason}" for bad, _, reason in rules(table, given))
    con.execute("SET VARIABLE now = ?::TIMESTAMPTZ", [now])
    con.execute(f"SET TimeZone = '{zone}'")
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE correction AS
                WITH raw AS (SELECT {", ".join(f"?::VARCHAR AS {name}" for name in given)}), bounds AS ({BOUNDS}),
                texts AS (SELECT r{texts(given)} FROM raw r),
                typed AS (SELECT {row_typed}, x.r, x FROM texts x, ({row}) stored)
                SELECT {", ".join(given)}, CASE {faults} END AS fault_ FROM typed, bounds""",
            list(given.values()),
        )
    finally:
        con.execute("SET TimeZone = 'UTC'")
    casts = ", ".join(f"{name}::VARCHAR" for name in given)
    *corrected, fault = con.execute(f"SELECT {casts}, fault_ FROM correction").fetchall()[0]
    return dict(zip(given, corrected, strict=True)), fault

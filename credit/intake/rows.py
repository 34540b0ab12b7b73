"""The rows of a delivery, checked one by one in SQL: good ones to `landing`, the others to the quarantine with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from credit.sources.delivery import Part
from credit.tables import KNOWN_AT, Table
from credit.warehouse import row_rules, values
from credit.warehouse.connection import scalar
from credit.warehouse.sql import statement


def check_rows(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[Part],
    batch_id: int,
    zone: str,
    as_of: datetime,
    now: datetime,
    history: bool,
    first_known: dict[str, datetime] | None = None,
) -> list[str]:
    """Type and check the rows of the parts: good ones into `landing`, the others into `staged_rejects`.

    `first_known`: name of a file -> when its delivery first came. Returns notices of what was read as blank or healed.
    """
    con.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [as_of])
    con.execute("SET VARIABLE now = ?::TIMESTAMPTZ", [max(now, as_of)])
    notices: list[str] = []
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE checked AS
            SELECT *, '' AS key_, '' AS fault, '' AS raw, 0 AS nth_file FROM landing.{table.name} LIMIT 0"""
    )
    # Text without an offset, and calendar days as instants, are in the platform's zone.
    con.execute(f"SET TimeZone = '{zone}'")
    try:
        for number, part in enumerate(parts):
            known = "getvariable('as_of')"
            if part.file is not None and first_known and (first := first_known.get(part.file.name)):
                known = f"TIMESTAMPTZ '{first.isoformat()}'"
            if history:
                known = f"coalesce({_event_instant(table)}, {known})"
            damage = columns_as_a_whole(con, table, part) if part.file is not None else WholeColumns()
            notices += damage.notices
            con.execute("INSERT INTO checked " + _checked(table, part, batch_id, known, zone, damage, number))
    finally:
        con.execute("SET TimeZone = 'UTC'")
    _reject_duplicates(con, table)
    con.execute(
        """INSERT INTO staged_rejects SELECT batch_id, source_table, file, line, key_, split_part(fault, '|', 1),
               substr(fault, strpos(fault, '|') + 1), raw, NULL FROM checked WHERE fault IS NOT NULL"""
    )
    names = ", ".join((*table.names, "known_at"))
    con.execute(
        f"""INSERT INTO landing.{table.name} SELECT {names}, batch_id, source_table, file, line
            FROM checked WHERE fault IS NULL"""
    )
    return notices


@dataclass(frozen=True)
class WholeColumns:
    """What only a whole column shows. `healed`: ids that all end in .0, `rounded`: long ids that all end in zeros."""

    healed: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


_ZEROS = 6
"""Last digits of ids that are all zero before they count as lost: by chance once in a million."""


def columns_as_a_whole(con: duckdb.DuckDBPyConnection, table: Table, part: Part) -> WholeColumns:
    """Look through the text columns of a part once: ids that a float or a spreadsheet has changed, and words for nothing."""
    columns = [
        column
        for column in table.supplied
        if column.name in part.columns and column.type == "text" and column.max_length < 2_000
    ]
    if not columns:
        return WholeColumns()
    picked = []
    for column in columns:
        text = f"x.{column.name}"
        ids = values.is_id(table, column)
        nothing = values.is_nothing(text, column)
        digits = f"length({text}) >= 16 AND regexp_full_match({text}, '[0-9]+')"
        picked += [
            f"count(*) FILTER ({text} IS NOT NULL AND NOT {nothing})",
            f"count(*) FILTER ({nothing})",
            f"count(*) FILTER ({text} IS NOT NULL AND {values.masked(text)})" if column.privacy == "pseudonym" else "0",
            f"count(*) FILTER (ends_with({text}, '.0') AND regexp_full_match({text}, '[0-9]{{1,15}}[.]0'))"
            if ids
            else "0",
            f"count(*) FILTER ({digits})" if ids else "0",
            f"count(*) FILTER ({digits} AND ltrim(substr({text}, 16), '0') = '')" if ids else "0",
            f"coalesce(sum(length({text}) - 15) FILTER ({digits}), 0)" if ids else "0",
        ]
    names = [column.name for column in columns]
    row = con.execute(
        f"SELECT {', '.join(picked)} FROM (SELECT r{row_rules.texts(names)} FROM ({part.relation}) r) x"
    ).fetchall()[0]
    healed, rounded, notices = [], [], []
    file = part.file.name if part.file else part.source_table
    for i, column in enumerate(columns):
        filled, nothing_said, hidden, fractions, long, zeros, digits_lost = row[7 * i : 7 * i + 7]
        label = f"{file}: {column.name} ({column.zh})"
        if nothing_said:
            notices.append(f"{label}: {nothing_said:,} values such as NULL or 无 are read as blank")
        if hidden:
            notices.append(
                f"{label}: {hidden:,} ids are masked (*) and read as blank: one mask stands for several people"
            )
        if fractions and fractions == filled:
            healed.append(column.name)
            notices.append(
                f"{label}: all {filled:,} ids end in .0, as whole numbers do that went through a float; read without it"
            )
        if long and long == zeros and digits_lost >= _ZEROS:
            rounded.append(column.name)
    return WholeColumns(tuple(healed), tuple(rounded), tuple(notices))


def _event_instant(table: Table) -> str:
    event = table.event or "joined_on"
    return f"CAST({event} AS TIMESTAMPTZ)"


def _checked(
    table: Table, part: Part, batch_id: int, stands_for_known: str, zone: str, damage: WholeColumns, number: int
) -> str:
    """SELECT of typed rows with `fault` ('code|reason' or NULL) and `raw`."""
    typed = ", ".join(
        f"{row_rules.typed(table, column, part.columns, zone)} AS {column.name}" for column in table.supplied
    )
    known = values.reads(table, KNOWN_AT, "x.known_at", zone) if "known_at" in part.columns else "NULL::TIMESTAMPTZ"
    defaults = ", ".join(
        f"coalesce({column.name}, {column.default}) AS {column.name}" for column in table.columns if column.default
    )
    rules = "\n".join(
        f"WHEN {bad} THEN '{code}|' || {reason}"
        for bad, code, reason in row_rules.rules(table, part.columns, damage.rounded)
    )
    # The rejected row is kept as it came, but a consumer's id only as its pseudonym.
    kept = ", ".join(f"{name} := {f't.{name}' if _is_pseudonym(table, name) else f'r.{name}'}" for name in part.columns)
    columns = (f"{column.derived} AS {column.name}" if column.derived else column.name for column in table.columns)
    return statement(
        __file__,
        "checked",
        relation=part.relation,
        bounds=row_rules.BOUNDS,
        texts=row_rules.texts(part.columns, damage.healed),
        typed=typed,
        known=known,
        rules=rules,
        defaults=f"REPLACE ({defaults})" if defaults else "",
        columns=", ".join(columns),
        stands_for_known=stands_for_known,
        batch_id=str(batch_id),
        source_table=part.source_table,
        key=table.key,
        kept=kept,
        nth_file=str(number),
    )


def _is_pseudonym(table: Table, name: str) -> bool:
    return name != "known_at" and (
        table.column(name).privacy == "pseudonym" or (table.name == "subjects" and name == "subject_id")
    )


def _reject_duplicates(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Same key and `known_at` twice in one delivery: the same content once, different content in one file not at all.

    Of different content in several files the last file's is taken, as if the files had been landed one by one.
    """
    repeated = scalar(con, "SELECT count(*) > count(DISTINCT (key_, known_at)) FROM checked WHERE fault IS NULL")
    if not repeated:
        return
    con.execute(
        statement(
            __file__,
            "duplicates",
            key=table.key,
            content=", ".join(table.names),
            row=", ".join(f"{name} := checked.{name}" for name in table.names),
        )
    )

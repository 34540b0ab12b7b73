"""The rows of a delivery, checked one by one in SQL: good ones to `landing`, the others to the quarantine with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from credit.sources.delivery import Part
from credit.tables import KNOWN_AT, Column, Table
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
            columns = columns_as_a_whole(con, table, part)
            notices += columns.notices
            con.execute("INSERT INTO checked " + _checked(table, part, batch_id, known, zone, columns, number))
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
    """What only a whole column shows. `plain`: every text in them is as the dictionary has it, `healed`: ids that all end in .0,
    `rounded`: long ids that all end in zeros."""

    plain: tuple[str, ...] = ()
    healed: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


_ZEROS = 6
"""Last digits of ids that are all zero before they count as lost: by chance once in a million."""


def columns_as_a_whole(con: duckdb.DuckDBPyConnection, table: Table, part: Part) -> WholeColumns:
    """Look through a part once: columns written just as the dictionary has it, ids that a float or a spreadsheet has changed,
    words for nothing."""
    columns = [column for column in (*table.supplied, KNOWN_AT) if column.name in part.columns]
    if not columns:
        return WholeColumns()
    counts = con.execute(
        f"""SELECT {", ".join(_counts(table, column) for column in columns)}
            FROM (SELECT r{row_rules.texts([column.name for column in columns])} FROM ({part.relation}) r) x"""
    ).fetchall()[0]
    plain, healed, rounded, notices = [], [], [], []
    file = part.file.name if part.file else part.source_table
    for column, counted in zip(columns, counts, strict=True):
        label = f"{file}: {column.name} ({column.zh})"
        if not counted["other"]:
            plain.append(column.name)
        if nothing := counted.get("nothing"):
            notices.append(f"{label}: {nothing:,} values such as NULL or 无 are read as blank")
        if masks := counted.get("masked"):
            notices.append(
                f"{label}: {masks:,} ids are masked (*) and read as blank: one mask stands for several people"
            )
        if (fractions := counted.get("fractions")) and fractions == counted["texts"] - counted["nothing"]:
            healed.append(column.name)
            notices.append(
                f"{label}: all {fractions:,} ids end in .0, as whole numbers do that went through a float; read without it"
            )
        if (long := counted.get("long")) and long == counted["zeros"] and counted["digits_lost"] >= _ZEROS:
            rounded.append(column.name)
    return WholeColumns(
        tuple(name for name in plain if name not in healed), tuple(healed), tuple(rounded), tuple(notices)
    )


def _counts(table: Table, column: Column) -> str:
    """SQL over texts `x`: a struct of what is counted of the column."""
    text = f"x.{column.name}"
    as_written = values.plain(table, column, text)
    other = f"{text} IS NOT NULL AND NOT coalesce({as_written[0]}, false)" if as_written else "true"
    counted = {"other": f"count(*) FILTER ({other})"}
    if column.type == "text" and column.max_length < 2_000:
        nothing = values.is_nothing(text, column)
        counted["nothing"] = f"count(*) FILTER ({nothing})"
        if column.privacy == "pseudonym":
            counted["masked"] = f"count(*) FILTER ({text} IS NOT NULL AND {values.masked(text)})"
        if values.is_id(table, column):
            digits = f"length({text}) >= 16 AND regexp_full_match({text}, '[0-9]+')"
            counted |= {
                "texts": f"count({text})",
                "fractions": f"count(*) FILTER (ends_with({text}, '.0') AND regexp_full_match({text}, '[0-9]{{1,15}}[.]0'))",
                "long": f"count(*) FILTER ({digits})",
                "zeros": f"count(*) FILTER ({digits} AND ltrim(substr({text}, 16), '0') = '')",
                "digits_lost": f"coalesce(sum(length({text}) - 15) FILTER ({digits}), 0)",
            }
    return f"struct_pack({', '.join(f'{name} := {count}' for name, count in counted.items())})"


def _event_instant(table: Table) -> str:
    event = table.event or "joined_on"
    return f"CAST({event} AS TIMESTAMPTZ)"


def _checked(
    table: Table, part: Part, batch_id: int, stands_for_known: str, zone: str, whole: WholeColumns, number: int
) -> str:
    """SELECT of typed rows with `fault` ('code|reason' or NULL) and `raw`."""
    typed = ", ".join(
        f"{row_rules.typed(table, column, part.columns, zone, whole.plain)} AS {column.name}"
        for column in table.supplied
    )
    known = row_rules.typed(table, KNOWN_AT, part.columns, zone, whole.plain)
    defaults = ", ".join(
        f"coalesce({column.name}, {column.default}) AS {column.name}" for column in table.columns if column.default
    )
    rules = "\n".join(
        f"WHEN {bad} THEN '{code}|' || {reason}"
        for bad, code, reason in row_rules.rules(table, part.columns, whole.rounded, whole.plain)
    )
    # The rejected row is kept as it came, but a consumer's id only as its pseudonym.
    kept = ", ".join(f"{name} := {f't.{name}' if _is_pseudonym(table, name) else f'r.{name}'}" for name in part.columns)
    columns = (f"{column.derived} AS {column.name}" if column.derived else column.name for column in table.columns)
    return statement(
        __file__,
        "checked",
        relation=part.relation,
        bounds=row_rules.BOUNDS,
        texts=row_rules.texts(part.columns, whole.healed),
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

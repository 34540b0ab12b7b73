"""From a delivery to canonical rows: land once, check every row in SQL, set rejects aside, merge by key.

    land    read the delivery; good rows go to `landing`, the rest to `quarantine.rows` (or, where only the seller
            is not known yet, to `waiting`); what was landed before is recognised by its hash and changes nothing
    accept  merge a landed batch into `canonical`; a version that is superseded goes to `history` with the interval
            in which it was believed
    refuse  set a landed batch aside whole

Each is one transaction. For each source table the counts balance: read = accepted + quarantined.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from credit.errors import InputError, UserError
from credit.settings import Settings, cut_off
from credit.sources import Delivery, InputFile, Part, adapter
from credit.tables import KNOWN_AT, TABLES, Column, Table
from credit.warehouse import QUARANTINE_COLUMNS, fix_zone, quote, scalar, transaction

Counts = dict[str, dict[str, int]]

EARLIEST = "2000-01-01"
"""Nothing happened on a platform before it."""
EARLIEST_DAY = "1900-01-01"
"""The beginning of a validity may be older: a licence."""


@dataclass
class Batch:
    """A landed batch. `counts`: source table -> read, accepted, quarantined (rows of the source)."""

    batch_id: int
    state: str
    counts: Counts
    already_landed: bool = False
    notices: list[str] = field(default_factory=list)
    reasons: list[tuple[str, str, int, str]] = field(default_factory=list)
    """(source table, code, rows, one example of the reason) of what was quarantined."""


# --- landing -----------------------------------------------------------------------------------------------------


def land(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: str,
    path: Path,
    day: date,
    *,
    history: bool = False,
) -> Batch:
    """Read and row-check what `path` holds and keep it in `landing`.

    `day` is the night the delivery belongs to: rows without a `known_at` of their own are known from its cut-off.
    With `history` they are known since their event, for a first delivery of past data.

    Raises InputError (missing column, unreadable or empty file, unknown encoding) before anything changes.
    """
    adapt = adapter(source)

    def is_landed(file: InputFile) -> bool:
        return bool(
            con.execute(
                "SELECT 1 FROM meta.batches WHERE state <> 'refused' AND list_contains(files, ?)", [_mark(file)]
            ).fetchall()
        )

    delivery = adapt(con, settings, path, is_landed)
    new = [file for file in delivery.files if not is_landed(file)]
    if not new:
        return _landed_before(con, delivery)
    _pseudonym_macro(con, settings)
    with transaction(con):
        zone = fix_zone(con, settings, delivery.zone)
        as_of = cut_off(day, zone)
        batch_id = scalar(con, "SELECT coalesce(max(batch_id), 0) + 1 FROM meta.batches")
        now = datetime.now(UTC)
        con.execute(f"CREATE OR REPLACE TEMP TABLE staged_rejects ({QUARANTINE_COLUMNS})")
        for reject in delivery.rejects:
            con.execute(f"INSERT INTO staged_rejects SELECT {batch_id}, *, NULL FROM ({reject})")
        for table in TABLES.values():
            parts = [part for part in delivery.parts if part.table == table.name]
            if parts:
                _check_rows(con, table, parts, batch_id, zone, as_of, now, history)
        for table in TABLES.values():
            if any(part.table == table.name for part in delivery.parts):
                _hold_unknown_subjects(con, table, batch_id)
                columns = sorted({name for part in delivery.parts if part.table == table.name for name in part.columns})
                con.execute(
                    f"""INSERT INTO meta.supplied SELECT {batch_id}, '{table.name}', ?,
                        coalesce(min(known_at), ?::TIMESTAMPTZ)
                        FROM (SELECT known_at, batch_id FROM landing.{table.name}
                              UNION ALL SELECT known_at, batch_id FROM waiting.{table.name})
                        WHERE batch_id = {batch_id}""",
                    [columns, as_of],
                )
        for part in delivery.parts:
            for component in part.components:
                con.execute(
                    f"""INSERT INTO staged_rejects
                        SELECT {batch_id}, source_table, file, line, key, 'part_of_rejected',
                               'the {part.table} row it belongs to was not accepted', raw, NULL
                        FROM ({component}) c
                        ANTI JOIN (SELECT {TABLES[part.table].key} AS key FROM landing.{part.table}
                                   WHERE batch_id = {batch_id}) landed USING (key)"""
                )
        con.execute("INSERT INTO quarantine.rows SELECT * FROM staged_rejects")
        counts = _balance(con, delivery, batch_id)
        con.execute(
            "INSERT INTO meta.batches VALUES (?, ?, ?, ?, 'landed', ?, ?, ?)",
            [
                batch_id,
                source,
                hashlib.sha256("".join(sorted(map(_mark, new))).encode()).hexdigest(),
                [_mark(file) for file in new],
                as_of,
                now,
                json.dumps(counts),
            ],
        )
        if delivery.landed is not None:
            delivery.landed(con, batch_id)
    batch = Batch(
        batch_id,
        "landed",
        counts,
        notices=list(delivery.notices),
        reasons=quarantine_reasons(con, [batch_id]),
    )
    skipped = len(delivery.files) - len(new)
    if skipped:
        batch.notices.append(f"{skipped} of {len(delivery.files)} files were landed before and are left out")
    return batch


def _mark(file: InputFile) -> str:
    return f"{file.table}:{file.hash}"


def _landed_before(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> Batch:
    marks = [_mark(file) for file in delivery.files]
    rows = con.execute(
        "SELECT batch_id, state, counts FROM meta.batches WHERE list_has_any(files, ?) AND state <> 'refused' ORDER BY 1",
        [marks],
    ).fetchall()
    counts: Counts = {}
    for _, _, stored in rows:
        for name, numbers in json.loads(stored).items():
            into = counts.setdefault(name, {"read": 0, "accepted": 0, "quarantined": 0})
            for what, number in numbers.items():
                into[what] = into.get(what, 0) + number
    states = {state for _, state, _ in rows}
    return Batch(
        rows[-1][0],
        "landed" if "landed" in states else "accepted",
        counts,
        already_landed=True,
        notices=["these files were landed before: nothing changes"],
        reasons=quarantine_reasons(con, [row[0] for row in rows]),
    )


def quarantine_reasons(con: duckdb.DuckDBPyConnection, batches: list[int]) -> list[tuple[str, str, int, str]]:
    """(source table, code, rows, an example of the reason) for these batches, most frequent first."""
    return con.execute(
        """SELECT source_table, code, count(*) AS n, min(left(reason, 200)) FROM quarantine.rows
           WHERE list_contains(?, batch_id) AND released_by IS NULL GROUP BY 1, 2 ORDER BY 1, n DESC, 2""",
        [batches],
    ).fetchall()


# --- pseudonyms --------------------------------------------------------------------------------------------------


def pseudonym_key(settings: Settings) -> bytes:
    """The home's 256-bit key of consumers' pseudonyms, made once. Raises UserError when it is gone or unreadable."""
    path = settings.key_file
    try:
        key = bytes.fromhex(path.read_text().strip())
        if len(key) == 32:
            return key
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        partial = path.with_suffix(".new")
        partial.touch(mode=0o600)
        partial.write_text(key.hex() + "\n")
        partial.replace(path)
        return key
    except (OSError, ValueError):
        pass
    raise UserError(f"{path} is not a pseudonym key; expected 64 hexadecimal digits. Restore it from your backup.")


def _pseudonym_macro(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """`pseudonym(text)`: HMAC-SHA-256 (RFC 2104) under the home's key, the first 128 bits as hexadecimal digits."""
    if not settings.key_file.exists() and scalar(con, "SELECT count(*) FROM meta.batches"):
        raise UserError(
            f"{settings.key_file} is gone; without it consumers' pseudonyms would not match those already stored. "
            "Restore it from your backup."
        )
    key = pseudonym_key(settings).ljust(64, b"\0")
    con.execute("SET VARIABLE inner_pad = ?", [bytes(b ^ 0x36 for b in key)])
    con.execute("SET VARIABLE outer_pad = ?", [bytes(b ^ 0x5C for b in key)])
    con.execute(
        """CREATE OR REPLACE TEMP MACRO pseudonym(t) AS CASE WHEN t IS NOT NULL THEN left(sha256(
               getvariable('outer_pad') || unhex(sha256(getvariable('inner_pad') || encode(t)))), 32) END"""
    )


# --- row checks --------------------------------------------------------------------------------------------------


def _typed(column: Column, part: Part) -> str:
    """SQL for the column's value in its canonical type, NULL where it does not read as one."""
    if column.name not in part.columns:
        return f"NULL::{column.sql_type}"
    raw, text = f"r.{column.name}", f"nullif(trim(r.{column.name}::VARCHAR), '')"
    if column.type in ("text", "code"):
        value = f"nullif(trim(lower(r.{column.name}::VARCHAR)), '')" if column.type == "code" else text
        if column.privacy == "pseudonym":
            return f"pseudonym({value})"
        if column.name == "subject_id" and part.table == "subjects":
            return f"CASE WHEN lower(trim(r.role::VARCHAR)) = 'buyer' THEN pseudonym({value}) ELSE {value} END"
        return value
    if column.type == "boolean":
        return (
            f"CASE WHEN lower({text}) IN ('true', 't', '1', 'yes', 'y', '是') THEN true "
            f"WHEN lower({text}) IN ('false', 'f', '0', 'no', 'n', '否') THEN false END"
        )
    if column.type == "integer":
        number = f"TRY_CAST({text} AS DECIMAL(28,6))"
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
    return f"TRY_CAST({raw} AS {column.sql_type})"


_EXPECTED = {
    "instant": "an instant such as 2026-11-24T09:30:00+08:00",
    "date": "a day such as 2026-11-24",
    "money": "an amount such as 129.00",
    "integer": "a whole number",
    "boolean": "true or false (是, 否)",
}


def _rules(table: Table, part: Part) -> Iterable[tuple[str, str, str]]:
    """(SQL that is true of a bad row, reason code, SQL of the reason) over raw columns `r` and typed columns."""

    def shown(name: str) -> str:
        return f"left(regexp_replace(coalesce(r.{name}::VARCHAR, ''), '[\\x00-\\x1f\\x7f]', ' ', 'g'), 60)"

    for column in table.supplied:
        name = column.name
        given = f"nullif(trim(r.{name}::VARCHAR), '') IS NOT NULL" if name in part.columns else "false"
        label = f"{name} ({column.zh})"
        personal = column.privacy in ("personal", "pseudonym")
        got = "''" if personal or name not in part.columns else f"': got «' || {shown(name)} || '»'"
        if column.required:
            yield f"{name} IS NULL AND NOT ({given})", "missing", f"'{label} is missing'"
        if name not in part.columns:
            continue
        if column.type in _EXPECTED:
            expected = _EXPECTED[column.type]
            yield (
                f"{name} IS NULL AND {given}",
                "unreadable",
                f"'{label} does not read as {expected}' || {got}",
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
        if column.codes:
            allowed = ", ".join(column.codes)
            listed = ", ".join(f"'{code}'" for code in column.codes)
            yield f"{name} NOT IN ({listed})", "unknown_code", f"'{label} is none of {allowed}' || {got}"
        elif column.type == "text":
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
    if "known_at" in part.columns:
        yield (
            "known_at_ IS NULL AND nullif(trim(r.known_at::VARCHAR), '') IS NOT NULL",
            "unreadable",
            f"'known_at ({KNOWN_AT.zh}) does not read as {_EXPECTED['instant']}: got «' || {shown('known_at')} || '»'",
        )
    for check in table.checks:
        yield check.bad, check.code, quote(f"{check.en} ({check.zh})")


def _check_rows(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    parts: list[Part],
    batch_id: int,
    zone: str,
    as_of: datetime,
    now: datetime,
    history: bool,
) -> None:
    """Type and check the rows of the parts: good ones into `landing`, the others into `staged_rejects`."""
    con.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [as_of])
    con.execute("SET VARIABLE now = ?::TIMESTAMPTZ", [max(now, as_of)])
    stands_for_known = "getvariable('as_of')"
    if history:
        stands_for_known = f"coalesce({_event_instant(table)}, getvariable('as_of'))"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE checked AS
            SELECT *, '' AS key_, '' AS fault, '' AS raw FROM landing.{table.name} LIMIT 0"""
    )
    # Text without an offset, and calendar days as instants, are in the platform's zone.
    con.execute(f"SET TimeZone = '{zone}'")
    try:
        for part in parts:
            con.execute("INSERT INTO checked " + _checked(table, part, batch_id, stands_for_known))
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


def _event_instant(table: Table) -> str:
    event = table.event or "joined_on"
    return f"CAST({event} AS TIMESTAMPTZ)"


_BOUNDS = f"""
    SELECT TIMESTAMPTZ '{EARLIEST} 00:00:00+00' AS earliest_instant, DATE '{EARLIEST}' AS earliest_day,
           DATE '{EARLIEST_DAY}' AS earliest_plan_day,
           getvariable('now') + INTERVAL 1 DAY AS latest_instant,
           CAST(getvariable('now') + INTERVAL 2 DAY AS DATE) AS latest_day,
           getvariable('now') + INTERVAL 1096 DAY AS latest_plan_instant, DATE '9999-12-31' AS latest_plan_day
"""


def _checked(table: Table, part: Part, batch_id: int, stands_for_known: str) -> str:
    """SELECT of typed rows with `fault` ('code|reason' or NULL) and `raw`."""
    typed = ", ".join(f"{_typed(column, part)} AS {column.name}" for column in table.supplied)
    known = "TRY_CAST(r.known_at AS TIMESTAMPTZ)" if "known_at" in part.columns else "NULL::TIMESTAMPTZ"
    defaults = ", ".join(
        f"coalesce({column.name}, {column.default}) AS {column.name}" for column in table.columns if column.default
    )
    rules = "\n".join(f"WHEN {bad} THEN '{code}|' || {reason}" for bad, code, reason in _rules(table, part))
    # The rejected row is kept as it came, but a consumer's id only as its pseudonym.
    kept = ", ".join(f"{name} := {f't.{name}' if _is_pseudonym(table, name) else f'r.{name}'}" for name in part.columns)
    return f"""
        WITH raw AS ({part.relation}),
        bounds AS ({_BOUNDS}),
        typed AS (SELECT {typed}, {known} AS known_at_, r FROM raw r),
        faulty AS (
            SELECT t.*, CASE {rules} END AS fault FROM (SELECT * FROM typed, bounds) t
        ),
        complete AS (
            SELECT * EXCLUDE (known_at_) {f"REPLACE ({defaults})" if defaults else ""}, known_at_ FROM faulty
        )
        SELECT {
        ", ".join(f"{column.derived} AS {column.name}" if column.derived else column.name for column in table.columns)
    },
            coalesce(known_at_, {stands_for_known}) AS known_at, {batch_id}::BIGINT AS batch_id,
            '{part.source_table}' AS source_table, r._file AS file, r._line AS line, {table.key} AS key_, fault,
            CASE WHEN fault IS NOT NULL THEN to_json(struct_pack({kept}))::VARCHAR END AS raw
        FROM complete t
    """


def corrections(
    con: duckdb.DuckDBPyConnection, table: Table, row: str, given: Mapping[str, str], now: datetime, zone: str
) -> tuple[dict[str, str | None], str | None]:
    """(column -> typed value as text, None for a blank; what is wrong, None if nothing is) of values `given` for columns
    of a row that was accepted: by the same checks as a delivered one. `row` is SQL of that row."""
    columns = [table.column(name) for name in given]
    part = Part(table.name, table.name, "", tuple(given))
    typed = ", ".join(
        f"{_typed(column, part)} AS {column.name}" if column in columns else f"stored.{column.name}"
        for column in table.columns
    )
    # What nobody gave was checked when it came.
    rules = " ".join(f"WHEN {bad} THEN {reason}" for bad, _, reason in _rules(table, part))
    con.execute("SET VARIABLE now = ?::TIMESTAMPTZ", [now])
    con.execute(f"SET TimeZone = '{zone}'")
    try:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE correction AS
                WITH raw AS (SELECT {", ".join(f"?::VARCHAR AS {name}" for name in given)}), bounds AS ({_BOUNDS}),
                typed AS (SELECT {typed}, r FROM raw r, ({row}) stored)
                SELECT {", ".join(given)}, CASE {rules} END AS fault_ FROM typed, bounds""",
            list(given.values()),
        )
    finally:
        con.execute("SET TimeZone = 'UTC'")
    casts = ", ".join(f"{name}::VARCHAR" for name in given)
    *values, fault = con.execute(f"SELECT {casts}, fault_ FROM correction").fetchall()[0]
    return dict(zip(given, values, strict=True)), fault


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
    content = ", ".join(table.names)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT row, CASE
            WHEN contents > 1 THEN 'conflicting_duplicate|{table.key} ' || left(key_, 60) || ' stands ' || copies ||
                ' times in this file with different content; none is taken: deliver the right one'
            WHEN nth > 1 THEN 'duplicate_row|{table.key} ' || left(key_, 60) || ' stands ' || copies ||
                ' times in this file with the same content; one is taken'
            WHEN file < last_file THEN 'superseded_in_delivery|{table.key} ' || left(key_, 60) ||
                ' stands again in the later file ' || last_file || ', which is taken' END AS fault
        FROM (
            SELECT rowid AS row, key_, file, count(*) OVER in_file AS copies,
                   -- window functions know no DISTINCT here: number the contents instead
                   max(rank) OVER in_file AS contents, row_number() OVER (in_file ORDER BY line) AS nth,
                   max(file) OVER (PARTITION BY key_, known_at) AS last_file
            FROM (SELECT rowid, *, dense_rank() OVER (PARTITION BY key_, known_at, file ORDER BY ROW({content})) AS rank
                  FROM checked WHERE fault IS NULL)
            WINDOW in_file AS (PARTITION BY key_, known_at, file)
        );
        UPDATE checked SET fault = v.fault,
            raw = coalesce(raw, to_json(struct_pack({", ".join(f"{n} := checked.{n}" for n in table.names)}))::VARCHAR)
        FROM verdict v WHERE checked.rowid = v.row AND v.fault IS NOT NULL
        """
    )


def _hold_unknown_subjects(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Rows of sellers that neither the warehouse nor this batch knows wait for them, listed in the quarantine."""
    if table.name == "subjects":
        return
    unknown = f"""batch_id = {batch_id} AND subject_id NOT IN (
        SELECT subject_id FROM canonical.subjects
        UNION ALL SELECT subject_id FROM landing.subjects WHERE batch_id = {batch_id})"""
    con.execute(f"INSERT INTO waiting.{table.name} SELECT * FROM landing.{table.name} WHERE {unknown}")
    con.execute(
        f"""INSERT INTO staged_rejects
            SELECT batch_id, source_table, file, line, {table.key}, 'unknown_subject',
                   'subject_id (主体编号) ' || left(subject_id, 60) || ' is not among the subjects; the row waits until it is',
                   to_json(l)::VARCHAR, NULL
            FROM landing.{table.name} l WHERE {unknown}"""
    )
    con.execute(f"DELETE FROM landing.{table.name} WHERE {unknown}")


def _release_waiting(con: duckdb.DuckDBPyConnection, batch_id: int) -> None:
    """Rows of accepted batches whose subject is known by now join the merge of this batch, as `released`."""
    for table in TABLES.values():
        if table.name == "subjects":
            continue
        due = """subject_id IN (SELECT subject_id FROM canonical.subjects)
            AND batch_id IN (SELECT batch_id FROM meta.batches WHERE state = 'accepted')"""
        if not scalar(con, f"SELECT count(*) FROM waiting.{table.name} WHERE {due}"):
            continue
        con.execute(
            f"""UPDATE quarantine.rows q SET released_by = {batch_id} FROM (FROM waiting.{table.name} WHERE {due}) w
                WHERE q.code = 'unknown_subject' AND q.batch_id = w.batch_id AND q.key = w.{table.key}
                  AND q.source_table = w.source_table"""
        )
        con.execute(
            f"""INSERT INTO landing.{table.name}
                SELECT * REPLACE ('released' AS source_table) FROM waiting.{table.name} WHERE {due}"""
        )
        con.execute(f"DELETE FROM waiting.{table.name} WHERE {due}")


def _balance(con: duckdb.DuckDBPyConnection, delivery: Delivery, batch_id: int) -> Counts:
    """Rows of each source table: read, accepted, quarantined. A row that does not balance is a defect: raised."""
    counts: Counts = {name: {"read": rows, "accepted": 0, "quarantined": 0} for name, rows in delivery.read.items()}
    landed = " UNION ALL ".join(
        f"SELECT source_table, file, line FROM landing.{name} WHERE batch_id = {batch_id}" for name in TABLES
    )
    for part in delivery.parts:
        for component in part.components:
            key = TABLES[part.table].key
            landed += f""" UNION ALL SELECT source_table, file, line FROM ({component}) c SEMI JOIN (
                SELECT {key} AS key FROM landing.{part.table} WHERE batch_id = {batch_id}) USING (key)"""
    rows = con.execute(
        f"""WITH taken AS (SELECT DISTINCT source_table, file, line FROM ({landed})),
            refused AS (SELECT DISTINCT source_table, file, line FROM staged_rejects ANTI JOIN taken
                        USING (source_table, file, line))
            SELECT 'accepted', source_table, count(*) FROM taken GROUP BY 2
            UNION ALL SELECT 'quarantined', source_table, count(*) FROM refused GROUP BY 2"""
    ).fetchall()
    for what, name, number in rows:
        counts.setdefault(name, {"read": 0, "accepted": 0, "quarantined": 0})[what] = number
    for name in delivery.lookups:
        counts[name]["accepted"] = counts[name]["read"] - counts[name]["quarantined"]
    for name, numbers in counts.items():
        if numbers["read"] != numbers["accepted"] + numbers["quarantined"]:
            raise InputError(f"rows of {name} do not balance: {numbers}; nothing was changed. Please report this.")
    return counts


# --- merging -----------------------------------------------------------------------------------------------------


def landed_batches(con: duckdb.DuckDBPyConnection) -> list[int]:
    """Batches that wait for `check`."""
    return [
        row[0] for row in con.execute("SELECT batch_id FROM meta.batches WHERE state = 'landed' ORDER BY 1").fetchall()
    ]


def accept(con: duckdb.DuckDBPyConnection, batch_id: int) -> dict[str, dict[str, int]]:
    """Merge a landed batch; returns table -> new, replaced, unchanged (rows)."""
    merged = {}
    with transaction(con):
        con.execute("UPDATE meta.batches SET state = 'accepted' WHERE batch_id = ?", [batch_id])
        for table in TABLES.values():  # subjects first
            numbers = _merge(con, table, batch_id)
            if any(numbers.values()):
                merged[table.name] = numbers
            if table.name == "subjects":
                _release_waiting(con, batch_id)
    return merged


def _merge(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> dict[str, int]:
    key, names = table.key, ", ".join((*table.names, "known_at"))
    mine = f"(batch_id = {batch_id} OR source_table = 'released')"
    rows = scalar(con, f"SELECT count(*) FROM landing.{table.name} WHERE {mine}")
    if not rows:
        return {"new": 0, "replaced": 0, "unchanged": 0}
    content = ", ".join(table.names)
    current = ", ".join(f"c.{name}" for name in table.names)
    arrived = ", ".join(f"l.{name}" for name in table.names)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE incoming AS
            SELECT {", ".join(f"l.{name}" for name in (*table.names, "known_at", "batch_id"))},
                   c.{key} IS NOT NULL OR l.several AS touches
            FROM (SELECT *, count(*) OVER (PARTITION BY {key}) > 1 AS several FROM landing.{table.name} WHERE {mine}) l
            LEFT JOIN canonical.{table.name} c ON c.{key} = l.{key}
            -- what repeats the current version is no news, unless other versions of its key come with it
            WHERE c.{key} IS NULL OR l.known_at < c.known_at OR ROW({current}) IS DISTINCT FROM ROW({arrived}) OR l.several"""
    )
    con.execute(f"INSERT INTO canonical.{table.name} SELECT {names}, batch_id FROM incoming WHERE NOT touches")
    new = scalar(con, "SELECT count(*) FROM incoming WHERE NOT touches")
    touched = scalar(con, f"SELECT count(DISTINCT {key}) FROM incoming WHERE touches")
    if touched:
        of_touched = f"SEMI JOIN (SELECT {key} FROM incoming WHERE touches) USING ({key})"
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE versions AS
            WITH all_versions AS (
                SELECT {names}, batch_id FROM incoming WHERE touches
                UNION ALL SELECT {names}, batch_id FROM canonical.{table.name} {of_touched}
                UNION ALL SELECT {names}, batch_id FROM history.{table.name} {of_touched}
            ),
            -- a version that says what the one before it said is no new belief
            changes AS (
                SELECT *, ROW({content}) IS NOT DISTINCT FROM lag(ROW({content})) OVER w AS repeats
                FROM all_versions WINDOW w AS (PARTITION BY {key} ORDER BY known_at, batch_id)
            )
            SELECT {names}, batch_id, lead(known_at) OVER (PARTITION BY {key} ORDER BY known_at, batch_id) AS known_until
            FROM changes WHERE NOT coalesce(repeats, false);

            DELETE FROM canonical.{table.name} WHERE {key} IN (SELECT {key} FROM versions);
            DELETE FROM history.{table.name} WHERE {key} IN (SELECT {key} FROM versions);
            INSERT INTO canonical.{table.name} SELECT {names}, batch_id FROM versions WHERE known_until IS NULL;
            INSERT INTO history.{table.name} SELECT {names}, batch_id, known_until FROM versions
                WHERE known_until IS NOT NULL
            """
        )
    con.execute(f"DELETE FROM landing.{table.name} WHERE {mine}")
    changed = scalar(con, "SELECT count(*) FROM incoming WHERE touches")
    return {"new": new, "replaced": changed, "unchanged": rows - new - changed}


def refuse(con: duckdb.DuckDBPyConnection, batch_id: int, reason: str) -> Counts:
    """Set a landed batch aside: every row of it into the quarantine. Returns the batch's new counts."""
    with transaction(con):
        for table in TABLES.values():
            con.execute(
                f"""INSERT INTO quarantine.rows
                    SELECT batch_id, source_table, file, line, {table.key}, 'failed_expectations', ?, to_json(l)::VARCHAR,
                           NULL FROM landing.{table.name} l WHERE batch_id = {batch_id}""",
                [reason],
            )
            # Those that waited stay in the quarantine as such; a refused batch has nothing left to come in.
            for schema in ("landing", "waiting"):
                con.execute(f"DELETE FROM {schema}.{table.name} WHERE batch_id = {batch_id}")
        counts: Counts = json.loads(scalar(con, "SELECT counts FROM meta.batches WHERE batch_id = ?", [batch_id]))
        for numbers in counts.values():
            numbers["quarantined"] += numbers["accepted"]
            numbers["accepted"] = 0
        con.execute(
            "UPDATE meta.batches SET state = 'refused', counts = ? WHERE batch_id = ?",
            [json.dumps(counts), batch_id],
        )
        con.execute("DELETE FROM meta.supplied WHERE batch_id = ?", [batch_id])
    return counts

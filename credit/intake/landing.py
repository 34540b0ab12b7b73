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
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.intake.moved import set_moved_rows_aside
from credit.intake.past_files import PastFiles, history_mark, mark
from credit.intake.pseudonyms import keep_fingerprint, pseudonym_macro
from credit.intake.registers import find_merchants
from credit.intake.rows import check_rows
from credit.intake.waiting import hold_early_rows
from credit.intake.whole import note_whole_tables
from credit.ledgers import steps
from credit.settings import DEFAULT_ZONE, Settings, cut_off
from credit.sources.adapters import source_of
from credit.sources.delivery import Delivery, InputFile
from credit.tables import TABLES
from credit.warehouse.connection import info, scalar, transaction

Counts = dict[str, dict[str, int]]


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
    read = source_of(source).read

    past = PastFiles.known_to(con)

    def is_landed(file: InputFile) -> bool:
        return past.is_landed(file, history)

    delivery = read(con, settings, path, is_landed)
    new = [file for file in delivery.files if not is_landed(file)]
    if not new:
        return _landed_before(con, delivery)
    pseudonym_macro(con, settings)
    with transaction(con):
        zone = fix_zone(con, settings, delivery.zone)
        keep_fingerprint(con, settings)
        as_of = cut_off(day, zone)
        batch_id = scalar(con, "SELECT coalesce(max(batch_id), 0) + 1 FROM meta.batches")
        now = datetime.now(UTC)
        con.execute("CREATE OR REPLACE TEMP TABLE staged_rejects AS FROM quarantine.rows LIMIT 0")
        for reject in delivery.rejects:
            con.execute(f"INSERT INTO staged_rejects SELECT {batch_id}, *, NULL FROM ({reject})")
        notices = [*delivery.notices, *past.notices(new, as_of, zone)]
        for table in TABLES.values():
            parts = [part for part in delivery.parts if part.table == table.name]
            if parts:
                first = past.first_known(new, as_of)
                notices += check_rows(con, table, parts, batch_id, zone, as_of, now, history, first)
        for table in TABLES.values():
            if any(part.table == table.name for part in delivery.parts):
                find_merchants(con, table, "landing", batch_id)
                if not history:
                    set_moved_rows_aside(con, table, batch_id)
                hold_early_rows(con, table, batch_id)
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
                hashlib.sha256("".join(sorted(map(mark, new))).encode()).hexdigest(),
                [*map(mark, new), *(history_mark(file) for file in new if history)],
                as_of,
                now,
                json.dumps(counts),
            ],
        )
        if not history:
            notices += note_whole_tables(con, settings, delivery, new, batch_id, as_of)
        if not history and batch_id == 1:
            notices += _history_untold(con, delivery, batch_id, as_of)
        if delivery.landed is not None:
            delivery.landed(con, batch_id)
    batch = Batch(
        batch_id,
        "landed",
        counts,
        notices=notices,
        reasons=quarantine_reasons(con, [batch_id]),
    )
    skipped = len(delivery.files) - len(new)
    if skipped:
        batch.notices.append(f"{skipped} of {len(delivery.files)} files were landed before and are left out")
    return batch


_OLD_DAYS = 30


def _history_untold(con: duckdb.DuckDBPyConnection, delivery: Delivery, batch_id: int, as_of: datetime) -> list[str]:
    """Of a first delivery: that its rows are old and count as known since tonight, where they are and do."""
    untold = []
    for table in TABLES.values():
        columns = {name for part in delivery.parts if part.table == table.name for name in part.columns}
        if table.event is None or not columns or "known_at" in columns:
            continue
        old = scalar(
            con,
            f"""SELECT avg((CAST({table.event} AS TIMESTAMPTZ) < ?::TIMESTAMPTZ - INTERVAL {_OLD_DAYS} DAY)::INT)
                FROM landing.{table.name} WHERE batch_id = {batch_id}""",
            [as_of],
        )
        if old is not None and old > 0.5:
            untold.append(table.name)
    if not untold:
        return []
    return [
        f"a first delivery in which most rows of {', '.join(untold)} are older than {_OLD_DAYS} days: they count as known since "
        "this night. If the platform knew them since they happened, deliver the same files once more with --history"
    ]


def _landed_before(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> Batch:
    marks = [mark(file) for file in delivery.files]
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
        notices=["these files were landed before: nothing changes", *delivery.notices],
        reasons=quarantine_reasons(con, [row[0] for row in rows]),
    )


def quarantine_reasons(con: duckdb.DuckDBPyConnection, batches: list[int]) -> list[tuple[str, str, int, str]]:
    """(source table, code, rows, where it stands first and why) for these batches, most frequent first. No values: what is
    told here goes to logs and mails."""
    return con.execute(
        """SELECT source_table, code, count(*) AS n,
                  min_by(file || coalesce(' line ' || line, '') || ': ' || left(regexp_replace(reason, ': got «.*»', ''), 200),
                         (file, line, reason))
           FROM quarantine.rows
           WHERE list_contains(?, batch_id) AND released_by IS NULL GROUP BY 1, 2 ORDER BY 1, n DESC, 2""",
        [batches],
    ).fetchall()


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


def fix_zone(con: duckdb.DuckDBPyConnection, settings: Settings, source_zone: str | None) -> str:
    """Fix the home's zone with its first batch (explicit setting first, then the source's own) and return it."""
    zone = info(con, "zone") or settings.zone or source_zone or DEFAULT_ZONE
    if info(con, "zone") is None:
        con.execute("INSERT INTO meta.info VALUES ('zone', ?)", [zone])
        steps.shipped_in_zone(con, zone)
    con.execute("SET VARIABLE zone = ?", [zone])
    return zone

"""The warehouse: one DuckDB file, its schemas, and the one connection that writes it.

landing      rows of batches that have been read and row-checked but not yet judged by their expectations
canonical    the current version of every row, with `known_at`
history      superseded versions, each with the interval [known_at, known_until) in which it was believed
waiting      good rows of sellers nobody has told us of yet; they come in when the seller does
quarantine   every rejected row, with file, line or key, reason code and reason
ledger       only ever added to: the life of rulebooks (texts, events, comments, answers), vettings of applicants;
             objections, adjustments, sanctions, findings and closings (see `credit.ledgers`)
results      evaluations: runs, grades (kept for ever), indicators (kept for `keep_nights` nights)
meta         schema version, platform zone, batches
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from credit import codes
from credit.errors import UserError, WarehouseLocked
from credit.settings import DEFAULT_ZONE, Settings
from credit.tables import KNOWN_AT, TABLES, Table

SCHEMA_VERSION = 4

QUARANTINE_COLUMNS = """
    batch_id BIGINT NOT NULL,
    source_table VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    line BIGINT,                         -- line of a text file, row of a Parquet file (both from 1)
    key VARCHAR,
    code VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    raw VARCHAR,                         -- the row as read, consumers' ids replaced where it splits into columns
    released_by BIGINT                   -- the later batch that made the row good
"""

_FIXED_DDL = f"""
CREATE SCHEMA IF NOT EXISTS meta;
CREATE TABLE IF NOT EXISTS meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS meta.batches (
    batch_id BIGINT PRIMARY KEY,
    source VARCHAR NOT NULL,             -- canonical, olist, postgres
    hash VARCHAR NOT NULL,               -- SHA-256 of what was delivered
    files VARCHAR[] NOT NULL,
    state VARCHAR NOT NULL,              -- landed, accepted, refused
    as_of TIMESTAMPTZ NOT NULL,          -- the moment the batch speaks for
    landed_at TIMESTAMPTZ NOT NULL,
    counts JSON NOT NULL                 -- source table -> read, accepted, quarantined
);
-- Since when a table is supplied, and with which columns: a supplied table without a row about a merchant is evidence,
-- an unsupplied one is not; the same goes for a blank in a supplied and an unsupplied column.
CREATE TABLE IF NOT EXISTS meta.supplied (
    batch_id BIGINT NOT NULL, table_name VARCHAR NOT NULL, columns VARCHAR[] NOT NULL, since TIMESTAMPTZ NOT NULL
);
CREATE SCHEMA IF NOT EXISTS quarantine;
CREATE TABLE IF NOT EXISTS quarantine.rows ({QUARANTINE_COLUMNS});
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.rulebooks (
    hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL,
    path VARCHAR NOT NULL                -- name of the file it was read from
);
CREATE TABLE IF NOT EXISTS ledger.rulebook_events (
    seq BIGINT PRIMARY KEY,
    id VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,               -- the text the event speaks of
    event VARCHAR NOT NULL,              -- proposed, revised, opened, announced, enacted
    "at" TIMESTAMPTZ NOT NULL,           -- when it happened
    day DATE NOT NULL,                   -- the same as a day of the platform
    recorded_at TIMESTAMPTZ NOT NULL,    -- when it was written here; later than "at": entered afterwards
    "by" VARCHAR NOT NULL,               -- the person responsible
    note VARCHAR,
    comments_until DATE                  -- last day of the comment period, of an opened event
);
CREATE TABLE IF NOT EXISTS ledger.rulebook_comments (
    number BIGINT PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, "at" TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL, author VARCHAR NOT NULL, text VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.rulebook_answers (
    comment BIGINT NOT NULL, "at" TIMESTAMPTZ NOT NULL, recorded_at TIMESTAMPTZ NOT NULL, "by" VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,            -- adopted, partly, not_adopted
    reason VARCHAR NOT NULL
);
CREATE SCHEMA IF NOT EXISTS results;
CREATE TABLE IF NOT EXISTS results.runs (
    evaluated_on DATE NOT NULL,
    rulebook VARCHAR NOT NULL,
    rulebook_version VARCHAR NOT NULL,
    rulebook_hash VARCHAR NOT NULL,
    cut_off TIMESTAMPTZ NOT NULL,
    standing VARCHAR NOT NULL,           -- in_force, replay, trial
    priors JSON NOT NULL,                -- indicator -> the population's value that night
    subjects BIGINT NOT NULL,
    subject_kind VARCHAR,                -- enterprise, individual
    subject_role VARCHAR,                -- seller, buyer
    previous_on DATE                     -- the evaluation whose grades the margin looked back to
);
-- The text of every rulebook that ever graded here, so that a grade can be recomputed years later.
CREATE TABLE IF NOT EXISTS results.rulebooks (hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS results.grades (
    evaluated_on DATE NOT NULL,
    rulebook VARCHAR NOT NULL,
    rulebook_hash VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL,
    subject_kind VARCHAR NOT NULL,
    grade VARCHAR NOT NULL,              -- NR: not rated
    score DECIMAL(9,4),                  -- 0 to 100; blank when NR
    evidence DECIMAL(5,4) NOT NULL,      -- 0 to 1
    not_rated_reason VARCHAR,
    orders BIGINT NOT NULL,
    grade_by_score VARCHAR,              -- by the edges alone, before margin and vetoes
    grade_held VARCHAR,                  -- after the margin, before vetoes
    past_edge BIGINT,                    -- evaluations in a row with grade_by_score above (+) or below (-) grade_held
    vetoes VARCHAR[],                    -- ids of the rulebook's vetoes that apply, in its order
    provisional BOOLEAN,                 -- rated on little evidence
    dormant BOOLEAN,                     -- no order for long
    self_operated BOOLEAN,               -- run by the platform itself
    category VARCHAR                     -- main category, of the percentiles
);
CREATE TABLE IF NOT EXISTS results.indicators (
    evaluated_on DATE NOT NULL,
    rulebook VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL,
    element VARCHAR NOT NULL,
    indicator VARCHAR NOT NULL,
    state VARCHAR NOT NULL,              -- measured, missing, not_applicable
    value DOUBLE,
    numerator DOUBLE,
    denominator DOUBLE,
    shrunk DOUBLE,                       -- the value after shrinkage to the prior
    mark DOUBLE,                         -- 0 to 100, from the curve
    weight DOUBLE NOT NULL,              -- effective share of the score, 0 to 1
    points DECIMAL(9,4)                  -- weight x mark; the points of a merchant add up to its score
);
-- Vettings of applicants: rows are only ever added.
CREATE TABLE IF NOT EXISTS ledger.vettings (
    number BIGINT PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,           -- when it was made
    day DATE NOT NULL,                   -- as of the end of which day
    applicant VARCHAR NOT NULL,          -- id, or keyed fingerprint of the code; never a natural person's number
    verdict VARCHAR NOT NULL,            -- pass, refer, refuse
    policy VARCHAR NOT NULL,
    policy_version VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    "by" VARCHAR,                        -- who vetted, as stated
    result JSON NOT NULL                 -- every check with outcome, reason and remedy
);
-- The text of every policy by which somebody was vetted.
CREATE TABLE IF NOT EXISTS ledger.vetting_policies (hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL);
"""


_RESULTS = ("runs", "grades")
_OLDER = ("1", "2", "3")
"""Versions that are brought up to this one."""


def _migrate(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Bring a warehouse of an older version to this schema: tables whose columns differ are made anew and filled by name."""
    remade = (*TABLES, *(_RESULTS if version == "1" else ()))
    before: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in con.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE schema_name IN "
        "('canonical', 'history', 'landing', 'waiting', 'results')"
    ).fetchall():
        if table in remade:
            before.setdefault((schema, table), set()).add(column)
    differ = {
        (schema, table): had
        for (schema, table), had in sorted(before.items())
        if table in _RESULTS or any(name not in had for name in TABLES[table].names)
    }
    for schema, table in differ:
        con.execute(f"ALTER TABLE {schema}.{table} RENAME TO {table}_before")
    con.execute(ddl())
    for (schema, table), had in differ.items():
        con.execute(f"INSERT INTO {schema}.{table} BY NAME SELECT * FROM {schema}.{table}_before")
        con.execute(f"DROP TABLE {schema}.{table}_before")
        columns = TABLES[table].columns if table in TABLES else ()
        if new := [
            f"{column.name} = {column.derived}" for column in columns if column.derived and column.name not in had
        ]:
            con.execute(f"UPDATE {schema}.{table} SET {', '.join(new)}")
    if version == "1":
        con.execute(
            """UPDATE results.runs SET subject_role = 'seller',
                   subject_kind = CASE WHEN rulebook LIKE '%individual%' THEN 'individual' ELSE 'enterprise' END;
               UPDATE results.grades SET grade_by_score = grade, grade_held = grade, past_edge = 0, vetoes = [],
                   provisional = false, dormant = false, self_operated = false"""
        )


def _columns_ddl(table: Table) -> str:
    return ", ".join(f"{column.name} {column.sql_type}" for column in (*table.columns, KNOWN_AT))


def ddl() -> str:
    """The whole schema as SQL, safe to run again."""
    from credit.ledgers import tables as ledgers  # whose package needs this module

    parts = [_FIXED_DDL, ledgers.ddl()]
    for schema, extra in (
        ("canonical", "batch_id BIGINT"),
        ("history", "batch_id BIGINT, known_until TIMESTAMPTZ"),
        ("landing", "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT"),
        ("waiting", "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT"),
    ):
        parts.append(f"CREATE SCHEMA IF NOT EXISTS {schema};")
        parts += [
            f"CREATE TABLE IF NOT EXISTS {schema}.{table.name} ({_columns_ddl(table)}, {extra});"
            for table in TABLES.values()
        ]
    return "\n".join(parts)


def connect(path: Path | str, settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the project's settings: UTC, no downloads, bounded memory.

    Raises WarehouseLocked when another process has the file open, UserError when it is not a warehouse.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if settings.threads:
        config["threads"] = str(settings.threads)
    try:
        con = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.IOException as error:
        holder = re.search(r"PID (\d+)", str(error))
        if re.search("could not set lock|conflicting lock", str(error), re.IGNORECASE):
            who = f"process {holder.group(1)}" if holder else "another process"
            raise WarehouseLocked(
                f"{path} is open in {who}, and DuckDB lets one process at a time in. Wait for it to end; "
                f"for reading meanwhile use the Parquet files under published/current/bulk and nights/."
            ) from None
        raise UserError(f"{path} cannot be opened: {error}") from None
    except duckdb.Error as error:
        raise UserError(f"{path} cannot be opened as a warehouse: {error}") from None
    con.execute("SET TimeZone = 'UTC'")
    # Steps are told on standard error; DuckDB would draw bars on standard output, between the lines of --json.
    # In Jupyter without ipywidgets there are no bars, and no such setting.
    with contextlib.suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")
    for check in (codes.uscc_valid, codes.resident_id_valid):
        con.create_function(check.__name__, check)
    return con


@contextmanager
def open_warehouse(
    settings: Settings, *, read_only: bool = False, make: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The home's warehouse, made if it is not there (with `read_only` or without `make`: UserError), closed on leaving."""
    if read_only or not make:
        if not settings.database.exists():
            raise UserError(f"no warehouse at {settings.database}; run `merchant-credit init` or a `nightly` first")
    else:
        try:
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UserError(
                f"home {settings.home} cannot be made: {error.strerror}; choose another with --home"
            ) from None
    new = not settings.database.exists()
    con = connect(settings.database, settings, read_only=read_only)
    try:
        if new:
            # Names, addresses and numbers of persons lie in it, whoever may enter the folder.
            settings.database.chmod(0o600)
        if not read_only:
            with transaction(con):
                con.execute("CREATE SCHEMA IF NOT EXISTS meta")
                con.execute("CREATE TABLE IF NOT EXISTS meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
                # Before anything else: a warehouse of another version is left as it is.
                _refuse_other_versions(con, settings, (None, *_OLDER, str(SCHEMA_VERSION)))
                if (version := info(con, "schema_version")) in _OLDER:
                    _migrate(con, version)
                con.execute(ddl())
                con.execute(
                    "INSERT INTO meta.info VALUES ('schema_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                    [str(SCHEMA_VERSION)],
                )
                from credit.rulebooks import lifecycle  # which needs this module

                lifecycle.adopt_shipped(con, zone_of(con, settings))
        _refuse_other_versions(con, settings, (str(SCHEMA_VERSION),))
        con.execute("SET VARIABLE zone = ?", [zone_of(con, settings)])
        yield con
    finally:
        con.close()


def _refuse_other_versions(con: duckdb.DuckDBPyConnection, settings: Settings, usable: tuple[str | None, ...]) -> None:
    found = info(con, "schema_version")
    if found in usable:
        return
    remedy = "use the program version that made it, or a new home"
    if found in _OLDER:
        remedy = f"run `merchant-credit init --home {settings.home}`, which brings it up to date and keeps all its rows"
    raise UserError(f"{settings.database} has schema version {found}, this program writes {SCHEMA_VERSION}; {remedy}")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def scalar(con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | dict[str, Any] | None = None) -> Any:
    """The one value of a query of one row. Fetches all: a connection with an unfinished result refuses other work."""
    return con.execute(query, parameters).fetchall()[0][0]


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def info(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    rows = con.execute("SELECT value FROM meta.info WHERE name = ?", [name]).fetchall()
    return rows[0][0] if rows else None


def zone_of(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """The zone in which this home counts its days: fixed by the first batch, else the setting, else the default."""
    fixed = info(con, "zone")
    if fixed and settings.zone and fixed != settings.zone:
        raise UserError(
            f"this home counts its days in {fixed} since its first batch; the setting zone = {settings.zone} "
            "would move every cut-off. Drop the setting or use a new home."
        )
    return fixed or settings.zone or DEFAULT_ZONE


def fix_zone(con: duckdb.DuckDBPyConnection, settings: Settings, source_zone: str | None) -> str:
    """Fix the home's zone with its first batch (explicit setting first, then the source's own) and return it."""
    zone = info(con, "zone") or settings.zone or source_zone or DEFAULT_ZONE
    if info(con, "zone") is None:
        from credit.rulebooks import lifecycle

        con.execute("INSERT INTO meta.info VALUES ('zone', ?)", [zone])
        lifecycle.shipped_in_zone(con, zone)
    con.execute("SET VARIABLE zone = ?", [zone])
    return zone

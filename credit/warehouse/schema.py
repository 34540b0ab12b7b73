"""The schemas of the warehouse as SQL.

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

import duckdb

from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse.connection import QUARANTINE_COLUMNS

SCHEMA_VERSION = 4

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
OLDER = ("1", "2", "3")
"""Versions that are brought up to this one."""


def migrate(con: duckdb.DuckDBPyConnection, version: str) -> None:
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
    from credit.warehouse import ledger_tables as ledgers  # whose package needs this module

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

-- What the warehouse holds besides the tables that credit.tables and credit.warehouse.ledger_tables describe.
CREATE TABLE meta.batches (
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
CREATE TABLE meta.supplied (
    batch_id BIGINT NOT NULL, table_name VARCHAR NOT NULL, columns VARCHAR[] NOT NULL, since TIMESTAMPTZ NOT NULL
);
CREATE SCHEMA quarantine;
CREATE TABLE quarantine.rows (
    batch_id BIGINT NOT NULL,
    source_table VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    line BIGINT,                         -- line of a text file, row of a Parquet file (both from 1)
    key VARCHAR,
    code VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    raw VARCHAR,                         -- the row as read, consumers' ids replaced where it splits into columns
    released_by BIGINT                   -- the later batch that made the row good
);
CREATE SCHEMA ledger;
CREATE TABLE ledger.rulebooks (
    hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL,
    path VARCHAR NOT NULL                -- name of the file it was read from
);
CREATE TABLE ledger.rulebook_events (
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
CREATE TABLE ledger.rulebook_comments (
    number BIGINT PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, "at" TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL, author VARCHAR NOT NULL, text VARCHAR NOT NULL
);
CREATE TABLE ledger.rulebook_answers (
    comment BIGINT NOT NULL, "at" TIMESTAMPTZ NOT NULL, recorded_at TIMESTAMPTZ NOT NULL, "by" VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,            -- adopted, partly, not_adopted
    reason VARCHAR NOT NULL
);
CREATE SCHEMA results;
CREATE TABLE results.runs (
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
CREATE TABLE results.rulebooks (hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL);
CREATE TABLE results.grades (
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
CREATE TABLE results.indicators (
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
CREATE TABLE ledger.vettings (
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
CREATE TABLE ledger.vetting_policies (hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL, text VARCHAR NOT NULL);

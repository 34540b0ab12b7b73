-- One row whenever what the ledgers, batches and runs hold has changed: a chain, whose head is also kept beside the database
-- and in what is published (see credit.warehouse.head).
CREATE TABLE meta.changes (
    number BIGINT PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    digest VARCHAR NOT NULL,             -- SHA-256 of the state: rows and digest of each table
    head VARCHAR NOT NULL,               -- SHA-256 of the head before and the digest
    lost VARCHAR,                        -- why the warehouse goes on though changes were lost; blank otherwise
    "by" VARCHAR                         -- who says so
);

-- The reference averages of each period, fixed when it begins, and which of them a run was marked by.
CREATE TABLE IF NOT EXISTS results.averages (
    rulebook_hash VARCHAR NOT NULL,
    made_on DATE NOT NULL,               -- the night on which they were made
    indicator VARCHAR NOT NULL,
    value DOUBLE NOT NULL
);
ALTER TABLE results.runs ADD COLUMN averages_on DATE;      -- the night on which its reference averages were made
ALTER TABLE results.runs ADD COLUMN averages_hash VARCHAR; -- SHA-256 of them

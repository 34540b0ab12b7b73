-- Tables that a batch brought whole, by the setting of that night: what does not come any more is told of, or ends.
CREATE TABLE IF NOT EXISTS meta.whole (
    batch_id BIGINT NOT NULL,
    table_name VARCHAR NOT NULL,
    absent VARCHAR NOT NULL              -- report or end
);

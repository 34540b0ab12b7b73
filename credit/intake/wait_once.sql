CREATE OR REPLACE TEMP TABLE repeats AS
WITH newest AS (
    SELECT $key, max_by(ROW($content), (known_at, batch_id)) AS content, max(known_at) AS known_at
    FROM waiting.$table WHERE batch_id <> $batch AND batch_id IN $accepted GROUP BY $key
)
SELECT source_table, $key FROM (
    SELECT *, ROW($content) AS content, count(*) OVER (PARTITION BY $key) AS versions
    FROM waiting.$table WHERE batch_id = $batch
) mine JOIN newest USING ($key)
WHERE versions = 1 AND newest.known_at <= mine.known_at AND newest.content IS NOT DISTINCT FROM mine.content;

DELETE FROM waiting.$table WHERE batch_id = $batch AND $key IN (SELECT $key FROM repeats);

-- Listed as it came last.
DELETE FROM quarantine.rows
    WHERE code IN ('unknown_subject', 'unknown_transaction') AND released_by IS NULL
        AND batch_id <> $batch AND batch_id IN $accepted AND (source_table, key) IN (FROM repeats)

CREATE OR REPLACE TEMP TABLE held AS
WITH early AS (
    SELECT *, ROW($content) AS content, count(*) OVER (PARTITION BY $key) AS versions
    FROM landing.$table WHERE batch_id = $batch AND $early
),
-- Only what an accepted batch left is sure to stay: rows of one that is set aside later go with it.
newest AS (
    SELECT $key, max_by(ROW($content), (known_at, batch_id)) AS content, max(known_at) AS known_at
    FROM waiting.$table WHERE batch_id IN (SELECT batch_id FROM meta.batches WHERE state = 'accepted') GROUP BY $key
)
SELECT e.* EXCLUDE (content, versions),
    e.versions = 1 AND coalesce(n.known_at <= e.known_at, false) AND n.content IS NOT DISTINCT FROM e.content AS repeats
FROM early e LEFT JOIN newest n USING ($key);

INSERT INTO waiting.$table SELECT * EXCLUDE (repeats) FROM held WHERE NOT repeats;

DELETE FROM quarantine.rows WHERE code = '$code' AND released_by IS NULL
    AND (source_table, key) IN (SELECT (source_table, $key) FROM held WHERE repeats);

INSERT INTO staged_rejects
    SELECT batch_id, source_table, file, line, $key, '$code', '$reason: got «' || left($named, 60) || '»',
        to_json(l)::VARCHAR, NULL
    FROM (SELECT * EXCLUDE (repeats) FROM held) l;

DELETE FROM landing.$table WHERE batch_id = $batch AND $early

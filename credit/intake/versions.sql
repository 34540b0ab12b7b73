CREATE OR REPLACE TEMP TABLE versions AS
WITH all_versions AS (
    SELECT $names, batch_id FROM incoming WHERE touches
    UNION ALL SELECT $names, batch_id FROM canonical.$table $of_touched
    UNION ALL SELECT $names, batch_id FROM history.$table $of_touched
),
believed AS ($believed),
-- a version that says what the one before it said is no new belief
changes AS (
    SELECT *, ROW($content) IS NOT DISTINCT FROM lag(ROW($content)) OVER w AS repeats
    FROM believed WINDOW w AS (PARTITION BY $key ORDER BY known_at, batch_id)
)
SELECT $names, batch_id, lead(known_at) OVER (PARTITION BY $key ORDER BY known_at, batch_id) AS known_until
FROM changes WHERE NOT coalesce(repeats, false);

DELETE FROM canonical.$table WHERE $key IN (SELECT $key FROM versions);
DELETE FROM history.$table WHERE $key IN (SELECT $key FROM versions);
INSERT INTO canonical.$table SELECT $names, batch_id FROM versions WHERE known_until IS NULL;
INSERT INTO history.$table SELECT $names, batch_id, known_until FROM versions
    WHERE known_until IS NOT NULL

CREATE OR REPLACE TEMP TABLE due AS FROM waiting.$table WHERE $due;

INSERT INTO landing.$table SELECT * REPLACE ('released' AS source_table) FROM due;

DELETE FROM waiting.$table WHERE $due;

-- Another version of the row may still wait; then it stays listed.
UPDATE quarantine.rows SET released_by = $batch
    WHERE code IN ('unknown_subject', 'unknown_transaction') AND released_by IS NULL AND batch_id IN $accepted
        AND (source_table, key) IN (SELECT (source_table, $key) FROM due)
        AND key NOT IN (SELECT $key FROM waiting.$table)

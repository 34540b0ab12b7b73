WITH this AS (SELECT as_of, source FROM meta.batches WHERE batch_id = $batch),
arrived AS (
    SELECT $key AS key FROM landing.$table WHERE batch_id = $batch
    UNION SELECT key FROM quarantine.rows WHERE batch_id = $batch AND key IS NOT NULL
)
SELECT c.$key AS key, c.$key NOT IN (FROM arrived) AS absent
FROM $schema.$table c JOIN meta.batches b USING (batch_id), this
WHERE b.source = this.source AND b.batch_id <> $batch AND c.known_at <= this.as_of AND $in_force

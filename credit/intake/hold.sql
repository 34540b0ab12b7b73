INSERT INTO waiting.$table SELECT * FROM landing.$table WHERE batch_id = $batch AND $early;

INSERT INTO staged_rejects
    SELECT batch_id, source_table, file, line, $key, '$code', '$reason: got «' || left($named, 60) || '»',
        to_json(l)::VARCHAR, NULL
    FROM landing.$table l WHERE batch_id = $batch AND $early;

DELETE FROM landing.$table WHERE batch_id = $batch AND $early

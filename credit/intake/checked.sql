WITH raw AS ($relation),
bounds AS ($bounds),
texts AS (SELECT r$texts FROM raw r),
typed AS (SELECT $typed, $known AS known_at_, x.r, x FROM texts x),
faulty AS (
    SELECT t.*, CASE $rules END AS fault FROM (SELECT * FROM typed, bounds) t
),
complete AS (
    SELECT * EXCLUDE (known_at_) $defaults, known_at_ FROM faulty
)
SELECT $columns,
    coalesce(known_at_, $stands_for_known) AS known_at, $batch_id::BIGINT AS batch_id,
    '$source_table' AS source_table, r._file AS file, r._line AS line, $key AS key_, fault,
    CASE WHEN fault IS NOT NULL THEN to_json(struct_pack($kept))::VARCHAR END AS raw, $nth_file AS nth_file
FROM complete t

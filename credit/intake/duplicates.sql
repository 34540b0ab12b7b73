CREATE OR REPLACE TEMP TABLE verdict AS
SELECT row, CASE
    WHEN contents > 1 THEN 'conflicting_duplicate|$key stands ' || copies ||
        ' times in this file with different content; none is taken: deliver the right one: got «' || left(key_, 60) || '»'
    WHEN nth > 1 THEN 'duplicate_row|$key stands ' || copies ||
        ' times in this file with the same content; one is taken: got «' || left(key_, 60) || '»'
    WHEN nth_file < last_nth THEN 'superseded_in_delivery|$key stands again in the later file ' || last_file ||
        ', which is taken: got «' || left(key_, 60) || '»' END AS fault
FROM (
    SELECT rowid AS row, key_, file, count(*) OVER in_file AS copies,
           -- window functions know no DISTINCT here: number the contents instead
           max(rank) OVER in_file AS contents, row_number() OVER (in_file ORDER BY line) AS nth,
           max(nth_file) OVER (PARTITION BY key_, known_at) AS last_nth, nth_file,
           max_by(file, nth_file) OVER (PARTITION BY key_, known_at) AS last_file
    FROM (SELECT rowid, *, dense_rank() OVER (PARTITION BY key_, known_at, file ORDER BY ROW($content)) AS rank
          FROM checked WHERE fault IS NULL)
    WINDOW in_file AS (PARTITION BY key_, known_at, file)
);
UPDATE checked SET fault = v.fault,
    raw = coalesce(raw, to_json(struct_pack($row))::VARCHAR)
FROM verdict v WHERE checked.rowid = v.row AND v.fault IS NOT NULL

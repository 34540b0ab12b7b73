CREATE OR REPLACE TEMP TABLE moved AS
WITH mine AS (
    SELECT rowid AS row, $key AS key, subject_id, $event, known_at FROM landing.$table WHERE batch_id = $batch_id
),
accepted AS (
    SELECT c.$key AS key, c.subject_id AS first_subject, c.$event AS first_event
    FROM canonical.$table c SEMI JOIN mine ON mine.key = c.$key
),
several AS (
    SELECT key, arg_min(subject_id, known_at) AS first_subject, arg_min($event, known_at) AS first_event
    FROM mine ANTI JOIN accepted USING (key) GROUP BY key HAVING count(*) > 1
),
firsts AS (FROM accepted UNION ALL FROM several)
SELECT row, '$key was first delivered '
    || CASE WHEN subject_id <> first_subject
            THEN 'for another merchant (subject_id 主体编号) than this row names'
            ELSE 'with $event ($event_zh) more than a day from this row''s' END
    || '. It stays as it was; if the first was wrong, deliver it with --history: got «' || left(key, 60) || '»' AS reason
FROM mine JOIN firsts USING (key)
WHERE $moved

-- Of each subject that was rated on $last: the grade held then, and on how many of the last $looks evaluations by the same
-- rules, none before $since, its score was above or below that grade.
WITH nights AS (
    SELECT DISTINCT evaluated_on FROM results.runs
    WHERE rulebook_hash = $hash AND evaluated_on BETWEEN $since AND $last
    ORDER BY 1 DESC LIMIT $looks
),
placed AS (
    SELECT subject_id, evaluated_on,
        list_position($symbols, grade_by_score) AS place,
        list_position($symbols, grade_held) AS held
    FROM results.grades SEMI JOIN nights USING (evaluated_on)
    WHERE rulebook_hash = $hash AND not_rated_reason IS NULL
),
last AS (SELECT subject_id, held FROM placed WHERE evaluated_on = $last)
SELECT subject_id,
    $symbols[any_value(last.held)] AS held,
    count(*) FILTER (place < last.held) AS above,
    count(*) FILTER (place > last.held) AS below
FROM placed JOIN last USING (subject_id)
GROUP BY subject_id

-- Lists of shops that hold, or ever held, one valid code, as known at $at.
WITH held AS (
    SELECT subject_id, role, uscc, id_number, code_valid, known_at FROM canonical.subjects
    UNION ALL SELECT subject_id, role, uscc, id_number, code_valid, known_at FROM history.subjects
),
codes AS (
    SELECT subject_id, upper(code) AS code
    FROM held, unnest([uscc, id_number]) AS c(code)
    WHERE role = 'seller' AND code_valid AND code IS NOT NULL AND known_at <= $at
)
SELECT list_sort(list(DISTINCT subject_id)) AS shops
FROM codes GROUP BY code HAVING count(DISTINCT subject_id) > 1
ORDER BY shops

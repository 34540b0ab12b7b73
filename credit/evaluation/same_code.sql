-- Lists of shops that hold, or ever held, one valid code, as known at $$at, and of those the ones that the platform has
-- verified with it. A code is the same however it is written; one that nobody else holds joins nothing and is not looked at.
WITH held AS (
    SELECT subject_id, role, uscc, id_number, registration_verified_on, known_at FROM canonical.subjects
    UNION ALL SELECT subject_id, role, uscc, id_number, registration_verified_on, known_at FROM history.subjects
),
codes AS (
    SELECT subject_id, regexp_replace(upper($half_width), '[^0-9A-Z]', '', 'g') AS code,
        registration_verified_on IS NOT NULL AS verified
    FROM held, unnest([uscc, id_number]) AS c(code)
    WHERE role = 'seller' AND code IS NOT NULL AND known_at <= $$at
),
shared AS (
    SELECT code, list(DISTINCT subject_id ORDER BY subject_id) AS shops,
        coalesce(list(DISTINCT subject_id ORDER BY subject_id) FILTER (verified), []) AS verified
    FROM codes GROUP BY code HAVING count(DISTINCT subject_id) > 1
)
SELECT shops, verified FROM shared WHERE uscc_valid(code) OR resident_id_valid(code)
ORDER BY ALL

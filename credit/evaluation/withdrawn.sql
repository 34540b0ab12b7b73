-- What earlier versions of the register had on file of each subject, as known at $at. A credit code is that of a licence.
SELECT subject_id, coalesce(max(licence_no), max(uscc)) AS had_licence, max(permit_no) AS had_permit,
    max_by(category, known_at) AS had_category, string_agg(DISTINCT category, '|') AS had_categories,
    bool_or(uscc IS NOT NULL OR id_number IS NOT NULL) AS had_code
FROM history.subjects WHERE known_at <= $at
GROUP BY subject_id

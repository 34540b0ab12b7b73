WITH drawn AS (
    SELECT *, hash(number, turn, 'violation') AS vid
    FROM sim_people, range(2) r(turn) WHERE role = 'seller' AND story IS NULL
), decisions AS (
    SELECT printf('V%06d', number) || '-' || (turn + 1) AS violation_id, subject_id, vid,
        sim_pick(['false_advertising', 'service_breach', 'service_breach', 'information', 'information', 'brushing',
            'review_manipulation', 'counterfeit', 'prohibited_goods', 'other'], sim_u(vid, 'kind')) AS kind,
        sim_pick(['minor', 'minor', 'minor', 'minor', 'minor', 'moderate', 'moderate', 'moderate', 'serious'],
            sim_u(vid, 'severity')) AS severity,
        $stop - CAST($day * least(joined, 500) * sim_u(vid, 'when') AS BIGINT) AS decided,
        sim_u(vid, 'withdrawn') < 0.04 AS withdrawn, NULL AS note
    FROM drawn WHERE sim_u(vid, 'violation') < 0.35 * pow(1 - quality, 1.5)
    UNION ALL
    SELECT 'V-' || subject_id || '-' || s.nth, subject_id, hash(subject_id, s.nth), s.kind, s.severity,
        $stop - $day * s.days - 50000, false, s.note
    FROM sim_people p JOIN (VALUES $story_violations) s(story, nth, kind, severity, days, measure, note) USING (story)
)
SELECT violation_id, subject_id, kind, severity,
    -- In a story it is the burst or the weeks the decision speaks of.
    decided - CAST($day * if(note IS NULL, 1 + 20 * sim_u(vid, 'before'), 5 + 2 * sim_u(vid, 'before')) AS BIGINT)
        AS occurred_at, decided AS decided_at,
    CASE WHEN withdrawn THEN decided + CAST($day * (3 + 20 * sim_u(vid, 'appeal')) AS BIGINT) END AS withdrawn_at,
    note, decided AS known_at
FROM decisions

WITH drawn AS (
    SELECT p.number, p.subject_id, p.joined, p.lapsed, p.quality, t.ship, t.goods, t.service,
        -- The careless are looked at oftener.
        unnest(range(CASE WHEN sim_u(id, 'checked') < 0.30 + 0.4 * (1 - p.quality)
            THEN 1 + (sim_u(id, 'checked 2') < 0.15 + 0.5 * (1 - p.quality))::BIGINT
                + (sim_u(id, 'checked 3') < 0.05 + 0.4 * (1 - p.quality))::BIGINT ELSE 0 END)) AS turn
    FROM sim_people p JOIN sim_truth t USING (subject_id) WHERE p.role = 'seller' AND p.story IS NULL
), asked AS (
    SELECT *, hash(number, turn, 'spot check') AS kid,
        sim_pick(['documents', 'documents', 'goods', 'goods', 'goods', 'premises', 'price', 'price'], sim_u(kid, 'kind'))
            AS kind,
        -- At hours of work.
        CAST(1 + floor(least(joined, $days) * sim_u(kid, 'when')) AS BIGINT) AS ago, 9 + 8 * sim_u(kid, 'hour') AS hour,
        CASE kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END AS term,
        least(0.98, 0.28 + 0.75 * service - if(lapsed, 0.20, 0)) AS punctual, sim_u(kid, 'answers') AS draw
    FROM drawn
), answered AS (
    SELECT *, CASE
            WHEN draw < punctual THEN term * (0.05 + 0.9 * sim_u(kid, 'answered'))
            WHEN draw < 0.4 + 0.6 * punctual THEN term + 0.2 + 9 * (1.2 - service) * sim_e(kid, 'answered')
            END AS answer,
        CASE kind WHEN 'documents' THEN 0.02 + 0.35 * pow(1 - quality, 1.5) + if(lapsed, 0.5, 0)
            WHEN 'goods' THEN 0.55 * pow(1 - goods, 1.5) WHEN 'price' THEN 0.45 * pow(1 - service, 1.5)
            ELSE 0.45 * pow(1 - ship, 1.5) END AS fault
    FROM asked
), checks AS (
    SELECT printf('K%06d-%d', number, turn + 1) AS check_id, subject_id, kind, term,
        $stop - $day * ago + CAST($hour * hour AS BIGINT) AS requested, answer,
        CASE WHEN answer IS NULL THEN 'refused' WHEN sim_u(kid, 'fault') < fault THEN 'failed' ELSE 'passed' END AS result,
        coalesce(answer + 1 + 7 * sim_u(kid, 'concluded'), term + 5 + 10 * sim_u(kid, 'concluded')) AS conclusion
    FROM answered
    UNION ALL
    SELECT 'K-' || subject_id || '-' || s.nth, subject_id, s.kind,
        CASE s.kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END,
        $stop - $day * s.asked + $hour * 10, s.answer, s.result, s.conclusion
    FROM sim_people p JOIN (VALUES $story_checks) s(story, nth, kind, asked, answer, conclusion, result) USING (story)
)
SELECT check_id, subject_id, kind, requested AS requested_at, requested + $day * term AS due_at,
    requested + CAST($day * answer AS BIGINT) AS answered_at, result,
    requested + CAST($day * conclusion AS BIGINT) AS concluded_at,
    -- What was asked for; what came of it is not known on the day of the row.
    CASE kind WHEN 'documents' THEN '核验营业执照与行政许可' WHEN 'goods' THEN '抽检在售商品及进货凭证'
        WHEN 'premises' THEN '核查经营场所' ELSE '核查标价与促销价格' END AS note,
    requested AS known_at
FROM checks

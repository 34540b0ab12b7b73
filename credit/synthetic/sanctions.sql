WITH decided AS (
    SELECT v.*, epoch_us(decided_at) // 1000000 AS opened, epoch_us(withdrawn_at) // 1000000 AS withdrawn,
        sim_u(violation_id, 'sanction') AS draw, s.measure AS story_measure
    FROM $schema.violations v LEFT JOIN (
        SELECT 'V-' || subject_id || '-' || nth AS violation_id, measure FROM sim_people
        JOIN (VALUES $story_violations) t(story, nth, kind, severity, days, measure, note) USING (story)
    ) s USING (violation_id)
), imposed AS (
    SELECT *, opened + CAST($hour * (1 + 30 * sim_u(violation_id, 'imposed')) AS BIGINT) AS since,
        CASE WHEN story_measure IS NOT NULL THEN story_measure
            WHEN severity = 'minor' THEN 'warning'
            WHEN severity = 'moderate' THEN CASE WHEN draw < 0.4 THEN 'warning' ELSE 'restriction' END
            ELSE CASE WHEN draw < 0.8 THEN 'suspension' ELSE 'termination' END END AS measure
    FROM decided WHERE severity <> 'minor' OR draw < 0.7 OR story_measure IS NOT NULL
)
SELECT 'S' || violation_id AS sanction_id, subject_id, violation_id, measure AS kind,
    '违反平台规则：' || CASE kind WHEN 'false_advertising' THEN '虚假宣传' WHEN 'service_breach' THEN '服务违约'
        WHEN 'information' THEN '信息不实' WHEN 'brushing' THEN '刷单' WHEN 'review_manipulation' THEN '操纵评价'
        WHEN 'counterfeit' THEN '售假' WHEN 'prohibited_goods' THEN '发布禁售商品'
        WHEN 'fraud' THEN '欺诈' ELSE '其他' END AS reason,
    since AS imposed_at,
    since + $day * CASE measure WHEN 'warning' THEN 30 WHEN 'restriction' THEN 30 WHEN 'suspension' THEN 15 END AS until_at,
    CASE WHEN withdrawn > since THEN withdrawn END AS lifted_at, since AS known_at
FROM imposed

WITH drawn AS (
    SELECT p.*, k.kind AS record, k.issuer, k.back, k.base + k.slope * pow(1 - quality, 2) AS chance,
        p.subject_id || k.letters AS pair, unnest(range(k.most)) AS turn
    FROM sim_people p, (VALUES $record_kinds) k(kind, letters, issuer, most, base, slope, back)
    WHERE p.role = 'seller' AND p.kind = 'enterprise' AND (p.story IS NULL OR k.kind = 'tax_grade')
), dated AS (
    SELECT *, pair || turn AS rid, sim_u(pair || turn, 'severity') AS grave,
        -- Tax grades are published each April for the year before.
        CASE record WHEN 'tax_grade' THEN make_date(year(DATE '$end')::BIGINT - turn, 4, 20)
            ELSE DATE '$end' - CAST(1 + back * sim_u(pair || turn, 'back') AS INTEGER) END AS since
    FROM drawn WHERE sim_u(pair || turn, 'record') < chance
), graded AS (
    SELECT *,
        CASE record
            WHEN 'administrative_penalty'
                THEN CASE WHEN grave < 0.6 THEN 'minor' WHEN grave < 0.9 THEN 'moderate' ELSE 'serious' END
            WHEN 'tax_grade' THEN CASE WHEN story = 'excellent_veteran' THEN 'A' WHEN joined < 365 THEN 'M'
                WHEN grave < 0.6 * quality THEN 'A' WHEN grave < 0.4 + 0.58 * quality THEN 'B'
                WHEN grave < 0.7 + 0.29 * quality OR story IS NOT NULL THEN 'C' ELSE 'D' END
            WHEN 'certification' THEN 'A' END AS grade,
        since + 40 + CAST(300 * sim_u(rid, 'removal') AS INTEGER) AS removed
    FROM dated
), records AS (
    SELECT 'P-' || rid AS record_id, subject_id, record AS kind,
        city_name || issuer AS issuer, grade, since AS valid_from,
        CASE record
            -- Shown for 3, 12 and 36 months by severity.
            WHEN 'administrative_penalty' THEN since + CASE grade WHEN 'minor' THEN 91 WHEN 'moderate' THEN 365 ELSE 1096 END
            WHEN 'serious_violation' THEN since + 1096
            -- Taken off the list when reached again: no term is set.
            WHEN 'abnormal_operation' THEN CASE WHEN sim_u(rid, 'removed') < 0.3 AND removed < DATE '$end' THEN removed END
            WHEN 'tax_grade' THEN since + 365
            WHEN 'award' THEN since + 1096
            WHEN 'certification' THEN since + 1096 END AS valid_until,
        CASE WHEN sim_u(rid, 'repair') < if(record = 'abnormal_operation', 0.3, 0) + 0.4 * quality THEN CASE
            WHEN record = 'administrative_penalty' AND grade = 'moderate'
                THEN since + 92 + CAST(120 * sim_u(rid, 'repaired') AS INTEGER)
            WHEN record IN ('abnormal_operation', 'dishonest_debtor')
                THEN since + 30 + CAST(200 * sim_u(rid, 'repaired') AS INTEGER)
            END END AS repaired_on,
        CASE record WHEN 'administrative_penalty' THEN '因违反《中华人民共和国消费者权益保护法》被处以罚款'
            WHEN 'abnormal_operation' THEN '通过登记的住所或者经营场所无法联系' END AS note
    FROM graded
    UNION ALL
    SELECT 'P-' || subject_id || '-1', subject_id, s.kind, city_name || s.issuer, s.grade, DATE '$end' - s.since,
        DATE '$end' - s.since + s.length, DATE '$end' - s.repaired, s.note
    FROM sim_people p JOIN (VALUES $story_records) s(story, kind, issuer, grade, since, length, repaired, note) USING (story)
)
SELECT record_id, subject_id, NULL::VARCHAR AS subject_name, NULL::VARCHAR AS subject_address, kind, issuer,
    CASE WHEN kind = 'administrative_penalty'
        THEN printf('示市监处罚〔%d〕%05d号', year(valid_from), hash(record_id) % 100000) END AS reference,
    grade, valid_from, valid_until,
    CASE WHEN repaired_on < valid_until OR valid_until IS NULL THEN repaired_on END AS repaired_on,
    note, epoch(valid_from)::BIGINT - 28800 + $day * (1 + CAST(hash(record_id, 'delay') % 5 AS BIGINT)) AS known_at
FROM records

WITH coded AS (
    SELECT *,
        sim_organisation('MA' || substr('0123456789', CAST(1 + floor(sim_u(id, 'org') * 10) AS BIGINT), 1)
            || sim_serial(number)) AS organisation,
        coalesce(category IN ('食品生鲜', '图书文具'), false) AS needs_a_permit,
        kind = 'enterprise' OR role = 'seller' AND (sim_u(id, 'household') < 0.3 OR needs_a_permit) AS licensed,
        coalesce(story NOT IN ('careless_giant', 'brusher', 'exit_scam', 'abusive_buyer'), false) AS tidy
    FROM sim_people
), worded AS (
    SELECT *,
        CASE WHEN licensed THEN sim_credit(CASE kind WHEN 'enterprise' THEN '91' ELSE '92' END || area || organisation)
             END AS code,
        sim_pick($surnames, sim_u(id, 'surname')) || sim_pick($given, sim_u(id, 'given')) AS person
    FROM coded
)
SELECT subject_id, kind, role,
    coalesce(shop, CASE kind WHEN 'enterprise'
        THEN regexp_extract(city_name, '([^省]+)$$', 1) || sim_pick($brand_1, sim_u(id, 'brand 1'))
            || sim_pick($brand_2, sim_u(id, 'brand 2')) || c.trade || '有限公司'
        ELSE person END) AS name,
    CASE WHEN role = 'seller' AND sim_u(id, 'signboard') < 0.9 THEN CASE kind
        WHEN 'enterprise' THEN regexp_replace(name, '^.*市|有限公司$$', '', 'g') || '旗舰店'
        ELSE sim_pick($brand_1, sim_u(id, 'brand 1')) || sim_pick($brand_2, sim_u(id, 'brand 2')) || category || '小铺' END
        END AS shop_name,
    code AS uscc,
    CASE kind WHEN 'individual' THEN sim_citizen(area || CAST(1960 + floor(45 * sim_u(id, 'year')) AS BIGINT)
        || lpad(CAST(1 + floor(12 * sim_u(id, 'month')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(1 + floor(28 * sim_u(id, 'day')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(floor(1000 * sim_u(id, 'serial')) AS BIGINT)::VARCHAR, 3, '0')) END AS id_number,
    CASE WHEN tidy OR sim_u(id, 'registered') < 0.9 + 0.1 * quality
         THEN joined_on + if(role = 'buyer', CAST(60 * sim_u(id, 'identified') AS INTEGER), 0) END
        AS registration_verified_on,
    code AS licence_no,
    CASE WHEN licensed THEN joined_on - CAST(20 + 1500 * sim_u(id, 'licence') AS INTEGER) END AS licence_valid_from,
    CASE WHEN story = 'expired_licence' THEN DATE '$end' - 20
         WHEN licensed AND lapsed THEN DATE '$end' - CAST(1 + least(200, joined) * sim_u(id, 'lapsed') AS INTEGER)
         WHEN licensed AND sim_u(id, 'term') < 0.6 THEN DATE '$end' + CAST(30 + 5000 * sim_u(id, 'licence end') AS INTEGER)
         WHEN licensed THEN DATE '9999-12-31' END AS licence_valid_until,
    CASE WHEN category = '食品生鲜' AND licensed THEN 'JY1' || area || lpad(number::VARCHAR, 7, '0')
         WHEN category = '图书文具' AND licensed THEN '新出发' || area || lpad(number::VARCHAR, 5, '0') END AS permit_no,
    CASE WHEN needs_a_permit AND licensed THEN DATE '$end'
         + CAST(1700 * sim_u(id, 'permit') - if(story IS NULL, 60, 0) AS INTEGER) END AS permit_valid_until,
    CASE WHEN licensed AND (tidy OR sim_u(id, 'icp') < 0.5 + 0.4 * quality) THEN printf('测ICP备%08d号', number)
         END AS icp_record,
    city_name || sim_pick($streets, sim_u(id, 'street')) || CAST(1 + floor(300 * sim_u(id, 'house')) AS BIGINT) || '号'
        AS address,
    lower(subject_id) || if(role = 'seller', '@shop.example', '@mail.example') AS contact,
    CASE WHEN tidy OR sim_u(id, 'reached') < 0.75 + 0.22 * quality
         THEN least(joined_on + CAST(400 * sim_u(id, 'contact') AS INTEGER), DATE '$end' - 1) END AS contact_verified_on,
    coalesce(story = 'self_operated', false) AS self_operated,
    CASE role WHEN 'seller' THEN category END AS category,
    CASE WHEN role = 'seller' THEN CASE kind WHEN 'enterprise' THEN 10000 ELSE 1000 END
         * CAST(floor(6 * sqrt(quality) * sim_u(id, 'deposit') + quality) AS BIGINT) END AS deposit_amount,
    CASE role WHEN 'seller' THEN 'CNY' END AS currency,
    joined_on,
    greatest(joined_on, DATE '$end' - CAST(CASE WHEN story = 'expired_licence' THEN 85 WHEN tidy THEN 30 * sim_u(id, 'verified')
        ELSE 1 + 320 * sim_u(id, 'verified') * (1.25 - quality) END AS INTEGER) - 1) AS verified_on,
    epoch(joined_on)::BIGINT - 28800 AS known_at
FROM worded LEFT JOIN (VALUES $trades) c(category, trade) USING (category)

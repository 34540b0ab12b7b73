CREATE OR REPLACE TEMP TABLE sim_people AS
WITH drawn AS (
    SELECT i AS number, 'seller' AS role, printf('M%06d', i) AS subject_id, i AS id FROM range(1, $merchants + 1) t(i)
    UNION ALL
    SELECT i, 'buyer', printf('B%06d', i), -i FROM range(1, $buyers + 1) t(i)
), placed AS (
    SELECT d.*, s.story, s.shop,
        CASE WHEN role = 'buyer' THEN 'individual'
             ELSE coalesce(s.kind, CASE WHEN sim_u(id, 'kind') < 0.6 THEN 'enterprise' ELSE 'individual' END) END AS kind,
        coalesce(s.category, sim_pick($category_draw, sim_u(id, 'category'))) AS category,
        -- A buyer's is honesty: most are honest, one in seven is not.
        coalesce(s.quality, CASE role WHEN 'seller' THEN sim_unit(0.68 + 0.19 * sim_z(id, 'quality'))
                                      ELSE 1 - 0.95 * pow(sim_u(id, 'honesty'), 4) END) AS quality,
        -- One merchant in eight came within the period; the others up to eight years ago.
        coalesce(s.joined, CAST(CASE WHEN role = 'seller' AND sim_u(id, 'new') < 0.12 THEN 15 + sim_u(id, 'joined') * ($days - 15)
                                     ELSE $days + sim_u(id, 'joined') * 2500 END AS BIGINT)) AS joined,
        CAST(floor(sim_u(id, 'city') * $cities) AS BIGINT) AS city
    FROM drawn d LEFT JOIN (VALUES $stories) s(subject_id, story, shop, kind, category, quality, joined)
        USING (subject_id)
)
SELECT *, DATE '$end' - CAST(joined AS INTEGER) AS joined_on, $city_codes[1 + city] AS area,
    $city_names[1 + city] AS city_name,
    -- Careless merchants are careless with their papers too.
    story IS NULL AND role = 'seller' AND sim_u(id, 'papers') < 0.35 * pow(1 - quality, 2) AS lapsed
FROM placed

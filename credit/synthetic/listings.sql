WITH shops AS (
    SELECT p.number, p.id, p.subject_id, p.category, p.joined, p.quality, p.city_name,
        -- Three to twelve.
        unnest(range(3 + CAST(floor(10 * sim_u(id, 'range')) AS BIGINT))) AS nth
    FROM sim_people p WHERE p.role = 'seller'
), placed AS (
    SELECT *, hash(number, nth, 'listing') AS lid,
        -- On the shelf for up to three years; one in eight is off it again.
        CAST(1 + floor(least(joined, 1000) * sim_u(lid, 'listed')) AS BIGINT) AS ago,
        CASE WHEN sim_u(lid, 'delisted') < 0.125 THEN ago * sim_u(lid, 'when') END AS off,
        -- A field that the careless forget.
        0.16 * pow(1 - quality, 1.5) AS slip
    FROM shops
), shelved AS (
    SELECT *, $stop - $day * ago + CAST($hour * (8 + 12 * sim_u(lid, 'hour')) AS BIGINT) AS listed,
        $stop - CAST($day * off AS BIGINT) AS gone
    FROM placed
)
SELECT printf('L%06d-%02d', number, nth + 1) AS listing_id, subject_id, listed AS listed_at,
    CASE WHEN gone > listed THEN gone END AS delisted_at, category,
    brand || c.trade || printf(' %03d', 1 + CAST(floor(999 * sim_u(lid, 'model')) AS BIGINT)) AS name,
    CAST(1 + g.price * exp(0.5 * sim_z(lid, 'price')) AS DECIMAL(18, 2)) AS price, 'CNY' AS currency,
    CASE WHEN sim_u(lid, 'brand') >= slip THEN brand END AS brand,
    CASE WHEN sim_u(lid, 'maker') >= slip THEN city_name || brand || c.trade || '厂' END AS maker,
    CASE WHEN sim_u(lid, 'origin') >= slip THEN city_name END AS origin,
    CASE WHEN sim_u(lid, 'specification') >= slip THEN sim_pick(['标准装', '家庭装', '小号', '中号', '大号'], sim_u(lid, 'size')) END
        AS specification,
    CASE WHEN sim_u(lid, 'material') >= slip THEN '见成分表：' || c.trade || '专用料' END AS material,
    CASE WHEN category IN ('食品生鲜', '美妆个护', '母婴用品', '农资园艺') AND sim_u(lid, 'shelf life') >= slip
         THEN sim_pick(['12 个月', '18 个月', '24 个月'], sim_u(lid, 'life')) END AS shelf_life,
    CASE WHEN category IN ('食品生鲜', '图书文具', '美妆个护', '数码电子', '家用电器', '母婴用品', '汽车用品', '珠宝配饰')
              AND sim_u(lid, 'certificate') >= slip
         THEN printf('测证%09d', number * 100 + nth) END AS certificate,
    CASE WHEN sim_u(lid, 'after sales') >= slip THEN '七天无理由退货，质量问题包退换' END AS after_sales,
    CASE WHEN sim_u(lid, 'delivery') >= slip THEN '付款后 48 小时内发货，快递送达' END AS delivery,
    CAST(floor(if(sim_u(lid, 'photographed') >= slip, 1 + 8 * sim_u(lid, 'photographs'), 0)) AS BIGINT) AS photographs,
    sim_u(lid, 'tied') < 0.05 AS tie_in,
    CASE WHEN tie_in THEN sim_u(lid, 'tie-in marked') < 0.75 + 0.25 * quality END AS tie_in_marked,
    sim_u(lid, 'advertised') < 0.12 AS advertised,
    CASE WHEN advertised THEN sim_u(lid, 'advertisement marked') < 0.85 + 0.15 * quality END AS advertisement_marked,
    listed AS known_at
FROM (SELECT *, sim_pick($brand_1, sim_u(id, 'brand 1')) || sim_pick($brand_2, sim_u(id, 'brand 2')) AS brand FROM shelved)
JOIN (VALUES $trades) c(category, trade) USING (category)
JOIN (VALUES $categories) g(category, price, returns) USING (category)

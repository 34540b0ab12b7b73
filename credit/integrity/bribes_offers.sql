WITH span AS (
    SELECT g, s, chance, rewards, min(written) AS first, max(written) AS last
    FROM seen_reviews JOIN offers USING (s) WHERE $spoken GROUP BY ALL
)
SELECT g, s, chance, rewards, first, last, p.orders AS shop_orders, p.praised AS shop_praised,
    count(*) AS orders, sum(o.praised::INT) AS praised
FROM span JOIN seen_orders o USING (s) JOIN seen_shops p USING (s)
WHERE o.written BETWEEN first AND last GROUP BY ALL ORDER BY g

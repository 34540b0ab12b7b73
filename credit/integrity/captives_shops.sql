WITH pairs AS (SELECT s, b, count(*) AS n, sum(praised::INT) AS praised FROM seen_orders WHERE b IS NOT NULL GROUP BY s, b),
buyers AS (SELECT b, sum(n) AS n FROM pairs GROUP BY b),
back AS (
    SELECT s, b, p.n, p.praised, p.n >= $share * y.n AS captive, captive AND p.praised >= $praises * p.n AS devoted
    FROM pairs p JOIN buyers y USING (b) WHERE p.n >= $orders
), shops AS (
    SELECT s, count(*) AS comers, sum(captive::INT)::BIGINT AS captives, sum(devoted::INT)::BIGINT AS devoted,
        coalesce(sum(n) FILTER (captive), 0)::BIGINT AS orders, coalesce(sum(praised) FILTER (captive), 0)::BIGINT AS praised
    FROM back GROUP BY s
)
SELECT x.*, p.orders AS shop_orders, p.praised AS shop_praised,
    (sum(devoted) OVER () - devoted) / greatest(sum(comers) OVER () - comers, 1)::DOUBLE AS norm
FROM shops x JOIN seen_shops p USING (s) QUALIFY devoted >= $accounts ORDER BY s

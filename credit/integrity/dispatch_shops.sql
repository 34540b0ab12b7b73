WITH journeys AS (SELECT s, praised, came - sent AS took FROM seen_orders WHERE came >= sent),
usual AS (
    SELECT s, least($longest, $part * median(took)) AS "limit", median(took) AS usual, count(*) AS arrived
    FROM journeys GROUP BY s
), counted AS (
    SELECT s, "limit", usual, arrived, sum((took < "limit")::INT)::BIGINT AS orders,
        sum((took < "limit" AND praised)::INT)::BIGINT AS praised
    FROM journeys JOIN usual USING (s) GROUP BY s, "limit", usual, arrived
)
SELECT c.*, p.orders AS shop_orders, p.praised AS shop_praised,
    (sum(c.orders) OVER () - c.orders) / greatest(sum(c.arrived) OVER () - c.arrived, 1)::DOUBLE AS norm
FROM counted c JOIN seen_shops p USING (s) QUALIFY c.orders >= $orders ORDER BY s

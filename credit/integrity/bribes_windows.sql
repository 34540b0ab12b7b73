WITH days AS (
    SELECT s, came // $day AS h, count(*) AS n, count(stars) AS reviewed, sum(praised::INT) AS praised
    FROM seen_orders WHERE came IS NOT NULL GROUP BY s, h
), windows AS (
    SELECT s, h, sum(n) OVER w AS orders, sum(reviewed) OVER w AS reviewed, sum(praised) OVER w AS praised FROM days
    WINDOW w AS (PARTITION BY s ORDER BY h RANGE BETWEEN CURRENT ROW AND $last FOLLOWING)
), shops AS (
    SELECT s, sum(n) AS shop_orders, sum(reviewed) AS shop_reviewed, sum(praised) AS shop_praised FROM days GROUP BY s
)
SELECT w.s, w.h, w.orders::DOUBLE AS orders, w.reviewed::DOUBLE AS reviewed, w.praised::DOUBLE AS praised,
    shop_orders::DOUBLE AS shop_orders, shop_reviewed::DOUBLE AS shop_reviewed, shop_praised::DOUBLE AS shop_praised
FROM windows w JOIN shops USING (s) WHERE w.orders >= $orders

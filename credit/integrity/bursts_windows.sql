WITH own AS (SELECT s, t // $hour AS h, count(*) AS n FROM seen_orders GROUP BY s, h),
platform AS (SELECT h, sum(n) AS n FROM own GROUP BY h),
whole AS (SELECT sum(n) AS n FROM platform),
clock AS (
    SELECT h, sum(n) OVER (ORDER BY h RANGE BETWEEN CURRENT ROW AND $last FOLLOWING) AS n FROM platform
), windows AS (
    SELECT s, h, sum(n) OVER (PARTITION BY s ORDER BY h RANGE BETWEEN CURRENT ROW AND $last FOLLOWING) AS n FROM own
)
SELECT w.s, w.h, w.n::DOUBLE AS n, p.orders AS shop_orders,
    -- By the other merchants' hours, and by the merchant's orders outside the window.
    (p.orders - w.n) * greatest(c.n - w.n, 0) / greatest(whole.n - p.orders, 1) AS expected
FROM windows w JOIN clock c USING (h) JOIN seen_shops p USING (s), whole
WHERE w.n >= $orders AND w.n > 2 * expected

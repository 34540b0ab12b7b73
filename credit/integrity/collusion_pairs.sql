WITH buyers AS (SELECT b FROM seen_orders WHERE b IS NOT NULL GROUP BY b HAVING count(*) BETWEEN 2 AND $busy),
times AS (SELECT s, b, t, t // $day AS d FROM seen_orders SEMI JOIN buyers USING (b)),
near AS (SELECT s, b, t, d FROM times UNION ALL SELECT s, b, t, d + 1 FROM times UNION ALL SELECT s, b, t, d - 1 FROM times),
met AS (
    SELECT DISTINCT x.s, y.s AS partner, x.b FROM near x JOIN times y
    ON x.b = y.b AND x.d = y.d AND x.s < y.s AND abs(x.t - y.t) < $day
), pairs AS (SELECT s, partner, count(*) AS buyers FROM met GROUP BY s, partner),
sizes AS (SELECT sum(orders) AS n, sum(orders::DOUBLE * orders) AS squares FROM seen_shops),
whole AS (SELECT sum(buyers) AS met FROM pairs)
SELECT pairs.s, partner, buyers,
    -- All meetings, but for the pair's own, shared out by the products of sizes.
    (whole.met - buyers) * (a.orders::DOUBLE * c.orders) / ((n::DOUBLE * n - squares) / 2) AS expected
FROM pairs JOIN seen_shops a USING (s) JOIN seen_shops c ON c.s = partner, sizes, whole
WHERE buyers >= $buyers

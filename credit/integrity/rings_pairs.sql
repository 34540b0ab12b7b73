WITH back AS (
    SELECT s, b, count(DISTINCT t // $day) AS n FROM seen_orders WHERE b IS NOT NULL
    GROUP BY s, b HAVING n >= $occasions
), sizes AS (SELECT s, count(*) AS comers FROM back GROUP BY s HAVING count(*) >= $members),
times AS (
    SELECT s, b, n, t, t // $wide AS slot FROM seen_orders JOIN back USING (s, b) SEMI JOIN sizes USING (s)
), beside AS (
    SELECT *, slot AS near FROM times UNION ALL SELECT *, slot + 1 FROM times UNION ALL SELECT *, slot - 1 FROM times
)
SELECT x.s, x.b AS "left", y.b AS "right", any_value(x.n) AS n_left, any_value(y.n) AS n_right, any_value(comers) AS comers,
    least(count(DISTINCT x.t // $day), count(DISTINCT y.t // $day)) AS occasions
FROM beside x JOIN times y ON x.s = y.s AND x.near = y.slot AND x.b < y.b AND abs(x.t - y.t) < $wide
JOIN sizes z ON z.s = x.s
GROUP BY x.s, x.b, y.b HAVING occasions >= $occasions

-- Goes on where copies_members.sql ends.
own AS (
    SELECT k, f, any_value(s) AS s, any_value(high) AS high, count(*) AS reviews, count(DISTINCT b) AS buyers,
        min(text) AS example
    FROM families JOIN members USING (k, f) JOIN seen_written USING (k, n) GROUP BY k, f
), written AS (SELECT s, stars > 3 AS high, count(text) AS n FROM seen_reviews WHERE stars <> 3 GROUP BY s, high),
whole AS (SELECT high, sum(n) AS n FROM written GROUP BY high),
-- The text itself may stand elsewhere too, whether or not it is of the sample.
others AS (
    SELECT own.k, own.f, count(*) FILTER (w.n <> own.f) AS sampled, count(*) FILTER (w.n = own.f) AS same
    FROM own JOIN (SELECT a AS f, b AS n FROM near UNION SELECT f, f FROM families) l USING (f)
    JOIN seen_written w ON w.n = l.n AND w.high = own.high AND w.s <> own.s GROUP BY own.k, own.f
)
SELECT own.*, written.n * (coalesce(sampled, 0) * $step + coalesce(same, 0) + $step)
    / greatest(whole.n - written.n, 1)::DOUBLE AS expected
FROM own JOIN written USING (s, high) JOIN whole USING (high) LEFT JOIN others USING (k, f)
WHERE buyers >= $accounts ORDER BY s, high, f

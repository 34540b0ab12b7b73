WITH days AS (SELECT s, written // $day AS h, count(*) AS n, sum(suspect::INT) AS suspect FROM seen_low GROUP BY s, h),
windows AS (
    SELECT s, h, sum(n) OVER w AS n, sum(suspect) OVER w AS suspect FROM days
    WINDOW w AS (PARTITION BY s ORDER BY h RANGE BETWEEN CURRENT ROW AND $last FOLLOWING)
), shops AS (SELECT s, sum(n) AS low, sum(suspect) AS suspect FROM days GROUP BY s),
whole AS (SELECT sum(low) AS low, sum(suspect) AS suspect FROM shops)
SELECT s, h, w.n::DOUBLE AS n, w.suspect::DOUBLE AS suspect, (p.low - w.n) * $days / $span::DOUBLE AS expected,
    (whole.suspect - p.suspect) / greatest(whole.low - p.low, 1)::DOUBLE AS norm
FROM windows w JOIN shops p USING (s), whole WHERE w.n >= $reviews

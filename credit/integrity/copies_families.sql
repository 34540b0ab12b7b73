-- A text with its likes; of families that share a text the largest.
WITH own AS (SELECT k, n, count(*) AS reviews FROM seen_written GROUP BY k, n),
links AS (
    SELECT k, a AS f, b AS n FROM alike UNION ALL SELECT k, b, a FROM alike UNION ALL SELECT k, n, n FROM own
), sized AS (
    SELECT k, f, sum(reviews) AS reviews FROM links JOIN own USING (k, n) GROUP BY k, f HAVING sum(reviews) >= $copies
), ranked AS (SELECT *, row_number() OVER (ORDER BY reviews DESC, k, f) AS place FROM sized)
SELECT r.k, r.f, r.reviews FROM ranked r LEFT JOIN links l ON l.k = r.k AND l.f = r.f
LEFT JOIN ranked q ON q.k = l.k AND q.f = l.n
GROUP BY r.k, r.f, r.reviews, r.place HAVING coalesce(min(q.place), r.place) = r.place ORDER BY r.place

-- At one merchant (k: its number, praise and blame apart): texts that share a band.
WITH own AS (SELECT DISTINCT k, n, length(x) AS long FROM seen_written JOIN seen_texts USING (n)), held AS (
    SELECT k, i, v, n, long FROM own JOIN seen_bands USING (n)
    QUALIFY count(*) OVER (PARTITION BY k, i, v) > 1 AND row_number() OVER (PARTITION BY k, i, v ORDER BY n) <= $crowd
)
SELECT DISTINCT x.k, x.n AS a, y.n AS b FROM held x JOIN held y
ON x.k = y.k AND x.i = y.i AND x.v = y.v AND x.n < y.n
    AND least(x.long, y.long) >= $short * greatest(x.long, y.long)

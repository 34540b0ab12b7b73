-- seen_texts: the texts that are long enough, each once, numbered; seen_written: the reviews that have them.
CREATE OR REPLACE TEMP TABLE seen_texts AS
WITH plain AS (SELECT s, $normal AS x FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3)
SELECT (row_number() OVER (ORDER BY x) - 1)::INTEGER AS n, x FROM plain
WHERE length(x) + 2 * length(regexp_replace(x, '$letter', '', 'g')) >= $length
GROUP BY x HAVING count(DISTINCT s) < $common_shops;
CREATE OR REPLACE TEMP TABLE seen_written AS
SELECT r, o, s, b, high, text, n, dense_rank() OVER (ORDER BY s, high)::INTEGER AS k FROM (
    SELECT r, o, s, coalesce(b, r) AS b, stars > 3 AS high, text, $normal AS x
    FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3
) JOIN seen_texts USING (x)

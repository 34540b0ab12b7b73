-- With the other merchants: texts of the sample that share a band with a family's.
WITH own AS (
    SELECT f, i, v, length(x) AS long FROM (SELECT DISTINCT f FROM families) JOIN seen_texts ON n = f JOIN seen_bands USING (n)
), sample AS (SELECT n, i, v, length(x) AS long FROM seen_bands JOIN seen_texts USING (n) WHERE n % $step = 0)
SELECT DISTINCT f AS a, n AS b FROM own JOIN sample USING (i, v)
WHERE least(own.long, sample.long) >= $short * greatest(own.long, sample.long)

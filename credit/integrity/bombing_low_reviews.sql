CREATE OR REPLACE TEMP TABLE seen_low AS
WITH buyers AS (SELECT b, count(*) AS n FROM seen_orders GROUP BY b),
shops AS (SELECT s, median(amount) AS amount FROM seen_orders GROUP BY s)
SELECT v.r, v.o, v.s, coalesce(v.b, o.b) AS b, v.written, NOT o.trouble AS groundless, y.n = 1 AS newcomer,
    coalesce(NOT o.trouble AND (y.n = 1 OR o.amount < $cheap * p.amount), false) AS suspect
FROM seen_reviews v LEFT JOIN seen_orders o USING (o) LEFT JOIN buyers y ON y.b = o.b LEFT JOIN shops p ON p.s = v.s
WHERE v.stars <= 2

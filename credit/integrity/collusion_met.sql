-- Of each merchant: the orders of accounts that ordered from a partner within a day.
WITH links AS (
    SELECT s, partner AS p, chance, expected FROM pairs_ UNION ALL SELECT partner, s, chance, expected FROM pairs_
), met AS (
    SELECT DISTINCT l.s, l.p, l.chance, l.expected, x.o, x.r, x.b, x.praised FROM links l
    JOIN seen_orders x ON x.s = l.s JOIN seen_orders y ON y.s = l.p AND y.b = x.b AND abs(x.t - y.t) < $day
)

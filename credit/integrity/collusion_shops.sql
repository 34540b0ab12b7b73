-- Goes on where collusion_met.sql ends.
own AS (SELECT s, o, any_value(b) AS b, any_value(praised) AS praised FROM met GROUP BY s, o)
SELECT own.s, count(*) AS orders, sum(own.praised::INT) AS praised, count(DISTINCT b) AS buyers,
    any_value(z.orders) AS shop_orders, any_value(z.praised) AS shop_praised,
    any_value(l.chance) AS chance, any_value(l.expected) AS expected, any_value(l.partners) AS partners
FROM own JOIN seen_shops z USING (s)
JOIN (
    SELECT s, min(chance) AS chance, sum(expected) AS expected, string_agg(p, ', ' ORDER BY p) AS partners
    FROM links GROUP BY s
) l USING (s)
GROUP BY own.s ORDER BY own.s

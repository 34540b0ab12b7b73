CREATE OR REPLACE TEMP TABLE sim_truth AS
WITH phases AS (
    SELECT m.number, 0 AS part, m.subject_id, m.kind, m.category, m.story, 'plain' AS mode, NULL::BIGINT AS orders,
        m.joined AS since,
        -- One in twenty-five has closed shop.
        CASE WHEN sim_u(id, 'closed') < 0.04 THEN least(joined - 5, CAST(30 + 150 * sim_u(id, 'left') AS BIGINT))
             ELSE 0 END AS until,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'ship')) AS ship,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'goods')) AS goods,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'service')) AS service,
        -- Log-normal in size; the good grow larger, single persons stay smaller, one in fifty sells nothing.
        CASE WHEN sim_u(id, 'idle') < 0.02 THEN 0 ELSE 1 + CAST(1000 * least(1.0, joined / $days) * exp(
            1.15 * sim_z(id, 'size') + 0.8 * quality - if(kind = 'individual', 0.9, 0)) AS BIGINT) END AS weight,
        1 AS price
    FROM sim_people m WHERE role = 'seller' AND story IS NULL
    UNION ALL
    SELECT m.number, s.part, m.subject_id, m.kind, m.category, m.story, s.mode, s.orders, s.since, s.until,
        s.ship, s.goods, s.service, 0, s.price
    FROM sim_people m JOIN (VALUES $phases) s(subject_id, part, mode, orders, since, until, ship, goods, service, price)
        USING (subject_id)
), summed AS (
    SELECT *, sum(weight) OVER (ORDER BY number, part) AS reached, sum(weight) OVER () AS total FROM phases
), sized AS (
    -- Differences of a rounded running sum: the orders add up to the very number asked for.
    SELECT * EXCLUDE (orders), coalesce(orders,
        $free::HUGEINT * reached // total - $free::HUGEINT * (reached - weight) // total)::BIGINT AS orders
    FROM summed
)
SELECT row_number() OVER (ORDER BY number, part) AS phase, p.subject_id, p.kind, p.category, p.story, p.mode,
    p.orders, p.ship, p.goods, p.service,
    CAST(sum(p.orders) OVER (ORDER BY number, part) - p.orders AS BIGINT) AS before,
    first.slot AS first_slot, past.slot AS past_slot,
    p.number,
    -- How many different buyers there are to draw from; eight hands brush.
    CASE p.mode WHEN 'brush' THEN 8 ELSE 2 + CAST(p.orders * (1.4 - 0.6 * p.goods) AS BIGINT) END AS pool,
    -- Above 1: the volume was larger in the past; below: it grows.
    CASE WHEN p.story IS NULL THEN 0.7 + 0.6 * sim_u(p.number, 'growth') ELSE 1 END AS growth,
    c.price * exp(0.5 * sim_z(p.number, 'price')) * p.price AS price,
    c.returns
FROM sized p
JOIN (VALUES $categories) c(category, price, returns) USING (category)
JOIN sim_days first ON first.day = $days - greatest(1, least(p.since, $days))
JOIN sim_days past ON past.day = $days - greatest(0, least(p.until, $days - 1))

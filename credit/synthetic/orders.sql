-- Orders in the order of time, as a platform's books have them; all else is computed along the way.
CREATE OR REPLACE TEMP TABLE sim_orders AS
WITH numbered AS (
    SELECT phase, mode, first_slot, past_slot, growth, before + unnest(range(orders)) + 1 AS n FROM sim_truth
), placed AS (
    SELECT phase, mode, n, sim_u(n, 'hour') AS hump,
        first_slot + CAST(floor(pow(sim_u(n, 'day'), growth) * (past_slot - first_slot)) AS BIGINT) AS slot
    FROM numbered
)
SELECT phase, n, $start + s.day * 86400 + CAST(CASE
    WHEN mode = 'brush' THEN 7200 + 7200 * sim_u(n, 'second')                            -- two to four at night
    WHEN hump < 0.20 THEN 86399 * sim_u(n, 'second')
    WHEN hump < 0.55 THEN 32400 + 14400 * (sim_u(n, 'second') + sim_u(n, 'second 2'))  -- about 13:00
    ELSE 61200 + 12599 * (sim_u(n, 'second') + sim_u(n, 'second 2'))                    -- about 20:30
    END AS BIGINT) AS t
FROM placed JOIN sim_slots s USING (slot)
ORDER BY t, n

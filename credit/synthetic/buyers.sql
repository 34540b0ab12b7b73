-- Buyers who are subjects, by slot: those with a story have three. `abuse` rises from 0 as honesty falls.
CREATE OR REPLACE TEMP TABLE sim_buyers AS
SELECT CAST(row_number() OVER (ORDER BY number, turn) - 1 AS BIGINT) AS slot, number, pow(1 - quality, 2) AS abuse
FROM sim_people, range(3) r(turn) WHERE role = 'buyer' AND (turn = 0 OR story IS NOT NULL)

-- A row a carrier: orders handed over in the year; of them lost and damaged, by complaints for which the carrier is liable.
WITH faults AS (
    SELECT transaction_id, bool_or(category <> 'delivery') AS damaged
    FROM seen_complaints WHERE liability = 'carrier' AND category IN ('delivery', 'quality', 'not_as_described')
    GROUP BY transaction_id
)
SELECT carrier, count(*) AS orders,
    count(*) FILTER (f.transaction_id IS NOT NULL AND delivered_at IS NULL) AS lost,
    count(*) FILTER (damaged AND delivered_at IS NOT NULL) AS damaged
FROM seen_transactions t LEFT JOIN faults f USING (transaction_id)
WHERE ordered_at >= $$start AND dispatched_at IS NOT NULL AND carrier IS NOT NULL
GROUP BY carrier ORDER BY orders DESC, carrier

-- A row a merchant: orders delivered after the time promised, or not at all though it is past; whose part it was.
SELECT subject_id, count(*) AS late,
    count(*) FILTER (part = 'carrier') AS carrier, count(*) FILTER (part = 'merchant') AS merchant,
    count(*) FILTER (part IS NULL) AS not_told
FROM (
    SELECT subject_id, CASE
        -- Handed over late, or never: the merchant's, whatever the carrier did then.
        WHEN dispatched_at IS NULL OR dispatched_at > dispatch_due_at THEN 'merchant'
        WHEN dispatched_at <= dispatch_due_at THEN 'carrier' END AS part
    FROM seen_transactions
    WHERE ordered_at >= $$start AND cancelled_at IS NULL
      AND (delivered_at > delivery_due_at OR (delivered_at IS NULL AND completed_at IS NULL AND delivery_due_at IS NOT NULL))
)
GROUP BY subject_id ORDER BY late DESC, subject_id

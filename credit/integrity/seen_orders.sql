CREATE OR REPLACE TEMP TABLE seen_orders AS
WITH first AS (
    SELECT o, arg_min(r, (written, r)) AS r, arg_min(stars, (written, r)) AS stars, min(written) AS written
    FROM seen_reviews WHERE o IS NOT NULL GROUP BY o
), complained AS (SELECT DISTINCT transaction_id AS o FROM $complaints WHERE transaction_id IS NOT NULL)
SELECT transaction_id AS o, subject_id AS s, buyer_id AS b, epoch(ordered_at)::BIGINT AS t,
    epoch(paid_at)::BIGINT AS paid, epoch(dispatched_at)::BIGINT AS sent, epoch(delivered_at)::BIGINT AS came,
    amount::DOUBLE AS amount,
    coalesce(delivered_at > delivery_due_at, false) OR coalesce(dispatched_at > dispatch_due_at, false)
        OR refund_requested_at IS NOT NULL OR cancelled_at IS NOT NULL OR c.o IS NOT NULL AS trouble,
    f.r, f.stars, f.written, coalesce(f.stars = 5, false) AS praised
FROM $transactions t LEFT JOIN first f ON f.o = transaction_id
LEFT JOIN complained c ON c.o = transaction_id

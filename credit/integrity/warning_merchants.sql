WITH orders AS (
    SELECT subject_id AS s, ordered_at AS t, ln(greatest(amount, 0.01)) AS price, dispatch_due_at AS due,
        -- Late: sent after the promise, or not yet.
        coalesce(dispatched_at > dispatch_due_at, true) AS late,
        cancelled_at IS NULL OR cancelled_at > dispatch_due_at AS held
    FROM $transactions WHERE ordered_at >= $past
), kept AS (
    SELECT s, max(due) FILTER (held AND NOT late) AS last_kept FROM orders GROUP BY s
), counted AS (
    SELECT s,
        count(*) FILTER (t >= $recent) AS orders,
        count(*) FILTER (t < $recent) AS orders_before,
        (epoch($recent) - greatest(epoch($past), epoch(min(t)))) / 86400 AS days_before,
        count(due) FILTER (held AND due >= $recent) AS due,
        count(due) FILTER (held AND due >= $recent AND late) AS late,
        count(due) FILTER (held AND due < $recent) AS due_before,
        count(due) FILTER (held AND due < $recent AND late) AS late_before,
        count(due) FILTER (held AND (last_kept IS NULL OR due > last_kept)) AS streak,
        avg(price) FILTER (t >= $recent) AS price,
        avg(price) FILTER (t < $recent) AS price_before,
        var_samp(price) AS price_spread
    FROM orders JOIN kept USING (s) GROUP BY s
), complaints AS (
    SELECT subject_id AS s, count(*) FILTER (filed_at >= $recent) AS complaints,
        count(*) FILTER (filed_at < $recent) AS complaints_before
    FROM $complaints WHERE filed_at >= $past GROUP BY s
), stopped AS (
    SELECT DISTINCT subject_id AS s FROM $sanctions
    WHERE kind IN ('suspension', 'termination') AND until_at IS NULL AND lifted_at IS NULL
)
SELECT s, c.* EXCLUDE (s), coalesce(f.complaints, 0) AS complaints, coalesce(f.complaints_before, 0) AS complaints_before
FROM counted c JOIN (SELECT subject_id AS s FROM $subjects WHERE role = 'seller') USING (s)
LEFT JOIN complaints f USING (s) ANTI JOIN stopped USING (s) ORDER BY s

-- The yardstick: the indicators of the shipped rulebooks, window 365 days, as a person would write them in DuckDB.
-- $cut and $start are the cut-off and the window's start. One row a merchant with numerators and denominators.
WITH t AS (
    SELECT subject_id, buyer_id, category, ordered_on, ordered_at, amount, invoice_asked, refund_reason,
           CASE WHEN cancelled_at < $cut THEN cancelled_by END AS cancelled_by,
           CASE WHEN cancelled_at < $cut THEN cancel_reason END AS cancel_reason,
           cancelled_at < $cut AS cancelled_,
           completed_at < $cut AS completed_,
           CASE WHEN dispatch_due_at < $cut THEN dispatch_due_at END AS dispatch_due,
           CASE WHEN dispatched_at < $cut THEN dispatched_at END AS dispatched,
           CASE WHEN delivery_due_at < $cut THEN delivery_due_at END AS delivery_due,
           CASE WHEN delivered_at < $cut THEN delivered_at END AS delivered,
           CASE WHEN delivered_at < $cut THEN delivery_late_minutes END AS late_minutes,
           invoice_issued_at < $cut AS invoiced,
           CASE WHEN dispatched_at < $cut THEN traceable END AS traceable,
           refund_requested_at < $cut AS refund_asked,
           CASE WHEN refunded_at < $cut THEN refund_minutes END AS refund_minutes
    FROM canonical.transactions
    WHERE ordered_at >= $start AND ordered_at < $cut AND known_at <= $cut
),
orders AS (
    SELECT subject_id,
        count(*) AS orders,
        count(*) FILTER (completed_ AND cancelled_ IS NOT TRUE) AS completed,
        count(*) FILTER (completed_ AND cancelled_ IS NOT TRUE OR cancelled_ AND (cancelled_by <> 'buyer' OR cancel_reason = 'stock_out')) AS concluded,
        count(*) FILTER (cancelled_ AND cancelled_by = 'seller') AS seller_cancelled,
        count(*) FILTER (cancelled_ AND cancel_reason = 'stock_out') AS stock_out,
        count(*) FILTER (dispatch_due IS NOT NULL AND cancelled_ IS NOT TRUE) AS dispatch_due,
        count(*) FILTER (dispatched <= dispatch_due AND cancelled_ IS NOT TRUE) AS dispatched_on_time,
        count(*) FILTER (delivery_due IS NOT NULL AND cancelled_ IS NOT TRUE) AS delivery_due,
        count(*) FILTER (delivered <= delivery_due AND cancelled_ IS NOT TRUE) AS delivered_on_time,
        count(*) FILTER (delivered IS NOT NULL AND delivery_due IS NOT NULL AND cancelled_ IS NOT TRUE) AS delivered_due,
        sum(least(late_minutes, 43200)) FILTER (delivery_due IS NOT NULL AND cancelled_ IS NOT TRUE) AS late_minutes,
        count(*) FILTER (invoice_asked AND completed_ AND cancelled_ IS NOT TRUE) AS invoice_due,
        count(*) FILTER (invoice_asked AND completed_ AND cancelled_ IS NOT TRUE AND invoiced) AS invoiced,
        count(invoice_asked) AS invoice_recorded,
        count(*) FILTER (traceable) AS traceable, count(traceable) AS tracing_recorded,
        count(*) FILTER (refund_asked AND refund_reason IN ('quality', 'not_as_described', 'not_received', 'late')) AS refund_for_cause,
        count(refund_reason) AS refund_recorded,
        count(refund_minutes) AS refunded, median(refund_minutes) AS refund_minutes,
        sum(amount) FILTER (cancelled_ IS NOT TRUE) AS amount,
        count(*) FILTER (ordered_at >= $start_180) AS orders_180,
        count(DISTINCT ordered_on) AS active_days,
        count(DISTINCT category) AS categories
    FROM t GROUP BY subject_id
),
buyers AS (
    SELECT subject_id, count(*) AS buyers, count(*) FILTER (n >= 2) AS returning, sum(n) AS known, sum(n * n) AS squares
    FROM (SELECT subject_id, buyer_id, count(*) AS n FROM t WHERE buyer_id IS NOT NULL GROUP BY ALL) GROUP BY subject_id
),
r AS (
    SELECT *, shared IS NOT TRUE AS own, replied_at < $cut AS replied FROM canonical.reviews
    WHERE reviewed_at >= $start AND reviewed_at < $cut AND known_at <= $cut
),
reviews AS (
    SELECT subject_id,
        sum(rating_overall) FILTER (own) AS overall, count(rating_overall) FILTER (own) AS overall_n,
        sum(rating_description) FILTER (own) AS description, count(rating_description) FILTER (own) AS description_n,
        sum(rating_service) FILTER (own) AS service, count(rating_service) FILTER (own) AS service_n,
        sum(rating_logistics) FILTER (own) AS logistics, count(rating_logistics) FILTER (own) AS logistics_n,
        count(*) FILTER (own AND rating_overall >= 4) AS positive,
        count(*) FILTER (own AND rating_overall <= 2) AS negative,
        count(*) FILTER (own AND rating_overall <= 2 AND replied) AS negative_replied,
        count(*) FILTER (own AND authentic) AS authentic, count(authentic) FILTER (own) AS judged,
        count(DISTINCT buyer_id) FILTER (own) AS reviewers
    FROM r GROUP BY subject_id
),
c AS (
    SELECT subject_id, buyer_id,
        CASE WHEN resolved_at < $cut THEN resolved_at END AS resolved,
        CASE WHEN resolution_due_at < $cut THEN resolution_due_at END AS due,
        coalesce(resolved_at < $cut AND outcome IN ('upheld', 'partly_upheld') AND coalesce(liability, 'seller') = 'seller', false) AS upheld,
        coalesce(resolved_at < $cut AND outcome IN ('upheld', 'partly_upheld'), false) AS justified,
        CASE WHEN first_response_at < $cut THEN response_minutes END AS response_minutes,
        CASE WHEN resolved_at < $cut THEN resolution_minutes END AS resolution_minutes,
        channel IN ('12315', 'association', 'mediation', 'arbitration', 'court') OR coalesce(escalated_at < $cut, false) AS external
    FROM canonical.complaints WHERE filed_at >= $start AND filed_at < $cut AND known_at <= $cut
),
complaints AS (
    SELECT subject_id, count(*) AS complaints, count(*) FILTER (upheld) AS upheld,
        count(*) FILTER (external) AS escalated, count(*) FILTER (external AND upheld) AS lost,
        count(*) FILTER (due IS NOT NULL AND (resolved IS NULL OR resolved > due)) AS overdue,
        median(response_minutes) FILTER (NOT justified) AS response_minutes,
        count(response_minutes) FILTER (NOT justified) AS responded,
        median(resolution_minutes) FILTER (NOT justified) AS resolution_minutes,
        count(resolution_minutes) FILTER (NOT justified) AS resolved,
        count(buyer_id) - count(DISTINCT buyer_id) AS repeated
    FROM c GROUP BY subject_id
)
SELECT s.subject_id, s.kind, s.deposit_amount, orders.* EXCLUDE (subject_id), buyers.* EXCLUDE (subject_id),
    reviews.* EXCLUDE (subject_id), complaints.* EXCLUDE (subject_id)
FROM canonical.subjects s
LEFT JOIN orders USING (subject_id) LEFT JOIN buyers USING (subject_id)
LEFT JOIN reviews USING (subject_id) LEFT JOIN complaints USING (subject_id)
WHERE s.role = 'seller' AND s.known_at <= $cut
ORDER BY s.subject_id

-- The yardstick: the indicators of the shipped rulebooks, window 365 days, as a person would write them in DuckDB.
-- $cut and $start are the cut-off and the window's start. One row a merchant with numerators and denominators.
WITH t AS (
    SELECT subject_id, buyer_id, category, ordered_on, ordered_at, amount, invoice_asked, refund_reason,
           CASE WHEN cancelled_at < $cut THEN cancelled_by END AS cancelled_by,
           CASE WHEN cancelled_at < $cut THEN cancel_reason END AS cancel_reason,
           cancelled_at < $cut AS cancelled_,
           CASE WHEN paid_at < $cut THEN paid_at END AS paid,
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
        count(*) FILTER (completed_ AND cancelled_ IS NOT TRUE OR cancelled_
            AND NOT (cancelled_by = 'buyer' AND cancel_reason <> 'stock_out')
            AND NOT (cancelled_by = 'platform' AND (paid IS NULL OR cancel_reason = 'fraud_suspected'))) AS concluded,
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
    SELECT *, shared IS NOT TRUE AND authentic IS NOT FALSE AS own, shared IS NOT TRUE AS single, replied_at < $cut AS replied FROM canonical.reviews
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
        count(*) FILTER (single AND authentic) AS authentic, count(authentic) FILTER (single) AS judged,
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
),
register AS (
    SELECT subject_id, kind, role, deposit_amount, registration_verified_on IS NOT NULL AS verified, code_valid,
        coalesce(licence_valid_from <= $cut::DATE, true) AND coalesce(licence_valid_until >= $cut::DATE, true)
            AND coalesce(permit_valid_until >= $cut::DATE, true) AS licence_valid,
        contact_verified_on IS NOT NULL AS contact_verified, icp_record IS NOT NULL AS icp,
        date_diff('month', joined_on, $cut::DATE) AS months, verified_on >= $cut::DATE - 183 AS reverified,
        (name IS NOT NULL)::INT + (address IS NOT NULL)::INT + (contact IS NOT NULL)::INT + (category IS NOT NULL)::INT
            + (joined_on IS NOT NULL)::INT + (coalesce(uscc, id_number) IS NOT NULL)::INT AS filled
    FROM canonical.subjects WHERE known_at <= $cut
),
records AS (
    SELECT subject_id,
        sum(CASE grade WHEN 'minor' THEN 1 WHEN 'serious' THEN 10 ELSE 3 END * greatest(0, 1 - date_diff('month',
            valid_from, $cut::DATE) / CASE grade WHEN 'minor' THEN 3 WHEN 'serious' THEN 36 ELSE 12 END))
            FILTER (kind = 'administrative_penalty') AS penalties,
        count(*) FILTER (kind = 'abnormal_operation') AS abnormal, count(*) FILTER (kind = 'serious_violation') AS serious,
        count(*) FILTER (kind = 'dishonest_debtor') AS debtor, count(*) FILTER (kind IN ('award', 'certification')) AS honours,
        arg_max(grade, valid_from) FILTER (kind = 'tax_grade') AS tax
    FROM canonical.public_records
    WHERE known_at <= $cut AND valid_from < $cut::DATE AND coalesce(valid_until >= $cut::DATE, true)
        AND coalesce(repaired_on >= $cut::DATE, true)
    GROUP BY subject_id
),
violated AS (
    SELECT subject_id, sum(CASE severity WHEN 'minor' THEN 1 WHEN 'moderate' THEN 4 ELSE 12 END) AS violations,
        count(*) FILTER (kind IN ('brushing', 'review_manipulation')) AS manipulation, count(*) FILTER (kind = 'fraud') AS fraud
    FROM canonical.violations
    WHERE decided_at >= $start AND decided_at < $cut AND known_at <= $cut AND coalesce(withdrawn_at >= $cut, true)
    GROUP BY subject_id
),
sanctioned AS (
    SELECT subject_id, sum(CASE kind WHEN 'warning' THEN 1 WHEN 'restriction' THEN 3 WHEN 'suspension' THEN 8 ELSE 20 END) AS sanctions
    FROM canonical.sanctions
    WHERE imposed_at < $cut AND known_at <= $cut AND coalesce(until_at > $cut, true) AND coalesce(lifted_at >= $cut, true)
    GROUP BY subject_id
),
checked AS (
    SELECT subject_id, count(*) AS checks, count(*) FILTER (answered_at <= due_at AND result IS DISTINCT FROM 'refused') AS cooperated
    FROM canonical.spot_checks WHERE requested_at >= $start AND due_at < $cut AND known_at <= $cut GROUP BY subject_id
),
bought AS (
    SELECT buyer_id AS subject_id, count(*) AS bought, count(paid) AS paid, count(DISTINCT t.subject_id) AS sellers,
        count(DISTINCT ordered_on) AS days, count(*) FILTER (refund_asked AND refund_reason = 'no_reason') AS no_reason
    FROM t SEMI JOIN (SELECT subject_id FROM register WHERE role = 'buyer') b ON t.buyer_id = b.subject_id
    GROUP BY buyer_id
)
SELECT s.*, orders.* EXCLUDE (subject_id), buyers.* EXCLUDE (subject_id), reviews.* EXCLUDE (subject_id),
    complaints.* EXCLUDE (subject_id), records.* EXCLUDE (subject_id), violated.* EXCLUDE (subject_id),
    sanctioned.* EXCLUDE (subject_id), checked.* EXCLUDE (subject_id), bought.* EXCLUDE (subject_id)
FROM register s
LEFT JOIN orders USING (subject_id) LEFT JOIN buyers USING (subject_id)
LEFT JOIN reviews USING (subject_id) LEFT JOIN complaints USING (subject_id)
LEFT JOIN records USING (subject_id) LEFT JOIN violated USING (subject_id)
LEFT JOIN sanctioned USING (subject_id) LEFT JOIN checked USING (subject_id) LEFT JOIN bought USING (subject_id)
ORDER BY s.subject_id

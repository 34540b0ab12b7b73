SELECT '$prefix-' || s || '-' || i AS transaction_id, 'O' || transaction_id AS order_id, s AS subject_id,
    '$prefix-' || s || '-buyer-' || ($account) AS buyer_id,
    -- Spread evenly, whatever their number.
    TIMESTAMPTZ '$since' + (TIMESTAMPTZ '$until' - TIMESTAMPTZ '$since') * ((i * 0.618034) % 1) AS ordered_at,
    ordered_at + INTERVAL 1 MINUTE AS paid_at, ordered_at + INTERVAL 48 HOUR AS dispatch_due_at,
    ordered_at + INTERVAL 2 HOUR AS dispatched_at, ordered_at + INTERVAL 96 HOUR AS delivery_due_at,
    ordered_at + INTERVAL 36 HOUR AS delivered_at, ordered_at + INTERVAL 37 HOUR AS completed_at,
    NULL AS cancelled_at, NULL AS cancelled_by, NULL AS cancel_reason, $amount AS amount, 'CNY' AS currency,
    'none' AS refund_reason, NULL AS refund_requested_at, NULL AS refunded_at, NULL AS refund_amount,
    false AS invoice_asked, NULL AS invoice_issued_at, true AS traceable, c.category, ordered_at AS known_at
FROM attacked JOIN canonical.subjects c ON c.subject_id = s, (SELECT unnest(range($first, $end)) AS i)

WITH seen AS (
    SELECT t.transaction_id, t.subject_id, t.buyer_id, p.mode, p.ship, p.service,
        CAST(substr(t.transaction_id, 2) AS BIGINT) AS n,
        epoch_us(coalesce(t.refund_requested_at, t.cancelled_at, t.delivered_at, t.delivery_due_at)) // 1000000 AS basis,
        t.dispatched_at <= t.dispatch_due_at AS in_time,
        CASE WHEN p.mode = 'brush' OR t.paid_at IS NULL THEN NULL
             WHEN t.refund_reason IN ('quality', 'not_as_described') THEN t.refund_reason
             WHEN t.refund_reason = 'not_received' OR t.cancelled_at IS NULL AND t.delivered_at IS NULL
                OR t.delivered_at > t.delivery_due_at + INTERVAL 24 HOUR THEN 'delivery'
             WHEN t.refund_requested_at IS NOT NULL AND t.refunded_at IS NULL THEN 'refund'
             WHEN t.cancel_reason IN ('stock_out', 'price_error') THEN 'service'
             ELSE 'chance' END AS cause,
        coalesce(t.abuse, 0) AS abuse
    FROM $schema.transactions t JOIN sim_truth p USING (phase)
), moved AS (
    SELECT * REPLACE (CASE cause WHEN 'chance' THEN sim_pick(
            ['service', 'service', 'quality', 'invoice', 'other', 'privacy', 'counterfeit'], sim_u(n, 'about'))
            ELSE cause END AS cause),
        cause <> 'chance' AS grounded,
        -- Some complain twice of one order.
        unnest(range(if(cause <> 'chance' AND sim_u(n, 'again') < 0.12 * (1 - service), 2, 1))) AS turn
    FROM seen
    WHERE cause IS NOT NULL AND sim_u(n, 'complains') < CASE
        WHEN mode = 'scam' THEN 0.4
        WHEN cause = 'chance' THEN 0.009 * pow(1 - service, 1.5) + 0.35 * abuse
        WHEN cause = 'service' THEN 0.08
        ELSE 0.16 + 0.4 * pow(1 - service, 2) END
), filed AS (
    SELECT *, n * 2 + turn AS id, basis + CAST($day * (0.1 + 3 * sim_u(n, 'files') + 6 * turn) AS BIGINT) AS opened,
        sim_u(n * 2 + turn, 'channel') AS way
    FROM moved
), answered AS (
    SELECT *,
        CASE WHEN way < 0.88 THEN 'platform' WHEN way < 0.96 THEN '12315' WHEN way < 0.975 THEN 'association'
             WHEN way < 0.99 THEN 'mediation' WHEN way < 0.995 THEN 'arbitration' ELSE 'court' END AS channel,
        CASE WHEN sim_u(id, 'answers') > if(mode = 'scam', 0.9, 0.08 * (1 - service))
             THEN opened + CAST($hour * (0.2 + (3 + 60 * pow(1 - service, 1.5)) * sim_e(id, 'answer')) AS BIGINT)
             END AS answered,
        CASE WHEN way < 0.88 AND sim_u(id, 'escalates') < if(mode = 'scam', 0.3, 0.02 + 0.15 * (1 - service))
             THEN opened + CAST($day * (3 + 9 * sim_u(id, 'escalated')) AS BIGINT) END AS escalated,
        sim_u(id, 'outcome') AS fate
    FROM filed
), resolved AS (
    SELECT *,
        CASE WHEN sim_u(id, 'open') > if(mode = 'scam', 0.7, 0.06 * (1 - service))
             THEN greatest(coalesce(answered, opened + 7 * $day), coalesce(escalated, 0)) + CAST($day * (0.1
                + (1 + 7 * (1 - service)) * CASE WHEN channel = 'platform' THEN 1 ELSE 4 END * sim_e(id, 'resolving'))
                AS BIGINT) END AS resolved,
        CASE WHEN mode = 'scam' THEN 'upheld'
             WHEN grounded THEN CASE WHEN fate < 0.50 THEN 'upheld' WHEN fate < 0.66 THEN 'partly_upheld'
                WHEN fate < 0.88 THEN 'settled' WHEN fate < 0.96 THEN 'rejected' ELSE 'withdrawn' END
             ELSE CASE WHEN fate < 0.12 * (1 - abuse) THEN 'upheld' WHEN fate < 0.22 * (1 - abuse) THEN 'partly_upheld'
                WHEN fate < 0.45 * (1 - abuse) THEN 'settled' WHEN fate < 0.85 THEN 'rejected' ELSE 'withdrawn' END END AS outcome
    FROM answered
)
SELECT printf('C%09d', n) || CASE turn WHEN 1 THEN '-2' ELSE '' END AS complaint_id, transaction_id, subject_id, buyer_id,
    channel, cause AS category, opened AS filed_at, answered AS first_response_at,
    opened + $day * CASE channel WHEN 'platform' THEN 7 WHEN 'arbitration' THEN 180 WHEN 'court' THEN 180 ELSE 60 END
        AS resolution_due_at,
    resolved AS resolved_at, outcome,
    CASE WHEN outcome IN ('upheld', 'partly_upheld')
            THEN CASE WHEN cause = 'delivery' AND in_time AND sim_u(id, 'liable') < 0.6 THEN 'carrier' ELSE 'seller' END
         WHEN outcome = 'settled' AND sim_u(id, 'liable') < 0.5 THEN 'seller'
         WHEN outcome = 'rejected' AND sim_u(id, 'liable') < 0.5 + 0.5 * abuse THEN 'buyer'
         ELSE 'none' END AS liability,
    escalated AS escalated_at, opened AS known_at
FROM resolved

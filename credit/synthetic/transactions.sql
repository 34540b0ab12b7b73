WITH placed AS (
    SELECT p.* EXCLUDE (before, first_slot, past_slot, growth, orders), o.n, o.t,
        b.number AS known, b.abuse,
        -- One in twenty-five is never paid.
        CASE WHEN mode <> 'plain' OR sim_u(n, 'unpaid') > coalesce(0.005 + 0.25 * b.abuse, 0.04) THEN t + 15 + CAST(500 * sim_e(n, 'pay') AS BIGINT) END
            AS paid,
        1 + CAST(floor(4.99 * pow(sim_u(n, 'distance'), 1.7)) AS BIGINT) AS distance,  -- days on the road, 1 to 5
        sim_u(n, 'fate') AS fate_draw
    FROM sim_orders o JOIN sim_truth p USING (phase) LEFT JOIN sim_buyers b ON b.slot =
        CASE WHEN mode = 'plain' AND sim_u(n, 'known buyer') < $buyer_share
            THEN CAST(floor($buyer_slots * sim_u(n, 'buyer')) AS BIGINT) END
), fated AS (
    SELECT *, paid + 48 * $hour AS dispatch_due, paid + 48 * $hour + (distance + 1) * $day AS delivery_due,
        CASE WHEN paid IS NULL THEN 'unpaid'
             WHEN mode = 'scam' THEN 'held'
             WHEN mode = 'brush' THEN 'sent'
             WHEN fate_draw < 0.012 + coalesce(0.30 * abuse, 0) THEN 'changed_mind'
             WHEN fate_draw < 0.013 THEN 'fraud_suspected'
             WHEN fate_draw < 0.013 + 0.004 * (1 - goods) THEN 'price_error'
             WHEN fate_draw < 0.013 + 0.004 * (1 - goods) + 0.10 * pow(1 - ship, 2) THEN 'stock_out'
             ELSE 'sent' END AS fate
    FROM placed
), sent AS (
    SELECT *,
        CASE fate
            WHEN 'sent' THEN paid + CAST($hour * CASE
                WHEN mode = 'brush' THEN 1 + 2 * sim_u(n, 'packing')
                WHEN sim_u(n, 'late') < 0.40 * pow(1 - ship, 2) THEN 48.1 + (40 - 25 * ship) * sim_e(n, 'packing')
                ELSE 1 + (46 - 26 * ship) * sim_u(n, 'packing') END AS BIGINT) END AS dispatched,
        CASE fate
            WHEN 'sent' THEN NULL WHEN 'held' THEN NULL
            WHEN 'unpaid' THEN t + CAST($hour * (0.3 + 23 * sim_u(n, 'cancel')) AS BIGINT)
            WHEN 'stock_out' THEN paid + CAST($hour * (3 + 70 * sim_u(n, 'cancel') * (1.2 - service)) AS BIGINT)
            ELSE paid + CAST($hour * (0.1 + 12 * sim_u(n, 'cancel')) AS BIGINT) END AS cancelled
    FROM fated
), carried AS (
    SELECT *,
        CASE WHEN mode <> 'plain' OR sim_u(n, 'lost') > 0.001 + 0.004 * (1 - ship) THEN dispatched + CAST($hour * (
            distance * 24 * (0.55 + 0.5 * sim_u(n, 'road'))
            + CASE WHEN sim_u(n, 'jam') < 0.10 * (1.03 - ship) THEN 45 * sim_e(n, 'jammed') ELSE 0 END) AS BIGINT)
            END AS delivered,
        CASE WHEN sim_u(n, 'unnamed') < 0.02 THEN NULL
             WHEN sim_u(n, 'jam') < 0.10 * (1.03 - ship) AND sim_u(n, 'slow carrier') < 0.5 THEN '$slow_carrier'
             ELSE sim_pick($carriers, sim_u(n, 'carrier')) END AS carrier
    FROM sent
), judged AS (
    SELECT *,
        CASE WHEN cancelled IS NOT NULL
                THEN CASE WHEN paid IS NULL THEN 'none' WHEN fate = 'changed_mind' THEN 'no_reason' ELSE 'other' END
             WHEN mode = 'brush' THEN 'none'
             WHEN mode = 'scam' THEN CASE WHEN sim_u(n, 'refund') < 0.35 THEN 'not_received' ELSE 'none' END
             WHEN delivered IS NULL THEN 'not_received'
             WHEN sim_u(n, 'fault') < 0.10 * pow(1 - goods, 1.6)
                THEN CASE WHEN sim_u(n, 'fault kind') < 0.6 THEN 'quality' ELSE 'not_as_described' END
             WHEN delivered > delivery_due + 2 * $day AND sim_u(n, 'refund') < 0.15 THEN 'late'
             WHEN sim_u(n, 'refund') < returns * if(abuse < 0.1, 0.3, 1) + coalesce(0.60 * abuse, 0) THEN 'no_reason'
             ELSE 'none' END AS reason
    FROM carried
), asked AS (
    SELECT *,
        CASE WHEN reason = 'none' THEN NULL
             WHEN cancelled IS NOT NULL THEN cancelled
             WHEN reason = 'not_received' THEN delivery_due + CAST($day * (4 * sim_u(n, 'ask') - 1) AS BIGINT)
             ELSE delivered + CAST($day * (0.1 + 6.4 * sim_u(n, 'ask')) AS BIGINT) END AS refund_asked,
        -- Refused, or never answered.
        mode = 'scam' OR cancelled IS NULL AND sim_u(n, 'refused') < 0.15 * (1 - service) AS refused,
        CAST(price * exp(0.6 * sim_z(n, 'amount')) AS DECIMAL(18, 2)) + 1 AS amount
    FROM judged
)
SELECT printf('T%09d', n) AS transaction_id, printf('O%09d', n) AS order_id, subject_id,
    printf('B%06d', CASE WHEN known IS NOT NULL THEN known
        ELSE $buyers + 1 + CAST(floor($public * sim_u(number, 'customer ' || mode
            || CAST(floor(pool * pow(sim_u(n, 'buyer'), 1.4)) AS BIGINT))) AS BIGINT) END) AS buyer_id,
    t AS ordered_at, paid AS paid_at,
    CASE WHEN paid < $stop THEN dispatch_due END AS dispatch_due_at, dispatched AS dispatched_at,
    CASE WHEN paid < $stop THEN delivery_due END AS delivery_due_at, delivered AS delivered_at,
    -- Confirmed by the buyer within days, else by the clock after ten.
    delivered + CAST($day * CASE WHEN mode = 'brush' THEN 0.02 WHEN sim_u(n, 'confirm') < 0.55
        THEN 0.05 + 4 * sim_u(n, 'confirmed') ELSE 10 END AS BIGINT) AS completed_at,
    cancelled AS cancelled_at,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'buyer' ELSE 'platform' END
        WHEN 'changed_mind' THEN 'buyer' WHEN 'fraud_suspected' THEN 'platform' ELSE 'seller' END AS cancelled_by,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'changed_mind' ELSE 'other' END
        ELSE fate END AS cancel_reason,
    amount, 'CNY' AS currency,
    reason AS refund_reason, refund_asked AS refund_requested_at,
    CASE WHEN NOT refused THEN refund_asked + CAST($hour * (2 + (12 + 150 * (1 - service)) * sim_e(n, 'refunding'))
        AS BIGINT) END AS refunded_at,
    amount * if(reason IN ('quality', 'late') AND sim_u(n, 'part') < 0.4, 0.3, 1) AS refund_amount,
    mode = 'plain' AND sim_u(n, 'invoice') < if(kind = 'enterprise', 0.20, 0.06) AS invoice_asked,
    CASE WHEN invoice_asked AND cancelled IS NULL AND mode = 'plain' AND sim_u(n, 'invoiced') < 0.65 + 0.35 * service
        THEN coalesce(delivered, paid) + CAST($day * (0.2 + (6 - 4 * service) * sim_e(n, 'invoicing')) AS BIGINT)
        END AS invoice_issued_at,
    sim_u(n, 'trace') < 0.80 + 0.20 * ship AS traceable,
    carrier, category, t AS known_at, phase, abuse
FROM asked

WITH delivered AS (
    SELECT t.transaction_id, t.subject_id, t.buyer_id, p.mode, p.ship, p.goods, p.service,
        CAST(substr(t.transaction_id, 2) AS BIGINT) AS n, epoch_us(t.delivered_at) // 1000000 AS came,
        t.refund_reason IN ('quality', 'not_as_described') AS faulty,
        greatest(0, epoch_us(t.delivered_at) - epoch_us(t.delivery_due_at)) / 86.4e9 AS late_days, t.abuse
    FROM $schema.transactions t JOIN sim_truth p USING (phase) WHERE t.delivered_at IS NOT NULL
), felt AS (
    SELECT *, came + CAST(CASE mode WHEN 'brush' THEN 1800 + 3600 * sim_u(n, 'writes')
            ELSE $day * (0.1 + 3.5 * sim_e(n, 'writes')) END AS BIGINT) AS written,
        -- Some goods are sound by the books and a disappointment all the same; it colours the rest.
        CASE WHEN faulty THEN 3.8 WHEN sim_u(n, 'sour') < 0.13 * (1 - goods) THEN 3.2 ELSE 0 END AS disappointed,
        5.5 + 0.35 * sim_z(n, 'mood') AS mood,
        -- Without regard to the goods: mostly one star, at times five.
        CASE WHEN mode = 'brush' THEN 5
             WHEN abuse IS NULL THEN NULL
             WHEN sim_u(n, 'malice') < 0.8 * abuse THEN CASE WHEN sim_u(n, 'bought') < 0.2 THEN 5 ELSE 1 END
             END AS feigned
    FROM delivered
    WHERE sim_u(n, 'reviews') < CASE WHEN mode = 'brush' THEN 0.97 WHEN faulty THEN 0.80 ELSE 0.68 END
), rated AS (
    SELECT *,
        coalesce(feigned, mood - 1.6 * (1 - goods) - disappointed + 0.4 * sim_z(n, 'goods felt')) AS goods_felt,
        coalesce(feigned, mood - 1.8 * (1 - service) - 0.4 * disappointed + 0.4 * sim_z(n, 'service felt'))
            AS service_felt,
        coalesce(feigned, mood - 0.9 * (1 - ship) - 0.25 * disappointed - 1.5 * sqrt(late_days)
            + 0.4 * sim_z(n, 'ship felt')) AS ship_felt
    FROM felt
), summed AS (
    SELECT *, coalesce(feigned, sim_star(0.7 * least(goods_felt, 5.2) + 0.2 * least(service_felt, 5.2)
        + 0.3 * least(ship_felt, 5.2) - 0.9 + 0.35 * sim_z(n, 'overall'))) AS stars
    FROM rated
)
SELECT printf('R%09d', n) AS review_id, transaction_id, subject_id, buyer_id, written AS reviewed_at,
    stars AS rating_overall, sim_star(goods_felt) AS rating_description, sim_star(service_felt) AS rating_service,
    sim_star(ship_felt) AS rating_logistics,
    CASE WHEN mode = 'brush' THEN '好评！宝贝超级棒，已经回购很多次了，强烈推荐！'
         WHEN sim_u(n, 'silent') < 0.35 THEN NULL
         ELSE sim_pick(CASE WHEN stars >= 4 THEN $praise WHEN stars = 3 THEN $middling ELSE $blame END,
                sim_u(n, 'words')) || '。'
            || sim_pick(CASE WHEN late_days > 1 THEN $slow ELSE $quick END, sim_u(n, 'road words')) END AS text,
    CASE WHEN sim_u(n, 'reply') < service * CASE WHEN stars <= 3 THEN 0.95 ELSE 0.3 END
        THEN written + CAST($hour * (0.3 + (4 + 60 * (1 - service)) * sim_e(n, 'replies')) AS BIGINT) END AS replied_at,
    sim_pick(CASE WHEN stars <= 3 THEN $sorry ELSE $thanks END, sim_u(n, 'reply words')) AS reply,
    false AS shared,
    CASE WHEN sim_u(n, 'checked') < coalesce(0.15 + 0.5 * abuse, 0.02) THEN feigned IS NULL END AS authentic,
    written AS known_at
FROM summed

"""SQL of the synthetic marketplace: from numbers to people, orders, reviews, complaints, records."""

from __future__ import annotations

PEOPLE = """
CREATE OR REPLACE TEMP TABLE sim_people AS
WITH drawn AS (
    SELECT i AS number, 'seller' AS role, printf('M%06d', i) AS subject_id, i AS id FROM range(1, {merchants} + 1) t(i)
    UNION ALL
    SELECT i, 'buyer', printf('B%06d', i), -i FROM range(1, {buyers} + 1) t(i)
), told AS (
    SELECT d.*, s.story, s.shop,
        CASE WHEN role = 'buyer' THEN 'individual'
             ELSE coalesce(s.kind, CASE WHEN sim_u(id, 'kind') < 0.6 THEN 'enterprise' ELSE 'individual' END) END AS kind,
        coalesce(s.category, sim_pick({category_draw}, sim_u(id, 'category'))) AS category,
        -- A buyer's is honesty: most are honest, one in seven is not.
        coalesce(s.quality, CASE role WHEN 'seller' THEN sim_unit(0.68 + 0.19 * sim_z(id, 'quality'))
                                      ELSE 1 - 0.95 * pow(sim_u(id, 'honesty'), 4) END) AS quality,
        -- One merchant in eight came within the period; the others up to eight years ago.
        coalesce(s.joined, CAST(CASE WHEN role = 'seller' AND sim_u(id, 'new') < 0.12 THEN 15 + sim_u(id, 'joined') * ({days} - 15)
                                     ELSE {days} + sim_u(id, 'joined') * 2500 END AS BIGINT)) AS joined,
        CAST(floor(sim_u(id, 'city') * {cities}) AS BIGINT) AS city
    FROM drawn d LEFT JOIN (VALUES {stories}) s(subject_id, story, shop, kind, category, quality, joined)
        USING (subject_id)
)
SELECT *, DATE '{end}' - CAST(joined AS INTEGER) AS joined_on, {city_codes}[1 + city] AS area,
    {city_names}[1 + city] AS city_name,
    -- Careless merchants are careless with their papers too.
    story IS NULL AND role = 'seller' AND sim_u(id, 'papers') < 0.35 * pow(1 - quality, 2) AS lapsed
FROM told
"""

TRUTH = """
CREATE OR REPLACE TEMP TABLE sim_truth AS
WITH phases AS (
    SELECT m.number, 0 AS part, m.subject_id, m.kind, m.category, m.story, 'plain' AS mode, NULL::BIGINT AS orders,
        m.joined AS since,
        -- One in twenty-five has closed shop.
        CASE WHEN sim_u(id, 'closed') < 0.04 THEN least(joined - 5, CAST(30 + 150 * sim_u(id, 'left') AS BIGINT))
             ELSE 0 END AS until,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'ship')) AS ship,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'goods')) AS goods,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'service')) AS service,
        -- Log-normal in size; the good grow larger, single persons stay smaller, one in fifty sells nothing.
        CASE WHEN sim_u(id, 'idle') < 0.02 THEN 0 ELSE 1 + CAST(1000 * least(1.0, joined / {days}) * exp(
            1.15 * sim_z(id, 'size') + 0.8 * quality - if(kind = 'individual', 0.9, 0)) AS BIGINT) END AS weight
    FROM sim_people m WHERE role = 'seller' AND story IS NULL
    UNION ALL
    SELECT m.number, s.part, m.subject_id, m.kind, m.category, m.story, s.mode, s.orders, s.since, s.until,
        s.ship, s.goods, s.service, 0
    FROM sim_people m JOIN (VALUES {phases}) s(subject_id, part, mode, orders, since, until, ship, goods, service)
        USING (subject_id)
), summed AS (
    SELECT *, sum(weight) OVER (ORDER BY number, part) AS reached, sum(weight) OVER () AS total FROM phases
), sized AS (
    -- Differences of a rounded running sum: the orders add up to the very number asked for.
    SELECT * EXCLUDE (orders), coalesce(orders,
        {free}::HUGEINT * reached // total - {free}::HUGEINT * (reached - weight) // total)::BIGINT AS orders
    FROM summed
)
SELECT row_number() OVER (ORDER BY number, part) AS phase, p.subject_id, p.kind, p.category, p.story, p.mode,
    p.orders, p.ship, p.goods, p.service,
    CAST(sum(p.orders) OVER (ORDER BY number, part) - p.orders AS BIGINT) AS before,
    first.slot AS first_slot, past.slot AS past_slot,
    p.number,
    -- How many different buyers there are to draw from; eight hands brush.
    CASE p.mode WHEN 'brush' THEN 8 ELSE 2 + CAST(p.orders * (1.4 - 0.6 * p.goods) AS BIGINT) END AS pool,
    -- Above 1: the volume was larger in the past; below: it grows.
    CASE WHEN p.story IS NULL THEN 0.7 + 0.6 * sim_u(p.number, 'growth') ELSE 1 END AS growth,
    c.price * exp(0.5 * sim_z(p.number, 'price')) * CASE p.mode WHEN 'scam' THEN 0.3 WHEN 'brush' THEN 0.2 ELSE 1 END
        AS price,
    c.returns
FROM sized p
JOIN (VALUES {categories}) c(category, price, returns) USING (category)
JOIN sim_days first ON first.day = {days} - greatest(1, least(p.since, {days}))
JOIN sim_days past ON past.day = {days} - greatest(0, least(p.until, {days} - 1))
"""

# Orders in the order of time, as a platform's books have them; all else is computed along the way.
ORDERS = """
CREATE OR REPLACE TEMP TABLE sim_orders AS
WITH numbered AS (
    SELECT phase, mode, first_slot, past_slot, growth, before + unnest(range(orders)) + 1 AS n FROM sim_truth
), placed AS (
    SELECT phase, mode, n, sim_u(n, 'hour') AS hump,
        first_slot + CAST(floor(pow(sim_u(n, 'day'), growth) * (past_slot - first_slot)) AS BIGINT) AS slot
    FROM numbered
)
SELECT phase, n, {start} + s.day * 86400 + CAST(CASE
    WHEN mode = 'brush' THEN 7200 + 7200 * sim_u(n, 'second')                            -- two to four at night
    WHEN hump < 0.20 THEN 86399 * sim_u(n, 'second')
    WHEN hump < 0.55 THEN 32400 + 14400 * (sim_u(n, 'second') + sim_u(n, 'second 2'))  -- about 13:00
    ELSE 61200 + 12599 * (sim_u(n, 'second') + sim_u(n, 'second 2'))                    -- about 20:30
    END AS BIGINT) AS t
FROM placed JOIN sim_slots s USING (slot)
ORDER BY t, n
"""

# Buyers who are subjects, by slot: those with a story have three. `abuse` rises from 0 as honesty falls.
BUYERS = """
CREATE OR REPLACE TEMP TABLE sim_buyers AS
SELECT CAST(row_number() OVER (ORDER BY number, turn) - 1 AS BIGINT) AS slot, number, pow(1 - quality, 2) AS abuse
FROM sim_people, range(3) r(turn) WHERE role = 'buyer' AND (turn = 0 OR story IS NOT NULL)
"""

_SUBJECTS = """
WITH coded AS (
    SELECT *,
        sim_organisation('MA' || substr('0123456789', CAST(1 + floor(sim_u(id, 'org') * 10) AS BIGINT), 1)
            || sim_serial(number)) AS organisation,
        kind = 'enterprise' OR role = 'seller' AND sim_u(id, 'household') < 0.3 AS licensed,
        coalesce(story NOT IN ('careless_giant', 'brusher', 'exit_scam', 'abusive_buyer'), false) AS tidy
    FROM sim_people
), worded AS (
    SELECT *,
        CASE WHEN licensed THEN sim_credit(CASE kind WHEN 'enterprise' THEN '91' ELSE '92' END || area || organisation)
             END AS code,
        sim_pick({surnames}, sim_u(id, 'surname')) || sim_pick({given}, sim_u(id, 'given')) AS person
    FROM coded
)
SELECT subject_id, kind, role,
    coalesce(shop, CASE kind WHEN 'enterprise'
        THEN regexp_extract(city_name, '([^省]+)$', 1) || sim_pick({brand_1}, sim_u(id, 'brand 1'))
            || sim_pick({brand_2}, sim_u(id, 'brand 2')) || c.trade || '有限公司'
        ELSE person END) AS name,
    code AS uscc,
    CASE kind WHEN 'individual' THEN sim_citizen(area || CAST(1960 + floor(45 * sim_u(id, 'year')) AS BIGINT)
        || lpad(CAST(1 + floor(12 * sim_u(id, 'month')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(1 + floor(28 * sim_u(id, 'day')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(floor(1000 * sim_u(id, 'serial')) AS BIGINT)::VARCHAR, 3, '0')) END AS id_number,
    CASE WHEN tidy OR sim_u(id, 'registered') < 0.9 + 0.1 * quality 
         THEN joined_on + if(role = 'buyer', CAST(60 * sim_u(id, 'identified') AS INTEGER), 0) END
        AS registration_verified_on,
    code AS licence_no,
    CASE WHEN licensed THEN joined_on - CAST(20 + 1500 * sim_u(id, 'licence') AS INTEGER) END AS licence_valid_from,
    CASE WHEN story = 'expired_licence' THEN DATE '{end}' - 20
         WHEN licensed AND lapsed THEN DATE '{end}' - CAST(1 + least(200, joined) * sim_u(id, 'lapsed') AS INTEGER)
         WHEN licensed AND sim_u(id, 'term') < 0.6 THEN DATE '{end}' + CAST(30 + 5000 * sim_u(id, 'licence end') AS INTEGER)
         END AS licence_valid_until,
    CASE WHEN category = '食品生鲜' AND licensed THEN 'JY1' || area || lpad(number::VARCHAR, 7, '0') END AS permit_no,
    CASE WHEN category = '食品生鲜' AND licensed THEN DATE '{end}'
         + CAST(1700 * sim_u(id, 'permit') - if(story IS NULL, 60, 0) AS INTEGER) END AS permit_valid_until,
    CASE WHEN licensed AND (tidy OR sim_u(id, 'icp') < 0.5 + 0.4 * quality) THEN printf('测ICP备%08d号', number)
         END AS icp_record,
    city_name || sim_pick({streets}, sim_u(id, 'street')) || CAST(1 + floor(300 * sim_u(id, 'house')) AS BIGINT) || '号'
        AS address,
    lower(subject_id) || if(role = 'seller', '@shop.example', '@mail.example') AS contact,
    CASE WHEN tidy OR sim_u(id, 'reached') < 0.75 + 0.22 * quality
         THEN least(joined_on + CAST(400 * sim_u(id, 'contact') AS INTEGER), DATE '{end}' - 1) END AS contact_verified_on,
    coalesce(story = 'self_operated', false) AS self_operated,
    CASE role WHEN 'seller' THEN category END AS category,
    CASE WHEN role = 'seller' THEN CASE kind WHEN 'enterprise' THEN 10000 ELSE 1000 END
         * CAST(floor(6 * sqrt(quality) * sim_u(id, 'deposit') + quality) AS BIGINT) END AS deposit_amount,
    CASE role WHEN 'seller' THEN 'CNY' END AS currency,
    joined_on,
    greatest(joined_on, DATE '{end}' - CAST(CASE WHEN story = 'expired_licence' THEN 85 WHEN tidy THEN 30 * sim_u(id, 'verified')
        ELSE 1 + 320 * sim_u(id, 'verified') * (1.25 - quality) END AS INTEGER) - 1) AS verified_on,
    epoch(joined_on)::BIGINT - 28800 AS known_at
FROM worded LEFT JOIN (VALUES {trades}) c(category, trade) USING (category)
"""

_TRANSACTIONS = """
WITH placed AS (
    SELECT p.* EXCLUDE (before, first_slot, past_slot, growth, orders), o.n, o.t,
        b.number AS known, b.abuse,
        -- One in twenty-five is never paid.
        CASE WHEN mode <> 'plain' OR sim_u(n, 'unpaid') > coalesce(0.005 + 0.25 * b.abuse, 0.04) THEN t + 15 + CAST(500 * sim_e(n, 'pay') AS BIGINT) END
            AS paid,
        1 + CAST(floor(4.99 * pow(sim_u(n, 'distance'), 1.7)) AS BIGINT) AS distance,  -- days on the road, 1 to 5
        sim_u(n, 'fate') AS fate_draw
    FROM sim_orders o JOIN sim_truth p USING (phase) LEFT JOIN sim_buyers b ON b.slot =
        CASE WHEN mode = 'plain' AND sim_u(n, 'known buyer') < {buyer_share}
            THEN CAST(floor({buyer_slots} * sim_u(n, 'buyer')) AS BIGINT) END
), fated AS (
    SELECT *, paid + 48 * {hour} AS dispatch_due, paid + 48 * {hour} + (distance + 1) * {day} AS delivery_due,
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
            WHEN 'sent' THEN paid + CAST({hour} * CASE
                WHEN mode = 'brush' THEN 1 + 2 * sim_u(n, 'packing')
                WHEN sim_u(n, 'late') < 0.40 * pow(1 - ship, 2) THEN 48.1 + (40 - 25 * ship) * sim_e(n, 'packing')
                ELSE 1 + (46 - 26 * ship) * sim_u(n, 'packing') END AS BIGINT) END AS dispatched,
        CASE fate
            WHEN 'sent' THEN NULL WHEN 'held' THEN NULL
            WHEN 'unpaid' THEN t + CAST({hour} * (0.3 + 23 * sim_u(n, 'cancel')) AS BIGINT)
            WHEN 'stock_out' THEN paid + CAST({hour} * (3 + 70 * sim_u(n, 'cancel') * (1.2 - service)) AS BIGINT)
            ELSE paid + CAST({hour} * (0.1 + 12 * sim_u(n, 'cancel')) AS BIGINT) END AS cancelled
    FROM fated
), carried AS (
    SELECT *,
        CASE WHEN mode <> 'plain' OR sim_u(n, 'lost') > 0.001 + 0.004 * (1 - ship) THEN dispatched + CAST({hour} * (
            distance * 24 * (0.55 + 0.5 * sim_u(n, 'road'))
            + CASE WHEN sim_u(n, 'jam') < 0.10 * (1.03 - ship) THEN 45 * sim_e(n, 'jammed') ELSE 0 END) AS BIGINT)
            END AS delivered
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
             WHEN delivered > delivery_due + 2 * {day} AND sim_u(n, 'refund') < 0.15 THEN 'late'
             WHEN sim_u(n, 'refund') < returns * if(abuse < 0.1, 0.3, 1) + coalesce(0.60 * abuse, 0) THEN 'no_reason'
             ELSE 'none' END AS reason
    FROM carried
), asked AS (
    SELECT *,
        CASE WHEN reason = 'none' THEN NULL
             WHEN cancelled IS NOT NULL THEN cancelled
             WHEN reason = 'not_received' THEN delivery_due + CAST({day} * (4 * sim_u(n, 'ask') - 1) AS BIGINT)
             ELSE delivered + CAST({day} * (0.1 + 6.4 * sim_u(n, 'ask')) AS BIGINT) END AS refund_asked,
        -- Refused, or never answered.
        mode = 'scam' OR cancelled IS NULL AND sim_u(n, 'refused') < 0.15 * (1 - service) AS refused,
        CAST(price * exp(0.6 * sim_z(n, 'amount')) AS DECIMAL(18, 2)) + 1 AS amount
    FROM judged
)
SELECT printf('T%09d', n) AS transaction_id, printf('O%09d', n) AS order_id, subject_id,
    printf('B%06d', CASE WHEN known IS NOT NULL THEN known
        ELSE {buyers} + 1 + CAST(floor({public} * sim_u(number, 'customer ' || mode
            || CAST(floor(pool * pow(sim_u(n, 'buyer'), 1.4)) AS BIGINT))) AS BIGINT) END) AS buyer_id,
    t AS ordered_at, paid AS paid_at,
    CASE WHEN paid < {stop} THEN dispatch_due END AS dispatch_due_at, dispatched AS dispatched_at,
    CASE WHEN paid < {stop} THEN delivery_due END AS delivery_due_at, delivered AS delivered_at,
    -- Confirmed by the buyer within days, else by the clock after ten.
    delivered + CAST({day} * CASE WHEN mode = 'brush' THEN 0.02 WHEN sim_u(n, 'confirm') < 0.55
        THEN 0.05 + 4 * sim_u(n, 'confirmed') ELSE 10 END AS BIGINT) AS completed_at,
    cancelled AS cancelled_at,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'buyer' ELSE 'platform' END
        WHEN 'changed_mind' THEN 'buyer' WHEN 'fraud_suspected' THEN 'platform' ELSE 'seller' END AS cancelled_by,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'changed_mind' ELSE 'other' END
        ELSE fate END AS cancel_reason,
    amount, 'CNY' AS currency,
    reason AS refund_reason, refund_asked AS refund_requested_at,
    CASE WHEN NOT refused THEN refund_asked + CAST({hour} * (2 + (12 + 150 * (1 - service)) * sim_e(n, 'refunding'))
        AS BIGINT) END AS refunded_at,
    amount * if(reason IN ('quality', 'late') AND sim_u(n, 'part') < 0.4, 0.3, 1) AS refund_amount,
    mode = 'plain' AND sim_u(n, 'invoice') < if(kind = 'enterprise', 0.20, 0.06) AS invoice_asked,
    CASE WHEN invoice_asked AND cancelled IS NULL AND mode = 'plain' AND sim_u(n, 'invoiced') < 0.65 + 0.35 * service
        THEN coalesce(delivered, paid) + CAST({day} * (0.2 + (6 - 4 * service) * sim_e(n, 'invoicing')) AS BIGINT)
        END AS invoice_issued_at,
    sim_u(n, 'trace') < 0.80 + 0.20 * ship AS traceable,
    category, t AS known_at, phase, abuse
FROM asked
"""

_REVIEWS = """
WITH delivered AS (
    SELECT t.transaction_id, t.subject_id, t.buyer_id, p.mode, p.ship, p.goods, p.service,
        CAST(substr(t.transaction_id, 2) AS BIGINT) AS n, epoch_us(t.delivered_at) // 1000000 AS came,
        t.refund_reason IN ('quality', 'not_as_described') AS faulty,
        greatest(0, epoch_us(t.delivered_at) - epoch_us(t.delivery_due_at)) / 86.4e9 AS late_days, t.abuse
    FROM {schema}.transactions t JOIN sim_truth p USING (phase) WHERE t.delivered_at IS NOT NULL
), felt AS (
    SELECT *, came + CAST(CASE mode WHEN 'brush' THEN 1800 + 3600 * sim_u(n, 'writes')
            ELSE {day} * (0.1 + 3.5 * sim_e(n, 'writes')) END AS BIGINT) AS written,
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
         ELSE sim_pick(CASE WHEN stars >= 4 THEN {praise} WHEN stars = 3 THEN {middling} ELSE {blame} END,
                sim_u(n, 'words')) || '。'
            || sim_pick(CASE WHEN late_days > 1 THEN {slow} ELSE {quick} END, sim_u(n, 'road words')) END AS text,
    CASE WHEN sim_u(n, 'reply') < service * CASE WHEN stars <= 3 THEN 0.95 ELSE 0.3 END
        THEN written + CAST({hour} * (0.3 + (4 + 60 * (1 - service)) * sim_e(n, 'replies')) AS BIGINT) END AS replied_at,
    sim_pick(CASE WHEN stars <= 3 THEN {sorry} ELSE {thanks} END, sim_u(n, 'reply words')) AS reply,
    false AS shared,
    CASE WHEN sim_u(n, 'checked') < coalesce(0.15 + 0.5 * abuse, 0.02) THEN feigned IS NULL END AS authentic,
    written AS known_at
FROM summed
"""

_COMPLAINTS = """
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
    FROM {schema}.transactions t JOIN sim_truth p USING (phase)
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
    SELECT *, n * 2 + turn AS id, basis + CAST({day} * (0.1 + 3 * sim_u(n, 'files') + 6 * turn) AS BIGINT) AS opened,
        sim_u(n * 2 + turn, 'channel') AS way
    FROM moved
), answered AS (
    SELECT *,
        CASE WHEN way < 0.88 THEN 'platform' WHEN way < 0.96 THEN '12315' WHEN way < 0.975 THEN 'association'
             WHEN way < 0.99 THEN 'mediation' WHEN way < 0.995 THEN 'arbitration' ELSE 'court' END AS channel,
        CASE WHEN sim_u(id, 'answers') > if(mode = 'scam', 0.9, 0.08 * (1 - service))
             THEN opened + CAST({hour} * (0.2 + (3 + 60 * pow(1 - service, 1.5)) * sim_e(id, 'answer')) AS BIGINT)
             END AS answered,
        CASE WHEN way < 0.88 AND sim_u(id, 'escalates') < if(mode = 'scam', 0.3, 0.02 + 0.15 * (1 - service))
             THEN opened + CAST({day} * (3 + 9 * sim_u(id, 'escalated')) AS BIGINT) END AS escalated,
        sim_u(id, 'outcome') AS fate
    FROM filed
), resolved AS (
    SELECT *,
        CASE WHEN sim_u(id, 'open') > if(mode = 'scam', 0.7, 0.06 * (1 - service))
             THEN greatest(coalesce(answered, opened + 7 * {day}), coalesce(escalated, 0)) + CAST({day} * (0.1
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
    opened + {day} * CASE channel WHEN 'platform' THEN 7 WHEN 'arbitration' THEN 180 WHEN 'court' THEN 180 ELSE 60 END
        AS resolution_due_at,
    resolved AS resolved_at, outcome,
    CASE WHEN outcome IN ('upheld', 'partly_upheld')
            THEN CASE WHEN cause = 'delivery' AND in_time AND sim_u(id, 'liable') < 0.6 THEN 'carrier' ELSE 'seller' END
         WHEN outcome = 'settled' AND sim_u(id, 'liable') < 0.5 THEN 'seller'
         WHEN outcome = 'rejected' AND sim_u(id, 'liable') < 0.5 + 0.5 * abuse THEN 'buyer'
         ELSE 'none' END AS liability,
    escalated AS escalated_at, opened AS known_at
FROM resolved
"""

# kind, its letters in an id, issuer, at most so many, chance = base + slope * (1 - quality)^2, days back at most
RECORD_KINDS = (
    ("administrative_penalty", "AP", "市场监督管理局", 2, 0.0, 0.25, 700),
    ("abnormal_operation", "AO", "市场监督管理局", 1, 0.0, 0.12, 700),
    ("serious_violation", "SV", "市场监督管理局", 1, 0.0, 0.02, 900),
    ("dishonest_debtor", "DD", "人民法院", 1, 0.0, 0.03, 900),
    ("tax_grade", "TG", "税务局", 3, 0.85, 0.0, 0),
    ("award", "AW", "市场监督管理局", 1, 0.10, -0.10, 900),
    ("certification", "CE", "市场监督管理局", 1, 0.20, -0.18, 900),
)

_PUBLIC_RECORDS = """
WITH drawn AS (
    SELECT p.*, k.kind AS record, k.issuer, k.back, k.base + k.slope * pow(1 - quality, 2) AS chance,
        p.subject_id || k.letters AS pair, unnest(range(k.most)) AS turn
    FROM sim_people p, (VALUES {record_kinds}) k(kind, letters, issuer, most, base, slope, back)
    WHERE p.role = 'seller' AND p.kind = 'enterprise' AND (p.story IS NULL OR k.kind = 'tax_grade')
), dated AS (
    SELECT *, pair || turn AS rid, sim_u(pair || turn, 'severity') AS grave,
        -- Tax grades are published each April for the year before.
        CASE record WHEN 'tax_grade' THEN make_date(year(DATE '{end}')::BIGINT - turn, 4, 20)
            ELSE DATE '{end}' - CAST(1 + back * sim_u(pair || turn, 'back') AS INTEGER) END AS since
    FROM drawn WHERE sim_u(pair || turn, 'record') < chance
), graded AS (
    SELECT *,
        CASE record
            WHEN 'administrative_penalty'
                THEN CASE WHEN grave < 0.6 THEN 'minor' WHEN grave < 0.9 THEN 'moderate' ELSE 'serious' END
            WHEN 'tax_grade' THEN CASE WHEN story = 'excellent_veteran' THEN 'A' WHEN joined < 365 THEN 'M'
                WHEN grave < 0.6 * quality THEN 'A' WHEN grave < 0.4 + 0.58 * quality THEN 'B'
                WHEN grave < 0.7 + 0.29 * quality OR story IS NOT NULL THEN 'C' ELSE 'D' END
            WHEN 'certification' THEN 'A' END AS grade,
        since + 40 + CAST(300 * sim_u(rid, 'removal') AS INTEGER) AS removed
    FROM dated
), told AS (
    SELECT 'P-' || rid AS record_id, subject_id, record AS kind,
        city_name || issuer AS issuer, grade, since AS valid_from,
        CASE record
            -- Shown for 3, 12 and 36 months by severity.
            WHEN 'administrative_penalty' THEN since + CASE grade WHEN 'minor' THEN 91 WHEN 'moderate' THEN 365 ELSE 1096 END
            WHEN 'serious_violation' THEN since + 1096
            -- Taken off the list when reached again: no term is set.
            WHEN 'abnormal_operation' THEN CASE WHEN sim_u(rid, 'removed') < 0.3 AND removed < DATE '{end}' THEN removed END
            WHEN 'tax_grade' THEN since + 365
            WHEN 'award' THEN since + 1096
            WHEN 'certification' THEN since + 1096 END AS valid_until,
        CASE WHEN sim_u(rid, 'repair') < if(record = 'abnormal_operation', 0.3, 0) + 0.4 * quality THEN CASE
            WHEN record = 'administrative_penalty' AND grade = 'moderate'
                THEN since + 92 + CAST(120 * sim_u(rid, 'repaired') AS INTEGER)
            WHEN record IN ('abnormal_operation', 'dishonest_debtor')
                THEN since + 30 + CAST(200 * sim_u(rid, 'repaired') AS INTEGER)
            END END AS repaired_on,
        CASE record WHEN 'administrative_penalty' THEN '因违反《中华人民共和国消费者权益保护法》被处以罚款'
            WHEN 'abnormal_operation' THEN '通过登记的住所或者经营场所无法联系' END AS note
    FROM graded
    UNION ALL
    SELECT 'P-' || subject_id || '-1', subject_id, s.kind, city_name || s.issuer, s.grade, DATE '{end}' - s.since,
        DATE '{end}' - s.since + s.length, DATE '{end}' - s.repaired, s.note
    FROM sim_people p JOIN (VALUES {story_records}) s(story, kind, issuer, grade, since, length, repaired, note) USING (story)
)
SELECT record_id, subject_id, kind, issuer,
    CASE WHEN kind = 'administrative_penalty'
        THEN printf('示市监处罚〔%d〕%05d号', year(valid_from), hash(record_id) % 100000) END AS reference,
    grade, valid_from, valid_until,
    CASE WHEN repaired_on < valid_until OR valid_until IS NULL THEN repaired_on END AS repaired_on,
    note, epoch(valid_from)::BIGINT - 28800 + {day} * (1 + CAST(hash(record_id, 'delay') % 5 AS BIGINT)) AS known_at
FROM told
"""

_VIOLATIONS = """
WITH drawn AS (
    SELECT *, hash(number, turn, 'violation') AS vid
    FROM sim_people, range(2) r(turn) WHERE role = 'seller' AND story IS NULL
), told AS (
    SELECT printf('V%06d', number) || '-' || (turn + 1) AS violation_id, subject_id, vid,
        sim_pick(['false_advertising', 'service_breach', 'service_breach', 'information', 'information', 'brushing',
            'review_manipulation', 'counterfeit', 'prohibited_goods', 'other'], sim_u(vid, 'kind')) AS kind,
        sim_pick(['minor', 'minor', 'minor', 'minor', 'minor', 'moderate', 'moderate', 'moderate', 'serious'],
            sim_u(vid, 'severity')) AS severity,
        {stop} - CAST({day} * least(joined, 500) * sim_u(vid, 'when') AS BIGINT) AS decided,
        sim_u(vid, 'withdrawn') < 0.04 AS withdrawn, NULL AS note
    FROM drawn WHERE sim_u(vid, 'violation') < 0.35 * pow(1 - quality, 1.5)
    UNION ALL
    SELECT 'V-' || subject_id || '-' || s.nth, subject_id, hash(subject_id, s.nth), s.kind, s.severity,
        {stop} - {day} * s.days - 50000, false, s.note
    FROM sim_people p JOIN (VALUES {story_violations}) s(story, nth, kind, severity, days, measure, note) USING (story)
)
SELECT violation_id, subject_id, kind, severity,
    -- In a story it is the burst or the weeks the decision speaks of.
    decided - CAST({day} * if(note IS NULL, 1 + 20 * sim_u(vid, 'before'), 5 + 2 * sim_u(vid, 'before')) AS BIGINT)
        AS occurred_at, decided AS decided_at,
    CASE WHEN withdrawn THEN decided + CAST({day} * (3 + 20 * sim_u(vid, 'appeal')) AS BIGINT) END AS withdrawn_at,
    note, decided AS known_at
FROM told
"""

_SANCTIONS = """
WITH decided AS (
    SELECT v.*, epoch_us(decided_at) // 1000000 AS opened, epoch_us(withdrawn_at) // 1000000 AS withdrawn,
        sim_u(violation_id, 'sanction') AS draw, s.measure AS story_measure
    FROM {schema}.violations v LEFT JOIN (
        SELECT 'V-' || subject_id || '-' || nth AS violation_id, measure FROM sim_people
        JOIN (VALUES {story_violations}) t(story, nth, kind, severity, days, measure, note) USING (story)
    ) s USING (violation_id)
), imposed AS (
    SELECT *, opened + CAST({hour} * (1 + 30 * sim_u(violation_id, 'imposed')) AS BIGINT) AS since,
        CASE WHEN story_measure IS NOT NULL THEN story_measure
            WHEN severity = 'minor' THEN 'warning'
            WHEN severity = 'moderate' THEN CASE WHEN draw < 0.4 THEN 'warning' ELSE 'restriction' END
            ELSE CASE WHEN draw < 0.8 THEN 'suspension' ELSE 'termination' END END AS measure
    FROM decided WHERE severity <> 'minor' OR draw < 0.7 OR story_measure IS NOT NULL
)
SELECT 'S' || violation_id AS sanction_id, subject_id, violation_id, measure AS kind,
    '违反平台规则：' || CASE kind WHEN 'false_advertising' THEN '虚假宣传' WHEN 'service_breach' THEN '服务违约'
        WHEN 'information' THEN '信息不实' WHEN 'brushing' THEN '刷单' WHEN 'review_manipulation' THEN '操纵评价'
        WHEN 'counterfeit' THEN '售假' WHEN 'prohibited_goods' THEN '发布禁售商品'
        WHEN 'fraud' THEN '欺诈' ELSE '其他' END AS reason,
    since AS imposed_at,
    since + {day} * CASE measure WHEN 'warning' THEN 30 WHEN 'restriction' THEN 30 WHEN 'suspension' THEN 15 END AS until_at,
    CASE WHEN withdrawn > since THEN withdrawn END AS lifted_at, since AS known_at
FROM imposed
"""

_SPOT_CHECKS = """
WITH drawn AS (
    SELECT p.number, p.subject_id, p.joined, p.lapsed, p.quality, t.ship, t.goods, t.service,
        -- The careless are looked at oftener.
        unnest(range(CASE WHEN sim_u(id, 'checked') < 0.30 + 0.4 * (1 - p.quality)
            THEN 1 + (sim_u(id, 'checked 2') < 0.15 + 0.5 * (1 - p.quality))::BIGINT
                + (sim_u(id, 'checked 3') < 0.05 + 0.4 * (1 - p.quality))::BIGINT ELSE 0 END)) AS turn
    FROM sim_people p JOIN sim_truth t USING (subject_id) WHERE p.role = 'seller' AND p.story IS NULL
), asked AS (
    SELECT *, hash(number, turn, 'spot check') AS kid,
        sim_pick(['documents', 'documents', 'goods', 'goods', 'goods', 'premises', 'price', 'price'], sim_u(kid, 'kind'))
            AS kind,
        -- At hours of work.
        CAST(1 + floor(least(joined, {days}) * sim_u(kid, 'when')) AS BIGINT) AS ago, 9 + 8 * sim_u(kid, 'hour') AS hour,
        CASE kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END AS term,
        least(0.98, 0.28 + 0.75 * service - if(lapsed, 0.20, 0)) AS punctual, sim_u(kid, 'answers') AS draw
    FROM drawn
), answered AS (
    SELECT *, CASE
            WHEN draw < punctual THEN term * (0.05 + 0.9 * sim_u(kid, 'answered'))
            WHEN draw < 0.4 + 0.6 * punctual THEN term + 0.2 + 9 * (1.2 - service) * sim_e(kid, 'answered')
            END AS answer,
        CASE kind WHEN 'documents' THEN 0.02 + 0.35 * pow(1 - quality, 1.5) + if(lapsed, 0.5, 0)
            WHEN 'goods' THEN 0.55 * pow(1 - goods, 1.5) WHEN 'price' THEN 0.45 * pow(1 - service, 1.5)
            ELSE 0.45 * pow(1 - ship, 1.5) END AS fault
    FROM asked
), told AS (
    SELECT printf('K%06d-%d', number, turn + 1) AS check_id, subject_id, kind, term,
        {stop} - {day} * ago + CAST({hour} * hour AS BIGINT) AS requested, answer,
        CASE WHEN answer IS NULL THEN 'refused' WHEN sim_u(kid, 'fault') < fault THEN 'failed' ELSE 'passed' END AS result,
        coalesce(answer + 1 + 7 * sim_u(kid, 'concluded'), term + 5 + 10 * sim_u(kid, 'concluded')) AS conclusion
    FROM answered
    UNION ALL
    SELECT 'K-' || subject_id || '-' || s.nth, subject_id, s.kind,
        CASE s.kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END,
        {stop} - {day} * s.asked + {hour} * 10, s.answer, s.result, s.conclusion
    FROM sim_people p JOIN (VALUES {story_checks}) s(story, nth, kind, asked, answer, conclusion, result) USING (story)
)
SELECT check_id, subject_id, kind, requested AS requested_at, requested + {day} * term AS due_at,
    requested + CAST({day} * answer AS BIGINT) AS answered_at, result,
    requested + CAST({day} * conclusion AS BIGINT) AS concluded_at,
    -- What was asked for; what came of it is not known on the day of the row.
    CASE kind WHEN 'documents' THEN '核验营业执照与行政许可' WHEN 'goods' THEN '抽检在售商品及进货凭证'
        WHEN 'premises' THEN '核查经营场所' ELSE '核查标价与促销价格' END AS note,
    requested AS known_at
FROM told
"""

STATEMENTS = {
    "subjects": _SUBJECTS,
    "transactions": _TRANSACTIONS,
    "reviews": _REVIEWS,
    "complaints": _COMPLAINTS,
    "public_records": _PUBLIC_RECORDS,
    "violations": _VIOLATIONS,
    "sanctions": _SANCTIONS,
    "spot_checks": _SPOT_CHECKS,
}

-- The canonical tables out of the Olist files, which stand as olist_<file>.
CREATE OR REPLACE TEMP TABLE olist_items_by_seller AS
WITH priced AS (
    SELECT i.*, p.product_category_name AS category,
           TRY_CAST(price AS DECIMAL(18,2)) AS price_, TRY_CAST(freight_value AS DECIMAL(18,2)) AS freight_
    FROM olist_order_items i LEFT JOIN (
        SELECT product_id, max(product_category_name) AS product_category_name FROM olist_products GROUP BY 1
    ) p USING (product_id)
    WHERE order_id IS NOT NULL AND seller_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY order_id, order_item_id ORDER BY _line) = 1
)
SELECT order_id, seller_id,
       -- a price that is no amount is handed on, so that the row check names it
       coalesce(max(CASE WHEN price_ IS NULL OR price_ < 0 THEN coalesce(price::VARCHAR, '')
                         WHEN freight_ IS NULL OR freight_ < 0 THEN coalesce(freight_value::VARCHAR, '') END),
                sum(price_ + freight_)::VARCHAR) AS amount,
       min(shipping_limit_date) AS shipping_limit,
       max_by(category, struct_pack(price := price_, item := order_item_id::VARCHAR)) AS category
FROM priced GROUP BY order_id, seller_id;

CREATE OR REPLACE TEMP VIEW olist_subjects AS
SELECT _line, seller_id AS subject_id, 'enterprise' AS kind, 'seller' AS role,
       concat_ws(', ', seller_city, seller_state) AS address,
       TIMESTAMPTZ '1970-01-01 00:00:00+00' AS known_at
FROM olist_sellers;

CREATE OR REPLACE TEMP VIEW olist_buyers AS
SELECT customer_id, max(customer_unique_id) AS buyer FROM olist_customers GROUP BY customer_id;

CREATE OR REPLACE TEMP VIEW olist_transactions AS
SELECT o._line, o.order_id || ':' || i.seller_id AS transaction_id, o.order_id, i.seller_id AS subject_id,
       c.buyer AS buyer_id,
       o.order_purchase_timestamp AS ordered_at, o.order_approved_at AS paid_at,
       i.shipping_limit AS dispatch_due_at, o.order_delivered_carrier_date AS dispatched_at,
       promised AS delivery_due_at, o.order_delivered_customer_date AS delivered_at,
       CASE WHEN NOT called_off THEN o.order_delivered_customer_date END AS completed_at,
       CASE WHEN called_off THEN promised END AS cancelled_at,
       i.amount, 'BRL' AS currency, i.category, o.order_purchase_timestamp AS known_at
FROM (
    SELECT *, coalesce(order_status IN ('canceled', 'unavailable'), false) AS called_off,
           -- a promised day is kept by its end
           TRY_CAST(order_estimated_delivery_date AS TIMESTAMP) + INTERVAL 1 DAY AS promised
    FROM olist_orders
) o
JOIN olist_items_by_seller i USING (order_id)
LEFT JOIN olist_buyers c USING (customer_id);

CREATE OR REPLACE TEMP VIEW olist_reviews AS
SELECT r._line, r.review_id || ':' || r.order_id || ':' || i.seller_id AS review_id,
       r.order_id || ':' || i.seller_id AS transaction_id, i.seller_id AS subject_id, b.buyer AS buyer_id,
       r.review_answer_timestamp AS reviewed_at, r.review_score AS rating_overall,
       nullif(concat_ws(' ', r.review_comment_title, r.review_comment_message), '') AS text,
       i.sellers > 1 AS shared,
       -- no review is known before its order, whatever its times say
       greatest(TRY_CAST(r.review_answer_timestamp AS TIMESTAMP),
                TRY_CAST(o.order_purchase_timestamp AS TIMESTAMP)) AS known_at
FROM olist_order_reviews r
JOIN (SELECT *, count(*) OVER (PARTITION BY order_id) AS sellers FROM olist_items_by_seller) i USING (order_id)
SEMI JOIN olist_orders USING (order_id)
LEFT JOIN (SELECT order_id, max(order_purchase_timestamp) AS order_purchase_timestamp FROM olist_orders GROUP BY 1) o
    USING (order_id)
LEFT JOIN (SELECT o.order_id, max(c.buyer) AS buyer FROM olist_orders o
           JOIN olist_buyers c USING (customer_id) GROUP BY 1) b USING (order_id)

CREATE OR REPLACE TEMP TABLE seen_reviews AS
SELECT review_id AS r, transaction_id AS o, subject_id AS s, buyer_id AS b, epoch(reviewed_at)::BIGINT AS written,
    rating_overall AS stars, text
FROM $reviews WHERE coalesce(NOT shared, true) AND coalesce(authentic, true)

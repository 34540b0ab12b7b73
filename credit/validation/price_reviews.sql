SELECT 'R' || transaction_id AS review_id, transaction_id, subject_id, buyer_id,
    ordered_at + INTERVAL 40 HOUR AS reviewed_at, 5 AS rating_overall, 5 AS rating_description,
    5 AS rating_service, 5 AS rating_logistics, NULL AS text, NULL AS replied_at, NULL AS reply, false AS shared,
    NULL AS authentic, reviewed_at AS known_at
FROM ($orders)

WITH words AS (
    SELECT s, count(*) AS texts, sum((stars = 5 AND regexp_matches(lower(text), '$words'))::INT) AS rewards
    FROM seen_reviews WHERE text IS NOT NULL GROUP BY s
)
SELECT s, texts, rewards,
    (sum(rewards) OVER () - rewards) / greatest(sum(texts) OVER () - texts, 1)::DOUBLE AS norm
FROM words QUALIFY rewards > 0 ORDER BY s

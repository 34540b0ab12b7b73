CREATE OR REPLACE TEMP TABLE seen_bands AS
WITH signs AS (SELECT n, string_split(x, '') AS c FROM seen_texts),
grams AS (
    SELECT n, unnest(list_transform(range(1, len(c)), lambda k: (unicode(c[k])::BIGINT * 1114112 + unicode(c[k + 1])) % $prime))
        AS g FROM signs
)
SELECT n, unnest([$hashes]) AS v, unnest(range($bands)) AS i FROM grams GROUP BY n

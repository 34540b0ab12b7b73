-- The full days this batch adds (at most 7) against the 28 days before them. A row that is delivered again counts once.
-- Neutral on a first delivery and where there were fewer than 10 rows a day.
WITH last AS (SELECT CAST(timezone('{zone}', {as_of}) AS DATE) - 1 AS day),
had AS (
    SELECT $key AS key, $day AS day FROM canonical.$table
    WHERE $event >= {as_of} - INTERVAL 40 DAY AND $event < {as_of}
), has AS (
    SELECT $key AS key, $day AS day FROM arriving WHERE $event >= {as_of} - INTERVAL 40 DAY AND $event < {as_of}
), fresh AS (
    SELECT last.day AS newest,
        greatest(last.day - 6, least(last.day, coalesce((SELECT max(day) + 1 FROM had), last.day - 6))) AS oldest
    FROM last
), counted AS (
    SELECT newest - oldest + 1 AS days, count(*) FILTER (day BETWEEN oldest AND newest) AS now,
        count(*) FILTER (day BETWEEN oldest - 28 AND oldest - 1) AS before
    FROM fresh, (SELECT key, day FROM had UNION SELECT key, day FROM has) GROUP BY ALL
)
SELECT (now / days) / (before / 28) FROM counted
WHERE before >= 280 AND EXISTS (SELECT 1 FROM canonical.$table)
    AND EXISTS (SELECT 1 FROM has, fresh WHERE day BETWEEN oldest AND newest)

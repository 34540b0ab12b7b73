WITH members AS (
    SELECT k, a AS f, b AS n FROM alike UNION ALL SELECT k, b, a FROM alike
    UNION ALL SELECT k, f, f FROM families
)

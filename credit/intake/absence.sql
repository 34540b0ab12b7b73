WITH this AS (SELECT as_of, source, len(list_filter(files, lambda f: NOT starts_with(f, 'history='))) AS files
              FROM meta.batches WHERE batch_id = $$batch),
past AS (SELECT DISTINCT b.as_of FROM meta.batches b, this
         WHERE b.state = 'accepted' AND b.as_of < this.as_of AND b.source = this.source
         ORDER BY b.as_of DESC LIMIT $nights),
had AS (SELECT s.table_name, count(DISTINCT b.as_of) AS came,
               bool_or(coalesce((b.counts ->> ('$$.' || s.table_name || '.read'))::BIGINT, 1) > 0) AS filled
        FROM meta.supplied s JOIN meta.batches b USING (batch_id) JOIN past USING (as_of) GROUP BY 1),
tonight AS (SELECT s.table_name, max(coalesce((b.counts ->> ('$$.' || s.table_name || '.read'))::BIGINT, 1)) AS read
            FROM meta.supplied s JOIN meta.batches b USING (batch_id), this
            WHERE b.as_of = this.as_of AND b.state <> 'refused' GROUP BY 1)
SELECT table_name, came, (SELECT count(*) FROM past) AS nights, read IS NOT NULL AS empty,
       -- a file by itself is a supplement of a night's delivery, but not where it holds the orders
       files > 1 OR EXISTS (FROM meta.supplied WHERE batch_id = $$batch AND table_name = 'transactions') AS whole
FROM had LEFT JOIN tonight USING (table_name), this
WHERE filled AND coalesce(read, 0) = 0 ORDER BY 1

-- What Splink compares: subjects of lists that wait, and enterprises that sell here, one of each legal subject.
WITH waiting_subjects AS (
    SELECT DISTINCT subject_id AS given, coalesce(subject_name, subject_id) AS name, subject_address AS address,
        CASE WHEN regexp_full_match(upper(subject_id), '[0-9A-Z]{18}') THEN upper(subject_id) END AS code
    FROM waiting.public_records
), merchants AS (
    SELECT min(subject_id) AS given, any_value(name ORDER BY subject_id) AS name,
        any_value(address ORDER BY subject_id) AS address, any_value(upper(uscc) ORDER BY subject_id) AS code
    FROM canonical.subjects WHERE role = 'seller' AND kind = 'enterprise' AND name IS NOT NULL
    GROUP BY coalesce(upper(uscc), subject_id)
), everybody AS (
    SELECT 'list' AS side, given, name, address, code FROM waiting_subjects
    UNION ALL SELECT 'merchant', given, name, address, code FROM merchants
), plain AS (
    SELECT *,
        regexp_replace(nfc_normalize($name_plain), '[^\p{L}\p{N}]', '', 'g') AS whole,
        nullif(regexp_replace(nfc_normalize($address_plain), '[^\p{L}\p{N}]', '', 'g'), '') AS place
    FROM everybody
), shorter AS (
    SELECT *, regexp_replace(whole, '(个体工商户|股份有限公司|有限责任公司|有限公司|合伙企业|公司)$$', '') AS core FROM plain
), stemmed AS (
    SELECT *, CASE WHEN length(without_region) >= 3 THEN without_region ELSE core END AS stem FROM (
        SELECT *, regexp_replace(core, '^(\p{Han}{2,6}?(省|自治区))?(\p{Han}{2,4}?(市|自治州|地区))?(\p{Han}{1,4}?(区|县))?', '')
            AS without_region FROM shorter)
)
, numbered AS (
    SELECT *, row_number() OVER (ORDER BY side, given, name, address)::VARCHAR AS unique_id FROM stemmed WHERE length(core) >= 2
), grams AS (
    SELECT DISTINCT unique_id, unnest([stem[i:i + 1] FOR i IN range(1, greatest(2, length(stem)))]) AS gram FROM numbered
), rare AS (
    -- Candidates share two characters that stand together, of the rarest of each name: 服饰 would make all tailors candidates.
    SELECT unique_id, list(gram ORDER BY often, gram)[:$grams] AS pairs
    FROM (SELECT *, count(*) OVER (PARTITION BY gram) AS often FROM grams) GROUP BY 1
)
SELECT side, unique_id, given, name, address, code, whole, core, stem, place, pairs FROM numbered JOIN rare USING (unique_id)
ORDER BY unique_id

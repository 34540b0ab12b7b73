"""From a delivery to canonical rows.

landing      read it once, check every row, set rejects aside with a reason
rows         the checks of single rows
checks       the batch judged by its expectations
merging      merged by key; superseded versions kept
registers    records of authorities, by credit code
pseudonyms   consumers' ids replaced
"""

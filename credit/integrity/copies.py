"""Copied reviews: almost the same long text again and again with one merchant, and hardly elsewhere.

Texts are compared as strings of characters, so Chinese needs no words. A small MinHash over pairs of neighbouring
characters, counted by the database, proposes pairs; rapidfuzz measures them; linked texts make a family. Short texts
('好评', '很好') and phrases that stand with many merchants (the app's own suggestions) are nobody's copies: a family
counts by how often it would stand with this merchant if it stood there as often as with the others, praise and blame
apart (who is slow is told so in the same words by many). Three stars help and harm nobody and are left out.
"""

from __future__ import annotations

import random

import numpy as np

from credit.integrity import Fact, Finding
from credit.integrity.base import SHAPE_TAIL, View, at_least, each, parameter, report, together

LENGTH = int(
    parameter(
        "copies_length",
        12,
        "characters",
        "Letters and characters without spaces and signs. Shorter ones are alike because there is so little to say.",
    )
)
LIKENESS = parameter(
    "copies_likeness",
    75,
    "percent",
    "Likeness of two texts (rapidfuzz ratio): one word in four may be changed by who copies.",
)
COPIES = parameter("copies_reviews", 4, "reviews", "Two of a family may share a phone, three a saying.")
ACCOUNTS = parameter("copies_accounts", 3, "accounts", "One buyer may write the same each time.")
COMMON_SHOPS = int(
    parameter(
        "copies_common_shops",
        25,
        "merchants",
        "A text that stands word for word with so many merchants is a template and is not compared at all.",
    )
)
BANDS = int(
    parameter("copies_bands", 20, "bands", "With two rows each: finds 98 of 100 pairs that share half their pairs.")
)
CROWD = int(
    parameter(
        "copies_crowd", 200, "texts", "A band with more texts holds a common phrase; only its first are compared."
    )
)
READ = int(parameter("copies_read", 200, "characters", "As much of a text as is compared."))
PRIME = 2**31 - 1

# Case, width, spaces, signs and repeated marks are no difference.
_NORMAL = r"substr(regexp_replace(lower(nfc_normalize(text)), '[^\p{{L}}\p{{N}}]', '', 'g'), 1, {read})"

_TEXTS = f"""
CREATE OR REPLACE TEMP TABLE seen_texts AS
WITH plain AS (SELECT r, s, {_NORMAL} AS x FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3)
SELECT CAST(row_number() OVER (ORDER BY x) - 1 AS BIGINT) AS n, x, count(DISTINCT s) AS shops
FROM plain WHERE length(x) >= {{length}} GROUP BY x
"""


def _bands() -> str:
    """SQL: the bands of a text, each a fold of two MinHashes over its pairs of neighbouring characters `g`."""
    draw = random.Random(20)  # any fixed numbers do: the bands must be the same every night
    rows = [f"min((g * {draw.randrange(1, PRIME)} + {draw.randrange(PRIME)}) % {PRIME})" for _ in range(2 * BANDS)]
    return ", ".join(f"{a} * {2**31} + {b}" for a, b in zip(rows[::2], rows[1::2], strict=True))


_PAIRS = """
WITH signs AS (SELECT n, string_split(x, '') AS c FROM seen_texts WHERE shops < {common}),
grams AS (
    SELECT n, unnest(list_transform(range(1, len(c)), lambda k: (unicode(c[k])::BIGINT * 1114112 + unicode(c[k + 1])) % {prime}))
        AS g FROM signs
), bands AS (
    SELECT n, unnest([{bands}]) AS v, unnest(range({count})) AS i FROM grams GROUP BY n
), held AS (
    SELECT i, v, n, row_number() OVER (PARTITION BY i, v ORDER BY n) AS place, min(n) OVER (PARTITION BY i, v) AS first
    FROM bands QUALIFY count(*) OVER (PARTITION BY i, v) > 1 AND place <= {crowd}
), pairs AS (
    SELECT DISTINCT x.n AS one, y.n AS other FROM held x JOIN held y ON x.i = y.i AND x.v = y.v AND x.n < y.n
)
SELECT one, other, a.x AS x, b.x AS y FROM pairs JOIN seen_texts a ON a.n = one JOIN seen_texts b ON b.n = other
WHERE least(length(a.x), length(b.x)) >= {short} * greatest(length(a.x), length(b.x))
"""


def detect(view: View) -> list[Finding]:
    from rapidfuzz import fuzz, process

    con = view.con
    con.execute(_TEXTS.format(length=LENGTH, read=READ))
    try:
        # Two texts of lengths a < b are alike by 2a / (a + b) at most.
        short = LIKENESS / (200 - LIKENESS)
        values = {"common": COMMON_SHOPS, "prime": PRIME, "bands": _bands(), "count": BANDS, "crowd": CROWD}
        pairs = view.frame(_PAIRS.format(**values, short=short))
        alike = process.cpdist(pairs.x.tolist(), pairs.y.tolist(), scorer=fuzz.ratio, score_cutoff=LIKENESS)
        linked = pairs[alike >= LIKENESS]
        labels = together(linked.one.to_numpy(np.int64), linked.other.to_numpy(np.int64))
        families = view.frame(f"SELECT n FROM seen_texts WHERE shops < {COMMON_SHOPS} ORDER BY n")
        # A text alike to none is a family by itself.
        known = families.n.to_numpy(np.int64)
        alone = np.arange(int(known.max(initial=-1)) + 1) + len(labels)
        alone[: len(labels)] = labels
        families["f"] = alone[known]
        with view.named(families=families):
            con.execute(
                f"""CREATE OR REPLACE TEMP TABLE seen_copies AS
                SELECT v.r, v.o, v.s, v.b, v.text, f, high FROM (
                    SELECT r, o, s, b, text, stars > 3 AS high, {_NORMAL.format(read=READ)} AS x
                    FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3
                ) v
                JOIN seen_texts USING (x) JOIN families USING (n)"""
            )
        groups = view.frame(
            f"""WITH written AS (
                SELECT s, stars > 3 AS high, count(text) AS n FROM seen_reviews WHERE stars <> 3 GROUP BY s, high
            ), whole AS (SELECT high, sum(n) AS n FROM written GROUP BY high),
            own AS (
                SELECT f, high, s, count(*) AS reviews, count(DISTINCT coalesce(b, r)) AS buyers, min(text) AS example
                FROM seen_copies GROUP BY f, high, s
            ), family AS (SELECT f, high, sum(reviews) AS n FROM own GROUP BY f, high)
            SELECT own.*, written.n * (family.n - own.reviews + 1) / greatest(whole.n - written.n, 1)::DOUBLE AS expected
            FROM own JOIN family USING (f, high) JOIN written USING (s, high) JOIN whole USING (high)
            WHERE reviews >= {int(COPIES)} AND buyers >= {int(ACCOUNTS)} ORDER BY s, f, high"""
        )
        groups["chance"] = at_least(groups.reviews, groups.expected)
        groups = groups[groups.chance < SHAPE_TAIL].reset_index(drop=True)
        groups["chances"] = [(chance,) for chance in groups.chance]
        facts: list[dict[str, Fact]] = [
            {
                "reviews": int(g.reviews),
                "buyers": int(g.buyers),
                "expected": round(g.expected, 4),
                "example": g.example[:30],
            }
            for g in each(groups)
        ]
        rows = "SELECT g, o, r, b FROM seen_copies JOIN chosen USING (s, f, high)"
        chosen = groups[["s", "f", "high"]].assign(g=groups.index)
        return report(view, "copied_reviews", groups, rows, facts, chosen=chosen)
    finally:
        for name in ("texts", "copies"):
            con.execute(f"DROP TABLE IF EXISTS temp.seen_{name}")

"""Copied reviews: almost the same long text again and again with one merchant, and hardly elsewhere.

Texts are compared as strings of characters, so Chinese needs no words. A small MinHash over pairs of neighbouring
characters, counted by the database, proposes pairs; rapidfuzz measures them. A family is a text with all that are like
it at the same merchant (not what is like these in turn: a chain of small changes joins everything). Short texts
('好评', '很好') and phrases that stand with many merchants (the app's own suggestions) are nobody's copies: a family
counts by how often it would stand with this merchant if it stood there as often as with the others, praise and blame
apart (who is slow is told so in the same words by many). Three stars help and harm nobody and are left out.
"""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit.integrity.base import SHAPE_TAIL, View, at_least, each, parameter, report
from credit.ledgers.finding import Fact, Finding

LENGTH = int(
    parameter(
        "copies_length",
        12,
        "characters",
        "Chinese, Japanese or Korean characters without spaces and signs; of other scripts three letters count as one. Shorter"
        " texts are alike because there is so little to say.",
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
    parameter(
        "copies_bands", 20, "bands", "Of two MinHashes each: 97 of 100 pairs that share 0.4 of their pairs of signs."
    )
)
CROWD = int(
    parameter(
        "copies_crowd",
        40,
        "texts",
        "A band with more texts of a merchant holds a common phrase; its first are compared.",
    )
)
ELSEWHERE = int(
    parameter(
        "copies_elsewhere",
        50_000,
        "texts",
        "Other merchants' texts that a family is looked for in: a sample past that.",
    )
)
READ = int(parameter("copies_read", 200, "characters", "As much of a text as is compared."))
PRIME = 2**31 - 1

_LETTER = r"[^\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
# Case, spaces, signs and faces are no difference.
_NORMAL = rf"substr(regexp_replace(lower(nfc_normalize(text)), '[^\p{{L}}\p{{N}}]', '', 'g'), 1, {READ})"

_TEXTS = f"""
CREATE OR REPLACE TEMP TABLE seen_texts AS
WITH plain AS (SELECT s, {_NORMAL} AS x FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3)
SELECT (row_number() OVER (ORDER BY x) - 1)::INTEGER AS n, x FROM plain
WHERE length(x) + 2 * length(regexp_replace(x, '{_LETTER}', '', 'g')) >= {3 * LENGTH}
GROUP BY x HAVING count(DISTINCT s) < {COMMON_SHOPS};
CREATE OR REPLACE TEMP TABLE seen_written AS
SELECT r, o, s, b, high, text, n, dense_rank() OVER (ORDER BY s, high)::INTEGER AS k FROM (
    SELECT r, o, s, coalesce(b, r) AS b, stars > 3 AS high, text, {_NORMAL} AS x
    FROM seen_reviews WHERE text IS NOT NULL AND stars <> 3
) JOIN seen_texts USING (x)
"""


def _bands() -> str:
    """SQL: the bands of a text, each a fold of two MinHashes over its pairs of neighbouring characters `g`."""
    draw = random.Random(20)  # any fixed numbers do: the bands must be the same every night
    rows = [f"min((g * {draw.randrange(1, PRIME)} + {draw.randrange(PRIME)}) % {PRIME})" for _ in range(2 * BANDS)]
    return ", ".join(f"{a} * {2**31} + {b}" for a, b in zip(rows[::2], rows[1::2], strict=True))


_BANDS = f"""
CREATE OR REPLACE TEMP TABLE seen_bands AS
WITH signs AS (SELECT n, string_split(x, '') AS c FROM seen_texts),
grams AS (
    SELECT n, unnest(list_transform(range(1, len(c)), lambda k: (unicode(c[k])::BIGINT * 1114112 + unicode(c[k + 1])) % {PRIME}))
        AS g FROM signs
)
SELECT n, unnest([{_bands()}]) AS v, unnest(range({BANDS})) AS i FROM grams GROUP BY n
"""

_SHORT = LIKENESS / (200 - LIKENESS)
"""Two texts of lengths a < b are alike by 2a / (a + b) at most."""

# At one merchant (k: its number, praise and blame apart): texts that share a band.
_PAIRS = f"""
WITH own AS (SELECT DISTINCT k, n, length(x) AS long FROM seen_written JOIN seen_texts USING (n)), held AS (
    SELECT k, i, v, n, long FROM own JOIN seen_bands USING (n)
    QUALIFY count(*) OVER (PARTITION BY k, i, v) > 1 AND row_number() OVER (PARTITION BY k, i, v ORDER BY n) <= {CROWD}
)
SELECT DISTINCT x.k, x.n AS one, y.n AS other FROM held x JOIN held y
ON x.k = y.k AND x.i = y.i AND x.v = y.v AND x.n < y.n
    AND least(x.long, y.long) >= {_SHORT} * greatest(x.long, y.long)
"""

# A text with its likes; of families that share a text the largest.
_FAMILIES = f"""
WITH own AS (SELECT k, n, count(*) AS reviews FROM seen_written GROUP BY k, n),
links AS (
    SELECT k, one AS f, other AS n FROM alike UNION ALL SELECT k, other, one FROM alike UNION ALL SELECT k, n, n FROM own
), sized AS (
    SELECT k, f, sum(reviews) AS reviews FROM links JOIN own USING (k, n) GROUP BY k, f HAVING sum(reviews) >= {int(COPIES)}
), ranked AS (SELECT *, row_number() OVER (ORDER BY reviews DESC, k, f) AS place FROM sized)
SELECT r.k, r.f, r.reviews FROM ranked r LEFT JOIN links l ON l.k = r.k AND l.f = r.f
LEFT JOIN ranked q ON q.k = l.k AND q.f = l.n
GROUP BY r.k, r.f, r.reviews, r.place HAVING coalesce(min(q.place), r.place) = r.place ORDER BY r.place
"""

# With the other merchants: texts of the sample that share a band with a family's.
_ELSEWHERE = f"""
WITH own AS (
    SELECT f, i, v, length(x) AS long FROM (SELECT DISTINCT f FROM families) JOIN seen_texts ON n = f JOIN seen_bands USING (n)
), sample AS (SELECT n, i, v, length(x) AS long FROM seen_bands JOIN seen_texts USING (n) WHERE n % {{step}} = 0)
SELECT DISTINCT f AS one, n AS other FROM own JOIN sample USING (i, v)
WHERE least(own.long, sample.long) >= {_SHORT} * greatest(own.long, sample.long)
"""


def detect(view: View) -> list[Finding]:
    try:
        view.con.execute(_TEXTS)
        view.con.execute(_BANDS)
        return _families(view)
    finally:
        for name in ("written", "texts", "bands"):
            view.con.execute(f"DROP TABLE IF EXISTS temp.seen_{name}")


def _alike(pairs: pd.DataFrame, texts: NDArray[np.object_]) -> pd.DataFrame:
    """Of pairs of numbers of texts (one, other) those whose texts are alike."""
    from rapidfuzz import fuzz, process

    near = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), 1_000_000):  # bounds the memory
        part = pairs.iloc[start : start + 1_000_000]
        x, y = (texts[part[name]].tolist() for name in ("one", "other"))
        near[start : start + len(part)] = process.cpdist(x, y, scorer=fuzz.ratio, score_cutoff=LIKENESS) >= LIKENESS
    return pairs[near]


def _families(view: View) -> list[Finding]:
    texts = view.frame("SELECT x FROM seen_texts ORDER BY n").x.to_numpy(dtype=object)
    alike = _alike(view.frame(_PAIRS), texts)
    families = view.frame(_FAMILIES, alike=alike)
    if families.empty:
        return []
    step = -(-len(texts) // ELSEWHERE)
    near = _alike(view.frame(_ELSEWHERE.format(step=step), families=families), texts)
    members = """WITH members AS (
        SELECT k, one AS f, other AS n FROM alike UNION ALL SELECT k, other, one FROM alike
        UNION ALL SELECT k, f, f FROM families
    )"""
    groups = view.frame(
        f"""{members}, own AS (
            SELECT k, f, any_value(s) AS s, any_value(high) AS high, count(*) AS reviews, count(DISTINCT b) AS buyers,
                min(text) AS example
            FROM families JOIN members USING (k, f) JOIN seen_written USING (k, n) GROUP BY k, f
        ), written AS (SELECT s, stars > 3 AS high, count(text) AS n FROM seen_reviews WHERE stars <> 3 GROUP BY s, high),
        whole AS (SELECT high, sum(n) AS n FROM written GROUP BY high),
        -- The text itself may stand elsewhere too, whether or not it is of the sample.
        others AS (
            SELECT own.k, own.f, count(*) FILTER (w.n <> own.f) AS sampled, count(*) FILTER (w.n = own.f) AS same
            FROM own JOIN (SELECT one AS f, other AS n FROM near UNION SELECT f, f FROM families) l USING (f)
            JOIN seen_written w ON w.n = l.n AND w.high = own.high AND w.s <> own.s GROUP BY own.k, own.f
        )
        SELECT own.*, written.n * (coalesce(sampled, 0) * {step} + coalesce(same, 0) + {step})
            / greatest(whole.n - written.n, 1)::DOUBLE AS expected
        FROM own JOIN written USING (s, high) JOIN whole USING (high) LEFT JOIN others USING (k, f)
        WHERE buyers >= {int(ACCOUNTS)} ORDER BY s, high, f""",
        families=families,
        alike=alike,
        near=near,
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
    rows = f"{members} SELECT g, o, r, b FROM families JOIN members USING (k, f) JOIN seen_written USING (k, n)"
    chosen = groups[["k", "f"]].assign(g=groups.index)
    return report(view, "copied_reviews", groups, rows, facts, alike=alike, families=chosen)

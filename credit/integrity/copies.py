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

from credit.integrity.base import SHAPE_TAIL, View, at_least, parameter, query, records, report
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
_SHORT = LIKENESS / (200 - LIKENESS)
"""Two texts of lengths a < b are alike by 2a / (a + b) at most."""


def _bands() -> str:
    """SQL: the bands of a text, each a fold of two MinHashes over its pairs of neighbouring characters `g`."""
    draw = random.Random(20)  # any fixed numbers do: the bands must be the same every night
    rows = [f"min((g * {draw.randrange(1, PRIME)} + {draw.randrange(PRIME)}) % {PRIME})" for _ in range(2 * BANDS)]
    return ", ".join(f"{a} * {2**31} + {b}" for a, b in zip(rows[::2], rows[1::2], strict=True))


def detect(view: View) -> list[Finding]:
    try:
        # Case, spaces, signs and faces are no difference.
        normal = rf"substr(regexp_replace(lower(nfc_normalize(text)), '[^\p{{L}}\p{{N}}]', '', 'g'), 1, {READ})"
        view.con.execute(
            query(__file__, "copies_texts", normal=normal, letter=_LETTER, length=3 * LENGTH, common_shops=COMMON_SHOPS)
        )
        view.con.execute(query(__file__, "copies_bands", prime=PRIME, bands=BANDS, hashes=_bands()))
        return _families(view)
    finally:
        for name in ("written", "texts", "bands"):
            view.con.execute(f"DROP TABLE IF EXISTS temp.seen_{name}")


def _alike(pairs: pd.DataFrame, texts: NDArray[np.object_]) -> pd.DataFrame:
    """Of pairs of numbers of texts (a, b) those whose texts are alike."""
    from rapidfuzz import fuzz, process

    near = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), 1_000_000):  # bounds the memory
        part = pairs.iloc[start : start + 1_000_000]
        x, y = (texts[part[name]].tolist() for name in ("a", "b"))
        near[start : start + len(part)] = process.cpdist(x, y, scorer=fuzz.ratio, score_cutoff=LIKENESS) >= LIKENESS
    return pairs[near]


def _families(view: View) -> list[Finding]:
    texts = view.frame("SELECT x FROM seen_texts ORDER BY n").x.to_numpy(dtype=object)
    alike = _alike(view.frame(query(__file__, "copies_pairs", crowd=CROWD, short=_SHORT)), texts)
    families = view.frame(query(__file__, "copies_families", copies=int(COPIES)), alike=alike)
    if families.empty:
        return []
    step = -(-len(texts) // ELSEWHERE)
    elsewhere = view.frame(query(__file__, "copies_elsewhere", step=step, short=_SHORT), families=families)
    members = query(__file__, "copies_members")
    groups = view.frame(
        f"{members}, {query(__file__, 'copies_expected', step=step, accounts=int(ACCOUNTS))}",
        families=families,
        alike=alike,
        near=_alike(elsewhere, texts),
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
        for g in records(groups)
    ]
    rows = f"{members} SELECT g, o, r, b FROM families JOIN members USING (k, f) JOIN seen_written USING (k, n)"
    chosen = groups[["k", "f"]].assign(g=groups.index)
    return report(view, "copied_reviews", groups, rows, facts, alike=alike, families=chosen)

"""From scores to grades: edges, a margin against flicker, vetoes, marks, and NR (not rated) with its reason.

For a merchant that is rated, in this order:

    by score  the best grade whose edge the score reaches (an edge belongs to the better grade)
    held      the grade of the evaluation before, until the score has passed the edge by the margin's points, or is past it
              and was so on the margin's number of the last evaluations; without an evaluation to look back to (or one
              by other rules) the grade by score
    grade     held, unless a veto caps it or fixes a worse one; who is not rated has the grade that a veto fixes, or the cap that
              stands beside it where that is worse
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from credit.evaluation.scoring import POINT
from credit.indicators.base import Array
from credit.rulebooks.book import Rulebook

NOT_RATED = "NR"

REASONS = {
    "no_orders": ("评价期内无订单", "no orders in the window"),
    "too_few_orders": ("评价期内订单数不足", "too few orders in the window"),
    "too_little_evidence": ("可用证据不足", "too little evidence"),
}
"""Code of a not-rated reason -> Chinese, English."""

Column = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Previous:
    """What the evaluations before left: the held grade of each subject (None: was not rated or not there), and on how many
    of those that the margin looks at, tonight's left out, its score was above and below that grade."""

    held: Column
    above: Column
    below: Column


@dataclass(frozen=True)
class Grades:
    """One entry a subject. `reason` is None where rated; `vetoes` the ids that hold, in the rulebook's order, of several on one
    fact the strongest."""

    grade: Column
    by_score: Column
    held: Column
    past_edge: Column
    reason: Column
    vetoes: list[list[str]]
    provisional: Column


def edges(rulebook: Rulebook) -> Column:
    """Lowest score of each grade, best first, in whole 1/POINT points (an edge is a decimal number: half up)."""
    return np.array([int(np.floor(level.at_least * POINT + 0.5)) for level in rulebook.grades.levels])


def place(rulebook: Rulebook, score: Array) -> Column:
    """Place of the grade by score, 0 the best; `score` in 1/POINT points, NaN counts as 0."""
    rising = edges(rulebook)[::-1]
    places = np.searchsorted(rising, np.nan_to_num(score, nan=0.0), side="right")
    return len(rising) - np.clip(places, 1, len(rising))


def hold(rulebook: Rulebook, score: Array, previous: Previous | None) -> tuple[Column, Column]:
    """(place of the held grade, evaluations looked at that are past its edge on tonight's side: + above, - below) of every
    subject."""
    now = place(rulebook, score)
    if rulebook.margin is None or previous is None:
        return now, np.zeros(len(now), dtype=np.int64)
    margin = int(np.floor(rulebook.margin.points.value * POINT + 0.5))
    enough = int(rulebook.margin.evaluations.value)
    places = {symbol: i for i, symbol in enumerate(rulebook.symbols)}
    before = np.array([places.get(symbol, -1) for symbol in previous.held], dtype=np.int64)
    above, below = now < before, now > before
    times = np.where(above, previous.above + 1, np.where(below, previous.below + 1, 0))
    passed = np.where(above, place(rulebook, score - margin), place(rulebook, score + margin))
    moved = np.where(above, np.minimum(before, passed), np.maximum(before, passed))
    # Past the edge often enough: over that edge, not over one that was passed tonight only.
    stayed = times >= enough
    moved = np.where(stayed & above, np.minimum(moved, before - 1), moved)
    moved = np.where(stayed & below, np.maximum(moved, before + 1), moved)
    held = np.where(above | below, moved, now)
    held = np.where(before < 0, now, held)
    # Whoever has moved a part of the way is past the new grade's edge for the first time.
    times = np.where(held == before, times, 1) * np.where(above, 1, -1)
    return held, np.where(held == now, 0, times).astype(np.int64)


def grade(
    rulebook: Rulebook,
    score: Array,
    evidence: Array,
    orders: Array,
    previous: Previous | None = None,
    vetoed: Mapping[str, Column] | None = None,
) -> Grades:
    """Grade every subject.

    `score` is in 1/POINT points (NaN without evidence), `evidence` 0 to 1, `orders` those of the window; `vetoed` says
    of each of the rulebook's vetoes whom it holds of. Below the rulebook's minimum of orders or evidence a subject is
    NR, first reason in the order of REASONS.
    """
    symbols = np.array(rulebook.symbols, dtype=object)
    reason = np.full(len(score), None, dtype=object)
    few, thin = rulebook.minimum.orders.value, rulebook.minimum.evidence.value
    days = int(rulebook.window_days.value)
    for i in np.flatnonzero((orders < few) | (evidence < thin) | np.isnan(score)):
        if orders[i] == 0:
            reason[i] = f"no_orders: none in {days} days, at least {few:g} needed"
        elif orders[i] < few:
            reason[i] = f"too_few_orders: {orders[i]:g} in {days} days, at least {few:g} needed"
        else:
            reason[i] = f"too_little_evidence: {evidence[i]:.4g}, at least {thin:g} needed"
    rated = np.array([r is None for r in reason], dtype=bool)
    held, past_edge = hold(rulebook, score, previous)
    caps, fixed = np.zeros(len(score), dtype=np.int64), np.full(len(score), -1)
    names: list[list[str]] = [[] for _ in range(len(score))]
    nobody = np.zeros(len(score), dtype=bool)
    holding = {veto.id: (vetoed or {}).get(veto.id, nobody) for veto in rulebook.vetoes}
    for veto in rulebook.vetoes:
        holds = holding[veto.id]
        worst = rulebook.symbols.index(veto.grade)
        if veto.fixed is None:
            caps[holds] = np.maximum(caps[holds], worst)
        else:
            fixed[holds] = np.maximum(fixed[holds], worst)
        for other in rulebook.outdone_by(veto):
            holds = holds & ~holding[other.id]
        for i in np.flatnonzero(holds):
            names[i].append(veto.id)
    worst = np.maximum(np.where(rated, held, 0), np.maximum(caps, fixed))
    final = np.where(rated | (fixed >= 0), symbols[worst], NOT_RATED).astype(object)
    little = np.zeros(len(score), dtype=bool)
    if rulebook.provisional is not None:
        little = (orders < rulebook.provisional.orders.value) | (evidence < rulebook.provisional.evidence.value)
    return Grades(
        final,
        np.where(rated, symbols[place(rulebook, score)], NOT_RATED).astype(object),
        np.where(rated, symbols[held], NOT_RATED).astype(object),
        np.where(rated, past_edge, 0),
        reason,
        names,
        rated & little,
    )

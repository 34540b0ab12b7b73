"""From scores to grades: edges, and NR (not rated) with its reason."""

from __future__ import annotations

import numpy as np

from credit.indicators.base import Array
from credit.rulebooks import Rulebook
from credit.scoring import POINT

NOT_RATED = "NR"

REASONS = {
    "no_orders": ("评价期内无订单", "no orders in the window"),
    "too_few_orders": ("评价期内订单数不足", "too few orders in the window"),
    "too_little_evidence": ("可用证据不足", "too little evidence"),
}
"""Code of a not-rated reason -> Chinese, English."""


def grade(rulebook: Rulebook, score: Array, evidence: Array, orders: Array) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """(grade, not-rated reason or None) of every subject.

    `score` is in 1/POINT points; an edge belongs to the better grade. Below the rulebook's minimum of orders or evidence
    a subject is NR, first reason in the order of REASONS.
    """
    # An edge is a decimal number in the rulebook: to whole 1/POINT points, half up.
    edges = [int(np.floor(level.at_least * POINT + 0.5)) for level in rulebook.grades.levels]
    grades = np.full(len(score), rulebook.grades.levels[-1].grade, dtype=object)
    for level, edge in reversed(list(zip(rulebook.grades.levels, edges, strict=True))):
        grades[np.nan_to_num(score, nan=-1) >= edge] = level.grade
    reasons = np.full(len(score), None, dtype=object)
    few, thin = rulebook.minimum.orders.value, rulebook.minimum.evidence.value
    days = int(rulebook.window_days.value)
    for i in np.flatnonzero((orders < few) | (evidence < thin) | np.isnan(score)):
        if orders[i] == 0:
            reasons[i] = f"no_orders: none in {days} days, at least {few:g} needed"
        elif orders[i] < few:
            reasons[i] = f"too_few_orders: {orders[i]:g} in {days} days, at least {few:g} needed"
        else:
            reasons[i] = f"too_little_evidence: {evidence[i]:.4g}, at least {thin:g} needed"
    grades[[reason is not None for reason in reasons]] = NOT_RATED
    return grades, reasons

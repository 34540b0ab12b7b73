"""From facts to scores: shrink to the reference average, mark by the curve, weigh, add up.

For each merchant and indicator of a rulebook, with strength k:

    shrunk = (numerator + k * reference) / (denominator + k)     (Buehlmann credibility; a level: the value itself)
    mark   = the curve at `shrunk`, 0 to 100
    weight = element weight x indicator weight, each taken anew over what the platform supplies, the same for everybody
    score  = sum of weight x mark, rounded to 1/10000 of a point
    points = weight x mark in whole 1/10000 of a point, by largest remainder: they add up to the score exactly

What is supplied, but missing of a merchant, stands at the reference average (a level without one: at its worst), so a
first good fact raises and a first bad one lowers. The evidence figure says how much stands behind a score: sum over the
rulebook of weight x n / (n + k), n being the observations; it only grows with what is known.

    reference = (sum of w * value + m * start) / (sum of w + m)        w = denominator / (denominator + k)

over the merchants: each counts as far as it is believed, never for more than one, a legal subject with several shops for one
in all, and its value no further than to where the curve marks `references.least_mark`, so that no bad one becomes everybody's
average. `start` is the rule's prior, worth the rulebook's m merchants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from credit.evaluation.engine import NightFacts
from credit.indicators import CATALOGUE
from credit.indicators.base import Array, Indicator
from credit.rulebooks.book import IndicatorRule, Rulebook

POINT = 10_000
"""Points and scores are whole numbers of 1/10000 point: no float decides a grade's edge."""


@dataclass(frozen=True)
class Column:
    """One indicator for all subjects of a rulebook. Arrays have one entry a subject."""

    element: str
    indicator: str
    state: np.ndarray  # type: ignore[type-arg]
    value: Array
    numerator: Array
    denominator: Array
    evidence: Array
    shrunk: Array
    mark: Array
    weight: Array
    points: np.ndarray  # type: ignore[type-arg]


@dataclass(frozen=True)
class Scores:
    """`columns` by rule, `score` in 1/POINT points (NaN without any evidence), `evidence` 0 to 1, `priors` by indicator."""

    subjects: pd.Index
    columns: list[Column]
    score: Array
    evidence: Array
    priors: dict[str, float]

    def by_element(self) -> Iterator[Scores]:
        """The same an element at a time: as rows, all of them would be the largest thing in memory."""
        for element in dict.fromkeys(c.element for c in self.columns):
            yield replace(self, columns=[c for c in self.columns if c.element == element])

    def long(self) -> pd.DataFrame:
        """One row a subject and indicator, as in results.indicators (without date and rulebook)."""
        size = len(self.subjects)
        return pd.DataFrame(
            {
                "subject_id": np.tile(self.subjects.to_numpy(), len(self.columns)),
                "element": np.repeat([c.element for c in self.columns], size),
                "indicator": np.repeat([c.indicator for c in self.columns], size),
                **{
                    name: np.concatenate([getattr(c, name) for c in self.columns])
                    for name in ("state", "value", "numerator", "denominator", "shrunk", "mark", "weight")
                },
                "points": np.concatenate([c.points for c in self.columns]) / POINT,
            }
        )


@dataclass(frozen=True)
class Measured:
    """One indicator as counted: one entry a subject; value NaN unless state is measured."""

    numerator: Array
    denominator: Array
    value: Array
    evidence: Array
    state: np.ndarray  # type: ignore[type-arg]
    supplied: bool = True
    """Whether the platform supplies what it is counted from."""


def measure(indicator: Indicator, facts: NightFacts, columns: frozenset[str], days: int) -> Measured:
    """The indicator over the last `days` days, for every subject of `facts`; `columns` as in `score`."""
    size = len(facts.subjects)

    def take(array: Array) -> Array:
        return np.broadcast_to(array, (size,)).astype(np.float64)

    if any(need not in columns for need in indicator.needs) or any(t not in facts.supplied for t in indicator.tables):
        nothing = np.full(size, np.nan)
        return Measured(nothing, nothing, nothing, np.zeros(size), np.full(size, "missing", dtype=object), False)
    numerator = take(indicator.numerator.of(facts, days))
    if indicator.denominator is None:
        denominator, value = np.full(size, np.nan), numerator
        evidence = np.ones(size)
    else:
        denominator = np.nan_to_num(take(indicator.denominator.of(facts, days)))
        value = np.divide(numerator, denominator, out=np.full(size, np.nan), where=denominator > 0)
        evidence = denominator
    if indicator.evidence is not None:
        evidence = np.nan_to_num(take(indicator.evidence.of(facts, days)))
    measured = np.isfinite(value) & (evidence > 0)
    state = np.where(measured, "measured", "missing").astype(object)
    if indicator.recorded is not None:
        state[~measured & (np.nan_to_num(take(indicator.recorded.of(facts, days))) > 0)] = "not_applicable"
    return Measured(numerator, denominator, np.where(measured, value, np.nan), evidence, state)


def shrink(rule: IndicatorRule, m: Measured, reference: Array | float | None) -> Array:
    """The value as far as its evidence is believed, the reference average for the rest; NaN where there is neither."""
    k = rule.strength
    if k and reference is not None:
        if CATALOGUE[rule.id].denominator is None:
            return (np.nan_to_num(m.value) * m.evidence + k * reference) / (m.evidence + k)
        return (np.nan_to_num(m.numerator) + k * reference) / (np.nan_to_num(m.denominator) + k)
    missing = np.nan if reference is None else reference
    return np.where(np.isfinite(m.value), m.value, missing)


def reference(rulebook: Rulebook, rule: IndicatorRule, m: Measured, shares: Array | None = None) -> float | None:
    """The reference average of a rule made of the merchants of `m`, each for its share (0 to 1; unless given 1); None where
    nothing is known and the rulebook states nothing."""
    k, start = rule.strength, rule.prior if isinstance(rule.prior, float) else None
    if not k:
        return start
    n = np.nan_to_num(m.evidence if CATALOGUE[rule.id].denominator is None else m.denominator)
    value = np.nan_to_num(m.value)
    if rulebook.references:
        value = _no_worse(rule, value, rulebook.references.least_mark.value)
    weight = n / (n + k) * (1.0 if shares is None else shares)
    weights, total = float(weight.sum()), float((weight * value).sum())
    worth = rulebook.references.merchants.value if rulebook.references else 0.0
    if start is not None:
        if not rulebook.references:
            return start
        weights, total = weights + worth, total + worth * start
    return total / weights if weights > 0 else None


def _no_worse(rule: IndicatorRule, value: Array, least_mark: float) -> Array:
    """The value, no further than to where the curve marks so much."""
    marks, values = [y for _, y in rule.curve], [x for x, _ in rule.curve]
    if marks[0] < marks[-1]:
        return np.maximum(value, np.interp(least_mark, marks, values))
    return np.minimum(value, np.interp(least_mark, marks[::-1], values[::-1]))


def references(
    rulebook: Rulebook, facts: NightFacts, columns: frozenset[str], shares: Array | None = None
) -> dict[str, float]:
    """The reference averages of every rule that has one, of the subjects of `facts`, each for its share."""
    averages = {}
    for _, rule in rulebook.rules():
        m = measure(CATALOGUE[rule.id], facts, columns, rulebook.window(rule))
        value = reference(rulebook, rule, m, shares) if m.supplied else None
        if value is not None:
            averages[rule.id] = value
    return averages


def mark(rule: IndicatorRule, value: Array) -> Array:
    """The curve of the rule at the value."""
    return np.interp(value, [x for x, _ in rule.curve], [y for _, y in rule.curve])


def score(
    rulebook: Rulebook,
    facts: NightFacts,
    columns: frozenset[str],
    priors: dict[str, float] | None = None,
) -> Scores:
    """Score every subject of `facts` under the rulebook.

    `columns` are the supplied "table.column"s; `priors` (indicator -> value) are the reference averages (unless given:
    those of these subjects; what is not among them as well).
    """
    size = len(facts.subjects)
    rules = list(rulebook.rules())
    taken = [measure(CATALOGUE[rule.id], facts, columns, rulebook.window(rule)) for _, rule in rules]
    used: dict[str, float] = {}
    shrunk, marks, trust = (np.full((len(rules), size), np.nan) for _ in range(3))
    for i, (_, rule) in enumerate(rules):
        m = taken[i]
        trust[i] = m.evidence / (m.evidence + rule.strength) if rule.strength else m.evidence > 0
        if not m.supplied:
            continue
        average = (priors or {}).get(rule.id)
        average = reference(rulebook, rule, m) if average is None else average
        if average is not None:
            used[rule.id] = average
        shrunk[i] = shrink(rule, m, average)
        worst = min(mark for _, mark in rule.curve)
        marks[i] = np.where(np.isfinite(shrunk[i]), mark(rule, np.nan_to_num(shrunk[i])), worst)

    supplied = np.array([m.supplied for m in taken])
    weights = _weights(rulebook, supplied)[:, None] * np.ones((1, size))
    of_rule = np.array([element.weight * rule.weight for element, rule in rules])[:, None] / 10_000
    evidence = np.round((of_rule * trust).sum(axis=0), 4)
    points = _apportion(np.nan_to_num(marks) * weights * POINT)
    built = []
    for i, (element, rule) in enumerate(rules):
        m = taken[i]
        built.append(
            Column(
                element.id, rule.id, m.state, m.value, m.numerator, m.denominator, m.evidence, shrunk[i], marks[i],
                weights[i], points[i],
            )
        )  # fmt: skip
    total = points.sum(axis=0).astype(np.float64)
    return Scores(facts.subjects, built, total if supplied.any() else np.full(size, np.nan), evidence, used)


def _weights(rulebook: Rulebook, supplied: np.ndarray) -> Array:  # type: ignore[type-arg]
    """Each rule's share of the score: its weight in its element, the element's in the score, taken anew over what is
    supplied."""
    rules = list(rulebook.rules())
    inside = np.array([rule.weight for _, rule in rules]) * supplied
    names = np.array([element.id for element, _ in rules])
    whole = np.array([inside[names == name].sum() for name in names])
    alive = sum(element.weight for element in rulebook.elements if inside[names == element.id].any())
    of_element = np.array([element.weight for element, _ in rules])
    share: Array = np.divide(of_element * inside, whole * alive, out=np.zeros(len(rules)), where=whole * alive > 0)
    return share


def element_marks(scores: Scores) -> dict[str, Array]:
    """Element -> its mark, 0 to 100, of every subject; elements of which nothing is supplied are left out."""
    marks: dict[str, Array] = {}
    for part in scores.by_element():
        weight = sum((c.weight for c in part.columns), np.zeros(len(scores.subjects)))
        points = sum((np.nan_to_num(c.mark) * c.weight for c in part.columns), np.zeros(len(scores.subjects)))
        if (weight > 0).any():
            marks[part.columns[0].element] = np.round(points / weight, 6)
    return marks


def vetoed(rulebook: Rulebook, facts: NightFacts, columns: frozenset[str], scores: Scores) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """Veto id -> whom it holds of. What is not measured, or not supplied, never vetoes."""
    holding, marks = {}, element_marks(scores)
    for veto in rulebook.vetoes:
        if veto.element is not None:
            value = marks.get(veto.element, np.full(len(facts.subjects), np.nan))
        else:
            value = measure(CATALOGUE[str(veto.indicator)], facts, columns, rulebook.veto_window(veto)).value
        with np.errstate(invalid="ignore"):
            holding[veto.id] = value > veto.above if veto.above is not None else value < (veto.below or 0.0)
    return holding


def _apportion(exact: Array) -> np.ndarray:  # type: ignore[type-arg]
    """Whole numbers beside `exact` (rules x subjects) whose sum, a subject, is the rounded exact sum.

    Largest remainder: all are rounded down, and what is missing to the sum goes to those that lost most, first rule
    first.
    """
    exact = np.round(exact, 6)  # float noise must not decide who lost most
    down = np.floor(exact)
    missing = np.rint(exact.sum(axis=0)) - down.sum(axis=0)
    order = np.argsort(down - exact, axis=0, kind="stable")
    rank = np.argsort(order, axis=0, kind="stable")
    whole: np.ndarray = (down + (rank < missing)).astype(np.int64)  # type: ignore[type-arg]
    return whole

"""From facts to scores: shrink to the prior, mark by the curve, weigh, add up.

For each merchant and indicator of a rulebook, with n observations of evidence and strength k:

    shrunk = (n * value + k * prior) / (n + k)        (Buehlmann credibility; k = 0 leaves the value alone)
    mark   = the curve at `shrunk`, 0 to 100
    weight = element weight x indicator weight, each taken anew over what is measured
    score  = sum of weight x mark, rounded to 1/10000 of a point
    points = weight x mark in whole 1/10000 of a point, by largest remainder: they add up to the score exactly

What is missing or not applicable has no weight: the score is what the rest says, neither better nor worse. The evidence
figure says how much stands behind it: sum over the rulebook of weight x n / (n + k), over the weights that apply.
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


def measure(indicator: Indicator, facts: NightFacts, columns: frozenset[str], days: int) -> Measured:
    """The indicator over the last `days` days, for every subject of `facts`; `columns` as in `score`."""
    size = len(facts.subjects)

    def take(array: Array) -> Array:
        return np.broadcast_to(array, (size,)).astype(np.float64)

    if any(need not in columns for need in indicator.needs) or any(t not in facts.supplied for t in indicator.tables):
        nothing = np.full(size, np.nan)
        return Measured(nothing, nothing, nothing, np.zeros(size), np.full(size, "missing", dtype=object))
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
    return Measured(numerator, denominator, np.where(measured, value, np.nan), np.where(measured, evidence, 0.0), state)


def shrink(value: Array, evidence: Array, strength: float, prior: float) -> Array:
    """The value as far as its evidence is believed, the prior for the rest."""
    return (evidence * value + strength * prior) / (evidence + strength)


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

    `columns` are the supplied "table.column"s; `priors` (indicator -> value) stand in for the population's own,
    so that some subjects can be scored as the whole night was.
    """
    size = len(facts.subjects)
    found_priors: dict[str, float] = {}
    rules = list(rulebook.rules())
    taken: list[Measured] = []
    shrunk_of: list[Array] = []
    credibility: list[Array] = []
    for _, rule in rules:
        m = measure(CATALOGUE[rule.id], facts, columns, rulebook.window(rule))
        k = rule.strength
        shrunk, trust = m.value, (m.evidence > 0).astype(np.float64)
        if k:
            prior = rule.prior if isinstance(rule.prior, float) else (priors or {}).get(rule.id)
            if prior is None and m.evidence.sum() > 0:
                prior = float(np.nansum(m.value * m.evidence) / m.evidence.sum())
            if prior is not None:
                found_priors[rule.id] = prior
                shrunk = shrink(m.value, m.evidence, k, prior)
            trust = m.evidence / (m.evidence + k)
        taken.append(m)
        shrunk_of.append(shrunk)
        credibility.append(trust)

    measured = np.array([m.state == "measured" for m in taken]).reshape(len(rules), size)
    applies = np.array([m.state != "not_applicable" for m in taken]).reshape(len(rules), size)
    inside = np.array([rule.weight for _, rule in rules])[:, None]
    of_element = np.array([element.weight for element, _ in rules])[:, None]
    members = np.array([[a.id == b.id for b, _ in rules] for a, _ in rules], dtype=np.float64)

    in_element = members @ (inside * measured)  # weight measured in each rule's element
    share = np.divide(inside * measured, in_element, out=np.zeros((len(rules), size)), where=in_element > 0)
    # An element's weight is counted once: through its first rule.
    first = np.array([rules[i][0].id not in {e.id for e, _ in rules[:i]} for i in range(len(rules))])[:, None]
    alive = (of_element * (in_element > 0) * first).sum(axis=0)
    weight = np.divide(of_element * share, alive, out=np.zeros((len(rules), size)), where=alive > 0)

    of_rule = of_element * inside / 100
    asked = (of_rule * applies).sum(axis=0)
    believed = (of_rule * np.array(credibility).reshape(len(rules), size)).sum(axis=0)
    evidence = np.round(np.divide(believed, asked, out=np.zeros(size), where=asked > 0), 4)

    marks = np.full((len(rules), size), np.nan)
    for i, (_, rule) in enumerate(rules):
        marks[i, measured[i]] = mark(rule, shrunk_of[i][measured[i]])
    points = _apportion(np.nan_to_num(marks) * weight * POINT)
    built = []
    for i, (element, rule) in enumerate(rules):
        m = taken[i]
        built.append(
            Column(
                element.id, rule.id, m.state, m.value, m.numerator, m.denominator, m.evidence,
                np.where(measured[i], shrunk_of[i], np.nan), marks[i], weight[i], points[i],
            )
        )  # fmt: skip
    total = points.sum(axis=0).astype(np.float64)
    return Scores(facts.subjects, built, np.where(alive > 0, total, np.nan), evidence, found_priors)


def vetoed(rulebook: Rulebook, facts: NightFacts, columns: frozenset[str]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """Veto id -> whom it holds of. What is not measured never vetoes."""
    found = {}
    for veto in rulebook.vetoes:
        value = measure(CATALOGUE[veto.indicator], facts, columns, rulebook.veto_window(veto)).value
        with np.errstate(invalid="ignore"):
            found[veto.id] = value > veto.above if veto.above is not None else value < (veto.below or 0.0)
    return found


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

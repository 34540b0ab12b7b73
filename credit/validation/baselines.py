"""What a score has to beat: plain ways to rank the same sellers, from the same rows of the same night.

Each is a score, better when higher, with one entry a subject. Who has nothing to go by gets what the way itself says of nobody in
particular: the platform's mean rating, 0 for Wilson's bound and for orders, the mean of the others for an element or
indicator alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from credit.evaluation import engine, scoring
from credit.evaluation.night import Evaluation, orders_of
from credit.indicators import CATALOGUE
from credit.rulebooks.book import Rulebook

SHRINKAGE = 10
"""Reviews that the platform's mean rating is worth in the shrunk mean."""

PLAIN = {
    "mean_rating": ("平均评分", "raw mean rating"),
    "shrunk_rating": ("收缩平均评分", f"mean rating shrunk by {SHRINKAGE} reviews"),
    "wilson": ("威尔逊下限", "Wilson lower bound of the positive share"),
    "orders": ("订单数", "order count"),
}

OURS = {"score": ("信用得分", "score"), "grade": ("信用等级", "grade")}

_RATING, _POSITIVE = CATALOGUE["rating_overall"], CATALOGUE["positive_share"]
LEAVES = [*_RATING.leaves(), *_POSITIVE.leaves()]


def wilson(positive: np.ndarray, n: np.ndarray, level: float = 0.95) -> np.ndarray:  # type: ignore[type-arg]
    """Lower end of Wilson's interval of a share (Wilson, JASA 1927); 0 where n is 0."""
    z = float(stats.norm.ppf((1 + level) / 2))
    share = np.divide(positive, n, out=np.zeros(len(n)), where=n > 0)
    low = (
        share
        + z * z / 2 / np.maximum(n, 1)
        - z * np.sqrt((share * (1 - share) + z * z / 4 / np.maximum(n, 1)) / np.maximum(n, 1))
    )
    return np.where(n > 0, low / (1 + z * z / np.maximum(n, 1)), 0.0)


def scores_of(evaluated: Evaluation, facts: engine.NightFacts, columns: frozenset[str]) -> pd.DataFrame:
    """A column for each way to rank, a row for each subject of the evaluation: `score` (the computed score, also of those not
    rated), `grade` (by its place), PLAIN, `element:<id>` (its mark) and `indicator:<id>` (its shrunk value, turned so that more is better).

    `facts` has LEAVES of the evaluation's subjects. What nobody has a measure of is left out.
    """
    window = int(evaluated.rulebook.window_days.value)
    rating = scoring.measure(_RATING, facts, columns, window)
    positive = scoring.measure(_POSITIVE, facts, columns, window)
    n = rating.evidence
    total = np.where(n > 0, np.nan_to_num(rating.value) * n, 0.0)
    mean = total.sum() / n.sum() if n.sum() else np.nan
    scores: dict[str, np.ndarray] = {"score": evaluated.scores.score / scoring.POINT}  # type: ignore[type-arg]
    if n.sum():
        scores["mean_rating"] = np.where(n > 0, rating.value, mean)
        scores["shrunk_rating"] = (total + SHRINKAGE * mean) / (n + SHRINKAGE)
        scores["wilson"] = wilson(np.nan_to_num(positive.value) * positive.evidence, positive.evidence)
    scores["orders"] = evaluated.grades["orders"].to_numpy(dtype=np.float64)
    points: dict[str, list[np.ndarray]] = {}  # type: ignore[type-arg]
    for c in evaluated.scores.columns:
        element = points.setdefault(c.element, [np.zeros(len(n)), np.zeros(len(n))])
        element[0] = element[0] + c.points / scoring.POINT
        element[1] = element[1] + c.weight
    for name, (points_of_element, weight) in points.items():
        scores[f"element:{name}"] = np.divide(points_of_element, weight, out=np.full(len(n), np.nan), where=weight > 0)
    for c in evaluated.scores.columns:
        scores[f"indicator:{c.indicator}"] = c.shrunk * (1 if CATALOGUE[c.indicator].better == "high" else -1)
    table = pd.DataFrame(scores, index=evaluated.scores.subjects)
    places = {symbol: -float(i) for i, symbol in enumerate(evaluated.rulebook.symbols)}
    table.insert(1, "grade", evaluated.grades["grade"].map(places).to_numpy(dtype=np.float64))
    table = table.dropna(axis="columns", how="all")
    return table.fillna(table.mean())


def facts_for(evaluated: Evaluation, supply: frozenset[str], frames: engine.Frames) -> engine.NightFacts:
    """The facts the baselines need of the evaluation's subjects."""
    return engine.compile_facts(
        frames,
        [orders_of(evaluated.rulebook), *LEAVES],
        evaluated.scores.subjects,
        evaluated.moment,
        supply,
        [int(evaluated.rulebook.window_days.value)],
    )


def names_of(books: Iterable[Rulebook]) -> dict[str, tuple[str, str]]:
    """Column of `scores_of` -> Chinese, English."""
    names = OURS | PLAIN
    for book in books:
        for element, rule in book.rules():
            names[f"element:{element.id}"] = (element.name.zh, element.name.en)
            name = CATALOGUE[rule.id].name
            names[f"indicator:{rule.id}"] = (name.zh, name.en)
    return names

"""How well a score tells bad orders from good ones.

`score` is better when higher, `bad` is true for a bad order; both have one entry an order line (or a seller). What has
only one class has no AUC, KS or lift: NaN.

Intervals are by bootstrap over sellers, since a seller's orders stand and fall together: an interval over orders would be far
too narrow. `Sums` keeps what a resample needs, one number a seller, so that a thousand resamples are a few array
operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

Array = NDArray[np.float64]


def auc(bad: ArrayLike, score: ArrayLike) -> float:
    """Chance that of a bad and a good order the bad one has the lower score, ties half (0 to 1; 0.5 says nothing)."""
    bad = np.asarray(bad, dtype=bool)
    if bad.all() or not bad.any():
        return float("nan")
    return float(roc_auc_score(bad, -np.asarray(score, dtype=np.float64)))


def gini(bad: ArrayLike, score: ArrayLike) -> float:
    """2 AUC - 1 (-1 to 1)."""
    return 2 * auc(bad, score) - 1


def ks(bad: ArrayLike, score: ArrayLike) -> float:
    """Kolmogorov-Smirnov: the largest distance between the score's distributions among bad and good orders (0 to 1)."""
    bad, score = np.asarray(bad, dtype=bool), np.asarray(score, dtype=np.float64)
    if bad.all() or not bad.any():
        return float("nan")
    with np.errstate(divide="ignore"):  # in its p-value, which orders of the same seller would make meaningless
        return float(stats.ks_2samp(score[bad], score[~bad], method="asymp").statistic)


def lift(bad: ArrayLike, score: ArrayLike, share: float = 0.1) -> float:
    """Bad rate of the worst `share` of orders by score / that of all. Of orders with equal scores at the edge their mean
    counts, so that the order of rows does not matter."""
    bad, score = np.asarray(bad, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if not bad.any():
        return float("nan")
    _, group, count = np.unique(score, return_inverse=True, return_counts=True)
    rate = np.bincount(group, weights=bad) / count
    wanted = share * len(bad)
    taken = np.clip(wanted - (np.cumsum(count) - count), 0, count)
    return float((rate * taken).sum() / wanted / bad.mean())


def jeffreys(bad: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Jeffreys interval of a rate: quantiles of Beta(bad + 1/2, good + 1/2), from 0 where none is bad and to 1 where all are
    (Brown, Cai and DasGupta, Statistical Science 2001). It takes orders to be independent."""
    k, total = np.asarray(bad, dtype=np.float64), np.asarray(n, dtype=np.float64)
    tail = (1 - level) / 2
    low = np.where(k == 0, 0.0, stats.beta.ppf(tail, k + 0.5, total - k + 0.5))
    high = np.where(k == total, 1.0, stats.beta.ppf(1 - tail, k + 0.5, total - k + 0.5))
    return low, high


@dataclass(frozen=True)
class Sums:
    """Bad and good orders of each seller, in the order of `draws`' columns."""

    bad: Array
    good: Array

    @classmethod
    def from_orders(cls, orders: pd.DataFrame, sellers: pd.Index) -> Sums:
        """From order lines (subject_id, bad)."""
        counts = orders.groupby("subject_id")["bad"].agg(["sum", "count"]).reindex(sellers, fill_value=0)
        bad = counts["sum"].to_numpy(dtype=np.float64)
        return cls(bad, counts["count"].to_numpy(dtype=np.float64) - bad)


def draws(sellers: int, resamples: int, seed: int = 0) -> Array:
    """How often each seller is drawn in each resample: resamples x sellers, each row adding up to `sellers`."""
    if not sellers:
        return np.zeros((resamples, 0))
    chance = np.full(sellers, 1 / sellers)
    return np.random.default_rng(seed).multinomial(sellers, chance, size=resamples).astype(np.float64)


def auc_of_draws(sums: Sums, score: ArrayLike, weights: Array) -> Array:
    """The order-level AUC of every resample; `score` has one entry a seller. NaN where a resample has one class only."""
    score = np.asarray(score, dtype=np.float64)
    _, group = np.unique(score, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    bad, good = (np.add.reduceat(weights[:, order] * orders[order], starts, axis=1) for orders in (sums.bad, sums.good))
    above = good[:, ::-1].cumsum(axis=1)[:, ::-1] - good  # good orders with a better score
    pairs = bad.sum(axis=1) * good.sum(axis=1)
    won = (bad * (above + good / 2)).sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0), dtype=np.float64)


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled values, those that are NaN left out."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def rising(rates: pd.DataFrame, by_seller: pd.DataFrame, weights: Array) -> pd.DataFrame:
    """Does the bad rate rise from each grade to the next worse one?

    `rates` has grade and rate, best first; `by_seller` subject (index), grade, orders, bad, a row a seller and grade, its
    sellers those of `weights`' columns in sorted order. Returns better, worse, rise (difference of the rates), low, high
    (bootstrap by seller) and verdict: rises or falls where the interval is on one side of 0, else not_told_apart.
    """
    sellers = pd.Index(sorted(by_seller.index.unique()), dtype=object)
    drawn = {}
    for grade in rates["grade"]:
        counts = (
            by_seller[by_seller["grade"] == grade].reindex(sellers)[["bad", "orders"]].fillna(0).to_numpy(np.float64)
        )
        bad, orders = (weights @ counts).T
        drawn[grade] = np.divide(bad, orders, out=np.full(len(bad), np.nan), where=orders > 0)
    rows = []
    for (better, a), (worse, b) in pairwise(zip(rates["grade"], rates["rate"], strict=True)):
        low, high = interval(drawn[worse] - drawn[better])
        verdict = "rises" if low > 0 else "falls" if high < 0 else "not_told_apart"
        rows.append({"better": better, "worse": worse, "rise": b - a, "low": low, "high": high, "verdict": verdict})
    return pd.DataFrame(rows, columns=["better", "worse", "rise", "low", "high", "verdict"])


def calibrate(before: pd.DataFrame, after: pd.DataFrame, bins: int = 10) -> tuple[pd.DataFrame, dict[str, float]]:
    """How far a score's bad rates of an earlier period (`before`: score, bad) hold for a later one (`after`).

    A logistic curve of bad on score is fitted to the earlier period. Returns, for `bins` equal parts of the later one by
    predicted risk, orders, predicted, observed, low and high (Jeffreys); and in all: expected and observed bad rate, their
    ratio, the Brier score and that of the earlier rate for everybody, and the slope of observed on predicted log odds
    (1 is right, below 1 the score separates less than it did).
    """
    curve = LogisticRegression(C=np.inf).fit(before[["score"]], before["bad"])
    risk = pd.Series(curve.predict_proba(after[["score"]])[:, 1], index=after.index)
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    groups = pd.DataFrame({"bin": place, "risk": risk, "bad": after["bad"]}).groupby("bin")
    table = groups.agg(orders=("bad", "size"), bad=("bad", "sum"), predicted=("risk", "mean"), observed=("bad", "mean"))
    low, high = jeffreys(table["bad"], table["orders"])
    odds = special.logit(risk.to_numpy())[:, None]
    expected, observed = float(risk.mean()), float(after["bad"].mean())
    slope = float("nan")
    if len(np.unique(odds)) > 1 and after["bad"].nunique() > 1:
        slope = float(LogisticRegression(C=np.inf).fit(odds, after["bad"]).coef_[0, 0])
    return table.drop(columns="bad").assign(low=low, high=high).reset_index(), {
        "expected": expected,
        "observed": observed,
        "ratio": observed / expected,
        "brier": float(brier_score_loss(after["bad"], risk)),
        "brier_of_rate": float(brier_score_loss(after["bad"], np.full(len(after), before["bad"].mean()))),
        "slope": slope,
    }


def psi(before: ArrayLike, after: ArrayLike) -> float:
    """Population stability index of two distributions over the same bins, given as counts: sum of (q - p) ln(q / p).

    Half a case is added to every bin, or an empty one would make it infinite. Below 0.1 it is usually called stable, above
    0.25 shifted (the rule of thumb of credit scoring; it is no test).
    """
    p, q = (np.asarray(counts, dtype=np.float64) + 0.5 for counts in (before, after))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def binned(before: ArrayLike, after: ArrayLike, bins: int = 10) -> tuple[Array, Array]:
    """Counts of both in bins that hold equal parts of `before`, and a last bin for what is missing (NaN)."""
    a, b = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    inside = a[np.isfinite(a)]
    edges = np.unique(np.quantile(inside, np.linspace(0, 1, bins + 1)[1:-1])) if len(inside) else np.array([])
    counts = []
    for values in (a, b):
        known = values[np.isfinite(values)]
        place = np.searchsorted(edges, known, side="right")
        counts.append(np.r_[np.bincount(place, minlength=len(edges) + 1), len(values) - len(known)].astype(np.float64))
    return counts[0], counts[1]


MEASURES: dict[str, Callable[[Any, Any], float]] = {"auc": auc, "gini": gini, "ks": ks, "lift": lift}

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
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

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
    return float(stats.ks_2samp(score[bad], score[~bad], method="asymp").statistic)


def lift(bad: ArrayLike, score: ArrayLike, share: float = 0.1) -> float:
    """Bad rate of the worst `share` of orders by score / that of all. Of orders with equal scores at the edge their mean
    counts, so that the order of rows does not matter."""
    frame = pd.DataFrame({"bad": np.asarray(bad, dtype=np.float64), "score": np.asarray(score, dtype=np.float64)})
    if frame["bad"].sum() == 0:
        return float("nan")
    groups = frame.groupby("score")["bad"].agg(["sum", "count"])
    wanted = share * len(frame)
    before = groups["count"].cumsum() - groups["count"]
    taken = (wanted - before).clip(0, groups["count"])
    return float((groups["sum"] / groups["count"] * taken).sum() / wanted / frame["bad"].mean())


def jeffreys(bad: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Jeffreys interval of a rate: quantiles of Beta(bad + 1/2, good + 1/2), from 0 where none is bad and to 1 where all are
    (Brown, Cai and DasGupta, Statistical Science 2001). It takes orders to be independent."""
    k, of = np.asarray(bad, dtype=np.float64), np.asarray(n, dtype=np.float64)
    tail = (1 - level) / 2
    low = np.where(k == 0, 0.0, stats.beta.ppf(tail, k + 0.5, of - k + 0.5))
    high = np.where(k == of, 1.0, stats.beta.ppf(1 - tail, k + 0.5, of - k + 0.5))
    return low, high


@dataclass(frozen=True)
class Sums:
    """Bad and good orders of each seller, in the order of `draws`' columns."""

    bad: Array
    good: Array

    @classmethod
    def of(cls, orders: pd.DataFrame, sellers: pd.Index) -> Sums:
        """From order lines (subject_id, bad)."""
        found = orders.groupby("subject_id")["bad"].agg(["sum", "count"]).reindex(sellers, fill_value=0)
        bad = found["sum"].to_numpy(dtype=np.float64)
        return cls(bad, found["count"].to_numpy(dtype=np.float64) - bad)


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
    bad, good = (np.add.reduceat(weights[:, order] * of[order], starts, axis=1) for of in (sums.bad, sums.good))
    above = good[:, ::-1].cumsum(axis=1)[:, ::-1] - good  # good orders with a better score
    pairs = bad.sum(axis=1) * good.sum(axis=1)
    won = (bad * (above + good / 2)).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled values, those that are NaN left out."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


MEASURES: dict[str, Callable[[Any, Any], float]] = {"auc": auc, "gini": gini, "ks": ks, "lift": lift}

"""Challengers: how much signal does the rulebook leave on the table? Advisory: no grade ever comes from a model.

Two models see the same indicators as the score (shrunk, as of the night): gradient boosting that may use each of them in
its declared direction only (scikit-learn's HistGradientBoosting), and a logistic scorecard (standardised indicators,
ridge penalty). Neither is tuned.

Each night is predicted by models fitted on earlier nights whose period had ended by then, and each seller by models that never saw
one of its own orders: `folds` parts of the sellers, each left out in turn. The score, which was fitted to nobody here, is judged on the same
orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from credit.errors import UserError
from credit.validation import baselines, metrics
from credit.validation.backtest import RESAMPLES, PastNight, chosen, nights
from credit.validation.outcomes import DEFAULT, Definition, outcomes

MODELS = {
    "boosting": ("梯度提升", "monotone gradient boosting"),
    "logistic": ("逻辑评分卡", "logistic scorecard"),
}
RIVALS = ("score", "shrunk_rating")
SHUFFLES = 5
"""Times an indicator is shuffled among the sellers left out."""
LEAST_SELLERS = 20
"""Sellers with orders and both outcomes below which nothing is fitted."""


@dataclass(frozen=True)
class Challenger:
    """What the models reached, tidy.

    measures    rulebook, date ("mean": over the dates), scorer, auc, low, high (95 %, by seller), ahead (the score's AUC less this
                scorer's), ahead_low, ahead_high, orders, sellers
    importance  rulebook, model, indicator, drop: how much AUC is lost on average when it is shuffled among sellers left out
    names       scorer or indicator:<id> -> Chinese, English
    """

    dates: tuple[date, ...]
    definition: Definition
    rulebooks: tuple[str, ...]
    measures: pd.DataFrame
    importance: pd.DataFrame
    names: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sellers:
    """A night's rated sellers that had orders afterwards: their indicators, rivals' scores, bad and good orders."""

    night: PastNight
    x: pd.DataFrame
    rivals: pd.DataFrame
    sums: metrics.Sums


def challenge(
    con: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    zone: str,
    days: int = 90,
    bad: Definition = DEFAULT,
    rulebooks: list[Path] | None = None,
    *,
    train: Sequence[date] = (),
    folds: int = 5,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Challenger:
    """Set the models beside the score on the orders of the `days` days after each of `dates`.

    They learn from the nights among `train` and `dates` that are at least `days` days before the night they judge; a date without
    any is left out, and a note says so. Raises UserError where no date can be judged.
    """
    past_nights = nights(con, sorted({*dates, *train}), zone, chosen(con, rulebooks), progress)
    return compare(
        con, past_nights, dates, zone, days, bad, folds=folds, resamples=resamples, seed=seed, progress=progress
    )


def compare(
    con: duckdb.DuckDBPyConnection,
    past_nights: Iterable[PastNight],
    dates: Sequence[date],
    zone: str,
    days: int = 90,
    bad: Definition = DEFAULT,
    *,
    folds: int = 5,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Challenger:
    """`challenge` with nights that have been graded, in the order of their days; those of `dates` are judged."""
    nights_of_book: dict[str, list[_Sellers]] = {}
    for night in past_nights:
        sellers = _sellers(night, outcomes(con, night.evaluation.day, days, zone, bad))
        if len(sellers.x):
            nights_of_book.setdefault(night.evaluation.rulebook.id, []).append(sellers)
    notes: list[str] = []
    measures, importance, books = [], [], []
    for past in nights_of_book.values():
        label = past[-1].night.evaluation.rulebook.label
        progress(f"fitting beside {label}")
        judged = list(_judged(past, set(dates), days, folds, seed, notes))
        if not judged:
            continue
        books.append(past[-1].night.evaluation.rulebook)
        measures.append(_measures(judged, resamples, seed).assign(rulebook=label))
        importance.append(_importance(judged).assign(rulebook=label))
    if not measures:
        raise UserError(
            "; ".join(dict.fromkeys(notes))
            or f"no rated seller had an order in the {days} days after {', '.join(map(str, sorted(dates)))}"
        )
    return Challenger(
        tuple(sorted({*dates})),
        bad,
        tuple(book.label for book in books),
        pd.concat(measures, ignore_index=True),
        pd.concat(importance, ignore_index=True),
        baselines.names_of(books) | MODELS,
        tuple(dict.fromkeys(notes)),
    )


def _sellers(night: PastNight, orders: pd.DataFrame) -> _Sellers:
    rated = night.grades["not_rated_reason"].isna()
    known = orders[orders["subject_id"].isin(rated.index[rated])]
    sellers = pd.Index(sorted(known["subject_id"].unique()), dtype=object)
    scores = night.scores.reindex(sellers)
    inputs = [name for name in map(str, scores) if name.startswith("indicator:")]
    # What is the same for everybody tells nothing, and a model may not lean on it.
    inputs = [name for name in inputs if scores[name].nunique() > 1]
    rivals = [name for name in RIVALS if name in scores]
    return _Sellers(night, scores[inputs], scores[rivals], metrics.Sums.from_orders(known, sellers))


def models(columns: int, seed: int = 0) -> dict[str, Any]:
    """The challengers, not yet fitted. Indicators come turned so that more is better: less bad."""
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=8, min_samples_leaf=40, l2_regularization=1.0,
        monotonic_cst=[-1] * columns, random_state=seed,
    )  # fmt: skip
    return {"boosting": boosting, "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.01))}


def one_thread() -> Any:
    """The models are small: threads that wait for each other take longer, by far where other work runs beside."""
    return threadpool_limits(1, user_api="openmp")


def fit(model: Any, x: pd.DataFrame, sums: metrics.Sums) -> Any:
    """Fit a model to sellers' bad and good orders: each seller is a bad and a good row with so much weight."""
    twice = pd.concat([x, x], ignore_index=True)
    target = np.repeat([1, 0], len(x))
    weight = np.concatenate([sums.bad, sums.good])
    weighted = weight > 0
    prefix = model.steps[-1][0] + "__" if hasattr(model, "steps") else ""
    with one_thread():
        return model.fit(twice[weighted], target[weighted], **{f"{prefix}sample_weight": weight[weighted]})


@dataclass(frozen=True)
class _Judged:
    """A night predicted out of sample: per seller minus the risk, by scorer; and what shuffling costs each model."""

    sellers: _Sellers
    scores: pd.DataFrame
    drops: list[dict[str, Any]]


def _judged(
    past_nights: Sequence[_Sellers], dates: set[date], days: int, folds: int, seed: int, notes: list[str]
) -> Iterator[_Judged]:
    rng = np.random.default_rng(seed)
    part = _parts(past_nights, folds, seed)
    for tonight in past_nights:
        day = tonight.night.evaluation.day
        if day not in dates:
            continue
        earlier = [night for night in past_nights if night.night.evaluation.day + timedelta(days=days) <= day]
        inputs = [str(name) for name in tonight.x if all(name in night.x for night in earlier)]
        enough = (
            sum(night.sums.bad.sum() for night in earlier) > 0
            and sum(len(night.x) for night in earlier) >= LEAST_SELLERS
        )
        if not enough or not inputs:
            notes.append(
                f"{day} is not judged: the models need a night at least {days} days before it, with {LEAST_SELLERS} rated sellers "
                "and bad orders after it; name earlier ones with --train"
            )
            continue
        yield _out_of_sample(tonight, earlier, inputs, part, seed, rng)


def _out_of_sample(
    tonight: _Sellers,
    earlier: Sequence[_Sellers],
    inputs: list[str],
    part: pd.Series[int],
    seed: int,
    rng: np.random.Generator,
) -> _Judged:
    """Each part of the sellers predicted by models of the others, fitted on the earlier nights."""
    scores = tonight.rivals.copy()
    drops: list[dict[str, Any]] = []
    with one_thread():
        for fold in sorted(part.unique()):
            left_out = (part.reindex(tonight.x.index) == fold).to_numpy()
            learnt = [(part.reindex(night.x.index) != fold).to_numpy() for night in earlier]
            x = pd.concat([night.x.loc[rows, inputs] for night, rows in zip(earlier, learnt, strict=True)])
            bad, good = (
                np.concatenate([counts[rows] for counts, rows in zip(columns, learnt, strict=True)])
                for columns in ([night.sums.bad for night in earlier], [night.sums.good for night in earlier])
            )
            if not left_out.any() or not bad.sum() or not good.sum():
                continue
            sums_out = metrics.Sums(tonight.sums.bad[left_out], tonight.sums.good[left_out])
            for name, model in models(len(inputs), seed).items():
                fit(model, x, metrics.Sums(bad, good))
                x_out = tonight.x.loc[left_out, inputs]
                scores.loc[x_out.index, name] = -model.predict_proba(x_out)[:, 1]
                drops += _drops(model, name, x_out, sums_out, rng)
    return _Judged(tonight, scores, drops)


def _parts(past_nights: Sequence[_Sellers], folds: int, seed: int) -> pd.Series[int]:
    """Seller -> part, the same on every night."""
    sellers = np.array(sorted({seller for night in past_nights for seller in night.x.index}), dtype=object)
    if len(sellers) < folds:
        raise UserError(
            f"{len(sellers)} rated sellers had orders, too few for --folds {folds}; give later dates or fewer folds"
        )
    split = GroupKFold(folds, shuffle=True, random_state=seed).split(sellers, groups=np.arange(len(sellers)))
    part = pd.Series(0, index=pd.Index(sellers, dtype=object))
    for i, (_, out) in enumerate(split):
        part.iloc[out] = i
    return part


def _auc(sums: metrics.Sums, score: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(metrics.auc_of_draws(sums, score, np.ones((1, len(score))))[0])


def _drops(
    model: Any, name: str, x: pd.DataFrame, sums: metrics.Sums, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Permutation importance on sellers left out: AUC as it is less AUC with one indicator shuffled among them."""
    whole = _auc(sums, -model.predict_proba(x)[:, 1])
    for indicator in x:
        shuffled = x.copy()
        losses = []
        for _ in range(SHUFFLES):
            shuffled[indicator] = rng.permutation(x[indicator].to_numpy())
            losses.append(whole - _auc(sums, -model.predict_proba(shuffled)[:, 1]))
        yield {"model": name, "indicator": str(indicator).removeprefix("indicator:"), "drop": float(np.mean(losses))}


def _measures(judged: Sequence[_Judged], resamples: int, seed: int) -> pd.DataFrame:
    everyone = pd.Index(sorted({s for night in judged for s in night.scores.dropna().index}), dtype=object)
    weights = metrics.draws(len(everyone), resamples, seed)
    drawn: dict[str, list[metrics.Array]] = {}
    exact: dict[str, list[float]] = {}
    rows: list[dict[str, Any]] = []

    def add_row(
        day: date | str, scorer: str, value: float, samples: metrics.Array, ahead: float, less: metrics.Array
    ) -> None:
        (low, high), (ahead_low, ahead_high) = metrics.interval(samples), metrics.interval(less)
        rows.append({
            "date": day, "scorer": scorer, "auc": value, "low": low, "high": high, "ahead": ahead,
            "ahead_low": ahead_low, "ahead_high": ahead_high, "orders": size[0], "sellers": size[1],
        })  # fmt: skip

    for night in judged:
        scores = night.scores.dropna()
        sums = pd.DataFrame({"bad": night.sellers.sums.bad, "good": night.sellers.sums.good}, index=night.scores.index)
        sums = sums.reindex(scores.index)
        padded = sums.reindex(everyone, fill_value=0.0)
        whole = metrics.Sums(padded["bad"].to_numpy(), padded["good"].to_numpy())
        size = (int(sums.to_numpy().sum()), len(scores))
        for scorer in scores:
            samples = metrics.auc_of_draws(whole, scores[scorer].reindex(everyone).fillna(0.0), weights)
            value = _auc(metrics.Sums(sums["bad"].to_numpy(), sums["good"].to_numpy()), scores[scorer].to_numpy())
            drawn.setdefault(str(scorer), []).append(samples)
            exact.setdefault(str(scorer), []).append(value)
            day = night.sellers.night.evaluation.day
            add_row(day, str(scorer), value, samples, exact["score"][-1] - value, drawn["score"][-1] - samples)
    size = (sum(row["orders"] for row in rows if row["scorer"] == "score"), len(everyone))
    for scorer, values in exact.items():
        mean, ours = np.mean(drawn[scorer], axis=0), np.mean(drawn["score"], axis=0)
        add_row(
            "mean", scorer, float(np.mean(values)), mean, float(np.mean(exact["score"]) - np.mean(values)), ours - mean
        )
    return pd.DataFrame(rows)


def _importance(judged: Sequence[_Judged]) -> pd.DataFrame:
    drops = pd.DataFrame([drop for night in judged for drop in night.drops], columns=["model", "indicator", "drop"])
    mean: pd.DataFrame = drops.groupby(["model", "indicator"])["drop"].mean().reset_index()
    ranked: pd.DataFrame = mean.sort_values(
        ["model", "drop"], ascending=[True, False], ignore_index=True, kind="stable"
    )
    return ranked

"""Back-tests: grade past nights with what was known then, and compare with what happened to the orders that followed.

Nothing is stored. Each night is graded afresh, by score and vetoes, without the margin's memory of nights before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from credit.errors import UserError
from credit.evaluation import engine
from credit.evaluation.grading import NOT_RATED
from credit.evaluation.night import Evaluation, compute, supplied
from credit.ledgers.lifecycle import choose
from credit.rulebooks.book import Rulebook
from credit.validation import baselines, metrics
from credit.validation.outcomes import DEFAULT, Definition, last_order, outcomes

HORIZONS = (30, 90, 180)
"""Days after the evaluation whose orders are looked at."""

RESAMPLES = 500
SELLER_ORDERS = 5
"""Orders in the period from which on a seller counts in the seller-level measures."""

POPULATIONS = {
    "rated": ("已评级", "orders of sellers that are rated"),
    "known": (
        "有过订单",
        "orders of all sellers that had an order before; of those not rated the computed score counts",
    ),
}


@dataclass(frozen=True)
class PastNight:
    """One evaluation and the ways to rank its subjects (a row a subject, see `baselines.scores_of`)."""

    evaluation: Evaluation
    scores: pd.DataFrame

    @property
    def grades(self) -> pd.DataFrame:
        """The evaluation's grades, by subject."""
        return self.evaluation.grades.set_index("subject_id", drop=False)


@dataclass(frozen=True)
class Backtest:
    """All numbers of a back-test, tidy.

    measures  rulebook, date, days, population, level (order, seller), scorer, measure (auc, gini, ks, lift, auc_below: the
              score's AUC less this scorer's), value, low, high (95 %), orders, bad, sellers; date "mean" is the mean over the dates
    grades    rulebook, date ("pooled": all), days, grade, sellers, orders, bad, rate, low, high (Jeffreys)
    rises     rulebook, days, better, worse, rise, low, high, verdict: the pooled bad rate from grade to grade
    calibration  rulebook, date, days, fitted_on, bin, orders, predicted, observed, low, high; for whoever is rated
    fit       rulebook, date, days, fitted_on, expected, observed, ratio, brier, brier_of_rate, slope
    outcomes  date, days, outcome, orders, share
    names     scorer -> Chinese, English
    """

    dates: tuple[date, ...]
    horizons: tuple[int, ...]
    definition: Definition
    rulebooks: tuple[str, ...]
    measures: pd.DataFrame
    grades: pd.DataFrame
    rises: pd.DataFrame
    calibration: pd.DataFrame
    fit: pd.DataFrame
    outcomes: pd.DataFrame
    names: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...] = ()


def nights(
    con: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    zone: str,
    books: Callable[[date], list[Rulebook]],
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[PastNight]:
    """The evaluation of every date by its sellers' rulebooks, as of then; nothing is stored."""
    for day in dates:
        progress(f"grading {day}")
        seller_books = [book for book in books(day) if book.subject.role == "seller"]
        standings = {book.hash: "trial" for book in seller_books}
        for evaluated in compute(
            con, day, zone, seller_books, standings=standings, looks_back={book.hash: None for book in seller_books}
        ):
            if not len(evaluated.grades):
                continue
            supply = supplied(con, evaluated.moment)
            frames = engine.at_hand(con, evaluated.moment)
            facts = baselines.facts_for(evaluated, supply, frames)
            yield PastNight(evaluated, baselines.scores_of(evaluated, facts, supply))


def chosen(con: duckdb.DuckDBPyConnection, paths: list[Path] | None) -> Callable[[date], list[Rulebook]]:
    """The rulebooks of a day: these files, or else those in force (or last in force) that day."""
    return lambda day: [book for book, _ in choose(con, paths, day, trial=bool(paths))]


def backtest(
    con: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    zone: str,
    horizons: Sequence[int] = HORIZONS,
    bad: Definition = DEFAULT,
    rulebooks: list[Path] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Backtest:
    """Back-test the rulebooks (files, or those of each date) on the orders of the `horizons` days after each date.

    Raises UserError when there is no date, or no order after one.
    """
    if not dates:
        raise UserError("a back-test needs at least one past day: --date YYYY-MM-DD, as often as needed")
    past_nights = list(nights(con, sorted(set(dates)), zone, chosen(con, rulebooks), progress))
    if not past_nights:
        raise UserError(f"no seller was known by the cut-off of {max(dates)}; choose later days")
    return judge(con, past_nights, zone, horizons, bad, resamples=resamples, seed=seed, progress=progress)


def judge(
    con: duckdb.DuckDBPyConnection,
    past_nights: Sequence[PastNight],
    zone: str,
    horizons: Sequence[int] = HORIZONS,
    bad: Definition = DEFAULT,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Backtest:
    """Compare nights that have been graded with what followed. `scores` may have columns of other ways to rank."""
    newest = last_order(con, zone)
    dates = tuple(sorted({night.evaluation.day for night in past_nights}))
    notes, outcome_counts = [], []
    measures: list[pd.DataFrame] = []
    by_grade: list[pd.DataFrame] = []
    rises: list[pd.DataFrame] = []
    bins: list[pd.DataFrame] = []
    fits: list[dict[str, Any]] = []
    for days in sorted(set(horizons)):
        after = {}
        for day in dates:
            progress(f"orders of the {days} days from {day}")
            after[day] = outcomes(con, day, days, zone, bad)
            if not len(after[day]):
                raise UserError(
                    f"no order is known of the {days} days from {day} on (the newest is of {newest}); choose earlier days"
                )
            if newest is not None and newest < day + timedelta(days=days - 1):
                notes.append(f"the {days} days from {day} are cut short: the newest order known is of {newest}")
            outcome_counts.append(_outcome_counts(after[day]).assign(date=day, days=days))
        for label in dict.fromkeys(night.evaluation.rulebook.label for night in past_nights):
            nights_of_book = [night for night in past_nights if night.evaluation.rulebook.label == label]
            for population in POPULATIONS:
                measured = _measures(nights_of_book, after, population, resamples, seed)
                measures.append(measured.assign(rulebook=label, days=days, population=population))
            graded = _graded_orders(nights_of_book, after)
            by_grade.append(_by_grade(nights_of_book, graded).assign(rulebook=label, days=days))
            rises.append(_rises(graded, by_grade[-1], resamples, seed).assign(rulebook=label, days=days))
            for binned, fit in _calibrations(graded, days):
                bins.append(binned.assign(rulebook=label))
                fits.append({"rulebook": label, **fit})
    return Backtest(
        dates,
        tuple(sorted(set(horizons))),
        bad,
        tuple(dict.fromkeys(night.evaluation.rulebook.label for night in past_nights)),
        pd.concat(measures, ignore_index=True),
        pd.concat(by_grade, ignore_index=True),
        pd.concat(rises, ignore_index=True),
        pd.concat(bins, ignore_index=True) if bins else pd.DataFrame(),
        pd.DataFrame(fits),
        pd.concat(outcome_counts, ignore_index=True),
        baselines.names_of([night.evaluation.rulebook for night in past_nights]),
        tuple(notes),
    )


def _outcome_counts(orders: pd.DataFrame) -> pd.DataFrame:
    counts = orders.select_dtypes(bool).sum()
    return pd.DataFrame(
        {"outcome": counts.index, "orders": counts.to_numpy(), "share": counts.to_numpy() / len(orders)}
    )


def _members(night: PastNight, population: str) -> pd.Index:
    grades = night.evaluation.grades
    inside = grades["not_rated_reason"].isna() if population == "rated" else grades["orders"] > 0
    members: pd.Index = pd.Index(grades["subject_id"].to_numpy()[inside.to_numpy()], dtype=object)
    return members


def _measures(
    past_nights: Sequence[PastNight], after: Mapping[date, pd.DataFrame], population: str, resamples: int, seed: int
) -> pd.DataFrame:
    """Every measure of every scorer on every date, and the mean over the dates."""
    rows: list[dict[str, Any]] = []
    # The same sellers stand behind all dates: a resample draws them once for all.
    everyone = pd.Index(sorted({s for night in past_nights for s in _members(night, population)}), dtype=object)
    # The first "resample" is the orders as they are.
    weights = np.vstack([np.ones(len(everyone)), metrics.draws(len(everyone), resamples, seed)])
    drawn: dict[str, list[metrics.Array]] = {}
    exact: dict[str, list[float]] = {}
    for night in past_nights:
        orders = after[night.evaluation.day]
        orders = orders[orders["subject_id"].isin(_members(night, population))]
        sums = metrics.Sums.from_orders(orders, everyone)
        bad = orders["bad"].to_numpy()
        places = everyone.get_indexer(pd.Index(orders["subject_id"], dtype=object))
        scores = night.scores.reindex(everyone)
        # Who has enough orders for a rate of its own is bad where that is above the rate of all.
        size = sums.bad + sums.good
        bad_sellers = sums.bad * len(bad) > size * bad.sum()
        counted = (size >= SELLER_ORDERS).astype(np.float64)
        seller_sums = metrics.Sums(bad_sellers * counted, ~bad_sellers * counted)
        sizes = {
            "orders": len(bad),
            "bad": int(bad.sum()),
            "sellers": int((size > 0).sum()),
            "date": night.evaluation.day,
        }
        reference: tuple[float, metrics.Array] | None = None
        for scorer in scores.columns:
            score = scores[scorer].to_numpy(dtype=np.float64)
            every, by_seller = (
                metrics.auc_of_draws(units, np.nan_to_num(score), weights) for units in (sums, seller_sums)
            )
            point, samples = float(every[0]), every[1:]
            estimates: dict[tuple[str, str], tuple[float, metrics.Array | None]] = {
                ("order", "auc"): (point, samples),
                ("order", "gini"): (2 * point - 1, 2 * samples - 1),
                ("order", "ks"): (metrics.ks(bad, score[places]), None),
                ("order", "lift"): (metrics.lift(bad, score[places]), None),
                ("seller", "auc"): (float(by_seller[0]), by_seller[1:]),
            }
            if scorer == "score":
                reference = point, samples
            elif reference is not None:
                estimates["order", "auc_below"] = (reference[0] - point, reference[1] - samples)
            rows += [
                _row(level, measure, value, resampled, scorer) | sizes
                for (level, measure), (value, resampled) in estimates.items()
            ]
            drawn.setdefault(scorer, []).append(samples)
            exact.setdefault(scorer, []).append(point)
    for scorer, values in exact.items():
        if len(values) < len(past_nights):  # not to be had on every date
            continue
        samples = np.mean(drawn[scorer], axis=0)
        rows.append(_row("order", "auc", float(np.mean(values)), samples, scorer) | {"date": "mean"})
        if scorer != "score":
            gain = float(np.mean(exact["score"]) - np.mean(values))
            gains = np.mean(drawn["score"], axis=0) - samples
            rows.append(_row("order", "auc_below", gain, gains, scorer) | {"date": "mean"})
    return pd.DataFrame(rows)


def _row(level: str, measure: str, value: float, samples: metrics.Array | None, scorer: str) -> dict[str, Any]:
    low, high = metrics.interval(samples) if samples is not None else (np.nan, np.nan)
    return {"level": level, "scorer": scorer, "measure": measure, "value": value, "low": low, "high": high}


def _graded_orders(past_nights: Sequence[PastNight], after: Mapping[date, pd.DataFrame]) -> pd.DataFrame:
    """The order lines of all dates with their seller's grade and, where it is rated, score."""
    parts = []
    for night in past_nights:
        orders = after[night.evaluation.day]
        grades = night.grades.reindex(orders["subject_id"])
        parts.append(
            orders.assign(date=night.evaluation.day, grade=grades["grade"].to_numpy(), score=grades["score"].to_numpy())
        )
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
    known: pd.DataFrame = whole[whole["grade"].notna()]
    return known


def _by_grade(past_nights: Sequence[PastNight], graded: pd.DataFrame) -> pd.DataFrame:
    """Bad rate by grade, best first, each date and pooled."""
    symbols = [*past_nights[0].evaluation.rulebook.symbols, NOT_RATED]
    tables = []
    for name, part in [*graded.groupby("date"), ("pooled", graded)]:
        table = part.groupby("grade").agg(sellers=("subject_id", "nunique"), orders=("bad", "size"), bad=("bad", "sum"))
        table = table.reindex([s for s in symbols if s in table.index])
        low, high = metrics.jeffreys(table["bad"], table["orders"])
        tables.append(table.assign(rate=table["bad"] / table["orders"], low=low, high=high, date=name).reset_index())
    rates: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return rates


def _rises(graded: pd.DataFrame, by_grade: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    rated = graded[graded["grade"] != NOT_RATED]
    pooled = by_grade[(by_grade["date"] == "pooled") & (by_grade["grade"] != NOT_RATED)]
    by_seller = (
        rated.groupby(["subject_id", "grade"]).agg(orders=("bad", "size"), bad=("bad", "sum")).reset_index("grade")
    )
    return metrics.rising(pooled, by_seller, metrics.draws(by_seller.index.nunique(), resamples, seed))


def _calibrations(graded: pd.DataFrame, days: int) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """Each date by the curve of the latest earlier one whose period had ended by then."""
    rated = graded.dropna(subset="score")
    parts: dict[date, pd.DataFrame] = {day: rated[rated["date"] == day] for day in sorted(set(rated["date"]))}
    for day, later in parts.items():
        earlier = [d for d in parts if d + timedelta(days=days) <= day and parts[d]["bad"].nunique() > 1]
        if earlier:
            bins, fit = metrics.calibrate(parts[earlier[-1]], later)
            period = {"date": day, "days": days, "fitted_on": earlier[-1]}
            yield bins.assign(date=day, days=days, fitted_on=earlier[-1]), period | fit

"""How steady the grades are, whom they favour, and what a small change of the rules does to them.

Nothing is stored. The nights are graded one after the other, the margin against flicker looking back to the one before as it
does when they are evaluated in earnest (no farther than it remembers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from credit.errors import UserError
from credit.evaluation import engine, grading, scoring
from credit.evaluation.night import Evaluation, compute, count_facts, supplied
from credit.rulebooks.book import ElementRule, IndicatorRule, Rulebook
from credit.tables import TABLES
from credit.validation import metrics
from credit.validation.backtest import RESAMPLES, chosen
from credit.validation.baselines import names_of
from credit.validation.outcomes import DEFAULT, Definition, outcomes

WEIGHT_CHANGE = 0.2
"""By how much of itself a weight is moved, up and down; the others share what it leaves."""

EDGE_CHANGE = 1.0
"""By how many points a grade's lowest score is moved, up and down."""

SIZES = ((10, "0-9"), (30, "10-29"), (100, "30-99"), (300, "100-299"), (np.inf, "300+"))
AGES = ((3, "0-2"), (6, "3-5"), (12, "6-11"), (24, "12-23"), (np.inf, "24+"))
"""Upper ends of the groups by orders in the window, and by whole months since the merchant joined (or its first order)."""


@dataclass(frozen=True)
class Stability:
    """All numbers, tidy. `series` is dates (the days asked for) or nights (the run of nights up to the last of them).

    migration    series, rulebook, before_on, after_on, before, after, merchants, share (of those of `before`); nights are added up
    shift        series, rulebook, before_on, after_on, kind (psi, csi), of (grade, score, an indicator), index, before, after (merchants)
    flicker      rulebook, since, until, nights, merchants, by (grade, grade_by_score), moves, returns, flickering, rate
    effect       rulebook, date, by (size, age), group, merchants, rated, mean_score, orders, observed, expected, excess, low, high
    sensitivity  rulebook, date, kind (element, indicator, edge), of, change, merchants, moved, share, mean_change, auc_change
    """

    dates: tuple[date, ...]
    definition: Definition
    days: int
    rulebooks: tuple[str, ...]
    migration: pd.DataFrame
    shift: pd.DataFrame
    flicker: pd.DataFrame
    effect: pd.DataFrame
    sensitivity: pd.DataFrame
    names: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...] = ()


def stability(
    con: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    zone: str,
    bad: Definition = DEFAULT,
    rulebooks: list[Path] | None = None,
    *,
    nights: int = 0,
    days: int = 90,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Stability:
    """Stability over `dates` and, with `nights`, over that many nights up to and with the last of them.

    Orders of the `days` days after the last date say whether groups of merchants are graded down without cause, where there
    are any. Raises UserError for fewer than two days in all, or where nobody is known.
    """
    dates = tuple(sorted(set(dates)))
    if not dates or (len(dates) < 2 and nights < 2):
        raise UserError("stability compares days: give --date at least twice, or once with --nights 2 or more")
    books = chosen(con, rulebooks)
    nightly = [dates[-1] - timedelta(days=i) for i in reversed(range(nights))]
    series = {
        "dates": _series(con, dates, zone, books, progress),
        "nights": _series(con, nightly, zone, books, progress),
    }
    migration, shift, flicker, effect, sensitivity, notes = [], [], [], [], [], []
    for name, by_book in series.items():
        for label, evaluations in by_book.items():
            moved = []
            for a, b in pairwise(evaluations):
                moved.append(_migration(a, b))
                shift += [{"series": name, "rulebook": label, **row} for row in _shift(a, b)]
            if moved and name == "nights":
                moved = [_added(moved)]
            migration += [table.assign(series=name, rulebook=label) for table in moved]
            if name == "nights" and len(evaluations) > 1:
                flicker += [{"rulebook": label, **row} for row in _flicker(evaluations)]
    orders = outcomes(con, dates[-1], days, zone, bad)
    if not len(orders):
        notes.append(
            f"no order is known of the {days} days from {dates[-1]}: effects and sensitivity lack what followed"
        )
    for label, evaluations in (series["dates"] or series["nights"]).items():
        newest = evaluations[-1]
        if newest.day != dates[-1]:
            continue
        progress(f"what size, age and each weight do on {newest.day} by {label}")
        effect.append(_effects(con, newest, orders, resamples, seed).assign(rulebook=label, date=newest.day))
        sensitivity.append(_sensitivity(con, newest, orders).assign(rulebook=label, date=newest.day))
    return Stability(
        dates,
        bad,
        days,
        tuple(dict.fromkeys(label for by_book in series.values() for label in by_book)),
        _joined(migration),
        pd.DataFrame(shift),
        pd.DataFrame(flicker),
        _joined(effect),
        _joined(sensitivity),
        names_of([evaluated.rulebook for by_book in series.values() for run in by_book.values() for evaluated in run]),
        tuple(notes),
    )


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _series(
    con: duckdb.DuckDBPyConnection,
    days: Sequence[date],
    zone: str,
    books: Callable[[date], list[Rulebook]],
    progress: Callable[[str], None],
) -> dict[str, list[Evaluation]]:
    """Rulebook -> its evaluations in order, each held by the margin to the one before."""
    evaluations: dict[str, list[Evaluation]] = {}
    for day in days:
        progress(f"grading {day}")
        seller_books = [book for book in books(day) if book.subject.role == "seller"]
        afresh = {book.hash: None for book in seller_books}
        standings = {book.hash: "trial" for book in seller_books}
        for evaluated in compute(con, day, zone, seller_books, standings=standings, looks_back=afresh):
            if not len(evaluated.grades):
                continue
            before = evaluations.setdefault(evaluated.rulebook.label, [])
            before.append(held(evaluated, before[-1] if before else None))
    if days and not evaluations:
        raise UserError(f"no seller was known by the cut-off of {days[-1]}; choose later days")
    return evaluations


def held(evaluated: Evaluation, before: Evaluation | None) -> Evaluation:
    """The evaluation with the margin looking back to `before`, as far as it remembers."""
    book = evaluated.rulebook
    if before is None or book.margin is None or not len(evaluated.grades):
        return evaluated
    if before.day < evaluated.day - timedelta(days=int(book.margin.memory_days.value)):
        return evaluated
    earlier = before.grades[before.grades["not_rated_reason"].isna()].set_index("subject_id")
    earlier = earlier.reindex(evaluated.grades["subject_id"])
    names = earlier["grade_held"].astype(object).where(earlier["grade_held"].notna(), None)
    past = np.nan_to_num(earlier["past_edge"].to_numpy(dtype=np.float64)).astype(np.int64)
    graded = _graded(evaluated, book, evaluated.scores, _looking_back(names, past))
    table = evaluated.grades.assign(grade=graded.grade, grade_held=graded.held, past_edge=graded.past_edge)
    return replace(evaluated, grades=table, previous_on=before.day)


def _looking_back(names: pd.Series[Any], past: np.ndarray[Any, Any]) -> grading.Previous:
    return grading.Previous(names.to_numpy(dtype=object), np.maximum(past, 0), np.maximum(-past, 0))


def _graded(
    evaluated: Evaluation, book: Rulebook, scores: scoring.Scores, previous: grading.Previous | None = None
) -> grading.Grades:
    """The evaluation's subjects by other rules, scores or memory; vetoes as they were found."""
    vetoes = evaluated.grades["vetoes"]
    vetoed = {veto.id: np.array([veto.id in ids for ids in vetoes], dtype=bool) for veto in book.vetoes}
    orders = evaluated.grades["orders"].to_numpy(dtype=np.float64)
    return grading.grade(book, scores.score, scores.evidence, orders, previous, vetoed)


# --- movements ---------------------------------------------------------------------------------------------------------


def _migration(a: Evaluation, b: Evaluation) -> pd.DataFrame:
    """The merchants of both days by the grades of both."""
    return migration(a.grades, b.grades, [*a.rulebook.symbols, grading.NOT_RATED]).assign(
        before_on=a.day, after_on=b.day
    )


def migration(before: pd.DataFrame, after: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    """Merchants in both frames (subject_id, grade) by before and after, best first; share is of those of `before`."""
    merchants = before[["subject_id", "grade"]].merge(after[["subject_id", "grade"]], on="subject_id")
    counts = Counter(zip(merchants["grade_x"], merchants["grade_y"], strict=True))
    totals = Counter(merchants["grade_x"])
    rows = [(x, y, counts[x, y], counts[x, y] / totals[x]) for x in symbols for y in symbols if counts[x, y]]
    return pd.DataFrame(rows, columns=["before", "after", "merchants", "share"])


def _added(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Several nights' movements as one matrix: merchants are counted once a night."""
    whole = pd.concat(tables, ignore_index=True)
    merged = whole.groupby(["before", "after"], sort=False)["merchants"].sum().reset_index()
    merged["share"] = merged["merchants"] / merged.groupby("before")["merchants"].transform("sum")
    merged["before_on"], merged["after_on"] = whole["before_on"].min(), whole["after_on"].max()
    return merged


def _shift(a: Evaluation, b: Evaluation) -> Iterator[dict[str, Any]]:
    """PSI of grades and scores of whoever is rated, CSI of each indicator that anybody has."""
    days = {"before_on": a.day, "after_on": b.day}

    def row(kind: str, subject: str, before: Any, after: Any) -> dict[str, Any]:
        sizes = {"before": int(np.sum(before)), "after": int(np.sum(after))}
        return days | {"kind": kind, "of": subject, "index": metrics.psi(before, after)} | sizes

    symbols = [*a.rulebook.symbols, grading.NOT_RATED]
    counts = [e.grades["grade"].value_counts().reindex(symbols, fill_value=0) for e in (a, b)]
    used = (counts[0] + counts[1]) > 0
    yield row("psi", "grade", counts[0][used], counts[1][used])
    scores = [e.grades["score"].dropna() for e in (a, b)]
    if len(scores[0]):
        yield row("psi", "score", *metrics.binned(scores[0], scores[1]))
    rated = [e.grades["not_rated_reason"].isna().to_numpy() for e in (a, b)]
    for x, y in zip(a.scores.columns, b.scores.columns, strict=True):
        if np.isfinite(x.value[rated[0]]).any():
            yield row("csi", x.indicator, *metrics.binned(x.value[rated[0]], y.value[rated[1]]))


def returns(grades: Sequence[str]) -> tuple[int, int]:
    """(moves, moves that go back to the grade that the move before had left) in a run of grades."""
    changes = [(a, b) for a, b in pairwise(grades) if a != b]
    return len(changes), sum(x[0] == y[1] for x, y in pairwise(changes))


def _flicker(evaluations: Sequence[Evaluation]) -> Iterator[dict[str, Any]]:
    """Moves there and back in the run, of merchants rated on every night of it; with the margin, and by score alone."""
    for column in ("grade", "grade_by_score"):
        table = pd.concat(
            [e.grades.set_index("subject_id")[column].rename(e.day) for e in evaluations], axis=1
        ).dropna()
        table = table[(table != grading.NOT_RATED).all(axis=1)]
        runs = [returns(row) for row in table.to_numpy().tolist()]
        back = sum(b > 0 for _, b in runs)
        yield {
            "since": evaluations[0].day, "until": evaluations[-1].day, "nights": len(evaluations), "merchants": len(table),
            "by": column, "moves": sum(m for m, _ in runs), "returns": sum(b for _, b in runs), "flickering": back,
            "rate": back / len(table) if len(table) else np.nan,
        }  # fmt: skip


# --- size and age ------------------------------------------------------------------------------------------------------


def _ages(con: duckdb.DuckDBPyConnection, evaluated: Evaluation) -> pd.Series[Any]:
    """Months of 30.44 days since the merchant joined, or else since its first order; NaN where neither is known."""
    frames = engine.at_hand(con, evaluated.moment)
    joined = frames(TABLES["subjects"]).lazy().select("subject_id", "joined_on").collect(backend="pandas").to_native()
    first = (
        frames(TABLES["transactions"]).lazy().group_by("subject_id").agg(nw.col("ordered_at").min())
        .collect(backend="pandas").to_native()
    )  # fmt: skip
    since = pd.to_datetime(joined.set_index("subject_id")["joined_on"], utc=True).astype("datetime64[us, UTC]")
    ordered = pd.to_datetime(first.set_index("subject_id")["ordered_at"], utc=True).astype("datetime64[us, UTC]")
    since = since.combine_first(ordered).reindex(evaluated.grades["subject_id"])
    months: pd.Series[Any] = (pd.Timestamp(evaluated.moment.cut_off) - since).dt.total_seconds() / 86400 / 30.44
    return months


def _effects(
    con: duckdb.DuckDBPyConnection, evaluated: Evaluation, orders: pd.DataFrame, resamples: int, seed: int
) -> pd.DataFrame:
    """Scores by size and age, and whether what followed was better than the score said.

    `expected` is the bad rate of all rated merchants' orders at that score (isotonic), `excess` what the group's is above
    it. Below 0 with its interval, the group was marked lower than its orders deserved.
    """
    grades = evaluated.grades.set_index("subject_id")
    groups = {
        "size": _grouped(grades["orders"].astype(float), SIZES),
        "age": _grouped(_ages(con, evaluated), AGES),
    }
    rated_orders = orders[orders["subject_id"].isin(grades.index[grades["score"].notna()])]
    score = rated_orders["subject_id"].map(grades["score"])
    expected = pd.Series(np.nan, index=rated_orders.index)
    if rated_orders["bad"].nunique() > 1:
        curve = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(score, rated_orders["bad"])
        expected = pd.Series(curve.predict(score), index=rated_orders.index)
    rows = []
    for aspect, group_of_merchant in groups.items():
        for group in (name for _, name in (SIZES if aspect == "size" else AGES)):
            members = grades[(group_of_merchant == group).to_numpy()]
            inside = rated_orders[rated_orders["subject_id"].isin(members.index)]
            gap = (inside["bad"] - expected[inside.index]).groupby(inside["subject_id"]).agg(["sum", "count"])
            low = high = np.nan
            if len(gap):
                drawn = metrics.draws(len(gap), resamples, seed) @ gap.to_numpy(dtype=np.float64)
                low, high = metrics.interval(drawn[:, 0] / drawn[:, 1])
            observed, expected_rate = inside["bad"].mean(), expected[inside.index].mean()
            rows.append(
                {
                    "by": aspect, "group": group, "merchants": len(members), "rated": int(members["score"].notna().sum()),
                    "mean_score": members["score"].mean(), "orders": len(inside), "observed": observed, "expected": expected_rate,
                    "excess": observed - expected_rate, "low": low, "high": high,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _grouped(values: pd.Series[Any], ends: Sequence[tuple[float, str]]) -> pd.Series[Any]:
    edges = [-np.inf, *(end for end, _ in ends)]
    return pd.Series(pd.cut(values, edges, right=False, labels=[name for _, name in ends]), index=values.index)


# --- weights and edges -------------------------------------------------------------------------------------------------


def _sensitivity(con: duckdb.DuckDBPyConnection, evaluated: Evaluation, orders: pd.DataFrame) -> pd.DataFrame:
    """The night graded again with each weight, then each edge, moved up and down: who changes grade, and the AUC."""
    book = evaluated.rulebook
    supply = supplied(con, evaluated.moment)
    frames = engine.at_hand(con, evaluated.moment)
    (facts,) = count_facts(frames, [book], evaluated.scores.subjects, evaluated.moment, supply)
    base = _graded(evaluated, book, evaluated.scores)
    rated = np.array([reason is None for reason in base.reason], dtype=bool)
    subjects = evaluated.scores.subjects[rated]
    place = subjects.get_indexer(pd.Index(orders["subject_id"], dtype=object))
    followed = orders["bad"].to_numpy()[place >= 0]
    place = place[place >= 0]

    def auc(scores: scoring.Scores) -> float:
        return metrics.auc(followed, scores.score[rated][place]) if len(followed) else np.nan

    before = auc(evaluated.scores)
    rows = []
    for kind, subject, change, variant in variants(
        book, {c.indicator for c in evaluated.scores.columns if c.weight.any()}
    ):
        # Moving an edge scores nobody anew.
        scores = evaluated.scores if kind == "edge" else scoring.score(variant, facts, supply)
        graded = _graded(evaluated, variant, scores)
        moved = graded.grade[rated] != base.grade[rated]
        rows.append(
            {
                "kind": kind, "of": subject, "change": change, "merchants": int(rated.sum()), "moved": int(moved.sum()),
                "share": float(moved.mean()) if len(moved) else np.nan,
                "mean_change": float(np.nanmean(np.abs(scores.score - evaluated.scores.score)[rated]) / scoring.POINT)
                if rated.any() else np.nan,
                "auc_change": auc(scores) - before,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def variants(book: Rulebook, indicators: set[str]) -> Iterator[tuple[str, str, float, Rulebook]]:
    """(kind, id, change, rulebook): each weight moved by WEIGHT_CHANGE of itself, each edge by EDGE_CHANGE points.

    Only `indicators` (those that anybody has) and their elements; a weight alone in its place has nothing to give way to.
    """
    elements = book.elements
    alive = [e for e in elements if any(rule.id in indicators for rule in e.indicators)]
    for element in alive if len(alive) > 1 else ():
        for change in (-WEIGHT_CHANGE, WEIGHT_CHANGE):
            yield "element", element.id, change, _with(book, elements=_moved(elements, element.id, change))
    for i, element in enumerate(elements):
        rules = [rule for rule in element.indicators if rule.id in indicators]
        for rule in rules if len(rules) > 1 else ():
            for change in (-WEIGHT_CHANGE, WEIGHT_CHANGE):
                inside = _with(element, indicators=_moved(element.indicators, rule.id, change))
                yield "indicator", rule.id, change, _with(book, elements=[*elements[:i], inside, *elements[i + 1 :]])
    levels = book.grades.levels
    for i, level in enumerate(levels[:-1]):
        for change in (-EDGE_CHANGE, EDGE_CHANGE):
            edge = level.at_least + change
            if levels[i + 1].at_least < edge and (i == 0 or edge < levels[i - 1].at_least):
                moved = [*levels[:i], _with(level, at_least=edge), *levels[i + 1 :]]
                yield "edge", level.grade, change, _with(book, grades=_with(book.grades, levels=moved))


def _with(model: Any, **changed: Any) -> Any:
    return model.model_copy(update=changed)


def _moved(
    items: Sequence[ElementRule] | Sequence[IndicatorRule], id: str, change: float
) -> list[ElementRule | IndicatorRule]:
    """The items with one weight moved by `change` of itself and the others scaled so that all add up to what they did."""
    weight = next(item.weight for item in items if item.id == id)
    total = sum(item.weight for item in items)
    moved = min(weight * (1 + change), total)
    others = (total - moved) / (total - weight) if total > weight else 1.0
    return [_with(item, weight=moved if item.id == id else item.weight * others) for item in items]


def matrix(table: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    """A migration as a square: rows before, columns after, merchants."""
    wide = table.pivot_table(index="before", columns="after", values="merchants", aggfunc="sum", fill_value=0)
    order: Mapping[str, int] = {symbol: i for i, symbol in enumerate(symbols)}
    rows, columns = ([s for s in order if s in names] for names in (wide.index, wide.columns))
    square: pd.DataFrame = wide.reindex(index=rows, columns=columns)
    return square

"""What must hold for every input: tried on small markets made by chance, the same ones in every run.

Through the intake: the order and the cutting of deliveries change no grade; landing again changes nothing; an
additional upheld complaint never helps. On scores alone: what missing evidence can and cannot do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credit.evaluation import night
from credit.evaluation.scoring import POINT
from credit.indicators import CATALOGUE
from credit.rulebooks.book import Rulebook
from credit.tables import TABLES
from support.chance_market import (
    BOOKS,
    DAY,
    ZONE,
    Rows,
    ingest,
    market,
    one_each,
    stable,
    warehouse_of,
    write,
)

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

DAYS = (DAY, date(2025, 3, 1))
Results = dict[tuple[str, date], pd.DataFrame]
SEEDS = st.integers(0, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    base = tmp_path_factory.mktemp("deliveries")
    numbers = iter(range(1_000_000))

    def new() -> Path:
        delivery = base / str(next(numbers))
        delivery.mkdir()
        return delivery

    return new


def results(con: duckdb.DuckDBPyConnection) -> Results:
    """Grades and every indicator, for the last day and one in the past; consumers' pseudonyms do not show in them."""
    frames = {}
    for day in DAYS:
        for evaluated in night.compute(con, day, ZONE, BOOKS):
            frames[evaluated.rulebook.id + " grades", day] = evaluated.grades
            frames[evaluated.rulebook.id + " indicators", day] = evaluated.scores.long()
    return frames


def assert_same(left: Results, right: Results) -> None:
    assert left.keys() == right.keys()
    for key, frame in left.items():
        pd.testing.assert_frame_equal(frame, right[key], check_exact=True, obj=str(key))


# --- deliveries --------------------------------------------------------------------------------------------------


def delivered(folder: Callable[[], Path], batches: Sequence[Rows]) -> Results:
    with warehouse_of(folder()) as (con, options):
        for rows in batches:
            ingest(con, options, write(folder(), rows))
        return results(con)


@pytest.fixture(scope="module")
def at_once(folder: Callable[[], Path]) -> Callable[[int], Results]:
    """The results of a market that comes in one delivery."""
    return cache(lambda seed: delivered(folder, [market(seed)]))


@stable(2)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(folder, at_once, seed: int, order: random.Random) -> None:
    shuffled = {name: order.sample(table_rows, len(table_rows)) for name, table_rows in market(seed).items()}
    assert_same(at_once(seed), delivered(folder, [shuffled]))


@stable(3)
@given(seed=SEEDS, parts=st.integers(2, 4), order=st.randoms(use_true_random=False))
def test_the_cutting_and_the_order_of_batches_change_nothing(
    folder, at_once, seed: int, parts: int, order: random.Random
) -> None:
    """Every row goes into a batch by chance; corrections may come before what they correct, sellers come first."""
    rows = market(seed)
    batches: list[Rows] = [{name: [] for name in rows} for _ in range(parts)]
    for name, table_rows in rows.items():
        for row in table_rows:
            batches[0 if name == "subjects" else order.randrange(parts)][name].append(row)
    cut = [{name: table_rows for name, table_rows in batch.items() if table_rows} for batch in batches]
    cut = [batch for batch in cut if batch]
    cut[1:] = order.sample(cut[1:], len(cut) - 1)
    assert_same(at_once(seed), delivered(folder, cut))


@stable(2)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_sellers_may_come_last(folder, at_once, seed: int, order: random.Random) -> None:
    """Rows of sellers nobody has told of yet wait, and count from the day they are known once the seller is."""
    rows = market(seed)
    batches: list[Rows] = [{name: table_rows} for name, table_rows in rows.items() if table_rows]
    last = batches.pop(0)
    assert_same(at_once(seed), delivered(folder, [*order.sample(batches, len(batches)), last]))


@stable(2)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_landing_twice_is_landing_once(folder, at_once, seed: int, order: random.Random) -> None:
    """The same files, and the same rows in other files."""
    rows = market(seed)
    with warehouse_of(folder()) as (con, options):
        path = write(folder(), rows)
        ingest(con, options, path)
        rows_once = _totals(con)
        again = ingest(con, options, path)
        assert again.already_landed
        assert _totals(con) == rows_once
        ingest(
            con,
            options,
            write(folder(), {name: order.sample(table_rows, len(table_rows)) for name, table_rows in rows.items()}),
        )
        assert _totals(con) == rows_once
        assert_same(at_once(seed), results(con))


def _totals(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """All canonical and superseded rows, whatever batch brought them."""
    return {
        f"{schema}.{name}": con.execute(
            f"SELECT * EXCLUDE (batch_id) FROM {schema}.{name} ORDER BY {table.key}, known_at"
        ).fetchall()
        for name, table in TABLES.items()
        for schema in ("canonical", "history")
    }


@stable(2)
@given(seed=SEEDS)
def test_an_evaluation_can_be_repeated(folder, seed: int) -> None:
    with warehouse_of(folder()) as (con, options):
        ingest(con, options, write(folder(), market(seed)))
        results_of_rounds = []
        for _ in range(2):
            night.evaluate(con, options, DAY)
            tables = ("runs", "rulebooks", "grades", "indicators")
            results_of_rounds.append(
                [con.execute(f"SELECT * FROM results.{name} ORDER BY ALL").fetchall() for name in tables]
            )
        assert results_of_rounds[0] == results_of_rounds[1]
        assert results_of_rounds[0][2]


@stable(3)
@given(seed=SEEDS, rounds=st.tuples(*(st.tuples(*complaints) for complaints in one_each)))
def test_an_additional_upheld_complaint_never_helps(folder, seed: int, rounds: Sequence[Sequence[Any]]) -> None:
    """Each merchant gets one more, three times over; no score, grade or evidence is the better for it."""
    rows = market(seed)
    with warehouse_of(folder()) as (con, options):
        ingest(con, options, write(folder(), rows))
        before = night.compute(con, DAY, ZONE, BOOKS)
        for complaints in rounds:
            batch = ingest(con, options, write(folder(), {"complaints": list(complaints)}))
            assert batch.counts["complaints"]["accepted"] == len(complaints)
            after = night.compute(con, DAY, ZONE, BOOKS)
            for earlier, later in zip(before, after, strict=True):
                assert (later.scores.score <= earlier.scores.score).all()
                assert (later.scores.evidence == earlier.scores.evidence).all()
                worse = [level.grade for level in earlier.rulebook.grades.levels] + ["NR"]
                for old, new in zip(earlier.grades["grade"], later.grades["grade"], strict=True):
                    assert worse.index(new) >= worse.index(old)
                    assert (new == "NR") == (old == "NR")
            before = after


# --- missing evidence --------------------------------------------------------------------------------------------
# A rulebook whose indicators are plain ratios with a curve of their own. What is counted of four merchants is drawn.

STARS = ("rating_description", "rating_service", "rating_logistics")
RATIOS = {
    "fulfilment": ("traceable_share", "invoice_rate"),
    "after_sales": ("refund_for_cause_rate",),
    "counterparty": STARS,
}
NAMES = tuple(name for names in RATIOS.values() for name in names)
SIZE = 4
WEIGHTS = {"fulfilment": (50, (70, 30)), "after_sales": (20, (100,)), "counterparty": (30, (60, 25, 15))}
CURVES = {
    "refund_for_cause_rate": [[0, 100], [0.1, 40], [0.5, 0]],
    **{name: [[1, 0], [3, 40], [5, 100]] for name in STARS},
}

Ratios = dict[str, list[tuple[float, ...]]]


def rulebook(book: Callable[..., Rulebook]) -> Rulebook:
    def rule(name: str, weight: float, strength: float) -> dict[str, Any]:
        curve = CURVES.get(name, [[0, 0], [0.6, 20], [1, 100]])
        return {"id": name, "weight": weight, "strength": strength, "prior": "population", "curve": curve}

    return book(
        {
            element: (
                weight,
                [rule(name, w, 5 * i) for i, (name, w) in enumerate(zip(RATIOS[element], ws, strict=True), 1)],
            )
            for element, (weight, ws) in WEIGHTS.items()
        }
    )


def ratio(name: str, numerator: float, n: int) -> tuple[float, ...]:
    """(numerator, denominator), and as many recorded where the indicator asks for it."""
    return (numerator, n) if CATALOGUE[name].recorded is None else (numerator, n, n)


@st.composite
def counts(draw: st.DrawFn) -> Ratios:
    """What is counted of every merchant and indicator; a third of the denominators is 0."""
    ratios: Ratios = {}
    for name in NAMES:
        ratios[name] = []
        for _ in range(SIZE):
            n = draw(st.one_of(st.just(0), st.integers(1, 6), st.integers(1, 300)))
            least, most = (n, 5 * n) if name in STARS else (0, n)
            ratios[name].append(ratio(name, draw(st.integers(least, most)), n))
    return ratios


@stable(60)
@given(ratios=counts())
def test_the_score_is_the_weighted_mean_of_all_that_is_asked(book, counted, scored, ratios: Ratios) -> None:
    """Of everybody the same weights, whatever is missing of whom; points add up to the score."""
    rules = rulebook(book)
    scores = scored(rules, counted(**ratios))
    weights = [Fraction(element.weight) * Fraction(rule.weight) / 10_000 for element, rule in rules.rules()]
    for subject in range(SIZE):
        mean = sum(w * Fraction(c.mark[subject]) for w, c in zip(weights, scores.columns, strict=True))
        assert abs(Fraction(scores.score[subject]) - mean * POINT) <= Fraction(1, 2) + Fraction(1, 10**4)
        assert sum(int(column.points[subject]) for column in scores.columns) == scores.score[subject]
        assert all(
            abs(column.points[subject] - column.weight[subject] * column.mark[subject] * POINT) < 1.001
            for column in scores.columns
        )


@stable(80)
@given(ratios=counts(), name=st.sampled_from(NAMES), subject=st.integers(0, SIZE - 1))
def test_unknown_lies_between_better_and_worse_than_the_average(
    book, counted, scored, ratios: Ratios, name: str, subject: int
) -> None:
    """Losing what speaks better than the reference average never raises the score, losing what speaks worse never lowers it."""
    rules = rulebook(book)
    before = scored(rules, counted(**ratios))
    value = next(c.value[subject] for c in before.columns if c.indicator == name)
    assume(not np.isnan(value))
    lost = ratios | {name: [ratio(name, 0, 0) if i == subject else row for i, row in enumerate(ratios[name])]}
    after = scored(rules, counted(**lost), before.priors)
    better = value - before.priors[name]
    better = -better if CATALOGUE[name].better == "low" else better
    change = after.score[subject] - before.score[subject]
    assert change <= 0 if better > 0 else change >= 0
    assert after.evidence[subject] < before.evidence[subject]


@stable(60)
@given(ratios=counts(), limits=st.lists(st.integers(0, 300), min_size=len(NAMES), max_size=len(NAMES)))
def test_evidence_never_rises_when_observations_are_removed(
    book, counted, scored, ratios: Ratios, limits: list[int]
) -> None:
    rules = rulebook(book)
    fewer: Ratios = {}
    for name, most in zip(NAMES, limits, strict=True):
        fewer[name] = []
        for numerator, n, *_ in ratios[name]:
            left = min(int(n), most)
            fewer[name].append(ratio(name, numerator * left / n if n else 0, left))
    before, after = scored(rules, counted(**ratios)), scored(rules, counted(**fewer))
    assert (after.evidence <= before.evidence).all()

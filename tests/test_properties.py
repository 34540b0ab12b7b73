"""What must hold for every input: tried on small markets made by chance, the same ones in every run.

Through the intake: the order and the cutting of deliveries change no grade; landing again changes nothing; an
additional upheld complaint never helps. On scores alone: what missing evidence can and cannot do.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from credit.evaluation import night
from credit.evaluation.scoring import POINT, Scores
from credit.indicators import CATALOGUE
from credit.intake import landing, merging
from credit.ledgers import steps
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import shipped
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse import connection
from credit.warehouse import schema as schema_

ZONE = "Asia/Shanghai"
DAY = date(2025, 7, 1)
CUT_OFF = cut_off(DAY, ZONE)
DAYS = (DAY, date(2025, 3, 1))
SHOPS = ("shop a", "shop b", "shop c", "shop d")
BOOKS = shipped()

Rows = dict[str, list[dict[str, Any]]]
Results = dict[tuple[str, date], pd.DataFrame]
SEEDS = st.integers(0, 3)


def stable(examples: int) -> Callable[[Any], Any]:
    """The same examples in every run; one that fails is shown as it is, since shrinking a market takes minutes."""
    return settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# --- markets made by chance --------------------------------------------------------------------------------------


def at(days: float) -> str:
    """An instant so many days from the cut-off, at a whole second."""
    return (CUT_OFF + timedelta(seconds=round(days * 86_400))).isoformat()


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row of a file with all the table's columns, so that each file supplies the same ones."""
    return {column.name: values.get(column.name) for column in TABLES[table].supplied} | {
        "known_at": values["known_at"]
    }


def market(seed: int) -> Rows:
    """Two enterprises and two individuals with orders, reviews, complaints, and some rows corrected later."""
    rng = random.Random(seed)
    rows: Rows = {
        "subjects": [
            row("subjects", subject_id=shop, kind=kind, role="seller", deposit_amount=deposit, known_at=at(-500))
            for shop, kind, deposit in zip(
                SHOPS, ("enterprise", "enterprise", "individual", "individual"), ("5000", None, "0", "100"), strict=True
            )
        ],
        "transactions": [],
        "reviews": [],
        "complaints": [],
    }

    def chance(share: float) -> bool:
        return rng.random() < share

    first = {"channel": "platform", "category": "other", "filed_at": at(-400), "known_at": at(-400)}
    rows["complaints"].append(row("complaints", complaint_id="before the window", subject_id=SHOPS[0], **first))
    for i in range(rng.randint(30, 60)):
        shop, ordered, buyer = rng.choice(SHOPS), rng.uniform(-380, 5), f"buyer {rng.randrange(15)}"
        sent, arrived = ordered + rng.uniform(0, 4), ordered + rng.uniform(4, 12)
        refund = rng.choice((None, "none", "none", "quality", "no_reason"))
        order = row(
            "transactions",
            transaction_id=f"t{i}",
            subject_id=shop,
            buyer_id=buyer,
            ordered_at=at(ordered),
            dispatch_due_at=at(ordered + 2),
            dispatched_at=at(sent) if chance(0.9) else None,
            delivery_due_at=at(ordered + 8) if chance(0.9) else None,
            delivered_at=at(arrived) if chance(0.8) else None,
            completed_at=at(arrived + 1) if chance(0.8) else None,
            cancelled_at=at(ordered + 1) if chance(0.1) else None,
            cancelled_by=rng.choice(("buyer", "seller")),
            cancel_reason=rng.choice(("stock_out", "changed_mind")),
            amount=f"{rng.randrange(100, 90_000) / 100:.2f}",
            currency="CNY",
            refund_reason=refund,
            refund_requested_at=at(arrived + 1) if refund not in (None, "none") else None,
            refunded_at=at(arrived + rng.uniform(1.5, 9)) if refund not in (None, "none") else None,
            invoice_asked=rng.choice((True, False, None)),
            traceable=rng.choice((True, True, False, None)),
            category=rng.choice(("服装", "家电", None)),
            known_at=at(ordered),
        )
        rows["transactions"].append(order)
        if chance(0.2):  # corrected later
            later = {"amount": f"{rng.randrange(100, 90_000) / 100:.2f}", "known_at": at(ordered + rng.uniform(1, 60))}
            rows["transactions"].append(order | later)
        if chance(0.6):
            reviewed = at(arrived + rng.uniform(0, 5))
            review = row(
                "reviews",
                review_id=f"r{i}",
                transaction_id=f"t{i}",
                subject_id=shop,
                buyer_id=buyer,
                reviewed_at=reviewed,
                rating_overall=rng.randint(1, 5),
                rating_service=rng.choice((None, 3, 5)),
                replied_at=at(arrived + 6) if chance(0.3) else None,
                shared=chance(0.1),
                known_at=reviewed,
            )
            rows["reviews"].append(review)
        if chance(0.2):
            filed = arrived + rng.uniform(0, 3)
            rows["complaints"].append(
                row(
                    "complaints",
                    complaint_id=f"c{i}",
                    transaction_id=f"t{i}",
                    subject_id=shop,
                    buyer_id=buyer,
                    channel=rng.choice(("platform", "platform", "12315", "court")),
                    category="quality",
                    filed_at=at(filed),
                    first_response_at=at(filed + rng.expovariate(2)) if chance(0.8) else None,
                    resolved_at=at(filed + rng.expovariate(0.2)) if chance(0.8) else None,
                    outcome=rng.choice(("upheld", "partly_upheld", "rejected", "settled")),
                    liability=rng.choice(("seller", "carrier", None)),
                    known_at=at(filed),
                )
            )
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    base = tmp_path_factory.mktemp("deliveries")
    numbers = iter(range(1_000_000))

    def new() -> Path:
        made = base / str(next(numbers))
        made.mkdir()
        return made

    return new


@contextmanager
def warehouse_of(home: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    """A warehouse in memory with the key file of its home on disk."""
    options = Settings(home=home, zone=ZONE, threads=1)
    with connection.connect(":memory:", options) as con:
        con.execute(schema_.ddl())
        con.execute("SET VARIABLE zone = ?", [ZONE])
        steps.adopt_shipped(con, ZONE)
        yield con, options


def write(path: Path, rows: Rows) -> Path:
    for name, some in rows.items():
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in some)
        (path / f"{name}.ndjson").write_text(text, encoding="utf-8")
    return path


def ingest(con: duckdb.DuckDBPyConnection, options: Settings, path: Path) -> landing.Batch:
    batch = landing.land(con, options, "canonical", path, DAY)
    if not batch.already_landed:
        merging.accept(con, batch.batch_id)
    return batch


def results(con: duckdb.DuckDBPyConnection) -> Results:
    """Grades and every indicator, for the last day and one in the past; consumers' pseudonyms do not show in them."""
    found = {}
    for day in DAYS:
        for done in night.compute(con, day, ZONE, BOOKS):
            found[done.rulebook.id + " grades", day] = done.grades
            found[done.rulebook.id + " indicators", day] = done.scores.long()
    return found


def assert_same(one: Results, other: Results) -> None:
    assert one.keys() == other.keys()
    for key, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[key], check_exact=True, obj=str(key))


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


@stable(3)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(folder, at_once, seed: int, order: random.Random) -> None:
    shuffled = {name: order.sample(some, len(some)) for name, some in market(seed).items()}
    assert_same(at_once(seed), delivered(folder, [shuffled]))


@stable(5)
@given(seed=SEEDS, parts=st.integers(2, 4), order=st.randoms(use_true_random=False))
def test_the_cutting_and_the_order_of_batches_change_nothing(
    folder, at_once, seed: int, parts: int, order: random.Random
) -> None:
    """Every row goes into a batch by chance; corrections may come before what they correct, sellers come first."""
    rows = market(seed)
    batches: list[Rows] = [{name: [] for name in rows} for _ in range(parts)]
    for name, some in rows.items():
        for one in some:
            batches[0 if name == "subjects" else order.randrange(parts)][name].append(one)
    cut = [{name: some for name, some in batch.items() if some} for batch in batches]
    cut = [batch for batch in cut if batch]
    cut[1:] = order.sample(cut[1:], len(cut) - 1)
    assert_same(at_once(seed), delivered(folder, cut))


@stable(3)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_sellers_may_come_last(folder, at_once, seed: int, order: random.Random) -> None:
    """Rows of sellers nobody has told of yet wait, and count from the day they are known once the seller is."""
    rows = market(seed)
    batches: list[Rows] = [{name: some} for name, some in rows.items() if some]
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
        ingest(con, options, write(folder(), {name: order.sample(some, len(some)) for name, some in rows.items()}))
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
        kept = []
        for _ in range(2):
            night.evaluate(con, options, DAY)
            tables = ("runs", "rulebooks", "grades", "indicators")
            kept.append([con.execute(f"SELECT * FROM results.{name} ORDER BY ALL").fetchall() for name in tables])
        assert kept[0] == kept[1]
        assert kept[0][2]


# --- an upheld complaint -----------------------------------------------------------------------------------------

instants = st.floats(-364, -0.001, allow_nan=False)


@st.composite
def upheld_complaints(draw: st.DrawFn, number: str, subject: str) -> dict[str, Any]:
    """Any complaint that was upheld by the cut-off, however it was filed, answered and handled."""
    filed = draw(instants)

    def after(allow_late: bool = True) -> float:
        """Days from filing to something: at once, before the cut-off, or (if it may be) after it."""
        return draw(st.one_of(st.just(0.0), st.floats(0, -filed - 0.0005), *([st.floats(0, 60)] if allow_late else [])))

    return row(
        "complaints",
        complaint_id=f"additional {number}",
        transaction_id=draw(st.sampled_from([None, "t0", "t1", "no such order"])),
        subject_id=subject,
        buyer_id=draw(st.sampled_from([None, "buyer 1", "buyer 2", "somebody new"])),
        channel=draw(st.sampled_from(TABLES["complaints"].column("channel").codes)),
        category=draw(st.sampled_from(TABLES["complaints"].column("category").codes)),
        filed_at=at(filed),
        first_response_at=at(filed + after()) if draw(st.booleans()) else None,
        resolution_due_at=at(filed + after()) if draw(st.booleans()) else None,
        resolved_at=at(filed + after(allow_late=False)),
        outcome=draw(st.sampled_from(["upheld", "partly_upheld"])),
        liability=draw(st.sampled_from([None, *TABLES["complaints"].column("liability").codes])),
        escalated_at=at(filed + after()) if draw(st.booleans()) else None,
        known_at=at(filed),
    )


ROUNDS = 3
one_each = [[upheld_complaints(f"{i} of {shop}", shop) for shop in SHOPS] for i in range(ROUNDS)]


@stable(5)
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
            for was, now in zip(before, after, strict=True):
                assert (now.scores.score <= was.scores.score).all()
                assert (now.scores.evidence == was.scores.evidence).all()
                worse = [level.grade for level in was.rulebook.grades.levels] + ["NR"]
                for old, new in zip(was.grades["grade"], now.grades["grade"], strict=True):
                    assert worse.index(new) >= worse.index(old)
                    assert (new == "NR") == (old == "NR")
            before = after


# --- missing evidence --------------------------------------------------------------------------------------------
# A rulebook whose indicators are plain ratios with a curve of their own. What is counted of four merchants is drawn.

RATIOS = {
    "fulfilment": ("on_time_dispatch_rate", "on_time_delivery_rate", "traceable_share", "invoice_rate"),
    "after_sales": ("refund_for_cause_rate",),
    "counterparty": ("rating_overall", "authentic_share", "reply_to_negatives"),
}
NAMES = tuple(name for names in RATIOS.values() for name in names)
ELEMENT = {name: element for element, names in RATIOS.items() for name in names}
SIZE = 4


def rulebook(book: Callable[..., Rulebook], prior: float | str = "population") -> Rulebook:
    weights = {"fulfilment": (50, (45, 25, 20, 10)), "after_sales": (20, (100,)), "counterparty": (30, (60, 25, 15))}
    curves = {"refund_for_cause_rate": [[0, 100], [0.1, 40], [0.5, 0]], "rating_overall": [[1, 0], [3, 40], [5, 100]]}

    def rule(name: str, weight: float, strength: float) -> dict[str, Any]:
        curve = curves.get(name, [[0, 0], [0.6, 20], [1, 100]])
        return {"id": name, "weight": weight, "strength": strength, "prior": prior, "curve": curve}

    return book(
        {
            element: (
                weight,
                [rule(name, w, 5 * i) for i, (name, w) in enumerate(zip(RATIOS[element], ws, strict=True))],
            )
            for element, (weight, ws) in weights.items()
        }
    )


@st.composite
def counts(draw: st.DrawFn) -> dict[str, list[tuple[float, ...]]]:
    """(numerator, denominator, recorded) of every merchant and indicator; a third of the denominators is 0."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for name in NAMES:
        found[name] = []
        for _ in range(SIZE):
            n = draw(st.one_of(st.just(0), st.integers(1, 6), st.integers(1, 300)))
            most = 5 * n if name == "rating_overall" else n
            least = n if name == "rating_overall" else 0
            recorded = draw(st.integers(0, 3)) if CATALOGUE[name].recorded is not None else 0
            found[name].append((draw(st.integers(least, most)), n, n + recorded))
    return found


def exact(rules: Rulebook, scores: Scores, subject: int) -> Fraction | None:
    """The score by its definition, in whole fractions: marks weighed in their element, elements among themselves."""
    marks = {c.indicator: Fraction(c.mark[subject]) for c in scores.columns if c.state[subject] == "measured"}
    of_elements = []
    for element in rules.elements:
        inside = [(Fraction(rule.weight), marks[rule.id]) for rule in element.indicators if rule.id in marks]
        if inside:
            mean = sum(w * mark for w, mark in inside) / sum(w for w, _ in inside)
            of_elements.append((Fraction(element.weight), mean))
    return sum(w * mark for w, mark in of_elements) / sum(w for w, _ in of_elements) if of_elements else None


@stable(60)
@given(said=counts())
def test_the_score_is_the_weighted_mean_of_what_is_measured(book, counted, scored, said) -> None:
    """What is missing or not applicable neither adds nor takes: to 1/10000 of a point, whatever is missing."""
    rules = rulebook(book)
    scores = scored(rules, counted(**said))
    for subject in range(SIZE):
        expected = exact(rules, scores, subject)
        assert (expected is None) == bool(np.isnan(scores.score[subject]))
        if expected is not None:
            assert abs(Fraction(scores.score[subject]) - expected * POINT) <= Fraction(1, 2) + Fraction(1, 10**4)
            assert sum(int(column.points[subject]) for column in scores.columns) == scores.score[subject]
            assert all(
                abs(column.points[subject] - column.weight[subject] * np.nan_to_num(column.mark[subject]) * POINT)
                < 1.001
                for column in scores.columns
            )


@stable(80)
@given(said=counts(), name=st.sampled_from(NAMES), subject=st.integers(0, SIZE - 1))
def test_losing_evidence_that_speaks_well_never_raises_the_score(book, counted, scored, said, name, subject) -> None:
    """An indicator that marks a merchant at least as well as the rest of its element (or, where it is the only one of
    its element, as the whole score) is lost: the score does not rise, and the evidence falls."""
    rules = rulebook(book)
    before = scored(rules, counted(**said))
    columns = {column.indicator: column for column in before.columns}
    assume(columns[name].state[subject] == "measured")
    peers = [n for n in RATIOS[ELEMENT[name]] if n != name and columns[n].state[subject] == "measured"]
    weights = {rule.id: rule.weight for _, rule in rules.rules()}
    if peers:
        rest = sum(weights[n] * columns[n].mark[subject] for n in peers) / sum(weights[n] for n in peers)
    else:
        rest = before.score[subject] / POINT
    assume(columns[name].mark[subject] >= rest)

    lost = said | {name: [(0, 0, 0) if i == subject else row for i, row in enumerate(said[name])]}
    after = scored(rules, counted(**lost), before.priors)
    assert np.isnan(after.score[subject]) or after.score[subject] <= before.score[subject]
    assert after.evidence[subject] <= before.evidence[subject]


@stable(80)
@given(said=counts(), name=st.sampled_from(NAMES), subject=st.integers(0, SIZE - 1), lost=st.integers(1, 5))
def test_losing_the_best_observations_never_raises_the_score(book, counted, scored, said, name, subject, lost) -> None:
    """Some kept promises (or five-star reviews, or orders without refund) are gone, but not all observations: neither
    the score nor the evidence rises, although the platform's own average moves with it."""
    numerator, n, recorded = said[name][subject]
    best = {"rating_overall": 5, "refund_for_cause_rate": 0}.get(name, 1)
    others = 1 if name == "rating_overall" else 0  # what the remaining observations are worth at least
    most = (n - lost) * (5 if name == "rating_overall" else 1)
    assume(n > lost)
    assume(others * (n - lost) <= numerator - lost * best <= most)
    fewer = (numerator - lost * best, n - lost, recorded)
    rules = rulebook(book)
    before = scored(rules, counted(**said))
    after = scored(rules, counted(**said | {name: [fewer if i == subject else r for i, r in enumerate(said[name])]}))
    assert after.score[subject] <= before.score[subject]
    assert after.evidence[subject] <= before.evidence[subject]


@stable(60)
@given(said=counts(), kept=st.lists(st.integers(0, 300), min_size=len(NAMES), max_size=len(NAMES)))
def test_evidence_never_rises_when_observations_are_removed(book, counted, scored, said, kept) -> None:
    """As long as nothing becomes not applicable by it, which is then no longer asked for."""
    rules = rulebook(book)
    fewer = {}
    for name, most in zip(NAMES, kept, strict=True):
        fewer[name] = []
        for numerator, n, recorded in said[name]:
            left = min(n, most)
            none_asked = n == 0 and recorded > 0  # not applicable before, and still
            fewer[name].append((numerator * left / n if n else 0, left, recorded if none_asked or left else 0))
    before, after = scored(rules, counted(**said)), scored(rules, counted(**fewer))
    assert (after.evidence <= before.evidence).all()

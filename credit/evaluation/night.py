"""The evaluation of a night: a pure function of (rows known by the cut-off, rulebook, day), kept in `results`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd

from credit.errors import UserError
from credit.evaluation import engine, grading, legal_subjects, references, scoring
from credit.evaluation.previous import grades_before, night_before
from credit.evaluation.references import Averages
from credit.evaluation.results import book_of
from credit.evaluation.scoring import POINT
from credit.indicators import CATALOGUE, buyers
from credit.indicators.base import PERMIT, RATE, Array, Leaf
from credit.indicators.orders import ORDERS
from credit.indicators.orders import PARAMETERS as OF_OUTCOMES
from credit.ledgers.lifecycle import choose
from credit.rulebooks.book import Rulebook
from credit.settings import Settings, cut_off
from credit.tables import TABLES, Table
from credit.warehouse.connection import scalar, transaction, zone_of


@dataclass(frozen=True)
class Evaluation:
    """One rulebook's night. `grades` is one row a subject, `indicators` one row a subject and indicator."""

    rulebook: Rulebook
    day: date
    moment: engine.Moment
    standing: str
    scores: scoring.Scores
    grades: pd.DataFrame
    previous_on: date | None = None
    """The evaluation whose grades the margin looked back to."""
    averages: Averages | None = None
    """The reference averages it was marked by; None where they are the night's own or were given."""

    @property
    def counts(self) -> dict[str, int]:
        """Subjects by grade, best first, NR last; grades nobody has are left out."""
        order = [level.grade for level in self.rulebook.grades.levels] + [grading.NOT_RATED]
        counted = self.grades["grade"].value_counts()
        return {name: int(counted[name]) for name in order if name in counted}


def supplied(con: duckdb.DuckDBPyConnection, moment: engine.Moment) -> frozenset[str]:
    """ "table" and "table.column" of all that was supplied by batches merged and known by the cut-off.

    A platform that imposes sanctions by command keeps its sanctions here: whoever has none has a clean record. The same
    goes for violations, once a finding is upheld."""
    rows = con.execute(
        """SELECT DISTINCT s.table_name, unnest(list_prepend('', s.columns)) FROM meta.supplied s
           JOIN meta.batches b USING (batch_id) WHERE b.state = 'accepted' AND s.since <= ?""",
        [moment.cut_off],
    ).fetchall()
    if scalar(con, 'SELECT count(*) FROM ledger.sanctions WHERE "at" <= ?', [moment.cut_off]):
        rows += [("sanctions", column) for column in ("", *(column.name for column in TABLES["sanctions"].supplied))]
    if scalar(
        con,
        "SELECT count(*) FROM ledger.findings WHERE violation IS NOT NULL AND from_day <= ?",
        [moment.cut_off.date()],
    ):
        rows += [("violations", column) for column in ("", *(c.name for c in TABLES["violations"].supplied))]
    return frozenset(f"{table}.{column}" if column else table for table, column in rows)


_ORDERS: dict[str, Leaf] = {"seller": ORDERS, "buyer": buyers.ORDERS}


def orders_of(rulebook: Rulebook) -> Leaf:
    """The orders that the rulebook's minimum speaks of: those sold, or those bought."""
    return _ORDERS[rulebook.subject.role]


def leaves_of(rulebook: Rulebook) -> list[Leaf]:
    """All that has to be counted for the rulebook."""
    return [orders_of(rulebook), *(leaf for name, _ in rulebook.indicators() for leaf in CATALOGUE[name].leaves())]


def count_facts(
    frames: engine.Frames,
    rulebooks: list[Rulebook],
    subjects: pd.Index,
    moment: engine.Moment,
    have: frozenset[str],
) -> list[engine.NightFacts]:
    """The facts of `subjects` for each rulebook: one scan of each table serves all that agree on what they count by."""
    together: list[tuple[dict[str, Any], list[int]]] = []
    for place, book in enumerate(rulebooks):
        values = _counted_by(book)
        for shared, places in together:
            if all(shared.get(name, value) == value for name, value in values.items()):
                shared |= values
                places.append(place)
                break
        else:
            together.append((values, [place]))
    counted: dict[int, engine.NightFacts] = {}
    for _, places in together:
        books = [rulebooks[place] for place in places]
        leaves = [leaf for book in books for leaf in leaves_of(book)]
        windows = {days for book in books for _, days in book.indicators()}
        values = {name: value for book in books for name, value in book.values.items()}
        facts = engine.compile_facts(frames, leaves, subjects, moment, have, windows, values)
        counted |= dict.fromkeys(places, facts)
    return [counted[place] for place in range(len(rulebooks))]


def _counted_by(rulebook: Rulebook) -> dict[str, Any]:
    """What its leaves are counted by: the parameters they and the outcomes of orders ask for, the worth of currencies, and the
    permits that sellers need."""
    values = rulebook.values
    asked = {*OF_OUTCOMES, *(parameter for leaf in leaves_of(rulebook) for parameter in leaf.parameters)}
    counted_by: dict[str, Any] = {p.id: values.get(p.id, float(p.value)) for p in asked}
    for listed in (RATE, PERMIT) if rulebook.subject.role == "seller" else (RATE,):
        counted_by[listed] = {name: value for name, value in values.items() if name.startswith(listed)}
    return counted_by


_SUBJECT = ("subject_id", "kind", "role", "category", "self_operated")


def subjects_of(frames: engine.Frames, have: frozenset[str]) -> pd.DataFrame:
    """The register's subjects, by id: subject_id, kind, role, category, self_operated."""
    if "subjects" not in have:
        return pd.DataFrame({name: [] for name in _SUBJECT})
    subjects = frames(TABLES["subjects"]).lazy().select(*_SUBJECT).collect(backend="pandas").to_native()
    return subjects.sort_values("subject_id", ignore_index=True)  # type: ignore[no-any-return]


def only(frames: engine.Frames, subject_id: str) -> engine.Frames:
    """The same frames with this subject's rows alone, as seller or buyer."""

    def narrowed(table: Table) -> nw.LazyFrame[Any]:
        mine = nw.col("subject_id") == subject_id
        if "buyer_id" in table.names:
            mine = mine | (nw.col("buyer_id") == subject_id)
        return frames(table).lazy().filter(mine)

    return narrowed


def compute(
    con: duckdb.DuckDBPyConnection,
    day: date,
    zone: str,
    rulebooks: list[Rulebook],
    progress: Callable[[str], None] = lambda _: None,
    *,
    standings: Mapping[str, str] | None = None,
    subject_id: str | None = None,
    priors: Mapping[str, dict[str, float]] | None = None,
    looks_back: Mapping[str, date | None] | None = None,
) -> list[Evaluation]:
    """Evaluate without storing anything.

    `standings`: rulebook hash -> standing (unless given: in_force from the day the file states, before it replay).
    With `subject_id` that subject alone, by the `priors` (rulebook hash -> indicator -> value) of the whole night, which
    the margin `looks_back` from (rulebook hash -> the evaluation whose grades it starts from; unless given: the latest).
    """
    moment = engine.Moment(cut_off(day, zone), zone)
    have = supplied(con, moment)
    frames = legal_subjects.read(con, engine.at_hand(con, moment), moment)
    if subject_id is not None:
        frames = only(frames, subject_id)
    subjects = subjects_of(frames, have)
    progress(f"counting the facts of {len(subjects):,} subjects")
    everyone = pd.Index(subjects["subject_id"], dtype=object)
    counted = count_facts(frames, rulebooks, everyone, moment, have)
    averages = {} if subject_id is not None or priors else _averages(con, rulebooks, day, zone, subjects, counted, have)
    done = []
    for book, facts in zip(rulebooks, counted, strict=True):
        progress(f"scoring by {book.label}")
        mine = _mine(subjects, book)
        standing = (standings or {}).get(book.hash) or ("in_force" if book.effective_from <= day else "replay")
        done.append(
            _graded(
                con,
                book,
                moment,
                standing,
                subjects.iloc[mine],
                facts.select(mine),
                have,
                (priors or {}).get(book.hash),
                looks_back,
                averages.get(book.hash),
            )
        )
    return done


def _mine(subjects: pd.DataFrame, book: Rulebook) -> np.ndarray[Any, Any]:
    """Places of the subjects that the rulebook is for."""
    return np.flatnonzero((subjects["kind"] == book.subject.kind) & (subjects["role"] == book.subject.role))


def _averages(
    con: duckdb.DuckDBPyConnection,
    rulebooks: list[Rulebook],
    day: date,
    zone: str,
    subjects: pd.DataFrame,
    counted: list[engine.NightFacts],
    have: frozenset[str],
) -> dict[str, Averages]:
    """Rulebook hash -> the reference averages that stand on `day`, of the rulebooks that fix them: those that are kept, or
    made from what was known when the period began (`subjects`, `counted` and `have` where that is tonight)."""
    fixed = [book for book in rulebooks if book.references is not None]
    made_on = references.period_of(con, day, zone) if fixed else day
    averages = {book.hash: references.kept(con, book.hash, made_on) for book in fixed}
    wanted = [book for book in fixed if averages[book.hash] is None]
    facts_of = {book.hash: facts for book, facts in zip(rulebooks, counted, strict=True)}
    if wanted and made_on != day:
        then = engine.Moment(cut_off(made_on, zone), zone)
        have, frames = supplied(con, then), legal_subjects.read(con, engine.at_hand(con, then), then)
        subjects = subjects_of(frames, have)
        everyone = pd.Index(subjects["subject_id"], dtype=object)
        facts_of = {b.hash: f for b, f in zip(wanted, count_facts(frames, wanted, everyone, then, have), strict=True)}
    if wanted:
        shares = _shares(con, subjects, engine.Moment(cut_off(made_on, zone), zone))
        for book in wanted:
            mine = _mine(subjects, book)
            values = scoring.references(book, facts_of[book.hash].select(mine), have, shares[mine])
            averages[book.hash] = Averages(book.hash, made_on, values)
    return {key: made for key, made in averages.items() if made is not None}


def _shares(con: duckdb.DuckDBPyConnection, subjects: pd.DataFrame, moment: engine.Moment) -> Array:
    """For how much of a merchant each subject counts in the averages: shops of one owner for one in all, the platform's own not."""
    shops = legal_subjects.shops(con, moment)
    outside = ~subjects["self_operated"].fillna(False).to_numpy(dtype=bool)
    sisters = np.array([len(shops.get(subject, (subject,))) for subject in subjects["subject_id"]], dtype=np.float64)
    return outside / sisters


def _graded(
    con: duckdb.DuckDBPyConnection,
    book: Rulebook,
    moment: engine.Moment,
    standing: str,
    subjects: pd.DataFrame,
    facts: engine.NightFacts,
    have: frozenset[str],
    priors: dict[str, float] | None,
    looks_back: Mapping[str, date | None] | None,
    averages: Averages | None,
) -> Evaluation:
    day = moment.cut_off.date()
    scores = scoring.score(book, facts, have, priors if averages is None else averages.values)
    window = int(book.window_days.value)
    orders = np.nan_to_num(orders_of(book).of(facts, window))
    dormant = np.zeros(len(orders), dtype=bool)
    if book.dormant_after_days is not None:
        dormant = (np.nan_to_num(orders_of(book).of(facts, int(book.dormant_after_days.value))) == 0) & (orders > 0)
    if looks_back is not None and book.hash in looks_back:
        previous_on = looks_back[book.hash]
    else:
        previous_on = night_before(con, book, day, standing)
    previous = None if previous_on is None else grades_before(con, book, previous_on, scores.subjects)
    graded = grading.grade(
        book, scores.score, scores.evidence, orders, previous, scoring.vetoed(book, facts, have, scores)
    )
    rated = np.array([reason is None for reason in graded.reason], dtype=bool)
    table = {
        "subject_id": scores.subjects.to_numpy(),
        "subject_kind": book.subject.kind,
        "grade": graded.grade,
        "score": np.where(rated, scores.score / POINT, np.nan),
        "evidence": scores.evidence,
        "not_rated_reason": graded.reason,
        "orders": orders.astype(np.int64),
        "grade_by_score": graded.by_score,
        "grade_held": graded.held,
        "past_edge": graded.past_edge,
        "vetoes": graded.vetoes,
        "provisional": graded.provisional,
        "dormant": dormant,
        "self_operated": subjects["self_operated"].fillna(False).to_numpy(dtype=bool),
        "category": subjects["category"].to_numpy(dtype=object),
    }
    return Evaluation(book, day, moment, standing, scores, pd.DataFrame(table), previous_on, averages)


def evaluate(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    day: date,
    rulebooks: list[Path] | None = None,
    progress: Callable[[str], None] = lambda _: None,
    *,
    trial: bool = False,
) -> list[Evaluation]:
    """Evaluate the night that begins `day` and keep the result, in place of an earlier one of the same night.

    With `trial` the given `rulebooks` need not be in force. Raises UserError when nothing was known by the cut-off, for a
    rulebook that may not grade, and where a trial or replay would take the place of an official evaluation.
    """
    chosen = choose(con, rulebooks, day, trial=trial)
    for book, standing in chosen:
        if standing != "in_force":
            _spare_official(con, book, day, standing)
    standings: dict[str, str] = {book.hash: standing for book, standing in chosen}
    done = compute(con, day, zone_of(con, settings), [book for book, _ in chosen], progress, standings=standings)
    if not any(len(evaluation.grades) for evaluation in done):
        first = scalar(con, "SELECT min(known_at)::VARCHAR FROM canonical.subjects")
        raise UserError(
            f"no subject was known by the cut-off of {day}: "
            + (f"the first became known at {first} UTC; choose a later --date, " if first else "")
            + "ingest subjects first, and use --history for a first delivery of past data"
        )
    progress("storing")
    with transaction(con):
        for evaluation in done:
            _store(con, evaluation)
        con.execute(
            """DELETE FROM results.indicators WHERE evaluated_on <> ? AND evaluated_on NOT IN (
                   SELECT DISTINCT evaluated_on FROM results.runs ORDER BY 1 DESC LIMIT ?)""",
            [day, settings.keep_nights],
        )
    return done


def evaluate_merchant(con: duckdb.DuckDBPyConnection, settings: Settings, day: date, subject_id: str) -> Evaluation:
    """Evaluate one merchant alone, by the rulebook and the population's values of the evaluated night, and keep it.

    The score is the one the whole night gives it. Raises UserError when that night was not evaluated, or without it.
    """
    rows = con.execute(
        """SELECT r.rulebook, r.rulebook_hash, r.standing, r.priors, r.previous_on FROM results.runs r
           JOIN results.grades g USING (evaluated_on, rulebook) WHERE evaluated_on = ? AND subject_id = ?""",
        [day, subject_id],
    ).fetchall()
    if not rows:
        raise UserError(
            f"the evaluation of {day} has no {subject_id!r}; one merchant is evaluated by what the whole night says of "
            f"the platform: run `merchant-credit evaluate --date {day}` first"
        )
    rulebook, rulebook_hash, standing, priors, previous_on = rows[0]
    book = book_of(con, rulebook, rulebook_hash)
    (alone,) = compute(
        con,
        day,
        zone_of(con, settings),
        [book],
        standings={book.hash: standing},
        subject_id=subject_id,
        priors={book.hash: json.loads(priors)},
        # A night between the two that was evaluated since then changes nothing of this one.
        looks_back={book.hash: previous_on},
    )
    if first := sorted(set(alone.scores.priors) - set(json.loads(priors))):
        raise UserError(
            f"the evaluation of {day} has no average of {', '.join(first)}: what is supplied has changed since; run "
            f"`merchant-credit evaluate --date {day}` for everybody"
        )
    with transaction(con):
        for table in ("grades", "indicators"):
            con.execute(
                f"DELETE FROM results.{table} WHERE evaluated_on = ? AND rulebook = ? AND subject_id = ?",
                [day, book.id, subject_id],
            )
        _insert(con, alone)
    return alone


def _same_subjects(con: duckdb.DuckDBPyConnection, book: Rulebook, day: date) -> list[tuple[str, str, str]]:
    """(rulebook, version, standing) of that night's runs that this rulebook's would take the place of."""
    return con.execute(
        """SELECT rulebook, rulebook_version, standing FROM results.runs WHERE evaluated_on = ?
           AND (rulebook = ? OR (subject_kind = ? AND subject_role = ?)) ORDER BY rulebook""",
        [day, book.id, book.subject.kind, book.subject.role],
    ).fetchall()


def _spare_official(con: duckdb.DuckDBPyConnection, book: Rulebook, day: date, standing: str) -> None:
    for rulebook, version, official in _same_subjects(con, book, day):
        if official == "in_force":
            raise UserError(
                f"{day} is evaluated officially here, by {rulebook} {version}; a {standing} by {book.label} does not take "
                "its place. Use another --home, or set the two side by side with `merchant-credit rulebook impact`"
            )


def _store(con: duckdb.DuckDBPyConnection, evaluation: Evaluation) -> None:
    book, day, averages = evaluation.rulebook, evaluation.day, evaluation.averages
    if averages is not None:
        references.keep(con, averages)
    # One evaluation a night for a kind of subject: a run by another rulebook gives way as well.
    replaced = [book.id] + [rulebook for rulebook, _, _ in _same_subjects(con, book, day)]
    for table in ("runs", "grades", "indicators"):
        con.execute(
            f"DELETE FROM results.{table} WHERE evaluated_on = ? AND list_contains(?, rulebook)", [day, replaced]
        )
    con.execute(
        "INSERT INTO results.rulebooks VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [book.hash, book.id, book.version, book.text],
    )
    con.execute(
        "INSERT INTO results.runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            day, book.id, book.version, book.hash, evaluation.moment.cut_off, evaluation.standing,
            json.dumps(evaluation.scores.priors), len(evaluation.grades), book.subject.kind, book.subject.role,
            evaluation.previous_on,
            averages and averages.made_on,
            averages and averages.hash,
        ],
    )  # fmt: skip
    _insert(con, evaluation)


def _insert(con: duckdb.DuckDBPyConnection, evaluation: Evaluation) -> None:
    """The rows of the evaluation's subjects."""
    book, day = evaluation.rulebook, evaluation.day
    con.register("night_grades", evaluation.grades)
    con.execute(
        """INSERT INTO results.grades BY NAME
           SELECT ?::DATE AS evaluated_on, ? AS rulebook, ? AS rulebook_hash, * REPLACE (
               CASE WHEN isnan(score) THEN NULL ELSE score END AS score) FROM night_grades""",
        [day, book.id, book.hash],
    )
    numbers = ", ".join(
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
        for name in ("value", "numerator", "denominator", "shrunk", "mark")
    )
    con.unregister("night_grades")
    for part in evaluation.scores.by_element():
        con.register("night_indicators", part.long())
        con.execute(
            f"""INSERT INTO results.indicators BY NAME
                SELECT ?::DATE AS evaluated_on, ? AS rulebook, * REPLACE ({numbers}) FROM night_indicators""",
            [day, book.id],
        )
        con.unregister("night_indicators")

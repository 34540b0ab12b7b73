"""The evaluation of a night: a pure function of (rows known by the cut-off, rulebook, day), kept in `results`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from credit import engine, grading, scoring
from credit.errors import UserError
from credit.indicators import CATALOGUE
from credit.indicators.fulfilment import ORDERS
from credit.rulebooks import Rulebook
from credit.rulebooks.lifecycle import choose
from credit.scoring import POINT
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse import quote, scalar, transaction, zone_of


@dataclass(frozen=True)
class Evaluation:
    """One rulebook's night. `grades` is one row a subject, `indicators` one row a subject and indicator."""

    rulebook: Rulebook
    day: date
    moment: engine.Moment
    standing: str
    scores: scoring.Scores
    grades: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Subjects by grade, best first, NR last; grades nobody has are left out."""
        order = [level.grade for level in self.rulebook.grades.levels] + [grading.NOT_RATED]
        found = self.grades["grade"].value_counts()
        return {name: int(found[name]) for name in order if name in found}


def supplied(con: duckdb.DuckDBPyConnection, moment: engine.Moment) -> frozenset[str]:
    """ "table" and "table.column" of all that was supplied by batches merged and known by the cut-off."""
    rows = con.execute(
        """SELECT DISTINCT s.table_name, unnest(list_prepend('', s.columns)) FROM meta.supplied s
           JOIN meta.batches b USING (batch_id) WHERE b.state = 'accepted' AND s.since <= ?""",
        [moment.cut_off],
    ).fetchall()
    return frozenset(f"{table}.{column}" if column else table for table, column in rows)


def compute(
    con: duckdb.DuckDBPyConnection,
    day: date,
    zone: str,
    rulebooks: list[Rulebook],
    progress: Callable[[str], None] = lambda _: None,
    standings: dict[str, str] | None = None,
) -> list[Evaluation]:
    """Evaluate without storing anything. One scan of each table serves all rulebooks.

    `standings`: hash of a rulebook -> its standing; one that is not there is in force from its `effective_from`.
    """
    moment = engine.Moment(cut_off(day, zone), zone)
    have = supplied(con, moment)
    frames = engine.known(con, moment)
    subjects = (
        frames(TABLES["subjects"]).lazy().select("subject_id", "kind", "role").collect(backend="pandas").to_native()
        if "subjects" in have
        else pd.DataFrame({"subject_id": [], "kind": [], "role": []})
    ).sort_values("subject_id", ignore_index=True)
    mine = [(subjects["kind"] == book.subject.kind) & (subjects["role"] == book.subject.role) for book in rulebooks]
    rules = [(book, rule) for book in rulebooks for _, rule in book.rules()]
    leaves = [leaf for _, rule in rules for leaf in CATALOGUE[rule.id].leaves()]
    windows = {book.window(rule) for book, rule in rules}
    progress(f"counting {len({id(leaf) for leaf in leaves})} facts of {len(subjects):,} subjects")
    everyone = pd.Index(subjects["subject_id"], dtype=object)
    facts = engine.compile_facts(frames, [*leaves, ORDERS], everyone, moment, have, windows)
    done = []
    for book, of_book in zip(rulebooks, mine, strict=True):
        progress(f"scoring by {book.label}")
        view = facts.select(np.flatnonzero(of_book.to_numpy()))
        scores = scoring.score(book, view, have)
        orders = np.nan_to_num(ORDERS.of(view, int(book.window_days.value)))
        grades, reasons = grading.grade(book, scores.score, scores.evidence, orders)
        rated = grades != grading.NOT_RATED
        done.append(
            Evaluation(
                book,
                day,
                moment,
                (standings or {}).get(book.hash) or ("in_force" if book.effective_from <= day else "replay"),
                scores,
                pd.DataFrame(
                    {
                        "subject_id": scores.subjects.to_numpy(),
                        "subject_kind": book.subject.kind,
                        "grade": grades,
                        "score": np.where(rated, scores.score / POINT, np.nan),
                        "evidence": scores.evidence,
                        "not_rated_reason": reasons,
                        "orders": orders.astype(np.int64),
                    }
                ),
            )
        )
    return done


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
    done = compute(con, day, zone_of(con, settings), [book for book, _ in chosen], progress, standings)
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


def export_night(con: duckdb.DuckDBPyConnection, settings: Settings, day: date) -> Path:
    """Leave the night as Parquet in `nights/<day>/` of the home, for readers while the warehouse is in use."""
    folder = settings.home / "nights" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for table, order in (
        ("grades", "rulebook, subject_id"),
        ("indicators", "rulebook, subject_id, element, indicator"),
    ):
        partial = folder / f".{table}.partial"
        con.execute(
            f"COPY (SELECT *, (SELECT any_value(standing) FROM results.runs r WHERE r.evaluated_on = t.evaluated_on "
            f"AND r.rulebook = t.rulebook) AS standing "
            f"FROM results.{table} t WHERE evaluated_on = DATE '{day}' ORDER BY {order}) "
            f"TO {quote(str(partial))} (FORMAT parquet)"
        )
        partial.replace(folder / f"{table}.parquet")
    return folder


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
    book, day = evaluation.rulebook, evaluation.day
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
        "INSERT INTO results.runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        [
            day, book.id, book.version, book.hash, evaluation.moment.cut_off, evaluation.standing,
            json.dumps(evaluation.scores.priors), len(evaluation.grades), book.subject.kind, book.subject.role,
        ],
    )  # fmt: skip
    night_grades, night_indicators = evaluation.grades, evaluation.scores.long()
    con.register("night_grades", night_grades)
    con.register("night_indicators", night_indicators)
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
    con.execute(
        f"""INSERT INTO results.indicators BY NAME
            SELECT ?::DATE AS evaluated_on, ? AS rulebook, * REPLACE ({numbers}) FROM night_indicators""",
        [day, book.id],
    )
    con.unregister("night_grades")
    con.unregister("night_indicators")

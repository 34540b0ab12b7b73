"""A stored night as it may be published: read from `results` and, as known at its cut-off, the canonical tables.

Everything here is counted for all merchants at once; what comes out holds nothing that must not be published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd

from credit.disclosure import figures, history, personal, privacy
from credit.disclosure.privacy import FIGURE_STATES, Codes, Figure
from credit.errors import UserError
from credit.evaluation import engine
from credit.evaluation.grading import NOT_RATED
from credit.evaluation.night import supplied
from credit.evaluation.results import book_of
from credit.files.formats import listed
from credit.indicators import CATALOGUE
from credit.indicators.base import WINDOWS, Array, Indicator, Leaf
from credit.ledgers import Notice, Published, published, told
from credit.ledgers.assessments import Run, decided
from credit.rulebooks.book import ElementRule, IndicatorRule, Rulebook
from credit.settings import Settings, last_day
from credit.tables import TABLES, Table
from credit.warehouse.connection import dicts, scalar, zone_of

_RATED_ROLE = "seller"
"""Buyers who are evaluated are consumers: nothing of them is published."""


@dataclass(frozen=True)
class PublishedIndicator:
    """One indicator of a rulebook for all its merchants, as published. `weight` is its share of the score, `points` are
    NaN where there are none, or none are published."""

    definition: Indicator
    rule: IndicatorRule
    figure: Figure
    weight: Array
    points: Array


@dataclass(frozen=True)
class PublishedElement:
    """One element of a rulebook for all its merchants: the weights and points of its indicators added up.

    Points are NaN where nothing was measured or the merchant is not rated."""

    rule: ElementRule
    weight: Array
    points: Array


@dataclass(frozen=True)
class GradedMerchants:
    """The merchants of one rulebook's night, by subject_id. All lists and arrays have one entry a merchant."""

    book: Rulebook
    standing: str
    ids: list[str]
    grade: list[str]
    score: list[float | None]
    evidence: list[float]
    reason: list[str | None]
    vetoes: list[list[str]]
    provisional: list[bool]
    dormant: list[bool]
    indicators: list[PublishedIndicator]
    elements: list[PublishedElement]
    windows: dict[int, figures.Tree]
    currency: list[str | None]

    @property
    def counts(self) -> dict[str, int]:
        """Merchants by grade, best first, NR last."""
        order = [level.grade for level in self.book.grades.levels] + [NOT_RATED]
        return {name: self.grade.count(name) for name in order if name in self.grade}


@dataclass(frozen=True)
class Night:
    """All that is published of a night. `sanctions` to `notices` and `trend` by subject; None where the table is not supplied."""

    day: date
    cut_off: datetime
    zone: str
    graded: list[GradedMerchants]
    subjects: dict[str, tuple[dict[str, Any], dict[str, str]]]
    """Subject -> what the register says of it, as published, and why what is not shown is not."""
    sanctions: dict[str, list[dict[str, Any]]] | None
    records: dict[str, list[dict[str, Any]]] | None
    objections: dict[str, list[dict[str, Any]]]
    notices: dict[str, list[dict[str, Any]]]
    objection_figures: dict[str, Any]
    trend: dict[str, list[history.Point]]
    months: list[dict[str, Any]]
    moves: dict[str, Any] | None
    platform: dict[int, figures.Tree]
    """Window -> the figures of all merchants together, as those of one."""
    platform_currency: str | None
    assessments: list[Run]
    """Of the platform itself, those that are to be published."""

    @property
    def merchants(self) -> int:
        return sum(len(graded.ids) for graded in self.graded)


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, day: date, progress: Callable[[str], None] = lambda _: None
) -> Night:
    """Read the night of `day`. Raises UserError when its indicator rows are gone or a merchant has two grades."""
    zone = zone_of(con, settings)
    runs = _runs(con, day, zone)
    moment = engine.Moment(runs[0].cut_off, zone)
    grades = {run.book.id: _grades(con, settings, run.book, day) for run in runs}
    ids = sorted(subject_id for rows in grades.values() for subject_id in rows["subject_id"])
    _grade_once(ids, grades, day)

    have, frames = supplied(con, moment), engine.at_hand(con, moment)
    progress(f"counting the figures of {len(ids):,} merchants")
    facts = engine.compile_facts(frames, [*figures.leaves(), *_evidence(runs)], ids, moment, have, WINDOWS)
    currencies = _currencies(frames, moment) if "transactions" in have else {}
    graded = [_graded(con, run, grades[run.book.id], facts, have, currencies) for run in runs]
    sellers = _register(frames)
    register = {
        subject_id: {"kind": kind, "name": name}
        for subject_id, kind, name in zip(*(sellers[name] for name in ("subject_id", "kind", "name")), strict=True)
    }
    if unknown := [subject_id for subject_id in ids if subject_id not in register]:
        raise UserError(
            f"the register as known on {day} lacks {len(unknown)} graded merchants, for example {unknown[0]!r}; "
            f"run `merchant-credit evaluate --date {day}`, then publish"
        )
    persons = personal.Persons(row["name"] for row in register.values() if row["kind"] != "enterprise")
    ledgers = published(con, day, zone)
    platform, platform_currency = _platform(frames, moment, have, facts, graded)
    subjects = dict(zip(sellers["subject_id"], personal.subjects(sellers), strict=True))
    return Night(
        day,
        moment.cut_off,
        zone,
        graded,
        {subject_id: subjects[subject_id] for subject_id in ids},
        _sanctions(con, moment, register, persons, ledgers) if "sanctions" in have or ledgers.sanctions else None,
        _records(con, moment, register, persons) if "public_records" in have else None,
        _by_subject(ledgers.objections, register, persons, told),
        _by_subject(ledgers.notices, register, persons, Notice.told),
        ledgers.figures,
        history.trends(con, day),
        history.months(con, day),
        history.moves(
            con, day, graded[0].standing, ((merchants.book, merchants.ids, merchants.grade) for merchants in graded)
        ),
        platform,
        platform_currency,
        decided(con),
    )


class _Run(NamedTuple):
    """One rulebook's evaluation of the day."""

    book: Rulebook
    cut_off: datetime
    standing: str


def _runs(con: duckdb.DuckDBPyConnection, day: date, zone: str) -> list[_Run]:
    """The evaluations of sellers. Raises UserError when there are none."""
    runs = [
        _Run(book_of(con, rulebook, rulebook_hash), cut_off.astimezone(ZoneInfo(zone)), standing)
        for rulebook, rulebook_hash, cut_off, standing in con.execute(
            "SELECT rulebook, rulebook_hash, cut_off, standing FROM results.runs WHERE evaluated_on = ? ORDER BY rulebook",
            [day],
        ).fetchall()
    ]
    runs = [run for run in runs if run.book.subject.role == _RATED_ROLE]
    if not runs:
        raise UserError(f"the evaluation of {day} graded no sellers: there is nothing to publish")
    return runs


def _evidence(runs: list[_Run]) -> Iterator[Leaf]:
    """What has to be counted to know how many observations stand behind each indicator."""
    for run in runs:
        for _, rule in run.book.rules():
            indicator = CATALOGUE[rule.id]
            if indicator.evidence is not None and privacy.hangs_on_observed(indicator):
                yield from indicator.evidence.leaves()


def _graded(
    con: duckdb.DuckDBPyConnection,
    run: _Run,
    rows: dict[str, Any],
    facts: engine.NightFacts,
    have: frozenset[str],
    currencies: dict[str, str],
) -> GradedMerchants:
    """The merchants of one rulebook; `rows` are its rows of grades."""
    ids = list(rows["subject_id"])
    own_facts = facts.select(facts.subjects.get_indexer(pd.Index(ids)))
    currency = [currencies.get(subject_id) for subject_id in ids]
    windows = figures.windows(own_facts, have, currency)
    indicators, elements = _points(con, run.book, rows, own_facts, windows)
    return GradedMerchants(
        run.book,
        run.standing,
        ids,
        list(rows["grade"]),
        privacy.blank(np.ma.filled(rows["score"], np.nan)),
        np.round(rows["evidence"].astype(float), privacy.EVIDENCE_DECIMALS).tolist(),
        [reason or None for reason in rows["not_rated_reason"]],
        [vetoes.split(",") if vetoes else [] for vetoes in rows["vetoes"]],
        rows["provisional"].tolist(),
        rows["dormant"].tolist(),
        indicators,
        elements,
        windows,
        currency,
    )


def _platform(
    frames: engine.Frames,
    moment: engine.Moment,
    have: frozenset[str],
    merchant_facts: engine.NightFacts,
    graded: list[GradedMerchants],
) -> tuple[dict[int, figures.Tree], str | None]:
    """(window -> the figures of all merchants as if they were one, the currency of all amounts if there is one).

    A count that would, less those shown of the `graded`, tell of one of the others is hidden."""
    everyone = "platform"

    def as_one(table: Table) -> nw.LazyFrame[Any]:
        return frames(table).lazy().with_columns(nw.lit(everyone).alias("subject_id"))

    facts = engine.compile_facts(as_one, list(figures.leaves()), pd.Index([everyone]), moment, have, WINDOWS)
    currency = _currencies(as_one, moment).get(everyone) if "transactions" in have else None
    ids = [subject_id for merchants in graded for subject_id in merchants.ids]
    published_facts = merchant_facts.select(merchant_facts.subjects.get_indexer(pd.Index(ids)))
    parts = (published_facts, [merchants.windows for merchants in graded])
    return figures.windows(facts, have, [currency], parts), currency


def _fetch(con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> dict[str, Any]:
    """Column -> masked array."""
    columns: dict[str, Any] = con.execute(query, parameters).fetchnumpy()
    return columns


def _grades(con: duckdb.DuckDBPyConnection, settings: Settings, book: Rulebook, day: date) -> dict[str, Any]:
    rows = _fetch(
        con,
        """SELECT subject_id, grade, score::DOUBLE AS score, evidence::DOUBLE AS evidence,
                  coalesce(split_part(not_rated_reason, ':', 1), '') AS not_rated_reason,
                  coalesce(array_to_string(vetoes, ','), '') AS vetoes,
                  coalesce(provisional, false) AS provisional, coalesce(dormant, false) AS dormant
           FROM results.grades WHERE evaluated_on = ? AND rulebook = ? ORDER BY subject_id""",
        [day, book.id],
    )
    stored = scalar(
        con,
        """SELECT count(*) FROM (
               SELECT DISTINCT subject_id FROM results.indicators
               WHERE evaluated_on = $day AND rulebook = $book AND indicator = $indicator)
           JOIN results.grades USING (subject_id) WHERE evaluated_on = $day AND rulebook = $book""",
        {"day": day, "book": book.id, "indicator": next(rule.id for _, rule in book.rules())},
    )
    if stored != len(rows["subject_id"]):
        raise UserError(
            f"indicator rows of {day} are kept {settings.keep_nights} nights only (setting keep_nights); "
            f"run `merchant-credit evaluate --date {day}` to have them again, then publish"
        )
    return rows | {"evaluated_on": day}


def _grade_once(ids: list[str], grades: dict[str, dict[str, Any]], day: date) -> None:
    twice = sorted({a for a, b in pairwise(ids) if a == b})
    if twice:
        rulebooks = [rulebook for rulebook, rows in grades.items() if twice[0] in set(rows["subject_id"])]
        raise UserError(
            f"{len(twice)} merchants have two grades of {day}, by rulebooks {' and '.join(rulebooks)}; "
            "one merchant is published with one grade: evaluate that day by one rulebook for each kind of merchant"
        )


def _points(
    con: duckdb.DuckDBPyConnection,
    book: Rulebook,
    grades: dict[str, Any],
    facts: engine.NightFacts,
    windows: dict[int, figures.Tree],
) -> tuple[list[PublishedIndicator], list[PublishedElement]]:
    """The rulebook's indicators as published, and what they add up to."""
    day, size = grades["evaluated_on"], len(grades["subject_id"])
    rated: privacy.Mask = np.array([not reason for reason in grades["not_rated_reason"]], dtype=bool)
    indicators, elements = [], []
    for element in book.elements:
        weight_of_all, points_of_all = np.zeros(size), np.zeros(size)
        for rule in element.indicators:
            indicator = CATALOGUE[rule.id]
            rows = _fetch(
                con,
                f"""SELECT list_position({list(FIGURE_STATES)}, state) - 1 AS state,
                          value, numerator, denominator, weight, points::DOUBLE AS points
                   FROM results.indicators
                   WHERE evaluated_on = ? AND rulebook = ? AND element = ? AND indicator = ? ORDER BY subject_id""",
                [day, book.id, element.id, rule.id],
            )
            if len(rows["state"]) != size:
                raise UserError(
                    f"the stored evaluation of {day} is incomplete; run `merchant-credit evaluate --date {day}`"
                )
            numbers = {name: np.ma.filled(rows[name], np.nan) for name in ("value", "numerator", "denominator")}
            state: Codes = rows["state"].astype(np.int8)
            observed = numbers["denominator"]
            if indicator.evidence is not None and privacy.hangs_on_observed(indicator):
                observed = np.broadcast_to(indicator.evidence.of(facts, book.window(rule)), size).astype(np.float64)
            window = windows[book.window(rule)]
            hide, coarse = figures.hides(indicator.id, numbers["value"], window), figures.coarsens(indicator.id, window)
            figure = privacy.indicator(indicator, state, **numbers, observed=observed, hide=hide, coarse=coarse)
            weight: Array = np.ma.filled(rows["weight"], 0.0)
            points: Array = np.ma.filled(rows["points"], 0.0)
            weight_of_all += weight
            points_of_all += points
            indicators.append(
                PublishedIndicator(
                    indicator, rule, figure, np.round(weight, 4), privacy.points(points, weight, figure, rated)
                )
            )
        earned = privacy.element_points(points_of_all, weight_of_all, rated)
        elements.append(PublishedElement(element, np.round(weight_of_all, 4), earned))
    return indicators, elements


def _currencies(frames: engine.Frames, moment: engine.Moment) -> dict[str, str]:
    """The currency of each subject that had one and only one in the longest window."""
    currencies = (
        frames(TABLES["transactions"])
        .lazy()
        .filter(nw.col("ordered_at") >= engine.edge(TABLES["transactions"], moment, WINDOWS[-1]))
        .group_by("subject_id")
        .agg(nw.col("currency").min().alias("first"), nw.col("currency").max().alias("last"))
        .filter(nw.col("first") == nw.col("last"))
        .select("subject_id", "first")
        .collect(backend="pyarrow")
    )
    return dict(zip(currencies["subject_id"].to_list(), currencies["first"].to_list(), strict=True))


def _register(frames: engine.Frames) -> dict[str, list[Any]]:
    """The columns of the sellers' register, personal ones included: for `personal.subjects` and `personal.text` only."""
    register = (
        frames(TABLES["subjects"])
        .lazy()
        .filter(nw.col("role") == _RATED_ROLE)
        .select(*(column.name for column in personal.published_columns()))
        .collect(backend="pyarrow")
    )
    table = register.to_arrow()
    return {name: listed(table[name]) for name in table.column_names}


Identity = dict[str, Any]
"""Kind and name, unmasked: what `personal.text` clears a text with."""


def _in_force(
    con: duckdb.DuckDBPyConnection,
    table: str,
    cut_off: datetime,
    register: dict[str, Identity],
    where: str,
    columns: str,
    order: str,
) -> Iterator[tuple[Identity, dict[str, Any]]]:
    """(subject in the register, row) of what `where` holds of, in order."""
    # Not by way of `engine.known`: it blanks an end that lies ahead, and an end that was announced is published.
    # Sanctions imposed by command come from their ledger, which need not wait for a night.
    rows = (
        engine.relation(con, TABLES[table], cut_off, delivered=True)
        .filter(where)
        .order(order)
        .project(f"subject_id, {columns}")
    )
    for row in dicts(rows):
        if (subject := register.get(row["subject_id"])) is not None:
            yield subject, row


T = TypeVar("T")


def _by_subject(
    entries: dict[str, list[T]],
    register: dict[str, Identity],
    persons: personal.Persons,
    as_published: Callable[[T], dict[str, Any]],
) -> dict[str, list[dict[str, Any]]]:
    """What the ledgers tell, its texts cleared, of those in the register."""
    return {
        subject_id: [_cleared(as_published(entry), subject, persons) for entry in subject_entries]
        for subject_id, subject_entries in entries.items()
        if (subject := register.get(subject_id)) is not None
    }


def _cleared(row: dict[str, Any], subject: Identity, persons: personal.Persons) -> dict[str, Any]:
    return {k: personal.column(k, v, subject, persons) if k in personal.FREE_TEXTS else v for k, v in row.items()}


def _sanctions(
    con: duckdb.DuckDBPyConnection,
    moment: engine.Moment,
    register: dict[str, Identity],
    persons: personal.Persons,
    ledgers: Published,
) -> dict[str, list[dict[str, Any]]]:
    """Sanctions by the platform, by subject: those delivered that were in force at the cut-off, oldest first, then those
    imposed by command, which are shown at once."""
    instant = f"TIMESTAMPTZ '{moment.cut_off.isoformat()}'"
    zone = ZoneInfo(moment.zone)
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for subject, row in _in_force(
        con,
        "sanctions",
        moment.cut_off,
        register,
        f"imposed_at < {instant} AND coalesce(until_at > {instant}, true) AND coalesce(lifted_at >= {instant}, true)",
        "kind, reason, imposed_at, until_at",
        "imposed_at, sanction_id",
    ):
        by_subject.setdefault(row["subject_id"], []).append(
            {
                "kind": row["kind"],
                "reason": personal.text(row["reason"], subject, persons),
                "imposed_on": row["imposed_at"].astimezone(zone).date(),
                "until": last_day(row["until_at"], moment.zone) if row["until_at"] else None,
                "source": "delivered",
                "reference": None,
            }
        )
    for subject_id, rows in ledgers.sanctions.items():
        if (merchant := register.get(subject_id)) is not None:
            by_subject.setdefault(subject_id, []).extend(
                _cleared(row, merchant, persons) | {"source": "ledger"} for row in rows
            )
    return by_subject


def _records(
    con: duckdb.DuckDBPyConnection, moment: engine.Moment, register: dict[str, Identity], persons: personal.Persons
) -> dict[str, list[dict[str, Any]]]:
    """Public records in force on the day of the cut-off, by subject, oldest first. `valid_until` is the last day."""
    day = f"DATE '{moment.cut_off.date()}'"
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for subject, row in _in_force(
        con,
        "public_records",
        moment.cut_off,
        register,
        f"valid_from < {day} AND coalesce(valid_until >= {day}, true) AND coalesce(repaired_on >= {day}, true)",
        "kind, issuer, reference, grade, valid_from, valid_until, note",
        "valid_from, record_id",
    ):
        by_subject.setdefault(row.pop("subject_id"), []).append(_cleared(row, subject, persons))
    return by_subject

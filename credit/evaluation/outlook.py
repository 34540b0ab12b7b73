"""What would change a merchant's grade: the least it could do, what time alone will do, and what moved it since last.

Everything is the evaluation itself, run again for one merchant: by the night's rulebook, with the night's platform
averages, on the rows known that night. Only what is varied differs, so the parts add up to the published score.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl

from credit.evaluation import engine, grading, legal_subjects, night, results, scoring
from credit.evaluation.scoring import POINT
from credit.indicators import CATALOGUE
from credit.indicators.base import At, Grouped, Indicator, Latest, Leaf, Measure, Median
from credit.indicators.orders import JUDGED, judged
from credit.rulebooks.book import IndicatorRule, Rulebook
from credit.settings import cut_off
from credit.tables import TABLES, Table

HORIZONS = (7, 30, 90, 180)
"""Days ahead for which the outlook is given."""
SHOWN_CHANGES = 3
MOST_ROWS = 10_000
PEERS = 10
"""Fewer peers in the category than this, and the percentile is among all merchants."""


@dataclass(frozen=True)
class Case:
    """One merchant of one evaluated night, as its evaluation was."""

    con: duckdb.DuckDBPyConnection
    zone: str
    day: date
    subject_id: str
    book: Rulebook
    priors: dict[str, float]

    def moment(self, day: date) -> engine.Moment:
        return engine.Moment(cut_off(day, self.zone), self.zone)

    @cached_property
    def have(self) -> frozenset[str]:
        return night.supplied(self.con, self.moment(self.day))

    def frames(self, seen_on: date, book: Rulebook | None = None) -> engine.Frames:
        """The merchant's rows as known on the case's day, in memory. What ends by itself until `seen_on` has ended; orders, and
        what was said of them, are judged as of the case's day: no promise falls due and nothing else happens."""
        book = book or self.book
        tonight, then = self.moment(self.day), self.moment(seen_on)

        def frame_of(table: Table) -> nw.LazyFrame[Any]:
            if table.name in JUDGED:
                rows = self._judged(table, book)
            else:
                rows = self._rows(table, then if table.name == "sanctions" else tonight)
            return nw.from_native(rows.lazy())

        return frame_of

    @cached_property
    def _read(self) -> dict[tuple[str, object], pl.DataFrame]:
        return {}

    def _rows(self, table: Table, at: engine.Moment) -> pl.DataFrame:
        """The merchant's rows of a table as known on the case's day: few, and counted again and again."""
        if (table.name, at) not in self._read:
            rows = nw.from_native(engine.relation(self.con, table, self.moment(self.day).cut_off)).lazy()
            read = legal_subjects.read(self.con, lambda _: engine.as_of(rows, table, at), self.moment(self.day))
            mine = night.only(read, self.subject_id)(table)
            self._read[table.name, at] = mine.lazy().collect(backend="polars").to_native()
        return self._read[table.name, at]

    @cached_property
    def _outcomes(self) -> dict[str, engine.Frames]:
        return {}

    def _judged(self, table: Table, book: Rulebook) -> pl.DataFrame:
        """The same, with the outcomes by a rulebook's terms."""
        tonight = self.moment(self.day)

        def known(table: Table) -> nw.LazyFrame[Any]:
            return nw.from_native(self._rows(table, tonight).lazy())

        if book.hash not in self._outcomes:
            at = engine.at_moment(tonight, book.values, self.have)
            self._outcomes[book.hash] = judged(known, tonight, at)
        if (table.name, book.hash) not in self._read:
            frame = self._outcomes[book.hash](table).lazy()
            self._read[table.name, book.hash] = frame.collect(backend="polars").to_native()
        return self._read[table.name, book.hash]

    def facts(self, seen_on: date, book: Rulebook | None = None) -> engine.NightFacts:
        """The merchant's facts with the windows and the day of `seen_on`, known on the case's day."""
        book = book or self.book
        return engine.compile_facts(
            self.frames(seen_on, book),
            night.leaves_of(book),
            pd.Index([self.subject_id], dtype=object),
            self.moment(seen_on),
            self.have,
            {days for _, days in book.indicators()},
            book.values,
            judged_at=self.moment(self.day),
        )

    def score(
        self, facts: engine.NightFacts, book: Rulebook | None = None, priors: Mapping[str, float] | None = None
    ) -> scoring.Scores:
        return scoring.score(book or self.book, facts, self.have, dict(self.priors if priors is None else priors))


def case_of(con: duckdb.DuckDBPyConnection, zone: str, day: date, subject_id: str, rulebook: str) -> Case:
    """The case of a merchant graded on `day` by `rulebook`."""
    runs = con.execute(
        "SELECT rulebook_hash, priors FROM results.runs WHERE evaluated_on = ? AND rulebook = ?", [day, rulebook]
    ).fetchall()
    book = results.book_of(con, rulebook, runs[0][0])
    return Case(con, zone, day, subject_id, book, json.loads(runs[0][1]))


# --- peers -------------------------------------------------------------------------------------------------------


def percentiles(case: Case, category: str | None) -> dict[str, dict[str, Any]]:
    """Indicator -> {percentile, peers, among}: share of peers (percent) whose mark is lower, ties counted half.

    Peers are the other merchants of the night by the same rulebook with the same main category, or all of them where
    fewer than PEERS of these are measured.
    """
    standing: dict[str, dict[str, Any]] = {}
    for among, peers_sell in (("all", None), ("category", category)):
        if among == "category" and peers_sell is None:
            continue
        rows = case.con.execute(
            """SELECT i.indicator, count(*), 100 * (count(*) FILTER (i.mark < m.mark)
                   + 0.5 * count(*) FILTER (i.mark = m.mark)) / count(*)
               FROM results.indicators i
               JOIN results.indicators m ON m.evaluated_on = i.evaluated_on AND m.rulebook = i.rulebook
                   AND m.indicator = i.indicator AND m.subject_id = ?
               JOIN results.grades g ON g.evaluated_on = i.evaluated_on AND g.rulebook = i.rulebook
                   AND g.subject_id = i.subject_id
               WHERE i.evaluated_on = ? AND i.rulebook = ? AND i.subject_id <> ? AND i.state = 'measured'
                 AND m.state = 'measured' AND (? IS NULL OR g.category = ?)
               GROUP BY 1""",
            [case.subject_id, case.day, case.book.id, case.subject_id, peers_sell, peers_sell],
        ).fetchall()
        for name, peers, percentile in rows:
            if among == "all" or peers >= PEERS:
                standing[name] = {"percentile": round(float(percentile), 1), "peers": peers, "among": among}
    return standing


# --- rows behind a number ----------------------------------------------------------------------------------------


def rows_behind(case: Case) -> dict[str, list[dict[str, Any]]]:
    """Indicator -> the rows it was counted from, for the merchant itself: {table, part, total, ids}.

    `part`: numerator, or rest (counted in the denominator alone; of rates per order that is every order kept). At most
    MOST_ROWS ids, newest first.
    """
    at = engine.at_moment(case.moment(case.day), case.book.values, case.have)
    frames = case.frames(case.day)
    taken: dict[tuple[int, int], list[str]] = {}

    def ids(leaves: Iterator[Leaf], days: int) -> dict[str, list[str]]:
        keys: dict[str, list[str]] = {}
        for leaf in leaves:
            if leaf.table == "subjects":
                continue  # its one row is the merchant itself
            if (id(leaf), days) not in taken:
                taken[id(leaf), days] = _keys(case, frames, leaf, at, days)
            keys[leaf.table] = list(dict.fromkeys([*keys.get(leaf.table, []), *taken[id(leaf), days]]))
        return keys

    behind: dict[str, list[dict[str, Any]]] = {}
    for name, days in case.book.indicators():
        indicator = CATALOGUE[name]
        if any(table not in case.have for table in indicator.tables):
            continue
        top = ids(indicator.numerator.leaves(), days)
        rest = ids(indicator.denominator.leaves(), days) if indicator.denominator is not None else {}
        parts = [("numerator", table, keys) for table, keys in top.items()]
        parts += [("rest", table, _without(keys, top.get(table, []))) for table, keys in rest.items()]
        behind[name] = [
            {"table": table, "part": part, "total": len(keys), "ids": keys[:MOST_ROWS]}
            for part, table, keys in parts
            if keys
        ]
    return behind


def _without(keys: list[str], taken: list[str]) -> list[str]:
    out = set(taken)
    return [key for key in keys if key not in out]


def _keys(case: Case, frames: engine.Frames, leaf: Leaf, at: At, days: int) -> list[str]:
    """Keys of the rows that a leaf counts, newest first."""
    table = TABLES[leaf.table]
    frame = engine.of_party(frames, table, leaf.party).filter(nw.col("subject_id") == case.subject_id)
    standing = isinstance(leaf, Latest) or (isinstance(leaf, Measure) and leaf.standing)
    if table.event is not None and not standing:
        frame = frame.filter(nw.col(table.event) >= engine.edge(table, case.moment(case.day), days))
    if isinstance(leaf, Grouped):
        counts = ~nw.col(leaf.groups.by).is_null()
        if leaf.groups.where is not None:
            counts = counts & leaf.groups.where
    elif isinstance(leaf, Measure):
        counts = engine.resolved(leaf.expr, at) != 0
    else:
        assert isinstance(leaf, Latest | Median)
        counts = ~engine.resolved(leaf.expr, at).is_null()
    order, by = table.event or table.key, leaf.groups.by if isinstance(leaf, Grouped) else table.key
    counted = frame.filter(counts).select(table.key, nw.col(order).alias("at"), nw.col(by).alias("group"))
    columns = counted.collect(backend="pyarrow")
    rows = sorted(zip(*(columns[name].to_list() for name in (table.key, "at", "group")), strict=True))
    rows.sort(key=lambda row: row[1], reverse=True)
    if isinstance(leaf, Grouped):
        rows = _of_groups(rows, leaf.statistic)
    return [key for key, _, _ in rows]


def _of_groups(rows: list[tuple[str, Any, Any]], statistic: str) -> list[tuple[str, Any, Any]]:
    """Of (key, moment, group), newest first: those that a statistic of the groups counts."""
    if statistic == "repeated":
        sizes = Counter(group for _, _, group in rows)
        return [row for row in rows if sizes[row[2]] > 1]
    if statistic == "beyond":
        first = {group: key for key, _, group in rows}  # the last to come is the oldest
        return [row for row in rows if first[row[2]] != row[0]]
    return rows


# --- the least that would raise the grade ------------------------------------------------------------------------


def changes(case: Case, scores: scoring.Scores, target: float) -> dict[str, Any]:
    """What would take the score (all arrays of `scores` have one entry) to `target` points with the least effort.

    For each indicator that the merchant can act on: the value at which its own curve makes up what is missing, or the
    least that is marked as well as its best. `rows`, where it counts rows: so many of those on its bad side would have to
    stand on its good side. Gains are of the indicator's own points: others that count the same rows can only gain as well,
    so scores are at least what is told. Effort is how far the value moves, the width of the indicator's curve being 1.
    Those that suffice alone come first, least effort first; then those that gain most. `together` is the score if all that
    are shown are done.
    """
    total = float(scores.score[0])
    missing = target * POINT - total
    proposed = [
        change
        for (_, rule), column in zip(case.book.rules(), scores.columns, strict=True)
        if (change := _change(rule, column, CATALOGUE[rule.id], missing, case.priors)) is not None
    ]
    proposed.sort(key=lambda c: (not c["suffices"], c["effort"] if c["suffices"] else -c["gain"]))
    shown = proposed[:SHOWN_CHANGES]
    for change in shown:
        change["score_after"] = round((total + change["gain"] * POINT) / POINT, 4)
    together = min(100.0, round(total / POINT + sum(change["gain"] for change in shown), 4))
    return {"target": round(target, 4), "changes": shown, "together": together}


_BOUNDS = {"share": (0.0, 1.0), "flag": (0.0, 1.0), "stars": (1.0, 5.0), "index": (0.0, 1.0)}


def _change(
    rule: IndicatorRule,
    column: scoring.Column,
    indicator: Indicator,
    missing: float,
    priors: Mapping[str, float],
) -> dict[str, Any] | None:
    """The change of one indicator: to the value that gains `missing` 1/POINT points, or to the best value there is."""
    weight, mark = float(column.weight[0]), float(column.mark[0])
    if column.state[0] != "measured" or not indicator.actionable or weight == 0 or mark >= 100:
        return None
    value, k, average = float(column.value[0]), rule.strength, priors.get(rule.id)
    n = float((column.evidence if indicator.denominator is None else column.denominator)[0])
    xs = [x for x, _ in rule.curve]

    def marked(at: float) -> float:
        """The mark at an own value, believed as `scoring.shrink` does."""
        believed = (n * at + k * average) / (n + k) if k and average is not None else at
        return float(scoring.mark(rule, np.array(believed)))

    high = indicator.better == "high"
    low_bound, high_bound = _BOUNDS.get(indicator.unit, (0.0, np.inf))
    best = min(high_bound, max(value, xs[-1] if not k else high_bound)) if high else low_bound
    if not np.isfinite(best):
        best = xs[-1]
    goal = min(mark + missing / (weight * POINT), marked(best))
    if indicator.unit != "flag":  # somewhere between: the curve is monotone
        near, far = value, best
        for _ in range(60):
            middle = (near + far) / 2
            near, far = (middle, far) if marked(middle) < goal else (near, middle)
        best = far
    rows = None
    if isinstance(indicator.numerator, Measure | Grouped) and indicator.unit in ("share", "per_order"):
        rows = int(np.ceil(abs(best - value) * float(column.denominator[0]) - 1e-9))
        best = value + (rows if high else -rows) / float(column.denominator[0])
        best = float(np.clip(best, low_bound, high_bound))
    elif indicator.unit in ("count", "days") and float(value).is_integer():
        best = float(np.ceil(best - 1e-9) if high else np.floor(best + 1e-9))
    gain = weight * (marked(best) - mark)
    if gain < 0.005:
        return None
    return {
        "indicator": rule.id,
        "name_zh": indicator.name.zh,
        "name_en": indicator.name.en,
        "unit": indicator.unit,
        "value": round(value, 6),
        "goal": round(best, 6),
        "rows": rows,
        "mark": round(mark, 4),
        "mark_after": round(marked(best), 4),
        "gain": round(gain, 4),
        "suffices": gain * POINT >= missing - 0.5,
        "effort": round(abs(best - value) / (xs[-1] - xs[0]), 4),
        "improve_zh": indicator.improve.zh,
        "improve_en": indicator.improve.en,
    }


# --- what time will do -------------------------------------------------------------------------------------------


def outlook(case: Case, scores: scoring.Scores) -> list[dict[str, Any]]:
    """Grade and score at evaluations to come if nothing new happens: old facts leave the windows, penalties fade,
    sanctions and licences run out. By score and vetoes, once the margin has been passed; averages as tonight."""
    now = {column.indicator: int(column.points[0]) for column in scores.columns}
    ahead = []
    for days in HORIZONS:
        day = case.day + timedelta(days=days)
        facts = case.facts(day)
        then = case.score(facts)
        orders = np.nan_to_num(night.orders_of(case.book).of(facts, int(case.book.window_days.value)))
        vetoed = scoring.vetoed(case.book, facts, case.have, then)
        graded = grading.grade(case.book, then.score, then.evidence, orders, None, vetoed)
        moves = [(column.indicator, int(column.points[0]) - now[column.indicator]) for column in then.columns]
        ahead.append(
            {
                "in_days": days,
                "on": day.isoformat(),
                "grade": graded.grade[0],
                "score": None if graded.reason[0] else round(float(then.score[0]) / POINT, 4),
                "not_rated_reason": graded.reason[0],
                "vetoes": graded.vetoes[0],
                "moves": _largest(moves, 3),
            }
        )
    return ahead


# --- what moved it since the last evaluation ---------------------------------------------------------------------


def since_last(case: Case, scores: scoring.Scores) -> dict[str, Any] | None:
    """The change of the score since the evaluation before, in four parts that add up to it exactly:

    decay      old facts left the windows, penalties faded (last night's rows, seen today, by last night's rules)
    behaviour  what became known since (today's rows, by last night's rules and averages)
    platform   the platform's averages moved
    rules      today's rulebook in place of last night's (0 where it is the same)

    None where there is no earlier evaluation of this merchant by this rulebook (any version of it).
    """
    rows = case.con.execute(
        """SELECT r.evaluated_on, r.rulebook_hash, r.priors, g.grade, g.score FROM results.runs r
           JOIN results.grades g USING (evaluated_on, rulebook)
           WHERE r.rulebook = ? AND g.subject_id = ? AND r.evaluated_on < ? AND r.standing <> 'trial'
           ORDER BY 1 DESC LIMIT 1""",
        [case.book.id, case.subject_id, case.day],
    ).fetchall()
    if not rows:
        return None
    before_on, before_hash, before_priors, before_grade, before_score = rows[0]
    old = results.book_of(case.con, case.book.id, before_hash)
    before = replace(case, day=before_on, book=old, priors=json.loads(before_priors))
    was = before.score(before.facts(before_on))
    aged = before.score(before.facts(case.day))
    facts = case.facts(case.day, old)
    # What was first supplied since has no average of then: it is marked by today's.
    behaved = case.score(facts, old, case.priors | before.priors)
    averaged = case.score(facts, old, before.priors | case.priors)
    steps = [float(np.nan_to_num(s.score[0])) for s in (was, aged, behaved, averaged, scores)]
    decay, behaviour, platform, rules = (round((b - a) / POINT, 4) for a, b in pairwise(steps))
    points_before = {column.indicator: int(column.points[0]) for column in was.columns}
    points_now = {column.indicator: int(column.points[0]) for column in scores.columns}
    moved = [(name, points_now.get(name, 0) - points_before.get(name, 0)) for name in points_before | points_now]
    return {
        "evaluated_on": before_on.isoformat(),
        "rulebook_version": old.version,
        "grade": before_grade,
        "score": None if before_score is None else float(before_score),
        "change": round((steps[-1] - steps[0]) / POINT, 4),
        "behaviour": behaviour,
        "decay": decay,
        "platform": platform,
        "rules": rules,
        "indicators": _largest(moved, 5),
    }


def _largest(moves: Sequence[tuple[str, int]], most: int) -> list[dict[str, Any]]:
    """The indicators that moved the score most; `moves` in 1/POINT points."""
    return [
        {
            "indicator": name,
            "name_zh": CATALOGUE[name].name.zh,
            "name_en": CATALOGUE[name].name.en,
            "points": round(by / POINT, 4),
        }
        for name, by in sorted(moves, key=lambda move: -abs(move[1]))[:most]
        if by
    ]

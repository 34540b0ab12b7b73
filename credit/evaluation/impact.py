"""What a change of rules would do: both rulebooks on the same night, who moves, from where to where, and why.

Nothing is stored. Both are graded afresh, by score and vetoes, without the margin's memory of earlier nights: the
difference is the rules' alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from credit.errors import UserError
from credit.evaluation import night
from credit.evaluation.grading import NOT_RATED
from credit.evaluation.scoring import POINT
from credit.rulebooks.book import Rulebook


def impact(
    con: duckdb.DuckDBPyConnection,
    day: date,
    zone: str,
    before: Rulebook,
    after: Rulebook,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """JSON-able report of `after` in place of `before` on the night of `day`.

    `transitions`: merchants by (grade before, grade after); `movers`: those whose grade changes, largest change of
    score first, with the points each element gains or loses; `elements`: mean change of their points over the merchants
    rated by both. Raises UserError when the two are not about the same subjects, or nobody is known that night.
    """
    if before.subject != after.subject:
        raise UserError(
            f"{before.label} is about {before.subject.kind} {before.subject.role}s, {after.label} about "
            f"{after.subject.kind} {after.subject.role}s; compare rulebooks about the same subjects"
        )
    if before.hash == after.hash:
        raise UserError(f"{before.label} and {after.label} are the same text; nothing would change")
    standings = {before.hash: "trial", after.hash: "trial"}
    old, new = night.compute(
        con, day, zone, [before, after], progress, standings=standings, looks_back={before.hash: None, after.hash: None}
    )
    if not len(old.grades):
        raise UserError(f"no {before.subject.kind} {before.subject.role} was known by the cut-off of {day}")
    both = old.grades.merge(new.grades, on="subject_id", suffixes=("_before", "_after"))
    places = {symbol: i for i, symbol in enumerate(dict.fromkeys([*before.symbols, *after.symbols]))}
    from_, to = (both[f"grade_{when}"].map(places).to_numpy() for when in ("before", "after"))
    changed = (both["grade_before"] != both["grade_after"]).to_numpy()
    with np.errstate(invalid="ignore"):
        up, down = changed & (to < from_), changed & (to > from_)
    points = {when: _elements(scored).reindex(both["subject_id"]) for when, scored in (("before", old), ("after", new))}
    names = list(dict.fromkeys([*points["before"].columns, *points["after"].columns]))
    gained = points["after"].reindex(columns=names, fill_value=0.0) - points["before"].reindex(
        columns=names, fill_value=0.0
    )
    rated = (both["score_before"].notna() & both["score_after"].notna()).to_numpy()
    change = (both["score_after"] - both["score_before"]).round(4)
    order = np.lexsort((both["subject_id"], -change.abs().fillna(np.inf)))
    return {
        "evaluated_on": day.isoformat(),
        "standing": "trial",
        "before": _named(before),
        "after": _named(after),
        "merchants": len(both),
        "moved": int(changed.sum()),
        "up": int(up.sum()),
        "down": int(down.sum()),
        "newly_rated": int((changed & (both["grade_before"] == NOT_RATED)).sum()),
        "no_longer_rated": int((changed & (both["grade_after"] == NOT_RATED)).sum()),
        "grades": {"before": old.counts, "after": new.counts},
        "mean_change": _mean(change[rated]),
        "elements": [
            {"element": name, **_name(before, after, name), "mean_change": _mean(gained[name].to_numpy()[rated])}
            for name in names
        ],
        "transitions": [
            {"before": a, "after": b, "merchants": n}
            for (a, b), n in sorted(
                Counter(zip(both["grade_before"], both["grade_after"], strict=True)).items(),
                key=lambda moved: (places.get(moved[0][0], len(places)), places.get(moved[0][1], len(places))),
            )
        ],
        "movers": [
            {
                "subject_id": both["subject_id"].iloc[i],
                "grade_before": both["grade_before"].iloc[i],
                "grade_after": both["grade_after"].iloc[i],
                "score_before": _number(both["score_before"].iloc[i]),
                "score_after": _number(both["score_after"].iloc[i]),
                "change": _number(change.iloc[i]),
                "by_score_before": both["grade_by_score_before"].iloc[i],
                "by_score_after": both["grade_by_score_after"].iloc[i],
                "vetoes_before": both["vetoes_before"].iloc[i],
                "vetoes_after": both["vetoes_after"].iloc[i],
                "elements": {name: _number(gained[name].iloc[i]) for name in names if gained[name].iloc[i]},
            }
            for i in order
            if changed[i]
        ],
    }


def _named(book: Rulebook) -> dict[str, str]:
    return {"id": book.id, "version": book.version, "hash": book.hash}


def _name(before: Rulebook, after: Rulebook, element: str) -> dict[str, str]:
    name = next(e.name for book in (after, before) for e in book.elements if e.id == element)
    return {"name_zh": name.zh, "name_en": name.en}


def _elements(evaluated: night.Evaluation) -> pd.DataFrame:
    """Points of each element (columns) of each subject (index)."""
    scores = evaluated.scores
    points: dict[str, Any] = {}
    for column in scores.columns:
        points[column.element] = points.get(column.element, 0) + column.points
    return pd.DataFrame({name: total / POINT for name, total in points.items()}, index=scores.subjects)


def _number(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)


def _mean(values: Any) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None

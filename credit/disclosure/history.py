"""What earlier nights say: the trend of each merchant, the platform's history, and who moved since the night before.

Only official nights count (their rulebook was in force), and only those before the night that is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from credit.evaluation.grading import NOT_RATED
from credit.rulebooks.book import Rulebook

MONTHS = 12

Point = tuple[date, str, float | None, str]
"""(evaluation day, grade, score, version of the rulebook)"""

# The last official night of each of the months before that of the day.
_NIGHTS = f"""
    SELECT rulebook, max(evaluated_on) AS evaluated_on FROM results.runs
    WHERE standing = 'in_force' AND subject_role = 'seller'
      AND evaluated_on < date_trunc('month', $day::DATE)
      AND evaluated_on >= date_trunc('month', $day::DATE) - INTERVAL {MONTHS} MONTH
    GROUP BY rulebook, date_trunc('month', evaluated_on)
"""


def trends(con: duckdb.DuckDBPyConnection, day: date) -> dict[str, list[Point]]:
    """Subject -> its grade at the end of each of the last months, oldest first."""
    rows = con.execute(
        f"""SELECT g.subject_id, g.evaluated_on, g.grade, g.score::DOUBLE, r.rulebook_version
            FROM ({_NIGHTS}) JOIN results.grades g USING (rulebook, evaluated_on)
            JOIN results.runs r USING (rulebook, evaluated_on)
            ORDER BY g.subject_id, g.evaluated_on, g.rulebook""",
        {"day": day},
    ).fetchall()
    return {subject_id: [row[1:] for row in points] for subject_id, points in groupby(rows, itemgetter(0))}


def months(con: duckdb.DuckDBPyConnection, day: date) -> list[dict[str, Any]]:
    """How many merchants had which grade of which rulebook at the end of each of the last months, oldest first."""
    rows = con.execute(
        f"""SELECT g.evaluated_on, g.rulebook, g.grade, count(*) FROM ({_NIGHTS}) JOIN results.grades g USING (rulebook, evaluated_on)
            GROUP BY ALL ORDER BY 1, 2, 3""",
        {"day": day},
    ).fetchall()
    return [
        month(on, rulebook, {grade: number for _, _, grade, number in counts})
        for (on, rulebook), counts in groupby(rows, itemgetter(0, 1))
    ]


def month(on: date, rulebook: str, grades: dict[str, int]) -> dict[str, Any]:
    """Of one rulebook: an A of one is not an A of another."""
    return {
        "on": on,
        "rulebook": rulebook,
        "rated": sum(n for grade, n in grades.items() if grade != NOT_RATED),
        "grades": grades,
    }


def moves(
    con: duckdb.DuckDBPyConnection, day: date, standing: str, graded: Iterator[tuple[Rulebook, list[str], list[str]]]
) -> dict[str, Any] | None:
    """How many merchants are in a higher, lower or the same grade as on the evaluation before (`since`); None where it is the first.

    Not rated is neither higher nor lower. `graded`: (rulebook, subject ids, grades).
    """
    before = con.execute(
        """SELECT rulebook, subject_id, grade, evaluated_on FROM results.grades JOIN results.runs USING (evaluated_on, rulebook)
           WHERE subject_role = 'seller' AND evaluated_on = (
               SELECT max(evaluated_on) FROM results.runs
               WHERE evaluated_on < ? AND standing = ? AND subject_role = 'seller')""",
        [day, standing],
    ).fetchall()
    if not before:
        return None
    earlier = {subject_id: (rulebook, grade) for rulebook, subject_id, grade, _ in before}
    counts = dict.fromkeys(("up", "down", "same", "other", "new"), 0)
    for book, ids, grades in graded:
        rank = {level.grade: place for place, level in enumerate(book.grades.levels)}
        for subject_id, grade in zip(ids, grades, strict=True):
            rulebook, previous = earlier.pop(subject_id, (None, None))
            if previous is None:
                counts["new"] += 1
            elif grade == previous:
                counts["same"] += 1
            elif rulebook != book.id or previous not in rank or grade not in rank:
                counts["other"] += 1
            else:
                counts["up" if rank[grade] < rank[previous] else "down"] += 1
    return counts | {"withdrawn": len(earlier), "since": before[0][3]}

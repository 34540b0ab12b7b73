"""What earlier evaluations left for the margin: the grades held, and how often scores lay beyond them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from credit.evaluation import grading
from credit.rulebooks.book import Rulebook
from credit.warehouse.connection import scalar

_GRADES_BEFORE = Path(__file__).with_name("grades_before.sql").read_text(encoding="utf-8")


def night_before(con: duckdb.DuckDBPyConnection, book: Rulebook, day: date, standing: str) -> date | None:
    """The latest evaluation before `day` by the same rules and of the same standing, no older than the margin remembers:
    no trial or replay has a say in an official grade."""
    if book.margin is None:
        return None
    since = day - timedelta(days=int(book.margin.memory_days.value))
    latest: date | None = scalar(
        con,
        """SELECT max(evaluated_on) FROM results.runs
           WHERE rulebook_hash = ? AND evaluated_on < ? AND evaluated_on >= ? AND standing = ?""",
        [book.hash, day, since, standing],
    )
    return latest


def grades_before(
    con: duckdb.DuckDBPyConnection, book: Rulebook, previous_on: date, subjects: pd.Index
) -> grading.Previous:
    """What that evaluation, and those before it that the margin looks at, left of these subjects."""
    assert book.margin is not None
    asked = {
        "hash": book.hash,
        "last": previous_on,
        "since": previous_on - timedelta(days=int(book.margin.memory_days.value)),
        "symbols": book.symbols,
        "looks": max(book.margin.looks_at - 1, 1),
    }
    before = con.execute(_GRADES_BEFORE, asked).df().set_index("subject_id").reindex(subjects)
    held = before["held"].astype(object).where(before["held"].notna(), None)
    above, below = (
        np.nan_to_num(before[side].to_numpy(dtype=np.float64)).astype(np.int64) for side in ("above", "below")
    )
    return grading.Previous(held.to_numpy(dtype=object), above, below)

"""The marketplace of `stories/` in a home of its own, for the tests of stories and of golden results."""

from __future__ import annotations

import csv
import hmac
from datetime import date, timedelta
from pathlib import Path

import duckdb

from credit.evaluation import night as evaluation
from credit.evaluation.night import Evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.rulebooks.reading import load
from credit.settings import Settings
from credit.warehouse.connection import transaction
from support.homes import write_key
from support.places import TESTS

FOLDER = TESTS / "stories"
MARKETPLACE = FOLDER / "marketplace"
ZONE = "Asia/Shanghai"
DAY = date(2026, 11, 24)
DAY_BEFORE = DAY - timedelta(days=1)
KEY = bytes(32)
"""The key of consumers' pseudonyms, fixed so that buyers who are subjects have the same id in every home."""

Row = dict[str, str]


def table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pseudonym(name: str) -> str:
    return hmac.new(KEY, name.encode(), "sha256").hexdigest()[:32]


SUBJECTS = table(MARKETPLACE / "subjects.csv")
NAMES = {
    row["subject_id"] if row["role"] == "seller" else pseudonym(row["subject_id"]): row["subject_id"]
    for row in SUBJECTS
}
"""Id in the warehouse -> name in the stories."""


def delivered(home: Path, folder: Path = MARKETPLACE) -> Settings:
    """A home with the files of `folder` taken in; nothing may be rejected."""
    conf = Settings(home=home, zone=ZONE, threads=1, memory_limit="512MB")
    home.mkdir(parents=True)
    write_key(conf, KEY.hex())
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, "canonical", folder, DAY)
        assert batch.reasons == []
        merging.accept(con, batch.batch_id)
    return conf


def evaluated(con: duckdb.DuckDBPyConnection, day: date, paths: list[Path]) -> list[Evaluation]:
    """The night by these rulebooks, stored as one in force, whichever rules are in force."""
    books = [load(path) for path in paths]
    nights = evaluation.compute(con, day, ZONE, books, standings={book.hash: "in_force" for book in books})
    with transaction(con):
        for night in nights:
            evaluation._store(con, night)
    return nights


def two_nights(conf: Settings, paths: list[Path]) -> list[Evaluation]:
    """The evaluations of both nights by the same rules: the margin of the second looks back to the first."""
    with open_warehouse(conf) as con:
        return [*evaluated(con, DAY_BEFORE, paths), *evaluated(con, DAY, paths)]

"""What an assessment sees: the canonical tables as known at the cut-off, the ledgers, the home and what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from credit.disclosure import versions
from credit.evaluation import engine
from credit.evaluation.night import supplied
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse.connection import zone_of


@dataclass(frozen=True)
class Seen:
    """What is known at 00:00 of `day` in the platform's zone. Table t is the view `seen_t`."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    day: date
    moment: engine.Moment
    supplied: frozenset[str]
    """ "table" and "table.column" of all that was ever supplied."""

    @property
    def published(self) -> Path | None:
        """The newest published version that is kept and is not of a later day."""
        kept = versions.all_of(self.settings.published)
        return next((folder for folder in kept if versions.day_of(folder) <= self.day), None)


@contextmanager
def seeing(con: duckdb.DuckDBPyConnection, settings: Settings, day: date) -> Iterator[Seen]:
    """Lay the views; they are gone on leaving."""
    zone = zone_of(con, settings)
    moment = engine.Moment(cut_off(day, zone), zone)
    frames = engine.known(con, moment)
    try:
        for name, table in TABLES.items():
            # Temporary, as the relation's own create_view is not: nothing is left in the warehouse.
            con.execute(f"CREATE OR REPLACE TEMP VIEW seen_{name} AS {frames(table).to_native().sql_query()}")
        yield Seen(con, settings, day, moment, supplied(con, moment))
    finally:
        for name in TABLES:
            con.execute(f"DROP VIEW IF EXISTS temp.seen_{name}")

"""A simulated marketplace in memory, to measure on: what detectors, warnings and grades make of a known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from credit.settings import Settings
from credit.synthetic import market
from credit.synthetic.stories import STORIES, Story
from credit.tables import TABLES
from credit.warehouse.connection import connect
from credit.warehouse.schema import build

SETTINGS = Settings.model_validate({"home": Path(), "zone": market.ZONE, "threads": 1})
"""Of the marketplace; nothing is written to its home."""


@contextmanager
def marketplace(
    *,
    merchants: int,
    transactions: int,
    end: date,
    seed: int,
    stories: Sequence[Story] = STORIES,
    change: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory with the simulator's rows as if delivered and merged, and `sim.truth`.

    `change` may alter the rows of schema `sim` before they are delivered.
    """
    con = connect(":memory:", SETTINGS)
    try:
        build(con)
        con.execute("SET VARIABLE zone = ?", [market.ZONE])
        con.execute("INSERT INTO meta.info VALUES ('zone', ?)", [market.ZONE])
        market.populate(con, merchants=merchants, transactions=transactions, end=end, seed=seed, stories=stories)
        change(con)
        deliver(con)
        yield con
    finally:
        con.close()


def deliver(con: duckdb.DuckDBPyConnection) -> None:
    """The rows of schema `sim` into the canonical tables, as one accepted batch; `sim` keeps what else it holds."""
    for table in TABLES.values():
        merge(con, table.name, f"SELECT * FROM sim.{table.name}")
        con.execute(f"DROP TABLE sim.{table.name}")
        columns = [column.name for column in table.supplied]
        con.execute("INSERT INTO meta.supplied VALUES (1, ?, ?, TIMESTAMPTZ '2000-01-01')", [table.name, columns])
    con.execute("INSERT INTO meta.batches VALUES (1, 'simulated', '', [], 'accepted', now(), now(), '{}')")


def merge(con: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    """Rows of a table (SQL of its supplied columns and `known_at`) into the canonical one, as intake would.

    A supplied column that the rows lack is empty.
    """
    table = TABLES[name]
    columns = ", ".join((*(f"CAST({c.name} AS {c.sql_type}) AS {c.name}" for c in table.supplied), "known_at"))
    empty = f"SELECT {', '.join((*(c.name for c in table.supplied), 'known_at'))} FROM canonical.{name} LIMIT 0"
    defaults = ", ".join(f"coalesce({c.name}, {c.default}) AS {c.name}" for c in table.columns if c.default)
    derived = "".join(f", {c.derived} AS {c.name}" for c in table.columns if c.derived)
    replaced = f"REPLACE ({defaults})" if defaults else ""
    con.execute(
        f"INSERT INTO canonical.{name} BY NAME "
        f"SELECT *, 1 AS batch_id{derived} FROM (SELECT * {replaced} "
        f"FROM (SELECT {columns} FROM (({empty}) UNION ALL BY NAME ({rows}))))"
    )

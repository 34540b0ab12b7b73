"""Shared by the tests of the ledgers: a home with two evaluated nights, and the instant at which entries are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.ledgers import moments
from credit.settings import Settings
from support.entries import BEFORE, NOW, rows
from support.homes import write_key
from support.small_market import DAY, ZONE, deliver


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`clock(instant)` sets when entries are made; at first it is NOW."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(moments, "now", lambda: instant.astimezone(UTC))

    set_to(NOW)
    return set_to


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The warehouse of a home with the nights of BEFORE and DAY evaluated."""
    folder = tmp_path_factory.mktemp("ledgers")
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    write_key(options)
    with open_warehouse(options) as con:
        deliver(con, options, folder / "first", rows())
        for day in (BEFORE, DAY):
            evaluation.evaluate(con, options, day)
    return options.database.read_bytes()


@pytest.fixture
def home(evaluated: bytes, tmp_path: Path, clock: object) -> Settings:
    options = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    options.home.mkdir()
    options.database.write_bytes(evaluated)
    write_key(options)
    return options


@pytest.fixture
def con(home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(home) as opened:
        yield opened

"""A home with one published night, of which an assessment can be made; each test has a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from credit.disclosure.publishing import publish
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.ledgers import moments
from credit.settings import Settings
from support.entries import NOW
from support.homes import own_copy
from support.small_market import DAY, ZONE, at, deliver, market, on, seller

PERSON = {
    "kind": "individual", "name": "王小明", "id_number": "110101199003070011", "address": "长江路18号", "contact": "13900001111",
    "uscc": None, "licence_no": None, "licence_valid_until": None,
}  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`clock(instant)` sets when entries are made; at first it is the afternoon after the night."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(moments, "now", lambda: instant.astimezone(UTC))

    set_to(NOW)
    return set_to


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`own` is the platform's own shop, `wang` a natural person, `shop` is suspended."""

    def make(home: Path) -> None:
        options = Settings(home=home, zone=ZONE, threads=1)
        rows = market({"shop": 1, "own": 0, "wang": 0})
        register = {row["subject_id"]: row for row in rows["subjects"]}
        register["own"]["self_operated"] = True
        register["wang"].update(PERSON)
        rows["subjects"].append(seller("idle"))
        shop = {"subject_id": "shop", "known_at": at(-30)}
        rows["violations"].append(
            shop | {"violation_id": "v1", "kind": "fraud", "severity": "serious", "decided_at": at(-30)}
        )
        rows["sanctions"].append(
            shop
            | {"sanction_id": "s1", "violation_id": "v1", "kind": "suspension", "reason": "r", "imposed_at": at(-29)}
        )
        for row in rows["subjects"]:
            row |= {"verified_on": on(-20), "self_operated": row.get("self_operated", False)}
        with open_warehouse(options) as con:
            deliver(con, options, home.parent / "delivery-of-assessment", rows)
            evaluation.evaluate(con, options, DAY)
            publish(con, options, DAY)
        home.chmod(0o700)

    return own_copy(tmp_path_factory, "assessed", make)


@pytest.fixture
def home(published_home: Path, tmp_path: Path, clock: object) -> Settings:
    shutil.copytree(published_home, tmp_path / "home", symlinks=True)
    (tmp_path / "home").chmod(0o700)
    return Settings(home=tmp_path / "home", zone=ZONE, threads=1)


@pytest.fixture
def con(home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(home) as opened:
        yield opened

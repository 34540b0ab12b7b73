"""One published home for the tests of this folder; each has a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from credit.disclosure.publishing import publish
from credit.evaluation import night
from credit.home import open_warehouse
from credit.settings import Settings
from support import homes
from support.small_market import DAY, deliver, market


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with one night, published."""

    def make(home: Path) -> None:
        conf = Settings(home=home, threads=1)
        with open_warehouse(conf) as con:
            deliver(con, conf, home.with_name(f"{home.name}-delivery"), market({"good": 0, "late": 15}, orders=20))
            night.evaluate(con, conf, DAY)
            publish(con, conf, DAY)

    return Settings(home=homes.own_copy(tmp_path_factory, "upkeep", make))


@pytest.fixture
def conf(published_home: Settings, tmp_path: Path) -> Settings:
    """Settings of a copy of that home, closed to others."""
    home = tmp_path / "home"
    shutil.copytree(published_home.home, home, symlinks=True)
    home.chmod(0o700)
    return Settings(home=home)

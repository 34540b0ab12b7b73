"""A platform, what it publishes, and a version that it has signed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from credit.disclosure.publishing import publish
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.proof import keys
from credit.settings import Settings
from credit.synthetic import delivery
from support.signed_platform import (
    DAY,
    NOW,
    Platform,
)


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published files of a small synthetic marketplace, without lists and signatures; do not change it."""
    base = tmp_path_factory.mktemp("proof")
    delivery.write(base / "sample", merchants=24, transactions=2_000, seed=3, end=DAY)
    conf = Settings(home=base / "home", threads=1, memory_limit="512MB")
    with open_warehouse(conf) as con:
        merging.accept(con, landing.land(con, conf, "canonical", base / "sample", DAY).batch_id)
        evaluation.evaluate(con, conf, DAY)
        shutil.copytree(publish(con, conf, DAY).path, base / "content")
    for name in ("manifest", "feed", "tuf"):
        shutil.rmtree(base / "content" / name, ignore_errors=True)
        (base / "content" / f"{name}.json").unlink(missing_ok=True)
    return base / "content"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    keys.init(conf, tmp_path / "usb", NOW)
    first = tmp_path / "root.json"
    shutil.copy(conf.home / "keys" / "root.json", first)
    return Platform(conf, tmp_path / "usb", first)


@pytest.fixture
def night(platform: Platform, content: Path) -> Path:
    """The version of DAY, by keys that were rotated once."""
    keys.rotate(platform.conf, platform.usb, NOW)
    return platform.publish(content, DAY, NOW)

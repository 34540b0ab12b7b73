"""What is wrong with a home is found, named with what to do, and ends in an exit code for monitors."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from credit.disclosure.versions import night_in_force
from credit.errors import NEEDS_ATTENTION
from credit.home import open_warehouse
from credit.settings import Settings
from credit.upkeep import health
from support.command import command

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def wrong(checks: list[health.Check]) -> dict[str, str]:
    return {check.id: f"{check.found} {check.do}" for check in checks if not check.ok}


def test_a_home_in_order(conf: Settings) -> None:
    assert wrong(health.doctor(conf)) == {}
    done = command("doctor", "--json", home=conf.home)
    assert done.returncode == 0, done.stdout
    assert {"blocks", "history", "keys", "published", "disk"} < {check["check"] for check in json.loads(done.stdout)}


def test_the_last_night_grows_old(conf: Settings) -> None:
    night = night_in_force(conf.published)
    assert night is not None
    assert wrong(health.status(conf, day=night + timedelta(days=1))) == {}
    assert "catch-up --from" in wrong(health.status(conf, day=night + timedelta(days=2)))["night"]
    done = command("status", "--max-age-days", "0", home=conf.home)
    assert done.returncode == NEEDS_ATTENTION
    assert "最近评价" in done.stdout


def test_a_failed_night_and_a_waiting_batch_are_named(conf: Settings, tmp_path: Path) -> None:
    reports = conf.home / "reports"
    reports.mkdir(exist_ok=True)
    failed = {"failed": {"step": "check", "exit_code": 4, "message": "batch 2 fails"}}
    (reports / "2099-01-01.json").write_text(json.dumps(failed), encoding="utf-8")
    with open_warehouse(conf) as con:
        con.execute("UPDATE meta.batches SET state = 'landed'")
    named = wrong(health.status(conf, max_age_days=100_000))
    assert "failed in check (exit code 4): batch 2 fails" in named["run"]
    assert "merchant-credit check" in named["waiting"]


def _flip(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        place = chance.randrange(path.stat().st_size)
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ (1 + chance.randrange(255))]))


def _version_file(conf: Settings) -> Path:
    return next(path for path in (conf.published / "current").resolve().rglob("*.json") if path.parent.name != "tuf")


HARM: dict[str, tuple[Callable[[Settings], Any], str]] = {
    "published": (lambda conf: _version_file(conf).write_text("{}", encoding="utf-8"), "is invalid"),
    "access": (lambda conf: conf.key_file.chmod(0o644), "others may read"),
    "pseudonyms": (lambda conf: conf.key_file.unlink(), "restore it from its copy"),
    "pseudonyms ": (lambda conf: conf.key_file.write_text("cd" * 32), "pseudonyms were made by"),
    "left_over ": (lambda conf: _dangling(conf.published / ".new-1"), ".new-1"),
    "left_over": (lambda conf: _old(conf.home / "read-x"), "read-x"),
}


def _old(folder: Path) -> None:
    folder.mkdir()
    os.utime(folder, (0, 0))


def _dangling(link: Path) -> None:
    link.symlink_to("versions/none")
    os.utime(link, (0, 0), follow_symlinks=False)


@pytest.mark.parametrize("name", HARM)
def test_harm_is_found(name: str, conf: Settings) -> None:
    harm, message = HARM[name]
    harm(conf)
    assert message in wrong(health.doctor(conf))[name.strip()]


def test_a_diagnosis_makes_no_keys(conf: Settings) -> None:
    shutil.rmtree(conf.home / "keys")
    assert "is not there" in wrong(health.doctor(conf))["published"]
    assert not (conf.home / "keys").exists()


def test_flipped_bytes_of_the_warehouse_are_named_or_harmless(conf: Settings, tmp_path: Path) -> None:
    """Each is found, or lies where nothing is kept: the same rows are read as before."""
    chance = random.Random(3)
    with open_warehouse(conf) as con:
        con.execute("CHECKPOINT")
    whole = conf.database.read_bytes()

    def rows() -> list[Any]:
        with open_warehouse(conf, read_only=True) as con:
            return con.execute("SELECT max(hash(t)), count(*) FROM canonical.transactions t").fetchall()

    before, detected = rows(), 0
    for _ in range(12):
        conf.database.write_bytes(whole)
        _flip(conf.database, chance)
        done = command("doctor", "--json", home=conf.home)
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            assert rows() == before
        else:
            assert done.returncode in (2, 9, NEEDS_ATTENTION), done.stderr  # 2: its first bytes say it is no warehouse
            detected += 1
    assert detected >= 3

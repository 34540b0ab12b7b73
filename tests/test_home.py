"""A home is its owner's alone, whoever made it, and forgets the raw rows of killed runs."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from credit import settings
from credit.errors import UserError
from credit.home import open_warehouse
from credit.intake import landing, pseudonyms
from credit.nightly import NightRun, finish, ingest, run_step
from credit.settings import Settings

DAY = date(2026, 11, 24)


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    before = os.umask(0o022)
    (tmp_path / "home").mkdir(mode=0o755)
    os.umask(before)
    return settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)


def test_a_home_that_others_may_enter_is_closed_to_them(conf: Settings, tmp_path: Path) -> None:
    (tmp_path / "subjects.csv").write_text("subject_id,kind,role\nS1,enterprise,seller\n", encoding="utf-8")
    before = os.umask(0o022)
    try:
        night = NightRun(conf, DAY, path=tmp_path / "subjects.csv")
        run_step("ingest", ingest, night)
        finish(night)
        with open_warehouse(conf) as con:
            con.execute("CREATE TABLE meta.more (a INTEGER)")
            log = conf.database.with_name(conf.database.name + ".wal")
            assert log.stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)
    made = [conf.home, *(path for path in conf.home.rglob("*") if not path.is_symlink())]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
    assert (conf.home / "reports" / f"{DAY}.json") in made


def test_raw_rows_of_a_killed_run_are_removed(conf: Settings) -> None:
    old, new = conf.home / "read-old", conf.home / "read-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "rows.txt").write_text("13912345678")
    os.utime(old, (0, 0))
    with open_warehouse(conf):
        assert (old.exists(), new.exists()) == (False, True)


def test_the_key_of_pseudonyms_is_neither_shown_nor_changed(conf: Settings, tmp_path: Path) -> None:
    (tmp_path / "subjects.csv").write_text("subject_id,kind,role\nS1,enterprise,seller\n", encoding="utf-8")
    with open_warehouse(conf) as con:
        landing.land(con, conf, "canonical", tmp_path / "subjects.csv", DAY)
        conf.key_file.chmod(0o644)
        with pytest.raises(UserError, match=r"may be read by others .* chmod 600"):
            pseudonyms.pseudonym_macro(con, conf)
        conf.key_file.unlink()
        conf.key_file.touch(0o600)
        conf.key_file.write_text("00" * 32)
        with pytest.raises(UserError, match="is another key"):
            pseudonyms.pseudonym_macro(con, conf)

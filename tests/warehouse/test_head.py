"""An older copy of the warehouse is noticed, whatever else of the home is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from credit import settings
from credit.errors import UserError, WarehouseBehind
from credit.home import open_warehouse
from credit.ledgers.entries import enter
from credit.ledgers.moments import moment
from credit.settings import Settings
from credit.warehouse import head

pytestmark = pytest.mark.slow


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)


def _sanction(conf: Settings) -> head.Change:
    with open_warehouse(conf) as con:
        enter(
            con, "sanctions", moment(con, None), "Li", subject_id="S1", kind="warning", reason="late", until_on=None, reference=None
        )  # fmt: skip
    with open_warehouse(conf, read_only=True) as con:
        return head.last(con)


def test_what_stands_still_is_no_change(conf: Settings) -> None:
    first = _sanction(conf)
    with open_warehouse(conf):
        pass
    with open_warehouse(conf) as con:
        assert head.last(con) == first
    assert _sanction(conf).change == first.change + 1


def test_an_older_copy_is_refused_till_somebody_accepts_the_loss(conf: Settings, tmp_path: Path) -> None:
    _sanction(conf)
    shutil.copy(conf.database, tmp_path / "old")
    lost = _sanction(conf)
    shutil.copy(tmp_path / "old", conf.database)
    with pytest.raises(
        WarehouseBehind, match=rf"tells of its change {lost.change}, and it ends with change {lost.change - 1}"
    ):
        _sanction(conf)
    with open_warehouse(conf, check_head=False) as con:
        assert head.accept_loss(con, conf, "disk died", "Li").change == lost.change + 1
    assert _sanction(conf).change == lost.change + 2


def test_a_copy_of_another_history_is_refused(conf: Settings, tmp_path: Path) -> None:
    _sanction(conf)
    shutil.copytree(conf.home, tmp_path / "fork")
    _sanction(settings.load(home=tmp_path / "fork", zone="Asia/Shanghai", threads=1))
    _sanction(conf)
    shutil.copy(tmp_path / "fork" / conf.database.name, conf.database)
    with pytest.raises(WarehouseBehind, match="another history"):
        _sanction(conf)


def test_what_is_published_remembers_as_well(conf: Settings, tmp_path: Path) -> None:
    _sanction(conf)
    shutil.copytree(conf.home, tmp_path / "backup")
    change, published = _sanction(conf), conf.published / "current"
    for name in ("warehouse.duckdb", "warehouse.head"):
        shutil.copy(tmp_path / "backup" / name, conf.home / name)
    published.mkdir(parents=True)
    (published / "feed.json").write_text(json.dumps({"warehouse": change._asdict()}))
    with pytest.raises(WarehouseBehind, match="published/current tells of its change"):
        _sanction(conf)


def test_a_warehouse_that_is_gone_is_not_made_anew(conf: Settings) -> None:
    _sanction(conf)
    conf.database.unlink()
    with pytest.raises(WarehouseBehind, match="it is gone"), open_warehouse(conf):
        pass
    assert not conf.database.exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [("DELETE FROM ledger.sanctions", "2 rows fewer"), ("UPDATE ledger.sanctions SET reason = 'none'", "are others")],
)
def test_rows_of_a_ledger_changed_by_hand_are_noticed(conf: Settings, edit: str, message: str) -> None:
    _sanction(conf), _sanction(conf)
    with duckdb.connect(str(conf.database)) as con:
        con.execute(edit)
    with pytest.raises(WarehouseBehind, match=rf"ledger\.sanctions.*{message}|{message}.*ledger\.sanctions"):
        _sanction(conf)


def test_what_a_killed_process_left_is_no_loss(conf: Settings) -> None:
    _sanction(conf)
    before = head.file_of(conf).read_bytes()
    change = _sanction(conf)
    head.file_of(conf).write_bytes(before)
    assert _sanction(conf).change == change.change + 1


def test_a_damaged_head_is_named(conf: Settings) -> None:
    _sanction(conf)
    head.file_of(conf).write_text("{")
    with pytest.raises(UserError, match=r"warehouse\.head cannot be read"):
        _sanction(conf)
    assert head.file_of(conf).stat().st_mode & 0o077 == 0

"""A copy of a home is whole, is made while others read, holds no key, and is the home again when it is put back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit.errors import InputError, UserError, WarehouseLocked
from credit.home import open_warehouse
from credit.settings import Settings
from credit.upkeep import backup
from credit.upkeep.backup import LISTING, back_up, restore
from support.command import command

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

MONDAY, TUESDAY = datetime(2026, 11, 23, 3, tzinfo=UTC), datetime(2026, 11, 24, 3, tzinfo=UTC)


def contents(home: Path) -> dict[str, bytes]:
    """Every file of a home but what a copy leaves out."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.relative_to(home) != Path("published/lock") and "current" not in path.parts
    }


def test_what_is_put_back_is_what_was_copied(conf: Settings, tmp_path: Path) -> None:
    made, keys = back_up(conf, tmp_path / "copies", tmp_path / "safe", MONDAY)
    assert made.name == keys.name == "2026-11-23T030000Z"
    names = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".pem", "pseudonym.key"))]
    assert {path.name for path in keys.rglob("*") if path.is_file()} >= {"pseudonym.key", LISTING}
    about = restore(tmp_path / "copies", tmp_path / "back", tmp_path / "safe")
    assert about.made_at == MONDAY.isoformat()
    version = (conf.published / "current").resolve().name
    kept = {
        name: content
        for name, content in contents(conf.home).items()
        if not name.startswith("published/versions/") or name.startswith(f"published/versions/{version}/")
    }
    assert contents(tmp_path / "back") == kept
    assert (tmp_path / "back" / "published" / "current").resolve().name == version
    assert (tmp_path / "back").stat().st_mode & 0o077 == 0
    done = command("publish", "--json", home=tmp_path / "back")
    assert done.returncode == 0, done.stderr


def test_a_disk_lost_between_two_nights(conf: Settings, tmp_path: Path) -> None:
    """The copy of Monday, and what was entered on Tuesday: the home of Monday is there again, Tuesday's entry is not."""
    back_up(conf, tmp_path / "copies", tmp_path / "safe", MONDAY)
    sanction = ("sanction", "impose", "good", "--kind", "restriction", "--reason", "late", "--by", "Li Wei")
    entered = command(*sanction, home=conf.home)
    assert entered.returncode == 0, entered.stderr
    back_up(conf, tmp_path / "copies", tmp_path / "safe", TUESDAY)
    shutil.rmtree(conf.home)

    def sanctions(home: Path) -> int:
        with open_warehouse(Settings(home=home), read_only=True) as con:
            return int(con.execute("SELECT count(*) FROM ledger.sanctions").fetchall()[0][0])

    restore(tmp_path / "copies", tmp_path / "monday", tmp_path / "safe", at="2026-11-23")
    restore(tmp_path / "copies", conf.home, tmp_path / "safe")
    assert sanctions(conf.home) == sanctions(tmp_path / "monday") + 1
    with pytest.raises(InputError, match=r"holds no copy made by 2026-11-22; the first is of 2026-11-23T030000Z"):
        restore(tmp_path / "copies", tmp_path / "sunday", at="2026-11-22")


def test_a_changed_copy_is_refused_and_leaves_nothing(conf: Settings, tmp_path: Path) -> None:
    (made,) = back_up(conf, tmp_path / "copies")
    listing = json.loads((made / LISTING).read_text(encoding="utf-8"))
    for name in sorted(listing["files"])[:: max(1, len(listing["files"]) // 6)]:
        damaged = made / name
        before = damaged.read_bytes()
        damaged.write_bytes(before + b"x")
        with pytest.raises(InputError, match="is not as it was copied"):
            restore(made, tmp_path / "back")
        damaged.unlink()
        with pytest.raises(InputError, match="cannot be read"):
            restore(made, tmp_path / "back")
        damaged.write_bytes(before)
    whole, entry = listing["files"], [1, "0" * 64]
    for changed in (
        *(
            {"files": whole | {name: entry}}
            for name in ("../out", "/etc/out", ".", "", "pseudonym.key", "keys/nightly-1.pem")
        ),
        {"files": {"a": "b"}},
        *({"in_force": name} for name in ("..", "", "no version")),
    ):
        (made / LISTING).write_text(json.dumps(listing | changed), encoding="utf-8")
        with pytest.raises(InputError, match="is not what `backup` wrote"):
            restore(made, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_places_that_are_refused(conf: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies in the home"):
        back_up(conf, conf.home / "copies")
    with pytest.raises(UserError, match="lie in one another"):
        back_up(conf, tmp_path / "copies", tmp_path / "copies")
    with pytest.raises(UserError, match="lie in one another"):
        back_up(conf, tmp_path / "copies", tmp_path / "copies" / "keys")
    back_up(conf, tmp_path / "copies", now=MONDAY)
    with pytest.raises(UserError, match="is there already"):
        back_up(conf, tmp_path / "copies", now=MONDAY)
    with pytest.raises(UserError, match="holds something"):
        restore(tmp_path / "copies", conf.home)
    with pytest.raises(UserError, match="is not an instant"):
        restore(tmp_path / "copies", tmp_path / "back", at="Monday")


def test_a_link_is_refused_by_name(conf: Settings, tmp_path: Path) -> None:
    """What it leads to would not be in the copy."""
    aside = tmp_path / "other-disk"
    conf.database.rename(aside)
    conf.database.symlink_to(aside)
    with pytest.raises(UserError, match=r"warehouse\.duckdb is a link"):
        back_up(conf, tmp_path / "copies")
    assert not list((tmp_path / "copies").glob("*"))


def test_writers_are_kept_out_until_the_end(conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried after each file that was copied, from another process."""
    tried: list[int] = []
    transfer = backup._transfer

    def watched(source: Path, target: Path) -> tuple[int, str]:
        done = transfer(source, target)
        if len(tried) < 3 and source.parent == conf.home:
            tried.append(
                command("withdraw", "--date", "2020-01-01", "--reason", "x", "--by", "x", home=conf.home).returncode
            )
        return done

    monkeypatch.setattr(backup, "_transfer", watched)
    # The head is copied after the database.
    backup.back_up(conf, tmp_path / "copies")
    assert tried
    assert set(tried) == {WarehouseLocked.exit_code}


def test_readers_read_and_writers_are_waited_for(conf: Settings, tmp_path: Path) -> None:
    with open_warehouse(conf, read_only=True):
        assert command("backup", str(tmp_path / "copies"), home=conf.home).returncode == 0
    with open_warehouse(conf):
        refused = command("backup", str(tmp_path / "more"), home=conf.home)
    assert refused.returncode == WarehouseLocked.exit_code
    assert not (tmp_path / "more").exists()

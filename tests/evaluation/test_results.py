"""Nights of a clock that was ahead, and nights taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from credit import settings
from credit.errors import UserError
from credit.evaluation import results
from credit.home import open_warehouse
from credit.ledgers import entries, moments
from credit.nightly import NightRun, publish
from credit.settings import Settings

TODAY, AHEAD = date(2026, 11, 24), date(2026, 12, 20)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # 00:30 of the 24th in Shanghai.
    monkeypatch.setattr(moments, "now", lambda: datetime(2026, 11, 23, 16, 30, tzinfo=UTC))
    return settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)


def _evaluated(con: duckdb.DuckDBPyConnection, *nights: date) -> None:
    for night in nights:
        con.execute(
            "INSERT INTO results.runs (evaluated_on, rulebook, rulebook_version, rulebook_hash, cut_off, standing, priors, subjects) "
            "VALUES (?, 'r', '1', 'h', now(), 'in_force', '{}', 0)",
            [night],
        )


def test_a_night_that_has_not_come_is_none_until_it_comes(conf: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_warehouse(conf) as con:
        _evaluated(con, AHEAD)
        with pytest.raises(UserError, match="nothing has been evaluated yet"):
            results.latest(con, None)
        _evaluated(con, date(2026, 11, 23), TODAY)
        assert (results.latest(con, None), entries.latest_night(con), results.to_come(con)) == (TODAY, TODAY, [AHEAD])
        with pytest.raises(UserError, match="2026-12-20 has not come: today is 2026-11-24"):
            results.latest(con, AHEAD)
        monkeypatch.setattr(moments, "now", lambda: datetime(2026, 12, 20, tzinfo=UTC))
        assert (results.latest(con, None), results.to_come(con)) == (AHEAD, [])


def test_a_night_is_taken_back_with_a_reason(conf: Settings) -> None:
    with open_warehouse(conf) as con:
        _evaluated(con, TODAY, AHEAD)
        for refused, message in ((date(2026, 11, 1), "no evaluation"), (AHEAD, "--reason is empty")):
            with pytest.raises(UserError, match=message):
                results.withdraw(con, refused, " ", "Li")
        results.withdraw(con, AHEAD, "the clock was ahead", "Li")
        assert con.execute("SELECT evaluated_on FROM results.runs").fetchall() == [(TODAY,)]
        assert con.execute('SELECT evaluated_on, "by" FROM ledger.night_withdrawals').fetchall() == [(AHEAD, "Li")]


@pytest.mark.parametrize(("in_force", "kept"), [(TODAY, True), (date(2026, 11, 20), False), (AHEAD, False)])
def test_a_late_night_takes_the_place_of_none_that_is_newer(conf: Settings, in_force: date, kept: bool) -> None:
    with open_warehouse(conf) as con:
        _evaluated(con, date(2026, 11, 20))
    version = conf.published / "versions" / f"{in_force}-0123456789ab"
    version.mkdir(parents=True)
    (conf.published / "current").symlink_to(version)
    night = NightRun(conf, date(2026, 11, 20))
    if kept:
        publish(night)
        assert "nothing goes back unasked" in night.report["notices"][0]
        night.back = True
    with pytest.raises(UserError, match="rulebook r"):  # goes on to publish, of which there is nothing here
        publish(night)

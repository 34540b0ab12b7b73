"""The verbs for nights that went wrong, as an operator meets them."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest

from credit.disclosure.versions import night_in_force
from credit.home import open_warehouse
from credit.settings import Settings
from support.command import command
from support.small_market import DAY

pytestmark = pytest.mark.slow

IMPOSE = ("sanction", "impose", "good", "--kind", "restriction", "--reason", "late", "--by", "Li Wei")


def nights(conf: Settings) -> list[str]:
    with open_warehouse(conf, read_only=True) as con:
        rows = con.execute("SELECT DISTINCT evaluated_on FROM results.runs ORDER BY 1").fetchall()
    return [str(day) for (day,) in rows]


def test_a_night_is_taken_back_and_who_did_it_stays(conf: Settings) -> None:
    why = ("--reason", "evaluated on a wrong delivery", "--by", "Li Wei")
    done = command("withdraw", "--date", str(DAY), *why, "--json", home=conf.home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["grades"] >= 2
    assert nights(conf) == []
    with open_warehouse(conf, read_only=True) as con:
        kept = con.execute('SELECT evaluated_on, reason, "by" FROM ledger.night_withdrawals').fetchall()
    assert kept == [(DAY, "evaluated on a wrong delivery", "Li Wei")]
    again = command("withdraw", "--date", str(DAY), *why, home=conf.home)
    assert again.returncode == 2
    assert str(DAY) in again.stderr
    assert "Traceback" not in again.stderr


def test_missed_nights_are_caught_up_and_the_latest_is_published(conf: Settings) -> None:
    first, last = DAY - timedelta(days=2), DAY + timedelta(days=1)
    done = command("catch-up", "--from", str(first), "--to", str(last), "--json", home=conf.home)
    assert done.returncode == 0, done.stderr
    missed = [str(first), str(DAY - timedelta(days=1)), str(last)]
    assert json.loads(done.stdout)["evaluated"] == missed
    assert nights(conf) == sorted([*missed, str(DAY)])
    assert night_in_force(conf.published) == last
    backwards = command("catch-up", "--from", str(last), "--to", str(first), home=conf.home)
    assert backwards.returncode == 2
    assert f"--to {first} is before --from {last}" in backwards.stderr


def test_an_older_copy_is_refused_until_its_loss_is_accepted(conf: Settings) -> None:
    older = conf.home.parent / "older.duckdb"
    shutil.copy(conf.database, older)
    assert command(*IMPOSE, home=conf.home).returncode == 0
    shutil.copy(older, conf.database)
    refused = command(*IMPOSE, home=conf.home)
    assert refused.returncode == 9
    assert "accept-loss" in refused.stderr
    accepted = command("accept-loss", "--reason", "disk died", "--by", "Li Wei", home=conf.home)
    assert accepted.returncode == 0, accepted.stderr
    assert "请补录" in accepted.stdout
    assert command(*IMPOSE, home=conf.home).returncode == 0
    with open_warehouse(conf, read_only=True) as con:
        assert con.execute("SELECT count(*) FROM ledger.sanctions").fetchall() == [(1,)]

"""The watch: signs by hand, what is no sign, only what was known, in any order; and how early it warns on known truth."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import comb, exp, log10
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.home import open_warehouse
from credit.integrity import warning
from credit.integrity.warning import Alert
from credit.settings import Settings
from support.literal import DAY, ZONE, Fill
from support.places import ROOT

pytestmark = pytest.mark.slow

OPTIONS = Settings(zone=ZONE, threads=1)
MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day)
Rows = list[dict[str, Any]]


def at(ago: float) -> str:
    return str(MIDNIGHT - timedelta(days=ago))


def orders(shop: str, days: Sequence[int], *, late: Sequence[int] = (), sent: bool = True, amount: str = "100") -> Rows:
    """An order at noon of each day (so many before DAY), promised in two days; sent in one, or after the promise."""
    return [
        {"transaction_id": f"{shop}-{day}-{amount}-{i}", "subject_id": shop, "ordered_at": at(day - 0.5), "amount": amount,
         "dispatch_due_at": at(day - 2.5),
         "dispatched_at": (at(day - (2.75 if day in late else 1.5)) if sent else None)}
        for i, day in enumerate(days)
    ]  # fmt: skip


STEADY = range(1, 101)


def shops(*names: str) -> Rows:
    return [{"subject_id": name} for name in names]


def watched(fill: Fill, least: float = warning.LEAST, **tables: Rows) -> dict[str, Alert]:
    con = fill(**({"subjects": shops("shop", "peer")} | tables))
    return {alert.subject_id: alert for alert in warning.watch(con, OPTIONS, DAY, least=least)}


def test_late_dispatch_by_hand(fill: Fill) -> None:
    """Due in the week: the orders of days 9 to 3 before. Usual with `shop`: none of 91 late; with `peer` 18 of 91."""
    alerts = watched(
        fill, transactions=orders("shop", STEADY, late=(4, 5)) + orders("peer", STEADY, late=range(11, 29))
    )
    usual = (0 + 20 * 18 / 182) / (91 + 20)
    chance = sum(comb(7, k) * usual**k * (1 - usual) ** (7 - k) for k in range(2, 8))
    (reason,) = alerts["shop"].reasons
    assert reason.kind == "late_dispatch"
    assert reason.power == pytest.approx(-log10(chance), abs=0.001)
    assert reason.facts == {"days": 7, "due": 7, "late": 2, "usual": pytest.approx(usual, abs=1e-4), "streak": 0}
    assert reason.zh() == "近 7 天应发货的 7 单中有 2 单未按时发货（平时 2%）"
    assert "peer" not in alerts


def test_silence_by_hand(fill: Fill) -> None:
    """`shop` sold two a day until a week ago; the others sell as they did."""
    alerts = watched(fill, transactions=orders("shop", [*range(8, 101)] * 2) + orders("peer", STEADY))
    # Since the first order, at noon of day 100.
    season = (7 / 7) / (93 / (99.5 - 7))
    expected = 186 / (99.5 - 7) * 7 * season
    (reason,) = alerts["shop"].reasons
    assert reason.kind == "silence"
    assert reason.facts["expected"] == pytest.approx(expected, abs=1e-4)
    assert reason.power == pytest.approx(-log10(exp(-expected / (1 + 0.09 * expected))), abs=0.001)
    assert reason.zh() == f"近 7 天没有订单（按平时约 {expected:.1f} 单）"


def test_an_exit_scam_shows_every_sign_in_words(fill: Fill) -> None:
    cheap = [
        row | {"transaction_id": f"c{i}"}
        for i, row in enumerate(orders("shop", [*range(1, 7)] * 8, sent=False, amount="25"))
    ]
    complaints = [{"complaint_id": f"k{i}", "filed_at": at(1)} for i in range(6)]
    peers = [f"peer{i}" for i in range(9)]
    alerts = watched(
        fill, subjects=shops("shop", *peers), complaints=complaints,
        transactions=orders("shop", range(8, 101)) + cheap + [row for peer in peers for row in orders(peer, STEADY)],
    )  # fmt: skip
    assert set(alerts) == {"shop"}
    assert {reason.kind for reason in alerts["shop"].reasons} == {"late_dispatch", "complaints", "cheap_volume"}
    assert [r.power for r in alerts["shop"].reasons] == sorted((r.power for r in alerts["shop"].reasons), reverse=True)
    assert alerts["shop"].risk == pytest.approx(sum(r.power for r in alerts["shop"].reasons), abs=0.002)
    document = json.loads(json.dumps(alerts["shop"].document(), ensure_ascii=False))
    sentences = {reason["kind"]: (reason["zh"], reason["en"]) for reason in document["reasons"]}
    assert sentences["late_dispatch"][0].startswith(
        "近 7 天应发货的 34 单中有 32 单未按时发货（平时 0%），最近连续 32 单延迟"
    )
    assert sentences["complaints"][1].startswith("6 complaints in 7 days (usually about ")
    assert sentences["cheap_volume"][1].startswith("48 orders in 7 days (usually about 7.0), at 25% of the usual price")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(orders("shop", STEADY) + orders("peer", STEADY), id="steady"),
        # A festival is everybody's.
        pytest.param(
            [row | {"transaction_id": f"{row['transaction_id']}-{i}"} for shop in ("shop", "peer")
             for i in range(5) for row in orders(shop, range(1, 8) if i else STEADY)],
            id="festival",
        ),
        # More at the usual price, and a sale without more of it.
        pytest.param(orders("shop", [*STEADY, *range(1, 8), *range(1, 8)]) + orders("peer", STEADY), id="popular"),
        pytest.param(orders("shop", range(8, 101)) + orders("shop", range(1, 8), amount="40") + orders("peer", STEADY), id="sale"),
        pytest.param(orders("shop", [3]) + orders("peer", STEADY), id="newcomer"),
        pytest.param([], id="nothing"),
    ],
)  # fmt: skip
def test_what_is_no_sign(fill: Fill, rows: Rows) -> None:
    unique = [row | {"transaction_id": str(i)} for i, row in enumerate(rows)]
    assert watched(fill, transactions=unique) == {}


def troubled() -> dict[str, Rows]:
    return {
        "transactions": orders("shop", STEADY, late=range(4, 9)) + orders("peer", STEADY),
        "complaints": [{"complaint_id": f"k{i}", "filed_at": at(1 + i)} for i in range(4)],
    }


def test_it_knows_nothing_of_later_and_the_order_of_rows_is_no_matter(fill: Fill) -> None:
    first = watched(fill, **troubled())
    assert first
    later = troubled()
    later["transactions"] += [
        row | {"transaction_id": f"l{i}"} for i, row in enumerate(orders("peer", [0, -1, -2], sent=False))
    ]
    later["complaints"] += [{"complaint_id": f"l{i}", "subject_id": "peer", "filed_at": at(-1)} for i in range(9)]
    for rows in later.values():
        random.Random(7).shuffle(rows)
    assert watched(fill, **later) == first


def test_who_is_suspended_is_left_out_until_it_is_over(fill: Fill) -> None:
    suspended = {"kind": "suspension", "reason": "r", "imposed_at": at(5)}
    assert watched(fill, sanctions=[suspended], **troubled()) == {}
    assert watched(fill, sanctions=[suspended | {"until_at": at(2)}], **troubled())
    assert watched(fill, sanctions=[suspended | {"kind": "warning"}], **troubled())


def _benchmark() -> ModuleType:
    path = ROOT / "benchmarks" / "warning.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_warning", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_warns_two_weeks_before_an_exit_scam_breaks_and_seldom_else() -> None:
    """Seeds that set nothing: the story, and one a quarter as loud."""
    measured = _benchmark()
    sizes = {"merchants": 120, "transactions": 12_000, "nights": 24, "every": 2}
    loud, quiet = (measured.simulate(seed, measured.SCAMS[i], **sizes) for seed, i in ((101, 0), (102, 2)))
    assert measured.lead(loud, warning.ALARM) >= 14
    assert measured.lead(quiet, warning.ALARM) >= 7
    assert measured.false_alarms([loud, quiet], warning.ALARM, nights=24) <= 6
    assert len(loud.honest) > 100


def test_the_command(tmp_path: Path) -> None:
    with open_warehouse(Settings(home=tmp_path, zone=ZONE)):
        pass
    run = CliRunner().invoke(app, ["watch", "--home", str(tmp_path), "--date", str(DAY), "--json"])
    assert (run.exit_code, json.loads(run.output)) == (0, {"merchants": [], "reminders": []})
    run = CliRunner().invoke(app, ["watch", "--home", str(tmp_path), "--date", str(DAY)])
    assert "No merchant's risk is that high" in run.output

"""Lists of authorities that give names: who is proposed, what a person's word does, and how often proposals are right."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import settings
from credit.cli import main
from credit.errors import UserError
from credit.home import open_warehouse
from credit.intake import landing, matching, merging
from credit.ledgers import matches
from credit.synthetic.in_memory import marketplace
from credit.synthetic.register import write_list

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

Conn = duckdb.DuckDBPyConnection
SUBJECTS = """subject_id,kind,role,name,uscc,address
M1,enterprise,seller,石家庄市云帆服饰有限公司,91330106MA2CFPK21B,河北省石家庄市槐安路12号
M2,enterprise,seller,保定市云帆服饰有限公司,,河北省保定市东风路3号
M3,enterprise,seller,华联超市连锁有限公司,,
M4,individual,seller,王小云帆,,河北省石家庄市槐安路12号
M5,enterprise,seller,石家庄市云帆服饰有限公司,91330106MA2CFPK21B,河北省石家庄市槐安路12号
"""
RECORDS = "处罚决定书文号,统一社会信用代码,行政相对人名称,住所,记录类型,处罚机关,处罚决定日期,等次\n"
LISTED = {
    "1号": ",石家庄市云帆服饰有限公司,石家庄市槐安路12号",
    "2号": ",云帆服饰有限公司,",
    "3号": ",华联超市连锁（有限责任公司）,",
    "4号": "91330106MA2CFPK3XX,石家庄市云帆服饰有限公司,",
    "5号": ",王小云帆,河北省石家庄市槐安路12号",
    "6号": ",天津市安达物流有限公司,天津市和平路1号",
    "7号": "91330106MA2CFPK21B,石家庄市云帆服饰有限公司,",
}


@pytest.fixture
def conf(tmp_path: Path) -> settings.Settings:
    """Of a home with merchants and a list."""
    conf = settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)
    with open_warehouse(conf) as con:
        deliver(con, conf, tmp_path, 1, subjects=SUBJECTS, public_records=records(*LISTED))
    return conf


@pytest.fixture
def con(conf: settings.Settings) -> Iterator[Conn]:
    with open_warehouse(conf) as con:
        yield con


def records(*numbers: str) -> str:
    return RECORDS + "".join(f"{n},{LISTED[n]},行政处罚,示例局,2026-01-05,一般\n" for n in numbers)


def deliver(con: Conn, conf: settings.Settings, tmp_path: Path, day: int, **files: str) -> landing.Batch:
    folder = tmp_path / f"night-{day}"
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    batch = landing.land(con, conf, "canonical", folder, date(2026, 3, day))
    merging.accept(con, batch.batch_id)
    return batch


def counted(con: Conn) -> dict[str, str]:
    return dict(con.execute("SELECT record_id, subject_id FROM canonical.public_records ORDER BY 1").fetchall())


def test_names_and_addresses_are_proposed_and_codes_match_by_themselves(con: Conn) -> None:
    assert counted(con) == {"7号": "M1"}
    proposed = [(p.name, p.address, p.subject_id) for p in matching.proposals(con)]
    assert proposed == [
        ("石家庄市云帆服饰有限公司", "石家庄市槐安路12号", "M1"),
        ("华联超市连锁（有限责任公司）", None, "M3"),
    ]
    # Two may be it, so each is less probable than not; a natural person, or one of another code, is none.
    rest = matching.proposals(con, 0.1)[2:]
    assert [(p.name, p.subject_id) for p in rest] == [("云帆服饰有限公司", "M1"), ("云帆服饰有限公司", "M2")]
    assert rest[0].evidence == "the same name but for the region, which one lacks"
    with pytest.raises(UserError, match="--least 0"):
        matching.proposals(con, 0)


def test_what_is_accepted_goes_the_way_of_codes(con: Conn, conf: settings.Settings, tmp_path: Path) -> None:
    first, second = matches.propose(con, matching.proposals(con), by="Li Wei")
    matches.accept(con, second.number, reason="the same licence", by="Li Wei")
    assert counted(con) == {"7号": "M1"}  # from the next delivery on
    again = deliver(con, conf, tmp_path, 2, public_records=records("2号", "3号"))
    assert counted(con) == {"3号": "M3", "7号": "M1"}
    assert again.counts["public_records"] == {"read": 2, "accepted": 1, "quarantined": 1}
    waiting = con.execute("SELECT DISTINCT record_id FROM waiting.public_records ORDER BY 1").fetchall()
    assert waiting == [("1号",), ("2号",), ("4号",), ("5号",), ("6号",)]
    matches.reject(con, second.number, reason="another one", by="Li Wei")
    deliver(con, conf, tmp_path, 3, public_records=records("3号", "6号"))
    assert counted(con) == {"3号": "M3", "7号": "M1"}  # what came in stays
    assert matches.propose(con, matching.proposals(con), by="Li Wei") == []
    assert first.state == "proposed"


def test_without_splink_the_command_says_what_to_install(con: Conn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"merchant-credit\[matching\]"):
        matching.proposals(con)


def test_the_verbs(
    conf: settings.Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["merchant-credit", *arguments, "--home", str(conf.home)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        written = capsys.readouterr()
        assert ended.value.code in (0, None), written.err
        return json.loads(written.out) if "--json" in arguments else written.out

    proposed = run("matches", "propose", "--by", "Li Wei", "--json")
    assert [(p["number"], p["subject_id"], p["state"]) for p in proposed] == [
        (1, "M1", "proposed"),
        (2, "M3", "proposed"),
    ]
    assert "已认定" in run("matches", "accept", "1", "--reason", "r", "--by", "Li Wei")
    assert (
        run("matches", "reject", "2", "--reason", "r", "--by", "Li Wei", "--json")["decided"]["outcome"] == "rejected"
    )
    assert [p["number"] for p in run("matches", "list", "--state", "accepted", "--json")] == [1]
    assert "否定" in run("matches", "list", "--merchant", "M3")


@pytest.mark.parametrize("seed", [7, 8])
def test_proposals_are_mostly_right_and_find_most(seed: int) -> None:
    enterprises = "FROM canonical.subjects WHERE role = 'seller' AND kind = 'enterprise' ORDER BY subject_id LIMIT 100"
    with marketplace(merchants=500, transactions=2_000, end=date(2026, 7, 1), seed=seed + 100) as other:
        strangers = other.execute(f"SELECT name, address {enterprises}").fetchall()
    with marketplace(merchants=500, transactions=2_000, end=date(2026, 7, 1), seed=seed) as con:
        truth = write_list(con, strangers, size=100, seed=seed)
        pairs = matching.proposals(con, 0.5)
    right = [truth.get((pair.name, pair.address)) == pair.subject_id for pair in pairs]
    assert sum(right) >= 0.95 * len(right)
    assert sum(right) >= 0.8 * len(truth)
    sure = [r for pair, r in zip(pairs, right, strict=True) if pair.probability >= 0.99]
    assert sum(sure) >= 0.99 * len(sure)
    assert len(sure) >= 0.4 * len(truth)

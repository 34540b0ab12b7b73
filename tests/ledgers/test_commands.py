"""The verbs objection, repair, sanction and closing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.settings import Settings
from support.entries import BEFORE, NEXT, NOW
from support.small_market import DAY, ZONE

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def run(home: Settings, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--home", str(home.home)])


def done(home: Settings, *words: str) -> Any:
    result = run(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_from_objection_to_published_correction(home: Settings) -> None:
    filed = done(
        home, "objection", "file", "shop", "--about", "violation", "--text", "不是我们", "--by", "Wang Fang",
        "--rows", "violations:v1", "--day", str(DAY),
    )  # fmt: skip
    assert (filed["number"], filed["rows"], filed["evaluated_on"]) == (1, ["violations:v1"], str(DAY))
    assert [entry["number"] for entry in done(home, "objection", "list", "--open")] == [1]
    decided = run(
        home, "objection", "decide", "1", "--outcome", "upheld", "--reason", "属实", "--by", "Li Wei",
        "--exclude", "violations:v1", "--correct", "reviews:shop-1:rating_overall=4",
    )  # fmt: skip
    assert decided.exit_code == 0
    assert "异议成立 Upheld" in decided.stdout
    assert f"`merchant-credit evaluate --date {DAY}`" in decided.stdout
    assert done(home, "objection", "list", "--open") == []
    shown_ = done(home, "objection", "show", "1")
    assert [(entry["row"], entry["column"], entry["value"]) for entry in shown_["adjustments"]] == [
        ("violations:v1", None, None), ("reviews:shop-1", "rating_overall", "4"),
    ]  # fmt: skip
    text = run(home, "objection", "show", "1").stdout
    assert "violations:v1: left out 剔除" in text
    assert "不是我们" in text
    assert "shop" in run(home, "objection", "list", "--merchant", "shop").stdout
    explained = run(home, "explain", "shop").stdout
    assert "1 · 平台违规 Violation of platform rules · 异议成立 Upheld: 属实" in explained
    assert "violations:v1: left out 剔除" in explained
    assert "尚未重新评价" in explained


@pytest.mark.parametrize(
    ("verb", "masked"),
    [("objection decide", 1), ("objection withdraw", 0), ("repair", 0), ("sanction impose", 2), ("sanction lift", 0),
     ("closing announce", 1), ("closing withdraw", 0)],
)  # fmt: skip
def test_help_says_what_is_published_and_how(verb: str, masked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    text = CliRunner().invoke(app, [*verb.split(), "--help"]).stdout
    assert "The person responsible; not published." in text
    assert text.count("published, natural persons' names and numbers masked") == masked
    assert "as entered" not in text


def test_a_path_is_not_taken_for_markup(tmp_path: Path) -> None:
    home = tmp_path / "a[red]b[/nothing]"
    result = CliRunner().invoke(app, ["init", "--home", str(home)])
    assert result.exit_code == 0, result.output
    assert str(home) in result.stdout


def test_the_commands_of_repair_sanction_and_closing(home: Settings) -> None:
    repaired = done(home, "repair", "p1", "--on", str(BEFORE), "--reason", "decision 17", "--by", "Li Wei")
    assert (repaired["row"], repaired["value"], repaired["from_day"]) == ("public_records:p1", str(BEFORE), str(DAY))
    imposed = done(
        home, "sanction", "impose", "shop", "--kind", "suspension", "--reason", "假货", "--by", "Li Wei", "--until",
        str(NEXT), "--reference", "2026-8", "--at", str(BEFORE),
    )  # fmt: skip
    assert (imposed["number"], imposed["until"], imposed["entered"]["code"]) == (1, str(NEXT), "afterwards")
    assert done(home, "sanction", "lift", "1", "--reason", "mended", "--by", "Li Wei")["lifted"]["on"] == str(DAY)
    assert "假货" in run(home, "sanction", "list").stdout
    assert len(done(home, "sanction", "list", "--merchant", "rival")) == 0
    day = str(DAY + timedelta(days=40))
    assert done(home, "closing", "announce", "shop", "--on", day, "--by", "Li Wei", "--text", "t")["closes_on"] == day
    assert day in run(home, "closing", "list").stdout
    assert done(home, "closing", "withdraw", "1", "--by", "Li Wei")["withdrawn"]["on"] == str(DAY)
    assert len(done(home, "closing", "list")) == 1
    assert done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")["number"] == 1
    assert done(home, "objection", "withdraw", "1", "--by", "W")["state"]["code"] == "withdrawn"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("repair", "p1", "--on", "soon", "--reason", "r", "--by", "L"), "--on 'soon' is not a day"),
        (("objection", "show", "3"), "no objection 3"),
        (("sanction", "lift", "3", "--reason", "r", "--by", "L", "--at", "x"), "--at 'x' is not an instant"),
        (("objection", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("sanction", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("closing", "list", "--merchant", "nope"), "no merchant 'nope' in the register"),
        (("repair", "p9", "--on", "2026-01-01", "--reason", "r", "--by", "L"), "explain MERCHANT --rows"),
        (
            ("objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W", "--rows", "complaints:c9"),
            "explain shop --rows",
        ),
    ],
)
def test_the_command_says_what_it_expects(home: Settings, words: tuple[str, ...], message: str) -> None:
    result = run(home, *words)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_a_decision_that_changes_nothing_says_so(home: Settings) -> None:
    for number, outcome, noted in (1, "upheld", True), (2, "partly_upheld", True), (3, "rejected", False):
        done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")
        words = ("objection", "decide", str(number), "--outcome", outcome, "--reason", "r", "--by", "L")
        assert ("--exclude and --correct" in run(home, *words).stdout) is noted


def test_instants_are_shown_to_the_second(home: Settings, clock: Callable[[datetime], None]) -> None:
    clock(NOW.replace(microsecond=123456))
    done(home, "objection", "file", "shop", "--about", "other", "--text", "t", "--by", "W")
    shown_ = run(home, "objection", "show", "1").stdout
    assert f"{NOW.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}+" in shown_
    assert "123456" not in shown_

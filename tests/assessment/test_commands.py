"""The verbs, end to end: evidence in, an assessment, what changed, actions, the decision to publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.settings import Settings

pytestmark = pytest.mark.slow

HEBEI = "hebei-ecommerce-enterprise"
BY = ["--by", "Li Wei"]
Assess = Callable[..., Any]


@pytest.fixture
def assess(home: Settings) -> Assess:
    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["assess", *arguments, "--home", str(home.home), "--json"])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


def test_an_assessment_from_evidence_to_publication(assess: Assess, tmp_path: Path, home: Settings) -> None:
    first = assess("run", HEBEI, "--date", "2026-11-25", *BY)
    paper = tmp_path / "licence.pdf"
    paper.write_bytes(b"licence")
    added = assess(
        "evidence", "add", "--for", f"{HEBEI}:4.1.1", "--file", str(paper), "--title", "营业执照", "--dated", "2026-11-01", *BY
    )  # fmt: skip
    assert (added["kind"], added["file"]) == ("document", "licence.pdf")
    kept = home.home / "evidence" / added["sha256"]
    assert (kept.read_bytes(), kept.stat().st_mode & 0o077) == (b"licence", 0)
    stated = assess(
        "evidence", "add", "--for", f"{HEBEI}:4.1.8", "--kind", "not_applicable", "--title", "无", "--dated", "2026-11-01", *BY
    )  # fmt: skip
    second = assess("run", HEBEI, "--date", "2026-11-25", *BY, "--out", str(tmp_path / "out"))
    assert [Path(path).suffix for path in second["files"]] == [".html", ".xlsx", ".json", ".json"]
    changes = assess("diff", "1", "2")
    assert [(change["id"], change["after"]) for change in changes["changed"]] == [
        ("4.1.1", "met"), ("4.1.8", "not_applicable"),
    ]  # fmt: skip
    assert first["counts"]["not_shown"] - second["counts"]["not_shown"] == 2
    assert assess("show", "2")["counts"] == second["counts"]

    opened = assess(
        "action", "open", "--for", f"{HEBEI}:4.1.1", "--nonconformity", "n", "--cause", "c", "--action", "a", "--person", "p",
        "--due", "2027-01-31", *BY,
    )  # fmt: skip
    assert [action["closed"] for action in assess("action", "list")] == [None]
    assert assess("action", "close", str(opened["number"]), "--effect", "e", *BY)["closed"]["effect"] == "e"
    assert assess("action", "list", "--open") == []

    assess("evidence", "expire", str(stated["number"]), "--reason", "r", *BY)
    listed = assess("evidence", "list", "--date", "2026-11-27")
    assert [(piece["holds"], piece["file_whole"]) for piece in listed] == [(True, True), (False, None)]
    kept.write_bytes(b"another")
    assert assess("evidence", "list")[0]["file_whole"] is False

    assert [run["published"] for run in assess("list")["assessments"]] == [False, False]
    assert assess("publish", "2", "--reason", "r", *BY) == {"catalogue": HEBEI, "published": 2}
    assert [run["published"] for run in assess("list")["assessments"]] == [False, True]
    assess("publish", "--withdraw", HEBEI, "--reason", "r", *BY)
    assert [run["published"] for run in assess("list", "--catalogue", HEBEI)["assessments"]] == [False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "x", *BY], "no catalogue 'x'; there are"),
        (["show", "7"], "no assessment 7: there are none"),
        (["evidence", "add", "--for", f"{HEBEI}:9.9", "--title", "t", *BY], "has no criterion '9.9'"),
        (["evidence", "add", "--for", "9.9", "--title", "t", *BY], "expected CATALOGUE:LINE"),
        (["evidence", "add", "--for", f"{HEBEI}:4.1.1", "--file", "gone.pdf", "--title", "t", *BY], "gone.pdf cannot be read"),
        (["publish", "--reason", "r", *BY], "expected the number of an assessment, or --withdraw"),
        (["evidence", "add", "--for", f"{HEBEI}:4.1.1", "--dated", "soon", "--title", "t", *BY], "--dated 'soon' is not a day"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_to_do(assess: Assess, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        assess(*arguments)


def test_tables_for_people(assess: Assess, home: Settings) -> None:
    assess("run", HEBEI, "--date", "2026-11-25", *BY)
    for words in (["list"], ["show", "1"], ["evidence", "list"], ["action", "list"]):
        done = CliRunner().invoke(app, ["assess", *words, "--home", str(home.home)], env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["assess", "show", "1", "--home", str(home.home)], env={"COLUMNS": "200"})
    assert "未证明 not shown" in done.output


def test_watch_tells_of_what_ends_and_is_overdue(assess: Assess, home: Settings) -> None:
    line = f"{HEBEI}:5.2.3"
    until = ["--dated", "2026-11-01", "--until", "2026-12-10"]
    assess("evidence", "add", "--for", line, "--title", "已评估", *until, *BY)
    assess(
        "action", "open", "--for", line, "--nonconformity", "n", "--cause", "c", "--action", "改正", "--person", "王芳",
        "--due", "2026-11-30", *BY,
    )  # fmt: skip

    def watched(*options: str) -> str:
        words = ["watch", "--home", str(home.home), "--date", "2026-12-01", *options]
        return str(CliRunner().invoke(app, words, env={"COLUMNS": "200"}).stdout)

    reminders = json.loads(watched("--json"))["reminders"]
    assert [(r["about"], r["person"], r["days"]) for r in reminders] == [
        ("action", "王芳", -1),
        ("evidence", "Li Wei", 9),
    ]
    assert "-1 overdue 逾期" in watched()

"""The command: every verb is listed, found and read when it is called, and no other is."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from credit.cli.main import PANELS, VERBS, app, command

HEAVY = ("duckdb", "pandas", "numpy", "pyarrow", "polars", "narwhals", "pydantic_settings")


@pytest.mark.parametrize("verb", PANELS)
def test_a_listed_verb_can_be_called(verb: str) -> None:
    assert command(verb).help
    entry = VERBS[PANELS[verb]][verb]
    assert entry.help.endswith(".")
    assert any("\u4e00" <= character <= "\u9fff" for character in entry.zh)
    shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert f"merchant-credit {verb}" in shown.output or f" {verb} " in shown.output


def test_help_lists_every_verb_and_reads_none() -> None:
    script = f"""import sys
from credit.cli.main import main
try:
    main()
except SystemExit as stop:
    sys.stderr.write(repr((stop.code, [name for name in {HEAVY!r} if name in sys.modules])))
"""
    run = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True)
    assert run.stderr == "(0, [])"
    for verb in PANELS:
        assert f" {verb} " in run.stdout


def test_a_verb_that_is_none_is_told_with_those_like_it() -> None:
    refused = CliRunner().invoke(app, ["grade"])
    assert refused.exit_code == 2
    assert "grades" in refused.output

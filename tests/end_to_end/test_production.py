"""docs/how-to/production.md: every command of it, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.ledgers import moments
from credit.synthetic import delivery
from support.places import ROOT

PAGE = ROOT / "docs" / "how-to" / "production.md"
LATER = {"2026-12-10": 15, "2026-12-11": 16, "2026-12-19": 24}
"""The days of the page, as days from today."""
STEPS = {"propose": 0, "comment": 1, "answer": 16, "announce": 16, "enact": 24}


def _edit(path: Path, today: date) -> None:
    """What the page asks to be edited by hand in a copy of the shipped rulebook."""
    text = path.read_text(encoding="utf-8")
    for name, value in (
        ("version", "1.1.0"),
        ("announced_on", today + timedelta(days=16)),
        ("effective_from", today + timedelta(days=24)),
    ):
        text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_the_way_to_production_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    [config] = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    commands = re.sub("|".join(LATER), lambda day: str(today + timedelta(days=LATER[day[0]])), commands)
    delivery.write(tmp_path / "srv" / "delivery", merchants=40, transactions=2500, end=today)
    for name in ("usb1", "usb2", "usb3"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    output = ""
    for line in commands.replace("/media/usb", f"{tmp_path}/usb").replace("/srv", f"{tmp_path}/srv").splitlines():
        if line.startswith("export "):
            monkeypatch.setenv(*shlex.split(line)[1].split("=", 1))
        elif line.startswith("merchant-credit "):
            command, _, to = os.path.expandvars(line).partition(" > ")
            _, *arguments = shlex.split(command)
            if arguments[0] == "rulebook" and (after := STEPS.get(arguments[1])) is not None:
                at = datetime.now(UTC) + timedelta(days=after)
                monkeypatch.setattr(moments, "now", lambda at=at: at)
            result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
            assert result.exit_code == 0, (line, result.output, result.exception)
            output += result.stdout
            if to:
                (tmp_path / to).write_text(result.stdout, encoding="utf-8")
                _edit(tmp_path / to, today)
            if arguments == ["init"]:
                (tmp_path / "srv" / "merchant-credit" / "config.toml").write_text(config, encoding="utf-8")
        else:
            subprocess.run(["sh", "-c", os.path.expandvars(line)], check=True)
    assert "1.1.0" in output
    site = tmp_path / "srv" / "www" / "credit" / "current" / "index.html"
    assert "某某商城" in site.read_text(encoding="utf-8")
    assert "示例平台" not in site.read_text(encoding="utf-8")
    assert (tmp_path / "srv" / "merchant-credit").stat().st_mode & 0o077 == 0

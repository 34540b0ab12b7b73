"""A home to export from, and the command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from credit import settings
from credit.cli import main
from credit.settings import Settings
from support.command import Run


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("export", …, NAME="value")`: the command in this environment; (exit code, output, errors)."""

    def ran(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patched:
            for name in ("MERCHANT_CREDIT_POSTGRES_URL", "MERCHANT_CREDIT_MYSQL_URL"):
                patched.delenv(name, raising=False)
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["merchant-credit", *arguments])
            with pytest.raises(SystemExit) as ended:
                main.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return ran

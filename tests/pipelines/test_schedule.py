"""The documented schedule: a real Prefect server, the flow served beside it, and a night that nobody starts."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from credit.synthetic import delivery

DAY = date(2026, 3, 1)
EVERY_TEN_SECONDS = "* * * * * */10"
T = TypeVar("T")


@pytest.mark.slow
@pytest.mark.thorough
def test_a_scheduled_night_runs_and_is_published(tmp_path: Path) -> None:
    delivery.write(tmp_path / "in", merchants=20, transactions=2000, end=DAY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
    }  # fmt: skip
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    served = [sys.executable, "-m", "pipelines.nightly", "--path", str(tmp_path / "in"), "--date", str(DAY),
              "--home", str(tmp_path / "home"), "--serve", "--cron", EVERY_TEN_SECONDS]  # fmt: skip
    with _running(server, env, tmp_path / "server.log") as first:
        _wait(lambda: httpx.get(f"{api}/health").is_success, first)
        with _running(served, env | {"PREFECT_API_URL": api}, tmp_path / "serve.log") as second:

            def over() -> list[dict[str, Any]]:
                wanted = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
                return list(httpx.post(f"{api}/flow_runs/filter", json=wanted).raise_for_status().json())

            runs = _wait(over, first, second)
    assert [(run["state_type"], run["auto_scheduled"]) for run in runs] == [("COMPLETED", True)], runs
    assert (tmp_path / "home" / "published" / "current" / "index.html").exists()


@contextmanager
def _running(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command with all that it starts, ended on leaving; what it prints stands in `log`."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
        try:
            yield process
        finally:
            print(log.read_text(encoding="utf-8", errors="replace")[-5000:])  # pytest shows it of a failed test
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(answer: Callable[[], T], *needed: subprocess.Popen[bytes]) -> T:
    """The first answer that says anything, while the processes `needed` for it live."""
    for _ in range(600):
        for process in needed:
            assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        with contextlib.suppress(httpx.TransportError):
            if answered := answer():
                return answered
        time.sleep(1)
    pytest.fail("no answer in 10 minutes")

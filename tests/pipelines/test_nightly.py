"""The Prefect flow: the same steps as the command, with artifacts; retries only where they can help."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from credit import settings
from credit.errors import CheckFailed, InputError, WarehouseLocked
from credit.nightly import STEPS, NightRun, run
from credit.synthetic import delivery

DAY = date(2026, 3, 1)

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.mark.slow
@pytest.mark.thorough
def test_flow_and_command_publish_the_same_files(prefect_server: None, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    from pipelines.nightly import nightly

    delivery.write(tmp_path / "in", merchants=30, transactions=2500, end=DAY)
    report = nightly(path=str(tmp_path / "in"), evaluation_date=str(DAY), home=str(tmp_path / "a"))
    plain = run(NightRun(settings.load(home=tmp_path / "b"), DAY, path=tmp_path / "in"))
    assert report["version"] == plain["version"]
    assert report["grades"] == plain["grades"]
    assert list(report["stages"]) == [name for name, _ in STEPS]

    async def artifacts() -> dict[str | None, object]:
        async with get_client() as client:
            return {a.key: a.data for a in await client.read_artifacts()}

    data = asyncio.run(artifacts())
    grades = json.loads(str(data["grade-distribution"]))
    assert {(row["rulebook"], row["grade"]): row["merchants"] for row in grades} == {
        (book, grade): n for book, counts in report["grades_by_rulebook"].items() for grade, n in counts.items()
    }
    assert len(json.loads(str(data["quarantine"]))) == len(report["quarantine"])
    assert str(report["version"]) in str(data["night"])


@pytest.mark.slow
def test_bad_input_fails_the_flow_without_retrying(prefect_server: None, tmp_path: Path) -> None:
    from pipelines.nightly import nightly

    with pytest.raises(InputError, match="does not exist"):
        nightly(path=str(tmp_path / "nowhere"), evaluation_date=str(DAY), home=str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (WarehouseLocked("in use"), True),
        (OSError("share does not answer"), True),
        (InputError("column missing"), False),
        (CheckFailed("ratings collapsed"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_retrying_is_for_what_may_pass(failure: Exception, again: bool) -> None:
    from prefect.states import Failed

    from pipelines.serving import retrying_can_help

    state: object = Failed(data=failure)
    assert retrying_can_help(None, None, state) is again  # type: ignore[arg-type]


def test_the_deployment_runs_nightly_in_the_platforms_zone() -> None:
    from pipelines.nightly import CRON, nightly
    from pipelines.serving import schedule

    deployment = nightly.to_deployment(name="nightly", schedule=schedule({"source": "olist"}, CRON))
    assert not asyncio.iscoroutine(deployment)
    [entry] = deployment.schedules
    assert entry.schedule.cron == "30 2 * * *"
    assert entry.schedule.timezone == "America/Sao_Paulo"


@pytest.mark.slow
def test_serving_without_a_server_is_refused(tmp_path: Path) -> None:
    """Prefect itself would only warn, and then say that the flow is served."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    process = subprocess.run(
        [sys.executable, "-m", "pipelines.nightly", "--serve", "--home", str(tmp_path / "home")],
        capture_output=True, text=True, check=False, timeout=120, env=env | {"PREFECT_HOME": str(tmp_path)},
    )  # fmt: skip
    assert process.returncode == 2, process.stderr
    for remedy in ("prefect server start", "PREFECT_API_URL", "merchant-credit nightly"):
        assert remedy in process.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_a_night_ends_without_complaints_of_leaks(tmp_path: Path) -> None:
    delivery.write(tmp_path / "in", merchants=20, transactions=2000, end=DAY)
    process = subprocess.run(
        [sys.executable, "-m", "pipelines.nightly", "--path", str(tmp_path / "in"), "--date", str(DAY),
         "--home", str(tmp_path / "home")],
        capture_output=True, text=True, check=False, timeout=300, env=os.environ | {"PREFECT_HOME": str(tmp_path / "p")},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "nanobind" not in process.stderr

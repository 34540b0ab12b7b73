"""The quarterly flow: every catalogue assessed and kept, with an artifact."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest

from credit.assessment.catalogue import shipped
from credit.errors import UserError
from credit.home import open_warehouse
from credit.ledgers import assessments
from credit.settings import Settings

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.mark.slow
@pytest.mark.thorough
def test_the_flow_assesses_by_every_catalogue(prefect_server: None, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    from pipelines.assessment import assessment

    conf = Settings(home=tmp_path / "home", threads=1)
    with open_warehouse(conf):
        pass
    rows = assessment("Li Wei", "2026-11-24", str(conf.home))
    assert [row["catalogue"] for row in rows][-1] == "hebei-ecommerce-enterprise"
    assert {row["catalogue"] for row in rows} == set(shipped())
    with open_warehouse(conf, read_only=True) as con:
        kept = assessments.runs(con)
    assert [(run.number, run.catalogue) for run in kept] == [(row["number"], row["catalogue"]) for row in rows]
    assert {run.assessed_on for run in kept} == {date(2026, 11, 24)}

    async def artifact() -> str:
        async with get_client() as client:
            return next(str(a.data) for a in await client.read_artifacts() if a.key == "assessment")

    assert [row["number"] for row in json.loads(asyncio.run(artifact()))] == [run.number for run in kept]


def test_serving_without_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from pipelines.serving import server_is_named

    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(UserError, match="PREFECT_API_URL"):
        server_is_named()

"""Prefect in a folder of its own, and its server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Prefect in a folder of its own."""
    import pipelines  # noqa: F401  (sets the environment before Prefect is imported)

    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="module")
def prefect_server(prefect_home: None) -> Iterator[None]:
    """Prefect's own server, started for the test."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=600):
        yield

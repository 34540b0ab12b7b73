"""Literal rows are counted where large nights are, on the warehouse; whole nights of other tests in memory."""

from __future__ import annotations

import pytest

from credit.evaluation import engine


@pytest.fixture(autouse=True)
def _on_the_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "IN_MEMORY", -1)

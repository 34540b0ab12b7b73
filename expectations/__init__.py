"""What an arriving batch must look like: one Great Expectations suite a canonical table, and the facts they judge."""

from __future__ import annotations

from pathlib import Path

SUITES = Path(__file__).parent / "suites"

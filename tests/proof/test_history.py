"""A reader is shown a history without what it has seen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from credit.proof import history
from support.signed_platform import DAY, LATER, Platform, judge


def _feed(*manifests: str | None, first: int = 1) -> dict[str, Any]:
    changes = [{"sequence": n, "to": {"manifest": m}} for n, m in enumerate(manifests, first) if m is not None]
    return {"sequence": first + len(manifests) - 1, "changes": changes}


@pytest.mark.parametrize(
    ("then", "now", "message"),
    [
        (_feed("a", "b"), _feed("a", "b"), None),
        (_feed("a", "b"), _feed("a", "b", "a"), None),
        (_feed("a", "b"), _feed("x", "y", first=30), None),
        (_feed("a", "b"), _feed("a", "x"), "led to version b"),
        (_feed("a", "b"), _feed("a", "x", "b"), "tells of it by x"),
        (_feed("a", "b"), _feed("a", None, "c"), "tells of it nowhere"),
        (_feed("a", "b"), _feed("a"), "ends with change 1"),
        (_feed("a", "b"), {"changes": "none"}, None),
    ],
)
def test_what_was_seen_must_be_in_the_history(
    then: dict[str, Any], now: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    assert history.compare(tmp_path, then) is None
    problem = history.compare(tmp_path, now)
    assert (problem is None) if message is None else (message in str(problem))
    if message is not None:
        assert history.compare(tmp_path, now) == problem  # what was seen is not forgotten for it
        assert history.compare(tmp_path, then) is None


def test_a_forked_platform_is_told(platform: Platform, night: Path, content: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert judge(platform, night, state=state).verdict == "valid"
    newer = platform.publish(content, DAY - timedelta(days=1), LATER)
    verdict = judge(platform, newer, LATER, state=state)
    assert (verdict.verdict, verdict.exit_code) == ("other_history", 11)
    assert judge(platform, newer, LATER).verdict == "valid"

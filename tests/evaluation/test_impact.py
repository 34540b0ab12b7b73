"""The impact of a change of rules, on merchants whose scores can be had in the head."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.evaluation.impact import impact
from credit.rulebooks.book import Rulebook
from support.literal import DAY, ZONE

pytestmark = pytest.mark.slow

MET = {"dispatch_due_at": "2025-06-03", "dispatched_at": "2025-06-02", "completed_at": "2025-06-09"}
LATE = MET | {"dispatched_at": "2025-06-05"}
BROKEN = {"cancelled_at": "2025-06-02", "cancelled_by": "seller"}


def orders(subject: str, *kinds: dict[str, str]) -> list[dict[str, str]]:
    return [{"transaction_id": f"{subject}{i}", "subject_id": subject} | kind for i, kind in enumerate(kinds)]


@pytest.fixture
def market(fill: Callable[..., duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    """a: 4 of 4 completed, half of them late; b: 2 of 4 completed, none late; c: nothing."""
    con = fill(
        subjects=[{"subject_id": name} for name in "abc"],
        transactions=orders("a", MET, MET, LATE, LATE) + orders("b", MET, MET, BROKEN, BROKEN),
    )
    con.execute("DELETE FROM meta.supplied; DELETE FROM meta.batches; DELETE FROM results.runs")
    con.execute(
        "INSERT INTO meta.batches VALUES (1, 'canonical', 'x', [], 'accepted', '1970-01-01', '1970-01-01', '{}')"
    )
    con.execute(
        """INSERT INTO meta.supplied VALUES (1, 'subjects', [], '1970-01-01'), (1, 'transactions',
           ['completed_at', 'dispatched_at', 'dispatch_due_at', 'cancelled_at', 'cancelled_by'], '1970-01-01')"""
    )
    return con


@pytest.fixture
def books(book: Callable[..., Rulebook]) -> tuple[Rulebook, Rulebook]:
    """By completion alone, and by completion and dispatch in equal parts. A from 80, B from 60."""
    first = book({"fulfilment": (100, [{"id": "completion_rate"}])}, orders=1)
    second = book(
        {"fulfilment": (100, [{"id": "completion_rate", "weight": 50}, {"id": "on_time_dispatch_rate", "weight": 50}])},
        orders=1,
    )
    return first.model_copy(update={"hash": "first"}), second.model_copy(update={"hash": "second", "version": "2.0.0"})


def test_who_moves_from_where_to_where(market: duckdb.DuckDBPyConnection, books: tuple[Rulebook, Rulebook]) -> None:
    effect = impact(market, DAY, ZONE, *books)
    # a: 100 -> (100 + 50) / 2; b: 50 by both, for what failed was not dispatched in time; c is rated by neither.
    assert [(m["subject_id"], m["grade_before"], m["grade_after"], m["score_before"], m["score_after"]) for m in effect["movers"]] == [
        ("a", "A", "B", 100, 75),
    ]  # fmt: skip
    assert [m["elements"] for m in effect["movers"]] == [{"fulfilment": -25}]
    (back,) = impact(market, DAY, ZONE, *reversed(books))["movers"]
    assert (back["subject_id"], back["grade_before"], back["grade_after"], back["elements"]) == (
        "a",
        "B",
        "A",
        {"fulfilment": 25},
    )
    assert effect["transitions"] == [
        {"before": "A", "after": "B", "merchants": 1},
        {"before": "C", "after": "C", "merchants": 1},
        {"before": "NR", "after": "NR", "merchants": 1},
    ]
    assert {name: effect[name] for name in ("merchants", "moved", "up", "down", "newly_rated", "no_longer_rated")} == {
        "merchants": 3, "moved": 1, "up": 0, "down": 1, "newly_rated": 0, "no_longer_rated": 0,
    }  # fmt: skip
    assert effect["mean_change"] == -12.5
    assert effect["standing"] == "trial"
    assert market.execute("SELECT count(*) FROM results.runs").fetchall() == [(0,)]


def test_losing_a_rating(
    market: duckdb.DuckDBPyConnection, books: tuple[Rulebook, Rulebook], book: Callable[..., Rulebook]
) -> None:
    asking = book({"fulfilment": (100, [{"id": "completion_rate"}])}, orders=5).model_copy(update={"hash": "asking"})
    effect = impact(market, DAY, ZONE, books[0], asking)
    assert (effect["moved"], effect["no_longer_rated"], effect["up"], effect["down"]) == (2, 2, 0, 0)
    assert [m["change"] for m in effect["movers"]] == [None, None]
    back = impact(market, DAY, ZONE, asking, books[0])
    assert (back["newly_rated"], back["no_longer_rated"]) == (2, 0)


def test_rulebooks_that_cannot_be_compared(market: duckdb.DuckDBPyConnection, books: tuple[Rulebook, Rulebook]) -> None:
    with pytest.raises(UserError, match="same text"):
        impact(market, DAY, ZONE, books[0], books[0])
    other = books[1].model_copy(update={"subject": books[1].subject.model_copy(update={"kind": "individual"})})
    with pytest.raises(UserError, match="compare rulebooks about the same subjects"):
        impact(market, DAY, ZONE, books[0], other)


@pytest.mark.thorough
def test_the_command(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path / "home")], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    CliRunner().invoke(app, ["sample", str(tmp_path / "s"), "--merchants", "20", "--transactions", "2000"])
    run("ingest", "--path", str(tmp_path / "s"), "--date", "2026-11-24")
    run("check")
    run("evaluate", "--date", "2026-11-24")
    before = run("grades", "--json")
    report = tmp_path / "impact.json"
    output = run("rulebook", "impact", "gbt-26842-enterprise@0.1.0", "gbt-26842-enterprise@0.2.0", "--out", str(report))
    assert "trial" in output
    effect: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert (
        effect["moved"]
        == len(effect["movers"])
        == effect["up"] + effect["down"] + effect["newly_rated"] + effect["no_longer_rated"]
    )
    assert sum(transition["merchants"] for transition in effect["transitions"]) == effect["merchants"]
    # What it says of 0.2.0 is what the night itself gave.
    given = {row["subject_id"]: row["grade"] for row in json.loads(before)}
    assert all(given[mover["subject_id"]] == mover["grade_after"] for mover in effect["movers"])
    assert run("grades", "--json") == before

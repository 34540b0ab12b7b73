"""Sanctions imposed by command: published at once, counted from the next night."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.evaluation import engine
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.ledgers import sanctions
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from support.entries import BEFORE, LI, NEXT, NOW, graded, published, rows, upheld
from support.small_market import DAY, ZONE, at, deliver

pytestmark = pytest.mark.slow


def in_force(con: duckdb.DuckDBPyConnection, day: date) -> list[str]:
    return [sanction["kind"] for sanction in published(con, day).sanctions.get("shop", [])]


@pytest.mark.thorough
def test_a_sanction_is_shown_at_once_and_counts_from_the_next_night(
    home: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    until = DAY + timedelta(days=3)
    sanctions.impose(con, "shop", kind="suspension", reason="假货", until=until, reference="2026-8", **LI)
    assert published(con).sanctions == {
        "shop": [{"kind": "suspension", "reason": "假货", "imposed_on": DAY, "until": until, "reference": "2026-8"}]
    }
    for days, counts in ((0, 0), (1, 8), (3, 8), (4, 0)):
        day = DAY + timedelta(days=days)
        evaluation.evaluate(con, home, day)
        assert graded(con, day)["sanctions_in_force"][1] == counts
        # The last day is part of it.
        assert in_force(con, day) == ["suspension"] * (day <= until)


def test_a_lifted_sanction_is_over(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    number = sanctions.impose(con, "shop", kind="warning", reason="r", **LI).number
    clock(NOW + timedelta(days=1))
    assert in_force(con, DAY) == ["warning"]
    lifted = sanctions.lift(con, number, reason="mended", **LI)
    assert lifted.lifted is not None
    assert in_force(con, DAY) == []
    for days, counts in ((1, 1), (2, 0)):
        evaluation.evaluate(con, home, DAY + timedelta(days=days))
        assert graded(con, DAY + timedelta(days=days))["sanctions_in_force"][1] == counts
    with pytest.raises(UserError, match=f"sanction {number} was lifted on {NEXT}"):
        sanctions.lift(con, number, reason="again", **LI)


def test_a_sanction_survives_a_delivery_of_sanctions(
    home: Settings, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    sanctions.impose(con, "rival", kind="restriction", reason="r", **LI)
    delivered = {"sanction_id": "s9", "subject_id": "shop", "kind": "restriction", "reason": "r", "imposed_at": at(0.5),
                 "known_at": at(0.5)}  # fmt: skip
    deliver(con, home, tmp_path / "again", {"sanctions": [*rows()["sanctions"], delivered]}, NEXT)
    evaluation.evaluate(con, home, NEXT)
    assert graded(con, NEXT)["sanctions_in_force"][1] == 1 + 3
    assert graded(con, NEXT, "rival")["sanctions_in_force"][1] == 3
    # What the platform delivers is shown by the disclosure itself.
    assert in_force(con, NEXT) == ["warning"]
    only = engine.relation(con, TABLES["sanctions"], cut_off(NEXT, ZONE), delivered=True)
    assert [row[0] for row in only.order("sanction_id").project("sanction_id").fetchall()] == ["s0", "s9"]


def test_an_objection_takes_a_sanction_out(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    sanctions.impose(con, "shop", kind="restriction", reason="r", **LI)
    upheld(con, about="sanction", exclude=["sanctions:ledger:1"], correct=["sanctions:ledger:2:kind=warning"])
    assert in_force(con, DAY) == ["warning"]
    evaluation.evaluate(con, home, NEXT)
    assert graded(con, NEXT)["sanctions_in_force"][1] == 1


@pytest.mark.thorough
def test_a_platform_may_keep_its_sanctions_here_alone(tmp_path: Path, clock: Any) -> None:
    options = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, tmp_path / "first", rows() | {"sanctions": []})
        evaluation.evaluate(con, options, DAY)
        assert graded(con, DAY)["sanctions_in_force"][0] == "missing"
        sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
        evaluation.evaluate(con, options, DAY)
        assert graded(con, DAY)["sanctions_in_force"][0] == "missing"
        evaluation.evaluate(con, options, NEXT)
        assert graded(con, NEXT)["sanctions_in_force"] == ("measured", 1, None)
        assert graded(con, NEXT, "rival")["sanctions_in_force"] == ("measured", 0, None)


def test_a_sanction_entered_afterwards_counts_from_when_it_was_imposed(
    home: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", at=NOW - timedelta(days=2), **LI)
    evaluation.evaluate(con, home, DAY)
    assert graded(con, DAY)["sanctions_in_force"][1] == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"subject_id": "nobody"}, "no merchant 'nobody'"),
        ({"kind": "fine"}, "--kind 'fine': expected one of warning, restriction, suspension, termination"),
        ({"reason": ""}, "--reason is empty"),
        ({"by": ""}, "--by is empty"),
        ({"reference": "x" * 101}, "--reference has 101 characters; expected at most 100"),
        ({"until": BEFORE}, f"--until {BEFORE} is before {DAY}, the day it is imposed"),
    ],
)
def test_what_is_no_sanction(con: duckdb.DuckDBPyConnection, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        sanctions.impose(con, **{"subject_id": "shop", "kind": "warning", "reason": "r"} | LI | values)
    assert sanctions.sanctions(con) == []
    with pytest.raises(UserError, match="no sanction 1: there are none"):
        sanctions.lift(con, 1, reason="r", **LI)


def test_a_sanction_that_ended_is_not_lifted(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    sanctions.impose(con, "shop", kind="warning", reason="r", until=DAY, **LI)
    clock(NOW + timedelta(days=1))
    with pytest.raises(UserError, match=f"sanction 1 ended on {DAY}; there is nothing to lift"):
        sanctions.lift(con, 1, reason="r", **LI)

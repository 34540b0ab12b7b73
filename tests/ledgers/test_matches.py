"""Proposals that a subject of a list is a merchant: kept once, decided by a person, the last word holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from credit.errors import UserError
from credit.ledgers import matches
from support.entries import LI

pytestmark = pytest.mark.slow

PAIR = matches.Pair("示例店有限公司", "示例店有限公司", None, "shop", 0.9, "the same name", "m")


def accepted(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return con.execute(f"SELECT name, subject_id FROM ({matches.ACCEPTED})").fetchall()


def test_a_proposal_is_kept_once_and_its_last_decision_holds(con: duckdb.DuckDBPyConnection) -> None:
    elsewhere = replace(PAIR, address="示例路1号")
    assert [m.number for m in matches.propose(con, [PAIR, PAIR, elsewhere], **LI)] == [1, 2]
    assert matches.propose(con, [replace(PAIR, probability=0.5)], **LI) == []
    assert [m.state for m in matches.matches(con)] == ["proposed", "proposed"]
    assert accepted(con) == []
    assert matches.accept(con, 1, reason="same licence", **LI).state == "accepted"
    assert accepted(con) == [("示例店有限公司", "shop")]
    assert matches.reject(con, 1, reason="on review", **LI).state == "rejected"
    assert accepted(con) == []
    assert [m.number for m in matches.matches(con, "shop")] == [1, 2]
    assert matches.matches(con, "nobody") == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (lambda con: matches.accept(con, 1, reason="r", **LI), "proposal 1 is accepted since"),
        (
            lambda con: matches.accept(con, 2, reason="r", **LI),
            "reject it first with `merchant-credit matches reject 1`",
        ),
        (lambda con: matches.accept(con, 3, reason="r", **LI), "no merchant 'nobody'"),
        (lambda con: matches.accept(con, 9, reason="r", **LI), "no proposal 9; there are 1 to 3"),
        (lambda con: matches.reject(con, 2, reason=" ", **LI), "--reason is empty"),
        (
            lambda con: matches.reject(con, 1, reason="r", at=datetime.fromisoformat("2026-01-01T10:00"), **LI),
            "is before proposal 1 was accepted",
        ),
    ],
)
def test_what_cannot_be_entered(
    con: duckdb.DuckDBPyConnection, entry: Callable[[duckdb.DuckDBPyConnection], object], message: str
) -> None:
    matches.propose(con, [PAIR, replace(PAIR, subject_id="other"), replace(PAIR, subject_id="nobody")], **LI)
    matches.accept(con, 1, reason="r", **LI)
    with pytest.raises(UserError, match=message):
        entry(con)

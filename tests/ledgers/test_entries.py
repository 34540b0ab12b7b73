"""Entries of every ledger: only added to, with both instants, never from the future."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.evaluation import night as evaluation
from credit.evaluation import results
from credit.ledgers import adjustments, assessments, closings, findings, matches, objections, sanctions
from credit.ledgers.finding import Finding
from credit.settings import Settings
from credit.tables import TABLES
from credit.warehouse.ledger_tables import LEDGERS
from support.entries import LI, NEXT, NOW, published
from support.small_market import DAY

pytestmark = pytest.mark.slow

FOUND = Finding("order_burst", "shop", DAY, 0.9, orders=("shop-0", "shop-1"))

PAIR = matches.Pair("示例店有限公司", "示例店有限公司", None, "shop", 0.9, "the same name", "m")


def test_every_ledger_is_only_added_to(home: Settings, con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """After each step what was there before is there still, word for word and in front."""
    steps: list[Callable[[], object]] = [
        lambda: objections.file(con, "shop", about="violation", text="no", by="Wang", rows=["violations:v1"]),
        lambda: objections.decide(con, 1, outcome="upheld", reason="r", exclude=["violations:v1"], **LI),
        lambda: objections.decide(con, 1, outcome="rejected", reason="on review", **LI),
        lambda: objections.file(con, "shop", about="grade", text="no", by="Wang", evaluated_on=DAY),
        lambda: objections.withdraw(con, 2, by="Wang"),
        lambda: adjustments.repair(con, "p1", on=DAY, reason="r", **LI),
        lambda: sanctions.impose(con, "shop", kind="warning", reason="r", **LI),
        lambda: sanctions.lift(con, 1, reason="r", **LI),
        lambda: findings.uphold(con, FOUND, reason="r", **LI),
        lambda: findings.dismiss(con, FOUND, reason="r", **LI),
        lambda: matches.propose(con, [PAIR], **LI),
        lambda: matches.accept(con, 1, reason="r", **LI),
        lambda: matches.reject(con, 1, reason="r", **LI),
        lambda: closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI),
        lambda: closings.withdraw(con, 1, **LI),
        lambda: assessments.add(con, ["a-catalogue:4.1"], kind="declaration", title="t", dated=DAY, **LI),
        lambda: assessments.expire(con, 1, reason="r", **LI),
        lambda: assessments.open_action(
            con, "a-catalogue:4.1", nonconformity="n", cause="c", action="a", person="p", due_on=DAY, **LI
        ),
        lambda: assessments.close_action(con, 1, effect="e", **LI),
        lambda: assessments.keep(
            con, {"catalogue": {"id": "a-catalogue", "version": "1", "hash": "h"}, "assessed_on": str(DAY)}, "t", **LI
        ),
        lambda: assessments.decide(con, "a-catalogue", 1, reason="r", **LI),
        lambda: evaluation.evaluate(con, home, DAY),
        lambda: evaluation.evaluate(con, home, NEXT),
        lambda: published(con),
        lambda: results.withdraw(con, NEXT, "r", **LI),
    ]

    def ledger() -> dict[str, list[tuple[Any, ...]]]:
        return {name: con.execute(f"FROM ledger.{name} ORDER BY number").fetchall() for name in LEDGERS}

    delivered = {name: con.execute(f"FROM canonical.{name} ORDER BY ALL").fetchall() for name in TABLES}
    before = ledger()
    for step in steps:
        step()
        after = ledger()
        assert {name: listed[: len(before[name])] for name, listed in after.items()} == before
        before = after
    assert [name for name, listed in before.items() if not listed] == [], "every ledger was written to"
    assert {name: con.execute(f"FROM canonical.{name} ORDER BY ALL").fetchall() for name in TABLES} == delivered


def test_what_happened_before_is_entered_with_both_instants(con: duckdb.DuckDBPyConnection) -> None:
    filed = objections.file(
        con, "shop", about="grade", text="no", by="Wang", at=datetime.fromisoformat("2026-11-20T10:00")
    )
    assert (filed.day, filed.at.astimezone(UTC).hour) == (date(2026, 11, 20), 2)
    assert filed.recorded_at == NOW.astimezone(UTC)
    decided = objections.decide(
        con, 1, outcome="rejected", reason="r", at=datetime.fromisoformat("2026-11-22T10:00"), **LI
    )
    assert decided.days == 2
    # Nights that were evaluated meanwhile stay as they are.
    assert decided.events[0].from_day == DAY


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (lambda con, at: objections.file(con, "shop", about="grade", text="t", by="W", at=at(1)), "is in the future"),
        (
            lambda con, at: objections.decide(con, 1, outcome="upheld", reason="r", at=at(-9), **LI),
            "objection 1 was filed",
        ),
        (lambda con, at: objections.withdraw(con, 1, at=at(-9), **LI), "is before objection 1 was filed"),
        (lambda con, at: sanctions.lift(con, 1, reason="r", at=at(-9), **LI), "is before sanction 1 was imposed"),
        (lambda con, at: closings.withdraw(con, 1, at=at(-9), **LI), "is before notice 1 was announced"),
    ],
)
def test_nothing_is_entered_from_the_future_or_before_what_it_follows(
    con: duckdb.DuckDBPyConnection, entry: Callable[..., object], message: str
) -> None:
    objections.file(con, "shop", about="grade", text="no", by="Wang")
    sanctions.impose(con, "shop", kind="warning", reason="r", **LI)
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    with pytest.raises(UserError, match=message):
        entry(con, lambda days: NOW + timedelta(days=days))

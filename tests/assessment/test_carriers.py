"""Carriers by hand: their figures, their level, and whose part late deliveries were."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from credit.assessment import carriers, judging, report
from credit.assessment.catalogue import named
from credit.assessment.measuring import MEASURES
from credit.assessment.seen import Seen, seeing
from credit.ledgers.assessments import Run
from credit.settings import Settings
from credit.tables import TABLES
from support.literal import DAY, ZONE, Fill, Row

pytestmark = pytest.mark.slow

EVERYTHING = frozenset(f"{table.name}.{column}" for table in TABLES.values() for column in table.names) | set(TABLES)
OPTIONS = Settings(zone=ZONE, threads=1)
LOGISTICS = "gbt-24661-logistics"
DUE, PROMISED = "2025-03-03 10:00", "2025-03-06 10:00"
ON_TIME: Row = {
    "ordered_at": "2025-03-01 10:00", "dispatch_due_at": DUE, "dispatched_at": "2025-03-02 10:00", "delivery_due_at": PROMISED,
    "delivered_at": "2025-03-05 10:00", "completed_at": "2025-03-06 12:00", "carrier": "甲", "traceable": True,
}  # fmt: skip
SLOW = {**ON_TIME, "delivered_at": "2025-03-07 10:00", "completed_at": "2025-03-08"}
SENT_LATE = {**SLOW, "dispatched_at": "2025-03-04 10:00"}
LOST = {**ON_TIME, "delivered_at": None, "completed_at": None}


def liable(key: str, category: str, who: str | None = "carrier", resolved: str | None = "2025-06-12") -> Row:
    return {"transaction_id": key, "category": category, "liability": who, "resolved_at": resolved}


def seen_of(fill: Fill, use: Callable[[Seen], Any], without: frozenset[str] = frozenset(), **tables: Any) -> Any:
    with seeing(fill(**tables), OPTIONS, DAY) as seen:
        return use(replace(seen, supplied=EVERYTHING - without))


def test_figures_of_each_carrier(fill: Fill) -> None:
    orders = [
        {**ON_TIME, "transaction_id": "a1"},
        {**SLOW, "transaction_id": "a2"},
        {**SENT_LATE, "transaction_id": "a3", "traceable": False},  # the merchant's: no case of being on time
        {**LOST, "transaction_id": "a4", "traceable": None},
        {**ON_TIME, "transaction_id": "b1", "carrier": "乙"},
        {**ON_TIME, "transaction_id": "none", "carrier": None},
        {**ON_TIME, "transaction_id": "old", "ordered_at": "2024-06-30 10:00"},
    ]
    complaints = [
        liable("a1", "quality"),  # damaged
        liable("a2", "delivery"),  # late, not lost
        liable("a4", "delivery"),  # lost
        liable("b1", "quality", "seller"),
        liable("b1", "quality", "carrier", "2025-07-02"),  # not decided yet
    ]
    figures = seen_of(fill, carriers.figures, transactions=orders, complaints=complaints)
    assert figures == [
        {"carrier": "甲", "orders": 4, "on_time": {"in_order": 1, "cases": 3, "share": 0.333}, "lost": 1, "damaged": 1,
         "traceable": {"in_order": 2, "cases": 3, "share": 0.666}},
        {"carrier": "乙", "orders": 1, "on_time": {"in_order": 1, "cases": 1, "share": 1.0}, "lost": 0, "damaged": 0,
         "traceable": {"in_order": 1, "cases": 1, "share": 1.0}},
    ]  # fmt: skip


def test_what_is_not_supplied_is_no_figure(fill: Fill) -> None:
    absent = frozenset({"complaints.liability", "transactions.traceable"})
    (figures,) = seen_of(fill, carriers.figures, absent, transactions=[ON_TIME])
    assert (figures["lost"], figures["damaged"], figures["traceable"]) == (None, None, None)
    assert seen_of(fill, carriers.figures, frozenset({"transactions.carrier"}), transactions=[ON_TIME]) == []


@pytest.mark.parametrize(
    ("order", "part"),
    [
        (SLOW, "carrier"),
        ({**SLOW, "dispatched_at": DUE}, "carrier"),
        (LOST, "carrier"),
        (SENT_LATE, "merchant"),
        ({**LOST, "dispatched_at": None}, "merchant"),
        ({**SLOW, "dispatch_due_at": None}, "not_told"),
        (ON_TIME, None),
        ({**ON_TIME, "delivered_at": PROMISED}, None),
        ({**ON_TIME, "delivered_at": None}, None),  # completed: nobody knows when it came
        ({**LOST, "cancelled_at": "2025-03-04"}, None),
        ({**LOST, "delivery_due_at": "2025-07-02"}, None),  # not due yet
    ],
)
def test_whose_part_a_late_delivery_was(fill: Fill, order: Row, part: str | None) -> None:
    deliveries = seen_of(fill, carriers.late_deliveries, transactions=[order])
    late = {name: int(name == part) for name in ("carrier", "merchant", "not_told")}
    total = {"late": int(part is not None)} | late
    assert deliveries == total | {"merchants": [{"subject_id": "shop"} | total] if part else []}


def test_the_merchants_with_the_most_come_first(fill: Fill) -> None:
    orders = [{**SLOW, "subject_id": f"s{i:02}"} for i in range(25)] + [{**SENT_LATE, "subject_id": "s24"}]
    deliveries = seen_of(fill, carriers.late_deliveries, transactions=orders)
    assert deliveries["late"] == 26
    assert deliveries["merchants"][0] == {"subject_id": "s24", "late": 2, "carrier": 1, "merchant": 1, "not_told": 0}
    assert [row["subject_id"] for row in deliveries["merchants"][1:]] == [f"s{i:02}" for i in range(19)]


def test_an_order_whose_carrier_is_not_named_helps_nobody(fill: Fill) -> None:
    def measured(seen: Seen) -> list[tuple[int, int, int]]:
        names = ("carried_on_time", "carried_whole", "carried_traceable")
        counts = [MEASURES[name].count(seen, {}, {}) for name in names]
        return [(c.in_order, c.not_in_order, c.not_recorded) for c in counts if c is not None]

    concealed = seen_of(fill, measured, transactions=[ON_TIME, {**SLOW, "carrier": None}])
    assert concealed == [(1, 0, 1)] * 3


def test_a_complaint_that_is_not_decided_may_yet_be_the_carriers(fill: Fill) -> None:
    def whole(seen: Seen) -> Any:
        return MEASURES["carried_whole"].count(seen, {}, {})

    order = {**ON_TIME, "transaction_id": "t"}
    undecided = seen_of(fill, whole, transactions=[order], complaints=[liable("t", "quality", None, None)])
    assert (undecided.in_order, undecided.not_in_order, undecided.not_recorded) == (0, 0, 1)


def carriage(fill: Fill, catalogue: str, orders: list[Row], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    carriage_part: dict[str, Any] = seen_of(
        fill, lambda seen: judging._carriage(seen, named(catalogue)), without, transactions=orders
    )
    return carriage_part


def test_a_level_is_by_the_lines_about_carriers(fill: Fill) -> None:
    good, slow, few = (
        [ON_TIME] * 20,
        [{**ON_TIME, "carrier": "乙"}] * 17 + [{**SLOW, "carrier": "乙"}] * 3,
        [{**ON_TIME, "carrier": "丙"}] * 19,
    )
    first, second, third = carriage(fill, LOGISTICS, [*good, *slow, *few])["carriers"]
    assert (first["carrier"], first["score"], first["stars"]) == ("乙", 80.0, 3)  # on time in part: 0.85; weight 2 of 5
    assert first["lines"] == {"L4.2": "partly", "L4.3": "met", "L4.4": "met"}
    assert (second["carrier"], second["score"], second["stars"]) == ("甲", 100.0, 5)
    assert (third["carrier"], third["score"], third["stars"]) == ("丙", None, None)  # too few orders


def test_a_catalogue_without_grading_gives_figures_and_no_level(fill: Fill) -> None:
    carriage_part = carriage(fill, "hebei-ecommerce-enterprise", [SLOW] * 30)
    assert [(c["lines"], c["stars"]) for c in carriage_part["carriers"]] == [({"5.4.3": "not_met"}, None)]
    assert carriage_part["late_deliveries"]["carrier"] == 30
    assert carriage(fill, "gbt-24661-platform", [SLOW]) == {}


def test_without_the_column_there_are_no_carriers(fill: Fill) -> None:
    carriage_part = carriage(fill, LOGISTICS, [SLOW], frozenset({"transactions.carrier"}))
    assert carriage_part["carriers"] == []
    assert carriage_part["late_deliveries"]["carrier"] == 1


def test_the_report_shows_both(fill: Fill, tmp_path: Path) -> None:
    catalogue = named(LOGISTICS)
    result = judging.assess(fill(transactions=[SLOW]), OPTIONS.model_copy(update={"home": tmp_path}), catalogue, DAY)
    result |= carriage(fill, LOGISTICS, [{**ON_TIME, "carrier": "<b>甲"}] * 20 + [{**SLOW, "carrier": "<b>甲"}])
    at = datetime(2025, 7, 1, tzinfo=UTC)
    run = Run(
        number=1, catalogue=catalogue.id, version=catalogue.version, hash=catalogue.hash, text=catalogue.text, assessed_on=DAY,
        result=result, at=at, day=DAY, recorded_at=at, by="Li Wei",
    )  # fmt: skip
    page = report.html(run)
    assert (
        '<th scope="row">&lt;b&gt;甲</th><td>21</td><td>95.2%</td><td>0</td><td>0</td><td>100%</td><td>5★ · 100.00</td>'
        in page
    )
    assert "一年内迟延 1 单" in page
    sheets = {
        sheet.title: list(sheet.iter_rows(values_only=True))
        for sheet in openpyxl.load_workbook(io.BytesIO(report.xlsx(run)))
    }
    assert sheets["承运人 Carriers"][1] == ("<b>甲", 21, "95.2%", 0, 0, "100%", 100, 5)
    assert sheets["迟延送达 Late deliveries"][1:] == [("合计 All", 1, 1, 0, 0), ("shop", 1, 1, 0, 0)]

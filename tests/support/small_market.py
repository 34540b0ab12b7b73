"""A market of a few literal sellers and buyers, delivered through the intake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from credit.intake import landing, merging
from credit.settings import Settings, cut_off
from credit.tables import TABLES

ZONE = "Asia/Shanghai"
DAY = date(2026, 11, 25)
CUT_OFF = cut_off(DAY, ZONE)
BUYERS = ("b1", "b2")
BUYER_OF = (*BUYERS, "x", "y")
"""The buyer of every fourth order of a seller; only the first two are on the register."""

Rows = dict[str, list[dict[str, Any]]]


def at(days: float) -> str:
    """The instant so many days from the cut-off of DAY."""
    return (CUT_OFF + timedelta(days=days)).isoformat()


def on(days: int) -> str:
    return (DAY + timedelta(days=days)).isoformat()


def seller(subject_id: str, **values: Any) -> dict[str, Any]:
    return {
        "subject_id": subject_id, "kind": "enterprise", "role": "seller", "name": "商家", "licence_no": "L1",
        "licence_valid_until": on(400), "registration_verified_on": on(-300), "contact_verified_on": on(-300),
        "joined_on": on(-600), "category": "服装", "known_at": at(-500),
    } | values  # fmt: skip


def order(subject_id: str, number: int, ordered: float, *, late: bool = False, **values: Any) -> dict[str, Any]:
    """An order that was paid, sent (in time or not) and completed."""
    return {
        "transaction_id": f"{subject_id}-{number}", "subject_id": subject_id, "buyer_id": BUYER_OF[number % 4],
        "ordered_at": at(ordered), "paid_at": at(ordered + 0.01), "dispatch_due_at": at(ordered + 2),
        "dispatched_at": at(ordered + (2.5 if late else 1)), "completed_at": at(ordered + 4), "amount": "100.00",
        "currency": "CNY", "known_at": at(ordered),
    } | values  # fmt: skip


def market(sellers: Mapping[str, int], orders: int = 40, kinds: Mapping[str, str] | None = None) -> Rows:
    """`sellers`: id -> how many of its orders were sent late. One row of each table, of a seller "other", makes it supplied."""
    kinds = kinds or {}
    rows: Rows = {name: [] for name in TABLES}
    for subject_id in (*sellers, "other"):
        rows["subjects"].append(seller(subject_id, kind=kinds.get(subject_id, "enterprise")))
        for i in range(orders):
            late = i < sellers.get(subject_id, 0)
            rows["transactions"].append(order(subject_id, i, -100 + 2 * i, late=late))
            if i % 2:
                rows["reviews"].append(
                    {"review_id": f"{subject_id}-{i}", "transaction_id": f"{subject_id}-{i}", "subject_id": subject_id,
                     "buyer_id": BUYER_OF[i % 4], "rating_overall": 5, "reviewed_at": at(-95 + 2 * i), "known_at": at(-95 + 2 * i)}
                )  # fmt: skip
    for buyer in BUYERS:
        rows["subjects"].append(
            {"subject_id": buyer, "kind": "individual", "role": "buyer", "joined_on": on(-600), "known_at": at(-500)}
        )
    first = {"subject_id": "other", "known_at": at(-90)}
    rows["complaints"] = [{"complaint_id": "c0", "channel": "platform", "category": "quality", "filed_at": at(-90),
                           "resolved_at": at(-80), "outcome": "rejected", "liability": "none"} | first]  # fmt: skip
    rows["public_records"] = [{"record_id": "p0", "kind": "award", "issuer": "局", "valid_from": on(-90)} | first]
    rows["violations"] = [{"violation_id": "v0", "kind": "other", "severity": "minor", "decided_at": at(-90)} | first]
    rows["sanctions"] = [
        {"sanction_id": "s0", "kind": "warning", "reason": "r", "imposed_at": at(-90), "until_at": at(-60)} | first
    ]
    rows["spot_checks"] = [{"check_id": "k0", "kind": "goods", "requested_at": at(-90), "due_at": at(-80),
                            "answered_at": at(-85)} | first]  # fmt: skip
    return rows


def deliver(con: duckdb.DuckDBPyConnection, options: Settings, folder: Path, rows: Rows, day: date = DAY) -> None:
    """Land and merge the rows; each file has all columns of its table."""
    folder.mkdir()
    for name, some in rows.items():
        if some:
            names = [column.name for column in TABLES[name].supplied] + ["known_at"]
            lines = [json.dumps({column: row.get(column) for column in names}, ensure_ascii=False) for row in some]
            assert not {column for row in some for column in row} - set(names)
            (folder / f"{name}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    batch = landing.land(con, options, "canonical", folder, day)
    assert batch.reasons == [], batch.reasons
    merging.accept(con, batch.batch_id)


def changed(rows: Sequence[dict[str, Any]], key: str, value: str, **values: Any) -> dict[str, Any]:
    """A later version of the row whose `key` is `value`."""
    return next(row for row in rows if row[key] == value) | values

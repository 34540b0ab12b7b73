"""Small markets made by chance, the same ones in every run, as files of a delivery."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from credit.intake import landing, merging
from credit.ledgers import steps
from credit.rulebooks.reading import load
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse import connection
from credit.warehouse import schema as schema_
from support import rules

ZONE = "Asia/Shanghai"
DAY = date(2025, 7, 1)
CUT_OFF = cut_off(DAY, ZONE)
SHOPS = ("shop a", "shop b", "shop c", "shop d")
BOOKS = [load(path) for path in (rules.ENTERPRISE, rules.INDIVIDUAL, rules.BUYER)]
"""The latest of each: the earlier ones count the same with fewer limits."""

Rows = dict[str, list[dict[str, Any]]]


def stable(examples: int) -> Callable[[Any], Any]:
    """The same examples in every run; one that fails is shown as it is, since shrinking a market takes minutes."""
    return settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# --- markets made by chance --------------------------------------------------------------------------------------


def at(days: float) -> str:
    """An instant so many days from the cut-off, at a whole second."""
    return (CUT_OFF + timedelta(seconds=round(days * 86_400))).isoformat()


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row of a file with all the table's columns, so that each file supplies the same ones."""
    return {column.name: values.get(column.name) for column in TABLES[table].supplied} | {
        "known_at": values["known_at"]
    }


def market(seed: int) -> Rows:
    """Two enterprises and two individuals with orders, reviews, complaints, and some rows corrected later."""
    rng = random.Random(seed)
    rows: Rows = {
        "subjects": [
            row("subjects", subject_id=shop, kind=kind, role="seller", deposit_amount=deposit, known_at=at(-500))
            for shop, kind, deposit in zip(
                SHOPS, ("enterprise", "enterprise", "individual", "individual"), ("5000", None, "0", "100"), strict=True
            )
        ],
        "transactions": [],
        "reviews": [],
        "complaints": [],
    }

    def chance(share: float) -> bool:
        return rng.random() < share

    first = {"channel": "platform", "category": "other", "filed_at": at(-400), "known_at": at(-400)}
    rows["complaints"].append(row("complaints", complaint_id="before the window", subject_id=SHOPS[0], **first))
    for i in range(rng.randint(30, 60)):
        shop, ordered, buyer = rng.choice(SHOPS), rng.uniform(-380, 5), f"buyer {rng.randrange(15)}"
        sent, arrived = ordered + rng.uniform(0, 4), ordered + rng.uniform(4, 12)
        refund = rng.choice((None, "none", "none", "quality", "no_reason"))
        order = row(
            "transactions",
            transaction_id=f"t{i}",
            subject_id=shop,
            buyer_id=buyer,
            ordered_at=at(ordered),
            dispatch_due_at=at(ordered + 2),
            dispatched_at=at(sent) if chance(0.9) else None,
            delivery_due_at=at(ordered + 8) if chance(0.9) else None,
            delivered_at=at(arrived) if chance(0.8) else None,
            completed_at=at(arrived + 1) if chance(0.8) else None,
            cancelled_at=at(ordered + 1) if chance(0.1) else None,
            cancelled_by=rng.choice(("buyer", "seller")),
            cancel_reason=rng.choice(("stock_out", "changed_mind")),
            amount=f"{rng.randrange(100, 90_000) / 100:.2f}",
            currency="CNY",
            refund_reason=refund,
            refund_requested_at=at(arrived + 1) if refund not in (None, "none") else None,
            refunded_at=at(arrived + rng.uniform(1.5, 9)) if refund not in (None, "none") else None,
            invoice_asked=rng.choice((True, False, None)),
            traceable=rng.choice((True, True, False, None)),
            category=rng.choice(("服装", "家电", None)),
            known_at=at(ordered),
        )
        rows["transactions"].append(order)
        if chance(0.2):  # corrected later
            later = {"amount": f"{rng.randrange(100, 90_000) / 100:.2f}", "known_at": at(ordered + rng.uniform(1, 60))}
            rows["transactions"].append(order | later)
        if chance(0.6):
            reviewed = at(arrived + rng.uniform(0, 5))
            review = row(
                "reviews",
                review_id=f"r{i}",
                transaction_id=f"t{i}",
                subject_id=shop,
                buyer_id=buyer,
                reviewed_at=reviewed,
                rating_overall=rng.randint(1, 5),
                rating_service=rng.choice((None, 3, 5)),
                replied_at=at(arrived + 6) if chance(0.3) else None,
                shared=chance(0.1),
                known_at=reviewed,
            )
            rows["reviews"].append(review)
        if chance(0.2):
            filed = arrived + rng.uniform(0, 3)
            rows["complaints"].append(
                row(
                    "complaints",
                    complaint_id=f"c{i}",
                    transaction_id=f"t{i}",
                    subject_id=shop,
                    buyer_id=buyer,
                    channel=rng.choice(("platform", "platform", "12315", "court")),
                    category="quality",
                    filed_at=at(filed),
                    first_response_at=at(filed + rng.expovariate(2)) if chance(0.8) else None,
                    resolved_at=at(filed + rng.expovariate(0.2)) if chance(0.8) else None,
                    outcome=rng.choice(("upheld", "partly_upheld", "rejected", "settled")),
                    liability=rng.choice(("seller", "carrier", None)),
                    known_at=at(filed),
                )
            )
    return rows


@contextmanager
def warehouse_of(home: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    """A warehouse in memory with the key file of its home on disk."""
    options = Settings(home=home, zone=ZONE, threads=1)
    with connection.connect(":memory:", options) as con:
        schema_.build(con)
        con.execute("SET VARIABLE zone = ?", [ZONE])
        steps.adopt_shipped(con, ZONE)
        yield con, options


def write(path: Path, rows: Rows) -> Path:
    for name, table_rows in rows.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table_rows)
        (path / f"{name}.ndjson").write_text(text, encoding="utf-8")
    return path


def ingest(con: duckdb.DuckDBPyConnection, options: Settings, path: Path) -> landing.Batch:
    batch = landing.land(con, options, "canonical", path, DAY)
    if not batch.already_landed:
        merging.accept(con, batch.batch_id)
    return batch


# --- an upheld complaint -----------------------------------------------------------------------------------------

instants = st.floats(-364, -0.001, allow_nan=False)


@st.composite
def upheld_complaints(draw: st.DrawFn, number: str, subject: str) -> dict[str, Any]:
    """Any complaint that was upheld by the cut-off, however it was filed, answered and handled."""
    filed = draw(instants)

    def after(allow_late: bool = True) -> float:
        """Days from filing to something: at once, before the cut-off, or (if it may be) after it."""
        return draw(st.one_of(st.just(0.0), st.floats(0, -filed - 0.0005), *([st.floats(0, 60)] if allow_late else [])))

    return row(
        "complaints",
        complaint_id=f"additional {number}",
        transaction_id=draw(st.sampled_from([None, "t0", "t1", "no such order"])),
        subject_id=subject,
        buyer_id=draw(st.sampled_from([None, "buyer 1", "buyer 2", "somebody new"])),
        channel=draw(st.sampled_from(TABLES["complaints"].column("channel").codes)),
        category=draw(st.sampled_from(TABLES["complaints"].column("category").codes)),
        filed_at=at(filed),
        first_response_at=at(filed + after()) if draw(st.booleans()) else None,
        resolution_due_at=at(filed + after()) if draw(st.booleans()) else None,
        resolved_at=at(filed + after(allow_late=False)),
        outcome=draw(st.sampled_from(["upheld", "partly_upheld"])),
        liability=draw(st.sampled_from([None, *TABLES["complaints"].column("liability").codes])),
        escalated_at=at(filed + after()) if draw(st.booleans()) else None,
        known_at=at(filed),
    )


ROUNDS = 3
one_each = [[upheld_complaints(f"{i} of {shop}", shop) for shop in SHOPS] for i in range(ROUNDS)]

"""The evaluation beside a hand-written DuckDB query of the same indicators, and pandas; in one run, on the same rows.

    python benchmarks/evaluation.py [--transactions 5000000] [--merchants 50000] [--repeat 3]

Prints seconds (the median of the runs, taken in turn) and ratios. Before timing, numbers of the three are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from credit import settings
from credit.evaluation import night as evaluation
from credit.evaluation.impact import impact
from credit.home import open_warehouse
from credit.rulebooks.reading import shipped
from credit.settings import cut_off
from credit.synthetic import market
from credit.synthetic.in_memory import deliver
from credit.tables import TABLES

DAY = date(2026, 11, 24)
ZONE = "Asia/Shanghai"
SQL = (Path(__file__).parent / "by_hand.sql").read_text(encoding="utf-8")
ENTERPRISE = [book for book in shipped() if book.id == "gbt-26842-enterprise"][-1]
NEWEST = [*{book.id: book for book in shipped()}.values()]
console = Console()


def fill(con: duckdb.DuckDBPyConnection, merchants: int, transactions: int) -> None:
    """A synthetic marketplace straight into the canonical tables, as if it had been landed and merged."""
    market.populate(con, merchants=merchants, transactions=transactions, end=DAY)
    deliver(con)
    con.execute("DROP SCHEMA sim CASCADE")
    con.execute("CHECKPOINT")


def product(con: duckdb.DuckDBPyConnection) -> list[evaluation.Evaluation]:
    return evaluation.compute(con, DAY, ZONE, NEWEST)


def by_hand(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    start = {f"start{mark}": cut_off(DAY - timedelta(days=days), ZONE) for mark, days in (("", 365), ("_180", 180))}
    return con.execute(SQL, {"cut": cut_off(DAY, ZONE), **start}).df()


def frames(con: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """The event tables in pandas, loaded before the clock starts; only the columns that are used."""
    text = {"buyer_id": "category", "category": "category"}
    return {
        name: con.execute(f"SELECT * EXCLUDE (batch_id) FROM canonical.{name}").df().astype(
            {c: kind for c, kind in text.items() if c in TABLES[name].names and name != "subjects"}
        )
        for name in ("transactions", "reviews", "complaints")
    }  # fmt: skip


def with_pandas(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The same counts with pandas, as an analyst would write them."""
    cut, start = pd.Timestamp(cut_off(DAY, ZONE)), pd.Timestamp(cut_off(DAY - timedelta(days=365), ZONE))
    start_180 = pd.Timestamp(cut_off(DAY - timedelta(days=180), ZONE))
    t = tables["transactions"]
    t = t[(t["ordered_at"] >= start) & (t["ordered_at"] < cut) & (t["known_at"] <= cut)]
    cancelled = t["cancelled_at"] < cut
    completed = (t["completed_at"] < cut) & ~cancelled
    dispatch_due, delivery_due = (t["dispatch_due_at"] < cut) & ~cancelled, (t["delivery_due_at"] < cut) & ~cancelled
    delivered = t["delivered_at"] < cut
    asked = t["invoice_asked"].astype("boolean").fillna(False).astype(bool) & completed
    cause = t["refund_reason"].isin(["quality", "not_as_described", "not_received", "late"])
    unpaid = ~(t["paid_at"] < cut)
    excused = ((t["cancelled_by"] == "buyer") & (t["cancel_reason"] != "stock_out")) | (
        (t["cancelled_by"] == "platform") & (unpaid | (t["cancel_reason"] == "fraud_suspected"))
    )
    sums = pd.DataFrame(
        {
            "subject_id": t["subject_id"],
            "orders": 1,
            "completed": completed,
            "concluded": completed | (cancelled & ~excused),
            "seller_cancelled": cancelled & (t["cancelled_by"] == "seller"),
            "stock_out": cancelled & (t["cancel_reason"] == "stock_out"),
            "dispatch_due": dispatch_due,
            "dispatched_on_time": dispatch_due & (t["dispatched_at"] < cut) & (t["dispatched_at"] <= t["dispatch_due_at"]),
            "delivery_due": delivery_due,
            "delivered_on_time": delivery_due & delivered & (t["delivered_at"] <= t["delivery_due_at"]),
            "delivered_due": delivery_due & delivered,
            "late_minutes": t["delivery_late_minutes"].where(delivery_due & delivered).clip(upper=43200).fillna(0),
            "invoice_due": asked,
            "invoiced": asked & (t["invoice_issued_at"] < cut),
            "traceable": t["traceable"].astype("boolean").fillna(False).astype(bool) & (t["dispatched_at"] < cut),
            "tracing_recorded": t["traceable"].notna() & (t["dispatched_at"] < cut),
            "refund_for_cause": cause & (t["refund_requested_at"] < cut),
            "refund_recorded": t["refund_reason"].notna(),
            "amount": t["amount"].astype(float).where(~cancelled, 0.0),
            "orders_180": t["ordered_at"] >= start_180,
        }
    ).groupby("subject_id", observed=True).sum()  # fmt: skip
    by = t.groupby("subject_id", observed=True)
    sums["active_days"], sums["categories"] = by["ordered_on"].nunique(), by["category"].nunique()
    sums["refund_minutes"] = (
        t["refund_minutes"].where(t["refunded_at"] < cut).groupby(t["subject_id"], observed=True).median()
    )
    sizes = t.groupby(["subject_id", "buyer_id"], observed=True).size()
    level = sizes.groupby(level=0, observed=True)
    sums["buyers"], sums["returning"] = level.size(), (sizes >= 2).groupby(level=0, observed=True).sum()
    sums["squares"] = (sizes**2).groupby(level=0, observed=True).sum()

    r = tables["reviews"]
    r = r[(r["reviewed_at"] >= start) & (r["reviewed_at"] < cut) & (r["known_at"] <= cut)]
    # A review or complaint may be about an order from before the window.
    sums = sums.reindex(sums.index.union(r["subject_id"].unique()).union(tables["complaints"]["subject_id"].unique()))
    r = r[~r["shared"].astype("boolean").fillna(False).astype(bool)]
    r = r[r["authentic"].astype("boolean").fillna(True).astype(bool)]
    by = r.groupby("subject_id", observed=True)
    for aspect in ("overall", "description", "service", "logistics"):
        sums[aspect] = by[f"rating_{aspect}"].sum()
        sums[f"{aspect}_n"] = by[f"rating_{aspect}"].count()
    negative = r["rating_overall"] <= 2
    sums["positive"] = (r["rating_overall"] >= 4).groupby(r["subject_id"], observed=True).sum()
    sums["negative"] = negative.groupby(r["subject_id"], observed=True).sum()
    sums["negative_replied"] = (negative & (r["replied_at"] < cut)).groupby(r["subject_id"], observed=True).sum()
    sums["reviewers"] = by["buyer_id"].nunique()

    c = tables["complaints"]
    c = c[(c["filed_at"] >= start) & (c["filed_at"] < cut) & (c["known_at"] <= cut)]
    resolved = c["resolved_at"] < cut
    justified = resolved & c["outcome"].isin(["upheld", "partly_upheld"])
    upheld = justified & c["liability"].fillna("seller").eq("seller")
    external = ~c["channel"].eq("platform") | (c["escalated_at"] < cut)
    overdue = (c["resolution_due_at"] < cut) & (~resolved | (c["resolved_at"] > c["resolution_due_at"]))
    key = c["subject_id"]
    sums["complaints"] = c.groupby("subject_id", observed=True).size()
    for name, flag in {"upheld": upheld, "escalated": external, "lost": upheld & external, "overdue": overdue}.items():
        sums[name] = flag.groupby(key, observed=True).sum()
    quick = c["response_minutes"].where(~justified & (c["first_response_at"] < cut))
    sums["response_minutes"] = quick.groupby(key, observed=True).median()
    sums["resolution_minutes"] = (
        c["resolution_minutes"].where(~justified & resolved).groupby(key, observed=True).median()
    )
    return sums


def compare(evaluations: list[evaluation.Evaluation], hand: pd.DataFrame, frame: pd.DataFrame) -> None:
    """The three must say the same; otherwise timing them means nothing. Raises AssertionError."""
    hand = hand.set_index("subject_id")
    pairs = {
        "on_time_dispatch_rate": ("dispatched_on_time", "dispatch_due"),
        "completion_rate": ("completed", "concluded"),
        "rating_overall": ("overall", "overall_n"),
        "upheld_complaint_rate": ("upheld", "orders"),
        "repeat_buyer_share": ("returning", "buyers"),
        "overdue_complaint_rate": ("overdue", "orders"),
        "refund_for_cause_rate": ("refund_for_cause", "refund_recorded"),
    }
    by_hand_only = {"violations": "violations", "sanctions_in_force": "sanctions", "buyer_sellers": "sellers"}
    for night in evaluations:
        for column in night.scores.columns:
            if (expected_columns := by_hand_only.get(column.indicator)) is not None:
                expected = hand[expected_columns].reindex(night.scores.subjects).fillna(0).to_numpy(dtype=float)
                assert np.array_equal(column.numerator, expected), column.indicator
            if column.indicator not in pairs:
                continue
            for measured, expected_columns in zip(
                (column.numerator, column.denominator), pairs[column.indicator], strict=True
            ):
                subjects = night.scores.subjects
                for table in (hand, frame):
                    expected = table[expected_columns].reindex(subjects).fillna(0).to_numpy(dtype=float)
                    assert np.array_equal(np.nan_to_num(measured), expected), (column.indicator, expected_columns)


def main() -> None:
    """Generate, compare, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--transactions", type=int, default=5_000_000)
    parser.add_argument("--merchants", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        conf = settings.load(home=Path(home), memory_limit="4GB")
        with open_warehouse(conf) as con:
            console.print(f"generating {options.transactions:,} transactions of {options.merchants:,} merchants …")
            started = time.perf_counter()
            fill(con, options.merchants, options.transactions)
            console.print(f"generated in {time.perf_counter() - started:.1f} s")
            tables = frames(con)
            compare(product(con), by_hand(con), with_pandas(tables))
            console.print("the three agree; timing")
            runs: dict[str, Callable[[], Any]] = {
                "hand-written DuckDB query": lambda: by_hand(con),
                "merchant-credit: indicators, scores, grades": lambda: product(con),
                "merchant-credit: the same, and stored": lambda: evaluation.evaluate(con, conf, DAY),
                "pandas (tables already in memory), orders, reviews and complaints alone": lambda: with_pandas(tables),
                "rulebook impact: two versions on the night": lambda: impact(con, DAY, ZONE, ENTERPRISE, ENTERPRISE),
            }
            seconds: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(options.repeat):
                for name, call in runs.items():
                    started = time.perf_counter()
                    call()
                    seconds[name].append(time.perf_counter() - started)
    table = Table(
        title=f"{options.transactions:,} transactions, {options.merchants:,} merchants, median of {options.repeat}"
    )
    table.add_column("")
    table.add_column("seconds", justify="right")
    table.add_column("to the hand-written query", justify="right")
    yardstick = statistics.median(seconds["hand-written DuckDB query"])
    for name, times in seconds.items():
        median = statistics.median(times)
        table.add_row(name, f"{median:.2f}", f"{median / yardstick:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()

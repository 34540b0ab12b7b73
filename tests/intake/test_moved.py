"""Rows delivered again under another merchant, or at another time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import settings
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.settings import Settings

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)
SUBJECTS = "subject_id,kind,role\nS1,enterprise,seller\nS2,enterprise,seller\n"
ORDERS = "transaction_id,subject_id,ordered_at,amount,currency,dispatch_due_at"
FIRST = "T1,S1,2026-02-01 10:00:00,12.50,CNY,"
COMPLAINTS = "complaint_id,subject_id,filed_at,channel,category"


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home")


@pytest.fixture
def con(conf: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(conf) as opened:
        yield opened


def deliver(
    con: duckdb.DuckDBPyConnection, conf: Settings, folder: Path, nights: int, *, history: bool = False, **files: str
) -> landing.Batch:
    """One delivery, so many nights after the first."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    batch = landing.land(con, conf, "canonical", folder, DAY + timedelta(days=nights), history=history)
    merging.accept(con, batch.batch_id)
    return batch


def reasons(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("SELECT key, code, reason FROM quarantine.rows ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("again", "word"),
    [
        ("T1,S2,2026-02-01 10:00:00,12.50,CNY,", "another merchant"),
        ("T1,S1,2026-01-20 10:00:00,12.50,CNY,", "ordered_at (下单时间) more than a day"),
        ("T1,S1,2026-02-20 10:00:00,12.50,CNY,", "ordered_at (下单时间) more than a day"),
        # Not known, and it never will be.
        ("T1,S9,2026-02-01 10:00:00,12.50,CNY,", "another merchant"),
    ],
)
def test_an_order_stays_with_its_merchant_and_its_day(
    con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path, again: str, word: str
) -> None:
    deliver(con, conf, tmp_path / "a", 0, subjects=SUBJECTS, transactions=f"{ORDERS}\n{FIRST}\n")
    before = con.execute("FROM canonical.transactions").fetchall()
    batch = deliver(con, conf, tmp_path / "b", 1, transactions=f"{ORDERS}\n{again}\n")
    assert con.execute("FROM canonical.transactions").fetchall() == before
    ((key, code, reason),) = reasons(con)
    assert (key, code) == ("T1", "moved")
    assert word in reason
    assert "--history" in reason
    assert [row[1] for row in batch.reasons] == ["moved"]
    assert batch.counts["transactions"] == {"read": 1, "accepted": 0, "quarantined": 1}


def test_a_time_may_be_told_more_exactly(con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path) -> None:
    deliver(con, conf, tmp_path / "a", 0, subjects=SUBJECTS, transactions=f"{ORDERS}\n{FIRST}\n")
    later = FIRST.replace("10:00:00", "10:00:59")
    deliver(con, conf, tmp_path / "b", 1, transactions=f"{ORDERS}\n{later}\n")
    assert reasons(con) == []


def test_what_was_wrong_at_first_is_put_right_as_history(
    con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path
) -> None:
    deliver(con, conf, tmp_path / "a", 0, history=True, subjects=SUBJECTS, transactions=f"{ORDERS}\n{FIRST}\n")
    right = FIRST.replace("S1", "S2")
    deliver(con, conf, tmp_path / "b", 1, history=True, transactions=f"{ORDERS}\n{right}\n")
    assert reasons(con) == []
    assert con.execute("SELECT subject_id FROM canonical.transactions").fetchall() == [("S2",)]


def test_versions_within_one_delivery_are_held_to_the_first(
    con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path
) -> None:
    moved = FIRST.replace("S1", "S2") + ",2026-02-05 00:00:00"
    text = f"{ORDERS},known_at\n{moved}\n{FIRST},2026-02-01 12:00:00\n"
    deliver(con, conf, tmp_path / "a", 0, subjects=SUBJECTS, transactions=text)
    assert [row[1] for row in reasons(con)] == ["moved"]
    assert con.execute("SELECT subject_id FROM canonical.transactions").fetchall() == [("S1",)]


def test_a_complaint_stays_with_its_merchant(con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path) -> None:
    complaint = f"{COMPLAINTS}\nC1,S1,2026-02-03 10:00:00,platform,quality\n"
    deliver(con, conf, tmp_path / "a", 0, subjects=SUBJECTS, complaints=complaint)
    deliver(con, conf, tmp_path / "b", 1, complaints=complaint.replace("S1", "S2"))
    assert [row[1] for row in reasons(con)] == ["moved"]
    assert con.execute("SELECT subject_id FROM canonical.complaints").fetchall() == [("S1",)]


def test_a_far_off_promise_does_not_set_the_order_aside(
    con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path
) -> None:
    """The longest term of the rules caps it; the order counts."""
    text = f"{ORDERS}\n{FIRST}2199-01-01 00:00:00\n"
    deliver(con, conf, tmp_path / "a", 0, subjects=SUBJECTS, transactions=text)
    assert reasons(con) == []
    assert con.execute("SELECT year(dispatch_due_at) FROM canonical.transactions").fetchall() in ([(2198,)], [(2199,)])

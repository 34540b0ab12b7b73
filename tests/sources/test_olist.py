"""The Olist adapter on a few literal orders, as CSV and as Parquet (no outside data needed)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import settings
from credit.errors import InputError
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging

pytestmark = pytest.mark.slow

FILES = {
    "orders": """order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date
o1,c1,delivered,2018-03-01 10:00:00,2018-03-01 11:00:00,2018-03-02 09:00:00,2018-03-10 18:00:00,2018-03-10 00:00:00
o2,c2,delivered,2018-03-01 23:30:00,2018-03-02 08:00:00,2018-03-09 09:00:00,,2018-03-20 00:00:00
o3,c3,canceled,2018-03-02 10:00:00,,,,2018-03-15 00:00:00
o4,c4,unavailable,2018-03-03 10:00:00,2018-03-03 11:00:00,,,2018-03-18 00:00:00
o5,c5,canceled,2018-03-04 10:00:00,,,,2018-03-19 00:00:00
o6,c6,shipped,2018-03-05 10:00:00,2018-03-05 11:00:00,2018-03-04 09:00:00,,2018-03-25 00:00:00
o7,c7,delivered,2018-03-06 10:00:00,2018-03-06 11:00:00,2018-03-07 09:00:00,2018-03-11 09:00:00,2018-03-25 00:00:00
""",
    "order_items": """order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,sA,2018-03-05 10:00:00,10.10,1.00
o1,2,p2,sA,2018-03-06 10:00:00,20.20,2.00
o2,1,p1,sA,2018-03-06 10:00:00,10.00,1.00
o2,2,p2,sB,2018-03-07 10:00:00,30.00,3.00
o3,1,p1,sB,2018-03-08 10:00:00,10.00,1.00
o4,1,p1,sB,2018-03-09 10:00:00,10.00,1.00
o6,1,p1,sB,2018-03-09 10:00:00,10.00,1.00
o7,1,p1,sZ,2018-03-12 10:00:00,10.00,1.00
o9,1,p1,sA,2018-03-12 10:00:00,10.00,1.00
""",
    "order_reviews": '''review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,review_answer_timestamp
r1,o1,5,Bom,"Chegou antes,
perfeito ""mesmo""",2018-03-11 00:00:00,2018-03-12 10:00:00
r2,o2,1,,,2018-03-21 00:00:00,2018-03-22 10:00:00
r2,o3,2,,,2018-03-21 00:00:00,2018-03-22 10:00:00
r3,o1,4,,,2018-03-21 00:00:00,
r4,o5,4,,,2018-03-21 00:00:00,2018-03-22 10:00:00
''',
    "customers": "customer_id,customer_unique_id\n" + "".join(f"c{i},u{i % 3}\n" for i in range(1, 8)),
    "sellers": "seller_id,seller_zip_code_prefix,seller_city,seller_state\nsA,1,campinas,SP\nsB,2,rio,RJ\n",
    "products": "product_id,product_category_name\np1,livros\np2,\n",
}

Rows = list[tuple[Any, ...]]


def write(path: Path, form: str) -> Path:
    path.mkdir()
    for name, text in FILES.items():
        file = path / f"olist_{name}_dataset.csv"
        file.write_text(text, encoding="utf-8")
        if form == "parquet":
            duckdb.sql(f"SELECT * FROM read_csv('{file}', quote='\"', escape='\"')").write_parquet(
                str(file.with_suffix(".parquet"))
            )
            file.unlink()
    return path


@pytest.fixture(params=["csv", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path / "olist", request.param)


Landed = tuple[duckdb.DuckDBPyConnection, landing.Batch]


@pytest.fixture(scope="module", params=["csv", "parquet"])
def landed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    """The files taken in; tests only read them."""
    base = tmp_path_factory.mktemp("landed")
    with open_warehouse(settings.load(home=base / "home")) as con:
        yield con, land(con, write(base / "olist", request.param), base)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings.load(home=tmp_path / "home")) as con:
        yield con


def land(con: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path) -> landing.Batch:
    batch = landing.land(con, settings.load(home=tmp_path / "home"), "olist", folder, date(2018, 8, 31))
    if batch.state == "landed":
        merging.accept(con, batch.batch_id)
    return batch


def test_every_row_of_every_file_is_accounted_for(landed: Landed) -> None:
    con, batch = landed
    assert batch.counts == {
        "orders": {"read": 7, "accepted": 4, "quarantined": 3},
        "items": {"read": 9, "accepted": 6, "quarantined": 3},
        "reviews": {"read": 5, "accepted": 3, "quarantined": 2},
        "customers": {"read": 7, "accepted": 7, "quarantined": 0},
        "sellers": {"read": 2, "accepted": 2, "quarantined": 0},
        "products": {"read": 2, "accepted": 2, "quarantined": 0},
    }
    quarantined = con.execute("SELECT source_table, key, code FROM quarantine.rows ORDER BY ALL").fetchall()
    assert quarantined == [
        ("items", "o6:sB", "part_of_rejected"),
        ("items", "o7:sZ", "part_of_rejected"),
        ("items", "o9", "unknown_order"),
        ("orders", "o5", "no_items"),
        ("orders", "o6:sB", "dispatched_at_before_ordered_at"),
        ("orders", "o7:sZ", "unknown_subject"),
        ("reviews", "r3:o1:sA", "missing"),
        ("reviews", "r4", "no_seller"),
    ]


def test_an_order_of_two_sellers_is_two_transactions(landed: Landed) -> None:
    con, _ = landed
    got: Rows = con.execute(
        """SELECT transaction_id, amount::VARCHAR, dispatch_due_at::VARCHAR, delivery_due_at::VARCHAR, category
           FROM canonical.transactions WHERE order_id IN ('o1', 'o2') ORDER BY 1"""
    ).fetchall()
    assert got == [
        # the first of its items' limits; the promised day to its end, Brazil at UTC-3
        ("o1:sA", "33.30", "2018-03-05 13:00:00+00", "2018-03-11 03:00:00+00", "livros"),
        ("o2:sA", "11.00", "2018-03-06 13:00:00+00", "2018-03-21 03:00:00+00", "livros"),
        ("o2:sB", "33.00", "2018-03-07 13:00:00+00", "2018-03-21 03:00:00+00", None),
    ]
    days = con.execute(
        "SELECT DISTINCT ordered_on::VARCHAR FROM canonical.transactions WHERE order_id = 'o2'"
    ).fetchall()
    assert days == [("2018-03-01",)]
    shared = con.execute("SELECT transaction_id FROM canonical.reviews WHERE shared ORDER BY 1").fetchall()
    assert shared == [("o2:sA",), ("o2:sB",)]


def test_a_cancellation_counts_from_the_end_of_the_promised_day(landed: Landed) -> None:
    con, _ = landed
    got = con.execute(
        "SELECT order_id, cancelled_at::VARCHAR, cancelled_by, cancel_reason FROM canonical.transactions WHERE cancelled_at IS NOT NULL ORDER BY 1"
    ).fetchall()
    assert got == [
        ("o3", "2018-03-16 03:00:00+00", "unknown", "unknown"),
        ("o4", "2018-03-19 03:00:00+00", "unknown", "unknown"),
    ]


def test_a_text_with_line_breaks_and_quotes_is_whole(landed: Landed) -> None:
    con, _ = landed
    [(text,)] = con.execute("SELECT text FROM canonical.reviews WHERE review_id LIKE 'r1:%'").fetchall()
    assert text == 'Bom Chegou antes,\nperfeito "mesmo"'


def test_what_olist_does_not_supply_is_missing(landed: Landed) -> None:
    con, _ = landed
    from credit.rulebooks.reading import shipped

    night = evaluation.compute(con, date(2018, 8, 31), "America/Sao_Paulo", shipped())[0]
    states = {column.indicator: set(column.state) for column in night.scores.columns}
    for indicator in (
        "complaint_rate",
        "refund_for_cause_rate",
        "invoice_rate",
        "unanswered_negatives",
        "deposit_held",
    ):
        assert states[indicator] == {"missing"}
    assert list(night.grades["grade"]) == ["NR", "NR"]


def test_files_and_columns_that_lack(con: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path) -> None:
    [items] = folder.glob("olist_order_items_dataset.*")
    items.rename(folder / "elsewhere.txt")
    with pytest.raises(InputError, match=r"lacks olist_order_items_dataset\.parquet"):
        land(con, folder, tmp_path)
    (folder / "olist_order_items_dataset.csv").write_text("order_id,order_item_id\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks columns: product_id, seller_id"):
        land(con, folder, tmp_path)
    for file in folder.glob("olist_order_reviews_dataset.*"):
        file.unlink()
    (folder / "olist_order_items_dataset.csv").write_text(FILES["order_items"], encoding="utf-8")
    batch = land(con, folder, tmp_path)
    assert "olist_order_reviews_dataset is not there" in batch.notices[0]


def test_an_item_that_stands_twice_is_counted_once(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "olist"
    path.mkdir()
    for name, text in FILES.items():
        again = "o1,1,p1,sA,2018-03-05 10:00:00,10.10,1.00\n" if name == "order_items" else ""
        (path / f"olist_{name}_dataset.csv").write_text(text + again, encoding="utf-8")
    batch = land(con, path, tmp_path)
    assert batch.counts["items"] == {"read": 10, "accepted": 6, "quarantined": 4}
    [(amount,)] = con.execute("SELECT amount::VARCHAR FROM canonical.transactions WHERE order_id = 'o1'").fetchall()
    assert amount == "33.30"

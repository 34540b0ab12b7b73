"""The public Olist marketplace files (Parquet, or CSV of the same names) as canonical rows.

An Olist order can hold items of several sellers: each (order, seller) is one transaction. What Olist does not say is
left blank; it has no complaints, registrations or public records, so those tables are not supplied.

Olist delivers its whole history at once, so each row states `known_at` from its own event: an order is known since it
was placed, a review since it was answered, the undated register of sellers always. Everything that happened to
an order later carries its own time, and the evaluation blanks what had not happened by its cut-off. A status has no
time: of `canceled` and `unavailable` we take it that the platform knew by the end of the promised delivery day, and no
other status is used, because it tells of the day of the export. Who called an order off, and why, is not supplied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.settings import Settings
from credit.sources import files
from credit.sources.delivery import Delivery, InputFile, Part
from credit.warehouse.connection import quote
from credit.warehouse.sql import statement

ZONE = "America/Sao_Paulo"

COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": ("order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
               "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date"),
    "order_items": ("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price",
                    "freight_value"),
    "order_reviews": ("review_id", "order_id", "review_score", "review_comment_title", "review_comment_message",
                      "review_creation_date", "review_answer_timestamp"),
    "customers": ("customer_id", "customer_unique_id"),
    "sellers": ("seller_id", "seller_city", "seller_state"),
    "products": ("product_id", "product_category_name"),
}  # fmt: skip
OPTIONAL = ("order_reviews", "customers", "products")
SHORT = {"order_items": "items", "order_reviews": "reviews"}


def _find(path: Path) -> dict[str, Path]:
    if not path.is_dir():
        raise InputError(
            f"{path} is not a folder; expected the folder of olist_orders_dataset.parquet (or .csv) and its kin"
        )
    here = {file.name: file for file in files.list_folder(path) if file.parent == path}
    table_files = {}
    for table in COLUMNS:
        names = [f"olist_{table}_dataset{ending}" for ending in (".parquet", ".csv", ".csv.gz")]
        for name in names:
            if name in here:
                table_files[table] = here[name]
                break
        else:
            if table not in OPTIONAL:
                raise InputError(f"{path} lacks {names[0]} (or {names[1]}); it is needed")
    return table_files


def read(
    con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, is_landed: Callable[[InputFile], bool]
) -> Delivery:
    """Read the folder of Olist files. Raises InputError before anything changes."""
    table_files = _find(path)
    # One history in several files: it is landed as one thing.
    total = hashlib.sha256()
    for table, file in table_files.items():
        total.update(f"{table}:{files.digest(file)};".encode())
    whole = InputFile(path, "olist", total.hexdigest())
    notices = [
        f"olist_{table}_dataset is not there: what it tells stays missing"
        for table in OPTIONAL
        if table not in table_files
    ]
    if is_landed(whole):
        return Delivery("olist", (whole,), (), (), {}, zone=ZONE)

    counts: dict[str, int] = {}
    rejects: list[str] = []
    for table, wanted in COLUMNS.items():
        name = f"olist_{table}"
        short = SHORT.get(table, table)
        if table not in table_files:
            nulls = ", ".join(f"NULL::VARCHAR AS {column}" for column in wanted)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT 0 AS _line, {nulls} WHERE false")
            continue
        raw = files.read_table(con, settings, table_files[table], f"raw_{table}")
        missing = [column for column in wanted if column not in raw.columns]
        if missing:
            raise InputError(f"{table_files[table]} lacks columns: {', '.join(missing)}; {files.told(raw.columns)}")
        picked = ", ".join(f"{raw.columns[column]} AS {column}" for column in wanted)
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT _line, {picked} FROM {raw.name}")
        counts[short] = raw.rows
        if raw.rejects:
            rejects.append(
                f"SELECT '{short}' AS source_table, {quote(table_files[table].name)} AS file, line, NULL::VARCHAR AS key, "
                f"code, reason, raw FROM ({raw.rejects})"
            )

    file_of = {table: quote(table_files[table].name) if table in table_files else "''" for table in COLUMNS}
    _build(con)
    rejects += [
        f"""SELECT 'orders', {file_of["orders"]}, _line, order_id, 'no_items',
               'the order has no items, so no seller it could be credited to (status ' || coalesce(order_status, '?') || ')',
               to_json(o)::VARCHAR
            FROM (SELECT * EXCLUDE (customer_id) FROM olist_orders) o
            WHERE order_id IS NULL OR order_id NOT IN (SELECT order_id FROM olist_items_by_seller)""",
        f"""SELECT 'items', {file_of["order_items"]}, _line, order_id, 'unknown_order',
               'the item belongs to an order or seller that is not stated', to_json(i)::VARCHAR
            FROM olist_order_items i
            WHERE order_id IS NULL OR seller_id IS NULL OR order_id NOT IN (SELECT order_id FROM olist_orders
                                                                           WHERE order_id IS NOT NULL)""",
        f"""SELECT 'items', {file_of["order_items"]}, _line, order_id || ':' || order_item_id, 'duplicate_row',
               'the item stands twice; the first is taken', to_json(i)::VARCHAR
            FROM olist_order_items i WHERE order_id IS NOT NULL AND seller_id IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY order_id, order_item_id ORDER BY _line) > 1""",
        f"""SELECT 'reviews', {file_of["order_reviews"]}, _line, review_id, 'no_seller',
               'the review is of an order that is unknown or has no items, so of no seller', to_json(r)::VARCHAR
            FROM olist_order_reviews r
            WHERE order_id IS NULL OR order_id NOT IN (SELECT order_id FROM olist_items_by_seller)
                OR order_id NOT IN (SELECT order_id FROM olist_orders WHERE order_id IS NOT NULL)""",
    ]
    parts: tuple[Part, ...] = (
        Part("subjects", "sellers", f"SELECT {file_of['sellers']} AS _file, * FROM olist_subjects",
             ("subject_id", "kind", "role", "address", "known_at")),
        Part("transactions", "orders", f"SELECT {file_of['orders']} AS _file, * FROM olist_transactions",
             ("transaction_id", "order_id", "subject_id", "buyer_id", "ordered_at", "paid_at", "dispatch_due_at",
              "dispatched_at", "delivery_due_at", "delivered_at", "completed_at", "cancelled_at",  "amount", "currency", "category", "known_at"),
             components=(
                 f"""SELECT 'items' AS source_table, {file_of["order_items"]} AS file, _line AS line,
                        order_id || ':' || seller_id AS key, to_json(i)::VARCHAR AS raw
                     FROM olist_order_items i SEMI JOIN olist_orders USING (order_id) WHERE seller_id IS NOT NULL
                     QUALIFY row_number() OVER (PARTITION BY order_id, order_item_id ORDER BY _line) = 1""",
             )),
    )  # fmt: skip
    if "order_reviews" in table_files:
        parts += (
            Part("reviews", "reviews", f"SELECT {file_of['order_reviews']} AS _file, * FROM olist_reviews",
                 ("review_id", "transaction_id", "subject_id", "buyer_id", "reviewed_at", "rating_overall", "text",
                  "shared", "known_at")),
        )  # fmt: skip
    lookups = tuple(table for table in ("customers", "products") if table in table_files)
    return Delivery("olist", (whole,), parts, tuple(rejects), counts, lookups, ZONE, tuple(notices))


def _build(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(statement(__file__, "olist"))

"""Rows that came before the order they speak of, because its batch was set aside: they wait, as rows of unknown sellers do."""

from __future__ import annotations

import duckdb

from credit.tables import Table

SET_ASIDE = """(SELECT key FROM quarantine.rows WHERE code = 'failed_expectations' AND key IS NOT NULL)"""


def speaks_of_orders(table: Table) -> bool:
    """Whether the rows of a table name an order."""
    return table.name != "transactions" and "transaction_id" in table.names


def order_missing(batch_id: int) -> str:
    """SQL over rows with a transaction_id: whether the order was set aside and has not come since, nor comes in this batch."""
    return f"""transaction_id IN {SET_ASIDE}
        AND transaction_id NOT IN (SELECT transaction_id FROM canonical.transactions)
        AND transaction_id NOT IN (SELECT transaction_id FROM landing.transactions WHERE batch_id = {batch_id})"""


def hold_early_rows(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Move the rows of a batch whose orders were set aside from `landing` to `waiting`; they are listed in the quarantine."""
    if not speaks_of_orders(table):
        return
    early = f"batch_id = {batch_id} AND {order_missing(batch_id)}"
    con.execute(f"INSERT INTO waiting.{table.name} SELECT * FROM landing.{table.name} WHERE {early}")
    con.execute(
        f"""INSERT INTO staged_rejects
            SELECT batch_id, source_table, file, line, {table.key}, 'unknown_transaction',
                   'transaction_id (交易编号) was set aside with its batch; the row waits until the order is delivered again: got «'
                       || left(transaction_id, 60) || '»',
                   to_json(l)::VARCHAR, NULL
            FROM landing.{table.name} l WHERE {early}"""
    )
    con.execute(f"DELETE FROM landing.{table.name} WHERE {early}")

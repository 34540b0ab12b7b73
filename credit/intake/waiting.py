"""Rows that came too early: of sellers nobody has told us of, or of an order whose batch was set aside. They wait, listed in
the quarantine, and come in with the batch that brings what they lacked."""

from __future__ import annotations

import duckdb

from credit.intake.registers import find_merchants
from credit.tables import Table
from credit.warehouse.connection import scalar
from credit.warehouse.sql import statement

_ACCEPTED = "(SELECT batch_id FROM meta.batches WHERE state = 'accepted')"
_SET_ASIDE = """(SELECT key FROM quarantine.rows WHERE code = 'failed_expectations' AND key IS NOT NULL)"""


def hold_early_rows(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Move the rows of a batch that neither it nor the warehouse has the seller or the order of from `landing` to `waiting`."""
    if table.name == "subjects":
        return
    known = f"""(SELECT subject_id FROM canonical.subjects
        UNION ALL SELECT subject_id FROM landing.subjects WHERE batch_id = {batch_id})"""
    reason = "subject_id (主体编号) is not among the subjects; the row waits until it is"
    _hold(con, table, batch_id, f"subject_id NOT IN {known}", "unknown_subject", "subject_id", reason)
    if _speaks_of_orders(table):
        reason = (
            "transaction_id (交易编号) was set aside with its batch; the row waits until the order is delivered again"
        )
        _hold(con, table, batch_id, _order_missing(batch_id), "unknown_transaction", "transaction_id", reason)


def wait_once(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """What a batch that is being accepted left waiting as an accepted batch before it had: it waits once, listed as it came last."""
    if not scalar(con, f"SELECT count(*) FROM waiting.{table.name} WHERE batch_id = {batch_id}"):
        return
    content = ", ".join(table.names)
    con.execute(
        statement(
            __file__,
            "wait_once",
            table=table.name,
            key=table.key,
            content=content,
            batch=str(batch_id),
            accepted=_ACCEPTED,
        )
    )


def release(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Rows of accepted batches whose subject and order are known by now join the merge of this batch, as `released`."""
    find_merchants(con, table, "waiting")
    due = f"subject_id IN (SELECT subject_id FROM canonical.subjects) AND batch_id IN {_ACCEPTED}"
    if _speaks_of_orders(table):
        due += f" AND NOT coalesce({_order_missing(batch_id)}, false)"
    if not scalar(con, f"SELECT count(*) FROM waiting.{table.name} WHERE {due}"):
        return
    con.execute(
        statement(
            __file__, "release", table=table.name, key=table.key, due=due, batch=str(batch_id), accepted=_ACCEPTED
        ),
    )


def _hold(
    con: duckdb.DuckDBPyConnection, table: Table, batch_id: int, early: str, code: str, named: str, reason: str
) -> None:
    con.execute(
        statement(
            __file__,
            "hold",
            table=table.name,
            key=table.key,
            batch=str(batch_id),
            early=early,
            code=code,
            named=named,
            reason=reason,
        )
    )


def _speaks_of_orders(table: Table) -> bool:
    return table.name != "transactions" and "transaction_id" in table.names


def _order_missing(batch_id: int) -> str:
    """SQL over rows with a transaction_id: whether the order was set aside and has not come since, nor comes in this batch."""
    return f"""transaction_id IN {_SET_ASIDE}
        AND transaction_id NOT IN (SELECT transaction_id FROM canonical.transactions)
        AND transaction_id NOT IN (SELECT transaction_id FROM landing.transactions WHERE batch_id = {batch_id})"""

"""Rows that give a key to another merchant, or its event another day, than it was first delivered with: set aside.

A bad order would vanish from its merchant's count, or from the window, by being delivered anew. What was delivered wrong is
put right by delivering it with --history.
"""

from __future__ import annotations

import duckdb

from credit.tables import Table
from credit.warehouse.sql import statement

FIXED_EVENTS = ("transactions", "reviews", "complaints")
"""Tables whose event is a consumer's act, at an instant that no later decision changes."""


def set_moved_rows_aside(con: duckdb.DuckDBPyConnection, table: Table, batch_id: int) -> None:
    """Move rows of the batch that name another merchant than the accepted row of their key, or a time more than a day off,
    from `landing` to `staged_rejects`. Within a batch the version known first counts as the accepted one."""
    if table.name == "subjects":
        return
    moved = "subject_id <> first_subject"
    if table.name in FIXED_EVENTS:
        moved += f" OR abs(date_diff('second', {table.event}, first_event)) > 86400"
    con.execute(
        statement(
            __file__,
            "moved",
            table=table.name,
            key=table.key,
            event=str(table.event),
            event_zh=table.column(str(table.event)).zh,
            batch_id=str(batch_id),
            moved=moved,
        )
    )
    con.execute(
        f"""INSERT INTO staged_rejects
            SELECT batch_id, source_table, file, line, {table.key}, 'moved', m.reason, to_json(l)::VARCHAR, NULL
            FROM landing.{table.name} l JOIN moved m ON m.row = l.rowid"""
    )
    con.execute(f"DELETE FROM landing.{table.name} WHERE rowid IN (SELECT row FROM moved)")

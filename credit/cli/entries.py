"""Shared by the verbs that enter something in a ledger: their options, tables and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import duckdb
import typer
from rich.table import Table as RichTable

from credit.cli.consoles import out
from credit.cli.options import print_json
from credit.ledgers import entries
from credit.ledgers.entries import Ending
from credit.ledgers.moments import entry

MASKED = "published, natural persons' names and numbers masked"

Merchant = Annotated[str, typer.Argument(help="The merchant's subject_id.")]
Number = Annotated[int, typer.Argument(help="Its number.")]
OnlyMerchant = Annotated[str | None, typer.Option("--merchant", help="Only of this merchant.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
MaybeReason = Annotated[str | None, typer.Option("--reason", help="Why; not published.")]


def known_merchant(con: duckdb.DuckDBPyConnection, merchant: str | None) -> None:
    """Raises UserError for a merchant that the register does not have: an empty list would say that it has no entries."""
    if merchant is not None:
        entries.merchant(con, merchant)


def entry_table(title: str, *headings: str, wraps: tuple[str, ...] = ()) -> RichTable:
    """A table of entries. Ids, days and codes are not broken; the columns in `wraps` are text."""
    table = RichTable(title=title, title_justify="left")
    for heading in headings:
        table.add_column("\n".join(heading.rsplit(" ", 1)), overflow="fold", no_wrap=heading not in wraps)
    return table


def to_the_second(instant: str) -> str:
    """An instant of `entry` for a person to read."""
    return datetime.fromisoformat(instant).isoformat(sep=" ", timespec="seconds")


def report(document: dict[str, Any], as_json: bool, line: str) -> None:
    """The entry that was made: as JSON, or in a line."""
    if as_json:
        print_json(document)
    else:
        out.print(line, highlight=False, soft_wrap=True)


def ending_document(ending: Ending | None, zone: str) -> dict[str, Any] | None:
    """The end of an entry as JSON-able data; instants in `zone`."""
    if ending is None:
        return None
    return {
        "on": ending.day, "reason": ending.reason, **entry(ending.at, ending.recorded_at, zone), "by": ending.by,
    }  # fmt: skip

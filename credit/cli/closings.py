"""The verbs `closing announce|withdraw|list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from credit.cli.consoles import out
from credit.cli.entries import (
    MASKED,
    MaybeReason,
    Merchant,
    Number,
    OnlyMerchant,
    ending_document,
    entry_table,
    known_merchant,
    report,
)
from credit.cli.options import AsJson, At, Home, Who, entering, instant_of, named_day, print_json, reading
from credit.ledgers import closings, moments
from credit.ledgers.moments import entry

app = typer.Typer(no_args_is_help=True, help="Notices of closing, 30 days before (停业公告).")


@app.command()
def announce(
    merchant: Merchant,
    on: Annotated[str, typer.Option("--on", metavar="YYYY-MM-DD", help="The day of closing, 30 days ahead or more.")],
    by: Who,
    text: Annotated[str | None, typer.Option("--text", help=f"What else is said; {MASKED}.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Announce that a merchant closes; the notice stands until then (E-Commerce Law Art. 16).

    Example: merchant-credit closing announce M000002 --on 2026-12-31 --by "Li Wei"
    """
    day = named_day(on, "--on")
    with entering(home) as con:
        closing = closings.announce(con, merchant, on=day, by=by, text=text, at=instant_of(at))
        document = _document(closing, moments.zone(con))
    report(
        document,
        as_json,
        f"Notice {closing.number}: {escape(merchant)} closes on {day} 停业公告已登记，编号 {closing.number}",
    )


@app.command("withdraw")
def withdraw(
    number: Number, by: Who, reason: MaybeReason = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Withdraw a notice of closing.

    Example: merchant-credit closing withdraw 1 --by "Li Wei"
    """
    with entering(home) as con:
        closing = closings.withdraw(con, number, by=by, reason=reason, at=instant_of(at))
        document = _document(closing, moments.zone(con))
    report(document, as_json, f"Notice {number} withdrawn 停业公告 {number} 已撤回")


@app.command("list")
def list_closings(merchant: OnlyMerchant = None, home: Home = None, as_json: AsJson = False) -> None:
    """The notices of closing, by number.

    Example: merchant-credit closing list
    """
    with reading(home) as con:
        known_merchant(con, merchant)
        notices = closings.closings(con, merchant)
        zone = moments.zone(con)
    if as_json:
        print_json([_document(closing, zone) for closing in notices])
        return
    table = entry_table(
        "Notices of closing 停业公告", "No. 编号", "Announced 公告", "Merchant 主体", "Closes 停业", "Withdrawn 撤回"
    )
    for closing in notices:
        withdrawn = str(closing.withdrawn.day) if closing.withdrawn else ""
        table.add_row(
            *map(escape, (str(closing.number), str(closing.day), closing.subject_id, str(closing.closes_on), withdrawn))
        )
    out.print(table)


def _document(closing: closings.Closing, zone: str) -> dict[str, Any]:
    return {
        "number": closing.number,
        "subject_id": closing.subject_id,
        "announced_on": closing.day,
        "closes_on": closing.closes_on,
        "text": closing.text,
        **entry(closing.at, closing.recorded_at, zone),
        "by": closing.by,
        "withdrawn": ending_document(closing.withdrawn, zone),
    }

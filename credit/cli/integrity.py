"""The verbs `integrity scan` and `integrity show`: findings of manipulation, evidence for a person."""

from __future__ import annotations

import time
from typing import Annotated, Any

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli import findings
from credit.cli.options import AsJson, Day, Home, day_of, err, out, print_json
from credit.errors import UserError
from credit.integrity import scan as scan_
from credit.ledgers.finding import KINDS, Finding

app = typer.Typer(no_args_is_help=True)
app.add_typer(findings.app)
SHOWN = 50


@app.command()
def scan(
    day: Day = None,
    kind: Annotated[str | None, typer.Option(help=f"Only one kind: {', '.join(KINDS)}.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table; --json gives all.")] = 20,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Look for signs of manipulation in what was known on the night of --date. Nothing is stored and no grade changes.

    Example: merchant-credit integrity scan --date 2026-11-24

    Example: merchant-credit integrity scan --kind copied_reviews --json
    """
    from credit.home import open_warehouse

    if kind not in (None, *KINDS):
        raise UserError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    started = time.perf_counter()
    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        found = [one for one in scan_.scan(con, conf, on) if kind in (None, one.kind)]
    if as_json:
        seconds = round(time.perf_counter() - started, 3)
        print_json({"day": str(on), "findings": [one.document() for one in found], "seconds": seconds})
        return
    table = RichTable(title=f"Findings 线索 · {on}", title_justify="left")
    for heading, ratio in (("Finding 线索", 1), ("What 内容", 3)):
        table.add_column(heading, overflow="fold", ratio=ratio)
    for one in found[:limit]:
        names = (
            f"{one.id}\n{KINDS[one.kind].zh} {KINDS[one.kind].en}\n{one.subject_id}\nstrength 强度 {one.strength:.2f}"
        )
        table.add_row(escape(names), escape(f"{one.zh()}\n{one.en()}"))
        table.add_section()
    out.print(table)
    out.print("Evidence for a person; nothing is decided by it 线索仅供人工核查，不构成任何处理决定")
    if len(found) > limit:
        err.print(f"{limit} of {len(found):,} findings; --limit shows more, --json all")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The finding's id, or a unique beginning of it.")],
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show one finding of the scan of --date with its orders and reviews, so that a person can check it.

    Example: merchant-credit integrity show 3f2a9c --date 2026-11-24
    """
    from credit.home import open_warehouse

    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        one = scan_.finding(con, conf, on, id)
        rows = {"orders": _orders(con, one), "reviews": _reviews(con, one)}
    if as_json:
        print_json(one.document() | {"rows": rows})
        return
    out.print(
        f"[bold]{KINDS[one.kind].zh} {KINDS[one.kind].en}[/bold] · {escape(one.subject_id)} · {one.id} · "
        f"strength 强度 {one.strength:.2f}\n{escape(one.zh())}\n{escape(one.en())}",
        highlight=False,
    )
    headings = {
        "orders": ("Order 订单", "Buyer 买家", "Ordered 下单", "Dispatched 发货", "Delivered 签收", "Amount 金额"),
        "reviews": ("Review 评价", "Buyer 买家", "Reviewed 评价时间", "Stars 评分", "Text 内容"),
    }
    for name, cells in headings.items():
        if not rows[name]:
            continue
        table = RichTable()
        for heading in cells:
            table.add_column(heading, overflow="fold")
        for row in rows[name][:SHOWN]:
            table.add_row(*(escape("" if value is None else str(value)) for value in row.values()))
        out.print(table)
        if len(rows[name]) > SHOWN:
            err.print(f"{SHOWN} of {len(rows[name]):,} {name}; --json shows all")


def _orders(con: duckdb.DuckDBPyConnection, one: Finding) -> list[dict[str, Any]]:
    times = ", ".join(
        f"strftime(timezone(getvariable('zone'), {name}), '%Y-%m-%d %H:%M') AS {name}"
        for name in ("ordered_at", "dispatched_at", "delivered_at")
    )
    return _rows(
        con, f"transaction_id, buyer_id, {times}, amount::VARCHAR AS amount", "transactions", "ordered_at", one
    )


def _reviews(con: duckdb.DuckDBPyConnection, one: Finding) -> list[dict[str, Any]]:
    written = "strftime(timezone(getvariable('zone'), reviewed_at), '%Y-%m-%d %H:%M') AS reviewed_at"
    return _rows(con, f"review_id, buyer_id, {written}, rating_overall, text", "reviews", "reviewed_at", one)


def _rows(con: duckdb.DuckDBPyConnection, cells: str, table: str, event: str, one: Finding) -> list[dict[str, Any]]:
    """The finding's rows of a table, as the night of the finding knew them, in the order of time."""
    from credit.evaluation import engine
    from credit.settings import cut_off
    from credit.tables import TABLES
    from credit.warehouse.connection import as_dicts, scalar

    zone = scalar(con, "SELECT getvariable('zone')")
    known = engine.known(con, engine.Moment(cut_off(one.day, zone), zone))(TABLES[table]).to_native().sql_query()
    keys = list(one.orders if table == "transactions" else one.reviews)
    key = TABLES[table].key
    return as_dicts(
        con,
        f"SELECT {cells} FROM ({known}) k SEMI JOIN (SELECT unnest(?) AS {key}) w USING ({key}) ORDER BY k.{event}, {key}",
        [keys],
    )

"""The verbs `integrity scan|show|uphold|dismiss`: findings of manipulation, and what a person decides about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli import price
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, At, Day, Home, Who, day_of, instant_of, print_json
from credit.errors import UserError
from credit.evaluation import engine
from credit.home import open_warehouse
from credit.integrity import scan as scans
from credit.ledgers import findings, moments
from credit.ledgers.finding import KINDS, Finding
from credit.ledgers.moments import coded, entry
from credit.settings import cut_off
from credit.tables import TABLES
from credit.warehouse.connection import as_dicts

app = typer.Typer(no_args_is_help=True, help="Findings of manipulation (刷单与操纵评价线索).")
ROWS = 50
"""Orders and reviews of a finding that are shown; --json gives all."""

Id = Annotated[str, typer.Argument(help="The finding's id, or a unique beginning of it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the merchant is told, it is not published.")]


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
    if kind not in (None, *KINDS):
        raise UserError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    started = time.perf_counter()
    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        listed = [finding for finding in scans.scan(con, conf, on) if kind in (None, finding.kind)]
    if as_json:
        seconds = round(time.perf_counter() - started, 3)
        print_json({"day": str(on), "findings": [finding.document() for finding in listed], "seconds": seconds})
        return
    table = RichTable(title=f"Findings 线索 · {on}", title_justify="left")
    for heading, ratio in (("Finding 线索", 1), ("What 内容", 3)):
        table.add_column(heading, overflow="fold", ratio=ratio)
    for finding in listed[:limit]:
        kind_names = f"{KINDS[finding.kind].zh} {KINDS[finding.kind].en}"
        cell = f"{finding.id}\n{kind_names}\n{finding.subject_id}\nstrength 强度 {finding.strength:.2f}"
        table.add_row(escape(cell), escape(f"{finding.zh()}\n{finding.en()}"))
        table.add_section()
    out.print(table)
    out.print("Evidence for a person; nothing is decided by it 线索仅供人工核查，不构成任何处理决定")
    if len(listed) > limit:
        err.print(f"{limit} of {len(listed):,} findings; --limit shows more, --json all")


@app.command()
def show(
    id: Id,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show one finding of the scan of --date with its orders and reviews, so that a person can check it.

    Example: merchant-credit integrity show 3f2a9c --date 2026-11-24
    """
    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        finding = scans.finding(con, conf, on, id)
        rows = {"orders": _orders(con, finding), "reviews": _reviews(con, finding)}
    if as_json:
        print_json(finding.document() | {"rows": rows})
        return
    out.print(
        f"[bold]{KINDS[finding.kind].zh} {KINDS[finding.kind].en}[/bold] · {escape(finding.subject_id)} · {finding.id} · "
        f"strength 强度 {finding.strength:.2f}\n{escape(finding.zh())}\n{escape(finding.en())}",
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
        for row in rows[name][:ROWS]:
            table.add_row(*(escape("" if value is None else str(value)) for value in row.values()))
        out.print(table)
        if len(rows[name]) > ROWS:
            err.print(f"{ROWS} of {len(rows[name]):,} {name}; --json shows all")


@app.command()
def uphold(
    id: Id,
    reason: Reason,
    by: Who,
    violation: Annotated[
        str | None,
        typer.Option(
            help="The violation it is: brushing, review_manipulation, or none; default: by the finding's kind."
        ),
    ] = None,
    severity: Annotated[str, typer.Option(help="minor, moderate or serious.")] = "moderate",
    spare: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE:KEY", help="A row that counts all the same; give again for more."),
    ] = None,
    day: Day = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Uphold a finding of the scan of --date: from the next night on its rows do not count, and it is a violation.

    Example: merchant-credit integrity uphold 3f2a9c --date 2026-11-24 --reason "One hand pays for all eight" --by "Li Wei"
    """

    def decide(con: duckdb.DuckDBPyConnection, finding: Finding) -> findings.Decision:
        return findings.uphold(
            con, finding, reason=reason, by=by, violation=violation, severity=severity, spare=spare or [],
            at=instant_of(at),
        )  # fmt: skip

    _decide(id, day, home, as_json, decide)


@app.command()
def dismiss(
    id: Id, reason: Reason, by: Who, day: Day = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Dismiss a finding of the scan of --date; one that was upheld has no effect from the next night on.

    Example: merchant-credit integrity dismiss 3f2a9c --date 2026-11-24 --reason "A school ordered for its classes" --by "Li Wei"
    """

    def decide(con: duckdb.DuckDBPyConnection, finding: Finding) -> findings.Decision:
        return findings.dismiss(con, finding, reason=reason, by=by, at=instant_of(at))

    _decide(id, day, home, as_json, decide)


def _decide(
    id: str,
    day: str | None,
    home: Path | None,
    as_json: bool,
    decide: Callable[[duckdb.DuckDBPyConnection, Finding], findings.Decision],
) -> None:
    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, make=False) as con:
        # A finding that is decided is known by its decisions: its rows may no longer be found.
        decision = decide(con, _decided_before(con, id) or scans.finding(con, conf, on, id))
        document = _document(decision, moments.zone(con))
    if as_json:
        print_json(document)
        return
    outcome = document["outcome"]
    out.print(
        f"Finding {decision.finding} of {escape(decision.subject_id)}: [bold]{outcome['zh']} {outcome['en']}[/bold], "
        f"no. {decision.number}",
        highlight=False,
    )
    if decision.outcome == "upheld":
        violation = document["violation"] or {"zh": "不构成违规", "en": "no violation"}
        out.print(
            f"{len(decision.orders)} transactions and {len(decision.reviews)} reviews do not count · "
            f"{violation['zh']} {violation['en']}",
            highlight=False,
        )
    out.print(f"Counts from the night of {decision.from_day} 自该评价日起生效", highlight=False)


def _decided_before(con: duckdb.DuckDBPyConnection, id: str) -> Finding | None:
    """A finding that was decided before, with the rows that were set aside."""
    decisions = [decision for decision in findings.decisions(con) if id and decision.finding.startswith(id)]
    upheld = [decision for decision in decisions if decision.outcome == "upheld"]
    if len({decision.finding for decision in decisions}) != 1 or not upheld:
        return None
    last = decisions[-1]
    return Finding(
        last.kind, last.subject_id, last.found_on, 0.0, orders=upheld[-1].orders, reviews=upheld[-1].reviews,
        id=last.finding,
    )  # fmt: skip


def _document(decision: findings.Decision, zone: str) -> dict[str, Any]:
    return {
        "number": decision.number,
        "finding": decision.finding,
        "subject_id": decision.subject_id,
        "kind": decision.kind,
        "outcome": coded(decision.outcome, findings.OUTCOMES),
        "violation": coded(decision.violation, findings.VIOLATIONS) if decision.violation else None,
        "severity": decision.severity,
        "transactions": list(decision.orders),
        "reviews": list(decision.reviews),
        "found_on": decision.found_on,
        "from_day": decision.from_day,
        "reason": decision.reason,
        **entry(decision.at, decision.recorded_at, zone),
        "by": decision.by,
    }


def _orders(con: duckdb.DuckDBPyConnection, finding: Finding) -> list[dict[str, Any]]:
    times = ", ".join(
        f"strftime(timezone(getvariable('zone'), {name}), '%Y-%m-%d %H:%M') AS {name}"
        for name in ("ordered_at", "dispatched_at", "delivered_at")
    )
    return _rows(
        con, f"transaction_id, buyer_id, {times}, amount::VARCHAR AS amount", "transactions", "ordered_at", finding
    )


def _reviews(con: duckdb.DuckDBPyConnection, finding: Finding) -> list[dict[str, Any]]:
    written = "strftime(timezone(getvariable('zone'), reviewed_at), '%Y-%m-%d %H:%M') AS reviewed_at"
    return _rows(con, f"review_id, buyer_id, {written}, rating_overall, text", "reviews", "reviewed_at", finding)


def _rows(con: duckdb.DuckDBPyConnection, cells: str, table: str, event: str, finding: Finding) -> list[dict[str, Any]]:
    """The finding's rows of a table, as the night of the finding knew them, in the order of time."""
    zone = moments.zone(con)
    known = engine.known(con, engine.Moment(cut_off(finding.day, zone), zone))(TABLES[table]).to_native().sql_query()
    keys = list(finding.orders if table == "transactions" else finding.reviews)
    key = TABLES[table].key
    return as_dicts(
        con,
        f"SELECT {cells} FROM ({known}) k SEMI JOIN (SELECT unnest(?) AS {key}) w USING ({key}) ORDER BY k.{event}, {key}",
        [keys],
    )


app.command()(price.price)

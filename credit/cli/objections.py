"""The verbs `objection file|list|show|withdraw|decide`, and `repair`: what corrects the facts of a merchant."""

from __future__ import annotations

from typing import Annotated, Any

import duckdb
import typer
from rich.markup import escape

from credit.cli.consoles import out
from credit.cli.entries import (
    MASKED,
    MaybeReason,
    Merchant,
    Number,
    OnlyMerchant,
    Reason,
    entry_table,
    known_merchant,
    report,
    to_the_second,
)
from credit.cli.options import AsJson, At, Home, Who, entering, instant_of, named_day, print_json, reading
from credit.ledgers import adjustments, moments, objections
from credit.ledgers.moments import coded, entry

app = typer.Typer(no_args_is_help=True, help="Objections: file, decide, withdraw (异议的受理与处理).")

From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="YYYY-MM-DD", help="First night for which it counts; default: the latest evaluated night."
    ),
]


@app.command("file")
def file_(
    merchant: Merchant,
    about: Annotated[str, typer.Option("--about", help=", ".join(objections.ABOUT) + ".")],
    text: Annotated[str, typer.Option("--text", help="What the merchant says; not published.")],
    by: Annotated[str, typer.Option("--by", help="Who objects for the merchant; not published.")],
    rows: Annotated[
        list[str] | None, typer.Option("--rows", metavar="TABLE:KEY", help="A row it concerns; give again for more.")
    ] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="The evaluation objected to.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Enter a merchant's objection; it is marked on its page while it is open.

    Example: merchant-credit objection file M000002 --about complaint --text "It was another shop" --rows complaints:C000000594 --by "Wang Fang"
    """
    on = named_day(day, "--day") if day else None
    with entering(home) as con:
        objection = objections.file(
            con, merchant, about=about, text=text, by=by, rows=rows or [], evaluated_on=on, at=instant_of(at)
        )
        document = _document(con, objection)
    report(document, as_json, f"Objection {objection.number} filed 异议已受理，编号 {objection.number}")


@app.command("list")
def list_objections(
    open_: Annotated[bool, typer.Option("--open", help="Only those not decided yet.")] = False,
    merchant: OnlyMerchant = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The objections with their state, by number.

    Example: merchant-credit objection list --open
    """
    with reading(home) as con:
        known_merchant(con, merchant)
        filed = [
            objection for objection in objections.objections(con, merchant) if not open_ or objection.state == "open"
        ]
        documents = [_document(con, objection) for objection in filed]
    if as_json:
        print_json(documents)
        return
    table = entry_table(
        "Objections 异议", "No. 编号", "Filed 受理日期", "Merchant 主体", "About 事项", "State 状态", "Days 天",
        wraps=("About 事项", "State 状态"),
    )  # fmt: skip
    for objection in filed:
        about = " ".join(objections.ABOUT[objection.about])
        state = " ".join(objections.OUTCOMES.get(objection.outcome or "", objections.OBJECTION_STATES["open"]))
        days = "" if objection.days is None else str(objection.days)
        cells = (str(objection.number), str(objection.day), objection.subject_id, about, state, days)
        table.add_row(*map(escape, cells))
    out.print(table)


@app.command()
def show(number: Number, home: Home = None, as_json: AsJson = False) -> None:
    """One objection: what is said, what was decided, and which facts that changed.

    Example: merchant-credit objection show 1
    """
    with reading(home) as con:
        document = _document(con, objections.find(con, number))
    if as_json:
        print_json(document)
    else:
        _show(document)


@app.command()
def withdraw(
    number: Number, by: Who, reason: MaybeReason = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Enter that the merchant withdraws its objection.

    Example: merchant-credit objection withdraw 1 --by "Wang Fang"
    """
    with entering(home) as con:
        document = _document(con, objections.withdraw(con, number, by=by, reason=reason, at=instant_of(at)))
    report(document, as_json, f"Objection {number} withdrawn 异议 {number} 已撤回")


@app.command()
def decide(
    number: Number,
    outcome: Annotated[str, typer.Option("--outcome", help="upheld, partly_upheld or rejected.")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why; {MASKED}.")],
    by: Who,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="TABLE:KEY", help="A row to leave out; give again for more."),
    ] = None,
    correct: Annotated[
        list[str] | None,
        typer.Option(
            "--correct", metavar="TABLE:KEY:COLUMN=VALUE", help="A value to put right, nothing for a blank; give again."
        ),
    ] = None,
    from_: From = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Decide an objection. A later decision on the same one, on review, takes the place of it and of what it adjusted.

    Example: merchant-credit objection decide 1 --outcome upheld --reason "The order was another shop's" --by "Li Wei" --exclude complaints:C000000594

    Example: merchant-credit objection decide 2 --outcome partly_upheld --reason "Sent in time" --by "Li Wei" --correct "transactions:T1:dispatched_at=2026-11-02T09:30"
    """
    with entering(home) as con:
        objection = objections.decide(
            con, number, outcome=outcome, reason=reason, by=by, exclude=exclude or [], correct=correct or [],
            from_day=named_day(from_, "--from") if from_ else None, at=instant_of(at),
        )  # fmt: skip
        document = _document(con, objection)
    report(document, as_json, f"Objection {number}: {' '.join(objections.OUTCOMES[outcome])}")
    if document["adjustments"] and not as_json:
        _what_next(document["events"][-1]["from_day"])
    elif outcome != "rejected" and not as_json:
        out.print(
            "No row is left out and no value corrected, so no grade changes by it; --exclude and --correct do that, "
            "in a decision entered anew 未剔除或更正任何数据，信用等级不因此变化",
            highlight=False,
            soft_wrap=True,
        )


def repair(
    record_id: Annotated[str, typer.Argument(help="The public record's record_id.")],
    on: Annotated[str, typer.Option("--on", metavar="YYYY-MM-DD", help="The day from which it has no effect.")],
    reason: Reason,
    by: Who,
    from_: From = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Enter the credit repair of a public record (信用修复): its effect ends from that day.

    Example: merchant-credit repair P-M000002-1 --on 2026-11-20 --reason "Repair decision 2026-17" --by "Li Wei"
    """
    day = named_day(on, "--on")
    counts = named_day(from_, "--from") if from_ else None
    with entering(home) as con:
        adjustment = adjustments.repair(
            con, record_id, on=day, reason=reason, by=by, from_day=counts, at=instant_of(at)
        )
        document = _adjustment(adjustment, moments.zone(con))
    report(document, as_json, f"Public record {escape(record_id)} repaired on {day} 已登记信用修复")
    if not as_json:
        _what_next(document["from_day"])


# --- in words and in JSON ----------------------------------------------------------------------------------------


def _what_next(day: Any) -> None:
    out.print(
        f"Counts from the night of {day}; to show it at once: `merchant-credit evaluate --date {day}`, then "
        "`merchant-credit publish` 自该评价日起生效，可重新评价并发布",
        highlight=False,
        soft_wrap=True,
    )


def _document(con: duckdb.DuckDBPyConnection, objection: objections.Objection) -> dict[str, Any]:
    zone = moments.zone(con)
    decisions = {event.number for event in objection.events}
    return {
        "number": objection.number,
        "subject_id": objection.subject_id,
        "about": coded(objection.about, objections.ABOUT),
        "text": objection.text,
        "rows": list(objection.rows),
        "evaluated_on": objection.evaluated_on,
        "filed_on": objection.day,
        **entry(objection.at, objection.recorded_at, zone),
        "by": objection.by,
        "state": coded(objection.state, objections.OBJECTION_STATES),
        "outcome": coded(objection.outcome, objections.OUTCOMES) if objection.outcome else None,
        "days": objection.days,
        "events": [
            {
                "number": event.number,
                "event": event.event,
                "outcome": coded(event.outcome, objections.OUTCOMES) if event.outcome else None,
                "reason": event.reason,
                "from_day": event.from_day,
                "before": {"evaluated_on": event.before_on, "grade": event.before_grade, "score": event.before_score}
                if event.before_on
                else None,
                "on": event.day,
                **entry(event.at, event.recorded_at, zone),
                "by": event.by,
            }
            for event in objection.events
        ],
        "adjustments": [
            _adjustment(adjustment, zone)
            for adjustment in adjustments.adjustments(con, objection.subject_id)
            if adjustment.decision in decisions
        ],
    }


def _adjustment(adjustment: adjustments.Adjustment, zone: str) -> dict[str, Any]:
    return {
        "number": adjustment.number,
        "decision": adjustment.decision,
        "row": f"{adjustment.table}:{adjustment.key}",
        "column": adjustment.column,
        "value": adjustment.value,
        "from_day": adjustment.from_day,
        "reason": adjustment.reason,
        **entry(adjustment.at, adjustment.recorded_at, zone),
        "by": adjustment.by,
    }


def _show(document: dict[str, Any]) -> None:
    about, state = document["about"], document["outcome"] or document["state"]
    out.print(
        f"[bold]Objection {document['number']}[/bold] · {escape(document['subject_id'])} · {about['zh']} {about['en']} · "
        f"[bold]{state['zh']} {state['en']}[/bold]",
        highlight=False,
    )
    out.print(
        f"{to_the_second(document['at'])} · {escape(document['by'])}: {escape(document['text'])}",
        highlight=False,
        soft_wrap=True,
    )
    for row in document["rows"]:
        out.print(f"  {escape(row)}", highlight=False, soft_wrap=True)
    for event in document["events"]:
        outcome = event["outcome"] or coded("withdrawn", objections.OUTCOMES)
        out.print(
            f"{to_the_second(event['at'])} · {outcome['zh']} {outcome['en']} · {escape(event['by'])}"
            + (f": {escape(event['reason'])}" if event["reason"] else ""),
            highlight=False,
            soft_wrap=True,
        )
        for adjustment in document["adjustments"]:
            if adjustment["decision"] == event["number"]:
                column, value = adjustment["column"], adjustment["value"] or "blank 空"
                effect = "left out 剔除" if column is None else f"{column} → {value}"
                out.print(
                    f"  {escape(adjustment['row'])}: {escape(effect)}, from the night of {adjustment['from_day']} 起",
                    highlight=False,
                    soft_wrap=True,
                )

"""The verbs of the ledgers: `objection`, `repair`, `sanction` and `closing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.options import AsJson, At, Home, Who, instant_of, named_day, out, print_json
from credit.home import open_warehouse
from credit.ledgers import adjustments, closings, entries, moments, objections, sanctions
from credit.ledgers.moments import coded, entry

objection_app = typer.Typer(no_args_is_help=True, help="Objections: file, decide, withdraw (异议的受理与处理).")
sanction_app = typer.Typer(no_args_is_help=True, help="Sanctions imposed by command (平台处置措施).")
closing_app = typer.Typer(no_args_is_help=True, help="Notices of closing, 30 days before (停业公告).")

_MASKED = "published, natural persons' names and numbers masked"

Merchant = Annotated[str, typer.Argument(help="The merchant's subject_id.")]
Number = Annotated[int, typer.Argument(help="Its number.")]
OfMerchant = Annotated[str | None, typer.Option("--merchant", help="Only of this merchant.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
MaybeReason = Annotated[str | None, typer.Option("--reason", help="Why; not published.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="YYYY-MM-DD", help="First night for which it counts; default: the latest evaluated night."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.add_typer(objection_app, name="objection")
    app.add_typer(sanction_app, name="sanction")
    app.add_typer(closing_app, name="closing")
    app.command()(repair)


# --- objections --------------------------------------------------------------------------------------------------


@objection_app.command("file")
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
    with _writing(home) as con:
        found = objections.file(
            con, merchant, about=about, text=text, by=by, rows=rows or [], evaluated_on=on, at=instant_of(at)
        )
        told = _objection(con, found)
    _done(told, as_json, f"Objection {found.number} filed 异议已受理，编号 {found.number}")


@objection_app.command("list")
def list_objections(
    open_: Annotated[bool, typer.Option("--open", help="Only those not decided yet.")] = False,
    merchant: OfMerchant = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The objections with their state, by number.

    Example: merchant-credit objection list --open
    """
    with _reading(home) as con:
        _known(con, merchant)
        found = [one for one in objections.objections(con, merchant) if not open_ or one.state == "open"]
        told = [_objection(con, one) for one in found]
    if as_json:
        print_json(told)
        return
    table = _listed(
        "Objections 异议", "No. 编号", "Filed 受理日期", "Merchant 主体", "About 事项", "State 状态", "Days 天",
        wraps=("About 事项", "State 状态"),
    )  # fmt: skip
    for one in found:
        about, state = (
            objections.ABOUT[one.about],
            objections.OUTCOMES.get(one.outcome or "", objections.OBJECTION_STATES["open"]),
        )
        days = "" if one.days is None else str(one.days)
        cells = (str(one.number), str(one.day), one.subject_id, " ".join(about), " ".join(state), days)
        table.add_row(*map(escape, cells))
    out.print(table)


@objection_app.command()
def show(number: Number, home: Home = None, as_json: AsJson = False) -> None:
    """One objection: what is said, what was decided, and which facts that changed.

    Example: merchant-credit objection show 1
    """
    with _reading(home) as con:
        told = _objection(con, objections.find(con, number))
    if as_json:
        print_json(told)
    else:
        _show(told)


@objection_app.command()
def withdraw(
    number: Number, by: Who, reason: MaybeReason = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Enter that the merchant withdraws its objection.

    Example: merchant-credit objection withdraw 1 --by "Wang Fang"
    """
    with _writing(home) as con:
        told = _objection(con, objections.withdraw(con, number, by=by, reason=reason, at=instant_of(at)))
    _done(told, as_json, f"Objection {number} withdrawn 异议 {number} 已撤回")


@objection_app.command()
def decide(
    number: Number,
    outcome: Annotated[str, typer.Option("--outcome", help="upheld, partly_upheld or rejected.")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why; {_MASKED}.")],
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
    with _writing(home) as con:
        found = objections.decide(
            con, number, outcome=outcome, reason=reason, by=by, exclude=exclude or [], correct=correct or [],
            from_day=named_day(from_, "--from") if from_ else None, at=instant_of(at),
        )  # fmt: skip
        told = _objection(con, found)
    _done(told, as_json, f"Objection {number}: {' '.join(objections.OUTCOMES[outcome])}")
    if told["adjustments"] and not as_json:
        _what_next(told["events"][-1]["from_day"])
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
    with _writing(home) as con:
        made = adjustments.repair(con, record_id, on=day, reason=reason, by=by, from_day=counts, at=instant_of(at))
        told = _adjustment(made, moments.zone(con))
    _done(told, as_json, f"Public record {escape(record_id)} repaired on {day} 已登记信用修复")
    if not as_json:
        _what_next(told["from_day"])


# --- sanctions ---------------------------------------------------------------------------------------------------


@sanction_app.command()
def impose(
    merchant: Merchant,
    kind: Annotated[str, typer.Option("--kind", help=", ".join(sanctions.KINDS) + ".")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why; {_MASKED}.")],
    by: Who,
    until: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Its last day; without it, until it is lifted.")
    ] = None,
    reference: Annotated[str | None, typer.Option("--reference", help=f"Document number; {_MASKED}.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Impose a sanction: the next publish shows it, the next night counts it.

    Example: merchant-credit sanction impose M000002 --kind suspension --reason "Counterfeit goods" --until 2026-12-31 --by "Li Wei"
    """
    last = named_day(until, "--until") if until else None
    with _writing(home) as con:
        found = sanctions.impose(
            con, merchant, kind=kind, reason=reason, by=by, until=last, reference=reference, at=instant_of(at)
        )
        told = _sanction(found, moments.zone(con))
    _done(told, as_json, f"Sanction {found.number} imposed 处置措施已登记，编号 {found.number}")


@sanction_app.command()
def lift(number: Number, reason: Reason, by: Who, at: At = None, home: Home = None, as_json: AsJson = False) -> None:
    """Lift a sanction before its end.

    Example: merchant-credit sanction lift 1 --reason "Mended" --by "Li Wei"
    """
    with _writing(home) as con:
        found = sanctions.lift(con, number, reason=reason, by=by, at=instant_of(at))
        told = _sanction(found, moments.zone(con))
    _done(told, as_json, f"Sanction {number} lifted 处置措施 {number} 已解除")


@sanction_app.command("list")
def list_sanctions(merchant: OfMerchant = None, home: Home = None, as_json: AsJson = False) -> None:
    """The sanctions imposed by command, by number; delivered ones are in table sanctions.

    Example: merchant-credit sanction list --merchant M000002
    """
    with _reading(home) as con:
        _known(con, merchant)
        found = sanctions.sanctions(con, merchant)
        zone = moments.zone(con)
    if as_json:
        print_json([_sanction(one, zone) for one in found])
        return
    table = _listed(
        "Sanctions 处置措施", "No. 编号", "Imposed 实施", "Merchant 主体", "Kind 类型", "Until 至", "Lifted 解除",
        "Reason 原因", wraps=("Reason 原因",),
    )  # fmt: skip
    for one in found:
        dates = (str(one.until_on or ""), str(one.lifted.day) if one.lifted else "")
        table.add_row(*map(escape, (str(one.number), str(one.day), one.subject_id, one.kind, *dates, one.reason)))
    out.print(table)


# --- closing -----------------------------------------------------------------------------------------------------


@closing_app.command()
def announce(
    merchant: Merchant,
    on: Annotated[str, typer.Option("--on", metavar="YYYY-MM-DD", help="The day of closing, 30 days ahead or more.")],
    by: Who,
    text: Annotated[str | None, typer.Option("--text", help=f"What else is said; {_MASKED}.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Announce that a merchant closes; the notice stands until then (E-Commerce Law Art. 16).

    Example: merchant-credit closing announce M000002 --on 2026-12-31 --by "Li Wei"
    """
    day = named_day(on, "--on")
    with _writing(home) as con:
        found = closings.announce(con, merchant, on=day, by=by, text=text, at=instant_of(at))
        told = _closing(found, moments.zone(con))
    _done(
        told, as_json, f"Notice {found.number}: {escape(merchant)} closes on {day} 停业公告已登记，编号 {found.number}"
    )


@closing_app.command("withdraw")
def withdraw_closing(
    number: Number, by: Who, reason: MaybeReason = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Withdraw a notice of closing.

    Example: merchant-credit closing withdraw 1 --by "Li Wei"
    """
    with _writing(home) as con:
        found = closings.withdraw(con, number, by=by, reason=reason, at=instant_of(at))
        told = _closing(found, moments.zone(con))
    _done(told, as_json, f"Notice {number} withdrawn 停业公告 {number} 已撤回")


@closing_app.command("list")
def list_closings(merchant: OfMerchant = None, home: Home = None, as_json: AsJson = False) -> None:
    """The notices of closing, by number.

    Example: merchant-credit closing list
    """
    with _reading(home) as con:
        _known(con, merchant)
        found = closings.closings(con, merchant)
        zone = moments.zone(con)
    if as_json:
        print_json([_closing(one, zone) for one in found])
        return
    table = _listed(
        "Notices of closing 停业公告", "No. 编号", "Announced 公告", "Merchant 主体", "Closes 停业", "Withdrawn 撤回"
    )
    for one in found:
        withdrawn = str(one.withdrawn.day) if one.withdrawn else ""
        table.add_row(*map(escape, (str(one.number), str(one.day), one.subject_id, str(one.closes_on), withdrawn)))
    out.print(table)


# --- what the verbs share ----------------------------------------------------------------------------------------


@contextmanager
def _writing(home: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings.load(home=home), make=False) as con:
        yield con


@contextmanager
def _reading(home: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings.load(home=home), read_only=True) as con:
        yield con


def _known(con: duckdb.DuckDBPyConnection, merchant: str | None) -> None:
    """Raises UserError for a merchant that the register does not have: an empty list would say that it has no entries."""
    if merchant is not None:
        entries.merchant(con, merchant)


def _listed(title: str, *headings: str, wraps: tuple[str, ...] = ()) -> RichTable:
    """A table of entries. Ids, days and codes are not broken; what `wraps` is text."""
    table = RichTable(title=title, title_justify="left")
    for heading in headings:
        table.add_column("\n".join(heading.rsplit(" ", 1)), overflow="fold", no_wrap=heading not in wraps)
    return table


def _to_the_second(instant: str) -> str:
    """An instant of `entry` for a person to read."""
    return datetime.fromisoformat(instant).isoformat(sep=" ", timespec="seconds")


def _done(told: dict[str, Any], as_json: bool, said: str) -> None:
    if as_json:
        print_json(told)
    else:
        out.print(said, highlight=False, soft_wrap=True)


def _what_next(day: Any) -> None:
    out.print(
        f"Counts from the night of {day}; to show it at once: `merchant-credit evaluate --date {day}`, then "
        "`merchant-credit publish` 自该评价日起生效，可重新评价并发布",
        highlight=False,
        soft_wrap=True,
    )


def _objection(con: duckdb.DuckDBPyConnection, one: objections.Objection) -> dict[str, Any]:
    zone = moments.zone(con)
    mine = {event.number for event in one.events}
    return {
        "number": one.number,
        "subject_id": one.subject_id,
        "about": coded(one.about, objections.ABOUT),
        "text": one.text,
        "rows": list(one.rows),
        "evaluated_on": one.evaluated_on,
        "filed_on": one.day,
        **entry(one.at, one.recorded_at, zone),
        "by": one.by,
        "state": coded(one.state, objections.OBJECTION_STATES),
        "outcome": coded(one.outcome, objections.OUTCOMES) if one.outcome else None,
        "days": one.days,
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
            for event in one.events
        ],
        "adjustments": [
            _adjustment(made, zone) for made in adjustments.adjustments(con, one.subject_id) if made.decision in mine
        ],
    }


def _adjustment(made: adjustments.Adjustment, zone: str) -> dict[str, Any]:
    return {
        "number": made.number,
        "decision": made.decision,
        "row": f"{made.table}:{made.key}",
        "column": made.column,
        "value": made.value,
        "from_day": made.from_day,
        "reason": made.reason,
        **entry(made.at, made.recorded_at, zone),
        "by": made.by,
    }


def _sanction(one: sanctions.Sanction, zone: str) -> dict[str, Any]:
    return {
        "number": one.number,
        "subject_id": one.subject_id,
        "kind": one.kind,
        "reason": one.reason,
        "imposed_on": one.day,
        "until": one.until_on,
        "reference": one.reference,
        **entry(one.at, one.recorded_at, zone),
        "by": one.by,
        "lifted": {
            "on": one.lifted.day,
            "reason": one.lifted.reason,
            **entry(one.lifted.at, one.lifted.recorded_at, zone),
            "by": one.lifted.by,
        }
        if one.lifted
        else None,
    }


def _closing(one: closings.Closing, zone: str) -> dict[str, Any]:
    return {
        "number": one.number,
        "subject_id": one.subject_id,
        "announced_on": one.day,
        "closes_on": one.closes_on,
        "text": one.text,
        **entry(one.at, one.recorded_at, zone),
        "by": one.by,
        "withdrawn": {
            "on": one.withdrawn.day,
            "reason": one.withdrawn.reason,
            **entry(one.withdrawn.at, one.withdrawn.recorded_at, zone),
            "by": one.withdrawn.by,
        }
        if one.withdrawn
        else None,
    }


def _show(told: dict[str, Any]) -> None:
    about, state = told["about"], told["outcome"] or told["state"]
    out.print(
        f"[bold]Objection {told['number']}[/bold] · {escape(told['subject_id'])} · {about['zh']} {about['en']} · "
        f"[bold]{state['zh']} {state['en']}[/bold]",
        highlight=False,
    )
    out.print(
        f"{_to_the_second(told['at'])} · {escape(told['by'])}: {escape(told['text'])}", highlight=False, soft_wrap=True
    )
    for row in told["rows"]:
        out.print(f"  {escape(row)}", highlight=False, soft_wrap=True)
    for event in told["events"]:
        what = event["outcome"] or coded("withdrawn", objections.OUTCOMES)
        out.print(
            f"{_to_the_second(event['at'])} · {what['zh']} {what['en']} · {escape(event['by'])}"
            + (f": {escape(event['reason'])}" if event["reason"] else ""),
            highlight=False,
            soft_wrap=True,
        )
        for made in told["adjustments"]:
            if made["decision"] == event["number"]:
                how = "left out 剔除" if made["column"] is None else f"{made['column']} → {made['value'] or 'blank 空'}"
                out.print(
                    f"  {escape(made['row'])}: {escape(how)}, from the night of {made['from_day']} 起",
                    highlight=False,
                    soft_wrap=True,
                )

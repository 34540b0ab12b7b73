"""The verbs `assess run|list|show|diff|publish` and `assess evidence …`, `assess action …`: the platform's own assessment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import out
from credit.cli.entries import Number, Reason, entry_table, report
from credit.cli.options import AsJson, At, Day, Home, Who, day_of, entering, instant_of, named_day, print_json, reading
from credit.errors import UserError
from credit.home import open_warehouse
from credit.ledgers import assessments, moments
from credit.ledgers.assessments import Action, Evidence, Run
from credit.ledgers.moments import entry

app = typer.Typer(no_args_is_help=True, help="Assess the platform itself by its standard, with evidence (平台自评).")
evidence_app = typer.Typer(no_args_is_help=True, help="Documents and statements on which assessments rest (评估证据).")
action_app = typer.Typer(no_args_is_help=True, help="Nonconformities and what is done about them (纠正措施).")
app.add_typer(evidence_app, name="evidence")
app.add_typer(action_app, name="action")

COLOURS = {"met": "green", "partly": "yellow", "not_met": "red", "not_shown": "magenta", "not_applicable": "dim"}

CatalogueName = Annotated[str, typer.Argument(metavar="CATALOGUE", help="Id of a shipped catalogue, or a .yaml file.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the report: HTML that prints, XLSX, JSON with its schema; mode 0600."),
]
Lines = Annotated[
    list[str],
    typer.Option("--for", metavar="CATALOGUE:LINE", help="A line that it shows; give again for more."),
]


@app.command("run")
def run_assessment(
    catalogue: CatalogueName,
    by: Who,
    day: Day = None,
    folder: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Assess the platform by a catalogue and keep the result.

    Each line is met, partly met, not met, not shown or not applicable, with what it rests on and what would mend it.

    Example: merchant-credit assess run hebei-ecommerce-enterprise --date 2026-11-24 --by "Li Wei" --out ./assessment
    """
    from credit.assessment import judging
    from credit.assessment.catalogue import named

    conf = settings.load(home=home)
    criteria, on = named(catalogue), day_of(day, conf)
    with open_warehouse(conf, make=False) as con:
        run = assessments.keep(con, judging.assess(con, conf, criteria, on), criteria.text, by=by)
    _report(run, folder, as_json)


@app.command("list")
def list_runs(
    catalogue: Annotated[str | None, typer.Option("--catalogue", help="Only by this one.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The assessments made, and the catalogues there are to assess by.

    Example: merchant-credit assess list
    """
    from credit.assessment.catalogue import shipped
    from credit.assessment.judging import RESULTS

    with reading(home) as con:
        runs = assessments.runs(con, catalogue)
        shown = {run.number for run in assessments.decided(con)}
    catalogues = [{"id": c.id, "version": c.version, "title": c.title.model_dump()} for c in shipped().values()]
    if as_json:
        made = [
            {
                "number": run.number, "catalogue": run.catalogue, "version": run.version, "assessed_on": run.assessed_on,
                "by": run.by, "counts": run.result["counts"], "score": run.result["score"], "stars": run.result["stars"],
                "published": run.number in shown,
            }
            for run in runs
        ]  # fmt: skip
        print_json({"assessments": made, "catalogues": catalogues})
        return
    table = entry_table(
        "Assessments 平台自评", "No. 编号", "As of 评估日", "Catalogue 目录", "Results 结果", "Score 得分", "Published 公示",
        wraps=("Catalogue 目录",),
    )  # fmt: skip
    for run in runs:
        score = "" if run.result["score"] is None else f"{run.result['score']:g} ({run.result['stars']}★)"
        counts = " · ".join(str(run.result["counts"][name]) for name in RESULTS)
        cells = (str(run.number), str(run.assessed_on), f"{run.catalogue} {run.version}", counts, score)
        table.add_row(*map(escape, cells), "✓" if run.number in shown else "")
    out.print(table)
    out.print("Results 结果: " + " · ".join(f"{label.zh} {label.en}" for label in RESULTS.values()), highlight=False)
    for each in shipped().values():
        out.print(f"{each.id} {each.version}  {each.title.zh} {each.title.en}", highlight=False, soft_wrap=True)


@app.command()
def show(
    number: Number,
    unmet: Annotated[bool, typer.Option("--unmet", help="Only lines that are not met whole.")] = False,
    folder: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """An assessment, line by line: result, what it rests on, what would mend it.

    Example: merchant-credit assess show 1 --unmet
    """
    with reading(home) as con:
        run = assessments.find_run(con, number)
    _report(run, folder, as_json, lines=True, unmet=unmet)


@app.command()
def diff(
    before: Annotated[int, typer.Argument(help="Number of the earlier assessment.")],
    after: Annotated[int, typer.Argument(help="Number of the later one.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What changed between two assessments by one catalogue.

    Example: merchant-credit assess diff 1 2
    """
    from credit.assessment.difference import difference
    from credit.assessment.judging import RESULTS

    with reading(home) as con:
        runs = [assessments.find_run(con, number) for number in (before, after)]
    changes = difference(runs[0].result, runs[1].result)
    if as_json:
        print_json(changes)
        return
    for change in changes["changed"]:
        first, then = (RESULTS[change[when]] for when in ("before", "after"))
        out.print(
            f"[bold]{escape(change['id'])}[/bold] {escape(change['asks']['zh'])} {escape(change['asks']['en'])}\n"
            f"  {first.zh} {first.en} -> [{COLOURS[change['after']]}]{then.zh} {then.en}[/{COLOURS[change['after']]}]",
            highlight=False,
        )
        for reason in change["reasons_after"]:
            out.print(f"  {escape(reason['zh'])}\n  {escape(reason['en'])}", highlight=False)
    lines = f"{len(changes['changed'])} changed 有变化, {len(changes['added'])} added 新增, {len(changes['removed'])} removed 减少"
    out.print(lines, highlight=False)


@app.command("enter")
def enter_list(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML with the lists `evidence` and `actions`; documents beside it.")
    ],
    by: Who,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Enter evidence and corrective actions listed in a file: all of them, or none.

    Example: merchant-credit assess enter ./papers/entries.yaml --by "Li Wei"
    """
    from credit.assessment.entering import enter

    conf = settings.load(home=home)
    with open_warehouse(conf, make=False) as con:
        counts = enter(con, conf, path, by=by)
    line = f"Entered 已登记: {counts['evidence']} of evidence 证据, {counts['actions']} actions 纠正措施"
    report(dict(counts), as_json, line)


@app.command()
def publish(
    reason: Reason,
    by: Who,
    number: Annotated[
        int | None, typer.Argument(help="The assessment to show in place of any other by its catalogue.")
    ] = None,
    withdraw: Annotated[
        str | None, typer.Option("--withdraw", metavar="CATALOGUE", help="Show none by this catalogue any more.")
    ] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Decide that an assessment is shown on the public site, or none any more. The next `publish` carries it out.

    Shown are the lines, their results and shares; no person, no document's name, no single case.

    Example: merchant-credit assess publish 1 --reason "quarterly" --by "Li Wei"

    Example: merchant-credit assess publish --withdraw gbt-31526-platform-service --reason "out of date" --by "Li Wei"
    """
    if (number is None) == (withdraw is None):
        raise UserError("assess publish: expected the number of an assessment, or --withdraw CATALOGUE")
    with entering(home) as con:
        catalogue = withdraw or assessments.find_run(con, number or 0).catalogue
        assessments.decide(con, catalogue, number, reason=reason, by=by, at=instant_of(at))
    line = (
        f"Assessment {number} will be published 将公示自评 {number}"
        if number
        else f"No assessment by {catalogue} will be published 不再公示"
    )
    report(
        {"catalogue": catalogue, "published": number},
        as_json,
        f"{escape(line)}; run `merchant-credit publish` 运行后生效",
    )


def _report(run: Run, folder: Path | None, as_json: bool, *, lines: bool = False, unmet: bool = False) -> None:
    """The assessment as JSON, or in a table; with its report written where a folder is given."""
    from credit.assessment import catalogue
    from credit.assessment import report as reports
    from credit.assessment.judging import RESULTS

    written = reports.write(run, folder, catalogue.parse(run.text.encode(), run.catalogue)) if folder else []
    if as_json:
        print_json(reports.document(run) | ({"files": [str(path) for path in written]} if written else {}))
        return
    result = run.result
    if lines:
        table = RichTable(
            title=f"{escape(result['catalogue']['title']['zh'])} {escape(result['catalogue']['title']['en'])}"
        )
        for heading in ("Line 条款", "Result 结果", "Rests on 依据", "To mend 改进"):
            table.add_column("\n".join(heading.rsplit(" ", 1)), overflow="fold", no_wrap=heading == "Line 条款")
        for line in result["lines"]:
            if unmet and line["result"] in ("met", "not_applicable"):
                continue
            label, colour = RESULTS[line["result"]], COLOURS[line["result"]]
            reasons = "\n".join(f"{part['zh']}\n{part['en']}" for part in line["parts"])
            mend = "\n".join(f"{each['zh']}\n{each['en']}" for each in line["mend"])
            table.add_row(line["id"], f"[{colour}]{label.zh}\n{label.en}[/{colour}]", escape(reasons), escape(mend))
            table.add_section()
        out.print(table)
    counts = " · ".join(f"{label.zh} {label.en} {result['counts'][name]}" for name, label in RESULTS.items())
    graded = "" if result["score"] is None else f" · 得分 score {result['score']:g} · 星级 stars {result['stars']}"
    out.print(
        f"[bold]No. {run.number}[/bold] {escape(run.catalogue)} {run.version} · {run.assessed_on} · {counts}{graded}",
        highlight=False,
        soft_wrap=True,
    )
    for path in written:
        out.print(f"Report 报告: {escape(str(path))}", highlight=False, soft_wrap=True)


# --- evidence ----------------------------------------------------------------------------------------------------


@evidence_app.command("add")
def add_evidence(
    lines: Lines,
    title: Annotated[str, typer.Option("--title", help="What it is, or what is stated.")],
    by: Who,
    file: Annotated[
        Path | None, typer.Option("--file", help="The document; a copy is kept in the home by its hash.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="document (default with --file), declaration (default without), or not_applicable."
        ),
    ] = None,
    dated: Annotated[
        str | None, typer.Option("--dated", metavar="YYYY-MM-DD", help="The day it is from; default: today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Its last day in force; default: open.")
    ] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a document or a statement to lines of catalogues.

    Example: merchant-credit assess evidence add --for hebei-ecommerce-enterprise:4.1.1 --file licence.pdf --title "营业执照" --until 2027-06-30 --by "Li Wei"

    Example: merchant-credit assess evidence add --for hebei-ecommerce-enterprise:4.1.8 --kind not_applicable --title "没有跨境业务" --by "Li Wei"
    """
    from credit.assessment import files
    from credit.assessment.catalogue import shipped

    conf = settings.load(home=home)
    for line in map(assessments.target, lines):
        catalogue, _, name = line.partition(":")
        if catalogue in shipped():
            shipped()[catalogue].criterion(name)
    with open_warehouse(conf, make=False) as con:
        piece = files.add(
            con,
            conf,
            lines,
            file=file,
            kind=kind,
            title=title,
            by=by,
            dated=named_day(dated, "--dated") if dated else day_of(None, conf),
            valid_until=named_day(until, "--until") if until else None,
            at=instant_of(at),
        )
        document = _evidence(piece, moments.zone(con))
    report(document, as_json, f"Evidence {piece.number} added 证据已登记，编号 {piece.number}")


@evidence_app.command("list")
def list_evidence(
    day: Day = None,
    over: Annotated[bool, typer.Option("--over", help="Only what is not in force that day.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The evidence, by number, and whether it is in force on a day and its file whole.

    Example: merchant-credit assess evidence list --over
    """
    from credit.assessment import files

    conf = settings.load(home=home)
    on = day_of(day, conf)
    with reading(home) as con:
        pieces = [piece for piece in assessments.evidence(con) if not over or not piece.holds(on)]
        zone = moments.zone(con)
    whole = {piece.number: files.whole(conf, piece.sha256) for piece in pieces if piece.sha256}
    if as_json:
        print_json(
            [
                _evidence(piece, zone) | {"holds": piece.holds(on), "file_whole": whole.get(piece.number)}
                for piece in pieces
            ]
        )
        return
    wraps = ("What 内容", "For 条款")
    table = entry_table(
        "Evidence 评估证据",
        "No. 编号",
        "Kind 类型",
        "What 内容",
        "For 条款",
        "From 自",
        "Until 至",
        "State 状态",
        wraps=wraps,
    )
    for piece in pieces:
        state = "in force 有效" if piece.holds(on) else "over 失效"
        if not whole.get(piece.number, True):
            state = "file lost 文件缺失"
        cells = (
            str(piece.number), assessments.KINDS[piece.kind][0], piece.title, "\n".join(piece.targets), str(piece.dated),
            str(piece.valid_until or ""), state,
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    out.print(table)


@evidence_app.command("expire")
def expire_evidence(
    number: Number, reason: Reason, by: Who, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Enter that evidence no longer holds, before its last day.

    Example: merchant-credit assess evidence expire 1 --reason "licence revoked" --by "Li Wei"
    """
    with entering(home) as con:
        piece = assessments.expire(con, number, reason=reason, by=by, at=instant_of(at))
        document = _evidence(piece, moments.zone(con))
    report(document, as_json, f"Evidence {number} no longer holds 证据 {number} 已失效")


def _evidence(piece: Evidence, zone: str) -> dict[str, Any]:
    ended = piece.ended
    return {
        "number": piece.number, "for": piece.targets, "kind": piece.kind, "title": piece.title, "dated": piece.dated,
        "valid_until": piece.valid_until, "sha256": piece.sha256, "file": piece.file,
        **entry(piece.at, piece.recorded_at, zone), "by": piece.by,
        "ended": {"on": ended.day, "reason": ended.reason, "by": ended.by} if ended else None,
    }  # fmt: skip


# --- corrective actions ------------------------------------------------------------------------------------------


@action_app.command("open")
def open_action(
    line: Annotated[str, typer.Option("--for", metavar="CATALOGUE:LINE", help="The line that is not conformed to.")],
    nonconformity: Annotated[str, typer.Option("--nonconformity", help="What does not conform.")],
    cause: Annotated[str, typer.Option("--cause", help="Why it came to that.")],
    action: Annotated[str, typer.Option("--action", help="What is done so that it does not come again.")],
    person: Annotated[str, typer.Option("--person", help="Who does it.")],
    due: Annotated[str, typer.Option("--due", metavar="YYYY-MM-DD", help="Last day for it.")],
    by: Who,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Open a corrective action. While it is open its line is met in part at most; nothing of it is published.

    Example: merchant-credit assess action open --for hebei-ecommerce-enterprise:4.3.3 --nonconformity "发票迟开" --cause "人工开票" --action "改为自动开票" --person "王芳" --due 2027-01-31 --by "Li Wei"
    """
    day = named_day(due, "--due")
    with entering(home) as con:
        opened = assessments.open_action(
            con, line, nonconformity=nonconformity, cause=cause, action=action, person=person, due_on=day, by=by,
            at=instant_of(at),
        )  # fmt: skip
        document = _action(opened, moments.zone(con))
    report(document, as_json, f"Action {opened.number} opened, due {day} 纠正措施已登记，编号 {opened.number}")


@action_app.command("list")
def list_actions(
    day: Day = None,
    still_open: Annotated[bool, typer.Option("--open", help="Only those open that day.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The corrective actions, by number.

    Example: merchant-credit assess action list --open
    """
    conf = settings.load(home=home)
    on = day_of(day, conf)
    with reading(home) as con:
        actions = [action for action in assessments.actions(con) if not still_open or action.open(on)]
        zone = moments.zone(con)
    if as_json:
        print_json([_action(action, zone) | {"overdue": action.overdue(on)} for action in actions])
        return
    wraps = ("Nonconformity 不符合", "Action 措施")
    table = entry_table(
        "Corrective actions 纠正措施", "No. 编号", "For 条款", "Nonconformity 不符合", "Action 措施", "Person 责任人", "Due 期限",
        "State 状态", wraps=wraps,
    )  # fmt: skip
    for action in actions:
        state = "overdue 逾期" if action.overdue(on) else "open 进行中" if action.open(on) else "closed 已关闭"
        cells = (
            str(action.number), action.target, action.nonconformity, action.action, action.person, str(action.due_on), state,
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    out.print(table)


@action_app.command("close")
def close_action(
    number: Number,
    effect: Annotated[str, typer.Option("--effect", help="How it was verified that it works.")],
    by: Who,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Close a corrective action that is done and works.

    Example: merchant-credit assess action close 1 --effect "复查 30 单均按期开票" --by "Li Wei"
    """
    with entering(home) as con:
        closed = assessments.close_action(con, number, effect=effect, by=by, at=instant_of(at))
        document = _action(closed, moments.zone(con))
    report(document, as_json, f"Action {number} closed 纠正措施 {number} 已关闭")


def _action(action: Action, zone: str) -> dict[str, Any]:
    closed = action.closed
    return {
        "number": action.number, "for": action.target, "nonconformity": action.nonconformity, "cause": action.cause,
        "action": action.action, "person": action.person, "due_on": action.due_on,
        **entry(action.at, action.recorded_at, zone), "by": action.by,
        "closed": {"on": closed.day, "effect": closed.effect, "by": closed.by} if closed else None,
    }  # fmt: skip

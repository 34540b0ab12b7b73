"""The command `merchant-credit`: thin, one function a verb. Its exit codes: `credit.errors.EXIT_CODES`."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import __version__, settings
from credit.cli import (
    assessing,
    closings,
    early_warning,
    export,
    integrity,
    keys,
    mapping,
    objections,
    operations,
    quarantine,
    sanctions,
    upkeep,
    validation,
    verification,
    vetting,
    weights,
)
from credit.cli import rulebook as rulebook_verbs
from credit.cli.explanation import show_explanation
from credit.cli.night_report import STANDINGS, show_report
from credit.cli.options import AsJson, Day, Home, day_of, err, out, print_json
from credit.errors import EXIT_CODES, UserError
from credit.evaluation.explain import explain as explained
from credit.evaluation.night import evaluate_merchant
from credit.evaluation.results import grade_list, grade_row, latest
from credit.files.text import printable
from credit.home import open_warehouse
from credit.intake.pseudonyms import pseudonym_key
from credit.settings import Settings
from credit.sources import adapters
from credit.synthetic import delivery
from credit.synthetic.papers import write as write_papers
from credit.warehouse.failures import as_user_error

EPILOG = "--home stands behind the verb: keys show --home FOLDER\n\nExit codes: " + " · ".join(
    f"{code.number} {code.en}" + (f" ({', '.join(code.verbs)})" if code.verbs else "") for code in EXIT_CODES
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Evaluate the credit of a platform's merchants by public rules (电子商务平台商家信用评价).",
    epilog=EPILOG,
)
app.add_typer(rulebook_verbs.app, name="rulebook")
app.add_typer(weights.app, name="weights")
app.add_typer(export.app, name="export")
app.add_typer(validation.app, name="validate")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(integrity.app, name="integrity", help="Findings of manipulation (刷单与操纵评价线索).")

SourceName = Annotated[str, typer.Option("--source", help=adapters.HELP)]
Rulebooks = Annotated[
    list[Path] | None,
    typer.Option("--rulebook", metavar="FILE", help="Rulebook file; give again for more. Default: the rules in force."),
]
Trial = Annotated[
    bool,
    typer.Option("--trial", help="Evaluate by --rulebook files that are not in force; everything made says so."),
]
History = Annotated[
    bool,
    typer.Option("--history", help="First delivery of past data: rows without known_at are known since their event."),
]


class _Steps:
    """Progress of a night on standard error."""

    def __init__(self) -> None:
        self.started = datetime.now()

    def __call__(self, step: str, message: str) -> None:
        seconds = (datetime.now() - self.started).total_seconds()
        err.print(f"[dim]{seconds:6.1f}s[/dim] [bold cyan]{step:<9}[/bold cyan] {escape(message)}", highlight=False)


@app.command()
def init(home: Home = None) -> None:
    """Make a home: folder, warehouse, pseudonym key and a config.toml to edit. Safe to run again.

    Example: merchant-credit init --home /srv/merchant-credit
    """
    conf = settings.load(home=home)
    with open_warehouse(conf):
        pass
    pseudonym_key(conf)
    config = conf.home / "config.toml"
    if not config.exists():
        lines = ["# Settings of this home; see `merchant-credit config` for what is in force."]
        for name, about in Settings.model_fields.items():
            if name != "home":
                value = about.default if about.default is not None else ""
                lines += ["", f"# {about.description}", f"# {name} = {json.dumps(value, ensure_ascii=False)}"]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out.print(f"Home ready: {escape(str(conf.home.resolve()))}", soft_wrap=True, highlight=False)
    out.print(f"Keep a backup of {conf.key_file.name}: without it consumers' pseudonyms cannot be continued.")


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")],
    merchants: Annotated[int, typer.Option(min=20, help="How many merchants.")] = 300,
    transactions: Annotated[int, typer.Option(min=2000, help="How many transactions.")] = 30_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    day: Annotated[
        str, typer.Option("--date", metavar="YYYY-MM-DD", help="The data ends before this day.")
    ] = "2026-11-24",
    papers: Annotated[
        Path | None,
        typer.Option("--papers", help="Another folder: evidence of the platform about itself, for `assess enter`."),
    ] = None,
) -> None:
    """Write a synthetic marketplace as canonical files, bad rows included, to try everything on.

    Example: merchant-credit sample ./sample && merchant-credit nightly --path ./sample --date 2026-11-24
    """

    end = day_of(day, settings.load())
    bad = delivery.write(folder, merchants=merchants, transactions=transactions, seed=seed, end=end)
    if papers is not None:
        write_papers(papers, end)
    out.print(
        f"Wrote {escape(str(folder))}: {transactions:,} transactions of {merchants} merchants, {sum(bad.values())} bad rows among them"
    )


@app.command()
def ingest(
    path: Annotated[Path, typer.Option("--path", help="A file, or a folder of files.")],
    source: SourceName = "canonical",
    day: Day = None,
    history: History = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Land a delivery: check every row, keep the good ones for `check`, quarantine the others with a reason.

    Landing the same files again changes nothing.

    Example: merchant-credit ingest --path ./delivery --date 2026-11-24
    """
    _run_step("ingest", home, source=source, path=path, day=day, history=history, as_json=as_json)


@app.command()
def check(
    on_fail: Annotated[
        str | None, typer.Option(help="stop or quarantine; default: the setting on_failed_check.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge landed batches by their expectations and merge those that pass.

    Example: merchant-credit check --on-fail quarantine
    """
    if on_fail not in (None, "stop", "quarantine"):
        raise UserError(f"--on-fail {on_fail!r}: expected stop or quarantine")
    _run_step("check", home, as_json=as_json, on_failed_check=on_fail)


@app.command()
def evaluate(
    day: Day = None,
    rulebook: Rulebooks = None,
    trial: Trial = False,
    merchant: Annotated[
        str | None,
        typer.Option("--merchant", help="This merchant alone, by the averages and the rules of the evaluated night."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Grade every merchant as of a night, past or present, and keep the result.

    Example: merchant-credit evaluate --date 2026-11-24

    Example: merchant-credit evaluate --rulebook ./draft.yaml --trial --home ./trial-home

    Example: merchant-credit evaluate --merchant M000002 --json
    """
    if merchant is None:
        _run_step("evaluate", home, day=day, rulebooks=rulebook, trial=trial, as_json=as_json)
        return
    if rulebook or trial:
        raise UserError("--merchant goes by the rulebook of the evaluated night; leave --rulebook and --trial out")
    conf = settings.load(home=home)
    with open_warehouse(conf, make=False) as con:
        evaluated = latest(con, day_of(day, conf) if day else None)
        evaluate_merchant(con, conf, evaluated, merchant)
        row = grade_row(con, evaluated, merchant)
    if as_json:
        print_json(row)
    else:
        _show_grades([row], f"Credit grade 信用等级 · {evaluated}", 1)


@app.command()
def publish(day: Day = None, home: Home = None, as_json: AsJson = False) -> None:
    """Publish an evaluated night (default: the latest) to published/current, atomically.

    Example: merchant-credit publish --date 2026-11-24
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        evaluated = latest(con, day_of(day, conf) if day else None)
    _run_step("publish", home, day=evaluated.isoformat(), back=True, as_json=as_json)


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="A kept version; default: the one published before the current one.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the versions kept and change nothing.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Switch published/current back to a version that is kept. It is signed anew, so that readers take it for the newest.

    Example: merchant-credit rollback --list

    Example: merchant-credit rollback 2026-11-23-0123456789ab
    """
    from credit.disclosure import versions
    from credit.disclosure.publishing import rollback as back
    from credit.nightly import signed_by_development_keys

    conf = settings.load(home=home)
    if list_:
        now = versions.current(conf.published)
        paths = versions.all_of(conf.published)
        if as_json:
            print_json([{"version": path.name, "current": path.resolve() == now} for path in paths])
            return
        for path in paths:
            out.print(f"{path.name}{'  <- current 当前版本' if path.resolve() == now else ''}", highlight=False)
        return
    progress = _Steps()
    with open_warehouse(conf, make=False):
        publication = back(conf, version, progress=lambda message: progress("rollback", message))
    report = {
        "published": str(conf.published / "current"),
        "version": publication.version,
        "changes": publication.changes,
        "notices": [*publication.notices, *signed_by_development_keys(conf)],
    }
    if as_json:
        print_json(report)
    else:
        show_report(report)
        out.print(f"Version in force 当前版本: {publication.version}", highlight=False)


@app.command()
def nightly(
    path: Annotated[
        Path | None, typer.Option("--path", help="A file, or a folder of files; without it nothing is ingested.")
    ] = None,
    source: SourceName = "canonical",
    day: Day = None,
    rulebook: Rulebooks = None,
    trial: Trial = False,
    history: History = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The whole night: ingest, check, evaluate, publish. The same steps as the Prefect flow, without Prefect.

    Example: merchant-credit nightly --path ./delivery --date 2026-11-24

    Example: merchant-credit nightly --source olist --path ./olist --date 2018-08-31 --json
    """
    from credit.nightly import NightRun, run

    conf = settings.load(home=home)
    night = NightRun(conf, day_of(day, conf, source), source, path, rulebook, history, trial)
    try:
        run(night, _Steps())
    finally:
        # Also of a night that failed: what came, what was set aside, and how far it went.
        if night.report:
            report = {"date": night.day.isoformat(), "source": night.source, **night.report}
            if as_json:
                print_json(report)
            else:
                show_report(report)


@app.command()
def grades(
    grade: Annotated[
        list[str] | None, typer.Option("--grade", metavar="GRADE", help="Only this grade; give again for more.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="enterprise or individual.")] = None,
    role: Annotated[str, typer.Option(help="seller, or buyer: buyers who are subjects; never published.")] = "seller",
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table; --json gives all.")] = 20,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List grades of the latest evaluation, or of --date, best first.

    Example: merchant-credit grades --grade CCC --grade D

    Example: merchant-credit grades --json > grades.json
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        evaluated = latest(con, day_of(day, conf) if day else None)
        rows = grade_list(con, evaluated, role)
    if role not in ("seller", "buyer"):
        raise UserError(f"--role {role!r}: expected seller or buyer")
    if kind and kind not in ("enterprise", "individual"):
        raise UserError(f"--kind {kind!r}: expected enterprise or individual")
    if grade and (unknown := set(grade) - {row["grade"] for row in rows}):
        known = ", ".join(sorted({row["grade"] for row in rows}))
        err.print(f"nobody has grade {', '.join(sorted(unknown))} that day; grades given: {known}")
    rows = [row for row in rows if (not grade or row["grade"] in grade) and (not kind or row["subject_kind"] == kind)]
    if as_json:
        print_json(rows)
        return
    for standing in sorted({row["standing"] for row in rows} & set(STANDINGS)):
        out.print(f"[yellow]{standing}[/yellow] {STANDINGS[standing]}")
    _show_grades(rows, f"Credit grades 信用等级 · {evaluated}", limit)


def _show_grades(rows: list[dict[str, Any]], title: str, limit: int) -> None:
    table = RichTable(title=title, title_justify="left")
    for heading in ("Merchant\n主体", "Kind\n类型", "Grade\n等级", "Score\n得分", "Evidence\n证据度", "Marks\n标注"):
        number, marks = heading[:5] in ("Score", "Evide"), heading[:5] == "Marks"
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=not marks)
    for row in rows[:limit]:
        table.add_row(
            escape(row["subject_id"]),
            row["subject_kind"],
            row["grade"],
            "" if row["score"] is None else f"{row['score']:.2f}",
            f"{row['evidence']:.2f}",
            escape(" · ".join(_marks(row))),
        )
    out.print(table)
    if len(rows) > limit:
        out.print(f"{limit} of {len(rows):,} merchants; --limit shows more, --json all")


def _marks(row: dict[str, Any]) -> list[str]:
    """The marks beside a grade: why there is none, what caps it, and the kind of merchant."""
    marks = [row["not_rated_reason"]] if row["not_rated_reason"] else []
    marks += [v if isinstance(v, str) else v["id"] for v in row["vetoes"] or []]
    names = {"provisional": "provisional 临时", "dormant": "dormant 休眠", "self_operated": "self-operated 自营"}
    return marks + [text for name, text in names.items() if row[name]]


@app.command()
def explain(
    merchant: Annotated[str, typer.Argument(help="The merchant's subject_id.")],
    rows: Annotated[
        bool, typer.Option("--rows", help="With the ids of the rows behind each number: for the merchant itself.")
    ] = False,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Why a merchant has its grade: each point back to counts, curve and rule; the three changes that would raise it
    with the least effort, what time alone will do, and what moved it since the last evaluation.

    Example: merchant-credit explain 53243585a1d6dc2643021fd1853d8905 --json
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        explanation = explained(con, conf, merchant, day_of(day, conf) if day else None, rows=rows)
    if as_json:
        print_json(explanation)
    else:
        show_explanation(explanation, out)


@app.command()
def config(home: Home = None, as_json: AsJson = False) -> None:
    """Print every setting in force, where it comes from, and what it does.

    Example: MERCHANT_CREDIT_ON_FAILED_CHECK=quarantine merchant-credit config
    """
    conf = settings.load(home=home)
    origins = settings.origins(conf, home=home)
    if as_json:
        print_json({name: {"value": getattr(conf, name), "from": origin} for name, origin in origins.items()})
        return
    table = RichTable(title="Settings", title_justify="left")
    for heading in ("Setting", "Value", "From", "What it does"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Setting")
    for name, origin in origins.items():
        value = getattr(conf, name)
        about = Settings.model_fields[name].description or ""
        table.add_row(name, "(unset)" if value is None else escape(str(value)), origin, escape(about))
    out.print(table)


def _run_step(
    name: str,
    home: Path | None,
    *,
    source: str = "canonical",
    path: Path | None = None,
    day: str | None = None,
    rulebooks: list[Path] | None = None,
    history: bool = False,
    trial: bool = False,
    back: bool = False,
    as_json: bool = False,
    **options: Any,
) -> None:
    from credit.nightly import STEPS, NightRun, run_step

    conf = settings.load(home=home, **options)
    night = NightRun(conf, day_of(day, conf, source), source, path, rulebooks, history, trial, back)
    progress = _Steps()
    run_step(name, dict(STEPS)[name], night, lambda message: progress(name, message))
    if as_json:
        print_json({"date": night.day.isoformat(), **night.report})
    else:
        show_report(night.report)


def _version(value: bool) -> None:
    if value:
        out.print(f"merchant-credit {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.add_typer(objections.app, name="objection")
app.add_typer(sanctions.app, name="sanction")
app.add_typer(closings.app, name="closing")
app.add_typer(assessing.app, name="assess")
app.command()(objections.repair)
app.command()(vetting.vet)
app.command()(vetting.vettings)
app.command()(early_warning.watch)
app.command()(operations.accept_loss)
app.command()(operations.withdraw)
app.command()(operations.catch_up)
app.command()(upkeep.backup)
app.command()(upkeep.restore)
app.command()(upkeep.status)
app.command()(upkeep.doctor)
app.add_typer(keys.app, name="keys")
app.command()(verification.verify)
app.command(name="map")(mapping.map_database)


def main() -> NoReturn:
    """Entry point: a user's error is one message and its exit code, no traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A host whose locale lacks a character shows it escaped; the work is done all the same.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        told = as_user_error(error)
        if told is None:
            raise
        err.print(f"[bold red]error[/bold red] {escape(printable(str(told)))}", highlight=False, soft_wrap=True)
        sys.exit(told.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()

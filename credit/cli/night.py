"""`ingest`, `check`, `evaluate`, `publish`, `nightly`, `rollback`: the steps of a night and the whole of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.grades import show_grades
from credit.cli.night_report import show_report
from credit.cli.options import AsJson, Day, Home, day_of, print_json
from credit.disclosure import versions
from credit.disclosure.publishing import rollback as back
from credit.errors import UserError
from credit.evaluation.night import evaluate_merchant
from credit.evaluation.results import grade_row, latest
from credit.home import open_warehouse
from credit.nightly import STEPS, NightRun, run, run_step, signed_by_development_keys
from credit.sources import adapters

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
        show_grades([row], f"Credit grade 信用等级 · {evaluated}", 1)


def publish(day: Day = None, home: Home = None, as_json: AsJson = False) -> None:
    """Publish an evaluated night (default: the latest) to published/current, atomically.

    Example: merchant-credit publish --date 2026-11-24
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        evaluated = latest(con, day_of(day, conf) if day else None)
    _run_step("publish", home, day=evaluated.isoformat(), back=True, as_json=as_json)


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
    conf = settings.load(home=home, **options)
    night = NightRun(conf, day_of(day, conf, source), source, path, rulebooks, history, trial, back)
    progress = _Steps()
    run_step(name, dict(STEPS)[name], night, lambda message: progress(name, message))
    if as_json:
        print_json({"date": night.day.isoformat(), **night.report})
    else:
        show_report(night.report)

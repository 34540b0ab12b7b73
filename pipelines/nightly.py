"""The nightly flow: the steps of `credit.nightly`, in the same order, as Prefect tasks.

Run it once:            python -m pipelines.nightly --path ./delivery --date 2026-11-24
Serve it every night:   prefect server start, then with PREFECT_API_URL set to it
                        python -m pipelines.nightly --path ./delivery --serve
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from rich.markup import escape

from credit import settings
from credit.cli.consoles import err
from credit.cli.night_report import show_report, standing_note
from credit.cli.options import day_of
from credit.errors import UserError
from credit.nightly import STEPS, NightRun, finish, run_step
from credit.sources.adapters import HELP, zone_before_a_batch
from pipelines.serving import retrying_can_help, schedule, server_is_named, stop_background_loop

CRON = "30 2 * * *"
"""02:30 in the platform's zone: after the day's exports, before the morning."""


@task(retries=3, retry_delay_seconds=[10, 60, 300], retry_condition_fn=retrying_can_help, cache_policy=NO_CACHE)
def step(name: str, night: NightRun) -> NightRun:
    """One step of the night. Returns the night with its report grown by what the step did."""
    logger = get_run_logger()
    run_step(name, dict(STEPS)[name], night, logger.info)
    return night


@flow(name="merchant-credit-nightly", validate_parameters=False)
def nightly(
    path: str | None = None,
    source: str = "canonical",
    evaluation_date: str | None = None,
    rulebooks: list[str] | None = None,
    history: bool = False,
    home: str | None = None,
    trial: bool = False,
) -> dict[str, Any]:
    """Ingest, check, evaluate, publish; returns the night's report and leaves it as artifacts.

    `evaluation_date` (YYYY-MM-DD) is the night that begins that day; default: the day, in the platform's zone, for which the
    run was scheduled, however late it starts.
    """
    conf = settings.load(home=home)
    day: date = day_of(evaluation_date, conf, source) if evaluation_date else _scheduled_day(conf, source)
    books = [Path(book) for book in rulebooks or []] or None
    night = NightRun(conf, day, source, Path(path) if path else None, books, history, trial)
    for name, _ in STEPS:
        night = step.with_options(name=name)(name, night)
    report = finish(night)
    _artifacts(report)
    return report


def _scheduled_day(conf: settings.Settings, source: str) -> date:
    meant = flow_run.scheduled_start_time
    zone = ZoneInfo(zone_before_a_batch(conf, source))
    day = (meant or datetime.now(UTC)).astimezone(zone)
    # Prefect's time gives a day of a type of its own, which JSON does not know.
    return date(day.year, day.month, day.day)


def _artifacts(report: dict[str, Any]) -> None:
    standing = standing_note(report)
    create_table_artifact(
        key="grade-distribution",
        description=f"Grades of {report['date']} 信用等级分布" + (f" · {standing}" if standing else ""),
        table=[
            {"rulebook": book, "grade": grade, "merchants": number}
            for book, counts in report.get("grades_by_rulebook", {}).items()
            for grade, number in counts.items()
        ],
    )
    create_table_artifact(
        key="quarantine",
        description=f"Rows set aside, night of {report['date']} 隔离数据",
        table=report.get("quarantine", []),
    )
    rows = "\n".join(
        f"| {name} | {n['read']:,} | {n['accepted']:,} | {n['quarantined']:,} |"
        for name, n in report.get("sources", {}).items()
    )
    notes = "\n".join(f"- {note}" for note in [standing, *report.get("notices", [])] if note)
    create_markdown_artifact(
        key="night",
        description=f"Night of {report['date']}",
        markdown=f"# {report['date']}\n\n| source | read | accepted | quarantined |\n|---|---:|---:|---:|\n{rows}\n\n"
        f"Published: `{report.get('version', '')}`, {report.get('merchants', 0):,} merchants\n\n{notes}\n",
    )


def main() -> None:
    """Command line of the flow: run it once, or `--serve` it as a nightly deployment."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.nightly", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", help="a file, or a folder of files, as --source says")
    parser.add_argument("--source", default="canonical", help=HELP)
    parser.add_argument("--date", help="evaluation day, YYYY-MM-DD; default: today in the platform's zone")
    parser.add_argument("--rulebook", action="append", help="rulebook file; give again for more")
    parser.add_argument("--trial", action="store_true", help="evaluate by rulebook files that are not in force")
    parser.add_argument("--history", action="store_true", help="first delivery of past data")
    parser.add_argument(
        "--home",
        help="folder of warehouse and published files; default: MERCHANT_CREDIT_HOME, else ./merchant-credit-home",
    )
    parser.add_argument("--serve", action="store_true", help="serve as a deployment, every night")
    parser.add_argument("--cron", default=CRON, help=f"when, with --serve; default {CRON!r} in the platform's zone")
    options = parser.parse_args()
    parameters = {
        "path": options.path,
        "source": options.source,
        "evaluation_date": options.date,
        "rulebooks": options.rulebook,
        "history": options.history,
        "home": options.home,
        "trial": options.trial,
    }
    try:
        if options.serve:
            serve(parameters, options.cron)
        else:
            show_report(nightly(**parameters))
            stop_background_loop()
    except UserError as error:
        err.print(f"[bold red]error[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


def serve(parameters: dict[str, Any], cron: str = CRON) -> None:
    """Serve the flow as the deployment `nightly`. One night at a time; blocks until stopped.

    Raises UserError without a Prefect server: the temporary one that a flow starts for itself schedules nothing.
    """
    server_is_named()
    nightly.serve(name="nightly", schedule=schedule(parameters, cron), parameters=parameters, limit=1)


if __name__ == "__main__":
    main()

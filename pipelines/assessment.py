"""The quarterly flow: the platform assessed by every shipped catalogue, as Prefect tasks, with the reports kept in the home.

Run it once:              python -m pipelines.assessment --by "Li Wei" --date 2026-11-24
Serve it every quarter:   prefect server start, then with PREFECT_API_URL set to it
                          python -m pipelines.assessment --by "Li Wei" --serve
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from rich.markup import escape

from credit import settings
from credit.assessment import quarterly
from credit.assessment.catalogue import named
from credit.assessment.judging import RESULTS
from credit.cli.consoles import err, out
from credit.cli.options import day_of
from credit.errors import UserError
from credit.home import open_warehouse
from credit.settings import Settings
from pipelines.serving import retrying_can_help, schedule, server_is_named, stop_background_loop

CRON = "0 4 1 1,4,7,10 *"
"""04:00 in the platform's zone on the first day of each quarter: after the night."""


@task(retries=3, retry_delay_seconds=[10, 60, 300], retry_condition_fn=retrying_can_help, cache_policy=NO_CACHE)
def assess(catalogue: str, conf: Settings, day: date, by: str) -> dict[str, Any]:
    """One catalogue; returns what names the assessment and how many lines have which result."""
    with open_warehouse(conf, make=False) as con:
        run = quarterly.assess_one(con, conf, named(catalogue), day, by)
    counts: dict[str, Any] = {str(name): run.result["counts"][name] for name in RESULTS}
    get_run_logger().info("%s: %s", catalogue, counts)
    return {
        "number": run.number, "catalogue": catalogue, **counts, "score": run.result["score"], "stars": run.result["stars"],
    }  # fmt: skip


@flow(name="merchant-credit-assessment", validate_parameters=False)
def assessment(by: str, assessment_date: str | None = None, home: str | None = None) -> list[dict[str, Any]]:
    """Assess by every shipped catalogue; returns a row each and leaves them as an artifact.

    `assessment_date` (YYYY-MM-DD): as of 00:00 of that day; default: today in the platform's zone.
    """
    conf = settings.load(home=home)
    day = day_of(assessment_date, conf)
    rows = [assess.with_options(name=catalogue.id)(catalogue.id, conf, day, by) for catalogue in quarterly.in_order()]
    create_table_artifact(key="assessment", description=f"Assessment of the platform 平台自评 · {day}", table=rows)
    return rows


def main() -> None:
    """Command line of the flow: run it once, or `--serve` it as a quarterly deployment."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.assessment", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--by", required=True, help="the person responsible; kept with the result, not published")
    parser.add_argument("--date", help="day of the assessment, YYYY-MM-DD; default: today in the platform's zone")
    parser.add_argument(
        "--home", help="folder of the warehouse; default: MERCHANT_CREDIT_HOME, else ./merchant-credit-home"
    )
    parser.add_argument("--serve", action="store_true", help="serve as a deployment, every quarter")
    parser.add_argument("--cron", default=CRON, help=f"when, with --serve; default {CRON!r} in the platform's zone")
    options = parser.parse_args()
    parameters = {"by": options.by, "assessment_date": options.date, "home": options.home}
    try:
        if options.serve:
            server_is_named()
            assessment.serve(
                name="assessment", schedule=schedule(parameters, options.cron), parameters=parameters, limit=1
            )
        else:
            for row in assessment(**parameters):
                counts = " · ".join(f"{label.zh} {label.en} {row[name]}" for name, label in RESULTS.items())
                graded = "" if row["score"] is None else f" · {row['score']:g} ({row['stars']}★)"
                out.print(f"No. {row['number']} {row['catalogue']}: {counts}{graded}", highlight=False, soft_wrap=True)
            stop_background_loop()
    except UserError as error:
        err.print(f"[bold red]error[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

"""Verbs for who runs the platform's nights."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, Who, entering, named_day, print_json
from credit.errors import UserError
from credit.evaluation import results
from credit.home import open_warehouse
from credit.ledgers.entries import limited, one_line
from credit.warehouse import head


def accept_loss(
    reason: Annotated[
        str, typer.Option("--reason", help="What was lost and why there is no later copy; not published.")
    ],
    by: Who,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a warehouse that lacks what it held before (exit code 9), where no later copy is left.

    What was entered since is lost: enter it again. Who accepts it and why stays in the warehouse (meta.changes).

    Example: merchant-credit accept-loss --reason "disk died, copy of Monday" --by "Li Wei"
    """
    conf = settings.load(home=home)
    reason = limited(reason, "--reason", "what was lost and why there is no later copy")
    with open_warehouse(conf, make=False, check_head=False) as con:
        change = head.accept_loss(con, conf, reason, one_line(by, "--by", "the person responsible"))
    if as_json:
        print_json(change._asdict())
    else:
        out.print(f"Change {change.change} of the warehouse: the loss is entered. 损失已登记，请补录此后的各项登记。")


def withdraw(
    day: Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="The night that is taken back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; not published.")],
    by: Who,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take back the evaluation of a night: its grades are gone, who did it and why stays in the ledger.

    For a night of a clock that was ahead, or one evaluated on a wrong delivery. What is published stays until the next publish.

    Example: merchant-credit withdraw --date 2026-12-20 --reason "the clock was ahead" --by "Li Wei"
    """
    night = named_day(day, "--date")
    with entering(home) as con:
        grades = results.withdraw(con, night, reason, by)
    if as_json:
        print_json({"evaluated_on": night.isoformat(), "grades": grades})
    else:
        out.print(f"The night of {night} is withdrawn, {grades:,} grades 该日评价已撤回", highlight=False)


def catch_up(
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first night that may be missing.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="The last one.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate the nights that were missed, in their order, by what was known at each; then publish the latest of all.

    Nights that were evaluated stay as they are. Land and check what was delivered for them before.

    Example: merchant-credit catch-up --from 2026-11-20 --to 2026-11-24
    """
    from credit.nightly import NightRun, evaluate, publish

    conf = settings.load(home=home)
    start, end = named_day(first, "--from"), named_day(last, "--to")
    if end < start:
        raise UserError(f"--to {end} is before --from {start}; expected a later day")
    with open_warehouse(conf, read_only=True) as con:
        there = {row[0] for row in con.execute("SELECT DISTINCT evaluated_on FROM results.runs").fetchall()}
    nights = [night for n in range((end - start).days + 1) if (night := start + timedelta(days=n)) not in there]
    for night in nights:
        err.print(f"evaluating the night of {night}", highlight=False)
        evaluate(NightRun(conf, night))
    with open_warehouse(conf, read_only=True) as con:
        newest = results.latest(con, None)
    run = NightRun(conf, newest)
    publish(run)
    if as_json:
        print_json({"evaluated": [night.isoformat() for night in nights], **run.report})
    else:
        out.print(f"{len(nights)} nights evaluated 补评 {len(nights)} 日; published 已发布: {newest}", highlight=False)

"""Verbs for who runs the platform's nights."""

from __future__ import annotations

from typing import Annotated

import typer

from credit import settings
from credit.cli.options import AsJson, Home, Who, out, print_json
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

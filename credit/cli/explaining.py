"""`explain`: why a merchant has its grade."""

from __future__ import annotations

from typing import Annotated

import typer

from credit import settings
from credit.cli.explanation import show_explanation
from credit.cli.options import AsJson, Day, Home, day_of, out, print_json
from credit.evaluation.explain import explain as explained
from credit.home import open_warehouse


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

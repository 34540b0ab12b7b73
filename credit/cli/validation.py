"""The verbs `validate backtest|stability|challenger`: does the grade tell the truth? Nothing is stored in the warehouse."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, named_day, print_json
from credit.errors import UserError
from credit.home import open_warehouse
from credit.warehouse.connection import zone_of

if TYPE_CHECKING:
    from credit.validation.outcomes import Definition
    from credit.validation.report import Result

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Compare past grades with what happened afterwards, and see how steady they are (检验). Changes nothing.",
)

Dates = Annotated[
    list[str], typer.Option("--date", metavar="YYYY-MM-DD", help="A past night; give it as often as needed.")
]
Bad = Annotated[
    str | None,
    typer.Option(
        "--bad",
        help="Which orders are bad, by comma: rated_low=2, sent_late, seller_cancelled, unavailable, complaint_upheld, "
        "carrier_late. Default: all but the last, which the merchant cannot help.",
    ),
]
Rulebooks = Annotated[
    list[Path] | None,
    typer.Option("--rulebook", metavar="FILE", help="Grade by these files; default: those of each date."),
]
Out = Annotated[
    Path | None, typer.Option("--out", file_okay=False, help="Folder for index.html, picture.svg, result.json and CSV.")
]
Resamples = Annotated[int, typer.Option(min=1, max=100_000, help="Resamples of the bootstrap over sellers.")]
ROWS = 20
"""Rows of a table in the terminal; the page has all."""


@app.command()
def backtest(
    dates: Dates,
    days: Annotated[
        list[int] | None,
        typer.Option("--days", min=1, help="Days after each date whose orders count; default 30, 90, 180."),
    ] = None,
    bad: Bad = None,
    rulebook: Rulebooks = None,
    resamples: Resamples = 500,
    save: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Grade past nights with what was known then, and compare with the orders that followed.

    Example: merchant-credit validate backtest --date 2018-04-01 --date 2018-06-01 --days 90 --out ./backtest

    Example: merchant-credit validate backtest --date 2018-06-01 --bad rated_low=1,sent_late --rulebook my.yaml
    """
    from credit.validation.backtest import HORIZONS
    from credit.validation.backtest import backtest as compare

    def run(con: duckdb.DuckDBPyConnection, zone: str, bad_orders: Definition) -> Result:
        return compare(
            con, nights, zone, days or HORIZONS, bad_orders, rulebook, resamples=resamples, progress=_progress
        )

    nights = _nights(dates)
    _validate(run, bad, save, home, as_json)


@app.command()
def stability(
    dates: Dates,
    nights: Annotated[int, typer.Option(min=0, max=366, help="Also every night of so many up to the last date.")] = 14,
    days: Annotated[int, typer.Option("--days", min=1, help="Days after the last date whose orders count.")] = 90,
    bad: Bad = None,
    rulebook: Rulebooks = None,
    resamples: Resamples = 500,
    save: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Migrations, PSI and CSI, flicker, the effect of size and age, and what a changed weight or edge would do.

    Example: merchant-credit validate stability --date 2018-05-01 --date 2018-06-01 --nights 14 --out ./stability
    """
    from credit.validation.stability import stability as measure

    def run(con: duckdb.DuckDBPyConnection, zone: str, bad_orders: Definition) -> Result:
        return measure(
            con,
            past_nights,
            zone,
            bad_orders,
            rulebook,
            nights=nights,
            days=days,
            resamples=resamples,
            progress=_progress,
        )

    past_nights = _nights(dates)
    _validate(run, bad, save, home, as_json)


@app.command()
def challenger(
    dates: Dates,
    train: Annotated[
        list[str] | None,
        typer.Option(
            "--train", metavar="YYYY-MM-DD", help="More past nights to learn from; give it as often as needed."
        ),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="Days after each date whose orders count.")] = 90,
    bad: Bad = None,
    rulebook: Rulebooks = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts of the sellers, each left out in turn.")] = 5,
    resamples: Resamples = 500,
    save: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Set two models beside the score, on nights and sellers they did not learn from. Advisory: they never grade.

    Each date is judged by models of the nights at least --days before it.

    Example: merchant-credit validate challenger --date 2018-04-01 --date 2018-06-01 --train 2017-10-01 --train 2017-12-01
    """
    from credit.validation.challenger import challenge

    def run(con: duckdb.DuckDBPyConnection, zone: str, bad_orders: Definition) -> Result:
        return challenge(
            con, nights, zone, days, bad_orders, rulebook, train=train_nights, folds=folds, resamples=resamples,
            progress=_progress,
        )  # fmt: skip

    nights, train_nights = _nights(dates), [named_day(text, "--train") for text in train or []]
    _validate(run, bad, save, home, as_json)


def _nights(dates: list[str]) -> list[date]:
    if not dates:
        raise UserError("name at least one past night with --date YYYY-MM-DD")
    return [named_day(text, "--date") for text in dates]


def _progress(message: str) -> None:
    err.print(f"[dim]{escape(message)}[/dim]", highlight=False)


def _validate(
    run: Callable[[duckdb.DuckDBPyConnection, str, Definition], Result],
    bad: str | None,
    save: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """`run` with the warehouse, its zone and which orders are bad; its result written and shown."""
    from credit.validation import report
    from credit.validation.outcomes import DEFAULT, definition

    started = time.perf_counter()
    bad_orders = definition(bad) if bad else DEFAULT
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        result = run(con, zone_of(con, conf), bad_orders)
    written = report.write(result, save) if save else []
    if as_json:
        print_json(report.as_json(result) | {"seconds": round(time.perf_counter() - started, 3)})
    else:
        show(result, written)


def show(result: Result, written: list[Path]) -> None:
    """The main tables in the terminal."""
    from credit.validation import report

    for table in (table for table in report.tables(result) if table.main):
        rich = RichTable(title=escape(table.title), title_justify="left")
        for i, name in enumerate(table.columns):
            rich.add_column(escape(name), justify="right" if i else "left", overflow="fold")
        for row in table.rows[:ROWS]:
            rich.add_row(*map(escape, row))
        out.print(rich)
    for note in result.notes:
        out.print(f"[yellow]note[/yellow] {escape(note)}", highlight=False, soft_wrap=True)
    if written:
        out.print(f"All tables and the picture: {escape(str(written[0]))}", highlight=False, soft_wrap=True)
    else:
        out.print("More tables and the picture: --out FOLDER", highlight=False)

"""Verbs that look after a home: copies of it, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, print_json
from credit.errors import NEEDS_ATTENTION
from credit.upkeep import backup as copies
from credit.upkeep import health


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where copies go, one folder each; best another disk.")
    ],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FOLDER", help="Copy the keys as well, to this folder that others keep."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the home, each file with its hash, while readers read; nobody writes meanwhile.

    The key of pseudonyms and the private keys of signatures are copied only to --keys. Of published/ the version in force is
    copied. Give it a time when no night runs (exit code 5 otherwise).

    Example: merchant-credit backup /media/usb2/credit --keys /media/safe/credit
    """
    conf = settings.load(home=home)
    made = copies.back_up(conf, folder, keys)
    if as_json:
        print_json({"copy": str(made[0]), "keys": str(made[1]) if keys else None})
        return
    out.print(f"Copied 已备份: {escape(str(made[0]))}", soft_wrap=True, highlight=False)
    if keys:
        out.print(f"Keys 密钥: {escape(str(made[1]))}", soft_wrap=True, highlight=False)
    else:
        err.print(
            "Keys are not in it 密钥未备份: without pseudonym.key consumers' pseudonyms cannot be continued; --keys FOLDER"
        )


def restore(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A copy, or the folder that holds copies: the last one.")
    ],
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FOLDER", help="The folder that the keys were copied to.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="YYYY-MM-DD[THH:MM]", help="The last copy made by then (UTC), in place of the last."
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put a copy back as a home that is not there yet; each file is checked by its hash first.

    Then deliver again what came since, and run the nights that are missing (`status` names them).

    Example: merchant-credit restore /media/usb2/credit --keys /media/safe/credit --home /srv/merchant-credit
    """
    place = settings.load(home=home).home
    about = copies.restore(folder, place, keys, at)
    if as_json:
        print_json({"home": str(place), "made_at": about.made_at, "files": len(about.files), "change": about.change})
        return
    out.print(f"Restored 已恢复: {escape(str(place))}, as of {about.made_at}", soft_wrap=True, highlight=False)
    if keys is None:
        err.print(
            "Keys are not in it 密钥未恢复: put pseudonym.key and keys/*.pem in their places before the next night"
        )


def status(
    max_age: Annotated[
        int, typer.Option("--max-age-days", min=0, help="Days after which the last night is too old.")
    ] = 1,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell a monitor how the home stands: last night and its age, what is published, the last run, what waits.

    Exit codes: 0 all in order, 12 something needs attention.

    Example: merchant-credit status --max-age-days 1
    """
    _show(health.status(settings.load(home=home), max_age), as_json)


def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Examine the whole home: every block, history, rules, keys, published files, disk, clock, who may read.

    Reads all of it, which takes as long as the disk does. Exit codes: 0 all in order, 12 something needs attention.

    Example: merchant-credit doctor
    """
    conf = settings.load(home=home)
    _show(health.doctor(conf, lambda name: err.print(f"[dim]{name}[/dim]", highlight=False)), as_json)


def _show(checks: list[health.Check], as_json: bool) -> None:
    if as_json:
        print_json([check.to_json() for check in checks])
    else:
        table = RichTable("", "检查 Check", "结果 Found")
        for check in checks:
            mark = "[green]✓[/green]" if check.ok else "[bold red]✗[/bold red]"
            finding = escape(check.found) + (f"\n[yellow]→ {escape(check.do)}[/yellow]" if check.do else "")
            table.add_row(mark, f"{check.zh} {check.en}", finding)
        out.print(table)
    if not all(check.ok for check in checks):
        raise typer.Exit(NEEDS_ATTENTION)

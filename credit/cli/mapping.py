"""The verb `map`: mapping files of a platform's own database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, print_json
from credit.errors import InputError, UserError

if TYPE_CHECKING:
    from credit.sources import mapping_check


def map_database(
    check: Annotated[Path | None, typer.Option("--check", help="Mapping file to check against its database.")] = None,
    propose: Annotated[
        str | None,
        typer.Option(
            "--propose",
            metavar="FOLDER|URL|VARIABLE",
            help="Print a mapping, to correct: for the files of a folder, or the tables of a database. Better the name of an "
            "environment variable than the URL: others see command lines.",
        ),
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a commented mapping to begin with.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Map a platform's own files or database to the canonical tables: have a mapping proposed, see what is missing
    and how the first rows will be read, or begin with an example.

    Exit code 0 only when the mapping can be read by. What it says is data; nothing is read into the warehouse.

    Example: merchant-credit map --example > mapping.yaml

    Example: merchant-credit map --propose ./export > ./export/mapping.yaml

    Example: merchant-credit map --propose SHOP_DATABASE_URL > mapping.yaml

    Example: merchant-credit map --check mapping.yaml --json
    """
    if (check is not None) + (propose is not None) + example != 1:
        raise UserError("map: expected one of --check FILE, --propose FOLDER and --example; see `map --help`")
    from credit.sources import mapping_check
    from credit.sources.mapping import EXAMPLE

    if propose is not None:
        sys.stdout.write(_proposed(propose, settings.load(home=home)))
        return
    if check is None:
        sys.stdout.write(EXAMPLE.read_text(encoding="utf-8"))
        return
    conf = settings.load(home=home)
    result = mapping_check.check(check, conf.zone or settings.DEFAULT_ZONE, conf)
    if as_json:
        print_json(result.to_json())
    else:
        _show(result)
    if not result.usable:
        kind = InputError if result.unreachable else UserError
        raise kind(f"{check} cannot be used yet: {len(result.errors)} error{'s' * (len(result.errors) > 1)}, see above")


def _proposed(place: str, conf: settings.Settings) -> str:
    from credit.databases.dialect import environment_text
    from credit.sources import proposal
    from credit.warehouse.connection import connect_aside

    zone = conf.zone or settings.DEFAULT_ZONE
    if "://" in place:
        return proposal.propose_database(place, "--propose", zone)
    if place in os.environ and not Path(place).exists():
        return proposal.propose_database(environment_text(place), f"environment variable {place}", zone, place)
    with connect_aside(conf) as con:
        return proposal.propose(con, conf, Path(place))


def _show(result: mapping_check.MappingCheck) -> None:
    table = RichTable(title=f"Mapping 映射 · {escape(result.database or '-')}", title_justify="left")
    for heading in (
        "Table 表",
        "Columns 列",
        "Each night 每夜",
        "Not mapped, and not measured then 未映射及因此缺少的指标",
    ):
        table.add_column(heading, overflow="fold")
    for name, checked in result.tables.items():
        missing = [f"{column}: {', '.join(indicators)}" for column, indicators in checked.missing.items() if indicators]
        if harmless := [column for column, indicators in checked.missing.items() if not indicators]:
            missing.append(f"also not mapped: {', '.join(harmless)}")
        amount = "what is new" if checked.incremental else "whole"
        table.add_row(name, str(len(checked.mapped)), amount, escape("\n".join(missing)))
        table.add_section()
    for name, indicators in result.unmapped.items():
        table.add_row(name, "-", "-", ", ".join(indicators))
    if result.tables:
        out.print(table)
    for row in result.first_rows:
        out.print(
            f"[bold]{escape(row.table)}[/bold] {escape(row.file)}, line {row.line}", highlight=False, soft_wrap=True
        )
        filled = {name: value for name, value in row.values.items() if value is not None}
        out.print(
            "  " + escape(" · ".join(f"{name} {value}" for name, value in filled.items())),
            soft_wrap=True,
            highlight=False,
        )
        for fault in row.faults:
            out.print(f"  [red]fault[/red] {escape(fault)}", highlight=False, soft_wrap=True)
    for message in result.warnings:
        out.print(f"[yellow]note[/yellow] {escape(message)}", highlight=False, soft_wrap=True)
    for message in result.errors:
        err.print(f"[red]error[/red] {escape(message)}", highlight=False, soft_wrap=True)
    if result.usable:
        out.print("The mapping can be used 映射可用", highlight=False)

"""The verb `quarantine`: what was set aside, why, and as files to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import out
from credit.cli.options import AsJson, Home, print_json
from credit.home import open_warehouse
from credit.intake import quarantine
from credit.intake.quarantine import Chosen

app = typer.Typer(no_args_is_help=True, help="Rows that were set aside (隔离区): list, explain, export to mend.")

Batch = Annotated[int | None, typer.Option("--batch", help="Only this batch.")]
TableName = Annotated[str | None, typer.Option("--table", help="Only this table.")]
Code = Annotated[str | None, typer.Option("--code", help="Only this reason code.")]


@app.command("list")
def list_(
    batch: Batch = None, table: TableName = None, code: Code = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Count rejected rows by batch, table and cause, each with what to do.

    Example: merchant-credit quarantine list --batch 12
    """
    with open_warehouse(settings.load(home=home), read_only=True) as con:
        entries = quarantine.listed(con, Chosen(batch, table, code))
    if as_json:
        print_json(entries)
        return
    shown = RichTable(title="Quarantine 隔离区", title_justify="left")
    for heading in ("Batch 批次", "Table 表", "Code 原因码", "Rows 行数", "For example 例如", "What to do 处理"):
        shown.add_column(heading, overflow="fold", justify="right" if heading[:4] in ("Batc", "Rows") else "left")
    for entry in entries:
        shown.add_row(
            str(entry["batch"]),
            entry["table"],
            entry["code"],
            f"{entry['rows']:,}",
            escape(entry["example"]),
            f"{entry['remedy_zh']} {entry['remedy']}",
        )
    out.print(shown)


@app.command()
def explain(
    batch: Batch = None,
    table: TableName = None,
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show single rejected rows: file, line, key and reason.

    Example: merchant-credit quarantine explain --table transactions --code unreadable
    """
    with open_warehouse(settings.load(home=home), read_only=True) as con:
        rows = quarantine.explained(con, Chosen(batch, table, code), limit)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        place = f"{row['file']}, line {row['line']}" if row["line"] is not None else row["file"]
        out.print(
            f"[bold]{escape(place)}[/bold] {row['code']}: {escape(row['reason'])}", highlight=False, soft_wrap=True
        )


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")],
    batch: Batch = None,
    table: TableName = None,
    code: Code = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write rejected rows as CSV, each with its reason, to be mended and delivered again.

    Example: merchant-credit quarantine export ./to-mend --batch 12 && merchant-credit nightly --path ./to-mend
    """
    with open_warehouse(settings.load(home=home), read_only=True) as con:
        written = quarantine.export(con, Chosen(batch, table, code), folder)
    if as_json:
        print_json(written)
        return
    for name, rows in written.items():
        out.print(f"{escape(str(folder / name))}: {rows:,} rows", highlight=False, soft_wrap=True)

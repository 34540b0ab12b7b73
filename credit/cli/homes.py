"""`init`, `config`, `sample`: a home, its settings, and something to try it on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import out
from credit.cli.options import AsJson, Home, day_of, print_json
from credit.home import open_warehouse
from credit.intake.pseudonyms import pseudonym_key
from credit.settings import Settings
from credit.synthetic import delivery, own_words
from credit.synthetic.papers import write as write_papers


def init(home: Home = None) -> None:
    """Make a home: folder, warehouse, pseudonym key and a config.toml to edit. Safe to run again.

    Example: merchant-credit init --home /srv/merchant-credit
    """
    conf = settings.load(home=home)
    with open_warehouse(conf):
        pass
    pseudonym_key(conf)
    config = conf.home / "config.toml"
    if not config.exists():
        lines = ["# Settings of this home; see `merchant-credit config` for what is in force."]
        for name, about in Settings.model_fields.items():
            if name != "home":
                value = about.default if about.default is not None else ""
                lines += ["", f"# {about.description}", f"# {name} = {json.dumps(value, ensure_ascii=False)}"]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out.print(f"Home ready: {escape(str(conf.home.resolve()))}", soft_wrap=True, highlight=False)
    out.print(f"Keep a backup of {conf.key_file.name}: without it consumers' pseudonyms cannot be continued.")


def config(home: Home = None, as_json: AsJson = False) -> None:
    """Print every setting in force, where it comes from, and what it does.

    Example: MERCHANT_CREDIT_ON_FAILED_CHECK=quarantine merchant-credit config
    """
    conf = settings.load(home=home)
    origins = settings.origins(conf, home=home)
    if as_json:
        print_json({name: {"value": getattr(conf, name), "from": origin} for name, origin in origins.items()})
        return
    table = RichTable(title="Settings", title_justify="left")
    for heading in ("Setting", "Value", "From", "What it does"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Setting")
    for name, origin in origins.items():
        value = getattr(conf, name)
        about = Settings.model_fields[name].description or ""
        table.add_row(name, "(unset)" if value is None else escape(str(value)), origin, escape(about))
    out.print(table)


def sample(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")],
    merchants: Annotated[int, typer.Option(min=20, help="How many merchants.")] = 300,
    transactions: Annotated[int, typer.Option(min=2000, help="How many transactions.")] = 30_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    day: Annotated[
        str, typer.Option("--date", metavar="YYYY-MM-DD", help="The data ends before this day.")
    ] = "2026-11-24",
    papers: Annotated[
        Path | None,
        typer.Option("--papers", help="Another folder: evidence of the platform about itself, for `assess enter`."),
    ] = None,
    in_own_words: Annotated[
        bool,
        typer.Option("--own-words", help="As a back office exports it: GB18030, headings of its own, two workbooks."),
    ] = False,
) -> None:
    """Write a synthetic marketplace as canonical files, bad rows included, to try everything on.

    Example: merchant-credit sample ./sample && merchant-credit nightly --path ./sample --date 2026-11-24
    """

    end = day_of(day, settings.load())
    if in_own_words:
        written = own_words.write(folder, merchants=merchants, transactions=transactions, seed=seed, end=end)
        what = ", ".join(written)
    else:
        bad = delivery.write(folder, merchants=merchants, transactions=transactions, seed=seed, end=end)
        what = f"{transactions:,} transactions of {merchants} merchants, {sum(bad.values())} bad rows among them"
    if papers is not None:
        write_papers(papers, end)
    out.print(f"Wrote {escape(str(folder))}: {what}")

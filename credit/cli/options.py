"""Shared by the verbs of the command: options, days, the home opened, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import duckdb
import typer

from credit import settings
from credit.errors import UserError
from credit.home import open_warehouse
from credit.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder of warehouse and published files; default: MERCHANT_CREDIT_HOME, else ./merchant-credit-home.",
    ),
]
Day = Annotated[
    str | None,
    typer.Option(
        "--date",
        metavar="YYYY-MM-DD",
        help="The night that begins this day: facts before its 00:00 in the platform's zone count.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON value on standard output; progress goes to standard error.")
]
By = Annotated[str, typer.Option("--by", help="The person responsible; published as entered.")]
Who = Annotated[str, typer.Option("--by", help="The person responsible; not published.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="YYYY-MM-DD[THH:MM]",
        help="When it happened, if it is entered afterwards; in the platform's zone unless an offset is given.",
    ),
]


def day_of(text: str | None, conf: Settings, source: str | None = None) -> date:
    """The day an option names, or today in the platform's zone. Raises UserError when it is no day."""
    if text is None:
        from credit.sources.adapters import zone_before_a_batch

        return datetime.now(ZoneInfo(zone_before_a_batch(conf, source))).date()
    return named_day(text, "--date")


def named_day(text: str, option: str, example: str = "2026-11-24") -> date:
    """The day an option names. Raises UserError when it is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a day; expected YYYY-MM-DD, for example {example}") from None


def instant_of(text: str | None) -> datetime | None:
    """An instant; without an offset it is in the platform's zone, which the ledger knows."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise UserError(
            f"--at {text!r} is not an instant; expected for example 2026-11-24 or 2026-11-24T10:30"
        ) from None


@contextmanager
def reading(home: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the home, to be read."""
    with open_warehouse(settings.load(home=home), read_only=True) as con:
        yield con


@contextmanager
def entering(home: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the home, which must be there, to enter something in its ledgers."""
    with open_warehouse(settings.load(home=home), make=False) as con:
        yield con


def print_json(value: Any) -> None:
    """One JSON value on standard output: UTF-8, whatever the host's locale."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"
    sys.stdout.flush()
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:  # a stand-in, as in a notebook
        sys.stdout.write(text)

"""When something was decided and when it was entered, and the words in which ledgers show both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from credit.errors import UserError
from credit.warehouse.connection import scalar

ENTERED: dict[str, tuple[str, str]] = {
    "as_it_happened": ("当时记录", "as it happened"),
    "afterwards": ("补记", "entered afterwards"),
    "as_shipped": ("随软件发布", "as shipped"),
}
SHIPPED_BY = "as shipped / 随软件发布"


def now() -> datetime:
    """The present instant; apart, so that tests can set it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Moment:
    """When something happened: the instant, the platform's day, and when it was entered here."""

    at: datetime
    day: date
    recorded_at: datetime


def moment(con: duckdb.DuckDBPyConnection, at: datetime | None) -> Moment:
    """When something happened: now, or `at` (without an offset: in the platform's zone). Refused in the future."""
    recorded, local = now(), ZoneInfo(zone(con))
    happened = recorded if at is None else (at if at.tzinfo else at.replace(tzinfo=local)).astimezone(UTC)
    if happened > recorded:
        raise UserError(
            f"--at {local_time(con, happened)} is in the future; it is {local_time(con, recorded)}. Enter it when it has happened"
        )
    return Moment(happened, happened.astimezone(local).date(), recorded)


def today(con: duckdb.DuckDBPyConnection) -> date:
    """The present day of the platform."""
    return now().astimezone(ZoneInfo(zone(con))).date()


def stated(text: str, option: str, meaning: str) -> str:
    """The text of an option, stripped. Raises UserError where it is blank, naming its `meaning`."""
    if not text.strip():
        raise UserError(f"{option} is empty; it must name {meaning}")
    return text.strip()


def zone(con: duckdb.DuckDBPyConnection) -> str:
    """The zone in which the warehouse counts its days."""
    return str(scalar(con, "SELECT getvariable('zone')"))


def local_time(con: duckdb.DuckDBPyConnection, at: datetime) -> str:
    """An instant in the platform's zone, for messages."""
    return at.astimezone(ZoneInfo(zone(con))).strftime("%Y-%m-%d %H:%M:%S %z")


# --- in words ----------------------------------------------------------------------------------------------------


def coded(code: str, names: dict[str, tuple[str, str]]) -> dict[str, str]:
    """A code with what it is called."""
    return {"code": code, "zh": names[code][0], "en": names[code][1]}


def entry(at: datetime, recorded_at: datetime, zone: str, by: str = "") -> dict[str, Any]:
    """When something happened and how it was entered, as JSON-able data; instants in `zone`."""
    local = ZoneInfo(zone)
    # What was entered as it happened was recorded then; when the shipped rules were adopted is no part of their life.
    entered = "as_shipped" if by == SHIPPED_BY else "as_it_happened" if at == recorded_at else "afterwards"
    return {
        "at": at.astimezone(local).isoformat(),
        "entered": coded(entered, ENTERED),
        "recorded_at": recorded_at.astimezone(local).isoformat() if entered == "afterwards" else None,
    }

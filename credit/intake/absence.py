"""What did not come: tables that came on most of the last nights and bring nothing tonight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import duckdb

from credit.warehouse.sql import statement

NIGHTS = 7
"""Nights looked back to."""


@dataclass(frozen=True)
class Absence:
    """A table that came on `came` of the last `nights` nights. `empty`: it came tonight, without a row."""

    table: str
    came: int
    nights: int
    empty: bool

    @property
    def severity(self) -> Literal["critical", "warning"]:
        """Without orders every merchant of tonight would be graded on what is no longer so."""
        return "critical" if self.table == "transactions" else "warning"

    @property
    def message(self) -> str:
        """What is missing, in both languages, and what to do."""
        how = ("来了，但没有一行", "came without a row") if self.empty else ("没有来", "did not come")
        return (
            f"{self.table}: 近 {self.nights} 夜中有 {self.came} 夜交付过该表，今夜{how[0]} / came on {self.came} of the last "
            f"{self.nights} nights and tonight {how[1]} → 核对来源系统的导出任务，补交该表 / check the export in the source "
            "system and deliver the table"
        )


def absences(con: duckdb.DuckDBPyConnection, batch_id: int) -> list[Absence]:
    """Tables missing from the night a batch belongs to, of the same source. A delivery of one file alone that does not hold
    the orders is a supplement, of which only its being empty is judged."""
    rows = con.execute(
        statement(__file__, "absence", nights=str(NIGHTS)),
        {"batch": batch_id},
    ).fetchall()
    return [
        Absence(table, came, nights, empty)
        for table, came, nights, empty, whole in rows
        if empty or (whole and came >= 2 and 2 * came > nights)
    ]

"""What did not come: tables that came on most of the last nights and bring nothing tonight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import duckdb

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
    """Tables missing from the night a batch belongs to, of the same source. A delivery of one file alone is a supplement, of
    which only its being empty is judged."""
    rows = con.execute(
        f"""WITH this AS (SELECT as_of, source, len(list_filter(files, lambda f: NOT starts_with(f, 'history='))) AS files
                          FROM meta.batches WHERE batch_id = $batch),
            past AS (SELECT DISTINCT b.as_of FROM meta.batches b, this
                     WHERE b.state = 'accepted' AND b.as_of < this.as_of AND b.source = this.source
                     ORDER BY b.as_of DESC LIMIT {NIGHTS}),
            had AS (SELECT s.table_name, count(DISTINCT b.as_of) AS came,
                           bool_or(coalesce((b.counts ->> ('$.' || s.table_name || '.read'))::BIGINT, 1) > 0) AS filled
                    FROM meta.supplied s JOIN meta.batches b USING (batch_id) JOIN past USING (as_of) GROUP BY 1),
            tonight AS (SELECT s.table_name, max(coalesce((b.counts ->> ('$.' || s.table_name || '.read'))::BIGINT, 1)) AS read
                        FROM meta.supplied s JOIN meta.batches b USING (batch_id), this
                        WHERE b.as_of = this.as_of AND b.state <> 'refused' GROUP BY 1)
            SELECT table_name, came, (SELECT count(*) FROM past) AS nights, read IS NOT NULL AS empty, files
            FROM had LEFT JOIN tonight USING (table_name), this
            WHERE filled AND coalesce(read, 0) = 0 ORDER BY 1""",
        {"batch": batch_id},
    ).fetchall()
    return [
        Absence(table, came, nights, empty)
        for table, came, nights, empty, files in rows
        if empty or (files > 1 and came >= 2 and 2 * came > nights)
    ]

"""Reference averages (参考均值): what merchants are shrunk towards, and what stands where nothing is known of one.

They are made at the beginning of a period, a calendar month, from what was known then, and stand until it ends: between
two periods a score moves only when its own facts do. A merchant counts in them as far as it is believed and never for more
than one, self-operated shops not at all, so nobody's size moves anybody's grade. A home that begins within a month makes its
first ones on the first night it knows of.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from credit.settings import cut_off


@dataclass(frozen=True)
class Averages:
    """The reference averages of a rulebook (indicator -> value), made on the night of `made_on`."""

    rulebook_hash: str
    made_on: date
    values: dict[str, float]

    @property
    def hash(self) -> str:
        """SHA-256 of what they say; a grade states it."""
        content = {"rulebook": self.rulebook_hash, "made_on": self.made_on.isoformat(), "values": self.values}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def period_of(con: duckdb.DuckDBPyConnection, day: date, zone: str) -> date:
    """The night on which the averages that stand on `day` are made."""
    begins = day.replace(day=1)
    known = con.execute(
        """SELECT (timezone($zone, min(known_at)) - INTERVAL 1 MICROSECOND)::DATE FROM (
               SELECT known_at FROM canonical.subjects UNION ALL SELECT known_at FROM history.subjects)
           WHERE known_at <= $at""",
        {"zone": zone, "at": cut_off(day, zone)},
    ).fetchall()
    first = known[0][0]
    return begins if first is None else min(day, max(begins, first + timedelta(days=1)))


def kept(con: duckdb.DuckDBPyConnection, rulebook_hash: str, made_on: date) -> Averages | None:
    """Those that were made then and kept; what was published stands, whatever becomes known later."""
    rows = con.execute(
        "SELECT indicator, value FROM results.averages WHERE rulebook_hash = ? AND made_on = ? ORDER BY indicator",
        [rulebook_hash, made_on],
    ).fetchall()
    return Averages(rulebook_hash, made_on, dict(rows)) if rows else None


def keep(con: duckdb.DuckDBPyConnection, averages: Averages) -> None:
    """Keep them, unless those of the night are kept already."""
    if averages.values and kept(con, averages.rulebook_hash, averages.made_on) is None:
        con.executemany(
            "INSERT INTO results.averages VALUES (?, ?, ?, ?)",
            [[averages.rulebook_hash, averages.made_on, name, value] for name, value in averages.values.items()],
        )

"""What is shown of a merchant's products, and what is lacking: a list for the merchant itself."""

from __future__ import annotations

from typing import Any

import duckdb

from credit.evaluation import engine
from credit.listings.lacking import lacking
from credit.listings.required import called, in_force
from credit.tables import LISTINGS


def listings(
    con: duckdb.DuckDBPyConnection, moment: engine.Moment, supplied: frozenset[str], subject_id: str
) -> dict[str, Any] | None:
    """How many listings are on sale and complete on the day, fields shown of those asked for, and each listing that lacks some,
    by id, with what it lacks. None where the platform does not supply listings."""
    if LISTINGS.name not in supplied:
        return None
    required = in_force(moment.cut_off.date())
    known = engine.known(con, moment)(LISTINGS).to_native().sql_query()
    rows = con.execute(
        f"SELECT listing_id, name, lacking, asked FROM ({lacking(required, supplied, f'({known})')}) "
        "WHERE subject_id = ? ORDER BY listing_id",
        [subject_id],
    ).fetchall()
    asked, absent = (sum(row[3] for row in rows), sum(len(row[2]) for row in rows))
    return {
        "required_by": {"id": required.id, "version": required.version},
        "on_sale": len(rows),
        "complete": sum(not row[2] for row in rows),
        "fields_asked": asked,
        "fields_shown": asked - absent,
        "lacking": [
            {
                "listing_id": listing_id,
                "name": name,
                "fields": [{"code": field, **called(field).model_dump()} for field in fields],
            }
            for listing_id, name, fields, _ in rows
            if fields
        ],
    }

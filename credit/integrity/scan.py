"""All detectors over one night."""

from __future__ import annotations

from datetime import date

import duckdb

from credit.errors import UserError
from credit.ledgers.finding import KINDS, Finding
from credit.settings import Settings, cut_off
from credit.warehouse.connection import zone_of


def scan(con: duckdb.DuckDBPyConnection, settings: Settings, day: date) -> list[Finding]:
    """All findings by what was known at the cut-off of `day`, by kind, strongest first; the same rows give the same list."""
    from credit.evaluation import engine
    from credit.integrity import base, bombing, bribes, bursts, captives, collusion, copies, dispatch, rings

    zone = zone_of(con, settings)
    view = base.look(con, engine.Moment(cut_off(day, zone), zone))
    try:
        modules = (rings, bursts, captives, dispatch, bombing, copies, bribes, collusion)
        found = [one for module in modules for one in module.detect(view)]
    finally:
        base.forget(con)
    order = list(KINDS)
    return sorted({one.id: one for one in found}.values(), key=lambda f: (order.index(f.kind), -f.strength, f.id))


def finding(con: duckdb.DuckDBPyConnection, settings: Settings, day: date, id: str) -> Finding:
    """One finding of the scan of `day`; UserError where there is none of this id (a unique beginning will do)."""
    found = [one for one in scan(con, settings, day) if one.id.startswith(id)]
    if len(found) != 1 or not id:
        what = "several findings begin" if len(found) > 1 else "no finding begins"
        raise UserError(
            f"finding {id!r}: {what} with it on {day}; `merchant-credit integrity scan --date {day}` lists them"
        )
    return found[0]

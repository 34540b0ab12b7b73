"""All detectors over one night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb

from credit.errors import UserError
from credit.evaluation import engine
from credit.integrity import base, bombing, bribes, bursts, captives, collusion, copies, dispatch, rings
from credit.ledgers.finding import KINDS, Finding
from credit.settings import Settings, cut_off
from credit.warehouse.connection import zone_of

DETECTORS: dict[str, Callable[[base.View], list[Finding]]] = {
    "self_dealing_ring": rings.detect,
    "order_burst": bursts.detect,
    "one_seller_buyers": captives.detect,
    "implausible_dispatch": dispatch.detect,
    "review_bombing": bombing.detect,
    "copied_reviews": copies.detect,
    "bribed_reviews": bribes.detect,
    "collusion": collusion.detect,
}
"""Kind -> who finds it: the one list of the detectors, in the order of `KINDS`."""


def scan(con: duckdb.DuckDBPyConnection, settings: Settings, day: date) -> list[Finding]:
    """All findings by what was known at the cut-off of `day`, by kind, strongest first; the same rows give the same list."""
    zone = zone_of(con, settings)
    view = base.look(con, engine.Moment(cut_off(day, zone), zone))
    try:
        findings = {finding.id: finding for detect in DETECTORS.values() for finding in detect(view)}
    finally:
        base.forget(con)
    place = {kind: i for i, kind in enumerate(KINDS)}
    return sorted(findings.values(), key=lambda finding: (place[finding.kind], -finding.strength, finding.id))


def finding(con: duckdb.DuckDBPyConnection, settings: Settings, day: date, id: str) -> Finding:
    """One finding of the scan of `day`; UserError where there is none of this id (a unique beginning will do)."""
    matches = [candidate for candidate in scan(con, settings, day) if candidate.id.startswith(id)]
    if len(matches) != 1 or not id:
        number = "several findings begin" if len(matches) > 1 else "no finding begins"
        raise UserError(
            f"finding {id!r}: {number} with it on {day}; `merchant-credit integrity scan --date {day}` lists them"
        )
    return matches[0]

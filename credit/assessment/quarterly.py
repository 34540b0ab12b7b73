"""All shipped catalogues at once, in an order in which each can rest on those before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from credit.assessment import report
from credit.assessment.catalogue import Catalogue, Measured, shipped
from credit.assessment.judging import assess
from credit.ledgers import assessments
from credit.ledgers.assessments import Run
from credit.settings import Settings

FOLDER = "assessments"
"""Folder of the reports in the home."""


def rests_on(catalogue: Catalogue) -> set[str]:
    """The catalogues by which assessments must have been made for some of its lines."""
    means = [means for criterion in catalogue.criteria for means in criterion.shown_by]
    return {name for each in means if isinstance(each, Measured) for name in each.values.get("catalogues", ())}


def in_order() -> Iterator[Catalogue]:
    """The shipped catalogues, each after those it rests on. Raises ValueError where they rest on each other in a circle."""
    waiting = dict(shipped())
    while waiting:
        ready = [catalogue for catalogue in waiting.values() if not rests_on(catalogue) & waiting.keys()]
        if not ready:
            raise ValueError(f"catalogues rest on each other in a circle: {', '.join(waiting)}")
        for catalogue in ready:
            del waiting[catalogue.id]
            yield catalogue


def assess_one(con: duckdb.DuckDBPyConnection, settings: Settings, catalogue: Catalogue, day: date, by: str) -> Run:
    """Assess by a catalogue, keep the result, write the report into the home."""
    run = assessments.keep(con, assess(con, settings, catalogue, day), catalogue.text, by=by)
    report.write(run, place(settings, day), catalogue)
    return run


def place(settings: Settings, day: date) -> Path:
    """Where the reports of a day lie."""
    return settings.home / FOLDER / day.isoformat()

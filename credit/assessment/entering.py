"""Many entries at once: evidence and corrective actions listed in a YAML file, all entered or none."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
from pydantic import Field

from credit.assessment import files
from credit.errors import UserError
from credit.files.strict_yaml import as_model
from credit.files.text import contents, decoded
from credit.ledgers import assessments
from credit.settings import Settings
from credit.sourced import Strict
from credit.warehouse.connection import transaction


class EvidenceEntry(Strict):
    """A document (with `file`, beside the list) or a statement."""

    lines: list[str] = Field(alias="for", min_length=1)
    title: str
    file: str | None = None
    kind: assessments.Kind | None = None
    dated: date
    until: date | None = None


class Closed(Strict):
    on: date
    effect: str


class ActionEntry(Strict):
    """A corrective action that was opened on a day, and what became of it."""

    line: str = Field(alias="for")
    nonconformity: str
    cause: str
    action: str
    person: str
    opened: date
    due: date
    closed: Closed | None = None


class Entries(Strict):
    evidence: list[EvidenceEntry] = Field([])
    actions: list[ActionEntry] = Field([])


def load(path: Path) -> Entries:
    """The entries of a file. Raises UserError naming every error with file, line and key."""
    text = decoded(
        contents(path, f"entries {path}", "; give a YAML file"), f"entries {path}", "a list is a few hundred lines"
    )
    return as_model(Entries, text, "entries", path, "the keys evidence and actions")


def enter(con: duckdb.DuckDBPyConnection, settings: Settings, path: Path, *, by: str) -> dict[str, int]:
    """Enter all of a file; returns how many of each. Raises UserError, nothing entered, where one of them is refused."""
    entries = load(path)

    def enter_evidence(entry: EvidenceEntry) -> None:
        files.add(
            con, settings, entry.lines, file=path.parent / entry.file if entry.file else None, kind=entry.kind,
            title=entry.title, by=by, dated=entry.dated, valid_until=entry.until,
        )  # fmt: skip

    def enter_action(entry: ActionEntry) -> None:
        opened = assessments.open_action(
            con, entry.line, nonconformity=entry.nonconformity, cause=entry.cause, action=entry.action, person=entry.person,
            due_on=entry.due, by=by, at=_noon(entry.opened),
        )  # fmt: skip
        if entry.closed:
            assessments.close_action(con, opened.number, effect=entry.closed.effect, by=by, at=_noon(entry.closed.on))

    with transaction(con):
        for section, listed, act in (
            ("evidence", entries.evidence, enter_evidence), ("actions", entries.actions, enter_action),
        ):  # fmt: skip
            _each(path, section, listed, act)
    return {"evidence": len(entries.evidence), "actions": len(entries.actions)}


def _each(path: Path, section: str, listed: list[Any], act: Any) -> None:
    for number, entry in enumerate(listed):
        try:
            act(entry)
        except UserError as error:
            raise UserError(f"entries {path}, {section}.{number}: {error}; nothing was entered") from None


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12))

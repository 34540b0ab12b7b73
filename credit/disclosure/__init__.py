"""Disclosure: what the public may know of a night, as files that change all at once.

    publish(con, settings)     the latest evaluated night to `published/`, as one JSON document a merchant and bulk files

versions   writing a version aside, switching to it, keeping the last ones
night      the stored night and the register, counted and cleared for publication
privacy    what may be published, and how finely
figures    the figures of the last 30, 180 and 365 days
documents  the JSON document of a merchant; merchant.schema.json describes it
bulk       Parquet, CSV, NDJSON
life       the life of the rules, and the text of each version
dictionary the page about all this, data/dictionary/disclosure.md
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from credit.disclosure import bulk, documents, life, night, versions
from credit.errors import UserError
from credit.explain import latest
from credit.rulebooks import lifecycle
from credit.settings import Settings

__all__ = ["Publication", "publish"]


@dataclass(frozen=True)
class Publication:
    """A published version: its name, its folder, how many merchants and files it holds."""

    version: str
    path: Path
    merchants: int
    files: int


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    day: date | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Publish the stored evaluation of `day` (default: the latest) and switch `published/current` to it.

    The same night under the same rules gives the same version, byte for byte, in any home; where it is published already only the switch
    happens. Whatever interrupts it, `current` is a whole version.

    Raises UserError when there is no such evaluation, it is a trial or replay and the published one is official, its indicator rows are gone, or the files cannot be written.
    """
    tonight = night.read(con, settings, latest(con, day), progress)
    _spare_official(settings, tonight)
    try:
        with versions.draft(settings.published) as draft:
            progress(f"writing {tonight.merchants:,} documents")
            _write(draft, tonight, settings, lifecycle.versions(con))
            progress("switching to the new version")
            folder = versions.commit(settings.published, draft, tonight.day, settings.keep_versions)
    except OSError as error:
        raise UserError(f"{settings.published} cannot be written: {error}; what was published before stays") from error
    return Publication(folder.name, folder, tonight.merchants, len(draft.entries))


def _spare_official(settings: Settings, tonight: night.Night) -> None:
    """Nothing but an official night takes the place of an official one that is published."""
    standings = {graded.standing for graded in tonight.graded}
    index = settings.published / "current" / versions.INDEX
    if standings == {"in_force"} or not index.exists():
        return
    published = json.loads(index.read_text(encoding="utf-8"))
    if all(book.get("standing") == "in_force" for book in published["rulebooks"]):
        raise UserError(
            f"{settings.published / 'current'} holds the official night of {published['disclosure']['evaluated_on']}; "
            f"a {' or '.join(sorted(standings - {'in_force'}))} is not published over it: use a home of its own (--home)"
        )


def _write(draft: versions.Draft, tonight: night.Night, settings: Settings, rulebooks: list[lifecycle.Version]) -> None:
    paths = documents.paths([subject_id for graded in tonight.graded for subject_id in graded.ids])
    for subject_id, document in documents.documents(tonight, settings):
        draft.write(paths[subject_id], documents.to_json(document) + b"\n")
    for path, content in bulk.files(tonight, paths):
        draft.write(path, content)
    draft.write(f"schema/{documents.SCHEMA.name}", documents.SCHEMA.read_bytes())
    for graded in tonight.graded:
        draft.write(documents.rulebook_path(graded), graded.book.text.encode())
    for path, content in life.files(
        rulebooks, {g.book.hash: documents.rulebook_path(g) for g in tonight.graded}, tonight.zone
    ):
        draft.write(path, content)
    draft.write(versions.INDEX, _index(draft, tonight, settings))


def _index(draft: versions.Draft, tonight: night.Night, settings: Settings) -> bytes:
    index: dict[str, Any] = {
        "format": "merchant-credit disclosure",
        "schema_version": documents.SCHEMA_VERSION,
        "disclosure": documents.disclosure(tonight, settings),
        "zone": tonight.zone,
        "rulebooks": [
            documents.rulebook(graded) | {"merchants": len(graded.ids), "grades": graded.counts}
            for graded in tonight.graded
        ],
        "merchants": tonight.merchants,
        "files": {path: asdict(entry) for path, entry in sorted(draft.entries.items())},
    }
    return documents.to_json(index, indent=1) + b"\n"

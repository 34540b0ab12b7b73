"""A night published: written aside, signed, verified, switched to; and back."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from credit.disclosure import (
    bulk,
    datapackage,
    documents,
    life,
    manifest,
    night,
    render,
    site,
    sort_key,
    summary,
    versions,
)
from credit.errors import UserError
from credit.evaluation.results import latest
from credit.files import durable, formats
from credit.ledgers import lifecycle
from credit.proof import Keys, sign
from credit.proof.verify import Share, verify_folder
from credit.settings import Settings
from credit.warehouse import head
from credit.warehouse.connection import quote, scalar

INDEX = "index.json"


@dataclass(frozen=True)
class Publication:
    """A published version: its name, its folder, how many merchants and files it holds, how many merchants' files were
    kept from an earlier one, what the feed tells (None: it is what was published already), what a person should know."""

    version: str
    path: Path
    merchants: int
    files: int
    kept: int = 0
    changes: dict[str, int] | None = None
    notices: list[str] = field(default_factory=list)


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    day: date | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Publish the stored evaluation of `day` (default: the latest) and switch `published/current` to it.

    The same night under the same rules gives the same version, byte for byte; where it is published already only the
    signatures are new. Whatever interrupts it, `current` is a whole version.

    Raises UserError when there is no such evaluation, it is a trial or replay and the published one is official, its
    indicator rows are gone, or the files cannot be written.
    """
    day = latest(con, day)
    made_from = head.record(con, settings)

    def read() -> tuple[night.Night, list[lifecycle.Version]]:
        tonight, rulebooks = night.read(con, settings, day, progress), lifecycle.versions(con)
        # All is read: what DuckDB keeps of it would lie beside what is made of it, and beside the processes that make it.
        con.execute("SET memory_limit = '64MB'")
        con.execute(f"SET memory_limit = {quote(settings.memory_limit)}")
        return tonight, rulebooks

    merchants = scalar(con, "SELECT count(*) FROM results.grades WHERE evaluated_on = ?", [day])
    # What is read stays to the end: looking through it for cycles, over and over, would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with durable.public(), render.Pool(settings.threads or render.workers(), merchants) as pool:
            return release(settings, day, read, pool, progress, made_from)
    finally:
        if collecting:
            gc.enable()


def release(
    settings: Settings,
    day: date,
    read: Callable[[], tuple[night.Night, list[lifecycle.Version]]],
    pool: render.Pool,
    progress: Callable[[str], None] = lambda _: None,
    made_from: head.Change | None = None,
) -> Publication:
    """Write, sign, verify and switch to the night that `read` gives, and the versions of the rulebooks; the feed tells which
    change of the warehouse it is `made_from`."""
    published = settings.published
    updates: list[manifest.FeedUpdate] = []
    try:
        keys = Keys.load(settings)
    except OSError as error:
        raise UserError(f"the signing keys in {settings.home / 'keys'} cannot be read or made: {error}") from error

    try:
        with versions.draft(published) as draft:
            before = versions.current(published)
            earlier = render.earlier(published, day)
            if earlier is not None:
                render.lay(draft, earlier, day, pool)
            tonight, rulebooks = read()
            _spare_official(settings, tonight, keys.development)
            pool.collect()

            def finish(folder: Path) -> None:
                updates.append(manifest.follow(published, folder, before, made_from))
                progress("signing and verifying")
                _prove(folder, settings, keys, earlier.source.folder if earlier else None, pool.map)

            rendered = _write(draft, tonight, settings, rulebooks, keys.development, earlier, pool, progress)
            written = versions.moment(published)
            folder = versions.commit(published, draft, day, settings.keep_versions, finish)
            # After old versions are removed: that changes the files they shared with this one.
            render.keep_rows(published, folder.name, rendered.rows, written)
    except OSError as error:
        raise UserError(f"{published} cannot be written: {error}; what was published before stays") from error
    return Publication(
        folder.name,
        folder,
        tonight.merchants,
        _count(draft.entries, draft.parts),
        rendered.kept,
        updates[0].changes,
        _notices(keys, updates[0], before, day),
    )


def _count(files: Mapping[str, versions.FileEntry], parts: Mapping[str, manifest.PartEntry]) -> int:
    """The files of a version, but for those that tell how it follows on others."""
    return len(files) + len(parts) + sum(part.files for part in parts.values())


def _prove(
    folder: Path, settings: Settings, keys: Keys, same_as: Path | None = None, share: Share | None = None
) -> None:
    """Sign the version and read it as a reader would. Raises UserError naming the file when it does not verify."""
    sign(folder, settings.published, keys, datetime.now(UTC))
    verdict = verify_folder(folder, keys.roots[0], None, same_as=same_as, share=share)
    if verdict.verdict != "valid":
        problems = (
            "; ".join(f"{problem.file}: {problem.message}" for problem in verdict.problems[:5]) or verdict.message
        )
        raise UserError(f"the version does not verify ({verdict.verdict}): {problems}. What was published before stays")


def _notices(keys: Keys, update: manifest.FeedUpdate, before: Path | None = None, day: date = date.max) -> list[str]:
    notices = [notice for notice in (keys.notice(), update.notice) if notice]
    if before is not None and versions.is_version(before) and versions.day_of(before) > day:
        notices.append(f"the night of {day} is published in place of the later one of {versions.day_of(before)}")
    return notices


def _spare_official(settings: Settings, tonight: night.Night, development: bool) -> None:
    """Nothing but an official night takes the place of an official one that is published, or is signed by keys that readers
    follow: to them it would be the newest that the platform says."""
    standings = {graded.standing for graded in tonight.graded}
    if standings == {"in_force"}:
        return
    if not development:
        raise UserError(
            f"a {' or '.join(sorted(standings - {'in_force'}))} is not signed by the platform's keys in "
            f"{settings.home / 'keys'}: publish it from a home of its own (--home), which has none of them"
        )
    index = settings.published / "current" / INDEX
    if not index.exists():
        return
    try:
        published = json.loads(index.read_bytes())
        official = all(book.get("standing") == "in_force" for book in published["rulebooks"])
        evaluated_on = published["disclosure"]["evaluated_on"]
    except manifest.DAMAGED:
        official, evaluated_on = True, "(damaged)"
    if official:
        raise UserError(
            f"{settings.published / 'current'} holds the official night of {evaluated_on}; "
            f"a {' or '.join(sorted(standings - {'in_force'}))} is not published over it: use a home of its own (--home)"
        )


def _write(
    draft: versions.Draft,
    tonight: night.Night,
    settings: Settings,
    rulebooks: list[lifecycle.Version],
    development: bool,
    earlier: render.EarlierVersion | None,
    pool: render.Pool,
    progress: Callable[[str], None],
) -> render.Rendered:
    paths = documents.paths([subject_id for graded in tonight.graded for subject_id in graded.ids])
    context = {
        "platform": {"zh": settings.platform_name, "en": settings.platform_name_en},
        "development": development,
        "contact": settings.objection_contact,
        "address": settings.site_url,
        "zone": tonight.zone,
    }

    marks = documents.marks(tonight)
    platform = summary.summary(tonight, settings, paths, marks, development=development)

    def lists() -> None:
        addressed = site.sitemap(settings.site_url, paths.values()) if settings.site_url else ()
        for path, content in chain(_files(tonight, rulebooks, platform, context), addressed):
            draft.write(path, content)

    ladders = {g.book.hash: sort_key.ladder(g.book) for g in tonight.graded}
    pool.submit(
        draft.entries.update, render.written, draft.folder, _tables, bulk.grades(tonight, paths, marks), ladders
    )
    pool.submit(draft.entries.update, render.written, draft.folder, site.search, _search_entries(tonight, paths, marks))
    progress(f"writing the files of {tonight.merchants:,} merchants")
    batches = documents.batches(tonight, settings, paths, development=development)
    # Beside the processes that have the merchants this one would be idle.
    with ThreadPoolExecutor(1) as thread:
        list_files = thread.submit(lists)
        rendered = render.merchants(draft, batches, context, earlier, tonight.day, pool, progress)
        progress("writing lists and bulk files")
        list_files.result()
    pool.collect()
    render.remove_withdrawn(draft)
    draft.write(datapackage.PATH, datapackage.descriptor(platform["disclosure"], draft.entries))
    draft.write(INDEX, _index(tonight, platform))
    progress(f"{rendered.kept:,} of {tonight.merchants:,} merchants unchanged; writing the manifest")
    named = ("id", "version", "hash", "path")
    manifest.write(
        draft,
        {
            "evaluated_on": tonight.day,
            "cut_off": tonight.cut_off,
            "rulebooks": [{name: documents.rulebook(g)[name] for name in named} for g in tonight.graded],
            "development": development,
        },
    )
    return rendered


def _tables(grades: pa.Table, ladders: dict[str, sort_key.Ladder]) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files made of the table of grades alone."""
    yield from bulk.grade_files(grades)
    yield from sort_key.files(grades, ladders)


def _files(
    tonight: night.Night, rulebooks: list[lifecycle.Version], platform: dict[str, Any], context: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file that is not a merchant's, but for search, the tables of grades and what lists others.
    `platform`: platform.json."""
    yield from bulk.score_files(tonight)
    yield f"schema/{documents.SCHEMA.name}", documents.SCHEMA.read_bytes()
    for graded in tonight.graded:
        yield documents.rulebook_path(graded), graded.book.text.encode()
    yield from life.files(rulebooks, {g.book.hash: documents.rulebook_path(g) for g in tonight.graded}, tonight.zone)
    yield summary.PATH, formats.to_json(platform, indent=1) + b"\n"
    yield from site.assets()
    yield from site.pages(platform, rulebooks, context)


def _search_entries(
    tonight: night.Night, paths: dict[str, str], marks: Mapping[str, dict[str, Any]]
) -> list[site.SearchEntry]:
    """Of every merchant, by id, as published."""
    entries = []
    for graded in tonight.graded:
        scale = [level.grade for level in graded.book.grades.levels]
        for subject_id, grade in zip(graded.ids, graded.grade, strict=True):
            fields, _ = tonight.subjects[subject_id]
            mark = marks.get(subject_id)
            entries.append(
                site.SearchEntry(
                    subject_id,
                    fields["kind"],
                    fields["name"],
                    fields["uscc"],
                    grade,
                    bool(fields["self_operated"]),
                    paths[subject_id].removesuffix(".json") + ".html",
                    fields["category"],
                    site.tone(grade, scale),
                    (mark["zh"], mark["en"]) if mark else None,
                    fields["shop_name"],
                )
            )
    return sorted(entries, key=lambda entry: entry.subject_id)


def _index(tonight: night.Night, platform: dict[str, Any]) -> bytes:
    index: dict[str, Any] = {
        "format": "merchant-credit disclosure",
        "schema_version": documents.SCHEMA_VERSION,
        "disclosure": platform["disclosure"],
        "zone": tonight.zone,
        "rulebooks": [{k: v for k, v in book.items() if k not in ("kind", "levels")} for book in platform["rulebooks"]],
        "merchants": tonight.merchants,
        "manifest": versions.MANIFEST,
        "feed": manifest.FEED,
        "platform": summary.PATH,
        "datapackage": datapackage.PATH,
        "bulk": "bulk/grades.parquet",
        "schema": f"schema/{documents.SCHEMA.name}",
        "rules": life.PATH,
    }
    return formats.to_json(index, indent=1) + b"\n"


def rollback(
    settings: Settings, version: str | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> Publication:
    """Switch back to `version` (default: the one published before the current one), signed anew: to readers it is the
    newest, and the feed tells what changed.

    Raises UserError when it is not kept or is not whole, or a publish runs.
    """
    try:
        with durable.public(), versions.alone(settings.published):
            return _back(settings, version, progress)
    except OSError as error:
        raise UserError(f"{settings.published} cannot be written: {error}; what was published before stays") from error


def _back(settings: Settings, version: str | None, progress: Callable[[str], None]) -> Publication:
    published = settings.published
    now = versions.current(published)
    other_versions = [folder for folder in versions.all_of(published) if folder.resolve() != now]
    named = [folder for folder in other_versions if folder.name == version] if version else other_versions[:1]
    if now is None or not named:
        names = ", ".join(folder.name for folder in other_versions) or "none"
        raise UserError(f"no version {version or 'before this one'} is kept in {published}; others kept: {names}")
    (folder,) = named
    progress(f"signing and verifying {folder.name}")
    keys = Keys.load(settings)
    update = manifest.follow(published, folder, now)
    _prove(folder, settings, keys)
    versions.switch(published, folder)
    index = json.loads((folder / INDEX).read_bytes())
    listed = manifest.read(folder)
    files = _count(listed.files, listed.parts) + 1
    return Publication(
        folder.name, folder, index["merchants"], files, index["merchants"], update.changes, _notices(keys, update)
    )

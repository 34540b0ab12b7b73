"""The files of merchants: rendered where something in them is new, kept from an earlier version where nothing is.

What a merchant's files are made of has a fingerprint. Where it is that of an earlier version whose files are still what its
manifest says, they are linked; the others are rendered. Many merchants are shared out over processes.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from credit import __version__
from credit.disclosure import manifest, site, versions
from credit.disclosure.documents import Part, documents, to_json
from credit.disclosure.versions import PRINTS, Draft, Entry, entry_of

_SHARED_OUT_FROM = 4_000
"""Merchants from which it pays to start processes."""
_ROW = pa.schema([("subject_id", pa.string()), ("print", pa.binary(32)), ("evaluated_on", pa.date32())])


Files = dict[str, Entry]
T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """One merchant as an earlier version has it."""

    fingerprint: bytes
    evaluated_on: date


@dataclass(frozen=True)
class Earlier:
    """The version whose files may be kept."""

    folder: Path
    merchants: dict[str, Kept]
    entries: dict[str, Entry]
    written: int
    """When its last file was written, in ns since 1970: a file written later is not the one that was verified."""


def earlier(published: Path, day: date) -> Earlier | None:
    """The version published last whose night is not after `day`: a document never speaks of a later night than its version."""
    for folder in versions.all_of(published):
        rows = published / PRINTS / f"{folder.name}.parquet"
        if versions.day_of(folder) > day or not rows.exists():
            continue
        try:
            table = pq.read_table(rows)
            entries = manifest.entries(folder)
        except (OSError, ValueError, KeyError):  # damaged: the versions before it may be whole
            continue
        ids, prints, days = (table[name].to_pylist() for name in _ROW.names)
        written = (folder / versions.MANIFEST).stat().st_mtime_ns
        return Earlier(folder, {i: Kept(p, on) for i, p, on in zip(ids, prints, days, strict=True)}, entries, written)
    return None


@lru_cache
def _program() -> bytes:
    """SHA-256 of what documents and pages are made by: another program makes other files of the same numbers."""
    digest = hashlib.sha256(__version__.encode())
    here = Path(__file__).parent
    for path in sorted(p for p in here.rglob("*") if p.suffix in (".py", ".html", ".json", ".svg", ".jinja", ".j2")):
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()


def fingerprints(part: Part, context: dict[str, Any]) -> list[bytes]:
    """What each merchant's files are made of, but for the night, as a SHA-256."""
    common = {name: value for name, value in part.common.items() if name not in ("evaluated_on", "cut_off")}
    frame = hashlib.sha256(_program() + to_json([common, part.frame, context])).digest()
    return [
        hashlib.sha256(frame + row.tobytes() + to_json(head)).digest()
        for row, head in zip(part.numbers(), part.heads, strict=True)
    ]


@dataclass
class Rendered:
    """What became of the merchants: how many were kept, and what the next version needs to know."""

    rows: dict[str, Kept] = field(default_factory=dict)
    kept: int = 0


def merchants(
    draft: Draft,
    parts: Iterator[Part],
    total: int,
    context: dict[str, Any],
    before: Earlier | None,
    day: date,
    workers: int,
    progress: Callable[[str], None] = lambda _: None,
    searched: list[site.Entry] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Rendered:
    """Write or link the files of all merchants, and write the search index of those `searched`, into the draft; one process
    a worker where they are many. `meanwhile` is done once all work is given out."""
    done = Rendered()
    with _Pool(workers if total >= _SHARED_OUT_FROM else 1, context) as pool:
        for part in parts:
            kept: dict[str, int] = {}
            new: list[int] = []
            for i, fingerprint in enumerate(fingerprints(part, context)):
                subject_id = part.heads[i]["subject"]["subject_id"]
                was = before.merchants.get(subject_id) if before else None
                if was is not None and was.fingerprint == fingerprint and _listed(before, part.paths[i]):
                    done.rows[subject_id] = was
                    kept[part.paths[i]] = i
                else:
                    done.rows[subject_id] = Kept(fingerprint, day)
                    new.append(i)
            if new:
                pool.submit(draft.entries.update, _render, draft.folder, part.take(new))
            if kept:
                assert before is not None
                expected = {one: before.entries[one] for path in kept for one in _paths(path)}

                def linked(
                    damaged: list[str], part: Part = part, kept: dict[str, int] = kept, expected: Files = expected
                ) -> None:
                    again = [kept[path] for path in damaged]
                    for i in again:
                        subject_id = part.heads[i]["subject"]["subject_id"]
                        done.rows[subject_id] = Kept(done.rows[subject_id].fingerprint, day)
                    done.kept += len(kept) - len(again)
                    draft.entries.update(expected)
                    if again:
                        pool.submit(draft.entries.update, _render, draft.folder, part.take(again))

                pool.submit(linked, _keep, draft.folder, before.folder, before.written, expected, day.toordinal())
            pool.collect(2 * workers)
            progress(f"{len(done.rows):,} of {total:,} merchants")
        pool.submit(draft.entries.update, _search, draft.folder, searched)
        meanwhile()
        pool.collect(0)
    return done


def _paths(path: str) -> tuple[str, str, str]:
    stem = path.removesuffix(".json")
    return path, f"{stem}.html", f"{stem}.svg"


def _listed(before: Earlier | None, path: str) -> bool:
    return before is not None and all(one in before.entries for one in _paths(path))


def keep_rows(published: Path, version: str, rows: dict[str, Kept]) -> None:
    """Note for the next night what the files of this version were made of."""
    table = pa.table(
        [list(rows), [kept.fingerprint for kept in rows.values()], [kept.evaluated_on for kept in rows.values()]],
        schema=_ROW,
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    versions.put(published, published / PRINTS / f"{version}.parquet", sink.getvalue().to_pybytes())


_READ_AGAIN = 7
"""Nights in which every file that is kept is read again once."""


def _keep(folder: Path, source: Path, written: int, expected: Files, night: int) -> list[str]:
    """Link the files of some merchants. Returns the documents of those of which a file is not what it was when it was
    verified: another length, written to since, or, each night for some of them, other content when read again."""
    came, goes = str(source), str(folder)
    damaged, made = [], set()
    for path in (one for one in expected if one.endswith(".json")):
        files = _paths(path)
        inner = path.rpartition("/")[0]
        read = int(inner[len(manifest.MERCHANTS) :], 16) % _READ_AGAIN == night % _READ_AGAIN
        if not all(_is(f"{came}/{one}", expected[one], written, read) for one in files):
            damaged.append(path)
            continue
        if inner not in made:
            (folder / inner).mkdir(parents=True, exist_ok=True)
            made.add(inner)
        for one in files:
            versions.link(f"{came}/{one}", f"{goes}/{one}")
    return damaged


def _is(path: str, entry: Entry, written: int, read: bool) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116
        if found.st_size != entry.bytes or found.st_mtime_ns > written:
            return False
        return not read or versions.entry_of(Path(path).read_bytes()) == entry
    except OSError:
        return False


# --- in a worker -------------------------------------------------------------------------------------------------

_pages: site.Merchants
_context: dict[str, Any]


def _begin(context: dict[str, Any]) -> None:
    global _pages, _context
    _pages, _context = site.Merchants(context), context


def _begin_alone(context: dict[str, Any]) -> None:
    """In a process that renders and nothing else, where looking for cycles of objects takes a third of the time."""
    gc.disable()
    _begin(context)


def _search(folder: Path, searched: list[site.Entry] | None) -> Files:
    """The search index."""
    return {path: _write(folder / path, content) for path, content in site.search(searched or [])}


def _render(folder: Path, part: Part) -> Files:
    """Document, page and badge of every merchant of the part."""
    entries: dict[str, Entry] = {}
    badges: dict[str, str] = {}
    for path, document in documents(part):
        json_path, html_path, svg_path = _paths(path)
        entries[json_path] = _write(folder / json_path, to_json(document) + b"\n")
        entries[html_path] = _write(folder / html_path, _pages.page(document, path))
        grade = document["grade"]
        if (first := badges.get(grade)) is None:
            badges[grade] = svg_path
            entries[svg_path] = _write(folder / svg_path, site.badge(grade, document["meaning"], _context))
        else:
            versions.link(folder / first, folder / svg_path)
            entries[svg_path] = entries[first]
    return entries


def _write(target: Path, content: bytes) -> Entry:
    path = str(target)
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        file = os.open(path, how, 0o666)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, how, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
    return entry_of(content)


class _Pool:
    """Runs work in processes of its own, or, with one worker, here. `collect` takes in what is done."""

    def __init__(self, workers: int, context: dict[str, Any]) -> None:
        self._executor = None
        if workers > 1:
            # A fresh process each: a fork of one with threads (DuckDB's, Prefect's) may hang.
            self._executor = ProcessPoolExecutor(
                workers, multiprocessing.get_context("spawn"), initializer=_begin_alone, initargs=(context,)
            )
        else:
            _begin(context)
        self._waiting: dict[Future[Any], Callable[[Any], None]] = {}

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def submit(self, then: Callable[[T], None], work: Callable[..., T], *given: Any) -> None:
        """Do the work; its result goes to `then`, here."""
        if self._executor is not None:
            self._waiting[self._executor.submit(work, *given)] = then
        else:
            then(work(*given))

    def collect(self, most: int) -> None:
        """Take in results until at most `most` are under way."""
        while len(self._waiting) > most:
            finished, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                self._waiting.pop(future)(future.result())


def workers() -> int:
    """Processes to render with: one a core that this process may use, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))

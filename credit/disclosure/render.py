"""The files of merchants: rendered where something in them is new, kept from an earlier version where nothing is.

What a merchant's files are made of has a fingerprint. Where it is that of an earlier version whose files are still what its
manifest says, they are linked; the others are rendered. Merchants are worked on in shards of whole folders, so that who
works on a shard needs of the earlier version, and writes of the manifest, the parts of these folders alone. Many merchants
are shared out over processes.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from credit import __version__
from credit.disclosure import manifest, site, versions
from credit.disclosure.documents import Part, documents, folder_of, to_json
from credit.disclosure.manifest import Listing
from credit.disclosure.versions import PRINTS, Draft, Entry, entry_of

_SHARED_OUT_FROM = 4_000
"""Merchants from which it pays to start processes."""
_ROW = pa.schema([("subject_id", pa.string()), ("print", pa.binary(32)), ("evaluated_on", pa.date32())])

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """One merchant as an earlier version has it."""

    fingerprint: bytes
    evaluated_on: date


@dataclass(frozen=True)
class Source:
    """The version whose files may be kept. `parts`: SHA-256 of each part of its manifest, by path."""

    folder: Path
    parts: dict[str, str]
    written: int
    """When its last file was written, in ns since 1970: a file written later is not the one that was verified."""


@dataclass(frozen=True)
class Earlier:
    """That version, and its merchants by id."""

    source: Source
    merchants: dict[str, Kept]


def earlier(published: Path, day: date) -> Earlier | None:
    """The version published last whose night is not after `day`: a document never speaks of a later night than its version."""
    for folder in versions.all_of(published):
        rows = published / PRINTS / f"{folder.name}.parquet"
        if versions.day_of(folder) > day or not rows.exists():
            continue
        try:
            table = pq.read_table(rows)
            parts = {path: entry.sha256 for path, entry in manifest.read(folder).parts.items()}
        except (OSError, ValueError, KeyError, TypeError):  # damaged: the versions before it may be whole
            continue
        ids, prints, days = (table[name].to_pylist() for name in _ROW.names)
        written = (folder / versions.MANIFEST).stat().st_mtime_ns
        merchants = {i: Kept(p, on) for i, p, on in zip(ids, prints, days, strict=True)}
        return Earlier(Source(folder, parts, written), merchants)
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
    frame = hashlib.sha256(_program() + to_json([common, part.frame, part.meanings, part.vetoes, context])).digest()
    return [
        hashlib.sha256(b"".join((frame, row, orjson.dumps(said)))).digest()
        for row, said in zip(part.numbers(), part.said(), strict=True)
    ]


@dataclass
class Rendered:
    """What became of the merchants: what the next version needs to know of them, and how many were kept."""

    rows: dict[str, Kept] = field(default_factory=dict)
    kept: int = 0


def merchants(
    draft: Draft,
    shards: Iterable[list[Part]],
    total: int,
    context: dict[str, Any],
    before: Earlier | None,
    day: date,
    pool: Pool,
    progress: Callable[[str], None] = lambda _: None,
) -> Rendered:
    """Write or link the files of all merchants, and the parts of the manifest that list them, into the draft. Whoever calls
    collects what is under way when this returns."""
    done = Rendered()

    def submit(shard: list[Part], prints_of: list[list[bytes]], again: frozenset[str] = frozenset()) -> None:
        """`again`: documents whose files cannot be kept."""
        kept: dict[str, list[str]] = {}
        parts = []
        for part, prints in zip(shard, prints_of, strict=True):
            new = []
            for i, (subject_id, path) in enumerate(zip(part.ids, part.paths, strict=True)):
                was = before.merchants.get(subject_id) if before else None
                if was is not None and was.fingerprint == prints[i] and path not in again:
                    done.rows[subject_id] = was
                    kept.setdefault(folder_of(path), []).append(path)
                else:
                    done.rows[subject_id] = Kept(prints[i], day)
                    new.append(i)
            if new:
                parts.append(part if len(new) == len(part.ids) else part.take(new))
        source = before.source if before and kept else None

        def take(made: _Shard) -> None:
            if made.damaged:
                submit(shard, prints_of, again | made.damaged)
                return
            draft.parts.update(made.parts)
            done.kept += sum(map(len, kept.values()))
            progress(f"{len(done.rows):,} of {total:,} merchants")

        pool.submit(take, _shard, draft.folder, parts, context, source, kept, day)

    for shard in shards:
        submit(shard, [fingerprints(part, context) for part in shard])
        pool.collect(2 * pool.workers)
    return done


def keep_rows(published: Path, version: str, rows: dict[str, Kept]) -> None:
    """Note for the next night what the files of this version were made of."""
    table = pa.table(
        [list(rows), [kept.fingerprint for kept in rows.values()], [kept.evaluated_on for kept in rows.values()]],
        schema=_ROW,
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    versions.put(published, published / PRINTS / f"{version}.parquet", sink.getvalue().to_pybytes())


# --- in a worker -------------------------------------------------------------------------------------------------

_READ_AGAIN = 7
"""Nights in which every file that is kept is read again once."""


@dataclass
class _Shard:
    """What was made of a shard: the parts of the manifest; or the documents whose files cannot be kept, and nothing made."""

    parts: dict[str, manifest.Listed]
    damaged: frozenset[str] = frozenset()


def _shard(
    folder: Path,
    parts: list[Part],
    context: dict[str, Any],
    source: Source | None,
    kept: dict[str, list[str]],
    day: date,
) -> _Shard:
    """Link the files of those who are `kept` (documents by folder), render those of the parts, list both."""
    listings: dict[str, Listing] = {folder_of(path): {} for part in parts for path in part.paths}
    if source is not None:
        for name, paths in kept.items():
            listings[name] = _whole(source, name, paths, day)
        if damaged := [path for name, paths in kept.items() for path in paths if path not in listings[name]]:
            return _Shard({}, frozenset(damaged))
    for name in listings:
        (folder / manifest.MERCHANTS / name).mkdir(parents=True, exist_ok=True)
        if source is not None:
            _link(source.folder, folder, name, listings[name])
    for part in parts:
        for path, entry in _render(folder, part, context):
            listings[folder_of(path)][path] = entry._asdict()
    listed = {}
    for name, listing in listings.items():
        path = f"manifest/{name}.json"
        listed[path] = manifest.Listed(*_write(f"{folder}/{path}", manifest.part(listing)), len(listing))
    return _Shard(listed)


def _paths(path: str) -> tuple[str, str, str]:
    stem = path.removesuffix(".json")
    return path, f"{stem}.html", f"{stem}.svg"


def _whole(source: Source, name: str, paths: list[str], day: date) -> Listing:
    """What lists the files of these merchants, who are of one folder; left out is who has a file that is not what it was
    when it was verified: another length, written to since, or, each night for some folders, other content when read again."""
    read = int(name, 16) % _READ_AGAIN == day.toordinal() % _READ_AGAIN
    part = f"manifest/{name}.json"
    try:
        content = (source.folder / part).read_bytes()
        folder = os.open(source.folder / manifest.MERCHANTS / name, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return {}
    try:
        if entry_of(content).sha256 != source.parts.get(part):
            return {}
        listed: Listing = orjson.loads(content)
        found: Listing = {}
        for path in paths:
            files = {one: listed[one] for one in _paths(path) if one in listed}
            if len(files) == 3 and all(_is(folder, one, entry, source.written, read) for one, entry in files.items()):
                found |= files
        return found
    finally:
        os.close(folder)


def _link(source: Path, draft: Path, name: str, listing: Listing) -> None:
    """Link these files of a folder."""
    if not listing:
        return
    inner = f"{manifest.MERCHANTS}{name}"
    came = os.open(source / inner, os.O_RDONLY | os.O_DIRECTORY)
    goes = os.open(draft / inner, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for path in listing:
            file = path.rpartition("/")[2]
            versions.link(file, file, came, goes)
    finally:
        os.close(came)
        os.close(goes)


def _is(folder: int, path: str, entry: dict[str, Any], written: int, read: bool) -> bool:
    name = path.rpartition("/")[2]
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if found.st_size != entry["bytes"] or found.st_mtime_ns > written or not stat.S_ISREG(found.st_mode):
            return False
        if not read:
            return True
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:  # noqa: PTH123
            return entry_of(file.read()) == Entry(**entry)
    except OSError:
        return False


def search(folder: Path, searched: list[site.Entry]) -> dict[str, Entry]:
    """Write the search index. Returns its files."""
    return {path: _write(f"{folder}/{path}", content) for path, content in site.search(searched)}


def _render(folder: Path, part: Part, context: dict[str, Any]) -> Iterator[tuple[str, Entry]]:
    """Write document, page and badge of every merchant of the part."""
    pages = site.Merchants(context)
    badges: dict[str, tuple[str, Entry]] = {}
    for path, document in documents(part):
        json_path, html_path, svg_path = _paths(path)
        yield json_path, _write(f"{folder}/{json_path}", to_json(document) + b"\n")
        yield html_path, _write(f"{folder}/{html_path}", pages.page(document, path))
        grade = document["grade"]
        if (first := badges.get(grade)) is None:
            first = svg_path, _write(f"{folder}/{svg_path}", site.badge(grade, document["meaning"], context))
            badges[grade] = first
        else:
            versions.link(f"{folder}/{first[0]}", f"{folder}/{svg_path}")
        yield svg_path, first[1]


def _write(path: str, content: bytes) -> Entry:
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        file = os.open(path, how, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, how, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
    return entry_of(content)


# --- processes ---------------------------------------------------------------------------------------------------


class Pool:
    """Runs work in processes of its own, or, with one worker or little to do, here. `collect` takes in what is done."""

    def __init__(self, workers: int, merchants: int) -> None:
        self.workers = workers if merchants >= _SHARED_OUT_FROM else 1
        self._executor = None
        self._waiting: dict[Future[Any], Callable[[Any], None]] = {}
        if self.workers > 1:
            # A fresh process each: a fork of one with threads (DuckDB's, Prefect's) may hang. All start at once. Looking for
            # cycles of objects would take a third of their time.
            self._executor = ProcessPoolExecutor(
                self.workers, multiprocessing.get_context("spawn"), initializer=gc.disable
            )
            for _ in range(self.workers):
                self._executor.submit(_program)

    def __enter__(self) -> Pool:
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

    def collect(self, most: int = 0) -> None:
        """Take in results until at most `most` are under way."""
        while len(self._waiting) > most:
            finished, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                self._waiting.pop(future)(future.result())

    def map(self, work: Callable[..., T], given: list[tuple[Any, ...]]) -> Iterator[T]:
        """The results of the work, in order, one for each."""
        if self._executor is not None:
            return iter([future.result() for future in [self._executor.submit(work, *one) for one in given]])
        return (work(*one) for one in given)


def workers() -> int:
    """Processes to render with: one a core that this process may use, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))

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
class Earlier:
    """The version whose files may be kept. `parts`: SHA-256 of each part of its manifest, by path."""

    folder: Path
    merchants: dict[str, Kept]
    parts: dict[str, str]
    written: int
    """When its last file was written, in ns since 1970: a file written later is not the one that was verified."""

    def of(self, shard: list[Part]) -> Earlier:
        """What is needed of it for a shard."""
        ids = (subject_id for part in shard for subject_id in part.ids if subject_id in self.merchants)
        paths = {manifest.part_of(path) for part in shard for path in part.paths}
        return Earlier(
            self.folder,
            {subject_id: self.merchants[subject_id] for subject_id in ids},
            {path: self.parts[path] for path in paths if path in self.parts},
            self.written,
        )


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
        return Earlier(folder, {i: Kept(p, on) for i, p, on in zip(ids, prints, days, strict=True)}, parts, written)
    return None


@lru_cache
def _program() -> bytes:
    """SHA-256 of what documents and pages are made by: another program makes other files of the same numbers."""
    digest = hashlib.sha256(__version__.encode())
    here = Path(__file__).parent
    for path in sorted(p for p in here.rglob("*") if p.suffix in (".py", ".html", ".json", ".svg", ".jinja", ".j2")):
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()


def fingerprints(part: Part, heads: list[dict[str, Any]], context: dict[str, Any]) -> list[bytes]:
    """What each merchant's files are made of, but for the night, as a SHA-256."""
    common = {name: value for name, value in part.common.items() if name not in ("evaluated_on", "cut_off")}
    frame = hashlib.sha256(_program() + to_json([common, part.frame, context])).digest()
    return [
        hashlib.sha256(b"".join((frame, row, orjson.dumps(head)))).digest()
        for row, head in zip(part.numbers(), heads, strict=True)
    ]


@dataclass
class Rendered:
    """What became of the merchants: how many files there are, how many merchants were kept, and what the next version
    needs to know."""

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

    def take(shard: _Shard) -> None:
        draft.parts.update(shard.parts)
        done.rows.update(shard.rows)
        done.kept += shard.kept
        progress(f"{len(done.rows):,} of {total:,} merchants")

    for shard in shards:
        pool.submit(take, _shard, draft.folder, shard, context, before.of(shard) if before else None, day)
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
    """What was made of a shard."""

    parts: dict[str, manifest.Listed]
    rows: dict[str, Kept]
    kept: int


def _shard(folder: Path, parts: list[Part], context: dict[str, Any], before: Earlier | None, day: date) -> _Shard:
    listings: dict[str, Listing] = {}
    for path in {path for part in parts for path in part.paths}:
        listings.setdefault(manifest.part_of(path), {})
    for name in listings:
        (folder / manifest.MERCHANTS / name[-7:-5]).mkdir(parents=True, exist_ok=True)
    had = _listed(before) if before else {}
    rows: dict[str, Kept] = {}
    kept = 0
    for part in parts:
        heads = part.heads()
        new = []
        for i, fingerprint in enumerate(fingerprints(part, heads, context)):
            subject_id, path = part.ids[i], part.paths[i]
            was = before.merchants.get(subject_id) if before else None
            if before and was and was.fingerprint == fingerprint and _keep(folder, before, path, had, day):
                rows[subject_id] = was
                listings[manifest.part_of(path)].update({one: had[one] for one in _paths(path)})
                kept += 1
            else:
                rows[subject_id] = Kept(fingerprint, day)
                new.append(i)
        if new:
            of = part if len(new) == len(heads) else part.take(new)
            for path, entry in _render(folder, of, [heads[i] for i in new], context):
                listings[manifest.part_of(path)][path] = entry._asdict()
    listed = {name: manifest.part(listing) for name, listing in listings.items()}
    return _Shard(
        {
            name: manifest.Listed(*_write(f"{folder}/{name}", content), len(listings[name]))
            for name, content in listed.items()
        },
        rows,
        kept,
    )


def _paths(path: str) -> tuple[str, str, str]:
    stem = path.removesuffix(".json")
    return path, f"{stem}.html", f"{stem}.svg"


def _listed(before: Earlier) -> Listing:
    """What the earlier version's manifest says of the shard's files; nothing of a folder whose part is damaged."""
    found: Listing = {}
    for path, sha256 in before.parts.items():
        try:
            content = (before.folder / path).read_bytes()
        except OSError:
            continue
        if entry_of(content).sha256 == sha256:
            found |= orjson.loads(content)
    return found


def _keep(folder: Path, before: Earlier, path: str, had: Listing, day: date) -> bool:
    """Link a merchant's files, unless one is not what it was when it was verified: another length, written to since, or,
    each night for some of them, other content when read again."""
    read = int(folder_of(path), 16) % _READ_AGAIN == day.toordinal() % _READ_AGAIN
    files = _paths(path)
    if not all(one in had and _is(f"{before.folder}/{one}", had[one], before.written, read) for one in files):
        return False
    for one in files:
        versions.link(f"{before.folder}/{one}", f"{folder}/{one}")
    return True


def _is(path: str, entry: dict[str, Any], written: int, read: bool) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116
        if found.st_size != entry["bytes"] or found.st_mtime_ns > written:
            return False
        return not read or entry_of(Path(path).read_bytes()).sha256 == entry["sha256"]
    except OSError:
        return False


def search(folder: Path, searched: list[site.Entry]) -> dict[str, Entry]:
    """Write the search index. Returns its files."""
    return {path: _write(f"{folder}/{path}", content) for path, content in site.search(searched)}


def _render(
    folder: Path, part: Part, heads: list[dict[str, Any]], context: dict[str, Any]
) -> Iterator[tuple[str, Entry]]:
    """Write document, page and badge of every merchant of the part."""
    pages = site.Merchants(context)
    badges: dict[str, tuple[str, Entry]] = {}
    for path, document in documents(part, heads):
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
            # A fresh process each: a fork of one with threads (DuckDB's, Prefect's) may hang. They start while the night
            # is read. Looking for cycles of objects would take a third of their time.
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

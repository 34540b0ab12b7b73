"""The files of merchants: rendered where something in them is new, kept from an earlier version where nothing is.

The files of an earlier version that still are what its manifest says are linked into the draft while the night is read.
What a merchant's files are made of has a fingerprint: where it is that of the earlier version the links stay, the others
give way to what is rendered. Merchants are worked on in shards of whole folders, so that who works on a shard needs of the
earlier version, and writes of the manifest, the parts of these folders alone. Many merchants are shared out over processes.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from credit import __version__
from credit.disclosure import manifest, site, versions
from credit.disclosure.documents import Part, documents, folder_of, shards
from credit.disclosure.manifest import Listing
from credit.disclosure.versions import PRINTS, Draft, Entry, entry_of
from credit.files.formats import to_json

_SHARED_OUT_FROM = 4_000
"""Merchants from which it pays to start processes."""
_AT_ONCE = 2_000
"""Merchants whose numbers are laid side by side at a time."""
_ROW = pa.schema([("subject_id", pa.string()), ("print", pa.binary(32)), ("evaluated_on", pa.date32())])

_TIMES = (b"written", b"settled")

T = TypeVar("T")


class Kept(NamedTuple):
    """One merchant as an earlier version has it."""

    fingerprint: bytes
    evaluated_on: date


@dataclass(frozen=True)
class Source:
    """The version whose files may be kept, and the parts of its manifest by path."""

    folder: Path
    parts: dict[str, manifest.Listed]
    written: int
    settled: int
    """When its publish had written all files of merchants, and had done with all, in ns since 1970. A file written later is
    read again; so is one to which anything was done later, since its time of change cannot be put back as that of writing can."""


@dataclass(frozen=True)
class Earlier:
    """That version, and its merchants by id. `damaged`: documents whose files cannot be kept, and folders of which none can."""

    source: Source
    merchants: dict[str, Kept]
    damaged: set[str] = field(default_factory=set)


def earlier(published: Path, day: date) -> Earlier | None:
    """The version published last whose night is not after `day`: a document never speaks of a later night than its version."""
    for folder in versions.all_of(published):
        rows = published / PRINTS / f"{folder.name}.parquet"
        if versions.day_of(folder) > day or not rows.exists():
            continue
        try:
            table = pq.read_table(rows)
            ids, prints, days = (table[name].to_pylist() for name in _ROW.names)
            written, settled = (int(table.schema.metadata[name]) for name in _TIMES)
            parts = manifest.read_named(folder).parts
        except manifest.DAMAGED:  # the versions before it may be whole
            continue
        merchants = dict(zip(ids, map(Kept, prints, days), strict=True))
        return Earlier(Source(folder, parts, written, settled), merchants)
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
        for some in part.slices(_AT_ONCE)
        for row, said in zip(some.numbers(), some.said(), strict=True)
    ]


@dataclass
class Rendered:
    """What became of the merchants: what the next version needs to know of them, and how many were kept."""

    rows: dict[str, Kept]
    kept: int


def lay(draft: Draft, before: Earlier, day: date, pool: Pool) -> None:
    """Link the files of all merchants of the earlier version into the draft. Whoever calls collects before `merchants`."""
    for part in before.source.parts:
        pool.submit(before.damaged.update, _lay, draft.folder, before.source, part[9:11], day)


def merchants(
    draft: Draft,
    wholes: Sequence[Part],
    context: dict[str, Any],
    before: Earlier | None,
    day: date,
    pool: Pool,
    progress: Callable[[str], None] = lambda _: None,
) -> Rendered:
    """Write the files of all merchants, but for those that are kept, and the parts of the manifest that list all, into the
    draft, where the files of the version before lie. Whoever calls collects what is under way when this returns, and then
    calls `remove_withdrawn`."""
    total = sum(len(whole.ids) for whole in wholes)
    # Where nothing can be kept, what files are made of is told beside the processes that make them.
    prints = [fingerprints(whole, context) for whole in wholes] if before else None
    kept: list[dict[int, Kept]] = [{} for _ in wholes]
    if before and prints:
        kept = [_kept(whole, of, before) for whole, of in zip(wholes, prints, strict=True)]

    def take(listed: dict[str, manifest.Listed]) -> None:
        draft.parts.update(listed)
        progress(f"{sum(part.files for part in draft.parts.values()) // 3:,} of {total:,} merchants")

    for shard in shards(wholes):
        stay: dict[str, list[str]] = {}
        parts = []
        for whole, was, places in zip(wholes, kept, shard, strict=True):
            for i in places:
                if i in was:
                    stay.setdefault(folder_of(whole.paths[i]), []).append(whole.paths[i])
            if new := [i for i in places if i not in was]:
                parts.append(whole.take(new))
        pool.submit(take, _shard, draft.folder, parts, context, before.source if before else None, stay)
        pool.collect(2 * pool.workers)
    rows: dict[str, Kept] = {}
    for whole, was, made_of in zip(wholes, kept, prints or [fingerprints(one, context) for one in wholes], strict=True):
        rows |= {one: was.get(i) or Kept(made_of[i], day) for i, one in enumerate(whole.ids)}
    return Rendered(rows, sum(map(len, kept)))


def _kept(whole: Part, prints: list[bytes], before: Earlier) -> dict[int, Kept]:
    """Whose files of the earlier version are what they would be now: place in the part -> the merchant as it was."""
    found = {}
    for i, (subject_id, path, fingerprint) in enumerate(zip(whole.ids, whole.paths, prints, strict=True)):
        was = before.merchants.get(subject_id)
        if was and was.fingerprint == fingerprint and before.damaged.isdisjoint((path, folder_of(path))):
            found[i] = was
    return found


def remove_withdrawn(draft: Draft) -> None:
    """Remove the folders in which there is no merchant any more."""
    for folder in (draft.folder / manifest.MERCHANTS).iterdir():
        if manifest.part_path(folder.name) not in draft.parts:
            shutil.rmtree(folder)


def keep_rows(published: Path, version: str, rows: dict[str, Kept], written: int) -> None:
    """Note for the next night what the files of this version were made of, and that nothing more is done to them."""
    times = dict(zip(_TIMES, map(str, (written, versions.moment(published))), strict=True))
    table = pa.table(
        [list(rows), [kept.fingerprint for kept in rows.values()], [kept.evaluated_on for kept in rows.values()]],
        schema=_ROW.with_metadata(times),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    versions.put(published, published / PRINTS / f"{version}.parquet", sink.getvalue().to_pybytes())


# --- in a worker -------------------------------------------------------------------------------------------------

_READ_AGAIN = 7
"""Nights in which every file that is kept is read again once, also where nothing was done to it: disks forget."""


def _lay(draft: Path, source: Source, name: str, day: date) -> list[str]:
    """Link the files of a folder. Returns the documents of those who have a file that is not what it was when it was
    verified: another length, or other content where it is read again, as each night those of some folders and all to which
    something was done since; the folder itself where what lists the files is not what it was."""
    inner = f"{manifest.MERCHANTS}{name}"
    (draft / inner).mkdir(parents=True, exist_ok=True)
    try:
        listing = _listed(source, name)
        came = os.open(source.folder / inner, os.O_RDONLY | os.O_DIRECTORY)
    except manifest.DAMAGED:
        return [name]
    goes = os.open(draft / inner, os.O_RDONLY | os.O_DIRECTORY)
    read = int(name, 16) % _READ_AGAIN == day.toordinal() % _READ_AGAIN
    damaged = []
    try:
        for path, entry in listing.items():
            file = path.rpartition("/")[2]
            if _is(came, file, entry, source, read):
                versions.link(file, file, came, goes)
            else:
                damaged.append(f"{path.rpartition('.')[0]}.json")
    finally:
        os.close(came)
        os.close(goes)
    return damaged


def _listed(source: Source, name: str) -> Listing:
    """What lists the files of a folder. Raises one of `manifest.DAMAGED` where it is not what was verified."""
    part = manifest.part_path(name)
    listing: Listing = orjson.loads(manifest.read_listed(source.folder, part, source.parts[part]))
    return listing


def _shard(
    folder: Path, parts: list[Part], context: dict[str, Any], source: Source | None, kept: dict[str, list[str]]
) -> dict[str, manifest.Listed]:
    """Render the files of the parts, leave of the earlier version those of who is `kept` (documents by folder), list both.
    Returns the parts of the manifest."""
    listings: dict[str, Listing] = {folder_of(path): {} for part in parts for path in part.paths}
    for name, paths in kept.items():
        assert source is not None
        was = _listed(source, name)
        listings[name] = {one: was[one] for path in paths for one in _paths(path)}
    for name, listing in listings.items():
        inner = f"{manifest.MERCHANTS}{name}"
        (folder / inner).mkdir(parents=True, exist_ok=True)
        if source is not None:
            for file in os.listdir(folder / inner):  # noqa: PTH208
                if f"{inner}/{file}" not in listing:
                    os.unlink(f"{folder}/{inner}/{file}")  # noqa: PTH108
    for part in parts:
        for path, entry in _render(folder, part, context):
            listings[folder_of(path)][path] = entry._asdict()
    listed = {}
    for name, listing in listings.items():
        path = manifest.part_path(name)
        listed[path] = manifest.Listed(*_write(f"{folder}/{path}", manifest.part(listing)), len(listing))
    return listed


def _paths(path: str) -> tuple[str, str, str]:
    stem = path.removesuffix(".json")
    return path, f"{stem}.html", f"{stem}.svg"


def _is(folder: int, name: str, entry: dict[str, Any], source: Source, read: bool) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if found.st_size != entry["bytes"] or not stat.S_ISREG(found.st_mode):
            return False
        touched = found.st_mtime_ns > source.written or found.st_ctime_ns > source.settled
        return _reads(folder, name, entry) if read or touched else True
    except OSError:
        return False


def _reads(folder: int, name: str, entry: dict[str, Any]) -> bool:
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:  # noqa: PTH123
        return entry_of(file.read()) == Entry(**entry)


def written(folder: Path, make: Callable[..., Iterator[tuple[str, bytes]]], *given: Any) -> dict[str, Entry]:
    """Write the files (path, content) that `make` makes of what is given. Returns them."""
    return {path: _write(f"{folder}/{path}", content) for path, content in make(*given)}


def _render(folder: Path, part: Part, context: dict[str, Any]) -> Iterator[tuple[str, Entry]]:
    """Write document, page and badge of every merchant of the part."""
    pages = site.Merchants(context)
    badges: dict[tuple[str, bool], tuple[str, Entry]] = {}
    for path, document in documents(part):
        json_path, html_path, svg_path = _paths(path)
        yield json_path, _write(f"{folder}/{json_path}", to_json(document) + b"\n")
        yield html_path, _write(f"{folder}/{html_path}", pages.page(document, path))
        grade, own = alike = (document["grade"], bool(document["subject"]["self_operated"]))
        if (first := badges.get(alike)) is None:
            first = svg_path, _write(f"{folder}/{svg_path}", site.badge(grade, document["meaning"], context, own))
            badges[alike] = first
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

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
from credit.disclosure.alerts import mark
from credit.disclosure.documents import MerchantBatch, documents, folder_of, shards
from credit.disclosure.manifest import Listing
from credit.disclosure.versions import PRINTS, Draft, FileEntry, entry_of
from credit.files.formats import to_json

SHARED_OUT_FROM = 4_000
"""Merchants from which it pays to start processes."""
_AT_ONCE = 2_000
"""Merchants whose numbers are laid side by side at a time."""
_ROW = pa.schema([("subject_id", pa.string()), ("print", pa.binary(32)), ("evaluated_on", pa.date32())])

_TIMES = (b"written", b"settled")

T = TypeVar("T")


class RenderedMerchant(NamedTuple):
    """One merchant as an earlier version has it."""

    fingerprint: bytes
    evaluated_on: date


@dataclass(frozen=True)
class EarlierFiles:
    """The version whose files may be kept, and the parts of its manifest by path."""

    folder: Path
    parts: dict[str, manifest.PartEntry]
    written: int
    settled: int
    """When its publish had written all files of merchants, and had done with all, in ns since 1970. A file written later is
    read again; so is one to which anything was done later, since its time of change cannot be put back as that of writing can."""


@dataclass(frozen=True)
class EarlierVersion:
    """That version, and its merchants by id. `damaged`: documents whose files cannot be kept, and folders of which none can."""

    source: EarlierFiles
    merchants: dict[str, RenderedMerchant]
    damaged: set[str] = field(default_factory=set)


def earlier(published: Path, day: date) -> EarlierVersion | None:
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
        merchants = dict(zip(ids, map(RenderedMerchant, prints, days), strict=True))
        return EarlierVersion(EarlierFiles(folder, parts, written, settled), merchants)
    return None


@lru_cache
def _program() -> bytes:
    """SHA-256 of what documents and pages are made by: another program makes other files of the same numbers."""
    digest = hashlib.sha256(__version__.encode())
    folder = Path(__file__).parent
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".html", ".json", ".svg", ".jinja", ".j2")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()


def fingerprints(batch: MerchantBatch, context: dict[str, Any]) -> list[bytes]:
    """What each merchant's files are made of, but for the night, as a SHA-256."""
    common = {name: value for name, value in batch.common.items() if name not in ("evaluated_on", "cut_off")}
    frame = hashlib.sha256(_program() + to_json([common, batch.frame, batch.meanings, batch.vetoes, context])).digest()
    return [
        hashlib.sha256(b"".join((frame, row, orjson.dumps(head)))).digest()
        for piece in batch.slices(_AT_ONCE)
        for row, head in zip(piece.numbers(), piece.head_inputs(), strict=True)
    ]


@dataclass
class Rendered:
    """What became of the merchants: what the next version needs to know of them, and how many were kept."""

    rows: dict[str, RenderedMerchant]
    kept: int


def lay(draft: Draft, before: EarlierVersion, day: date, pool: Pool) -> None:
    """Link the files of all merchants of the earlier version into the draft. Whoever calls collects before `merchants`."""
    for part in before.source.parts:
        pool.submit(before.damaged.update, _lay, draft.folder, before.source, part[9:11], day)


def merchants(
    draft: Draft,
    batches: Sequence[MerchantBatch],
    context: dict[str, Any],
    before: EarlierVersion | None,
    day: date,
    pool: Pool,
    progress: Callable[[str], None] = lambda _: None,
) -> Rendered:
    """Write the files of all merchants, but for those that are kept, and the parts of the manifest that list all, into the
    draft, where the files of the version before lie. Whoever calls collects what is under way when this returns, and then
    calls `remove_withdrawn`."""
    total = sum(len(batch.ids) for batch in batches)
    # Where nothing can be kept, what files are made of is told beside the processes that make them.
    prints = [fingerprints(batch, context) for batch in batches] if before else None
    unchanged: list[dict[int, RenderedMerchant]] = [{} for _ in batches]
    if before and prints:
        unchanged = [_unchanged(batch, own_prints, before) for batch, own_prints in zip(batches, prints, strict=True)]

    def take(parts: dict[str, manifest.PartEntry]) -> None:
        draft.parts.update(parts)
        progress(f"{sum(part.files for part in draft.parts.values()) // 3:,} of {total:,} merchants")

    for shard in shards(batches):
        kept_paths: dict[str, list[str]] = {}
        to_render = []
        for batch, kept, places in zip(batches, unchanged, shard, strict=True):
            for i in places:
                if i in kept:
                    kept_paths.setdefault(folder_of(batch.paths[i]), []).append(batch.paths[i])
            if changed := [i for i in places if i not in kept]:
                to_render.append(batch.take(changed))
        pool.submit(take, _shard, draft.folder, to_render, context, before.source if before else None, kept_paths)
        pool.collect(2 * pool.workers)
    prints = prints or [fingerprints(batch, context) for batch in batches]
    rows: dict[str, RenderedMerchant] = {}
    for batch, kept, batch_prints in zip(batches, unchanged, prints, strict=True):
        for i, subject_id in enumerate(batch.ids):
            rows[subject_id] = kept.get(i) or RenderedMerchant(batch_prints[i], day)
    return Rendered(rows, sum(map(len, unchanged)))


def _unchanged(batch: MerchantBatch, prints: list[bytes], before: EarlierVersion) -> dict[int, RenderedMerchant]:
    """Whose files of the earlier version are what they would be now: place in the batch -> the merchant as it was."""
    unchanged = {}
    for i, (subject_id, path, fingerprint) in enumerate(zip(batch.ids, batch.paths, prints, strict=True)):
        earlier = before.merchants.get(subject_id)
        if earlier and earlier.fingerprint == fingerprint and before.damaged.isdisjoint((path, folder_of(path))):
            unchanged[i] = earlier
    return unchanged


def remove_withdrawn(draft: Draft) -> None:
    """Remove the folders in which there is no merchant any more."""
    for folder in (draft.folder / manifest.MERCHANTS).iterdir():
        if manifest.part_path(folder.name) not in draft.parts:
            shutil.rmtree(folder)


def keep_rows(published: Path, version: str, rows: dict[str, RenderedMerchant], written: int) -> None:
    """Note for the next night what the files of this version were made of, and that nothing more is done to them."""
    times = dict(zip(_TIMES, map(str, (written, versions.moment(published))), strict=True))
    table = pa.table(
        [list(rows), [row.fingerprint for row in rows.values()], [row.evaluated_on for row in rows.values()]],
        schema=_ROW.with_metadata(times),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    versions.put(published, published / PRINTS / f"{version}.parquet", sink.getvalue().to_pybytes())


# --- in a worker -------------------------------------------------------------------------------------------------

READ_AGAIN = 7
"""Nights in which every file that is kept is read again once, also where nothing was done to it: disks forget."""


def _lay(draft: Path, source: EarlierFiles, name: str, day: date) -> list[str]:
    """Link the files of a folder. Returns the documents of those who have a file that is not what it was when it was
    verified: another length, or other content where it is read again, as each night those of some folders and all to which
    something was done since; the folder itself where what lists the files is not what it was."""
    inner = f"{manifest.MERCHANTS}{name}"
    (draft / inner).mkdir(parents=True, exist_ok=True)
    try:
        listing = _listing(source, name)
        came = os.open(source.folder / inner, os.O_RDONLY | os.O_DIRECTORY)
    except manifest.DAMAGED:
        return [name]
    goes = os.open(draft / inner, os.O_RDONLY | os.O_DIRECTORY)
    read = int(name, 16) % READ_AGAIN == day.toordinal() % READ_AGAIN
    damaged = []
    try:
        for path, entry in listing.items():
            file = path.rpartition("/")[2]
            if _is_as_listed(came, file, entry, source, read):
                versions.link(file, file, came, goes)
            else:
                damaged.append(f"{path.rpartition('.')[0]}.json")
    finally:
        os.close(came)
        os.close(goes)
    return damaged


def _listing(source: EarlierFiles, name: str) -> Listing:
    """What lists the files of a folder. Raises one of `manifest.DAMAGED` where it is not what was verified."""
    part = manifest.part_path(name)
    listing: Listing = orjson.loads(manifest.read_listed(source.folder, part, source.parts[part]))
    return listing


def _shard(
    folder: Path,
    batches: list[MerchantBatch],
    context: dict[str, Any],
    source: EarlierFiles | None,
    unchanged: dict[str, list[str]],
) -> dict[str, manifest.PartEntry]:
    """Render the files of the batches, leave of the earlier version those of who is `unchanged` (documents by folder), list
    both. Returns the parts of the manifest."""
    listings: dict[str, Listing] = {folder_of(path): {} for batch in batches for path in batch.paths}
    for name, paths in unchanged.items():
        assert source is not None
        earlier_listing = _listing(source, name)
        listings[name] = {file: earlier_listing[file] for path in paths for file in _paths(path)}
    for name, listing in listings.items():
        inner = f"{manifest.MERCHANTS}{name}"
        (folder / inner).mkdir(parents=True, exist_ok=True)
        if source is not None:
            for file in os.listdir(folder / inner):  # noqa: PTH208
                if f"{inner}/{file}" not in listing:
                    os.unlink(f"{folder}/{inner}/{file}")  # noqa: PTH108
    for batch in batches:
        for path, entry in _render(folder, batch, context):
            listings[folder_of(path)][path] = entry._asdict()
    parts = {}
    for name, listing in listings.items():
        path = manifest.part_path(name)
        parts[path] = manifest.PartEntry(*write_file(f"{folder}/{path}", manifest.part(listing)), len(listing))
    return parts


def _paths(path: str) -> tuple[str, str, str]:
    stem = path.removesuffix(".json")
    return path, f"{stem}.html", f"{stem}.svg"


def _is_as_listed(folder: int, name: str, entry: dict[str, Any], source: EarlierFiles, read: bool) -> bool:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if status.st_size != entry["bytes"] or not stat.S_ISREG(status.st_mode):
            return False
        touched = status.st_mtime_ns > source.written or status.st_ctime_ns > source.settled
        return reads_as_listed(folder, name, entry) if read or touched else True
    except OSError:
        return False


def reads_as_listed(folder: int, name: str, entry: dict[str, Any]) -> bool:
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:  # noqa: PTH123
        return entry_of(file.read()) == FileEntry(**entry)


def written(folder: Path, make: Callable[..., Iterator[tuple[str, bytes]]], *arguments: Any) -> dict[str, FileEntry]:
    """Write the files (path, content) that `make` makes of what is given. Returns them."""
    return {path: write_file(f"{folder}/{path}", content) for path, content in make(*arguments)}


def _render(folder: Path, batch: MerchantBatch, context: dict[str, Any]) -> Iterator[tuple[str, FileEntry]]:
    """Write document, page and badge of every merchant of the part."""
    pages = site.Merchants(context)
    badges: dict[tuple[str, bool, str | None], tuple[str, FileEntry]] = {}
    for path, document in documents(batch):
        json_path, html_path, svg_path = _paths(path)
        yield json_path, write_file(f"{folder}/{json_path}", to_json(document) + b"\n")
        yield html_path, write_file(f"{folder}/{html_path}", pages.page(document, path))
        grade, self_operated = str(document["grade"]), bool(document["subject"]["self_operated"])
        marked = mark(document["alerts"])
        alike = grade, self_operated, marked["zh"] if marked else None
        if (first := badges.get(alike)) is None:
            badge = site.badge(
                grade,
                document["meaning"],
                context,
                scale=document["scale"],
                self_operated=self_operated,
                mark=marked,
            )
            first = svg_path, write_file(f"{folder}/{svg_path}", badge)
            badges[alike] = first
        else:
            versions.link(f"{folder}/{first[0]}", f"{folder}/{svg_path}")
        yield svg_path, first[1]


def write_file(path: str, content: bytes) -> FileEntry:
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
        self.workers = workers if merchants >= SHARED_OUT_FROM else 1
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

    def submit(self, take: Callable[[T], None], work: Callable[..., T], *arguments: Any) -> None:
        """Do the work; its result goes to `then`, here."""
        if self._executor is not None:
            self._waiting[self._executor.submit(work, *arguments)] = take
        else:
            take(work(*arguments))

    def collect(self, most: int = 0) -> None:
        """Take in results until at most `most` are under way."""
        while len(self._waiting) > most:
            finished, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                self._waiting.pop(future)(future.result())

    def map(self, work: Callable[..., T], calls: list[tuple[Any, ...]]) -> Iterator[T]:
        """The results of the work, in order, one for each."""
        if self._executor is not None:
            return iter(
                [future.result() for future in [self._executor.submit(work, *arguments) for arguments in calls]]
            )
        return (work(*arguments) for arguments in calls)


def workers() -> int:
    """Processes to render with: one a core that this process may use, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))

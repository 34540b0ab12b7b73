"""The manifest of a version: length and SHA-256 of every file; and the feed: what changed since the version before.

`manifest.json` lists the files that are not a merchant's, and the 256 parts that list the others, so that who follows one
merchant, or only what changed, reads little. Signatures are over `manifest.json` and `feed.json`; each leads to the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from credit.disclosure.versions import MANIFEST, Draft, FileEntry, all_of, entry_of, put
from credit.errors import UserError
from credit.files.formats import to_json
from credit.warehouse.head import Change

SCHEMA_VERSION = "1"
MERCHANTS = "merchants/"
FEED = "feed.json"
FEEDS_KEPT = 30
"""Change files kept, so that a display that missed some nights can still follow."""

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException)
"""What reading a version that is not as it was published raises."""

_IN_FEED = ("subject_kind", "self_operated", "grade", "score", "document", "mark")
"""Not the name: changes are kept for many versions, and who was an enterprise may turn out to be a natural person."""
_GRADES = "bulk/grades.parquet"
_NOT_IN_FEED = ("manifest/", "search/")
"""Files derived from the others, of no interest to a display."""

Listing = dict[str, dict[str, Any]]
"""Path -> {"bytes", "sha256"}, as in a manifest."""


class PartEntry(NamedTuple):
    """A part of the manifest: its length, SHA-256, and how many files it lists."""

    bytes: int
    sha256: str
    files: int


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says of a version: the files that are not a merchant's, the parts that list the others, and the
    path of each rulebook by its hash."""

    sha256: str
    evaluated_on: str
    development: bool
    rulebooks: dict[str, str]
    files: dict[str, FileEntry]
    parts: dict[str, PartEntry]


def part_path(folder: str) -> str:
    """1f -> manifest/1f.json, which lists the files of merchants/1f"""
    return f"manifest/{folder}.json"


def part(listing: Listing) -> bytes:
    """The content of the part that lists these files."""
    return to_json(dict(sorted(listing.items()))) + b"\n"


def write(draft: Draft, about: Mapping[str, Any]) -> None:
    """Write `manifest.json` with what is said `about` the night; the draft's other files and parts are written before."""
    document = {
        "format": "merchant-credit manifest",
        "schema_version": SCHEMA_VERSION,
        **about,
        "files": {path: entry._asdict() for path, entry in sorted(draft.entries.items())},
        "parts": {path: listed._asdict() for path, listed in sorted(draft.parts.items())},
    }
    draft.write(MANIFEST, to_json(document, indent=1) + b"\n")


def read(version: Path) -> Manifest:
    """Raises one of `DAMAGED` where it is not as `write` leaves it."""
    content = (version / MANIFEST).read_bytes()
    document = orjson.loads(content)
    return Manifest(
        entry_of(content).sha256,
        document["evaluated_on"],
        document["development"],
        {book["hash"]: book["path"] for book in document["rulebooks"]},
        {path: FileEntry(**entry) for path, entry in document["files"].items()},
        {path: PartEntry(**entry) for path, entry in document["parts"].items()},
    )


def read_named(version: Path) -> Manifest:
    """Raises one of `DAMAGED` where it is not the manifest that the version is named by."""
    manifest = read(version)
    if not version.name.endswith(f"-{manifest.sha256[:12]}"):
        raise ValueError(f"{version / MANIFEST} is not what {version.name} is named by")
    return manifest


class FeedUpdate(NamedTuple):
    """How many merchants were added, changed, withdrawn (None: it is the version that is in force), and what a person
    should know."""

    changes: dict[str, int] | None
    notice: str | None = None


def follow(published: Path, folder: Path, before: Path | None, made_from: Change | None = None) -> FeedUpdate:
    """Write the feed of the version in `folder`, which follows on `before` (None: nothing is in force) and is `made_from` this
    change of the warehouse (None: from that of the version before).

    Where `before` is damaged it follows on the version published last that is not, numbered above all that are known, so
    that to readers it is the newest. Raises UserError when `folder` itself cannot be read.
    """
    step = _step(published, folder, before)
    if step is None:
        return FeedUpdate(None)
    sequence, notice = step.feed.sequence + 1, None
    if step.version != before or not step.feed.complete:
        sequence = _highest(published) + 1
        reason = f"{before.name}, which was in force, is damaged" if before else "no version was in force"
        scope = f"what changed since {step.version.name}" if step.version else "every merchant"
        notice = f"{reason}: the feed says {scope}; displays that are further behind have to read everything"
    _write_feed(published, folder, step, sequence, made_from._asdict() if made_from else step.feed.made_from)
    counts = dict.fromkeys(("added", "changed", "withdrawn"), 0)
    for merchant in step.merchants:
        counts[merchant["op"]] += 1
    return FeedUpdate(counts, notice)


class _Step(NamedTuple):
    """From one version (None: from nothing) to the next: its feed, both manifests, the merchants that are new, other or
    gone."""

    version: Path | None
    feed: _Feed
    previous: Manifest | None
    manifest: Manifest
    merchants: list[dict[str, Any]]


def _step(published: Path, folder: Path, before: Path | None) -> _Step | None:
    """The step to `folder` from `before`, or from the version published last that can be read; None where they are the
    same."""
    candidates = [version for version in all_of(published) if version.resolve() not in (folder.resolve(), before)]
    for version in [*([before] if before else []), *candidates]:
        feed = _feed(version)
        try:
            manifest, previous = read(folder), read_named(version)
            if previous.sha256 != manifest.sha256:
                merchants = list(_merchants(folder, manifest, version, previous))
                return _Step(version, feed, previous, manifest, merchants)
            if feed.complete:
                return None
        except DAMAGED:
            continue
    try:
        manifest = read(folder)
        return _Step(None, _feed(None), None, manifest, list(_merchants(folder, manifest, None, None)))
    except DAMAGED as error:
        raise UserError(f"{folder} is damaged: {error}; what was published before stays") from error


def _write_feed(published: Path, folder: Path, step: _Step, sequence: int, made_from: dict[str, Any] | None) -> None:
    """The changes of this step under their number, the last ones before it, and the list of both."""
    ends = {"from": _named(step.previous) if step.previous else None, "to": _named(step.manifest)}
    changes = {
        "sequence": sequence,
        **ends,
        "merchants": step.merchants,
        "files": _files(step.manifest.files, step.previous.files if step.previous else {}),
    }
    path = f"feed/{sequence:06d}.json"
    content = to_json(changes) + b"\n"
    entries = step.feed.changes[-(FEEDS_KEPT - 1) :]
    for entry in entries:
        assert step.version is not None
        _keep(published, step.version / entry["path"], folder / entry["path"])
    put(published, folder / path, content)
    entries = [*entries, {"sequence": sequence, "path": path, **entry_of(content)._asdict(), **ends}]
    put(
        published,
        folder / FEED,
        to_json(
            {"format": "merchant-credit feed", "sequence": sequence, "warehouse": made_from, "changes": entries},
            indent=1,
        )
        + b"\n",
    )
    names = {Path(entry["path"]).name for entry in entries}
    for file in (folder / "feed").iterdir():
        if file.name not in names:
            file.unlink()


class _Feed(NamedTuple):
    """Of a version's feed: its number, the changes that can be read, whether that is all, the change of the warehouse."""

    sequence: int
    changes: list[dict[str, Any]]
    complete: bool
    made_from: dict[str, Any] | None = None


def _feed(version: Path | None) -> _Feed:
    """Changes before one that cannot be read are of no use: a display follows from each to the next."""
    sequence, made_from = 0, None
    readable: list[dict[str, Any]] = []
    try:
        if version is not None:
            feed = orjson.loads((version / FEED).read_bytes())
            sequence, made_from = int(feed["sequence"]), feed.get("warehouse")
            for entry in reversed(feed["changes"]):
                read_listed(version, entry["path"], FileEntry(entry["bytes"], entry["sha256"]))
                readable.insert(0, entry)
    except DAMAGED:
        return _Feed(sequence, readable, False, made_from)
    return _Feed(sequence, readable, True, made_from)


def _highest(published: Path) -> int:
    """The highest number of a change that any version knows of, be it by the name of a file alone."""
    numbers = [0]
    for version in all_of(published):
        numbers.append(_feed(version).sequence)
        numbers += [int(path.stem) for path in (version / "feed").glob("*.json") if path.stem.isdecimal()]
    return max(numbers)


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"manifest": manifest.sha256, "evaluated_on": manifest.evaluated_on}


def _keep(published: Path, source: Path, target: Path) -> None:
    if not (target.exists() and target.samefile(source)):
        put(published, target, source.read_bytes())


def read_listed(version: Path, path: str, entry: FileEntry | PartEntry) -> bytes:
    """Raises ValueError where the file is not the one that is listed."""
    content = (version / path).read_bytes()
    if entry_of(content) != (entry.bytes, entry.sha256):
        raise ValueError(f"{path} is not the file that is listed")
    return content


def _grade_rows(version: Path, manifest: Manifest, documents: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Subject -> its row of the table of grades, of those whose document is among these."""
    columns = ("subject_id", *_IN_FEED)
    file = pq.ParquetFile(pa.BufferReader(read_listed(version, _GRADES, manifest.files[_GRADES])))
    # A version of an earlier program may lack one.
    table = file.read([name for name in columns if name in file.schema_arrow.names])
    table = table.filter([path in documents for path in table["document"].to_pylist()])
    return {row["subject_id"]: row for row in table.to_pylist()}


def _changed(
    folder: Path, parts: Mapping[str, PartEntry], before: Path | None, previous_parts: Mapping[str, PartEntry]
) -> tuple[Listing, Listing]:
    """The documents of merchants that are new or other, as they are and as they were."""
    documents: Listing = {}
    previous_documents: Listing = {}
    for path in parts.keys() | previous_parts.keys():
        if parts.get(path) == previous_parts.get(path):
            continue
        files = orjson.loads(read_listed(folder, path, parts[path])) if path in parts else {}
        previous_files = (
            orjson.loads(read_listed(before, path, previous_parts[path]))
            if before is not None and path in previous_parts
            else {}
        )
        documents |= _differing_documents(files, previous_files)
        previous_documents |= _differing_documents(previous_files, files)
    return documents, previous_documents


def _differing_documents(files: Listing, others: Listing) -> Listing:
    return {path: entry for path, entry in files.items() if path.endswith(".json") and others.get(path) != entry}


def _merchants(
    folder: Path, manifest: Manifest, before: Path | None, previous: Manifest | None
) -> Iterator[dict[str, Any]]:
    """The merchants whose documents are new, other or gone, by id."""
    documents, previous_documents = _changed(folder, manifest.parts, before, previous.parts if previous else {})
    grades = _grade_rows(folder, manifest, documents)
    previous_grades = _grade_rows(before, previous, previous_documents) if before and previous else {}
    for subject_id in sorted(grades.keys() | previous_grades.keys()):
        row, previous_row = grades.get(subject_id), previous_grades.get(subject_id)
        last_row = row or previous_row
        assert last_row is not None
        yield {
            "op": "withdrawn" if row is None else "changed" if previous_row else "added",
            "subject_id": subject_id,
            "kind": last_row["subject_kind"],
            "self_operated": bool(last_row["self_operated"]),
            "grade": row and row["grade"],
            "score": row and row["score"],
            "mark": row and row.get("mark"),
            "previous": previous_row and _before(previous_row),
            "document": row and {"path": row["document"], **documents[row["document"]]},
        }


def _before(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"grade": row["grade"], "score": row["score"], "mark": row.get("mark")}


def _files(files: Mapping[str, FileEntry], previous: Mapping[str, FileEntry]) -> dict[str, list[str]]:
    """The other files that are new, other or gone."""
    paths = sorted(path for path in files.keys() | previous.keys() if not path.startswith(_NOT_IN_FEED))
    return {
        "added": [path for path in paths if path not in previous],
        "changed": [path for path in paths if path in previous and path in files and files[path] != previous[path]],
        "withdrawn": [path for path in paths if path not in files],
    }

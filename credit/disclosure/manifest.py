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

from credit.disclosure.versions import MANIFEST, Draft, Entry, all_of, entry_of, put
from credit.errors import UserError
from credit.files.formats import to_json

SCHEMA_VERSION = "1"
MERCHANTS = "merchants/"
FEED = "feed.json"
FEEDS_KEPT = 30
"""Change files kept, so that a display that missed some nights can still follow."""

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException)
"""What reading a version that is not as it was published raises."""

_TOLD = ("subject_kind", "self_operated", "grade", "score", "document")
"""Not the name: changes are kept for many versions, and who was an enterprise may turn out to be a natural person."""
_GRADES = "bulk/grades.parquet"
_NOT_IN_FEED = ("manifest/", "search/")
"""Files derived from the others, of no interest to a display."""

Listing = dict[str, dict[str, Any]]
"""Path -> {"bytes", "sha256"}, as in a manifest."""


class Listed(NamedTuple):
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
    files: dict[str, Entry]
    parts: dict[str, Listed]


def part_path(folder: str) -> str:
    """1f -> manifest/1f.json, which lists the files of merchants/1f"""
    return f"manifest/{folder}.json"


def part(listing: Listing) -> bytes:
    """The content of the part that lists these files."""
    return to_json(dict(sorted(listing.items()))) + b"\n"


def write(draft: Draft, about: Mapping[str, Any]) -> None:
    """Write `manifest.json` with what is said `about` the night; the draft's other files and parts are written before."""
    whole = {
        "format": "merchant-credit manifest",
        "schema_version": SCHEMA_VERSION,
        **about,
        "files": {path: entry._asdict() for path, entry in sorted(draft.entries.items())},
        "parts": {path: listed._asdict() for path, listed in sorted(draft.parts.items())},
    }
    draft.write(MANIFEST, to_json(whole, indent=1) + b"\n")


def read(version: Path) -> Manifest:
    """Raises one of `DAMAGED` where it is not as `write` leaves it."""
    content = (version / MANIFEST).read_bytes()
    whole = orjson.loads(content)
    return Manifest(
        entry_of(content).sha256,
        whole["evaluated_on"],
        whole["development"],
        {book["hash"]: book["path"] for book in whole["rulebooks"]},
        {path: Entry(**entry) for path, entry in whole["files"].items()},
        {path: Listed(**entry) for path, entry in whole["parts"].items()},
    )


def read_named(version: Path) -> Manifest:
    """Raises one of `DAMAGED` where it is not the manifest that the version is named by."""
    found = read(version)
    if not version.name.endswith(f"-{found.sha256[:12]}"):
        raise ValueError(f"{version / MANIFEST} is not what {version.name} is named by")
    return found


class Followed(NamedTuple):
    """How many merchants were added, changed, withdrawn (None: it is the version that is in force), and what a person
    should know."""

    changes: dict[str, int] | None
    notice: str | None = None


def follow(published: Path, folder: Path, before: Path | None) -> Followed:
    """Write the feed of the version in `folder`, which follows on `before` (None: nothing is in force).

    Where `before` is damaged it follows on the version published last that is not, numbered above all that are known, so
    that to readers it is the newest. Raises UserError when `folder` itself cannot be read.
    """
    others = [version for version in all_of(published) if version.resolve() not in (folder.resolve(), before)]
    for version in [*([before] if before else []), *others, None]:
        feed = _feed(version)
        try:
            now, was = read(folder), read_named(version) if version else None
            if was is not None and was.sha256 == now.sha256:
                if feed.whole:
                    return Followed(None)
                continue
            merchants = list(_merchants(folder, now, version, was))
            break
        except DAMAGED as error:
            if version is None:
                raise UserError(f"{folder} is damaged: {error}; what was published before stays") from error
    sequence, notice = feed.sequence + 1, None
    if version != before or not feed.whole:
        sequence = _highest(published) + 1
        why = f"{before.name}, which was in force, is damaged" if before else "no version was in force"
        told = f"what changed since {version.name}" if version else "every merchant"
        notice = f"{why}: the feed says {told}; displays that are further behind have to read everything"
    since = {"from": _named(was) if was else None, "to": _named(now)}
    changes = {
        "sequence": sequence,
        **since,
        "merchants": merchants,
        "files": _files(now.files, was.files if was else {}),
    }
    path = f"feed/{sequence:06d}.json"
    content = to_json(changes) + b"\n"
    kept = feed.changes[-(FEEDS_KEPT - 1) :]
    for entry in kept:
        assert version is not None
        _keep(published, version / entry["path"], folder / entry["path"])
    put(published, folder / path, content)
    kept = [*kept, {"sequence": sequence, "path": path, **entry_of(content)._asdict(), **since}]
    put(
        published,
        folder / FEED,
        to_json({"format": "merchant-credit feed", "sequence": sequence, "changes": kept}, indent=1) + b"\n",
    )
    names = {Path(entry["path"]).name for entry in kept}
    for left in (folder / "feed").iterdir():
        if left.name not in names:
            left.unlink()
    counts = dict.fromkeys(("added", "changed", "withdrawn"), 0)
    for merchant in merchants:
        counts[merchant["op"]] += 1
    return Followed(counts, notice)


class _Feed(NamedTuple):
    """Of a version's feed: its number, the changes that can be read, whether that is all."""

    sequence: int
    changes: list[dict[str, Any]]
    whole: bool


def _feed(version: Path | None) -> _Feed:
    """Changes before one that cannot be read are of no use: a display follows from each to the next."""
    sequence = 0
    readable: list[dict[str, Any]] = []
    try:
        if version is not None:
            feed = orjson.loads((version / FEED).read_bytes())
            sequence = int(feed["sequence"])
            for entry in reversed(feed["changes"]):
                read_listed(version, entry["path"], Entry(entry["bytes"], entry["sha256"]))
                readable.insert(0, entry)
    except DAMAGED:
        return _Feed(sequence, readable, False)
    return _Feed(sequence, readable, True)


def _highest(published: Path) -> int:
    """The highest number of a change that any version knows of, be it by the name of a file alone."""
    found = [0]
    for version in all_of(published):
        found.append(_feed(version).sequence)
        found += [int(path.stem) for path in (version / "feed").glob("*.json") if path.stem.isdecimal()]
    return max(found)


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"manifest": manifest.sha256, "evaluated_on": manifest.evaluated_on}


def _keep(published: Path, source: Path, target: Path) -> None:
    if not (target.exists() and target.samefile(source)):
        put(published, target, source.read_bytes())


def read_listed(version: Path, path: str, entry: Entry | Listed) -> bytes:
    """Raises ValueError where the file is not the one that is listed."""
    content = (version / path).read_bytes()
    if entry_of(content) != (entry.bytes, entry.sha256):
        raise ValueError(f"{path} is not the file that is listed")
    return content


def _rows(version: Path, manifest: Manifest, documents: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Subject -> its row of the table of grades, of those whose document is among these."""
    columns = ("subject_id", *_TOLD)
    table = pq.read_table(
        pa.BufferReader(read_listed(version, _GRADES, manifest.files[_GRADES])), columns=list(columns)
    )
    table = table.filter([path in documents for path in table["document"].to_pylist()])
    return {row["subject_id"]: row for row in table.to_pylist()}


def _changed(
    folder: Path, now: Mapping[str, Listed], before: Path | None, was: Mapping[str, Listed]
) -> tuple[Listing, Listing]:
    """The documents of merchants that are new or other, as they are now and as they were."""
    new: Listing = {}
    old: Listing = {}
    for path in now.keys() | was.keys():
        if now.get(path) == was.get(path):
            continue
        ours = orjson.loads(read_listed(folder, path, now[path])) if path in now else {}
        theirs = orjson.loads(read_listed(before, path, was[path])) if before is not None and path in was else {}
        new |= {one: entry for one, entry in ours.items() if one.endswith(".json") and theirs.get(one) != entry}
        old |= {one: entry for one, entry in theirs.items() if one.endswith(".json") and ours.get(one) != entry}
    return new, old


def _merchants(folder: Path, now: Manifest, before: Path | None, was: Manifest | None) -> Iterator[dict[str, Any]]:
    """The merchants whose documents are new, other or gone, by id."""
    new, old = _changed(folder, now.parts, before, was.parts if was else {})
    grades, had = _rows(folder, now, new), _rows(before, was, old) if before and was else {}
    for subject_id in sorted(grades.keys() | had.keys()):
        row, previous = grades.get(subject_id), had.get(subject_id)
        told = row or previous
        assert told is not None
        yield {
            "op": "withdrawn" if row is None else "changed" if previous else "added",
            "subject_id": subject_id,
            "kind": told["subject_kind"],
            "self_operated": bool(told["self_operated"]),
            "grade": row and row["grade"],
            "score": row and row["score"],
            "previous": previous and {"grade": previous["grade"], "score": previous["score"]},
            "document": row and {"path": row["document"], **new[row["document"]]},
        }


def _files(files: Mapping[str, Entry], had: Mapping[str, Entry]) -> dict[str, list[str]]:
    """The other files that are new, other or gone."""
    told = sorted(path for path in files.keys() | had.keys() if not path.startswith(_NOT_IN_FEED))
    return {
        "added": [path for path in told if path not in had],
        "changed": [path for path in told if path in had and path in files and files[path] != had[path]],
        "withdrawn": [path for path in told if path not in files],
    }

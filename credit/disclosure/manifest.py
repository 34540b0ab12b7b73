"""The manifest of a version: length and SHA-256 of every file; and the feed: what changed since the version before.

`manifest.json` lists the files that are not a merchant's, and the 256 parts that list the others, so that who follows one
merchant, or only what changed, reads little. Signatures are over `manifest.json` and `feed.json`; each leads to the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow.parquet as pq

from credit.disclosure.documents import to_json
from credit.disclosure.versions import MANIFEST, Draft, Entry, entry_of, put

SCHEMA_VERSION = "1"
MERCHANTS = "merchants/"
FEED = "feed.json"
FEEDS_KEPT = 30
"""Change files kept, so that a display that missed some nights can still follow."""

_TOLD = ("subject_kind", "name", "grade", "score", "document")
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
    """Raises OSError, ValueError, KeyError or TypeError where it is not as `write` leaves it."""
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


def follow(published: Path, folder: Path, before: Path | None) -> dict[str, int] | None:
    """Write the feed of the version in `folder`, which follows on `before` (None: it is the first).

    Returns how many merchants were added, changed, withdrawn; None where it is the version of `before` itself.
    """
    now, was = read(folder), read(before) if before else None
    if was is not None and was.sha256 == now.sha256:
        return None
    feed: dict[str, Any] = json.loads((before / FEED).read_bytes()) if before else {"sequence": 0, "changes": []}
    sequence = feed["sequence"] + 1
    merchants = list(_merchants(folder, now, before, was))
    since = {"from": _named(was) if was else None, "to": _named(now)}
    changes = {
        "sequence": sequence,
        **since,
        "merchants": merchants,
        "files": _files(now.files, was.files if was else {}),
    }
    path = f"feed/{sequence:06d}.json"
    content = to_json(changes) + b"\n"
    kept = feed["changes"][-(FEEDS_KEPT - 1) :]
    for entry in kept:
        assert before is not None
        _keep(published, before / entry["path"], folder / entry["path"])
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
    return counts


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"manifest": manifest.sha256, "evaluated_on": manifest.evaluated_on}


def _keep(published: Path, source: Path, target: Path) -> None:
    if not (target.exists() and target.samefile(source)):
        put(published, target, source.read_bytes())


def _rows(version: Path, documents: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Subject -> its row of the table of grades, of those whose document is among these."""
    columns = ("subject_id", *_TOLD)
    table = pq.read_table(version / "bulk/grades.parquet", columns=list(columns))
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
        ours = orjson.loads((folder / path).read_bytes()) if path in now else {}
        theirs = orjson.loads((before / path).read_bytes()) if before is not None and path in was else {}
        new |= {one: entry for one, entry in ours.items() if one.endswith(".json") and theirs.get(one) != entry}
        old |= {one: entry for one, entry in theirs.items() if one.endswith(".json") and ours.get(one) != entry}
    return new, old


def _merchants(folder: Path, now: Manifest, before: Path | None, was: Manifest | None) -> Iterator[dict[str, Any]]:
    """The merchants whose documents are new, other or gone, by id."""
    new, old = _changed(folder, now.parts, before, was.parts if was else {})
    grades, had = _rows(folder, new), _rows(before, old) if before else {}
    for subject_id in sorted(grades.keys() | had.keys()):
        row, previous = grades.get(subject_id), had.get(subject_id)
        told = row or previous
        assert told is not None
        yield {
            "op": "withdrawn" if row is None else "changed" if previous else "added",
            "subject_id": subject_id,
            "kind": told["subject_kind"],
            "name": told["name"],
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

"""The manifest of a version: length and SHA-256 of every file; and the feed: what changed since the version before.

`manifest.json` lists the files that are not a merchant's, and the 256 parts that list the others, so that who follows one
merchant, or only what changed, reads little. Signatures are over `manifest.json` and `feed.json`; each leads to the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


def part_of(path: str) -> str:
    """merchants/1f/M000002.json -> manifest/1f.json"""
    return f"manifest/{path[len(MERCHANTS) : len(MERCHANTS) + 2]}.json"


def write(draft: Draft, about: Mapping[str, Any]) -> None:
    """Write the parts and, last, `manifest.json` with what is said `about` the night."""
    parts: dict[str, dict[str, Any]] = {}
    files: dict[str, Any] = {}
    for path, entry in sorted(draft.entries.items()):
        if path.startswith(MERCHANTS):
            parts.setdefault(part_of(path), {})[path] = entry._asdict()
        else:
            files[path] = entry._asdict()
    listed = {}
    for path, content in sorted(parts.items()):
        draft.write(path, to_json(content) + b"\n")
        listed[path] = draft.entries[path]._asdict() | {"files": len(content)}
    whole = {
        "format": "merchant-credit manifest",
        "schema_version": SCHEMA_VERSION,
        **about,
        "files": files,
        "parts": listed,
    }
    draft.write(MANIFEST, to_json(whole, indent=1) + b"\n")


def entries(version: Path, *, merchants: bool = True) -> dict[str, Entry]:
    """The files that the manifest of a version lists, merchants' files among them if asked for."""
    whole = json.loads((version / MANIFEST).read_bytes())
    found = {path: Entry(**entry) for path, entry in whole["files"].items()}
    for part in whole["parts"] if merchants else ():
        found |= {path: Entry(**entry) for path, entry in json.loads((version / part).read_bytes()).items()}
    return found


def follow(
    published: Path,
    folder: Path,
    before: Path | None,
    known: Mapping[Path, Mapping[str, Entry]] | None = None,
) -> dict[str, int] | None:
    """Write the feed of the version in `folder`, which follows on `before` (None: it is the first).

    `known`: what is known already of the files of some versions, by folder. Returns how many merchants were added,
    changed, withdrawn; None where it is the version of `before` itself.
    """
    told, was = _identity(folder), _identity(before) if before else None
    if was == told:
        return None
    feed: dict[str, Any] = json.loads((before / FEED).read_bytes()) if before else {"sequence": 0, "changes": []}
    sequence = feed["sequence"] + 1
    merchants = list(_merchants(folder, before, known or {}))
    since = {"from": was, "to": told}
    changes = {"sequence": sequence, **since, "merchants": merchants, "files": _files(folder, before)}
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


def _identity(version: Path) -> dict[str, Any]:
    content = (version / MANIFEST).read_bytes()
    return {"manifest": entry_of(content).sha256, "evaluated_on": json.loads(content)["evaluated_on"]}


def _keep(published: Path, source: Path, target: Path) -> None:
    if not (target.exists() and target.samefile(source)):
        put(published, target, source.read_bytes())


def _grades(version: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(version / "bulk/grades.parquet", columns=["subject_id", *_TOLD]).to_pylist()
    return {row["subject_id"]: row for row in rows}


def _merchants(
    folder: Path, before: Path | None, known: Mapping[Path, Mapping[str, Entry]]
) -> Iterator[dict[str, Any]]:
    """The merchants whose documents are new, other or gone, by id."""
    grades, was = _grades(folder), _grades(before) if before else {}
    files = known.get(folder) or entries(folder)
    had = (known.get(before) or entries(before)) if before else {}
    for subject_id in sorted(grades.keys() | was.keys()):
        row, previous = grades.get(subject_id), was.get(subject_id)
        told = row or previous
        assert told is not None
        document = None
        if row is not None:
            entry = files[row["document"]]
            if previous is not None and had.get(previous["document"]) == entry:
                continue
            document = {"path": row["document"], **entry._asdict()}
        yield {
            "op": "withdrawn" if row is None else "changed" if previous else "added",
            "subject_id": subject_id,
            "kind": told["subject_kind"],
            "name": told["name"],
            "grade": row and row["grade"],
            "score": row and row["score"],
            "previous": previous and {"grade": previous["grade"], "score": previous["score"]},
            "document": document,
        }


def _files(folder: Path, before: Path | None) -> dict[str, list[str]]:
    """The other files that are new, other or gone."""
    files = entries(folder, merchants=False)
    had = entries(before, merchants=False) if before else {}
    told = sorted(path for path in files.keys() | had.keys() if not path.startswith(_NOT_IN_FEED))
    return {
        "added": [path for path in told if path not in had],
        "changed": [path for path in told if path in had and path in files and files[path] != had[path]],
        "withdrawn": [path for path in told if path not in files],
    }

"""Published versions made of literal rows, with the manifest of a version: for tests of what reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit.disclosure import documents
from credit.disclosure.bulk import GRADES
from credit.files import formats
from support import rules

BOOKS = {
    "enterprise": rules.ENTERPRISE,
    "individual": rules.INDIVIDUAL,
}
MERCHANTS = [{"subject_id": f"M{i}", "score": 80.0 + i / 10} for i in range(6)]
"""Rows of `publish`: M0 to M5, the better the higher their number."""


def _entry(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def publish(published: Path, rows: Sequence[Mapping[str, Any]], day: date = date(2026, 11, 24)) -> Path:
    """A version of these merchants (what a row leaves out has a plain value), switched to. Returns its folder."""
    paths = documents.paths([row["subject_id"] for row in rows])
    contents: dict[str, bytes] = {}
    grades = []
    for values in rows:
        row = {
            "subject_kind": "enterprise",
            "grade": "A",
            "score": 82.5,
            "evidence": 0.9,
            "not_rated_reason": None,
            "name": f"name of {values['subject_id']}",
            "self_operated": False,
            "provisional": False,
            "dormant": False,
            "vetoes": "",
            "standing": "in_force",
            "evaluated_on": day,
            "text": None,
        } | dict(values)
        book = BOOKS[row["subject_kind"]]
        row |= {
            "rulebook": book.stem.rpartition("-")[0],
            "rulebook_hash": hashlib.sha256(book.read_bytes()).hexdigest(),
            "document": paths[row["subject_id"]],
        }
        document = {name: row[name] for name in ("subject_id", "name", "grade", "score", "text")}
        contents[row["document"]] = formats.to_json(document) + b"\n"
        grades.append(row)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(grades, schema=pa.schema([(f.name, f.type) for f in GRADES])), sink)
    contents["bulk/grades.parquet"] = sink.getvalue().to_pybytes()
    for book in BOOKS.values():
        contents[f"rulebooks/{book.name}"] = book.read_bytes()
    books = [
        {"path": path, "hash": hashlib.sha256(content).hexdigest()}
        for path, content in contents.items()
        if path.startswith("rulebooks/")
    ]
    contents["index.json"] = formats.to_json({"disclosure": {"evaluated_on": day.isoformat()}, "rulebooks": books})
    parts: dict[str, dict[str, Any]] = {}
    for path, content in contents.items():
        if path.startswith("merchants/"):
            parts.setdefault(f"manifest/{path.split('/')[1]}.json", {})[path] = _entry(content)
    raw = {path: formats.to_json(part) for path, part in parts.items()}
    top = formats.to_json(
        {
            "format": "merchant-credit manifest",
            "schema_version": "1",
            "evaluated_on": day.isoformat(),
            "rulebooks": books,
            "development": False,
            "files": {p: _entry(c) for p, c in contents.items() if not p.startswith("merchants/")},
            "parts": {path: _entry(part) | {"files": len(parts[path])} for path, part in raw.items()},
        }
    )
    contents |= raw | {"manifest.json": top, "feed.json": b'{"sequence":1}'}
    folder = published / "versions" / f"{day}-{hashlib.sha256(top).hexdigest()[:12]}"
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    switch = published / ".switch"
    switch.symlink_to(Path("versions") / folder.name)
    switch.replace(published / "current")
    return folder


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())

"""Turns a folder of files into a version: manifest.json, manifest/*.json, feed.json as the disclosure writes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def entry(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def as_version(folder: Path, day: str, sequence: int = 1) -> Path:
    """Write the lists of what `folder` holds. Returns the folder."""
    files: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        top, _, rest = name.partition("/")
        if top == "merchants":
            parts.setdefault(rest[:2], {})[name] = entry(path)
        elif top not in ("feed", "tuf", "manifest", "manifest.json", "feed.json"):
            files[name] = entry(path)
    (folder / "manifest").mkdir(exist_ok=True)
    listed = {}
    for part, entries in parts.items():
        path = folder / "manifest" / f"{part}.json"
        path.write_text(json.dumps(entries), encoding="utf-8")
        listed[f"manifest/{part}.json"] = {**entry(path), "files": len(entries)}
    manifest = {
        "format": "merchant-credit manifest",
        "schema_version": "1",
        "evaluated_on": day,
        "cut_off": f"{day}T00:00:00+08:00",
        "rulebooks": [],
        "development": False,
        "files": files,
        "parts": listed,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "feed").mkdir(exist_ok=True)
    change = folder / "feed" / f"{sequence:06d}.json"
    change.write_text(json.dumps({"sequence": sequence, "merchants": []}), encoding="utf-8")
    changes = [
        {
            "sequence": sequence,
            "path": f"feed/{change.name}",
            **entry(change),
            "from": None,
            "to": {"manifest": entry(folder / "manifest.json")["sha256"]},
        }
    ]
    feed = {"format": "merchant-credit feed", "sequence": sequence, "changes": changes}
    (folder / "feed.json").write_text(json.dumps(feed), encoding="utf-8")
    return folder

"""Two readers shown two versions of one number can find out: what a reader has seen must be in the history it is shown next.

The feed, which is signed, names by its hash the manifest of each of the last changes. A reader remembers the last one that it
has seen. In what it is shown later that change must stand with the same manifest; where it is another, is left out, or the
history is shorter, the platform keeps two histories, or has lost its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credit.files import durable

_FILE = "history.json"


def compare(seen: Path, feed: Mapping[str, Any]) -> str | None:
    """What is wrong with the history that a signed feed tells, by what lies in the folder of what was `seen`; None where
    nothing is. Then the last change of it is remembered."""
    changes = _changes(feed)
    kept = _kept(seen / _FILE)
    if kept is not None:
        number, manifest = kept
        if changes and max(changes) < number:
            return f"it ends with change {max(changes)} of the feed, and change {number} was seen before"
        if changes and min(changes) <= number and changes.get(number) != manifest:
            led_to = f"by {changes[number][:12]}" if number in changes else "nowhere"
            return f"change {number} of the feed led to version {manifest[:12]} when it was seen; this history tells of it {led_to}"
    if changes:
        last = max(changes)
        durable.put(seen / _FILE, json.dumps({"change": last, "manifest": changes[last]}).encode())
    return None


def _changes(feed: Mapping[str, Any]) -> dict[int, str]:
    """Number of a change -> SHA-256 of the manifest that it led to."""
    changes: dict[int, str] = {}
    entries = feed.get("changes")
    for entry in entries if isinstance(entries, list) else ():
        to = entry.get("to") if isinstance(entry, dict) else None
        manifest = to.get("manifest") if isinstance(to, dict) else None
        if isinstance(manifest, str) and isinstance(number := entry.get("sequence"), int):
            changes[number] = manifest
    return changes


def _kept(path: Path) -> tuple[int, str] | None:
    try:
        kept = json.loads(path.read_bytes())
        return int(kept["change"]), str(kept["manifest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

"""Published versions: written aside, made durable, then switched to in one step. A reader sees the old or the new.

    published/
      current -> versions/2026-11-24-0123456789ab
      versions/2026-11-24-0123456789ab/index.json ...
      versions/.partial-*                 being written, or left by a killed publish: removed by the next one

A version is named by its day and the SHA-256 of its index, and the index holds the SHA-256 of every other file: the same
content has the same name everywhere. One publish runs at a time: it holds the warehouse, which lets one process in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from credit.errors import UserError

INDEX = "index.json"
_PARTIAL = ".partial-"
_SWITCHING = ".current-"


@dataclass(frozen=True)
class Entry:
    """Length and SHA-256 of one file."""

    bytes: int
    sha256: str


@dataclass
class Draft:
    """A version being written. `entries` are its files so far, by path within the version."""

    folder: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    _made: set[Path] = field(default_factory=set)

    def write(self, path: str, content: bytes) -> None:
        target = self.folder / path
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        with target.open("xb") as file:
            file.write(content)
        self.entries[path] = Entry(len(content), hashlib.sha256(content).hexdigest())


@contextmanager
def draft(published: Path) -> Iterator[Draft]:
    """A folder to write the next version to; removed on leaving unless `commit` has made it a version.

    What killed publishes left behind is removed first. Raises UserError when `current` is not a link of ours.
    """
    current = published / "current"
    if os.path.lexists(current) and not current.is_symlink():
        raise UserError(f"{current} is not a link to a version; move it away, then publish again")
    folder = published / "versions" / f"{_PARTIAL}{os.getpid()}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clean(published)
    folder.mkdir()
    try:
        yield Draft(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit(published: Path, draft: Draft, day: date, keep: int) -> Path:
    """Make the draft a version, switch to it, remove all but the last `keep` versions. Returns the version's folder.

    The draft's index must have been written last. Where the same version is there already it is kept, mended if damaged.
    """
    folder = published / "versions" / f"{day}-{draft.entries[INDEX].sha256[:12]}"
    if folder.exists():
        _mend(folder, draft)
    else:
        _make_durable(draft.folder, list(draft.entries))
        os.rename(draft.folder, folder)  # noqa: PTH104
        _sync(folder.parent)
    os.utime(folder)  # the order in which versions were published last
    _switch(published, folder)
    _prune(published, folder, keep)
    return folder


def _clean(published: Path) -> None:
    for left in published.glob(f"versions/{_PARTIAL}*"):
        shutil.rmtree(left)
    for left in published.glob(f"{_SWITCHING}*"):
        left.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_durable(folder: Path, paths: list[str]) -> None:
    """All files and folders on the disk, before anything points to them."""
    if sys.platform == "linux":
        os.sync()  # waits for the disk, once; elsewhere it may only ask for it
    else:
        for path in paths:
            _sync(folder / path)
        for inner, _, _ in os.walk(folder, topdown=False):
            _sync(Path(inner))
    _sync(folder / INDEX)
    _sync(folder)


def _mend(folder: Path, draft: Draft) -> None:
    """Put right what differs from the draft, file by file, each in one step."""
    damaged = []
    for path, entry in draft.entries.items():
        try:
            content = (folder / path).read_bytes()
        except OSError:
            content = b""
        if Entry(len(content), hashlib.sha256(content).hexdigest()) != entry:
            damaged.append(path)
    _make_durable(draft.folder, damaged)
    for path in damaged:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft.folder / path, folder / path)  # noqa: PTH105
        _sync((folder / path).parent)
    for inner, _, names in os.walk(folder):
        for name in names:
            if (Path(inner) / name).relative_to(folder).as_posix() not in draft.entries:
                (Path(inner) / name).unlink()


def _switch(published: Path, folder: Path) -> None:
    link = published / f"{_SWITCHING}{os.getpid()}"
    link.symlink_to(Path("versions") / folder.name)
    os.replace(link, published / "current")  # noqa: PTH105
    _sync(published)


def _prune(published: Path, current: Path, keep: int) -> None:
    versions = [path for path in current.parent.iterdir() if not path.name.startswith(".") and path != current]
    versions.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    for old in versions[keep - 1 :]:
        # Out of sight in one step, so that a killed removal leaves no half version.
        gone = old.with_name(f"{_PARTIAL}{old.name}")
        os.rename(old, gone)  # noqa: PTH104
        shutil.rmtree(gone)

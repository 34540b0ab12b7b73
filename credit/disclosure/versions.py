"""Published versions: written aside, made durable, then switched to in one step. A reader sees the old or the new.

    published/
      current -> versions/2026-11-24-0123456789ab
      versions/2026-11-24-0123456789ab/manifest.json ...
      versions/.partial-*                 being written, or left by a killed publish: removed by the next one
      .new-*                              link to a version that was not switched to yet: left by a killed publish, both go
      prints/<version>.parquet            what each merchant's files were made of, so that the next night knows which to keep,
                                          and when the last of them was written, linked or removed
      lock                                held by the publish or rollback that runs

A version is named by its day and the SHA-256 of its manifest, and the manifest tells the SHA-256 of every other file: the
same content has the same name everywhere. Not in the name is what tells how it follows on the version before: the change
feed and the signatures.

A file that did not change is a hard link to that of an earlier version, so no published file is ever written to.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from credit.errors import UserError
from credit.files import durable

MANIFEST = "manifest.json"
FOLLOWS = ("feed.json", "feed", "tuf")
"""Files and folders of a version that tell how it follows on others; they are not in its name nor in its manifest."""
PRINTS = "prints"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{12}")
_LOCK = "lock"
_PARTIAL = ".partial-"
_SWITCHING = ".current-"
_NEW = ".new-"


class FileEntry(NamedTuple):
    """Length and SHA-256 of one file."""

    bytes: int
    sha256: str


def entry_of(content: bytes) -> FileEntry:
    """Length and SHA-256 of the content."""
    return FileEntry(len(content), hashlib.sha256(content).hexdigest())


@dataclass
class Draft:
    """A version being written. `entries` are its files so far that are not a merchant's, by path within the version;
    `parts` the lists of the others: length, SHA-256 and how many files each lists."""

    folder: Path
    entries: dict[str, FileEntry] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    _folders: set[str] = field(default_factory=set)

    def write(self, path: str, content: bytes) -> None:
        target = self.folder / path
        self.folder_of(path)
        with target.open("xb") as file:
            file.write(content)
        self.entries[path] = entry_of(content)

    def folder_of(self, path: str) -> None:
        """Make the folder that the file of this path is in."""
        inner = path.rpartition("/")[0]
        if inner not in self._folders:
            (self.folder / inner).mkdir(parents=True, exist_ok=True)
            self._folders.add(inner)


@contextmanager
def alone(published: Path) -> Iterator[None]:
    """One publish or rollback at a time: each removes what others left unfinished. What killed ones left is removed here.

    A warehouse that is open to read lets several processes in. The lock ends with this process: workers, which are fresh
    processes, do not inherit it. Raises UserError when another process or thread has it.
    """
    published.mkdir(parents=True, exist_ok=True)
    with (published / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another publish or rollback of {published} is running; let it end, then try again"
            ) from None
        try:
            _clean(published)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # also where a fork still has it open


@contextmanager
def draft(published: Path) -> Iterator[Draft]:
    """A folder to write the next version to; removed on leaving unless `commit` has made it a version.

    Raises UserError when `current` is not a link of ours or another publish runs.
    """
    current = published / "current"
    if os.path.lexists(current) and not current.is_symlink():
        raise UserError(f"{current} is not a link to a version; move it away, then publish again")
    folder = published / "versions" / f"{_PARTIAL}{os.getpid()}"
    with alone(published):
        folder.mkdir(parents=True)
        try:
            yield Draft(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def current(published: Path) -> Path | None:
    """The folder of the version in force, which may be damaged; None where nothing is published."""
    link = published / "current"
    return link.resolve() if link.is_dir() else None


def all_of(published: Path) -> list[Path]:
    """The folders of all versions kept, the one published last first. What has no version's name is somebody else's."""
    folders = [path for path in (published / "versions").glob("*") if is_version(path)]
    return sorted(folders, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def is_version(path: Path) -> bool:
    """Whether this is a folder with the name of a version."""
    return bool(_VERSION.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()


def day_of(folder: Path) -> date:
    """The evaluation day in a version's name."""
    return date.fromisoformat(folder.name[:10])


def night_in_force(published: Path) -> date | None:
    """The night of the version in force; None where there is none."""
    folder = current(published)
    return day_of(folder) if folder is not None and is_version(folder) else None


def name_of(draft: Draft, day: date) -> str:
    """The name that the draft gets. Its manifest must have been written."""
    return f"{day}-{draft.entries[MANIFEST].sha256[:12]}"


def commit(published: Path, draft: Draft, day: date, keep: int, finish: Callable[[Path], None]) -> Path:
    """Make the draft a version, switch to it, remove all but the last `keep` versions. Returns the version's folder.

    The draft's manifest must have been written last. `finish` writes what follows on other versions (feed, signatures) to
    the folder it is given and verifies it. Where the same version is there already it is kept, mended if damaged.
    """
    folder = published / "versions" / name_of(draft, day)
    marker = published / f"{_NEW}{os.getpid()}"
    if folder.exists():
        _mend(folder, draft)
        shutil.rmtree(draft.folder)
        finish(folder)
    else:
        finish(draft.folder)
        make_durable(draft.folder)
        marker.symlink_to(Path("versions") / folder.name)
        try:
            durable.sync(published)
            os.rename(draft.folder, folder)  # noqa: PTH104
        except OSError:
            marker.unlink()
            raise
        durable.sync(folder.parent)
    switch(published, folder)
    marker.unlink(missing_ok=True)
    prune(published, folder, keep)
    return folder


def moment(published: Path) -> int:
    """Now, in ns since 1970, by the clock that gives the files here their times. Whoever calls has the lock."""
    os.utime(published / _LOCK)
    return (published / _LOCK).stat().st_ctime_ns


def put(published: Path, path: Path, content: bytes) -> None:
    """Write a file of `FOLLOWS` whole or not at all, also where readers are: beside the versions, then moved in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.put(path, content, published / f"{_SWITCHING}{os.getpid()}")


def link(source: str, target: str, source_in: int | None = None, target_in: int | None = None) -> None:
    """`target` becomes another name of the file `source`, or a copy where the file system has no more links. Paths are
    below the open folders, where these are given."""
    try:
        os.link(source, target, src_dir_fd=source_in, dst_dir_fd=target_in)
    except OSError:
        with (
            open(os.open(source, os.O_RDONLY, dir_fd=source_in), "rb") as original,  # noqa: PTH123
            open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=target_in), "wb") as copy,  # noqa: PTH123
        ):
            shutil.copyfileobj(original, copy)


def _clean(published: Path) -> None:
    for remnant in published.glob(f"versions/{_PARTIAL}*"):
        shutil.rmtree(remnant)
    for remnant in published.glob(f"{_SWITCHING}*"):
        remnant.unlink()
    for remnant in published.glob(f"{_NEW}*"):
        # Never in force: going back to it would publish what nobody has seen.
        folder = published / remnant.readlink()
        if folder in all_of(published) and folder.resolve() != current(published):
            _remove(folder)
        remnant.unlink()


def _remove(version: Path) -> None:
    """Out of sight in one step, so that a killed removal leaves no half version."""
    hidden = version.with_name(f"{_PARTIAL}{version.name}")
    os.rename(version, hidden)  # noqa: PTH104
    shutil.rmtree(hidden)


def make_durable(folder: Path, paths: list[str] | None = None) -> None:
    """These files (unless given: all) and all folders on the disk, before anything points to them."""
    if sys.platform == "linux":
        os.sync()  # waits for the disk, once; elsewhere it may only ask for it
    else:
        for path in _files(folder) if paths is None else paths:
            durable.sync(folder / path)
        for inner, _, _ in os.walk(folder, topdown=False):
            durable.sync(Path(inner))
    durable.sync(folder / MANIFEST)
    durable.sync(folder)


def _files(folder: Path) -> list[str]:
    """The path of every file in the folder and below."""
    paths = []
    for inner, _, names in os.walk(folder):
        below = os.path.relpath(inner, folder)
        paths += names if below == "." else [f"{below}/{name}" for name in names]
    return paths


def _mend(folder: Path, draft: Draft) -> None:
    """Put right what differs from the draft, file by file, each in one step."""
    files = _files(draft.folder)
    damaged = []
    for path in files:
        old, new = folder / path, draft.folder / path
        try:
            # What was kept from this very version was read when it was.
            undamaged = old.samefile(new) or old.read_bytes() == new.read_bytes()
        except OSError:
            undamaged = False
        if not undamaged:
            damaged.append(path)
    make_durable(draft.folder, damaged)
    for path in damaged:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft.folder / path, folder / path)  # noqa: PTH105
        durable.sync((folder / path).parent)
    for path in set(_files(folder)).difference(files):
        if path.split("/")[0] not in FOLLOWS:
            (folder / path).unlink()


def switch(published: Path, folder: Path) -> None:
    """Readers see `folder` from now on."""
    os.utime(folder)  # the order in which versions were published last
    link = published / f"{_SWITCHING}{os.getpid()}"
    link.symlink_to(Path("versions") / folder.name)
    os.replace(link, published / "current")  # noqa: PTH105
    durable.sync(published)


def prune(published: Path, current: Path, keep: int) -> None:
    """Remove all but the `keep` versions published last, `current` among them."""
    versions = [path for path in all_of(published) if path != current]
    for version in versions[keep - 1 :]:
        _remove(version)
    names = {path.name for path in all_of(published)}
    for rows in (published / PRINTS).glob("*.parquet"):
        if _VERSION.fullmatch(rows.stem) and rows.stem not in names:
            rows.unlink()

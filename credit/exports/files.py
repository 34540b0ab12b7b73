"""The version in force as files on a mounted folder: copied aside, then switched to in one step.

    current.json             which version is in force there: name, path, manifest, sort keys; replaced by one rename
    current                  a link to the same, where the folder can hold links
    versions/<name>/         a whole version, exactly as it was published
    versions/.partial-*      being copied, or left by an interrupted export: the next one goes on from it
    sort_keys/<hash>.*       sort keys with the platform's advertisement marks, when a list was given

A file that the version in force there holds already is linked where the folder can hold hard links, once its bytes were
found to be what the manifest says, and copied where it cannot. Readers follow current.json, so that they see one whole
version whatever interrupts us.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from credit.disclosure import sort_key
from credit.disclosure.manifest import FEED
from credit.disclosure.versions import FOLLOWS, MANIFEST, FileEntry, entry_of
from credit.errors import UserError
from credit.exports import published
from credit.exports.published import PublishedVersion
from credit.files.formats import to_json
from credit.files.places import refuse_remote
from credit.settings import Settings

POINTER = "current.json"
_PARTIAL = ".partial-"
_UNFINISHED = ".unfinished"
_SORT_KEYS = "sort_keys"
_TIMESTAMP = "tuf/timestamp.json"
_CAUSES = {
    errno.ENOSPC: "no space is left",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "we may not write there",
    errno.EPERM: "we may not write there",
    errno.ENOENT: "it is not there (is the share mounted?)",
    errno.ESTALE: "the share was mounted anew; try again",
}


@dataclass
class FileExport:
    """What an export did, in files; `removed` in versions."""

    version: str
    copied: int = 0
    linked: int = 0
    there: int = 0
    removed: int = 0
    link: bool = True
    """Whether the folder has the link `current` beside current.json."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def export(
    version: PublishedVersion, settings: Settings, to: Path, keep: int = 3, advertised: Collection[str] | None = None
) -> FileExport:
    """Copy `version` to the folder `to`, switch to it, remove all but the last `keep` versions that were exported there.

    Raises UserError when the folder is within the home, cannot be written or is full, another export of this home is running, or a
    published file is damaged; what was in force there before then still is.
    """
    refuse_remote(to, "--to")
    if to.resolve().is_relative_to(settings.home.resolve()):
        raise UserError(
            f"--to {to} is within the home {settings.home}; give a folder outside of it, such as a mounted share"
        )
    copied = FileExport(version.name)
    with _alone(settings):
        try:
            pointer = _pointer(to)
            before = _before(to, pointer)
            folder = to / "versions" / version.name
            to.mkdir(exist_ok=True)  # not its parents: a share that is not mounted is no place to write to
            folder.parent.mkdir(exist_ok=True)
            _copy(version, folder, before, copied)
            keys = _sort_keys(version, to, advertised)
            # Those to be removed too, so that they still are if we are interrupted before it.
            earlier = (name for name in pointer.get("versions", []) if name != version.name)
            names = [version.name, *(name for name in earlier if (to / "versions" / name).is_dir())]
            _switch(to, version, names, keys)
            copied.link = _link(to, version.name)
            for name in names[keep:]:
                _remove(to / "versions" / name)
                copied.removed += 1
            _tidy(to, {*keys.values(), *pointer.get("sort_keys", {}).values()})
        except OSError as error:
            why = _CAUSES.get(error.errno or 0, error.strerror or str(error))
            transferred = copied.copied + copied.linked
            raise UserError(
                f"--to {to} cannot be written: {why}" + (f" ({error.filename})" if error.filename else "") + ". "
                f"{transferred:,} files were copied and need not be again; what was in force there before still is"
            ) from error
    return copied


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One export of a home at a time. The lock is on our own disk: shares seldom hold one."""
    with (settings.home / ".export.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError("another `export files` of this home is running; let it end, then try again") from None
        yield


def _pointer(to: Path) -> dict[str, Any]:
    """What current.json says; nothing where there is none. Raises UserError when it is not ours."""
    try:
        pointer = json.loads((to / POINTER).read_bytes())
        if pointer["format"] != "merchant-credit pointer":
            raise ValueError
        names = [pointer["version"], *pointer["versions"]]
        if any(not isinstance(name, str) or "/" in name or name.startswith(".") for name in names):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{to / POINTER} is not a pointer of ours; move it away, or give another folder") from None
    return dict(pointer)


def _before(to: Path, pointer: dict[str, Any]) -> PublishedVersion | None:
    """The version in force there, None where there is none or it cannot be read."""
    if not pointer:
        return None
    try:
        return published.version(to / "versions" / pointer["version"])
    except UserError:
        return None


def _copy(version: PublishedVersion, folder: Path, before: PublishedVersion | None, copied: FileExport) -> None:
    """All files of the version to `folder`, which is there only when it is whole."""
    paths = sorted(path for path in _files(version.folder) if path.split("/")[0] not in FOLLOWS)
    partial = folder.with_name(f"{_PARTIAL}{folder.name}")
    for remnant in folder.parent.glob(f"{_PARTIAL}*"):
        if remnant != partial or folder.is_dir():
            shutil.rmtree(remnant)
    if folder.is_dir():
        # The same name has the same content, but for what moves beside it.
        for path in paths:
            _put(version.read(path), folder / path, copied)
        _copy_moving(version, folder, copied)
        return
    begun = partial.is_dir()
    links = before is not None
    for path in paths:
        target = partial / path
        if begun and _holds(target, version.read(path)):
            copied.there += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        entry = version.entries.get(path)
        if (
            links
            and before is not None
            and entry is not None
            and before.entries.get(path) == entry
            and _is_as_listed(before.folder / path, entry)
        ):
            try:
                os.link(before.folder / path, target)
                copied.linked += 1
                continue
            except OSError:
                links = False  # the share has no hard links
        _write(target, version.read(path))
        copied.copied += 1
    _copy_moving(version, partial, copied)
    _sync(partial)
    partial.rename(folder)


def _copy_moving(version: PublishedVersion, folder: Path, copied: FileExport) -> None:
    """Feed and signatures, which may be written anew meanwhile: those of one signing. The timestamp, which names the rest,
    goes last; what is named no more is removed after it."""
    while True:
        state = signed, paths = _moving(version.folder)
        try:
            for path in sorted(paths - {_TIMESTAMP}, key=lambda path: (path == FEED, path)):
                _put(version.read(path), folder / path, copied)
        except UserError:  # gone
            if _moving(version.folder) == state:
                raise
            continue
        if _moving(version.folder) == state:
            break
    if signed is not None:
        _put(signed, folder / _TIMESTAMP, copied)
    for path in _moving(folder)[1] - paths:
        (folder / path).unlink()


def _moving(folder: Path) -> tuple[bytes | None, set[str]]:
    """(the timestamp, the paths of all files of `FOLLOWS`) of a version."""
    named = {name for name in FOLLOWS if (folder / name).is_file()}
    return _bytes(folder / _TIMESTAMP), named.union(*(_files(folder, name) for name in FOLLOWS))


def _files(folder: Path, within: str = "") -> list[str]:
    """The path of every file of a version, or of a folder within it."""
    return [
        (Path(inner) / name).relative_to(folder).as_posix()
        for inner, _, names in os.walk(folder / within)
        for name in names
    ]


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _put(content: bytes, target: Path, copied: FileExport) -> None:
    """Write it unless it is there."""
    if _holds(target, content):
        copied.there += 1
    else:
        _write(target, content)
        copied.copied += 1


def _sync(folder: Path) -> None:
    """All of the folder's file system on its disk, so that no late error of a share is missed. Raises OSError."""
    if sys.platform == "linux":
        handle = os.open(folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
        finally:
            os.close(handle)


def _holds(target: Path, content: bytes) -> bool:
    try:
        return target.stat().st_size == len(content) and target.read_bytes() == content
    except OSError:
        return False


def _is_as_listed(target: Path, entry: FileEntry) -> bool:
    try:
        return target.stat().st_size == entry.bytes and entry_of(target.read_bytes()) == entry
    except OSError:
        return False


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}{_UNFINISHED}")
    try:
        with aside.open("wb") as file:
            file.write(content)
        aside.replace(target)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise


def _sort_keys(version: PublishedVersion, to: Path, advertised: Collection[str] | None) -> dict[str, str]:
    """Paths of the sort keys, by format: those of the version, or made with the marks of the list."""
    paths = {ending: f"versions/{version.name}/bulk/sort_keys.{ending}" for ending in ("parquet", "csv")}
    if advertised is None and (version.folder / "bulk/sort_keys.parquet").exists():
        return paths
    for path, content in sort_key.files(version.grades(), version.ladders(), advertised):
        ending = path.rpartition(".")[2]
        paths[ending] = f"{_SORT_KEYS}/{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        if not (to / paths[ending]).exists():
            _write(to / paths[ending], content)
    return paths


def _switch(to: Path, version: PublishedVersion, names: list[str], keys: dict[str, str]) -> None:
    pointer = {
        "format": "merchant-credit pointer",
        "version": version.name,
        "path": f"versions/{version.name}",
        "manifest": MANIFEST if (version.folder / MANIFEST).exists() else "index.json",
        "manifest_sha256": version.manifest,
        "evaluated_on": version.evaluated_on,
        "development": version.development,
        "sort_keys": keys,
        "versions": names,
    }
    aside = to / f"{POINTER}{_UNFINISHED}"
    with aside.open("wb") as file:
        file.write(to_json(pointer, indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(to / POINTER)


def _link(to: Path, name: str) -> bool:
    """The link `current`, where the folder can hold one; something else of that name is left alone."""
    current, aside = to / "current", to / f".current{_UNFINISHED}"
    if os.path.lexists(current) and not current.is_symlink():
        return False
    try:
        aside.unlink(missing_ok=True)
        aside.symlink_to(Path("versions") / name)
        aside.replace(current)
    except OSError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Out of sight in one step, so that a removal that is interrupted leaves no half version."""
    hidden = folder.with_name(f"{_PARTIAL}{folder.name}")
    folder.rename(hidden)
    shutil.rmtree(hidden)


def _tidy(to: Path, named: Collection[str]) -> None:
    """Remove sort keys that neither this pointer nor the one before names."""
    for file in (to / _SORT_KEYS).glob("*"):
        if f"{_SORT_KEYS}/{file.name}" not in named:
            file.unlink()

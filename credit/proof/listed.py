"""Files compared with what lists them: length, hash, and that nothing is missing or too many."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from tuf.ngclient import UpdaterConfig

from credit.errors import UserError
from credit.proof.reading import FILE_NAME, Absent, Folder, Inodes, Problem, Source, TooLong, plain

MAX_MANIFEST = 64 << 20
"""Bytes of manifest.json or feed.json that are read at most, whatever is signed."""
_HEX = "0123456789abcdef"


class Part(NamedTuple):
    """What was found of the merchants of one folder: problems, and the files and bytes read and compared."""

    problems: list[Problem]
    files: int
    bytes: int


# --- reading a version -------------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """Length and SHA-256 of a file; `files`: of a part of the manifest, how many it is said to list."""

    bytes: int
    sha256: str
    files: Any = None


Files = dict[str, Listed]


class Comparison:
    """Compares files with what lists them, and notes what is wrong. `night` is what they should be of, once it is known."""

    def __init__(self, source: Source, night: str | None = None) -> None:
        self.source, self.night = source, night
        self.problems: list[Problem] = []
        self.files = self.bytes = 0

    def _bad(self, file: str, what: str, message: str) -> None:
        self.problems.append(Problem(plain(file), what, plain(message)))

    def _counted(self, size: int) -> None:
        self.files += 1
        self.bytes += size

    def _quiet(self, path: str) -> bytes:
        try:
            return self.source.read(path, UpdaterConfig().targets_max_length)
        except (Absent, TooLong, UserError):
            return b""

    def _content(self, path: str, listed: Listed, most: int | None = None) -> bytes | None:
        """A file's bytes if they are the listed ones, at most `most` or MAX_MANIFEST; otherwise None and a problem."""
        most = most or MAX_MANIFEST
        if listed.bytes > most:
            self._bad(path, "length", f"has {listed.bytes} bytes; more than {most} are not read into memory")
            return None
        try:
            raw = self.source.read(path, listed.bytes)
        except Absent:
            self._bad(path, "missing", "is missing")
            return None
        except TooLong:
            self._bad(path, "length", f"is longer than the {listed.bytes} bytes that were signed")
            return None
        if self._differs(path, listed, len(raw), hashlib.sha256(raw).hexdigest(), raw):
            return None
        self._counted(len(raw))
        return raw

    def _differs(self, path: str, listed: Listed, size: int, sha256: str, raw: bytes | None = None) -> bool:
        if size != listed.bytes:
            self._bad(path, "length", f"has {size} bytes, {listed.bytes} were signed{self._night_of(path, raw)}")
        elif sha256 != listed.sha256:
            self._bad(
                path, "hash", f"was changed: its SHA-256 is not the one that was signed{self._night_of(path, raw)}"
            )
        else:
            return False
        return True

    def _night_of(self, path: str, raw: bytes | None) -> str:
        """Said of a file that differs: the other night it is of, where it says so itself."""
        if not path.endswith(".json"):
            return ""
        try:
            day = json.loads(raw if raw is not None else self._quiet(path))["evaluated_on"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        ours = self.night
        return (
            f" (it says it is of {day}; the manifest is of {ours}: files of two nights are mixed)"
            if ours and day != ours
            else ""
        )

    def _take(self, listed: Files, of: str, entries: dict[Any, Any], allowed: re.Pattern[str]) -> None:
        """Add entries whose path stays in the version, in the place that this list speaks for."""
        for path, entry in entries.items():
            if not isinstance(path, str) or not allowed.fullmatch(path):
                self._bad(of, "form", f"lists {path!r}, which is no path that it may list")
                continue
            size, sha256 = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
            if type(size) is not int or size < 0 or type(sha256) is not str or len(sha256) != 64 or sha256.strip(_HEX):
                self._bad(of, "form", f"lists {path!r} without a length and SHA-256")
                continue
            listed[path] = Listed(size, sha256, entry.get("files"))

    def _part(self, path: str, entry: Listed) -> Files:
        """What a part of the manifest lists; nothing, and a problem, where it is not the part that was signed for."""
        listed: Files = {}
        raw = self._content(path, entry)
        if raw is None:
            return listed
        try:
            inner = orjson.loads(raw)
        except ValueError:
            inner = None
        if not isinstance(inner, dict):
            self._bad(path, "form", "is no JSON object")
            return listed
        if type(entry.files) is not int or entry.files != len(inner):
            self._bad("manifest.json", "form", f"says that {path} lists {entry.files!r} files; it lists {len(inner)}")
        self._take(listed, path, inner, re.compile(f"merchants/{path[9:11]}/{FILE_NAME}"))
        return listed

    def _compare(self, found: Inodes, listed: Files, verified: tuple[Inodes, Mapping[str, Any]], whole: bool) -> None:
        """The files found against those listed. Where the list is not `whole` none is called unlisted."""
        if whole:
            for path in found.keys() - listed.keys():
                self._bad(path, "not_listed", "is not listed in the manifest or the feed")
        old, lists = verified
        read = []
        for path, entry in listed.items():
            inode = found.get(path)
            if inode is None:
                if not any(problem.file == path for problem in self.problems):
                    self._bad(path, "missing", "is missing")
            elif old.get(path) == inode and lists.get(path) == {"bytes": entry.bytes, "sha256": entry.sha256}:
                self._counted(entry.bytes)
            else:
                read.append(path)
        self._hash(read, listed, 1)

    def _hash(self, paths: list[str], listed: Files, threads: int) -> None:
        size = max(1, min(500, len(paths) // threads + 1))
        pieces = [paths[start : start + size] for start in range(0, len(paths), size)]
        if threads == 1:
            for piece in pieces:
                self._judge(piece, self._digests(piece, listed), listed)
            return
        with ThreadPoolExecutor(threads) as pool:
            for piece, results in zip(
                pieces, pool.map(lambda piece: self._digests(piece, listed), pieces), strict=True
            ):
                self._judge(piece, results, listed)

    def _judge(self, paths: list[str], results: list[tuple[int, str] | None], listed: Files) -> None:
        for path, found in zip(paths, results, strict=True):
            if found is None:
                self._bad(path, "missing", "is missing or cannot be read")
            elif found[0] < 0:
                said = f"is longer than the {listed[path].bytes} bytes that were signed{self._night_of(path, None)}"
                self._bad(path, "length", said)
            elif not self._differs(path, listed[path], *found):
                self._counted(found[0])

    def _digests(self, paths: list[str], listed: Files) -> list[tuple[int, str] | None]:
        results: list[tuple[int, str] | None] = []
        for path in paths:
            try:
                results.append(self.source.digest(path, listed[path].bytes))
            except (Absent, OSError):
                results.append(None)
            except TooLong:
                results.append((-1, ""))
        return results


def merchants_of(
    folder: Path, part: str, entry: Listed | None, night: str | None, same_as: Path | None, whole: bool
) -> Part:
    """Verify a part of the manifest and the files of the merchants it speaks of. `entry`: what is said of it, None where
    nothing lists it."""
    files = Comparison(Folder(folder), night)
    inner = f"merchants/{part[9:11]}/"
    found, odd, _ = Folder(folder).scan(inner)
    listed = files._part(part, entry) if entry else {}
    whole = whole and not any(problem.file == part for problem in files.problems)
    files.problems += odd
    files._compare(found, listed, already_verified(same_as, folder, inner, part) if same_as else ({}, {}), whole)
    return Part(files.problems, files.files, files.bytes)


def already_verified(
    version: Path, folder: Path, inner: str = "", part: str | None = None
) -> tuple[Inodes, Mapping[str, Any]]:
    """(inode of each file in a folder of a version, what its manifest, or a part of it, says of them); nothing where they
    cannot be links of each other."""
    version = version.resolve()
    try:
        if version.stat().st_dev != folder.stat().st_dev:
            return {}, {}
        listed = orjson.loads((version / (part or "manifest.json")).read_bytes())
        return Folder(version).scan(inner)[0], listed if part else listed["files"]
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return {}, {}

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


class PartCheck(NamedTuple):
    """The check of a part of the manifest and the files it lists: problems, and the files and bytes read and compared."""

    problems: list[Problem]
    files: int
    bytes: int


# --- reading a version -------------------------------------------------------------------------------------------


class ListedFile(NamedTuple):
    """Length and SHA-256 of a file; `files`: of a part of the manifest, how many it is said to list."""

    bytes: int
    sha256: str
    files: Any = None

    def as_listed(self) -> dict[str, Any]:
        """The entry of a manifest that lists the file."""
        return {"bytes": self.bytes, "sha256": self.sha256}


Files = dict[str, ListedFile]


class Comparison:
    """Compares files with what lists them, and notes what is wrong. `night` is what they should be of, once it is known."""

    def __init__(self, source: Source, night: str | None = None) -> None:
        self.source, self.night = source, night
        self.problems: list[Problem] = []
        self.files = self.bytes = 0

    def note(self, file: str, kind: str, message: str) -> None:
        self.problems.append(Problem(plain(file), kind, plain(message)))

    def count(self, size: int) -> None:
        self.files += 1
        self.bytes += size

    def peek(self, path: str) -> bytes:
        try:
            return self.source.read(path, UpdaterConfig().targets_max_length)
        except (Absent, TooLong, UserError):
            return b""

    def content(self, path: str, listed: ListedFile, most: int | None = None) -> bytes | None:
        """A file's bytes if they are the listed ones, at most `most` or MAX_MANIFEST; otherwise None and a problem."""
        most = most or MAX_MANIFEST
        if listed.bytes > most:
            self.note(path, "length", f"has {listed.bytes} bytes; more than {most} are not read into memory")
            return None
        try:
            raw = self.source.read(path, listed.bytes)
        except Absent:
            self.note(path, "missing", "is missing")
            return None
        except TooLong:
            self.note(path, "length", f"is longer than the {listed.bytes} bytes that were signed")
            return None
        if self._differs(path, listed, len(raw), hashlib.sha256(raw).hexdigest(), raw):
            return None
        self.count(len(raw))
        return raw

    def _differs(self, path: str, listed: ListedFile, size: int, sha256: str, raw: bytes | None = None) -> bool:
        if size != listed.bytes:
            self.note(path, "length", f"has {size} bytes, {listed.bytes} were signed{self._night_of(path, raw)}")
        elif sha256 != listed.sha256:
            self.note(
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
            day = json.loads(raw if raw is not None else self.peek(path))["evaluated_on"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        night = self.night
        return (
            f" (it says it is of {day}; the manifest is of {night}: files of two nights are mixed)"
            if night and day != night
            else ""
        )

    def add(self, listed: Files, list_path: str, entries: dict[Any, Any], allowed: re.Pattern[str]) -> None:
        """Add entries whose path stays in the version, in the place that this list speaks for."""
        for path, entry in entries.items():
            if not isinstance(path, str) or not allowed.fullmatch(path):
                self.note(list_path, "form", f"lists {path!r}, which is no path that it may list")
                continue
            size, sha256 = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
            if type(size) is not int or size < 0 or type(sha256) is not str or len(sha256) != 64 or sha256.strip(_HEX):
                self.note(list_path, "form", f"lists {path!r} without a length and SHA-256")
                continue
            listed[path] = ListedFile(size, sha256, entry.get("files"))

    def part(self, path: str, entry: ListedFile) -> Files:
        """What a part of the manifest lists; nothing, and a problem, where it is not the part that was signed for."""
        listed: Files = {}
        raw = self.content(path, entry)
        if raw is None:
            return listed
        try:
            inner = orjson.loads(raw)
        except ValueError:
            inner = None
        if not isinstance(inner, dict):
            self.note(path, "form", "is no JSON object")
            return listed
        if type(entry.files) is not int or entry.files != len(inner):
            self.note("manifest.json", "form", f"says that {path} lists {entry.files!r} files; it lists {len(inner)}")
        self.add(listed, path, inner, re.compile(f"merchants/{path[9:11]}/{FILE_NAME}"))
        return listed

    def compare(
        self, inodes: Inodes, listed: Files, verified: tuple[Inodes, Mapping[str, Any]], complete: bool
    ) -> None:
        """The files found against those listed. Where the list is not `whole` none is called unlisted."""
        if complete:
            for path in inodes.keys() - listed.keys():
                self.note(path, "not_listed", "is not listed in the manifest or the feed")
        verified_inodes, verified_entries = verified
        read = []
        for path, entry in listed.items():
            inode = inodes.get(path)
            if inode is None:
                if not any(problem.file == path for problem in self.problems):
                    self.note(path, "missing", "is missing")
            elif verified_inodes.get(path) == inode and verified_entries.get(path) == entry.as_listed():
                self.count(entry.bytes)
            else:
                read.append(path)
        self.hash_files(read, listed, 1)

    def hash_files(self, paths: list[str], listed: Files, threads: int) -> None:
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
        for path, digest in zip(paths, results, strict=True):
            if digest is None:
                self.note(path, "missing", "is missing or cannot be read")
            elif digest[0] < 0:
                message = f"is longer than the {listed[path].bytes} bytes that were signed{self._night_of(path, None)}"
                self.note(path, "length", message)
            elif not self._differs(path, listed[path], *digest):
                self.count(digest[0])

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


def verify_part(
    folder: Path, part: str, entry: ListedFile | None, night: str | None, same_as: Path | None, complete: bool
) -> PartCheck:
    """Verify a part of the manifest and the files of the merchants it speaks of. `entry`: what is said of it, None where
    nothing lists it."""
    files = Comparison(Folder(folder), night)
    inner = f"merchants/{part[9:11]}/"
    inodes, odd, _ = Folder(folder).scan(inner)
    listed = files.part(part, entry) if entry else {}
    complete = complete and not any(problem.file == part for problem in files.problems)
    files.problems += odd
    files.compare(inodes, listed, already_verified(same_as, folder, inner, part) if same_as else ({}, {}), complete)
    return PartCheck(files.problems, files.files, files.bytes)


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

"""Verification: what a reader of published files does, with nothing but the root of trust.

    valid            signed by the platform, in time, whole; for a folder every file, and no file more
    invalid          a file is changed, missing, not listed, not signed by a key that is trusted; each is named
    stale            all is as signed, but the signature has ended: the feed has stopped, or is being held back
    older_than_seen  signed metadata older than what this reader has seen before: an old version served as new

What was seen is kept in a state folder, by SHA-256 of the root of trust. A folder is read without a network.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import orjson
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from credit import __version__
from credit.errors import InputError, UserError
from credit.proof import grade
from credit.proof.keys import is_development, marks, nightly_ids, parse_root
from credit.proof.signing import NUMBERED, TARGETS

Name = Literal["valid", "invalid", "stale", "older_than_seen"]
EXIT_CODES: dict[Name, int] = {"valid": 0, "invalid": 6, "stale": 7, "older_than_seen": 8}

MAX_MANIFEST = 64 << 20
"""Bytes of manifest.json or feed.json that are read at most, whatever is signed."""
MAX_TABLE = 1 << 30
"""Bytes of the table of all grades that are read at most for one merchant's."""
MAX_NAMED = 100
"""Problems that are named; the others are counted."""
MAX_SAID = 1_000
"""Characters of a name or message."""
THREADS = 2
CONNECTIONS = 8
TRIES = 3
"""A version may be switched or signed anew while it is read."""

_NAME = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f:]+"
_APART = r"(?!(?:merchants|feed|tuf|manifest)(?:/|$)|(?:manifest|feed)\.json$)"
_FILE = re.compile(f"{_APART}{_NAME}(?:/{_NAME})*")
_PART = re.compile(r"manifest/([0-9a-f]{2})\.json")
_MERCHANTS = re.compile(r"merchants/([0-9a-f]{2})/")
_FEED = re.compile(r"feed/[0-9]{1,18}\.json")
_HEX = "0123456789abcdef"
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 1 << 20

logging.getLogger("tuf").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Problem:
    """What is wrong with which file: signature, hash, length, missing, not_listed, not_a_file, form, grade."""

    file: str
    what: str
    message: str


@dataclass
class Verdict:
    """What a reader may believe. `files` and `bytes` are those that were read and compared."""

    verdict: Name
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    message: str = ""
    evaluated_on: str | None = None
    cut_off: str | None = None
    development: bool = False
    root: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    merchant: dict[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: value for name, value in vars(self).items() if name != "problems"},
            "problems": [vars(problem) for problem in self.problems],
        }


def fingerprint(root: bytes) -> str:
    """SHA-256 of a root of trust."""
    return hashlib.sha256(root).hexdigest()


def default_state() -> Path:
    """The user's folder for what was seen."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "merchant-credit"


def verify_folder(
    folder: Path,
    root: bytes,
    state: Path | None,
    now: datetime | None = None,
    *,
    merchant: str | None = None,
    same_as: Path | None = None,
    share: Share | None = None,
) -> Verdict:
    """Verify every file of a version's folder (or of a link to one), and that there is none besides.

    `root` is the root of trust; `state` the folder that remembers what was seen, None for no memory. With `merchant`
    that merchant's grade is recomputed. Files that are hard links to those of `same_as`, a version already verified, are
    not read again when the manifest lists them with the length and SHA-256 of that version's manifest. `share` does a
    piece of work for each of the given, as `map` does; without it two threads do.

    Raises UserError when the root is no root metadata or there is no such folder or merchant.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected a published version, or published/current")
    return _verify(_Folder(folder), root, state, now, True, merchant, same_as, share or _threads)


def verify_url(
    url: str,
    root: bytes,
    state: Path | None,
    now: datetime | None = None,
    *,
    merchant: str | None = None,
    everything: bool = False,
) -> Verdict:
    """Verify what a server gives out below `url`: metadata, manifest and feed; with `merchant` that one's files, too;
    with `everything` all that is listed. A file that is not listed cannot be seen over the network.

    Raises InputError when the server cannot be reached, otherwise as `verify_folder`.
    """
    return _verify(_Server(url), root, state, now, everything, merchant, None, _threads)


def _verify(
    source: _Source,
    root: bytes,
    state: Path | None,
    now: datetime | None,
    everything: bool,
    merchant: str | None,
    same_as: Path | None,
    share: Share,
) -> Verdict:
    for _ in range(TRIES):
        reader = _Reader(source, root, state, now)
        verdict = reader.verify(everything=everything, merchant=merchant, same_as=same_as, share=share)
        if verdict.verdict != "invalid" or not reader.has_moved_on():
            break
    return verdict


class Part(NamedTuple):
    """What was found of the merchants of one folder: problems, and the files and bytes read and compared."""

    problems: list[Problem]
    files: int
    bytes: int


Share = Callable[[Callable[..., Part], list[tuple[Any, ...]]], Iterable[Part]]


def _threads(work: Callable[..., Part], given: list[tuple[Any, ...]]) -> Iterable[Part]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda one: work(*one), given))


# --- where files come from ---------------------------------------------------------------------------------------


Inodes = dict[str, int]
"""Path within a version -> inode."""


class _Absent(Exception):
    """There is no such file."""


class _TooLong(Exception):
    """It goes on after the length it may have."""


class _Source(FetcherInterface):
    """Files by path within a version; for TUF a fetcher of paths. `last` is the file asked for last."""

    base = "version:/"
    last = ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.removeprefix(self.base)
        try:
            return self.open(self.last)
        except _Absent:
            raise exceptions.DownloadHTTPError("not there", 404) from None

    def open(self, path: str) -> Iterator[bytes]:
        """The content in pieces. Raises _Absent."""
        raise NotImplementedError

    def read(self, path: str, limit: int) -> bytes:
        """Raises _Absent, _TooLong past `limit` bytes."""
        pieces, size = [], 0
        for piece in self.open(path):
            size += len(piece)
            if size > limit:
                raise _TooLong
            pieces.append(piece)
        return b"".join(pieces)

    def digest(self, path: str, limit: int) -> tuple[int, str]:
        """(length, SHA-256) of at most `limit` + 1 bytes. Raises _Absent, _TooLong."""
        size, found = 0, hashlib.sha256()
        for piece in self.open(path):
            size += len(piece)
            if size > limit:
                raise _TooLong
            found.update(piece)
        return size, found.hexdigest()


class _Folder(_Source):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._name = str(folder)

    def open(self, path: str) -> Iterator[bytes]:
        try:
            handle = os.open(f"{self._name}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            raise _Absent from None
        return self._pieces(handle)

    @staticmethod
    def _pieces(handle: int) -> Iterator[bytes]:
        try:
            while piece := os.read(handle, _CHUNK):
                yield piece
        finally:
            os.close(handle)

    def scan(self, first: str = "") -> tuple[Inodes, list[Problem], set[str]]:
        """Of what is in the folder `first` and below: every file by its path, what is neither file nor folder, and the
        folders of merchants, which are not gone into unless one is the first."""
        files: Inodes = {}
        odd = []
        apart: set[str] = set()
        waiting = [first]
        while waiting:
            inner = waiting.pop()
            try:
                entries = list(os.scandir(f"{self._name}/{inner}"))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(
                    f"{self._name}/{inner} cannot be read: {error.strerror}; nothing was verified"
                ) from None
            for entry in entries:
                path = inner + entry.name
                if entry.is_dir(follow_symlinks=False):
                    (apart.add if _MERCHANTS.fullmatch(f"{path}/") else waiting.append)(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    files[path] = entry.inode()
                else:
                    kind = "a symbolic link" if entry.is_symlink() else "not a file"
                    odd.append(Problem(plain(path), "not_a_file", f"{kind}; a version holds files alone"))
        return files, odd, apart


class _Server(_Source):
    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else f"{url}/"
        self._http = Urllib3Fetcher(app_user_agent=f"merchant-credit/{__version__}")

    def open(self, path: str) -> Iterator[bytes]:
        # Names of files are percent-encoded ids: the % itself is encoded again in a URL.
        url = self.url + quote(path)
        try:
            return self._pieces(self._http.fetch(url), url)
        except exceptions.DownloadHTTPError as error:
            if error.status_code in (403, 404, 410):
                raise _Absent from None
            raise InputError(
                f"{url} cannot be read: the server answers {error.status_code}; nothing was verified"
            ) from None
        except exceptions.DownloadError as error:
            raise InputError(f"{url} cannot be read: {_reason(error)}; nothing was verified") from None

    @staticmethod
    def _pieces(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
        try:
            yield from pieces
        except Exception as error:
            raise InputError(f"{url} cannot be read to its end: {_reason(error)}; nothing was verified") from None


def _reason(error: BaseException) -> str:
    if isinstance(error, exceptions.SlowRetrievalError):
        return "the server is too slow"
    cause = error.__cause__ or error
    return str(getattr(cause, "reason", None) or cause or type(cause).__name__)


# --- reading a version -------------------------------------------------------------------------------------------


class _Listed(NamedTuple):
    """Length and SHA-256 of a file; `files`: of a part of the manifest, how many it is said to list."""

    bytes: int
    sha256: str
    files: Any = None


Files = dict[str, _Listed]


class _Files:
    """Compares files with what lists them, and notes what is wrong. `night` is what they should be of, once it is known."""

    def __init__(self, source: _Source, night: str | None = None) -> None:
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
        except (_Absent, _TooLong, UserError):
            return b""

    def _content(self, path: str, listed: _Listed, most: int | None = None) -> bytes | None:
        """A file's bytes if they are the listed ones, at most `most` or MAX_MANIFEST; otherwise None and a problem."""
        most = most or MAX_MANIFEST
        if listed.bytes > most:
            self._bad(path, "length", f"has {listed.bytes} bytes; more than {most} are not read into memory")
            return None
        try:
            raw = self.source.read(path, listed.bytes)
        except _Absent:
            self._bad(path, "missing", "is missing")
            return None
        except _TooLong:
            self._bad(path, "length", f"is longer than the {listed.bytes} bytes that were signed")
            return None
        if self._differs(path, listed, len(raw), hashlib.sha256(raw).hexdigest(), raw):
            return None
        self._counted(len(raw))
        return raw

    def _differs(self, path: str, listed: _Listed, size: int, sha256: str, raw: bytes | None = None) -> bool:
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
            listed[path] = _Listed(size, sha256, entry.get("files"))

    def _part(self, path: str, entry: _Listed) -> Files:
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
        self._take(listed, path, inner, re.compile(f"merchants/{path[9:11]}/{_NAME}"))
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
            except (_Absent, OSError):
                results.append(None)
            except _TooLong:
                results.append((-1, ""))
        return results


def _merchants_of(
    folder: Path, part: str, entry: _Listed | None, night: str | None, same_as: Path | None, whole: bool
) -> Part:
    """Verify a part of the manifest and the files of the merchants it speaks of. `entry`: what is said of it, None where
    nothing lists it."""
    files = _Files(_Folder(folder), night)
    inner = f"merchants/{part[9:11]}/"
    found, odd, _ = _Folder(folder).scan(inner)
    listed = files._part(part, entry) if entry else {}
    whole = whole and not any(problem.file == part for problem in files.problems)
    files.problems += odd
    files._compare(found, listed, _already_verified(same_as, folder, inner, part) if same_as else ({}, {}), whole)
    return Part(files.problems, files.files, files.bytes)


class _Reader(_Files):
    """One verification: signed metadata, then the manifest and the feed, then the files that they list."""

    def __init__(self, source: _Source, root: bytes, state: Path | None, now: datetime | None) -> None:
        super().__init__(source)
        self.trust, self.state = root, state
        self.now = (now or datetime.now(UTC)).astimezone(UTC)
        self.verdict = Verdict("valid")
        self.stale = False
        self.began = b""
        try:
            self.first = parse_root(root).signed
        except (exceptions.RepositoryError, ValueError) as error:
            raise UserError(
                f"the root of trust is no TUF root metadata ({error}); expected the platform's root.json"
            ) from None

    def verify(self, *, everything: bool, merchant: str | None, same_as: Path | None, share: Share) -> Verdict:
        folder = self.source if isinstance(self.source, _Folder) else None
        found: Inodes = {}
        apart: set[str] = set()
        self.began = self._quiet("tuf/timestamp.json")
        if folder:
            found, odd, apart = folder.scan()
            self.problems += odd
            if any(problem.file.partition("/")[0] in ("tuf", *TARGETS) for problem in odd):
                return self._close()
        with self._memory() as seen:
            trusted = self._metadata(seen)
        if trusted is None:
            return self._close()
        if folder:
            self._tuf_folder(folder, found, trusted)
        signed = self._targets(trusted)
        if signed is None:
            return self._close()
        listed = self._listed(*signed)
        parts = [path for path in sorted(listed) if _PART.fullmatch(path)]
        if folder:
            self._whole_folder(folder.folder, found, apart, listed, same_as, share)
        elif everything:
            for path in parts:
                listed |= self._part(path, listed[path])
            self._hash([path for path in listed if not _PART.fullmatch(path)], listed, CONNECTIONS)
        if merchant is not None:
            counted = self.files, self.bytes
            path = f"manifest/{hashlib.sha256(merchant.encode()).hexdigest()[:2]}.json"
            if path in listed and (folder or not everything):
                listed |= self._part(path, listed[path])
            if not any(p.file in TARGETS or _PART.fullmatch(p.file) for p in self.problems):
                self._merchant(merchant, listed)
            if everything:  # read before
                self.files, self.bytes = counted
        return self._close()

    def _whole_folder(
        self, folder: Path, found: Inodes, apart: set[str], listed: Files, same_as: Path | None, share: Share
    ) -> None:
        """Every file there is against every file that is listed, those of merchants by the part that lists them."""
        whole = not any(problem.file in TARGETS for problem in self.problems)
        parts = {path: entry for path, entry in listed.items() if _PART.fullmatch(path)}
        self._compare(
            {p: inode for p, inode in found.items() if not (p in TARGETS or p in parts or p.startswith("tuf/"))},
            {path: entry for path, entry in listed.items() if path not in parts},
            _already_verified(same_as, folder) if same_as else ({}, {}),
            whole,
        )
        wanted = sorted(parts.keys() | {f"manifest/{inner[10:12]}.json" for inner in apart})
        of = [(folder, part, parts.get(part), self.night, same_as, whole) for part in wanted]
        for part in share(_merchants_of, of):
            self.problems += part.problems
            self.files += part.files
            self.bytes += part.bytes

    def has_moved_on(self) -> bool:
        """Whether another timestamp is given out now than when reading began."""
        return self._quiet("tuf/timestamp.json") != self.began

    def _close(self) -> Verdict:
        verdict = self.verdict
        verdict.files, verdict.bytes, verdict.evaluated_on = self.files, self.bytes, self.night
        if self.problems and verdict.verdict != "older_than_seen":
            verdict.verdict = "invalid"
            found = sorted({(problem.file, problem.what): problem for problem in self.problems}.values(), key=_by_file)
            verdict.problem_count = len(found)
            verdict.problems = found[:MAX_NAMED]
            verdict.message = f"{found[0].file}: {found[0].message}"
        elif self.stale and verdict.verdict == "valid":
            verdict.verdict = "stale"
            verdict.message = (
                f"the signature ended on {verdict.metadata['expires']} and nothing newer has come: the feed has stopped or is "
                "held back"
            )
        return verdict

    # --- signed metadata

    @contextmanager
    def _memory(self) -> Iterator[Path]:
        """The folder of what was seen, locked; a folder of the moment without memory."""
        if self.state is None:
            with tempfile.TemporaryDirectory(prefix="merchant-credit-") as made:
                yield Path(made)
            return
        folder = self.state / fingerprint(self.trust)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / ".lock").open("w")
        except OSError as error:
            raise UserError(
                f"--state {self.state} cannot be written: {error.strerror}; give a folder that can"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder

    def _metadata(self, seen: Path) -> _Trusted | None:
        """What TUF trusts after its client workflow. None where a problem or verdict was noted."""
        before = {name: _version_in(seen / f"{name}.json") for name in ("timestamp", "snapshot")}
        trusted = self._refresh(seen, self.now, before)
        if trusted is None and self.stale:
            # Ended, but is it as it was signed? Whoever keeps old versions wants to know.
            trusted = self._refresh(seen, _ANY_TIME, before)
        if trusted is None:
            return None
        self.verdict.metadata = {
            "version": trusted.timestamp.version,
            "expires": min(
                s.expires for s in (trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets)
            ).isoformat(),
        }
        self._about_root(trusted.root)
        return trusted

    def _about_root(self, root: Root) -> None:
        self.verdict.development = is_development(root)
        self.verdict.root = {
            "fingerprint": fingerprint(self.trust),
            "version": root.version,
            "expires": root.expires.isoformat(),
        }

    def _refresh(self, seen: Path, at: datetime, before: Mapping[str, int]) -> _Trusted | None:
        # `manifest.json` keeps its name in a version; the metadata does have numbered names.
        config = UpdaterConfig(prefix_targets_with_hash=False)
        updater = Updater(
            str(seen), f"{self.source.base}tuf/", fetcher=self.source, config=config, bootstrap=self.trust
        )
        # TUF has no parameter for the time that counts as now.
        known = updater._trusted_set
        known.reference_time = at
        try:
            updater.refresh()
            return _Trusted(known.root, known.timestamp, known.snapshot, known.targets)
        except exceptions.ExpiredMetadataError:
            self.stale = True
        except exceptions.BadVersionNumberError as error:
            name = self.source.last.removeprefix("tuf/")
            if name == "timestamp.json" or (name.endswith(".snapshot.json") and before["snapshot"]):
                self.verdict.verdict = "older_than_seen"
                number = _version_of(self._quiet(self.source.last))
                self.verdict.metadata = {"version": number, "seen": before["timestamp"]}
                self.verdict.message = (
                    f"{self.source.last} has number {number}, but number {before['timestamp']} was seen before: "
                    "an old version is served as new"
                )
            else:
                self._bad(self.source.last, "signature", f"its number is not the one that was signed for ({error})")
        except exceptions.UnsignedMetadataError:
            self._bad(self.source.last, "signature", self._whose(self.source.last, known.root))
        except exceptions.LengthOrHashMismatchError:
            self._bad(
                self.source.last,
                "hash",
                "is not the file that the metadata before it names" + self._other_night(self.source.last),
            )
        except exceptions.DownloadHTTPError:
            self._bad(self.source.last, "missing", "is missing" + self._other_night(self.source.last))
        except exceptions.DownloadLengthMismatchError:
            self._bad(self.source.last, "length", "is longer than it may be")
        except (exceptions.DownloadError, OSError) as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from None
            raise InputError(f"{self.source.last} cannot be read: {_reason(error)}; nothing was verified") from None
        except (exceptions.RepositoryError, ValueError, TypeError, KeyError, RecursionError) as error:
            self._bad(self.source.last, "form", f"is damaged: it is no signed TUF metadata ({error})")
        return None

    def _whose(self, path: str, root: Root) -> str:
        """Why a signature is not good: revoked, replaced, or simply wrong."""
        try:
            ids = set(Metadata[Any].from_bytes(self._quiet(path)).signatures)
        except (exceptions.RepositoryError, ValueError):
            ids = set()
        for entry in marks(root).get("revoked", []):
            if isinstance(entry, dict) and entry.get("keyid") in ids:
                return f"is signed by a key that was revoked on {entry.get('on')}: {entry.get('reason')}"
        if ids and not ids & nightly_ids(root) and not path.endswith(".root.json"):
            return f"is signed by a key that root metadata {root.version} does not trust (replaced, revoked, or never the platform's)"
        return "its signature is wrong: it was changed after it was signed"

    def _other_night(self, path: str) -> str:
        """Said of metadata that does not fit: whether the folder holds good metadata of another night instead."""
        found = NUMBERED.fullmatch(path.removeprefix("tuf/"))
        if found is None or found[2] == "root":
            return ""
        number = _version_of(self._quiet(path))
        if number and number != int(found[1]):
            return f": it has number {number}, so files of two nights are mixed"
        if isinstance(self.source, _Folder) and number == 0:
            others = [p.name for p in self.source.folder.glob(f"tuf/*.{found[2]}.json") if p.name != found[0]]
            return f", there is {min(others)} instead: files of two nights are mixed" if others else ""
        return ""

    def _tuf_folder(self, folder: _Folder, found: Inodes, trusted: _Trusted) -> None:
        """Every file in tuf/ byte for byte as signed. TUF itself reads only those it needs, and not their spacing."""
        names = sorted(path.removeprefix("tuf/") for path in found if path.startswith("tuf/"))
        roots = sorted(int(m[1]) for name in names if (m := NUMBERED.fullmatch(name)) and m[2] == "root")
        chain: list[Root] = []
        for n in range(1, max([self.first.version, *(n for n in roots if n <= trusted.root.version)]) + 1):
            path = f"tuf/{n}.root.json"
            raw = self._quiet(path)
            if not raw:
                self._bad(path, "missing", "is missing: readers with an older root of trust need it")
                return
            try:
                root = parse_root(raw)
                for signer in (*chain[-1:], root.signed):
                    signer.verify_delegate(Root.type, root.signed_bytes, root.signatures)
                if n != root.signed.version:
                    raise ValueError(f"it has number {root.signed.version}")
            except (exceptions.RepositoryError, ValueError, KeyError, TypeError) as error:
                self._bad(path, "signature", f"is not root metadata of this chain ({error})")
                return
            if n == self.first.version and raw != self.trust:
                self._bad(path, "signature", "is not the root of trust that was given")
            chain.append(root.signed)
        for n in roots:
            if n > trusted.root.version:
                self._bad(f"tuf/{n}.root.json", "not_listed", "does not continue the root metadata before it")
        keys = {keyid: key for root in chain for keyid, key in root.keys.items()}
        for name in names:
            path = f"tuf/{name}"
            numbered = NUMBERED.fullmatch(name)
            if name != "timestamp.json" and not numbered:
                self._bad(path, "not_listed", "is not listed: nothing signed names it")
                continue
            raw = self._quiet(path)
            try:
                metadata: Metadata[Any] = Metadata.from_bytes(raw)
                whole = metadata.to_bytes() == raw and any(keyid in keys for keyid in metadata.signatures)
                if metadata.signed.type != Root.type:
                    whole = whole and marks(metadata.signed).get("signed_by") == sorted(metadata.signatures)
                for keyid, signature in metadata.signatures.items():
                    # A version may be signed for a root metadata that is about to be put beside it.
                    if keyid in keys:
                        keys[keyid].verify_signature(signature, metadata.signed_bytes)
                    whole = whole and re.fullmatch("[0-9a-f]+", signature.signature) is not None
                if numbered:
                    whole = whole and (str(metadata.signed.version), metadata.signed.type) == numbered.groups()
            except Exception:  # whatever strange bytes make the parsers raise
                whole = False
            if not whole:
                self._bad(path, "signature", "was changed after it was signed")

    # --- manifest and feed

    def _targets(self, trusted: _Trusted) -> tuple[dict[str, Any], dict[str, Any]] | None:
        signed = trusted.targets.targets
        if set(signed) != set(TARGETS):
            self._bad("tuf/", "form", f"the signed targets are {sorted(signed)}; expected {sorted(TARGETS)}")
            return None
        parsed: list[dict[str, Any]] = []
        for name in TARGETS:
            listed = _Listed(signed[name].length, signed[name].hashes.get("sha256", ""))
            raw = self._content(name, listed)
            if raw is None:
                continue
            try:
                value = json.loads(raw)
                if not isinstance(value, dict):
                    raise ValueError("expected an object")
                parsed.append(value)
            except (ValueError, RecursionError) as error:
                self._bad(name, "form", f"is no JSON: {error}")
        if len(parsed) != len(TARGETS):
            return None
        self.night = _text(parsed[0].get("evaluated_on"))
        self.verdict.cut_off = _text(parsed[0].get("cut_off"))
        return parsed[0], parsed[1]

    def _listed(self, manifest: dict[str, Any], feed: dict[str, Any]) -> Files:
        """Every file that must be there but for those that parts list, and the parts."""
        listed: Files = {}
        files, parts = manifest.get("files"), manifest.get("parts")
        changes = feed.get("changes")
        if not isinstance(files, dict) or not isinstance(parts, dict):
            self._bad("manifest.json", "form", "lacks files or parts")
            return listed
        if not isinstance(changes, list):
            self._bad("feed.json", "form", "lacks changes")
            changes = []
        self._take(listed, "manifest.json", files, _FILE)
        self._take(listed, "manifest.json", parts, _PART)
        by_path = {change.get("path"): change for change in changes if isinstance(change, dict)}
        self._take(listed, "feed.json", by_path, _FEED)
        return listed

    # --- one merchant

    def _merchant(self, subject_id: str, listed: Files) -> None:
        paths = [path for path in grade.paths(subject_id) if path in listed]
        if not paths:
            raise UserError(f"there is no merchant {subject_id!r} in this version; take the subject_id as published")
        for path in paths:
            raw = self._content(path, listed[path])
            document = _json_object(raw)
            if raw is None or document is None or document.get("subject", {}).get("subject_id") == subject_id:
                break
        if raw is None:
            return
        if document is None or document.get("subject", {}).get("subject_id") != subject_id:
            self._bad(path, "grade", f"is not the document of {subject_id!r}")
            return
        for other in (path.removesuffix(".json") + suffix for suffix in (".html", ".svg")):
            if other in listed:
                self._content(other, listed[other])
        told = document.get("rulebook")
        rules = told.get("path") if isinstance(told, dict) else None
        text = self._content(rules, listed[rules]) if isinstance(rules, str) and rules in listed else None
        if not isinstance(rules, str) or text is None:
            self._bad(path, "grade", f"its rulebook {rules!r} is not published with it")
            return
        steps = grade.recompute(document, text, rules)
        if grade.TABLE in listed:
            table = self._content(grade.TABLE, listed[grade.TABLE], MAX_TABLE)
            if table is not None:
                steps.append(grade.in_table(document, table))
        self.verdict.merchant = {
            "subject_id": subject_id,
            "document": path,
            "grade": _text(document.get("grade")),
            "score": score if isinstance(score := document.get("score"), int | float) else None,
            "follows": all(step.ok for step in steps),
            "steps": [{k: v if k == "ok" else plain(str(v)) for k, v in vars(step).items()} for step in steps],
        }
        for step in steps:
            if not step.ok:
                self._bad(
                    path, "grade", f"the grade does not follow: {step.en}: expected {step.expected}, found {step.found}"
                )


@dataclass(frozen=True)
class _Trusted:
    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets


def _already_verified(
    version: Path, folder: Path, inner: str = "", part: str | None = None
) -> tuple[Inodes, Mapping[str, Any]]:
    """(inode of each file in a folder of a version, what its manifest, or a part of it, says of them); nothing where they
    cannot be links of each other."""
    version = version.resolve()
    try:
        if version.stat().st_dev != folder.stat().st_dev:
            return {}, {}
        listed = orjson.loads((version / (part or "manifest.json")).read_bytes())
        return _Folder(version).scan(inner)[0], listed if part else listed["files"]
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return {}, {}


def _by_file(problem: Problem) -> str:
    return problem.file


def plain(text: str) -> str:
    """Harmless to print: names of files and what they say may hold anything."""
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text[:MAX_SAID])


def _escaped(code: int) -> str:
    """A character by its number, or the byte that stands for none."""
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _json_object(raw: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(raw or b"")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("subject"), dict) else None


def _text(value: Any) -> str | None:
    return plain(value) if isinstance(value, str) else None


def _version_of(raw: bytes) -> int:
    try:
        return int(json.loads(raw)["signed"]["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0


def _version_in(path: Path) -> int:
    try:
        return _version_of(path.read_bytes())
    except OSError:
        return 0


__all__ = ["EXIT_CODES", "Problem", "Verdict", "default_state", "fingerprint", "plain", "verify_folder", "verify_url"]

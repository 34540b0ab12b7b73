"""Verification: what a reader of published files does, with nothing but the root of trust.

    valid            signed by the platform, in time, whole; for a folder every file, and no file more
    invalid          a file is changed, missing, not listed, not signed by a key that is trusted; each is named
    stale            all is as signed, but the signature has ended: the feed has stopped, or is being held back
    older_than_seen  signed metadata older than what this reader has seen before: an old version served as new
    other_history    what this reader has seen before is not in the history that it is shown now (see `credit.proof.history`)

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
from typing import Any, Literal

from tuf.api import exceptions
from tuf.api.metadata import Key, Metadata, Root, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from credit.errors import InputError, UserError
from credit.proof import grade, history
from credit.proof.comparison import Comparison, Files, ListedFile, PartCheck, already_verified, verify_part
from credit.proof.keys import is_development, marks, nightly_ids, parse_root
from credit.proof.reading import FILE_NAME, Folder, Inodes, Problem, Server, Source, cause_of, plain
from credit.proof.signing import NUMBERED, TARGETS

Name = Literal["valid", "invalid", "stale", "older_than_seen", "other_history"]
EXIT_CODES: dict[Name, int] = {"valid": 0, "invalid": 6, "stale": 7, "older_than_seen": 8, "other_history": 11}
MAX_TABLE = 1 << 30
"""Bytes of the table of all grades that are read at most for one merchant's."""
MAX_NAMED = 100
"""Problems that are named; the others are counted."""
THREADS = 2
CONNECTIONS = 8
TRIES = 3
"""A version may be switched or signed anew while it is read."""

_APART = r"(?!(?:merchants|feed|tuf|manifest)(?:/|$)|(?:manifest|feed)\.json$)"
_FILE = re.compile(f"{_APART}{FILE_NAME}(?:/{FILE_NAME})*")
_PART = re.compile(r"manifest/([0-9a-f]{2})\.json")
_FEED = re.compile(r"feed/[0-9]{1,18}\.json")
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)

logging.getLogger("tuf").setLevel(logging.ERROR)


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
    return _verify(Folder(folder), root, state, now, True, merchant, same_as, share or _threads)


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
    return _verify(Server(url), root, state, now, everything, merchant, None, _threads)


def _verify(
    source: Source,
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


Share = Callable[[Callable[..., PartCheck], list[tuple[Any, ...]]], Iterable[PartCheck]]


def _threads(work: Callable[..., PartCheck], calls: list[tuple[Any, ...]]) -> Iterable[PartCheck]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda arguments: work(*arguments), calls))


class _Reader(Comparison):
    """One verification: signed metadata, then the manifest and the feed, then the files that they list."""

    def __init__(self, source: Source, root: bytes, state: Path | None, now: datetime | None) -> None:
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
        folder = self.source if isinstance(self.source, Folder) else None
        inodes: Inodes = {}
        apart: set[str] = set()
        self.began = self.peek("tuf/timestamp.json")
        if folder:
            inodes, odd, apart = folder.scan()
            self.problems += odd
            if any(problem.file.partition("/")[0] in ("tuf", *TARGETS) for problem in odd):
                return self._close()
        with self._memory() as seen:
            trusted = self._metadata(seen)
        if trusted is None:
            return self._close()
        if folder:
            self._tuf_folder(inodes, trusted)
        signed = self._targets(trusted)
        if signed is None:
            return self._close()
        self._compare_history(signed[1])
        listed = self._listing(*signed)
        parts = [path for path in sorted(listed) if _PART.fullmatch(path)]
        if folder:
            self._compare_folder(folder.folder, inodes, apart, listed, same_as, share)
        elif everything:
            for path in parts:
                listed |= self.part(path, listed[path])
            self.hash_files([path for path in listed if not _PART.fullmatch(path)], listed, CONNECTIONS)
        if merchant is not None:
            counted = self.files, self.bytes
            path = f"manifest/{hashlib.sha256(merchant.encode()).hexdigest()[:2]}.json"
            if path in listed and (folder or not everything):
                listed |= self.part(path, listed[path])
            if not any(p.file in TARGETS or _PART.fullmatch(p.file) for p in self.problems):
                self._merchant(merchant, listed)
            if everything:  # read before
                self.files, self.bytes = counted
        return self._close()

    def _compare_folder(
        self, folder: Path, inodes: Inodes, apart: set[str], listed: Files, same_as: Path | None, share: Share
    ) -> None:
        """Every file there is against every file that is listed, those of merchants by the part that lists them."""
        complete = not any(problem.file in TARGETS for problem in self.problems)
        parts = {path: entry for path, entry in listed.items() if _PART.fullmatch(path)}
        self.compare(
            {p: inode for p, inode in inodes.items() if not (p in TARGETS or p in parts or p.startswith("tuf/"))},
            {path: entry for path, entry in listed.items() if path not in parts},
            already_verified(same_as, folder) if same_as else ({}, {}),
            complete,
        )
        wanted = sorted(parts.keys() | {f"manifest/{inner[10:12]}.json" for inner in apart})
        calls = [(folder, part, parts.get(part), self.night, same_as, complete) for part in wanted]
        for part in share(verify_part, calls):
            self.problems += part.problems
            self.files += part.files
            self.bytes += part.bytes

    def has_moved_on(self) -> bool:
        """Whether another timestamp is given out now than when reading began."""
        return self.peek("tuf/timestamp.json") != self.began

    def _close(self) -> Verdict:
        verdict = self.verdict
        verdict.files, verdict.bytes, verdict.evaluated_on = self.files, self.bytes, self.night
        if self.problems and verdict.verdict not in ("older_than_seen", "other_history"):
            verdict.verdict = "invalid"
            problems = sorted(
                {(problem.file, problem.what): problem for problem in self.problems}.values(), key=_by_file
            )
            verdict.problem_count = len(problems)
            verdict.problems = problems[:MAX_NAMED]
            verdict.message = f"{problems[0].file}: {problems[0].message}"
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
            with tempfile.TemporaryDirectory(prefix="merchant-credit-") as scratch:
                yield Path(scratch)
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

    def _refresh(self, seen: Path, moment: datetime, before: Mapping[str, int]) -> _Trusted | None:
        # `manifest.json` keeps its name in a version; the metadata does have numbered names.
        config = UpdaterConfig(prefix_targets_with_hash=False)
        updater = Updater(
            str(seen), f"{self.source.base}tuf/", fetcher=self.source, config=config, bootstrap=self.trust
        )
        # TUF has no parameter for the time that counts as now.
        trusted_set = updater._trusted_set
        trusted_set.reference_time = moment
        try:
            updater.refresh()
            return _Trusted(trusted_set.root, trusted_set.timestamp, trusted_set.snapshot, trusted_set.targets)
        except exceptions.ExpiredMetadataError:
            self.stale = True
        except exceptions.BadVersionNumberError as error:
            name = self.source.last.removeprefix("tuf/")
            if name == "timestamp.json" or (name.endswith(".snapshot.json") and before["snapshot"]):
                self.verdict.verdict = "older_than_seen"
                number = _version_of(self.peek(self.source.last))
                self.verdict.metadata = {"version": number, "seen": before["timestamp"]}
                self.verdict.message = (
                    f"{self.source.last} has number {number}, but number {before['timestamp']} was seen before: "
                    "an old version is served as new"
                )
            else:
                self.note(self.source.last, "signature", f"its number is not the one that was signed for ({error})")
        except exceptions.UnsignedMetadataError:
            self.note(self.source.last, "signature", self._signature_problem(self.source.last, trusted_set.root))
        except exceptions.LengthOrHashMismatchError:
            self.note(
                self.source.last,
                "hash",
                "is not the file that the metadata before it names" + self._other_night(self.source.last),
            )
        except exceptions.DownloadHTTPError:
            self.note(self.source.last, "missing", "is missing" + self._other_night(self.source.last))
        except exceptions.DownloadLengthMismatchError:
            self.note(self.source.last, "length", "is longer than it may be")
        except (exceptions.DownloadError, OSError) as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from None
            raise InputError(f"{self.source.last} cannot be read: {cause_of(error)}; nothing was verified") from None
        except (exceptions.RepositoryError, ValueError, TypeError, KeyError, RecursionError) as error:
            self.note(self.source.last, "form", f"is damaged: it is no signed TUF metadata ({error})")
        return None

    def _signature_problem(self, path: str, root: Root) -> str:
        """Why a signature is not good: revoked, replaced, or simply wrong."""
        try:
            ids = set(Metadata[Any].from_bytes(self.peek(path)).signatures)
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
        match = NUMBERED.fullmatch(path.removeprefix("tuf/"))
        if match is None or match[2] == "root":
            return ""
        number = _version_of(self.peek(path))
        if number and number != int(match[1]):
            return f": it has number {number}, so files of two nights are mixed"
        if isinstance(self.source, Folder) and number == 0:
            names = [p.name for p in self.source.folder.glob(f"tuf/*.{match[2]}.json") if p.name != match[0]]
            return f", there is {min(names)} instead: files of two nights are mixed" if names else ""
        return ""

    def _tuf_folder(self, inodes: Inodes, trusted: _Trusted) -> None:
        """Every file in tuf/ byte for byte as signed. TUF itself reads only those it needs, and not their spacing."""
        names = sorted(path.removeprefix("tuf/") for path in inodes if path.startswith("tuf/"))
        numbers = sorted(int(m[1]) for name in names if (m := NUMBERED.fullmatch(name)) and m[2] == "root")
        chain = self._root_chain(max([self.first.version, *(n for n in numbers if n <= trusted.root.version)]))
        if chain is None:
            return
        for n in numbers:
            if n > trusted.root.version:
                self.note(f"tuf/{n}.root.json", "not_listed", "does not continue the root metadata before it")
        keys = {keyid: key for root in chain for keyid, key in root.keys.items()}
        for name in names:
            if name != "timestamp.json" and not NUMBERED.fullmatch(name):
                self.note(f"tuf/{name}", "not_listed", "is not listed: nothing signed names it")
            elif not self._is_as_signed(name, keys):
                self.note(f"tuf/{name}", "signature", "was changed after it was signed")

    def _root_chain(self, newest: int) -> list[Root] | None:
        """Root metadata 1 to `newest`, each signed by the one before; None where a problem was noted."""
        chain: list[Root] = []
        for n in range(1, newest + 1):
            path = f"tuf/{n}.root.json"
            raw = self.peek(path)
            if not raw:
                self.note(path, "missing", "is missing: readers with an older root of trust need it")
                return None
            try:
                root = parse_root(raw)
                for signer in (*chain[-1:], root.signed):
                    signer.verify_delegate(Root.type, root.signed_bytes, root.signatures)
                if n != root.signed.version:
                    raise ValueError(f"it has number {root.signed.version}")
            except (exceptions.RepositoryError, ValueError, KeyError, TypeError) as error:
                self.note(path, "signature", f"is not root metadata of this chain ({error})")
                return None
            if n == self.first.version and raw != self.trust:
                self.note(path, "signature", "is not the root of trust that was given")
            chain.append(root.signed)
        return chain

    def _is_as_signed(self, name: str, keys: Mapping[str, Key]) -> bool:
        """Whether a metadata file is, byte for byte, what these keys have signed."""
        raw, numbered = self.peek(f"tuf/{name}"), NUMBERED.fullmatch(name)
        try:
            metadata: Metadata[Any] = Metadata.from_bytes(raw)
            intact = metadata.to_bytes() == raw and any(keyid in keys for keyid in metadata.signatures)
            if metadata.signed.type != Root.type:
                intact = intact and marks(metadata.signed).get("signed_by") == sorted(metadata.signatures)
            for keyid, signature in metadata.signatures.items():
                # A version may be signed for a root metadata that is about to be put beside it.
                if keyid in keys:
                    keys[keyid].verify_signature(signature, metadata.signed_bytes)
                intact = intact and re.fullmatch("[0-9a-f]+", signature.signature) is not None
            if numbered:
                intact = intact and (str(metadata.signed.version), metadata.signed.type) == numbered.groups()
        except Exception:  # whatever strange bytes make the parsers raise
            return False
        return intact

    # --- manifest and feed

    def _targets(self, trusted: _Trusted) -> tuple[dict[str, Any], dict[str, Any]] | None:
        signed = trusted.targets.targets
        if set(signed) != set(TARGETS):
            self.note("tuf/", "form", f"the signed targets are {sorted(signed)}; expected {sorted(TARGETS)}")
            return None
        parsed: list[dict[str, Any]] = []
        for name in TARGETS:
            listed = ListedFile(signed[name].length, signed[name].hashes.get("sha256", ""))
            raw = self.content(name, listed)
            if raw is None:
                continue
            try:
                value = json.loads(raw)
                if not isinstance(value, dict):
                    raise ValueError("expected an object")
                parsed.append(value)
            except (ValueError, RecursionError) as error:
                self.note(name, "form", f"is no JSON: {error}")
        if len(parsed) != len(TARGETS):
            return None
        self.night = _text(parsed[0].get("evaluated_on"))
        self.verdict.cut_off = _text(parsed[0].get("cut_off"))
        return parsed[0], parsed[1]

    def _compare_history(self, feed: dict[str, Any]) -> None:
        if self.state is None or any(problem.file in TARGETS for problem in self.problems):
            return
        with self._memory() as seen:
            other = history.compare(seen, feed)
        if other is not None:
            self.verdict.verdict = "other_history"
            self.verdict.message = (
                f"{other}: readers are shown different histories, or the platform has lost its own. Ask it which; to begin anew "
                f"remove {seen}"
            )

    def _listing(self, manifest: dict[str, Any], feed: dict[str, Any]) -> Files:
        """Every file that must be there but for those that parts list, and the parts."""
        listed: Files = {}
        files, parts = manifest.get("files"), manifest.get("parts")
        changes = feed.get("changes")
        if not isinstance(files, dict) or not isinstance(parts, dict):
            self.note("manifest.json", "form", "lacks files or parts")
            return listed
        if not isinstance(changes, list):
            self.note("feed.json", "form", "lacks changes")
            changes = []
        self.add(listed, "manifest.json", files, _FILE)
        self.add(listed, "manifest.json", parts, _PART)
        by_path = {change.get("path"): change for change in changes if isinstance(change, dict)}
        self.add(listed, "feed.json", by_path, _FEED)
        return listed

    # --- one merchant

    def _merchant(self, subject_id: str, listed: Files) -> None:
        paths = [path for path in grade.paths(subject_id) if path in listed]
        if not paths:
            raise UserError(f"there is no merchant {subject_id!r} in this version; take the subject_id as published")
        for path in paths:
            raw = self.content(path, listed[path])
            document = _json_object(raw)
            if raw is None or document is None or document.get("subject", {}).get("subject_id") == subject_id:
                break
        if raw is None:
            return
        if document is None or document.get("subject", {}).get("subject_id") != subject_id:
            self.note(path, "grade", f"is not the document of {subject_id!r}")
            return
        for sibling in (path.removesuffix(".json") + suffix for suffix in (".html", ".svg")):
            if sibling in listed:
                self.content(sibling, listed[sibling])
        rulebook = document.get("rulebook")
        rules = rulebook.get("path") if isinstance(rulebook, dict) else None
        text = self.content(rules, listed[rules]) if isinstance(rules, str) and rules in listed else None
        if not isinstance(rules, str) or text is None:
            self.note(path, "grade", f"its rulebook {rules!r} is not published with it")
            return
        steps = grade.recompute(document, text, rules)
        if grade.TABLE in listed:
            table = self.content(grade.TABLE, listed[grade.TABLE], MAX_TABLE)
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
                self.note(
                    path, "grade", f"the grade does not follow: {step.en}: expected {step.expected}, found {step.found}"
                )


@dataclass(frozen=True)
class _Trusted:
    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets


def _by_file(problem: Problem) -> str:
    return problem.file


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

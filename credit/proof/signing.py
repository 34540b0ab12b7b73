"""Signing a version: `tuf/` of its folder.

    tuf/1.root.json ...      every root metadata, so that a reader with the first can walk to the newest
    tuf/N.targets.json       length and SHA-256 of manifest.json and feed.json
    tuf/N.snapshot.json      which targets metadata
    tuf/timestamp.json       which snapshot; ends soonest, so a feed that has stopped shows

All three have the same number N, higher than any before. The numbered files come first and timestamp.json last, by rename:
a reader of the folder always finds what the timestamp needs. Files are written beside the version and moved into it, so
that a killed signing leaves none in it that is not whole and signed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Signed, Snapshot, TargetFile, Targets, Timestamp

from credit.errors import UserError
from credit.files import durable
from credit.proof.keys import MARK, Keys, nightly_ids, parse_root

TARGETS = ("manifest.json", "feed.json")
DAYS = 7
"""After so many days targets and snapshot end; the timestamp ends first."""
NUMBERED = re.compile(r"([1-9][0-9]*)\.(root|snapshot|targets)\.json")
_SIGNING = ".signing-"


def sign(folder: Path, published: Path, keys: Keys, now: datetime) -> None:
    """Write `tuf/` of the version in `folder`, or renew it; also while readers read it.

    manifest.json and feed.json must be final. `published` is the folder of all versions, whose numbers are exceeded.

    Raises UserError when the root metadata has ended or the counter of numbers is damaged, OSError when files cannot be
    read or written.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    if keys.expires <= now:
        raise UserError(
            f"the root metadata of the signing keys ended on {keys.expires.date()}: readers would call every version stale; "
            "run `merchant-credit keys rotate --root FOLDER` with the root key"
        )
    tuf = folder / "tuf"
    tuf.mkdir(exist_ok=True)
    number = _next_number(folder, published, keys, now)
    earlier = number_of(tuf) if _same_trust(tuf, keys) else number
    signers = [keys.nightly, *_still_followed(tuf, keys)]
    with _aside(published) as place:
        later = now + timedelta(days=DAYS)
        targets = {name: TargetFile.from_file(name, str(folder / name), ["sha256"]) for name in TARGETS}
        raw = _signed(Targets(number, expires=later, targets=targets), signers)
        place(tuf / f"{number}.targets.json", raw)
        raw = _signed(Snapshot(number, expires=later, meta={"targets.json": _meta(number, raw)}), signers)
        place(tuf / f"{number}.snapshot.json", raw)
        soon = now + timedelta(days=keys.timestamp_days)
        if not _same_trust(tuf, keys):
            for n, root in enumerate(keys.roots, 1):
                place(tuf / f"{n}.root.json", root)
        place(
            tuf / "timestamp.json", _signed(Timestamp(number, expires=soon, snapshot_meta=_meta(number, raw)), signers)
        )
        # After the timestamp, which is signed for the root before as well: whichever a reader goes by, it holds.
        for n, root in enumerate(keys.roots, 1):
            if _bytes(tuf / f"{n}.root.json") != root:
                place(tuf / f"{n}.root.json", root)
    _tidy(tuf, {number, earlier}, len(keys.roots))
    _forget_retired(published, keys)


def _meta(number: int, raw: bytes) -> MetaFile:
    return MetaFile(number, len(raw), {"sha256": hashlib.sha256(raw).hexdigest()})


def _signed(signed: Signed, signers: list[CryptoSigner]) -> bytes:
    # Who signs is signed, too: a signature can be neither added nor renamed.
    signed.unrecognized_fields[MARK] = {"signed_by": sorted(signer.public_key.keyid for signer in signers)}
    metadata: Metadata[Any] = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _same_trust(tuf: Path, keys: Keys) -> bool:
    return _bytes(tuf / "1.root.json") == keys.roots[0]


def _still_followed(tuf: Path, keys: Keys) -> list[CryptoSigner]:
    """The retired keys that a root metadata of this folder lets sign: for readers between its roots and the new ones."""
    if not _same_trust(tuf, keys):
        return []
    n = 1
    while n < len(keys.roots) and (tuf / f"{n + 1}.root.json").exists():
        n += 1
    wanted = {keyid for raw in keys.roots[n - 1 : -1] for keyid in nightly_ids(parse_root(raw).signed)}
    return [signer for signer in keys.retired if signer.public_key.keyid in wanted]


def number_of(tuf: Path) -> int:
    """The number of the timestamp in a version; 0 where there is none that can be read."""
    try:
        return int(json.loads((tuf / "timestamp.json").read_bytes())["signed"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _next_number(folder: Path, published: Path, keys: Keys, now: datetime) -> int:
    """Higher than every number before. At least the minutes since 1970, so that a home restored from an old backup does
    not fall behind what readers have seen. Kept beside the key before it is used."""
    counter = keys.folder / "version"
    try:
        stored = int(counter.read_text()) if counter.exists() else 0
    except ValueError:
        raise UserError(
            f"{counter} holds no number: it is damaged. Restore it from a backup, or remove it: the next number is then higher "
            f"than those of all versions in {published}"
        ) from None
    seen = [stored, number_of(folder / "tuf"), *map(number_of, published.glob("versions/*/tuf"))]
    number = max(max(seen) + 1, int(now.timestamp()) // 60)
    durable.put(counter, f"{number}\n".encode())
    return number


class _Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, target: Path, content: bytes) -> None:
        durable.put(target, content, self.folder / target.name)


@contextmanager
def _aside(published: Path) -> Iterator[_Place]:
    """Writes a file beside the versions and moves it to its place in one step."""
    for remnant in published.glob(f"{_SIGNING}*"):
        shutil.rmtree(remnant, ignore_errors=True)
    folder = published / f"{_SIGNING}{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield _Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tidy(tuf: Path, keep: set[int], roots: int) -> None:
    for path in tuf.iterdir():
        match = NUMBERED.fullmatch(path.name)
        needed = match and (int(match[1]) <= roots if match[2] == "root" else int(match[1]) in keep)
        if path.name != "timestamp.json" and not needed:
            path.unlink()


def _forget_retired(published: Path, keys: Keys) -> None:
    """Retired keys are removed once the version in force goes by the newest root metadata."""
    if keys.retired and _bytes(published / "current" / "tuf" / f"{len(keys.roots)}.root.json") == keys.roots[-1]:
        names = {signer.public_key.keyid for signer in keys.retired}
        for path in keys.folder.glob("nightly-*.pem"):
            if any(keyid.startswith(path.stem.removeprefix("nightly-")) for keyid in names):
                path.unlink()

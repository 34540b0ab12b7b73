"""Keys: an offline root key, and the nightly key that it lets sign versions.

    <home>/keys/                     0700
      nightly-<id>.pem               0600  signs targets, snapshot and timestamp; the newest root says which one does
      root-<id>.pem                  0600  of a development key only
      version                              number of the last signature
      root.json                            the root of trust, for readers; the same as tuf/1.root.json
      tuf/1.root.json, 2.root.json ...     every root metadata there ever was, each signed by the one before
    FOLDER/merchant-credit-root-<id>.pem   the root key, on a medium that is kept apart

`<id>` is the beginning of the key's TUF id. Root metadata has the field `x-merchant-credit`: whether it is of a development
key, and which nightly keys were revoked, when and why. Private keys are written to these files and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Role, Root, Signed

from credit.errors import UserError
from credit.files import durable
from credit.settings import Settings

ROOT_DAYS = 365
"""The root of trust is renewed once a year, by hand: whoever forgets has a feed that readers call stale."""
RENEW_DAYS = 30
"""Days before the root's end from which a night says so."""
MARK = "x-merchant-credit"
NIGHTLY_ROLES = ("targets", "snapshot", "timestamp")
_ID = 12

P = ParamSpec("P")
Passphrase = Callable[[], bytes]
"""Asked when a root key turns out to be encrypted."""


def no_passphrase() -> bytes:
    raise UserError("the root key is encrypted; set MERCHANT_CREDIT_ROOT_PASSPHRASE or answer the prompt")


@dataclass(frozen=True)
class Keys:
    """The keys of a home. `roots` are the bytes of all root metadata, oldest first; `retired` are nightly keys that a
    later root has replaced and that readers of the version in force still go by, until it is signed anew."""

    folder: Path
    roots: tuple[bytes, ...]
    nightly: CryptoSigner
    retired: tuple[CryptoSigner, ...]
    timestamp_days: int

    @classmethod
    def load(cls, settings: Settings, now: datetime | None = None) -> Keys:
        """The keys of the home; a development key is made where there are none, and renewed when its root ends.

        Raises UserError when files are missing or readable by others, and when what is published was signed by real
        keys that are not here.
        """
        now = now or datetime.now(UTC)
        folder = settings.home / "keys"
        if not folder.exists():
            _refuse_to_replace(settings)
            _new_folder(folder, lambda scratch: _write_development(scratch, now))
        keys = _read(folder, settings.proof_timestamp_days)
        if keys.development and keys.expires - now < timedelta(days=RENEW_DAYS):
            root = next(_signers(folder, "root-"))
            _add_root(folder, len(keys.roots) + 1, now, [root], [root], keys.nightly, {"development": True})
            keys = _read(folder, settings.proof_timestamp_days)
        return keys

    @property
    def root(self) -> Root:
        """The newest root metadata."""
        return parse_root(self.roots[-1]).signed

    @property
    def development(self) -> bool:
        """Whether the root key lies in the home: made by the program, proof of nothing but that files are whole."""
        return is_development(self.root)

    @property
    def expires(self) -> datetime:
        return self.root.expires

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root of trust, as readers have it."""
        return hashlib.sha256(self.roots[0]).hexdigest()

    def notice(self, now: datetime | None = None) -> str | None:
        """What a night's report should say of the keys: the root ends soon."""
        days_left = (self.expires - (now or datetime.now(UTC))).days
        if days_left >= RENEW_DAYS or self.development:
            return None
        return (
            f"the root metadata of the signing keys ends on {self.expires.date()} ({days_left} days): "
            "run `merchant-credit keys rotate --root FOLDER` with the root key"
        )


def parse_root(raw: bytes) -> Metadata[Root]:
    """Raises RepositoryError or ValueError when these bytes are no TUF root metadata."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw)
    if not isinstance(metadata.signed, Root):
        raise ValueError(f"it is {metadata.signed.type} metadata")
    return metadata


def marks(signed: Signed) -> dict[str, Any]:
    """The field of ours in metadata; empty where it has none."""
    field = signed.unrecognized_fields.get(MARK)
    return field if isinstance(field, dict) else {}


def is_development(root: Root) -> bool:
    return marks(root).get("development") is True


def nightly_ids(root: Root) -> set[str]:
    return {keyid for role in NIGHTLY_ROLES for keyid in root.roles[role].keyids}


def _writing(verb: Callable[P, Keys]) -> Callable[P, Keys]:
    """A disk that cannot be written is told as the user's error."""

    @wraps(verb)
    def checked(*args: P.args, **options: P.kwargs) -> Keys:
        try:
            return verb(*args, **options)
        except OSError as error:
            raise UserError(
                f"keys: {error.filename or 'a file'} cannot be read or written: {error.strerror}"
            ) from error

    return checked


# --- the verbs ---------------------------------------------------------------------------------------------------


@_writing
def init(
    settings: Settings, root_folder: Path, now: datetime, passphrase: bytes | None = None, replace: bool = False
) -> Keys:
    """Make a root key in `root_folder` and a nightly key in the home: a new root of trust. A development key is replaced.

    Raises UserError when there are real keys already (unless `replace`), or the folder lies in the home.
    """
    folder = settings.home / "keys"
    root_folder = _outside(settings, root_folder)
    before = _read(folder, settings.proof_timestamp_days) if folder.exists() else None
    if before and not before.development and not replace:
        raise UserError(
            f"{folder} holds keys already (root {before.fingerprint[:_ID]}); `keys rotate` renews them. Only when the root key "
            "is lost for good: `keys init --replace`, after which every reader needs the new root of trust"
        )
    root, nightly = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
    # What exists of the key is on the medium before anything depends on it.
    _write_root_key(root_folder, root, passphrase)
    if before is None:
        _refuse_to_replace(settings, replace=True)
        _new_folder(folder, lambda scratch: _write_first(scratch, now, root, nightly, development=False))
    else:
        _write_key(folder / f"nightly-{_short(nightly)}.pem", nightly)
        # Newest first: what is left of the old chain if this is interrupted is a chain.
        for n in range(len(before.roots), 1, -1):
            (folder / "tuf" / f"{n}.root.json").unlink()
        first = _first_root(now, root, nightly, development=False)
        durable.put(folder / "tuf" / "1.root.json", first)
        durable.put(folder / "root.json", first)
        for file in [*folder.glob("root-*.pem"), *folder.glob("nightly-*.pem")]:
            if file.name != f"nightly-{_short(nightly)}.pem":
                file.unlink()
    durable.put(root_folder / "root.json", (folder / "root.json").read_bytes())
    return _read(folder, settings.proof_timestamp_days)


@_writing
def rotate(
    settings: Settings,
    root_folder: Path,
    now: datetime,
    passphrase: Passphrase = no_passphrase,
    *,
    new_root: bool = False,
    revoked: str | None = None,
) -> Keys:
    """A new nightly key, by a new root metadata; with `new_root` a new root key too (in the same folder, signed by both).

    `revoked` is why the old nightly key must no longer be trusted; the root metadata then says so. Either way what it
    alone has signed is invalid for whoever sees the new root metadata.

    Raises UserError when the folder does not hold the root key of this home.
    """
    folder = settings.home / "keys"
    if not folder.exists():
        raise UserError(f"there are no keys in {settings.home}; `merchant-credit keys init --root FOLDER` makes them")
    roots = _chain(folder)
    root = parse_root(roots[-1]).signed
    if is_development(root):
        raise UserError(
            "these are development keys; `merchant-credit keys init --root FOLDER` replaces them by real ones"
        )
    root_folder = _outside(settings, root_folder)
    secret = cache(passphrase)
    old_roots = [_root_key(root_folder, root, secret)]
    new_roots = old_roots
    if new_root:
        new_roots = [CryptoSigner.generate_ed25519()]
        encrypted = b"ENCRYPTED" in _root_file(root_folder, root).read_bytes()
        _write_root_key(root_folder, new_roots[0], secret() if encrypted else None)
    nightly = CryptoSigner.generate_ed25519()
    _write_key(folder / f"nightly-{_short(nightly)}.pem", nightly)
    mark = marks(root)
    if revoked is not None:
        on = now.astimezone(UTC).date().isoformat()
        revocations = [{"keyid": keyid, "on": on, "reason": revoked} for keyid in sorted(nightly_ids(root))]
        mark = {**mark, "revoked": [*mark.get("revoked", []), *revocations]}
    _add_root(folder, len(roots) + 1, now, old_roots, new_roots, nightly, mark)
    return _read(folder, settings.proof_timestamp_days)


# --- root metadata -----------------------------------------------------------------------------------------------


def _root(
    version: int, now: datetime, roots: list[CryptoSigner], nightly: CryptoSigner, mark: dict[str, Any]
) -> Metadata[Root]:
    keys = {signer.public_key.keyid: signer.public_key for signer in [*roots, nightly]}
    roles = {"root": Role([signer.public_key.keyid for signer in roots], 1)}
    roles |= {name: Role([nightly.public_key.keyid], 1) for name in NIGHTLY_ROLES}
    expires = now.astimezone(UTC).replace(microsecond=0) + timedelta(days=ROOT_DAYS)
    return Metadata(Root(version, expires=expires, keys=dict(keys), roles=roles, unrecognized_fields={MARK: mark}))


def _first_root(now: datetime, root: CryptoSigner, nightly: CryptoSigner, development: bool) -> bytes:
    metadata = _root(1, now, [root], nightly, {"development": development})
    metadata.sign(root)
    return metadata.to_bytes()


def _add_root(
    folder: Path,
    version: int,
    now: datetime,
    old_roots: list[CryptoSigner],
    new_roots: list[CryptoSigner],
    nightly: CryptoSigner,
    mark: dict[str, Any],
) -> None:
    metadata = _root(version, now, new_roots, nightly, mark)
    for signer in {signer.public_key.keyid: signer for signer in [*old_roots, *new_roots]}.values():
        metadata.sign(signer, append=True)
    durable.put(folder / "tuf" / f"{version}.root.json", metadata.to_bytes())


# --- files -------------------------------------------------------------------------------------------------------


def _short(signer: CryptoSigner) -> str:
    return signer.public_key.keyid[:_ID]


def _chain(folder: Path) -> tuple[bytes, ...]:
    roots: list[bytes] = []
    while (file := folder / "tuf" / f"{len(roots) + 1}.root.json").exists():
        roots.append(file.read_bytes())
    if not roots:
        raise UserError(
            f"{folder / 'tuf' / '1.root.json'} is missing; restore {folder} from its backup (see docs/how-to/keys.md)"
        )
    try:
        for raw in roots:
            parse_root(raw)
    except (RepositoryError, ValueError) as error:
        raise UserError(f"{folder / 'tuf'}: root metadata is damaged: {error}; restore it from its backup") from None
    return tuple(roots)


def _read(folder: Path, timestamp_days: int) -> Keys:
    roots = _chain(folder)
    history = [parse_root(raw).signed for raw in roots]
    signers = {signer.public_key.keyid: signer for signer in _signers(folder, "nightly-")}
    wanted = nightly_ids(history[-1])
    current = [signer for keyid, signer in signers.items() if keyid in wanted]
    if not current:
        raise UserError(
            f"{folder} lacks the nightly key nightly-{min(wanted)[:_ID]}.pem; restore it from its backup, or make a new one: "
            "`merchant-credit keys rotate --root FOLDER`"
        )
    once = {keyid for root in history for keyid in nightly_ids(root)}
    retired = tuple(signer for keyid, signer in signers.items() if keyid in once - wanted)
    return Keys(folder, roots, current[0], retired, timestamp_days)


def _signers(folder: Path, prefix: str) -> Iterator[CryptoSigner]:
    for path in sorted(folder.glob(f"{prefix}*.pem")):
        yield _read_key(path, no_passphrase)


def _read_key(path: Path, passphrase: Passphrase) -> CryptoSigner:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{path} can be read by others than its owner; set it right with: chmod 600 {path}")
    raw = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(raw, passphrase() if b"ENCRYPTED" in raw else None)
    except (ValueError, TypeError):
        raise UserError(f"{path} cannot be read as a private key; is the passphrase right?") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is not an Ed25519 key; expected one that `merchant-credit keys` has made")
    return CryptoSigner(key)


def _write_key(path: Path, signer: CryptoSigner, passphrase: bytes | None = None) -> None:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    key = serialization.load_pem_private_key(signer.private_bytes, None)
    raw = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _write_root_key(folder: Path, signer: CryptoSigner, passphrase: bytes | None) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_key(folder / f"merchant-credit-root-{_short(signer)}.pem", signer, passphrase)
    except OSError as error:
        raise UserError(f"--root {folder} cannot be written: {error.strerror}; nothing was changed") from None


def _root_file(folder: Path, root: Root) -> Path:
    names = [f"merchant-credit-root-{keyid[:_ID]}.pem" for keyid in root.roles["root"].keyids]
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise UserError(f"--root {folder} does not hold the root key of this home: expected {' or '.join(names)}")


def _root_key(folder: Path, root: Root, passphrase: Passphrase) -> CryptoSigner:
    path = _root_file(folder, root)
    signer = _read_key(path, passphrase)
    if signer.public_key.keyid not in root.roles["root"].keyids:
        raise UserError(f"{path} is not the key its name says; take the right medium")
    return signer


def _outside(settings: Settings, folder: Path) -> Path:
    resolved = folder.expanduser().resolve()
    if resolved.is_relative_to(settings.home.resolve()):
        raise UserError(
            f"--root {folder} lies in the home {settings.home}; the root key is kept apart, for example on a USB medium"
        )
    if resolved.exists() and not resolved.is_dir():
        raise UserError(f"--root {folder} is a file; expected a folder")
    return resolved


def _refuse_to_replace(settings: Settings, replace: bool = False) -> None:
    """No development key, and no new root of trust unasked, where readers follow real keys."""
    signed = settings.published / "current" / "tuf" / "1.root.json"
    if replace or not signed.exists():
        return
    try:
        real = not is_development(parse_root(signed.read_bytes()).signed)
    except (RepositoryError, ValueError):
        return
    if real:
        raise UserError(
            f"{settings.home / 'keys'} is missing, but {settings.published / 'current'} is signed by real keys; restore the folder "
            "from its backup (see docs/how-to/keys.md)"
        )


def _new_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """A folder that appears whole."""
    with durable.whole(folder, folder.with_name(f".keys-{os.getpid()}")) as scratch:
        fill(scratch)


def _write_first(folder: Path, now: datetime, root: CryptoSigner, nightly: CryptoSigner, *, development: bool) -> None:
    (folder / "tuf").mkdir()
    _write_key(folder / f"nightly-{_short(nightly)}.pem", nightly)
    first = _first_root(now, root, nightly, development)
    durable.put(folder / "root.json", first)
    durable.put(folder / "tuf" / "1.root.json", first)


def _write_development(folder: Path, now: datetime) -> None:
    root, nightly = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
    _write_key(folder / f"root-{_short(root)}.pem", root)
    _write_first(folder, now, root, nightly, development=True)

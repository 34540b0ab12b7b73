"""Copies of a home: whole, checked by hash, made while readers read, put back in one step.

A copy is a folder named by its instant (UTC) that holds the home's files and `backup.json`, written last: what it is, and each
file with its length and SHA-256. Keys, of pseudonyms and of signatures, are copied only to a folder of their own: who finds the
copy cannot tell consumers by their pseudonyms, nor sign.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from credit import __version__
from credit.disclosure import versions
from credit.errors import InputError, UserError
from credit.files import durable
from credit.home import open_warehouse
from credit.settings import Settings, load
from credit.warehouse import head, schema

LISTING = "backup.json"
_STAMP = "%Y-%m-%dT%H%M%SZ"
_CHUNK = 1 << 20
What = Literal["home", "keys"]


@dataclass(frozen=True)
class Backup:
    """What a copy holds. `files`: path below the home -> [bytes, SHA-256]. `change` and `head`: of the warehouse. `in_force`:
    the version that published/current leads to."""

    what: What
    made_at: str
    program: str
    schema: int
    change: int
    head: str
    in_force: str | None
    files: dict[str, list[Any]]


def back_up(settings: Settings, folder: Path, keys: Path | None = None, now: datetime | None = None) -> list[Path]:
    """Copy the home into a new folder below `folder`, its keys into one below `keys`; the folders made.

    Nobody writes or publishes meanwhile. Of `published/` the version in force is copied. Raises UserError where the warehouse is
    being written, or where `folder` lies in the home.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    for target, option in ((folder, "FOLDER"), (keys, "--keys")):
        if target is not None and target.resolve().is_relative_to(settings.home.resolve()):
            raise UserError(f"{option} {target} lies in the home; expected a folder elsewhere, best on another disk")
    if keys is not None and (
        keys.resolve().is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(keys.resolve())
    ):
        raise UserError(
            f"--keys {keys} and the folder of the copy lie in one another; expected another, which others keep"
        )
    with open_warehouse(settings, read_only=True) as con, durable.private():
        change, version = head.last(con), schema.version_of(con)
        with versions.alone(settings.published) if settings.published.exists() else nullcontext():
            in_force = versions.current(settings.published)
            made: list[Path] = []
            wanted: list[tuple[What, Path]] = [("home", folder)]
            if keys is not None:
                wanted.append(("keys", keys))
            for what, target in wanted:
                kept = [path for path in _files(settings, in_force) if is_key(path) == (what == "keys")]
                about = Backup(
                    what,
                    moment.isoformat(timespec="seconds"),
                    __version__,
                    version,
                    change.change,
                    change.head,
                    in_force.name if in_force and what == "home" else None,
                    {},
                )
                made.append(_copy(settings.home, kept, target / moment.strftime(_STAMP), about))
    return made


def restore(folder: Path, home: Path, keys: Path | None = None, at: str | None = None) -> Backup:
    """Put a copy back as a home that is not there yet: `folder` is the copy, or holds copies, of which the last one made by the
    end of `at` (a day, or an instant; UTC) is taken. The home is there once each file was checked.

    Raises InputError that names the file that is not as it was copied, UserError where the home holds something.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UserError(f"{home} holds something; expected a home that is not there yet: move it away first")
    chosen, about = _chosen(folder, "home", at)
    parts = [(chosen, about)]
    if keys is not None:
        parts.append(_chosen(keys, "keys", about.made_at))
        if parts[1][1].made_at != about.made_at:
            raise InputError(
                f"{keys} has no keys of the copy made at {about.made_at}; expected those of the same moment"
            )
    with durable.whole(home, home.with_name(f".{home.name}.restoring")) as partial:
        with durable.private():
            for place, listing in parts:
                for name, (length, digest) in listing.files.items():
                    with durable.public() if name.startswith("published/") else nullcontext():
                        (partial / name).parent.mkdir(parents=True, exist_ok=True)
                        if _transfer(place / name, partial / name) != (length, digest):
                            raise InputError(f"{place / name} is not as it was copied; take another copy")
            if about.in_force is not None:
                (partial / "published" / "current").symlink_to(Path("versions") / about.in_force)
        with open_warehouse(load(home=partial), read_only=True):
            pass
        os.sync()
    return about


def is_key(path: PurePosixPath) -> bool:
    """Whether a file of the home is secret: the key of pseudonyms, a private key of signatures."""
    return path.name == "pseudonym.key" or (path.parts[0] == "keys" and path.suffix == ".pem")


def _files(settings: Settings, in_force: Path | None) -> Iterator[PurePosixPath]:
    """Paths below the home of what is copied: nothing hidden, no raw rows of a run, one published version.

    Raises UserError for a link but published/current: what it leads to would not be in the copy.
    """
    left_out = (settings.published / "current", settings.published / "lock")
    for root, folders, names in os.walk(settings.home):
        here = Path(root).relative_to(settings.home)
        if here == Path("published", "versions"):
            folders[:] = [name for name in folders if in_force is not None and name == in_force.name]
        folders[:] = sorted(name for name in folders if not name.startswith((".", "read-")))
        for name in [*folders, *sorted(names)]:
            path = Path(root) / name
            if path.is_symlink() and path != settings.published / "current":
                raise UserError(
                    f"{path} is a link: what it leads to would not be copied; expected a home of files and folders"
                )
            if not name.startswith(".") and path.is_file() and path not in left_out:
                yield PurePosixPath(here / name)


def _copy(home: Path, paths: list[PurePosixPath], target: Path, about: Backup) -> Path:
    if target.exists():
        raise UserError(f"{target} is there already; expected a moment of which there is no copy yet")
    with durable.whole(target, target.with_name(f".{target.name}.partial")) as partial:
        for path in paths:
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            transfer = _transfer_apart if path.name.startswith("warehouse.duckdb") else _transfer
            about.files[str(path)] = list(transfer(home / path, partial / path))
        durable.put(partial / LISTING, (json.dumps(asdict(about), ensure_ascii=False, indent=1) + "\n").encode())
        os.sync()
    return target


def _transfer_apart(source: Path, target: Path) -> tuple[int, str]:
    """As `_transfer`, in a process of its own: a process that closes a file gives up all its locks on it, DuckDB's among them."""
    program = "import sys; from pathlib import Path; from credit.upkeep.backup import _transfer as copy; "
    program += "print(*copy(Path(sys.argv[1]), Path(sys.argv[2])))"
    done = subprocess.run([sys.executable, "-c", program, source, target], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{source} cannot be copied: {done.stderr.strip().splitlines()[-1]}")
    length, digest = done.stdout.split()
    return int(length), digest


def _transfer(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file, not what a link leads to; (bytes, SHA-256) of what was read. Raises InputError where it cannot be read."""
    digest, length = hashlib.sha256(), 0
    try:
        reading = os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    with reading, target.open("xb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
            writing.write(chunk)
    return length, digest.hexdigest()


def _chosen(folder: Path, what: What, at: str | None) -> tuple[Path, Backup]:
    """The copy that `folder` is, or the last one below it made by `at`."""
    until = _end_of(at) if at else datetime.max.replace(tzinfo=UTC)
    copies = [folder] if (folder / LISTING).is_file() else sorted(path.parent for path in folder.glob(f"*Z/{LISTING}"))
    for path in reversed(copies):
        about = _read(path, what)
        if datetime.fromisoformat(about.made_at) <= until:
            return path, about
    there = f"; the first is of {copies[0].name}" if copies else ""
    raise InputError(f"{folder} holds no copy{f' made by {at}' if at else ''}{there}; expected what `backup` made")


def _end_of(at: str) -> datetime:
    try:
        if len(at) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(at) + timedelta(days=1), time(), UTC) - timedelta(seconds=1)
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise UserError(f"--at {at!r} is not an instant; expected for example 2026-11-24 or 2026-11-24T10:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(folder: Path, what: What) -> Backup:
    path = folder / LISTING
    try:
        about = Backup(**json.loads(path.read_bytes()))
        datetime.fromisoformat(about.made_at)
        for name, (length, digest) in about.files.items():
            inside = PurePosixPath(name)
            plain = name == str(inside) and not inside.is_absolute() and not {"", ".", ".."} & set(inside.parts)
            if not plain or is_key(inside) != (what == "keys") or not isinstance(length, int) or len(digest) != 64:
                raise ValueError(name)
        version = f"published/versions/{about.in_force}/manifest.json"
        if about.in_force is not None and version not in about.files:
            raise ValueError(about.in_force)
    except (OSError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} is not what `backup` wrote ({type(error).__name__}); take another copy") from None
    if about.what != what:
        raise InputError(f"{folder} is a copy of the {about.what}; expected one of the {what}")
    return about

"""gz and zip: their bytes, never more of them than the setting allows."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from credit.errors import InputError
from credit.settings import Settings
from credit.sources.formats.raw import CHUNK

_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def _too_large(what: str, settings: Settings) -> InputError:
    return InputError(
        f"{what} unpacks to more than {settings.max_file_mb} MiB; split it, or raise the setting max_file_mb"
    )


def chunks(path: Path, settings: Settings) -> Iterator[bytes]:
    """The bytes of a file, unpacked where its name ends in .gz. Raises InputError, also past `max_file_mb`."""
    limit = settings.max_file_mb << 20
    try:
        with cast(BinaryIO, gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")) as file:
            size = 0
            while chunk := file.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise _too_large(str(path), settings)
                yield chunk
    except (EOFError, zlib.error, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path} cannot be read: {why}; deliver the file again") from None


def refuse_bomb(path: Path, settings: Settings) -> None:
    """Raises InputError where what is packed in a workbook is larger than `max_file_mb`; one that is no zip packs nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return
    if size > settings.max_file_mb << 20:
        raise _too_large(str(path), settings)


def members(path: Path) -> list[str]:
    """Names of the files in a zip, junk of file managers left out. Raises InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                entry.filename
                for entry in archive.infolist()
                if not entry.is_dir()
                and not entry.filename.startswith(_JUNK)
                and not entry.filename.endswith(_JUNK[1:])
            ]
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise InputError(f"{path} cannot be read as zip ({error}); it may be truncated: deliver it again") from None


def unpack(path: Path, member: str, scratch: Path, settings: Settings) -> Path:
    """A member of a zip as a file of its own in `scratch`, named by its last part alone. Raises InputError."""
    limit = settings.max_file_mb << 20
    target = scratch / ("member-" + PurePosixPath(member).name)
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(member)
            if entry.flag_bits & 1:
                raise InputError(f"{path}: {member} is encrypted; deliver it without a password")
            if entry.file_size > limit:
                raise _too_large(f"{path}: {member}", settings)
            with archive.open(entry) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, CHUNK)
    except (zipfile.BadZipFile, OSError, NotImplementedError, zlib.error, EOFError) as error:
        raise InputError(f"{path}: {member} cannot be unpacked ({error}); deliver it again") from None
    return target

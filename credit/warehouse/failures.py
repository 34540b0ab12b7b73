"""What the disk does to a run, told in one sentence: full, not writable, damaged."""

from __future__ import annotations

import errno
import re

import duckdb

from credit.errors import NotWritable, UserError, WarehouseDamaged

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
_FULL_SAID = re.compile(r"no space left|disk quota|not enough space|out of disk", re.IGNORECASE)
_REFUSED_SAID = re.compile(r"read-only file system|permission denied|input/output error", re.IGNORECASE)
_DAMAGED_SAID = re.compile(
    r"corrupt|checksum|deserializ|could not read (?:enough|all)|not a valid duckdb|invalid (?:block|magic)|"
    r"replaying wal|read out of range|database has been invalidated",
    re.IGNORECASE,
)
_FILE = re.compile(r"""file ["'](?P<path>/[^"']+)["']""")


def as_user_error(error: BaseException) -> UserError | None:
    """The error as one that the user can put right; None where it is none of the disk's.

    A commit that DuckDB could not write is undone when the warehouse is opened next, so a run goes on from where it was.
    """
    if isinstance(error, UserError):
        return error
    text = str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        if error.errno in _FULL:
            return _full(place + (error.strerror or text))
        if error.errno in _REFUSED:
            return _refused(place + (error.strerror or text))
        return None
    if not isinstance(error, duckdb.Error):
        return None
    path = _FILE.search(text)
    place = f"{path['path']}: " if path else ""
    if _FULL_SAID.search(text):
        return _full(place + "no space left")
    if _REFUSED_SAID.search(text):
        return _refused(place + text.splitlines()[0])
    if _DAMAGED_SAID.search(text):
        return WarehouseDamaged(
            f"the warehouse is damaged: {text.splitlines()[0]}. Nothing was changed, what is published stays. Put the latest copy "
            "of the home in its place and deliver again what came since"
        )
    return None


def _full(what: str) -> NotWritable:
    return NotWritable(
        f"the disk is full ({what}): what was not finished is undone, what is published stays. Make room, then run the same "
        "command again"
    )


def _refused(what: str) -> NotWritable:
    return NotWritable(
        f"the disk refuses ({what}): what was not finished is undone, what is published stays. Check mount and permissions, "
        "then run the same command again"
    )

"""Folders and files as people name them."""

from __future__ import annotations

import re
from pathlib import Path

from credit.errors import UserError

_REMOTE = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/{1,2}")


def refuse_remote(path: Path, what: str, error: type[UserError] = UserError) -> None:
    """Raises `error` where a path is a URL of object storage or of a server: it would be taken for a folder of that name."""
    if (scheme := _REMOTE.match(str(path))) and not path.exists():
        raise error(
            f"{what} {path} is an address ({scheme[1]}), and only folders and files are read and written: mount the bucket (rclone "
            "mount, ossfs, s3fs), or copy with the storage's own client (rclone sync, ossutil cp) before and after the night"
        )

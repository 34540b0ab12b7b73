"""Documents of evidence, kept in the home under the hash of their content, readable by their owner alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb

from credit.errors import UserError
from credit.files import durable
from credit.ledgers import assessments
from credit.settings import Settings

FOLDER = "evidence"
MAX_BYTES = 64 << 20


def place(settings: Settings, sha256: str) -> Path:
    """Where the file with this hash lies."""
    return settings.home / FOLDER / sha256


def keep(settings: Settings, path: Path) -> str:
    """Copy a file into the home; returns its SHA-256. Raises UserError where it cannot be read, is empty or too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"--file {path} cannot be read: {error.strerror}; give the document's file") from None
    if not content:
        raise UserError(f"--file {path} is empty; give the document's file")
    if len(content) > MAX_BYTES:
        raise UserError(
            f"--file {path} is larger than {MAX_BYTES >> 20} MiB; give a smaller file, such as the signed pages"
        )
    sha256 = hashlib.sha256(content).hexdigest()
    target = place(settings, sha256)
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with durable.private():
            durable.put(target, content)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}") from None
    return sha256


def add(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    lines: Sequence[str],
    *,
    file: Path | None,
    kind: str | None,
    title: str,
    by: str,
    dated: date,
    valid_until: date | None = None,
    at: datetime | None = None,
) -> assessments.Evidence:
    """Keep the file, if there is one, and enter the evidence. `kind` None: a document with a file, a declaration without.

    Raises UserError as `keep` and `assessments.add` do."""
    return assessments.add(
        con, lines, kind=kind or ("document" if file else "declaration"), title=title, by=by, dated=dated,
        valid_until=valid_until, sha256=keep(settings, file) if file else None, file=file.name if file else None, at=at,
    )  # fmt: skip


def whole(settings: Settings, sha256: str) -> bool:
    """Whether the file with this hash is there, unchanged."""
    path = place(settings, sha256)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256

"""A published version as exports read it: the files it has, and of each its length and SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from credit.disclosure import manifest
from credit.disclosure.sort_key import Ladder, ladder
from credit.disclosure.versions import MANIFEST, FileEntry, entry_of
from credit.errors import UserError
from credit.rulebooks import reading
from credit.settings import Settings


@dataclass(frozen=True)
class PublishedVersion:
    """A published version. `entries`: what its manifest says of its files, by path; `manifest`: SHA-256 of that."""

    folder: Path
    manifest: str
    evaluated_on: date
    development: bool
    entries: dict[str, FileEntry]
    rulebooks: dict[str, str]
    """Path of each rulebook by its hash."""

    @property
    def name(self) -> str:
        return self.folder.name

    def read(self, path: str) -> bytes:
        """A file's content. Raises UserError when it is gone or not what the manifest says."""
        try:
            content = (self.folder / path).read_bytes()
        except OSError as error:
            raise UserError(f"{self.folder / path} cannot be read: {error.strerror}; publish again") from None
        expected = self.entries.get(path)
        if expected is not None and expected != entry_of(content):
            raise UserError(f"{self.folder / path} is not the file its manifest names; publish again before exporting")
        return content

    def hash(self, path: str) -> str:
        """SHA-256 of a file. Raises UserError when the manifest does not name it."""
        try:
            return self.entries[path].sha256
        except KeyError:
            raise UserError(f"{self.folder / MANIFEST} does not name {path}; publish again before exporting") from None

    def grades(self) -> pa.Table:
        """bulk/grades.parquet."""
        return pq.read_table(pa.BufferReader(self.read("bulk/grades.parquet")))

    def ladders(self) -> dict[str, Ladder]:
        """The ladder of each of its rulebooks, by the rulebook's hash."""
        return {
            book_hash: ladder(reading.parse(self.read(path), str(self.folder / path)))
            for book_hash, path in self.rulebooks.items()
        }


def current(settings: Settings) -> PublishedVersion:
    """The version in force. Raises UserError when there is none, or its manifest is damaged."""
    link = settings.published / "current"
    if not (link / MANIFEST).exists():
        raise UserError(f"{link} holds no published version; run `merchant-credit publish` first")
    return version(link.resolve())


def version(folder: Path) -> PublishedVersion:
    """The version in `folder`. Raises UserError as `current` does."""
    try:
        listed = manifest.read(folder)
        entries = dict(listed.files)
        for path, part in listed.parts.items():
            content = (folder / path).read_bytes()
            entries[path] = entry_of(content)
            if entries[path] != (part.bytes, part.sha256):
                raise UserError(f"{folder / path} is not the file its manifest names; publish again before exporting")
            entries |= {name: FileEntry(**file) for name, file in orjson.loads(content).items()}
        day = date.fromisoformat(listed.evaluated_on)
        return PublishedVersion(folder, listed.sha256, day, listed.development, entries, listed.rulebooks)
    except OSError as error:
        raise UserError(f"{error.filename or folder} cannot be read: {error.strerror}; publish again") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder} has no usable manifest ({error!r}); publish again before exporting") from None

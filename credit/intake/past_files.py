"""What came before: which files were landed, under which name, and when they first came.

The identity of a file is its content and its name, and the moment: a file that still lies in its folder is landed once; a
content that returns under a name after another one is news; one that was set aside and comes again has the date of its
first landing, so that it never takes the place of what was delivered since.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb

from credit.settings import last_day
from credit.sources.delivery import InputFile


def mark(file: InputFile) -> str:
    """How a file stands in the list of its batch."""
    return f"{file.table}:{file.hash}:{file.name}"


def history_mark(file: InputFile) -> str:
    """That a content was landed with the time of its events."""
    return f"history={file.table}:{file.hash}"


@dataclass
class PastFiles:
    """Of all earlier batches. `latest`: (table, name) -> (content last landed, since when); `contents`: (table, content) ->
    when it was first landed; `refused`: (table, content) -> the night it first came, of what was only ever set aside."""

    latest: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    contents: dict[tuple[str, str], datetime] = field(default_factory=dict)
    refused: dict[tuple[str, str], datetime] = field(default_factory=dict)
    with_history: set[str] = field(default_factory=set)

    @classmethod
    def known_to(cls, con: duckdb.DuckDBPyConnection) -> PastFiles:
        """Read from the warehouse."""
        past = cls()
        for files, state, as_of, landed_at in con.execute(
            "SELECT files, state, as_of, landed_at FROM meta.batches ORDER BY batch_id"
        ).fetchall():
            for entry in files:
                if entry.startswith("history="):
                    if state != "refused":
                        past.with_history.add(entry)
                    continue
                table, content, name = (*entry.split(":", 2), "")[:3]
                if state == "refused":
                    past.refused.setdefault((table, content), as_of)
                else:
                    past.latest[table, name] = (content, landed_at)
                    past.contents.setdefault((table, content), landed_at)
        return past

    def is_landed(self, file: InputFile, history: bool) -> bool:
        """Whether a file need not be read again: its content is the last one landed under its name."""
        if history and (file.table, file.hash) in self.contents and history_mark(file) not in self.with_history:
            return False
        last = self.latest.get((file.table, file.name))
        if last is not None:
            return last[0] == file.hash
        first = self.contents.get((file.table, file.hash))
        if first is None:
            return False
        # A known content under a new name: the same old file moved, or written anew?
        try:
            written = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
        except OSError:
            return True
        return written <= first

    def first_known(self, new: list[InputFile], as_of: datetime) -> dict[str, datetime]:
        """Name -> the night it first came, of files that were set aside then and come again."""
        again = {}
        for file in new:
            key = (file.table, file.hash)
            if key in self.refused and key not in self.contents and self.refused[key] < as_of:
                again[file.name] = self.refused[key]
        return again

    def notices(self, new: list[InputFile], as_of: datetime, zone: str) -> list[str]:
        """What is said of files that came before."""
        notices = [
            f"{name} was set aside when it first came, for the night of {last_day(first, zone)}: its rows have that date, so that "
            "they replace nothing newer"
            for name, first in self.first_known(new, as_of).items()
        ]
        returned = [file.name for file in new if file.name and (file.table, file.hash) in self.contents]
        if returned:
            notices.append(
                f"{', '.join(returned[:10])}: landed before, and something else since; taken as a state that has returned"
            )
        return notices

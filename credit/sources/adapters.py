"""The sources by name: how each is read, and in which zone it counts its days."""

from __future__ import annotations

from dataclasses import dataclass

from credit.errors import UserError
from credit.settings import DEFAULT_ZONE, Settings
from credit.sources import canonical, database, mapped_files, olist
from credit.sources.delivery import Adapter


@dataclass(frozen=True)
class Source:
    """A source that `--source` names. `path`: what `--path` is for it; `zone`: the time zone it counts its days in, if it has
    one of its own."""

    read: Adapter
    path: str
    zone: str | None = None


SOURCES: dict[str, Source] = {
    "canonical": Source(canonical.read, "files in our own shape"),
    "olist": Source(olist.read, "the folder of the public Olist files", olist.ZONE),
    "postgres": Source(database.read, "a mapping file"),
    "mysql": Source(database.read, "a mapping file"),
    "files": Source(mapped_files.read, "a mapping file"),
}

HELP = "What --path is. " + "; ".join(f"{name}: {source.path}" for name, source in SOURCES.items()) + "."
"""The help of `--source`."""


def source_of(name: str) -> Source:
    """The source of that name; UserError names the known ones."""
    if name not in SOURCES:
        raise UserError(f"unknown source {name!r}; expected one of: {', '.join(SOURCES)}")
    return SOURCES[name]


def zone_before_a_batch(settings: Settings, source: str | None) -> str:
    """The zone days are counted in where no home fixes it yet: the setting, the source's own, the default. UserError for an
    unknown source."""
    return settings.zone or (source_of(source).zone if source else None) or DEFAULT_ZONE

"""The adapters by name."""

from __future__ import annotations

from credit.errors import UserError
from credit.settings import DEFAULT_ZONE, Settings
from credit.sources.delivery import Adapter


def zone_of_source(name: str) -> str | None:
    """The time zone a source counts its days in, if it has one of its own."""
    from credit.sources import olist

    return olist.ZONE if name == "olist" else None


def zone_before_a_batch(settings: Settings, source: str | None) -> str:
    """The zone days are counted in where no home fixes it yet: the setting, the source's own, the default."""
    return settings.zone or (zone_of_source(source) if source else None) or DEFAULT_ZONE


def adapter(name: str) -> Adapter:
    """The adapter of that name; UserError names the known ones."""
    from credit.sources import canonical, olist, postgres

    known: dict[str, Adapter] = {"canonical": canonical.read, "olist": olist.read, "postgres": postgres.read}
    if name not in known:
        raise UserError(f"unknown source {name!r}; expected one of: {', '.join(known)}")
    return known[name]

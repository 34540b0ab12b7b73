"""What a mapping says of the wording of a column, the same for files and databases: SQL over its text as it was read."""

from __future__ import annotations

from credit.sources.mapping import TableMap
from credit.warehouse import values
from credit.warehouse.connection import quote, quoted


def worded(mapped: TableMap, column: str, text: str) -> str:
    """The text of a column with its words for nothing as blanks, its codes as canonical ones, its times in their own zone.

    `text` is DuckDB's SQL. What none of them speaks of stays as it is, for the row checks to name.
    """
    trimmed = values.trimmed(text)
    if mapped.nothing:
        words = quoted(mapped.nothing)
        text = f"CASE WHEN {trimmed} NOT IN ({words}) THEN {text} END"
    if column in mapped.codes:
        cases = " ".join(f"WHEN {quote(word)} THEN {quote(code)}" for word, code in mapped.codes[column].items())
        text = f"CASE {trimmed} {cases} ELSE {text}::VARCHAR END"
    if column in mapped.zones:
        text = _in_zone(text, mapped.zones[column])
    return text


def _in_zone(text: str, zone: str) -> str:
    """A time with the offset it has in `zone`; one that says its own offset, and one that does not read, as they are."""
    trimmed = values.trimmed(text)
    here = "current_setting('TimeZone')"
    own = (
        rf"regexp_matches({trimmed}, ':[0-9]{{2}}([.][0-9]+)?\s*(Z|z|[A-Za-z]{{3,4}}|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
        # Seconds or milliseconds since 1970 are of no zone.
        r"|^1[0-9]{9}([0-9]{3})?$')"
    )
    # A day names no time of which the zone could be asked; a promised one is kept by the end of the platform's day.
    shifted = f"timezone({quote(zone)}, timezone({here}, {values.instant(trimmed, 'UTC')}))::VARCHAR"
    return f"CASE WHEN {own} OR {values.is_day(trimmed)} THEN {text}::VARCHAR ELSE coalesce({shifted}, {text}::VARCHAR) END"

"""What each listing on sale lacks of what its category must show, as SQL over rows of the table listings."""

from __future__ import annotations

from collections.abc import Collection

from credit.listings.required import SHOWN, Required

ON_SALE = "delisted_at IS NULL"


def lacking(required: Required, supplied: Collection[str], rows: str) -> str:
    """SQL of the listings on sale among `rows` (a relation, as of a night) that must show anything: listing_id, subject_id,
    name, `lacking` and `untold` (fields that are not shown, and fields that the platform does not supply), and `asked` (how many
    are asked for of those it supplies). A listing without a category is asked for all that any must show."""
    fields = []
    for shown in required.fields:
        pattern = required.pattern(shown)
        asked = "true"
        if pattern is not None:
            category_supplied = "listings.category" in supplied
            quoted = pattern.replace("'", "''")
            asked = f"coalesce(regexp_matches(category, '{quoted}'), true)" if category_supplied else "false"
        fields.append((shown.field, asked, f"listings.{shown.field}" in supplied))

    def listed(conditions: list[str]) -> str:
        return f"list_filter([{', '.join(conditions)}]::VARCHAR[], lambda field: field IS NOT NULL)"

    absent = [
        f"CASE WHEN {asked} AND NOT coalesce({SHOWN[f]}, false) THEN '{f}' END"
        for f, asked, is_supplied in fields
        if is_supplied
    ]
    untold = [f"CASE WHEN {asked} THEN '{f}' END" for f, asked, is_supplied in fields if not is_supplied]
    number = " + ".join(["0", *(f"({asked})::BIGINT" for _, asked, is_supplied in fields if is_supplied)])
    return (
        f"SELECT listing_id, subject_id, name, {listed(absent)} AS lacking, {listed(untold)} AS untold, {number} AS asked "
        f"FROM {rows} WHERE {ON_SALE}"
    )

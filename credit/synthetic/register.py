"""A list of authorities without codes, about enterprises of a simulated marketplace and as many strangers, worded as lists are."""

from __future__ import annotations

import random

import duckdb

from credit.tables import TABLES

_ODD = "骏珀璟颢沣曜"
"""Characters that a hasty clerk writes for others."""


def write_list(
    con: duckdb.DuckDBPyConnection, strangers: list[tuple[str, str]], *, size: int, seed: int
) -> dict[tuple[str, str | None], str]:
    """Put `size` subjects that are sellers of the warehouse, and `strangers` (name, address), into `waiting.public_records`.

    Of ten names of sellers six stand as registered; the others have another legal form, no region, brackets and spaces, or one
    character that is wrong. Of five addresses two are whole, one is without its province, two are blank. Returns
    (name, address) -> the seller whose list entry it is.
    """
    rng = random.Random(seed)
    sellers = con.execute(
        """SELECT subject_id, name, address FROM canonical.subjects
           WHERE role = 'seller' AND kind = 'enterprise' AND name IS NOT NULL ORDER BY 1"""
    ).fetchall()
    truth: dict[tuple[str, str | None], str] = {}
    for subject_id, name, address in rng.sample(sellers, min(size, len(sellers))):
        truth[_worded(rng, name), _addressed(rng, address)] = subject_id
    listed = [*truth, *((name, _addressed(rng, address)) for name, address in strangers)]
    table = TABLES["public_records"]
    for number, (name, address) in enumerate(listed):
        con.execute(
            f"""INSERT INTO waiting.{table.name} BY NAME SELECT ? AS record_id, ? AS subject_id, ? AS subject_name,
                ? AS subject_address, 'administrative_penalty' AS kind, '示例局' AS issuer, 'minor' AS grade,
                DATE '2026-01-05' AS valid_from, TIMESTAMPTZ '2026-01-06' AS known_at, 1 AS batch_id""",
            [f"L{number}", name, name, address],
        )
    return truth


def _worded(rng: random.Random, name: str) -> str:
    how = rng.random()
    if how < 0.6:
        return name
    if how < 0.7:
        return name.replace("有限公司", "有限责任公司")
    if how < 0.8 and "市" in name:
        return name.partition("市")[2]
    if how < 0.9:
        return f"{name[:-4]}（ {name[-4:]} ）"
    place = rng.randrange(3, len(name) - 4)
    return name[:place] + rng.choice(_ODD) + name[place + 1 :]


def _addressed(rng: random.Random, address: str) -> str | None:
    how = rng.random()
    if how < 0.4:
        return None
    return address.partition("省")[2] or address if how < 0.6 else address

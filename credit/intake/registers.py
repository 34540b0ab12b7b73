"""Lists of authorities: penalties, abnormal operation, dishonest debtors and tax grades come by credit code and name, not by the
platform's ids (5.7.4 of the governing standard).

A record whose subject is given as a credit code is that of the shop registered under it, of the first by id where several
are: an evaluation reads what is recorded of one shop of a legal subject for all of them. A name is a merchant's where
a person has accepted that (`credit.ledgers.matches`). What is nobody's waits, as rows of unknown sellers do, and is tried again with
every delivery.
"""

from __future__ import annotations

from typing import Literal

import duckdb

from credit.ledgers.matches import ACCEPTED
from credit.tables import Table


def of_registers(table: Table) -> bool:
    """Whether the rows of a table come from lists of authorities."""
    return table.name == "public_records"


def find_merchants(
    con: duckdb.DuckDBPyConnection, table: Table, schema: Literal["landing", "waiting"], batch_id: int | None = None
) -> None:
    """Give rows whose subject is a credit code the id of the shop under that code, and those of a subject that is a merchant by a
    person's word the id of that. `batch_id`: of a batch's own rows, to which its own subjects count; else of all."""
    if not of_registers(table):
        return
    arriving = (
        f"UNION ALL SELECT subject_id, uscc, role FROM landing.subjects WHERE batch_id = {batch_id}"
        if batch_id is not None
        else ""
    )
    mine = f"AND r.batch_id = {batch_id}" if batch_id is not None else ""
    con.execute(
        f"""WITH known AS (SELECT subject_id, uscc, role FROM canonical.subjects {arriving})
            UPDATE {schema}.{table.name} r SET subject_id = k.subject_id
            FROM (SELECT upper(uscc) AS code, min(subject_id) AS subject_id FROM known
                  WHERE uscc IS NOT NULL AND role = 'seller' GROUP BY 1) k
            WHERE upper(r.subject_id) = k.code AND r.subject_id NOT IN (SELECT subject_id FROM known)
                  {mine}"""
    )
    con.execute(
        f"""UPDATE {schema}.{table.name} r SET subject_id = a.subject_id FROM ({ACCEPTED}) a
            WHERE r.subject_id = a.given AND coalesce(r.subject_name, r.subject_id) = a.name
                  AND r.subject_address IS NOT DISTINCT FROM a.address {mine}"""
    )

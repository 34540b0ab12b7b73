"""One legal subject behind several shops (同一信用主体): what an evaluation reads of each merchant.

Shops that hold, or ever held, the same valid credit code or citizen's id are one legal subject. Its trade, complaints, records,
violations and sanctions are those of all its shops: splitting a business, or opening a new shop, leaves nothing behind.
Codes are public: a shop that the platform has not verified bears the record of the code it claims, and hands none of its own
on to those that are verified.
The register stays each shop's own, and what was once on file there and is blank now is withdrawn: the last licence or
permit without an end, the code a wrong one. `categories` are all that ever stood there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from credit.evaluation.engine import Frames, Moment, beside
from credit.tables import Table
from credit.warehouse.sql import statement
from credit.warehouse.values import half_width

_WITHDRAWN = Path(__file__).with_name("withdrawn.sql").read_text(encoding="utf-8")
_SAME_RECORD = ("subject_id", "kind", "issuer", "reference", "grade", "valid_from", "valid_until", "repaired_on")

col = nw.col


def shops(con: duckdb.DuckDBPyConnection, moment: Moment) -> dict[str, list[str]]:
    """Shop -> the shops whose rows it is marked by, itself among them; shops that stand alone are left out."""
    codes = con.execute(
        statement(__file__, "same_code", half_width=half_width("code")), {"at": moment.cut_off}
    ).fetchall()
    among_all, among_verified = (_joined(lists) for lists in zip(*codes, strict=True)) if codes else ({}, {})
    verified = {shop for _, members in codes for shop in members}
    return {shop: among_verified[shop] if shop in verified else joined for shop, joined in among_all.items()}


def _joined(lists: Iterable[list[str]]) -> dict[str, list[str]]:
    """Member -> all members of the lists that hang together with its own."""
    groups: dict[str, list[str]] = {}
    for same in lists:
        joined = sorted({member for shop in same for member in groups.get(shop, [shop])})
        for shop in joined:
            groups[shop] = joined
    return groups


def read(con: duckdb.DuckDBPyConnection, frames: Frames, moment: Moment) -> Frames:
    """The same frames as an evaluation reads them. Rows of a legal subject stand once for each of its shops; `own` says
    whether a row is the shop's own."""
    groups = shops(con, moment)
    pairs = pa.table(
        {
            "of_shop": pa.array([other for others in groups.values() for other in others], pa.string()),
            "seen_by": pa.array([shop for shop, others in groups.items() for _ in others], pa.string()),
        }
    )

    def shared(table: Table) -> nw.LazyFrame[Any]:
        frame = frames(table).lazy()
        if table.event is None:
            before = con.sql(_WITHDRAWN, params={"at": moment.cut_off})
            return _withdrawn(frame, beside(frame, before), list(table.names))
        if not groups:
            return frame
        sisters = beside(frame, con.from_arrow(pairs))
        seen = frame.join(sisters, left_on="subject_id", right_on="of_shop", how="left")
        seen = seen.with_columns(
            nw.coalesce(col("seen_by"), col("subject_id")).alias("subject_id"),
            (col("seen_by").is_null() | (col("seen_by") == col("subject_id"))).alias("own"),
        ).drop("seen_by")
        return _one_of_each(seen) if table.name == "public_records" else seen

    return shared


def _one_of_each(records: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Without the records of sisters that stand there already: one document that is delivered for each shop is one record.
    Without a document's number nobody can say that two are one, and a shop's own rows stay as they are."""
    once = col("own") | col("reference").is_null()
    own_too = col("own").cast(nw.Int64).max().over(*_SAME_RECORD)
    left = records.with_columns(own_too.alias("own_too"), nw.when(once).then(col("record_id")).alias("apart"))
    left = left.filter(once | (col("own_too") == 0))
    return left.unique(subset=[*_SAME_RECORD, "apart"], keep="any").drop("own_too", "apart")


def _withdrawn(subjects: nw.LazyFrame[Any], before: nw.LazyFrame[Any], names: list[str]) -> nw.LazyFrame[Any]:
    def only_with(number: str, until: str) -> nw.Expr:
        return nw.when(~col(number).is_null()).then(col(until)).alias(until)

    known = subjects.join(before, on="subject_id", how="left").with_columns(
        only_with("licence_no", "licence_valid_until"), only_with("permit_no", "permit_valid_until")
    )
    lost = col("code_valid").is_null() & col("had_code").fill_null(False)
    return known.with_columns(
        nw.coalesce(col("licence_no"), col("had_licence")).alias("licence_no"),
        nw.coalesce(col("permit_no"), col("had_permit")).alias("permit_no"),
        nw.coalesce(col("category"), col("had_category")).alias("category"),
        nw.concat_str(col("category"), col("had_categories"), separator="|", ignore_nulls=True).alias("categories"),
        nw.when(lost).then(nw.lit(False)).otherwise(col("code_valid")).alias("code_valid"),
    ).select(*names, "categories", "known_at")

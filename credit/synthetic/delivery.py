"""The synthetic marketplace written as the files of one delivery, bad rows included."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from credit.synthetic.market import ZONE, populate
from credit.tables import KNOWN_AT, TABLES, Table


class _File(NamedTuple):
    name: str
    chinese_header: bool = False
    encoding: str = "utf-8"


_FILES = {
    "subjects": _File("subjects.csv", chinese_header=True),
    "transactions": _File("transactions.parquet"),
    "reviews": _File("reviews.ndjson.gz"),
    "complaints": _File("complaints.csv", encoding="gb18030"),
    "public_records": _File("public_records.csv", encoding="gb18030"),
    "violations": _File("violations.ndjson"),
    "sanctions": _File("sanctions.csv", chinese_header=True),
    "spot_checks": _File("spot_checks.csv", chinese_header=True),
    "listings": _File("listings.csv", chinese_header=True),
}

_STRANGER = {"subject_id": "'M-UNKNOWN'"}
_CONFLICT, _EXTRA, _CUT = "conflicting_duplicate", "extra_field", "cut_line"

BAD_ROWS: dict[str, dict[str, dict[str, str]]] = {
    "subjects": {
        "missing_kind": {"kind": "NULL"},
        "unknown_role": {"role": "'reseller'"},
        "negative_deposit": {"deposit_amount": "-500.00"},
        "unreadable_date": {"joined_on": "'2023-13-45'"},
        "year_1970": {"joined_on": "'1970-01-01'"},
        "year_2099": {"verified_on": "'2099-01-01'"},
        _CONFLICT: {"name": "'另一个名称'"},
        _EXTRA: {},
    },
    "transactions": {
        "unknown_seller": _STRANGER,
        "missing_amount": {"amount": "NULL"},
        "negative_amount": {"amount": "-12.00"},
        "unknown_canceller": {"cancelled_by": "'nobody'"},
        "delivery_before_order": {"delivered_at": "ordered_at - INTERVAL 1 DAY"},
        "year_1970": {"ordered_at": "to_timestamp(0)"},
        "year_2099": {"completed_at": "TIMESTAMPTZ '2099-01-01 00:00:00+08'"},
        _CONFLICT: {"amount": "amount + 1"},
    },
    "reviews": {
        "unknown_seller": _STRANGER,
        "missing_rating": {"rating_overall": "NULL"},
        "rating_7": {"rating_overall": "7"},
        "unreadable_date": {"reviewed_at": "'昨天下午'"},
        "year_1970": {"reviewed_at": "'1970-01-01T08:00:00+08:00'"},
        "reply_before_review": {"replied_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"rating_overall": "6 - rating_overall", "text": "'改了主意'"},
        _CUT: {},
    },
    "complaints": {
        "unknown_seller": _STRANGER,
        "missing_category": {"category": "NULL"},
        "unknown_channel": {"channel": "'letter'"},
        "unreadable_date": {"filed_at": "'2025/31/12'"},
        "year_2099": {"resolved_at": "'2099-01-01T00:00:00+08:00'"},
        "response_before_filing": {"first_response_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"category": "CASE category WHEN 'privacy' THEN 'other' ELSE 'privacy' END"},
        _EXTRA: {},
    },
    "public_records": {
        "unknown_seller": _STRANGER,
        "missing_issuer": {"issuer": "NULL"},
        "unknown_kind": {"kind": "'rumour'"},
        "unreadable_date": {"valid_from": "'二〇二五年三月'"},
        "repair_before_record": {"repaired_on": "'2001-01-01'"},
        _CONFLICT: {"issuer": "issuer || '（更正）'"},
        _EXTRA: {},
    },
    "violations": {
        "unknown_seller": _STRANGER,
        "missing_decision": {"decided_at": "NULL"},
        "unknown_severity": {"severity": "'terrible'"},
        "year_1970": {"decided_at": "'1970-01-01T08:00:00+08:00'"},
        _CONFLICT: {"note": "'更正'"},
        _CUT: {},
    },
    "sanctions": {
        "unknown_seller": _STRANGER,
        "missing_reason": {"reason": "NULL"},
        "unreadable_date": {"imposed_at": "'immediately'"},
        "end_before_start": {"until_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"reason": "'更正'"},
        _EXTRA: {},
    },
    "spot_checks": {
        "unknown_seller": _STRANGER,
        "missing_due_at": {"due_at": "NULL"},
        "unknown_kind": {"kind": "'interview'"},
        "unreadable_date": {"requested_at": "'下周一'"},
        "answer_before_request": {"answered_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"note": "'更正'"},
        _EXTRA: {},
    },
    "listings": {
        "unknown_seller": _STRANGER,
        "missing_listed_at": {"listed_at": "NULL"},
        "negative_price": {"price": "-9.90"},
        "unreadable_date": {"listed_at": "'上周'"},
        "off_sale_before_on_sale": {"delisted_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"name": "'另一件商品'"},
        _EXTRA: {},
    },
}
"""Table -> kind of bad row -> what is wrong: column -> SQL. A bad row is a good one with the key `BAD-<kind>` and that.

One row of each kind, but two of `conflicting_duplicate`: the same key with different content, of which neither can be
believed. `extra_field` is a CSV line with one field too many, `cut_line` an NDJSON line that ends in the middle.
"""


def _delivery(table: Table, file: _File, *, bad_rows: bool) -> str:
    """SELECT of the rows of a file, good and bad, in the order in which they came to be known."""
    typed = file.name.endswith(".parquet")

    def shown(name: str, kind: str) -> str:
        if typed or kind not in ("instant", "date"):
            return name
        if kind == "date":
            return f"strftime({name}, '%Y-%m-%d') AS {name}"
        return f"strftime(timezone('{ZONE}', {name}), '%Y-%m-%dT%H:%M:%S+08:00') AS {name}"

    columns = (*table.supplied, KNOWN_AT)
    rows = f"SELECT {', '.join(shown(c.name, c.type) for c in columns)} FROM sim.{table.name}"
    union = "SELECT *, 0 AS nth FROM good"
    # The last complete one; of the subjects a buyer, whom no other table's rows hang on.
    model = {
        "subjects": "role = 'buyer'",
        "transactions": "completed_at IS NOT NULL",
        "complaints": "resolved_at IS NOT NULL",
    }.get(table.name, "true")
    for kind, wrong in BAD_ROWS[table.name].items() if bad_rows else ():
        for nth, change in enumerate(({}, wrong) if kind == _CONFLICT else (wrong,)):
            values = {table.key: f"'BAD-{kind}'"} | change
            replaced = ", ".join(f"{value} AS {name}" for name, value in values.items())
            union += f" UNION ALL SELECT * REPLACE ({replaced}), {nth} FROM model"
    named = ", ".join(f'{c.name} AS "{c.zh if file.chinese_header else c.name}"' for c in columns)
    return (
        f"WITH good AS ({rows}),"
        f" model AS (SELECT * FROM good WHERE {model} ORDER BY {table.key} DESC LIMIT 1)"
        f" SELECT {named} FROM ({union}) ORDER BY known_at, {table.key}, nth"
    )


@contextmanager
def simulated(**sizes: Any) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A marketplace of these sizes (as `populate` takes them) in schema `sim` of a database in memory, and a folder for a while."""
    with tempfile.TemporaryDirectory() as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "1GB",
            "threads": 2,
            "temp_directory": scratch,
            "autoinstall_known_extensions": "false",
        }
        with duckdb.connect(config=config) as con:
            con.execute("SET TimeZone = 'UTC'")
            populate(con, schema="sim", **sizes)
            yield con, Path(scratch)


def write(
    folder: Path,
    *,
    merchants: int = 300,
    transactions: int = 30_000,
    days: int = 400,
    end: date,
    seed: int = 1,
    bad_rows: bool = True,
) -> dict[str, int]:
    """Write the marketplace as the canonical files a platform would deliver; returns table -> bad rows in its file.

    A mix of shapes: Parquet, NDJSON plain and gzipped, CSV in UTF-8 with Chinese and in GB18030 with English header.
    The same arguments give the same bytes. Ranges as in `populate`; the bad rows are `BAD_ROWS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with simulated(merchants=merchants, transactions=transactions, days=days, end=end, seed=seed) as (con, scratch):
        for name, file in _FILES.items():
            rows = _delivery(TABLES[name], file, bad_rows=bad_rows)
            if file.name.endswith(".parquet"):
                target = str(folder / file.name).replace("'", "''")
                con.execute(f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            else:
                plain = scratch / name
                shape = "FORMAT csv, HEADER" if ".csv" in file.name else "FORMAT json"
                con.execute(f"COPY ({rows}) TO '{plain}' ({shape})")
                _transcribe(plain, folder / file.name, file.encoding)
    if not bad_rows:
        return dict.fromkeys(_FILES, 0)
    return {name: len(BAD_ROWS[name]) + (_CONFLICT in BAD_ROWS[name]) for name in _FILES}


def _transcribe(plain: Path, target: Path, encoding: str) -> None:
    """Copy a text file in its encoding, gzipped where its name says so, and break the lines that are to be broken."""
    with plain.open(encoding="utf-8", newline="") as source, target.open("wb") as raw:
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if target.suffix == ".gz" else None
        for line in source:
            if line.startswith(f"BAD-{_EXTRA},"):
                line = line.rstrip("\n") + ",多余\n"
            elif f'"BAD-{_CUT}"' in line:
                line = line[: len(line) // 2] + "\n"
            (packed or raw).write(line.encode(encoding))
        if packed:
            packed.close()

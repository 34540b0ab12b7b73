"""What was set aside: counted by cause, explained, and exported as files that can be mended and delivered again."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from credit.errors import UserError
from credit.files.formats import csv_bytes
from credit.tables import TABLES
from credit.warehouse.connection import as_dicts, quote

REMEDIES: dict[str, tuple[str, str]] = {
    "missing": ("补填必填栏目", "fill in the required column"),
    "unreadable": ("按说明的写法更正该值", "write the value as the reason says"),
    "implausible_time": ("核对日期或时间", "correct the date or time"),
    "unknown_code": (
        "改用字典中的代码，或在映射中说明平台自己的代码",
        "use a code of the dictionary, or map the platform's own",
    ),
    "too_long": ("缩短文本", "shorten the text"),
    "control_character": ("去掉换行和控制字符", "remove line breaks and control characters"),
    "other_currency": (
        "核对金额与币种：二者说的不是同一种货币",
        "correct the amount or the currency: they speak of two different ones",
    ),
    "too_precise": (
        "按币种的最小单位、至多两位小数更正金额",
        "write the amount in the smallest unit of its currency, two decimals at most",
    ),
    "out_of_range": ("核对数值", "correct the number"),
    "mangled_id": ("从源系统重新导出，编号列设为文本", "export anew from the source, with the id column as text"),
    "personal_number": ("主体编号改用平台自编的编号", "deliver an id of the platform's own"),
    "malformed_line": ("列数与表头一致，引号成对", "as many fields as the header, quotes in pairs"),
    "unfinished_line": ("末行以换行符结束", "the last line ends in a line end"),
    "unreadable_characters": ("以 UTF-8 重新导出该行", "export the row again in UTF-8"),
    "duplicate_row": ("无须处理：已取其一", "nothing: one of them was taken"),
    "conflicting_duplicate": ("只交付正确的一行", "deliver the right row alone"),
    "superseded_in_delivery": ("无须处理：已取较后的文件", "nothing: the later file was taken"),
    "unknown_subject": (
        "交付该商家的登记信息，行会自动进入",
        "deliver the merchant's register row; the row then comes in by itself",
    ),
    "unknown_transaction": ("重新交付该订单，行会自动进入", "deliver the order again; the row then comes in by itself"),
    "moved": (
        "按首次交付的商家和时间交付；首次交付有误的，以 --history 重新交付",
        "deliver it with the merchant and the time it first came with; if those were wrong, deliver it with --history",
    ),
    "failed_expectations": ("更正整批后重新交付", "correct the batch and deliver it again"),
}
"""Reason code -> what to do, in Chinese and English."""
_OTHERWISE = ("按原因更正后重新交付", "correct it as the reason says and deliver it again")


@dataclass(frozen=True)
class Chosen:
    """Which rejects: of a batch, a source table, a reason code; None is all. Those that came in meanwhile are left out."""

    batch: int | None = None
    table: str | None = None
    code: str | None = None

    @property
    def condition(self) -> str:
        """As SQL over quarantine.rows."""
        parts = ["released_by IS NULL"]
        if self.batch is not None:
            parts.append(f"batch_id = {int(self.batch)}")
        if self.table is not None:
            parts.append(f"source_table = {quote(self.table)}")
        if self.code is not None:
            parts.append(f"code = {quote(self.code)}")
        return " AND ".join(parts)


def remedy(code: str) -> tuple[str, str]:
    """What to do about a reason code, in Chinese and English."""
    return REMEDIES.get(code, _OTHERWISE)


def listed(con: duckdb.DuckDBPyConnection, chosen: Chosen) -> list[dict[str, Any]]:
    """One entry a batch, table and code: rows, an example, what to do; newest batches first, most frequent codes first."""
    entries = as_dicts(
        con,
        f"""SELECT batch_id AS batch, source_table AS "table", code, count(*) AS rows, min(left(reason, 200)) AS example
            FROM quarantine.rows WHERE {chosen.condition} GROUP BY ALL ORDER BY 1 DESC, 2, 4 DESC, 3""",
    )
    for entry in entries:
        entry["remedy_zh"], entry["remedy"] = remedy(entry["code"])
    return entries


def explained(con: duckdb.DuckDBPyConnection, chosen: Chosen, limit: int) -> list[dict[str, Any]]:
    """Single rejects with file, line, key and reason, in the order of their files and lines."""
    return as_dicts(
        con,
        f"""SELECT batch_id AS batch, source_table AS "table", file, line, key, code, reason
            FROM quarantine.rows WHERE {chosen.condition} ORDER BY 1 DESC, 2, 3, 4 LIMIT {int(limit)}""",
    )


def export(con: duckdb.DuckDBPyConnection, chosen: Chosen, folder: Path) -> dict[str, int]:
    """Write a CSV for each table: the columns as they came, to be mended and delivered again, with `_file`, `_line`, `_code`,
    `_reason`, which a delivery ignores. Returns file name -> rows.

    Consumers' ids are pseudonyms already: a row that names one is to be taken from the source. Lines that were no rows are
    written to `<table>.lines.csv` as they came. Raises UserError where nothing is chosen or the folder cannot be written.
    """
    written: dict[str, int] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for (table,) in con.execute(
            f"SELECT DISTINCT source_table FROM quarantine.rows WHERE {chosen.condition} ORDER BY 1"
        ).fetchall():
            rows = con.execute(
                f"""SELECT file, line, code, reason, raw FROM quarantine.rows
                    WHERE {chosen.condition} AND source_table = {quote(table)} ORDER BY file, line"""
            )
            split: list[dict[str, Any]] = []
            lines: list[dict[str, Any]] = []
            for file, line, code, reason, raw in rows.fetchall():
                about = {"_file": file, "_line": line, "_code": code, "_reason": reason}
                fields = _fields(raw)
                if fields is None:
                    lines.append(about | {"_raw": raw})
                else:
                    split.append(fields | about)
            for name, entries in ((f"{table}.mend.csv", split), (f"{table}.lines.csv", lines)):
                if entries:
                    columns = _columns(table, entries)
                    filled = [dict.fromkeys(columns) | entry for entry in entries]
                    (folder / name).write_bytes(csv_bytes(columns, [filled]))
                    written[name] = len(entries)
    except (OSError, csv.Error) as error:
        raise UserError(f"{folder} cannot be written: {error}; choose another folder") from None
    if not written:
        raise UserError("nothing in the quarantine is as chosen; `merchant-credit quarantine list` shows what is there")
    return written


def _fields(raw: str | None) -> dict[str, Any] | None:
    """The columns of a rejected row, as delivered; None of a line that did not split into columns."""
    try:
        value = json.loads(raw or "")
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return {name: part for name, part in value.items() if name not in ("batch_id", "source_table", "file", "line")}


def _columns(table: str, entries: list[dict[str, Any]]) -> list[str]:
    present = {name for entry in entries for name in entry}
    first = [column.name for column in TABLES[table].supplied] if table in TABLES else []
    derived = {column.name for column in TABLES[table].columns if column.derived} if table in TABLES else set()
    ordered = [name for name in first if name in present]
    other = sorted(name for name in present - set(ordered) - derived if not name.startswith("_"))
    return [*ordered, *other, *(name for name in ("_file", "_line", "_code", "_reason", "_raw") if name in present)]

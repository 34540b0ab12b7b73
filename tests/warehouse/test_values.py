"""What is written just as the dictionary has it reads the same by the short way as by the long one."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from credit import codes
from credit.tables import KNOWN_AT, TABLES, Column, Table
from credit.warehouse import values, words
from credit.warehouse.connection import quoted

ZONE = "Asia/Shanghai"
WORDS = {
    *words.NOTHING,
    *words.NOTHING_IN_TEXT,
    *words.NO_DAY,
    *words.NO_TIME,
    *words.OPEN_END,
    *words.NOBODY,
    *words.MASKS,
}
TIMES = (
    "2026-02-03", "2026-02-03 08:05", "2026-02-03 08:05:09+08", "2026-02-03T08:05:09.123Z", "2026-02-03 23:30 CST", "20260203",
    "2026-02-03 08:05 PM", "2026-2-3", "2026/02/03", "infinity", "epoch", "now", "0001-01-01 00:00:00+00", "9999-12-31 23:59:59",
    "2026-02-03 24:00:00", "2026-02-30", "-2026-01-01", "2026-02-03 (BC)", "46056.5", "1770076800", "2026年2月3日",
)  # fmt: skip
NUMBERS = (
    "0", "7", "-7", "+7", "007", "7.0", "7.5", "1e3", "1E-2", "1_000", "1,234.50", "1 234", "¥99", "99元", "$5", "１２", "12.345",
    "99999999999999999", ".5", "5.", "NaN", "inf", "0x10", "★★★", "四星", "5分",
)  # fmt: skip
IDS = (
    "A1",
    "a-1",
    "＃１",
    "'A1",
    '="A1"',
    "店1",
    "1001.0",
    "2.3E+18",
    "3-Feb",
    "A*1",
    "A\u200b1",
    "",
    "=1+1",
    "商家",
    "é",
)
TRUTHS = ("true", "false", "TRUE", "t", "是", "否", "yes", "1", "×")
CODES = {code for table in TABLES.values() for column in table.columns for code in column.codes}
WRITTEN = {*codes.CURRENCIES, *(word for known in words.CODES.values() for word in known)}
TEXTS = sorted({*WORDS, *(word.upper() for word in WORDS), *TIMES, *NUMBERS, *IDS, *TRUTHS, *CODES, *WRITTEN,
                *(code.upper() for code in CODES)})  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Any:
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"SET TimeZone = '{ZONE}'")
        rows = ", ".join(f"({text})" for text in (quoted([text]) for text in TEXTS))
        con.execute(f"CREATE TABLE texts AS SELECT nullif(trim(t), '') AS t FROM (VALUES {rows}) v(t)")
        yield con


def _ways() -> dict[tuple[str, str, str, str], tuple[Table, Column]]:
    """(plainly, its value, the long way, blank) -> a column that is read so; columns of one kind are looked at once."""
    ways = {}
    for table in TABLES.values():
        for column in (*table.supplied, KNOWN_AT):
            if plain := values.plain(table, column, "t"):
                long = values.reads(table, column, "t", ZONE)
                ways[(*plain, long, values.blank(table, column, "t"))] = (table, column)
    return ways


def test_the_short_way_reads_what_the_long_one_does(con: duckdb.DuckDBPyConnection) -> None:
    short: dict[str, int] = {}
    for (plainly, value, long, blank), (table, column) in _ways().items():
        other = values.other_unit("t", "'CNY'") if column.type == "money" else "false"
        exact = values.amount("t", "DECIMAL(28,8)") if column.type == "money" else "NULL"
        rows = con.execute(
            f"""SELECT t, ({value})::VARCHAR, ({long})::VARCHAR, {blank}, {other}, TRY_CAST({exact} AS VARCHAR) IS NOT DISTINCT FROM
                       CASE WHEN {column.type == "money"} THEN TRY_CAST(TRY_CAST(t AS DECIMAL(28,8)) AS VARCHAR) END
                FROM texts WHERE t IS NOT NULL AND {plainly}"""
        ).fetchall()
        wrong = [row for row in rows if row[1] is None or row[1] != row[2] or row[3] or row[4] or not row[5]]
        assert not wrong, f"{table.name}.{column.name}: {wrong}"
        short[column.type] = short.get(column.type, 0) + len(rows)
    assert set(short) == {"instant", "date", "code", "text", "boolean", "integer", "money"}
    assert min(short.values()) >= 2


def test_what_is_written_otherwise_takes_the_long_way(con: duckdb.DuckDBPyConnection) -> None:
    orders, at = TABLES["transactions"], TABLES["transactions"].column("ordered_at")
    plainly = values.plain(orders, at, "t")
    assert plainly is not None
    taken = {text for (text,) in con.execute(f"SELECT t FROM texts WHERE {plainly[0]}").fetchall()}
    assert {"2026-02-03 08:05", "2026-02-03T08:05:09.123Z"} <= taken
    assert not taken & {"2026-02-03 23:30 CST", "2026-02-03 08:05 PM", "1970-01-01", "1770076800", "2026年2月3日", "无"}

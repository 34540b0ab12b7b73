"""Memory and time that workbooks take to read: rows of orders in one sheet, each size in a process of its own.

    python benchmarks/workbooks.py [--rows 250000 1000000]

A sheet holds 1,048,576 rows at most. Texts stand in the cells, as programs that export write them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter
from rich.console import Console
from rich.table import Table

COLUMNS = (
    "订单编号",
    "商家编号",
    "买家ID",
    "下单时间",
    "支付时间",
    "发货时间",
    "交易金额",
    "币种",
    "商品类目",
    "退款金额",
)
SHEET = "xl/worksheets/sheet1.xml"


def write(path: Path, rows: int) -> None:
    """A sheet of orders, its XML put into the file by an empty workbook's: a library takes minutes for a million rows."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.xlsx"
        with xlsxwriter.Workbook(str(empty)) as book:
            book.add_worksheet("交易订单")
        with zipfile.ZipFile(empty) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for name in old.namelist():
                if name != SHEET:
                    new.writestr(name, old.read(name))
            with new.open(SHEET, "w", force_zip64=True) as sheet:
                sheet.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
                sheet.write(_row(COLUMNS, 0))
                for i in range(1, rows + 1):
                    at = f"2026-{i % 12 + 1:02}-{i % 28 + 1:02} 10:{i % 60:02}:00"
                    texts = (f"T{i:09}", f"M{i % 5_000:06}", f"B{i % 300_000:07}", at, at, at)
                    sheet.write(_row((*texts, i % 1_000 / 8, "CNY", "家居", 0), i))
                sheet.write(b"</sheetData></worksheet>")


def _row(values: Sequence[str | float], number: int) -> bytes:
    cells = "".join(
        f'<c t="inlineStr"><is><t>{value}</t></is></c>' if isinstance(value, str) else f"<c><v>{value}</v></c>"
        for value in values
    )
    return f'<row r="{number + 1}">{cells}</row>'.encode()


def read(path: str, results: multiprocessing.Queue[tuple[int, float, float]]) -> None:
    """Rows, seconds and peak of memory in MiB."""
    from credit.settings import Settings
    from credit.sources.formats import excel
    from credit.warehouse.connection import connect

    with (
        tempfile.TemporaryDirectory() as home,
        connect(f"{home}/w.duckdb", Settings(home=Path(home), memory_limit="512MB")) as con,
    ):
        before = _peak()
        started = time.perf_counter()
        [sheet] = excel.sheets(Path(path))
        table = excel.read(con, Path(path), sheet, "orders")
        results.put((table.rows, time.perf_counter() - started, _peak() - before))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000])
    options = parser.parse_args()
    table = Table("rows", "file MiB", "seconds", "rows a second", "peak MiB over the start")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for rows in options.rows:
            path = Path(folder) / f"{rows}.xlsx"
            write(path, rows)
            results = context.Queue()
            process = context.Process(target=read, args=(str(path), results))
            process.start()
            number, seconds, peak = results.get(timeout=900)
            process.join()
            assert number == rows
            table.add_row(
                f"{rows:,}",
                f"{path.stat().st_size / 2**20:.0f}",
                f"{seconds:.1f}",
                f"{rows / seconds:,.0f}",
                f"{peak:,.0f}",
            )
            path.unlink()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

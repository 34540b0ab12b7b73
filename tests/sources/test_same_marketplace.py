"""One marketplace in every shape in which it can be delivered: what is published is the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import yaml

from credit.disclosure.publishing import publish
from credit.disclosure.versions import FOLLOWS
from credit.evaluation import night
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.settings import Settings
from credit.tables import KNOWN_AT, TABLES
from support.homes import write_key
from support.mysql_server import connect, new_database
from support.story_home import DAY, KEY, MARKETPLACE, ZONE, table

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

ENV = "CREDIT_TEST_MARKETPLACE_URL"
NAMES = sorted(file.stem for file in MARKETPLACE.glob("*.csv"))
"""Of the tables that the marketplace has."""

Shape = Callable[[Path], tuple[str, Path]]


def published(home: Path, source: str, path: Path) -> dict[str, bytes]:
    conf = Settings(home=home, zone=ZONE, threads=1, memory_limit="512MB")
    home.mkdir(parents=True)
    write_key(conf, KEY.hex())
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, source, path, DAY)
        assert batch.reasons == []
        merging.accept(con, batch.batch_id)
        night.evaluate(con, conf, DAY, None)
        folder = publish(con, conf, DAY).path
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: content for name, content in files.items() if name.split("/")[0] not in FOLLOWS}


@pytest.fixture(scope="module")
def as_canonical(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return published(tmp_path_factory.mktemp("canonical") / "home", "canonical", MARKETPLACE)


def as_chinese_csv(folder: Path) -> tuple[str, Path]:
    """GB18030 with headings in brackets of the platform's own, every id with a tab behind, by a mapping."""
    files, tables = {}, {}
    for name in NAMES:
        rows = table(MARKETPLACE / f"{name}.csv")
        columns = list(rows[0])
        lines = [",".join(f"「{TABLES[name].zh}」{c}" for c in columns)]
        for row in rows:
            cells = [
                '"' + row[c].replace('"', '""') + ("\t" if c.endswith("_id") and row[c] else "") + '"' for c in columns
            ]
            lines.append(",".join(cells))
        (folder / f"导出_{TABLES[name].zh}.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("gb18030"))
        files[f"f_{name}"] = f"导出_{TABLES[name].zh}.csv"
        tables[name] = {"from": f"f_{name}", "columns": {c: f'"「{TABLES[name].zh}」{c}"' for c in columns}}
    mapping = folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump({"files": files, "tables": tables}, allow_unicode=True), encoding="utf-8")
    return "files", mapping


def as_workbooks(folder: Path) -> tuple[str, Path]:
    """Two workbooks, a sheet a table, headings in Chinese."""
    for number, names in enumerate((NAMES[::2], NAMES[1::2])):
        with xlsxwriter.Workbook(str(folder / f"book-{number}.xlsx"), {"strings_to_formulas": False}) as book:
            for name in names:
                sheet = book.add_worksheet(TABLES[name].zh)
                rows = table(MARKETPLACE / f"{name}.csv")
                zh = {column.name: column.zh for column in (*TABLES[name].supplied, KNOWN_AT)}
                sheet.write_row(0, 0, [zh[c] for c in rows[0]])
                for i, row in enumerate(rows, 1):
                    for j, cell in enumerate(row.values()):
                        if cell:
                            sheet.write_string(i, j, cell)
    return "canonical", folder


def as_parquet(folder: Path) -> tuple[str, Path]:
    for name in NAMES:
        rows = [{c: v or None for c, v in row.items()} for row in table(MARKETPLACE / f"{name}.csv")]
        columns = list(rows[0])
        pq.write_table(
            pa.table({c: pa.array([row[c] for row in rows], pa.string()) for c in columns}), folder / f"{name}.parquet"
        )
    return "canonical", folder


def as_mysql(folder: Path) -> tuple[str, Path]:
    url = new_database()
    tables = {}
    with connect(url) as con, con.cursor() as cursor:
        for name in NAMES:
            rows = table(MARKETPLACE / f"{name}.csv")
            columns = list(rows[0])
            cursor.execute(f"CREATE TABLE {name} ({', '.join(f'`{c}` TEXT' for c in columns)})")
            cursor.executemany(
                f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(columns))})",
                [[v or None for v in row.values()] for row in rows],
            )
            tables[name] = {"from": f"{name} t", "columns": {c: f"t.`{c}`" for c in columns}}
    mapping = folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump({"connection": {"env": ENV}, "tables": tables}), encoding="utf-8")
    pytest.MonkeyPatch().setenv(ENV, url)
    return "mysql", mapping


@pytest.mark.parametrize("shape", [as_chinese_csv, as_workbooks, as_parquet, as_mysql])
def test_what_is_published_does_not_hang_on_how_it_was_delivered(
    shape: Shape, as_canonical: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    source, path = shape(folder)
    assert published(tmp_path / "home", source, path) == as_canonical

"""One marketplace in every shape in which it can be delivered: what is published is the same, byte for byte."""

from __future__ import annotations

import json
import os
import zipfile
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
from support import mysql_server, postgres_server
from support.homes import write_key
from support.marketplace_shops import NAMES, in_mysql, in_postgres
from support.story_home import DAY, KEY, MARKETPLACE, ZONE, table

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

ENV = "CREDIT_TEST_MARKETPLACE_URL"
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


def as_zipped_json(folder: Path) -> tuple[str, Path]:
    """One archive: arrays of objects, and objects a line for every second table."""
    with zipfile.ZipFile(folder / "delivery.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(NAMES):
            rows = [{c: v or None for c, v in row.items()} for row in table(MARKETPLACE / f"{name}.csv")]
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            if number % 2:
                archive.writestr(f"{name}.ndjson", "\n".join(lines) + "\n")
            else:
                archive.writestr(f"{name}.json", "[" + ",\n".join(lines) + "]")
    return "canonical", folder


def as_postgres(folder: Path) -> tuple[str, Path]:
    url = postgres_server.new_database()
    postgres_server.sql(url, "CREATE SCHEMA shop")
    os.environ[ENV] = url
    return "postgres", in_postgres(url, folder / "mapping.yaml", ENV)


def as_mysql(folder: Path) -> tuple[str, Path]:
    url = mysql_server.new_database()
    os.environ[ENV] = url
    return "mysql", in_mysql(url, folder / "mapping.yaml", ENV)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape may name its database in the environment; it is gone after the test."""
    monkeypatch.setenv(ENV, "")


@pytest.mark.parametrize("shape", [as_chinese_csv, as_workbooks, as_zipped_json, as_parquet, as_postgres, as_mysql])
def test_what_is_published_does_not_hang_on_how_it_was_delivered(
    shape: Shape, as_canonical: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    source, path = shape(folder)
    assert published(tmp_path / "home", source, path) == as_canonical

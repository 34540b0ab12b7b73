"""The report: every line with its result and reason, in both languages; nothing of a name does anything; by the schema."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import openpyxl
import pytest

from credit.assessment import report
from credit.assessment.catalogue import named
from credit.assessment.judging import RESULTS, assess
from credit.errors import UserError
from credit.ledgers import assessments
from credit.settings import Settings
from support.entries import LI
from support.small_market import DAY

pytestmark = pytest.mark.slow

HEBEI = "hebei-ecommerce-enterprise"
HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")'


@pytest.fixture
def run(con: duckdb.DuckDBPyConnection, home: Settings) -> assessments.Run:
    for kind, name in (("not_applicable", "4.1.8"), ("declaration", "5.2.3")):
        assessments.add(con, [f"{HEBEI}:{name}"], kind=kind, title=HOSTILE, dated=DAY, **LI)
    catalogue = named(HEBEI)
    return assessments.keep(con, assess(con, home, catalogue, DAY), catalogue.text, **LI)


def test_json_keeps_to_its_schema(run: assessments.Run) -> None:
    schema = json.loads(report.SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document: dict[str, Any] = report.document(run)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"lines": [document["lines"][0] | {"result": "good"}]}, schema)


def test_html_has_every_line_and_runs_nothing(run: assessments.Run) -> None:
    page = report.html(run, named(HEBEI))
    for line in run.result["lines"]:
        assert f'<span class="no">{line["id"]}</span>' in page
    assert {name for name in RESULTS if f'class="tag {name}"' in page} >= {"met", "not_shown", "not_applicable"}
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=", page), "it asks nothing of anybody"
    assert "E-Commerce Law Art. 34" in page
    for number, label in ((run.result["counts"][name], label) for name, label in RESULTS.items()):
        assert f"<b>{number}</b> {label.zh}" in page


def test_xlsx_has_the_same_as_text(run: assessments.Run) -> None:
    assert report.xlsx(run) == report.xlsx(run)
    book = openpyxl.load_workbook(io.BytesIO(report.xlsx(run)))
    lines, about = book.worksheets
    cells = list(lines.iter_rows(values_only=True))
    assert len(cells) == 1 + 54
    assert [row[0] for row in cells[1:]] == [line["id"] for line in run.result["lines"]]
    stated = next(row for row in cells if row[0] == "5.2.3")
    assert HOSTILE in str(stated[5])
    assert {cell.data_type for row in lines.iter_rows() for cell in row} <= {"s", "n"}
    assert dict(about.iter_rows(values_only=True))["编号 Number"] == "1"


def test_files_are_written_whole_and_for_their_owner(run: assessments.Run, tmp_path: Path) -> None:
    paths = report.write(run, tmp_path / "out")
    names = [f"assessment-1-{HEBEI}-2026-11-25{end}" for end in (".html", ".xlsx", ".json")]
    assert [path.name for path in paths] == [*names, "assessment.schema.json"]
    for path in paths:
        assert path.stat().st_mode & 0o077 == 0
    assert json.loads(paths[2].read_bytes())["made"]["by"] == "Li Wei"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"--out .*/file cannot be written: .*; choose another folder"):
        report.write(run, tmp_path / "file")

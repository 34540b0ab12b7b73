"""The analysts' notebooks run in a clean process, and what they stand on: a home as tidy DataFrames."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from credit import lab
from credit.errors import UserError, WarehouseLocked
from credit.lab import SAMPLE_DAY, Lab, headed
from support.places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The temporary folder of this process and of the kernels, so that all share one sample."""
    with pytest.MonkeyPatch.context() as patch:
        scratch = tmp_path_factory.mktemp("notebooks")
        patch.setattr(tempfile, "tempdir", str(scratch))
        for name in ("TMPDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(scratch))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("MERCHANT_CREDIT_THREADS", "1")
        yield scratch


@pytest.fixture(scope="module")
def market(folder: Path) -> Lab:
    return Lab(lab.sample())


# --- lab ---------------------------------------------------------------------------------------------------------------


def test_a_home_is_a_few_lines_away_from_tonights_grades(market: Lab) -> None:
    grades = market.grades()
    assert market.day == SAMPLE_DAY == market.nights[-1]
    assert len(market.nights) == 3
    assert set(grades["evaluated_on"]) == {pd.Timestamp(SAMPLE_DAY)}
    assert grades["subject_id"].is_unique
    assert grades.set_index("subject_id").loc["M000002", "name"] == "义乌市云达服饰有限公司"
    assert set(grades["role"]) == {"seller"}
    assert set(market.grades(role="buyer")["role"]) == {"buyer"}
    assert len(market.grades(*market.nights)) == 3 * len(grades)
    assert list(grades["grade"].cat.categories)[:4] == ["AAA", "AA", "A", "BBB"]
    assert grades["grade"].cat.categories[-1] == "NR"
    assert set(grades.loc[grades["grade"] == "NR", "grade_zh"]) == {"未评级"}
    assert market.runs()["subjects"].sum() == len(market.grades(*market.nights, role=None))


def test_points_of_indicators_and_elements_add_up_to_the_score(market: Lab) -> None:
    rated = market.grades().dropna(subset="score").set_index("subject_id")["score"]
    for rows in (market.indicators(), market.elements()):
        points = rows.groupby("subject_id")["points"].sum().reindex(rated.index)
        assert (points - rated).abs().max() < 1e-6
        assert rows["element_zh"].notna().all()
    elements = market.elements(merchant="M000002")
    assert set(elements["subject_id"]) == {"M000002"}
    assert elements["weight"].sum() == pytest.approx(1)
    assert (elements["points"] + elements["lost"]).to_numpy() == pytest.approx(100 * elements["weight"].to_numpy())


def test_delivered_rows_are_in_the_platforms_time_and_without_numbers_of_persons(market: Lab) -> None:
    orders = market.orders("M000002", since=date(2026, 10, 1))
    assert set(orders["subject_id"]) == {"M000002"}
    assert orders["ordered_at"].min() >= pd.Timestamp("2026-10-01")
    assert orders["ordered_at"].dt.tz is None
    with market.reading() as con:
        (first,) = con.execute(
            "SELECT timezone('Asia/Shanghai', ordered_at) FROM canonical.transactions WHERE transaction_id = ?",
            [orders["transaction_id"].iloc[0]],
        ).fetchall()
    assert first == (orders["ordered_at"].iloc[0],)
    assert not {"id_number", "address", "contact"} & set(market.merchants().columns)
    assert set(market.merchants()["role"]) == {"seller"}
    assert {"text", "rating_overall"} <= set(market.reviews("M000002").columns)


def test_findings_and_chinese_headings(market: Lab) -> None:
    findings = market.findings()
    assert findings["finding"].is_unique
    assert {"self_dealing_ring"} <= set(findings.loc[findings["subject_id"] == "M000003", "kind"])
    assert findings["outcome"].isna().all()
    bilingual, chinese = headed(findings), headed(findings, english=False)
    assert "线索编号 finding" in bilingual
    assert {"线索编号", "主体编号", "线索种类"} <= set(chinese)
    assert len(set(chinese.columns)) == len(chinese.columns)
    grades = headed(market.grades(), english=False)
    assert len(set(grades.columns)) == len(grades.columns)
    assert headed(market.orders("M000001")).columns[0] == "交易编号 transaction_id"


def test_what_a_night_left_is_read_while_the_warehouse_is_in_use(market: Lab) -> None:
    before = {"grades": market.grades(*market.nights), "elements": market.elements(), "runs": market.runs()}
    hold = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(market.settings.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        during = {"grades": market.grades(*market.nights), "elements": market.elements(), "runs": market.runs()}
        with pytest.raises(WarehouseLocked, match="nights"):
            market.orders("M000002")
        holder.communicate("")
    assert during["grades"]["name"].isna().all()
    for name, table in before.items():
        columns = [column for column in table.columns if column != "name"]
        pd.testing.assert_frame_equal(during[name][columns], table[columns], check_dtype=False)


def test_what_is_not_there_is_said(market: Lab, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no warehouse at"):
        Lab(tmp_path)
    with pytest.raises(UserError, match="2020-01-01 was not evaluated here; evaluated nights: 2026-10-04"):
        market.grades(date(2020, 1, 1))
    with pytest.raises(UserError, match="no rulebook 'mine' graded 2026-11-01; there are: gbt-26842-enterprise"):
        market.rulebook("mine")


# --- notebooks ---------------------------------------------------------------------------------------------------------


def test_there_are_six() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == list("123456")
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in page for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_charts_and_tables(path: Path, market: Lab) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code), "stored without outputs"
    before = json.loads(path.read_text(encoding="utf-8"))
    client = NotebookClient(book, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    client.execute()
    outputs = [output for cell in code for output in cell.outputs]
    pictures = [output.data["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
    tables = [output for output in outputs if "<table" in output.get("data", {}).get("text/html", "")]
    assert pictures
    assert tables
    assert not any(output.output_type == "error" for output in outputs)
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    # Nothing in a picture is fetched by whoever looks at it.
    assert not any("href=" in picture or "url(http" in picture for picture in pictures)
    assert json.loads(path.read_text(encoding="utf-8")) == before

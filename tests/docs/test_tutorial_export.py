"""The mapping of the tutorial reads every row of the export it speaks of."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.home import open_warehouse
from credit.intake import landing
from credit.settings import Settings
from credit.synthetic import own_words
from credit.tables import TABLES

pytestmark = [pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-export.md"
DAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    own_words.write(folder, merchants=100, transactions=5_000, end=DAY)
    return folder


def test_the_mapping_of_the_page_reads_every_row(export: Path, tmp_path: Path) -> None:
    [mapping] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = export / "mapping.yaml"
    path.write_text(mapping, encoding="utf-8")
    check = CliRunner().invoke(app, ["map", "--check", str(path), "--home", str(tmp_path / "home")])
    assert check.exit_code == 0
    assert "words that are no code" not in check.output
    assert "empty in all" not in check.output
    conf = Settings(home=tmp_path / "home", threads=1)
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, "files", path, DAY, history=True)
        refunds = con.execute("SELECT count(refunded_at), sum(refund_amount) FROM landing.transactions").fetchall()[0]
    assert batch.reasons == []
    assert batch.counts["transactions"] == {"read": 5_000, "accepted": 5_000, "quarantined": 0}
    assert refunds[0] > 100
    assert refunds[1] > 1_000
    assert set(batch.counts) == {"subjects", "transactions", "reviews", "complaints"}


def test_a_proposal_takes_files_of_the_same_headings_as_one_and_names_what_it_does_not_use(export: Path) -> None:
    proposed = CliRunner().invoke(app, ["map", "--propose", str(export)]).stdout
    assert '"订单明细-*.csv"' in proposed
    assert "# ? not used 未用到: 店铺性质, 资质核验日期" in proposed
    assert "mapping.yaml" not in proposed.replace("THIS_FILE", "")


def test_words_that_are_no_code_are_named_with_their_number(export: Path, tmp_path: Path) -> None:
    path = export / "words.yaml"
    path.write_text(
        """files: {shops: 店铺名录.csv}
tables:
  subjects:
    from: shops
    columns: {subject_id: '"店铺ID"', kind: '"店铺性质"', role: "'seller'"}
""",
        encoding="utf-8",
    )
    command = ["map", "--check", str(path), "--home", str(tmp_path / "home")]
    output = " ".join(CliRunner().invoke(app, command).output.split())
    assert "line 5, tables.subjects.columns.kind: words that are no code" in output
    assert re.search(r"企业店 \(\d+\), 个人店 \(\d+\)|个人店 \(\d+\), 企业店 \(\d+\)", output)
    assert all(code in output for code in TABLES["subjects"].column("kind").codes)

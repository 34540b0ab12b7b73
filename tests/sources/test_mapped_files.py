"""A platform's own files by a mapping: proposed, checked, read, with joins; the same rows as canonical files give."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from credit import settings
from credit.errors import InputError, UserError
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.settings import Settings
from credit.sources import mapped_files, mapping, mapping_check, proposal

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)

SHOPS = "店铺编号,店铺类型,身份,公司名称\nS1,企业,商家,晴川书店\nS2,个人,商家,小满\n"
ORDERS = """订单编号,店铺编号,买家昵称,拍下时间,买家实付,承诺发货日
9001\t,S1,t_海棠,2026年2月1日 8:05,"¥1,234.50",2026-02-03
9002\t,S2,t_海棠,2026/2/2 9:00,99元,--
9003\t,S2,t**1,昨天,5,--
"""
REFUNDS = "订单编号,退款金额\n9001,100\n9001,34.5\n"
MAPPING = """
files:
  shops: "店铺*.csv"
  o: "订单*.csv"
  r: "退款.xlsx#明细"
tables:
  subjects:
    from: shops
    columns: {subject_id: '"店铺编号"', kind: '"店铺类型"', role: '"身份"', name: '"公司名称"'}
  transactions:
    from: >-
      o LEFT JOIN (SELECT "订单编号" AS id, sum("退款金额"::DECIMAL(18,2)) AS back FROM r GROUP BY 1) b
      ON b.id = trim(o."订单编号", chr(9))
    columns:
      transaction_id: 'o."订单编号"'
      subject_id: 'o."店铺编号"'
      buyer_id: 'o."买家昵称"'
      ordered_at: 'o."拍下时间"'
      amount: 'o."买家实付"'
      currency: "'CNY'"
      dispatch_due_at: 'o."承诺发货日"'
      refund_amount: b.back
"""


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)


@pytest.fixture
def con(conf: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(conf) as con:
        yield con


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A platform's export in its own wording, with the mapping for it."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "店铺.csv").write_bytes(SHOPS.encode("gb18030"))
    (folder / "订单1.csv").write_bytes(ORDERS.encode("gb18030"))
    book = xlsxwriter.Workbook(str(folder / "退款.xlsx"))
    sheet = book.add_worksheet("明细")
    for y, line in enumerate(REFUNDS.splitlines()):
        for x, value in enumerate(line.split(",")):
            sheet.write(y, x, value)
    book.close()
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    return folder


def test_files_read_by_a_mapping(con: duckdb.DuckDBPyConnection, conf: Settings, export: Path) -> None:
    batch = landing.land(con, conf, "files", export / "mapping.yaml", DAY)
    merging.accept(con, batch.batch_id)
    assert batch.counts["transactions"] == {"read": 3, "accepted": 2, "quarantined": 1}
    got = con.execute(
        """SELECT transaction_id, ordered_at::VARCHAR, amount::VARCHAR, dispatch_due_at::VARCHAR, refund_amount::VARCHAR,
               buyer_id IS NOT NULL FROM canonical.transactions ORDER BY 1"""
    ).fetchall()
    assert got == [
        ("9001", "2026-02-01 00:05:00+00", "1234.50", "2026-02-03 16:00:00+00", "134.50", True),
        ("9002", "2026-02-02 01:00:00+00", "99.00", None, None, True),
    ]
    assert con.execute("SELECT file, line, code FROM quarantine.rows").fetchall() == [("订单1.csv", 4, "unreadable")]


def test_a_growing_folder_reads_only_new_files(con: duckdb.DuckDBPyConnection, conf: Settings, export: Path) -> None:
    merging.accept(con, landing.land(con, conf, "files", export / "mapping.yaml", DAY).batch_id)
    assert landing.land(con, conf, "files", export / "mapping.yaml", DAY).already_landed
    header = ORDERS.splitlines()[0]
    (export / "订单2.csv").write_text(f"{header}\n9004,S1,x,2026-02-05,7,\n", encoding="utf-8")
    batch = landing.land(con, conf, "files", export / "mapping.yaml", DAY)
    assert batch.counts == {"transactions": {"read": 1, "accepted": 1, "quarantined": 0}}


def refunds(folder: Path, *lines: str) -> None:
    with xlsxwriter.Workbook(str(folder / "退款.xlsx")) as book:
        sheet = book.add_worksheet("明细")
        for y, line in enumerate(("订单编号,退款金额,时间", *lines)):
            sheet.write_row(y, 0, line.split(","))


def test_texts_are_added_up_and_compared_as_they_are_read(
    con: duckdb.DuckDBPyConnection, conf: Settings, export: Path
) -> None:
    refunds(export, "'9001,￥1.5元,2026/2/9 8:05", "9001\t,¥2,2026年2月10日 8:05")
    summed = MAPPING.replace(
        """(SELECT "订单编号" AS id, sum("退款金额"::DECIMAL(18,2)) AS back FROM r GROUP BY 1) b
      ON b.id = trim(o."订单编号", chr(9))""",
        """(SELECT as_id("订单编号") AS id, sum(as_amount("退款金额")) AS back, max(as_time("时间")) AS last
      FROM r GROUP BY 1) b ON b.id = as_id(o."订单编号")""",
    )
    (export / "mapping.yaml").write_text(f"{summed}      refunded_at: b.last\n", encoding="utf-8")
    merging.accept(con, landing.land(con, conf, "files", export / "mapping.yaml", DAY).batch_id)
    query = (
        "SELECT refund_amount::VARCHAR, refunded_at::VARCHAR FROM canonical.transactions WHERE transaction_id = '9001'"
    )
    assert con.execute(query).fetchall() == [("3.50", "2026-02-10 00:05:00+00")]


def test_a_joined_file_that_changes_without_its_orders_is_named(
    con: duckdb.DuckDBPyConnection, conf: Settings, export: Path
) -> None:
    first = landing.land(con, conf, "files", export / "mapping.yaml", DAY)
    merging.accept(con, first.batch_id)
    assert "退款" not in " ".join(first.notices)
    again = landing.land(con, conf, "files", export / "mapping.yaml", DAY)
    assert again.already_landed
    assert "退款" not in " ".join(again.notices)
    refunds(export, "9002,9,2026/2/9 8:05")
    changed = landing.land(con, conf, "files", export / "mapping.yaml", DAY)
    assert changed.already_landed
    assert "退款.xlsx#明细 changed, and is joined to files of transactions" in " ".join(changed.notices)


def test_check_names_columns_that_are_empty_in_every_row(conf: Settings, export: Path) -> None:
    unlike = MAPPING.replace("""trim(o."订单编号", chr(9))""", """o."订单编号\"""")
    (export / "mapping.yaml").write_text(unlike, encoding="utf-8")
    result = mapping_check.check(export / "mapping.yaml", "Asia/Shanghai", conf)
    [warning] = [w for w in result.warnings if "empty in all 3 rows: refund_amount" in w]
    assert "as_id" in warning


def test_check_says_what_fails_on_a_row(conf: Settings, export: Path) -> None:
    fails = MAPPING.replace("'o.\"买家实付\"'", "'o.\"买家昵称\"::INTEGER'")
    (export / "mapping.yaml").write_text(fails, encoding="utf-8")
    result = mapping_check.check(export / "mapping.yaml", "Asia/Shanghai", conf)
    assert not result.usable
    assert any("tables.transactions: fails on a row: Conversion Error" in error for error in result.errors)


def test_files_with_the_same_headings_are_proposed_as_one(
    con: duckdb.DuckDBPyConnection, conf: Settings, export: Path
) -> None:
    for name in ("2026-10/流水.csv", "2026-11/流水.csv", "2026-12/流水.csv"):
        (export / name).parent.mkdir()
        (export / name).write_text(ORDERS, encoding="utf-8")
    for name in ("日志-1.csv", "日志-2.csv"):
        (export / name).write_text("日志,值\n1,2\n", encoding="utf-8")
    (export / "订单1.csv").unlink()
    text = proposal.propose(con, conf, export)
    assert '"2026-*/流水.csv"' in text
    assert text.count("流水.csv") == 1, "under files, and nowhere among what is not read"
    assert "#   日志-*.csv: no heading in its first row is like a canonical column" in text


def test_check_shows_the_first_rows_and_every_fault_with_its_line(conf: Settings, export: Path) -> None:
    result = mapping_check.check(export / "mapping.yaml", "Asia/Shanghai", conf)
    assert result.usable
    rows = [row for row in result.first_rows if row.table == "transactions"]
    assert [len(row.faults) for row in rows] == [0, 0, 1]
    assert "line 18" in rows[2].faults[0]
    assert "ordered_at" in rows[2].faults[0]


def test_check_names_every_expression_that_fails(conf: Settings, export: Path) -> None:
    broken = MAPPING.replace("'\"店铺类型\"'", "'\"没有的表头\"'").replace('o."买家实付"', "nonsense(")
    (export / "mapping.yaml").write_text(broken, encoding="utf-8")
    result = mapping_check.check(export / "mapping.yaml", "Asia/Shanghai", conf)
    assert not result.usable
    assert {error.split(": ", 1)[0].rsplit(".", 1)[-1] for error in result.errors} == {"kind", "amount"}


def test_a_proposal_is_a_mapping_that_can_be_checked(
    con: duckdb.DuckDBPyConnection, conf: Settings, export: Path
) -> None:
    text = proposal.propose(con, conf, export)
    assert 'subject_id: "\\"店铺编号\\""' in text
    assert "# ? no heading is like it: of all rows: 币种" in text
    assert "t_海棠" not in text
    (export / "proposed.yaml").write_text(text, encoding="utf-8")
    result = mapping_check.check(export / "proposed.yaml", "Asia/Shanghai", conf)
    assert "subjects" in result.tables


def test_a_mapping_is_of_files_or_of_a_database(con: duckdb.DuckDBPyConnection, conf: Settings, export: Path) -> None:
    (export / "both.yaml").write_text("connection: {env: X}\n" + MAPPING, encoding="utf-8")
    with pytest.raises(UserError, match="not both"):
        mapped_files.read(con, conf, export / "both.yaml", lambda _: False)
    (export / "订单1.csv").unlink()
    with pytest.raises(InputError, match="no file matches"):
        mapped_files.read(con, conf, export / "mapping.yaml", lambda _: False)


WORDED = """
files: {shops: "店铺.csv", o: "订单.csv"}
tables:
  subjects:
    from: shops
    columns: {subject_id: '"店铺编号"', kind: '"店铺类型"', role: '"身份"', name: '"公司名称"'}
    codes: {kind: {甲类: enterprise}}
    nothing: ["？？", 待补]
  transactions:
    from: o
    columns: {transaction_id: '"编号"', subject_id: '"店铺编号"', ordered_at: '"下单"', paid_at: '"支付"', amount: '"额"', currency: "'CNY'"}
    zones: {ordered_at: UTC, paid_at: America/New_York}
"""


def test_codes_words_for_nothing_and_zones_are_the_mappings(
    con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path
) -> None:
    (tmp_path / "店铺.csv").write_text(
        "店铺编号,店铺类型,身份,公司名称\nS1,甲类,商家, 待补\nS2,个人,商家,小满\n", encoding="utf-8"
    )
    orders = (
        "编号,店铺编号,下单,支付,额",
        "1,S1,2026-02-01 16:30:00,2026-02-01 11:31:00,1",
        "2,S1,2026年2月1日 16:30,2026-02-01T16:31:00Z,1",
        "3,S1,2026-02-02 00:30:00+08:00,,1",
        "4,S1,1769963400,,1",
        "5,S1,昨天,,1",
    )
    (tmp_path / "订单.csv").write_text("\n".join(orders) + "\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(WORDED, encoding="utf-8")
    merging.accept(con, landing.land(con, conf, "files", tmp_path / "m.yaml", DAY).batch_id)
    assert con.execute("SELECT subject_id, kind, name FROM canonical.subjects ORDER BY 1").fetchall() == [
        ("S1", "enterprise", None),
        ("S2", "individual", "小满"),
    ]
    half_past, later = "2026-02-01 16:30:00+00", "2026-02-01 16:31:00+00"
    assert con.execute(
        "SELECT transaction_id, ordered_at::VARCHAR, paid_at::VARCHAR FROM canonical.transactions ORDER BY 1"
    ).fetchall() == [("1", half_past, later), ("2", half_past, later), ("3", half_past, None), ("4", half_past, None)]
    assert con.execute("SELECT line, code FROM quarantine.rows").fetchall() == [(6, "unreadable")]


def test_a_wording_that_cannot_be_meant_is_named_with_its_line(tmp_path: Path) -> None:
    wrong = (
        WORDED.replace("enterprise}", "firm}")
        .replace("ordered_at: UTC", "amount: UTC")
        .replace("/New_York", "/Nowhere")
    )
    (tmp_path / "m.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(UserError) as refusal:
        mapping.load(tmp_path / "m.yaml")
    message = str(refusal.value)
    assert "line 7, tables.subjects.codes.kind.甲类: 'firm' is no code of kind; allowed: enterprise" in message
    assert "line 12, tables.transactions.zones.amount: is no instant" in message
    assert "line 12, tables.transactions.zones.paid_at: 'America/Nowhere' is no IANA time zone" in message


def test_what_no_pattern_takes_is_named_and_an_unfinished_folder_refused(
    con: duckdb.DuckDBPyConnection, conf: Settings, export: Path
) -> None:
    (export / "赔付.csv").write_text("a\n1\n", encoding="utf-8")
    delivery = mapped_files.read(con, conf, export / "mapping.yaml", lambda _: False)
    assert [notice for notice in delivery.notices if "not read" in notice] == [
        "not read, for no pattern of the mapping takes it: 赔付.csv"
    ]
    marked = settings.load(home=conf.home, done_marker="_DONE")
    with pytest.raises(InputError, match="lacks _DONE"):
        mapped_files.read(con, marked, export / "mapping.yaml", lambda _: False)
    (export / "_DONE").touch()
    assert mapped_files.read(con, marked, export / "mapping.yaml", lambda _: False).notices == delivery.notices
    (export / "订单3.csv").symlink_to(export / "gone.csv")
    with pytest.raises(InputError, match="leads nowhere"):
        mapped_files.read(con, conf, export / "mapping.yaml", lambda _: False)

"""The periodic report to authorities: masked, typed, exact, the same bytes."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest

from credit.evaluation import night
from credit.exports import report
from credit.home import open_warehouse
from credit.settings import Settings
from support.command import Run
from support.small_market import at, deliver, market, on, order

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

FORMULA = '=HYPERLINK("http://x","y")'


PERIOD = ("--from", "2026-10-01", "--to", "2026-11-23")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with an enterprise of hostile texts and a natural person, evaluated; no public records were supplied."""
    home = tmp_path_factory.mktemp("reported")
    rows = market({"firm": 5, "person": 0}, orders=45, kinds={"person": "individual"})
    rows["subjects"] = [row for row in rows["subjects"] if row["role"] == "seller"]
    rows["subjects"][0] |= {
        "name": FORMULA,
        "address": "@SUM(A1)",
        "uscc": "91330198MA3000926M",
        "self_operated": "true",
    }
    rows["subjects"][1] |= {
        "name": "王小明",
        "id_number": "110101199003070038",
        "address": "和平街4号",
        "contact": "13800138000",
        "permit_no": "JY1-王小明",
    }
    rows["transactions"].append(order("firm", 99, -20, currency="USD"))
    rows["sanctions"].append(
        {"sanction_id": "s1", "subject_id": "person", "kind": "suspension", "reason": "王小明 13800138000 刷单",
         "imposed_at": at(-10), "until_at": at(30), "known_at": at(-10)}
    )  # fmt: skip
    del rows["public_records"]
    conf = Settings(home=home, threads=1)
    with open_warehouse(conf) as con:
        deliver(con, conf, home / "in", rows, date(2026, 11, 24))
        for day in (date(2026, 10, 1), date(2026, 11, 24)):
            night.evaluate(con, conf, day, None)
    return conf


def sheets(path: Path) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(path)
    by_title = {}
    for sheet in book:
        headers, *rows = sheet.iter_rows()
        assert sheet.freeze_panes == "B2"
        assert all(cell.data_type in "snbd" for row in sheet.iter_rows() for cell in row)
        by_title[sheet.title] = [
            {h.value.split()[0]: c.value for h, c in zip(headers, row, strict=True)} for row in rows
        ]
    return by_title


def test_the_report_is_masked_typed_and_safe(reported: Settings, tmp_path: Path, run: Run) -> None:
    code, output, errors = run(
        "export", "report", *PERIOD, "--out", str(tmp_path / "r"), "--home", str(reported.home), "--json"
    )
    assert code == 0, errors
    written = [Path(name) for name in json.loads(output)["files"]]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    by_sheet = sheets(written[0])
    assert list(by_sheet) == ["说明", "平台合计", "经营主体", "主要数据", "平台处置", "公共信用记录", "异议"]
    firm, other, person = by_sheet["经营主体"]
    assert firm["名称"] == FORMULA
    assert firm["经营地址"] == "@SUM(A1)"
    assert firm["统一社会信用代码"] == "91330198MA3000926M"
    assert firm["平台自营"] is True
    assert firm["营业执照有效期止"] == datetime(2027, 12, 30)
    assert other["主体编号"] == "other"
    assert (person["名称"], person["经营地址"], person["联系方式"]) == ("王**", None, None)
    assert person["未完整列示的栏目"] == "name; licence_no; permit_no; address; contact"
    assert person["行政许可证号"] == "JY1-王**"
    everything = b"".join(path.read_bytes() for path in written[1:]).decode()
    for secret in ("王小明", "110101199003070038", "13800138000", "和平街"):
        assert secret not in everything
        assert secret not in str(by_sheet)
    for path in written[1:]:
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    text = next(path for path in written if path.name.endswith("operators.csv")).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1][2] == "'" + FORMULA
    assert rows[0][0].startswith("主体编号 ")


def test_the_key_figures_are_those_of_the_period(reported: Settings, tmp_path: Path) -> None:
    with open_warehouse(reported, read_only=True) as con:
        built = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
        lone = con.execute(
            """SELECT count(*), sum(amount), count(completed_at) FROM canonical.transactions WHERE subject_id = 'person'
               AND ordered_at >= TIMESTAMPTZ '2026-10-01 00:00+08' AND ordered_at < TIMESTAMPTZ '2026-11-24 00:00+08'"""
        ).fetchall()[0]
        graded = dict(
            con.execute("SELECT subject_id, grade FROM results.grades WHERE evaluated_on = '2026-11-24'").fetchall()
        )
    by_sheet = {sheet.name: sheet.rows for sheet in built.sheets}
    figures = {row["subject_id"]: row for row in by_sheet["figures"]}
    person, firm = figures["person"], figures["firm"]
    assert (person["orders"], person["amount"], person["completed"], person["currency"]) == (*lone, "CNY")
    assert person["orders"] > 0
    assert person["grade"] == graded["person"]
    assert (person["sanctions_imposed"], person["sanctions_in_force"]) == (1, 1)
    assert (person["complaints"], person["records_new"]) == (0, None)  # none, and not supplied
    assert (firm["currency"], firm["amount"]) == ("CNY+USD", None)
    totals = {(row["item"].split()[0], row["detail"]): row["value"] for row in by_sheet["platform"]}
    assert totals["经营主体数", None] == 3
    assert totals["订单数", None] == sum(row["orders"] for row in figures.values())
    assert totals["交易额", "USD"] == 100
    assert totals["期末生效公共信用记录数", None] is None
    (sanction,) = [row for row in by_sheet["sanctions"] if row["in_force"]]
    assert (sanction["reason"], sanction["until"]) == ("王** *** 刷单", date(2026, 12, 24))  # ends at 00:00 of the 25th
    assert any("公共信用记录" in str(row["value"]) for row in by_sheet["about"])


def test_reviews_judged_not_authentic_do_not_count(tmp_path: Path) -> None:
    rows = market({"firm": 0}, orders=1)
    rows["reviews"] = [
        {"review_id": f"r{i}", "subject_id": "firm", "buyer_id": "x", "rating_overall": stars, "authentic": authentic,
         "reviewed_at": at(-20), "known_at": at(-20)}
        for i, (stars, authentic) in enumerate([(5, None), (4, True), (1, False), (1, False)])
    ]  # fmt: skip
    conf = Settings(home=tmp_path, threads=1)
    with open_warehouse(conf) as con:
        deliver(con, conf, tmp_path / "in", rows, date(2026, 11, 24))
        built = report.build(con, conf, date(2026, 10, 1), date(2026, 11, 23))
    (firm,) = [row for s in built.sheets if s.name == "figures" for row in s.rows if row["subject_id"] == "firm"]
    assert (firm["reviews"], firm["rating"]) == (2, 4.5)


def test_masked_records_and_reasons_name_no_person(tmp_path: Path) -> None:
    rows = market({"firm": 0, "person": 0}, orders=1, kinds={"person": "individual"})
    next(row for row in rows["subjects"] if row["subject_id"] == "person")["name"] = "王小明"
    rows["public_records"].append(
        {"record_id": "p1", "subject_id": "person", "kind": "administrative_penalty", "issuer": "局（王小明案）",
         "reference": "王小明罚〔2026〕1号 110101199003070038", "note": "王 小明", "grade": "minor", "valid_from": on(-20),
         "known_at": at(-20)}
    )  # fmt: skip
    rows["sanctions"].append(
        {"sanction_id": "s1", "subject_id": "firm", "kind": "warning", "reason": "与经营者王小明串通", "imposed_at": at(-10),
         "known_at": at(-10)}
    )  # fmt: skip
    conf = Settings(home=tmp_path, threads=1)
    with open_warehouse(conf) as con:
        deliver(con, conf, tmp_path / "in", rows, date(2026, 11, 24))
        masked, whole = (
            report.build(con, conf, date(2026, 10, 1), date(2026, 11, 23), unmasked=unmasked)
            for unmasked in (False, True)
        )

    def texts(built: report.Report) -> list[Any]:
        sheets = {sheet.name: sheet.rows for sheet in built.sheets}
        (record,) = [row for row in sheets["public_records"] if row["subject_id"] == "person"]
        (sanction,) = [row for row in sheets["sanctions"] if row["subject_id"] == "firm"]
        return [record["issuer"], record["reference"], record["note"], sanction["reason"]]

    assert texts(masked) == ["局（王**案）", "王**罚〔2026〕1号 ***", "王**", "与经营者王**串通"]
    assert texts(whole) == ["局（王小明案）", "王小明罚〔2026〕1号 110101199003070038", "王 小明", "与经营者王小明串通"]


def test_unmasked_only_when_asked_and_then_named(reported: Settings, tmp_path: Path, run: Run) -> None:
    command = (
        "export",
        "report",
        *PERIOD,
        "--out",
        str(tmp_path),
        "--home",
        str(reported.home),
        "--unmasked",
        "--json",
    )
    code, output, errors = run(*command)
    assert code == 0, errors
    written = [Path(name) for name in json.loads(output)["files"]]
    assert all("含个人信息" in path.name for path in written)
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    by_sheet = sheets(written[0])
    person = by_sheet["经营主体"][2]
    assert (person["名称"], person["居民身份证号"], person["联系方式"]) == (
        "王小明",
        "110101199003070038",
        "13800138000",
    )
    assert any("含个人信息" in str(row["项目"]) for row in by_sheet["说明"])
    assert by_sheet["平台处置"][-1]["原因"] == "王小明 13800138000 刷单"


def test_the_same_report_has_the_same_bytes(reported: Settings, tmp_path: Path) -> None:
    def bytes_of(folder: Path) -> dict[str, bytes]:
        with open_warehouse(reported, read_only=True) as con:
            built = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
        return {path.name: path.read_bytes() for path in report.write(built, folder)}

    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_rows_beyond_a_sheet_go_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "SHEET_ROWS", 2)
    long_report = report.Report(date(2026, 1, 1), date(2026, 1, 31), False)
    long_report.sheets.append(
        report.Sheet("x", "表", (("a", "甲", "A"), ("b", "乙", "B")), [{"a": i, "b": f"={i}"} for i in range(5)])
    )
    by_sheet = sheets(report.write(long_report, tmp_path)[0])
    assert {name: [row["甲"] for row in rows] for name, rows in by_sheet.items()} == {
        "表": [0, 1],
        "表 (2)": [2, 3],
        "表 (3)": [4],
    }


def test_objections_are_reported(reported: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def objection(number: int, day: date, *events: tuple[date, str, str | None]) -> SimpleNamespace:
        happened = tuple(SimpleNamespace(day=d, event=event, outcome=outcome) for d, event, outcome in events)
        return SimpleNamespace(number=number, subject_id="firm", about="grade", day=day, events=happened)

    filed = [
        objection(1, date(2026, 9, 1), (date(2026, 9, 20), "decided", "upheld")),  # over before
        objection(2, date(2026, 9, 1), (date(2026, 10, 2), "decided", "upheld")),
        objection(3, date(2026, 11, 1), (date(2026, 11, 24), "decided", "upheld")),  # decided after
        objection(4, date(2026, 11, 24)),
    ]
    monkeypatch.setattr(report.ledger, "objections", lambda _: filed)
    with open_warehouse(reported, read_only=True) as con:
        built = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
    rows = next(sheet.rows for sheet in built.sheets if sheet.name == "objections")
    assert [(row["number"], row["outcome"], row["days"]) for row in rows] == [
        (2, "异议成立 Upheld", 31),
        (3, None, None),
    ]


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (("2026-11-02", "2026-11-01"), "lies before --from"),
        (("2026-11-02", "2999-01-01"), "has not ended"),
        (("2026-11-02", "2026-13-01"), "--to '2026-13-01' is not a day"),
        (("2001-01-01", "2001-12-31"), "no merchants were known"),
    ],
)
def test_what_is_no_period(reported: Settings, tmp_path: Path, run: Run, period: tuple[str, str], message: str) -> None:
    out = tmp_path / "r"
    code, _, errors = run(
        "export", "report", "--from", period[0], "--to", period[1], "--out", str(out), "--home", str(reported.home)
    )
    assert code == 2
    assert message in errors
    assert not out.exists()

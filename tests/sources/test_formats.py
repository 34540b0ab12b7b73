"""Files as platforms write them: encodings, line ends, quotes, formats, what lies beside them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from credit import settings
from credit.errors import InputError
from credit.settings import Settings
from credit.sources import canonical, files
from credit.sources.formats import encoding

pytestmark = pytest.mark.slow

HEADER = "review_id,subject_id,reviewed_at,rating_overall,text"
ROW = "R{n},S1,2026-02-01 10:00:00,5,{text}"

Rows = list[tuple[Any, ...]]


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return settings.load(home=tmp_path / "home")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.fixture
def read(con: duckdb.DuckDBPyConnection, conf: Settings, tmp_path: Path) -> Any:
    """Write a file, read it: (line, values …) of its rows; (line, code) of its rejects; its notices."""

    def reading(name: str, content: bytes | str, **given: Any) -> tuple[Rows, Rows, list[str]]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        raw = files.read_table(con, settings.load(home=conf.home, **given), path, "raw")
        rows = con.execute("FROM raw ORDER BY _line").fetchall()
        rejects = con.execute(f"SELECT line, code FROM ({raw.rejects}) ORDER BY 1").fetchall() if raw.rejects else []
        assert raw.rows == len(rows) + len(rejects)
        return rows, rejects, list(raw.notices)

    return reading


def lines(*texts: str) -> str:
    return "\n".join([HEADER, *(ROW.format(n=n, text=text) for n, text in enumerate(texts, 1))]) + "\n"


def texts(rows: Rows) -> list[str]:
    return [row[-1] for row in rows]


# --- encodings ---------------------------------------------------------------------------------------------------

CHINESE = ("物流很快，包装完好", "颜色与描述不符，客服不理人", "已经第二次购买了", "质量一般", "𠮷野家的碗很好看")


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_text_in_the_encodings_of_its_country(read: Any, name: str) -> None:
    rows, rejects, _ = read("reviews.csv", lines(*CHINESE).encode(name))
    assert texts(rows) == list(CHINESE)
    assert rejects == []


FOREIGN = {
    "big5": ("big5", ("包裝很好，賣家親切", "顏色與圖片不同", "質感佳，會再購買")),
    "shift_jis": ("shift_jis", ("とても良い商品でした", "発送が遅い", "梱包が丁寧")),
    "euc_jp": ("euc_jp", ("とても良い商品でした", "発送が遅いです", "梱包が丁寧でした")),
    "euc_kr": ("euc_kr", ("배송이 빠르고 좋아요", "색상이 다릅니다", "재구매 의사 있어요")),
    "latin-1": ("latin-1", ("Não recomendo, péssimo", "ótimo vendedor", "Entrega rápida até São Paulo")),
}


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_told_by_their_mark_or_their_zeros(read: Any, name: str) -> None:
    rows, rejects, notices = read("reviews.csv", lines(*CHINESE).encode(name))
    assert (texts(rows), rejects) == (list(CHINESE), [])
    assert "read as such" in notices[0]


@pytest.mark.parametrize("rare", ["喆翀瑄", "𠮷䶮小馆", "㙍记", "①号店★Ⅲ", "5μm滤芯α型", "Café之家", "臺灣寶島專賣"])
def test_rare_characters_cost_no_row_of_a_gb18030_file(read: Any, rare: str) -> None:
    rows, rejects, _ = read("reviews.csv", lines(*CHINESE * 3, rare).encode("gb18030"))
    assert (texts(rows)[-1], rejects) == (rare, [])


@pytest.mark.parametrize(
    "odd",
    [
        "臺北茶葉專賣店出貨很快".encode("big5"),
        "とても良い商品".encode("shift_jis"),
        "São José, ótima".encode("latin-1"),
    ],
)
def test_a_line_of_another_encoding_costs_itself_in_a_gb18030_file(read: Any, odd: bytes) -> None:
    content = lines(*CHINESE * 3, "?").encode("gb18030").replace(b"?", odd.replace(b",", b" "))
    rows, rejects, _ = read("reviews.csv", content)
    assert (len(rows), rejects) == (15, [(17, "unreadable_characters")])


@pytest.mark.parametrize("kind", FOREIGN)
def test_text_in_another_encoding_is_refused_with_its_name(read: Any, kind: str) -> None:
    encoding_name, sentences = FOREIGN[kind]
    with pytest.raises(InputError, match="unknown encoding") as error:
        read("reviews.csv", lines(*sentences).encode(encoding_name))
    assert "reads like" in str(error.value)
    assert "line 2" in str(error.value)


def test_the_setting_says_what_cannot_be_judged(read: Any) -> None:
    rows, _, _ = read("reviews.csv", lines("包裝很好").encode("big5"), encoding="big5hkscs")
    assert texts(rows) == ["包裝很好"]


def test_exports_of_two_offices_in_one_file_are_read_line_by_line(read: Any) -> None:
    content = lines("质量很好", "发货太慢").encode() + ROW.format(n=3, text="客服热情周到").encode("gb18030") + b"\n"
    rows, rejects, notices = read("reviews.csv", content)
    assert texts(rows) == ["质量很好", "发货太慢", "客服热情周到"]
    assert rejects == []
    assert "two encodings" in " ".join(notices)


@pytest.mark.parametrize("name", ["utf-8", "gb18030"])
def test_one_broken_character_costs_its_row(read: Any, name: str) -> None:
    content = lines(*CHINESE).encode(name).split(b"\n")
    content[3] = b"R9,S1,2026-02-01,5,\xff\xff" + content[3][-3:]
    rows, rejects, _ = read("reviews.csv", b"\n".join(content))
    assert texts(rows) == [text for i, text in enumerate(CHINESE) if i != 2]
    assert rejects == [(4, "unreadable_characters")]
    assert [row[0] for row in rows] == [2, 3, 5, 6]


def test_characters_of_gb_18030_2022(read: Any) -> None:
    rows, _, _ = read(
        "reviews.csv",
        lines("评价").encode()[:-1].replace("评价".encode(), b"") + "很好很好很好".encode("gb18030") + b"\xfe\x59\n",
    )
    assert texts(rows) == ["很好很好很好\u9fb4"]


def test_likelihood_knows_nonsense() -> None:
    assert encoding.likelihood("晨光茶叶有限公司") > 0.8
    assert encoding.likelihood("plain") == 1
    assert encoding.likelihood("籓\ue665\ue134\ue22e盡芥┍") < 0.2


# --- line ends and quotes -------------------------------------------------------------------------------------------


def test_line_ends_are_no_content(read: Any) -> None:
    first, second, third = (ROW.format(n=n, text="好") for n in (1, 2, 3))
    rows, rejects, _ = read("reviews.csv", f"{HEADER}\r\n{first}\n{second}\r\n{third}\n")
    assert texts(rows) == ["好"] * 3
    assert rejects == []


def test_a_return_within_a_row_is_a_blank_and_between_rows_a_line_end(read: Any) -> None:
    rows, rejects, _ = read("reviews.csv", lines("不错\r下次再来", "好\r" + ROW.format(n=7, text="差")))
    assert texts(rows) == ["不错 下次再来", "好", "差"]
    assert rejects == []


def test_old_macintosh_line_ends(read: Any) -> None:
    rows, _, _ = read("reviews.csv", lines("好", "差").replace("\n", "\r"))
    assert texts(rows) == ["好", "差"]


STRAY = {
    "closed some rows later": ('"很好', "差", "不发货", '等了，两周"', "还行"),
    "never closed": ('"很好', "差", "不发货", "等了两周", "还行"),
    "closed in another's quotation": ('"很好', "差", "不发货", '他说"一般"', "还行"),
}


@pytest.mark.parametrize("kind", STRAY)
def test_a_stray_quote_costs_its_row_and_swallows_none(read: Any, kind: str) -> None:
    rows, rejects, _ = read("reviews.csv", lines(*STRAY[kind]))
    assert len(rows) + len(rejects) == 5
    assert (2, "malformed_line") in rejects
    assert {"差", "不发货", "还行"} <= set(texts(rows))


def test_a_stray_quote_early_in_a_long_file(read: Any) -> None:
    many = [ROW.format(n=n, text="好") for n in range(1, 20_001)]
    many[99] = ROW.format(n=100, text='"好')
    rows, rejects, _ = read("reviews.csv", "\n".join([HEADER, *many]) + "\n")
    assert (len(rows), rejects) == (19_999, [(101, "malformed_line")])
    assert rows[-1][0] == 20_001


def test_text_of_several_lines_is_one_row_and_lines_still_count(read: Any) -> None:
    content = lines('"第一行\n第二行, 有逗号, 还有\n\n第四行"', "好", "坏,多一列", '"a\r\nb"', "完")
    rows, rejects, _ = read("reviews.csv", content)
    assert [(row[0], row[-1]) for row in rows] == [
        (2, "第一行\n第二行, 有逗号, 还有\n\n第四行"), (6, "好"), (8, "a\nb"), (10, "完"),
    ]  # fmt: skip
    assert rejects == [(7, "malformed_line")]


def test_blank_lines_are_no_rows(read: Any) -> None:
    first, second = (ROW.format(n=n, text="好") for n in (1, 2))
    rows, rejects, _ = read("reviews.csv", f"{HEADER}\n\n{first}\n\n\n{second}\n\n")
    assert [row[0] for row in rows] == [3, 6]
    assert rejects == []


# --- formats ---------------------------------------------------------------------------------------------------------

OBJECT: dict[str, Any] = {"review_id": "R1", "subject_id": "S1", "reviewed_at": "2026-02-01", "rating_overall": 5}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([OBJECT, OBJECT | {"review_id": "R2"}]),
        json.dumps([OBJECT, OBJECT | {"review_id": "R2"}], indent=2),
        json.dumps(OBJECT) + "\n" + json.dumps(OBJECT | {"review_id": "R2"}) + "\n",
        json.dumps({"code": 0, "data": {"total": 2, "list": [OBJECT, OBJECT | {"review_id": "R2"}]}}, indent=1),
    ],
    ids=["array on one line", "array", "lines", "an answer that holds them"],
)
@pytest.mark.parametrize("name", ["reviews.ndjson", "reviews.json"])
def test_json_in_every_shape(con: Any, conf: Settings, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    raw = files.read_table(con, conf, tmp_path / name, "raw")
    assert con.execute(f"SELECT {raw.columns['review_id']} FROM raw ORDER BY 1").fetchall() == [("R1",), ("R2",)]


def test_nested_json_has_columns_by_path(con: Any, conf: Settings, tmp_path: Path) -> None:
    (tmp_path / "reviews.json").write_text(json.dumps([{"review_id": "R1", "buyer": {"nick": "n", "at": {"x": 1}}}]))
    raw = files.read_table(con, conf, tmp_path / "reviews.json", "raw")
    assert set(raw.columns) == {"review_id", "buyer.nick", "buyer.at.x"}


def test_one_odd_object_costs_itself_alone(read: Any) -> None:
    good = json.dumps(OBJECT)
    odd = [
        good[:-1] + "}\r",
        json.dumps(OBJECT | {"": 1}),
        json.dumps(OBJECT | {"Review_ID": 1}),
        good.replace("S1", "S\x01"),
        json.dumps(OBJECT | {f"k{i}": 1 for i in range(5000)}),
        "[1]",
    ]
    rows, rejects, _ = read("reviews.ndjson", "\n".join([good, *odd, good]) + "\n")
    assert rejects == [(5, "malformed_line"), (7, "malformed_line")]
    assert len(rows) == 6


def test_json_without_any_object_is_refused(read: Any) -> None:
    with pytest.raises(InputError, match="holds no JSON object"):
        read("reviews.ndjson", "1\n2\n")


def test_bytes_of_old_parquet_writers_are_text(con: Any, conf: Settings, tmp_path: Path) -> None:
    table = pa.table(
        {
            "review_id": pa.array([b"R1", b"R2"], pa.binary()),
            "text": pa.array(["很好".encode(), b"\xff\xfe"], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "reviews.parquet")
    raw = files.read_table(con, conf, tmp_path / "reviews.parquet", "raw")
    assert con.execute("SELECT c0, c1 FROM raw").fetchall() == [("R1", "很好")]
    assert con.execute(f"SELECT line, code FROM ({raw.rejects})").fetchall() == [(2, "unreadable_characters")]


@pytest.mark.parametrize("int96", [True, False])
def test_parquet_times_without_a_zone_say_how_they_were_read(
    con: Any, conf: Settings, tmp_path: Path, int96: bool
) -> None:
    table = pa.table({"at": pa.array([0], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "x.parquet", use_deprecated_int96_timestamps=int96)
    [notice] = files.read_table(con, conf, tmp_path / "x.parquet", "raw").notices
    assert ("INT96" in notice) is int96
    assert "platform's" in notice


def workbook(path: Path, **sheets: list[list[Any]]) -> None:
    book = xlsxwriter.Workbook(str(path))
    day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                if hasattr(value, "hour"):
                    sheet.write_datetime(y, x, value, moment)
                elif hasattr(value, "year"):
                    sheet.write_datetime(y, x, value, day)
                else:
                    sheet.write(y, x, value)
    book.close()


def test_a_workbook_reads_as_a_person_reads_it(con: Any, conf: Settings, tmp_path: Path) -> None:
    import datetime as dt

    workbook(
        tmp_path / "reviews.xlsx",
        导出=[
            ["店铺评价导出"],
            ["评价编号", "评价时间", "评分", "日期", "是否"],
            ["R1", dt.datetime(2026, 2, 1, 8, 5, 9), 5, dt.date(2026, 2, 1), True],
            ["", "", "", "", ""],
            [1001, "2026-02-02", 4.5, "", False],
            [2345678901234567890, "", "", "", ""],
        ],
    )
    raw = files.read_table(con, conf, tmp_path / "reviews.xlsx", "raw")
    assert list(raw.columns) == ["评价编号", "评价时间", "评分", "日期", "是否"]
    assert con.execute("FROM raw").fetchall() == [
        (3, "R1", "2026-02-01 08:05:09", "5", "2026-02-01", "true"),
        (5, "1001", "2026-02-02", "4.5", None, "false"),
        (6, "2.345678901234568e+18", None, None, None, None),
    ]


def test_sheets_that_tell_a_table_are_read_and_others_named(conf: Settings, tmp_path: Path) -> None:
    workbook(tmp_path / "export.xlsx", 订单=[["x"], [1]], 评价=[["x"], [1]], 说明=[["x"], [1]])
    held = canonical.find(tmp_path / "export.xlsx", conf)
    assert [(s.table, s.part) for s in held.sources] == [("transactions", "订单"), ("reviews", "评价")]
    assert "说明" in " ".join(held.notices)


def test_a_workbook_that_unpacks_to_more_than_the_limit(con: Any, tmp_path: Path) -> None:
    small = settings.load(home=tmp_path / "home", max_file_mb=1)
    with zipfile.ZipFile(tmp_path / "reviews.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (2 << 20))
    for read in (
        lambda: files.parts_of(tmp_path / "reviews.xlsx", small),
        lambda: files.read_table(con, small, tmp_path / "reviews.xlsx", "raw"),
    ):
        with pytest.raises(InputError, match="unpacks to more than 1 MiB"):
            read()


def test_tsv_and_zip(con: Any, conf: Settings, tmp_path: Path) -> None:
    (tmp_path / "reviews.tsv").write_text(lines("a, b").replace(",", "\t", 100).replace("a\t b", "a, b"))
    files.read_table(con, conf, tmp_path / "reviews.tsv", "raw")
    assert con.execute("SELECT c4 FROM raw").fetchall() == [("a, b",)]
    with zipfile.ZipFile(tmp_path / "week.zip", "w") as archive:
        archive.writestr("export/reviews-1.csv", lines("一"))
        archive.writestr("export/transactions.csv", "a\n1\n")
        archive.writestr("__MACOSX/._reviews-1.csv", "x")
    held = canonical.find(tmp_path / "week.zip", conf)
    assert [s.table for s in held.sources] == ["reviews", "transactions"]
    files.read_table(con, conf, tmp_path / "week.zip", "raw", "export/reviews-1.csv")
    assert con.execute("SELECT c4 FROM raw").fetchall() == [("一",)]


def test_a_last_line_without_an_end_is_no_row(con: Any, conf: Settings, tmp_path: Path) -> None:
    header = "subject_id,kind,role,name\n"
    for body, rows, line in (
        ("S1,enterprise,seller,A\nS2,enterprise,seller,B", 1, 3),
        ('S1,enterprise,seller,A\nS2,enterprise,seller,"B\nC"', 1, 3),
        ("S1,enterprise,seller,A\n", 1, None),
    ):
        (tmp_path / "subjects.csv").write_text(header + body, encoding="utf-8")
        delivery = canonical.read(con, conf, tmp_path / "subjects.csv", lambda _: False)
        assert len(con.execute(delivery.parts[0].relation).fetchall()) == rows
        rejects = [reject for query in delivery.rejects for reject in con.execute(query).fetchall()]
        assert [(reject[2], reject[4]) for reject in rejects] == ([(line, "unfinished_line")] if line else [])
        assert delivery.read == {"subjects": rows + len(rejects)}
    (tmp_path / "subjects.csv").write_text(header + "S1,enterprise,seller,A", encoding="utf-8")
    (tmp_path / "_DONE").touch()
    marked = settings.load(home=conf.home, done_marker="_DONE")
    assert canonical.read(con, marked, tmp_path, lambda _: False).rejects == ()


def test_of_more_keys_than_are_read_the_first_are(con: Any, conf: Settings, tmp_path: Path) -> None:
    row = {"subject_id": "S1", "kind": "enterprise", "role": "seller", **{f"a{i}": 1 for i in range(1500)}}
    (tmp_path / "subjects.ndjson").write_text(json.dumps(row) + "\n", encoding="utf-8")
    delivery = canonical.read(con, conf, tmp_path / "subjects.ndjson", lambda _: False)
    assert set(delivery.parts[0].columns) == {"subject_id", "kind", "role"}


def test_headings_that_are_data_are_not_told(con: Any, conf: Settings, tmp_path: Path) -> None:
    for first, message, untold in (
        ("M1,individual,王小芳,13812345678", "none of its columns is known", "王小芳"),
        ("subject_id,kind,ma@mail.example,13812345678", "2 that look like values", "13812345678"),
    ):
        (tmp_path / "subjects.csv").write_text(first + "\n", encoding="utf-8")
        with pytest.raises(InputError, match=message) as caught:
            canonical.read(con, conf, tmp_path / "subjects.csv", lambda _: False)
        assert untold not in str(caught.value)


# --- what lies in a folder -------------------------------------------------------------------------------------------


def test_what_is_not_read_is_named_or_refused(conf: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "subjects.csv").write_text("subject_id\n")
    (folder / "README.txt").write_text("hello")
    (folder / ".hidden.csv").write_text("x\n")
    (folder / "loop").symlink_to(folder)
    [notice] = canonical.find(folder, conf).notices
    assert all(name in notice for name in ("README.txt", ".hidden.csv", "loop"))
    (folder / "complaints.doc").write_text("x")
    with pytest.raises(InputError, match=r"complaints\.doc is of no known format"):
        canonical.find(folder, conf)


@pytest.mark.parametrize("name", ["reviews.xlsx", "reviews.csv.zip", "reviews.csv.gz", "reviews.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_refused(con: Any, conf: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK nothing of the kind")
    with pytest.raises(InputError, match="deliver"):
        canonical.read(con, conf, tmp_path / name, lambda _: False)


def test_links_within_are_followed_and_others_refused(conf: Settings, tmp_path: Path) -> None:
    folder, real = tmp_path / "in", tmp_path / "in" / ".real"
    real.mkdir(parents=True)
    (real / "part-1.csv").write_text("x\n")
    (folder / "transactions").symlink_to(real)
    assert [s.table for s in canonical.find(folder, conf).sources] == ["transactions"]
    (folder / "reviews.csv").symlink_to(tmp_path / "not-mounted" / "reviews.csv")
    with pytest.raises(InputError, match="leads nowhere"):
        canonical.find(folder, conf)
    (folder / "reviews.csv").unlink()
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    (folder / "reviews.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="leads out of the delivery"):
        canonical.find(folder, conf)


def test_files_still_being_written(conf: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "subjects.csv").write_text("x\n")
    marked = settings.load(home=conf.home, done_marker="_DONE")
    with pytest.raises(InputError, match="not complete"):
        canonical.find(folder, marked)
    (folder / "_DONE").touch()
    assert canonical.find(folder, marked).notices == ()
    (folder / "reviews.csv.part").touch()
    with pytest.raises(InputError, match="still being written"):
        canonical.find(folder, marked)


def test_parts_are_in_the_order_of_their_numbers(conf: Settings, tmp_path: Path) -> None:
    names = ["reviews-9.csv", "reviews-10.csv", "reviews-1.csv"]
    for name in names:
        (tmp_path / name).write_text("x\n")
    listed = [file.name for file in files.list_folder(tmp_path) if file.suffix == ".csv"]
    assert listed == ["reviews-1.csv", "reviews-9.csv", "reviews-10.csv"]


def test_a_packed_text_in_gb18030(read: Any) -> None:
    rows, _, _ = read("reviews.csv.gz", gzip.compress(lines(*CHINESE).encode("gb18030")))
    assert texts(rows) == list(CHINESE)


@pytest.mark.parametrize("address", ["s3://bucket/night", "oss://bucket/night", "https://files.example.com/night.csv"])
def test_an_address_is_refused_with_the_ways_there_are(conf: Settings, address: str) -> None:
    with pytest.raises(InputError, match="mount the bucket"):
        canonical.find(Path(address), conf)

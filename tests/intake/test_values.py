"""Values as platforms write them, through files on disk: one row a way of writing, with what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import codes, settings
from credit.home import open_warehouse
from credit.intake import absence, landing, merging
from credit.sources import canonical
from credit.tables import TABLES

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)
SUBJECTS = "subject_id,kind,role\nS1,enterprise,seller\n"
ORDER = "transaction_id,subject_id,ordered_at,amount,currency"

Conn = duckdb.DuckDBPyConnection
Deliver = Callable[..., landing.Batch]


@pytest.fixture
def conf(tmp_path: Path) -> settings.Settings:
    return settings.load(home=tmp_path / "home", zone="Asia/Shanghai", threads=1)


@pytest.fixture
def con(conf: settings.Settings) -> Iterator[Conn]:
    with open_warehouse(conf) as con:
        yield con


@pytest.fixture
def deliver(con: Conn, conf: settings.Settings, tmp_path: Path) -> Deliver:
    number = iter(range(100))

    def delivering(day: date = DAY, *, accept: bool = True, history: bool = False, **files: str) -> landing.Batch:
        folder = tmp_path / f"night-{next(number)}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
        batch = landing.land(con, conf, "canonical", folder, day, history=history)
        if accept and not batch.already_landed:
            merging.accept(con, batch.batch_id)
        return batch

    return delivering


def rows(con: Conn, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


# --- times -----------------------------------------------------------------------------------------------------------

TIMES = {
    "2026-02-03 23:30 CST": "2026-02-03 15:30:00+00",
    "2026-02-03 23:30 UTC": "2026-02-03 23:30:00+00",
    "Tue Feb 03 23:30:00 CST 2026": "2026-02-03 15:30:00+00",
    "2026年2月3日 8:05": "2026-02-03 00:05:00+00",
    "2026年2月3日8时5分9秒": "2026-02-03 00:05:09+00",
    "2026/2/3 下午 8:05": "2026-02-03 12:05:00+00",
    "20260203080509": "2026-02-03 00:05:09+00",
    "1770076800": "2026-02-03 00:00:00+00",
    "1770076800123": "2026-02-03 00:00:00.123+00",
    "46056.5": "2026-02-03 04:00:00+00",
    "２０２６－０２－０３ ０８：０５": "2026-02-03 00:05:00+00",
    "２０２６－０２－０３　０８：０５": "2026-02-03 00:05:00+00",
    "2026/2/3 8:05:09 PM": "2026-02-03 12:05:09+00",
    "2026-02-03 12:05 AM": "2026-02-02 16:05:00+00",
    "2026-02-03 12:05 PM": "2026-02-03 04:05:00+00",
    "2026年2月3日 凌晨12:05": "2026-02-02 16:05:00+00",
    "2026年2月3日 中午12:05": "2026-02-03 04:05:00+00",
    "2026年2月3日 晚上8点05分": "2026-02-03 12:05:00+00",
    "2026-02-03 08:05:09 北京时间": "2026-02-03 00:05:09+00",
    "2026-02-03T08:05:09+08:00[Asia/Shanghai]": "2026-02-03 00:05:09+00",
    '"2026-02-03 08:05:09,123"': "2026-02-03 00:05:09.123+00",
    "2026-02-03-08.05.09": "2026-02-03 00:05:09+00",
    "20260203 08:05:09": "2026-02-03 00:05:09+00",
    "20260203T000509Z": "2026-02-03 00:05:09+00",
    "20260203080509123": "2026-02-03 00:05:09.123+00",
    "03-Feb-2026 08:05": "2026-02-03 00:05:00+00",
    '"Feb 3, 2026 8:05:09 AM"': "2026-02-03 00:05:09+00",
    '"Tue, 03 Feb 2026 00:05:09 GMT"': "2026-02-03 00:05:09+00",
    "Tue Feb 03 2026 08:05:09 GMT+0800 (中国标准时间)": "2026-02-03 00:05:09+00",
    "1770076800.0": "2026-02-03 00:00:00+00",
    "1770076800.123": "2026-02-03 00:00:00.123+00",
    "1770076800123456": "2026-02-03 00:00:00.123456+00",
    "/Date(1770076800000)/": "2026-02-03 00:00:00+00",
    '"=""2026-02-03 08:05:09"""': "2026-02-03 00:05:09+00",
    "'2026-02-03 08:05:09": "2026-02-03 00:05:09+00",
}


def orders(cells: Iterable[str]) -> str:
    """A file of orders, one for each cell of their time."""
    return "\n".join([ORDER, *(f"T{n},S1,{cell},1,CNY" for n, cell in enumerate(cells))]) + "\n"


def test_a_time_as_platforms_write_it(con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=orders(TIMES))
    read = dict(rows(con, "SELECT transaction_id, ordered_at::VARCHAR FROM canonical.transactions"))
    assert {cell: read.get(f"T{n}") for n, cell in enumerate(TIMES)} == TIMES


DOUBTFUL = (
    "2026-02-03 23:30 EST", "2026-02-03 23:30 PST", "02/03/2026", "3.2.26", "2026-02-03 晚上12:30", "2026-02-03 上午15:00",
    "Tue Feb 03 23:30:00 EST 2026", "2026-02-30 10:00", "2026-W06-2",
)  # fmt: skip


def test_a_time_that_could_mean_another_is_set_aside(con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=orders(DOUBTFUL))
    assert rows(con, "SELECT code, count(*) FROM quarantine.rows GROUP BY 1") == [("unreadable", len(DOUBTFUL))]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-02-02T16:00:00.000Z", "2026-02-03"),
        ("2026-02-03T00:00:00+08:00", "2026-02-03"),
        ("2026-02-03", "2026-02-03"),
        ("2026年2月3日", "2026-02-03"),
        ("46056", "2026-02-03"),
        ("长期", "9999-12-31"),  # without an end, which is not the same as not told
        ("无固定期限", "9999-12-31"),
        ("无", None),
    ],
)
def test_a_day_is_that_of_the_platforms_zone(written: str, day: str | None, con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=f"subject_id,kind,role,licence_valid_until\nS1,enterprise,seller,{written}\n")
    assert rows(con, "SELECT licence_valid_until::VARCHAR FROM canonical.subjects") == [(day,)]


@pytest.mark.parametrize(
    ("promised", "kept_by"),
    [
        ("2026-02-03", "2026-02-03 16:00:00+00"),
        ("2026年2月3日", "2026-02-03 16:00:00+00"),
        ("2026-02-03 09:00", "2026-02-03 01:00:00+00"),
    ],
)
def test_a_promised_day_is_kept_by_its_end(promised: str, kept_by: str, con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{ORDER},dispatch_due_at\nT1,S1,2026-02-01,1,CNY,{promised}\n")
    assert rows(con, "SELECT dispatch_due_at::VARCHAR FROM canonical.transactions") == [(kept_by,)]


@pytest.mark.parametrize("known", ["2099-01-01", "1969-01-01", "infinity"])
def test_known_at_has_bounds_like_any_time(known: str, con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{ORDER},known_at\nT1,S1,2026-02-01,1,CNY,{known}\n")
    assert rows(con, "SELECT code FROM quarantine.rows") == [("implausible_time",)]


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["88001\t", '"=""88001"""', "'88001", "８８００１", "\u200b88001", "88001\u3000", "88001\u00a0", " 88001 "],
)
def test_what_spreadsheets_put_around_an_id_is_taken_off(written: str, con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{ORDER}\n{written},S1,2026-02-01,1,CNY\n")
    assert rows(con, "SELECT transaction_id FROM canonical.transactions") == [("88001",)]


@pytest.mark.parametrize("written", ["8.80015E+17", "8.8E17", "#REF!", "#######", "3-Mar", "3月5日"])
def test_an_id_that_lost_its_digits_is_set_aside(written: str, con: Conn, deliver: Deliver) -> None:
    deliver(
        subjects__csv=SUBJECTS, transactions__csv=f"{ORDER}\n{written},S1,2026-02-01,1,CNY\nT2,S1,2026-02-01,1,CNY\n"
    )
    assert rows(con, "SELECT code FROM quarantine.rows") == [("mangled_id",)]
    assert rows(con, "SELECT transaction_id FROM canonical.transactions") == [("T2",)]


def test_ids_that_went_through_a_float_are_read_without_it_where_all_did(con: Conn, deliver: Deliver) -> None:
    all_did = f"{ORDER}\n1001.0,S1,2026-02-01,1,CNY\n1002.0,S1,2026-02-01,1,CNY\n"
    some = f"{ORDER}\n3.0,S1,2026-02-01,1,CNY\n3.1,S1,2026-02-01,1,CNY\n"
    batch = deliver(subjects__csv=SUBJECTS, **{"transactions-1__csv": all_did, "transactions-2__csv": some})
    assert rows(con, "SELECT transaction_id FROM canonical.transactions ORDER BY 1") == [
        ("1001",),
        ("1002",),
        ("3.0",),
        ("3.1",),
    ]
    assert "went through a float" in " ".join(batch.notices)


def test_long_ids_that_all_end_in_zeros_were_rounded(con: Conn, deliver: Deliver) -> None:
    header = f"{ORDER}\n"
    rounded = "".join(f"23456789012345{n}0000,S1,2026-02-01,1,CNY\n" for n in range(3))
    whole = "".join(f"23456789012345{n}000{n},S1,2026-02-01,1,CNY\n" for n in range(3))
    deliver(subjects__csv=SUBJECTS, **{"transactions-1__csv": header + rounded, "transactions-2__csv": header + whole})
    assert rows(con, "SELECT code, count(*) FROM quarantine.rows GROUP BY 1") == [("mangled_id", 3)]
    assert rows(con, "SELECT count(*) FROM canonical.transactions") == [(3,)]


def test_masked_and_unnamed_consumers_are_blank(con: Conn, deliver: Deliver) -> None:
    buyers = ["t**1", "张＊＊", "NULL", "匿名用户", "anonymous", "b7"]
    lines = "".join(f"T{i},S1,2026-02-01,1,CNY,{buyer}\n" for i, buyer in enumerate(buyers))
    batch = deliver(subjects__csv=SUBJECTS, transactions__csv=f"{ORDER},buyer_id\n{lines}")
    assert rows(con, "SELECT count(*), count(buyer_id) FROM canonical.transactions") == [(6, 1)]
    assert "2 ids are masked" in " ".join(batch.notices)


def test_words_for_nothing_are_blank_but_not_in_what_people_write(con: Conn, deliver: Deliver) -> None:
    deliver(
        subjects__csv="subject_id,kind,role,name,uscc,licence_valid_until\nS1,enterprise,seller,nan,NULL,\\N\nS2,enterprise,seller,无,--,/\n",
        reviews__csv="review_id,subject_id,reviewed_at,rating_overall,text\nR1,S1,2026-02-01,5,无\nR2,S1,2026-02-01,5,NULL\n",
    )
    assert rows(con, "SELECT name, uscc, licence_valid_until, code_valid FROM canonical.subjects") == [(None,) * 4] * 2
    assert rows(con, "SELECT text FROM canonical.reviews ORDER BY review_id") == [("无",), (None,)]


# --- amounts and codes -------------------------------------------------------------------------------------------------


NEVER_SET = ("0000-00-00 00:00:00", "0001-01-01T00:00:00", "1970-01-01 08:00:00", "1970-01-01", "0")


def test_a_time_that_was_never_set_is_blank(con: Conn, deliver: Deliver) -> None:
    cells = "".join(f"T{n},S1,2026-02-03,1,CNY,{cell}\n" for n, cell in enumerate(NEVER_SET))
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{ORDER},paid_at\n{cells}")
    assert rows(con, "SELECT count(*), count(paid_at) FROM canonical.transactions") == [(len(NEVER_SET), 0)]


def test_a_heading_as_exports_write_it() -> None:
    names = canonical.headings(TABLES["transactions"])
    written = [
        "\ufeff付款时间",
        "付款时间\t",
        '="付款时间"',
        "*付款时间",
        "付款时间（必填）",
        "付 款 时 间",
        "paidAt",
        "Paid At",
        "PAID-AT",
    ]
    assert {heading: canonical.meaning(names, heading) for heading in written} == dict.fromkeys(written, "paid_at")
    # In hundredths or ten thousands it is another amount.
    assert [canonical.meaning(names, f"订单金额{unit}") for unit in ("(元)", "（元）", "(分)", "(万元)")] == [
        "amount",
        "amount",
        None,
        None,
    ]


def test_an_orders_number_is_the_transactions_where_no_other_is_named(con: Conn, deliver: Deliver) -> None:
    deliver(
        subjects__csv="店铺 ID,主体类型,角色\nS1,企业,卖家\n",
        transactions__csv="订单编号,店铺 ID,下单时间,订单金额(元),币种\nT1,S1,2026-02-03,1,CNY\n",
        reviews__csv="评价编号,订单编号,店铺ID,评价时间,评分\nR1,T1,S1,2026-02-04,★★★★☆\nR2,T1,S1,2026-02-05,五星\n",
    )
    assert rows(con, "SELECT transaction_id, order_id FROM canonical.transactions") == [("T1", "T1")]
    assert rows(con, "SELECT transaction_id, rating_overall FROM canonical.reviews ORDER BY review_id") == [
        ("T1", 4),
        ("T1", 5),
    ]


def test_an_amount_with_the_mark_of_another_currency_is_set_aside(con: Conn, deliver: Deliver) -> None:
    cells = ["$12.00,CNY", "¥12,USD", "HK$12,CNY", "12美元,CNY", "$12,HKD", "¥12,CNY", "US$12,USD"]
    content = "\n".join([ORDER, *(f"T{n},S1,2026-02-03,{cell}" for n, cell in enumerate(cells))])
    deliver(subjects__csv=SUBJECTS, transactions__csv=content + "\n")
    assert rows(con, "SELECT line, code FROM quarantine.rows ORDER BY 1") == [
        (n, "other_currency") for n in (2, 3, 4, 5)
    ]


AMOUNTS = (
    '"1,234.50"', "¥1234.50", "￥1234.5", "1234.50元", "１２３４．５０", "1234.50", "1 234.50", "'1234.50", '"=""1234.50"""', "1234.50 CNY",
)  # fmt: skip


def test_an_amount_as_people_write_it(con: Conn, deliver: Deliver) -> None:
    content = "\n".join([ORDER, *(f"T{n},S1,2026-02-03,{cell},CNY" for n, cell in enumerate(AMOUNTS))])
    deliver(subjects__csv=SUBJECTS, transactions__csv=content + "\n")
    assert rows(con, "SELECT amount::DOUBLE, count(*) FROM canonical.transactions GROUP BY 1") == [
        (1234.5, len(AMOUNTS))
    ]


def test_chinese_headings_and_codes(con: Conn, deliver: Deliver) -> None:
    deliver(
        商家__csv="商家编号,主体类型,交易角色,企业名称\nS1,企业,商家,晴川书店\nS2,个体工商户,卖家,云汀\nS3,个人,卖家,小满\n",
        违规__csv="违规编号,主体编号,违规类型,严重程度,认定时间\nV1,S1,刷单,严重,2026-02-01\nV2,S1,刷单,骇人听闻,2026-02-01\n",
    )
    assert rows(con, "SELECT kind, role FROM canonical.subjects ORDER BY subject_id") == [
        ("enterprise", "seller"), ("enterprise", "seller"), ("individual", "seller"),
    ]  # fmt: skip
    assert rows(con, "SELECT kind, severity FROM canonical.violations") == [("brushing", "serious")]
    assert rows(con, "SELECT code FROM quarantine.rows") == [("unknown_code",)]


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("91330106MA7K000163", True),
        ("91330106MA7K000164", False),
        ("91330106MA7KO00163", False),
        ("Z1330106MA7K000163", False),
    ],
)
def test_credit_codes(code: str, right: bool) -> None:
    assert codes.uscc_valid(code) is right


@pytest.mark.parametrize("department", "123456789ANY")
def test_credit_codes_of_every_department(department: str) -> None:
    from stdnum.cn import uscc

    body = f"{department}2330521MF1234567"
    assert codes.uscc_valid(body + uscc.calc_check_digit(body))


def test_a_citizens_number_sets_no_penalty_aside(con: Conn, deliver: Deliver) -> None:
    """It is struck out where the record is published; the penalty counts."""
    deliver(
        subjects__csv="subject_id,kind,role\nS1,enterprise,seller\n",
        public_records__csv="record_id,subject_id,kind,grade,issuer,reference,valid_from\n"
        "P1,S1,administrative_penalty,minor,局,罚1号 110101199003070038,2026-01-02\n",
    )
    assert rows(con, "SELECT record_id FROM canonical.public_records") == [("P1",)]


# --- amounts ---------------------------------------------------------------------------------------------------------


def orders_of(*amounts: tuple[str, str]) -> str:
    lines = [f'T{i},S1,2026-02-01 10:00,"{amount}",{currency}' for i, (amount, currency) in enumerate(amounts)]
    return "\n".join([ORDER, *lines, ""])


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("10.005", "CNY", "too_precise"),
        ("¥1,234.505", "CNY", "too_precise"),
        ("10.005", "KWD", "too_precise"),  # the dinar has three decimals; two are kept
        ("1000.50", "JPY", "too_precise"),
        ("100", "XYZ", "unknown_code"),
        ("100", "XAU", "unknown_code"),
    ],
)
def test_an_amount_that_cannot_be_kept_as_it_is_sets_the_row_aside(
    amount: str, currency: str, code: str, con: Conn, deliver: Deliver
) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=orders_of((amount, currency)))
    assert rows(con, "SELECT code FROM quarantine.rows") == [(code,)]
    assert rows(con, "SELECT count(*) FROM canonical.transactions") == [(0,)]


def test_amounts_and_currencies_as_they_are_written(con: Conn, deliver: Deliver) -> None:
    written = [
        ("10.50", "cny"),
        ("10.5000", "RMB"),
        ("¥1,234.50", "人民币"),
        ("10.50000000000001", "元"),
        ("1000.00", "JPY"),
        ("10.01", "KWD"),
    ]
    deliver(subjects__csv=SUBJECTS, transactions__csv=orders_of(*written))
    assert rows(con, "SELECT amount::VARCHAR, currency FROM canonical.transactions ORDER BY transaction_id") == [
        ("10.50", "CNY"), ("10.50", "CNY"), ("1234.50", "CNY"), ("10.50", "CNY"), ("1000.00", "JPY"), ("10.01", "KWD")
    ]  # fmt: skip


# --- batches -----------------------------------------------------------------------------------------------------------


def register(deposit: int) -> str:
    return f"subject_id,kind,role,deposit_amount\nS1,enterprise,seller,{deposit}\n"


def test_a_state_that_returns_counts(con: Conn, deliver: Deliver) -> None:
    for day, deposit in ((1, 5000), (2, 0), (3, 5000)):
        batch = deliver(date(2026, 3, day), subjects__csv=register(deposit))
    assert "has returned" in " ".join(batch.notices)
    assert rows(con, "SELECT deposit_amount::INT FROM canonical.subjects") == [(5000,)]
    assert rows(con, "SELECT deposit_amount::INT FROM history.subjects ORDER BY known_at") == [(5000,), (0,)]


def test_a_file_that_was_set_aside_keeps_the_date_of_its_first_landing(con: Conn, deliver: Deliver) -> None:
    refused = deliver(date(2026, 3, 1), accept=False, subjects__csv=register(1))
    merging.refuse(con, refused.batch_id, "no")
    deliver(date(2026, 3, 2), subjects__csv=register(2))
    again = deliver(date(2026, 3, 3), subjects__csv=register(1))
    assert "replace nothing newer" in " ".join(again.notices)
    assert rows(con, "SELECT deposit_amount::INT FROM canonical.subjects") == [(2,)]


def test_history_can_be_told_later(con: Conn, deliver: Deliver) -> None:
    files = {"subjects__csv": SUBJECTS, "transactions__csv": f"{ORDER}\nT1,S1,2025-06-01,1,CNY\n"}
    assert "--history" in " ".join(deliver(**files).notices)
    batch = deliver(history=True, **files)
    assert not batch.already_landed
    assert rows(con, "SELECT known_at::VARCHAR FROM canonical.transactions") == [("2025-05-31 16:00:00+00",)]
    assert deliver(history=True, **files).already_landed


def test_the_last_of_numbered_parts_speaks(con: Conn, deliver: Deliver) -> None:
    parts = {f"transactions-{n}__csv": f"{ORDER}\nT1,S1,2026-02-01,{n},CNY\n" for n in (9, 10)}
    deliver(subjects__csv=SUBJECTS, **parts)
    assert rows(con, "SELECT amount::INT FROM canonical.transactions") == [(10,)]


def test_reviews_of_orders_that_were_set_aside_wait_for_them(con: Conn, deliver: Deliver) -> None:
    deliver(subjects__csv=SUBJECTS)
    orders = f"{ORDER}\nT1,S1,2026-02-01,1,CNY\n"
    refused = deliver(accept=False, transactions__csv=orders)
    merging.refuse(con, refused.batch_id, "no")
    review = "review_id,subject_id,reviewed_at,rating_overall,transaction_id\nR1,S1,2026-02-02,5,T1\nR2,S1,2026-02-02,5,elsewhere\n"
    deliver(date(2026, 3, 2), reviews__csv=review)
    assert rows(con, "SELECT review_id FROM canonical.reviews") == [("R2",)]
    deliver(date(2026, 3, 3), transactions__csv=orders)
    assert rows(con, "SELECT review_id FROM canonical.reviews ORDER BY 1") == [("R1",), ("R2",)]
    assert rows(
        con, "SELECT count(*) FROM quarantine.rows WHERE code = 'unknown_transaction' AND released_by IS NULL"
    ) == [(0,)]


COMPLAINTS = "complaint_id,subject_id,channel,category,filed_at\n"


def test_a_table_that_stays_away_or_comes_empty_is_missed(con: Conn, deliver: Deliver) -> None:
    def night(day: int, complaints: str | None, orders: bool = True) -> list[tuple[str, bool, str]]:
        files = {"transactions__csv": f"{ORDER}\n" + (f"T{day},S1,2026-02-01,1,CNY\n" if orders else "")}
        if complaints is not None:
            files["complaints__csv"] = COMPLAINTS + complaints
        if day == 1:
            files["subjects__csv"] = SUBJECTS
        batch = deliver(date(2026, 3, day), accept=False, **files)
        missed = [(a.table, a.empty, a.severity) for a in absence.absences(con, batch.batch_id)]
        merging.accept(con, batch.batch_id)
        return missed

    complaint = "C{},S1,platform,other,2026-02-01\n"
    assert night(1, complaint.format(1)) == []
    assert night(2, complaint.format(2)) == []
    assert night(3, "") == [("complaints", True, "warning")]
    assert night(4, complaint.format(4)) == []
    assert night(5, complaint.format(5), orders=False) == [("transactions", True, "critical")]
    assert night(6, None) == [("complaints", False, "warning")]


def test_a_file_by_itself_is_missed_for_nothing_unless_it_holds_the_orders(con: Conn, deliver: Deliver) -> None:
    orders, complaint = f"{ORDER}\nT{{0}},S1,2026-02-01,1,CNY\n", COMPLAINTS + "C{0},S1,platform,other,2026-02-01\n"
    deliver(subjects__csv=SUBJECTS)
    for day in (2, 3, 4):
        deliver(date(2026, 3, day), transactions__csv=orders.format(day), complaints__csv=complaint.format(day))
    supplement = deliver(date(2026, 3, 5), accept=False, complaints__csv=complaint.format(5))
    assert absence.absences(con, supplement.batch_id) == []


CODES = ("91330106MA2CFPK21B", "91330106MA2CFPK3XX")
RECORDS = "处罚决定书文号,统一社会信用代码,记录类型,处罚机关,处罚决定日期,等次\n"


def test_records_of_authorities_are_found_by_credit_code_and_wait_until_somebody_has_it(
    con: Conn, deliver: Deliver
) -> None:
    first, second = CODES
    deliver(
        subjects__csv=f"subject_id,kind,role,uscc\nS2,enterprise,seller,{first}\nS1,enterprise,seller,{first}\n",
        public_records__csv=RECORDS
        + f"杭市监罚〔2026〕1号,{first},行政处罚,杭州市市场监督管理局,2026-01-05,一般\n"
        + f"杭市监罚〔2026〕2号,{second.lower()},行政处罚,杭州市市场监督管理局,2026-01-06,严重\n"
        + "杭市监罚〔2026〕3号,S2,行政处罚,杭州市市场监督管理局,2026-01-07,轻微\n",
    )
    query = "SELECT right(record_id, 2), subject_id FROM canonical.public_records ORDER BY 1"
    assert rows(con, query) == [("1号", "S1"), ("3号", "S2")]
    assert rows(con, "SELECT code FROM quarantine.rows WHERE released_by IS NULL") == [("unknown_subject",)]
    deliver(date(2026, 3, 2), subjects__csv=f"subject_id,kind,role,uscc\nS9,enterprise,seller,{second}\n")
    assert rows(con, query) == [("1号", "S1"), ("2号", "S9"), ("3号", "S2")]
    assert rows(con, "SELECT count(*) FROM quarantine.rows WHERE released_by IS NULL") == [(0,)]

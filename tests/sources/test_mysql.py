"""A platform's own MySQL database as a source, against a real server: one moment, what is new, every value as text."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from credit.databases.mysql import Url
from credit.errors import InputError, SourceUnreachable, UserError
from credit.home import open_warehouse
from credit.intake import landing, merging, whole
from credit.settings import Settings
from credit.sources import mapping_check, proposal
from support.mysql_server import connect, new_database, sql

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

DAY = date(2026, 11, 24)
ZONE = "Asia/Shanghai"
ENV = "CREDIT_TEST_SHOP_URL"
SELLERS = {
    "from": "卖家 s",
    "columns": {"subject_id": "s.编号", "kind": "s.类型", "role": "'seller'", "name": "s.名称"},
}
ORDERS: dict[str, Any] = {
    "from": "orders o JOIN 卖家 s ON s.id = o.seller -- theirs",
    "columns": {
        "transaction_id": "CONCAT('T', o.id)",
        "subject_id": "s.编号",
        "buyer_id": "o.buyer",
        "ordered_at": "o.placed",
        "dispatched_at": "o.sent",
        "traceable": "o.traced",
        "amount": "o.cents / 100 -- in yuan",
        "currency": "'CNY'",
        "cancelled_by": "o.closed_by",
        "cancelled_at": "o.closed",
    },
    "where": "NOT o.test",
    "changed_at": "o.changed",
    "codes": {"cancelled_by": {"运营": "platform"}},
    "nothing": ["??"],
    "zones": {"dispatched_at": "UTC"},
}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a shop of two sellers and three orders, which the environment names."""
    url = new_database()
    monkeypatch.setenv(ENV, url)
    sql(
        url,
        "SET sql_mode = ''",
        "CREATE TABLE 卖家 (id INT PRIMARY KEY, 编号 VARCHAR(20), 类型 VARCHAR(20), 名称 VARCHAR(100))",
        "INSERT INTO 卖家 VALUES (1, 'S1', '企业', '𠮷祥茶业'), (2, 'S2', '公司', 'NULL')",
        """CREATE TABLE orders (id INT, seller INT, buyer VARCHAR(50), placed DATETIME(6), sent DATETIME, traced BIT(1), cents BIGINT,
           closed_by VARCHAR(10), closed TIMESTAMP NULL, test BOOL NOT NULL DEFAULT 0, changed TIMESTAMP(6) NULL) ENGINE=InnoDB""",
    )
    add(url, (1, 1, 1000, 1), (2, 2, 2050, 2), (3, 1, 3000, 3))
    return url


def add(url: str, *orders: tuple[int, int, int, int]) -> None:
    """Orders (id, seller, cents, day of November on which they were placed and changed last)."""
    for number, seller, cents, day in orders:
        at = f"'2026-11-{day:02} 10:00:00.5'"
        sql(
            url,
            "SET sql_mode = '', time_zone = '+08:00'",
            f"""INSERT INTO orders VALUES ({number}, {seller}, 'buyer-{number}', {at}, '0000-00-00 00:00:00', b'1', {cents}, '??', NULL,
                0, {at})""",
        )


@pytest.fixture
def path(shop: str, tmp_path: Path) -> Path:
    return written(tmp_path / "mapping.yaml", {"subjects": SELLERS, "transactions": ORDERS})


def written(path: Path, tables: dict[str, Any], **more: Any) -> Path:
    path.write_text(yaml.safe_dump({"connection": {"env": ENV}, "tables": tables} | more, allow_unicode=True))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    conf = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    conf.home.mkdir()
    return conf


def ingest(conf: Settings, path: Path, day: date = DAY) -> landing.Batch:
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, "mysql", path, day)
        for number in merging.landed_batches(con):
            merging.accept(con, number)
    return batch


def query(conf: Settings, text: str) -> list[tuple[Any, ...]]:
    with open_warehouse(conf) as con:
        return con.execute(text).fetchall()


def test_every_value_is_read_as_text_and_meant_as_the_mapping_says(shop: str, path: Path, home: Settings) -> None:
    sql(
        shop,
        "UPDATE orders SET sent = '2026-11-01 04:00:00', closed_by = '运营', closed = FROM_UNIXTIME(1793577600), traced = b'0' WHERE id = 1",
    )
    batch = ingest(home, path)
    assert batch.counts["transactions"] == {"read": 3, "accepted": 3, "quarantined": 0}
    assert query(home, "SELECT subject_id, kind, name FROM canonical.subjects ORDER BY 1") == [
        ("S1", "enterprise", "𠮷祥茶业"),
        ("S2", "enterprise", None),
    ]
    assert query(
        home,
        """SELECT transaction_id, amount::DOUBLE, ordered_at::VARCHAR, dispatched_at::VARCHAR, cancelled_by, cancelled_at::VARCHAR, traceable
           FROM canonical.transactions ORDER BY 1 LIMIT 2""",
    ) == [
        ("T1", 10.0, "2026-11-01 02:00:00.5+00", "2026-11-01 04:00:00+00", "platform", "2026-11-02 00:00:00+00", False),
        ("T2", 20.5, "2026-11-02 02:00:00.5+00", None, None, None, True),  # a time of zeros was never set
    ]


def test_first_all_then_only_what_is_new(shop: str, path: Path, home: Settings) -> None:
    assert ingest(home, path).counts["transactions"]["read"] == 3
    add(shop, (4, 2, 4000, 4))
    assert ingest(home, path).counts["transactions"]["read"] == 2  # the new one, and the newest of before
    sql(shop, "UPDATE orders SET cents = 1500, changed = '2026-11-20 10:00' WHERE id = 1")
    assert ingest(home, path, DAY + timedelta(days=1)).counts["transactions"]["read"] == 2
    assert query(home, "SELECT transaction_id, amount::INT FROM canonical.transactions ORDER BY 1") == [
        ("T1", 15),
        ("T2", 21),
        ("T3", 30),
        ("T4", 40),
    ]
    assert query(home, "SELECT transaction_id, amount::INT FROM history.transactions") == [("T1", 10)]


def test_only_what_is_read_anew_can_be_whole(shop: str, path: Path, home: Settings) -> None:
    conf = home.model_copy(update={"whole_tables": {"subjects": "report", "transactions": "report"}})
    assert not [n for n in ingest(conf, path).notices if "came in part" in n]
    sql(shop, "DELETE FROM 卖家 WHERE id = 2")
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, "mysql", path, DAY + timedelta(days=1))
        assert [n for n in batch.notices if n.startswith("transactions should come whole") and "changed_at" in n]
        assert [(gone.table, gone.keys) for gone in whole.absent_rows(con, batch.batch_id)] == [("subjects", ("S2",))]


def test_rows_of_transactions_that_are_open_are_read_once_they_are_there(shop: str, path: Path, home: Settings) -> None:
    written(path, {"subjects": SELLERS, "transactions": ORDERS}, overlap_minutes=0)
    ingest(home, path)
    new = "INSERT INTO orders VALUES ({}, 1, 'b', '2026-11-03 10:00', NULL, b'1', 100, NULL, NULL, 0, now(6))"
    with connect(shop) as open_, open_.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(new.format(5))
        sql(shop, new.format(6))
        ingest(home, path)
        assert query(home, "SELECT count(*) FROM canonical.transactions WHERE transaction_id IN ('T5', 'T6')") == [(1,)]
        open_.commit()
    ingest(home, path)
    assert query(home, "SELECT count(*) FROM canonical.transactions WHERE transaction_id IN ('T5', 'T6')") == [(2,)]


def test_the_check_names_each_expression_that_does_not_work(shop: str, path: Path) -> None:
    good = mapping_check.check(path, ZONE)
    assert (good.errors, good.tables["transactions"].rows) == ([], True)
    sql(shop, "ALTER TABLE orders ADD raw VARBINARY(16), ADD data JSON")
    broken = ORDERS | {
        "columns": ORDERS["columns"] | {"order_id": "o.raw", "category": "o.nowhere"},
        "where": "NOT o.tset",
    }
    errors = "\n".join(mapping_check.check(written(path, {"subjects": SELLERS, "transactions": broken}), ZONE).errors)
    assert "order_id: is bytea" in errors
    assert "Unknown column 'o.nowhere'" in errors
    assert "where: Unknown column 'o.tset'" in errors


def test_what_is_not_usable_is_told_without_the_password(
    shop: str, path: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, shop.replace("root@", "nobody:geheim%21@"))
    with pytest.raises(SourceUnreachable) as error:
        ingest(home, path)
    assert "Access denied" in str(error.value)
    assert "geheim" not in str(error.value)
    monkeypatch.setenv(ENV, "oracle://a:geheim@b/c")
    with pytest.raises(UserError, match="no URL of a database that can be read"):
        ingest(home, path)


def test_bytes_are_not_taken_for_text(shop: str, path: Path, home: Settings) -> None:
    sql(shop, "ALTER TABLE orders ADD raw VARBINARY(16)")
    written(path, {"transactions": ORDERS | {"columns": ORDERS["columns"] | {"order_id": "o.raw"}}})
    with pytest.raises(InputError, match=r"HEX\(…\)"):
        ingest(home, path)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://a@h", "names no database"),
        ("mysql://a@h/d?tls=1", "is no option"),
        ("mysql://a@h/d?ssl_mode=x", "ssl_mode"),
    ],
)
def test_urls(url: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        Url(url, "test")
    assert Url("mysql://u:p%40@h:3307/d", "test").port == 3307


def test_a_mapping_is_proposed_from_names_and_comments_and_can_be_read_by(
    shop: str, tmp_path: Path, home: Settings
) -> None:
    sql(
        shop,
        "DROP TABLE orders, 卖家",
        """CREATE TABLE t_shop (id VARCHAR(20), shop_name VARCHAR(50), ctype VARCHAR(20) COMMENT '主体类型', update_time DATETIME)
           COMMENT '商家表'""",
        """CREATE TABLE t_order (order_sn VARCHAR(20), shop_id VARCHAR(20), user_id VARCHAR(20), create_time DATETIME, pay_time DATETIME,
           fee DECIMAL(10,2) COMMENT '实付金额', ship DATETIME COMMENT '发货时间', gmt_modified DATETIME)""",
        "CREATE TABLE t_log (a INT, b INT)",
        "INSERT INTO t_shop VALUES ('S1', '茶铺', '企业', '2026-11-01')",
        "INSERT INTO t_order VALUES ('T1', 'S1', 'buyer-secret', '2026-11-02 10:00', NULL, 12.50, NULL, '2026-11-02 10:00')",
    )
    text = proposal.propose_database(shop, "test", ZONE, ENV)
    assert "buyer-secret" not in text
    assert 'amount: "`fee`"  # 交易金额 (实付金额): 12.50' in text
    assert "currency: \"'CNY'\"  # ?" in text
    assert 'changed_at: "`gmt_modified`"  # ?' in text
    assert "t_log: no column is like a canonical one" in text
    path = tmp_path / "proposed.yaml"
    path.write_text(text, encoding="utf-8")
    assert mapping_check.check(path, ZONE).errors == []
    ingest(home, path)
    assert query(
        home, "SELECT transaction_id, subject_id, amount::DOUBLE, ordered_at::VARCHAR FROM canonical.transactions"
    ) == [("T1", "S1", 12.5, "2026-11-02 02:00:00+00")]

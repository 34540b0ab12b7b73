"""A platform's own PostgreSQL database as a source: the mapping, what it reads, and what is read again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from credit.cli import main
from credit.errors import InputError, SourceUnreachable, UserError
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.settings import Settings
from credit.sources import database, mapping, mapping_check, proposal
from credit.warehouse.connection import info
from support.homes import write_key
from support.marketplace_shops import in_postgres
from support.postgres_server import new_database, sql
from support.story_home import DAY, KEY, MARKETPLACE, ZONE, table

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

ENV = "CREDIT_TEST_SHOP_URL"
Run = Callable[..., tuple[int, str, str]]
Mapped = dict[str, Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("map", …)`: the command; (exit code, output, errors)."""

    def ran(*arguments: str) -> tuple[int, str, str]:
        with monkeypatch.context() as here:
            here.setattr(sys, "argv", ["merchant-credit", *arguments])
            with pytest.raises(SystemExit) as ended:
                main.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return ran


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty database, which the environment names."""
    url = new_database()
    sql(url, "CREATE SCHEMA shop", f"ALTER DATABASE {url.split('/')[3].split('?')[0]} SET timezone = 'Europe/Paris'")
    monkeypatch.setenv(ENV, url)
    return url


def written(path: Path, tables: dict[str, Mapped], **more: Any) -> Path:
    path.write_text(yaml.safe_dump({"connection": {"env": ENV}, "tables": tables} | more, allow_unicode=True))
    return path


# --- a small shop of two tables ----------------------------------------------------------------------------------

SELLERS = {"from": "shop.sellers s", "columns": {"subject_id": "s.code", "kind": "'enterprise'", "role": "'seller'"}}
ORDERS: Mapped = {
    "from": "shop.orders o JOIN shop.sellers s ON s.id = o.seller -- theirs",
    "columns": {
        "transaction_id": "'T' || o.id",
        "subject_id": "s.code",
        "buyer_id": "o.buyer",
        "ordered_at": "o.placed",
        "amount": "o.cents / 100.0 -- in yuan",
        "currency": "'CNY'",
    },
    "where": "NOT o.test OR o.test IS NULL",
    "changed_at": "o.changed",
}


@pytest.fixture
def small(shop: str, tmp_path: Path) -> Path:
    """The shop, and the path of its mapping."""
    sql(
        shop,
        "CREATE TABLE shop.sellers (id int PRIMARY KEY, code text)",
        "INSERT INTO shop.sellers VALUES (1, 'S1'), (2, 'S2')",
        "CREATE TABLE shop.orders (id int, seller int, buyer text, placed timestamptz, cents bigint, test boolean, "
        "changed timestamptz)",
    )
    add(shop, (1, 1, 1000, 1), (2, 2, 2050, 2), (3, 1, 3000, 3))
    return written(tmp_path / "mapping.yaml", {"subjects": SELLERS, "transactions": ORDERS})


def add(url: str, *orders: tuple[int, int, int, int | None]) -> None:
    """Orders (id, seller, cents, day of November on which they were placed and changed last)."""
    for number, seller, cents, day in orders:
        changed = "NULL" if day is None else f"'2026-11-{day:02} 10:00+08'"
        placed = f"'2026-11-{day or 1:02} 10:00+08'"
        sql(
            url,
            f"INSERT INTO shop.orders VALUES ({number}, {seller}, 'buyer-{number}', {placed}, {cents}, false, {changed})",
        )


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    conf = Settings(home=tmp_path / "home", zone=ZONE, threads=1)
    conf.home.mkdir()
    write_key(conf, KEY.hex())
    return conf


def ingest(conf: Settings, path: Path, day: date = DAY, accept: bool = True) -> landing.Batch:
    with open_warehouse(conf) as con:
        batch = landing.land(con, conf, "postgres", path, day)
        if accept:
            for number in merging.landed_batches(con):
                merging.accept(con, number)
    return batch


def amounts(conf: Settings) -> dict[str, float]:
    with open_warehouse(conf) as con:
        return {
            k: float(v) for k, v in con.execute("SELECT transaction_id, amount FROM canonical.transactions").fetchall()
        }


def read_of(batch: landing.Batch) -> int:
    return batch.counts["transactions"]["read"]


def test_first_all_then_only_what_is_new(shop: str, small: Path, home: Settings) -> None:
    assert read_of(ingest(home, small)) == 3
    assert amounts(home) == {"T1": 10, "T2": 20.5, "T3": 30}
    add(shop, (4, 2, 4000, 4))
    assert read_of(ingest(home, small)) == 2  # the new one, and the newest of before
    assert amounts(home) == {"T1": 10, "T2": 20.5, "T3": 30, "T4": 40}
    assert read_of(ingest(home, small)) == 1
    with open_warehouse(home) as con:
        assert con.execute("SELECT count(*) FROM history.transactions").fetchall() == [(0,)]


def test_a_corrected_old_row_is_read_again_and_its_old_version_kept(shop: str, small: Path, home: Settings) -> None:
    ingest(home, small, DAY)
    sql(shop, "UPDATE shop.orders SET cents = 1500, changed = '2026-11-20 10:00+08' WHERE id = 1")
    assert read_of(ingest(home, small, DAY + timedelta(days=1))) == 2
    assert amounts(home)["T1"] == 15
    with open_warehouse(home) as con:
        assert con.execute("SELECT transaction_id, amount::DOUBLE FROM history.transactions").fetchall() == [("T1", 10)]
    # And put back: the same rows as the first time, and yet news.
    sql(shop, "UPDATE shop.orders SET cents = 1000, changed = '2026-11-21 10:00+08' WHERE id = 1")
    ingest(home, small, DAY + timedelta(days=2))
    assert amounts(home)["T1"] == 10


def test_the_overlap_finds_rows_that_became_visible_late(shop: str, small: Path, home: Settings) -> None:
    ingest(home, small)
    sql(shop, "INSERT INTO shop.orders VALUES (9, 1, 'b', '2026-11-03 09:30+08', 900, false, '2026-11-03 09:30+08')")
    assert read_of(ingest(home, small)) == 2
    data = yaml.safe_load(small.read_text()) | {"overlap_minutes": 0}
    small.write_text(yaml.safe_dump(data))
    assert read_of(ingest(home, small)) == 1


@pytest.mark.parametrize("changed_at", ["o.changed", f"o.changed AT TIME ZONE '{ZONE}'"])
def test_rows_of_transactions_that_are_open_are_read_once_they_are_there(
    shop: str, small: Path, home: Settings, changed_at: str
) -> None:
    from adbc_driver_postgresql import dbapi

    data = yaml.safe_load(small.read_text()) | {"overlap_minutes": 0}
    data["tables"]["transactions"]["changed_at"] = changed_at
    small.write_text(yaml.safe_dump(data))

    def insert(number: int) -> str:
        return f"INSERT INTO shop.orders VALUES ({number}, 1, 'b', '2026-11-03 10:00+08', 100, false, now())"

    ingest(home, small)
    with dbapi.connect(shop) as written, dbapi.connect(shop) as to_write:
        with written.cursor() as cursor:
            cursor.execute(insert(4))
        with to_write.cursor() as cursor:
            cursor.execute("SELECT 1")
        sql(shop, insert(5))
        assert read_of(ingest(home, small)) == 2
        with to_write.cursor() as cursor:
            cursor.execute(insert(6))
        to_write.commit()
        sql(shop, insert(7))
        # Of the later transaction, while the earlier one is open still.
        ingest(home, small)
        assert {"T5", "T6", "T7"} <= amounts(home).keys()
        written.commit()
    ingest(home, small)
    assert amounts(home).keys() == {f"T{i}" for i in range(1, 8)}
    assert read_of(ingest(home, small)) == 1  # nothing is open: on from the newest


def test_rows_without_a_time_and_rows_from_the_future(shop: str, small: Path, home: Settings) -> None:
    add(shop, (4, 1, 100, None))
    sql(shop, "INSERT INTO shop.orders VALUES (5, 1, 'b', '2026-11-03 10:00+08', 500, false, '2999-01-01')")
    assert read_of(ingest(home, small)) == 5
    sql(shop, "INSERT INTO shop.orders VALUES (6, 1, 'b', '2026-11-03 10:00+08', 600, false, now())")
    ingest(home, small)
    assert {"T4", "T5", "T6"} <= amounts(home).keys()


def test_a_deleted_row_stays(shop: str, small: Path, home: Settings) -> None:
    ingest(home, small)
    sql(shop, "DELETE FROM shop.orders WHERE id = 3")
    ingest(home, small)
    assert "T3" in amounts(home)


def test_a_batch_that_was_not_landed_or_was_set_aside_is_read_again(
    shop: str, small: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(home, small)
    add(shop, (4, 2, 4000, 4), (5, 2, 5000, 5))
    with monkeypatch.context() as failing:
        failing.setattr(landing, "_balance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ingest(home, small)
    assert read_of(ingest(home, small, accept=False)) == 3
    with open_warehouse(home) as con:
        merging.refuse(con, merging.landed_batches(con)[0], "test")
    add(shop, (6, 2, 6000, 6))
    assert read_of(ingest(home, small)) == 4
    assert amounts(home).keys() == {f"T{i}" for i in range(1, 7)}
    assert read_of(ingest(home, small)) == 1


def test_a_changed_mapping_reads_its_table_whole(shop: str, small: Path, home: Settings) -> None:
    ingest(home, small)
    changed = ORDERS | {"columns": ORDERS["columns"] | {"category": "'服装'"}}
    written(small, {"subjects": SELLERS, "transactions": changed})
    batch = ingest(home, small)
    assert read_of(batch) == 3
    assert "transactions: the mapping has changed: read whole" in batch.notices
    assert "subjects: has no changed_at: read whole" in batch.notices
    with open_warehouse(home) as con:
        assert con.execute("SELECT DISTINCT category FROM canonical.transactions").fetchall() == [("服装",)]


def test_one_bad_value_spoils_one_row(shop: str, small: Path, home: Settings) -> None:
    sql(
        shop,
        "INSERT INTO shop.orders VALUES (7, 1, 'secret buyer', 'infinity', 100, false, now()), "
        "(8, 1, 'b', '2026-11-01', NULL, false, now()), (9, 99, 'b', '2026-11-01', 1, false, now())",
        "INSERT INTO shop.orders VALUES (10, 1, 'o''b --', '2026-11-01', 1, true, now())",
    )
    batch = ingest(home, small)
    assert batch.counts["transactions"] == {"read": 5, "accepted": 3, "quarantined": 2}
    assert {code for _, code, _, _ in batch.reasons} == {"implausible_time", "missing"}
    with open_warehouse(home) as con:
        assert con.execute("SELECT count(*) FROM quarantine.rows WHERE raw LIKE '%secret%'").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM canonical.transactions WHERE buyer_id LIKE '%buyer%'").fetchall() == [
            (0,)
        ]
    assert not list(home.home.glob("read-*"))


def test_the_database_is_only_read(shop: str, small: Path, home: Settings) -> None:
    sql(shop, "CREATE FUNCTION shop.grab(int) RETURNS text LANGUAGE sql AS $$DELETE FROM shop.orders RETURNING 'x'$$")
    columns = ORDERS["columns"] | {"currency": "shop.grab(o.id)"}
    written(small, {"subjects": SELLERS, "transactions": ORDERS | {"columns": columns}})
    with pytest.raises(InputError, match=r"mapping\.yaml, line \d+, tables\.transactions: .*read-only transaction"):
        ingest(home, small)
    assert sql(shop, "SELECT count(*) FROM shop.orders") == [(3,)]
    with open_warehouse(home) as con:
        assert info(con, f"postgres:{ENV}:transactions") is None


def test_many_rows_come_in_batches(shop: str, small: Path, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sql(
        shop,
        "INSERT INTO shop.orders SELECT 100 + i, 1, 'b' || i, '2026-11-05', i, false, '2026-11-05' "
        "FROM generate_series(1, 20000) i",
    )
    monkeypatch.setattr(database, "BATCH_BYTES", 1 << 16)
    sizes: list[int] = []
    real = pq.ParquetWriter.write_batch
    monkeypatch.setattr(pq.ParquetWriter, "write_batch", lambda s, b: (sizes.append(b.num_rows), real(s, b)))
    assert read_of(ingest(home, small)) == 20_003
    assert len(sizes) > 10
    assert max(sizes) < 5_000


# --- the marketplace of the stories ---------------------------------------------------------------------------------


def test_the_nightly_command_takes_a_mapping(shop: str, tmp_path: Path, home: Settings, run: Run) -> None:
    path = in_postgres(shop, tmp_path / "mapping.yaml", ENV)
    code, output, errors = run("map", "--check", str(path), "--json", "--home", str(home.home))
    assert code == 0, errors
    checked = json.loads(output)
    assert checked["usable"]
    assert checked["warnings"] == []
    command = (
        "nightly",
        "--source",
        "postgres",
        "--path",
        str(path),
        "--date",
        str(DAY),
        "--home",
        str(home.home),
        "--json",
    )
    code, output, errors = run(*command)
    assert code == 0, errors
    report = json.loads(output)
    orders = len(table(MARKETPLACE / "transactions.csv"))
    assert report["source"] == "postgres"
    assert report["sources"]["transactions"] == {"read": orders, "accepted": orders, "quarantined": 0}
    # Nothing new: the next batch repeats what is known, and changes nothing.
    sql(shop, "UPDATE shop.transactions SET changed = '2020-01-01' WHERE transaction_id NOT LIKE '%-01'")
    with open_warehouse(home) as con:
        batch = landing.land(con, home, "postgres", path, DAY)
        merged = merging.accept(con, batch.batch_id)["transactions"]
    assert merged["unchanged"] == read_of(batch) < orders
    assert merged["new"] == merged["replaced"] == 0


def test_a_night_is_tried_again_when_the_database_does_not_answer() -> None:
    from pipelines.serving import retrying_can_help

    for error, again in ((SourceUnreachable("x"), True), (InputError("x"), False)):
        failed: Any = SimpleNamespace(result=lambda raise_on_failure, error=error: error)
        run_of: Any = None
        assert retrying_can_help(None, run_of, failed) is again


# --- mapping files -----------------------------------------------------------------------------------------------


def problems(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(UserError) as failed:
        mapping.load(path)
    return str(failed.value)


def test_all_errors_of_a_mapping_at_once_with_line_and_key(tmp_path: Path) -> None:
    message = problems(
        tmp_path / "m.yaml",
        """connection: {env: "9 lives"}
overlap_minutes: -1
tabels: {}
tables:
  transactions:
    from: ""
    columns: {amount: 5}
    were: "x"
""",
    )
    for line, key, words in (
        (1, "connection.env", "name of an environment variable"),
        (2, "overlap_minutes", "greater than or equal to 0"),
        (3, "tabels", "allowed: connection, files, overlap_minutes, tables"),
        (6, "tables.transactions.from", "at least 1"),
        (7, "tables.transactions.columns.amount", "put it in quotes"),
        (8, "tables.transactions.were", "allowed: from, columns, where, changed_at"),
    ):
        assert any(f"line {line}, {key}: " in text and words in text for text in message.splitlines()), (key, message)
    assert "has 6 errors" in message
    message = problems(
        tmp_path / "m.yaml",
        """connection: {env: X}
tables:
  orders: {from: a, columns: {x: y}}
  transactions:
    from: a
    columns:
      transaction_id: id
      ordered_on: day
      colour: c
""",
    )
    assert "line 3, tables.orders: 'orders' is no canonical table; allowed: subjects, transactions" in message
    assert "line 8, tables.transactions.columns.ordered_on: is computed from other columns" in message
    assert "line 9, tables.transactions.columns.colour: is no column of it; allowed: transaction_id" in message
    assert (
        "lacks required columns: subject_id (主体编号), ordered_at (下单时间), amount (交易金额), currency (币种)"
        in message
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [x, x]\nb: [*a, *a]", "line 2: not usable YAML: aliases"),
        ("tables: 1\ntables: 2", "line 2: not usable YAML: key 'tables' stands twice"),
        ("[" * 3000, "not usable YAML"),
        ("a: !!python/object/apply:os.system [ls]", "not usable YAML"),
        ("just text", "expected the keys connection and tables"),
        ("", "expected the keys connection and tables"),
        ("columns: {a: b: c}", "line 1: not usable YAML"),
        ("connection: {env: postgresql://u:hunter2@h/d}", "line 1: a URL with a password does not belong here"),
        ("connection: {url: 'postgresql://u:hunter2@h/d'}", "line 1: a URL with a password does not belong here"),
        ("connection: {env: hunter2 x}\ntables: {}", "connection.env: expected the name of an environment variable"),
    ],
)
def test_what_is_no_mapping(tmp_path: Path, text: str, expected: str) -> None:
    message = problems(tmp_path / "m.yaml", text)
    assert expected in message
    assert "hunter2" not in message


def test_the_example_is_a_mapping(tmp_path: Path, run: Run) -> None:
    code, output, _ = run("map", "--example")
    assert code == 0
    (tmp_path / "m.yaml").write_text(output)
    assert set(mapping.load(tmp_path / "m.yaml").tables) == {"subjects", "transactions", "reviews", "complaints"}
    assert run("map")[0] == 2


# --- map --check -------------------------------------------------------------------------------------------------


def test_check_says_what_is_missing(shop: str, small: Path, run: Run) -> None:
    code, output, errors = run("map", "--check", str(small), "--json")
    assert code == 0, errors
    report = json.loads(output)
    assert report["tables"]["transactions"]["types"]["ordered_at"] == "timestamptz"
    assert report["tables"]["transactions"]["incremental"]
    assert not report["tables"]["subjects"]["incremental"]
    assert "on_time_dispatch_rate" in report["tables"]["transactions"]["missing"]["dispatched_at"]
    assert "complaint_rate" in report["unmapped"]["complaints"]
    assert any("subjects: no changed_at" in note for note in report["warnings"])
    code, output, _ = run("map", "--check", str(small))
    assert code == 0
    assert "can be used" in output


def test_check_says_where_open_transactions_are_not_seen(
    shop: str, small: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warned() -> bool:
        report = mapping_check.check(small, ZONE)
        assert report.errors == []
        return any("pg_read_all_stats" in note for note in report.warnings)

    assert not warned()
    name = f"reader_{shop.split('/')[3].split('?')[0]}"
    sql(
        shop,
        f"CREATE ROLE {name} LOGIN",
        f"GRANT USAGE ON SCHEMA shop TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {name}",
    )
    monkeypatch.setenv(ENV, shop.replace("postgres:@", f"{name}:@"))
    assert warned()
    assert read_of(ingest(home, small)) == 3
    sql(shop, f"GRANT pg_read_all_stats TO {name}")
    assert not warned()
    data = yaml.safe_load(small.read_text())
    del data["tables"]["transactions"]["changed_at"]
    small.write_text(yaml.safe_dump(data))
    sql(shop, f"REVOKE pg_read_all_stats FROM {name}")
    assert not warned()  # all is read whole


def test_check_finds_what_the_database_does_not_have_or_has_otherwise(shop: str, small: Path, run: Run) -> None:
    sql(shop, "ALTER TABLE shop.orders ADD extra jsonb, ADD epoch bigint, ADD local timestamp, ADD day text")
    columns = ORDERS["columns"] | {
        "order_id": "o.gone",
        "category": "o.extra",
        "paid_at": "o.epoch",
        "completed_at": "o.local",
        "refund_amount": "o.cents::float8",
        "delivered_at": "o.day",
        "traceable": "o.id",
        "cancelled_at": "o.placed; DROP TABLE shop.orders",
        "invoice_asked": "o.placed",
    }
    mapped = ORDERS | {"columns": columns, "changed_at": "o.id", "where": "o.nothing"}
    written(small, {"subjects": SELLERS | {"from": "shop.nobody s"}, "transactions": mapped})
    code, output, errors = run("map", "--check", str(small), "--json")
    assert code == 2, errors
    report = json.loads(output)
    for key, words in (
        ("tables.subjects.from", 'relation "shop.nobody" does not exist'),
        ("tables.transactions.columns.order_id", "column o.gone does not exist"),
        ("tables.transactions.columns.category", "is jsonb, expected text"),
        ("tables.transactions.columns.paid_at", "is int8, expected instant; write an expression of type timestamptz"),
        ("tables.transactions.columns.cancelled_at", "syntax error"),
        ("tables.transactions.columns.invoice_asked", "is timestamptz, expected boolean"),
        ("tables.transactions.changed_at", "is int4; expected one of timestamptz"),
        ("tables.transactions.where", "column o.nothing does not exist"),
    ):
        assert any(f"{key}: " in text and words in text for text in report["errors"]), (key, report["errors"])
    assert len(report["errors"]) == 8
    for key, words in (
        ("columns.completed_at", "has no time zone"),
        ("columns.refund_amount", "floating point"),
        ("columns.delivered_at", "quarantined"),
        ("columns.traceable", "must be 0 or 1"),
    ):
        assert any(f"{key}: " in text and words in text for text in report["warnings"]), key
    assert sql(shop, "SELECT count(*) FROM shop.orders") == [(3,)]


def test_check_and_ingest_of_a_database_that_does_not_answer(
    small: Path, home: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, "postgresql://shop:s3cret@127.0.0.1:1/shop")
    code, output, errors = run("map", "--check", str(small), "--json")
    assert code == 3
    report = json.loads(output)
    assert (report["usable"], report["unreachable"]) == (False, True)
    assert "cannot be reached" in report["errors"][0]
    assert "s3cret" not in output + errors
    with pytest.raises(SourceUnreachable) as failed:
        ingest(home, small)
    assert "s3cret" not in str(failed.value)
    monkeypatch.delenv(ENV)
    code, output, errors = run("map", "--check", str(small))
    assert code == 2
    assert f"environment variable {ENV} is not set" in errors
    with pytest.raises(UserError, match=f"{ENV} is not set"):
        ingest(home, small)
    assert mapping_check.check(small.with_name("none.yaml"), ZONE).errors


def test_a_check_reports_errors_of_the_file_beside_those_of_the_database(shop: str, small: Path) -> None:
    columns = {k: v for k, v in ORDERS["columns"].items() if k != "currency"} | {"buyer_id": "o.nobody", "colour": "1"}
    written(small, {"subjects": SELLERS, "transactions": ORDERS | {"columns": columns}})
    errors = mapping_check.check(small, ZONE).errors
    assert [words in text for words, text in zip(("colour", "currency", "o.nobody"), errors, strict=True)] == [True] * 3


def test_codes_words_for_nothing_and_zones_mean_the_same_as_in_files(shop: str, tmp_path: Path, home: Settings) -> None:
    sql(
        shop,
        "CREATE TABLE shop.o (id text, shop text, placed timestamp, sent timestamp, closed timestamptz, by text, buyer text)",
        """INSERT INTO shop.o VALUES
           ('T1', 'S1', '2026-11-01 10:00', '2026-11-01 04:00', '2026-11-02 00:00+00', '运营', '??'),
           ('T2', 'S1', '2026-11-02 10:00', NULL, NULL, '待补', 'b-2'),
           ('T3', 'S1', '2026-11-03 10:00', NULL, '2026-11-04 00:00+00', '买家', 'b-3')""",
    )
    columns = {
        "transaction_id": "id",
        "subject_id": "shop",
        "ordered_at": "placed",
        "dispatched_at": "sent",
        "cancelled_at": "closed",
        "cancelled_by": "by",
        "buyer_id": "buyer",
        "amount": "'¥1,234.50'",
        "currency": "'CNY'",
    }
    orders = {
        "from": "shop.o",
        "columns": columns,
        "codes": {"cancelled_by": {"运营": "platform"}},
        "nothing": ["??", "待补"],
        "zones": {"dispatched_at": "UTC"},
    }
    sellers = {
        "from": "(SELECT 'S1' AS id) s",
        "columns": {"subject_id": "id", "kind": "'公司'", "role": "'seller'"},
    }
    ingest(home, written(tmp_path / "m.yaml", {"subjects": sellers, "transactions": orders}))
    with open_warehouse(home) as con:
        assert con.execute(
            """SELECT transaction_id, amount::DOUBLE, ordered_at::VARCHAR, dispatched_at::VARCHAR, cancelled_by, buyer_id IS NULL
               FROM canonical.transactions ORDER BY 1"""
        ).fetchall() == [
            ("T1", 1234.5, "2026-11-01 02:00:00+00", "2026-11-01 04:00:00+00", "platform", True),
            ("T2", 1234.5, "2026-11-02 02:00:00+00", None, None, False),
            ("T3", 1234.5, "2026-11-03 02:00:00+00", None, "buyer", False),
        ]


def test_a_mapping_is_proposed_from_names_and_comments(shop: str, tmp_path: Path) -> None:
    sql(
        shop,
        "CREATE TABLE shop.orders (order_sn text, seller_id text, buyer_id text, placed timestamptz, total numeric, updated_at timestamptz)",
        "COMMENT ON COLUMN shop.orders.placed IS '下单时间'",
        "INSERT INTO shop.orders VALUES ('T1', 'S1', 'buyer-secret', '2026-11-02 10:00+08', 12.5, now())",
    )
    text = proposal.propose_database(shop, "test", ZONE, ENV)
    assert "buyer-secret" not in text
    assert 'ordered_at: "\\"placed\\""  # 下单时间 (下单时间): 2026-11-02 10:00:00+08' in text
    assert 'amount: "\\"total\\""  # ? 交易金额: 12.5' in text
    path = tmp_path / "proposed.yaml"
    path.write_text(text, encoding="utf-8")
    assert mapping_check.check(path, ZONE).errors == []

"""Exports into PostgreSQL: only what changed, all of it or nothing, one at a time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from credit import settings
from credit.databases.postgres import Url
from credit.disclosure import sort_key
from credit.errors import SourceUnreachable, UserError
from credit.exports import postgres, published
from credit.rulebooks import reading
from credit.settings import Settings
from support.command import Run
from support.postgres_server import new_database, sql
from support.published_version import BOOKS, MERCHANTS, publish

pytestmark = pytest.mark.slow

HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")\'; DROP TABLE merchant_credit.grades; -- \\ %s {} $1'


@pytest.fixture
def url() -> str:
    return new_database()


@pytest.fixture
def send(conf: Settings, url: str) -> Callable[..., postgres.PostgresExport]:
    """`send(rows)`: publish these merchants and export them."""

    def sent(rows: Sequence[Mapping[str, Any]], day: int = 24, **options: Any) -> postgres.PostgresExport:
        publish(conf.published, rows, date(2026, 11, day))
        return postgres.export(published.current(conf), Url(url, "--url"), **options)

    return sent


def numbers(sent: postgres.PostgresExport) -> tuple[int, int, int, int]:
    return sent.added, sent.changed, sent.withdrawn, sent.unchanged


def dump(url: str) -> list[tuple[Any, ...]]:
    return sql(url, "SELECT * FROM merchant_credit.grades ORDER BY subject_id")


def test_first_export_then_only_what_changed(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    assert numbers(send(MERCHANTS)) == (6, 0, 0, 0)
    rows = sql(
        url,
        "SELECT subject_id, grade, score, credit_sort_key, document->>'name', evaluated_on, withdrawn_on "
        "FROM merchant_credit.grades ORDER BY credit_sort_key DESC",
    )
    assert [row[0] for row in rows] == ["M5", "M4", "M3", "M2", "M1", "M0"]
    key = sort_key.key("A", 80.5, sort_key.ladder(reading.load(BOOKS["enterprise"])))
    assert rows[0] == ("M5", "A", 80.5, key, "name of M5", date(2026, 11, 24), None)

    again = send([*MERCHANTS[1:4], MERCHANTS[4] | {"score": 84.9}, {"subject_id": "M7"}], day=25)
    assert numbers(again) == (1, 1, 2, 3)
    assert again.rows_sent == 2
    sent_rows = sql(
        url,
        "SELECT subject_id, score, evaluated_on::text, withdrawn_on::text FROM merchant_credit.grades ORDER BY 1",
    )
    assert sent_rows == [
        ("M0", 80.0, "2026-11-24", "2026-11-25"),
        ("M1", 80.1, "2026-11-24", None),
        ("M2", 80.2, "2026-11-24", None),
        ("M3", 80.3, "2026-11-24", None),
        ("M4", 84.9, "2026-11-25", None),
        ("M5", 80.5, "2026-11-24", "2026-11-25"),
        ("M7", 82.5, "2026-11-25", None),
    ]
    # Gone stays gone from its first day, and who comes back is there again.
    assert numbers(send([*MERCHANTS[1:4], MERCHANTS[5]], day=26)) == (1, 0, 2, 3)
    sent_rows = sql(
        url, "SELECT subject_id, withdrawn_on::text FROM merchant_credit.grades WHERE subject_id IN ('M0', 'M5')"
    )
    assert sorted(sent_rows) == [("M0", "2026-11-25"), ("M5", None)]
    versions = sql(url, "SELECT evaluated_on::text, rows_sent, unchanged FROM merchant_credit.versions ORDER BY number")
    assert versions == [("2026-11-24", 6, 0), ("2026-11-25", 2, 3), ("2026-11-26", 1, 3)]


def test_the_same_version_twice_sends_nothing(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    send(MERCHANTS)
    before = dump(url)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert dump(url) == before


def test_all_columns_of_the_bulk_file_are_there(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    send(MERCHANTS[:1])
    columns = {
        name for (name,) in sql(url, "SELECT column_name FROM information_schema.columns WHERE table_name = 'grades'")
    }
    assert {f.name for f in postgres.GRADES} - {"document"} | {"document_path", "document"} <= columns, (
        "a column was added to bulk/grades: add a step to MIGRATIONS"
    )


def test_hostile_text_is_only_text(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    ids = ["quote\"s and 's", "a/b\\c%2e", "商" * 40, "=1+1", "{0}", "$1"]
    send([{"subject_id": name, "name": HOSTILE, "text": HOSTILE} for name in ids])
    rows = sql(url, "SELECT subject_id, name, document->>'text' FROM merchant_credit.grades")
    assert sorted(rows) == sorted((name, HOSTILE, HOSTILE) for name in ids)


def test_nul_stands_as_a_replacement_and_is_reported(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    rows = [
        {"subject_id": "M1", "name": "a\0b", "text": "\\u0000 is no NUL, \0 is"},
        {"subject_id": "M2", "text": "<\\u0000>"},
    ]
    assert send(rows).replaced == ["M1"]
    stored = sql(url, "SELECT subject_id, name, document->>'text' FROM merchant_credit.grades ORDER BY 1")
    assert stored == [("M1", "a\ufffdb", "\\u0000 is no NUL, \ufffd is"), ("M2", "name of M2", "<\\u0000>")]
    assert numbers(send(rows)) == (0, 0, 0, 2)


def test_advertisements_are_marked_apart(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    send(MERCHANTS)
    query = "SELECT subject_id, credit_sort_key, advertisement FROM merchant_credit.grades ORDER BY 1"
    before = sql(url, query)
    assert send(MERCHANTS, advertised={"M1", "M3"}).advertisements_changed == 2
    assert [(i, k) for i, k, _ in sql(url, query)] == [(i, k) for i, k, _ in before]
    send([MERCHANTS[0] | {"score": 81}, *MERCHANTS[1:]], day=25)  # no list: the marks stay
    assert [i for i, _, paid in sql(url, query) if paid] == ["M1", "M3"]
    assert send(MERCHANTS, day=26, advertised=set()).advertisements_changed == 2


def test_a_failing_server_has_what_it_had(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    send(MERCHANTS)
    before = dump(url)
    sql(
        url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.subject_id = 'M4' THEN RAISE 'disk on fire'; END IF; RETURN NEW; END$$",
        "CREATE TRIGGER t BEFORE UPDATE ON merchant_credit.grades FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(UserError, match=r"disk on fire.*Nothing was changed"):
        send([m | {"score": 84} for m in MERCHANTS[1:]], day=25)
    assert dump(url) == before
    assert len(sql(url, "SELECT * FROM merchant_credit.versions")) == 1


def test_a_damaged_file_stops_the_export(conf: Settings, url: str) -> None:
    folder = publish(conf.published, MERCHANTS)
    document = next(folder.glob("merchants/*/M3.json"))
    document.write_bytes(document.read_bytes().replace(b"A", b"B"))
    with pytest.raises(UserError, match=r"M3\.json is not the file its manifest names"):
        postgres.export(published.current(conf), Url(url, "--url"))
    assert sql(url, "SELECT to_regclass('merchant_credit.grades')::text") == [(None,)]
    part = next(folder.glob("manifest/*.json"))
    part.write_bytes(part.read_bytes() + b" ")
    with pytest.raises(UserError, match=rf"{part.name} is not the file its manifest names"):
        published.current(conf)


def test_a_killed_export_leaves_the_server_as_it_was(
    send: Callable[..., postgres.PostgresExport], conf: Settings, url: str
) -> None:
    from adbc_driver_postgresql import dbapi

    send(MERCHANTS)
    before = dump(url)
    publish(conf.published, [m | {"score": 84} for m in MERCHANTS[1:]], date(2026, 11, 25))
    with dbapi.connect(url) as con, con.cursor() as cursor:
        cursor.execute("LOCK TABLE merchant_credit.versions IN ACCESS EXCLUSIVE MODE")  # its last table
        process = subprocess.Popen(
            [sys.executable, "-m", "credit.cli", "export", "postgres", "--home", str(conf.home)],
            env=os.environ | {"MERCHANT_CREDIT_POSTGRES_URL": url},
        )
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'relation'"
        for _ in range(200):
            if sql(url, waiting)[0][0]:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the export never came to its last table")
        process.send_signal(signal.SIGKILL)
        process.wait()
        con.rollback()
    for _ in range(100):
        if not sql(url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
            break
        time.sleep(0.1)
    assert dump(url) == before
    assert numbers(send([m | {"score": 84} for m in MERCHANTS[1:]], day=25)) == (0, 5, 1, 0)


def test_two_exports_at_once_come_one_after_the_other(conf: Settings, url: str) -> None:
    publish(conf.published, MERCHANTS)
    version = published.current(conf)
    sent: list[postgres.PostgresExport] = []
    threads = [
        threading.Thread(target=lambda: sent.append(postgres.export(version, Url(url, "--url")))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(numbers, sent)) == [(0, 0, 0, 6), (0, 0, 0, 6), (6, 0, 0, 0)]


def test_an_export_does_not_wait_for_ever(send: Callable[..., postgres.PostgresExport], url: str) -> None:
    from adbc_driver_postgresql import dbapi

    send(MERCHANTS)
    with dbapi.connect(url) as con, con.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('merchant-credit merchant_credit', 26842))")
        with pytest.raises(UserError, match="another export to schema merchant_credit has run"):
            send(MERCHANTS, wait_seconds=0.2)
    assert numbers(send(MERCHANTS, schema="other")) == (6, 0, 0, 0)


@pytest.fixture
def add_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """`add_step(sql)`: `migrations/` with one more file; the number of it. The program writes that version from then on."""

    def added(text: str) -> int:
        folder = tmp_path / "migrations"
        shutil.copytree(postgres.MIGRATIONS, folder)
        number = len(list(folder.iterdir())) + 1
        (folder / f"{number:04d}_next.sql").write_text(text, encoding="utf-8")
        monkeypatch.setattr(postgres, "MIGRATIONS", folder)
        return number

    return added


def test_schema_steps_are_taken_once_and_a_newer_schema_is_refused(
    send: Callable[..., postgres.PostgresExport],
    url: str,
    add_step: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = "SELECT value FROM merchant_credit.meta WHERE name = 'schema_version'"
    send(MERCHANTS)
    released = postgres.MIGRATIONS
    assert sql(url, version) == [(str(len(list(released.iterdir()))),)]
    last = add_step("ALTER TABLE $schema.grades ADD COLUMN shelf text NOT NULL DEFAULT 'x'; SELECT 1")
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert sql(url, version) == [(str(last),)]
    assert sql(url, "SELECT DISTINCT shelf FROM merchant_credit.grades") == [("x",)]
    monkeypatch.setattr(postgres, "MIGRATIONS", released)
    with pytest.raises(UserError, match=f"has version {last}, this program writes {last - 1}"):
        send(MERCHANTS)
    sql(url, "CREATE SCHEMA theirs", "CREATE TABLE theirs.meta (name text, value text)")
    with pytest.raises(UserError, match="no schema of ours"):
        send(MERCHANTS, schema="theirs")
    for name in ("pg_x", 'a"b', "A", ""):
        with pytest.raises(UserError, match="--schema"):
            send(MERCHANTS, schema=name)


def test_a_failing_step_changes_nothing(
    send: Callable[..., postgres.PostgresExport], url: str, add_step: Callable[[str], int]
) -> None:
    send(MERCHANTS)
    add_step("DROP INDEX $schema.grades_by_credit; SELECT 1/0")
    with pytest.raises(UserError, match="division by zero"):
        send(MERCHANTS)
    assert sql(url, "SELECT to_regclass('merchant_credit.grades_by_credit')::text") != [(None,)]
    assert sql(url, "SELECT value FROM merchant_credit.meta") == [("1",)]


def test_the_password_is_never_printed(conf: Settings, url: str, run: Run) -> None:
    publish(conf.published, MERCHANTS)
    home = ("--home", str(conf.home))
    host = re.search(r"host=(.*)", url)
    assert host is not None
    urls = [
        "postgresql://postgres:s3cret-w0rd@127.0.0.1:1/shop",  # nobody there
        f"postgresql://nobody:s3cret-w0rd@/postgres?host={host[1]}",  # no such user
        f"postgresql://postgres@/none?host={host[1]}&password=s3cret-w0rd",
        "postgresql://postgres@127.0.0.1:1/none?pass%77ord=s3cret-w0rd%00",
        "postgresql://postgres@127.0.0.1:1/none?pass%77ord=s3cret-w0rd&%73slPassword=s3cret%zz",
        "postgresql://postgres:s3cret-w0rd#x@127.0.0.1/shop",  # not percent-encoded
        "postgresql://postgres:s3cret-w0rd@127.0.0.1:port/shop",
        "mysql://postgres:s3cret-w0rd@127.0.0.1/shop",
        "s3cret-w0rd",
    ]
    for text in urls:
        for code, output, errors in (
            run("export", "postgres", "--url", text, *home),
            run("export", "postgres", *home, MERCHANT_CREDIT_POSTGRES_URL=text),
        ):
            assert code in (2, 3), errors
            assert "error" in errors
            assert "s3cret" not in errors + output
    assert (
        "environment MERCHANT_CREDIT_POSTGRES_URL is not"
        in run("export", "postgres", *home, MERCHANT_CREDIT_POSTGRES_URL="s3cret")[2]
    )
    shown = run("config", *home, MERCHANT_CREDIT_POSTGRES_URL=urls[0])
    assert shown[0] == 0
    assert "postgres_url" in shown[1]
    assert "s3cret" not in shown[1]
    assert "s3cret" not in repr(Url(urls[0], "--url")) + str(vars(settings.load(home=conf.home, postgres_url=urls[0])))
    with pytest.raises(SourceUnreachable) as failed:
        postgres.export(published.current(conf), Url("postgresql://u:p%C3%A9%2Fx@127.0.0.1:1/d", "--url"))
    assert "127.0.0.1:1/d" in str(failed.value)
    good = run("export", "postgres", "--json", *home, MERCHANT_CREDIT_POSTGRES_URL=url)
    assert '"added": 6' in good[1], good[2]


def test_without_a_database_or_a_version_the_command_says_so(conf: Settings, run: Run) -> None:
    assert "MERCHANT_CREDIT_POSTGRES_URL" in run("export", "postgres", "--home", str(conf.home))[2]
    code, _, errors = run("export", "postgres", "--url", "postgresql://a@b/c", "--home", str(conf.home))
    assert code == 2
    assert "no published version" in errors

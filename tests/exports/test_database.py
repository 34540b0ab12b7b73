"""Exports into databases: only what changed, all of it or nothing, one at a time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from credit import settings
from credit.databases.dialect import Dialect, Url
from credit.databases.mysql import MySQL
from credit.databases.postgres import PostgreSQL
from credit.disclosure import sort_key
from credit.errors import SourceUnreachable, UserError
from credit.exports import database, published
from credit.rulebooks import reading
from credit.settings import Settings
from support import mysql_server, postgres_server
from support.command import Run
from support.published_version import BOOKS, MERCHANTS, publish

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")\'; DROP TABLE merchant_credit.grades; -- \\ %s {} $1'


@dataclass(frozen=True)
class Server:
    """A database to export to, and how its SQL differs."""

    dialect: Dialect
    text: str
    sql: Callable[..., list[tuple[Any, ...]]]
    json: str
    """SQL of a text within `document`."""

    @property
    def url(self) -> Url:
        return self.dialect.url(self.text, "--url")

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """Rows with days as text and flags as booleans."""
        return [tuple(str(v) if isinstance(v, date) else v for v in row) for row in self.sql(self.text, query)]

    def in_document(self, name: str) -> str:
        return self.json.format(name)

    def run(self, *statements: str) -> None:
        self.sql(self.text, *statements)


def in_postgres() -> Server:
    return Server(PostgreSQL(), postgres_server.new_database(), postgres_server.sql, "document->>'{}'")


def in_mysql() -> Server:
    url = mysql_server.new_database()
    for name in ("merchant_credit", "other", "theirs"):
        mysql_server.sql(url, f"DROP DATABASE IF EXISTS {name}")
    return Server(MySQL(), url, mysql_server.sql, "JSON_UNQUOTE(JSON_EXTRACT(document, '$.{}'))")


@pytest.fixture(params=[in_postgres, in_mysql])
def server(request: pytest.FixtureRequest) -> Server:
    made: Server = request.param()
    return made


Send = Callable[..., database.DatabaseExport]


@pytest.fixture
def send(conf: Settings, server: Server) -> Send:
    """`send(rows)`: publish these merchants and export them."""

    def sent(rows: Sequence[Mapping[str, Any]], day: int = 24, **options: Any) -> database.DatabaseExport:
        publish(conf.published, rows, date(2026, 11, day))
        return database.export(published.current(conf), server.dialect, server.url, **options)

    return sent


def numbers(sent: database.DatabaseExport) -> tuple[int, int, int, int]:
    return sent.added, sent.changed, sent.withdrawn, sent.unchanged


def dump(server: Server) -> list[tuple[Any, ...]]:
    return server.sql(server.text, "SELECT * FROM merchant_credit.grades ORDER BY subject_id")


def test_first_export_then_only_what_changed(send: Send, server: Server) -> None:
    assert numbers(send(MERCHANTS)) == (6, 0, 0, 0)
    rows = server.query(
        "SELECT subject_id, grade, score, credit_sort_key, "
        + server.in_document("name")
        + ", evaluated_on, withdrawn_on "
        "FROM merchant_credit.grades ORDER BY credit_sort_key DESC",
    )
    assert [row[0] for row in rows] == ["M5", "M4", "M3", "M2", "M1", "M0"]
    key = sort_key.key("A", 80.5, sort_key.ladder(reading.load(BOOKS["enterprise"])))
    assert rows[0] == ("M5", "A", 80.5, key, "name of M5", "2026-11-24", None)

    again = send([*MERCHANTS[1:4], MERCHANTS[4] | {"score": 84.9}, {"subject_id": "M7"}], day=25)
    assert numbers(again) == (1, 1, 2, 3)
    assert again.rows_sent == 2
    sent_rows = server.query(
        "SELECT subject_id, score, evaluated_on, withdrawn_on FROM merchant_credit.grades ORDER BY 1",
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
    sent_rows = server.query(
        "SELECT subject_id, withdrawn_on FROM merchant_credit.grades WHERE subject_id IN ('M0', 'M5')"
    )
    assert sorted(sent_rows) == [("M0", "2026-11-25"), ("M5", None)]
    versions = server.query("SELECT evaluated_on, rows_sent, unchanged FROM merchant_credit.versions ORDER BY number")
    assert versions == [("2026-11-24", 6, 0), ("2026-11-25", 2, 3), ("2026-11-26", 1, 3)]


def test_the_same_version_twice_sends_nothing(send: Send, server: Server) -> None:
    send(MERCHANTS)
    before = dump(server)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert dump(server) == before


def test_all_columns_of_the_bulk_file_are_there(send: Send, server: Server) -> None:
    send(MERCHANTS[:1])
    columns = {
        name
        for (name,) in server.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'grades'")
    }
    assert {f.name for f in database.GRADES} - {"document"} | {"document_path", "document"} <= columns, (
        "a column was added to bulk/grades: add a step to MIGRATIONS"
    )


def test_hostile_text_is_only_text(send: Send, server: Server) -> None:
    ids = ["quote\"s and 's", "a/b\\c%2e", "商" * 40, "=1+1", "{0}", "$1"]
    send([{"subject_id": name, "name": HOSTILE, "text": HOSTILE} for name in ids])
    rows = server.query(f"SELECT subject_id, name, {server.in_document('text')} FROM merchant_credit.grades")
    assert sorted(rows) == sorted((name, HOSTILE, HOSTILE) for name in ids)


def test_nul_stands_as_a_replacement_and_is_reported(send: Send, server: Server) -> None:
    rows = [
        {"subject_id": "M1", "name": "a\0b", "text": "\\u0000 is no NUL, \0 is"},
        {"subject_id": "M2", "text": "<\\u0000>"},
    ]
    assert send(rows).replaced == ["M1"]
    stored = server.query(
        f"SELECT subject_id, name, {server.in_document('text')} FROM merchant_credit.grades ORDER BY 1"
    )
    assert stored == [("M1", "a\ufffdb", "\\u0000 is no NUL, \ufffd is"), ("M2", "name of M2", "<\\u0000>")]
    assert numbers(send(rows)) == (0, 0, 0, 2)


def test_advertisements_are_marked_apart(send: Send, server: Server) -> None:
    send(MERCHANTS)
    query = "SELECT subject_id, credit_sort_key, advertisement FROM merchant_credit.grades ORDER BY 1"
    before = server.query(query)
    assert send(MERCHANTS, advertised={"M1", "M3"}).advertisements_changed == 2
    assert [(i, k) for i, k, _ in server.query(query)] == [(i, k) for i, k, _ in before]
    send([MERCHANTS[0] | {"score": 81}, *MERCHANTS[1:]], day=25)  # no list: the marks stay
    assert [i for i, _, paid in server.query(query) if paid] == ["M1", "M3"]
    assert send(MERCHANTS, day=26, advertised=set()).advertisements_changed == 2


FAILING = {
    "postgres": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.subject_id = 'M4' THEN RAISE 'disk on fire'; END IF; RETURN NEW; END$$",
        "CREATE TRIGGER t BEFORE UPDATE ON merchant_credit.grades FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mysql": [
        "CREATE TRIGGER merchant_credit.t BEFORE UPDATE ON merchant_credit.grades FOR EACH ROW IF NEW.subject_id = 'M4' "
        "THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'disk on fire'; END IF",
    ],
}
"""Makes changes of M4 fail."""


def test_a_failing_server_has_what_it_had(send: Send, server: Server) -> None:
    send(MERCHANTS)
    before = dump(server)
    server.run(*FAILING[server.dialect.key])
    with pytest.raises(UserError, match=r"disk on fire.*Nothing was changed"):
        send([m | {"score": 84} for m in MERCHANTS[1:]], day=25)
    assert dump(server) == before
    assert len(server.query("SELECT * FROM merchant_credit.versions")) == 1


def test_a_damaged_file_stops_the_export(conf: Settings, server: Server) -> None:
    folder = publish(conf.published, MERCHANTS)
    document = next(folder.glob("merchants/*/M3.json"))
    document.write_bytes(document.read_bytes().replace(b"A", b"B"))
    with pytest.raises(UserError, match=r"M3\.json is not the file its manifest names"):
        database.export(published.current(conf), server.dialect, server.url)
    made = server.query("SELECT 1 FROM information_schema.tables WHERE table_schema = 'merchant_credit'")
    # MySQL keeps changes of tables at once, but no row.
    assert dump(server) == [] if server.dialect.key == "mysql" else made == []
    part = next(folder.glob("manifest/*.json"))
    part.write_bytes(part.read_bytes() + b" ")
    with pytest.raises(UserError, match=rf"{part.name} is not the file its manifest names"):
        published.current(conf)


WAITING = {
    "postgres": "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'relation'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'",
}
"""Who waits for a table."""


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Nobody else comes to the table that an export writes last."""
    if server.dialect.key == "mysql":
        with mysql_server.connect(server.text) as con, con.cursor() as cursor:
            cursor.execute("LOCK TABLES merchant_credit.versions WRITE")
            yield
        return
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(server.text) as con, con.cursor() as cursor:
        cursor.execute("LOCK TABLE merchant_credit.versions IN ACCESS EXCLUSIVE MODE")
        yield
        con.rollback()


def test_a_killed_export_leaves_the_server_as_it_was(send: Send, conf: Settings, server: Server) -> None:
    send(MERCHANTS)
    before = dump(server)
    publish(conf.published, [m | {"score": 84} for m in MERCHANTS[1:]], date(2026, 11, 25))
    key = server.dialect.key
    with locked(server):
        process = subprocess.Popen(
            [sys.executable, "-m", "credit.cli", "export", key, "--home", str(conf.home)],
            env=os.environ | {f"MERCHANT_CREDIT_{key.upper()}_URL": server.text},
        )
        for _ in range(300):
            if server.query(WAITING[key])[0][0]:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the export never came to its last table")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert dump(server) == before
    # Once the server has seen that it is gone.
    assert numbers(send([m | {"score": 84} for m in MERCHANTS[1:]], day=25)) == (0, 5, 1, 0)
    assert len(server.query("SELECT * FROM merchant_credit.versions")) == 2


def test_two_exports_at_once_come_one_after_the_other(conf: Settings, server: Server) -> None:
    publish(conf.published, MERCHANTS)
    version = published.current(conf)
    sent: list[database.DatabaseExport] = []
    threads = [
        threading.Thread(target=lambda: sent.append(database.export(version, server.dialect, server.url)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(numbers, sent)) == [(0, 0, 0, 6), (0, 0, 0, 6), (6, 0, 0, 0)]


def test_an_export_does_not_wait_for_ever(send: Send, server: Server) -> None:
    send(MERCHANTS)
    with server.dialect.writing(server.url) as other:
        assert other.alone("merchant-credit merchant_credit", 1)
        with pytest.raises(UserError, match="another export to schema merchant_credit has run"):
            send(MERCHANTS, wait_seconds=0.2)
        assert numbers(send(MERCHANTS, schema="other")) == (6, 0, 0, 0)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)


@pytest.fixture
def add_step(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """`add_step(sql)`: `migrations/` with one more file; the number of it. The program writes that version from then on."""

    def added(text: str) -> int:
        folder = tmp_path / "migrations"
        shutil.copytree(database.MIGRATIONS, folder)
        number = len(list((folder / server.dialect.key).iterdir())) + 1
        (folder / server.dialect.key / f"{number:04d}_next.sql").write_text(text, encoding="utf-8")
        monkeypatch.setattr(database, "MIGRATIONS", folder)
        return number

    return added


def test_schema_steps_are_taken_once_and_a_newer_schema_is_refused(
    send: Send,
    server: Server,
    add_step: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = "SELECT value FROM merchant_credit.meta WHERE name = 'schema_version'"
    send(MERCHANTS)
    released = database.MIGRATIONS
    assert server.query(version) == [(str(len(list((released / server.dialect.key).iterdir()))),)]
    last = add_step("ALTER TABLE $schema.grades ADD COLUMN shelf varchar(9) NOT NULL DEFAULT 'x'")
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)
    assert server.query(version) == [(str(last),)]
    assert server.query("SELECT DISTINCT shelf FROM merchant_credit.grades") == [("x",)]
    monkeypatch.setattr(database, "MIGRATIONS", released)
    with pytest.raises(UserError, match=f"has version {last}, this program writes {last - 1}"):
        send(MERCHANTS)
    server.run("CREATE SCHEMA theirs", "CREATE TABLE theirs.meta (name text, value text)")
    with pytest.raises(UserError, match="no schema of ours"):
        send(MERCHANTS, schema="theirs")
    server.run("DROP TABLE theirs.meta", "CREATE TABLE theirs.grades (name text)")
    with pytest.raises(UserError, match=r"theirs\.grades on the server is no table of ours"):
        send(MERCHANTS, schema="theirs")
    for name in ("pg_x", 'a"b', "A", "", "mysql"):
        with pytest.raises(UserError, match="--schema"):
            send(MERCHANTS, schema=name)


def test_a_failing_step_is_taken_again(
    send: Send, server: Server, add_step: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(MERCHANTS)
    before, released = dump(server), database.MIGRATIONS
    add_step("UPDATE $schema.grades SET score = 1; UPDATE $schema.nowhere SET score = 1")
    with pytest.raises(UserError, match=r"nowhere.*Nothing was changed"):
        send(MERCHANTS)
    assert dump(server) == before
    assert server.query("SELECT value FROM merchant_credit.meta") == [("1",)]
    monkeypatch.setattr(database, "MIGRATIONS", released)
    assert numbers(send(MERCHANTS)) == (0, 0, 0, 6)


def test_the_password_is_never_printed(conf: Settings, run: Run) -> None:
    publish(conf.published, MERCHANTS)
    server = in_postgres()
    home = ("--home", str(conf.home))
    host = re.search(r"host=(.*)", server.text)
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
    assert "s3cret" not in repr(PostgreSQL().url(urls[0], "--url")) + str(
        vars(settings.load(home=conf.home, postgres_url=urls[0]))
    )
    with pytest.raises(SourceUnreachable) as failed:
        database.export(
            published.current(conf), PostgreSQL(), PostgreSQL().url("postgresql://u:p%C3%A9%2Fx@127.0.0.1:1/d", "--url")
        )
    assert "127.0.0.1:1/d" in str(failed.value)
    good = run("export", "postgres", "--json", *home, MERCHANT_CREDIT_POSTGRES_URL=server.text)
    assert '"added": 6' in good[1], good[2]


def test_the_command_exports_to_mysql_and_hides_its_password(conf: Settings, run: Run) -> None:
    publish(conf.published, MERCHANTS)
    server = in_mysql()
    home = ("--home", str(conf.home))
    for text in (
        server.text.replace("root@", "nobody:s3cret-w0rd@"),
        "mysql://root:s3cret-w0rd@127.0.0.1:1/shop",
        "mysql://root:s3cret-w0rd@127.0.0.1/shop?tls=1",
        "postgresql://root:s3cret-w0rd@127.0.0.1/shop",
    ):
        code, output, errors = run("export", "mysql", *home, MERCHANT_CREDIT_MYSQL_URL=text)
        assert code in (2, 3), errors
        assert "s3cret" not in errors + output
        assert "s3cret" not in run("config", *home, MERCHANT_CREDIT_MYSQL_URL=text)[1]
    first = run("export", "mysql", *home, MERCHANT_CREDIT_MYSQL_URL=server.text)
    assert "6 added" in first[1], first[2]
    again = run("export", "mysql", "--json", *home, MERCHANT_CREDIT_MYSQL_URL=server.text)
    assert '"unchanged": 6' in again[1], again[2]


SCHEMES = {"postgres": "postgresql", "mysql": "mysql"}


@pytest.mark.parametrize("database_name", SCHEMES)
def test_without_a_database_or_a_version_the_command_says_so(database_name: str, conf: Settings, run: Run) -> None:
    assert f"MERCHANT_CREDIT_{database_name.upper()}_URL" in run("export", database_name, "--home", str(conf.home))[2]
    code, _, errors = run(
        "export", database_name, "--url", f"{SCHEMES[database_name]}://a@b/c", "--home", str(conf.home)
    )
    assert code == 2
    assert "no published version" in errors

"""Exports: the search sort key, files over a mounted folder, PostgreSQL, and the report to authorities."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgres_server import new_database, sql
from proof_version import entry
from published_version import BOOKS, publish, read_json
from small_market import at, deliver, market, on, order

from credit import settings
from credit.cli import main
from credit.databases.postgres import Url
from credit.disclosure import sort_key
from credit.errors import InputError, SourceUnreachable, UserError
from credit.evaluation import night
from credit.exports import files, postgres, published, report
from credit.home import open_warehouse
from credit.proof import Keys, sign
from credit.proof.verify import verify_folder
from credit.rulebooks import reading
from credit.settings import Settings

# --- the search sort key -----------------------------------------------------------------------------------------

LADDERS = {kind: sort_key.ladder(reading.load(path)) for kind, path in BOOKS.items()}
KINDS = st.sampled_from(sorted(LADDERS))
SCORES = st.integers(0, 1_000_000).map(lambda n: n / 10_000)


def grades_of(kind: str) -> list[str]:
    return list(LADDERS[kind].bands)


@given(KINDS, st.data())
def test_within_a_grade_the_key_rises_with_the_score(kind: str, data: st.DataObject) -> None:
    grade = data.draw(st.sampled_from(grades_of(kind)))
    low, high = sorted((data.draw(SCORES), data.draw(SCORES)))
    keys = [sort_key.key(grade, score, LADDERS[kind]) for score in (low, high)]
    assert keys[0] < keys[1] if low < high else keys[0] == keys[1]


@given(KINDS, SCORES, SCORES, st.data())
def test_nobody_stands_above_a_better_grade_whatever_the_scores(
    kind: str, better_score: float, worse_score: float, data: st.DataObject
) -> None:
    order = grades_of(kind)
    i, j = sorted(data.draw(st.lists(st.integers(0, len(order) - 1), min_size=2, max_size=2, unique=True)))
    better = sort_key.key(order[i], better_score, LADDERS[kind])
    assert better > sort_key.key(order[j], worse_score, LADDERS[kind])
    assert better > sort_key.key(order[j], None, LADDERS[kind])


@given(SCORES, SCORES)
def test_enterprises_and_individuals_compare_by_score(enterprise: float, individual: float) -> None:
    def of(kind: str, score: float) -> int:
        held = next(g for g, (low, _) in LADDERS[kind].bands.items() if round(score * 10_000) >= low)
        return sort_key.key(held, score, LADDERS[kind])

    a, b = of("enterprise", enterprise), of("individual", individual)
    assert (a > b) == (enterprise > individual)
    assert (a == b) == (enterprise == individual)


def test_the_unrated_stand_behind_ordinary_credit_and_before_the_rest() -> None:
    for kind, ordinary, worse in (("enterprise", "BB", "B"), ("individual", "C", "D")):
        neutral = sort_key.key("NR", None, LADDERS[kind])
        assert sort_key.key(ordinary, 60, LADDERS[kind]) > neutral > sort_key.key(worse, 100, LADDERS[kind])
    assert sort_key.key("NR", None, LADDERS["enterprise"]) == sort_key.key("NR", None, LADDERS["individual"])


MERCHANTS = st.lists(st.tuples(KINDS, st.integers(0, 4), SCORES), max_size=30)


def table_of(merchants: Sequence[tuple[str, int, float]]) -> pa.Table:
    return pa.table(
        {
            "subject_id": [f"M{i}" for i in range(len(merchants))],
            "subject_kind": [kind for kind, _, _ in merchants],
            "self_operated": pa.array([None if n == 0 else bool(n % 2) for _, n, _ in merchants], pa.bool_()),
            "grade": [([*grades_of(kind), "NR"])[-1 - n] for kind, n, _ in merchants],
            "score": pa.array([None if n == 0 else score for _, n, score in merchants], pa.float64()),
            "rulebook_hash": [kind for kind, _, _ in merchants],
        }
    )


@given(MERCHANTS, st.data())
def test_an_advertisement_never_moves_anybody(merchants: list[tuple[str, int, float]], data: st.DataObject) -> None:
    table = table_of(merchants)
    paid = data.draw(st.sets(st.sampled_from(table["subject_id"].to_pylist() or ["M0"])))
    plain, marked = (sort_key.sort_keys(table, LADDERS, advertised) for advertised in (None, paid))
    unmarked = [name for name in plain.column_names if name != "advertisement"]
    assert plain.select(unmarked).equals(marked.select(unmarked))
    assert plain["advertisement"].null_count == len(merchants)
    assert {row["subject_id"] for row in marked.to_pylist() if row["advertisement"]} == paid & set(
        table["subject_id"].to_pylist()
    )


@given(MERCHANTS, st.randoms(use_true_random=False))
def test_the_order_is_total_and_the_same_whatever_order_comes_in(
    merchants: list[tuple[str, int, float]], random: Any
) -> None:
    table = table_of(merchants)
    shuffled = list(range(len(merchants)))
    random.shuffle(shuffled)
    made = sort_key.sort_keys(table, LADDERS)
    assert made.equals(sort_key.sort_keys(table.take(pa.array(shuffled, pa.int64())), LADDERS))
    own = {row["subject_id"]: bool(row["self_operated"]) for row in table.to_pylist()}
    assert {row["subject_id"]: row["self_operated"] for row in made.to_pylist()} == own
    places = [(-row["credit_sort_key"], row["subject_id"]) for row in made.to_pylist()]
    assert places == sorted(set(places))
    assert dict(sort_key.files(table, LADDERS)) == dict(sort_key.files(table, LADDERS))


def test_a_list_of_advertisements_is_checked_line_by_line(tmp_path: Path) -> None:
    paid = tmp_path / "paid.txt"
    paid.write_bytes('\ufeff主体编号\r\nM1\r\n\r\n"M2"\r\n'.encode())
    assert sort_key.advertised(paid, {"M1", "M2", "M3"}) == {"M1", "M2"}
    paid.write_text("M1\nM9\n")
    with pytest.raises(InputError, match="line 2: 'M9'"):
        sort_key.advertised(paid, {"M1"})
    paid.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        sort_key.advertised(paid, {"M1"})
    with pytest.raises(InputError, match="cannot be read"):
        sort_key.advertised(tmp_path / "none.txt", {"M1"})


# --- PostgreSQL --------------------------------------------------------------------------------------------------

HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")\'; DROP TABLE merchant_credit.grades; -- \\ %s {} $1'


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home")


@pytest.fixture
def url() -> str:
    return new_database()


@pytest.fixture
def send(conf: Settings, url: str) -> Callable[..., postgres.Sent]:
    """`send(rows)`: publish these merchants and export them."""

    def sent(rows: Sequence[Mapping[str, Any]], day: int = 24, **given: Any) -> postgres.Sent:
        publish(conf.published, rows, date(2026, 11, day))
        return postgres.export(published.current(conf), Url(url, "--url"), **given)

    return sent


def numbers(sent: postgres.Sent) -> tuple[int, int, int, int]:
    return sent.added, sent.changed, sent.withdrawn, sent.unchanged


def dump(url: str) -> list[tuple[Any, ...]]:
    return sql(url, "SELECT * FROM merchant_credit.grades ORDER BY subject_id")


M = [{"subject_id": f"M{i}", "score": 80.0 + i / 10} for i in range(6)]


def test_first_export_then_only_what_changed(send: Callable[..., postgres.Sent], url: str) -> None:
    assert numbers(send(M)) == (6, 0, 0, 0)
    rows = sql(
        url,
        "SELECT subject_id, grade, score, credit_sort_key, document->>'name', evaluated_on, withdrawn_on "
        "FROM merchant_credit.grades ORDER BY credit_sort_key DESC",
    )
    assert [row[0] for row in rows] == ["M5", "M4", "M3", "M2", "M1", "M0"]
    key = sort_key.key("A", 80.5, LADDERS["enterprise"])
    assert rows[0] == ("M5", "A", 80.5, key, "name of M5", date(2026, 11, 24), None)

    again = send([*M[1:4], M[4] | {"score": 84.9}, {"subject_id": "M7"}], day=25)
    assert numbers(again) == (1, 1, 2, 3)
    assert again.rows_sent == 2
    found = sql(
        url,
        "SELECT subject_id, score, evaluated_on::text, withdrawn_on::text FROM merchant_credit.grades ORDER BY 1",
    )
    assert found == [
        ("M0", 80.0, "2026-11-24", "2026-11-25"),
        ("M1", 80.1, "2026-11-24", None),
        ("M2", 80.2, "2026-11-24", None),
        ("M3", 80.3, "2026-11-24", None),
        ("M4", 84.9, "2026-11-25", None),
        ("M5", 80.5, "2026-11-24", "2026-11-25"),
        ("M7", 82.5, "2026-11-25", None),
    ]
    # Gone stays gone from its first day, and who comes back is there again.
    assert numbers(send([*M[1:4], M[5]], day=26)) == (1, 0, 2, 3)
    found = sql(
        url, "SELECT subject_id, withdrawn_on::text FROM merchant_credit.grades WHERE subject_id IN ('M0', 'M5')"
    )
    assert sorted(found) == [("M0", "2026-11-25"), ("M5", None)]
    versions = sql(url, "SELECT evaluated_on::text, rows_sent, unchanged FROM merchant_credit.versions ORDER BY number")
    assert versions == [("2026-11-24", 6, 0), ("2026-11-25", 2, 3), ("2026-11-26", 1, 3)]


def test_the_same_version_twice_sends_nothing(send: Callable[..., postgres.Sent], url: str) -> None:
    send(M)
    before = dump(url)
    assert numbers(send(M)) == (0, 0, 0, 6)
    assert dump(url) == before


def test_all_columns_of_the_bulk_file_are_there(send: Callable[..., postgres.Sent], url: str) -> None:
    send(M[:1])
    there = {
        name for (name,) in sql(url, "SELECT column_name FROM information_schema.columns WHERE table_name = 'grades'")
    }
    assert {f.name for f in postgres.GRADES} - {"document"} | {"document_path", "document"} <= there, (
        "a column was added to bulk/grades: add a step to MIGRATIONS"
    )


def test_hostile_text_is_only_text(send: Callable[..., postgres.Sent], url: str) -> None:
    ids = ["quote\"s and 's", "a/b\\c%2e", "商" * 40, "=1+1", "{0}", "$1"]
    send([{"subject_id": name, "name": HOSTILE, "text": HOSTILE} for name in ids])
    found = sql(url, "SELECT subject_id, name, document->>'text' FROM merchant_credit.grades")
    assert sorted(found) == sorted((name, HOSTILE, HOSTILE) for name in ids)


def test_nul_stands_as_a_replacement_and_is_reported(send: Callable[..., postgres.Sent], url: str) -> None:
    rows = [
        {"subject_id": "M1", "name": "a\0b", "text": "\\u0000 is no NUL, \0 is"},
        {"subject_id": "M2", "text": "<\\u0000>"},
    ]
    assert send(rows).replaced == ["M1"]
    found = sql(url, "SELECT subject_id, name, document->>'text' FROM merchant_credit.grades ORDER BY 1")
    assert found == [("M1", "a\ufffdb", "\\u0000 is no NUL, \ufffd is"), ("M2", "name of M2", "<\\u0000>")]
    assert numbers(send(rows)) == (0, 0, 0, 2)


def test_advertisements_are_marked_apart(send: Callable[..., postgres.Sent], url: str) -> None:
    send(M)
    query = "SELECT subject_id, credit_sort_key, advertisement FROM merchant_credit.grades ORDER BY 1"
    before = sql(url, query)
    assert send(M, advertised={"M1", "M3"}).advertisements_changed == 2
    assert [(i, k) for i, k, _ in sql(url, query)] == [(i, k) for i, k, _ in before]
    send([M[0] | {"score": 81}, *M[1:]], day=25)  # no list: the marks stay
    assert [i for i, _, paid in sql(url, query) if paid] == ["M1", "M3"]
    assert send(M, day=26, advertised=set()).advertisements_changed == 2


def test_a_failing_server_has_what_it_had(send: Callable[..., postgres.Sent], url: str) -> None:
    send(M)
    before = dump(url)
    sql(
        url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.subject_id = 'M4' THEN RAISE 'disk on fire'; END IF; RETURN NEW; END$$",
        "CREATE TRIGGER t BEFORE UPDATE ON merchant_credit.grades FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(UserError, match=r"disk on fire.*Nothing was changed"):
        send([m | {"score": 84} for m in M[1:]], day=25)
    assert dump(url) == before
    assert len(sql(url, "SELECT * FROM merchant_credit.versions")) == 1


def test_a_damaged_file_stops_the_export(conf: Settings, url: str) -> None:
    folder = publish(conf.published, M)
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
    send: Callable[..., postgres.Sent], conf: Settings, url: str
) -> None:
    from adbc_driver_postgresql import dbapi

    send(M)
    before = dump(url)
    publish(conf.published, [m | {"score": 84} for m in M[1:]], date(2026, 11, 25))
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
    assert numbers(send([m | {"score": 84} for m in M[1:]], day=25)) == (0, 5, 1, 0)


def test_two_exports_at_once_come_one_after_the_other(conf: Settings, url: str) -> None:
    publish(conf.published, M)
    version = published.current(conf)
    sent: list[postgres.Sent] = []
    threads = [
        threading.Thread(target=lambda: sent.append(postgres.export(version, Url(url, "--url")))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(numbers, sent)) == [(0, 0, 0, 6), (0, 0, 0, 6), (6, 0, 0, 0)]


def test_an_export_does_not_wait_for_ever(send: Callable[..., postgres.Sent], url: str) -> None:
    from adbc_driver_postgresql import dbapi

    send(M)
    with dbapi.connect(url) as con, con.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('merchant-credit merchant_credit', 26842))")
        with pytest.raises(UserError, match="another export to schema merchant_credit has run"):
            send(M, wait_seconds=0.2)
    assert numbers(send(M, schema="other")) == (6, 0, 0, 0)


def test_schema_steps_are_taken_once_and_a_newer_schema_is_refused(
    send: Callable[..., postgres.Sent], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "SELECT value FROM merchant_credit.meta WHERE name = 'schema_version'"
    send(M)
    assert sql(url, version) == [(str(len(postgres.MIGRATIONS)),)]
    steps = (*postgres.MIGRATIONS, "ALTER TABLE {schema}.grades ADD COLUMN shelf text NOT NULL DEFAULT 'x'; SELECT 1")
    with monkeypatch.context() as later:
        later.setattr(postgres, "MIGRATIONS", steps)
        assert numbers(send(M)) == (0, 0, 0, 6)
        assert numbers(send(M)) == (0, 0, 0, 6)
    assert sql(url, version) == [(str(len(steps)),)]
    assert sql(url, "SELECT DISTINCT shelf FROM merchant_credit.grades") == [("x",)]
    with pytest.raises(UserError, match=f"has version {len(steps)}, this program writes {len(steps) - 1}"):
        send(M)
    sql(url, "CREATE SCHEMA theirs", "CREATE TABLE theirs.meta (name text, value text)")
    with pytest.raises(UserError, match="no schema of ours"):
        send(M, schema="theirs")
    for name in ("pg_x", 'a"b', "A", ""):
        with pytest.raises(UserError, match="--schema"):
            send(M, schema=name)


def test_a_failing_step_changes_nothing(
    send: Callable[..., postgres.Sent], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(M)
    monkeypatch.setattr(
        postgres, "MIGRATIONS", (*postgres.MIGRATIONS, "DROP INDEX {schema}.grades_by_credit; SELECT 1/0")
    )
    with pytest.raises(UserError, match="division by zero"):
        send(M)
    assert sql(url, "SELECT to_regclass('merchant_credit.grades_by_credit')::text") != [(None,)]
    assert sql(url, "SELECT value FROM merchant_credit.meta") == [("1",)]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("export", …, NAME="value")`: the command in this environment; (exit code, output, errors)."""

    def ran(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as here:
            here.delenv("MERCHANT_CREDIT_POSTGRES_URL", raising=False)
            for name, value in environment.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["merchant-credit", *arguments])
            with pytest.raises(SystemExit) as ended:
                main.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return ran


def test_the_password_is_never_printed(conf: Settings, url: str, run: Run) -> None:
    publish(conf.published, M)
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


# --- files over a mounted folder ---------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def in_force(to: Path) -> dict[str, bytes]:
    """What a reader who follows the pointer sees."""
    return tree(to / read_json(to / "current.json")["path"])


def copy(conf: Settings, to: Path, rows: Sequence[Mapping[str, Any]], day: int = 24, **given: Any) -> files.Copied:
    publish(conf.published, rows, date(2026, 11, day))
    return files.export(published.current(conf), conf, to, **given)


def test_a_copy_is_the_version_and_the_next_copies_what_changed(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    first = copy(conf, to, M)
    assert in_force(to) == tree(conf.published / "current")
    assert first.link
    assert (to / "current").resolve() == to / read_json(to / "current.json")["path"]
    assert first.copied == len(in_force(to))
    second = copy(conf, to, [M[0] | {"score": 84}, *M[1:]], day=25)
    assert in_force(to) == tree(conf.published / "current")
    # The document, its part of the manifest, grades, index, manifest, feed.
    assert second.copied == 6
    assert second.linked == len(in_force(to)) - 6
    again = copy(conf, to, [M[0] | {"score": 84}, *M[1:]], day=25)
    assert (again.copied, again.there) == (0, len(in_force(to)))


@pytest.mark.parametrize("inner", ["", "published", "published/current", "share"])
def test_a_home_is_no_share(conf: Settings, inner: str) -> None:
    publish(conf.published, M)
    before = tree(conf.home)
    with pytest.raises(UserError, match="is within the home"):
        files.export(published.current(conf), conf, conf.home / inner)
    assert tree(conf.home) == before


def test_what_was_damaged_on_the_share_does_not_go_into_the_next_version(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    copy(conf, to, M)
    damaged = next(to.glob("versions/*/merchants/*/M3.json"))
    with damaged.open("r+b") as file:  # in place, its length as before
        file.write(b"#")
    (to / "current/rulebooks" / BOOKS["individual"].name).write_bytes(b"")
    copied = copy(conf, to, [M[0] | {"score": 84}, *M[1:]], day=25)
    assert in_force(to) == tree(conf.published / "current")
    assert copied.copied == 8  # the six that differ, and these two
    assert copied.linked == len(in_force(to)) - 8


def test_what_moves_beside_a_version_is_copied_without_a_new_version(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    copy(conf, to, M)
    (conf.published / "current/tuf").mkdir()
    for name in ("feed.json", "tuf/timestamp.json"):
        (conf.published / "current" / name).write_bytes(b"{}")
    damaged = next(to.glob("versions/*/merchants/*/M3.json"))
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    assert files.export(published.current(conf), conf, to).copied == 3
    assert in_force(to) == tree(conf.published / "current")


@pytest.mark.parametrize("there", [False, True])
def test_a_version_signed_anew_while_it_is_copied_verifies(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    to = tmp_path / "share"
    folder = publish(conf.published, M)
    keys = Keys.load(conf)

    def signed(sequence: int) -> None:
        """Signed anew, with a feed of this one change."""
        shutil.rmtree(folder / "feed", ignore_errors=True)
        (folder / "feed").mkdir()
        change = folder / f"feed/{sequence:06d}.json"
        change.write_text("{}")
        changes = [{"path": f"feed/{change.name}", **entry(change)}]
        (folder / "feed.json").write_text(json.dumps({"changes": changes}))
        sign(folder, conf.published, keys, datetime.now(UTC))

    signed(1)
    version = published.version(folder)
    if there:
        files.export(version, conf, to)
    signed(2)
    real = published.Version.read
    left = [r"tuf/\d+\.snapshot\.json", "tuf/.*", "feed.json"]

    def read(version: published.Version, path: str) -> bytes:
        if left and re.fullmatch(left[-1], path):
            left.pop()
            signed(5 - len(left))
        return real(version, path)

    with monkeypatch.context() as signing:
        signing.setattr(published.Version, "read", read)
        files.export(version, conf, to)
    verdict = verify_folder(to / "current", keys.roots[0], None)
    assert verdict.verdict == "valid", verdict.problems
    assert in_force(to) == tree(folder)
    assert not left


def test_a_folder_without_links_of_any_kind(conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    to = tmp_path / "share"
    monkeypatch.setattr(os, "link", refuse)
    publish(conf.published, M)
    version = published.current(conf)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert not files.export(version, conf, to).link
    monkeypatch.undo()
    publish(conf.published, M[1:], date(2026, 11, 25))
    version = published.current(conf)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert files.export(version, conf, to).linked == 0
    assert in_force(to) == tree(conf.published / "current")
    assert not (to / "current").exists()


def test_interrupted_anywhere_readers_see_a_whole_version(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before each single step that changes the folder, in turn, each time going on from the step before."""
    to = tmp_path / "share"
    copy(conf, to, M)
    versions = [in_force(to)]
    publish(conf.published, [M[0] | {"score": 84}, *M[1:5]], date(2026, 11, 25))
    versions.append(tree(conf.published / "current"))
    version = published.current(conf)
    steps = {"left": 0}

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            if steps["left"] == 0:
                raise KeyboardInterrupt
            steps["left"] -= 1
            return real(*arguments, **named)

        return step

    for owner, name in (
        (Path, "replace"),
        (Path, "rename"),
        (Path, "symlink_to"),
        (os, "link"),
        (files.shutil, "rmtree"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    interrupted = 0
    for allowed in itertools.count():
        steps["left"] = allowed % 5  # never more than four steps at a time: it has to go on from what is there
        try:
            files.export(version, conf, to, keep=1)
        except KeyboardInterrupt:
            interrupted += 1
            assert in_force(to) in versions
            assert interrupted < 200
            continue
        break
    assert interrupted > 3
    assert in_force(to) == versions[1]
    steps["left"] = 100
    files.export(version, conf, to, keep=1)
    assert [p.name for p in (to / "versions").iterdir()] == [version.name]
    assert not list(to.rglob("*.unfinished"))


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "no space is left"), (errno.EROFS, "mounted read-only"), (errno.EIO, "error")]
)
def test_a_folder_that_cannot_be_written_is_named_and_its_version_stays(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    to = tmp_path / "share"
    copy(conf, to, M)
    before = in_force(to)
    publish(conf.published, [m | {"score": 84} for m in M], date(2026, 11, 25))
    version, left = published.current(conf), [3]
    real = Path.replace

    def full(path: Path, target: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number), str(target))
        return real(path, target)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "replace", full)
        with pytest.raises(UserError, match=rf"--to .*share cannot be written: .*{said}.*3 files were copied"):
            files.export(version, conf, to)
    assert in_force(to) == before
    assert files.export(version, conf, to).there == 3
    with pytest.raises(UserError, match="is the share mounted"):
        files.export(version, conf, tmp_path / "not" / "mounted")


def test_only_the_last_versions_stay_and_nothing_of_others_is_touched(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    (to / "versions/theirs").mkdir(parents=True)
    (to / "current").write_text("theirs")
    for day in (20, 21, 22, 23):
        copied = copy(conf, to, M[: day - 18], day=day, keep=2)
    assert (copied.removed, copied.link) == (1, False)
    kept = {p.name.rpartition("-")[0] for p in (to / "versions").iterdir()}
    assert kept == {"2026-11-22", "2026-11-23", ""}
    assert (to / "current").read_text() == "theirs"
    (to / "current.json").write_text('{"version": "../../etc"}')
    with pytest.raises(UserError, match="not a pointer of ours"):
        copy(conf, to, M)


def test_marks_of_advertisements_stand_beside_the_version(conf: Settings, tmp_path: Path, run: Run) -> None:
    to, paid = tmp_path / "share", tmp_path / "paid.txt"
    publish(conf.published, M)
    paid.write_text("M2\n")
    command = ("export", "files", "--home", str(conf.home), "--to", str(to), "--json")
    assert run(*command, "--advertised", str(paid))[0] == 0
    keys = to / read_json(to / "current.json")["sort_keys"]["parquet"]
    assert [row["subject_id"] for row in pq.read_table(keys).to_pylist() if row["advertisement"]] == ["M2"]
    assert in_force(to) == tree(conf.published / "current")
    paid.write_text("M2\nnobody\n")
    code, _, errors = run(*command, "--advertised", str(paid))
    assert code == 3
    assert "line 2: 'nobody'" in errors
    assert keys.exists()


def test_one_copy_at_a_time_and_none_of_a_damaged_version(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    copy(conf, to, M)
    folder = publish(conf.published, M[1:], date(2026, 11, 25))
    with (conf.home / ".export.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another `export files`"):
            files.export(published.current(conf), conf, to)
    document = next(folder.glob("merchants/*/M3.json"))
    document.write_bytes(document.read_bytes().replace(b"M3", b"M4"))
    (to / "current" / document.relative_to(folder)).unlink()  # nothing to link to
    with pytest.raises(UserError, match=r"M3\.json is not the file its manifest names"):
        files.export(published.current(conf), conf, to)
    assert read_json(to / "current.json")["evaluated_on"] == "2026-11-24"


# --- the report to authorities -----------------------------------------------------------------------------------

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
    found = {}
    for sheet in book:
        headers, *rows = sheet.iter_rows()
        assert sheet.freeze_panes == "B2"
        assert all(cell.data_type in "snbd" for row in sheet.iter_rows() for cell in row)
        found[sheet.title] = [{h.value.split()[0]: c.value for h, c in zip(headers, row, strict=True)} for row in rows]
    return found


def test_the_report_is_masked_typed_and_safe(reported: Settings, tmp_path: Path, run: Run) -> None:
    code, output, errors = run(
        "export", "report", *PERIOD, "--out", str(tmp_path / "r"), "--home", str(reported.home), "--json"
    )
    assert code == 0, errors
    written = [Path(name) for name in json.loads(output)["files"]]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    found = sheets(written[0])
    assert list(found) == ["说明", "平台合计", "经营主体", "主要数据", "平台处置", "公共信用记录", "异议"]
    firm, other, person = found["经营主体"]
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
        assert secret not in str(found)
    for path in written[1:]:
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    text = next(path for path in written if path.name.endswith("operators.csv")).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1][2] == "'" + FORMULA
    assert rows[0][0].startswith("主体编号 ")


def test_the_key_figures_are_those_of_the_period(reported: Settings, tmp_path: Path) -> None:
    with open_warehouse(reported, read_only=True) as con:
        made = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
        lone = con.execute(
            """SELECT count(*), sum(amount), count(completed_at) FROM canonical.transactions WHERE subject_id = 'person'
               AND ordered_at >= TIMESTAMPTZ '2026-10-01 00:00+08' AND ordered_at < TIMESTAMPTZ '2026-11-24 00:00+08'"""
        ).fetchall()[0]
        graded = dict(
            con.execute("SELECT subject_id, grade FROM results.grades WHERE evaluated_on = '2026-11-24'").fetchall()
        )
    found = {sheet.name: sheet.rows for sheet in made.sheets}
    figures = {row["subject_id"]: row for row in found["figures"]}
    person, firm = figures["person"], figures["firm"]
    assert (person["orders"], person["amount"], person["completed"], person["currency"]) == (*lone, "CNY")
    assert person["orders"] > 0
    assert person["grade"] == graded["person"]
    assert (person["sanctions_imposed"], person["sanctions_in_force"]) == (1, 1)
    assert (person["complaints"], person["records_new"]) == (0, None)  # none, and not supplied
    assert (firm["currency"], firm["amount"]) == ("CNY+USD", None)
    totals = {(row["item"].split()[0], row["detail"]): row["value"] for row in found["platform"]}
    assert totals["经营主体数", None] == 3
    assert totals["订单数", None] == sum(row["orders"] for row in figures.values())
    assert totals["交易额", "USD"] == 100
    assert totals["期末生效公共信用记录数", None] is None
    (sanction,) = [row for row in found["sanctions"] if row["in_force"]]
    assert (sanction["reason"], sanction["until"]) == ("王** *** 刷单", date(2026, 12, 24))  # ends at 00:00 of the 25th
    assert any("公共信用记录" in str(row["value"]) for row in found["about"])


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
        made = report.build(con, conf, date(2026, 10, 1), date(2026, 11, 23))
    (firm,) = [row for s in made.sheets if s.name == "figures" for row in s.rows if row["subject_id"] == "firm"]
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

    def told(made: report.Report) -> list[Any]:
        sheets = {sheet.name: sheet.rows for sheet in made.sheets}
        (record,) = [row for row in sheets["public_records"] if row["subject_id"] == "person"]
        (sanction,) = [row for row in sheets["sanctions"] if row["subject_id"] == "firm"]
        return [record["issuer"], record["reference"], record["note"], sanction["reason"]]

    assert told(masked) == ["局（王**案）", "王**罚〔2026〕1号 ***", "王**", "与经营者王**串通"]
    assert told(whole) == ["局（王小明案）", "王小明罚〔2026〕1号 110101199003070038", "王 小明", "与经营者王小明串通"]


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
    found = sheets(written[0])
    person = found["经营主体"][2]
    assert (person["名称"], person["居民身份证号"], person["联系方式"]) == (
        "王小明",
        "110101199003070038",
        "13800138000",
    )
    assert any("含个人信息" in str(row["项目"]) for row in found["说明"])
    assert found["平台处置"][-1]["原因"] == "王小明 13800138000 刷单"


def test_the_same_report_has_the_same_bytes(reported: Settings, tmp_path: Path) -> None:
    def bytes_of(folder: Path) -> dict[str, bytes]:
        with open_warehouse(reported, read_only=True) as con:
            made = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
        return {path.name: path.read_bytes() for path in report.write(made, folder)}

    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_rows_beyond_a_sheet_go_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "SHEET_ROWS", 2)
    made = report.Report(date(2026, 1, 1), date(2026, 1, 31), False)
    made.sheets.append(
        report.Sheet("x", "表", (("a", "甲", "A"), ("b", "乙", "B")), [{"a": i, "b": f"={i}"} for i in range(5)])
    )
    found = sheets(report.write(made, tmp_path)[0])
    assert {name: [row["甲"] for row in rows] for name, rows in found.items()} == {
        "表": [0, 1],
        "表 (2)": [2, 3],
        "表 (3)": [4],
    }


def test_objections_are_reported(reported: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(number: int, day: date, *events: tuple[date, str, str | None]) -> SimpleNamespace:
        happened = tuple(SimpleNamespace(day=d, event=event, outcome=outcome) for d, event, outcome in events)
        return SimpleNamespace(number=number, subject_id="firm", about="grade", day=day, events=happened)

    filed = [
        one(1, date(2026, 9, 1), (date(2026, 9, 20), "decided", "upheld")),  # over before
        one(2, date(2026, 9, 1), (date(2026, 10, 2), "decided", "upheld")),
        one(3, date(2026, 11, 1), (date(2026, 11, 24), "decided", "upheld")),  # decided after
        one(4, date(2026, 11, 24)),
    ]
    monkeypatch.setattr(report.ledger, "objections", lambda _: filed)
    with open_warehouse(reported, read_only=True) as con:
        made = report.build(con, reported, date(2026, 10, 1), date(2026, 11, 23))
    found = next(sheet.rows for sheet in made.sheets if sheet.name == "objections")
    assert [(row["number"], row["outcome"], row["days"]) for row in found] == [
        (2, "异议成立 Upheld", 31),
        (3, None, None),
    ]


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (("2026-11-02", "2026-11-01"), "lies before --from"),
        (("2026-11-02", "2999-01-01"), "has not ended"),
        (("2026-11-02", "2026-13-01"), "--to '2026-13-01' is not a day"),
        (("2001-01-01", "2001-12-31"), "no merchants were known"),
    ],
)
def test_what_is_no_period(reported: Settings, tmp_path: Path, run: Run, period: tuple[str, str], said: str) -> None:
    out = tmp_path / "r"
    code, _, errors = run(
        "export", "report", "--from", period[0], "--to", period[1], "--out", str(out), "--home", str(reported.home)
    )
    assert code == 2
    assert said in errors
    assert not out.exists()

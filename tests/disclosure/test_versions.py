"""One version after another: what is kept, what the feed tells, going back, killed publishes."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from frictionless import Package

from credit.disclosure import render, versions
from credit.disclosure.publishing import Publication, publish, rollback
from credit.errors import UserError
from credit.evaluation import night
from credit.home import open_warehouse
from credit.ledgers import objections, sanctions
from credit.proof import Keys
from credit.proof.verify import Verdict, verify_folder
from credit.rulebooks import reading
from credit.settings import Settings
from support.effort import trials
from support.small_market import DAY, at, changed, deliver, market

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

TOMORROW = DAY + timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "parse", cache(reading.parse))
        patched.setattr(os, "fsync", lambda _: None)
        patched.setattr(os, "sync", lambda: None)
        yield


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with two evaluated nights, the first published; copy it, do not change it."""
    home = tmp_path_factory.mktemp("made") / "home"
    conf = Settings(home=home, threads=1, memory_limit="512MB")
    with open_warehouse(conf) as con:
        deliver(con, conf, home.parent / "delivery", market({"good": 0, "late": 15, "fair": 8}, orders=20))
        for day in (DAY, TOMORROW):
            night.evaluate(con, conf, day)
        publish(con, conf, DAY)
    return conf


@pytest.fixture
def conf(published_home: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(published_home.home, tmp_path / "home", symlinks=True)
    return published_home.model_copy(update={"home": tmp_path / "home"})


def _publish(conf: Settings, day: Any = DAY, **changes: float) -> Publication:
    """Publish after the evidence of some merchants has changed."""
    with open_warehouse(conf) as con:
        for subject_id, evidence in changes.items():
            con.execute("UPDATE results.grades SET evidence = ? WHERE subject_id = ?", [evidence, subject_id])
        return publish(con, conf, day)


def _verdict(conf: Settings, state: Path | None = None, folder: Path | None = None) -> Verdict:
    return verify_folder(folder or conf.published / "current", Keys.load(conf).roots[0], state)


def _document(version: Path, subject_id: str) -> Path:
    (path,) = version.glob(f"merchants/*/{subject_id}.json")
    return path


def _feed(version: Path) -> dict[str, Any]:
    """The latest changes, read as a display does: by way of feed.json."""
    last = json.loads((version / "feed.json").read_bytes())["changes"][-1]
    changes: dict[str, Any] = json.loads((version / last["path"]).read_bytes())
    return changes


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


# --- what does not change is kept --------------------------------------------------------------------------------


def test_only_what_changed_is_written(conf: Settings) -> None:
    first = (conf.published / "current").resolve()
    publication = _publish(conf, good=0.5)
    assert publication.path != first
    assert (publication.kept, publication.merchants) == (3, 4)
    for subject_id in ("late", "fair", "other", "good"):
        for suffix in (".json", ".html", ".svg"):
            old, new = (_document(v, subject_id).with_suffix(suffix) for v in (first, publication.path))
            # A badge says the grade alone, which is what it was: it is written anew with the rest.
            assert old.samefile(new) == (subject_id != "good")
    assert _read(_document(publication.path, "good"))["evidence"] == 0.5
    assert _verdict(conf).verdict == "valid"
    assert _verdict(conf, folder=first).verdict == "valid"


def test_a_document_says_from_which_night_it_stands(conf: Settings) -> None:
    with open_warehouse(conf) as con:
        # A night that brings nothing new: the numbers of the night before.
        con.execute("DELETE FROM results.grades WHERE evaluated_on = ?", [TOMORROW])
        con.execute("DELETE FROM results.indicators WHERE evaluated_on = ?", [TOMORROW])
        for table in ("grades", "indicators"):
            con.execute(
                f"INSERT INTO results.{table} SELECT * REPLACE (? AS evaluated_on) FROM results.{table} WHERE evaluated_on = ?",
                [TOMORROW, DAY],
            )
    publication = _publish(conf, TOMORROW, late=0.4)
    assert _read(publication.path / "index.json")["disclosure"]["evaluated_on"] == str(TOMORROW)
    days = {i: _read(_document(publication.path, i))["evaluated_on"] for i in ("good", "late")}
    assert days == {"good": str(DAY), "late": str(TOMORROW)}
    trend = {i: _read(_document(publication.path, i))["trend"]["points"][-1]["on"] for i in days}
    assert trend == days
    # Back to the night before: no document of it may speak of the later one.
    back = _publish(conf, DAY)
    assert {_read(path)["evaluated_on"] for path in back.path.glob("merchants/*/*.json")} == {str(DAY)}
    assert back.notices == [f"the night of {DAY} is published in place of the later one of {TOMORROW}"]


def test_a_damaged_file_is_not_handed_on(conf: Settings) -> None:
    first = (conf.published / "current").resolve()
    damaged = _document(first, "late").with_suffix(".html")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + b"?")
    assert [p.file for p in _verdict(conf).problems] == [damaged.relative_to(first).as_posix()]
    publication = _publish(conf, good=0.5)
    assert publication.kept == 2
    assert _document(publication.path, "late").with_suffix(".html").read_bytes() == whole
    assert _verdict(conf).verdict == "valid"


@pytest.mark.parametrize("touched", [False, True])
def test_a_file_written_to_in_place_is_not_handed_on_whatever_its_time_says(conf: Settings, touched: bool) -> None:
    first = _publish(conf, good=0.4).path
    for subject_id in ("late", "fair", "other"):
        for path in first.glob(f"merchants/*/{subject_id}.html"):
            before = path.stat()
            with path.open("r+b") as file:
                file.write(b"<!doctype HTML>")
            if touched:
                os.utime(first / "manifest.json")
            else:
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _verdict(conf).problem_count == 3
    publication = _publish(conf, good=0.5)
    assert publication.kept == 0
    assert _verdict(conf).verdict == "valid"


def test_what_is_kept_is_read_again_once_something_was_done_to_it(
    conf: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = conf.model_copy(update={"keep_versions": 2})
    monkeypatch.setattr(render, "READ_AGAIN", 10_000_000)
    read: list[str] = []
    reads = render.reads_as_listed
    monkeypatch.setattr(
        render, "reads_as_listed", lambda folder, name, entry: [read.append(name), reads(folder, name, entry)][1]
    )
    # Old versions are removed meanwhile, and the same is published again: both remove links to files that stay.
    for evidence in (0.1, 0.2, 0.3, 0.4, 0.4, 0.6):
        read.clear()
        first = _publish(conf, good=evidence).path
    assert read == []
    _document(first, "late").touch()
    assert _publish(conf, good=0.5).kept == 3
    assert read == ["late.json"]


def test_everything_is_written_anew_for_another_platform_name(conf: Settings) -> None:
    publication = _publish(conf.model_copy(update={"platform_name": "另一平台"}))
    assert publication.kept == 0
    assert _verdict(conf).verdict == "valid"


def test_in_processes_of_their_own_the_same_bytes(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _publish(conf, good=0.5)
    other = conf.model_copy(update={"home": tmp_path / "other", "threads": 2})
    shutil.copytree(conf.home, other.home, symlinks=True)
    shutil.rmtree(other.published)
    first = _publish(other, good=0.7)
    monkeypatch.setattr(render, "SHARED_OUT_FROM", 1)
    there = _publish(other, good=0.5)
    assert (first.kept, there.kept) == (0, 3)
    assert there.version == here.version
    shutil.rmtree(other.published)
    assert _publish(other).version == here.version


def test_what_is_no_version_is_left_alone(conf: Settings) -> None:
    conf = conf.model_copy(update={"keep_versions": 1})
    first = (conf.published / "current").resolve()
    places = [first.with_name(name) for name in ("backup", f"{first.name}.bak", "0000-notes")]
    places.append(conf.published / "prints" / "backup")
    for place in places:
        place.mkdir()
        (place / "precious").write_text("x")
    first.with_name("notes.txt").write_text("x")
    link = first.with_name(f"{DAY}-0123456789ab")
    link.symlink_to(places[0])
    publication = _publish(conf, good=0.5)
    assert not first.exists()
    assert _verdict(conf).verdict == "valid"
    assert all((place / "precious").exists() for place in [*places, link])
    assert first.with_name("notes.txt").exists()
    with pytest.raises(UserError, match="others kept: none"):
        rollback(conf)
    assert (conf.published / "current").resolve() == publication.path


# --- what is damaged does not stop the next ----------------------------------------------------------------------

_DAMAGE = {
    "manifest.json": b"{",
    "manifest.json ": None,
    "feed.json": b"",
    "feed/000002.json": b"",
    "feed/000002.json ": None,
    "manifest/*.json": b"{",
    "bulk/grades.parquet": b"PAR1",
    "index.json": b"{",
}
"""File of the version in force -> what is left of it (None: nothing)."""


def _damage(conf: Settings, pattern: str) -> Path:
    """Damage the version in force. Returns it."""
    version = (conf.published / "current").resolve()
    for path in version.glob(pattern.strip()):
        remnant = _DAMAGE[pattern]
        path.unlink()
        if remnant is not None:
            path.write_bytes(remnant)
    assert _verdict(conf, folder=version).verdict == "invalid"
    return version


def _heirs(version: Path) -> list[int]:
    """The numbers of the changes of a version's feed, each of which leads from what the one before leads to."""
    feed = _read(version / "feed.json")
    for before, after in zip(feed["changes"], feed["changes"][1:], strict=False):
        assert after["from"] == before["to"]
    assert feed["sequence"] == feed["changes"][-1]["sequence"]
    return [change["sequence"] for change in feed["changes"]]


@pytest.mark.parametrize("pattern", _DAMAGE)
def test_a_damaged_version_in_force_is_published_over(conf: Settings, pattern: str) -> None:
    first = (conf.published / "current").resolve()
    _publish(conf, good=0.4)
    damaged = _damage(conf, pattern)
    publication = _publish(conf, good=0.5)
    assert _verdict(conf).verdict == "valid"
    assert publication.changes == {"added": 0, "changed": 1, "withdrawn": 0}
    (change,) = _feed(publication.path)["merchants"]
    assert (change["op"], change["subject_id"]) == ("changed", "good")
    follows_damaged = pattern.split("/")[0].strip() in ("feed.json", "feed", "index.json")
    begins = damaged if follows_damaged else first
    assert _feed(publication.path)["from"]["manifest"].startswith(begins.name[-12:])
    sequences = _heirs(publication.path)
    assert sequences == ([3] if pattern.startswith("feed") else [1, 2, 3] if pattern == "index.json" else [1, 3])
    notices = [f"{damaged.name}, which was in force, is damaged" in notice for notice in publication.notices]
    assert notices == ([] if pattern == "index.json" else [True])


@pytest.mark.parametrize("pattern", _DAMAGE)
def test_a_damaged_version_in_force_is_mended_by_the_same_night(conf: Settings, pattern: str) -> None:
    _publish(conf, good=0.4)
    damaged = _damage(conf, pattern)
    publication = _publish(conf)
    assert publication.path == damaged
    assert _verdict(conf).verdict == "valid"
    assert _heirs(publication.path) == ([1, 3] if pattern.startswith("feed") else [1, 2])


@pytest.mark.parametrize("pattern", _DAMAGE)
def test_rollback_away_from_a_damaged_version(conf: Settings, tmp_path: Path, pattern: str) -> None:
    first = (conf.published / "current").resolve()
    _publish(conf, good=0.4)
    assert _verdict(conf, tmp_path / "seen").verdict == "valid"
    _damage(conf, pattern)
    publication = rollback(conf)
    assert publication.path == first
    assert _verdict(conf, tmp_path / "seen").verdict == "valid"
    assert _heirs(first)[-1] == 3
    assert bool(publication.notices) == (pattern != "index.json")


@pytest.mark.parametrize("pattern", [pattern for pattern in _DAMAGE if not pattern.startswith("feed")])
def test_rollback_refuses_a_damaged_version(conf: Settings, pattern: str) -> None:
    damaged = _damage(conf, pattern)
    now = _publish(conf, TOMORROW)
    with pytest.raises(UserError, match=f"{damaged.name} is damaged|does not verify"):
        rollback(conf)
    assert (conf.published / "current").resolve() == now.path
    assert _verdict(conf).verdict == "valid"


def test_a_trial_is_not_published_over_what_may_be_official(conf: Settings) -> None:
    _damage(conf, "index.json")
    with open_warehouse(conf) as con:
        con.execute("UPDATE results.runs SET standing = 'trial'")
        with pytest.raises(UserError, match="holds the official night"):
            publish(con, conf)


def test_after_the_only_version_was_damaged_the_feed_begins_anew_and_does_not_go_back(conf: Settings) -> None:
    conf = conf.model_copy(update={"keep_versions": 1})
    _publish(conf, good=0.4)
    _damage(conf, "manifest.json")
    publication = _publish(conf, good=0.5)
    assert publication.changes == {"added": 4, "changed": 0, "withdrawn": 0}
    assert _heirs(publication.path) == [3]
    assert _feed(publication.path)["from"] is None


# --- the feed ----------------------------------------------------------------------------------------------------


def test_the_first_feed_adds_everybody(published_home: Settings) -> None:
    feed = _feed(published_home.published / "current")
    assert (feed["sequence"], feed["from"]) == (1, None)
    assert {(merchant["op"], merchant["subject_id"]) for merchant in feed["merchants"]} == {
        ("added", i) for i in ("good", "late", "fair", "other")
    }


def test_a_display_can_follow(conf: Settings) -> None:
    """What the feed tells, applied to the last version's grades, gives this version's."""
    first = (conf.published / "current").resolve()
    with open_warehouse(conf) as con:
        con.execute("UPDATE results.grades SET grade = 'A', score = 80.5 WHERE subject_id = 'good'")
        for table in ("grades", "indicators"):
            con.execute(f"DELETE FROM results.{table} WHERE subject_id = 'fair' AND evaluated_on = ?", [DAY])
    publication = _publish(conf)
    assert publication.changes == {"added": 0, "changed": 1, "withdrawn": 1}
    feed = _feed(publication.path)
    assert feed["sequence"] == 2
    assert [(merchant["op"], merchant["subject_id"]) for merchant in feed["merchants"]] == [
        ("withdrawn", "fair"),
        ("changed", "good"),
    ]
    grades = {row["subject_id"]: row for row in pq.read_table(first / "bulk/grades.parquet").to_pylist()}
    for merchant in feed["merchants"]:
        row = grades.pop(merchant["subject_id"])
        assert merchant["previous"] == {"grade": row["grade"], "score": row["score"], "mark": row["mark"]}
        if merchant["op"] == "changed":
            content = (publication.path / merchant["document"]["path"]).read_bytes()
            assert versions.entry_of(content) == versions.FileEntry(
                merchant["document"]["bytes"], merchant["document"]["sha256"]
            )
            grades[merchant["subject_id"]] = row | {"grade": json.loads(content)["grade"], "score": merchant["score"]}
    rows = pq.read_table(publication.path / "bulk/grades.parquet").to_pylist()
    assert sorted(grades.values(), key=lambda row: row["subject_id"]) == rows
    assert "bulk/grades.csv" in feed["files"]["changed"]
    assert (feed["files"]["added"], feed["files"]["withdrawn"]) == ([], [])
    back = _publish(conf, TOMORROW)
    assert [merchant["op"] for merchant in _feed(back.path)["merchants"] if merchant["subject_id"] == "fair"] == [
        "added"
    ]


def test_the_feed_keeps_the_last_changes(conf: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("credit.disclosure.manifest.FEEDS_KEPT", 3)
    for i in range(4):
        publication = _publish(conf, good=0.1 + i / 10)
    feed = json.loads((publication.path / "feed.json").read_bytes())
    assert [change["sequence"] for change in feed["changes"]] == [3, 4, 5]
    for before, after in zip(feed["changes"], feed["changes"][1:], strict=False):
        assert after["from"] == before["to"]
    assert _verdict(conf).verdict == "valid"


def test_the_feed_names_nobody(conf: Settings, tmp_path: Path) -> None:
    """Who was published as an enterprise and is a natural person is named nowhere in the version after."""
    rows = market({"good": 0})["subjects"]
    person = changed(rows, "subject_id", "good", name="王小明", known_at=at(0.2))
    with open_warehouse(conf) as con:
        deliver(con, conf, tmp_path / "named", {"subjects": [person]}, TOMORROW)
        night.evaluate(con, conf, TOMORROW)
        first = publish(con, conf, TOMORROW).path
        assert "王小明" in _document(first, "good").read_text(encoding="utf-8")
        later = TOMORROW + timedelta(days=1)
        deliver(
            con, conf, tmp_path / "told", {"subjects": [person | {"kind": "individual", "known_at": at(1.2)}]}, later
        )
        night.evaluate(con, conf, later)
        publication = publish(con, conf, later)
    assert len(list((publication.path / "feed").iterdir())) == 3
    assert not [
        path for path in publication.path.rglob("*") if path.is_file() and "王小明".encode() in path.read_bytes()
    ]


def test_the_same_again_is_no_change(conf: Settings) -> None:
    before = (conf.published / "current" / "feed.json").read_bytes()
    publication = _publish(conf)
    assert (publication.changes, publication.kept) == (None, 4)
    assert (publication.path / "feed.json").read_bytes() == before


def test_a_refused_publish_leaves_the_collector_on(conf: Settings) -> None:
    assert gc.isenabled()
    with open_warehouse(conf) as con, pytest.raises(UserError):
        publish(con, conf, DAY - timedelta(days=1000))
    assert gc.isenabled()


# --- going back --------------------------------------------------------------------------------------------------


def test_rollback_is_the_newest_to_readers(conf: Settings, tmp_path: Path) -> None:
    first = (conf.published / "current").resolve()
    state = tmp_path / "seen"
    assert _verdict(conf, state).verdict == "valid"
    bad = _publish(conf, good=0.5)
    assert _verdict(conf, state).verdict == "valid"
    publication = rollback(conf)
    assert (conf.published / "current").resolve() == publication.path == first
    assert _verdict(conf, state).verdict == "valid"
    assert [merchant["op"] for merchant in _feed(publication.path)["merchants"]] == ["changed"]
    assert rollback(conf, bad.version).path.name == bad.version
    assert _verdict(conf, state).verdict == "valid"


def test_rollback_refuses_what_is_not_whole(conf: Settings) -> None:
    first = (conf.published / "current").resolve()
    with pytest.raises(UserError, match="others kept: none"):
        rollback(conf)
    now = _publish(conf, good=0.5)
    (first / "bulk/grades.csv").write_bytes(b"x")
    with pytest.raises(UserError, match=r"bulk/grades\.csv"):
        rollback(conf)
    assert (conf.published / "current").resolve() == now.path
    assert _verdict(conf).verdict == "valid"
    with pytest.raises(UserError, match="no version nowhere is kept"):
        rollback(conf, "nowhere")


def test_rollback_takes_no_version_that_never_was_in_force(conf: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = (conf.published / "current").resolve()
    second = _publish(conf, good=0.4)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt  # where a kill would be: the version is in its place and not switched to

    with monkeypatch.context() as patched:
        patched.setattr(versions, "switch", stop)
        with pytest.raises(KeyboardInterrupt):
            _publish(conf, good=0.5)
    (never,) = (p for p in first.parent.iterdir() if p not in (first, second.path))
    assert (conf.published / "current").resolve() == second.path
    assert rollback(conf).path == first
    assert not never.exists()
    # What was in force once is not taken for new where going forward to it again is what was stopped.
    with monkeypatch.context() as patched:
        patched.setattr(versions, "switch", stop)
        with pytest.raises(KeyboardInterrupt):
            _publish(conf, good=0.4)
    assert rollback(conf).path == second.path
    assert _verdict(conf).verdict == "valid"


def test_a_version_that_does_not_verify_is_not_published(conf: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = (conf.published / "current").resolve()
    written = render.write_file

    def careless(target: str, content: bytes) -> versions.FileEntry:
        entry = written(target, content)
        if target.endswith("/good.html"):
            Path(target).write_bytes(content[:-1])
        return entry

    monkeypatch.setattr(render, "write_file", careless)
    with pytest.raises(UserError, match=r"does not verify.*good\.html.*stays"):
        _publish(conf, good=0.5)
    assert (conf.published / "current").resolve() == first
    assert not [p for p in (conf.published / "versions").iterdir() if p != first]


# --- one at a time -----------------------------------------------------------------------------------------------


def test_one_publish_or_rollback_at_a_time(conf: Settings) -> None:
    """Connections that only read let several processes in."""
    first = (conf.published / "current").resolve()
    started = []

    def meanwhile(message: str) -> None:
        if not started:
            started.append(message)
            code = (
                "import sys; from pathlib import Path; from credit import home, settings\n"
                "from credit.disclosure.publishing import publish\n"
                "conf = settings.load(home=Path(sys.argv[1]), threads=1, memory_limit='512MB')\n"
                "with home.open_warehouse(conf, read_only=True) as con: publish(con, conf)"
            )
            other = subprocess.run([sys.executable, "-c", code, str(conf.home)], capture_output=True, text=True)
            assert "another publish" in other.stderr
            with pytest.raises(UserError, match="another publish"):
                rollback(conf)

    with open_warehouse(conf, read_only=True) as con:
        publication = publish(con, conf, TOMORROW, progress=meanwhile)
    assert started
    assert _verdict(conf).verdict == _verdict(conf, folder=first).verdict == "valid"
    assert rollback(conf).path == first != publication.path


# --- kill -9 -----------------------------------------------------------------------------------------------------

# Reading the night changes no file, so it is done once; what is killed is all the rest.
_CHILD = """
import os, sys
from dataclasses import replace
from pathlib import Path
from credit import settings
os.fsync = os.sync = lambda *_: None  # a killed process loses nothing that it has written; waiting for the disk takes minutes
from credit.disclosure import night, render
from credit.disclosure.publishing import release, rollback
from credit.evaluation.results import latest
from credit.home import open_warehouse
from credit.ledgers import lifecycle
from credit.proof import verify
from credit.rulebooks import conformity
conf = settings.load(home=Path(sys.argv[1]), threads=1, memory_limit="512MB")
with open_warehouse(conf) as con:
    tonight = night.read(con, conf, latest(con, None))
    books = lifecycle.versions(con)
for book in books:
    conformity.rows(book.book())
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.write(1, f"pid {os.getpid()}\\n".encode())
        graded = [
            replace(g, evidence=[float(line) if i == "good" else e for i, e in zip(g.ids, g.evidence)])
            for g in tonight.graded
        ]
        with render.Pool(1, tonight.merchants) as pool:
            release(conf, tonight.day, lambda: (replace(tonight, graded=graded), books), pool)
        if float(line) > 0.9:
            rollback(conf)
        os._exit(0)
    os.write(1, f"end {os.waitpid(pid, 0)[1]}\\n".encode())
"""


def test_killed_at_any_moment_the_site_always_verifies(conf: Settings, tmp_path: Path) -> None:
    chance, enough = random.Random(11), trials(50, 200)
    worker = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(conf.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdin
    assert worker.stdout

    def run(evidence: float, kill_after: float | None = None) -> tuple[int, float]:
        """Status and seconds of one publish; some are followed by going back."""
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(f"{evidence}\n")
        worker.stdin.flush()
        pid = int(worker.stdout.readline().split()[1])
        started = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status = int(worker.stdout.readline().split()[1])
        return status, time.perf_counter() - started

    status, whole = run(0.5)
    assert status == 0
    kills, tries = 0, 0
    seen: set[str] = set()
    while kills < enough:
        tries += 1
        assert tries < 2 * enough, f"only {kills} of {tries} publishes were killed before their end"
        # Some are left to end: they say how long it takes now, and give the others another version to follow on.
        kill_after = None if tries % 15 == 0 else chance.random() * whole
        status, took = run(0.1 + 0.85 * chance.random(), kill_after)
        kills += status == signal.SIGKILL
        if kill_after is None:
            assert status == 0
            whole = took
        verdict = _verdict(conf, tmp_path / "seen")
        assert verdict.verdict == "valid", verdict.problems
        seen.add((conf.published / "current").resolve().name)
    assert len(seen) > enough // 40, "no publish got to its end between the kills"
    assert run(0.25)[0] == 0
    assert _verdict(conf, tmp_path / "seen").verdict == "valid"
    assert _read(_document(conf.published / "current", "good"))["evidence"] == 0.25
    left = [*conf.published.glob(".*"), *(conf.published / "versions").glob(".*")]
    assert left == []
    worker.stdin.close()
    worker.wait()


def test_signatures_end(conf: Settings) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    verdict = verify_folder(conf.published / "current", Keys.load(conf).roots[0], None, later)
    assert verdict.verdict == "stale"


# --- described to machines ---------------------------------------------------------------------------------------


def test_the_data_package_validates(published_home: Settings) -> None:
    version = (published_home.published / "current").resolve()
    report = Package(str(version / "datapackage.json")).validate()
    assert report.valid, [error.message for task in report.tasks for error in task.errors]
    described = {resource["path"] for resource in _read(version / "datapackage.json")["resources"]}
    assert described == {p.relative_to(version).as_posix() for p in version.glob("bulk/*")}


def test_ledgers_show_at_once_and_the_correction_with_its_grades(conf: Settings) -> None:
    """Objection, sanction, closing: on the document, the page, platform.json of the next publish."""
    with open_warehouse(conf) as con:
        number = objections.file(
            con, "late", about="transaction", text="文", by="王芳", rows=["transactions:late-0"]
        ).number
        sanctions.impose(con, "late", kind="warning", reason="迟延发货", by="李伟")
    path = _publish(conf).path
    document = _read(_document(path, "late"))
    assert [row["number"] for row in document["objections"]["open"]] == [number]
    assert [(row["kind"]["code"], row["source"]) for row in document["sanctions"]["in_force"]] == [
        ("warning", "ledger")
    ]
    assert "异议处理中" in _document(path, "late").with_suffix(".html").read_text(encoding="utf-8")
    assert _read(path / "platform.json")["objections"]["open"] == 1
    with open_warehouse(conf) as con:
        late = [f"transactions:late-{i}" for i in range(6)]
        objections.decide(
            con,
            number,
            outcome="upheld",
            reason="承运人更正",
            by="李伟",
            exclude=late,
            from_day=DAY + timedelta(days=1),
        )
        night.evaluate(con, conf, DAY + timedelta(days=1))
        publication = publish(con, conf, DAY + timedelta(days=1))
    document = _read(_document(publication.path, "late"))
    assert document["objections"]["open"] == []
    (notice,) = document["notices"]
    assert notice["objection"] == number
    assert notice["after"] == {"grade": document["grade"], "score": document["score"]} != notice["before"]
    assert [row["subject_id"] for row in _read(publication.path / "platform.json")["notices"]] == ["late"]
    assert _verdict(conf).verdict == "valid"


def test_every_grade_can_be_recomputed_also_from_few_reviews(published_home: Settings) -> None:
    for path in (published_home.published / "current").glob("merchants/*/*.json"):
        document = _read(path)
        verdict = verify_folder(
            published_home.published / "current",
            Keys.load(published_home).roots[0],
            None,
            merchant=document["subject"]["subject_id"],
        )
        assert verdict.verdict == "valid", [problem.message for problem in verdict.problems]

"""The night as a whole: the command end to end, killed nights, determinism, settings."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from credit import settings
from credit.disclosure.versions import FOLLOWS
from credit.home import open_warehouse
from credit.synthetic import delivery
from support import rules
from support.command import command
from support.effort import trials

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("sample")
    return folder, delivery.write(folder, merchants=60, transactions=4000, end=DAY)


@pytest.fixture(scope="module")
def graded(
    sample: tuple[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A home after one night by the command, and its JSON report."""
    home = tmp_path_factory.mktemp("graded") / "home"
    process = command("nightly", "--path", str(sample[0]), "--date", str(DAY), "--json", home=home)
    assert process.returncode == 0, process.stderr
    return home, json.loads(process.stdout)


def digest(folder: Path) -> str:
    """One hash of every file of a published version, names included, but for what tells how it follows on others."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in FOLLOWS:
            total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def test_the_report_accounts_for_every_row(
    sample: tuple[Path, dict[str, int]], graded: tuple[Path, dict[str, Any]]
) -> None:
    _, report = graded
    for table, bad in sample[1].items():
        numbers = report["sources"][table]
        assert numbers["read"] == numbers["accepted"] + numbers["quarantined"]
        assert numbers["quarantined"] == bad
    assert set(report["stages"]) == {"ingest", "check", "evaluate", "publish"}
    assert all(stage["seconds"] >= 0 for stage in report["stages"].values())
    assert report["peak_memory_mb"] > 0
    assert Path(report["published"]).joinpath("bulk", "grades.parquet").is_file()


def test_grades_json_has_the_fields_programs_rely_on(graded: tuple[Path, dict[str, Any]]) -> None:
    home, report = graded
    rows = json.loads(command("grades", "--json", home=home).stdout)
    assert set(rows[0]) == {
        "subject_id", "subject_kind", "grade", "score", "evidence", "not_rated_reason", "evaluated_on", "rulebook",
        "rulebook_hash", "provisional", "dormant", "self_operated", "vetoes", "standing",
    }  # fmt: skip
    counted: dict[str, int] = {}
    for row in rows:
        counted[row["grade"]] = counted.get(row["grade"], 0) + 1
        assert (row["score"] is None) == (row["not_rated_reason"] is not None)
        assert row["grade"] == "NR" or row["score"] is not None or "fraud_upheld" in row["vetoes"]
    assert counted == report["grades"]
    only = json.loads(command("grades", "--json", "--grade", "NR", "--kind", "individual", home=home).stdout)
    assert {(row["grade"], row["subject_kind"]) for row in only} == {("NR", "individual")}


@pytest.mark.parametrize("vetoed", [False, True])
def test_explanations_add_up(graded: tuple[Path, dict[str, Any]], vetoed: bool) -> None:
    """Points to the score; the held grade and the vetoes, each of which caps it or fixes it, to the grade."""
    home, _ = graded
    rows = json.loads(command("grades", "--json", "--kind", "enterprise", home=home).stdout)
    row = next(row for row in rows if row["score"] is not None and bool(row["vetoes"]) == vetoed)
    explanation = json.loads(command("explain", row["subject_id"], "--json", home=home).stdout)
    points = [indicator["points"] for element in explanation["elements"] for indicator in element["indicators"]]
    assert sum(points) == pytest.approx(explanation["score"], abs=1e-9)
    assert sum(element["points"] for element in explanation["elements"]) == pytest.approx(
        explanation["score"], abs=1e-9
    )
    assert [veto["id"] for veto in explanation["vetoes"]] == row["vetoes"]
    worst_first = ["D", "C", "CC", "CCC", "B", "BB", "BBB", "A", "AA", "AAA"]
    fixed = [veto["grade"] for veto in explanation["vetoes"] if veto["effect"] == "fixed"]
    caps = [veto["grade"] for veto in explanation["vetoes"] if veto["effect"] == "cap"]
    assert explanation["grade"] == min(fixed or [explanation["grade_held"], *caps], key=worst_first.index)
    page = command("explain", row["subject_id"], home=home).stdout
    assert "履约 Fulfilment" in page
    assert all(veto["name_zh"] in page for veto in explanation["vetoes"])


@pytest.mark.thorough
def test_the_same_steps_one_by_one_give_the_same_files(
    sample: tuple[Path, dict[str, int]], graded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "other"
    assert command("init", home=home).returncode == 0
    assert command("ingest", "--path", str(sample[0]), "--date", str(DAY), home=home).returncode == 0
    early = command("evaluate", "--date", str(DAY), "--json", home=home)
    assert early.returncode == 2
    assert "no subject was known" in early.stderr
    assert command("check", "--json", home=home).returncode == 0
    assert command("evaluate", "--date", str(DAY), home=home).returncode == 0
    assert command("publish", home=home).returncode == 0
    assert digest(home / "published" / "current") == digest(graded[0] / "published" / "current")


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("evaluate", "--merchant", "M000002"),
        ("check",),
        ("publish",),
        ("rollback",),
        ("sanction", "lift", "1", "--reason", "mended", "--by", "Li Wei"),
    ],
)
def test_a_folder_without_a_warehouse_is_refused_and_left_as_it_is(arguments: tuple[str, ...], tmp_path: Path) -> None:
    process = command(*arguments, home=tmp_path / "wrong")
    assert process.returncode == 2
    assert "no warehouse at" in process.stderr
    assert "merchant-credit init" in process.stderr
    assert not (tmp_path / "wrong").exists()


def test_who_signs_by_development_keys_is_told(graded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(graded[0], home, symlinks=True)
    assert any("development keys" in notice for notice in graded[1]["notices"])
    assert "note signed by development keys" in command("publish", home=home).stdout
    assert command("keys", "init", "--root", str(tmp_path / "root"), home=home).returncode == 0
    assert "development keys" not in command("publish", home=home).stdout


def test_tables_for_a_person_do_not_break_codes(graded: tuple[Path, dict[str, Any]]) -> None:
    home, _ = graded
    table = command("grades", "--limit", "100", home=home, columns=80).stdout
    for row in json.loads(command("grades", "--json", home=home).stdout):
        for code in (row["subject_id"], (row["not_rated_reason"] or "").partition(":")[0], *row["vetoes"]):
            assert code in table
    assert any(row["vetoes"] for row in json.loads(command("grades", "--json", home=home).stdout))


def test_help_names_the_home_by_default_and_its_variable() -> None:
    for verb in (("nightly",), ("keys", "init"), ("sanction", "list")):
        page = " ".join(command(*verb, "--help", home=Path("home")).stdout.split())
        assert "MERCHANT_CREDIT_HOME, else ./merchant-credit-home" in page
        assert "list[Path]" not in page


def test_a_second_night_of_the_same_changes_nothing(
    sample: tuple[Path, dict[str, int]], graded: tuple[Path, dict[str, Any]]
) -> None:
    home, report = graded
    before = digest(home / "published" / "current")
    again = json.loads(command("nightly", "--path", str(sample[0]), "--date", str(DAY), "--json", home=home).stdout)
    assert again["batch"]["already_landed"]
    assert again["sources"] == report["sources"]
    assert again["grades"] == report["grades"]
    assert again["rows"] == report["rows"]
    assert digest(home / "published" / "current") == before


def test_a_past_day_can_be_evaluated(graded: tuple[Path, dict[str, Any]]) -> None:
    home, _ = graded
    past = json.loads(command("evaluate", "--date", "2025-12-01", "--json", home=home).stdout)
    assert sum(past["grades"].values()) > 0
    assert past["rulebooks"][0]["standing"] == "replay"
    rows = json.loads(command("grades", "--date", "2025-12-01", "--json", home=home).stdout)
    assert {row["evaluated_on"] for row in rows} == {"2025-12-01"}


ERRORS = {
    "no home yet": (("grades", "--home", "/nonexistent-home"), 2, "no warehouse at"),
    "date": (("evaluate", "--date", "2026-02-30"), 2, "expected YYYY-MM-DD"),
    "source": (("ingest", "--source", "taobao", "--path", "."), 2, "expected one of: canonical, olist"),
    "path": (("ingest", "--path", "/nonexistent"), 3, "does not exist"),
    "merchant": (("explain", "M00002"), 2, "nearest ids: M00000"),
    "day not evaluated": (("grades", "--date", "2020-01-01"), 2, "no evaluation of 2020-01-01 here"),
    "kind": (("grades", "--kind", "robot"), 2, "expected enterprise or individual"),
    "rulebook": (("evaluate", "--rulebook", "/nonexistent.yaml"), 2, "cannot be read"),
    "trial of nothing": (("evaluate", "--trial"), 2, "name them with --rulebook FILE"),
    "nothing known": (("evaluate", "--date", "2001-01-01"), 2, "no subject was known by the cut-off"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ERRORS)
def test_a_users_error_is_one_message_and_a_code(kind: str, graded: tuple[Path, dict[str, Any]]) -> None:
    arguments, code, message = ERRORS[kind]
    process = command(*arguments, home=graded[0])
    assert process.returncode == code, process.stderr
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stdout == ""


def test_rules_that_are_not_in_force_are_only_tried(graded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    home, draft = tmp_path / "home", tmp_path / "draft.yaml"
    shutil.copytree(graded[0], home)
    text = rules.ENTERPRISE.read_text(encoding="utf-8")
    draft.write_text(text + "# changed\n", encoding="utf-8")
    arguments = ("evaluate", "--date", str(DAY), "--rulebook", str(draft))
    refused = command(*arguments, home=home)
    assert refused.returncode == 2
    assert "--trial evaluates by it without" in refused.stderr
    tried = command(*arguments, "--trial", home=home)
    assert tried.returncode == 0, tried.stderr
    assert "trial" in tried.stdout
    assert "试算" in tried.stdout
    assert "试算" in command("grades", home=home).stdout
    assert "试算" in command("explain", "M000002", home=home).stdout
    report = json.loads(command(*arguments, "--trial", "--json", home=home).stdout)
    assert {book["standing"] for book in report["rulebooks"]} == {"trial"}


def test_a_setting_that_is_none_names_its_origin(graded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    process = command("config", home=tmp_path, MERCHANT_CREDIT_ZONE="Mars/Olympus")
    assert process.returncode == 2
    assert "environment variable MERCHANT_CREDIT_ZONE" in process.stderr
    (tmp_path / "config.toml").write_text("keep_versions = 3\n", encoding="utf-8")
    settings_in_force = json.loads(command("config", "--json", home=tmp_path, MERCHANT_CREDIT_THREADS="1").stdout)
    assert settings_in_force["keep_versions"] == {"value": 3, "from": str(tmp_path / "config.toml")}
    assert settings_in_force["threads"] == {"value": 1, "from": "environment MERCHANT_CREDIT_THREADS"}
    (tmp_path / "config.toml").write_text("unheard_of = 3\n", encoding="utf-8")
    assert "unheard_of" in command("config", home=tmp_path).stderr


def test_the_zone_of_a_home_is_fixed(graded: tuple[Path, dict[str, Any]]) -> None:
    process = command("evaluate", "--date", str(DAY), home=graded[0], MERCHANT_CREDIT_ZONE="America/Sao_Paulo")
    assert process.returncode == 2
    assert "counts its days in Asia/Shanghai" in process.stderr


def test_a_warehouse_in_use_is_told(graded: tuple[Path, dict[str, Any]]) -> None:
    with open_warehouse(settings.load(home=graded[0])):
        process = command("grades", home=graded[0])
    assert process.returncode == 5
    assert f"process {os.getpid()}" in process.stderr


def test_a_batch_that_fails_its_expectations_stops_or_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "subjects.csv").write_text("subject_id,kind,role\nS1,enterprise,seller\n", encoding="utf-8")
    lines = "".join(f"T{i},S1,2020-01-{1 + i % 28:02d},1,CNY\n" for i in range(400))
    (folder / "transactions.csv").write_text(
        "transaction_id,subject_id,ordered_at,amount,currency\n" + lines, encoding="utf-8"
    )
    home = tmp_path / "home"
    arguments = ("nightly", "--path", str(folder), "--date", str(DAY), "--json")
    stopped = command(*arguments, home=home)
    assert stopped.returncode == 4, stopped.stderr
    assert "Nothing was merged" in stopped.stderr
    aside = command("check", "--on-fail", "quarantine", "--json", home=home)
    assert aside.returncode == 0, aside.stderr
    with open_warehouse(settings.load(home=home)) as con:
        assert con.execute("SELECT count(*) FROM canonical.transactions").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM quarantine.rows WHERE code = 'failed_expectations'").fetchall() == [
            (401,)
        ]


@pytest.mark.thorough
def test_killed_at_any_moment(
    sample: tuple[Path, dict[str, int]], graded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """kill -9 at many moments; after each, current is whole or absent; at the end one more run gives what was expected."""
    expected = digest(graded[0] / "published" / "current")
    chance = random.Random(7)
    # A worker that has everything imported forks a child a night: the kills then spread over the steps themselves. The
    # child tells its progress, so that a kill is aimed at a place in the night, however fast the machine is just then.
    child = """
import sys, great_expectations, os
from bisect import bisect_right
from datetime import date
from pathlib import Path
from credit import settings
from credit.disclosure import publishing
from credit.intake import checks
from credit.nightly import NightRun, run
sample, day = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
def say(event):
    os.write(1, f"{event}\\n".encode())
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        say(f"pid {os.getpid()}")
        run(NightRun(settings.load(home=line.strip()), day, path=sample), lambda *_: say("progress"))
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    say(f"end {status}")
"""
    worker = subprocess.Popen(
        [sys.executable, "-c", child, str(sample[0]), str(DAY)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert worker.stdin
    assert worker.stdout

    def night(home: Path, kill: tuple[int, float] | None = None) -> tuple[int, list[float]]:
        """Its status, and when it began and told of progress. `kill`: so many seconds after the so-manieth of these."""
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(f"{home}\n")
        worker.stdin.flush()
        pid, times = 0, list[float]()
        for line in worker.stdout:
            event, _, number = line.strip().partition(" ")
            times.append(time.perf_counter())
            if event == "pid":
                pid = int(number)
            if event == "end":
                return int(number), times
            if kill is not None and len(times) == kill[0] + 1:
                time.sleep(kill[1])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        raise AssertionError("the worker ended")

    status, times = night(tmp_path / "first")
    assert status == 0
    whole, tries = times, 0
    kills = trials(10, 30)
    for i in range(kills):
        # Five kills a home: a killed night is followed by killed nights.
        home = tmp_path / f"home-{i // 5}"
        if i % 5 == 0:
            whole = times
        killed = False
        while not killed:
            # A kill that came after the night's end proves nothing: aim again, by what was seen of such a night.
            tries += 1
            assert tries <= 2 * kills, f"only {i} kills came before the night's end"
            # What an earlier night finished is not done again, so later ones are shorter: kill them sooner.
            moment = (whole[-1] - whole[0]) * chance.random() * (1 if i % 5 < 2 else 0.3) + whole[0]
            place = bisect_right(whole, moment) - 1
            status, times = night(home, (place, moment - whole[place]))
            killed = status == signal.SIGKILL
            if not killed:
                assert status == 0
                whole = times
            current = home / "published" / "current"
            if current.exists():
                assert digest(current) == expected
        if i % 5 == 4:
            assert night(home)[0] == 0
            assert digest(current) == expected
            assert not [p.name for p in (home / "published" / "versions").iterdir() if p.name.startswith(".")]
            report = json.loads((home / "reports" / f"{DAY}.json").read_text(encoding="utf-8"))
            assert report["rows"] == graded[1]["rows"]
            assert report["sources"] == graded[1]["sources"]
    worker.stdin.close()
    worker.wait()

"""Verification: every way in which what a reader gets may not be what the platform published."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import InputError, UserError
from credit.proof import Keys, comparison, grade, reading, sign, verify
from credit.proof.reading import plain
from credit.proof.verify import verify_url
from credit.settings import Settings
from support.proof_version import as_version, entry
from support.signed_platform import (
    DAY,
    LATER,
    NOW,
    Platform,
    cases_of,
    first_match,
    invalid,
    judge,
    named,
    rated_case,
    worse,
)

pytestmark = pytest.mark.slow

KINDS = {
    "manifest": "manifest.json",
    "part": "manifest/*.json",
    "document": "merchants/*/*.json",
    "table": "bulk/grades.parquet",
    "rulebook": "rulebooks/*.yaml",
    "schema": "schema/*.json",
    "index": "index.json",
    "feed": "feed.json",
    "change": "feed/*.json",
    "root": "tuf/1.root.json",
    "second root": "tuf/2.root.json",
    "targets": "tuf/*.targets.json",
    "snapshot": "tuf/*.snapshot.json",
    "timestamp": "tuf/timestamp.json",
}


def test_a_signed_version_is_valid(platform: Platform, night: Path, tmp_path: Path) -> None:
    for folder in (night, platform.conf.published / "current"):
        verdict = judge(platform, folder, state=tmp_path / "state")
        assert (verdict.verdict, verdict.exit_code, verdict.problems) == ("valid", 0, [])
        assert verdict.files == sum(path.is_file() and "tuf" not in path.parts for path in night.rglob("*"))
        assert (verdict.evaluated_on, verdict.development, verdict.root["version"]) == ("2026-11-24", False, 2)


@pytest.mark.thorough
def test_files_of_hard_links_are_not_read_again(
    platform: Platform, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = night.with_name("linked")
    shutil.copytree(night, linked, copy_function=os.link)
    changed = first_match(linked, "merchants/*/*.json")
    raw = changed.read_bytes()
    changed.unlink()
    changed.write_bytes(raw)
    read: list[str] = []
    digest = reading.Folder.digest
    monkeypatch.setattr(
        reading.Folder, "digest", lambda self, path, limit: [read.append(path), digest(self, path, limit)][1]
    )
    assert judge(platform, linked, same_as=night).verdict == "valid"
    assert {path for path in read if not path.startswith("feed/")} == {changed.relative_to(linked).as_posix()}
    changed.write_bytes(raw[:-1] + b" ")
    invalid(platform, linked, changed.relative_to(linked).as_posix(), same_as=night)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_found_and_named(platform: Platform, night: Path, kind: str) -> None:
    path = first_match(night, KINDS[kind])
    name, raw, chance = path.relative_to(night).as_posix(), path.read_bytes(), random.Random(kind)
    places = {0, len(raw) - 1, *(chance.randrange(len(raw)) for _ in range(15))}
    for place in places:
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        invalid(platform, night, name)
    path.write_bytes(raw)
    assert judge(platform, night).verdict == "valid"


def test_flipped_bits_anywhere_are_found_and_named(platform: Platform, night: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    paths = sorted(path for path in night.rglob("*") if path.is_file())
    state = tmp_path / "state"
    assert judge(platform, night, state=state).verdict == "valid"
    for path in chance.choices(paths, k=60):
        raw = path.read_bytes()
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        # A reader who has the good metadata already sees it as well.
        invalid(platform, night, path.relative_to(night).as_posix(), state=chance.choice([None, state]))
        path.write_bytes(raw)


@pytest.mark.parametrize("sign_of", ["upper case", "space", "second"])
def test_metadata_is_byte_for_byte_as_signed(platform: Platform, night: Path, sign_of: str) -> None:
    """What TUF itself overlooks, since it is not signed."""
    path = night / "tuf" / "timestamp.json"
    raw = path.read_bytes()
    value = json.loads(raw)
    signature = value["signatures"][0]["sig"]
    changed = {
        "upper case": raw.replace(signature.encode(), signature.upper().encode()),
        "space": raw + b"\n",
        "second": json.dumps(value | {"signatures": [*value["signatures"], {"keyid": "0" * 64, "sig": "00"}]}).encode(),
    }[sign_of]
    assert changed != raw
    path.write_bytes(changed)
    invalid(platform, night, "tuf/timestamp.json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named(platform: Platform, night: Path, kind: str) -> None:
    path = first_match(night, KINDS[kind])
    path.unlink()
    if kind == "second root":
        # Without it the nightly key of the first root is the one to go by, which has not signed this.
        assert judge(platform, night).verdict == "invalid"
    else:
        verdict = invalid(platform, night, path.relative_to(night).as_posix())
        assert "missing" in {problem.what for problem in verdict.problems}


@pytest.mark.parametrize(
    "name",
    ["new.html", "merchants/00/x.html", "merchants/x.json", "feed/000001.json", "feed/x", "tuf/x", "tuf/9.root.json",
     "tuf/9.targets.json", "tuf/.timestamp.json.partial", "manifest/zz.json", "assets/deep/er/x.js"],
)  # fmt: skip
def test_a_file_that_is_not_listed_is_named(platform: Platform, night: Path, name: str) -> None:
    (night / name).parent.mkdir(parents=True, exist_ok=True)
    (night / name).write_text("{}")
    invalid(platform, night, name)


def test_names_are_harmless_to_print(platform: Platform, night: Path) -> None:
    for name in (b"\xff\xfe", b"[red]\x1b[2J\n"):
        (night / os.fsdecode(name)).write_text("x")
    result = CliRunner().invoke(
        app, ["verify", str(night), "--root", str(platform.first), "--state", str(night.parent / "s")]
    )
    assert result.exit_code == 6
    assert "\\xff\\xfe" in result.stdout
    assert "[red]\\u001b[2J\\u000a" in result.stdout
    assert "\x1b" not in result.stdout


def test_links_and_pipes_are_refused(platform: Platform, night: Path, tmp_path: Path) -> None:
    path = first_match(night, "merchants/*/*.json")
    name = path.relative_to(night).as_posix()
    moved = tmp_path / "same content"
    path.rename(moved)
    path.symlink_to(moved)
    assert "symbolic link" in invalid(platform, night, name).message
    path.unlink()
    os.mkfifo(path)
    assert "not a file" in invalid(platform, night, name).message
    path.unlink()
    moved.rename(path)
    assert judge(platform, night).verdict == "valid"
    (night / "tuf").rename(tmp_path / "tuf")
    (night / "tuf").symlink_to(tmp_path / "tuf")
    invalid(platform, night, "tuf")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a\\x", "..", ".", "", "a//b", "a/", "c:x", "merchants/00/x.json",
             "tuf/x", "manifest.json", "feed/1.json", "a\nb"],
)  # fmt: skip
def test_a_signed_manifest_cannot_lead_out_of_its_place(platform: Platform, night: Path, path: str) -> None:
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["files"][path] = manifest["files"]["index.json"]
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    verdict = invalid(platform, night, "manifest.json")
    assert repr(path) in verdict.message


@pytest.mark.parametrize("wrong", [lambda n: n + 1, lambda n: n - 1, lambda _: None, float, str])
def test_a_part_lists_as_many_files_as_the_manifest_says(
    platform: Platform, night: Path, wrong: Callable[[int], Any]
) -> None:
    manifest = json.loads((night / "manifest.json").read_bytes())
    name, part = next(iter(manifest["parts"].items()))
    part["files"] = wrong(part["files"])
    (night / "manifest.json").write_text(json.dumps(manifest))
    (night / name.replace("manifest", "merchants").replace(".json", "/more.json")).write_text("{}")
    sign(night, platform.conf.published, platform.keys, NOW)
    verdict = invalid(platform, night, "manifest.json")
    assert f"says that {name} lists {part['files']!r} files" in verdict.problems[0].message
    assert [problem.what for problem in verdict.problems] == ["form", "not_listed"]
    with served(night) as url:
        remote = verify_url(url, platform.trust, None, NOW, everything=True)
    assert named(remote) == {"manifest.json"}


def test_a_part_is_an_object(platform: Platform, night: Path) -> None:
    part = first_match(night, "manifest/*.json")
    part.write_text("[]")
    shutil.rmtree(night / "merchants" / part.stem)
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["parts"][f"manifest/{part.name}"] = entry(part) | {"files": 0}
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    invalid(platform, night, f"manifest/{part.name}")


def test_a_part_speaks_for_its_own_folder_alone(platform: Platform, night: Path) -> None:
    part = first_match(night, "manifest/*.json")
    part.write_text(json.dumps({"merchants/../index.json": {"bytes": 1, "sha256": "0" * 64}}))
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["parts"][f"manifest/{part.name}"] = entry(part)
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    invalid(platform, night, f"manifest/{part.name}")


@pytest.mark.parametrize("name", ["timestamp", "snapshot", "targets", "1.root", "2.root"])
@pytest.mark.parametrize("damage", ["empty", "half", "not json", "deep", "endless", "list", "other"])
def test_metadata_that_is_no_metadata(platform: Platform, night: Path, name: str, damage: str) -> None:
    path = first_match(night, f"tuf/*{name}.json")
    raw = path.read_bytes()
    if damage == "endless":
        with path.open("r+b") as file:
            file.truncate(1 << 36)
    else:
        path.write_bytes(
            {"empty": b"", "half": raw[: len(raw) // 2], "not json": b"\xff" * 10, "deep": b"[" * 10_000, "list": b"[]",
             "other": (night / "manifest.json").read_bytes()}[damage]
        )  # fmt: skip
    invalid(platform, night, path.relative_to(night).as_posix())


def test_an_old_version_served_as_new_is_older_than_seen(
    platform: Platform, night: Path, content: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    assert judge(platform, newer, LATER, state=state).verdict == "valid"
    verdict = judge(platform, night, LATER, state=state)
    assert (verdict.verdict, verdict.exit_code) == ("older_than_seen", 8)
    assert verdict.metadata["seen"] > verdict.metadata["version"] > 0
    # Whether it has ended makes no difference, nor whether it is damaged besides.
    (night / "index.json").write_text("x")
    assert judge(platform, night, LATER + timedelta(days=9), state=state).verdict == "older_than_seen"
    # It is remembered for this root of trust, and does not spoil the newer one.
    assert judge(platform, newer, LATER, state=state).verdict == "valid"
    # Rolled back by the platform itself it is signed anew, as one more change.
    shutil.copy(content / "index.json", night / "index.json")
    shutil.rmtree(night / "feed")
    as_version(night, DAY.isoformat(), sequence=(DAY + timedelta(days=2)).toordinal())
    sign(night, platform.conf.published, platform.keys, LATER)
    assert judge(platform, night, LATER, state=state).verdict == "valid"


def test_without_memory_an_old_version_is_stale_soon(platform: Platform, night: Path) -> None:
    assert judge(platform, night, NOW + timedelta(days=1, hours=23)).verdict == "valid"
    verdict = judge(platform, night, NOW + timedelta(days=2))
    assert (verdict.verdict, verdict.exit_code) == ("stale", 7)
    assert "2026-11-26" in verdict.message


@pytest.mark.parametrize("days", [2, 8, 400])
def test_a_feed_that_has_stopped_is_stale(platform: Platform, night: Path, tmp_path: Path, days: int) -> None:
    state = tmp_path / "state"
    assert judge(platform, night, state=state).verdict == "valid"
    verdict = judge(platform, night, NOW + timedelta(days=days), state=state)
    assert verdict.verdict == "stale"
    assert verdict.files > 0  # all is as signed, which was looked at
    (night / "index.json").write_text("x")
    invalid(platform, night, "index.json", NOW + timedelta(days=days), state=state)


def test_files_of_two_nights(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    path = first_match(newer, "merchants/*/*.json").relative_to(newer).as_posix()
    shutil.copy(night / path, newer / path)
    verdict = invalid(platform, newer, path, LATER)
    assert named(verdict) == {path}
    assert "two nights" in verdict.message
    # The manifest of one night in the other.
    shutil.copy(newer / path, night / path)
    shutil.copy(newer / "manifest.json", night / "manifest.json")
    invalid(platform, night, "manifest.json", LATER)


@pytest.mark.parametrize("name", ["snapshot", "targets"])
@pytest.mark.parametrize("renamed", [False, True])
def test_metadata_of_two_nights(platform: Platform, night: Path, content: Path, name: str, renamed: bool) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    newer_file, older_file = first_match(newer, f"tuf/*.{name}.json"), first_match(night, f"tuf/*.{name}.json")
    newer_file.unlink()
    shutil.copy(older_file, newer_file if renamed else newer / "tuf" / older_file.name)
    verdict = invalid(platform, newer, f"tuf/{newer_file.name}", LATER)
    assert "two nights" in verdict.message


def test_the_feed_of_another_night(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    shutil.copy(night / "feed.json", newer / "feed.json")
    invalid(platform, newer, "feed.json", LATER)


class QuietHandler(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@contextmanager
def served(folder: Path, handler: type[QuietHandler] = QuietHandler) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_over_http(platform: Platform, night: Path, tmp_path: Path) -> None:
    path = first_match(night, "merchants/*/*.json")
    subject_id = json.loads(path.read_bytes())["subject"]["subject_id"]
    with served(platform.conf.published) as url:
        look = partial(verify_url, f"{url}current", platform.trust, tmp_path / "state", NOW)
        QuietHandler.asked.clear()
        assert look().verdict == "valid"
        assert not any("merchants" in asked for asked in QuietHandler.asked)
        assert look(merchant=subject_id).merchant == judge(platform, night, merchant=subject_id).merchant
        assert look(everything=True).files == judge(platform, night).files
        assert verify_url(f"{url}current/", platform.trust, None, NOW + timedelta(days=3)).verdict == "stale"
        raw = path.read_bytes()
        path.write_bytes(raw[:-9] + b"x" * 9)
        assert look().verdict == "valid"
        for options in ({"merchant": subject_id}, {"everything": True}):
            assert path.relative_to(night).as_posix() in named(look(**options))
        path.write_bytes(raw + b"x" * 99)
        assert {p.what for p in look(merchant=subject_id).problems} == {"length"}
        path.unlink()
        assert {p.what for p in look(everything=True).problems} == {"missing"}
        (night / "tuf" / "timestamp.json").unlink()
        assert named(look()) == {"tuf/timestamp.json"}
    with pytest.raises(InputError, match="cannot be read"):
        look()


def test_a_server_that_never_ends_or_fails(platform: Platform, night: Path) -> None:
    class Endless(QuietHandler):
        def do_GET(self) -> None:
            if not self.path.endswith("timestamp.json"):
                return super().do_GET()
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                return None

    class Failing(QuietHandler):
        def do_GET(self) -> None:
            self.send_error(500)

    with served(night, Endless) as url:
        verdict = verify_url(url, platform.trust, None, NOW)
        assert (verdict.verdict, named(verdict)) == ("invalid", {"tuf/timestamp.json"})
    with served(night, Failing) as url, pytest.raises(InputError, match="500"):
        verify_url(url, platform.trust, None, NOW)


def test_a_version_switched_while_it_is_read(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), NOW + timedelta(seconds=5))
    link = platform.conf.published / "current"

    def to(folder: Path) -> None:
        other = link.with_name("next")
        other.symlink_to(folder)
        other.replace(link)

    class Switching(QuietHandler):
        def do_GET(self) -> None:
            super().do_GET()
            if self.path.endswith("timestamp.json"):
                to(newer)

    to(night)
    with served(platform.conf.published, Switching) as url:
        verdict = verify_url(f"{url}current/", platform.trust, None, NOW)
    assert (verdict.verdict, verdict.evaluated_on) == ("valid", "2026-11-25")


def test_names_with_percent_signs_over_http(platform: Platform, content: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    shutil.copytree(content, odd)
    document = json.loads(first_match(odd, "merchants/*/*.json").read_bytes())
    document["subject"]["subject_id"] = "商 家/../%2E.x"
    path = odd / grade.paths("商 家/../%2E.x")[0]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    (odd / grade.TABLE).unlink()  # it does not know this one
    platform.publish(odd, DAY, NOW)
    with served(platform.current) as url:
        verdict = verify_url(url, platform.trust, None, NOW, merchant="商 家/../%2E.x", everything=True)
    assert (verdict.verdict, verdict.merchant and verdict.merchant["follows"]) == ("valid", True)


@pytest.mark.parametrize(
    ("place", "value"),
    [("figures", []), ("vetoes", [[]]), ("evidence", None), ("elements", [{}]), ("rulebook", []), ("rulebook", {"path": []})],
)  # fmt: skip
def test_a_malformed_document_is_invalid(platform: Platform, content: Path, place: str, value: Any) -> None:
    night = platform.publish(content, DAY, NOW)
    document = next(d for d, *_ in cases_of(content) if d["not_rated_reason"])
    path = grade.paths(document["subject"]["subject_id"])[0]
    (night / path).write_text(json.dumps(document | {place: value}))
    as_version(night, DAY.isoformat(), DAY.toordinal())
    sign(night, platform.conf.published, platform.keys, NOW)
    invalid(platform, night, path, merchant=document["subject"]["subject_id"])


def test_the_table_of_grades_may_be_long(
    platform: Platform, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject_id = rated_case(content)[0]["subject"]["subject_id"]
    long = tmp_path / "long"
    shutil.copytree(content, long)
    table = pq.read_table(long / grade.TABLE)
    pad = pa.array([random.Random(i).randbytes(50_000) for i in range(table.num_rows)])
    pq.write_table(table.append_column("pad", pad), long / grade.TABLE)
    night = platform.publish(long, DAY, NOW)
    size = (night / grade.TABLE).stat().st_size
    monkeypatch.setattr(comparison, "MAX_MANIFEST", size - 1)
    verdict = judge(platform, night, merchant=subject_id)
    assert (verdict.verdict, verdict.problems) == ("valid", [])
    assert verdict.merchant is not None
    assert any(step["en"] == grade.TABLE and step["ok"] for step in verdict.merchant["steps"])
    monkeypatch.setattr(verify, "MAX_TABLE", size - 1)
    verdict = invalid(platform, night, grade.TABLE, merchant=subject_id)
    assert f"has {size} bytes; more than {size - 1} are not read" in verdict.message


def test_a_grade_that_does_not_follow_is_invalid_though_signed(
    platform: Platform, content: Path, tmp_path: Path
) -> None:
    document, _, _ = rated_case(content)
    subject_id = document["subject"]["subject_id"]
    night = platform.publish(content, DAY, NOW)
    verdict = judge(platform, night, merchant=subject_id)
    assert (verdict.verdict, verdict.merchant and verdict.merchant["grade"]) == ("valid", document["grade"])
    path = night / grade.paths(subject_id)[0]
    worse(document, b"")
    path.write_text(json.dumps(document), encoding="utf-8")
    as_version(night, DAY.isoformat(), DAY.toordinal())
    sign(night, platform.conf.published, platform.keys, NOW)
    assert judge(platform, night).verdict == "valid"
    verdict = invalid(platform, night, path.relative_to(night).as_posix(), merchant=subject_id)
    assert "does not follow" in verdict.message
    with pytest.raises(UserError, match="no merchant 'nobody'"):
        judge(platform, night, merchant="nobody")


def test_exit_codes_and_json(platform: Platform, content: Path, tmp_path: Path) -> None:
    real = datetime.now(UTC).replace(microsecond=0)
    night = platform.publish(content, DAY, real - timedelta(minutes=3))
    newer = platform.publish(content, DAY + timedelta(days=1), real)
    stopped = platform.publish(content, DAY - timedelta(days=9), real - timedelta(days=9))

    def run(folder: Path, state: str = "state") -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(
            app, ["verify", str(folder), "--root", str(platform.first), "--state", str(tmp_path / state), "--json"]
        )
        assert "Traceback" not in result.output
        return result.exit_code, json.loads(result.stdout)

    for folder, state, code, name in (
        (newer, "state", 0, "valid"),
        (night, "state", 8, "older_than_seen"),
        (stopped, "fresh", 7, "stale"),
    ):
        exit_code, report = run(folder, state)
        assert (exit_code, report["verdict"]) == (code, name)
    (newer / "index.json").write_text("x")
    exit_code, report = run(newer)
    assert (exit_code, report["verdict"], report["problems"][0]["file"]) == (6, "invalid", "index.json")
    result = CliRunner().invoke(
        app, ["verify", str(newer), "--root", str(platform.first), "--state", str(tmp_path / "s")]
    )
    assert "invalid 无效" in result.stdout
    assert "index.json" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://127.0.0.1:9/"], "--root is needed for a URL"),
        (["nowhere"], "not a folder"),
        (["nowhere", "--root", "no-root.json"], "cannot be read"),
    ],
)
def test_what_verify_cannot_do(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        CliRunner().invoke(app, ["verify", *arguments], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    "hostile", ["[/foo]", "\x1b]0;owned\x07\x1b[2J\u009b2J", "[red]\ud800\u202e", ["[/foo]\x1b"], None]
)
def test_what_a_hostile_folder_says_is_harmless(tmp_path: Path, content: Path, hostile: Any) -> None:
    """A folder that trusts itself is anybody's."""
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    folder = conf.published / "versions" / "a"
    shutil.copytree(content, folder)
    document, _, _ = rated_case(content)
    subject_id = document["subject"]["subject_id"]
    document["grade"] = document["rulebook"]["version"] = document["elements"][0]["name_zh"] = hostile
    (folder / grade.paths(subject_id)[0]).write_text(json.dumps(document))
    as_version(folder, hostile if isinstance(hostile, str) else DAY.isoformat())
    sign(folder, conf.published, Keys.load(conf), datetime.now(UTC))
    for more in ([], ["--json"]):
        arguments = ["verify", str(folder), "--merchant", subject_id, "--state", str(tmp_path / "s"), *more]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 6, result.exception
        assert "does not follow" in result.stdout
        assert not set("\x1b\x07\u009b\u202e") & set(result.stdout)
    assert isinstance(hostile, list) or hostile is None or plain(hostile) in json.loads(result.stdout)["evaluated_on"]

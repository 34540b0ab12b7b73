"""Proof: keys, signing, and every way in which what a reader gets may not be what the platform published."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import serialization
from tuf.api.metadata import Metadata
from typer.testing import CliRunner

from credit.cli.main import app
from credit.disclosure.publishing import publish
from credit.errors import InputError, UserError
from credit.evaluation import night as evaluation
from credit.files import durable
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.proof import Keys, grade, keys, listed, reading, sign, signing, verify
from credit.proof.reading import plain
from credit.proof.verify import Verdict, verify_folder, verify_url
from credit.settings import Settings
from credit.synthetic import delivery
from support.places import ROOT
from support.proof_version import as_version, entry

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
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


@dataclass
class Platform:
    """A home with real keys and versions that it has signed; `usb` holds the root key."""

    conf: Settings
    usb: Path
    first: Path

    @property
    def keys(self) -> Keys:
        return Keys.load(self.conf)

    @property
    def trust(self) -> bytes:
        return self.first.read_bytes()

    @property
    def current(self) -> Path:
        return (self.conf.published / "current").resolve()

    def publish(self, content: Path, day: date, now: datetime, signer: Keys | None = None) -> Path:
        """A new version with a document that only it has, signed and switched to."""
        folder = self.conf.published / "versions" / f"{day}-{now:%H%M%S}"
        shutil.copytree(content, folder)
        for path in folder.glob("merchants/*/*.json"):
            document = json.loads(path.read_bytes())
            path.write_text(json.dumps(document | {"evaluated_on": day.isoformat()}), encoding="utf-8")
        as_version(folder, day.isoformat(), sequence=day.toordinal())
        sign(folder, self.conf.published, signer or self.keys, now)
        link = self.conf.published / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        return folder


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published files of a small synthetic marketplace, without lists and signatures; do not change it."""
    base = tmp_path_factory.mktemp("proof")
    delivery.write(base / "sample", merchants=24, transactions=2_000, seed=3, end=DAY)
    conf = Settings(home=base / "home", threads=1, memory_limit="512MB")
    with open_warehouse(conf) as con:
        merging.accept(con, landing.land(con, conf, "canonical", base / "sample", DAY).batch_id)
        evaluation.evaluate(con, conf, DAY)
        shutil.copytree(publish(con, conf, DAY).path, base / "content")
    for name in ("manifest", "feed", "tuf"):
        shutil.rmtree(base / "content" / name, ignore_errors=True)
        (base / "content" / f"{name}.json").unlink(missing_ok=True)
    return base / "content"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    keys.init(conf, tmp_path / "usb", NOW)
    first = tmp_path / "root.json"
    shutil.copy(conf.home / "keys" / "root.json", first)
    return Platform(conf, tmp_path / "usb", first)


@pytest.fixture
def night(platform: Platform, content: Path) -> Path:
    """The version of DAY, by keys that were rotated once."""
    keys.rotate(platform.conf, platform.usb, NOW)
    return platform.publish(content, DAY, NOW)


def _named(verdict: Verdict) -> set[str]:
    return {problem.file for problem in verdict.problems}


def _judge(platform: Platform, folder: Path, now: datetime = NOW, **options: Any) -> Verdict:
    return verify_folder(folder, platform.trust, options.pop("state", None), now, **options)


def _invalid(platform: Platform, folder: Path, named: str, now: datetime = NOW, **options: Any) -> Verdict:
    """The verdict, which must be invalid and name this file."""
    verdict = _judge(platform, folder, now, **options)
    assert verdict.verdict == "invalid", verdict
    assert verdict.exit_code == 6
    assert named in _named(verdict), verdict.problems
    return verdict


def _one(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


# --- what is signed is valid -------------------------------------------------------------------------------------


def test_a_signed_version_is_valid(platform: Platform, night: Path, tmp_path: Path) -> None:
    for folder in (night, platform.conf.published / "current"):
        verdict = _judge(platform, folder, state=tmp_path / "state")
        assert (verdict.verdict, verdict.exit_code, verdict.problems) == ("valid", 0, [])
        assert verdict.files == sum(path.is_file() and "tuf" not in path.parts for path in night.rglob("*"))
        assert (verdict.evaluated_on, verdict.development, verdict.root["version"]) == ("2026-11-24", False, 2)


def test_targets_are_the_manifest_and_the_feed(night: Path) -> None:
    targets: Any = Metadata.from_file(str(_one(night, "tuf/*.targets.json"))).signed
    assert set(targets.targets) == {"manifest.json", "feed.json"}
    for name, target in targets.targets.items():
        with (night / name).open("rb") as file:
            target.verify_length_and_hashes(file)


def test_a_later_root_of_trust_will_do(platform: Platform, night: Path) -> None:
    assert verify_folder(night, platform.keys.roots[1], None, NOW).verdict == "valid"


def test_numbers_rise_over_all_versions(platform: Platform, content: Path, night: Path) -> None:
    numbers = [signing._number(night / "tuf")]
    for now in (NOW, NOW - timedelta(days=30), LATER):
        sign(night, platform.conf.published, platform.keys, now)
        numbers.append(signing._number(night / "tuf"))
    assert numbers == sorted(set(numbers))
    (platform.keys.folder / "version").unlink()
    sign(platform.publish(content, DAY, NOW + timedelta(seconds=1)), platform.conf.published, platform.keys, NOW)
    assert signing._number(platform.current / "tuf") > numbers[-1]
    # Restored without counter and versions: time itself has gone on.
    (platform.keys.folder / "version").unlink()
    shutil.rmtree(platform.conf.published)
    again = platform.publish(content, DAY, NOW + timedelta(days=60))
    assert signing._number(again / "tuf") > numbers[-1]


def test_files_of_hard_links_are_not_read_again(
    platform: Platform, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = night.with_name("linked")
    shutil.copytree(night, linked, copy_function=os.link)
    changed = _one(linked, "merchants/*/*.json")
    raw = changed.read_bytes()
    changed.unlink()
    changed.write_bytes(raw)
    read: list[str] = []
    digest = reading.Folder.digest
    monkeypatch.setattr(
        reading.Folder, "digest", lambda self, path, limit: [read.append(path), digest(self, path, limit)][1]
    )
    assert _judge(platform, linked, same_as=night).verdict == "valid"
    assert {path for path in read if not path.startswith("feed/")} == {changed.relative_to(linked).as_posix()}
    changed.write_bytes(raw[:-1] + b" ")
    _invalid(platform, linked, changed.relative_to(linked).as_posix(), same_as=night)


# --- changed, missing, added -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_found_and_named(platform: Platform, night: Path, kind: str) -> None:
    path = _one(night, KINDS[kind])
    name, raw, chance = path.relative_to(night).as_posix(), path.read_bytes(), random.Random(kind)
    places = {0, len(raw) - 1, *(chance.randrange(len(raw)) for _ in range(15))}
    for place in places:
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        _invalid(platform, night, name)
    path.write_bytes(raw)
    assert _judge(platform, night).verdict == "valid"


def test_flipped_bits_anywhere_are_found_and_named(platform: Platform, night: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    paths = sorted(path for path in night.rglob("*") if path.is_file())
    state = tmp_path / "state"
    assert _judge(platform, night, state=state).verdict == "valid"
    for path in chance.choices(paths, k=60):
        raw = path.read_bytes()
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        # A reader who has the good metadata already sees it as well.
        _invalid(platform, night, path.relative_to(night).as_posix(), state=chance.choice([None, state]))
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
    _invalid(platform, night, "tuf/timestamp.json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named(platform: Platform, night: Path, kind: str) -> None:
    path = _one(night, KINDS[kind])
    path.unlink()
    if kind == "second root":
        # Without it the nightly key of the first root is the one to go by, which has not signed this.
        assert _judge(platform, night).verdict == "invalid"
    else:
        verdict = _invalid(platform, night, path.relative_to(night).as_posix())
        assert "missing" in {problem.what for problem in verdict.problems}


@pytest.mark.parametrize(
    "name",
    ["new.html", "merchants/00/x.html", "merchants/x.json", "feed/000001.json", "feed/x", "tuf/x", "tuf/9.root.json",
     "tuf/9.targets.json", "tuf/.timestamp.json.partial", "manifest/zz.json", "assets/deep/er/x.js"],
)  # fmt: skip
def test_a_file_that_is_not_listed_is_named(platform: Platform, night: Path, name: str) -> None:
    (night / name).parent.mkdir(parents=True, exist_ok=True)
    (night / name).write_text("{}")
    _invalid(platform, night, name)


def test_names_are_harmless_to_print(platform: Platform, night: Path) -> None:
    for name in (b"\xff\xfe", b"[red]\x1b[2J\n"):
        (night / os.fsdecode(name)).write_text("x")
    done = CliRunner().invoke(
        app, ["verify", str(night), "--root", str(platform.first), "--state", str(night.parent / "s")]
    )
    assert done.exit_code == 6
    assert "\\xff\\xfe" in done.stdout
    assert "[red]\\u001b[2J\\u000a" in done.stdout
    assert "\x1b" not in done.stdout


def test_links_and_pipes_are_refused(platform: Platform, night: Path, tmp_path: Path) -> None:
    path = _one(night, "merchants/*/*.json")
    name = path.relative_to(night).as_posix()
    moved = tmp_path / "same content"
    path.rename(moved)
    path.symlink_to(moved)
    assert "symbolic link" in _invalid(platform, night, name).message
    path.unlink()
    os.mkfifo(path)
    assert "not a file" in _invalid(platform, night, name).message
    path.unlink()
    moved.rename(path)
    assert _judge(platform, night).verdict == "valid"
    (night / "tuf").rename(tmp_path / "tuf")
    (night / "tuf").symlink_to(tmp_path / "tuf")
    _invalid(platform, night, "tuf")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a\\x", "..", ".", "", "a//b", "a/", "c:x", "merchants/00/x.json",
             "tuf/x", "manifest.json", "feed/1.json", "a\nb"],
)  # fmt: skip
def test_a_signed_manifest_cannot_lead_out_of_its_place(platform: Platform, night: Path, path: str) -> None:
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["files"][path] = manifest["files"]["index.json"]
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    verdict = _invalid(platform, night, "manifest.json")
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
    verdict = _invalid(platform, night, "manifest.json")
    assert f"says that {name} lists {part['files']!r} files" in verdict.problems[0].message
    assert [problem.what for problem in verdict.problems] == ["form", "not_listed"]
    with _served(night) as url:
        served = verify_url(url, platform.trust, None, NOW, everything=True)
    assert _named(served) == {"manifest.json"}


def test_a_part_is_an_object(platform: Platform, night: Path) -> None:
    part = _one(night, "manifest/*.json")
    part.write_text("[]")
    shutil.rmtree(night / "merchants" / part.stem)
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["parts"][f"manifest/{part.name}"] = entry(part) | {"files": 0}
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    _invalid(platform, night, f"manifest/{part.name}")


def test_a_part_speaks_for_its_own_folder_alone(platform: Platform, night: Path) -> None:
    part = _one(night, "manifest/*.json")
    part.write_text(json.dumps({"merchants/../index.json": {"bytes": 1, "sha256": "0" * 64}}))
    manifest = json.loads((night / "manifest.json").read_bytes())
    manifest["parts"][f"manifest/{part.name}"] = entry(part)
    (night / "manifest.json").write_text(json.dumps(manifest))
    sign(night, platform.conf.published, platform.keys, NOW)
    _invalid(platform, night, f"manifest/{part.name}")


@pytest.mark.parametrize("name", ["timestamp", "snapshot", "targets", "1.root", "2.root"])
@pytest.mark.parametrize("damage", ["empty", "half", "not json", "deep", "endless", "list", "other"])
def test_metadata_that_is_no_metadata(platform: Platform, night: Path, name: str, damage: str) -> None:
    path = _one(night, f"tuf/*{name}.json")
    raw = path.read_bytes()
    if damage == "endless":
        with path.open("r+b") as file:
            file.truncate(1 << 36)
    else:
        path.write_bytes(
            {"empty": b"", "half": raw[: len(raw) // 2], "not json": b"\xff" * 10, "deep": b"[" * 10_000, "list": b"[]",
             "other": (night / "manifest.json").read_bytes()}[damage]
        )  # fmt: skip
    _invalid(platform, night, path.relative_to(night).as_posix())


# --- old, held back, mixed ---------------------------------------------------------------------------------------


def test_an_old_version_served_as_new_is_older_than_seen(
    platform: Platform, night: Path, content: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    assert _judge(platform, newer, LATER, state=state).verdict == "valid"
    verdict = _judge(platform, night, LATER, state=state)
    assert (verdict.verdict, verdict.exit_code) == ("older_than_seen", 8)
    assert verdict.metadata["seen"] > verdict.metadata["version"] > 0
    # Whether it has ended makes no difference, nor whether it is damaged besides.
    (night / "index.json").write_text("x")
    assert _judge(platform, night, LATER + timedelta(days=9), state=state).verdict == "older_than_seen"
    # It is remembered for this root of trust, and does not spoil the newer one.
    assert _judge(platform, newer, LATER, state=state).verdict == "valid"
    # Rolled back by the platform itself it is signed anew.
    shutil.copy(content / "index.json", night / "index.json")
    sign(night, platform.conf.published, platform.keys, LATER)
    assert _judge(platform, night, LATER, state=state).verdict == "valid"


def test_without_memory_an_old_version_is_stale_soon(platform: Platform, night: Path) -> None:
    assert _judge(platform, night, NOW + timedelta(days=1, hours=23)).verdict == "valid"
    verdict = _judge(platform, night, NOW + timedelta(days=2))
    assert (verdict.verdict, verdict.exit_code) == ("stale", 7)
    assert "2026-11-26" in verdict.message


@pytest.mark.parametrize("days", [2, 8, 400])
def test_a_feed_that_has_stopped_is_stale(platform: Platform, night: Path, tmp_path: Path, days: int) -> None:
    state = tmp_path / "state"
    assert _judge(platform, night, state=state).verdict == "valid"
    verdict = _judge(platform, night, NOW + timedelta(days=days), state=state)
    assert verdict.verdict == "stale"
    assert verdict.files > 0  # all is as signed, which was looked at
    (night / "index.json").write_text("x")
    _invalid(platform, night, "index.json", NOW + timedelta(days=days), state=state)


def test_the_end_of_the_timestamp_is_a_setting(platform: Platform, night: Path) -> None:
    conf = platform.conf.model_copy(update={"proof_timestamp_days": 5})
    sign(night, conf.published, Keys.load(conf), NOW)
    assert _judge(platform, night, NOW + timedelta(days=4)).verdict == "valid"
    assert _judge(platform, night, NOW + timedelta(days=5)).verdict == "stale"


def test_files_of_two_nights(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    path = _one(newer, "merchants/*/*.json").relative_to(newer).as_posix()
    shutil.copy(night / path, newer / path)
    verdict = _invalid(platform, newer, path, LATER)
    assert _named(verdict) == {path}
    assert "two nights" in verdict.message
    # The manifest of one night in the other.
    shutil.copy(newer / path, night / path)
    shutil.copy(newer / "manifest.json", night / "manifest.json")
    _invalid(platform, night, "manifest.json", LATER)


@pytest.mark.parametrize("name", ["snapshot", "targets"])
@pytest.mark.parametrize("renamed", [False, True])
def test_metadata_of_two_nights(platform: Platform, night: Path, content: Path, name: str, renamed: bool) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    new, old = _one(newer, f"tuf/*.{name}.json"), _one(night, f"tuf/*.{name}.json")
    new.unlink()
    shutil.copy(old, new if renamed else newer / "tuf" / old.name)
    verdict = _invalid(platform, newer, f"tuf/{new.name}", LATER)
    assert "two nights" in verdict.message


def test_the_feed_of_another_night(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    shutil.copy(night / "feed.json", newer / "feed.json")
    _invalid(platform, newer, "feed.json", LATER)


# --- keys --------------------------------------------------------------------------------------------------------


def _forged(platform: Platform, stolen: Keys, folder: Path, now: datetime, **changes: Any) -> None:
    """What an attacker with the nightly key can do: change a file and sign it all."""
    roots = {path.name: path.read_bytes() for path in folder.glob("tuf/*.root.json")}
    (folder / "index.json").write_text("forged")
    as_version(folder, "2026-11-25")
    elsewhere = folder.parent / ".attacker"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "version").write_text("90000000")
    sign(folder, elsewhere, replace(stolen, folder=elsewhere, retired=(), **changes), now)
    for name, raw in roots.items():
        (folder / "tuf" / name).write_bytes(raw)


def test_a_revoked_key_is_refused(platform: Platform, content: Path, tmp_path: Path) -> None:
    stolen = platform.keys
    night = platform.publish(content, DAY, NOW)
    seen, unseen = tmp_path / "seen", tmp_path / "unseen"
    assert _judge(platform, night, state=unseen).verdict == "valid"
    keys.rotate(platform.conf, platform.usb, NOW, revoked="stolen")
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    assert _judge(platform, newer, LATER, state=seen).verdict == "valid"
    copy = tmp_path / "copy"
    shutil.copytree(newer, copy)
    _forged(platform, stolen, copy, LATER)
    for state in (seen, unseen, None):  # has seen root 2; has seen root 1; starts from root 1 and can reach 2
        verdict = _invalid(platform, copy, "tuf/timestamp.json", LATER, state=state)
        assert "revoked on 2026-11-24: stolen" in verdict.message
    # Root 2 withheld: whoever has seen it is not fooled.
    _forged(platform, stolen, night, LATER)
    assert "revoked" in _invalid(platform, night, "tuf/timestamp.json", LATER, state=seen).message


def test_a_replaced_key_is_refused(platform: Platform, content: Path, tmp_path: Path) -> None:
    old = platform.keys
    keys.rotate(platform.conf, platform.usb, NOW)
    night = platform.publish(content, DAY, NOW)
    _forged(platform, old, night, NOW)
    assert "replaced" in _invalid(platform, night, "tuf/timestamp.json").message


def test_the_nightly_key_cannot_change_the_root(platform: Platform, night: Path, tmp_path: Path) -> None:
    thief = platform.keys
    false: Any = Metadata.from_bytes(thief.roots[-1])
    false.signed.version = 3
    false.signatures.clear()
    false.sign(thief.nightly, append=True)
    (night / "tuf" / "3.root.json").write_bytes(false.to_bytes())
    _invalid(platform, night, "tuf/3.root.json")


def test_another_root_of_trust_is_not_ours(platform: Platform, night: Path, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    other.home.mkdir()
    trust = keys.init(other, tmp_path / "usb2", NOW).roots[0]
    verdict = verify_folder(night, trust, None, NOW)
    assert verdict.verdict == "invalid"
    with pytest.raises(UserError, match="no TUF root metadata"):
        verify_folder(night, b"{}", None, NOW)


def test_rotation_while_readers_read(platform: Platform, content: Path, tmp_path: Path) -> None:
    """Every state that a signing leaves, were it killed there, is valid to a reader."""
    stages = {"first": lambda: None, "rotated": lambda: keys.rotate(platform.conf, platform.usb, NOW),
              "twice": lambda: [keys.rotate(platform.conf, platform.usb, NOW) for _ in range(2)],
              "root key": lambda: keys.rotate(platform.conf, platform.usb, NOW, new_root=True)}  # fmt: skip
    folder = platform.publish(content, DAY, NOW)
    for stage, change in stages.items():
        change()
        for step in range(1, 99):
            done = _killed_at(step, partial(sign, folder, platform.conf.published, platform.keys, NOW))
            verdict = _judge(platform, folder, state=tmp_path / "state")
            assert verdict.verdict == "valid", (stage, step, verdict)
            if done:
                break
        assert step > 3
        assert verdict.root["version"] == len(platform.keys.roots)
    assert len(list(platform.keys.folder.glob("nightly-*.pem"))) == 1  # retired ones are gone once nobody needs them
    assert len(list((folder / "tuf").glob("*.snapshot.json"))) <= 2


class _Killed(BaseException):
    pass


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work, killed before its nth change of a name. Whether it was done before."""
    left = step

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise _Killed
            return real(*args, **options)

        return change

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", counted(os.replace))
        patched.setattr(Path, "replace", counted(Path.replace))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        try:
            work()
        except _Killed:
            return False
    return True


def test_reading_while_it_is_signed_anew(platform: Platform, night: Path) -> None:
    """The verdict of a reader whose metadata are removed under him is that of the new ones."""
    real, times = reading.Folder.scan, 0

    def scan(self: Any, *given: Any) -> Any:
        nonlocal times
        found = real(self, *given)
        if times < 2:
            times += 1
            for _ in range(2):
                sign(night, platform.conf.published, platform.keys, NOW)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading.Folder, "scan", scan)
        assert _judge(platform, night).verdict == "valid"
    assert times == 2


def test_development_keys_say_so(tmp_path: Path, content: Path) -> None:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    made = Keys.load(conf)
    assert made.development
    assert Keys.load(conf).fingerprint == made.fingerprint
    folder = conf.published / "versions" / "a"
    shutil.copytree(content, folder)
    as_version(folder, DAY.isoformat())
    sign(folder, conf.published, made, datetime.now(UTC))
    root = json.loads((folder / "tuf" / "1.root.json").read_bytes())
    assert root["signed"]["x-merchant-credit"] == {"development": True}
    state = ["--state", str(tmp_path / "state")]
    found = CliRunner().invoke(app, ["verify", str(folder), "--json", *state])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["development"] is True
    assert json.loads(found.stdout)["trust"] == "itself"
    assert "trusts itself 自我信任" in found.stderr
    # Real keys take their place, as a new root of trust.
    real = keys.init(conf, tmp_path / "usb", datetime.now(UTC))
    assert not Keys.load(conf).development
    assert not list(real.folder.glob("root-*.pem"))
    sign(folder, conf.published, real, datetime.now(UTC))
    assert verify_folder(folder, real.roots[0], None).verdict == "valid"
    assert verify_folder(folder, made.roots[0], None).verdict == "invalid"
    with pytest.raises(UserError, match="--root is needed"):
        CliRunner().invoke(app, ["verify", str(folder), *state], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize("kept", ["", "\n", "12x", "\udcff"])
def test_a_damaged_counter_is_named(platform: Platform, night: Path, kept: str) -> None:
    counter = platform.keys.folder / "version"
    number = int(counter.read_text())
    counter.write_text(kept, errors="surrogateescape")
    with pytest.raises(UserError, match=re.escape(f"{counter} holds no number")):
        sign(night, platform.conf.published, platform.keys, NOW)
    counter.unlink()
    sign(night, platform.conf.published, platform.keys, NOW)
    assert int(counter.read_text()) == number + 1


def test_a_development_root_renews_itself_and_a_real_one_asks(tmp_path: Path, platform: Platform, night: Path) -> None:
    conf = Settings(home=tmp_path / "dev")
    conf.home.mkdir()
    Keys.load(conf, NOW)
    assert len(Keys.load(conf, NOW + timedelta(days=340)).roots) == 2
    assert platform.keys.notice(NOW) is None
    assert "keys rotate" in (platform.keys.notice(NOW + timedelta(days=340)) or "")
    with pytest.raises(UserError, match="keys rotate"):
        sign(night, platform.conf.published, platform.keys, NOW + timedelta(days=365))


def test_where_keys_may_be(platform: Platform, content: Path, tmp_path: Path) -> None:
    for folder in (platform.conf.home, platform.conf.published, platform.conf.home / "new" / ".." / "x"):
        with pytest.raises(UserError, match="lies in the home"):
            keys.rotate(platform.conf, folder, NOW)
    (tmp_path / "link").symlink_to(platform.conf.home)
    with pytest.raises(UserError, match="lies in the home"):
        keys.init(platform.conf, tmp_path / "link" / "keys", NOW, replace=True)
    with pytest.raises(UserError, match="keys rotate"):
        keys.init(platform.conf, tmp_path / "usb2", NOW)
    with pytest.raises(UserError, match="does not hold the root key"):
        keys.rotate(platform.conf, tmp_path / "empty", NOW)
    folder = platform.keys.folder
    modes = {path: path.stat().st_mode & 0o777 for path in (folder, *folder.glob("*.pem"), *platform.usb.glob("*.pem"))}
    assert set(modes.values()) == {0o700, 0o600}
    nightly = _one(folder, "nightly-*.pem")
    nightly.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        _ = platform.keys
    nightly.unlink()
    with pytest.raises(UserError, match="lacks the nightly key"):
        _ = platform.keys


def test_a_disk_that_cannot_be_written(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(durable, "put", full)
    with pytest.raises(UserError, match="No space left"):
        keys.rotate(platform.conf, platform.usb, NOW)
    monkeypatch.undo()
    assert len(platform.keys.roots) == 1  # as before


def test_lost_keys_do_not_become_development_keys(platform: Platform, night: Path) -> None:
    shutil.rmtree(platform.keys.folder)
    with pytest.raises(UserError, match="restore"):
        _ = platform.keys


def test_a_root_key_with_a_passphrase(tmp_path: Path) -> None:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    keys.init(conf, tmp_path / "usb", NOW, b"correct horse")
    assert b"ENCRYPTED" in _one(tmp_path / "usb", "*.pem").read_bytes()
    with pytest.raises(UserError, match="passphrase"):
        keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"wrong")
    made = keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"correct horse", new_root=True)
    assert len(made.roots) == 2
    assert all(b"ENCRYPTED" in path.read_bytes() for path in (tmp_path / "usb").glob("*.pem"))
    assert len(keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"correct horse").roots) == 3


def _secrets(*folders: Path) -> set[bytes]:
    """The private keys in all the forms in which they might be written."""
    found = set()
    for path in (path for folder in folders for path in folder.glob("*.pem")):
        key: Any = serialization.load_pem_private_key(path.read_bytes(), None)
        raw = key.private_bytes_raw()
        body = b"".join(path.read_bytes().splitlines()[1:-1])
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"="), body}
    return found


def test_private_keys_are_in_their_files_alone(tmp_path: Path, content: Path) -> None:
    home, usb, runner = tmp_path / "home", tmp_path / "usb", CliRunner()
    conf = Settings(home=home, threads=1)
    with open_warehouse(conf):
        pass
    said = b""
    secrets = _secrets(Keys.load(conf).folder)
    for command in (["init"], ["rotate"], ["rotate", "--root-key"], ["revoke", "--reason", "stolen"], ["show"]):
        root = [] if command == ["show"] else ["--root", str(usb)]
        done = runner.invoke(app, ["keys", *command, *root, "--home", str(home), "--json"])
        assert done.exit_code == 0, done.output
        secrets |= _secrets(home / "keys", usb)
        said += done.output.encode()
    platform = Platform(conf, usb, usb / "root.json")
    platform.publish(content, DAY, datetime.now(UTC))
    state = tmp_path / "state"
    done = runner.invoke(
        app, ["verify", str(platform.current), "--root", str(usb / "root.json"), "--state", str(state)]
    )
    assert done.exit_code == 0, done.output
    said += done.output.encode()
    secrets |= _secrets(home / "keys", usb)
    _no_secret_in(secrets, said, home, state, usb)


def _no_secret_in(secrets: set[bytes], said: bytes, *folders: Path) -> None:
    """No private key in what was said, nor in any file that is not its own: warehouse, versions, states, root metadata."""
    assert len(secrets) > 20
    assert not any(secret in said for secret in secrets)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pem"):
        raw = path.read_bytes()
        assert not any(secret in raw for secret in secrets), path
    assert {path.parent for path in folders[0].rglob("*.pem")} == {folders[0] / "keys"}


# --- over the network --------------------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@contextmanager
def _served(folder: Path, handler: type[_Quiet] = _Quiet) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_over_http(platform: Platform, night: Path, tmp_path: Path) -> None:
    path = _one(night, "merchants/*/*.json")
    subject_id = json.loads(path.read_bytes())["subject"]["subject_id"]
    with _served(platform.conf.published) as url:
        look = partial(verify_url, f"{url}current", platform.trust, tmp_path / "state", NOW)
        _Quiet.asked.clear()
        assert look().verdict == "valid"
        assert not any("merchants" in asked for asked in _Quiet.asked)
        assert look(merchant=subject_id).merchant == _judge(platform, night, merchant=subject_id).merchant
        assert look(everything=True).files == _judge(platform, night).files
        assert verify_url(f"{url}current/", platform.trust, None, NOW + timedelta(days=3)).verdict == "stale"
        raw = path.read_bytes()
        path.write_bytes(raw[:-9] + b"x" * 9)
        assert look().verdict == "valid"
        for options in ({"merchant": subject_id}, {"everything": True}):
            assert path.relative_to(night).as_posix() in _named(look(**options))
        path.write_bytes(raw + b"x" * 99)
        assert {p.what for p in look(merchant=subject_id).problems} == {"length"}
        path.unlink()
        assert {p.what for p in look(everything=True).problems} == {"missing"}
        (night / "tuf" / "timestamp.json").unlink()
        assert _named(look()) == {"tuf/timestamp.json"}
    with pytest.raises(InputError, match="cannot be read"):
        look()


def test_a_server_that_never_ends_or_fails(platform: Platform, night: Path) -> None:
    class Endless(_Quiet):
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

    class Failing(_Quiet):
        def do_GET(self) -> None:
            self.send_error(500)

    with _served(night, Endless) as url:
        verdict = verify_url(url, platform.trust, None, NOW)
        assert (verdict.verdict, _named(verdict)) == ("invalid", {"tuf/timestamp.json"})
    with _served(night, Failing) as url, pytest.raises(InputError, match="500"):
        verify_url(url, platform.trust, None, NOW)


def test_a_version_switched_while_it_is_read(platform: Platform, night: Path, content: Path) -> None:
    newer = platform.publish(content, DAY + timedelta(days=1), NOW + timedelta(seconds=5))
    link = platform.conf.published / "current"

    def to(folder: Path) -> None:
        link.unlink()
        link.symlink_to(folder)

    class Switching(_Quiet):
        def do_GET(self) -> None:
            super().do_GET()
            if self.path.endswith("timestamp.json"):
                to(newer)

    to(night)
    with _served(platform.conf.published, Switching) as url:
        verdict = verify_url(f"{url}current/", platform.trust, None, NOW)
    assert (verdict.verdict, verdict.evaluated_on) == ("valid", "2026-11-25")


def test_names_with_percent_signs_over_http(platform: Platform, content: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    shutil.copytree(content, odd)
    document = json.loads(_one(odd, "merchants/*/*.json").read_bytes())
    document["subject"]["subject_id"] = "商 家/../%2E.x"
    path = odd / grade.paths("商 家/../%2E.x")[0]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    (odd / grade.TABLE).unlink()  # it does not know this one
    platform.publish(odd, DAY, NOW)
    with _served(platform.current) as url:
        verdict = verify_url(url, platform.trust, None, NOW, merchant="商 家/../%2E.x", everything=True)
    assert (verdict.verdict, verdict.merchant and verdict.merchant["follows"]) == ("valid", True)


# --- one merchant ------------------------------------------------------------------------------------------------


def _documents(content: Path) -> list[tuple[dict[str, Any], bytes, str]]:
    found = []
    for path in sorted(content.glob("merchants/*/*.json")):
        document = json.loads(path.read_bytes())
        rules = document["rulebook"]["path"]
        found.append((document, (content / rules).read_bytes(), rules))
    return found


def test_every_published_grade_follows(content: Path) -> None:
    found = _documents(content)
    assert {document["not_rated_reason"] is None for document, *_ in found} == {True, False}
    assert any(document["vetoes"] for document, *_ in found)
    for case in found:
        assert [step for step in grade.recompute(*case) if not step.ok] == []


def _rated(content: Path, *, vetoed: bool = False) -> tuple[dict[str, Any], bytes, str]:
    return next(c for c in _documents(content) if c[0]["score"] is not None and bool(c[0]["vetoes"]) == vetoed)


def _worse(document: dict[str, Any], rules: bytes) -> None:
    document["grade"] = "D" if document["grade"] != "D" else "AAA"


def _better_score(document: dict[str, Any], rules: bytes) -> None:
    document["score"] = round(document["score"] + 2, 4)


def _more_points(document: dict[str, Any], rules: bytes) -> None:
    element = document["elements"][0]
    element["points"], document["score"] = element["points"] + 1, round(document["score"] + 1, 4)


def _more_indicator_points(document: dict[str, Any], rules: bytes) -> None:
    row = next(row for row in document["elements"][0]["indicators"] if row["points"])
    row["points"] += 1


def _other_weight(document: dict[str, Any], rules: bytes) -> None:
    document["elements"][0]["weight"] += 1


def _other_rules(document: dict[str, Any], rules: bytes) -> None:
    document["rulebook"]["hash"] = "0" * 64


def _unrated(document: dict[str, Any], rules: bytes) -> None:
    document |= {"not_rated_reason": "too_few_orders", "grade": "NR", "score": None}
    for element in document["elements"]:
        element["points"] = None


def _strange(document: dict[str, Any], rules: bytes) -> None:
    document["elements"] = "none"


def _false_veto(document: dict[str, Any], rules: bytes) -> None:
    document["vetoes"] = [{"id": "licence_expired", "effect": "cap", "grade": "BBB"}]
    document["grade"] = "BBB"


@pytest.mark.parametrize(
    "change",
    [_worse, _better_score, _more_points, _more_indicator_points, _other_weight, _other_rules, _unrated, _strange, _false_veto],
)  # fmt: skip
def test_a_grade_that_does_not_follow(content: Path, change: Callable[[dict[str, Any], bytes], None]) -> None:
    document, rules, name = _rated(content)
    change(document, rules)
    steps = grade.recompute(document, rules, name)
    assert not all(step.ok for step in steps)


@pytest.mark.parametrize(
    ("place", "value"),
    [("figures", []), ("vetoes", [[]]), ("evidence", None), ("elements", [{}]), ("rulebook", []), ("rulebook", {"path": []})],
)  # fmt: skip
def test_a_malformed_document_is_invalid(platform: Platform, content: Path, place: str, value: Any) -> None:
    night = platform.publish(content, DAY, NOW)
    document = next(d for d, *_ in _documents(content) if d["not_rated_reason"])
    path = grade.paths(document["subject"]["subject_id"])[0]
    (night / path).write_text(json.dumps(document | {place: value}))
    as_version(night, DAY.isoformat(), DAY.toordinal())
    sign(night, platform.conf.published, platform.keys, NOW)
    _invalid(platform, night, path, merchant=document["subject"]["subject_id"])


def test_the_table_of_grades_may_be_long(
    platform: Platform, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject_id = _rated(content)[0]["subject"]["subject_id"]
    long = tmp_path / "long"
    shutil.copytree(content, long)
    table = pq.read_table(long / grade.TABLE)
    pad = pa.array([random.Random(i).randbytes(50_000) for i in range(table.num_rows)])
    pq.write_table(table.append_column("pad", pad), long / grade.TABLE)
    night = platform.publish(long, DAY, NOW)
    size = (night / grade.TABLE).stat().st_size
    monkeypatch.setattr(listed, "MAX_MANIFEST", size - 1)
    verdict = _judge(platform, night, merchant=subject_id)
    assert (verdict.verdict, verdict.problems) == ("valid", [])
    assert verdict.merchant is not None
    assert any(step["en"] == grade.TABLE and step["ok"] for step in verdict.merchant["steps"])
    monkeypatch.setattr(verify, "MAX_TABLE", size - 1)
    verdict = _invalid(platform, night, grade.TABLE, merchant=subject_id)
    assert f"has {size} bytes; more than {size - 1} are not read" in verdict.message


def test_a_veto_left_out_does_not_follow(content: Path) -> None:
    document, rules, name = _rated(content, vetoed=True)
    document["vetoes"] = []
    assert not all(step.ok for step in grade.recompute(document, rules, name))


@pytest.mark.parametrize(
    ("score", "allowed"), [(79.9, {"BBB", "A"}), (80.1, {"BBB", "A"}), (75.0, {"BBB"}), (95.0, {"AAA"})]
)
def test_the_margin_allows_both_sides_of_an_edge(content: Path, score: float, allowed: set[str]) -> None:
    document, rules, name = next(
        c
        for c in _documents(content)
        if c[0]["subject"]["kind"] == "enterprise" and c[0]["score"] and not c[0]["vetoes"]
    )
    document["score"] = score
    (last,) = [step for step in grade.recompute(document, rules, name) if step.en == "grade"]
    assert set(last.expected.split(" / ")) == allowed


def test_a_grade_that_does_not_follow_is_invalid_though_signed(
    platform: Platform, content: Path, tmp_path: Path
) -> None:
    document, _, _ = _rated(content)
    subject_id = document["subject"]["subject_id"]
    night = platform.publish(content, DAY, NOW)
    verdict = _judge(platform, night, merchant=subject_id)
    assert (verdict.verdict, verdict.merchant and verdict.merchant["grade"]) == ("valid", document["grade"])
    path = night / grade.paths(subject_id)[0]
    _worse(document, b"")
    path.write_text(json.dumps(document), encoding="utf-8")
    as_version(night, DAY.isoformat(), DAY.toordinal())
    sign(night, platform.conf.published, platform.keys, NOW)
    assert _judge(platform, night).verdict == "valid"
    verdict = _invalid(platform, night, path.relative_to(night).as_posix(), merchant=subject_id)
    assert "does not follow" in verdict.message
    with pytest.raises(UserError, match="no merchant 'nobody'"):
        _judge(platform, night, merchant="nobody")


# --- the command -------------------------------------------------------------------------------------------------


def test_exit_codes_and_json(platform: Platform, content: Path, tmp_path: Path) -> None:
    real = datetime.now(UTC).replace(microsecond=0)
    night = platform.publish(content, DAY, real - timedelta(minutes=3))
    newer = platform.publish(content, DAY + timedelta(days=1), real)
    stopped = platform.publish(content, DAY - timedelta(days=9), real - timedelta(days=9))

    def run(folder: Path, state: str = "state") -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(
            app, ["verify", str(folder), "--root", str(platform.first), "--state", str(tmp_path / state), "--json"]
        )
        assert "Traceback" not in done.output
        return done.exit_code, json.loads(done.stdout)

    for folder, state, code, name in (
        (newer, "state", 0, "valid"),
        (night, "state", 8, "older_than_seen"),
        (stopped, "fresh", 7, "stale"),
    ):
        exit_code, told = run(folder, state)
        assert (exit_code, told["verdict"]) == (code, name)
    (newer / "index.json").write_text("x")
    exit_code, told = run(newer)
    assert (exit_code, told["verdict"], told["problems"][0]["file"]) == (6, "invalid", "index.json")
    plain = CliRunner().invoke(
        app, ["verify", str(newer), "--root", str(platform.first), "--state", str(tmp_path / "s")]
    )
    assert "invalid 无效" in plain.stdout
    assert "index.json" in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:9/"], "--root is needed for a URL"),
        (["nowhere"], "not a folder"),
        (["nowhere", "--root", "no-root.json"], "cannot be read"),
    ],
)
def test_what_verify_cannot_do(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        CliRunner().invoke(app, ["verify", *arguments], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    "what", ["[/foo]", "\x1b]0;owned\x07\x1b[2J\u009b2J", "[red]\ud800\u202e", ["[/foo]\x1b"], None]
)
def test_what_a_hostile_folder_says_is_harmless(tmp_path: Path, content: Path, what: Any) -> None:
    """A folder that trusts itself is anybody's."""
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    folder = conf.published / "versions" / "a"
    shutil.copytree(content, folder)
    document, _, _ = _rated(content)
    subject_id = document["subject"]["subject_id"]
    document["grade"] = document["rulebook"]["version"] = document["elements"][0]["name_zh"] = what
    (folder / grade.paths(subject_id)[0]).write_text(json.dumps(document))
    as_version(folder, what if isinstance(what, str) else DAY.isoformat())
    sign(folder, conf.published, Keys.load(conf), datetime.now(UTC))
    for more in ([], ["--json"]):
        arguments = ["verify", str(folder), "--merchant", subject_id, "--state", str(tmp_path / "s"), *more]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 6, done.exception
        assert "does not follow" in done.stdout
        assert not set("\x1b\x07\u009b\u202e") & set(done.stdout)
    assert isinstance(what, list) or what is None or plain(what) in json.loads(done.stdout)["evaluated_on"]


# --- the runbook -------------------------------------------------------------------------------------------------


def test_the_runbook_is_rehearsed(tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/how-to/keys.md, in order, in a home of its own."""
    text = (ROOT / "docs" / "how-to" / "keys.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 9
    home = tmp_path / "srv" / "merchant-credit"
    shutil.copytree(content.parent / "home", home)
    for name in ("keys", "published"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("usb1", "usb2"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ran, said, secrets = set(), b"", set()
    for line in (
        "".join(blocks).replace("/media/usb", f"{tmp_path}/usb").replace("/srv/", f"{tmp_path}/srv/").splitlines()
    ):
        first, *arguments = shlex.split(os.path.expandvars(line))
        if first == "merchant-credit":
            ran.add(" ".join(arguments[:2] if arguments[0] == "keys" else arguments[:1]))
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 0, (line, done.output, done.exception)
            said += done.output.encode()
            secrets |= _secrets(home / "keys", *tmp_path.glob("usb*/merchant-credit*"))
        elif first == "export":
            monkeypatch.setenv(*arguments[0].split("=", 1))
        else:
            subprocess.run(["sh", "-c", line], check=True)
    assert ran >= {"keys init", "keys rotate", "keys revoke", "keys show", "publish", "verify"}
    root = (home / "keys" / "root.json").read_bytes()
    assert verify_folder(home / "published" / "current", root, None).verdict == "valid"
    _no_secret_in(secrets, said, home, tmp_path / "state")

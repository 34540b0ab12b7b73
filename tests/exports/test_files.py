"""Exports over a mounted folder: whole versions, whatever interrupts them."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from credit.errors import UserError
from credit.exports import files, published
from credit.proof import Keys, sign
from credit.proof.verify import verify_folder
from credit.settings import Settings
from support.command import Run
from support.proof_version import entry
from support.published_version import BOOKS, MERCHANTS, publish, read_json


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def in_force(to: Path) -> dict[str, bytes]:
    """What a reader who follows the pointer sees."""
    return tree(to / read_json(to / "current.json")["path"])


def copy(
    conf: Settings, to: Path, rows: Sequence[Mapping[str, Any]], day: int = 24, **options: Any
) -> files.FileExport:
    publish(conf.published, rows, date(2026, 11, day))
    return files.export(published.current(conf), conf, to, **options)


def test_a_copy_is_the_version_and_the_next_copies_what_changed(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    first = copy(conf, to, MERCHANTS)
    assert in_force(to) == tree(conf.published / "current")
    assert first.link
    assert (to / "current").resolve() == to / read_json(to / "current.json")["path"]
    assert first.copied == len(in_force(to))
    second = copy(conf, to, [MERCHANTS[0] | {"score": 84}, *MERCHANTS[1:]], day=25)
    assert in_force(to) == tree(conf.published / "current")
    # The document, its part of the manifest, grades, index, manifest, feed.
    assert second.copied == 6
    assert second.linked == len(in_force(to)) - 6
    again = copy(conf, to, [MERCHANTS[0] | {"score": 84}, *MERCHANTS[1:]], day=25)
    assert (again.copied, again.there) == (0, len(in_force(to)))


@pytest.mark.parametrize("inner", ["", "published", "published/current", "share"])
def test_a_home_is_no_share(conf: Settings, inner: str) -> None:
    publish(conf.published, MERCHANTS)
    before = tree(conf.home)
    with pytest.raises(UserError, match="is within the home"):
        files.export(published.current(conf), conf, conf.home / inner)
    assert tree(conf.home) == before


def test_what_was_damaged_on_the_share_does_not_go_into_the_next_version(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    copy(conf, to, MERCHANTS)
    damaged = next(to.glob("versions/*/merchants/*/M3.json"))
    with damaged.open("r+b") as file:  # in place, its length as before
        file.write(b"#")
    (to / "current/rulebooks" / BOOKS["individual"].name).write_bytes(b"")
    copied = copy(conf, to, [MERCHANTS[0] | {"score": 84}, *MERCHANTS[1:]], day=25)
    assert in_force(to) == tree(conf.published / "current")
    assert copied.copied == 8  # the six that differ, and these two
    assert copied.linked == len(in_force(to)) - 8


def test_what_moves_beside_a_version_is_copied_without_a_new_version(conf: Settings, tmp_path: Path) -> None:
    to = tmp_path / "share"
    copy(conf, to, MERCHANTS)
    (conf.published / "current/tuf").mkdir()
    for name in ("feed.json", "tuf/timestamp.json"):
        (conf.published / "current" / name).write_bytes(b"{}")
    damaged = next(to.glob("versions/*/merchants/*/M3.json"))
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    assert files.export(published.current(conf), conf, to).copied == 3
    assert in_force(to) == tree(conf.published / "current")


@pytest.mark.parametrize("exported_before", [False, True])
def test_a_version_signed_anew_while_it_is_copied_verifies(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported_before: bool
) -> None:
    to = tmp_path / "share"
    folder = publish(conf.published, MERCHANTS)
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
    if exported_before:
        files.export(version, conf, to)
    signed(2)
    real = published.PublishedVersion.read
    triggers = [r"tuf/\d+\.snapshot\.json", "tuf/.*", "feed.json"]

    def read(version: published.PublishedVersion, path: str) -> bytes:
        if triggers and re.fullmatch(triggers[-1], path):
            triggers.pop()
            signed(5 - len(triggers))
        return real(version, path)

    with monkeypatch.context() as signing:
        signing.setattr(published.PublishedVersion, "read", read)
        files.export(version, conf, to)
    verdict = verify_folder(to / "current", keys.roots[0], None)
    assert verdict.verdict == "valid", verdict.problems
    assert in_force(to) == tree(folder)
    assert not triggers


def test_a_folder_without_links_of_any_kind(conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    to = tmp_path / "share"
    monkeypatch.setattr(os, "link", refuse)
    publish(conf.published, MERCHANTS)
    version = published.current(conf)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert not files.export(version, conf, to).link
    monkeypatch.undo()
    publish(conf.published, MERCHANTS[1:], date(2026, 11, 25))
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
    copy(conf, to, MERCHANTS)
    versions = [in_force(to)]
    publish(conf.published, [MERCHANTS[0] | {"score": 84}, *MERCHANTS[1:5]], date(2026, 11, 25))
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
    ("number", "cause"), [(errno.ENOSPC, "no space is left"), (errno.EROFS, "mounted read-only"), (errno.EIO, "error")]
)
def test_a_folder_that_cannot_be_written_is_named_and_its_version_stays(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cause: str
) -> None:
    to = tmp_path / "share"
    copy(conf, to, MERCHANTS)
    before = in_force(to)
    publish(conf.published, [m | {"score": 84} for m in MERCHANTS], date(2026, 11, 25))
    version, writes_left = published.current(conf), [3]
    real = Path.replace

    def full(path: Path, target: Any) -> Any:
        writes_left[0] -= 1
        if writes_left[0] < 0:
            raise OSError(number, os.strerror(number), str(target))
        return real(path, target)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "replace", full)
        with pytest.raises(UserError, match=rf"--to .*share cannot be written: .*{cause}.*3 files were copied"):
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
        copied = copy(conf, to, MERCHANTS[: day - 18], day=day, keep=2)
    assert (copied.removed, copied.link) == (1, False)
    days = {p.name.rpartition("-")[0] for p in (to / "versions").iterdir()}
    assert days == {"2026-11-22", "2026-11-23", ""}
    assert (to / "current").read_text() == "theirs"
    (to / "current.json").write_text('{"version": "../../etc"}')
    with pytest.raises(UserError, match="not a pointer of ours"):
        copy(conf, to, MERCHANTS)


def test_marks_of_advertisements_stand_beside_the_version(conf: Settings, tmp_path: Path, run: Run) -> None:
    to, paid = tmp_path / "share", tmp_path / "paid.txt"
    publish(conf.published, MERCHANTS)
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
    copy(conf, to, MERCHANTS)
    folder = publish(conf.published, MERCHANTS[1:], date(2026, 11, 25))
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

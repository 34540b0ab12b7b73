"""Signing: rising numbers, and that every state in between is valid to a reader."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata

from credit.errors import UserError
from credit.proof import Keys, keys, reading, sign, signing
from support.signed_platform import (
    DAY,
    LATER,
    NOW,
    Platform,
    first_match,
    judge,
)

pytestmark = pytest.mark.slow


def test_targets_are_the_manifest_and_the_feed(night: Path) -> None:
    targets: Any = Metadata.from_file(str(first_match(night, "tuf/*.targets.json"))).signed
    assert set(targets.targets) == {"manifest.json", "feed.json"}
    for name, target in targets.targets.items():
        with (night / name).open("rb") as file:
            target.verify_length_and_hashes(file)


def test_numbers_rise_over_all_versions(platform: Platform, content: Path, night: Path) -> None:
    numbers = [signing.number_of(night / "tuf")]
    for now in (NOW, NOW - timedelta(days=30), LATER):
        sign(night, platform.conf.published, platform.keys, now)
        numbers.append(signing.number_of(night / "tuf"))
    assert numbers == sorted(set(numbers))
    (platform.keys.folder / "version").unlink()
    sign(platform.publish(content, DAY, NOW + timedelta(seconds=1)), platform.conf.published, platform.keys, NOW)
    assert signing.number_of(platform.current / "tuf") > numbers[-1]
    # Restored without counter and versions: time itself has gone on.
    (platform.keys.folder / "version").unlink()
    shutil.rmtree(platform.conf.published)
    again = platform.publish(content, DAY, NOW + timedelta(days=60))
    assert signing.number_of(again / "tuf") > numbers[-1]


@pytest.mark.parametrize("damaged", ["", "\n", "12x", "\udcff"])
def test_a_damaged_counter_is_named(platform: Platform, night: Path, damaged: str) -> None:
    counter = platform.keys.folder / "version"
    number = int(counter.read_text())
    counter.write_text(damaged, errors="surrogateescape")
    with pytest.raises(UserError, match=re.escape(f"{counter} holds no number")):
        sign(night, platform.conf.published, platform.keys, NOW)
    counter.unlink()
    sign(night, platform.conf.published, platform.keys, NOW)
    assert int(counter.read_text()) == number + 1


def test_the_end_of_the_timestamp_is_a_setting(platform: Platform, night: Path) -> None:
    conf = platform.conf.model_copy(update={"proof_timestamp_days": 5})
    sign(night, conf.published, Keys.load(conf), NOW)
    assert judge(platform, night, NOW + timedelta(days=4)).verdict == "valid"
    assert judge(platform, night, NOW + timedelta(days=5)).verdict == "stale"


def test_rotation_while_readers_read(platform: Platform, content: Path, tmp_path: Path) -> None:
    """Every state that a signing leaves, were it killed there, is valid to a reader."""
    stages = {"first": lambda: None, "rotated": lambda: keys.rotate(platform.conf, platform.usb, NOW),
              "twice": lambda: [keys.rotate(platform.conf, platform.usb, NOW) for _ in range(2)],
              "root key": lambda: keys.rotate(platform.conf, platform.usb, NOW, new_root=True)}  # fmt: skip
    folder = platform.publish(content, DAY, NOW)
    for stage, change in stages.items():
        change()
        for step in range(1, 99):
            finished = _killed_at(step, partial(sign, folder, platform.conf.published, platform.keys, NOW))
            verdict = judge(platform, folder, state=tmp_path / "state")
            assert verdict.verdict == "valid", (stage, step, verdict)
            if finished:
                break
        assert step > 3
        assert verdict.root["version"] == len(platform.keys.roots)
    assert len(list(platform.keys.folder.glob("nightly-*.pem"))) == 1  # retired ones are gone once nobody needs them
    assert len(list((folder / "tuf").glob("*.snapshot.json"))) <= 2


class _Killed(BaseException):
    pass


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work, killed before its nth change of a name. Whether it was done before."""
    steps_left = step

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **options: Any) -> Any:
            nonlocal steps_left
            steps_left -= 1
            if steps_left == 0:
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

    def scan(self: Any, *arguments: Any) -> Any:
        nonlocal times
        scanned = real(self, *arguments)
        if times < 2:
            times += 1
            for _ in range(2):
                sign(night, platform.conf.published, platform.keys, NOW)
        return scanned

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading.Folder, "scan", scan)
        assert judge(platform, night).verdict == "valid"
    assert times == 2

"""Homes that are dear to make: made once for a run of the tests, however many processes share it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from credit.settings import Settings


def own_copy(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A copy of the folder that `make` fills, for this process alone; the first process that asks makes it, others wait."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / f"once-{name}"
    with (base / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = base / f"partial-{name}"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    copy = factory.mktemp(name) / "home"
    shutil.copytree(folder, copy, symlinks=True)
    return copy


def write_key(options: Settings, key: str = "00" * 32) -> None:
    """The home's key of pseudonyms, which nobody else may read."""
    options.key_file.parent.mkdir(parents=True, exist_ok=True)
    options.key_file.touch(0o600)
    options.key_file.write_text(key)

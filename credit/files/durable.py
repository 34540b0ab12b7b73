"""Files written whole or not at all, and on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def put(path: Path, content: bytes, aside: Path | None = None) -> None:
    """Write the file beside its place (at `aside`, on the same file system, where it must not be seen half written), then
    move it there in one step. On the disk on return. Raises OSError."""
    partial = aside or path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)  # noqa: PTH105
    sync(path.parent)


def sync(path: Path) -> None:
    """The file, or what a folder lists, on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole(path: Path, aside: Path) -> Iterator[Path]:
    """A folder that is filled at `aside`, on the same file system, and is then at `path` in one step; where filling fails it is
    nowhere. What an earlier attempt left at `aside` goes. Its owner's alone. Raises OSError."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    try:
        yield aside
        os.rename(aside, path)  # noqa: PTH104
        sync(path.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


_before: list[int] = []
"""The masks that `private` has set aside, the usual one first."""


@contextmanager
def private() -> Iterator[None]:
    """What is made within is its owner's alone."""
    _before.append(os.umask(0o077))
    try:
        yield
    finally:
        os.umask(_before.pop())


@contextmanager
def public() -> Iterator[None]:
    """What is made within is as readable as its user makes files, also within `private`."""
    before = os.umask(_before[0]) if _before else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)

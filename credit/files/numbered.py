"""Numbered files of a folder: the steps that bring a schema from one version to the next."""

from __future__ import annotations

from pathlib import Path


def numbered(folder: Path, ending: str) -> dict[int, Path]:
    """Number -> file, in order: 0001_first.sql is 1. Raises ValueError where a number is missing or stands twice."""
    files = sorted(folder.glob(f"*{ending}"))
    numbers = [int(file.name[:4]) for file in files]
    if numbers != list(range(1, len(files) + 1)):
        raise ValueError(f"{folder}: expected files numbered from 0001 without a gap, got {numbers}")
    return dict(zip(numbers, files, strict=True))

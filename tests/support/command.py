"""The command as tests call it."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""`run("export", …, NAME="value")`: the command in this environment; (exit code, output, errors)."""

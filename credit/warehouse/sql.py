"""SQL that stands in files of its own, beside the code that runs it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template


@cache
def _template(path: Path) -> Template:
    return Template(path.read_text(encoding="utf-8"))


def statement(module: str, name: str, **parts: str) -> str:
    """The text of `name`.sql beside the module's file (`__file__`), each $part filled in. KeyError for one not given."""
    return _template(Path(module).with_name(f"{name}.sql")).substitute(parts)

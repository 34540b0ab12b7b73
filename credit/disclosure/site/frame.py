"""The Jinja environment of the site. Templates write both languages in one go: [[中文 || English]]."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

from credit.disclosure.site import words

FOLDER: Final = Path(__file__).parent

_BOTH = re.compile(r"\[\[(.+?) \|\| (.+?)\]\]", re.DOTALL)
_INDENT = re.compile(r"\n\s+")

TONES: Final = {"A": "a", "B": "b", "C": "c", "D": "d", "E": "d"}
"""First letter of a grade -> class of its plate; any other is not rated."""


def tone(grade: str) -> str:
    return TONES.get(grade[:1], "n")


class _Loader(BaseLoader):
    """Templates of this package, both languages spelt out, indentation left out."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        path = FOLDER / "templates" / template
        if not path.is_file():
            raise TemplateNotFound(template)
        source = _BOTH.sub(r"<span lang=zh>\1</span><span lang=en>\2</span>", path.read_text(encoding="utf-8"))
        return _INDENT.sub("\n", source), str(path), lambda: True


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=_Loader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False, cache_size=-1
    )
    made.filters |= {
        "said": words.said,
        "href": words.href,
        "minute": words.minute,
        "percent": words.percent,
        "plain": words.plain,
        "tone": tone,
    }
    made.globals |= {"both": words.both}
    return made


def render(template: str, context: dict[str, Any], root: str, values: dict[str, Any]) -> bytes:
    """A page. `root` leads from the page to the site's root; `context` is the platform's."""
    return _environment().get_template(template).render(values, root=root, **context).encode()

"""The Jinja environment of the site. Templates write both languages in one go: [[中文 || English]]."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup

from credit.disclosure.site import words

FOLDER: Final = Path(__file__).parent

_BOTH = re.compile(r"\[\[(.+?) \|\| (.+?)\]\]")
_INDENT = re.compile(r"\n\s+")
_GAP = re.compile(r"<gap (\w*)>")

_TONES: Final = ((3, "a"), (5, "b"), (7, "c"), (10, "d"))
"""Tenths of the way down a scale -> class of what shows a grade that lies there."""


@lru_cache(maxsize=1_024)
def _tones(scale: tuple[str, ...]) -> dict[str, str]:
    middles = {grade: 5 * (2 * place + 1) / len(scale) for place, grade in enumerate(scale)}
    # The best third alone is below its edge; in the middle of a scale of five its middle is.
    return {
        grade: "a" if at < _TONES[0][0] else next(name for edge, name in _TONES[1:] if at <= edge)
        for grade, at in middles.items()
    }


def tone(grade: str, scale: Iterable[str]) -> str:
    """The tone of a grade by its place in its scale (best first), whatever its letter: a, b, c or d; n where it has none."""
    return _tones(tuple(scale)).get(grade, "n")


def gap(name: str = "") -> Markup:
    """A place in a form. No escaped text looks like it."""
    return Markup(f"<gap {name}>")


class Form:
    """A text that many pages have but for its gaps. `names`: of the gaps, in order."""

    def __init__(self, text: str) -> None:
        self._parts = _GAP.split(text)
        self.names = self._parts[1::2]

    def fill(self, values: Iterable[str]) -> str:
        """The text with this in its gaps, in order."""
        parts = self._parts.copy()
        parts[1::2] = values
        return "".join(parts)


class _Loader(BaseLoader):
    """Templates of this package, both languages spelt out, indentation left out."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        path = FOLDER / "templates" / template
        if not path.is_file():
            raise TemplateNotFound(template)
        source = _BOTH.sub(r"<i lang=zh>\1</i><i lang=en>\2</i>", path.read_text(encoding="utf-8"))
        return _INDENT.sub("\n", source), str(path), lambda: True


class _Environment(Environment):
    """In templates a.b is the entry of a dict before anything else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = _Environment(
        loader=_Loader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False, cache_size=-1
    )
    environment.filters |= {
        "severity": words.severity,
        "bilingual": words.bilingual,
        "href": words.href,
        "minute": words.minute,
        "percent": words.percent,
        "plain": words.plain,
        "tone": tone,
    }
    environment.globals |= {"both": words.both, "gap": gap}
    return environment


def render(template: str, context: dict[str, Any], root: str, values: dict[str, Any]) -> bytes:
    """A page. `root` leads from the page to the site's root; `context` is the platform's; values["here"] is the entry of the
    navigation the page belongs to."""
    platform = context["platform"]
    top, foot = _around(
        platform["zh"], platform["en"], context["development"], context["contact"], root, values.get("here", "")
    )
    variables = {**context, **values, "root": root, "top": top, "foot": foot}
    return _environment().get_template(template).render(variables).encode()


@lru_cache(maxsize=64)
def _around(zh: str, en: str, development: bool, contact: str, root: str, here: str) -> tuple[Markup, Markup]:
    """What stands above and below the main part of a page."""
    values = {"platform": {"zh": zh, "en": en}, "development": development, "contact": contact, "root": root}
    environment = _environment()
    top, foot = (environment.get_template(name).render(values, here=here) for name in ("top.html", "foot.html"))
    return Markup(top), Markup(foot)

"""Names of categories of goods, as they are looked for in what platforms write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_BLANKS = "[\\s\u00a0\u3000\u200b\u200c\u200d\u2060\ufeff]*"


def however_written(name: str) -> str:
    """A pattern of a category's name in full or half width, with blanks or without."""

    def sign(letter: str) -> str:
        full = chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter
        return f"(?:{re.escape(letter)}|{re.escape(full)})"

    plain = unicodedata.normalize("NFKC", name).lower()
    return _BLANKS.join(sign(letter) for letter in plain if not letter.isspace())


def any_of(names: Iterable[str]) -> str:
    """A pattern that holds of a category in which one of the names stands, whatever its case; a Latin one as words of its own."""
    return "(?i)(?:^|[^a-z])(?:" + "|".join(map(however_written, names)) + ")(?:$|[^a-z])"

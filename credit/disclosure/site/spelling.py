"""How people type a Chinese name otherwise: in traditional characters, in pinyin, by the first letters of its pinyin.

Characters by OpenCC, readings by pypinyin; of a character with several readings that of a word of two characters, if it stands
in one (重庆 chongqing), else the most usual.
"""

from __future__ import annotations

import unicodedata
from functools import cache

_HAN = (0x3400, 0x9FFF)


@cache
def simplified() -> dict[str, str]:
    """Traditional character -> simplified one, of those that differ."""
    from opencc import OpenCC  # a tenth of a second, where a search index is made

    convert = OpenCC("t2s").convert
    pairs = ((chr(point), convert(chr(point))) for point in range(_HAN[0], _HAN[1] + 1))
    return {traditional: plain for traditional, plain in pairs if traditional != plain and len(plain) == 1}


@cache
def _fold_table() -> dict[int, str]:
    return str.maketrans(simplified())


def folded(text: str) -> str:
    """The text in simplified characters."""
    return text.translate(_fold_table())


@cache
def _of_character(character: str) -> str:
    """Its most usual reading, without tone; the character itself where it has none."""
    from pypinyin.constants import PINYIN_DICT

    readings = PINYIN_DICT.get(ord(character))
    return _bare(readings.split(",")[0]) if readings else character


@cache
def _of_word(word: str) -> tuple[str, ...] | None:
    """The readings of a word of two characters; None where it is none."""
    from pypinyin.constants import PHRASES_DICT

    readings = PHRASES_DICT.get(word)
    return tuple(_bare(reading[0]) for reading in readings) if readings else None


def _bare(reading: str) -> str:
    # As keyboards have it, v for ü.
    letters = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(letter for letter in letters if letter.isascii())


def pinyin(text: str) -> list[str]:
    """The reading of each character, a to z; other characters as they stand."""
    readings = [_of_character(character) for character in text]
    for i in range(len(text) - 1):
        if word := _of_word(text[i : i + 2]):
            readings[i : i + 2] = word
    return readings

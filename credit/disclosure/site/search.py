"""The search index: any part of the name of a merchant or its shop or of a code, and the beginning of an id, found with two
or three small requests.

A name is found without what names of places and firms end in (市, 有限公司), in traditional characters, in pinyin and by its
first letters, too: 义乌云达, 義烏, yiwu, ywyd for 义乌市云达服饰有限公司.

Every ending of a name, its pinyin from some of its characters on, every third ending of a code, and every id is a key. Keys
in order, each with its merchant, are cut into files; `search/index.json` says with which key each file begins. What holds a text begins with it somewhere, so it stands together:
look up the last file that begins at or before the text, and read on while there are hits.

A file is cut where a key's checksum says so, so that a merchant more or less changes only the files its keys stand in. Of the
endings that many names share (有限公司) only as many are kept as a reader would be shown.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from credit.disclosure.site.spelling import folded, pinyin, simplified
from credit.files.formats import harmless, to_json

INDEX: Final = "search/index.json"
_STEP: Final = 3
"""Every so many characters of a code begin a key."""
_BEGINNINGS: Final = (0, 2)
"""Characters of a name from which on its pinyin is found: the first, and what comes behind a city of two characters."""
KEPT: Final = 60
"""Merchants kept of one key; site.js shows fewer."""

TONES: Final = "abcdn"

Mark = tuple[str, str]
"""What is in force against a merchant, in Chinese and English."""


class SearchEntry(NamedTuple):
    """A merchant as published. `page` is the path of its page, `tone` that of its grade."""

    subject_id: str
    kind: str
    name: str | None
    code: str | None
    grade: str
    self_operated: bool
    page: str
    category: str | None = None
    tone: str = "n"
    mark: Mark | None = None
    shop: str | None = None


_LEAST, _MOST, _EVERY = 40_000, 80_000, 96
"""Bytes of a file: cut after the least at one key in so many, and at the most in any case."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def normal(text: str) -> str:
    """As names and queries are compared: full-width as half-width, small letters, single spaces, simplified characters."""
    return folded(" ".join(unicodedata.normalize("NFKC", text).lower().split()))


_LEFT_OUT = re.compile(r"(?:股份)?有限(?:责任)?公司|公司|个体工商户|[省市县区]|[\W_]")
"""What people leave out of a name: what firms and places end in, and signs. search.js has the same."""


def short(text: str) -> str:
    """A normal name without what people leave out; the first character stays, whatever it is."""
    return text[:1] + _LEFT_OUT.sub("", text[1:])


def search(entries: Sequence[SearchEntry]) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file of the index; the order of `entries` does not matter."""
    index: dict[str, tuple[bytes, ...]] = {}
    more: list[tuple[str, bytes]] = []
    whole: list[tuple[str, bytes]] = []
    letters: set[str] = set()
    marks = {mark: place for place, mark in enumerate(sorted({entry.mark for entry in entries if entry.mark}), 1)}
    for entry in sorted(entries, key=lambda entry: (entry.name or "", entry.subject_id)):
        line, name, id_, code = _line(entry, marks), normal(entry.name or ""), normal(entry.subject_id), entry.code
        letters.update(name)
        alone = (line,)
        for ending in _endings(name):
            hits = index.get(ending)
            if hits is None:
                index[ending] = alone
            elif len(hits) < KEPT:
                index[ending] = hits + alone
            else:
                # Whoever has this ending has the shorter ones too: they are as full.
                break
        brief = short(name)
        # What has nothing left out behind its beginning stands among the endings of the name already.
        more += [(ending, line) for ending in _endings(brief) if ending not in name]
        more += _spelled(brief, line, _BEGINNINGS)
        if entry.shop and (shop := normal(entry.shop)) not in name:
            letters.update(shop)
            signed = _saying(line, "", "", entry.shop)
            more += [(ending, signed) for ending in _endings(shop)]
            more += _spelled(short(shop), line, (0,), entry.shop)
        if not name.endswith(id_):
            whole.append((id_, line))
        if code:
            # A part of a code leads to the merchant by its id; the reader leaves out up to `_STEP` - 1 of the first
            # characters it is asked for.
            written, part = normal(code), _exactly([code, entry.subject_id])
            whole.append((written, _saying(line, code)))
            more += [(written[i:], part) for i in range(_STEP, len(written) - _STEP, _STEP)]
    for key, line in more:
        hits = index.get(key, ())
        if len(hits) < KEPT:
            index[key] = (*hits, line)
    for key, line in whole:
        index[key] = (*index.get(key, ()), line)
    directory = []
    for first, name, lines in _cut(index):
        directory.append([first, name])
        yield f"search/{name}", harmless(b"[\n" + b",\n".join(lines) + b"\n]\n")
    # Traditional characters of those that stand in names, each before its simplified one.
    folds = "".join(sorted(old + new for old, new in simplified().items() if new in letters))
    directory_file = {"format": "merchant-credit search", "marks": list(marks), "folds": folds, "files": directory}
    yield INDEX, to_json(directory_file) + b"\n"


def _saying(line: bytes, *more: str) -> bytes:
    """A merchant's line that says more, for the reader to compare and to show: its code, its name in pinyin and first letters,
    its shop; what comes last is left out where it is none."""
    return line[:-1] + b"," + orjson.dumps(more)[1:]


def _exactly(line: list[Any]) -> bytes:
    # A copy: behind what orjson gives lies a kilobyte that it did not need.
    return bytes(memoryview(orjson.dumps(line)))


def _spelled(
    brief: str, line: bytes, beginnings: Sequence[int], shop: str | None = None
) -> Iterator[tuple[str, bytes]]:
    """The keys of a short name's pinyin and of its first letters, from some of its characters on."""
    if brief.isascii():
        return
    readings = pinyin(brief)
    letters = "".join([reading[:1] for reading in readings])
    spelled = _saying(line, "", f"{''.join(readings)} {letters}", *([shop] if shop else []))
    for i in beginnings:
        if i < len(readings) - 1:
            yield "".join(readings[i:]), spelled
            yield letters[i:], spelled


def _endings(name: str) -> Iterator[str]:
    """From the longest to the shortest."""
    return (name[i:] for i, first in enumerate(name) if first != " ")


def _line(entry: SearchEntry, marks: Mapping[Mark, int]) -> bytes:
    """[name, id, page, grade, flags, category]: flags 1 individual, 2 self-operated, from 4 the place of its tone in `TONES`,
    from 32 the number of its mark; the page is two digits where they say it all."""
    folder = entry.page[10:12]
    usual = _PLAIN.fullmatch(entry.subject_id) and entry.page == f"merchants/{folder}/{entry.subject_id}.html"
    flags = (entry.kind != "enterprise") + 2 * bool(entry.self_operated) + 4 * TONES.index(entry.tone)
    flags += 32 * (marks[entry.mark] if entry.mark else 0)
    page = folder if usual else entry.page
    return _exactly([entry.name or "", entry.subject_id, page, entry.grade, flags, entry.category or ""])


def _cut(index: dict[str, tuple[bytes, ...]]) -> Iterator[tuple[str, str, list[bytes]]]:
    """(what the file begins with, its name, its lines) of each file."""
    first, name, size, before = "", _name(""), 0, ""
    lines: dict[bytes, None] = {}
    for key in sorted(index):
        encoded = index[key]
        added = [line for line in encoded if line not in lines]
        more = sum([len(line) + 2 for line in added])
        if lines and (size + more > _MOST or (size >= _LEAST and zlib.crc32(key.encode()) % _EVERY == 0)):
            yield first, name, list(lines)
            # As much of the key as tells it from the one before.
            first = next(key[:n] for n in range(1, len(key) + 1) if key[:n] > before)
            name, size, lines, added = _name(key), 0, {}, list(encoded)
            more = sum([len(line) + 2 for line in added])
        lines.update(dict.fromkeys(added))
        size, before = size + more, key
    if lines:
        yield first, name, list(lines)


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"

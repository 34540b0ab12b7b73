"""What may be published of a name or a text: names of natural persons masked, numbers of persons struck out. The rules stand in
`credit.disclosure.privacy`, which decides on numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from stdnum import luhn

from credit.codes import resident_id_valid, resident_ids, uscc_valid
from credit.tables import SUBJECTS, Column

NEVER = frozenset({"id_number"})
ENTERPRISE_ONLY = frozenset({"uscc", "licence_no"})
"""The licence of a household business carries the same number as its code."""
_MASKED_IN_PART = frozenset({"name"})
_TEXTS = frozenset({"shop_name", "permit_no", "icp_record", "category"})
"""Public of a natural person too, but for the name or a number of the person that stands in them."""

_OWN_NUMBERS = frozenset({"contact", "uscc"})
"""Columns of an enterprise that are to be published with the number in them, unless it is a citizen's id number."""

_GAP = r"[ .\u00b7\u2010-\u2014-]{0,3}"
_MOBILE = rf"""(?:(?:\+|00)?86{_GAP})?(?:
    1[3-9][0-9]{_GAP}(?:[0-9]{{4}}{_GAP}[0-9]{{4}}|[0-9]{{3}}{_GAP}[0-9]{{5}})
    |1[3-9][0-9]{{2}}[ ]?-?[ ]?[0-9]{{3}}[ ]?-?[ ]?[0-9]{{4}}|1[ -][3-9](?:[ -][0-9]){{9}})"""
_BORN = r"(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_CITIZEN = rf"[0-9]{{17}}[0-9x]|[1-8][0-9]{{5}}{_GAP}{_BORN}{_GAP}[0-9]{{3}}{_GAP}[0-9x]"
_AREA = r"(?:10|2[0-9]|[3-9][0-9]{2})"
_LANDLINE = rf"""\(?(?:0|(?:\+|00)86[ -]?0?){_AREA}(?:\)[ ]?|[ ]?[\u2010-\u2014-][ ]?|[ ])[0-9]{{3,4}}[ -]?[0-9]{{4}}
    |(?<=[话机电询系el:])[ ]?0{_AREA}[0-9]{{7,8}}"""
"""With a mark behind the area, or behind a word such as 电话: bare digits that begin with 0 are most often a document's."""
_NUMBERS_OF_PERSONS = re.compile(rf"(?<![0-9])(?:{_MOBILE}|{_CITIZEN}|{_LANDLINE})(?![0-9])", re.VERBOSE)
"""Mobile and landline numbers in their usual groups and citizens' id numbers, in a folded text."""
_CARDS = re.compile(
    r"(?<![0-9])(?:62|[345][0-9])[0-9]{2}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{2,4}(?:[ -]?[0-9]{1,3})?(?![0-9])"
)
"""Numbers that a bank card may have."""
_MAIL = re.compile(r"[a-z0-9._%+-]+ ?@ ?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_MANY_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){9}")
"""Without which there is none of them; soon looked for."""
_TELLING = re.compile(r"\d(?:\D{0,3}\d){9}|[@＠﹫]")
"""The same, and an address, in a text as it stands."""
_LONGEST_WORD = 24
"""Letters and digits in a row that may hold a person's number; what is longer is a hash."""


@cache
def published_columns() -> tuple[Column, ...]:
    """The columns of the register of subjects that are published, at least for enterprises."""
    return tuple(c for c in SUBJECTS.columns if c.privacy in ("public", "personal") and c.name not in NEVER)


def mask_name(name: str) -> str:
    """王小明 -> 王**; nothing tells how long the name is."""
    return unicodedata.normalize("NFC", name).strip()[:1] + "**"


def subject(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """(the published columns of one subject, for each that is not shown whole why: missing, masked, withheld)."""
    return subjects({name: [row[name]] for name, _ in _published()})[0]


def subjects(columns: Mapping[str, list[Any]]) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """The same of many, given and worked on by column. Those whose states are the same share them."""
    person = [kind != "enterprise" for kind in columns["kind"]]
    published, states = [], []
    for name, of_persons in _published():
        values = columns[name]
        state = _missing(name, columns)
        if of_persons:
            masked = name in _MASKED_IN_PART
            hidden = "masked" if masked else "withheld"
            state = [
                (hidden if value else "missing") if natural else why
                for natural, value, why in zip(person, values, state, strict=True)
            ]
            values = [
                (mask_name(value) if masked and value else None) if natural else value
                for natural, value in zip(person, values, strict=True)
            ]
        elif name in _TEXTS:
            cleared = [
                text(value, {"kind": "individual", "name": own_name}) if natural and value else _cleared(value)
                for natural, value, own_name in zip(person, values, columns["name"], strict=True)
            ]
            state = [
                why if clear == value else "masked" for why, clear, value in zip(state, cleared, values, strict=True)
            ]
            values = cleared
        if of_persons:
            clear_of = _without_citizens if name in _OWN_NUMBERS else _cleared
            cleared = [value if natural else clear_of(value) for natural, value in zip(person, values, strict=True)]
            state = [
                why if clear == value else "masked" for why, clear, value in zip(state, cleared, values, strict=True)
            ]
            values = cleared
        published.append(values)
        states.append(state)
    names = [name for name, _ in _published()]
    reasons: dict[tuple[str | None, ...], dict[str, str]] = {}
    for why in set(zip(*states, strict=True)):
        reasons[why] = {name: state for name, state in zip(names, why, strict=True) if state}
    return [
        (dict(zip(names, row, strict=True)), reasons[why])
        for row, why in zip(zip(*published, strict=True), zip(*states, strict=True), strict=True)
    ]


def _cleared(value: Any) -> Any:
    """A value of an enterprise without the numbers of persons in it."""
    return struck(value) if isinstance(value, str) and _TELLING.search(value) else value


def _without_citizens(value: Any) -> Any:
    """A value that is published with the numbers in it, but for citizens' id numbers."""
    if not isinstance(value, str) or not _TELLING.search(value) or uscc_valid(value):
        return value
    folded = value.translate(_FOLDED)
    return _without(value, folded, ((start, end, "***") for start, end in resident_ids(folded)))


def _missing(name: str, columns: Mapping[str, list[Any]]) -> list[str | None]:
    """Which values of a column are not known: missing, or not applicable."""
    if name == "licence_valid_until":
        # A licence without a stated end, or no licence at all.
        return [
            None if until is not None else "missing" if licence is None else "not_applicable"
            for until, licence in zip(columns[name], columns["licence_no"], strict=True)
        ]
    return ["missing" if value is None else None for value in columns[name]]


@cache
def _published() -> tuple[tuple[str, bool], ...]:
    """(name, whether it is not shown whole of a natural person) of each published column."""
    return tuple((c.name, c.privacy == "personal" or c.name in ENTERPRISE_ONLY) for c in published_columns())


class _Folded(dict[int, str]):
    """Character -> what it is compared by: no matter its width, case or accent; what is not seen is a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        blank = character.isspace() or unicodedata.category(character) == "Cf"
        folded = self[code] = " " if blank else unicodedata.normalize("NFKD", character).lower()
        return folded


_FOLDED = _Folded()

Span = tuple[int, int, str]
"""From, to, what stands in its place."""


class Persons:
    """Natural persons by their names, to be found in texts about others, however a name is spaced.

    A name of two characters may be part of any word: it is found at the beginning of one only, or after what one says
    before a name (法定代表人, 经营者, 店主)."""

    _BEFORE_A_NAME = "人者主家"

    def __init__(self, names: Iterable[str | None]) -> None:
        self._names: dict[str, list[tuple[str, str]]] = {}
        for name in {name for name in names if name}:
            key = "".join(name.translate(_FOLDED).split())
            if len(key) > 1:
                self._names.setdefault(key[:2], []).append((key, mask_name(name)))

    def __bool__(self) -> bool:
        return bool(self._names)

    def spans(self, folded: str, *, anywhere: bool = False) -> Iterator[Span]:
        """Where they stand in a folded text. `whole`: in whatever word, as it is about them."""
        places = [place for place, character in enumerate(folded) if character != " "]
        close = "".join([folded[place] for place in places])
        for start in range(len(close) - 1):
            for key, masked in self._names.get(close[start : start + 2], ()):
                if close.startswith(key, start):
                    first, last = places[start], places[start + len(key) - 1]
                    before, after = folded[first - 1 : first], folded[last + 1 : last + 2]
                    begins = len(key) > 2 or not before.isalpha() or before in self._BEFORE_A_NAME
                    if anywhere or (begins and not _latin(before, key[0]) and not _latin(key[-1], after)):
                        yield first, last + 1, masked


@lru_cache(maxsize=256)
def _person(name: str | None) -> Persons:
    return Persons([name])


def _latin(left: str, right: str) -> bool:
    """Both are of a word in Latin script: no name begins or ends between them."""
    return left.isalnum() and right.isalnum() and left.isascii() and right.isascii()


def _numbers(folded: str) -> Iterator[Span]:
    """Where numbers and addresses of persons stand in a folded text."""
    if "@" in folded:
        for match in _MAIL.finditer(folded):
            yield match.start(), match.end(), "***"
    if _MANY_DIGITS.search(folded) is None:
        return
    for start, end in resident_ids(folded):
        yield start, end, "***"
    for match in _NUMBERS_OF_PERSONS.finditer(folded):
        number = re.sub("[^0-9x]", "", match[0]).upper()
        # The code of an enterprise may be all digits.
        if (not uscc_valid(number) or resident_id_valid(number)) and not _in_a_hash(folded, *match.span()):
            yield match.start(), match.end(), "***"
    for match in _CARDS.finditer(folded):
        number = re.sub("[^0-9]", "", match[0])
        if (number.startswith("62") or luhn.is_valid(number)) and not _in_a_hash(folded, *match.span()):
            yield match.start(), match.end(), "***"


def _in_a_hash(folded: str, start: int, end: int) -> bool:
    """Whether the digits are part of a word in Latin script or digits too long to hold the number of a person."""
    while start > 0 and _latin(folded[start - 1], folded[start]):
        start -= 1
    while end < len(folded) and _latin(folded[end - 1], folded[end]):
        end += 1
    return " " not in folded[start:end] and end - start > _LONGEST_WORD


def _without(value: str, folded: str, spans: Iterable[Span]) -> str:
    """The text with something else in place of each span of what it is folded to."""
    ordered = sorted(spans)
    if not ordered:
        return value
    # A character may be folded to several, never to none.
    places: Sequence[int] = range(len(value) + 1)
    if len(folded) != len(value):
        widths = [len(_FOLDED[ord(character)]) for character in value]
        places = [i for i, width in enumerate(widths) for _ in range(width)] + [len(value)]
    pieces, end = [], 0
    for first, last, instead in ordered:
        start = places[first]
        if start >= end:
            pieces += [value[end:start], instead]
            end = places[last - 1] + 1
    return "".join(pieces) + value[end:]


def struck(value: Any) -> Any:
    """The same with numbers and e-mail addresses of persons struck out of every text in it."""
    if isinstance(value, str):
        folded = value.translate(_FOLDED)
        return _without(value, folded, _numbers(folded))
    if isinstance(value, dict):
        return {key: struck(inner) for key, inner in value.items()}
    return [struck(inner) for inner in value] if isinstance(value, list) else value


def text(value: str | None, row: Mapping[str, Any], persons: Persons | None = None) -> str | None:
    """A free text about the subject: a natural person's name masked, its own and that of `others`, numbers and e-mail
    addresses of persons struck out."""
    if value is None:
        return None
    folded = value.translate(_FOLDED)
    spans = list(_numbers(folded))
    if row["kind"] != "enterprise" and (name := row["name"]) and mask_name(name)[0].translate(_FOLDED)[0] in folded:
        spans += _person(name).spans(folded, anywhere=True)
    if persons:
        spans += persons.spans(folded)
    return _without(value, folded, spans)


_PROSE = frozenset({"reason", "note", "zh", "en"})
FREE_TEXTS = _PROSE | {"issuer", "reference"}
"""Columns of what is said about a subject. Issuers and references are names of authorities and documents: what looks like
another's name in them is most often a part of theirs."""


def column(name: str, value: str | None, row: Mapping[str, Any], persons: Persons) -> str | None:
    """The value of one of FREE_TEXTS as it may be published."""
    return text(value, row, persons if name in _PROSE else None)

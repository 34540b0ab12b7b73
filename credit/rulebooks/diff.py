"""What changes from one rulebook to another, in words and numbers, Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from credit.files.strict_yaml import Place, read
from credit.rulebooks import places
from credit.rulebooks.book import Rulebook

_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One change. `place` names items by id; what is added has no `before`, what is removed no `after`."""

    place: str
    zh: str
    en: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def diff(before: Rulebook, after: Rulebook) -> list[Change]:
    """Every change of what the rules say, in the order of the file; comments and layout are none."""
    old, new = read(before.text)[0], read(after.text)[0]
    return [_change(old, new, *pair) for pair in _changes(old, new, (), ())]


def _changes(old: Any, new: Any, in_old: Place, in_new: Place) -> Iterator[tuple[Place | None, Place | None]]:
    """(place before, place after) of whatever differs; None where it is not there."""
    if old == new:
        return
    pairs = _pairs(old, new)
    if pairs is None:
        yield in_old, in_new
        return
    for a, b in pairs:
        if a is None:
            yield None, (*in_new, b)  # type: ignore[arg-type]
        elif b is None:
            yield (*in_old, a), None
        else:
            yield from _changes(old[a], new[b], (*in_old, a), (*in_new, b))
    # The same items in another order: of vetoes or levels that may matter.
    if isinstance(old, list):
        order_old, order_new = (
            [k for k in places.keyed(x) or () if k in (places.keyed(y) or ())] for x, y in ((old, new), (new, old))
        )
        if order_old != order_new:
            yield in_old, in_new


def _pairs(old: Any, new: Any) -> list[tuple[Any, Any]] | None:
    """Which part of the one is which part of the other; None where the two are compared as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        a, b = {key: key for key in old}, {key: key for key in new}
    elif isinstance(old, list) and isinstance(new, list) and places.keyed(old) and places.keyed(new):
        a, b = ({places.key_of(item): i for i, item in enumerate(items)} for items in (old, new))
    else:
        return None
    return [(a[key], b.get(key)) for key in a] + [(None, b[key]) for key in b if key not in a]


def _change(old: Any, new: Any, in_old: Place | None, in_new: Place | None) -> Change:
    data, place = (new, in_new) if in_new is not None else (old, in_old)
    assert place is not None
    zh, en = places.full_name(data, place)
    before = _ABSENT if in_old is None else places.at(old, in_old)
    after = _ABSENT if in_new is None else places.at(new, in_new)
    where = places.path(data, place)
    if (
        isinstance(before, list)
        and isinstance(after, list)
        and (a := places.keyed(before))
        and (b := places.keyed(after))
    ):
        before, after = [key for key in a if key in b], [key for key in b if key in a]
        zh, en = f"{zh} 次序", f"{en}: order" if ":" not in en else f"{en}, order"
    if before is _ABSENT or after is _ABSENT:
        value = after if before is _ABSENT else before
        verb_zh, verb_en = ("新增", "added") if before is _ABSENT else ("删除", "removed")
        scalar = not isinstance(value, dict | list) or bool(places.texts(value))
        value_zh, value_en = (
            (f" {places.shown(value, 0)}", f" {places.shown(value, 1)}")
            if scalar
            else (_weight(value, 0), _weight(value, 1))
        )
        return Change(
            where,
            f"{verb_zh}：{zh}{value_zh}",
            f"{en}: {verb_en}{value_en}",
            None if before is _ABSENT else before,
            None if after is _ABSENT else after,
        )
    return Change(
        where,
        f"{zh} {places.shown(before, 0)} → {places.shown(after, 0)}",
        f"{en} {places.shown(before, 1)} → {places.shown(after, 1)}",
        before,
        after,
    )


def _weight(item: Any, language: int) -> str:
    """What an added or removed item weighs, where it has a weight."""
    if not isinstance(item, dict) or "weight" not in item:
        return ""
    return f"（权重 {item['weight']}）" if language == 0 else f" (weight {item['weight']})"

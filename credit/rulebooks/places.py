"""Places in a rulebook's YAML, and what a person calls them in Chinese and English.

Generic over the parsed data, so that a section the rules gain later is compared, listed and named without a line here;
`LABELS` only makes its keys read better. A place is a path of keys and list positions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from credit.files.strict_yaml import Place
from credit.indicators import CATALOGUE
from credit.indicators.base import PARAMETERS

LABELS: dict[str, tuple[str, str]] = {
    "version": ("版本", "version"),
    "standard": ("标准", "standard"),
    "title": ("名称", "title"),
    "name": ("名称", "name"),
    "subject": ("评价对象", "subject"),
    "kind": ("类型", "kind"),
    "role": ("角色", "role"),
    "announced_on": ("公布日期", "announced on"),
    "effective_from": ("施行日期", "effective from"),
    "window_days": ("评价期（天）", "window (days)"),
    "minimum": ("评级最低要求", "minimum for a grade"),
    "orders": ("订单数", "orders"),
    "evidence": ("证据度", "evidence"),
    "elements": ("评价要素", "elements"),
    "indicators": ("评价指标", "indicators"),
    "weight": ("权重", "weight"),
    "strength": ("先验强度", "strength"),
    "prior": ("先验值", "prior"),
    "element": ("要素", "element"),
    "references": ("参考均值", "reference averages"),
    "merchants": ("先验值折合商家数", "merchants that a prior is worth"),
    "of_evaluations": ("计入的最近评价次数", "evaluations looked at"),
    "curve": ("计分曲线", "curve"),
    "source": ("来源", "source"),
    "reference": ("依据", "reference"),
    "grades": ("信用等级", "grades"),
    "symbols": ("等级符号", "grade symbols"),
    "grade": ("等级", "grade"),
    "levels": ("等级", "levels"),
    "at_least": ("最低得分", "at least"),
    "meaning": ("含义", "meaning"),
    "currency": ("金额币种", "currency of amounts"),
    "permits": ("须持行政许可", "permits needed"),
    "categories": ("类目", "categories"),
    "rates": ("折算汇率", "rates of currencies"),
    "parameters": ("计量参数", "parameters"),
    "vetoes": ("一票否决", "vetoes"),
    "margin": ("升降缓冲", "margin"),
    "points": ("分数", "points"),
    "evaluations": ("越过界限的评价次数", "evaluations past the edge"),
    "memory_days": ("回看天数", "days looked back"),
    "provisional": ("暂定评级（低于）", "provisional below"),
    "dormant_after_days": ("休眠天数", "dormant after days"),
    "threshold": ("阈值", "threshold"),
    "id": ("编号", "id"),
    "indicator": ("指标", "indicator"),
    "above": ("高于", "above"),
    "below": ("低于", "below"),
    "at_most": ("等级不高于", "the grade is at most"),
    "fixed": ("等级定为", "the grade is"),
    "days": ("天数", "days"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
    "value": ("", ""),
}


def texts(value: Any) -> tuple[str, str] | None:
    """The Chinese and the English of a {zh, en} block."""
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return str(value["zh"]), str(value["en"])
    return None


def key_of(item: Any) -> str | None:
    """What tells an item of a list from its neighbours in every version: its id, or its grade."""
    if isinstance(item, dict):
        for name in ("id", "grade"):
            if isinstance(item.get(name), str):
                return str(item[name])
    return None


def keyed(items: list[Any]) -> dict[str, Any] | None:
    """A list as a mapping by the items' keys; None where they have none or two are alike."""
    by_key = {key: item for item in items if (key := key_of(item)) is not None}
    return by_key if items and len(by_key) == len(items) else None


def at(data: Any, place: Place) -> Any:
    """What stands at a place."""
    for part in place:
        data = data[part]
    return data


def leaves(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every scalar with its place, in the order of the file."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if parts is None:
        yield place, data
        return
    for part, inner in parts:
        yield from leaves(inner, (*place, part))


def path(data: Any, place: Place) -> str:
    """A place as text, items by their keys: elements.fulfilment.indicators.completion_rate.weight."""
    names = []
    for i, part in enumerate(place):
        items = at(data, place[:i])
        by_key = isinstance(part, int) and keyed(items) is not None
        names.append(str(key_of(items[part])) if by_key else str(part))
    return ".".join(names)


def label(key: str) -> tuple[str, str]:
    """The names of a key; the key itself where it has none."""
    if key in PARAMETERS:
        return PARAMETERS[key].name.zh, PARAMETERS[key].name.en
    return LABELS.get(key, (key, key.replace("_", " ")))


def _own_name(item: Any) -> tuple[str, str] | None:
    if not isinstance(item, dict):
        return None
    if isinstance(grade := item.get("grade"), str) and "id" not in item:
        return f"等级 {grade}", f"Grade {grade}"
    for name in ("name", "title", "reason", "meaning"):
        if in_both := texts(item.get(name)):
            return in_both
    key = key_of(item)
    if key in CATALOGUE.indicators:
        return CATALOGUE[key].name.zh, CATALOGUE[key].name.en
    return label(key) if key else None


def name(data: Any, place: Place) -> tuple[tuple[str, str], tuple[str, str]]:
    """(owner, rest) of a place, each in Chinese and English: ("按时发货率", ...), ("权重", "weight")."""
    owner: tuple[str, str] | None = None
    rest: list[tuple[str, str]] = []
    for i, part in enumerate(place):
        item = at(data, place[: i + 1])
        if own := _own_name(item):
            owner, rest = own, []
        elif part in PARAMETERS:
            owner, rest = label(str(part)), []
        elif isinstance(part, int):
            in_curve = "curve" in place[:i]
            if in_curve and place[i - 1] != "curve":
                rest.append((("数值", "分值")[part], ("value", "mark")[part]) if part < 2 else (str(part), str(part)))
            else:
                rest.append(
                    (f"第 {part + 1} {'点' if in_curve else '项'}", f"{'point' if in_curve else 'item'} {part + 1}")
                )
        else:
            rest.append(label(part))
    zh, en = (" ".join(words[k] for words in rest if words[k]) for k in (0, 1))
    return owner or ("", ""), (zh, en)


def full_name(data: Any, place: Place) -> tuple[str, str]:
    """A place in one phrase: "按时发货率 权重", "On-time dispatch rate: weight"."""
    owner, rest = name(data, place)
    return " ".join(filter(None, (owner[0], rest[0]))), ": ".join(filter(None, (owner[1], rest[1])))


def shown(value: Any, language: int = 1) -> str:
    """A value as a person reads it; `language` 0 Chinese, 1 English."""
    if in_both := texts(value):
        return in_both[language]
    if value is None:
        return "—"
    if isinstance(value, str | int | float | date):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def veto(item: Any) -> tuple[str, str] | None:
    """A veto as a sentence: "认定欺诈：等级定为 D", "Fraud upheld: the grade is D"; None for anything else."""
    effect = next((key for key in ("fixed", "at_most") if isinstance(item, dict) and item.get(key) is not None), None)
    if effect is None or (own := _own_name(item)) is None:
        return None
    return tuple(  # type: ignore[return-value]
        f"{name}{colon}{relation} {item[effect]}"
        for name, colon, relation in zip(own, ("：", ": "), label(effect), strict=True)
    )


def condition(item: dict[str, Any]) -> tuple[str, str] | None:
    """When a veto holds: "认定欺诈 高于 0", "Fraud upheld above 0"; None where it does not say."""
    test = next((key for key in ("above", "below") if item.get(key) is not None), None)
    id_ = item.get("indicator", item.get("element"))
    if test is None or not isinstance(id_, str):
        return None
    if "element" in item:
        named = (f"要素 {id_} 得分", f"mark of element {id_}")
    else:
        named = (CATALOGUE[id_].name.zh, CATALOGUE[id_].name.en) if id_ in CATALOGUE.indicators else (id_, id_)
    window = f" ({item['window_days']} d)" if item.get("window_days") else ""
    zh, en = (f"{name} {relation} {item[test]}{window}" for name, relation in zip(named, label(test), strict=True))
    return zh, en


def lines(value: Any) -> list[str]:
    """A section or item as lines to read, Chinese and English; where its numbers come from is left out."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [line for item in value for line in lines(item)]
    if not isinstance(value, dict) or texts(value):
        return [shown(value)]
    if sentence := veto(value):
        return [" · ".join(sentence)]
    if "value" in value and set(value) <= {"value", "source", "reference"}:
        return [shown(value["value"])]
    if (own := _own_name(value)) is None:
        section: list[str] = []
        for key, part in value.items():
            if key in ("source", "reference"):
                continue
            below = lines(part)
            heading = " ".join(dict.fromkeys(label(key)))
            section += [f"{heading}: {below[0]}"] if len(below) == 1 else [heading, *(f"  {line}" for line in below)]
        return section
    mark = value.get("weight", value.get("at_least"))
    head = " ".join(dict.fromkeys(own)) + ("" if mark is None else f": {shown(mark)}")
    below = lines(value["indicators"]) if isinstance(value.get("indicators"), list) else []
    return [head, *(f"  {line}" for line in below)]

"""What changes between two rulebooks, in words and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from credit.files.strict_yaml import read
from credit.rulebooks import places
from credit.rulebooks.book import Rulebook
from credit.rulebooks.diff import Change, diff
from credit.rulebooks.places import condition, full_name, lines, veto
from credit.rulebooks.reading import load, shipped
from support import rules

BOOK = load(rules.ENTERPRISE_EARLIER)
LATER = load(rules.ENTERPRISE)


def _changed(*replacements: tuple[str, str]) -> list[Change]:
    text = BOOK.text
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return diff(BOOK, BOOK.model_copy(update={"text": text}))


def test_a_weight() -> None:
    (change,) = _changed(("id: on_time_dispatch_rate, weight: 35", "id: on_time_dispatch_rate, weight: 30"))
    assert change.to_json() == {
        "place": "elements.fulfilment.indicators.on_time_dispatch_rate.weight",
        "zh": "按时发货率 权重 35 → 30",
        "en": "On-time dispatch rate: weight 35 → 30",
        "before": 35,
        "after": 30,
    }


CHANGES: dict[str, tuple[tuple[str, str], str, str]] = {
    "date": (("effective_from: ", "effective_from: 2030-01-01 # "), "施行日期", "effective from"),
    "edge": (("grade: AA, at_least: 85", "grade: AA, at_least: 86"), "等级 AA 最低得分 85 → 86", "Grade AA: at least 85 → 86"),
    "words in one language": (("信用优良", "信用良好"), "等级 AA 含义 中文 信用优良 → 信用良好", "meaning Chinese 信用优良 → 信用良好"),
    "curve": (("prior: 0.985, curve: [[0.3, 0]", "prior: 0.985, curve: [[0.2, 0]"), "订单完成率 计分曲线 [[0.3, 0]", "Completion rate: curve [[0.3, 0]"),
    "minimum": (("orders: {value: 10", "orders: {value: 12"), "评级最低要求 订单数 10 → 12", "orders 10 → 12"),
    "added key": (("id: invoice_rate, ", "id: invoice_rate, window_days: 180, "), "新增：应索开票率 评价期（天） 180", "added 180"),
    "removed key": (("id: invoice_rate, weight: 5, strength: 10", "id: invoice_rate, weight: 5"), "删除：应索开票率 先验强度 10", "removed 10"),
    "indicator": (("id: invoice_rate, weight: 5", "id: another_rate, weight: 5"), "删除：应索开票率（权重 5）", "Invoices issued on request: removed (weight 5)"),
    "section to come": (("elements:\n", "vetoes:\n  - {id: counterfeit, name: {zh: 售假, en: Counterfeits}, at_least: 3}\nelements:\n"), "新增：一票否决", "vetoes: added"),
    "parameter to come": (("elements:\n", "parameters:\n  some_days: {value: 3, source: reconstruction}\nelements:\n"), "新增：计量参数", "parameters: added"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_in_both_languages(kind: str) -> None:
    replacement, zh, en = CHANGES[kind]
    changes = _changed(replacement)
    assert any(zh in change.zh for change in changes), changes
    assert any(en in change.en for change in changes), changes


def test_within_a_section_the_model_does_not_know() -> None:
    section = "vetoes:\n  - {id: counterfeit, name: {zh: 售假, en: Counterfeits}, conditions: [{value: 3, days: 30}]}\nelements:\n"
    before = BOOK.model_copy(update={"text": BOOK.text.replace("elements:\n", section, 1)})
    after = before.model_copy(update={"text": before.text.replace("name: {zh: 售假, en: Counterfeits}, conditions: [{value: 3", "name: {zh: 售假, en: Counterfeits}, conditions: [{value: 4")})  # fmt: skip
    (change,) = diff(before, after)
    assert change.place == "vetoes.counterfeit.conditions"
    assert change.zh.startswith("售假 conditions")


def test_an_order_that_changed() -> None:
    first, second = "    - {grade: CC, at_least: 15", "    - {grade: C, at_least: 5"
    lines = BOOK.text.split("\n")
    i, j = (next(n for n, line in enumerate(lines) if line.startswith(start)) for start in (first, second))
    lines[i], lines[j] = lines[j], lines[i]
    (change,) = diff(BOOK, BOOK.model_copy(update={"text": "\n".join(lines)}))
    assert "次序" in change.zh
    assert "order" in change.en


def test_comments_and_layout_are_no_change() -> None:
    assert _changed(("# Credit evaluation", "# The credit evaluation")) == []


@pytest.mark.parametrize("book", shipped(), ids=lambda book: f"{book.id}-{book.version}")
def test_every_key_of_the_shipped_rules_has_a_chinese_name(book: Rulebook) -> None:
    data = read(book.text)[0]
    unnamed = set()

    def walk(node: Any, place: places.Place) -> None:
        parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for part, inner in parts:
            zh, _ = full_name(data, (*place, part))
            if isinstance(part, str) and any(
                word.isascii() and word.isalpha() and len(word) > 4 for word in zh.split()
            ):
                unnamed.add(part)
            walk(inner, (*place, part))

    walk(data, ())
    assert unnamed - {"title"} == set()


VETOES = {
    "fraud_upheld": (
        "认定欺诈：等级定为 D",
        "Fraud upheld: the grade is D",
        ("认定欺诈 高于 2", "Fraud upheld above 2"),
    ),
    "licence_expired": (
        "证照失效：等级不高于 BBB",
        "Licence not in force: the grade is at most BBB",
        ("证照当日有效 低于 1", "Licences valid on the day below 1"),
    ),
}


@pytest.mark.parametrize("id_", VETOES)
def test_a_veto_in_words(id_: str) -> None:
    (item,) = [veto for veto in read(LATER.text)[0]["vetoes"] if veto["id"] == id_]
    zh, en, when = VETOES[id_]
    assert veto(item) == (zh, en)
    assert condition(item) == when


def test_the_shipped_versions_differ_in_words() -> None:
    changes = {change.place: change for change in diff(BOOK, LATER)}
    assert changes["elements.fulfilment.weight"].en == "Fulfilment: weight 25 → 30"
    assert "认定欺诈：等级定为 D · Fraud upheld: the grade is D" in lines(changes["vetoes"].after)
    assert "严重处罚权数 Weight of a serious penalty: 10" in lines(changes["parameters"].after)
    assert lines(changes["margin"].after) == [
        "分数 points: 1",
        "越过界限的评价次数 evaluations past the edge: 7",
        "回看天数 days looked back: 31",
        "计入的最近评价次数 evaluations looked at: 10",
    ]
    assert lines(changes["dormant_after_days"].after) == ["180"]
    assert lines(changes["elements.conduct"].after)[1] == "  平台违规 Violations of platform rules: 35"

"""The one reader of YAML: data alone, hostile text refused with its line, places and errors by line."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from credit.files.strict_yaml import MAX_DEPTH, Types, YamlFault, at, error_list, in_order, line_of, read

TEXT = "shop:\n  name: 示例\n  days:\n    - 1\n    - 2026-11-24\n"


def test_data_and_the_line_of_each_place() -> None:
    data, lines = read(TEXT)
    assert data == {"shop": {"name": "示例", "days": [1, date(2026, 11, 24)]}}
    assert lines == {
        (): 1, ("shop",): 2, ("shop", "name"): 2, ("shop", "days"): 4, ("shop", "days", 0): 4, ("shop", "days", 1): 5,
    }  # fmt: skip


def test_what_is_read_may_be_changed() -> None:
    data, lines = read(TEXT)
    data["shop"]["days"].clear()
    lines.clear()
    assert read(TEXT)[0]["shop"]["days"]
    assert read(TEXT)[1]


@pytest.mark.parametrize(
    ("types", "values"),
    [
        ("all", [1, 0.5, True, None, date(2026, 2, 28), "1/3"]),
        ("days_as_text", [1, 0.5, True, None, "2026-02-28", "1/3"]),
        ("text", ["1", "0.5", "yes", "", "2026-02-28", "1/3"]),
    ],
)
def test_scalars_are_taken_for_what_is_asked(types: Types, values: list[Any]) -> None:
    assert read("- 1\n- 0.5\n- yes\n-\n- 2026-02-28\n- 1/3\n", types)[0] == values


@pytest.mark.parametrize("number", ["1" + "0" * 16, "-0x" + "f" * 400, "0b" + "1" * 90])
def test_a_number_that_nothing_can_be_is_refused_with_its_line(number: str) -> None:
    assert read("- 1000000000000000")[0] == [10**15]
    with pytest.raises(YamlFault, match="more than 15 digits") as caught:
        read(f"a: 1\nb: {number}\n")
    assert caught.value.where == ", line 2"


def test_nothing_is_read_of_an_empty_text() -> None:
    assert read("# nothing\n") == (None, {})


def test_a_merge_is_a_key_like_any_other() -> None:
    assert read("<<: {a: 1}\nb: 2\n")[0] == {"<<": {"a": 1}, "b": 2}


REFUSED = {
    "alias": ("a: &x [1]\nb: *x\n", 2, "aliases"),
    "tag": ("a: 1\nb: !!str 2\n", 2, "tags"),
    "tag of Python": ("a: !!python/object/apply:os.system ['true']\n", 1, "tags"),
    "own tag": ("- !shop {a: 1}\n", 1, "tags"),
    "key twice": ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands twice"),
    "key twice, written otherwise": ("1: a\n0x1: b\n", 2, "key '0x1' stands twice"),
    "key twice, once quoted": ("1: a\n'1': b\n", 2, "key '1' stands twice"),
    "key twice, deep inside": ("a:\n- b: {c: 1, c: 2}\n", 2, "key 'c' stands twice"),
    "key that is a list": ("? [a]\n: 1\n", 1, "plain name"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "single document|another document"),
    "not closed": ("a: [1,\n", 2, "expected"),
    "nested without end": ("[" * 100_000, 1, "nested too deeply"),
    "nested in lines": ("".join(f"{' ' * depth}a:\n" for depth in range(80)), MAX_DEPTH, "nested too deeply"),
    "no day": ("a: 2026-02-30\n", None, "day"),
    "no character": ("a: \x00\n", None, "character"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_more_than_data_is_refused_with_its_line(kind: str) -> None:
    text, line, problem = REFUSED[kind]
    with pytest.raises(YamlFault, match=problem) as fault:
        read(text)
    assert fault.value.line == line
    assert fault.value.where == (f", line {line}" if line else "")


def test_as_many_levels_as_are_allowed() -> None:
    assert str(read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[0]) == "[" * MAX_DEPTH + "]" * MAX_DEPTH
    with pytest.raises(YamlFault):
        read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_place_that_is_missing_has_the_line_of_what_is_around_it() -> None:
    lines = read(TEXT)[1]
    assert line_of(lines, ("shop", "days", 1)) == 5
    assert line_of(lines, ("shop", "days", 7, "x")) == 4
    assert line_of(lines, ("elsewhere",)) == 1
    assert at("a.yaml", lines, ("shop", "days", 7)) == "a.yaml, line 4, shop.days.7"
    assert at("a.yaml", {}, ()) == "a.yaml, line 1, (whole)"


def test_errors_stand_by_line_in_one_message() -> None:
    errors = in_order("a.yaml", read(TEXT)[1], [(("shop", "days", 1), "is late"), (("shop", "name"), "is short")])
    assert error_list("shop a.yaml", errors) == (
        "shop a.yaml has 2 errors:\n"
        "  a.yaml, line 2, shop.name: is short\n"
        "  a.yaml, line 5, shop.days.1: is late"
    )  # fmt: skip
    assert error_list("shop a.yaml", errors[:1], "; mend it").startswith("shop a.yaml has 1 error; mend it:\n")

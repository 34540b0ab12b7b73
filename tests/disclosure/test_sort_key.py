"""The search sort key by credit: its order, and that advertisements never move anybody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.disclosure import sort_key
from credit.errors import InputError
from credit.rulebooks import reading
from support.published_version import BOOKS

LADDERS = {kind: sort_key.ladder(reading.load(path)) for kind, path in BOOKS.items()}


KINDS = st.sampled_from(sorted(LADDERS))
SCORES = st.integers(0, 1_000_000).map(lambda n: n / 10_000)


def grades_of(kind: str) -> list[str]:
    return list(LADDERS[kind].bands)


@given(KINDS, st.data())
def test_within_a_grade_the_key_rises_with_the_score(kind: str, data: st.DataObject) -> None:
    grade = data.draw(st.sampled_from(grades_of(kind)))
    low, high = sorted((data.draw(SCORES), data.draw(SCORES)))
    keys = [sort_key.key(grade, score, LADDERS[kind]) for score in (low, high)]
    assert keys[0] < keys[1] if low < high else keys[0] == keys[1]


@given(KINDS, SCORES, SCORES, st.data())
def test_nobody_stands_above_a_better_grade_whatever_the_scores(
    kind: str, better_score: float, worse_score: float, data: st.DataObject
) -> None:
    order = grades_of(kind)
    i, j = sorted(data.draw(st.lists(st.integers(0, len(order) - 1), min_size=2, max_size=2, unique=True)))
    better = sort_key.key(order[i], better_score, LADDERS[kind])
    assert better > sort_key.key(order[j], worse_score, LADDERS[kind])
    assert better > sort_key.key(order[j], None, LADDERS[kind])


@given(SCORES, SCORES)
def test_enterprises_and_individuals_compare_by_score(enterprise: float, individual: float) -> None:
    def key_of(kind: str, score: float) -> int:
        held = next(g for g, (low, _) in LADDERS[kind].bands.items() if round(score * 10_000) >= low)
        return sort_key.key(held, score, LADDERS[kind])

    a, b = key_of("enterprise", enterprise), key_of("individual", individual)
    assert (a > b) == (enterprise > individual)
    assert (a == b) == (enterprise == individual)


def test_the_unrated_stand_behind_ordinary_credit_and_before_the_rest() -> None:
    for kind, ordinary, worse in (("enterprise", "BB", "B"), ("individual", "C", "D")):
        neutral = sort_key.key("NR", None, LADDERS[kind])
        assert sort_key.key(ordinary, 60, LADDERS[kind]) > neutral > sort_key.key(worse, 100, LADDERS[kind])
    assert sort_key.key("NR", None, LADDERS["enterprise"]) == sort_key.key("NR", None, LADDERS["individual"])


MERCHANTS = st.lists(st.tuples(KINDS, st.integers(0, 4), SCORES), max_size=30)


def table_of(merchants: Sequence[tuple[str, int, float]]) -> pa.Table:
    return pa.table(
        {
            "subject_id": [f"M{i}" for i in range(len(merchants))],
            "subject_kind": [kind for kind, _, _ in merchants],
            "self_operated": pa.array([None if n == 0 else bool(n % 2) for _, n, _ in merchants], pa.bool_()),
            "grade": [([*grades_of(kind), "NR"])[-1 - n] for kind, n, _ in merchants],
            "score": pa.array([None if n == 0 else score for _, n, score in merchants], pa.float64()),
            "rulebook_hash": [kind for kind, _, _ in merchants],
        }
    )


@given(MERCHANTS, st.data())
def test_an_advertisement_never_moves_anybody(merchants: list[tuple[str, int, float]], data: st.DataObject) -> None:
    table = table_of(merchants)
    paid = data.draw(st.sets(st.sampled_from(table["subject_id"].to_pylist() or ["M0"])))
    plain, marked = (sort_key.sort_keys(table, LADDERS, advertised) for advertised in (None, paid))
    unmarked = [name for name in plain.column_names if name != "advertisement"]
    assert plain.select(unmarked).equals(marked.select(unmarked))
    assert plain["advertisement"].null_count == len(merchants)
    assert {row["subject_id"] for row in marked.to_pylist() if row["advertisement"]} == paid & set(
        table["subject_id"].to_pylist()
    )


@given(MERCHANTS, st.randoms(use_true_random=False))
def test_the_order_is_total_and_the_same_whatever_order_comes_in(
    merchants: list[tuple[str, int, float]], random: Any
) -> None:
    table = table_of(merchants)
    shuffled = list(range(len(merchants)))
    random.shuffle(shuffled)
    keys = sort_key.sort_keys(table, LADDERS)
    assert keys.equals(sort_key.sort_keys(table.take(pa.array(shuffled, pa.int64())), LADDERS))
    self_operated = {row["subject_id"]: bool(row["self_operated"]) for row in table.to_pylist()}
    assert {row["subject_id"]: row["self_operated"] for row in keys.to_pylist()} == self_operated
    places = [(-row["credit_sort_key"], row["subject_id"]) for row in keys.to_pylist()]
    assert places == sorted(set(places))
    assert dict(sort_key.files(table, LADDERS)) == dict(sort_key.files(table, LADDERS))


def test_a_list_of_advertisements_is_checked_line_by_line(tmp_path: Path) -> None:
    paid = tmp_path / "paid.txt"
    paid.write_bytes('\ufeff主体编号\r\nM1\r\n\r\n"M2"\r\n'.encode())
    assert sort_key.advertised(paid, {"M1", "M2", "M3"}) == {"M1", "M2"}
    paid.write_text("M1\nM9\n")
    with pytest.raises(InputError, match="line 2: 'M9'"):
        sort_key.advertised(paid, {"M1"})
    paid.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        sort_key.advertised(paid, {"M1"})
    with pytest.raises(InputError, match="cannot be read"):
        sort_key.advertised(tmp_path / "none.txt", {"M1"})

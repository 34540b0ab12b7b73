"""Which shops are one legal subject, and what each of them is marked by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.evaluation import engine, legal_subjects
from credit.home import open_warehouse
from credit.settings import Settings
from credit.tables import TABLES
from support.small_market import CUT_OFF, ZONE, Rows, at, deliver, on, order, seller

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

USCC, OTHER = "91330198MA3000926M", "91110198000000001M"
CITIZEN = "110105199001011232"
MOMENT = engine.Moment(CUT_OFF, ZONE)

Conn = duckdb.DuckDBPyConnection
Delivered = Callable[[Rows], None]


@pytest.fixture
def options(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", zone=ZONE, threads=1)


@pytest.fixture
def con(options: Settings) -> Iterator[Conn]:
    with open_warehouse(options) as opened:
        yield opened


@pytest.fixture
def delivered(con: Conn, options: Settings, tmp_path: Path) -> Delivered:
    return lambda rows: deliver(con, options, tmp_path / "in", rows)


def groups(con: Conn) -> dict[str, list[str]]:
    return legal_subjects.shops(con, MOMENT)


def seen(con: Conn, table: str, *columns: str) -> list[tuple[Any, ...]]:
    frame = legal_subjects.read(con, engine.known(con, MOMENT), MOMENT)(TABLES[table]).lazy()
    return sorted(frame.select(*columns).collect(backend="pyarrow").rows(), key=str)


def test_each_number_joins_if_it_is_right_by_itself(con: Conn, delivered: Delivered) -> None:
    """An enterprise's citizen's id, an individual's wrong id beside its right credit code."""
    delivered({"subjects": [
        seller("a", uscc=USCC), seller("b", uscc=USCC, id_number="110101198001010000", kind="individual"),
        seller("c", uscc=OTHER, id_number=CITIZEN), seller("d", id_number=CITIZEN, kind="individual"),
    ]})  # fmt: skip
    assert groups(con) == {"a": ["a", "b"], "b": ["a", "b"], "c": ["c", "d"], "d": ["c", "d"]}


@pytest.mark.parametrize("filler", ["000000000000000000", "未提供", "111111111111111111", "91330198MA3000926N", "-"])
def test_what_is_no_number_joins_nobody(filler: str, con: Conn, delivered: Delivered) -> None:
    first = {"uscc": USCC, "id_number": filler} if filler[:2] != "91" else {"uscc": filler}
    second = {"uscc": OTHER, "id_number": filler} if filler[:2] != "91" else {"uscc": filler}
    delivered({"subjects": [seller("a", **first), seller("b", **second), seller("c", id_number=filler, kind="individual"),
                            seller("d", id_number=CITIZEN)]})  # fmt: skip
    assert groups(con) == {}


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (USCC, USCC.lower()),
        (USCC, "91330198 MA300092 6M"),
        (USCC, "91330198-MA3000926-M"),
        (USCC, "91330198—MA3000926·M"),
        (USCC, "".join(chr(ord(sign) + 0xFEE0) for sign in USCC)),
        ("11010519491231002X", "110105 19491231 002x"),
        ("11010519491231002X", "１１０１０５-１９４９１２３１-００２ｘ"),
    ],
)
def test_a_number_is_the_same_however_it_is_written(number: str, written: str, con: Conn, delivered: Delivered) -> None:
    column = "uscc" if number == USCC else "id_number"
    delivered({"subjects": [seller("a", **{column: number}), seller("b", **{column: written})]})
    assert groups(con) == {"a": ["a", "b"], "b": ["a", "b"]}


def test_an_unverified_shop_bears_what_it_claims_and_hands_nothing_on(con: Conn, delivered: Delivered) -> None:
    """Nor does one that claims the codes of two make them one; shops that nobody has verified are one as ever."""
    unverified = {"registration_verified_on": None}
    third = "91110198000000002Q"
    delivered({
        "subjects": [
            seller("owner", uscc=USCC), seller("sister", uscc=USCC), seller("other", uscc=OTHER, id_number=CITIZEN),
            seller("claims", uscc=USCC, id_number=CITIZEN, **unverified),
            seller("new1", uscc=third, **unverified), seller("new2", uscc=third, **unverified),
        ],
        "transactions": [order(name, 1, -30) for name in ("owner", "other", "claims", "new1")],
    })  # fmt: skip
    assert groups(con) == {
        "owner": ["owner", "sister"], "sister": ["owner", "sister"], "other": ["other"],
        "claims": ["claims", "other", "owner", "sister"], "new1": ["new1", "new2"], "new2": ["new1", "new2"],
    }  # fmt: skip
    assert seen(con, "transactions", "subject_id", "transaction_id", "own") == [
        ("claims", "claims-1", True), ("claims", "other-1", False), ("claims", "owner-1", False),
        ("new1", "new1-1", True), ("new2", "new1-1", False),
        ("other", "other-1", True), ("owner", "owner-1", True), ("sister", "owner-1", False),
    ]  # fmt: skip


def test_who_was_verified_once_goes_on_handing_its_record_on(con: Conn, delivered: Delivered) -> None:
    delivered({"subjects": [
        seller("a", uscc=USCC), seller("b", uscc=USCC), seller("b", uscc=None, registration_verified_on=None, known_at=at(-9)),
    ]})  # fmt: skip
    assert groups(con) == {"a": ["a", "b"], "b": ["a", "b"]}


def test_one_document_delivered_for_each_shop_is_one_record(con: Conn, delivered: Delivered) -> None:
    """Without a number it is as many as there are; a shop's own are never fewer for having sisters."""

    def penalty(number: int, shop: str, reference: str | None) -> dict[str, Any]:
        return {
            "record_id": f"p{number}", "subject_id": shop, "kind": "administrative_penalty", "issuer": "局", "grade": "minor",
            "reference": reference, "valid_from": on(-30), "known_at": at(-20),
        }  # fmt: skip

    shops = ("a", "b", "b", "c", "c", "alone", "alone")
    delivered({
        "subjects": [seller(name, uscc=USCC if name in "abc" else OTHER) for name in ("a", "b", "c", "alone")],
        "public_records": [penalty(i, shop, "2026-1") for i, shop in enumerate(shops)]
        + [penalty(10 + i, shop, None) for i, shop in enumerate(("a", "b", "alone", "alone"))],
    })  # fmt: skip
    rows = seen(con, "public_records", "subject_id", "reference", "own")
    counted = {name: [sum(r[:2] == (name, number) for r in rows) for number in ("2026-1", None)] for name in shops}
    assert counted == {"a": [1, 2], "b": [2, 2], "c": [2, 2], "alone": [2, 2]}
    assert sum(own for _, _, own in rows) == 11


def test_whoever_had_a_credit_code_has_a_licence_to_answer_for(con: Conn, delivered: Delivered) -> None:
    """An individual that blanks its code and keeps a citizen's id; one that never had a code has none to answer for."""
    person = {"kind": "individual", "id_number": CITIZEN, "licence_no": None, "licence_valid_until": None}
    later = seller("a", **person, known_at=at(-9))
    delivered({"subjects": [seller("a", **person | {"uscc": USCC}), later, seller("b", **person)]})
    assert seen(con, "subjects", "subject_id", "licence_no", "licence_valid_until", "uscc", "code_valid") == [
        ("a", USCC, None, None, True), ("b", None, None, None, True)
    ]  # fmt: skip


def test_categories_that_ever_stood_in_the_register_stay_known(con: Conn, delivered: Delivered) -> None:
    moved = [seller("a", category=name, known_at=at(-day)) for name, day in (("食品", 300), ("家电", 200), (None, 100))]
    delivered({"subjects": [*moved, seller("b", category="家电"), seller("c", category=None)]})
    rows = seen(con, "subjects", "subject_id", "category", "categories")
    assert [(name, now, set(ever.split("|"))) for name, now, ever in rows] == [
        ("a", "家电", {"食品", "家电"}), ("b", "家电", {"家电"}), ("c", None, {""})
    ]  # fmt: skip

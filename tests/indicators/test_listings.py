"""Completeness of listings, by hand: what food, a service and goods of no category must show, the evaluation of 2025-07-01."""

from __future__ import annotations

from datetime import date

import pytest

from credit.listings import required

SIX = {
    "name": "n", "price": "9.90", "specification": "500 g", "after_sales": "七天无理由", "delivery": "48 小时", "photographs": 3,
}  # fmt: skip
FOOD = SIX | {
    "category": "食品生鲜", "maker": "m", "origin": "o", "material": "m", "shelf_life": "12 个月", "certificate": "SC10113019800001",
}  # fmt: skip


def without(row: dict[str, object], *fields: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in fields}


def test_listing_completeness(measure) -> None:
    listings = [
        FOOD,  # all of eleven
        without(FOOD, "shelf_life", "certificate"),  # nine
        SIX | {"category": "上门服务"},  # a category that nothing more is asked of: all of six
        FOOD | {"delisted_at": "2025-06-20 10:00", "name": None},  # off sale
        without(FOOD, "name") | {"listed_at": "2025-07-01 00:00"},  # not on sale yet
    ]
    assert measure("listing_completeness", listings=listings) == ("measured", 26, 28, 26 / 28)


def test_a_photograph_is_one_or_more_and_an_old_listing_counts(measure) -> None:
    old = SIX | {"category": "上门服务", "listed_at": "2019-01-01 10:00", "photographs": 0}
    assert measure("listing_completeness", listings=[old]) == ("measured", 5, 6, 5 / 6)


def test_off_sale_from_the_cut_off_on_is_on_sale_still(measure) -> None:
    row = without(SIX, "name") | {"category": "上门服务", "delisted_at": "2025-07-01 00:00"}
    assert measure("listing_completeness", listings=[row]) == ("measured", 5, 6, 5 / 6)


@pytest.mark.parametrize("category", ["食品生鲜", "食 品生鲜", "食品生鲜/零食", "Food", "ＦＯＯＤ", "fresh food"])
def test_a_category_is_known_however_it_is_written(measure, category: str) -> None:
    row = without(FOOD, "shelf_life") | {"category": category}
    assert measure("listing_completeness", listings=[row]) == ("measured", 10, 11, 10 / 11)


def test_a_latin_name_is_no_part_of_another_word(measure) -> None:
    assert measure("listing_completeness", listings=[SIX | {"category": "skincare"}]).denominator == 6  # not: car
    assert measure("listing_completeness", listings=[SIX | {"category": "car"}]).denominator == 10


def test_no_category_is_never_better_than_the_strictest(measure) -> None:
    concealed = measure("listing_completeness", listings=[without(FOOD, "category", "shelf_life")])
    assert concealed == ("measured", 10, 12, 10 / 12)
    assert concealed.value <= measure("listing_completeness", listings=[without(FOOD, "shelf_life")]).value


def test_nothing_on_sale_is_missing_and_no_table_is_not_supplied(measure) -> None:
    assert measure("listing_completeness", listings=[FOOD | {"delisted_at": "2025-06-20"}]) == ("missing", 0, 0, None)
    assert measure("listing_completeness", subjects=[{}]) == ("missing", None, None, None)


def test_what_the_platform_does_not_supply_is_asked_of_nobody(measure) -> None:
    row = without(FOOD, "shelf_life", "certificate")
    absent = ["listings.shelf_life", "listings.certificate"]
    assert measure("listing_completeness", listings=[row], without=absent) == ("measured", 9, 9, 1)
    assert measure("listing_completeness", listings=[row], without=["listings.category"]) == ("measured", 6, 6, 1)


def test_the_list_in_force_is_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = required.shipped()
    later = first.model_copy(update={"version": "1.1.0", "effective_from": date(2027, 3, 1)})
    monkeypatch.setattr(required, "shipped", lambda: (first, later))
    days = [date(2020, 1, 1), first.effective_from, date(2027, 2, 28), date(2027, 3, 1)]
    assert [required.in_force(day).version for day in days] == ["1.0.0", "1.0.0", "1.0.0", "1.1.0"]

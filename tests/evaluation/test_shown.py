"""The list of what a shop's listings lack, by hand, and that it counts as the indicator does."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit.evaluation.engine import Moment
from credit.evaluation.shown import listings
from credit.listings.required import FIELDS
from credit.settings import cut_off
from credit.tables import LISTINGS
from support.literal import DAY, ZONE, Fill

MOMENT = Moment(cut_off(DAY, ZONE), ZONE)
ALL = frozenset(f"listings.{name}" for name in LISTINGS.names) | {"listings"}
BOOK = {
    "listing_id": "b1", "category": "图书文具", "name": "字典", "price": "45.00", "specification": "16 开", "after_sales": "七天无理由",
    "delivery": "48 小时", "photographs": 2, "maker": "某出版社", "certificate": "ISBN 978-0",
}  # fmt: skip


def test_what_is_lacking_is_named_listing_by_listing(fill: Fill) -> None:
    con = fill(
        listings=[
            BOOK,
            BOOK | {"listing_id": "b2", "photographs": 0, "certificate": None},
            BOOK | {"listing_id": "b3", "name": None, "delisted_at": "2025-06-20"},
            BOOK | {"listing_id": "x1", "subject_id": "another", "name": None},
        ]
    )
    summary = listings(con, MOMENT, ALL, "shop")
    assert summary == {
        "required_by": {"id": "gbt-35411-listing", "version": "1.0.0"},
        "on_sale": 2,
        "complete": 1,
        "fields_asked": 16,
        "fields_shown": 14,
        "lacking": [
            {
                "listing_id": "b2",
                "name": "字典",
                "fields": [
                    {"code": "photographs", "zh": "商品图片数", "en": "Number of photographs"},
                    {
                        "code": "certificate",
                        "zh": "强制认证或许可编号",
                        "en": "Number of the certificate, registration or permit that goods of the kind must have",
                    },
                ],
            }
        ],
    }


def test_without_the_table_there_is_no_list(fill: Fill) -> None:
    assert listings(fill(subjects=[{}]), MOMENT, frozenset({"subjects"}), "shop") is None


def test_of_a_shop_with_nothing_on_sale_nothing_is_lacking(fill: Fill) -> None:
    summary = listings(fill(listings=[BOOK | {"subject_id": "another"}]), MOMENT, ALL, "shop")
    assert summary is not None
    assert (summary["on_sale"], summary["fields_asked"], summary["lacking"]) == (0, 0, [])


FILLED = {"photographs": 1, "price": "1.00"}
rows = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(
                [None, "食品生鲜", "books", "skincare", "母婴用品/食品生鲜", "上门服务", " Ｃａｒ "]
            )
        },
        optional={field: st.just(FILLED.get(field, "x")) for field in FIELDS} | {"delisted_at": st.just("2025-06-20")},
    ),
    min_size=1,
    max_size=6,
)
absent = st.sets(st.sampled_from([f"listings.{name}" for name in (*FIELDS, "category")]), max_size=3)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, absent)
def test_it_counts_as_the_indicator_does(
    fill: Fill, measure: Any, some: list[dict[str, Any]], without: set[str]
) -> None:
    summary = listings(fill(listings=some), MOMENT, ALL - without, "shop")
    assert summary is not None
    measured = measure("listing_completeness", listings=some, without=sorted(without))
    assert (measured.numerator, measured.denominator) == (summary["fields_shown"], summary["fields_asked"])

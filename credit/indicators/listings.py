"""Information on products (商品信息): is all that the category must show shown?

Counted from listings on sale on the day, however old. Which fields a category must show says `credit.listings.required`, by the list
in force on the day. What the platform does not supply of any listing is asked of nobody.
"""

from collections.abc import Iterator

import narwhals as nw

from credit.indicators.base import At, Example, Indicator, Text, total
from credit.listings.required import in_force

col = nw.col

_on_sale = col("delisted_at").is_null()


def _asked(at: At) -> Iterator[tuple[str, nw.Expr]]:
    """(field, whether the listing's category must show it) of those supplied; without a category it is asked for all."""
    required = in_force(at.day)
    for shown in required.fields:
        if not at.supplies(f"listings.{shown.field}"):
            continue
        pattern = required.pattern(shown)
        if pattern is None:
            yield shown.field, nw.lit(True)
        elif at.supplies("listings.category"):
            category = col("category")
            yield shown.field, category.is_null() | category.str.contains(pattern).fill_null(False)


def _is_shown(field: str) -> nw.Expr:
    return (col(field) > 0).fill_null(False) if field == "photographs" else ~col(field).is_null()


def _sum(conditions: list[nw.Expr]) -> nw.Expr:
    summed = nw.lit(0)
    for condition in conditions:
        summed = summed + (_on_sale & condition).cast(nw.Int64)
    return summed


INDICATORS = (
    Indicator(
        id="listing_completeness",
        element="identity",
        numerator=total(
            "listings", lambda at: _sum([asked & _is_shown(field) for field, asked in _asked(at)]), standing=True
        ),
        denominator=total("listings", lambda at: _sum([asked for _, asked in _asked(at)]), standing=True),
        better="high",
        unit="share",
        name=Text("商品信息完整度", "Listing completeness"),
        definition=Text(
            "评价日在售商品中，已展示的项数 ÷ 按类目应展示的项数；应展示的项目见平台自评准则一页的清单，未登记类目的按全部项目计，平台不提供的项目不计",
            "of the listings on sale on the day: fields shown / fields that their categories must show (see the list in the page of criteria); "
            "without a category all of them are asked for, and what the platform does not supply is not",
        ),
        why=Text(
            "商品信息是消费者选择的依据，应当全面、真实展示。",
            "What is shown is what a consumer chooses by; it is to be complete.",
        ),
        failing=Text("部分在售商品应展示的信息不全", "Listings on sale lack information that must be shown"),
        improve=Text(
            "按类目补全缺少的信息，或将商品下架。",
            "Show what is lacking for the category, or take the listing off sale.",
        ),
        example=Example(85, 100),
    ),
)

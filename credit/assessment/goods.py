"""Measurements over listings on sale on the day: what is shown of them, tie-ins, paid places."""

from __future__ import annotations

from credit.assessment.measuring import measure
from credit.assessment.seen import Seen
from credit.listings.lacking import ON_SALE, lacking
from credit.listings.required import in_force


def _complete(seen: Seen) -> str:
    required = lacking(in_force(seen.day), seen.supplied, "seen_listings")
    return f"""SELECT listing_id AS key, CASE WHEN len(lacking) > 0 THEN false WHEN len(untold) = 0 THEN true END AS ok
        FROM ({required})"""


measure(
    "listings_complete",
    zh="展示了该类目应展示的全部信息的在售商品",
    en="listings on sale that show all that their category must show",
    mend_zh="请商家补全这些商品的信息（`explain` 列出各店缺少的项目），逾期的下架",
    mend_en="have the merchants show what is lacking (`explain` lists it for each shop), or take the listings off sale",
    needs=("listings",),
    none_zh="没有在售商品",
    none_en="nothing is on sale",
    sql=_complete,
)
measure(
    "tie_ins_marked",
    zh="有醒目提示的搭售商品",
    en="tie-in offers that are pointed out plainly",
    mend_zh="为这些搭售商品加上醒目提示，或取消搭售",
    mend_en="point out these tie-ins plainly, or end them",
    needs=("listings.tie_in", "listings.tie_in_marked"),
    none="not_applicable",
    none_zh="没有搭售商品",
    none_en="nothing is sold as a tie-in",
    sql=f"""SELECT listing_id AS key, CASE WHEN tie_in THEN coalesce(tie_in_marked, false) END AS ok
        FROM seen_listings WHERE {ON_SALE} AND tie_in IS NOT false""",
)
measure(
    "advertisements_marked",
    zh="标明广告的竞价排名商品",
    en="listings in paid places that are marked as advertisements",
    mend_zh="为这些商品标明“广告”",
    mend_en="mark these listings as advertisements",
    needs=("listings.advertised", "listings.advertisement_marked"),
    none="not_applicable",
    none_zh="没有竞价排名的商品",
    none_en="no place was paid for",
    sql=f"""SELECT listing_id AS key, CASE WHEN advertised THEN coalesce(advertisement_marked, false) END AS ok
        FROM seen_listings WHERE {ON_SALE} AND advertised IS NOT false""",
)

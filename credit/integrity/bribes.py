"""Bribed reviews: for some weeks nearly everybody reviews, and with five stars, unlike before and after.

When a merchant becomes better its stars rise, but people do not review more; when it asks them to review, they review
more, but not better. Both at once is what a reward for five stars does. Words such as 好评返现 are counted besides.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from credit.integrity.base import (
    DAY,
    PRIOR_ORDERS,
    SHAPE_TAIL,
    View,
    at_least_of,
    overpraised,
    parameter,
    query,
    records,
    report,
    usual_praise,
)
from credit.integrity.bursts import disjoint
from credit.ledgers.finding import Fact, Finding
from credit.warehouse.connection import scalar

DAYS = int(parameter("bribes_days", 30, "days", "A campaign of cards in the parcels."))
ORDERS = parameter("bribes_orders", 12, "orders", "Fewer deliveries show no change of habit.")
PRAISED_TAIL = parameter(
    "bribes_praised_tail",
    2e-5,
    "probability",
    "Of so much praise in a month; wider than for other shapes, since a month of a small shop has some twenty orders.",
)
OFTEN_TAIL = parameter(
    "bribes_often_tail", 0.02, "probability", "Of so many reviewing; besides, the praise asks for it."
)
HIGH_TAIL = parameter(
    "bribes_high_tail",
    2e-3,
    "probability",
    "Of so many five stars among the reviews: what tells a reward from a mere request to review.",
)
REWARDS = r"好评.{0,4}返|返现|返.{0,3}元|好评.{0,6}(红包|奖励)|晒图.{0,4}(返|红包)|cash ?back|gift card.{0,20}review|review.{0,20}gift card|cupom.{0,20}avalia|avalia.{0,20}cupom"
REWARD_TEXTS = parameter("bribes_reward_texts", 3, "reviews", "One buyer may mention a coupon; three mean an offer.")
LEAST_REWARDS = parameter("bribes_least_share", 0.002, "share", "The norm of such words is at least this.")


def detect(view: View) -> list[Finding]:
    words = view.frame(query(__file__, "bribes_words", words=REWARDS))
    words["chance"] = at_least_of(words.rewards, words.texts, words.norm.clip(lower=LEAST_REWARDS))
    campaigns = _campaigns(view, dict(zip(words.s, words.rewards, strict=True)))
    return campaigns + _offers(view, words, {finding.subject_id for finding in campaigns})


def _campaigns(view: View, rewards: dict[str, int]) -> list[Finding]:
    windows = view.frame(query(__file__, "bribes_windows", day=DAY, last=DAYS - 1, orders=int(ORDERS)))
    if windows.empty:
        return []
    whole = "SELECT count(stars) / count(*) FROM seen_orders WHERE came IS NOT NULL"
    share_reviewed = float(scalar(view.con, whole))
    more = overpraised(view, windows, PRAISED_TAIL)
    rest = windows.shop_orders - windows.orders
    rest_reviewed = windows.shop_reviewed - windows.reviewed
    rest_praised = windows.shop_praised - windows.praised
    # The same shrinking as of praise: to the platform, by so many orders.
    habit = (rest_reviewed + PRIOR_ORDERS * share_reviewed) / (rest + PRIOR_ORDERS)
    stars = (rest_praised + PRIOR_ORDERS * view.praise) / (rest_reviewed + PRIOR_ORDERS * share_reviewed)
    windows["often"] = at_least_of(windows.reviewed, windows.orders, habit)
    windows["high"] = at_least_of(windows.praised, windows.reviewed, stars)
    windows = windows[more & np.asarray((windows.often < OFTEN_TAIL) & (windows.high < HIGH_TAIL))]
    if windows.empty:
        return []
    windows = disjoint(windows.assign(chance=windows.praise_chance, width=DAYS))
    windows["chances"] = [(chance,) for chance in windows.praise_chance]
    facts: list[dict[str, Fact]] = [
        {"since": view.date(g.h * DAY)[:10], "days": DAYS, "orders": int(g.orders), "praised": int(g.praised),
         "usual_praise": round(g.usual_praise, 4), "rewards": int(rewards.get(g.s, 0))}
        for g in records(windows)
    ]  # fmt: skip
    rows = f"""SELECT g, o, r, b FROM windows w JOIN seen_orders o ON o.s = w.s
            AND o.came // {DAY} BETWEEN w.h AND w.h + {DAYS - 1} WHERE o.praised"""
    return report(view, "bribed_reviews", windows, rows, facts, windows=windows[["s", "h", "g"]])


def _offers(view: View, words: pd.DataFrame, known: set[str]) -> list[Finding]:
    """Merchants of whose reviews too many speak of a reward, from the first to the last of these reviews."""
    offers = words[(words.rewards >= REWARD_TEXTS) & (words.chance < SHAPE_TAIL) & ~words.s.isin(known)]
    offers = offers[["s", "chance", "rewards"]].reset_index(names="g")
    if offers.empty:
        return []
    spoken = f"stars = 5 AND regexp_matches(lower(text), '{REWARDS}')"
    groups = view.frame(query(__file__, "bribes_offers", spoken=spoken), offers=offers).set_index("g")
    groups["usual_praise"] = usual_praise(view, groups)
    groups["chances"] = [(chance,) for chance in groups.chance]
    facts: list[dict[str, Fact]] = [
        {"since": view.date(g.first)[:10], "days": int((g.last - g.first) // DAY) + 1, "orders": int(g.orders),
         "praised": int(g.praised), "usual_praise": round(g.usual_praise, 4), "rewards": int(g.rewards)}
        for g in records(groups)
    ]  # fmt: skip
    rows = f"SELECT g, o, r, b FROM seen_reviews JOIN offers USING (s) WHERE {spoken}"
    return report(view, "bribed_reviews", groups, rows, facts, offers=offers)

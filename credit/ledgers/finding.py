"""A finding of manipulation: evidence for a person, with the sentence that says what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Fact = int | float | str


@dataclass(frozen=True)
class Kind:
    """A kind of manipulation: its names, and the sentences of its findings with the names of facts in braces."""

    zh: str
    en: str
    says_zh: str
    says_en: str


KINDS: dict[str, Kind] = {
    "self_dealing_ring": Kind(
        "自买自卖团伙",
        "Self-dealing ring",
        "{buyers} 个买家账号在 {occasions} 个场合反复于数小时内一同下单，共 {orders} 笔，其中 {praised} 笔给予五星；"
        "该商家其他订单的五星评价占比为 {usual_praise:.0%}。",
        "{buyers} buyer accounts ordered together within hours on {occasions} occasions, {orders} orders in all, of which "
        "{praised} were praised with five stars; of the merchant's other orders {usual_praise:.0%} are.",
    ),
    "order_burst": Kind(
        "订单突增",
        "Burst of orders",
        "自 {since} 起 {hours} 小时内有 {orders} 笔订单（按平时约 {expected:.1f} 笔），其中 {praised} 笔给予五星；"
        "该商家其他订单的五星评价占比为 {usual_praise:.0%}。",
        "Within {hours} hours from {since} there were {orders} orders (usually about {expected:.1f}), of which {praised} "
        "were praised with five stars; of the merchant's other orders {usual_praise:.0%} are.",
    ),
    "one_seller_buyers": Kind(
        "专属买家",
        "Buyers with one seller",
        "{buyers} 个买家账号只在该商家购买，共 {orders} 笔，其中 {praised} 笔给予五星；"
        "该商家其他订单的五星评价占比为 {usual_praise:.0%}，按平台常态这样的账号约 {expected:.1f} 个。",
        "{buyers} buyer accounts buy from this merchant alone, {orders} orders, of which {praised} were praised with five "
        "stars; of the merchant's other orders {usual_praise:.0%} are, and by the platform's norm there would be about "
        "{expected:.1f} such accounts.",
    ),
    "implausible_dispatch": Kind(
        "发货时间不可信",
        "Implausible dispatch times",
        "{orders} 笔订单从发货到签收不足 {limit_hours:.1f} 小时，而该商家其他订单的中位数为 {usual_hours:.1f} 小时；"
        "其中 {praised} 笔给予五星。",
        "{orders} orders were delivered less than {limit_hours:.1f} hours after dispatch, while the merchant's others take "
        "{usual_hours:.1f} hours (median); {praised} of them were praised with five stars.",
    ),
    "review_bombing": Kind(
        "恶意差评",
        "Review bombing",
        "自 {since} 起 {days} 天内有 {reviews} 条一至二星评价（按平时约 {expected:.1f} 条），其中 {groundless} 条的订单"
        "按时送达且无退款、无投诉，{newcomers} 条来自没有其他购买记录的账号。商家可能是受害者。",
        "Within {days} days from {since} there were {reviews} reviews of one or two stars (usually about {expected:.1f}); "
        "for {groundless} of them the order came in time, without refund or complaint, and {newcomers} are by accounts "
        "that bought nothing else. The merchant may be the victim.",
    ),
    "copied_reviews": Kind(
        "雷同评价",
        "Copied reviews",
        "{reviews} 条评价来自 {buyers} 个账号而文字几乎相同（如“{example}”）；"
        "按该文字在平台其他商家的出现频率，预计约 {expected:.2f} 条。",
        "{reviews} reviews by {buyers} accounts have almost the same text (such as “{example}”); by how often it stands "
        "with other merchants about {expected:.2f} would be expected.",
    ),
    "bribed_reviews": Kind(
        "有偿好评",
        "Bribed reviews",
        "自 {since} 起 {days} 天内的 {orders} 笔订单中 {praised} 笔给予五星，"
        "该商家其他时段的五星评价占比为 {usual_praise:.0%}；{rewards} 条文字提到返现或红包。",
        "Of {orders} orders within {days} days from {since}, {praised} were praised with five stars, while "
        "{usual_praise:.0%} are at other times; {rewards} texts speak of a cash reward.",
    ),
    "collusion": Kind(
        "商家串通",
        "Collusion between sellers",
        "{buyers} 个买家账号在同一日内先后向该商家与 {partners} 下单（按常态约 {expected:.2f} 个），"
        "共 {orders} 笔，其中 {praised} 笔给予五星；该商家其他订单的五星评价占比为 {usual_praise:.0%}。",
        "{buyers} buyer accounts ordered on the same day from this merchant and from {partners} (by the norm about "
        "{expected:.2f}), {orders} orders, of which {praised} were praised with five stars; of the merchant's other orders "
        "{usual_praise:.0%} are.",
    ),
}
"""Code -> kind, in the order in which findings are listed."""


class _Gaps(dict[str, Any]):
    """Facts of a sentence; one that is not there shows as a dash."""

    def __missing__(self, name: str) -> _Gap:
        return _Gap()


class _Gap:
    def __format__(self, _: str) -> str:
        return "–"


@dataclass(frozen=True)
class Finding:
    """Rows that look manipulated, of one merchant: evidence for a person, never a sanction.

    `subject_id` is the merchant whose rows they are (the victim, of `review_bombing`); `day` the night of the scan.
    `strength` runs from 0 to 1: how far beyond chance, see `credit.integrity.base.strength`. `orders` and `reviews` are
    keys of `transactions` and `reviews`, `buyers` pseudonyms; all sorted, each once. `facts` are the numbers of the
    sentence. `id` follows from kind, merchant and rows, so the same finding has the same id on every night.
    """

    kind: str
    subject_id: str
    day: date
    strength: float
    orders: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    buyers: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    id: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}")
        for name in ("orders", "reviews", "buyers"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        if not self.id:
            object.__setattr__(self, "id", self._own_id())

    def _own_id(self) -> str:
        parts = (self.kind, self.subject_id, *self.orders, "", *self.reviews)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]

    def zh(self) -> str:
        """The finding in a Chinese sentence, with its numbers."""
        return KINDS[self.kind].says_zh.format_map(_Gaps(self.facts))

    def en(self) -> str:
        """The same in English."""
        return KINDS[self.kind].says_en.format_map(_Gaps(self.facts))

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "id": self.id, "kind": self.kind, "kind_zh": KINDS[self.kind].zh, "kind_en": KINDS[self.kind].en,
            "subject_id": self.subject_id, "day": str(self.day), "strength": self.strength, "zh": self.zh(),
            "en": self.en(), "facts": dict(self.facts), "orders": list(self.orders), "reviews": list(self.reviews),
            "buyers": list(self.buyers),
        }  # fmt: skip

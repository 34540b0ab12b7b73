"""Simulated manipulation with known truth, put into a simulated marketplace to judge the detectors on.

    populate(con, merchants=1_000, transactions=100_000, end=END, seed=7)
    inject(con, end=END, strength=0.5, seed=7)

`inject` adds attacks of every kind and decoys (honest merchants that look odd at first sight) to the tables of
`credit.synthetic.market`, and writes `<schema>.attacks` (attack, kind, subject_id, honest) and `<schema>.attack_rows` (attack,
table_name, key): whose and which rows are false. It rewrites the texts of the honest reviews first, since the
simulator's few dozen sentences are too easy to tell from others: a sixth becomes short templates, the rest is put together
from clauses.

Strength runs from 0 (timid) to 1 (brazen): it moves how many false rows there are and how little is done to hide them.
The same arguments give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from credit.ledgers.finding import KINDS
from credit.settings import cut_off
from credit.synthetic.market import ZONE
from credit.synthetic.words import text_list
from credit.tables import TABLES

HOUR, DAY = 3600, 86_400
SPAN = 170
"""Attacks lie within so many days before the end."""
LEAST_ORDERS = 40
"""Merchants with fewer orders in the span are neither attacked nor decoys."""

_OPENERS = (
    "收到货了",
    "第一次在这家买",
    "朋友推荐来的",
    "买了好几天才来评",
    "给家里老人买的",
    "单位团购的",
    "趁活动下的单",
    "等了一阵终于到手",
    "拆开看了看",
    "用了一周",
)
_GOODS = (
    "杯子",
    "外套",
    "面膜",
    "耳机",
    "台灯",
    "书",
    "鞋子",
    "锅",
    "奶粉",
    "坐垫",
    "手链",
    "种子",
    "毛巾",
    "充电器",
    "帐篷",
    "茶叶",
    "玩具",
    "行李箱",
    "键盘",
    "围巾",
)
_GOOD = (
    "做工比想象的细致",
    "颜色和图片一致",
    "摸着很厚实",
    "没有异味",
    "尺寸刚刚好",
    "用起来很顺手",
    "性价比可以",
    "比实体店便宜",
    "包装完好没有磕碰",
    "孩子特别喜欢",
    "质感不输大牌",
    "细节处理得干净",
)
_BAD = (
    "线头很多",
    "颜色差得远",
    "摸着很薄",
    "味道刺鼻",
    "尺寸偏小一号",
    "用两次就坏了",
    "不值这个价",
    "和描述不是一回事",
    "包装都压扁了",
    "边角有划痕",
    "按键不灵",
    "洗一次就变形",
)
_ROADS = (
    "快递隔天就到",
    "物流走了三天",
    "快递小哥送货上门",
    "自提点取的很方便",
    "发货比较及时",
    "路上耽搁了一下",
    "包裹很轻巧",
    "驿站放了一晚",
    "周末也有配送",
    "全程能查到物流",
)
_ENDS = (
    "下次还会来",
    "推荐给同事了",
    "先用着再看",
    "总体满意",
    "客服回复也耐心",
    "有需要再回购",
    "暂时没发现问题",
    "希望一直保持",
    "已经收藏店铺",
    "给个参考",
    "家里人也说好",
    "这个价没什么可挑的",
)
_SHORT = (
    "好评",
    "很好",
    "不错",
    "满意",
    "物流很快",
    "质量不错",
    "五星好评",
    "非常满意",
    "还可以",
    "好",
    "Good",
    "Muito bom",
    "good product",
    "此用户没有填写评价",
    "系统默认好评，评价方未及时做出评价",
)
_SOUR = ("差评", "太差了", "不好", "失望", "很一般", "不推荐", "别买")
# What only who writes for money says; a copied text is a genuine one with such a clause.
_SALES = (
    "真心建议大家闭眼入",
    "这已经是我回购的第四次了",
    "店主人特别好还送了小礼物",
    "全网找不到第二家这么良心的",
    "姐妹们一定要冲这一家",
    "用过之后整个人都不一样了",
)
_FOREIGN = (
    "Absolutely love this {0}, the {1} quality is far above what I expected and the seller answered every question at once",
    "Produto excelente, o {0} chegou antes do prazo e a qualidade do {1} superou todas as minhas expectativas, recomendo",
    "この{0}は期待以上でした。{1}もとても丁寧で、次回も必ずこちらのお店で購入したいと思います",
    "هذا {0} رائع جدا وجودة {1} ممتازة والبائع متعاون وسريع في الرد أنصح الجميع بالشراء منه",
)  # fmt: skip
_THINGS = {
    0: ("lamp", "jacket", "headset"),
    1: ("abajur", "casaco", "fone"),
    2: ("ランプ", "上着", "帽子"),
    3: ("المصباح", "المعطف", "الهاتف"),
}
_CURSES = ("骗子店铺大家千万别来买", "垃圾商家赶紧关门吧", "谁买谁上当说的就是这家", "全是假货已经举报了")
_BRIBES = ("卡片上说五星好评返现五元", "好评晒图返三元红包", "写好评有红包就来写一下", "冲着好评返现来的")

# How each decoy looks at first sight.
DECOYS = {
    "promotion_day": "many orders on one day, by ordinary buyers",
    "loyal_regulars": "a dozen buyers who come every week and buy nowhere else",
    "group_buy": "colleagues who order together once a week",
    "template_reviews": "nine of ten texts are short templates",
    "local_courier": "a third of the orders is delivered within hours in the same town",
    "bad_batch": "a week of faulty goods: low ratings with refunds and complaints",
    "sister_shops": "two shops of one brand with common customers",
    "reminder": "a month in which buyers are asked to review, without reward",
}

# How many merchants an attack takes, and how many orders each must have where that is more than LEAST_ORDERS.
_SHOPS = {"collusion": 4, "sister_shops": 2}
_LEAST = {"bribed_reviews": 120}


class _Market:
    """The rows an attack or a decoy adds, drawn by one generator."""

    def __init__(self, con: duckdb.DuckDBPyConnection, schema: str, end: int, strength: float, seed: int) -> None:
        self.con, self.schema, self.end, self.s = con, schema, end, strength
        self.rng = np.random.default_rng([seed, round(strength * 1000)])
        self.orders: list[pd.DataFrame] = []
        self.reviews: list[pd.DataFrame] = []
        self.attacks: list[tuple[str, str, str, bool]] = []
        self.rows: list[tuple[str, str, str]] = []
        self.changed: list[pd.DataFrame] = []
        self.accounts = 0
        self.mark = ""
        self.honest = False
        columns = ", ".join(
            f"epoch(t.{c.name})::BIGINT AS {c.name}" if c.type == "instant" else f"t.{c.name}"
            for c in TABLES["transactions"].supplied
        )
        start = end - SPAN * DAY
        self.books = con.execute(
            f"""SELECT {columns}, v.review_id, epoch(v.reviewed_at)::BIGINT AS reviewed_at, v.rating_overall,
                v.text IS NOT NULL AS worded
            FROM {schema}.transactions t LEFT JOIN {schema}.reviews v USING (transaction_id)
            WHERE epoch(ordered_at) >= {start} AND t.subject_id NOT IN
                (SELECT subject_id FROM {schema}.truth WHERE story IS NOT NULL)
            ORDER BY transaction_id"""
        ).df()
        self.books["amount"] = self.books.amount.astype(float)
        self.by_shop = dict(list(self.books.groupby("subject_id")))
        self.buyers = np.array(sorted(self.books.buyer_id.unique()), dtype=object)
        finished = self.books[self.books.ordered_at < end - 25 * DAY]
        self.finished = dict(list(finished.groupby("subject_id")))
        # Of those that only began lately there is nothing to copy for a decoy.
        known = [str(s) for s, orders in self.finished.items() if 2 * len(orders) >= LEAST_ORDERS]
        large = sorted(s for s in known if len(self.by_shop[s]) >= LEAST_ORDERS)
        self.shops = list(self.rng.permutation(np.array(large, dtype=object)))

    def fresh(self, count: int) -> np.ndarray[Any, Any]:
        """Accounts that never bought before."""
        self.accounts += count
        return np.array([f"Z{self.mark}-{i}" for i in range(self.accounts - count, self.accounts)], dtype=object)

    def ordinary(self, count: int) -> np.ndarray[Any, Any]:
        return self.rng.choice(self.buyers, count, replace=False)

    def when(self, count: int, days: float = SPAN - 25) -> np.ndarray[Any, Any]:
        """Evenings within so many days, early enough for the reviews to come."""
        day = self.end - 20 * DAY - self.rng.uniform(0, days, count) * DAY
        return day // DAY * DAY + self.rng.normal(12, 3, count) * HOUR  # about 20:00 in China

    def false(
        self, shop: str, times: np.ndarray[Any, Any], buyers: np.ndarray[Any, Any], *, stars: int = 5, review: float = 1.0,
        cheap: float = 0.5, sent: tuple[float, float] = (2, 20), road: tuple[float, float] = (20, 80),
        texts: Sequence[str | None] | None = None,
    ) -> None:  # fmt: skip
        """Orders that nobody meant, and their reviews; hours from payment to dispatch and from there to delivery."""
        rng, n = self.rng, len(times)
        usual = float(self.by_shop[shop].amount.median())
        t = times.astype(np.int64)
        paid = t + rng.integers(20, 400, n)
        dispatched = paid + (rng.uniform(*sent, n) * HOUR).astype(np.int64)
        delivered = dispatched + (rng.uniform(*road, n) * HOUR).astype(np.int64)
        keys = [f"X{self.mark}-{len(self.orders)}-{i}" for i in range(n)]
        frame = pd.DataFrame({
            "transaction_id": keys, "order_id": keys, "subject_id": shop, "buyer_id": buyers, "ordered_at": t, "paid_at": paid,
            "dispatch_due_at": paid + 48 * HOUR, "dispatched_at": dispatched, "delivery_due_at": paid + 144 * HOUR,
            "delivered_at": delivered, "completed_at": delivered + 2 * HOUR,
            "amount": np.round(usual * cheap * rng.uniform(0.8, 1.2, n), 2), "currency": "CNY", "refund_reason": "none",
            "category": self.by_shop[shop].category.iloc[0],
        })  # fmt: skip
        self.orders.append(frame)
        self.rows += [(self.mark, "transactions", key) for key in keys]
        chosen = rng.random(n) < review
        wording = np.array(texts if texts is not None else [None] * n, dtype=object)
        self.reviewed(
            frame[chosen], stars, wording[chosen], delivered[chosen] + rng.uniform(0.5, 30, chosen.sum()) * HOUR
        )

    def reviewed(self, orders: pd.DataFrame, stars: Any, texts: Any, written: Any) -> None:
        """Reviews of these orders."""
        keys = [f"Y{key}" for key in orders.transaction_id]
        frame = pd.DataFrame({
            "review_id": keys, "transaction_id": list(orders.transaction_id), "subject_id": list(orders.subject_id),
            "buyer_id": list(orders.buyer_id), "reviewed_at": np.asarray(written).astype(np.int64), "rating_overall": stars,
            "text": texts, "shared": False,
        })  # fmt: skip
        self.reviews.append(frame[frame.reviewed_at < self.end])
        if not self.honest:
            self.rows += [(self.mark, "reviews", key) for key in self.reviews[-1].review_id]

    def genuine(self, shop: str, times: np.ndarray[Any, Any], buyers: np.ndarray[Any, Any], *, review: float | None = None,
                quick: bool = False) -> None:  # fmt: skip
        """Orders like the shop's own: copies of finished ones, moved in time, with other buyers and new words."""
        rng, n = self.rng, len(times)
        model = self.finished[shop]
        model = model.iloc[rng.integers(len(model), size=n)]
        names = [c.name for c in TABLES["transactions"].supplied]
        frame = model[names].reset_index(drop=True).copy()
        move = times.astype(np.int64) - frame.ordered_at
        for column in TABLES["transactions"].supplied:
            if column.type == "instant":
                frame[column.name] += move
        keys = [f"G{self.mark}-{len(self.orders)}-{i}" for i in range(n)]
        frame["transaction_id"] = frame["order_id"] = keys
        frame["buyer_id"] = buyers
        if quick:
            took = (rng.uniform(1, 4, n) * HOUR).astype(np.int64)
            frame["delivered_at"] = np.where(frame.delivered_at.notna(), frame.dispatched_at + took, np.nan)
        self.orders.append(frame)
        was_honest, self.honest = self.honest, True
        wrote = model.reviewed_at.notna().to_numpy()
        stars = model.rating_overall.to_numpy(dtype=float, na_value=np.nan).copy()
        if review is not None:  # more people review, with the stars of those who did
            of_reviewed = stars[wrote] if wrote.any() else np.array([5.0])
            extra = ~wrote & frame.delivered_at.notna().to_numpy() & (rng.random(n) < review)
            stars[extra] = rng.choice(of_reviewed, extra.sum())
            wrote = wrote | extra
        wrote = wrote & frame.delivered_at.notna().to_numpy()
        written = frame.delivered_at[wrote] + rng.uniform(2, 90, wrote.sum()) * HOUR
        words = np.array([None, "-"], dtype=object)[
            (rng.random(wrote.sum()) < 0.6).astype(int)
        ]  # put into words with all honest texts
        self.reviewed(frame[wrote], stars[wrote].astype(int), words, written)
        self.honest = was_honest

    def disguise(self, accounts: np.ndarray[Any, Any]) -> None:
        """Ordinary purchases elsewhere, the more the timider."""
        purchases = self.rng.poisson((1 - self.s) * 0.8, len(accounts))
        for account, count in zip(accounts, purchases, strict=True):
            for shop in self.rng.choice(np.array(list(self.finished), dtype=object), count):
                if len(self.finished[shop]) >= LEAST_ORDERS:
                    self.genuine(shop, self.when(1), np.array([account], dtype=object))

    def text(self) -> str:
        """A long text of praise."""
        rng = self.rng
        if rng.random() < 0.3:
            language = int(rng.integers(len(_FOREIGN)))
            things = rng.choice(_THINGS[language], 2, replace=False)
            return _FOREIGN[language].format(*things)
        parts = [rng.choice(words) for words in (_OPENERS, _GOODS, _GOOD, _ROADS, _SALES, _ENDS)]
        return f"{parts[0]}，{parts[1]}{parts[2]}，{parts[3]}，{parts[4]}，{parts[5]}"

    def copies(self, text: str, count: int) -> list[str]:
        """The text so many times, with so many of its signs changed, dropped or doubled as timidity asks for."""
        share = 0.02 + 0.13 * (1 - self.s)
        out = []
        for _ in range(count):
            signs = list(text)
            for place in self.rng.choice(len(signs), round(share * len(signs)), replace=False):
                signs[place] = ("", signs[place] * 2, "～", self.rng.choice(list("的了很真呀哦挺蛮")))[
                    self.rng.integers(4)
                ]
            out.append("".join(signs) + self.rng.choice(["", "！", "👍", "。。", "!!"]))
        return out

    def size(self, shop: str, share: float, least: int, most: int) -> int:
        return int(np.clip(round(share * len(self.by_shop[shop])), least, most))


def _ring(m: _Market, shops: list[str]) -> None:
    members = m.fresh(int(m.rng.integers(4, 9)))
    for start in m.when(4 + round(4 * m.s)):
        come = members[m.rng.random(len(members)) < 0.65 + 0.35 * m.s]
        spread = (0.5 + 2 * (1 - m.s)) * HOUR
        m.false(shops[0], start + m.rng.uniform(0, spread, len(come)), come, review=0.8 + 0.2 * m.s)
    m.disguise(members)


def _burst(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.1 + 0.3 * m.s, 12, 150)
    buyers = np.concatenate([m.fresh(count - count // 2), m.ordinary(count // 2)])
    hours = 4 + 40 * (1 - m.s)
    m.false(shops[0], m.when(1)[0] + m.rng.uniform(0, hours * HOUR, count), buyers, review=0.8 + 0.2 * m.s, cheap=0.3)


def _captives(m: _Market, shops: list[str]) -> None:
    accounts = m.fresh(5 + round(7 * m.s))
    orders = m.rng.integers(3, 6, len(accounts))
    m.false(shops[0], m.when(int(orders.sum())), np.repeat(accounts, orders), review=0.85 + 0.15 * m.s)
    m.disguise(accounts)


def _dispatch(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.1 + 0.2 * m.s, 10, 80)
    m.false(
        shops[0], m.when(count), m.ordinary(count), review=0.75 + 0.25 * m.s,
        sent=(0.05, 1 + 3 * (1 - m.s)), road=(0.1, 3 + 9 * (1 - m.s)),
    )  # fmt: skip


def _bombing(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.05 + 0.15 * m.s, 7, 60)
    fresh = round(count * (0.5 + 0.5 * m.s))
    buyers = np.concatenate([m.fresh(fresh), m.ordinary(count - fresh)])
    times = m.when(1)[0] + m.rng.uniform(0, (1 + 4 * (1 - m.s)) * DAY, count)
    words = [m.rng.choice(_CURSES) if m.rng.random() < 0.7 else None for _ in range(count)]
    m.false(shops[0], times, buyers, stars=1, cheap=0.3, texts=words, road=(15, 40))


def _copied(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.08 + 0.2 * m.s, 8, 80)
    masters = [m.text() for _ in range(max(1, count // 10))]
    words = [w for i, master in enumerate(masters) for w in m.copies(master, len(range(i, count, len(masters))))]
    m.false(shops[0], m.when(count), m.ordinary(count), texts=words, cheap=0.8, road=(20, 90))


def _bribed(m: _Market, shops: list[str]) -> None:
    """Real orders; who would have said less is paid to say five stars."""
    books = m.by_shop[shops[0]]
    start = m.end - m.rng.uniform(80, 120) * DAY
    inside = books[books.delivered_at.notna() & books.delivered_at.between(start, start + 60 * DAY)]
    paid = inside[m.rng.random(len(inside)) < 0.45 + 0.5 * m.s]
    words = [m.rng.choice(_BRIBES) if m.rng.random() < 0.15 * m.s else None for _ in range(len(paid))]
    old = paid.review_id.notna().to_numpy()
    wording = np.array(words, dtype=object)
    m.changed.append(pd.DataFrame({"review_id": paid.review_id[old], "wording": wording[old]}))
    m.rows += [(m.mark, "reviews", key) for key in paid.review_id[old]]
    written = paid.delivered_at[~old] + m.rng.uniform(1, 30, (~old).sum()) * HOUR
    m.reviewed(paid[~old], 5, wording[~old], written)


def _collusion(m: _Market, shops: list[str]) -> None:
    accounts = m.fresh(8 + round(12 * m.s))
    tasks = []
    for start in m.when(5 + round(5 * m.s)):
        for account in accounts[m.rng.random(len(accounts)) < 0.4 + 0.4 * m.s]:
            for place in m.rng.permutation(len(shops))[: m.rng.integers(2, 4)]:
                tasks.append((shops[place], account, start + m.rng.uniform(0, (2 + 6 * (1 - m.s)) * HOUR)))
    for shop, visits in pd.DataFrame(tasks, columns=["shop", "account", "time"]).groupby("shop"):
        m.false(str(shop), visits.time.to_numpy(), visits.account.to_numpy(), review=0.8 + 0.2 * m.s)
    m.disguise(accounts)


def _promotion(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.6, 40, 400)
    m.genuine(shops[0], m.when(1)[0] + m.rng.uniform(-8, 8, count) * HOUR, m.ordinary(count))


def _regulars(m: _Market, shops: list[str]) -> None:
    accounts = m.fresh(12)
    m.genuine(shops[0], m.when(12 * 14), np.repeat(accounts, 14))


def _colleagues(m: _Market, shops: list[str]) -> None:
    accounts = m.fresh(8)
    for start in m.when(12):
        come = accounts[m.rng.random(len(accounts)) < 0.8]
        m.genuine(shops[0], start + m.rng.uniform(0, 2, len(come)) * HOUR, come)


def _templates(m: _Market, shops: list[str]) -> None:
    m.con.execute(
        f"UPDATE {m.schema}.reviews SET text = 'template' WHERE subject_id = '{shops[0]}' AND rating_overall >= 4"
        " AND hash(review_id) % 10 < 9"
    )


def _courier(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.5, 20, 300)
    m.genuine(shops[0], m.when(count), m.ordinary(count), quick=True)


def _batch(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.2, 15, 80)
    time = m.when(1)[0]
    m.genuine(shops[0], time + m.rng.uniform(0, 5, count) * DAY, m.ordinary(count))
    frame = m.orders[-1]
    bad = frame.delivered_at.notna() & (m.rng.random(count) < 0.7)
    refunded = bad & (m.rng.random(count) < 0.75)
    frame.loc[refunded, "refund_requested_at"] = frame.delivered_at[refunded] + DAY
    frame.loc[refunded, "refund_reason"] = "quality"
    reviews = m.reviews[-1]
    reviews.loc[reviews.transaction_id.isin(set(frame.transaction_id[bad])), "rating_overall"] = m.rng.choice([1, 1, 2])


def _sisters(m: _Market, shops: list[str]) -> None:
    accounts = np.repeat(m.ordinary(25), 3)
    starts = m.when(len(accounts))
    for shop in shops:
        m.genuine(shop, starts + m.rng.uniform(0, 3, len(starts)) * HOUR, accounts)


def _reminder(m: _Market, shops: list[str]) -> None:
    count = m.size(shops[0], 0.4, 30, 300)
    m.genuine(shops[0], m.end - (60 + m.rng.uniform(0, 30, count)) * DAY, m.ordinary(count), review=0.9)


_MAKERS: dict[str, Callable[[_Market, list[str]], None]] = {
    "self_dealing_ring": _ring, "order_burst": _burst, "one_seller_buyers": _captives, "implausible_dispatch": _dispatch,
    "review_bombing": _bombing, "copied_reviews": _copied, "bribed_reviews": _bribed, "collusion": _collusion,
    "promotion_day": _promotion, "loyal_regulars": _regulars, "group_buy": _colleagues, "template_reviews": _templates,
    "local_courier": _courier, "bad_batch": _batch, "sister_shops": _sisters, "reminder": _reminder,
}  # fmt: skip


ATTACKS = tuple(kind for kind in KINDS if kind in _MAKERS)
"""Kinds of manipulation that are simulated; how well the others are found nobody has measured."""


def inject(
    con: duckdb.DuckDBPyConnection, *, end: date, strength: float, seed: int, attacks: int = 6, decoys: int = 4,
    kinds: Sequence[str] = (), schema: str = "sim",
) -> None:  # fmt: skip
    """Put so many attacks of each of the `kinds` (none named: all of ATTACKS) and so many decoys of each of DECOYS into
    the market of `schema`.

    Each has merchants of its own, of those with LEAST_ORDERS orders at least. `strength` is 0 to 1, `end` the market's.
    Raises ValueError where the market has too few merchants, or a kind or strength is not one.
    """
    kinds = kinds or ATTACKS
    if not 0 <= strength <= 1 or not set(kinds) <= set(ATTACKS):
        raise ValueError(
            f"strength is {strength}, kinds are {', '.join(kinds)}; expected 0 to 1 and {', '.join(ATTACKS)}"
        )
    market = _Market(con, schema, int(cut_off(end, ZONE).timestamp()), strength, seed)
    wanted = [(kind, False) for kind in kinds for _ in range(attacks)] + [
        (d, True) for d in DECOYS for _ in range(decoys)
    ]
    needed = sum(_SHOPS.get(kind, 1) for kind, _ in wanted)
    if needed > len(market.shops):
        raise ValueError(f"{needed} merchants with {LEAST_ORDERS} orders are needed, there are {len(market.shops)}")
    for number, (kind, honest) in enumerate(wanted):
        large = [s for s in market.shops if len(market.by_shop[s]) >= _LEAST.get(kind, 0)]
        shops = large[-_SHOPS.get(kind, 1) :]
        market.shops = [s for s in market.shops if s not in shops]
        market.mark, market.honest = f"{seed}-{number}", honest
        market.attacks += [(market.mark, kind, shop, honest) for shop in shops]
        _MAKERS[kind](market, shops)
    _write(con, schema, market, seed)


def _write(con: duckdb.DuckDBPyConnection, schema: str, market: _Market, seed: int) -> None:
    for name, columns, rows in (
        ("attacks", ["attack", "kind", "subject_id", "honest"], market.attacks),
        ("attack_rows", ["attack", "table_name", "key"], market.rows),
    ):
        frame = pd.DataFrame(rows, columns=columns)
        con.register("added", frame)
        con.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS FROM added")
    for name, frames in (("transactions", market.orders), ("reviews", market.reviews)):
        if not frames:
            continue
        frame = pd.concat(frames, ignore_index=True)
        table = TABLES[name]
        event = f"to_timestamp({table.event})"
        cells = [
            f"{_cell(c.name, c.type, c.sql_type, market.end)} AS {c.name}" for c in table.supplied if c.name in frame
        ]
        con.register("added", frame)
        con.execute(
            f"INSERT INTO {schema}.{name} BY NAME SELECT {', '.join(cells)}, {event} AS known_at FROM added"
            f" WHERE {table.event} < {market.end}"
        )
    con.unregister("added")
    # Honest texts anew, before the paid ones are put in their place.
    _reword(con, schema, seed)
    if market.changed:
        paid = pd.concat(market.changed, ignore_index=True)
        con.register("paid", paid)
        con.execute(
            f"""UPDATE {schema}.reviews v SET rating_overall = 5, rating_description = 5, rating_service = 5,
            rating_logistics = 5, text = coalesce(CAST(wording AS VARCHAR), v.text) FROM paid p WHERE p.review_id = v.review_id"""
        )
        con.unregister("paid")


def _cell(name: str, kind: str, sql_type: str, end: int) -> str:
    if kind == "instant":
        late = f"{name} < {end}" if not name.endswith("_due_at") else "true"
        return f"CASE WHEN isfinite({name}::DOUBLE) AND {late} THEN to_timestamp({name}::BIGINT) END"
    return f"CAST({name} AS {sql_type})"


def _reword(con: duckdb.DuckDBPyConnection, schema: str, seed: int) -> None:
    """Honest texts: a sixth short templates, the others three to five clauses by chance (some half a million)."""

    def pick(words: Sequence[str], draw: str) -> str:
        return f"{text_list(words)}[1 + (hash(review_id, '{draw}', {seed}) % {len(words)})::INT]"

    def maybe(words: Sequence[str], draw: str) -> str:
        return f"if(hash(review_id, '{draw}?', {seed}) % 10 < 6, '，' || {pick(words, draw)}, '')"

    con.execute(
        f"""UPDATE {schema}.reviews SET text = CASE
            WHEN text = 'template' OR hash(review_id, 'is short', {seed}) % 6 = 0
                THEN if(rating_overall >= 3, {pick(_SHORT, "short")}, {pick(_SOUR, "short")})
            ELSE {pick(_OPENERS, "open")} || '，' || {pick(_GOODS, "goods")}
                || if(rating_overall >= 4, {pick(_GOOD, "praise")}, {pick(_BAD, "blame")})
                || {maybe(_ROADS, "road")} || {maybe(_GOOD, "more")} || {maybe(_ENDS, "end")} END
        WHERE text IS NOT NULL AND subject_id NOT IN (SELECT subject_id FROM {schema}.truth WHERE mode = 'brush')
            -- What an attack wrote itself begins with Y; a paid review of the market's own is put into words first.
            AND review_id NOT IN (SELECT key FROM {schema}.attack_rows WHERE table_name = 'reviews' AND key LIKE 'Y%')"""
    )

"""What single merchants and buyers of the synthetic marketplace do, from phase to phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Mode = Literal["plain", "brush", "scam"]


@dataclass(frozen=True)
class Phase:
    """A stretch of a merchant's life. `since` and `until` are days before `end`; qualities are in [0, 1]."""

    orders: int
    since: int
    until: int
    ship: float
    goods: float
    service: float
    mode: Mode = "plain"
    share: float = 0.0
    """At least this share of all transactions, however many there are."""
    price: float = 1.0
    """Prices as a share of what they would be."""


@dataclass(frozen=True)
class Story:
    """A merchant whose truth is told in `truth`; `joined` is days before `end`."""

    name: str
    subject_id: str
    kind: Literal["enterprise", "individual"]
    category: str
    joined: int
    truth: str
    phases: tuple[Phase, ...]
    shop: str | None = None
    """The registered name, where the story needs one."""


class BuyerStory(NamedTuple):
    """A buyer whose honesty, in [0, 1], is known, and who buys three times as often as another."""

    name: str
    subject_id: str
    honesty: float
    truth: str


BUYER_STORIES = (
    BuyerStory("honest_regular", "B000001", 0.99, "Pays, keeps what was ordered and reviews it as it is."),
    BuyerStory(
        "abusive_buyer",
        "B000002",
        0.05,
        "Orders and does not pay, cancels, sends back, complains without ground and reviews in ones.",
    ),
)


STORIES: tuple[Story, ...] = (
    Story(
        "honest_new_shop",
        "M000001",
        "individual",
        "图书文具",
        45,
        "Six good weeks and two dozen orders: honest, but little to judge by.",
        (Phase(24, 42, 0, 0.92, 0.92, 0.92),),
    ),
    Story(
        "careless_giant",
        "M000002",
        "enterprise",
        "服装鞋帽",
        2200,
        "A twentieth of all orders; dispatches late, answers late, draws complaints. Warned twice, lately fined; of two"
        " spot checks it answered one late and one not at all.",
        (Phase(300, 10_000, 0, 0.10, 0.35, 0.15, share=0.05),),
    ),
    Story(
        "brusher",
        "M000003",
        "enterprise",
        "美妆个护",
        500,
        "Mediocre; buys from itself: eight buyers, four bursts of three nights, five stars each time. Found out after the"
        " second burst and restricted for a month; went on.",
        (
            Phase(40, 10_000, 0, 0.55, 0.40, 0.50),
            *(Phase(30, day, day - 3, 0.55, 0.40, 0.50, "brush", price=0.2) for day in (170, 120, 75, 33)),
        ),
    ),
    Story(
        "exit_scam",
        "M000004",
        "enterprise",
        "数码电子",
        700,
        "A good record, then three weeks of many cheap orders of which none is dispatched. A spot check in these weeks is"
        " not answered; fraud is found and the shop suspended only in the last days.",
        (Phase(140, 10_000, 21, 0.90, 0.88, 0.88), Phase(120, 21, 0, 0.0, 0.0, 0.0, "scam", price=0.3)),
    ),
    Story(
        "repaired_offender",
        "M000005",
        "enterprise",
        "食品生鲜",
        1500,
        "Poor and punished: a violation, a fine, a failed spot check; good since, the penalty repaired.",
        (Phase(80, 10_000, 200, 0.45, 0.30, 0.40), Phase(100, 200, 0, 0.92, 0.92, 0.92)),
    ),
    Story(
        "excellent_veteran",
        "M000006",
        "enterprise",
        "家居日用",
        3100,
        "Eight years on the platform and best on everything; answers every spot check in time and passes.",
        (Phase(240, 10_000, 0, 1.0, 1.0, 1.0),),
    ),
    Story(
        "self_operated",
        "M000007",
        "enterprise",
        "家用电器",
        2900,
        "The platform's own shop: sound, and marked as its own.",
        (Phase(240, 10_000, 0, 0.85, 0.82, 0.85),),
        "示例平台自营商贸有限公司",
    ),
    Story(
        "blacklisted",
        "M000008",
        "enterprise",
        "运动户外",
        1300,
        "Decent trade, but for 200 days on the market regulator's list of serious violations, and still on it.",
        (Phase(120, 10_000, 0, 0.80, 0.76, 0.80),),
    ),
    Story(
        "expired_licence",
        "M000009",
        "enterprise",
        "母婴用品",
        1100,
        "Good in all things, but the business licence ended 20 days ago.",
        (Phase(120, 10_000, 0, 0.92, 0.92, 0.92),),
    ),
    Story(
        "dormant",
        "M000010",
        "enterprise",
        "汽车用品",
        1700,
        "Good trade until 200 days ago, none since; the papers are in order.",
        (Phase(100, 10_000, 200, 0.90, 0.90, 0.90),),
    ),
)

# story, number, kind, severity, decided so many days before the end (and some hours), sanction, note
STORY_VIOLATIONS = (
    ("careless_giant", 1, "service_breach", "moderate", 100, "warning", "连续三个月发货超时率超过平台规则上限"),
    ("careless_giant", 2, "service_breach", "minor", 20, "warning", "客服响应时长超过平台规则上限"),
    ("brusher", 1, "brushing", "moderate", 112, "restriction", "同一批买家在夜间集中下单并给予好评"),
    ("exit_scam", 1, "fraud", "serious", 2, "suspension", "低价揽收大量订单后未发货，无法取得联系"),
    ("repaired_offender", 1, "false_advertising", "moderate", 215, "restriction", "商品页面宣传与实际不符"),
)

# story, kind, issuer, grade, since (days before the end), days in force, repaired (days before the end), note
STORY_RECORDS = (
    ("repaired_offender", "administrative_penalty", "市场监督管理局", "moderate", 210, 365, 90,
     "因虚假宣传被处以罚款，已完成信用修复"),
    ("excellent_veteran", "certification", "市场监督管理局", "A", 600, 1096, None, "服务认证"),
    ("careless_giant", "administrative_penalty", "市场监督管理局", "minor", 60, 91, None,
     "因未按约定期限发货被警告并罚款"),
    ("blacklisted", "serious_violation", "市场监督管理局", None, 200, 1096, None,
     "因经营不符合安全标准的商品被列入严重违法失信名单"),
)  # fmt: skip

# story, number, kind, asked (days before the end), and days after that: answered, concluded; result
STORY_CHECKS = (
    ("honest_new_shop", 1, "documents", 30, 1, 3, "passed"),
    ("careless_giant", 1, "documents", 150, 12, 16, "passed"),
    ("careless_giant", 2, "goods", 70, None, 20, "refused"),
    ("brusher", 1, "documents", 200, 3, 7, "passed"),
    ("brusher", 2, "goods", 90, 4, 11, "failed"),
    ("exit_scam", 1, "goods", 180, 2, 6, "passed"),
    ("exit_scam", 2, "documents", 14, None, 10, "refused"),
    ("repaired_offender", 1, "goods", 225, 12, 15, "failed"),
    ("repaired_offender", 2, "goods", 100, 2, 5, "passed"),
    ("excellent_veteran", 1, "documents", 220, 1, 3, "passed"),
    ("excellent_veteran", 2, "goods", 130, 2, 6, "passed"),
    ("excellent_veteran", 3, "price", 40, 1, 2, "passed"),
    ("self_operated", 1, "price", 60, 1, 4, "passed"),
    ("blacklisted", 1, "premises", 120, 5, 9, "passed"),
    ("expired_licence", 1, "documents", 90, 2, 4, "passed"),
    ("dormant", 1, "documents", 100, 3, 6, "passed"),
)

"""Operation and continuity (经营与持续性); for individual sellers: activity (活跃度).

Only kept orders count: neither a bad order nor one that cost nothing makes a merchant larger. More trade never marks lower.
"""

import narwhals as nw

from credit.indicators.base import Example, Groups, Indicator, Text, grouped, total
from credit.indicators.orders import KEPT, ORDERS, kept, sum_of_orders

col = nw.col

_by_buyer = Groups("transactions", "buyer_id", kept)
_buyers, _returning = grouped(_by_buyer, "groups"), grouped(_by_buyer, "repeated")
_categories = grouped(Groups("transactions", "category", kept), "groups")
_days = grouped(Groups("transactions", "ordered_on", kept), "groups")

INDICATORS = (
    Indicator(
        id="order_volume",
        element="operation",
        numerator=KEPT,
        denominator=None,
        better="high",
        unit="count",
        name=Text("订单量", "Order volume"),
        definition=Text("履约订单数", "number of orders kept"),
        why=Text("经营规模是信用能力的基础。", "Scale is a basis of the ability to keep promises."),
        failing=Text("订单较少", "Orders are few"),
        improve=Text("持续经营，积累真实交易。", "Keep trading; real transactions add up."),
        example=Example(120),
    ),
    Indicator(
        id="amount",
        element="operation",
        numerator=sum_of_orders(lambda at: nw.when(kept).then(at.cents("amount"))) / 100,
        denominator=None,
        better="high",
        unit="amount",
        name=Text("交易额", "Transaction amount"),
        definition=Text(
            "履约订单的交易金额合计，按规则所列汇率折算；未列汇率的币种不计入",
            "sum of the amounts of orders kept, at the rulebook's rates; without a rate a currency is left out",
        ),
        why=Text("交易额反映市场的信任。", "The amount reflects the market's trust."),
        failing=Text("交易额较小", "The amount is small"),
        improve=Text("持续经营，积累真实交易。", "Keep trading; real transactions add up."),
        example=Example(18000),
    ),
    Indicator(
        id="active_days",
        element="operation",
        numerator=_days,
        denominator=None,
        better="high",
        unit="count",
        name=Text("活跃天数", "Active days"),
        definition=Text(
            "有履约订单的自然日数（平台时区）", "calendar days with an order that was kept, in the platform's zone"
        ),
        why=Text("连续经营比短期冲量更可信。", "Steady trade is more credible than a burst."),
        failing=Text("有订单的日子较少", "Orders came on few days"),
        improve=Text("保持店铺日常运营。", "Run the shop day by day."),
        example=Example(75),
    ),
    Indicator(
        id="distinct_buyers",
        element="operation",
        numerator=_buyers,
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="count",
        name=Text("买家数", "Distinct buyers"),
        definition=Text("履约订单的不同买家数", "number of different buyers of orders kept"),
        why=Text("买家越多，交易越难虚构。", "The more buyers, the harder trade is to fake."),
        failing=Text("买家较少", "Buyers are few"),
        improve=Text("积累真实买家。", "Gather real buyers over time."),
        needs=("transactions.buyer_id",),
        example=Example(105),
    ),
    Indicator(
        id="returning_buyers",
        element="operation",
        numerator=_returning,
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="count",
        name=Text("回头客数", "Returning buyers"),
        definition=Text("有两笔及以上履约订单的买家数", "buyers with two orders kept or more"),
        why=Text("回头客是满意的表示。", "Those who return were satisfied."),
        failing=Text("回头客较少", "Few buyers return"),
        improve=Text("做好售后，赢得复购。", "Serve well after the sale."),
        needs=("transactions.buyer_id",),
        example=Example(12),
    ),
    Indicator(
        id="category_breadth",
        element="operation",
        numerator=_categories,
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="count",
        name=Text("类目宽度", "Category breadth"),
        definition=Text("有履约订单的商品类目数", "number of categories with an order kept"),
        why=Text("经营多类目的商家抗风险能力较强。", "Several categories make trade more robust."),
        failing=Text("经营类目单一", "Trade is in a single category"),
        improve=Text("在能力范围内拓展类目。", "Widen the range within your means."),
        needs=("transactions.category",),
        example=Example(3),
    ),
    Indicator(
        id="deposit_held",
        element="operation",
        numerator=total("subjects", lambda at: at.cents("deposit_amount")) / 100,
        denominator=None,
        better="high",
        unit="amount",
        name=Text("保证金", "Deposit held"),
        definition=Text(
            "平台持有的保证金或担保金额，按规则所列汇率折算；未登记、或币种未列汇率的为 0",
            "deposit or guarantee held by the platform, at the rulebook's rates; 0 where none is on file, or without a rate",
        ),
        why=Text("保证金为消费者提供赔付保障。", "A deposit secures compensation."),
        failing=Text("没有或只有少量保证金", "No deposit, or a small one, is held"),
        improve=Text("按类目标准缴存保证金。", "Deposit what the category asks."),
        needs=("subjects.deposit_amount",),
        example=Example(5000),
    ),
)

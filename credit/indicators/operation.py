"""Operation and continuity (经营与持续性); for individual sellers: activity (活跃度)."""

import narwhals as nw

from credit.indicators.base import Groups, Indicator, Text, count, grouped, minimum, present, statistics_of, total
from credit.indicators.fulfilment import ORDERS, cancelled

col = nw.col

_buyers, _returning, _orders_known, _squares = statistics_of(Groups("transactions", "buyer_id"))
_categories, _, _categorised, _ = statistics_of(Groups("transactions", "category"))

# Orders a day in the last 180 days and in the 185 days before them.
_recent = ORDERS.within(180) / 180
_before = (ORDERS.within(365) - ORDERS.within(180)) / 185

INDICATORS = (
    Indicator(
        id="order_volume",
        element="operation",
        numerator=ORDERS,
        denominator=None,
        better="high",
        unit="count",
        name=Text("订单量", "Order volume"),
        definition=Text("订单数", "number of orders"),
        why=Text("经营规模是信用能力的基础。", "Scale is a basis of the ability to keep promises."),
        failing=Text("订单较少", "Orders are few"),
        improve=Text("持续经营，积累真实交易。", "Keep trading; real transactions add up."),
    ),
    Indicator(
        id="amount",
        element="operation",
        numerator=total("transactions", nw.when(~cancelled).then(col("amount"))),
        denominator=None,
        better="high",
        unit="amount",
        name=Text("交易额", "Transaction amount"),
        definition=Text("未取消订单的交易金额合计", "sum of the amounts of orders not cancelled"),
        why=Text("交易额反映市场的信任。", "The amount reflects the market's trust."),
        failing=Text("交易额较小", "The amount is small"),
        improve=Text("持续经营，积累真实交易。", "Keep trading; real transactions add up."),
    ),
    Indicator(
        id="active_days",
        element="operation",
        numerator=grouped("transactions", "ordered_on", "groups"),
        denominator=None,
        better="high",
        unit="count",
        name=Text("活跃天数", "Active days"),
        definition=Text("有订单的自然日数（平台时区）", "calendar days with an order, in the platform's zone"),
        why=Text("连续经营比短期冲量更可信。", "Steady trade is more credible than a burst."),
        failing=Text("有订单的日子较少", "Orders came on few days"),
        improve=Text("保持店铺日常运营。", "Run the shop day by day."),
    ),
    Indicator(
        id="growth_stability",
        element="operation",
        numerator=minimum(_recent, _before) * 2,
        denominator=(_recent + _before) * present(_before),
        evidence=ORDERS.within(365),
        better="high",
        unit="index",
        name=Text("经营稳定度", "Growth stability"),
        definition=Text(
            "近 180 日与其前 185 日的日均订单数：2 × 较小者 ÷ 两者之和（1 为持平）；前期无订单时缺失",
            "orders a day in the last 180 and the 185 days before: twice the smaller / their sum (1: level); missing without orders in the earlier part",
        ),
        why=Text("骤增骤减常伴随风险。", "Sudden rises and falls often come with risk."),
        failing=Text("订单量波动较大", "Orders rose or fell sharply"),
        improve=Text("避免短期冲量，平稳发展。", "Avoid bursts; grow steadily."),
    ),
    Indicator(
        id="distinct_buyers",
        element="operation",
        numerator=_buyers,
        denominator=None,
        evidence=_orders_known,
        better="high",
        unit="count",
        name=Text("买家数", "Distinct buyers"),
        definition=Text("下单的不同买家数", "number of different buyers who ordered"),
        why=Text("买家越多，交易越难虚构。", "The more buyers, the harder trade is to fake."),
        failing=Text("买家较少", "Buyers are few"),
        improve=Text("积累真实买家。", "Gather real buyers over time."),
        needs=("transactions.buyer_id",),
    ),
    Indicator(
        id="repeat_buyer_share",
        element="operation",
        numerator=_returning,
        denominator=_buyers,
        better="high",
        unit="share",
        name=Text("复购率", "Repeat buyer share"),
        definition=Text("下单两次及以上的买家 ÷ 买家数", "buyers with two orders or more / buyers"),
        why=Text("回头客是满意的表示。", "Those who return were satisfied."),
        failing=Text("回头客较少", "Few buyers return"),
        improve=Text("做好售后，赢得复购。", "Serve well after the sale."),
        needs=("transactions.buyer_id",),
    ),
    Indicator(
        id="buyer_concentration",
        element="operation",
        numerator=(_squares - _orders_known) / (_orders_known - 1),
        denominator=_orders_known,
        better="low",
        unit="index",
        name=Text("买家集中度", "Buyer concentration"),
        definition=Text(
            "任取两笔订单来自同一买家的概率（赫芬达尔指数的无偏形式，0 至 1，不因规模小而偏高）",
            "chance that two orders drawn come from one buyer (Herfindahl index without its small-size bias, 0 to 1)",
        ),
        why=Text(
            "订单集中于少数买家，持续性弱，也是刷单的常见特征。",
            "Trade with few buyers is fragile, and a common sign of brushing.",
        ),
        failing=Text("订单集中于少数买家", "Orders come from few buyers"),
        improve=Text("拓展买家来源。", "Widen the circle of buyers."),
        needs=("transactions.buyer_id",),
    ),
    Indicator(
        id="category_breadth",
        element="operation",
        numerator=_categories,
        denominator=None,
        evidence=_categorised,
        better="high",
        unit="count",
        name=Text("类目宽度", "Category breadth"),
        definition=Text("有订单的商品类目数", "number of categories with an order"),
        why=Text("经营多类目的商家抗风险能力较强。", "Several categories make trade more robust."),
        failing=Text("经营类目单一", "Trade is in a single category"),
        improve=Text("在能力范围内拓展类目。", "Widen the range within your means."),
        needs=("transactions.category",),
    ),
    Indicator(
        id="deposit_held",
        element="operation",
        numerator=total("subjects", col("deposit_amount")),
        denominator=None,
        evidence=count("subjects", ~col("deposit_amount").is_null()),
        better="high",
        unit="amount",
        name=Text("保证金", "Deposit held"),
        definition=Text("平台持有的保证金或担保金额", "deposit or guarantee held by the platform"),
        why=Text("保证金为消费者提供赔付保障。", "A deposit secures compensation."),
        failing=Text("没有或只有少量保证金", "No deposit, or a small one, is held"),
        improve=Text("按类目标准缴存保证金。", "Deposit what the category asks."),
        needs=("subjects.deposit_amount",),
    ),
)

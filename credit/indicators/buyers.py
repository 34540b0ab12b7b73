"""Individual buyers (个人买家): payment and completion, returns and disputes, reviews, activity.

Counted from the rows a buyer takes part in, for buyers who are subjects themselves. What a buyer has a right to (a
return without reason, a complaint, a low rating) is not held against it; what was found abusive, or is done so often
that the right is not meant, is. Results about buyers are for the platform and the buyer; they are never published.
"""

import narwhals as nw

from credit.indicators.base import Example, Groups, Indicator, Party, Text, count, grouped, median

col = nw.col

BUYER: Party = "buyer_id"

_paid = ~col("paid_at").is_null()
_cancelled = ~col("cancelled_at").is_null()
_completed = ~col("completed_at").is_null() & ~_cancelled
_by_buyer = _cancelled & (col("cancelled_by") == "buyer") & (col("cancel_reason") != "stock_out")
_lapsed = _cancelled & ~_paid & col("cancelled_by").is_in(("buyer", "platform"))
_unfounded = col("outcome").is_in(("rejected",)).fill_null(False) & (col("liability") == "buyer").fill_null(False)

ORDERS = count("transactions", ~col("ordered_at").is_null(), party=BUYER)
PAID = count("transactions", _paid, party=BUYER)
COMPLETED = count("transactions", _completed, party=BUYER)
REVIEWS = count("reviews", ~col("rating_overall").is_null() & col("authentic").fill_null(True), party=BUYER)
_by_seller = Groups("transactions", "seller_id")

INDICATORS = (
    Indicator(
        id="buyer_paid_rate",
        element="payment",
        numerator=PAID,
        denominator=count("transactions", _paid | _lapsed, party=BUYER),
        better="high",
        unit="share",
        name=Text("买家付款率", "Orders paid"),
        definition=Text(
            "已付款订单 ÷（已付款订单 + 未付款而由买家或平台取消的订单）",
            "orders paid / (orders paid + orders cancelled unpaid by the buyer or the platform)",
        ),
        why=Text("下单不付款占用商家库存。", "An order left unpaid ties up the merchant's stock."),
        failing=Text("部分订单未付款", "Orders were left unpaid"),
        improve=Text("确定购买后再下单并及时付款。", "Order when you mean to buy, and pay in time."),
        needs=("transactions.paid_at", "transactions.cancelled_at", "transactions.buyer_id"),
        example=Example(19, 20),
    ),
    Indicator(
        id="buyer_completion_rate",
        element="payment",
        numerator=COMPLETED,
        denominator=count("transactions", _completed | (_by_buyer & _paid), party=BUYER),
        better="high",
        unit="share",
        name=Text("买家成交率", "Orders completed"),
        definition=Text(
            "已完成订单 ÷（已完成订单 + 付款后由买家取消的订单；因缺货取消的不计）",
            "orders completed / (orders completed + orders the buyer cancelled after paying, other than for want of stock)",
        ),
        why=Text("频繁取消增加商家成本。", "Frequent cancelling costs merchants."),
        failing=Text("付款后取消了部分订单", "Orders were cancelled after payment"),
        improve=Text("付款前确认需求。", "Make up your mind before you pay."),
        needs=("transactions.completed_at", "transactions.cancelled_by", "transactions.buyer_id"),
        example=Example(19, 20),
    ),
    Indicator(
        id="buyer_payment_hours",
        element="payment",
        numerator=median("transactions", col("payment_minutes"), party=BUYER) / 60,
        denominator=None,
        evidence=count("transactions", ~col("payment_minutes").is_null(), party=BUYER),
        better="low",
        unit="hours",
        name=Text("付款时长", "Time to pay"),
        definition=Text("从下单到付款的小时数的中位数", "median hours from order to payment"),
        why=Text("及时付款使商家能够尽早备货。", "Prompt payment lets the merchant prepare the goods."),
        failing=Text("付款较慢", "Payment was slow"),
        improve=Text("下单后及时付款。", "Pay soon after ordering."),
        needs=("transactions.paid_at", "transactions.buyer_id"),
        example=Example(2, evidence=8),
    ),
    Indicator(
        id="buyer_no_reason_return_rate",
        element="returns",
        numerator=count("transactions", (col("refund_reason") == "no_reason") & ~_cancelled, party=BUYER),
        denominator=count("transactions", ~col("refund_reason").is_null() & ~_cancelled, party=BUYER),
        better="low",
        unit="share",
        name=Text("无理由退货率", "Returns without reason"),
        definition=Text(
            "无理由退货的订单 ÷ 记录了退款情况且未取消的订单",
            "orders returned without reason / uncancelled orders whose refunds are recorded",
        ),
        why=Text(
            "七天无理由退货是消费者的权利；只有明显超出常情的频繁退货才影响信用。",
            "Returning without reason is a consumer's right; only returning far beyond the ordinary touches credit.",
        ),
        failing=Text("无理由退货过于频繁", "Returns without reason were unusually many"),
        improve=Text("下单前了解商品，合理使用退货权利。", "Get to know the goods first; use the right with measure."),
        needs=("transactions.refund_requested_at", "transactions.buyer_id"),
        example=Example(1, 20),
    ),
    Indicator(
        id="buyer_unfounded_complaint_rate",
        element="returns",
        numerator=count("complaints", _unfounded, party=BUYER),
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("无据投诉率", "Unfounded complaints"),
        definition=Text("被驳回且认定买家责任的投诉 ÷ 订单数", "complaints rejected with the buyer liable / orders"),
        why=Text("恶意投诉损害诚信商家。", "Malicious complaints harm honest merchants."),
        failing=Text("有投诉被驳回并认定买家责任", "Complaints were rejected with the buyer liable"),
        improve=Text("如实投诉并提供证据。", "Complain truthfully and give evidence."),
        needs=("complaints.outcome", "complaints.liability", "complaints.buyer_id"),
        example=Example(0, 20),
    ),
    Indicator(
        id="buyer_suspected_fraud_rate",
        element="returns",
        numerator=count("transactions", _cancelled & (col("cancel_reason") == "fraud_suspected"), party=BUYER),
        denominator=ORDERS,
        better="low",
        unit="share",
        name=Text("涉嫌欺诈订单率", "Orders cancelled for suspected fraud"),
        definition=Text("因涉嫌欺诈被取消的订单 ÷ 订单数", "orders cancelled for suspected fraud / orders"),
        why=Text("盗刷、套利等行为危及交易安全。", "Stolen cards and arbitrage endanger trade."),
        failing=Text("有订单因涉嫌欺诈被取消", "Orders were cancelled for suspected fraud"),
        improve=Text("使用本人账户和支付方式交易。", "Trade with your own account and means of payment."),
        needs=("transactions.cancel_reason", "transactions.buyer_id"),
        example=Example(0, 20),
    ),
    Indicator(
        id="buyer_authentic_share",
        element="review_conduct",
        numerator=count("reviews", col("authentic"), party=BUYER),
        denominator=count("reviews", ~col("authentic").is_null(), party=BUYER),
        recorded=ORDERS,
        better="high",
        unit="share",
        name=Text("评价真实率", "Authentic reviews"),
        definition=Text("认定真实的评价 ÷ 作过真实性认定的评价", "reviews judged authentic / reviews judged"),
        why=Text("虚假评价误导其他消费者。", "False reviews mislead other consumers."),
        failing=Text("有评价被认定不真实", "Reviews were judged not authentic"),
        improve=Text("只根据真实体验评价。", "Review only what you have experienced."),
        needs=("reviews.authentic", "reviews.buyer_id"),
        example=Example(3, 3),
    ),
    Indicator(
        id="buyer_review_coverage",
        element="review_conduct",
        numerator=REVIEWS,
        denominator=COMPLETED,
        better="high",
        unit="per_order",
        name=Text("评价参与度", "Orders reviewed"),
        definition=Text(
            "作出的评价（认定不真实的不计）÷ 已完成订单",
            "reviews given, less those judged not authentic / orders completed",
        ),
        why=Text("评价帮助其他消费者，作出评价是对市场的贡献。", "Reviews help others; giving them is a contribution."),
        failing=Text("较少作出评价", "Few orders were reviewed"),
        improve=Text("完成交易后如实评价。", "Review truthfully after an order."),
        needs=("reviews.buyer_id", "transactions.buyer_id"),
        example=Example(12, 20),
    ),
    Indicator(
        id="buyer_orders",
        element="activity",
        numerator=ORDERS,
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="count",
        name=Text("购买订单数", "Orders placed"),
        definition=Text("下单数", "orders placed"),
        why=Text("交易越多，记录越能说明信用。", "The more trade, the more the record tells."),
        failing=Text("订单较少", "Orders are few"),
        improve=Text("正常交易，逐步积累。", "Trade as usual; it builds up."),
        needs=("transactions.buyer_id",),
        example=Example(20),
        actionable=False,
    ),
    Indicator(
        id="buyer_active_days",
        element="activity",
        numerator=grouped(Groups("transactions", "ordered_on"), "groups", BUYER),
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="days",
        name=Text("购买活跃天数", "Days with an order"),
        definition=Text("有下单的天数", "days with an order"),
        why=Text("持续的交易比一时的交易更有说服力。", "Trade over time says more than a burst."),
        failing=Text("活跃天数较少", "Days with an order are few"),
        improve=Text("正常交易，逐步积累。", "Trade as usual; it builds up."),
        needs=("transactions.buyer_id",),
        example=Example(15),
        actionable=False,
    ),
    Indicator(
        id="buyer_sellers",
        element="activity",
        numerator=grouped(_by_seller, "groups", BUYER),
        denominator=None,
        evidence=grouped(_by_seller, "rows", BUYER),
        better="high",
        unit="count",
        name=Text("交易商家数", "Merchants bought from"),
        definition=Text("下过单的不同商家数", "different merchants ordered from"),
        why=Text("只与个别商家交易是刷单的常见特征。", "Buying from one merchant alone is a common sign of brushing."),
        failing=Text("交易商家较少", "Merchants bought from are few"),
        improve=Text("正常交易，逐步积累。", "Trade as usual; it builds up."),
        needs=("transactions.buyer_id",),
        example=Example(12),
        actionable=False,
    ),
)

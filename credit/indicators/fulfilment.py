"""Fulfilment (履约): did the merchant do what it promised with the orders it took?

A promise is judged once it has fallen due, not once it has been kept: an order past its date and still not sent is late.
Cancelled orders are judged by completion, cancellation and stock-out, not by dispatch or delivery as well.
"""

import narwhals as nw

from credit.indicators.base import At, Example, Indicator, Text, count, parameter, total

col = nw.col

LATENESS_CAP_DAYS = parameter("lateness_cap_days", 30, "days", "单笔迟延上限", "Most days late that one order counts")

DISPATCH_TIME_CAP = parameter(
    "dispatch_time_cap", 2, "times", "单笔发货用时倍数上限", "Times the promised time that one order counts at most"
)

cancelled = ~col("cancelled_at").is_null()
completed = ~col("completed_at").is_null() & ~cancelled
# A buyer's own cancellation excuses the seller, unless it was for want of stock; so does the platform's of an order
# that was never paid or that it suspects of fraud.
excused = ((col("cancelled_by") == "buyer") & (col("cancel_reason") != "stock_out")) | (
    (col("cancelled_by") == "platform") & (col("paid_at").is_null() | (col("cancel_reason") == "fraud_suspected"))
)
dispatch_due = ~col("dispatch_due_at").is_null() & ~cancelled
delivery_due = ~col("delivery_due_at").is_null() & ~cancelled
invoice_due = col("invoice_asked") & completed

ORDERS = count("transactions", ~col("ordered_at").is_null())
COMPLETED = count("transactions", completed)
CONCLUDED = count("transactions", completed | (cancelled & ~excused))
DISPATCH_DUE = count("transactions", dispatch_due)
DELIVERY_DUE = count("transactions", delivery_due)
DELIVERED_DUE = count("transactions", delivery_due & ~col("delivered_at").is_null())


def _late_minutes(at: At) -> nw.Expr:
    late, most = col("delivery_late_minutes"), at[LATENESS_CAP_DAYS] * 1440
    return nw.when(delivery_due).then(nw.when(late > most).then(nw.lit(most)).otherwise(late))


LATE_MINUTES = total("transactions", _late_minutes, parameters=(LATENESS_CAP_DAYS,))

DISPATCH_TIMED = count("transactions", dispatch_due & ~col("dispatch_allowed_minutes").is_null())


def _time_used(at: At) -> nw.Expr:
    # In whole thousandths: sums of fractions would depend on the order of rows.
    used = col("dispatch_minutes") * 1000 // col("dispatch_allowed_minutes")
    most = nw.lit(round(at[DISPATCH_TIME_CAP] * 1000))
    # Due and still not sent is not less than sent ever so late.
    counted = nw.when(used < most).then(used).otherwise(most)
    return nw.when(dispatch_due & ~col("dispatch_allowed_minutes").is_null()).then(counted)


TIME_USED = total("transactions", _time_used, parameters=(DISPATCH_TIME_CAP,))

INDICATORS = (
    Indicator(
        id="completion_rate",
        element="fulfilment",
        numerator=COMPLETED,
        denominator=CONCLUDED,
        better="high",
        unit="share",
        name=Text("订单完成率", "Completion rate"),
        definition=Text(
            "已完成订单 ÷（已完成订单 + 非买家原因取消的订单；买家因缺货取消的也计入，平台因未付款或涉嫌欺诈取消的不计）",
            "completed orders / (completed orders + orders cancelled other than by the buyer, or by the buyer for want of "
            "stock; not those the platform cancelled as unpaid or suspected of fraud)",
        ),
        why=Text("接单后不能完成，是最直接的违约。", "An order taken and not completed is the plainest breach."),
        failing=Text("部分订单因非买家原因被取消", "Orders were cancelled that the buyer had not cancelled"),
        improve=Text(
            "只接能够完成的订单，及时更新库存与价格。",
            "Take only orders you can complete; keep stock and prices up to date.",
        ),
        needs=("transactions.completed_at",),
        example=Example(97, 100),
    ),
    Indicator(
        id="seller_cancelled_rate",
        element="fulfilment",
        numerator=count("transactions", cancelled & (col("cancelled_by") == "seller")),
        denominator=CONCLUDED,
        better="low",
        unit="share",
        name=Text("商家取消率", "Seller-cancelled rate"),
        definition=Text(
            "商家取消的订单 ÷（已完成 + 非买家原因取消的订单；买家因缺货取消的也计入）",
            "orders cancelled by the seller / concluded orders",
        ),
        why=Text("商家单方取消使消费者落空。", "A cancellation by the seller leaves the consumer with nothing."),
        failing=Text("商家主动取消了订单", "The seller cancelled orders"),
        improve=Text(
            "核对库存和价格后再上架，避免接单后取消。",
            "Check stock and price before listing rather than cancelling after.",
        ),
        needs=("transactions.cancelled_by", "transactions.completed_at"),
        example=Example(2, 100),
    ),
    Indicator(
        id="stock_out_rate",
        element="fulfilment",
        numerator=count("transactions", cancelled & (col("cancel_reason") == "stock_out")),
        denominator=CONCLUDED,
        better="low",
        unit="share",
        name=Text("缺货率", "Stock-out rate"),
        definition=Text(
            "因缺货取消的订单 ÷（已完成 + 非买家原因取消的订单；买家因缺货取消的也计入）",
            "orders cancelled for want of stock / concluded orders",
        ),
        why=Text("出售没有的货物等于虚假供货。", "Selling what is not there is a false offer."),
        failing=Text("有订单因缺货被取消", "Orders were cancelled because goods were out of stock"),
        improve=Text("同步库存，缺货商品及时下架。", "Synchronise stock and take down what is out of it."),
        needs=("transactions.cancel_reason", "transactions.completed_at"),
        example=Example(1, 100),
    ),
    Indicator(
        id="on_time_dispatch_rate",
        element="fulfilment",
        numerator=count("transactions", dispatch_due & (col("dispatched_at") <= col("dispatch_due_at"))),
        denominator=DISPATCH_DUE,
        better="high",
        unit="share",
        name=Text("按时发货率", "On-time dispatch rate"),
        definition=Text(
            "在承诺时间内交运的订单 ÷ 承诺发货时间已到且未取消的订单",
            "orders handed to the carrier by the promised time / uncancelled orders whose promised time has come",
        ),
        why=Text(
            "发货由商家掌握，最能反映其守约。",
            "Dispatch is in the merchant's own hands and tells most about its keeping of promises.",
        ),
        failing=Text("部分订单未在承诺时间内发货", "Orders were not dispatched by the promised time"),
        improve=Text(
            "按备货能力承诺发货时间，并在期限内交运。", "Promise what your stock allows and hand over within it."
        ),
        needs=("transactions.dispatched_at",),
        example=Example(92, 100),
    ),
    Indicator(
        id="dispatch_time_used",
        element="fulfilment",
        numerator=TIME_USED / 1000,
        denominator=DISPATCH_TIMED,
        better="low",
        unit="index",
        name=Text("发货用时占比", "Share of the dispatch time used"),
        definition=Text(
            "从下单到交运的时长 ÷ 承诺的发货时长，逐单计算后平均（每单最多计 "
            f"{DISPATCH_TIME_CAP.value:g}，到期未交运按上限计）；承诺发货时间已到且未取消的订单",
            "time from order to handing over / time promised for it, averaged over uncancelled orders whose promised time "
            f"has come (at most {DISPATCH_TIME_CAP.value:g} an order, which due and not handed over counts)",
        ),
        why=Text(
            "总在最后一刻发货的商家，稍有波动便会失约；用时占比比迟发更早显露这一风险。",
            "Who always sends at the last moment breaks the promise when anything goes wrong; this shows it before lateness does.",
        ),
        failing=Text("发货接近或超过承诺时间", "Orders are handed over close to the promised time, or after it"),
        improve=Text(
            "当天或次日交运，给承诺时间留出余量。",
            "Hand over the same day or the next, and leave room before the promised time.",
        ),
        needs=("transactions.dispatched_at",),
        example=Example(45, 100),
    ),
    Indicator(
        id="on_time_delivery_rate",
        element="fulfilment",
        numerator=count("transactions", delivery_due & (col("delivered_at") <= col("delivery_due_at"))),
        denominator=DELIVERY_DUE,
        better="high",
        unit="share",
        name=Text("按时送达率", "On-time delivery rate"),
        definition=Text(
            "在承诺时间内送达的订单 ÷ 承诺送达时间已到且未取消的订单",
            "orders delivered by the promised time / uncancelled orders whose promised time has come",
        ),
        why=Text("消费者按承诺的送达时间作出购买决定。", "Consumers decide by the promised delivery."),
        failing=Text("部分订单未在承诺时间内送达", "Orders were not delivered by the promised time"),
        improve=Text(
            "选择可靠的承运人，如实承诺送达时间。", "Choose reliable carriers and promise delivery truthfully."
        ),
        needs=("transactions.delivered_at",),
        example=Example(88, 100),
    ),
    Indicator(
        id="delivery_lateness",
        element="fulfilment",
        numerator=LATE_MINUTES / 1440,
        denominator=DELIVERED_DUE,
        better="low",
        unit="days",
        name=Text("平均送达迟延", "Mean delivery lateness"),
        definition=Text(
            f"已送达订单超过承诺送达时间的天数（每单最多计 {LATENESS_CAP_DAYS.value:g} 天，按时计 0）的平均值",
            f"mean days past the promised delivery of delivered orders (0 if on time, at most {LATENESS_CAP_DAYS.value:g} an order)",
        ),
        why=Text("迟一天与迟一月不同。", "A day late is not a month late."),
        failing=Text("迟到订单的迟延时间较长", "Late orders were late by long"),
        improve=Text("跟踪在途订单，尽早处理异常。", "Follow parcels under way and act early on trouble."),
        example=Example(36, 90),
    ),
    Indicator(
        id="invoice_rate",
        element="fulfilment",
        numerator=count("transactions", invoice_due & ~col("invoice_issued_at").is_null()),
        denominator=count("transactions", invoice_due),
        recorded=count("transactions", ~col("invoice_asked").is_null()),
        better="high",
        unit="share",
        name=Text("应索开票率", "Invoices issued on request"),
        definition=Text(
            "已开具发票的订单 ÷ 买家索要发票的已完成订单",
            "invoices issued / completed orders whose buyer asked for one",
        ),
        why=Text(
            "依法出具购货凭证是经营者的义务（电子商务法第十四条）。",
            "Issuing vouchers is a duty by law (E-Commerce Law Art. 14).",
        ),
        failing=Text("有买家索要发票而未开具", "Invoices asked for were not issued"),
        improve=Text("订单完成后即时开具电子发票。", "Issue the electronic invoice as soon as the order completes."),
        needs=("transactions.invoice_issued_at",),
        example=Example(9, 10),
    ),
    Indicator(
        id="traceable_share",
        element="fulfilment",
        numerator=count("transactions", col("traceable")),
        denominator=count("transactions", ~col("traceable").is_null()),
        better="high",
        unit="share",
        name=Text("全程可追溯率", "Share traceable end to end"),
        definition=Text(
            "物流全程可追溯的订单 ÷ 记录了追溯情况的已发货订单",
            "orders tracked end to end / dispatched orders whose tracking is recorded",
        ),
        why=Text("可追溯的订单在争议中有据可查。", "A tracked order leaves evidence when there is a dispute."),
        failing=Text("部分订单物流信息不完整", "Orders lack complete tracking"),
        improve=Text(
            "使用能提供全程轨迹的承运人并上传运单号。", "Use carriers with full tracking and upload the waybill number."
        ),
        example=Example(95, 100),
    ),
)

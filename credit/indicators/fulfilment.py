"""Fulfilment (履约): did the merchant do what it promised with the orders it took?

What became of an order is decided in `credit.indicators.orders`. Each rate is kept orders beside one kind of breach, each
mean is per kept order: an order that was kept never lowers a mark, and no bad order dilutes another.
"""

import narwhals as nw

from credit.indicators.base import Example, Indicator, Text
from credit.indicators.orders import (
    DISPATCH_TIME_CAP,
    FAILED,
    KEPT,
    LATENESS_CAP_DAYS,
    ORDERS,
    kept,
    orders,
    outcome,
    sum_of_orders,
    true,
)

col = nw.col

invoice_refused = true(col("invoice_asked")) & outcome("kept", "surplus", "late") & col("invoice_issued_at").is_null()
invoice_issued = true(col("invoice_asked")) & kept & ~col("invoice_issued_at").is_null()
untraced = outcome("kept", "late") & ~true(col("traceable"))

DISPATCH_BROKEN = orders(col("dispatch_broken"))
DELIVERY_BROKEN = orders(col("delivery_broken"))
INVOICES_ISSUED = orders(invoice_issued)
TRACED = orders(kept & true(col("traceable")))

INDICATORS = (
    Indicator(
        id="completion_rate",
        element="fulfilment",
        numerator=KEPT,
        denominator=KEPT + FAILED,
        evidence=ORDERS,
        better="high",
        unit="share",
        name=Text("订单完成率", "Completion rate"),
        definition=Text(
            "履约订单 ÷（履约 + 未交付 + 商家取消 + 失约后取消的订单）",
            "orders kept / (kept + undelivered + cancelled by the seller + cancelled after a broken promise)",
        ),
        why=Text("接单后不能完成，是最直接的违约。", "An order taken and not completed is the plainest breach."),
        failing=Text("部分订单未交付或被取消", "Orders were not delivered, or were cancelled"),
        improve=Text(
            "上架前核对库存与价格，只接能够完成的订单。",
            "Check stock and price before listing; take only orders you can complete.",
        ),
        example=Example(97, 100),
    ),
    Indicator(
        id="on_time_dispatch_rate",
        element="fulfilment",
        numerator=KEPT,
        denominator=KEPT + DISPATCH_BROKEN,
        evidence=ORDERS,
        better="high",
        unit="share",
        name=Text("按时发货率", "On-time dispatch rate"),
        definition=Text(
            "履约订单 ÷（履约 + 逾期发货、未交付、商家取消、失约后取消的订单）",
            "orders kept / (kept + sent late, not sent though the term has passed, or failed: undelivered, cancelled by the seller or "
            "after a broken promise)",
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
        numerator=sum_of_orders(col("time_used")) / 1000,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="index",
        name=Text("发货用时占比", "Share of the dispatch time used"),
        definition=Text(
            "从下单到交运的时长 ÷ 发货期限，逐单计算（四舍五入至千分位，每单最多计 "
            f"{DISPATCH_TIME_CAP.value:g}，逾期未交运、未交付、商家取消、失约后取消的按上限计），履约、逾期发货及上述订单合计 ÷ 履约订单数",
            "time from order to handing over / term of dispatch, rounded to thousandths an order (at most "
            f"{DISPATCH_TIME_CAP.value:g}, which an order not yet sent though the term has passed, or failed, counts), summed over "
            "orders kept, sent late or failed / orders kept",
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
        numerator=KEPT,
        denominator=KEPT + DELIVERY_BROKEN,
        evidence=ORDERS,
        better="high",
        unit="share",
        name=Text("按时送达率", "On-time delivery rate"),
        definition=Text(
            "履约订单 ÷（履约 + 逾期送达、未交付、商家取消、失约后取消的订单）",
            "orders kept / (kept + delivered late, not there though the term has passed, or failed: undelivered, cancelled by the "
            "seller or after a broken promise)",
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
        numerator=sum_of_orders(col("late_minutes")) / 1440,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="days",
        name=Text("平均送达迟延", "Mean delivery lateness"),
        definition=Text(
            f"各订单超过送达期限的天数（每单最多计 {LATENESS_CAP_DAYS.value:g} 天；未送达的计至评价日，未交付、商家取消、失约后取消的按上限计）"
            "之和 ÷ 履约订单数",
            f"days past the term of delivery (at most {LATENESS_CAP_DAYS.value:g} an order; not there yet: so far, days begun counting "
            "whole; undelivered, cancelled by the seller or after a broken promise: the most), summed / orders kept",
        ),
        why=Text("迟一天与迟一月不同。", "A day late is not a month late."),
        failing=Text("迟到订单的迟延时间较长", "Late orders were late by long"),
        improve=Text("跟踪在途订单，尽早处理异常。", "Follow parcels under way and act early on trouble."),
        needs=("transactions.delivered_at",),
        example=Example(36, 90),
    ),
    Indicator(
        id="invoice_rate",
        element="fulfilment",
        numerator=INVOICES_ISSUED,
        denominator=INVOICES_ISSUED + orders(invoice_refused),
        recorded=orders(~col("invoice_asked").is_null()),
        better="high",
        unit="share",
        name=Text("应索开票率", "Invoices issued on request"),
        definition=Text(
            "已开具发票的履约订单 ÷（这些订单 + 送达后应开未开的订单）",
            "orders kept with the invoice that was asked for / (these + orders delivered without the invoice asked for)",
        ),
        why=Text(
            "依法出具购货凭证是经营者的义务（电子商务法第十四条）。",
            "Issuing vouchers is a duty by law (E-Commerce Law Art. 14).",
        ),
        failing=Text("有买家索要发票而未开具", "Invoices asked for were not issued"),
        improve=Text("订单完成后即时开具电子发票。", "Issue the electronic invoice as soon as the order completes."),
        needs=("transactions.invoice_asked", "transactions.invoice_issued_at"),
        example=Example(9, 10),
    ),
    Indicator(
        id="traceable_share",
        element="fulfilment",
        numerator=TRACED,
        denominator=TRACED + orders(untraced),
        better="high",
        unit="share",
        name=Text("全程可追溯率", "Share traceable end to end"),
        definition=Text(
            "物流全程可追溯的履约订单 ÷（这些订单 + 送达而不可追溯或未记录追溯情况的订单）",
            "orders kept and tracked end to end / (these + orders delivered untracked, or of which tracking is not told)",
        ),
        why=Text("可追溯的订单在争议中有据可查。", "A tracked order leaves evidence when there is a dispute."),
        failing=Text("部分订单物流信息不完整", "Orders lack complete tracking"),
        improve=Text(
            "使用能提供全程轨迹的承运人并上传运单号。", "Use carriers with full tracking and upload the waybill number."
        ),
        needs=("transactions.traceable",),
        example=Example(95, 100),
    ),
    Indicator(
        id="non_delivery",
        element="fulfilment",
        numerator=FAILED,
        denominator=KEPT + FAILED + 10,
        evidence=ORDERS,
        better="low",
        unit="share",
        name=Text("未履行占比", "Share not fulfilled"),
        definition=Text(
            "未交付、商家取消、失约后取消的订单 ÷（履约 + 这些订单 + 10）；另加的 10 单使个别失误不致触发限级",
            "orders undelivered, cancelled by the seller or after a broken promise / (kept + these + 10); the ten keep single "
            "failures of a small merchant from a cap",
        ),
        why=Text("大量收款不交付是最严重的失信。", "Taking money and not delivering is the gravest breach of trust."),
        failing=Text("大量订单未履行", "Many orders were not fulfilled"),
        improve=Text(
            "立即交付或退款，停止承接不能履行的订单。", "Deliver or refund at once; take no order you cannot fulfil."
        ),
        example=Example(2, 110),
    ),
)

"""After-sales and complaints (售后与投诉).

Harm is counted per order, never per complaint: one more complaint can then never dilute another, and a merchant without
complaints has a measured zero. Speed of handling is measured on complaints that were not upheld, so that nobody earns
credit by answering quickly to what it should not have done.
"""

import narwhals as nw

from credit.indicators.base import Example, Groups, Indicator, Text, count, median, statistics_of
from credit.indicators.fulfilment import ORDERS

col = nw.col

EXTERNAL = ("12315", "association", "mediation", "arbitration", "court")
FOR_CAUSE = ("quality", "not_as_described", "not_received", "late")

justified = col("outcome").is_in(("upheld", "partly_upheld")).fill_null(False)
upheld = justified & ((col("liability") == "seller") | col("liability").is_null()).fill_null(False)
external = col("channel").is_in(EXTERNAL)
overdue = ~col("resolution_due_at").is_null() & (
    col("resolved_at").is_null() | (col("resolved_at") > col("resolution_due_at"))
)

COMPLAINTS = count("complaints", ~col("filed_at").is_null())
RESPONDED = count("complaints", ~justified & ~col("response_minutes").is_null())
RESOLVED = count("complaints", ~justified & ~col("resolution_minutes").is_null())
REFUNDED = count("transactions", ~col("refund_minutes").is_null())
_complainers, _repeaters, _of_known, _squares = statistics_of(Groups("complaints", "buyer_id"))

INDICATORS = (
    Indicator(
        id="complaint_rate",
        element="after_sales",
        numerator=COMPLAINTS,
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉率", "Complaint rate"),
        definition=Text("投诉件数 ÷ 订单数", "complaints / orders"),
        why=Text("投诉是消费者不满最明确的表示。", "A complaint is dissatisfaction said plainly."),
        failing=Text("投诉较多", "There were many complaints"),
        improve=Text("在客服环节先行解决问题。", "Settle matters in customer service before they become complaints."),
        example=Example(3, 120),
    ),
    Indicator(
        id="upheld_complaint_rate",
        element="after_sales",
        numerator=count("complaints", upheld),
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉成立率", "Upheld complaint rate"),
        definition=Text(
            "认定成立（含部分成立）且责任在商家的投诉 ÷ 订单数",
            "complaints upheld, in full or part, with the seller liable / orders",
        ),
        why=Text("成立的投诉说明过错在商家。", "An upheld complaint establishes the merchant's fault."),
        failing=Text("有投诉被认定成立", "Complaints were upheld"),
        improve=Text("改正成立投诉所指的问题。", "Mend what upheld complaints point to."),
        needs=("complaints.outcome", "complaints.resolved_at"),
        example=Example(1, 120),
    ),
    Indicator(
        id="first_response_hours",
        element="after_sales",
        numerator=median("complaints", nw.when(~justified).then(col("response_minutes"))) / 60,
        denominator=None,
        evidence=RESPONDED,
        recorded=ORDERS,
        better="low",
        unit="hours",
        name=Text("首次响应时长", "First response time"),
        definition=Text(
            "未被认定成立的投诉从提出到首次响应的小时数的中位数",
            "median hours from filing to the first response, over complaints not upheld",
        ),
        why=Text("及时回应可避免纠纷升级。", "A prompt answer keeps disputes from growing."),
        failing=Text("投诉回应较慢", "Complaints waited long for an answer"),
        improve=Text("设专人当日回应投诉。", "Have someone answer complaints the same day."),
        needs=("complaints.first_response_at",),
        example=Example(6, evidence=10),
    ),
    Indicator(
        id="resolution_days",
        element="after_sales",
        numerator=median("complaints", nw.when(~justified).then(col("resolution_minutes"))) / 1440,
        denominator=None,
        evidence=RESOLVED,
        recorded=ORDERS,
        better="low",
        unit="days",
        name=Text("投诉办结时长", "Resolution time"),
        definition=Text(
            "未被认定成立的投诉从提出到办结的天数的中位数",
            "median days from filing to resolution, over complaints not upheld",
        ),
        why=Text("拖延本身就是损失。", "Delay is a loss in itself."),
        failing=Text("投诉办结较慢", "Complaints took long to resolve"),
        improve=Text("明确办理时限，先行赔付小额争议。", "Set time limits; settle small disputes at once."),
        needs=("complaints.resolved_at",),
        example=Example(4, evidence=8),
    ),
    Indicator(
        id="overdue_complaint_rate",
        element="after_sales",
        numerator=count("complaints", overdue),
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉逾期率", "Complaints not resolved on time"),
        definition=Text(
            "办结期限已过而未办结或逾期办结的投诉 ÷ 订单数",
            "complaints unresolved at, or resolved after, their term / orders",
        ),
        why=Text("按期办结是处理机制有效的标志。", "Keeping the term shows that complaint handling works."),
        failing=Text("有投诉未按期办结", "Complaints were not resolved within their term"),
        improve=Text("在期限前办结，无法办结的提前说明。", "Resolve within the term, or explain before it ends."),
        needs=("complaints.resolved_at",),
        example=Example(1, 120),
    ),
    Indicator(
        id="repeat_complaint_rate",
        element="after_sales",
        numerator=_of_known - _complainers,
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("重复投诉率", "Repeat complaint rate"),
        definition=Text(
            "同一消费者第二次及以后的投诉 ÷ 订单数", "second and later complaints of the same consumer / orders"
        ),
        why=Text("再次投诉说明首次没有解决。", "A second complaint says that the first was not settled."),
        failing=Text("有消费者多次投诉", "Consumers complained again"),
        improve=Text("首次投诉即彻底解决。", "Settle the first complaint for good."),
        needs=("complaints.buyer_id",),
        example=Example(0, 120),
    ),
    Indicator(
        id="lost_dispute_rate",
        element="after_sales",
        numerator=count("complaints", upheld & (external | ~col("escalated_at").is_null())),
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("争议败诉率", "Lost dispute rate"),
        definition=Text(
            "经 12315、协会、调解、仲裁、法院处理（或升级）且认定商家责任的争议 ÷ 订单数",
            "disputes before 12315, association, mediation, arbitration or court, or escalated, lost by the seller / orders",
        ),
        why=Text("由第三方认定的责任最为确凿。", "Fault found by a third party is the surest."),
        failing=Text("有争议经第三方处理后败诉", "Disputes before third parties were lost"),
        improve=Text("责任明确的争议尽早和解。", "Settle early where the fault is clear."),
        needs=("complaints.outcome", "complaints.resolved_at"),
        example=Example(0, 120),
    ),
    Indicator(
        id="escalation_rate",
        element="after_sales",
        numerator=count("complaints", external | ~col("escalated_at").is_null()),
        denominator=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉升级率", "Escalation rate"),
        definition=Text(
            "进入 12315、协会、调解、仲裁、法院的投诉 ÷ 订单数",
            "complaints that reached 12315, association, mediation, arbitration or court / orders",
        ),
        why=Text("平台内未能解决的争议会占用公共资源。", "What is not settled on the platform takes public resources."),
        failing=Text("有投诉升级到平台之外", "Complaints went beyond the platform"),
        improve=Text("在平台内解决争议。", "Settle disputes on the platform."),
        example=Example(1, 120),
    ),
    Indicator(
        id="refund_for_cause_rate",
        element="after_sales",
        numerator=count("transactions", col("refund_reason").is_in(FOR_CAUSE)),
        denominator=count("transactions", ~col("refund_reason").is_null()),
        better="low",
        unit="share",
        name=Text("有责退款率", "Refund rate for cause"),
        definition=Text(
            "因质量、描述不符、未收到、迟延申请退款的订单 ÷ 记录了退款情况的订单",
            "orders with a refund asked for quality, misdescription, non-receipt or lateness / orders whose refunds are recorded",
        ),
        why=Text(
            "因商品或履约问题的退款反映供货质量；无理由退货不计。",
            "Refunds for cause tell of quality; returns without reason do not count.",
        ),
        failing=Text("因商品或履约问题的退款较多", "Refunds for quality or delivery were many"),
        improve=Text("如实描述，出货前检验。", "Describe truthfully and inspect before sending."),
        needs=("transactions.refund_requested_at",),
        example=Example(4, 100),
    ),
    Indicator(
        id="refund_days",
        element="after_sales",
        numerator=median("transactions", col("refund_minutes")) / 1440,
        denominator=None,
        evidence=REFUNDED,
        recorded=count("transactions", ~col("refund_reason").is_null()),
        better="low",
        unit="days",
        name=Text("退款时长", "Refund time"),
        definition=Text("从申请退款到退款完成的天数的中位数", "median days from asking for a refund to having it"),
        why=Text("退款及时与否直接影响消费者权益。", "A slow refund keeps the consumer's money."),
        failing=Text("退款较慢", "Refunds were slow"),
        improve=Text("收到退货或核实后即时退款。", "Refund as soon as the return is received or the matter is clear."),
        example=Example(2.5, evidence=6),
    ),
)

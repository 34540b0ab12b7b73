"""After-sales and complaints (售后与投诉).

Harm is counted per kept order, never per complaint: one more complaint can never dilute another, no bad order dilutes any,
and a merchant without complaints has a measured zero. An open case has the age it has so far: never answering is never
better than answering late.

A complaint counts in full where it was upheld, where nobody told how it ended, and while it is open past its term; in part
where it was settled, or is open within its term; not at all where it was rejected, withdrawn or another's fault, nor, until
it is upheld, where it names no binding order of the merchant.
"""

import narwhals as nw

from credit.indicators.base import At, Example, Groups, Indicator, Text, count, grouped, parameter, total
from credit.indicators.orders import (
    KEPT,
    ORDERS,
    choose,
    names_binding_order,
    orders,
    outcome,
    sum_of_orders,
    trivial,
    true,
)

col, lit = nw.col, nw.lit

EXTERNAL = ("12315", "association", "mediation", "arbitration", "court")
FOR_CAUSE = ("quality", "not_as_described", "not_received", "late")
NO_CAUSE = ("no_reason", "other")

SETTLED_SHARE = parameter(
    "settled_share",
    0.5,
    "",
    "和解及未到期投诉的计入比例",
    "Share at which a complaint settled, or open within its term, counts",
)
RESPONSE_CAP_DAYS = parameter(
    "response_cap_days", 7, "days", "单件响应时长上限", "Most days of waiting for an answer that count"
)
RESOLUTION_CAP_DAYS = parameter(
    "resolution_cap_days", 30, "days", "单件办结时长上限", "Most days of waiting for the end of a complaint that count"
)
RESOLUTION_DAYS_MOST = parameter(
    "resolution_days_most", 60, "days", "投诉最长办结期限", "Longest term of a complaint, whatever term it was given"
)
REFUND_CAP_DAYS = parameter(
    "refund_cap_days", 30, "days", "单笔退款时长上限", "Most days of waiting for a refund that count"
)
REFUND_FREE_DAYS = parameter(
    "refund_free_days", 1, "days", "退款时长免计天数", "Days of waiting for a refund that do not count"
)

justified = true(col("outcome").is_in(("upheld", "partly_upheld")))
upheld = justified & (true(col("liability") == "seller") | col("liability").is_null())
"""Decided against the seller."""
external = true(col("channel").is_in(EXTERNAL)) | ~col("escalated_at").is_null()
unresolved = col("resolved_at").is_null()
excused = true(col("outcome").is_in(("rejected", "withdrawn"))) | true(
    col("liability").is_in(("buyer", "carrier", "platform"))
)
settled = true(col("outcome") == "settled")
counting = (justified & ~excused) | (
    names_binding_order & (unresolved | ((settled | col("outcome").is_null()) & ~excused))
)
"""Counts, in full or in part."""
refund_asked = ~outcome("void") & (
    ~col("refund_requested_at").is_null()
    | ~col("refunded_at").is_null()
    | true(col("refund_reason").is_in((*FOR_CAUSE, *NO_CAUSE)))
)
for_cause = refund_asked & ~true(col("refund_reason").is_in(NO_CAUSE))
"""Without a word on why, too."""


def _past_term(at: At) -> nw.Expr:
    """The term of resolution has passed, the one it was given (blank until it has come) or the longest."""
    return ~col("resolution_due_at").is_null() | at.before("filed_at", at[RESOLUTION_DAYS_MOST])


def _overdue(at: At) -> nw.Expr:
    too_late = true(col("resolved_at") > col("resolution_due_at")) | true(
        col("resolution_minutes") > round(at[RESOLUTION_DAYS_MOST] * 1440)
    )
    return counting & ((unresolved & _past_term(at)) | too_late)


def _partial(at: At) -> nw.Expr:
    """Counts in part."""
    return counting & ~justified & (settled | (unresolved & ~_past_term(at)))


def _faulty(at: At) -> nw.Expr:
    """Counts in full."""
    return counting & ~_partial(at)


COMPLAINTS = count("complaints", ~col("filed_at").is_null())
"""All that were filed."""
_AGAIN = grouped(Groups("complaints", "buyer_id", counting), "beyond")


def _weighed(at: At) -> nw.Expr:
    """Thousandths of a complaint."""
    return choose((_partial(at), lit(round(1000 * at[SETTLED_SHARE]))), (counting, lit(1000)), otherwise=lit(0))


def _waited(at: At, minutes: nw.Expr, since: str, most: float) -> nw.Expr:
    """Minutes waited, at most `most` days; so far, days begun counting whole, where the wait is not over."""
    waited = nw.coalesce(minutes, at.days_begun(since, 0, int(most)) * 1440)
    return nw.min_horizontal(waited, lit(round(most * 1440)))


def _answer_awaited(at: At) -> nw.Expr:
    answered = nw.coalesce(col("response_minutes"), col("resolution_minutes"))
    return nw.when(counting).then(_waited(at, answered, "filed_at", at[RESPONSE_CAP_DAYS])).otherwise(lit(0))


def _end_awaited(at: At) -> nw.Expr:
    waited = _waited(at, col("resolution_minutes"), "filed_at", at[RESOLUTION_CAP_DAYS])
    return nw.when(counting).then(waited).otherwise(lit(0))


def _refund_awaited(at: At) -> nw.Expr:
    most, free = at[REFUND_CAP_DAYS], round(at[REFUND_FREE_DAYS] * 1440)
    # Who asked, or had a reason to, is not refunded by next to nothing.
    owed = ~col("refund_requested_at").is_null() | true(col("refund_reason").is_in((*FOR_CAUSE, *NO_CAUSE)))
    refunded = ~col("refunded_at").is_null() & ~(owed & trivial(at, "refund_amount"))
    minutes = nw.when(refunded).then(col("refund_minutes"))
    # Nobody told when it was asked for: since the order.
    waited = choose(
        (~col("refund_requested_at").is_null(), _waited(at, minutes, "refund_requested_at", most)),
        otherwise=_waited(at, minutes, "ordered_at", most),
    )
    timed = ~refunded | ~col("refund_minutes").is_null()  # refunded before it was asked for: no wait
    return nw.when(refund_asked & timed & (waited > free)).then(waited - free).otherwise(lit(0))


INDICATORS = (
    Indicator(
        id="complaint_rate",
        element="after_sales",
        numerator=total("complaints", _weighed, parameters=(SETTLED_SHARE, RESOLUTION_DAYS_MOST)) / 1000,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉率", "Complaint rate"),
        definition=Text(
            "投诉折算件数 ÷ 履约订单数：认定成立、结果未载明、逾期未办结的计 1 件，和解及未到期的计 "
            f"{SETTLED_SHARE.value:g} 件，驳回、撤回或责任在他方的不计",
            "complaints / orders kept: 1 each where upheld, ended nobody told how, or open past the term; "
            f"{SETTLED_SHARE.value:g} where settled or open within it; 0 where rejected, withdrawn or another's fault",
        ),
        why=Text("投诉是消费者不满最明确的表示。", "A complaint is dissatisfaction said plainly."),
        failing=Text("投诉较多", "There were many complaints"),
        improve=Text("在客服环节先行解决问题。", "Settle matters in customer service before they become complaints."),
        example=Example(3, 120),
    ),
    Indicator(
        id="upheld_complaint_rate",
        element="after_sales",
        numerator=count("complaints", _faulty, parameters=(RESOLUTION_DAYS_MOST,)),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉成立率", "Upheld complaint rate"),
        definition=Text(
            "认定成立（含部分成立）且责任不在他方、结果未载明、或逾期未办结的投诉 ÷ 履约订单数",
            "complaints upheld, in full or part, not by another's fault, or ended nobody told how, or open past their term / orders kept",
        ),
        why=Text("成立的投诉说明过错在商家。", "An upheld complaint establishes the merchant's fault."),
        failing=Text("有投诉被认定成立，或逾期未办结", "Complaints were upheld, or are open past their term"),
        improve=Text("改正成立投诉所指的问题。", "Mend what upheld complaints point to."),
        needs=("complaints.outcome", "complaints.resolved_at"),
        example=Example(1, 120),
    ),
    Indicator(
        id="first_response_hours",
        element="after_sales",
        numerator=total("complaints", _answer_awaited, parameters=(RESPONSE_CAP_DAYS,)) / 60,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="hours",
        name=Text("每单等待响应时长", "Hours of waiting for an answer per order"),
        definition=Text(
            "计入的投诉从提出到首次响应的小时数（未响应的计至办结或评价日，不足一天按一天；每件最多 "
            f"{RESPONSE_CAP_DAYS.value:g} 天）之和 ÷ 履约订单数",
            "hours from filing to the first response of complaints that count (none: to the end, or so far, days begun counting "
            f"whole; at most {RESPONSE_CAP_DAYS.value:g} days each), summed / orders kept",
        ),
        why=Text("及时回应可避免纠纷升级。", "A prompt answer keeps disputes from growing."),
        failing=Text("投诉回应较慢", "Complaints waited long for an answer"),
        improve=Text("设专人当日回应投诉。", "Have someone answer complaints the same day."),
        needs=("complaints.first_response_at",),
        example=Example(18, 120),
    ),
    Indicator(
        id="resolution_days",
        element="after_sales",
        numerator=total("complaints", _end_awaited, parameters=(RESOLUTION_CAP_DAYS,)) / 1440,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="days",
        name=Text("每单等待办结时长", "Days of waiting for the end per order"),
        definition=Text(
            "计入的投诉从提出到办结的天数（未办结的计至评价日，不足一天按一天；每件最多 "
            f"{RESOLUTION_CAP_DAYS.value:g} 天）之和 ÷ 履约订单数",
            "days from filing to the end of complaints that count (open: so far, days begun counting whole; at most "
            f"{RESOLUTION_CAP_DAYS.value:g} days each), summed / orders kept",
        ),
        why=Text("拖延本身就是损失。", "Delay is a loss in itself."),
        failing=Text("投诉办结较慢", "Complaints took long to resolve"),
        improve=Text("明确办理时限，先行赔付小额争议。", "Set time limits; settle small disputes at once."),
        needs=("complaints.resolved_at",),
        example=Example(12, 120),
    ),
    Indicator(
        id="overdue_complaint_rate",
        element="after_sales",
        numerator=count("complaints", _overdue, parameters=(RESOLUTION_DAYS_MOST,)),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉逾期率", "Complaints not resolved on time"),
        definition=Text(
            "计入的投诉中期限已过而未办结或逾期办结的 ÷ 履约订单数",
            "complaints that count, unresolved at, or resolved after, their term / orders kept",
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
        numerator=_AGAIN,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("重复投诉率", "Repeat complaint rate"),
        definition=Text(
            "同一消费者第二次及以后的、计入的投诉 ÷ 履约订单数",
            "second and later complaints of the same consumer, of those that count / orders kept",
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
        numerator=count("complaints", lambda at: _faulty(at) & external, parameters=(RESOLUTION_DAYS_MOST,)),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("争议败诉率", "Lost dispute rate"),
        definition=Text(
            "经 12315、协会、调解、仲裁、法院处理（或升级）且全额计入的争议 ÷ 履约订单数",
            "disputes before 12315, association, mediation, arbitration or court, or escalated, that count in full / orders kept",
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
        numerator=count("complaints", counting & external),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("投诉升级率", "Escalation rate"),
        definition=Text(
            "计入的投诉中进入 12315、协会、调解、仲裁、法院的 ÷ 履约订单数",
            "complaints that count and reached 12315, association, mediation, arbitration or court / orders kept",
        ),
        why=Text("平台内未能解决的争议会占用公共资源。", "What is not settled on the platform takes public resources."),
        failing=Text("有投诉升级到平台之外", "Complaints went beyond the platform"),
        improve=Text("在平台内解决争议。", "Settle disputes on the platform."),
        example=Example(1, 120),
    ),
    Indicator(
        id="refund_for_cause_rate",
        element="after_sales",
        numerator=orders(for_cause),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("有责退款率", "Refund rate for cause"),
        definition=Text(
            "因质量、描述不符、未收到、迟延申请退款的订单 ÷ 履约订单数",
            "orders with a refund asked for quality, misdescription, non-receipt or lateness / orders kept",
        ),
        why=Text(
            "因商品或履约问题的退款反映供货质量；无理由退货不计。",
            "Refunds for cause tell of quality; returns without reason do not count.",
        ),
        failing=Text("因商品或履约问题的退款较多", "Refunds for quality or delivery were many"),
        improve=Text("如实描述，出货前检验。", "Describe truthfully and inspect before sending."),
        needs=("transactions.refund_reason", "transactions.refund_requested_at"),
        example=Example(4, 100),
    ),
    Indicator(
        id="refund_days",
        element="after_sales",
        numerator=sum_of_orders(_refund_awaited, REFUND_CAP_DAYS, REFUND_FREE_DAYS) / 1440,
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="days",
        name=Text("每单等待退款时长", "Days of waiting for refunds per order"),
        definition=Text(
            f"从申请退款到退款完成超过 {REFUND_FREE_DAYS.value:g} 天的天数（未退款或只退零星金额的计至评价日，不足一天按一天；每笔最多计至 "
            f"{REFUND_CAP_DAYS.value:g} 天）之和 ÷ 履约订单数",
            f"days beyond {REFUND_FREE_DAYS.value:g} from asking for a refund to having it (none yet, or a trivial one: so far, days "
            f"begun counting whole; at most to the {REFUND_CAP_DAYS.value:g}th day), summed / orders kept",
        ),
        why=Text("退款及时与否直接影响消费者权益。", "A slow refund keeps the consumer's money."),
        failing=Text("退款较慢", "Refunds were slow"),
        improve=Text("收到退货或核实后即时退款。", "Refund as soon as the return is received or the matter is clear."),
        needs=("transactions.refund_requested_at", "transactions.refunded_at"),
        example=Example(12, 120),
    ),
)

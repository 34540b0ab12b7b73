"""The canonical tables, described once.

DDL (`warehouse.py`), readers and row checks (`intake.py`), the evaluation's point-in-time view (`engine.py`),
the data dictionary (`docs/reference/`) and the synthetic marketplace all derive from the metadata here.

Time. Three kinds of columns speak of time, and the evaluation of day D (cut-off: 00:00 of D in the platform's
zone) sees none of what they say about a moment at or after the cut-off:

* the table's `event` column dates the row; a row whose event is not before the cut-off is not there yet;
* any other instant that is not before the cut-off is blank: not delivered yet, and, for a promise (`*_due_at`),
  not due yet;
* a column that hangs on an instant (`known_from`) is blank, or has its `until_known` value, while the instant is still to come;
  where the row tells no such instant it is true from the day the row is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Type = Literal["text", "code", "instant", "date", "money", "integer", "boolean"]
Privacy = Literal["public", "internal", "personal", "pseudonym"]

SQL_TYPES: dict[Type, str] = {
    "text": "VARCHAR",
    "code": "VARCHAR",
    "instant": "TIMESTAMPTZ",
    "date": "DATE",
    "money": "DECIMAL(18,2)",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    `privacy`: public may be published; internal stays between platform and merchant; personal identifies a natural
    person and is masked wherever it shows; pseudonym is a consumer's id, keyed-hashed before it is stored.
    """

    name: str
    type: Type
    zh: str
    en: str
    required: bool = False
    codes: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 500
    unit: str = ""
    privacy: Privacy = "internal"
    plan: bool = False
    """A date or instant that may lie in the future: a promise, a validity."""
    ends: bool = False
    """An instant at which something is over: one at the cut-off has come."""
    known_from: str | None = None
    """The instant in the same row from which this column is true; where it is blank, that of the row's being known."""
    until_known: str | None = None
    """What a recorded value reads as while `known_from` has not come (blank when None)."""
    derived: str | None = None
    """SQL over the row's other columns; computed at intake, never read from a file."""
    promise: bool = False
    """An instant that somebody promised: given as a day it means the day's end."""
    default: str | None = None
    """SQL over the row's other columns, used where the source leaves the column blank."""
    note: str = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class Check:
    """A row-level rule beyond what the column metadata says. `bad` is SQL that is true of a row to be rejected."""

    code: str
    bad: str
    en: str
    zh: str


@dataclass(frozen=True)
class Table:
    name: str
    zh: str
    en: str
    key: str
    event: str | None
    clause: str
    supplier: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = field(default=())
    ended_by: str | None = None
    """The column that says since when a row is no longer in force, where such rows have an end."""

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def supplied(self) -> tuple[Column, ...]:
        """The columns a source can supply."""
        return tuple(column for column in self.columns if column.derived is None)


def _minutes(start: str, end: str) -> str:
    """Whole minutes between two instants, rounded half up."""
    return f"(date_diff('second', {start}, {end}) + 30) // 60"


def _after_event(event: str, *columns: str) -> tuple[Check, ...]:
    # Only against the event itself: a check between two later instants would judge tonight's row
    # by what tonight does not know yet.
    return tuple(
        Check(
            f"{column}_before_{event}",
            f"{column} < {event}",
            f"{column} lies before {event}; it must not",
            f"{column} 早于 {event}",
        )
        for column in columns
    )


SEVERITIES = ("minor", "moderate", "serious")
TAX_GRADES = ("A", "B", "M", "C", "D")


SUBJECT = Column(
    "subject_id",
    "text",
    "主体编号",
    "Merchant (or buyer) id",
    required=True,
    max_length=128,
    privacy="public",
)

SUBJECTS = Table(
    name="subjects",
    zh="信用主体",
    en="Subjects: merchants and, where buyers are evaluated, buyers",
    key="subject_id",
    event=None,
    clause="E-Commerce Law Art. 27, 28; GB/T 35409 (vetting); GB/T 29622 (disclosure)",
    supplier="platform: merchant register",
    columns=(
        SUBJECT,
        Column(
            "kind",
            "code",
            "主体类型",
            "Enterprise or individual",
            required=True,
            codes=("enterprise", "individual"),
            privacy="public",
        ),
        Column(
            "role",
            "code",
            "交易角色",
            "Seller or buyer",
            required=True,
            codes=("seller", "buyer"),
            privacy="public",
        ),
        Column(
            "name",
            "text",
            "名称",
            "Registered name, or the natural person's name",
            privacy="personal",
            note="Public for an enterprise; masked for a natural person.",
        ),
        Column(
            "shop_name",
            "text",
            "店铺名称",
            "Shop name, as shoppers know it",
            privacy="public",
            note="A natural person's name in it is masked.",
        ),
        Column(
            "uscc",
            "text",
            "统一社会信用代码",
            "Unified social credit code",
            max_length=32,
            privacy="public",
            note="GB 32100, 18 characters with check character.",
        ),
        Column("id_number", "text", "居民身份证号", "Citizen's id number", max_length=32, privacy="personal"),
        Column(
            "code_valid",
            "boolean",
            "代码校验",
            "Check characters of the codes given are right; blank: none given",
            # An enterprise answers for its credit code alone, an individual for every code it gives.
            derived="CASE WHEN kind = 'enterprise' THEN uscc_valid(uscc) "
            "WHEN uscc IS NOT NULL OR id_number IS NOT NULL "
            "THEN coalesce(uscc_valid(uscc), true) AND coalesce(resident_id_valid(id_number), true) END",
            note="GB 32100 (credit code), GB 11643 (citizen's id).",
        ),
        Column("registration_verified_on", "date", "登记核验日期", "Registration (or identity) verified on"),
        Column("licence_no", "text", "营业执照号", "Business licence number", max_length=64, privacy="public"),
        Column(
            "licence_valid_from",
            "date",
            "营业执照有效期起",
            "Business licence valid from",
            plan=True,
            privacy="public",
        ),
        Column(
            "licence_valid_until",
            "date",
            "营业执照有效期止",
            "Business licence valid until",
            plan=True,
            privacy="public",
            note="Blank with a licence number: no end stated.",
        ),
        Column(
            "permit_no",
            "text",
            "行政许可证号",
            "Administrative permit number",
            max_length=64,
            privacy="public",
        ),
        Column(
            "permit_valid_until",
            "date",
            "行政许可有效期止",
            "Administrative permit valid until",
            plan=True,
            privacy="public",
        ),
        Column(
            "icp_record",
            "text",
            "网站备案号",
            "ICP record number or link mark",
            max_length=64,
            privacy="public",
        ),
        Column("address", "text", "经营地址", "Address of business", privacy="personal"),
        Column("contact", "text", "联系方式", "Contact", privacy="personal"),
        Column("contact_verified_on", "date", "联系方式核验日期", "Contact verified on"),
        Column("self_operated", "boolean", "平台自营", "Operated by the platform itself", privacy="public"),
        Column("category", "text", "主营类目", "Main category", max_length=128, privacy="public"),
        Column("deposit_amount", "money", "保证金", "Deposit or guarantee held", minimum=0, unit="currency"),
        Column("currency", "text", "币种", "Currency of the deposit (ISO 4217)", max_length=3),
        Column("joined_on", "date", "入驻日期", "Joined the platform on", privacy="public"),
        Column(
            "verified_on",
            "date",
            "最近核验日期",
            "Last verified on",
            privacy="public",
            note="E-Commerce Law Art. 27: verified at entry and re-verified regularly.",
        ),
    ),
    checks=(
        Check(
            "personal_number",
            # Of a buyer it is a pseudonym by now.
            r"regexp_full_match(subject_id, '(\+?86)?1[3-9][0-9]{9}') "
            "OR (regexp_full_match(subject_id, '[0-9]{17}[0-9Xx]') AND resident_id_valid(subject_id))",
            "subject_id is a mobile number or a citizen's id number, and a merchant's is published: as its address, on its page, in "
            "the search; deliver an id of the platform's own instead, in all tables",
            "主体编号是手机号或居民身份证号，而商家的主体编号会公示：请在各表中改用平台自编的编号",
        ),
    ),
)

TRANSACTIONS = Table(
    name="transactions",
    zh="交易",
    en="Transactions: one order of one seller",
    key="transaction_id",
    event="ordered_at",
    clause="E-Commerce Law Art. 31; Hebei standard 4.3.1, 4.3.3-4.3.6",
    supplier="platform: orders, payments, logistics, invoices, refunds",
    columns=(
        Column("transaction_id", "text", "交易编号", "Transaction id", required=True, max_length=256),
        Column("order_id", "text", "订单编号", "Order id, where an order holds several sellers", max_length=128),
        SUBJECT,
        Column("buyer_id", "text", "买家编号", "Consumer's pseudonym", max_length=256, privacy="pseudonym"),
        Column("ordered_at", "instant", "下单时间", "Ordered at", required=True, unit="UTC"),
        Column("paid_at", "instant", "付款时间", "Paid at", unit="UTC"),
        Column("dispatch_due_at", "instant", "承诺发货时间", "Promised dispatch", plan=True, promise=True, unit="UTC"),
        Column("dispatched_at", "instant", "实际发货时间", "Handed to the carrier at", unit="UTC"),
        Column("delivery_due_at", "instant", "承诺送达时间", "Promised delivery", plan=True, promise=True, unit="UTC"),
        Column("delivered_at", "instant", "实际送达时间", "Delivered at", unit="UTC"),
        Column("completed_at", "instant", "交易完成时间", "Completed at", unit="UTC"),
        Column("cancelled_at", "instant", "取消时间", "Cancelled at", unit="UTC"),
        Column(
            "cancelled_by",
            "code",
            "取消方",
            "Cancelled by",
            codes=("buyer", "seller", "platform", "unknown"),
            known_from="cancelled_at",
            default="CASE WHEN cancelled_at IS NOT NULL THEN 'unknown' END",
        ),
        Column(
            "cancel_reason",
            "code",
            "取消原因",
            "Reason of cancellation",
            codes=("stock_out", "price_error", "changed_mind", "fraud_suspected", "other", "unknown"),
            known_from="cancelled_at",
            default="CASE WHEN cancelled_at IS NOT NULL THEN 'unknown' END",
        ),
        Column(
            "amount",
            "money",
            "交易金额",
            "Amount, goods and freight",
            required=True,
            minimum=0,
            unit="currency",
        ),
        Column("currency", "text", "币种", "Currency (ISO 4217)", required=True, max_length=3),
        Column(
            "refund_reason",
            "code",
            "退款原因",
            "Reason of refund; none: no refund was asked; blank: not recorded",
            codes=("none", "quality", "not_as_described", "not_received", "late", "no_reason", "other"),
            known_from="refund_requested_at",
            until_known="none",
        ),
        Column("refund_requested_at", "instant", "申请退款时间", "Refund asked at", unit="UTC"),
        Column("refunded_at", "instant", "退款完成时间", "Refunded at", unit="UTC"),
        Column(
            "refund_amount",
            "money",
            "退款金额",
            "Amount refunded",
            minimum=0,
            unit="currency",
            known_from="refunded_at",
        ),
        Column("invoice_asked", "boolean", "索要发票", "Buyer asked for an invoice; blank: not recorded"),
        Column("invoice_issued_at", "instant", "开票时间", "Invoice issued at", unit="UTC"),
        Column(
            "traceable",
            "boolean",
            "全程可追溯",
            "Tracked end to end; blank: not recorded",
            known_from="dispatched_at",
        ),
        Column(
            "carrier",
            "text",
            "承运人",
            "Carrier: who delivers; blank: not recorded",
            max_length=200,
            known_from="dispatched_at",
        ),
        Column("category", "text", "商品类目", "Goods category", max_length=128, privacy="public"),
        Column(
            "ordered_on",
            "date",
            "下单日",
            "Calendar day of the order in the platform's zone",
            derived="CAST(timezone(getvariable('zone'), ordered_at) AS DATE)",
        ),
        Column(
            "payment_minutes",
            "integer",
            "付款时长",
            "Minutes from order to payment",
            unit="min",
            known_from="paid_at",
            derived=_minutes("ordered_at", "paid_at"),
        ),
        Column(
            "dispatch_minutes",
            "integer",
            "发货用时",
            "Minutes from order to handing over to the carrier",
            unit="min",
            known_from="dispatched_at",
            derived=_minutes("ordered_at", "dispatched_at"),
        ),
        Column(
            "dispatch_allowed_minutes",
            "integer",
            "承诺发货时长",
            "Minutes from order to the promised dispatch; blank: none promised, or none left to send it",
            unit="min",
            derived=f"nullif(greatest(0, {_minutes('ordered_at', 'dispatch_due_at')}), 0)",
        ),
        Column(
            "delivery_minutes",
            "integer",
            "送达用时",
            "Minutes from order to delivery",
            unit="min",
            known_from="delivered_at",
            derived=_minutes("ordered_at", "delivered_at"),
        ),
        Column(
            "delivery_allowed_minutes",
            "integer",
            "承诺送达时长",
            "Minutes from order to the promised delivery; blank: none promised, or none left",
            unit="min",
            derived=f"nullif(greatest(0, {_minutes('ordered_at', 'delivery_due_at')}), 0)",
        ),
        Column(
            "completion_minutes",
            "integer",
            "完成用时",
            "Minutes from order to completion",
            unit="min",
            known_from="completed_at",
            derived=_minutes("ordered_at", "completed_at"),
        ),
        Column(
            "cancel_minutes",
            "integer",
            "取消用时",
            "Minutes from order to cancellation",
            unit="min",
            known_from="cancelled_at",
            derived=_minutes("ordered_at", "cancelled_at"),
        ),
        Column(
            "refund_minutes",
            "integer",
            "退款时长",
            "Minutes from asking for a refund to having it",
            unit="min",
            known_from="refunded_at",
            derived="CASE WHEN refunded_at >= refund_requested_at THEN "
            f"{_minutes('refund_requested_at', 'refunded_at')} END",
        ),
    ),
    checks=_after_event(
        "ordered_at",
        "paid_at",
        "dispatched_at",
        "delivered_at",
        "completed_at",
        "cancelled_at",
        "refund_requested_at",
        "refunded_at",
    ),
)

_STARS = {"minimum": 1.0, "maximum": 5.0, "unit": "1-5"}

REVIEWS = Table(
    name="reviews",
    zh="评价",
    en="Reviews by buyers",
    key="review_id",
    event="reviewed_at",
    clause="E-Commerce Law Art. 39 (reviews are never deleted); Hebei standard 4.4.2",
    supplier="platform: reviews",
    columns=(
        Column("review_id", "text", "评价编号", "Review id", required=True, max_length=300),
        Column("transaction_id", "text", "交易编号", "Transaction reviewed", max_length=256),
        SUBJECT,
        Column("buyer_id", "text", "买家编号", "Consumer's pseudonym", max_length=256, privacy="pseudonym"),
        Column("reviewed_at", "instant", "评价时间", "Reviewed at", required=True, unit="UTC"),
        Column("rating_overall", "integer", "总体评分", "Overall rating", required=True, **_STARS),  # type: ignore[arg-type]
        Column("rating_description", "integer", "描述相符评分", "Rating: as described", **_STARS),  # type: ignore[arg-type]
        Column("rating_service", "integer", "服务态度评分", "Rating: service", **_STARS),  # type: ignore[arg-type]
        Column("rating_logistics", "integer", "物流服务评分", "Rating: logistics", **_STARS),  # type: ignore[arg-type]
        Column("text", "text", "评价内容", "Text", max_length=20_000, privacy="personal"),
        Column("replied_at", "instant", "商家回复时间", "Merchant replied at", unit="UTC"),
        Column("reply", "text", "商家回复", "Merchant's reply", max_length=20_000, known_from="replied_at"),
        Column("shared", "boolean", "涉及多个卖家", "The review speaks of several sellers' goods at once"),
        Column("authentic", "boolean", "认定真实", "Judged authentic; blank: not judged"),
    ),
    checks=_after_event("reviewed_at", "replied_at"),
)

COMPLAINTS = Table(
    name="complaints",
    zh="投诉",
    en="Complaints and disputes",
    key="complaint_id",
    event="filed_at",
    clause="Hebei standard 4.4.1, 4.4.3",
    supplier="platform: service desk; 12315; associations; courts",
    columns=(
        Column("complaint_id", "text", "投诉编号", "Complaint id", required=True, max_length=128),
        Column("transaction_id", "text", "交易编号", "Transaction complained of", max_length=256),
        SUBJECT,
        Column("buyer_id", "text", "买家编号", "Consumer's pseudonym", max_length=256, privacy="pseudonym"),
        Column(
            "channel",
            "code",
            "渠道",
            "Channel",
            required=True,
            codes=("platform", "12315", "association", "mediation", "arbitration", "court"),
        ),
        Column(
            "category",
            "code",
            "投诉类别",
            "Category",
            required=True,
            codes=(
                "quality",
                "not_as_described",
                "delivery",
                "refund",
                "service",
                "counterfeit",
                "invoice",
                "privacy",
                "other",
            ),
        ),
        Column("filed_at", "instant", "投诉时间", "Filed at", required=True, unit="UTC"),
        Column("first_response_at", "instant", "首次响应时间", "First response at", unit="UTC"),
        Column(
            "resolution_due_at",
            "instant",
            "办结期限",
            "To be resolved by",
            plan=True,
            unit="UTC",
            default="filed_at + INTERVAL 7 DAY",
            note="Where the platform states no term: 7 days after filing (reconstruction).",
        ),
        Column("resolved_at", "instant", "办结时间", "Resolved at", unit="UTC"),
        Column(
            "outcome",
            "code",
            "处理结果",
            "Outcome",
            codes=("upheld", "partly_upheld", "rejected", "settled", "withdrawn"),
            known_from="resolved_at",
        ),
        Column(
            "liability",
            "code",
            "责任方",
            "Who is liable",
            codes=("seller", "buyer", "carrier", "platform", "none"),
            known_from="resolved_at",
        ),
        Column("escalated_at", "instant", "升级时间", "Taken to an authority or court at", unit="UTC"),
        Column(
            "response_minutes",
            "integer",
            "首次响应时长",
            "Minutes from filing to the first response",
            unit="min",
            known_from="first_response_at",
            derived=_minutes("filed_at", "first_response_at"),
        ),
        Column(
            "resolution_minutes",
            "integer",
            "办结时长",
            "Minutes from filing to resolution",
            unit="min",
            known_from="resolved_at",
            derived=_minutes("filed_at", "resolved_at"),
        ),
    ),
    checks=_after_event("filed_at", "first_response_at", "resolved_at", "escalated_at"),
)

PUBLIC_RECORDS = Table(
    name="public_records",
    zh="公共信用记录",
    en="Public records: published by authorities, courts and registries",
    key="record_id",
    event="valid_from",
    ended_by="valid_until",
    clause="Hebei standard 5.7.4; GB/T 26841 (public credit); SAMR Order 107 (repair, to check)",
    supplier="market, commerce, tax, bank and telecom authorities; courts",
    columns=(
        Column("record_id", "text", "记录编号", "Record id", required=True, max_length=128),
        replace(
            SUBJECT,
            note="Lists of authorities may give the credit code, or the name where there is no code; see `merchant-credit matches`.",
        ),
        Column("subject_name", "text", "当事人名称", "Name of the subject, as the list has it", privacy="personal"),
        Column(
            "subject_address", "text", "当事人地址", "Address of the subject, as the list has it", privacy="personal"
        ),
        Column(
            "kind",
            "code",
            "记录类型",
            "Kind",
            required=True,
            codes=(
                "administrative_penalty",
                "abnormal_operation",
                "serious_violation",
                "dishonest_debtor",
                "tax_grade",
                "award",
                "certification",
            ),
            privacy="public",
        ),
        Column("issuer", "text", "公布机关", "Issuer", required=True, max_length=200, privacy="public"),
        Column("reference", "text", "文书号", "Document number", max_length=200, privacy="public"),
        Column(
            "grade",
            "text",
            "等次",
            "Severity of a penalty (minor, moderate, serious) or the grade awarded (A, B, M, C, D)",
            max_length=16,
            privacy="public",
            note="Also 轻微 一般 严重 重大, D级, d and the like. Blank it is read as the worst.",
        ),
        Column("valid_from", "date", "生效日期", "In force from", required=True, privacy="public"),
        Column("valid_until", "date", "截止日期", "In force until (blank: open)", plan=True, privacy="public"),
        Column("repaired_on", "date", "信用修复日期", "Repaired on", privacy="public"),
        Column("note", "text", "说明", "Note", max_length=2_000, privacy="public"),
    ),
    checks=(
        *_after_event("valid_from", "valid_until", "repaired_on"),
        Check(
            "unknown_severity",
            f"kind = 'administrative_penalty' AND grade NOT IN {SEVERITIES}",
            "the severity of a penalty is none of minor, moderate, serious",
            "处罚轻重不是轻微、一般、严重之一",
        ),
        Check(
            "unknown_tax_grade",
            f"kind = 'tax_grade' AND grade NOT IN {TAX_GRADES}",
            "the tax grade is none of A, B, M, C, D",
            "纳税信用等级不是 A、B、M、C、D 之一",
        ),
    ),
)

VIOLATIONS = Table(
    name="violations",
    zh="平台违规",
    en="Violations of platform rules, as decided by the platform",
    key="violation_id",
    event="decided_at",
    ended_by="withdrawn_at",
    clause="E-Commerce Law Art. 36; Hebei standard 4.2.2.2",
    supplier="platform: rule enforcement",
    columns=(
        Column("violation_id", "text", "违规编号", "Violation id", required=True, max_length=128),
        SUBJECT,
        Column(
            "kind",
            "code",
            "违规类型",
            "Kind",
            required=True,
            codes=(
                "false_advertising",
                "counterfeit",
                "brushing",
                "review_manipulation",
                "prohibited_goods",
                "service_breach",
                "information",
                "fraud",
                "other",
            ),
            privacy="public",
        ),
        Column(
            "severity",
            "code",
            "严重程度",
            "Severity",
            required=True,
            codes=SEVERITIES,
            privacy="public",
        ),
        Column("occurred_at", "instant", "发生时间", "Occurred at", unit="UTC"),
        Column("decided_at", "instant", "认定时间", "Decided at", required=True, unit="UTC"),
        Column("withdrawn_at", "instant", "撤销时间", "Withdrawn at", unit="UTC"),
        Column("note", "text", "说明", "Note", max_length=2_000),
    ),
    checks=_after_event("decided_at", "withdrawn_at"),
)

SANCTIONS = Table(
    name="sanctions",
    zh="平台处置措施",
    en="Sanctions by the platform: warnings, restrictions, suspensions, terminations",
    key="sanction_id",
    event="imposed_at",
    ended_by="lifted_at",
    clause="E-Commerce Law Art. 36; Hebei standard 4.2.2.2",
    supplier="platform: rule enforcement",
    columns=(
        Column("sanction_id", "text", "处置编号", "Sanction id", required=True, max_length=128),
        SUBJECT,
        Column("violation_id", "text", "违规编号", "Violation sanctioned", max_length=128),
        Column(
            "kind",
            "code",
            "措施类型",
            "Kind",
            required=True,
            codes=("warning", "restriction", "suspension", "termination"),
            privacy="public",
        ),
        Column("reason", "text", "原因", "Reason", required=True, max_length=2_000, privacy="public"),
        Column("imposed_at", "instant", "实施时间", "Imposed at", required=True, unit="UTC", privacy="public"),
        Column(
            "until_at",
            "instant",
            "期满时间",
            "Ends at (blank: open)",
            plan=True,
            ends=True,
            unit="UTC",
            privacy="public",
        ),
        Column("lifted_at", "instant", "解除时间", "Lifted early at", unit="UTC", privacy="public"),
    ),
    checks=_after_event("imposed_at", "until_at", "lifted_at"),
)

SPOT_CHECKS = Table(
    name="spot_checks",
    zh="抽查检查",
    en="Spot checks of merchants: goods, papers, premises",
    key="check_id",
    event="requested_at",
    clause="Hebei standard 4.1.5; E-Commerce Law Art. 27",
    supplier="platform: merchant management; market regulators where they inform the platform",
    columns=(
        Column("check_id", "text", "抽查编号", "Spot check id", required=True, max_length=128),
        SUBJECT,
        Column(
            "kind",
            "code",
            "抽查类型",
            "What was checked",
            required=True,
            codes=("goods", "documents", "premises", "price", "other"),
        ),
        Column("requested_at", "instant", "通知时间", "Merchant asked to cooperate at", required=True, unit="UTC"),
        Column("due_at", "instant", "配合期限", "To be answered by", required=True, plan=True, unit="UTC"),
        Column("answered_at", "instant", "配合时间", "Merchant answered at", unit="UTC"),
        Column(
            "result",
            "code",
            "抽查结果",
            "Result",
            codes=("passed", "failed", "refused"),
            known_from="concluded_at",
        ),
        Column("concluded_at", "instant", "结论时间", "Concluded at", unit="UTC"),
        Column("note", "text", "说明", "Note", max_length=2_000),
    ),
    checks=_after_event("requested_at", "due_at", "answered_at", "concluded_at"),
)

LISTINGS = Table(
    name="listings",
    zh="商品信息",
    en="Listings: what is shown of a product or service",
    key="listing_id",
    event="listed_at",
    clause="Hebei standard 4.2.1.2, 4.2.1.4, 4.2.2.5; GB/T 35411 (display of information)",
    supplier="platform: catalogue of goods, as the consumer sees it",
    columns=(
        Column("listing_id", "text", "商品编号", "Listing id", required=True, max_length=256, privacy="public"),
        SUBJECT,
        Column("listed_at", "instant", "上架时间", "On sale since", required=True, unit="UTC", privacy="public"),
        Column("delisted_at", "instant", "下架时间", "Taken off sale at", unit="UTC", privacy="public"),
        Column("category", "text", "商品类目", "Goods category", max_length=128, privacy="public"),
        Column("name", "text", "商品名称", "Name", privacy="public"),
        Column("price", "money", "标价", "Price shown", minimum=0, unit="currency", privacy="public"),
        Column("currency", "text", "币种", "Currency of the price (ISO 4217)", max_length=3, privacy="public"),
        Column("brand", "text", "品牌", "Brand; of goods without one what is shown in its place", privacy="public"),
        Column("maker", "text", "生产者", "Maker, with its address", privacy="public"),
        Column("origin", "text", "产地", "Place of origin", privacy="public"),
        Column("specification", "text", "规格", "Specification, size or model", max_length=2_000, privacy="public"),
        Column("material", "text", "材质或成分", "Material or ingredients", max_length=2_000, privacy="public"),
        Column("shelf_life", "text", "生产日期和保质期", "Date of production and shelf life", privacy="public"),
        Column(
            "certificate",
            "text",
            "强制认证或许可编号",
            "Number of the certificate, registration or permit that goods of the kind must have",
            privacy="public",
        ),
        Column("after_sales", "text", "售后服务条款", "After-sales terms", max_length=2_000, privacy="public"),
        Column("delivery", "text", "配送方式和时限", "Delivery: how and how soon", max_length=2_000, privacy="public"),
        Column("photographs", "integer", "商品图片数", "Number of photographs", minimum=0, privacy="public"),
        Column("tie_in", "boolean", "搭售", "Sold tied to something else; blank: not recorded", privacy="public"),
        Column("tie_in_marked", "boolean", "搭售已醒目提示", "The tie-in is pointed out plainly", privacy="public"),
        Column(
            "advertised",
            "boolean",
            "竞价排名或广告",
            "Shown in a place that was paid for; blank: not recorded",
            privacy="public",
        ),
        Column(
            "advertisement_marked",
            "boolean",
            "已标明广告",
            "The paid place is marked as an advertisement",
            privacy="public",
        ),
    ),
    checks=_after_event("listed_at", "delisted_at"),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SUBJECTS, TRANSACTIONS, REVIEWS, COMPLAINTS, PUBLIC_RECORDS, VIOLATIONS, SANCTIONS, SPOT_CHECKS, LISTINGS,
    )
}  # fmt: skip

KNOWN_AT = Column(
    "known_at",
    "instant",
    "获知时间",
    "Since when the platform knows this version of the row",
    unit="UTC",
    note="Optional in canonical files; see `merchant-credit ingest --help` for what stands in for it.",
)

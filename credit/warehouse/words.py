"""Words that platforms write for the canonical ones: of nothing, of open ends, of codes, of headings, of tables.

Only what means one thing on every platform stands here; what means something on one platform belongs in its mapping.
"""

from __future__ import annotations

NOTHING = (
    "null", "nan", "none", "\\n", "n/a", "nil", "nat", "undefined", "(null)", "<null>", "<na>", "#n/a", "-", "--", "—", "——",
    "/", "\\", "无", "空", "暂无", "未知", "未填写", "na", "n.a.", "[null]", "(none)", "(blank)", "(空)", "（空）", "（空白）", "#value!",
    "---", "－", "－－", "–", "／", "没有", "不详", "不适用", "未提供", "未登记", "暂缺", "暂无数据",
)  # fmt: skip
"""Lower case; written where there is nothing, by programs and by people."""
NOTHING_IN_TEXT = ("null", "nan", "\\n", "(null)", "<null>", "<na>", "nat", "undefined")
"""Of these only, in what people write at length: a customer may answer 无."""
NO_DAY = (
    "0000-00-00", "0000-00-00 00:00:00", "0000/00/00", "0001-01-01", "0001-01-01 00:00:00", "0001-01-01t00:00:00",
    "0001-01-01t00:00:00z", "00:00.0",
)  # fmt: skip
"""Lower case; written by programs for a day or time that was never set."""
NO_TIME = (
    "0", "1970-01-01", "1970-01-01 00:00:00", "1970-01-01 08:00:00", "1970-01-01t00:00:00z",
    "1970-01-01 00:00:00+00", "1970-01-01 08:00:00+08",
)  # fmt: skip
"""The zero of seconds since 1970: a time that was never set, for nothing was sold then."""
OPEN_END = (
    "长期",
    "长期有效",
    "永久",
    "永久有效",
    "无固定期限",
    "无期限",
    "不限",
    "无限期",
    "long-term",
    "permanent",
    "9999-12-31",
)
"""Written for a validity without an end."""
NOBODY = ("匿名", "匿名用户", "匿名买家", "anonymous", "unknown", "unknown_user", "guest", "游客")
"""Written for a consumer whom the platform does not name."""
MASKS = ("*", "＊", "●", "×××", "xxx")
"""A consumer's id that holds one stands for several people."""

_YES_NO = {"是": "true", "否": "false"}
_SEVERITIES = {
    "轻微": "minor", "较轻": "minor", "轻度": "minor", "slight": "minor", "light": "minor", "一般": "moderate", "较重": "moderate",
    "中等": "moderate", "中度": "moderate", "medium": "moderate", "严重": "serious", "重大": "serious", "特别严重": "serious",
    "情节轻微": "minor", "mild": "minor", "low": "minor", "情节一般": "moderate", "情节较重": "moderate", "情节严重": "serious",
    "特别重大": "serious", "severe": "serious", "major": "serious", "grave": "serious", "high": "serious", "critical": "serious",
}  # fmt: skip

CURRENCIES = {
    "rmb": "CNY", "cnh": "CNY", "人民币": "CNY", "人民币元": "CNY", "元": "CNY", "¥": "CNY", "￥": "CNY", "港币": "HKD", "港元": "HKD",
    "美元": "USD", "us$": "USD", "欧元": "EUR", "€": "EUR", "英镑": "GBP", "£": "GBP", "日元": "JPY", "日圆": "JPY", "韩元": "KRW",
    "台币": "TWD", "新台币": "TWD",
}  # fmt: skip
"""What is written for a currency (lower case) -> its code."""

_DOLLARS = ("USD", "HKD", "TWD", "SGD", "AUD", "CAD", "NZD", "MXN", "BRL", "CLP", "COP", "ARS")
UNITS: dict[str, tuple[str, ...]] = {
    "¥": ("CNY", "JPY"), "￥": ("CNY", "JPY"), "RMB": ("CNY",), "CNY": ("CNY",), "人民币": ("CNY",), "元": ("CNY", *_DOLLARS, "JPY", "KRW"),
    "圆": ("CNY", "JPY"), "US$": ("USD",), "USD": ("USD",), "美元": ("USD",), "HK$": ("HKD",), "HKD": ("HKD",), "港元": ("HKD",),
    "港币": ("HKD",), "NT$": ("TWD",), "TWD": ("TWD",), "新台币": ("TWD",), "S$": ("SGD",), "SGD": ("SGD",), "R$": ("BRL",), "$": _DOLLARS,
    "€": ("EUR",), "EUR": ("EUR",), "欧元": ("EUR",), "£": ("GBP",), "GBP": ("GBP",), "JPY": ("JPY",), "日元": ("JPY",), "₩": ("KRW",),
    "KRW": ("KRW",), "RM": ("MYR",), "MYR": ("MYR",), "฿": ("THB",), "THB": ("THB",), "₫": ("VND",), "VND": ("VND",), "IDR": ("IDR",),
    "RP": ("IDR",), "PHP": ("PHP",), "₱": ("PHP",),
}  # fmt: skip
"""What is written beside an amount -> the currencies that may be meant."""

CODES: dict[tuple[str, str], dict[str, str]] = {
    ("subjects", "currency"): CURRENCIES,
    ("transactions", "currency"): CURRENCIES,
    ("listings", "currency"): CURRENCIES,
    ("subjects", "kind"): {
        "企业": "enterprise", "企业法人": "enterprise", "公司": "enterprise", "个体工商户": "enterprise", "个体户": "enterprise",
        "company": "enterprise", "个人": "individual", "自然人": "individual", "person": "individual",
    },
    ("subjects", "role"): {"卖家": "seller", "商家": "seller", "商户": "seller", "店铺": "seller", "merchant": "seller",
                           "买家": "buyer", "消费者": "buyer", "consumer": "buyer"},
    ("transactions", "cancelled_by"): {"买家": "buyer", "消费者": "buyer", "卖家": "seller", "商家": "seller", "平台": "platform",
                                       "系统": "platform", "未知": "unknown"},
    ("transactions", "cancel_reason"): {
        "缺货": "stock_out", "无货": "stock_out", "断货": "stock_out", "标错价": "price_error", "价格错误": "price_error",
        "不想要了": "changed_mind", "不想买了": "changed_mind", "拍错": "changed_mind", "疑似欺诈": "fraud_suspected", "其他": "other",
        "其它": "other", "未知": "unknown",
    },
    ("transactions", "refund_reason"): {
        "未退款": "none", "质量问题": "quality", "质量": "quality", "描述不符": "not_as_described", "与描述不符": "not_as_described",
        "未收到货": "not_received", "没收到货": "not_received", "超时": "late", "未按时发货": "late", "七天无理由": "no_reason",
        "7天无理由": "no_reason", "无理由": "no_reason", "其他": "other", "其它": "other",
    },
    ("complaints", "channel"): {"平台": "platform", "协会": "association", "消协": "association", "消费者协会": "association",
                                "调解": "mediation", "仲裁": "arbitration", "法院": "court", "诉讼": "court", "12315平台": "12315"},
    ("complaints", "category"): {
        "质量": "quality", "质量问题": "quality", "描述不符": "not_as_described", "物流": "delivery", "发货": "delivery", "配送": "delivery",
        "退款": "refund", "退换货": "refund", "服务": "service", "服务态度": "service", "假货": "counterfeit", "假冒": "counterfeit",
        "发票": "invoice", "隐私": "privacy", "个人信息": "privacy", "其他": "other", "其它": "other",
    },
    ("complaints", "outcome"): {"支持": "upheld", "成立": "upheld", "部分支持": "partly_upheld", "部分成立": "partly_upheld", "驳回": "rejected",
                                "不成立": "rejected", "和解": "settled", "调解": "settled", "撤诉": "withdrawn", "撤销": "withdrawn",
                                "撤回": "withdrawn"},
    ("complaints", "liability"): {"卖家": "seller", "商家": "seller", "买家": "buyer", "物流": "carrier", "快递": "carrier", "承运人": "carrier",
                                  "平台": "platform", "无责": "none", "无责任": "none"},
    ("public_records", "kind"): {
        "行政处罚": "administrative_penalty", "经营异常": "abnormal_operation", "经营异常名录": "abnormal_operation",
        "严重违法": "serious_violation", "严重违法失信": "serious_violation", "严重违法失信名单": "serious_violation",
        "失信被执行人": "dishonest_debtor", "失信被执行人名单": "dishonest_debtor", "老赖": "dishonest_debtor", "纳税信用": "tax_grade",
        "纳税信用等级": "tax_grade", "荣誉": "award", "奖励": "award", "认证": "certification", "资质认证": "certification",
    },
    ("public_records", "grade"): {
        **_SEVERITIES, "minor": "minor", "moderate": "moderate", "serious": "serious",
        **{f"{grade.lower()}{level}": grade for grade in "ABMCD" for level in ("", "级", "类")},
    },
    ("violations", "kind"): {
        "虚假宣传": "false_advertising", "售假": "counterfeit", "假货": "counterfeit", "假冒": "counterfeit", "刷单": "brushing",
        "虚假交易": "brushing", "操纵评价": "review_manipulation", "刷评": "review_manipulation", "违禁品": "prohibited_goods",
        "违禁商品": "prohibited_goods", "服务违约": "service_breach", "信息违规": "information", "欺诈": "fraud", "其他": "other", "其它": "other",
    },
    ("violations", "severity"): _SEVERITIES,
    ("sanctions", "kind"): {"警告": "warning", "限制": "restriction", "限权": "restriction", "降权": "restriction", "暂停": "suspension",
                            "停业": "suspension", "暂停服务": "suspension", "终止": "termination", "清退": "termination", "关店": "termination"},
    ("spot_checks", "kind"): {"商品": "goods", "资质": "documents", "证照": "documents", "经营场所": "premises", "价格": "price", "其他": "other",
                              "其它": "other"},
    ("spot_checks", "result"): {"合格": "passed", "通过": "passed", "不合格": "failed", "未通过": "failed", "拒绝": "refused", "拒绝配合": "refused"},
}  # fmt: skip
"""(table, column) -> what is written (lower case) -> the canonical code."""

TABLE_NAMES: dict[str, str] = {
    "订单": "transactions", "交易订单": "transactions", "商家": "subjects", "商户": "subjects", "店铺": "subjects", "卖家": "subjects",
    "评论": "reviews", "评价": "reviews", "投诉": "complaints", "纠纷": "complaints", "违规": "violations", "处罚": "sanctions",
    "处置": "sanctions", "抽查": "spot_checks", "公共记录": "public_records", "行政处罚": "public_records",
    "商品": "listings", "商品列表": "listings", "在售商品": "listings",
}  # fmt: skip
"""What files and sheets are called beside the canonical names."""

LIKELY_TABLES: dict[str, str] = {
    "order": "transactions", "trade": "transactions", "transaction": "transactions", "shop": "subjects", "seller": "subjects",
    "merchant": "subjects", "store": "subjects", "vendor": "subjects", "review": "reviews", "comment": "reviews", "rating": "reviews",
    "evaluat": "reviews", "apprais": "reviews", "complain": "complaints", "dispute": "complaints", "ticket": "complaints",
    "violation": "violations", "sanction": "sanctions", "punish": "sanctions", "inspect": "spot_checks", "spot_check": "spot_checks",
    "public_record": "public_records", "penalt": "public_records", "listing": "listings", "product": "listings", "goods": "listings",
    "sku": "listings",
}  # fmt: skip
"""Part of a table's name (lower case) -> what it likely holds: proposed, never taken."""

_CREATED = ("created_at", "create_time", "created_time", "gmt_create", "create_date", "created")
LIKELY_COLUMNS: dict[tuple[str, str], tuple[str, ...]] = {
    ("*", "subject_id"): ("seller_id", "shop_id", "merchant_id", "store_id", "vendor_id", "seller", "seller_no", "shop_no", "merchant_no"),
    ("*", "buyer_id"): ("user_id", "customer_id", "member_id", "uid", "buyer", "buyer_nick", "buyer_no"),
    ("*", "transaction_id"): ("order_no", "order_sn", "trade_no", "order_code"),
    ("subjects", "subject_id"): ("id", "code"),
    ("subjects", "name"): ("company_name", "seller_name", "merchant_name", "title"),
    ("subjects", "shop_name"): ("store_name", "shop_title"),
    ("subjects", "uscc"): ("credit_code", "social_credit_code", "license_code", "business_license"),
    ("subjects", "kind"): ("type", "seller_type", "merchant_type", "shop_type"),
    ("subjects", "licence_no"): ("license_no", "license_number"),
    ("subjects", "licence_valid_until"): ("license_until", "license_expire", "license_valid_until", "license_end"),
    ("subjects", "joined_on"): (*_CREATED, "join_time", "open_time", "entry_time"),
    ("subjects", "deposit_amount"): ("deposit", "bond"),
    ("transactions", "transaction_id"): ("id", "oid", "sub_order_no"),
    ("transactions", "ordered_at"): (*_CREATED, "order_time", "place_time", "placed_at", "order_date"),
    ("transactions", "paid_at"): ("pay_time", "payment_time", "gmt_payment", "pay_at"),
    ("transactions", "dispatch_due_at"): ("latest_ship_time", "ship_by", "ship_deadline"),
    ("transactions", "dispatched_at"): ("ship_time", "shipped_at", "consign_time", "send_time", "shipping_time", "delivery_time"),
    ("transactions", "delivered_at"): ("sign_time", "received_at", "receive_time", "arrive_time", "signed_at"),
    ("transactions", "completed_at"): ("finish_time", "finished_at", "confirm_time", "end_time", "complete_time"),
    ("transactions", "cancelled_at"): ("cancel_time", "close_time", "closed_at", "canceled_at"),
    ("transactions", "cancelled_by"): ("close_by", "cancel_by", "canceled_by", "cancel_party"),
    ("transactions", "cancel_reason"): ("close_reason",),
    ("transactions", "amount"): ("pay_amount", "total_amount", "order_amount", "payment", "total", "price", "paid_amount"),
    ("transactions", "refund_amount"): ("refund_fee", "refund"),
    ("transactions", "refunded_at"): ("refund_time",),
    ("transactions", "carrier"): ("express_company", "logistics_company", "courier", "shipper", "express_name"),
    ("reviews", "review_id"): ("id", "comment_id", "rate_id"),
    ("reviews", "reviewed_at"): (*_CREATED, "comment_time", "review_time"),
    ("reviews", "rating_overall"): ("stars", "star", "score", "rating", "rate"),
    ("reviews", "text"): ("content", "comment", "body"),
    ("reviews", "replied_at"): ("reply_time",),
    ("complaints", "complaint_id"): ("id", "ticket_id", "complain_id", "dispute_id"),
    ("complaints", "filed_at"): (*_CREATED, "complain_time", "apply_time"),
    ("complaints", "category"): ("type", "reason", "complain_type"),
    ("complaints", "first_response_at"): ("answered_at", "response_time", "reply_time"),
    ("complaints", "resolved_at"): ("closed_at", "close_time", "finish_time", "handle_time"),
    ("complaints", "outcome"): ("result", "handle_result"),
    ("complaints", "liability"): ("duty", "liable", "responsible"),
    ("listings", "listing_id"): ("id", "product_id", "goods_id", "item_id", "sku_id", "sku", "spu_id"),
    ("listings", "listed_at"): (*_CREATED, "on_shelf_time", "publish_time", "online_time"),
    ("listings", "delisted_at"): ("off_shelf_time", "offline_time"),
    ("listings", "name"): ("title", "product_name", "goods_name", "item_title"),
    ("listings", "price"): ("sale_price", "list_price"),
}  # fmt: skip
"""(table or *, column) -> what platforms call it in their databases: proposed, never taken."""
CHANGED = (
    "updated_at",
    "update_time",
    "gmt_modified",
    "modified_at",
    "changed_at",
    "modify_time",
    "last_modified",
    "updated",
    "changed",
)
"""What platforms call the time at which a row last changed."""

ORDER_NUMBERS = ("订单编号", "订单号", "订单ID", "order_id", "order_no", "orderId")
"""Headings of an order's number: that of the transaction where the file names no other."""

HEADINGS: dict[tuple[str, str], tuple[str, ...]] = {
    ("*", "subject_id"): ("商家编号", "商家ID", "商户编号", "商户ID", "店铺编号", "店铺ID", "卖家编号", "卖家ID", "商家id", "店铺id"),
    ("*", "buyer_id"): ("买家ID", "买家id", "会员编号", "会员ID", "买家会员名", "用户编号", "用户ID"),
    ("*", "currency"): ("货币", "币别", "货币代码"),
    ("*", "transaction_id"): ("交易号", "交易ID"),
    ("subjects", "name"): ("企业名称", "商家名称", "公司名称", "商户名称", "主体名称"),
    ("subjects", "shop_name"): ("店铺名", "店名"),
    ("subjects", "uscc"): ("社会信用代码", "统一信用代码", "信用代码"),
    ("subjects", "licence_no"): ("执照号", "营业执照编号"),
    ("subjects", "licence_valid_until"): ("营业执照有效期至", "执照有效期至"),
    ("subjects", "joined_on"): ("入驻时间", "开店日期", "开店时间"),
    ("subjects", "deposit_amount"): ("保证金金额",),
    ("subjects", "category"): ("类目", "经营类目"),
    ("subjects", "kind"): ("商家类型", "商户类型"),
    ("subjects", "role"): ("角色",),
    ("transactions", "transaction_id"): ("订单号", "订单ID", "主订单编号", "子订单编号", "订单id"),
    ("transactions", "ordered_at"): ("订单创建时间", "创建时间", "拍下时间", "下单日期"),
    ("transactions", "paid_at"): ("支付时间", "订单付款时间", "买家付款时间"),
    ("transactions", "dispatched_at"): ("发货时间",),
    ("transactions", "delivered_at"): ("签收时间", "送达时间"),
    ("transactions", "completed_at"): ("完成时间", "确认收货时间", "成交时间"),
    ("transactions", "dispatch_due_at"): ("应发货时间", "最晚发货时间"),
    ("transactions", "delivery_due_at"): ("预计送达时间", "最晚送达时间"),
    ("transactions", "amount"): ("订单金额", "实付金额", "买家实付金额", "实收金额", "总金额"),
    ("transactions", "category"): ("类目", "商品分类"),
    ("transactions", "carrier"): ("物流公司", "快递公司", "承运商", "配送公司"),
    ("public_records", "subject_id"): ("统一社会信用代码", "社会信用代码", "统一信用代码", "信用代码", "uscc", "行政相对人代码",
                                       "行政相对人统一社会信用代码", "纳税人识别号", "当事人统一社会信用代码"),
    ("public_records", "subject_name"): ("行政相对人名称", "当事人", "被处罚当事人", "被执行人姓名/名称", "被执行人", "企业名称", "纳税人名称",
                                         "当事人名称或姓名"),
    ("public_records", "subject_address"): ("住所", "地址", "注册地址", "经营场所", "登记住所", "行政相对人地址"),
    ("public_records", "record_id"): ("行政处罚决定书文号", "处罚决定书文号", "案号", "决定书文号"),
    ("public_records", "reference"): ("文号",),
    ("public_records", "issuer"): ("处罚机关", "列入机关", "作出决定机关", "执行法院", "公示机关", "列入决定机关", "发布机关"),
    ("public_records", "valid_from"): ("处罚决定日期", "列入日期", "决定日期", "立案时间", "公示日期", "发布时间"),
    ("public_records", "valid_until"): ("公示截止期", "公示截止日期", "移出日期", "有效期至"),
    ("public_records", "repaired_on"): ("修复日期",),
    ("public_records", "grade"): ("信用级别", "纳税信用级别", "信用等级"),
    ("public_records", "kind"): ("信息类型", "类别"),
    ("reviews", "review_id"): ("评论编号", "评价ID"),
    ("reviews", "reviewed_at"): ("评论时间",),
    ("reviews", "rating_overall"): ("评分", "星级", "综合评分"),
    ("reviews", "text"): ("评论内容", "评论"),
    ("complaints", "complaint_id"): ("投诉单号", "投诉ID"),
    ("complaints", "filed_at"): ("投诉日期",),
    ("complaints", "channel"): ("投诉渠道",),
    ("complaints", "category"): ("投诉类型", "投诉原因"),
    ("listings", "listing_id"): ("商品ID", "商品id", "宝贝ID", "货品编号", "SKU编号"),
    ("listings", "listed_at"): ("上架日期", "发布时间"),
    ("listings", "delisted_at"): ("下架日期",),
    ("listings", "name"): ("商品标题", "宝贝标题", "品名"),
    ("listings", "price"): ("价格", "售价", "一口价"),
    ("listings", "category"): ("类目", "商品分类"),
    ("listings", "maker"): ("生产厂家", "制造商", "生产企业"),
    ("listings", "material"): ("材质", "成分", "配料"),
    ("listings", "shelf_life"): ("保质期",),
    ("listings", "certificate"): ("认证编号", "3C证书编号", "许可证号"),
    ("listings", "photographs"): ("图片数", "图片数量"),
}  # fmt: skip
"""(table or *, column) -> headings beside the column's English and Chinese name."""

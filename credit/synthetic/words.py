"""Words of the synthetic marketplace: categories, towns, names, what reviews say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class _Category(NamedTuple):
    name: str
    trade: str
    """The word for it in a company's name."""
    share: float
    price: int
    """Median amount of an order, CNY."""
    returns: float
    """Share of delivered orders sent back without a reason (seven days' right of return)."""


CATEGORIES = (
    _Category("服装鞋帽", "服饰", 0.22, 129, 0.09),
    _Category("食品生鲜", "食品", 0.14, 59, 0.005),
    _Category("家居日用", "家居用品", 0.14, 69, 0.02),
    _Category("美妆个护", "化妆品", 0.12, 99, 0.015),
    _Category("数码电子", "电子科技", 0.10, 699, 0.03),
    _Category("家用电器", "电器", 0.08, 999, 0.02),
    _Category("母婴用品", "母婴用品", 0.07, 119, 0.02),
    _Category("运动户外", "体育用品", 0.05, 199, 0.04),
    _Category("图书文具", "文化用品", 0.03, 45, 0.01),
    _Category("汽车用品", "汽车用品", 0.02, 159, 0.03),
    _Category("农资园艺", "农业科技", 0.02, 79, 0.01),
    _Category("珠宝配饰", "珠宝", 0.01, 499, 0.05),
)

CITIES = (
    ("河北省石家庄市", "130198"), ("河北省保定市", "130698"), ("北京市", "110198"), ("天津市", "120198"),
    ("上海市", "310198"), ("江苏省苏州市", "320598"), ("江苏省南通市", "320698"), ("浙江省杭州市", "330198"),
    ("浙江省义乌市", "330798"), ("福建省泉州市", "350598"), ("山东省青岛市", "370298"), ("山东省临沂市", "371398"),
    ("河南省郑州市", "410198"), ("湖北省武汉市", "420198"), ("湖南省长沙市", "430198"), ("广东省广州市", "440198"),
    ("广东省深圳市", "440398"), ("四川省成都市", "510198"), ("云南省昆明市", "530198"), ("陕西省西安市", "610198"),
)  # fmt: skip
STREETS = (
    "建设路",
    "人民路",
    "解放大街",
    "中山路",
    "和平街",
    "新华大道",
    "长江路",
    "文化路",
    "工业园一路",
    "迎宾大道",
)
BRAND_1 = tuple("云锦安德鑫瑞华丰盛嘉恒宏美佳星辰海禾润泽")
BRAND_2 = tuple("帆禾达源隆泰信诚悦然盈途远航宇业汇川林邦")
SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧")
GIVEN = (
    "伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "秀英", "建国",
    "志强", "晓燕", "文博", "雨桐", "子涵", "浩然", "欣怡", "国栋", "桂兰", "海燕", "春梅", "思远",
)  # fmt: skip

CARRIERS = ("顺途速运", "万里快递", "中联物流", "安达快递")
SLOW_CARRIER = "缓行快运"
"""It carries some of everything, and half of what comes late on the road."""

PRAISE = ("质量很好，做工精细", "和描述一致，很满意", "性价比高，值得购买", "用了几天，很不错", "包装完好，正品无疑")
MIDDLING = ("一般般，对得起价格", "东西还行，没有想象中好", "和图片有点色差", "凑合能用", "做工普通")
BLAME = ("质量太差，用两次就坏了", "和描述严重不符", '"全新"的东西有划痕', "像是假货，要求退款", "做工粗糙，失望")
QUICK = ("物流很快。", "发货及时，隔天就到。", "快递小哥态度好。", "")
SLOW = ("就是发货太慢了。", "等了很久才到，\n催了几次也没用。", "物流太慢。")
THANKS = ("感谢您的支持，欢迎再次光临！", "谢谢亲的认可，祝您生活愉快。")
SORRY = ("非常抱歉给您带来不便，我们已安排客服与您联系。", "抱歉让您失望了，可申请退换，运费由我们承担。")

# kind, its letters in an id, issuer, at most so many, chance = base + slope * (1 - quality)^2, days back at most
RECORD_KINDS = (
    ("administrative_penalty", "AP", "市场监督管理局", 2, 0.0, 0.25, 700),
    ("abnormal_operation", "AO", "市场监督管理局", 1, 0.0, 0.12, 700),
    ("serious_violation", "SV", "市场监督管理局", 1, 0.0, 0.02, 900),
    ("dishonest_debtor", "DD", "人民法院", 1, 0.0, 0.03, 900),
    ("tax_grade", "TG", "税务局", 3, 0.85, 0.0, 0),
    ("award", "AW", "市场监督管理局", 1, 0.10, -0.10, 900),
    ("certification", "CE", "市场监督管理局", 1, 0.20, -0.18, 900),
)


def text_list(words: Iterable[str]) -> str:
    """A SQL list of text."""
    return "[" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + "]"


def values(rows: Iterable[Sequence[object]]) -> str:
    """Rows for SQL VALUES."""

    def literal(value: object) -> str:
        if value is None:
            return "NULL"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)

    return ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)

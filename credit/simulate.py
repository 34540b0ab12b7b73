"""A synthetic Chinese marketplace with known truth, at any scale, written by DuckDB SQL.

    populate(con, merchants=50_000, transactions=5_000_000, end=date(2025, 11, 1))   # tables in schema sim
    write(Path("sample"), end=date(2025, 11, 1))                                     # files as a platform sends them

Every merchant has a latent quality in [0, 1] for shipping, goods and service; what happens to its orders follows from
it. The evaluation never sees it: it stays in `<schema>.truth`, one row a merchant and phase of its life (most
merchants have one phase), so that grades can be compared with what is really so. `STORIES` are merchants with fixed
ids whose grade a reader can foretell. Buyers who are subjects have a latent honesty instead: whether they pay, change
their minds, send back, complain and review as they should follows from it; `BUYER_STORIES` are two of them.

The books stand as at `end`: a row whose event is not before `end` is not there, a later instant is blank.
An order sent back after delivery stays completed; its refund columns tell of the return.

Chance. Each draw is a hash of (row number, name of the draw, seed) and nothing else, so neither threads nor row order
change the result. `hash()` it is: md5_number() would be the same on every DuckDB version but took 0.8 µs a draw
against 0.02 µs, and a transaction needs some 30. So the bytes of a sample belong to a DuckDB version.

Nobody is real: administrative codes end in the unassigned district 98, contacts are in the domain `example`.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from credit.tables import KNOWN_AT, TABLES, Table

ZONE = "Asia/Shanghai"
_HOUR, _DAY = 3600, 86_400
MIN_MERCHANTS, MIN_TRANSACTIONS, MIN_DAYS = 20, 2_000, 240
BUYER_SUBJECTS = 36
"""Buyers who are subjects themselves: B000001 to B000036."""

Mode = Literal["plain", "brush", "scam"]


@dataclass(frozen=True)
class Phase:
    """A stretch of a merchant's life. `since` and `until` are days before `end`; qualities are in [0, 1]."""

    orders: int
    since: int
    until: int
    ship: float
    goods: float
    service: float
    mode: Mode = "plain"
    share: float = 0.0
    """At least this share of all transactions, however many there are."""


@dataclass(frozen=True)
class Story:
    """A merchant whose truth is told in `truth`; `joined` is days before `end`."""

    name: str
    subject_id: str
    kind: Literal["enterprise", "individual"]
    category: str
    joined: int
    truth: str
    phases: tuple[Phase, ...]
    shop: str | None = None
    """The registered name, where the story needs one."""


class BuyerStory(NamedTuple):
    """A buyer whose honesty, in [0, 1], is known, and who buys three times as often as another."""

    name: str
    subject_id: str
    honesty: float
    truth: str


BUYER_STORIES = (
    BuyerStory("honest_regular", "B000001", 0.99, "Pays, keeps what was ordered and reviews it as it is."),
    BuyerStory(
        "abusive_buyer",
        "B000002",
        0.05,
        "Orders and does not pay, cancels, sends back, complains without ground and reviews in ones.",
    ),
)


STORIES: tuple[Story, ...] = (
    Story(
        "honest_new_shop",
        "M000001",
        "individual",
        "图书文具",
        45,
        "Six good weeks and two dozen orders: honest, but little to judge by.",
        (Phase(24, 42, 0, 0.92, 0.92, 0.92),),
    ),
    Story(
        "careless_giant",
        "M000002",
        "enterprise",
        "服装鞋帽",
        2200,
        "A twentieth of all orders; dispatches late, answers late, draws complaints. Warned twice, lately fined; of two"
        " spot checks it answered one late and one not at all.",
        (Phase(300, 10_000, 0, 0.10, 0.35, 0.15, share=0.05),),
    ),
    Story(
        "brusher",
        "M000003",
        "enterprise",
        "美妆个护",
        500,
        "Mediocre; buys from itself: eight buyers, four bursts of three nights, five stars each time. Found out after the"
        " second burst and restricted for a month; went on.",
        (
            Phase(40, 10_000, 0, 0.55, 0.40, 0.50),
            *(Phase(30, day, day - 3, 0.55, 0.40, 0.50, "brush") for day in (170, 120, 75, 33)),
        ),
    ),
    Story(
        "exit_scam",
        "M000004",
        "enterprise",
        "数码电子",
        700,
        "A good record, then three weeks of many cheap orders of which none is dispatched. A spot check in these weeks is"
        " not answered; fraud is found and the shop suspended only in the last days.",
        (Phase(140, 10_000, 21, 0.90, 0.88, 0.88), Phase(120, 21, 0, 0.0, 0.0, 0.0, "scam")),
    ),
    Story(
        "repaired_offender",
        "M000005",
        "enterprise",
        "食品生鲜",
        1500,
        "Poor and punished: a violation, a fine, a failed spot check; good since, the penalty repaired.",
        (Phase(80, 10_000, 200, 0.45, 0.30, 0.40), Phase(100, 200, 0, 0.92, 0.92, 0.92)),
    ),
    Story(
        "excellent_veteran",
        "M000006",
        "enterprise",
        "家居日用",
        3100,
        "Eight years on the platform and best on everything; answers every spot check in time and passes.",
        (Phase(240, 10_000, 0, 1.0, 1.0, 1.0),),
    ),
    Story(
        "self_operated",
        "M000007",
        "enterprise",
        "家用电器",
        2900,
        "The platform's own shop: sound, and marked as its own.",
        (Phase(240, 10_000, 0, 0.85, 0.82, 0.85),),
        "示例平台自营商贸有限公司",
    ),
    Story(
        "blacklisted",
        "M000008",
        "enterprise",
        "运动户外",
        1300,
        "Decent trade, but for 200 days on the market regulator's list of serious violations, and still on it.",
        (Phase(120, 10_000, 0, 0.80, 0.76, 0.80),),
    ),
    Story(
        "expired_licence",
        "M000009",
        "enterprise",
        "母婴用品",
        1100,
        "Good in all things, but the business licence ended 20 days ago.",
        (Phase(120, 10_000, 0, 0.92, 0.92, 0.92),),
    ),
    Story(
        "dormant",
        "M000010",
        "enterprise",
        "汽车用品",
        1700,
        "Good trade until 200 days ago, none since; the papers are in order.",
        (Phase(100, 10_000, 200, 0.90, 0.90, 0.90),),
    ),
)

# story, number, kind, severity, decided so many days before the end (and some hours), sanction, note
_STORY_VIOLATIONS = (
    ("careless_giant", 1, "service_breach", "moderate", 100, "warning", "连续三个月发货超时率超过平台规则上限"),
    ("careless_giant", 2, "service_breach", "minor", 20, "warning", "客服响应时长超过平台规则上限"),
    ("brusher", 1, "brushing", "moderate", 112, "restriction", "同一批买家在夜间集中下单并给予好评"),
    ("exit_scam", 1, "fraud", "serious", 2, "suspension", "低价揽收大量订单后未发货，无法取得联系"),
    ("repaired_offender", 1, "false_advertising", "moderate", 215, "restriction", "商品页面宣传与实际不符"),
)

# story, kind, issuer, grade, since (days before the end), days in force, repaired (days before the end), note
_STORY_RECORDS = (
    ("repaired_offender", "administrative_penalty", "市场监督管理局", "moderate", 210, 365, 90,
     "因虚假宣传被处以罚款，已完成信用修复"),
    ("excellent_veteran", "certification", "市场监督管理局", "A", 600, 1096, None, "服务认证"),
    ("careless_giant", "administrative_penalty", "市场监督管理局", "minor", 60, 91, None,
     "因未按约定期限发货被警告并罚款"),
    ("blacklisted", "serious_violation", "市场监督管理局", None, 200, 1096, None,
     "因经营不符合安全标准的商品被列入严重违法失信名单"),
)  # fmt: skip

# story, number, kind, asked (days before the end), and days after that: answered, concluded; result
_STORY_CHECKS = (
    ("honest_new_shop", 1, "documents", 30, 1, 3, "passed"),
    ("careless_giant", 1, "documents", 150, 12, 16, "passed"),
    ("careless_giant", 2, "goods", 70, None, 20, "refused"),
    ("brusher", 1, "documents", 200, 3, 7, "passed"),
    ("brusher", 2, "goods", 90, 4, 11, "failed"),
    ("exit_scam", 1, "goods", 180, 2, 6, "passed"),
    ("exit_scam", 2, "documents", 14, None, 10, "refused"),
    ("repaired_offender", 1, "goods", 225, 12, 15, "failed"),
    ("repaired_offender", 2, "goods", 100, 2, 5, "passed"),
    ("excellent_veteran", 1, "documents", 220, 1, 3, "passed"),
    ("excellent_veteran", 2, "goods", 130, 2, 6, "passed"),
    ("excellent_veteran", 3, "price", 40, 1, 2, "passed"),
    ("self_operated", 1, "price", 60, 1, 4, "passed"),
    ("blacklisted", 1, "premises", 120, 5, 9, "passed"),
    ("expired_licence", 1, "documents", 90, 2, 4, "passed"),
    ("dormant", 1, "documents", 100, 3, 6, "passed"),
)


class _Category(NamedTuple):
    name: str
    trade: str
    """The word for it in a company's name."""
    share: float
    price: int
    """Median amount of an order, CNY."""
    returns: float
    """Share of delivered orders sent back without a reason (seven days' right of return)."""


_CATEGORIES = (
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

_CITIES = (
    ("河北省石家庄市", "130198"), ("河北省保定市", "130698"), ("北京市", "110198"), ("天津市", "120198"),
    ("上海市", "310198"), ("江苏省苏州市", "320598"), ("江苏省南通市", "320698"), ("浙江省杭州市", "330198"),
    ("浙江省义乌市", "330798"), ("福建省泉州市", "350598"), ("山东省青岛市", "370298"), ("山东省临沂市", "371398"),
    ("河南省郑州市", "410198"), ("湖北省武汉市", "420198"), ("湖南省长沙市", "430198"), ("广东省广州市", "440198"),
    ("广东省深圳市", "440398"), ("四川省成都市", "510198"), ("云南省昆明市", "530198"), ("陕西省西安市", "610198"),
)  # fmt: skip
_STREETS = (
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
_BRAND_1 = tuple("云锦安德鑫瑞华丰盛嘉恒宏美佳星辰海禾润泽")
_BRAND_2 = tuple("帆禾达源隆泰信诚悦然盈途远航宇业汇川林邦")
_SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧")
_GIVEN = (
    "伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "秀英", "建国",
    "志强", "晓燕", "文博", "雨桐", "子涵", "浩然", "欣怡", "国栋", "桂兰", "海燕", "春梅", "思远",
)  # fmt: skip

_PRAISE = ("质量很好，做工精细", "和描述一致，很满意", "性价比高，值得购买", "用了几天，很不错", "包装完好，正品无疑")
_MIDDLING = ("一般般，对得起价格", "东西还行，没有想象中好", "和图片有点色差", "凑合能用", "做工普通")
_BLAME = ("质量太差，用两次就坏了", "和描述严重不符", '"全新"的东西有划痕', "像是假货，要求退款", "做工粗糙，失望")
_QUICK = ("物流很快。", "发货及时，隔天就到。", "快递小哥态度好。", "")
_SLOW = ("就是发货太慢了。", "等了很久才到，\n催了几次也没用。", "物流太慢。")
_THANKS = ("感谢您的支持，欢迎再次光临！", "谢谢亲的认可，祝您生活愉快。")
_SORRY = ("非常抱歉给您带来不便，我们已安排客服与您联系。", "抱歉让您失望了，可申请退换，运费由我们承担。")


def _list(words: Iterable[str]) -> str:
    """A SQL list of text."""
    return "[" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + "]"


def _values(rows: Iterable[Sequence[object]]) -> str:
    """Rows for SQL VALUES."""

    def literal(value: object) -> str:
        if value is None:
            return "NULL"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)

    return ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)


def _macros(seed: int) -> dict[str, str]:
    """Name and parameters of the SQL macros of a run -> their body."""
    organisation = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    credit = "0123456789ABCDEFGHJKLMNPQRTUWXY"

    def weighted(weights: tuple[int, ...], alphabet: str) -> str:
        places = f"range(1, {len(weights) + 1})"
        return (
            f"list_sum(list_transform({places}, lambda i: {list(weights)}[i]"
            f" * (instr('{alphabet}', substr(body, i, 1)) - 1)))::BIGINT"
        )

    organisation_sum = weighted((3, 7, 9, 10, 5, 8, 4, 2), organisation)
    credit_sum = weighted((1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28), credit)
    citizen_sum = weighted((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "0123456789")
    return {
        # A uniform in [0, 1): 53 bits. The outer hash breaks what linear relation the inner has between names.
        "sim_u(id, draw)": f"(hash(hash(id, draw, {seed})) >> 11) / 9007199254740992.0",
        # Standard normal, by Box and Muller.
        "sim_z(id, draw)": "sqrt(-2 * ln(1 - sim_u(id, draw))) * cos(2 * pi() * sim_u(id, draw || '~'))",
        # Exponential with mean 1.
        "sim_e(id, draw)": "-ln(1 - sim_u(id, draw))",
        "sim_pick(words, u)": "words[1 + CAST(floor(u * len(words)) AS BIGINT)]",
        "sim_unit(x)": "greatest(0.03, least(0.97, x))",
        "sim_star(x)": "CAST(greatest(1, least(5, round(x))) AS BIGINT)",
        # Serial number in base 31, five characters: one code a merchant up to 28 million.
        "sim_serial(n)": "array_to_string(list_transform(range(4, -1, -1),"
        f" lambda i: substr('{credit}', CAST(1 + (n // CAST(31 ** i AS BIGINT)) % 31 AS BIGINT), 1)), '')",
        # GB 11714, GB 32100 and GB 11643: the body with its check character.
        "sim_organisation(body)": f"body || ['0', 'X', '9', '8', '7', '6', '5', '4', '3', '2', '1']"
        f"[1 + {organisation_sum} % 11]",
        "sim_credit(body)": f"body || substr('{credit}', 1 + (31 - {credit_sum} % 31) % 31, 1)",
        "sim_citizen(body)": f"body || substr('10X98765432', 1 + {citizen_sum} % 11, 1)",
    }


def _season(day: date) -> int:
    """Relative volume of a calendar day in percent of an ordinary one: the marketplace's festivals."""
    month_day = (day.month, day.day)
    if month_day in {(11, 11), (6, 18)}:
        return 450
    if (10, 24) <= month_day < (11, 11) or (6, 1) <= month_day <= (6, 20):
        return 190
    if month_day == (12, 12):
        return 220
    if (1, 26) <= month_day <= (2, 8):  # around the Spring Festival, carriers rest
        return 50
    return 115 if day.weekday() >= 5 else 100


_PEOPLE = """
CREATE OR REPLACE TEMP TABLE sim_people AS
WITH drawn AS (
    SELECT i AS number, 'seller' AS role, printf('M%06d', i) AS subject_id, i AS id FROM range(1, {merchants} + 1) t(i)
    UNION ALL
    SELECT i, 'buyer', printf('B%06d', i), -i FROM range(1, {buyers} + 1) t(i)
), told AS (
    SELECT d.*, s.story, s.shop,
        CASE WHEN role = 'buyer' THEN 'individual'
             ELSE coalesce(s.kind, CASE WHEN sim_u(id, 'kind') < 0.6 THEN 'enterprise' ELSE 'individual' END) END AS kind,
        coalesce(s.category, sim_pick({category_draw}, sim_u(id, 'category'))) AS category,
        -- A buyer's is honesty: most are honest, one in seven is not.
        coalesce(s.quality, CASE role WHEN 'seller' THEN sim_unit(0.68 + 0.19 * sim_z(id, 'quality'))
                                      ELSE 1 - 0.95 * pow(sim_u(id, 'honesty'), 4) END) AS quality,
        -- One merchant in eight came within the period; the others up to eight years ago.
        coalesce(s.joined, CAST(CASE WHEN role = 'seller' AND sim_u(id, 'new') < 0.12 THEN 15 + sim_u(id, 'joined') * ({days} - 15)
                                     ELSE {days} + sim_u(id, 'joined') * 2500 END AS BIGINT)) AS joined,
        CAST(floor(sim_u(id, 'city') * {cities}) AS BIGINT) AS city
    FROM drawn d LEFT JOIN (VALUES {stories}) s(subject_id, story, shop, kind, category, quality, joined)
        USING (subject_id)
)
SELECT *, DATE '{end}' - CAST(joined AS INTEGER) AS joined_on, {city_codes}[1 + city] AS area,
    {city_names}[1 + city] AS city_name,
    -- Careless merchants are careless with their papers too.
    story IS NULL AND role = 'seller' AND sim_u(id, 'papers') < 0.35 * pow(1 - quality, 2) AS lapsed
FROM told
"""

_TRUTH = """
CREATE OR REPLACE TEMP TABLE sim_truth AS
WITH phases AS (
    SELECT m.number, 0 AS part, m.subject_id, m.kind, m.category, m.story, 'plain' AS mode, NULL::BIGINT AS orders,
        m.joined AS since,
        -- One in twenty-five has closed shop.
        CASE WHEN sim_u(id, 'closed') < 0.04 THEN least(joined - 5, CAST(30 + 150 * sim_u(id, 'left') AS BIGINT))
             ELSE 0 END AS until,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'ship')) AS ship,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'goods')) AS goods,
        sim_unit(0.8 * quality + 0.2 * sim_u(id, 'service')) AS service,
        -- Log-normal in size; the good grow larger, single persons stay smaller, one in fifty sells nothing.
        CASE WHEN sim_u(id, 'idle') < 0.02 THEN 0 ELSE 1 + CAST(1000 * least(1.0, joined / {days}) * exp(
            1.15 * sim_z(id, 'size') + 0.8 * quality - if(kind = 'individual', 0.9, 0)) AS BIGINT) END AS weight
    FROM sim_people m WHERE role = 'seller' AND story IS NULL
    UNION ALL
    SELECT m.number, s.part, m.subject_id, m.kind, m.category, m.story, s.mode, s.orders, s.since, s.until,
        s.ship, s.goods, s.service, 0
    FROM sim_people m JOIN (VALUES {phases}) s(subject_id, part, mode, orders, since, until, ship, goods, service)
        USING (subject_id)
), summed AS (
    SELECT *, sum(weight) OVER (ORDER BY number, part) AS reached, sum(weight) OVER () AS total FROM phases
), sized AS (
    -- Differences of a rounded running sum: the orders add up to the very number asked for.
    SELECT * EXCLUDE (orders), coalesce(orders,
        {free}::HUGEINT * reached // total - {free}::HUGEINT * (reached - weight) // total)::BIGINT AS orders
    FROM summed
)
SELECT row_number() OVER (ORDER BY number, part) AS phase, p.subject_id, p.kind, p.category, p.story, p.mode,
    p.orders, p.ship, p.goods, p.service,
    CAST(sum(p.orders) OVER (ORDER BY number, part) - p.orders AS BIGINT) AS before,
    first.slot AS first_slot, past.slot AS past_slot,
    p.number,
    -- How many different buyers there are to draw from; eight hands brush.
    CASE p.mode WHEN 'brush' THEN 8 ELSE 2 + CAST(p.orders * (1.4 - 0.6 * p.goods) AS BIGINT) END AS pool,
    -- Above 1: the volume was larger in the past; below: it grows.
    CASE WHEN p.story IS NULL THEN 0.7 + 0.6 * sim_u(p.number, 'growth') ELSE 1 END AS growth,
    c.price * exp(0.5 * sim_z(p.number, 'price')) * CASE p.mode WHEN 'scam' THEN 0.3 WHEN 'brush' THEN 0.2 ELSE 1 END
        AS price,
    c.returns
FROM sized p
JOIN (VALUES {categories}) c(category, price, returns) USING (category)
JOIN sim_days first ON first.day = {days} - greatest(1, least(p.since, {days}))
JOIN sim_days past ON past.day = {days} - greatest(0, least(p.until, {days} - 1))
"""

# Orders in the order of time, as a platform's books have them; all else is computed along the way.
_ORDERS = """
CREATE OR REPLACE TEMP TABLE sim_orders AS
WITH numbered AS (
    SELECT phase, mode, first_slot, past_slot, growth, before + unnest(range(orders)) + 1 AS n FROM sim_truth
), placed AS (
    SELECT phase, mode, n, sim_u(n, 'hour') AS hump,
        first_slot + CAST(floor(pow(sim_u(n, 'day'), growth) * (past_slot - first_slot)) AS BIGINT) AS slot
    FROM numbered
)
SELECT phase, n, {start} + s.day * 86400 + CAST(CASE
    WHEN mode = 'brush' THEN 7200 + 7200 * sim_u(n, 'second')                            -- two to four at night
    WHEN hump < 0.20 THEN 86399 * sim_u(n, 'second')
    WHEN hump < 0.55 THEN 32400 + 14400 * (sim_u(n, 'second') + sim_u(n, 'second 2'))  -- about 13:00
    ELSE 61200 + 12599 * (sim_u(n, 'second') + sim_u(n, 'second 2'))                    -- about 20:30
    END AS BIGINT) AS t
FROM placed JOIN sim_slots s USING (slot)
ORDER BY t, n
"""

# Buyers who are subjects, by slot: those with a story have three. `abuse` rises from 0 as honesty falls.
_BUYERS = """
CREATE OR REPLACE TEMP TABLE sim_buyers AS
SELECT CAST(row_number() OVER (ORDER BY number, turn) - 1 AS BIGINT) AS slot, number, pow(1 - quality, 2) AS abuse
FROM sim_people, range(3) r(turn) WHERE role = 'buyer' AND (turn = 0 OR story IS NOT NULL)
"""

_SUBJECTS = """
WITH coded AS (
    SELECT *,
        sim_organisation('MA' || substr('0123456789', CAST(1 + floor(sim_u(id, 'org') * 10) AS BIGINT), 1)
            || sim_serial(number)) AS organisation,
        kind = 'enterprise' OR role = 'seller' AND sim_u(id, 'household') < 0.3 AS licensed,
        coalesce(story NOT IN ('careless_giant', 'brusher', 'exit_scam', 'abusive_buyer'), false) AS tidy
    FROM sim_people
), worded AS (
    SELECT *,
        CASE WHEN licensed THEN sim_credit(CASE kind WHEN 'enterprise' THEN '91' ELSE '92' END || area || organisation)
             END AS code,
        sim_pick({surnames}, sim_u(id, 'surname')) || sim_pick({given}, sim_u(id, 'given')) AS person
    FROM coded
)
SELECT subject_id, kind, role,
    coalesce(shop, CASE kind WHEN 'enterprise'
        THEN regexp_extract(city_name, '([^省]+)$', 1) || sim_pick({brand_1}, sim_u(id, 'brand 1'))
            || sim_pick({brand_2}, sim_u(id, 'brand 2')) || c.trade || '有限公司'
        ELSE person END) AS name,
    code AS uscc,
    CASE kind WHEN 'individual' THEN sim_citizen(area || CAST(1960 + floor(45 * sim_u(id, 'year')) AS BIGINT)
        || lpad(CAST(1 + floor(12 * sim_u(id, 'month')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(1 + floor(28 * sim_u(id, 'day')) AS BIGINT)::VARCHAR, 2, '0')
        || lpad(CAST(floor(1000 * sim_u(id, 'serial')) AS BIGINT)::VARCHAR, 3, '0')) END AS id_number,
    CASE WHEN tidy OR sim_u(id, 'registered') < 0.9 + 0.1 * quality 
         THEN joined_on + if(role = 'buyer', CAST(60 * sim_u(id, 'identified') AS INTEGER), 0) END
        AS registration_verified_on,
    code AS licence_no,
    CASE WHEN licensed THEN joined_on - CAST(20 + 1500 * sim_u(id, 'licence') AS INTEGER) END AS licence_valid_from,
    CASE WHEN story = 'expired_licence' THEN DATE '{end}' - 20
         WHEN licensed AND lapsed THEN DATE '{end}' - CAST(1 + least(200, joined) * sim_u(id, 'lapsed') AS INTEGER)
         WHEN licensed AND sim_u(id, 'term') < 0.6 THEN DATE '{end}' + CAST(30 + 5000 * sim_u(id, 'licence end') AS INTEGER)
         END AS licence_valid_until,
    CASE WHEN category = '食品生鲜' AND licensed THEN 'JY1' || area || lpad(number::VARCHAR, 7, '0') END AS permit_no,
    CASE WHEN category = '食品生鲜' AND licensed THEN DATE '{end}'
         + CAST(1700 * sim_u(id, 'permit') - if(story IS NULL, 60, 0) AS INTEGER) END AS permit_valid_until,
    CASE WHEN licensed AND (tidy OR sim_u(id, 'icp') < 0.5 + 0.4 * quality) THEN printf('测ICP备%08d号', number)
         END AS icp_record,
    city_name || sim_pick({streets}, sim_u(id, 'street')) || CAST(1 + floor(300 * sim_u(id, 'house')) AS BIGINT) || '号'
        AS address,
    lower(subject_id) || if(role = 'seller', '@shop.example', '@mail.example') AS contact,
    CASE WHEN tidy OR sim_u(id, 'reached') < 0.75 + 0.22 * quality
         THEN least(joined_on + CAST(400 * sim_u(id, 'contact') AS INTEGER), DATE '{end}' - 1) END AS contact_verified_on,
    coalesce(story = 'self_operated', false) AS self_operated,
    CASE role WHEN 'seller' THEN category END AS category,
    CASE WHEN role = 'seller' THEN CASE kind WHEN 'enterprise' THEN 10000 ELSE 1000 END
         * CAST(floor(6 * sqrt(quality) * sim_u(id, 'deposit') + quality) AS BIGINT) END AS deposit_amount,
    CASE role WHEN 'seller' THEN 'CNY' END AS currency,
    joined_on,
    greatest(joined_on, DATE '{end}' - CAST(CASE WHEN story = 'expired_licence' THEN 85 WHEN tidy THEN 30 * sim_u(id, 'verified')
        ELSE 1 + 320 * sim_u(id, 'verified') * (1.25 - quality) END AS INTEGER) - 1) AS verified_on,
    epoch(joined_on)::BIGINT - 28800 AS known_at
FROM worded LEFT JOIN (VALUES {trades}) c(category, trade) USING (category)
"""

_TRANSACTIONS = """
WITH placed AS (
    SELECT p.* EXCLUDE (before, first_slot, past_slot, growth, orders), o.n, o.t,
        b.number AS known, b.abuse,
        -- One in twenty-five is never paid.
        CASE WHEN mode <> 'plain' OR sim_u(n, 'unpaid') > coalesce(0.005 + 0.25 * b.abuse, 0.04) THEN t + 15 + CAST(500 * sim_e(n, 'pay') AS BIGINT) END
            AS paid,
        1 + CAST(floor(4.99 * pow(sim_u(n, 'distance'), 1.7)) AS BIGINT) AS distance,  -- days on the road, 1 to 5
        sim_u(n, 'fate') AS fate_draw
    FROM sim_orders o JOIN sim_truth p USING (phase) LEFT JOIN sim_buyers b ON b.slot =
        CASE WHEN mode = 'plain' AND sim_u(n, 'known buyer') < {buyer_share}
            THEN CAST(floor({buyer_slots} * sim_u(n, 'buyer')) AS BIGINT) END
), fated AS (
    SELECT *, paid + 48 * {hour} AS dispatch_due, paid + 48 * {hour} + (distance + 1) * {day} AS delivery_due,
        CASE WHEN paid IS NULL THEN 'unpaid'
             WHEN mode = 'scam' THEN 'held'
             WHEN mode = 'brush' THEN 'sent'
             WHEN fate_draw < 0.012 + coalesce(0.30 * abuse, 0) THEN 'changed_mind'
             WHEN fate_draw < 0.013 THEN 'fraud_suspected'
             WHEN fate_draw < 0.013 + 0.004 * (1 - goods) THEN 'price_error'
             WHEN fate_draw < 0.013 + 0.004 * (1 - goods) + 0.10 * pow(1 - ship, 2) THEN 'stock_out'
             ELSE 'sent' END AS fate
    FROM placed
), sent AS (
    SELECT *,
        CASE fate
            WHEN 'sent' THEN paid + CAST({hour} * CASE
                WHEN mode = 'brush' THEN 1 + 2 * sim_u(n, 'packing')
                WHEN sim_u(n, 'late') < 0.40 * pow(1 - ship, 2) THEN 48.1 + (40 - 25 * ship) * sim_e(n, 'packing')
                ELSE 1 + (46 - 26 * ship) * sim_u(n, 'packing') END AS BIGINT) END AS dispatched,
        CASE fate
            WHEN 'sent' THEN NULL WHEN 'held' THEN NULL
            WHEN 'unpaid' THEN t + CAST({hour} * (0.3 + 23 * sim_u(n, 'cancel')) AS BIGINT)
            WHEN 'stock_out' THEN paid + CAST({hour} * (3 + 70 * sim_u(n, 'cancel') * (1.2 - service)) AS BIGINT)
            ELSE paid + CAST({hour} * (0.1 + 12 * sim_u(n, 'cancel')) AS BIGINT) END AS cancelled
    FROM fated
), carried AS (
    SELECT *,
        CASE WHEN mode <> 'plain' OR sim_u(n, 'lost') > 0.001 + 0.004 * (1 - ship) THEN dispatched + CAST({hour} * (
            distance * 24 * (0.55 + 0.5 * sim_u(n, 'road'))
            + CASE WHEN sim_u(n, 'jam') < 0.10 * (1.03 - ship) THEN 45 * sim_e(n, 'jammed') ELSE 0 END) AS BIGINT)
            END AS delivered
    FROM sent
), judged AS (
    SELECT *,
        CASE WHEN cancelled IS NOT NULL
                THEN CASE WHEN paid IS NULL THEN 'none' WHEN fate = 'changed_mind' THEN 'no_reason' ELSE 'other' END
             WHEN mode = 'brush' THEN 'none'
             WHEN mode = 'scam' THEN CASE WHEN sim_u(n, 'refund') < 0.35 THEN 'not_received' ELSE 'none' END
             WHEN delivered IS NULL THEN 'not_received'
             WHEN sim_u(n, 'fault') < 0.10 * pow(1 - goods, 1.6)
                THEN CASE WHEN sim_u(n, 'fault kind') < 0.6 THEN 'quality' ELSE 'not_as_described' END
             WHEN delivered > delivery_due + 2 * {day} AND sim_u(n, 'refund') < 0.15 THEN 'late'
             WHEN sim_u(n, 'refund') < returns * if(abuse < 0.1, 0.3, 1) + coalesce(0.60 * abuse, 0) THEN 'no_reason'
             ELSE 'none' END AS reason
    FROM carried
), asked AS (
    SELECT *,
        CASE WHEN reason = 'none' THEN NULL
             WHEN cancelled IS NOT NULL THEN cancelled
             WHEN reason = 'not_received' THEN delivery_due + CAST({day} * (4 * sim_u(n, 'ask') - 1) AS BIGINT)
             ELSE delivered + CAST({day} * (0.1 + 6.4 * sim_u(n, 'ask')) AS BIGINT) END AS refund_asked,
        -- Refused, or never answered.
        mode = 'scam' OR cancelled IS NULL AND sim_u(n, 'refused') < 0.15 * (1 - service) AS refused,
        CAST(price * exp(0.6 * sim_z(n, 'amount')) AS DECIMAL(18, 2)) + 1 AS amount
    FROM judged
)
SELECT printf('T%09d', n) AS transaction_id, printf('O%09d', n) AS order_id, subject_id,
    printf('B%06d', CASE WHEN known IS NOT NULL THEN known
        ELSE {buyers} + 1 + CAST(floor({public} * sim_u(number, 'customer ' || mode
            || CAST(floor(pool * pow(sim_u(n, 'buyer'), 1.4)) AS BIGINT))) AS BIGINT) END) AS buyer_id,
    t AS ordered_at, paid AS paid_at,
    CASE WHEN paid < {stop} THEN dispatch_due END AS dispatch_due_at, dispatched AS dispatched_at,
    CASE WHEN paid < {stop} THEN delivery_due END AS delivery_due_at, delivered AS delivered_at,
    -- Confirmed by the buyer within days, else by the clock after ten.
    delivered + CAST({day} * CASE WHEN mode = 'brush' THEN 0.02 WHEN sim_u(n, 'confirm') < 0.55
        THEN 0.05 + 4 * sim_u(n, 'confirmed') ELSE 10 END AS BIGINT) AS completed_at,
    cancelled AS cancelled_at,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'buyer' ELSE 'platform' END
        WHEN 'changed_mind' THEN 'buyer' WHEN 'fraud_suspected' THEN 'platform' ELSE 'seller' END AS cancelled_by,
    CASE fate WHEN 'unpaid' THEN CASE WHEN sim_u(n, 'cancels') < 0.5 THEN 'changed_mind' ELSE 'other' END
        ELSE fate END AS cancel_reason,
    amount, 'CNY' AS currency,
    reason AS refund_reason, refund_asked AS refund_requested_at,
    CASE WHEN NOT refused THEN refund_asked + CAST({hour} * (2 + (12 + 150 * (1 - service)) * sim_e(n, 'refunding'))
        AS BIGINT) END AS refunded_at,
    amount * if(reason IN ('quality', 'late') AND sim_u(n, 'part') < 0.4, 0.3, 1) AS refund_amount,
    mode = 'plain' AND sim_u(n, 'invoice') < if(kind = 'enterprise', 0.20, 0.06) AS invoice_asked,
    CASE WHEN invoice_asked AND cancelled IS NULL AND mode = 'plain' AND sim_u(n, 'invoiced') < 0.65 + 0.35 * service
        THEN coalesce(delivered, paid) + CAST({day} * (0.2 + (6 - 4 * service) * sim_e(n, 'invoicing')) AS BIGINT)
        END AS invoice_issued_at,
    sim_u(n, 'trace') < 0.80 + 0.20 * ship AS traceable,
    category, t AS known_at, phase, abuse
FROM asked
"""

_REVIEWS = """
WITH delivered AS (
    SELECT t.transaction_id, t.subject_id, t.buyer_id, p.mode, p.ship, p.goods, p.service,
        CAST(substr(t.transaction_id, 2) AS BIGINT) AS n, epoch_us(t.delivered_at) // 1000000 AS came,
        t.refund_reason IN ('quality', 'not_as_described') AS faulty,
        greatest(0, epoch_us(t.delivered_at) - epoch_us(t.delivery_due_at)) / 86.4e9 AS late_days, t.abuse
    FROM {schema}.transactions t JOIN sim_truth p USING (phase) WHERE t.delivered_at IS NOT NULL
), felt AS (
    SELECT *, came + CAST(CASE mode WHEN 'brush' THEN 1800 + 3600 * sim_u(n, 'writes')
            ELSE {day} * (0.1 + 3.5 * sim_e(n, 'writes')) END AS BIGINT) AS written,
        -- Some goods are sound by the books and a disappointment all the same; it colours the rest.
        CASE WHEN faulty THEN 3.8 WHEN sim_u(n, 'sour') < 0.13 * (1 - goods) THEN 3.2 ELSE 0 END AS disappointed,
        5.5 + 0.35 * sim_z(n, 'mood') AS mood,
        -- Without regard to the goods: mostly one star, at times five.
        CASE WHEN mode = 'brush' THEN 5
             WHEN abuse IS NULL THEN NULL
             WHEN sim_u(n, 'malice') < 0.8 * abuse THEN CASE WHEN sim_u(n, 'bought') < 0.2 THEN 5 ELSE 1 END
             END AS feigned
    FROM delivered
    WHERE sim_u(n, 'reviews') < CASE WHEN mode = 'brush' THEN 0.97 WHEN faulty THEN 0.80 ELSE 0.68 END
), rated AS (
    SELECT *,
        coalesce(feigned, mood - 1.6 * (1 - goods) - disappointed + 0.4 * sim_z(n, 'goods felt')) AS goods_felt,
        coalesce(feigned, mood - 1.8 * (1 - service) - 0.4 * disappointed + 0.4 * sim_z(n, 'service felt'))
            AS service_felt,
        coalesce(feigned, mood - 0.9 * (1 - ship) - 0.25 * disappointed - 1.5 * sqrt(late_days)
            + 0.4 * sim_z(n, 'ship felt')) AS ship_felt
    FROM felt
), summed AS (
    SELECT *, coalesce(feigned, sim_star(0.7 * least(goods_felt, 5.2) + 0.2 * least(service_felt, 5.2)
        + 0.3 * least(ship_felt, 5.2) - 0.9 + 0.35 * sim_z(n, 'overall'))) AS stars
    FROM rated
)
SELECT printf('R%09d', n) AS review_id, transaction_id, subject_id, buyer_id, written AS reviewed_at,
    stars AS rating_overall, sim_star(goods_felt) AS rating_description, sim_star(service_felt) AS rating_service,
    sim_star(ship_felt) AS rating_logistics,
    CASE WHEN mode = 'brush' THEN '好评！宝贝超级棒，已经回购很多次了，强烈推荐！'
         WHEN sim_u(n, 'silent') < 0.35 THEN NULL
         ELSE sim_pick(CASE WHEN stars >= 4 THEN {praise} WHEN stars = 3 THEN {middling} ELSE {blame} END,
                sim_u(n, 'words')) || '。'
            || sim_pick(CASE WHEN late_days > 1 THEN {slow} ELSE {quick} END, sim_u(n, 'road words')) END AS text,
    CASE WHEN sim_u(n, 'reply') < service * CASE WHEN stars <= 3 THEN 0.95 ELSE 0.3 END
        THEN written + CAST({hour} * (0.3 + (4 + 60 * (1 - service)) * sim_e(n, 'replies')) AS BIGINT) END AS replied_at,
    sim_pick(CASE WHEN stars <= 3 THEN {sorry} ELSE {thanks} END, sim_u(n, 'reply words')) AS reply,
    false AS shared,
    CASE WHEN sim_u(n, 'checked') < coalesce(0.15 + 0.5 * abuse, 0.02) THEN feigned IS NULL END AS authentic,
    written AS known_at
FROM summed
"""

_COMPLAINTS = """
WITH seen AS (
    SELECT t.transaction_id, t.subject_id, t.buyer_id, p.mode, p.ship, p.service,
        CAST(substr(t.transaction_id, 2) AS BIGINT) AS n,
        epoch_us(coalesce(t.refund_requested_at, t.cancelled_at, t.delivered_at, t.delivery_due_at)) // 1000000 AS basis,
        t.dispatched_at <= t.dispatch_due_at AS in_time,
        CASE WHEN p.mode = 'brush' OR t.paid_at IS NULL THEN NULL
             WHEN t.refund_reason IN ('quality', 'not_as_described') THEN t.refund_reason
             WHEN t.refund_reason = 'not_received' OR t.cancelled_at IS NULL AND t.delivered_at IS NULL
                OR t.delivered_at > t.delivery_due_at + INTERVAL 24 HOUR THEN 'delivery'
             WHEN t.refund_requested_at IS NOT NULL AND t.refunded_at IS NULL THEN 'refund'
             WHEN t.cancel_reason IN ('stock_out', 'price_error') THEN 'service'
             ELSE 'chance' END AS cause,
        coalesce(t.abuse, 0) AS abuse
    FROM {schema}.transactions t JOIN sim_truth p USING (phase)
), moved AS (
    SELECT * REPLACE (CASE cause WHEN 'chance' THEN sim_pick(
            ['service', 'service', 'quality', 'invoice', 'other', 'privacy', 'counterfeit'], sim_u(n, 'about'))
            ELSE cause END AS cause),
        cause <> 'chance' AS grounded,
        -- Some complain twice of one order.
        unnest(range(if(cause <> 'chance' AND sim_u(n, 'again') < 0.12 * (1 - service), 2, 1))) AS turn
    FROM seen
    WHERE cause IS NOT NULL AND sim_u(n, 'complains') < CASE
        WHEN mode = 'scam' THEN 0.4
        WHEN cause = 'chance' THEN 0.009 * pow(1 - service, 1.5) + 0.35 * abuse
        WHEN cause = 'service' THEN 0.08
        ELSE 0.16 + 0.4 * pow(1 - service, 2) END
), filed AS (
    SELECT *, n * 2 + turn AS id, basis + CAST({day} * (0.1 + 3 * sim_u(n, 'files') + 6 * turn) AS BIGINT) AS opened,
        sim_u(n * 2 + turn, 'channel') AS way
    FROM moved
), answered AS (
    SELECT *,
        CASE WHEN way < 0.88 THEN 'platform' WHEN way < 0.96 THEN '12315' WHEN way < 0.975 THEN 'association'
             WHEN way < 0.99 THEN 'mediation' WHEN way < 0.995 THEN 'arbitration' ELSE 'court' END AS channel,
        CASE WHEN sim_u(id, 'answers') > if(mode = 'scam', 0.9, 0.08 * (1 - service))
             THEN opened + CAST({hour} * (0.2 + (3 + 60 * pow(1 - service, 1.5)) * sim_e(id, 'answer')) AS BIGINT)
             END AS answered,
        CASE WHEN way < 0.88 AND sim_u(id, 'escalates') < if(mode = 'scam', 0.3, 0.02 + 0.15 * (1 - service))
             THEN opened + CAST({day} * (3 + 9 * sim_u(id, 'escalated')) AS BIGINT) END AS escalated,
        sim_u(id, 'outcome') AS fate
    FROM filed
), resolved AS (
    SELECT *,
        CASE WHEN sim_u(id, 'open') > if(mode = 'scam', 0.7, 0.06 * (1 - service))
             THEN greatest(coalesce(answered, opened + 7 * {day}), coalesce(escalated, 0)) + CAST({day} * (0.1
                + (1 + 7 * (1 - service)) * CASE WHEN channel = 'platform' THEN 1 ELSE 4 END * sim_e(id, 'resolving'))
                AS BIGINT) END AS resolved,
        CASE WHEN mode = 'scam' THEN 'upheld'
             WHEN grounded THEN CASE WHEN fate < 0.50 THEN 'upheld' WHEN fate < 0.66 THEN 'partly_upheld'
                WHEN fate < 0.88 THEN 'settled' WHEN fate < 0.96 THEN 'rejected' ELSE 'withdrawn' END
             ELSE CASE WHEN fate < 0.12 * (1 - abuse) THEN 'upheld' WHEN fate < 0.22 * (1 - abuse) THEN 'partly_upheld'
                WHEN fate < 0.45 * (1 - abuse) THEN 'settled' WHEN fate < 0.85 THEN 'rejected' ELSE 'withdrawn' END END AS outcome
    FROM answered
)
SELECT printf('C%09d', n) || CASE turn WHEN 1 THEN '-2' ELSE '' END AS complaint_id, transaction_id, subject_id, buyer_id,
    channel, cause AS category, opened AS filed_at, answered AS first_response_at,
    opened + {day} * CASE channel WHEN 'platform' THEN 7 WHEN 'arbitration' THEN 180 WHEN 'court' THEN 180 ELSE 60 END
        AS resolution_due_at,
    resolved AS resolved_at, outcome,
    CASE WHEN outcome IN ('upheld', 'partly_upheld')
            THEN CASE WHEN cause = 'delivery' AND in_time AND sim_u(id, 'liable') < 0.6 THEN 'carrier' ELSE 'seller' END
         WHEN outcome = 'settled' AND sim_u(id, 'liable') < 0.5 THEN 'seller'
         WHEN outcome = 'rejected' AND sim_u(id, 'liable') < 0.5 + 0.5 * abuse THEN 'buyer'
         ELSE 'none' END AS liability,
    escalated AS escalated_at, opened AS known_at
FROM resolved
"""

# kind, its letters in an id, issuer, at most so many, chance = base + slope * (1 - quality)^2, days back at most
_RECORD_KINDS = (
    ("administrative_penalty", "AP", "市场监督管理局", 2, 0.0, 0.25, 700),
    ("abnormal_operation", "AO", "市场监督管理局", 1, 0.0, 0.12, 700),
    ("serious_violation", "SV", "市场监督管理局", 1, 0.0, 0.02, 900),
    ("dishonest_debtor", "DD", "人民法院", 1, 0.0, 0.03, 900),
    ("tax_grade", "TG", "税务局", 3, 0.85, 0.0, 0),
    ("award", "AW", "市场监督管理局", 1, 0.10, -0.10, 900),
    ("certification", "CE", "市场监督管理局", 1, 0.20, -0.18, 900),
)

_PUBLIC_RECORDS = """
WITH drawn AS (
    SELECT p.*, k.kind AS record, k.issuer, k.back, k.base + k.slope * pow(1 - quality, 2) AS chance,
        p.subject_id || k.letters AS pair, unnest(range(k.most)) AS turn
    FROM sim_people p, (VALUES {record_kinds}) k(kind, letters, issuer, most, base, slope, back)
    WHERE p.role = 'seller' AND p.kind = 'enterprise' AND (p.story IS NULL OR k.kind = 'tax_grade')
), dated AS (
    SELECT *, pair || turn AS rid, sim_u(pair || turn, 'severity') AS grave,
        -- Tax grades are published each April for the year before.
        CASE record WHEN 'tax_grade' THEN make_date(year(DATE '{end}')::BIGINT - turn, 4, 20)
            ELSE DATE '{end}' - CAST(1 + back * sim_u(pair || turn, 'back') AS INTEGER) END AS since
    FROM drawn WHERE sim_u(pair || turn, 'record') < chance
), graded AS (
    SELECT *,
        CASE record
            WHEN 'administrative_penalty'
                THEN CASE WHEN grave < 0.6 THEN 'minor' WHEN grave < 0.9 THEN 'moderate' ELSE 'serious' END
            WHEN 'tax_grade' THEN CASE WHEN story = 'excellent_veteran' THEN 'A' WHEN joined < 365 THEN 'M'
                WHEN grave < 0.6 * quality THEN 'A' WHEN grave < 0.4 + 0.58 * quality THEN 'B'
                WHEN grave < 0.7 + 0.29 * quality OR story IS NOT NULL THEN 'C' ELSE 'D' END
            WHEN 'certification' THEN 'A' END AS grade,
        since + 40 + CAST(300 * sim_u(rid, 'removal') AS INTEGER) AS removed
    FROM dated
), told AS (
    SELECT 'P-' || rid AS record_id, subject_id, record AS kind,
        city_name || issuer AS issuer, grade, since AS valid_from,
        CASE record
            -- Shown for 3, 12 and 36 months by severity.
            WHEN 'administrative_penalty' THEN since + CASE grade WHEN 'minor' THEN 91 WHEN 'moderate' THEN 365 ELSE 1096 END
            WHEN 'serious_violation' THEN since + 1096
            -- Taken off the list when reached again: no term is set.
            WHEN 'abnormal_operation' THEN CASE WHEN sim_u(rid, 'removed') < 0.3 AND removed < DATE '{end}' THEN removed END
            WHEN 'tax_grade' THEN since + 365
            WHEN 'award' THEN since + 1096
            WHEN 'certification' THEN since + 1096 END AS valid_until,
        CASE WHEN sim_u(rid, 'repair') < if(record = 'abnormal_operation', 0.3, 0) + 0.4 * quality THEN CASE
            WHEN record = 'administrative_penalty' AND grade = 'moderate'
                THEN since + 92 + CAST(120 * sim_u(rid, 'repaired') AS INTEGER)
            WHEN record IN ('abnormal_operation', 'dishonest_debtor')
                THEN since + 30 + CAST(200 * sim_u(rid, 'repaired') AS INTEGER)
            END END AS repaired_on,
        CASE record WHEN 'administrative_penalty' THEN '因违反《中华人民共和国消费者权益保护法》被处以罚款'
            WHEN 'abnormal_operation' THEN '通过登记的住所或者经营场所无法联系' END AS note
    FROM graded
    UNION ALL
    SELECT 'P-' || subject_id || '-1', subject_id, s.kind, city_name || s.issuer, s.grade, DATE '{end}' - s.since,
        DATE '{end}' - s.since + s.length, DATE '{end}' - s.repaired, s.note
    FROM sim_people p JOIN (VALUES {story_records}) s(story, kind, issuer, grade, since, length, repaired, note) USING (story)
)
SELECT record_id, subject_id, kind, issuer,
    CASE WHEN kind = 'administrative_penalty'
        THEN printf('示市监处罚〔%d〕%05d号', year(valid_from), hash(record_id) % 100000) END AS reference,
    grade, valid_from, valid_until,
    CASE WHEN repaired_on < valid_until OR valid_until IS NULL THEN repaired_on END AS repaired_on,
    note, epoch(valid_from)::BIGINT - 28800 + {day} * (1 + CAST(hash(record_id, 'delay') % 5 AS BIGINT)) AS known_at
FROM told
"""

_VIOLATIONS = """
WITH drawn AS (
    SELECT *, hash(number, turn, 'violation') AS vid
    FROM sim_people, range(2) r(turn) WHERE role = 'seller' AND story IS NULL
), told AS (
    SELECT printf('V%06d', number) || '-' || (turn + 1) AS violation_id, subject_id, vid,
        sim_pick(['false_advertising', 'service_breach', 'service_breach', 'information', 'information', 'brushing',
            'review_manipulation', 'counterfeit', 'prohibited_goods', 'other'], sim_u(vid, 'kind')) AS kind,
        sim_pick(['minor', 'minor', 'minor', 'minor', 'minor', 'moderate', 'moderate', 'moderate', 'serious'],
            sim_u(vid, 'severity')) AS severity,
        {stop} - CAST({day} * least(joined, 500) * sim_u(vid, 'when') AS BIGINT) AS decided,
        sim_u(vid, 'withdrawn') < 0.04 AS withdrawn, NULL AS note
    FROM drawn WHERE sim_u(vid, 'violation') < 0.35 * pow(1 - quality, 1.5)
    UNION ALL
    SELECT 'V-' || subject_id || '-' || s.nth, subject_id, hash(subject_id, s.nth), s.kind, s.severity,
        {stop} - {day} * s.days - 50000, false, s.note
    FROM sim_people p JOIN (VALUES {story_violations}) s(story, nth, kind, severity, days, measure, note) USING (story)
)
SELECT violation_id, subject_id, kind, severity,
    -- In a story it is the burst or the weeks the decision speaks of.
    decided - CAST({day} * if(note IS NULL, 1 + 20 * sim_u(vid, 'before'), 5 + 2 * sim_u(vid, 'before')) AS BIGINT)
        AS occurred_at, decided AS decided_at,
    CASE WHEN withdrawn THEN decided + CAST({day} * (3 + 20 * sim_u(vid, 'appeal')) AS BIGINT) END AS withdrawn_at,
    note, decided AS known_at
FROM told
"""

_SANCTIONS = """
WITH decided AS (
    SELECT v.*, epoch_us(decided_at) // 1000000 AS opened, epoch_us(withdrawn_at) // 1000000 AS withdrawn,
        sim_u(violation_id, 'sanction') AS draw, s.measure AS story_measure
    FROM {schema}.violations v LEFT JOIN (
        SELECT 'V-' || subject_id || '-' || nth AS violation_id, measure FROM sim_people
        JOIN (VALUES {story_violations}) t(story, nth, kind, severity, days, measure, note) USING (story)
    ) s USING (violation_id)
), imposed AS (
    SELECT *, opened + CAST({hour} * (1 + 30 * sim_u(violation_id, 'imposed')) AS BIGINT) AS since,
        CASE WHEN story_measure IS NOT NULL THEN story_measure
            WHEN severity = 'minor' THEN 'warning'
            WHEN severity = 'moderate' THEN CASE WHEN draw < 0.4 THEN 'warning' ELSE 'restriction' END
            ELSE CASE WHEN draw < 0.8 THEN 'suspension' ELSE 'termination' END END AS measure
    FROM decided WHERE severity <> 'minor' OR draw < 0.7 OR story_measure IS NOT NULL
)
SELECT 'S' || violation_id AS sanction_id, subject_id, violation_id, measure AS kind,
    '违反平台规则：' || CASE kind WHEN 'false_advertising' THEN '虚假宣传' WHEN 'service_breach' THEN '服务违约'
        WHEN 'information' THEN '信息不实' WHEN 'brushing' THEN '刷单' WHEN 'review_manipulation' THEN '操纵评价'
        WHEN 'counterfeit' THEN '售假' WHEN 'prohibited_goods' THEN '发布禁售商品'
        WHEN 'fraud' THEN '欺诈' ELSE '其他' END AS reason,
    since AS imposed_at,
    since + {day} * CASE measure WHEN 'warning' THEN 30 WHEN 'restriction' THEN 30 WHEN 'suspension' THEN 15 END AS until_at,
    CASE WHEN withdrawn > since THEN withdrawn END AS lifted_at, since AS known_at
FROM imposed
"""

_SPOT_CHECKS = """
WITH drawn AS (
    SELECT p.number, p.subject_id, p.joined, p.lapsed, p.quality, t.ship, t.goods, t.service,
        -- The careless are looked at oftener.
        unnest(range(CASE WHEN sim_u(id, 'checked') < 0.30 + 0.4 * (1 - p.quality)
            THEN 1 + (sim_u(id, 'checked 2') < 0.15 + 0.5 * (1 - p.quality))::BIGINT
                + (sim_u(id, 'checked 3') < 0.05 + 0.4 * (1 - p.quality))::BIGINT ELSE 0 END)) AS turn
    FROM sim_people p JOIN sim_truth t USING (subject_id) WHERE p.role = 'seller' AND p.story IS NULL
), asked AS (
    SELECT *, hash(number, turn, 'spot check') AS kid,
        sim_pick(['documents', 'documents', 'goods', 'goods', 'goods', 'premises', 'price', 'price'], sim_u(kid, 'kind'))
            AS kind,
        -- At hours of work.
        CAST(1 + floor(least(joined, {days}) * sim_u(kid, 'when')) AS BIGINT) AS ago, 9 + 8 * sim_u(kid, 'hour') AS hour,
        CASE kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END AS term,
        least(0.98, 0.28 + 0.75 * service - if(lapsed, 0.20, 0)) AS punctual, sim_u(kid, 'answers') AS draw
    FROM drawn
), answered AS (
    SELECT *, CASE
            WHEN draw < punctual THEN term * (0.05 + 0.9 * sim_u(kid, 'answered'))
            WHEN draw < 0.4 + 0.6 * punctual THEN term + 0.2 + 9 * (1.2 - service) * sim_e(kid, 'answered')
            END AS answer,
        CASE kind WHEN 'documents' THEN 0.02 + 0.35 * pow(1 - quality, 1.5) + if(lapsed, 0.5, 0)
            WHEN 'goods' THEN 0.55 * pow(1 - goods, 1.5) WHEN 'price' THEN 0.45 * pow(1 - service, 1.5)
            ELSE 0.45 * pow(1 - ship, 1.5) END AS fault
    FROM asked
), told AS (
    SELECT printf('K%06d-%d', number, turn + 1) AS check_id, subject_id, kind, term,
        {stop} - {day} * ago + CAST({hour} * hour AS BIGINT) AS requested, answer,
        CASE WHEN answer IS NULL THEN 'refused' WHEN sim_u(kid, 'fault') < fault THEN 'failed' ELSE 'passed' END AS result,
        coalesce(answer + 1 + 7 * sim_u(kid, 'concluded'), term + 5 + 10 * sim_u(kid, 'concluded')) AS conclusion
    FROM answered
    UNION ALL
    SELECT 'K-' || subject_id || '-' || s.nth, subject_id, s.kind,
        CASE s.kind WHEN 'goods' THEN 10 WHEN 'premises' THEN 15 ELSE 7 END,
        {stop} - {day} * s.asked + {hour} * 10, s.answer, s.result, s.conclusion
    FROM sim_people p JOIN (VALUES {story_checks}) s(story, nth, kind, asked, answer, conclusion, result) USING (story)
)
SELECT check_id, subject_id, kind, requested AS requested_at, requested + {day} * term AS due_at,
    requested + CAST({day} * answer AS BIGINT) AS answered_at, result,
    requested + CAST({day} * conclusion AS BIGINT) AS concluded_at,
    -- What was asked for; what came of it is not known on the day of the row.
    CASE kind WHEN 'documents' THEN '核验营业执照与行政许可' WHEN 'goods' THEN '抽检在售商品及进货凭证'
        WHEN 'premises' THEN '核查经营场所' ELSE '核查标价与促销价格' END AS note,
    requested AS known_at
FROM told
"""

_STATEMENTS = {
    "subjects": _SUBJECTS,
    "transactions": _TRANSACTIONS,
    "reviews": _REVIEWS,
    "complaints": _COMPLAINTS,
    "public_records": _PUBLIC_RECORDS,
    "violations": _VIOLATIONS,
    "sanctions": _SANCTIONS,
    "spot_checks": _SPOT_CHECKS,
}


def _finished(table: Table, rows: str, stop: int) -> str:
    """`rows` (instants as seconds since 1970) as at `stop`: canonical columns and types, what came later blank."""

    def known(name: str, value: str) -> str:
        column = table.column(name)
        if column.plan or name == table.event:
            return value
        if column.type == "instant":
            return f"CASE WHEN {name} < {stop} THEN {value} END"
        if column.type == "date":
            return f"CASE WHEN epoch({name}) - 28800 < {stop} THEN {value} END"
        if column.known_from:
            unknown = f"'{column.until_known}'" if column.until_known else "NULL"
            return f"CASE WHEN {column.known_from} < {stop} THEN {value} ELSE {unknown} END"
        return value

    columns = [
        f"CAST({known(c.name, f'to_timestamp({c.name})' if c.type == 'instant' else c.name)} AS {c.sql_type}) AS {c.name}"
        for c in table.supplied
    ]
    return f"SELECT {', '.join(columns)}, to_timestamp(known_at) AS known_at FROM ({rows}) WHERE known_at < {stop}"


def populate(
    con: duckdb.DuckDBPyConnection,
    *,
    merchants: int,
    transactions: int,
    days: int = 400,
    end: date,
    seed: int = 1,
    schema: str = "sim",
) -> None:
    """Fill `schema` with the canonical tables (supplied columns and `known_at`) and `truth`.

    `merchants` (at least 20) and `transactions` (at least 2,000, made exactly) over the `days` (at least 240) before
    `end`, the first day not covered, counted in Asia/Shanghai. Tables of these names are replaced.
    `truth` has one row a merchant and phase: subject_id, kind, story (blank: none), mode (plain, brush, scam), orders,
    and ship, goods, service and their mean, quality, each from 0 to 1; and one row a buyer who is a subject: mode is
    buyer, quality the honesty, orders and the others blank.
    """
    least = {"merchants": (merchants, MIN_MERCHANTS), "transactions": (transactions, MIN_TRANSACTIONS),
             "days": (days, MIN_DAYS)}  # fmt: skip
    for name, (given, allowed) in least.items():
        if given < allowed:
            raise ValueError(f"{name} is {given}; the stories need at least {allowed}")
    if not schema.isidentifier():
        raise ValueError(f"schema is {schema!r}; expected a plain name")

    stop = int(datetime.combine(end, time(), ZoneInfo(ZONE)).timestamp())
    stories: list[tuple[object, ...]] = []
    phases, told = [], 0
    for story in STORIES:
        last = [phase for phase in story.phases if phase.mode == "plain"][-1]
        quality = round((last.ship + last.goods + last.service) / 3, 4)
        stories.append((story.subject_id, story.name, story.shop, story.kind, story.category, quality, story.joined))
        for part, phase in enumerate(story.phases):
            orders = max(phase.orders, int(phase.share * transactions))
            told += orders
            span = (part, phase.mode, orders, phase.since, phase.until)
            phases.append((story.subject_id, *span, phase.ship, phase.goods, phase.service))
    for buyer in BUYER_STORIES:
        stories.append((buyer.subject_id, buyer.name, None, "individual", None, buyer.honesty, None))
    season = [_season(end - timedelta(days=days - day)) for day in range(days)]
    words = {
        "merchants": merchants, "buyers": BUYER_SUBJECTS, "days": days, "end": end.isoformat(), "schema": schema,
        "stop": stop, "start": stop - days * _DAY, "hour": _HOUR, "day": _DAY, "free": transactions - told,
        "public": max(200, transactions // 3),
        # About fifteen orders for each buyer who is a subject.
        "buyer_share": min(0.05, 15 * BUYER_SUBJECTS / transactions),
        "buyer_slots": BUYER_SUBJECTS + 2 * len(BUYER_STORIES),
        "stories": _values(stories), "phases": _values(phases), "cities": len(_CITIES),
        "city_names": _list(city for city, _ in _CITIES), "city_codes": _list(code for _, code in _CITIES),
        "category_draw": _list(c.name for c in _CATEGORIES for _ in range(round(c.share * 100))),
        "categories": _values((c.name, c.price, c.returns) for c in _CATEGORIES),
        "trades": _values((c.name, c.trade) for c in _CATEGORIES),
        "record_kinds": _values(_RECORD_KINDS), "story_violations": _values(_STORY_VIOLATIONS),
        "story_records": _values(_STORY_RECORDS), "story_checks": _values(_STORY_CHECKS),
        "surnames": _list(_SURNAMES), "given": _list(_GIVEN), "streets": _list(_STREETS),
        "brand_1": _list(_BRAND_1), "brand_2": _list(_BRAND_2),
        "praise": _list(_PRAISE), "middling": _list(_MIDDLING), "blame": _list(_BLAME),
        "quick": _list(_QUICK), "slow": _list(_SLOW), "thanks": _list(_THANKS), "sorry": _list(_SORRY),
    }  # fmt: skip

    macros = _macros(seed)
    for signature, body in macros.items():
        con.execute(f"CREATE OR REPLACE TEMP MACRO {signature} AS {body}")
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sim_days AS SELECT day, CAST(coalesce(sum(weight) OVER (ORDER BY day"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS BIGINT) AS slot, weight"
        f" FROM (VALUES {_values(enumerate([*season, 0]))}) d(day, weight)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sim_slots AS SELECT day, slot + unnest(range(weight)) AS slot FROM sim_days"
    )
    for statement in (_PEOPLE, _BUYERS, _TRUTH, _ORDERS):
        con.execute(statement.format(**words))
    for name, statement in _STATEMENTS.items():
        rows = _finished(TABLES[name], statement.format(**words), stop)
        if name == "transactions":  # reviews and complaints need to know whose phase and what buyer it was
            rows = rows.replace(" FROM (", ", phase, abuse FROM (", 1)
        con.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS {rows}")
    for hidden in ("phase", "abuse"):
        con.execute(f"ALTER TABLE {schema}.transactions DROP COLUMN {hidden}")
    con.execute(
        f"CREATE OR REPLACE TABLE {schema}.truth AS SELECT subject_id, kind, story, mode, orders, ship, goods, service,"
        " (ship + goods + service) / 3 AS quality FROM sim_truth"
        " UNION ALL SELECT subject_id, kind, story, 'buyer', NULL, NULL, NULL, NULL, quality FROM sim_people"
        " WHERE role = 'buyer'"
    )
    for name in ("days", "slots", "people", "buyers", "truth", "orders"):
        con.execute(f"DROP TABLE temp.sim_{name}")
    for signature in macros:
        con.execute(f"DROP MACRO temp.{signature.partition('(')[0]}")


class _File(NamedTuple):
    name: str
    chinese_header: bool = False
    encoding: str = "utf-8"


_FILES = {
    "subjects": _File("subjects.csv", chinese_header=True),
    "transactions": _File("transactions.parquet"),
    "reviews": _File("reviews.ndjson.gz"),
    "complaints": _File("complaints.csv", encoding="gb18030"),
    "public_records": _File("public_records.csv", encoding="gb18030"),
    "violations": _File("violations.ndjson"),
    "sanctions": _File("sanctions.csv", chinese_header=True),
    "spot_checks": _File("spot_checks.csv", chinese_header=True),
}

_STRANGER = {"subject_id": "'M-UNKNOWN'"}
_CONFLICT, _EXTRA, _CUT = "conflicting_duplicate", "extra_field", "cut_line"

BAD_ROWS: dict[str, dict[str, dict[str, str]]] = {
    "subjects": {
        "missing_kind": {"kind": "NULL"},
        "unknown_role": {"role": "'reseller'"},
        "negative_deposit": {"deposit_amount": "-500.00"},
        "unreadable_date": {"joined_on": "'2023-13-45'"},
        "year_1970": {"joined_on": "'1970-01-01'"},
        "year_2099": {"verified_on": "'2099-01-01'"},
        _CONFLICT: {"name": "'另一个名称'"},
        _EXTRA: {},
    },
    "transactions": {
        "unknown_seller": _STRANGER,
        "missing_amount": {"amount": "NULL"},
        "negative_amount": {"amount": "-12.00"},
        "unknown_canceller": {"cancelled_by": "'nobody'"},
        "delivery_before_order": {"delivered_at": "ordered_at - INTERVAL 1 DAY"},
        "year_1970": {"ordered_at": "to_timestamp(0)"},
        "year_2099": {"completed_at": "TIMESTAMPTZ '2099-01-01 00:00:00+08'"},
        _CONFLICT: {"amount": "amount + 1"},
    },
    "reviews": {
        "unknown_seller": _STRANGER,
        "missing_rating": {"rating_overall": "NULL"},
        "rating_7": {"rating_overall": "7"},
        "unreadable_date": {"reviewed_at": "'昨天下午'"},
        "year_1970": {"reviewed_at": "'1970-01-01T08:00:00+08:00'"},
        "reply_before_review": {"replied_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"rating_overall": "6 - rating_overall", "text": "'改了主意'"},
        _CUT: {},
    },
    "complaints": {
        "unknown_seller": _STRANGER,
        "missing_category": {"category": "NULL"},
        "unknown_channel": {"channel": "'letter'"},
        "unreadable_date": {"filed_at": "'2025/31/12'"},
        "year_2099": {"resolved_at": "'2099-01-01T00:00:00+08:00'"},
        "response_before_filing": {"first_response_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"category": "CASE category WHEN 'privacy' THEN 'other' ELSE 'privacy' END"},
        _EXTRA: {},
    },
    "public_records": {
        "unknown_seller": _STRANGER,
        "missing_issuer": {"issuer": "NULL"},
        "unknown_kind": {"kind": "'rumour'"},
        "unreadable_date": {"valid_from": "'二〇二五年三月'"},
        "repair_before_record": {"repaired_on": "'2001-01-01'"},
        _CONFLICT: {"issuer": "issuer || '（更正）'"},
        _EXTRA: {},
    },
    "violations": {
        "unknown_seller": _STRANGER,
        "missing_decision": {"decided_at": "NULL"},
        "unknown_severity": {"severity": "'terrible'"},
        "year_1970": {"decided_at": "'1970-01-01T08:00:00+08:00'"},
        _CONFLICT: {"note": "'更正'"},
        _CUT: {},
    },
    "sanctions": {
        "unknown_seller": _STRANGER,
        "missing_reason": {"reason": "NULL"},
        "unreadable_date": {"imposed_at": "'immediately'"},
        "end_before_start": {"until_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"reason": "'更正'"},
        _EXTRA: {},
    },
    "spot_checks": {
        "unknown_seller": _STRANGER,
        "missing_due_at": {"due_at": "NULL"},
        "unknown_kind": {"kind": "'interview'"},
        "unreadable_date": {"requested_at": "'下周一'"},
        "answer_before_request": {"answered_at": "'2001-01-01T08:00:00+08:00'"},
        _CONFLICT: {"note": "'更正'"},
        _EXTRA: {},
    },
}
"""Table -> kind of bad row -> what is wrong: column -> SQL. A bad row is a good one with the key `BAD-<kind>` and that.

One row of each kind, but two of `conflicting_duplicate`: the same key with different content, of which neither can be
believed. `extra_field` is a CSV line with one field too many, `cut_line` an NDJSON line that ends in the middle.
"""


def _delivery(table: Table, file: _File, *, bad_rows: bool) -> str:
    """SELECT of the rows of a file, good and bad, in the order in which they came to be known."""
    typed = file.name.endswith(".parquet")

    def shown(name: str, kind: str) -> str:
        if typed or kind not in ("instant", "date"):
            return name
        if kind == "date":
            return f"strftime({name}, '%Y-%m-%d') AS {name}"
        return f"strftime(timezone('{ZONE}', {name}), '%Y-%m-%dT%H:%M:%S+08:00') AS {name}"

    columns = (*table.supplied, KNOWN_AT)
    rows = f"SELECT {', '.join(shown(c.name, c.type) for c in columns)} FROM sim.{table.name}"
    union = "SELECT *, 0 AS nth FROM good"
    # The last complete one; of the subjects a buyer, whom no other table's rows hang on.
    model = {
        "subjects": "role = 'buyer'",
        "transactions": "completed_at IS NOT NULL",
        "complaints": "resolved_at IS NOT NULL",
    }.get(table.name, "true")
    for kind, wrong in BAD_ROWS[table.name].items() if bad_rows else ():
        for nth, change in enumerate(({}, wrong) if kind == _CONFLICT else (wrong,)):
            values = {table.key: f"'BAD-{kind}'"} | change
            replaced = ", ".join(f"{value} AS {name}" for name, value in values.items())
            union += f" UNION ALL SELECT * REPLACE ({replaced}), {nth} FROM model"
    named = ", ".join(f'{c.name} AS "{c.zh if file.chinese_header else c.name}"' for c in columns)
    return (
        f"WITH good AS ({rows}),"
        f" model AS (SELECT * FROM good WHERE {model} ORDER BY {table.key} DESC LIMIT 1)"
        f" SELECT {named} FROM ({union}) ORDER BY known_at, {table.key}, nth"
    )


def write(
    folder: Path,
    *,
    merchants: int = 300,
    transactions: int = 30_000,
    days: int = 400,
    end: date,
    seed: int = 1,
    bad_rows: bool = True,
) -> dict[str, int]:
    """Write the marketplace as the canonical files a platform would deliver; returns table -> bad rows in its file.

    A mix of shapes: Parquet, NDJSON plain and gzipped, CSV in UTF-8 with Chinese and in GB18030 with English header.
    The same arguments give the same bytes. Ranges as in `populate`; the bad rows are `BAD_ROWS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "1GB",
            "threads": 2,
            "temp_directory": scratch,
            "autoinstall_known_extensions": "false",
        }
        with duckdb.connect(config=config) as con:
            con.execute("SET TimeZone = 'UTC'")
            populate(con, merchants=merchants, transactions=transactions, days=days, end=end, seed=seed, schema="sim")
            for name, file in _FILES.items():
                rows = _delivery(TABLES[name], file, bad_rows=bad_rows)
                if file.name.endswith(".parquet"):
                    target = str(folder / file.name).replace("'", "''")
                    con.execute(f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
                else:
                    plain = Path(scratch) / name
                    shape = "FORMAT csv, HEADER" if ".csv" in file.name else "FORMAT json"
                    con.execute(f"COPY ({rows}) TO '{plain}' ({shape})")
                    _transcribe(plain, folder / file.name, file.encoding)
    if not bad_rows:
        return dict.fromkeys(_FILES, 0)
    return {name: len(BAD_ROWS[name]) + (_CONFLICT in BAD_ROWS[name]) for name in _FILES}


def _transcribe(plain: Path, target: Path, encoding: str) -> None:
    """Copy a text file in its encoding, gzipped where its name says so, and break the lines that are to be broken."""
    with plain.open(encoding="utf-8", newline="") as source, target.open("wb") as raw:
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if target.suffix == ".gz" else None
        for line in source:
            if line.startswith(f"BAD-{_EXTRA},"):
                line = line.rstrip("\n") + ",多余\n"
            elif f'"BAD-{_CUT}"' in line:
                line = line[: len(line) // 2] + "\n"
            (packed or raw).write(line.encode(encoding))
        if packed:
            packed.close()

"""Identity and qualification (主体资质): is the merchant who it says it is, and may it trade today?

Counted from the register, one row a merchant. A blank in a column that the platform supplies says that the platform
holds nothing there: no verification, no contact, no code, no end of a licence. Nothing is worth more for being left blank.
"""

from typing import Any

import narwhals as nw

from credit.categories import however_written
from credit.indicators.base import At, Example, Expr, Indicator, Measure, Text, count, parameter, total

col = nw.col

REVERIFY_DAYS = parameter("reverify_days", 183, "days", "再核验期限", "Longest time between verifications")

_given = ~col("subject_id").is_null()
SUBJECT = count("subjects", _given)
"""1: the merchant is in the register."""
_licensed = ~col("licence_no").is_null()
_permitted = ~col("permit_no").is_null()
INFORMATION = ("name", "address", "contact", "category", "joined_on")
"""Columns everybody fills in; a registration code is asked for as well."""


_NEEDS_A_PERMIT = "needs_a_permit"


def with_goods(subjects: nw.LazyFrame[Any], orders: nw.LazyFrame[Any] | None, at: At) -> nw.LazyFrame[Any]:
    """The register's rows with `needs_a_permit`: whether a category that needs one stands in them, stood there before, or is
    that of more than half of the seller's own `orders`; also where neither the register nor an order tells one. Where the
    rulebook names no categories, whoever has a permit on file; nobody where the platform supplies no permits."""
    if not at.supplies("subjects.permit_no"):
        return subjects.with_columns(nw.lit(False).alias(_NEEDS_A_PERMIT))
    if not at.licensed_categories:
        return subjects.with_columns(_permitted.alias(_NEEDS_A_PERMIT))
    names = "(?i)" + "|".join(map(however_written, at.licensed_categories))
    on_file = col("categories" if "categories" in subjects.columns else "category")
    needs = on_file.str.contains(names).fill_null(False)
    untold = col("category").is_null() if at.supplies("subjects.category") else nw.lit(False)
    if orders is None or not at.supplies("transactions.category"):
        return subjects.with_columns((needs | untold).alias(_NEEDS_A_PERMIT))
    if "own" in orders.columns:
        orders = orders.filter(col("own"))
    needing = col("category").str.contains(names).cast(nw.Int64)
    sold = orders.filter(~col("category").is_null()).select("subject_id", sells=needing)
    sellers = sold.group_by("subject_id").agg(nw.len().alias("sold"), col("sells").sum())
    known = subjects.join(sellers, on="subject_id", how="left")
    needs = needs | (untold & col("sells").is_null()) | (col("sells") * 2 > col("sold")).fill_null(False)
    return known.with_columns(needs.alias(_NEEDS_A_PERMIT)).drop("sells", "sold")


def _must_hold_a_licence(_: At) -> nw.Expr:
    """Enterprises, individuals that are registered businesses (whoever has a credit code has a licence), and sellers of
    what needs a permit."""
    return (col("kind") == "enterprise") | ~col("uscc").is_null() | _licensed | col(_NEEDS_A_PERMIT)


def _runs(until: str, at: At) -> nw.Expr:
    """Without an end on file nothing is in force."""
    return (col(until) >= at.ago(0)).fill_null(False)


def _valid_today(at: At) -> nw.Expr:
    begun = (col("licence_valid_from") <= at.ago(0)) | col("licence_valid_from").is_null()
    runs = _runs("permit_valid_until", at) if at.supplies("subjects.permit_valid_until") else nw.lit(True)
    permit = ~col(_NEEDS_A_PERMIT) | (_permitted & runs)
    return _licensed & begun & _runs("licence_valid_until", at) & permit


def _answers_for_a_code(at: At) -> nw.Expr:
    """Whoever must have a code: an individual where citizens' ids are supplied, or one is given."""
    if at.supplies("subjects.id_number"):
        return _given
    return (col("kind") == "enterprise") | ~col("code_valid").is_null()


def _flag(condition: Expr) -> Measure:
    return count("subjects", condition)


def _filled() -> nw.Expr:
    filled = (~col("uscc").is_null() | ~col("id_number").is_null()).cast(nw.Int64)
    for name in INFORMATION:
        filled = filled + (~col(name).is_null()).cast(nw.Int64)
    return filled


INDICATORS = (
    Indicator(
        id="registration_verified",
        element="identity",
        numerator=_flag(~col("registration_verified_on").is_null()),
        denominator=SUBJECT,
        better="high",
        unit="flag",
        name=Text("登记信息已核验", "Registration verified"),
        definition=Text(
            "平台已核验登记（或身份）信息为 1，否则为 0",
            "1 if the platform has verified the registration (or identity)",
        ),
        why=Text(
            "核验身份是平台的法定义务（电子商务法第二十七条），也是信用评价的起点。",
            "Verifying who trades is a platform's duty (E-Commerce Law Art. 27) and where credit begins.",
        ),
        failing=Text("登记信息尚未核验", "The registration has not been verified"),
        improve=Text(
            "向平台提交登记证件办理核验。", "Submit the registration papers to the platform for verification."
        ),
        needs=("subjects.registration_verified_on",),
        example=Example(1, 1),
    ),
    Indicator(
        id="code_valid",
        element="identity",
        numerator=_flag(col("code_valid").fill_null(False)),
        denominator=count("subjects", _answers_for_a_code),
        recorded=SUBJECT,
        better="high",
        unit="flag",
        name=Text("代码校验正确", "Code check passed"),
        definition=Text(
            "统一社会信用代码（GB 32100）、居民身份证号（GB 11643）校验正确为 1，有误或未提供为 0；平台不提供身份证号时个人不适用",
            "1 if the check characters of the credit code (GB 32100) and the citizen's id (GB 11643) are right, 0 if not or if "
            "none is given; not applicable to individuals where citizens' ids are not supplied",
        ),
        why=Text("代码有误说明登记信息不可信。", "A wrong code means that the register cannot be relied on."),
        failing=Text("登记代码校验未通过", "The registration code fails its check"),
        improve=Text("更正登记的代码。", "Correct the code on file."),
        needs=("subjects.uscc",),
        example=Example(1, 1),
    ),
    Indicator(
        id="licence_valid",
        element="identity",
        numerator=count("subjects", _valid_today),
        denominator=_flag(_must_hold_a_licence),
        recorded=SUBJECT,
        better="high",
        unit="flag",
        name=Text("证照当日有效", "Licences valid on the day"),
        definition=Text(
            "评价日营业执照及所售类目须持有的行政许可均在有效期内为 1，否则为 0，未登记证照或截止日期的亦为 0（长期有效登记为 9999-12-31）；"
            "须持许可的类目见规则：登记过的主营类目含其名称，或评价期内本店过半订单的类目含其名称（不计大小写、全半角、空格），或主营类目和订单类目均未登记；规则未列类目的，已登记的许可均须有效；平台不提供许可信息的只看执照；无信用代码、未办理执照且类目无须许可的个人不适用",
            "1 if the business licence, and the permit that the category of goods needs, are in force on the day, else 0, also where "
            "one or its end is not on file (without end: 9999-12-31). The rulebook names the categories: a permit is needed where one's "
            "name is part of a category ever on file or of that of more than half of the shop's own orders in the window (whatever the case, width and blanks), or "
            "neither tells any; where it names none, every permit on file must be in force; where the platform supplies no permits, the licence alone. Not applicable to individuals without a credit code or licence whose category needs none",
        ),
        why=Text("证照失效后不得继续经营。", "Without a licence in force nobody may trade."),
        failing=Text("证照已过期或尚未生效", "A licence has expired or not begun"),
        improve=Text("及时换证并更新平台登记。", "Renew the licence in time and update the register."),
        needs=("subjects.licence_no", "subjects.licence_valid_until"),
        example=Example(1, 1),
    ),
    Indicator(
        id="contact_verified",
        element="identity",
        numerator=_flag(~col("contact_verified_on").is_null()),
        denominator=SUBJECT,
        better="high",
        unit="flag",
        name=Text("联系方式已核验", "Contact verified"),
        definition=Text("平台已核验联系方式为 1，否则为 0", "1 if the platform has verified the contact"),
        why=Text("联系不上的商家无法承担责任。", "A merchant that cannot be reached answers for nothing."),
        failing=Text("联系方式尚未核验", "The contact has not been verified"),
        improve=Text("完成联系方式核验并保持畅通。", "Have the contact verified and keep it working."),
        needs=("subjects.contact_verified_on",),
        example=Example(1, 1),
    ),
    Indicator(
        id="icp_recorded",
        element="identity",
        numerator=_flag(~col("icp_record").is_null()),
        denominator=SUBJECT,
        better="high",
        unit="flag",
        name=Text("已公示备案或链接标识", "ICP record or mark shown"),
        definition=Text(
            "登记了网站备案号或链接标识为 1，否则为 0", "1 if an ICP record number or link mark is on file"
        ),
        why=Text("备案使消费者能够查证经营者。", "A record lets consumers look the operator up."),
        failing=Text("没有备案号或链接标识", "No ICP record or mark is on file"),
        improve=Text("办理备案或公示链接标识。", "Have the record made, or show the mark."),
        needs=("subjects.icp_record",),
        example=Example(1, 1),
    ),
    Indicator(
        id="months_on_platform",
        element="identity",
        numerator=total("subjects", lambda at: at.months_since("joined_on")),
        denominator=None,
        evidence=SUBJECT,
        better="high",
        unit="months",
        name=Text("入驻时长", "Months on the platform"),
        definition=Text("自入驻日起满月数；未登记为 0", "full months since joining; 0 where it is not on file"),
        why=Text("经营时间越长，记录越可靠。", "The longer the history, the more it tells."),
        failing=Text("入驻时间较短", "The merchant joined recently"),
        improve=Text("持续合规经营，时间会证明。", "Trade on within the rules; this comes with time."),
        needs=("subjects.joined_on",),
        example=Example(18),
        actionable=False,
    ),
    Indicator(
        id="reverified",
        element="identity",
        numerator=count(
            "subjects", lambda at: col("verified_on") >= at.ago(at[REVERIFY_DAYS]), parameters=(REVERIFY_DAYS,)
        ),
        denominator=SUBJECT,
        better="high",
        unit="flag",
        name=Text("近期已再核验", "Re-verified recently"),
        definition=Text(
            f"最近一次核验距评价日不超过再核验期限（{REVERIFY_DAYS.value:g} 天）为 1，否则为 0",
            f"1 if last verified within the longest time between verifications ({REVERIFY_DAYS.value:g} days)",
        ),
        why=Text(
            "登记信息应当定期核验更新（电子商务法第二十七条）。",
            "What is registered is to be verified again regularly (E-Commerce Law Art. 27).",
        ),
        failing=Text("超过期限未再核验", "Verification is overdue"),
        improve=Text("按期配合平台再核验。", "Go through re-verification when it is due."),
        needs=("subjects.verified_on",),
        example=Example(1, 1),
    ),
    Indicator(
        id="information_completeness",
        element="identity",
        numerator=total("subjects", _filled()),
        denominator=SUBJECT * (len(INFORMATION) + 1),
        evidence=SUBJECT,
        better="high",
        unit="share",
        name=Text("登记信息完整度", "Information completeness"),
        definition=Text(
            "名称、登记代码、地址、联系方式、主营类目、入驻日期中已登记的项数 ÷ 6",
            "of name, registration code, address, contact, category and date of joining: how many are on file / 6",
        ),
        why=Text("完整的公示信息是消费者维权的前提。", "Complete information is what redress begins with."),
        failing=Text("登记信息不完整", "Information on file is incomplete"),
        improve=Text("补全平台登记信息。", "Complete the information on file."),
        needs=(*(f"subjects.{name}" for name in INFORMATION), "subjects.uscc"),
        example=Example(5, 6),
    ),
)

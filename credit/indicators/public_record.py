"""Public credit record (公共信用): what authorities and courts have published of the merchant.

A record counts while it is in force, however old: from its first day to its last, or until it is repaired. Penalties
weigh by severity and lose weight month by month over the time for which they are shown; repair ends them at once.
Where the table is supplied, a merchant without a record has a clean one.
"""

from collections.abc import Callable

import narwhals as nw

from credit.indicators.base import (
    At,
    Example,
    Indicator,
    Latest,
    Measure,
    Text,
    count,
    easing,
    parameter,
    present,
    total,
)
from credit.indicators.identity import SUBJECT

col = nw.col

SEVERITIES = ("minor", "moderate", "serious")
SEVERITY_ZH = {"minor": "轻微", "moderate": "一般", "serious": "严重"}
PENALTY_WEIGHT = {
    severity: parameter(
        f"penalty_weight_{severity}", value, "", f"{SEVERITY_ZH[severity]}处罚权数", f"Weight of a {severity} penalty"
    )
    for severity, value in zip(SEVERITIES, (1, 3, 10), strict=True)
}
PENALTY_MONTHS = {
    severity: parameter(
        f"penalty_months_{severity}",
        value,
        "months",
        f"{SEVERITY_ZH[severity]}处罚影响期",
        f"Months a {severity} penalty weighs",
    )
    for severity, value in zip(SEVERITIES, (3, 12, 36), strict=True)
}
_PENALTY_PARAMETERS = (*PENALTY_WEIGHT.values(), *PENALTY_MONTHS.values())
TAX_RANKS = {"A": 4, "B": 3, "M": 2, "C": 1, "D": 0}
"""Tax credit grades in order; M is that of new enterprises."""


def _in_force(at: At) -> nw.Expr:
    return col("repaired_on").is_null() & (col("valid_until").is_null() | (col("valid_until") >= at.ago(0)))


def _listed(*kinds: str) -> Callable[[At], nw.Expr]:
    return lambda at: col("kind").is_in(kinds) & _in_force(at)


def _penalty(at: At) -> nw.Expr:
    """Weight x what is left of its months, over penalties in force; one whose severity is not told is read as serious."""
    weighed = None
    for severity in SEVERITIES:
        graded = col("grade") == severity
        if severity == "serious":
            graded = ~col("grade").is_in(("minor", "moderate")) | col("grade").is_null()
        months = at[PENALTY_MONTHS[severity]]
        since = at.months_since("valid_from")
        weighs = since < months  # compared before dividing: a rulebook may set 0 months
        left = 1 - since / (months or 1)
        share = nw.when((col("kind") == "administrative_penalty") & graded & _in_force(at) & weighs).then(left)
        part = share.otherwise(nw.lit(0.0)) * at[PENALTY_WEIGHT[severity]]
        weighed = part if weighed is None else weighed + part
    assert weighed is not None
    return weighed


def _tax_rank(at: At) -> nw.Expr:
    rank: nw.Expr | None = None
    for grade, place in TAX_RANKS.items():
        case = nw.when((col("kind") == "tax_grade") & (col("grade") == grade)).then(nw.lit(float(place)))
        rank = case if rank is None else case.otherwise(rank)
    assert rank is not None
    # A grade that is not told is read as the lowest.
    unknown = nw.when((col("kind") == "tax_grade") & ~col("grade").is_in(tuple(TAX_RANKS)).fill_null(False)).then(
        nw.lit(0.0)
    )
    return nw.when(_in_force(at)).then(unknown.otherwise(rank))


LISTING_STEP_DAYS = parameter(
    "listing_step_days", 365, "days", "列名影响阶段", "Days of one step after a listing's term"
)


def _off_the_list_within(steps: int) -> Measure:
    """Listings whose term ended so many steps before the day or later; of what was repaired nothing is left."""

    def ended(at: At) -> nw.Expr:
        over = (col("valid_until") < at.ago(0)) & (col("valid_until") >= at.ago(steps * at[LISTING_STEP_DAYS]))
        return col("kind").is_in(("serious_violation", "dishonest_debtor")) & col("repaired_on").is_null() & over

    return count("public_records", ended, standing=True, parameters=(LISTING_STEP_DAYS,))


_RANK = Latest("public_records", _tax_rank, "valid_from")


def _listing(kind: str, name: Text, definition: Text, why: Text, failing: Text, improve: Text) -> Indicator:
    """1 on the day if a record of this kind is in force."""
    return Indicator(
        id=kind,
        element="public_record",
        numerator=present(count("public_records", _listed(kind), standing=True)),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="flag",
        name=name,
        definition=definition,
        why=why,
        failing=failing,
        improve=improve,
        needs=("public_records.valid_from",),
        example=Example(0),
    )


INDICATORS = (
    Indicator(
        id="penalties",
        element="public_record",
        numerator=total("public_records", _penalty, standing=True, parameters=_PENALTY_PARAMETERS),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="weighted",
        name=Text("行政处罚", "Administrative penalties"),
        definition=Text(
            "有效且未修复的行政处罚按轻重计权（轻微 1、一般 3、严重 10），自生效起在 3、12、36 个月内按月递减至 0 后求和；"
            "信用修复后不再计入",
            "sum over penalties in force and not repaired of their weight (minor 1, moderate 3, serious 10), falling "
            "month by month to 0 over 3, 12 and 36 months; once repaired it no longer counts",
        ),
        why=Text("受到处罚说明违法事实已经认定。", "A penalty says that a breach of law was established."),
        failing=Text("有行政处罚仍在影响期内", "Administrative penalties still weigh"),
        improve=Text(
            "履行处罚决定，符合条件时申请信用修复。", "Comply with the decision and apply for repair when you may."
        ),
        needs=("public_records.valid_from",),
        example=Example(3),
    ),
    _listing(
        "abnormal_operation",
        Text("经营异常名录", "List of abnormal operation"),
        Text("评价日列入经营异常名录为 1，否则为 0", "1 if on the list of abnormal operation on the day"),
        Text("列入名录说明登记住所或年报异常。", "The list tells of trouble with premises or annual reports."),
        Text("被列入经营异常名录", "On the list of abnormal operation"),
        Text("更正异常事由后申请移出名录。", "Mend the cause and apply to be taken off."),
    ),
    _listing(
        "serious_violation",
        Text("严重违法失信名单", "List of serious violations"),
        Text("评价日列入严重违法失信名单为 1，否则为 0", "1 if on the list of serious violations on the day"),
        Text("列入名单者依法受联合惩戒。", "Whoever is listed is under joint punishment by law."),
        Text("被列入严重违法失信名单", "On the list of serious violations"),
        Text("履行义务，期满或修复后移出名单。", "Meet the obligations; leave the list by term or repair."),
    ),
    _listing(
        "dishonest_debtor",
        Text("失信被执行人", "Dishonest judgment debtor"),
        Text("评价日为失信被执行人为 1，否则为 0", "1 if a dishonest judgment debtor on the day"),
        Text(
            "有能力而不履行生效判决，是最严重的失信之一。",
            "Not paying a judgment that one could pay is among the gravest breaches.",
        ),
        Text("被列为失信被执行人", "Listed as a dishonest judgment debtor"),
        Text("履行生效法律文书确定的义务。", "Meet the obligations of the judgment."),
    ),
    Indicator(
        id="tax_grade",
        element="public_record",
        numerator=_RANK,
        denominator=None,
        evidence=SUBJECT,
        better="high",
        unit="rank",
        name=Text("纳税信用等级", "Tax credit grade"),
        definition=Text(
            "最近一次有效的纳税信用等级：A 为 4、B 为 3、M 为 2、C 为 1、D 为 0；无等级时缺失",
            "newest tax credit grade in force: A 4, B 3, M 2, C 1, D 0; missing without one",
        ),
        why=Text("纳税信用反映守法经营。", "Tax credit tells of lawful trade."),
        failing=Text("纳税信用等级较低", "The tax credit grade is low"),
        improve=Text("依法申报缴税，申请复评。", "File and pay on time, and ask for re-assessment."),
        needs=("public_records.grade",),
        example=Example(3),
        actionable=False,
    ),
    Indicator(
        id="honours",
        element="public_record",
        numerator=count("public_records", _listed("award", "certification"), standing=True),
        denominator=None,
        evidence=SUBJECT,
        better="high",
        unit="count",
        name=Text("表彰与认证", "Awards and certifications"),
        definition=Text("评价日有效的表彰、认证数", "awards and certifications in force on the day"),
        why=Text("第三方的表彰和认证是正面信用信息。", "Awards and certifications by others speak well of a merchant."),
        failing=Text("没有有效的表彰或认证", "No award or certification is in force"),
        improve=Text("取得并保持相关认证。", "Obtain certifications and keep them."),
        needs=("public_records.valid_from",),
        example=Example(1),
        actionable=False,
    ),
    Indicator(
        id="listed_before",
        element="public_record",
        numerator=easing(_off_the_list_within),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="rank",
        name=Text("曾被列入失信名单", "Listed before"),
        definition=Text(
            "最近期满的严重违法失信名单或失信被执行人记录（已修复的除外）：期满后一个阶段（365 天）内为 3，第二阶段为 2，第三阶段为 1，其后及没有为 0",
            "the last listing for serious violations, or as a dishonest debtor, whose term is over and that was not repaired: 3 within a "
            "step (365 days) after its end, 2 in the second, 1 in the third, 0 later or without any",
        ),
        why=Text("期满不等于修复。", "A term that ends is no repair."),
        failing=Text("曾被列入失信名单", "On a list of the dishonest before"),
        improve=Text("申请信用修复；影响逐年减轻。", "Apply for repair; it eases year by year."),
        needs=("public_records.valid_from",),
        example=Example(0),
        actionable=False,
    ),
)

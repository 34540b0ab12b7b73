"""Counterparty evaluation (交易对方评价): what buyers say.

A review counts where it names an order of the merchant and its buyer that has come to an end, or should have; praise only where
that order was kept or came late, and counts for its buyer. Of several of one order the worst counts. One that speaks of
several sellers' goods at once cannot be laid at one seller's door and is left out, and so is one that was judged false: a
false review that praises is held against the merchant it praises, one that attacks against nobody here.
"""

import narwhals as nw

from credit.indicators.base import Example, Groups, Indicator, Text, count, grouped, total
from credit.indicators.orders import KEPT, ORDERS, names_ended_order, names_kept_order, true

col = nw.col

_named = ~true(col("shared")) & (names_kept_order | (names_ended_order & ~true(col("rating_overall") >= 4)))
own = _named & ~true(~col("authentic"))
negative = own & (col("rating_overall") <= 2)
positive = own & (col("rating_overall") >= 4)
praised_truly = positive & true(col("authentic"))
praised_falsely = ~true(col("shared")) & true(~col("authentic")) & (col("rating_overall") >= 4)

REVIEWS = count("reviews", own & ~col("rating_overall").is_null())
POSITIVE = count("reviews", positive)
NEGATIVE = count("reviews", negative)
_praisers = grouped(Groups("reviews", "buyer_id", positive), "groups")
_TRUE, _FALSE = count("reviews", praised_truly), count("reviews", praised_falsely)


def _mean(aspect: str, zh: str, en: str, example: Example) -> Indicator:
    rating = col(f"rating_{aspect}")
    return Indicator(
        id=f"rating_{aspect}",
        element="counterparty",
        numerator=total("reviews", nw.when(own).then(rating)),
        denominator=count("reviews", own & ~rating.is_null()),
        better="high",
        unit="stars",
        name=Text(f"{zh}均分", f"Mean rating: {en}"),
        definition=Text(f"{zh}（1 至 5 分）的平均值", f"mean of the ratings for {en}, 1 to 5"),
        why=Text("评分是消费者对交易最广泛的评价。", "Ratings are the widest judgement consumers give."),
        failing=Text(f"{zh}偏低", f"Ratings for {en} are low"),
        improve=Text("阅读低分评价，改正其中反映的问题。", "Read the low ratings and mend what they point to."),
        example=example,
    )


INDICATORS = (
    _mean("overall", "总体评分", "the whole", Example(405, 90)),
    _mean("description", "描述相符评分", "goods as described", Example(360, 80)),
    _mean("service", "服务态度评分", "service", Example(368, 80)),
    _mean("logistics", "物流服务评分", "logistics", Example(344, 80)),
    Indicator(
        id="positive_share",
        element="counterparty",
        numerator=POSITIVE,
        denominator=REVIEWS,
        better="high",
        unit="share",
        name=Text("好评率", "Positive share"),
        definition=Text("总体评分 4 分及以上的评价 ÷ 评价数", "reviews rated 4 or 5 / reviews"),
        why=Text("好评率反映多数交易的质量。", "It tells of the quality of most transactions."),
        failing=Text("好评占比偏低", "Few reviews are positive"),
        improve=Text("兑现承诺，提升多数订单的体验。", "Keep promises on the ordinary order."),
        example=Example(76, 90),
    ),
    Indicator(
        id="negative_share",
        element="counterparty",
        numerator=NEGATIVE,
        denominator=POSITIVE + NEGATIVE,
        evidence=REVIEWS,
        better="low",
        unit="share",
        name=Text("差评率", "Negative share"),
        definition=Text(
            "总体评分 2 分及以下的评价 ÷（这些评价 + 4 分及以上的评价）",
            "reviews rated 1 or 2 / (these + reviews rated 4 or 5)",
        ),
        why=Text("差评集中反映失败的交易。", "Negative reviews show where transactions failed."),
        failing=Text("差评占比偏高", "Many reviews are negative"),
        improve=Text("逐条处理差评，消除成因。", "Work through negative reviews and remove their causes."),
        example=Example(6, 90),
    ),
    Indicator(
        id="review_coverage",
        element="counterparty",
        numerator=POSITIVE,
        denominator=KEPT,
        evidence=ORDERS,
        better="high",
        unit="per_order",
        name=Text("好评覆盖率", "Orders praised"),
        definition=Text("总体评分 4 分及以上的评价数 ÷ 履约订单数", "reviews rated 4 or 5 / orders kept"),
        why=Text(
            "覆盖越广，评价越能代表全部交易。", "The wider the coverage, the more reviews speak for all transactions."
        ),
        failing=Text("留下好评的订单较少", "Few orders were praised"),
        improve=Text(
            "邀请全部买家如实评价，不得以利益诱导。", "Invite every buyer to review truthfully; never pay for it."
        ),
        example=Example(36, 90),
    ),
    Indicator(
        id="unanswered_negatives",
        element="counterparty",
        numerator=count("reviews", negative & col("replied_at").is_null()),
        denominator=KEPT,
        evidence=ORDERS,
        better="low",
        unit="per_order",
        name=Text("差评未回复率", "Negative reviews left unanswered"),
        definition=Text("未回复的差评 ÷ 履约订单数", "negative reviews without a reply / orders kept"),
        why=Text("回应差评体现对消费者的负责。", "Answering a negative review is taking responsibility."),
        failing=Text("部分差评没有回复", "Negative reviews went unanswered"),
        improve=Text("对每条差评作出说明或补救。", "Explain or make good under each negative review."),
        needs=("reviews.replied_at",),
        example=Example(2, 90),
    ),
    Indicator(
        id="distinct_reviewers",
        element="counterparty",
        numerator=_praisers,
        denominator=None,
        evidence=ORDERS,
        better="high",
        unit="count",
        name=Text("好评人数", "Distinct buyers who praised"),
        definition=Text("给出 4 分及以上评价的不同买家数", "number of different buyers who rated 4 or 5"),
        why=Text("来自更多买家的评价更难操纵。", "Reviews by more buyers are harder to manipulate."),
        failing=Text("好评来自少数买家", "Praise comes from few buyers"),
        improve=Text("积累真实买家的评价。", "Gather reviews of real buyers over time."),
        needs=("reviews.buyer_id",),
        example=Example(80),
    ),
    Indicator(
        id="authentic_share",
        element="counterparty",
        numerator=_TRUE,
        denominator=_TRUE + _FALSE,
        recorded=REVIEWS,
        better="high",
        unit="share",
        name=Text("好评真实占比", "Share of praise judged authentic"),
        definition=Text(
            "认定真实的好评 ÷（认定真实的好评 + 认定虚假的好评）；他人的虚假差评不计",
            "praise judged authentic / (praise judged authentic + praise judged false); false attacks by others do not count",
        ),
        why=Text(
            "虚假评价误导消费者（电子商务法第十七条）。", "False reviews mislead consumers (E-Commerce Law Art. 17)."
        ),
        failing=Text("有好评被认定不真实", "Praise was judged not authentic"),
        improve=Text("停止一切刷评、诱导评价。", "Stop every bought or induced review."),
        needs=("reviews.authentic",),
        example=Example(29, 30),
    ),
)

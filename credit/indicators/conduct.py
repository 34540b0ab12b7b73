"""Conduct on the platform (平台行为): violations the platform has decided, sanctions in force, spot checks.

A violation counts once it is decided and until it is withdrawn on appeal. Sums of severities are not divided by orders:
a large merchant may not violate more than a small one.
"""

from collections.abc import Callable

import narwhals as nw

from credit.indicators.base import (
    At,
    Example,
    Indicator,
    Measure,
    Parameter,
    Text,
    count,
    easing,
    parameter,
    present,
    total,
)
from credit.indicators.identity import SUBJECT
from credit.indicators.public_record import SEVERITIES, SEVERITY_ZH

col = nw.col

VIOLATION_WEIGHT = {
    severity: parameter(
        f"violation_weight_{severity}",
        value,
        "",
        f"{SEVERITY_ZH[severity]}违规权数",
        f"Weight of a {severity} violation",
    )
    for severity, value in zip(SEVERITIES, (1, 4, 12), strict=True)
}
_SANCTION_ZH = {"warning": "警告", "restriction": "限制", "suspension": "暂停服务", "termination": "终止服务"}
SANCTION_WEIGHT = {
    kind: parameter(f"sanction_weight_{kind}", value, "", f"{zh}权数", f"Weight of a {kind}")
    for (kind, zh), value in zip(_SANCTION_ZH.items(), (1, 3, 8, 20), strict=True)
}
MANIPULATION = ("brushing", "review_manipulation")

_stands = col("withdrawn_at").is_null()
_in_force = col("until_at").is_null() & col("lifted_at").is_null()
_due = ~col("due_at").is_null()  # blank until it falls due
_in_time = (col("answered_at") <= col("due_at")).fill_null(False)
_late = _due & ~_in_time
_passed = (col("result") == "passed").fill_null(False)
_failed = col("result").is_in(("failed", "refused")).fill_null(False)

CHECK_DAYS = parameter("check_days_most", 60, "days", "抽查最长期限", "Longest time of a spot check to its result")


def _without_result(at: At) -> nw.Expr:
    """Concluded, or beyond the longest time, and nobody says how it came out."""
    over = ~col("concluded_at").is_null() | at.before("requested_at", at[CHECK_DAYS])
    return col("result").is_null() & over


_PASSED = count("spot_checks", _passed & ~_late)
_NOT_PASSED = count("spot_checks", lambda at: _failed | _late | _without_result(at), parameters=(CHECK_DAYS,))

FRAUD_STEP_DAYS = parameter("fraud_step_days", 365, "days", "欺诈影响阶段", "Days of one step of a finding of fraud")
FINDING_STEP_DAYS = parameter(
    "finding_step_days", 365, "days", "认定影响阶段", "Days of one step of what eases after a finding or a sanction"
)


def _found_within(kinds: tuple[str, ...], step: Parameter, steps: int) -> Measure:
    """Findings of these kinds that stand, decided so many steps before the day or later, however long the window is."""
    return count(
        "violations",
        lambda at: _stands & col("kind").is_in(kinds) & ~at.before("decided_at", steps * at[step]),
        standing=True,
        parameters=(step,),
    )


def _ended_within(steps: int) -> Measure:
    """Terminations whose term ended so many steps before the day or later; of one that was lifted nothing is left."""

    def ended(at: At) -> nw.Expr:
        long_ago = at.before("until_at", steps * at[FINDING_STEP_DAYS])
        return (col("kind") == "termination") & ~_in_force & col("lifted_at").is_null() & ~long_ago

    return count("sanctions", ended, standing=True, parameters=(FINDING_STEP_DAYS,))


def _weighed(column: str, weights: dict[str, Parameter], counts: nw.Expr) -> Callable[[At], nw.Expr]:
    """The weight of a row's code, 0 where it does not count."""
    return lambda at: sum(
        (
            nw.when(counts & (col(column) == code)).then(nw.lit(at[weight])).otherwise(nw.lit(0.0))
            for code, weight in weights.items()
        ),
        nw.lit(0.0),
    )


def _standing_findings(name: str, kinds: tuple[str, ...], zh: str, en: str, steps: int) -> Indicator:
    """Findings in the last two or three steps: they cap the grade after the window has passed them."""
    return Indicator(
        id=f"{name}_{steps}_steps",
        element="conduct",
        numerator=_found_within(kinds, FINDING_STEP_DAYS, steps),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="count",
        name=Text(f"{zh}（{steps}个阶段内）", f"{en} within {steps} steps"),
        definition=Text(
            f"评价日前 {steps} 个阶段（每阶段 365 天）内认定且未撤销的{zh}次数，不论评价期长短",
            f"findings of it decided within {steps} steps (365 days each) before the day and not withdrawn, whatever the window",
        ),
        why=Text("认定的影响逐年减轻，不在一夜之间消失。", "What was found eases year by year, and not overnight."),
        failing=Text(f"此前被认定{zh}", f"{en} was found before"),
        improve=Text("守规经营，影响逐年减轻。", "Trade on within the rules; it eases year by year."),
        needs=("violations.kind",),
        example=Example(0),
        fact=name,
        actionable=False,
    )


INDICATORS = (
    Indicator(
        id="violations",
        element="conduct",
        numerator=total(
            "violations",
            _weighed("severity", VIOLATION_WEIGHT, _stands),
            parameters=tuple(VIOLATION_WEIGHT.values()),
        ),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="weighted",
        name=Text("平台违规", "Violations of platform rules"),
        definition=Text(
            "评价期内认定且未撤销的违规按轻重计权（轻微 1、一般 4、严重 12）之和",
            "sum of the weights (minor 1, moderate 4, serious 12) of violations decided in the window and not withdrawn",
        ),
        why=Text("违规直接损害消费者和其他经营者。", "Violations harm consumers and other merchants."),
        failing=Text("有平台违规记录", "Violations of platform rules are on record"),
        improve=Text("对照规则整改，有异议及时申诉。", "Mend what was found; appeal in time where you disagree."),
        needs=("violations.severity",),
        example=Example(4),
        actionable=False,
    ),
    Indicator(
        id="sanctions_in_force",
        element="conduct",
        numerator=total(
            "sanctions",
            _weighed("kind", SANCTION_WEIGHT, _in_force),
            standing=True,
            parameters=tuple(SANCTION_WEIGHT.values()),
        ),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="weighted",
        name=Text("有效处置措施", "Sanctions in force"),
        definition=Text(
            "评价日有效的处置措施计权（警告 1、限制 3、暂停服务 8、终止服务 20）之和",
            "sum of the weights (warning 1, restriction 3, suspension 8, termination 20) of sanctions in force on the day",
        ),
        why=Text("处置措施说明问题尚未了结。", "A sanction in force says that the matter is not over."),
        failing=Text("有处置措施仍在执行", "Sanctions are in force"),
        improve=Text("按要求整改，申请解除。", "Do what the sanction asks and apply to have it lifted."),
        needs=("sanctions.kind",),
        example=Example(1),
    ),
    Indicator(
        id="manipulation",
        element="conduct",
        numerator=count("violations", _stands & col("kind").is_in(MANIPULATION)),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="count",
        name=Text("刷单与操纵评价", "Manipulation found"),
        definition=Text(
            "评价期内认定且未撤销的刷单、操纵评价次数",
            "findings of brushing or review manipulation decided in the window and not withdrawn",
        ),
        why=Text(
            "虚构交易和评价误导消费者（电子商务法第十七条）。",
            "Faked trade and reviews mislead consumers (E-Commerce Law Art. 17).",
        ),
        failing=Text("被认定刷单或操纵评价", "Brushing or review manipulation was found"),
        improve=Text("停止一切虚构交易和评价。", "Stop every faked order and review."),
        needs=("violations.kind",),
        example=Example(0),
        actionable=False,
    ),
    Indicator(
        id="fraud_upheld",
        element="conduct",
        numerator=easing(lambda steps: _found_within(("fraud",), FRAUD_STEP_DAYS, steps)),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="rank",
        name=Text("认定欺诈", "Fraud upheld"),
        definition=Text(
            "最近一次未撤销的欺诈认定：一个阶段（365 天）内为 3，第二阶段为 2，第三阶段为 1，其后及没有为 0",
            "the last finding of fraud not withdrawn: 3 within a step (365 days), 2 in the second, 1 in the third, 0 later or "
            "without any",
        ),
        why=Text("欺诈是对信用的根本否定。", "Fraud is the denial of credit itself."),
        failing=Text("被认定存在欺诈", "Fraud was upheld"),
        improve=Text(
            "退赔消费者损失；有异议及时申诉。", "Make good the consumers' losses; appeal in time where you disagree."
        ),
        needs=("violations.kind",),
        example=Example(0),
        actionable=False,
    ),
    Indicator(
        id="counterfeit",
        element="conduct",
        numerator=count("violations", _stands & (col("kind") == "counterfeit")),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="count",
        name=Text("售假", "Counterfeit goods"),
        definition=Text(
            "评价期内认定且未撤销的售假次数", "findings of counterfeit goods decided in the window and not withdrawn"
        ),
        why=Text("售假直接侵害消费者和权利人。", "Counterfeits harm consumers and owners of rights at once."),
        failing=Text("被认定售假", "Counterfeit goods were found"),
        improve=Text("下架并召回，核验进货来源。", "Take them down, recall them, and check where goods come from."),
        needs=("violations.kind",),
        example=Example(0),
        actionable=False,
    ),
    Indicator(
        id="service_ended",
        element="conduct",
        numerator=present(
            count("sanctions", _in_force & col("kind").is_in(("suspension", "termination")), standing=True)
        )
        + present(count("sanctions", _in_force & (col("kind") == "termination"), standing=True)),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="rank",
        name=Text("暂停或终止服务", "Suspended or terminated"),
        definition=Text(
            "评价日终止服务有效为 2，暂停服务有效为 1，否则为 0",
            "on the day 2 under a termination in force, 1 under a suspension, else 0",
        ),
        why=Text("平台已停止为其服务。", "The platform no longer serves it."),
        failing=Text("被暂停或终止服务", "Suspended or terminated"),
        improve=Text("按要求整改，申请恢复。", "Do what was asked and apply to be reinstated."),
        needs=("sanctions.kind",),
        example=Example(0),
        actionable=False,
    ),
    Indicator(
        id="spot_checks_passed",
        element="conduct",
        numerator=_PASSED,
        denominator=_PASSED + _NOT_PASSED,
        recorded=SUBJECT,
        better="high",
        unit="share",
        name=Text("抽查合格率", "Spot checks passed"),
        definition=Text(
            f"按期配合且合格的抽查 ÷（这些抽查 + 不合格、拒绝、逾期、未配合，或已有结论而无结果、通知后 {CHECK_DAYS.value:g} 天仍无结果的抽查）",
            "spot checks answered in time and passed / (these + failed, refused, answered late or not at all, or without a result "
            f"though concluded or asked for more than {CHECK_DAYS.value:g} days ago)",
        ),
        why=Text("抽查直接检验商品与资质。", "Spot checks look at goods and papers themselves."),
        failing=Text("有抽查不合格、被拒绝或未按期配合", "Spot checks were failed, refused or not answered in time"),
        improve=Text("在期限内提供资料和样品，整改不合格项。", "Answer within the term, and mend what failed."),
        needs=("spot_checks.answered_at", "spot_checks.result"),
        example=Example(2, 3),
    ),
    *(
        _standing_findings(name, kinds, zh, en, steps)
        for name, kinds, zh, en in (
            ("counterfeit", ("counterfeit",), "售假", "Counterfeit goods"),
            ("manipulation", MANIPULATION, "刷单与操纵评价", "Manipulation"),
        )
        for steps in (2, 3)
    ),
    Indicator(
        id="terminated_before",
        element="conduct",
        numerator=easing(_ended_within),
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="rank",
        name=Text("曾被终止服务", "Terminated before"),
        definition=Text(
            "最近期满的终止服务（提前解除的除外）：期满后一个阶段（365 天）内为 3，第二阶段为 2，第三阶段为 1，其后及没有为 0",
            "the last termination whose term is over and that was not lifted: 3 within a step (365 days) after its end, 2 in the second, 1 in the third, 0 later "
            "or without any",
        ),
        why=Text("恢复服务不等于恢复信用。", "To be served again is not yet to be trusted again."),
        failing=Text("曾被终止服务", "The service was terminated before"),
        improve=Text("守规经营，影响逐年减轻。", "Trade on within the rules; it eases year by year."),
        needs=("sanctions.kind",),
        example=Example(0),
        actionable=False,
    ),
    Indicator(
        id="spot_checks_failed",
        element="conduct",
        numerator=_NOT_PASSED,
        denominator=None,
        evidence=SUBJECT,
        better="low",
        unit="count",
        name=Text("未通过的抽查", "Spot checks not passed"),
        definition=Text(
            "评价期内不合格、拒绝、逾期、未配合，或超过最长期限仍无结果的抽查次数",
            "spot checks of the window that were failed, refused, answered late or not at all, or have no result after the longest "
            "time",
        ),
        why=Text("多次不合格不是偶然。", "What fails again and again is no accident."),
        failing=Text("多次抽查未通过", "Several spot checks were not passed"),
        improve=Text("在期限内提供资料和样品，整改不合格项。", "Answer within the term, and mend what failed."),
        needs=("spot_checks.answered_at", "spot_checks.result"),
        example=Example(0),
    ),
)

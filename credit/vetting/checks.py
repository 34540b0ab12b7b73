"""Vetting of applicants: basic, operating and brand qualification, and credit; a verdict with reasons.

The policy is data (`vetting.yaml`): which checks, what a failure leads to, and every number with its source. A check is
a function of (case, policy, numbers and values of the check) that says passed, failed, not applicable or not given, and
why. The verdict is `refuse` if a failure leads to it, else `refer` if a failure does or something needed was not given,
else `pass`. A case is seen as of the end of a day: what the platform knew by then, and what was in force that day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from credit import codes
from credit.sourced import Bilingual
from credit.vetting.application import SEVERITIES, Brand
from credit.vetting.case import Case, codes_of, comparable_code, plain, same_text
from credit.vetting.categories import Categories

Outcome = Literal["passed", "failed", "not_applicable", "not_given"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check with the reason; `remedy` where it is another than the policy's."""

    outcome: Outcome
    zh: str
    en: str
    remedy: Bilingual | None = None


Function = Callable[[Case, Categories, Mapping[str, float], Mapping[str, Sequence[str]]], CheckResult]


@dataclass(frozen=True)
class Check:
    """A function with the names of what a policy must give it."""

    function: Function
    numbers: tuple[str, ...]
    values: tuple[str, ...]


TESTS: dict[str, Check] = {}


def check(*numbers: str, values: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Register a check by its function's name, with the numbers and values a policy must give it."""

    def registered(function: Function) -> Function:
        TESTS[function.__name__] = Check(function, numbers, values)
        return function

    return registered


def _passed(zh: str, en: str) -> CheckResult:
    return CheckResult("passed", zh, en)


def _failed(zh: str, en: str) -> CheckResult:
    return CheckResult("failed", zh, en)


def _not_given(zh: str, en: str, remedy: Bilingual | None = None) -> CheckResult:
    return CheckResult("not_given", zh, en, remedy)


def does_not_apply(zh: str, en: str) -> CheckResult:
    return CheckResult("not_applicable", zh, en)


@check()
def name_given(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    name = case.row["name"]
    if not name:
        return _not_given("未填写名称", "no name was given")
    if sum(c.isalpha() for c in name) < 2:
        return _failed("名称不是完整的名称或姓名", "what was given is no whole name")
    return _passed("已填写名称", "a name was given")


@check()
def code_right(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    by_name = codes_of(case.row)
    if not by_name:
        return _not_given("未填写主体代码", "no code was given")
    valid = {"uscc": codes.uscc_valid, "id_number": codes.resident_id_valid}
    if not all(valid[name](code) for name, code in by_name.items()):
        return _failed("主体代码的位数或校验码不对", "length or check character of a code is wrong")
    return _passed("主体代码校验正确", "the check characters are right")


@check()
def code_new(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    if case.id_taken:
        return _failed("所填主体编号已被使用", "the id given is in use")
    if case.owned:
        return _failed("同一代码已有店铺入驻", "the same code is registered under another id")
    return _passed("同一代码未在本平台另有店铺", "the code is not registered under another id")


@check(values=("kinds",))
def sanctions_in_force(
    case: Case, policy: Categories, numbers: Any, values: Mapping[str, Sequence[str]]
) -> CheckResult:
    # As of the day, an end that has not come yet is blank; one at the day's end leaves it the whole day.
    in_force = [
        s for s in case.sanctions if not s["lifted_at"] and (not s["until_at"] or s["until_at"].date() > case.day)
    ]
    if any(sanction["kind"] in values["kinds"] for sanction in in_force):
        return _failed("同一主体的店铺正处于暂停或清退状态", "a shop of the same owner is suspended or terminated")
    return _passed("同一主体无在执行的处置", "no such sanction is in force")


@check("characters")
def address_given(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    address = case.row["address"]
    if not address:
        return _not_given("未填写经营地址", "no address was given")
    if len(same_text(address)) < numbers["characters"]:
        return _failed("经营地址不完整", "the address is not complete")
    return _passed("已填写经营地址", "an address was given")


@check("digits")
def contact_given(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    contact = case.row["contact"]
    if not contact:
        return _not_given("未填写联系方式", "no contact was given")
    mail = re.search(r"[^\s@]+@[^\s@]+\.[^\s@]+", contact)
    if not mail and sum(c.isdigit() for c in contact) < numbers["digits"]:
        return _failed(
            "联系方式既不是电话也不是电子邮箱", "the contact is neither a telephone number nor an e-mail address"
        )
    return _passed("已填写联系方式", "a contact was given")


def _person(case: Case) -> bool:
    """A natural person without a business registration."""
    return case.row["kind"] == "individual" and not comparable_code(case.row["uscc"])


_NO_LICENCE = does_not_apply(
    "自然人未办理市场主体登记，无营业执照", "a natural person without business registration has no licence"
)


@check()
def licence_valid(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    start, end = case.row["licence_valid_from"], case.row["licence_valid_until"]
    if _person(case):
        return _NO_LICENCE
    if not case.row["licence_no"] or not start:
        return _not_given("未填写营业执照号或有效期起", "licence number or the day it begins was not given")
    if start > case.day:
        return _failed(f"营业执照自 {start} 起才有效", f"the licence begins only on {start}")
    if end and end < case.day:
        return _failed(f"营业执照已于 {end} 到期", f"the licence ended on {end}")
    return _passed("营业执照在有效期内", "the licence is in force")


@check("days")
def licence_lasts(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    if _person(case):
        return _NO_LICENCE
    if not case.row["licence_no"]:
        return does_not_apply("未填写营业执照", "no licence was given")
    return _lasts(case, case.row["licence_valid_until"], numbers["days"], "营业执照", "licence")


@check()
def category_known(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    if not case.row["category"]:
        return _not_given("未填写主营类目", "no category was given")
    if policy.category(case.row["category"]) is None:
        return _failed(
            "主营类目不在平台类目之列，所需资质待人工确认",
            "not one of the platform's categories; what it needs is not known",
        )
    return _passed("主营类目在平台类目之列", "the category is one of the platform's")


@check()
def permit_valid(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    category, end = policy.category(case.row["category"]), case.row["permit_valid_until"]
    if category is None or category.permit is None:
        return does_not_apply("政策未列明该类目需要行政许可", "the policy names no permit for this category")
    permit = category.permit
    if not case.row["permit_no"] or not end:
        return _not_given(f"未填写{permit.zh}编号或有效期止", f"number or end of the {permit.en} was not given")
    if end < case.day:
        return _failed(f"{permit.zh}已于 {end} 到期", f"the {permit.en} ended on {end}")
    return _passed(f"{permit.zh}在有效期内", f"the {permit.en} is in force")


@check("days")
def permit_lasts(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    category = policy.category(case.row["category"])
    if category is None or category.permit is None or not case.row["permit_no"]:
        return does_not_apply("不需要或未填写行政许可", "no permit is needed, or none was given")
    return _lasts(case, case.row["permit_valid_until"], numbers["days"], category.permit.zh, category.permit.en)


def _lasts(case: Case, end: date | None, days: float, zh: str, en: str) -> CheckResult:
    if end is not None and end < case.day:
        return does_not_apply(f"{zh}已到期", f"the {en} has ended")
    if end is not None and (end - case.day).days <= days:
        return _failed(f"{zh}将于 {end} 到期，在 {days:g} 天之内", f"the {en} ends on {end}, within {days:g} days")
    return _passed(f"{zh}有效期充足", f"the {en} does not end within {days:g} days")


@check()
def icp_record(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    record = case.row["icp_record"]
    if not record:
        return _not_given("未填写备案号或链接标识", "neither record number nor mark was given")
    shape = r"[\u4e00-\u9fff]ICP[备证](?:[A-Z]\d-)?\d{6,8}号(?:-\d{1,4})?"
    if "ICP" in plain(record).upper() and not re.fullmatch(shape, re.sub(r"\s", "", plain(record)).upper()):
        return _failed("备案号格式不对", "this is not the form of a record number")
    return _passed("已填写备案号或链接标识", "record number or mark was given")


@check()
def deposit_enough(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    category = policy.category(case.row["category"])
    needed = (category.deposit if category else policy.other_deposit).value
    held = case.row["deposit_amount"]
    if held is None:
        return _not_given("未填写保证金", "no deposit was given")
    if comparable_code(case.row["currency"] or policy.currency) != policy.currency:
        return _failed(f"保证金币种应为 {policy.currency}", f"the deposit is not in {policy.currency}")
    if held < needed:
        return _failed(
            f"保证金低于 {needed:,.0f} {policy.currency}", f"the deposit is below {needed:,.0f} {policy.currency}"
        )
    return _passed(
        f"保证金不低于 {needed:,.0f} {policy.currency}", f"the deposit is at least {needed:,.0f} {policy.currency}"
    )


def _no_brands(case: Case) -> CheckResult | None:
    """The result of every brand check where there is no brand to look at."""
    if case.brands is None and case.registered:
        return does_not_apply(
            "商家登记簿不含品牌，凭申请材料另行审核",
            "the register holds no brands; they are vetted from an application",
        )
    if case.brands is None:
        return _not_given("未填写所售品牌", "the brands sold were not given")
    return None if case.brands else does_not_apply("不销售品牌商品", "no brand is sold")


def _names(brands: Sequence[Brand]) -> str:
    return "、".join(brand.name for brand in brands)


@check()
def brand_right(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    if no_brands := _no_brands(case):
        return no_brands
    if bare := [b for b in case.brands or () if not (b.own_trademark_no or b.authorisation)]:
        return _not_given(
            f"无商标注册号或授权的品牌：{_names(bare)}", f"neither trademark number nor authorisation: {_names(bare)}"
        )
    return _passed("每一品牌都有商标注册号或授权", "each brand has a trademark number or an authorisation")


@check("digits")
def brand_own(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    if no_brands := _no_brands(case):
        return no_brands
    own = [brand for brand in case.brands or () if brand.own_trademark_no]
    if not own:
        return does_not_apply("没有自有商标", "no trademark of its own")
    form = rf"G?\d{{1,{numbers['digits']:.0f}}}[A-Z]?"
    if wrong := [b for b in own if not re.fullmatch(form, comparable_code(b.own_trademark_no), re.ASCII)]:
        return _failed(
            f"商标注册号格式不对：{_names(wrong)}", f"not the form of a trademark registration number: {_names(wrong)}"
        )
    # Whose mark it is must be said by whoever has a name to compare with.
    if wrong := [b for b in own if b.holder and same_text(b.holder) != same_text(case.row["name"] or "")]:
        return _failed(f"权利人不是申请人：{_names(wrong)}", f"the holder is not the applicant: {_names(wrong)}")
    return _passed(
        "自有商标注册号格式正确，所填权利人为申请人",
        "numbers have the right form, and a holder that is stated is the applicant",
    )


def _authorised(case: Case) -> list[Brand]:
    return [b for b in case.brands or () if b.authorisation]


@check()
def brand_chain(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    if no_brands := _no_brands(case):
        return no_brands
    sold = _authorised(case)
    if not sold:
        return does_not_apply("没有授权品牌", "no brand is sold by authorisation")
    if bare := [b for b in sold if not b.holder or not all(link.giver for link in b.authorisation or ())]:
        return _not_given(
            f"未填写权利人或授权方：{_names(bare)}",
            f"holder or giver of the authorisation was not given: {_names(bare)}",
        )
    if broken := [b for b in sold if b.authorisation and same_text(b.authorisation[0].giver) != same_text(b.holder)]:
        return _failed(
            f"授权不是由权利人开始的：{_names(broken)}",
            f"the authorisation does not begin with the holder: {_names(broken)}",
        )
    return _passed("授权由权利人开始，逐级相连", "each authorisation begins with the holder")


@check()
def brand_valid(case: Case, policy: Categories, numbers: Any, values: Any) -> CheckResult:
    if no_brands := _no_brands(case):
        return no_brands
    sold = _authorised(case)
    if not sold:
        return does_not_apply("没有授权品牌", "no brand is sold by authorisation")
    links = [(b, link.valid_from, link.valid_until) for b in sold for link in b.authorisation or ()]
    if late := [b for b, start, end in links if (end and end < case.day) or (start and start > case.day)]:
        return _failed(f"授权不在有效期内：{_names(late)}", f"an authorisation is not in force: {_names(late)}")
    if bare := [b for b, start, end in links if not (start and end)]:
        return _not_given(
            f"未填写授权有效期：{_names(bare)}", f"term of an authorisation was not given: {_names(bare)}"
        )
    return _passed("授权均在有效期内", "all authorisations are in force")


@check("allowed", values=("kinds", "severities"))
def records(
    case: Case, policy: Categories, numbers: Mapping[str, float], values: Mapping[str, Sequence[str]]
) -> CheckResult:
    in_force = [r for r in [*(case.records or ()), *case.known_records] if _counts(r, case.day, values)]
    if len(in_force) > numbers["allowed"]:
        issuers = "、".join(sorted({record["issuer"] for record in in_force if record["issuer"]}))
        return _failed(
            f"在列 {len(in_force)} 项（{issuers or '未注明机关'}）",
            f"{len(in_force)} in force ({issuers or 'issuer not stated'})",
        )
    if case.records is None:
        return _not_given(
            "未查询公共信用记录",
            "public records were not looked up",
            Bilingual(
                zh="查询后填写「公共信用记录 public_records」，没有记录的填 []。",
                en="Look them up and give public_records, [] where there are none.",
            ),
        )
    return _passed(
        "无在列记录" if not in_force else "未超过限度", "none in force" if not in_force else "within what is let pass"
    )


def _counts(record: Mapping[str, Any], day: date, values: Mapping[str, Sequence[str]]) -> bool:
    start, end, repaired = record["valid_from"], record["valid_until"], record["repaired_on"]
    severity = record["grade"] if record["grade"] in SEVERITIES else ""
    return (
        record["kind"] in values["kinds"]
        and (not values["severities"] or severity in values["severities"])
        # A record without a beginning counts: whoever leaves it out gains nothing.
        and (start is None or start <= day)
        and (end is None or end >= day)
        and (repaired is None or repaired > day)
    )


def _within(moment: datetime, case: Case, days: float) -> bool:
    return moment.date() >= case.day - timedelta(days=days)


@check("days")
def earlier_termination(case: Case, policy: Categories, numbers: Mapping[str, float], values: Any) -> CheckResult:
    days = numbers["days"]
    terminations = [s for s in case.sanctions if s["kind"] == "termination" and not s["lifted_at"]]
    if any(_within(sanction["imposed_at"], case, days) for sanction in terminations):
        return _failed(
            f"同一代码的店铺在 {days:g} 天内曾被清退", f"a shop with the same code was terminated within {days:g} days"
        )
    return _passed(f"{days:g} 天内未被清退", f"no termination within {days:g} days")


@check("days", values=("severities",))
def earlier_violation(
    case: Case, policy: Categories, numbers: Mapping[str, float], values: Mapping[str, Sequence[str]]
) -> CheckResult:
    days = numbers["days"]
    standing = [v for v in case.violations if v["severity"] in values["severities"] and not v["withdrawn_at"]]
    if any(_within(violation["decided_at"], case, days) for violation in standing):
        return _failed(
            f"同一代码的店铺在 {days:g} 天内有严重违规",
            f"a shop with the same code has a serious violation within {days:g} days",
        )
    return _passed(f"{days:g} 天内无严重违规", f"no serious violation within {days:g} days")


@check(values=("enterprise", "individual"))
def worst_grade(case: Case, policy: Categories, numbers: Any, values: Mapping[str, Sequence[str]]) -> CheckResult:
    if not case.grades:
        return does_not_apply("尚无评级", "not graded here")
    if worst := sorted(set(case.grades) & set(values[case.row["kind"]])):
        return _failed(
            f"同一代码的店铺现为 {'、'.join(worst)} 级", f"a shop with the same code is graded {', '.join(worst)}"
        )
    return _passed("现有等级不是最低等级", "no shop with the same code has the worst grade")

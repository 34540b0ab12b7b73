"""Vetting of applicants: basic, operating and brand qualification, and credit; a verdict with reasons.

The policy is data (`vetting.yaml`): which checks, what a failure leads to, and every number with its source. A check is
a function of (case, policy, numbers and values of the check) that says passed, failed, not applicable or not given, and
why. The verdict is `refuse` if a failure leads to it, else `refer` if a failure does or something needed was not given,
else `pass`. A case is seen as of the end of a day: what the platform knew by then, and what was in force that day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from credit import codes, engine
from credit.application import SEVERITIES, Application, Brand
from credit.disclosure import privacy
from credit.errors import UserError
from credit.evaluation import supplied
from credit.intake import pseudonym_key
from credit.ledgers import overlay
from credit.rulebooks import MAX_BYTES, Bilingual, Sourced, SourcedNumber, _lines, _Loader, _Strict
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse import scalar, transaction, zone_of

FILE = Path(__file__).parent / "vetting.yaml"

Area = Literal["basic", "operating", "brand", "credit"]
Outcome = Literal["passed", "failed", "not_applicable", "not_given"]
AREAS: dict[Area, Bilingual] = {
    "basic": Bilingual(zh="基本资质", en="Basic qualification"),
    "operating": Bilingual(zh="经营资质", en="Operating qualification"),
    "brand": Bilingual(zh="品牌资质", en="Brand qualification"),
    "credit": Bilingual(zh="信用核查", en="Credit"),
}
SHORTEST_NUMBER = 6
"""Shorter ones (a contact "1") are nobody's number, and striking them would garble dates."""
VERDICTS = {
    "pass": Bilingual(zh="通过", en="passed"),
    "refer": Bilingual(zh="待补充或人工复核", en="referred: something is to be added or looked at by a person"),
    "refuse": Bilingual(zh="不予通过", en="refused"),
}


# --- the policy --------------------------------------------------------------------------------------------------


class Permit(Sourced):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Category(_Strict):
    """What sellers of one category need; `names` are all it goes by."""

    id: str
    names: list[str] = Field(min_length=1)
    permit: Permit | None = None
    deposit: SourcedNumber


class CheckRule(Sourced):
    """One check of the policy. `source` speaks for the check itself, each of `numbers` has its own."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")
    test: str = ""
    area: Area
    name: Bilingual
    leads_to: Literal["refuse", "refer"]
    kinds: list[Literal["enterprise", "individual"]] = Field(["enterprise", "individual"], min_length=1)
    numbers: dict[str, SourcedNumber] = Field({})
    values: dict[str, list[str]] = Field({})
    remedy: Bilingual

    @property
    def function(self) -> str:
        return self.test or self.id

    @model_validator(mode="after")
    def _test_has_what_it_needs(self) -> CheckRule:
        if self.function not in TESTS:
            raise ValueError(f"unknown test {self.function!r}; there are: {', '.join(TESTS)}")
        test = TESTS[self.function]
        for what, given, needed in (("numbers", self.numbers, test.numbers), ("values", self.values, test.values)):
            if set(given) != set(needed):
                raise ValueError(f"{what} of test {self.function}: expected {', '.join(needed) or 'none'}")
        return self


class Policy(_Strict):
    """A validated policy; `hash` and `text` are those of the file it was read from."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,60}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: Bilingual
    currency: str = Field(pattern="^[A-Z]{3}$")
    categories: list[Category]
    other_deposit: SourcedNumber
    checks: list[CheckRule] = Field(min_length=1)
    hash: str = Field("", exclude=True)
    text: str = Field("", exclude=True)

    @field_validator("checks")
    @classmethod
    def _each_once(cls, value: list[CheckRule]) -> list[CheckRule]:
        names = [check.id for check in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"stand twice: {', '.join(twice)}")
        return value

    def category(self, name: str | None) -> Category | None:
        """The category that goes by this name, or None."""
        return next((c for c in self.categories if name and _same(name) in map(_same, c.names)), None)


def load_policy(path: Path | None = None) -> Policy:
    """The policy in a file (default: the shipped one). Raises UserError naming every error with file, line and key."""
    path = path or FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"vetting policy {path} cannot be read: {error.strerror}; give a YAML file") from None
    return parse_policy(raw, path)


@cache
def parse_policy(raw: bytes, path: Path) -> Policy:
    """Validate the bytes of a policy; `path` is what errors call it. Raises UserError as `load_policy` does."""
    if len(raw) > MAX_BYTES:
        raise UserError(f"vetting policy {path} is larger than {MAX_BYTES >> 20} MiB; a policy is a few hundred lines")
    try:
        text = raw.decode("utf-8")
        data = yaml.load(text, _Loader)
        lines = dict(_lines(yaml.compose(text, yaml.SafeLoader)))
    except UnicodeDecodeError as error:
        raise UserError(f"vetting policy {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"vetting policy {path}, line {line}: not usable YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"vetting policy {path}: not usable YAML: {error}") from None
    if not isinstance(data, dict):
        raise UserError(f"vetting policy {path}: expected keys such as id, version, checks; start from {FILE.name}")
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        said = []
        for problem in error.errors():
            place = tuple(problem["loc"])
            known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
            key = ".".join(map(str, place)) or "(whole)"
            said.append((lines.get(known, 1), f"{key}: {str(problem['msg']).removeprefix('Value error, ')}"))
        raise UserError(
            f"vetting policy {path} has {len(said)} error{'s' * (len(said) > 1)}:\n  "
            + "\n  ".join(f"{path}, line {line}, {message}" for line, message in sorted(said))
        ) from None
    return policy.model_copy(update={"hash": hashlib.sha256(raw).hexdigest(), "text": text})


# --- the case ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What is known of an applicant at the end of `day`. Rows of the warehouse are those of everybody with its code."""

    day: date
    applicant: str
    """The id, or where there is none a keyed fingerprint of the code."""
    row: Mapping[str, Any]
    brands: Sequence[Brand] | None
    records: Sequence[Mapping[str, Any]] | None
    """Public records of the application; None: nobody looked them up."""
    known_records: Sequence[Mapping[str, Any]] = ()
    registered: bool = False
    """The applicant is the register's own row, not an application."""
    owned: Sequence[str] = ()
    """Other merchants that have, or once had, the same code."""
    id_taken: bool = False
    sanctions: Sequence[Mapping[str, Any]] = ()
    violations: Sequence[Mapping[str, Any]] = ()
    grades: Sequence[str] = ()


def _plain(text: Any) -> str:
    return unicodedata.normalize("NFKC", str(text))


def _same(text: Any) -> str:
    """A name as it is compared: full-width forms, letter case and spaces do not matter."""
    return re.sub(r"\s", "", _plain(text)).casefold()


def _code(text: Any) -> str:
    """A code as it is compared, or ""."""
    return re.sub(r"[\s-]", "", _plain(text)).upper() if text else ""


def _codes(row: Mapping[str, Any]) -> dict[str, str]:
    """The codes a subject answers for: an enterprise its credit code alone, an individual every one it gives."""
    names = ("uscc",) if row["kind"] == "enterprise" else ("uscc", "id_number")
    return {name: code for name in names if (code := _code(row[name]))}


def case_of_application(
    con: duckdb.DuckDBPyConnection, settings: Settings, application: Application, day: date
) -> Case:
    """An application with what the warehouse knows of its code at the end of `day`."""
    own = application.row["subject_id"]
    code = "/".join(_codes(application.row).values())
    mark = hmac.new(pseudonym_key(settings), (code or application.row["name"] or "").encode(), hashlib.sha256)
    case = Case(
        day,
        own or f"{'code' if code else 'name'}-{mark.hexdigest()[:16]}",
        application.row,
        application.brands,
        application.records,
        # Whoever applies cannot claim to be a merchant of the register: all ids with the code are somebody's.
        id_taken=own is not None and bool(_rows(con, "subjects", _end_of(day, zone_of(con, settings)), [own])),
    )
    return _with_warehouse(con, settings, case, "")


def case_of_subject(con: duckdb.DuckDBPyConnection, settings: Settings, subject_id: str, day: date) -> Case:
    """A merchant of the register as known at the end of `day`. Raises UserError when nobody had that id then."""
    moment = _end_of(day, zone_of(con, settings))
    rows = _rows(con, "subjects", moment, [subject_id])
    if not rows:
        raise UserError(
            f"--subject {subject_id!r}: nobody had that id at the end of {day}; `merchant-credit grades` lists ids, "
            "or give a later --date or an application file"
        )
    looked_up = "public_records" in supplied(con, moment)
    case = Case(day, subject_id, rows[0], None, [] if looked_up else None, registered=True)
    return _with_warehouse(con, settings, case, subject_id)


def _end_of(day: date, zone: str) -> engine.Moment:
    return engine.Moment(cut_off(day + timedelta(days=1), zone), zone)


def _rows(
    con: duckdb.DuckDBPyConnection, table: str, moment: engine.Moment, subjects: Sequence[str]
) -> list[dict[str, Any]]:
    frame = engine.known(con, moment)(TABLES[table]).lazy().filter(nw.col("subject_id").is_in(list(subjects)))
    rows = frame.sort(TABLES[table].key).collect(backend="pyarrow").to_arrow().to_pylist()
    zone = ZoneInfo(moment.zone)  # days are counted in the platform's zone
    return [{k: v.astimezone(zone) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]


def _with_warehouse(con: duckdb.DuckDBPyConnection, settings: Settings, case: Case, own: str) -> Case:
    zone = zone_of(con, settings)
    moment = _end_of(case.day, zone)
    # Superseded versions as well: a code that was changed does not wash a merchant clean. And those put right on objection.
    names = "subject_id, role, uscc, id_number, known_at"
    corrected = overlay.overlaid(con, TABLES["subjects"], overlay.current(con, "subjects"), moment.cut_off.date())
    same_code = " OR ".join(f"upper(regexp_replace({name}, '[\\s-]', '', 'g')) = ?" for name in _codes(case.row))
    everybody = [
        (subject_id, role)
        for subject_id, role in con.execute(
            f"""SELECT DISTINCT subject_id, role FROM (
                    SELECT {names} FROM canonical.subjects UNION ALL SELECT {names} FROM history.subjects
                    UNION ALL SELECT {names} FROM ({corrected}))
                WHERE known_at <= ? AND ({same_code or "false"}) ORDER BY ALL""",
            [moment.cut_off, *_codes(case.row).values()],
        ).fetchall()
    ]
    owned = sorted({subject_id for subject_id, role in everybody if role == "seller" and subject_id != own})
    ids = sorted({subject_id for subject_id, _ in everybody} | ({own} if own else set()))
    grades = con.execute(
        """SELECT arg_max(grade, g.evaluated_on) FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook)
           WHERE list_contains(?, subject_id) AND g.evaluated_on <= ? AND r.standing <> 'trial'
           GROUP BY g.subject_id ORDER BY 1""",
        [ids, case.day],
    ).fetchall()
    return replace(
        case,
        # What is known already counts; where nobody looked, more may be there.
        known_records=_rows(con, "public_records", moment, ids),
        owned=owned,
        sanctions=_rows(con, "sanctions", moment, ids),
        violations=_rows(con, "violations", moment, ids),
        grades=[row[0] for row in grades],
    )


# --- the checks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What a check says; `remedy` where it is another than the policy's."""

    outcome: Outcome
    zh: str
    en: str
    remedy: Bilingual | None = None


Function = Callable[[Case, Policy, Mapping[str, float], Mapping[str, Sequence[str]]], Finding]


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


def _passed(zh: str, en: str) -> Finding:
    return Finding("passed", zh, en)


def _failed(zh: str, en: str) -> Finding:
    return Finding("failed", zh, en)


def _not_given(zh: str, en: str, remedy: Bilingual | None = None) -> Finding:
    return Finding("not_given", zh, en, remedy)


def _not_applicable(zh: str, en: str) -> Finding:
    return Finding("not_applicable", zh, en)


@check()
def name_given(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    name = case.row["name"]
    if not name:
        return _not_given("未填写名称", "no name was given")
    if sum(c.isalpha() for c in name) < 2:
        return _failed("名称不是完整的名称或姓名", "what was given is no whole name")
    return _passed("已填写名称", "a name was given")


@check()
def code_right(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    given = _codes(case.row)
    if not given:
        return _not_given("未填写主体代码", "no code was given")
    valid = {"uscc": codes.uscc_valid, "id_number": codes.resident_id_valid}
    if not all(valid[name](code) for name, code in given.items()):
        return _failed("主体代码的位数或校验码不对", "length or check character of a code is wrong")
    return _passed("主体代码校验正确", "the check characters are right")


@check()
def code_new(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    if case.id_taken:
        return _failed("所填主体编号已被使用", "the id given is in use")
    if case.owned:
        return _failed("同一代码已有店铺入驻", "the same code is registered under another id")
    return _passed("同一代码未在本平台另有店铺", "the code is not registered under another id")


@check(values=("kinds",))
def sanctions_in_force(case: Case, policy: Policy, numbers: Any, values: Mapping[str, Sequence[str]]) -> Finding:
    # As of the day, an end that has not come yet is blank; one at the day's end leaves it the whole day.
    open_ = [s for s in case.sanctions if not s["lifted_at"] and (not s["until_at"] or s["until_at"].date() > case.day)]
    mine = [s for s in open_ if s["kind"] in values["kinds"]]
    if mine:
        return _failed("同一主体的店铺正处于暂停或清退状态", "a shop of the same owner is suspended or terminated")
    return _passed("同一主体无在执行的处置", "no such sanction is in force")


@check("characters")
def address_given(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
    address = case.row["address"]
    if not address:
        return _not_given("未填写经营地址", "no address was given")
    if len(_same(address)) < numbers["characters"]:
        return _failed("经营地址不完整", "the address is not complete")
    return _passed("已填写经营地址", "an address was given")


@check("digits")
def contact_given(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
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
    return case.row["kind"] == "individual" and not _code(case.row["uscc"])


_NO_LICENCE = _not_applicable(
    "自然人未办理市场主体登记，无营业执照", "a natural person without business registration has no licence"
)


@check()
def licence_valid(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
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
def licence_lasts(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
    if _person(case):
        return _NO_LICENCE
    if not case.row["licence_no"]:
        return _not_applicable("未填写营业执照", "no licence was given")
    return _lasts(case, case.row["licence_valid_until"], numbers["days"], "营业执照", "licence")


@check()
def category_known(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    if not case.row["category"]:
        return _not_given("未填写主营类目", "no category was given")
    if policy.category(case.row["category"]) is None:
        return _failed(
            "主营类目不在平台类目之列，所需资质待人工确认",
            "not one of the platform's categories; what it needs is not known",
        )
    return _passed("主营类目在平台类目之列", "the category is one of the platform's")


@check()
def permit_valid(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    category, end = policy.category(case.row["category"]), case.row["permit_valid_until"]
    if category is None or category.permit is None:
        return _not_applicable("政策未列明该类目需要行政许可", "the policy names no permit for this category")
    permit = category.permit
    if not case.row["permit_no"] or not end:
        return _not_given(f"未填写{permit.zh}编号或有效期止", f"number or end of the {permit.en} was not given")
    if end < case.day:
        return _failed(f"{permit.zh}已于 {end} 到期", f"the {permit.en} ended on {end}")
    return _passed(f"{permit.zh}在有效期内", f"the {permit.en} is in force")


@check("days")
def permit_lasts(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
    category = policy.category(case.row["category"])
    if category is None or category.permit is None or not case.row["permit_no"]:
        return _not_applicable("不需要或未填写行政许可", "no permit is needed, or none was given")
    return _lasts(case, case.row["permit_valid_until"], numbers["days"], category.permit.zh, category.permit.en)


def _lasts(case: Case, end: date | None, days: float, zh: str, en: str) -> Finding:
    if end is not None and end < case.day:
        return _not_applicable(f"{zh}已到期", f"the {en} has ended")
    if end is not None and (end - case.day).days <= days:
        return _failed(f"{zh}将于 {end} 到期，在 {days:g} 天之内", f"the {en} ends on {end}, within {days:g} days")
    return _passed(f"{zh}有效期充足", f"the {en} does not end within {days:g} days")


@check()
def icp_record(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    record = case.row["icp_record"]
    if not record:
        return _not_given("未填写备案号或链接标识", "neither record number nor mark was given")
    shape = r"[\u4e00-\u9fff]ICP[备证](?:[A-Z]\d-)?\d{6,8}号(?:-\d{1,4})?"
    if "ICP" in _plain(record).upper() and not re.fullmatch(shape, re.sub(r"\s", "", _plain(record)).upper()):
        return _failed("备案号格式不对", "this is not the form of a record number")
    return _passed("已填写备案号或链接标识", "record number or mark was given")


@check()
def deposit_enough(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    category = policy.category(case.row["category"])
    needed = (category.deposit if category else policy.other_deposit).value
    held = case.row["deposit_amount"]
    if held is None:
        return _not_given("未填写保证金", "no deposit was given")
    if _code(case.row["currency"] or policy.currency) != policy.currency:
        return _failed(f"保证金币种应为 {policy.currency}", f"the deposit is not in {policy.currency}")
    if held < needed:
        return _failed(
            f"保证金低于 {needed:,.0f} {policy.currency}", f"the deposit is below {needed:,.0f} {policy.currency}"
        )
    return _passed(
        f"保证金不低于 {needed:,.0f} {policy.currency}", f"the deposit is at least {needed:,.0f} {policy.currency}"
    )


def _brands(case: Case) -> Finding | None:
    """What all brand checks say where there is no brand to look at."""
    if case.brands is None and case.registered:
        return _not_applicable(
            "商家登记簿不含品牌，凭申请材料另行审核",
            "the register holds no brands; they are vetted from an application",
        )
    if case.brands is None:
        return _not_given("未填写所售品牌", "the brands sold were not given")
    return None if case.brands else _not_applicable("不销售品牌商品", "no brand is sold")


def _names(brands: Sequence[Brand]) -> str:
    return "、".join(brand.name for brand in brands)


@check()
def brand_right(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    if nothing := _brands(case):
        return nothing
    if bare := [b for b in case.brands or () if not (b.own_trademark_no or b.authorisation)]:
        return _not_given(
            f"无商标注册号或授权的品牌：{_names(bare)}", f"neither trademark number nor authorisation: {_names(bare)}"
        )
    return _passed("每一品牌都有商标注册号或授权", "each brand has a trademark number or an authorisation")


@check("digits")
def brand_own(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
    if nothing := _brands(case):
        return nothing
    own = [brand for brand in case.brands or () if brand.own_trademark_no]
    if not own:
        return _not_applicable("没有自有商标", "no trademark of its own")
    form = rf"G?\d{{1,{numbers['digits']:.0f}}}[A-Z]?"
    if bad := [b for b in own if not re.fullmatch(form, _code(b.own_trademark_no), re.ASCII)]:
        return _failed(
            f"商标注册号格式不对：{_names(bad)}", f"not the form of a trademark registration number: {_names(bad)}"
        )
    # Whose mark it is must be said by whoever has a name to compare with.
    if bad := [b for b in own if b.holder and _same(b.holder) != _same(case.row["name"] or "")]:
        return _failed(f"权利人不是申请人：{_names(bad)}", f"the holder is not the applicant: {_names(bad)}")
    return _passed(
        "自有商标注册号格式正确，所填权利人为申请人",
        "numbers have the right form, and a holder that is stated is the applicant",
    )


def _authorised(case: Case) -> list[Brand]:
    return [b for b in case.brands or () if b.authorisation]


@check()
def brand_chain(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    if nothing := _brands(case):
        return nothing
    sold = _authorised(case)
    if not sold:
        return _not_applicable("没有授权品牌", "no brand is sold by authorisation")
    if bare := [b for b in sold if not b.holder or not all(link.giver for link in b.authorisation or ())]:
        return _not_given(
            f"未填写权利人或授权方：{_names(bare)}",
            f"holder or giver of the authorisation was not given: {_names(bare)}",
        )
    if broken := [b for b in sold if b.authorisation and _same(b.authorisation[0].giver) != _same(b.holder)]:
        return _failed(
            f"授权不是由权利人开始的：{_names(broken)}",
            f"the authorisation does not begin with the holder: {_names(broken)}",
        )
    return _passed("授权由权利人开始，逐级相连", "each authorisation begins with the holder")


@check()
def brand_valid(case: Case, policy: Policy, numbers: Any, values: Any) -> Finding:
    if nothing := _brands(case):
        return nothing
    sold = _authorised(case)
    if not sold:
        return _not_applicable("没有授权品牌", "no brand is sold by authorisation")
    links = [(b, link.valid_from, link.valid_until) for b in sold for link in b.authorisation or ()]
    if late := [b for b, start, end in links if (end and end < case.day) or (start and start > case.day)]:
        return _failed(f"授权不在有效期内：{_names(late)}", f"an authorisation is not in force: {_names(late)}")
    if bare := [b for b, start, end in links if not (start and end)]:
        return _not_given(
            f"未填写授权有效期：{_names(bare)}", f"term of an authorisation was not given: {_names(bare)}"
        )
    return _passed("授权均在有效期内", "all authorisations are in force")


@check("allowed", values=("kinds", "severities"))
def records(case: Case, policy: Policy, numbers: Mapping[str, float], values: Mapping[str, Sequence[str]]) -> Finding:
    found = [r for r in [*(case.records or ()), *case.known_records] if _counts(r, case.day, values)]
    if len(found) > numbers["allowed"]:
        issuers = "、".join(sorted({r["issuer"] for r in found if r["issuer"]}))
        return _failed(
            f"在列 {len(found)} 项（{issuers or '未注明机关'}）",
            f"{len(found)} in force ({issuers or 'issuer not stated'})",
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
        "无在列记录" if not found else "未超过限度", "none in force" if not found else "within what is let pass"
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
def earlier_termination(case: Case, policy: Policy, numbers: Mapping[str, float], values: Any) -> Finding:
    days = numbers["days"]
    mine = [s for s in case.sanctions if s["kind"] == "termination" and not s["lifted_at"]]
    if any(_within(s["imposed_at"], case, days) for s in mine):
        return _failed(
            f"同一代码的店铺在 {days:g} 天内曾被清退", f"a shop with the same code was terminated within {days:g} days"
        )
    return _passed(f"{days:g} 天内未被清退", f"no termination within {days:g} days")


@check("days", values=("severities",))
def earlier_violation(
    case: Case, policy: Policy, numbers: Mapping[str, float], values: Mapping[str, Sequence[str]]
) -> Finding:
    days = numbers["days"]
    mine = [v for v in case.violations if v["severity"] in values["severities"] and not v["withdrawn_at"]]
    if any(_within(v["decided_at"], case, days) for v in mine):
        return _failed(
            f"同一代码的店铺在 {days:g} 天内有严重违规",
            f"a shop with the same code has a serious violation within {days:g} days",
        )
    return _passed(f"{days:g} 天内无严重违规", f"no serious violation within {days:g} days")


@check(values=("enterprise", "individual"))
def worst_grade(case: Case, policy: Policy, numbers: Any, values: Mapping[str, Sequence[str]]) -> Finding:
    if not case.grades:
        return _not_applicable("尚无评级", "not graded here")
    if bad := sorted(set(case.grades) & set(values[case.row["kind"]])):
        return _failed(
            f"同一代码的店铺现为 {'、'.join(bad)} 级", f"a shop with the same code is graded {', '.join(bad)}"
        )
    return _passed("现有等级不是最低等级", "no shop with the same code has the worst grade")


# --- the verdict -------------------------------------------------------------------------------------------------


def judge(case: Case, policy: Policy) -> dict[str, Any]:
    """Every check of the policy and the verdict: the same for the same case and policy.

    Natural persons' names are masked; their numbers are in no text. `owned` (other merchants with the same code) is for
    the platform, not for the applicant.
    """
    reasons = []
    for rule in policy.checks:
        if case.row["kind"] not in rule.kinds:
            found = _not_applicable("不适用于此类主体", "does not concern this kind of applicant")
        else:
            values = {name: number.value for name, number in rule.numbers.items()}
            found = TESTS[rule.function].function(case, policy, values, rule.values)
        open_ = found.outcome in ("failed", "not_given")
        remedy = (found.remedy or rule.remedy) if open_ else Bilingual(zh="无", en="none")
        reasons.append(
            {
                "check": rule.id,
                "name_zh": rule.name.zh,
                "name_en": rule.name.en,
                "area": rule.area,
                "outcome": found.outcome,
                # Something not given can be given still: it never refuses.
                "leads_to": ("refer" if found.outcome == "not_given" else rule.leads_to) if open_ else None,
                "zh": _clean(found.zh, case.row),
                "en": _clean(found.en, case.row),
                "remedy_zh": remedy.zh if open_ else "",
                "remedy_en": remedy.en if open_ else "",
            }
        )
    led = {reason["leads_to"] for reason in reasons}
    name = case.row["name"]
    return {
        "applicant": _clean(case.applicant, case.row),
        "kind": case.row["kind"],
        "name": name and (_clean(name, case.row) if case.row["kind"] == "enterprise" else privacy.mask_name(name)),
        "verdict": "refuse" if "refuse" in led else "refer" if "refer" in led else "pass",
        "reasons": reasons,
        "owned": [_clean(subject_id, case.row) for subject_id in case.owned],
        "policy": policy.id,
        "policy_version": policy.version,
        "policy_hash": policy.hash,
        "on": case.day.isoformat(),
    }


def _clean(text: str, row: Mapping[str, Any]) -> str:
    """A text without the numbers of persons, however the applicant spaced them, in ASCII or full-width."""
    for name in ("id_number",) if row["kind"] == "enterprise" else ("id_number", "uscc", "contact"):
        number = _code(row[name])
        if len(number) >= SHORTEST_NUMBER:
            either = (f"[{re.escape(c)}{chr(ord(c) + 0xFEE0)}]" if "!" <= c <= "~" else re.escape(c) for c in number)
            text = re.sub(r"[\s-]*".join(either), "***", text, flags=re.IGNORECASE)
    return privacy.text(text, row) or ""


# --- the ledger --------------------------------------------------------------------------------------------------


def store(
    con: duckdb.DuckDBPyConnection,
    result: Mapping[str, Any],
    policy: Policy,
    by: str | None,
    at: datetime | None = None,
) -> int:
    """Add a vetting to `ledger.vettings` and return its number; nothing there is ever changed."""
    with transaction(con):
        number = int(scalar(con, "SELECT coalesce(max(number), 0) + 1 FROM ledger.vettings"))
        con.execute(
            "INSERT INTO ledger.vetting_policies VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [policy.hash, policy.id, policy.version, policy.text],
        )
        con.execute(
            "INSERT INTO ledger.vettings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number, at or datetime.now(UTC), result["on"], result["applicant"], result["verdict"], policy.id,
                policy.version, policy.hash, by, json.dumps(result, ensure_ascii=False),
            ],
        )  # fmt: skip
    return number


def stored(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All vettings kept, newest first, each with its whole `result`; empty where a home has none yet."""
    if not scalar(con, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger' AND table_name = 'vettings'"):
        return []
    kept = con.execute("SELECT * FROM ledger.vettings ORDER BY number DESC")
    names = [column[0] for column in kept.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in kept.fetchall()]
    return [row | {"result": json.loads(row["result"])} for row in rows]


# --- the letter --------------------------------------------------------------------------------------------------


def _harmless(text: str) -> str:
    """Text in which neither Markdown nor HTML of somebody's name does anything, links included."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]|~#!])", r"\\\1", text)
    return text.replace("://", "&#58;//").replace("www.", "www&#46;")


def letter(result: Mapping[str, Any], number: int, settings: Settings) -> str:
    """What is given to the applicant, as Markdown, Chinese first: verdict, every reason, what to do, how to object."""
    opened = [reason for reason in result["reasons"] if reason["leads_to"]]
    verdict = VERDICTS[result["verdict"]]
    parts = []
    for zh in (True, False):
        lang = "zh" if zh else "en"
        who = _harmless(result["name"] or result["applicant"])
        platform = _harmless(settings.platform_name if zh else settings.platform_name_en)
        parts += [
            f"# {'商家入驻审核结果通知' if zh else 'Result of vetting'}",
            (
                f"{who}：{platform}于 {result['on']} 对贵方的申请（编号 {number}）进行了审核，结果为：**{verdict.zh}**。"
                if zh
                else f"{who}: {platform} vetted your application (number {number}) as of {result['on']}. Result: **{verdict.en}**."
            ),
        ]
        # The same thing is said once, with all the checks it stands for.
        said: dict[tuple[str, str], list[str]] = {}
        for reason in opened:
            end = {"refuse": "不予通过" if zh else "refuses", "refer": "待补充或复核" if zh else "refers"}[
                reason["leads_to"]
            ]
            title = f"{reason[f'name_{lang}']}（{end}）" if zh else f"{reason['name_en']} ({end})"
            said.setdefault((reason[lang], reason[f"remedy_{lang}"]), []).append(title)
        if said:
            parts.append("## 理由与办理方法" if zh else "## Reasons, and what to do")
            parts.append(
                "\n".join(
                    f"{i}. **{_harmless(('、' if zh else ', ').join(titles))}**{'：' if zh else ': '}"
                    f"{_harmless(why)}{'。' if zh else '. '}{_harmless(remedy)}"
                    for i, ((why, remedy), titles) in enumerate(said.items(), 1)
                )
            )
        passed = [r[f"name_{lang}"] for r in result["reasons"] if r["outcome"] == "passed"]
        if passed:
            parts.append(f"已符合：{_harmless('、'.join(passed))}。" if zh else f"Met: {_harmless(', '.join(passed))}.")
        contact = _harmless(settings.objection_contact)
        by = f"{result['policy']} {result['policy_version']} ({result['policy_hash'][:12]})"
        parts += [
            "## 异议" if zh else "## How to object",
            (
                f"如对结果有异议，请注明编号 {number}，连同证明材料送至 {contact}。"
                if zh
                else f"If you disagree, write to {contact} with number {number} and what proves your case."
            ),
            f"审核依据：{by}。" if zh else f"Vetted by policy {by}.",
        ]
    return "\n\n".join(parts) + "\n"

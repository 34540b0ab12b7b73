"""Vetting: each check by literal data, the verdict, what is kept, what an applicant is given, hostile input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import InputError, UserError
from credit.home import open_warehouse
from credit.settings import Settings
from credit.vetting import application, verdict
from credit.vetting import case as case_
from credit.vetting import letter as letter_
from credit.vetting import policy as policy_
from support.places import ROOT

DAY = date(2026, 11, 24)
SAMPLES = ROOT / "data" / "applications"
ENTERPRISE = json.loads((SAMPLES / "enterprise.json").read_text(encoding="utf-8"))
PERSON = yaml.safe_load((SAMPLES / "individual.yaml").read_text(encoding="utf-8"))
ID = "110198199003071013"
USCC = "91110198MA1EXAMP1T"
HOUSEHOLD = "92110198MA3EXAMP3A"
LICENCE = {"licence_no": HOUSEHOLD, "licence_valid_from": "2020-01-01"}
FOOD = {"category": "食品生鲜", "permit_no": "JY11101980000001", "permit_valid_until": "2028-01-01"}
HOLDER = "样品阁（示例）有限公司"
LINK = {"from": HOLDER, "valid_from": "2026-01-01", "valid_until": "2027-12-31"}


def read(data: Any) -> application.Application:
    return application.parse(json.dumps(data, ensure_ascii=False, default=str).encode(), Path("a.json"))


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {reason["check"]: reason["outcome"] for reason in result["reasons"]}


def judged(data: dict[str, Any], **known: Any) -> dict[str, Any]:
    """The result for an application, without a warehouse; `known` is what one would have said."""
    applicant = read(data)
    case = case_.Case(
        DAY, applicant.row["subject_id"] or "code-0", applicant.row, applicant.brands, applicant.records, **known
    )
    return verdict.judge(case, policy_.load_policy())


def brand(**fields: Any) -> dict[str, Any]:
    return {"brands": [{"name": "样品阁", "holder": HOLDER} | fields]}


def record(kind: str, grade: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "grade": grade, "issuer": "示例机关", "valid_from": "2026-05-01"} | fields


def penalties(*grades: str | None, **fields: Any) -> dict[str, Any]:
    return {"public_records": [record("administrative_penalty", grade, **fields) for grade in grades]}


# check, changes of the sample enterprise (a "kind" of individual: of the sample person), outcome
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("name_given", {}, "passed"),
    ("name_given", {"name": " "}, "not_given"),
    ("name_given", {"name": "--1"}, "failed"),
    ("code_right", {}, "passed"),
    ("code_right", {"uscc": "91110198ma1examp1t "}, "passed"),
    ("code_right", {"uscc": "91110198MA1EXAMP1X"}, "failed"),
    ("code_right", {"uscc": None}, "not_given"),
    ("code_right", {"uscc": None, "id_number": ID}, "not_given"),  # an enterprise is not its manager
    ("code_right", {"kind": "individual"}, "passed"),
    ("code_right", {"kind": "individual", "id_number": "110198199003071014"}, "failed"),
    ("code_right", {"kind": "individual", "uscc": HOUSEHOLD, "id_number": None}, "passed"),
    ("code_right", {"kind": "individual", "uscc": HOUSEHOLD[:-1] + "B"}, "failed"),
    ("address_given", {}, "passed"),
    ("address_given", {"address": "北京市"}, "failed"),
    ("address_given", {"address": None}, "not_given"),
    ("contact_given", {"contact": "010-98000001"}, "passed"),
    ("contact_given", {"contact": "微信"}, "failed"),
    ("contact_given", {"contact": None}, "not_given"),
    ("licence_valid", {}, "passed"),
    ("licence_valid", {"licence_valid_until": None}, "passed"),  # no end stated
    ("licence_valid", {"licence_valid_until": "2026-11-24"}, "passed"),  # its last day
    ("licence_valid", {"licence_valid_until": "2026-11-23"}, "failed"),
    ("licence_valid", {"licence_valid_from": "2026-11-25"}, "failed"),
    ("licence_valid", {"licence_valid_from": None}, "not_given"),
    ("licence_valid", {"licence_no": None}, "not_given"),
    ("licence_valid", {"kind": "individual"}, "not_applicable"),
    ("licence_valid", {"kind": "individual", "uscc": HOUSEHOLD}, "not_given"),
    ("licence_valid", {"kind": "individual", "uscc": HOUSEHOLD, **LICENCE}, "passed"),
    ("licence_lasts", {"licence_valid_until": "2026-12-25"}, "passed"),
    ("licence_lasts", {"licence_valid_until": "2026-12-24"}, "failed"),
    ("category_known", {"category": "food"}, "passed"),
    ("category_known", {"category": "军火"}, "failed"),
    ("category_known", {"category": None}, "not_given"),
    ("permit_valid", {}, "not_applicable"),
    ("permit_valid", FOOD, "passed"),
    ("permit_valid", FOOD | {"permit_valid_until": "2026-11-23"}, "failed"),
    ("permit_valid", FOOD | {"permit_no": None}, "not_given"),
    ("permit_valid", FOOD | {"category": " 食品 生鲜"}, "passed"),
    ("permit_lasts", FOOD, "passed"),
    ("permit_lasts", FOOD | {"permit_valid_until": "2026-12-01"}, "failed"),
    ("icp_record", {}, "passed"),
    ("icp_record", {"icp_record": "https://shop.example/licence"}, "passed"),
    ("icp_record", {"icp_record": "ICP12"}, "failed"),
    ("icp_record", {"icp_record": None}, "not_given"),
    ("icp_record", {"kind": "individual"}, "not_applicable"),
    ("deposit_enough", {"deposit_amount": "10000.00"}, "passed"),
    ("deposit_enough", {"deposit_amount": 9999.99}, "failed"),
    ("deposit_enough", {"deposit_amount": 10000, **FOOD}, "failed"),
    ("deposit_enough", {"currency": "USD"}, "failed"),
    ("deposit_enough", {"deposit_amount": None}, "not_given"),
    ("brand_right", {}, "passed"),
    ("brand_right", {"brands": []}, "not_applicable"),
    ("brand_right", {"brands": None}, "not_given"),
    ("brand_right", brand(), "not_given"),
    ("brand_own", {}, "passed"),
    ("brand_own", brand(own_trademark_no="98000001"), "failed"),  # held by another
    ("brand_own", {"brands": [{"name": "示例家", "own_trademark_no": "none"}]}, "failed"),
    ("brand_chain", {}, "passed"),
    ("brand_chain", brand(authorisation=LINK), "passed"),
    ("brand_chain", brand(authorisation=LINK | {"from": "样品阁(示例)有限公司"}), "passed"),  # half-width brackets
    ("brand_chain", brand(authorisation=LINK | {"from": "示例总代理有限公司"}), "failed"),
    ("brand_chain", brand(authorisation=LINK | {"from": None}), "not_given"),
    ("brand_valid", {}, "passed"),
    ("brand_valid", brand(authorisation=LINK | {"valid_until": "2026-11-24"}), "passed"),
    ("brand_valid", brand(authorisation=[LINK, LINK | {"valid_until": "2026-11-23"}]), "failed"),
    ("brand_valid", brand(authorisation=LINK | {"valid_from": "2026-11-25"}), "failed"),
    ("brand_valid", brand(authorisation=LINK | {"valid_until": None}), "not_given"),
    ("serious_violation", {}, "passed"),
    ("serious_violation", {"public_records": [record("serious_violation")]}, "failed"),
    ("serious_violation", {"public_records": [record("serious_violation", valid_until="2026-11-23")]}, "passed"),
    ("serious_violation", {"public_records": [record("serious_violation", valid_from="2026-11-25")]}, "passed"),
    ("serious_violation", {"public_records": None}, "not_given"),
    ("dishonest_debtor", {}, "passed"),
    ("dishonest_debtor", {"public_records": [record("dishonest_debtor")]}, "failed"),
    ("abnormal_operation", {}, "passed"),
    ("abnormal_operation", {"public_records": [record("abnormal_operation")]}, "failed"),
    ("serious_penalty", penalties("moderate", "minor"), "passed"),
    ("serious_penalty", penalties("serious"), "failed"),
    ("serious_penalty", penalties("serious", repaired_on="2026-11-24"), "passed"),
    ("serious_penalty", penalties("serious", repaired_on="2026-11-25"), "failed"),
    ("moderate_penalty", penalties("serious", "minor"), "passed"),
    ("moderate_penalty", penalties("moderate"), "failed"),
    ("moderate_penalty", penalties(None), "failed"),  # severity not stated
    ("minor_penalty", penalties("minor", "minor"), "passed"),
    ("minor_penalty", penalties("minor", "minor", "minor"), "failed"),
]


@pytest.mark.parametrize(("check", "changes", "outcome"), CASES)
def test_check(check: str, changes: dict[str, Any], outcome: str) -> None:
    base = PERSON if changes.get("kind") == "individual" else ENTERPRISE
    result = judged(base | changes)
    assert outcomes(result)[check] == outcome
    (reason,) = (r for r in result["reasons"] if r["check"] == check)
    assert reason["zh"]
    assert reason["en"]
    # Whoever has something to do is told what, naming the field.
    assert bool(reason["remedy_zh"]) == bool(re.search("[a-z_]{4,}", reason["remedy_en"])) == bool(reason["leads_to"])
    assert bool(reason["leads_to"]) == (outcome in ("failed", "not_given"))


SHOP = {"subject_id": "old", "uscc": USCC}
LONG_AGO, LATELY, TOMORROW = "2023-11-24 10:00", "2026-11-24 10:00", "2026-11-25 00:00"

# check, rows of the warehouse, outcome for the sample enterprise
KNOWN: list[tuple[str, dict[str, list[dict[str, Any]]], str]] = [
    ("code_new", {"subjects": [{"subject_id": "other", "uscc": "91110198MA4EXAMP4N"}]}, "passed"),
    ("code_new", {"subjects": [SHOP]}, "failed"),
    ("code_new", {"subjects": [SHOP | {"uscc": "91110198 ma1examp1t", "kind": "individual"}]}, "failed"),
    ("code_new", {"subjects": [SHOP | {"known_at": "2026-11-25 00:01"}]}, "passed"),
    ("code_new", {"subjects": [{"subject_id": "A000001", "uscc": None}]}, "failed"),  # the id is in use
    ("owner_standing", {"subjects": [SHOP]}, "passed"),
    ("owner_standing", {"subjects": [SHOP], "sanctions": [{"kind": "suspension", "imposed_at": LATELY}]}, "failed"),
    ("owner_standing", {"subjects": [SHOP], "sanctions": [{"kind": "suspension", "imposed_at": TOMORROW}]}, "passed"),
    ("owner_standing", {"subjects": [SHOP], "sanctions": [{"kind": "suspension", "lifted_at": LATELY}]}, "passed"),
    ("owner_standing", {"subjects": [SHOP], "sanctions": [{"kind": "suspension", "until_at": TOMORROW}]}, "failed"),
    ("owner_standing", {"subjects": [SHOP], "sanctions": [{"kind": "warning"}]}, "passed"),
    ("earlier_termination", {"subjects": [SHOP], "sanctions": [{"kind": "suspension"}]}, "passed"),
    ("earlier_termination", {"subjects": [SHOP], "sanctions": [{"kind": "termination"}]}, "failed"),
    ("earlier_termination", {"subjects": [SHOP], "sanctions": [{"kind": "termination", "imposed_at": LONG_AGO}]}, "passed"),
    ("earlier_violation", {"subjects": [SHOP], "violations": [{"severity": "minor", "decided_at": LATELY}]}, "passed"),
    ("earlier_violation", {"subjects": [SHOP], "violations": [{"severity": "serious", "decided_at": LATELY}]}, "failed"),
    ("serious_violation", {"subjects": [SHOP], "public_records": [{"kind": "serious_violation"}]}, "failed"),
]  # fmt: skip


def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"subject_id": "old"} | row for row in rows]


@pytest.fixture
def vetted(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> Callable[..., dict[str, Any]]:
    """`vetted(data, subjects=[...])`: the result for an application where the warehouse holds these rows."""
    home.home.mkdir(parents=True, exist_ok=True)

    def made(data: dict[str, Any], **rows: list[dict[str, Any]]) -> dict[str, Any]:
        con = fill(**{table: renamed(table_rows) for table, table_rows in rows.items()})
        return verdict.judge(case_.case_of_application(con, home, read(data), DAY), policy_.load_policy())

    return made


@pytest.mark.parametrize(("check", "rows", "outcome"), KNOWN)
def test_check_against_the_warehouse(
    check: str, rows: dict[str, Any], outcome: str, vetted: Callable[..., dict[str, Any]]
) -> None:
    assert outcomes(vetted(ENTERPRISE, **rows))[check] == outcome


def test_a_code_that_was_changed_still_counts(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> None:
    home.home.mkdir(parents=True)
    con = fill(
        subjects=[SHOP | {"uscc": "91110198MA4EXAMP4N"}], sanctions=[{"subject_id": "old", "kind": "termination"}]
    )
    con.execute("INSERT INTO history.subjects BY NAME SELECT * REPLACE (? AS uscc) FROM canonical.subjects", [USCC])
    try:
        case = case_.case_of_application(con, home, read(ENTERPRISE), DAY)
    finally:
        con.execute("DELETE FROM history.subjects")
    assert outcomes(verdict.judge(case, policy_.load_policy()))["earlier_termination"] == "failed"


@pytest.mark.parametrize(("kind", "grades", "outcome"), [
    ("enterprise", [], "not_applicable"), ("enterprise", ["AA", "NR"], "passed"), ("enterprise", ["AA", "D"], "failed"),
    ("individual", ["D"], "passed"), ("individual", ["E"], "failed"),
])  # fmt: skip
def test_worst_grade(kind: str, grades: list[str], outcome: str) -> None:
    assert outcomes(judged(PERSON if kind == "individual" else ENTERPRISE, grades=grades))["worst_grade"] == outcome


def test_grades_are_the_newest_of_each_shop(fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings) -> None:
    home.home.mkdir(parents=True)
    con = fill(subjects=[SHOP])
    try:
        for on, grade in (("2026-11-20", "D"), ("2026-11-22", "C"), ("2026-11-25", "AAA")):
            con.execute(
                """INSERT INTO results.runs BY NAME SELECT ?::DATE AS evaluated_on, 'r' AS rulebook, '1' AS rulebook_version,
                   'h' AS rulebook_hash, now() AS cut_off, 'in_force' AS standing, '{}' AS priors, 1 AS subjects""",
                [on],
            )
            con.execute(
                """INSERT INTO results.grades BY NAME SELECT ?::DATE AS evaluated_on, 'r' AS rulebook, 'h' AS rulebook_hash,
                   'old' AS subject_id, 'enterprise' AS subject_kind, ? AS grade, 1 AS evidence, 10 AS orders""",
                [on, grade],
            )
        case = case_.case_of_application(con, home, read(ENTERPRISE), DAY)
    finally:
        con.execute("DELETE FROM results.runs; DELETE FROM results.grades")
    assert case.grades == ["C"]


def test_every_check_of_the_policy_passes_and_fails_above() -> None:
    tried = {(check, outcome) for check, _, outcome in [*CASES, *KNOWN]}
    for rule in policy_.load_policy().checks:
        if rule.id == "worst_grade":
            continue
        assert (rule.id, "passed") in tried, rule.id
        assert (rule.id, "failed") in tried or (rule.id == "brand_right" and (rule.id, "not_given") in tried), rule.id


def test_verdicts() -> None:
    assert judged(ENTERPRISE)["verdict"] == "pass"
    assert judged(PERSON)["verdict"] == "pass"
    assert judged(ENTERPRISE | {"address": None})["verdict"] == "refer"  # something needed is missing
    assert judged(ENTERPRISE | {"category": "军火"})["verdict"] == "refer"
    # What is not given never refuses, though a failure of the same check would.
    assert judged(ENTERPRISE | {"uscc": None})["verdict"] == "refer"
    refused = judged(ENTERPRISE | {"uscc": "91110198MA1EXAMP1X", "address": None})
    assert refused["verdict"] == "refuse"
    referred = application.read(SAMPLES / "referred.yaml")
    case = case_.Case(DAY, "A000002", referred.row, referred.brands, referred.records)
    result = verdict.judge(case, policy_.load_policy())
    assert result["verdict"] == "refer"
    assert {r["check"] for r in result["reasons"] if r["leads_to"]} == {
        "licence_lasts", "deposit_enough", "brand_right", "moderate_penalty",
    }  # fmt: skip


@pytest.mark.parametrize("written", [ID, "110198 19900307 1013", "１１０１９８１９９００３０７１０１３"])
def test_a_persons_number_is_nowhere(
    written: str, fill: Callable[..., duckdb.DuckDBPyConnection], home: Settings
) -> None:
    home.home.mkdir(parents=True)
    wild = PERSON | {
        "subject_id": written,
        "contact": "13800000000",
        "brands": [{"name": f"王小样 {written} 13800000000"}],
        "public_records": [record("abnormal_operation", issuer=f"机关 {written}")],
    }
    con = fill()
    result = verdict.judge(case_.case_of_application(con, home, read(wild), DAY), policy_.load_policy())
    verdict.store(con, result, policy_.load_policy(), None)
    kept = con.execute("SELECT * FROM ledger.vettings").fetchall()
    con.execute("DELETE FROM ledger.vettings")
    for text in (json.dumps(result, ensure_ascii=False), str(kept), letter_.letter(result, 1, home)):
        for secret in (written, ID, "13800000000", "小样"):
            assert secret not in text
    assert result["name"] == "王**"


def test_a_fingerprint_is_the_homes_own(fill: Callable[..., duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    marks = []
    for name in ("a", "a", "b"):
        conf = Settings(home=tmp_path / name, zone="Asia/Shanghai")
        conf.home.mkdir(exist_ok=True)
        marks.append(case_.case_of_application(fill(), conf, read(PERSON), DAY).applicant)
    assert marks[0] == marks[1] != marks[2]
    assert re.fullmatch("code-[0-9a-f]{16}", marks[0])


def test_the_same_application_gives_the_same_result(vetted: Callable[..., dict[str, Any]]) -> None:
    rows: dict[str, Any] = {"subjects": [SHOP], "sanctions": [{"kind": "termination"}, {"kind": "suspension"}]}
    assert json.dumps(vetted(ENTERPRISE, **rows)) == json.dumps(vetted(ENTERPRISE, **rows))


# --- the file ----------------------------------------------------------------------------------------------------


def refused(text: str | bytes, name: str = "a.yaml") -> str:
    with pytest.raises(InputError) as error:
        application.parse(text.encode() if isinstance(text, str) else text, Path(name))
    return str(error.value)


def test_all_errors_at_once_each_with_its_field() -> None:
    message = refused(
        json.dumps(
            {
                "kind": "company", "uscc": 911, "licence_valid_until": "2026-02-30", "deposit_amount": -1, "nane": "x",
                "self_operated": "yes", "brands": [{"holder": "x"}], "public_records": [{"kind": "administrative_penalty",
                "issuer": "x", "valid_from": 1700000000, "grade": "big"}],
            }
        ),
        "a.json",
    )  # fmt: skip
    assert "has 9 errors" in message
    for part in ("kind (主体类型): Input should be 'enterprise' or 'individual'", "uscc (统一社会信用代码): expected text; put",
                 "licence_valid_until (营业执照有效期止): is not a day", "deposit_amount (保证金)", "nane: unknown field",
                 "self_operated", "brands.0.name (", "public_records.0.valid_from (生效日期): expected a day as YYYY-MM-DD",
                 "public_records.0.grade (等次): of a penalty: expected minor, moderate, serious"):  # fmt: skip
        assert part in message


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.yaml", "a: &a [x]\nb: *a\n", "line 2: not usable YAML: aliases"),
    ("a.yaml", "kind: individual\nkind: individual\n", "line 2: not usable YAML: key … stands twice"),
    ("a.json", '{"kind": "individual", "kind": "individual"}', "each field once"),
    ("a.yaml", "kind: individual\n主体类型: individual\n", "kind (主体类型): stands twice, in Chinese and in English"),
    ("a.yaml", "!!python/object/apply:os.system ['true']", "not usable YAML"),
    ("a.yaml", "- 1\n", "expected fields such as kind"),
    ("a.json", "{", "line 1: not usable JSON"),
    ("a.json", "[" * 100_000, "nested too deeply"),
    ("a.yaml", "[" * 5_000, "nested too deeply"),
    ("a.json", '{"kind": "individual", "deposit_amount": NaN}', "not usable"),
    ("a.json", '{"kind": "individual", "deposit_amount": 1e999999999}', "deposit_amount"),
    ("a.yaml", "kind: individual\ndeposit_amount: .inf\n", "deposit_amount"),
    ("a.json", '{"kind": "individual", "name": "a\\u0000b"}', "name (名称): has control or invisible characters"),
    ("a.json", '{"kind": "individual", "name": "a\\u202eb"}', "has control or invisible characters"),
    ("a.json", '{"kind": "individual", "name": "\\ud800"}', "name (名称)"),
    ("a.json", '{"kind": "individual", "deposit_amount": %s}' % ("9" * 5000), "not usable"),
    ("a.json", '{"kind": "individual", "name": "%s"}' % ("x" * 501), "at most 500 characters"),
    ("a.json", json.dumps({"kind": "individual", "brands": [{"name": "x"}] * 201}), "at most 200 items"),
    ("a.json", " " * ((1 << 20) + 1), "larger than 1 MiB"),
    ("a.json", b"\xff\xfe{}", "not UTF-8"),
])  # fmt: skip
def test_hostile_files(name: str, text: str | bytes, message: str) -> None:
    error = refused(text, name)
    assert message in error
    assert len(error) < 1000


def test_an_error_does_not_repeat_a_persons_number() -> None:
    for name, text in (
        ("a.json", json.dumps({"kind": "individual", "id_number": int(ID), ID: "x", "name": f"{ID}\n"})),
        ("a.yaml", f"kind: individual\nid_number: {ID}\n'{ID}': 1\n'{ID}': 2\n"),
        ("a.yaml", f"kind: {ID}\n? [{ID}]\n: 1\n"),
    ):
        assert ID not in refused(text, name)


def test_chinese_names_mean_the_same() -> None:
    applicant = application.read(SAMPLES / "referred.yaml")
    assert applicant.row["licence_valid_until"] == date(2026, 12, 9)
    assert applicant.row["role"] == "seller"
    assert applicant.brands is not None
    assert applicant.brands[0].name == "样品鲜"
    link = {"授权方": HOLDER, "授权期起": "2026-01-01", "授权期止": "2027-12-31"}
    data = ENTERPRISE | {"brands": [{"品牌名称": "样品阁", "权利人": HOLDER, "授权": link}]}
    assert judged(data)["verdict"] == "pass"


def test_a_policy_says_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    text = policy_.FILE.read_text(encoding="utf-8")
    for old, new in (
        ("leads_to: refer", "leads_to: shrug"),
        ("numbers: {characters: {value: 6,", "numbers: {letters: {value: 6,"),
        ("test: sanctions_in_force", "test: astrology"),
        ("source: law\n", "source: standard\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        policy_.load_policy(path)
    for part in (
        "has 4 errors",
        "checks.0.leads_to",
        "expected characters",
        "unknown test 'astrology'",
        "checks.0.source",
    ):
        assert part in str(error.value)
    line = text[: text.index("shrug")].count("\n") + 1
    assert f"{path}, line {line}, checks.0.leads_to" in str(error.value)


def test_no_number_of_the_policy_claims_to_be_a_standards_text() -> None:
    text = policy_.FILE.read_text(encoding="utf-8")
    assert "source: text" not in text
    assert set(re.findall(r"source: (\w+)", text)) == {"law", "neighbour", "reconstruction"}


# --- the letter --------------------------------------------------------------------------------------------------


def test_the_letter_says_all_and_does_nothing(home: Settings) -> None:
    hostile = "<script>alert(1)</script>[x](http://evil.example)*b*`c`|d|"
    result = judged(ENTERPRISE | {"name": hostile, "brands": [{"name": hostile}], "public_records": None})
    text = letter_.letter(result, 7, home)
    for part in ("<script", "[x](", "http://", "*b*", "`c`"):
        assert part not in text.replace("\\*", "").replace("\\`", "").replace("\\[", "").replace("\\]", "")
    for reason in result["reasons"]:
        if reason["leads_to"]:
            assert reason["name_zh"] in text
            assert reason["name_en"] in text
    assert text.index("结果为") < text.index("Result: ")
    assert text.count(home.objection_contact) == 2
    assert f"{result['policy']} {result['policy_version']}" in text
    assert text.count("未查询公共信用记录") == 1  # once for all the checks it stands for


# --- the command -------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    letter = tmp_path / "letter.md"
    verdicts = []
    for name in ("enterprise.json", "referred.yaml", "individual.yaml"):
        done = run("vet", SAMPLES / name, "--date", DAY, "--by", "李审核", "--letter", letter, "--home", home, "--json")
        assert done.exit_code == 0, done.output
        result = json.loads(done.stdout)
        verdicts.append(result["verdict"])
        assert {"applicant", "reasons", "policy", "policy_version", "policy_hash", "on", "number", "seconds"} <= set(
            result
        )
        assert letter.read_text(encoding="utf-8").startswith("# 商家入驻审核结果通知")
    assert verdicts == ["pass", "refer", "pass"]
    shown = run("vet", SAMPLES / "referred.yaml", "--date", DAY, "--home", home)
    assert "refer" in shown.stdout
    listed = json.loads(run("vettings", "--home", home, "--json").stdout)
    assert [row["number"] for row in listed] == [4, 3, 2, 1]
    assert listed[3]["by"] == "李审核"
    assert listed[3]["result"]["verdict"] == "pass"
    assert "A000001" in run("vettings", "--verdict", "pass", "--home", home).stdout
    for file in (home / "warehouse.duckdb", letter):
        assert ID.encode() not in file.read_bytes()
    with open_warehouse(Settings(home=home), read_only=True) as con:
        assert con.execute("SELECT hash = ? FROM ledger.vetting_policies", [listed[0]["policy_hash"]]).fetchall() == [
            (True,)
        ]


def test_command_on_the_register(tmp_path: Path) -> None:
    home, delivery = tmp_path / "home", tmp_path / "delivery"
    delivery.mkdir()
    row = {name: value for name, value in ENTERPRISE.items() if name not in ("brands", "public_records")}
    row |= {"role": "seller", "verified_on": "2026-11-20"}
    (delivery / "subjects.ndjson").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert run("ingest", "--path", delivery, "--date", DAY, "--home", home).exit_code == 0
    assert run("check", "--home", home).exit_code == 0
    first = json.loads(run("vet", "--subject", "A000001", "--date", DAY, "--home", home, "--json").stdout)
    # Nobody delivers public records here, so nobody looked them up.
    assert first["verdict"] == "refer"
    assert {r["check"] for r in first["reasons"] if r["leads_to"]} == {
        "serious_violation", "dishonest_debtor", "abnormal_operation", "serious_penalty", "moderate_penalty", "minor_penalty",
    }  # fmt: skip
    record = {
        "record_id": "r",
        "subject_id": "A000001",
        "kind": "award",
        "issuer": "示例机关",
        "valid_from": "2026-01-01",
    }
    (delivery / "public_records.ndjson").write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    assert run("ingest", "--path", delivery, "--date", DAY, "--home", home).exit_code == 0
    assert run("check", "--home", home).exit_code == 0
    second = json.loads(run("vet", "--subject", "A000001", "--date", DAY, "--home", home, "--json").stdout)
    assert second["verdict"] == "pass"
    assert second["owned"] == []
    with pytest.raises(UserError, match="nobody had that id"):
        CliRunner().invoke(app, ["vet", "--subject", "x'; --", "--home", str(home)], catch_exceptions=False)


@pytest.mark.parametrize(("arguments", "message"), [
    (("vet",), "either the file of one application or --subject"),
    (("vet", "a.json", "--subject", "x"), "either the file of one application or --subject"),
    (("vet", "no-such.json"), "no-such.json cannot be read"),
    (("vet", SAMPLES / "enterprise.json", "--policy", "no-such.yaml"), "no-such.yaml cannot be read"),
    (("vet", SAMPLES / "enterprise.json", "--letter", "no/such/letter.md"), "--letter no/such/letter.md"),
    (("vet", SAMPLES / "enterprise.json", "--by", "a\nb"), "--by"),
    (("vet", SAMPLES / "enterprise.json", "--date", "soon"), "--date"),
    (("vettings", "--verdict", "maybe"), "expected pass, refer or refuse"),
])  # fmt: skip
def test_errors_of_the_command(arguments: tuple[object, ...], message: str, tmp_path: Path) -> None:
    done = run(*arguments, "--home", tmp_path / "home")
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_the_ledger_only_grows(fill: Callable[..., duckdb.DuckDBPyConnection]) -> None:
    con: duckdb.DuckDBPyConnection = fill()
    policy, at = policy_.load_policy(), datetime(2026, 11, 24, tzinfo=UTC)
    try:
        assert [verdict.store(con, judged(ENTERPRISE), policy, "a", at) for _ in range(2)] == [1, 2]
        assert [(row["number"], row["at"]) for row in verdict.stored(con)] == [(2, at), (1, at)]
    finally:
        con.execute("DELETE FROM ledger.vettings")

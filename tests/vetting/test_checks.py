"""Each check of the policy by literal data: the application alone, and the rows of a warehouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from credit.vetting import policy as policies
from support.applicants import (
    ENTERPRISE,
    FOOD,
    HOUSEHOLD,
    ID,
    LICENCE,
    LINK,
    PERSON,
    SHOP,
    brand,
    judged,
    outcomes,
    penalties,
    record,
)

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize(("check", "rows", "outcome"), KNOWN)
def test_check_against_the_warehouse(
    check: str, rows: dict[str, Any], outcome: str, vetted: Callable[..., dict[str, Any]]
) -> None:
    assert outcomes(vetted(ENTERPRISE, **rows))[check] == outcome


@pytest.mark.parametrize(("kind", "grades", "outcome"), [
    ("enterprise", [], "not_applicable"), ("enterprise", ["AA", "NR"], "passed"), ("enterprise", ["AA", "D"], "failed"),
    ("individual", ["D"], "passed"), ("individual", ["E"], "failed"),
])  # fmt: skip
def test_worst_grade(kind: str, grades: list[str], outcome: str) -> None:
    assert outcomes(judged(PERSON if kind == "individual" else ENTERPRISE, grades=grades))["worst_grade"] == outcome


def test_every_check_of_the_policy_passes_and_fails_above() -> None:
    tried = {(check, outcome) for check, _, outcome in [*CASES, *KNOWN]}
    for rule in policies.load_policy().checks:
        if rule.id == "worst_grade":
            continue
        assert (rule.id, "passed") in tried, rule.id
        assert (rule.id, "failed") in tried or (rule.id == "brand_right" and (rule.id, "not_given") in tried), rule.id

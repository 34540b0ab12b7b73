"""The file of an applicant: all errors at once, hostile input, Chinese names."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from credit.errors import InputError
from credit.vetting import application
from support.applicants import (
    ENTERPRISE,
    HOLDER,
    ID,
    SAMPLES,
    judged,
)


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

"""What an applicant is given."""

from __future__ import annotations

from credit.settings import Settings
from credit.vetting import letter as letters
from support.applicants import (
    ENTERPRISE,
    judged,
)


def test_the_letter_says_all_and_does_nothing(home: Settings) -> None:
    hostile = "<script>alert(1)</script>[x](http://evil.example)*b*`c`|d|"
    result = judged(ENTERPRISE | {"name": hostile, "brands": [{"name": hostile}], "public_records": None})
    text = letters.letter(result, 7, home)
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

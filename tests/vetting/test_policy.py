"""The policy: its errors, and the sources it may claim."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from credit.errors import UserError
from credit.vetting import policy as policies


def test_a_policy_says_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    text = policies.FILE.read_text(encoding="utf-8")
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
        policies.load_policy(path)
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
    text = policies.FILE.read_text(encoding="utf-8")
    assert "source: text" not in text
    assert set(re.findall(r"source: (\w+)", text)) == {"law", "neighbour", "reconstruction"}


def test_the_policy_alone_knows_its_checks() -> None:
    """In a process that imported nothing else."""
    script = "from credit.vetting.policy import load_policy; print(len(load_policy().checks))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) == len(policies.load_policy().checks)

"""The verbs vet and vettings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.home import open_warehouse
from credit.settings import Settings
from support.applicants import (
    DAY,
    ENTERPRISE,
    ID,
    SAMPLES,
    run,
)


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


@pytest.mark.slow
@pytest.mark.thorough
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

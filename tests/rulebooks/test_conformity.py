"""The conformity sheet: no number of a rulebook is forgotten, each has its source and line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from credit.cli.main import app
from credit.files.strict_yaml import read
from credit.rulebooks import conformity
from credit.rulebooks.reading import load
from support import rules

FILES = sorted([*rules.SHIPPED.glob("*.yaml"), *rules.FROZEN.glob("*.yaml")])
BOOK = load(rules.ENTERPRISE_EARLIER)


def _numbers(node: yaml.Node) -> list[tuple[int, float]]:
    """(line, value) of every scalar that YAML itself takes for a number; independent of how the sheet walks."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag.endswith((":int", ":float")):
            return [(node.start_mark.line + 1, float(node.value))]
        return []
    inner = [v for _, v in node.value] if isinstance(node, yaml.MappingNode) else node.value
    return [number for value in inner for number in _numbers(value)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_number_is_in_the_sheet(path: Path) -> None:
    rows = conformity.rows(load(path))
    expected = _numbers(yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader))
    assert sorted((row.line, float(row.value)) for row in rows) == sorted(expected)
    assert len({row.place for row in rows}) == len(rows)
    assert sum(conformity.summary(rows).values()) == len(rows)
    assert all(row.zh and row.en and row.source in conformity.SOURCES for row in rows)
    assert "" not in conformity.summary(rows), "a number without a source"


def test_source_and_reference_are_those_of_the_block() -> None:
    text = BOOK.text.replace(
        "orders: {value: 10, source: reconstruction}", "orders: {value: 10, source: law, reference: 第 17 条}"
    )
    rows = {row.place: row for row in conformity.rows(BOOK.model_copy(update={"text": text}))}
    row = rows["minimum.orders.value"]
    assert (row.value, row.source, row.reference, row.zh) == (10, "law", "第 17 条", "评级最低要求 订单数")
    assert text.split("\n")[row.line - 1].strip().startswith("orders:")
    assert rows["grades.levels.AAA.at_least"].source == "reconstruction"
    curve = rows["elements.fulfilment.indicators.completion_rate.curve.1.0"]
    assert (curve.value, curve.zh, curve.en) == (
        0.95,
        "订单完成率 计分曲线 第 2 点 数值",
        "Completion rate: curve point 2 value",
    )
    assert conformity.summary(list(rows.values()))["law"] == 1


def test_a_section_the_model_does_not_know_is_listed() -> None:
    section = "vetoes:\n  - {id: counterfeit, name: {zh: 售假, en: Counterfeits}, conditions: [{at_least: 3}], source: reconstruction}\nelements:\n"
    book = BOOK.model_copy(update={"text": BOOK.text.replace("elements:\n", section, 1)})
    (row,) = [row for row in conformity.rows(book) if row.place.startswith("vetoes")]
    assert (row.place, row.value, row.source) == ("vetoes.counterfeit.conditions.0.at_least", 3, "reconstruction")
    assert row.en.startswith("Counterfeits")


def test_the_spreadsheet_runs_no_formula() -> None:
    text = BOOK.text.replace(
        "orders: {value: 10, source: reconstruction}", "orders: {value: 10, source: law, reference: '=HYPERLINK(1)'}"
    )
    content = conformity.to_csv([BOOK.model_copy(update={"text": text})])
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(conformity.rows(BOOK))
    assert [cell for row in rows for cell in row if "HYPERLINK" in cell] == ["'=HYPERLINK(1)"]
    assert [len(row) for row in rows] == [8] * len(rows)


@pytest.mark.parametrize("suffix", ["csv", "md", "json"])
def test_the_command_writes_a_sheet(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"sheet.{suffix}"
    done = CliRunner().invoke(
        app,
        ["rulebook", "conformity", f"{BOOK.id}@{BOOK.version}", "--out", str(out), "--home", str(tmp_path / "home")],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    assert f"{len(conformity.rows(BOOK))} numbers" in done.stdout
    text = out.read_text(encoding="utf-8-sig")
    assert "on_time_dispatch_rate.weight" in text
    if suffix == "json":
        (sheet,) = json.loads(text)
        assert sheet["numbers"] == len(sheet["rows"]) == sum(sheet["by_source"].values())
    assert read(BOOK.text)[0]["id"] == BOOK.id


def test_the_command_lists_all_in_force(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["rulebook", "conformity", "--json", "--home", str(tmp_path)], catch_exceptions=False
    )
    assert {sheet["rulebook"] for sheet in json.loads(done.stdout)} == {load(path).id for path in FILES}

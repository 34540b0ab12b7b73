"""Lists of entries: the sample's papers, every refusal with file and place, all or none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from credit.assessment import quarterly
from credit.assessment.catalogue import named, shipped
from credit.assessment.entering import enter
from credit.assessment.judging import RESULTS, assess
from credit.errors import UserError
from credit.ledgers import assessments
from credit.settings import Settings
from credit.synthetic import papers
from support.small_market import DAY

pytestmark = pytest.mark.slow

LINE = "hebei-ecommerce-enterprise:4.1.1"


def test_the_papers_of_the_sample_show_every_result(
    con: duckdb.DuckDBPyConnection, home: Settings, tmp_path: Path
) -> None:
    listed = papers.write(tmp_path / "papers", DAY)
    counts = enter(con, home, listed, by="Li Wei")
    assert counts == {"evidence": len(assessments.evidence(con)), "actions": len(papers.ACTIONS)}
    for piece in assessments.evidence(con):
        for target in piece.targets:
            catalogue, _, line = target.partition(":")
            assert shipped()[catalogue].criterion(line)
    result = assess(con, home, named("hebei-ecommerce-enterprise"), DAY)
    assert all(result["counts"][name] for name in RESULTS)
    assert [action.overdue(DAY) for action in assessments.actions(con)] == [False, True, False]
    assert {reminder.about for reminder in assessments.reminders(con, DAY)} == {"evidence", "action"}


def test_the_same_day_gives_the_same_papers(tmp_path: Path) -> None:
    first, second = (papers.write(tmp_path / name, DAY) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert papers.write(tmp_path / "c", date(2026, 1, 5)).read_bytes() != first.read_bytes()


GOOD = f"""evidence:
  - for: [{LINE}]
    title: 属实
    dated: 2026-01-05
actions:
  - {{for: {LINE}, nonconformity: n, cause: c, action: a, person: p, opened: 2026-10-01, due: 2026-12-01}}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: 属实", "name: 属实", r"line 2, evidence.0.title: Field required"),
        ("dated: 2026-01-05", "dated: soon", r"line 4, evidence.0.dated"),
        ("dated: 2026-01-05", "dated: 2026-01-05\n    file: gone.pdf", r"evidence.0: --file .*gone.pdf cannot be read: .*nothing was entered"),
        ("due: 2026-12-01", "due: 2026-09-01", r"actions.0: --due 2026-09-01 is before 2026-10-01.*nothing was entered"),
        ("opened: 2026-10-01", "opened: 2027-10-01", r"actions.0: --at .* is in the future"),
        ("person: p", 'person: ""', r"actions.0: --person is empty"),
        ("evidence:", "papers:", r"papers: Extra inputs"),
        (GOOD, "- a list", r"expected the keys evidence and actions"),
        ("title: 属实", "title: !x 属实", r"line 3: not usable YAML: tags"),
    ],
)  # fmt: skip
def test_a_list_with_an_error_enters_nothing(
    con: duckdb.DuckDBPyConnection, home: Settings, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "entries.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        enter(con, home, path, by="Li Wei")
    assert (assessments.evidence(con), assessments.actions(con)) == ([], [])
    path.write_text(GOOD, encoding="utf-8")
    assert enter(con, home, path, by="Li Wei") == {"evidence": 1, "actions": 1}


def test_every_catalogue_comes_after_those_it_rests_on() -> None:
    ordered = list(quarterly.in_order())
    assert {catalogue.id for catalogue in ordered} == set(shipped())
    before: set[str] = set()
    for catalogue in ordered:
        assert quarterly.rests_on(catalogue) <= before
        before.add(catalogue.id)
    assert quarterly.rests_on(ordered[-1])


def test_a_quarter_leaves_its_reports_in_the_home(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    run = quarterly.assess_one(con, home, named("gbt-24661-logistics"), DAY, "Li Wei")
    names = {path.name for path in (home.home / "assessments" / "2026-11-25").iterdir()}
    assert f"assessment-{run.number}-gbt-24661-logistics-2026-11-25.html" in names
    assert assessments.runs(con) == [run]

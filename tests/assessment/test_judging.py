"""An assessment: every result with its reason; mending one thing changes just its line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.assessment import files, judging, measuring
from credit.assessment.catalogue import Catalogue, Grading, named, parse
from credit.assessment.difference import difference
from credit.assessment.judging import RESULTS, assess, stars, together
from credit.errors import UserError
from credit.ledgers import assessments, closings
from credit.settings import Settings
from support.entries import LI, NOW
from support.small_market import DAY

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

HEBEI = "hebei-ecommerce-enterprise"


def lines(result: dict[str, Any]) -> dict[str, str]:
    return {line["id"]: line["result"] for line in result["lines"]}


def line(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(line for line in result["lines"] if line["id"] == name)


@pytest.fixture
def paper(con: duckdb.DuckDBPyConnection, home: Settings, tmp_path: Path) -> Callable[..., assessments.Evidence]:
    """`paper("4.1.1", dated=…)`: a document for lines of the governing catalogue."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"paper")

    def add(*names: str, **values: Any) -> assessments.Evidence:
        about = {"title": "文件", "dated": DAY - timedelta(days=10)} | values
        targets = [f"{HEBEI}:{name}" for name in names]
        return assessments.add(
            con, targets, kind="document", sha256=files.keep(home, path), file="paper.pdf", **about, **LI
        )

    return add


def assessed(con: duckdb.DuckDBPyConnection, home: Settings, after: int = 0) -> dict[str, Any]:
    return assess(con, home, named(HEBEI), DAY + timedelta(days=after))


def test_nothing_undeclared_counts_as_met(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    result = assessed(con, home)
    for each in result["lines"]:
        if all(part["how"] != "measured" for part in each["parts"]):
            assert each["result"] == "not_shown"
    assert sum(result["counts"].values()) == len(result["lines"]) == 54
    assert (result["score"], result["stars"]) == (None, None)


def test_every_line_says_why_and_what_would_mend_it(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    for each in assessed(con, home)["lines"]:
        assert each["result"] in RESULTS
        for part in each["parts"]:
            assert part["zh"]
            assert part["en"]
        assert bool(each["mend"]) is (each["result"] not in ("met", "not_applicable"))


def test_assessing_leaves_nothing_behind_and_is_repeatable(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    def views() -> Any:
        return con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()

    before = views()
    assert assessed(con, home) == assessed(con, home)
    assert views() == before


def test_a_document_counts_from_its_day_while_it_is_in_force(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence]
) -> None:
    assert lines(assessed(con, home))["4.1.1"] == "not_shown"
    paper("4.1.1", dated=DAY + timedelta(days=1), valid_until=DAY + timedelta(days=5))
    assert [lines(assessed(con, home, n))["4.1.1"] for n in (0, 1, 5, 6)] == ["not_shown", "met", "met", "not_met"]
    assert (
        "文件（证据 1，2026-11-26，有效至 2026-11-30，登记人 Li Wei）"
        in line(assessed(con, home, 1), "4.1.1")["parts"][0]["zh"]
    )


def test_a_document_may_be_too_old(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence]
) -> None:
    paper("4.1.1")
    assert [lines(assessed(con, home, n))["4.1.1"] for n in (0, 390, 391)] == ["met", "met", "not_met"]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"another")])
def test_a_document_whose_file_is_not_there_shows_nothing(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence], damage: Any
) -> None:
    sha256 = paper("4.1.1").sha256
    assert sha256 is not None
    damage(files.place(home, sha256))
    changed = line(assessed(con, home), "4.1.1")
    assert changed["result"] == "not_met"
    assert "missing or was changed" in changed["parts"][0]["en"]


def test_void_evidence_shows_nothing(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence]
) -> None:
    paper("4.1.1")
    assessments.expire(con, 1, reason="r", **LI)
    assert [lines(assessed(con, home, n))["4.1.1"] for n in (-1, 0)] == ["met", "not_met"]


def test_a_statement_is_enough_where_one_is_asked_and_not_for_a_document(
    con: duckdb.DuckDBPyConnection, home: Settings
) -> None:
    for name in ("4.1.1", "5.2.3"):
        assessments.add(con, [f"{HEBEI}:{name}"], kind="declaration", title="属实", dated=DAY, **LI)
    result = lines(assessed(con, home))
    assert (result["4.1.1"], result["5.2.3"]) == ("not_shown", "met")


def test_what_does_not_apply_says_who_says_so_and_why(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assessments.add(con, [f"{HEBEI}:4.1.8"], kind="not_applicable", title="没有跨境业务", dated=DAY, **LI)
    each = line(assessed(con, home), "4.1.8")
    assert each["result"] == "not_applicable"
    assert each["parts"][0]["zh"] == "Li Wei声明（证据 1）：没有跨境业务"
    assert lines(assessed(con, home, -1))["4.1.8"] == "not_shown"


def test_an_open_action_keeps_a_line_from_being_met(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence], clock: Any
) -> None:
    paper("4.1.1")
    about = {"nonconformity": "n", "cause": "c", "action": "改", "person": "王芳", "due_on": DAY + timedelta(days=1)}
    assessments.open_action(con, f"{HEBEI}:4.1.1", **about, **LI)
    each = line(assessed(con, home), "4.1.1")
    assert (each["result"], each["actions"][0]["overdue"]) == ("partly", False)
    assert each["mend"][-1]["en"].startswith("Finish corrective action 1 (王芳, by 2026-11-26)")
    assert line(assessed(con, home, 2), "4.1.1")["actions"][0]["overdue"] is True
    clock(NOW + timedelta(days=1))
    assessments.close_action(con, 1, effect="e", **LI)
    assert lines(assessed(con, home, 1))["4.1.1"] == "met"


MENDED: dict[str, tuple[str, str]] = {
    "an invoice rate": (
        "4.3.3",
        "UPDATE canonical.transactions SET invoice_asked = true, invoice_issued_at = completed_at WHERE completed_at IS NOT NULL",
    ),
    "an expired licence": ("4.2.1.1a", "UPDATE canonical.subjects SET licence_valid_until = DATE '2030-01-01'"),
    "a missing record": (
        "4.2.1.1b",
        "UPDATE canonical.subjects SET icp_record = '冀ICP备1号' WHERE kind = 'enterprise'",
    ),
    "an expired permit": ("4.2.1.1a", "UPDATE canonical.subjects SET permit_valid_until = DATE '2030-01-01'"),
    "a missed announcement": ("4.2.1.1d", "UPDATE ledger.closings SET closes_on = closes_on + 1"),
    "untraceable orders": ("4.3.5", "UPDATE canonical.transactions SET traceable = true"),
}


@pytest.mark.parametrize("name", MENDED)
def test_mending_one_thing_changes_just_its_line(con: duckdb.DuckDBPyConnection, home: Settings, name: str) -> None:
    mended, statement = MENDED[name]
    con.execute("UPDATE canonical.subjects SET licence_valid_until = DATE '2026-11-24' WHERE subject_id = 'shop'")
    con.execute("""UPDATE canonical.subjects SET category = '食品生鲜', permit_no = 'P', permit_valid_until = DATE '2026-11-24'
        WHERE subject_id = 'idle'""")
    closings.announce(con, "idle", on=DAY + timedelta(days=30), at=NOW - timedelta(days=1), **LI)
    con.execute("UPDATE ledger.closings SET closes_on = closes_on - 1")
    before = assessed(con, home)
    con.execute(statement)
    changes = difference(before, assessed(con, home))["changed"]
    assert [change["id"] for change in changes] == [mended]
    assert changes[0]["reasons_before"] != changes[0]["reasons_after"]


def test_a_difference_names_results_and_needs_one_catalogue(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence]
) -> None:
    before = assessed(con, home)
    paper("4.1.1", "4.1.2")
    after = assessed(con, home)
    changed = difference(before, after)["changed"]
    assert [(c["id"], c["before"], c["after"], c["better"]) for c in changed] == [
        ("4.1.1", "not_shown", "met", True), ("4.1.2", "not_shown", "met", True),
    ]  # fmt: skip
    assert difference(after, after)["changed"] == []
    shorter = after | {"lines": after["lines"][1:]}
    assert (difference(after, shorter)["removed"], difference(shorter, after)["added"]) == (["4.1.1"], ["4.1.1"])
    with pytest.raises(UserError, match="give two by one catalogue"):
        difference(before, after | {"catalogue": after["catalogue"] | {"id": "another"}})


GRADED = """id: a-graded-one
version: 1.0.0
standard: none
title: {zh: 测, en: test}
requirements: {source: reconstruction}
announced_on: 2026-01-01
effective_from: 2026-01-08
chapters: [{clause: "4", title: {zh: 章, en: chapter}}]
grading: {source: reconstruction, levels: [{at_least: 70, stars: 2}, {at_least: 80, stars: 3}]}
criteria:
  - {clause: "4.1", asks: {zh: 一, en: one}, weight: 7, shown_by: [{how: declared, statement: {zh: 明, en: so}}]}
  - {clause: "4.2", asks: {zh: 二, en: two}, weight: 2, shown_by: [{how: declared, statement: {zh: 明, en: so}}, {how: measured, measure: icp_shown, at_least: {value: 1, source: reconstruction}, partly_from: {value: 1, source: reconstruction}}]}
  - {clause: "4.3", asks: {zh: 三, en: three}, weight: 1, shown_by: [{how: declared, statement: {zh: 明, en: so}}]}
"""


@pytest.fixture
def graded() -> Catalogue:
    return parse(GRADED.encode(), "graded.yaml")


def test_score_and_stars_by_hand(con: duckdb.DuckDBPyConnection, home: Settings, graded: Catalogue) -> None:
    assert (assess(con, home, graded, DAY)["score"], assess(con, home, graded, DAY)["stars"]) == (0, 0)

    def state(name: str, kind: str = "declaration") -> dict[str, Any]:
        assessments.add(con, [f"a-graded-one:{name}"], kind=kind, title="t", dated=DAY, **LI)
        return assess(con, home, graded, DAY)

    assert state("4.1")["score"] == 70
    result = state("4.2")  # one of its two parts
    assert (result["score"], result["stars"]) == (80, 3)
    result = state("4.3", "not_applicable")  # 8 of 9
    assert (result["score"], result["stars"]) == (88.89, 3)
    assert result["counts"] == {"met": 1, "partly": 1, "not_met": 0, "not_shown": 0, "not_applicable": 1}


def test_a_statement_that_there_is_none_gives_way_to_data_that_shows_some(
    con: duckdb.DuckDBPyConnection, home: Settings
) -> None:
    assessments.add(con, [f"{HEBEI}:4.2.1.4"], kind="not_applicable", title="不搭售", dated=DAY, **LI)
    assert lines(assessed(con, home))["4.2.1.4"] == "not_applicable"
    con.execute(
        "INSERT INTO meta.supplied SELECT 1, 'listings', ['listing_id', 'tie_in', 'tie_in_marked'], TIMESTAMPTZ '2020-01-01'"
    )
    row = "INSERT INTO canonical.listings BY NAME SELECT '{0}' AS listing_id, 'shop' AS subject_id, TIMESTAMPTZ '2026-01-01' AS listed_at, {1} AS tie_in, {1} AS tie_in_marked, TIMESTAMPTZ '2026-01-01' AS known_at"
    con.execute(row.format("l1", "false"))
    assert lines(assessed(con, home))["4.2.1.4"] == "not_applicable"
    con.execute(row.format("l2", "true"))
    tied = line(assessed(con, home), "4.2.1.4")
    assert tied["result"] == "partly"  # marked, but nothing shows how
    assert tied["parts"][-1]["en"] == "stated by Li Wei (evidence 1): 不搭售"


def test_nothing_that_applies_has_no_score(con: duckdb.DuckDBPyConnection, home: Settings, graded: Catalogue) -> None:
    names = [f"a-graded-one:4.{n}" for n in (1, 2, 3)]
    assessments.add(con, names, kind="not_applicable", title="t", dated=DAY, **LI)
    assert assess(con, home, graded, DAY)["score"] is None


@pytest.mark.parametrize(("score", "expected"), [(69.99, 0), (70, 2), (79.99, 2), (80, 3), (None, None)])
def test_stars_by_their_edges(graded: Catalogue, score: float | None, expected: int | None) -> None:
    assert isinstance(graded.grading, Grading)
    assert stars(graded.grading, score) == expected
    assert stars(None, score) is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["met", "met"], "met"),
        (["met", "not_shown"], "partly"),
        (["met", "not_met"], "partly"),
        (["partly", "not_met"], "partly"),
        (["not_met", "not_shown"], "not_met"),
        (["not_shown", "not_shown"], "not_shown"),
        (["not_applicable", "met"], "met"),
        (["not_applicable", "not_shown"], "not_shown"),
        (["not_applicable"], "not_applicable"),
    ],
)
def test_parts_together(parts: list[judging.Result], expected: str) -> None:
    assert together(parts) == expected


def test_a_share_that_falls_short_never_looks_whole() -> None:
    assert measuring.percent(0.99999) == "99.9%"
    assert measuring.percent(1) == "100%"
    assert measuring.percent(0.95) == "95%"


def test_the_latest_rehearsal_counts_and_no_other_paper_stands_for_it(
    con: duckdb.DuckDBPyConnection, home: Settings, paper: Callable[..., assessments.Evidence]
) -> None:
    paper("4.1.4", dated=DAY - timedelta(days=184))
    assert lines(assessed(con, home))["4.1.4"] == "not_met"
    paper("5.7.3")
    assert lines(assessed(con, home))["4.1.4"] == "not_met"
    paper("4.1.4", dated=DAY - timedelta(days=183))
    assert lines(assessed(con, home))["4.1.4"] == "met"

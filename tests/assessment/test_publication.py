"""An assessment on the public site: only while decided, signed with the rest, without persons, documents and cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.assessment.catalogue import named
from credit.assessment.entering import enter
from credit.assessment.judging import assess
from credit.disclosure import service
from credit.disclosure.publishing import Publication, publish
from credit.ledgers import assessments
from credit.settings import Settings
from credit.synthetic import papers
from support.entries import LI
from support.small_market import DAY

pytestmark = pytest.mark.slow

HEBEI = "hebei-ecommerce-enterprise"


def published(con: duckdb.DuckDBPyConnection, home: Settings) -> tuple[Publication, dict[str, Any]]:
    publication = publish(con, home, DAY)
    return publication, json.loads((publication.path / "platform.json").read_bytes())


@pytest.fixture
def run(con: duckdb.DuckDBPyConnection, home: Settings, tmp_path: Path) -> assessments.Run:
    enter(con, home, papers.write(tmp_path / "papers", DAY), by="李伟明")
    return assessments.keep(con, assess(con, home, named(HEBEI), DAY), "text", **LI)


def test_it_is_published_only_while_decided(
    con: duckdb.DuckDBPyConnection, home: Settings, run: assessments.Run
) -> None:
    before, platform = published(con, home)
    assert platform["assessments"] == []
    assert not (before.path / "service.html").exists()
    assert "service.html" not in (before.path / "platform.html").read_text(encoding="utf-8")

    assessments.decide(con, HEBEI, run.number, reason="r", **LI)
    after, platform = published(con, home)
    assert after.kept == after.merchants, "no merchant's page is made anew"
    [assessment] = platform["assessments"]
    assert (assessment["counts"], len(assessment["lines"])) == (run.result["counts"], 54)
    assert "service.html" in (after.path / "platform.html").read_text(encoding="utf-8")
    page = (after.path / "service.html").read_text(encoding="utf-8")
    for line in run.result["lines"]:
        assert line["asks"]["zh"] in page
    listed = json.loads((after.path / "manifest.json").read_bytes())["files"]
    assert "service.html" in listed

    assessments.decide(con, HEBEI, None, reason="r", **LI)
    gone, platform = published(con, home)
    assert (gone.version, platform["assessments"]) == (before.version, [])


def test_it_tells_no_person_no_document_and_no_case(
    con: duckdb.DuckDBPyConnection, home: Settings, run: assessments.Run
) -> None:
    cases = [key for line in run.result["lines"] for part in line["parts"] for key in part.get("examples", ())]
    # Not those whose names are words.
    examples = [key for key in cases if "-" in key]
    assert examples
    assert any(part["how"] == "evidenced" for line in run.result["lines"] for part in line["parts"])
    assessments.decide(con, HEBEI, run.number, reason="r", **LI)
    publication, platform = published(con, home)
    text = json.dumps(platform["assessments"], ensure_ascii=False)
    page = (publication.path / "service.html").read_text(encoding="utf-8")
    titles = [piece.title for piece in assessments.evidence(con) if piece.title not in named(HEBEI).text]
    assert len(titles) > 20
    people = ["李伟明", "Li Wei", *(action.person for action in assessments.actions(con))]
    for word in [*titles, *people, *examples, *(piece.sha256 for piece in assessments.evidence(con) if piece.sha256)]:
        assert word not in page
        assert word not in text


def test_every_result_has_words_for_every_way_of_showing() -> None:
    for how in ("evidenced", "declared"):
        for result in ("met", "not_met", "not_shown"):
            assert service._reason({"how": how, "result": result, "zh": "x", "en": "x"})["zh"] != "x"
    shared = {"how": "measured", "about": {"zh": "甲", "en": "a"}, "share": 0.957, "at_least": {"value": 0.98}}
    assert service._reason(shared) == {"zh": "甲：95.7%；要求至少 98%", "en": "a: 95.7%; asked: at least 98%"}

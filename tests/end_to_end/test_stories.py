"""The named stories: a marketplace small enough to count, and every number the program says of it, worked out apart from it.

`stories/README.md` tells the stories and works one of them through. The numbers in `stories/expected/` are not the
program's: `stories/work_out.py` works them out from the rows and the rulebooks with fractions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from credit.disclosure.publishing import publish
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.rulebooks import reading
from support import rules
from support.story_home import DAY, FOLDER, NAMES, SUBJECTS, ZONE, Row, delivered, table, two_nights

pytestmark = pytest.mark.slow

EXPECTED = FOLDER / "expected"
BOOKS = ("gbt-26842-enterprise-0.2.0", "gbt-28041-individual-0.2.0", "gbt-28041-buyer-0.1.0")


@dataclass(frozen=True)
class Nights:
    """Results by (night, rulebook id): one row a story, one row a story and indicator, the platform's averages."""

    grades: dict[tuple[str, str], pd.DataFrame]
    indicators: dict[tuple[str, str], pd.DataFrame]
    averages: dict[tuple[str, str], dict[str, float]]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Two nights in a row by the same rules, so that the margin has something to hold."""
    conf = delivered(tmp_path_factory.mktemp("stories") / "home")
    results = Nights({}, {}, {})
    for night in two_nights(conf, [rules.ENTERPRISE, rules.INDIVIDUAL, rules.BUYER]):
        key = night.day.isoformat(), night.rulebook.id
        results.grades[key] = night.grades.assign(subject_id=night.grades["subject_id"].map(NAMES)).set_index(
            "subject_id"
        )
        long = night.scores.long()
        results.indicators[key] = long.assign(subject_id=long["subject_id"].map(NAMES))
        results.averages[key] = night.scores.priors
    return results


STORIES = table(EXPECTED / "stories.csv")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story['subject']}-{story['night']}")
def test_the_grade_of_a_story(nights: Nights, story: Row) -> None:
    row = nights.grades[story["night"], story["rulebook"]].loc[story["subject"]]
    assert {
        "orders": str(row["orders"]),
        "score": "" if pd.isna(row["score"]) else f"{row['score']:.4f}",
        "evidence": f"{row['evidence']:.4f}",
        **{name: row[name] for name in ("grade_by_score", "grade_held", "grade")},
        "past_edge": str(row["past_edge"]),
        "vetoes": ";".join(row["vetoes"]),
        **{name: "yes" if row[name] else "" for name in ("provisional", "dormant", "self_operated")},
        "not_rated_reason": "" if pd.isna(row["not_rated_reason"]) else row["not_rated_reason"],
    } == {name: value for name, value in story.items() if name not in ("night", "rulebook", "subject")}


def test_every_subject_is_a_story_of_both_nights(nights: Nights) -> None:
    keys = sorted((row["night"], row["rulebook"], row["subject"]) for row in STORIES)
    assert keys == sorted((*key, name) for key, rows in nights.grades.items() for name in rows.index)
    assert {name for _, _, name in keys} == set(NAMES.values())


NUMBERS = ("numerator", "denominator", "value", "shrunk", "mark", "weight", "points")


@pytest.mark.parametrize(
    "story", [row for row in STORIES if row["night"] == DAY.isoformat()], ids=lambda s: s["subject"]
)
def test_every_indicator_of_a_story(nights: Nights, story: Row) -> None:
    rows = nights.indicators[story["night"], story["rulebook"]]
    computed = rows[rows["subject_id"] == story["subject"]].to_dict("records")
    expected = table(EXPECTED / "indicators" / f"{story['subject']}.csv")
    assert [(r["element"], r["indicator"], r["state"]) for r in computed] == [
        (r["element"], r["indicator"], r["state"]) for r in expected
    ]
    differences = [
        f"{row['indicator']} {name}: {measured[name]!r}, by hand {row[name]!r}"
        for measured, row in zip(computed, expected, strict=True)
        for name in NUMBERS
        if not _same(measured[name], row[name])
    ]
    assert differences == []
    if story["score"]:
        assert sum(float(row["points"]) for row in expected) == pytest.approx(float(story["score"]))


def _same(value: float, by_hand: str) -> bool:
    """Equal to the last of at most eight decimals; blank: there is no number."""
    return bool(pd.isna(value)) if by_hand == "" else abs(value - float(by_hand)) < 6e-9


def test_the_platforms_averages(nights: Nights) -> None:
    for book in {row["rulebook"] for row in STORIES}:
        expected = {row["indicator"]: row for row in table(EXPECTED / "averages.csv") if row["rulebook"] == book}
        averages = nights.averages[DAY.isoformat(), book]
        assert set(averages) == set(expected)
        for name, row in expected.items():
            assert _same(averages[name], row["average"]), f"{book} {name}: {averages[name]}, by hand {row}"


# --- what is published -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The documents of the night, by merchant; there is no night before it."""
    conf = delivered(tmp_path_factory.mktemp("published") / "home")
    with open_warehouse(conf) as con:
        evaluation.evaluate(con, conf, DAY)
        version = publish(con, conf, DAY).path
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in version.glob("merchants/*/*.json")]
    return {document["subject"]["subject_id"]: document for document in documents}


def _without_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the names of its elements and indicators, which are the catalogue's."""
    elements = [
        {name: value for name, value in element.items() if not name.startswith("name_")}
        | {"indicators": [{k: v for k, v in i.items() if not k.startswith("name_")} for i in element["indicators"]]}
        for element in document["elements"]
    ]
    return document | {"elements": elements}


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in _numbers(part)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.parametrize("name", ["careless-giant", "honest-new-shop"])
def test_every_published_number_of_a_story(published: dict[str, dict[str, Any]], name: str) -> None:
    document = _without_names(published[name])
    expected = json.loads((EXPECTED / "published" / f"{name}.json").read_text(encoding="utf-8"))
    for part, by_hand in expected.items():
        assert document[part] == by_hand, part
    # Nothing that is published elsewhere in the document is a number.
    assert _numbers({part: value for part, value in document.items() if part not in expected}) == []


def test_buyers_are_not_published(published: dict[str, dict[str, Any]]) -> None:
    assert sorted(published) == sorted(row["subject_id"] for row in SUBJECTS if row["role"] == "seller")


# --- too little evidence -----------------------------------------------------------------------------------------


def test_a_platform_that_delivers_orders_alone_has_too_little_evidence(tmp_path: Path) -> None:
    """Where the whole register is delivered it alone is more than the minimum, so this story has a platform to itself.

    Believed are order volume, amount and active days, 5 x (20 + 10 + 20) % of 100, and completion, 30 x 23 %, by its 10 orders
    against a strength of 30: 2.5 + 6.9 x 10 / 40 = 4.225 of 100.
    """
    conf = delivered(tmp_path / "home", FOLDER / "orders-only")
    book = reading.load(rules.ENTERPRISE)
    with open_warehouse(conf) as con:
        (night,) = evaluation.compute(con, DAY, ZONE, [book])
    (row,) = night.grades.to_dict("records")
    assert row["grade"] == row["grade_by_score"] == "NR"
    assert (row["orders"], row["evidence"]) == (10, 0.0422)
    assert pd.isna(row["score"])
    assert row["not_rated_reason"] == "too_little_evidence: 0.0422, at least 0.15 needed"

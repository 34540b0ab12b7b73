"""What the ledgers say in public, by the ledgers' rows and the night that is published."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import duckdb

from credit import ledgers
from credit.evaluation import night as evaluation
from credit.ledgers import objections
from credit.settings import Settings
from support.entries import BEFORE, LI, NOW, graded, published, upheld
from support.small_market import DAY


def test_a_correction_is_announced_with_what_was_before(
    home: Settings, con: duckdb.DuckDBPyConnection, clock: Any
) -> None:
    before = graded(con, DAY)
    upheld(con, exclude=["violations:v1"], correct=["complaints:c2:category=service"])
    evaluation.evaluate(con, home, DAY)
    after = graded(con, DAY)
    (notice,) = published(con).notices["shop"]
    assert (notice.kind, notice.on, notice.until, notice.objection) == ("correction", DAY, DAY + timedelta(days=90), 1)
    assert notice.before == {"grade": before["grade"], "score": before["score"]}
    assert notice.after == {"grade": after["grade"], "score": after["score"]}
    assert after["score"] > before["score"]
    assert notice.zh == "第 1 号异议：异议成立，剔除 1 条、更正 1 条记录，自 2026-11-25 的评价起按更正后的事实计算。"
    assert notice.en == (
        "Objection 1: upheld; 1 record left out, 1 record corrected, counted from the evaluation of 2026-11-25 on."
    )
    assert published(con, BEFORE).notices["shop"][0].after is None, "that night knows nothing of it"
    assert published(con, notice.until).notices["shop"]
    assert published(con, notice.until + timedelta(days=1)).notices == {}
    con.execute(
        """INSERT INTO results.grades SELECT * REPLACE (evaluated_on + 1 AS evaluated_on, 'C' AS grade, 1 AS score)
           FROM results.grades WHERE evaluated_on = ?""",
        [DAY],
    )
    (later,) = published(con, DAY + timedelta(days=1)).notices["shop"]
    assert later.after == notice.after, "what later nights say has other causes too"
    assert json.loads(json.dumps(notice.told(), default=str))["kind"]["zh"] == "更正公告"


def test_a_grade_from_before_the_correction_is_not_shown_as_after_it(
    home: Settings, con: duckdb.DuckDBPyConnection, clock: Any
) -> None:
    """Published between the decision and the evaluation that knows of it."""
    before = graded(con, DAY)
    upheld(con, exclude=["violations:v1"])
    (notice,) = published(con).notices["shop"]
    assert notice.before == {"grade": before["grade"], "score": before["score"]}
    assert notice.after is None
    con.execute(
        """INSERT INTO results.grades SELECT * REPLACE (evaluated_on + 1 AS evaluated_on)
           FROM results.grades WHERE evaluated_on = ?""",
        [DAY],
    )
    (later,) = published(con, DAY + timedelta(days=1)).notices["shop"]
    assert later.after == notice.before, "the next night knows of it, and may say the same"


def test_objections_are_shown_open_always_and_decided_for_a_year(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    for day in range(4):
        clock(NOW + timedelta(days=day))
        objections.file(con, "shop", about="grade", text="no", by="Wang")
    clock(NOW + timedelta(days=10))
    objections.decide(con, 1, outcome="rejected", reason="it is right", **LI)
    objections.withdraw(con, 2, by="Wang", reason="my mistake")
    clock(NOW + timedelta(days=13))
    objections.decide(con, 3, outcome="upheld", reason="quite", **LI)
    first = published(con)
    documents = [ledgers.told(objection) for objection in first.objections["shop"]]
    assert documents[3] == {
        "number": 4, "filed_on": DAY + timedelta(days=3), "state": "open",
        "about": {"code": "grade", "zh": "信用等级", "en": "Credit grade"},
    }  # fmt: skip
    assert [(document["days"], document["outcome"]["code"], document["reason"]) for document in documents[:3]] == [
        (10, "rejected", "it is right"), (9, "withdrawn", None), (11, "upheld", "quite"),
    ]  # fmt: skip
    assert first.figures == {
        "filed": 4, "open": 1, "decided": 3, "median_days": 10.5, "longest_days": 11,
        "by_outcome": {"upheld": 1, "partly_upheld": 0, "rejected": 1, "withdrawn": 1},
    }  # fmt: skip
    assert first.notices == {}, "nothing was corrected"
    later = published(con, DAY + timedelta(days=10 + 365))
    assert [objection.number for objection in later.objections["shop"]] == [3, 4]
    assert later.figures | {"by_outcome": None} == {
        "filed": 0, "open": 1, "decided": 1, "median_days": 11.0, "longest_days": 11, "by_outcome": None,
    }  # fmt: skip
    assert published(con, BEFORE) == first, "the night does not hide what was entered since"
    clock(NOW + timedelta(days=4000))
    assert published(con) == first, "there is no clock"


def test_nothing_entered_is_nothing_shown(con: duckdb.DuckDBPyConnection) -> None:
    assert published(con) == ledgers.Published(
        {}, {}, {},
        {"filed": 0, "open": 0, "decided": 0, "median_days": None, "longest_days": None,
         "by_outcome": dict.fromkeys(objections.OUTCOMES, 0)},
    )  # fmt: skip

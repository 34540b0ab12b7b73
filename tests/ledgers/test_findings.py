"""Findings that a person upheld or dismissed: what no longer counts, what counts as a violation, and from which night."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from credit import ledgers
from credit.cli.main import app
from credit.errors import UserError
from credit.evaluation import explain
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.integrity import scan
from credit.ledgers import findings, objections
from credit.ledgers.finding import Finding
from credit.settings import Settings
from support.entries import BEFORE, LI, NEXT, NOW, graded, night
from support.small_market import BUYERS, DAY, ZONE, Rows, at, deliver, market, order

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clock")]

AFTER = NEXT + timedelta(days=1)
FAKED = 12
"""Orders of `shop` that b1 placed at itself, each with a review of five stars."""
FAKE = Finding(
    id="aa11", kind="order_burst", subject_id="shop", day=DAY, strength=0.93, orders=tuple(f"fake-{i}" for i in range(FAKED)),
    reviews=tuple(f"fake-review-{i}" for i in range(FAKED)), buyers=("b1",), facts={"orders_a_night": 12.0},
)  # fmt: skip


def rows(*, faked: bool = True, violation: dict[str, Any] | None = None) -> Rows:
    """`shop` rates 3 honestly; `violation` is one that the platform delivers itself."""
    tables = market({"shop": 4, "rival": 0})
    for row in tables["reviews"]:
        row["rating_overall"] = 3
    for i in range(FAKED if faked else 0):
        tables["transactions"].append(order("shop", 0, -10 + i / 100, transaction_id=f"fake-{i}", buyer_id=BUYERS[0]))
        tables["reviews"].append(
            {"review_id": f"fake-review-{i}", "transaction_id": f"fake-{i}", "subject_id": "shop", "buyer_id": BUYERS[0],
             "rating_overall": 5, "reviewed_at": at(-5), "known_at": at(-5)}
        )  # fmt: skip
    if violation:
        tables["violations"].append({"violation_id": "v9", "subject_id": "shop", "severity": "moderate"} | violation)
    return tables


def home_of(folder: Path, tables: Rows) -> Settings:
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, folder / "first", tables)
    return options


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    options = home_of(tmp_path_factory.mktemp("findings"), rows())
    with open_warehouse(options) as con:
        for day in (BEFORE, DAY):
            evaluation.evaluate(con, options, day)
    return options.database.read_bytes()


def after(con: duckdb.DuckDBPyConnection, home: Settings, day: Any = NEXT) -> dict[str, Any]:
    evaluation.evaluate(con, home, day)
    return graded(con, day)


def test_what_was_upheld_counts_from_the_next_night_and_earlier_nights_replay(
    home: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    earlier = {day: night(con, day) for day in (BEFORE, DAY)}
    assert graded(con, DAY)["order_volume"][1] == 40 + FAKED
    before = after(con, home)
    decided = findings.uphold(con, FAKE, reason="one buyer, one night", **LI)
    assert (decided.from_day, decided.violation, decided.severity) == (NEXT, "brushing", "moderate")
    grade = after(con, home)
    assert grade["order_volume"] == ("measured", 40, None)
    assert grade["rating_overall"][1:] == (3 * 20, 20)
    assert grade["distinct_buyers"][1] == 4
    assert (grade["violations"][1], grade["manipulation"][1]) == (4, 1)
    assert grade["score"] < before["score"]
    for day, was in earlier.items():
        evaluation.evaluate(con, home, day)
        assert night(con, day) == was
    evaluation.evaluate_merchant(con, home, NEXT, "shop")
    assert graded(con, NEXT) == grade


@pytest.mark.parametrize("severity", ["minor", "serious"])
def test_upheld_it_is_as_if_the_rows_were_never_there_and_the_violation_delivered(
    home: Settings, con: duckdb.DuckDBPyConnection, tmp_path: Path, severity: str
) -> None:
    """So nobody stands better for having faked and been found out than without it."""
    findings.uphold(con, FAKE, reason="r", severity=severity, **LI)
    grade = after(con, home)
    decided = {"kind": "brushing", "severity": severity, "decided_at": NOW.isoformat(), "known_at": NOW.isoformat()}
    scores = []
    for name, violation in (("told", decided), ("honest", None)):
        (tmp_path / name).mkdir()
        options = Settings(home=tmp_path / name / "home", zone=ZONE, threads=1)
        with open_warehouse(options) as other:
            deliver(other, options, tmp_path / name / "first", rows(faked=False, violation=violation), NEXT)
            evaluation.evaluate(other, options, NEXT)
            for merchant in ("shop", "rival"):
                if violation:
                    assert graded(other, NEXT, merchant) == graded(con, NEXT, merchant)
            scores.append(graded(other, NEXT)["score"])
    assert grade["score"] == scores[0] < scores[1]


def test_the_order_of_decisions_does_not_matter(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    parts = [replace(FAKE, id=f"p{i}", orders=FAKE.orders[i::3], reviews=FAKE.reviews[i::3]) for i in range(3)]
    copy = home.database.read_bytes()
    for finding in parts:
        findings.uphold(con, finding, reason="r", **LI)
    first = after(con, home)
    other = Settings(home=home.home / "other", zone=ZONE, threads=1)
    other.home.mkdir()
    other.database.write_bytes(copy)
    with open_warehouse(other) as again:
        for finding in reversed(parts):
            findings.uphold(again, finding, reason="r", **LI)
        assert after(again, other) == first
    assert first["manipulation"][1] == 3, "three matters that share no row are three violations"


def test_findings_that_share_rows_are_one_violation(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    ring = replace(FAKE, id="bb22", kind="self_dealing_ring", orders=FAKE.orders[:3], reviews=())
    bought = replace(FAKE, id="cc33", kind="bribed_reviews", orders=())
    for finding in (FAKE, ring, bought):
        findings.uphold(con, finding, reason="r", **LI)
    grade = after(con, home)
    assert (grade["violations"][1], grade["manipulation"][1]) == (4 + 4, 2)  # brushing, and reviews
    objected = objections.file(con, "shop", about="violation", text="no", by="Wang", rows=["violations:ledger:1"])
    objections.decide(con, objected.number, outcome="upheld", reason="r", exclude=["violations:ledger:1"], **LI)
    grade = after(con, home)
    assert grade["manipulation"][1] == 2, "the ring is a matter of its own now"
    assert grade["order_volume"][1] == 40 + FAKED - 3


@pytest.mark.parametrize(
    ("days", "kind", "withdrawn", "counts"),
    [
        (-20, "brushing", False, 1),
        (-20, "brushing", True, 0),
        (-40, "brushing", False, 2),
        (-20, "information", False, 1),
    ],
)
def test_a_violation_that_the_platform_delivers_is_not_counted_twice(
    tmp_path: Path,
    days: float,
    kind: str,
    withdrawn: bool,
    counts: int,
) -> None:
    delivered = {"kind": kind, "decided_at": at(days), "known_at": at(days)}
    options = home_of(tmp_path, rows(violation=delivered | ({"withdrawn_at": at(days + 5)} if withdrawn else {})))
    with open_warehouse(options) as con:
        findings.uphold(con, FAKE, reason="r", **LI)
        assert after(con, options)["manipulation"][1] == counts
        assert graded(con, NEXT)["order_volume"][1] == 40


def test_an_objection_takes_it_all_away(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    before = after(con, home)
    findings.uphold(con, FAKE, reason="r", **LI)
    assert after(con, home) != before
    assert ledgers.published(con, NEXT, ZONE).notices["shop"]
    objected = objections.file(con, "shop", about="violation", text="a school's order", by="Wang")
    objections.decide(con, objected.number, outcome="upheld", reason="r", exclude=["violations:ledger:1"], **LI)
    assert after(con, home) == before
    assert [n.kind for n in ledgers.published(con, NEXT, ZONE).notices["shop"]] == ["correction"]
    objections.decide(con, objected.number, outcome="rejected", reason="on review", **LI)
    assert after(con, home)["manipulation"][1] == 1


def test_a_dismissal_on_review_ends_it_from_the_next_night(
    home: Settings,
    con: duckdb.DuckDBPyConnection,
    clock: Callable[[datetime], None],
) -> None:
    findings.uphold(con, FAKE, reason="r", **LI)
    upheld = after(con, home)
    clock(NOW + timedelta(days=1))
    assert findings.dismiss(con, FAKE, reason="a school's order", **LI).from_day == AFTER
    grade = after(con, home, AFTER)
    assert (grade["order_volume"][1], grade["violations"][1], grade["manipulation"][1]) == (40 + FAKED, 0, 0)
    assert after(con, home) == upheld
    assert ledgers.published(con, AFTER, ZONE).notices == {}
    with pytest.raises(UserError, match=f"finding aa11 is dismissed since {NEXT}, by Li Wei"):
        findings.dismiss(con, FAKE, reason="r", **LI)


def test_entered_afterwards_it_reaches_no_further_back_than_the_latest_night(con: duckdb.DuckDBPyConnection) -> None:
    entered = findings.uphold(con, FAKE, reason="r", at=NOW - timedelta(days=9), **LI)
    assert entered.from_day == DAY
    assert entered.day < BEFORE


def test_spared_rows_count_and_a_victim_has_no_violation(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    bombed = replace(FAKE, kind="review_bombing", orders=())
    findings.uphold(con, bombed, reason="r", spare=["reviews:fake-review-0"], **LI)
    grade = after(con, home)
    assert (grade["rating_overall"][1:], grade["manipulation"][1]) == ((3 * 20 + 5, 21), 0)
    (notice,) = ledgers.published(con, NEXT, ZONE).notices["shop"]
    assert notice.zh == f"经核查，部分评价不真实，自 {NEXT} 的评价起不再计入。"


@pytest.mark.parametrize(
    ("changes", "orders", "reviews"),
    [
        # Reviews of faked orders are faked, named or not.
        ({"orders": FAKE.orders[:2], "reviews": ("fake-review-5",)}, {"fake-0", "fake-1"},
         {"fake-review-0", "fake-review-1", "fake-review-5"}),
        # Behind bought praise is real trade.
        ({"kind": "bribed_reviews", "reviews": FAKE.reviews[:1]}, set(), {"fake-review-0"}),
        ({"kind": "review_bombing", "reviews": FAKE.reviews[:1]}, set(), {"fake-review-0"}),
    ],
)  # fmt: skip
def test_which_rows_are_set_aside(
    con: duckdb.DuckDBPyConnection, changes: dict[str, Any], orders: set[str], reviews: set[str]
) -> None:
    decided = findings.uphold(con, replace(FAKE, **changes), reason="r", **LI)
    assert (set(decided.orders), set(decided.reviews)) == (orders, reviews)


def test_what_is_published_says_what_was_found_and_not_how(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    for finding in (FAKE, replace(FAKE, id="bb22", kind="one_seller_buyers")):
        findings.uphold(con, finding, reason="b1 pays from the shop's own account", **LI)
    (notice,) = ledgers.published(con, DAY, ZONE).notices["shop"]
    assert notice.kind == "finding"
    assert notice.zh == f"经核查认定刷单，相关记录自 {NEXT} 的评价起不再计入。"
    assert (
        notice.en
        == f"On examination brushing was found; the records concerned no longer count, from the evaluation of {NEXT} on."
    )
    text = json.dumps(notice.told(), default=str, ensure_ascii=False)
    assert not any(word in text for word in ("b1", "burst", "0.93", "12", "fake", "account", "Li Wei"))


def test_explain_tells_the_merchant(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    findings.uphold(con, FAKE, reason="one night", **LI)
    after(con, home)
    whole = explain.explain(con, home, "shop", NEXT, rows=True)
    (finding,) = whole["findings"]
    assert finding.pop("rows") == sorted(f"transactions:{key}" for key in FAKE.orders) + sorted(
        f"reviews:{key}" for key in FAKE.reviews
    )
    assert finding == {
        "violation": {"code": "brushing", "zh": "刷单", "en": "brushing"}, "upheld_on": str(DAY), "from_day": str(NEXT),
        "reason": "one night", "transactions": FAKED, "reviews": FAKED, "object_to": "violations:ledger:1",
    }  # fmt: skip
    conduct = next(e for e in whole["elements"] if e["name"] == "conduct")
    manipulation = next(i for i in conduct["indicators"] if i["name"] == "manipulation")
    assert manipulation["rows"] == [{"table": "violations", "part": "numerator", "total": 1, "ids": ["ledger:1"]}]
    assert not any(word in json.dumps(whole) for word in ("order_burst", "0.93", "orders_a_night"))
    con.close()
    result = CliRunner().invoke(app, ["explain", "shop", "--home", str(home.home)])
    assert result.exit_code == 0
    assert "刷单 brushing: one night" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"orders": ("fake-0", "gone")}, {}, "no row with transaction_id 'gone'; scan again"),
        ({"orders": ("rival-0",), "reviews": ()}, {}, "leaves no row of shop to set aside; dismiss it"),
        ({"subject_id": "shopp"}, {}, "no merchant 'shopp' in the register; nearest ids: shop"),
        ({}, {"severity": "grave"}, "--severity 'grave': expected one of minor, moderate, serious"),
        ({}, {"violation": "fraud"}, "--violation 'fraud': expected one of brushing, review_manipulation, none"),
        ({}, {"spare": ["reviews:zz"]}, "--spare 'reviews:zz' is no row that finding aa11 sets aside"),
        ({}, {"reason": " "}, "--reason"),
    ],
)
def test_what_cannot_be_upheld(
    con: duckdb.DuckDBPyConnection, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        findings.uphold(con, replace(FAKE, **changes), **({"reason": "r"} | LI | options))
    assert findings.decisions(con) == []


def test_upheld_twice_is_said_and_rows_of_others_stay(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    both = replace(FAKE, orders=(*FAKE.orders, "rival-0"), kind="collusion")
    assert findings.uphold(con, both, reason="r", **LI).orders == tuple(sorted(FAKE.orders))
    with pytest.raises(UserError, match=f"finding aa11 is upheld since {DAY}, by Li Wei"):
        findings.uphold(con, both, reason="r", **LI)
    after(con, home)
    assert graded(con, NEXT, "rival")["order_volume"][1] == 40


def test_a_platform_without_violations_has_them_once_a_finding_is_upheld(tmp_path: Path) -> None:
    options = home_of(tmp_path, rows() | {"violations": []})
    with open_warehouse(options) as con:
        findings.uphold(con, FAKE, reason="r", **LI)
        evaluation.evaluate(con, options, DAY)
        assert graded(con, DAY)["manipulation"][0] == "missing"
        assert after(con, options)["manipulation"] == ("measured", 1, None)
        assert graded(con, NEXT, "rival")["manipulation"] == ("measured", 0, None)


def test_the_verbs(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "finding", lambda con, settings, day, id: FAKE)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["integrity", *words, "--by", "Li Wei", "--home", str(home.home)])

    result = run("uphold", "aa", "--date", str(DAY), "--reason", "one night", "--severity", "serious", "--json")
    document = json.loads(result.output)
    assert (document["number"], document["outcome"]["zh"], document["violation"]["code"], document["from_day"]) == (
        1, "认定成立", "brushing", str(NEXT),
    )  # fmt: skip
    assert (document["severity"], len(document["transactions"]), len(document["reviews"])) == ("serious", FAKED, FAKED)
    # Its rows are read no more, so that no scan finds it again: it is known by its decision.
    monkeypatch.setattr(scan, "finding", None)
    result = run("dismiss", "aa11", "--reason", "a school")
    assert result.exit_code == 0
    assert "不予认定 Dismissed, no. 2" in result.output
    again = run("dismiss", "aa11", "--reason", "a school")
    assert isinstance(again.exception, UserError)

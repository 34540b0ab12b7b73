"""Findings that a person upheld or dismissed: what no longer counts, what counts as a violation, and from which night."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from credit import ledgers
from credit.cli.explanation import show_explanation
from credit.cli.main import app
from credit.errors import UserError
from credit.evaluation import explain
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.integrity import scan
from credit.ledgers import findings, moments, objections
from credit.ledgers.finding import Finding
from credit.settings import Settings
from support.entries import BEFORE, LI, NEXT, NOW, graded, night
from support.homes import write_key
from support.small_market import BUYERS, DAY, ZONE, Rows, at, deliver, market, order

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clock"), pytest.mark.thorough]

AFTER = NEXT + timedelta(days=1)
KEPT = 40 - 4
"""Orders that each shop kept; four were sent late. Half of all are reviewed, with three stars."""
FAKED, WITHIN_LIMIT = 12, 6
"""Orders that b1 placed with a shop in November, each with a review of five stars; how many of one buyer's a month count."""
MODERATE, SERIOUS = 4, 12
"""What a violation weighs."""


def finding(shop: str, **changes: Any) -> Finding:
    """Of all that was faked at the shop."""
    base = Finding(
        id=f"aa-{shop}", kind="order_burst", subject_id=shop, day=DAY, strength=0.93,
        orders=tuple(f"{shop}-fake-{i}" for i in range(FAKED)), reviews=tuple(f"{shop}-praise-{i}" for i in range(FAKED)),
        buyers=("b1",), facts={"orders_a_night": 12.0},
    )  # fmt: skip
    return replace(base, **changes)


FAKE = finding("shop")
HONEST = ("honest", "honest but for a violation")
"""Shops at which nothing was faked."""


@dataclass(frozen=True)
class Case:
    """What is decided about the shop of the case's name, and what its next night says: numerators, or what is given.
    `delivered` is a violation that the platform delivers itself."""

    decide: Callable[[duckdb.DuckDBPyConnection, str], object]
    order_volume: int
    praised: int
    """Reviews of five stars."""
    manipulation: int
    violations: int
    delivered: dict[str, Any] | None = None


def nothing(con: duckdb.DuckDBPyConnection, shop: str) -> None:
    pass


def uphold(con: duckdb.DuckDBPyConnection, shop: str, **changes: Any) -> findings.Decision:
    return findings.uphold(con, finding(shop, **changes), reason="one night", **LI)


def uphold_thirds(con: duckdb.DuckDBPyConnection, shop: str, order: Sequence[int] = (0, 1, 2)) -> None:
    whole = finding(shop)
    for i in order:
        uphold(con, shop, id=f"{shop}-{i}", orders=whole.orders[i::3], reviews=whole.reviews[i::3])


def uphold_shared(con: duckdb.DuckDBPyConnection, shop: str) -> findings.Decision:
    """All of it as a burst, nine of its orders as a ring, and all of its reviews as bought."""
    whole = finding(shop)
    first = uphold(con, shop)
    uphold(con, shop, id=f"bb-{shop}", kind="self_dealing_ring", orders=whole.orders[:9], reviews=())
    uphold(con, shop, id=f"cc-{shop}", kind="bribed_reviews", orders=())
    return first


def object_to(con: duckdb.DuckDBPyConnection, decision: findings.Decision) -> int:
    row = f"violations:ledger:{decision.number}"
    filed = objections.file(con, decision.subject_id, about="violation", text="a school's order", by="Wang", rows=[row])
    objections.decide(con, filed.number, outcome="upheld", reason="r", exclude=[row], **LI)
    return filed.number


def object_in_vain(con: duckdb.DuckDBPyConnection, shop: str) -> None:
    number = object_to(con, uphold(con, shop))
    objections.decide(con, number, outcome="rejected", reason="on review", **LI)


def spare_one(con: duckdb.DuckDBPyConnection, shop: str) -> None:
    bombed = finding(shop, kind="review_bombing", orders=())
    findings.uphold(con, bombed, reason="r", spare=[f"reviews:{shop}-praise-0"], **LI)


def decided(days: float, kind: str = "brushing", **values: Any) -> dict[str, Any]:
    return {"kind": kind, "severity": "moderate", "decided_at": at(days), "known_at": at(days)} | values


CASES = {
    "nothing decided": Case(nothing, KEPT + WITHIN_LIMIT, FAKED, 0, 0),
    "shop": Case(uphold, KEPT, 0, 1, MODERATE),
    "seriously": Case(
        lambda con, shop: findings.uphold(con, finding(shop), reason="r", severity="serious", **LI), KEPT, 0, 1, SERIOUS
    ),
    # Three matters that share no row are three violations; findings of one kind that share rows are one.
    "in thirds": Case(uphold_thirds, KEPT, 0, 3, 3 * MODERATE),
    "in thirds from the last": Case(lambda con, shop: uphold_thirds(con, shop, (2, 1, 0)), KEPT, 0, 3, 3 * MODERATE),
    "shared": Case(uphold_shared, KEPT, 0, 2, 2 * MODERATE),  # brushing, and reviews
    # The ring is a matter of its own then; three faked orders are no part of it.
    "shared, the first objected to": Case(
        lambda con, shop: object_to(con, uphold_shared(con, shop)), KEPT + 3, 0, 2, 2 * MODERATE
    ),
    "objected to": Case(lambda con, shop: object_to(con, uphold(con, shop)), KEPT + WITHIN_LIMIT, FAKED, 0, 0),
    "objected to in vain": Case(object_in_vain, KEPT, 0, 1, MODERATE),
    # A victim has no violation, and its trade was real.
    "bombed, one review spared": Case(spare_one, KEPT + WITHIN_LIMIT, 1, 0, 0),
    "with a row of another": Case(
        lambda con, shop: uphold(con, shop, kind="collusion", orders=(*finding(shop).orders, "honest-5")),
        KEPT, 0, 1, MODERATE,
    ),
    # One that the platform delivers, of the same kind and within 31 days, is the same violation.
    "delivered": Case(uphold, KEPT, 0, 1, MODERATE, decided(-20)),
    "delivered and withdrawn": Case(uphold, KEPT, 0, 0, 0, decided(-20, withdrawn_at=at(-15))),
    "delivered long before": Case(uphold, KEPT, 0, 2, 2 * MODERATE, decided(-40)),
    "delivered of another kind": Case(uphold, KEPT, 0, 1, 2 * MODERATE, decided(-20, "information")),
}  # fmt: skip


def rows(*shops: str) -> Rows:
    """Shops of four orders sent late that rate 3; but for the honest ones b1's faked orders and praise are added."""
    tables = market(dict.fromkeys(shops, 4))
    for row in tables["reviews"]:
        row["rating_overall"] = 3
    for shop in set(shops) - set(HONEST):
        for i, (order_id, review_id) in enumerate(zip(finding(shop).orders, finding(shop).reviews, strict=True)):
            tables["transactions"].append(order(shop, 0, -10 + i / 100, transaction_id=order_id, buyer_id=BUYERS[0]))
            tables["reviews"].append(
                {"review_id": review_id, "transaction_id": order_id, "subject_id": shop, "buyer_id": BUYERS[0],
                 "rating_overall": 5, "reviewed_at": at(-5), "known_at": at(-5)}
            )  # fmt: skip
    violations = {name: case.delivered for name, case in CASES.items() if case.delivered and name in shops}
    if HONEST[1] in shops:
        now = NOW.isoformat()
        violations[HONEST[1]] = decided(0, severity="serious", decided_at=now, known_at=now)
    for shop, violation in violations.items():
        tables["violations"].append({"violation_id": f"delivered to {shop}", "subject_id": shop} | violation)
    return tables


def home_of(folder: Path, tables: Rows) -> Settings:
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    write_key(options)
    with open_warehouse(options) as con:
        deliver(con, options, folder / "first", tables, NEXT)
        evaluation.evaluate(con, options, DAY)
    return options


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The warehouse of a home with the night of DAY evaluated and nothing decided."""
    return home_of(tmp_path_factory.mktemp("findings"), rows(*CASES, *HONEST)).database.read_bytes()


@pytest.fixture(scope="module")
def after_decisions(evaluated: bytes, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which every case was decided in the afternoon, with the next night; tests only read it."""
    options = Settings(home=tmp_path_factory.mktemp("decided"), zone=ZONE, threads=1)
    options.database.write_bytes(evaluated)
    write_key(options)
    with pytest.MonkeyPatch.context() as patched, open_warehouse(options) as con:
        patched.setattr(moments, "now", lambda: NOW.astimezone(UTC))
        for shop, case in CASES.items():
            case.decide(con, shop)
        evaluation.evaluate(con, options, NEXT)
    return options


@pytest.fixture
def next_night(after_decisions: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(after_decisions) as con:
        yield con


@pytest.fixture
def own_home(after_decisions: Settings, tmp_path: Path) -> Settings:
    """A copy of it to change."""
    options = Settings(home=tmp_path / "own", zone=ZONE, threads=1)
    options.home.mkdir()
    options.database.write_bytes(after_decisions.database.read_bytes())
    write_key(options)
    return options


@pytest.mark.parametrize("shop", CASES)
def test_what_is_decided_about_a_finding_counts_from_the_next_night(
    next_night: duckdb.DuckDBPyConnection, shop: str
) -> None:
    case, night_before, grade = CASES[shop], graded(next_night, DAY, shop), graded(next_night, NEXT, shop)
    assert night_before["order_volume"][1] == KEPT + WITHIN_LIMIT
    # Praise of an order beyond the limit does not count.
    assert night_before["rating_overall"][1:] == (3 * 20 + 5 * WITHIN_LIMIT, 20 + WITHIN_LIMIT)
    assert grade["order_volume"] == ("measured", case.order_volume, None)
    praised = min(case.praised, case.order_volume - KEPT)
    assert grade["rating_overall"] == ("measured", 3 * 20 + 5 * praised, 20 + praised)
    assert grade["distinct_buyers"][1] == 4
    assert (grade["manipulation"][1], grade["violations"][1]) == (case.manipulation, case.violations)


def test_upheld_it_is_as_if_the_rows_were_never_there_and_the_violation_delivered(
    next_night: duckdb.DuckDBPyConnection,
) -> None:
    """So nobody stands better for having faked and been found out than without it."""
    honest, violating = (graded(next_night, NEXT, shop) for shop in HONEST)
    found_out, unnoticed = (graded(next_night, NEXT, shop) for shop in ("seriously", "nothing decided"))
    assert found_out == violating
    assert found_out["score"] < honest["score"] < unnoticed["score"]
    assert honest["order_volume"][1] == KEPT, "not even the one that another's finding names is set aside"


@pytest.mark.parametrize(
    ("case", "other"),
    [
        ("in thirds", "in thirds from the last"),
        ("objected to", "nothing decided"),
        ("objected to in vain", "shop"),
        ("with a row of another", "shop"),
        ("delivered", "shop"),
    ],
)
def test_cases_that_come_to_the_same(next_night: duckdb.DuckDBPyConnection, case: str, other: str) -> None:
    """The order of decisions does not matter, and an objection takes it all away."""
    assert graded(next_night, NEXT, case) == graded(next_night, NEXT, other)


@pytest.mark.parametrize(
    ("shop", "kinds"),
    [("nothing decided", []), ("shop", ["finding"]), ("objected to", ["correction"]), ("objected to in vain", ["correction", "finding"])],
)  # fmt: skip
def test_what_stands_is_published(next_night: duckdb.DuckDBPyConnection, shop: str, kinds: list[str]) -> None:
    """A correction that was withdrawn on review is told as such, beside what stands again."""
    assert [notice.kind for notice in ledgers.published(next_night, NEXT, ZONE).notices.get(shop, [])] == kinds


def test_a_victim_is_told_of_reviews_alone(next_night: duckdb.DuckDBPyConnection) -> None:
    (notice,) = ledgers.published(next_night, NEXT, ZONE).notices["bombed, one review spared"]
    assert notice.zh == f"经核查，部分评价不真实，自 {NEXT} 的评价起不再计入。"


def test_earlier_nights_replay_and_one_alone_has_the_row_of_the_whole_night(own_home: Settings) -> None:
    with open_warehouse(own_home) as con:
        earlier, grade = night(con, DAY), graded(con, NEXT)
        evaluation.evaluate(con, own_home, DAY)
        assert night(con, DAY) == earlier
        evaluation.evaluate_merchant(con, own_home, NEXT, "shop")
        assert graded(con, NEXT) == grade


def test_a_dismissal_on_review_ends_it_from_the_next_night(
    own_home: Settings, clock: Callable[[datetime], None]
) -> None:
    with open_warehouse(own_home) as con:
        upheld = night(con, NEXT)
        clock(NOW + timedelta(days=1))
        assert findings.dismiss(con, FAKE, reason="a school's order", **LI).from_day == AFTER
        evaluation.evaluate(con, own_home, AFTER)
        grade = graded(con, AFTER)
        assert (grade["order_volume"][1], grade["violations"][1], grade["manipulation"][1]) == (
            KEPT + WITHIN_LIMIT,
            0,
            0,
        )
        assert graded(con, AFTER, "seriously")["order_volume"][1] == KEPT
        evaluation.evaluate(con, own_home, NEXT)
        assert night(con, NEXT) == upheld
        assert "shop" not in ledgers.published(con, AFTER, ZONE).notices
        with pytest.raises(UserError, match=f"finding {FAKE.id} is dismissed since {NEXT}, by Li Wei"):
            findings.dismiss(con, FAKE, reason="r", **LI)


def test_what_is_upheld_is_told(con: duckdb.DuckDBPyConnection) -> None:
    decision = findings.uphold(con, FAKE, reason="one buyer, one night", **LI)
    assert (decision.from_day, decision.violation, decision.severity) == (NEXT, "brushing", "moderate")
    with pytest.raises(UserError, match=f"finding {FAKE.id} is upheld since {DAY}, by Li Wei"):
        findings.uphold(con, FAKE, reason="r", **LI)


def test_entered_afterwards_it_reaches_no_further_back_than_the_latest_night(con: duckdb.DuckDBPyConnection) -> None:
    entered = findings.uphold(con, FAKE, reason="r", at=NOW - timedelta(days=9), **LI)
    assert entered.from_day == DAY
    assert entered.day < BEFORE


@pytest.mark.parametrize(
    ("changes", "orders", "reviews"),
    [
        # Reviews of faked orders are faked, named or not.
        ({"orders": FAKE.orders[:2], "reviews": ("shop-praise-5",)}, {"shop-fake-0", "shop-fake-1"},
         {"shop-praise-0", "shop-praise-1", "shop-praise-5"}),
        # Behind bought praise is real trade.
        ({"kind": "bribed_reviews", "reviews": FAKE.reviews[:1]}, set(), {"shop-praise-0"}),
        ({"kind": "review_bombing", "reviews": FAKE.reviews[:1]}, set(), {"shop-praise-0"}),
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


def test_explain_tells_the_merchant(after_decisions: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "now", lambda: (NOW + timedelta(days=1)).astimezone(UTC))
    with open_warehouse(after_decisions) as con:
        whole = explain.explain(con, after_decisions, "shop", NEXT, rows=True)
    (notice,) = whole["findings"]
    assert notice.pop("rows") == sorted(f"transactions:{key}" for key in FAKE.orders) + sorted(
        f"reviews:{key}" for key in FAKE.reviews
    )
    assert notice == {
        "violation": {"code": "brushing", "zh": "刷单", "en": "brushing"}, "upheld_on": str(DAY), "from_day": str(NEXT),
        "reason": "one night", "transactions": FAKED, "reviews": FAKED, "object_to": "violations:ledger:1",
    }  # fmt: skip
    conduct = next(e for e in whole["elements"] if e["name"] == "conduct")
    manipulation = next(i for i in conduct["indicators"] if i["name"] == "manipulation")
    assert manipulation["rows"] == [{"table": "violations", "part": "numerator", "total": 1, "ids": ["ledger:1"]}]
    assert not any(word in json.dumps(whole) for word in ("order_burst", "0.93", "orders_a_night"))
    shown = Console(width=400, file=io.StringIO(), record=True)
    show_explanation(whole, shown)
    assert "刷单 brushing: one night" in shown.export_text()


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"orders": ("shop-fake-0", "gone")}, {}, "no row with transaction_id 'gone'; scan again"),
        ({"orders": ("honest-0",), "reviews": ()}, {}, "leaves no row of shop to set aside; dismiss it"),
        ({"subject_id": "shopp"}, {}, "no merchant 'shopp' in the register; nearest ids: shop"),
        ({}, {"severity": "grave"}, "--severity 'grave': expected one of minor, moderate, serious"),
        ({}, {"violation": "fraud"}, "--violation 'fraud': expected one of brushing, review_manipulation, none"),
        ({}, {"spare": ["reviews:zz"]}, "--spare 'reviews:zz' is no row that finding aa-shop sets aside"),
        ({}, {"reason": " "}, "--reason"),
    ],
)
def test_what_cannot_be_upheld(
    con: duckdb.DuckDBPyConnection, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        findings.uphold(con, replace(FAKE, **changes), **({"reason": "r"} | LI | options))
    assert findings.decisions(con) == []


def test_a_platform_without_violations_has_them_once_a_finding_is_upheld(tmp_path: Path) -> None:
    options = home_of(tmp_path, rows("shop", "honest") | {"violations": []})
    with open_warehouse(options) as con:
        findings.uphold(con, FAKE, reason="r", **LI)
        assert graded(con, DAY)["manipulation"][0] == "missing"
        evaluation.evaluate(con, options, NEXT)
        assert graded(con, NEXT)["manipulation"] == ("measured", 1, None)
        assert graded(con, NEXT, "honest")["manipulation"] == ("measured", 0, None)


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
    result = run("dismiss", "aa-shop", "--reason", "a school")
    assert result.exit_code == 0
    assert "不予认定 Dismissed, no. 2" in result.output
    again = run("dismiss", "aa-shop", "--reason", "a school")
    assert isinstance(again.exception, UserError)

"""Back-tests and stability: outcomes of literal orders, and a synthetic marketplace from end to end."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from credit.cli import validation
from credit.cli.main import app
from credit.errors import UserError
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.rulebooks.book import Rulebook
from credit.settings import Settings
from credit.synthetic import delivery
from credit.validation import report
from credit.validation.backtest import Backtest, backtest
from credit.validation.outcomes import APART, DEFAULT, FAULTS, Definition, definition, outcomes
from credit.validation.stability import Stability, _moved, stability, variants
from support import rules
from support.literal import DAY, ZONE

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

Fill = Callable[..., duckdb.DuckDBPyConnection]

# --- outcomes ------------------------------------------------------------------------------------------------------------

SENT = {"dispatch_due_at": "2025-07-05", "dispatched_at": "2025-07-04", "delivery_due_at": "2025-07-10"}
ARRIVED = SENT | {"delivered_at": "2025-07-09", "completed_at": "2025-07-09"}
OFF = {"cancelled_at": "2025-07-06"}

CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "good": (ARRIVED, set()),
    "sent late": (ARRIVED | {"dispatched_at": "2025-07-06"}, {"sent_late"}),
    "sent late, so arrived late": (
        ARRIVED | {"dispatched_at": "2025-07-06", "delivered_at": "2025-07-12"},
        {"sent_late"},
    ),
    "never sent": ({"dispatch_due_at": "2025-07-05"}, {"sent_late"}),
    "not due yet": ({"dispatch_due_at": "2025-12-31"}, set()),
    "arrived, sent nobody knows when": (ARRIVED | {"dispatched_at": None}, set()),
    "the carrier was late": (ARRIVED | {"delivered_at": "2025-07-12"}, {"carrier_late"}),
    "with the carrier still": (SENT, {"carrier_late"}),
    "cancelled by the seller": (OFF | {"cancelled_by": "seller"}, {"seller_cancelled"}),
    "cancelled by nobody named": (OFF, {"seller_cancelled"}),
    "cancelled by the buyer": (OFF | {"cancelled_by": "buyer", "cancel_reason": "changed_mind"}, set()),
    "unpaid": (OFF | {"paid_at": None, "cancelled_by": "platform"}, set()),
    "out of stock": (OFF | {"cancelled_by": "buyer", "cancel_reason": "stock_out"}, {"unavailable"}),
}


@pytest.fixture
def placed(fill: Fill) -> Callable[..., pd.DataFrame]:
    """`placed([{...}], reviews=[...])`: what is said of these orders, of DAY and 30 days on, seen at the end of 2025."""

    def followed(orders: list[dict[str, Any]], bad: Definition = DEFAULT, **tables: Any) -> pd.DataFrame:
        con = fill(
            subjects=[{}], transactions=[{"ordered_at": "2025-07-02 10:00"} | order for order in orders], **tables
        )
        con.execute("DELETE FROM meta.batches")
        con.execute(
            "INSERT INTO meta.batches VALUES (1, 'canonical', 'x', [], 'accepted', '2025-09-30', '2025-09-30', '{}')"
        )
        return outcomes(con, DAY, 30, ZONE, bad)

    return followed


@pytest.mark.parametrize("case", CASES)
def test_what_an_order_came_to(placed: Callable[..., pd.DataFrame], case: str) -> None:
    order, expected = CASES[case]
    (row,) = placed([order]).to_dict("records")
    assert {name for name in (*FAULTS, *APART) if row[name]} == expected
    assert row["bad"] == bool(expected & set(FAULTS))


def test_reviews_and_complaints(placed: Callable[..., pd.DataFrame]) -> None:
    def review(number: int, **values: Any) -> dict[str, Any]:
        return {"transaction_id": f"transactions-{number}", "reviewed_at": "2025-07-20"} | values

    complaint = {"filed_at": "2025-07-20", "resolved_at": "2025-07-25", "liability": "seller", "outcome": "upheld"}
    lines = placed(
        [ARRIVED] * 8,
        reviews=[
            review(1, rating_overall=2), review(2, rating_overall=3), review(3, rating_overall=1, shared=True),
            review(4, rating_overall=1, authentic=False), review(5, rating_overall=5), review(5, rating_overall=1),
        ],
        complaints=[
            complaint | {"transaction_id": "transactions-6"},
            complaint | {"transaction_id": "transactions-7", "liability": "carrier"},
            complaint | {"transaction_id": "transactions-8", "resolved_at": "2025-12-01"},
        ],
    )  # fmt: skip
    numbered = lines.set_index("order_id")
    assert numbered.index[numbered["rated_low"]].tolist() == ["transactions-1", "transactions-3", "transactions-5"]
    assert numbered.index[numbered["complaint_upheld"]].tolist() == ["transactions-6"]


def test_the_period_is_days_of_the_platform(placed: Callable[..., pd.DataFrame]) -> None:
    times = ["2025-06-30 23:59", "2025-07-01 00:00", "2025-07-30 23:59", "2025-07-31 00:00"]
    lines = placed([ARRIVED | {"ordered_at": at} for at in times])
    assert lines["order_id"].tolist() == ["transactions-2", "transactions-3"]


def test_the_definition_is_a_parameter(placed: Callable[..., pd.DataFrame]) -> None:
    order = ARRIVED | {"delivered_at": "2025-07-12"}
    assert not placed([order])["bad"].any()
    assert placed([order], definition("carrier_late"))["bad"].all()
    assert definition("rated_low=1, sent_late") == Definition(("rated_low", "sent_late"), 1)
    assert definition(DEFAULT.text) == DEFAULT
    for wrong in ("late", "rated_low=5", "sent_late=1", "rated_low=", ""):
        with pytest.raises(UserError, match="is no outcome; expected, by comma"):
            definition(wrong)


# --- weights that are moved ----------------------------------------------------------------------------------------------


def test_weights_that_are_moved_still_add_up(book: Callable[..., Rulebook]) -> None:
    rules = [{"id": "completion_rate", "weight": 60}, {"id": "on_time_dispatch_rate", "weight": 40}]
    rulebook = book({"fulfilment": (70, rules), "after_sales": (30, [{"id": "complaint_rate"}])})
    assert [e.weight for e in _moved(rulebook.elements, "fulfilment", 0.2)] == pytest.approx([84, 16])
    moved = list(variants(rulebook, {"completion_rate", "on_time_dispatch_rate", "complaint_rate"}))
    assert [(kind, id, change) for kind, id, change, _ in moved] == [
        ("element", "fulfilment", -0.2), ("element", "fulfilment", 0.2),
        ("element", "after_sales", -0.2), ("element", "after_sales", 0.2),
        ("indicator", "completion_rate", -0.2), ("indicator", "completion_rate", 0.2),
        ("indicator", "on_time_dispatch_rate", -0.2), ("indicator", "on_time_dispatch_rate", 0.2),
        ("edge", "A", -1.0), ("edge", "A", 1.0), ("edge", "B", -1.0), ("edge", "B", 1.0),
    ]  # fmt: skip
    for *_, variant in moved:
        assert sum(e.weight for e in variant.elements) == pytest.approx(100)
        assert all(sum(r.weight for r in e.indicators) == pytest.approx(100) for e in variant.elements)


# --- a synthetic marketplace ----------------------------------------------------------------------------------------------

END = date(2026, 11, 24)
DATES = [END - timedelta(days=100), END - timedelta(days=60)]
BOOK = rules.ENTERPRISE


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("market")
    delivery.write(folder / "in", merchants=200, transactions=20_000, end=END, bad_rows=False)
    options = Settings(home=folder / "home", threads=1)
    with open_warehouse(options) as con:
        batch = landing.land(con, options, "canonical", folder / "in", END, history=True)
        merging.accept(con, batch.batch_id)
    return options


@pytest.fixture(scope="module")
def tested(market: Settings) -> Backtest:
    with open_warehouse(market, read_only=True) as con:
        return backtest(con, DATES, ZONE, [60], resamples=50)


@pytest.fixture(scope="module")
def steady(market: Settings) -> Stability:
    with open_warehouse(market, read_only=True) as con:
        return stability(con, DATES, ZONE, rulebooks=[BOOK], nights=3, days=60, resamples=50)


def test_a_score_that_knows_the_past_tells_of_what_follows(tested: Backtest) -> None:
    mine = tested.measures.query(
        "scorer == 'score' and measure == 'auc' and level == 'order' and population == 'rated' and date == 'mean'"
    )
    assert len(mine) == 2  # enterprises and individuals
    assert (mine["value"] > 0.6).all()
    assert ((mine["low"] <= mine["value"]) & (mine["value"] <= mine["high"])).all()
    row = tested.measures.query("level == 'seller' and scorer == 'score' and population == 'rated'")
    assert (row["value"].dropna() > 0.6).all()  # where nobody rated is bad, or everybody, it says nothing


def test_numbers_of_a_backtest_hang_together(tested: Backtest) -> None:
    order = tested.measures[(tested.measures["level"] == "order") & (tested.measures["date"] != "mean")]
    keys = ["rulebook", "date", "days", "population", "scorer"]
    wide = order.pivot_table(index=keys, columns="measure", values="value")
    assert np.allclose(wide["gini"], 2 * wide["auc"] - 1)
    score = wide.xs("score", level="scorer")["auc"]
    gains = wide["auc_below"].dropna().reset_index()
    below = wide["auc"].reset_index().merge(gains, on=keys).merge(score.rename("ours").reset_index(), on=keys[:-1])
    assert np.allclose(below["ours"] - below["auc"], below["auc_below"])
    for _, part in tested.grades.groupby(["rulebook", "days"]):
        pooled = part[part["date"] == "pooled"]
        assert pooled["orders"].sum() == part.loc[part["date"] != "pooled", "orders"].sum()
        assert ((pooled["low"] <= pooled["rate"]) & (pooled["rate"] <= pooled["high"])).all()


def test_nothing_of_later_counts(market: Settings, tested: Backtest, tmp_path: Path) -> None:
    """What the warehouse learns afterwards moves outcomes, never a score."""
    (tmp_path / "home").mkdir()
    copy = Settings(home=tmp_path / "home", threads=1)
    copy.database.write_bytes(market.database.read_bytes())
    with open_warehouse(copy) as con:
        con.execute("UPDATE canonical.reviews SET rating_overall = 1 WHERE known_at >= ?", [DATES[1]])
    with open_warehouse(copy, read_only=True) as con:
        after = backtest(con, DATES[1:], ZONE, [60], rulebooks=[BOOK], resamples=5)
    pick = "date == @DATES[1] and days == 60"
    columns = ["rulebook", "grade", "sellers", "orders"]
    later, before = after.grades.query(pick), tested.grades.query(pick)
    before = before[before["rulebook"].isin(after.rulebooks)]
    assert later[columns].to_numpy().tolist() == before[columns].to_numpy().tolist()
    assert later["bad"].sum() > before["bad"].sum()


def test_stability_hangs_together(steady: Stability) -> None:
    for _, part in steady.migration.groupby(["rulebook", "series", "before_on"]):
        assert np.allclose(part.groupby("before")["share"].sum(), 1)
    assert set(steady.migration["series"]) == {"dates", "nights"}
    assert (steady.shift["index"] >= 0).all()
    nightly = steady.shift.query("series == 'nights' and of == 'score'")["index"]
    monthly = steady.shift.query("series == 'dates' and of == 'score'")["index"]
    assert nightly.max() < monthly.min()
    flicker = steady.flicker.set_index(["rulebook", "by"])["moves"].unstack()
    assert (flicker["grade"] <= flicker["grade_by_score"]).all()
    edges = steady.sensitivity[steady.sensitivity["kind"] == "edge"]
    assert (edges["mean_change"] == 0).all()
    assert (edges["auc_change"] == 0).all()
    assert steady.sensitivity["moved"].sum() > 0
    groups = steady.effect.groupby(["rulebook", "by"])["merchants"].sum().unstack()
    # Everybody known on that day is of some size and some age.
    assert (groups["size"] == groups["age"]).all()
    assert groups["size"].sum() > 30


@pytest.mark.parametrize("fixture", ["tested", "steady"])
def test_the_page_stands_alone(fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    result = request.getfixturevalue(fixture)
    written = {path.name: path for path in report.write(result, tmp_path / "new" / "out")}
    page = written["index.html"].read_text(encoding="utf-8")
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"'\s)<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "不良" in page
    assert page.count("<table>") == len(report.tables(result))
    for name, table in report.frames(result).items():
        with written[f"{name}.csv"].open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(table)
    document = json.loads(written["result.json"].read_text(encoding="utf-8"))
    assert document["dates"] == [str(day) for day in DATES]


@pytest.mark.parametrize(("fixture", "words"), [("tested", "信用得分"), ("steady", "There and back")])
def test_what_the_terminal_shows(
    fixture: str,
    words: str,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validation.out, "width", 200)
    validation.show(request.getfixturevalue(fixture), [])
    assert words in capsys.readouterr().out


def test_the_command(market: Settings, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["validate", *arguments, "--home", str(market.home)])

    arguments = (
        "backtest",
        "--date",
        str(DATES[1]),
        "--days",
        "30",
        "--resamples",
        "5",
        "--bad",
        "sent_late",
        "--rulebook",
        str(BOOK),
    )
    success = run(*arguments, "--json", "--out", str(tmp_path))
    document = json.loads(success.stdout)
    assert success.exit_code == 0
    assert document["bad"] == "sent_late"
    assert {row["days"] for row in document["measures"]} == {30}
    assert (tmp_path / "index.html").exists()
    wrong = (
        (("backtest", "--date", "yesterday"), "YYYY-MM-DD"),
        (("backtest", "--date", str(END + timedelta(days=9))), "no order is known"),
        (("backtest", "--date", str(DATES[1]), "--bad", "late"), "expected, by comma"),
        (("stability", "--date", str(DATES[1]), "--nights", "1"), "at least twice"),
    )
    for arguments, reason in wrong:
        failed = run(*arguments)
        assert isinstance(failed.exception, UserError), failed.output
        assert reason in str(failed.exception)

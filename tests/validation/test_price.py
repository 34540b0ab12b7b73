"""The price of an attack: what it costs by hand, that it is dearer with caps and after an upheld finding, and that what
detectors really find of a story can be upheld and takes its gain away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.evaluation import night as evaluation
from credit.integrity.scan import scan
from credit.ledgers import findings
from credit.rulebooks.reading import shipped
from credit.settings import cut_off
from credit.synthetic.in_memory import SETTINGS, marketplace
from credit.synthetic.market import ZONE
from credit.validation import price as pricing
from credit.validation.price import Attack, Price, limited, prices

END = date(2026, 7, 1)
BOOK = [book for book in shipped() if book.id == "gbt-26842-enterprise"][-1]
STEPS = (16, 128)
BRUSHER = "M000003"


@pytest.fixture(scope="module")
def market() -> Iterator[duckdb.DuckDBPyConnection]:
    with marketplace(merchants=60, transactions=5_000, end=END, seed=41) as con:
        yield con


def test_what_an_attack_costs_by_hand() -> None:
    eight = Attack(accounts=8, amount=10, fee=0.05, order=8, account=15)
    assert eight.cost(20) == 20 * (8 + 0.5) + 8 * 15
    assert (eight.hands(3), eight.cost(3)) == (3, 3 * 8.5 + 3 * 15)
    assert Attack(accounts=None, each=2, amount=0, order=8, account=15).cost(5) == 5 * 8 + 3 * 15


@pytest.mark.slow
@pytest.mark.thorough
def test_dearer_with_caps_and_after_an_upheld_finding(market: duckdb.DuckDBPyConnection) -> None:
    """Nobody whom the rules as they are keep in place moves with a cap or with a violation; what was faked is taken out."""

    def rows() -> list[tuple[int, ...]]:
        tables = ("canonical.transactions", "canonical.reviews", "ledger.findings")
        return [row for name in tables for row in market.execute(f"SELECT count(*) FROM {name}").fetchall()]

    before = rows()
    few = Attack(accounts=2)
    plain = prices(market, END, BOOK, attack=few, steps=STEPS)
    capped = prices(market, END, limited(BOOK, 2, 1), attack=few, steps=STEPS)
    upheld = prices(market, END, BOOK, attack=few, upheld=True, steps=STEPS)
    assert rows() == before

    def moved(offers: list[Price]) -> float:
        return sum(price.moved * price.merchants for price in offers)

    assert moved(capped) < moved(plain)
    assert moved(upheld) < moved(plain)
    places = BOOK.symbols.index
    assert all(places(price.goal) == places(price.grade) - 1 for price in plain)
    for price in plain:
        assert (price.orders is None) == (price.moved < 0.5)
        if price.orders:
            # An order of one yuan binds nobody: each costs a fen more.
            assert (price.accounts, price.money) == (2, Attack(accounts=2, amount=1.01).cost(price.orders))


@pytest.mark.slow
@pytest.mark.thorough
def test_the_caps_take_a_trivial_order_for_nothing(market: duckdb.DuckDBPyConnection) -> None:
    dear = prices(market, END, limited(BOOK, 6, 50), attack=Attack(accounts=8), steps=(16,))
    assert [price.fees for price in dear if price.orders] == [
        round(16 * 0.05 * 50.01, 2) for price in dear if price.orders
    ]


@pytest.mark.slow
@pytest.mark.thorough
def test_upholding_what_is_found_of_the_brusher_takes_its_gain_away(market: duckdb.DuckDBPyConnection) -> None:
    """Four fifths of its faked orders are found, and its score is then no better than without them, all else equal: the
    violation costs besides. Those that nobody found still count."""
    suspicions = [
        finding
        for finding in scan(market, SETTINGS, END)
        if finding.subject_id == BRUSHER and finding.kind != "review_bombing"
    ]
    assert suspicions
    night = END + timedelta(days=1)

    def score() -> tuple[float, float]:
        graded = evaluation.compute(market, night, ZONE, [BOOK], priors=priors)[0]
        at = graded.grades["subject_id"].tolist().index(BRUSHER)
        return float(graded.grades["score"][at]), float(graded.grades["orders"][at])

    priors = {BOOK.hash: evaluation.compute(market, night, ZONE, [BOOK])[0].scores.priors}
    faked, orders = score()
    market.begin()
    try:
        by_hands = "SELECT transaction_id FROM canonical.transactions WHERE subject_id = ? AND starts_with(buyer_id, 'B') AND hour(timezone('Asia/Shanghai', ordered_at)) BETWEEN 2 AND 3 AND amount < 60"
        keys = [key for (key,) in market.execute(by_hands, [BRUSHER]).fetchall()]
        found_out = [key for finding in suspicions for key in finding.orders]
        market.execute("DELETE FROM canonical.reviews WHERE list_contains(?, transaction_id)", [found_out])
        market.execute("DELETE FROM canonical.transactions WHERE list_contains(?, transaction_id)", [found_out])
        honest, _ = score()
        market.rollback()
        market.begin()
        for finding in suspicions:
            findings.uphold(market, finding, reason="r", by="Li Wei", at=cut_off(END, ZONE))
        judged, left = score()
    finally:
        market.rollback()
    assert judged < faked
    assert judged <= honest
    assert orders - left >= 0.8 * len(keys)
    assert not np.isnan(honest)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "STEPS", (16,))
    sizes = ["--merchants", "30", "--transactions", "2500", "--json"]
    run = CliRunner().invoke(app, ["integrity", "price", *sizes])
    assert run.exit_code == 0, run.output
    document = json.loads(run.output)
    assert set(document) == {"rulebook", "rules", "caps", "upheld"}
    assert {"grade", "goal", "merchants", "moved", "orders", "accounts", "money", "fees"} == set(document["rules"][0])

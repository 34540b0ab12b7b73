"""One merchant evaluated alone: the row that the whole night gave it, by the night's own averages and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.evaluation import engine, night
from credit.home import open_warehouse
from credit.indicators.base import PARAMETERS
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import shipped
from credit.settings import Settings, cut_off
from support.small_market import DAY, ZONE, at, deliver, market, order

pytestmark = pytest.mark.slow

BETWEEN, NIGHT = DAY + timedelta(days=1), DAY + timedelta(days=2)
SELLERS = {"e0": 0, "e1": 3, "e2": 7, "e3": 12, "e4": 15, "fraudulent": 0, "i0": 0, "i1": 9}
KINDS = {"i0": "individual", "i1": "individual"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """DAY and NIGHT evaluated, not the night between: on it everybody was late again, and a fraud was found."""
    folder = tmp_path_factory.mktemp("one-merchant")
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, folder / "first", market(SELLERS, kinds=KINDS))
        night.evaluate(con, options, DAY)
        late = [order(name, 90, -3, late=True, known_at=at(1)) for name in SELLERS]
        fraud = {"violation_id": "f", "subject_id": "fraudulent", "kind": "fraud", "severity": "serious",
                 "decided_at": at(1), "known_at": at(1)}  # fmt: skip
        deliver(con, options, folder / "second", {"transactions": late, "violations": [fraud]}, NIGHT)
        night.evaluate(con, options, NIGHT)
    return options


@pytest.fixture
def con(home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(home) as opened:
        yield opened


def stored(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: con.execute(f"FROM results.{table} WHERE evaluated_on = '{NIGHT}' ORDER BY ALL").fetchall()
        for table in ("grades", "indicators", "runs")
    }


@pytest.mark.thorough
def test_each_merchant_alone_has_the_row_of_the_whole_night(home: Settings, con: duckdb.DuckDBPyConnection) -> None:
    """Also after the night between has been evaluated: this one looked back past it."""
    before = stored(con)
    graded = con.execute(
        f"""SELECT subject_id, rulebook, grade_held <> grade_by_score, vetoes FROM results.grades
            WHERE evaluated_on = '{NIGHT}'"""
    ).fetchall()
    assert {row[1] for row in graded} == {"gbt-26842-enterprise", "gbt-28041-buyer", "gbt-28041-individual"}
    assert [row[0] for row in graded if row[2]] != []
    assert [(row[0], row[3]) for row in graded if row[3]] == [("fraudulent", ["fraud_upheld"])]
    night.evaluate(con, home, BETWEEN)
    for subject_id, *_ in graded:
        con.execute(f"UPDATE results.grades SET score = 1, grade = 'x', past_edge = 9 WHERE subject_id = '{subject_id}'"
                    f" AND evaluated_on = '{NIGHT}'")  # fmt: skip
        alone = night.evaluate_merchant(con, home, NIGHT, subject_id)
        assert list(alone.grades["subject_id"]) == [subject_id]
    assert stored(con) == before


def test_on_the_warehouse_as_in_memory(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    def computed() -> list[tuple[Any, Any]]:
        evaluated = night.compute(con, NIGHT, ZONE, shipped())
        return [(evaluation.grades, evaluation.scores.long()) for evaluation in evaluated]

    in_memory = computed()
    monkeypatch.setattr(engine, "IN_MEMORY", -1)
    for left, right in zip(in_memory, computed(), strict=True):
        for mine, other in zip(left, right, strict=True):
            pd.testing.assert_frame_equal(mine, other, check_exact=True)


def test_the_command_prints_the_row_of_the_list(home: Settings) -> None:
    def printed(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--home", str(home.home), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    listed = {row["subject_id"]: row for role in ("seller", "buyer") for row in printed("grades", "--role", role)}
    buyer = next(row["subject_id"] for row in listed.values() if row["rulebook"] == "gbt-28041-buyer")
    for name in ("fraudulent", "i1", buyer):
        assert printed("evaluate", "--merchant", name) == listed[name]


def test_who_is_not_there_or_a_night_that_is_not(home: Settings) -> None:
    later = NIGHT + timedelta(days=1)
    with open_warehouse(home) as con:
        with pytest.raises(UserError, match=f"has no 'nobody'; .* run `merchant-credit evaluate --date {NIGHT}` first"):
            night.evaluate_merchant(con, home, NIGHT, "nobody")
        with pytest.raises(UserError, match=f"run `merchant-credit evaluate --date {later}` first"):
            night.evaluate_merchant(con, home, later, "e0")
    done = CliRunner().invoke(app, ["evaluate", "--merchant", "e0", "--date", str(later), "--home", str(home.home)])
    assert isinstance(done.exception, UserError)
    assert f"Run `merchant-credit evaluate --date {later}`" in str(done.exception)


def test_rulebooks_that_count_alike_share_one_count(con: duckdb.DuckDBPyConnection) -> None:
    """By the parameters their indicators ask for, also where one of them leaves a default out."""
    moment = engine.Moment(cut_off(NIGHT, ZONE), ZONE)
    frames, have = engine.known(con, moment), night.supplied(con, moment)
    books = {book.id: book for book in shipped()}
    seller, buyer = books["gbt-26842-enterprise"], books["gbt-28041-buyer"]

    def buyers(**values: float) -> Rulebook:
        number = next(iter(seller.parameters.values()))
        stated = {name: number.model_copy(update={"value": value}) for name, value in values.items()}
        return buyer.model_copy(update={"parameters": buyer.parameters | stated})

    default = float(PARAMETERS["reverify_days"].value)
    chosen = [
        seller,
        books["gbt-28041-individual"],
        buyers(trivial_amount=seller.values["trivial_amount"], reverify_days=default),
        buyers(trivial_amount=seller.values["trivial_amount"] + 7),
    ]
    subjects = night.subjects_of(frames, have)["subject_id"]
    enterprises, individuals, alike, otherwise = night.count_facts(frames, chosen, subjects, moment, have)
    assert enterprises is individuals
    assert otherwise is not alike
    assert otherwise is not enterprises

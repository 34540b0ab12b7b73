"""What would change a grade, checked by hand: the least change, what time does, what moved it, peers, the rows behind."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from credit.evaluation import night as evaluation
from credit.evaluation import outlook
from credit.evaluation.outlook import Case, changes
from credit.evaluation.scoring import POINT
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.indicators.base import Leaf
from credit.intake import landing, merging
from support import rules
from support.story_home import DAY, DAY_BEFORE, FOLDER, MARKETPLACE, ZONE, Row, delivered, evaluated, pseudonym, table

pytestmark = pytest.mark.slow

ENTERPRISE, BUYER = "gbt-26842-enterprise", "gbt-28041-buyer"
BOOK = rules.ENTERPRISE
INDIVIDUAL_BOOK = rules.INDIVIDUAL
BUYER_BOOK = rules.BUYER

# --- the least that would raise the grade, on literal counts ----------------------------------------------------


@pytest.fixture
def proposed(book, counted, scored) -> Callable[..., dict[str, Any]]:
    """`proposed({element: (weight, rules)}, target, traceable_share=(6, 10))`: the changes of one merchant."""

    def made(elements: dict[str, Any], target: float, priors: dict[str, float] | None = None, **counts: Any) -> Any:
        rules = book(elements)
        scores = scored(rules, counted(**{name: [pair] for name, pair in counts.items()}), priors)
        case = Case(duckdb.connect(), ZONE, DAY, "s0", rules, scores.priors)
        return changes(case, scores, target)

    return made


def _brief(found: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(change[name] for name in ("indicator", *names)) for change in found["changes"]]


@pytest.mark.parametrize(
    ("target", "goal", "rows", "gain", "suffices"),
    [
        (80, 0.8, 2, 20, True),  # 6 of 10 is 60
        (75, 0.8, 2, 20, True),  # 0.75 would be one order and a half
        (60.5, 0.7, 1, 10, True),
        (100, 1.0, 4, 40, True),
    ],
)
def test_the_goal_is_where_the_curve_makes_up_what_is_missing(proposed, target, goal, rows, gain, suffices) -> None:
    found = proposed({"fulfilment": (100, [{"id": "traceable_share"}])}, target, traceable_share=(6, 10))
    (change,) = found["changes"]
    assert (change["value"], change["goal"], change["rows"]) == (0.6, goal, rows)
    assert (change["mark"], change["mark_after"], change["gain"]) == (60, 60 + gain, gain)
    assert (change["score_after"], found["together"], change["suffices"]) == (60 + gain, 60 + gain, suffices)
    assert change["effort"] == round(goal - 0.6, 4)


def test_the_goal_comes_through_shrinkage_and_a_bent_curve(proposed) -> None:
    """Of 20 orders 16 on time, average 0.9, strength 20: shrunk 0.85, mark 35 + 29 / 2 = 49.5.

    Mark 64 is at 0.9, so the own value has to be 0.9 as well: 18 of 20.
    """
    curve = [[0.6, 0], [0.8, 35], [0.9, 64], [0.96, 88], [1, 100]]
    rule = {"id": "on_time_dispatch_rate", "strength": 20, "curve": curve, "prior": 0.9}
    found = proposed({"fulfilment": (100, [rule])}, 64, on_time_dispatch_rate=(16, 20))
    (change,) = found["changes"]
    assert (change["mark"], change["mark_after"], change["gain"]) == (49.5, 64, 14.5)
    assert (change["goal"], change["rows"], change["suffices"]) == (0.9, 2, True)
    assert change["effort"] == 0.25  # 0.1 of the curve's 0.4


def test_what_should_be_low_is_lowered(proposed) -> None:
    rule = {"id": "traceable_share"}
    low = {"id": "seller_cancelled_rate", "curve": [[0, 100], [0.2, 0]], "weight": 50}
    found = proposed(
        {"fulfilment": (100, [low, rule | {"weight": 50}])},
        75,
        seller_cancelled_rate=(2, 10),  # mark 0
        traceable_share=(10, 10),  # mark 100: nothing to gain
    )
    # 50 points now; 25 more are 50 marks: 0.1, one cancellation fewer.
    assert _brief(found, "goal", "rows", "mark_after", "gain", "effort") == [
        ("seller_cancelled_rate", 0.1, 1, 50, 25, 0.5)
    ]


def test_those_that_suffice_come_first_by_effort_then_those_that_gain_most(proposed) -> None:
    elements = {
        "fulfilment": (
            100,
            [
                {"id": "on_time_dispatch_rate", "weight": 10},  # 9 of 10: 1 point to gain
                {"id": "on_time_delivery_rate", "weight": 20},  # 8 of 10: 4 points
                {"id": "traceable_share", "weight": 30},  # 4 of 10: 18 points
                {"id": "invoice_rate", "weight": 40},  # 5 of 10: 20 points
            ],
        )
    }
    counts = {"on_time_dispatch_rate": (9, 10), "on_time_delivery_rate": (8, 10), "traceable_share": (4, 10)}
    found = proposed(elements, 69, **counts, invoice_rate=(5, 10, 10))  # 9 + 16 + 12 + 20 = 57, 12 are missing
    assert _brief(found, "rows", "gain", "suffices", "effort") == [
        ("invoice_rate", 3, 12, True, 0.3),
        ("traceable_share", 4, 12, True, 0.4),
        ("on_time_delivery_rate", 2, 4, False, 0.2),
    ]
    assert found["together"] == 57 + 12 + 12 + 4


def test_nothing_is_proposed_where_nothing_can_be_done(book, counted, scored) -> None:
    """A perfect indicator, one without evidence, and one that only time changes."""
    rules = book(
        {
            "fulfilment": (50, [{"id": "traceable_share", "weight": 50}, {"id": "invoice_rate", "weight": 50}]),
            "identity": (50, [{"id": "months_on_platform", "curve": [[0, 0], [60, 100]]}]),
        }
    )
    facts = counted(traceable_share=[(10, 10)], invoice_rate=[(0, 0, 10)])
    months = CATALOGUE["months_on_platform"]
    facts.supplied.add("subjects")
    for quantity, value in ((months.numerator, 6.0), (months.evidence, 1.0)):
        assert isinstance(quantity, Leaf)
        facts.put(quantity, 365, np.array([value]))
    scores = scored(rules, facts)
    assert scores.score.tolist() == [55 * POINT]  # 100 and 10, half each
    case = Case(duckdb.connect(), ZONE, DAY, "s0", rules, scores.priors)
    assert changes(case, scores, 60) == {"target": 60, "changes": [], "together": 55}


# --- on the stories ---------------------------------------------------------------------------------------------

MakeCase = Callable[..., Case]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeCase]:
    """`case("careless-giant")`: the case of a story, of the second of two evaluated nights unless told."""
    conf = delivered(tmp_path_factory.mktemp("outlook") / "home")
    with open_warehouse(conf) as con:
        for day in (DAY_BEFORE, DAY):
            evaluated(con, day, [BOOK, INDIVIDUAL_BOOK, BUYER_BOOK])
        yield lambda name, day=DAY, book=ENTERPRISE: outlook.case_of(con, ZONE, day, name, book)


def _rows_of(path: Path, name: str, change: Callable[[str, Row], Row] = lambda _, row: row) -> Path:
    """A delivery in `path` of the marketplace's rows of this seller alone, each changed by `change(table, row)`."""
    path.mkdir()
    for file in MARKETPLACE.glob("*.csv"):
        rows = table(file)
        with (path / file.name).open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, rows[0].keys())
            writer.writeheader()
            writer.writerows(change(file.stem, row) for row in rows if row["subject_id"] == name)
    return path


def test_the_change_made_in_the_rows_reaches_the_target(case: MakeCase, tmp_path: Path) -> None:
    giant = case("careless-giant")
    found = changes(giant, giant.score(giant.facts(DAY)), 58)
    first = found["changes"][0]
    assert (first["indicator"], first["value"], first["suffices"]) == ("on_time_dispatch_rate", round(6 / 14, 6), True)
    assert (first["rows"], first["goal"]) == (7, round(13 / 14, 6))
    left = first["rows"]

    def sent_in_time(of: str, row: Row) -> Row:
        nonlocal left
        if of == "transactions" and left and row["dispatched_at"] > row["dispatch_due_at"]:
            left -= 1
            return row | {"dispatched_at": row["dispatch_due_at"]}
        return row

    conf = delivered(tmp_path / "home", _rows_of(tmp_path / "delivery", "careless-giant", sent_in_time))
    assert left == 0
    with open_warehouse(conf) as con:
        (night,) = evaluation.compute(con, DAY, ZONE, [giant.book], priors={giant.book.hash: giant.priors})
    score = night.grades["score"].item()
    assert score >= 58
    assert score == pytest.approx(first["score_after"], abs=1e-4)


def test_one_row_fewer_does_not_reach_it(case: MakeCase) -> None:
    """Six of them: (14 x 12/14 + 20 x 195/213) / 34 is between 0.8 and 0.9, and the points stay below 58."""
    giant = case("careless-giant")
    scores = giant.score(giant.facts(DAY))
    prior = giant.priors["on_time_dispatch_rate"]
    assert prior == pytest.approx(195 / 213)
    shrunk = (12 + 20 * prior) / 34
    assert 0.8 < shrunk < 0.9
    now = next(column for column in scores.columns if column.indicator == "on_time_dispatch_rate")
    gain = 8.75 / 100 * (35 + 290 * (shrunk - 0.8) - float(now.mark[0]))
    assert 0 < scores.score[0] / POINT + gain < 58


def _ahead(of: Case) -> dict[int, dict[str, Any]]:
    found = outlook.outlook(of, of.score(of.facts(of.day)))
    assert [entry["in_days"] for entry in found] == list(outlook.HORIZONS)
    assert [entry["on"] for entry in found] == [str(of.day + timedelta(days=days)) for days in outlook.HORIZONS]
    return {entry["in_days"]: entry for entry in found}


def test_a_penalty_fades_and_a_sanction_ends(case: MakeCase) -> None:
    """Fined on 10-24, minor: 1 x (1 - 1/3) tonight, 1 x (1 - 2/3) after 12-24, nothing after 01-24. Warned until 12-10."""
    ahead = _ahead(case("careless-giant"))
    assert ahead[7]["moves"] == []
    assert ahead[7]["score"] == 54.1927
    moves = {days: {move["indicator"]: move["points"] for move in ahead[days]["moves"]} for days in (30, 90)}
    # The curve falls 25 marks from 0 to 1, at 3.5 percent of the score; a warning costs 20 marks at 1.25 percent.
    assert moves[30]["penalties"] == pytest.approx(25 / 3 * 0.035, abs=1e-4)
    assert moves[90]["penalties"] == pytest.approx(25 * 2 / 3 * 0.035, abs=1e-4)
    assert moves[30]["sanctions_in_force"] == moves[90]["sanctions_in_force"] == 0.25
    # A month on the platform is 15 marks in 36, at 1.5 percent.
    assert moves[30]["months_on_platform"] == pytest.approx(15 / 36 * 0.015, abs=1e-4)
    assert ahead[30]["score"] == pytest.approx(54.1927 + sum(moves[30].values()), abs=1e-4)


def test_orders_that_leave_the_window_end_the_rating(case: MakeCase) -> None:
    """Orders of 190, 200, ... 280 days: in 90 days the oldest is 370 days old, in 180 the youngest."""
    ahead = _ahead(case("dormant"))
    assert [ahead[days]["grade"] for days in outlook.HORIZONS] == ["A", "A", "NR", "NR"]
    assert ahead[30]["not_rated_reason"] is None
    assert ahead[90]["not_rated_reason"] == "too_few_orders: 9 in 365 days, at least 10 needed"
    assert ahead[180]["not_rated_reason"] == "no_orders: none in 365 days, at least 10 needed"
    assert ahead[90]["score"] is ahead[180]["score"] is None


def test_a_licence_runs_out(case: MakeCase) -> None:
    before = case("expired-licence", DAY_BEFORE)  # its last day is the day of the evaluation
    facts = before.facts(DAY_BEFORE)
    assert evaluation.scoring.vetoed(before.book, facts, before.have)["licence_expired"].tolist() == [False]
    ahead = _ahead(before)
    assert (ahead[7]["grade"], ahead[7]["vetoes"]) == ("BBB", ["licence_expired"])
    # Three percent of the score are lost with it, and nothing else.
    assert ahead[7]["score"] == pytest.approx(84.6425 - 3, abs=0.02)
    assert (ahead[7]["moves"][0]["indicator"], ahead[7]["moves"][0]["points"]) == ("licence_valid", -3)


def test_a_fixed_grade_stays_while_the_finding_is_in_the_window(case: MakeCase) -> None:
    assert {entry["grade"] for entry in _ahead(case("exit-scam")).values()} == {"D"}


# --- what moved it since the last evaluation --------------------------------------------------------------------

PARTS = ("behaviour", "decay", "platform", "rules")


SCORED = [row for row in table(FOLDER / "expected" / "stories.csv") if row["score"] and row["night"] == str(DAY)]


@pytest.mark.parametrize("story", SCORED, ids=lambda story: story["subject"])
def test_the_parts_add_up_to_the_change(case: MakeCase, story: Row) -> None:
    of = case(story["subject"] if story["rulebook"] != BUYER else pseudonym(story["subject"]), DAY, story["rulebook"])
    moved = outlook.since_last(of, of.score(of.facts(DAY)))
    assert moved is not None
    before, now = of.con.execute(
        "SELECT score::DOUBLE FROM results.grades WHERE subject_id = ? ORDER BY evaluated_on", [of.subject_id]
    ).fetchall()
    assert now[0] == float(story["score"])
    assert (moved["score"], moved["change"]) == (before[0], round(now[0] - before[0], 4))
    assert round(sum(moved[part] for part in PARTS), 4) == moved["change"]
    assert moved["rules"] == 0


def test_without_a_night_before_there_is_nothing_to_compare(case: MakeCase) -> None:
    of = case("careless-giant", DAY_BEFORE)
    assert outlook.since_last(of, of.score(of.facts(DAY_BEFORE))) is None


@pytest.fixture
def alone(
    tmp_path: Path,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Callable[[date, Path], dict[str, Any] | None], Any]]:
    """The careless giant as the only merchant, graded on DAY, so that the averages move with it alone.

    (connection, `since(day, rulebook)`: grade that day too and say what moved it, settings).
    """
    conf = delivered(tmp_path / "home", _rows_of(tmp_path / "delivery", "careless-giant"))
    with open_warehouse(conf) as con:
        evaluated(con, DAY, [BOOK])

        def since(day: date, path: Path) -> dict[str, Any] | None:
            evaluated(con, day, [path])
            of = outlook.case_of(con, ZONE, day, "careless-giant", ENTERPRISE)
            return outlook.since_last(of, of.score(of.facts(day)))

        yield con, since, conf


def test_only_decay_where_only_time_passed(alone) -> None:
    """A month: the penalty by 25/3 marks at 3.5 %, the warning by 20 at 1.25 %, a month on the platform by 5/12 at 1.5 %."""
    moved = alone[1](date(2026, 12, 24), BOOK)
    assert {part: moved[part] for part in PARTS} == {
        "behaviour": 0,
        "decay": moved["change"],
        "platform": 0,
        "rules": 0,
    }
    assert moved["change"] == pytest.approx(0.29167 + 0.25 + 0.00625, abs=1e-4)


def test_only_behaviour_where_only_new_rows_came(alone, tmp_path: Path) -> None:
    """A moderate violation: from 5 to 9, that is from 50 to 30 marks, at 2 percent of the score."""
    con, since, conf = alone
    new = tmp_path / "violations.csv"
    new.write_text(
        "violation_id,subject_id,kind,severity,decided_at,known_at\n"
        f"V3,careless-giant,other,moderate,{DAY} 10:00:00,{DAY} 22:00:00\n"
    )
    merging.accept(con, landing.land(con, conf, "canonical", new, DAY + timedelta(days=1)).batch_id)
    moved = since(DAY + timedelta(days=1), BOOK)
    assert {part: moved[part] for part in PARTS} == {"behaviour": -0.4, "decay": 0, "platform": 0, "rules": 0}
    assert [(i["indicator"], i["points"]) for i in moved["indicators"]] == [("violations", -0.4)]


def test_only_rules_where_the_rulebook_changed(alone, tmp_path: Path) -> None:
    """A deposit of 10,000 marked 90 in place of 80, at 1.5 percent."""
    text = BOOK.read_text(encoding="utf-8")
    changed = text.replace("version: 0.2.0", "version: 0.2.1").replace(
        "[10000, 80], [50000, 100]", "[10000, 90], [50000, 100]"
    )
    assert changed.count("[10000, 90], [50000, 100]") == 1
    path = tmp_path / "changed.yaml"
    path.write_text(changed, encoding="utf-8")
    moved = alone[1](DAY + timedelta(days=1), path)
    assert {part: moved[part] for part in PARTS} == {"behaviour": 0, "decay": 0, "platform": 0, "rules": 0.15}
    assert moved["rulebook_version"] == "0.2.0"


# --- peers, and the rows behind a number ------------------------------------------------------------------------


def test_percentiles(case: MakeCase) -> None:
    # 14 others have promises to keep; exit-scam alone, 4 of 12, keeps fewer. Of 15 others nobody has a penalty.
    giant = outlook.percentiles(case("careless-giant"), "服装")
    assert giant["on_time_dispatch_rate"] == {"percentile": 7.1, "peers": 14, "among": "all"}
    assert giant["penalties"] == {"percentile": 0, "peers": 15, "among": "all"}
    # Among all: one has more, fourteen are like it and count half.
    assert outlook.percentiles(case("ordinary-1"), None)["penalties"] == {
        "percentile": 53.3,
        "peers": 15,
        "among": "all",
    }
    assert "authentic_share" not in giant  # its own is missing


def test_peers_of_the_category_where_there_are_enough(case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Main category 家居: excellent-veteran holds more, three ordinary shops the same, no-orders nothing (missing)."""
    monkeypatch.setattr(outlook, "PEERS", 4)
    found = outlook.percentiles(case("ordinary-1"), "家居")
    assert found["deposit_held"] == {"percentile": 37.5, "peers": 4, "among": "category"}
    monkeypatch.setattr(outlook, "PEERS", 5)
    found = outlook.percentiles(case("ordinary-1"), "家居")
    # Of 15 others 14 hold a deposit: exit-scam less, excellent-veteran and expired-licence more, eleven the same.
    assert found["deposit_held"] == {"percentile": 46.4, "peers": 14, "among": "all"}


def _ids(of: Case, indicator: str) -> dict[str, list[str]]:
    """part -> ids without the merchant's name, as shown."""
    parts = outlook.rows_behind(of)[indicator]
    assert all(part["total"] == len(part["ids"]) for part in parts)
    return {part["part"]: [key.removeprefix("careless-giant-") for key in part["ids"]] for part in parts}


@pytest.mark.parametrize(
    ("indicator", "numerator", "rest"),
    [
        ("on_time_dispatch_rate", "01 03 05 07 09 15", "02 04 06 08 11 12 13 14"),
        ("completion_rate", "01 02 03 04 05 06 07 08 09 11 12 13 14 15", "10"),  # 16 was the buyer's own cancelling
        ("seller_cancelled_rate", "10", "01 02 03 04 05 06 07 08 09 11 12 13 14 15"),
        ("invoice_rate", "03", "05"),
        ("upheld_complaint_rate", "C2 C3 C4", "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16"),
        ("first_response_hours", "C1 C5", ""),
        ("refund_days", "02 04 11", ""),
        ("negative_share", "R2 R4 R5 R6", "R1 R3 R7"),
        ("penalties", "P1", ""),
        ("tax_grade", "P2", ""),
        ("violations", "V2 V1", ""),  # newest first
        ("sanctions_in_force", "S1", ""),
        ("spot_check_cooperation", "", "K2 K1"),
    ],
)
def test_the_rows_behind_a_number(case: MakeCase, indicator: str, numerator: str, rest: str) -> None:
    expected = {part: ids.split() for part, ids in (("numerator", numerator), ("rest", rest)) if ids}
    assert _ids(case("careless-giant"), indicator) == expected


def test_the_rows_behind_a_buyers_number(case: MakeCase) -> None:
    found = outlook.rows_behind(case(pseudonym("abusive-buyer"), DAY, BUYER))
    by_part = {part["part"]: part["ids"] for part in found["buyer_paid_rate"]}
    assert by_part["numerator"] == [f"self-operated-{i:02d}" for i in (4, 5, 6, 7, 8)]
    assert by_part["rest"] == [f"self-operated-{i:02d}" for i in (1, 2, 3)]
    assert found["buyer_unfounded_complaint_rate"][0]["ids"] == ["self-operated-C1"]


def test_no_more_rows_are_listed_than_are_shown(case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "MOST_ROWS", 3)
    (part,) = outlook.rows_behind(case("careless-giant"))["order_volume"]
    assert (part["total"], part["ids"]) == (16, [f"careless-giant-{i:02d}" for i in (1, 2, 3)])

"""What became known after a night's cut-off has no effect on that night, and does on the next: table by table.

Every late row speaks of something that had happened days before: only when it became known keeps it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.rulebooks.reading import shipped
from credit.settings import Settings
from support.small_market import CUT_OFF, DAY, ZONE, Rows, at, changed, deliver, market, on, order, seller

pytestmark = pytest.mark.slow

NEXT = DAY + timedelta(days=1)
LATE = (CUT_OFF + timedelta(seconds=1)).isoformat()


@dataclass(frozen=True)
class Case:
    """A row of `table` that becomes known late. `before` stands since long; `shows` is where it shows for the subject
    of the case's name: an indicator's (value, numerator, denominator), or a column of grades, without and with it."""

    table: str
    late: dict[str, Any]
    shows: str
    without: Any
    then: Any
    before: dict[str, Any] | None = None
    kind: str = "enterprise"


LISTED = {"kind": "serious_violation", "issuer": "局", "valid_from": on(-9)}
DEBTOR = {"record_id": "debt", "kind": "dishonest_debtor", "issuer": "法院", "valid_from": on(-50), "known_at": at(-50)}
FRAUD = {"kind": "fraud", "severity": "serious", "decided_at": at(-5)}
FOUND = FRAUD | {"violation_id": "found", "decided_at": at(-30), "known_at": at(-30)}
SUSPENDED = {"kind": "suspension", "reason": "r", "imposed_at": at(-8)}
IMPOSED = SUSPENDED | {"sanction_id": "old", "known_at": at(-8)}

CASES = {
    "an order": Case("transactions", order("an order", 99, -9, buyer_id="b1"), "orders", 40, 41),
    "an order sent": Case(
        "transactions", order("an order sent", 98, -9), "on_time_dispatch_rate", (40 / 41, 40, 41), (1, 41, 41),
        before=order("an order sent", 98, -9, dispatched_at=None, completed_at=None),
    ),
    "a review": Case(
        "reviews", {"review_id": "r", "transaction_id": "a review-0", "rating_overall": 1, "reviewed_at": at(-3)}, "negative_share",
        (0, 0, 20), (1 / 21, 1, 21),
    ),
    "a complaint": Case(
        "complaints", {"complaint_id": "c", "transaction_id": "a complaint-0", "channel": "platform", "category": "quality", "filed_at": at(-9)},
        "complaint_rate", (0, 0, 40), (1 / 40, 1, 40),
    ),
    "a penalty": Case(
        "public_records", {"record_id": "p", "kind": "administrative_penalty", "issuer": "局", "grade": "serious",
                           "valid_from": on(-9)}, "penalties", (0, 0, None), (10, 10, None),
    ),
    "a listing": Case("public_records", {"record_id": "l"} | LISTED, "vetoes", [], ["serious_violation"]),
    "a repair": Case(
        "public_records", DEBTOR | {"repaired_on": on(-2)}, "vetoes", ["dishonest_debtor"], [], before=DEBTOR
    ),
    "a fraud": Case("violations", {"violation_id": "f"} | FRAUD, "grade", "A", "D"),
    "a person's fraud": Case("violations", {"violation_id": "g"} | FRAUD, "grade", "B", "E", kind="individual"),
    "a withdrawal": Case("violations", FOUND | {"withdrawn_at": at(-1)}, "vetoes", ["fraud_upheld"], [], before=FOUND),
    "a suspension": Case("sanctions", {"sanction_id": "s"} | SUSPENDED, "sanctions_in_force", (0, 0, None), (8, 8, None)),
    "a suspension lifted": Case(
        "sanctions", IMPOSED | {"lifted_at": at(-1)}, "sanctions_in_force", (8, 8, None), (0, 0, None), before=IMPOSED
    ),
    "a spot check": Case(
        "spot_checks", {"check_id": "k", "kind": "goods", "requested_at": at(-20), "due_at": at(-10)},
        "spot_checks_passed", (None, 0, 0), (0, 0, 1),
    ),
    "an expired licence": Case(
        "subjects", seller("an expired licence", licence_valid_until=on(-3)), "vetoes", [], ["licence_expired"]
    ),
    "a closed deposit": Case(
        "subjects", seller("a closed deposit", deposit_amount="0.00"), "deposit_held", (5000, 5000, None), (0, 0, None),
        before=seller("a closed deposit", deposit_amount="5000.00"),
    ),
}  # fmt: skip

Night = dict[str, tuple[pd.DataFrame, pd.DataFrame]]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Night]]:
    """The nights of DAY and of the day after, without the late rows and with them."""
    folder = tmp_path_factory.mktemp("point-in-time")
    options = Settings(home=folder / "home", zone=ZONE, threads=1)
    rows = market(dict.fromkeys(CASES, 0), kinds={name: case.kind for name, case in CASES.items()})
    late: Rows = {}
    for name, case in CASES.items():
        if case.table == "subjects" and case.before:
            place = rows["subjects"].index(changed(rows["subjects"], "subject_id", name))
            rows["subjects"][place] = case.before
        elif case.before:
            rows[case.table].append({"subject_id": name, "known_at": at(-9)} | case.before)
        late.setdefault(case.table, []).append({"subject_id": name} | case.late | {"known_at": LATE})
    with open_warehouse(options) as con:

        def night(day: Any) -> Night:
            evaluations = evaluation.compute(con, day, ZONE, [*{book.id: book for book in shipped()}.values()])
            return {e.rulebook.id: (e.grades, e.scores.long()) for e in evaluations}

        deliver(con, options, folder / "before", rows)
        results = {"before": night(DAY), "next without": night(NEXT)}
        deliver(con, options, folder / "late", late, NEXT)
        yield results | {"again": night(DAY), "next": night(NEXT)}


def shown(night: Night, name: str) -> Any:
    """What the case of this name shows."""
    case = CASES[name]
    (frames,) = [pair for pair in night.values() if name in set(pair[0]["subject_id"])]
    grades, indicators = (frame[frame["subject_id"] == name] for frame in frames)
    if case.shows in grades:
        return grades[case.shows].iloc[0]
    row = indicators[indicators["indicator"] == case.shows].iloc[0]
    return tuple(None if pd.isna(row[part]) else row[part] for part in ("value", "numerator", "denominator"))


def test_the_night_before_they_were_known_stays_as_it_was(nights: dict[str, Night]) -> None:
    assert len(nights["before"]) == 3
    for book, frames in nights["before"].items():
        for before, again in zip(frames, nights["again"][book], strict=True):
            assert len(before) > 0
            pd.testing.assert_frame_equal(before, again, check_exact=True, obj=book)


@pytest.mark.parametrize("name", CASES)
def test_the_next_night_has_it(nights: dict[str, Night], name: str) -> None:
    case = CASES[name]
    assert shown(nights["again"], name) == shown(nights["next without"], name) == case.without
    assert shown(nights["next"], name) == case.then


def test_a_late_order_counts_for_its_buyer_as_well(nights: dict[str, Night]) -> None:
    def orders(night: str) -> list[int]:
        return sorted(nights[night]["gbt-28041-buyer"][0]["orders"])

    assert orders("again") == orders("next without") == orders("before")
    assert sum(orders("next")) == sum(orders("again")) + 1

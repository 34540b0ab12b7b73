"""Identity and qualification, by hand: one merchant's row of the register, the evaluation of 2025-07-01.

The evaluation sees what was known before 00:00 of that day: something verified on the day itself is not yet.
"""

from __future__ import annotations

from datetime import date

import pytest

from credit.indicators.base import PERMIT as PERMIT_FOR

pytestmark = pytest.mark.slow

USCC = "91330198MA3000926M"
ID_NUMBER = "110105199001011232"
LICENCE = {"licence_no": "330000000000001"}
PERMIT = {"permit_no": "JY13301980000001"}
INDIVIDUAL = {"kind": "individual"}
YES, NO = ("measured", 1, 1, 1), ("measured", 0, 1, 0)


def test_registration_verified(measure) -> None:
    def of(**columns: str) -> tuple[object, ...]:
        return measure("registration_verified", subjects=[columns])

    assert of(registration_verified_on="2020-01-01") == YES  # however long ago
    assert of(registration_verified_on="2025-06-30") == YES
    assert of(registration_verified_on="2025-07-01") == NO
    assert of() == NO


def test_registration_verified_of_nobody_is_missing(measure) -> None:
    other = [{"subject_id": "another", "registration_verified_on": "2025-01-01"}]
    assert measure("registration_verified", subjects=other) == ("missing", 0, 0, None)
    assert measure("registration_verified", transactions=[{}]) == ("missing", None, None, None)
    without = ["subjects.registration_verified_on"]
    assert measure("registration_verified", subjects=[{}], without=without) == ("missing", None, None, None)


def test_code_valid(measure) -> None:
    assert measure("code_valid", subjects=[{"uscc": USCC}]) == YES
    assert measure("code_valid", subjects=[{"uscc": USCC[:-1] + "N"}]) == NO
    assert measure("code_valid", subjects=[{}]) == NO  # none is worth no more than a wrong one


def test_code_valid_of_individuals_and_of_every_code_given(measure) -> None:
    person = INDIVIDUAL | {"id_number": ID_NUMBER}
    wrong = INDIVIDUAL | {"id_number": ID_NUMBER[:-1] + "3"}
    assert measure("code_valid", subjects=[person]) == YES
    assert measure("code_valid", subjects=[INDIVIDUAL]) == NO
    # Where the platform supplies no citizens' ids, a natural person's is not asked for.
    without = ["subjects.id_number"]
    assert measure("code_valid", subjects=[INDIVIDUAL], without=without) == ("not_applicable", 0, 0, None)
    assert measure("code_valid", subjects=[person], without=["subjects.uscc"]).state == "missing"
    assert measure("code_valid", subjects=[wrong]) == NO
    assert measure("code_valid", subjects=[wrong | {"uscc": USCC}]) == NO
    assert measure("code_valid", subjects=[{"uscc": USCC, "id_number": wrong["id_number"]}]) == YES  # an enterprise


UNTIL = {"licence_valid_until": "9999-12-31"}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (LICENCE, NO),  # no end on file: not in force
        (LICENCE | UNTIL, YES),
        (LICENCE | {"licence_valid_until": "2025-07-01"}, YES),  # the last day is inside
        (LICENCE | {"licence_valid_until": "2025-06-30"}, NO),
        (LICENCE | UNTIL | {"licence_valid_from": "2025-07-01"}, YES),
        (LICENCE | UNTIL | {"licence_valid_from": "2025-07-02"}, NO),
        (PERMIT | {"permit_valid_until": "2025-07-01"}, NO),  # a permit is no licence
        (LICENCE | UNTIL | PERMIT | {"permit_valid_until": "2025-07-01"}, YES),
        (LICENCE | UNTIL | PERMIT | {"permit_valid_until": "2025-06-30"}, NO),  # one that has expired is enough
        (LICENCE | UNTIL | PERMIT, NO),
        (LICENCE | PERMIT | {"licence_valid_until": "2025-06-30", "permit_valid_until": "2026-01-01"}, NO),
        (INDIVIDUAL | LICENCE | {"licence_valid_until": "2025-06-30"}, NO),
        (INDIVIDUAL | {"uscc": USCC}, NO),  # a registered business has a licence
        ({}, NO),  # an enterprise without any: an expired one is not got rid of by blanking it
        ({"licence_valid_until": "2030-01-01"}, NO),  # a term without a licence
        (INDIVIDUAL, ("not_applicable", 0, 0, None)),
    ],
)
def test_licence_valid(measure, columns: dict[str, str], expected: tuple[object, ...]) -> None:
    assert measure("licence_valid", subjects=[columns]) == expected


NEEDED = {f"{PERMIT_FOR}{name}": 1.0 for name in ("食品", "图书", "food", "medical devices")}
RUNNING, OVER = ({"permit_valid_until": day} for day in ("2025-07-01", "2025-06-30"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (LICENCE | UNTIL | {"category": "食品"}, NO),  # none on file, as if it had ended
        (LICENCE | UNTIL | {"category": "食品"} | PERMIT | RUNNING, YES),
        (LICENCE | UNTIL | {"category": "食品"} | PERMIT | OVER, NO),
        (LICENCE | UNTIL | {"category": "食品"} | PERMIT, NO),
        (LICENCE | UNTIL | {"category": "食品"} | RUNNING, NO),  # an end of nothing
        (LICENCE | UNTIL | {"category": "家电"}, YES),
        (LICENCE | UNTIL | {"category": "家电"} | PERMIT | OVER, YES),  # blanked or not, it is not asked for
        (LICENCE | UNTIL, NO),  # nobody says what it sells
        (LICENCE | UNTIL | {"category": "食 品"}, NO),
        (LICENCE | UNTIL | {"category": "保健食品/零食"}, NO),
        (LICENCE | UNTIL | {"category": "食\u3000品类"}, NO),
        (LICENCE | UNTIL | {"category": "Pet Food"}, NO),
        (LICENCE | UNTIL | {"category": "ＦＯＯＤ & drinks"}, NO),
        (LICENCE | UNTIL | {"category": "Fo ｏd"}, NO),
        (LICENCE | UNTIL | {"category": "medicaldevices"}, NO),
        (LICENCE | UNTIL | {"category": "品食"}, YES),
        (INDIVIDUAL | {"category": "图书"}, NO),
        (INDIVIDUAL | {"category": "家电"} | PERMIT | OVER, ("not_applicable", 0, 0, None)),
    ],
)
def test_a_permit_is_asked_of_categories_that_need_one(measure, columns, expected) -> None:
    assert measure("licence_valid", subjects=[columns], parameters=NEEDED) == expected


def test_a_permit_is_asked_of_whoever_sells_mostly_what_needs_one(measure) -> None:
    """Whatever the register says: more than half of the window's orders that tell a category, void ones too."""
    shop = LICENCE | UNTIL | {"category": "家电"}

    def of(*orders: dict[str, str], shop: dict[str, str] = shop) -> tuple[object, ...]:
        return measure("licence_valid", subjects=[shop], transactions=list(orders), parameters=NEEDED)

    assert of({"category": "家电"}, {}) == YES
    assert of({"category": "家电"}, {"category": "休闲食品"}) == YES
    assert of({"category": "家电"}, {"category": "休闲食品"}, {}, {"category": "食品"}) == NO
    assert of({"category": "休闲食品", "ordered_at": "2024-06-01 10:00"}) == YES
    assert of({"category": "休闲食品", "subject_id": "another"}) == YES
    # Where the register tells no category, its orders do; where neither does, nobody knows that none is needed.
    untold = LICENCE | UNTIL
    assert of({"category": "家电"}, {}, shop=untold) == YES
    assert of({"category": "休闲食品"}, shop=untold) == NO
    assert of({}, shop=untold) == of(shop=untold) == NO


def test_a_category_that_is_not_supplied_is_not_asked_for(measure) -> None:
    without = ["subjects.category"]
    assert measure("licence_valid", subjects=[LICENCE | UNTIL], parameters=NEEDED, without=without) == YES


def test_permits_that_a_platform_does_not_supply_are_not_asked_for(measure) -> None:
    seller = LICENCE | UNTIL | {"category": "食品"}
    without = ["subjects.permit_no", "subjects.permit_valid_until"]
    assert measure("licence_valid", subjects=[seller], parameters=NEEDED, without=without) == YES
    assert measure("licence_valid", subjects=[seller], parameters=NEEDED, without=without[1:]) == NO
    assert measure("licence_valid", subjects=[seller | PERMIT], parameters=NEEDED, without=without[1:]) == YES


def test_licence_valid_needs_the_register_to_hold_licences(measure) -> None:
    for column in ("subjects.licence_no", "subjects.licence_valid_until"):
        assert measure("licence_valid", subjects=[LICENCE], without=[column]).state == "missing"


def test_contact_verified(measure) -> None:
    assert measure("contact_verified", subjects=[{"contact_verified_on": "2025-06-30"}]) == YES
    assert measure("contact_verified", subjects=[{"contact_verified_on": "2025-07-01"}]) == NO
    assert measure("contact_verified", subjects=[{"contact": "0571-1234567"}]) == NO  # given, not verified
    assert measure("contact_verified", subjects=[{}], without=["subjects.contact_verified_on"]).state == "missing"


def test_icp_recorded(measure) -> None:
    assert measure("icp_recorded", subjects=[{"icp_record": "浙ICP备00000001号"}]) == YES
    assert measure("icp_recorded", subjects=[{}]) == NO
    assert measure("icp_recorded", subjects=[{}], without=["subjects.icp_record"]).state == "missing"


@pytest.mark.parametrize(
    ("joined", "day", "months"),
    [
        ("2024-07-01", date(2025, 7, 1), 12),
        ("2024-07-02", date(2025, 7, 1), 11),  # the twelfth is full tomorrow
        ("2025-06-01", date(2025, 7, 1), 1),
        ("2025-06-30", date(2025, 7, 1), 0),
        ("2024-12-31", date(2025, 1, 30), 0),
        ("2024-12-31", date(2025, 1, 31), 1),
        ("2025-01-31", date(2025, 2, 28), 0),  # February has no 31st:
        ("2025-01-31", date(2025, 3, 1), 1),  # its month is full when the next one begins
        ("2024-02-29", date(2025, 2, 28), 11),
        ("2024-02-29", date(2025, 3, 1), 12),
        ("2015-03-15", date(2025, 7, 1), 123),  # ten years of 12, and March to July less a fortnight
    ],
)
def test_months_on_platform(measure, joined: str, day: date, months: int) -> None:
    measured = measure("months_on_platform", day=day, subjects=[{"joined_on": joined}])
    assert measured == ("measured", months, None, months)


def test_months_on_platform_not_on_file_are_none(measure) -> None:
    assert measure("months_on_platform", subjects=[{}]) == ("measured", 0, None, 0)
    assert measure("months_on_platform", subjects=[{"joined_on": "2025-07-01"}]).value == 0  # joins today
    assert measure("months_on_platform", subjects=[{}], without=["subjects.joined_on"]).state == "missing"


def test_reverified(measure) -> None:
    assert measure("reverified", subjects=[{"verified_on": "2025-06-30"}]) == YES
    assert measure("reverified", subjects=[{"verified_on": "2024-12-30"}]) == YES  # 183 days ago
    assert measure("reverified", subjects=[{"verified_on": "2024-12-29"}]) == NO  # 184
    assert measure("reverified", subjects=[{"verified_on": "2025-07-01"}]) == NO
    assert measure("reverified", subjects=[{}]) == NO
    month = {"reverify_days": 30}
    assert measure("reverified", subjects=[{"verified_on": "2025-06-01"}], parameters=month) == YES
    assert measure("reverified", subjects=[{"verified_on": "2025-05-31"}], parameters=month) == NO
    assert measure("reverified", subjects=[{}], without=["subjects.verified_on"]).state == "missing"


WHOLE = {"name": "n", "uscc": USCC, "address": "a", "contact": "c", "category": "k", "joined_on": "2025-06-30"}


def test_information_completeness(measure) -> None:
    def of(**columns: str | None) -> tuple[object, ...]:
        return measure("information_completeness", subjects=[WHOLE | columns])

    assert of() == ("measured", 6, 6, 1)
    assert of(address=None) == ("measured", 5, 6, 5 / 6)
    assert of(uscc=None) == ("measured", 5, 6, 5 / 6)
    assert of(uscc=None, id_number=ID_NUMBER) == ("measured", 6, 6, 1)
    assert of(id_number=ID_NUMBER) == ("measured", 6, 6, 1)  # two codes are one item
    assert of(joined_on="2025-07-01") == ("measured", 5, 6, 5 / 6)
    assert measure("information_completeness", subjects=[{}]) == ("measured", 0, 6, 0)


@pytest.mark.parametrize("column", ["name", "uscc", "address", "contact", "category", "joined_on"])
def test_information_completeness_asks_for_no_column_that_is_not_supplied(measure, column: str) -> None:
    measured = measure("information_completeness", subjects=[WHOLE], without=[f"subjects.{column}"])
    assert measured == ("missing", None, None, None)

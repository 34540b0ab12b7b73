"""The synthetic marketplace, seen from outside: its tables obey the rules of credit/tables.py, its stories are true."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from credit import codes
from credit.cli.main import app
from credit.synthetic.delivery import BAD_ROWS, write
from credit.synthetic.market import BUYER_SUBJECTS, MIN_MERCHANTS, MIN_TRANSACTIONS, populate
from credit.synthetic.stories import BUYER_STORIES, STORIES
from credit.tables import KNOWN_AT, TABLES

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

END = date(2025, 11, 1)
CUT_OFF = "TIMESTAMPTZ '2025-11-01 00:00:00+08'"
MERCHANTS, TRANSACTIONS = 300, 30_000
STORY = {story.name: story.subject_id for story in STORIES}

MEMBERS = [(table, column) for table in TABLES.values() for column in table.supplied]
EVERY_COLUMN = pytest.mark.parametrize(
    ("table", "column"), MEMBERS, ids=[f"{table.name}.{column.name}" for table, column in MEMBERS]
)


def market(threads: int = 2, zone: str = "UTC", **changes: Any) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": threads, "memory_limit": "1GB"})
    con.execute(f"SET TimeZone = '{zone}'")
    con.create_function("resident_id_valid", codes.resident_id_valid)
    wanted: dict[str, Any] = {"merchants": MERCHANTS, "transactions": TRANSACTIONS, "end": END}
    populate(con, **wanted | changes)
    return con


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with market() as filled:
        yield filled


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("sample")
    return folder, write(folder, merchants=MERCHANTS, transactions=TRANSACTIONS, end=END)


def scalar(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    return con.execute(query).fetchall()[0][0]


def count(con: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> int:
    return int(scalar(con, f"SELECT count(*) FROM sim.{table} WHERE {condition}"))


def contents(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Table -> a figure that does not depend on the order of rows."""
    return {
        name: scalar(con, f"SELECT sum(hash(t)::HUGEINT)::VARCHAR FROM sim.{name} t") for name in (*TABLES, "truth")
    }


# --- the tables ----------------------------------------------------------------------------------------------------


def test_the_tables_have_the_supplied_columns_in_their_canonical_types(con: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES.values():
        columns = con.execute(f"SELECT column_name, column_type FROM (DESCRIBE sim.{table.name})").fetchall()
        names = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
        assert columns == [(c.name, names.get(c.sql_type, c.sql_type)) for c in (*table.supplied, KNOWN_AT)]


def test_only_the_asked_for_tables_are_left(con: duckdb.DuckDBPyConnection) -> None:
    left = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in left} == {f"sim.{name}" for name in (*TABLES, "truth")}
    assert scalar(con, "SELECT count(*) FROM duckdb_functions() WHERE starts_with(function_name, 'sim_')") == 0


@EVERY_COLUMN
def test_no_row_breaks_a_column_rule(con: duckdb.DuckDBPyConnection, table: Any, column: Any) -> None:
    name = column.name
    rules = [f"length({name}::VARCHAR) > {column.max_length}"]
    if column.required:
        rules.append(f"{name} IS NULL")
    if column.codes:
        rules.append(f"{name} NOT IN {column.codes}")
    if column.minimum is not None:
        rules.append(f"{name} < {column.minimum}")
    if column.maximum is not None:
        rules.append(f"{name} > {column.maximum}")
    if column.known_from:
        unknown = f"'{column.until_known}'" if column.until_known else "NULL"
        rules.append(f"{column.known_from} IS NULL AND {name} IS DISTINCT FROM {unknown}")
    if column.type == "instant" and not column.plan:
        rules.append(f"{name} >= {CUT_OFF}")
    if column.type == "date" and not column.plan:
        rules.append(f"{name} >= DATE '{END}'")
    for rule in rules:
        assert count(con, table.name, rule) == 0, rule


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_no_row_breaks_a_row_rule(con: duckdb.DuckDBPyConnection, table: Any) -> None:
    for check in table.checks:
        assert count(con, table.name, check.bad) == 0, check.code
    assert count(con, table.name) == scalar(con, f"SELECT count(DISTINCT {table.key}) FROM sim.{table.name}")


def test_a_row_is_known_from_its_event_and_a_public_record_some_days_later(con: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES.values():
        known = table.event
        if table.name == "subjects":
            known = "timezone('Asia/Shanghai', joined_on::TIMESTAMP)"
        if table.name == "public_records":
            known = "timezone('Asia/Shanghai', valid_from::TIMESTAMP) + INTERVAL 3 DAY"
            wrong = f"abs(epoch(known_at) - epoch({known})) > 2 * 86400"
        else:
            wrong = f"known_at IS DISTINCT FROM {known}"
        assert count(con, table.name, f"{wrong} OR known_at >= {CUT_OFF}") == 0, table.name


@pytest.mark.parametrize("code", [c for _, c in MEMBERS if len(c.codes) > 4])
def test_many_codes_occur(con: duckdb.DuckDBPyConnection, code: Any) -> None:
    table = next(table for table, column in MEMBERS if column is code)
    values = {value for (value,) in con.execute(f"SELECT DISTINCT {code.name} FROM sim.{table.name}").fetchall()}
    assert len(values - {None}) >= 4


def test_children_belong_to_their_transaction_and_every_seller_is_a_subject(con: duckdb.DuckDBPyConnection) -> None:
    for child in ("reviews", "complaints"):
        joined = f"SELECT count(*) FROM sim.{child} JOIN sim.transactions USING (transaction_id, subject_id, buyer_id)"
        assert scalar(con, joined) == count(con, child)
    for table in list(TABLES)[1:]:
        sellers = "SELECT subject_id FROM sim.subjects WHERE role = 'seller'"
        assert count(con, table, f"subject_id NOT IN ({sellers})") == 0
    assert count(con, "sanctions", "violation_id NOT IN (SELECT violation_id FROM sim.violations)") == 0


def test_a_complaint_goes_forward_in_time(con: duckdb.DuckDBPyConnection) -> None:
    assert count(con, "complaints", "resolved_at < first_response_at OR resolved_at < escalated_at") == 0
    assert count(con, "complaints", "(outcome IS NULL) <> (resolved_at IS NULL)") == 0


def test_sizes_and_shares_are_as_asked(con: duckdb.DuckDBPyConnection) -> None:
    assert count(con, "transactions") == TRANSACTIONS
    assert count(con, "subjects", "role = 'seller'") == MERCHANTS
    assert 12 <= count(con, "subjects", "role = 'buyer'") <= 60
    assert 0.5 <= count(con, "subjects", "role = 'seller' AND kind = 'enterprise'") / MERCHANTS <= 0.7
    assert 0.55 <= count(con, "reviews") / TRANSACTIONS <= 0.66
    assert 0.010 <= count(con, "complaints") / TRANSACTIONS <= 0.022
    assert scalar(con, "SELECT sum(orders) FROM sim.truth") == TRANSACTIONS
    buyers = "SELECT subject_id FROM sim.subjects WHERE role = 'buyer'"
    assert count(con, "transactions", f"buyer_id IN ({buyers})") > 200


def test_festivals_and_evenings_are_busy(con: duckdb.DuckDBPyConnection) -> None:
    local = "timezone('Asia/Shanghai', ordered_at)"
    assert count(con, "transactions", f"{local}::DATE = '2024-11-11'") > 2.5 * TRANSACTIONS / 400
    evening, night = (f"hour({local}) = {hour}" for hour in (20, 4))
    assert count(con, "transactions", evening) > 5 * count(con, "transactions", night)


def test_every_table_has_rows(con: duckdb.DuckDBPyConnection) -> None:
    for name in TABLES:
        assert count(con, name) >= 20, name


def test_some_sellers_are_checked_once_to_three_times(con: duckdb.DuckDBPyConnection) -> None:
    per_seller = "SELECT count(*) AS n FROM sim.spot_checks GROUP BY subject_id"
    sellers, least, most = con.execute(f"SELECT count(*), min(n), max(n) FROM ({per_seller})").fetchall()[0]
    assert 0.25 <= sellers / MERCHANTS <= 0.6
    assert (least, most) == (1, 3)
    assert count(con, "spot_checks", f"due_at < {CUT_OFF} AND answered_at IS NULL") > 5
    assert count(con, "spot_checks", "answered_at > due_at") > 5
    # Who has not answered has not passed; nothing is concluded before it was answered.
    assert count(con, "spot_checks", "(answered_at IS NULL) <> (result = 'refused') OR concluded_at < answered_at") == 0
    early = "requested_at < timezone('Asia/Shanghai', s.joined_on::TIMESTAMP)"
    assert (
        scalar(con, f"SELECT count(*) FROM sim.spot_checks JOIN sim.subjects s USING (subject_id) WHERE {early}") == 0
    )


# --- codes ---------------------------------------------------------------------------------------------------------


def test_credit_codes_carry_their_check_character(con: duckdb.DuckDBPyConnection) -> None:
    """GB 32100: 31 - sum(value x 3^i mod 31) mod 31; its third part is a GB 11714 code with its own."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    codes = [code for (code,) in con.execute("SELECT uscc FROM sim.subjects WHERE uscc IS NOT NULL").fetchall()]
    assert len(codes) > MERCHANTS / 2
    assert len(set(codes)) == len(codes)
    for code in codes:
        total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
        assert len(code) == 18
        assert code[17] == alphabet[(31 - total % 31) % 31], code
        part = sum(int(c, 36) * w for c, w in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
        assert code[16] == "0123456789X0"[11 - part % 11], code
    assert count(con, "subjects", "role = 'seller' AND kind = 'enterprise' AND uscc IS NULL") == 0


def test_citizens_numbers_carry_their_check_character_and_belong_to_nobody(con: duckdb.DuckDBPyConnection) -> None:
    numbers = con.execute("SELECT id_number FROM sim.subjects WHERE kind = 'individual'").fetchall()
    for (number,) in numbers:
        total = sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(number[:17]))
        assert number[17] == "10X98765432"[total % 11], number
        assert number[4:6] == "98"


# --- chance --------------------------------------------------------------------------------------------------------


def test_the_seed_decides_and_threads_do_not(con: duckdb.DuckDBPyConnection) -> None:
    expected = contents(con)
    with market(threads=1, zone="America/Sao_Paulo") as again:
        assert contents(again) == expected
    with market(seed=2) as other:
        differing = [name for name, figure in contents(other).items() if figure != expected[name]]
    assert len(differing) == len(TABLES) + 1


@pytest.mark.parametrize(
    ("measure", "sign"),
    [
        ("SELECT avg((dispatched_at > dispatch_due_at)::INT) FROM sim.transactions", -1),
        ("SELECT avg((delivered_at > delivery_due_at)::INT) FROM sim.transactions", -1),
        ("SELECT avg((coalesce(cancel_reason, '') = 'stock_out')::INT) FROM sim.transactions", -1),
        ("SELECT avg((refund_reason = 'quality')::INT) FROM sim.transactions", -1),
        ("SELECT avg(rating_overall) FROM sim.reviews", 1),
        ("SELECT avg(epoch(first_response_at) - epoch(filed_at)) FROM sim.complaints", -1),
    ],
)
def test_quality_shows_in_what_happens(con: duckdb.DuckDBPyConnection, measure: str, sign: int) -> None:
    by_merchant = measure.replace("SELECT ", "SELECT subject_id, ", 1).replace(" FROM", " AS seen, count(*) AS n FROM")
    query = f"SELECT corr(quality, seen) FROM ({by_merchant} GROUP BY 1) JOIN sim.truth t USING (subject_id)"
    # A rate needs orders to be seen in; complaints are few.
    least = 3 if "complaints" in measure else 30
    assert scalar(con, f"{query} WHERE t.story IS NULL AND n >= {least}") * sign > 0.25


@pytest.fixture(scope="module")
def crowd() -> Iterator[duckdb.DuckDBPyConnection]:
    """Many merchants: what is rare can be seen."""
    with market(merchants=5_000) as filled:
        yield filled


@pytest.mark.parametrize(
    "measure",
    [
        "coalesce(answered_at <= due_at, false)",
        "result = 'passed'",
        "NOT licence_lapsed",
    ],
)
def test_quality_shows_in_spot_checks(crowd: duckdb.DuckDBPyConnection, measure: str) -> None:
    query = f"""SELECT corr(quality, ({measure})::INT) FROM (
            SELECT *, coalesce(licence_valid_until < DATE '{END}', false) AS licence_lapsed FROM sim.subjects)
        JOIN sim.spot_checks USING (subject_id)
        JOIN sim.truth t USING (subject_id) WHERE t.story IS NULL AND requested_at < {CUT_OFF} - INTERVAL 60 DAY"""
    assert scalar(crowd, query) > 0.12


def test_careless_sellers_are_checked_oftener(crowd: duckdb.DuckDBPyConnection) -> None:
    checks = "(SELECT count(*) FROM sim.spot_checks c WHERE c.subject_id = t.subject_id)"
    assert (
        scalar(crowd, f"SELECT corr(quality, {checks}) FROM sim.truth t WHERE story IS NULL AND mode = 'plain'") < -0.12
    )


def test_an_entry_on_the_abnormal_list_ends_or_is_repaired_for_some(crowd: duckdb.DuckDBPyConnection) -> None:
    listed = "kind = 'abnormal_operation'"
    entries = count(crowd, "public_records", listed)
    assert entries > 20
    for how in ("valid_until IS NOT NULL", "repaired_on IS NOT NULL", "valid_until IS NULL AND repaired_on IS NULL"):
        assert 0.05 < count(crowd, "public_records", f"{listed} AND {how}") / entries < 0.75, how
    assert count(crowd, "public_records", f"{listed} AND valid_until >= DATE '{END}'") == 0


BOUGHT = """SELECT b.subject_id, b.story, b.quality AS honesty, count(*) AS orders,
        avg((t.paid_at IS NOT NULL)::INT) AS paid,
        avg((t.cancelled_at IS NOT NULL)::INT) AS cancelled,
        coalesce(avg((t.refund_reason = 'no_reason')::INT) FILTER (t.delivered_at IS NOT NULL), 0) AS returned,
        count(c.complaint_id) FILTER (c.liability = 'buyer') / count(*) AS groundless,
        coalesce(avg((r.rating_overall = 1)::INT), 0) AS ones,
        coalesce(avg((NOT r.authentic)::INT), 0) AS feigned
    FROM sim.truth b JOIN sim.transactions t ON t.buyer_id = b.subject_id
    LEFT JOIN (SELECT * FROM sim.complaints WHERE NOT ends_with(complaint_id, '-2')) c USING (transaction_id)
    LEFT JOIN sim.reviews r USING (transaction_id)
    WHERE b.mode = 'buyer' GROUP BY ALL"""


@pytest.mark.parametrize(
    ("measure", "sign"),
    [("paid", 1), ("cancelled", -1), ("returned", -1), ("groundless", -1), ("ones", -1), ("feigned", -1)],
)
def test_a_buyers_honesty_shows_in_what_it_does(con: duckdb.DuckDBPyConnection, measure: str, sign: int) -> None:
    assert scalar(con, f"SELECT corr(honesty, {measure}) FROM ({BOUGHT}) WHERE orders >= 5") * sign > 0.3


def test_most_buyers_pay_and_keep(con: duckdb.DuckDBPyConnection) -> None:
    good = scalar(con, f"SELECT count(*) FROM ({BOUGHT}) WHERE paid >= 0.9 AND returned <= 0.2 AND groundless <= 0.05")
    assert 0.6 <= good / BUYER_SUBJECTS <= 0.95
    assert scalar(con, "SELECT count(*) FROM sim.truth WHERE mode = 'buyer'") == BUYER_SUBJECTS
    known = "role = 'buyer' AND registration_verified_on >= joined_on AND contact_verified_on >= joined_on"
    assert 0.7 * BUYER_SUBJECTS <= count(con, "subjects", known) <= BUYER_SUBJECTS
    late = "t.ordered_at < timezone('Asia/Shanghai', s.joined_on::TIMESTAMP)"
    assert (
        scalar(
            con, f"SELECT count(*) FROM sim.transactions t JOIN sim.subjects s ON s.subject_id = buyer_id AND {late}"
        )
        == 0
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_the_honest_regular_and_the_abusive_buyer(seed: int) -> None:
    with market(seed=seed) as con:
        rows = con.execute(f"SELECT * FROM ({BOUGHT}) WHERE story IS NOT NULL ORDER BY subject_id")
        columns = [column[0] for column in rows.description or ()]
        honest, abusive = (dict(zip(columns, row, strict=True)) for row in rows.fetchall())
    assert [honest["story"], abusive["story"]] == [story.name for story in BUYER_STORIES]
    assert [honest["honesty"], abusive["honesty"]] == [story.honesty for story in BUYER_STORIES]
    assert honest["orders"] >= 20
    assert abusive["orders"] >= 20
    assert honest["paid"] >= 0.95
    assert abusive["paid"] <= 0.9
    assert honest["cancelled"] <= 0.15
    assert abusive["cancelled"] >= 0.25
    assert honest["returned"] <= 0.1
    assert abusive["returned"] >= 0.3
    assert honest["groundless"] <= 0.03
    assert abusive["groundless"] >= 0.05
    assert honest["feigned"] == 0 < abusive["feigned"]


def test_ratings_hang_together_and_on_lateness(con: duckdb.DuckDBPyConnection) -> None:
    for part in ("description", "service", "logistics"):
        assert scalar(con, f"SELECT corr(rating_overall, rating_{part}) FROM sim.reviews") > 0.25
    late = scalar(con, """SELECT avg(rating_overall) FILTER (delivered_at <= delivery_due_at)
        - avg(rating_overall) FILTER (delivered_at > delivery_due_at)
        FROM sim.reviews JOIN sim.transactions USING (transaction_id)""")  # fmt: skip
    assert late > 0.3


# --- stories -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["smallest", "usual"])
def stories(request: pytest.FixtureRequest, con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    if request.param == "usual":
        yield con
    else:
        with market(merchants=20, transactions=2_000, days=240) as small:
            yield small


def figures(con: duckdb.DuckDBPyConnection, story: str, since: int = 400) -> dict[str, float]:
    """What can be seen of a story's merchant in its orders of the last `since` days."""
    complained = "transaction_id IN (SELECT transaction_id FROM sim.complaints)"
    row = con.execute(
        f"""SELECT count(*) AS orders, count(dispatched_at) AS dispatched,
            coalesce(avg((dispatched_at > dispatch_due_at)::INT), 0) AS late, avg(amount)::DOUBLE AS amount,
            coalesce(avg(rating_overall), 0) AS rating, avg(({complained})::INT) AS complaints
        FROM sim.transactions t LEFT JOIN sim.reviews r USING (transaction_id)
        WHERE t.subject_id = '{STORY[story]}' AND ordered_at >= {CUT_OFF} - INTERVAL {since} DAY"""
    )
    return dict(zip([column[0] for column in row.description or ()], row.fetchall()[0], strict=True))


def test_stories_are_there_and_of_their_kind(stories: duckdb.DuckDBPyConnection) -> None:
    for story in STORIES:
        subjects = stories.execute(
            f"SELECT kind, self_operated FROM sim.subjects WHERE subject_id = '{story.subject_id}'"
        ).fetchall()
        assert subjects == [(story.kind, story.name == "self_operated")]
        assert count(stories, "truth", f"story = '{story.name}'") == len(story.phases)
    assert count(stories, "subjects", "self_operated") == 1


def test_honest_new_shop(stories: duckdb.DuckDBPyConnection) -> None:
    trade = figures(stories, "honest_new_shop")
    assert trade["orders"] == 24 == figures(stories, "honest_new_shop", since=42)["orders"]
    assert trade["late"] <= 0.1
    assert trade["rating"] > 4.5


def test_careless_giant(stories: duckdb.DuckDBPyConnection) -> None:
    trade = figures(stories, "careless_giant")
    assert trade["orders"] >= 0.05 * count(stories, "transactions")
    assert trade["late"] > 0.2
    assert trade["complaints"] > 0.03
    assert trade["rating"] < 4.3


def test_brusher(stories: duckdb.DuckDBPyConnection) -> None:
    brushed = f"""FROM sim.transactions t LEFT JOIN sim.reviews r USING (transaction_id)
        WHERE t.subject_id = '{STORY["brusher"]}' AND hour(timezone('Asia/Shanghai', ordered_at)) BETWEEN 2 AND 3"""
    row = stories.execute(
        f"""SELECT count(*), count(DISTINCT t.buyer_id), avg((coalesce(rating_overall, 5) = 5)::INT),
            count(DISTINCT timezone('Asia/Shanghai', ordered_at)::DATE) {brushed}"""
    ).fetchall()[0]
    orders, buyers, five_stars, nights = row
    assert orders >= 120
    assert buyers <= 8 + (orders - 120)
    assert five_stars > 0.97
    assert nights <= 12 + (orders - 120)


def test_exit_scam(stories: duckdb.DuckDBPyConnection) -> None:
    scam = figures(stories, "exit_scam", since=21)
    assert scam["orders"] == 120
    assert scam["dispatched"] == 0
    before = stories.execute(
        f"""SELECT avg((dispatched_at <= dispatch_due_at)::INT), avg(amount)::DOUBLE FROM sim.transactions
            WHERE subject_id = '{STORY["exit_scam"]}' AND ordered_at < {CUT_OFF} - INTERVAL 21 DAY"""
    ).fetchall()[0]
    assert before[0] > 0.95
    assert scam["amount"] < 0.5 * before[1]
    assert scam["complaints"] > 0.05


def test_repaired_offender(stories: duckdb.DuckDBPyConnection) -> None:
    merchant = f"subject_id = '{STORY['repaired_offender']}'"
    repaired = "kind = 'administrative_penalty' AND grade = 'moderate' AND repaired_on > valid_from"
    assert count(stories, "public_records", f"{merchant} AND {repaired}") == 1
    assert figures(stories, "repaired_offender", since=200)["rating"] > figures(stories, "repaired_offender")["rating"]


def test_excellent_veteran(stories: duckdb.DuckDBPyConnection) -> None:
    trade = figures(stories, "excellent_veteran")
    assert trade["late"] == 0
    assert trade["rating"] > 4.85
    assert trade["complaints"] < 0.01
    merchant = f"subject_id = '{STORY['excellent_veteran']}'"
    assert count(stories, "violations", merchant) == 0
    assert count(stories, "public_records", f"{merchant} AND kind <> 'certification' AND grade <> 'A'") == 0
    assert count(stories, "subjects", f"{merchant} AND joined_on < DATE '{END}' - 2900") == 1


def rows(con: duckdb.DuckDBPyConnection, table: str, story: str, columns: str, order: str) -> list[tuple[Any, ...]]:
    return con.execute(
        f"SELECT {columns} FROM sim.{table} WHERE subject_id = '{STORY[story]}' ORDER BY {order}"
    ).fetchall()


def days_ago(instant: str) -> str:
    """Whole days from an instant to the end."""
    return f"floor((epoch({CUT_OFF}) - epoch({instant})) / 86400)::INT"


VIOLATIONS = {
    "careless_giant": [("service_breach", "moderate", 100), ("service_breach", "minor", 20)],
    "brusher": [("brushing", "moderate", 112)],
    "exit_scam": [("fraud", "serious", 2)],
    "repaired_offender": [("false_advertising", "moderate", 215)],
}
SANCTIONS = {
    "careless_giant": [("warning", False), ("warning", True)],
    "brusher": [("restriction", False)],
    "exit_scam": [("suspension", True)],
    "repaired_offender": [("restriction", False)],
}
RECORDS = {
    "careless_giant": [("administrative_penalty", "minor", 60, -31, None)],
    "repaired_offender": [("administrative_penalty", "moderate", 210, -155, 90)],
    "excellent_veteran": [("certification", "A", 600, -496, None)],
    "blacklisted": [("serious_violation", None, 200, -896, None)],
}
"""Kind, grade, days before the end: valid from, valid until (after it), repaired."""
ANSWERS = {
    "honest_new_shop": ["in time passed"],
    "careless_giant": ["late passed", "never refused"],
    "brusher": ["in time passed", "in time failed"],
    "exit_scam": ["in time passed", "never refused"],
    "repaired_offender": ["late failed", "in time passed"],
    "excellent_veteran": ["in time passed"] * 3,
}


def test_what_stories_have_on_the_books(stories: duckdb.DuckDBPyConnection) -> None:
    ends = f"DATE '{END}' - "
    for name in STORY:
        assert rows(
            stories, "violations", name, f"kind, severity, {days_ago('decided_at')}", "decided_at"
        ) == VIOLATIONS.get(name, []), name
        assert rows(stories, "sanctions", name, f"kind, until_at > {CUT_OFF}", "imposed_at") == SANCTIONS.get(
            name, []
        ), name
        span = ", ".join(ends + day for day in ("valid_from", "valid_until", "repaired_on"))
        records = rows(stories, "public_records", name, f"kind, grade, {span}", "valid_from")
        assert [record for record in records if record[0] != "tax_grade"] == RECORDS.get(name, []), name
        assert all(record[1] != "D" for record in records), name
        answer = (
            "CASE WHEN answered_at <= due_at THEN 'in time ' WHEN answered_at > due_at THEN 'late ' ELSE 'never ' END"
        )
        checks = [row[0] for row in rows(stories, "spot_checks", name, f"{answer} || result", "requested_at")]
        assert checks == ANSWERS.get(name, ["in time passed"]), name
        lapsed = rows(stories, "subjects", name, f"{ends}licence_valid_until", "1")[0][0]
        assert lapsed == 20 if name == "expired_licence" else lapsed is None or lapsed < 0, name
    assert (
        count(stories, "subjects", f"subject_id IN {tuple(STORY.values())} AND permit_valid_until < DATE '{END}'") == 0
    )


def test_the_scam_is_foretold_by_its_orders_before_it_is_decided(stories: duckdb.DuckDBPyConnection) -> None:
    seller = f"subject_id = '{STORY['exit_scam']}'"
    broken = f"{seller} AND dispatched_at IS NULL AND cancelled_at IS NULL AND dispatch_due_at < v.decided_at"
    overdue = f"SELECT count(*) FROM sim.transactions t JOIN sim.violations v USING (subject_id) WHERE {broken}"
    assert scalar(stories, overdue) > 60
    assert count(stories, "violations", f"{seller} AND occurred_at < {CUT_OFF} - INTERVAL 21 DAY") == 0
    assert (
        count(stories, "complaints", f"{seller} AND filed_at < {CUT_OFF} - INTERVAL 3 DAY AND category = 'delivery'")
        > 0
    )


def test_the_brusher_is_found_out_between_its_second_and_third_burst(stories: duckdb.DuckDBPyConnection) -> None:
    ((decided, occurred, until),) = stories.execute(
        f"""SELECT {days_ago("decided_at")}, {days_ago("occurred_at")}, {days_ago("until_at")}
            FROM sim.violations JOIN sim.sanctions s USING (violation_id) WHERE s.subject_id = '{STORY["brusher"]}'"""
    ).fetchall()
    assert 117 <= occurred < 120
    assert 75 < until < decided < 117


@pytest.mark.parametrize("story", ["blacklisted", "expired_licence", "dormant"])
def test_what_holds_the_story_back_is_not_its_trade(stories: duckdb.DuckDBPyConnection, story: str) -> None:
    trade = figures(stories, story)
    assert trade["orders"] >= 100
    assert trade["late"] < 0.1
    assert trade["rating"] > 4.3
    assert figures(stories, story, since=200)["orders"] == 0 if story == "dormant" else trade["orders"]


# --- files ---------------------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[list[str]]:
    """The lines of a text file as fields, the header of a CSV file first."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("gb18030" if path.name in ("complaints.csv", "public_records.csv") else "utf-8")
    if ".ndjson" in path.name:
        return [[line] for line in text.splitlines()]
    return list(csv.reader(text.splitlines()))


def test_writing_twice_gives_the_same_bytes(delivered: tuple[Path, dict[str, int]], tmp_path: Path) -> None:
    folder, counts = delivered
    assert write(tmp_path / "new", merchants=MERCHANTS, transactions=TRANSACTIONS, end=END) == counts
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "new").iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "new" / name).read_bytes(), name


def test_files_hold_the_good_rows_and_the_stated_bad_ones(
    delivered: tuple[Path, dict[str, int]], con: duckdb.DuckDBPyConnection
) -> None:
    folder, bad = delivered
    for name in TABLES:
        (path,) = folder.glob(f"{name}.*")
        if path.suffix == ".parquet":
            keys = [key for (key,) in con.execute(f"SELECT transaction_id FROM '{path}'").fetchall()]
        else:
            lines = rows_of(path)[".csv" in path.name :]
            keys = [line[0].split('"')[3] if line[0].startswith("{") else line[0] for line in lines]
        marked = [key for key in keys if key.startswith("BAD-")]
        assert len(marked) == bad[name]
        assert {key.removeprefix("BAD-") for key in marked} == set(BAD_ROWS[name])
        assert len(keys) - len(marked) == count(con, name)


def test_good_parquet_rows_equal_the_table(
    delivered: tuple[Path, dict[str, int]], con: duckdb.DuckDBPyConnection
) -> None:
    good = f"SELECT * FROM '{delivered[0] / 'transactions.parquet'}' WHERE NOT starts_with(transaction_id, 'BAD-')"
    assert scalar(con, f"SELECT count(*) FROM ({good} EXCEPT SELECT * FROM sim.transactions)") == 0
    assert scalar(con, f"SELECT count(*) FROM (SELECT * FROM sim.transactions EXCEPT {good})") == 0


def test_files_come_in_a_mix_of_shapes(delivered: tuple[Path, dict[str, int]]) -> None:
    folder, _ = delivered
    for name in ("subjects", "sanctions", "spot_checks"):
        assert rows_of(folder / f"{name}.csv")[0] == [c.zh for c in (*TABLES[name].supplied, KNOWN_AT)]
    for name in ("complaints", "public_records"):
        header, *rows = rows_of(folder / f"{name}.csv")
        assert header == [c.name for c in (*TABLES[name].supplied, KNOWN_AT)]
        assert sorted({len(row) - len(header) for row in rows}) == [0, 1]
        with pytest.raises(UnicodeDecodeError):
            (folder / f"{name}.csv").read_bytes().decode("utf-8")
    first = json.loads(rows_of(folder / "reviews.ndjson.gz")[0][0])
    assert first["reviewed_at"].endswith("+08:00")
    assert isinstance(first["rating_overall"], int)


def test_without_bad_rows_there_are_none(tmp_path: Path) -> None:
    counts = write(tmp_path, merchants=20, transactions=2_000, end=END, bad_rows=False)
    assert counts == dict.fromkeys(TABLES, 0)
    for path in tmp_path.iterdir():
        raw = path.read_bytes()
        assert b"BAD-" not in (gzip.decompress(raw) if path.suffix == ".gz" else raw)


@pytest.mark.parametrize("sizes", [{"merchants": 19}, {"transactions": 1_999}, {"days": 239}, {"schema": "a b"}])
def test_what_is_too_small_for_the_stories_is_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        market(**sizes)


@pytest.mark.parametrize(("option", "least"), [("--merchants", MIN_MERCHANTS), ("--transactions", MIN_TRANSACTIONS)])
def test_the_command_refuses_a_marketplace_too_small_for_the_stories(option: str, least: int, tmp_path: Path) -> None:
    refusal = CliRunner().invoke(app, ["sample", str(tmp_path / "sample"), option, str(least - 1)])
    assert refusal.exit_code == 2
    words = refusal.output.replace("│", " ").split()
    assert f"greater than or equal to {least}" in " ".join(words)

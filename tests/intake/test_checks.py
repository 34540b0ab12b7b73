"""Batches are landed by SQL and judged through `check_batch`; each expectation that gates fails on a batch made for it.

The town: 300 sellers (of whom 200 enterprises), 40 orders a day for 67 days up to 1 November 2025, of which the last
seven days arrive in batch 1; a review of each order; some complaints, records, violations and sanctions.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.errors import UserError
from credit.home import open_warehouse
from credit.intake.checks import CheckReport, check_batch
from credit.intake.suites import Expectation, load_suite
from credit.settings import Settings, load
from credit.tables import TABLES
from expectations import SUITES

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

AS_OF = "TIMESTAMPTZ '2025-11-01 00:00:00+08'"
FIRST_ARRIVING = 2400  # the orders from this number on arrive in the batch

# Numbers run from the oldest row to the newest.
TOWN = f"""
CREATE TEMP TABLE subjects AS SELECT 'M' || i AS subject_id, CASE WHEN i < 200 THEN 'enterprise' ELSE 'individual' END
    AS kind, 'seller' AS role, 'Shop ' || i AS name, CASE WHEN i < 200 THEN '91130100MA' || (10000000 + i) END AS uscc,
    DATE '2020-01-01' AS joined_on FROM range(300) t(i);

CREATE TEMP TABLE orders AS SELECT i, {AS_OF} - INTERVAL 67 DAY + to_days((i // 40)::INT)
    + to_minutes(60 * 8 + (i % 40) * 20) AS moment FROM range(2680) t(i);

CREATE TEMP TABLE transactions AS SELECT 'T' || i AS transaction_id, 'M' || i % 300 AS subject_id,
    'B' || i % 97 AS buyer_id, moment AS ordered_at, moment + INTERVAL 48 HOUR AS dispatch_due_at,
    moment + to_hours(CASE WHEN i % 10 = 0 THEN 60 ELSE 24 END) AS dispatched_at, moment + INTERVAL 96 HOUR AS delivery_due_at,
    CASE WHEN i % 30 > 0 THEN moment + to_hours(CASE WHEN i % 10 = 0 THEN 100 ELSE 72 END) END AS delivered_at,
    20 + i % 50 AS amount, 'CNY' AS currency FROM orders;
UPDATE transactions SET dispatched_at = NULL WHERE dispatched_at >= {AS_OF};
UPDATE transactions SET delivered_at = NULL WHERE delivered_at >= {AS_OF};

CREATE TEMP TABLE reviews AS SELECT 'R' || i AS review_id, 'T' || i AS transaction_id, 'M' || i % 300 AS subject_id,
    'B' || i % 97 AS buyer_id, moment + INTERVAL 1 HOUR AS reviewed_at, [5, 4, 5, 3, 2][i % 5 + 1] AS rating_overall,
    'text ' || i % 60 AS text FROM orders;

CREATE TEMP TABLE complaints AS SELECT 'C' || i AS complaint_id, 'T' || i AS transaction_id,
    'M' || i % 300 AS subject_id, 'B' || i % 97 AS buyer_id, 'platform' AS channel, 'quality' AS category,
    moment AS filed_at, moment + INTERVAL 3 HOUR AS first_response_at, moment + INTERVAL 2 HOUR AS resolved_at,
    CASE WHEN i % 3 = 0 THEN 'upheld' ELSE 'rejected' END AS outcome, 'seller' AS liability
    FROM orders WHERE i % 10 = 0;

CREATE TEMP TABLE public_records AS SELECT 'P' || i AS record_id, 'M' || i AS subject_id,
    CASE WHEN i = 0 THEN 'dishonest_debtor' ELSE 'administrative_penalty' END AS kind, '石家庄市市场监督管理局' AS issuer,
    'no. ' || i AS reference, 'minor' AS grade, DATE '2025-10-01' AS valid_from FROM range(120) t(i);

CREATE TEMP TABLE violations AS SELECT 'V' || i AS violation_id, 'M' || i AS subject_id, 'information' AS kind,
    'minor' AS severity, {AS_OF} - INTERVAL 3 DAY AS decided_at FROM range(120) t(i);

CREATE TEMP TABLE sanctions AS SELECT 'S' || i AS sanction_id, 'M' || i AS subject_id, 'V' || i AS violation_id,
    'warning' AS kind, '商品信息不全' AS reason, {AS_OF} - INTERVAL 2 DAY AS imposed_at FROM range(120) t(i);

CREATE TEMP TABLE spot_checks AS SELECT 'K' || i AS check_id, 'M' || i AS subject_id, 'goods' AS kind,
    {AS_OF} - INTERVAL 20 DAY AS requested_at, {AS_OF} - INTERVAL 13 DAY AS due_at,
    {AS_OF} - INTERVAL 14 DAY AS answered_at, CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'passed' END AS result,
    {AS_OF} - INTERVAL 10 DAY AS concluded_at FROM range(120) t(i);

CREATE TEMP TABLE listings AS SELECT 'L' || i AS listing_id, 'M' || i AS subject_id, {AS_OF} - INTERVAL 3 DAY AS listed_at,
    '茶叶' || i AS name, 9.90 + i AS price FROM range(120) t(i);
"""

ARRIVING = {
    "subjects": "true",
    "transactions": f"substr(transaction_id, 2)::INT >= {FIRST_ARRIVING}",
    "reviews": f"substr(review_id, 2)::INT >= {FIRST_ARRIVING}",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse in which the past is canonical and batch 1 has landed."""
    settings = load(home=tmp_path_factory.mktemp("town"), zone="Asia/Shanghai")
    with open_warehouse(settings) as con:
        con.execute(TOWN)
        con.execute(f"INSERT INTO meta.batches VALUES (1, 'canonical', 'x', [], 'landed', {AS_OF}, {AS_OF}, '{{}}')")
        for name in TABLES:
            arriving = ARRIVING.get(name, "true")
            con.execute(
                f"""INSERT INTO landing.{name} BY NAME SELECT *, {AS_OF} AS known_at, 1 AS batch_id,
                    '{name}' AS source_table, '{name}.csv' AS file, row_number() OVER () AS line
                    FROM {name} WHERE {arriving}"""
            )
            earlier = "true" if name == "subjects" else f"NOT ({arriving})"
            con.execute(
                f"""INSERT INTO canonical.{name} BY NAME SELECT *, {AS_OF} - INTERVAL 7 DAY AS known_at, 0 AS batch_id
                    FROM {name} WHERE {earlier}"""
            )
    return settings.database


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    shutil.copy(built, tmp_path)
    return load(home=tmp_path, zone="Asia/Shanghai", check_rows=1_000)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        yield con


def only(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Leave one table in the batch; what the batch holds of the others is known already."""
    for name in TABLES:
        if name != table:
            con.execute(
                f"INSERT INTO canonical.{name} BY NAME SELECT * EXCLUDE (source_table, file, line) FROM landing.{name}"
            )
            con.execute(f"DELETE FROM landing.{name}")


def failed(report: CheckReport, severity: str) -> set[str | None]:
    return {finding.column for finding in report.findings if finding.severity == severity}


def test_a_healthy_batch_passes_without_a_finding(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    report = check_batch(con, settings, 1)
    assert report.findings == []
    assert report.success
    assert list(report.tables) == list(TABLES)
    assert {name: check.rows for name, check in report.tables.items()} == {
        "subjects": 300,
        "transactions": 280,
        "reviews": 280,
        "complaints": 268,
        "public_records": 120,
        "violations": 120,
        "sanctions": 120,
        "spot_checks": 120,
        "listings": 120,
    }
    assert all(check.evaluated > 0 and not check.sampled for check in report.tables.values())
    json.dumps(report.to_json())


def test_a_first_delivery_has_nothing_to_be_compared_with(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    for name in TABLES:
        con.execute(f"DELETE FROM canonical.{name}")
    con.execute("UPDATE landing.complaints SET transaction_id = 'T2500'")
    report = check_batch(con, settings, 1)
    assert report.success
    assert any("multiple of the last four weeks" in name for name in report.tables["transactions"].neutral)


def test_a_handful_of_rows_is_not_judged_by_shares(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    only(con, "reviews")
    con.execute("DELETE FROM landing.reviews WHERE review_id NOT IN ('R2677', 'R2678', 'R2679')")
    con.execute("UPDATE landing.reviews SET rating_overall = 1, buyer_id = 'B1', transaction_id = 'gone', text = '差'")
    con.execute("DELETE FROM canonical.reviews")
    assert check_batch(con, settings, 1).findings == []


_REJECTS = """INSERT INTO quarantine.rows
    SELECT 1, 'transactions', 'f', i, NULL, 'missing', '', '', NULL FROM range(200) t(i)"""
_WAIT = "INSERT INTO waiting.transactions SELECT * FROM landing.transactions"

GATES: list[tuple[str, dict[str, str]]] = [
    # a table, and what is wrong with its batch: column or fact that fails -> SQL that makes it so
    ("transactions", {"newest_known_days_ago": "UPDATE meta.batches SET as_of = as_of + INTERVAL 20 DAY"}),
    ("transactions", {"rows_per_day_vs_last_weeks": "DELETE FROM landing.transactions WHERE hour(ordered_at) <> 1"}),
    ("transactions", {"rejected_share": f"DELETE FROM landing.transactions; {_REJECTS}"}),
    (
        "transactions",
        {
            "rejected_share": _REJECTS,
            "subjects_known_share": "SET subject_id = 'X' || subject_id WHERE hash(transaction_id) % 10 < 6",
            "late_dispatch_share": "SET dispatched_at = dispatch_due_at + INTERVAL 1 HOUR",
            "largest_buyer_share": "SET buyer_id = 'guest' WHERE hash(transaction_id) % 10 < 5",
            "median_amount_vs_earlier": "SET amount = amount * 100",
        },
    ),
    (
        "transactions",
        {
            "subjects_known_share": f"{_WAIT}; {_WAIT}",
            "late_delivery_share": "SET delivered_at = delivery_due_at + INTERVAL 1 HOUR",
            "dispatch_due_at": "SET dispatch_due_at = NULL",
            "currency": "SET currency = 'USD'",
        },
    ),
    (
        "transactions",
        {
            "delivered_share_vs_earlier": "SET delivered_at = NULL",
            "buyer_id": "SET buyer_id = NULL WHERE hash(transaction_id) % 10 < 8",
            "currency": "SET currency = '元' WHERE hash(transaction_id) % 20 = 0",
        },
    ),
    (
        "transactions",
        {
            "cancelled_share": "SET cancelled_at = ordered_at WHERE hash(transaction_id) % 10 < 8",
            "delivery_due_at": "SET delivery_due_at = NULL",
        },
    ),
    (
        "transactions",
        {
            "amount": """DELETE FROM canonical.transactions;
                         UPDATE landing.transactions SET amount = 0 WHERE hash(transaction_id) % 10 < 7"""
        },
    ),
    (
        "reviews",
        {
            "transactions_known_share": "SET transaction_id = 'X' WHERE hash(review_id) % 10 = 0",
            "rating_overall": "SET rating_overall = [1, 2, 2, 2, 3][rating_overall]",
            "review_id+known_at": "INSERT INTO landing.reviews SELECT * FROM landing.reviews LIMIT 20",
        },
    ),
    ("reviews", {"rating_overall": "SET rating_overall = 5"}),
    (
        "reviews",
        {
            "mean_shift": """UPDATE canonical.reviews SET rating_overall = 5;
                             UPDATE landing.reviews SET rating_overall = greatest(2, rating_overall - 1)""",
            "before_order_share": "SET reviewed_at = reviewed_at - INTERVAL 2 HOUR",
        },
    ),
    (
        "subjects",
        {
            "uscc": "SET uscc = 'licence ' || subject_id",
            "kind_changed_share": "SET kind = 'enterprise' WHERE hash(subject_id) % 2 = 0",
        },
    ),
    ("subjects", {"uscc_share_vs_earlier": "SET uscc = NULL", "kind": "SET kind = 'firm' WHERE subject_id = 'M1'"}),
    (
        "complaints",
        {
            "channel": "SET channel = 'letter' WHERE complaint_id = 'C0'",
            "transactions_known_share": "SET transaction_id = 'X' WHERE hash(complaint_id) % 5 = 0",
            "outcome_recorded_share": "SET outcome = NULL",
            "unanswered_share": "SET first_response_at = NULL",
        },
    ),
    ("complaints", {"upheld_share": "SET outcome = 'upheld'"}),
    ("public_records", {"vetoed_seller_share": "SET kind = 'serious_violation'"}),
    ("violations", {"serious_seller_share": "SET severity = 'serious'"}),
    ("sanctions", {"closed_seller_share": "SET kind = 'termination'"}),
    ("spot_checks", {"kind": "SET kind = 'rumour' WHERE check_id = 'K0'"}),
]


@pytest.mark.parametrize(("table", "wrong"), GATES, ids=[f"{table}: {', '.join(wrong)}" for table, wrong in GATES])
def test_a_batch_is_stopped_by_the_expectations_made_for_it(
    con: duckdb.DuckDBPyConnection, settings: Settings, table: str, wrong: dict[str, str]
) -> None:
    only(con, table)
    for sql in wrong.values():
        con.execute(f"UPDATE landing.{table} {sql}" if sql.startswith("SET ") else sql)
    report = check_batch(con, settings, 1)
    assert failed(report, "critical") == set(wrong)
    assert not report.success
    assert not report.tables[table].success
    for finding in report.findings:
        assert finding.message.startswith(f"{table}.{finding.column}: ")
        assert "→" in finding.message


def test_every_fact_that_gates_has_a_batch_made_to_fail_it() -> None:
    """Columns too, but for a key or a code set, which are alike in all tables."""
    tried = {(table, column) for table, wrong in GATES for column in wrong}
    alike = {"newest_known_days_ago", "rows_per_day_vs_last_weeks", "rejected_share", "subjects_known_share"}
    alike |= {"largest_buyer_share", "transactions_known_share", "buyer_id", "transaction_id"}
    gates = {
        (expectation.table, column)
        for table in TABLES
        for expectation in load_suite(table)
        if expectation.severity == "critical" and not expectation.type.endswith(("_in_set", "columns_to_be_unique"))
        for column in expectation.columns
        if column not in alike
    }
    assert gates <= tried
    assert alike - {"transaction_id"} <= {column for _, column in tried}


WARNINGS = [
    ("complaints", "newest_arriving_days_ago", "UPDATE meta.batches SET as_of = as_of + INTERVAL 35 DAY"),
    (
        "transactions",
        "rows_per_day_vs_last_weeks",
        "DELETE FROM landing.transactions WHERE hash(transaction_id) % 10 < 7",
    ),
    (
        "transactions",
        "midnight_share",
        "UPDATE landing.transactions SET ordered_at = date_trunc('day', ordered_at) - INTERVAL 8 HOUR",
    ),
    ("reviews", "most_repeated_text_share", "UPDATE landing.reviews SET text = '好评'"),
    ("listings", "named_share", "UPDATE landing.listings SET name = NULL WHERE hash(listing_id) % 10 < 3"),
    ("listings", "priced_share", "UPDATE landing.listings SET price = NULL"),
    ("complaints", "category", "UPDATE landing.complaints SET category = 'other'"),
    ("sanctions", "violation_known_share", "UPDATE landing.sanctions SET violation_id = 'X'"),
]


@pytest.mark.parametrize(
    ("table", "column", "sql"), WARNINGS, ids=[f"{table} {column}" for table, column, _ in WARNINGS]
)
def test_a_warning_lets_the_batch_pass(
    con: duckdb.DuckDBPyConnection, settings: Settings, table: str, column: str, sql: str
) -> None:
    only(con, table)
    con.execute(sql)
    report = check_batch(con, settings, 1)
    assert failed(report, "warning") == {column}
    assert failed(report, "critical") == set()
    assert report.success


def test_numbers_and_advice_stand_in_a_finding(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    only(con, "reviews")
    con.execute("UPDATE landing.reviews SET transaction_id = 'X' WHERE substr(review_id, 2)::INT % 4 = 0")
    finding = check_batch(con, settings, 1).findings[0]
    assert finding.expectation == (
        "reviews.transactions_known_share: share of reviews whose transaction is known at least 95%"
    )
    assert finding.observed == 0.75
    assert finding.expected == {"min_value": 0.95}
    assert "交易已知的评价份额不低于 95%" in finding.message
    assert "75.0%" in finding.message


def test_a_large_batch_is_sampled_and_says_so(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    only(con, "reviews")
    con.execute(
        """INSERT INTO landing.reviews SELECT r.* REPLACE (r.review_id || '-' || i AS review_id)
           FROM landing.reviews r, range(9) t(i)"""
    )
    con.execute("UPDATE landing.reviews SET rating_overall = 1 + hash(review_id) % 3")
    reports = []
    for order in ("DESC", "ASC"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE shuffled AS FROM landing.reviews ORDER BY hash(review_id) {order}")
        con.execute("DELETE FROM landing.reviews; INSERT INTO landing.reviews FROM shuffled")
        reports.append(check_batch(con, settings, 1))
    check = reports[0].tables["reviews"]
    assert (check.rows, check.judged_rows, check.sampled) == (2800, 1000, True)
    assert "rating_overall" in failed(reports[0], "critical")
    assert reports[0].to_json() == reports[1].to_json(), "the sample does not depend on the order of rows"


def test_a_table_is_left_out_when_the_batch_has_nothing_of_it(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    only(con, "violations")
    assert list(check_batch(con, settings, 1).tables) == ["violations"]


def test_an_unknown_batch(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    with pytest.raises(UserError, match="no batch 7"):
        check_batch(con, settings, 7)


# --- suites ------------------------------------------------------------------------------------------------------


def entry(**change: Any) -> dict[str, Any]:
    """An expectation as a suite file states it."""
    meta = {"en": "as it should be", "zh": "应当如此", "why": "because", "action": "mend it"} | change.pop("meta", {})
    stated = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "rating_overall"},
        "severity": "critical",
    }
    return stated | change | {"meta": meta}


BROKEN = {
    "unknown column": (entry(kwargs={"column": "stars"}), "unknown column 'stars'"),
    "unknown type": (entry(type="expect_the_best"), "expect_the_best"),
    "unknown argument": (entry(kwargs={"column": "rating_overall", "mostlly": 1}), "mostlly"),
    "unknown parameter": (entry(kwargs={"column": "rating_overall", "mostly": {"$PARAMETER": "p"}}), "unknown parameter 'p'"),
    "unknown severity": (entry(severity="fatal"), "allowed: critical, warning"),
    "empty wording": (entry(meta={"zh": " "}), "meta.zh is empty"),
    "wording with an unknown number": (entry(meta={"en": "at least {minimum}"}), "minimum"),
    "no action": ({"type": "expect_x", "kwargs": {}, "severity": "warning", "meta": {"en": "x", "zh": "x", "why": "x"}}, "action"),
    "exception while evaluated": (
        entry(type="expect_column_values_to_match_regex", kwargs={"column": "review_id", "regex": "(("}),
        "expect_column_values_to_match_regex on review_id",
    ),
    "result that cannot be stored": (
        entry(
            type="expect_column_quantile_values_to_be_between",
            kwargs={"column": "rating_overall", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, 5]]}},
        ),
        "expect_column_quantile_values_to_be_between on rating_overall",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_suite_is_told_apart_from_bad_data(
    con: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path, what: str
) -> None:
    only(con, "reviews")
    stated, message = BROKEN[what]
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "reviews.json").write_text(json.dumps({"name": "reviews", "expectations": [entry(), stated]}))
    with pytest.raises(UserError, match="suites are broken") as error:
        check_batch(con, settings, 1, suites=suites)
    assert str(suites / "reviews.json") in str(error.value)
    assert message in str(error.value)
    assert str(error.value).count("\n") == 1, "the other expectation is not blamed"


def test_a_suite_that_is_no_json(con: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path) -> None:
    only(con, "reviews")
    (tmp_path / "reviews.json").write_text("{")
    with pytest.raises(UserError, match=r"reviews\.json cannot be read as a suite"):
        check_batch(con, settings, 1, suites=tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_suites_agree_with_the_tables(name: str) -> None:
    table = TABLES[name]
    assert json.loads((SUITES / f"{name}.json").read_text(encoding="utf-8"))["name"] == name
    for expectation in load_suite(name):
        for column in {*expectation.columns} & {*table.names}:
            stated = table.column(column)
            if expectation.type == "expect_column_values_to_be_in_set":
                assert tuple(expectation.kwargs["value_set"]) == stated.codes
            if stated.privacy == "personal":
                assert "non_null" in expectation.type, (
                    "results hold values: only completeness of personal columns is judged"
                )


@pytest.mark.parametrize("name", TABLES)
def test_great_expectations_loads_a_suite_as_it_stands(name: str, tmp_path: Path) -> None:
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    defaults.stores[defaults.expectations_store_name]["store_backend"] = {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": str(shutil.copytree(SUITES, tmp_path / "suites")),
    }
    config = DataContextConfig(store_backend_defaults=defaults, analytics_enabled=False)
    suite = gx.get_context(mode="ephemeral", project_config=config).suites.get(name)
    stated = load_suite(name)
    assert [(e.expectation_type, e.severity.value) for e in suite.expectations] == [
        (e.type, e.severity) for e in stated
    ]


def test_each_suite_gates() -> None:
    for table in TABLES:
        assert "critical" in {expectation.severity for expectation in load_suite(table)}


# --- chance ------------------------------------------------------------------------------------------------------


def of_reviews(column: str, type_: str = "expect_column_values_to_be_between", **bounds: float) -> Expectation:
    words = {"en": "-", "zh": "-", "why": "-", "action": "-"}
    return Expectation(Path(), "reviews", type_, {"column": column, **bounds}, "critical", **words, min_rows=1)


def test_a_bound_on_a_share_is_as_wide_as_chance_makes_it() -> None:
    least = of_reviews("transactions_known_share", min_value=0.95)
    assert [round(least.allowing_for_chance(rows).kwargs["min_value"], 3) for rows in (119, 1_000, 1_000_000)] == [
        0.890,
        0.929,
        0.949,
    ]
    most = of_reviews("largest_buyer_share", max_value=0.3)
    assert most.allowing_for_chance(119).kwargs["max_value"] == pytest.approx(0.426, abs=0.001)
    assert least.allowing_for_chance(None) == least
    rare = of_reviews("rating_overall", "expect_column_values_to_not_be_in_set", mostly=0.01)
    assert rare.allowing_for_chance(280).kwargs["mostly"] == 0.005, "no row at all is never enough"
    paid = of_reviews("rating_overall", min_value=0.01, mostly=0.5).allowing_for_chance(100)
    assert (paid.kwargs["min_value"], paid.kwargs["mostly"]) == (0.01, 0.35), "a bound on a value stays"


@given(bound=st.floats(0, 1), rows=st.integers(1, 10**9), more=st.integers(1, 10**9))
def test_more_rows_never_widen_a_bound_and_none_leaves_0_to_1(bound: float, rows: int, more: int) -> None:
    few = of_reviews("a_share", min_value=bound, max_value=bound).allowing_for_chance(rows).kwargs
    many = of_reviews("a_share", min_value=bound, max_value=bound).allowing_for_chance(rows + more).kwargs
    assert 0 <= few["min_value"] <= many["min_value"] <= bound + 1e-6
    assert bound - 1e-6 <= many["max_value"] <= few["max_value"] <= 1
    certain = of_reviews("a_share", mostly=1.0).allowing_for_chance(rows)
    assert certain.kwargs["mostly"] == 1.0


def test_a_few_more_than_the_bound_of_a_few_rows_is_no_finding(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    only(con, "complaints")
    share = "UPDATE landing.complaints SET transaction_id = 'X' WHERE substr(complaint_id, 2)::INT % 1000 < {}"
    con.execute("DELETE FROM landing.complaints WHERE substr(complaint_id, 2)::INT >= 1190")
    con.execute(share.format(60))
    assert "transactions_known_share" not in failed(check_batch(con, settings, 1), "critical")
    con.execute(share.format(200))
    report = check_batch(con, settings, 1)
    assert "transactions_known_share" in failed(report, "critical")
    [finding] = [f for f in report.findings if f.column == "transactions_known_share" and f.severity == "critical"]
    assert "按 119 行计入偶然误差 / allowing for chance among 119 rows" in finding.message


# --- surroundings ------------------------------------------------------------------------------------------------


def test_results_are_kept_in_great_expectations_own_store(
    con: duckdb.DuckDBPyConnection, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    con.execute("UPDATE landing.reviews SET rating_overall = 5")
    first = check_batch(con, settings, 1)
    assert capfd.readouterr() == ("", ""), "standard output belongs to the report"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
    stored = {
        (path.relative_to(settings.home / "checks").parts[:2]): json.loads(path.read_text(encoding="utf-8"))
        for path in (settings.home / "checks").rglob("*.json")
    }
    assert set(stored) == {(suite, "batch-000001") for name in TABLES for suite in (name, f"{name}-facts")}
    assert sum(len(result["results"]) for result in stored.values()) == sum(
        check.evaluated for check in first.tables.values()
    )
    assert not stored["reviews", "batch-000001"]["success"]
    assert check_batch(con, settings, 1).to_json() == first.to_json()
    assert len([*(settings.home / "checks").rglob("*.json")]) == len(stored), "judged again, stored once"
    assert sorted(page.name for page in settings.home.iterdir() if page.is_dir()) == ["checks"]

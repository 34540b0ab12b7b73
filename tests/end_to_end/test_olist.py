"""The whole evaluation on real orders: the public Olist files, the night that begins 2018-08-31.

Values are checked against SQL written straight on the Parquet files, in local time of Brazil, without the library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from credit.evaluation import engine, night
from credit.evaluation.explain import explain
from credit.evaluation.grading import REASONS
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.rulebooks.reading import shipped
from credit.settings import Settings

pytestmark = [pytest.mark.olist, pytest.mark.slow, pytest.mark.usefixtures("shipped_rules"), pytest.mark.thorough]

DAY = date(2018, 8, 31)
PAST = date(2018, 4, 1)
FILES = ("orders", "order_items", "order_reviews", "customers", "sellers", "products")


@pytest.fixture(scope="module")
def con(olist_home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(olist_home) as opened:
        yield opened


@pytest.fixture(scope="module")
def raw(olist: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The files as they are, in a connection of their own."""
    with duckdb.connect() as files:
        for name in FILES:
            files.execute(f"CREATE VIEW {name} AS FROM '{olist}/olist_{name}_dataset.parquet'")
        yield files


def scalar(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    return con.execute(query).fetchall()[0][0]


def test_the_night_on_the_warehouse_is_the_night_in_memory(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scalar(con, "SELECT count(*) FROM canonical.transactions") < engine.IN_MEMORY
    monkeypatch.setattr(engine, "IN_MEMORY", -1)
    for evaluated in night.compute(con, DAY, "America/Sao_Paulo", shipped()):
        grades = evaluated.grades.dropna(subset="score").set_index("subject_id")
        kept = con.execute(
            "SELECT subject_id, score, grade FROM results.grades WHERE evaluated_on = ? AND rulebook = ? AND score IS NOT NULL",
            [DAY, evaluated.rulebook.id],
        ).df()
        assert len(kept) == len(grades)
        same = grades.loc[kept["subject_id"], ["score", "grade"]].reset_index()
        pd.testing.assert_frame_equal(same, kept, check_exact=True, check_dtype=False)


# --- nothing is lost ---------------------------------------------------------------------------------------------


def test_all_orders_are_accounted_for(con, raw) -> None:
    accepted = {key for (key,) in con.execute("SELECT DISTINCT order_id FROM canonical.transactions").fetchall()}
    reasons = dict(con.execute("SELECT key, code FROM quarantine.rows WHERE source_table = 'orders'").fetchall())
    refused = {key.split(":")[0] for key in reasons}  # the key of an order's transaction is order:seller
    assert not accepted & refused
    assert accepted | refused == {key for (key,) in raw.execute("SELECT order_id FROM orders").fetchall()}
    assert len(accepted) + len(refused) == 66_442
    without_items = scalar(raw, "SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_items)")
    assert list(reasons.values()).count("no_items") == without_items == 775


def test_counts_balance(con, raw) -> None:
    counts = json.loads(scalar(con, "SELECT counts FROM meta.batches"))
    for source, numbers in counts.items():
        table = {"items": "order_items", "reviews": "order_reviews"}.get(source, source)
        assert numbers["read"] == scalar(raw, f"SELECT count(*) FROM {table}")
        assert numbers["read"] == numbers["accepted"] + numbers["quarantined"], source
    assert counts["orders"]["read"] == 66_442
    assert counts["sellers"] == {"read": 1948, "accepted": 1948, "quarantined": 0}
    assert scalar(con, "SELECT count(*) FROM quarantine.rows WHERE code = '' OR reason = ''") == 0


def test_every_seller_has_a_grade_or_a_reason(con, raw) -> None:
    rows = con.execute("SELECT subject_id, grade, score, not_rated_reason FROM results.grades").fetchall()
    sellers = {seller for (seller,) in raw.execute("SELECT seller_id FROM sellers").fetchall()}
    assert {row[0] for row in rows} == sellers
    assert len(rows) == len(sellers) == 1948
    for _, grade, score, reason in rows:
        if grade == "NR":
            assert score is None
            assert reason.split(":")[0] in REASONS
        else:
            assert 0 <= score <= 100
            assert reason is None
    assert sum(row[1] != "NR" for row in rows) > 500


# --- each point is explained -------------------------------------------------------------------------------------


def test_points_add_up_to_every_score(con) -> None:
    off = con.execute(
        """SELECT subject_id, score, points, weights FROM results.grades JOIN (
               SELECT subject_id, sum(points) AS points, sum(weight) AS weights FROM results.indicators GROUP BY 1
           ) USING (subject_id) WHERE grade <> 'NR' AND (score <> points OR abs(weights - 1) > 1e-9)"""
    ).fetchall()
    assert off == []


def test_explanations_add_up(con, olist_home) -> None:
    chosen = con.execute(
        "SELECT subject_id, grade, score FROM results.grades ORDER BY grade = 'NR', md5(subject_id) LIMIT 20"
    ).fetchall()
    for seller, grade, score in chosen:
        explanation = explain(con, olist_home, seller)
        assert (explanation["grade"], explanation["score"]) == (grade, float(score))
        assert (
            round(sum(i["points"] for e in explanation["elements"] for i in e["indicators"]), 4) == explanation["score"]
        )
        assert round(sum(e["points"] for e in explanation["elements"]), 4) == explanation["score"]
        assert round(sum(e["effective_weight"] for e in explanation["elements"]), 5) == 1


def test_what_olist_does_not_tell_is_missing(con) -> None:
    """No complaints, no refunds, no deposits, no invoices."""
    silent = ("complaint_rate", "first_response_hours", "refund_for_cause_rate", "refund_days", "deposit_held",
              "rating_service", "unanswered_negatives", "invoice_rate", "traceable_share")  # fmt: skip
    states = con.execute(
        "SELECT DISTINCT indicator, state FROM results.indicators WHERE list_contains(?, indicator)", [list(silent)]
    ).fetchall()
    assert dict(states) == dict.fromkeys(silent, "missing")
    assert len(states) == len(silent)


# --- values by hand ----------------------------------------------------------------------------------------------

BY_HAND = """
-- One line an order and seller. Local time of Brazil; the cut-off is 2018-08-31 00:00, the window begins 2017-08-31.
CREATE OR REPLACE TEMP TABLE lines AS
WITH parts AS (
    SELECT order_id, seller_id, sum(CAST(price AS DECIMAL(18,2)) + CAST(freight_value AS DECIMAL(18,2))) AS amount,
           min(shipping_limit_date) AS send_by
    FROM order_items GROUP BY ALL
),
dearest AS (  -- the category of the dearest item that has one
    SELECT order_id, seller_id, product_category_name AS category FROM order_items JOIN products USING (product_id)
    WHERE product_category_name IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY order_id, seller_id
                               ORDER BY CAST(price AS DECIMAL(18,2)) DESC, CAST(order_item_id AS VARCHAR) DESC) = 1
)
SELECT seller_id, order_id, customer_unique_id AS buyer, order_purchase_timestamp AS ordered, amount, category, send_by,
       -- what has happened by the cut-off
       CASE WHEN order_approved_at < '2018-08-31' THEN order_approved_at END AS paid,
       CASE WHEN order_delivered_carrier_date < '2018-08-31' THEN order_delivered_carrier_date END AS sent,
       CASE WHEN order_delivered_customer_date < '2018-08-31' THEN order_delivered_customer_date END AS arrived,
       order_estimated_delivery_date + INTERVAL 1 DAY AS promised,  -- to the end of the promised day
       order_status IN ('canceled', 'unavailable') AS called_off
FROM orders JOIN parts USING (order_id) LEFT JOIN dearest USING (order_id, seller_id)
JOIN customers USING (customer_id)
WHERE order_purchase_timestamp < '2018-08-31'
  -- set aside with a reason: what lies before the order itself
  AND coalesce(order_approved_at >= order_purchase_timestamp, true)
  AND coalesce(order_delivered_carrier_date >= order_purchase_timestamp, true)
  AND coalesce(order_delivered_customer_date >= order_purchase_timestamp, true);

-- The terms: what was promised, at most 15 days to send and 45 to arrive; and what happened, in minutes that really passed
-- (summer time begins and ends in between), half a minute counting whole. No step is told later than the next one.
CREATE OR REPLACE TEMP MACRO minutes(a, b) AS
    (date_diff('second', a AT TIME ZONE 'America/Sao_Paulo', b AT TIME ZONE 'America/Sao_Paulo') + 30) // 60;
CREATE OR REPLACE TEMP TABLE judged AS
WITH timed AS (
    SELECT *, minutes(ordered, arrived) AS arrival, coalesce(minutes(ordered, sent), minutes(ordered, arrived)) AS sending,
           CASE WHEN off THEN minutes(ordered, promised) END AS calling_off,
           nullif(greatest(0, minutes(ordered, send_by)), 0) AS to_send, minutes(ordered, promised) AS to_arrive
    FROM (SELECT *, called_off AND promised < '2018-08-31' AS off FROM lines)  -- known by the end of the promised day
), terms AS (
    SELECT *, least(coalesce(to_send, 2 * 1440), 15 * 1440) AS send_term, least(to_arrive, 45 * 1440) AS arrive_term,
           CASE WHEN to_send IS NULL THEN ordered < TIMESTAMP '2018-08-29' WHEN to_send > 15 * 1440
                THEN ordered < TIMESTAMP '2018-08-16' ELSE send_by < '2018-08-31' END AS send_passed,
           CASE WHEN to_arrive > 45 * 1440 THEN ordered < TIMESTAMP '2018-07-17' ELSE promised < '2018-08-31' END
               AS arrive_passed
    FROM timed
), broken AS (
    SELECT *, coalesce(sending > send_term, send_passed) AS sent_late, coalesce(arrival > arrive_term, arrive_passed) AS came_late
    FROM terms
), ended AS (
    SELECT *, CASE
        WHEN paid IS NULL AND sending IS NULL OR round(amount * 130) <= 100 THEN 'void'
        WHEN off AND (calling_off > send_term AND NOT coalesce(sending <= send_term AND arrival <= calling_off, false)
                      OR calling_off > arrive_term AND NOT coalesce(arrival <= arrive_term, false)) THEN 'broken'
        WHEN off THEN 'called off'
        WHEN sending IS NULL AND ordered < '2018-08-16' OR arrival IS NULL AND ordered < '2018-07-17' THEN 'undelivered'
        WHEN sent_late OR came_late THEN 'late'
        WHEN arrival IS NOT NULL AND paid IS NOT NULL THEN 'kept' ELSE 'open' END AS ending
    FROM broken
)
SELECT *, ending = 'kept' AND row_number() OVER (
              PARTITION BY seller_id, buyer, date_trunc('month', ordered), ending ORDER BY ordered, order_id) > 6 AS beyond
FROM ended;

CREATE OR REPLACE TEMP TABLE of_orders AS
SELECT seller_id, kept AS order_volume, kept / nullif(kept + failed, 0) AS completion_rate,
       kept / nullif(kept + failed + sent_late, 0) AS on_time_dispatch_rate,
       (2000 * failed + used) / 1000 / nullif(kept, 0) AS dispatch_time_used,
       kept / nullif(kept + failed + came_late, 0) AS on_time_delivery_rate,
       (30 * 1440 * failed + minutes_late) / 1440 / nullif(kept, 0) AS delivery_lateness,
       amount, active_days, distinct_buyers, category_breadth, endings
FROM (
    SELECT seller_id, count(*) FILTER (good) AS kept, count(*) FILTER (ending IN ('undelivered', 'broken', 'called off')) AS failed,
           count(*) FILTER (ending = 'late' AND sent_late) AS sent_late, count(*) FILTER (ending = 'late' AND came_late) AS came_late,
           coalesce(sum(least((sending * 2000 + send_term) // (send_term * 2), 2000))
               FILTER (good OR ending = 'late'), 0) AS used,
           coalesce(sum(least(coalesce(arrival - arrive_term, 1440 * least(30, 1 + date_diff('day',
                   least(promised, ordered + INTERVAL 45 DAY), TIMESTAMP '2018-08-30'))), 30 * 1440))
               FILTER (ending = 'late' AND came_late), 0) AS minutes_late,
           coalesce(sum(round(amount * 130)) FILTER (good), 0) / 100 AS amount,
           count(DISTINCT CAST(ordered AS DATE)) FILTER (good) AS active_days,
           count(DISTINCT buyer) FILTER (good) AS distinct_buyers,
           count(DISTINCT category) FILTER (good) AS category_breadth,
           count(*) FILTER (good OR ending IN ('undelivered', 'broken', 'called off', 'late')) AS endings
    FROM (SELECT *, ending = 'kept' AND NOT beyond AS good FROM judged WHERE ordered >= '2017-08-31') GROUP BY seller_id
);

CREATE OR REPLACE TEMP TABLE of_buyers AS
SELECT seller_id, count(*) FILTER (n > 1) AS returning_buyers
FROM (SELECT seller_id, buyer, count(*) AS n FROM judged
      WHERE ending = 'kept' AND NOT beyond AND ordered >= '2017-08-31' GROUP BY ALL) GROUP BY seller_id;

-- Of goods of one seller, and of an order that ended, praise of one kept or late; of several of one order the worst, then the first.
CREATE OR REPLACE TEMP TABLE opinions AS
SELECT seller_id, review_score AS stars, review_answer_timestamp AS answered, customer_unique_id AS buyer
FROM order_reviews
JOIN (SELECT order_id, any_value(seller_id) AS seller_id FROM order_items
      GROUP BY 1 HAVING count(DISTINCT seller_id) = 1) USING (order_id)
JOIN orders USING (order_id) JOIN customers USING (customer_id)
JOIN judged USING (order_id, seller_id)
WHERE ending NOT IN ('void', 'open') AND (review_score < 4 OR ending = 'late' OR ending = 'kept' AND NOT beyond)
  AND review_answer_timestamp < '2018-08-31' AND order_purchase_timestamp < '2018-08-31'  -- a few are dated before their order
QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY review_score, review_answer_timestamp, review_id) = 1;

CREATE OR REPLACE TEMP TABLE of_opinions AS
SELECT seller_id, avg(stars) AS rating_overall, count(*) FILTER (stars >= 4) AS praise, praise / count(*) AS positive_share,
       count(*) FILTER (stars <= 2) AS blame, blame / nullif(praise + blame, 0) AS negative_share,
       count(DISTINCT buyer) FILTER (stars >= 4) AS praisers
FROM opinions WHERE answered >= '2017-08-31' GROUP BY seller_id;

CREATE OR REPLACE TEMP TABLE by_hand AS
SELECT seller_id, completion_rate, on_time_dispatch_rate, dispatch_time_used, on_time_delivery_rate, delivery_lateness,
       rating_overall, positive_share, negative_share, coalesce(praise, 0) / nullif(order_volume, 0) AS review_coverage,
       CASE WHEN endings > 0 THEN coalesce(praisers, 0) END AS distinct_reviewers,
       order_volume, CAST(amount AS DOUBLE) AS amount, active_days, distinct_buyers, coalesce(returning_buyers, 0) AS returning_buyers,
       category_breadth
FROM of_orders LEFT JOIN of_buyers USING (seller_id) LEFT JOIN of_opinions USING (seller_id);
"""


@pytest.fixture(scope="module")
def by_hand(raw) -> pd.DataFrame:
    """Every measurable indicator of every seller with an order in the window, by SQL on the files."""
    raw.execute(BY_HAND)
    return raw.execute("FROM by_hand").df().set_index("seller_id")


def _ten(by_hand: pd.DataFrame) -> list[str]:
    """The three busiest, the three quietest, and four taken by chance once and for all."""
    ranked = sorted(by_hand.index, key=lambda seller: (by_hand.loc[seller, "order_volume"], seller))
    by_chance = sorted(ranked[3:-3], key=lambda seller: seller[::-1])
    return [*ranked[-3:], *ranked[:3], *by_chance[:4]]


def test_values_of_ten_sellers_equal_hand_written_sql(con, by_hand) -> None:
    sellers = _ten(by_hand)
    assert len(set(sellers)) == 10
    values = con.execute(
        "SELECT subject_id, indicator, value FROM results.indicators WHERE list_contains(?, subject_id)", [sellers]
    ).df()
    for seller in sellers:
        ours = values[values["subject_id"] == seller].set_index("indicator")["value"].dropna().to_dict()
        theirs = by_hand.loc[seller].dropna().to_dict()
        assert ours == pytest.approx(theirs, rel=1e-12), seller


def test_values_of_all_sellers_equal_hand_written_sql(con, by_hand) -> None:
    """And so, since it costs nothing, do those of all the others, indicator by indicator."""
    values = con.execute("SELECT subject_id, indicator, value FROM results.indicators WHERE state = 'measured'").df()
    wide = values.pivot(index="subject_id", columns="indicator", values="value")
    assert set(wide.columns) == set(by_hand.columns)
    for indicator in by_hand.columns:
        ours, theirs = wide[indicator].reindex(by_hand.index).astype(float), by_hand[indicator].astype(float)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12, err_msg=indicator)


# --- no look-ahead -----------------------------------------------------------------------------------------------


def test_grades_spread(con) -> None:
    """As docs/reference/rulebook.md says: at least six levels, none with half of the rated sellers."""
    counts = dict(con.execute("SELECT grade, count(*) FROM results.grades WHERE grade <> 'NR' GROUP BY 1").fetchall())
    assert len(counts) >= 6
    assert max(counts.values()) < 0.5 * sum(counts.values())


def _cut(raw: duckdb.DuckDBPyConnection, folder: Path, day: date) -> Path:
    """The history as it stood at 00:00 of `day`: later rows gone, later timestamps blank; a promise is known when it is made."""

    def known_then(*columns: str) -> str:
        return ", ".join(f"CASE WHEN {c} < TIMESTAMP '{day}' THEN {c} END AS {c}" for c in columns)

    happened = ["order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date"]
    orders = known_then(*happened)
    before = f"order_purchase_timestamp < TIMESTAMP '{day}'"
    queries = {
        "orders": f"SELECT * REPLACE ({orders}) FROM orders WHERE {before}",
        "order_items": f"SELECT * FROM order_items WHERE order_id IN (SELECT order_id FROM orders WHERE {before})",
        "order_reviews": f"""SELECT * REPLACE ({known_then("review_answer_timestamp")}) FROM order_reviews
            WHERE coalesce(review_creation_date < TIMESTAMP '{day}', true)
              AND order_id IN (SELECT order_id FROM orders WHERE {before})""",
        "customers": f"SELECT * FROM customers WHERE customer_id IN (SELECT customer_id FROM orders WHERE {before})",
        "sellers": "FROM sellers",
        "products": "FROM products",
    }
    folder.mkdir()
    for name, query in queries.items():
        raw.execute(f"COPY ({query}) TO '{folder}/olist_{name}_dataset.parquet'")
    return folder


@pytest.fixture(scope="module")
def from_the_whole(con, olist_home) -> pd.DataFrame:
    """The night of 2018-04-01, from all that is in the home now."""
    return pd.concat(
        evaluated.grades
        for evaluated in night.compute(
            con, PAST, "America/Sao_Paulo", [book for book, _ in night.choose(con, None, PAST)]
        )
    )


def test_no_look_ahead(raw, from_the_whole, tmp_path) -> None:
    path = _cut(raw, tmp_path / "cut", PAST)
    options = Settings(home=tmp_path / "home")
    with open_warehouse(options) as con:
        batch = landing.land(con, options, "olist", path, PAST)
        assert batch.counts["orders"]["read"] < 66_442
        merging.accept(con, batch.batch_id)
        night.evaluate(con, options, PAST)
        cut = con.execute("SELECT * FROM results.grades ORDER BY subject_id").df()
    whole = from_the_whole.sort_values("subject_id", ignore_index=True)
    assert len(whole) == len(cut) == 1948
    for column in ("subject_id", "grade", "score", "evidence", "orders", "not_rated_reason"):
        pd.testing.assert_series_equal(
            whole[column],
            cut[column],
            check_dtype=False,
            check_exact=column not in ("score", "evidence"),
            rtol=0,
            atol=1e-9,
        )
    assert (whole["grade"] != "NR").sum() > 400

"""A warehouse that an earlier version of the program made: opened, it keeps its rows and can be used."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_market import DAY, ZONE, at, changed, deliver, market

from credit.errors import UserError
from credit.evaluation import explain, night, results
from credit.home import open_warehouse
from credit.intake import landing, merging, pseudonyms
from credit.rulebooks.reading import FOLDER, load
from credit.settings import Settings
from credit.warehouse.ledger_tables import LEDGERS
from credit.warehouse.schema import SCHEMA_VERSION

OLD = date(2026, 3, 1)
"""The night that was evaluated before."""
NEW = date(2026, 11, 25)

# Schema version 1, word for word: no subjects.code_valid, no transactions.payment_minutes, no spot checks; runs without
# kind, role and previous night; grades without margin, vetoes and marks.
TABLES_1 = {
    "subjects": (
        "subject_id VARCHAR, kind VARCHAR, role VARCHAR, name VARCHAR, uscc VARCHAR, id_number VARCHAR, "
        "registration_verified_on DATE, licence_no VARCHAR, licence_valid_from DATE, licence_valid_until "
        "DATE, permit_no VARCHAR, permit_valid_until DATE, icp_record VARCHAR, address VARCHAR, contact "
        "VARCHAR, contact_verified_on DATE, self_operated BOOLEAN, category VARCHAR, deposit_amount "
        "DECIMAL(18,2), currency VARCHAR, joined_on DATE, verified_on DATE, known_at TIMESTAMPTZ "
    ),
    "transactions": (
        "transaction_id VARCHAR, order_id VARCHAR, subject_id VARCHAR, buyer_id VARCHAR, ordered_at "
        "TIMESTAMPTZ, paid_at TIMESTAMPTZ, dispatch_due_at TIMESTAMPTZ, dispatched_at TIMESTAMPTZ, "
        "delivery_due_at TIMESTAMPTZ, delivered_at TIMESTAMPTZ, completed_at TIMESTAMPTZ, cancelled_at "
        "TIMESTAMPTZ, cancelled_by VARCHAR, cancel_reason VARCHAR, amount DECIMAL(18,2), currency VARCHAR, "
        "refund_reason VARCHAR, refund_requested_at TIMESTAMPTZ, refunded_at TIMESTAMPTZ, refund_amount "
        "DECIMAL(18,2), invoice_asked BOOLEAN, invoice_issued_at TIMESTAMPTZ, traceable BOOLEAN, category "
        "VARCHAR, ordered_on DATE, delivery_late_minutes BIGINT, refund_minutes BIGINT, known_at TIMESTAMPTZ "
    ),
    "reviews": (
        "review_id VARCHAR, transaction_id VARCHAR, subject_id VARCHAR, buyer_id VARCHAR, reviewed_at "
        "TIMESTAMPTZ, rating_overall BIGINT, rating_description BIGINT, rating_service BIGINT, "
        "rating_logistics BIGINT, text VARCHAR, replied_at TIMESTAMPTZ, reply VARCHAR, shared BOOLEAN, "
        "authentic BOOLEAN, known_at TIMESTAMPTZ "
    ),
    "complaints": (
        "complaint_id VARCHAR, transaction_id VARCHAR, subject_id VARCHAR, buyer_id VARCHAR, channel VARCHAR, "
        "category VARCHAR, filed_at TIMESTAMPTZ, first_response_at TIMESTAMPTZ, resolution_due_at "
        "TIMESTAMPTZ, resolved_at TIMESTAMPTZ, outcome VARCHAR, liability VARCHAR, escalated_at TIMESTAMPTZ, "
        "response_minutes BIGINT, resolution_minutes BIGINT, known_at TIMESTAMPTZ "
    ),
    "public_records": (
        "record_id VARCHAR, subject_id VARCHAR, kind VARCHAR, issuer VARCHAR, reference VARCHAR, grade "
        "VARCHAR, valid_from DATE, valid_until DATE, repaired_on DATE, note VARCHAR, known_at TIMESTAMPTZ "
    ),
    "violations": (
        "violation_id VARCHAR, subject_id VARCHAR, kind VARCHAR, severity VARCHAR, occurred_at TIMESTAMPTZ, "
        "decided_at TIMESTAMPTZ, withdrawn_at TIMESTAMPTZ, note VARCHAR, known_at TIMESTAMPTZ "
    ),
    "sanctions": (
        "sanction_id VARCHAR, subject_id VARCHAR, violation_id VARCHAR, kind VARCHAR, reason VARCHAR, "
        "imposed_at TIMESTAMPTZ, until_at TIMESTAMPTZ, lifted_at TIMESTAMPTZ, known_at TIMESTAMPTZ "
    ),
}
EXTRA_1 = {
    "canonical": "batch_id BIGINT",
    "history": "batch_id BIGINT, known_until TIMESTAMPTZ",
    "landing": "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT",
    "waiting": "batch_id BIGINT, source_table VARCHAR, file VARCHAR, line BIGINT",
}
FIXED_1 = """
CREATE SCHEMA meta;
CREATE TABLE meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE meta.batches (batch_id BIGINT PRIMARY KEY, source VARCHAR NOT NULL, hash VARCHAR NOT NULL,
    files VARCHAR[] NOT NULL, state VARCHAR NOT NULL, as_of TIMESTAMPTZ NOT NULL, landed_at TIMESTAMPTZ NOT NULL,
    counts JSON NOT NULL);
CREATE TABLE meta.supplied (batch_id BIGINT NOT NULL, table_name VARCHAR NOT NULL, columns VARCHAR[] NOT NULL,
    since TIMESTAMPTZ NOT NULL);
CREATE SCHEMA quarantine;
CREATE TABLE quarantine.rows (batch_id BIGINT NOT NULL, source_table VARCHAR NOT NULL, file VARCHAR NOT NULL,
    line BIGINT, key VARCHAR, code VARCHAR NOT NULL, reason VARCHAR NOT NULL, raw VARCHAR, released_by BIGINT);
CREATE SCHEMA results;
CREATE TABLE results.runs (evaluated_on DATE NOT NULL, rulebook VARCHAR NOT NULL, rulebook_version VARCHAR NOT NULL,
    rulebook_hash VARCHAR NOT NULL, cut_off TIMESTAMPTZ NOT NULL, standing VARCHAR NOT NULL, priors JSON NOT NULL,
    subjects BIGINT NOT NULL);
CREATE TABLE results.rulebooks (hash VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, version VARCHAR NOT NULL,
    text VARCHAR NOT NULL);
CREATE TABLE results.grades (evaluated_on DATE NOT NULL, rulebook VARCHAR NOT NULL, rulebook_hash VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL, subject_kind VARCHAR NOT NULL, grade VARCHAR NOT NULL, score DECIMAL(9,4),
    evidence DECIMAL(5,4) NOT NULL, not_rated_reason VARCHAR, orders BIGINT NOT NULL);
CREATE TABLE results.indicators (evaluated_on DATE NOT NULL, rulebook VARCHAR NOT NULL, subject_id VARCHAR NOT NULL,
    element VARCHAR NOT NULL, indicator VARCHAR NOT NULL, state VARCHAR NOT NULL, value DOUBLE, numerator DOUBLE,
    denominator DOUBLE, shrunk DOUBLE, mark DOUBLE, weight DOUBLE NOT NULL, points DECIMAL(9,4));
"""

SUBJECTS = (
    # id, kind, credit code, citizen's number, is the code right (None: none given)
    ("right", "enterprise", "91130102MA0HRHT057", None, True),
    ("wrong", "enterprise", "91130102MA0HRHT050", None, False),
    ("none", "enterprise", None, None, None),
    ("person", "individual", None, "11010519491231002X", True),
)
ORDERS = 12


def old_warehouse(home: Path) -> Settings:
    """A home of schema version 1 with four merchants, their orders, a superseded row, one that waits, one landed; graded
    on OLD by the rulebooks of that time."""
    home.mkdir()
    options = Settings(home=home, zone="Asia/Shanghai", threads=1)
    pseudonyms.pseudonym_key(options)
    with duckdb.connect(str(options.database)) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(FIXED_1)
        for schema, extra in EXTRA_1.items():
            con.execute(f"CREATE SCHEMA {schema}")
            for name, columns in TABLES_1.items():
                con.execute(f"CREATE TABLE {schema}.{name} ({columns}, {extra})")
        con.execute("INSERT INTO meta.info VALUES ('schema_version', '1'), ('zone', 'Asia/Shanghai')")
        con.execute(
            "INSERT INTO meta.batches VALUES (1, 'canonical', 'h', ['f'], 'accepted', '2026-01-01', '2026-01-01', '{}')"
        )
        for name, columns in (
            ("subjects", ["subject_id", "kind", "role", "uscc", "id_number"]),
            ("transactions", ["transaction_id", "subject_id", "ordered_at", "paid_at", "amount", "currency"]),
        ):
            con.execute("INSERT INTO meta.supplied VALUES (1, ?, ?, '2025-06-01')", [name, columns])
        for subject, kind, uscc, number, _ in SUBJECTS:
            con.execute(
                """INSERT INTO canonical.subjects (subject_id, kind, role, uscc, id_number, known_at, batch_id)
                   VALUES (?, ?, 'seller', ?, ?, '2025-06-01', 1)""",
                [subject, kind, uscc, number],
            )
            con.execute(
                """INSERT INTO canonical.transactions (transaction_id, subject_id, ordered_at, paid_at, amount, currency,
                       known_at, batch_id)
                   SELECT ? || i, ?, TIMESTAMPTZ '2026-02-01 00:00:00+00' + INTERVAL 1 HOUR * i,
                       CASE WHEN i > 0 THEN TIMESTAMPTZ '2026-02-01 00:00:00+00' + INTERVAL 1 HOUR * i
                           + INTERVAL 90 SECOND * i END, 10, 'CNY', TIMESTAMPTZ '2026-02-02 00:00:00+00', 1
                   FROM range(?) r(i)""",
                [f"{subject}-", subject, ORDERS],
            )
        con.execute(
            """INSERT INTO history.subjects (subject_id, kind, role, uscc, known_at, batch_id, known_until)
               VALUES ('right', 'enterprise', 'seller', '91130102MA0HRHT050', '2025-05-01', 1, '2025-06-01');
               INSERT INTO waiting.transactions (transaction_id, subject_id, ordered_at, paid_at, amount, currency,
                   known_at, batch_id, source_table, file, line)
               VALUES ('waits', 'late', '2026-02-01', '2026-02-01 00:30:00', 5, 'CNY', '2026-02-01', 1, 'transactions',
                   'f', 1);
               INSERT INTO quarantine.rows VALUES (1, 'transactions', 'f', 1, 'waits', 'unknown_subject', 'r', '{}', NULL);
               INSERT INTO meta.batches VALUES (2, 'canonical', 'g', ['g'], 'landed', '2026-03-01', '2026-03-01', '{}');
               INSERT INTO landing.transactions (transaction_id, subject_id, ordered_at, paid_at, amount, currency,
                   known_at, batch_id, source_table, file, line)
               VALUES ('landed', 'right', '2026-02-20', '2026-02-20 01:00:00', 5, 'CNY', '2026-02-20', 2, 'transactions',
                   'g', 1)"""
        )
        for file in ("gbt-26842-enterprise-0.1.0.yaml", "gbt-28041-individual-0.1.0.yaml"):
            book = load(FOLDER / file)
            con.execute(
                "INSERT INTO results.rulebooks VALUES (?, ?, ?, ?)", [book.hash, book.id, book.version, book.text]
            )
            graded = [row for row in SUBJECTS if row[1] == book.subject.kind]
            con.execute(
                "INSERT INTO results.runs VALUES (?, ?, ?, ?, '2026-02-28 16:00:00+00', 'replay', '{}', ?)",
                [OLD, book.id, book.version, book.hash, len(graded)],
            )
            symbols = book.symbols
            for i, row in enumerate(graded):
                con.execute(
                    "INSERT INTO results.grades VALUES (?, ?, ?, ?, ?, ?, 71, 0.5, NULL, ?)",
                    [OLD, book.id, book.hash, row[0], row[1], symbols[i], ORDERS],
                )
                for element, rule in book.rules():
                    con.execute(
                        """INSERT INTO results.indicators VALUES (?, ?, ?, ?, ?, 'missing', NULL, NULL, NULL, NULL, NULL,
                               0, 0)""",
                        [OLD, book.id, row[0], element.id, rule.id],
                    )
    return options


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    return old_warehouse(tmp_path / "home")


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def counted(con: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of these tables, by the columns given."""
    return {
        table: rows(con, f"SELECT {', '.join(quoted(name) for name in names)} FROM {table} ORDER BY ALL")
        for table, names in columns.items()
    }


def quoted(name: str) -> str:
    return f'"{name}"'


def columns_of(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for schema, table, column in rows(
        con,
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal ORDER BY column_index",
    ):
        found.setdefault(f"{schema}.{table}", []).append(column)
    return found


def test_no_row_is_lost_and_new_columns_are_filled(old: Settings) -> None:
    with duckdb.connect(str(old.database)) as con:
        con.execute("SET TimeZone = 'UTC'")
        columns = columns_of(con)
        before = counted(con, columns)
    assert sum(map(len, before.values())) > 100
    with open_warehouse(old) as con:
        after = counted(con, columns)
        before["meta.info"] = [("schema_version", str(SCHEMA_VERSION)), *before["meta.info"][1:]]
        before["meta.info"].sort()
        assert after == before

        valid = dict(rows(con, "SELECT subject_id, code_valid FROM canonical.subjects"))
        assert valid == {subject: right for subject, *_, right in SUBJECTS}
        assert rows(con, "SELECT code_valid FROM history.subjects") == [(False,)]
        minutes = rows(
            con, "SELECT payment_minutes FROM canonical.transactions WHERE subject_id = 'right' ORDER BY ALL"
        )
        assert [row[0] for row in minutes] == [*(90 * i // 60 for i in range(1, ORDERS)), None]
        assert rows(con, "SELECT payment_minutes FROM waiting.transactions") == [(30,)]
        assert rows(con, "SELECT payment_minutes FROM landing.transactions") == [(60,)]
        assert rows(con, "SELECT subject_kind, subject_role, previous_on FROM results.runs ORDER BY ALL") == [
            ("enterprise", "seller", None),
            ("individual", "seller", None),
        ]
        kept = rows(con, "SELECT DISTINCT grade_by_score = grade AND grade_held = grade, past_edge FROM results.grades")
        assert kept == [(True, 0)]
        assert rows(con, "SELECT count(*) FROM canonical.spot_checks") == [(0,)]
        fresh = columns_of(con)
    with open_warehouse(Settings(home=old.home.with_name("fresh"))) as con:
        assert {table: sorted(names) for table, names in columns_of(con).items()} == {
            table: sorted(names) for table, names in fresh.items()
        }


def test_opening_again_changes_nothing(old: Settings) -> None:
    for _ in range(2):
        with open_warehouse(old) as con:
            columns = columns_of(con)
            found = counted(con, columns)
            # Filling in once more would undo this.
            con.execute("UPDATE results.grades SET grade_held = 'BBB' WHERE subject_id = 'right'")
    held = columns["results.grades"].index("grade_held")
    assert "BBB" in [row[held] for row in found["results.grades"]]


def test_old_grades_are_listed_and_explained(old: Settings) -> None:
    with open_warehouse(old) as con:
        listed = results.grade_list(con, OLD)
        assert [(row["subject_id"], row["grade"]) for row in listed] == [
            ("none", "A"), ("right", "AAA"), ("wrong", "AA"), ("person", "A"),
        ]  # fmt: skip
        assert results.grade_list(con, OLD, "buyer") == []
        told = explain.explain(con, old, "wrong")
        assert (told["evaluated_on"], told["grade"], told["score"]) == (OLD.isoformat(), "AA", 71)
        assert told["rulebook_version"] == "0.1.0"
        assert told["vetoes"] == []

        con.execute("DELETE FROM results.indicators")
        with pytest.raises(UserError, match=f"run `merchant-credit evaluate --date {OLD}`"):
            explain.explain(con, old, "wrong")


def test_a_new_night_is_landed_and_evaluated(old: Settings, tmp_path: Path) -> None:
    """What waited comes in with its seller, what was landed is merged, and the tables that are new are taken."""
    delivery = tmp_path / "delivery"
    delivery.mkdir()
    (delivery / "subjects.csv").write_text("subject_id,kind,role\nlate,enterprise,seller\n", encoding="utf-8")
    (delivery / "spot_checks.csv").write_text(
        "check_id,subject_id,kind,requested_at,due_at,answered_at\nk,right,goods,2026-11-01,2026-11-08,2026-11-02\n",
        encoding="utf-8",
    )
    with open_warehouse(old) as con:
        before = rows(con, "FROM results.grades ORDER BY ALL")
        assert merging.landed_batches(con) == [2]
        merging.accept(con, 2)
        batch = landing.land(con, old, "canonical", delivery, NEW)
        assert batch.counts["spot_checks"] == {"read": 1, "accepted": 1, "quarantined": 0}
        merging.accept(con, batch.batch_id)
        assert rows(con, "SELECT transaction_id FROM canonical.transactions WHERE subject_id = 'late'") == [("waits",)]
        night.evaluate(con, old, NEW)
        graded = rows(con, f"SELECT subject_id, orders FROM results.grades WHERE evaluated_on = '{NEW}' ORDER BY 1")
        assert graded == [("late", 1), ("none", 12), ("person", 12), ("right", 13), ("wrong", 12)]
        found = rows(
            con,
            f"""SELECT subject_id, indicator, value FROM results.indicators WHERE evaluated_on = '{NEW}'
                AND indicator IN ('code_valid', 'spot_check_cooperation') AND state = 'measured' ORDER BY ALL""",
        )
        assert found == [
            ("person", "code_valid", 1.0),
            ("right", "code_valid", 1.0),
            ("right", "spot_check_cooperation", 1.0),
            ("wrong", "code_valid", 0.0),
        ]
        assert rows(con, f"FROM results.grades WHERE evaluated_on = '{OLD}' ORDER BY ALL") == before


@pytest.fixture
def version_2(tmp_path: Path) -> Settings:
    """A home of schema version 2, which has no ledgers of single merchants: evaluated, with rules proposed, a vetting and
    a superseded row."""
    options = Settings(home=tmp_path / "second", zone=ZONE, threads=1)
    made = market({"shop": 1})
    with open_warehouse(options) as con:
        deliver(con, options, tmp_path / "first", made)
        later = changed(made["subjects"], "subject_id", "shop", name="新名", known_at=at(-1))
        deliver(con, options, tmp_path / "second files", {"subjects": [later]})
        night.evaluate(con, options, DAY)
        con.execute(
            """INSERT INTO ledger.vettings VALUES (1, '2026-11-20', '2026-11-20', 'a', 'pass', 'p', '1', 'h', NULL, '{}')"""
        )
    with duckdb.connect(str(options.database)) as con:
        con.execute("".join(f"DROP TABLE ledger.{name};" for name in LEDGERS))
        con.execute("UPDATE meta.info SET value = '2' WHERE name = 'schema_version'")
    return options


def test_a_warehouse_of_version_2_gets_the_ledgers_and_keeps_every_row(version_2: Settings) -> None:
    with (
        pytest.raises(UserError, match=r"schema version 2, .* run `merchant-credit init --home .*, which brings it up"),
        open_warehouse(version_2, read_only=True),
    ):
        pass
    with duckdb.connect(str(version_2.database)) as con:
        con.execute("SET TimeZone = 'UTC'")
        columns = columns_of(con)
        before = counted(con, columns)
    assert all(before[f"{schema}.subjects"] for schema in ("canonical", "history"))
    assert all(before[f"ledger.{name}"] for name in ("rulebooks", "rulebook_events", "vettings"))
    with open_warehouse(version_2) as con:
        after = counted(con, columns)
        before["meta.info"] = sorted({**dict(before["meta.info"]), "schema_version": str(SCHEMA_VERSION)}.items())
        assert after == before
        assert all(rows(con, f"FROM ledger.{name}") == [] for name in LEDGERS)
        fresh = columns_of(con)
        graded = rows(con, "FROM results.grades ORDER BY ALL")
        night.evaluate(con, version_2, DAY)
        assert rows(con, "FROM results.grades ORDER BY ALL") == graded
    with open_warehouse(version_2, read_only=True), open_warehouse(Settings(home=version_2.home / "new")) as con:
        assert columns_of(con) == fresh


def test_a_warehouse_of_version_3_gets_the_times_of_dispatch_and_keeps_every_row(tmp_path: Path) -> None:
    options = Settings(home=tmp_path / "third", zone=ZONE, threads=1)
    with open_warehouse(options) as con:
        deliver(con, options, tmp_path / "files", market({"shop": 2}))
    with open_warehouse(options) as con:  # without what reading the files left behind
        columns = columns_of(con)
        before = counted(con, columns)
    assert any(
        row[columns["canonical.transactions"].index("dispatch_minutes")] for row in before["canonical.transactions"]
    )
    with duckdb.connect(str(options.database)) as con:
        for schema in ("canonical", "history", "landing", "waiting"):
            for name in ("dispatch_minutes", "dispatch_allowed_minutes"):
                con.execute(f"ALTER TABLE {schema}.transactions DROP COLUMN {name}")
        con.execute("UPDATE meta.info SET value = '3' WHERE name = 'schema_version'")
    with open_warehouse(options) as con:
        assert columns_of(con) == columns
        assert counted(con, columns) == before


def test_a_warehouse_of_version_3_gets_the_ledger_of_findings(version_2: Settings) -> None:
    with open_warehouse(version_2):
        pass
    with duckdb.connect(str(version_2.database)) as con:
        con.execute("SET TimeZone = 'UTC'")
        fresh = columns_of(con)
        con.execute("DROP TABLE ledger.findings; UPDATE meta.info SET value = '3' WHERE name = 'schema_version'")
        columns = columns_of(con)
        before = counted(con, columns)
    with open_warehouse(version_2) as con:
        assert columns_of(con) == fresh
        after = counted(con, columns)
        before["meta.info"] = sorted({**dict(before["meta.info"]), "schema_version": str(SCHEMA_VERSION)}.items())
        assert after | {"meta.info": sorted(after["meta.info"])} == before
        assert rows(con, "FROM ledger.findings") == []


def test_reading_an_old_warehouse_says_what_to_do(old: Settings) -> None:
    with (
        pytest.raises(UserError, match=r"run `merchant-credit init --home .*, which brings it up to date"),
        open_warehouse(old, read_only=True),
    ):
        pass
    with open_warehouse(old):
        pass
    with open_warehouse(old, read_only=True) as con:
        assert len(results.grade_list(con, OLD)) == len(SUBJECTS)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_warehouse_is_refused_and_left_as_it_is(tmp_path: Path, read_only: bool) -> None:
    options = Settings(home=tmp_path)
    with duckdb.connect(str(options.database)) as con:
        con.execute("CREATE SCHEMA meta; CREATE TABLE meta.info (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
        con.execute("INSERT INTO meta.info VALUES ('schema_version', '99')")
    with (
        pytest.raises(UserError, match=r"schema version 99, .* use the program version that made it, or a new home"),
        open_warehouse(options, read_only=read_only),
    ):
        pass
    with duckdb.connect(str(options.database)) as con:
        assert columns_of(con) == {"meta.info": ["name", "value"]}

"""The measurements over ledgers, deliveries, files and what is published: met on a published home, and not once it is spoilt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit.assessment import catalogue, files
from credit.assessment.measuring import Count
from credit.assessment.seen import seeing
from credit.disclosure import versions
from credit.ledgers import assessments, closings, sanctions
from credit.rulebooks.reading import load
from credit.settings import Settings
from support import rules
from support.entries import LI, NOW
from support.literal import Enact
from support.small_market import DAY

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

REPORT = "hebei-ecommerce-enterprise:5.7.5"


def count(
    con: duckdb.DuckDBPyConnection,
    home: Settings,
    measure: str,
    numbers: Mapping[str, float] | None = None,
    values: Mapping[str, Sequence[str]] | None = None,
    day: date = DAY,
) -> Count | None:
    with seeing(con, home, day) as seen:
        return catalogue.MEASURES[measure].count(seen, numbers or {}, values or {})


def share(counted: Count | None) -> float:
    assert counted is not None
    assert counted.cases
    return counted.at_least


def version(home: Settings) -> Path:
    folder = versions.current(home.published)
    assert folder is not None
    return folder


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change a published text; the file is a link to that of another version."""
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.unlink()
    path.write_text(change(text), encoding="utf-8")


def retable(path: Path, **columns: Any) -> None:
    table = pq.read_table(path)
    for name, value in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array([value] * len(table), table.schema.field(name).type))
    path.unlink()
    pq.write_table(table, path)


def document(home: Settings, subject_id: str) -> Path:
    rows = pq.read_table(version(home) / "bulk/grades.parquet").to_pylist()
    return version(home) / next(row["document"] for row in rows if row["subject_id"] == subject_id)


# --- what is published -------------------------------------------------------------------------------------------


def test_sanctions_in_force_are_published_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "sanctions_published")) == 1
    sanctions.impose(con, "other", kind="warning", reason="r", **LI)
    later = count(con, home, "sanctions_published", day=DAY + timedelta(days=1))
    assert later is not None
    assert (later.in_order, later.examples) == (1, ("ledger:1",))


def test_no_sanction_in_force_is_no_case(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    con.execute("UPDATE canonical.sanctions SET lifted_at = imposed_at + INTERVAL 1 DAY")
    counted = count(con, home, "sanctions_published")
    assert counted is not None
    assert counted.cases == 0
    assert catalogue.MEASURES["sanctions_published"].none == "not_applicable"


def test_rules_are_published_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "rules_published")) == 1
    next((version(home) / "rulebooks").glob("*.yaml")).unlink()
    assert share(count(con, home, "rules_published")) < 1


@pytest.mark.parametrize("surface", ["json", "html", "grades", "sort_keys"])
def test_the_own_shop_is_marked_on_every_surface(con: duckdb.DuckDBPyConnection, home: Settings, surface: str) -> None:
    assert share(count(con, home, "self_operated_marked")) == 1
    if surface in ("json", "html"):
        path = document(home, "own").with_suffix(f".{surface}")
        rewrite(
            path, lambda text: text.replace('"self_operated":true', '"self_operated":false').replace("tag self", "tag")
        )
    else:
        retable(version(home) / f"bulk/{surface}.parquet", self_operated=False)
    counted = count(con, home, "self_operated_marked")
    assert counted is not None
    assert (counted.in_order, counted.not_in_order) == (3, 1)
    assert surface in counted.examples[0]


def test_merchants_can_be_sorted_by_credit_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "sortable_by_credit")) == 1
    retable(version(home) / "bulk/sort_keys.parquet", credit_sort_key=None)
    assert share(count(con, home, "sortable_by_credit")) == 0


@pytest.mark.parametrize("value", ["王小明", "110101199003070011", "长江路18号", "13900001111"])
@pytest.mark.parametrize("where", ["own page", "a list"])
def test_personal_data_that_is_published_is_noticed(
    con: duckdb.DuckDBPyConnection, home: Settings, value: str, where: str
) -> None:
    assert share(count(con, home, "nothing_personal_published")) == 1
    path = document(home, "wang").with_suffix(".html") if where == "own page" else version(home) / "sanctions.html"
    rewrite(path, lambda text: text.replace("</main>", f"<p>{value}</p></main>"))
    counted = count(con, home, "nothing_personal_published")
    assert counted is not None
    assert counted.examples == ("wang",)


def test_a_consumer_that_is_published_is_noticed(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    [(buyer,), *_] = con.execute("SELECT subject_id FROM canonical.subjects WHERE role = 'buyer' ORDER BY 1").fetchall()
    rewrite(version(home) / "platform.json", lambda text: text.replace('"zone"', f'"buyer": "{buyer}", "zone"', 1))
    counted = count(con, home, "nothing_personal_published")
    assert counted is not None
    assert counted.examples == (buyer,)


PUBLISHED = (
    "sanctions_published", "rules_published", "self_operated_marked", "sortable_by_credit", "nothing_personal_published",
)  # fmt: skip


@pytest.mark.parametrize("measure", PUBLISHED)
def test_without_a_published_version_nothing_is_told(
    con: duckdb.DuckDBPyConnection, home: Settings, measure: str
) -> None:
    # Of a day before the first version that is kept.
    (home.published / "versions").rename(home.published / "gone")
    assert count(con, home, measure) is None


# --- evaluation and rules ----------------------------------------------------------------------------------------


def test_merchants_are_evaluated_lately_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "evaluated", {"days": 7})) == 1
    assert share(count(con, home, "evaluated", {"days": 7}, day=DAY + timedelta(days=8))) == 0


def test_a_change_of_the_rules_is_announced_or_not(
    con: duckdb.DuckDBPyConnection, home: Settings, enacted: Enact, tmp_path: Path
) -> None:
    days = {"days": 7}
    counted = count(con, home, "rules_announced", days)
    assert counted is not None
    assert counted.cases == 0, "the rules that came with the program are no change"
    text = rules.ENTERPRISE.read_text(encoding="utf-8")
    path = tmp_path / "next.yaml"
    path.write_text(text.replace(f"version: {load(rules.ENTERPRISE).version}", "version: 9.0.0"), encoding="utf-8")
    enacted(con, path)
    after = load(path).effective_from + timedelta(days=1)
    assert share(count(con, home, "rules_announced", days, day=after)) == 1
    con.execute(
        "UPDATE ledger.rulebook_events SET day = day + 3, \"at\" = \"at\" + INTERVAL 3 DAY WHERE version = '9.0.0' AND event = 'announced'"
    )
    assert share(count(con, home, "rules_announced", days, day=after)) == 0
    con.execute("UPDATE ledger.rulebook_events SET day = day - 3 WHERE version = '9.0.0' AND event = 'announced'")
    con.execute("DELETE FROM ledger.rulebook_events WHERE version = '9.0.0' AND event = 'opened'")
    assert share(count(con, home, "rules_announced", days, day=after)) == 0


def test_closings_are_announced_in_time_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    days, after = {"days": 30}, DAY + timedelta(days=1)
    closings.announce(con, "idle", on=DAY + timedelta(days=30), **LI)
    assert share(count(con, home, "closings_announced", days, day=after)) == 1
    con.execute("UPDATE ledger.closings SET closes_on = closes_on - 1")
    assert share(count(con, home, "closings_announced", days, day=after)) == 0


# --- what is kept and taken in -----------------------------------------------------------------------------------


def test_deliveries_are_good_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    numbers = {"days": 92, "share": 0.02}
    assert share(count(con, home, "rows_accepted", numbers)) == 1
    con.execute("""UPDATE meta.batches SET counts = '{"subjects": {"read": 100, "accepted": 97, "quarantined": 3},
        "reviews": {"read": 100, "accepted": 98, "quarantined": 2}}'""")
    counted = count(con, home, "rows_accepted", numbers)
    assert counted is not None
    assert (counted.in_order, counted.examples) == (1, ("1 subjects",))


def test_public_records_are_current_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "records_current", {"days": 92})) == 1
    assert share(count(con, home, "records_current", {"days": 92}, day=DAY + timedelta(days=93))) == 0


def test_the_home_is_private_or_not(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    assert share(count(con, home, "home_private")) == 1
    home.home.chmod(0o755)
    home.key_file.chmod(0o644)
    counted = count(con, home, "home_private")
    assert counted is not None
    assert counted.examples[-1] == home.key_file.name
    assert counted.in_order, "the warehouse is nobody else's to read even so"


# --- assessments, actions, reports -------------------------------------------------------------------------------


def kept(con: duckdb.DuckDBPyConnection, day: date, stars: int | None) -> None:
    result = {
        "catalogue": {"id": "a-catalogue", "version": "1.0.0", "hash": "h"},
        "assessed_on": str(day),
        "stars": stars,
    }
    assessments.keep(con, result, "text", by="Li Wei")


def test_an_assessment_counts_while_it_is_recent_and_passed(con: duckdb.DuckDBPyConnection, home: Settings) -> None:
    values = {"catalogues": ["a-catalogue"]}
    assert count(con, home, "assessed", {"days": 366}, values) is None
    for stars, expected in ((3, 1), (None, 1), (0, 0)):
        kept(con, DAY - timedelta(days=366), stars)
        assert share(count(con, home, "assessed", {"days": 366}, values)) == expected
    kept(con, DAY, 3)
    assert share(count(con, home, "assessed", {"days": 366}, values)) == 1
    assert share(count(con, home, "assessed", {"days": 366}, values, DAY + timedelta(days=367))) == 0


def test_actions_are_done_in_time_or_not(con: duckdb.DuckDBPyConnection, home: Settings, clock: Any) -> None:
    about = {"nonconformity": "n", "cause": "c", "action": "a", "person": "Wang"}
    assessments.open_action(con, REPORT, due_on=DAY + timedelta(days=10), **about, **LI)
    first = count(con, home, "actions_in_time", day=DAY + timedelta(days=5))
    assert first is not None
    assert first.cases == 0, "not due yet"
    assert share(count(con, home, "actions_in_time", day=DAY + timedelta(days=11))) == 0
    clock(NOW + timedelta(days=10))
    assessments.close_action(con, 1, effect="e", **LI)
    assert share(count(con, home, "actions_in_time", day=DAY + timedelta(days=11))) == 1
    assert share(count(con, home, "actions_in_time", day=DAY + timedelta(days=10))) == 1


def test_a_quarter_is_reported_in_time_or_not(con: duckdb.DuckDBPyConnection, home: Settings, tmp_path: Path) -> None:
    numbers, values = {"days": 31}, {"lines": [REPORT]}
    assert count(con, home, "reports_in_time", numbers, values) is None
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(b"receipt")
    for day in (date(2026, 1, 10), date(2026, 4, 20), date(2026, 7, 31)):
        assessments.add(
            con, [REPORT], kind="document", title="回执", dated=day, sha256=files.keep(home, receipt), file="r", **LI
        )
    counted = count(con, home, "reports_in_time", numbers, values)
    assert counted is not None
    # 2025-12-31, 2026-03-31 and 2026-06-30 were; 2026-09-30 was not.
    assert (counted.in_order, counted.examples) == (3, ("2026-09-30",))

"""Tables delivered whole: what becomes of a row that does not come any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import settings
from credit.errors import UserError
from credit.home import open_warehouse
from credit.intake import checks, landing, merging, whole

pytestmark = pytest.mark.slow

SUBJECTS = "subject_id,kind,role\nS1,enterprise,seller\nS2,enterprise,seller\n"
RECORDS = "record_id,subject_id,kind,issuer,valid_from,valid_until\n"
SANCTIONS = "sanction_id,subject_id,kind,reason,imposed_at,lifted_at\n"

Conn = duckdb.DuckDBPyConnection
Night = Callable[..., landing.Batch]


def record(number: int, until: str = "", subject: str = "S1") -> str:
    return f"R{number},{subject},abnormal_operation,某局,2026-01-05,{until}\n"


@pytest.fixture
def conf(tmp_path: Path) -> settings.Settings:
    return settings.load(
        home=tmp_path / "home",
        zone="Asia/Shanghai",
        threads=1,
        whole_tables={"public_records": "end", "sanctions": "end", "subjects": "report"},
    )


@pytest.fixture
def con(conf: settings.Settings) -> Iterator[Conn]:
    with open_warehouse(conf) as con:
        yield con


@pytest.fixture
def night(con: Conn, conf: settings.Settings, tmp_path: Path) -> Night:
    """`night(day, public_records="…")`: files of these tables land; the batch."""

    def landed(day: int, *, accept: bool = True, folder: str = "", **files: str) -> landing.Batch:
        place = tmp_path / (folder or f"night-{day}-{len(files)}")
        place.mkdir(exist_ok=True)
        for name, content in files.items():
            (place / f"{name}.csv").write_text(content, encoding="utf-8")
        batch = landing.land(con, conf, "canonical", place, date(2026, 3, day))
        if accept:
            merging.accept(con, batch.batch_id)
        return batch

    return landed


def ends(con: Conn, schema: str = "canonical") -> list[tuple[str, str | None]]:
    return con.execute(f"SELECT record_id, valid_until::VARCHAR FROM {schema}.public_records ORDER BY 1").fetchall()


def test_a_record_that_is_gone_ends_with_the_day_before_and_may_come_back(con: Conn, night: Night) -> None:
    night(1, subjects=SUBJECTS, public_records=RECORDS + record(1) + record(2) + record(3, "2026-02-01"))
    batch = night(2, accept=False, public_records=RECORDS + record(1))
    [missing] = whole.absent_rows(con, batch.batch_id)
    assert (missing.table, missing.known, missing.keys, missing.end) == ("public_records", 2, ("R2",), True)
    assert "R2" in missing.message
    merging.accept(con, batch.batch_id)
    assert ends(con) == [("R1", None), ("R2", "2026-03-01"), ("R3", "2026-02-01")]
    assert ends(con, "history") == [("R2", None)]
    again = night(3, accept=False, public_records=RECORDS + record(1) + record(4))
    assert whole.absent_rows(con, again.batch_id) == []  # it ended before
    merging.accept(con, again.batch_id)
    night(4, public_records=RECORDS + record(1) + record(2) + record(4))
    assert ends(con) == [("R1", None), ("R2", None), ("R3", "2026-02-01"), ("R4", None)]


def test_an_instant_ends_at_the_cut_off(con: Conn, night: Night) -> None:
    row = "{},S1,restriction,x,2026-02-01 10:00,\n"
    night(1, subjects=SUBJECTS, sanctions=SANCTIONS + row.format("A") + row.format("B"))
    night(2, sanctions=SANCTIONS + row.format("B"))
    lifted = con.execute("SELECT sanction_id, lifted_at::VARCHAR FROM canonical.sanctions ORDER BY 1").fetchall()
    assert lifted == [("A", "2026-03-01 16:00:00+00"), ("B", None)]


def test_what_waits_for_its_merchant_ends_too(con: Conn, night: Night) -> None:
    night(1, subjects=SUBJECTS, public_records=RECORDS + record(1) + record(2, subject="S9"))
    night(2, public_records=RECORDS + record(1))
    night(3, folder="new", subjects=SUBJECTS + "S9,enterprise,seller\n")
    assert ends(con) == [("R1", None), ("R2", "2026-03-01")]


def test_what_is_only_reported_stays(con: Conn, night: Night) -> None:
    night(1, subjects=SUBJECTS)
    batch = night(2, accept=False, subjects=SUBJECTS.replace("S2,enterprise,seller\n", ""))
    [missing] = whole.absent_rows(con, batch.batch_id)
    assert (missing.absent, missing.end, missing.severity) == (1, False, "warning")
    assert "they stay counted" in missing.message
    merging.accept(con, batch.batch_id)
    assert con.execute("SELECT count(*) FROM canonical.subjects").fetchall() == [(2,)]


def test_a_row_that_was_set_aside_is_not_absent_and_one_without_a_key_may_be_any(con: Conn, night: Night) -> None:
    night(1, subjects=SUBJECTS, public_records=RECORDS + record(1) + record(2))
    batch = night(2, accept=False, public_records=RECORDS + record(1) + "R2,S1,nonsense,某局,2026-01-05,\n")
    assert whole.absent_rows(con, batch.batch_id) == []
    merging.accept(con, batch.batch_id)
    assert ends(con) == [("R1", None), ("R2", None)]
    batch = night(3, accept=False, public_records=RECORDS + record(1) + ",S1,abnormal_operation,某局,2026-01-05,\n")
    [missing] = whole.absent_rows(con, batch.batch_id)
    assert (missing.unread, missing.absent) == (1, 1)
    assert "none ends" in missing.message
    merging.accept(con, batch.batch_id)
    assert ends(con) == [("R1", None), ("R2", None)]


def test_a_delivery_in_part_is_not_judged_and_says_so(con: Conn, night: Night) -> None:
    both = {"subjects": SUBJECTS, "public_records_1": RECORDS + record(1), "public_records_2": RECORDS + record(2)}
    night(1, folder="same", **both)
    batch = night(2, folder="same", public_records_2=RECORDS + record(3))
    assert [n for n in batch.notices if "came in part" in n and "landed before" in n]
    assert whole.absent_rows(con, batch.batch_id) == []
    assert ends(con) == [("R1", None), ("R2", None), ("R3", None)]


def test_a_late_night_ends_nothing_that_a_later_one_brought(con: Conn, night: Night) -> None:
    night(1, subjects=SUBJECTS, public_records=RECORDS + record(1))
    night(3, public_records=RECORDS + record(1) + record(2))
    late = night(2, public_records=RECORDS + record(9))
    assert [n for n in late.notices if "a later night has brought it" in n]
    assert ends(con) == [("R1", None), ("R2", None), ("R9", None)]


def test_history_and_other_tables_are_no_whole_deliveries(con: Conn, conf: settings.Settings, tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "subjects.csv").write_text(SUBJECTS, encoding="utf-8")
    landing.land(con, conf, "canonical", tmp_path / "h", date(2026, 3, 1), history=True)
    assert con.execute("SELECT count(*) FROM meta.whole").fetchall() == [(0,)]


def test_a_delivery_that_looks_cut_short_fails_its_check(con: Conn, conf: settings.Settings, night: Night) -> None:
    night(1, subjects=SUBJECTS, public_records=RECORDS + "".join(map(record, range(10))))
    batch = night(2, accept=False, public_records=RECORDS + "".join(map(record, range(4))))
    report = checks.check_batch(con, conf, batch.batch_id)
    assert not report.success
    assert any("cut short" in f.message and f.severity == "critical" for f in report.findings)
    batch = night(3, accept=False, folder="half", public_records=RECORDS + "".join(map(record, range(5))))
    assert checks.check_batch(con, conf, batch.batch_id).success


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"transactions": "end"}, "rows of transactions have no end"),
        ({"refunds": "report"}, "no canonical table"),
        ({"subjects": "drop"}, "'report' or 'end'"),
    ],
)
def test_the_setting_says_what_is_allowed(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        settings.load(whole_tables=given)


def test_the_setting_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCHANT_CREDIT_WHOLE_TABLES", '{"subjects": "report"}')
    assert settings.load().whole_tables == {"subjects": "report"}
    monkeypatch.setenv("MERCHANT_CREDIT_WHOLE_TABLES", "subjects")
    with pytest.raises(UserError, match="expected JSON"):
        settings.load()

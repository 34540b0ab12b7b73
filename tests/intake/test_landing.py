"""Landing, row checks, quarantine, merging: through files on disk, as a platform delivers them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit import settings
from credit.errors import InputError, UserError
from credit.home import open_warehouse
from credit.intake import landing, merging, pseudonyms
from credit.settings import Settings
from credit.tables import TABLES

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)

SUBJECTS = "subject_id,kind,role\nS1,enterprise,seller\nS2,individual,seller\n"
HEADER = "transaction_id,subject_id,ordered_at,amount,currency"
GOOD = "T1,S1,2026-02-01 10:00:00,12.50,CNY"

Conn = duckdb.DuckDBPyConnection


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    return settings.load(home=tmp_path / "home")


@pytest.fixture
def con(conf: Settings) -> Iterator[Conn]:
    with open_warehouse(conf) as con:
        yield con


@pytest.fixture
def deliver(con: Conn, conf: Settings, tmp_path: Path) -> Callable[..., landing.Batch]:
    """Write files into a fresh folder, land it and merge what is good."""
    number = iter(range(1000))

    def delivered(
        day: date = DAY, *, accept: bool = True, history: bool = False, **files: str | bytes
    ) -> landing.Batch:
        folder = tmp_path / f"delivery-{next(number)}"
        folder.mkdir()
        for name, content in files.items():
            path = folder / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        batch = landing.land(con, conf, "canonical", folder, day, history=history)
        if accept and batch.state == "landed":
            merging.accept(con, batch.batch_id)
        return batch

    return delivered


def rows(con: Conn, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def snapshot(con: Conn) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the warehouse holds of rows."""
    return {
        f"{schema}.{name}": sorted(map(repr, rows(con, f"SELECT * FROM {schema}.{name}")))
        for schema in ("canonical", "history", "landing", "waiting")
        for name in TABLES
    } | {"quarantine": sorted(map(repr, rows(con, "SELECT * FROM quarantine.rows")))}  # type: ignore[dict-item]


def codes(con: Conn) -> list[str]:
    return [row[0] for row in rows(con, "SELECT code FROM quarantine.rows ORDER BY line, code")]


# --- good input --------------------------------------------------------------------------------------------------


def test_instants_without_an_offset_are_in_the_platforms_zone(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(
        subjects__csv=SUBJECTS,
        transactions__csv=f"{HEADER}\n{GOOD}\nT2,S1,2026-02-01T10:00:00Z,1,CNY\nT3,S1,2026-02-01T10:00:00-03:00,1,CNY\n",
    )
    got = rows(
        con, "SELECT transaction_id, ordered_at::VARCHAR, ordered_on::VARCHAR FROM canonical.transactions ORDER BY 1"
    )
    assert got == [
        ("T1", "2026-02-01 02:00:00+00", "2026-02-01"),
        ("T2", "2026-02-01 10:00:00+00", "2026-02-01"),
        ("T3", "2026-02-01 13:00:00+00", "2026-02-01"),
    ]


def test_every_shape_of_file_gives_the_same_rows(
    con: Conn, deliver: Callable[..., landing.Batch], tmp_path: Path
) -> None:
    chinese = "交易编号,主体编号,下单时间,交易金额,币种,商品类目\n{},S1,2026-02-01 10:00:00,12.50,CNY,图书\n"
    english = HEADER + ",category\n{},S1,2026-02-01 10:00:00,12.50,CNY,图书\n"
    line = '{{"transaction_id":"{}","subject_id":"S1","ordered_at":"2026-02-01 10:00:00","amount":12.5,"currency":"CNY","商品类目":"图书"}}\n'
    duckdb.sql(
        "SELECT 'P1' transaction_id, 'S1' subject_id, TIMESTAMP '2026-02-01 10:00' ordered_at, 12.5::DOUBLE amount, 'CNY' currency, '图书' category"
    ).write_parquet(str(tmp_path / "p.parquet"))
    batch = deliver(
        subjects__csv=SUBJECTS,
        **{
            "transactions-a__csv": english.format("A1"),
            "transactions-b__csv": "\ufeff" + chinese.format("B1").replace("\n", "\r\n"),
            "transactions-c__csv": chinese.format("C1").encode("gb18030"),
            "transactions-d__csv__gz": gzip.compress(english.format("D1").encode()),
            "transactions-e__ndjson": line.format("E1"),
            "transactions-f__ndjson__gz": gzip.compress(line.format("F1").encode()),
            "交易__parquet": (tmp_path / "p.parquet").read_bytes(),
        },
    )
    assert batch.counts["transactions"] == {"read": 7, "accepted": 7, "quarantined": 0}
    got = rows(con, "SELECT DISTINCT ordered_at::VARCHAR, amount::VARCHAR, category FROM canonical.transactions")
    assert got == [("2026-02-01 02:00:00+00", "12.50", "图书")]


def test_consumers_ids_are_pseudonyms_everywhere(
    con: Conn, deliver: Callable[..., landing.Batch], conf: Settings
) -> None:
    header = HEADER + ",buyer_id"
    deliver(
        subjects__csv=SUBJECTS + "王小明,individual,buyer\n",
        transactions__csv=f"{header}\n{GOOD},王小明\nT2,S1,nonsense,1,CNY,王小明\nT3,nobody,2026-02-01,1,CNY,王小明\n",
    )
    buyers = {row[0] for row in rows(con, "SELECT buyer_id FROM canonical.transactions")}
    subjects = {row[0] for row in rows(con, "SELECT subject_id FROM canonical.subjects WHERE role = 'buyer'")}
    assert buyers == subjects
    assert len(buyers.pop()) == 32
    assert "王小明" not in json.dumps(snapshot(con), ensure_ascii=False)
    assert conf.key_file.stat().st_mode & 0o077 == 0


def test_pseudonym_is_hmac_sha256(con: Conn, conf: Settings) -> None:
    import hashlib
    import hmac

    pseudonyms.pseudonym_macro(con, conf)
    expected = hmac.new(pseudonyms.pseudonym_key(conf), "王小明".encode(), hashlib.sha256).hexdigest()[:32]
    assert rows(con, "SELECT pseudonym('王小明'), pseudonym(NULL)") == [(expected, None)]


# --- landing twice, versions, two clocks ---------------------------------------------------------------------------


def test_landing_again_changes_nothing(con: Conn, conf: Settings, deliver: Callable[..., landing.Batch]) -> None:
    files = {"subjects__csv": SUBJECTS, "transactions__csv": f"{HEADER}\n{GOOD}\nT2,S1,x,1,CNY\n"}
    first = deliver(**files)
    before = snapshot(con)
    again = deliver(**files)
    assert again.already_landed
    assert again.counts == first.counts
    assert snapshot(con) == before


def test_a_growing_folder_lands_only_what_is_new(con: Conn, conf: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "subjects.csv").write_text(SUBJECTS)
    (folder / "transactions-1.csv").write_text(f"{HEADER}\n{GOOD}\n")
    merging.accept(con, landing.land(con, conf, "canonical", folder, DAY).batch_id)
    (folder / "transactions-2.csv").write_text(f"{HEADER}\nT2,S2,2026-02-02,1,CNY\n")
    batch = landing.land(con, conf, "canonical", folder, DAY)
    assert batch.counts == {"transactions": {"read": 1, "accepted": 1, "quarantined": 0}}
    assert "2 of 3 files were landed before" in " ".join(batch.notices)


def test_a_correction_replaces_a_row_and_keeps_the_old_one(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER}\n{GOOD}\n")
    deliver(date(2026, 3, 5), transactions__csv=f"{HEADER}\n{GOOD.replace('12.50', '99.00')}\n")
    assert rows(con, "SELECT amount::VARCHAR, known_at::VARCHAR FROM canonical.transactions") == [
        ("99.00", "2026-03-04 16:00:00+00")
    ]
    assert rows(con, "SELECT amount::VARCHAR, known_at::VARCHAR, known_until::VARCHAR FROM history.transactions") == [
        ("12.50", "2026-02-28 16:00:00+00", "2026-03-04 16:00:00+00")
    ]


def test_versions_end_the_same_in_any_order_of_arrival(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    header = HEADER + ",known_at"
    versions = [f"T1,S1,2026-02-01,{n}.00,CNY,2026-02-0{n}" for n in (1, 2, 3)]
    deliver(subjects__csv=SUBJECTS)
    for n in (1, 0, 2):
        deliver(transactions__csv=f"{header}\n{versions[n]}\n")
    assert rows(con, "SELECT amount::VARCHAR FROM canonical.transactions") == [("3.00",)]
    intervals = rows(
        con,
        "SELECT amount::INT, known_at::DATE::VARCHAR, known_until::DATE::VARCHAR FROM history.transactions ORDER BY 1",
    )
    assert intervals == [(1, "2026-01-31", "2026-02-01"), (2, "2026-02-01", "2026-02-02")]


def test_a_row_delivered_again_unchanged_is_no_new_version(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER}\n{GOOD}\n")
    before = rows(con, "SELECT * FROM canonical.transactions")
    deliver(date(2026, 3, 9), transactions__csv=f"{HEADER}\n{GOOD}\nT2,S1,2026-02-05,1,CNY\n")
    assert rows(con, "SELECT * FROM canonical.transactions WHERE transaction_id = 'T1'") == before
    assert rows(con, "SELECT count(*) FROM history.transactions") == [(0,)]


def test_known_at_is_the_cut_off_or_with_history_the_event(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER}\n{GOOD}\n")
    deliver(history=True, transactions__csv=f"{HEADER}\nT2,S1,2026-02-01 10:00:00,1,CNY\n")
    assert rows(con, "SELECT known_at::VARCHAR FROM canonical.transactions ORDER BY transaction_id") == [
        ("2026-02-28 16:00:00+00",),
        ("2026-02-01 02:00:00+00",),
    ]


def test_rows_of_an_unknown_seller_wait_for_it(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    batch = deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER}\n{GOOD}\nT9,S9,2026-02-01,1,CNY\n")
    assert batch.counts["transactions"] == {"read": 2, "accepted": 1, "quarantined": 1}
    assert codes(con) == ["unknown_subject"]
    deliver(subjects__csv="subject_id,kind,role\nS9,enterprise,seller\n")
    assert rows(con, "SELECT transaction_id FROM canonical.transactions ORDER BY 1") == [("T1",), ("T9",)]
    assert rows(con, "SELECT count(*) FROM quarantine.rows WHERE released_by IS NULL") == [(0,)]
    assert rows(con, "SELECT count(*) FROM waiting.transactions") == [(0,)]


@pytest.mark.thorough
def test_300_000_rows_in_one_transaction_balance(con: Conn, conf: Settings, tmp_path: Path) -> None:
    """More rows than the engine keeps in one row group (122,880) go to landing, to waiting and to the quarantine at once."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "subjects.csv").write_text(SUBJECTS)
    duckdb.sql(
        """SELECT 'T' || i AS transaction_id, if(i % 2 = 0, 'S1', 'later') AS subject_id,
                  TIMESTAMP '2026-02-01 10:00' AS ordered_at, 12.5::DECIMAL(9, 2) AS amount, 'CNY' AS currency
           FROM range(300000) t(i)"""
    ).write_parquet(str(folder / "transactions.parquet"))
    duckdb.sql(
        """SELECT 'C' || i AS complaint_id, 'later' AS subject_id, 'T' || (2 * i + 1) AS transaction_id,
                  TIMESTAMP '2026-02-03 10:00' AS filed_at, 'platform' AS channel, 'quality' AS category
           FROM range(3341) t(i)"""
    ).write_parquet(str(folder / "complaints.parquet"))
    batch = landing.land(con, conf, "canonical", folder, DAY)
    assert batch.counts == {
        "subjects": {"read": 2, "accepted": 2, "quarantined": 0},
        "transactions": {"read": 300_000, "accepted": 150_000, "quarantined": 150_000},
        "complaints": {"read": 3341, "accepted": 0, "quarantined": 3341},
    }
    merging.accept(con, batch.batch_id)
    assert rows(con, "SELECT code, count(*) FROM quarantine.rows GROUP BY 1") == [("unknown_subject", 153_341)]

    (folder / "subjects.csv").unlink()
    (folder / "subjects-later.csv").write_text("subject_id,kind,role\nlater,enterprise,seller\n")
    batch = landing.land(con, conf, "canonical", folder, DAY)
    merging.accept(con, batch.batch_id)
    assert rows(con, "SELECT count(*), sum(amount) FROM canonical.transactions") == [(300_000, 300_000 * 12.5)]
    assert rows(con, "SELECT count(DISTINCT transaction_id) FROM canonical.complaints") == [(3341,)]


def test_a_refused_batch_is_quarantined_whole_and_may_be_landed_again(
    con: Conn, deliver: Callable[..., landing.Batch]
) -> None:
    files = {"subjects__csv": SUBJECTS, "transactions__csv": f"{HEADER}\n{GOOD}\n"}
    batch = deliver(accept=False, **files)
    counts = merging.refuse(con, batch.batch_id, "ratings collapsed")
    assert counts["transactions"] == {"read": 1, "accepted": 0, "quarantined": 1}
    assert set(codes(con)) == {"failed_expectations"}
    again = deliver(**files)
    assert not again.already_landed
    assert again.counts["transactions"]["accepted"] == 1


# --- bad rows ------------------------------------------------------------------------------------------------------

BAD_ROWS = {
    "negative amount": ("T2,S1,2026-02-01,-5,CNY", "out_of_range", "amount"),
    "NaN amount": ("T2,S1,2026-02-01,NaN,CNY", "missing", "amount"),
    "infinite amount": ("T2,S1,2026-02-01,inf,CNY", "unreadable", "amount"),
    "amount with a comma that is none of thousands": ('T2,S1,2026-02-01,"12,00",CNY', "unreadable", "amount"),
    "year 1980": ("T2,S1,1980-01-01,5,CNY", "implausible_time", "ordered_at"),
    "never set": ("T2,S1,1970-01-01,5,CNY", "missing", "ordered_at"),
    "year 2099": ("T2,S1,2099-01-01,5,CNY", "implausible_time", "ordered_at"),
    "infinite time": ("T2,S1,infinity,5,CNY", "implausible_time", "ordered_at"),
    "no time at all": ("T2,S1,yesterday,5,CNY", "unreadable", "ordered_at"),
    "missing id": (",S1,2026-02-01,5,CNY", "missing", "transaction_id"),
    "missing time": ("T2,S1,,5,CNY", "missing", "ordered_at"),
    "id with a line break": ('"T\n2",S1,2026-02-01,5,CNY', "control_character", "transaction_id"),
    "id too long": ("T" * 300 + ",S1,2026-02-01,5,CNY", "too_long", "transaction_id"),
    "too few fields": ("T2,S1,2026-02-01", "malformed_line", ""),
    "too many fields": ("T2,S1,2026-02-01,5,CNY,more", "malformed_line", ""),
    "broken quote": ('"T2,S1,2026-02-01,5,CNY', "malformed_line", ""),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_row_is_quarantined_with_its_line_and_reason(
    kind: str, con: Conn, deliver: Callable[..., landing.Batch]
) -> None:
    row, code, column = BAD_ROWS[kind]
    batch = deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER}\n{GOOD}\n{row}\n")
    assert batch.counts["transactions"] == {"read": 2, "accepted": 1, "quarantined": 1}
    [(line, recorded_code, reason, raw)] = rows(con, "SELECT line, code, reason, raw FROM quarantine.rows")
    assert (line, recorded_code) == (3, code)
    assert column in reason
    assert raw


def test_line_numbers_count_malformed_lines(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    lines = [GOOD, "broken", "T2,S1,x,1,CNY", "broken,too", "broken", "T3,S1,x,1,CNY"]
    deliver(subjects__csv=SUBJECTS, transactions__csv="\n".join([HEADER, *lines]) + "\n")
    assert rows(con, "SELECT line, code FROM quarantine.rows ORDER BY line") == [
        (3, "malformed_line"), (4, "unreadable"), (5, "malformed_line"), (6, "malformed_line"), (7, "unreadable"),
    ]  # fmt: skip


def test_a_delivery_before_its_order(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{HEADER},delivered_at\n{GOOD},2026-01-31\n")
    assert rows(con, "SELECT code, key FROM quarantine.rows") == [("delivered_at_before_ordered_at", "T1")]


@pytest.mark.parametrize(
    ("rating", "code"), [("7", "out_of_range"), ("0", "out_of_range"), ("4.5", "unreadable"), ("", "missing")]
)
def test_a_rating_that_is_none(rating: str, code: str, con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(
        subjects__csv=SUBJECTS,
        reviews__csv=f"review_id,subject_id,reviewed_at,rating_overall\nR1,S1,2026-02-01,{rating}\n",
    )
    assert codes(con) == [code]


def test_a_text_of_5_mb_is_kept_in_the_quarantine(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    text = "长" * (5 << 20)
    header = "review_id,subject_id,reviewed_at,rating_overall,text"
    deliver(subjects__csv=SUBJECTS, reviews__csv=f"{header}\nR1,S1,2026-02-01,5,{text}\nR2,S1,2026-02-01,5,good\n")
    [(code, raw)] = rows(con, "SELECT code, raw FROM quarantine.rows")
    assert code == "too_long"
    assert json.loads(raw)["text"] == text


def test_ids_with_quotes_are_plain_data(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    name = "S'1\"; DROP TABLE canonical.subjects; --"
    quoted = '"' + name.replace('"', '""') + '"'
    deliver(
        subjects__csv=f"subject_id,kind,role\n{quoted},enterprise,seller\n",
        transactions__csv=f"{HEADER}\nT1,{quoted},2026-02-01,1,CNY\n",
    )
    assert rows(con, "SELECT subject_id FROM canonical.transactions") == [(name,)]


@pytest.mark.parametrize("number", ["13800138000", "8613800138000", "110101199003070038", "11010119900307002X"])
def test_an_id_that_is_a_number_of_a_person_is_quarantined(
    number: str, con: Conn, deliver: Callable[..., landing.Batch]
) -> None:
    """A seller's would be published; a buyer's is a pseudonym."""
    deliver(subjects__csv=f"{SUBJECTS}{number},individual,seller\n{number},individual,buyer\n")
    [(line, code, reason)] = rows(con, "SELECT line, code, reason FROM quarantine.rows")
    assert (line, code) == (4, "personal_number")
    assert "an id of the platform's own" in reason
    assert number not in reason
    assert rows(con, "SELECT count(*) FROM canonical.subjects") == [(3,)]


@pytest.mark.parametrize(
    "number", ["12800138000", "138001380001", "110101199003070039", "110101199013070038", "M13800138000"]
)
def test_other_numbers_are_ids(number: str, con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=f"{SUBJECTS}{number},individual,seller\n")
    assert codes(con) == []


def test_duplicates_same_and_conflicting(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    lines = [GOOD, GOOD, "T2,S1,2026-02-01,1,CNY", "T2,S1,2026-02-01,2,CNY"]
    batch = deliver(subjects__csv=SUBJECTS, transactions__csv="\n".join([HEADER, *lines]) + "\n")
    assert batch.counts["transactions"] == {"read": 4, "accepted": 1, "quarantined": 3}
    assert codes(con) == ["duplicate_row", "conflicting_duplicate", "conflicting_duplicate"]
    assert rows(con, "SELECT transaction_id FROM canonical.transactions") == [("T1",)]


def test_parquet_with_nan_and_infinities(con: Conn, deliver: Callable[..., landing.Batch], tmp_path: Path) -> None:
    duckdb.sql(
        """SELECT 'T' || i AS transaction_id, 'S1' AS subject_id, TIMESTAMP '2026-02-01' AS ordered_at, 'CNY' AS currency,
                  [1.5, 'nan', 'inf', '-inf', 1e300][i]::DOUBLE AS amount FROM range(1, 6) t(i)"""
    ).write_parquet(str(tmp_path / "x.parquet"))
    batch = deliver(subjects__csv=SUBJECTS, transactions__parquet=(tmp_path / "x.parquet").read_bytes())
    assert batch.counts["transactions"] == {"read": 5, "accepted": 1, "quarantined": 4}
    assert sorted(codes(con)) == ["missing", "unreadable", "unreadable", "unreadable"]  # NaN is a blank


def test_ndjson_lines_that_are_no_objects(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    good = '{"subject_id":"S1","kind":"enterprise","role":"seller"}'
    batch = deliver(subjects__ndjson=f"{good}\nnot json\n[1]\n\n{good.replace('S1', 'S2')}\n")
    assert batch.counts["subjects"] == {"read": 4, "accepted": 2, "quarantined": 2}
    assert rows(con, "SELECT line FROM quarantine.rows ORDER BY 1") == [(2,), (3,)]


# --- what cannot be taken at all -----------------------------------------------------------------------------------

UNUSABLE: dict[str, tuple[dict[str, str | bytes], str]] = {
    "empty file": ({"transactions__csv": ""}, "is empty"),
    "missing column": (
        {"transactions__csv": "transaction_id,subject_id,ordered_at\n"},
        "amount (交易金额), currency (币种)",
    ),
    "wrong delimiter": ({"transactions__csv": HEADER.replace(",", ";") + "\n"}, "comma"),
    "cut off UTF-16": ({"transactions__csv": HEADER.encode("utf-16")[:-1]}, "UTF-16 and breaks off"),
    "headings in Big5": (
        {"transactions__csv": "訂單編號,賣家,金額\nT1,S1,1\nT2,S1,1\n".encode("big5")},
        "reads like Big5",
    ),
    "no encoding we know": ({"transactions__csv": HEADER.encode() + b"\nT1,\xff\xff\xff,x,1,CNY\n"}, "line 2"),
    "truncated Parquet": ({"transactions__parquet": b"PAR1" + b"\0" * 100}, "truncated"),
    "truncated gz": ({"transactions__csv__gz": gzip.compress(HEADER.encode() * 100)[:40]}, "deliver the file again"),
    "column twice": ({"transactions__csv": HEADER + ",交易编号\n"}, "stands twice"),
    "unknown table": ({"orders__csv": HEADER + "\n"}, "must begin with one of"),
    "nothing there": ({"notes__txt": "hello"}, "holds no canonical file"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_input_is_one_error_before_anything_changes(
    kind: str, con: Conn, deliver: Callable[..., landing.Batch]
) -> None:
    files, message = UNUSABLE[kind]
    before = snapshot(con)
    with pytest.raises(InputError) as error:
        deliver(subjects__csv=SUBJECTS, **files) if kind != "nothing there" else deliver(**files)
    assert message in str(error.value)
    assert snapshot(con) == before
    assert rows(con, "SELECT count(*) FROM meta.batches") == [(0,)]


def test_a_header_alone_is_an_empty_table_that_is_supplied(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    batch = deliver(subjects__csv=SUBJECTS, transactions__csv=HEADER + "\n")
    assert batch.counts["transactions"] == {"read": 0, "accepted": 0, "quarantined": 0}
    assert "no rows" in " ".join(batch.notices)
    assert ("transactions",) in rows(con, "SELECT table_name FROM meta.supplied")


def test_a_file_over_the_limit(con: Conn, tmp_path: Path) -> None:
    small = settings.load(home=tmp_path / "home", max_file_mb=1)
    (tmp_path / "subjects.csv.gz").write_bytes(gzip.compress(b"a" * (3 << 20)))
    with pytest.raises(InputError, match="max_file_mb"):
        landing.land(con, small, "canonical", tmp_path / "subjects.csv.gz", DAY)


def test_a_folder_without_read_permission(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    script = (
        f"from pathlib import Path\nfrom credit.sources.files import list_folder\nlist_folder(Path({str(locked)!r}))"
    )
    if os.getuid() == 0:
        # Root reads everything: become nobody once Python and its packages are loaded.
        script = f"import os, credit.sources.files\nos.chmod({str(tmp_path)!r}, 0o755)\nos.setuid(65534)\n" + script
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    locked.chmod(0o700)
    assert "cannot be read: Permission denied; check its permissions" in done.stderr


def test_a_lost_pseudonym_key_is_told(con: Conn, conf: Settings) -> None:
    pseudonyms.pseudonym_key(conf)
    conf.key_file.write_text("short\n")
    with pytest.raises(UserError, match="64 hexadecimal digits"):
        pseudonyms.pseudonym_key(conf)


# --- batches that wait for each other ------------------------------------------------------------------------------


def test_sellers_and_orders_landed_apart_and_merged_later(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    first = deliver(accept=False, subjects__csv=SUBJECTS)
    second = deliver(accept=False, transactions__csv=f"{HEADER}\n{GOOD}\n")
    for batch in (first, second):
        merging.accept(con, batch.batch_id)
    assert rows(con, "SELECT transaction_id FROM canonical.transactions") == [("T1",)]
    assert rows(con, "SELECT count(*) FROM quarantine.rows WHERE released_by IS NULL") == [(0,)]


def test_refusing_the_sellers_batch_keeps_what_waited_for_it(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(transactions__csv=f"{HEADER}\n{GOOD}\n")
    sellers = deliver(accept=False, subjects__csv=SUBJECTS)
    merging.refuse(con, sellers.batch_id, "no")
    assert rows(con, "SELECT transaction_id FROM waiting.transactions") == [("T1",)]
    deliver(subjects__csv=SUBJECTS)
    assert rows(con, "SELECT transaction_id FROM canonical.transactions") == [("T1",)]


def test_what_comes_every_night_and_is_nobodys_waits_once(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    for day in (1, 2, 3):
        batch = deliver(date(2026, 3, day), transactions__csv=f"{HEADER}\n{GOOD}\nT{day + 1},S{day},2026-02-02,1,CNY\n")
        assert batch.counts["transactions"] == {"read": 2, "accepted": 0, "quarantined": 2}
    waiting = rows(con, "SELECT transaction_id, batch_id FROM waiting.transactions ORDER BY 1")
    assert waiting == [("T1", 1), ("T2", 1), ("T3", 2), ("T4", 3)]
    listed = "SELECT key, batch_id FROM quarantine.rows WHERE released_by IS NULL ORDER BY 1"
    assert rows(con, listed) == [("T1", 3), ("T2", 1), ("T3", 2), ("T4", 3)]
    deliver(date(2026, 3, 4), subjects__csv=SUBJECTS)
    assert rows(con, listed) == [("T4", 3)]
    assert rows(con, "SELECT transaction_id, known_at::DATE::VARCHAR FROM canonical.transactions ORDER BY 1") == [
        ("T1", "2026-02-28"),
        ("T2", "2026-02-28"),
        ("T3", "2026-03-01"),
    ]


def test_a_waiting_row_keeps_every_state_it_had(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    for day, amount in enumerate((1, 2, 1, 1), 1):
        deliver(date(2026, 3, day), transactions__csv=f"{HEADER}\nT1,S1,2026-02-01,{amount},CNY\n")
    assert rows(con, "SELECT amount::INT, batch_id FROM waiting.transactions ORDER BY 2") == [(1, 1), (2, 2), (1, 3)]
    deliver(date(2026, 3, 5), subjects__csv=SUBJECTS)
    assert rows(con, "SELECT amount::INT FROM history.transactions ORDER BY known_at") == [(1,), (2,)]
    assert rows(con, "SELECT amount::INT FROM canonical.transactions") == [(1,)]
    assert rows(con, "SELECT count(*) FROM quarantine.rows WHERE released_by IS NULL") == [(0,)]


def test_batches_that_wait_for_their_check_lose_no_state(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(transactions__csv=f"{HEADER}\nT1,S1,2026-02-01,1,CNY\n")
    pending = [
        deliver(date(2026, 3, day), accept=False, transactions__csv=f"{HEADER}\nT1,S1,2026-02-01,{amount},CNY\n")
        for day, amount in ((2, 2), (3, 1))
    ]
    assert rows(con, "SELECT key, batch_id FROM quarantine.rows ORDER BY 2") == [("T1", 1), ("T1", 2), ("T1", 3)]
    for batch in pending:
        merging.accept(con, batch.batch_id)
    deliver(date(2026, 3, 4), subjects__csv=SUBJECTS)
    assert rows(con, "SELECT amount::INT FROM history.transactions ORDER BY known_at") == [(1,), (2,)]
    assert rows(con, "SELECT amount::INT FROM canonical.transactions") == [(1,)]


def test_what_came_in_a_refused_batch_is_not_released(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    refused = deliver(accept=False, transactions__csv=f"{HEADER}\nT1,S1,2026-02-01,5,CNY\n")
    merging.refuse(con, refused.batch_id, "no")
    deliver(date(2026, 3, 2), transactions__csv=f"{HEADER}\nT1,S1,2026-02-01,9,CNY\n")
    deliver(date(2026, 3, 3), subjects__csv=SUBJECTS)
    listed = rows(con, "SELECT batch_id, released_by FROM quarantine.rows WHERE code = 'unknown_subject' ORDER BY 1")
    assert listed == [(1, None), (2, 3)]


def test_what_a_batch_not_yet_accepted_left_waiting_may_go(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    first = deliver(accept=False, transactions__csv=f"{HEADER}\n{GOOD}\n")
    second = deliver(date(2026, 3, 2), accept=False, transactions__csv=f"{HEADER}\n{GOOD}\n\n")
    merging.refuse(con, first.batch_id, "no")
    merging.accept(con, second.batch_id)
    assert rows(con, "SELECT transaction_id, batch_id FROM waiting.transactions") == [("T1", second.batch_id)]


def test_waiting_rows_of_a_refused_batch_never_come_in(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    refused = deliver(accept=False, transactions__csv=f"{HEADER}\n{GOOD}\n")
    merging.refuse(con, refused.batch_id, "no")
    deliver(subjects__csv=SUBJECTS)
    assert rows(con, "SELECT count(*) FROM canonical.transactions") == [(0,)]
    [(raw,)] = rows(con, "SELECT raw FROM quarantine.rows")
    assert json.loads(raw)["transaction_id"] == "T1"


def test_a_promise_added_once_it_was_broken_is_none(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    """Within a day of the order, or of its payment, it is a promise."""
    header = HEADER + ",known_at,paid_at,dispatch_due_at"
    first = "\n".join(f"T{n},S1,2026-02-01 10:00,1,CNY,2026-02-01 11:00,," for n in (1, 2, 3))
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{header}\n{first}\n")
    deliver(
        transactions__csv=f"""{header}
T1,S1,2026-02-01 10:00,1,CNY,2026-02-11 10:00,2026-02-01 10:01,2026-02-15
T2,S1,2026-02-01 10:00,1,CNY,2026-02-02 10:00,2026-02-01 10:01,2026-02-15
T3,S1,2026-02-01 10:00,1,CNY,2026-02-04 10:00,2026-02-03 20:00,2026-02-15
"""
    )
    believed = "SELECT transaction_id, dispatch_due_at::DATE::VARCHAR FROM canonical.transactions ORDER BY 1"
    assert rows(con, believed) == [("T1", None), ("T2", "2026-02-15"), ("T3", "2026-02-15")]
    assert rows(con, "SELECT dispatch_allowed_minutes FROM canonical.transactions WHERE transaction_id = 'T1'") == [
        (None,)
    ]


def test_versions_that_return_to_an_earlier_content(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    header = HEADER + ",known_at"
    deliver(subjects__csv=SUBJECTS, transactions__csv=f"{header}\nT1,S1,2026-02-01,1,CNY,2026-02-01\n")
    deliver(transactions__csv=f"{header}\nT1,S1,2026-02-01,2,CNY,2026-02-02\nT1,S1,2026-02-01,1,CNY,2026-02-03\n")
    assert rows(con, "SELECT amount::INT FROM canonical.transactions") == [(1,)]
    assert rows(con, "SELECT amount::INT FROM history.transactions ORDER BY known_at") == [(1,), (2,)]


# --- names of files ------------------------------------------------------------------------------------------------


def test_names_that_look_like_patterns_or_repeat_in_sub_folders(con: Conn, conf: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = [
        "transactions-*.csv",
        "transactions-[1].csv",
        "transactions-1.csv",
        "a/transactions.csv",
        "b/transactions.csv",
    ]
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{HEADER}\nT{i},S1,2026-02-01,1,CNY\nbad\n", encoding="utf-8")
    (folder / "subjects.csv").write_text(SUBJECTS, encoding="utf-8")
    (folder / "loop").symlink_to(folder)
    batch = landing.land(con, conf, "canonical", folder, DAY)
    assert batch.counts["transactions"] == {"read": 10, "accepted": 5, "quarantined": 5}
    assert rows(con, "SELECT count(DISTINCT file) FROM quarantine.rows") == [(5,)]


def test_a_licence_older_than_the_platform(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv="subject_id,kind,role,licence_valid_from\nS1,enterprise,seller,1998-03-01\n")
    assert rows(con, "SELECT licence_valid_from::VARCHAR FROM canonical.subjects") == [("1998-03-01",)]


def test_of_several_files_the_last_one_speaks(con: Conn, deliver: Callable[..., landing.Batch]) -> None:
    files = {f"transactions-{n}__csv": f"{HEADER}\nT1,S1,2026-02-01,{n},CNY\n" for n in (1, 2)}
    batch = deliver(subjects__csv=SUBJECTS, **files)
    assert batch.counts["transactions"] == {"read": 2, "accepted": 1, "quarantined": 1}
    assert rows(con, "SELECT amount::INT FROM canonical.transactions") == [(2,)]
    assert codes(con) == ["superseded_in_delivery"]


def test_a_key_that_is_gone_is_never_replaced(con: Conn, conf: Settings, deliver: Callable[..., landing.Batch]) -> None:
    deliver(subjects__csv=SUBJECTS)
    conf.key_file.unlink()
    with pytest.raises(UserError, match="is gone"):
        deliver(transactions__csv=f"{HEADER}\n{GOOD}\n")
    assert not conf.key_file.exists()

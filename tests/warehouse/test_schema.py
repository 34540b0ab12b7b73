"""The warehouse's schema: numbered migrations, columns added to described tables, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.home import open_warehouse
from credit.settings import Settings
from credit.tables import TABLES, Table
from credit.warehouse import schema

pytestmark = pytest.mark.slow

LATER = "ALTER TABLE quarantine.rows ADD COLUMN healed BOOLEAN DEFAULT false;\nCREATE TABLE meta.later (n BIGINT);"


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`migrations/` with a file behind the last one; the program writes it from then on."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder)
    (folder / f"{schema.version() + 1:04}_later.sql").write_text(LATER)
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    return folder


def _contents(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    tables = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in sorted(tables)}


def _columns(con: duckdb.DuckDBPyConnection, schema_name: str, table: str) -> list[str]:
    return [name for name, *_ in con.execute(f"SELECT * FROM {schema_name}.{table} LIMIT 0").description or ()]


def _fill(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """INSERT INTO canonical.subjects (subject_id, kind, role, uscc, joined_on, batch_id, known_at)
           VALUES ('s', 'enterprise', 'seller', '91130102MA0HRHT050', '2025-05-01', 1, '2025-06-01');
           INSERT INTO history.subjects (subject_id, kind, role, batch_id, known_at, known_until)
           VALUES ('s', 'individual', 'seller', 1, '2025-05-01', '2025-06-01');
           INSERT INTO quarantine.rows VALUES (1, 'transactions', 'f', 1, 'k', 'unknown_subject', 'r', '{}', NULL);
           INSERT INTO meta.batches VALUES (1, 'canonical', 'h', ['f'], 'accepted', '2025-06-01', '2025-06-01', '{}')"""
    )


def test_the_files_are_numbered_without_a_gap() -> None:
    assert list(schema.steps()) == list(range(1, schema.version() + 1))


def test_a_gap_is_refused(one_more: Path) -> None:
    (one_more / f"{schema.version() + 2:04}_gap.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match="without a gap"):
        schema.steps()


def test_one_more_migration_runs_once_and_keeps_every_row(home: Settings, request: pytest.FixtureRequest) -> None:
    with open_warehouse(home) as con:
        _fill(con)
    with open_warehouse(home, read_only=True) as con:  # with the change that was recorded on leaving
        before = _contents(con)
    request.getfixturevalue("one_more")
    for _ in range(2):  # the second opening has nothing to do
        with open_warehouse(home) as con:
            after = _contents(con)
            assert schema.version_of(con) == schema.version()
            assert after.pop("meta.later") == []
            assert after.pop("quarantine.rows") == [(*row, False) for row in before["quarantine.rows"]]
            expected = {
                name: sorted({**dict(rows), "schema_version": str(schema.version())}.items())
                if name == "meta.info"
                else rows
                for name, rows in before.items()
                if name != "quarantine.rows"
            }
            assert after == expected


def test_a_failing_migration_leaves_the_warehouse_as_it_was(home: Settings, request: pytest.FixtureRequest) -> None:
    with open_warehouse(home) as con:
        _fill(con)
    with open_warehouse(home, read_only=True) as con:  # with the change that was recorded on leaving
        before = _contents(con)
    folder = request.getfixturevalue("one_more")
    file = folder / f"{schema.version():04}_later.sql"
    file.write_text(LATER + "SELECT 1/'x'::INT;")
    with pytest.raises(duckdb.Error), open_warehouse(home):
        pass
    request.getfixturevalue("monkeypatch").undo()
    with open_warehouse(home) as con:
        assert _contents(con) == before


def test_a_described_column_is_added_where_it_is_missing(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_warehouse(home) as con:
        _fill(con)
    table = TABLES["subjects"]
    first, *others = table.columns
    new = replace(others[0], name="tier", codes=(), required=False, derived=None, default=None)
    derived = replace(new, name="shouted", derived="upper(subject_id)")
    longer: Table = replace(table, columns=(first, new, derived, *others))
    monkeypatch.setitem(TABLES, "subjects", longer)
    with open_warehouse(home) as con:
        for copy in schema.COPIES:
            assert _columns(con, copy, "subjects")[: len(longer.columns)] == [column.name for column in longer.columns]
        rows = con.execute("SELECT subject_id, tier, shouted, uscc, batch_id FROM canonical.subjects").fetchall()
        assert rows == [("s", None, "S", "91130102MA0HRHT050", 1)]
        assert con.execute("SELECT kind, shouted FROM history.subjects").fetchall() == [("individual", "S")]


def test_reading_an_earlier_warehouse_says_what_to_do(home: Settings, request: pytest.FixtureRequest) -> None:
    with open_warehouse(home):
        pass
    request.getfixturevalue("one_more")
    with pytest.raises(UserError, match="merchant-credit init --home"), open_warehouse(home, read_only=True):
        pass
    with open_warehouse(home):
        pass
    with open_warehouse(home, read_only=True) as con:
        assert schema.version_of(con) == schema.version()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_later_warehouse_is_refused_and_left_as_it_is(
    home: Settings, request: pytest.FixtureRequest, read_only: bool
) -> None:
    request.getfixturevalue("one_more")
    with open_warehouse(home):
        pass
    request.getfixturevalue("monkeypatch").undo()
    before = home.database.read_bytes()
    with (
        pytest.raises(UserError, match="use the program version that made it"),
        open_warehouse(home, read_only=read_only),
    ):
        pass
    assert home.database.read_bytes() == before


def test_another_file_is_no_warehouse(home: Settings) -> None:
    home.home.mkdir()
    home.database.write_text("no database")
    with pytest.raises(UserError, match="cannot be opened"), open_warehouse(home):
        pass

"""Parquet: typed values as they are, bytes of older writers as text."""

from __future__ import annotations

from pathlib import Path

import duckdb

from credit.errors import InputError
from credit.sources.formats.raw import RawTable, row_count
from credit.sources.formats.text import literal


def read(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> RawTable:
    """Read a Parquet file into the temporary table `name`. Raises InputError."""
    scan = f"read_parquet({literal(path)}, file_row_number = true)"
    try:
        described = [(row[0], row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
        types = {header: kind for header, kind in described if header != "file_row_number"}
        columns = {header: f"c{i}" for i, header in enumerate(types)}
        picked, faults = [], []
        for header, column in columns.items():
            source = '"' + header.replace('"', '""') + '"'
            if types[header] == "BLOB":  # bytes without a mark that they are text, as old writers leave them
                picked.append(f"TRY(decode({source})) AS {column}")
                faults.append((f"{source} IS NOT NULL AND TRY(decode({source})) IS NULL", header))
            else:
                picked.append(f"{source} AS {column}")
        flagged = " ".join(f"WHEN {bad} THEN {i}" for i, (bad, _) in enumerate(faults))
        fault = f"CASE {flagged} END" if faults else "NULL::INTEGER"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT file_row_number + 1 AS _line, {fault} AS _fault"
            f"{''.join(', ' + p for p in picked)} FROM {scan}"
        )
        notices = tuple(_zone_notice(con, path, types))
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet ({first}); it may be truncated: deliver it again") from None
    rows = row_count(con, name)
    rejects = None
    if faults and con.execute(f"SELECT 1 FROM {name} WHERE _fault IS NOT NULL LIMIT 1").fetchall():
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name}_bytes AS SELECT * FROM {name} WHERE _fault IS NOT NULL")
        con.execute(f"DELETE FROM {name} WHERE _fault IS NOT NULL")
        rejects = f"""SELECT _line AS line, 'unreadable_characters' AS code,
            'a column of bytes is not UTF-8; write the column as text (UTF-8)' AS reason,
            to_json(b)::VARCHAR AS raw FROM {name}_bytes b"""
    con.execute(f"ALTER TABLE {name} DROP COLUMN _fault")
    return RawTable(name, columns, rows, rejects, notices)


def _zone_notice(con: duckdb.DuckDBPyConnection, path: Path, types: dict[str, str]) -> list[str]:
    """What is said of times that do not state a zone: how they were read."""
    bare = [header for header, kind in types.items() if kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind]
    if not bare:
        return []
    legacy = {
        row[0]
        for row in con.execute(f"SELECT name FROM parquet_schema({literal(path)}) WHERE type = 'INT96'").fetchall()
    }
    notices = []
    if old := [header for header in bare if header in legacy]:
        notices.append(
            f"{path.name}: {', '.join(old)}: INT96 times state no zone and are read in the platform's; writers that mean UTC "
            "(Spark) should write TIMESTAMP with isAdjustedToUTC"
        )
    if local := [header for header in bare if header not in legacy]:
        notices.append(f"{path.name}: {', '.join(local)}: times without a zone, read in the platform's")
    return notices

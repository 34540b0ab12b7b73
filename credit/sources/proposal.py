"""A mapping proposed from the headings of files: what is plain is filled in, what is a guess is marked, what is missing named."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from rapidfuzz import fuzz

from credit.errors import InputError
from credit.settings import Settings
from credit.sources import canonical, files
from credit.tables import KNOWN_AT, TABLES, Table

_LIKELY = 72
"""Likeness of two headings, of 100, from which on one is proposed for the other."""
_EXAMPLES = 3
_USUAL = {"currency": "'CNY'", "role": "'seller'", "kind": "'enterprise'", "channel": "'platform'"}
"""What is proposed for all rows where no column tells it."""


@dataclass
class _Guess:
    """One file as one table. `sure` and `guessed`: canonical column -> heading."""

    table: Table
    sure: dict[str, str] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> tuple[int, int]:
        required = {column.name for column in self.table.supplied if column.required}
        return len(required & self.sure.keys()) * 2 + len(required & self.guessed.keys()), len(self.sure)


def propose(con: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> str:
    """The text of a mapping for the files of a folder, to be saved in it. Raises InputError where no file can be read."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected the folder of the platform's files")
    names: list[str] = []
    tables: dict[str, str] = {}
    unread: list[str] = []
    for file in files.list_folder(folder):
        if files.format_of(file) is None:
            unread.append(f"#   {file.name}: no known format")
            continue
        for part in files.parts_of(file):
            raw = files.read_table(con, settings, file, "proposed", part)
            best = max(
                (_guess(table, list(raw.columns), file, part) for table in TABLES.values()), key=lambda g: g.score
            )
            label = str(file.relative_to(folder)) + (f"#{part}" if part else "")
            if not best.sure and not best.guessed:
                unread.append(f"#   {label}: no heading is like a canonical column")
                continue
            name = f"f{len(names) + 1}"
            names.append(f"  {name}: {_quoted(label)}")
            if best.table.name in tables:
                unread.append(
                    f"#   ? {name} ({label}) is like {best.table.name}, too: widen the pattern of the first to take both, or join it"
                )
            else:
                tables[best.table.name] = _table(con, name, best, raw.columns)
    if not names:
        raise InputError(
            f"{folder} holds no file whose headings are like canonical columns; see docs/reference/tables.md"
        )
    lines = [
        "# Proposed from headings; correct it, then: merchant-credit map --check THIS_FILE",
        "# 根据表头生成的映射草案，请核对标有“?”的行。",
        "files:",
        *names,
        "tables:",
        *tables.values(),
    ]
    return "\n".join([*lines, *(["# Not read 未读取:", *unread] if unread else [])]) + "\n"


def _guess(table: Table, headings: list[str], file: Path, part: str | None) -> _Guess:
    known = canonical.headings(table)
    guess = _Guess(table)
    for heading in headings:
        meant = canonical.meaning(known, heading)
        if meant and meant not in guess.sure:
            guess.sure[meant] = heading
    order = canonical.order_number(table, headings)
    if order and "transaction_id" not in guess.sure:
        guess.guessed["transaction_id"] = order  # an order of one seller
    left = [heading for heading in headings if heading not in guess.sure.values()]
    if canonical.table_of(file) == table.name or (part and canonical.table_named(part) == table.name) or guess.sure:
        for column in table.supplied:
            if column.name in guess.sure or column.name in guess.guessed:
                continue
            likeness = [
                (max(fuzz.ratio(heading, label) for label, meant in known.items() if meant == column.name), heading)
                for heading in left
            ]
            if likeness and max(likeness)[0] >= _LIKELY:
                guess.guessed[column.name] = max(likeness)[1]
                left.remove(max(likeness)[1])
    return guess


def _table(con: duckdb.DuckDBPyConnection, name: str, guess: _Guess, columns: dict[str, str]) -> str:
    lines = [f"  {guess.table.name}:  # {guess.table.zh}", f"    from: {name}", "    columns:"]
    for column in (*guess.table.supplied, KNOWN_AT):
        heading = guess.sure.get(column.name) or guess.guessed.get(column.name)
        if heading:
            examples = [
                str(value)[:30]
                for (value,) in con.execute(
                    f"SELECT DISTINCT {columns[heading]} FROM proposed WHERE {columns[heading]} IS NOT NULL LIMIT {_EXAMPLES}"
                ).fetchall()
            ]
            doubt = "" if column.name in guess.sure else "? "
            shown = ", ".join(examples).replace("\n", " ") if column.privacy in ("public", "internal") else "…"
            sql = '"' + heading.replace('"', '""') + '"'
            lines.append(f"      {column.name}: {_quoted(sql)}  # {doubt}{column.zh}: {shown}")
        elif column.name in _USUAL and column.required:
            lines.append(
                f"      {column.name}: {_quoted(_USUAL[column.name])}  # ? no heading is like it: of all rows: {column.zh}"
            )
        elif column.required:
            lines.append(f"      # ? {column.name}: required, and no heading is like it: {column.zh} ({column.en})")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Text as YAML in double quotes."""
    return json.dumps(text, ensure_ascii=False)

"""A mapping proposed from the headings of files, or the columns of a database and what is said of them: what is plain is
filled in, what is a guess is marked, what is missing named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from glob import escape
from itertools import groupby, takewhile
from pathlib import Path
from string import digits

import duckdb
from rapidfuzz import fuzz

from credit.databases.dialect import Dialect, Refused, Session, Url
from credit.errors import InputError
from credit.settings import Settings
from credit.sources import canonical, files
from credit.sources.database import dialect_of
from credit.sources.formats.raw import RawTable
from credit.sources.mapped_files import identifier
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse import words

_LIKELY = 72
"""Likeness of two headings, of 100, from which on one is proposed for the other."""
_EXAMPLES = 3
_USUAL = {"currency": "'CNY'", "role": "'seller'", "kind": "'enterprise'", "channel": "'platform'"}
"""What is proposed for all rows where no column tells it."""
VARIABLE = "SHOP_DATABASE_URL"
"""The environment variable that a proposed mapping names where the URL itself was given."""

Examples = Callable[[list[str]], dict[str, list[str]]]
"""Headings -> some of their values."""


@dataclass
class _Guess:
    """Something that has headings, as one table. `sure` and `guessed`: canonical column -> heading."""

    table: Table
    named: bool
    sure: dict[str, str] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> tuple[int, int]:
        required = {column.name for column in self.table.supplied if column.required} - _USUAL.keys()
        hits = len(required & self.sure.keys()) * 2 + len(required & self.guessed.keys()) + 3 * self.named
        return hits, len(self.sure) + len(self.guessed)

    @property
    def good(self) -> bool:
        return bool(self.sure) or (self.named and bool(self.guessed))


@dataclass(frozen=True)
class _Candidate:
    """What a table's `from` may speak of. `says`: heading -> what is said of it; `quoted`: a heading as SQL."""

    label: str
    source: str
    guess: _Guess
    says: Mapping[str, str]
    examples: Examples
    quoted: Callable[[str], str]


def propose(con: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> str:
    """The text of a mapping for the files of a folder, to be saved in it. Raises InputError where no file can be read."""
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder; expected the folder of the platform's files, or the URL of its database"
        )
    unread: list[str] = []
    names: list[str] = []
    candidates: list[_Candidate] = []
    for alike in _alike(con, settings, folder, unread):
        pattern = _pattern(folder, [source.file for source in alike]) if len(alike) > 1 else None
        for source in alike[:1] if pattern else alike:
            path = pattern or str(source.file.relative_to(folder))
            label = path + (f"#{source.part}" if source.part else "")
            named = canonical.table_of(source.file) or (canonical.table_named(source.part) if source.part else None)
            says = dict.fromkeys(source.raw.columns, "")
            guess = _best(says, named)
            if not guess.good:
                unread.append(f"#   {label}: no heading in its first row is like a canonical column")
                continue
            name = f"f{len(names) + 1}"
            names.append(f"  {name}: {_quoted(label)}")
            examples = _of_file(con, source.raw.name, source.raw.columns)
            candidates.append(_Candidate(label, name, guess, says, examples, identifier))
    if not names:
        raise InputError(
            f"{folder} holds no file whose headings are like canonical columns; see docs/reference/tables.md"
        )
    return _text(["files:", *names], candidates, unread, "files")


@dataclass(frozen=True)
class _Read:
    """A file, or a sheet or member of one, as read."""

    file: Path
    part: str | None
    raw: RawTable


def _alike(
    con: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, unread: list[str]
) -> Iterable[list[_Read]]:
    """What lies in the folder, those with the same headings together, in the order of the first of each."""
    together: dict[tuple[str | None, ...], list[_Read]] = {}
    for file in files.list_folder(folder):
        if file.suffix.lower() in (".yaml", ".yml"):
            continue
        if files.format_of(file) is None:
            unread.append(f"#   {file.name}: no known format")
            continue
        for part in files.parts_of(file, settings):
            raw = files.read_table(con, settings, file, f"proposed_{sum(map(len, together.values()))}", part)
            together.setdefault((part, *raw.columns), []).append(_Read(file, part, raw))
    return together.values()


def _pattern(folder: Path, alike: list[Path]) -> str | None:
    """A pattern of the files with the same headings; None where it would take others, too."""
    names = [file.relative_to(folder).as_posix() for file in alike]
    # A number counts on: what several have of it by chance is no part of the name.
    before = _common_start(names).rstrip(digits)
    after = _common_start([name[len(before) :][::-1] for name in names])[::-1].lstrip(digits)
    pattern = f"{escape(before)}*{escape(after)}"
    return pattern if sorted(folder.glob(pattern)) == sorted(alike) else None


def _common_start(names: list[str]) -> str:
    return "".join(letters[0] for letters in takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False)))


def propose_database(text: str, origin: str, zone: str, variable: str = VARIABLE) -> str:
    """The text of a mapping for the tables of a database whose URL is `text`. Raises UserError, which never quotes the URL."""
    dialect, url = dialect_of(text, origin)
    unread: list[str] = []
    candidates: list[_Candidate] = []
    with dialect.snapshot(url, zone) as session:
        try:
            columns = dialect.columns(session)
        except Refused as error:
            raise InputError(
                f"{dialect.name} at {url.server} does not tell its tables: {dialect.said(error, url)}"
            ) from None
        for (schema, table, about), of_table in groupby(columns, lambda c: (c.schema, c.table, c.about_table)):
            says = {column.name: column.about for column in of_table}
            guess = _best(says, _likely_table(table, about))
            source = f"{dialect.identifier(schema)}.{dialect.identifier(table)}"
            if not guess.good:
                unread.append(f"#   {schema}.{table}: no column is like a canonical one")
                continue
            examples = _of_database(dialect, session, url, source)
            candidates.append(_Candidate(f"{schema}.{table}", source, guess, says, examples, dialect.identifier))
        if not candidates:
            raise InputError(
                f"{dialect.name} at {url.server} holds no table that the role may read and whose columns are like canonical ones; "
                "see docs/reference/tables.md"
            )
        return _text([f"connection: {{env: {variable}}}"], candidates, unread, "tables")


def _text(head: list[str], candidates: list[_Candidate], unread: list[str], kind: str) -> str:
    tables: dict[str, str] = {}
    for candidate in sorted(candidates, key=lambda c: c.guess.score, reverse=True):
        name = candidate.guess.table.name
        if name in tables:
            how = (
                "widen the pattern of the first to take both, or join it"
                if kind == "files"
                else "join it, or leave it out"
            )
            unread.append(f"#   ? {candidate.label} ({candidate.source}) is like {name}, too: {how}")
        else:
            tables[name] = _table(candidate)
    lines = [
        "# Proposed from headings; correct it, then: merchant-credit map --check THIS_FILE",
        "# 根据表头生成的映射草案，请核对标有“?”的行。",
        *head,
        "tables:",
        *(tables[name] for name in TABLES if name in tables),
    ]
    return "\n".join([*lines, *(["# Not read 未读取:", *unread] if unread else [])]) + "\n"


def _likely_table(name: str, about: str) -> str | None:
    """The canonical table that the name of a database's table, or what is said of it, may mean."""
    if table := canonical.table_named(about) or canonical.table_named(name):
        return table
    return next((table for part, table in words.LIKELY_TABLES.items() if part in name.lower()), None)


def _best(says: Mapping[str, str], named: str | None) -> _Guess:
    return max((_guess(table, says, table.name == named) for table in TABLES.values()), key=lambda g: g.score)


def _guess(table: Table, says: Mapping[str, str], named: bool) -> _Guess:
    known = canonical.headings(table)
    guess = _Guess(table, named)
    for heading, about in says.items():
        meant = canonical.meaning(known, heading) or (canonical.meaning(known, about) if about else None)
        if meant and meant not in guess.sure:
            guess.sure[meant] = heading
    order = canonical.order_number(table, says)
    if order and "transaction_id" not in guess.sure:
        guess.guessed["transaction_id"] = order  # an order of one seller
    left = [heading for heading in says if heading not in guess.sure.values()]
    if not named and not guess.sure:
        return guess
    for column in table.supplied:
        if column.name in guess.sure or column.name in guess.guessed:
            continue
        usual = (
            *words.LIKELY_COLUMNS.get((table.name, column.name), ()),
            *words.LIKELY_COLUMNS.get(("*", column.name), ()),
        )
        called = next((h for name in usual for h in left if h.lower() == name), None)
        if called is None:
            likeness = [
                (max(fuzz.ratio(heading, label) for label, meant in known.items() if meant == column.name), heading)
                for heading in left
            ]
            called = max(likeness)[1] if likeness and max(likeness)[0] >= _LIKELY else None
        if called is not None:
            guess.guessed[column.name] = called
            left.remove(called)
    return guess


def _table(candidate: _Candidate) -> str:
    guess = candidate.guess
    lines = [f"  {guess.table.name}:  # {guess.table.zh}", f"    from: {_quoted(candidate.source)}", "    columns:"]
    chosen = guess.guessed | guess.sure
    shown = candidate.examples(
        sorted(
            {chosen[c.name] for c in guess.table.supplied if c.name in chosen and c.privacy in ("public", "internal")}
        )
    )
    for column in (*guess.table.supplied, KNOWN_AT):
        heading = chosen.get(column.name)
        if heading:
            doubt = "" if column.name in guess.sure else "? "
            says = f" ({candidate.says[heading]})" if candidate.says[heading] else ""
            values = ", ".join(shown.get(heading, ["…"]))
            sql = _quoted(candidate.quoted(heading))
            lines.append(f"      {column.name}: {sql}  # {doubt}{column.zh}{says}: " + " ".join(values.split()))
        elif column.name in _USUAL and column.required:
            lines.append(
                f"      {column.name}: {_quoted(_USUAL[column.name])}  # ? no heading is like it: of all rows: {column.zh}"
            )
        elif column.required:
            lines.append(f"      # ? {column.name}: required, and no heading is like it: {column.zh} ({column.en})")
    changed = next((h for name in words.CHANGED for h in candidate.says if h.lower() == name), None)
    if candidate.quoted is identifier:
        changed = None
    if unused := [heading for heading in candidate.says if heading not in (*chosen.values(), changed)]:
        lines.append(" ".join(f"      # ? not used 未用到: {', '.join(unused)}".splitlines()))
    if changed:
        lines.append(f"    changed_at: {_quoted(candidate.quoted(changed))}  # ? set on every change of a row")
    return "\n".join(lines)


def _of_file(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> Examples:
    def examples(headings: list[str]) -> dict[str, list[str]]:
        return {
            heading: [
                str(value)[:30]
                for (value,) in con.execute(
                    f"SELECT DISTINCT {columns[heading]} FROM {table} WHERE {columns[heading]} IS NOT NULL LIMIT {_EXAMPLES}"
                ).fetchall()
            ]
            for heading in headings
        }

    return examples


def _of_database(dialect: Dialect, session: Session, url: Url, source: str) -> Examples:
    def examples(headings: list[str]) -> dict[str, list[str]]:
        try:
            picked = []
            for heading in headings:
                name = dialect.identifier(heading)
                picked.append(dialect.text(name, session.type_of(f"SELECT {name} FROM {source} LIMIT 0")))
            rows = session.rows(f"SELECT {', '.join(picked) or 1} FROM {source} LIMIT {_EXAMPLES}")
        except Refused as error:
            session.again()
            return {heading: [f"? {dialect.said(error, url)[:60]}"] for heading in headings}
        return {
            heading: list(dict.fromkeys(str(row[i])[:30] for row in rows if row[i] is not None))
            for i, heading in enumerate(headings)
        }

    return examples


def _quoted(text: str) -> str:
    """Text as YAML in double quotes."""
    return json.dumps(text, ensure_ascii=False)

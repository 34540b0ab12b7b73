"""What is missing in a mapping: against the canonical tables, and against the database it speaks of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from credit.databases.dialect import Dialect, Refused, Session, Url
from credit.errors import SourceUnreachable, UserError
from credit.indicators import CATALOGUE
from credit.settings import Settings
from credit.settings import load as load_settings
from credit.sources.database import CHANGED_TYPES, as_text, kind_of, named_by, select
from credit.sources.file_mapping_check import FirstRow, check_files
from credit.sources.mapping import Mapping, TableMap, parse
from credit.tables import KNOWN_AT, TABLES, Column

_TEXT = ("text", "varchar", "bpchar", "name", "citext", "char")
_WHOLE = ("int2", "int4", "int8", "oid")
_FRACTIONS = ("numeric", "float4", "float8")
_TIMES = ("timestamptz", "timestamp")
_READS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "instant": (
        ("timestamptz",),
        {
            "timestamp": "has no time zone: it is read in the platform's",
            "date": "is a day: read as its 00:00 in the platform's zone",
        },
    ),
    "date": (
        ("date",),
        dict.fromkeys(_TIMES, "is an instant: its day in the platform's zone is taken"),
    ),
    "money": (
        ("numeric", *_WHOLE),
        dict.fromkeys(_FRACTIONS[1:], "is a floating point number: cast it to numeric (decimal)"),
    ),
    "integer": (_WHOLE, dict.fromkeys(_FRACTIONS, "may have fractions: such rows are rejected")),
    "boolean": (("bool",), dict.fromkeys(_WHOLE, "must be 0 or 1")),
}
"""Canonical type -> (types that read as it, types that do with a reservation). Text reads as anything, row by row."""
_NO_TEXT = ("json", "jsonb", "bytea", "xml", "unknown")
_HINTS = {
    "instant": "write an expression of type timestamptz, such as to_timestamp(seconds)",
    "date": "write an expression of type date",
    "money": "write an expression of type numeric",
    "integer": "write an expression of a whole-number type",
    "boolean": "write an expression of type boolean",
    "text": "write an expression that gives the text meant, such as data->>'name'",
    "code": "write an expression that gives one of the codes, such as CASE state WHEN 1 THEN '…' END",
}


@dataclass
class TableCheck:
    """One mapped table. `missing`: optional columns -> indicators that stay unmeasured without them."""

    mapped: list[str]
    types: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    incremental: bool = False
    rows: bool | None = None
    """Whether the database has any; None: not known."""


@dataclass
class MappingCheck:
    """The result of a check. `unmapped`: tables not mapped -> indicators that stay unmeasured without them."""

    mapping: str
    database: str | None = None
    tables: dict[str, TableCheck] = field(default_factory=dict)
    unmapped: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    first_rows: list[FirstRow] = field(default_factory=list)
    """Of files: the first rows of each table as they will be read, and the first with faults."""
    unreachable: bool = False

    @property
    def usable(self) -> bool:
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        return {"usable": self.usable} | asdict(self)


def unmeasured(table: str, column: str | None = None) -> list[str]:
    """Indicators that are not measured while a table (or a column of it) is not supplied."""
    return [
        i.id
        for i in CATALOGUE
        if (table in i.tables or any(need.startswith(f"{table}.") for need in i.needs) if column is None
            else f"{table}.{column}" in i.needs)
    ]  # fmt: skip


def check(path: Path, zone: str, settings: Settings | None = None) -> MappingCheck:
    """Check a mapping file; problems are in what is returned, none is raised."""
    report = MappingCheck(str(path))
    try:
        mapping = parse(path)
    except UserError as error:
        report.errors += [line.strip() for line in str(error).splitlines() if not line.endswith(":")]
        return report
    report.errors += [f"{mapping.at(*place)}: {message}" for place, message in mapping.problems()]
    for name in TABLES:
        if name not in mapping.tables:
            report.unmapped[name] = unmeasured(name)
    if "subjects" not in mapping.tables:
        report.warnings.append(
            f"{mapping.at('tables')}: subjects is not mapped: rows of merchants that are delivered nowhere else wait"
        )
    for name, mapped in mapping.tables.items():
        if name in TABLES:
            report.tables[name] = _names(name, mapped)
            if mapped.changed_at is None and mapping.connection is not None:
                report.warnings.append(
                    f"{mapping.at('tables', name)}: no changed_at: the table is read whole every night"
                )
    if mapping.connection is None:
        report.database = f"{len(mapping.files)} files"
        if not report.errors:
            errors, unknown, report.first_rows = check_files(mapping, settings or load_settings(), zone)
            report.errors += errors
            report.warnings += unknown
        return report
    try:
        dialect, url = named_by(mapping)
        report.database = url.server
        with dialect.snapshot(url, zone) as session:
            for name, checked in report.tables.items():
                _ask(dialect, session, url, mapping, name, checked, report)
            if any(checked.incremental for checked in report.tables.values()):
                report.warnings += [f"{mapping.at('overlap_minutes')}: {hidden}" for hidden in dialect.hidden(session)]
    except SourceUnreachable as error:
        report.unreachable = True
        report.errors.append(str(error))
    except UserError as error:
        report.errors.append(f"{mapping.at('connection', 'env')}: {error}")
    return report


def _names(name: str, mapped: TableMap) -> TableCheck:
    missing = {
        column.name: unmeasured(name, column.name)
        for column in TABLES[name].supplied
        if not column.required and column.name not in mapped.columns
    }
    return TableCheck(list(mapped.columns), missing=missing, incremental=mapped.changed_at is not None)


def _ask(
    dialect: Dialect,
    session: Session,
    url: Url,
    mapping: Mapping,
    name: str,
    checked: TableCheck,
    report: MappingCheck,
) -> None:
    """What the database says of a table: does each expression stand, of which type, and is there a row."""
    mapped, before = mapping.tables[name], len(report.errors)

    def asked(what: Any, *place: str) -> Any:
        """The answer, or None with an error noted and another transaction begun."""
        try:
            return what()
        except Refused as error:
            report.errors.append(f"{mapping.at('tables', name, *place)}: {dialect.said(error, url)}")
            session.again()
            return None

    if asked(lambda: session.rows(f"SELECT 1\nFROM {mapped.source}\nLIMIT 0"), "from") is None:
        return
    for column, sql in mapped.columns.items():
        kind = asked(lambda sql=sql: kind_of(session, mapped, sql), "columns", column)
        if kind is None:
            continue
        checked.types[column] = kind
        target = (
            KNOWN_AT if column == KNOWN_AT.name else next((c for c in TABLES[name].supplied if c.name == column), None)
        )
        if target is not None:
            _judge(target, kind, mapping.at("tables", name, "columns", column), report)
    if mapped.changed_at is not None:
        kind = asked(lambda: kind_of(session, mapped, mapped.changed_at or ""), "changed_at")
        if kind is not None and kind not in CHANGED_TYPES:
            report.errors.append(
                f"{mapping.at('tables', name, 'changed_at')}: is {kind}; expected one of {', '.join(CHANGED_TYPES)}"
            )
    if mapped.where is not None:
        asked(lambda: session.rows(f"SELECT 1\nFROM {mapped.source}\nWHERE (\n{mapped.where}\n)\nLIMIT 0"), "where")
    if len(report.errors) == before:
        first = asked(lambda: session.rows(f"{select(mapped, as_text(dialect, session, mapped))}\nLIMIT 1"))
        if first is not None:
            checked.rows = bool(first)
        if first == []:
            report.warnings.append(f"{mapping.at('tables', name)}: the database has no row of it")


def _judge(column: Column, kind: str, at: str, report: MappingCheck) -> None:
    """Note where a type of the database does not, or not surely, read as the canonical column's."""
    if column.type in ("text", "code"):
        if kind in _NO_TEXT or kind.startswith("_"):
            report.errors.append(f"{at}: is {kind}, expected {column.type}; {_HINTS[column.type]}")
        return
    good, reserved = _READS[column.type]
    if kind in good:
        return
    if kind in _TEXT:
        report.warnings.append(f"{at}: is {kind}: rows whose text does not read as {column.type} are quarantined")
    elif kind in reserved:
        report.warnings.append(f"{at}: is {kind}, {reserved[kind]}")
    else:
        report.errors.append(f"{at}: is {kind}, expected {column.type}; {_HINTS[column.type]}")

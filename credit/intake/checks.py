"""Judge an arriving batch before it is merged.

The suites are `expectations/suites/<table>.json`, the figures computed for them `expectations/facts.py`. For each table of
the batch Great Expectations judges two frames: the landed rows (at most `check_rows` of them) and one row of facts about
the whole batch.

Bad data is a finding; a suite that cannot be evaluated is a UserError that names its file and expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from credit.errors import UserError
from credit.intake.absence import absences
from credit.intake.judging import great_expectations, judge
from credit.intake.suites import Expectation, Severity, load_suite
from credit.intake.whole import absent_rows
from credit.settings import Settings
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse.connection import zone_of
from expectations import SUITES
from expectations.facts import facts, parameters, query

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "checks"
"""Folder of the home in which Great Expectations keeps its results."""


@dataclass(frozen=True)
class Finding:
    """An expectation that the batch does not meet."""

    table: str
    expectation: str
    column: str | None
    observed: Any
    expected: Any
    severity: Severity
    message: str


@dataclass
class TableCheck:
    """What was found in one table. `neutral`: expectations left out for want of rows or of history."""

    table: str
    rows: int
    sampled: bool = False
    success: bool = True
    evaluated: int = 0
    findings: list[Finding] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    neutral: list[str] = field(default_factory=list)
    judged_rows: int = 0


@dataclass
class CheckReport:
    """The verdict on a batch; `success`: no critical expectation failed."""

    batch_id: int
    success: bool
    tables: dict[str, TableCheck]

    @property
    def findings(self) -> list[Finding]:
        """Of all tables, critical ones first."""
        findings = [finding for check in self.tables.values() for finding in check.findings]
        return sorted(findings, key=lambda finding: finding.severity)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_batch(
    con: duckdb.DuckDBPyConnection, settings: Settings, batch_id: int, *, suites: Path = SUITES
) -> CheckReport:
    """Judge a landed batch.

    Raises UserError when there is no such batch, or when suites are broken (all that is broken, at once).
    """
    row = con.execute("SELECT as_of FROM meta.batches WHERE batch_id = ?", [batch_id]).fetchone()
    if row is None:
        raise UserError(f"there is no batch {batch_id}; `merchant-credit ingest` lands one")
    moment = _Moment(batch_id, row[0], zone_of(con, settings))
    checks = {name: TableCheck(name, rows) for name in TABLES if (rows := _arrived(con, name, batch_id)) is not None}
    stated = {name: load_suite(name, suites) for name in checks}
    with great_expectations(settings.home / RESULTS) as context:
        for name, check in checks.items():
            _check_table(con, context, check, stated[name], moment, settings.check_rows)
    if broken := [line for check in checks.values() for line in check.broken]:
        raise UserError("suites are broken; this says nothing about the data:\n  " + "\n  ".join(broken))
    for finding in (*_tables_missing(con, batch_id), *_rows_missing(con, batch_id)):
        check = checks.setdefault(finding.table, TableCheck(finding.table, 0))
        check.findings.append(finding)
        check.success = check.success and finding.severity != "critical"
    return CheckReport(batch_id, all(check.success for check in checks.values()), checks)


def _tables_missing(con: duckdb.DuckDBPyConnection, batch_id: int) -> list[Finding]:
    return [
        Finding(
            absence.table,
            f"{absence.table}: comes every night",
            None,
            "empty" if absence.empty else "absent",
            {},
            absence.severity,
            absence.message,
        )
        for absence in absences(con, batch_id)
    ]


def _rows_missing(con: duckdb.DuckDBPyConnection, batch_id: int) -> list[Finding]:
    return [
        Finding(
            gone.table,
            f"{gone.table}: comes whole",
            None,
            {"absent": gone.absent, "known": gone.known},
            {},
            gone.severity,
            gone.message,
        )
        for gone in absent_rows(con, batch_id)
    ]


# --- figures and rows --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moment:
    batch_id: int
    as_of: datetime
    zone: str


def _arrived(con: duckdb.DuckDBPyConnection, name: str, batch_id: int) -> int | None:
    """Landed rows of a table; None when the batch brought nothing for it, not even rows that were set aside."""
    row = con.execute(
        f"""SELECT (SELECT count(*) FROM landing.{name} WHERE batch_id = $batch),
               (SELECT count(*) FROM waiting.{name} WHERE batch_id = $batch)
             + (SELECT count(*) FROM quarantine.rows WHERE batch_id = $batch AND source_table = '{name}')""",
        {"batch": batch_id},
    ).fetchone()
    assert row is not None
    return int(row[0]) if any(row) else None


def _figures(
    con: duckdb.DuckDBPyConnection, table: Table, expressions: dict[str, str], wanted: set[str], moment: _Moment
) -> dict[str, Any]:
    """Values of the wanted facts or parameters, shares with their rows; None where too little is known to say."""
    if not wanted:
        return {}
    chosen = {name: expressions[name] for name in sorted(wanted)}
    row = con.execute(query(table, chosen, moment.as_of.isoformat(), moment.zone, moment.batch_id)).fetchone()
    assert row is not None
    return {
        name: float(value) if isinstance(value, Decimal) else value for name, value in zip(chosen, row, strict=True)
    }


def _frame(
    con: duckdb.DuckDBPyConnection, table: Table, columns: list[str], batch_id: int, sample: int | None
) -> pd.DataFrame:
    """The landed rows, only the columns asked for; with `sample`, that many, chosen by a hash of the key."""
    types = {column.name: column.type for column in (*table.columns, KNOWN_AT)}
    chosen = ", ".join(f"{name}::DOUBLE AS {name}" if types[name] == "money" else name for name in columns)
    rows = f"SELECT {chosen} FROM landing.{table.name} WHERE batch_id = {batch_id}"
    if sample is not None:
        rows += f" ORDER BY md5_number_lower({table.key}), {table.key}, landing.{table.name}.known_at LIMIT {sample}"
    return con.execute(rows).df()


# --- judging -----------------------------------------------------------------------------------------------------


def _check_table(
    con: duckdb.DuckDBPyConnection,
    context: Any,
    check: TableCheck,
    suite: list[Expectation],
    moment: _Moment,
    check_rows: int,
) -> None:
    """Evaluate a suite against the batch's rows and facts and fill in `check`."""
    import pandas as pd

    table = TABLES[check.table]
    named = {parameter for expectation in suite for parameter in expectation.parameters.values()}
    bounds = _figures(con, table, parameters(table), named, moment)
    figures = _figures(
        con,
        table,
        facts(table),
        {name for expectation in suite if expectation.on_facts for name in expectation.columns},
        moment,
    )
    values = {name: figure["value"] if isinstance(figure, dict) else figure for name, figure in figures.items()}

    def can_say(expectation: Expectation) -> bool:
        if any(bounds[parameter] is None for parameter in expectation.parameters.values()):
            return False
        if expectation.on_facts:
            return all(values[name] is not None for name in expectation.columns)
        return check.rows >= expectation.min_rows

    check.neutral = [expectation.name(bounds) for expectation in suite if not can_say(expectation)]
    on_rows = [expectation for expectation in suite if can_say(expectation) and not expectation.on_facts]
    on_facts = [expectation for expectation in suite if can_say(expectation) and expectation.on_facts]
    if on_rows:
        columns = sorted({column for expectation in on_rows for column in expectation.columns}) or [table.key]
        sample = check_rows if check.rows > check_rows else None
        frame = _frame(con, table, columns, moment.batch_id, sample)
        check.judged_rows, check.sampled = len(frame), sample is not None
        rows = [_rows_among(frame, expectation) for expectation in on_rows]
        _judge(context, check, check.table, frame, on_rows, rows, bounds, moment)
    if on_facts:
        frame = pd.DataFrame([values])
        rows = [min(_rows(figures[name]) for name in expectation.columns) or None for expectation in on_facts]
        _judge(context, check, f"{check.table}-facts", frame, on_facts, rows, bounds, moment)
    check.success = not any(finding.severity == "critical" for finding in check.findings)


def _rows_among(frame: pd.DataFrame, expectation: Expectation) -> int | None:
    """Rows of which a bound on a share is one: of `mostly` those that have a value."""
    if not expectation.on_shares:
        return None
    judged = frame.dropna(subset=expectation.columns) if "mostly" in expectation.kwargs else frame
    return len(judged) or None


def _rows(figure: Any) -> int:
    """Rows that a share is taken of; 0 for a figure that is no share."""
    return int(figure["rows"]) if isinstance(figure, dict) else 0


def _judge(
    context: Any,
    check: TableCheck,
    name: str,
    frame: pd.DataFrame,
    stated: Sequence[Expectation],
    rows: Sequence[int | None],
    bounds: dict[str, Any],
    moment: _Moment,
) -> None:
    """Judge a frame by a suite whose shares allow for chance among `rows`; what it finds goes into `check`."""
    allowing = [expectation.allowing_for_chance(number) for expectation, number in zip(stated, rows, strict=True)]
    judged = judge(context, name, frame, allowing, bounds, moment.batch_id, moment.as_of)
    check.evaluated += judged.evaluated
    check.broken += judged.broken
    for number, observed in judged.unmet:
        check.findings.append(_finding(stated[number], allowing[number], rows[number], observed, bounds))


def _finding(
    expectation: Expectation, wider: Expectation, rows: int | None, observed: Any, bounds: dict[str, Any]
) -> Finding:
    column = "+".join(expectation.columns) or None
    stated = (expectation.text("zh", bounds), expectation.text("en", bounds))
    message = f"{expectation.table}.{column or '*'}: {stated[0]} / {stated[1]}"
    if stated[1] != (judged := wider.text("en", bounds)) or stated[0] != wider.text("zh", bounds):
        message += f" · 按 {rows:,} 行计入偶然误差 / allowing for chance among {rows:,} rows: {judged}"
    message += f" · 实际 / found: {_shown(expectation, observed)} → {expectation.action}"
    return Finding(
        expectation.table,
        expectation.name(bounds),
        column,
        observed,
        expectation.expected(bounds),
        expectation.severity,
        message,
    )


def _shown(expectation: Expectation, observed: Any) -> str:
    """What was found, as people write it."""
    if isinstance(observed, dict):
        return f"{observed['unexpected_share']:.1%} 不符 / not so"
    if isinstance(observed, float | int) and not isinstance(observed, bool):
        return f"{observed:.1%}" if expectation.on_shares else f"{observed:,.2f}".rstrip("0").rstrip(".")
    return ", ".join(map(str, observed)) if isinstance(observed, list) else str(observed)

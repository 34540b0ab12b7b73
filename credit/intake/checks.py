"""Judge an arriving batch with Great Expectations before it is merged.

The suites are `expectations/suites/<table>.json`, the figures computed for them `expectations/facts.py`; how to read,
change and add an expectation is in `expectations/README.md`. For each table of the batch two frames are judged: the
landed rows (at most `check_rows` of them) and one row of facts about the whole batch.

Bad data is a finding; a suite that cannot be evaluated is a UserError that names its file and expectation.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from credit.errors import UserError
from credit.intake.absence import absences
from credit.intake.whole import absent_rows
from credit.settings import Settings
from credit.tables import KNOWN_AT, TABLES, Table
from credit.warehouse.connection import zone_of
from expectations import SUITES
from expectations.facts import facts, parameters, query

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["critical", "warning"]


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
    """The verdict on a batch; `success`: no critical expectation failed. `docs`: the first page of its Data Docs."""

    batch_id: int
    success: bool
    tables: dict[str, TableCheck]
    docs: Path | None = None

    @property
    def findings(self) -> list[Finding]:
        """Of all tables, critical ones first."""
        findings = [finding for check in self.tables.values() for finding in check.findings]
        return sorted(findings, key=lambda finding: finding.severity)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"docs": str(self.docs) if self.docs else None}


@dataclass(frozen=True)
class Expectation:
    """One expectation as its suite file states it. What stands as its column may be the name of a fact."""

    file: Path
    table: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    en: str
    zh: str
    why: str
    action: str
    min_rows: int

    @property
    def columns(self) -> list[str]:
        single = [self.kwargs[name] for name in ("column", "column_A", "column_B") if name in self.kwargs]
        return [*single, *self.kwargs.get("column_list", [])]

    @property
    def on_facts(self) -> bool:
        return any(column in facts(TABLES[self.table]) for column in self.columns)

    @property
    def parameters(self) -> dict[str, str]:
        """Argument -> the parameter it takes its value from."""
        return {name: value["$PARAMETER"] for name, value in self.kwargs.items() if _is_parameter(value)}

    def expected(self, bounds: dict[str, Any]) -> dict[str, Any]:
        """The arguments that state a bound, parameters replaced by their values."""
        given = self.kwargs | {name: bounds.get(parameter) for name, parameter in self.parameters.items()}
        return {name: value for name, value in given.items() if not name.startswith("column")}

    def text(self, language: Literal["en", "zh"], bounds: dict[str, Any]) -> str:
        """What is expected, in words, with its numbers."""
        values = self.expected(bounds)
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = _Word(", ".join(map(str, value)))
            elif value is None and name in self.parameters:
                values[name] = _Word(f"«{self.parameters[name]}»")
        return (self.en if language == "en" else self.zh).format(**values)

    def name(self, bounds: dict[str, Any]) -> str:
        return f"{self.table}.{'+'.join(self.columns) or '*'}: {self.text('en', bounds)}"

    def where(self) -> str:
        """File, type and column, for whoever has to mend the suite."""
        return f"{self.file}: {self.type} on {', '.join(self.columns) or 'the table'} ({self.severity})"


class _Word(str):
    """Text that stands where a suite's wording formats a number."""

    def __format__(self, spec: str) -> str:
        return str(self)


def check_batch(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    batch_id: int,
    *,
    docs: bool = True,
    suites: Path = SUITES,
) -> CheckReport:
    """Judge a landed batch and, with `docs`, build its Data Docs under `data_docs/` of the home.

    Raises UserError when there is no such batch, or when suites are broken (all that is broken, at once).
    """
    row = con.execute("SELECT as_of::VARCHAR FROM meta.batches WHERE batch_id = ?", [batch_id]).fetchone()
    if row is None:
        raise UserError(f"there is no batch {batch_id}; `merchant-credit ingest` lands one")
    moment = _Moment(batch_id, row[0], zone_of(con, settings))
    checks = {name: TableCheck(name, rows) for name in TABLES if (rows := _arrived(con, name, batch_id)) is not None}
    stated = {name: load_suite(name, suites) for name in checks}
    site = settings.home / "data_docs"
    building = site / ".building"
    with _great_expectations(building) as context:
        for name, check in checks.items():
            _check_table(con, context, check, stated[name], moment, settings.check_rows)
        broken = [line for check in checks.values() for line in check.broken]
        if broken:
            raise UserError("suites are broken; this says nothing about the data:\n  " + "\n  ".join(broken))
        for absence in absences(con, batch_id):
            missing = checks.setdefault(absence.table, TableCheck(absence.table, 0))
            observed = "empty" if absence.empty else "absent"
            missing.findings.append(
                Finding(
                    absence.table,
                    f"{absence.table}: comes every night",
                    None,
                    observed,
                    {},
                    absence.severity,
                    absence.message,
                )
            )
            missing.success = missing.success and absence.severity != "critical"
        for gone in absent_rows(con, batch_id):
            whole = checks.setdefault(gone.table, TableCheck(gone.table, 0))
            whole.findings.append(
                Finding(
                    gone.table,
                    f"{gone.table}: comes whole",
                    None,
                    {"absent": gone.absent, "known": gone.known},
                    {},
                    gone.severity,
                    gone.message,
                )
            )
            whole.success = whole.success and gone.severity != "critical"
        report = CheckReport(batch_id, all(check.success for check in checks.values()), checks)
        if docs:
            from expectations.data_docs import finish

            shutil.rmtree(building, ignore_errors=True)
            context.build_data_docs()
            report.docs = finish(building, site, report.to_json(), keep=settings.keep_versions)
    return report


def suite_table(suites: Path = SUITES) -> list[dict[str, str]]:
    """One row an expectation, for documentation."""
    return [
        {
            "table": expectation.table,
            "on": ", ".join(expectation.columns),
            "severity": expectation.severity,
            "en": expectation.text("en", {}),
            "zh": expectation.text("zh", {}),
            "why": expectation.why,
        }
        for name in TABLES
        for expectation in load_suite(name, suites)
    ]


# --- suites ------------------------------------------------------------------------------------------------------


def load_suite(table: str, folder: Path = SUITES) -> list[Expectation]:
    """The expectations of a table's suite file. Raises UserError with everything that is wrong with the file."""
    path = folder / f"{table}.json"
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))["expectations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a suite: {type(error).__name__}: {error}") from None
    loaded, problems = [], []
    for number, entry in enumerate(stated, 1):
        try:
            loaded.append(_expectation(path, table, entry))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            what = f"{entry.get('type')} on {entry.get('kwargs')}" if isinstance(entry, dict) else repr(entry)
            missing = "missing: " if isinstance(error, KeyError) else ""
            problems.append(f"{path}: expectation {number}, {what}: {missing}{error}")
    if problems:
        raise UserError("suites are broken; this says nothing about the data:\n  " + "\n  ".join(problems))
    return loaded


def _expectation(path: Path, table: str, entry: dict[str, Any]) -> Expectation:
    meta = entry["meta"]
    words = {name: meta[name] for name in ("en", "zh", "why", "action")}
    if empty := [name for name, text in words.items() if not str(text).strip()]:
        raise ValueError(f"meta.{empty[0]} is empty")
    if entry["severity"] not in ("critical", "warning"):
        raise ValueError(f"severity is {entry['severity']!r}; allowed: critical, warning")
    least = meta.get("min_rows", 1)
    if not isinstance(least, int) or least < 1:
        raise ValueError(f"meta.min_rows is {least!r}; allowed: a whole number from 1")
    expectation = Expectation(path, table, entry["type"], entry["kwargs"], entry["severity"], **words, min_rows=least)
    of_rows, of_facts = {*TABLES[table].names, KNOWN_AT.name}, set(facts(TABLES[table]))
    for column in expectation.columns:
        if column not in of_rows | of_facts:
            raise ValueError(f"unknown column {column!r}; table {table} has neither such a column nor such a fact")
    if expectation.on_facts and not of_facts.issuperset(expectation.columns):
        raise ValueError("columns and facts cannot stand in one expectation")
    if unknown := sorted(set(expectation.parameters.values()) - set(parameters(TABLES[table]))):
        raise ValueError(f"unknown parameter {unknown[0]!r}")
    for language in ("en", "zh"):
        expectation.text(language, {})
    return expectation


def _is_parameter(value: Any) -> bool:
    return isinstance(value, dict) and "$PARAMETER" in value


# --- figures and rows --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moment:
    batch_id: int
    as_of: str
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
    """Values of the wanted facts or parameters; None where too little is known to say."""
    if not wanted:
        return {}
    chosen = {name: expressions[name] for name in sorted(wanted)}
    row = con.execute(query(table, chosen, moment.as_of, moment.zone, moment.batch_id)).fetchone()
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

    def can_say(expectation: Expectation) -> bool:
        if any(bounds[parameter] is None for parameter in expectation.parameters.values()):
            return False
        if expectation.on_facts:
            return all(figures[name] is not None for name in expectation.columns)
        return check.rows >= expectation.min_rows

    check.neutral = [expectation.name(bounds) for expectation in suite if not can_say(expectation)]
    on_rows = [expectation for expectation in suite if can_say(expectation) and not expectation.on_facts]
    on_facts = [expectation for expectation in suite if can_say(expectation) and expectation.on_facts]
    if on_rows:
        columns = sorted({column for expectation in on_rows for column in expectation.columns}) or [table.key]
        sample = check_rows if check.rows > check_rows else None
        frame = _frame(con, table, columns, moment.batch_id, sample)
        check.judged_rows, check.sampled = len(frame), sample is not None
        _judge(context, check, check.table, frame, on_rows, bounds)
    if on_facts:
        _judge(context, check, f"{check.table}-facts", pd.DataFrame([figures]), on_facts, bounds)
    check.success = not any(finding.severity == "critical" for finding in check.findings)


def _judge(
    context: Any, check: TableCheck, name: str, frame: pd.DataFrame, stated: list[Expectation], bounds: dict[str, Any]
) -> None:
    """Run one suite on one frame in a checkpoint; findings and broken expectations go into `check`."""
    from great_expectations import Checkpoint, ExpectationSuite, RunIdentifier, ValidationDefinition
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    suite, broken_before = ExpectationSuite(name=name), len(check.broken)
    for number, expectation in enumerate(stated):
        text = f"{expectation.text('zh', bounds)} / {expectation.text('en', bounds)}"
        if expectation.on_facts:  # Great Expectations' page shows only whether a value is as expected, not the value
            text += "".join(
                f" · 实际 / found: {_shown(name, _plain(frame[name].iloc[0]))}" for name in expectation.columns
            )
        try:
            suite.add_expectation(
                ExpectationConfiguration(
                    type=expectation.type,
                    kwargs=expectation.kwargs,
                    description=f"{_SEVERITY_ZH[expectation.severity]} {expectation.severity}: {text}",
                    severity=FailureSeverity(expectation.severity),
                    meta={"number": number, "why": expectation.why, "action": expectation.action},
                ).to_domain_obj()
            )
        except Exception as error:
            check.broken.append(f"{expectation.where()}: {_first_line(error)}")
    if len(check.broken) > broken_before:
        return
    source = context.data_sources.add_pandas(name)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("landed")
    suite = context.suites.add(suite)
    definition = context.validation_definitions.add(ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(Checkpoint(name=name, validation_definitions=[definition]))
    try:
        outcome = checkpoint.run(
            batch_parameters={"dataframe": frame},
            expectation_parameters=bounds,
            run_id=RunIdentifier(run_name="batch"),
        )
    except Exception as error:
        # Great Expectations gives up on the whole suite and doesn't say where: run them one by one.
        if len(stated) == 1:
            check.broken.append(f"{stated[0].where()}: {_first_line(error)}")
        for number, expectation in enumerate(stated if len(stated) > 1 else []):
            _judge(context, check, f"{name}-{number}", frame, [expectation], bounds)
        if len(check.broken) == broken_before:
            raise
        return
    for validation in outcome.run_results.values():
        for result in validation.results:
            expectation = stated[result.expectation_config.meta["number"]]
            check.evaluated += 1
            if raised := _raised(result.exception_info):
                check.broken.append(f"{expectation.where()}: {raised}")
            elif not result.success:
                check.findings.append(_finding(expectation, result.result, bounds))


_SEVERITY_ZH = {"critical": "严重", "warning": "提醒"}


def _finding(expectation: Expectation, result: dict[str, Any], bounds: dict[str, Any]) -> Finding:
    observed = _observed(expectation, result)
    column = "+".join(expectation.columns) or None
    message = (
        f"{expectation.table}.{column or '*'}: {expectation.text('zh', bounds)} / {expectation.text('en', bounds)}"
    )
    message += f" · 实际 / found: {_shown(column, observed)} → {expectation.action}"
    return Finding(
        expectation.table,
        expectation.name(bounds),
        column,
        observed,
        expectation.expected(bounds),
        expectation.severity,
        message,
    )


def _shown(column: str | None, observed: Any) -> str:
    if isinstance(observed, dict):
        return f"{observed['unexpected_share']:.1%} 不符 / not so"
    if isinstance(observed, float):
        return f"{observed:.1%}" if (column or "").endswith("_share") else f"{observed:g}"
    return ", ".join(map(str, observed)) if isinstance(observed, list) else str(observed)


def _observed(expectation: Expectation, result: dict[str, Any]) -> Any:
    """What was found instead: the fact, the figure, or the share of rows that are not as expected."""
    if expectation.on_facts:
        return _plain(result["partial_unexpected_list"][0])
    if "observed_value" in result:
        return _plain(result["observed_value"])
    return {"unexpected_share": _plain(result.get("unexpected_percent") or 0) / 100}


def _plain(value: Any) -> Any:
    """As JSON has it, numbers to six digits."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value if isinstance(value, (int, str, bool, dict)) or value is None else str(value)


def _raised(info: dict[str, Any]) -> str | None:
    """The message of the exception in an expectation's `exception_info`, which is one entry or one a metric."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            return _first_line(entry.get("exception_message"))
    return None


def _first_line(error: object) -> str:
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())[:300]


@contextmanager
def _great_expectations(building: Path) -> Iterator[Any]:
    """An ephemeral context that reports nothing home, prints nothing on standard output and leaves nothing behind."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    log = logging.getLogger("great_expectations")
    level = log.level
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL)
        try:
            import great_expectations as gx
            from great_expectations.data_context.types.base import (
                DataContextConfig,
                InMemoryStoreBackendDefaults,
                ProgressBarsConfig,
            )

            config = DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
                data_docs_sites={
                    "data_docs": {
                        "class_name": "SiteBuilder",
                        "show_how_to_buttons": False,
                        "store_backend": {
                            "class_name": "TupleFilesystemStoreBackend",
                            "base_directory": str(building),
                        },
                    }
                },
            )
            yield gx.get_context(mode="ephemeral", project_config=config)
        finally:
            log.setLevel(level)

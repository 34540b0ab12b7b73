"""A night: ingest, check, evaluate, publish. `STEPS` is the one list that the command and the Prefect flow both run.

Each step opens the warehouse for itself and closes it again, so a killed night loses at most the step it was in: the
next run finds what was landed, merged, evaluated or published and goes on from there.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import duckdb

from credit.errors import CheckFailed, UserError, WarehouseLocked
from credit.evaluation import night as evaluation
from credit.evaluation import results
from credit.files import durable
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.ledgers.moments import today
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse.connection import scalar, zone_of
from credit.warehouse.failures import as_user_error

Progress = Callable[[str], None]
T = TypeVar("T")


def quiet(_: str) -> None:
    """No progress."""


@dataclass
class NightRun:
    """What a night is asked to do, and the report it writes as it goes."""

    settings: Settings
    day: date
    source: str = "canonical"
    path: Path | None = None
    rulebooks: list[Path] | None = None
    history: bool = False
    trial: bool = False
    back: bool = False
    """Publish also in place of a later night."""
    report: dict[str, Any] = field(default_factory=dict)


def ingest(night: NightRun, progress: Progress = quiet) -> None:
    """Land what `path` holds: good rows wait in `landing`, the others are quarantined with a reason."""
    with open_warehouse(night.settings) as con:
        if night.path is None:
            night.report |= {"sources": {}, "quarantine": [], "notices": ["no path given: nothing to ingest"]}
            return
        progress(f"reading {night.path}")
        batch = landing.land(con, night.settings, night.source, night.path, night.day, history=night.history)
        night.report |= {
            "sources": batch.counts,
            "quarantine": [
                {"source": table, "code": code, "rows": rows, "example": example}
                for table, code, rows, example in batch.reasons
            ],
            "notices": batch.notices,
            "batch": {"id": batch.batch_id, "already_landed": batch.already_landed},
        }
        read, aside = (sum(n[state] for n in batch.counts.values()) for state in ("read", "quarantined"))
        progress(f"{read:,} rows read, {aside:,} quarantined" + (" (landed before)" if batch.already_landed else ""))


def check(night: NightRun, progress: Progress = quiet) -> None:
    """Judge landed batches by their expectations; merge what passes; stop or set aside what fails, as the setting says."""
    verdicts, accepted = {}, {}
    with open_warehouse(night.settings, make=False) as con:
        waiting = merging.landed_batches(con)
        if waiting:
            from credit.intake import checks  # Great Expectations takes seconds to import
        for batch_id in waiting:
            progress(f"checking batch {batch_id} against its expectations")
            verdict = checks.check_batch(con, night.settings, batch_id)
            verdicts[str(batch_id)] = verdict.to_json()
            if verdict.success:
                accepted[str(batch_id)] = merging.accept(con, batch_id)
                progress(f"batch {batch_id} merged")
                continue
            failed = [f for table in verdict.tables.values() for f in table.findings if f.severity == "critical"]
            reasons = "; ".join(f.message for f in failed)
            if night.settings.on_failed_check == "stop":
                night.report |= {"checks": verdicts, "merged": accepted}
                raise CheckFailed(
                    f"batch {batch_id} fails {len(failed)} expectation{'s' * (len(failed) > 1)}: {reasons}. Nothing was merged. "
                    "Set it aside with `merchant-credit check --on-fail quarantine`, then deliver the mended files"
                )
            counts = merging.refuse(con, batch_id, reasons)
            if night.report.get("batch", {}).get("id") == batch_id:
                night.report["sources"] = counts
            night.report.setdefault("notices", []).append(f"batch {batch_id} was set aside: {reasons}")
            progress(f"batch {batch_id} fails its expectations and is set aside")
        night.report |= {"checks": verdicts, "merged": accepted}


def evaluate(night: NightRun, progress: Progress = quiet) -> None:
    """Grade every merchant known by the cut-off under each rulebook. Raises UserError for a night that has not come."""
    with open_warehouse(night.settings, make=False) as con:
        today = datetime.now(ZoneInfo(zone_of(con, night.settings))).date()
        if night.day > today:
            raise UserError(
                f"--date {night.day} has not come: today is {today}; a night is evaluated once its facts are in"
            )
        for ahead in results.to_come(con):
            night.report.setdefault("notices", []).append(
                f"the night of {ahead} is evaluated here and has not come: a clock was ahead. It is not counted until then; "
                f"`merchant-credit withdraw --date {ahead}` takes it back"
            )
        if waiting := merging.landed_batches(con):
            night.report.setdefault("notices", []).append(
                f"batch {', '.join(map(str, waiting))} is landed but not checked, so not counted: run `merchant-credit check`"
            )
        evaluations = evaluation.evaluate(con, night.settings, night.day, night.rulebooks, progress, trial=night.trial)
        results.export_night(con, night.settings, night.day)
        by_rulebook = {e.rulebook.id: e.counts for e in evaluations if len(e.grades)}
        total: dict[str, int] = {}
        for e in evaluations:
            # Merchants alone: buyers who are evaluated stand under their rulebook.
            for grade, number in e.counts.items() if e.rulebook.subject.role == "seller" else ():
                total[grade] = total.get(grade, 0) + number
        zone = zone_of(con, night.settings)
        night.report |= {
            "zone": zone,
            "cut_off": cut_off(night.day, zone).isoformat(),
            "grades": total,
            "grades_by_rulebook": by_rulebook,
            "rulebooks": [
                {
                    "id": e.rulebook.id,
                    "version": e.rulebook.version,
                    "hash": e.rulebook.hash,
                    "standing": e.standing,
                    "subjects": len(e.grades),
                }
                for e in evaluations
            ],
        }
        progress(f"{sum(total.values()):,} merchants graded")


def publish(night: NightRun, progress: Progress = quiet) -> None:
    """Write the disclosure files of the night to a new version and switch to it."""
    from credit.disclosure.publishing import publish as disclose
    from credit.disclosure.versions import night_in_force

    with open_warehouse(night.settings, make=False) as con:
        in_force = night_in_force(night.settings.published)
        if in_force is not None and night.day < in_force <= today(con) and not night.back:
            notice = (
                f"the night of {night.day} is evaluated but not published: that of {in_force} is in force, and nothing goes back "
                f"unasked; `merchant-credit publish --date {night.day}` does"
            )
            night.report.setdefault("notices", []).append(notice)
            progress(f"not published: the night of {in_force} is in force")
            return
        publication = disclose(con, night.settings, night.day, progress=progress)
    night.report |= {
        "published": str(night.settings.published / "current"),
        "version": publication.version,
        "merchants": publication.merchants,
        "files": publication.files,
        "merchants_unchanged": publication.kept,
        "changes": publication.changes,
    }
    if notices := [*publication.notices, *signed_by_development_keys(night.settings)]:
        night.report.setdefault("notices", []).extend(notices)
    progress(f"{publication.merchants:,} merchants published as {publication.version}")


def signed_by_development_keys(settings: Settings) -> list[str]:
    """What a report says where development keys sign; empty where official ones do."""
    from credit.proof import Keys

    if not Keys.load(settings).development:
        return []
    return [
        "signed by development keys 由开发密钥签名: this proves nothing to readers, and every file of it says so; "
        "`merchant-credit keys init --root FOLDER` makes official ones"
    ]


Step = Callable[[NightRun, Progress], None]

STEPS: tuple[tuple[str, Step], ...] = (
    ("ingest", ingest),
    ("check", check),
    ("evaluate", evaluate),
    ("publish", publish),
)


def run_step(name: str, step: Step, night: NightRun, progress: Progress = quiet) -> None:
    """One step, its seconds noted in the report."""
    started = time.perf_counter()
    step(night, progress)
    night.report.setdefault("stages", {})[name] = {"seconds": round(time.perf_counter() - started, 3)}


def finish(night: NightRun) -> dict[str, Any]:
    """Complete the report and keep it in `reports/<day>.json` in the home."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    with open_warehouse(night.settings, read_only=True) as con:
        rows = _totals(con)
    night.report |= {"rows": rows, "peak_memory_mb": round(peak, 1)}
    report = {"date": night.day.isoformat(), "source": night.source, **night.report}
    folder = night.settings.home / "reports"
    with durable.private():
        folder.mkdir(exist_ok=True)
        _write(folder / f"{night.day}.json", report)
    return report


def _write(path: Path, document: Any) -> None:
    """Write JSON whole or not at all."""
    durable.put(path, json.dumps(document, ensure_ascii=False, indent=1, default=str).encode())


def run(night: NightRun, progress: Callable[[str, str], None] = lambda _step, _message: None) -> dict[str, Any]:
    """All steps in order; returns the report. Waits while another process has the warehouse open, as long as the setting says.

    A night that fails leaves its report, too: how far it came, and why it went no further.
    """
    name = "ingest"
    try:
        for name, step in STEPS:
            _when_free(night, partial(run_step, name, step, night, partial(progress, name)))
        return _when_free(night, lambda: finish(night))
    except Exception as error:
        user_error = as_user_error(error)
        night.report = {"sources": {}, "quarantine": [], "notices": [], **night.report}
        night.report["failed"] = {
            "step": name,
            "message": str(user_error)
            if user_error
            else f"{type(error).__name__}, a defect of the program: its traceback is in the log",
            "exit_code": user_error.exit_code if user_error else 1,
        }
        with suppress(UserError, OSError, duckdb.Error):
            finish(night)
        if user_error is None or user_error is error:
            raise
        raise user_error from error


def _when_free(night: NightRun, work: Callable[[], T]) -> T:
    """Do the work, again and again while the warehouse is open elsewhere. Raises WarehouseLocked once the wait is over."""
    deadline = time.monotonic() + night.settings.lock_wait_seconds
    while True:
        try:
            return work()
        except WarehouseLocked:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(2.0, left))


def _totals(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return {
        name: int(
            scalar(con, f"SELECT (SELECT count(*) FROM canonical.{name}) + (SELECT count(*) FROM history.{name})")
        )
        for name in TABLES
    }

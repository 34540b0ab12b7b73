"""What is wrong with a home: `status` in a moment for a monitor, `doctor` by reading all of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from credit import __version__
from credit.disclosure import versions
from credit.errors import WarehouseLocked
from credit.home import open_warehouse
from credit.intake import merging, pseudonyms
from credit.ledgers.moments import today
from credit.proof import Keys
from credit.proof.verify import verify_folder
from credit.settings import Settings
from credit.warehouse import head, schema
from credit.warehouse.connection import scalar
from credit.warehouse.failures import as_user_error

_SLACK = timedelta(minutes=5)
"""What clocks may differ by."""
_ROOM = 3
"""A night may need so many times the warehouse's size on the disk: its log and what does not fit in memory."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is in order, what was found, and where it is not, what to do."""

    id: str
    zh: str
    en: str
    ok: bool
    found: str
    do: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the verbs print it."""
        return {
            "check": self.id,
            "name_zh": self.zh,
            "name_en": self.en,
            "ok": self.ok,
            "found": self.found,
            "do": self.do,
        }


def status(settings: Settings, max_age_days: int = 1, day: date | None = None) -> list[Check]:
    """The last night and its age, what is published, whether the last run failed, what waits. `day` stands for today."""
    with open_warehouse(settings, read_only=True) as con:
        now = day or today(con)
        return [_night(con, now, max_age_days), _published(con, settings, now), _last_run(settings), _waiting(con)]


def doctor(settings: Settings, progress: Callable[[str], None] = lambda _: None) -> list[Check]:
    """All of the home: blocks and history of the warehouse, rules, keys, what is published, disk, clock, who may read.

    What ends one check ends no other. Raises UserError where there is no warehouse at all, or another process has it.
    """
    done: list[Check] = []
    for name, zh, en, look in _EXAMINATIONS:
        progress(en)
        try:
            with open_warehouse(settings, read_only=True) as con:
                ok, finding, do = look(con, settings)
        except WarehouseLocked:
            raise
        except Exception as error:
            user_error = as_user_error(error)
            if user_error is None or not settings.database.exists():
                raise
            ok, finding, do = False, str(user_error), ""
        done.append(Check(name, zh, en, ok, finding, do))
    return done


def _night(con: duckdb.DuckDBPyConnection, now: date, max_age_days: int) -> Check:
    last = scalar(con, "SELECT max(evaluated_on) FROM results.runs WHERE evaluated_on <= ?", [now])
    name = ("night", "最近评价", "Last night")
    if last is None:
        return Check(*name, False, "no night was evaluated", "run `merchant-credit nightly`")
    age = (now - last).days
    missed = f"run what was missed: `merchant-credit catch-up --from {last + timedelta(days=1)} --to {now}`"
    return Check(*name, age <= max_age_days, f"{last}, {age} days ago", "" if age <= max_age_days else missed)


def _published(con: duckdb.DuckDBPyConnection, settings: Settings, now: date) -> Check:
    name = ("published", "公示版本", "Published")
    shown = versions.night_in_force(settings.published)
    last = scalar(con, "SELECT max(evaluated_on) FROM results.runs WHERE evaluated_on <= ?", [now])
    if shown is None:
        return Check(
            *name, last is None, "nothing is published", "" if last is None else "run `merchant-credit publish`"
        )
    behind = last is not None and shown < last
    return Check(*name, not behind, f"the night of {shown}", "run `merchant-credit publish`" if behind else "")


def _last_run(settings: Settings) -> Check:
    name = ("run", "最近运行", "Last run")
    reports = sorted((settings.home / "reports").glob("*.json"), key=lambda path: path.stat().st_mtime)
    if not reports:
        return Check(*name, True, "no report yet")
    path = reports[-1]
    try:
        failed = json.loads(path.read_bytes()).get("failed")
    except (OSError, ValueError, AttributeError):
        return Check(*name, False, f"{path} cannot be read", "run the night again")
    if failed:
        finding = f"{path.stem} failed in {failed['step']} (exit code {failed['exit_code']}): {failed['message']}"
        return Check(*name, False, finding, "mend what it says, then run the night again")
    return Check(*name, True, f"{path.stem} went to its end")


def _waiting(con: duckdb.DuckDBPyConnection) -> Check:
    name = ("waiting", "待处理批次", "Waiting")
    landed = merging.landed_batches(con)
    unknown = scalar(con, "SELECT count(*) FROM quarantine.rows WHERE code = 'unknown_subject' AND released_by IS NULL")
    if landed:
        return Check(
            *name, False, f"batch {', '.join(map(str, landed))} is landed, not checked", "run `merchant-credit check`"
        )
    return Check(*name, True, f"no batch; {unknown:,} rows of merchants not yet known")


Look = tuple[bool, str, str]
"""(in order, what was found, what to do)."""


def _blocks(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    tables = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY ALL"
    ).fetchall()
    rows = 0
    for place, table in tables:
        # A hash of whole rows reads every block, and a checksum stands in each.
        count, _ = con.execute(f'SELECT count(*), max(hash(t)) FROM "{place}"."{table}" t').fetchall()[0]
        rows += int(count)
    return True, f"{len(tables)} tables, {rows:,} rows, every block read", ""


def _history(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    head.verify(con, settings)
    change = head.last(con)
    return True, f"change {change.change}, {change.head[:12]}…", ""


def _rules(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    kept = con.execute("SELECT id, version, hash, text FROM results.rulebooks ORDER BY ALL").fetchall()
    other = [f"{book} {version}" for book, version, digest, text in kept if sha256(text.encode()).hexdigest() != digest]
    if other:
        return False, f"the text kept of {', '.join(other)} is not what its hash says", "restore the latest copy"
    return True, f"{len(kept)} texts of rules are those of their hashes", ""


def _version(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    return True, f"program {__version__}, schema {schema.version_of(con)}, DuckDB {duckdb.__version__}", ""


def _shown(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    folder = versions.current(settings.published)
    if folder is None:
        return True, "nothing is published", ""
    root = settings.home / "keys" / "root.json"
    if not root.exists():
        return False, f"{root} is not there, so nobody can tell whose files these are", "restore keys/ from its copy"
    verdict = verify_folder(folder, root.read_bytes(), None)
    if verdict.verdict == "valid":
        return True, f"{folder.name} is valid", ""
    problems = "; ".join(f"{problem.file}: {problem.message}" for problem in verdict.problems[:3])
    return (
        False,
        f"{folder.name} is {verdict.verdict}: {problems}",
        "run `merchant-credit publish`, which writes it anew",
    )


def _keys(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    if not (settings.home / "keys").exists():
        return True, "none yet: the first publish makes them", ""
    keys = Keys.load(settings)
    finding = f"root {keys.fingerprint[:12]}…, until {keys.expires.date()}" + (", development" * keys.development)
    notice = keys.notice()
    return notice is None, finding, notice or ""


def _pseudonyms(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    if not settings.key_file.exists():
        made = scalar(con, "SELECT count(*) FROM meta.batches")
        return not made, f"{settings.key_file.name} is not there", "restore it from its copy" if made else ""
    mine, theirs = pseudonyms.fingerprints(con, settings)
    if theirs is not None and mine != theirs:
        return False, f"key {mine[:12]}…, pseudonyms were made by {theirs[:12]}…", "restore pseudonym.key from its copy"
    return True, f"key {mine[:12]}…", ""


def _who_may_read(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    open_to_others = [
        str(path.relative_to(settings.home.parent))
        for path in (settings.home, settings.database, settings.key_file, *(settings.home / "keys").glob("*.pem"))
        if path.exists() and path.stat().st_mode & 0o077
    ]
    if open_to_others:
        return (
            False,
            f"others may read {', '.join(open_to_others)}",
            "chmod go= on each; the next writing verb closes the home",
        )
    return True, "the home and its keys are their owner's alone", ""


def _disk(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    free, size = shutil.disk_usage(settings.home).free, settings.database.stat().st_size
    finding = f"{free / 1e9:,.1f} GB free, the warehouse has {size / 1e9:,.2f} GB"
    return free >= _ROOM * size, finding, "" if free >= _ROOM * size else f"make room for {_ROOM} times the warehouse"


def _clock(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    last = scalar(con, 'SELECT max("at") FROM meta.changes')
    now = datetime.now(UTC)
    if last is not None and last > now + _SLACK:
        return (
            False,
            f"it is {now:%Y-%m-%d %H:%M} UTC, and the warehouse was written at {last:%Y-%m-%d %H:%M}",
            "set the clock",
        )
    ahead = con.execute(
        "SELECT DISTINCT evaluated_on FROM results.runs WHERE evaluated_on > ? ORDER BY 1", [today(con)]
    )
    nights = [str(night) for (night,) in ahead.fetchall()]
    if nights:
        take_back = "`merchant-credit withdraw` takes it back, if a clock was ahead"
        return False, f"nights that have not come are evaluated: {', '.join(nights)}", take_back
    return True, "nothing was written in the future", ""


def _left_over(con: duckdb.DuckDBPyConnection, settings: Settings) -> Look:
    old = [path.name for path in _scratch(settings) if _age(path) > 3_600]
    if old:
        return (
            False,
            f"left by runs that ended: {', '.join(sorted(old)[:5])}",
            "the next night, or publish, removes them",
        )
    return True, "nothing is left over", ""


def _age(path: Path) -> float:
    """Seconds since it, or the link that it is, was last written; 0 of what is gone meanwhile."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _scratch(settings: Settings) -> Iterator[Path]:
    yield from settings.home.glob("read-*")
    yield from settings.published.glob(".*")
    yield from (settings.published / "versions").glob(".*")


_EXAMINATIONS: tuple[tuple[str, str, str, Callable[[duckdb.DuckDBPyConnection, Settings], Look]], ...] = (
    ("blocks", "数据块", "Blocks of the warehouse", _blocks),
    ("history", "变更记录", "History of changes", _history),
    ("rules", "规则文本", "Texts of rules", _rules),
    ("versions", "程序版本", "Versions", _version),
    ("published", "公示文件", "Published files", _shown),
    ("keys", "签名密钥", "Keys of signatures", _keys),
    ("pseudonyms", "假名密钥", "Key of pseudonyms", _pseudonyms),
    ("access", "访问权限", "Who may read", _who_may_read),
    ("disk", "磁盘", "Disk", _disk),
    ("clock", "时钟", "Clock", _clock),
    ("left_over", "残留文件", "Left over", _left_over),
)

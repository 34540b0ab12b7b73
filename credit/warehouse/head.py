"""Going back is noticed: a hash chain over what the warehouse holds, its head kept outside of it.

An older copy of the file, or one that lost its last writes, opens like any other, and what was entered since is gone from all that
is published. So whoever writes leaves, when done, a change in `meta.changes` where ledgers, batches, runs or the number of row
versions are other than before; its number and head go to `warehouse.head` in the home and to the feed of what is published next,
which is signed. Whoever writes next compares.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from credit.errors import UserError, WarehouseBehind
from credit.files import durable
from credit.settings import Settings
from credit.tables import TABLES
from credit.warehouse.connection import scalar, transaction

State = dict[str, list[Any]]
"""Table -> [rows, SHA-256 of them, blank where only their number counts]."""


class Change(NamedTuple):
    """The last change of a warehouse: its number and the head of the chain, as it stands in what is published."""

    change: int
    head: str


def file_of(settings: Settings) -> Path:
    """Where the head is kept beside the database."""
    return settings.home / "warehouse.head"


def last(con: duckdb.DuckDBPyConnection) -> Change:
    """The last change that the warehouse knows of; number 0 where it knows of none."""
    rows = con.execute("SELECT number, head FROM meta.changes ORDER BY number DESC LIMIT 1").fetchall()
    return Change(*rows[0]) if rows else Change(0, "")


def record(con: duckdb.DuckDBPyConnection, settings: Settings) -> Change:
    """Enter a change if there is one, and leave the head beside the database."""
    state, before = _state(con), last(con)
    digest = _state_digest(con, state)
    if before.change == 0 or digest != scalar(con, "SELECT digest FROM meta.changes ORDER BY number DESC LIMIT 1"):
        _enter(con, before.change + 1, before.head, digest)
    now = last(con)
    document = {"change": now.change, "head": now.head, "tables": state}
    content = (json.dumps(document, indent=1) + "\n").encode()
    path = file_of(settings)
    if not path.exists() or path.read_bytes() != content:
        with durable.private():
            durable.put(path, content)
    return now


def verify(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raises WarehouseBehind where the warehouse lacks what it held when it was last written, or published from."""
    kept = _kept(settings)
    for change, where in ((kept, file_of(settings)), (_published(settings), settings.published / "current")):
        if change is not None:
            _compare(con, settings, Change(change["change"], change["head"]), where)
    if kept is None:
        return
    now = _state(con)
    for name, (rows, digest) in kept["tables"].items():
        rows_now, digest_now = now.get(name, [0, ""])
        if rows_now < rows:
            raise _behind(settings, f"{name} holds {rows - rows_now:,} rows fewer than when it was last written")
        if digest and (digest_now if rows_now == rows else _rows(con, name, rows)[1]) != digest:
            raise _behind(
                settings, f"rows of {name} are others than when it was last written: nothing in it is ever changed"
            )


def missing(settings: Settings) -> None:
    """Raises WarehouseBehind for a home that had a warehouse and has none."""
    kept = _kept(settings)
    if kept is not None:
        raise _behind(settings, f"it is gone, and {file_of(settings).name} tells of change {kept['change']}")


def accept_loss(con: duckdb.DuckDBPyConnection, settings: Settings, reason: str, by: str) -> Change:
    """Go on with what the warehouse holds, though changes were lost: said in the chain, with who says so and why."""
    known = [change["change"] for change in (_kept(settings), _published(settings)) if change is not None]
    before = last(con)
    digest = _state_digest(con, _state(con))
    with transaction(con):
        _enter(con, max([before.change, *known]) + 1, before.head, digest, reason, by)
    file_of(settings).unlink(missing_ok=True)
    return record(con, settings)


def _compare(con: duckdb.DuckDBPyConnection, settings: Settings, known: Change, where: Path) -> None:
    if scalar(con, "SELECT count(*) FROM meta.changes WHERE number > ? AND lost IS NOT NULL", [known.change]):
        return
    rows = con.execute("SELECT head FROM meta.changes WHERE number = ?", [known.change]).fetchall()
    if not rows:
        raise _behind(
            settings, f"{where} tells of its change {known.change}, and it ends with change {last(con).change}"
        )
    if rows[0][0] != known.head:
        raise _behind(
            settings, f"its change {known.change} is another than that of {where}: it is the copy of another history"
        )


def _behind(settings: Settings, why: str) -> WarehouseBehind:
    return WarehouseBehind(
        f"{settings.database} is behind: {why}. What was entered since would vanish from all that is published. Nothing was "
        "changed. Put the latest copy in its place; where there is none, `merchant-credit accept-loss` goes on with what it holds"
    )


def _enter(
    con: duckdb.DuckDBPyConnection,
    number: int,
    before: str,
    digest: str,
    lost: str | None = None,
    by: str | None = None,
) -> None:
    con.execute(
        "INSERT INTO meta.changes VALUES (?, ?, ?, ?, ?, ?)",
        [number, datetime.now(UTC), digest, _digest(f"{before} {number} {digest}"), lost, by],
    )


def _kept(settings: Settings) -> dict[str, Any] | None:
    path = file_of(settings)
    try:
        kept = json.loads(path.read_bytes())
        return {"change": int(kept["change"]), "head": str(kept["head"]), "tables": dict(kept["tables"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}): it tells whether the warehouse lost anything. Restore it with the "
            "warehouse from the latest copy; where there is none, remove it: what is published is compared with still"
        ) from None


def _published(settings: Settings) -> dict[str, Any] | None:
    """The change that the version in force was made from, where it tells."""
    try:
        change = json.loads((settings.published / "current" / "feed.json").read_bytes())["warehouse"]
        return {"change": int(change["change"]), "head": str(change["head"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a damaged version is mended by the next publish


def _state(con: duckdb.DuckDBPyConnection) -> State:
    """What only ever grows: the rows of ledgers, the number of batches and of row versions."""
    ledgers = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'ledger' ORDER BY 1").fetchall()
    state: State = {f"ledger.{ledger}": list(_rows(con, f"ledger.{ledger}")) for (ledger,) in ledgers}
    state["meta.batches"] = [int(scalar(con, "SELECT count(*) FROM meta.batches")), ""]
    return state | {name: [_versions(con, name), ""] for name in TABLES}


def _state_digest(con: duckdb.DuckDBPyConnection, state: State) -> str:
    """SHA-256 of it, and of batches and runs, which change."""
    changing = [_rows(con, name, by_content=True) for name in ("meta.batches", "results.runs")]
    return _digest(json.dumps([state, changing], sort_keys=True))


def _rows(
    con: duckdb.DuckDBPyConnection, name: str, first: int | None = None, by_content: bool = False
) -> tuple[int, str]:
    """(number, SHA-256) of the rows of a table, or of the `first` of them in the order of their entry. A column that is blank
    is not told from one that is not there: later programs have more."""
    # The shipped rulebooks' events are moved to the platform's zone by its first batch.
    left_out = ' EXCLUDE ("at")' if name == "ledger.rulebook_events" else ""
    rows, digest = con.execute(
        f"""SELECT count(*), coalesce(sha256(string_agg(digest, '' ORDER BY {"digest" if by_content else "place"})), '')
            FROM (SELECT sha256(json_merge_patch('{{}}', to_json(t))::VARCHAR) AS digest, t.place FROM (SELECT rowid AS place, *{left_out} FROM {name}) t)
            WHERE ?::BIGINT IS NULL OR place IN (SELECT rowid FROM {name} ORDER BY rowid LIMIT ?)""",
        [first, first or 0],
    ).fetchall()[0]
    return int(rows), str(digest)


def _versions(con: duckdb.DuckDBPyConnection, name: str) -> int:
    return int(scalar(con, f"SELECT (SELECT count(*) FROM canonical.{name}) + (SELECT count(*) FROM history.{name})"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

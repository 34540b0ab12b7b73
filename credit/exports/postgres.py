"""The version in force, into PostgreSQL: one transaction, and of the rows only those that changed.

    <schema>.grades     one row a merchant, its document as jsonb; a merchant that is published no more keeps its row,
                        with `withdrawn_on`
    <schema>.versions   one row an export: which version, and how many rows were sent
    <schema>.meta       schema_version

Whatever ends an export early, the server has what it had before: the connection's transaction is never committed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from credit.databases.dialect import Refused
from credit.databases.postgres import Url, connected, identifier, ingest, rows, run, said
from credit.disclosure.bulk import GRADES
from credit.disclosure.sort_key import key
from credit.errors import UserError
from credit.exports.published import PublishedVersion
from credit.files.numbered import numbered

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

SCHEMA = "merchant_credit"
WAIT_SECONDS = 60
"""How long an export waits for another one to the same schema."""
BATCH = 500
"""Merchants sent at a time: their documents are in memory."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""Numbered files: step n brings schema version n - 1 to n. A step that was released is never changed: add one."""

_RENAMED = {"document": "document_path"}
"""Columns of bulk/grades that have another name here: `document` is the document itself."""
_SCHEMA = pa.schema(
    [(_RENAMED.get(f.name, f.name), f.type) for f in GRADES]
    + [("credit_sort_key", pa.int64())]
    + [(name, pa.string()) for name in ("document", "content_sha256", "row_sha256", "published_version")]
)
"""What is sent of a merchant."""


@dataclass
class PostgresExport:
    """What an export did, in rows. `replaced`: merchants whose text held what PostgreSQL cannot store (see `storable`)."""

    version: str
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    rows_sent: int = 0
    advertisements_changed: int = 0
    replaced: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def storable(value: Any) -> Any:
    """The same with NUL and lone surrogates, which PostgreSQL's text cannot hold, as U+FFFD (�)."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    return [storable(inner) for inner in value] if isinstance(value, list) else value


def export(
    version: PublishedVersion,
    url: Url,
    schema: str = SCHEMA,
    advertised: Collection[str] | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> PostgresExport:
    """Bring the server's schema to what `version` says. `advertised` None: marks stay as they are on the server.

    Raises UserError, and changes nothing, when the server refuses, its schema is newer than ours, another export does
    not end within `wait_seconds`, or a published file is damaged.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_"):
        raise UserError(
            f"--schema {schema!r}: expected a-z, 0-9 and _, at most 63, beginning with a letter, not with pg_"
        )
    with connected(url) as con, con.cursor() as cursor:
        try:
            _alone(cursor, schema, wait_seconds)
            _migrate(cursor, schema)
            sent = _send(cursor, version, schema)
            if advertised is not None:
                sent.advertisements_changed = _mark(cursor, schema, advertised)
            _note(cursor, version, schema, sent)
            con.commit()
        except Refused as error:
            raise UserError(
                f"PostgreSQL at {url.server} did not take the export: {said(error, url)}. Nothing was changed there"
            ) from None
    return sent


def _alone(cursor: Cursor, schema: str, wait_seconds: float) -> None:
    """One export at a time to a schema; the lock ends with the transaction."""
    run(cursor, f"SET LOCAL lock_timeout = {max(1, round(wait_seconds * 1000))}")
    try:
        rows(cursor, "SELECT pg_advisory_xact_lock(hashtextextended($1, 26842))", [f"merchant-credit {schema}"])
    except Refused as error:
        if "lock timeout" not in str(error):
            raise
        raise UserError(
            f"another export to schema {schema} has run for more than {wait_seconds:g} seconds; let it end, then try again"
        ) from None


def _migrate(cursor: Cursor, schema: str) -> None:
    """Bring the server's tables to our schema version, step by step. Raises UserError when they are newer."""
    name = identifier(schema)
    if not rows(cursor, "SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]):
        run(cursor, f"CREATE SCHEMA {name}")
    meta = rows(cursor, "SELECT to_regclass($1)::text", [f"{name}.meta"])[0][0]
    if meta is None:
        run(cursor, f"CREATE TABLE {name}.meta (name text PRIMARY KEY, value text NOT NULL)")
        run(cursor, f"INSERT INTO {name}.meta VALUES ('schema_version', '0')")
    stored = rows(cursor, f"SELECT value FROM {name}.meta WHERE name = 'schema_version'")
    if not stored or not str(stored[0][0]).isdecimal():
        raise UserError(
            f"{schema}.meta on the server states no schema_version; it is no schema of ours: choose another --schema"
        )
    current, steps = int(stored[0][0]), numbered(MIGRATIONS, ".sql")
    if current > max(steps):
        raise UserError(
            f"schema {schema} on the server has version {current}, this program writes {max(steps)}; "
            "update the program, or export to another --schema"
        )
    for number, file in steps.items():
        if number <= current:
            continue
        for command in Template(file.read_text(encoding="utf-8")).substitute(schema=name).split(";"):
            if command.strip():
                run(cursor, command)
    if current < max(steps):
        run(cursor, f"UPDATE {name}.meta SET value = '{max(steps)}' WHERE name = 'schema_version'")


def _send(cursor: Cursor, version: PublishedVersion, schema: str) -> PostgresExport:
    """Compare by hash, send what differs, mark who is gone."""
    name = identifier(schema)
    held = {
        subject_id: (row_hash, is_withdrawn)
        for subject_id, row_hash, is_withdrawn in rows(
            cursor, f"SELECT subject_id, row_sha256, withdrawn_on IS NOT NULL FROM {name}.grades"
        )
    }
    grades, ladders = version.grades().to_pylist(), version.ladders()
    sent = PostgresExport(version.name)
    due = []
    for row in grades:
        row["credit_sort_key"] = key(row["grade"], row["score"], ladders[row["rulebook_hash"]])
        row["content_sha256"] = version.hash(row["document"])
        # Not the day: it moves every night, and a row says since which night it stands as it is.
        content = {n: v for n, v in row.items() if n != "evaluated_on"}
        row["row_sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
        before = held.pop(storable(row["subject_id"]), None)
        if before == (row["row_sha256"], False):
            sent.unchanged += 1
            continue
        due.append(row)
        if before is None or before[1]:
            sent.added += 1
        else:
            sent.changed += 1
    sent.rows_sent = len(due)
    withdrawn_ids = [subject_id for subject_id, (_, is_withdrawn) in held.items() if not is_withdrawn]
    sent.withdrawn = len(withdrawn_ids)
    if due:
        columns = _SCHEMA.names
        _stage(cursor, name, "due", _SCHEMA, _batches(version, due, sent))
        listed = ", ".join(columns)
        news = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
        picked = ", ".join(f"{column}::jsonb" if column == "document" else column for column in columns)
        run(
            cursor,
            f"""INSERT INTO {name}.grades AS g ({listed}) SELECT {picked} FROM pg_temp.due
                ON CONFLICT (subject_id) DO UPDATE SET {news}, withdrawn_on = NULL, updated_at = now()""",
        )
    if withdrawn_ids:
        _stage_ids(cursor, name, "gone", withdrawn_ids)
        run(
            cursor,
            f"""UPDATE {name}.grades SET withdrawn_on = '{version.evaluated_on}', updated_at = now()
                WHERE subject_id IN (SELECT subject_id FROM pg_temp.gone)""",
        )
    return sent


def _stage(cursor: Cursor, name: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Rows into a temporary table of this transaction; columns have the types of `grades`, the document is text yet."""
    picked = ", ".join(f"{column}::text" if column == "document" else column for column in schema.names)
    run(cursor, f"CREATE TEMP TABLE {table} ON COMMIT DROP AS SELECT {picked} FROM {name}.grades LIMIT 0")
    ingest(cursor, table, schema, batches)


def _stage_ids(cursor: Cursor, name: str, table: str, ids: list[str]) -> None:
    batch = pa.record_batch([pa.array(ids, pa.string())], names=["subject_id"])
    _stage(cursor, name, table, batch.schema, [batch])


def _batches(version: PublishedVersion, due: list[dict[str, Any]], sent: PostgresExport) -> Iterator[pa.RecordBatch]:
    """The rows with their documents, some at a time."""
    for start in range(0, len(due), BATCH):
        records = []
        for row in due[start : start + BATCH]:
            document = version.read(row["document"]).decode()
            renamed = {_RENAMED.get(n, n): v for n, v in row.items()}
            clean = {n: storable(v) for n, v in renamed.items()}
            # Only an escape can stand for what jsonb refuses.
            if "\\u" in document:
                parsed = json.loads(document)
                if (storable_document := storable(parsed)) != parsed:
                    document = json.dumps(storable_document, ensure_ascii=False)
                    clean["document"] = document
                    renamed["document"] = None
            if clean != renamed:
                sent.replaced.append(clean["subject_id"])
            records.append(clean | {"document": document, "published_version": version.name})
        yield pa.RecordBatch.from_pylist(records, schema=_SCHEMA)


def _mark(cursor: Cursor, schema: str, advertised: Collection[str]) -> int:
    """Set the advertisement marks to the list; returns how many changed. The key is not touched."""
    name = identifier(schema)
    _stage_ids(cursor, name, "paid", sorted(map(storable, advertised)))
    changed = rows(
        cursor,
        f"""WITH marked AS (
                UPDATE {name}.grades g SET advertisement = NOT g.advertisement, updated_at = now()
                WHERE g.advertisement <> (g.subject_id IN (SELECT subject_id FROM pg_temp.paid)) RETURNING 1)
            SELECT count(*) FROM marked""",
    )
    return int(changed[0][0])


def _note(cursor: Cursor, version: PublishedVersion, schema: str, sent: PostgresExport) -> None:
    rows(
        cursor,
        f"""INSERT INTO {identifier(schema)}.versions
            (version, manifest_sha256, evaluated_on, development, rows_sent, added, changed, withdrawn, unchanged)
            VALUES ($1, $2, '{version.evaluated_on}', {str(version.development).lower()},
                    {sent.rows_sent}, {sent.added}, {sent.changed}, {sent.withdrawn}, {sent.unchanged})
            RETURNING number""",
        [version.name, version.manifest],
    )

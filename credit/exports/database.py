"""The version in force, into PostgreSQL or MySQL: one transaction, and of the rows only those that changed.

    <schema>.grades     one row a merchant, its document as JSON; a merchant that is published no more keeps its row,
                        with `withdrawn_on`
    <schema>.versions   one row an export: which version, and how many rows were sent
    <schema>.meta       schema_version

Whatever ends an export early, the server has the rows it had before: the transaction is never committed. What differs between
databases is in `credit.databases`; steps of the schema are in `migrations/`, a folder a database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa

from credit.databases.dialect import Dialect, Refused, Url, Writer
from credit.disclosure.bulk import GRADES
from credit.disclosure.sort_key import key
from credit.errors import UserError
from credit.exports.published import PublishedVersion
from credit.files.numbered import numbered

SCHEMA = "merchant_credit"
WAIT_SECONDS = 60
"""How long an export waits for another one to the same schema."""
BATCH = 500
"""Merchants sent at a time: their documents are in memory."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""Numbered files of each database: step n brings schema version n - 1 to n. A step that was released is never changed: add one.
MySQL keeps each statement at once: what is there already must not be in the way when a step is taken again."""

_THE_SERVERS = ("information_schema", "mysql", "performance_schema", "sys")
_NOW = "CURRENT_TIMESTAMP(6)"
_RENAMED = {"document": "document_path"}
"""Columns of bulk/grades that have another name here: `document` is the document itself."""
_SCHEMA = pa.schema(
    [(_RENAMED.get(f.name, f.name), f.type) for f in GRADES]
    + [("credit_sort_key", pa.int64())]
    + [(name, pa.string()) for name in ("document", "content_sha256", "row_sha256", "published_version")]
)
"""What is sent of a merchant."""


@dataclass
class DatabaseExport:
    """What an export did, in rows. `replaced`: merchants whose text held what not every database stores (see `storable`)."""

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
    """The same with NUL, which PostgreSQL's text cannot hold, and lone surrogates, which none can, as U+FFFD (�)."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    return [storable(inner) for inner in value] if isinstance(value, list) else value


def export(
    version: PublishedVersion,
    dialect: Dialect,
    url: Url,
    schema: str = SCHEMA,
    advertised: Collection[str] | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> DatabaseExport:
    """Bring the server's schema to what `version` says. `advertised` None: marks stay as they are on the server.

    Raises UserError, and changes no row, when the server refuses, its schema is newer than ours, another export does
    not end within `wait_seconds`, or a published file is damaged.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_") or schema in _THE_SERVERS:
        raise UserError(
            f"--schema {schema!r}: expected a-z, 0-9 and _, at most 63, beginning with a letter, not with pg_, and none of the "
            "server's own"
        )
    name = dialect.identifier(schema)
    with dialect.writing(url) as writer:
        try:
            if not writer.alone(f"merchant-credit {schema}", wait_seconds):
                raise UserError(
                    f"another export to schema {schema} has run for more than {wait_seconds:g} seconds; let it end, then try again"
                )
            _migrate(writer, schema, name, MIGRATIONS / dialect.key)
            sent = _send(writer, version, name)
            if advertised is not None:
                sent.advertisements_changed = _mark(writer, name, advertised)
            _note(writer, version, name, sent)
            writer.commit()
        except Refused as error:
            raise UserError(
                f"{dialect.name} at {url.server} did not take the export: {dialect.said(error, url)}. Nothing was changed there"
            ) from None
    return sent


def _migrate(writer: Writer, schema: str, name: str, folder: Path) -> None:
    """Bring the server's tables to our schema version, step by step. Raises UserError when they are newer."""
    there = {
        row[0]
        for row in writer.rows(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'")
    }
    if "meta" not in there:
        if theirs := there & {"grades", "versions"}:
            raise UserError(f"{schema}.{min(theirs)} on the server is no table of ours: choose another --schema")
        writer.make_schema(schema)
        writer.run(f"CREATE TABLE {name}.meta (name varchar(64) PRIMARY KEY, value varchar(255) NOT NULL)")
        writer.run(f"INSERT INTO {name}.meta VALUES ('schema_version', '0')")
        if writer.ddl_commits:
            writer.commit()
    stored = writer.rows(f"SELECT value FROM {name}.meta WHERE name = 'schema_version'")
    if not stored or not str(stored[0][0]).isdecimal():
        raise UserError(
            f"{schema}.meta on the server states no schema_version; it is no schema of ours: choose another --schema"
        )
    current, steps = int(stored[0][0]), numbered(folder, ".sql")
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
                writer.run(command)
        writer.run(f"UPDATE {name}.meta SET value = '{number}' WHERE name = 'schema_version'")
        if writer.ddl_commits:
            writer.commit()


def _send(writer: Writer, version: PublishedVersion, name: str) -> DatabaseExport:
    """Compare by hash, send what differs, mark who is gone."""
    table = f"{name}.grades"
    held = {
        subject_id: (row_hash, bool(is_withdrawn))
        for subject_id, row_hash, is_withdrawn in writer.rows(
            f"SELECT subject_id, row_sha256, withdrawn_on IS NOT NULL FROM {table}"
        )
    }
    grades, ladders = version.grades().to_pylist(), version.ladders()
    sent = DatabaseExport(version.name)
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
        also = {"withdrawn_on": "NULL", "updated_at": _NOW}
        writer.upsert(table, _SCHEMA, _batches(version, due, sent), also, as_json=["document"])
    if withdrawn_ids:
        gone = f"withdrawn_on = '{version.evaluated_on}', updated_at = {_NOW}"
        writer.update(table, gone, "subject_id", withdrawn_ids)
    return sent


def _batches(version: PublishedVersion, due: list[dict[str, Any]], sent: DatabaseExport) -> Iterator[pa.RecordBatch]:
    """The rows with their documents, some at a time."""
    for start in range(0, len(due), BATCH):
        records = []
        for row in due[start : start + BATCH]:
            document = version.read(row["document"]).decode()
            renamed = {_RENAMED.get(n, n): v for n, v in row.items()}
            clean = {n: storable(v) for n, v in renamed.items()}
            # Only an escape can stand for what a database's JSON refuses.
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


def _mark(writer: Writer, name: str, advertised: Collection[str]) -> int:
    """Set the advertisement marks to the list; returns how many changed. The key is not touched."""
    paid = {storable(subject_id) for subject_id in advertised}
    changed: dict[bool, list[str]] = {True: [], False: []}
    for subject_id, marked in writer.rows(f"SELECT subject_id, advertisement FROM {name}.grades ORDER BY 1"):
        if bool(marked) != (subject_id in paid):
            changed[subject_id in paid].append(subject_id)
    for mark, ids in changed.items():
        if ids:
            assignments = f"advertisement = {str(mark).lower()}, updated_at = {_NOW}"
            writer.update(f"{name}.grades", assignments, "subject_id", ids)
    return sum(map(len, changed.values()))


def _note(writer: Writer, version: PublishedVersion, name: str, sent: DatabaseExport) -> None:
    writer.run(
        f"""INSERT INTO {name}.versions
            (version, manifest_sha256, evaluated_on, development, rows_sent, added, changed, withdrawn, unchanged)
            VALUES ({writer.literal(version.name)}, {writer.literal(version.manifest)}, '{version.evaluated_on}',
                    {str(version.development).lower()}, {sent.rows_sent}, {sent.added}, {sent.changed}, {sent.withdrawn},
                    {sent.unchanged})"""
    )

"""The marketplace of the stories as a shop's own databases hold it, typed, and the mappings to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from credit.tables import TABLES
from support import mysql_server, postgres_server
from support.story_home import MARKETPLACE, ZONE, table

_POSTGRES = {"instant": "timestamptz", "date": "date", "money": "numeric", "integer": "int", "boolean": "boolean"}
_MYSQL = {
    "instant": "datetime(6)",
    "date": "date",
    "money": "decimal(18,2)",
    "integer": "int",
    "boolean": "bit(1)",
}
NAMES = sorted(file.stem for file in MARKETPLACE.glob("*.csv"))
"""Of the tables that the marketplace has."""


def in_postgres(url: str, path: Path, env: str) -> Path:
    """Fill the schema `shop` of a database, which is there; write the mapping to `path`."""
    tables: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        rows = table(MARKETPLACE / f"{name}.csv")
        postgres_server.load(url, f"raw_{name}", [{k: v or None for k, v in row.items()} for row in rows])
        types = _types(name, _POSTGRES, "text")
        columns = list(rows[0])
        typed = ", ".join(f'"{c}"::{types[c]}' for c in columns)
        postgres_server.sql(
            url,
            f"SET timezone = '{ZONE}'",
            f"CREATE TABLE shop.{name} AS SELECT {typed}, now() AS changed FROM raw_{name}",
        )
        tables[name] = {
            "from": f"shop.{name} t",
            "columns": {c: f't."{c}"' for c in columns},
            "changed_at": "t.changed",
        }
    postgres_server.sql(url, "ALTER TABLE shop.transactions ALTER amount TYPE bigint USING amount * 100")
    tables["transactions"]["columns"]["amount"] = "t.amount / 100.0"
    return _written(path, tables, env)


def in_mysql(url: str, path: Path, env: str) -> Path:
    """Fill an empty database; write the mapping to `path`."""
    tables: dict[str, dict[str, Any]] = {}
    with mysql_server.connect(url) as con, con.cursor() as cursor:
        for name in NAMES:
            rows = table(MARKETPLACE / f"{name}.csv")
            types = _types(name, _MYSQL, "varchar(500)")
            columns = list(rows[0])
            cursor.execute(f"CREATE TABLE {name} ({', '.join(f'`{c}` {types[c]}' for c in columns)})")
            cursor.executemany(
                f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(columns))})",
                [[_value(types[c], v) for c, v in row.items()] for row in rows],
            )
            tables[name] = {"from": f"{name} t", "columns": {c: f"t.`{c}`" for c in columns}}
    return _written(path, tables, env)


def _types(name: str, types: Mapping[str, str], text: str) -> dict[str, str]:
    return {c.name: types.get(c.type, text) for c in TABLES[name].supplied} | {"known_at": types["instant"]}


def _value(kind: str, text: str) -> Any:
    if not text:
        return None
    if kind == "bit(1)":
        return int(text == "true")
    return datetime.fromisoformat(text) if kind.startswith("datetime") else text


def _written(path: Path, tables: dict[str, dict[str, Any]], env: str) -> Path:
    path.write_text(yaml.safe_dump({"connection": {"env": env}, "tables": tables}, allow_unicode=True))
    return path

"""The mapping file: which tables and columns of a platform's own database are which canonical ones.

    connection: {env: SHOP_DATABASE_URL}     the environment variable that holds the URL; never the URL itself
    overlap_minutes: 60                      read again what changed so long before the newest row of the last read, and
                                             before the oldest transaction that was open then
    tables:
      transactions:
        from: shop.orders o JOIN shop.payments p ON p.order_id = o.id
        columns: {transaction_id: "o.id::text", amount: "o.total / 100.0"}
        where: o.kind = 'retail'             optional
        changed_at: o.updated_at             optional; without it the table is read whole every night

Everything behind `from`, `columns`, `where` and `changed_at` is SQL of the database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from credit.errors import UserError
from credit.files import strict_yaml
from credit.tables import KNOWN_AT, TABLES, Table

EXAMPLE = Path(__file__).with_name("mapping.example.yaml")
MAX_BYTES = 1 << 20
_ENV = r"^[A-Za-z_][A-Za-z0-9_]*$"

Sql = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00]*\S[^\x00]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Connection(_Strict):
    env: str = Field(pattern=_ENV, description="name of an environment variable")


class TableMap(_Strict):
    """One canonical table; all values are SQL."""

    source: Sql = Field(alias="from")
    columns: dict[str, Sql] = Field(min_length=1)
    where: Sql | None = None
    changed_at: Sql | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of what is asked of the database: another mapping has to read everything anew."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


class Mapping(_Strict):
    """A mapping whose parts are sound; `problems` says what is wrong between them and the canonical tables."""

    connection: Connection
    overlap_minutes: float = Field(60, ge=0, le=60 * 24 * 31, allow_inf_nan=False)
    tables: dict[str, TableMap] = Field(min_length=1)
    path: Path = Field(exclude=True)
    lines: dict[tuple[str | int, ...], int] = Field(exclude=True)

    def at(self, *place: str) -> str:
        """File, line and key of a place, for messages."""
        return _at(self.path, self.lines, place)

    def problems(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(place, message) of each name that is no canonical one and each required column that is missing."""
        for name, mapped in self.tables.items():
            if name not in TABLES:
                yield ("tables", name), f"{name!r} is no canonical table; allowed: {', '.join(TABLES)}"
                continue
            table = TABLES[name]
            supplied = columns_of(table)
            for column in mapped.columns:
                if column in supplied:
                    continue
                why = "is computed from other columns" if column in table.names else "is no column of it"
                yield ("tables", name, "columns", column), f"{why}; allowed: {', '.join(supplied)}"
            missing = [c for c in table.supplied if c.required and c.name not in mapped.columns]
            if missing:
                listed = ", ".join(f"{c.name} ({c.zh})" for c in missing)
                yield ("tables", name, "columns"), f"lacks required columns: {listed}"


def columns_of(table: Table) -> tuple[str, ...]:
    """The columns a mapping can fill."""
    return (*(column.name for column in table.supplied), KNOWN_AT.name)


def _at(path: Path, lines: dict[tuple[str | int, ...], int], place: tuple[str | int, ...]) -> str:
    known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
    return f"{path}, line {lines.get(known, 1)}, {'.'.join(map(str, place)) or '(whole)'}"


def parse(path: Path) -> Mapping:
    """The mapping in a file, its parts validated. Raises UserError listing every error with file, line and key."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"mapping {path} cannot be read: {error.strerror}; give a YAML file, see `merchant-credit map --example`"
        ) from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"mapping {path} is larger than {MAX_BYTES >> 20} MiB; a mapping is a few hundred lines")
    try:
        text = raw.decode("utf-8")
        data, lines = strict_yaml.read(text)
    except UnicodeDecodeError as error:
        raise UserError(f"mapping {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(
            f"mapping {path}, line {line}: not usable YAML: {error.problem}; put SQL with : or # in double quotes"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(f"mapping {path}: not usable YAML; start from `merchant-credit map --example`") from None
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"postgres(ql)?://[^\s@/]*:[^\s@]*@", line):
            raise UserError(
                f"mapping {path}, line {number}: a URL with a password does not belong here; put it into an environment "
                "variable and name that: connection: {env: SHOP_DATABASE_URL}"
            )
    if not isinstance(data, dict):
        raise UserError(f"mapping {path}: expected the keys connection and tables; see `merchant-credit map --example`")
    try:
        return Mapping.model_validate(data | {"path": path, "lines": lines})
    except ValidationError as error:
        said = []
        for problem in error.errors(include_input=False):
            place = tuple(part for part in problem["loc"] if part != "[key]")
            message = str(problem["msg"]).removeprefix("Value error, ")
            if problem["type"] == "string_type":
                message = "expected SQL as text; put it in quotes"
            elif problem["type"] == "extra_forbidden":
                message = f"unknown key; allowed: {', '.join(_keys(place))}"
            elif place == ("connection", "env"):
                message = "expected the name of an environment variable, such as SHOP_DATABASE_URL"
            said.append((lines.get(place, 0), f"{_at(path, lines, place)}: {message}"))
        raise UserError(_listed(path, [text for _, text in sorted(said)])) from None


def _keys(place: tuple[str | int, ...]) -> list[str]:
    models: dict[int, type[BaseModel]] = {1: Mapping, 2: Connection}
    model = models.get(len(place), TableMap)
    return [f.alias or name for name, f in model.model_fields.items() if name not in ("path", "lines")]


def _listed(path: Path, errors: list[str]) -> str:
    return f"mapping {path} has {len(errors)} error{'s' * (len(errors) > 1)}:\n  " + "\n  ".join(errors)


def load(path: Path) -> Mapping:
    """A mapping that can be read by. Raises UserError listing every error with file, line, key and what is allowed."""
    mapping = parse(path)
    if errors := [f"{mapping.at(*place)}: {message}" for place, message in mapping.problems()]:
        raise UserError(_listed(path, errors))
    return mapping

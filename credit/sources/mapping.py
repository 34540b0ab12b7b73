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

Of files the same language says `files` instead of `connection`: names for patterns of files beside the mapping, which `from`
then speaks of, with their headings in double quotes; the SQL is DuckDB's.

    files: {o: "订单*.xlsx", r: "退款*.csv"}
    tables:
      transactions:
        from: o LEFT JOIN (SELECT "订单编号", sum("退款金额"::DECIMAL(18,2)) AS back FROM r GROUP BY 1) b USING ("订单编号")
        columns: {transaction_id: '"订单编号"', amount: '"实付金额"', refund_amount: back}

What the values mean is said in both alike, for a table:

        codes: {cancelled_by: {运营: platform}}   its own words -> canonical codes, beside those that are known
        nothing: ["?", "9999"]                   its own words for a blank
        zones: {ordered_at: UTC}                 the zone of times that are written without one; else the platform's
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from credit.errors import UserError
from credit.files.strict_yaml import Place, YamlFault, at, error_list, in_order, read
from credit.files.text import contents, decoded
from credit.tables import KNOWN_AT, TABLES, Table

EXAMPLE = Path(__file__).with_name("mapping.example.yaml")
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
    codes: dict[str, dict[str, str]] = Field(default_factory=dict, description="column -> the platform's word -> code")
    nothing: list[str] = Field(default_factory=list, description="the platform's words for a blank")
    zones: dict[str, str] = Field(default_factory=dict, description="column -> zone of times written without one")

    @property
    def hash(self) -> str:
        """SHA-256 of what is asked of the database: another mapping has to read everything anew."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


class Mapping(_Strict):
    """A mapping whose parts are sound; `problems` says what is wrong between them and the canonical tables."""

    connection: Connection | None = None
    files: dict[str, str] = Field(default_factory=dict, description="name -> pattern of files, beside the mapping")
    overlap_minutes: float = Field(60, ge=0, le=60 * 24 * 31, allow_inf_nan=False)
    tables: dict[str, TableMap] = Field(min_length=1)
    path: Path = Field(exclude=True)
    lines: dict[Place, int] = Field(exclude=True)

    def at(self, *place: str) -> str:
        """File, line and key of a place, for messages."""
        return at(self.path, self.lines, place)

    def problems(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(place, message) of each name that is no canonical one and each required column that is missing."""
        if (self.connection is None) == (not self.files):
            yield ("tables",), "expected either connection (a database) or files (patterns of files), not both"
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
            yield from _wording_problems(name, mapped)
            missing = [c for c in table.supplied if c.required and c.name not in mapped.columns]
            if missing:
                listed = ", ".join(f"{c.name} ({c.zh})" for c in missing)
                yield ("tables", name, "columns"), f"lacks required columns: {listed}"


def _wording_problems(name: str, mapped: TableMap) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with codes and zones of a canonical table."""
    table = TABLES[name]
    instants = (*(column.name for column in table.supplied if column.type == "instant"), KNOWN_AT.name)
    for column, codes in mapped.codes.items():
        place = ("tables", name, "codes", column)
        if column not in mapped.columns or column not in table.names:
            yield place, f"is not among the columns mapped: {', '.join(mapped.columns)}"
        elif allowed := table.column(column).codes:
            for word, code in codes.items():
                if code not in allowed:
                    yield (*place, word), f"{code!r} is no code of {column}; allowed: {', '.join(allowed)}"
    for column, zone in mapped.zones.items():
        place = ("tables", name, "zones", column)
        if column not in mapped.columns or column not in instants:
            yield place, f"is no instant among the columns mapped; instants: {', '.join(instants)}"
        elif zone not in available_timezones():
            yield place, f"{zone!r} is no IANA time zone; expected for example UTC or Asia/Shanghai"


def columns_of(table: Table) -> tuple[str, ...]:
    """The columns a mapping can fill."""
    return (*(column.name for column in table.supplied), KNOWN_AT.name)


def parse(path: Path) -> Mapping:
    """The mapping in a file, its parts validated. Raises UserError listing every error with file, line and key."""
    raw = contents(path, f"mapping {path}", "; give a YAML file, see `merchant-credit map --example`")
    text = decoded(raw, f"mapping {path}", "a mapping is a few hundred lines")
    try:
        data, lines = read(text)
    except YamlFault as fault:
        # What has no line may quote a value: SQL is not repeated.
        advice = (
            f": {fault}; put SQL with : or # in double quotes"
            if fault.line
            else "; start from `merchant-credit map --example`"
        )
        raise UserError(f"mapping {path}{fault.where}: not usable YAML{advice}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"(postgres(ql)?|mysql|mariadb)://[^\s@/]*:[^\s@]*@", line):
            raise UserError(
                f"mapping {path}, line {number}: a URL with a password does not belong here; put it into an environment "
                "variable and name that: connection: {env: SHOP_DATABASE_URL}"
            )
    if not isinstance(data, dict):
        raise UserError(f"mapping {path}: expected the keys connection and tables; see `merchant-credit map --example`")
    try:
        return Mapping.model_validate(data | {"path": path, "lines": lines})
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_input=False):
            place = tuple(part for part in problem["loc"] if part != "[key]")
            message = str(problem["msg"]).removeprefix("Value error, ")
            if problem["type"] == "string_type":
                message = "expected SQL as text; put it in quotes"
            elif problem["type"] == "extra_forbidden":
                message = f"unknown key; allowed: {', '.join(_keys(place))}"
            elif place == ("connection", "env"):
                message = "expected the name of an environment variable, such as SHOP_DATABASE_URL"
            problems.append((place, message))
        raise UserError(error_list(f"mapping {path}", in_order(path, lines, problems))) from None


def _keys(place: Place) -> list[str]:
    models: dict[int, type[BaseModel]] = {1: Mapping, 2: Connection}
    model = models.get(len(place), TableMap)
    return [f.alias or name for name, f in model.model_fields.items() if name not in ("path", "lines")]


def load(path: Path) -> Mapping:
    """A mapping that can be read by. Raises UserError listing every error with file, line, key and what is allowed."""
    mapping = parse(path)
    if errors := [f"{mapping.at(*place)}: {message}" for place, message in mapping.problems()]:
        raise UserError(error_list(f"mapping {path}", errors))
    return mapping

"""An applicant's file: JSON or YAML, one applicant, validated field by field.

Fields are those of the register of subjects (`credit.tables.SUBJECTS`), by English or Chinese name, with the brands
sold and the public records found. A blank is the same as a field left out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, create_model

from credit.errors import InputError
from credit.files.strict_yaml import YamlFault, error_list
from credit.files.strict_yaml import read as read_yaml
from credit.files.text import contents, decoded
from credit.tables import PUBLIC_RECORDS, SUBJECTS, Column

MAX_BRANDS = 200
MAX_RECORDS = 1000
SEVERITIES = ("minor", "moderate", "serious")
_PENALTY = "administrative_penalty"
_RECORD_FIELDS = ("kind", "grade", "issuer", "valid_from", "valid_until", "repaired_on")
_LABEL_LENGTH = 60


def _text(value: Any) -> Any:
    """Text without what cannot be seen: control characters, turned or invisible text. A blank is None."""
    if isinstance(value, str):
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in value):
            raise ValueError("has control or invisible characters; type it anew as plain text in one line")
        return value.strip() or None
    if value is not None:
        raise ValueError("expected text; put numbers in quotes, so that no digit is lost")
    return None


def _day(value: Any) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.ASCII):
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("is not a day of the calendar; expected YYYY-MM-DD") from None
    if not isinstance(value, date) or isinstance(value, datetime) or value.year < 1900:
        raise ValueError("expected a day as YYYY-MM-DD, not before 1900, for example 2026-11-24")
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected an amount, for example 20000.00")
    return None if value == "" else value


def _type(column: Column) -> Any:
    if column.type == "date":
        return Annotated[date | None, BeforeValidator(_day)]
    if column.type == "boolean":
        return Annotated[bool, Strict()] | None
    if column.type == "money":
        limits = Field(ge=0, max_digits=18, decimal_places=2, allow_inf_nan=False)
        return Annotated[Annotated[Decimal, limits] | None, BeforeValidator(_amount)]
    if column.codes:
        code: Any = Literal[column.codes]  # type: ignore[name-defined]
        return code if column.required else code | None
    limit = Field(max_length=column.max_length)
    return Annotated[Annotated[str, limit] | None, BeforeValidator(_text)]


def _fields(columns: list[Column]) -> dict[str, Any]:
    return {c.name: (_type(c), ... if c.codes and c.required and c.name != "role" else None) for c in columns}


Words = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(_text)]
DayOrBlank = Annotated[date | None, BeforeValidator(_day)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Authorisation(_Strict):
    """One link: `from` lets the next one in the list (the last: the applicant) sell the brand."""

    giver: Words = Field(None, alias="from")
    valid_from: DayOrBlank = None
    valid_until: DayOrBlank = None


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Brand(_Strict):
    """A brand sold: `own_trademark_no` of the applicant's own, or the chain of `authorisation` from its holder."""

    name: Annotated[str, BeforeValidator(_text), Field(max_length=200)]
    holder: Words = None
    own_trademark_no: Words = None
    authorisation: Annotated[list[Authorisation], BeforeValidator(_as_list), Field(max_length=10)] | None = None


_Record: Any = create_model(
    "_Record", __base__=_Strict, **_fields([PUBLIC_RECORDS.column(name) for name in _RECORD_FIELDS])
)
_Applicant: Any = create_model(
    "_Applicant",
    __base__=_Strict,
    **_fields(list(SUBJECTS.supplied)),
    brands=(Annotated[list[Brand], Field(max_length=MAX_BRANDS)] | None, None),
    public_records=(Annotated[list[_Record], Field(max_length=MAX_RECORDS)] | None, None),
)

_BRAND_ZH = {"品牌名称": "name", "权利人": "holder", "自有商标注册号": "own_trademark_no", "授权": "authorisation"}
_LINK_ZH = {"授权方": "from", "授权期起": "valid_from", "授权期止": "valid_until"}
_RECORD_ZH = {column.zh: column.name for column in PUBLIC_RECORDS.columns}
_FIELD_ZH = {column.zh: column.name for column in SUBJECTS.columns} | {
    "品牌": "brands",
    PUBLIC_RECORDS.zh: "public_records",
}
_LISTS = {"brands": _BRAND_ZH | _LINK_ZH, "public_records": _RECORD_ZH}


@dataclass(frozen=True)
class Application:
    """A validated application. `row` has every column of SUBJECTS; None for brands or records: not said."""

    row: Mapping[str, Any]
    brands: list[Brand] | None
    records: list[dict[str, Any]] | None


def read(path: Path) -> Application:
    """Read and validate the file of one applicant (`.json`, else YAML).

    Raises InputError naming every field that is not usable and what is expected; no value of the file is repeated.
    """
    return parse(contents(path, f"application {path}", "; give a JSON or YAML file", InputError), path)


def parse(raw: bytes, path: Path) -> Application:
    """Validate the bytes of an application; `path` is what errors call it. Raises InputError as `read` does."""
    data = _load(decoded(raw, f"application {path}", "one applicant is a few pages", InputError, "utf-8-sig"), path)
    if not isinstance(data, dict):
        raise InputError(f"application {path}: expected fields such as kind, name, uscc of one applicant")
    problems: list[tuple[str, str]] = []
    data = _english(data, _FIELD_ZH, "", problems)
    if isinstance(data.get("brands"), list):
        data["brands"] = [_english(brand, _BRAND_ZH, f"brands.{i}", problems) for i, brand in enumerate(data["brands"])]
        for i, brand in enumerate(data["brands"]):
            if isinstance(brand, dict) and brand.get("authorisation") is not None:
                links = _as_list(brand["authorisation"])
                if isinstance(links, list):
                    place = f"brands.{i}.authorisation"
                    brand["authorisation"] = [_english(link, _LINK_ZH, place, problems) for link in links]
    if isinstance(data.get("public_records"), list):
        records = [
            _english(record, _RECORD_ZH, f"public_records.{i}", problems)
            for i, record in enumerate(data["public_records"])
        ]
        data["public_records"] = records
        for i, record in enumerate(records):
            penalty = isinstance(record, dict) and record.get("kind") == _PENALTY
            if penalty and (record.get("grade") or "minor") not in SEVERITIES:
                problems.append((f"public_records.{i}.grade", f"of a penalty: expected {', '.join(SEVERITIES)}"))
    try:
        applicant = _Applicant.model_validate(data)
    except ValidationError as error:
        # Without the input: it may be a person's number.
        for p in error.errors(include_input=False, include_url=False, include_context=False):
            message = str(p["msg"]).removeprefix("Value error, ")
            if p["type"] == "extra_forbidden":
                message = "unknown field; the fields are those of table subjects, brands and public_records"
            problems.append((".".join(str(part) for part in p["loc"]), message))
    if problems:
        errors = [f"field {_label(place)}: {message}" for place, message in problems]
        raise InputError(error_list(f"application {path}", errors, "; put them right and vet again"))
    row = applicant.model_dump(include=set(SUBJECTS.names))
    row["role"] = row["role"] or "seller"
    public_records = applicant.public_records
    return Application(
        {name: row.get(name) for name in SUBJECTS.names},
        applicant.brands,
        None if public_records is None else [record.model_dump() for record in public_records],
    )


def _load(text: str, path: Path) -> Any:
    try:
        if path.suffix.lower() == ".json":
            return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=Decimal)
        # Days stay text, so that a day that is none is reported with its field.
        return read_yaml(text, "days_as_text")[0]
    except json.JSONDecodeError as error:
        raise InputError(f"application {path}, line {error.lineno}: not usable JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(f"application {path}: nested too deeply; expected the fields of one applicant") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, YamlFault) and error.line:
            # The key that stands twice is quoted in the problem: a file can put a number of persons there.
            problem = re.sub(r"'.*'", "…", str(error), flags=re.DOTALL)
            raise InputError(f"application {path}{error.where}: not usable YAML: {problem}") from None
        raise InputError(
            f"application {path}: a value or character is not usable; give text, amounts and days (YYYY-MM-DD), "
            "each field once"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no amount")


def _english(value: Any, names: Mapping[str, str], place: str, problems: list[tuple[str, str]]) -> Any:
    """The same fields under their English names."""
    if not isinstance(value, dict):
        return value
    renamed: dict[str, Any] = {}
    for key, content in value.items():
        name = names.get(str(key), str(key))
        if name in renamed:
            problems.append((f"{place}.{name}".lstrip("."), "stands twice, in Chinese and in English; give it once"))
        renamed[name] = content
    return renamed


def _label(place: str) -> str:
    """A field's name, with the Chinese one; never more of a hostile name than can be read in one line."""
    names = _LISTS.get(place.split(".")[0], {}) if "." in place else _FIELD_ZH
    chinese = next((zh for zh, english in names.items() if english == place.rsplit(".", 1)[-1]), None)
    name = place if place.isprintable() else ascii(place)
    name = name if len(name) <= _LABEL_LENGTH else name[:_LABEL_LENGTH] + "…"
    return f"{name} ({chinese})" if chinese else re.sub(r"\d{7,}[0-9Xx]?", "***", name)

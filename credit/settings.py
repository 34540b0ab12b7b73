"""One settings object: command line, environment (`MERCHANT_CREDIT_*`), `config.toml` in the home, defaults."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from credit.errors import UserError
from credit.tables import TABLES

DEFAULT_ZONE = "Asia/Shanghai"
PREFIX = "MERCHANT_CREDIT_"


class Settings(BaseSettings):
    """Every setting with its default; `merchant-credit config` prints the values in force and where each is from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(Path("merchant-credit-home"), description="folder of the warehouse and of published/")
    zone: str | None = Field(
        None,
        description="the platform's time zone (IANA name); unset: the source's own, else Asia/Shanghai; "
        "fixed for a home by its first batch",
    )
    threads: int | None = Field(None, ge=1, description="DuckDB threads; unset: all cores")
    lock_wait_seconds: float = Field(
        300,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="how long `nightly` waits for another process to close the warehouse before it gives up (exit code 5)",
    )
    memory_limit: str = Field(
        "1GB",
        pattern=r"^[1-9]\d*(\.\d+)?\s?[KMGT]i?B$",
        description="DuckDB memory limit; it spills to disk past that",
    )
    encoding: Literal["auto", "utf-8", "gb18030", "big5hkscs", "shift_jis", "euc_jp", "euc_kr", "cp1252"] = Field(
        "auto", description="encoding of CSV, TSV and JSON input; auto: UTF-8 or GB18030, judged line by line"
    )
    done_marker: str | None = Field(
        None,
        description="name of a file that is written into a folder when its delivery is complete; without it the folder is refused",
    )
    whole_tables: dict[str, Literal["report", "end"]] = Field(
        {},
        description="tables whose every delivery holds all rows in force, and what becomes of one that is absent: report "
        "(told of, still counted) or end (told of, and over with the day before); other tables come as what is new",
    )
    max_file_mb: int = Field(4096, ge=1, description="largest input file, unpacked, in MiB")
    on_failed_check: Literal["stop", "quarantine"] = Field(
        "stop",
        description="a batch that fails its expectations: stop the night, or set the batch aside and go on",
    )
    check_rows: int = Field(
        1_000_000, ge=1_000, description="rows of a batch that the expectations read at most, per table"
    )
    keep_versions: int = Field(7, ge=1, description="published versions kept")
    keep_nights: int = Field(
        35, ge=1, description="nights whose indicator rows stay in the warehouse (grades stay for ever)"
    )
    proof_timestamp_days: int = Field(
        2, ge=1, le=7, description="days after which readers call a signed version stale unless a newer one has come"
    )
    platform_name: str = Field("示例平台", description="who discloses, in Chinese")
    platform_name_en: str = Field("Example Platform", description="who discloses, in English")
    objection_contact: str = Field("credit@example.com", description="where a merchant objects to its grade")
    site_url: str | None = Field(
        None,
        description="address under which published/current is served, for canonical links, the sitemap, prints and badges; "
        "without it pages name none",
    )
    postgres_url: SecretStr | None = Field(
        None, description="URL of the PostgreSQL database that `export postgres` writes to; never printed"
    )
    mysql_url: SecretStr | None = Field(
        None, description="URL of the MySQL database that `export mysql` writes to; never printed"
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("not an IANA time zone; expected for example Asia/Shanghai")
        return value

    @field_validator("site_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if (
            value is not None
            and re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?", value) is None
        ):
            raise ValueError("not an address; expected for example https://credit.example.com")
        return value.rstrip("/") if value else value

    @field_validator("whole_tables")
    @classmethod
    def _tables_exist(cls, value: dict[str, str]) -> dict[str, str]:
        for name, absent in value.items():
            if name not in TABLES:
                raise ValueError(f"{name!r} is no canonical table; allowed: {', '.join(TABLES)}")
            if absent == "end" and TABLES[name].ended_by is None:
                able = ", ".join(table.name for table in TABLES.values() if table.ended_by)
                raise ValueError(f"rows of {name} have no end, only report is allowed; end: {able}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get("home") or env_settings().get("home") or cls.model_fields["home"].default
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(home) / "config.toml")

    @property
    def database(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def key_file(self) -> Path:
        return self.home / "pseudonym.key"


def load(**options: Any) -> Settings:
    """The settings in force; `options` (None left out) win over environment and file.

    Raises UserError that names the setting, where it was read and what is allowed.
    """
    options = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**options)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            origin = (
                f"environment variable {PREFIX}{name.upper()}"
                if f"{PREFIX}{name.upper()}" in os.environ and name not in options
                else f"setting {name}"
            )
            lines.append(f"{origin}: {_expected(name, problem['msg'])}{_got(name, problem.get('input'))}")
        raise UserError("settings are not usable:\n  " + "\n  ".join(lines)) from None
    except SettingsError as error:  # a variable that should hold JSON
        raise UserError(f'{error}; expected JSON, for example \'{{"public_records": "end"}}\'') from None
    except ValueError as error:  # a config.toml that is not TOML
        raise UserError(f"config.toml in the home cannot be read: {error}") from None


def _expected(name: str, message: str) -> str:
    """What is wrong with a setting; of one that does not exist, which was meant."""
    if name in Settings.model_fields:
        return message
    meant = difflib.get_close_matches(name, Settings.model_fields, 1)
    return "there is no such setting" + (f"; {meant[0]} was meant?" if meant else ", see `merchant-credit config`")


def _got(name: str, value: Any) -> str:
    """The value as given, but for what may be a password: messages go to logs and mails."""
    field = Settings.model_fields.get(name)
    secret = field is None or "Secret" in str(field.annotation) or "@" in str(value)
    return "" if secret else f" (got {value!r})"


def cut_off(day: date, zone: str) -> datetime:
    """The cut-off of the evaluation of `day`: 00:00 of that day in the platform's zone, as an aware instant."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def last_day(end: datetime, zone: str) -> date:
    """The last day in the platform's zone of what ends at an instant: that of 00:00 is the day before."""
    return (end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()


def origins(settings: Settings, **options: Any) -> dict[str, str]:
    """Setting -> where its value comes from: command line, environment, config.toml or default."""
    file = settings.home / "config.toml"
    in_file = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    origin_of = {}
    for name in Settings.model_fields:
        if options.get(name) is not None:
            origin_of[name] = "command line"
        elif f"{PREFIX}{name.upper()}" in os.environ:
            origin_of[name] = f"environment {PREFIX}{name.upper()}"
        else:
            origin_of[name] = str(file) if name in in_file else "default"
    return origin_of


def origin(settings: Settings, name: str) -> str:
    """The setting as an error names it: by the environment variable or the file that it was read from."""
    place = origins(settings)[name]
    return f"{name} in {place}" if place.endswith(".toml") else place

"""The case of an applicant: what it states, and what the warehouse knows of it."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw

from credit.errors import UserError
from credit.evaluation import engine
from credit.evaluation.night import supplied
from credit.intake.pseudonyms import pseudonym_key
from credit.ledgers import overlay
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.vetting.application import Application, Brand
from credit.warehouse.connection import zone_of

# --- the case ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What is known of an applicant at the end of `day`. Rows of the warehouse are those of everybody with its code."""

    day: date
    applicant: str
    """The id, or where there is none a keyed fingerprint of the code."""
    row: Mapping[str, Any]
    brands: Sequence[Brand] | None
    records: Sequence[Mapping[str, Any]] | None
    """Public records of the application; None: nobody looked them up."""
    known_records: Sequence[Mapping[str, Any]] = ()
    registered: bool = False
    """The applicant is the register's own row, not an application."""
    owned: Sequence[str] = ()
    """Other merchants that have, or once had, the same code."""
    id_taken: bool = False
    sanctions: Sequence[Mapping[str, Any]] = ()
    violations: Sequence[Mapping[str, Any]] = ()
    grades: Sequence[str] = ()


def plain(text: Any) -> str:
    return unicodedata.normalize("NFKC", str(text))


def same_text(text: Any) -> str:
    """A name as it is compared: full-width forms, letter case and spaces do not matter."""
    return re.sub(r"\s", "", plain(text)).casefold()


def comparable_code(text: Any) -> str:
    """A code as it is compared, or ""."""
    return re.sub(r"[\s-]", "", plain(text)).upper() if text else ""


def codes_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The codes a subject answers for: an enterprise its credit code alone, an individual every one it gives."""
    names = ("uscc",) if row["kind"] == "enterprise" else ("uscc", "id_number")
    return {name: code for name in names if (code := comparable_code(row[name]))}


def case_of_application(
    con: duckdb.DuckDBPyConnection, settings: Settings, application: Application, day: date
) -> Case:
    """An application with what the warehouse knows of its code at the end of `day`."""
    own = application.row["subject_id"]
    code = "/".join(codes_of(application.row).values())
    mark = hmac.new(pseudonym_key(settings), (code or application.row["name"] or "").encode(), hashlib.sha256)
    case = Case(
        day,
        own or f"{'code' if code else 'name'}-{mark.hexdigest()[:16]}",
        application.row,
        application.brands,
        application.records,
        # Whoever applies cannot claim to be a merchant of the register: all ids with the code are somebody's.
        id_taken=own is not None and bool(_rows(con, "subjects", _end_of(day, zone_of(con, settings)), [own])),
    )
    return _with_warehouse(con, settings, case, "")


def case_of_subject(con: duckdb.DuckDBPyConnection, settings: Settings, subject_id: str, day: date) -> Case:
    """A merchant of the register as known at the end of `day`. Raises UserError when nobody had that id then."""
    moment = _end_of(day, zone_of(con, settings))
    rows = _rows(con, "subjects", moment, [subject_id])
    if not rows:
        raise UserError(
            f"--subject {subject_id!r}: nobody had that id at the end of {day}; `merchant-credit grades` lists ids, "
            "or give a later --date or an application file"
        )
    looked_up = "public_records" in supplied(con, moment)
    case = Case(day, subject_id, rows[0], None, [] if looked_up else None, registered=True)
    return _with_warehouse(con, settings, case, subject_id)


def _end_of(day: date, zone: str) -> engine.Moment:
    return engine.Moment(cut_off(day + timedelta(days=1), zone), zone)


def _rows(
    con: duckdb.DuckDBPyConnection, table: str, moment: engine.Moment, subjects: Sequence[str]
) -> list[dict[str, Any]]:
    frame = engine.known(con, moment)(TABLES[table]).lazy().filter(nw.col("subject_id").is_in(list(subjects)))
    rows = frame.sort(TABLES[table].key).collect(backend="pyarrow").to_arrow().to_pylist()
    zone = ZoneInfo(moment.zone)  # days are counted in the platform's zone
    return [{k: v.astimezone(zone) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]


def _with_warehouse(con: duckdb.DuckDBPyConnection, settings: Settings, case: Case, own: str) -> Case:
    zone = zone_of(con, settings)
    moment = _end_of(case.day, zone)
    # Superseded versions as well: a code that was changed does not wash a merchant clean. And those put right on objection.
    names = "subject_id, role, uscc, id_number, known_at"
    corrected = overlay.overlaid(con, TABLES["subjects"], overlay.current(con, "subjects"), moment.cut_off.date())
    same_code = " OR ".join(f"upper(regexp_replace({name}, '[\\s-]', '', 'g')) = ?" for name in codes_of(case.row))
    everybody = [
        (subject_id, role)
        for subject_id, role in con.execute(
            f"""SELECT DISTINCT subject_id, role FROM (
                    SELECT {names} FROM canonical.subjects UNION ALL SELECT {names} FROM history.subjects
                    UNION ALL SELECT {names} FROM ({corrected}))
                WHERE known_at <= ? AND ({same_code or "false"}) ORDER BY ALL""",
            [moment.cut_off, *codes_of(case.row).values()],
        ).fetchall()
    ]
    owned = sorted({subject_id for subject_id, role in everybody if role == "seller" and subject_id != own})
    ids = sorted({subject_id for subject_id, _ in everybody} | ({own} if own else set()))
    grades = con.execute(
        """SELECT arg_max(grade, g.evaluated_on) FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook)
           WHERE list_contains(?, subject_id) AND g.evaluated_on <= ? AND r.standing <> 'trial'
           GROUP BY g.subject_id ORDER BY 1""",
        [ids, case.day],
    ).fetchall()
    return replace(
        case,
        # What is known already counts; where nobody looked, more may be there.
        known_records=_rows(con, "public_records", moment, ids),
        owned=owned,
        sanctions=_rows(con, "sanctions", moment, ids),
        violations=_rows(con, "violations", moment, ids),
        grades=[row[0] for row in grades],
    )

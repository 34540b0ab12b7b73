"""The periodic report to authorities (E-Commerce Law Art. 28; standard 5.7.5): identity of operators and key figures.

It is no publication: figures are exact, and the files are readable by their owner only. Natural persons are masked as in
what is published, unless they are asked for in full; then every file is named 含个人信息 and says so.

Facts are those of the period, from 00:00 of its first day to the end of its last in the platform's zone, as known at
that end. The same warehouse gives the same bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import duckdb

from credit.disclosure import personal
from credit.disclosure.documents import RECORD_KINDS, SANCTION_KINDS
from credit.errors import UserError
from credit.evaluation import engine
from credit.evaluation.night import supplied
from credit.files.formats import csv_bytes
from credit.ledgers import objections as ledger
from credit.settings import Settings, cut_off, last_day
from credit.tables import LISTINGS, SUBJECTS, TABLES
from credit.warehouse.connection import dicts, zone_of

PERSONAL = "含个人信息"
SHEET_ROWS = 1_000_000
"""A sheet of Excel holds 1,048,576 rows; what is more goes to another."""

Row = dict[str, Any]
_Clear = Callable[[Row, str], str | None]
"""The text of a column as the report shows it."""


@dataclass(frozen=True)
class Sheet:
    """One table. `columns`: (key, 中文, English); `name` is the CSV's, `title` the sheet's."""

    name: str
    title: str
    columns: tuple[tuple[str, str, str], ...]
    rows: list[Row]

    @property
    def headers(self) -> list[str]:
        return [f"{zh} {en}" for _, zh, en in self.columns]


@dataclass(frozen=True)
class Report:
    first: date
    last: date
    unmasked: bool
    sheets: list[Sheet] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {sheet.name: len(sheet.rows) for sheet in self.sheets}

    @property
    def stem(self) -> str:
        return f"report-{self.first}-{self.last}" + (f"-{PERSONAL}" if self.unmasked else "")


FIGURES = (
    ("orders", "订单数", "Orders"),
    ("amount", "交易额", "Amount, orders not cancelled"),
    ("currency", "币种", "Currency"),
    ("completed", "完成订单数", "Completed"),
    ("cancelled", "取消订单数", "Cancelled"),
    ("cancelled_by_seller", "商家取消数", "Cancelled by the seller"),
    ("refunds_asked", "申请退款数", "Refunds asked for"),
    ("refunds", "退款笔数", "Refunds made"),
    ("refund_amount", "退款金额", "Amount refunded"),
    ("complaints", "投诉件数", "Complaints"),
    ("complaints_upheld", "认定商家责任件数", "Complaints upheld against the seller"),
    ("complaints_resolved", "办结件数", "Complaints resolved"),
    ("reviews", "评价数", "Reviews"),
    ("rating", "平均星级", "Mean rating"),
    ("violations", "平台违规数", "Violations found"),
    ("sanctions_imposed", "实施处置数", "Sanctions imposed"),
    ("sanctions_in_force", "期末生效处置数", "Sanctions in force at the end"),
    ("records_new", "新增公共信用记录数", "Public records new"),
    ("records_in_force", "期末生效公共信用记录数", "Public records in force at the end"),
)
_TABLE_OF = {
    "complaints": "complaints", "complaints_upheld": "complaints", "complaints_resolved": "complaints",
    "reviews": "reviews", "rating": "reviews", "violations": "violations", "sanctions_imposed": "sanctions",
    "sanctions_in_force": "sanctions", "records_new": "public_records", "records_in_force": "public_records",
}  # fmt: skip
"""Whose figures they are; of the rest: transactions. What was never supplied is blank, not 0."""
_MONEY = ("amount", "refund_amount")
_IDENTITY = (
    "subject_id", "kind", "name", "shop_name", "uscc", "id_number", "licence_no", "licence_valid_from", "licence_valid_until",
    "permit_no", "permit_valid_until", "icp_record", "address", "contact", "self_operated", "category", "joined_on",
    "verified_on",
)  # fmt: skip
_CHANNELS = {
    "platform": "平台", "12315": "12315 热线", "association": "消费者组织", "mediation": "调解", "arbitration": "仲裁",
    "court": "法院",
}  # fmt: skip


def build(
    con: duckdb.DuckDBPyConnection, settings: Settings, first: date, last: date, *, unmasked: bool = False
) -> Report:
    """The report of the days `first` to `last`. Raises UserError when the period is none or has not ended."""
    zone = zone_of(con, settings)
    if last < first:
        raise UserError(f"--to {last} lies before --from {first}")
    if last >= (today := datetime.now(ZoneInfo(zone)).date()):
        raise UserError(f"--to {last} has not ended: today is {today}; report a period that is over")
    facts = _Facts(con, first, last, zone)
    register = facts.register()
    if not register:
        raise UserError(f"no merchants were known at the end of {last}: there is nothing to report")
    clear = _as_entered if unmasked else _masked(register)
    sanctions = facts.sanctions(register, clear)
    records = facts.records(register, clear)
    figures = facts.figures(register, sanctions, records)
    begun, ended = facts.grades(first), facts.grades(last + timedelta(days=1))
    objections = _objections(con, first, last, register)
    report = Report(first, last, unmasked)
    totals = list(_totals(facts, register, ended, figures, sanctions, records, objections))
    about = list(_about(settings, facts, report))
    report.sheets.extend(
        [
            Sheet("about", "说明", _ABOUT, about),
            Sheet("platform", "平台合计", _TOTALS, totals),
            Sheet(
                "operators", "经营主体", _operators(unmasked), [_identity(row, unmasked) for row in register.values()]
            ),
            Sheet("figures", "主要数据", _FIGURES, _grades_and_figures(begun, ended, figures)),
            Sheet("sanctions", "平台处置", _SANCTIONS, sanctions),
            Sheet("public_records", "公共信用记录", _RECORDS, records),
            Sheet("objections", "异议", _OBJECTIONS, objections),
        ]
    )
    return report


def _operators(unmasked: bool) -> tuple[tuple[str, str, str], ...]:
    """The columns of the operators' identity."""
    columns = [(c.name, c.zh, c.en) for c in map(SUBJECTS.column, _IDENTITY) if unmasked or c.name != "id_number"]
    return (*columns, *(() if unmasked else (("not_shown", "未完整列示的栏目", "Not shown whole"),)))


def _grades_and_figures(begun: Mapping[str, Row], ended: Mapping[str, Row], figures: Mapping[str, Row]) -> list[Row]:
    """Each merchant's grades at the beginning and the end of the period, and its figures."""
    ungraded = dict.fromkeys(("grade", "score", "standing"))
    return [
        {"subject_id": name, "grade_before": begun.get(name, {}).get("grade")} | ungraded | ended.get(name, {}) | row
        for name, row in figures.items()
    ]


_SUBJECT = ("subject_id", "主体编号", "Merchant id")
_SANCTIONS = (
    _SUBJECT,
    ("kind", "措施类型", "Kind"),
    ("reason", "原因", "Reason"),
    ("imposed_on", "实施日期", "Imposed on"),
    ("until", "期满日期", "Last day"),
    ("lifted_on", "解除日期", "Lifted on"),
    ("in_force", "期末生效", "In force at the end"),
)
_RECORDS = (
    _SUBJECT,
    ("kind", "记录类型", "Kind"),
    ("issuer", "公布机关", "Issuer"),
    ("reference", "文书号", "Document number"),
    ("grade", "等次", "Severity or grade"),
    ("valid_from", "生效日期", "In force from"),
    ("valid_until", "截止日期", "In force until"),
    ("repaired_on", "信用修复日期", "Repaired on"),
    ("note", "说明", "Note"),
    ("in_force", "期末生效", "In force at the end"),
)
_OBJECTIONS = (
    ("number", "编号", "Number"),
    _SUBJECT,
    ("about", "异议事项", "About"),
    ("filed_on", "提出日期", "Filed on"),
    ("state", "状态", "State"),
    ("outcome", "处理结果", "Outcome"),
    ("decided_on", "处理日期", "Decided on"),
    ("days", "处理天数", "Days"),
)
_FIGURES = (
    _SUBJECT,
    ("grade_before", "期初信用等级", "Grade at the beginning"),
    ("grade", "期末信用等级", "Grade at the end"),
    ("score", "期末信用得分", "Score at the end"),
    ("standing", "规则效力", "Standing of the rulebook"),
    *FIGURES,
)
_ABOUT = (("about", "项目", "Item"), ("value", "内容", "Content"))
_TOTALS = (("item", "项目", "Item"), ("detail", "分类", "Detail"), ("value", "数值", "Value"))


class _Facts:
    """What the warehouse knows of the period, as known at its end."""

    def __init__(self, con: duckdb.DuckDBPyConnection, first: date, last: date, zone: str) -> None:
        self.con, self.zone, self.last = con, zone, last
        self.start, self.end = cut_off(first, zone), cut_off(last + timedelta(days=1), zone)
        self.first = first
        moment = engine.Moment(self.end, zone)
        self.supplied = supplied(con, moment)
        self._known = engine.known(con, moment)

    def ask(self, table: str, sql: str) -> list[Row]:
        """Rows of a query over `t`, the table as known at the end."""
        return _query(self._known(TABLES[table]).to_native(), sql)

    def within(self, column: str) -> str:
        """SQL: the instant lies in the period."""
        return f"{column} >= TIMESTAMPTZ '{self.start.isoformat()}' AND {column} < TIMESTAMPTZ '{self.end.isoformat()}'"

    def day(self, instant: datetime | None) -> date | None:
        return instant.astimezone(ZoneInfo(self.zone)).date() if instant else None

    def register(self) -> dict[str, Row]:
        """The sellers by id, personal columns included."""
        rows = self.ask("subjects", "SELECT * FROM t WHERE role = 'seller' ORDER BY subject_id")
        return {row["subject_id"]: row for row in rows}

    def grades(self, day: date) -> dict[str, Row]:
        """Each seller's grade at the latest evaluation up to the night of `day`; official ones where there are any."""
        rows = self.con.execute(
            """WITH runs AS (
                   SELECT * FROM results.runs WHERE coalesce(subject_role, 'seller') = 'seller' AND evaluated_on <= ?),
               latest AS (
                   SELECT coalesce(max(evaluated_on) FILTER (standing = 'in_force'), max(evaluated_on)) AS day FROM runs)
               SELECT g.subject_id, g.grade, g.score::DOUBLE AS score, r.standing FROM results.grades g
               JOIN runs r USING (evaluated_on, rulebook) JOIN latest l ON l.day = g.evaluated_on""",
            [day],
        ).fetchall()
        return {name: {"grade": grade, "score": score, "standing": standing} for name, grade, score, standing in rows}

    def figures(self, register: Mapping[str, Row], sanctions: list[Row], records: list[Row]) -> dict[str, Row]:
        """The figures of each seller; blank where the table was never supplied."""
        have = {name for name in TABLES if name in self.supplied}
        nothing = {
            name: 0 if _TABLE_OF.get(name, "transactions") in have and name not in ("currency", "rating") else None
            for name, _, _ in FIGURES
        }
        figures: dict[str, Row] = {name: dict(nothing) for name in register}
        for table, sql in self._queries():
            for row in self.ask(table, sql) if table in have else ():
                name = row.pop("subject_id")
                if name in figures:
                    figures[name] |= row
        for rows, began, new, in_force in (
            (sanctions, "imposed_on", "sanctions_imposed", "sanctions_in_force"),
            (records, "valid_from", "records_new", "records_in_force"),
        ):
            for row in rows:
                merchant = figures[row["subject_id"]]
                merchant[new] += row[began] >= self.first
                merchant[in_force] += row["in_force"]
        for merchant in figures.values():
            currencies = merchant["currency"] or []
            merchant["currency"] = "+".join(currencies) or None
            if len(currencies) > 1:  # no one amount
                merchant |= dict.fromkeys(_MONEY)
        return figures

    def _queries(self) -> tuple[tuple[str, str], ...]:
        """(table, SQL over it) of the figures, a row a seller."""
        return (
            (
                "transactions",
                f"""SELECT subject_id, count(*) AS orders, count(completed_at) AS completed,
                        count(cancelled_at) AS cancelled,
                        count(*) FILTER (cancelled_by = 'seller') AS cancelled_by_seller,
                        count(*) FILTER (refund_reason <> 'none') AS refunds_asked, count(refunded_at) AS refunds,
                        coalesce(sum(amount) FILTER (cancelled_at IS NULL), 0) AS amount,
                        coalesce(sum(refund_amount), 0) AS refund_amount,
                        list_sort(list(DISTINCT currency)) AS currency
                    FROM t WHERE {self.within("ordered_at")} GROUP BY subject_id""",
            ),
            (
                "complaints",
                f"""SELECT subject_id, count(*) AS complaints, count(resolved_at) AS complaints_resolved,
                        count(*) FILTER (outcome IN ('upheld', 'partly_upheld') AND coalesce(liability, 'seller') = 'seller')
                            AS complaints_upheld
                    FROM t WHERE {self.within("filed_at")} GROUP BY subject_id""",
            ),
            (
                "reviews",
                f"""SELECT subject_id, count(*) AS reviews, round(avg(rating_overall), 2) AS rating
                    FROM t WHERE {self.within("reviewed_at")} AND NOT coalesce(shared, false) AND coalesce(authentic, true)
                    GROUP BY subject_id""",
            ),
            (
                "violations",
                f"""SELECT subject_id, count(*) AS violations FROM t
                    WHERE {self.within("decided_at")} AND withdrawn_at IS NULL GROUP BY subject_id""",
            ),
        )

    def amounts(self) -> list[Row]:
        """Amount and refunds of all sellers, by currency."""
        return self.ask(
            "transactions",
            f"""SELECT currency, coalesce(sum(amount) FILTER (cancelled_at IS NULL), 0) AS amount,
                    coalesce(sum(refund_amount), 0) AS refund_amount
                FROM t WHERE {self.within("ordered_at")} GROUP BY currency ORDER BY currency""",
        )

    def channels(self) -> dict[str, int]:
        """Complaints of all sellers, by channel."""
        sql = f"SELECT channel, count(*) AS n FROM t WHERE {self.within('filed_at')} GROUP BY channel ORDER BY channel"
        return {row["channel"]: row["n"] for row in self.ask("complaints", sql)}

    def sanctions(self, register: Mapping[str, Row], clear: _Clear) -> list[Row]:
        """Sanctions imposed in the period, or in force at its end."""
        end = f"TIMESTAMPTZ '{self.end.isoformat()}'"
        # Not blanked: an end that lies ahead is announced, and belongs here.
        rows = _query(
            engine.relation(self.con, TABLES["sanctions"], self.end),
            f"""SELECT subject_id, kind, reason, imposed_at, until_at, lifted_at,
                    coalesce(until_at > {end}, true) AND coalesce(lifted_at >= {end}, true) AS in_force
                FROM t WHERE imposed_at < {end} ORDER BY subject_id, imposed_at, sanction_id""",
        )
        return [
            {
                "subject_id": row["subject_id"],
                "kind": _named(row["kind"], SANCTION_KINDS),
                "reason": clear(row, "reason"),
                "imposed_on": self.day(row["imposed_at"]),
                "until": last_day(row["until_at"], self.zone) if row["until_at"] else None,
                "lifted_on": self.day(row["lifted_at"]) if not row["in_force"] else None,
                "in_force": row["in_force"],
            }
            for row in rows
            if row["subject_id"] in register and (row["in_force"] or row["imposed_at"] >= self.start)
        ]

    def records(self, register: Mapping[str, Row], clear: _Clear) -> list[Row]:
        """Public records that began in the period, or are in force at its end."""
        after, last = f"DATE '{self.last + timedelta(days=1)}'", f"DATE '{self.last}'"
        rows = _query(
            engine.relation(self.con, TABLES["public_records"], self.end),
            f"""SELECT subject_id, kind, issuer, reference, grade, valid_from, valid_until,
                    CASE WHEN repaired_on < {after} THEN repaired_on END AS repaired_on, note,
                    coalesce(valid_until >= {last}, true) AND coalesce(repaired_on >= {after}, true) AS in_force
                FROM t WHERE valid_from < {after} ORDER BY subject_id, valid_from, record_id""",
        )
        shown = []
        for row in rows:
            if row["subject_id"] in register and (row["in_force"] or row["valid_from"] >= self.first):
                texts = {name: clear(row, name) for name in ("issuer", "reference", "note")}
                shown.append(row | {"kind": _named(row["kind"], RECORD_KINDS)} | texts)
        return shown


def _as_entered(row: Row, name: str) -> str | None:
    text: str | None = row[name]
    return text


def _masked(register: Mapping[str, Row]) -> _Clear:
    """As in what is published."""
    persons = personal.Persons(merchant["name"] for merchant in register.values() if merchant["kind"] != "enterprise")

    def clear(row: Row, name: str) -> str | None:
        return personal.column(name, row[name], register[row["subject_id"]], persons)

    return clear


def _query(relation: duckdb.DuckDBPyRelation, sql: str) -> list[Row]:
    rows = relation.query("t", sql)
    assert rows is not None  # of a SELECT
    return dicts(rows)


def _named(code: str, names: Mapping[str, tuple[str, str]]) -> str:
    return " ".join(names[code])


def _identity(row: Row, unmasked: bool) -> Row:
    if unmasked:
        return row
    published, states = personal.subject(row)
    hidden = [name for name, state in states.items() if state in ("masked", "withheld")]
    return {name: published.get(name) for name in _IDENTITY} | {"not_shown": "; ".join(hidden) or None}


def _objections(con: duckdb.DuckDBPyConnection, first: date, last: date, register: Mapping[str, Row]) -> list[Row]:
    """Objections filed or decided in the period, or open at its end."""
    rows = []
    for objection in ledger.objections(con):
        events = [event for event in objection.events if event.day <= last]
        if objection.day > last or objection.subject_id not in register:
            continue
        if not events or objection.day >= first or events[-1].day >= first:
            closed = events[-1] if events else None
            rows.append(
                {
                    "number": objection.number,
                    "subject_id": objection.subject_id,
                    "about": _named(objection.about, ledger.ABOUT),
                    "filed_on": objection.day,
                    "state": _named(closed.event if closed else "open", ledger.OBJECTION_STATES),
                    "outcome": _named(closed.outcome or "withdrawn", ledger.OUTCOMES) if closed else None,
                    "decided_on": closed.day if closed else None,
                    "days": (closed.day - objection.day).days if closed else None,
                }
            )
    return rows


def _totals(
    facts: _Facts,
    register: Mapping[str, Row],
    ended: Mapping[str, Row],
    figures: Mapping[str, Row],
    sanctions: list[Row],
    records: list[Row],
    objections: list[Row],
) -> Iterator[Row]:
    """The platform's own figures."""

    def row(item: str, value: Any, detail: str | None = None) -> Row:
        return {"item": item, "detail": detail, "value": value}

    def counted(item: str, details: Iterator[str]) -> Iterator[Row]:
        yield from (row(item, n, detail) for detail, n in sorted(Counter(details).items()))

    yield row("经营主体数 Merchants", len(register))
    kinds = {"enterprise": "企业 Enterprise", "individual": "自然人 Individual"}
    yield from counted("经营主体数 Merchants", (kinds[r["kind"]] for r in register.values()))
    yield row("平台自营 Self-operated", sum(bool(r["self_operated"]) for r in register.values()))
    yield from counted("期末信用等级 Grade at the end", (ended[n]["grade"] for n in register if n in ended))
    for name, zh, en in FIGURES:
        if name in (*_MONEY, "currency", "rating"):
            continue
        values = [merchant[name] for merchant in figures.values() if merchant[name] is not None]
        yield row(f"{zh} {en}", sum(values) if values else None)
    if "transactions" in facts.supplied:
        for money in facts.amounts():
            yield row("交易额 Amount, orders not cancelled", money["amount"], money["currency"])
            yield row("退款金额 Amount refunded", money["refund_amount"], money["currency"])
    if "complaints" in facts.supplied:
        for channel, n in facts.channels().items():
            yield row("投诉件数 Complaints", n, f"{_CHANNELS[channel]} {channel}")
    yield from counted("生效处置 Sanctions in force", (s["kind"] for s in sanctions if s["in_force"]))
    yield from counted("生效公共信用记录 Public records in force", (r["kind"] for r in records if r["in_force"]))
    yield row("异议 Objections", len(objections))
    yield from counted("异议 Objections", (o["outcome"] or o["state"] for o in objections))


def _about(settings: Settings, facts: _Facts, report: Report) -> Iterator[Row]:
    def row(about: str, value: Any) -> Row:
        return {"about": about, "value": value}

    yield row("平台 Platform", f"{settings.platform_name} {settings.platform_name_en}")
    yield row("报送期间 Period", f"{report.first} – {report.last} ({facts.zone})")
    yield row("数据截止 Facts known by", facts.end.isoformat())
    if report.unmasked:
        yield row(
            f"{PERSONAL} Contains personal information",
            "仅供依法报送，不得公开 for reporting as the law asks; not to be made public",
        )
    else:
        yield row("个人信息 Personal information", "自然人信息已脱敏或不列示 natural persons are masked or withheld")
        yield row("用途 Use", "仅供报送，不公开 for reporting; figures are exact and not for publication")
    # Nothing here is of listings.
    missing = [TABLES[name].zh for name in TABLES if name not in facts.supplied and name != LISTINGS.name]
    if missing:
        yield row("平台未掌握 Not supplied (blank here)", "、".join(missing))
    yield row("依据 By", "《电子商务法》第二十八条 E-Commerce Law Art. 28")


# --- files -------------------------------------------------------------------------------------------------------


def write(report: Report, folder: Path) -> list[Path]:
    """The report as one XLSX and a CSV a table, each whole or not at all, mode 0600. Raises UserError.

    Returns the files' paths. Files of the same report that are there already are replaced.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = [folder / f"{report.stem}.xlsx"]
        with _private(paths[0]) as file:
            _workbook(report, file)
        for sheet in report.sheets:
            paths.append(folder / f"{report.stem}-{sheet.name}.csv")
            rows = [
                dict(zip(sheet.headers, (row.get(key) for key, _, _ in sheet.columns), strict=True))
                for row in sheet.rows
            ]
            with _private(paths[-1]) as file:
                file.write(csv_bytes(sheet.headers, [rows]))
    except OSError as error:
        raise UserError(f"--out {folder} cannot be written: {error.strerror or error}") from None
    return paths


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A file that nobody but its owner can read at any moment; there only when it is whole."""
    aside = path.with_name(f".{path.name}.unfinished")
    aside.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _workbook(report: Report, file: IO[bytes]) -> None:
    """Typed cells; text is always text, whatever it looks like. The same rows give the same bytes."""
    import xlsxwriter

    with tempfile.TemporaryDirectory() as scratch:  # mode 0700: rows pass through files there
        book = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "tmpdir": scratch,
            },
        )
        book.set_properties(
            {"created": datetime.combine(report.last, time()), "comments": PERSONAL if report.unmasked else ""}
        )
        formats = {
            "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
            "money": book.add_format({"num_format": "#,##0.00"}),
        }
        for sheet in report.sheets:
            for part in range(max(1, -(-len(sheet.rows) // SHEET_ROWS))):
                page = book.add_worksheet(sheet.title + (f" ({part + 1})" if part else ""))
                page.freeze_panes(1, 1)
                page.set_column(0, len(sheet.columns) - 1, 18)
                if report.unmasked:
                    page.set_footer(f"&C{PERSONAL}")
                for column, header in enumerate(sheet.headers):
                    page.write_string(0, column, header, formats["head"])
                for line, row in enumerate(sheet.rows[part * SHEET_ROWS : (part + 1) * SHEET_ROWS], 1):
                    for column, (key, _, _) in enumerate(sheet.columns):
                        _cell(page, line, column, row.get(key), formats)
        book.close()


def _cell(page: Any, line: int, column: int, value: Any, formats: Mapping[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        page.write_boolean(line, column, value)
    elif isinstance(value, Decimal):
        page.write_number(line, column, float(value), formats["money"])
    elif isinstance(value, int | float):
        page.write_number(line, column, value)
    elif isinstance(value, date):
        # Excel knows no day before 1900.
        if value.year < 1900:
            page.write_string(line, column, value.isoformat())
        else:
            page.write_datetime(line, column, datetime.combine(value, time()), formats["date"])
    else:
        page.write_string(line, column, str(value))

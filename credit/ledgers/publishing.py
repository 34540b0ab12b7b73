"""What the ledgers say in public: objections, sanctions in force, notices, and figures of objections.

There is no clock: all of it follows from the ledgers' rows and the night that is published. "Now" is the later of that
night and the day of the latest entry, so what was entered today shows at the next publish, whatever night it publishes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from credit.ledgers import closings, findings, overlay
from credit.ledgers.moments import coded
from credit.ledgers.objections import ABOUT, OUTCOMES, Objection, ObjectionEvent, objections
from credit.settings import cut_off, last_day
from credit.tables import TABLES
from credit.warehouse.connection import scalar
from credit.warehouse.ledger_tables import LEDGERS

SHOWN_DAYS = 365
"""Decided objections are shown, and counted in the figures, for the longest window of the figures of trade."""
CORRECTION_DAYS = 90
"""A correction is announced for a quarter: who looks at a merchant now and then has time to see that what was shown
before is no longer so. No law states a term."""
NOTICES: dict[str, tuple[str, str]] = {
    "correction": ("更正公告", "Correction"),
    "finding": ("认定公告", "Finding"),
    "closing": ("停业公告", "Closing"),
}


@dataclass(frozen=True)
class Notice:
    """`kind`: correction, finding or closing. `until` is its last day. `zh` and `en` hold text as it was entered."""

    kind: str
    on: date
    until: date
    zh: str
    en: str
    objection: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """As in a merchant's document."""
        return {
            "kind": coded(self.kind, NOTICES), "on": self.on, "until": self.until, "zh": self.zh, "en": self.en,
            "objection": self.objection, "before": self.before, "after": self.after,
        }  # fmt: skip


@dataclass(frozen=True)
class Published:
    """By subject. Text is as entered: mask it with `credit.disclosure.personal.text` before it is shown."""

    objections: dict[str, list[Objection]]
    sanctions: dict[str, list[dict[str, Any]]]
    notices: dict[str, list[Notice]]
    figures: dict[str, Any]


def told(objection: Objection) -> dict[str, Any]:
    """An objection as in a merchant's document, open or decided; the objection's own text is not published."""
    filed = {"number": objection.number, "filed_on": objection.day, "about": coded(objection.about, ABOUT)}
    if objection.outcome is None:
        return filed | {"state": "open"}
    last = objection.events[-1]
    return filed | {
        "decided_on": last.day,
        "days": objection.days,
        "outcome": coded(objection.outcome, OUTCOMES),
        # Why a merchant withdraws is its own affair.
        "reason": last.reason if last.event == "decided" else None,
    }


def published(con: duckdb.DuckDBPyConnection, day: date, zone: str) -> Published:
    """What is shown beside the night of `day`. A correction's `after` is what the first night by the corrected facts says
    of the merchant."""
    now = max([day, *filter(None, (scalar(con, f"SELECT max(day) FROM ledger.{name}") for name in LEDGERS))])
    since = now - timedelta(days=SHOWN_DAYS)
    every_objection = objections(con)
    recent: dict[str, list[Objection]] = {}
    notices: dict[str, list[Notice]] = {}
    counts = _adjusted_rows(con)
    for objection in every_objection:
        if objection.state == "open" or objection.events[-1].day > since:
            recent.setdefault(objection.subject_id, []).append(objection)
        if (notice := _correction(con, objection, counts, day)) and notice.until >= now:
            notices.setdefault(objection.subject_id, []).append(notice)
    for decision in findings.published(con, now):
        # Several findings of one matter are one notice.
        if (notice := _finding(decision)).until >= now and notice not in notices.get(decision.subject_id, ()):
            notices.setdefault(decision.subject_id, []).append(notice)
    for closing in closings.closings(con):
        if closing.stands(now):
            notices.setdefault(closing.subject_id, []).append(_closing(closing))
    return Published(recent, _sanctions(con, now, zone), notices, _figures(every_objection, since))


def _figures(every_objection: list[Objection], since: date) -> dict[str, Any]:
    """Of the days after `since`; open ones whenever they were filed. Days are those of decisions, withdrawals aside."""
    closed = [
        objection for objection in every_objection if objection.state != "open" and objection.events[-1].day > since
    ]
    days = [objection.days for objection in closed if objection.state == "decided" and objection.days is not None]
    outcomes = Counter(objection.outcome for objection in closed)
    return {
        "filed": sum(objection.day > since for objection in every_objection),
        "open": sum(objection.state == "open" for objection in every_objection),
        "decided": len(closed),
        "by_outcome": {outcome: outcomes[outcome] for outcome in OUTCOMES},
        "median_days": float(median(days)) if days else None,
        "longest_days": max(days, default=None),
    }


def _sanctions(con: duckdb.DuckDBPyConnection, now: date, zone: str) -> dict[str, list[dict[str, Any]]]:
    """Those imposed by command that are in force, as decided objections left them."""
    table, in_force = TABLES["sanctions"], dict[str, list[dict[str, Any]]]()
    if (rows := overlay.added(con, table.name)) is None:
        return in_force
    references = dict(con.execute("SELECT number, reference FROM ledger.sanctions").fetchall())
    for key, subject_id, kind, reason, imposed_at, until_at in con.execute(
        f"""SELECT sanction_id, subject_id, kind, reason, imposed_at, until_at
            FROM ({overlay.overlaid(con, table, rows, now)})
            WHERE lifted_at IS NULL AND coalesce(until_at > ?, true) ORDER BY imposed_at, sanction_id""",
        [cut_off(now, zone)],
    ).fetchall():
        in_force.setdefault(subject_id, []).append(
            {
                "kind": kind,
                "reason": reason,
                "imposed_on": _day(imposed_at, zone),
                "until": last_day(until_at, zone) if until_at else None,
                "reference": references[int(key.removeprefix(overlay.OWN_KEY))],
            }
        )
    return in_force


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


RowCounts = dict[int, tuple[int, int]]
"""Decision -> (rows left out, rows corrected)."""


def _adjusted_rows(con: duckdb.DuckDBPyConnection) -> RowCounts:
    rows = con.execute(
        """SELECT decision, count(DISTINCT (table_name, key)) FILTER (column_name IS NULL),
                  count(DISTINCT (table_name, key)) FILTER (column_name IS NOT NULL)
           FROM ledger.adjustments WHERE decision IS NOT NULL GROUP BY 1"""
    ).fetchall()
    return {decision: (left_out, corrected) for decision, left_out, corrected in rows}


def _correction(con: duckdb.DuckDBPyConnection, objection: Objection, counts: RowCounts, day: date) -> Notice | None:
    """The notice of what the last decision changed; None where no decision changed anything."""
    if not any(event.number in counts for event in objection.events):
        return None
    last = objection.events[-1]
    zh, en = _correction_text(objection, last, *counts.get(last.number, (0, 0)))
    return Notice(
        "correction",
        last.day,
        last.day + timedelta(days=CORRECTION_DAYS),
        zh,
        en,
        objection.number,
        {"grade": last.before_grade, "score": last.before_score} if last.before_grade else None,
        _corrected(con, objection.subject_id, last, day),
    )


def _correction_text(objection: Objection, decision: ObjectionEvent, left_out: int, corrected: int) -> tuple[str, str]:
    number, day = objection.number, decision.from_day
    if not left_out and not corrected:
        return (
            f"经复核，第 {number} 号异议原作的更正已撤销，自 {day} 的评价起恢复原记录。",
            f"On review the correction made on objection {number} was withdrawn, from the evaluation of {day} on.",
        )
    parts = [(left_out, "剔除", "left out"), (corrected, "更正", "corrected")]
    zh = "、".join(f"{verb} {count} 条" for count, verb, _ in parts if count)
    en = ", ".join(f"{count} record{'s' * (count > 1)} {verb}" for count, _, verb in parts if count)
    outcome = OUTCOMES[decision.outcome or ""]
    return (
        f"第 {number} 号异议：{outcome[0]}，{zh}记录，自 {day} 的评价起按更正后的事实计算。",
        f"Objection {number}: {outcome[1].lower()}; {en}, counted from the evaluation of {day} on.",
    )


def _corrected(
    con: duckdb.DuckDBPyConnection, subject_id: str, decision: ObjectionEvent, until: date
) -> dict[str, Any] | None:
    """The grade by the corrected facts: of the first evaluation that knows of the decision, since what later ones say has
    other causes too. The night that was the latest when it was decided knows of it where it was evaluated again, which only
    another grade or score can tell."""
    rows = con.execute(
        """SELECT grade, score::DOUBLE FROM results.grades
           WHERE subject_id = $subject AND evaluated_on BETWEEN $since AND $until
             AND ($on::DATE IS NULL OR evaluated_on > $on
                  OR evaluated_on = $on AND (grade <> $grade OR score::DOUBLE IS DISTINCT FROM $score))
           ORDER BY evaluated_on LIMIT 1""",
        {
            "subject": subject_id, "since": decision.from_day, "until": until, "on": decision.before_on,
            "grade": decision.before_grade, "score": decision.before_score,
        },
    ).fetchall()  # fmt: skip
    return {"grade": rows[0][0], "score": rows[0][1]} if rows else None


def _finding(decision: findings.Decision) -> Notice:
    """Says what was found and what follows, never how it was found nor whose rows they are."""
    since = decision.from_day
    zh, en = f"自 {since} 的评价起不再计入。", f"no longer count, from the evaluation of {since} on."
    if decision.violation is None:
        zh, en = f"经核查，部分评价不真实，{zh}", f"Some reviews were found not to be genuine; they {en}"
    else:
        violation = findings.VIOLATIONS[decision.violation]
        zh = f"经核查认定{violation[0]}，相关记录{zh}"
        en = f"On examination {violation[1]} was found; the records concerned {en}"
    return Notice("finding", decision.day, decision.day + timedelta(days=SHOWN_DAYS), zh, en)


def _closing(closing: closings.Closing) -> Notice:
    zh, en = f"本商家将于 {closing.closes_on} 停止经营。", f"This merchant closes on {closing.closes_on}."
    if closing.text:
        zh, en = f"{zh}{closing.text}", f"{en} {closing.text}"
    return Notice("closing", closing.day, closing.closes_on, zh, en)

"""Carriers: measurements of what they do with orders handed over to them, their figures and service level, and the part of late
deliveries that is theirs rather than a merchant's."""

from __future__ import annotations

from typing import Any

from credit.assessment.measuring import MEASURES, YEAR_DAYS, Count, measure, rounded_down
from credit.assessment.seen import Seen
from credit.warehouse.connection import as_dicts
from credit.warehouse.sql import statement

LEAST_ORDERS = 20
"""A carrier of fewer orders has figures and no level."""
MERCHANTS = 20
"""Merchants whose late deliveries are listed: those with the most."""

_HANDED_OVER = "ordered_at >= $start AND dispatched_at IS NOT NULL"

measure(
    "carried_on_time",
    zh="交运及时、承运人按承诺时限送达的订单",
    en="orders handed over in time that the carrier delivered by the time promised",
    mend_zh="与迟延的承运人整改，或更换承运人、调整承诺时限",
    mend_en="have the carriers that are late mend it, or change the carrier or the promise",
    needs=(
        "transactions.carrier",
        "transactions.delivery_due_at",
        "transactions.delivered_at",
        "transactions.dispatched_at",
    ),
    by="carrier",
    # Late and handed over late is the merchant's; late, and nobody knows when it was to be handed over, is nobody's for certain.
    sql=f"""SELECT carrier, transaction_id AS key, CASE WHEN carrier IS NULL THEN NULL
            WHEN delivered_at <= delivery_due_at THEN true
            WHEN dispatch_due_at IS NULL OR (delivered_at IS NULL AND completed_at IS NOT NULL) THEN NULL ELSE false END AS ok
        FROM seen_transactions
        WHERE {_HANDED_OVER} AND cancelled_at IS NULL AND delivery_due_at IS NOT NULL
          AND NOT coalesce(dispatched_at > dispatch_due_at AND (delivered_at > delivery_due_at OR delivered_at IS NULL), false)""",
)
measure(
    "carried_whole",
    zh="没有因承运人丢失或损坏的订单",
    en="orders that the carrier neither lost nor damaged, by complaints",
    mend_zh="与丢失、损坏较多的承运人约定赔付和整改，必要时更换",
    mend_en="agree with the carriers that lose or damage goods how it is made good and mended, or change them",
    needs=("transactions.carrier", "transactions.dispatched_at", "complaints.liability", "complaints.transaction_id"),
    by="carrier",
    # A complaint without a decision who is liable may yet be the carrier's.
    sql=f"""WITH faults AS (
            SELECT transaction_id, bool_or(liability = 'carrier' AND category <> 'delivery') AS damaged,
                bool_or(liability = 'carrier') AS theirs, bool_or(liability IS NULL) AS undecided
            FROM seen_complaints WHERE category IN ('delivery', 'quality', 'not_as_described') GROUP BY transaction_id)
        SELECT carrier, transaction_id AS key, CASE WHEN carrier IS NULL THEN NULL
            WHEN damaged OR (theirs AND delivered_at IS NULL) THEN false WHEN undecided THEN NULL ELSE true END AS ok
        FROM seen_transactions LEFT JOIN faults USING (transaction_id) WHERE {_HANDED_OVER}""",
)
measure(
    "carried_traceable",
    zh="承运人可全程跟踪的订单",
    en="orders that the carrier lets be tracked end to end",
    mend_zh="请承运人回传全程轨迹，或改用能够回传的承运人",
    mend_en="have the carriers report the whole track, or use carriers that do",
    needs=("transactions.carrier", "transactions.traceable", "transactions.dispatched_at"),
    by="carrier",
    sql=f"""SELECT carrier, transaction_id AS key, CASE WHEN carrier IS NOT NULL THEN traceable END AS ok
        FROM seen_transactions WHERE {_HANDED_OVER}""",
)


def figures(seen: Seen) -> list[dict[str, Any]]:
    """Each carrier's own figures of the year before the day, those with the most orders first. None for what the platform does not
    supply; nothing where it does not say who carries."""
    if "transactions.carrier" not in seen.supplied:
        return []
    rows = as_dicts(seen.con, statement(__file__, "carriers_figures"), {"start": seen.moment.start(YEAR_DAYS)})
    counted = {id: MEASURES[id].count_by(seen) for id in ("carried_on_time", "carried_traceable")}
    return [
        {
            "carrier": row["carrier"],
            "orders": row["orders"],
            "on_time": _share(counted["carried_on_time"].get(row["carrier"])),
            "lost": row["lost"] if "complaints.liability" in seen.supplied else None,
            "damaged": row["damaged"] if "complaints.liability" in seen.supplied else None,
            "traceable": _share(counted["carried_traceable"].get(row["carrier"])),
        }
        for row in rows
    ]


def late_deliveries(seen: Seen) -> dict[str, Any] | None:
    """Orders of the year that came late, in all and of the merchants with the most: whose part it was. None where the data does
    not tell of promises and deliveries."""
    if not {"transactions.delivery_due_at", "transactions.delivered_at", "transactions.dispatched_at"} <= seen.supplied:
        return None
    rows = as_dicts(seen.con, statement(__file__, "carriers_late"), {"start": seen.moment.start(YEAR_DAYS)})
    parts = ("late", "carrier", "merchant", "not_told")
    return {part: sum(row[part] for row in rows) for part in parts} | {"merchants": rows[:MERCHANTS]}


def _share(count: Count | None) -> dict[str, Any] | None:
    """In order, out of those that the data tells of."""
    if count is None or count.cases == count.not_recorded:
        return None
    cases = count.cases - count.not_recorded
    return {"in_order": count.in_order, "cases": cases, "share": rounded_down(count.in_order / cases)}

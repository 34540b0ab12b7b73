"""Facts and parameters: figures computed by SQL before a suite is run.

A *fact* is one figure about the whole arriving batch, such as the share of reviews whose transaction is known. A suite
judges it like a column. A *parameter* is a bound taken from what the warehouse already holds; a suite refers to it as
`{"$PARAMETER": "name"}`. Both are one SQL query each, with one row and one column, over these names:

    arriving   the rows of this table in the batch
    earlier    the rows of this table the warehouse has from the 180 days before the batch's `as_of`
    {as_of}, {zone}, {batch_id}   the moment the batch speaks for, the platform's zone, the batch

A share comes with the number of rows it is taken of (`of_rows`): its bounds are as wide as chance makes them among so many.
NULL means: not enough rows or no history to say. An expectation on it is then neutral: it is left out and listed.
"""

from __future__ import annotations

from credit.tables import TABLES, Table
from credit.warehouse.sql import statement

ENOUGH = 100
"""Rows below which a share or a mean says too little to be judged."""


def share(condition: str, among: str = "true", rows: str = "arriving", least: int = ENOUGH) -> str:
    """SQL: share of the rows `among` which `of` is true, and of how many; rows where `of` is unknown don't count."""
    return f"""SELECT CASE WHEN count({condition}) >= {least}
        THEN {of_rows(f"avg(({condition})::INT)", f"count({condition})")} END FROM {rows} WHERE {among}"""


def of_rows(value: str, rows: str) -> str:
    """SQL: a share together with the number of rows it is taken of, by which its bounds allow for chance."""
    return f"struct_pack(value := ({value})::DOUBLE, rows := ({rows})::BIGINT)"


def largest(column: str) -> str:
    """SQL: share of the rows that the most frequent value of `column` has."""
    return (
        f"SELECT CASE WHEN sum(n) >= {ENOUGH} THEN {of_rows('max(n) / sum(n)', 'sum(n)')} END FROM "
        f"(SELECT count(*) AS n FROM arriving WHERE {column} IS NOT NULL GROUP BY hash({column}))"
    )


def versus_earlier(measure: str) -> str:
    """SQL: the batch's `measure` (a query of one figure over `arriving`) divided by the same over `earlier`."""
    return f"SELECT ({measure}) / nullif(({measure.replace('arriving', 'earlier')}), 0)"


def _share_vs_earlier(condition: str, among: str) -> str:
    """SQL: the share among arriving rows divided by the one among earlier rows."""
    arriving, earlier = share(condition, among), share(condition, among, "earlier")
    return f"SELECT ({arriving}).value / nullif(({earlier}).value, 0)"


def _sellers(condition: str) -> str:
    """SQL: share of all known sellers that have an arriving row on which `condition` is true."""
    return f"""
        SELECT CASE WHEN sellers >= {ENOUGH}
            THEN {of_rows(f"(SELECT count(DISTINCT subject_id) FROM arriving WHERE {condition}) / sellers", "sellers")} END
        FROM (SELECT count(DISTINCT subject_id) AS sellers FROM (
            SELECT subject_id FROM canonical.subjects WHERE role = 'seller'
            UNION ALL SELECT subject_id FROM landing.subjects WHERE batch_id = {{batch_id}} AND role = 'seller'))"""


def _known(table: str, key: str) -> str:
    """SQL: share of the rows naming a row of `table` whose row the warehouse or this batch has."""
    known, landed = f"canonical.{table}", f"landing.{table} WHERE batch_id = {{batch_id}}"
    # Only the known keys that arrive are remembered: there may be tens of millions of others.
    arriving = f"SELECT {key} FROM {known} WHERE {key} IN (SELECT {key} FROM arriving)"
    return share(
        f"{key} IN ({arriving}) OR {key} IN (SELECT {key} FROM {landed})",
        f"{key} IS NOT NULL AND (EXISTS (SELECT 1 FROM {known}) OR EXISTS (SELECT 1 FROM {landed}))",
    )


def _of_every_table(table: Table) -> dict[str, str]:
    name, key, event = table.name, table.key, table.event
    facts = {
        # A row whose only fault is that its subject is not known yet waits; it is counted below, not here.
        "rejected_share": f"""
            SELECT CASE WHEN bad + good >= {ENOUGH} THEN {of_rows("bad / (bad + good)", "bad + good")} END FROM (SELECT
                (SELECT count(*) FROM arriving WHERE source_table <> 'released') AS good,
                (SELECT count(DISTINCT (source_table, file, line)) FROM quarantine.rows
                 WHERE batch_id = {{batch_id}} AND code NOT IN ('unknown_subject', 'unknown_transaction', 'duplicate_row')
                   AND (source_table = '{name}' OR source_table IN (SELECT source_table FROM arriving))) AS bad)""",
    }
    if name != "subjects":
        facts["subjects_known_share"] = f"""
            SELECT CASE WHEN known + unknown >= {ENOUGH} AND (
                    EXISTS (SELECT 1 FROM canonical.subjects)
                    OR EXISTS (SELECT 1 FROM landing.subjects WHERE batch_id = {{batch_id}}))
                THEN {of_rows("known / (known + unknown)", "known + unknown")} END
            FROM (SELECT
                count(*) FILTER (k) AS known,
                count(*) FILTER (NOT k) + (SELECT count(*) FROM waiting.{name} WHERE batch_id = {{batch_id}}) AS unknown
                FROM (SELECT subject_id IN (SELECT subject_id FROM canonical.subjects)
                          OR subject_id IN (SELECT subject_id FROM landing.subjects WHERE batch_id = {{batch_id}}) AS k
                      FROM arriving))"""
    if event:
        age = f"date_diff('second', max({event})::TIMESTAMPTZ, {{as_of}}) / 86400.0"
        day = event if table.column(event).type == "date" else f"CAST(timezone('{{zone}}', {event}) AS DATE)"
        facts["newest_arriving_days_ago"] = f"SELECT {age} FROM arriving WHERE {event} < {{as_of}}"
        facts["newest_known_days_ago"] = f"""
            SELECT CASE WHEN (SELECT count(*) FROM arriving) >= {ENOUGH} THEN {age} END
            FROM (SELECT {event} FROM arriving UNION ALL SELECT {event} FROM canonical.{name})
            WHERE {event} < {{as_of}}"""
        facts["rows_per_day_vs_last_weeks"] = statement(
            __file__, "rows_per_day_vs_last_weeks", table=name, key=key, event=event, day=day
        )
    return facts


_OF_ONE_TABLE: dict[str, dict[str, str]] = {
    "subjects": {
        "kind_changed_share": share("a.kind <> c.kind", rows="arriving a JOIN canonical.subjects c USING (subject_id)"),
        "uscc_share_vs_earlier": _share_vs_earlier("uscc IS NOT NULL", "kind = 'enterprise' AND role = 'seller'"),
        "shared_uscc_share": share(
            "n > 1", rows="(SELECT count(*) OVER (PARTITION BY uscc) AS n FROM arriving WHERE uscc IS NOT NULL)"
        ),
        "licence_expired_share": share("licence_valid_until < CAST({as_of} AS DATE)"),
        "self_operated_share": share("self_operated"),
    },
    "transactions": {
        "late_dispatch_share": share("dispatched_at > dispatch_due_at"),
        "late_delivery_share": share("delivered_at > delivery_due_at"),
        "cancelled_share": share("cancelled_at IS NOT NULL"),
        "delivered_share_vs_earlier": _share_vs_earlier(
            "delivered_at IS NOT NULL", "delivery_due_at < {as_of} AND cancelled_at IS NULL"
        ),
        "midnight_share": share("CAST(timezone('{zone}', ordered_at) AS TIME) = TIME '00:00:00'"),
        "median_amount_vs_earlier": versus_earlier(
            f"SELECT CASE WHEN count(*) >= {ENOUGH} THEN median(amount) END FROM arriving"
        ),
        "p99_amount_over_median": f"""SELECT CASE WHEN count(*) >= {ENOUGH}
            THEN quantile_disc(amount, 0.99) / nullif(median(amount), 0) END FROM arriving""",
        "main_currency_share": largest("currency"),
        "largest_buyer_share": largest("buyer_id"),
        "largest_seller_share": largest("subject_id"),
    },
    "reviews": {
        "transactions_known_share": _known("transactions", "transaction_id"),
        "before_order_share": share(
            "r.reviewed_at < t.ordered_at",
            rows="arriving r JOIN (SELECT transaction_id, ordered_at FROM canonical.transactions UNION ALL "
            "SELECT transaction_id, ordered_at FROM landing.transactions WHERE batch_id = {batch_id}) t "
            "USING (transaction_id)",
        ),
        "mean_shift": f"""SELECT abs(a.mean - e.mean) FROM
            (SELECT avg(rating_overall) AS mean FROM arriving HAVING count(*) >= {ENOUGH}) a,
            (SELECT avg(rating_overall) AS mean FROM earlier HAVING count(*) >= {ENOUGH}) e""",
        "largest_buyer_share": largest("buyer_id"),
        "most_repeated_text_share": largest("text"),
    },
    "complaints": {
        "transactions_known_share": _known("transactions", "transaction_id"),
        "unanswered_share": share("first_response_at IS NULL", "filed_at < {as_of} - INTERVAL 7 DAY"),
        "outcome_recorded_share": share("outcome IS NOT NULL", "resolved_at < {as_of}"),
        "upheld_share": share("outcome IN ('upheld', 'partly_upheld')"),
        "largest_buyer_share": largest("buyer_id"),
    },
    "public_records": {
        "vetoed_seller_share": _sellers(
            "kind IN ('serious_violation', 'dishonest_debtor') AND repaired_on IS NULL "
            "AND coalesce(valid_until >= CAST({as_of} AS DATE), true)"
        ),
        "penalty_graded_share": share(
            "coalesce(grade IN ('minor', 'moderate', 'serious'), false)", "kind = 'administrative_penalty'"
        ),
    },
    "violations": {
        "serious_seller_share": _sellers("severity = 'serious' AND withdrawn_at IS NULL"),
        "withdrawn_share": share("withdrawn_at IS NOT NULL"),
    },
    "sanctions": {
        "closed_seller_share": _sellers(
            "kind IN ('suspension', 'termination') AND lifted_at IS NULL AND coalesce(until_at >= {as_of}, true)"
        ),
        "violation_known_share": _known("violations", "violation_id"),
    },
    "spot_checks": {
        "unanswered_share": share("answered_at IS NULL", "due_at < {as_of}"),
        "failed_share": share("result IN ('failed', 'refused')", "result IS NOT NULL"),
    },
    "listings": {
        "named_share": share("name IS NOT NULL"),
        "priced_share": share("price IS NOT NULL"),
    },
}

_OF_PARAMETERS: dict[str, dict[str, str]] = {
    "transactions": {
        "known_currencies": f"""SELECT CASE WHEN count(*) >= {ENOUGH}
            THEN list(DISTINCT currency ORDER BY currency) END FROM earlier""",
    },
}


def facts(table: Table) -> dict[str, str]:
    """Fact -> SQL, for a table's suite."""
    return _of_every_table(table) | _OF_ONE_TABLE[table.name]


def parameters(table: Table) -> dict[str, str]:
    """Parameter -> SQL, for a table's suite.

    Each column has `<column>_floor`: half the share of earlier rows that have it, unless few had it (below 30 %).
    """
    floors = {
        f"{column.name}_floor": f"""SELECT CASE WHEN count(*) >= {ENOUGH} AND count({column.name}) / count(*) >= 0.3
            THEN 0.5 * count({column.name}) / count(*) END FROM earlier"""
        for column in table.columns
    }
    return floors | _OF_PARAMETERS.get(table.name, {})


def query(table: Table, expressions: dict[str, str], as_of: str, zone: str, batch_id: int) -> str:
    """One query whose single row holds the given facts or parameters."""
    since = f"WHERE {table.event} >= {{as_of}} - INTERVAL 180 DAY AND {table.event} < {{as_of}}" if table.event else ""
    columns = ",\n".join(f"({sql}) AS {name}" for name, sql in expressions.items())
    text = f"""WITH arriving AS NOT MATERIALIZED (SELECT * FROM landing.{table.name} WHERE batch_id = {{batch_id}}),
        earlier AS NOT MATERIALIZED (SELECT * FROM canonical.{table.name} {since})
        SELECT {columns}"""
    return text.format(as_of=f"TIMESTAMPTZ '{as_of}'", zone=zone.replace("'", "''"), batch_id=batch_id)


assert set(_OF_ONE_TABLE) == set(TABLES)

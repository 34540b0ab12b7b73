"""A synthetic Chinese marketplace with known truth, at any scale, written by DuckDB SQL.

    populate(con, merchants=50_000, transactions=5_000_000, end=date(2025, 11, 1))   # tables in schema sim
    write(Path("sample"), end=date(2025, 11, 1))                                     # files as a platform sends them

Every merchant has a latent quality in [0, 1] for shipping, goods and service; what happens to its orders follows from
it. The evaluation never sees it: it stays in `<schema>.truth`, one row a merchant and phase of its life (most
merchants have one phase), so that grades can be compared with what is really so. `STORIES` are merchants with fixed
ids whose grade a reader can foretell. Buyers who are subjects have a latent honesty instead: whether they pay, change
their minds, send back, complain and review as they should follows from it; `BUYER_STORIES` are two of them.

The books stand as at `end`: a row whose event is not before `end` is not there, a later instant is blank.
An order sent back after delivery stays completed; its refund columns tell of the return.

Chance. Each draw is a hash of (row number, name of the draw, seed) and nothing else, so neither threads nor row order
change the result. `hash()` it is: md5_number() would be the same on every DuckDB version but took 0.8 µs a draw
against 0.02 µs, and a transaction needs some 30. So the bytes of a sample belong to a DuckDB version.

Nobody is real: administrative codes end in the unassigned district 98, contacts are in the domain `example`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb

from credit.synthetic.stories import (
    BUYER_STORIES,
    STORIES,
    STORY_CHECKS,
    STORY_RECORDS,
    STORY_VIOLATIONS,
    Story,
)
from credit.synthetic.words import (
    BLAME,
    BRAND_1,
    BRAND_2,
    CARRIERS,
    CATEGORIES,
    CITIES,
    GIVEN,
    MIDDLING,
    PRAISE,
    QUICK,
    RECORD_KINDS,
    SLOW,
    SLOW_CARRIER,
    SORRY,
    STREETS,
    SURNAMES,
    THANKS,
    text_list,
    values,
)
from credit.tables import TABLES, Table
from credit.warehouse.sql import statement

ZONE = "Asia/Shanghai"
_HOUR, _DAY = 3600, 86_400
MIN_MERCHANTS, MIN_TRANSACTIONS, MIN_DAYS = 20, 2_000, 240
BUYER_SUBJECTS = 36
"""Buyers who are subjects themselves: B000001 to B000036."""


def _macros(seed: int) -> dict[str, str]:
    """Name and parameters of the SQL macros of a run -> their body."""
    organisation = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    credit = "0123456789ABCDEFGHJKLMNPQRTUWXY"

    def weighted(weights: tuple[int, ...], alphabet: str) -> str:
        places = f"range(1, {len(weights) + 1})"
        return (
            f"list_sum(list_transform({places}, lambda i: {list(weights)}[i]"
            f" * (instr('{alphabet}', substr(body, i, 1)) - 1)))::BIGINT"
        )

    organisation_sum = weighted((3, 7, 9, 10, 5, 8, 4, 2), organisation)
    credit_sum = weighted((1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28), credit)
    citizen_sum = weighted((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "0123456789")
    return {
        # A uniform in [0, 1): 53 bits. The outer hash breaks what linear relation the inner has between names.
        "sim_u(id, draw)": f"(hash(hash(id, draw, {seed})) >> 11) / 9007199254740992.0",
        # Standard normal, by Box and Muller.
        "sim_z(id, draw)": "sqrt(-2 * ln(1 - sim_u(id, draw))) * cos(2 * pi() * sim_u(id, draw || '~'))",
        # Exponential with mean 1.
        "sim_e(id, draw)": "-ln(1 - sim_u(id, draw))",
        "sim_pick(words, u)": "words[1 + CAST(floor(u * len(words)) AS BIGINT)]",
        "sim_unit(x)": "greatest(0.03, least(0.97, x))",
        "sim_star(x)": "CAST(greatest(1, least(5, round(x))) AS BIGINT)",
        # Serial number in base 31, five characters: one code a merchant up to 28 million.
        "sim_serial(n)": "array_to_string(list_transform(range(4, -1, -1),"
        f" lambda i: substr('{credit}', CAST(1 + (n // CAST(31 ** i AS BIGINT)) % 31 AS BIGINT), 1)), '')",
        # GB 11714, GB 32100 and GB 11643: the body with its check character.
        "sim_organisation(body)": f"body || ['0', 'X', '9', '8', '7', '6', '5', '4', '3', '2', '1']"
        f"[1 + {organisation_sum} % 11]",
        "sim_credit(body)": f"body || substr('{credit}', 1 + (31 - {credit_sum} % 31) % 31, 1)",
        "sim_citizen(body)": f"body || substr('10X98765432', 1 + {citizen_sum} % 11, 1)",
    }


def _season(day: date) -> int:
    """Relative volume of a calendar day in percent of an ordinary one: the marketplace's festivals."""
    month_day = (day.month, day.day)
    if month_day in {(11, 11), (6, 18)}:
        return 450
    if (10, 24) <= month_day < (11, 11) or (6, 1) <= month_day <= (6, 20):
        return 190
    if month_day == (12, 12):
        return 220
    if (1, 26) <= month_day <= (2, 8):  # around the Spring Festival, carriers rest
        return 50
    return 115 if day.weekday() >= 5 else 100


def _finished(table: Table, rows: str, stop: int) -> str:
    """`rows` (instants as seconds since 1970) as at `stop`: canonical columns and types, what came later blank."""

    def known(name: str, value: str) -> str:
        column = table.column(name)
        if column.plan or name == table.event:
            return value
        if column.type == "instant":
            return f"CASE WHEN {name} < {stop} THEN {value} END"
        if column.type == "date":
            return f"CASE WHEN epoch({name}) - 28800 < {stop} THEN {value} END"
        if column.known_from:
            unknown = f"'{column.until_known}'" if column.until_known else "NULL"
            return f"CASE WHEN {column.known_from} < {stop} THEN {value} ELSE {unknown} END"
        return value

    columns = [
        f"CAST({known(c.name, f'to_timestamp({c.name})' if c.type == 'instant' else c.name)} AS {c.sql_type}) AS {c.name}"
        for c in table.supplied
    ]
    return f"SELECT {', '.join(columns)}, to_timestamp(known_at) AS known_at FROM ({rows}) WHERE known_at < {stop}"


def populate(
    con: duckdb.DuckDBPyConnection,
    *,
    merchants: int,
    transactions: int,
    days: int = 400,
    end: date,
    seed: int = 1,
    schema: str = "sim",
    stories: Sequence[Story] = STORIES,
) -> None:
    """Fill `schema` with the canonical tables (supplied columns and `known_at`) and `truth`.

    `merchants` (at least 20) and `transactions` (at least 2,000, made exactly) over the `days` (at least 240) before
    `end`, the first day not covered, counted in Asia/Shanghai. Tables of these names are replaced.
    `truth` has one row a merchant and phase: subject_id, kind, story (blank: none), mode (plain, brush, scam), orders,
    and ship, goods, service and their mean, quality, each from 0 to 1; and one row a buyer who is a subject: mode is
    buyer, quality the honesty, orders and the others blank.
    """
    sizes = {"merchants": (merchants, MIN_MERCHANTS), "transactions": (transactions, MIN_TRANSACTIONS),
             "days": (days, MIN_DAYS)}  # fmt: skip
    for name, (size, least) in sizes.items():
        if size < least:
            raise ValueError(f"{name} is {size}; the stories need at least {least}")
    if not schema.isidentifier():
        raise ValueError(f"schema is {schema!r}; expected a plain name")

    stop = int(datetime.combine(end, time(), ZoneInfo(ZONE)).timestamp())
    parts = {
        **_lists(),
        **_lives(stories, transactions),
        "merchants": str(merchants), "buyers": str(BUYER_SUBJECTS), "days": str(days), "end": end.isoformat(),
        "schema": schema, "stop": str(stop), "start": str(stop - days * _DAY), "hour": str(_HOUR), "day": str(_DAY),
        "public": str(max(200, transactions // 3)),
        # About fifteen orders for each buyer who is a subject.
        "buyer_share": str(min(0.05, 15 * BUYER_SUBJECTS / transactions)),
        "buyer_slots": str(BUYER_SUBJECTS + 2 * len(BUYER_STORIES)),
    }  # fmt: skip

    macros = _macros(seed)
    for signature, body in macros.items():
        con.execute(f"CREATE OR REPLACE TEMP MACRO {signature} AS {body}")
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    _calendar(con, end, days)
    for name in ("people", "buyers", "truth", "orders"):
        con.execute(statement(__file__, name, **parts))
    for name, table in TABLES.items():
        rows = _finished(table, statement(__file__, name, **parts), stop)
        if name == "transactions":  # reviews and complaints need to know whose phase and what buyer it was
            rows = rows.replace(" FROM (", ", phase, abuse FROM (", 1)
        con.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS {rows}")
    for hidden in ("phase", "abuse"):
        con.execute(f"ALTER TABLE {schema}.transactions DROP COLUMN {hidden}")
    con.execute(
        f"CREATE OR REPLACE TABLE {schema}.truth AS SELECT subject_id, kind, story, mode, orders, ship, goods, service,"
        " (ship + goods + service) / 3 AS quality FROM sim_truth"
        " UNION ALL SELECT subject_id, kind, story, 'buyer', NULL, NULL, NULL, NULL, quality FROM sim_people"
        " WHERE role = 'buyer'"
    )
    for name in ("days", "slots", "people", "buyers", "truth", "orders"):
        con.execute(f"DROP TABLE temp.sim_{name}")
    for signature in macros:
        con.execute(f"DROP MACRO temp.{signature.partition('(')[0]}")


def _lists() -> dict[str, str]:
    """Words and records to draw from, as SQL."""
    return {
        "cities": str(len(CITIES)),
        "city_names": text_list(city for city, _ in CITIES), "city_codes": text_list(code for _, code in CITIES),
        "category_draw": text_list(c.name for c in CATEGORIES for _ in range(round(c.share * 100))),
        "categories": values((c.name, c.price, c.returns) for c in CATEGORIES),
        "trades": values((c.name, c.trade) for c in CATEGORIES),
        "record_kinds": values(RECORD_KINDS), "story_violations": values(STORY_VIOLATIONS),
        "story_records": values(STORY_RECORDS), "story_checks": values(STORY_CHECKS),
        "surnames": text_list(SURNAMES), "given": text_list(GIVEN), "streets": text_list(STREETS),
        "carriers": text_list([*CARRIERS * 2, SLOW_CARRIER]), "slow_carrier": SLOW_CARRIER,
        "brand_1": text_list(BRAND_1), "brand_2": text_list(BRAND_2),
        "praise": text_list(PRAISE), "middling": text_list(MIDDLING), "blame": text_list(BLAME),
        "quick": text_list(QUICK), "slow": text_list(SLOW), "thanks": text_list(THANKS), "sorry": text_list(SORRY),
    }  # fmt: skip


def _lives(stories: Sequence[Story], transactions: int) -> dict[str, str]:
    """Who has a story, its phases, and how many orders these leave `free` for all others, as SQL."""
    lives: list[tuple[object, ...]] = []
    phases: list[tuple[object, ...]] = []
    free = transactions
    for story in stories:
        newest = [phase for phase in story.phases if phase.mode == "plain"][-1]
        quality = round((newest.ship + newest.goods + newest.service) / 3, 4)
        lives.append((story.subject_id, story.name, story.shop, story.kind, story.category, quality, story.joined))
        for part, phase in enumerate(story.phases):
            orders = max(phase.orders, int(phase.share * transactions))
            free -= orders
            span = (part, phase.mode, orders, phase.since, phase.until)
            phases.append((story.subject_id, *span, phase.ship, phase.goods, phase.service, phase.price))
    for buyer in BUYER_STORIES:
        lives.append((buyer.subject_id, buyer.name, None, "individual", None, buyer.honesty, None))
    return {"stories": values(lives), "phases": values(phases), "free": str(free)}


def _calendar(con: duckdb.DuckDBPyConnection, end: date, days: int) -> None:
    """The days before `end` with their weight, and as many slots a day as it weighs."""
    season = [_season(end - timedelta(days=days - day)) for day in range(days)]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sim_days AS SELECT day, CAST(coalesce(sum(weight) OVER (ORDER BY day"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS BIGINT) AS slot, weight"
        f" FROM (VALUES {values(enumerate([*season, 0]))}) d(day, weight)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sim_slots AS SELECT day, slot + unnest(range(weight)) AS slot FROM sim_days"
    )

"""Where rows are computed: the point-in-time view of a table, and one aggregate per event table.

`known` is what the platform knew of a table at a cut-off, read from the warehouse. `compile_facts` turns the leaves of
the indicators into Narwhals queries: all measures of a table in one scan by merchant and age bucket, one query
for each grouping, median and newest row. It takes any Narwhals frame (DuckDB, Spark, Polars, pandas) that has the canonical columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import narwhals as nw
import narwhals.selectors as ncs
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from credit.indicators.base import (
    PARTIES,
    WINDOWS,
    Array,
    At,
    Expr,
    Grouped,
    Groups,
    Latest,
    Leaf,
    Measure,
    Median,
    Party,
)
from credit.indicators.identity import with_goods
from credit.indicators.orders import JUDGED, judged
from credit.ledgers import overlay
from credit.settings import cut_off
from credit.tables import TABLES, Table
from credit.warehouse.connection import scalar

Frames = Callable[[Table], "nw.LazyFrame[Any] | nw.DataFrame[Any]"]


@dataclass(frozen=True)
class Moment:
    """A night: its cut-off and the window starts, in the platform's zone."""

    cut_off: datetime
    zone: str

    def start(self, days: int) -> datetime:
        """00:00 of the day `days` days before the cut-off's."""
        return cut_off(self.cut_off.date() - timedelta(days=days), self.zone)


def relation(
    con: duckdb.DuckDBPyConnection, table: Table, at: datetime, *, delivered: bool = False
) -> duckdb.DuckDBPyRelation:
    """The row versions believed at `at`, the cut-off of a night in the platform's zone: current ones known by then, and
    superseded ones believed then; as decided objections and repairs correct them, and with sanctions imposed by command
    (unless only what was `delivered` is asked for)."""
    names = ", ".join((*table.names, "known_at"))
    moment = f"TIMESTAMPTZ '{at.isoformat()}'"
    current = f"SELECT {names} FROM canonical.{table.name} WHERE known_at <= {moment}"
    superseded = f"FROM history.{table.name} WHERE known_at <= {moment} AND known_until > {moment}"
    if scalar(con, f"SELECT count(*) {superseded}"):
        current += f" UNION ALL SELECT {names} {superseded}"
    if not delivered and (added := overlay.added(con, table.name, at)):
        current += f" UNION ALL {added}"
    return con.sql(overlay.overlaid(con, table, current, at.date()))


def as_of(frame: nw.LazyFrame[Any], table: Table, moment: Moment) -> nw.LazyFrame[Any]:
    """Blank what rows say about moments at or after the cut-off (see `credit.tables`)."""
    day = moment.cut_off.date()

    def happened(name: str) -> nw.Expr:
        column = nw.col(name)
        if table.column(name).ends:
            return column <= moment.cut_off.astimezone(UTC)
        return column < (moment.cut_off.astimezone(UTC) if table.column(name).type == "instant" else nw.lit(day))

    if table.event is not None:
        frame = frame.filter(happened(table.event))
    masked = []
    for column in table.columns:
        value = nw.col(column.name)
        dated = column.type == "instant" or (column.type == "date" and not column.plan)
        if column.known_from is not None:
            # What has no instant of its own is true from the day its row is known.
            known = happened(column.known_from).fill_null(False) | nw.col(column.known_from).is_null()
            if column.until_known is not None:
                # Recorded, but not true yet; a blank stays a blank.
                hidden = nw.when(~value.is_null()).then(nw.lit(column.until_known))
                masked.append(nw.when(known).then(value).otherwise(hidden).alias(column.name))
            else:
                masked.append(nw.when(known).then(value).alias(column.name))
        elif dated and column.name != table.event and column.derived is None:
            masked.append(nw.when(happened(column.name)).then(value).alias(column.name))
    return frame.with_columns(*masked)


def known(con: duckdb.DuckDBPyConnection, moment: Moment) -> Frames:
    """What the platform knew at the cut-off, table by table, as lazy frames on the warehouse."""
    return lambda table: as_of(_lazy(relation(con, table, moment.cut_off), False), table, moment)


IN_MEMORY = 500_000
"""Rows of facts up to which an evaluation reads them into memory: Polars plans its many small queries faster than DuckDB."""


def at_hand(con: duckdb.DuckDBPyConnection, moment: Moment) -> Frames:
    """The same, read into memory where the warehouse holds few rows: for many small queries."""
    rows = scalar(con, "SELECT sum(estimated_size) FROM duckdb_tables() WHERE schema_name IN ('canonical', 'history')")
    if int(rows) > IN_MEMORY:
        return known(con, moment)

    @cache
    def frame(table: Table) -> nw.LazyFrame[Any]:
        # Of long texts only whether there is one is ever counted.
        short = [f"left({c.name}, 1) AS {c.name}" for c in table.columns if c.type == "text" and c.max_length >= 2_000]
        rows = relation(con, table, moment.cut_off)
        return as_of(_lazy(rows.project(f"* REPLACE ({', '.join(short)})") if short else rows, True), table, moment)

    return frame


def _lazy(rows: duckdb.DuckDBPyRelation, in_memory: bool) -> nw.LazyFrame[Any]:
    return nw.from_native(rows.pl().lazy()) if in_memory else nw.from_native(rows).lazy()


def beside(frame: nw.LazyFrame[Any], rows: duckdb.DuckDBPyRelation) -> nw.LazyFrame[Any]:
    """These rows where the frame's are, to be joined to it."""
    return _lazy(rows, frame.implementation.is_polars())


class NightFacts:
    """The leaves counted for `subjects`: a `credit.indicators.base.Facts`.

    Where a leaf's table is not supplied its numbers are NaN; where it is, no row means 0 (for a median: NaN).
    """

    def __init__(self, subjects: Sequence[str] | pd.Index, supplied: Iterable[str]) -> None:
        self.subjects = pd.Index(subjects, dtype=object)
        self.known = pa.array(self.subjects, pa.string())
        self.supplied = set(supplied)
        self._values: dict[tuple[int, int], Array] = {}
        self._leaves: list[Leaf] = []  # keeps ids alive

    def __call__(self, leaf: Leaf, days: int) -> Array:
        if leaf.table not in self.supplied:
            return np.full(len(self.subjects), np.nan)
        return self._values[id(leaf), days]

    def select(self, places: np.ndarray[Any, Any]) -> NightFacts:
        """The same facts for the subjects at these places only."""
        part = NightFacts(self.subjects[places], self.supplied)
        part._leaves = self._leaves
        part._values = {key: values[places] for key, values in self._values.items()}
        return part

    def put(self, leaf: Leaf, days: int, values: Array) -> None:
        self._leaves.append(leaf)
        self._values[id(leaf), days] = values


def compile_facts(
    frames: Frames,
    leaves: Iterable[Leaf],
    subjects: Sequence[str] | pd.Index,
    moment: Moment,
    supplied: Iterable[str],
    windows: Iterable[int] = (365,),
    parameters: Mapping[str, float] | None = None,
    judged_at: Moment | None = None,
) -> NightFacts:
    """Count every leaf for every subject. Measures come for all WINDOWS, groupings and medians for `windows`.

    `supplied` are the "table" and "table.column" supplied; `parameters` are values of `credit.indicators.base.PARAMETERS`
    other than their own. With `judged_at` the `frames` are `judged` already, as of that moment: orders, and what was said
    of them, stand as they stood then.
    """
    facts = NightFacts(subjects, supplied)
    distinct = list({id(leaf): leaf for leaf in leaves}.values())
    windows = tuple(sorted(set(windows)))
    tonight = at_moment(moment, parameters or {}, frozenset(facts.supplied))
    orders = None
    if "transactions" in facts.supplied:
        sold = TABLES["transactions"]
        orders = frames(sold).lazy().filter(nw.col("ordered_at") >= edge(sold, moment, WINDOWS[-1]))
    stood = tonight
    if judged_at is None:
        frames = judged(frames, moment, tonight)
    else:
        stood = at_moment(judged_at, parameters or {}, frozenset(facts.supplied))
    for table in TABLES.values():
        at = stood if table.name in JUDGED else tonight
        for party in PARTIES:
            here = [leaf for leaf in distinct if leaf.table == table.name and leaf.party == party]
            if not here or table.name not in facts.supplied:
                continue
            known = frame = of_party(frames, table, party)
            if table.event is not None:
                frame = frame.filter(nw.col(table.event) >= edge(table, moment, WINDOWS[-1]))
            elif any(isinstance(leaf, Measure) for leaf in here):
                known = frame = with_goods(frame, orders, tonight)
            measures = [leaf for leaf in here if isinstance(leaf, Measure)]
            _measures(facts, frame, table, moment, at, [m for m in measures if not m.standing])
            _measures(facts, known, table, None, at, [m for m in measures if m.standing])
            groupings: dict[int, list[Grouped]] = {}
            for leaf in here:
                if isinstance(leaf, Grouped):
                    groupings.setdefault(id(leaf.groups), []).append(leaf)
                elif isinstance(leaf, Latest):
                    _latest(facts, known, leaf, at)
            for days in windows:
                inside = frame
                if table.event is not None and days != WINDOWS[-1]:
                    inside = frame.filter(nw.col(table.event) >= edge(table, moment, days))
                for statistics in groupings.values():
                    _grouped(facts, inside, statistics, days)
                _medians(facts, inside, at, [leaf for leaf in here if isinstance(leaf, Median)], days)
    return facts


def at_moment(moment: Moment, parameters: Mapping[str, float], supplied: frozenset[str]) -> At:
    """What expressions are resolved for at a moment."""
    return At(moment.cut_off.date(), parameters, moment.cut_off, supplied)


def of_party(frames: Frames, table: Table, party: Party) -> nw.LazyFrame[Any]:
    """The rows of a table, `subject_id` being the party; of buyers those who are subjects themselves, each row once."""
    frame = frames(table).lazy()
    if party == "subject_id":
        return frame
    if "own" in frame.columns:
        frame = frame.filter(nw.col("own"))
    return _of_buyers(frame, frames(TABLES["subjects"]).lazy())


def _of_buyers(frame: nw.LazyFrame[Any], subjects: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The rows of buyers who are subjects themselves, with the buyer as `subject_id` and the seller as `seller_id`."""
    buyers = subjects.filter(nw.col("role") == "buyer").select("subject_id")
    rows = frame.join(buyers, left_on="buyer_id", right_on="subject_id", how="semi")
    return rows.with_columns(nw.col("subject_id").alias("seller_id"), nw.col("buyer_id").alias("subject_id"))


def resolved(expr: Expr, at: At) -> nw.Expr:
    """The expression for this evaluation."""
    return expr if isinstance(expr, nw.Expr) else expr(at)


def edge(table: Table, moment: Moment, days: int) -> Any:
    """The first event inside the window of `days` days, to compare the table's event with."""
    assert table.event is not None
    start = moment.start(days)
    # In UTC, as the columns are: Polars compares instants of one zone only.
    return start.astimezone(UTC) if table.column(table.event).type == "instant" else nw.lit(start.date())


def _collect(frame: nw.LazyFrame[Any]) -> pa.Table:
    collected = frame.collect(backend="pyarrow")
    return collected.to_arrow()


def _numbers(column: pa.ChunkedArray) -> Array:
    """A column as float64, NULL as NaN; exact for integers and amounts below 2**53."""
    values = pc.cast(column, pa.float64()) if pa.types.is_decimal(column.type) else column
    return np.asarray(values.to_pandas(), dtype=np.float64)


def _places(facts: NightFacts, table: pa.Table) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(positions of the rows' subjects, mask of the rows that have one)."""
    at = pc.index_in(table["subject_id"].combine_chunks(), value_set=facts.known)
    places = pc.fill_null(at, -1).to_numpy()
    return places, places >= 0


def _measures(
    facts: NightFacts,
    frame: nw.LazyFrame[Any],
    table: Table,
    moment: Moment | None,
    at: At,
    measures: list[Measure],
) -> None:
    """All measures of a table in one scan by merchant and age bucket; buckets added up into the nested windows.

    Without `moment` age does not matter: every window has the same.
    """
    if not measures:
        return
    bucket = nw.lit(0)
    aged = table.event if moment is not None else None
    if moment is not None and aged is not None:
        bucket = nw.lit(len(WINDOWS) - 1)
        for i in reversed(range(len(WINDOWS) - 1)):
            younger = nw.col(aged) >= edge(table, moment, WINDOWS[i])
            bucket = nw.when(younger).then(nw.lit(i)).otherwise(bucket)
    exprs = [resolved(m.expr, at).alias(f"m{i}") for i, m in enumerate(measures)]
    # Whole literals are of 32 bits in Polars, and their sums would wrap.
    values = frame.select("subject_id", bucket.alias("bucket"), *exprs).with_columns(
        ncs.by_dtype(nw.Int32).cast(nw.Int64)
    )
    counted = _collect(
        values.group_by("subject_id", "bucket").agg(*(nw.col(f"m{i}").sum() for i in range(len(measures))))
    )
    places, mine = _places(facts, counted)
    buckets = counted["bucket"].to_numpy()
    for i, measure in enumerate(measures):
        by_bucket = np.zeros((len(WINDOWS), len(facts.subjects)))
        by_bucket[buckets[mine], places[mine]] = np.nan_to_num(_numbers(counted[f"m{i}"]))[mine]
        for days, values in zip(WINDOWS, np.cumsum(by_bucket, axis=0), strict=True):
            facts.put(measure, days, values if aged is not None else by_bucket[0])


def _latest(facts: NightFacts, frame: nw.LazyFrame[Any], leaf: Latest, at: At) -> None:
    rows = frame.select(
        "subject_id", nw.col(leaf.by).alias("by"), resolved(leaf.expr, at).cast(nw.Float64).alias("value")
    ).filter(~nw.col("value").is_null())
    newest = rows.group_by("subject_id").agg(nw.col("by").max())
    counted = _collect(
        rows.join(newest, on=["subject_id", "by"], how="inner").group_by("subject_id").agg(nw.col("value").min())
    )
    places, mine = _places(facts, counted)
    values = np.full(len(facts.subjects), np.nan)
    values[places[mine]] = _numbers(counted["value"])[mine]
    for days in WINDOWS:
        facts.put(leaf, days, values)


def _grouped(facts: NightFacts, frame: nw.LazyFrame[Any], statistics: list[Grouped], days: int) -> None:
    groups: Groups = statistics[0].groups
    frame = frame.filter(~nw.col(groups.by).is_null())
    if groups.where is not None:
        frame = frame.filter(groups.where)
    sizes = frame.group_by("subject_id", groups.by).agg(nw.len().alias("size"))
    sizes = sizes.with_columns(nw.col("size").cast(nw.Int64))
    counted = _collect(
        sizes.select(
            "subject_id",
            "size",
            (nw.col("size") >= 2).cast(nw.Int64).alias("again"),
            (nw.col("size") - 1).alias("more"),
        )
        .group_by("subject_id")
        .agg(
            nw.len().alias("groups"),
            nw.col("again").sum().alias("repeated"),
            nw.col("size").sum().alias("rows"),
            nw.col("more").sum().alias("beyond"),
        )
    )
    places, mine = _places(facts, counted)
    for leaf in statistics:
        values = np.zeros(len(facts.subjects))
        values[places[mine]] = _numbers(counted[leaf.statistic])[mine]
        facts.put(leaf, days, values)


def _medians(facts: NightFacts, frame: nw.LazyFrame[Any], at: At, medians: list[Median], days: int) -> None:
    if not medians:
        return
    counted = _collect(
        frame.select(
            "subject_id", *(resolved(m.expr, at).cast(nw.Float64).alias(f"m{i}") for i, m in enumerate(medians))
        )
        .group_by("subject_id")
        .agg(*(nw.col(f"m{i}").median() for i in range(len(medians))))
    )
    places, mine = _places(facts, counted)
    for i, leaf in enumerate(medians):
        values = np.full(len(facts.subjects), np.nan)
        values[places[mine]] = _numbers(counted[f"m{i}"])[mine]
        facts.put(leaf, days, values)

"""What the detectors share: the rows of a scan, what is usual with a merchant, how far chance reaches, parameters.

A merchant is compared with itself first: rows are suspect when they come in a shape chance does not make *and* are
praised (or blamed) unlike the same merchant's other rows. A promotion day, loyal customers or neighbours who order
together have the shape but not the praise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit.evaluation import engine
from credit.indicators.base import Array
from credit.ledgers.finding import Fact, Finding
from credit.tables import TABLES
from credit.warehouse.connection import scalar
from credit.warehouse.sql import statement

HOUR, DAY = 3600, 86_400

PARAMETERS: dict[str, Parameter] = {}


@dataclass(frozen=True)
class Parameter:
    """A threshold with its reason; a number wherever one is wanted."""

    name: str
    value: float
    unit: str
    why: str


def parameter(name: str, value: float, unit: str, why: str) -> float:
    """Register a threshold and return its value."""
    PARAMETERS[name] = Parameter(name, value, unit, why)
    return value


WINDOW_DAYS = int(
    parameter(
        "window_days",
        180,
        "days",
        "What a person can still look into, and long enough to know what is usual with a shop.",
    )
)
PRIOR_ORDERS = parameter(
    "prior_orders",
    20,
    "orders",
    "A merchant with few other orders is compared with the platform: its own share of praise is shrunk by so many orders.",
)
SHAPE_TAIL = parameter(
    "shape_tail",
    1e-6,
    "probability",
    "How seldom chance may make the shape: a large platform asks the question some million times a night.",
)
PRAISE_TAIL = parameter(
    "praise_tail",
    5e-3,
    "probability",
    "How seldom chance may praise so much; the second, independent condition, so it can be wider than the first.",
)
PRAISE_LIFT = parameter(
    "praise_lift",
    0.15,
    "share",
    "Praise must exceed the usual share by this much: with thousands of orders a trifle is significant.",
)


class View(NamedTuple):
    """The rows known at a cut-off, in the temporary tables `seen_orders`, `seen_reviews` and `seen_shops`.

    seen_orders   o, s, b (ids of transaction, merchant, buyer); t, paid, sent, came (seconds since 1970); amount;
                  trouble (late, refund asked, cancelled or complained of); r, stars, written (its first review);
                  praised (reviewed with five stars)
    seen_reviews  r, o, s, b, written, stars, text
    seen_shops    s, orders, arrived (orders delivered), praised
    """

    con: duckdb.DuckDBPyConnection
    moment: engine.Moment
    praise: float
    """Share of praised ones of all orders on the platform, 0 to 1."""
    grievances: bool
    """Whether refunds or complaints are on the books at all; else an order without them says nothing."""

    @contextmanager
    def named(self, **frames: pd.DataFrame) -> Iterator[None]:
        """Queries may name these frames meanwhile."""
        for name, frame in frames.items():
            self.con.register(name, frame)
        try:
            yield
        finally:
            for name in frames:
                self.con.unregister(name)

    def frame(self, query: str, **frames: pd.DataFrame) -> pd.DataFrame:
        """The result of a query, which may name the given frames."""
        with self.named(**frames):
            return self.con.execute(query).df()

    def date(self, seconds: float) -> str:
        """The calendar minute of an instant in the platform's zone."""
        stamp = pd.Timestamp(seconds, unit="s", tz="UTC").tz_convert(self.moment.zone)
        return str(stamp.strftime("%Y-%m-%d %H:%M"))


def look(con: duckdb.DuckDBPyConnection, moment: engine.Moment) -> View:
    """Fill the temporary tables with what was known at the moment, of the last `window_days`."""
    known = engine.known(con, moment)
    rows = {}
    for name in ("transactions", "reviews", "complaints"):
        table = TABLES[name]
        rows[name] = f"({known(table).filter(_since(name, moment)).to_native().sql_query()})"
    con.execute(statement(__file__, "seen_reviews", reviews=rows["reviews"]))
    con.execute(statement(__file__, "seen_orders", transactions=rows["transactions"], complaints=rows["complaints"]))
    con.execute(
        """CREATE OR REPLACE TEMP TABLE seen_shops AS
        SELECT s, count(*) AS orders, count(came) AS arrived, sum(praised::INT)::BIGINT AS praised
        FROM seen_orders GROUP BY s"""
    )
    praise = scalar(con, "SELECT coalesce(sum(praised) / nullif(sum(orders), 0), 0) FROM seen_shops")
    grieved = f"SELECT 1 FROM {rows['transactions']} WHERE refund_requested_at IS NOT NULL UNION ALL SELECT 1 FROM {rows['complaints']}"
    return View(con, moment, float(praise), bool(scalar(con, f"SELECT count(*) FROM ({grieved} LIMIT 1)")))


def _since(name: str, moment: engine.Moment) -> Any:
    import narwhals as nw

    return nw.col(str(TABLES[name].event)) >= engine.edge(TABLES[name], moment, WINDOW_DAYS)


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables."""
    for name in ("orders", "reviews", "shops"):
        con.execute(f"DROP TABLE IF EXISTS temp.seen_{name}")


def query(module: str, name: str, **values: float | str) -> str:
    """The statement `name`.sql beside the detector's file, with these numbers and texts."""
    return statement(module, name, **{part: str(value) for part, value in values.items()})


def records(groups: pd.DataFrame) -> Iterator[Any]:
    """The rows, with their columns as attributes."""
    return iter(groups.itertuples())


def at_least(count: ArrayLike, expected: ArrayLike) -> Array:
    """The chance of so many or more where so many are expected (Poisson)."""
    from scipy.special import pdtrc  # half a second that only a scan need spend, not every command

    return np.asarray(pdtrc(np.asarray(count, float) - 1, np.maximum(np.asarray(expected, float), 1e-9)))


def at_least_of(count: ArrayLike, trials: ArrayLike, share: ArrayLike) -> Array:
    """The chance of so many or more of so many, each with this probability (binomial)."""
    from scipy.special import bdtrc

    count = np.asarray(count, float)
    chance = bdtrc(count - 1, np.asarray(trials, float), np.clip(np.asarray(share, float), 1e-9, 1 - 1e-9))
    return np.where(count <= 0, 1.0, chance)


def usual_praise(view: View, groups: pd.DataFrame) -> pd.Series[float]:
    """Share of praised ones among the merchant's orders outside the group, shrunk to the platform's.

    `groups` has columns orders, praised (of the group) and shop_orders, shop_praised.
    """
    rest = groups.shop_orders - groups.orders
    praised = groups.shop_praised - groups.praised
    return (praised + PRIOR_ORDERS * view.praise) / (rest + PRIOR_ORDERS)


def overpraised(
    view: View, groups: pd.DataFrame, tail: float = PRAISE_TAIL, lift: float = PRAISE_LIFT
) -> NDArray[np.bool_]:
    """Which groups are praised beyond what is usual; adds the columns usual_praise and praise_chance."""
    groups["usual_praise"] = usual_praise(view, groups)
    groups["praise_chance"] = at_least_of(groups.praised, groups.orders, groups.usual_praise)
    enough = groups.praised >= (groups.usual_praise + lift) * groups.orders
    return np.asarray((groups.praise_chance < tail) & enough, dtype=np.bool_)


def strength(*chances: float) -> float:
    """0 to 1: a twentieth for each power of ten by which chance fails to explain the rows (the conditions multiplied)."""
    powers = -sum(np.log10(np.maximum(np.asarray(chances, float), 1e-300)))
    return round(float(np.clip(powers / 20, 0, 1)), 3)


def report(
    view: View,
    kind: str,
    groups: pd.DataFrame,
    rows: str,
    facts: Iterable[dict[str, Fact]],
    **frames: pd.DataFrame,
) -> list[Finding]:
    """Findings of groups (columns s and chances, a tuple), numbered by their index g.

    `rows` is SQL with g, o, r, b, over the view's tables and the given frames; it may have rows of other groups too.
    """
    if groups.empty:
        return []
    with view.named(**frames):
        lists = view.con.execute(
            f"""SELECT g, list(DISTINCT o) FILTER (o IS NOT NULL), list(DISTINCT r) FILTER (r IS NOT NULL),
                list(DISTINCT b) FILTER (b IS NOT NULL) FROM ({rows}) GROUP BY g"""
        ).fetchall()
    evidence = {g: keys for g, *keys in lists}
    day = view.moment.cut_off.date()
    findings = []
    for g, s, chances, numbers in zip(groups.index, groups.s, groups.chances, facts, strict=True):
        orders, reviews, buyers = (tuple(keys or ()) for keys in evidence[g])
        findings.append(Finding(kind, str(s), day, strength(*chances), orders, reviews, buyers, numbers))
    return findings


def components(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """The component (least member) of every node 0..max, where left[i] and right[i] are linked."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = int(max(left.max(initial=-1), right.max(initial=-1))) + 1
    _, labels = connected_components(coo_array((np.ones(len(left)), (left, right)), shape=(size, size)), directed=False)
    return np.asarray(labels, dtype=np.int64)

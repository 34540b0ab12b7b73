"""The figures of the last 30, 180 and 365 days: transactions, reviews, complaints.

Counted by the evaluation's compiler from the quantities of the catalogue, for all merchants at once, and passed through
`credit.disclosure.privacy` before anything else sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import narwhals as nw
import numpy as np

from credit.disclosure import privacy
from credit.disclosure.privacy import MEASURED, MISSING, NOT_APPLICABLE, SUPPRESSED, Codes, Figure, Mask
from credit.evaluation.engine import NightFacts
from credit.indicators import CATALOGUE
from credit.indicators.after_sales import COMPLAINTS, justified, upheld
from credit.indicators.base import WINDOWS, Array, Leaf, Quantity, Unit, count, median
from credit.indicators.counterparty import REVIEWS, own
from credit.indicators.orders import ORDERS, kept, sum_of_orders
from credit.tables import TABLES

col = nw.col

Tree = dict[str, "Tree | Figure"]
Measure = Callable[..., Array]
"""`_measure` of one window: (quantity, what it needs) -> a number a merchant."""

STARS = (1, 2, 3, 4, 5)
CHANNELS = TABLES["complaints"].column("channel").codes

_AMOUNT = sum_of_orders(nw.when(kept).then(col("amount")))
"""In the merchant's currency, where it has one and only one."""
_REFUND_KNOWN = count("transactions", ~col("refund_reason").is_null())
_REFUND_ASKED = count("transactions", ~col("refund_reason").is_null() & (col("refund_reason") != "none"))
_RATED = {stars: count("reviews", own & (col("rating_overall") == stars)) for stars in STARS}
_BY_CHANNEL = {channel: count("complaints", col("channel") == channel) for channel in CHANNELS}
_OUTCOMES = {
    "upheld": upheld & (col("outcome") == "upheld"),
    "partly_upheld": upheld & (col("outcome") == "partly_upheld"),
    "others_liable": justified & ~upheld,
    **{name: col("outcome") == name for name in ("rejected", "settled", "withdrawn")},
    "unrecorded": ~col("resolution_minutes").is_null() & col("outcome").is_null(),
    "open": col("resolution_minutes").is_null(),
}
"""How complaints ended; each is in one of them. The first two are those that the seller is liable for."""
OUTCOMES = tuple(_OUTCOMES)
_LIABLE = 2
_BY_OUTCOME = {name: count("complaints", ended) for name, ended in _OUTCOMES.items()}
_RESPONDED = count("complaints", ~col("response_minutes").is_null())
_RESOLVED = count("complaints", ~col("resolution_minutes").is_null())
_RESPONSE = median("complaints", col("response_minutes"))
_RESOLUTION = median("complaints", col("resolution_minutes"))

# Rate of the catalogue -> the columns without which nothing is known of it.
_RATES = {
    "completion_rate": ("transactions.completed_at",),
    "on_time_dispatch_rate": ("transactions.dispatch_due_at", "transactions.dispatched_at"),
    "on_time_delivery_rate": ("transactions.delivery_due_at", "transactions.delivered_at"),
}
_MEAN, _COVERAGE = CATALOGUE["rating_overall"], CATALOGUE["review_coverage"]


def leaves() -> Iterator[Leaf]:
    """All that has to be counted."""
    yield from _AMOUNT.leaves()
    for indicator in (*(CATALOGUE[name] for name in _RATES), _MEAN, _COVERAGE):
        yield from indicator.leaves()
    yield from (ORDERS, REVIEWS, COMPLAINTS, _REFUND_KNOWN, _REFUND_ASKED)
    yield from (_RESPONDED, _RESOLVED, _RESPONSE, _RESOLUTION)
    yield from (*_RATED.values(), *_BY_CHANNEL.values(), *_BY_OUTCOME.values())


def _suppressed(window: Tree, *path: str) -> Mask:
    """Where the figure that lies there is suppressed."""
    node: Any = window
    for name in path:
        node = node[name]
    mask: Mask = node.state == SUPPRESSED
    return mask


def coarsens(indicator: str, window: Tree) -> Mask | None:
    """Where the points of an indicator of the same window would tell what its figures hide, by what its value has not."""
    return few_of_a_star(window) if indicator == "rating_overall" else None


def few_of_a_star(window: Tree) -> Mask:
    """Where the distribution of stars is hidden: of its stars all are or none."""
    return _suppressed(window, "reviews", "distribution", str(STARS[0]))


def hides(indicator: str, value: Array, window: Tree) -> Mask | None:
    """Where an indicator of the same window would tell what its figures hide; None for one that tells nothing of theirs."""
    suppressed = partial(_suppressed, window)
    match indicator:
        case "rating_overall":
            return suppressed("reviews", "mean")
        case "positive_share" | "negative_share":
            return few_of_a_star(window)
        case "unanswered_negatives":
            return few_of_a_star(window) & (value > 0)
        case "review_coverage":
            # Times the orders it is the number of good reviews, of which the share of good ones is hidden with the stars.
            return suppressed("reviews", "count") | few_of_a_star(window)
        case "complaint_rate" | "first_response_hours" | "resolution_days":
            return suppressed("complaints", "count")
        case "upheld_complaint_rate":
            return suppressed("complaints", "upheld")
    return None


@dataclass(frozen=True)
class Counts:
    """What is counted about people in one window: numbers, or where they are hidden. Rows are STARS, CHANNELS, OUTCOMES."""

    reviews: Any
    complaints: Any
    stars: Any
    channels: Any
    outcomes: Any
    liable: Any
    """Complaints the seller is liable for (two of OUTCOMES), and the others."""


def windows(
    facts: NightFacts,
    have: frozenset[str],
    currency: list[str | None],
    parts: tuple[NightFacts, Sequence[dict[int, Tree]]] | None = None,
) -> dict[int, Tree]:
    """The figures of the last 30, 180 and 365 days of every subject of `facts`.

    `currency` is each subject's currency, None where it has several or none: then there is no one amount. `parts`: the
    facts of those that the one subject is made of, and their figures as published, in the same order.
    """
    counted = [_counted(facts, have, days) for days in WINDOWS]
    tells = None if parts is None else _betrayed_by_parts(counted, parts[0], have, parts[1])
    masks = hidden(counted, tells)
    hide, hide_mean = masks[-1]
    longest = _window(facts, have, WINDOWS[-1], currency, counted[-1], hide, hide_mean)
    # Of its stars all are hidden or none; of what has no total nothing is told.
    few, good = privacy.shares(
        np.where(hide.reviews, np.where(np.isnan(counted[-1].reviews), np.nan, 0), counted[-1].stars)
    )
    # Beside shares the mean of a shorter window could tell more of its stars.
    instead = (good.state == MEASURED) & hide.stars[0]
    shorter = {
        days: _window(facts, have, days, currency, counts, hide, hide_mean | instead)
        for days, counts, (hide, hide_mean) in zip(WINDOWS[:-1], counted[:-1], masks[:-1], strict=True)
    }
    reviews = longest["reviews"]
    assert isinstance(reviews, dict)
    reviews["shares"] = {"4-5": good, "1-3": few}
    return shorter | {WINDOWS[-1]: longest}


def _measure(facts: NightFacts, have: frozenset[str], days: int, quantity: Quantity, *needs: str) -> Array:
    """NaN where a table or column that it needs is not supplied."""
    if not have.issuperset(needs):
        return np.full(len(facts.subjects), np.nan)
    return np.broadcast_to(quantity.of(facts, days), len(facts.subjects)).astype(np.float64)


def _counted(facts: NightFacts, have: frozenset[str], days: int) -> Counts:
    measure = partial(_measure, facts, have, days)
    ended = np.array([measure(_BY_OUTCOME[name], "complaints.outcome") for name in OUTCOMES])
    return Counts(
        measure(REVIEWS),
        measure(COMPLAINTS),
        np.array([measure(_RATED[stars]) for stars in STARS]),
        np.array([measure(_BY_CHANNEL[channel]) for channel in CHANNELS]),
        ended,
        np.array([ended[:_LIABLE].sum(axis=0), ended[_LIABLE:].sum(axis=0)]),
    )


def _betrayed_by_parts(
    counted: list[Counts], facts: NightFacts, have: frozenset[str], figures: Sequence[dict[int, Tree]]
) -> list[Counts]:
    """Of each window, which counts of the one subject would, beside what is shown of its parts, tell of one of them."""
    counted_parts = [_counted(facts, have, days) for days in WINDOWS]

    def suppressed(days: int, path: tuple[str, ...]) -> Mask:
        return np.concatenate([_suppressed(tree[days], *path) for tree in figures])

    def betrayed(name: str, *paths: tuple[str, ...], small_ones: bool = False) -> list[Any]:
        """For each window, one value for each of the paths."""
        hide = [np.array([suppressed(days, path) for path in paths]) for days in WINDOWS]
        rows = [np.nan_to_num(getattr(counts, name)).reshape(len(paths), -1) for counts in counted_parts]
        totals = [np.nan_to_num(getattr(counts, name)).reshape(len(paths)) for counts in counted]
        return privacy.remainders(totals, rows, hide, small_ones=small_ones)

    columns = [
        betrayed("reviews", ("reviews", "count"), small_ones=True),
        betrayed("complaints", ("complaints", "count"), small_ones=True),
        betrayed("stars", *(("reviews", "distribution", str(star)) for star in STARS)),
        betrayed("channels", *(("complaints", "by_channel", name) for name in CHANNELS)),
        betrayed("outcomes", *(("complaints", "by_outcome", name) for name in OUTCOMES)),
        betrayed("liable", ("complaints", "upheld"), ("complaints", "upheld")),
    ]
    return [
        Counts(reviews, complaints, *(mask[:, None] for mask in rest))
        for reviews, complaints, *rest in zip(*columns, strict=True)
    ]


def hidden(counted: list[Counts], tells: list[Counts] | None = None) -> list[tuple[Counts, Mask]]:
    """Of each window, where its counts and where its mean of stars are hidden; also where the count `tells` something."""

    def also(name: str, rows: slice = slice(None)) -> list[Any] | None:
        return None if tells is None else [getattr(counts, name)[rows] for counts in tells]

    reviews, complaints, stars, channels, ended, liable = (
        [np.nan_to_num(getattr(counts, field.name)) for counts in counted] for field in fields(Counts)
    )
    reviews_hid, complaints_hid = (
        privacy.nested(reviews, also("reviews")),
        privacy.nested(complaints, also("complaints")),
    )
    stars_hid = privacy.breakdown(stars, reviews_hid, all_or_none=True, also=also("stars"))
    channels_hid = privacy.breakdown(channels, complaints_hid, also=also("channels"))
    # Whose fault first, then how those of either kind ended: each kind has a total of its own then.
    liable_hid = privacy.breakdown(liable, complaints_hid, all_or_none=True, also=also("liable"))
    halves = [
        privacy.breakdown(
            [counts[half] for counts in ended],
            [hid[0] | hid[1] for hid in liable_hid],
            also=also("outcomes", half),
        )
        for half in (slice(_LIABLE), slice(_LIABLE, None))
    ]
    ended_hid = [np.concatenate(pair) for pair in zip(*halves, strict=True)]
    longest = stars_hid[-1][0]
    masks = []
    for place, counts in enumerate(reviews):
        hid: Mask = stars_hid[place][0]  # of its stars all are or none
        # A shorter window lies between what the longest shows: then its mean, too, could only be of few tables.
        hide_mean = privacy.hides_mean(counts, hid) | (hid & (reviews_hid[place] | ~longest))
        masks.append(
            (
                Counts(
                    reviews_hid[place], complaints_hid[place], stars_hid[place], channels_hid[place], ended_hid[place],
                    liable_hid[place],
                ),
                hide_mean,
            )
        )  # fmt: skip
    return masks


def _window(
    facts: NightFacts,
    have: frozenset[str],
    days: int,
    currency: list[str | None],
    counts: Counts,
    hide: Counts,
    hide_mean: Mask,
) -> Tree:
    measure = partial(_measure, facts, have, days)
    orders = measure(ORDERS)
    return {
        "transactions": _transactions(measure, orders, currency),
        "reviews": _reviews(measure, counts, hide, hide_mean),
        "complaints": _complaints(measure, orders, counts, hide),
    }


def _transactions(measure: Measure, orders: Array, currency: list[str | None]) -> Tree:
    refunds_asked, recorded = measure(_REFUND_ASKED, "transactions.refund_reason"), measure(_REFUND_KNOWN)
    amount = measure(_AMOUNT)
    one_currency = np.array([code is not None for code in currency], dtype=bool) | (orders == 0)
    amount_state = np.where(one_currency | np.isnan(amount), _known(amount), NOT_APPLICABLE).astype(np.int8)
    return {
        "orders": privacy.band(orders, _known(orders), privacy.COUNT_EDGES),
        "amount": privacy.band(amount, amount_state, privacy.AMOUNT_EDGES),
        **{
            name: _rate(
                measure(CATALOGUE[name].numerator, *needs),
                measure(CATALOGUE[name].denominator or ORDERS),
                orders,
                "share",
            )
            for name, needs in _RATES.items()
        },
        "refund_rate": _rate(refunds_asked, recorded, orders, "share", (refunds_asked, recorded - refunds_asked)),
    }


def _reviews(measure: Measure, counts: Counts, hide: Counts, hide_mean: Mask) -> Tree:
    reviews, completed = counts.reviews, measure(_COVERAGE.denominator or ORDERS)
    stars, rated = measure(_MEAN.numerator), measure(_MEAN.denominator or REVIEWS)
    return {
        "count": privacy.counts(reviews, _known(reviews), hide.reviews),
        "mean": _rate(stars, rated, reviews, "stars", hide=hide_mean),
        "distribution": _breakdown(STARS, counts.stars, hide.stars),
        "coverage": _rate(reviews, completed, completed, "per_order", hide=hide.reviews),
    }


def _complaints(measure: Measure, orders: Array, counts: Counts, hide: Counts) -> Tree:
    complaints, upheld = counts.complaints, counts.liable[0]
    responded = measure(_RESPONDED, "complaints.first_response_at")
    resolved = measure(_RESOLVED, "complaints.resolved_at")
    response_hours = measure(_RESPONSE, "complaints.first_response_at") / 60
    resolution_days = measure(_RESOLUTION, "complaints.resolved_at") / 1440
    return {
        "count": privacy.counts(complaints, _known(complaints), hide.complaints),
        "rate": _rate(complaints, orders, orders, "per_order", hide=hide.complaints),
        "upheld": privacy.counts(upheld, _known(upheld), hide.liable[0]),
        "by_outcome": _breakdown(OUTCOMES, counts.outcomes, hide.outcomes),
        "response_median_hours": _median(response_hours, responded, complaints, "hours"),
        "resolution_median_days": _median(resolution_days, resolved, complaints, "days"),
        "by_channel": _breakdown(CHANNELS, counts.channels, hide.channels),
    }


def _known(values: Array) -> Codes:
    return np.where(np.isnan(values), MISSING, MEASURED).astype(np.int8)


def _rate(
    numerator: Array,
    denominator: Array,
    base: Array,
    unit: Unit,
    betrayed: tuple[Array, ...] = (),
    hide: Mask | None = None,
) -> Figure:
    """`base` is what could have been measured: where it is 0 the rate does not apply, otherwise it is missing."""
    recorded = np.isfinite(numerator) & np.isfinite(denominator)
    measured = recorded & (denominator > 0)
    value = np.divide(numerator, denominator, out=np.full(len(measured), np.nan), where=measured)
    state = np.where(measured, MEASURED, np.where(recorded & (base == 0), NOT_APPLICABLE, MISSING)).astype(np.int8)
    return privacy.rates(value, state, unit, denominator, betrayed, hide)


def _median(values: Array, observed: Array, complaints: Array, unit: Unit) -> Figure:
    """A median over the `observed` of the complaints."""
    nothing = np.isfinite(observed) & (complaints == 0)
    state = np.where(observed > 0, MEASURED, np.where(nothing, NOT_APPLICABLE, MISSING)).astype(np.int8)
    return privacy.rates(values, state, unit, observed)


def _breakdown(names: Iterable[object], values: Array, hide: Mask) -> Tree:
    """Counts that add up to a published total."""
    return {str(n): privacy.counts(v, _known(v), h) for n, v, h in zip(names, values, hide, strict=True)}

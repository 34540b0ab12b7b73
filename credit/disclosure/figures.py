"""The figures of the last 30, 180 and 365 days: transactions, reviews, complaints.

Counted by the evaluation's compiler from the quantities of the catalogue, for all merchants at once, and passed through
`credit.disclosure.privacy` before anything else sees them.
"""

from __future__ import annotations

from collections.abc import Iterator

import narwhals as nw
import numpy as np

from credit.disclosure import privacy
from credit.disclosure.privacy import MEASURED, MISSING, NOT_APPLICABLE, SUPPRESSED, Codes, Shown
from credit.engine import NightFacts
from credit.indicators import CATALOGUE
from credit.indicators.after_sales import COMPLAINTS, justified, upheld
from credit.indicators.base import Array, Leaf, Quantity, Unit, count, median
from credit.indicators.counterparty import REVIEWS, own
from credit.indicators.fulfilment import ORDERS
from credit.tables import TABLES

col = nw.col

Tree = dict[str, "Tree | Shown"]

STARS = (1, 2, 3, 4, 5)
CHANNELS = TABLES["complaints"].column("channel").codes

_AMOUNT = CATALOGUE["amount"].numerator
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


def window(facts: NightFacts, have: frozenset[str], days: int, currency: list[str | None]) -> Tree:
    """The figures of the last `days` days of every subject of `facts`.

    `currency` is each subject's currency, None where it has several or none: then there is no one amount.
    """

    def of(quantity: Quantity, *needs: str) -> Array:
        """NaN where a table or column that it needs is not supplied."""
        if not have.issuperset(needs):
            return np.full(len(facts.subjects), np.nan)
        return np.broadcast_to(quantity.of(facts, days), len(facts.subjects)).astype(np.float64)

    def known(values: Array) -> Codes:
        return np.where(np.isnan(values), MISSING, MEASURED).astype(np.int8)

    def rate(numerator: Array, denominator: Array, base: Array, unit: Unit, betrayed: tuple[Array, ...] = ()) -> Shown:
        """`base` is what could have been measured: where it is 0 the rate does not apply, otherwise it is missing."""
        recorded = np.isfinite(numerator) & np.isfinite(denominator)
        some = recorded & (denominator > 0)
        value = np.divide(numerator, denominator, out=np.full(len(some), np.nan), where=some)
        state = np.where(some, MEASURED, np.where(recorded & (base == 0), NOT_APPLICABLE, MISSING)).astype(np.int8)
        return privacy.rates(value, state, unit, denominator, betrayed)

    def middle(values: Array, observed: Array, unit: Unit) -> Shown:
        """A median over `observed` complaints."""
        nothing = np.isfinite(observed) & (complaints == 0)
        state = np.where(observed > 0, MEASURED, np.where(nothing, NOT_APPLICABLE, MISSING)).astype(np.int8)
        return privacy.rates(values, state, unit, observed)

    def parts(names: tuple[str, ...], values: list[Array]) -> Tree:
        """Counts that add up to a published total."""
        hide = privacy.hidden(np.nan_to_num(np.array(values)))
        return {n: privacy.counts(v, known(v), h) for n, v, h in zip(names, values, hide, strict=True)}

    orders, reviews, complaints = of(ORDERS), of(REVIEWS), of(COMPLAINTS)
    amount = of(_AMOUNT)
    one_currency = np.array([code is not None for code in currency], dtype=bool) | (orders == 0)
    of_amount = np.where(one_currency | np.isnan(amount), known(amount), NOT_APPLICABLE).astype(np.int8)
    completed = of(_COVERAGE.denominator or ORDERS)
    ended = [of(_BY_OUTCOME[name], "complaints.outcome") for name in OUTCOMES]
    by_outcome = parts(OUTCOMES, ended)
    return {
        "transactions": {
            "orders": privacy.band(orders, known(orders), privacy.COUNT_EDGES),
            "amount": privacy.band(amount, of_amount, privacy.AMOUNT_EDGES),
            **{
                name: rate(
                    of(CATALOGUE[name].numerator, *needs), of(CATALOGUE[name].denominator or ORDERS), orders, "share"
                )
                for name, needs in _RATES.items()
            },
            "refund_rate": rate(of(_REFUND_ASKED, "transactions.refund_reason"), of(_REFUND_KNOWN), orders, "share"),
        },
        "reviews": {
            "count": privacy.counts(reviews, known(reviews)),
            "mean": rate(of(_MEAN.numerator), of(_MEAN.denominator or REVIEWS), reviews, "stars"),
            "distribution": parts(tuple(map(str, STARS)), [of(_RATED[stars]) for stars in STARS]),
            "coverage": rate(reviews, completed, completed, "per_order", (reviews,)),
        },
        "complaints": {
            "count": privacy.counts(complaints, known(complaints)),
            "rate": rate(complaints, orders, orders, "per_order", (complaints,)),
            "upheld": _upheld(by_outcome, ended),
            "by_outcome": by_outcome,
            "response_median_hours": middle(
                of(_RESPONSE, "complaints.first_response_at") / 60,
                of(_RESPONDED, "complaints.first_response_at"),
                "hours",
            ),
            "resolution_median_days": middle(
                of(_RESOLUTION, "complaints.resolved_at") / 1440,
                of(_RESOLVED, "complaints.resolved_at"),
                "days",
            ),
            "by_channel": parts(CHANNELS, [of(_BY_CHANNEL[channel]) for channel in CHANNELS]),
        },
    }


def _upheld(by_outcome: Tree, ended: list[Array]) -> Shown:
    """All that the seller is liable for, in full or in part: shown where this tells no more than the parts do."""
    hide = np.array([by_outcome[name].state == SUPPRESSED for name in OUTCOMES])  # type: ignore[union-attr]
    counts = np.nan_to_num(np.array(ended))
    ours, others = (hide[part].sum(axis=0) for part in (slice(2), slice(2, None)))
    hidden_others = (counts[2:] * hide[2:]).sum(axis=0)
    total = ended[0] + ended[1]
    tells = (
        privacy.small(total)
        | (ours == 1)
        | ((ours == 2) & (others > 0) & ((others < 2) | (hidden_others < privacy.THRESHOLD)))
    )
    state = np.where(np.isnan(total), MISSING, MEASURED).astype(np.int8)
    return privacy.counts(total, state, tells)

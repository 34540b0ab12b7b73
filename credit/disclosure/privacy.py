"""What may be published of a number; of a name or a text `credit.disclosure.personal` decides, by the same rules:

* Natural persons: the name is masked, in texts about others too; other personal columns and the code of the register are
  withheld. An enterprise's are public. Numbers of persons are struck out of all texts and columns: citizens' id
  numbers, mobile and landline numbers, bank cards, e-mail addresses; of an enterprise's contact citizens' id numbers
  alone. Columns of class internal or pseudonym are never published, nor a citizen's id number.
* Small counts: of people who reviewed, complained, asked for a refund or came back a count from 1 to 4 is suppressed,
  and so is
  - the count of a shorter window that a longer one exceeds by 1 to 4;
  - of complaints by channel or outcome, enough beside the small ones that any of those hidden could be any other; all of
    them where a small count is of those that the seller is liable for or is not. Shorter windows show all or nothing;
  - of reviews by stars the numbers where one of the five is small, with the positive and negative share, and the mean of
    fewer than 8; from 50 reviews on the shares of 4 and 5 and of fewer stars are
    shown in steps, and beside them the mean of the longest window alone;
  - a rate that rests on fewer than 5 observations, would give such a count away or has what is hidden as its numerator;
  - a figure of the platform that, less what its merchants show, is of one of the others or a small count of several.
  Then none of them follows as one number from all counts that are published of a merchant in one night, whoever knows
  these rules: tests/disclosure/test_privacy.py goes through all small tables.
* Business secrets: orders, buyers, amounts, deposits are published as bands.
* Points of an indicator whose value is not shown whole are withheld: by the rulebook's curve they would give it away, and
  the number of orders with it, on which all rates rest. Other points have 1 decimal and those of an element are halves,
  so that little is left of what is withheld when what is shown is subtracted. The evidence figure has 2: it is made of
  counts. The score has 4. Who reckons with all of it can still tell a suppressed count in about one of twelve cases.
* Rounding: shares and indexes to 3 decimals, rates per order to 2 significant digits, stars and hours to 1 decimal,
  days and sums of severities to 2; stars of fewer than 40 reviews to half stars, since mean and number together would
  tell how many gave which; then a rate beside a count does not give back the exact number of orders of any but small merchants.

What can still be had: that a hidden count is from 1 to 4, or one of a few numbers; which numbers hidden parts have, though
not which of them has which, where few add up to their total; what two nights differ by. A share beside a narrow band of
orders leaves few numbers of orders; the rates per order of complaints stand to each other as their numbers do, which of few
complaints tells how many were not overdue, say. The platform's sums are looked at one by one, not all together, and whoever
knows of some merchants what they do not show has less left of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from credit.disclosure.personal import struck as struck  # texts are cleared there: what is public is one rule
from credit.indicators.base import Array, Indicator, Unit

THRESHOLD = 5
"""Fewer than this of anything about people is not published."""

FIGURE_STATES = ("measured", "missing", "not_applicable", "suppressed")
MEASURED, MISSING, NOT_APPLICABLE, SUPPRESSED = range(len(FIGURE_STATES))

FEW_STARS = 40
"""The mean of fewer reviews than this is shown in half stars: of one of 40 or more, to 1 decimal, at least two different
sums of stars are left even next to 1 and 5."""
LEAST_STARS = 8
"""The same for half stars: the mean of fewer reviews than this is not shown where their distribution is not."""

EVIDENCE_DECIMALS: Final = 2

Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]

_STEPS = [step * 10**power for power in range(15) for step in (1, 2, 5)]
COUNT_EDGES: Final = [0, 1, 5, *(edge for edge in _STEPS if edge >= 10)]
"""Lower edges of the bands of counts: 0, 1-4, 5-9, 10-19, 20-49, 50-99, 100-199 ..."""
AMOUNT_EDGES: Final = [0, *(edge for edge in _STEPS if edge >= 1000)]
"""Lower edges of the bands of amounts: 0-999, 1000-1999, 2000-4999, 5000-9999 ..."""
_BANDED: dict[Unit, list[int]] = {"count": COUNT_EDGES, "amount": AMOUNT_EDGES}

DECIMALS: dict[Unit, int] = {
    "share": 3, "index": 3, "stars": 1, "hours": 1, "days": 2, "flag": 0, "months": 0, "weighted": 2, "rank": 0,
}  # fmt: skip
BY_THE_MERCHANT = frozenset({
    "completion_rate", "on_time_dispatch_rate", "on_time_delivery_rate", "invoice_rate", "traceable_share", "non_delivery",
})  # fmt: skip
"""Indicators of transactions that tell what the merchant did with orders: few of them betray nobody. Any other, a new
one too, may tell what buyers did."""
_ABOUT_THE_MERCHANT = frozenset({"subjects", "public_records", "violations", "sanctions", "spot_checks", "listings"})
"""What these hold is the merchant's own and betrays no consumer, however little it is."""


@dataclass(frozen=True)
class Figure:
    """One published figure for many merchants: `state` (places in STATES), and a value or the edges of a band."""

    state: Codes
    value: Array | None = None
    at_least: Array | None = None
    below: Array | None = None
    integral: bool = False
    """The value is a whole number."""
    coarse: Mask | None = None
    """Which values are rounded further than their unit asks for, or would tell more by their points."""

    def take(self, places: Any) -> Figure:
        """The same for the merchants at these places (a slice or an array of them)."""
        value, at_least, below, coarse = (
            None if array is None else array[places] for array in (self.value, self.at_least, self.below, self.coarse)
        )
        return Figure(self.state[places], value, at_least, below, self.integral, coarse)

    def rows(self, part: slice, common: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """As JSON-able objects that begin with what is the `same` in all; null wherever there is nothing to show.

        One object for all merchants of the same figure: there are few different ones."""
        names = ("value",) if self.value is not None else ("at_least", "below")
        columns = [getattr(self, name)[part].tolist() for name in names]
        nothing = [{**(common or {}), "state": state, **dict.fromkeys(names)} for state in FIGURE_STATES]
        rows: dict[tuple[float, float], dict[str, Any]] = {}

        def row(place: int, key: tuple[float, float]) -> dict[str, Any]:
            numbers = [column[place] for column in columns]
            values = [None if number != number else int(number) if self.integral else number for number in numbers]
            new_row = rows[key] = nothing[MEASURED] | dict(zip(names, values, strict=True))
            return new_row

        figures = enumerate(zip(self.state[part].tolist(), zip(columns[0], columns[-1], strict=True), strict=True))
        return [nothing[code] if code != MEASURED else rows.get(key) or row(i, key) for i, (code, key) in figures]


def blank(values: Array) -> list[float | None]:
    """The numbers as a list, None for NaN."""
    return [None if value != value else value for value in values.tolist()]


# --- numbers -----------------------------------------------------------------------------------------------------


def rounded(values: Array, unit: Unit) -> Array:
    """Rounded by the rule of the unit (see the module); counts and amounts are banded instead."""
    if unit == "per_order":
        positive = values > 0
        power = 1 - np.floor(np.log10(values, out=np.zeros(len(values)), where=positive))
        # Whole numbers over a power of ten are the very floats that their decimals are read as.
        return np.where(
            power > 0, np.round(values * 10.0**power) / 10.0**power, np.round(values * 10.0**power) * 10.0**-power
        )
    return np.round(values, DECIMALS[unit])


def band(values: Array, state: Codes, edges: list[int]) -> Figure:
    """The band each measured value lies in: from `at_least`, `below` not included."""
    lower = np.array(edges, dtype=np.float64)
    upper = np.append(lower[1:], np.nan)
    place = np.clip(np.searchsorted(lower, np.nan_to_num(values), side="right") - 1, 0, None)
    measured = state == MEASURED
    at_least, below = (np.where(measured, bounds[place], np.nan) for bounds in (lower, upper))
    return Figure(state, None, at_least, below, integral=True)


def small(counts: Array) -> Mask:
    """Too few to be published; none at all betrays nobody."""
    return (counts > 0) & (counts < THRESHOLD)


def hidden(parts: Array, also: Mask | None = None) -> Mask:
    """Which parts (rows) of each total (column) to hide, beside those that must `also` be.

    The small ones, and of the others the next larger with all that equal it, until what is hidden holds a part that is
    not small and 2 * THRESHOLD in all; everything, zeros too, where nothing else would be left or the total is small. What
    is hidden does not hang on the order of the parts: those hidden could each be any of them, and they are not all alike.
    """
    hide = (small(parts) if also is None else small(parts) | also) & (parts > 0)
    places = np.flatnonzero(hide.any(axis=0))
    while len(places):
        counts, hid = parts[:, places], hide[:, places]
        held = counts * hid
        wanting = (held.sum(axis=0) < 2 * THRESHOLD) | (held.max(axis=0) < THRESHOLD) | (hid.sum(axis=0) < 2)
        visible = np.where(hid | (counts <= 0), np.inf, counts)
        least = visible.min(axis=0)
        add = wanting & np.isfinite(least)
        places = places[add]
        hide[:, places] |= (visible == least)[:, add]
    nothing_left = hide.any(axis=0) & ~((parts > 0) & ~hide).any(axis=0)
    return hide | nothing_left | small(parts.sum(axis=0))


def nested(windows: Sequence[Array], also: Sequence[Mask] | None = None) -> list[Mask]:
    """Where to hide the counts of windows that lie in each other, the shortest first.

    The small ones, and those that a longer one shown exceeds by a small number: the longest says most and is kept."""
    longer = np.full(len(windows[0]), np.nan)
    hide: list[Mask] = []
    for place in reversed(range(len(windows))):
        values = windows[place]
        hid: Mask = small(values) | small(longer - values)
        hide.insert(0, hid if also is None else hid | also[place])
        longer = np.where(hide[0], longer, values)
    return hide


_SHARE_STEPS: Final = ((1_000, 100), (500, 50), (200, 20), (100, 10), (50, 5))
"""From so many reviews on shares lie in so many steps: each holds ten numbers of reviews or more."""
GOOD_FROM: Final = 4
"""Stars from this on are one share, those below another: a third one, beside the mean, would tell of single stars."""


def shares(stars: Array) -> tuple[Figure, Figure]:
    """What share of the reviews has few stars and what share many (see GOOD_FROM), as bands of one step; `stars` are the
    numbers of reviews by stars (rows, from 1 up). Suppressed where there are too few reviews."""
    total = stars.sum(axis=0)
    shown = np.where(np.isfinite(total), total, 0) >= _SHARE_STEPS[-1][0]
    number = np.where(shown, total, 1.0)
    steps = np.select([number >= least for least, _ in _SHARE_STEPS], [many for _, many in _SHARE_STEPS], 1)
    state = np.where(
        shown, MEASURED, np.where(np.isnan(total), MISSING, np.where(total > 0, SUPPRESSED, NOT_APPLICABLE))
    )

    def band_of(part: Array) -> Figure:
        # In whole numbers: a share lies in step k where k * total <= part * steps < (k + 1) * total.
        place = np.minimum(np.nan_to_num(part) * steps // number, steps - 1)
        last = place == steps - 1
        at_least, below = np.where(shown, place / steps, np.nan), np.where(shown & ~last, (place + 1) / steps, np.nan)
        return Figure(state.astype(np.int8), None, at_least, below)

    return band_of(stars[: GOOD_FROM - 1].sum(axis=0)), band_of(stars[GOOD_FROM - 1 :].sum(axis=0))


def hides_mean(reviews: Array, distribution: Mask) -> Mask:
    """Where the mean of stars would tell how many gave which, though their `distribution` is hidden."""
    return distribution & (reviews < LEAST_STARS)


def remainders(
    total: Sequence[Array], parts: Sequence[Array], hide: Sequence[Mask], *, small_ones: bool = False
) -> list[Mask]:
    """Where a `total` of many (nested windows, the shortest first) less those of them that are `shown` would tell of one
    of the others: there is but one, or they add up to a small number, also of what a longer window has more.

    `small_ones`: those not shown are all small in the longest window, and none is 0 in any."""
    unsafe: list[Mask] = []
    for place, (sums, values, hid) in enumerate(zip(total, parts, hide, strict=True)):
        rest, number = sums - (values * ~hid).sum(axis=-1), hid.sum(axis=-1)
        tells: Mask = small(rest) | ((number == 1) & (rest > 0))
        if small_ones:
            tells |= (number > 0) & (rest <= number)
        if place < len(total) - 1:
            shown_twice = ~hid & ~hide[-1]
            more = total[-1] - sums - ((parts[-1] - values) * shown_twice).sum(axis=-1)
            tells |= small(more)
        elif small_ones:
            tells |= (number > 0) & (rest == number * (THRESHOLD - 1))
        unsafe.append(tells)
    return unsafe


def breakdown(
    windows: Sequence[Array], totals: Sequence[Mask], *, all_or_none: bool = False, also: Sequence[Mask] | None = None
) -> list[Mask]:
    """Where to hide the parts (rows) of counts of nested windows whose `totals` are hidden there.

    The parts of the longest window by `hidden`, or all of them where one is small (`whole`). A shorter one shows all its
    parts or none: only where the longer ones show all, and no part, nor what the longer has more of it, is small."""
    before: Mask = np.zeros(windows[-1].shape[1], dtype=bool)
    longer = np.full(windows[-1].shape, np.nan)
    hide: list[Mask] = []
    for place in reversed(range(len(windows))):
        parts = windows[place]
        risky = small(parts) | small(longer - parts)
        if also is not None:
            risky |= also[place]
        all_of_it = before | risky.any(axis=0) if hide or all_or_none else np.zeros(len(before), dtype=bool)
        hid: Mask = all_of_it | totals[place] | hidden(parts, None if also is None else also[place])
        before, longer = np.logical_or.reduce(hid), parts
        # Where a total that is shown is 0 so are all parts.
        hide.insert(0, hid & (totals[place] | (parts.sum(axis=0) > 0)))
    return hide


def counts(values: Array, state: Codes, hide: Mask | None = None) -> Figure:
    """Counts about people: exact, but suppressed where small (or where `hide` says so)."""
    code = np.where((state == MEASURED) & (small(values) if hide is None else hide), SUPPRESSED, state)
    return Figure(code.astype(np.int8), np.where(code == MEASURED, values, np.nan), integral=True)


def rates(
    values: Array,
    state: Codes,
    unit: Unit,
    observed: Array,
    betrayed: tuple[Array, ...] = (),
    hide: Mask | None = None,
) -> Figure:
    """Rates, means, medians: suppressed where few were `observed`, where the value would give away a small count among
    `betrayed`, and where `hide` says so."""
    hide = small(observed) if hide is None else small(observed) | hide
    for count in betrayed:
        hide |= small(count)
    code = np.where((state == MEASURED) & hide, SUPPRESSED, state).astype(np.int8)
    published = np.where(code == MEASURED, values, np.nan)
    if unit != "stars":
        return Figure(code, rounded(published, unit))
    coarse = observed < FEW_STARS
    return Figure(code, np.where(coarse, halves(published), rounded(published, unit)), coarse=coarse)


def hangs_on_observed(definition: Indicator) -> bool:
    """Whether it matters how many observations stand behind it: not to bands, nor to what is the merchant's own."""
    return definition.unit not in _BANDED and not _ABOUT_THE_MERCHANT.issuperset(definition.tables)


def indicator(
    definition: Indicator,
    state: Codes,
    value: Array,
    numerator: Array,
    denominator: Array,
    observed: Array,
    hide: Mask | None = None,
    coarse: Mask | None = None,
) -> Figure:
    """An indicator of the catalogue as it may be published; `observed` is how many observations stand behind it, `hide`
    where it would tell what the figures do not, `coarse` where it would if it were less rounded."""
    if definition.unit in _BANDED:
        return band(value, state, _BANDED[definition.unit])
    betrayed: tuple[Array, ...] = ()
    if not hangs_on_observed(definition):
        observed = np.full(len(state), np.inf)
    elif definition.id not in BY_THE_MERCHANT:
        if definition.unit == "per_order":
            betrayed = (numerator,)
        elif definition.unit == "share":
            betrayed = (numerator, denominator - numerator)
    figure = rates(value, state, definition.unit, observed, betrayed, hide)
    return figure if figure.coarse is None or coarse is None else replace(figure, coarse=figure.coarse | coarse)


def points(exact: Array, weight: Array, figure: Figure, rated: Mask) -> Array:
    """The points of an indicator as published, none above its weight (a share of the score); NaN where its value is not
    shown whole or the merchant is not rated."""
    disclosed = rated & (figure.state == MEASURED) & (figure.value is not None)
    if figure.coarse is not None:
        disclosed &= ~figure.coarse
    return np.where(disclosed, np.minimum(np.round(exact, 1), most(weight)), np.nan)


def element_points(exact: Array, weight: Array, rated: Mask) -> Array:
    """The same of an element; NaN where nothing in it was measured or the merchant is not rated."""
    return np.where(rated & (weight > 0), np.minimum(halves(exact), most(weight)), np.nan)


def most(weight: Array) -> Array:
    """The most points that a weight can earn."""
    return np.round(100 * weight, 2)


def halves(values: Array) -> Array:
    """Rounded to halves."""
    return np.round(values * 2) / 2

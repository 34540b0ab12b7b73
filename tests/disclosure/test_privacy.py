"""No count of 1 to 4 about people can be had from all counts that are published of one merchant.

What is published is a function of what is counted. Over all tables of counts up to a size, those that are published
alike must differ in every small count there is, whoever knows the rule or not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit import codes
from credit.disclosure import figures, personal, privacy
from credit.indicators import CATALOGUE
from credit.indicators.base import Array, Indicator
from credit.tables import SUBJECTS

HIDDEN = -1.0


def _tables(cells: int, most: int) -> Array:
    """All tables of so many cells that add up to at most `most`: a column each."""
    bars = np.array(list(combinations(range(most + cells), cells)))
    return np.diff(bars, axis=1, prepend=-1).T - 1.0


def _pinned(published: Array, counts: Array) -> list[Any]:
    """Columns in which a count (rows) from 1 to 4 is the same in all columns that are `published` alike."""
    _, alike = np.unique(published, axis=1, return_inverse=True)
    alike = alike.ravel()
    pinned = np.zeros(counts.shape[1], dtype=bool)
    for row in counts:
        low, high = np.full(alike.max() + 1, np.inf), np.full(alike.max() + 1, -np.inf)
        np.minimum.at(low, alike, row)
        np.maximum.at(high, alike, row)
        pinned |= privacy.small(row) & (low == high)[alike]
    return counts[:, pinned].T.tolist()


def _shown(values: Array, hide: privacy.Mask) -> Array:
    return np.where(hide, HIDDEN, values)


def _windows(buckets: Array) -> list[Array]:
    """(3 windows, parts, merchants) of what lies in each and not in the shorter one."""
    return list(np.cumsum(buckets, axis=0))


def _published(windows: list[Array], whole: bool) -> list[Array]:
    """What is published of the parts of three windows, and of their totals."""
    totals = [parts.sum(axis=0) for parts in windows]
    totals_hid = privacy.nested(totals)
    hide = privacy.breakdown(windows, totals_hid, all_or_none=whole)
    return [
        *(_shown(total, hid) for total, hid in zip(totals, totals_hid, strict=True)),
        *(row for parts, hid in zip(windows, hide, strict=True) for row in _shown(parts, hid)),
    ]


def _all_counts(windows: list[Array]) -> Array:
    """The parts and totals of every window, and of what lies between two."""
    shorter, middle, longest = windows
    spans = [*windows, middle - shorter, longest - middle, longest - shorter]
    return np.concatenate([np.concatenate([parts, parts.sum(axis=0)[None]]) for parts in spans])


# --- by hand -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ([0, 5, 4, 4], [0, 5, 4, 4]),  # 13 in all, zeros too: with the 5 shown only 4 and 4 are left of 8
        ([2, 9, 30], [2, 9]),  # 11 in all, one of them not small
        ([1, 5, 30, 30], [1, 5, 30, 30]),  # 6 are too few; the next larger are two alike, and nothing is left
        ([1, 5, 30, 40], [1, 5, 30]),
        ([3, 9, 9, 40, 0], [3, 9, 9]),  # which of the two nines would tell
        ([4, 4, 4, 5, 60], [4, 4, 4, 5]),
        ([1, 3, 0], [1, 3, 0]),  # the total is small
        ([5, 9, 0], []),
    ],
)
def test_what_hides_with_the_small_parts(parts: list[float], hidden: list[float]) -> None:
    column = np.array(parts, dtype=float)[:, None]
    assert column[privacy.hidden(column)].tolist() == hidden


@pytest.mark.parametrize(
    ("windows", "shown"),
    [
        ((0, 5, 7), (0, HIDDEN, 7)),  # 7 - 5 = 2: the longest window stays
        ((6, 9, 11), (6, HIDDEN, 11)),
        ((8, 9, 11), (HIDDEN, HIDDEN, 11)),
        ((5, 10, 10), (5, 10, 10)),
        ((3, 10, 20), (HIDDEN, 10, 20)),
        ((0, 2, 4), (0, HIDDEN, HIDDEN)),
    ],
)
def test_a_shorter_window_is_hidden_where_the_difference_is_small(
    windows: tuple[float, ...], shown: tuple[float, ...]
) -> None:
    values = [np.array([float(value)]) for value in windows]
    assert tuple(float(_shown(v, h)[0]) for v, h in zip(values, privacy.nested(values), strict=True)) == shown


def test_parts_of_a_shorter_window_are_all_shown_or_none() -> None:
    windows = [np.array(parts, dtype=float)[:, None] for parts in ([0, 0], [10, 10], [12, 18])]
    hide = privacy.breakdown(windows, privacy.nested([parts.sum(axis=0) for parts in windows]))
    # Zeros of a window without any are no secret; 12 - 10 is.
    assert [hid[:, 0].tolist() for hid in hide] == [[False, False], [True, True], [False, False]]


@pytest.mark.parametrize(
    ("total", "shown", "hidden", "tells"),
    [
        (50, [40, 0, 10], [], False),
        (50, [40, 7], [3], True),  # 3 are left
        (59, [40], [19], True),  # of one only
        (49, [40], [4, 5], False),
        (12, [7], [1, 1, 1, 1, 1], False),  # five others could have any of them
    ],
)
def test_a_sum_of_many_is_not_to_tell_of_one(
    total: float, shown: list[float], hidden: list[float], tells: bool
) -> None:
    values = np.array([[*shown, *hidden]], dtype=float)
    hide = np.array([[False] * len(shown) + [True] * len(hidden)])
    (mask,) = privacy.remainders([np.array([total], dtype=float)], [values], [hide])
    assert mask.tolist() == [tells]


@pytest.mark.parametrize("each", [1, 4])
def test_a_sum_that_tells_all_of_its_small_parts_at_once(each: float) -> None:
    """Five merchants with a hidden count of 1 each add up to 5, which only ones do; 20 is only fours."""
    values, hide = np.full((1, 5), each), np.full((1, 5), True)
    (mask,) = privacy.remainders([values.sum(axis=1)], [values], [hide], small_ones=True)
    assert mask.all()
    values[0, 0], values[0, 1] = 2, 3
    (mask,) = privacy.remainders([values.sum(axis=1)], [values], [hide], small_ones=True)
    assert not mask.any()


def test_a_shorter_window_of_many_is_not_to_tell_of_one() -> None:
    """The first shows 20 and 30, the second and third only their 11 and 12: 23 of 180 days less 21 leave 2 of older days."""
    values = [np.array([[20.0, 10, 11]]), np.array([[30.0, 11, 12]])]
    hide = [np.array([[False, True, True]]), np.array([[False, False, False]])]
    totals = [part.sum(axis=1) for part in values]
    assert [mask.tolist() for mask in privacy.remainders(totals, values, hide)] == [[True], [False]]


# --- all tables --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "most"), [(2, 40), (3, 30), (4, 20), (5, 16), (6, 14)])
def test_no_small_part_is_told(parts: int, most: int) -> None:
    tables = _tables(parts, most)
    total = tables.sum(axis=0)
    shown = _shown(tables, privacy.hidden(tables))
    assert _pinned(np.concatenate([_shown(total, privacy.small(total))[None], shown]), tables) == []


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("parts", "most"), [(1, 40), (2, 17), (3, 11)])
def test_no_small_part_of_windows_is_told(parts: int, most: int, whole: bool) -> None:
    windows = _windows(_tables(3 * parts, most).reshape(3, parts, -1))
    assert _pinned(np.array(_published(windows, whole)), _all_counts(windows)) == []


@pytest.mark.slow
@pytest.mark.parametrize("reviews", [5, 7, 8, 11, 20, 30, 39, 40, 41])
def test_no_small_number_of_stars_is_told_by_their_mean(reviews: int) -> None:
    tables = _tables(5, reviews)
    tables = tables[:, tables.sum(axis=0) == reviews]
    total = np.full(tables.shape[1], float(reviews))
    hide = privacy.breakdown([tables], [privacy.small(total)], all_or_none=True)[0]
    mean = (np.arange(1, 6) @ tables) / reviews
    state = np.zeros(len(mean), dtype=np.int8)
    shown = privacy.rates(mean, state, "stars", total, hide=privacy.hides_mean(total, hide.any(axis=0)))
    assert _pinned(np.concatenate([_shown(tables, hide), np.nan_to_num(shown.value, nan=HIDDEN)[None]]), tables) == []


# --- larger ones -------------------------------------------------------------------------------------------------


@st.composite
def _merchants(draw: st.DrawFn) -> Array:
    parts = draw(st.integers(2, 6))
    few = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, 9, 10, 30]) | st.integers(0, 300)
    return np.array([[draw(few) for _ in range(parts)] for _ in range(3)], dtype=float)


def _neighbours(buckets: Array) -> Array:
    """The merchant, and others: some of what is counted of it lies in another part or another window."""
    neighbours = [buckets]
    for part in range(buckets.shape[1]):
        for a, b in combinations(range(3), 2):
            for moved in {*range(-min(6, int(buckets[b, part])), min(6, int(buckets[a, part])) + 1)} - {0}:
                other = buckets.copy()
                other[[a, b], part] += [-moved, moved]
                neighbours.append(other)
    for place in range(3):
        for a, b in combinations(range(buckets.shape[1]), 2):
            swap = int(buckets[place, b] - buckets[place, a])
            for moved in {*range(-6, 7), -swap} - {0}:
                other = buckets.copy()
                other[place, [a, b]] += [-moved, moved]
                neighbours.append(other)
                # And as much back in a longer one, so that it shows the same.
                for back in range(place + 1, 3):
                    again = other.copy()
                    again[back, [a, b]] += [moved, -moved]
                    neighbours.append(again)
            # The two change places in this window and the shorter ones, or in all.
            for windows in (slice(place + 1), slice(3)):
                other = buckets.copy()
                other[windows, [a, b]] = other[windows, [b, a]]
                neighbours.append(other)
    return np.moveaxis(np.array([other for other in neighbours if other.min() >= 0]), 0, -1)


@pytest.mark.slow
@given(_merchants(), st.booleans())
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
@pytest.mark.thorough
def test_another_merchant_is_published_alike(buckets: Array, whole: bool) -> None:
    windows = _windows(_neighbours(buckets))
    published = np.array(_published(windows, whole))
    alike = (published == published[:, :1]).all(axis=0)
    for parts in (*windows, windows[1] - windows[0], windows[2] - windows[1]):
        unchanged = (parts[:, alike] == parts[:, :1]).all(axis=1)
        assert not (unchanged & privacy.small(parts[:, 0])).any()


# --- a merchant's figures together -------------------------------------------------------------------------------


def _counts(windows: list[Array], **measured: list[Array]) -> list[figures.Counts]:
    """Of each window what is counted `of` a merchant; nothing of all else."""
    size = windows[0].shape[-1]
    nothing = {"reviews": (), "complaints": (), "stars": (5,), "channels": (6,), "outcomes": (8,), "liable": (2,)}
    empty = {name: np.zeros((*rows, size)) for name, rows in nothing.items()}
    return [figures.Counts(**empty | {name: values[place] for name, values in measured.items()}) for place in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcomes", "windows", "most"),
    [([0, 1, 3, 4], 1, 20), ([0, 3], 3, 16), ([0, 1, 3], 2, 15), ([0, 1, 3, 4], 2, 12)],
)
def test_no_small_number_of_complaints_is_told_by_whose_fault_they_were(
    outcomes: list[int], windows: int, most: int
) -> None:
    """Of the outcomes the seller is liable for the first two."""
    tables = _tables(len(outcomes) * windows, most).reshape(windows, len(outcomes), -1)
    buckets = np.zeros((3, 8, tables.shape[-1]))
    buckets[np.ix_(range(3 - windows, 3), outcomes)] = tables
    ended = _windows(buckets)
    liable = [np.array([parts[:2].sum(axis=0), parts[2:].sum(axis=0)]) for parts in ended]
    counted = _counts(ended, complaints=[parts.sum(axis=0) for parts in ended], outcomes=ended, liable=liable)
    published = [
        row
        for counts, (hide, _) in zip(counted, figures.hidden(counted), strict=True)
        for row in (
            _shown(counts.complaints, hide.complaints),
            _shown(counts.liable[0], hide.liable[0]),
            *_shown(counts.outcomes, hide.outcomes),
        )
    ]
    assert _pinned(np.array(published), np.concatenate([_all_counts(ended), _all_counts(liable)])) == []


@pytest.mark.slow
@pytest.mark.parametrize(("shorter", "older"), [(8, 0), (8, 5), (5, 9), (10, 5)])
def test_no_small_number_of_stars_is_told_by_the_means_of_two_windows(shorter: int, older: int) -> None:
    tables = [parts[:, parts.sum(axis=0) == n] for n in (shorter, older) for parts in [_tables(5, n)]]
    numbers = [parts.shape[1] for parts in tables]
    buckets = np.zeros((3, 5, numbers[0] * numbers[1]))
    buckets[1], buckets[2] = np.repeat(tables[0], numbers[1], axis=1), np.tile(tables[1], numbers[0])
    stars = _windows(buckets)
    counted = _counts(stars, reviews=[parts.sum(axis=0) for parts in stars], stars=stars)
    published: list[Array] = []
    for counts, (hide, hide_mean) in list(zip(counted, figures.hidden(counted), strict=True))[1:]:
        mean = np.arange(1, 6) @ counts.stars / counts.reviews
        state = np.zeros(len(mean), dtype=np.int8)
        shown = privacy.rates(mean, state, "stars", counts.reviews, hide=hide_mean)
        published += [*_shown(counts.stars, hide.stars), np.nan_to_num(shown.value, nan=HIDDEN)]
    assert _pinned(np.array(published), _all_counts(stars)) == []


# --- shares of stars in steps ------------------------------------------------------------------------------------


def _stepped(tables: Array) -> tuple[Array, privacy.Mask]:
    """What is published of a merchant's stars in one night, a column each, and where their numbers are hidden."""
    total = tables.sum(axis=0)
    hide = privacy.breakdown([tables], [privacy.small(total)], all_or_none=True)[0]
    means = (np.arange(1, len(tables) + 1) @ tables) / total
    mean = privacy.rates(means, np.zeros(len(total), dtype=np.int8), "stars", total)
    assert mean.value is not None
    bands = [
        np.nan_to_num(figure.at_least, nan=HIDDEN) for figure in privacy.shares(tables) if figure.at_least is not None
    ]
    return np.array([total, mean.value, *bands, *_shown(tables, hide)]), hide.any(axis=0)


def _alike(published: Array) -> Array:
    """A number for each column, the same where they are published alike."""
    numbers = np.zeros(published.shape[1], dtype=np.int64)
    for row in published:
        values, place = np.unique(row, return_inverse=True)
        _, numbers = np.unique(numbers * len(values) + place.ravel(), return_inverse=True)
        numbers = numbers.ravel().astype(np.int64)
    return numbers


def _stars(reviews: int) -> Array:
    """All numbers of so many reviews by stars."""
    return _tables(5, reviews)[:, _tables(5, reviews).sum(axis=0) == reviews]


@pytest.mark.parametrize(
    ("stars", "few", "good"),
    [
        ((1, 2, 3, 4, 40), (0, 0.2), (0.8, None)),
        ((0, 9, 10, 20, 61), (0.1, 0.2), (0.8, 0.9)),
        ((1, 2, 3, 4, 39), None, None),  # 49 are too few
        ((100, 0, 0, 0, 0), (0.9, None), (0, 0.1)),
        ((2, 3, 0, 0, 1995), (0, 0.01), (0.99, None)),
    ],
)
def test_stars_in_steps(stars: tuple[int, ...], few: Any, good: Any) -> None:
    figures_of_both = privacy.shares(np.array(stars, dtype=float)[:, None])
    for figure, expected in zip(figures_of_both, (few, good), strict=True):
        (row,) = figure.rows(slice(1))
        assert row["state"] == ("measured" if expected else "suppressed")
        assert expected is None or (row["at_least"], row["below"]) == expected


@pytest.mark.slow
@pytest.mark.thorough
def test_no_small_number_of_stars_is_told_by_their_steps_of_one_night_or_two() -> None:
    """From one night to the next a review came; the numbers were hidden on both."""
    before, after = _stars(50), _stars(51)
    (first_night, hid), (second_night, hid_then) = _stepped(before), _stepped(after)
    assert _pinned(_alike(first_night)[None], before) == []
    base = 60 ** np.arange(5)
    codes_after = base @ after
    order = np.argsort(codes_after)
    alike, alike_then = _alike(first_night), _alike(second_night)
    published, counts = [], []
    for star in range(5):
        place = order[np.searchsorted(codes_after, base @ before + base[star], sorter=order)]
        both = hid & hid_then[place]
        published.append(alike[both] * after.shape[1] + alike_then[place][both])
        counts.append(np.concatenate([before[:, both], after[:, place[both]]]))
    assert _pinned(_alike(np.concatenate(published)[None])[None], np.concatenate(counts, axis=1)) == []


# --- names and texts, bands ---------------------------------------------------------------------------------------


PERSON, FIRM = {"kind": "individual", "name": "王小明"}, {"kind": "enterprise", "name": "王小明"}


@pytest.mark.parametrize(
    "number",
    ["13912345678", "+8613912345678", "8613912345678", "0086 139 1234 5678", "１３９１２３４５６７８", "139-1234-5678",
     "139 1234 5678", "1391 234 5678", "1 3 9 1 2 3 4 5 6 7 8", "139–1234–5678", "139\u200b12345678", "330198199001015678",
     "330198 19900101 567x", "３３０１９８１９９００１０１５６７Ｘ", "139.1234.5678", "3701 0519 8507 1234 54", "370105/19850712/3454",
     "420106 19820317 7972", "010-87654321", "（0311）8765 4321", "+86 10 8765 4321", "6222020200112233445", "4111 1111 1111 1111",
     "zhang.wei@mail.example"],
)  # fmt: skip
def test_numbers_of_persons_are_struck_however_written(number: str) -> None:
    for row in (PERSON, FIRM):
        assert personal.text(f"电话：{number}（本人）", row) == "电话：***（本人）"
    assert personal.struck({"a": [number, 1]}) == {"a": ["***", 1]}


def test_bare_digits_are_a_landline_behind_a_word_for_one() -> None:
    assert personal.struck("电话01087654321，文号01087654321") == "电话***，文号01087654321"


@pytest.mark.parametrize(
    "public",
    ["(2026)冀01执123号", "（２０２６）冀０１执１２３号", "京市监处罚〔2026〕1301号", "沪市监处〔2026〕072026001234号", "1301-2026-001",
     "91330198MA3000926M", "915101084967105073", "2026-11-25 2026-11-26 10:30", "1998-12-01 123", "JY11101011234567",
     "13912345678abcdef0139123456789abcd", "4111 1111 1111 1112", "400-820-1234"],
)  # fmt: skip
def test_public_numbers_stay(public: str) -> None:
    assert codes.uscc_valid("915101084967105073")
    assert personal.text(f"文书 {public}。", PERSON) == f"文书 {public}。"


@pytest.mark.parametrize(
    "column", ["licence_no", "permit_no", "icp_record", "category", "shop_name", "name", "address"]
)
def test_numbers_of_persons_are_struck_out_of_the_columns_of_an_enterprise(column: str) -> None:
    row = dict.fromkeys(c.name for c in SUBJECTS.columns) | {"kind": "enterprise", "name": "鑫源有限公司"}
    columns, states = personal.subject({**row, column: "售后13912345678", "contact": "010-87654321"})
    assert (columns[column], states[column], columns["contact"]) == ("售后***", "masked", "010-87654321")
    assert personal.subject({**row, column: "经营部 B12"})[0][column] == "经营部 B12"


@pytest.mark.parametrize(
    "column", ["uscc", "licence_no", "permit_no", "icp_record", "category", "shop_name", "name", "address", "contact"]
)
@pytest.mark.parametrize("written", ["110101199003070038", "店主110101 19900307 0038", "1101.0119/9003 0700 38"])
def test_a_citizens_number_is_withheld_from_every_column(column: str, written: str) -> None:
    """The merchant is published and graded like any other; the page says that something is not shown whole."""
    row = dict.fromkeys(c.name for c in SUBJECTS.columns) | {"kind": "enterprise", "name": "鑫源有限公司"}
    columns, states = personal.subject({**row, column: written})
    assert (columns[column].removeprefix("店主"), states[column]) == ("***", "masked")


@pytest.mark.parametrize(
    ("text", "masked"),
    [("王小明、王 小明、王\u3000小\u200b明", "王**、王**、王**"), ("小明王", "小明王"),
     ("张伟与李强、经营者张伟", "张**与李强、经营者张**"), ("生产安全", "生产安全"), ("LI NA, Li Nasty", "L**, Li Nasty")],
)  # fmt: skip
def test_names_are_masked_in_texts_about_others(text: str, masked: str) -> None:
    persons = personal.Persons(["王小明", "张伟", "安全", "Li Na", "明", " ", None])
    assert personal.text(text, {"kind": "enterprise", "name": "商行"}, persons) == masked
    assert personal.text(text, {"kind": "enterprise", "name": "商行"}) == text


@pytest.mark.parametrize(("returned", "published"), [(4, "suppressed"), (5, 0.25), (17, "suppressed"), (20, 1.0)])
def test_few_who_sent_goods_back(returned: int, published: Any) -> None:
    definition = CATALOGUE["buyer_no_reason_return_rate"]
    counted = [np.array([float(number)]) for number in (returned / 20, returned, 20)]
    (row,) = privacy.indicator(definition, np.zeros(1, dtype=np.int8), *counted, observed=np.array([20.0])).rows(
        slice(1)
    )
    assert published in (row["state"], row["value"])


@pytest.mark.parametrize(
    ("definition", "shown"),
    [
        (CATALOGUE["completion_rate"], True),  # what the merchant did
        (CATALOGUE["refund_for_cause_rate"], False),
        # Until somebody says that it is the merchant's.
        (replace(CATALOGUE["refund_for_cause_rate"], id="a_new_one"), False),
        (CATALOGUE["information_completeness"], True),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_four_of_twenty_are_told_of_what_the_merchant_did_alone(definition: Indicator, shown: bool) -> None:
    numbers = [np.array([number]) for number in (0.2, 4.0, 20.0)]
    figure = privacy.indicator(definition, np.zeros(1, dtype=np.int8), *numbers, observed=np.array([20.0]))
    assert bool(figure.state[0] == privacy.MEASURED) is shown


def test_what_the_merchant_does_is_in_the_catalogue() -> None:
    assert set(CATALOGUE.indicators) >= privacy.BY_THE_MERCHANT


@pytest.mark.parametrize(
    ("value", "low", "high"), [(0, 0, 1), (1, 1, 5), (4, 1, 5), (5, 5, 10), (999, 500, 1000), (1000, 1000, 2000)]
)
def test_bands(value: float, low: int, high: int) -> None:
    shown = privacy.band(np.array([value]), np.array([privacy.MEASURED], dtype=np.int8), privacy.COUNT_EDGES)
    assert shown.rows(slice(1)) == [{"state": "measured", "at_least": low, "below": high}]

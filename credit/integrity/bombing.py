"""Review bombing: a rush of low ratings by buyers with nothing to complain of. The merchant may be the victim.

A bad batch of goods brings a rush of low ratings too, but with refunds, complaints or lateness behind them and from the
merchant's usual buyers. Suspect is a low review of an order without any trouble on the books by an account that bought
nothing else, or of an order far cheaper than the merchant's usual ones.
Where neither refunds nor complaints are supplied nothing is looked for.
"""

from __future__ import annotations

from credit.integrity.base import DAY, WINDOW_DAYS, View, at_least, at_least_of, parameter, query, records, report
from credit.integrity.bursts import disjoint
from credit.ledgers.finding import Fact, Finding

DAYS = int(parameter("bombing_days", 7, "days", "A call to arms is followed within a week."))
REVIEWS = parameter("bombing_reviews", 5, "reviews", "Four unhappy buyers in a week are an ordinary bad week.")
CHEAP = parameter(
    "bombing_cheap", 0.35, "share", "Of the merchant's median amount: a bomber buys the cheapest there is."
)
SUSPECT_TAIL = parameter(
    "bombing_suspect_tail",
    1e-4,
    "probability",
    "How seldom chance may make so many of a week's low reviews suspect, by the share on the platform.",
)
RUSH_TAIL = parameter(
    "bombing_rush_tail",
    1e-3,
    "probability",
    "How seldom chance may make so many low reviews in a week; by itself it is met by every bad batch.",
)
BOTH_TAIL = parameter(
    "bombing_both_tail",
    1e-8,
    "probability",
    "Both chances multiplied: a small shop's rush is small, and then nearly all of it must be suspect.",
)
LEAST_SUSPECT = parameter(
    "bombing_least_suspect", 0.05, "share", "The norm is at least this, however few a small platform shows."
)


def detect(view: View) -> list[Finding]:
    if not view.grievances:
        return []
    view.con.execute(query(__file__, "bombing_low_reviews", cheap=CHEAP))
    try:
        span = WINDOW_DAYS - DAYS
        windows = view.frame(
            query(__file__, "bombing_windows", day=DAY, last=DAYS - 1, days=DAYS, span=span, reviews=int(REVIEWS))
        )
        if windows.empty:
            return []
        windows["rush"] = at_least(windows.n, windows.expected + 0.5)
        windows["odd"] = at_least_of(windows.suspect, windows.n, windows.norm.clip(lower=LEAST_SUSPECT))
        both = windows.rush * windows.odd < BOTH_TAIL
        windows = windows[(windows.rush < RUSH_TAIL) & (windows.odd < SUSPECT_TAIL) & both]
        if windows.empty:
            return []
        windows["chance"] = windows.rush * windows.odd
        windows = disjoint(windows.assign(width=DAYS))
        rows = f"FROM windows w JOIN seen_low l ON l.s = w.s AND l.written // {DAY} BETWEEN w.h AND w.h + {DAYS - 1}"
        groups = view.frame(
            f"""SELECT g, any_value(w.s) AS s, any_value(w.h) AS h, any_value(w.expected) AS expected,
                any_value(rush) AS rush, any_value(odd) AS odd, count(*) AS reviews,
                coalesce(sum(groundless::INT), 0) AS groundless, coalesce(sum(newcomer::INT), 0) AS newcomers
            {rows} GROUP BY g ORDER BY g""",
            windows=windows,
        ).set_index("g")
        groups["chances"] = list(zip(groups.rush, groups.odd, strict=True))
        facts: list[dict[str, Fact]] = [
            {"since": view.date(g.h * DAY)[:10], "days": DAYS, "reviews": int(g.reviews),
             "expected": round(g.expected, 2), "groundless": int(g.groundless), "newcomers": int(g.newcomers)}
            for g in records(groups)
        ]  # fmt: skip
        # The suspect ones: a low review with trouble behind it is evidence of nothing but trouble.
        rows = f"SELECT g, o, r, b {rows} WHERE l.suspect"
        return report(view, "review_bombing", groups, rows, facts, windows=windows)
    finally:
        view.con.execute("DROP TABLE temp.seen_low")

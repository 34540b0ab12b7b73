"""How early the watch warns before an exit scam breaks, and how often without cause; the tables of
docs/explanation/warning.md.

    python benchmarks/warning.py [--seeds 11 12 …] [--olist FOLDER]

Marketplaces of the simulator with seeds that were not used to set anything; the story of the exit scam as it is told
there, and quieter ones. With `--olist` also the public marketplace, whose truth nobody knows: there it is counted how
many merchants are listed, and what became of their orders.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console

from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.integrity import warning
from credit.settings import Settings
from credit.synthetic import statements
from credit.synthetic import stories as stories_
from credit.synthetic.in_memory import SETTINGS, marketplace
from credit.warehouse.connection import scalar

END = date(2026, 7, 1)
NIGHTS = 45
STORY = "M000004"
BEGINS, BREAKS = 21, 2
"""Days before END: the first day of the scam; the night that first knows of the fraud that was found."""
JUDGED = range(11, 19)
console = Console(width=120)


class Scam(NamedTuple):
    """Orders in the three weeks, and their price as a share of the usual."""

    orders: int
    price: float


SCAMS = (Scam(120, 0.3), Scam(60, 0.3), Scam(30, 0.3), Scam(15, 0.3), Scam(60, 0.7), Scam(60, 1.0))


@contextmanager
def told(scam: Scam) -> Iterator[None]:
    """The simulator with this scam in place of its own."""
    stories, truth = stories_.STORIES, statements._TRUTH
    changed = [
        replace(story, phases=(story.phases[0], replace(story.phases[1], orders=scam.orders)))
        if story.name == "exit_scam"
        else story
        for story in stories
    ]
    stories_.STORIES = tuple(changed)
    statements._TRUTH = truth.replace("'scam' THEN 0.3", f"'scam' THEN {scam.price}")
    try:
        yield
    finally:
        stories_.STORIES, statements._TRUTH = stories, truth


class Run(NamedTuple):
    """`risks`: merchant -> days before END -> risk; `honest`: how many merchants had nothing to hide."""

    risks: dict[str, dict[int, float]]
    honest: frozenset[str]


def run(
    seed: int, scam: Scam, *, merchants: int = 300, transactions: int = 30_000, nights: int = NIGHTS, every: int = 1
) -> Run:
    """Every night of one marketplace, or one in so many."""
    risks: dict[str, dict[int, float]] = {}
    with told(scam), marketplace(merchants=merchants, transactions=transactions, end=END, seed=seed) as con:
        for ago in range(nights, BREAKS - 1, -every):
            for one in warning.watch(con, SETTINGS, END - timedelta(days=ago), least=warning.LEAST):
                risks.setdefault(one.subject_id, {})[ago] = one.risk
        honest = con.execute(
            "SELECT subject_id FROM sim.truth WHERE mode = 'plain' AND story IS NULL AND orders > 0"
        ).fetchall()
    return Run(risks, frozenset(row[0] for row in honest))


def lead(one: Run, alarm: float) -> int | None:
    """Days from the first warning in the scam to its breaking; None where there was none before."""
    warned = [ago for ago, risk in one.risks.get(STORY, {}).items() if risk >= alarm and BREAKS < ago < BEGINS]
    return max(warned) - BREAKS if warned else None


def false_alarms(runs: list[Run], alarm: float, nights: int = NIGHTS) -> float:
    """First listings of honest merchants (again after 30 days) for each 1,000 of them in 30 days."""
    listed = 0
    for one in runs:
        for subject_id in one.honest & one.risks.keys():
            last = None
            for ago in sorted((a for a, risk in one.risks[subject_id].items() if risk >= alarm), reverse=True):
                if last is None or last - ago >= 30:
                    listed, last = listed + 1, ago
    months = sum(len(one.honest) for one in runs) * (nights - BREAKS + 1) / 30
    return 1_000 * listed / months


def row(runs: list[Run], alarm: float) -> tuple[str, ...]:
    """Warned, and the days of lead: median, 10th percentile; false alarms."""
    leads = [lead(one, alarm) for one in runs]
    days = [value for value in leads if value is not None]
    shown = [f"{np.median(days):g}", f"{np.percentile(days, 10):g}"] if days else ["–", "–"]
    return (f"{len(days)} of {len(runs)}", *shown, f"{false_alarms(runs, alarm):.2f}")


OLIST = {
    "2017-07 to 2017-12": (date(2017, 7, 1), date(2018, 1, 1)),
    "2018-01 to 2018-07": (date(2018, 1, 1), date(2018, 7, 20)),
}
ALARMS = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def olist(folder: Path) -> None:
    """By half and alarm: listings a month of 1,000 merchants, and how many of their orders of the next 30 days were sent
    late or rated 1 or 2; beside it all orders of those months. Every third night."""
    with tempfile.TemporaryDirectory() as scratch:
        options = Settings(home=Path(scratch), threads=1)
        with open_warehouse(options) as con:
            batch = landing.land(con, options, "olist", folder, date(2018, 8, 31))
            merging.accept(con, batch.batch_id)
            con.execute(
                """CREATE TEMP TABLE outcomes AS SELECT subject_id AS s, ordered_at::DATE AS day,
                       coalesce(dispatched_at > dispatch_due_at, true)::INT AS late,
                       coalesce((SELECT min(rating_overall) <= 2 FROM canonical.reviews r WHERE r.transaction_id = t.transaction_id
                           AND coalesce(NOT r.shared, true)), false)::INT AS low
                   FROM canonical.transactions t WHERE dispatch_due_at IS NOT NULL"""
            )
            for half, (since, until) in OLIST.items():
                nights = [since + timedelta(days=i) for i in range(0, (until - since).days, 3)]
                found = {day: warning.watch(con, options, day, least=min(ALARMS)) for day in nights}
                active = [
                    scalar(
                        con,
                        "SELECT count(DISTINCT s) FROM outcomes WHERE day >= ? AND day < ?",
                        [day - timedelta(days=187), day],
                    )
                    for day in nights
                ]
                usual = con.execute(
                    "SELECT avg(late), avg(low) FROM outcomes WHERE day >= ? AND day < ?",
                    [since, until + timedelta(days=30)],
                ).fetchall()[0]
                console.print(f"olist {half}: all orders late {usual[0]:.1%}, low {usual[1]:.1%}")
                for alarm in ALARMS:
                    last: dict[str, date] = {}
                    listed = []
                    for day, warnings in found.items():
                        for one in warnings:
                            if one.risk >= alarm and (
                                one.subject_id not in last or (day - last[one.subject_id]).days >= 30
                            ):
                                last[one.subject_id] = day
                                listed.append((one.subject_id, day))
                    con.execute("CREATE OR REPLACE TEMP TABLE listed (s VARCHAR, of DATE)")
                    if listed:
                        con.executemany("INSERT INTO listed VALUES (?, ?)", [list(row) for row in listed])
                    after = con.execute(
                        """SELECT count(*), avg(late), avg(low) FROM listed JOIN outcomes USING (s)
                           WHERE day >= of AND day < of + 30"""
                    ).fetchall()[0]
                    months = sum(active) * 3 / 30
                    shown = f"{after[1]:.1%} | {after[2]:.1%}" if after[0] else "– | –"
                    console.print(
                        f"| {alarm:g} | {len(listed)} | {1_000 * len(listed) / months:.2f} | {after[0]} | {shown} |"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(JUDGED))
    parser.add_argument("--olist", type=Path)
    options = parser.parse_args()
    found = {scam: [run(seed, scam) for seed in options.seeds] for scam in SCAMS}
    console.print("| orders | price | warned | median days | 10th percentile | false alarms |")
    for scam, runs in found.items():
        console.print("| " + " | ".join((str(scam.orders), f"{scam.price:g}", *row(runs, warning.ALARM))) + " |")
    console.print("| alarm | warned | median days | 10th percentile | false alarms |")
    everything = [one for runs in found.values() for one in runs]
    for alarm in ALARMS:
        console.print("| " + " | ".join((f"{alarm:g}", *row(everything, alarm))) + " |")
    if options.olist:
        olist(options.olist)


if __name__ == "__main__":
    main()

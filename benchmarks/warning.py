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
from credit.synthetic.in_memory import SETTINGS, marketplace
from credit.synthetic.stories import STORIES, Story
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


def stories(scam: Scam) -> tuple[Story, ...]:
    """The simulator's stories, with this scam in place of its own."""
    return tuple(
        replace(story, phases=(story.phases[0], replace(story.phases[1], orders=scam.orders, price=scam.price)))
        if story.name == "exit_scam"
        else story
        for story in STORIES
    )


class Run(NamedTuple):
    """`risks`: merchant -> days before END -> risk; `honest`: how many merchants had nothing to hide."""

    risks: dict[str, dict[int, float]]
    honest: frozenset[str]


def simulate(
    seed: int, scam: Scam, *, merchants: int = 300, transactions: int = 30_000, nights: int = NIGHTS, every: int = 1
) -> Run:
    """Every night of one marketplace, or one in so many."""
    risks: dict[str, dict[int, float]] = {}
    with marketplace(merchants=merchants, transactions=transactions, end=END, seed=seed, stories=stories(scam)) as con:
        for ago in range(nights, BREAKS - 1, -every):
            for alert in warning.watch(con, SETTINGS, END - timedelta(days=ago), least=warning.LEAST):
                risks.setdefault(alert.subject_id, {})[ago] = alert.risk
        honest = con.execute(
            "SELECT subject_id FROM sim.truth WHERE mode = 'plain' AND story IS NULL AND orders > 0"
        ).fetchall()
    return Run(risks, frozenset(row[0] for row in honest))


def lead(run: Run, alarm: float) -> int | None:
    """Days from the first warning in the scam to its breaking; None where there was none before."""
    warned = [ago for ago, risk in run.risks.get(STORY, {}).items() if risk >= alarm and BREAKS < ago < BEGINS]
    return max(warned) - BREAKS if warned else None


def false_alarms(runs: list[Run], alarm: float, nights: int = NIGHTS) -> float:
    """First listings of honest merchants (again after 30 days) for each 1,000 of them in 30 days."""
    listed = 0
    for run in runs:
        for subject_id in run.honest & run.risks.keys():
            last = None
            for ago in sorted((a for a, risk in run.risks[subject_id].items() if risk >= alarm), reverse=True):
                if last is None or last - ago >= 30:
                    listed, last = listed + 1, ago
    months = sum(len(run.honest) for run in runs) * (nights - BREAKS + 1) / 30
    return 1_000 * listed / months


def row(runs: list[Run], alarm: float) -> tuple[str, ...]:
    """Warned, and the days of lead: median, 10th percentile; false alarms."""
    leads = [lead(run, alarm) for run in runs]
    days = [value for value in leads if value is not None]
    spread = [f"{np.median(days):g}", f"{np.percentile(days, 10):g}"] if days else ["–", "–"]
    return (f"{len(days)} of {len(runs)}", *spread, f"{false_alarms(runs, alarm):.2f}")


OLIST = {
    "2017-07 to 2017-12": (date(2017, 7, 1), date(2018, 1, 1)),
    "2018-01 to 2018-07": (date(2018, 1, 1), date(2018, 7, 20)),
}
ALARMS = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def listings(alerts: dict[date, list[warning.Alert]], alarm: float) -> list[tuple[str, date]]:
    """Who is listed on which night, again after 30 days at the earliest."""
    newest: dict[str, date] = {}
    listed = []
    for day, tonight in alerts.items():
        for alert in tonight:
            subject = alert.subject_id
            if alert.risk >= alarm and (subject not in newest or (day - newest[subject]).days >= 30):
                newest[subject] = day
                listed.append((subject, day))
    return listed


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
                alerts = {day: warning.watch(con, options, day, least=min(ALARMS)) for day in nights}
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
                months = sum(active) * 3 / 30
                for alarm in ALARMS:
                    listed = listings(alerts, alarm)
                    con.execute("CREATE OR REPLACE TEMP TABLE listed (s VARCHAR, since DATE)")
                    if listed:
                        con.executemany("INSERT INTO listed VALUES (?, ?)", listed)
                    orders, late, low = con.execute(
                        """SELECT count(*), avg(late), avg(low) FROM listed JOIN outcomes USING (s)
                           WHERE day >= since AND day < since + 30"""
                    ).fetchall()[0]
                    shares = f"{late:.1%} | {low:.1%}" if orders else "– | –"
                    console.print(
                        f"| {alarm:g} | {len(listed)} | {1_000 * len(listed) / months:.2f} | {orders} | {shares} |"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(JUDGED))
    parser.add_argument("--olist", type=Path)
    options = parser.parse_args()
    runs_of_scams = {scam: [simulate(seed, scam) for seed in options.seeds] for scam in SCAMS}
    console.print("| orders | price | warned | median days | 10th percentile | false alarms |")
    for scam, runs in runs_of_scams.items():
        console.print("| " + " | ".join((str(scam.orders), f"{scam.price:g}", *row(runs, warning.ALARM))) + " |")
    console.print("| alarm | warned | median days | 10th percentile | false alarms |")
    everything = [run for runs in runs_of_scams.values() for run in runs]
    for alarm in ALARMS:
        console.print("| " + " | ".join((f"{alarm:g}", *row(everything, alarm))) + " |")
    if options.olist:
        olist(options.olist)


if __name__ == "__main__":
    main()

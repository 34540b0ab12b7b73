"""How many proposals of merchants by name and address are right, and how many merchants they find; the table of
docs/how-to/registers.md.

    python benchmarks/matching.py [--merchants 4000] [--seeds 21 22 23]

Lists about half of the enterprises of a simulated marketplace, and as many strangers of others, whose names are made of the
same cities, brands and trades. Seeds that were not used to set anything.
"""

from __future__ import annotations

import argparse
import time
from datetime import date

from rich.console import Console
from rich.table import Table

from credit.intake import matching
from credit.synthetic.in_memory import marketplace
from credit.synthetic.register import write_list

END = date(2026, 7, 1)
ENTERPRISES = """SELECT name, address FROM canonical.subjects
    WHERE role = 'seller' AND kind = 'enterprise' AND name IS NOT NULL ORDER BY subject_id LIMIT ?"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merchants", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    options = parser.parse_args()
    table = Table(
        "seed", "on the list", "of them merchants", "least", "proposals", "right", "precision", "found", "seconds"
    )
    for seed in options.seeds:
        size = options.merchants // 4
        with marketplace(merchants=options.merchants, transactions=2_000, end=END, seed=seed + 1_000) as other:
            strangers = other.execute(ENTERPRISES, [size]).fetchall()
        with marketplace(merchants=options.merchants, transactions=2_000, end=END, seed=seed) as con:
            truth = write_list(con, strangers, size=size, seed=seed)
            started = time.perf_counter()
            pairs = matching.proposals(con, 0.05)
            seconds = time.perf_counter() - started
        for least in (0.05, 0.5, 0.9, 0.99):
            proposed = [pair for pair in pairs if pair.probability >= least]
            right = sum(truth.get((pair.name, pair.address)) == pair.subject_id for pair in proposed)
            table.add_row(
                str(seed), f"{len(truth) + size:,}", f"{len(truth):,}", f"{least:g}", f"{len(proposed):,}", f"{right:,}",
                f"{right / max(1, len(proposed)):.3f}", f"{right / len(truth):.3f}", f"{seconds:.1f}",
            )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

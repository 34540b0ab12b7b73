"""How well the detectors find what `credit.synthetic.attacks` hides: precision and recall by kind and strength.

    python -m credit.validation.detectors 101 102 103 --merchants 2000 --transactions 200000

makes a market for each seed and each strength and prints the tables of `docs/explanation/manipulation.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any

import duckdb
import pandas as pd

from credit.integrity.scan import scan
from credit.ledgers.finding import KINDS, Finding
from credit.synthetic import attacks
from credit.synthetic.in_memory import SETTINGS, marketplace

END = date(2025, 11, 1)
STRENGTHS = (0.25, 0.5, 1.0)
FALSE_SHARE = 0.5
"""A finding is right when at least so many of its rows are false ones of an attack on (or by) its merchant."""


def judge(con: duckdb.DuckDBPyConnection, findings: Iterable[Finding]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(attacks and decoys, findings), each with what became of it.

    Attacks: attack, kind, honest, merchants, rows (false ones), found (by a finding of its own kind that is right; for a decoy: by any
    finding), noticed (by a right finding of any kind). Findings: kind, subject_id, right, false_share, shown.
    """
    attacked = con.execute("SELECT attack, kind, subject_id, honest FROM sim.attacks ORDER BY attack, subject_id").df()
    keys: dict[str, set[str]] = {}
    for attack, key in con.execute("SELECT attack, key FROM sim.attack_rows").fetchall():
        keys.setdefault(attack, set()).add(key)
    story = {s for (s,) in con.execute("SELECT DISTINCT subject_id FROM sim.truth WHERE mode = 'brush'").fetchall()}
    of_shop = attacked.groupby("subject_id")[["attack", "kind", "honest"]].first()
    rows: list[dict[str, Any]] = []
    for finding in findings:
        attacked_shop = finding.subject_id in of_shop.index
        attack = str(of_shop.attack[finding.subject_id]) if attacked_shop else ""
        # A bribe's orders are real; its reviews are what is false.
        evidence = finding.reviews if finding.kind == "bribed_reviews" else (*finding.orders, *finding.reviews)
        share = sum(key in keys.get(attack, ()) for key in evidence) / max(len(evidence), 1)
        right = finding.subject_id in story or share >= FALSE_SHARE
        rows.append({
            "kind": finding.kind, "subject_id": finding.subject_id, "attack": attack, "right": right, "false_share": share,
            "shown": str(of_shop.kind[finding.subject_id]) if attacked_shop else "",
        })  # fmt: skip
    judged = pd.DataFrame(rows, columns=["kind", "subject_id", "attack", "right", "false_share", "shown"])
    units = attacked.groupby("attack").agg(
        kind=("kind", "first"), honest=("honest", "first"), merchants=("subject_id", "size")
    )
    good = judged.loc[judged.right.astype(bool)]
    own = set(good.attack[good.kind == good.shown])
    units["rows"] = [len(keys.get(attack, ())) for attack in units.index]
    units["noticed"] = units.index.isin(good.attack)
    units["found"] = units.index.isin(own) | (units.honest & units.index.isin(judged.attack))
    return units.reset_index(), judged


def measure(
    seeds: Sequence[int],
    strengths: Sequence[float] = STRENGTHS,
    *,
    merchants: int,
    transactions: int,
    attack_count: int = 6,
    decoy_count: int = 4,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(attacks, findings, honest) of a market for each seed and strength; honest: merchants, and of these flagged."""
    every: list[pd.DataFrame] = []
    all_judged: list[pd.DataFrame] = []
    honest: list[dict[str, Any]] = []
    for strength in strengths:
        for seed in seeds:
            hide = partial(
                attacks.inject, end=END, strength=strength, seed=seed, attacks=attack_count, decoys=decoy_count
            )
            with marketplace(merchants=merchants, transactions=transactions, end=END, seed=seed, change=hide) as con:
                units, judged = judge(con, scan(con, SETTINGS, END))
                guilty = "SELECT subject_id FROM sim.attacks WHERE NOT honest UNION SELECT subject_id FROM sim.truth WHERE mode = 'brush'"
                good = {s for (s,) in con.execute(
                    f"SELECT subject_id FROM sim.truth WHERE mode <> 'buyer' AND subject_id NOT IN ({guilty})").fetchall()}  # fmt: skip
            every.append(units.assign(strength=strength, seed=seed))
            all_judged.append(judged.assign(strength=strength, seed=seed))
            flagged = len(set(judged.subject_id[~judged.right]) & good)
            honest.append({"strength": strength, "seed": seed, "merchants": len(good), "flagged": flagged})
    return pd.concat(every), pd.concat(all_judged), pd.DataFrame(honest)


def summary(units: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """By kind and strength: attacks, recall (own kind), noticed (any kind), findings and precision."""
    real = units[~units.honest].groupby(["kind", "strength"])
    table = real.agg(attacks=("found", "size"), recall=("found", "mean"), noticed=("noticed", "mean"))
    precise = judged.groupby(["kind", "strength"]).agg(findings=("right", "size"), precision=("right", "mean"))
    return table.join(precise).loc[lambda t: sorted(t.index, key=lambda i: (list(KINDS).index(i[0]), i[1]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--merchants", type=int, default=2_000)
    parser.add_argument("--transactions", type=int, default=200_000)
    options = parser.parse_args()
    units, judged, honest = measure(options.seeds, merchants=options.merchants, transactions=options.transactions)
    print(summary(units, judged).round(3).to_string())
    bribes = units[units.kind == "bribed_reviews"]
    print(
        "bribed_reviews by rows:",
        bribes.groupby(pd.cut(bribes.rows, [0, 20, 40, 80, 10_000])).found.agg(["size", "mean"]).to_string(),
    )
    decoys = units[units.honest].groupby("kind").agg(decoys=("found", "size"), flagged=("found", "sum"))
    print(decoys.to_string())
    print(honest.to_string())
    print(f"flagged of 1,000 honest merchants: {1000 * honest.flagged.sum() / honest.merchants.sum():.2f}")
    print(judged[~judged.right].to_string())


if __name__ == "__main__":
    main()

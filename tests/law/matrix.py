"""The law of the grade, tried on every fact: worse never scores more, good never less, concealing never beats the truth.

    python -m law.matrix [--sample N]     (with tests/ on PYTHONPATH; `make law`)

Each cell is one merchant: a quality, a size, a kind and one fact, 1, 5 or 20 times. All cells of one supply stand in one
marketplace, marked by the reference averages of the merchants without any fact, so the whole matrix costs a few
evaluations.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from credit.evaluation import night
from credit.evaluation.night import Evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import shipped, version_key
from credit.settings import Settings
from credit.tables import TABLES
from law.facts import DAY, FACTS, PAIRS, Fact, Merchant, Row, at, on

ZONE = "Asia/Shanghai"
TIMES = (1, 5, 20)
SIZES = {"small": 14, "large": 160}
KINDS = ("enterprise", "individual")
SUPPLIES = ("full", "bare")
QUALITIES = {
    #            sent late, there late, cancelled, undelivered, stars below, complaints
    "good": (0.02, 0.01, 0.0, 0.0, 0.03, 0.01),
    "middling": (0.12, 0.08, 0.03, 0.01, 0.15, 0.04),
    "weak": (0.45, 0.30, 0.12, 0.06, 0.45, 0.15),
}
BARE = {
    "subjects": ("subject_id", "kind", "role", "joined_on"),
    "transactions": (
        "transaction_id", "subject_id", "buyer_id", "ordered_at", "paid_at", "dispatch_due_at", "dispatched_at",
        "delivery_due_at", "delivered_at", "completed_at", "cancelled_at", "cancelled_by", "cancel_reason", "amount", "currency",
    ),
    "reviews": ("review_id", "transaction_id", "subject_id", "buyer_id", "reviewed_at", "rating_overall"),
}  # fmt: skip
"""What a platform delivers that delivers little."""


@dataclass(frozen=True)
class Cell:
    """A merchant of this quality, size and kind to which `fact` happened `times` times; no fact: what it is compared with."""

    quality: str
    size: str
    kind: str
    fact: str | None = None
    times: int = 0

    @property
    def base(self) -> Cell:
        return Cell(self.quality, self.size, self.kind)

    @property
    def name(self) -> str:
        return f"{self.quality}/{self.size}/{self.kind}/{self.fact or 'nothing'}/{self.times}"


@dataclass(frozen=True)
class Violation:
    """A cell that breaks the law: `score` and `grade` against those of `than`."""

    supply: str
    cell: Cell
    law: str
    than: str
    scores: tuple[float, float]
    grades: tuple[str, str]

    def __str__(self) -> str:
        return (
            f"{self.supply}: {self.cell.name}: {self.law} {self.than}: "
            f"{self.scores[0]:.4f} {self.grades[0]} beside {self.scores[1]:.4f} {self.grades[1]}"
        )


def cells() -> list[Cell]:
    """All of them, bases among them."""
    every_cell = []
    for quality in QUALITIES:
        for size in SIZES:
            for kind in KINDS:
                base = Cell(quality, size, kind)
                every_cell.append(base)
                for fact in FACTS.values():
                    every_cell += [Cell(quality, size, kind, fact.name, n) for n in ((1,) if fact.once else TIMES)]
    return every_cell


def merchant(cell: Cell, number: int) -> Merchant:
    """The merchant of a cell: its base's history, the same whatever the fact, and the fact."""
    m = Merchant(f"m{number}", cell.kind, number)
    late, there, off, never, low, complained = QUALITIES[cell.quality]
    size = SIZES[cell.size]
    rng = random.Random(f"{cell.quality} {cell.size}")
    draw = [(i + 0.5) / size for i in range(size)]
    rng.shuffle(draw)
    for i, x in enumerate(draw):
        ago = 20 + 330 * (i + 0.5) / size
        if x < off:
            m.order(ago, dispatched_at=None, delivered_at=None, completed_at=None, traceable=None, cancelled_at=at(ago - 1),
                    cancelled_by="seller", cancel_reason="stock_out")  # fmt: skip
            continue
        if x < off + never:
            m.order(ago, delivered_at=None, completed_at=None)
            continue
        values: Row = {}
        if x < off + never + late:
            values |= {"dispatched_at": at(ago - 3), "delivered_at": at(ago - 4.5)}
        if off + never + late / 2 < x < off + never + late / 2 + there:
            values |= {"delivered_at": at(ago - 8), "completed_at": at(ago - 9)}
        order = m.order(ago, **values, invoice_asked="true" if i % 5 == 0 else "false")
        if i % 5 == 0 and rng.random() > late:
            order["invoice_issued_at"] = at(ago - 5)
        if rng.random() < 0.4:
            stars = rng.choice((1, 2, 3)) if rng.random() < low else 5
            m.review(order, stars, reviewed_at=at(ago - 5), authentic="true" if rng.random() < 0.3 else None)
        elif rng.random() < complained:
            m.complaint(order, ago - 4, first_response_at=at(ago - 4.3), resolved_at=at(ago - 7),
                        outcome="upheld" if rng.random() < 0.4 else "settled", liability="seller")  # fmt: skip
    if cell.quality != "good":
        m.add("violations", "violation_id", kind="service_breach", severity="minor", decided_at=at(100))
        m.add(
            "spot_checks",
            "check_id",
            kind="goods",
            requested_at=at(90),
            due_at=at(85),
            answered_at=at(88),
            result="passed",
            concluded_at=at(80),
        )
    if cell.quality == "weak":
        m.add(
            "public_records",
            "record_id",
            kind="administrative_penalty",
            issuer="某局",
            grade="minor",
            valid_from=on(30),
        )
    if cell.fact is not None:
        for i in range(cell.times):
            FACTS[cell.fact].do(m, i)
    return m


def _write(folder: Path, merchants: Iterable[Merchant], supply: str) -> None:
    rows: dict[str, list[Row]] = {}
    for m in merchants:
        for table, some in m.rows.items():
            rows.setdefault(table, []).extend(some)
    for table, some in rows.items():
        if supply == "bare" and table not in BARE:
            continue
        columns = [c.name for c in TABLES[table].supplied] if supply == "full" else list(BARE[table])
        if any("known_at" in row for row in some):
            columns.append("known_at")
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(some)


def _books() -> list[Rulebook]:
    """The newest shipped rulebook of each kind of seller."""
    newest: dict[str, Rulebook] = {}
    for book in sorted(shipped(), key=lambda b: version_key(b.version)):
        if book.subject.role == "seller":
            newest[book.subject.kind] = book
    return list(newest.values())


def evaluated(
    chosen: Sequence[tuple[Cell, Merchant]], supply: str, priors: dict[str, dict[str, float]] | None
) -> list[Evaluation]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        _write(folder, (m for _, m in chosen), supply)
        conf = Settings(home=Path(name) / "home", zone=ZONE, memory_limit="4GB")
        conf.home.mkdir()
        with open_warehouse(conf) as con:
            batch = landing.land(con, conf, "canonical", folder, DAY, history=True)
            if batch.reasons and supply == "full":
                print(f"quarantined: {batch.reasons[:5]}", file=sys.stderr)
            merging.accept(con, batch.batch_id)
            return night.compute(con, DAY, ZONE, _books(), priors=priors)


def averages(supply: str = "full", bases: Sequence[tuple[Cell, Merchant]] | None = None) -> dict[str, dict[str, float]]:
    """Rulebook hash -> the reference averages of merchants to which nothing happened (unless given: all of them)."""
    if bases is None:
        plain = [cell for cell in cells() if cell.fact is None]
        bases = [(cell, merchant(cell, 100_000 + i)) for i, cell in enumerate(plain)]
    return {done.rulebook.hash: done.scores.priors for done in evaluated(bases, supply, None)}


def _serves(fact: Fact, supply: str) -> bool:
    if supply == "full":
        return True
    table, _, column = fact.needs.partition(".")
    return table in BARE and (not column or column in BARE[table])


def violations(chosen: Sequence[Cell] | None = None, supplies: Sequence[str] = SUPPLIES) -> tuple[list[Violation], int]:
    """(cells that break the law, comparisons made)."""
    breaches: list[Violation] = []
    compared = 0
    for supply in supplies:
        mine = [
            c
            for c in (cells() if chosen is None else chosen)
            if c.fact is None or _serves(FACTS[c.fact], supply)
        ]  # fmt: skip
        made = [(cell, merchant(cell, number)) for number, cell in enumerate(mine, 1)]
        bases = [(cell, m) for cell, m in made if cell.fact is None]
        priors = averages(supply, bases)
        scores: dict[Cell, float] = {}
        grades: dict[Cell, str] = {}
        symbols: dict[str, list[str]] = {}
        names = {m.name: cell for cell, m in made}
        for evaluation in evaluated(made, supply, priors):
            symbols[evaluation.rulebook.subject.kind] = [*evaluation.rulebook.symbols, "NR"]
            for subject, score, grade in zip(
                evaluation.scores.subjects, evaluation.scores.score, evaluation.grades["grade"], strict=True
            ):
                scores[names[subject]], grades[names[subject]] = float(score) / 10_000, str(grade)
        for cell in mine:
            if cell.fact is None:
                continue
            fact, base = FACTS[cell.fact], cell.base
            compared += fact.sign is not None
            better = _better(cell, base, scores, grades, symbols)
            if fact.sign in ("bad", "void") and better > 0:
                breaches.append(_violation(supply, cell, "rises above", "nothing", base, scores, grades))
            if fact.sign in ("good", "void") and better < 0:
                breaches.append(_violation(supply, cell, "falls below", "nothing", base, scores, grades))
            for worse, than in PAIRS:
                other = Cell(cell.quality, cell.size, cell.kind, than, cell.times)
                if worse == cell.fact and other in scores:
                    compared += 1
                    if _better(cell, other, scores, grades, symbols) > 0:
                        breaches.append(_violation(supply, cell, "rises above", than, other, scores, grades))
    return breaches, compared


def _better(
    cell: Cell, other: Cell, scores: dict[Cell, float], grades: dict[Cell, str], symbols: dict[str, list[str]]
) -> int:
    """1 where the cell is better off than the other by score or grade, -1 where worse, 0 where alike. Whoever is not
    rated is neither better nor worse by grade."""
    by_score = round(scores[cell] - scores[other], 4)
    rank, other_rank = (symbols[cell.kind].index(grades[c]) for c in (cell, other))
    by_grade = 0 if "NR" in (grades[cell], grades[other]) else other_rank - rank
    return 1 if by_score > 0 or by_grade > 0 else -1 if by_score < 0 or by_grade < 0 else 0


def _violation(
    supply: str, cell: Cell, law: str, than: str, other: Cell, scores: dict[Cell, float], grades: dict[Cell, str]
) -> Violation:
    return Violation(supply, cell, law, than, (scores[cell], scores[other]), (grades[cell], grades[other]))


def sample(size: int, seed: int = 0) -> list[Cell]:
    """Some cells, each with its base and with those it is paired with."""
    everything = cells()
    drawn = random.Random(seed).sample([c for c in everything if c.fact is not None], size)
    kept = {c.base for c in drawn} | set(drawn)
    for cell in drawn:
        kept |= {Cell(cell.quality, cell.size, cell.kind, t, cell.times) for w, t in PAIRS if w == cell.fact}
    return [c for c in everything if c in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, help="so many cells instead of all")
    parser.add_argument("--all", action="store_true", help="name every cell that breaks the law")
    args = parser.parse_args()
    breaches, compared = violations(sample(args.sample) if args.sample else None)
    broken = {(v.supply, v.cell) for v in breaches}
    for violation in breaches if args.all else breaches[:40]:
        print(violation)
    kinds = Counter(f"{v.cell.fact}: {v.law} {v.than}" for v in breaches)
    for text, count in kinds.most_common():
        print(f"{count:5d}  {text}")
    print(f"{len(breaches)} of {compared} comparisons break the law, in {len(broken)} cells")
    sys.exit(bool(breaches))


if __name__ == "__main__":
    main()

"""Golden results: what the stories marketplace came to under every shipped rulebook, on two nights.

`golden/<rulebook id>-<version>/` holds the rulebook's hash, the grades and the indicators. `python -m golden_results`
(`make golden`) writes them anew; the difference is then for people to read.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from credit.evaluation.night import Evaluation
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import load
from credit.settings import Settings
from support import rules
from support.places import TESTS
from support.story_home import DAY, DAY_BEFORE, NAMES, Row, delivered, table, two_nights

FOLDER = TESTS / "golden"
HASH = "rulebook.sha256"
FILES = {
    "grades": ("night", "subject", "grade", "grade_by_score", "score", "evidence", "reason", "vetoes"),
    "indicators": ("night", "subject", "indicator", "state", "value", "mark", "points"),
}
KEYS = ("night", "subject", "indicator")
DECIMALS = {"score": 4, "evidence": 4, "value": 6, "mark": 4, "points": 4}
LOOSE = {"value": 1.5e-6, "mark": 1.5e-4}
"""Floats that are rounded for the file only: another machine may round the last decimal the other way."""
LEFT_OUT = ("ordinary-2", "ordinary-3", "ordinary-4")
"""Like ordinary-1 in everything."""
SHOWN = 40

ACCEPT = """
An old night must not be graded otherwise by the same rules. If this is a defect of the change, mend the change. If the old
results were wrong, accept the new ones:
  1. make golden
  2. read the difference: git diff tests/golden
  3. write in CHANGELOG.md, under Program, what was wrong, which grades of which nights change, and the date from which
     nights are graded by the corrected program
"""
EDITED = """
An announced rulebook is not edited, for grades refer to it by its hash. Restore the file and put the change into a new
version with its own announced_on and effective_from, listed in CHANGELOG.md under Rules with its dates. (Only where it was
never announced to anybody: delete tests/golden/{name}, then make golden.)
"""


@dataclass(frozen=True)
class Results:
    """What a rulebook made of both nights: its hash, and the rows of FILES."""

    hash: str
    tables: dict[str, list[Row]]


def shipped_files() -> dict[str, tuple[Rulebook, Path]]:
    """`<id>-<version>` -> rulebook and file, of all that are shipped."""
    rulebooks = [(load(path), path) for path in sorted(rules.SHIPPED.glob("*.yaml"))]
    return {f"{book.id}-{book.version}": (book, path) for book, path in rulebooks}


def computed(conf: Settings) -> dict[str, Results]:
    """The results of every shipped rulebook; `conf` is a home in which the marketplace was delivered."""
    return {name: results(two_nights(conf, [path])) for name, (_, path) in shipped_files().items()}


def results(nights: list[Evaluation]) -> Results:
    """The results of one rulebook's nights as rows of text, sorted."""
    grades, indicators = [], []
    for night in nights:
        day = night.day.isoformat()
        named = night.grades.assign(night=day, subject=night.grades["subject_id"].map(NAMES))
        named["vetoes"] = named["vetoes"].map(";".join)
        grades.append(named.rename(columns={"not_rated_reason": "reason"}))
        long = night.scores.long()
        indicators.append(long.assign(night=day, subject=long["subject_id"].map(NAMES)))
    tables = {"grades": _rows("grades", pd.concat(grades)), "indicators": _rows("indicators", pd.concat(indicators))}
    return Results(nights[0].rulebook.hash, tables)


def _rows(name: str, frame: pd.DataFrame) -> list[Row]:
    def text(column: str, value: object) -> str:
        if pd.isna(value):
            return ""
        # Adding 0 turns -0 into 0.
        return f"{round(float(value), DECIMALS[column]) + 0:.{DECIMALS[column]}f}" if column in DECIMALS else str(value)

    columns = FILES[name]
    kept = frame[~frame["subject"].isin(LEFT_OUT)]
    rows = [
        {column: text(column, value) for column, value in zip(columns, values, strict=True)}
        for values in kept[list(columns)].itertuples(index=False)
    ]
    return sorted(rows, key=_key)


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS if name in row)


def kept() -> dict[str, Results]:
    """The golden results by `<id>-<version>`."""
    return {
        folder.name: Results(
            (folder / HASH).read_text(encoding="ascii").strip(), {name: table(folder / f"{name}.csv") for name in FILES}
        )
        for folder in sorted(FOLDER.iterdir())
        if folder.is_dir()
    }


def complaint(name: str, golden: Results | None, now: Results | None) -> str:
    """What is wrong with the results of a rulebook and what to do; empty where nothing is."""
    if now is None:
        return f"{name} has golden results but is no longer shipped: nights graded by it could not be replayed. Restore it."
    if golden is None:
        return f"{name} is shipped without golden results. Run: make golden"
    if golden.hash != now.hash:
        return f"{name} was edited: its hash was {golden.hash}, it is {now.hash}." + EDITED.format(name=name)
    lines = [line for table_name in FILES for line in _differences(golden.tables[table_name], now.tables[table_name])]
    if not lines:
        return ""
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([f"{name}: {len(lines)} results differ", *lines[:SHOWN], *more]) + "\n" + ACCEPT


def _differences(golden: list[Row], now: list[Row]) -> Iterator[str]:
    """One line a number that differs: night, merchant, indicator, before → after."""
    before, after = ({_key(row): row for row in rows} for rows in (golden, now))
    for key in sorted(before.keys() | after.keys()):
        label = "  " + "  ".join(key)
        if key not in after or key not in before:
            yield f"{label}  {'is new' if key in after else 'is gone'}"
            continue
        for column, old in before[key].items():
            new = after[key][column]
            if not _same(column, old, new):
                yield f"{label}  {column}: {old or 'none'} → {new or 'none'}"


def _same(column: str, old: str, new: str) -> bool:
    return old == new or bool(column in LOOSE and old and new and abs(float(old) - float(new)) < LOOSE[column])


def write(now: Mapping[str, Results]) -> None:
    """Put these results in place of the golden ones. Exits, with nothing written, where a rulebook was edited."""
    golden = kept() if FOLDER.exists() else {}
    edited = [
        complaint(name, golden[name], results)
        for name, results in now.items()
        if name in golden and golden[name].hash != results.hash
    ]
    if edited:
        sys.exit("\n".join(edited))
    for name, results in now.items():
        if name in golden and not complaint(name, golden[name], results):
            continue
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HASH).write_text(results.hash + "\n", encoding="ascii")
        for table_name, rows in results.tables.items():
            with (folder / f"{table_name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, FILES[table_name], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        print(f"{name}: written for {DAY_BEFORE} and {DAY}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        write(computed(delivered(Path(temporary) / "home")))

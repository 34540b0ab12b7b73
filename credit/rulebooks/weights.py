"""Proposals of weights: by experts' pairwise comparisons (AHP) and by what a night's marks tell apart (entropy).

A proposal never changes a rulebook: it stands beside the weights in force, for people to decide on.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from credit.errors import UserError
from credit.files.strict_yaml import YamlFault, line_of
from credit.files.strict_yaml import read as read_yaml
from credit.files.text import MAX_BYTES, contents
from credit.indicators import CATALOGUE
from credit.indicators.base import Array, Text
from credit.rulebooks.book import Rulebook
from credit.rulebooks.reading import load, shipped, version_key
from credit.sourced import Bilingual

CONSISTENT = 0.1
"""Saaty 1980: up to this consistency ratio the judgements may be used as they are."""
RANDOM_INDEX = (
    0, 0, 0.5799, 0.8921, 1.1159, 1.2358, 1.3322, 1.3952, 1.4537, 1.4882, 1.5117, 1.5356, 1.5571, 1.5714, 1.5831
)  # fmt: skip
"""Mean consistency index of random judgements of 1, 2, … ids (Tummala and Ling 1998; Saaty rounded his own 0.5799 to 0.58)."""
MOST_COMPARED = len(RANDOM_INDEX)
"""People compare well some 7, give or take 2."""
FEW = 30
"""Below so many merchants entropy weights are said to rest on few."""
EXPECTED = "expected a number from 1/9 to 9, such as 3 or 1/3"
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?(/[0-9]{1,6})?")

Cell = tuple[str, str, str, str]
"""Row id, column id, judgement as written, where it stands."""


@dataclass(frozen=True)
class Proposal:
    """Weights in percent by id, in the rulebook's order: `current` and, by method, proposed; each sums to 100.

    `details` has, by method, what its weights are made from; `warnings` are for whoever decides.
    """

    book: Rulebook
    element: str | None
    current: dict[str, float]
    proposed: dict[str, dict[str, float]]
    details: dict[str, dict[str, Any]]
    warnings: list[str] = field(default_factory=list)

    def as_dict(self, made_on: date) -> dict[str, Any]:
        """Plain data for JSON and YAML."""
        return {
            "kind": "proposal of weights; changes no rulebook",
            "made_on": made_on.isoformat(),
            "rulebook": {"id": self.book.id, "version": self.book.version, "hash": self.book.hash},
            "element": self.element,
            "weights": [
                {
                    "id": name,
                    "current": now,
                    **{method: weights[name] for method, weights in self.proposed.items()},
                    "difference": {method: round(weights[name] - now, 6) for method, weights in self.proposed.items()},
                }
                for name, now in self.current.items()
            ],
            "methods": self.details,
            "warnings": self.warnings,
        }


# --- elements, indicators ---------------------------------------------------------------------------------------------


def rulebook(ref: str) -> Rulebook:
    """The rulebook a path names, or the newest version of a shipped id. Raises UserError for what is neither."""
    path = Path(ref)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return load(path)
    versions = [book for book in shipped() if book.id == ref]
    if not versions:
        ids = ", ".join(sorted({book.id for book in shipped()}))
        raise UserError(f"--rulebook {ref!r}: expected a YAML file or the id of a shipped rulebook: {ids}")
    return max(versions, key=lambda book: version_key(book.version))


def members(book: Rulebook, element: str | None) -> dict[str, float]:
    """Weights (percent) of the book's elements, or of the indicators of one. Raises UserError for an unknown element."""
    if element is None:
        return {rule.id: rule.weight for rule in book.elements}
    for rule in book.elements:
        if rule.id == element:
            return {inner.id: inner.weight for inner in rule.indicators}
    raise UserError(f"--element {element!r}: {book.label} has {', '.join(rule.id for rule in book.elements)}")


def name_of(book: Rulebook, element: str | None, member: str) -> Bilingual | Text:
    """Chinese and English name of an element, or of an indicator of `element`."""
    return CATALOGUE[member].name if element else next(rule.name for rule in book.elements if rule.id == member)


# --- pairwise comparisons ----------------------------------------------------------------------------------------


def read_matrix(path: Path) -> pd.DataFrame:
    """A pairwise comparison matrix (ids x ids; how many times as important the row is as the column) from a file.

    YAML: `comparisons: {row: {column: 3, …}, …}`; CSV: a header of ids, then a row each, blanks where nothing is said.
    One of the two triangles is enough. Raises UserError listing every cell that is not a number from 1/9 to 9, not the
    reciprocal of its mirror image, given twice, or missing.
    """
    raw = contents(path, f"comparisons {path}")
    if len(raw) > MAX_BYTES:
        raise UserError(f"comparisons {path} are larger than {MAX_BYTES >> 20} MiB; expected a few lines")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"comparisons {path} are not UTF-8 (byte {error.start}); save them as UTF-8") from None
    if path.suffix in (".yaml", ".yml"):
        return _matrix(path, _yaml_cells(path, text))
    if path.suffix == ".csv":
        return _matrix(path, _csv_cells(path, text))
    raise UserError(f"comparisons {path}: expected a file that ends in .yaml, .yml or .csv")


def _yaml_cells(path: Path, text: str) -> Iterator[Cell]:
    shape = "comparisons: {row id: {column id: judgement}}"
    try:
        # Judgements as they are written: 1/3 is no number of YAML.
        document, lines = read_yaml(text, "text")
    except YamlFault as fault:
        raise UserError(f"comparisons {path}{fault.where}: not usable YAML: {fault}") from None

    def mapping(value: Any, place: tuple[str, ...], expected: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise UserError(f"comparisons {path}, line {line_of(lines, place)}: expected {expected}")
        return value

    keys = list(mapping(document, (), shape))
    if "comparisons" not in keys or set(keys) - {"comparisons", "expert", "note"}:
        raise UserError(
            f"comparisons {path}: has the keys {', '.join(keys)}; expected `comparisons` once, and if wanted `expert`, `note`"
        )
    for row, columns in mapping(document["comparisons"], ("comparisons",), shape).items():
        for column, judgement in mapping(columns, ("comparisons", row), "{column id: judgement, …}").items():
            line = lines["comparisons", row, column]
            written = judgement if isinstance(judgement, str) else "(a list or mapping)"
            yield row, column, written, f"line {line}, {row} over {column}"


def _csv_cells(path: Path, text: str) -> Iterator[Cell]:
    header: list[str] = []
    reader = csv.reader(io.StringIO(text))
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise UserError(f"comparisons {path}, line {reader.line_num}: not usable CSV: {error}") from None
    for line, cells in rows:
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not header:
            header = cells[1:]
            continue
        if len(cells) > len(header) + 1:
            raise UserError(f"comparisons {path}, line {line}: {len(cells)} cells; the header has {len(header) + 1}")
        for column, judgement in zip(header, cells[1:], strict=False):
            yield cells[0], column, judgement, f"line {line}, {cells[0]} over {column}"


def _matrix(path: Path, cells: Iterable[Cell]) -> pd.DataFrame:
    problems: list[str] = []
    judgements: dict[tuple[str, str], tuple[Fraction | None, str]] = {}
    ids: dict[str, None] = {}
    for row, column, text, place in cells:
        ids |= {name: None for name in (row, column) if name or text}  # a spreadsheet may end every line with a comma
        if not text:
            continue
        value = _judgement(text)
        if value is None:
            problems.append(f"{place}: {text!r}; {EXPECTED} (a spreadsheet may have made a date of 1/3: write 0.333)")
        elif row == column and value != 1:
            problems.append(f"{place}: {text}; what is compared with itself is 1: write 1 or leave it out")
        elif (row, column) in judgements:
            problems.append(f"{place}: stands twice, first in {judgements[row, column][1]}; leave one")
        judgements.setdefault((row, column), (value, place))
    if "" in ids:
        problems.append("a row or column has no id; give it one")
    if not 2 <= len(ids) <= MOST_COMPARED:
        raise UserError(
            f"comparisons {path} have {len(ids)} ids; expected 2 to {MOST_COMPARED}: compare more in groups"
        )
    matrix = pd.DataFrame(1.0, index=list(ids), columns=list(ids))
    for a, b in combinations(ids, 2):
        if (a, b) not in judgements and (b, a) not in judgements:
            problems.append(f"{a} over {b}: missing; expected it or {b} over {a}")
        (forth, first), (back, second) = judgements.get((a, b), (None, "")), judgements.get((b, a), (None, ""))
        if forth and back and abs(forth * back - 1) > Fraction(1, 100):  # 3 and 0.333 are reciprocal enough
            problems.append(
                f"{second}: {_written(float(back))} is not the reciprocal of {_written(float(forth))} ({first}); leave one "
                f"of them out or write {_written(float(1 / forth))}"
            )
        # Of two judgements, the one above 1 is the exact one: 3 rather than 1/0.333.
        ratio = forth if forth and (back is None or forth >= 1) else 1 / back if back else Fraction(1)
        matrix.loc[a, b], matrix.loc[b, a] = float(ratio), float(1 / ratio)
    if problems:
        count = f"have {len(problems)} error{'s' * (len(problems) > 1)}"
        raise UserError(f"comparisons {path} {count}:\n  " + "\n  ".join(f"{path}, {problem}" for problem in problems))
    return matrix


def _judgement(text: str) -> Fraction | None:
    """The number, or None when it is not one from 1/9 to 9 (0.11 stands for 1/9)."""
    text = text.replace(" ", "")
    if not _NUMBER.fullmatch(text):
        return None
    above, _, below = text.partition("/")
    if below and not int(below):
        return None
    value = Fraction(above) / int(below or 1)
    return value if Fraction(11, 100) <= value <= 9 else None


def _written(value: float) -> str:
    return f"{value:.3g}" if value >= 1 else f"1/{1 / value:.3g}"


def match(path: Path, matrix: pd.DataFrame, ids: Sequence[str], *, partial: bool, where: str) -> pd.DataFrame:
    """`matrix` in the order of `ids`. Raises UserError naming every unknown and, unless `partial`, missing id."""
    unknown = [name for name in matrix.index if name not in ids]
    missing = [name for name in ids if name not in matrix.index]
    problems = []
    if unknown:
        problems.append(f"unknown: {', '.join(unknown)} ({where} has {', '.join(ids)})")
    if missing and not partial:
        problems.append(
            f"missing: {', '.join(missing)} (compare them too, or let them keep their weights with --partial)"
        )
    if problems:
        raise UserError(f"comparisons {path} do not fit {where}; " + "; ".join(problems))
    compared = [name for name in ids if name in matrix.index]
    return matrix.loc[compared, compared]


def combine(matrices: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One matrix of several experts' (same ids): the geometric mean of each judgement, the only mean that keeps
    reciprocals (Aczél and Saaty 1983)."""
    first = matrices[0]
    logs = [np.log(m.loc[first.index, first.columns].to_numpy(dtype=np.float64)) for m in matrices]
    return pd.DataFrame(np.exp(np.mean(logs, axis=0)), index=first.index, columns=first.columns)


def ahp_weights(matrix: pd.DataFrame) -> tuple[dict[str, float], float, float]:
    """Shares by id (sum 1), consistency index and consistency ratio (both from 0) of a reciprocal matrix.

    Shares are the principal eigenvector, CI = (lambda_max - n) / (n - 1), CR = CI / `RANDOM_INDEX` (Saaty 1980), for 2 to
    `MOST_COMPARED` ids.
    """
    values, vectors = np.linalg.eig(matrix.to_numpy(dtype=np.float64))
    principal = int(np.argmax(values.real))  # of a matrix of positive numbers it is real, and so is its vector (Perron)
    shares: Array = vectors[:, principal].real / vectors[:, principal].real.sum()
    n = len(shares)
    index = max(0.0, float(values[principal].real - n) / (n - 1))
    ratio = index / RANDOM_INDEX[n - 1] if n > 2 else 0.0  # two ids cannot contradict each other
    by_id = {str(name): float(share) for name, share in zip(matrix.index, shares, strict=True)}
    return by_id, round(index, 10), round(ratio, 10)


def most_disturbing(matrix: pd.DataFrame) -> tuple[str, str, float, float]:
    """(row, column, its judgement, what the others imply) of the comparison furthest from the others; from 3 ids on.

    What the others imply is the geometric mean of row/k x k/column over the other ids k.
    """
    logs = np.log(matrix.to_numpy(dtype=np.float64))
    n = len(logs)
    # Summed over every k, the two that are no detours (k = row, k = column) each add the judgement itself.
    implied = (logs.sum(axis=1)[:, None] + logs.sum(axis=0)[None, :] - 2 * logs) / (n - 2)
    i, j = divmod(int(np.argmax(np.triu(np.abs(logs - implied).round(9), 1))), n)
    return str(matrix.index[i]), str(matrix.index[j]), math.exp(logs[i, j]), math.exp(implied[i, j])


def ahp(
    paths: Sequence[Path], ids: Sequence[str], *, partial: bool = False, where: str = "the rulebook"
) -> tuple[dict[str, float], dict[str, Any], list[str]]:
    """Shares by id (sum 1), details (their files and consistency), and warnings, of one expert's file or several experts'.

    Raises UserError for a file that is not usable, does not fit `ids`, or compares other ids than the first.
    """
    matrices = [match(path, read_matrix(path), ids, partial=partial, where=where) for path in paths]
    for path, matrix in zip(paths, matrices, strict=True):
        if differ := set(matrix.index) ^ set(matrices[0].index):
            raise UserError(
                f"{path} and {paths[0]} do not compare the same ids; in one of them only: {', '.join(sorted(differ))}"
            )
    judged = [(str(path), matrix) for path, matrix in zip(paths, matrices, strict=True)]
    combined = combine(matrices)
    if len(paths) > 1:
        judged.append(("the geometric mean of the files", combined))
    warnings, consistency = [], []
    for name, matrix in judged:
        _, index, ratio = ahp_weights(matrix)
        consistency.append({"consistency_index": round(index, 6), "consistency_ratio": round(ratio, 6)})
        if ratio > CONSISTENT:
            row, column, judgement, implied = most_disturbing(matrix)
            nearest = max(1 / 9, min(9.0, float(round(implied)) if implied >= 1 else 1 / round(1 / implied)))
            warnings.append(
                f"{name}: consistency ratio {ratio:.3f} is above {CONSISTENT}: the judgements contradict each other. Most "
                f"of all {row} over {column} is {_written(judgement)}, the others imply about {_written(nearest)}; look at it again"
            )
    files = [
        {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **numbers}
        for path, numbers in zip(paths, consistency, strict=False)
    ]
    details = {"compared": list(combined.index), "files": files, **consistency[-1]}
    if len(paths) > 1:
        details["combined_by"] = "geometric mean of judgements"
    return ahp_weights(combined)[0], details, warnings


# --- entropy -----------------------------------------------------------------------------------------------------


def entropy_weights(marks: Array) -> Array:
    """Shares (sum 1) of the columns of `marks` (subjects x columns, from 0, none missing) by Shannon entropy.

    With p = mark / sum of the column over m subjects: e = -sum(p ln p) / ln m, share = (1 - e) / sum of (1 - e)
    (entropy: Shannon 1948; as weights: Zeleny 1982). A column in which all are alike tells nobody apart and gets 0. Raises
    ValueError when that is true of all columns, or there are fewer than 2 subjects.
    """
    if len(marks) < 2:
        raise ValueError("fewer than 2 subjects")
    # Left out here, since 1 - e of a constant column is the noise of floats, and 0/0 where all are.
    differ = np.ptp(marks, axis=0) > 1e-4 * marks.max(axis=0)
    if not differ.any():
        raise ValueError("all subjects are alike in every column")
    shares: Array = np.zeros(marks.shape[1])
    parts = marks[:, differ] / marks[:, differ].sum(axis=0)
    entropies = -(parts * np.log(np.where(parts > 0, parts, 1))).sum(axis=0) / math.log(len(marks))  # 0 ln 0 is 0
    shares[differ] = (1 - entropies) / (1 - entropies).sum()
    return shares


def night_marks(
    con: duckdb.DuckDBPyConnection, day: date, book: Rulebook, element: str | None, ids: Sequence[str]
) -> pd.DataFrame:
    """Marks (0 to 100; NaN: not measured) of an evaluated night: its subjects x `ids`, in their order.

    `ids` are indicators of `element`, or without it elements: their marks are those of their measured indicators by
    effective weight. Raises UserError when the night has no rows of the rulebook's id.
    """
    column = "indicator" if element else "element"
    rows = con.execute(
        f"""SELECT subject_id, {column} AS id, sum(weight * mark) FILTER (state = 'measured')
                / nullif(sum(weight) FILTER (state = 'measured'), 0) AS mark
            FROM results.indicators WHERE evaluated_on = ? AND rulebook = ? GROUP BY ALL ORDER BY ALL""",
        [day, book.id],
    ).df()
    if rows.empty:
        nights = con.execute("SELECT DISTINCT rulebook, evaluated_on FROM results.indicators ORDER BY ALL").fetchall()
        newest = "; ".join(f"{name} {night}" for name, night in nights[-10:]) or "none"
        raise UserError(
            f"no marks of {book.id} of {day} are kept here (kept: {newest}); name one of these nights with --date, or run "
            f"`merchant-credit evaluate --date {day}`"
        )
    return rows.pivot(index="subject_id", columns="id", values="mark").reindex(columns=list(ids)).astype(np.float64)


def entropy(marks: pd.DataFrame) -> tuple[dict[str, float], dict[str, Any], list[str]]:
    """Shares by id (sum 1), details (how many merchants were measured), and warnings, of a night's marks (subjects x ids).

    Only subjects with all ids measured are used. Raises UserError when they are fewer than 2 or all alike.
    """
    complete = marks.dropna()
    measured = {str(name): int(number) for name, number in marks.notna().sum().items()}
    counts = ", ".join(f"{name} {number:,}" for name, number in sorted(measured.items(), key=lambda item: item[1]))
    coverage = f"{len(complete):,} of {len(marks):,} merchants have all of it measured ({counts})"
    try:
        shares = entropy_weights(complete.to_numpy(dtype=np.float64))
    except ValueError as error:
        raise UserError(
            f"entropy weights cannot be computed: {error}; {coverage}. Leave out what is seldom measured (--without ID), or "
            "take another night (--date)"
        ) from None
    details = {
        "compared": list(measured),
        "merchants": len(marks),
        "merchants_used": len(complete),
        "measured": measured,
    }
    warnings = [f"entropy: few merchants: {coverage}"] if len(complete) < FEW else []
    return dict(zip(measured, map(float, shares), strict=True)), details, warnings


# --- proposals ---------------------------------------------------------------------------------------------------


def round_weights(shares: Mapping[str, float], total: float = 100, decimals: int = 0) -> dict[str, float]:
    """Weights in percent with `decimals` digits that sum to `total` exactly, after `shares` (from 0, any sum above 0).

    Largest remainder: all are rounded down, and what is missing to the sum goes to those that lost most; of equals to
    the first by id, so that the order of the ids does not matter. Raises ValueError when `total` has more digits.
    """
    unit = 10**decimals
    units = round(total * unit)
    if abs(units - total * unit) > 1e-6:
        raise ValueError(f"{total:g} has more than {decimals} decimals")
    whole = math.fsum(shares.values())
    exact = {name: round(share / whole * units, 9) for name, share in shares.items()}  # no float noise in remainders
    down = {name: math.floor(value) for name, value in exact.items()}
    lost = sorted(shares, key=lambda name: (down[name] - exact[name], name))
    for name in lost[: units - sum(down.values())]:
        down[name] += 1
    return {name: number / unit for name, number in down.items()}


def propose(
    book: Rulebook,
    element: str | None,
    methods: Mapping[str, tuple[dict[str, float], dict[str, Any], list[str]]],
    *,
    blend: float | None = None,
    decimals: int = 0,
) -> Proposal:
    """The proposal by each of `methods` (name -> shares, details, warnings as `ahp` and `entropy` give them).

    Ids without a share keep their weight; the others share what they weigh now. `blend` (0 to 1) adds one more:
    blend x mean of the methods + (1 - blend) x current. Raises UserError when weights cannot be rounded to `decimals`.
    """
    if blend is not None and not 0 <= blend <= 1:
        raise UserError(f"--blend {blend:g}: expected a share from 0 (current weights) to 1 (the methods' mean)")
    current = members(book, element)
    exact = {method: _percent(current, shares) for method, (shares, _, _) in methods.items()}
    details: dict[str, dict[str, Any]] = {
        method: {**about, "shares": {name: round(share, 6) for name, share in shares.items()}}
        for method, (shares, about, _) in methods.items()
    }
    compared = {method: set(shares) for method, (shares, _, _) in methods.items()}
    if blend is not None:
        mean = {name: math.fsum(weights[name] for weights in exact.values()) / len(exact) for name in current}
        exact["blend"] = {name: blend * mean[name] + (1 - blend) * now for name, now in current.items()}
        details["blend"] = {"share_of_methods": blend, "methods": list(methods)}
        compared["blend"] = set().union(*compared.values())
    warnings = [warning for _, _, warnings in methods.values() for warning in warnings]
    proposed = {}
    for method, weights in exact.items():
        moving = {name: weights[name] for name in current if name in compared[method]}
        total = round(math.fsum(current[name] for name in moving), 6)
        try:
            rounded = round_weights(moving, total, decimals)
        except ValueError:
            raise UserError(
                f"{', '.join(moving)} weigh {total:g} together in {book.label}, which {decimals} decimals cannot write; "
                "use --decimals 1, or compare all"
            ) from None
        proposed[method] = {name: rounded.get(name, now) for name, now in current.items()}
        if weightless := [name for name, weight in proposed[method].items() if not weight]:
            warnings.append(
                f"{method}: {', '.join(weightless)} would weigh 0, which a rulebook refuses: leave out or raise"
            )
    return Proposal(book, element, current, proposed, details, warnings)


def _percent(current: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(current[name] for name in shares)
    return {name: total * shares[name] if name in shares else now for name, now in current.items()}

"""Proposals of weights: hand-checked examples, what must hold for all of them, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.home import open_warehouse
from credit.rulebooks import weights
from credit.rulebooks.reading import shipped
from credit.settings import Settings
from support import rules
from support.places import ROOT

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "data" / "weights"
BOOK = weights.rulebook("gbt-26842-enterprise")
NIGHT = date(2026, 11, 24)
RATINGS = ["rating_overall", "rating_description", "rating_service", "rating_logistics"]
SEVEN = ["fulfilment", "after_sales", "counterparty", "operation", "identity", "public_record", "conduct"]
steady = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SHARES = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.floats(0.001, 100), min_size=2, max_size=12)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "judged.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def matrix(*rows: list[float]) -> pd.DataFrame:
    ids = list("abcdefgh"[: len(rows)])
    return pd.DataFrame(list(rows), index=ids, columns=ids, dtype=float)


def consistent(values: list[float]) -> pd.DataFrame:
    return matrix(*([a / b for b in values] for a in values))


# --- AHP ---------------------------------------------------------------------------------------------------------


def test_three_by_three_by_hand() -> None:
    # For n = 3 the eigenvector is the row geometric means, and lambda_max = 1 + t + 1/t with t³ = a12 · a23 / a13.
    shares, index, ratio = weights.ahp_weights(matrix([1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]))
    assert list(shares.values()) == pytest.approx([0.63699, 0.25828, 0.10473], abs=1e-5)
    t = 1.8 ** (1 / 3)
    assert index == pytest.approx((1 + t + 1 / t - 3) / 2, abs=1e-9)
    assert index == pytest.approx(0.01926, abs=1e-5)
    assert ratio == pytest.approx(0.0332, abs=1e-4)  # 0.01926 / 0.58


@steady
@given(st.lists(st.integers(1, 9), min_size=2, max_size=9))
def test_consistent_ratios_come_back_with_ratio_zero(values: list[int]) -> None:
    shares, index, ratio = weights.ahp_weights(consistent([float(v) for v in values][:8]))
    whole = sum(values[:8])
    assert list(shares.values()) == pytest.approx([v / whole for v in values[:8]], abs=1e-9)
    assert index == pytest.approx(0, abs=1e-8)
    assert ratio == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("size", range(2, weights.MOST_COMPARED + 1))
def test_every_allowed_size_has_a_ratio(size: int) -> None:
    rng = np.random.default_rng(size)
    values = np.ones((size, size))
    for i, j in combinations(range(size), 2):
        values[i, j] = rng.integers(1, 10)
        values[j, i] = 1 / values[i, j]
    ids = [f"i{i}" for i in range(size)]
    shares, index, ratio = weights.ahp_weights(pd.DataFrame(values, index=ids, columns=ids))
    assert math.isclose(sum(shares.values()), 1)
    assert index == pytest.approx((np.linalg.eigvals(values).real.max() - size) / (size - 1), abs=1e-8)
    assert math.isfinite(ratio)
    assert ratio >= 0


def test_several_experts_are_combined_by_the_geometric_mean() -> None:
    other = matrix([1, 1 / 8], [8, 1]).loc[["b", "a"], ["b", "a"]]
    both = weights.combine([matrix([1, 2], [1 / 2, 1]), other])
    assert both.loc["a", "b"] == pytest.approx(0.5)  # sqrt(2 · 1/8)
    assert both.loc["b", "a"] == pytest.approx(2)


def test_the_most_disturbing_comparison_is_found() -> None:
    judged = consistent([8, 4, 2, 1])
    judged.loc["a", "c"], judged.loc["c", "a"] = 1 / 4, 4
    row, column, given_, implied = weights.most_disturbing(judged)
    assert (row, column, given_) == ("a", "c", pytest.approx(0.25))
    assert implied == pytest.approx(4)


def test_contradictions_are_said(written: Callable[..., Path]) -> None:
    path = written(",a,b,c,d\na,1,2,1/4,8\nb,,1,2,4\nc,,,1,2\nd,,,,1\n")
    _, details, (warning,) = weights.ahp([path], list("abcd"))
    assert details["consistency_ratio"] > 0.1
    assert "judged.csv: consistency ratio" in warning
    assert "a over c is 1/4, the others imply about 4" in warning


# --- files -------------------------------------------------------------------------------------------------------


def test_triangles_and_formats_say_the_same(written: Callable[..., Path]) -> None:
    full = weights.read_matrix(written("x,a,b,c\na,1,3,1/2\nb,0.333,1,1\nc,2,1,1\n"))
    assert full.loc["b", "a"] == 1 / 3  # the exact one of the two
    for other in (
        written("\ufeff# said by Anna\n,a,b,c,\na,,3,1 / 2,\nb,,,1,\n"),
        written(",a,b,c\nc,2,1,\nb,1/3\n"),
        written("expert: Anna\ncomparisons:\n  a: {b: 3, c: 1/2}\n  c: {b: 1}\n", "judged.yaml"),
    ):
        matrix = weights.read_matrix(other)
        pd.testing.assert_frame_equal(matrix.loc[full.index, full.columns], full)


@steady
@given(st.permutations(list("abcd")), st.permutations(list("abcd")))
def test_the_order_in_the_file_does_not_matter(tmp_path: Path, rows: list[str], columns: list[str]) -> None:
    value = {"a": 4, "b": 3, "c": 2, "d": 1}
    lines = [",".join(["", *columns]), *(",".join([a, *(f"{value[a]}/{value[b]}" for b in columns)]) for a in rows)]
    path = tmp_path / "judged.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    shares, details, warnings = weights.ahp([path], list("abcd"))
    assert list(shares) == list("abcd")
    assert weights.round_weights(shares) == {"a": 40, "b": 30, "c": 20, "d": 10}
    assert details["consistency_ratio"] == 0
    assert not warnings


REFUSED = {
    "above 9": (",a,b\na,1,10\n", "line 2, a over b: '10'; expected a number from 1/9 to 9"),
    "below 1/9": (",a,b\na,1,1/10\n", "line 2, a over b: '1/10'"),
    "zero": (",a,b\na,1,0\n", "line 2, a over b: '0'"),
    "divided by zero": (",a,b\na,1,1/0\n", "line 2, a over b: '1/0'"),
    "negative": (",a,b\na,1,-3\n", "line 2, a over b: '-3'"),
    "a date": (",a,b\na,1,3-Jan\n", "write 0.333"),
    "an enormous number": (",a,b\na,1,1e999999999\n", "line 2, a over b"),
    "not reciprocal": (",a,b\na,1,3\nb,1/2,1\n", "line 3, b over a: 1/2 is not the reciprocal of 3 (line 2, a over b)"),
    "with itself": (",a,b\na,2,3\n", "line 2, a over a: 2; what is compared with itself is 1"),
    "missing": (",a,b,c\na,1,3,\nb,,1,2\n", "a over c: missing; expected it or c over a"),
    "twice": (",a,b\na,1,3\na,1,3\n", "line 3, a over b: stands twice"),
    "too wide": (",a,b\na,1,3,4\n", "line 2: 4 cells; the header has 3"),
    "no id": (",a,b\n,1,3\n", "no id"),
    "empty": ("", "0 ids; expected 2 to 15"),
    "too many": ("," + ",".join(f"i{i}" for i in range(16)) + "\ni0" + ",1" * 16, "16 ids; expected 2 to 15"),
}
REFUSED_YAML = {
    "not a mapping": ("- a\n", "line 1: expected comparisons:"),
    "empty": ("", "line 1: expected comparisons:"),
    "other key": ("comparison: {a: {b: 3}}\n", "has the keys comparison; expected `comparisons` once"),
    "row without columns": ("comparisons:\n  a: 3\n", "line 2: expected {column id: judgement"),
    "not YAML": ("comparisons: {a: {b: 3}\n", "not usable YAML"),
    "a list": ("comparisons:\n  a: {b: [3]}\n", "line 2, a over b: '(a list or mapping)'"),
    "twice": ("comparisons:\n  a: {b: 3}\n  a: {b: 2}\n", "line 3: not usable YAML: key 'a' stands twice"),
    "alias to itself": (
        "comparisons:\n  a: {b: &x [*x]}\n",
        "line 2: not usable YAML: aliases (*name) are not allowed",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_csv_error_names_the_cell(kind: str, written: Callable[..., Path]) -> None:
    text, message = REFUSED[kind]
    with pytest.raises(UserError) as error:
        weights.read_matrix(written(text))
    assert message in str(error.value)
    assert "judged.csv" in str(error.value)


@pytest.mark.parametrize("kind", REFUSED_YAML)
def test_a_yaml_error_names_the_cell(kind: str, written: Callable[..., Path]) -> None:
    text, message = REFUSED_YAML[kind]
    with pytest.raises(UserError) as error:
        weights.read_matrix(written(text, "judged.yaml"))
    assert message in str(error.value)


def test_all_errors_of_a_file_are_said_at_once(written: Callable[..., Path]) -> None:
    with pytest.raises(UserError) as error:
        weights.read_matrix(written(",a,b,c\na,1,30,\nb,1/2,1,x\n"))
    assert "3 errors" in str(error.value)


def test_files_that_are_no_comparisons(written: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "gbk.csv").write_bytes("甲".encode("gb18030"))
    for path, message in (
        (tmp_path / "none.csv", "cannot be read"),
        (tmp_path, "cannot be read"),
        (tmp_path / "gbk.csv", "not UTF-8"),
        (written("a", "a.txt"), "ends in .yaml, .yml or .csv"),
    ):
        with pytest.raises(UserError, match=message):
            weights.read_matrix(path)


def test_unknown_and_missing_ids_are_named(written: Callable[..., Path]) -> None:
    path = written(",a,x\na,1,3\n")
    with pytest.raises(UserError, match=r"unknown: x \(my book has a, b, c\); missing: b, c"):
        weights.ahp([path], list("abc"), where="my book")
    with pytest.raises(UserError, match="unknown: x"):
        weights.ahp([path], list("abc"), partial=True)
    with pytest.raises(UserError, match="do not compare the same ids; in one of them only: b, c"):
        weights.ahp([written(",a,b\na,1,3\n", "1.csv"), written(",a,c\na,1,3\n", "2.csv")], list("abc"), partial=True)


# --- entropy -----------------------------------------------------------------------------------------------------


def test_two_columns_by_hand() -> None:
    # p = (1/4, 3/4): e = 0.811278; p = (1/8, 7/8): e = 0.543564; 1 - e: 0.188722 and 0.456436, of 0.645158.
    shares = weights.entropy_weights(np.array([[1.0, 1.0], [3.0, 7.0]]))
    assert shares == pytest.approx([0.292520, 0.707480], abs=1e-6)


def test_a_mark_of_zero_adds_nothing_to_the_entropy() -> None:
    # p = (0, 1): e = 0, 1 - e = 1 beside 0.188722.
    assert weights.entropy_weights(np.array([[1.0, 0.0], [3.0, 5.0]])) == pytest.approx([0.158760, 0.841240], abs=1e-6)


def test_a_column_that_tells_nobody_apart_gets_nothing() -> None:
    marks = np.array([[70.1, 0.0, 20.0], [70.1, 0.0, 90.0], [70.1, 0.0, 50.0]])
    assert weights.entropy_weights(marks).tolist() == [0, 0, 1]
    for nobody in (np.full((5, 2), 70.1), np.zeros((5, 2)), np.array([[1.0, 2.0]])):
        with pytest.raises(ValueError):
            weights.entropy_weights(nobody)


MARKS = st.lists(st.tuples(*[st.integers(0, 100)] * 3), min_size=3, max_size=20).filter(
    lambda rows: any(len(set(column)) > 1 for column in zip(*rows, strict=True))
)


@steady
@given(MARKS, st.tuples(*[st.floats(0.01, 1000)] * 3), st.permutations(range(3)), st.randoms())
def test_entropy_knows_no_scale_and_no_order(
    rows: list[tuple[int, ...]], scale: tuple[float, ...], order: list[int], rng: Any
) -> None:
    marks = np.array(rows, dtype=float)
    shares = weights.entropy_weights(marks)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert weights.entropy_weights(marks * np.array(scale)) == pytest.approx(shares, abs=1e-9)
    assert weights.entropy_weights(marks[:, order]) == pytest.approx(shares[order], abs=1e-9)
    mixed = rng.sample(rows, len(rows))
    assert weights.entropy_weights(np.array(mixed, dtype=float)) == pytest.approx(shares, abs=1e-9)


def test_only_merchants_with_everything_measured_are_used_and_it_is_said() -> None:
    marks = pd.DataFrame({"a": [1.0, 3.0, 50.0], "b": [1.0, 7.0, np.nan]})
    shares, details, (warning,) = weights.entropy(marks)
    assert shares == pytest.approx({"a": 0.292520, "b": 0.707480}, abs=1e-6)
    assert (details["merchants"], details["merchants_used"], details["measured"]) == (3, 2, {"a": 3, "b": 2})
    assert "2 of 3 merchants have all of it measured (b 2, a 3)" in warning
    with pytest.raises(UserError, match=r"1 of 3 merchants .*--without ID"):
        weights.entropy(pd.DataFrame({"a": [1.0, 3.0, 50.0], "b": [1.0, np.nan, np.nan]}))


# --- rounding ----------------------------------------------------------------------------------------------------


@steady
@given(SHARES, st.integers(0, 1), st.randoms())
def test_rounded_weights_sum_to_100_whatever_the_order(shares: dict[str, float], decimals: int, rng: Any) -> None:
    rounded = weights.round_weights(shares, 100, decimals)
    assert round(sum(rounded.values()) * 10, 9) == 1000
    for name, weight in rounded.items():
        assert abs(weight - 100 * shares[name] / math.fsum(shares.values())) < 10**-decimals
    mixed = rng.sample(list(shares.items()), len(shares))
    assert weights.round_weights(dict(mixed), 100, decimals) == rounded


def test_equals_are_rounded_alike_but_for_what_is_left_over() -> None:
    assert weights.round_weights({"c": 1, "b": 1, "a": 1}) == {"c": 33, "b": 33, "a": 34}
    assert weights.round_weights({"a": 1, "b": 1, "c": 1}, decimals=1) == {"a": 33.4, "b": 33.3, "c": 33.3}


# --- proposals ---------------------------------------------------------------------------------------------------


def test_what_is_not_compared_keeps_its_weight() -> None:
    current = weights.members(BOOK, "counterparty")
    pot = sum(current[name] for name in RATINGS)
    proposal = weights.propose(BOOK, "counterparty", {"ahp": (dict.fromkeys(RATINGS, 0.25), {}, [])}, blend=0.5)
    for proposed in proposal.proposed.values():
        assert sum(proposed.values()) == 100
        assert sum(proposed[name] for name in RATINGS) == pot
        assert {k: v for k, v in proposed.items() if k not in RATINGS} == {
            k: v for k, v in current.items() if k not in RATINGS
        }
    unchanged = weights.propose(BOOK, "counterparty", {"ahp": (dict.fromkeys(RATINGS, 0.25), {}, [])}, blend=0)
    assert unchanged.proposed["blend"] == current


def test_a_weight_of_zero_is_pointed_out() -> None:
    shares = {name: float(i == 0) for i, name in enumerate(weights.members(BOOK, None))}
    assert "would weigh 0" in weights.propose(BOOK, None, {"entropy": (shares, {}, [])}).warnings[0]


def test_the_newest_shipped_version_is_meant() -> None:
    assert BOOK.version == max(b.version for b in shipped() if b.id == BOOK.id)
    assert weights.rulebook(str(rules.INDIVIDUAL)).id == "gbt-28041-individual"
    for ref, message in (("nobody", "shipped rulebook: gbt-26842-enterprise"), ("no.yaml", "cannot be read")):
        with pytest.raises(UserError, match=message):
            weights.rulebook(ref)
    with pytest.raises(UserError, match=r"--element 'x': gbt-26842-enterprise .* has identity, fulfilment"):
        weights.members(BOOK, "x")


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _rulebooks_stay() -> Iterator[None]:
    """No test, and so no command here, changes a rulebook."""
    before = {path: path.read_bytes() for path in rules.FROZEN.glob("*.yaml")}
    yield
    assert {path: path.read_bytes() for path in rules.FROZEN.glob("*.yaml")} == before


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["weights", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def marked(home: Settings) -> Settings:
    """A home with one night of 40 merchants, one of them without a rating of the description."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        [
            (f"m{i}", element.id, rule.id, float(rng.integers(0, 101)), element.weight * rule.weight / 1e4)
            for i in range(40)
            for element, rule in BOOK.rules()
        ],
        columns=["subject_id", "element", "indicator", "mark", "weight"],
    )
    unmeasured = (rows.subject_id == "m7") & (rows.indicator == "rating_description")
    rows["state"] = np.where(unmeasured, "missing", "measured")
    rows.loc[unmeasured, ["mark", "weight"]] = (None, 0.0)
    with open_warehouse(home) as con:
        con.execute(
            """INSERT INTO results.indicators BY NAME
               SELECT ?::DATE AS evaluated_on, ? AS rulebook, * FROM rows""",
            [NIGHT, BOOK.id],
        )
        con.execute(
            """INSERT INTO results.runs BY NAME SELECT ?::DATE AS evaluated_on, ? AS rulebook, ? AS rulebook_version,
                   'another' AS rulebook_hash, now() AS cut_off, 'in_force' AS standing, '{}' AS priors, 40 AS subjects""",
            [NIGHT, BOOK.id, "0.0.9"],
        )
    return home


def test_marks_of_a_night(marked: Settings) -> None:
    with open_warehouse(marked, read_only=True) as con:
        inner = weights.night_marks(con, NIGHT, BOOK, "counterparty", RATINGS)
        outer = weights.night_marks(con, NIGHT, BOOK, None, list(weights.members(BOOK, None)))
        rows = con.execute(
            "SELECT mark, weight FROM results.indicators WHERE subject_id = 'm3' AND element = 'counterparty'"
        ).fetchall()
        with pytest.raises(
            UserError, match=r"no marks of gbt-28041-individual .*kept: gbt-26842-enterprise 2026-11-24"
        ):
            weights.night_marks(con, NIGHT, weights.rulebook("gbt-28041-individual"), None, ["operation"])
    assert inner.shape == (40, 4)
    assert np.isnan(inner.loc["m7", "rating_description"])
    assert inner.notna().to_numpy().sum() == 159
    assert outer.notna().all().all()
    assert outer.loc["m3", "counterparty"] == pytest.approx(sum(m * w for m, w in rows) / sum(w for _, w in rows))


def test_the_example_of_four_indicators(marked: Settings, tmp_path: Path) -> None:
    out = tmp_path / "proposal.yaml"
    given_ = ("ahp", EXAMPLES / "counterparty.yaml", "--rulebook", BOOK.id, "--element", "counterparty", "--partial")
    more = ("--entropy", "--blend", "0.5", "--home", marked.home)
    proposal = json.loads(run(*given_, *more, "--out", out, "--json"))
    assert yaml.safe_load(out.read_text(encoding="utf-8")) == proposal
    assert [row["id"] for row in proposal["weights"]] == list(weights.members(BOOK, "counterparty"))
    for method in ("ahp", "entropy", "blend"):
        assert sum(row[method] for row in proposal["weights"]) == 100
    assert proposal["rulebook"] == {"id": BOOK.id, "version": BOOK.version, "hash": BOOK.hash}
    assert proposal["methods"]["ahp"]["consistency_ratio"] < 0.1
    assert proposal["methods"]["ahp"]["files"][0]["file"] == "counterparty.yaml"
    assert proposal["methods"]["entropy"]["night"] == "2026-11-24"
    assert (proposal["methods"]["entropy"]["merchants"], proposal["methods"]["entropy"]["merchants_used"]) == (40, 39)
    assert any("was marked by gbt-26842-enterprise 0.0.9" in warning for warning in proposal["warnings"])
    shown = run(*given_, *more)
    assert "39 of 40 merchants" in shown
    assert "no rulebook was changed" in shown
    with pytest.raises(UserError, match="missing: positive_share"):
        run(*given_[:-1])


def test_the_example_of_seven_elements() -> None:
    path = EXAMPLES / "elements.csv"
    shares, details, warnings = weights.ahp([path], SEVEN)
    assert sum(weights.round_weights(shares).values()) == 100
    assert details["consistency_ratio"] < 0.1
    assert not warnings
    # The rulebook in force may not have all seven yet: then those it has not are named.
    unknown = [name for name in SEVEN if name not in weights.members(BOOK, None)]
    if unknown:
        with pytest.raises(UserError, match=f"unknown: {', '.join(unknown)}"):
            run("ahp", path, "--rulebook", BOOK.id)
    else:
        assert "CR 0.0" in run("ahp", path, "--rulebook", BOOK.id)


def test_entropy_of_elements_and_of_some_indicators(marked: Settings) -> None:
    proposal = json.loads(run("entropy", "--rulebook", BOOK.id, "--home", marked.home, "--decimals", "1", "--json"))
    assert sum(round(row["entropy"] * 10) for row in proposal["weights"]) == 1000
    given_ = ("entropy", "--rulebook", BOOK.id, "--element", "counterparty", "--home", marked.home, "--json")
    proposal = json.loads(run(*given_, "--without", "rating_description", "--date", str(NIGHT)))
    assert proposal["methods"]["entropy"]["merchants_used"] == 40
    assert next(row for row in proposal["weights"] if row["id"] == "rating_description")["difference"]["entropy"] == 0


def test_what_the_command_refuses(marked: Settings, tmp_path: Path) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(BOOK.text, encoding="utf-8")
    example = EXAMPLES / "counterparty.yaml"
    judged = ("ahp", example, "--rulebook", book, "--element", "counterparty", "--partial")
    night = ("entropy", "--rulebook", book, "--home", marked.home)
    for arguments, message in (
        ((*judged, "--out", book), "is there already and is not overwritten"),
        ((*judged, "--out", tmp_path / "a.txt"), r"ends in \.yaml, \.yml or \.json"),
        ((*judged, "--out", tmp_path / "no" / "a.json"), "cannot be written"),
        ((*judged, "--date", "2026-11-24"), "add --entropy"),
        ((*night, "--without", "x"), "--without x: unknown"),
        ((*night, "--date", "2026-11-23"), "no evaluation of 2026-11-23"),
        ((*night, "--element", "operation", *(a for i in list(weights.members(BOOK, "operation"))[1:] for a in ("--without", i))), "1 ids are left"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=message):
            run(*arguments)
    assert book.read_text(encoding="utf-8") == BOOK.text

"""The house: which room may know which, and that no room grows beyond what one can read."""

from __future__ import annotations

import itertools
import tomllib
from functools import cache
from pathlib import Path

import grimp
import pytest

from support.places import ROOT

PACKAGES = ("credit", "pipelines", "expectations")
PURE_DESCRIPTIONS = {"tables.py"}
(CONTRACT,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = [tuple(layer.split(" | ")) for layer in CONTRACT["layers"]]
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def house() -> grimp.ImportGraph:
    """All imports, those inside functions included."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


@cache
def standing() -> grimp.ImportGraph:
    return house()


def upward(graph: grimp.ImportGraph) -> set[tuple[str, str]]:
    layers = [grimp.Layer(*layer, independent=True) for layer in LAYERS]
    wrong = graph.find_illegal_dependencies_for_layers(layers=layers)
    return {(dependency.importer, dependency.imported) for dependency in wrong}


def test_arrows_run_one_way() -> None:
    assert upward(standing()) == set()


def test_every_room_has_its_place() -> None:
    rooms = {
        path.stem if path.is_file() else path.name for path in (ROOT / "credit").iterdir() if path.suffix in ("", ".py")
    }
    placed = {name.partition(".")[2] for layer in LAYERS for name in layer if name.startswith("credit.")}
    assert rooms - {"__init__", "__pycache__"} == placed


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(below[0], above[0]) for above, below in itertools.pairwise(LAYERS)],
    ids=lambda name: name.rpartition(".")[2],
)
def test_an_arrow_turned_round_is_noticed(lower: str, upper: str) -> None:
    graph = house()
    graph.add_import(importer=lower, imported=upper)
    assert (lower, upper) in upward(graph)


def test_no_file_stands_in_a_circle() -> None:
    graph = standing()
    waiting = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while free := {module for module, imports in waiting.items() if not imports & waiting.keys()}:
        waiting = {module: imports for module, imports in waiting.items() if module not in free}
    assert sorted(waiting) == []


def test_the_top_of_the_house_can_be_taken_in() -> None:
    assert len(list((ROOT / "credit").glob("*.py"))) <= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (40 if path.name == "__init__.py" else 600) or path.name in PURE_DESCRIPTIONS

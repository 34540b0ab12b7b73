"""YAML as data alone: no tags, no aliases, no key twice; each value with its line."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

MAX_BYTES = 1 << 20


class Loader(yaml.SafeLoader):
    """YAML without aliases: a few lines of them could stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain name", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def lines_of(node: yaml.Node | None, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if node is None:
        return
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from lines_of(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield from lines_of(value, (*place, i))


def read(text: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """(what a rulebook's YAML says, line of each place in it), not validated. Raises yaml.YAMLError."""
    data, lines = _read(text)
    return deepcopy(data), dict(lines)


@lru_cache(maxsize=32)
def _read(text: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        # Lines first: constructing a mapping moves merged keys about.
        lines = dict(lines_of(node))
        return (None if node is None else loader.construct_document(node)), lines
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]

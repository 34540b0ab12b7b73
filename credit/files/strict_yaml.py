"""YAML as data alone: no tags, no aliases, no merged keys, no key twice, nothing nested without end; each value with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from credit.errors import UserError

MAX_DEPTH = 50
LARGEST = 10**15
"""The largest whole number that is read, either way."""

Model = TypeVar("Model", bound=BaseModel)

Place = tuple[str | int, ...]
"""A path of keys and list positions; () is the whole document."""
Lines = dict[Place, int]
"""Place -> the line of its value, from 1."""
Types = Literal["all", "days_as_text", "text"]
"""Which scalars become more than text: `all` that YAML knows, all but days and instants, or none."""


class YamlFault(ValueError):
    """Text that is not YAML, or more than data. `line` is None where the parser does not know it."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line

    @property
    def where(self) -> str:
        """ ", line 3", or nothing."""
        return f", line {self.line}" if self.line else ""


def _without(*kinds: str) -> dict[Any, Any]:
    """The rules by which YAML takes a plain scalar for more than text, without some."""
    return {
        first: [(tag, pattern) for tag, pattern in rules if tag.rpartition(":")[2] not in kinds]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _without("merge", "value")
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.events.AliasEvent):  # type: ignore[no-untyped-call]
            # A few lines of them could stand for gigabytes.
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="tags (!name) are not allowed", problem_mark=event.start_mark)
        if self.depth == MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested too deeply, in more than {MAX_DEPTH} levels", problem_mark=event.start_mark
            )
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain name", problem_mark=key.start_mark)
            # As data they are compared, too: 1 and 0x1 are one key.
            names = {key.value, self.construct_object(key)}  # type: ignore[no-untyped-call]
            if names & keys:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            keys |= names
        return super().construct_mapping(node, deep)


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    value = int(loader.construct_yaml_int(node))  # type: ignore[no-untyped-call]
    if abs(value) > LARGEST:
        # Nothing that is counted or weighed is larger, and not all that reckons with it can.
        raise yaml.MarkedYAMLError(problem="a number of more than 15 digits", problem_mark=node.start_mark)
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


class _DaysAsText(_Loader):
    yaml_implicit_resolvers = _without("merge", "value", "timestamp")


class _Text(_Loader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 (PyYAML's own)


_LOADERS: dict[Types, type[_Loader]] = {"all": _Loader, "days_as_text": _DaysAsText, "text": _Text}


def read(text: str, types: Types = "all") -> tuple[Any, Lines]:
    """(what YAML says, line of each place in it), not validated. Raises YamlFault."""
    data, lines = _read(text, types)
    return deepcopy(data), dict(lines)


@lru_cache(maxsize=32)
def _read(text: str, types: Types) -> tuple[Any, Lines]:
    try:
        # The reader itself refuses characters that are none of YAML.
        loader = _LOADERS[types](text)
        try:
            node = loader.get_single_node()
            return (None if node is None else loader.construct_document(node)), dict(_lines(node))
        finally:
            loader.dispose()  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise YamlFault(str(error.problem), line) from None
    # Characters, numbers or days that are none.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise YamlFault(str(error)) from None


def _lines(node: yaml.Node | None, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if node is None:
        return
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield from _lines(value, (*place, i))


# --- errors by line ----------------------------------------------------------------------------------------------


def line_of(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of the innermost around it that stands in the file."""
    around = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
    return lines.get(around, 1)


def at(path: Path | str, lines: Mapping[Place, int], place: Place) -> str:
    """A place as errors name it: file, line and key."""
    return f"{path}, line {line_of(lines, place)}, {'.'.join(map(str, place)) or '(whole)'}"


def in_order(path: Path | str, lines: Mapping[Place, int], problems: Iterable[tuple[Place, str]]) -> list[str]:
    """What is wrong with a file, each with its place, by line."""
    by_line = sorted((line_of(lines, place), f"{at(path, lines, place)}: {problem}") for place, problem in problems)
    return [text for _, text in by_line]


def error_list(what: str, errors: list[str], advice: str = "") -> str:
    """All errors of a file in one message, a line each."""
    return f"{what} has {len(errors)} error{'s' * (len(errors) > 1)}{advice}:\n  " + "\n  ".join(errors)


def problems_of(error: ValidationError, unwritten: Collection[str] = ()) -> list[tuple[Place, str]]:
    """What a model says is wrong with what was read, each with its place. `unwritten`: parts of the model's places that do
    not stand in the file, such as the tag of a union."""
    return [
        (tuple(part for part in p["loc"] if part not in unwritten), str(p["msg"]).removeprefix("Value error, "))
        for p in error.errors()
    ]


def as_model(
    model: type[Model], text: str, kind: str, path: Path | str, expected: str, unwritten: Collection[str] = ()
) -> Model:
    """What YAML says as a validated `model`. Errors call the file `kind path`; `expected` is what stands at the top.

    Raises UserError naming every error with file, line and key."""
    try:
        data, lines = read(text)
    except YamlFault as fault:
        raise UserError(f"{kind} {path}{fault.where}: not usable YAML: {fault}") from None
    if not isinstance(data, dict):
        raise UserError(f"{kind} {path}: expected {expected}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(error_list(f"{kind} {path}", in_order(path, lines, problems_of(error, unwritten)))) from None

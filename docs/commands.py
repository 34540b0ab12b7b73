"""The pages of the command line, made from the command itself: `make docs` writes them.

A page a verb in docs/reference/commands/, their index, and docs/reference/exit-codes.md. Stands outside the package, in which
nothing knows the command line.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from credit.cli.main import VERBS
from credit.cli.main import command as verb_command
from credit.errors import EXIT_CODES
from credit.files import markdown

FOLDER = Path(__file__).parent / "reference"

ZH = {name: verb.zh for verbs in VERBS.values() for name, verb in verbs.items()}

_KINDS = {"Path": "PATH", "str": "TEXT", "int": "INTEGER", "float": "NUMBER"}


def commands() -> dict[str, Any]:
    """Every command by its words: `grades`, `rulebook show`; groups stand before their members."""
    listed: dict[str, Any] = {}
    for verb in ZH:
        listed[verb] = verb_command(verb)
        listed |= dict(_within(listed[verb], f"{verb} "))
    return listed


def _within(group: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield words + name, command
        yield from _within(command, f"{words}{name} ")


def members(listed: dict[str, Any], verb: str) -> dict[str, Any]:
    """The commands of a group, those of groups within it too, but not these themselves."""
    return {
        words: command
        for words, command in listed.items()
        if words.startswith(f"{verb} ") and not getattr(command, "commands", {})
    }


def options(command: Any) -> list[Any]:
    """Its options, as they are written, without `--help`."""
    return [each for each in command.params if each.param_type_name == "option" and not each.hidden]


def arguments(command: Any) -> list[Any]:
    """Its arguments."""
    return [each for each in command.params if each.param_type_name == "argument"]


def _kind(annotation: Any) -> str:
    """PATH, TEXT, a|b: what an option takes, from its type."""
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if get_origin(annotation) in (Union, UnionType, list):
        return _kind(next(each for each in get_args(annotation) if each is not type(None)))
    return _KINDS.get(getattr(annotation, "__name__", ""), "VALUE")


def _spelt(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} `{option.metavar or _kind(option.type_descriptor.annotation)}`"


def _notes(option: Any) -> str:
    notes = [option.help or ""]
    if option.required:
        notes.append("Required 必需.")
    if option.multiple:
        notes.append("Repeatable 可重复.")
    if option.default is not None and not option.is_flag and not callable(option.default) and option.default != ():
        notes.append(f"Default 默认: `{option.default}`.")
    return " ".join(notes)


def _usage(words: str, command: Any) -> str:
    parts = ["merchant-credit", words]
    parts += [f"{option.opts[0]} …" for option in options(command) if option.required]
    if any(not option.required for option in options(command)):
        parts.append("[OPTIONS]")
    for argument in arguments(command):
        name = (argument.metavar or argument.name.upper()).strip("[]").removesuffix("...")
        name += "…" if argument.nargs == -1 else ""
        parts.append(name if argument.required else f"[{name}]")
    return f"```text\n{' '.join(parts)}\n```"


def _told(text: str) -> Iterator[str]:
    """The help of a command as Markdown: its paragraphs, then its examples in one block."""
    paragraphs = [re.sub(r"\s*\n\s*", " ", part.strip()) for part in inspect.cleandoc(text).split("\n\n")]
    examples = [part.removeprefix("Example:").strip() for part in paragraphs if part.startswith("Example:")]
    yield from (part for part in paragraphs if not part.startswith("Example:"))
    if examples:
        yield "```sh\n" + "\n".join(examples) + "\n```"


def _section(words: str, command: Any) -> Iterator[str]:
    yield _usage(words, command)
    yield from _told(command.help or "")
    if listed := [(f"`{each.metavar or each.name.upper()}`", each.help or "") for each in arguments(command)]:
        yield markdown.table(("Argument 参数", ""), listed)
    if listed := [(_spelt(option), _notes(option)) for option in options(command)]:
        yield markdown.table(("Option 选项", ""), listed)


def _summary(command: Any) -> str:
    """The first sentence of its help."""
    text = re.sub(r"\s+", " ", next(iter(_told(command.help or ""))))
    return re.split(r"(?<=[.)])\s+(?=[A-Z-])|: (?=an? )", text)[0].rstrip(".")


def verb_page(verb: str) -> str:
    """All that one verb takes."""
    listed = commands()
    command = listed[verb]
    parts = [f"# {verb} {ZH[verb]}"]
    if within := members(listed, verb):
        parts += _told(command.help or "")
        for words, member in within.items():
            parts += [f"## {words}", *_section(words, member)]
    else:
        parts += _section(verb, command)
    own = [code for code in EXIT_CODES if verb in code.verbs]
    also = f" Its own 专用: {', '.join(f'`{code.number}` {code.zh} {code.en}' for code in own)}." if own else ""
    parts.append(f"[Exit codes 退出码](../exit-codes.md).{also}")
    # Help names pages as the repository has them.
    return re.sub(r"\bdocs/([\w/-]+\.md)", r"[docs/\1](../../\1)", "\n\n".join(parts)) + "\n"


def index_page() -> str:
    """The table of verbs."""
    listed = commands()
    parts = [
        "# 命令 Commands",
        "`merchant-credit VERB --help` prints what these pages say. Every verb that has a home takes `--home` behind its last word "
        "(`keys show --home ./home`); it goes before `MERCHANT_CREDIT_HOME`. `--json` prints one JSON value.",
        "所有命令的 `--home` 写在最后一个词之后，优先于环境变量 `MERCHANT_CREDIT_HOME`。",
    ]
    for group, verbs in VERBS.items():
        rows = []
        for verb, entry in verbs.items():
            names = [f"`{words.removeprefix(f'{verb} ')}`" for words in members(listed, verb)]
            about = _summary(listed[verb]) + (f": {', '.join(names)}" if names else "")
            rows.append((f"[`{verb}`](commands/{verb}.md)", entry.zh, about))
        parts += [f"## {group}", markdown.table(("Verb", "中文", "What it does"), rows)]
    listing = "\n".join(f"commands/{verb}" for verb in ZH)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{listing}\n```")
    return "\n\n".join(parts) + "\n"


def exit_codes_page() -> str:
    """The table of exit codes."""
    rows = (
        (
            f"`{code.number}`",
            code.zh,
            code.en,
            ", ".join(f"[`{verb}`](commands/{verb}.md)" for verb in code.verbs) or "all 全部",
        )
        for code in EXIT_CODES
    )
    return (
        "# 退出码 Exit codes\n\n"
        "What a scheduler goes by. An error that a user can put right is one message on standard error, with the file, row or "
        "setting, what was expected and what to do; a traceback is a defect of the program.\n\n"
        + markdown.table(("Code", "中文", "English", "Verbs"), rows)
        + "\n\nWith 3, 4 and 5 the night may be run again when the cause is gone: landing the same files again changes nothing.\n"
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": index_page,
    **{f"commands/{verb}.md": partial(verb_page, verb) for verb in ZH},
    "exit-codes.md": exit_codes_page,
}


def stale() -> list[Path]:
    """Pages of verbs that are no longer there."""
    return sorted(path for path in (FOLDER / "commands").glob("*") if f"commands/{path.name}" not in PAGES)


def main() -> None:
    """Write the pages."""
    (FOLDER / "commands").mkdir(exist_ok=True)
    for path in stale():
        path.unlink()
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

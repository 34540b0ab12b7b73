"""The generated pages of the command line: whole, and as the code says."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

import credit
from credit.cli.main import app
from credit.errors import EXIT_CODES, UserError
from credit.proof.verify import EXIT_CODES as OF_VERIFY
from credit.settings import PREFIX, Settings
from support.written import DOCS, ROOT, command_pages

pytestmark = [pytest.mark.usefixtures("shipped_rules"), pytest.mark.slow]

PAGES = command_pages()
COMMANDS = PAGES.commands()
REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("name", PAGES.PAGES)
def test_a_page_is_what_the_command_says(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES.PAGES[name](), "stale; run `make docs`"


def test_no_page_lies_there_of_a_verb_that_is_gone() -> None:
    assert PAGES.stale() == [], "run `make docs`"


def test_every_verb_has_its_place_and_its_chinese_name() -> None:
    verbs = {words.split()[0] for words in COMMANDS}
    assert set(PAGES.ZH) == verbs, "name it in VERBS of docs/commands.py"
    index = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    for verb in verbs:
        assert f"](commands/{verb}.md)" in index


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_tells_what_it_does_with_every_option(words: str) -> None:
    command = COMMANDS[words]
    page = (REFERENCE / "commands" / f"{words.split()[0]}.md").read_text(encoding="utf-8")
    assert (command.help or "").strip(), "it has no docstring"
    for option in PAGES.options(command):
        assert option.help, f"{option.opts[0]} has no help"
        for name in (*option.opts, *option.secondary_opts):
            assert f"`{name}`" in page
    for argument in PAGES.arguments(command):
        assert argument.help, f"{argument.name} has no help"


def test_every_setting_is_documented() -> None:
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    for name, about in Settings.model_fields.items():
        assert about.description
        assert f"| `{name}` | `{PREFIX}{name.upper()}` |" in page


def errors(base: type[UserError] = UserError) -> Iterator[type[UserError]]:
    yield base
    for error in base.__subclasses__():
        yield from errors(error)


def test_every_exit_code_stands_in_the_one_list() -> None:
    for module in pkgutil.walk_packages(credit.__path__, "credit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # 0 done and 1 a defect (a traceback) are the interpreter's own.
    general = {0, 1} | {error.exit_code for error in errors()}
    assert {code.number for code in EXIT_CODES if not code.verbs} == general
    assert {code.number for code in EXIT_CODES if code.verbs == ("verify",)} == set(OF_VERIFY.values()) - {0}
    assert {code.verbs for code in EXIT_CODES} == {(), ("verify",), ("status", "doctor")}


def test_no_code_is_given_that_is_not_in_the_list() -> None:
    known = {code.number for code in EXIT_CODES}
    given = {}
    for folder in ("credit", "pipelines", "expectations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number in re.findall(
                r"(?:\bexit|\bExit|exit_code =)\s*\(?(?:code=)?(\d+)", path.read_text(encoding="utf-8")
            ):
                given[int(number)] = path
    assert given.keys() <= known, given


def test_exit_codes_are_on_their_page_and_in_the_help() -> None:
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    help_text = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    assert [code.number for code in EXIT_CODES] == sorted({code.number for code in EXIT_CODES})
    for code in EXIT_CODES:
        assert f"| `{code.number}` | {code.zh} | {code.en} |" in page
        assert f"{code.number} {code.en}" in help_text

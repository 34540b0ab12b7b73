"""The pages that are written by hand: links, paths and commands in them are there, and titles stand in both languages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from credit.dictionary import anchor
from support.written import DOCS, ROOT, command_pages, documents, prose, shell_lines

DOCUMENTS = documents()
SITE = [path for path in DOCUMENTS if path.is_relative_to(DOCS)]
RECORDS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
COMMANDS = command_pages().commands()
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links(path: Path) -> Iterator[str]:
    text = prose(path.read_text(encoding="utf-8"))
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'<img src="([^"]+)"', text)


def headings(path: Path) -> set[str]:
    return {
        anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if parts.fragment:
            assert unquote(parts.fragment) in headings(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_that_are_named_are_there(path: Path) -> None:
    if path.name == "CHANGELOG.md":
        return
    text = path.read_text(encoding="utf-8")
    for named in re.findall(r"`((?:credit|pipelines|expectations|tests|benchmarks|data|docs)/[\w./-]+)`", text):
        # docs/_build is made, not kept.
        assert named.startswith("docs/_build") or (ROOT / named).exists(), f"{named} is not there"
    for named in re.findall(r"python -m ((?:credit|pipelines)[\w.]*)", text):
        module = ROOT / named.replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), f"{named} is not there"


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if "merchant-credit " in path.read_text("utf-8")], ids=name
)
def test_commands_that_are_shown_are_commands(path: Path) -> None:
    for line in shell_lines(path.read_text(encoding="utf-8")):
        for part in re.split(r"&&|\|", line):
            words = shlex.split(part.partition(">")[0], comments=True)
            if not words or words[0] != "merchant-credit":
                continue
            verb = next((verb for n in (4, 3) if (verb := " ".join(words[1:n])) in COMMANDS), words[1])
            assert verb in COMMANDS, line
            assert not getattr(COMMANDS[verb], "commands", {}), f"{line}: which of its verbs?"
            known = {"--help"} | {n for each in COMMANDS[verb].params for n in (*each.opts, *each.secondary_opts)}
            assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("path", [path for path in SITE if path.name != "commands.md"], ids=name)
def test_titles_are_in_both_languages(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    [title] = re.findall(r"^# (.+)$", prose(text), re.MULTILINE)
    assert CHINESE.search(title), title
    assert re.search(r"[A-Za-z]{2}", title), title


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            paths = (urlsplit(link).path for link in links(page) if not urlsplit(link).scheme)
            targets = ((page.parent / unquote(path)).resolve() for path in paths if path.endswith(".md"))
            waiting += [target for target in targets if target.is_relative_to(DOCS)]
    assert sorted(set(SITE) - reached) == []


def test_records_are_numbered_and_have_their_parts() -> None:
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        [(number, title, day)] = re.findall(r"\A# (\d+)\. (.+)\n\n(\d{4}-\d\d-\d\d)\n", text)
        assert int(number) == int(path.name[:4])
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["背景 Context", "决定 Decision", "结果 Consequence"]
        assert f"| {number} | [{title}]({path.name}) | {day} |" in index


def test_the_front_page_is_short_and_shows_pictures() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    for picture in ("merchant.png", "flow.svg"):
        assert f"docs/images/{picture}" in text
        assert (DOCS / "images" / picture).stat().st_size < 150_000

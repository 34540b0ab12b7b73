"""The verb `verify`: published files against the root of trust, as a reader does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit.cli.consoles import err, out
from credit.cli.options import AsJson, print_json
from credit.errors import InputError, UserError

if TYPE_CHECKING:
    from credit.proof.verify import Verdict

MAX_ROOT = 512_000
VERDICTS = {
    "valid": ("green", "有效"),
    "invalid": ("red", "无效"),
    "stale": ("yellow", "已过期"),
    "older_than_seen": ("red", "早于已见版本"),
    "other_history": ("red", "与已见版本的历史不同"),
}


def verify(
    where: Annotated[str, typer.Argument(metavar="FOLDER-or-URL", help="A published version, or published/current.")],
    root: Annotated[
        Path | None, typer.Option("--root", help="The root of trust: the platform's root.json, had by a way you trust.")
    ] = None,
    merchant: Annotated[
        str | None, typer.Option("--merchant", help="Recompute this merchant's grade from what is published.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="For a URL: read every file that is listed. A folder is always read whole.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Folder that remembers what was seen; default: the user's state folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify published files against the root of trust; a folder without any network.

    Exit codes: 0 valid, 6 invalid (names the files), 7 stale, 8 older than seen before, 11 another
    history than seen before.

    Example: merchant-credit verify ./published/current --root root.json

    Example: merchant-credit verify https://credit.example.com/current/ --root root.json --merchant M000002
    """
    from credit.proof import verify as proof

    is_url = urlsplit(where).scheme in ("http", "https") and "://" in where
    trusts_itself = root is None
    if root is not None:
        trust = _read(root)
    elif is_url:
        raise UserError("--root is needed for a URL: the platform's root.json, had by a way you trust")
    else:
        trust = _own_root(Path(where))
    memory = state or (None if trusts_itself else proof.default_state())
    if is_url:
        verdict = proof.verify_url(where, trust, memory, merchant=merchant, everything=everything)
    else:
        verdict = proof.verify_folder(Path(where), trust, memory, merchant=merchant)
    if trusts_itself:
        err.print(
            "[bold yellow]This folder trusts itself 自我信任[/bold yellow]: it is signed by a development key and no --root was "
            "given. That shows that its files fit together, not whose they are.",
            soft_wrap=True,
        )
    elif verdict.development:
        err.print(
            "[bold yellow]Development key 开发密钥[/bold yellow]: this is not an official publication.", soft_wrap=True
        )
    if as_json:
        print_json({**verdict.to_json(), "trust": "itself" if trusts_itself else "root", "of": where})
    else:
        _show(verdict)
    raise typer.Exit(verdict.exit_code)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_ROOT + 1)
    except OSError as error:
        raise UserError(f"--root {path} cannot be read: {error.strerror}; expected the platform's root.json") from None
    if len(raw) > MAX_ROOT:
        raise UserError(f"--root {path} is longer than {MAX_ROOT} bytes; expected the platform's root.json")
    return raw


def _own_root(folder: Path) -> bytes:
    """The root metadata of the folder itself, which is good for a development key alone."""
    from credit.proof.keys import is_development, parse_root

    own = folder / "tuf" / "1.root.json"
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected a published version, or published/current")
    needed = UserError(
        f"--root is needed: the platform's root.json, had by a way you trust; {folder} cannot vouch for itself"
    )
    try:
        raw = _read(own)
        development = is_development(parse_root(raw).signed)
    except Exception:  # whatever is there, it is no development root
        raise needed from None
    if not development:
        raise needed
    return raw


def _printable(text: Any) -> str:
    """Text of the files, harmless to print: it may be anybody's."""
    from credit.proof.reading import plain

    return escape(plain(str(text)))


def _show(verdict: Verdict) -> None:
    colour, zh = VERDICTS[verdict.verdict]
    out.print(f"[bold {colour}]{verdict.verdict} {zh}[/bold {colour}]", highlight=False)
    if verdict.evaluated_on:
        ends = verdict.metadata.get("expires", "")
        out.print(
            f"Night 评价日期 {_printable(verdict.evaluated_on)} · signed until 签名有效至 {ends}", highlight=False
        )
    if verdict.files:
        out.print(f"{verdict.files:,} files read and compared 已核对文件, {verdict.bytes:,} bytes", highlight=False)
    for problem in verdict.problems:
        out.print(
            f"[red]{problem.what}[/red] {_printable(problem.file)}: {_printable(problem.message)}",
            soft_wrap=True,
            highlight=False,
        )
    if verdict.problem_count > len(verdict.problems):
        out.print(f"… {verdict.problem_count - len(verdict.problems):,} more")
    if verdict.message and not verdict.problems:
        out.print(_printable(verdict.message), soft_wrap=True, highlight=False)
    if verdict.merchant:
        table = RichTable(
            title=f"{_printable(verdict.merchant['subject_id'])} · {_printable(verdict.merchant['grade'])}",
            title_justify="left",
        )
        for heading in ("Step 步骤", "Expected 应为", "Published 公示", ""):
            table.add_column(heading, overflow="fold")
        for step in verdict.merchant["steps"]:
            mark = "[green]✓[/green]" if step["ok"] else "[red]✗[/red]"
            table.add_row(
                *(_printable(text) for text in (f"{step['zh']} {step['en']}", step["expected"], step["found"])), mark
            )
        out.print(table)

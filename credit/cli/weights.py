"""The verbs `weights ahp|entropy`: proposals of weights, which change no rulebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import out
from credit.cli.options import AsJson, Day, Home, day_of, print_json
from credit.errors import UserError
from credit.evaluation.results import latest
from credit.home import open_warehouse
from credit.rulebooks import weights
from credit.rulebooks.book import Rulebook

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Propose weights for a rulebook's elements or an element's indicators; no rulebook is changed (权重建议).",
)

Ref = Annotated[str, typer.Option("--rulebook", help="Rulebook file, or id of a shipped rulebook (newest version).")]
Element = Annotated[
    str | None, typer.Option("--element", help="Weigh the indicators of this element; without it, the elements.")
]
Blend = Annotated[
    float | None, typer.Option(min=0, max=1, help="Also blend: this share of the methods' mean, the rest current.")
]
Decimals = Annotated[int, typer.Option(min=0, max=1, help="Round to whole percents (0) or to one decimal (1).")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Write the proposal to a new file: .yaml or .json.", dir_okay=False)
]
Method = tuple[dict[str, float], dict[str, Any], list[str]]
"""Shares by id, details, warnings."""


@app.command()
def ahp(
    files: Annotated[list[Path], typer.Argument(help="Pairwise comparisons, YAML or CSV: a file an expert.")],
    rulebook: Ref,
    element: Element = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Ids that are not compared keep their weights; the others share theirs.")
    ] = False,
    entropy: Annotated[bool, typer.Option("--entropy", help="Set the entropy weights of a night beside them.")] = False,
    blend: Blend = None,
    decimals: Decimals = 0,
    save: Out = None,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """By experts' pairwise comparisons (AHP 层次分析法, Saaty's scale 1 to 9), with their consistency.

    Example: merchant-credit weights ahp data/weights/counterparty.yaml --rulebook gbt-26842-enterprise --element counterparty --partial

    Example: merchant-credit weights ahp anna.csv bo.yaml --rulebook my.yaml --entropy --blend 0.5 --out proposal.yaml
    """
    if day and not entropy:
        raise UserError("--date names the night of the entropy weights; add --entropy, or leave --date out")
    book = weights.rulebook(rulebook)
    ids = list(weights.members(book, element))
    where = f"{book.label}, {f'element {element}' if element else 'elements'}"
    methods = {"ahp": weights.ahp(files, ids, partial=partial, where=where)}
    if entropy:
        methods["entropy"] = _entropy(book, element, list(methods["ahp"][0]), day, home)
    _show(book, element, methods, blend, decimals, save, home, as_json)


@app.command("entropy")
def entropy_(
    rulebook: Ref,
    element: Element = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this id out, it keeps its weight; give again for more.")
    ] = None,
    blend: Blend = None,
    decimals: Decimals = 0,
    save: Out = None,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """By how far the marks of an evaluated night (default: the latest) tell merchants apart (entropy 熵权法).

    Merchants with everything measured are used, and how many they are is said. Entropy knows what differs, not what
    matters: read it beside the experts' weights.

    Example: merchant-credit weights entropy --rulebook gbt-26842-enterprise

    Example: merchant-credit weights entropy --rulebook gbt-26842-enterprise --element operation --date 2026-11-24
    """
    book = weights.rulebook(rulebook)
    ids = weights.members(book, element)
    if unknown := [name for name in without or [] if name not in ids]:
        raise UserError(f"--without {', '.join(unknown)}: unknown; {book.label} has {', '.join(ids)}")
    weighed = [name for name in ids if name not in (without or [])]
    if len(weighed) < 2:
        raise UserError(f"{len(weighed)} ids are left to weigh; expected 2 or more of {', '.join(ids)}")
    _show(book, element, {"entropy": _entropy(book, element, weighed, day, home)}, blend, decimals, save, home, as_json)


def _entropy(book: Rulebook, element: str | None, ids: list[str], day: str | None, home: Path | None) -> Method:
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        night = latest(con, day_of(day, conf) if day else None)
        marks = weights.night_marks(con, night, book, element, ids)
        version, book_hash = con.execute(
            "SELECT rulebook_version, rulebook_hash FROM results.runs WHERE evaluated_on = ? AND rulebook = ?",
            [night, book.id],
        ).fetchall()[0]
    shares, details, warnings = weights.entropy(marks)
    if book_hash != book.hash:
        warnings.append(f"entropy: the night {night} was marked by {book.id} {version}, another text than {book.label}")
    return (
        shares,
        {"night": night.isoformat(), "marked_by": {"version": version, "hash": book_hash}, **details},
        warnings,
    )


def _show(
    book: Rulebook,
    element: str | None,
    methods: dict[str, Method],
    blend: float | None,
    decimals: int,
    save: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    proposal = weights.propose(book, element, methods, blend=blend, decimals=decimals)
    document = proposal.as_dict(day_of(None, settings.load(home=home)))
    if save:
        _write(save, document)
    if as_json:
        print_json(document)
        return
    title = f"Proposed weights 权重建议 · {book.label}{f' · {element}' if element else ''} · %"
    table = RichTable(title=title, title_justify="left")
    table.add_column("Id 名称", overflow="fold", min_width=18)
    for heading in ("Current 现行", *(part for method in proposal.proposed for part in (method, "±"))):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, now in proposal.current.items():
        cells = [f"{now:g}"]
        for proposed in proposal.proposed.values():
            change = round(proposed[name] - now, 6)
            cells += [f"{proposed[name]:g}", f"{change:+g}" if change else "="]
        table.add_row(escape(f"{name} {weights.name_of(book, element, name).zh}"), *cells)
    out.print(table)
    for method, details in proposal.details.items():
        if method == "ahp":
            files = [f"{file['file']} CR {file['consistency_ratio']:.3f}" for file in details["files"]]
            summary = (
                f"CI {details['consistency_index']:.4f}, CR {details['consistency_ratio']:.3f} ({', '.join(files)})"
            )
        elif method == "entropy":
            summary = (
                f"night {details['night']}, {details['merchants_used']:,} of {details['merchants']:,} merchants, those "
                "with everything measured"
            )
        else:
            share = details["share_of_methods"]
            summary = f"{share:g} × mean of {', '.join(details['methods'])} + {1 - share:g} × current"
        out.print(f"[dim]{method}: {escape(summary)}[/dim]", highlight=False)
    for warning in proposal.warnings:
        out.print(f"[yellow]note[/yellow] {escape(warning)}", highlight=False)
    out.print(
        f"A proposal: no rulebook was changed.{f' Written to {escape(str(save))}' if save else ''}", highlight=False
    )


def _write(path: Path, document: dict[str, Any]) -> None:
    """The proposal as a new file, never over an old one: that might be a rulebook."""
    if path.suffix == ".json":
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    elif path.suffix in (".yaml", ".yml"):
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    else:
        raise UserError(f"--out {path}: expected a name that ends in .yaml, .yml or .json")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"--out {path} is there already and is not overwritten; give another name") from None
    except OSError as error:
        raise UserError(f"--out {path} cannot be written: {error.strerror}") from None

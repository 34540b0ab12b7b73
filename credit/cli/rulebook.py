"""`merchant-credit rulebook`: the rules themselves, how they come into force, what changes, and where numbers come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, At, By, Day, Home, day_of, entering, instant_of, named_day, print_json
from credit.cli.rules import show_impact, show_life, show_rules
from credit.errors import UserError
from credit.evaluation import impact as impacts
from credit.evaluation.results import latest
from credit.files.formats import to_json
from credit.home import open_warehouse
from credit.ledgers import lifecycle, moments, steps
from credit.rulebooks import conformity as sheets
from credit.rulebooks import places
from credit.rulebooks.book import Rulebook
from credit.rulebooks.diff import diff as compare
from credit.rulebooks.reading import load, shipped, version_key
from credit.settings import Settings
from credit.warehouse.connection import zone_of

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Rulebooks: read, compare, propose, announce, enact (评价规则的制定、公布与施行).",
)

Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="A YAML file, id@version, or id: the version in force today, else the latest there is."
    ),
]
Note = Annotated[str | None, typer.Option("--note", help="A remark; published as entered.")]


@app.command("list")
def list_(home: Home = None, as_json: AsJson = False) -> None:
    """Every version of every rulebook with its state and dates.

    Example: merchant-credit rulebook list
    """
    with _ledger(settings.load(home=home)) as (ledger, zone):
        lives = [lifecycle.life_of(version, zone) for version in ledger]
    offered = lifecycle.not_adopted(ledger)
    if as_json:
        shipped_only = [
            {
                "id": book.id,
                "version": book.version,
                "hash": book.hash,
                "state": {"code": "not_adopted", "zh": "随软件提供，未采用", "en": "shipped, not adopted"},
                "announced_on": book.announced_on,
                "effective_from": book.effective_from,
            }
            for book in offered
        ]
        print_json(lives + shipped_only)
        return
    table = RichTable(title="Rulebooks 评价规则", title_justify="left")
    for heading in ("Rulebook 规则", "State 状态", "Dates 日期", "Comments 意见"):
        table.add_column(heading, no_wrap=heading[0] != "C", overflow="fold")
    for life in lives:
        announced = next((e["day"] for e in life["events"] if e["event"]["code"] == "announced"), None)
        dates = {
            "意见至": life["comments_until"],
            "公布": announced,
            "施行": life["in_force_from"],
            "替代": life["superseded_on"],
        }
        open_ = sum(not comment["answers"] for comment in life["comments"])
        table.add_row(
            f"{life['id']}@{life['version']}",
            f"{life['state']['zh']}\n{life['state']['en']}",
            "\n".join(f"{event} {day}" for event, day in dates.items() if day),
            f"{len(life['comments'])}" + (f", {open_} open 未答复" if open_ else "") if life["comments"] else "",
        )
    for book in offered:
        table.add_row(f"{book.id}@{book.version}", "随软件提供，未采用\nshipped, not adopted", "", "")
    out.print(table)


@app.command()
def show(
    ref: Ref,
    yaml: Annotated[bool, typer.Option("--yaml", help="The text as stored, byte for byte.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The rules as a person reads them, with their state, dates, comments and what became of these.

    Example: merchant-credit rulebook show gbt-26842-enterprise

    Example: merchant-credit rulebook show gbt-26842-enterprise@1.0.0 --yaml > rules.yaml
    """
    with _ledger(settings.load(home=home)) as (ledger, zone):
        book, version = _resolve(ledger, zone, ref)
        life = lifecycle.life_of(version, zone) if version else None
    if yaml:
        sys.stdout.buffer.write(book.text.encode())
        sys.stdout.buffer.flush()
    elif as_json:
        print_json({"rulebook": book.model_dump(mode="json"), "hash": book.hash, "life": life})
    else:
        show_rules(book)
        show_life(book, life)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="As REF of `show`.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="As REF of `show`.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What changes from one rulebook to another, in words and numbers.

    Example: merchant-credit rulebook diff gbt-26842-enterprise ./draft.yaml
    """
    with _ledger(settings.load(home=home)) as (ledger, zone):
        a, b = (_resolve(ledger, zone, ref)[0] for ref in (before, after))
    changes = compare(a, b)
    if as_json:
        print_json([change.to_json() for change in changes])
        return
    if not changes:
        same = "the same text" if a.hash == b.hash else "only comments or layout differ"
        out.print(f"No change of the rules: {same}. 规则内容无变化。")
        return
    table = RichTable(title=f"{escape(a.label)} → {escape(b.label)}", title_justify="left")
    for heading in ("Change 变更", "Before 原", "After 新"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        # What is new or gone as a whole is told in words; of a list that changed, the exact text matters.
        whole = change.before is None or change.after is None
        table.add_row(
            f"{escape(change.zh)}\n{escape(change.en)}",
            *(
                escape("\n".join(places.lines(value)) if whole and value is not None else places.shown(value))
                for value in (change.before, change.after)
            ),
        )
    out.print(table)


@app.command()
def impact(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="As REF of `show`.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="As REF of `show`.")],
    day: Day = None,
    limit: Annotated[int, typer.Option(min=0, help="Movers shown; --json and --out give all.")] = 15,
    to: Annotated[Path | None, typer.Option("--out", help="Write the whole report to this JSON file.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate the same night by both rulebooks: who moves, from where to where, and by which element. Nothing is kept.

    Example: merchant-credit rulebook impact gbt-26842-enterprise ./draft.yaml --date 2026-11-24
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        ledger, zone = lifecycle.versions(con), zone_of(con, conf)
        a, b = (_resolve(ledger, zone, ref)[0] for ref in (before, after))
        night = day_of(day, conf) if day else latest(con, None)
        report = impacts.impact(con, night, zone, a, b, lambda step: err.print(f"[dim]{escape(step)}[/dim]"))
    if to is not None:
        to.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(report)
    else:
        show_impact(report, limit)


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="The rulebook's YAML file.")],
    by: By,
    comments_until: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Open it for comment until this day, included."),
    ] = None,
    at: At = None,
    note: Note = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Enter a rulebook as a draft, change a draft, or open it for comment.

    Example: merchant-credit rulebook propose ./draft.yaml --by "Li Wei" --comments-until 2026-12-10
    """
    until = named_day(comments_until, "--comments-until") if comments_until else None
    with entering(home) as con:
        _report(con, steps.propose(con, file, by=by, comments_until=until, at=instant_of(at), note=note), as_json)


@app.command()
def comment(
    ref: Ref,
    by: Annotated[str, typer.Option("--by", help="Who comments; published as entered.")],
    text: Annotated[str, typer.Option("--text", help="The comment; published as entered.")],
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Enter a comment on a rulebook that is open for comment.

    Example: merchant-credit rulebook comment gbt-26842-enterprise@1.1.0 --by "Hengrui Foods" --text "35 is too much"
    """
    with _entering(home, ref) as (con, version):
        number = steps.comment(con, version.id, version.version, by=by, text=text, at=instant_of(at))
    if as_json:
        print_json({"number": number, "id": version.id, "version": version.version})
    else:
        out.print(f"Comment {number} on {escape(version.label)} entered 意见已登记")


@app.command()
def answer(
    number: Annotated[int, typer.Argument(help="The comment's number.")],
    by: By,
    outcome: Annotated[str, typer.Option("--outcome", help="adopted, partly or not_adopted.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; published as entered.")],
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Answer a comment: what becomes of it, and why.

    Example: merchant-credit rulebook answer 1 --by "Li Wei" --outcome partly --reason "30 instead of 35"
    """
    with entering(home) as con:
        _report(con, steps.answer(con, number, by=by, outcome=outcome, reason=reason, at=instant_of(at)), as_json)


@app.command()
def announce(ref: Ref, by: By, at: At = None, note: Note = None, home: Home = None, as_json: AsJson = False) -> None:
    """Announce a rulebook after its comment period; its text is fixed from then on.

    Example: merchant-credit rulebook announce gbt-26842-enterprise@1.1.0 --by "Li Wei"
    """
    with _entering(home, ref) as (con, version):
        _report(con, steps.announce(con, version.id, version.version, by=by, at=instant_of(at), note=note), as_json)


@app.command()
def enact(ref: Ref, by: By, at: At = None, note: Note = None, home: Home = None, as_json: AsJson = False) -> None:
    """Put an announced rulebook in force, in place of the version before it.

    Example: merchant-credit rulebook enact gbt-26842-enterprise@1.1.0 --by "Li Wei"
    """
    with _entering(home, ref) as (con, version):
        enacted = steps.enact(con, version.id, version.version, by=by, at=instant_of(at), note=note)
        again = [str(day) for day in lifecycle.overtaken(con, enacted)]
        _report(con, enacted, as_json, evaluate_again=again)
        if again and not as_json:
            out.print(
                "Evaluated by the rules before it; evaluate these nights again: 以下各日仍按原规则评价，请重新评价：\n"
                f"  {', '.join(again)}\n  merchant-credit evaluate --date {again[0]}",
                highlight=False,
            )


@app.command()
def conformity(
    ref: Annotated[str | None, typer.Argument(metavar="[REF]", help="As REF of `show`; default: all in force.")] = None,
    out_: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the sheet: .csv, .md or .json.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every number of a rulebook with its source, reference and line, for checking against the standard's text.

    Example: merchant-credit rulebook conformity gbt-26842-enterprise --out conformity.csv
    """
    with _ledger(settings.load(home=home)) as (ledger, zone):
        books = [_resolve(ledger, zone, id_)[0] for id_ in ([ref] if ref else _ids(ledger))]
    if out_:
        if out_.suffix not in (".csv", ".md", ".json"):
            raise UserError(f"--out {out_}: expected a name that ends in .csv, .md or .json")
        content = {
            ".csv": lambda: sheets.to_csv(books),
            ".md": lambda: "\n".join(map(sheets.to_markdown, books)).encode(),
            ".json": lambda: to_json([sheets.sheet(book) for book in books], indent=1) + b"\n",
        }[out_.suffix]()
        try:
            out_.write_bytes(content)
        except OSError as error:
            raise UserError(
                f"--out {out_} cannot be written: {error.strerror}; name a file in a folder that is there"
            ) from None
    if as_json:
        print_json([sheets.sheet(book) for book in books])
        return
    for book in books:
        rows = sheets.rows(book)
        if not out_:
            table = RichTable(title=f"{escape(book.label)} · {escape(book.standard)}", title_justify="left")
            for heading in ("Number 数值名称\n[dim]reference 依据[/dim]", "Value\n数值", "Source\n来源", "Line\n行"):
                table.add_column(heading, overflow="fold", justify="right" if heading[0] in "VL" else "left")
            for row in rows:
                reference = f"\n[dim]{escape(row.reference)}[/dim]" if row.reference else ""
                table.add_row(
                    f"{escape(row.zh)}\n{escape(row.en)}{reference}", str(row.value), row.source, str(row.line)
                )
            out.print(table)
        counts = " · ".join(
            f"{n} {source or 'none'} {sheets.SOURCES[source][0]}" for source, n in sheets.summary(rows).items()
        )
        out.print(f"{escape(book.label)}: {len(rows)} numbers 个数值: {counts}", highlight=False)
    if out_:
        out.print(f"Written 已写入: {escape(str(out_))}", soft_wrap=True, highlight=False)


# --- what the verbs share ----------------------------------------------------------------------------------------


@contextmanager
def _ledger(conf: Settings) -> Iterator[tuple[list[lifecycle.Version], str]]:
    """(the ledger, the zone); an empty ledger where there is no warehouse yet, so that rules can be read without one."""
    if not conf.database.exists():
        yield [], conf.zone or settings.DEFAULT_ZONE
        return
    with open_warehouse(conf, read_only=True) as con:
        yield lifecycle.versions(con), zone_of(con, conf)


@contextmanager
def _entering(home: Path | None, ref: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, lifecycle.Version]]:
    """The warehouse, and the version in its ledger that an argument names."""
    conf = settings.load(home=home)
    with open_warehouse(conf, make=False) as con:
        ledger = lifecycle.versions(con)
        book, version = _resolve(ledger, zone_of(con, conf), ref)
        if version is None:
            lifecycle.find(con, book.id, book.version)  # says so where it is not there at all
            raise UserError(
                f"{ref}: its text differs from {book.label} as proposed; propose the file again, or name {book.id}@{book.version}"
            )
        yield con, version


def _ids(ledger: list[lifecycle.Version]) -> list[str]:
    return sorted({version.id for version in ledger if version.last("enacted")} or {book.id for book in shipped()})


def _resolve(ledger: list[lifecycle.Version], zone: str, ref: str) -> tuple[Rulebook, lifecycle.Version | None]:
    """The rulebook an argument names, and its version in the ledger if it has this very text there."""
    id_, _, number = ref.partition("@")
    if ref.endswith((".yaml", ".yml")) or "/" in ref or Path(ref).is_file():
        book = load(Path(ref))
        return book, next((version for version in ledger if version.hash == book.hash), None)
    named = [version for version in ledger if version.id == id_ and number in ("", version.version)]
    if named:
        today = moments.now().astimezone(ZoneInfo(zone)).date()
        version = next((version for version in named if version.in_force_on(today)), named[-1])
        return version.book(), version
    if offered := [book for book in shipped() if book.id == id_ and number in ("", book.version)]:
        return max(offered, key=lambda book: version_key(book.version)), None
    names = sorted({f"{v.id}@{v.version}" for v in ledger} | {f"{book.id}@{book.version}" for book in shipped()})
    raise UserError(f"no rulebook {ref!r}; expected a YAML file or one of: {', '.join(names)}")


def _report(con: duckdb.DuckDBPyConnection, version: lifecycle.Version, as_json: bool, **more: Any) -> None:
    life = lifecycle.life_of(version, moments.zone(con))
    if as_json:
        print_json({**life, **more})
        return
    state = life["state"]
    out.print(f"{escape(version.label)}: {state['zh']} {state['en']}", highlight=False)
    if version.state in ("draft", "open"):
        for comment in version.comments:
            if not comment.answers:
                err.print(f"comment {comment.number} is not answered 意见 {comment.number} 未答复", highlight=False)

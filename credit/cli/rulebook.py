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
from credit.cli.options import AsJson, At, By, Day, Home, day_of, err, instant_of, named_day, out, print_json
from credit.errors import UserError
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.ledgers import lifecycle, moments, steps
from credit.rulebooks.book import Rulebook
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
    with _reading(settings.load(home=home)) as (known, zone):
        lives = [lifecycle.life_of(one, zone) for one in known]
    offered = lifecycle.not_adopted(known)
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
        open_ = sum(not said["answers"] for said in life["comments"])
        table.add_row(
            f"{life['id']}@{life['version']}",
            f"{life['state']['zh']}\n{life['state']['en']}",
            "\n".join(f"{what} {day}" for what, day in dates.items() if day),
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

    Example: merchant-credit rulebook show gbt-26842-enterprise@0.1.0 --yaml > rules.yaml
    """
    with _reading(settings.load(home=home)) as (known, zone):
        book, version = _resolve(known, zone, ref)
        life = lifecycle.life_of(version, zone) if version else None
    if yaml:
        sys.stdout.buffer.write(book.text.encode())
        sys.stdout.buffer.flush()
    elif as_json:
        print_json({"rulebook": book.model_dump(mode="json"), "hash": book.hash, "life": life})
    else:
        _show_rules(book)
        _show_life(book, life)


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
    from credit.rulebooks import diff as comparing
    from credit.rulebooks.places import lines, shown

    with _reading(settings.load(home=home)) as (known, zone):
        a, b = (_resolve(known, zone, ref)[0] for ref in (before, after))
    changes = comparing.diff(a, b)
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
                escape("\n".join(lines(value)) if whole and value is not None else shown(value))
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
    from credit.evaluation import impact as comparing
    from credit.evaluation.results import latest

    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        known, zone = lifecycle.versions(con), zone_of(con, conf)
        a, b = (_resolve(known, zone, ref)[0] for ref in (before, after))
        night = day_of(day, conf) if day else latest(con, None)
        found = comparing.impact(con, night, zone, a, b, lambda said: err.print(f"[dim]{escape(said)}[/dim]"))
    if to is not None:
        to.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        _show_impact(found, limit)


def _show_impact(found: dict[str, Any], limit: int) -> None:
    names = [f"{found[when]['id']}@{found[when]['version']}" for when in ("before", "after")]
    out.print(
        f"[bold]{names[0]} → {names[1]}[/bold] · {found['evaluated_on']} · trial 试算: nothing is kept, these are no grades "
        "不保存，不作为信用等级",
        highlight=False,
    )
    out.print(
        f"{found['merchants']:,} merchants 商家 · moved 变动 {found['moved']:,}: up 上升 {found['up']:,}, down 下降 "
        f"{found['down']:,}, newly rated 新获评级 {found['newly_rated']:,}, no longer rated 不再评级 "
        f"{found['no_longer_rated']:,} · mean change of score 平均分变动 {_signed(found['mean_change'])}",
        highlight=False,
    )
    rows = list(dict.fromkeys(one["before"] for one in found["transitions"]))
    order = [*found["grades"]["after"]]
    table = RichTable(title="From (rows) to (columns) 原等级（行）→ 新等级（列）", title_justify="left")
    table.add_column("")
    for grade in order:
        table.add_column(grade, justify="right")
    counted = {(one["before"], one["after"]): one["merchants"] for one in found["transitions"]}
    for grade in rows:
        cells = [(f"{counted[grade, to]:,}" if (grade, to) in counted else "") for to in order]
        table.add_row(
            grade, *(f"[bold]{cell}[/bold]" if to != grade else cell for to, cell in zip(order, cells, strict=True))
        )
    out.print(table)
    moved = "，".join(
        f"{e['name_zh']} {e['name_en']} {_signed(e['mean_change'])}"
        for e in found["elements"]
        if e["mean_change"] is not None
    )
    if moved:
        out.print(f"Mean change of points 各要素平均得分变动: {moved}", highlight=False)
    movers = found["movers"][:limit]
    if movers:
        table = RichTable(title="Movers 等级变动的商家", title_justify="left")
        for heading in ("Merchant 商家", "Grade 等级", "Score 得分", "Change 变动", "Mostly by 主要因素"):
            table.add_column(heading, overflow="fold")
        zh = {e["element"]: e["name_zh"] for e in found["elements"]}
        for one in movers:
            by = sorted(one["elements"].items(), key=lambda pair: -abs(pair[1]))[:2]
            why = [f"{zh[name]} {_signed(points)}" for name, points in by]
            for when in ("before", "after"):
                if one[f"vetoes_{when}"] and one[f"grade_{when}"] != one[f"by_score_{when}"]:
                    cap = f"{one[f'by_score_{when}']} → {one[f'grade_{when}']}"
                    why.append(f"{when} {'原' if when == 'before' else '新'}: {', '.join(one[f'vetoes_{when}'])} {cap}")
            scores = [("" if s is None else f"{s:.2f}") for s in (one["score_before"], one["score_after"])]
            table.add_row(
                escape(one["subject_id"]), f"{one['grade_before']} → {one['grade_after']}", " → ".join(scores),
                _signed(one["change"]), "\n".join(why),
            )  # fmt: skip
        out.print(table)
    if len(found["movers"]) > len(movers):
        out.print(f"{len(movers)} of {found['moved']:,} movers; --json or --out gives all")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:+.2f}"


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
    with open_warehouse(settings.load(home=home), make=False) as con:
        _done(con, steps.propose(con, file, by=by, comments_until=until, at=instant_of(at), note=note), as_json)


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

    Example: merchant-credit rulebook comment gbt-26842-enterprise@0.2.0 --by "Hengrui Foods" --text "35 is too much"
    """
    with _writing(home, ref) as (con, version):
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
    with open_warehouse(settings.load(home=home), make=False) as con:
        _done(con, steps.answer(con, number, by=by, outcome=outcome, reason=reason, at=instant_of(at)), as_json)


@app.command()
def announce(ref: Ref, by: By, at: At = None, note: Note = None, home: Home = None, as_json: AsJson = False) -> None:
    """Announce a rulebook after its comment period; its text is fixed from then on.

    Example: merchant-credit rulebook announce gbt-26842-enterprise@0.2.0 --by "Li Wei"
    """
    with _writing(home, ref) as (con, version):
        _done(con, steps.announce(con, version.id, version.version, by=by, at=instant_of(at), note=note), as_json)


@app.command()
def enact(ref: Ref, by: By, at: At = None, note: Note = None, home: Home = None, as_json: AsJson = False) -> None:
    """Put an announced rulebook in force, in place of the version before it.

    Example: merchant-credit rulebook enact gbt-26842-enterprise@0.2.0 --by "Li Wei"
    """
    with _writing(home, ref) as (con, version):
        enacted = steps.enact(con, version.id, version.version, by=by, at=instant_of(at), note=note)
        again = [str(day) for day in lifecycle.overtaken(con, enacted)]
        _done(con, enacted, as_json, evaluate_again=again)
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
    from credit.files.formats import to_json
    from credit.rulebooks import conformity as sheets

    with _reading(settings.load(home=home)) as (known, zone):
        books = [_resolve(known, zone, id_)[0] for id_ in ([ref] if ref else _ids(known))]
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
def _reading(conf: Settings) -> Iterator[tuple[list[lifecycle.Version], str]]:
    """(the ledger, the zone); an empty ledger where there is no warehouse yet, so that rules can be read without one."""
    if not conf.database.exists():
        yield [], conf.zone or settings.DEFAULT_ZONE
        return
    with open_warehouse(conf, read_only=True) as con:
        yield lifecycle.versions(con), zone_of(con, conf)


@contextmanager
def _writing(home: Path | None, ref: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, lifecycle.Version]]:
    """The warehouse, and the version in its ledger that an argument names."""
    conf = settings.load(home=home)
    with open_warehouse(conf, make=False) as con:
        known = lifecycle.versions(con)
        book, version = _resolve(known, zone_of(con, conf), ref)
        if version is None:
            lifecycle.find(con, book.id, book.version)  # says so where it is not there at all
            raise UserError(
                f"{ref}: its text differs from {book.label} as proposed; propose the file again, or name {book.id}@{book.version}"
            )
        yield con, version


def _ids(known: list[lifecycle.Version]) -> list[str]:
    return sorted({one.id for one in known if one.last("enacted")} or {book.id for book in shipped()})


def _resolve(known: list[lifecycle.Version], zone: str, ref: str) -> tuple[Rulebook, lifecycle.Version | None]:
    """The rulebook an argument names, and its version in the ledger if it has this very text there."""
    id_, _, number = ref.partition("@")
    if ref.endswith((".yaml", ".yml")) or "/" in ref or Path(ref).is_file():
        book = load(Path(ref))
        return book, next((one for one in known if one.hash == book.hash), None)
    mine = [one for one in known if one.id == id_ and number in ("", one.version)]
    if mine:
        today = moments.now().astimezone(ZoneInfo(zone)).date()
        found = next((one for one in mine if one.in_force_on(today)), mine[-1])
        return found.book(), found
    if offered := [book for book in shipped() if book.id == id_ and number in ("", book.version)]:
        return max(offered, key=lambda book: version_key(book.version)), None
    there = sorted({f"{v.id}@{v.version}" for v in known} | {f"{book.id}@{book.version}" for book in shipped()})
    raise UserError(f"no rulebook {ref!r}; expected a YAML file or one of: {', '.join(there)}")


def _done(con: duckdb.DuckDBPyConnection, version: lifecycle.Version, as_json: bool, **more: Any) -> None:
    life = lifecycle.life_of(version, moments.zone(con))
    if as_json:
        print_json({**life, **more})
        return
    state = life["state"]
    out.print(f"{escape(version.label)}: {state['zh']} {state['en']}", highlight=False)
    if version.state in ("draft", "open"):
        for said in version.comments:
            if not said.answers:
                err.print(f"comment {said.number} is not answered 意见 {said.number} 未答复", highlight=False)


def _show_rules(book: Rulebook) -> None:
    out.print(f"[bold]{escape(book.title.zh)} {escape(book.title.en)}[/bold]", highlight=False)
    out.print(
        f"{escape(book.label)} · {escape(book.standard)} · {book.subject.kind} {book.subject.role}", highlight=False
    )
    out.print(f"SHA-256 {book.hash[:12]}", highlight=False)
    table = RichTable()
    for heading in (
        "Element, indicator 要素、指标\n[dim]curve 计分曲线 · source 来源[/dim]",
        "Weight\n权重",
        "Strength\n先验强度",
        "Days\n天",
    ):
        table.add_column(heading, justify="left" if heading[0] == "E" else "right")
    for element in book.elements:
        name = escape(f"{element.name.zh} {element.name.en}")
        table.add_row(f"[bold]{name}[/bold] [dim]· {element.source}[/dim]", f"[bold]{element.weight:g}[/bold]", "", "")
        for rule in element.indicators:
            of = CATALOGUE[rule.id].name
            curve = " ".join(f"{x:g}→{mark:g}" for x, mark in rule.curve)
            table.add_row(
                f"  {of.zh} {of.en}\n  [dim]{curve} · {rule.source} {escape(rule.reference or '')}[/dim]",
                f"{rule.weight:g}",
                f"{rule.strength:g}" if rule.strength else "",
                str(book.window(rule)),
            )
        table.add_section()
    out.print(table)
    grades = RichTable(title="Grades 信用等级", title_justify="left")
    for heading in ("Grade 等级", "From 最低得分", "Meaning 含义"):
        grades.add_column(heading)
    for level in book.grades.levels:
        grades.add_row(level.grade, f"{level.at_least:g}", f"{escape(level.meaning.zh)} {escape(level.meaning.en)}")
    out.print(grades)
    out.print(
        f"Rated from 评级最低要求: {book.minimum.orders.value:g} orders 订单 · evidence 证据度 {book.minimum.evidence.value:g}",
        highlight=False,
    )
    _show_rest(book)


_SHOWN = {
    "id", "version", "standard", "title", "subject", "announced_on", "effective_from", "window_days", "minimum",
    "elements", "grades",
}  # fmt: skip


def _show_rest(book: Rulebook) -> None:
    """Sections that have no table of their own, line by line, each line with its source."""
    from credit.files.strict_yaml import read
    from credit.rulebooks import places

    def said(text: str, of: Any) -> None:
        ground = (
            " ".join(str(of[key]) for key in ("source", "reference") if of.get(key)) if isinstance(of, dict) else ""
        )
        out.print(escape(text) + (f" [dim]· {escape(ground)}[/dim]" if ground else ""), highlight=False)

    data = read(book.text)[0]
    rest = {key: part for key, part in data.items() if key not in _SHOWN}
    vetoes = rest.pop("vetoes", None) or []
    for place, value in places.leaves(rest):
        if place[-1] not in ("source", "reference"):
            zh, en = places.full_name(data, place)
            said(f"{zh} · {en}: {places.shown(value)}", places.at(data, place[:-1]))
    if vetoes:
        out.print("[bold]一票否决 Vetoes[/bold]")
    for item in vetoes:
        if sentence := places.veto(item):
            when = places.condition(item) or ("", "")
            zh, en = (f"{text} ({why})" if why else text for text, why in zip(sentence, when, strict=True))
            out.print(f"  {escape(zh)}", highlight=False)
            said(f"  {en}", item)


def _show_life(book: Rulebook, life: dict[str, Any] | None) -> None:
    out.print(
        f"Announced on 公布日期 {book.announced_on} · effective from 施行日期 {book.effective_from}", highlight=False
    )
    if life is None:
        out.print("[yellow]not in the ledger of this home[/yellow] 未列入本平台规则台账")
        return
    state = life["state"]
    until = f" · until 至 {life['superseded_on']}" if life["superseded_on"] else ""
    out.print(f"State 状态: [bold]{state['zh']} {state['en']}[/bold]{until}", highlight=False)
    note = None
    for event in life["events"]:
        entered = event["entered"]
        # Who entered what was shipped says so already.
        late = "" if entered["code"] in ("as_it_happened", "as_shipped") else f" · {entered['zh']} {entered['en']}"
        if event["recorded_at"]:
            late += f" {event['recorded_at']}"
        what = f"{event['event']['zh']} {event['event']['en']}"
        period = f" · comments until 征求意见至 {event['comments_until']}" if event["comments_until"] else ""
        out.print(f"  {event['at']}  {what}{period} · {escape(event['by'])}{late}", highlight=False, soft_wrap=True)
        if event["note"] and event["note"] != note:
            out.print(f"    {escape(event['note'])}", highlight=False)
        note = event["note"]
    for said in life["comments"]:
        out.print(
            f"  Comment 意见 {said['number']} · {escape(said['author'])}: {escape(said['text'])}", highlight=False
        )
        for reply in said["answers"]:
            outcome = f"{reply['outcome']['zh']} {reply['outcome']['en']}"
            out.print(f"    {outcome} · {escape(reply['by'])}: {escape(reply['reason'])}", highlight=False)
        if not said["answers"]:
            out.print("    [yellow]not answered[/yellow] 未答复")

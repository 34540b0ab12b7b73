"""Rules, their life, and the impact of a change of them on a terminal: Chinese and English."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table as RichTable

from credit.cli.consoles import out
from credit.files.strict_yaml import read
from credit.indicators import CATALOGUE
from credit.rulebooks import places
from credit.rulebooks.book import Rulebook


def show_rules(book: Rulebook) -> None:
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
            indicator = CATALOGUE[rule.id].name
            curve = " ".join(f"{x:g}→{mark:g}" for x, mark in rule.curve)
            table.add_row(
                f"  {indicator.zh} {indicator.en}\n  [dim]{curve} · {rule.source} {escape(rule.reference or '')}[/dim]",
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


_IN_TABLES = {
    "id", "version", "standard", "title", "subject", "announced_on", "effective_from", "window_days", "minimum",
    "elements", "grades",
}  # fmt: skip


def _show_rest(book: Rulebook) -> None:
    """Sections that have no table of their own, line by line, each line with its source."""

    def line(text: str, block: Any) -> None:
        ground = ""
        if isinstance(block, dict):
            ground = " ".join(str(block[key]) for key in ("source", "reference") if block.get(key))
        out.print(escape(text) + (f" [dim]· {escape(ground)}[/dim]" if ground else ""), highlight=False)

    data = read(book.text)[0]
    rest = {key: part for key, part in data.items() if key not in _IN_TABLES}
    vetoes = rest.pop("vetoes", None) or []
    for place, value in places.leaves(rest):
        if place[-1] not in ("source", "reference"):
            zh, en = places.full_name(data, place)
            line(f"{zh} · {en}: {places.shown(value)}", places.at(data, place[:-1]))
    if vetoes:
        out.print("[bold]一票否决 Vetoes[/bold]")
    for item in vetoes:
        if sentence := places.veto(item):
            when = places.condition(item) or ("", "")
            zh, en = (f"{text} ({why})" if why else text for text, why in zip(sentence, when, strict=True))
            out.print(f"  {escape(zh)}", highlight=False)
            line(f"  {en}", item)


def show_life(book: Rulebook, life: dict[str, Any] | None) -> None:
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
        name = f"{event['event']['zh']} {event['event']['en']}"
        period = f" · comments until 征求意见至 {event['comments_until']}" if event["comments_until"] else ""
        out.print(f"  {event['at']}  {name}{period} · {escape(event['by'])}{late}", highlight=False, soft_wrap=True)
        if event["note"] and event["note"] != note:
            out.print(f"    {escape(event['note'])}", highlight=False)
        note = event["note"]
    for comment in life["comments"]:
        author, text = escape(comment["author"]), escape(comment["text"])
        out.print(f"  Comment 意见 {comment['number']} · {author}: {text}", highlight=False)
        for answer in comment["answers"]:
            outcome = f"{answer['outcome']['zh']} {answer['outcome']['en']}"
            out.print(f"    {outcome} · {escape(answer['by'])}: {escape(answer['reason'])}", highlight=False)
        if not comment["answers"]:
            out.print("    [yellow]not answered[/yellow] 未答复")


def show_impact(impact: dict[str, Any], limit: int) -> None:
    before, after = (f"{impact[when]['id']}@{impact[when]['version']}" for when in ("before", "after"))
    out.print(
        f"[bold]{before} → {after}[/bold] · {impact['evaluated_on']} · trial 试算: nothing is kept, these are no grades "
        "不保存，不作为信用等级",
        highlight=False,
    )
    out.print(
        f"{impact['merchants']:,} merchants 商家 · moved 变动 {impact['moved']:,}: up 上升 {impact['up']:,}, down 下降 "
        f"{impact['down']:,}, newly rated 新获评级 {impact['newly_rated']:,}, no longer rated 不再评级 "
        f"{impact['no_longer_rated']:,} · mean change of score 平均分变动 {_signed(impact['mean_change'])}",
        highlight=False,
    )
    rows = list(dict.fromkeys(transition["before"] for transition in impact["transitions"]))
    order = [*impact["grades"]["after"]]
    table = RichTable(title="From (rows) to (columns) 原等级（行）→ 新等级（列）", title_justify="left")
    table.add_column("")
    for grade in order:
        table.add_column(grade, justify="right")
    counted = {
        (transition["before"], transition["after"]): transition["merchants"] for transition in impact["transitions"]
    }
    for grade in rows:
        cells = [(f"{counted[grade, to]:,}" if (grade, to) in counted else "") for to in order]
        table.add_row(
            grade, *(f"[bold]{cell}[/bold]" if to != grade else cell for to, cell in zip(order, cells, strict=True))
        )
    out.print(table)
    moved = "，".join(
        f"{e['name_zh']} {e['name_en']} {_signed(e['mean_change'])}"
        for e in impact["elements"]
        if e["mean_change"] is not None
    )
    if moved:
        out.print(f"Mean change of points 各要素平均得分变动: {moved}", highlight=False)
    movers = impact["movers"][:limit]
    if movers:
        table = RichTable(title="Movers 等级变动的商家", title_justify="left")
        for heading in ("Merchant 商家", "Grade 等级", "Score 得分", "Change 变动", "Mostly by 主要因素"):
            table.add_column(heading, overflow="fold")
        zh = {e["element"]: e["name_zh"] for e in impact["elements"]}
        for mover in movers:
            by = sorted(mover["elements"].items(), key=lambda pair: -abs(pair[1]))[:2]
            why = [f"{zh[name]} {_signed(points)}" for name, points in by]
            for when in ("before", "after"):
                if mover[f"vetoes_{when}"] and mover[f"grade_{when}"] != mover[f"by_score_{when}"]:
                    cap = f"{mover[f'by_score_{when}']} → {mover[f'grade_{when}']}"
                    why.append(
                        f"{when} {'原' if when == 'before' else '新'}: {', '.join(mover[f'vetoes_{when}'])} {cap}"
                    )
            scores = [("" if s is None else f"{s:.2f}") for s in (mover["score_before"], mover["score_after"])]
            table.add_row(
                escape(mover["subject_id"]), f"{mover['grade_before']} → {mover['grade_after']}", " → ".join(scores),
                _signed(mover["change"]), "\n".join(why),
            )  # fmt: skip
        out.print(table)
    if len(impact["movers"]) > len(movers):
        out.print(f"{len(movers)} of {impact['moved']:,} movers; --json or --out gives all")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:+.2f}"

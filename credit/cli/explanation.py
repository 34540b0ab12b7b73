"""`explain`: why a merchant has its grade. On a terminal in Chinese and English, tables first, then what can be done."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from credit import settings
from credit.cli.consoles import out
from credit.cli.options import AsJson, Day, Home, day_of, print_json
from credit.disclosure.documents import STANDINGS
from credit.evaluation.explain import explain as explained
from credit.home import open_warehouse

ROWS = 20
"""Rows that are named; --json gives all."""


def explain(
    merchant: Annotated[str, typer.Argument(help="The merchant's subject_id.")],
    rows: Annotated[
        bool, typer.Option("--rows", help="With the ids of the rows behind each number: for the merchant itself.")
    ] = False,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Why a merchant has its grade: each point back to counts, curve and rule; the three changes that would raise it
    with the least effort, what time alone will do, and what moved it since the last evaluation.

    Example: merchant-credit explain 53243585a1d6dc2643021fd1853d8905 --json
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        explanation = explained(con, conf, merchant, day_of(day, conf) if day else None, rows=rows)
    if as_json:
        print_json(explanation)
    else:
        show_explanation(explanation, out)


def number(value: float | None) -> str:
    """A number for people: whole ones whole, others to four digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:,.4g}"


def show_explanation(explanation: dict[str, Any], out: Console) -> None:
    """Print an explanation as `credit.evaluation.explain.explain` gives it."""
    _head(explanation, out)
    _elements(explanation, out)
    _to_raise(explanation, out)
    _outlook(explanation, out)
    _since_last(explanation, out)
    _listings(explanation, out)
    _findings(explanation, out)
    _objections(explanation, out)


def _head(explanation: dict[str, Any], out: Console) -> None:
    meaning = f" · {explanation['meaning']['zh']} {explanation['meaning']['en']}" if explanation["meaning"] else ""
    score = "not rated 未评级" if explanation["score"] is None else f"{explanation['score']:.4f} of 100"
    out.print(
        f"[bold]{escape(explanation['subject_id'])}[/bold] · {explanation['evaluated_on']} · [bold]{explanation['grade']}[/bold]{meaning}",
        highlight=False,
    )
    out.print(
        f"score 得分 {score} · evidence 证据 {explanation['evidence']:.2f} · {explanation['rulebook']} {explanation['rulebook_version']}",
        highlight=False,
    )
    marks = {
        "provisional": "provisional: rated on little 临时等级：证据较少",
        "dormant": "dormant: no order for long 休眠：较长时间没有订单",
        "self_operated": "operated by the platform itself 平台自营",
    }
    for name, text in marks.items():
        if explanation[name]:
            out.print(f"[yellow]{text}[/yellow]")
    if explanation["not_rated"]:
        out.print(
            f"[yellow]not rated 未评级[/yellow] {explanation['not_rated']['zh']} · {explanation['not_rated']['en']}"
        )
    for veto in explanation["vetoes"]:
        effect = ("fixed at 定为" if veto["effect"] == "fixed" else "at most 不高于") + f" {veto['grade']}"
        out.print(f"[red]{effect}[/red] {veto['name_zh']} {veto['name_en']}: {veto['improve_zh']} {veto['improve_en']}")
    if explanation["grade_held"] != explanation["grade_by_score"]:
        out.print(
            f"by score {explanation['grade_by_score']}, held at {explanation['grade_held']}: past the edge "
            f"{abs(explanation['past_edge'])} time(s) of late 按得分为 {explanation['grade_by_score']}，暂维持 {explanation['grade_held']}",
            highlight=False,
        )
    if note := STANDINGS[explanation["standing"]]:
        out.print(f"[yellow]{explanation['standing']}[/yellow] {note['zh']} {note['en']}")


def _elements(explanation: dict[str, Any], out: Console) -> None:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Element and indicator\n要素与指标", width=23, overflow="fold")
    for heading in ("Value\n值", "Counts\n计数", "Mark\n分值", "Weight\n权重", "Points\n得分", "Peers\n同行"):
        table.add_column(heading, justify="right", no_wrap=True)
    for element in explanation["elements"]:
        if not element["effective_weight"]:
            continue
        table.add_row(
            f"[bold]{element['name_zh']} {element['name_en']}[/bold]", "", "", "",
            f"[bold]{element['effective_weight']:.1%}[/bold]", f"[bold]{element['points']:.2f}[/bold]", "",
        )  # fmt: skip
        for i in element["indicators"]:
            if i["state"] != "measured":
                continue
            counts = f"{i['numerator']:,.4g}/{i['denominator']:,.4g}" if i["denominator"] else ""
            table.add_row(
                f"  {i['name_zh']} {i['name_en']}", number(i["value"]), counts, f"{i['mark']:.1f}", f"{i['weight']:.1%}",
                f"{i['points']:.2f}", f"{i['peers']['percentile']:.0f} %" if i["peers"] else "",
            )  # fmt: skip
        table.add_section()
    out.print(table)
    out.print(
        "[dim]Peers 同行: share of comparable merchants with a lower mark, equal ones half 分值低于本商家的同类商家占比，相同的计半[/dim]"
    )
    states = {
        "missing": "No evidence, no part in the score 缺少证据，不计分",
        "not_applicable": "Not applicable 不适用",
    }
    for state, title in states.items():
        names = []
        for element in explanation["elements"]:
            here = [f"{i['name_zh']} {i['name_en']}" for i in element["indicators"] if i["state"] == state]
            whole = len(here) == len(element["indicators"])
            names += [f"{element['name_zh']} {element['name_en']} (all {len(here)} 全部)"] if whole else here
        if names:
            out.print(f"[dim]{title}: {'，'.join(names)}[/dim]", highlight=False)
    for i in (i for element in explanation["elements"] for i in element["indicators"]):
        for rows in i.get("rows") or []:
            ids = rows["ids"][:ROWS]
            more = f" … {rows['total']:,} in all, --json gives them" if rows["total"] > len(ids) else ""
            part = "counted 计入" if rows["part"] == "numerator" else "out of 分母中其余"
            out.print(f"  {i['name_zh']} · {rows['table']}, {part}: {escape(', '.join(ids))}{more}", highlight=False)


def _to_raise(explanation: dict[str, Any], out: Console) -> None:
    ahead, plan = explanation["next_grade"], explanation["to_raise"]
    if explanation["vetoes"] and not ahead and explanation["grade"] != "NR":
        out.print(
            "\n[bold]No points raise the grade while the veto holds; end its cause first.[/bold] 否决或限级事项解除前，得分提高不能提升等级。"
        )
        return
    if not ahead:
        return
    out.print(
        f"\n[bold]Next grade 上一等级 {ahead['grade']}[/bold] from {ahead['at_least']:g}: {ahead['missing_points']:.2f} points to go; "
        f"at once from {ahead['to_pass']:g}, or once past the edge in {ahead['evaluations']} of the last {ahead['of_evaluations']} evaluations "
        f"距该等级 {ahead['missing_points']:.2f} 分",
        highlight=False,
    )
    for change in plan["changes"]:
        rows = f" ({change['rows']} rows 件)" if change["rows"] else ""
        enough = "enough 足够" if change["suffices"] else "not enough alone 单项不足"
        out.print(
            f"  · {change['name_zh']} {change['name_en']}: {number(change['value'])} → {number(change['goal'])}{rows}, "
            f"+{change['gain']:.2f} → {change['score_after']:.2f}, {enough}\n    {change['improve_zh']} {change['improve_en']}",
            highlight=False,
        )
    if plan["changes"]:
        out.print(f"  all of them 合计: {plan['together']:.2f}", highlight=False)


def _outlook(explanation: dict[str, Any], out: Console) -> None:
    out.print("\n[bold]If nothing new happens 若无新情况[/bold]")
    for ahead in explanation["outlook"]:
        score = ahead["not_rated_reason"] or f"{ahead['score']:.2f}"
        moves = "，".join(f"{move['name_zh']} {move['name_en']} {move['points']:+.2f}" for move in ahead["moves"])
        out.print("  " + " · ".join(filter(None, (ahead["on"], ahead["grade"], score, moves))), highlight=False)


def _since_last(explanation: dict[str, Any], out: Console) -> None:
    last = explanation["since_last"]
    if not last:
        return
    score = "" if last["score"] is None else f", {last['score']:.2f}"
    out.print(
        f"\n[bold]Since 自 {last['evaluated_on']}[/bold] ({last['grade']}{score}): {last['change']:+.4f} = "
        f"behaviour 行为 {last['behaviour']:+.4f} · old facts leaving 旧记录退出 {last['decay']:+.4f} · "
        f"platform averages 平台均值 {last['platform']:+.4f} · rule change 规则变更 {last['rules']:+.4f}",
        highlight=False,
    )
    for move in last["indicators"]:
        out.print(f"  {move['name_zh']} {move['name_en']} {move['points']:+.4f}", highlight=False)


def _objections(explanation: dict[str, Any], out: Console) -> None:
    objections = explanation["objections"]
    if not any(objections[part] for part in ("open", "decided", "adjustments")):
        return
    out.print("\n[bold]Objections and corrections 异议与更正[/bold]")
    for objection in objections["open"] + objections["decided"]:
        about, state = objection["about"], objection.get("outcome") or {"zh": "处理中", "en": "open"}
        reason = f": {escape(objection['reason'])}" if objection.get("reason") else ""
        out.print(
            f"  {objection['number']} · {about['zh']} {about['en']} · {state['zh']} {state['en']}{reason}",
            highlight=False,
        )
    for adjustment in objections["adjustments"][:ROWS]:
        column, value = adjustment["column"], adjustment["value"] or "blank 空"
        effect = f"{column} → {value}" if column else "left out 剔除"
        out.print(f"  {escape(adjustment['row'])}: {escape(effect)}", highlight=False)
    if (more := len(objections["adjustments"]) - ROWS) > 0:
        out.print(f"  … {more} more, --json gives them 其余见 --json")
    if objections["pending"]:
        out.print(
            f"[yellow]Corrected since it was evaluated[/yellow]: run `merchant-credit evaluate --date {explanation['evaluated_on']}` "
            "事实已更正，尚未重新评价",
            highlight=False,
        )


def _listings(explanation: dict[str, Any], out: Console) -> None:
    shown = explanation["listings"]
    if not shown or not shown["on_sale"]:
        return
    out.print(
        f"\n[bold]Information on products 商品信息[/bold]: {shown['complete']:,} of {shown['on_sale']:,} listings on sale are complete, "
        f"{shown['fields_shown']:,} of {shown['fields_asked']:,} fields shown 在售商品中信息完整 {shown['complete']:,}/{shown['on_sale']:,}",
        highlight=False,
    )
    for listing in shown["lacking"][:ROWS]:
        fields = "，".join(f"{field['zh']} {field['en']}" for field in listing["fields"])
        name = f"{listing['listing_id']} {listing['name'] or ''}".rstrip()
        out.print(f"  {escape(name)}: lacks 缺少 {fields}", highlight=False)
    if (more := len(shown["lacking"]) - ROWS) > 0:
        out.print(f"  … {more:,} more, --json gives them 其余见 --json")


def _findings(explanation: dict[str, Any], out: Console) -> None:
    if not explanation["findings"]:
        return
    out.print("\n[bold]Manipulation upheld 经认定的操纵行为[/bold]")
    for finding in explanation["findings"]:
        matter = finding["violation"] or {"zh": "不真实的评价", "en": "reviews that are not genuine"}
        object_to = f" · object to 异议对象 {finding['object_to']}" if finding["object_to"] else ""
        out.print(
            f"  {finding['upheld_on']} · {matter['zh']} {matter['en']}: {escape(finding['reason'])} · "
            f"{finding['transactions']} transactions and {finding['reviews']} reviews do not count since 自该日起不计入 "
            f"{finding['from_day']}{object_to}",
            highlight=False,
        )
        for row in finding.get("rows", [])[:ROWS]:
            out.print(f"    {escape(row)}", highlight=False)

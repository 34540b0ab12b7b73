"""The verb `watch`: merchants whose risk rises, and what of the platform's own evidence and actions is due."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import out
from credit.cli.entries import entry_table
from credit.cli.options import AsJson, Day, Home, day_of, print_json
from credit.home import open_warehouse
from credit.ledgers import assessments
from credit.ledgers.assessments import Reminder


def watch(
    day: Day = None,
    least: Annotated[float | None, typer.Option(help="Lowest risk that is listed; default: the alarm.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most; --json has all.")] = 20,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Merchants whose risk rises (风险预警), highest first, with reasons; for a person to look into, no part of a grade.
    And evidence of the platform's own assessment that ends within 30 days or is over, corrective actions due or overdue.

    Example: merchant-credit watch --date 2026-11-24
    """
    from credit.integrity import warning  # SciPy: half a second that no other verb need wait for

    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        rising = warning.watch(con, conf, on, least=warning.ALARM if least is None else least)
        reminders = assessments.reminders(con, on)
    if as_json:
        print_json(
            {
                "merchants": [merchant.document() for merchant in rising],
                "reminders": [dataclasses.asdict(reminder) for reminder in reminders],
            }
        )
        return
    table = RichTable(title=f"Rising risk 风险预警 · {on}", title_justify="left")
    table.add_column("Merchant 主体")
    table.add_column("Risk 风险", justify="right")
    table.add_column("Reasons 理由", overflow="fold")
    for merchant in rising[:limit]:
        reasons = "\n".join(f"{warning.KINDS[r.kind][0]}：{r.zh()}。\n{r.en()}." for r in merchant.reasons)
        table.add_row(escape(merchant.subject_id), f"{merchant.risk:.1f}", escape(reasons))
        table.add_section()
    if rising:
        out.print(table)
        more = f", {len(rising) - limit:,} more: --limit" if len(rising) > limit else ""
        out.print(f"{len(rising):,} merchants{more} · advisory 仅供参考", highlight=False)
    else:
        out.print("No merchant's risk is that high 没有达到预警线的商家")
    _show_reminders(reminders)


def _show_reminders(reminders: list[Reminder]) -> None:
    """What of evidence and corrective actions is due, nothing where nothing is."""
    if not reminders:
        return
    table = entry_table(
        "The platform's own evidence and actions 平台自评的证据与措施", "What 事项", "Title 内容", "Person 责任人", "Until 期限",
        "Days 天数", wraps=("Title 内容",),
    )  # fmt: skip
    names = {"evidence": "evidence 证据", "action": "action 措施"}
    for each in reminders:
        days = f"{each.days}" if each.days >= 0 else f"[red]{each.days} overdue 逾期[/red]"
        title = "\n".join((each.title, *each.targets))
        cells = (f"{names[each.about]} {each.number}", title, each.person, str(each.on))
        table.add_row(*map(escape, cells), days)
    out.print(table)

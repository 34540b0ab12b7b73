"""The verb `watch`: merchants whose risk rises."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.options import AsJson, Day, Home, day_of, out, print_json
from credit.home import open_warehouse


def watch(
    day: Day = None,
    least: Annotated[float | None, typer.Option(help="Lowest risk that is listed; default: the alarm.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most; --json has all.")] = 20,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Merchants whose risk rises (风险预警), highest first, with reasons; for a person to look into, no part of a grade.

    Example: merchant-credit watch --date 2026-11-24
    """
    from credit.integrity import warning  # SciPy: half a second that no other verb need wait for

    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, read_only=True) as con:
        rising = warning.watch(con, conf, on, least=warning.ALARM if least is None else least)
    if as_json:
        print_json([merchant.document() for merchant in rising])
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

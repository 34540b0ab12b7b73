"""`grades`: who has which grade."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.night_report import STANDINGS
from credit.cli.options import AsJson, Day, Home, day_of, print_json
from credit.errors import UserError
from credit.evaluation.results import grade_list, latest
from credit.home import open_warehouse


def grades(
    grade: Annotated[
        list[str] | None, typer.Option("--grade", metavar="GRADE", help="Only this grade; give again for more.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="enterprise or individual.")] = None,
    role: Annotated[str, typer.Option(help="seller, or buyer: buyers who are subjects; never published.")] = "seller",
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table; --json gives all.")] = 20,
    day: Day = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List grades of the latest evaluation, or of --date, best first.

    Example: merchant-credit grades --grade CCC --grade D

    Example: merchant-credit grades --json > grades.json
    """
    conf = settings.load(home=home)
    with open_warehouse(conf, read_only=True) as con:
        evaluated = latest(con, day_of(day, conf) if day else None)
        rows = grade_list(con, evaluated, role)
    if role not in ("seller", "buyer"):
        raise UserError(f"--role {role!r}: expected seller or buyer")
    if kind and kind not in ("enterprise", "individual"):
        raise UserError(f"--kind {kind!r}: expected enterprise or individual")
    if grade and (unknown := set(grade) - {row["grade"] for row in rows}):
        known = ", ".join(sorted({row["grade"] for row in rows}))
        err.print(f"nobody has grade {', '.join(sorted(unknown))} that day; grades given: {known}")
    rows = [row for row in rows if (not grade or row["grade"] in grade) and (not kind or row["subject_kind"] == kind)]
    if as_json:
        print_json(rows)
        return
    for standing in sorted({row["standing"] for row in rows} & set(STANDINGS)):
        out.print(f"[yellow]{standing}[/yellow] {STANDINGS[standing]}")
    show_grades(rows, f"Credit grades 信用等级 · {evaluated}", limit)


def show_grades(rows: list[dict[str, Any]], title: str, limit: int) -> None:
    table = RichTable(title=title, title_justify="left")
    for heading in ("Merchant\n主体", "Kind\n类型", "Grade\n等级", "Score\n得分", "Evidence\n证据度", "Marks\n标注"):
        number, marks = heading[:5] in ("Score", "Evide"), heading[:5] == "Marks"
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=not marks)
    for row in rows[:limit]:
        table.add_row(
            escape(row["subject_id"]),
            row["subject_kind"],
            row["grade"],
            "" if row["score"] is None else f"{row['score']:.2f}",
            f"{row['evidence']:.2f}",
            escape(" · ".join(_marks(row))),
        )
    out.print(table)
    if len(rows) > limit:
        out.print(f"{limit} of {len(rows):,} merchants; --limit shows more, --json all")


def _marks(row: dict[str, Any]) -> list[str]:
    """The marks beside a grade: why there is none, what caps it, and the kind of merchant."""
    marks = [row["not_rated_reason"]] if row["not_rated_reason"] else []
    marks += [v if isinstance(v, str) else v["id"] for v in row["vetoes"] or []]
    names = {"provisional": "provisional 临时", "dormant": "dormant 休眠", "self_operated": "self-operated 自营"}
    return marks + [text for name, text in names.items() if row[name]]

"""The report of a night in the terminal."""

from __future__ import annotations

from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from credit.cli.consoles import out
from credit.files.text import printable

QUARANTINE_ROWS = 10
STANDINGS = {
    "replay": "the rulebook was not in force that day 回溯计算：规则当日未施行",
    "trial": "the rulebook is not in force, these are no grades 试算：规则未施行，结果不作为信用等级",
}


def standing_note(report: dict[str, Any]) -> str:
    """The rulebooks that graded somebody without being in force that day, with the meaning of that; empty where none did."""
    notes = []
    for standing, meaning in STANDINGS.items():
        books = [
            f"{book['id']} {book['version']}"
            for book in report.get("rulebooks") or []
            if book["standing"] == standing and book["subjects"]
        ]
        if books:
            notes.append(f"{standing} ({', '.join(books)}): {meaning}")
    return "; ".join(notes)


def show_report(report: dict[str, Any], console: Console | None = None) -> None:
    """The report of a night (or of one step) as tables for a person."""
    console = console or out
    if report.get("sources"):
        table = RichTable(title="Rows 数据行", title_justify="left")
        for heading in ("Source 来源", "Read 读取", "Accepted 接收", "Quarantined 隔离"):
            table.add_column(heading, justify="left" if heading[0] == "S" else "right")
        for name, numbers in report["sources"].items():
            table.add_row(name, *(f"{numbers[column]:,}" for column in ("read", "accepted", "quarantined")))
        console.print(table)
    if report.get("quarantine"):
        table = RichTable(title="Quarantine 隔离原因", title_justify="left")
        for heading in ("Source", "Reason code", "Rows", "For example"):
            justify: Literal["left", "right"] = "right" if heading == "Rows" else "left"
            table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading != "For example")
        frequent = sorted(report["quarantine"], key=lambda entry: -entry["rows"])[:QUARANTINE_ROWS]
        for entry in frequent:
            table.add_row(entry["source"], entry["code"], f"{entry['rows']:,}", escape(printable(entry["example"])))
        console.print(table)
        if len(report["quarantine"]) > len(frequent):
            console.print(
                f"[dim]the {len(frequent)} most frequent of {len(report['quarantine'])} reasons; --json gives all, "
                "the rows are in quarantine.rows of the warehouse[/dim]"
            )
    warnings = [
        finding["message"]
        for verdict in (report.get("checks") or {}).values()
        for checked in verdict["tables"].values()
        for finding in checked["findings"]
    ]
    for note in [*(report.get("notices") or []), *warnings]:
        console.print(f"[yellow]note[/yellow] {escape(printable(str(note)))}", highlight=False)
    if report.get("grades_by_rulebook"):
        table = RichTable(title="Grades 信用等级分布", title_justify="left")
        for heading in ("Rulebook 规则", "Grade 等级", "Merchants 商家", ""):
            table.add_column(heading, justify="right" if heading[0:1] == "M" else "left")
        for book, counts in report["grades_by_rulebook"].items():
            most = max(counts.values())
            for i, (grade, number) in enumerate(counts.items()):
                table.add_row(book if i == 0 else "", grade, f"{number:,}", "█" * max(1, round(20 * number / most)))
            table.add_section()
        console.print(table)
    if standing := standing_note(report):
        console.print(f"[yellow]note[/yellow] {standing}; every file of it says so")
    if report.get("published"):
        console.print(f"Published 已发布: {escape(str(report['published']))}", soft_wrap=True, highlight=False)
    if report.get("stages") and len(report["stages"]) > 1:
        times = " · ".join(f"{name} {stage['seconds']:.1f} s" for name, stage in report["stages"].items())
        console.print(f"[dim]{times} · {report.get('peak_memory_mb', 0):,.0f} MB[/dim]", highlight=False)

"""The verbs `vet` and `vettings`: vetting of applicants."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, day_of, print_json, reading
from credit.errors import UserError
from credit.home import open_warehouse
from credit.vetting import application as applications
from credit.vetting import letter as letters
from credit.vetting.case import case_of_application, case_of_subject
from credit.vetting.policy import load_policy
from credit.vetting.verdict import VERDICTS, judge, store, stored

COLOURS = {"pass": "green", "refer": "yellow", "refuse": "red"}
MAX_BY = 100


def vet(
    application: Annotated[Path | None, typer.Argument(help="The applicant's file, JSON or YAML.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Vet a merchant of the register instead.")] = None,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="As of the end of this day; default: today."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who vets; kept with the result.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Policy file; default: the shipped one.")] = None,
    letter: Annotated[
        Path | None, typer.Option("--letter", help="Write what is given to the applicant (Markdown, 中文 and English).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Vet an applicant: pass, refer or refuse, with every reason and what to do. The result is kept.

    Example: merchant-credit vet data/applications/enterprise.json --date 2026-11-24 --letter letter.md

    Example: merchant-credit vet --subject M000002
    """
    started = time.perf_counter()
    if (application is None) == (subject is None):
        raise UserError("vet: expected either the file of one application or --subject ID; see `vet --help`")
    if by is not None and (len(by) > MAX_BY or any(unicodedata.category(c).startswith("C") for c in by)):
        raise UserError(f"--by: expected a name of at most {MAX_BY} characters in one line")
    if letter is not None and (letter.is_dir() or not letter.parent.is_dir()):
        raise UserError(f"--letter {letter}: expected a file name in a folder that is there")
    conf = settings.load(home=home)
    rules = load_policy(policy)
    on = day_of(day, conf)
    applicant = applications.read(application) if application else None
    with open_warehouse(conf) as con:
        case = (
            case_of_application(con, conf, applicant, on)
            if applicant
            else case_of_subject(con, conf, subject or "", on)
        )
        result = judge(case, rules)
        number = store(con, result, rules, by)
    if letter is not None:
        try:
            letter.write_text(letters.letter(result, number, conf), encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"--letter {letter} cannot be written: {error.strerror}; the vetting is kept as number {number}"
            ) from None
    if as_json:
        print_json(result | {"by": by, "number": number, "seconds": round(time.perf_counter() - started, 3)})
    else:
        _show(result, number)
        if letter is not None:
            out.print(f"Letter 通知书: {escape(str(letter))}", soft_wrap=True, highlight=False)


def _show(result: dict[str, Any], number: int) -> None:
    verdict = result["verdict"]
    out.print(
        f"[bold]{escape(result['name'] or result['applicant'])}[/bold] · {result['on']} · No. {number} · "
        f"[bold {COLOURS[verdict]}]{verdict} {VERDICTS[verdict].zh}[/bold {COLOURS[verdict]}] · {result['policy']} {result['policy_version']}",
        highlight=False,
    )
    unmet = [reason for reason in result["reasons"] if reason["leads_to"]]
    if unmet:
        table = RichTable()
        for heading in ("Check 审核项", "Why 理由", "What to do 办理方法"):
            table.add_column(heading, overflow="fold")
        for reason in unmet:
            pairs = ((reason[f"{part}zh"], reason[f"{part}en"]) for part in ("name_", "", "remedy_"))
            name, *cells = (escape(f"{zh}\n{en}") for zh, en in pairs)
            table.add_row(f"{name}\n[{COLOURS[reason['leads_to']]}]{reason['leads_to']}", *cells)
            table.add_section()
        out.print(table)
    counts = Counter(reason["outcome"] for reason in result["reasons"])
    out.print(f"{counts['passed']} checks passed 通过, {counts['not_applicable']} not applicable 不适用")


def vettings(
    verdict: Annotated[str | None, typer.Option(help="Only pass, refer or refuse.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table; --json gives all.")] = 20,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the vettings that were made, newest first.

    Example: merchant-credit vettings --verdict refer
    """
    if verdict not in (None, *COLOURS):
        raise UserError(f"--verdict {verdict!r}: expected pass, refer or refuse")
    with reading(home) as con:
        rows = [row for row in stored(con) if verdict in (None, row["verdict"])]
    if as_json:
        print_json(rows)
        return
    table = RichTable(title="Vettings 入驻审核", title_justify="left")
    for heading in ("No. 编号", "Day 日期", "Applicant 申请人", "Verdict 结果", "Policy 政策", "By 审核人"):
        table.add_column(heading, overflow="fold")
    for row in rows[:limit]:
        policy = f"{row['policy']} {row['policy_version']}"
        cells = (str(row["number"]), str(row["day"]), row["applicant"], row["verdict"], policy, row["by"] or "")
        table.add_row(*map(escape, cells))
    out.print(table)
    if len(rows) > limit:
        err.print(f"{limit} of {len(rows):,} vettings; --limit shows more, --json all")

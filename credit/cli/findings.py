"""What a person does about findings: `integrity uphold`, `integrity dismiss`; and `integrity price`, what faking costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.markup import escape
from rich.table import Table as RichTable

from credit import settings
from credit.cli.options import AsJson, At, Day, Home, Who, day_of, out, print_json
from credit.integrity.scan import finding
from credit.ledgers import findings, moments
from credit.ledgers.finding import Finding
from credit.ledgers.moments import coded, entry
from credit.rulebooks.reading import load, shipped

app = typer.Typer()

Id = Annotated[str, typer.Argument(help="The finding's id, or a unique beginning of it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the merchant is told, it is not published.")]


@app.command()
def uphold(
    id: Id,
    reason: Reason,
    by: Who,
    violation: Annotated[
        str | None,
        typer.Option(
            help="The violation it is: brushing, review_manipulation, or none; default: by the finding's kind."
        ),
    ] = None,
    severity: Annotated[str, typer.Option(help="minor, moderate or serious.")] = "moderate",
    spare: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE:KEY", help="A row that counts all the same; give again for more."),
    ] = None,
    day: Day = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Uphold a finding of the scan of --date: from the next night on its rows do not count, and it is a violation.

    Example: merchant-credit integrity uphold 3f2a9c --date 2026-11-24 --reason "One hand pays for all eight" --by "Li Wei"
    """

    def decide(con: duckdb.DuckDBPyConnection, found: Finding) -> findings.Decision:
        return findings.uphold(
            con, found, reason=reason, by=by, violation=violation, severity=severity, spare=spare or [], at=_at(at)
        )

    _decided(id, day, home, as_json, decide)


@app.command()
def dismiss(
    id: Id, reason: Reason, by: Who, day: Day = None, at: At = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Dismiss a finding of the scan of --date; one that was upheld has no effect from the next night on.

    Example: merchant-credit integrity dismiss 3f2a9c --date 2026-11-24 --reason "A school ordered for its classes" --by "Li Wei"
    """
    _decided(id, day, home, as_json, lambda con, found: findings.dismiss(con, found, reason=reason, by=by, at=_at(at)))


def _at(text: str | None) -> Any:
    from credit.cli.options import instant_of

    return instant_of(text)


def _decided(
    id: str,
    day: str | None,
    home: Path | None,
    as_json: bool,
    decide: Callable[[duckdb.DuckDBPyConnection, Finding], findings.Decision],
) -> None:
    from credit.home import open_warehouse

    conf = settings.load(home=home)
    on = day_of(day, conf)
    with open_warehouse(conf, make=False) as con:
        # A finding that is decided is known by its decisions: its rows may no longer be found.
        made = decide(con, _known(con, id) or finding(con, conf, on, id))
        told = _told(made, moments.zone(con))
    if as_json:
        print_json(told)
        return
    outcome = told["outcome"]
    out.print(
        f"Finding {made.finding} of {escape(made.subject_id)}: [bold]{outcome['zh']} {outcome['en']}[/bold], no. {made.number}",
        highlight=False,
    )
    if made.outcome == "upheld":
        what = told["violation"] or {"zh": "不构成违规", "en": "no violation"}
        out.print(
            f"{len(made.orders)} transactions and {len(made.reviews)} reviews do not count · {what['zh']} {what['en']}",
            highlight=False,
        )
    out.print(f"Counts from the night of {made.from_day} 自该评价日起生效", highlight=False)


def _known(con: duckdb.DuckDBPyConnection, id: str) -> Finding | None:
    """A finding that was decided before, with the rows that were set aside."""
    decided = {one.finding: one for one in findings.decisions(con) if one.finding.startswith(id) and id}
    if len(decided) != 1:
        return None
    (last,) = decided.values()
    rows = [one for one in findings.decisions(con) if one.finding == last.finding and one.outcome == "upheld"]
    named = rows[-1] if rows else None
    if named is None:
        return None
    return Finding(
        last.kind, last.subject_id, last.found_on, 0.0, orders=named.orders, reviews=named.reviews, id=last.finding
    )


def _told(made: findings.Decision, zone: str) -> dict[str, Any]:
    return {
        "number": made.number,
        "finding": made.finding,
        "subject_id": made.subject_id,
        "kind": made.kind,
        "outcome": coded(made.outcome, findings.OUTCOMES),
        "violation": coded(made.violation, findings.VIOLATIONS) if made.violation else None,
        "severity": made.severity,
        "transactions": list(made.orders),
        "reviews": list(made.reviews),
        "found_on": made.found_on,
        "from_day": made.from_day,
        "reason": made.reason,
        **entry(made.at, made.recorded_at, zone),
        "by": made.by,
    }


@app.command()
def price(
    rulebook: Annotated[
        Path | None, typer.Option(help="Rulebook file; default: the newest shipped one for enterprises.")
    ] = None,
    accounts: Annotated[
        int, typer.Option(min=0, help="Buyers' accounts that order in turn; 0: one for two orders.")
    ] = 8,
    amount: Annotated[float, typer.Option(min=0.01, help="Amount of a faked order.")] = 1.0,
    fee: Annotated[float, typer.Option(min=0, max=1, help="The platform's share of an amount.")] = 0.05,
    order: Annotated[float, typer.Option(min=0, help="Paid for ordering and reviewing, parcel included.")] = 8.0,
    account: Annotated[float, typer.Option(min=0, help="Cost of an account.")] = 15.0,
    most: Annotated[float, typer.Option(min=1, help="The cap that is tried: orders of one buyer a month.")] = 6,
    trivial: Annotated[float, typer.Option(min=0, help="The trivial amount that is tried.")] = 1,
    merchants: Annotated[int, typer.Option(min=20, help="Size of the simulated marketplace.")] = 200,
    transactions: Annotated[int, typer.Option(min=2_000, help="Its transactions.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same marketplace.")] = 1,
    as_json: AsJson = False,
) -> None:
    """How much faked trade raises a grade by one level, on a simulated marketplace: as the rules are, with the caps, and
    after an upheld finding. The costs are assumptions; state your own.

    Example: merchant-credit integrity price --accounts 0 --fee 0.03
    """
    from dataclasses import asdict

    from credit.synthetic.in_memory import marketplace
    from credit.validation.price import Attack, limited, prices

    book = load(rulebook) if rulebook else [b for b in shipped() if b.id == "gbt-26842-enterprise"][-1]
    attack = Attack(accounts or None, amount=amount, fee=fee, order=order, account=account)
    end = date(2026, 7, 1)
    with marketplace(merchants=merchants, transactions=transactions, end=end, seed=seed) as con:
        capped = limited(book, most, trivial)
        found = {
            "rules": prices(con, end, book, attack=attack),
            "caps": prices(con, end, capped, attack=attack),
            "upheld": prices(con, end, book, attack=attack, upheld=True),
        }
    if as_json:
        print_json({"rulebook": book.label, **{name: [asdict(one) for one in rows] for name, rows in found.items()}})
        return
    titles = {
        "rules": "As the rules are 现行规则",
        "caps": "With the caps 加限量",
        "upheld": "After an upheld finding 认定之后",
    }
    for name, rows in found.items():
        table = RichTable(title=f"{titles[name]} · {book.label}", title_justify="left")
        for heading in (
            "Grade 等级",
            "Merchants 商家",
            "Moved 升级占比",
            "Orders 刷单量",
            "Accounts 账号",
            "Cost 成本",
            "Fees 平台费",
        ):
            table.add_column(heading, justify="right")
        for one in rows:
            figures = ("–", "–", "–", "–") if one.orders is None else (
                str(one.orders), str(one.accounts), f"{one.money:,.0f}", f"{one.fees:,.2f}")  # fmt: skip
            table.add_row(f"{one.grade} → {one.goal}", str(one.merchants), f"{one.moved:.0%}", *figures)
        out.print(table)

"""The verb `integrity price`: what faking a better grade costs, on a simulated marketplace."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as RichTable

from credit.cli.consoles import out
from credit.cli.options import AsJson, print_json
from credit.rulebooks.reading import load, shipped


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
    from credit.synthetic.in_memory import marketplace
    from credit.validation.price import Attack, limited, prices

    book = load(rulebook) if rulebook else [b for b in shipped() if b.id == "gbt-26842-enterprise"][-1]
    attack = Attack(accounts or None, amount=amount, fee=fee, order=order, account=account)
    end = date(2026, 7, 1)
    with marketplace(merchants=merchants, transactions=transactions, end=end, seed=seed) as con:
        capped = limited(book, most, trivial)
        prices_by_rules = {
            "rules": prices(con, end, book, attack=attack),
            "caps": prices(con, end, capped, attack=attack),
            "upheld": prices(con, end, book, attack=attack, upheld=True),
        }
    if as_json:
        print_json(
            {
                "rulebook": book.label,
                **{name: [asdict(step) for step in rows] for name, rows in prices_by_rules.items()},
            }
        )
        return
    titles = {
        "rules": "As the rules are 现行规则",
        "caps": "With the caps 加限量",
        "upheld": "After an upheld finding 认定之后",
    }
    for name, rows in prices_by_rules.items():
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
        for step in rows:
            figures = ("–", "–", "–", "–") if step.orders is None else (
                str(step.orders), str(step.accounts), f"{step.money:,.0f}", f"{step.fees:,.2f}")  # fmt: skip
            table.add_row(f"{step.grade} → {step.goal}", str(step.merchants), f"{step.moved:.0%}", *figures)
        out.print(table)

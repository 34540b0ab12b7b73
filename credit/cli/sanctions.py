"""The verbs `sanction impose|lift|list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from credit.cli.consoles import out
from credit.cli.entries import (
    MASKED,
    Merchant,
    Number,
    OnlyMerchant,
    Reason,
    ending_document,
    entry_table,
    known_merchant,
    report,
)
from credit.cli.options import AsJson, At, Home, Who, entering, instant_of, named_day, print_json, reading
from credit.ledgers import moments, sanctions
from credit.ledgers.moments import entry

app = typer.Typer(no_args_is_help=True, help="Sanctions imposed by command (平台处置措施).")


@app.command()
def impose(
    merchant: Merchant,
    kind: Annotated[str, typer.Option("--kind", help=", ".join(sanctions.KINDS) + ".")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why; {MASKED}.")],
    by: Who,
    until: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Its last day; without it, until it is lifted.")
    ] = None,
    reference: Annotated[str | None, typer.Option("--reference", help=f"Document number; {MASKED}.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Impose a sanction: the next publish shows it, the next night counts it.

    Example: merchant-credit sanction impose M000002 --kind suspension --reason "Counterfeit goods" --until 2026-12-31 --by "Li Wei"
    """
    last = named_day(until, "--until") if until else None
    with entering(home) as con:
        sanction = sanctions.impose(
            con, merchant, kind=kind, reason=reason, by=by, until=last, reference=reference, at=instant_of(at)
        )
        document = _document(sanction, moments.zone(con))
    report(document, as_json, f"Sanction {sanction.number} imposed 处置措施已登记，编号 {sanction.number}")


@app.command()
def lift(number: Number, reason: Reason, by: Who, at: At = None, home: Home = None, as_json: AsJson = False) -> None:
    """Lift a sanction before its end.

    Example: merchant-credit sanction lift 1 --reason "Mended" --by "Li Wei"
    """
    with entering(home) as con:
        sanction = sanctions.lift(con, number, reason=reason, by=by, at=instant_of(at))
        document = _document(sanction, moments.zone(con))
    report(document, as_json, f"Sanction {number} lifted 处置措施 {number} 已解除")


@app.command("list")
def list_sanctions(merchant: OnlyMerchant = None, home: Home = None, as_json: AsJson = False) -> None:
    """The sanctions imposed by command, by number; delivered ones are in table sanctions.

    Example: merchant-credit sanction list --merchant M000002
    """
    with reading(home) as con:
        known_merchant(con, merchant)
        imposed = sanctions.sanctions(con, merchant)
        zone = moments.zone(con)
    if as_json:
        print_json([_document(sanction, zone) for sanction in imposed])
        return
    table = entry_table(
        "Sanctions 处置措施", "No. 编号", "Imposed 实施", "Merchant 主体", "Kind 类型", "Until 至", "Lifted 解除",
        "Reason 原因", wraps=("Reason 原因",),
    )  # fmt: skip
    for sanction in imposed:
        dates = (str(sanction.until_on or ""), str(sanction.lifted.day) if sanction.lifted else "")
        table.add_row(
            *map(
                escape,
                (str(sanction.number), str(sanction.day), sanction.subject_id, sanction.kind, *dates, sanction.reason),
            )
        )
    out.print(table)


def _document(sanction: sanctions.Sanction, zone: str) -> dict[str, Any]:
    return {
        "number": sanction.number,
        "subject_id": sanction.subject_id,
        "kind": sanction.kind,
        "reason": sanction.reason,
        "imposed_on": sanction.day,
        "until": sanction.until_on,
        "reference": sanction.reference,
        **entry(sanction.at, sanction.recorded_at, zone),
        "by": sanction.by,
        "lifted": ending_document(sanction.lifted, zone),
    }

"""The verbs `matches propose|accept|reject|list`: subjects of lists of authorities that are merchants by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from credit.cli.consoles import out
from credit.cli.entries import Number, OnlyMerchant, Reason, entry_table, known_merchant, report
from credit.cli.options import AsJson, At, Home, Who, entering, instant_of, print_json, reading
from credit.errors import UserError
from credit.intake import matching
from credit.ledgers import matches, moments
from credit.ledgers.moments import entry

app = typer.Typer(
    no_args_is_help=True, help="Subjects of lists of authorities that are merchants by name (名单按名称匹配)."
)

STATES = {"proposed": "待认定", "accepted": "认定", "rejected": "否定"}


@app.command()
def propose(
    by: Who,
    least: Annotated[
        float, typer.Option("--least", help="Probability from which on a pair is proposed.")
    ] = matching.LEAST,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compare the names and addresses on lists that wait for their merchant with those of the merchants, by Splink.

    Proposals have no effect until a person accepts them. Needs merchant-credit[matching].

    Example: merchant-credit matches propose --by "Li Wei"
    """
    with entering(home) as con:
        new = matches.propose(con, matching.proposals(con, least), by=by)
        documents = [_document(match, moments.zone(con)) for match in new]
    if as_json:
        print_json(documents)
        return
    out.print(_table("New proposals 新匹配建议", new))
    if new:
        out.print("Decide with `merchant-credit matches accept NUMBER` or `reject NUMBER`", highlight=False)


@app.command()
def accept(number: Number, reason: Reason, by: Who, at: At = None, home: Home = None, as_json: AsJson = False) -> None:
    """Accept a proposal: rows of that subject are the merchant's from the next delivery on, those that wait included.

    Example: merchant-credit matches accept 1 --reason "Same licence number" --by "Li Wei"
    """
    with entering(home) as con:
        match = matches.accept(con, number, reason=reason, by=by, at=instant_of(at))
        document = _document(match, moments.zone(con))
    report(
        document,
        as_json,
        f"Proposal {number} accepted 建议 {number} 已认定：{match.pair.name} = {match.pair.subject_id}",
    )


@app.command()
def reject(number: Number, reason: Reason, by: Who, at: At = None, home: Home = None, as_json: AsJson = False) -> None:
    """Reject a proposal, also one that was accepted: rows to come wait. Those that came in stay until an objection corrects them.

    Example: merchant-credit matches reject 2 --reason "Another company of that name" --by "Li Wei"
    """
    with entering(home) as con:
        match = matches.reject(con, number, reason=reason, by=by, at=instant_of(at))
        document = _document(match, moments.zone(con))
    report(document, as_json, f"Proposal {number} rejected 建议 {number} 已否定")


@app.command("list")
def list_matches(
    merchant: OnlyMerchant = None,
    state: Annotated[str | None, typer.Option("--state", help=f"Only {', '.join(STATES)}.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The proposals and what was decided on them, by number.

    Example: merchant-credit matches list --state proposed
    """
    if state is not None and state not in STATES:
        raise UserError(f"--state {state!r}: expected one of {', '.join(STATES)}")
    with reading(home) as con:
        known_merchant(con, merchant)
        listed = [match for match in matches.matches(con, merchant) if state in (None, match.state)]
        zone = moments.zone(con)
    if as_json:
        print_json([_document(match, zone) for match in listed])
        return
    out.print(_table("Proposals 匹配建议", listed))


def _table(title: str, listed: list[matches.Match]) -> Any:
    table = entry_table(
        title, "No. 编号", "Name 名单名称", "Address 名单地址", "Merchant 主体", "Probability 概率", "What agrees 依据", "State 状态",
        wraps=("Name 名单名称", "Address 名单地址", "What agrees 依据"),
    )  # fmt: skip
    for match in listed:
        pair = match.pair
        cells = (
            str(match.number),
            pair.name,
            pair.address or "",
            pair.subject_id,
            f"{pair.probability:.3f}",
            pair.evidence,
            f"{match.state} {STATES[match.state]}",
        )
        table.add_row(*map(escape, cells))
    return table


def _document(match: matches.Match, zone: str) -> dict[str, Any]:
    pair, decision = match.pair, match.decision
    return {
        "number": match.number,
        "given": pair.given,
        "name": pair.name,
        "address": pair.address,
        "subject_id": pair.subject_id,
        "probability": pair.probability,
        "evidence": pair.evidence,
        "model": pair.model,
        "state": match.state,
        **entry(match.at, match.recorded_at, zone),
        "by": match.by,
        "decided": None
        if decision is None
        else {
            "outcome": decision.outcome,
            "reason": decision.reason,
            **entry(decision.at, decision.recorded_at, zone),
            "by": decision.by,
        },
    }

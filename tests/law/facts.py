"""Every kind of fact that the canonical tables can hold, as something done to one merchant's rows.

A fact is good (the score may not fall), bad (may not rise) or void (nobody's fault or nobody's merit: nothing moves).
PAIRS name facts of which the first may never score more than the second: what is concealed beside what is told, more
harm beside less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Literal

DAY = date(2026, 11, 27)
CUT_OFF = datetime(2026, 11, 26, 16, tzinfo=UTC)
"""00:00 of DAY in Shanghai."""

Row = dict[str, Any]
Sign = Literal["good", "bad", "void"]


@cache
def at(days: float) -> str:
    """An instant so many days before the cut-off."""
    return (CUT_OFF - timedelta(minutes=round(days * 1440))).isoformat()


@cache
def on(days: float) -> str:
    return (DAY - timedelta(days=round(days))).isoformat()


class Merchant:
    """One merchant's rows by table. `bare`: the platform delivers little beside orders and reviews."""

    def __init__(self, name: str, kind: str, number: int) -> None:
        self.name, self.number, self._next = name, number, 0
        code = uscc(number)
        self.rows: dict[str, list[Row]] = {
            "subjects": [
                {
                    "subject_id": name, "kind": kind, "role": "seller", "name": f"商家{number}", "uscc": code,
                    "registration_verified_on": on(600), "licence_no": f"L{number}", "licence_valid_from": on(900),
                    "licence_valid_until": on(-800), "icp_record": "京ICP备1号", "address": "某路1号",
                    "contact": "x@example.com", "contact_verified_on": on(100), "self_operated": "false",
                    "category": "家电", "deposit_amount": "5000", "currency": "CNY", "joined_on": on(700),
                    "verified_on": on(60),
                }
            ],
            **{t: [] for t in ("transactions", "reviews", "complaints", "public_records", "violations", "sanctions", "spot_checks")},
        }  # fmt: skip

    @property
    def register(self) -> Row:
        return self.rows["subjects"][0]

    def new(self) -> str:
        self._next += 1
        return f"{self.name}-{self._next}"

    def add(self, table: str, key: str, **values: Any) -> Row:
        row = {key: self.new(), "subject_id": self.name} | values
        self.rows[table].append(row)
        return row

    def order(self, ago: float, **values: Any) -> Row:
        """A kept order of a new buyer: sent after half a day of two, there after three of five; `None` blanks."""
        key = self.new()
        row = {
            "transaction_id": key, "order_id": key, "subject_id": self.name, "buyer_id": f"{key}-b", "ordered_at": at(ago),
            "paid_at": at(ago - 0.01), "dispatch_due_at": at(ago - 2), "dispatched_at": at(ago - 0.5),
            "delivery_due_at": at(ago - 5), "delivered_at": at(ago - 3), "completed_at": at(ago - 4), "amount": "100.00",
            "currency": "CNY", "refund_reason": "none", "invoice_asked": "false", "traceable": "true", "category": "家电",
        } | values  # fmt: skip
        self.rows["transactions"].append(row)
        return row

    def review(self, order: Row | None, stars: int, **values: Any) -> Row:
        own = {} if order is None else {"transaction_id": order["transaction_id"], "buyer_id": order["buyer_id"]}
        key = self.new()
        return self.add("reviews", "review_id", **{
            "buyer_id": f"{key}-b", "reviewed_at": at(20), "rating_overall": stars, "rating_description": stars,
            "rating_service": stars, "rating_logistics": stars, "shared": "false",
        } | own | values)  # fmt: skip

    def complaint(self, order: Row, ago: float, **values: Any) -> Row:
        return self.add("complaints", "complaint_id", **{
            "transaction_id": order["transaction_id"], "buyer_id": order["buyer_id"], "channel": "platform",
            "category": "quality", "filed_at": at(ago),
        } | values)  # fmt: skip

    def unwritten(self, table: str) -> Row | None:
        """An order of which nobody has written in this table yet, kept ones first; None where none is left."""
        taken = {row.get("transaction_id") for row in self.rows[table]}
        left = [row for row in self.rows["transactions"] if row["transaction_id"] not in taken]
        return next(iter(sorted(left, key=lambda row: not is_kept(row))), None)


def is_kept(row: Row) -> bool:
    """Of an order of the base or added here: sent and there in time, and not cancelled."""
    there, sent = row.get("delivered_at"), row.get("dispatched_at")
    return bool(
        there
        and sent
        and not row.get("cancelled_at")
        and there <= row["delivery_due_at"]
        and sent <= row["dispatch_due_at"]
    )


def uscc(number: int) -> str:
    """A credit code with a right check character, of the unassigned district 98."""
    signs, weights = "0123456789ABCDEFGHJKLMNPQRTUWXY", [3**i % 31 for i in range(17)]
    body = f"91110198{number:09d}"
    total = sum(signs.index(c) * w for c, w in zip(body, weights, strict=True))
    return body + signs[(31 - total % 31) % 31]


Do = Callable[[Merchant, int], None]


@dataclass(frozen=True)
class Fact:
    """`do(merchant, i)` is done for i in range(n); `once`: a fact of the register, that can be so once only."""

    name: str
    sign: Sign | None
    do: Do
    once: bool = False
    needs: str = "transactions"


def _order(name: str, sign: Sign | None, *, ago: float = 60, apart: float = 1.25, **values: Any) -> Fact:
    """One more order; numbers in `values` are days before the cut-off, told from the order on as ('+', days)."""

    def do(m: Merchant, i: int) -> None:
        when = ago + i * apart
        m.order(when, **{k: at(when - v[1]) if isinstance(v, tuple) else v for k, v in values.items()})

    return Fact(f"order {name}", sign, do)


NOT_SENT = {"dispatched_at": None, "delivered_at": None, "completed_at": None, "traceable": None}
NOT_THERE = {"delivered_at": None, "completed_at": None}
OFF = NOT_SENT | {"cancelled_at": ("+", 1), "cancelled_by": "seller", "cancel_reason": "other"}
LATE_SENT = {"dispatched_at": ("+", 6), "delivered_at": ("+", 9), "completed_at": ("+", 10)}

ORDERS = (
    _order("kept", "good"),
    _order("kept, recent", "good", ago=9),
    _order("kept, a year ago", "good", ago=300),
    _order("sent late", "bad", **LATE_SENT),
    _order("sent late, there in time", "bad", dispatched_at=("+", 3), delivered_at=("+", 4.5), completed_at=("+", 5)),
    _order("there late", "bad", delivered_at=("+", 25), completed_at=("+", 26)),
    _order("there a day late", "bad", delivered_at=("+", 6), completed_at=("+", 7)),
    _order("there late, not told", "bad", delivered_at=None, completed_at=("+", 26)),
    _order("sent, never there", "bad", **NOT_THERE),
    _order("sent, never there, no promise", "bad", **NOT_THERE, dispatch_due_at=None, delivery_due_at=None),
    _order("never sent", "bad", **NOT_SENT),
    _order("never sent, no promise", "bad", **NOT_SENT, dispatch_due_at=None, delivery_due_at=None),
    _order("never sent, promised in 200 days", "bad", ago=100, **NOT_SENT, dispatch_due_at=("+", 200), delivery_due_at=("+", 205)),
    _order("never sent, days ago", "bad", ago=29, **NOT_SENT),
    _order("cancelled by the seller", "bad", **OFF),
    _order("cancelled by nobody knows whom", "bad", **OFF | {"cancelled_by": None, "cancel_reason": None}),
    _order("cancelled by the platform", "bad", **OFF | {"cancelled_by": "platform"}),
    _order("cancelled for want of stock", "bad", **OFF | {"cancel_reason": "stock_out"}),
    _order("cancelled by the buyer for want of stock", "bad", **OFF | {"cancelled_by": "buyer", "cancel_reason": "stock_out"}),
    _order("cancelled by the seller after the promise", "bad", **OFF | {"cancelled_at": ("+", 4)}),
    _order("cancelled by the buyer after the promise", "bad", **OFF | {"cancelled_at": ("+", 4), "cancelled_by": "buyer", "cancel_reason": "changed_mind"}),
    _order("cancelled by the buyer, said to be sent", "bad", **NOT_THERE | {"traceable": None}, cancelled_at=("+", 4), cancelled_by="buyer", cancel_reason="other"),
    _order("cancelled by the buyer, on the way past the term", "bad", **NOT_THERE, cancelled_at=("+", 4), cancelled_by="buyer", cancel_reason="changed_mind"),
    _order("cancelled by the seller, on the way past the term", "bad", **NOT_THERE, cancelled_at=("+", 4), cancelled_by="seller", cancel_reason="other"),
    _order("cancelled by the buyer freely, sent at once", "void", **NOT_THERE, cancelled_at=("+", 1.5), cancelled_by="buyer", cancel_reason="changed_mind"),
    _order("cancelled by the buyer, sent and overdue", "bad", **NOT_THERE, cancelled_at=("+", 9), cancelled_by="buyer", cancel_reason="other"),
    _order("cancelled by the buyer freely", "void", **OFF | {"cancelled_by": "buyer", "cancel_reason": "changed_mind"}),
    _order("unpaid, cancelled by the buyer", "void", **OFF | {"paid_at": None, "cancelled_by": "buyer", "cancel_reason": "changed_mind"}),
    _order("unpaid, cancelled by the platform", "void", **OFF | {"paid_at": None, "cancelled_by": "platform"}),
    _order("suspected, cancelled by the platform", "void", **OFF | {"cancelled_by": "platform", "cancel_reason": "fraud_suspected"}),
    _order("unpaid and left", "void", **NOT_SENT, paid_at=None),
    _order("of nothing", "void", amount="0.00"),
    _order("of one yuan", "void", amount="1.00"),
    _order("of nothing, refunded at once", "void", amount="0.00", refund_reason="no_reason", refund_requested_at=("+", 4), refunded_at=("+", 4)),
    _order("freely cancelled, refunded at once", "void", **OFF | {"cancelled_by": "buyer", "cancel_reason": "changed_mind"}, refund_reason="no_reason", refund_requested_at=("+", 1), refunded_at=("+", 1)),
    _order("not due yet", "void", ago=0.6, apart=0.01, **NOT_SENT),
    _order("kept, asked for an invoice", None, invoice_asked="true", invoice_issued_at=("+", 5)),
    _order("kept, invoice refused", None, invoice_asked="true"),
    _order("kept, tracking not told", None, traceable=None),
    _order("kept, untraceable", None, traceable="false"),
    *(
        _order(f"kept, refund {why} paid {when}", None, refund_reason=why, refund_requested_at=("+", 5), refunded_at=paid)
        for why in ("no_reason", "quality")
        for when, paid in (("in a day", ("+", 6)), ("in 20 days", ("+", 25)), ("never", None))
    ),
)  # fmt: skip


def _turned(name: str, **values: Any) -> Fact:
    """Orders that were kept turn out otherwise."""

    def do(m: Merchant, i: int) -> None:
        fit = [r for r in m.rows["transactions"] if is_kept(r)]
        if not fit:
            return
        row = fit[0]
        ordered = datetime.fromisoformat(row["ordered_at"])
        new_values = {
            k: (ordered + timedelta(days=v[1])).isoformat() if isinstance(v, tuple) else v for k, v in values.items()
        }
        row.update(new_values)

    return Fact(f"turned {name}", "bad", do)


TURNED = (
    _turned("late", **LATE_SENT),
    _turned("undelivered", **NOT_THERE),
    _turned("never sent", **NOT_SENT),
    _turned("cancelled by the seller", **OFF),
    _turned("cancelled by the buyer after the promise", **OFF | {"cancelled_at": ("+", 4), "cancelled_by": "buyer"}),
)


def _review(name: str, sign: Sign | None, stars: int, **values: Any) -> Fact:
    def do(m: Merchant, i: int) -> None:
        order = m.unwritten("reviews")
        if order is not None:
            m.review(order, stars, **values)

    return Fact(f"review {name}", sign, do, needs="reviews.authentic" if "authentic" in values else "reviews")


def void(_: object) -> None:
    """For lambdas that are called for what they do."""


def _of_a(stars: int, **values: Any) -> Do:
    """A review of a new order of this kind."""
    return lambda m, i: void(m.review(m.order(60 + i, **values), stars))


def _again(m: Merchant) -> None:
    """A second review of the order that the first one is of."""
    first = next((row for row in m.rows["reviews"] if row["rating_overall"] == 5), None)
    if first is not None:
        m.review(first, 5)


REVIEWS = (
    _review("5 stars", "good", 5),
    _review("5 stars, judged true", "good", 5, authentic="true"),
    _review("1 star", "bad", 1),
    _review("1 star, judged true", "bad", 1, authentic="true"),
    _review("1 star, replied", "bad", 1, replied_at=at(10)),
    _review("2 stars", "bad", 2),
    _review("5 stars, judged false", "bad", 5, authentic="false"),
    _review("1 star, judged false", "void", 1, authentic="false"),
    Fact("review 5 stars of no order", "void", lambda m, i: void(m.review(None, 5)), needs="reviews"),
    Fact("review 1 star of no order", "void", lambda m, i: void(m.review(None, 1)), needs="reviews"),
    Fact("review 5 stars of an unpaid order", "void", _of_a(5, **OFF | {"paid_at": None, "cancelled_at": at(40), "cancelled_by": "buyer"}), needs="reviews"),
    Fact("review 5 stars of an order of nothing", "void", _of_a(5, amount="0.00"), needs="reviews"),
    Fact("review 5 stars again of one order", "void", lambda m, i: _again(m), needs="reviews"),
)  # fmt: skip


def _complaint(name: str, sign: Sign | None, ago: float = 40, **values: Any) -> Fact:
    def do(m: Merchant, i: int) -> None:
        m.complaint(
            m.unwritten("complaints") or m.rows["transactions"][i % 10],
            ago,
            **{k: at(ago - v[1]) if isinstance(v, tuple) else v for k, v in values.items()},
        )

    return Fact(f"complaint {name}", sign, do, needs="complaints")


QUICK = {"first_response_at": ("+", 0.1), "resolved_at": ("+", 2)}
SLOW = {"first_response_at": ("+", 5), "resolved_at": ("+", 15)}
COMPLAINTS = (
    *(
        _complaint(f"upheld, {channel}", "bad", channel=channel, **QUICK, outcome="upheld", liability="seller")
        for channel in ("platform", "12315", "court")
    ),
    _complaint("upheld, nobody said liable", "bad", **QUICK, outcome="upheld"),
    _complaint("upheld after long", "bad", **SLOW, outcome="upheld", liability="seller"),
    _complaint("upheld, escalated", "bad", **QUICK, outcome="upheld", liability="seller", escalated_at=("+", 1)),
    _complaint("partly upheld", "bad", **QUICK, outcome="partly_upheld", liability="seller"),
    _complaint("settled", "bad", **QUICK, outcome="settled", liability="none"),
    _complaint("settled after long", "bad", **SLOW, outcome="settled", liability="none"),
    _complaint("resolved, outcome not told", "bad", **QUICK),
    _complaint("open, past its term", "bad"),
    _complaint("open, answered, past its term", "bad", first_response_at=("+", 0.1)),
    _complaint("open, within its term", "bad", ago=3),
    _complaint("rejected", "void", **QUICK, outcome="rejected", liability="none"),
    _complaint("rejected, 12315", "void", channel="12315", **QUICK, outcome="rejected", liability="buyer"),
    _complaint("rejected after long", "void", **SLOW, outcome="rejected", liability="buyer"),
    _complaint("upheld, the carrier liable", "void", **QUICK, outcome="upheld", liability="carrier"),
    _complaint("withdrawn", "void", **QUICK, outcome="withdrawn"),
)


def _record(name: str, sign: Sign | None, kind: str, grade: str | None = None, ago: float = 40, **values: Any) -> Fact:
    def do(m: Merchant, i: int) -> None:
        m.add("public_records", "record_id", **{
            "kind": kind, "issuer": "某局", "reference": f"{m.number}-{name}-{i}", "grade": grade, "valid_from": on(ago + i),
        } | values)  # fmt: skip

    return Fact(f"record {name}", sign, do, needs="public_records")


RECORDS = (
    *(_record(f"penalty {g}", "bad", "administrative_penalty", g) for g in ("minor", "moderate", "serious")),
    _record("penalty, severity not told", "bad", "administrative_penalty"),
    _record("penalty 严重", "bad", "administrative_penalty", "严重"),
    _record("penalty repaired", "void", "administrative_penalty", "serious", repaired_on=on(10)),
    _record("penalty ended", "void", "administrative_penalty", "serious", valid_until=on(10)),
    _record("abnormal operation", "bad", "abnormal_operation"),
    _record("serious violations", "bad", "serious_violation"),
    _record("dishonest debtor", "bad", "dishonest_debtor"),
    *(_record(f"tax {g}", "good", "tax_grade", g) for g in ("A", "B")),
    *(_record(f"tax {g}", "bad", "tax_grade", g) for g in ("C", "D", "d", "D级")),
    _record("award", "good", "award"),
    _record("certification", "good", "certification"),
)


def _violation(kind: str, severity: str, sign: Sign = "bad", **values: Any) -> Fact:
    name = f"violation {kind} {severity}" + (" withdrawn" if sign == "void" else "")

    def do(m: Merchant, i: int) -> None:
        m.add("violations", "violation_id", kind=kind, severity=severity, decided_at=at(40 + i), **values)

    return Fact(name, sign, do, needs="violations")


VIOLATIONS = (
    *(_violation("other", severity) for severity in ("minor", "moderate", "serious", "严重")),
    *(
        _violation(kind, "serious")
        for kind in ("false_advertising", "counterfeit", "brushing", "review_manipulation", "prohibited_goods", "service_breach", "information", "fraud")
    ),
    _violation("fraud", "serious", "void", withdrawn_at=at(10)),
)  # fmt: skip


def _sanction(kind: str, sign: Sign = "bad", **values: Any) -> Fact:
    name = f"sanction {kind}" + (" lifted" if sign == "void" else "")

    def do(m: Merchant, i: int) -> None:
        m.add("sanctions", "sanction_id", kind=kind, reason="x", imposed_at=at(40 + i), **values)

    return Fact(name, sign, do, needs="sanctions")


SANCTIONS = (
    *(_sanction(kind) for kind in ("warning", "restriction", "suspension", "termination")),
    _sanction("termination", "void", lifted_at=at(10)),
)


def _check(name: str, sign: Sign, result: str | None, answered: float | None = 2) -> Fact:
    def do(m: Merchant, i: int) -> None:
        ago = 40 + i
        m.add(
            "spot_checks", "check_id", kind="goods", requested_at=at(ago), due_at=at(ago - 5), result=result,
            answered_at=None if answered is None else at(ago - answered), concluded_at=at(ago - 9) if result else None,
        )  # fmt: skip

    return Fact(f"spot check {name}", sign, do, needs="spot_checks")


CHECKS = (
    _check("passed", "good", "passed"),
    _check("failed", "bad", "failed"),
    _check("refused", "bad", "refused"),
    _check("never answered", "bad", None, None),
    _check("answered late", "bad", "passed", 8),
)


def _register(name: str, sign: Sign, /, **values: Any) -> Fact:
    column = next(iter(values))
    return Fact(f"register {name}", sign, lambda m, i: m.register.update(values), once=True, needs=f"subjects.{column}")


REGISTER = (
    *(
        _register(f"{column} blank", "bad", **{column: None})
        for column in ("name", "uscc", "registration_verified_on", "licence_no", "licence_valid_until", "icp_record", "address", "contact", "contact_verified_on", "category", "deposit_amount", "joined_on", "verified_on")
    ),
    _register("uscc wrong", "bad", uscc="91110198000000000X"),
    _register("licence expired", "bad", licence_valid_until=on(1)),
    _register("licence blank altogether", "bad", licence_no=None, licence_valid_from=None, licence_valid_until=None),
    _register("permit expired", "bad", permit_no="P1", permit_valid_until=on(1)),
    _register("permit without end", "bad", permit_no="x"),
    _register("deposit of nothing", "bad", deposit_amount="0"),
    _register("deposit of 50,000", "good", deposit_amount="50000"),
    _register("joined a month ago", "bad", joined_on=on(30)),
    _register("verified a year ago", "bad", verified_on=on(366)),
)  # fmt: skip

FACTS = {
    fact.name: fact
    for fact in (*ORDERS, *TURNED, *REVIEWS, *COMPLAINTS, *RECORDS, *VIOLATIONS, *SANCTIONS, *CHECKS, *REGISTER)
}

PAIRS = (
    *(
        (f"order {worse}", f"order {better}")
        for worse, better in (
            ("there late", "there a day late"),
            ("there late, not told", "there a day late"),
            ("sent, never there", "there late"),
            ("sent, never there, no promise", "there late"),
            ("never sent", "sent late"),
            ("never sent, no promise", "sent late"),
            ("never sent", "sent, never there"),
            ("cancelled by the seller after the promise", "sent late"),
            ("cancelled by the buyer after the promise", "sent late"),
            ("cancelled by the buyer, said to be sent", "sent late"),
            ("cancelled by the buyer, on the way past the term", "sent late"),
            ("cancelled by the seller, on the way past the term", "sent late"),
            ("cancelled by the seller", "sent late"),
            ("cancelled by the seller", "there late"),
            ("cancelled for want of stock", "sent late"),
            ("cancelled by the seller after the promise", "cancelled by the seller"),
            ("never sent", "cancelled by the seller"),
            ("never sent", "cancelled by the seller after the promise"),
            ("never sent", "cancelled by the buyer after the promise"),
            ("never sent", "cancelled for want of stock"),
            ("cancelled by the seller", "cancelled for want of stock"),
            ("cancelled by nobody knows whom", "cancelled by the buyer freely"),
            ("sent late", "kept"),
            ("kept, invoice refused", "kept, asked for an invoice"),
            ("kept, untraceable", "kept"),
            ("kept, untraceable", "kept, tracking not told"),
            ("kept, tracking not told", "kept"),
            *(
                (f"kept, refund {why} paid {worse}", f"kept, refund {why} paid {better}")
                for why in ("no_reason", "quality")
                for worse, better in (("never", "in 20 days"), ("in 20 days", "in a day"))
            ),
            ("kept, refund quality paid in a day", "kept, refund no_reason paid in a day"),
        )
    ),
    *(
        (f"complaint {worse}", f"complaint {better}")
        for worse, better in (
            ("open, past its term", "upheld, platform"),
            ("open, past its term", "settled after long"),
            ("open, past its term", "open, answered, past its term"),
            ("upheld, platform", "settled"),
            ("partly upheld", "settled"),
            ("upheld, platform", "partly upheld"),
            ("upheld, nobody said liable", "settled"),
            ("resolved, outcome not told", "settled"),
            ("upheld, 12315", "upheld, platform"),
            ("upheld after long", "upheld, platform"),
            ("settled after long", "settled"),
        )
    ),
    ("record penalty moderate", "record penalty minor"),
    ("record penalty serious", "record penalty moderate"),
    ("record penalty 严重", "record penalty moderate"),
    ("record penalty, severity not told", "record penalty moderate"),
    ("record tax D级", "record tax C"),
    ("record tax d", "record tax C"),
    ("violation other moderate", "violation other minor"),
    ("violation other serious", "violation other moderate"),
    ("violation other 严重", "violation other moderate"),
    ("violation fraud serious", "violation other serious"),
    ("sanction restriction", "sanction warning"),
    ("sanction suspension", "sanction restriction"),
    ("sanction termination", "sanction suspension"),
    ("spot check failed", "spot check passed"),
    ("spot check refused", "spot check failed"),
    ("spot check never answered", "spot check answered late"),
    ("review 1 star", "review 1 star, replied"),
    ("register uscc blank", "register uscc wrong"),
    ("register licence_valid_until blank", "register licence expired"),
    ("register licence blank altogether", "register licence expired"),
    ("register deposit_amount blank", "register deposit of nothing"),
    ("register verified_on blank", "register verified a year ago"),
    ("register joined_on blank", "register joined a month ago"),
)
"""(what is worse or concealed, what is better or told)."""

"""The stories' numbers, worked out from their rows and the rulebooks alone: fractions, and no line of the program.

    python -m stories.work_out        (with tests/ on PYTHONPATH) writes stories/expected anew; read the difference

What it does is what docs/reference says of each indicator, docs/explanation/law-of-the-grade.md of the outcome of an order and of
reference averages. It stands on nothing but the CSV files, the YAML and this module, so that a mistake of the program shows.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
RULES = FOLDER.parent / "support" / "rulebooks"
NIGHTS = (date(2026, 11, 23), date(2026, 11, 24))
PERIOD = date(2026, 11, 1)
DAY = timedelta(days=1)
OWN_INSTANTS = {
    "transactions": "ordered_at", "reviews": "reviewed_at", "complaints": "filed_at", "public_records": "valid_from",
    "violations": "decided_at", "sanctions": "imposed_at", "spot_checks": "requested_at",
}  # fmt: skip
HANGS_ON = {
    "cancelled_by": "cancelled_at", "cancel_reason": "cancelled_at", "refund_reason": "refund_requested_at",
    "outcome": "resolved_at", "liability": "resolved_at", "result": "concluded_at", "traceable": "dispatched_at",
}  # fmt: skip
PLANNED = {"licence_valid_from", "licence_valid_until", "permit_valid_until", "valid_until"}
EXTERNAL = {"12315", "association", "mediation", "arbitration", "court"}
WEIGHTS = ("minor", "moderate", "serious")

Row = dict[str, Any]


def value(name: str, text: str) -> Any:
    """A cell as what it is: an instant, a day, a truth, a number or text; blank: None."""
    if text == "":
        return None
    if name.endswith(("_at",)):
        return datetime.fromisoformat(text)
    if name.endswith("_on") or name in PLANNED or name == "valid_from":
        return date.fromisoformat(text)
    if text in ("true", "false"):
        return text == "true"
    if name in ("amount", "deposit_amount") or name.startswith("rating_"):
        return Fraction(text)
    return text


def read(folder: Path) -> dict[str, list[Row]]:
    tables = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            tables[path.stem] = [{k: value(k, v) for k, v in row.items()} for row in csv.DictReader(file)]
    return tables


@dataclass
class Counted:
    """One indicator of one merchant: numerator, denominator (None: a level), observations, whether it is recorded."""

    top: Fraction | None
    bottom: Fraction | None
    n: Fraction
    recorded: bool = False

    @property
    def value(self) -> Fraction | None:
        if self.top is None or self.n == 0:
            return None
        if self.bottom is None:
            return self.top
        return self.top / self.bottom if self.bottom else None

    @property
    def state(self) -> str:
        if self.value is not None:
            return "measured"
        return "not_applicable" if self.recorded else "missing"


@dataclass
class Night:
    """What was known at 00:00 of `day`, what had happened by then, and what it comes to by a rulebook's parameters."""

    day: date
    tables: dict[str, list[Row]]
    parameters: dict[str, Fraction]
    seen: dict[str, list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = datetime.combine(self.day, datetime.min.time())
        for name, rows in self.tables.items():
            known = [row for row in rows if row["known_at"] <= self.now]
            self.seen[name] = [self.as_of(name, row) for row in known if self.happened(name, row)]
        for order in self.seen.get("transactions", []):
            self.judge(order)
        self.limit()
        orders = {(o["transaction_id"], o["subject_id"]): o for o in self.seen.get("transactions", [])}
        for name in ("reviews", "complaints"):
            for row in self.seen.get(name, []):
                order = orders.get((row["transaction_id"], row["subject_id"]), {})
                row["of"] = order.get("outcome", "void")
                if name == "reviews" and row["buyer_id"] and order.get("buyer_id", row["buyer_id"]) != row["buyer_id"]:
                    row["of"] = "void"

    def happened(self, table: str, row: Row) -> bool:
        event = OWN_INSTANTS.get(table)
        return event is None or row[event] < (self.now if isinstance(row[event], datetime) else self.day)

    def as_of(self, table: str, row: Row) -> Row:
        seen = dict(row)
        for name, cell in row.items():
            if name == "known_at" or name == OWN_INSTANTS.get(table) or name in PLANNED:
                continue
            if isinstance(cell, datetime):
                late = cell > self.now if name == "until_at" else cell >= self.now
                seen[name] = None if late else cell
            elif isinstance(cell, date):
                seen[name] = None if cell >= self.day else cell
        for name, instant in HANGS_ON.items():
            if name in seen and seen.get(instant) is None:
                seen[name] = None
        return seen

    def window(self, table: str, days: int) -> list[Row]:
        start = self.now - days * DAY
        return [row for row in self.seen.get(table, []) if row[OWN_INSTANTS[table]] >= start]

    # --- orders

    def judge(self, order: Row) -> None:
        p, ordered = self.parameters, order["ordered_at"]
        arrived = order["delivered_at"] or order["completed_at"]
        sent = order["dispatched_at"] or arrived
        whole = next(o for o in self.tables["transactions"] if o["transaction_id"] == order["transaction_id"])

        def due(step: str, usual: str, most: str) -> datetime:
            promised = whole[f"{step}_due_at"]
            if promised is None or promised <= ordered:
                return ordered + int(p[usual]) * DAY
            return min(promised, ordered + int(p[most]) * DAY)

        sent_by = due("dispatch", "dispatch_days", "dispatch_days_most")
        there_by = due("delivery", "delivery_days", "delivery_days_most")
        sent_late = sent > sent_by if sent else sent_by < self.now
        there_late = arrived > there_by if arrived else there_by < self.now
        off = order["cancelled_at"]
        lost = (not sent and ordered + int(p["dispatch_days_most"]) * DAY < self.now) or (
            not arrived and ordered + int(p["delivery_days_most"]) * DAY < self.now
        )
        paid = order["paid_at"] or order.get("refund_requested_at") or order.get("refunded_at")
        in_time = sent and sent <= sent_by and arrived and off and arrived <= off
        there_in_time = arrived and arrived <= there_by
        too_late = off and ((off > sent_by and not in_time) or (off > there_by and not there_in_time))
        suspected = off and order["cancelled_by"] == "platform" and order["cancel_reason"] == "fraud_suspected"
        if order["amount"] <= p["trivial_amount"] or (not paid and not sent) or (suspected and not too_late):
            outcome = "void"
        elif off:
            if too_late:
                outcome = "broken"
            elif order["cancelled_by"] == "buyer" and order["cancel_reason"] in ("changed_mind", "other"):
                outcome = "cancelled"
            else:
                outcome = "seller_cancelled"
        elif lost:
            outcome = "undelivered"
        elif sent_late or there_late:
            outcome = "late"
        else:
            outcome = "kept" if arrived and paid else "open"
        failed = outcome in ("undelivered", "seller_cancelled", "broken")
        order["outcome"] = outcome
        order["sent_broken"] = failed or (outcome == "late" and sent_late)
        order["there_broken"] = failed or (outcome == "late" and there_late)
        most_used, most_late = 1000 * p["dispatch_time_cap"], 1440 * p["lateness_cap_days"]
        order["used"] = order["overdue"] = Fraction(0)
        if failed:
            order["used"], order["overdue"] = most_used, most_late
        elif outcome in ("kept", "late"):
            share = minutes(sent - ordered) / minutes(sent_by - ordered) * 1000 if sent else most_used
            order["used"] = min(Fraction(math.floor(share + Fraction(1, 2))), most_used)
        if outcome == "late" and there_late:
            over = minutes(arrived - there_by) if arrived else 1440 * Fraction(math.ceil((self.now - there_by) / DAY))
            order["overdue"] = min(over, most_late)

    def limit(self) -> None:
        """Beyond so many kept orders of one buyer with one merchant in a calendar month they count no more."""
        most, counted = int(self.parameters["buyer_month_most"]), Counter[Any]()
        for order in sorted(self.seen.get("transactions", []), key=lambda o: (o["ordered_at"], o["transaction_id"])):
            if order["outcome"] == "kept" and most:
                key = order["subject_id"], order.get("buyer_id"), order["ordered_at"].strftime("%Y-%m")
                counted[key] += 1
                if counted[key] > most:
                    order["outcome"] = "surplus"


def minutes(time: timedelta) -> Fraction:
    return Fraction(int(time.total_seconds()), 60)


def months(since: date, day: date) -> int:
    return (day.year - since.year) * 12 + day.month - since.month - (since.day > day.day)


def flag(holds: bool) -> Counted:
    return Counted(Fraction(int(holds)), Fraction(1), Fraction(1))


def level(number: Any, n: Any = 1) -> Counted:
    return Counted(Fraction(number), None, Fraction(n))


def rate(top: Any, bottom: Any, n: Any = None, recorded: bool = False) -> Counted:
    return Counted(Fraction(top), Fraction(bottom), Fraction(bottom if n is None else n), recorded)


def counted(night: Night, subject: Row, days: int) -> dict[str, Counted]:
    """Every indicator of a seller in a window of so many days."""
    p, day, me = night.parameters, night.day, subject["subject_id"]

    def own(table: str, window: bool = True) -> list[Row]:
        rows = night.window(table, days) if window else night.seen.get(table, [])
        return [row for row in rows if row["subject_id"] == me]

    register = identity(night, subject)
    orders = own("transactions")
    ends = Counter(order["outcome"] for order in orders)
    kept_orders = [o for o in orders if o["outcome"] == "kept"]
    kept, lost = ends["kept"], ends["undelivered"] + ends["seller_cancelled"] + ends["broken"]
    n = kept + lost + ends["late"]
    arrived = [o for o in orders if o["outcome"] in ("kept", "surplus", "late")]
    asked = [o for o in orders if o.get("invoice_asked")]
    invoiced = sum(o["outcome"] == "kept" and bool(o["invoice_issued_at"]) for o in asked)
    refused = sum(o in arrived and not o["invoice_issued_at"] for o in asked)
    traced = sum(o.get("traceable") is True for o in kept_orders)
    untraced = sum(o["outcome"] in ("kept", "late") and o.get("traceable") is not True for o in orders)
    fulfilment = {
        "completion_rate": rate(kept, kept + lost, n),
        "on_time_dispatch_rate": rate(kept, kept + sum(o["sent_broken"] for o in orders), n),
        "dispatch_time_used": rate(sum(o["used"] for o in orders if o["outcome"] != "surplus") / Fraction(1000), kept, n),
        "on_time_delivery_rate": rate(kept, kept + sum(o["there_broken"] for o in orders), n),
        "delivery_lateness": rate(sum(o["overdue"] for o in orders) / Fraction(1440), kept, n),
        "invoice_rate": rate(invoiced, invoiced + refused, recorded=any(o.get("invoice_asked") is not None for o in orders)),
        "traceable_share": rate(traced, traced + untraced),
        "non_delivery": rate(lost, kept + lost + 10, n),
    }  # fmt: skip
    late_refunds = Fraction(0)
    for o in orders:
        if wanted(o) and (o["refund_requested_at"] or not o["refunded_at"]):
            free, most = 1440 * p["refund_free_days"], 1440 * p["refund_cap_days"]
            since = o["refund_requested_at"] or o["ordered_at"]
            late_refunds += max(min(waited(night, since, o["refunded_at"]), most) - free, Fraction(0))
    full, part = [], []
    for c in own("complaints"):
        justified = c["outcome"] in ("upheld", "partly_upheld")
        excused = c["outcome"] in ("rejected", "withdrawn") or c["liability"] in ("buyer", "carrier", "platform")
        opened, longest = c["resolved_at"] is None, c["filed_at"] + int(p["resolution_days_most"]) * DAY
        c["past"] = c["resolution_due_at"] is not None or longest < night.now
        settled = c["outcome"] == "settled"
        if justified and not excused:
            full.append(c)
        elif c["of"] != "void" and (opened or (not excused and (settled or c["outcome"] is None))):
            (part if settled or (opened and not c["past"]) else full).append(c)
    count = full + part
    answer = sum(
        min(waited(night, c["filed_at"], c["first_response_at"] or c["resolved_at"]), 1440 * p["response_cap_days"])
        for c in count
    )
    end = sum(min(waited(night, c["filed_at"], c["resolved_at"]), 1440 * p["resolution_cap_days"]) for c in count)
    overdue = [
        c for c in count
        if (c["past"] if c["resolved_at"] is None else c["resolution_due_at"] and c["resolved_at"] > c["resolution_due_at"])
    ]  # fmt: skip
    outside = [c for c in count if c["channel"] in EXTERNAL or c["escalated_at"]]
    complainers = [c["buyer_id"] for c in count if c["buyer_id"]]
    causes = sum(wanted(o) and o.get("refund_reason") not in ("no_reason", "other") for o in orders)
    after_sales = {
        "complaint_rate": rate(len(full) + p["settled_share"] * len(part), kept, n),
        "upheld_complaint_rate": rate(len(full), kept, n),
        "first_response_hours": rate(Fraction(answer) / 60, kept, n),
        "resolution_days": rate(Fraction(end) / 1440, kept, n),
        "overdue_complaint_rate": rate(len(overdue), kept, n),
        "repeat_complaint_rate": rate(len(complainers) - len(set(complainers)), kept, n),
        "lost_dispute_rate": rate(sum(c in full for c in outside), kept, n),
        "escalation_rate": rate(len(outside), kept, n),
        "refund_for_cause_rate": rate(causes, kept, n),
        "refund_days": rate(late_refunds / 1440, kept, n),
    }
    reviews = [r for r in own("reviews") if not r["shared"]]
    good_of, bad_of = ("kept", "late"), ("kept", "late", "surplus", "undelivered", "seller_cancelled", "broken")
    named = [r for r in reviews if r["of"] in (good_of if r["rating_overall"] >= 4 else bad_of)]
    true = [r for r in named if r["authentic"] is not False]
    assert len({r["transaction_id"] for r in true}) == len(true), "one review an order in these stories"
    good, bad = ([r for r in true if keep(r["rating_overall"])] for keep in (lambda s: s >= 4, lambda s: s <= 2))
    judged_true = sum(r["authentic"] is True for r in good)
    judged_false = sum(r["authentic"] is False and r["rating_overall"] >= 4 for r in reviews)
    counterparty = {
        f"rating_{aspect}": rate(sum(r[f"rating_{aspect}"] for r in true if r[f"rating_{aspect}"] is not None),
                                 sum(r[f"rating_{aspect}"] is not None for r in true))
        for aspect in ("overall", "description", "service", "logistics")
    } | {
        "positive_share": rate(len(good), len(true)),
        "negative_share": rate(len(bad), len(good) + len(bad), len(true)),
        "review_coverage": rate(len(good), kept, n),
        "unanswered_negatives": rate(sum(r["replied_at"] is None for r in bad), kept, n),
        "distinct_reviewers": level(len({r["buyer_id"] for r in good if r["buyer_id"]}), n),
        "authentic_share": rate(judged_true, judged_true + judged_false, recorded=bool(true)),
    }  # fmt: skip
    buyers = Counter(o["buyer_id"] for o in kept_orders if o.get("buyer_id"))
    operation = {
        "order_volume": level(kept),
        "amount": level(sum((o["amount"] for o in kept_orders), Fraction(0))),
        "active_days": level(len({o["ordered_at"].date() for o in kept_orders})),
        "distinct_buyers": level(len(buyers), n),
        "returning_buyers": level(sum(times >= 2 for times in buyers.values()), n),
        "category_breadth": level(len({o.get("category") for o in kept_orders} - {None}), n),
        "deposit_held": level(subject.get("deposit_amount") or 0),
    }
    records = [
        r for r in own("public_records", window=False)
        if r["repaired_on"] is None and (r["valid_until"] is None or r["valid_until"] >= day)
    ]  # fmt: skip
    penalties = Fraction(0)
    for r in records:
        if r["kind"] == "administrative_penalty":
            grade = r["grade"] if r["grade"] in WEIGHTS else "serious"
            left = 1 - Fraction(months(r["valid_from"], day)) / p[f"penalty_months_{grade}"]
            penalties += max(left, Fraction(0)) * p[f"penalty_weight_{grade}"]
    taxes = sorted((r for r in records if r["kind"] == "tax_grade"), key=lambda r: r["valid_from"])
    kinds = Counter(r["kind"] for r in records)
    public_record = {
        "penalties": level(penalties),
        **{
            kind: level(int(kinds[kind] > 0))
            for kind in ("abnormal_operation", "serious_violation", "dishonest_debtor")
        },
        "tax_grade": level("DCMBA".index(taxes[-1]["grade"])) if taxes else Counted(None, None, Fraction(1)),
        "honours": level(kinds["award"] + kinds["certification"]),
    }
    violations = [v for v in own("violations") if v["withdrawn_at"] is None]
    frauds = [v for v in own("violations", window=False) if v["withdrawn_at"] is None and v["kind"] == "fraud"]
    step = int(p["fraud_step_days"]) * DAY
    sanctions = [s for s in own("sanctions", window=False) if s["until_at"] is None and s["lifted_at"] is None]
    passed, failed = 0, 0
    for check in own("spot_checks"):
        late = check["due_at"] is not None and not (check["answered_at"] and check["answered_at"] <= check["due_at"])
        passed += check["result"] == "passed" and not late
        failed += check["result"] in ("failed", "refused") or late
    in_force = {s["kind"] for s in sanctions}
    conduct = {
        "violations": level(sum((p[f"violation_weight_{v['severity']}"] for v in violations), Fraction(0))),
        "sanctions_in_force": level(sum((p[f"sanction_weight_{s['kind']}"] for s in sanctions), Fraction(0))),
        "manipulation": level(sum(v["kind"] in ("brushing", "review_manipulation") for v in violations)),
        "counterfeit": level(sum(v["kind"] == "counterfeit" for v in violations)),
        "fraud_upheld": level(max((sum(v["decided_at"] >= night.now - k * step for k in (1, 2, 3)) for v in frauds), default=0)),
        "service_ended": level(2 if "termination" in in_force else int("suspension" in in_force)),
        "spot_checks_passed": rate(passed, passed + failed, recorded=True),
    }  # fmt: skip
    return {
        "orders": level(n), **register, **fulfilment, **after_sales, **counterparty, **operation, **public_record, **conduct,
    }  # fmt: skip


def wanted(order: Row) -> bool:
    """Whether money of a binding order was asked back."""
    asked_back = (
        order.get("refund_requested_at") or order.get("refunded_at") or order.get("refund_reason") not in (None, "none")
    )
    return bool(asked_back) and order["outcome"] != "void"


def waited(night: Night, since: datetime, until: datetime | None) -> Fraction:
    """Minutes; where the wait is not over, days begun counting whole."""
    return minutes(until - since) if until else 1440 * Fraction(math.ceil((night.now - since) / DAY))


def identity(night: Night, s: Row) -> dict[str, Counted]:
    day = night.day
    licensed = bool(s.get("licence_no"))
    must = s["kind"] == "enterprise" or bool(s.get("uscc")) or licensed
    until, begun = s.get("licence_valid_until"), s.get("licence_valid_from")
    valid = licensed and until is not None and until >= day and (begun is None or begun <= day)
    # The codes of the stories have right check characters.
    filled = bool(s.get("uscc") or s.get("id_number")) + sum(
        s.get(name) is not None for name in ("name", "address", "contact", "category", "joined_on")
    )
    return {
        "registration_verified": flag(s.get("registration_verified_on") is not None),
        "code_valid": flag(bool(s.get("uscc") or s.get("id_number"))),
        "licence_valid": rate(int(valid), int(must), recorded=True),
        "contact_verified": flag(s.get("contact_verified_on") is not None),
        "icp_recorded": flag(s.get("icp_record") is not None),
        "months_on_platform": level(months(s["joined_on"], day) if s.get("joined_on") else 0),
        "reverified": flag(bool(s.get("verified_on")) and s["verified_on"] >= day - int(night.parameters["reverify_days"]) * DAY),
        "information_completeness": rate(filled, 6, 1),
    }  # fmt: skip


def bought(night: Night, subject: Row, days: int) -> dict[str, Counted]:
    """Every indicator of a buyer."""
    me = subject["subject_id"]

    def own(table: str) -> list[Row]:
        return [row for row in night.window(table, days) if row.get("buyer_id") == me]

    orders, reviews = own("transactions"), own("reviews")
    paid = [o for o in orders if o["paid_at"]]
    lapsed = [
        o for o in orders if o["cancelled_at"] and not o["paid_at"] and o["cancelled_by"] in ("buyer", "platform")
    ]
    done = [o for o in orders if o["completed_at"] and not o["cancelled_at"]]
    given_up = [o for o in paid if o["cancelled_by"] == "buyer" and o["cancel_reason"] != "stock_out"]
    times = sorted(minutes(o["paid_at"] - o["ordered_at"]) for o in paid)
    middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2 if times else None
    uncancelled = [o for o in orders if not o["cancelled_at"]]
    returned = [o for o in uncancelled if o.get("refund_reason") == "no_reason"]
    unfounded = [c for c in own("complaints") if c["outcome"] == "rejected" and c["liability"] == "buyer"]
    fraud = [o for o in orders if o["cancel_reason"] == "fraud_suspected"]
    judged = [r for r in reviews if r["authentic"] is not None]
    true = [r for r in reviews if r["authentic"] is not False]
    return {
        "orders": level(len(orders)),
        **identity(night, subject),
        "buyer_paid_rate": rate(len(paid), len(paid) + len(lapsed)),
        "buyer_completion_rate": rate(len(done), len(done) + len(given_up)),
        "buyer_payment_hours": Counted(middle / 60 if middle is not None else None, None, Fraction(len(times))),
        "buyer_no_reason_return_rate": rate(len(returned), len(uncancelled)),
        "buyer_unfounded_complaint_rate": rate(len(unfounded), len(orders)),
        "buyer_suspected_fraud_rate": rate(len(fraud), len(orders)),
        "buyer_authentic_share": rate(sum(r["authentic"] for r in judged), len(judged), recorded=bool(orders)),
        "buyer_review_coverage": rate(len(true), len(done)),
        "buyer_orders": level(len(orders), len(orders)),
        "buyer_active_days": level(len({o["ordered_at"].date() for o in orders}), len(orders)),
        "buyer_sellers": level(len({o["subject_id"] for o in orders}), len(orders)),
    }


# --- from counts to grades


def exact(number: Any) -> Fraction:
    return Fraction(str(number))


def curve_at(points: list[list[Any]], x: Fraction) -> Fraction:
    xs = [(exact(a), exact(b)) for a, b in points]
    if x <= xs[0][0]:
        return xs[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(xs):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return xs[-1][1]


def no_worse(points: list[list[Any]], value: Fraction, least: Fraction) -> Fraction:
    """The value, or where the curve marks `least` if it marks the value lower."""
    if curve_at(points, value) >= least:
        return value
    for (x0, y0), (x1, y1) in itertools.pairwise([(exact(x), exact(y)) for x, y in points]):
        if min(y0, y1) <= least <= max(y0, y1):
            return x0 + (x1 - x0) * (least - y0) / (y1 - y0)
    raise AssertionError(f"{points} marks nothing {least}")


@dataclass
class Marked:
    element: str
    rule: dict[str, Any]
    counted: Counted
    average: Fraction | None
    shrunk: Fraction | None
    mark: Fraction
    weight: Fraction
    points: int = 0


Count = Callable[[Night, Row, int], dict[str, Counted]]


@dataclass
class Book:
    data: dict[str, Any]

    @property
    def count(self) -> Count:
        return bought if self.data["subject"]["role"] == "buyer" else counted

    @property
    def parameters(self) -> dict[str, Fraction]:
        usual = {"buyer_month_most": 0, "trivial_amount": 0, "dispatch_days": 2, "dispatch_days_most": 15, "delivery_days": 10,
                 "delivery_days_most": 45, "dispatch_time_cap": 2, "lateness_cap_days": 30, "reverify_days": 183}  # fmt: skip
        own = {name: v["value"] for name, v in self.data.get("parameters", {}).items()}
        return {name: exact(number) for name, number in (usual | own).items()}

    @property
    def rules(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(element, rule) for element in self.data["elements"] for rule in element["indicators"]]

    @property
    def days(self) -> int:
        return int(self.data["window_days"]["value"])

    def mine(self, night: Night) -> list[Row]:
        kind, role = self.data["subject"]["kind"], self.data["subject"]["role"]
        return [s for s in night.seen["subjects"] if (s["kind"], s["role"]) == (kind, role)]

    def averages(self, night: Night, everybody: bool = False) -> dict[str, Fraction]:
        references = self.data.get("references")
        worth = exact(references["merchants"]["value"]) if references else Fraction(0)
        merchants = [
            self.count(night, s, self.days) for s in self.mine(night) if everybody or not s.get("self_operated")
        ]
        averages = {}
        for _, rule in self.rules:
            start = exact(rule["prior"]) if "prior" in rule else None
            k = exact(rule.get("strength", 0))
            if not k or (start is not None and not references):
                if start is not None:
                    averages[rule["id"]] = start
                continue
            top = bottom = Fraction(0)
            for merchant in merchants:
                c = merchant[rule["id"]]
                n = c.n if c.bottom is None else c.bottom
                share = n / (n + k)
                if n:
                    value = (c.top or Fraction(0)) if c.bottom is None else (c.top or Fraction(0)) / n
                    if references:
                        value = no_worse(rule["curve"], value, exact(references["least_mark"]["value"]))
                    bottom += share
                    top += share * value
            if start is not None:
                top, bottom = top + worth * start, bottom + worth
            if bottom:
                averages[rule["id"]] = top / bottom
        return averages

    def marks(self, merchant: dict[str, Counted], averages: dict[str, Fraction]) -> list[Marked]:
        marked = []
        for element, rule in self.rules:
            c, k, average = merchant[rule["id"]], exact(rule.get("strength", 0)), averages.get(rule["id"])
            if k and average is not None:
                n, top = (c.bottom, c.top) if c.bottom is not None else (c.n, (c.value or 0) * c.n)
                shrunk = ((top or 0) + k * average) / (n + k)
            else:
                shrunk = c.value if c.value is not None else average
            worst = min(exact(y) for _, y in rule["curve"])
            mark = worst if shrunk is None else curve_at(rule["curve"], shrunk)
            weight = exact(element["weight"]) * exact(rule["weight"]) / 10_000  # all is supplied in these stories
            marked.append(Marked(element["id"], rule, c, average, shrunk, mark, weight))
        parts = [m.mark * m.weight * 10_000 for m in marked]
        whole = [math.floor(part) for part in parts]
        missing = round(sum(parts)) - sum(whole)
        for i in sorted(range(len(parts)), key=lambda i: whole[i] - parts[i])[:missing]:
            whole[i] += 1
        for m, number in zip(marked, whole, strict=True):
            m.points = number
        return marked

    def evidence(self, marked: list[Marked]) -> Fraction:
        weights = {e["id"]: exact(e["weight"]) for e in self.data["elements"]}
        total = Fraction(0)
        for m in marked:
            k = exact(m.rule.get("strength", 0))
            trust = m.counted.n / (m.counted.n + k) if k else Fraction(int(m.counted.n > 0))
            total += weights[m.element] * exact(m.rule["weight"]) / 10_000 * trust
        return total

    def place(self, score: int) -> int:
        levels = self.data["grades"]["levels"]
        return next((i for i, e in enumerate(levels) if score >= exact(e["at_least"]) * 10_000), len(levels) - 1)


BOOKS = ("enterprise", "individual", "buyer")
GRADE = (
    "night", "rulebook", "subject", "orders", "score", "evidence", "grade_by_score", "grade_held", "past_edge", "grade", "vetoes",
    "provisional", "dormant", "self_operated", "not_rated_reason",
)  # fmt: skip
INDICATOR = (
    "element", "indicator", "state", "numerator", "denominator", "value", "observations", "strength", "average", "shrunk", "mark",
    "weight", "points",
)  # fmt: skip


@dataclass
class Story:
    """A subject on a night: the row of stories.csv, and what stands behind it."""

    book: Book
    subject: Row
    marked: list[Marked]
    row: dict[str, str]


def vetoes(
    book: Book, night: Night, subject: Row, merchant: dict[str, Counted], marked: list[Marked]
) -> list[dict[str, Any]]:
    holding = []
    for veto in book.data.get("vetoes", []):
        if "element" in veto:
            inside = [m for m in marked if m.element == veto["element"]]
            number = sum(m.mark * m.weight for m in inside) / sum(m.weight for m in inside)
        else:
            days = veto.get("window_days", book.days)
            measured = (merchant if days == book.days else book.count(night, subject, days))[veto["indicator"]].value
            if measured is None:
                continue
            number = measured
        if number > exact(veto["above"]) if "above" in veto else number < exact(veto["below"]):
            holding.append(veto)
    return holding


def strongest(holding: list[dict[str, Any]], symbols: list[str]) -> list[dict[str, Any]]:
    """Of several vetoes on one fact the one that does most."""

    def strength(veto: dict[str, Any]) -> tuple[bool, int]:
        return "fixed" in veto, symbols.index(veto.get("fixed") or veto["at_most"])

    def fact(veto: dict[str, Any]) -> tuple[str | None, str | None]:
        return veto.get("indicator"), veto.get("element")

    return [v for v in holding if strength(v) == max(strength(other) for other in holding if fact(other) == fact(v))]


def hold(book: Book, score: int, before: int | None) -> tuple[int, int]:
    """(place of the held grade, evaluations past its edge) on the second of two nights, the first being within its own."""
    now, margin = book.place(score), book.data.get("margin")
    if before is None or before == now or not margin:
        return now, 0
    points, side = int(exact(margin["points"]["value"]) * 10_000), 1 if now < before else -1
    passed = book.place(score - side * points)
    held = min(before, passed) if side > 0 else max(before, passed)
    return held, 0 if held == now else side


def reason(book: Book, orders: int, evidence: Fraction) -> str:
    few, thin = (exact(book.data["minimum"][name]["value"]) for name in ("orders", "evidence"))
    if orders == 0:
        return f"no_orders: none in {book.days} days, at least {few} needed"
    if orders < few:
        return f"too_few_orders: {orders} in {book.days} days, at least {few} needed"
    return f"too_little_evidence: {float(evidence):.4g}, at least {float(thin):g} needed" if evidence < thin else ""


def work_out() -> tuple[list[Story], dict[str, dict[str, Fraction]]]:
    """All stories on both nights, and the averages of the second, by rulebook."""
    tables, stories, averages_of = read(FOLDER / "marketplace"), [], {}
    for name in BOOKS:
        book = Book(yaml.safe_load((RULES / f"{name}.yaml").read_text(encoding="utf-8")))
        held: dict[str, int] = {}
        for day in NIGHTS:
            night = Night(day, tables, book.parameters)
            period = Night(PERIOD, tables, book.parameters) if "references" in book.data else night
            averages = averages_of[book.data["id"]] = book.averages(period, everybody=period is night)
            for subject in book.mine(night):
                merchant = book.count(night, subject, book.days)
                marked = book.marks(merchant, averages)
                stories.append(graded(book, night, subject, merchant, marked, held))
    return stories, averages_of


def graded(
    book: Book, night: Night, subject: Row, merchant: dict[str, Counted], marked: list[Marked], held: dict[str, int]
) -> Story:
    symbols = [level["grade"] for level in book.data["grades"]["levels"]]
    score, evidence = sum(m.points for m in marked), Fraction(round(book.evidence(marked) * 10_000), 10_000)
    orders = int(merchant["orders"].top or 0)
    why = reason(book, orders, evidence)
    place, past = hold(book, score, held.get(subject["subject_id"]))
    holding = vetoes(book, night, subject, merchant, marked)
    caps = [symbols.index(v["at_most"]) for v in holding if "at_most" in v]
    fixed = [symbols.index(v["fixed"]) for v in holding if "fixed" in v]
    if not why:
        held[subject["subject_id"]] = place
    grade = "NR" if why and not fixed else symbols[max([0 if why else place, *caps, *fixed])]
    provisional = book.data.get("provisional", {})
    little = not why and any(
        number < exact(provisional[name]["value"]) for name, number in (("orders", orders), ("evidence", evidence))
        if name in provisional
    )  # fmt: skip
    dormant = book.data.get("dormant_after_days")
    quiet = dormant and orders and not book.count(night, subject, int(dormant["value"]))["orders"].top
    row = {
        "night": night.day.isoformat(), "rulebook": book.data["id"], "subject": subject["subject_id"], "orders": str(orders),
        "score": "" if why else f"{score / 10_000:.4f}", "evidence": f"{float(evidence):.4f}",
        "grade_by_score": "NR" if why else symbols[book.place(score)], "grade_held": "NR" if why else symbols[place],
        "past_edge": "0" if why else str(past), "grade": grade, "vetoes": ";".join(v["id"] for v in strongest(holding, symbols)),
        "provisional": "yes" if little else "", "dormant": "yes" if quiet else "",
        "self_operated": "yes" if subject.get("self_operated") else "", "not_rated_reason": why,
    }  # fmt: skip
    return Story(book, subject, marked, row)


def decimals(number: Fraction | int | None, places: int = 8) -> str:
    if number is None:
        return ""
    text = f"{float(round(Fraction(number), places)):.{places}f}".rstrip("0").rstrip(".")
    return text or "0"


def indicator_rows(story: Story) -> list[dict[str, str]]:
    rows = []
    for m in story.marked:
        c = m.counted
        rows.append({
            "element": m.element, "indicator": m.rule["id"], "state": c.state, "numerator": decimals(c.top),
            "denominator": decimals(c.bottom), "value": decimals(c.value), "observations": decimals(c.n),
            "strength": decimals(exact(m.rule["strength"])) if "strength" in m.rule else "", "average": decimals(m.average),
            "shrunk": decimals(m.shrunk), "mark": decimals(m.mark), "weight": decimals(m.weight),
            "points": decimals(Fraction(m.points, 10_000)),
        })  # fmt: skip
    return rows


def write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    stories, averages = work_out()
    expected = FOLDER / "expected"
    write(expected / "stories.csv", GRADE, [story.row for story in stories])
    write(
        expected / "averages.csv",
        ("rulebook", "indicator", "average"),
        [
            {"rulebook": book, "indicator": name, "average": decimals(number)}
            for book, numbers in averages.items()
            for name, number in numbers.items()
        ],
    )
    for story in stories:
        if story.row["night"] == NIGHTS[-1].isoformat():
            write(expected / "indicators" / f"{story.row['subject']}.csv", INDICATOR, indicator_rows(story))


if __name__ == "__main__":
    main()

"""Merchants whose risk rises, ranked with reasons: evidence for a person, never part of a grade.

    watch(con, settings, day)    by what was known at the cut-off of `day`

Each merchant is compared with its own past and with the platform's present. A sign is how far chance would be from
explaining what is seen, in powers of ten (0 to MOST): 3 is one night in a thousand. Risk is the sum of the signs. How
early it warns, and how often without cause, is measured in docs/explanation/warning.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy.special import bdtrc, ndtr, pdtrc

from credit.evaluation import engine
from credit.indicators.base import Array
from credit.settings import Settings, cut_off
from credit.tables import TABLES
from credit.warehouse.connection import zone_of
from credit.warehouse.sql import statement

RECENT_DAYS = 7
"""What is new: a week evens out days of the week, and a scheme of three weeks is caught in its first."""
PAST_DAYS = 180
"""What is usual: the days before these."""
PRIOR_ORDERS = 20
"""A merchant's usual shares are shrunk to the platform's by so many orders."""
RIDGE = 1.0
"""Orders, or complaints, added to what is expected: the usual rate of a small shop is an estimate."""
SPREAD = 0.30
"""By this share the volume of an honest shop swings from week to week beyond chance, all else equal."""
LOW_PRICE = 0.7
"""Prices this much below the usual, or more, are low."""
LEAST = 2.0
"""A sign below this (one in a hundred) is left out."""
MOST = 8.0
"""Beyond this a sign says no more."""
ALARM = 6.0
"""Risk from which a merchant is listed unless asked otherwise: two or three of a thousand merchants a month on real
orders, far fewer on the simulator's steady ones."""

KINDS: dict[str, tuple[str, str]] = {
    "late_dispatch": ("连续延迟发货", "Late dispatch"),
    "complaints": ("投诉集中", "Burst of complaints"),
    "cheap_volume": ("低价放量", "Sudden volume at low price"),
    "silence": ("突然停滞", "Silence"),
}
_SENTENCES: dict[str, tuple[str, str]] = {
    "late_dispatch": (
        "近 {days} 天应发货的 {due} 单中有 {late} 单未按时发货（平时 {usual:.0%}）",
        "Of {due} orders due for dispatch in {days} days {late} were late (usually {usual:.0%})",
    ),
    "complaints": (
        "近 {days} 天有 {complaints} 件投诉（按平时约 {expected:.1f} 件）",
        "{complaints} complaints in {days} days (usually about {expected:.1f})",
    ),
    "cheap_volume": (
        "近 {days} 天有 {orders} 单（按平时约 {expected:.1f} 单），价格为平时的 {price:.0%}",
        "{orders} orders in {days} days (usually about {expected:.1f}), at {price:.0%} of the usual price",
    ),
    "silence": (
        "近 {days} 天没有订单（按平时约 {expected:.1f} 单）",
        "No order in {days} days (usually about {expected:.1f})",
    ),
}


@dataclass(frozen=True)
class Reason:
    """One sign: `power` is how many powers of ten chance is from explaining it."""

    kind: str
    power: float
    facts: Mapping[str, float]

    def zh(self) -> str:
        return self._sentence(_SENTENCES[self.kind][0], "，最近连续 {streak} 单延迟")

    def en(self) -> str:
        return self._sentence(_SENTENCES[self.kind][1], ", the last {streak} in a row")

    def _sentence(self, words: str, streak: str) -> str:
        return (words + streak * (self.facts.get("streak", 0) > 1)).format(**self.facts)


@dataclass(frozen=True)
class Alert:
    """A merchant whose risk rises; reasons strongest first."""

    subject_id: str
    day: date
    risk: float
    reasons: tuple[Reason, ...]

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "subject_id": self.subject_id,
            "day": str(self.day),
            "risk": self.risk,
            "reasons": [
                {"kind": reason.kind, "kind_zh": KINDS[reason.kind][0], "kind_en": KINDS[reason.kind][1],
                 "power": reason.power, "zh": reason.zh(), "en": reason.en(), "facts": dict(reason.facts)}
                for reason in self.reasons
            ],
        }  # fmt: skip


def watch(
    con: duckdb.DuckDBPyConnection, settings: Settings, day: date, *, least: float = ALARM, limit: int | None = None
) -> list[Alert]:
    """Merchants whose risk is at least `least`, highest first (of equal risk by id). Those that are suspended or
    terminated are left out: the platform has acted."""
    zone = zone_of(con, settings)
    moment = engine.Moment(cut_off(day, zone), zone)
    merchants = _merchants(con, moment)
    signs = _signs(merchants)
    risk = np.round(sum((np.asarray(powers) for powers, _ in signs.values()), np.zeros(len(merchants))), 3)
    alerts = []
    for i in np.flatnonzero(risk >= least):
        reasons = [
            Reason(kind, round(float(powers[i]), 3), {name: _whole(float(values[i])) for name, values in facts.items()})
            for kind, (powers, facts) in signs.items()
            if powers[i] > 0
        ]
        reasons.sort(key=lambda reason: -reason.power)
        alerts.append(Alert(str(merchants["s"][i]), day, float(risk[i]), tuple(reasons)))
    alerts.sort(key=lambda alert: (-alert.risk, alert.subject_id))
    return alerts[:limit]


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else round(value, 4)


def _merchants(con: duckdb.DuckDBPyConnection, moment: engine.Moment) -> pd.DataFrame:
    """One row a merchant that had an order in the last PAST_DAYS and RECENT_DAYS."""
    known = engine.known(con, moment)
    rows = {
        name: f"({known(TABLES[name]).to_native().sql_query()})"
        for name in ("transactions", "complaints", "sanctions", "subjects")
    }
    starts = {
        name: f"TIMESTAMPTZ '{moment.start(days).isoformat()}'"
        for name, days in (("recent", RECENT_DAYS), ("past", PAST_DAYS + RECENT_DAYS))
    }
    return con.execute(statement(__file__, "warning_merchants", **rows, **starts)).df()


def _power(chance: Any) -> Array:
    """Powers of ten by which chance fails, 0 below LEAST."""
    powers = np.minimum(
        -np.log10(np.maximum(np.nan_to_num(np.asarray(chance, dtype=np.float64), nan=1.0), 1e-300)), MOST
    )
    return np.where(powers < LEAST, 0.0, powers)


def _signs(merchants: pd.DataFrame) -> dict[str, tuple[Array, dict[str, Array]]]:
    """Kind -> (power, facts) of every merchant."""
    c = {name: merchants[name].to_numpy(dtype=np.float64) for name in merchants.columns if name != "s"}
    days = np.full(len(merchants), float(RECENT_DAYS))
    # What the week is for all others: a festival is no merchant's sign.
    past = max(float(c["days_before"].max(initial=0)), float(RECENT_DAYS))
    others, others_before = (c[name].sum() - c[name] for name in ("orders", "orders_before"))
    season = np.where(others_before > 0, others / RECENT_DAYS / (np.maximum(others_before, 1) / past), 1.0)
    rate = c["orders_before"] / np.maximum(c["days_before"], RECENT_DAYS)
    expected = rate * RECENT_DAYS * season

    usual = c["late_before"].sum() / max(c["due_before"].sum(), 1.0)
    late_share = (c["late_before"] + PRIOR_ORDERS * usual) / (c["due_before"] + PRIOR_ORDERS)
    late = np.where(c["late"] > 0, bdtrc(c["late"] - 1, c["due"], np.clip(late_share, 1e-4, 1 - 1e-4)), 1.0)

    per_order = c["complaints_before"].sum() / max(c["orders_before"].sum(), 1.0)
    share = (c["complaints_before"] + PRIOR_ORDERS * per_order) / (c["orders_before"] + PRIOR_ORDERS)
    # They follow orders of this week and of weeks before.
    complaints_expected = share * (c["orders"] + expected) / 2
    complained = np.where(c["complaints"] > 1, pdtrc(c["complaints"] - 1, complaints_expected + RIDGE / 4), 1.0)

    # Beyond chance a shop's volume swings by SPREAD: the normal law of a Poisson number with an uncertain mean.
    mean = expected + RIDGE
    risen = 1 - ndtr((c["orders"] - 0.5 - mean) / np.sqrt(mean + (SPREAD * mean) ** 2))
    price = np.exp(np.nan_to_num(c["price"] - c["price_before"]))
    error = np.sqrt(c["price_spread"] * (1 / np.maximum(c["orders"], 1) + 1 / np.maximum(c["orders_before"], 1)))
    fallen = np.where(
        (price <= LOW_PRICE) & (c["orders_before"] >= 5), ndtr(np.log(price) / np.maximum(error, 1e-6)), 1.0
    )
    cheap = np.where((_power(risen) > 0) & (_power(fallen) > 0), np.minimum(risen, fallen), 1.0)
    # Of two signs of one thing the weaker and half of the stronger.
    volume = np.where(cheap < 1, (_power(risen) + _power(fallen)) / 2, 0.0)

    quiet = np.where((c["orders"] == 0), np.exp(-expected / (1 + SPREAD**2 * expected)), 1.0)
    return {
        "late_dispatch": (
            _power(late),
            {"days": days, "due": c["due"], "late": c["late"], "usual": late_share, "streak": c["streak"]},
        ),
        "complaints": (
            _power(complained),
            {"days": days, "complaints": c["complaints"], "expected": complaints_expected},
        ),
        "cheap_volume": (volume, {"days": days, "orders": c["orders"], "expected": expected, "price": price}),
        "silence": (_power(quiet), {"days": days, "expected": expected}),
    }

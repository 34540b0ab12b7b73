"""The challengers on made-up sellers whose truth is known."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit.validation import challenger, metrics

EARLY, LATE = date(2026, 1, 1), date(2026, 4, 1)
SELLERS = 200


def night(day: date, seed: int) -> Any:
    """Sellers whose bad orders follow `a`; `b` says nothing, and the score is the wrong way round."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"s{i:03}" for i in range(SELLERS)], dtype=object)
    a, b = rng.uniform(size=SELLERS), rng.uniform(size=SELLERS)
    bad = rng.binomial(20, 0.5 - 0.4 * a).astype(float)
    x = pd.DataFrame({"indicator:a": a, "indicator:b": b}, index=index)
    past_night = SimpleNamespace(evaluation=SimpleNamespace(day=day))
    return challenger._Sellers(past_night, x, pd.DataFrame({"score": -a}, index=index), metrics.Sums(bad, 20 - bad))  # type: ignore[arg-type]


def judged(*nights: Any, days: int = 90, dates: set[date] | None = None) -> tuple[list[Any], list[str]]:
    notes: list[str] = []
    judged_nights = list(challenger._judged(nights, {LATE} if dates is None else dates, days, 4, 0, notes))
    return judged_nights, notes


def test_models_find_what_the_score_leaves_on_the_table() -> None:
    judged_nights, notes = judged(night(EARLY, 1), night(LATE, 2))
    assert notes == []
    table = challenger._measures(judged_nights, 50, 0).query("date == 'mean'").set_index("scorer")
    assert table.loc["score", "auc"] < 0.4
    for model in challenger.MODELS:
        assert table.loc[model, "auc"] > 0.6
        assert table.loc[model, "ahead_high"] < 0  # the score is behind with its whole interval
    assert (table["orders"] == SELLERS * 20).all()
    drops = challenger._importance(judged_nights).pivot(index="indicator", columns="model", values="drop")
    assert (drops.loc["a"] > 0.05).all()
    assert (drops.loc["b"].abs() < 0.02).all()


def test_a_night_is_not_judged_by_orders_it_could_not_know() -> None:
    """The orders of the 91 days after the early night are not over on the late one, which is 90 days later."""
    judged_nights, notes = judged(night(EARLY, 1), night(LATE, 2), days=91)
    assert judged_nights == []
    assert notes == [
        "2026-04-01 is not judged: the models need a night at least 91 days before it, with 20 rated sellers and bad orders after "
        "it; name earlier ones with --train"
    ]


def test_no_seller_is_predicted_by_its_own_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[set[str]] = []
    fit = challenger.fit
    monkeypatch.setattr(challenger, "fit", lambda model, x, sums: (learnt.append(set(x.index)), fit(model, x, sums))[1])
    early, late = night(EARLY, 1), night(LATE, 2)
    judged(early, late)
    parts = challenger._parts([early, late], 4, 0)
    assert sorted(map(len, learnt)) == [SELLERS * 3 // 4] * 8  # two models, four parts
    for i, sellers in enumerate(learnt):
        assert sellers == set(parts.index[parts != i // 2])


def test_boosting_goes_the_declared_way_only() -> None:
    """Where bad orders rise with an indicator of which more is better, the model may not use it."""
    sellers = night(EARLY, 3)
    turned = sellers.x.assign(**{"indicator:a": -sellers.x["indicator:a"]})
    model = challenger.fit(challenger.models(2)["boosting"], turned, sellers.sums)
    risk = model.predict_proba(turned.assign(**{"indicator:b": 0.5}))[:, 1]
    assert np.ptp(risk) < 1e-6

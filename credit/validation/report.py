"""What is shown of a back-test or of stability: tables, one picture (SVG, no network), one HTML page, and all numbers as CSV.

For analysts, so in English with Chinese names beside. `write` makes the same files whenever it is given the same result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from credit.errors import UserError
from credit.evaluation.grading import NOT_RATED
from credit.validation.backtest import POPULATIONS, Backtest
from credit.validation.baselines import OURS, PLAIN
from credit.validation.challenger import MODELS, Challenger
from credit.validation.outcomes import APART, FAULTS
from credit.validation.stability import Stability, matrix

Result = Backtest | Stability | Challenger

READING = {
    Backtest: (
        ("AUC 区分度", "The chance that of a bad and a good order the bad one's seller had the lower score: 0.5 says nothing, 1 all. In brackets 95 % by bootstrap over sellers. Gini is 2 AUC - 1."),
        ("Gain 增益", "The score's AUC less the baseline's, on the same orders and the same resampled sellers. Above 0 with its whole interval: better than the baseline."),
        ("KS", "The largest distance between the distributions of the score among bad and good orders."),
        ("Lift 提升度", "Bad rate of the tenth of orders with the lowest scores / that of all orders."),
        ("Bad rate by grade 各等级不良率", "With Jeffreys intervals, which take orders to be independent and are too narrow where few sellers stand behind a grade. The step to the next grade is judged by bootstrap over sellers."),
        ("Calibration 校准", "Bad rates predicted by a curve fitted on an earlier date against those observed. A ratio far from 1 tells that the whole market has changed; a slope below 1 that the score separates less than before."),
        ("Populations 范围", "rated: sellers with a published grade. known: all that had an order in the window before; for those not rated the unpublished score counts."),
    ),
    Stability: (
        ("Migration 等级迁移", "Rows: the grade before; columns: after. Nights are added up."),
        ("PSI, CSI", "How far a distribution moved (PSI: grades, scores; CSI: an indicator). Below 0.1 is usually called stable, above 0.25 shifted; with few merchants it is never 0."),
        ("Flicker 抖动", "Share of the merchants rated on every night that left a grade and came back to it by their next move; with the margin, and by score alone."),
        ("Size and age 规模与年限", "Excess is the bad rate of the group's later orders less what is usual at their scores. Below 0 with its whole interval: the group is graded down without cause; above 0: graded up."),
        ("Sensitivity 敏感度", "The night graded again with one weight 20 % higher or lower (the others share the rest), or one edge 1 point off: who changes grade, and what it does to the AUC."),
    ),
    Challenger: (
        ("AUC 区分度", "The chance that of a bad and a good order the bad one's seller had the lower score: 0.5 says nothing, 1 all. In brackets 95 % by bootstrap over sellers."),
        ("Ahead 领先", "The score's AUC less the other's, on the same orders and resampled sellers. Below 0 with its whole interval: the model finds what the rulebook leaves on the table."),
        ("Out of sample 样本外", "Each night is predicted by models of earlier nights whose period had ended by then, each seller by models that saw none of its orders. The rulebook sees neither."),
        ("Importance 重要性", "AUC lost when the indicator is shuffled among the sellers left out: what the model leans on. Indicators that say the same share their importance."),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ReportTable:
    """A table as it is shown: everything is text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    main: bool = True
    """Shown in the terminal too."""


def frames(result: Result) -> dict[str, pd.DataFrame]:
    """The tidy tables of a result, by name."""
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    return {name: value for name, value in values.items() if isinstance(value, pd.DataFrame)}


def as_json(result: Result) -> dict[str, Any]:
    """Everything, JSON-able: each table as rows, NaN as null."""
    document: dict[str, Any] = {"dates": [str(day) for day in result.dates], "bad": result.definition.text}
    document |= {"rulebooks": list(result.rulebooks), "notes": list(result.notes)}
    for name, table in frames(result).items():
        document[name] = json.loads(
            table.to_json(orient="records", date_format="iso", double_precision=6, default_handler=str)
        )
    return document


# --- tables ------------------------------------------------------------------------------------------------------------


def tables(result: Result) -> list[ReportTable]:
    """The tables to show, the most important first."""
    if isinstance(result, Challenger):
        return list(_challenger_tables(result))
    return list(_backtest_tables(result) if isinstance(result, Backtest) else _stability_tables(result))


def _named(names: Mapping[str, tuple[str, str]], subject: str) -> str:
    if subject not in names and f"indicator:{subject}" in names:
        subject = f"indicator:{subject}"
    return " ".join(names[subject]) if subject in names else subject


def _records(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def _number(value: float, digits: int = 3) -> str:
    return "-" if pd.isna(value) else f"{value:.{digits}f}"


def _between(row: Any, *, on: bool = True) -> str:
    """A value, with its interval where there is one and it is asked for."""
    value = _number(row.value)
    return value if not on or pd.isna(row.low) else f"{value} ({row.low:.3f} to {row.high:.3f})"


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.1%}"


def _scorers(result: Backtest) -> list[str]:
    """The rankings shown: the score, the grade, the plain ones, each element alone."""
    scorers = list(dict.fromkeys(result.measures["scorer"]))
    return [s for s in scorers if s in OURS or s in PLAIN or s.startswith("element:")]


def _backtest_tables(result: Backtest) -> Iterator[ReportTable]:
    orders = result.measures[result.measures["level"] == "order"]
    for label in result.rulebooks:
        for days in result.horizons:
            for population, (zh, en) in POPULATIONS.items():
                part = orders.query("rulebook == @label and days == @days and population == @population")
                auc = part[part["measure"] == "auc"]
                gain = part[(part["measure"] == "auc_below") & (part["date"] == "mean")]
                days_of = [day for day in (*result.dates, "mean") if day in set(part["date"])]
                rows = []
                for scorer in _scorers(result):
                    estimates = [auc[(auc["scorer"] == scorer) & (auc["date"] == day)] for day in days_of]
                    cells = [
                        _between(_records(estimate)[0], on=i == len(days_of) - 1) if len(estimate) else "-"
                        for i, estimate in enumerate(estimates)
                    ]
                    gained = _records(gain[gain["scorer"] == scorer])
                    rows.append((_named(result.names, scorer), *cells, _between(gained[0]) if gained else ""))
                yield ReportTable(
                    f"AUC by order, {label}, {days} days, {population} {zh}: {en}",
                    ("Ranking 排序", *map(str, days_of[:-1]), "Mean 平均 (95 %)", "Score's gain 增益 (95 %)"),
                    rows,
                    main=population == "rated",
                )
            yield _other_measures(result, label, days)
            grades = result.grades.query("rulebook == @label and days == @days and date == 'pooled'")
            steps = {row.worse: row for row in _records(result.rises.query("rulebook == @label and days == @days"))}
            yield ReportTable(
                f"Bad rate by grade 各等级不良率, {label}, {days} days, all dates",
                ("Grade 等级", "Sellers", "Orders", "Bad", "Rate (95 %)", "Step from the better grade (95 %)", "Verdict"),
                [
                    (
                        row.grade, f"{row.sellers:,}", f"{row.orders:,}", f"{row.bad:,}",
                        f"{row.rate:.1%} ({row.low:.1%} to {row.high:.1%})",
                        *(_step(steps[row.grade]) if row.grade in steps else ("", "")),
                    )
                    for row in _records(grades)
                ],
            )  # fmt: skip
    if len(result.fit):
        yield ReportTable(
            "Calibration 校准",
            ("Rulebook", "Date", "Days", "Fitted on", "Expected", "Observed", "Ratio", "Slope", "Brier", "Brier of the rate"),
            [
                (
                    row.rulebook, str(row.date), str(row.days), str(row.fitted_on), _percent(row.expected),
                    _percent(row.observed), *(_number(v) for v in (row.ratio, row.slope, row.brier, row.brier_of_rate)),
                )
                for row in _records(result.fit)
            ],
        )  # fmt: skip
    named = {name: f"{zh} {en}" for name, (zh, en) in (FAULTS | APART).items()}
    outcomes = result.outcomes.assign(
        outcome=lambda t: t["outcome"].map(named).fillna("不良合计 bad by the definition")
    )
    wide = outcomes.pivot_table(index="outcome", columns=["days", "date"], values="share", sort=False)
    yield ReportTable(
        "What happened 结果 (share of the order lines of all sellers)",
        ("Outcome", *(f"{column[1]} +{column[0]}" for column in wide.columns)),
        [(str(name), *map(_percent, row)) for name, row in zip(wide.index, wide.to_numpy(), strict=True)],
        main=False,
    )


def _other_measures(result: Backtest, label: str, days: int) -> ReportTable:
    ours = result.measures.query("rulebook == @label and days == @days and scorer == 'score'")
    ours = ours[~ours["measure"].isin(["auc_below"]) & (ours["date"] != "mean")]
    rows = []
    for (population, day), part in ours.groupby(["population", "date"], sort=False):
        estimates = {(row.level, row.measure): row for row in _records(part)}
        auc = estimates["order", "auc"]
        rows.append(
            (f"{day}, {population}", f"{auc.orders:,.0f}", _percent(auc.bad / auc.orders), f"{auc.sellers:,.0f}",
             _between(estimates["order", "gini"]), *(_number(estimates["order", m].value) for m in ("ks", "lift")),
             _number(estimates["seller", "auc"].value))
        )  # fmt: skip
    return ReportTable(
        f"The score 得分, {label}, {days} days",
        ("Date", "Orders", "Bad rate", "Sellers", "Gini (95 %)", "KS", "Lift", "AUC by seller"),
        rows,
        main=False,
    )


def _step(row: Any) -> tuple[str, str]:
    return f"{row.rise:+.1%} ({row.low:+.1%} to {row.high:+.1%})", str(row.verdict).replace("_", " ")


def _stability_tables(result: Stability) -> Iterator[ReportTable]:
    symbols = [*dict.fromkeys([*result.migration.get("before", []), *result.migration.get("after", [])])]
    symbols = sorted(symbols, key=lambda s: (s == NOT_RATED, *_place(s)))
    if len(result.migration):
        for (label, series, before, after), part in result.migration.groupby(
            ["rulebook", "series", "before_on", "after_on"], sort=False
        ):
            wide = matrix(part, symbols)
            title = f"Migration 等级迁移, {label}, {before} to {after}" + (", night by night" * (series == "nights"))
            rows = [
                (str(i), *(f"{n:,}" if n else "" for n in row))
                for i, row in zip(wide.index, wide.to_numpy(), strict=True)
            ]
            yield ReportTable(title, ("Before \\ after", *map(str, wide.columns)), rows, main=after == result.dates[-1])
    if len(result.flicker):
        yield ReportTable(
            "Flicker 抖动",
            ("Rulebook", "Nights", "Merchants", "By", "Moves", "There and back", "Merchants that do", "Rate"),
            [
                (r.rulebook, f"{r.since} to {r.until}", f"{r.merchants:,}", r.by, str(r.moves), str(r.returns),
                 str(r.flickering), _percent(r.rate))
                for r in _records(result.flicker)
            ],
        )  # fmt: skip
    if len(result.effect):
        yield ReportTable(
            f"Size and age 规模与年限, orders of the {result.days} days after",
            ("Group", "Merchants", "Rated", "Mean score", "Orders", "Observed", "Usual at the score", "Excess (95 %)"),
            [
                (
                    f"{r.by} {r.group}", f"{r.merchants:,}", f"{r.rated:,}", _number(r.mean_score, 1), f"{r.orders:,}",
                    _percent(r.observed), _percent(r.expected),
                    "-" if pd.isna(r.excess) else f"{r.excess:+.1%} ({r.low:+.1%} to {r.high:+.1%})",
                )
                for r in _records(result.effect)
            ],
        )  # fmt: skip
    if len(result.shift):
        top = result.shift.sort_values("index", ascending=False).groupby(["rulebook", "series", "kind"]).head(8)
        top = top.sort_values(["rulebook", "series", "kind"], ascending=[True, True, False], kind="stable")
        yield ReportTable(
            "Largest shifts 最大偏移 (PSI, CSI)",
            ("Of", "Kind", "Series", "Before", "After", "Index"),
            [
                (
                    _named(result.names, r.of),
                    r.kind.upper(),
                    r.series,
                    str(r.before_on),
                    str(r.after_on),
                    _number(r.index_),
                )
                for r in _records(top.rename(columns={"index": "index_"}))
            ],
        )
    if len(result.sensitivity):
        yield ReportTable(
            "Sensitivity 敏感度",
            ("What", "Of", "Change", "Merchants that change grade", "Share", "Mean change of score", "AUC"),
            [
                (
                    r.kind, _named(result.names, f"{r.kind}:{r.of}"), f"{r.change:+.0%}" if r.kind != "edge" else f"{r.change:+g}",
                    f"{r.moved:,}", _percent(r.share), _number(r.mean_change, 2), "" if pd.isna(r.auc_change) else f"{r.auc_change:+.4f}",
                )
                for r in _records(result.sensitivity.sort_values("moved", ascending=False, kind="stable"))
            ],
        )  # fmt: skip


def _challenger_tables(result: Challenger) -> Iterator[ReportTable]:
    for label, measures in result.measures.groupby("rulebook", sort=False):
        rows = []
        for row in _records(measures):
            ahead = (
                "-" if row.scorer == "score" else f"{row.ahead:+.3f} ({row.ahead_low:+.3f} to {row.ahead_high:+.3f})"
            )
            auc = f"{row.auc:.3f} ({row.low:.3f} to {row.high:.3f})"
            rows.append(
                [str(row.date), _named(result.names, row.scorer), auc, ahead, f"{row.orders:,}", f"{row.sellers:,}"]
            )
        columns = ("Date", "Ranked by", "AUC 区分度", "Score ahead by 得分领先", "Orders", "Sellers")
        yield ReportTable(f"{label}: out of sample, of rated sellers", columns, rows)
        importance = result.importance[result.importance["rulebook"] == label]
        drops = importance.pivot(index="indicator", columns="model", values="drop").sort_values(
            "boosting", ascending=False
        )
        yield ReportTable(
            f"{label}: AUC lost without the indicator 指标重要性",
            ("Indicator", *(_named(result.names, model) for model in MODELS)),
            [
                [_named(result.names, str(row[0])), *(_number(x, 4) for x in row[1:])]
                for row in _records(drops[list(MODELS)])
            ],
        )


def _place(symbol: str) -> tuple[str, int]:
    return symbol[:1], -len(symbol)


# --- picture -----------------------------------------------------------------------------------------------------------


def picture(result: Result) -> Any:
    """The picture, an Altair chart with its data inside."""
    if isinstance(result, Challenger):
        chart = _challenger_picture(result)
    else:
        chart = _backtest_picture(result) if isinstance(result, Backtest) else _stability_picture(result)
    return chart.configure_view(stroke=None).configure_axis(labelLimit=280)


def svg(chart: Any) -> str:
    """The chart drawn, without a network."""
    drawn: str = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()), allowed_base_urls=[])
    return drawn


def _values(table: pd.DataFrame) -> alt.InlineData:
    return alt.InlineData(values=json.loads(table.to_json(orient="records", date_format="iso", default_handler=str)))


def _backtest_picture(result: Backtest) -> Any:
    label, days = result.rulebooks[0], 90 if 90 in result.horizons else result.horizons[0]
    shown_measures = result.measures.query(
        "rulebook == @label and days == @days and level == 'order' and measure == 'auc'"
    )
    shown_measures = shown_measures[
        (shown_measures["population"] == "rated") & shown_measures["scorer"].isin(_scorers(result))
    ]
    named = shown_measures["scorer"].map(lambda scorer: _named(result.names, scorer))
    auc = shown_measures.assign(
        named=named, ours=shown_measures["scorer"].isin(OURS), date=shown_measures["date"].astype(str)
    )
    means = auc[auc["date"] == "mean"]
    order = list(means.sort_values("value", ascending=False)["named"])
    y = alt.Y("named:N", sort=order, title=None)
    scale = alt.Scale(zero=False)
    colour = alt.Color("ours:N", scale=alt.Scale(domain=[True, False], range=["#b3261e", "#41576b"]), legend=None)
    left = alt.layer(
        alt.Chart(_values(means)).mark_rule(strokeWidth=3).encode(
            y=y, x=alt.X("low:Q", scale=scale, title="AUC (bar: 95 % of the mean; circles: the dates)"), x2="high:Q", color=colour
        ),
        alt.Chart(_values(auc[auc["date"] != "mean"])).mark_circle(opacity=0.5, size=30).encode(y=y, x="value:Q", color=colour),
        alt.Chart(_values(means)).mark_tick(thickness=3, size=16).encode(y=y, x="value:Q", color=colour),
    ).properties(width=380, height=max(180, 22 * len(order)), title=f"Ranking orders 排序能力, {days} days, rated sellers")  # fmt: skip
    grades = result.grades.query("rulebook == @label and days == @days and date == 'pooled'")
    x = alt.X("grade:N", sort=list(grades["grade"]), title="Grade 等级")
    right = alt.layer(
        alt.Chart(_values(grades)).mark_bar(color="#c8d3dc").encode(x=x, y=alt.Y("rate:Q", axis=alt.Axis(format="%"), title="Bad orders 不良订单 (95 % Jeffreys)")),
        alt.Chart(_values(grades)).mark_rule(strokeWidth=2).encode(x=x, y="low:Q", y2="high:Q"),
    ).properties(width=300, height=max(180, 22 * len(order)), title="Bad rate by grade 各等级不良率")  # fmt: skip
    return alt.hconcat(left, right).properties(title=f"{label}: {result.definition.text}")


def _challenger_picture(result: Challenger) -> Any:
    """AUC with its interval, a panel a date."""
    measures = result.measures.assign(ranked=[_named(result.names, name) for name in result.measures["scorer"]])
    measures["panel"] = measures["rulebook"] + ", " + measures["date"].map(str)
    base = alt.Chart(_values(measures)).encode(y=alt.Y("ranked:N", title=None, sort=None))
    zero = alt.Scale(zero=False)
    bars = base.mark_rule().encode(x=alt.X("low:Q", title="AUC 区分度", scale=zero), x2="high:Q")
    dots = base.mark_point(filled=True, size=60).encode(x=alt.X("auc:Q", scale=zero))
    return (bars + dots).properties(width=420).facet(row=alt.Row("panel:N", title=None, sort=None))


def _stability_picture(result: Stability) -> Any:
    parts: list[Any] = []
    label = result.rulebooks[0]
    if len(result.migration):
        newest = result.migration.query("rulebook == @label").iloc[::-1]
        newest = newest[newest["after_on"] == newest["after_on"].max()]
        newest = newest[newest["series"] == ("dates" if "dates" in set(newest["series"]) else "nights")]
        newest = newest[newest["before_on"] == newest["before_on"].max()]
        symbols = sorted({*newest["before"], *newest["after"]}, key=lambda s: (s == NOT_RATED, *_place(s)))
        x, y = (
            alt.X("after:N", sort=symbols, title=f"{newest['after_on'].iloc[0]}"),
            alt.Y("before:N", sort=symbols, title=f"{newest['before_on'].iloc[0]}"),
        )
        base = alt.Chart(_values(newest))
        parts.append(
            alt.layer(
                base.mark_rect().encode(x=x, y=y, color=alt.Color("share:Q", scale=alt.Scale(scheme="blues"), legend=None)),
                base.mark_text(fontSize=10).encode(x=x, y=y, text="merchants:Q"),
            ).properties(width=300, height=300, title="Migration 等级迁移 (merchants)")
        )  # fmt: skip
    effect = result.effect.query("rulebook == @label").dropna(subset="excess") if len(result.effect) else result.effect
    if len(effect):
        effect = effect.assign(named=effect["by"] + " " + effect["group"].astype(str))
        y = alt.Y("named:N", sort=list(effect["named"]), title=None)
        base = alt.Chart(_values(effect))
        parts.append(
            alt.layer(
                base.mark_rule(strokeWidth=3, color="#41576b").encode(
                    y=y, x=alt.X("low:Q", axis=alt.Axis(format="%"), title="Bad rate above the usual at the score"), x2="high:Q"
                ),
                base.mark_tick(thickness=3, size=16, color="#b3261e").encode(y=y, x="excess:Q"),
                alt.Chart().mark_rule(strokeDash=[4, 3]).encode(x=alt.datum(0)),
            ).properties(width=260, height=300, title="Size (orders) and age (months) 规模与年限")
        )  # fmt: skip
    if len(result.sensitivity):
        sensitivity = result.sensitivity.query("rulebook == @label")
        widest = (
            sensitivity.groupby(["kind", "of"])["share"]
            .max()
            .reset_index()
            .sort_values("share", ascending=False)
            .head(12)
        )
        widest = widest.assign(
            named=[
                _named(result.names, f"{k}:{o}") if k != "edge" else f"edge 分界 {o}"
                for k, o in zip(widest["kind"], widest["of"], strict=True)
            ]
        )
        parts.append(
            alt.Chart(_values(widest)).mark_bar(color="#41576b").encode(
                y=alt.Y("named:N", sort="-x", title=None), x=alt.X("share:Q", axis=alt.Axis(format="%"), title="Merchants that change grade")
            ).properties(width=240, height=300, title="Sensitivity 敏感度")
        )  # fmt: skip
    if not parts:
        raise UserError("there is nothing to draw: nobody is rated on these days; choose later ones")
    return alt.hconcat(*parts).properties(title=label)


# --- files -------------------------------------------------------------------------------------------------------------


def page(result: Result, drawn: str | None = None) -> str:
    """The HTML page: picture (as `drawn`, or drawn anew), tables and how to read them, in one file that asks for nothing else."""
    room = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    kind = {Backtest: "Back-test 回溯检验", Stability: "Stability 稳定性", Challenger: "Challenger 挑战模型"}[
        type(result)
    ]
    dates = ", ".join(map(str, result.dates))
    return room.get_template("report.html").render(
        title=f"{kind}: {', '.join(result.rulebooks)}",
        lead=f"Graded with what was known at the beginning of {dates}. Bad orders 不良订单: {result.definition.text}.",
        notes=result.notes,
        picture=Markup(drawn or svg(picture(result))),
        tables=tables(result),
        reading=READING[type(result)],
    )


def write(result: Result, folder: Path) -> list[Path]:
    """Write index.html, picture.svg, result.json and a CSV a table into `folder`, made if it is not there.

    Raises UserError where that cannot be written.
    """
    drawn = svg(picture(result))
    texts = {"index.html": page(result, drawn), "picture.svg": drawn}
    texts["result.json"] = json.dumps(as_json(result), ensure_ascii=False, indent=1) + "\n"
    for name, table in frames(result).items():
        texts[f"{name}.csv"] = table.round(6).to_csv(index=False, lineterminator="\n")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {folder} cannot be written: {error.strerror}; choose a folder that can") from None
    return [folder / name for name in texts]

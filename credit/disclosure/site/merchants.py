"""The page of a merchant, made from its document alone: an unchanged document gives the same bytes on any night."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from markupsafe import Markup, escape

from credit.disclosure.documents import to_json
from credit.disclosure.site import charts, words
from credit.disclosure.site.frame import render
from credit.disclosure.site.words import both, cell, iso

Document = dict[str, Any]

ROOT: Final = "../../"

Row = tuple[str, str, tuple[str, ...], str]
"""A line of a table of figures: Chinese, English, where the figure is, its unit."""

FIGURES: Final[tuple[tuple[str, str, tuple[Row, ...]], ...]] = (
    ("交易", "Transactions", (
        ("订单数", "Orders", ("transactions", "orders"), "count"),
        ("交易额", "Amount", ("transactions", "amount"), "amount"),
        ("订单完成率", "Completed", ("transactions", "completion_rate"), "share"),
        ("按时发货率", "Sent on time", ("transactions", "on_time_dispatch_rate"), "share"),
        ("按时送达率", "Delivered on time", ("transactions", "on_time_delivery_rate"), "share"),
        ("退款率", "Refund rate", ("transactions", "refund_rate"), "share"),
    )),
    ("评价", "Reviews", (
        ("评价数", "Reviews", ("reviews", "count"), "count"),
        ("平均星级", "Mean stars", ("reviews", "mean"), "stars"),
        ("评价覆盖率", "Reviews per order", ("reviews", "coverage"), "per_order"),
    )),
    ("投诉", "Complaints", (
        ("投诉件数", "Complaints", ("complaints", "count"), "count"),
        ("投诉率", "Complaints per order", ("complaints", "rate"), "per_order"),
        ("认定商家责任", "Merchant liable", ("complaints", "upheld"), "count"),
        ("首次响应（小时，中位数）", "First response, median hours", ("complaints", "response_median_hours"), "hours"),
        ("办结（天，中位数）", "Resolved, median days", ("complaints", "resolution_median_days"), "days"),
    )),
)  # fmt: skip
COMPLAINTS: Final[tuple[tuple[str, str, tuple[Row, ...]], ...]] = (
    ("处理结果", "How they ended", tuple((zh, en, ("complaints", "by_outcome", code), "count") for code, zh, en in (
        ("upheld", "支持，商家责任", "Upheld, merchant liable"),
        ("partly_upheld", "部分支持，商家责任", "Upheld in part, merchant liable"),
        ("others_liable", "支持，其他方责任", "Upheld, others liable"),
        ("rejected", "不予支持", "Rejected"),
        ("settled", "和解", "Settled"),
        ("withdrawn", "撤回", "Withdrawn"),
        ("unrecorded", "已办结，结果未记录", "Ended, outcome not recorded"),
        ("open", "处理中", "Open"),
    ))),
    ("投诉渠道", "Where they were made", tuple((zh, en, ("complaints", "by_channel", code), "count") for code, zh, en in (
        ("platform", "平台", "Platform"),
        ("12315", "12315 热线", "12315 hotline"),
        ("association", "消费者组织", "Consumers' association"),
        ("mediation", "调解", "Mediation"),
        ("arbitration", "仲裁", "Arbitration"),
        ("court", "法院", "Court"),
    ))),
)  # fmt: skip
OPERATOR: Final = (
    ("name", "名称", "Name"),
    ("uscc", "统一社会信用代码", "Unified social credit code"),
    ("licence_no", "营业执照号", "Business licence"),
    ("licence_valid_from", "执照有效期起", "Licence valid from"),
    ("licence_valid_until", "执照有效期止", "Licence valid until"),
    ("permit_no", "行政许可证号", "Administrative permit"),
    ("permit_valid_until", "许可有效期止", "Permit valid until"),
    ("icp_record", "网站备案号", "ICP record"),
    ("address", "经营地址", "Address of business"),
    ("contact", "联系方式", "Contact"),
    ("category", "主营类目", "Main category"),
    ("joined_on", "入驻日期", "Joined the platform"),
    ("verified_on", "最近核验", "Last verified"),
)
WHY_NOT: Final = {
    "missing": ("平台未掌握", "not known to the platform"),
    "masked": ("自然人信息，已脱敏", "a natural person's, masked"),
    "withheld": ("自然人信息，不予公示", "a natural person's, withheld"),
    "not_applicable": ("未载明", "none stated"),
}


class Merchants:
    """Makes merchants' pages. `context`: {"platform": {zh, en}, "development", "contact", "zone"}."""

    def __init__(self, context: dict[str, Any]) -> None:
        self._context = context

    def page(self, document: Document, path: str) -> bytes:
        """The page of a merchant. `path` is that of its document below the site's root."""
        name = path.rpartition("/")[2].removesuffix(".json")
        return render(
            "merchant.html",
            self._context,
            ROOT,
            {
                "d": document,
                "subject": document["subject"],
                "file": words.href(name),
                "jsonld": Markup(to_json(_jsonld(document)).decode()),
                "trend": _trend(document),
                "elements": _elements(document["elements"]),
                "figures": figures_table(document["figures"], FIGURES, *_caption(document["currency"])),
                "reviews": stars(document["figures"]),
                "complaints": figures_table(document["figures"], COMPLAINTS, "投诉件数", "Complaints"),
                "operator": _operator(document["subject"]),
            },
        )


# --- parts -------------------------------------------------------------------------------------------------------


def _caption(currency: str | None) -> tuple[str, str]:
    return (f"金额币种 {currency}", f"Amounts in {currency}") if currency else ("近期情况", "Recent figures")


def _elements(elements: list[dict[str, Any]]) -> Markup:
    """Each element as a bar as long as its weight, filled with its points, and its indicators below it."""
    most = 100 * max(element["effective_weight"] for element in elements) or 1.0
    return Markup("").join([_element(element, most) for element in elements])


def _element(element: dict[str, Any], most: float) -> Markup:
    full, points = 100 * element["effective_weight"], element["points"]
    told = "—" if points is None else f"{points:.2f}"
    rows = "".join(
        [
            f"{_heading(one['name_zh'], one['name_en'], one['window_days'])}{_value(one)}"
            for one in element["indicators"]
        ]
    )
    return Markup(
        f"<div class=element><h3>{_named(element['name_zh'], element['name_en'])}</h3><p class=pts><b>{told}</b> / {full:.2f}</p>"
        f"{charts.bar(points or 0, full, most)}{_reweighted(element['weight'], round(full, 2))}"
        f"<details><summary>{_count(len(element['indicators']))}</summary><table>{_HEAD}{rows}</table></details></div>"
    )


_HEAD = (
    f"<tr><th scope=col>{both('指标', 'Indicator')}<th scope=col>{both('数值', 'Value')}"
    f"<th scope=col>{both('得分 / 满分', 'Points / of')}"
)


@lru_cache(maxsize=256)
def _named(zh: str, en: str) -> str:
    return both(zh, en)


@lru_cache(maxsize=256)
def _count(indicators: int) -> str:
    return both(f"{indicators} 项指标", f"{indicators} indicators")


@lru_cache(maxsize=4_096)
def _reweighted(weight: float, full: float) -> str:
    """Said where what is not measured gave its weight to the rest."""
    if abs(weight - full) < 0.01:
        return ""
    return f"<p class=note>{both(f'规则权重 {weight:g}，因部分指标未计量而调整', f'Weight in the rules {weight:g}; adjusted for what is not measured')}</p>"


@lru_cache(maxsize=1_024)
def _heading(zh: str, en: str, days: int) -> str:
    window = "" if days == 365 else f" <small>{both(f'近 {days} 日', f'{days} days')}</small>"
    return f"<tr><th scope=row>{both(zh, en)}{window}"


def _value(one: dict[str, Any]) -> str:
    """The cells of an indicator: its value and its points, or why there are none."""
    if one["state"] == "measured":
        if (value := one.get("value")) is not None:
            told = words.measured(one["unit"], value)
        else:
            told = words.band(one["at_least"], one["below"], one["unit"] == "amount")
        return f"<td>{told}{_points(one['points'], one['effective_weight'])}"
    if one["points"] is None:
        return _nothing(one["state"])
    return f"<td>{words.state(one['state'])}{_points(one['points'], one['effective_weight'])}"


@lru_cache(maxsize=8)
def _nothing(state: str) -> str:
    return f"<td colspan=2>{words.state(state)}"


def _points(points: float | None, weight: float) -> str:
    return f"<td>{'—' if points is None else f'{points:.2f}'} / {100 * weight:.2f}"


def figures_table(
    figures: list[dict[str, Any]], groups: tuple[tuple[str, str, tuple[Row, ...]], ...], zh: str, en: str
) -> Markup:
    """The figures of every window beside each other, in groups of lines."""
    parts = [_figures_head(zh, en, tuple(window["window_days"] for window in figures))]
    for group_zh, group_en, rows in groups:
        parts.append(_group(group_zh, group_en, len(figures) + 1))
        for row_zh, row_en, place, unit in rows:
            parts.append(_row(row_zh, row_en))
            for window in figures:
                shown: Any = window
                for key in place:
                    shown = shown[key]
                parts.append(f"<td>{cell(shown, unit)}")
    parts.append("</table>")
    return Markup("".join(parts))


_LEGEND = ("※ 数量过少不予公示；— 缺少数据；/ 不适用。", "※ too few to publish; — no data; / not applicable.")


@lru_cache(maxsize=256)
def _figures_head(zh: str, en: str, windows: tuple[int, ...]) -> str:
    return (
        f"<table class=figures><caption>{both(f'{zh}。{_LEGEND[0]}', f'{en}. {_LEGEND[1]}')}</caption>"
        f"<thead><tr><th scope=col>{both('项目', 'Item')}{_windows(windows)}</thead>"
    )


def _windows(windows: tuple[int, ...]) -> str:
    return "".join(f"<th scope=col>{both(f'{days} 日', f'{days} d')}" for days in windows)


@lru_cache(maxsize=256)
def _group(zh: str, en: str, columns: int) -> str:
    return f"<tbody><tr><th scope=rowgroup colspan={columns}>{both(zh, en)}"


@lru_cache(maxsize=256)
def _row(zh: str, en: str) -> str:
    return f"<tr><th scope=row>{both(zh, en)}"


def stars(figures: list[dict[str, Any]]) -> Markup:
    """Reviews by stars: the numbers of every window, and bars for the longest."""
    longest = figures[-1]["reviews"]["distribution"]
    most = max([shown["value"] or 0 for shown in longest.values()]) or 1
    rows = []
    for star in ("5", "4", "3", "2", "1"):
        cells = "".join([f"<td>{cell(window['reviews']['distribution'][star], 'count')}" for window in figures])
        shown = longest[star]
        drawn = charts.bar(shown["value"], most, most) if shown["value"] is not None else ""
        rows.append(f"<tr><th scope=row>{_star(star)}<td class=drawn>{drawn}{cells}")
    return Markup(f"{_stars_head(tuple(window['window_days'] for window in figures))}{''.join(rows)}</table>")


@lru_cache(maxsize=8)
def _stars_head(windows: tuple[int, ...]) -> str:
    zh = f"各星级评价数，条形为近 {windows[-1]} 日。{_LEGEND[0]}"
    en = f"Reviews by stars; bars show {windows[-1]} days. {_LEGEND[1]}"
    return (
        f"<table class=stars><caption>{both(zh, en)}</caption><thead><tr><th scope=col>{both('星级', 'Stars')}"
        f"<td>{_windows(windows)}</thead><tbody>"
    )


@lru_cache(maxsize=8)
def _star(star: str) -> str:
    return both(f"{star} 星", f"{star} star{'' if star == '1' else 's'}")


_KEPT = 24
"""Months a chart shows; the document has all."""


def _trend(document: Document) -> Markup | None:
    """The chart, where there are scores to draw, and its table; None where there are fewer than two evaluations."""
    points = (document["trend"]["points"] or [])[-_KEPT:]
    if len(points) < 2:
        return None
    told = "; ".join(f"{iso(p['on'])[:7]} {p['grade']} {_score(p['score'])}" for p in (points[0], points[-1]))
    rows = "".join(
        [
            f"<tr><th scope=row>{iso(p['on'])}<td>{charts.safe(p['grade'])}<td>{_score(p['score'])}<td>{charts.safe(p['rulebook_version'])}"
            for p in reversed(points)
        ]
    )
    scored = sum(p["score"] is not None for p in points) > 1
    drawn = charts.trend(points, told) if scored else _NOTHING_DRAWN
    changed = scored and any(p["rulebook_version"] != points[0]["rulebook_version"] for p in points)
    return Markup(f"{drawn}{_RULES_CHANGED if changed else ''}{_TREND_HEAD}{rows}</table></details>")


_TREND_HEAD = (
    f"<details><summary>{both('走势数据', 'The numbers')}</summary><table><tr><th scope=col>{both('评价日', 'Evaluated on')}"
    f"<th scope=col>{both('等级', 'Grade')}<th scope=col>{both('得分', 'Score')}<th scope=col>{both('规则版本', 'Rules')}"
)
_NOTHING_DRAWN = f"<p class=note>{both('这些评价中少于两次有得分，不绘图。', 'Fewer than two of these evaluations have a score: no chart.')}</p>"
_RULES_CHANGED = f"<p class=note>{both('虚线处评价规则换用新版本。', 'At the dotted line a new version of the rules took effect.')}</p>"


def _score(score: float | None) -> str:
    return "—" if score is None else f"{score:.2f}"


def _operator(subject: dict[str, Any]) -> Markup:
    states = subject["states"]
    rows = []
    for column, zh, en in OPERATOR:
        value, state = subject[column], states.get(column)
        told = "" if value is None else f"<bdi>{escape(value if isinstance(value, str) else iso(value))}</bdi>"
        why = f"<span class=na>{both(*WHY_NOT[state])}</span>" if state else ""
        rows.append(f"<div><dt>{both(zh, en)}<dd>{told} {why}</div>")
    return Markup("".join(rows))


def _jsonld(document: Document) -> dict[str, Any]:
    """The same for search engines, by schema.org: one rating by the platform, not an average of consumers' ratings."""
    subject, by = document["subject"], document["disclosure"]["by"]["zh"]
    about: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "OnlineStore",
        "name": subject["name"] or subject["subject_id"],
        "identifier": [{"@type": "PropertyValue", "propertyID": "subject_id", "value": subject["subject_id"]}],
    }
    if subject["kind"] == "enterprise":
        if subject["uscc"]:
            about["identifier"].append({"@type": "PropertyValue", "propertyID": "USCC", "value": subject["uscc"]})
        about |= {key: subject[key] for key in ("address",) if subject[key]}
    rating: dict[str, Any] = {
        "@type": "Rating",
        "name": document["grade"],
        "author": {"@type": "Organization", "name": by},
        "ratingExplanation": document["meaning"]["zh"],
    }
    if document["score"] is not None:
        rating |= {"ratingValue": document["score"], "bestRating": 100, "worstRating": 0}
    about["review"] = {
        "@type": "Review",
        "author": {"@type": "Organization", "name": by},
        "datePublished": iso(document["evaluated_on"]),
        "reviewRating": rating,
    }
    return about

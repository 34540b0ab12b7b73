"""The page of a merchant, made from its document alone: an unchanged document gives the same bytes on any night."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from markupsafe import Markup, escape

from credit.disclosure import alerts
from credit.disclosure.site import charts, words
from credit.disclosure.site.frame import Form, gap, render
from credit.disclosure.site.words import bilingual, both, cell, iso
from credit.files.formats import to_json
from credit.indicators import CATALOGUE

Document = dict[str, Any]

ROOT: Final = "../../"

Row = tuple[str, str, str, str]
"""A line of a table of figures: Chinese, English, name of the figure, its unit."""
Group = tuple[str, str, tuple[str, ...], tuple[Row, ...]]
"""Lines of a table: Chinese, English, where their figures are, the lines."""

FIGURES: Final[tuple[Group, ...]] = (
    ("交易", "Transactions", ("transactions",), (
        ("订单数", "Orders", "orders", "count"),
        ("交易额", "Amount", "amount", "amount"),
        ("订单完成率", "Completed", "completion_rate", "share"),
        ("按时发货率", "Sent on time", "on_time_dispatch_rate", "share"),
        ("按时送达率", "Delivered on time", "on_time_delivery_rate", "share"),
        ("退款率", "Refund rate", "refund_rate", "share"),
    )),
    ("评价", "Reviews", ("reviews",), (
        ("评价数", "Reviews", "count", "count"),
        ("平均星级", "Mean stars", "mean", "stars"),
        ("每百单评价数", "Reviews per 100 orders kept", "coverage", "per_hundred"),
    )),
    ("投诉", "Complaints", ("complaints",), (
        ("投诉件数", "Complaints", "count", "count"),
        ("投诉率", "Complaints per order", "rate", "per_order"),
        ("认定商家责任", "Merchant liable", "upheld", "count"),
        ("首次响应时长（小时，中位数）", "First response, median hours", "response_median_hours", "hours"),
        ("办结时长（天，中位数）", "Resolved, median days", "resolution_median_days", "days"),
    )),
)  # fmt: skip
COMPLAINTS: Final[tuple[Group, ...]] = (
    ("处理结果", "How they ended", ("complaints", "by_outcome"), tuple((zh, en, code, "count") for code, zh, en in (
        ("upheld", "支持，商家责任", "Upheld, merchant liable"),
        ("partly_upheld", "部分支持，商家责任", "Upheld in part, merchant liable"),
        ("others_liable", "支持，其他方责任", "Upheld, others liable"),
        ("rejected", "不予支持", "Rejected"),
        ("settled", "和解", "Settled"),
        ("withdrawn", "撤回", "Withdrawn"),
        ("unrecorded", "已办结，结果未记录", "Ended, outcome not recorded"),
        ("open", "处理中", "Open"),
    ))),
    ("投诉渠道", "Where they were made", ("complaints", "by_channel"), tuple((zh, en, code, "count") for code, zh, en in (
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
    ("shop_name", "店铺名称", "Shop"),
    ("uscc", "统一社会信用代码", "Unified social credit code"),
    ("licence_no", "营业执照号", "Business licence"),
    ("licence_valid_from", "执照有效期自", "Licence valid from"),
    ("licence_valid_until", "执照有效期至", "Licence valid until"),
    ("permit_no", "行政许可证号", "Administrative permit"),
    ("permit_valid_until", "许可有效期至", "Permit valid until"),
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


_SHARED: Final = (
    "grade", "meaning", "scale", "provisional", "dormant", "not_rated", "objections", "notices", "evaluated_on", "rulebook",
    "disclosure",
)  # fmt: skip
"""Parts of a document that many have in common; the page of who has an objection or notice is one of its own."""


ON_THE_DAY: Final = both("评价日", "on the day")
"""In place of the days of a window, of what has none."""


class Merchants:
    """Makes merchants' pages. `context`: {"platform": {zh, en}, "development", "contact", "zone", "address" (of the site, or None)}."""

    def __init__(self, context: dict[str, Any]) -> None:
        self._context = context
        # By hash of the rulebook: it says which there are.
        self._elements: dict[str, Form] = {}

    def page(self, document: Document, path: str) -> bytes:
        """The page of a merchant. `path` is that of its document below the site's root."""
        subject, figures = document["subject"], document["figures"]
        form = _form(orjson.dumps([self._context, _shared(document)]))
        values = {
            "strip": _strip(document["alerts"], iso(document["evaluated_on"])),
            "name": escape(subject["name"] or subject["subject_id"]),
            "shop": _shop(subject["shop_name"]),
            "id": escape(subject["subject_id"]),
            "file": words.href(path.rpartition("/")[2].removesuffix(".json")),
            "place": words.href(path.removesuffix(".json")),
            "jsonld": to_json(_jsonld(document)).decode(),
            "score": _score(document["score"]) + ("" if document["score"] is None else "<small> / 100</small>"),
            "evidence": f"{100 * document['evidence']:.0f}",
            "why": _why(document),
            "trend": _trend(document),
            "elements": self._scored(document),
            "figures": figures_table(figures, FIGURES, *_caption(document["currency"])),
            "reviews": stars(figures),
            "complaints": figures_table(figures, COMPLAINTS, "投诉件数", "Complaints"),
            "sanctions": "".join(map(_sanction, document["sanctions"]["in_force"] or ())),
            "public_records": "".join(map(_record, document["public_records"]["in_force"] or ())),
            "operator": _operator(subject),
        }
        return form.fill([values[name] for name in form.names]).encode()

    def _scored(self, document: Document) -> str:
        """Each element as a bar as long as its weight, filled with its points, and its indicators below it."""
        elements, book = document["elements"], document["rulebook"]["hash"]
        if (form := self._elements.get(book)) is None:
            form = self._elements[book] = Form("".join(map(_element_form, elements)))
        most = 100 * max(element["effective_weight"] for element in elements) or 1.0
        return form.fill([text for element in elements for text in _element(element, most)])


# --- parts -------------------------------------------------------------------------------------------------------


def _shared(document: Document) -> dict[str, Any]:
    """What the page says outside its gaps, all that its template is given."""
    subject = document["subject"]
    return {
        **{name: document[name] for name in _SHARED},
        **{name: subject[name] for name in ("kind", "self_operated")},
        **{name: _any(document[name]) for name in ("sanctions", "public_records")},
        "mark": _mark(document),
    }


def _shop(name: str | None) -> str:
    return f"<p class=shop>{both('店铺', 'Shop')} <bdi>{escape(name)}</bdi></p>" if name else ""


def _mark(document: Document) -> dict[str, str] | None:
    marked = alerts.mark(document["alerts"])
    return marked and {name: marked[name] for name in ("zh", "en")}


def _strip(in_force: Sequence[alerts.Alert], day: str) -> str:
    """What is in force against the merchant, above all else: what, why, until when. Nothing since the `day` counts yet."""
    lists = []
    for level, name in ((alerts.SEVERE, "against"), (alerts.CAUTION, "against mild")):
        if lines := [_against(alert, day) for alert in in_force if alert["level"] == level]:
            lists.append(f'<ul class="{name}">{"".join(lines)}</ul>')
    return "".join(lists)


def _against(alert: alerts.Alert, day: str) -> str:
    spans = []
    if alert["reason"]:
        spans.append(f"<span>{bilingual(alert['reason'])}</span>")
    if alert["effect"]:
        spans.append(f"<span>{bilingual(alert['effect'])}</span>")
    if since := alert["since"]:
        spans.append(f"<span class=nowrap>{_span(since, alert['until'])}</span>")
        if alert["level"] == alerts.SEVERE and iso(since) >= day:
            spans.append(f"<span>{both('尚未计入等级', 'not counted in the grade yet')}</span>")
    return f"<li><b>{both(alert['zh'], alert['en'])}</b> {' · '.join(spans)}"


def _span(since: Any, until: Any) -> Markup:
    since, until = iso(since), until and iso(until)
    if until:
        return both(f"{since} 至 {until}", f"{since} to {until}")
    return both(f"{since} 起，未设期限", f"since {since}, no end set")


def _any(listed: dict[str, Any]) -> str:
    return "some" if listed["in_force"] else "missing" if listed["state"] == "missing" else "none"


@lru_cache(maxsize=512)
def _form(key: bytes) -> Form:
    """The page of all merchants of whom the same is `given` (the site's context, what is shared), as JSON."""
    context, shared = orjson.loads(key)
    return Form(render("merchant.html", context, ROOT, {"d": shared}).decode())


def _caption(currency: str | None) -> tuple[str, str]:
    return (f"金额币种 {currency}", f"Amounts in {currency}") if currency else ("近期情况", "Recent figures")


_NAMED = 2
"""Indicators named as what lifts a score, and as what lowers it."""
_STRONG, _WEAK = 0.95, 0.8
"""Shares of its full points from which on an indicator is a strength, and below which one is a weakness."""
_FELT = 0.5
"""Points that a weakness costs at least."""

Indicator = dict[str, Any]


def reasons(document: Document) -> tuple[list[Indicator], list[Indicator]]:
    """(indicators that earn most, those that cost most) by the points that are published, the weightiest first."""
    scored = [
        indicator
        for element in document["elements"]
        for indicator in element["indicators"]
        if indicator["points"] is not None and indicator["effective_weight"] and indicator.get("value") is not None
    ]

    def cost(indicator: Indicator) -> float:
        return float(round(100 * indicator["effective_weight"] - indicator["points"], 2))

    def share(indicator: Indicator) -> float:
        return float(indicator["points"] / (100 * indicator["effective_weight"]))

    earn = sorted((i for i in scored if share(i) >= _STRONG), key=lambda i: (-i["points"], i["name"]))
    lose = sorted((i for i in scored if share(i) < _WEAK and cost(i) >= _FELT), key=lambda i: (-cost(i), i["name"]))
    return earn[:_NAMED], lose[:_NAMED]


def _why(document: Document) -> str:
    """What lifts and what lowers the score, in a sentence each; nothing where no points are published."""
    earn, lose = reasons(document)
    lines = [
        f"<li><b>{both(zh, en)}</b> {' · '.join(map(_reason, indicators))}"
        for zh, en, indicators in (("长处", "Strengths", earn), ("短板", "Weaknesses", lose))
        if indicators
    ]
    if not lines:
        return ""
    return (
        f"<section><h2>{both('为什么是这个等级', 'Why this grade')}</h2><ul class=plain>{''.join(lines)}</ul></section>"
    )


def _reason(indicator: Indicator) -> str:
    value = words.told(indicator["name"], indicator["unit"], indicator["value"])
    full = 100 * indicator["effective_weight"]
    points = f"{indicator['points']:.1f} / {full:.1f}"
    return f"{both(indicator['name_zh'], indicator['name_en'])} {value} ({both(f'得 {points} 分', f'{points} points')})"


def _element_form(element: dict[str, Any]) -> str:
    indicators = element["indicators"]
    rows = "".join([f"{_heading(indicator)}{gap()}" for indicator in indicators])
    return (
        f"<div class=element><h3>{both(element['name_zh'], element['name_en'])}</h3><p class=pts><b>{gap()}</b> / {gap()}</p>"
        f"{gap()}{gap()}<details><summary>{both(f'{len(indicators)} 项指标', f'{len(indicators)} indicators')}</summary>"
        f"<table>{_HEAD}{rows}</table></details></div>"
    )


def _element(element: dict[str, Any], most: float) -> list[str]:
    """What stands in the gaps."""
    full, points = 100 * element["effective_weight"], element["points"]
    return [
        "—" if points is None else f"{points:.1f}",
        f"{full:.1f}",
        charts.bar(points or 0, full, most),
        _reweighted(element["weight"], full),
        *map(_value, element["indicators"]),
    ]


_HEAD = (
    f"<tr><th scope=col>{both('指标', 'Indicator')}<th scope=col>{both('数值', 'Value')}"
    f"<th scope=col>{both('得分 / 满分', 'Points / of')}"
)


@lru_cache(maxsize=4_096)
def _reweighted(weight: float, full: float) -> str:
    """Said where what is not measured gave its weight to the rest."""
    if abs(weight - round(full, 2)) < 0.01:
        return ""
    return f"<p class=note>{both(f'规则权重 {weight:g}，因部分指标未计量而调整', f'Weight in the rules {weight:g}; adjusted for what is not measured')}</p>"


def _heading(indicator: dict[str, Any]) -> str:
    days, name = indicator["window_days"], indicator["name"]
    window = "" if days == 365 else f" <small>{both(f'近 {days} 日', f'{days} days')}</small>"
    if name in CATALOGUE and not CATALOGUE[name].windowed:
        window = f" <small>{ON_THE_DAY}</small>"
    return f"<tr><th scope=row>{both(indicator['name_zh'], indicator['name_en'])}{window}"


def _value(indicator: dict[str, Any]) -> str:
    """The cells of an indicator: its value and its points, or why there are none."""
    if indicator["state"] not in ("measured", "suppressed"):
        return _nothing(indicator["state"])
    if indicator["state"] == "suppressed":
        text = words.state(indicator["state"])
    elif (value := indicator.get("value")) is not None:
        text = words.told(indicator["name"], indicator["unit"], value)
    else:
        text = words.told_band(
            indicator["name"], indicator["at_least"], indicator["below"], indicator["unit"] == "amount"
        )
    return f"<td>{text}{_points(indicator['points'], indicator['effective_weight'])}"


@lru_cache(maxsize=8)
def _nothing(state: str) -> str:
    return f"<td colspan=2>{words.state(state)}"


@lru_cache(maxsize=65_536)
def _points(points: float | None, weight: float) -> str:
    return f"<td>{'—' if points is None else f'{points:.1f}'} / {100 * weight:.1f}"


def figures_table(figures: list[dict[str, Any]], groups: tuple[Group, ...], zh: str, en: str) -> Markup:
    """The figures of every window beside each other, in groups of lines. Of a group that has none to show one sentence says
    why, and of counts the lines that are 0 throughout are left out."""
    cells, listed = [], []
    for group_zh, group_en, place, rows in groups:
        windows = figures
        for key in place:
            windows = [window[key] for window in windows]
        why = _nothing_in([window[name] for *_, name, _ in rows for window in windows])
        if why is None and all(unit == "count" for *_, unit in rows):
            rows = tuple(row for row in rows if not all(window[row[2]].get("value") == 0 for window in windows))
        if why is None:
            cells += [cell(window[name], unit) for _, _, name, unit in rows for window in windows]
        listed.append((group_zh, group_en, why or rows))
    return Markup(
        _figures_form(tuple(listed), zh, en, tuple([window["window_days"] for window in figures])).fill(cells)
    )


def _nothing_in(figures: list[dict[str, Any]]) -> str | None:
    """Why there is nothing to show of any of them; None where there is something."""
    states = {figure["state"] for figure in figures if not _is_nothing(figure)}
    if not states:
        return "none"
    return next((state for state in ("missing", "suppressed") if states <= {state, "not_applicable"}), None)


def _is_nothing(figure: dict[str, Any]) -> bool:
    return figure.get("value") == 0 or figure.get("below") == 1


_WHY_NOTHING: Final = {
    "none": ("近一年没有。", "None within a year."),
    "missing": ("平台未提供此项数据。", "Not supplied by the platform."),
    "suppressed": ("数量过少，不予公示。", "Too few to publish."),
}


_LEGEND = (
    "※ 少于 5，或可据以推算少于 5 的数，不予公示；— 缺少数据；/ 不适用。",
    "※ fewer than 5, or would tell what is: not published; — no data; / not applicable.",
)
_FEW_STARS = (
    "※ 有星级的评价少于 5 条，或可据以推算，不公示分布；— 缺少数据。",
    "※ a star has fewer than 5 reviews, or these would follow: not shown; — no data.",
)


@lru_cache(maxsize=64)
def _figures_form(
    groups: tuple[tuple[str, str, str | tuple[Row, ...]], ...], zh: str, en: str, windows: tuple[int, ...]
) -> Form:
    cells = f"<td>{gap()}" * len(windows)
    units = [unit for *_, rows in groups if not isinstance(rows, str) for *_, unit in rows]
    counted = all(unit == "count" for unit in units)
    sentences = [
        f"<p class=none><b>{both(group_zh, group_en)}</b> {both(*_WHY_NOTHING[why])}"
        for group_zh, group_en, why in groups
        if isinstance(why, str)
    ]
    lines = [
        f"<tbody><tr><th scope=rowgroup colspan={len(windows) + 1}>{both(group_zh, group_en)}"
        + "".join([f"<tr><th scope=row>{both(row_zh, row_en)}{cells}" for row_zh, row_en, *_ in rows])
        for group_zh, group_en, rows in groups
        if not isinstance(rows, str)
    ]
    if not lines:
        return Form("".join(sentences))
    if counted:
        zh, en = f"{zh}，未列出的为 0", f"{en}; what is not listed is 0"
    return Form(
        f'<table class="figures{" counts" if counted else ""}"><caption>{both(f"{zh}。{_LEGEND[0]}", f"{en}. {_LEGEND[1]}")}</caption>'
        f"<thead><tr><th scope=col>{both('项目', 'Item')}{_windows(windows)}</thead>{''.join(lines)}</table>{''.join(sentences)}"
    )


def _windows(windows: tuple[int, ...]) -> str:
    return "".join(f"<th scope=col>{both(f'{days} 日', f'{days} d')}" for days in windows)


def stars(figures: list[dict[str, Any]]) -> Markup:
    """Reviews by stars: the numbers of every window, and bars for the longest."""
    windows = [window["reviews"]["distribution"] for window in figures]
    listed = [figure for window in windows for figure in window.values()]
    if all(figure["state"] == "missing" for figure in listed):
        return Markup(f"<p class=none>{both(*_WHY_NOTHING['missing'])}")
    if windows[-1]["1"]["state"] == "suppressed":
        return _shares(figures[-1])
    if not any(figure["value"] for figure in listed):
        return Markup(f"<p class=none>{both(*_WHY_NOTHING['none'])}")
    longest = {star: figure["value"] for star, figure in windows[-1].items()}
    most = max([number or 0 for number in longest.values()]) or 1
    cells: list[str] = []
    for star in _STARS:
        number = longest[star]
        cells.append("" if number is None else charts.bar(number, most, most))
        cells += [cell(window[star], "count") for window in windows]
    return Markup(_stars_form(tuple([window["window_days"] for window in figures])).fill(cells))


def _shares(window: dict[str, Any]) -> Markup:
    """The shares of good and other reviews in steps, where the numbers by stars are not published."""
    shares = window["reviews"]["shares"]
    if shares["4-5"]["state"] != "measured":
        return Markup(f"<p class=none>{both(*_NO_STARS)}")
    rows = []
    for name, zh, en in (("4-5", "4–5 星", "4 and 5 stars"), ("1-3", "1–3 星", "1 to 3 stars")):
        low, high = shares[name]["at_least"], shares[name]["below"]
        drawn = charts.bar(50 * (low + (1 if high is None else high)))
        rows.append(f"<tr><th scope=row>{both(zh, en)}<td class=drawn>{drawn}<td>{words.share_band(low, high)}")
    zh = f"近 {window['window_days']} 日占比。有星级少于 5 条评价，或可据以推算，因此合并星级、公示占比区间。"
    en = (
        f"Shares of {window['window_days']} days. A star has fewer than 5 reviews, or that would follow: stars are put "
        "together and shares shown as bands."
    )
    return Markup(
        f"<table class=stars><caption>{both(zh, en)}</caption><thead><tr><th scope=col>{both('星级', 'Stars')}<td>"
        f"<th scope=col>{both('占比', 'Share')}</thead><tbody>{''.join(rows)}</table>"
    )


_NO_STARS = (
    "评价不足 50 条，且有星级少于 5 条，或可据以推算，不公示分布。",
    "Fewer than 50 reviews and a star with fewer than 5, or that would follow: not published.",
)
_STARS = ("5", "4", "3", "2", "1")


@lru_cache(maxsize=8)
def _stars_form(windows: tuple[int, ...]) -> Form:
    zh = f"各星级评价数，条形为近 {windows[-1]} 日。{_FEW_STARS[0]}"
    en = f"Reviews by stars; bars show {windows[-1]} days. {_FEW_STARS[1]}"
    cells = f"<td>{gap()}" * len(windows)
    rows = [f"<tr><th scope=row>{_star(star)}<td class=drawn>{gap()}{cells}" for star in _STARS]
    return Form(
        f"<table class=stars><caption>{both(zh, en)}</caption><thead><tr><th scope=col>{both('星级', 'Stars')}"
        f"<td>{_windows(windows)}</thead><tbody>{''.join(rows)}</table>"
    )


def _star(star: str) -> str:
    return both(f"{star} 星", f"{star} star{'' if star == '1' else 's'}")


_KEPT = 24
"""Months a chart shows; the document has all."""


def _trend(document: Document) -> str:
    """The chart, where there are scores to draw, and its table."""
    points = (document["trend"]["points"] or [])[-_KEPT:]
    if len(points) < 2:
        return _TOO_FEW
    description = "; ".join(f"{iso(p['on'])[:7]} {p['grade']} {_score(p['score'])}" for p in (points[0], points[-1]))
    rows = "".join(
        [
            f"{_evaluated(p['on'], p['grade'])}{_score(p['score'])}<td>{charts.safe(p['rulebook_version'])}"
            for p in reversed(points)
        ]
    )
    scored = sum(p["score"] is not None for p in points) > 1
    drawn = charts.trend(points, description) if scored else _NOTHING_DRAWN
    changed = scored and any(p["rulebook_version"] != points[0]["rulebook_version"] for p in points)
    return f"{drawn}{_RULES_CHANGED if changed else ''}{_TREND_HEAD}{rows}</table></details>"


@lru_cache(maxsize=1_024)
def _evaluated(on: Any, grade: str) -> str:
    return f"<tr><th scope=row>{iso(on)}<td>{escape(grade)}<td>"


_TREND_HEAD = (
    f"<details><summary>{both('走势数据', 'The numbers')}</summary><table><tr><th scope=col>{both('评价日', 'Evaluated on')}"
    f"<th scope=col>{both('等级', 'Grade')}<th scope=col>{both('得分', 'Score')}<th scope=col>{both('规则版本', 'Rules')}"
)
_TOO_FEW = f'<p class="note">{both("评价次数不足，暂无走势。", "Too few evaluations for a trend yet.")}</p>'
_NOTHING_DRAWN = f"<p class=note>{both('这些评价中少于两次有得分，不绘图。', 'Fewer than two of these evaluations have a score: no chart.')}</p>"
_RULES_CHANGED = f"<p class=note>{both('虚线处评价规则换用新版本。', 'At the dotted line a new version of the rules took effect.')}</p>"


def _score(score: float | None) -> str:
    return "—" if score is None else f"{score:.2f}"


def _sanction(sanction: dict[str, Any]) -> str:
    return _list_item(
        sanction, escape(sanction["reason"]), bilingual(sanction["issuer"]), sanction["imposed_on"], sanction["until"]
    )


def _record(record: dict[str, Any]) -> str:
    grade = words.severity(record["grade"]) if record["grade"] else ""
    note = f" {escape(record['note'])}" if record["note"] else ""
    return _list_item(record, f"{grade}{note}", escape(record["issuer"]), record["valid_from"], record["valid_until"])


def _list_item(row: dict[str, Any], text: str, issuer: str, since: Any, until: Any) -> str:
    """A sanction or record in force."""
    reference = f" · {escape(row['reference'])}" if row["reference"] else ""
    span = f"<span class=nowrap>{_span(since, until)}</span>"
    return f'<li><b>{bilingual(row["kind"])}</b> {text}<span class="note">{issuer} · {span}{reference}</span>'


def _operator(subject: dict[str, Any]) -> str:
    states = subject["states"]
    rows = []
    for column, _, _ in OPERATOR:
        value, state = subject[column], states.get(column)
        text = "" if value is None else f"<bdi>{escape(value if isinstance(value, str) else iso(value))}</bdi>"
        rows.append(f"{text} {_why_not(state) if state else ''}")
    return _OPERATOR.fill(rows)


@lru_cache(maxsize=8)
def _why_not(state: str) -> str:
    return f"<span class=na>{both(*WHY_NOT[state])}</span>"


_OPERATOR: Final = Form("".join([f"<div><dt>{both(zh, en)}<dd>{gap()}</div>" for _, zh, en in OPERATOR]))


def _jsonld(document: Document) -> dict[str, Any]:
    """The same for search engines, by schema.org: one rating by the platform, not an average of consumers' ratings."""
    subject, publisher = document["subject"], document["disclosure"]["by"]["zh"]
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
    if subject["self_operated"]:
        about |= {
            "description": "平台自营 Operated by the platform itself",
            "parentOrganization": {"@type": "Organization", "name": publisher},
        }
    rating: dict[str, Any] = {
        "@type": "Rating",
        "name": document["grade"],
        "author": {"@type": "Organization", "name": publisher},
        "ratingExplanation": document["meaning"]["zh"],
    }
    if document["score"] is not None:
        rating |= {"ratingValue": document["score"], "bestRating": 100, "worstRating": 0}
    about["review"] = {
        "@type": "Review",
        "author": {"@type": "Organization", "name": publisher},
        "datePublished": iso(document["evaluated_on"]),
        "reviewRating": rating,
    }
    return about

"""The pages about all merchants and about the rules: functions of the night's summary and the ledger of rulebooks."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

from markupsafe import Markup

from credit.disclosure import personal, service
from credit.disclosure.site import charts, words
from credit.disclosure.site.frame import FOLDER, render, tone
from credit.disclosure.site.merchants import COMPLAINTS, FIGURES, ON_THE_DAY, figures_table, stars
from credit.disclosure.site.words import both, iso
from credit.indicators import CATALOGUE
from credit.indicators.base import PARAMETERS
from credit.ledgers import lifecycle
from credit.rulebooks import conformity, places
from credit.rulebooks.book import IndicatorRule, Rulebook
from credit.rulebooks.conformity import SOURCES
from credit.rulebooks.diff import diff
from credit.rulebooks.reading import version_key
from credit.sourced import Sourced

Summary = dict[str, Any]
Page = tuple[str, bytes]

LONG: Final = 200
"""Rows of a list on one page."""
NOT_RATED: Final = "NR"


def pages(summary: Summary, versions: Sequence[lifecycle.Version], context: dict[str, Any]) -> Iterator[Page]:
    """(path, content) of every page but the merchants'. `summary` is platform.json."""

    def page(name: str, here: str, values: dict[str, Any], root: str = "") -> bytes:
        return render(f"{name}.html", context, root, {"here": here, "s": summary, **values})

    distributions = [_distribution(book) for book in summary["rulebooks"]]
    yield "index.html", page("index", "index", {"distributions": distributions})
    yield "platform.html", page("platform", "platform", _platform(summary) | {"distributions": distributions})
    yield "objections.html", page("objections", "objections", {"mail": words.mail(context["contact"])})
    yield "data.html", page("data", "data", {})
    # Served in place of a page that is not there, at whatever depth: it brings its style along. Its links are those of a
    # merchant's page, two folders down, which is most often what is not there.
    yield "404.html", page("404", "", _style(), "../../")
    for name, rows in (("sanctions", "sanctions"), ("records", "public_records"), ("notices", "notices")):
        listed = summary[rows] or []
        for path, number, last, part in _parted(name, listed):
            here = "sanctions" if name == "records" else name
            values = {
                "rows": part,
                "number": number,
                "last": last,
                "total": len(listed),
                "supplied": summary[rows] is not None,
            }
            yield path, page(name, here, values)
    if summary["assessments"]:
        yield (
            "service.html",
            page("service", "platform", {"assessments": list(map(_assessment, summary["assessments"]))}),
        )
    yield from _rules(summary, versions, context)


def _assessment(published: dict[str, Any]) -> dict[str, Any]:
    """An assessment of the platform with its counts named and its lines by chapter."""
    chapters: dict[str, dict[str, Any]] = {}
    for line in published["lines"]:
        chapters.setdefault(line["chapter"]["clause"], {**line["chapter"], "lines": []})["lines"].append(line)
    tiles = [(number, service.named(result)) for result, number in published["counts"].items()]
    return published | {"chapters": list(chapters.values()), "tiles": tiles}


def _style() -> dict[str, Any]:
    """The style sheet, to stand in a page, and its SHA-256 for the page's policy."""
    style = (FOLDER / "assets" / "site.css").read_text(encoding="utf-8")
    return {"style": Markup(style), "digest": b64encode(sha256(style.encode()).digest()).decode()}


def _parted(name: str, rows: list[Any]) -> Iterator[tuple[str, int, int, list[Any]]]:
    """(path, number of the page, of the last page, rows) of a list that may be long."""
    last = max(1, -(-len(rows) // LONG))
    for number in range(1, last + 1):
        path = f"{name}.html" if number == 1 else f"{name}-{number}.html"
        yield path, number, last, rows[(number - 1) * LONG : number * LONG]


# --- the platform ------------------------------------------------------------------------------------------------


def _distribution(book: dict[str, Any]) -> Markup:
    """A table of the merchants of a rulebook by grade, with bars."""
    meanings = {level["grade"]: level["meaning"] for level in book["levels"]}
    meanings[NOT_RATED] = {"zh": "未评级", "en": "Not rated"}
    counts = [(grade, book["grades"].get(grade, 0)) for grade in meanings]
    scale = [level["grade"] for level in book["levels"]]
    total = book["merchants"] or 1
    rows = Markup("").join(
        Markup("<tr><th scope=row>{}<td>{}<td class=drawn>{}<td>{}<td>{}").format(
            grade,
            words.bilingual(meanings[grade]),
            charts.bar(n, total, total, f"tone-{tone(grade, scale)}"),
            f"{n:,}",
            words.percent(n / book["merchants"], 1) if book["merchants"] else "—",
        )
        for grade, n in counts
    )
    return Markup(
        "<table class=dist><caption>{} {} · {}</caption><thead><tr><th scope=col>{}<th scope=col>{}<td><th scope=col>{}"
        "<th scope=col>{}</thead><tbody>{}</table>"
    ).format(
        words.bilingual(book["title"]), book["version"], both(f"{book['merchants']:,} 个商家", f"{book['merchants']:,} merchants"),
        both("等级", "Grade"), both("含义", "Meaning"), both("商家数", "Merchants"), both("占比", "Share"), rows,
    )  # fmt: skip


def _platform(summary: Summary) -> dict[str, Any]:
    figures = summary["figures"]
    return {
        "figures": figures_table(figures, FIGURES, "全部商家合计", "All merchants together"),
        "reviews": stars(figures),
        "complaints": figures_table(figures, COMPLAINTS, "投诉件数", "Complaints"),
        "trends": [_trend(number, book, summary["history"]) for number, book in enumerate(summary["rulebooks"])],
    }


def _trend(number: int, book: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any]:
    """How the merchants of one rulebook were graded, month by month."""
    months = [month for month in history if month["rulebook"] == book["id"]]
    levels = [level["grade"] for level in book["levels"]]
    grades = {grade for month in months for grade in month["grades"]}
    order = sorted(grades, key=lambda grade: (levels.index(grade) if grade in levels else len(levels), grade))
    description = "; ".join(
        f"{iso(month['on'])[:7]}: " + ", ".join(f"{g} {month['grades'][g]}" for g in order if g in month["grades"])
        for month in months[:: len(months) - 1 or 1]
    )
    tones: dict[str, tuple[str, int]] = {}
    for grade in order:
        name = tone(grade, levels)
        tones[grade] = name, min(1 + sum(earlier == name for earlier, _ in tones.values()), 3)
    return {
        "title": book["title"],
        "months": months,
        "chart": charts.shares(number, months, order, tones, description) if len(months) > 1 else None,
        "order": order,
        "legend": [(grade, Markup(charts.filled(*tones[grade], "width=16 height=12"))) for grade in order],
    }


# --- the rules ---------------------------------------------------------------------------------------------------


def rules_path(id_: str, version: str) -> str:
    return f"rules/{id_}-{version}.html"


def _rules(summary: Summary, versions: Sequence[lifecycle.Version], context: dict[str, Any]) -> Iterator[Page]:
    """rules.html, and a page of each version of sellers' rules that is no draft or that graded the night."""
    graded = {(book["id"], book["version"]): book for book in summary["rulebooks"]}
    listed: list[dict[str, Any]] = []
    published = [
        version for version in versions if version.state != "draft" and version.book().subject.role == "seller"
    ]
    for version in sorted(
        published, key=lambda version: (version.id, [-part for part in version_key(version.version)])
    ):
        life = personal.struck(lifecycle.life_of(version, context["zone"]))
        night = graded.pop((version.id, version.version), None)
        path = rules_path(version.id, version.version)
        listed.append(life | {"page": path, "graded": night is not None})
        trial = night if night is not None and night["hash"] != version.hash else None
        text = f"rulebooks/{version.id}-{version.version}.yaml"
        if trial is not None and trial["path"] == text:
            text = f"rulebooks/{version.id}-{version.version}-{version.hash[:12]}.yaml"
        values = {"life": life, "text": text, "other": trial, "s": summary, **_contents(version.book())}
        values |= _changes(version, published) | {"mail": words.mail(context["contact"])}
        yield path, render("rulebook.html", context, "../", values | {"here": "rules"})
    for (id_, number), book in graded.items():
        # A trial by rules that the ledger does not have, or has as a draft: their text is published, not a page of it.
        yield (
            rules_path(id_, number),
            render("trial.html", context, "../", {"book": book, "here": "rules", "distribution": _distribution(book)}),
        )
    values = {"listed": listed, "trials": list(graded.values()), "here": "rules", "s": summary}
    values["mail"] = words.mail(context["contact"])
    yield "rules.html", render("rules.html", context, "", values)


def _changes(version: lifecycle.Version, published: Sequence[lifecycle.Version]) -> dict[str, Any]:
    """What a version that is not in force yet changes of the one that is; None where there is none to compare with."""
    in_force = [other for other in published if other.id == version.id and other.state == "in_force"]
    if version.state not in ("open", "announced") or not in_force:
        return {"changes": None}
    changes = [
        both(change.zh, change.en) for change in diff(in_force[0].book(), version.book()) if change.place not in _DATES
    ]
    return {"changes": changes[:LONG], "more": max(0, len(changes) - LONG), "against": in_force[0].version}


_DATES: Final = ("version", "announced_on", "effective_from")


def _contents(book: Rulebook) -> dict[str, Any]:
    """What the rulebook says, ready for its page."""
    most = max(element.weight for element in book.elements)
    listed = conformity.rows(book)
    total = len(listed)
    counted = conformity.summary(listed)
    return {
        "book": book,
        "general": list(_general(book)),
        "elements": [
            {
                "id": element.id,
                "name": both(element.name.zh, element.name.en),
                "weight": element.weight,
                "source": source(element),
                "bar": charts.bar(element.weight, element.weight, most),
                "rows": [_indicator(book, rule, element.weight) for rule in element.indicators],
            }
            for element in book.elements
        ],
        "levels": [
            {"grade": level.grade, "from": level.at_least, "meaning": both(level.meaning.zh, level.meaning.en)}
            for level in book.grades.levels
        ],
        "cut_offs": source(book.grades),
        "symbols": source(book.grades.symbols),
        "vetoes": [_veto(veto) for veto in book.vetoes],
        "parameters": [
            {
                "name": both(PARAMETERS[name].name.zh, PARAMETERS[name].name.en) if name in PARAMETERS else name,
                "value": words.plain(number.value),
                "unit": _unit(name),
                "source": source(number),
            }
            for name, number in book.parameters.items()
        ],
        "sources": [
            {
                "name": both(*SOURCES[name]),
                "numbers": n,
                "share": words.percent(n / total),
                "bar": charts.bar(n, total, total),
            }
            for name, n in counted.items()
        ],
        "reconstructed": counted.get("reconstruction", 0),
        "numbers": total,
    }


def source(sourced: Sourced) -> Markup:
    """Where numbers come from, with what they rest on."""
    zh, en = SOURCES[sourced.source]
    text = both(zh, en)
    reference = _PATH.sub("", sourced.reference) if sourced.reference else ""
    return Markup("{} <small>{}</small>").format(text, reference) if reference else text


_PATH: Final = re.compile(r"\s*\(docs/[^)]*\)")
"""A reference may end with the place of the evidence in the program's repository, where no reader of the site is."""


def _unit(parameter: str) -> Markup:
    unit = PARAMETERS[parameter].unit if parameter in PARAMETERS else ""
    return both({"days": "天", "months": "个月"}.get(unit, unit), unit)


def _general(book: Rulebook) -> Iterator[dict[str, Any]]:
    """The numbers that hold for all of it."""

    def row(zh: str, en: str, number: Any, unit_zh: str = "", unit_en: str = "", share: bool = False) -> dict[str, Any]:
        value = words.percent(number.value) if share else words.plain(number.value)
        return {"name": both(zh, en), "value": both(f"{value}{unit_zh}", f"{value}{unit_en}"), "source": source(number)}

    yield row("评价期", "Window", book.window_days, " 天", " days")
    yield row("评级所需最低订单数", "Orders needed to be rated", book.minimum.orders, " 单", " orders")
    yield row("评级所需最低证据充分度", "Evidence needed to be rated", book.minimum.evidence, share=True)
    if book.provisional:
        yield row("临时等级：订单数低于", "Provisional below", book.provisional.orders, " 单", " orders")
        yield row("临时等级：证据充分度低于", "Provisional below evidence of", book.provisional.evidence, share=True)
    if book.dormant_after_days:
        yield row("休眠：连续无订单超过", "Dormant without orders for", book.dormant_after_days, " 天", " days")
    if book.references:
        yield row(
            "参考均值：先验值折合",
            "Reference averages: a prior is worth",
            book.references.merchants,
            " 家",
            " merchants",
        )
    if book.permits:
        yield {
            "name": both("须持有行政许可的类目", "Categories whose sellers need a permit"),
            "value": both("、".join(book.permits.categories), ", ".join(book.permits.categories)),
            "source": source(book.permits),
        }
    for code, rate in book.rates.items():
        yield row(f"1 {code} 折合", f"One {code} is worth", rate, f" {book.currency}", f" {book.currency}")
    if book.margin:
        yield row("升降级：得分越过界限达", "A grade moves when past the edge by", book.margin.points, " 分", " points")
        yield row("或越过界限达", "or past it in", book.margin.evaluations, " 次评价", " evaluations")
        if book.margin.of_evaluations:
            yield row("所看最近评价", "of the last", book.margin.of_evaluations, " 次", " evaluations")
        yield row("最多追溯", "looking back at most", book.margin.memory_days, " 天", " days")


def _indicator(book: Rulebook, rule: IndicatorRule, weight: float) -> dict[str, Any]:
    definition = CATALOGUE[rule.id]
    prior = "" if not rule.strength else words.plain(rule.strength)
    return {
        "id": rule.id,
        "name": both(definition.name.zh, definition.name.en),
        "definition": both(definition.definition.zh, definition.definition.en),
        "window": both(f"近 {book.window(rule)} 日", f"{book.window(rule)} days")
        if definition.windowed
        else ON_THE_DAY,
        "weight": words.plain(rule.weight),
        "total": words.plain(rule.weight * weight / 100, 3),
        "strength": prior,
        "prior": None if rule.prior == "population" else words.plain(float(rule.prior)),
        "curve": charts.curve(rule.id, rule.curve, f"{definition.name.zh} {definition.name.en}"),
        "points": [(_on_axis(definition.unit, x), words.plain(mark)) for x, mark in rule.curve],
        "source": source(rule),
    }


def _on_axis(unit: str, value: float) -> str:
    """A value of a curve: whole, however fine."""
    if unit in ("share", "per_order"):
        return f"{words.plain(value * 100, 6)}%"
    if unit in ("flag", "rank"):
        return words.measured(unit, value)
    if unit == "index":
        return f"{words.plain(value * 100, 6)}%"
    return words.plain(value) + words.suffix(unit)


def _veto(veto: Any) -> dict[str, Any]:
    edges = {key: words.plain(edge) for key in ("above", "below") if (edge := getattr(veto, key)) is not None}
    definition = CATALOGUE[veto.indicator] if veto.indicator else None
    if (
        definition
        and definition.unit == "flag"
        and 0 <= (veto.above or 0) < 1
        and 0 < (1 if veto.below is None else veto.below) <= 1
    ):
        zh, en = ("否", "no") if veto.above is None else ("是", "yes")
        texts = f"{definition.name.zh}：{zh}", f"{definition.name.en}: {en}"
    else:
        texts = places.condition(veto.model_dump(exclude_none=True) | edges) or ("", "")
    fixed = veto.fixed is not None
    return {
        "name": both(veto.name.zh, veto.name.en),
        "when": both(*texts),
        "effect": both(
            f"等级{'定为' if fixed else '不高于'} {veto.grade}",
            f"the grade is {'' if fixed else 'at most '}{veto.grade}",
        ),
        "source": source(veto),
    }

"""The data dictionary: pages of `docs/reference/` made from the metadata. `python -m credit.dictionary` writes them.

Numbers of a rulebook stand on the rulebook's page alone, and others link to it: a new version changes that page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from credit.assessment.dictionary import page as assessment_page
from credit.disclosure.dictionary import page as disclosure_page
from credit.evaluation.scoring import mark as curve_mark
from credit.files import markdown
from credit.indicators import CATALOGUE
from credit.indicators.base import Indicator, Text, Unit
from credit.integrity import base as detection
from credit.integrity.scan import DETECTORS
from credit.ledgers import closings, findings, objections, overlay, publishing
from credit.ledgers.finding import KINDS
from credit.rulebooks.book import ElementRule, IndicatorRule, Rulebook, Veto
from credit.rulebooks.reading import shipped
from credit.settings import PREFIX, Settings
from credit.sourced import SourcedNumber
from credit.synthetic.attacks import ATTACKS
from credit.tables import KNOWN_AT, TABLES, Column, Table
from credit.vetting.dictionary import page as vetting_page
from credit.warehouse.ledger_tables import LEDGERS

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

PRIVACY = {
    "public": "公开 public",
    "internal": "内部 internal",
    "personal": "个人信息 personal",
    "pseudonym": "假名 pseudonym",
}


def _notes(column: Column) -> str:
    notes = []
    if column.codes:
        notes.append(", ".join(f"`{code}`" for code in column.codes))
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f"{column.minimum:g}"
        high = "" if column.maximum is None else f"{column.maximum:g}"
        notes.append(f"{low} … {high}")
    if column.type == "text":
        notes.append(f"≤ {column.max_length:,} characters")
    if column.known_from:
        notes.append(f"known from `{column.known_from}`")
    if column.default:
        notes.append(f"blank reads as `{column.default}`")
    if column.derived:
        notes.append("computed at intake")
    if column.note:
        notes.append(column.note)
    return "; ".join(notes)


def _columns(table: Table) -> str:
    return markdown.table(
        ("Column", "中文", "English", "Type", "Unit", "Required", "Privacy", "Notes"),
        (
            (
                f"`{column.name}`" + (" (key)" if column.name == table.key else ""),
                column.zh,
                column.en,
                column.type,
                column.unit,
                "yes" if column.required else "",
                PRIVACY[column.privacy],
                _notes(column),
            )
            for column in (*table.columns, KNOWN_AT)
        ),
    )


def tables_page() -> str:
    """The canonical tables: what a platform delivers."""
    parts = [
        "# 规范数据表 Canonical tables",
        "What a platform delivers, and what everything else is computed from. Files are CSV (UTF-8 or GB18030), NDJSON or "
        "Parquet, `.gz` for the first two; a file's name begins with its table's (`transactions-2026-11-24.csv.gz`, "
        "`交易.csv`). Headers are the English or the Chinese column names. Instants without an offset are in the "
        "platform's zone; amounts are decimal with two places; ids are text.",
    ]
    for table in TABLES.values():
        parts += [
            f"## {table.name} {table.zh}",
            f"{table.en}. Supplied by: {table.supplier}. Asked for by: {table.clause}.",
            _columns(table),
        ]
        if table.checks:
            rules = "\n".join(f"- `{check.code}`: {check.en} ({check.zh})" for check in table.checks)
            parts.append(f"Rows are also rejected for:\n\n{rules}")
    return "\n\n".join(parts) + "\n"


UNITS: dict[Unit, str] = {
    "share": "比例 share, 0 to 1",
    "per_order": "每单 per order",
    "days": "天 days",
    "hours": "小时 hours",
    "stars": "星 stars, 1 to 5",
    "count": "个 count",
    "amount": "金额 amount, in the currency of the rows",
    "index": "指数 index",
    "flag": "是否 flag: 1 yes, 0 no",
    "months": "月 months",
    "weighted": "计权和 sum of weights",
    "rank": "等级位次 rank, higher is better",
}
BETTER = {"high": "越高越好 high", "low": "越低越好 low"}


def newest() -> list[Rulebook]:
    """The newest version of each shipped rulebook."""
    return list({book.id: book for book in shipped()}.values())


def _uses(indicator: Indicator) -> Iterator[tuple[Rulebook, ElementRule, IndicatorRule]]:
    for book in newest():
        for element, rule in book.rules():
            if rule.id == indicator.id:
                yield book, element, rule


def _both(text: Text) -> str:
    return f"{text.zh}<br>{text.en}"


def _number(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _formula(indicator: Indicator) -> str:
    if indicator.denominator is None:
        return "取值即定义所述的数，不作除法<br>the number of the definition itself: nothing is divided"
    halves = indicator.definition.zh.split("÷"), indicator.definition.en.split(" / ")
    if any(len(half) != 2 for half in halves):
        return "分子 ÷ 分母，均如定义所述<br>numerator ÷ denominator, both as the definition says"
    (zh, below_zh), (en, below_en) = halves
    return f"分子 {zh.strip()}；分母 {below_zh.strip()}<br>numerator: {en.strip()}; denominator: {below_en.strip()}"


def _window(indicator: Indicator) -> str:
    if not indicator.windowed:
        return "评价日已知的全部记录，不限期间<br>all that is known on the day, whatever its age"
    return "由评价规则规定<br>as the rule says"


def _evidence(indicator: Indicator) -> str:
    if indicator.evidence is None:
        return "分母 the denominator" if indicator.denominator is not None else "恒为 1 always 1"
    tables = {leaf.table for leaf in indicator.evidence.leaves()}
    if tables == {"subjects"}:
        return "主体登记中有该主体（及所需信息）为 1<br>1 where the register holds the subject and what is asked of it"
    rows = ", ".join(f"`{table}`" for table in sorted(tables))
    return f"{rows} 中可用于计算的行数<br>rows of {rows} that it can be counted from"


def _missing(indicator: Indicator) -> str:
    what = "分母为 0" if indicator.denominator is not None else "没有可计的内容"
    en = "the denominator is 0" if indicator.denominator is not None else "there is nothing to count it from"
    return (
        f"平台不提供所需的表或列：对所有商家均不计权重。平台提供而{what}：按参考均值（无参考均值的按最低分）计，降低证据充分度<br>"
        f"a table or column it needs is not supplied: no weight for anybody. Supplied, but {en}: marked at the reference average, or "
        "the worst where there is none, and the evidence figure falls"
    )


def _not_applicable(indicator: Indicator) -> str:
    if indicator.recorded is None:
        return "不会出现 never"
    tables = ", ".join(f"`{table}`" for table in dict.fromkeys(leaf.table for leaf in indicator.recorded.leaves()))
    return (
        f"分母为 0，而 {tables} 表明事实已有记录：与缺失同样按参考均值计，仅说明不同<br>the denominator is 0 though {tables} shows that "
        "the facts are recorded: marked as what is missing is; only the word for it differs"
    )


def _parameters(indicator: Indicator) -> str:
    return markdown.table(
        ("Parameter", "中文", "English", "Unit", "Unless a rulebook sets it"),
        ((f"`{p.id}`", p.name.zh, p.name.en, p.unit, f"{p.value:g}") for p in indicator.parameters),
    )


def anchor(heading: str) -> str:
    """The anchor that a heading has on the site and where Markdown is shown: `按时发货率 On time` → `按时发货率-on-time`."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _heading(indicator: Indicator) -> str:
    return f"{indicator.name.zh} {indicator.name.en}"


VETOES = "一票否决 Vetoes"


def _counted(indicator: Indicator) -> Iterator[str]:
    """The rules that count it, and those that look at it for a veto."""
    for book, element, _ in _uses(indicator):
        link = f"../rulebooks/{book.id}.md#{anchor(_heading(indicator))}"
        yield f"- [`{book.id}`]({link}): {element.name.zh} {element.name.en}"
    for book in newest():
        if any(veto.indicator == indicator.id for veto in book.vetoes):
            yield f"- [`{book.id}`](../rulebooks/{book.id}.md#{anchor(VETOES)}): {VETOES}"


def _value(indicator: Indicator) -> str:
    example = indicator.example
    counts = [example.numerator] if example.denominator is None else [example.numerator, example.denominator]
    return f"value = {' ÷ '.join(_number(n) for n in counts)}" + f" = {_number(example.value)}" * (len(counts) == 2)


def indicator_page(indicator: Indicator) -> str:
    """All that is known of one indicator."""
    facts = (
        ("定义 definition", _both(indicator.definition)),
        ("公式 formula", _formula(indicator)),
        ("类型 kind", "比率 ratio" if indicator.denominator is not None else "水平 level"),
        ("期间 window", _window(indicator)),
        ("证据 evidence (n)", _evidence(indicator)),
        ("单位 unit", UNITS[indicator.unit]),
        ("方向 better", BETTER[indicator.better]),
        ("缺失 missing", _missing(indicator)),
        ("不适用 not applicable", _not_applicable(indicator)),
        (
            "数据表 tables",
            ", ".join(f"[{table}](../tables.md#{table}-{TABLES[table].zh})" for table in indicator.tables),
        ),
        ("所需列 columns", ", ".join(f"`{need}`" for need in indicator.needs) or "only those every row must have"),
        ("主体可改进 can be acted on", "是 yes" if indicator.actionable else "否 no: only time, or others, change it"),
        ("来源 source", indicator.source),
    )
    parts = [
        f"# {indicator.name.zh} {indicator.name.en}",
        f"`{indicator.id}`, [{indicator.element}](../indicators.md)",
        markdown.table(("", ""), facts),
        f"## 意义 Why it matters\n\n{indicator.why.zh}\n\n{indicator.why.en}",
        f"## 未达标与改进 Failing, and how to improve\n\n"
        f"{indicator.failing.zh}。{indicator.improve.zh}\n\n{indicator.failing.en}. {indicator.improve.en}",
    ]
    if indicator.parameters:
        parts.append(f"## 参数 Parameters\n\n{_parameters(indicator)}")
    counted = list(_counted(indicator))
    parts.append("## 规则 Rules that count it\n\n" + ("\n".join(counted) or "无 None that is shipped."))
    worth = "\n\nWhat it is worth stands beside the rule 得分算例见上列规则。" if any(_uses(indicator)) else ""
    parts.append(f"## 算例 Worked example\n\n{_value(indicator)}{worth}")
    return "\n\n".join(parts) + "\n"


def _worked(indicator: Indicator, element: ElementRule, rule: IndicatorRule) -> str:
    """The indicator's example through the code that scores."""
    example = indicator.example
    steps = [_value(indicator)]
    value = example.value
    if rule.strength:
        # An average that would be marked 75: better than most, not perfect.
        points = sorted((mark, x) for x, mark in rule.curve)
        average = round(float(np.interp(75, [mark for mark, _ in points], [x for _, x in points])), 3)
        k, below = rule.strength, example.observations if example.denominator is None else example.denominator
        above = example.value * below
        value = (above + k * average) / (below + k)
        steps.append(
            f"shrunk = (numerator + k × average) ÷ (denominator + k) = ({_number(above)} + {k:g} × {average:g}) ÷ "
            f"({_number(below)} + {k:g}) = {_number(value)}, the reference average being {average:g}, say"
        )
    mark, weight = float(curve_mark(rule, np.array(value))), element.weight * rule.weight / 100
    steps.append(f"mark = {_number(mark)} by the curve")
    steps.append(
        f"points = {weight:g}% × {_number(mark)} = {_number(weight * mark / 100)}, when everything is measured"
    )
    return "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1))


def _rule(book: Rulebook, element: ElementRule, rule: IndicatorRule) -> str:
    indicator = CATALOGUE[rule.id]
    window = f" Window 期间: {book.window(rule)} days." if indicator.windowed else ""
    shrunk = f"Strength k = {rule.strength:g}." if rule.strength else "Not shrunk."
    return "\n\n".join(
        (
            f"### {_heading(indicator)}",
            f"[`{rule.id}`](../indicators/{rule.id}.md). Weight 权重: {rule.weight:g}% of the element, "
            f"**{element.weight * rule.weight / 100:g}%** of the score.{window} {shrunk} Source 来源: {rule.cited}.",
            markdown.table(
                ("取值 value", *(f"{value:g}" for value, _ in rule.curve)),
                [("得分 mark", *(f"{mark:g}" for _, mark in rule.curve))],
            ),
            _worked(indicator, element, rule),
        )
    )


def _veto(book: Rulebook, veto: Veto) -> str:
    if veto.indicator:
        indicator = CATALOGUE[veto.indicator]
        measured = f"[`{indicator.id}`](../indicators/{indicator.id}.md)"
        window = f" within {book.veto_window(veto)} days" if indicator.windowed else ""
    else:
        measured, window = f"要素得分 the mark of element `{veto.element}`", ""
    when = f"above {veto.above:g}" if veto.above is not None else f"below {veto.below:g}"
    effect = f"fixed at {veto.fixed}" if veto.fixed else f"at most {veto.at_most}"
    return (
        f"- {veto.name.zh} {veto.name.en}: {measured}{window} {when}: the grade is {effect}. Source 来源: {veto.cited}."
    )


def _limits(book: Rulebook) -> Iterator[tuple[str, str, SourcedNumber]]:
    yield "orders, or not rated", "评级所需订单数", book.minimum.orders
    yield "evidence, or not rated", "评级所需证据充分度", book.minimum.evidence
    if book.provisional:
        yield "orders, or provisional", "不足则为临时等级：订单数", book.provisional.orders
        yield "evidence, or provisional", "不足则为临时等级：证据充分度", book.provisional.evidence
    if book.dormant_after_days:
        yield "days without an order: dormant", "无订单天数，超过则标注休眠", book.dormant_after_days
    if book.references:
        yield "merchants that a prior is worth", "先验值折合商家数", book.references.merchants
    for code, rate in book.rates.items():
        yield f"worth of one {code} in {book.currency}", f"1 {code} 折合 {book.currency}", rate
    if book.margin:
        yield "margin, points", "缓冲分值", book.margin.points
        yield "margin, evaluations past the edge", "缓冲评价次数", book.margin.evaluations
        if book.margin.of_evaluations:
            yield "margin, of the last evaluations", "缓冲所看评价次数", book.margin.of_evaluations
        yield "margin, days looked back", "缓冲回看天数", book.margin.memory_days


def rulebook_page(book: Rulebook) -> str:
    """Every number of a rulebook, with its source and each indicator's example worked through."""
    parts = [
        f"# {book.title.zh} {book.title.en}",
        f"`{book.id}` {book.version}, after the structure of {book.standard}; announced on {book.announced_on}, in force from "
        f"{book.effective_from} (the example platform's dates). Text 原文: `credit/rulebooks/{book.id}-{book.version}.yaml`. "
        "What the sections mean: [Rulebooks](../rulebook.md).",
        "## 等级 Grades",
        markdown.table(
            ("Grade 等级", "Score, at least 最低得分", "中文", "English"),
            ((level.grade, f"{level.at_least:g}", level.meaning.zh, level.meaning.en) for level in book.grades.levels),
        ),
        f"Source 来源: {book.grades.cited}. Symbols 符号: {book.grades.symbols.cited}.",
        "## 评级条件与缓冲 Limits and margin",
        markdown.table(
            ("English", "中文", "Value", "Source 来源"),
            ((en, zh, f"{number.value:g}", number.cited) for en, zh, number in _limits(book)),
        ),
    ]
    if book.permits:
        named = "、".join(book.permits.categories)
        parts.append(
            f"须持行政许可的类目 categories whose sellers need a permit: {named}. Source 来源: {book.permits.cited}."
        )
    if book.parameters:
        rows = ((f"`{name}`", f"{number.value:g}", number.cited) for name, number in book.parameters.items())
        parts += ["## 参数 Parameters", markdown.table(("Parameter", "Value", "Source 来源"), rows)]
    if book.vetoes:
        parts += [f"## {VETOES}", "\n".join(_veto(book, veto) for veto in book.vetoes)]
    for element in book.elements:
        parts += [
            f"## {element.name.zh} {element.name.en}",
            f"Weight 权重: **{element.weight:g}%**. Source 来源: {element.cited}.",
            *(_rule(book, element, rule) for rule in element.indicators),
        ]
    return "\n\n".join(parts) + "\n"


def indicators_page() -> str:
    """The index of the catalogue, by element."""
    books = newest()
    counted = {(book.id, rule.id) for book in books for _, rule in book.rules()}

    def link(indicator: Indicator, book: Rulebook) -> str:
        there = f"rulebooks/{book.id}.md#{anchor(_heading(indicator))}"
        return f"[rule 规则]({there})" if (book.id, indicator.id) in counted else ""

    parts = [
        "# 指标目录 Indicators",
        "How each thing is measured. Whether it counts, and how much, is a rulebook's to say: the last columns lead there; a "
        "blank is not counted. All are reconstructions unless a source is named.",
    ]
    # A rulebook has its elements in order; one that adds an element puts it behind those that are there.
    elements = {element.id: element.name for book in books for element in book.elements}
    for element, name in elements.items():
        parts.append(f"## {name.zh} {name.en}")
        rows = (
            (
                f"[`{i.id}`](indicators/{i.id}.md)",
                i.name.zh,
                i.name.en,
                UNITS[i.unit],
                *(link(i, book) for book in books),
            )
            for i in CATALOGUE
            if i.element == element
        )
        parts.append(markdown.table(("id", "中文", "English", "Unit", *(f"`{book.id}`" for book in books)), rows))
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Every setting with its default and its environment variable."""
    rows = [
        (
            f"`{name}`",
            f"`{PREFIX}{name.upper()}`",
            "" if about.default is None else f"`{about.default}`",
            about.description,
        )
        for name, about in Settings.model_fields.items()
    ]
    return (
        "# 设置 Settings\n\nCommand line first, then environment, then `config.toml` in the home, then the default. "
        "`merchant-credit config` prints what is in force.\n\n"
        + markdown.table(("Setting", "Environment", "Default", "What it does"), rows)
        + "\n"
    )


def ledgers_page() -> str:
    """The ledgers of objections, adjustments, sanctions and closings."""
    codes = {
        "objections": ("about", objections.ABOUT),
        "objection_events": ("outcome", objections.OUTCOMES),
        "findings": ("outcome", findings.OUTCOMES),
    }
    parts = [
        "# 台账 Ledgers",
        "Objections, corrections of facts, sanctions, decisions on findings and notices of closing, and the platform's own assessments, in "
        "schema `ledger` of the warehouse. Rows are "
        "only ever added; what stands follows from them. What happened before it is entered is entered with `--at`: `at` and "
        "`recorded_at` then differ.",
        "数据行只增不改，现状由各行推出；补记的事项用 `--at` 注明发生时间。",
        "An adjustment is read over the delivered row by every evaluation from its `from_day` on (default: the latest night "
        "that was evaluated), so a row that is delivered again undoes nothing and earlier nights stay as they are. Of several "
        "values for one column the one entered last counts. A sanction imposed by command is known from `at` and counts from "
        f"the next night; its key in table `sanctions` is `{overlay.OWN_KEY}` and its number.",
        "An upheld finding counts from the night after it was upheld (entered afterwards with `--at`: from the latest night "
        "that was evaluated): the rows it names are read no more, neither for the merchant nor for the buyer, and it is a "
        f"violation with the key `{overlay.OWN_KEY}` and its number. One matter is one violation: findings of one kind that "
        "share rows are, and a delivered violation of that kind, decided within "
        f"{overlay.DOUBLED_DAYS} days of the decision, stands for it, withdrawn or not. Dismissed later it counts no more "
        "from the next night on. A decision on an objection that leaves out its violation takes away all its effect. A "
        "finding of reviews that others wrote to harm the merchant is no violation.",
        f"Published: open objections; decided ones for {publishing.SHOWN_DAYS} days, with outcome and reason; a correction "
        f"notice for {publishing.CORRECTION_DAYS} days; sanctions in force; what was found of an upheld finding, not how, for "
        f"{publishing.SHOWN_DAYS} days; a notice of closing through the day of closing, "
        f"which lies at least {closings.NOTICE_DAYS} days after the notice (E-Commerce Law Art. 16); an assessment while it is decided, "
        "without persons, documents' names and cases.",
    ]
    for ledger in LEDGERS.values():
        columns = ((f"`{c.name}`", c.zh, c.en, c.sql_type.lower(), "yes" if c.required else "") for c in ledger.columns)
        parts += [
            f"## {ledger.name} {ledger.zh}",
            f"{ledger.en}.",
            markdown.table(("Column", "中文", "English", "Type", "Required"), columns),
        ]
        if ledger.name in codes:
            name, named = codes[ledger.name]
            parts.append(
                markdown.table((f"`{name}`", "中文", "English"), ((f"`{code}`", *both) for code, both in named.items()))
            )
    return "\n\n".join(parts) + "\n"


def _newest_page(id_: str) -> str:
    return next(rulebook_page(book) for book in newest() if book.id == id_)


def detectors_page() -> str:
    """The detectors of manipulation: what each looks for and says, and all thresholds."""
    parts = [
        "# 刷单与操纵评价的检测 Detectors of manipulation",
        "Each looks through what was known on a night and says whose and which rows look manipulated. A finding is evidence for a "
        "person: nothing follows from it until one upholds it. Why it is done so, and how well, stands in "
        "[the explanation](../explanation/manipulation.md); how to add one in `credit/integrity/README.md`.",
        "检测结果只是供人工认定的线索；认定成立之前不影响任何等级、数据或处置。",
    ]
    for kind, detect in DETECTORS.items():
        names = KINDS[kind]
        about = (sys.modules[detect.__module__].__doc__ or "").strip()
        judged = "yes" if kind in ATTACKS else "not yet"
        parts += [
            f"## {kind} {names.zh} {names.en}",
            about,
            f"Judged on simulated attacks 已用模拟攻击评测: {judged}. A finding says 线索表述:",
            "\n>\n".join(f"> {' '.join(sentence.split())}" for sentence in (names.says_zh, names.says_en)),
        ]
    rows = ((f"`{p.name}`", f"{p.value:g} {p.unit}", p.why) for p in detection.PARAMETERS.values())
    parts += [
        "## 参数 Parameters",
        "All of these are reconstructions, set by us.",
        markdown.table(("Parameter", "Value", "Why"), rows),
    ]
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "indicators.md": indicators_page,
    **{f"indicators/{indicator.id}.md": partial(indicator_page, indicator) for indicator in CATALOGUE},
    **{f"rulebooks/{book.id}.md": partial(_newest_page, book.id) for book in newest()},
    "settings.md": settings_page,
    "vetting.md": vetting_page,
    "disclosure.md": disclosure_page,
    "ledgers.md": ledgers_page,
    "detectors.md": detectors_page,
    "assessment.md": assessment_page,
}


def stale() -> list[Path]:
    """Pages of indicators and rulebooks that are no longer there."""
    pages = (path for folder in ("indicators", "rulebooks") for path in (FOLDER / folder).glob("*"))
    return sorted(path for path in pages if path.relative_to(FOLDER).as_posix() not in PAGES)


def main() -> None:
    """Write the generated pages."""
    for path in stale():
        path.unlink()
    for name, page in PAGES.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The data dictionary: pages of `data/dictionary/` made from the metadata. `python -m credit.dictionary` writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from credit.disclosure.dictionary import page as disclosure_page
from credit.evaluation.scoring import mark as curve_mark
from credit.indicators import CATALOGUE
from credit.indicators.base import At, Indicator, Text, Unit
from credit.ledgers import closings, findings, objections, overlay, publishing
from credit.rulebooks.book import ElementRule, IndicatorRule, Rulebook
from credit.rulebooks.reading import shipped
from credit.settings import PREFIX, Settings
from credit.sourced import Sourced
from credit.tables import KNOWN_AT, TABLES, Column, Table
from credit.vetting.policy import AREAS, load_policy
from credit.warehouse.ledger_tables import LEDGERS

FOLDER = Path(__file__).parent.parent / "data" / "dictionary"

PRIVACY = {
    "public": "公开 public",
    "internal": "内部 internal",
    "personal": "个人信息 personal",
    "pseudonym": "假名 pseudonym",
}


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


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
    return _table(
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
        "# Canonical tables 规范数据表",
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
    windows = {f"{book.label}: {book.window(rule)} days" for book, _, rule in _uses(indicator)}
    windows |= {
        f"{book.label}: {book.veto_window(veto)} days (veto)"
        for book in newest()
        for veto in book.vetoes
        if veto.indicator == indicator.id
    }
    return "<br>".join(sorted(windows)) or "the rulebook's"


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
    books = [book for book, *_ in _uses(indicator)]
    return _table(
        ("Parameter", "中文", "English", "Unit", "Value", *(book.id for book in books)),
        (
            (
                f"`{p.id}`",
                p.name.zh,
                p.name.en,
                p.unit,
                f"{p.value:g}",
                *(f"{At(date.min, book.values)[p]:g}" for book in books),
            )
            for p in indicator.parameters
        ),
    )


def _rule(book: Rulebook, element: ElementRule, rule: IndicatorRule) -> str:
    source = f"{rule.source}, {rule.reference}" if rule.reference else rule.source
    return (
        f"### {book.label}\n\n"
        f"权重 weight: {rule.weight:g}% of {element.name.zh} {element.name.en} ({element.weight:g}%) = "
        f"**{element.weight * rule.weight / 100:g}%** of the score. Strength k = {rule.strength:g}{'' if rule.strength else ' (not shrunk)'}. Source: {source}.\n\n"
        + _table(
            ("取值 value", *(f"{value:g}" for value, _ in rule.curve)),
            [("得分 mark", *(f"{mark:g}" for _, mark in rule.curve))],
        )
    )


def _vetoes(indicator: Indicator) -> Iterator[str]:
    for book in newest():
        for veto in book.vetoes:
            if veto.indicator == indicator.id:
                when = f"above {veto.above:g}" if veto.above is not None else f"below {veto.below:g}"
                effect = f"fixed at {veto.fixed}" if veto.fixed else f"at most {veto.at_most}"
                yield f"- {book.label}: {veto.name.zh} {veto.name.en}: {when}, the grade is {effect}"


def _worked(indicator: Indicator) -> str:
    """The example through the code that scores, under the first newest rulebook that uses the indicator."""
    example = indicator.example
    counts = [example.numerator] if example.denominator is None else [example.numerator, example.denominator]
    said = [f"value = {' ÷ '.join(_number(n) for n in counts)}" + f" = {_number(example.value)}" * (len(counts) == 2)]
    for book, element, rule in islice(_uses(indicator), 1):
        value = example.value
        if rule.strength:
            # An average that would be marked 75: better than most, not perfect.
            points = sorted((mark, x) for x, mark in rule.curve)
            average = round(float(np.interp(75, [mark for mark, _ in points], [x for _, x in points])), 3)
            k, below = rule.strength, example.observations if example.denominator is None else example.denominator
            above = example.value * below
            value = (above + k * average) / (below + k)
            said.append(
                f"shrunk = (numerator + k × average) ÷ (denominator + k) = ({_number(above)} + {k:g} × {average:g}) ÷ "
                f"({_number(below)} + {k:g}) = {_number(value)}, the reference average being {average:g}, say"
            )
        mark, weight = float(curve_mark(rule, np.array(value))), element.weight * rule.weight / 100
        said.append(f"mark = {_number(mark)} by the curve of {book.label}")
        said.append(
            f"points = {weight:g}% × {_number(mark)} = {_number(weight * mark / 100)}, when everything is measured"
        )
    return "\n".join(f"{i}. {line}" for i, line in enumerate(said, 1))


def indicator_page(indicator: Indicator) -> str:
    """All that is known of one indicator."""
    rules = [_rule(*use) for use in _uses(indicator)]
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
        _table(("", ""), facts),
        f"## 意义 Why it matters\n\n{indicator.why.zh}\n\n{indicator.why.en}",
        f"## 未达标与改进 Failing, and how to improve\n\n"
        f"{indicator.failing.zh}。{indicator.improve.zh}\n\n{indicator.failing.en}. {indicator.improve.en}",
    ]
    if indicator.parameters:
        parts.append(f"## 参数 Parameters\n\n{_parameters(indicator)}")
    parts.append("## 权重与曲线 Weight and curve\n\n" + ("\n\n".join(rules) or "In no shipped rulebook's score."))
    if vetoes := list(_vetoes(indicator)):
        parts.append("## 一票否决 Vetoes\n\n" + "\n".join(vetoes))
    parts.append(f"## 算例 Worked example\n\n{_worked(indicator)}")
    return "\n\n".join(parts) + "\n"


def indicators_page() -> str:
    """The index of the catalogue, by element."""
    books = newest()
    weights = {
        (book.id, rule.id): element.weight * rule.weight / 100 for book in books for element, rule in book.rules()
    }
    parts = [
        "# Indicators 指标目录",
        "All are reconstructions unless a source is named. Weight: percent of the whole score when everything is measured, "
        f"under {', '.join(book.label for book in books)}; a blank: not counted.",
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
                *(f"{weights[book.id, i.id]:g}" if (book.id, i.id) in weights else "" for book in books),
            )
            for i in CATALOGUE
            if i.element == element
        )
        parts.append(_table(("id", "中文", "English", "Unit", *(book.id for book in books)), rows))
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
        "# Settings 设置\n\nCommand line first, then environment, then `config.toml` in the home, then the default. "
        "`merchant-credit config` prints what is in force.\n\n"
        + _table(("Setting", "Environment", "Default", "What it does"), rows)
        + "\n"
    )


def vetting_page() -> str:
    """The checks of the shipped vetting policy, with every number and its source."""
    policy = load_policy()

    def said(of: Sourced) -> str:
        return f"{of.source}: {of.reference}" if of.reference else of.source

    checks = (
        (
            f"`{rule.id}`",
            f"{AREAS[rule.area].zh} {AREAS[rule.area].en}",
            f"{rule.name.zh}<br>{rule.name.en}",
            f"`{rule.leads_to}`",
            ", ".join(rule.kinds) if len(rule.kinds) == 1 else "",
            "; ".join(f"{name} {number.value:g} ({said(number)})" for name, number in rule.numbers.items()),
            "; ".join(
                f"{name}: {', '.join(v or 'not stated' for v in vs) or 'any'}" for name, vs in rule.values.items()
            ),
            said(rule),
            f"{rule.remedy.zh}<br>{rule.remedy.en}",
        )
        for rule in policy.checks
    )
    categories = (
        (
            f"`{c.id}`",
            "、".join(c.names),
            f"{c.permit.zh} {c.permit.en} ({said(c.permit)})" if c.permit else "",
            f"{c.deposit.value:,.0f} ({said(c.deposit)})",
        )
        for c in policy.categories
    )
    return (
        "\n\n".join(
            (
                f"# Vetting of applicants {policy.title.zh}",
                f"Policy `{policy.id}` {policy.version}, in `credit/vetting.yaml`; `--policy` takes another. A failure leads to "
                "what the check says; something needed that was not given leads to `refer`. The verdict is `refuse` if "
                "anything leads to it, else `refer`, else `pass`.",
                "## Checks 审核项",
                _table(
                    (
                        "Check",
                        "Area 类别",
                        "Name 名称",
                        "Failure",
                        "Only",
                        "Numbers",
                        "Values",
                        "Source",
                        "Remedy 办理方法",
                    ),
                    checks,
                ),
                "## Categories 类目",
                _table(("Category", "Names 名称", "Permit 行政许可", f"Deposit 保证金, {policy.currency}"), categories),
                f"Any other category is referred; its deposit is {policy.other_deposit.value:,.0f} ({said(policy.other_deposit)}).",
                "## The application 申请材料",
                "JSON or YAML (UTF-8, at most 1 MiB), English or Chinese field names: those of table `subjects` in "
                "[tables.md](tables.md); `brands` 品牌, a list of `name` 品牌名称, `holder` 权利人 and either `own_trademark_no` "
                "自有商标注册号 or `authorisation` 授权 (`from` 授权方, `valid_from` 授权期起, `valid_until` 授权期止; a list, "
                "beginning with the holder, where others stand between); `public_records` 公共信用记录, a list of `kind`, `grade`, "
                "`issuer`, `valid_from`, `valid_until`, `repaired_on` as in table `public_records`. Give `[]` where there are "
                "none. Examples: [data/applications/](../applications/).",
            )
        )
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
        "# Ledgers 台账",
        "Objections, corrections of facts, sanctions, decisions on findings and notices of closing, in schema `ledger` of the warehouse. Rows are "
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
        f"which lies at least {closings.NOTICE_DAYS} days after the notice (E-Commerce Law Art. 16).",
    ]
    for ledger in LEDGERS.values():
        columns = ((f"`{c.name}`", c.zh, c.en, c.sql_type.lower(), "yes" if c.required else "") for c in ledger.columns)
        parts += [
            f"## {ledger.name} {ledger.zh}",
            f"{ledger.en}.",
            _table(("Column", "中文", "English", "Type", "Required"), columns),
        ]
        if ledger.name in codes:
            name, named = codes[ledger.name]
            parts.append(
                _table((f"`{name}`", "中文", "English"), ((f"`{code}`", *both) for code, both in named.items()))
            )
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "indicators.md": indicators_page,
    **{f"indicators/{indicator.id}.md": partial(indicator_page, indicator) for indicator in CATALOGUE},
    "settings.md": settings_page,
    "vetting.md": vetting_page,
    "disclosure.md": disclosure_page,
    "ledgers.md": ledgers_page,
}


def stale() -> list[Path]:
    """Pages of indicators that are no longer there."""
    return sorted(path for path in (FOLDER / "indicators").glob("*") if f"indicators/{path.name}" not in PAGES)


def main() -> None:
    """Write the generated pages."""
    (FOLDER / "indicators").mkdir(exist_ok=True)
    for path in stale():
        path.unlink()
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

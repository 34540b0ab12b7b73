"""The data dictionary: pages of `data/dictionary/` made from the metadata. `python -m credit.dictionary` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from credit.disclosure.dictionary import page as disclosure_page
from credit.indicators import CATALOGUE
from credit.indicators.base import Indicator
from credit.rulebooks import Sourced, shipped
from credit.settings import PREFIX, Settings
from credit.tables import KNOWN_AT, TABLES, Column, Table
from credit.vetting import AREAS, load_policy

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


def _formula(indicator: Indicator) -> str:
    return f"{indicator.definition.zh}<br>{indicator.definition.en}"


def indicators_page() -> str:
    """The catalogue of indicators with their weights in the shipped rulebooks."""
    books = shipped()
    weights = {
        (book.id, rule.id): element.weight * rule.weight / 100 for book in books for element, rule in book.rules()
    }
    parts = [
        "# Indicators 指标目录",
        "All are reconstructions unless a source is named. Weight: percent of the whole score when everything is measured.",
    ]
    elements = {element.id: element.name for book in reversed(books) for element in book.elements}
    for element, name in elements.items():
        parts.append(f"## {name.zh} {name.en}")
        for indicator in CATALOGUE:
            if indicator.element != element:
                continue
            shares = ", ".join(
                f"{book.id} {weights[book.id, indicator.id]:.2f}"
                for book in books
                if (book.id, indicator.id) in weights
            )
            parts += [
                f"### {indicator.name.zh} {indicator.name.en}",
                _table(
                    ("", ""),
                    (
                        ("id", f"`{indicator.id}`"),
                        ("定义 definition", _formula(indicator)),
                        ("意义 why", f"{indicator.why.zh}<br>{indicator.why.en}"),
                        ("未达标 failing", f"{indicator.failing.zh}<br>{indicator.failing.en}"),
                        ("改进 improve", f"{indicator.improve.zh}<br>{indicator.improve.en}"),
                        ("unit, better", f"{indicator.unit}, {indicator.better}"),
                        ("counted from", ", ".join(indicator.tables)),
                        ("来源 source", indicator.source),
                        ("权重 weight", shares or "in no shipped rulebook"),
                    ),
                ),
            ]
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


PAGES = {
    "tables.md": tables_page,
    "indicators.md": indicators_page,
    "settings.md": settings_page,
    "vetting.md": vetting_page,
    "disclosure.md": disclosure_page,
}


def main() -> None:
    """Write the generated pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

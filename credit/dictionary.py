"""The data dictionary: pages of `data/dictionary/` made from the metadata. `python -m credit.dictionary` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from credit.disclosure.dictionary import page as disclosure_page
from credit.indicators import CATALOGUE
from credit.indicators.base import Indicator
from credit.rulebooks import shipped
from credit.settings import PREFIX, Settings
from credit.tables import KNOWN_AT, TABLES, Column, Table

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


PAGES = {
    "tables.md": tables_page,
    "indicators.md": indicators_page,
    "settings.md": settings_page,
    "disclosure.md": disclosure_page,
}


def main() -> None:
    """Write the generated pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

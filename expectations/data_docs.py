"""Great Expectations' Data Docs, made to be read offline.

The pages as Great Expectations renders them take style sheets, scripts, icons and a logo from other hosts, and their
index is filled in by one of those scripts. Here only the content of each page is kept (an allow-list of elements and
attributes, links to other hosts left out), a few style rules stand in the page itself, and the index is written anew:
what failed first, with what to do about it.
"""

from __future__ import annotations

import shutil
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffcc66; --good: #7ddc9a; } }
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
       max-width: 72rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
h5 { font-size: 1.1rem; margin: 1.2rem 0 .3rem; }
h6 { font-size: 1rem; margin: .5rem 0; }
.alert { border-left: .3rem solid var(--line); padding-left: .6rem; }
.badge { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .3rem; }
.message { white-space: pre-line; }
.fa-times::before { content: "\\2717"; color: var(--bad); }
.fa-check-circle::before { content: "\\2713"; color: var(--good); }
.fa-exclamation-triangle::before { content: "\\26A0"; color: var(--warn); }
.text-danger, .critical, .failed { color: var(--bad); }
.warning { color: var(--warn); }
.passed { color: var(--good); }
"""


def finish(built: Path, site: Path, report: dict[str, Any], keep: int) -> Path:
    """Make the pages under `built` self-contained, write the index, move all to `site` and return the index.

    `report` is a check report as JSON. The newest `keep` batches stay.
    """
    shutil.rmtree(built / "static", ignore_errors=True)
    for page in built.rglob("*.html"):
        content = _Content()
        content.feed(page.read_text(encoding="utf-8"))
        place = page.relative_to(built)
        home = "../" * (len(place.parts) - 1) + "index.html"
        back = f'<p><a href="{home}">← 批次 / batch {report["batch_id"]}</a></p>'
        title = f"{place.parts[1] if len(place.parts) > 1 else place.stem}".removesuffix(".html")
        page.write_text(_page(title, f"{back}\n<h1>{escape(title)}</h1>\n{''.join(content.parts)}"), encoding="utf-8")
    results = {page.relative_to(built).parts[1]: page for page in built.glob("validations/**/*.html")}
    links = {name: page.relative_to(built).as_posix() for name, page in results.items()}
    (built / "index.html").write_text(_index(report, links), encoding="utf-8")
    target = site / f"batch-{report['batch_id']:06d}"
    shutil.rmtree(target, ignore_errors=True)
    built.rename(target)
    for old in sorted(site.glob("batch-*"))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target / "index.html"


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _index(report: dict[str, Any], links: dict[str, str]) -> str:
    """The first page: the verdict, the findings with what to do, the tables with links to Great Expectations' pages."""
    batch, tables = report["batch_id"], report["tables"].values()
    verdict = "通过 / passed" if report["success"] else "未通过 / failed"
    breaches = sorted(
        (breach for table in tables for breach in table["findings"]), key=lambda breach: breach["severity"]
    )
    breach_rows = "".join(
        f'<tr><td class="{breach["severity"]}">{_SEVERITY[breach["severity"]]}</td><td>{escape(breach["table"])}</td>'
        f'<td class="message">{escape(breach["message"])}</td></tr>'
        for breach in breaches
    )
    rows = "".join(_table_row(table, links) for table in tables)
    neutral = "".join(f"<li>{escape(name)}</li>" for table in tables for name in table["neutral"])
    body = f"""<h1>批次 {batch} 的校验 / Check of batch {batch}</h1>
<p class="{"passed" if report["success"] else "failed"}"><strong>{verdict}</strong></p>
<h2>发现 / Findings ({len(breaches)})</h2>
<table><thead><tr><th>级别 / severity</th><th>表 / table</th><th>说明与处理 / what and what to do</th></tr></thead>
<tbody>{breach_rows or '<tr><td colspan="3">无 / none</td></tr>'}</tbody></table>
<h2>各表 / Tables</h2>
<table><thead><tr><th>表 / table</th><th>行数 / rows</th><th>抽查行数 / rows read</th><th>已评估 / evaluated</th>
<th>结果 / result</th><th>详情 / details</th></tr></thead><tbody>{rows}</tbody></table>
<h2>未作判断 / Neutral</h2>
<p>行数不足或没有历史可比。 / Not enough rows, or no history to compare with.</p>
<ul>{neutral or "<li>无 / none</li>"}</ul>"""
    return _page(f"批次 {batch} / batch {batch}", body)


_SEVERITY = {"critical": "严重 / critical", "warning": "提醒 / warning"}


def _table_row(table: dict[str, Any], links: dict[str, str]) -> str:
    name = table["table"]
    details = " · ".join(
        f'<a href="{escape(links[page])}">{label}</a>'
        for page, label in ((name, "逐行 / rows"), (f"{name}-facts", "整批 / facts"))
        if page in links
    )
    sampled = "（抽样 / sample）" if table["sampled"] else ""
    state, verdict = ("passed", "通过 / passed") if table["success"] else ("failed", "未通过 / failed")
    return (
        f'<tr><td>{escape(name)}</td><td class="number">{table["rows"]:,}</td>'
        f'<td class="number">{table["judged_rows"]:,}{sampled}</td><td class="number">{table["evaluated"]}</td>'
        f'<td class="{state}">{verdict}</td><td>{details}</td></tr>'
    )


class _Content(HTMLParser):
    """What is inside the page's sections, reduced to elements and attributes that fetch nothing."""

    _TEXT = frozenset(("a", "br", "code", "div", "h5", "h6", "i", "li", "ol", "p", "pre", "span", "strong", "ul"))
    _ELEMENTS = _TEXT | {"table", "tbody", "td", "th", "thead", "tr"}
    _ATTRIBUTES = frozenset(("class", "colspan", "hidden", "id", "rowspan"))
    _VOID = frozenset(("base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"))
    _SILENT = frozenset(("button", "nav", "script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._open: list[tuple[str, bool]] = []
        """The elements we are in, from the section down, and whether each is kept."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        if not self._open and "ge-section" not in classes:
            return
        silent = tag in self._SILENT or "collapse" in classes or ("data-toggle", "collapse") in attrs
        silent = silent or bool(self._open and not self._open[-1][1])
        if not silent and tag in self._ELEMENTS:
            attributes = "".join(
                f' {name}="{escape(value or "")}"' for name, value in attrs if self._allowed(name, value)
            )
            self.parts.append(f"<{tag}{attributes}>")
        if tag not in self._VOID:
            self._open.append((tag, not silent))

    def handle_endtag(self, tag: str) -> None:
        if not any(name == tag for name, _ in self._open):
            return
        while self._open:
            name, visible = self._open.pop()
            if visible and name in self._ELEMENTS:
                self.parts.append(f"</{name}>")
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][1]:
            self.parts.append(escape(data))

    def _allowed(self, name: str, value: str | None) -> bool:
        return name in self._ATTRIBUTES or (name == "href" and (value or "").startswith(("#", "../", "./")))

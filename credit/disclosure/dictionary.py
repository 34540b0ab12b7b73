"""The page docs/reference/disclosure.md, made from the schema and the bulk files' columns.

`python -m credit.disclosure.dictionary` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from credit.disclosure.datapackage import FILES
from credit.disclosure.documents import SCHEMA
from credit.disclosure.life import FIELDS, PATH
from credit.files import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "disclosure.md"

_FIGURES = {
    "count": "{state, value} 件数 count",
    "number": "{state, value} 数值 number",
    "band": "{state, at_least, below} 区间 band",
    "share": "{state, at_least, below} 占比区间 band of a share",
}

_HEAD = """\
# 公示文件 Published files

    published/
      current -> versions/<version>     the version in force, switched in one step 当前版本，原子切换
      versions/<version>/               <evaluation day>-<first 12 digits of the SHA-256 of manifest.json>
        index.html, *.html              the site: search, rules, sanctions, notices, objections, platform 公示网站
        merchants/<xx>/<name>.html      a page a merchant 每个商家一个页面
        merchants/<xx>/<name>.json      a document a merchant 每个商家一份公示文件
        merchants/<xx>/<name>.svg       its badge 等级标识
        index.json                      who, when, rules, grades, where the rest is 公示说明
        platform.json                   the platform's own figures, lists of sanctions and notices, its own assessments 平台数据与各类名单、平台自评
        service.html                    the platform's own assessments, once it is decided to publish them 平台自评，决定公示后才有
        bulk/                           the same in columns 批量文件; datapackage.json describes them (Data Package 2)
        schema/merchant.schema.json     JSON Schema (draft 2020-12) of the documents 结构说明
        rulebooks/<id>-<version>.yaml   the rulebook that graded, and every version that is no draft 评价规则原文
        rulebooks/life.json             the life of the rules: states, dates, persons, comments 规则的制定、公布与施行记录
        search/                         the search index of the site, cut small 网站检索索引
        manifest.json, manifest/<xx>.json   length and SHA-256 of every file 文件清单
        feed.json, feed/<n>.json        what changed since the version before 变更清单
        tuf/                            signatures 签名

`<xx>` are the first two hexadecimal digits of SHA-256(subject_id). `<name>` is the subject_id with all but a-z, A-Z, 0-9, `-` and `_` percent-encoded, or `~` and its SHA-256 where that is long or only case tells two names of a folder apart; `document` in bulk/grades.parquet names each merchant's file. The same night under the same rules gives the same bytes; only the feed and the signatures tell what came before.

## Following along 跟随更新

A document, page and badge stand as long as nothing in them changes: `evaluated_on` is the night from which they do, and every night since gave the same. index.json tells the latest night. A file that did not change is the same file (a hard link) in the next version. 内容不变则文件不变；evaluated_on 是该内容起始的评价日期，最近一次评价见 index.json。

feed.json lists the last 30 changes, each with the SHA-256 of the manifest it leads from and to, and tells by number and hash the `warehouse` change it was made from, so that an older copy of the warehouse is noticed. A display that holds the version `from` reads `feed/<n>.json`: `merchants[]` has `op` (added, changed, withdrawn), `subject_id`, `kind`, `self_operated`, grade, score, mark, the three before, and path, length and SHA-256 of the document, which has the name (变更清单不含名称，名称见公示文件); `files` names the other files that changed. Who is further behind reads bulk/grades or compares `manifest/<xx>.json`. 落后更多的读取批量文件或比对清单。

Reference averages stand for a calendar month: within it a document changes only when facts of its merchant come, fall due or leave a window. 参考均值按月固定，月内公示文件仅随商家自身事实变化。

`merchant-credit verify` checks all of it from the root of trust alone: see [Verify what is published](../how-to/verify.md) and [the keys](../how-to/keys.md).

## What is published, and how finely 公示规则

- A natural person's name is masked, in texts and document numbers too; other personal data and the register's code are withheld; citizens' id numbers, mobile and landline numbers, bank cards and e-mail addresses are struck out of texts and of an enterprise's columns (of its contact, citizens' id numbers alone). Consumers do not appear, nor internal columns. 自然人姓名脱敏（王**），文字说明和文书号中亦同，其他个人信息和统一社会信用代码不公示，文字和企业各栏（联系方式仅限身份证号）中的身份证号、手机号、座机号、银行卡号、电子邮箱以 *** 代替；消费者信息和内部字段不公示。
- Counts of reviews and complaints from 1 to 4 are suppressed; so are rates that rest on fewer than 5 observations or would give such a count away, the share of orders refunded and of buyers who came back among them. 评价、投诉件数为 1 至 4 的不公示；不足 5 个观测、或可据以推算这类件数的比率（含退款率、回头客占比）同此。
- A shorter window is suppressed where a longer one has 1 to 4 more; the longest stays. 较长时段仅多 1 至 4 件的，不公示较短时段。
- Numbers of reviews by stars are not shown at all where one of the five is 1 to 4, nor are the positive and negative share then, nor the mean of fewer than 8 reviews. From 50 reviews on, the shares of 4 and 5 and of 1 to 3 stars are shown in steps that hold ten reviews or more; where the numbers are hidden the mean of a shorter window is not shown beside them. 任一星级为 1 至 4 条的，不公示各星级条数以及好评率、差评率；其中不足 8 条评价的，平均星级也不公示。评价满 50 条的，公示 4 至 5 星和 1 至 3 星占比所在档次，每档不少于 10 条；各星级条数不公示时，较短时段的平均星级也不公示。
- Complaints by channel and outcome hide, with each count from 1 to 4, others until they hold 10 and one of 5 or more, or all; outcomes are hidden, with how many the seller is liable for, where 1 to 4 are or are not its fault. Shorter windows show all of them or none. 投诉渠道、处理结果隐去 1 至 4 件的项，并隐去其他项至合计不少于 10 件；商家责任或非商家责任为 1 至 4 件的，处理结果全部隐去；较短时段或全部公示，或全部隐去。
- The platform's own figures are suppressed where, less what merchants show, they would be those of one merchant or a sum of 1 to 4. 平台合计减去已公示商家后只剩一个商家、或仅余 1 至 4 件的，不公示。
- Orders, buyers and days of trade are bands 0, 1-4, 5-9, 10-19, 20-49, 50-99, 100-199 ...; amounts and deposits 0-999, 1000-1999, 2000-4999, 5000-9999 ... 订单、买家、活跃天数和金额、保证金以区间公示。
- Shares and indexes have 3 decimals, rates per order 2 significant digits, stars and hours 1 decimal, stars of fewer than 40 reviews half stars, days 2; points of elements are halves, those of indicators have 1 decimal and are withheld where the value is not shown whole (they count in the element); the evidence figure 2; scores 4. 占比、指数 3 位小数，每单比率 2 位有效数字，星级、小时 1 位（不足 40 条评价的星级取半星），天 2 位；要素得分取 0.5 的倍数，指标得分 1 位，数值未完整公示的指标不单列得分（计入要素得分），证据充分度 2 位，总分 4 位。
- What is missing is null with a state, never 0: `measured` 已计量, `missing` 缺少证据, `not_applicable` 不适用, `suppressed` 数量过少不予公示. 空缺为 null 并附状态，不以 0 代替。
- What this keeps: from all counts of one merchant in one night none from 1 to 4 follows as one number; that it is one of a few numbers can follow. 据单个商家一夜公示的全部件数，不能确知任何 1 至 4 的件数，但可能缩小到少数几个数。
- Limits: whoever keeps every night's files sees what changed between two of them (where the numbers of stars are hidden on both, no number from 1 to 4 of either follows; where they were shown on one, it may); a count beside a rate narrows the orders down further than the band. 局限：比较相邻两日的文件可知其间变化（两日均不公示各星级条数的，不能确知任一日 1 至 4 的条数；一日公示、一日不公示的，可能推知）；件数与比率并列可进一步缩小订单数范围。
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD.rstrip()]
    parts.append("## Bulk files 批量文件")
    described: list[Any] = []
    for path, (fields, zh, en) in FILES.items():
        parts.append(f"### {path}\n\n{en}. {zh}。")
        if fields not in described:
            described.append(fields)
            rows = ((f"`{field.name}`", field.zh, field.en, str(field.type)) for field in fields)
            parts.append(markdown.table(("Column", "中文", "English", "Type"), rows))
    listed = ((f"`{name}`", zh, en) for name, zh, en in FIELDS)
    parts += [f"## The life of the rules 规则的生命周期: {PATH}", markdown.table(("Field", "中文", "English"), listed)]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    listed = ((f"`{name}`", title, kind) for name, title, kind in _fields(schema, schema, ""))
    parts += ["## A merchant's document 商家公示文件", markdown.table(("Field", "中文 · English", "Type"), listed)]
    return "\n\n".join(parts) + "\n"


def _fields(schema: dict[str, Any], node: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """(path, title, type) of every field below `node`; figures are not taken apart."""
    for name, field in node.get("properties", {}).items():
        reference = field.get("$ref", "").removeprefix("#/$defs/")
        inner = schema["$defs"].get(reference, field)
        kind = _FIGURES.get(reference) or _kind(inner)
        items = inner.get("items", {})
        yield prefix + name, field.get("title") or inner.get("title", ""), kind
        if reference in _FIGURES or reference == "bilingual":
            continue
        yield from _fields(schema, inner, f"{prefix}{name}.")
        if "$ref" in items:
            yield from _fields(schema, schema["$defs"][items["$ref"].removeprefix("#/$defs/")], f"{prefix}{name}[].")


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "oneOf" in field:
        return "object, null"
    if "zh" in field.get("properties", {}) and len(field["properties"]) == 2:
        return "{zh, en}"
    kinds = field.get("type", "")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return ", ".join(field.get("format", kind) if kind == "string" else kind for kind in kinds)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

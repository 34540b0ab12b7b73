"""The page docs/reference/assessment.md: the shipped catalogues, line by line, and the measurements they use."""

from __future__ import annotations

from collections.abc import Iterator

from credit.assessment.catalogue import SCOPES, Catalogue, Evidenced, Means, Measured, shipped
from credit.assessment.judging import RESULTS, WORTH
from credit.assessment.measuring import MEASURES
from credit.files import markdown
from credit.listings.required import Required, called
from credit.listings.required import shipped as lists
from credit.sourced import SourcedNumber


def _number(number: SourcedNumber) -> str:
    return f"{number.value:g} ({number.cited})"


def _shown(means: Means) -> str:
    if isinstance(means, Measured):
        given = [f"{name} {_number(number)}" for name, number in means.numbers.items()]
        given += [f"{name}: {', '.join(values)}" for name, values in means.values.items()]
        edges = f"≥ {_number(means.at_least)}, partly from {_number(means.partly_from)}"
        return f"`{means.measure}` {edges}" + (f"; {'; '.join(given)}" if given else "")
    if isinstance(means, Evidenced):
        age = f"; at most {_number(means.max_age_days)} days old" if means.max_age_days else ""
        return f"文件 document: {means.document.zh} {means.document.en}{age}"
    return f"声明 statement: {means.statement.zh} {means.statement.en}"


def _catalogue(catalogue: Catalogue) -> Iterator[str]:
    yield f"## {catalogue.id} {catalogue.title.zh}"
    yield (
        f"{catalogue.title.en}, version {catalogue.version}, after {catalogue.standard}. What is asked: "
        f"{catalogue.requirements.cited}. Announced {catalogue.announced_on}, in force from {catalogue.effective_from}: dates of "
        "the example platform."
    )
    if catalogue.grading:
        stars = ", ".join(f"{level.stars} from {level.at_least:g}" for level in catalogue.grading.levels)
        yield f"Stars by score: {stars} ({catalogue.grading.cited})."
    rows = (
        (
            f"`{criterion.id}`",
            f"{criterion.asks.zh}<br>{criterion.asks.en}",
            "" if criterion.applies_to == "enterprise" else SCOPES[criterion.applies_to].zh,
            "<br>".join(map(_shown, criterion.shown_by)),
        )
        for criterion in catalogue.criteria
    )
    yield markdown.table(("Line 条款", "What it asks 要求", "Of 适用", "How it is shown 如何证明"), rows)


def _shown_of_products(required: Required) -> Iterator[str]:
    yield f"### {required.id} {required.version}"
    yield (
        f"{required.title.en}, after {required.standard}. What is asked: {required.requirements.cited}. Announced "
        f"{required.announced_on}, in force from {required.effective_from}: dates of the example platform."
    )
    names = {category.id: category.names[0] for category in required.categories}
    rows = (
        (
            f"`{shown.field}`",
            f"{called(shown.field).zh}<br>{called(shown.field).en}",
            "、".join(names[id] for id in shown.of) or "全部 all",
            shown.cited,
        )
        for shown in required.fields
    )
    yield markdown.table(("Field 项目", "What it is 内容", "Of the categories 类目", "Source 来源"), rows)


def page() -> str:
    """The catalogues by id, then the measurements, then what must be shown of products."""
    parts = [
        "# 平台自评准则 Criteria of the platform's own assessment",
        "Catalogues in `credit/assessment/catalogues/`; `assess run` takes a file of one's own as well. A line is met only where all that "
        "shows it is; what the data does not tell and nobody has shown is not shown, never met. How to assess: "
        "[Assess the platform](../how-to/assessment.md).",
        "以下要求除注明读自标准者外均为重构；数值的来源逐项注明，请持有标准文本的人核对。",
        markdown.table(
            ("Result 结果", "中文", "Worth 计分"),
            (
                (f"`{name}`", label.zh, f"{WORTH[name]:g}" if name in WORTH else "left out 不计")
                for name, label in RESULTS.items()
            ),
        ),
    ]
    for catalogue in shipped().values():
        parts += _catalogue(catalogue)
    parts += [
        "## 测量 Measurements",
        "Each counts cases of the year before the day unless a number says another term: in order, not in order, not recorded. The share "
        "in order is that of all cases, those not recorded included.",
        markdown.table(
            ("Measure", "Cases in order 合格的事项", "Needs 所需数据", "No case 无事项时"),
            (
                (f"`{m.id}`", f"{m.zh}<br>{m.en}", ", ".join(f"`{name}`" for name in m.needs), RESULTS[m.none].zh)
                for m in sorted(MEASURES.values(), key=lambda m: m.id)
            ),
        ),
        "## 商品信息 What must be shown of products",
        "Asked of each listing on sale by its category: counted by `listings_complete` and by the indicator `listing_completeness`, listed "
        "by `explain`. A category is known by any of the names it goes by, where that is a word of its own. A listing without a category is "
        "asked for all fields, one of a category not named here for those of all; what the platform does not supply is asked of nobody. "
        "A later list holds from its day on.",
    ]
    for required in lists():
        parts += _shown_of_products(required)
    return "\n\n".join(parts) + "\n"

"""An assessment for management and for an auditor: HTML that prints, XLSX, JSON with a schema; Chinese first.

It is no publication: it names documents, persons responsible and cases, and its files are readable by their owner only.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from credit.assessment.catalogue import Catalogue
from credit.assessment.judging import RESULTS
from credit.assessment.measuring import percent
from credit.errors import UserError
from credit.files import durable
from credit.files.formats import to_json
from credit.ledgers.assessments import Run

FOLDER = Path(__file__).parent
SCHEMA = FOLDER / "assessment.schema.json"
HOW = {"measured": ("测量", "measured"), "evidenced": ("文件证明", "evidenced"), "declared": ("声明", "declared")}

COLUMNS = (
    ("id", "条款", "Line"),
    ("chapter", "章", "Chapter"),
    ("asks_zh", "要求", "What is asked (zh)"),
    ("asks_en", "要求（英）", "What is asked (en)"),
    ("result", "结果", "Result"),
    ("reasons_zh", "依据", "What it rests on (zh)"),
    ("reasons_en", "依据（英）", "What it rests on (en)"),
    ("mend_zh", "改进办法", "What would mend it (zh)"),
    ("mend_en", "改进办法（英）", "What would mend it (en)"),
    ("examples", "示例", "Cases not in order, some"),
)
_WIDTHS = {"id": 9, "chapter": 18, "result": 14, "examples": 24}


def document(run: Run) -> dict[str, Any]:
    """The assessment as JSON-able data: the result with its number, when it was made and by whom."""
    return {
        "$schema": SCHEMA.name,
        **run.result,
        "number": run.number,
        "made": {"at": run.at.isoformat(), "recorded_at": run.recorded_at.isoformat(), "by": run.by},
    }


def rows(run: Run) -> Iterator[dict[str, str]]:
    """Each line as a row of COLUMNS."""
    for line in run.result["lines"]:
        label = RESULTS[line["result"]]
        chapter = line["chapter"]
        yield {
            "id": line["id"],
            "chapter": f"{chapter['clause']} {chapter['zh']} {chapter['en']}",
            "asks_zh": line["asks"]["zh"],
            "asks_en": line["asks"]["en"],
            "result": f"{label.zh} {label.en}",
            **{f"reasons_{lang}": "\n".join(part[lang] for part in line["parts"]) for lang in ("zh", "en")},
            **{f"mend_{lang}": "\n".join(mend[lang] for mend in line["mend"]) for lang in ("zh", "en")},
            "examples": "\n".join(", ".join(part["examples"]) for part in line["parts"] if part.get("examples")),
        }


def html(run: Run, catalogue: Catalogue | None = None) -> str:
    """The report as one page that asks nothing of anybody; `catalogue` adds the list of numbers with their sources."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    beside: dict[str, Any] = {"carriers": [], "late_deliveries": None}
    chapters: dict[str, dict[str, Any]] = {}
    for line in run.result["lines"]:
        chapter = chapters.setdefault(line["chapter"]["clause"], line["chapter"] | {"lines": []})
        chapter["lines"].append(line)
    return environment.get_template("report.html").render(
        run=run, r={**beside, **run.result}, chapters=list(chapters.values()), results=RESULTS,
        how=HOW, share=_share,
        numbers=list(catalogue.numbers()) if catalogue else [],
    )  # fmt: skip


def _share(figure: dict[str, Any] | None) -> str:
    return percent(figure["share"]) if figure else ""


def _tables(run: Run) -> Iterator[tuple[str, tuple[str, ...], list[list[Any]]]]:
    """(name, headings, rows) of what stands beside the lines, where there is any."""
    headings: tuple[str, ...]
    if carriers := run.result.get("carriers"):
        headings = (
            "承运人 Carrier",
            "订单 Orders",
            "及时 On time",
            "丢失 Lost",
            "损坏 Damaged",
            "可跟踪 Traceable",
            "得分 Score",
            "星级 Stars",
        )
        shares = ((c, _share(c["on_time"]), _share(c["traceable"])) for c in carriers)
        yield (
            "承运人 Carriers", headings,
            [[c["carrier"], c["orders"], on_time, c["lost"], c["damaged"], traceable, c["score"], c["stars"]] for c, on_time, traceable in shares],
        )  # fmt: skip
    if (late := run.result.get("late_deliveries")) and late["late"]:
        headings = ("商家 Merchant", "迟延 Late", "承运人 Carrier's", "商家 Merchant's", "无从判断 Not told")
        parts = ("late", "carrier", "merchant", "not_told")
        listed = [{"subject_id": "合计 All"} | late, *late["merchants"]]
        yield (
            "迟延送达 Late deliveries",
            headings,
            [[row["subject_id"], *(row[part] for part in parts)] for row in listed],
        )


def xlsx(run: Run) -> bytes:
    """A sheet of the lines, one about the assessment, and one each of carriers and late deliveries where there are any; text is always text. The same assessment gives the same bytes."""
    import xlsxwriter  # some tenths of a second that no other verb need wait for

    file = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, plain)
    book.set_properties({"created": datetime.combine(run.assessed_on, time())})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    cell = book.add_format({"text_wrap": True, "valign": "top"})
    page = book.add_worksheet("条款 Lines")
    page.freeze_panes(1, 1)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    for column, (key, zh, en) in enumerate(COLUMNS):
        page.set_column(column, column, _WIDTHS.get(key, 36))
        page.write_string(0, column, f"{zh} {en}", head)
    for number, row in enumerate(rows(run), 1):
        for column, (key, _, _) in enumerate(COLUMNS):
            page.write_string(number, column, row[key], cell)
    about = book.add_worksheet("说明 About")
    about.set_column(0, 0, 30)
    about.set_column(1, 1, 80)
    for number, (name, value) in enumerate(_about(run)):
        about.write_string(number, 0, name, head)
        about.write_string(number, 1, value, cell)
    for name, headings, listed in _tables(run):
        sheet = book.add_worksheet(name)
        sheet.set_column(0, len(headings) - 1, 18)
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, head)
        for number, values in enumerate(listed, 1):
            for column, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(number, column, value, cell)
                elif value is not None:
                    sheet.write_number(number, column, value, cell)
    book.close()
    return file.getvalue()


def _about(run: Run) -> Iterator[tuple[str, str]]:
    result = run.result
    yield "平台 Platform", f"{result['platform']['zh']} {result['platform']['en']}"
    yield "准则 Criteria", f"{result['catalogue']['title']['zh']} {result['catalogue']['title']['en']}"
    yield "目录 Catalogue", f"{run.catalogue} {run.version} ({run.hash})"
    yield "评估日 As of", run.assessed_on.isoformat()
    yield "编号 Number", str(run.number)
    yield "评估人 By", run.by
    for name, label in RESULTS.items():
        yield f"{label.zh} {label.en}", str(result["counts"][name])
    if result["score"] is not None:
        yield "得分 Score", f"{result['score']:g}"
        yield "星级 Stars", str(result["stars"])


def stem(run: Run) -> str:
    """The name of the files of an assessment, without their endings."""
    return f"assessment-{run.number}-{run.catalogue}-{run.assessed_on}"


def write(run: Run, folder: Path, catalogue: Catalogue | None = None) -> list[Path]:
    """The report as HTML, XLSX and JSON with its schema, each whole or not at all, mode 0600. Raises UserError."""
    contents: dict[str, Callable[[], bytes]] = {
        f"{stem(run)}.html": lambda: html(run, catalogue).encode(),
        f"{stem(run)}.xlsx": lambda: xlsx(run),
        f"{stem(run)}.json": lambda: to_json(document(run), indent=1) + b"\n",
        SCHEMA.name: SCHEMA.read_bytes,
    }
    paths = []
    try:
        with durable.private():
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                durable.put(folder / name, content())
                paths.append(folder / name)
    except OSError as error:
        raise UserError(f"--out {folder} cannot be written: {error.strerror or error}; choose another folder") from None
    return paths

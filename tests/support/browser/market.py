"""A published marketplace with a page of each kind, hostile texts among its names."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from credit.assessment import report
from credit.assessment.catalogue import named
from credit.assessment.entering import enter
from credit.assessment.judging import assess
from credit.disclosure import publishing
from credit.evaluation import night as evaluation
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.ledgers import assessments, closings, objections, sanctions
from credit.settings import Settings
from credit.synthetic import delivery, papers

DAY = date(2026, 11, 24)
EARLIER = [date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 31)]
HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")'
HOSTILE_ID = '店/..#1?a=%41&"<b>'
Document = dict[str, Any]


def address(path: str) -> str:
    """The relative address of a published file, whose name may hold percent signs."""
    return quote(path, safe="/~")


class Market:
    """Published once, in `folder`."""

    def __init__(self, work: Path) -> None:
        delivery.write(work / "in", merchants=60, transactions=4_000, end=DAY)
        _make_hostile(work / "in")
        conf = Settings(home=work / "home")
        with open_warehouse(conf) as con:
            batch = landing.land(con, conf, "canonical", work / "in", DAY)
            merging.accept(con, batch.batch_id)
            for night in EARLIER:
                evaluation.evaluate(con, conf, night)
            # As if the rules had been in force then: there is a course of the grades to draw.
            con.execute("UPDATE results.runs SET standing = 'in_force'")
            _enter_ledgers(con)
            evaluation.evaluate(con, conf, DAY)
            self.report = _assess(con, conf, work / "papers")
            publishing.publish(con, conf)
        self.folder = conf.published / "current"

    @cached_property
    def documents(self) -> dict[str, Document]:
        """Path of a merchant's page -> its document."""
        return {
            f"{path.relative_to(self.folder).with_suffix('.html')}": json.loads(path.read_bytes())
            for path in sorted(self.folder.glob("merchants/*/*.json"))
        }

    def merchant(self, wanted: Callable[[Document], Any]) -> str:
        """The page of the first merchant of that sort."""
        return next(path for path, document in self.documents.items() if wanted(document))

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Name of a kind of page -> a page of it."""
        pages = {name: f"{name}.html" for name in PAGES} | {"404": NOTHING}
        pages |= {name: self.merchant(wanted) for name, wanted in MERCHANTS.items()}
        book = self.documents[pages["enterprise"]]["rulebook"]
        return pages | {"rulebook": f"rules/{book['id']}-{book['version']}.html"}

    def file(self, kind: str) -> Path:
        """The file of a kind of page."""
        return self.folder / ("404.html" if kind == "404" else self.kinds[kind])


PAGES = ("index", "rules", "sanctions", "records", "notices", "objections", "platform", "data", "service")
NOTHING = "merchants/00/nothing.html"
MERCHANTS: dict[str, Callable[[Document], Any]] = {
    "enterprise": lambda d: d["subject"]["self_operated"] and d["grade"] != "NR",
    "individual": lambda d: d["subject"]["kind"] == "individual" and d["grade"] != "NR",
    "not rated": lambda d: d["grade"] == "NR",
    "veto": lambda d: d["vetoes"] and d["grade"] != "NR",
    "hostile": lambda d: d["subject"]["name"] == HOSTILE and d["grade"] != "NR",
}
KINDS = (*PAGES, "404", *MERCHANTS, "rulebook")


def _assess(con: duckdb.DuckDBPyConnection, conf: Settings, folder: Path) -> str:
    """The platform's own assessments by two catalogues, to be published; one of them gives stars. The report of
    the last, as a page."""
    enter(con, conf, papers.write(folder, DAY), by="李伟")
    for name in ("gbt-31526-platform-service", "hebei-ecommerce-enterprise"):
        run = assessments.keep(con, assess(con, conf, named(name), DAY), "text", by="李伟")
        assessments.decide(con, name, run.number, reason="公示", by="李伟")
    return report.html(run, named(name))


def _enter_ledgers(con: duckdb.DuckDBPyConnection) -> None:
    """An objection that was upheld, one that is open, a notice of closing and a sanction, all of one merchant."""

    def at(day: int) -> datetime:
        return datetime(2026, 11, day, 2, tzinfo=UTC)

    shop = "M000003"
    (order,) = con.execute(
        "SELECT min(transaction_id) FROM canonical.transactions WHERE subject_id = ?", [shop]
    ).fetchall()[0]
    first = objections.file(con, shop, about="transaction", text=HOSTILE, by="王芳", at=at(10))
    objections.decide(
        con, first.number, outcome="upheld", reason=f"承运商系统故障 {HOSTILE}", by="李伟",
        exclude=[f"transactions:{order}"], at=at(18),
    )  # fmt: skip
    objections.file(con, shop, about="complaint", text=HOSTILE, by="王芳", at=at(20))
    closings.announce(con, shop, on=date(2027, 1, 31), by="王芳", text=HOSTILE, at=at(20))
    sanctions.impose(con, shop, kind="restriction", reason=HOSTILE, by="李伟", reference=HOSTILE, at=at(21))


def _make_hostile(folder: Path) -> None:
    """An enterprise that is graded takes the name, as does one with a hostile id; a sanction has it for its reason."""
    known = {"获知时间": "2026-11-20T00:00:00+08:00"}
    graded = _row(folder / "subjects.csv", "M000003") | {"名称": HOSTILE} | known
    other = {"主体编号": HOSTILE_ID, "统一社会信用代码": "", "营业执照号": "", "主营类目": HOSTILE}
    _append(folder / "subjects.csv", graded, graded | other)
    warning = {"处置编号": "hostile", "主体编号": "M000003", "措施类型": "warning", "原因": HOSTILE}
    _append(folder / "sanctions.csv", warning | {"实施时间": "2026-11-20T00:00:00+08:00"} | known)


def _row(path: Path, subject_id: str) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(row for row in csv.DictReader(file) if row["主体编号"] == subject_id)


def _append(path: Path, *rows: dict[str, str]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, header, restval="", lineterminator="\n").writerows(rows)

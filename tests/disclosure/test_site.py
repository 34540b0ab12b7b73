"""The static site: what its pages hold, that nothing in them is dangerous, that the search finds."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from credit.disclosure import documents, night, site
from credit.disclosure.alerts import alerts, mark
from credit.disclosure.site import merchants, words
from credit.disclosure.site.search import INDEX, normal, short
from credit.disclosure.site.spelling import folded, pinyin
from credit.evaluation import night as evaluation
from credit.files import formats
from credit.home import open_warehouse
from credit.ledgers import lifecycle
from credit.rulebooks.reading import shipped
from credit.settings import Settings
from support import small_market
from support.browser.market import PAGES
from support.small_market import DAY, market, seller

pytestmark = pytest.mark.slow

HOSTILE = '<script>alert(1)</script>=HYPERLINK("x")'
CONTEXT: dict[str, Any] = {
    "address": None,
    "platform": {"zh": "示例平台", "en": "Example Platform"},
    "development": False,
    "contact": "credit@example.com",
    "zone": "Asia/Shanghai",
}
Document = dict[str, Any]


def _measured(value: Any) -> dict[str, Any]:
    return {"state": "measured", "value": value}


def complete(document: Document) -> Document:
    """The document with everything a page may show."""
    point = {"grade": "BBB", "score": 71.5, "rulebook_version": "0.1.0"}
    own = {"on": DAY.isoformat(), "grade": document["grade"], "score": document["score"], "rulebook_version": "0.2.0"}
    about = {"code": "facts", "zh": "物流数据", "en": "Delivery data"}
    defaults: Document = {
        "trend": {"state": "measured", "points": [{"on": "2026-10-01", **point}, {"on": "2026-11-01", **point}, own]},
        "objections": {
            "open": [{"number": 3, "filed_on": "2026-11-20", "about": about, "state": "open"}],
            "decided": [
                {"number": 1, "filed_on": "2026-08-01", "decided_on": "2026-08-11", "days": 10, "about": about,
                 "outcome": {"code": "upheld", "zh": "成立", "en": "Upheld"}, "reason": HOSTILE}
            ],
        },
        "notices": [
            {"kind": {"code": "correction", "zh": "更正公告", "en": "Correction"}, "on": "2026-08-11", "until": None,
             "zh": "已更正", "en": HOSTILE, "objection": 1, "before": {"grade": "B", "score": 50.0},
             "after": {"grade": "A", "score": None}}
        ],
    }  # fmt: skip
    disclosure = {key: document["disclosure"][key] for key in ("by", "objection")} | {
        "development": False,
        "updated": {"zh": "每日更新", "en": "Updated daily", "latest": "../../index.json"},
    }
    return {**document, **defaults, "disclosure": disclosure}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Document], list[lifecycle.Version]]:
    """(path -> document, versions of the rules) of a night of a few merchants."""
    conf = Settings(
        home=tmp_path_factory.mktemp("site") / "home", zone=small_market.ZONE, threads=1, memory_limit="512MB"
    )
    conf.home.mkdir()
    rows = market({"m1": 0, "m2": 20, "bad": 3, "one": 2}, kinds={"one": "individual"})
    hostile = {"bad": HOSTILE, "m1": "长沙市恒汇食品有限公司", "one": "王小明"}
    for row in rows["subjects"]:
        row |= {"name": hostile.get(row["subject_id"], row.get("name"))}
    rows["subjects"][0] |= {"uscc": "91330198MA3000926M", "self_operated": "true", "address": HOSTILE}
    rows["subjects"].append(seller("../x.y", name="=1+1", kind="individual"))
    with open_warehouse(conf) as con:
        small_market.deliver(con, conf, conf.home / "delivery", rows)
        evaluation.evaluate(con, conf, DAY)
        tonight = night.read(con, conf, DAY)
        paths = documents.paths([subject_id for graded in tonight.graded for subject_id in graded.ids])
        merchant_documents = {
            path: complete(json.loads(formats.to_json(document)))
            for batch in documents.batches(tonight, conf, paths, development=False)
            for path, document in documents.documents(batch)
        }
        return merchant_documents, lifecycle.versions(con)


@pytest.fixture(scope="module")
def merchant_documents(ledger: tuple[dict[str, Document], list[lifecycle.Version]]) -> dict[str, Document]:
    return ledger[0]


ASSESSMENT = {
    "catalogue": {
        "id": "a-catalogue", "version": "1.0.0", "standard": HOSTILE, "title": {"zh": "自评", "en": "assessment"},
        "requirements": {"source": "reconstruction"},
    },
    "assessed_on": "2026-11-24", "score": 71.5, "stars": 2,
    "counts": {"met": 1, "partly": 0, "not_met": 0, "not_shown": 0, "not_applicable": 0},
    "lines": [
        {"id": "4.1", "chapter": {"clause": "4", "zh": "章", "en": "chapter"}, "asks": {"zh": HOSTILE, "en": HOSTILE},
         "result": {"code": "met", "zh": "符合", "en": "met"}, "reasons": [{"zh": HOSTILE, "en": HOSTILE}]},
    ],
}  # fmt: skip
"""As in platform.json."""


MARK = {"code": "suspension", "zh": "暂停服务", "en": "Service suspended"}


def summary(merchant_documents: dict[str, Document], **other: Any) -> dict[str, Any]:
    """platform.json of these documents."""
    any_document = next(iter(merchant_documents.values()))
    graded: dict[str, list[Document]] = defaultdict(list)
    for document in merchant_documents.values():
        graded[document["rulebook"]["id"]].append(document)
    levels = {(book.id, book.version): book.grades.levels for book in shipped()}

    def row(path: str, document: Document, more: dict[str, Any]) -> dict[str, Any]:
        subject = document["subject"]
        self_operated = bool(subject["self_operated"])
        return {
            "subject_id": subject["subject_id"], "name": subject["name"], "self_operated": self_operated, "page": f"{path[:-5]}.html",
            "mark": MARK,
        } | more  # fmt: skip

    sanction = {
        "kind": {"code": "warning", "zh": "警告", "en": "Warning"}, "reason": HOSTILE, "imposed_on": "2026-11-01",
        "until": None, "issuer": CONTEXT["platform"], "reference": "示平处〔2026〕7号", "source": "ledger",
    }  # fmt: skip
    record = {
        "kind": {"code": "award", "zh": "表彰奖励", "en": "Award"}, "grade": "moderate", "note": "虚假宣传",
        "issuer": HOSTILE, "reference": "N9", "valid_from": "2026-01-01", "valid_until": None,
    }  # fmt: skip
    return {
        "disclosure": any_document["disclosure"] | {
            "evaluated_on": DAY.isoformat(), "cut_off": "2026-11-25T00:00:00+08:00", "next_update": "2026-11-26"},
        "zone": "Asia/Shanghai",
        "merchants": len(merchant_documents),
        "rulebooks": [
            group[0]["rulebook"] | {
                "kind": group[0]["subject"]["kind"], "merchants": len(group), "grades": {"A": len(group)},
                "levels": [
                    {"grade": level.grade, "from": level.at_least, "meaning": level.meaning.model_dump()}
                    for level in levels[group[0]["rulebook"]["id"], group[0]["rulebook"]["version"]]
                ],
            }
            for group in graded.values()
        ],
        "not_rated": {"too_few_orders": {"zh": "订单数不足", "en": "too few orders", "merchants": 1}},
        "self_operated": 1, "provisional": 0, "dormant": 0, "moves": None, "assessments": [ASSESSMENT],
        "figures": any_document["figures"],
        "history": [
            {"on": f"2026-{month}-24", "rulebook": rulebook, "rated": 4, "grades": {"A": 3, "NR": 1}}
            for month in (10, 11) for rulebook in graded
        ],
        "objections": {"filed": 2, "open": 1, "decided": 1, "median_days": 6.5, "longest_days": None,
                       "by_outcome": {"upheld": 1, "partly_upheld": 0, "rejected": 0, "withdrawn": 0}},
        "sanctions": [row(path, document, sanction) for path, document in merchant_documents.items()],
        "public_records": [row(path, document, record) for path, document in merchant_documents.items()],
        "notices": [row(path, document, document["notices"][0]) for path, document in merchant_documents.items()],
        **other,
    }  # fmt: skip


def versions_with_comment(rulebooks: list[lifecycle.Version]) -> list[lifecycle.Version]:
    at = datetime(2026, 11, 12, tzinfo=UTC)
    answer = lifecycle.Answer(at, at, "Li Wei", "partly", "13900001111 回复")
    comment = lifecycle.Comment(1, at, at, HOSTILE, "权重偏高", (answer,))
    return [
        replace(version, comments=(comment,)) if version.id.endswith("enterprise") else version for version in rulebooks
    ]


@pytest.fixture(scope="module")
def files(ledger: tuple[dict[str, Document], list[lifecycle.Version]]) -> dict[str, bytes]:
    """The whole site."""
    merchant_documents, rulebooks = ledger
    return dict(whole(merchant_documents, versions_with_comment(rulebooks)))


def whole(merchant_documents: dict[str, Document], rulebooks: list[lifecycle.Version]) -> Iterator[tuple[str, bytes]]:
    pages = site.Merchants(CONTEXT)
    for path, document in merchant_documents.items():
        yield f"{path[:-5]}.html", pages.page(document, path)
        self_operated = bool(document["subject"]["self_operated"])
        badge = site.badge(
            document["grade"], document["meaning"], CONTEXT, scale=document["scale"], self_operated=self_operated
        )
        yield f"{path[:-5]}.svg", badge
    yield from site.pages(summary(merchant_documents), rulebooks, CONTEXT)
    yield from site.assets()
    yield from site.search(entries(merchant_documents))


def entries(merchant_documents: dict[str, Document]) -> list[Any]:
    return [
        site.SearchEntry(
            document["subject"]["subject_id"], document["subject"]["kind"], document["subject"]["name"],
            document["subject"]["uscc"], document["grade"], bool(document["subject"]["self_operated"]), f"{path[:-5]}.html",
            document["subject"]["category"], site.tone(document["grade"], document["scale"]),
        )
        for path, document in merchant_documents.items()
    ]  # fmt: skip


class Page(HTMLParser):
    """What a page is made of: (tag, attributes), the texts of its scripts, all its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [own for name, own in self.tags if name == tag and all(own.get(k) == v for k, v in attributes.items())]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


@pytest.fixture(scope="module")
def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {path: Page(content) for path, content in files.items() if path.endswith(".html")}


def document_of(merchant_documents: dict[str, Document], subject_id: str) -> tuple[str, Document]:
    return next(
        (path, document)
        for path, document in merchant_documents.items()
        if document["subject"]["subject_id"] == subject_id
    )


# --- every page --------------------------------------------------------------------------------------------------


def test_there_is_every_kind_of_page(pages: dict[str, Page]) -> None:
    at_the_root = {path for path in pages if "/" not in path}
    assert at_the_root == {f"{name}.html" for name in (*PAGES, "404")}, (
        "name it in PAGES of tests/support/browser/market.py"
    )
    assert {f"rules/{book.id}-{book.version}.html" for book in shipped() if book.subject.role == "seller"} <= set(pages)
    assert not [path for path in pages if "buyer" in path]


def test_every_page_allows_only_the_sites_own_parts(pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
        rest = re.sub(" 'sha256-[^']+'", "", str(policy["content"])) if path == "404.html" else str(policy["content"])
        assert rest.startswith("default-src 'none'; style-src 'self'; script-src 'self'"), path
        assert "unsafe" not in str(policy["content"])
        for tag, attributes in page.tags:
            assert "style" not in attributes, (path, tag)
            assert tag not in ("iframe", "object", "base"), path
            assert tag != "style" or path == "404.html", path
            assert not [name for name in attributes if name.startswith("on")], (path, tag, attributes)
        for script, attributes in zip(page.scripts, page.all("script"), strict=True):
            assert attributes.get("src") or attributes.get("type") == "application/ld+json", path
            assert not (attributes.get("src") and script.strip())


def test_the_page_for_what_is_missing_brings_the_style_its_policy_allows(files: dict[str, bytes]) -> None:
    page = files["404.html"]
    (style,) = re.findall(b"<style>(.+?)</style>", page, re.DOTALL)
    assert style == files["assets/site.css"]
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in page.decode()
    assert b"stylesheet" not in page


def test_no_page_asks_another_host(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        text = content.decode().replace("https://schema.org", "").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|[\"'(]//", text), path


def test_every_page_is_in_both_languages(pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        (root,) = page.all("html")
        assert root["lang"] == "zh-CN"
        zh, en = (sum(attributes.get("lang") == lang for _, attributes in page.tags) for lang in ("zh", "en"))
        assert zh == en > 10, path
        assert page.all("input", id="lang-zh", type="radio")
        assert page.all("input", id="lang-en", type="radio")


def test_every_page_can_be_walked_by_keyboard_and_reader(pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        assert page.all("main", id="main"), path
        assert [
            attributes
            for attributes in page.all("a")
            if attributes.get("class") == "skip" and attributes["href"] == "#main"
        ], path
        assert len(page.ids) == len(set(page.ids)), path
        headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert headings[0] == 1, path
        assert headings.count(1) == 1, path
        assert all(b <= a + 1 for a, b in pairwise(headings)), (path, headings)
        assert all("scope" in attributes for attributes in page.all("th")), path
        assert all("alt" in attributes for attributes in page.all("img")), path
        for picture in page.all("svg"):
            named = set(str(picture.get("aria-labelledby", "")).split())
            assert picture.get("aria-hidden") == "true" or (named and named <= set(page.ids)), path


def test_every_link_leads_somewhere(
    files: dict[str, bytes], pages: dict[str, Page], merchant_documents: dict[str, Document]
) -> None:
    beside = {
        "index.json", "platform.json", "manifest.json", "feed.json", "datapackage.json", "schema/merchant.schema.json",
        "bulk/grades.csv", "bulk/grades.ndjson", "bulk/grades.parquet", "bulk/elements.parquet", "bulk/indicators.parquet",
        "rulebooks/life.json", *(f"rulebooks/{book.id}-{book.version}.yaml" for book in shipped()),
    }  # fmt: skip
    targets = {*files, *beside, *merchant_documents}
    for path, page in pages.items():
        for _, attributes in page.tags:
            for name in ("href", "src", "action"):
                target = urlsplit(attributes.get(name) or "")
                if target.scheme == "mailto" or not (target.path or target.fragment):
                    continue
                # The page for what is missing is made for two folders down; at the root .. leads to the root.
                location = "merchants/00/x.html" if path == "404.html" else path
                destination = posixpath.normpath(posixpath.join(posixpath.dirname(location), unquote(target.path)))
                assert not target.path or destination in targets, (path, attributes[name])
                if target.fragment:
                    assert target.fragment in (pages[destination] if target.path else page).ids, (
                        path,
                        attributes[name],
                    )


def test_the_same_input_gives_the_same_bytes(
    files: dict[str, bytes], ledger: tuple[dict[str, Document], list[lifecycle.Version]]
) -> None:
    merchant_documents, rulebooks = ledger
    again = dict(whole(json.loads(json.dumps(merchant_documents)), versions_with_comment(rulebooks)))
    assert again == files


@pytest.mark.parametrize("development", [True, False])
def test_a_development_key_is_said_on_every_page(merchant_documents: dict[str, Document], development: bool) -> None:
    context = CONTEXT | {"development": development}
    warning = "开发密钥签名，仅供试用，不作正式公示"
    path, document = next(iter(merchant_documents.items()))
    assert (warning in site.Merchants(context).page(document, path).decode()) is development
    for name, content in site.pages(summary(merchant_documents), [], context):
        assert (warning in content.decode()) is development, name


# --- hostile texts -----------------------------------------------------------------------------------------------


def test_a_hostile_name_is_only_text(
    files: dict[str, bytes], pages: dict[str, Page], merchant_documents: dict[str, Document]
) -> None:
    path, document = document_of(merchant_documents, "bad")
    assert document["subject"]["name"] == HOSTILE
    page = pages[f"{path[:-5]}.html"]
    assert HOSTILE in page.text
    for name, content in files.items():
        if not name.startswith("assets/"):
            assert b"<script>alert" not in content, name
    for other_page in pages.values():
        assert all("alert(1)" not in script or script.startswith("{") for script in other_page.scripts)


def test_jsonld_is_one_rating_by_the_platform(pages: dict[str, Page], merchant_documents: dict[str, Document]) -> None:
    for path, document in merchant_documents.items():
        page = pages[f"{path[:-5]}.html"]
        (data,) = [json.loads(script) for script in page.scripts if script.strip()]
        rating = data["review"]["reviewRating"]
        assert (data["@type"], rating["@type"], rating["name"]) == ("OnlineStore", "Rating", document["grade"])
        assert rating.get("ratingValue") == document["score"]
        assert "AggregateRating" not in json.dumps(data)
        self_operated = bool(document["subject"]["self_operated"])
        assert ("平台自营" in data.get("description", ""), "parentOrganization" in data) == (
            self_operated,
            self_operated,
        )
        if document["subject"]["kind"] == "individual":
            assert data["name"].endswith("**")
            assert {"address", "telephone", "email", "founder"}.isdisjoint(data)
            assert [identifier["propertyID"] for identifier in data["identifier"]] == ["subject_id"]
    assert "小明" not in json.dumps([page.text for page in pages.values()], ensure_ascii=False)


# --- a merchant's page -------------------------------------------------------------------------------------------


def test_a_merchants_page_shows_its_document(merchant_documents: dict[str, Document], pages: dict[str, Page]) -> None:
    path, document = document_of(merchant_documents, "m1")
    page = pages[f"{path[:-5]}.html"]
    assert f"{document['score']:.2f}" in page.text
    for element in document["elements"]:
        assert element["name_zh"] in page.text
        assert f"{element['points']:.1f}" in page.text
        for indicator in element["indicators"]:
            assert indicator["name_zh"] in page.text
            assert indicator["name_en"] in page.text
    for text in (
        "平台自营",
        "异议处理中",
        "更正公告",
        "成立",
        "物流数据",
        document["subject"]["uscc"],
        "credit@example.com",
    ):
        assert text in page.text, text
    (rules,) = [attributes for attributes in page.all("a") if attributes.get("class") == "rules-link"]
    assert rules["href"] == f"../../rules/{document['rulebook']['id']}-{document['rulebook']['version']}.html"
    assert [attributes for _, attributes in page.tags if str(attributes.get("class")).startswith("grade ")]


def test_only_what_has_a_window_is_said_to_have_one(
    merchant_documents: dict[str, Document], pages: dict[str, Page]
) -> None:
    path, document = document_of(merchant_documents, "m1")
    book = document["rulebook"]
    rules = pages[f"rules/{book['id']}-{book['version']}.html"].text
    for name, zh, en, windowed in (
        ("months_on_platform", "入驻时长", "Months on the platform", False),
        ("tax_grade", "纳税信用等级", "Tax credit grade", False),
        ("completion_rate", "订单完成率", "Completion rate", True),
    ):
        assert name in [indicator["name"] for element in document["elements"] for indicator in element["indicators"]]
        on_the_day = f"{zh}{en} 评价日on the day"
        assert (on_the_day in pages[f"{path[:-5]}.html"].text) is not windowed, name
        assert (on_the_day in rules) is not windowed, name
        assert (f"{zh}{en} 近 365 日365 days" in rules) is windowed, name


def test_nothing_of_a_later_night_is_on_an_unchanged_page(
    merchant_documents: dict[str, Document], files: dict[str, bytes]
) -> None:
    path, document = document_of(merchant_documents, "m2")
    dates = set(re.findall(r"20\d\d-\d\d-\d\d", files[f"{path[:-5]}.html"].decode()))
    assert dates <= set(re.findall(r"20\d\d-\d\d-\d\d", json.dumps(document)))


VETO = {"id": "x", "zh": "证照失效", "en": "Licence not in force", "by": "indicator", "effect": "cap", "grade": "BBB"}


def test_what_a_merchant_lacks_is_said(merchant_documents: dict[str, Document]) -> None:
    path, document = document_of(merchant_documents, "m1")
    bare = document | {
        "grade": "NR", "meaning": {"zh": "未评级", "en": "Not rated"}, "score": None,
        "not_rated": {"code": "too_few_orders", "zh": "评价期内订单数不足", "en": "too few orders"},
        "provisional": True, "dormant": True,
        "alerts": alerts([VETO], [], [], []),
        "trend": {"state": "missing", "points": []}, "notices": [], "objections": {"open": [], "decided": []},
        "sanctions": {"state": "missing", "in_force": None}, "public_records": {"state": "missing", "in_force": None},
        "rulebook": document["rulebook"] | {"note": documents.STANDINGS["trial"]},
    }  # fmt: skip
    page = Page(site.Merchants(CONTEXT).page(bare, path))
    for text in (
        "评价期内订单数不足", "证照失效Licence not in force 等级不高于 BBB", "休眠", "临时等级", "平台未提供此项记录", "平台未取得此项记录", "暂无走势", "试算",
    ):  # fmt: skip
        assert text in page.text, text
    assert "异议处理中" not in page.text


def test_what_is_in_force_is_said_and_no_text_passes_for_a_gap(merchant_documents: dict[str, Document]) -> None:
    path, document = document_of(merchant_documents, "m1")
    sly = "<gap score>"
    sanction = {
        "kind": {"code": "warning", "zh": "警告", "en": "Warning"}, "reason": sly, "imposed_on": "2026-11-01", "until": None,
        "issuer": CONTEXT["platform"], "reference": None,
    }  # fmt: skip
    record = {
        "kind": {"code": "award", "zh": "表彰奖励", "en": "Award"}, "grade": "serious", "note": HOSTILE, "issuer": sly,
        "valid_from": "2026-01-01", "valid_until": "2027-01-01", "reference": "N7",
    }  # fmt: skip
    full = document | {
        "alerts": alerts([], [sanction], [record], []),
        "subject": document["subject"] | {"name": sly},
        "sanctions": {"state": "measured", "in_force": [sanction]},
        "public_records": {"state": "measured", "in_force": [record]},
    }
    content = site.Merchants(CONTEXT).page(full, path)
    assert b"<gap" not in content
    assert b"<script>alert" not in content
    page = Page(content)
    since = "2026-11-01 起，未设期限since 2026-11-01, no end set"
    note = f"{sly}示例平台Example Platform · {since}"
    span = "2026-01-01 至 2027-01-012026-01-01 to 2027-01-01"
    for text in (
        f"警告Warning {note}",
        f"严重serious {HOSTILE}{sly} · {span} · N7",
        f"平台警告Warned by the platform {sly} · {since}",
    ):
        assert text in page.text, text
    assert page.text.count(sly) == 6  # title, strip, heading, operator, sanction, record


def test_what_is_in_force_stands_above_all_else(merchant_documents: dict[str, Document]) -> None:
    """The gravest first; the plate and what is known of a veto go with it."""
    path, document = document_of(merchant_documents, "m1")
    sanctions = [
        {"kind": "warning", "reason": "迟延", "imposed_on": "2026-11-01", "until": None},
        {"kind": "suspension", "reason": "售假", "imposed_on": DAY.isoformat(), "until": "2026-12-31"},
    ]
    suspended = VETO | {"zh": "暂停服务", "en": "Service suspended", "grade": "C"}
    shown_alerts = alerts([VETO, suspended], sanctions, [], [])
    assert [alert["zh"] for alert in shown_alerts] == ["暂停服务", "证照失效", "平台警告"]
    assert [alert["level"] for alert in shown_alerts] == ["severe", "severe", "caution"]
    page = site.Merchants(CONTEXT).page(document | {"alerts": shown_alerts}, path).decode()
    text = Page(page.encode()).text
    assert page.index("暂停服务") < page.index("<h1>") < page.index('class="grade g-d"')
    assert "暂停服务Service suspended 售假 · 等级不高于 Cthe grade is at most C · " in text
    assert "2026-12-31" in text
    assert text.count("尚未计入等级") == 1  # imposed on the day: nothing at or after its beginning counts


@pytest.mark.parametrize(("grade", "marked"), [("minor", None), ("serious", "administrative_penalty")])
def test_only_what_is_grave_is_a_mark(grade: str, marked: str | None) -> None:
    record = {
        "kind": "administrative_penalty",
        "grade": grade,
        "note": None,
        "valid_from": "2026-01-01",
        "valid_until": None,
    }
    award = record | {"kind": "award"}
    low = VETO | {"by": "element"}
    shown_alerts = alerts([low], [], [award, record], [])
    assert len(shown_alerts) == 2
    assert (alert["code"] if (alert := mark(shown_alerts)) else None) == marked


def test_a_trend_goes_no_higher_than_a_score_can(merchant_documents: dict[str, Document]) -> None:
    path, document = document_of(merchant_documents, "m1")
    points = [
        {"on": f"2026-{month}-01", "grade": "AAA", "score": score, "rulebook_version": "0.1.0"}
        for month, score in (("09", 94.4), ("10", 96.0))
    ]
    content = site.Merchants(CONTEXT).page(document | {"trend": {"state": "measured", "points": points}}, path)
    drawn = content.decode().partition("<svg class=chart")[2].partition("</svg>")[0]
    assert [int(n) for n in re.findall(r"text-anchor=end>(\d+)</text>", drawn)] == [80, 90, 100]


def test_a_trend_without_scores_is_a_table(merchant_documents: dict[str, Document]) -> None:
    path, document = document_of(merchant_documents, "m1")
    points = [
        {"on": f"2026-{month}-01", "grade": "NR", "score": None, "rulebook_version": "0.1.0"} for month in (9, 10)
    ]
    page = Page(site.Merchants(CONTEXT).page(document | {"trend": {"state": "measured", "points": points}}, path))
    assert "trend-t" not in page.ids
    assert "2026-9-01" in page.text


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("share", 0.968, "96.8%"),
        ("per_order", 0.0012, "0.12%"),
        ("per_order", 1.2, "120.00%"),
        ("per_order", 0.0, "0.00%"),
        ("per_order", 0.000_02, "<0.01%"),
        ("index", 0.1, "0.100"),
        ("weighted", 3.0, "3.00"),
        ("days", 7.6, "7.60 天 days"),
        ("hours", 12.0, "12.0 小时 hours"),
        ("months", 15.0, "15 个月 months"),
        ("rank", 4.0, "A"),
    ],
)
def test_values_in_words(unit: str, value: float, shown: str) -> None:
    """With as many decimals as any other of the unit."""
    text = Page(f"<p>{words.measured(unit, value)}".encode()).text
    assert text == shown
    assert words.cell({"state": "measured", "value": value}, unit) == shown.partition(" ")[0]


@pytest.mark.parametrize(
    ("at_least", "below", "zh", "en"),
    [
        (0, 1, "0", "0"), (20, 50, "20–49", "20–49"), (5000, 10000, "5,000–9,999", "5,000–9,999"),
        (200_000, 500_000, "20万–50万", "200k–500k"), (100_000_000, None, "≥ 1亿", "≥ 100M"),
    ],
)  # fmt: skip
def test_bands(at_least: int, below: int | None, zh: str, en: str) -> None:
    assert words.band(at_least, below) == words.both(zh, en)


# --- the rules, lists --------------------------------------------------------------------------------------------


def test_the_rules_page_says_every_number(pages: dict[str, Page]) -> None:
    book = next(book for book in shipped() if (book.id, book.version) == ("gbt-26842-enterprise", "0.2.0"))
    page = pages["rules/gbt-26842-enterprise-0.2.0.html"]
    for _, rule in book.rules():
        assert f"i-{rule.id}" in page.ids
        assert f"{rule.id}-t" in page.ids
    for level in book.grades.levels:
        assert level.meaning.zh in page.text
    for text in (
        "认定欺诈 高于 2",
        "等级定为 D",
        "推定",
        "E-Commerce Law Art. 27",
        "80% → 38",
        book.hash,
        HOSTILE,
        "部分采纳",
    ):
        assert text in page.text, text
    assert "13900001111" not in page.text


def test_rules_of_a_trial_have_a_page(merchant_documents: dict[str, Document]) -> None:
    platform = summary(merchant_documents)
    platform["rulebooks"][0] |= {"version": "9.9.9", "note": documents.STANDINGS["trial"], "standing": "trial"}
    pages = dict(site.pages(platform, [], CONTEXT))
    assert "试算" in pages[f"rules/{platform['rulebooks'][0]['id']}-9.9.9.html"].decode()


def test_lists_say_of_each_row_what_it_is_and_its_number(pages: dict[str, Page]) -> None:
    note = "2026-11-01 起，未设期限since 2026-11-01, no end set · 示平处〔2026〕7号"
    assert f"警告Warning {HOSTILE}示例平台Example Platform · {note}" in pages["sanctions.html"].text
    assert (
        f"一般moderate 虚假宣传{HOSTILE} · 2026-01-01 起，未设期限since 2026-01-01, no end set · N9"
        in pages["records.html"].text
    )


def test_rows_without_a_number_say_none(merchant_documents: dict[str, Document]) -> None:
    platform = summary(merchant_documents)
    for name in ("sanctions", "public_records"):
        platform[name] = [row | {"reference": None, "grade": None, "note": None} for row in platform[name]]
    pages = dict(site.pages(platform, [], CONTEXT))
    for name in ("sanctions.html", "records.html"):
        assert "None" not in Page(pages[name]).text
        assert Page(pages[name]).text.count("起，未设期限") == len(merchant_documents)


def test_long_lists_have_pages(merchant_documents: dict[str, Document]) -> None:
    platform = summary(merchant_documents)
    platform["sanctions"] = [platform["sanctions"][0] | {"reason": f"原因{i:03d}。"} for i in range(450)]
    pages = dict(site.pages(platform, [], CONTEXT))
    lists = [pages[name].decode() for name in ("sanctions.html", "sanctions-2.html", "sanctions-3.html")]
    assert "sanctions-4.html" not in pages
    for i in range(450):
        assert [f"原因{i:03d}。" in page for page in lists].count(True) == 1
    assert all(f'href="sanctions-{n}.html"' in page for page in lists for n in (2, 3))


def test_grades_over_time_are_told_apart_without_colour(merchant_documents: dict[str, Document]) -> None:
    """By a name beside the last column, none over another, and by pattern within a colour."""
    grades = {
        "AAA": 40,
        "AA": 1,
        "A": 1,
        "BBB": 1,
        "BB": 1,
        "B": 1,
        "CCC": 1,
        "CC": 1,
        "C": 1,
        "D": 1,
        "E": 1,
        "NR": 90,
    }
    rulebook = summary(merchant_documents)["rulebooks"][0]["id"]
    history = [{"on": f"2026-{month}-24", "rulebook": rulebook, "rated": 50, "grades": grades} for month in (10, 11)]
    page = dict(site.pages(summary(merchant_documents, history=history), [], CONTEXT))["platform.html"].decode()
    chart = page[page.index("history-0-t") :].partition("</svg>")[0]
    names = re.findall(r"<text x=[\d.]+ y=([\d.]+)>([A-Z]+)</text>", chart)
    assert sorted(name for _, name in names) == sorted(grades)
    heights = sorted(float(y) for y, _ in names)
    assert all(b - a >= 10 for a, b in pairwise(heights))
    assert heights[0] > 0
    keys = re.findall(r'aria-hidden="true"><rect class="(tone-\w step-\d)"', page)
    assert len(set(keys)) == len(keys) == len(grades)
    assert [key for key in keys if key.startswith("tone-d")] == ["tone-d step-1", "tone-d step-2", "tone-d step-3"]
    for step in ("2", "3"):
        assert f"<pattern id=step-{step} " in chart
        assert f'fill="url(#step-{step})"' in chart


def test_a_group_without_figures_is_one_sentence(merchant_documents: dict[str, Document]) -> None:
    path, document = document_of(merchant_documents, "m1")

    def page(**shares: Any) -> str:
        figures = json.loads(json.dumps(document["figures"]))
        for window in figures:
            hidden = {"state": "suppressed", "value": None}
            window["reviews"]["distribution"] = dict.fromkeys("12345", hidden)
            window["complaints"]["by_outcome"] = dict.fromkeys(window["complaints"]["by_outcome"], hidden)
            missing = {"state": "missing", "value": None}
            window["complaints"]["by_channel"] = dict.fromkeys(window["complaints"]["by_channel"], missing)
        figures[-1]["reviews"]["shares"] = shares
        return Page(site.Merchants(CONTEXT).page(document | {"figures": figures}, path)).text

    few = {"state": "suppressed", "at_least": None, "below": None}
    text = page(**{"4-5": few, "1-3": few})
    assert "不足 50 条，且有星级少于 5 条" in text
    assert "处理结果How they ended 数量过少，不予公示。" in text
    assert "投诉渠道Where they were made 平台未提供此项数据。" in text
    good = {"state": "measured", "at_least": 0.9, "below": None}
    others = {"state": "measured", "at_least": 0.0, "below": 0.1}
    text = page(**{"4-5": good, "1-3": others})
    assert "4–5 星4 and 5 stars90%及以上90% or more" in text
    assert "1–3 星1 to 3 stars不足 10%under 10%" in text


@pytest.mark.parametrize(
    ("indicator", "unit", "value", "shown"),
    [
        ("dispatch_time_used", "index", 0.826, "82.6%"),
        ("violations", "weighted", 5.0, "5.00（按轻重加权）5.00 (weighted by gravity)"),
        ("violations", "weighted", 0.0, "无none"),
        ("fraud_upheld", "rank", 3.0, "有，一年以内yes, within a year"),
        ("tax_grade", "rank", 4.0, "A"),
    ],
)
def test_values_in_the_words_of_what_is_measured(indicator: str, unit: str, value: float, shown: str) -> None:
    assert Page(f"<p>{words.told(indicator, unit, value)}".encode()).text == shown


def test_moves_name_the_evaluation_they_compare_with(merchant_documents: dict[str, Document]) -> None:
    moves = {"up": 1, "down": 2, "same": 3, "other": 0, "new": 0, "withdrawn": 0, "since": "2026-11-24"}
    page = dict(site.pages(summary(merchant_documents, moves=moves, self_operated=None), [], CONTEXT))
    assert "与 2026-11-24 的评价相比" in Page(page["index.html"]).text
    assert "平台自营Self-operated未提供Not supplied" in Page(page["platform.html"]).text


def test_a_page_names_what_lifts_and_what_lowers_its_score(
    files: dict[str, bytes], merchant_documents: dict[str, Document]
) -> None:
    explained = 0
    for path, document in merchant_documents.items():
        text = Page(files[f"{path[:-5]}.html"]).text
        scored = {
            i["name"]: (i["points"], 100 * i["effective_weight"])
            for element in document["elements"]
            for i in element["indicators"]
            if i["points"] is not None and i["effective_weight"] and i.get("value") is not None
        }
        earn, lose = merchants.reasons(document)
        assert all(points >= 0.95 * full for points, full in (scored[i["name"]] for i in earn))
        assert all(points < 0.8 * full and full - points > 0.49 for points, full in (scored[i["name"]] for i in lose))
        costs = sorted((full - points for points, full in scored.values() if points < 0.8 * full), reverse=True)
        for indicator, cost in zip(lose, costs, strict=False):
            points, full = scored[indicator["name"]]
            assert full - points == pytest.approx(cost, abs=0.011)
            assert f"得 {points:.1f} / {full:.1f} 分" in text
        explained += bool(lose)
        if not earn and not lose:
            assert "为什么是这个等级" not in text
    assert explained


# --- search ------------------------------------------------------------------------------------------------------


def look_up(files: dict[str, bytes], query: str, shown: int = 30) -> list[list[Any]]:
    """As search.js does it, of one piece."""
    query = normal(query)
    texts = [query, short(query)]
    if re.fullmatch("[0-9a-z]{6,}", query):
        texts += [query[1:], query[2:]]
    return next((lines for text in texts if (lines := _piece(files, text, query, shown))), [])


def _holds(directory: list[list[str]], text: str) -> int:
    return max(sum(first <= text for first, _ in directory) - 1, 0)


def _piece(files: dict[str, bytes], query: str, asked: str, shown: int) -> list[list[Any]]:
    directory = json.loads(files[INDEX])["files"]
    place = _holds(directory, query)
    hits: dict[str, list[Any]] = {}
    codes: dict[str, str] = {}
    for read, (first, name) in enumerate(directory[place : place + 3]):
        if len(hits) > shown or (read and not first.startswith(query)):
            break
        for line in json.loads(files[f"search/{name}"]):
            if len(line) == 2:
                if asked in normal(line[0]):
                    codes[line[1]] = line[0]
                continue
            title, id_ = line[0], line[1]
            code, spelled, shop = (*line[6:], "", "", "")[:3]
            brief = short(asked)
            named = asked in normal(title) or (len(brief) > 1 and brief in short(normal(title)))
            coded = bool(code) and asked in normal(code)
            if named or coded or asked in normal(shop) or normal(id_).startswith(asked) or asked in spelled:
                hits[id_] = line
    for id_, code in [*codes.items()][:5]:
        lines = json.loads(files[f"search/{directory[_holds(directory, normal(id_))][1]}"])
        line = next(line for line in lines if len(line) > 2 and line[1] == id_)
        hits.setdefault(id_, [*line[:6], code])
    return list(hits.values())


def test_search_finds_by_any_part_of_a_name_by_code_and_id(
    files: dict[str, bytes], merchant_documents: dict[str, Document]
) -> None:
    for query in (
        "长沙",
        "恒汇",
        "汇食品有限",
        "长沙恒汇",
        "沙恒汇食品",
        "长沙市恒汇食品公司",
        "公司",
        "913301",
        "91330198ma3000926m",
        "M1",
        "ｍ１",
    ):
        assert [line[1] for line in look_up(files, query)] == ["m1"], query
    assert [line[1] for line in look_up(files, "alert(1)")] == ["bad"]
    assert [line[1] for line in look_up(files, "王*")] == ["one"]
    assert look_up(files, "小明") == []
    assert look_up(files, "没有这样的商家") == []
    for path, document in merchant_documents.items():
        (line,) = look_up(files, document["subject"]["subject_id"])
        assert line[2] in (path.split("/")[1], f"{path[:-5]}.html")
        assert line[3] == document["grade"]


YUNDA = site.SearchEntry(
    "M9", "enterprise", "义乌市云达服饰有限公司", "91330782MA2K00AB7X", "A", False, "merchants/09/M9.html"
)


@pytest.mark.parametrize(
    "query",
    [
        "义乌云达", "義烏", "義烏市雲達", "云达服饰", "雲達服飾有限公司", "yiwu", "YiWuYunDa", "yunda", "YWYD", "ydfs",
        "９１３３", "ma2k00", "K00AB7", "00ab7x", "0782MA2", "782ma2k", "M9",
    ],
)  # fmt: skip
def test_search_finds_a_name_however_it_is_typed(query: str) -> None:
    files = dict(site.search([YUNDA, *_many(500)]))
    assert "M9" in [line[1] for line in look_up(files, query)]


def test_an_id_that_many_names_end_in_still_finds_its_merchant() -> None:
    named = [
        site.SearchEntry(f"M{i:03d}", "enterprise", f"示例{i}号店88", None, "A", False, f"merchants/00/M{i:03d}.html")
        for i in range(100)
    ]
    own = site.SearchEntry("88", "enterprise", "晴川书店", None, "A", False, "merchants/01/88.html")
    files = dict(site.search([*named, own]))
    lines = [line for content in files.values() for line in json.loads(content) if isinstance(line, list)]
    assert [line[1] for line in lines].count("88") >= 1
    assert "88" in [line[1] for line in look_up(files, "88", shown=1_000)]


def test_search_finds_a_shop_by_its_own_name() -> None:
    shop = YUNDA._replace(shop="小鹿乱撞的衣橱")
    files = dict(site.search([shop, *_many(500)]))
    for query in ("小鹿", "乱撞的衣橱", "xiaolu", "xllzdyc", "亂撞", "云达"):
        assert "M9" in [line[1] for line in look_up(files, query)], query
    for query in ("衣橱", "xllzdyc"):
        (line,) = look_up(files, query)
        assert line[8] == "小鹿乱撞的衣橱", query


def test_words_of_two_characters_are_read_as_words() -> None:
    assert pinyin("重庆长乐") == ["chong", "qing", "chang", "le"]
    assert pinyin("女装A1") == ["nv", "zhuang", "A", "1"]
    assert folded("義烏雲達") == "义乌云达"


def test_search_finds_any_part_of_two_characters_and_more() -> None:
    many = _many(500)
    files = dict(site.search(many))
    chance = random.Random(1)
    for _ in range(200):
        entry = chance.choice(many)
        assert entry.name is not None
        begin = chance.randrange(0, 4)
        part = entry.name[begin : chance.randrange(begin + 2, 9)]
        lines = look_up(files, part)
        assert all(part in line[0] for line in lines)
        assert entry.subject_id in [line[1] for line in lines] or len(lines) >= 30


def _many(number: int) -> list[Any]:
    signs = "恒宏盛嘉瑞德鑫星辰宇航汇信佳华盈锦禾达泰安康诚和顺源丰润博远"
    return [
        site.SearchEntry(f"M{i:05d}", "enterprise", f"{'京沪穗深'[i % 4]}{signs[i % 29]}{signs[i // 29 % 29]}{i % 7}食品有限公司", f"91{i * 7919:016d}",
         "A", False, f"merchants/{i % 256:02x}/M{i:05d}.html")
        for i in range(number)
    ]  # fmt: skip


def test_search_stays_small_and_stable() -> None:
    many = _many(6_000)
    files = dict(site.search(many))
    assert max(map(len, files.values())) < 85_000
    assert dict(site.search(list(reversed(many)))) == files
    one_more = dict(
        site.search([*many, site.SearchEntry("N1", "enterprise", "新来", None, "A", False, "merchants/00/N1.html")])
    )
    assert sum(files.get(path) != content for path, content in one_more.items()) <= 8
    assert len(look_up(files, "食品有限公司")) > 30
    for i in (0, 77, 5_999):
        (line,) = look_up(files, many[i][3])
        assert line[1] == many[i][0]
        assert many[i][0] in [line[1] for line in look_up(files, many[i][2][:6])]


# --- addresses ---------------------------------------------------------------------------------------------------


def test_with_an_address_pages_name_it_and_a_sitemap_lists_them(merchant_documents: dict[str, Document]) -> None:
    address = "https://credit.example.com/public"
    path, document = next(iter(merchant_documents.items()))
    page = site.Merchants(CONTEXT | {"address": address}).page(document, path).decode()
    place = f"{address}/{path.removesuffix('.json')}"
    assert f'<link rel="canonical" href="{place}.html">' in page
    assert page.count(f"{place}.html") == 3, "canonical, printed, in the snippet"
    assert f'src="{place}.svg"' in unescape(page)
    bare = site.Merchants(CONTEXT).page(document, path).decode()
    assert "canonical" not in bare
    maps = dict(site.sitemap(address, ["merchants/00/a b.json", "merchants/01/c.json"]))
    assert sorted(maps) == ["sitemap-1.xml", "sitemap.xml"]
    listed = [element.text for element in ElementTree.fromstring(maps["sitemap-1.xml"]).iter() if "loc" in element.tag]
    assert f"{address}/merchants/00/a%20b.html" in listed
    assert f"{address}/index.html" in listed
    many = dict(site.sitemap(address, [f"merchants/00/{i}.json" for i in range(60_000)]))
    assert sorted(many) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap.xml"]


# --- badges ------------------------------------------------------------------------------------------------------


def test_a_badge_says_its_grade_and_nothing_else() -> None:
    meaning = {"zh": "信用<较好>", "en": "Good & well"}
    badge = site.badge("AA", meaning, CONTEXT)
    root = ElementTree.fromstring(badge)
    space = "{http://www.w3.org/2000/svg}"
    title, desc = root.find(f"{space}title"), root.find(f"{space}desc")
    assert title is not None
    assert title.text == "示例平台 信用等级 AA 信用<较好>"
    assert desc is not None
    assert "Good & well" in str(desc.text)
    assert not {element.tag for element in root.iter()} & {
        f"{space}{name}" for name in ("script", "style", "image", "a")
    }
    assert "试用" not in badge.decode()
    assert "试用" in site.badge("AA", meaning, CONTEXT | {"development": True}).decode()
    assert site.badge("NR", {"zh": "未评级", "en": "Not rated"}, CONTEXT) != badge


@pytest.mark.parametrize("development", [False, True])
def test_a_badge_marks_what_the_platform_runs_itself(development: bool) -> None:
    context, meaning = CONTEXT | {"development": development}, {"zh": "好", "en": "Good"}
    root = ElementTree.fromstring(site.badge("AA", meaning, context, self_operated=True))
    space = "{http://www.w3.org/2000/svg}"
    for part in ("title", "text[2]"):
        assert "平台自营" in str(root.findtext(f"{space}{part}"))
    assert "operated by the platform itself" in str(root.findtext(f"{space}desc"))
    assert "自营" not in site.badge("AA", meaning, context).decode()


SCALE = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C", "D")


def test_a_badge_shows_the_scale_and_what_is_in_force() -> None:
    meaning = {"zh": "信用极好", "en": "Excellent"}
    plain = site.badge("AAA", meaning, CONTEXT, scale=SCALE)
    marked = site.badge("AAA", meaning, CONTEXT, scale=SCALE, mark=MARK)
    space = "{http://www.w3.org/2000/svg}"
    for badge in (plain, marked):
        root = ElementTree.fromstring(badge)
        assert tuple(text.text for text in root.findall(f"{space}text")[3:]) == SCALE
        assert [box.get("fill-opacity") for box in root.findall(f"{space}rect")[2:]] == ["1", *[".16"] * 9]
    assert 'fill="#0f4c8a"' in plain.decode()
    assert "#0f4c8a" not in marked.decode()
    assert "暂停服务" in str(ElementTree.fromstring(marked).findtext(f"{space}text[2]"))
    assert "Service suspended; credit grade AAA" in marked.decode()


@pytest.mark.parametrize(
    ("scale", "tones"), [(SCALE, "aaabbccddd"), ("ABCDE", "abbcd"), (("gold", "silver", "bronze"), "abd"), ("PF", "ad")]
)
def test_tone_follows_the_place_in_the_scale(scale: Any, tones: str) -> None:
    assert "".join(site.tone(grade, scale) for grade in scale) == tones
    assert site.tone("NR", scale) == "n"


def test_lists_mark_what_the_platform_runs_itself(
    merchant_documents: dict[str, Document], files: dict[str, bytes]
) -> None:
    assert sum(bool(document["subject"]["self_operated"]) for document in merchant_documents.values()) == 1
    for name in ("notices.html", "sanctions.html", "records.html"):
        assert files[name].decode().count('class="tag self"') == 1, name


def test_the_assets_are_there() -> None:
    assets = dict(site.assets())
    assert {"assets/site.css", "assets/site.js", "assets/search.js", "assets/icon.svg"} == set(assets)
    assert b"innerHTML" not in assets["assets/search.js"]
    folder = Path(site.__file__).parent / "templates"
    assert not [path for path in folder.iterdir() if "|safe" in path.read_text(encoding="utf-8")]


def test_dates_may_be_dates(merchant_documents: dict[str, Document]) -> None:
    path, document = next(iter(merchant_documents.items()))
    typed = document | {"evaluated_on": date.fromisoformat(document["evaluated_on"])}
    pages = site.Merchants(CONTEXT)
    assert pages.page(typed, path) == pages.page(document, path)

"""The published site as a person meets it, in a real Chromium.

Every tab must stay free of console messages, failed requests, dialogs and requests to another host: see `Tab`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from credit.disclosure.site.search import short
from credit.disclosure.site.spelling import pinyin, simplified
from support.browser.market import HOSTILE, HOSTILE_ID, KINDS
from support.browser.tabs import DESKTOP, PHONE, Site, Tab, launched, served

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

OpenTab = Callable[..., Tab]
NARROW = {"width": 320, "height": 640}
"""What a page magnified fourfold on a desktop has (WCAG 1.4.10)."""
A4 = 688
"""What is left of the width of A4 between the report's margins, in CSS pixels."""

LANGUAGES = """() => ["zh", "en"].filter(lang =>
    [...document.querySelectorAll(`main [lang|=${lang}]`)].some(e => e.checkVisibility()))"""
FOCUS = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
    // A radio button that is drawn by its label shows its focus there.
    const drawn = [at, ...(at.labels ?? [])].map(e => getComputedStyle(e)).filter(s => s.opacity !== "0");
    return {
        tag: at.tagName, id: at.id, href: at.getAttribute("href"), text: at.innerText,
        seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && style.visibility === "visible",
        ringed: drawn.some(s => (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1) || s.boxShadow !== "none"),
    };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("browser")) as site:
        yield site


@pytest.fixture
def tab(browser: Browser, site: Site) -> Iterator[OpenTab]:
    """`tab(viewport=…, color_scheme=…, java_script_enabled=…)`: a new tab. At the end no tab may have complained."""
    opened: list[Tab] = []

    def new(**options: Any) -> Tab:
        opened.append(Tab(browser, site, **options))
        return opened[-1]

    yield new
    for opened_tab in opened:
        opened_tab.close()
    assert [complaint for opened_tab in opened for complaint in opened_tab.complaints] == []


def languages(page: Page) -> list[str]:
    """The languages in which the page's main part is seen."""
    seen: list[str] = page.evaluate(LANGUAGES)
    return seen


def choose(page: Page, lang: str) -> None:
    # Where the word stands, whatever lies over it there.
    page.locator(f"label[for=lang-{lang}]").click(force=True)
    expect(page.locator(f"#lang-{lang}")).to_be_checked()


def find(page: Page, text: str) -> None:
    page.locator("#q").fill("")
    expect(page.locator("#results a")).to_have_count(0)
    page.locator("#q").fill(text)
    expect(page.locator("#results a").first).to_be_visible()


def heading(page: Page) -> Any:
    return page.locator("h1")


def known(site: Site) -> dict[str, Any]:
    """The subject of an enterprise with a Chinese name."""
    subject: dict[str, Any] = site.documents[site.kinds["enterprise"]]["subject"]
    assert re.search(r"[\u4e00-\u9fff]{4}", subject["name"])
    return subject


def test_a_tab_notes_what_must_not_happen(browser: Browser, site: Site) -> None:
    bad = """<!doctype html><img src="http://other.example/a.png"><img src="nothing.png">
        <script>console.error("said"); setTimeout(() => { alert("box"); undefined.field })</script>"""
    watched = Tab(browser, site)
    watched.page.route("**/bad.html", lambda route: route.fulfill(body=bad, content_type="text/html"))
    watched.open("bad.html")
    watched.close()
    complaints = "\n".join(watched.complaints)
    for noted in ("other.example/a.png", "404", "console error: said", "dialog: box", "page error:", "request failed"):
        assert noted in complaints


TRADITIONAL = {plain: traditional for traditional, plain in simplified().items()}
WAYS = [
    "whole",
    "middle",
    "code",
    "beginning of the code",
    "middle of the code",
    "id",
    "pinyin",
    "initials",
    "traditional",
]


@pytest.mark.parametrize("part", WAYS)
def test_search_finds_a_merchant_and_opens_it(part: str, site: Site, tab: OpenTab) -> None:
    subject = known(site)
    name, code = subject["name"], subject["uscc"]
    asked = {
        "whole": name,
        "middle": name[2:7],
        "code": code.lower(),
        "beginning of the code": code[:14],
        "middle of the code": code[5:12],
        "id": subject["subject_id"],
        "pinyin": "".join(pinyin(short(name)))[:12],
        "initials": "".join(reading[0] for reading in pinyin(short(name)))[:5].upper(),
        "traditional": "".join(TRADITIONAL.get(letter, letter) for letter in name),
    }[part]
    page = tab().open("index.html")
    find(page, asked)
    page.locator("#results a", has_text=name).click()
    expect(heading(page)).to_have_text(name)
    expect(page.locator(".grade b")).to_have_text(site.documents[site.kinds["enterprise"]]["grade"])
    assert page.url == site.url(site.kinds["enterprise"])


def test_search_says_when_there_is_nothing(tab: OpenTab) -> None:
    page = tab().open("index.html")
    find(page, "公司")
    page.locator("#q").fill("没有这样的商家")
    expect(page.locator("#results a")).to_have_count(0)
    expect(page.get_by_text("没有找到")).to_be_visible()


def test_any_merchant_is_found_by_its_id(site: Site, tab: OpenTab) -> None:
    page = tab(viewport=DESKTOP).open("index.html")
    for path, document in list(site.documents.items())[::10]:
        find(page, document["subject"]["subject_id"])
        links = page.locator("#results a").evaluate_all("links => links.map(link => link.href)")
        assert site.url(path) in links


def test_a_natural_person_is_not_found_by_the_whole_name(site: Site) -> None:
    for path, document in site.documents.items():
        if document["subject"]["kind"] == "individual" and (name := document["subject"]["name"]):
            assert "*" in name or "＊" in name or "某" in name, f"{path} names {name}"


@pytest.mark.parametrize("way", ["click", "keyboard"])
def test_language_is_switched_and_remembered(way: str, site: Site, tab: OpenTab) -> None:
    page = tab().open("index.html")
    assert languages(page) == ["zh"]
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    if way == "click":
        choose(page, "en")
    else:
        page.locator("#lang-zh").focus()
        page.keyboard.press("ArrowRight")
    assert languages(page) == ["en"]
    assert page.locator("html").get_attribute("lang") == "en"
    page.goto(site.url(site.kinds["enterprise"]))
    assert languages(page) == ["en"]
    expect(page.locator("#lang-en")).to_be_checked()
    choose(page, "zh")
    page.go_back()
    page.reload()
    assert languages(page) == ["zh"]


def test_the_rules_link_leads_to_the_rules_that_graded(site: Site, tab: OpenTab) -> None:
    page = tab().open(site.kinds["enterprise"])
    book = site.documents[site.kinds["enterprise"]]["rulebook"]
    page.locator("a.rules-link").click()
    expect(heading(page)).to_contain_text(book["title"]["zh"])
    expect(page.locator("main")).to_contain_text(book["version"])
    expect(page.locator("main")).to_contain_text(book["hash"][:12])
    assert languages(page) == ["zh"]


def walk(page: Page, wanted: Callable[[dict[str, Any]], bool], most: int = 60) -> dict[str, Any]:
    """Tab on until the focus is where it is wanted; wherever it stops, it must be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        at: dict[str, Any] = page.evaluate(FOCUS)
        assert at["seen"], f"focus on something that is not seen: {at}"
        assert at["ringed"], f"focus is not marked: {at}"
        if wanted(at):
            return at
    raise AssertionError(f"not reached with {most} times Tab; now at {at}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_whole_journey_by_keyboard_alone(scheme: str, site: Site, tab: OpenTab) -> None:
    subject = known(site)
    page = tab(viewport=DESKTOP, color_scheme=scheme).open("index.html")
    page.keyboard.press("Tab")
    first = page.evaluate(FOCUS)
    assert (first["href"], first["seen"]) == ("#main", True)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "the skip link does not skip"
    if page.evaluate("document.activeElement.id") != "q":
        walk(page, lambda at: at["id"] == "q")
    page.keyboard.type(subject["name"])
    expect(page.locator("#results a").first).to_be_visible()
    walk(page, lambda at: at["tag"] == "A" and subject["name"] in at["text"], most=5)
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text(subject["name"])
    walk(page, lambda at: at["id"] == "lang-zh")
    page.keyboard.press("ArrowRight")
    assert languages(page) == ["en"]
    walk(page, lambda at: "rules/" in (at["href"] or ""))
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text(site.documents[site.kinds["enterprise"]]["rulebook"]["title"]["en"])
    assert languages(page) == ["en"]


@pytest.mark.parametrize("kind", KINDS)
def test_keyboard_reaches_everything_visibly(kind: str, site: Site, tab: OpenTab) -> None:
    page = tab(viewport=PHONE).open(site.kinds[kind])
    last: list[str] = page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.href)")[-1:]
    stops = 0
    while (stops := stops + 1) < 200:
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        if at["tag"] == "BODY":
            break
        assert at["seen"], f"focus on something that is not seen: {at}"
        assert at["ringed"], f"focus is not marked: {at}"
        if stops > 1 and [page.evaluate("document.activeElement.href ?? ''")] == last:
            break
    assert stops < 200


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_the_screen(kind: str, site: Site, tab: OpenTab) -> None:
    page = tab().open(site.kinds[kind])
    for lang in ("en", "zh"):
        choose(page, lang)
        for size in (DESKTOP, PHONE, NARROW):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            wide, screen = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
            assert wide <= screen, f"{size['width']} px, {lang}: {_widest(page)}"


def _widest(page: Page) -> Any:
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => `${e.tagName}.${e.getAttribute("class")} ${Math.round(e.getBoundingClientRect().right)}`).slice(0, 8)"""
    )


AXE = Axe()


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(kind: str, site: Site, tab: OpenTab) -> None:
    page = tab().open(site.kinds[kind])
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    violations = []
    for scheme, lang in (("light", "zh"), ("dark", "en")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        choose(page, lang)
        for violation in AXE.run(page, options=options).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [(node["target"], node["failureSummary"]) for node in violation["nodes"][:4]]
                violations.append(f"{scheme} {lang} {violation['id']}: {violation['help']}: {nodes}")
    assert violations == []


def test_the_report_of_an_assessment_fits_and_axe_finds_nothing(site: Site, tab: OpenTab) -> None:
    opened_tab = tab()
    opened_tab.expected.add(f"{site.origin}/favicon.ico")
    page = opened_tab.page
    page.route("**/report.html", lambda route: route.fulfill(body=site.report, content_type="text/html"))
    opened_tab.open("report.html")
    assert page.locator(".wide table").count() == 2  # carriers, late deliveries
    for width, media in ((1440, "screen"), (A4, "print"), (360, "screen")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media=media)  # type: ignore[arg-type]
        wide, screen = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert wide <= screen, f"{width} px: {_widest(page)}"
        # A table that is wider than a phone scrolls in a place of its own; paper does not scroll.
        tables = page.evaluate("[...document.querySelectorAll('.wide')].map(e => [e.scrollWidth, e.clientWidth])")
        assert width == 360 or all(inner <= outer for inner, outer in tables), f"{width} px: {tables}"
    violations = AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(v["id"], v["impact"], [node["target"] for node in v["nodes"][:4]]) for v in violations] == []


@pytest.mark.parametrize("kind", KINDS)
def test_readable_without_javascript(kind: str, site: Site, tab: OpenTab) -> None:
    page = tab(java_script_enabled=False).open(site.kinds[kind])
    main = page.locator("main#main")
    expect(heading(page)).to_be_visible()
    zh = main.inner_text()
    assert len(zh) > 20
    choose(page, "en")
    en = main.inner_text()
    assert len(en) > 20
    assert en != zh
    if kind == "index":
        assert "JavaScript" in en
        choose(page, "zh")
        assert "JavaScript" in main.inner_text()
    if kind in ("enterprise", "individual"):
        expect(page.locator(".grade b")).to_have_text(site.documents[site.kinds[kind]]["grade"])


def test_a_hostile_name_is_text(site: Site, tab: OpenTab) -> None:
    opened_tab = tab()
    page = opened_tab.open("index.html")
    for asked, path in ((HOSTILE, site.kinds["hostile"]), (HOSTILE_ID, None), ("<script>", None)):
        find(page, asked)
        expect(page.locator("#results a", has_text=HOSTILE).first).to_be_visible()
        assert path is None or site.url(path) in page.locator("#results a").evaluate_all(
            "links => links.map(a => a.href)"
        )
    find(page, HOSTILE_ID)
    page.locator("#results a").first.click()
    expect(heading(page)).to_have_text(HOSTILE)
    expect(page.locator("main")).to_contain_text(HOSTILE_ID)
    page.goto(site.url(site.kinds["hostile"]))
    expect(heading(page)).to_have_text(HOSTILE)
    assert HOSTILE in page.title()
    assert page.locator("main script").count() == 0
    data = json.loads(page.locator("script[type='application/ld+json']").text_content() or "")
    assert HOSTILE in json.dumps(data, ensure_ascii=False).replace('\\"', '"')
    for name in ("sanctions", "notices"):
        assert opened_tab.open(f"{name}.html").locator("main script").count() == 0
    expect(opened_tab.open("sanctions.html").locator("main")).to_contain_text(HOSTILE)


def test_a_badge_with_a_hostile_name_is_a_picture(site: Site, tab: OpenTab) -> None:
    opened_tab = tab()
    opened_tab.expected.add(f"{site.origin}/favicon.ico")
    page = opened_tab.open(site.kinds["hostile"].removesuffix(".html") + ".svg")
    assert page.locator("script").count() == 0


def brightness(page: Page, selector: str = "body") -> float:
    """0 black to 1 white, of the background."""
    colour: str = page.locator(selector).evaluate("e => getComputedStyle(e).backgroundColor")
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    return (red + green + blue) / 765


@pytest.mark.parametrize("kind", ["index", "enterprise", "rulebook", "404"])
def test_dark_is_dark(kind: str, site: Site, tab: OpenTab) -> None:
    page = tab(color_scheme="light").open(site.kinds[kind])
    assert brightness(page) > 0.8
    page.emulate_media(color_scheme="dark")
    assert brightness(page) < 0.25


@pytest.mark.parametrize("missing", ["x.html", "rules/x.html", "merchants/00/x.html", "a/b/c/d/x.html"])
def test_what_is_missing_has_a_page_with_style(missing: str, site: Site, tab: OpenTab) -> None:
    opened_tab = tab(color_scheme="dark")
    # Deeper or less deep than a merchant's page, only the script and the icon are not found.
    opened_tab.expected |= {site.url(missing)}
    opened_tab.expected |= {urljoin(site.url(missing), f"../../assets/{name}") for name in ("site.js", "icon.svg")}
    page = opened_tab.open(missing)
    expect(heading(page)).to_be_visible()
    assert brightness(page) < 0.25
    for lang in ("zh", "en"):
        choose(page, lang)
        assert languages(page) == [lang]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_print_keeps_the_grade_and_the_page_white(scheme: str, site: Site, tab: OpenTab) -> None:
    page = tab(viewport=DESKTOP, color_scheme=scheme).open(site.kinds["enterprise"])
    page.emulate_media(media="print")
    expect(page.locator(".grade b")).to_be_visible()
    expect(page.locator(".grade b")).to_have_text(site.documents[site.kinds["enterprise"]]["grade"])
    expect(heading(page)).to_be_visible()
    assert brightness(page) > 0.95


SHOWN = "() => [...document.querySelectorAll('.inds h4')].map(e => e.checkVisibility())"


@pytest.mark.parametrize("scripts", [True, False])
def test_rules_are_folded_by_element_and_printed_whole(scripts: bool, site: Site, tab: OpenTab) -> None:
    page = tab(java_script_enabled=scripts).open(site.kinds["rulebook"])
    assert not any(page.evaluate(SHOWN))
    page.locator("details.fold > summary").first.click()
    visible: list[bool] = page.evaluate(SHOWN)
    assert 0 < sum(visible) < len(visible)
    page.emulate_media(media="print")
    assert all(page.evaluate(SHOWN))


def test_a_link_to_an_element_of_the_rules_unfolds_it(site: Site, tab: OpenTab) -> None:
    page = tab().open(site.kinds["rulebook"])
    page.locator("table a[href='#fulfilment']").click()
    expect(page.locator("#fulfilment h4").first).to_be_visible()
    expect(page.locator("#identity h4").first).not_to_be_visible()
    other = tab().open(site.kinds["rulebook"])
    other.goto(f"{site.url(site.kinds['rulebook'])}#identity")
    other.reload()
    expect(other.locator("#identity h4").first).to_be_visible()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


@pytest.mark.parametrize("kind", KINDS)
def test_no_link_is_broken(kind: str, site: Site) -> None:
    links = _Links()
    links.feed(site.file(kind).read_text(encoding="utf-8"))
    assert len(links.found) > 8
    for link in links.found:
        address = urlsplit(urljoin(site.url(site.kinds[kind]), link))
        if address.scheme == "mailto" or (kind == "404" and link == "#main"):
            continue
        inside = address._replace(query="", fragment="").geturl().removeprefix(site.url(""))
        assert "://" not in inside, f"{link} leads out of the site"
        target = site.folder / unquote(inside)
        assert target.is_file(), f"{link} leads to nothing"
        if address.fragment and target.suffix == ".html":
            assert re.search(rf"\bid=\"?{re.escape(unquote(address.fragment))}\b", target.read_text()), (
                f"{link}: no anchor"
            )

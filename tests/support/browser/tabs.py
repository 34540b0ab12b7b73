"""A published site on a server of its own, and tabs of a real Chromium that note what must not happen in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from support.browser import chromium, market

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
BELOW = "/a/folder/"
"""Where the site lies on its server: an address from the server's root would miss it."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that can reach this machine alone. Skips, or fails where a browser is required, if there is none.

    While it runs there is an event loop in this thread: tests that start one of their own cannot run beside it.
    """
    program = chromium.find()
    if program is None:
        required = os.environ.get("MERCHANT_CREDIT_BROWSER") == "required"
        (pytest.fail if required else pytest.skip)(chromium.missing())
    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=program, args=[*chromium.ARGUMENTS, alone], env=chromium.environment(program)
        )
        yield browser
        browser.close()


class _Handler(SimpleHTTPRequestHandler):
    """Files below BELOW; 404.html for what is not there, as a web server is set up to do."""

    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix(BELOW.rstrip("/")) if path.startswith(BELOW) else "/nothing")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory) / "404.html"
        body = page.read_bytes() if code == 404 and page.is_file() else b""
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Site(market.Market):
    """The published market as a browser meets it."""

    origin: str

    def url(self, path: str) -> str:
        """Address of a file of the site."""
        return f"{self.origin}{BELOW}{market.address(path)}"


@contextmanager
def served(work: Path) -> Iterator[Site]:
    """The market published in `work`, on a server of this machine."""
    site = Site(work)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(site.folder))) as server:
        site.origin = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()


class Tab:
    """A page in a context of its own; `complaints` is all that must not happen on any page."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": PHONE, "locale": "zh-CN"} | options))
        self.context.set_default_timeout(5_000)
        self.site = site
        self.complaints: list[str] = []
        self.expected = {site.url(market.NOTHING)}
        self.page: Page = self.context.new_page()
        note = self.complaints.append
        self.page.on("console", lambda m: m.type in ("error", "warning") and self._console(m.type, m.text, m.location))
        self.page.on("pageerror", lambda error: note(f"page error: {error}"))
        self.page.on("dialog", lambda dialog: (note(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.context.on("request", lambda r: None if self._ours(r.url) else note(f"request to {r.url}"))
        self.context.on("requestfailed", lambda r: self._failed(r.url, r.failure or ""))
        self.context.on("response", lambda r: self._answered(r.status, r.url))

    def _ours(self, url: str) -> bool:
        return url in self.expected or url.startswith((self.site.origin + BELOW, "data:image/"))

    def _console(self, kind: str, text: str, location: Any) -> None:
        if location["url"] not in self.expected:
            self.complaints.append(f"console {kind}: {text} ({location['url']})")

    def _failed(self, url: str, failure: str) -> None:
        # Whoever leaves a page breaks off what it was still reading.
        if failure != "net::ERR_ABORTED":
            self.complaints.append(f"request failed: {url} {failure}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400 and url not in self.expected:
            self.complaints.append(f"{status} {url}")

    def open(self, path: str) -> Page:
        """The page of a file of the site, loaded."""
        self.page.goto(self.site.url(path))
        return self.page

    def close(self) -> None:
        # What the last step set off is heard of before the tab is gone.
        self.page.wait_for_timeout(50)
        self.context.close()

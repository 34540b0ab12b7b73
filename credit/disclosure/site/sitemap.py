"""The sitemap: every merchant's page and the pages that lead to them, for search engines (sitemaps.org)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape

from credit.disclosure.site import words

MOST: Final = 50_000
"""Addresses of one file, as the protocol allows."""
_PAGES: Final = (
    "index.html",
    "rules.html",
    "sanctions.html",
    "notices.html",
    "objections.html",
    "platform.html",
    "data.html",
)
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE: Final = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def sitemap(address: str, documents: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """(path, content) of sitemap.xml and the files it names. `address` is the site's; `documents` are the merchants' paths."""
    pages = [*_PAGES, *sorted(f"{path.removesuffix('.json')}.html" for path in documents)]
    parts = {f"sitemap-{first // MOST + 1}.xml": pages[first : first + MOST] for first in range(0, len(pages), MOST)}
    for name, part in parts.items():
        lines = "\n".join(f"<url><loc>{escape(f'{address}/{words.href(page)}')}</loc></url>" for page in part)
        yield name, f"{_HEAD}<urlset {_SPACE}>\n{lines}\n</urlset>\n".encode()
    lines = "\n".join(f"<sitemap><loc>{escape(f'{address}/{name}')}</loc></sitemap>" for name in parts)
    yield "sitemap.xml", f"{_HEAD}<sitemapindex {_SPACE}>\n{lines}\n</sitemapindex>\n".encode()

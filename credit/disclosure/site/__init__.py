"""The static site: pages people read, the search index and the badges. No page needs JavaScript but the search.

    Merchants(context).page(document, path)   the page of a merchant, from its document alone
    pages(summary, versions, context)         all other pages, from platform.json and the ledger of rulebooks
    search(entries)                           the search index
    sitemap(address, documents)               what search engines may index
    assets()                                  style sheets, scripts, pictures
    badge(grade, meaning, context, scale=…)   the SVG badge of a grade, with what is in force against the merchant

`context`: {"platform": {"zh", "en"}, "development": bool, "contact": str, "zone": str}. All of them give the same bytes for the same input.
Every text is escaped where it enters a page; pages allow no script or style but the site's own and no request elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from credit.disclosure.site.badge import badge
from credit.disclosure.site.frame import FOLDER, tone
from credit.disclosure.site.merchants import Merchants
from credit.disclosure.site.pages import pages
from credit.disclosure.site.search import SearchEntry, search
from credit.disclosure.site.sitemap import sitemap

__all__ = ["Merchants", "SearchEntry", "assets", "badge", "pages", "search", "sitemap", "tone"]


def assets() -> Iterator[tuple[str, bytes]]:
    """(path, content) of each file the pages share."""
    for path in sorted((FOLDER / "assets").iterdir()):
        yield f"assets/{path.name}", path.read_bytes()

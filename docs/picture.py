"""The picture of a merchant's page, docs/images/merchant.png, from the site that `make demo` leaves in demo-home.

python docs/picture.py    # needs a Chromium (`make browser`) and a Chinese font
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support" / "browser"))

from chromium import ARGUMENTS, find  # noqa: E402 - the folder is no package

MERCHANT = "M000002"
SITE = ROOT / "demo-home" / "published" / "current"


def main() -> None:
    """Take it, from the head of the page through the elements."""
    [page_file] = SITE.glob(f"merchants/*/{MERCHANT}.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1040, "height": 1215})
        page.goto(page_file.resolve().as_uri())
        page.screenshot(path=ROOT / "docs" / "images" / "merchant.png")
        browser.close()


if __name__ == "__main__":
    main()

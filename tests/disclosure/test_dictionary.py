"""The page about published files."""

from __future__ import annotations

from credit.disclosure import dictionary


def test_the_page_about_it_is_up_to_date() -> None:
    text = dictionary.PAGE.read_text(encoding="utf-8")
    assert text == dictionary.page(), "stale; run `python -m credit.disclosure.dictionary`"

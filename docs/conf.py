"""The documentation site: Sphinx with MyST (Markdown) and the theme Furo. `make docs-site` builds it, strictly, into docs/_build.

Nothing of it asks another host when it is read: fonts are the system's, and the search runs in the reader's browser, from a
file, too.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.search import languages
from sphinx.search.en import SearchEnglish

from credit import __version__

project = "merchant-credit 商家信用评价"
author = "the contributors"
release = __version__
language = "en"

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False  # `--option` is no dash
# Pages of indicators stand in no toctree, which each page would repeat; a test sees to it that every page can be reached.
suppress_warnings = ["toc.not_included"]

myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "friendly"


class SearchBoth(SearchEnglish):
    """English words, and Chinese by every two characters that follow each other: `投诉率` is found by 投诉 and by 诉率."""

    lang = "zh-en"
    language_name = "English"  # names the stemmer
    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/[\u4e00-\u9fff]+|[^\W_]+|_/gu) || []).flatMap((part) =>
    part.charCodeAt(0) < 0x4e00 || part.length < 3
      ? [part]
      : Array.from({ length: part.length - 1 }, (_, i) => part.slice(i, i + 2)));
"""

    def split(self, input: str) -> list[str]:
        """The terms of a text."""
        terms: list[str] = []
        for part in re.findall(r"[\u4e00-\u9fff]+|[a-zA-Z0-9]+", input):
            if part[0] < "\u4e00":
                terms.append(part)
            else:
                terms += [part] if len(part) == 1 else [part[i : i + 2] for i in range(len(part) - 1)]
        return terms

    def word_filter(self, word: str) -> bool:
        """Whether a term is indexed: Chinese of two characters is."""
        return word[0] >= "\u4e00" or super().word_filter(word)


languages["zh-en"] = SearchBoth
html_search_language = "zh-en"


def setup(app: Sphinx) -> dict[str, bool]:
    """Nothing to add: the settings above are all."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}

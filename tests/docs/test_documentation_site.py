"""The documentation site builds without a warning, asks no other host, and a broken link stops it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.written import DOCS


def build(source: Path, target: Path, *, builder: str = "html") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, source, target]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path / "site")
    assert (done.returncode, done.stderr) == (0, "")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 150
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)=\"(?:https?:)?//[^\"]*\"", text), page
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet
    index = (tmp_path / "site" / "searchindex.js").read_text(encoding="utf-8")
    assert json.dumps("投诉") in index, "Chinese is not found"


def test_broken_links_stop_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    shutil.copytree(DOCS / "_static", source / "_static")
    (source / "index.md").write_text(
        "# 首页 Home\n\n[right](there.md#标题-heading)\n[no page](gone.md)\n[no anchor](there.md#lost)\n",
        encoding="utf-8",
    )
    (source / "there.md").write_text("# 彼处 There\n\n## 标题 Heading\n", encoding="utf-8")
    done = build(source, tmp_path / "site", builder="dummy")
    assert done.returncode != 0
    complaints = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(complaints) == 2, done.stderr
    assert "'gone.md'" in done.stderr
    assert "'lost'" in done.stderr

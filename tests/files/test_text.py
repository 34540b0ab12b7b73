"""Small text files that people write: bounded, UTF-8, errors in the caller's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit.errors import InputError, UserError
from credit.files.text import MAX_BYTES, contents, decoded, printable


def test_contents_end_one_byte_past_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * MAX_BYTES)
    assert len(contents(path, "note")) == MAX_BYTES
    path.write_bytes(b"a" * 3 * MAX_BYTES)
    assert len(contents(path, "note")) == MAX_BYTES + 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^note x cannot be read: No such file or directory; give a note$"):
        contents(tmp_path / "none", "note x", "; give a note", InputError)
    with pytest.raises(UserError, match="Is a directory"):
        contents(tmp_path, "note x")


def test_text_is_utf_8_and_no_larger_than_the_limit() -> None:
    assert decoded("示例".encode(), "note x", "a note is short") == "示例"
    assert decoded(b"\xef\xbb\xbfa", "note x", "a note is short", encoding="utf-8-sig") == "a"
    assert len(decoded(b"a" * MAX_BYTES, "note x", "a note is short")) == MAX_BYTES
    with pytest.raises(UserError, match=r"^note x is larger than 1 MiB; a note is short$"):
        decoded(b"a" * (MAX_BYTES + 1), "note x", "a note is short")
    with pytest.raises(InputError, match=r"^note x is not UTF-8 \(byte 1\); save it as UTF-8$"):
        decoded("a甲".encode("gb18030"), "note x", "a note is short", InputError)


def test_a_terminal_is_told_nothing_it_would_obey() -> None:
    assert printable("店\x1b[31m\u202e\u200b\nnext 行") == "店\\u001b[31m\\u202e\\u200b\nnext 行"

"""Small text files that people write (rules, policies, mappings, applications): read whole, never more than a limit."""

from __future__ import annotations

from pathlib import Path

from credit.errors import UserError

MAX_BYTES = 1 << 20


def contents(path: Path, what: str, advice: str = "", error: type[UserError] = UserError) -> bytes:
    """The bytes of a file, one more than MAX_BYTES at most. Raises `error` where it cannot be read; `what` is what it is
    called then, `advice` what to do."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as reason:
        raise error(f"{what} cannot be read: {reason.strerror}{advice}") from None


def decoded(raw: bytes, what: str, usual_size: str, error: type[UserError] = UserError, encoding: str = "utf-8") -> str:
    """The text of a file. Raises `error` where it is larger than MAX_BYTES (saying its `usual_size`), or not UTF-8."""
    if len(raw) > MAX_BYTES:
        raise error(f"{what} is larger than {MAX_BYTES >> 20} MiB; {usual_size}")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as reason:
        raise error(f"{what} is not UTF-8 (byte {reason.start}); save it as UTF-8") from None


def printable(text: str) -> str:
    """Harmless to a terminal: what is not seen, or would move or turn what is, by its number. Line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)

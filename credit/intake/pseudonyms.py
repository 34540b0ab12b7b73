"""Consumers' ids replaced by keyed pseudonyms."""

from __future__ import annotations

import hashlib
import secrets

import duckdb

from credit.errors import UserError
from credit.settings import Settings
from credit.warehouse.connection import info, scalar

_FINGERPRINT = "pseudonym_key"

# --- pseudonyms --------------------------------------------------------------------------------------------------


def pseudonym_key(settings: Settings) -> bytes:
    """The home's 256-bit key of consumers' pseudonyms, made once. Raises UserError when it is gone or unreadable."""
    path = settings.key_file
    try:
        key = bytes.fromhex(path.read_text().strip())
        if path.stat().st_mode & 0o077:
            raise UserError(
                f"{path} may be read by others of this machine, who can then tell consumers by their pseudonyms: chmod 600 {path}"
            )
        if len(key) == 32:
            return key
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        partial = path.with_suffix(".new")
        partial.touch(mode=0o600)
        partial.write_text(key.hex() + "\n")
        partial.replace(path)
        return key
    except (OSError, ValueError):
        pass
    raise UserError(f"{path} is not a pseudonym key; expected 64 hexadecimal digits. Restore it from your backup.")


def keep_fingerprint(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Remember which key pseudonyms are made with, so that another one is refused."""
    con.execute(
        "INSERT INTO meta.info VALUES (?, ?) ON CONFLICT DO NOTHING",
        [_FINGERPRINT, _fingerprint(pseudonym_key(settings))],
    )


def fingerprints(con: duckdb.DuckDBPyConnection, settings: Settings) -> tuple[str, str | None]:
    """(of the key of the home, of the key that pseudonyms here were made with: None where there are none yet)."""
    return _fingerprint(pseudonym_key(settings)), info(con, _FINGERPRINT)


def _fingerprint(key: bytes) -> str:
    """Tells keys apart; nothing of the key can be had from it, which is 256 random bits."""
    return hashlib.sha256(b"merchant-credit pseudonym key" + key).hexdigest()[:16]


def pseudonym_macro(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """`pseudonym(text)`: HMAC-SHA-256 (RFC 2104) under the home's key, the first 128 bits as hexadecimal digits."""
    if not settings.key_file.exists() and scalar(con, "SELECT count(*) FROM meta.batches"):
        raise UserError(
            f"{settings.key_file} is gone; without it consumers' pseudonyms would not match those already stored. "
            "Restore it from your backup."
        )
    key = pseudonym_key(settings)
    kept = info(con, _FINGERPRINT)
    if kept is not None and kept != _fingerprint(key):
        raise UserError(
            f"{settings.key_file} is another key than the one consumers' pseudonyms here were made with: the same consumer would "
            "count as two. Restore it from your backup."
        )
    key = key.ljust(64, b"\0")
    con.execute("SET VARIABLE inner_pad = ?", [bytes(b ^ 0x36 for b in key)])
    con.execute("SET VARIABLE outer_pad = ?", [bytes(b ^ 0x5C for b in key)])
    con.execute(
        """CREATE OR REPLACE TEMP MACRO pseudonym(t) AS CASE WHEN t IS NOT NULL THEN left(sha256(
               getvariable('outer_pad') || unhex(sha256(getvariable('inner_pad') || encode(t)))), 32) END"""
    )
